"""Tasks: asked for, decided on, done, on record."""

import base64
import hashlib
import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from client import Client
from server import run_nima

STORES = ("sqlite", "json", "postgres")
TASKS = "/v1/tasks"
PATIENCE_S = 60


@pytest.fixture
def files(api):
    folder = api.server.data / "files" / uuid.uuid4().hex[:8]
    folder.mkdir(parents=True)
    return folder


def below(folder, name):
    return f"{folder.name}/{name}"


def execute(api, action, params, *, type="file", expect=200, wait=PATIENCE_S, **more):
    target = f"{TASKS}/execute" + (f"?wait={wait}" if wait else "")
    return api.post(target, {"type": type, "action": action, "params": params, **more}, expect=expect).json()


def settled(api, task, state="completed"):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        task = api.get(f"{TASKS}/{task['id']}/status", expect=200).json()
        if task["status"] in ("completed", "failed", "cancelled"):
            break
        time.sleep(0.02)
    assert task["status"] == state, task
    return task


def write(api, path, content, **more):
    task = execute(api, "write_file", {"path": path, "content": content, **more}, expect=202)
    assert task["status"] == "awaiting_approval" and task["expires_at"]
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    return settled(api, task)


def test_a_read_is_allowed_and_a_write_is_asked_for(api, files):
    (files / "notes.txt").write_text("eggs\nmilk\n")
    task = execute(api, "read_file", {"path": below(files, "notes.txt")})
    assert task["status"] == "completed" and task["result"]["content"] == "eggs\nmilk\n"
    assert task["attempts"] == 1 and task["completed_at"] and task["error"] is None
    asked = execute(api, "write_file", {"path": below(files, "notes.txt"), "content": "gone"}, expect=202)
    assert asked["status"] == "awaiting_approval"
    assert (files / "notes.txt").read_text() == "eggs\nmilk\n", "nothing is done before the answer"
    api.post(f"{TASKS}/{asked['id']}/reject", expect=200)
    assert api.post(f"{TASKS}/{asked['id']}/approve", expect=409)
    done = write(api, below(files, "notes.txt"), "bread\n")
    assert (files / "notes.txt").read_text() == "bread\n" and "-eggs" in done["result"]["diff"]
    events = [row["event"] for row in api.get(f"{TASKS}/audit?task_id={done['id']}", expect=200).json()]
    assert events == ["completed", "started", "approved", "proposed"]


def test_dry_run_shows_the_change_and_makes_none(api, files):
    (files / "a.txt").write_text("one\ntwo\n")
    task = execute(api, "write_file", {"path": below(files, "a.txt"), "content": "one\nthree\n"}, dry_run=True)
    assert task["result"]["permission"] == "ask" and task["result"]["changes"] is True
    assert "-two\n+three\n" in task["result"]["would"]["diff"]
    assert (files / "a.txt").read_text() == "one\ntwo\n"
    api.get(f"{TASKS}/{task['id']}/status", expect=404)



def test_what_failed_has_begun_nothing(api, files):
    """Another try by hand must not take what an attempt kept for undoing for a change that was made."""
    path, to = below(files, "a.txt"), below(files, "b.txt")

    def approved(task, state):
        api.post(f"{TASKS}/{task['id']}/approve", expect=200)
        return settled(api, task, state)

    (files / "a.txt").write_text("first")
    move = approved(execute(api, "move", {"path": path, "to": to}, expect=202), "completed")
    (files / "a.txt").write_text("in the way")
    undo = approved(execute(api, "undo", {"task_id": move["id"]}, expect=202), "failed")
    assert path in undo["error"], undo
    (files / "b.txt").unlink()
    again = api.post(f"{TASKS}/{undo['id']}/retry", expect=200).json()
    assert to in approved(again, "failed")["error"]
    assert (files / "a.txt").read_text() == "in the way"


def test_every_file_action(api, files):
    path = below(files, "f.txt")
    write(api, path, "b\na\nb\n")
    done = {}
    for action, params in (
        ("append_file", {"path": path, "content": "z\n"}),
        ("make_dir", {"path": below(files, "deep/er"), "parents": True}),
        ("copy", {"path": path, "to": below(files, "deep/er/copy.txt")}),
        ("move", {"path": below(files, "deep/er/copy.txt"), "to": below(files, "deep/moved.txt")}),
        ("process", {"path": path, "op": "replace", "find": "b", "with": "c"}),
        ("delete", {"path": below(files, "deep/er")}),
        ("delete", {"path": below(files, "deep/moved.txt")}),
    ):
        task = execute(api, action, params, expect=202)
        api.post(f"{TASKS}/{task['id']}/approve", expect=200)
        done[action] = settled(api, task)
    assert (files / "f.txt").read_text() == "c\na\nc\nz\n" and not list((files / "deep").iterdir())
    task = execute(api, "undo", {"task_id": done["delete"]["id"]}, expect=202)
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    settled(api, task)
    assert (files / "deep" / "moved.txt").read_text() == "b\na\nb\nz\n"
    listed = execute(api, "list_dir", {"path": files.name})["result"]
    assert [(entry["name"], entry["type"]) for entry in listed["entries"]] == [("deep", "folder"), ("f.txt", "file")]
    assert execute(api, "stat", {"path": path})["result"]["size"] == 8
    hits = execute(api, "search", {"path": files.name, "query": "B"})["result"]["hits"]
    assert [(hit["path"], hit["line"]) for hit in hits] == [(below(files, "deep/moved.txt"), 1), (below(files, "deep/moved.txt"), 3)]
    process = lambda **more: execute(api, "process", {"path": path, **more})["result"]  # noqa: E731
    assert process(op="lines")["lines"] == 4
    assert process(op="hash")["sha256"] == hashlib.sha256(b"c\na\nc\nz\n").hexdigest()
    assert process(op="head", lines=2)["text"] == "c\na\n" and process(op="tail", lines=2)["text"] == "c\nz\n"
    (files / "x.json").write_text('{"a": [1, {"b/c": "deep"}]}')
    assert execute(api, "process", {"path": below(files, "x.json"), "op": "json", "pointer": "/a/1/b~1c"})["result"]["value"] == "deep"
    (files / "x.json").write_text("[" * 1000)
    refused = execute(api, "process", {"path": below(files, "x.json"), "op": "json"}, expect=200)
    assert refused["status"] == "failed" and "no JSON" in refused["error"], refused
    (files / "bytes").write_bytes(b"\xff\x00\x01")
    assert base64.b64decode(execute(api, "read_file", {"path": below(files, "bytes")})["result"]["content_base64"]) == b"\xff\x00\x01"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "ftp", "action": "get", "params": {}}, "type"),
        ({"type": "file", "action": "format_disk", "params": {}}, "action"),
        ({"type": "file", "action": "read_file", "params": {}}, "params.path"),
        ({"type": "file", "action": "read_file", "params": {"path": 7}}, "params.path"),
        ({"type": "file", "action": "read_file", "params": {"path": "a", "mode": "rw"}}, "params.mode"),
        ({"type": "file", "action": "read_file", "params": {"path": "../etc/passwd"}}, "params.path"),
        ({"type": "file", "action": "read_file", "params": {"path": "/etc/passwd"}}, "params.path"),
        ({"type": "file", "action": "read_file", "params": {"path": "a", "max_bytes": 0}}, "params.max_bytes"),
        ({"type": "file", "action": "read_file", "params": {"path": "a"}, "max_attempts": 0}, "max_attempts"),
        ({"type": "file", "action": "read_file", "params": {"path": "a"}, "root": "etc"}, "root"),
        ({"type": "file", "action": "write_file", "params": {"path": "a", "content": "${secret:X}"}}, "params"),
    ],
)
def test_what_cannot_be_asked_for(api, body, field):
    assert api.post(f"{TASKS}/execute", body, expect=422).field == field


def test_what_fails_says_why(api, files):
    assert execute(api, "read_file", {"path": below(files, "none.txt")})["error_code"] == "not_found"
    os.symlink("/etc/passwd", files / "link")
    task = execute(api, "read_file", {"path": below(files, "link")})
    assert task["status"] == "failed" and task["error_code"] == "forbidden" and task["attempts"] == 1
    again = api.post(f"{TASKS}/{task['id']}/retry", expect=200).json()
    assert again["attempts"] == 0 and settled(api, task, "failed")["attempts"] == 1
    api.post(f"{TASKS}/{uuid.uuid4()}/retry", expect=404)


def test_cancel(api, files):
    task = execute(api, "make_dir", {"path": below(files, "x")}, expect=202)
    assert api.post(f"{TASKS}/{task['id']}/cancel", expect=200).json()["status"] == "cancelled"
    api.post(f"{TASKS}/{task['id']}/cancel", expect=409)
    assert not (files / "x").exists()


def test_events_end_with_the_task(api, files):
    task = execute(api, "make_dir", {"path": below(files, "x")}, expect=202)
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    frames = api.get(f"{TASKS}/{task['id']}/events", expect=200).frames
    assert frames[-1]["status"] == "completed" and {frame["id"] for frame in frames} == {task["id"]}
    assert len(frames) == len({json.dumps(frame) for frame in frames}), "only changes are told"


def test_history(api, files):
    ids = [execute(api, "stat", {"path": files.name})["id"] for _ in range(5)]
    seen, target = [], f"{TASKS}/history?type=file&status=completed&limit=2"
    while target and len(seen) < 5:
        reply = api.get(target, expect=200)
        seen += [row["id"] for row in reply.json()]
        cursor = reply.headers.get("x-next-cursor")
        target = f"{TASKS}/history?type=file&status=completed&limit=2&cursor={cursor}" if cursor else None
    assert seen[:5] == ids[::-1]
    assert api.get(f"{TASKS}/history?since=2100-01-01T00:00:00Z", expect=200).json() == []
    assert api.get(f"{TASKS}/history?cursor=x", expect=422).field == "cursor"


def test_integrations_say_what_they_take(api):
    listed = {row["type"]: row for row in api.get(f"{TASKS}/integrations", expect=200).json()}
    actions = {action["name"]: action for action in listed["file"]["actions"]}
    assert listed["file"]["configured"] and actions["read_file"]["permission"] == "allow"
    assert actions["write_file"]["permission"] == "ask" and actions["write_file"]["writes"] is True
    schema = actions["read_file"]["params"]
    assert schema["required"] == ["path"] and schema["additionalProperties"] is False
    assert set(actions) >= {"read_file", "write_file", "append_file", "list_dir", "make_dir", "move", "copy", "delete",
                            "stat", "search", "process"}  # fmt: skip


def test_rules_decide(start_server):
    server = start_server(env={
        "NIMA_TASKS_ALLOW": "file.write_file:notes/**, file.make_dir", "NIMA_TASKS_DENY": "file.*:notes/private/**",
        "NIMA_TASKS_APPROVAL_S": "1",
    })  # fmt: skip
    api = Client(server)
    execute(api, "make_dir", {"path": "notes/private", "parents": True})
    assert execute(api, "write_file", {"path": "notes/a.txt", "content": "x"})["status"] == "completed"
    late = execute(api, "write_file", {"path": "b.txt", "content": "x"}, expect=202)
    for action, params in (("write_file", {"path": "notes/./private//a", "content": "x"}), ("read_file", {"path": "notes/private/a"}),
                           ("move", {"path": "notes/a.txt", "to": "notes/private/a"})):  # fmt: skip
        execute(api, action, params, expect=403)
    assert settled(api, late, "cancelled")["error_code"] == "timeout", "a proposal does not wait for ever"
    assert [row["event"] for row in api.get(f"{TASKS}/audit?limit=500").json()].count("denied") == 3
    server.stop()
    verified = run_nima("audit", "verify", "--data", server.data, *server.args)
    server.start()
    assert verified.returncode == 0 and "whole" in verified.stdout, verified
    assert run_nima("audit").returncode == 2


def test_two_people(start_server):
    server = start_server()
    tokens = {}
    server.stop()  # JSON files belong to one process at a time
    for user, scopes in (("ana", "tasks"), ("ben", "tasks"), ("cy", "chat")):
        made = run_nima("token", "create", "--user", user, "--scopes", scopes, "--data", server.data, *server.args)
        tokens[user] = Client(server, made.stdout.split()[-1])
    server.start()
    task = execute(tokens["ana"], "make_dir", {"path": "x"}, expect=202)
    for verb in ("approve", "reject", "cancel", "retry"):
        tokens["ben"].post(f"{TASKS}/{task['id']}/{verb}", expect=404)
    for what in ("status", "events"):
        tokens["ben"].get(f"{TASKS}/{task['id']}/{what}", expect=404)
    assert tokens["ben"].get(f"{TASKS}/history").json() == [] == tokens["ben"].get(f"{TASKS}/audit").json()
    tokens["cy"].get(f"{TASKS}/history", expect=403)
    tokens["ana"].post(f"{TASKS}/{task['id']}/approve", expect=200)
    settled(tokens["ana"], task)


def test_forgetting_a_person_leaves_nothing_of_their_tasks(start_server):
    api = Client(start_server())
    for content in ("first quokka", "second"):
        write(api, "a.txt", content)
    undo = api.server.data / "undo"
    assert any(b"quokka" in file.read_bytes() for file in undo.iterdir())
    api.delete("/v1/memory", {"confirm": "default"}, expect=204)
    assert list(undo.iterdir()) == []
    assert api.get(f"{TASKS}/history").json() == [] == api.get(f"{TASKS}/audit").json()


def test_too_many_at_once_are_refused_and_none_of_the_others_is_lost(start_server):
    api = Client(start_server(env={"NIMA_TASKS_WAITING_MAX": "10", "NIMA_TASKS_WORKERS": "2"}))
    ask = lambda i: api.post(f"{TASKS}/execute", {"type": "file", "action": "make_dir", "params": {"path": f"d{i}"}})  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, range(40)))
    taken, refused = ([reply for reply in replies if reply.status == status] for status in (202, 429))
    assert len(taken) + len(refused) == 40 and 10 <= len(taken) < 20, "the bound is soft by as many as ask at once"
    assert all(int(reply.headers["retry-after"]) >= 1 and reply.json()["error"]["code"] == "rate_limited" for reply in refused)
    ids = {row["id"] for row in api.get(f"{TASKS}/history?limit=500").json()}
    assert ids == {reply.json()["id"] for reply in taken}
    assert api.chat('/task file.write_file path=x content="y"').json()["response"].startswith("I did not do that: ")
    for reply in taken:
        api.post(f"{TASKS}/{reply.json()['id']}/approve", expect=200)
    for reply in taken:
        settled(api, reply.json())
    assert ask("later").status == 202


def test_a_file_of_a_gibibyte(api, files):
    """What is shown of it is a piece; nothing takes all of it in."""
    with (files / "big").open("wb") as big:
        big.truncate(1 << 30)
    path = below(files, "big")
    read = execute(api, "read_file", {"path": path, "max_bytes": 1 << 20})
    assert read["result"]["truncated"] is True and read["result"]["size"] == 1 << 30
    assert base64.b64decode(read["result"]["content_base64"]) == bytes(1 << 20)
    assert execute(api, "search", {"path": files.name, "query": "x"})["result"]["hits"] == []
    assert execute(api, "process", {"path": path, "op": "head"})["error_code"] == "too_large"
    for action, params in (("append_file", {"path": path, "content": "x"}), ("copy", {"path": path, "to": below(files, "b")}), ("delete", {"path": path})):
        task = execute(api, action, params, expect=202)
        api.post(f"{TASKS}/{task['id']}/approve", expect=200)
        assert settled(api, task, "failed")["error_code"] == "too_large"
    (files / "big").unlink()


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) - 200])
def test_params_of_a_mebibyte(api, files, size):
    """Over the limit of a body they are refused; just below it they are taken, and only their digest is on record."""
    body = {"type": "file", "action": "write_file", "params": {"path": below(files, "big.txt"), "content": "x" * size}}
    reply = api.post(f"{TASKS}/execute", body)
    assert reply.status == (413 if size == 1 << 20 else 202), reply
    if reply.status == 202:
        api.post(f"{TASKS}/{reply.json()['id']}/reject", expect=200)
        row = api.get(f"{TASKS}/audit?task_id={reply.json()['id']}").json()[-1]
        assert row["details"]["params_bytes"] > size - 200 and "params" not in row["details"]
