"""Who Nima is: contract section 6."""

import time

import pytest

STORES = ("sqlite", "json", "postgres")


def eventually(check, timeout=60):
    until = time.monotonic() + timeout
    while True:
        got = check()
        if got or time.monotonic() > until:
            return got
        time.sleep(0.05)


def test_the_persona_and_its_prompt(api):
    shown = api.get("/v1/personality", expect=200).json()
    assert shown["persona"]["id"] == "zen_engineer" and shown["persona"]["name"] == "Nima"
    assert shown["persona"]["values"][0]["name"] == "simplicity" and shown["persona"]["values"][0]["description"]
    assert shown["system_prompt"].startswith("You are Nima, a Zen engineer AI assistant.")
    assert shown["tokens_counted"] and 0 < shown["tokens"] <= shown["tokens_max"] and shown["dropped"] == []
    assert shown["personas"] == ["zen_engineer", "companion", "neutral", "tutor"] and shown["problem"] is None
    assert api.get("/v1/personality", expect=200).json() == shown
    seen = api.chat("[[system]]", use_memory=False).json()["response"]
    assert shown["system_prompt"] in seen


def test_another_persona_by_name(api):
    shown = api.get("/v1/personality?persona=tutor", expect=200).json()
    assert shown["persona"]["id"] == "tutor" and "patient tutor" in shown["system_prompt"]
    refused = api.get("/v1/personality?persona=nobody", expect=422)
    assert refused.error["field"] == "persona" and "zen_engineer, companion, neutral, tutor" in refused.error["message"]


def test_a_conversation_keeps_its_persona(api):
    first = api.chat("[[system]]", persona="Tutor").json()
    assert "patient tutor" in first["response"]
    conversation = first["conversation_id"]
    assert "patient tutor" in api.chat("[[system]]", conversation_id=conversation).json()["response"]
    api.patch(f"/v1/conversations/{conversation}", {"metadata": {"persona": "tutor", "mine": [1]}}, expect=200)
    assert "patient tutor" in api.chat("[[system]]", conversation_id=conversation).json()["response"]
    now = api.chat("[[system]]", conversation_id=conversation, persona="neutral").json()["response"]
    assert "helpful assistant" in now and "tutor" not in now
    assert "helpful assistant" in api.chat("[[system]]", conversation_id=conversation).json()["response"]
    kept = api.get(f"/v1/conversations/{conversation}", expect=200).json()["metadata"]
    assert kept == {"persona": "neutral", "mine": [1]}
    assert "Zen engineer" in api.chat("[[system]]").json()["response"]


def test_an_unknown_persona_is_refused_and_nothing_stored(api):
    body = {"messages": [{"role": "user", "content": "hello"}], "persona": "nobody"}
    before = len(api.get("/v1/conversations", expect=200).json())
    for path in ("/v1/chat", "/v1/chat/stream"):
        refused = api.post(path, body, expect=422)
        assert refused.error["field"] == "persona" and "tutor" in refused.error["message"]
    assert len(api.get("/v1/conversations", expect=200).json()) == before


@pytest.fixture
def own(start_server, tmp_path):
    """A server with a persona file of its own, that file, and the folder beside it."""
    from client import Client

    file, folder = tmp_path / "personality.yaml", tmp_path / "personas"
    folder.mkdir()
    file.write_text("personality:\n  voice: own\n  system_prompt: I am the first.\n")
    env = {"NIMA_PERSONALITY": file, "NIMA_PERSONALITY_FOLDER": folder}
    return Client(start_server(env=env)), file, folder


def test_a_changed_file_is_read_without_a_restart_and_a_broken_one_is_told(own):
    api, file, folder = own

    def prompt():
        return api.get("/v1/personality", expect=200).json()["system_prompt"]

    assert prompt() == "I am the first."
    file.write_text("personality:\n  voice: own\n  system_prompt: I am the second.\n")
    assert eventually(lambda: prompt() == "I am the second.")
    assert api.get("/health", expect=200).json()["personality_problem"] is None
    file.write_text("personality:\n  voice: own\n  tone: [\n")
    assert eventually(lambda: api.get("/health", expect=200).json()["personality_problem"])
    health = api.get("/health", expect=200).json()
    assert health["status"] == "degraded" and f"{file}:4:1" in health["personality_problem"]
    assert prompt() == "I am the second."
    assert str(file) in api.get("/v1/personality", expect=200).json()["problem"]
    file.write_text("personality:\n  voice: own\n  tone: {a: b}\n  system_prompt: x\n")
    assert eventually(lambda: "personality.tone" in api.get("/health").json()["personality_problem"])
    (folder / "more.yaml").write_text("personality: {system_prompt: I am one more.}\n")
    file.write_text("personality:\n  voice: own\n  system_prompt: I am the third.\n")
    assert eventually(lambda: prompt() == "I am the third.")
    assert "one more" in api.chat("[[system]]", persona="more").json()["response"]
    assert api.get("/health", expect=200).json()["status"] == "healthy"


CHATTY = "Sure! Here is the code: `x = 5!` It is super easy! I hope this helps!"
PLAIN = "Here is the code: `x = 5!` It is very easy."


def test_check_tells_what_the_rules_make_of_a_text(api):
    got = api.post("/v1/personality/check", {"text": CHATTY}, expect=200).json()
    assert got["text"] == PLAIN and got["persona"] == "zen_engineer"
    changed = [(change["rule"], change["before"], change["after"]) for change in got["changes"]]
    assert changed == [("filler", "Sure!", ""), ("superlative", "super easy", "very easy"),
                       ("exclamation", "easy!", "easy."), ("closing", "I hope this helps!", "")]  # fmt: skip
    again = api.post("/v1/personality/check", {"text": PLAIN}, expect=200).json()
    assert again["text"] == PLAIN and again["changes"] == [] and again["rules"] == 1
    assert 0 <= got["score"] < again["score"] <= 1 and "closeness" in again
    assert api.post("/v1/personality/check", {"text": "", "persona": "neutral"}, expect=200).json()["score"] == 1
    assert api.post("/v1/personality/check", {"text": "x", "persona": "no"}, expect=422).error["field"] == "persona"
    assert api.post("/v1/personality/check", {}, expect=422).error["field"] == "text"
    assert api.post("/v1/personality/check", {"text": "x" * 64001}, expect=422).error["field"] == "text"


def test_the_rules_work_on_a_reply_and_what_is_stored_is_what_was_sent(api):
    question = f"[[reply:{CHATTY}]]"
    whole = api.chat(question).json()
    assert whole["response"] == PLAIN
    rules = whole["context"]["personality"]
    assert rules["persona"] == "zen_engineer" and rules["changes"] == 4 and 0 < rules["score"] < 1
    frames = api.stream(question).frames
    assert "".join(frame["content"] for frame in frames) == PLAIN
    assert frames[-1]["context"]["personality"] == rules
    for conversation in (whole["conversation_id"], frames[-1]["conversation_id"]):
        messages = api.get(f"/v1/conversations/{conversation}", expect=200).json()["messages"]
        assert [message["content"] for message in messages] == [question, PLAIN]
    metrics = api.get("/metrics", expect=200).text
    assert 'nima_personality_score_bucket{le="+Inf"}' in metrics and "nima_personality_changes_total" in metrics


def test_openai_replies_go_through_the_rules_and_json_does_not(api):
    body = {"messages": [{"role": "user", "content": f"[[reply:{CHATTY}]]"}]}
    reply = api.post("/v1/chat/completions", body, expect=200).json()
    assert reply["choices"][0]["message"]["content"] == PLAIN
    body["response_format"] = {"type": "json_object"}
    reply = api.post("/v1/chat/completions", body, expect=200).json()
    assert "personality" not in reply["nima"]["context"]
    alone = api.post("/v1/inference", {"prompt": f"[[reply:{CHATTY}]]"}, expect=200).json()
    assert alone["response"] == CHATTY


def test_the_rules_can_be_switched_off(start_server):
    from client import Client

    api = Client(start_server(env={"NIMA_PERSONALITY_RULES": "false"}))
    reply = api.chat(f"[[reply:{CHATTY}]]").json()
    assert reply["response"] == CHATTY and "personality" not in reply["context"]


def test_an_error_in_mid_stream_leaves_what_was_sent(api):
    frames = api.stream("[[reply:Well! This is so far and no]] [[fail-after:4]]").frames
    assert "error" in frames[-1]
    sent = "".join(frame.get("content", "") for frame in frames)
    latest = api.get("/v1/conversations?limit=1", expect=200).json()[0]
    messages = api.get(f"/v1/conversations/{latest['conversation_id' if 'conversation_id' in latest else 'id']}").json()
    assert messages["messages"][-1]["content"] == sent == "Well. This is so"
