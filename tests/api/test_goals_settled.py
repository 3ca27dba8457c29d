"""What becomes of a suggestion, of alerts, and of goals that several hands change: on all stores."""

import concurrent.futures
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from client import Client

STORES = ("sqlite", "json", "postgres")
GOALS = "/v1/goals"
WAIT_S = 60


def day(offset):
    return (datetime.now(timezone.utc) + timedelta(days=offset)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def wait_for(look):
    until = time.monotonic() + WAIT_S
    while not (seen := look()) and time.monotonic() < until:
        time.sleep(0.05)
    return seen


def test_a_suggestion_becomes_a_task(fresh):
    goal = fresh.post(GOALS, {"title": "Build a shed", "milestones": ["Floor", "Roof"], "deadline": day(60)}, expect=201).json()
    path = f"{GOALS}/{goal['id']}/suggestions"
    rows = {row["id"].split(":")[0]: row for row in fresh.get(path, expect=200).json()}
    plan = rows["plan"]
    assert plan["task"]["type"] == "file" and plan["task"]["params"]["path"] == "goals/build-a-shed.md"
    assert "- [ ] Floor (" in plan["task"]["params"]["content"]
    assert fresh.post(path, {"suggestion": rows["step"]["id"], "as": "task"}, expect=422).field == "as"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: fresh.post(path, {"suggestion": plan["id"], "as": "task"}).status, range(4)))
    assert sorted(replies) == [200, 404, 404, 404], "accepted once"
    (task,) = fresh.get("/v1/tasks/history").json()
    assert task["status"] == "awaiting_approval" and task["goal_id"] == goal["id"]
    rows = {row["id"].split(":")[0]: row for row in fresh.get(path).json()}
    assert "plan" not in rows and rows["task"]["evidence"] == [task["id"]]
    fresh.post(f"/v1/tasks/{task['id']}/approve", expect=200)
    done = wait_for(lambda: (now := fresh.get(f"/v1/tasks/{task['id']}/status").json())["status"] == "completed" and now)
    assert done and "task" not in {row["id"].split(":")[0] for row in fresh.get(path).json()}


def test_a_reminder_is_made_once_however_often_it_is_accepted(fresh):
    goal = fresh.post(GOALS, {"title": "Read 12 books", "deadline": day(100)}, expect=201).json()
    path = f"{GOALS}/{goal['id']}/suggestions"
    (split,) = fresh.get(path).json()
    assert "Read 1 of 12 books" in split["action"] and split["milestones"] == 1
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: fresh.post(path, {"suggestion": "split", "as": "reminder"}).status, range(4)))
    assert sorted(replies) == [200, 404, 404, 404]
    (schedule,) = fresh.get("/v1/schedules").json()
    assert schedule["when"]["at"][:13] == split["due"][:13] and schedule["do"]["remind"].startswith("Read 12 books: ")
    fresh.put(f"{GOALS}/{goal['id']}", {"title": "Read 12 novels"}, expect=200)
    assert fresh.get(path).json() == [], "it does not come back"


def test_the_first_step_becomes_a_milestone(fresh):
    goal = fresh.post(GOALS, {"title": "Learn Dutch"}, expect=201).json()
    path = f"{GOALS}/{goal['id']}/suggestions"
    now = fresh.post(path, {"suggestion": "split", "as": "milestone"}, expect=200).json()
    assert [m["title"] for m in now["milestones"]] == ["Spend 20 minutes learning Dutch"]
    assert fresh.get(path).json()[0]["action"] == "Do the next step: Spend 20 minutes learning Dutch"


@pytest.fixture
def hook():
    """A service that keeps what it was told."""
    told = []

    class Told(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Told)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", told
    server.shutdown()
    server.server_close()


def test_an_alert_is_told_to_the_webhook_once(start_server, hook):
    host, told = hook
    env = {"NIMA_GOALS_WEBHOOK": f"http://{host}/goals", "NIMA_TASKS_API_HOSTS": host, "NIMA_TASKS_ALLOW": "api.webhook:POST **"}
    api = Client(start_server(env=env))
    goal = api.post(GOALS, {"title": "Renew ${secret:TOKEN}", "deadline": day(-2)}, expect=201).json()
    assert wait_for(lambda: told)
    assert '"goal.alert"' in told[0] and goal["id"] in told[0] and '"overdue"' in told[0] and "$ {secret:TOKEN}" in told[0]
    api.server.stop()
    api.server.start().wait_ready()
    other = api.post(GOALS, {"title": "Renew the pass", "deadline": day(-3)}, expect=201).json()
    assert wait_for(lambda: len(told) == 2) and other["id"] in told[1]
    tasks = [task for task in api.get("/v1/tasks/history").json() if task["action"] == "webhook"]
    assert sorted(task["goal_id"] for task in tasks) == sorted([goal["id"], other["id"]])


def test_a_webhook_that_is_not_allowed_silences_nobody(start_server):
    api = Client(start_server(env={"NIMA_GOALS_WEBHOOK": "http://192.0.2.1/goals"}))
    goal = api.post(GOALS, {"title": "Renew the pass", "deadline": day(-2)}, expect=201).json()

    def alerts():
        return [row for row in api.get(f"{GOALS}/{goal['id']}/progress").json()["history"] if row["kind"] == "alert"]

    assert len(wait_for(alerts)) == 1 and api.get("/v1/tasks/history").json() == []


def test_what_was_raised_can_be_read_since_a_time(fresh):
    before = fresh.get("/v1/goals/alerts", expect=200)
    assert before.json() == []
    late = fresh.post(GOALS, {"title": "Renew the pass", "deadline": day(-2)}, expect=201).json()
    (alert,) = wait_for(lambda: fresh.get("/v1/goals/alerts").json())
    assert alert["goal_id"] == late["id"] and alert["state"] == "overdue" and alert["text"].startswith('Your goal "Renew the pass" was due')
    talk = fresh.get(f"/v1/conversations/{alert['conversation_id']}", expect=200).json()
    assert [(m["id"], m["content"]) for m in talk["messages"]] == [(alert["id"], alert["text"])]
    assert fresh.get(f"/v1/goals/alerts?since={alert['raised_at']}").json() == []
    other = fresh.post(GOALS, {"title": "Pay the rent", "deadline": day(-1)}, expect=201).json()
    (next_one,) = wait_for(lambda: fresh.get(f"/v1/goals/alerts?since={alert['raised_at']}").json())
    assert next_one["goal_id"] == other["id"]
    fresh.get("/v1/goals/alerts?since=yesterday", expect=422)
    fresh.delete(f"/v1/conversations/{alert['conversation_id']}")
    assert fresh.get("/v1/goals/alerts").json() == [], "it went with the conversation"


def said(api, message, talk=None):
    body = api.chat(message, **({"conversation_id": talk} if talk else {})).json()
    return body, body["conversation_id"]


def test_which_one_is_answered_by_a_number_or_a_word(fresh):
    first = fresh.post(GOALS, {"title": "Learn the cello", "deadline": day(50)}, expect=201).json()
    second = fresh.post(GOALS, {"title": "Learn the cello", "deadline": day(90)}, expect=201).json()
    third = fresh.post(GOALS, {"title": "Learn the accordion"}, expect=201).json()

    def status(goal):
        return fresh.get(f"{GOALS}/{goal['id']}").json()["status"]

    body, talk = said(fresh, "pause the cello")
    lines = body["response"].split("\n")
    assert body["actions"] == [] and lines[0] == "Which one do you mean?" and len(lines) == 3
    assert lines[1].startswith("1. Learn the cello (0 %, due ") and lines[1][3:] != lines[2][3:]
    body, _ = said(fresh, "the second one, please", talk)
    (action,) = body["actions"]
    assert action["event"] == "paused" and action["goal"]["id"] in (first["id"], second["id"])
    assert sorted((status(first), status(second))) == ["active", "paused"] and status(third) == "active"
    assert said(fresh, "undo that", talk)[0]["actions"][0]["event"] == "undone"
    assert status(first) == status(second) == "active"
    body, talk = said(fresh, "drop my goal of the trumpet")
    assert body["response"].startswith("Which goal do you mean? These are yours:\n1. ")
    assert said(fresh, "[[reply:hm]] 17", talk)[0]["actions"] == [], "no line has this number"
    body, talk = said(fresh, "drop my goal of the trumpet")
    assert said(fresh, "accordion", talk)[0]["actions"][0]["event"] == "deleted"
    fresh.get(f"{GOALS}/{third['id']}", expect=404)
    assert said(fresh, "2", talk)[0]["actions"] == [], "the question was answered"


def test_edits_at_once_are_both_in_the_history(fresh):
    goal = fresh.post(GOALS, {"title": "Many hands"}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    edits = [{"title": "Renamed"}, {"description": "more"}, {"deadline": day(30)}, {"progress": 0.25}, {"status": "paused"}]
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda edit: fresh.put(where, edit, expect=200), edits))
        list(pool.map(lambda n: fresh.post(f"{where}/progress", {"progress": n / 10, "note": f"n{n}"}, expect=200), range(3, 8)))
    now, course = fresh.get(where).json(), fresh.get(f"{where}/progress").json()
    assert now["title"] == "Renamed" and now["description"] == "more" and now["deadline"] and now["status"] == "paused"
    assert len(course["history"]) == 11, "each of them left its row"
    assert {row["note"] for row in course["history"] if row.get("note")} >= {f"n{n}" for n in range(3, 8)}
    assert now["progress"] == course["history"][-1]["progress"], "the last write stands"


def test_what_is_told_of_a_goal_goes_with_it(fresh):
    goal = fresh.post(GOALS, {"title": "Sail north", "milestones": ["Boat", "Map"], "deadline": day(40)}, expect=201).json()
    where = f"{GOALS}/{goal['id']}"
    fresh.put(where, {"status": "paused"}, expect=200)
    assert fresh.get(f"{where}/suggestions").json() == [], "what rests is left in peace"
    fresh.put(where, {"status": "active"}, expect=200)
    assert fresh.get(f"{where}/suggestions").json()[0]["action"] == "Do the next step: Boat"
    fresh.delete(where, expect=204)
    fresh.get(f"{where}/suggestions", expect=404)
    fresh.post(f"{where}/suggestions", {"suggestion": "split", "as": "dismissed"}, expect=404)
    assert fresh.get("/v1/memory/facts").json() == []
