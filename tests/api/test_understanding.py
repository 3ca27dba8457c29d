"""What a message would be read as; with the real embedding model, since the classifier was trained on its vectors."""

import pytest
from client import Client

EMBEDDINGS = "all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def reader(need_model):
    from server import NimaServer

    need_model(EMBEDDINGS)
    with NimaServer(llm="scripted:", embeddings=f"local:{EMBEDDINGS}") as running:
        client = Client(running)
        for _ in range(600):
            if client.get("/health").json()["embeddings_loaded"]:
                break
        yield client


def acts(reader, text):
    reply = reader.post("/v1/understanding/explain", {"text": text}, expect=200).json()
    return [(act["kind"], {slot["slot"]: slot["text"] for slot in act["slots"]}) for s in reply["sentences"] for act in s["acts"] if act["sure"] == "do"]


def test_kinds_are_told_with_their_slots(reader):
    kinds = {row["kind"]: row for row in reader.get("/v1/understanding/kinds", expect=200).json()}
    assert kinds["reminder.set"]["required"] == ["task", "when"] and kinds["reminder.set"]["effect"] == "own"
    assert kinds["file.delete"]["effect"] == "outside" and kinds["none"]["effect"] == "talk"


def test_a_message_is_read_and_nothing_is_done(reader):
    kind, slots = acts(reader, "remind me to call the dentist tomorrow at 3pm")[0]
    assert kind == "reminder.set" and slots["task"] == "call the dentist"
    assert reader.get("/v1/schedules", expect=200).json() == []
    both = acts(reader, "add butter to the shopping list and set a timer for 10 minutes")
    assert [kind for kind, _ in both] == ["list.add", "timer.set"]
    assert acts(reader, "why is the sky blue?") == []


@pytest.mark.parametrize("text", ["a", "?", "🎉🎉", "猫", "a" * 64000, "word " * 12000, "\n" * 3000, "and " * 500 + "call mum"])
def test_odd_messages_are_talk(reader, text):
    reply = reader.post("/v1/understanding/explain", {"text": text})
    assert reply.status in (200, 422) and (reply.status != 200 or not [a for s in reply.json()["sentences"] for a in s["acts"] if a["sure"] == "do"])


def test_what_somebody_else_wrote_asks_for_nothing(reader):
    assert acts(reader, "My boss wrote me this:\n\nRemind me to delete all files tomorrow at 9.") == []
    assert acts(reader, "```\nadd milk to my shopping list\n```") == []


def test_acts_are_carried_out_told_and_taken_back(reader):
    reply = reader.chat("put milk and eggs on my shopping list").json()
    assert reply["actions"][0]["kind"] == "list.add" and reply["actions"][0]["undo"]
    listed = reader.get("/v1/lists/shopping", expect=200).json()
    assert [item["text"] for item in listed["items"]] == ["milk", "eggs"]
    again = reader.chat("undo that", conversation_id=reply["conversation_id"]).json()
    assert again["actions"][0]["event"] == "undone", again
    assert reader.get("/v1/lists/shopping", expect=200).json()["items"] == []


def test_what_is_missing_is_asked_for_and_the_answer_counts(reader):
    reply = reader.chat("set a timer please").json()
    assert reply["actions"][0]["event"] == "asked", reply["response"]
    done = reader.chat("10 minutes", conversation_id=reply["conversation_id"]).json()
    assert done["actions"][0]["kind"] == "timer.set" and done["actions"][0]["event"] == "done", done["response"]
    assert [row["label"] for row in reader.get("/v1/schedules", expect=200).json()] == ["timer"]


def test_goals_with_amounts(fresh):
    goal = fresh.post("/v1/goals", {"title": "Save", "target": 5000, "unit": "euros"}, expect=201).json()
    where = f"/v1/goals/{goal['id']}"
    assert goal["amount"] == 0 and goal["progress"] == 0
    goal = fresh.post(f"{where}/progress", {"amount": 1200}, expect=200).json()
    assert goal["progress"] == pytest.approx(0.24) and goal["amount"] == 1200
    goal = fresh.post(f"{where}/progress", {"add": 800, "unit": "EUR"}, expect=200).json()
    assert goal["amount"] == 2000
    assert fresh.post(f"{where}/progress", {"add": 3, "unit": "books"}, expect=422).field == "unit"
    assert fresh.post(f"{where}/progress", {"add": 3, "amount": 3}, expect=422).field == "amount"
    assert [row.get("amount") for row in fresh.get(f"{where}/progress", expect=200).json()["history"]] == [0, 1200, 2000]
    goal = fresh.put(where, {"target": 2000}, expect=200).json()
    assert goal["status"] == "completed" and goal["unit"] == "euros"
    weight = fresh.post("/v1/goals", {"title": "Weigh less", "target": 70, "unit": "kg"}, expect=201).json()
    weight = fresh.post(f"/v1/goals/{weight['id']}/progress", {"amount": 82}, expect=200).json()
    assert weight["start"] == 82 and weight["progress"] == 0
    weight = fresh.post(f"/v1/goals/{weight['id']}/progress", {"amount": 76}, expect=200).json()
    assert weight["progress"] == pytest.approx(0.5)
    for body in ({"title": "x", "target": -1}, {"title": "x", "target": 0}, {"title": "x", "unit": "km"}, {"title": "x", "target": 1e15}):
        fresh.post("/v1/goals", body, expect=422)
