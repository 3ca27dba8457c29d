"""Tasks in a conversation, on each store: proposal, yes, no, a changed parameter, a plan. test_tasks_chat.py has the rest."""

import pytest

STORES = ("sqlite", "json", "postgres")


@pytest.fixture
def file(api):
    path = api.server.data / "files" / "notes.txt"
    path.write_text("eggs\n")
    yield path
    path.unlink(missing_ok=True)


def states(body):
    return [(action["action"], action["status"]) for action in body["actions"]]


def test_a_proposal_is_done_on_yes(api, file):
    asked = api.chat('/task file.append_file path=notes.txt content="milk\\n"').json()
    assert states(asked) == [("append_file", "awaiting_approval")] and "+milk" in asked["response"]
    assert file.read_text() == "eggs\n"
    done = api.chat("yes", conversation_id=asked["conversation_id"]).json()
    assert states(done) == [("append_file", "completed")] and file.read_text() == "eggs\nmilk\n"
    events = [row["event"] for row in api.get(f"/v1/tasks/audit?task_id={done['actions'][0]['id']}").json()]
    assert events == ["completed", "started", "approved", "proposed"]


def test_no_ends_it(api, file):
    asked = api.chat("delete notes.txt").json()
    assert states(api.chat("no", conversation_id=asked["conversation_id"]).json()) == [("delete", "cancelled")]
    assert file.exists()


def test_a_changed_parameter_is_another_proposal(api, file):
    asked = api.chat("rename notes.txt to a.txt").json()
    talk = asked["conversation_id"]
    changed = api.chat("yes, but call it b.txt", conversation_id=talk).json()
    assert states(changed) == [("move", "awaiting_approval")] and changed["actions"][0]["id"] != asked["actions"][0]["id"]
    assert api.get(f"/v1/tasks/{asked['actions'][0]['id']}/status").json()["status"] == "cancelled"
    assert states(api.chat("yes", conversation_id=talk).json()) == [("move", "completed")]
    file.with_name("b.txt").unlink()


def test_a_plan_is_approved_as_a_whole_and_stops_where_it_fails(api, file):
    asked = api.chat('append "milk" to notes.txt and then read none.txt and then delete notes.txt').json()
    assert [status for _, status in states(asked)] == ["awaiting_approval"] * 3
    done = api.chat("yes", conversation_id=asked["conversation_id"]).json()
    assert [status for _, status in states(done)] == ["completed", "failed", "cancelled"]
    assert file.read_text() == "eggs\nmilk\n"
