"""Goals: set, advanced, watched, and what to do next."""

import concurrent.futures
from datetime import datetime, timedelta, timezone

import pytest

STORES = ("sqlite", "json", "postgres")
GOALS = "/v1/goals"
NOBODY = "00000000-0000-7000-8000-000000000000"


def day(offset):
    return (datetime.now(timezone.utc) + timedelta(days=offset)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def titles(goal):
    return [(m["title"], m["completed"]) for m in goal["milestones"]]


def test_a_goal_is_kept_as_it_was_set(fresh):
    sent = {"title": "Run a half marathon", "description": "In spring", "deadline": "2027-05-02T08:00:00+02:00",
            "milestones": ["5 km", "10 km", "15 km"]}  # fmt: skip
    goal = fresh.post(GOALS, sent, expect=201).json()
    assert goal["user_id"] == "default" and goal["status"] == "active" and goal["progress"] == 0
    assert goal["deadline"] == "2027-05-02T06:00:00.000Z" and goal["completed_at"] is None
    assert titles(goal) == [("5 km", False), ("10 km", False), ("15 km", False)]
    assert fresh.get(f"{GOALS}/{goal['id']}", expect=200).json() == goal
    assert fresh.get(GOALS).json() == [goal]
    bare = fresh.post(GOALS, {"title": "Sleep more"}, expect=201).json()
    assert bare["description"] is None and bare["deadline"] is None and bare["milestones"] == []


def test_milestones_make_the_progress_and_the_last_completes(fresh):
    goal = fresh.post(GOALS, {"title": "Thesis", "milestones": ["outline", "draft", "final"]}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    steps = [m["id"] for m in goal["milestones"]]
    now = fresh.post(f"{where}/progress", {"milestone_id": steps[0], "note": "went well"}, expect=200).json()
    assert now["progress"] == pytest.approx(1 / 3) and now["milestones"][0]["completed_at"]
    now = fresh.post(f"{where}/progress", {"progress": 0.5}, expect=200).json()
    assert now["progress"] == 0.5, "what is told outright stands"
    now = fresh.patch(f"{where}/milestones/{steps[2]}", {"completed": True}, expect=200).json()
    assert now["progress"] == pytest.approx(2 / 3) and now["status"] == "active"
    now = fresh.post(f"{where}/progress", {"milestone_id": steps[1]}, expect=200).json()
    assert now["progress"] == 1 and now["status"] == "completed" and now["completed_at"]
    now = fresh.post(f"{where}/progress", {"milestone_id": steps[1], "completed": False}, expect=200).json()
    assert now["status"] == "active" and now["completed_at"] is None and now["progress"] == pytest.approx(2 / 3)
    history = fresh.get(f"{where}/progress", expect=200).json()
    assert [row["kind"] for row in history["history"]] == ["created", "milestone", "progress", "milestone", "milestone", "milestone"]
    assert history["history"][1]["note"] == "went well" and history["history"][4]["status"] == "completed"
    assert history["state"] == "open" and history["pace_per_week"] is None and history["projected_date"] is None


def test_milestones_come_go_and_move(fresh):
    goal = fresh.post(GOALS, {"title": "Garden", "milestones": ["dig", "plant"]}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    goal = fresh.post(f"{where}/milestones", {"title": "water"}, expect=201).json()
    ids = {m["title"]: m["id"] for m in goal["milestones"]}
    goal = fresh.patch(f"{where}/milestones/{ids['water']}", {"position": 0, "title": "buy seeds"}, expect=200).json()
    assert titles(goal) == [("buy seeds", False), ("dig", False), ("plant", False)]
    fresh.patch(f"{where}/milestones/{ids['dig']}", {"completed": True}, expect=200)
    goal = fresh.delete(f"{where}/milestones/{ids['plant']}", expect=200).json()
    assert goal["progress"] == 0.5 and titles(goal) == [("buy seeds", False), ("dig", True)]
    fresh.delete(f"{where}/milestones/{ids['plant']}", expect=404)
    other = fresh.post(GOALS, {"title": "Other", "milestones": ["x"]}, expect=201).json()
    fresh.post(f"{where}/progress", {"milestone_id": other["milestones"][0]["id"]}, expect=404)
    fresh.patch(f"{where}/milestones/{other['milestones'][0]['id']}", {"completed": True}, expect=404)
    assert fresh.get(f"{GOALS}/{other['id']}").json()["progress"] == 0, "another goal's milestone is untouched"


def test_status_changes_keep_the_history(fresh):
    goal = fresh.post(GOALS, {"title": "Learn Dutch"}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    fresh.post(f"{where}/progress", {"progress": 0.4}, expect=200)
    assert fresh.put(where, {"status": "paused"}, expect=200).json()["progress"] == 0.4
    done = fresh.put(where, {"status": "completed"}, expect=200).json()
    assert done["progress"] == 1 and done["completed_at"]
    again = fresh.put(where, {"status": "active"}, expect=200).json()
    assert again["progress"] == 0.4 and again["completed_at"] is None, "as far as it was before"
    changed = fresh.put(where, {"title": "Learn Flemish", "deadline": day(30), "description": "for work"}, expect=200).json()
    assert changed["title"] == "Learn Flemish" and changed["deadline"] and changed["description"] == "for work"
    changed = fresh.put(where, {"deadline": None, "description": ""}, expect=200).json()
    assert changed["deadline"] is None and changed["description"] is None
    kinds = [row["kind"] for row in fresh.get(f"{where}/progress").json()["history"]]
    assert kinds == ["created", "progress", "status", "status", "status", "edited", "edited"]
    assert [g["id"] for g in fresh.get(f"{GOALS}?status=active").json()] == [goal["id"]]
    assert fresh.get(f"{GOALS}?status=completed").json() == []


def test_what_makes_no_sense_is_refused(fresh):
    goal = fresh.post(GOALS, {"title": "x"}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    bad = [
        ({}, "title"), ({"title": "  "}, "title"), ({"title": "x" * 301}, "title"), ({"title": "x", "deadline": "soon"}, "deadline"),
        ({"title": "x", "milestones": ["a", " "]}, "milestones[1]"), ({"title": "x", "milestones": ["a"] * 201}, "milestones"),
        ({"title": "x", "status": "active"}, "status"),
    ]  # fmt: skip
    for body, field in bad:
        assert fresh.post(GOALS, body, expect=422).field == field, body
    for body, field in (({"progress": 1.7}, "progress"), ({"progress": -0.1}, "progress"), ({}, "progress"), ({"note": "x" * 2001}, "note")):
        assert fresh.post(f"{where}/progress", body, expect=422).field == field, body
    for body, field in (({"status": "done"}, "status"), ({"status": "completed", "progress": 0.5}, "progress"), ({"title": ""}, "title")):
        assert fresh.put(where, body, expect=422).field == field, body
    assert len(fresh.get(f"{where}/progress").json()["history"]) == 1, "nothing of it was written"
    for target in (f"{GOALS}/{NOBODY}", f"{GOALS}/{NOBODY}/progress", f"{GOALS}/{NOBODY}/suggestions"):
        fresh.get(target, expect=404)
    fresh.delete(where, expect=204)
    fresh.delete(where, expect=404)


def test_the_list_has_pages(fresh):
    made = [fresh.post(GOALS, {"title": f"goal {n}", "milestones": ["a"]}, expect=201).json()["id"] for n in range(7)]
    reply = fresh.get(f"{GOALS}?limit=3")
    seen = [g["id"] for g in reply.json()]
    while cursor := reply.headers.get("x-next-cursor"):
        reply = fresh.get(f"{GOALS}?limit=3&cursor={cursor}")
        seen += [g["id"] for g in reply.json()]
        assert all(len(g["milestones"]) == 1 for g in reply.json())
    assert seen == made[::-1]


def test_changes_at_once_lose_nothing(fresh):
    goal = fresh.post(GOALS, {"title": "Many hands", "milestones": [f"m{n}" for n in range(12)]}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda m: fresh.post(f"{where}/progress", {"milestone_id": m["id"]}, expect=200), goal["milestones"]))
    after = fresh.get(f"{where}/progress").json()
    assert after["progress"] == 1 and len(after["history"]) == 13
    assert sorted(row["milestone_id"] for row in after["history"][1:]) == sorted(m["id"] for m in goal["milestones"])


def test_suggestions_have_evidence_that_exists(fresh):
    done = fresh.post(GOALS, {"title": "Run a marathon", "milestones": ["10 km", "half", "long run"]}, expect=201).json()
    fresh.put(f"{GOALS}/{done['id']}", {"status": "completed"}, expect=200)
    fact = fresh.post("/v1/memory/facts", {"fact": "The user hurt the left knee when running", "category": "health"}, expect=201).json()
    goal = fresh.post(GOALS, {"title": "Run a half marathon", "deadline": day(60), "milestones": ["5 km", "10 km"]}, expect=201).json()
    known = {done["id"], fact["id"], goal["id"], *(m["id"] for m in goal["milestones"] + done["milestones"])}
    rows = fresh.get(f"{GOALS}/{goal['id']}/suggestions", expect=200).json()
    assert rows[0]["action"] == "Do the next step: 5 km" and rows[0]["due"][:10] == day(30)[:10]
    assert all(row["evidence"] and set(row["evidence"]) <= known for row in rows)
    late = fresh.post(GOALS, {"title": "Late", "deadline": day(-3)}, expect=201).json()
    rows = fresh.get(f"{GOALS}/{late['id']}/suggestions").json()
    assert "new date" in rows[0]["action"] and "3 days ago" in rows[0]["reason"] and rows[0]["evidence"][0] == late["id"]
    history = {row["id"] for row in fresh.get(f"{GOALS}/{late['id']}/progress").json()["history"]}
    assert all(set(row["evidence"]) <= history | {late["id"]} for row in rows)
    assert fresh.get(f"{GOALS}/{done['id']}/suggestions").json() == [], "nothing is left to do"


def test_forgetting_takes_goals_too(fresh):
    fresh.post(GOALS, {"title": "secret plan", "milestones": ["a"]}, expect=201)
    fresh.request("DELETE", "/v1/memory", {"confirm": "default"}, expect=204)
    assert fresh.get(GOALS).json() == []


def test_suggestions_are_accepted_or_dismissed_and_do_not_come_back(fresh):
    goal = fresh.post(GOALS, {"title": "Write a cookbook", "milestones": ["Outline"], "deadline": day(40)}, expect=201).json()
    where = f"{GOALS}/{goal['id']}/suggestions"
    (first,) = fresh.get(where).json()
    assert first["id"] == f"step:{goal['milestones'][0]['id']}"
    fresh.post(where, {"suggestion": first["id"], "as": "reminder"}, expect=200)
    (schedule,) = fresh.get("/v1/schedules").json()
    assert schedule["do"]["remind"] == "Write a cookbook: Do the next step: Outline" and schedule["when"]["at"] == first["due"]
    assert fresh.get(where).json() == []
    fresh.post(where, {"suggestion": first["id"], "as": "dismissed"}, expect=404)
    bare = fresh.post(GOALS, {"title": "Learn to juggle"}, expect=201).json()
    other = f"{GOALS}/{bare['id']}/suggestions"
    (split,) = fresh.get(other).json()
    assert fresh.post(other, {"suggestion": split["id"], "as": "dismissed"}, expect=200).json()["milestones"] == []
    assert fresh.get(other).json() == []
    assert fresh.post(other, {"suggestion": "split", "as": "never"}, expect=422).field == "as"
    # What worked for a finished goal becomes the milestones of one like it.
    fresh.post(f"{GOALS}/{goal['id']}/progress", {"milestone_id": goal["milestones"][0]["id"]}, expect=200)
    again = fresh.post(GOALS, {"title": "Write a cookbook"}, expect=201).json()
    third = f"{GOALS}/{again['id']}/suggestions"
    worked = fresh.get(third).json()[0]
    assert worked["id"] == f"steps:{goal['id']}"
    now = fresh.post(third, {"suggestion": worked["id"], "as": "milestone"}, expect=200).json()
    assert titles(now) == [("Outline", False)]
    assert fresh.get(third).json()[0]["action"] == "Do the next step: Outline"
