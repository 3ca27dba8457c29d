"""Programs of other people as integrations: tests/data/lab.py does as badly as it is told."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from client import Client
from server import ROOT, NimaServer, binary, clean_environment, run_nima

TASKS = "/v1/tasks"
PATIENCE_S = 60
SECRET = 'tok/en "q" 54321'
MODES = (
    "echo", "fail", "crash", "flood", "words", "array", "hang", "later", "once_more", "leak", "memory", "fork", "trace", "reach",
    "open_files", "write_files", "kill",
)  # fmt: skip
WRITES = ("once_more", "write_files")
ACTION = """
  - name: {mode}
    doc: What {mode} does.
    argv: [/usr/bin/python3, -I, lab.py, {mode}]
    writes: {writes}
    timeout_s: {timeout}
    resources: ["word/{{word}}"]
    read: [{folder}]
    write: [{folder}]
    params:
      type: object
      properties:
        word: {{type: string, maxLength: 30, default: ""}}
        folder: {{type: string, default: ""}}
        number: {{type: integer, minimum: 1, maximum: 9}}
        kind: {{type: string, enum: [a, b]}}
        paths: {{type: array, items: {{type: string}}, maxItems: 9}}
"""


def manifest(folder, timeout=3600, modes=MODES):
    actions = (ACTION.format(mode=mode, writes=str(mode in WRITES).lower(), timeout=timeout, folder=folder) for mode in modes)
    return "name: lab\ndoc: A laboratory.\nat_once: 4\nactions:" + "".join(actions)


@pytest.fixture(scope="module")
def landlock():
    """Its version. Without it programs run only where tasks.sandbox is off, and files are open to them."""
    told = json.loads(run_nima("doctor", "--json", env={"NIMA_LLM": "scripted:", "NIMA_EMBEDDINGS": "scripted:"}).stdout)
    line = next(check["message"] for check in told["checks"] if check["check"] == "sandbox")
    return line.startswith("Landlock")


@pytest.fixture
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


def install(data, folder, **more):
    there = Path(data) / "integrations"
    there.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copy(ROOT / "tests" / "data" / "lab.py", there / "lab.py")
    (there / "lab.yaml").write_text(manifest(folder, **more))
    (there / "lab.yaml").chmod(0o600)
    return there


def environment(landlock, **more):
    rules = {"NIMA_TASKS_DENY": "lab.echo:word/no*", "NIMA_SECRET_TOKEN": SECRET}
    return rules | ({} if landlock else {"NIMA_TASKS_SANDBOX": "off"}) | more


@pytest.fixture(scope="module")
def lab(landlock, folder, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    install(data, folder)
    with NimaServer(data=data, env=environment(landlock)) as server:
        yield Client(server)


def execute(api, action, params=None, *, expect=200, wait=PATIENCE_S, **more):
    target = f"{TASKS}/execute" + (f"?wait={wait}" if wait else "")
    return api.post(target, {"type": "lab", "action": action, "params": params or {}, **more}, expect=expect).json()


def completed(api, action, params=None, **more):
    task = execute(api, action, params, **more)
    assert task["status"] == "completed", task
    return task["result"]


def failed(api, action, params=None, **more):
    task = execute(api, action, params, **more)
    assert task["status"] == "failed", task
    return task


def settled(api, task):
    until = time.monotonic() + 2 * PATIENCE_S
    while time.monotonic() < until and task["status"] not in ("completed", "failed", "cancelled"):
        task = api.get(f"{TASKS}/{task['id']}/status", expect=200).json()
        time.sleep(0.02)
    return task


def listed(api, name="lab"):
    return next(item for item in api.get(f"{TASKS}/integrations", expect=200).json() if item["type"] == name)


def test_it_is_an_integration_like_the_others(lab, folder):
    given = {"word": "Kyiv – Київ", "number": 9, "paths": ["a", 'b"']}
    result = completed(lab, "echo", given)
    assert result["given"] == given | {"folder": ""} and result["arguments"] == ["echo"]
    assert set(result["environment"]) <= {"PATH", "LC_ALL", "NIMA_TASK_ID", "TMPDIR", "LC_CTYPE"}
    item = listed(lab)
    assert item["configured"] and "problem" not in item
    action = next(action for action in item["actions"] if action["name"] == "echo")
    assert action["permission"] == "allow" and action["writes"] is False
    assert action["params"]["properties"]["number"] == {"type": "integer", "minimum": 1, "maximum": 9, "description": ""}
    told = lab.chat("/task lab.echo word=hello number=2").json()
    assert told["actions"][0]["status"] == "completed" and '"number":2' in told["response"]


def test_a_write_is_shown_asked_for_and_on_record(lab, folder):
    target = folder / "written"
    shown = completed(lab, "write_files", {"paths": [str(target)]}, dry_run=True)
    assert shown["permission"] == "ask" and shown["changes"] is True
    assert shown["would"]["run"] == ["/usr/bin/python3", "-I", "lab.py", "write_files"]
    assert shown["would"]["may_write"] == [str(folder)] and shown["would"]["input"]["paths"] == [str(target)]
    task = execute(lab, "write_files", {"paths": [str(target)]}, expect=202)
    assert task["status"] == "awaiting_approval" and not target.exists()
    lab.post(f"{TASKS}/{task['id']}/approve", expect=200)
    assert settled(lab, task)["result"]["refused"] == {str(target): None} and target.exists()
    rows = lab.get(f"{TASKS}/audit?task_id={task['id']}", expect=200).json()
    assert [row["event"] for row in rows] == ["completed", "started", "approved", "proposed"]
    assert {row["type"] for row in rows} == {"lab"}
    assert lab.get(f"{TASKS}/history?type=lab&status=completed").json()[0]["id"] == task["id"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"word": 5}, "params.word"), ({"word": "x" * 31}, "params.word"), ({"number": 10}, "params.number"),
        ({"number": "1"}, "params.number"), ({"kind": "c"}, "params.kind"), ({"paths": [1]}, "params.paths[0]"),
        ({"paths": ["x"] * 10}, "params.paths"), ({"more": 1}, "params.more"), ({"word": "${secret:NONE}"}, "params"),
    ],
)  # fmt: skip
def test_params_are_refused_with_their_place(lab, params, field):
    assert execute(lab, "echo", params, expect=422)["error"]["field"] == field


def test_rules_decide_on_what_the_manifest_says(lab, start_server):
    assert "tasks.deny: lab.echo:word/no*" in execute(lab, "echo", {"word": "north"}, expect=403)["error"]["message"]
    completed(lab, "echo", {"word": "south"})
    assert execute(lab, "nothing", expect=422)["error"]["field"] == "action"
    refused = run_nima("serve", "--port", "0", env={"NIMA_TASKS_DENY": "lob.echo", "NIMA_LLM": "scripted:", "NIMA_EMBEDDINGS": "scripted:"})
    assert refused.returncode != 0 and "lob" in refused.stderr


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("fail", "lab.fail ended with 3"), ("fail", "what it said last"), ("crash", "Segmentation fault"),
        ("crash", "about to fall"), ("flood", "wrote over 256 KiB"), ("words", "wrote no JSON object"),
        ("array", "wrote no JSON object"), ("memory", "MemoryError"),
    ],
)  # fmt: skip
def test_what_fails_says_why_and_is_not_tried_again(lab, action, told):
    task = failed(lab, action)
    assert told in task["error"] and task["attempts"] == 1, task


def test_time_that_is_over_ends_it(lab):
    task = failed(lab, "hang", timeout_s=1, max_attempts=1)
    assert task["error_code"] == "timeout"


def test_cancelling_ends_it(lab):
    task = execute(lab, "hang", expect=202, wait=0)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and lab.get(f"{TASKS}/{task['id']}/status").json()["status"] == "pending":
        time.sleep(0.02)
    lab.post(f"{TASKS}/{task['id']}/cancel", expect=200)
    assert settled(lab, task)["status"] == "cancelled"


def test_what_may_pass_is_tried_again(lab, folder):
    task = execute(lab, "later", {"folder": str(folder)})
    assert task["status"] == "completed" and task["attempts"] == 2


def test_a_secret_comes_in_and_does_not_go_out(lab):
    params = {"word": "${secret:TOKEN}"}
    shown = completed(lab, "leak", params, dry_run=True)
    assert shown["would"]["input"]["word"] == "${secret:TOKEN}"
    task = execute(lab, "leak", params)
    assert task["status"] == "completed" and task["params"] == params
    assert task["result"]["plain"] == task["result"]["coded"].rstrip("=") == "(secret TOKEN)"
    broken = failed(lab, "leak", params | {"folder": "x"})
    assert "it is (secret TOKEN)" in broken["error"]
    kept = json.dumps([task, broken, lab.get(f"{TASKS}/audit?limit=500").json(), lab.get(f"{TASKS}/history").json()])
    assert "54321" not in kept
    for file in Path(lab.server.data).rglob("*.db*"):
        assert b"54321" not in file.read_bytes()


def test_it_reaches_no_network_and_no_other_process(lab):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        refused = completed(lab, "reach", {"word": str(listening.getsockname()[1])})["refused"]
        assert refused == ["EPERM", "EPERM"]
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert completed(lab, "trace")["refused"] == [1, 1]
    assert completed(lab, "kill")["refused"] == ["EPERM"] * 3
    assert completed(lab, "fork") == {"refused": 1, "forks": 0}


def test_it_opens_what_is_named_and_nothing_else(lab, folder, landlock, tmp_path):
    (folder / "named").write_text("x")
    server = Client(lab.server)
    named = str(folder / "named")
    assert completed(server, "open_files", {"paths": [named]})["refused"] == {named: None}
    if not landlock:
        return  # the next test says what holds then
    data = Path(lab.server.data)
    (tmp_path / "mine").write_text("x")
    paths = ["/etc/passwd", "/proc/1/environ", f"/proc/{os.getpid()}/environ", str(data / "nima.db"), str(tmp_path / "mine")]
    assert completed(server, "open_files", {"paths": paths})["refused"] == dict.fromkeys(paths, "EACCES")
    (folder / "link").symlink_to("/etc/passwd")
    paths = [str(folder / "link"), str(folder / ".." / ".." / "x"), str(data / "integrations" / "lab.py"), "/usr/x", str(tmp_path / "mine")]
    task = execute(server, "write_files", {"paths": paths}, expect=202)
    server.post(f"{TASKS}/{task['id']}/approve", expect=200)
    assert set(settled(server, task)["result"]["refused"].values()) == {"EACCES"}


def test_a_kernel_that_keeps_no_files_runs_none(landlock, start_server, shared, tmp_path):
    install(tmp_path, shared)
    api = Client(start_server(data=tmp_path, env=environment(True)))
    assert listed(api)["configured"] is landlock
    if landlock:
        completed(api, "echo")
    else:
        assert "Landlock" in execute(api, "echo", expect=403)["error"]["message"]


@pytest.fixture(scope="module")
def old_kernel(tmp_path_factory):
    """The binary, as on a kernel without Landlock."""
    script = tmp_path_factory.mktemp("old") / "nima"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{ROOT}/tests/support/without_landlock.py" "{binary()}" "$@"\n')
    script.chmod(0o755)
    return script


def doctor_of(program, data, **more):
    env = clean_environment({"NIMA_LLM": "scripted:", "NIMA_EMBEDDINGS": "scripted:"} | more)
    told = subprocess.run([program, "doctor", "--json", "--data", data], env=env, capture_output=True, check=False, timeout=60)
    return next(check for check in json.loads(told.stdout)["checks"] if check["check"] == "sandbox")


def count_lines(api, data):
    (Path(data) / "files").mkdir(exist_ok=True)
    (Path(data) / "files" / "two.txt").write_text("one\ntwo\n")
    body = {"type": "file", "action": "process", "params": {"path": "two.txt", "op": "lines"}}
    return api.post(f"{TASKS}/execute?wait={PATIENCE_S}", body, expect=200).json()


def test_without_landlock_no_program_is_run_and_it_is_said_why(old_kernel, start_server, shared, tmp_path):
    install(tmp_path, shared)
    server = start_server(data=tmp_path, binary=old_kernel, env=environment(True))
    api = Client(server)
    assert listed(api)["configured"] is False
    message = execute(api, "echo", expect=403)["error"]["message"]
    assert "tasks.sandbox" in message and "no Landlock" in message and "nima doctor" in message
    assert "this kernel has no Landlock: programs of integrations are not run" in server.stderr()
    told = doctor_of(old_kernel, tmp_path)
    assert told["status"] == "warn" and "lsm=landlock" in told["message"] and "set tasks.sandbox to off" in told["message"]
    assert count_lines(api, tmp_path)["result"]["lines"] == 2, "what Nima itself does apart is kept by seccomp"


def test_without_landlock_the_rest_of_the_sandbox_holds(old_kernel, start_server, shared, tmp_path):
    install(tmp_path, shared)
    server = start_server(data=tmp_path, binary=old_kernel, env=environment(False))
    api = Client(server)
    assert listed(api)["configured"] is True
    completed(api, "echo")
    test_it_reaches_no_network_and_no_other_process(api)
    assert "MemoryError" in failed(api, "memory")["error"]
    assert completed(api, "open_files", {"paths": ["/etc/passwd"]})["refused"] == {"/etc/passwd": None}, "as doctor says"
    told = doctor_of(old_kernel, tmp_path, NIMA_TASKS_SANDBOX="off")
    assert told["status"] == "warn" and "open every file" in told["message"]
    assert count_lines(api, tmp_path)["result"]["lines"] == 2


def test_what_was_approved_is_what_runs(landlock, start_server, shared, tmp_path):
    there = install(tmp_path, shared)
    api = Client(start_server(data=tmp_path, env=environment(landlock)))
    ask = lambda: execute(api, "write_files", {"paths": [str(shared / "x")]}, expect=202)  # noqa: E731
    task = ask()
    with (there / "lab.py").open("a") as file:
        file.write("\n")
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    over = settled(api, task)
    assert over["status"] == "failed" and "ask anew" in over["error"] and not (shared / "x").exists()
    assert api.post(f"{TASKS}/{task['id']}/retry", {}, expect=409)
    task = ask()
    (there / "lab.yaml").write_text(manifest(shared).replace("-I, lab.py, write_files", "-I, lab.py, echo"))
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    assert settled(api, task)["status"] == "failed"
    task = ask()  # what only describes may change
    (there / "lab.yaml").write_text((there / "lab.yaml").read_text().replace("What write_files does", "Writes"))
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    assert settled(api, task)["status"] == "completed"


def test_a_manifest_that_is_broken_says_where_and_stops_no_other(landlock, start_server, shared, tmp_path):
    there = install(tmp_path, shared)
    (there / "second.yaml").write_text("name: second\ndoc: x\nactions:\n  - name: go\n    shell: true\n")
    (there / "file.yaml").write_text("name: file\n")
    (there / "open.yaml").write_text("name: open\n")
    (there / "open.yaml").chmod(0o666)
    server = start_server(data=tmp_path, env=environment(landlock))
    api = Client(server)
    problem = "integrations/second.yaml:5:5: actions[0].shell is not known here"
    assert listed(api, "second") == {"type": "second", "description": "", "configured": False, "problem": problem, "actions": []}
    assert "others may write it" in listed(api, "open")["problem"]
    refused = api.post(f"{TASKS}/execute", {"type": "second", "action": "go", "params": {}}, expect=422).json()
    assert problem in refused["error"]["message"] and refused["error"]["field"] == "type"
    completed(api, "echo")
    doctor = {"NIMA_LLM": "scripted:", "NIMA_EMBEDDINGS": "scripted:"}
    told = run_nima("doctor", "--data", tmp_path, env=doctor).stdout
    assert problem in told and "an integration of Nima itself has this name" in told
    (there / "second.yaml").write_text(manifest(shared, modes=("echo",)).replace("name: lab", "name: second", 1))
    body = {"type": "second", "action": "echo", "params": {}}
    assert api.post(f"{TASKS}/execute?wait={PATIENCE_S}", body, expect=200).json()["status"] == "completed"
    (there / "second.yaml").unlink()
    assert api.post(f"{TASKS}/execute", body, expect=422)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def test_a_server_that_is_killed_takes_the_program_with_it(landlock, start_server, shared, tmp_path):
    install(tmp_path, shared)
    server = start_server(data=tmp_path, env=environment(landlock, NIMA_TASKS_LEASE_S=2))
    task = execute(Client(server), "once_more", {"folder": str(shared)}, expect=202, wait=0)
    Client(server).post(f"{TASKS}/{task['id']}/approve", expect=200)
    begun, until = shared / task["id"], time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not (begun.exists() and begun.read_text().endswith("\n")):
        time.sleep(0.02)
    pid = int(begun.read_text())
    assert alive(pid)
    server.kill()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and alive(pid):
        time.sleep(0.02)
    assert not alive(pid)
    server.start().wait_ready()
    over = settled(Client(server), task)
    assert over["status"] == "completed" and over["attempts"] == 2
    events = [row["event"] for row in Client(server).get(f"{TASKS}/audit?task_id={task['id']}").json()]
    assert "taken_up" in events
