"""Suggestions: grounded and concrete in tests/data/advice.jsonl, learned from finished goals, accepted and dismissed, worded."""

import json
import time
from datetime import datetime, timedelta, timezone

import situations
from client import Client
from conftest import EMBEDDINGS

GOALS = "/v1/goals"
WAIT_S = 60
LEAST_GOOD = 36


def caller(api):
    """The client of these tests as situations.py calls it."""

    def call(method, path, body):
        reply = api.request(method, path, body)
        assert 200 <= reply.status < 300, reply
        return reply.json() if reply.body else None

    return call


def day(offset):
    return (datetime.now(timezone.utc) + timedelta(days=offset)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_suggestions_are_grounded_and_name_a_next_step(start_server, need_model):
    need_model(EMBEDDINGS)
    api = Client(start_server(embeddings=f"local:{EMBEDDINGS}"))
    until = time.monotonic() + WAIT_S
    while api.get("/v1/memory/stats").json()["embedding_model"] is None and time.monotonic() < until:
        time.sleep(0.05)
    good, kinds, told = 0, 0, []
    cases = situations.load()
    for case in cases:
        played = situations.Played(caller(api), case)
        rows = played.suggestions()
        wrong = played.wrong(rows)
        missing = set(case["expect"]) - played.found_kinds(rows)
        good += not wrong
        kinds += not missing
        told += [f"{case['about']}: {text}" for text in wrong]
        told += [f"{case['about']}: no evidence of kind {', '.join(sorted(missing))}"] if missing else []
    print(f"{good} of {len(cases)} grounded and concrete, {kinds} with the kinds of evidence expected", *told, sep="\n")
    assert len(cases) == 40 and good >= LEAST_GOOD and kinds >= LEAST_GOOD, told


def worded(api, path, want=1):
    """Suggestions once the model has found words for as many of them."""
    until = time.monotonic() + WAIT_S
    rows = api.get(path).json()
    while sum(row["by"] == "model" for row in rows) < want and time.monotonic() < until:
        time.sleep(0.05)
        rows = api.get(path).json()
    return rows


def test_the_model_words_them_and_loses_nothing(start_server, tmp_path):
    script = tmp_path / "words.json"
    good, lost, added = "Start your thesis by writing Chapter 1.", "Just begin somewhere.", "Call 3 friends and run 10 km, says Bob."
    rules = [("Next step: Chapter 1", good), ("step: Chapter 1", good), ("step: Sort 40 photos", lost), ("step: Buy seeds", added),
             ("step: Cycle 22 km", "Do the next step: cycle 22 km, 22 km, and 22 km.")]  # fmt: skip
    script.write_text(json.dumps([{"match": match, "reply": json.dumps({"text": text})} for match, text in rules]))
    api = Client(start_server(llm=f"scripted:{script}", env={"NIMA_GOALS_WORDING": "on"}))
    thesis = api.post(GOALS, {"title": "Write the thesis", "milestones": ["Chapter 1", "Chapter 2"]}, expect=201).json()
    path = f"{GOALS}/{thesis['id']}/suggestions"
    first = api.get(path).json()[0]
    assert first["action"] == "Do the next step: Chapter 1" and first["by"] == "rules", "nobody waits for the model"
    now = worded(api, path)[0]
    assert now == first | {"action": good, "by": "model"}
    for title, step in (("Sort the pictures", "Sort 40 photos"), ("Plant a garden", "Buy seeds"), ("Ride far", "Cycle 22 km")):
        goal = api.post(GOALS, {"title": title, "milestones": [step]}, expect=201).json()
        api.get(f"{GOALS}/{goal['id']}/suggestions")
    # The line is in order: once this is worded, those before it were tried.
    more = api.post(GOALS, {"title": "Write the thesis again", "milestones": ["Chapter 1"]}, expect=201).json()
    assert worded(api, f"{GOALS}/{more['id']}/suggestions")[0]["action"] == good
    for goal in api.get(GOALS).json():
        row = api.get(f"{GOALS}/{goal['id']}/suggestions").json()[0]
        assert row["by"] == ("model" if "thesis" in goal["title"] else "rules"), row
    api.request("DELETE", "/v1/memory", {"confirm": "default"}, expect=204)
    again = api.post(GOALS, {"title": "Write the thesis", "milestones": ["Chapter 1"]}, expect=201).json()
    assert api.get(f"{GOALS}/{again['id']}/suggestions").json()[0]["by"] == "rules"


def test_a_finished_goal_changes_what_is_suggested_for_one_like_it(fresh):
    steps = ["Outline the book", "Write ten pages", "Show it to Ada"]
    first = fresh.post(GOALS, {"title": "Write a book about lighthouses", "milestones": steps}, expect=201).json()
    second = fresh.post(GOALS, {"title": "Write a book about harbours"}, expect=201).json()
    path = f"{GOALS}/{second['id']}/suggestions"
    before = fresh.get(path).json()
    assert [row["id"] for row in before] == ["split"] and before[0]["evidence"] == [second["id"]]
    for milestone in first["milestones"]:
        fresh.post(f"{GOALS}/{first['id']}/progress", {"milestone_id": milestone["id"]}, expect=200)
    after = fresh.get(path).json()
    assert after[0]["id"] == f"steps:{first['id']}" and after[0]["milestones"] == 3
    assert after[0]["action"] == "Set milestones as they worked before: Outline the book; Write ten pages; Show it to Ada"
    assert after[0]["evidence"] == [first["id"], *(m["id"] for m in first["milestones"])]
    assert "3 of 3 steps took a week or less" in after[0]["reason"]
    long = fresh.post(GOALS, {"title": "Write a book about ferries", "milestones": ["All of it"], "deadline": day(60)}, expect=201).json()
    rows = {row["id"].split(":")[0]: row for row in fresh.get(f"{GOALS}/{long['id']}/suggestions").json()}
    assert 'Cut "All of it" into pieces of at most a week' in rows["week"]["action"] and first["id"] in rows["week"]["evidence"]


def test_a_goals_own_task_is_seen_behind_a_hundred_others(fresh):
    goal = fresh.post(GOALS, {"title": "Write a book about ferries", "milestones": ["Outline"]}, expect=201).json()
    asked = {"type": "file", "action": "write_file", "params": {"path": "ferries.txt", "content": "x"}}
    own = fresh.post("/v1/tasks/execute", asked | {"goal_id": goal["id"].upper()}, expect=202).json()
    other = fresh.post(GOALS, {"title": "Sail around the island"}, expect=201).json()
    for _ in range(101):
        fresh.post("/v1/tasks/execute", asked | {"goal_id": other["id"]}, expect=202)
    rows = fresh.get(f"{GOALS}/{goal['id']}/suggestions").json()
    assert any(own["id"] in row["evidence"] and "ferries.txt" in row["action"] for row in rows), rows
