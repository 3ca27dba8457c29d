"""Goals in a conversation, by rules: set, advanced, asked about, taken back, and in the prompt."""

import time
from datetime import datetime, timedelta, timezone

STORES = ("sqlite", "json", "postgres")
GOALS = "/v1/goals"
WAIT_S = 60


def said(api, message, talk=None):
    body = api.chat(message, **({"conversation_id": talk} if talk else {})).json()
    return body, body["conversation_id"]


def events(body):
    return [(a["type"], a["event"]) for a in body["actions"]]


def test_goals_live_in_chat(fresh):
    fresh.put("/v1/memory/profile", {"name": "Ana", "preferences": {"time_zone": "Europe/Berlin"}, "context": {}}, expect=200)
    body, talk = said(fresh, "My goal is to write the thesis by 2099-05-01")
    (goal,) = fresh.get(GOALS).json()
    assert goal["title"] == "Write the thesis" and goal["deadline"] == "2099-05-01T21:59:59.000Z"
    assert events(body) == [("goal", "created")] and body["actions"][0]["goal"]["id"] == goal["id"]
    assert "due 1 May 2099" in body["response"] and body["context"]["facts"] == []
    for step in ("Chapter 1", "Chapter 2"):
        assert events(said(fresh, f'add a milestone "{step}" to the thesis', talk)[0]) == [("goal", "edited")]
    body, _ = said(fresh, "I finished chapter 1", talk)
    assert events(body) == [("goal", "milestone")] and "50 %" in body["response"]
    kept = fresh.get(f"/v1/conversations/{talk}").json()["messages"][-1]
    assert kept["metadata"]["actions"] == body["actions"]
    assert "1 of 2 milestones" in said(fresh, "how is the thesis going?", talk)[0]["response"]
    assert "Write the thesis: 50 %" in said(fresh, "how am I doing?", talk)[0]["response"]
    assert events(said(fresh, "pause the thesis", talk)[0]) == [("goal", "paused")]
    assert fresh.get(f"{GOALS}/{goal['id']}").json()["status"] == "paused"
    assert events(said(fresh, "resume the thesis", talk)[0]) == [("goal", "resumed")]
    assert events(said(fresh, "the thesis is at 80 %", talk)[0]) == [("goal", "progress")]
    assert events(said(fresh, "the thesis is done", talk)[0]) == [("goal", "completed")]
    now = fresh.get(f"{GOALS}/{goal['id']}").json()
    assert now["status"] == "completed" and now["progress"] == 1


def test_a_change_is_taken_back_once(fresh):
    goal = fresh.post(GOALS, {"title": "Learn the cello", "milestones": ["Scales", "A song"]}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    fresh.post(f"{where}/progress", {"milestone_id": goal["milestones"][0]["id"], "note": "by heart"}, expect=200)
    before, history = fresh.get(where).json(), fresh.get(f"{where}/progress").json()["history"]
    body, talk = said(fresh, "drop the cello")
    assert events(body) == [("goal", "deleted")]
    fresh.get(where, expect=404)
    body, _ = said(fresh, "undo that", talk)
    assert events(body) == [("goal", "undone")]
    assert fresh.get(where).json() == before and fresh.get(f"{where}/progress").json()["history"] == history
    assert said(fresh, "undo that [[reply:hm]]", talk)[0]["actions"] == []
    body, _ = said(fresh, "tick off a song", talk)
    assert fresh.get(where).json()["status"] == "completed"
    fresh.put(where, {"description": "with Marta"}, expect=200)
    body, _ = said(fresh, "undo that", talk)
    assert body["actions"] == [] and body["response"].startswith("I took nothing back")


def test_goals_that_bear_on_a_message_are_in_its_context(fresh):
    run = fresh.post(GOALS, {"title": "Run a half marathon", "milestones": ["Run 10 km"]}, expect=201).json()
    fresh.post(GOALS, {"title": "Learn the cello"}, expect=201)
    body = fresh.chat("What do I eat before a marathon? [[recall]]").json()
    assert body["context"]["goals"] == [run["id"]] and "Run a half marathon: 0 %" in body["response"]
    where = f"/v1/conversations/{body['conversation_id']}/messages/{body['message_id']}/context"
    sections = {s["name"]: s for s in fresh.get(where, expect=200).json()["sections"]}
    assert [i["id"] for i in sections["goals"]["items"]] == [run["id"]]
    assert fresh.chat("Where do penguins live? [[reply:South]]").json()["context"]["goals"] == []
    assert fresh.chat("What do I eat before a marathon?", use_memory=False).json()["context"]["goals"] == []


def test_a_goal_leaves_one_fact(fresh):
    goal = fresh.post(GOALS, {"title": "Learn Dutch", "milestones": ["A1", "A2"]}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    (fact,) = fresh.get("/v1/memory/facts").json()
    assert fact["fact"] == 'The user has the goal "Learn Dutch", 0 % done' and fact["category"] == "goal"
    assert fact["source"] == "inferred" and fact["metadata"] == {"goal_id": goal["id"]}
    fresh.post(f"{where}/progress", {"milestone_id": goal["milestones"][0]["id"]}, expect=200)
    fresh.put(where, {"title": "Learn Flemish"}, expect=200)
    (now,) = fresh.get("/v1/memory/facts").json()
    assert now["id"] == fact["id"] and now["fact"] == 'The user has the goal "Learn Flemish", 50 % done'
    assert fresh.chat("[[recall]] What about my Flemish?").json()["response"].count("Learn Flemish") == 1, "told once"
    assert fresh.get(f"{where}/suggestions").json()[-1]["evidence"] != [fact["id"]], "a goal is no hint on itself"
    fresh.put(where, {"status": "completed"}, expect=200)
    (now,) = fresh.get("/v1/memory/facts").json()
    assert now["fact"].startswith('The user reached the goal "Learn Flemish" on 20')
    fresh.delete(where, expect=204)
    assert fresh.get("/v1/memory/facts").json() == []


def raised(api):
    """What stands in the conversation for reminders."""
    for talk in api.get("/v1/conversations").json():
        if talk["title"] == "Reminders":
            return api.get(f"/v1/conversations/{talk['id']}").json()["messages"]
    return []


def test_what_is_overdue_is_raised_once(fresh):
    before = (datetime.now(timezone.utc) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    goal = fresh.post(GOALS, {"title": "Renew the passport", "deadline": before}, expect=201).json()
    until = time.monotonic() + WAIT_S
    while not (messages := raised(fresh)) and time.monotonic() < until:
        time.sleep(0.05)
    (message,) = messages
    assert message["content"].startswith('Your goal "Renew the passport" was due ') and message["role"] == "assistant"
    assert message["metadata"]["goal_alert"] == {"goal_id": goal["id"], "state": "overdue"}
    where = f"{GOALS}/{goal['id']}"
    fresh.post(f"{where}/progress", {"progress": 0.2}, expect=200)  # has it looked at again
    fresh.server.stop()
    fresh.server.start().wait_ready()
    second = fresh.post(GOALS, {"title": "Renew the licence", "deadline": before}, expect=201).json()
    while len(messages := raised(fresh)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert [m["metadata"]["goal_alert"]["goal_id"] for m in messages] == [goal["id"], second["id"]]
    kinds = [row["kind"] for row in fresh.get(f"{where}/progress").json()["history"]]
    assert kinds == ["created", "alert", "progress"]
