"""What two different people must approve: nothing less lets it run, and nothing more is shown to the second."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from client import Client
from server import NimaServer, run_nima
from test_tasks import TASKS, execute, settled

STORES = ("sqlite", "json", "postgres")
ENV = {
    "NIMA_TASKS_TWO_PERSON": "file.write_file, file.delete:precious/**", "NIMA_TASKS_APPROVERS": "ben, cy, ana",
    "NIMA_TASKS_ALLOW": "file.write_file:free/**, file.make_dir", "NIMA_TASKS_DENY": "file.*:never/**",
}  # fmt: skip


@pytest.fixture(scope="module")
def people(new_store):
    """ana, ben and cy may approve; eve may not, and dan may do nothing with tasks."""
    with NimaServer(store=new_store(), env=ENV) as server:
        clients = {}
        server.stop()  # JSON files belong to one process at a time
        for user in ("ana", "ben", "cy", "eve", "dan"):
            scopes = "chat" if user == "dan" else "tasks,chat,memory"
            made = run_nima("token", "create", "--user", user, "--scopes", scopes, "--data", server.data, *server.args)
            clients[user] = Client(server, made.stdout.split()[-1])
        server.start().wait_ready()
        yield clients


def propose(who, name, content="x\n"):
    task = execute(who, "write_file", {"path": name, "content": content}, expect=202)
    assert task["status"] == "awaiting_approval" and task["two_person"] is True and task["approved_by"] == []
    return task


def decide(who, task, verb="approve", expect=200):
    return who.post(f"{TASKS}/{task['id']}/{verb}", expect=expect)


def waiting(who):
    return [row["id"] for row in who.get(f"{TASKS}/approvals", expect=200).json()]


def events(who, task):
    rows = who.get(f"{TASKS}/audit?task_id={task['id']}", expect=200).json()
    return [(row["event"], row["actor"]) for row in reversed(rows)]


def exists(who, name):
    return (who.server.data / "files" / name).exists()


def test_it_runs_when_two_people_have_approved_it(people):
    ana, ben = people["ana"], people["ben"]
    task = propose(ana, "two.txt")
    first = decide(ana, task).json()
    assert first["status"] == "awaiting_approval" and first["approved_by"] == ["ana"]
    assert first["expires_at"] == task["expires_at"], "both approvals have one end"
    assert not exists(ana, "two.txt")
    second = decide(ben, task).json()
    assert second["approved_by"] == ["ana", "ben"]
    assert settled(ana, task)["approved_by"] == ["ana", "ben"] and exists(ana, "two.txt")
    assert events(ana, task) == [
        ("proposed", "ana"), ("approved_first", "ana"), ("approved", "ben"), ("started", "nima"), ("completed", "nima"),
    ]  # fmt: skip
    assert ben.get(f"{TASKS}/audit", expect=200).json() == [], "the record is the asker's"


def test_two_approvers_will_do(people):
    task = propose(people["eve"], "approvers.txt")
    decide(people["cy"], task)
    decide(people["ben"], task)
    assert settled(people["eve"], task)["approved_by"] == ["cy", "ben"]


def test_one_person_is_not_two(people):
    ana, ben = people["ana"], people["ben"]
    task = propose(ana, "alone.txt")
    decide(ana, task)
    assert "second person" in decide(ana, task, expect=409).json()["error"]["message"]
    other = propose(ana, "again.txt")
    decide(ben, other)
    decide(ben, other, expect=409)
    for each in (task, other):
        assert ana.get(f"{TASKS}/{each['id']}/status").json()["status"] == "awaiting_approval"
        decide(ana, each, "reject")
        decide(ben, each, expect=409)
    assert not exists(ana, "alone.txt") and not exists(ana, "again.txt")


def test_strangers_and_what_needs_one_alone_stay_apart(people):
    ana, ben, eve = people["ana"], people["ben"], people["eve"]
    task = propose(ana, "stranger.txt")
    decide(ana, task)
    for verb in ("approve", "reject", "cancel", "retry"):
        decide(eve, task, verb, expect=404)
    decide(people["dan"], task, expect=403)
    people["dan"].get(f"{TASKS}/approvals", expect=403)
    assert waiting(eve) == []
    for verb in ("cancel", "retry"):
        decide(ben, task, verb, expect=404)
    for what in ("status", "events"):
        ben.get(f"{TASKS}/{task['id']}/{what}", expect=404)
    alone = execute(ana, "append_file", {"path": "one.txt", "content": "x"}, expect=202)
    assert alone["two_person"] is False
    decide(ben, alone, expect=404)
    for each in (task, alone):
        decide(ana, each, "reject")


def test_an_approver_sees_the_task_and_nothing_beside_it(people):
    ana, ben = people["ana"], people["ben"]
    body = ana.chat('/task file.write_file path=seen.txt content="bread\\n"').json()
    task = body["actions"][0]
    assert body["response"].startswith("This needs your yes and that of a second person: ")
    said = ana.chat("yes", conversation_id=body["conversation_id"]).json()
    assert said["response"].startswith("Your yes is on record") and said["actions"][0]["status"] == "awaiting_approval"
    row = next(row for row in ben.get(f"{TASKS}/approvals").json() if row["id"] == task["id"])
    assert row["asked_by"] == "ana" == row["approved_by"] and row["params"]["content"] == "bread\n"
    assert row["would"]["permission"] == "two_person" and "+bread" in row["would"]["would"]["diff"]
    assert set(row) <= {"id", "type", "action", "params", "would", "asked_by", "approved_by", "created_at", "expires_at", "step"}
    assert task["id"] not in waiting(ana), "what is one's own is in the history"
    assert "conversation_id" not in decide(ben, task).json()
    assert settled(ana, task)["conversation_id"] == body["conversation_id"]
    assert task["id"] not in waiting(people["cy"])


def test_either_ends_it(people):
    ana, ben = people["ana"], people["ben"]
    task = propose(ana, "no.txt")
    decide(ana, task)
    assert task["id"] in waiting(ben)
    assert decide(ben, task, "reject").json()["status"] == "cancelled"
    decide(people["cy"], task, expect=409)
    assert events(ana, task)[-1] == ("rejected", "ben") and not exists(ana, "no.txt")
    again = decide(ana, task, "retry").json()
    assert again["status"] == "awaiting_approval" and again["approved_by"] == [], "the approvals of before are gone"
    decide(ana, task, "reject")


def test_two_at_once_start_it_once(people):
    ana = people["ana"]
    with ThreadPoolExecutor(3) as pool:
        for i in range(5):
            task = execute(ana, "write_file", {"path": f"race{i}.txt", "content": "x"}, expect=202)
            replies = list(pool.map(lambda who, task=task: people[who].post(f"{TASKS}/{task['id']}/approve").status, ("ana", "ben", "cy")))
            assert sorted(replies) == [200, 200, 409], replies
            settled(ana, task)
            assert [event for event, _ in events(ana, task)] == ["proposed", "approved_first", "approved", "started", "completed"]


def test_the_rule_is_stronger_than_allow_and_weaker_than_deny(people):
    ana, ben = people["ana"], people["ben"]
    assert execute(ana, "make_dir", {"path": "free"})["status"] == "completed"
    task = propose(ana, "free/a.txt")
    decide(ana, task, "reject")
    execute(ana, "write_file", {"path": "never/a.txt", "content": "x"}, expect=403)
    plan = ana.chat("write \"a\" to plan.txt and then list my files").json()["actions"]
    assert [step["status"] for step in plan] == ["awaiting_approval"] * 2
    decide(ana, plan[0])
    assert {step["id"] for step in plan} <= set(waiting(ben))
    decide(ben, plan[1], expect=409)
    decide(ben, plan[0])
    for step in plan:
        assert settled(ana, step)["approved_by"] == ["ana", "ben"]


def test_forgetting_the_first_takes_the_approval_back(people):
    eve, cy = people["eve"], people["cy"]
    task = propose(eve, "forgotten.txt")
    decide(cy, task)
    cy.delete("/v1/memory", {"confirm": "cy"}, expect=204)
    assert eve.get(f"{TASKS}/{task['id']}/status").json()["approved_by"] == []
    decide(eve, task)
    assert not exists(eve, "forgotten.txt")
    decide(people["ben"], task)
    settled(eve, task)


def test_a_rule_without_approvers_stops_the_start(tmp_path):
    done = run_nima("serve", "--port", 0, "--data", tmp_path, "--llm", "scripted:", "--embeddings", "scripted:",
                    env={"NIMA_TASKS_TWO_PERSON": "file.write_file"})  # fmt: skip
    assert done.returncode != 0 and "tasks.approvers" in done.stderr
