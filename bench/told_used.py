"""A fact told in one conversation is used in another: all cases of tests/data/told_used.jsonl on the default model."""

import json

from server import ROOT, Server

MODEL, EMBEDDINGS = "local:qwen2.5-coder-1.5b-instruct", "local:all-MiniLM-L6-v2"


def holds(answer, case):
    said = answer.lower()
    expected = all(any(word in said for word in words.split("|")) for words in case["expect"])
    return expected and not any(word in said for word in case.get("reject", []))


def told_used(out):
    """All is told first, each in a conversation of its own; so every question has all the facts to choose from."""
    lines = (ROOT / "tests" / "data" / "told_used.jsonl").read_text().splitlines()
    cases = [json.loads(line) for line in lines if line]
    with Server(MODEL, EMBEDDINGS) as server:
        server.wait_embeddings()

        def chat(message, **more):
            body = {"messages": [{"role": "user", "content": message}], "temperature": 0, **more}
            return server.client.post("/v1/chat", body)

        for case in cases:
            case["learned"] = [r["fact"] for r in chat(case["told"], max_length=4, learn="wait")["remembered"]]
        right = recalled = 0
        for case in cases:
            reply = chat(case["asked"], max_length=60, learn="off")
            facts = [fact["fact"] for fact in reply["context"]["facts"]]
            known = bool(set(facts) & set(case["learned"]))
            good = holds(reply["response"], case)
            right += good
            recalled += known
            if not good or not known:
                print(f"  {case['asked']!r} -> {reply['response']!r}; learned {case['learned']}, recalled {facts}")
    out.add("told-used", "told in one conversation, recalled in another", recalled, "cases", (">=", len(cases)), cases=len(cases))
    out.add("told-used", "told in one conversation, used in another", right, "cases", (">=", len(cases)), cases=len(cases))
