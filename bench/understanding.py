"""How what others said is read: CLINC150 and NLU-Evaluation-Data from outside the tree (NLU_DATA names the folder). Trained on our
own sentences alone. Right kind means a kind of those listed for the intent; an act is a reading that is sure enough to be done."""

import json
import os
from pathlib import Path

from server import Server

RELEVANT = {
    "reminder": ("reminder.ask", "list.ask", "note.ask"), "reminder_update": ("reminder.set", "reminder."), "timer": ("timer.",),
    "alarm": ("alarm.",), "todo_list": ("list.ask",), "todo_list_update": ("list.",), "shopping_list": ("list.ask",),
    "shopping_list_update": ("list.",), "calendar": ("event.ask", "reminder.ask"), "calendar_update": ("event.",),
    "change_user_name": ("name.set",), "user_name": ("name.ask", "fact.ask"),
}  # fmt: skip
APART = ("schedule_meeting", "meeting_schedule", "change_ai_name")
LOOKED_UP = ("name.ask", "fact.ask", "note.ask", "conversation.search", "persona.ask", "pack.ask")  # answered in the talk
TALK = ("none", "statement", "cannot", "yes", "no", "later", "repeat", "stop", "help")


def readings(client, text):
    reply = client.post("/v1/understanding/explain", {"text": text})
    return [act for sentence in reply["sentences"] for act in sentence["acts"]]


def does(acts):
    return [act["kind"] for act in acts if act["sure"] == "do" and act["kind"] not in TALK]


def understanding(out):
    folder = Path(os.environ.get("NLU_DATA", ""))
    if not (folder / "clinc150.json").exists():
        print("  NLU_DATA names no folder with clinc150.json: others' sentences are not read")
        return
    data = json.loads((folder / "clinc150.json").read_text())
    right, counts, others, acted, wrong = {}, {}, 0, 0, []
    with Server("scripted:", "local:all-MiniLM-L6-v2") as server:
        server.wait_embeddings()
        for text, intent in data["val"] + data["oos_val"]:
            acts = readings(server.client, text)
            if intent in RELEVANT:
                kinds = [act["kind"] for act in acts if act["sure"] != "talk"]
                counts[intent] = counts.get(intent, 0) + 1
                right[intent] = right.get(intent, 0) + any(kind.startswith(RELEVANT[intent]) for kind in kinds)
            elif intent not in APART:
                others += 1
                led = [kind for kind in does(acts) if kind not in LOOKED_UP]
                acted += bool(led)
                wrong += [(intent, text, led)] if led else []
    total, hit = sum(counts.values()), sum(right.values())
    for intent, text, led in wrong if os.environ.get("NLU_SHOW") else []:
        print(f"  {intent}: {text!r} -> {led}")
    print("  " + ", ".join(f"{intent} {right[intent]}/{counts[intent]}" for intent in counts))
    out.add("understanding", "CLINC150 validation, right kind", round(hit / total, 3), "share", (">=", 0.92), of=total)
    out.add("understanding", "CLINC150 validation, others that lead to an act", round(acted / others, 4), "share", ("<=", 0.005), of=others)
