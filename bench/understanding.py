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
    right, counts, others, acted, strict, wrong = {}, {}, 0, 0, 0, []
    done = 0
    with Server("scripted:", "local:all-MiniLM-L6-v2") as server:
        server.wait_embeddings()
        for text, intent in data["val"] + data["oos_val"]:
            acts = readings(server.client, text)
            if intent in RELEVANT:
                kinds = [act["kind"] for act in acts if act["sure"] != "talk"]
                done += any(act["sure"] == "do" and act["kind"].startswith(RELEVANT[intent]) for act in acts)
                counts[intent] = counts.get(intent, 0) + 1
                right[intent] = right.get(intent, 0) + any(kind.startswith(RELEVANT[intent]) for kind in kinds)
            elif intent not in APART:
                others += 1
                led = [kind for kind in does(acts) if kind not in LOOKED_UP]
                acted += bool(led)
                strict += any(act["sure"] != "talk" and act["kind"] not in TALK for act in acts)
                wrong += [(intent, text, led)] if led else []
        f1, of = home_slots(server.client, folder / "home.jsonl") if (folder / "home.jsonl").exists() else (0, 0)
    total, hit = sum(counts.values()), sum(right.values())
    for intent, text, led in wrong if os.environ.get("NLU_SHOW") else []:
        print(f"  {intent}: {text!r} -> {led}")
    print("  " + ", ".join(f"{intent} {right[intent]}/{counts[intent]}" for intent in counts))
    out.add("understanding", "CLINC150 validation, right kind", round(hit / total, 3), "share", (">=", 0.92), of=total)
    out.add("understanding", "CLINC150 validation, right kind and sure enough to be done", round(done / total, 3), "share", of=total)
    out.add("understanding", "CLINC150 validation, others that lead to an act or a question", round(strict / others, 4), "share", of=others)
    out.add("understanding", "home, held-out fifth, slots F1", round(f1, 3), "F1", (">=", 0.85), of=of)
    out.add("understanding", "CLINC150 validation, others that lead to an act", round(acted / others, 4), "share", ("<=", 0.005), of=others)


# Slots of home.jsonl: its names and ways to cut are others'. Compared are the words that carry something: "on friday at four pm" is
# their date "friday" and their time "four pm"; "dinner with Ana" is one of ours and two of theirs.
THEIRS = {"date": "when", "time": "when", "timeofday": "when", "general_frequency": "when", "list_name": "list", "event_name": "what",
          "meal_type": "what", "person": "what", "relation": "what"}  # fmt: skip
OURS = {"when": "when", "list": "list", "title": "what", "task": "what", "name": "what", "person": "what"}
EMPTY = set("a an the my our your this at on in for of by to from and me with is be set about s list lists".split())


def compared(pairs):
    """One value for each of when, what and list: its words, in any order."""
    found = {}
    for name, text in pairs:
        words = text.lower().replace("'s", " ").replace("'", "").replace(",", " ").split()
        found.setdefault(name, set()).update(word.strip(".?!\"") for word in words)
    return {(name, " ".join(sorted(words - EMPTY))) for name, words in found.items() if words - EMPTY}


def home_slots(client, path):
    hit = said = there = 0
    apart = {}
    for number, line in enumerate(path.read_text().splitlines()):
        row = json.loads(line)
        if number % 5 != 4 or not row["intent"].startswith(("alarm_", "calendar_", "lists_")):
            continue
        acts = readings(client, row["text"])
        ours = compared((OURS[s["slot"]], s["text"]) for act in acts for s in act["slots"] if s["slot"] in OURS)
        theirs = compared((THEIRS[name], row["text"][a:b]) for a, b, name, _ in row["slots"] if name in THEIRS)
        hit, said, there = hit + len(ours & theirs), said + len(ours), there + len(theirs)
        if os.environ.get("NLU_SHOW") and ours != theirs:
            print(f"  {row['text']!r}: ours {sorted(ours - theirs)}, theirs {sorted(theirs - ours)} {[act['kind'] for act in acts]}")
        for name in ("when", "what", "list"):
            counts = apart.setdefault(name, [0, 0, 0])
            a, b = {x for x in ours if x[0] == name}, {x for x in theirs if x[0] == name}
            counts[0], counts[1], counts[2] = counts[0] + len(a & b), counts[1] + len(a), counts[2] + len(b)
    print("  " + ", ".join(f"{n} F1 {2 * c[0] / max(1, c[1] + c[2]):.3f} of {c[2]}" for n, c in apart.items()))
    return 2 * hit / max(1, said + there), there
