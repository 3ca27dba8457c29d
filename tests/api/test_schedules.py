"""Schedules: made, looked at, changed, fired; what comes of them in conversations. On the other stores: test_stores.py."""

import time
from datetime import datetime, timedelta, timezone

PATH = "/v1/schedules"
WAIT_S = 60
NOBODY = "0190a000-0000-7000-8000-000000000001"


def now(**more):
    return (datetime.now(timezone.utc) + timedelta(**more)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make(api, when, what=None, expect=201, **more):
    return api.post(PATH, {"when": when, "do": what or {"remind": "drink water"}} | more, expect=expect)


def preview(api, when):
    return api.post(f"{PATH}?preview=true", {"when": when, "do": {"remind": "x"}}, expect=200).json()


def wait_for(look, wanted=bool):
    until = time.monotonic() + WAIT_S
    while True:
        found = look()
        if wanted(found) or time.monotonic() > until:
            assert wanted(found), found
            return found
        time.sleep(0.05)


def ended(api, schedule, count=1):
    def look():
        return [run for run in api.get(f"{PATH}/{schedule['id']}/runs", expect=200).json() if run["status"] in ("done", "failed")]

    return wait_for(look, lambda runs: len(runs) >= count)


def test_made_listed_changed_and_deleted(fresh):
    made = make(fresh, {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}, name="Water").json()
    assert made["name"] == "Water" and made["state"] == "active" and made["enabled"] is True
    assert made["when"] == {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"} and made["do"] == {"remind": "drink water"}
    assert made["upcoming"][0] == made["next_at"] and len(made["upcoming"]) == 5
    assert fresh.get(f"{PATH}/{made['id']}", expect=200).json() == made
    other = make(fresh, {"every": "2w"}, {"prompt": "how am I?"}).json()
    assert other["name"] == "how am I?"
    assert [row["id"] for row in fresh.get(PATH, expect=200).json()] == [other["id"], made["id"]]
    page = fresh.get(f"{PATH}?limit=1", expect=200)
    assert [row["id"] for row in page.json()] == [other["id"]]
    more = fresh.get(f"{PATH}?limit=1&cursor={page.headers['x-next-cursor']}", expect=200)
    assert [row["id"] for row in more.json()] == [made["id"]] and "x-next-cursor" not in more.headers
    paused = fresh.patch(f"{PATH}/{made['id']}", {"enabled": False}, expect=200).json()
    assert paused["state"] == "paused" and "next_at" not in paused and paused["upcoming"] == []
    again = fresh.patch(f"{PATH}/{made['id']}", {"enabled": True, "do": {"remind": "tea"}}, expect=200).json()
    assert again["next_at"] == made["next_at"] and again["do"] == {"remind": "tea"} and again["name"] == "Water"
    moved = fresh.patch(f"{PATH}/{made['id']}", {"when": {"cron": "@daily", "timezone": "UTC"}}, expect=200).json()
    assert moved["next_at"].endswith("T00:00:00.000Z")
    assert fresh.delete(f"{PATH}/{made['id']}", expect=200).json() == {"status": "deleted"}
    fresh.get(f"{PATH}/{made['id']}", expect=404)
    assert [row["id"] for row in fresh.get(PATH).json()] == [other["id"]]


def test_a_preview_stores_nothing(fresh):
    shown = fresh.post(
        f"{PATH}?preview=true",
        {"when": {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}, "do": {"remind": "x"}}, expect=200,
    ).json()  # fmt: skip
    assert "id" not in shown and len(shown["upcoming"]) == 5
    assert fresh.get(PATH).json() == []


def test_what_makes_no_sense_is_refused(api):
    for when, field in (
        ({"cron": "0 0 30 2 *"}, "when.cron"), ({"cron": "61 * * * *"}, "when.cron"), ({"cron": "* * * *"}, "when.cron"),
        ({"every": "0s"}, "when.every"), ({"every": "1"}, "when.every"), ({"every": "999w"}, "when.every"),
        ({"every": "-5m"}, "when.every"), ({"event": "rain"}, "when.event"), ({"at": "2020-01-01T00:00:00Z"}, "when.at"),
        ({"at": "tomorrow"}, "when.at"), ({"cron": "@daily", "timezone": "Mars/Phobos"}, "when.timezone"),
        ({"cron": "@daily", "timezone": "../../etc/passwd"}, "when.timezone"), ({}, "when"), ({"timezone": "UTC"}, "when"),
        ({"every": "1d", "cron": "@daily"}, "when"),
    ):  # fmt: skip
        assert make(api, when, expect=422).field == field, when
    for what, field in (
        ({"remind": "x", "prompt": "y"}, "do"), ({"conversation_id": NOBODY}, "do"), ({"remind": " "}, "do.remind"),
        ({"task": {"type": "file"}}, "do.task"),
        ({"task": {"type": "file", "action": "fly"}}, "do.task"), ({"task": {"type": "file", "action": "read_file"}}, "do.task"), ({"remind": "x" * 2001}, "do.remind"), ({"remind": 5}, "do.remind"),
    ):  # fmt: skip
        assert make(api, {"every": "1d"}, what, expect=422).field == field, what
    assert api.post(PATH, {"when": {"every": "1d"}}, expect=422).field == "do"
    assert api.post(PATH, {"do": {"remind": "x"}}, expect=422).field == "when"
    for method, path in (("get", ""), ("delete", ""), ("get", "/runs")):
        getattr(api, method)(f"{PATH}/{NOBODY}{path}", expect=404)
    api.patch(f"{PATH}/{NOBODY}", {"enabled": False}, expect=404)
    api.request("POST", f"{PATH}/{NOBODY}/run", expect=404)


def test_the_zone_is_the_profile_s(fresh):
    profile = {"name": "Ana", "preferences": {"time_zone": "Asia/Kathmandu"}, "context": {}}
    fresh.put("/v1/memory/profile", profile, expect=200)
    made = make(fresh, {"cron": "0 9 * * *"}).json()
    assert made["when"]["timezone"] == "Asia/Kathmandu" and made["next_at"].endswith("T03:15:00.000Z")


def test_a_reminder_lands_in_a_conversation_of_its_own_or_in_the_one_given(fresh):
    before = now()
    once = make(fresh, {"at": now(milliseconds=300)}, {"remind": "call Ana"}).json()
    run = ended(fresh, once)[0]
    assert run["status"] == "done" and run["attempts"] == 1 and run["due_at"] == once["next_at"]
    talk = fresh.get(f"/v1/conversations/{run['conversation_id']}", expect=200).json()
    assert talk["title"] == "Reminders" and [m["content"] for m in talk["messages"]] == ["call Ana"]
    message = talk["messages"][0]
    assert message["role"] == "assistant" and message["id"] == run["message_id"]
    assert message["metadata"]["scheduled"] == {"schedule_id": once["id"], "run_id": run["id"], "name": "call Ana"}
    over = fresh.get(f"{PATH}/{once['id']}").json()
    assert over["state"] == "done" and over["enabled"] is False and "next_at" not in over
    assert fresh.patch(f"{PATH}/{once['id']}", {"enabled": True}, expect=422).field == "enabled"
    since = fresh.get(f"{PATH}/runs?since={before}", expect=200).json()
    assert [(row["id"], row["name"]) for row in since] == [(run["id"], "call Ana")]
    assert fresh.get(f"{PATH}/runs?since={run['finished_at']}").json() == []

    here = fresh.chat("[[reply:hello]]").json()["conversation_id"]
    there = make(fresh, {"event": "goal.completed"}, {"remind": "well done", "conversation_id": here}).json()
    fired = fresh.request("POST", f"{PATH}/{there['id']}/run", expect=202).json()
    assert fired["status"] == "due" and fired["schedule_id"] == there["id"]
    assert ended(fresh, there)[0]["conversation_id"] == here
    assert fresh.get(f"/v1/conversations/{here}").json()["messages"][-1]["content"] == "well done"
    fresh.delete(f"/v1/conversations/{here}", expect=200)
    fresh.request("POST", f"{PATH}/{there['id']}/run", expect=202)
    assert ended(fresh, there, 2)[0]["conversation_id"] == run["conversation_id"], "its conversation is gone"


def test_every_second_and_then_no_more(fresh):
    made = make(fresh, {"every": "1s"}).json()
    runs = ended(fresh, made, 3)
    assert len({run["due_at"] for run in runs}) == len(runs)
    fresh.patch(f"{PATH}/{made['id']}", {"enabled": False}, expect=200)
    count = len(ended(fresh, made, 3))
    talk = fresh.get(f"/v1/conversations/{runs[0]['conversation_id']}").json()
    assert count <= len(talk["messages"]) <= count + 1


def test_a_prompt_is_answered(fresh):
    made = make(fresh, {"at": now(milliseconds=200)}, {"prompt": "[[reply:Three things today.]]"}, name="Morning").json()
    run = ended(fresh, made)[0]
    assert run["status"] == "done", run
    talk = fresh.get(f"/v1/conversations/{run['conversation_id']}").json()
    assert talk["title"] == "Morning" and [m["role"] for m in talk["messages"]] == ["user", "assistant"]
    assert talk["messages"][1]["content"] == "Three things today." and talk["messages"][1]["id"] == run["message_id"]
    assert talk["messages"][0]["metadata"]["scheduled"]["run_id"] == run["id"]


def test_a_prompt_that_fails_says_so(fresh):
    made = make(fresh, {"event": "task.failed"}, {"prompt": "remind me tomorrow [[fail]]"}).json()
    fresh.request("POST", f"{PATH}/{made['id']}/run", expect=202)

    def tried():
        return fresh.get(f"{PATH}/{made['id']}/runs").json()[0]

    run = wait_for(tried, lambda run: run["attempts"] == 1 and run["status"] == "due")
    assert run["error"] and fresh.get(PATH).json()[0]["id"] == made["id"], "and it makes no schedule of its own"


def test_a_new_fact_is_an_event(fresh):
    made = make(fresh, {"event": "fact.created"}, {"remind": "I learned something"}).json()
    fresh.chat("My name is Ana and I live in Porto.")
    assert ended(fresh, made)[0]["status"] == "done"
    fact = {"fact": "Ana has a boat", "category": "belongings"}
    count = len(fresh.get(f"{PATH}/{made['id']}/runs").json())
    fresh.post("/v1/memory/facts", fact, expect=201)
    ended(fresh, made, count + 1)


def test_what_was_missed_happens_once_at_the_start(start_server):
    from client import Client

    api = Client(start_server())
    often = make(api, {"every": "1s"}).json()
    once = make(api, {"at": now(seconds=2)}, {"remind": "while you were away"}).json()
    ended(api, often)
    api.server.stop()
    stopped = time.monotonic()
    while time.monotonic() - stopped < 4:
        time.sleep(0.1)
    count_before = now()
    api.server.start().wait_ready()
    assert ended(api, once)[0]["status"] == "done"
    api.patch(f"{PATH}/{often['id']}", {"enabled": False}, expect=200)
    missed = [run for run in ended(api, often) if run["due_at"] < count_before and run["finished_at"] > count_before]
    assert len(missed) <= 1, "once, not once for each second"


def test_forgetting_somebody_takes_their_schedules(fresh):
    make(fresh, {"every": "1d"})
    fresh.request("DELETE", "/v1/memory", {"confirm": "default"}, expect=204)
    assert fresh.get(PATH).json() == []


def test_reminders_are_asked_for_in_chat(fresh):
    fresh.put("/v1/memory/profile", {"name": "Ana", "preferences": {"time_zone": "Europe/Berlin"}, "context": {}}, expect=200)
    body = fresh.chat("remind me every Monday at 9 am to water the plants").json()
    (action,) = body["actions"]
    made = action["schedule"]
    assert (action["type"], action["event"]) == ("schedule", "created")
    assert made["when"] == {"cron": "0 9 * * 1", "timezone": "Europe/Berlin"}
    assert made["do"] == {"remind": "water the plants", "conversation_id": body["conversation_id"]}
    assert body["response"].startswith("I will remind you on Monday ") and body["remembered"] == []
    assert "at 09:00 (Europe/Berlin), and then every Monday at 09:00: water the plants." in body["response"]
    assert fresh.get(f"{PATH}/{made['id']}").json() == made
    kept = fresh.get(f"/v1/conversations/{body['conversation_id']}").json()["messages"][-1]
    assert kept["content"] == body["response"] and kept["metadata"]["actions"] == body["actions"]

    soon = fresh.stream("Remind me in 1 second to look up", conversation_id=body["conversation_id"]).frames
    once = soon[-1]["actions"][0]["schedule"]
    assert soon[0]["content"].startswith("I will remind you on ")
    assert ended(fresh, once)[0]["conversation_id"] == body["conversation_id"]

    listed = fresh.chat("What reminders do I have?").json()
    assert [a["schedule"]["id"] for a in listed["actions"]] == [made["id"]] and "water the plants" in listed["response"]
    fresh.chat("remind me tomorrow at noon to water the tomatoes")
    unclear = fresh.chat("cancel the reminder about water").json()
    assert unclear["actions"] == [] and "Which one" in unclear["response"] and len(fresh.get(PATH).json()) == 3
    gone = fresh.chat("cancel the reminder about the plants").json()
    assert gone["actions"][0]["event"] == "cancelled" and gone["actions"][0]["schedule"]["id"] == made["id"]
    fresh.get(f"{PATH}/{made['id']}", expect=404)
    assert fresh.chat("remind me to call Ana").json()["response"].startswith("When shall I remind you?")
    assert "past" in fresh.chat("remind me on 2020-01-01 at 9 am to travel back").json()["response"]
    count = len(fresh.get(PATH).json())
    assert fresh.chat("That reminds me of last Monday at 9. [[reply:Yes.]]").json()["response"] == "Yes."
    fresh.chat("remind me tomorrow at 9 to call", use_memory=False)
    assert len(fresh.get(PATH).json()) == count


def test_lines_with_limits_come_when_they_say(fresh):
    when = {
        "cron": "0 8,20 * * *; 30 12 * * 1#1",
        "timezone": "UTC",
        "starting": "2099-01-01T00:00:00.000Z",
        "until": "2099-01-05T12:30:00.000Z",
        "except": ["2099-01-02", "2099-01-03", "2099-01-04"],
    }
    made = preview(fresh, when)
    assert made["when"] == when
    assert made["upcoming"] == [f"2099-01-{at}:00.000Z" for at in ("01T08:00", "01T20:00", "05T08:00", "05T12:30")]
    last = preview(fresh, {"cron": "0 9 L 2 *", "timezone": "UTC"})
    assert all(at[5:10] in ("02-28", "02-29") for at in last["upcoming"])
    every = {"every": "2h", "until": now(hours=5)}
    assert len(preview(fresh, every)["upcoming"]) == 2
    for wrong, field in (
        ({"cron": "0 8 * * *; nonsense"}, "when.cron"),
        ({"cron": "*/60 * * * *"}, "when.cron"),
        ({"cron": "0 8 * * *", "except": ["tomorrow"]}, "when.except"),
        ({"cron": "0 8 * * *", "until": "2020-01-01T00:00:00Z"}, "when.until"),
        ({"event": "fact.created", "starting": "2099-01-01T00:00:00Z"}, "when.starting"),
        ({"cron": "0 8 * * *", "timezone": "Mars/Olympus"}, "when.timezone"),
    ):
        assert make(fresh, wrong, {"remind": "x"}, expect=422).field == field
    assert "0 * * * *" in make(fresh, {"cron": "*/60 * * * *"}, {"remind": "x"}, expect=422).text


def test_a_time_is_read_whole_or_asked_about(fresh):
    fresh.put("/v1/memory/profile", {"name": "Ana", "preferences": {"time_zone": "berlin"}, "context": {}}, expect=200)
    body = fresh.chat("remind me every day at 8am and 8pm except Sunday to take the tablets").json()
    (action,) = body["actions"]
    assert action["schedule"]["when"] == {"cron": "0 8,20 * * 1,2,3,4,5,6", "timezone": "Europe/Berlin"}
    assert action["schedule"]["do"]["remind"] == "take the tablets"
    week = fresh.chat("remind me every evening for a week to stretch").json()["actions"][0]["schedule"]
    assert week["when"]["cron"] == "0 19 * * *" and "until" in week["when"] and week["do"]["remind"] == "stretch"
    said = fresh.chat("remind me tomorrow at 9am UTC to join the standup").json()["actions"][0]["schedule"]
    assert said["when"]["timezone"] == "UTC" and "T09:00:00" in said["when"]["at"]
    kept = len(fresh.get(PATH).json())
    for text in (
        "remind me every day until my birthday to practise",
        "remind me twice a day to take my pills",
        "remind me every full moon to water the ferns",
        "remind me on 30 February to laugh",
    ):
        told = fresh.chat(text).json()
        assert told["actions"] == [] and "no reminder" in told["response"], (text, told["response"])
    assert len(fresh.get(PATH).json()) == kept


def test_zones_are_understood_or_refused_when_they_are_set(fresh):
    profile = "/v1/memory/profile"
    for zone in ("Europe/Berlin", "berlin", "UTC+2", "New York", "CET"):
        fresh.put(profile, {"preferences": {"time_zone": zone}}, expect=200)
    for zone in ("Mars/Olympus", "UTC+25", "here"):
        refused = fresh.put(profile, {"preferences": {"time_zone": zone}}, expect=422)
        assert refused.field == "preferences.time_zone" and "UTC+2" in refused.text
    assert fresh.get(profile).json()["preferences"] == {"time_zone": "CET"}
    made = preview(fresh, {"cron": "0 9 * * *", "timezone": "UTC+2"})
    assert made["when"]["timezone"] == "Etc/GMT-2" and made["upcoming"][0].endswith("T07:00:00.000Z")


def test_a_task_is_started_and_its_end_is_an_event(fresh):
    (fresh.server.data / "files" / "list.txt").write_text("eggs\n")
    waits = make(fresh, {"event": "task.completed"}, {"remind": "a task is done"}).json()
    fails = make(fresh, {"event": "task.failed"}, {"remind": "a task has failed"}).json()
    task = {"type": "file", "action": "read_file", "params": {"path": "list.txt"}}
    made = make(fresh, {"at": now(milliseconds=200)}, {"task": task}).json()
    assert made["name"] == "file.read_file" and made["do"] == {"task": task}
    run = ended(fresh, made)[0]
    assert run["status"] == "done", run
    talk = fresh.get(f"/v1/conversations/{run['conversation_id']}", expect=200).json()
    (message,) = talk["messages"]
    assert "eggs" in message["content"] and message["id"] == run["message_id"] and message["role"] == "assistant"
    assert message["metadata"]["scheduled"]["run_id"] == run["id"]
    done = fresh.get(f"/v1/tasks/{message['metadata']['actions'][0]['id']}/status", expect=200).json()
    assert (done["origin"], done["status"], done["conversation_id"]) == ("schedule", "completed", run["conversation_id"])
    assert ended(fresh, waits)[0]["status"] == "done"

    gone = {"type": "file", "action": "read_file", "params": {"path": "nowhere.txt"}}
    second = make(fresh, {"at": now(milliseconds=200)}, {"task": gone, "conversation_id": run["conversation_id"]}).json()
    assert ended(fresh, second)[0]["conversation_id"] == run["conversation_id"]
    assert "did not work" in fresh.get(f"/v1/conversations/{run['conversation_id']}").json()["messages"][-1]["content"]
    assert ended(fresh, fails)[0]["status"] == "done"
    assert make(fresh, {"event": "task.completed"}, {"task": task}, expect=422).field == "when.event"


def test_a_task_that_needs_a_yes_is_proposed(fresh):
    target = fresh.server.data / "files" / "made.txt"
    task = {"type": "file", "action": "write_file", "params": {"path": "made.txt", "content": "x"}}
    made = make(fresh, {"at": now(milliseconds=200)}, {"task": task}).json()
    talk = ended(fresh, made)[0]["conversation_id"]
    (message,) = fresh.get(f"/v1/conversations/{talk}", expect=200).json()["messages"]
    assert message["metadata"]["actions"][0]["status"] == "awaiting_approval" and not target.exists()
    assert fresh.chat("yes", conversation_id=talk).json()["actions"][0]["status"] == "completed"
    assert target.read_text() == "x"
