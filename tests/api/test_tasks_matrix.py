"""Every action of `file` and `api`: success, refusal, another attempt, the end of its time, and a crash.

A row for each action (for each way of working, where it has several); an action without one fails the first test.

Another attempt   The server's table of files is full (RLIMIT_NOFILE of the running process) while the action is begun;
                  of services: 503, then 200.
The end of time   A service that is silent; a search while the server stands still (SIGSTOP); the process that works on a
                  content stands still. Where nothing is waited for, the row says why there is no such case.
A crash           The store refuses to write down the end (a trigger in it), so that all has been done and nothing is
                  known of it: the worst moment. Then the server is killed, and started again.
"""

import contextlib
import hashlib
import os
import resource
import signal
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from client import Client
from server import NimaServer
from test_tasks import PATIENCE_S, TASKS, settled
from test_tasks_api import Handler

LEASE_S = 2
BOUNDED = "a few system calls on one file of at most 16 MiB: nothing in it is waited for (executor_test.c has its time over)"
NAMES = "a few system calls on names: nothing in it is waited for"
TEXT = "one\ntwo\none\n"


@dataclass
class Row:
    name: str  # integration.action
    params: dict  # paths below the row's folder begin with @/
    shows: object = None  # what the result holds, or a function of it
    before: dict = field(default_factory=lambda: {"f.txt": TEXT})  # files; None: a folder
    after: dict = None  # None: as before
    first: tuple = None  # what is done before; its id is ${first}
    endless: str = None  # why its time cannot be over, or None

    def tree(self):
        return self.before if self.after is None else self.after


def undo(first, **more):
    return Row("file.undo", {"task_id": "${first}"}, {"what": "taken back"}, first=first, endless=BOUNDED, **more)


def looks(op, shows, **more):
    return Row("file.process", {"path": "@/f.txt", "op": op, **more}, shows, before={"f.txt": more.pop("text", TEXT)})


ROWS = [
    Row("file.read_file", {"path": "@/f.txt"}, {"content": TEXT, "size": 12}, endless=BOUNDED),
    Row("file.list_dir", {"path": "@"}, lambda r: [e["name"] for e in r["entries"]] == ["f.txt"], endless=NAMES),
    Row("file.stat", {"path": "@/f.txt"}, {"type": "file", "size": 12}, endless=NAMES),
    Row("file.search", {"path": "@", "query": "ONE"}, lambda r: [hit["line"] for hit in r["hits"]] == [1, 3]),
    looks("lines", {"lines": 3}),
    looks("hash", {"sha256": hashlib.sha256(TEXT.encode()).hexdigest()}),
    looks("head", {"text": "one\n"}, lines=1),
    looks("tail", {"text": "two\none\n"}, lines=2),
    Row("file.process", {"path": "@/f.json", "op": "json", "pointer": "/a/0"}, {"value": 7}, {"f.json": '{"a": [7]}'}),
    Row("file.process", {"path": "@/f.txt", "op": "replace", "find": "one", "with": "one one"}, {"what": "changed"},
        after={"f.txt": "one one\ntwo\none one\n"}, endless=BOUNDED),
    Row("file.write_file", {"path": "@/f.txt", "content": "new"}, {"what": "changed"}, after={"f.txt": "new"}, endless=BOUNDED),
    Row("file.write_file", {"path": "@/d/n.txt", "content": "new", "overwrite": False, "parents": True}, {"what": "made"}, {},
        after={"d": None, "d/n.txt": "new"}, endless=BOUNDED),
    Row("file.append_file", {"path": "@/f.txt", "content": "more\n"}, {"what": "changed"}, after={"f.txt": TEXT + "more\n"}, endless=BOUNDED),
    Row("file.make_dir", {"path": "@/a/b", "parents": True}, lambda r: r["what"] in ("made", "was there"), {}, after={"a": None, "a/b": None},
        endless=NAMES),
    Row("file.move", {"path": "@/f.txt", "to": "@/g.txt"}, {"what": "moved"}, after={"g.txt": TEXT}, endless=NAMES),
    Row("file.move", {"path": "@/f.txt", "to": "@/g.txt", "overwrite": True}, {"what": "moved"}, {"f.txt": TEXT, "g.txt": "old"},
        after={"g.txt": TEXT}, endless=BOUNDED),
    Row("file.copy", {"path": "@/f.txt", "to": "@/g.txt"}, {"what": "copied"}, after={"f.txt": TEXT, "g.txt": TEXT}, endless=BOUNDED),
    Row("file.delete", {"path": "@/f.txt"}, {"what": "deleted"}, after={}, endless=BOUNDED),
    Row("file.delete", {"path": "@/d"}, {"what": "deleted"}, {"d": None}, after={}, endless=NAMES),
    undo(("write_file", {"path": "@/f.txt", "content": "new"})),
    undo(("write_file", {"path": "@/n.txt", "content": "new"})),
    undo(("move", {"path": "@/f.txt", "to": "@/g.txt"})),
    undo(("move", {"path": "@/f.txt", "to": "@/g.txt", "overwrite": True}), before={"f.txt": TEXT, "g.txt": "old"}),
    undo(("delete", {"path": "@/d"}), before={"d": None}),
    Row("api.request", {"url": "$WEB/@"}, {"status": 200}, {}),
    Row("api.request", {"url": "$WEB/@", "method": "POST", "form": {"a": 1}}, {"status": 200}, {}),
    Row("api.webhook", {"url": "$WEB/@", "json": {"a": 1}, "secret": "of the hook"}, {"status": 200}, {}),
]  # fmt: skip
FILES = [row for row in ROWS if row.name.startswith("file.")]
SERVICES = [row for row in ROWS if row.name.startswith("api.")]
IDS = [f"{row.name}-{row.params.get('op') or row.params.get('method') or i}" for i, row in enumerate(ROWS)]


@pytest.fixture(scope="module")
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.stop, server.elsewhere = [], threading.Event(), {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()


def settings(web, permission="allow"):
    host = f"127.0.0.1:{web.server_port}"
    return {
        "NIMA_TASKS_API_HOSTS": host, "NIMA_TASKS_FILE_PERMISSION": permission, "NIMA_TASKS_API_PERMISSION": permission,
        "NIMA_TASKS_DENY": f"file.*:never/**, file.undo:once/**, api.*:* {host}/never**", "NIMA_TASKS_LEASE_S": LEASE_S,
    }  # fmt: skip


@pytest.fixture(scope="module")
def api(web):
    with NimaServer(env=settings(web)) as server:
        yield Client(server)


class Case:
    """A row in a folder of its own."""

    def __init__(self, api, web, row, at, say=str):
        self.api, self.row, self.at = api, row, at
        self.folder = api.server.data / "files" / at
        self.folder.mkdir(parents=True)
        for name, content in row.before.items():
            if content is None:
                (self.folder / name).mkdir()
            else:
                (self.folder / name).write_text(content)
        self.marks = {"@": at, "$WEB": f"http://127.0.0.1:{web.server_port}"}
        if row.first:
            done = self.ask(f"file.{row.first[0]}", self.filled(row.first[1]), wait=PATIENCE_S)
            if done["status"] == "awaiting_approval":
                api.post(f"{TASKS}/{done['id']}/approve", expect=200)
            self.marks["${first}"] = settled(api, done)["id"]
        self.params = self.filled(row.params)

    def filled(self, params):
        def fill(value):
            for mark, text in self.marks.items() if isinstance(value, str) else ():
                value = value.replace(mark, text)
            return value

        return {name: fill(value) for name, value in params.items()}

    def ask(self, name, params, wait=0, expect=None, **more):
        type, action = name.split(".")
        body = {"type": type, "action": action, "params": params, "max_attempts": 20, **more}
        reply = self.api.post(f"{TASKS}/execute" + (f"?wait={wait}" if wait else ""), body)
        assert reply.status == expect if expect else reply.status in (200, 202), reply
        return reply.json()

    def begin(self, **more):
        self.task = self.ask(self.row.name, self.params, **more)
        return self

    def events(self):
        rows = self.api.get(f"{TASKS}/audit?task_id={self.task['id']}&limit=100", expect=200).json()
        return [row["event"] for row in reversed(rows)]

    def tree(self):
        paths = sorted(self.folder.rglob("*"))
        return {str(path.relative_to(self.folder)): None if path.is_dir() else path.read_text() for path in paths}

    def check(self):
        """It is done, once, and shows what it should."""
        task = settled(self.api, self.task)
        shows, result = self.row.shows, task["result"]
        assert shows(result) if callable(shows) else shows.items() <= result.items(), task
        assert self.tree() == self.row.tree(), task
        return task


def cases(api, web, rows, name):
    return [Case(api, web, row, f"{name}-{i}") for i, row in enumerate(rows)]


def test_every_action_has_a_row(api):
    listed = {row["type"]: row for row in api.get(f"{TASKS}/integrations", expect=200).json()}
    actions = {f"{type}.{action['name']}" for type in ("file", "api") for action in listed[type]["actions"]}
    assert actions == {row.name for row in ROWS}
    schema = next(action["params"] for action in listed["file"]["actions"] if action["name"] == "process")
    assert set(schema["properties"]["op"]["enum"]) == {row.params["op"] for row in ROWS if "op" in row.params}
    assert all(row.endless or row.name in ("file.search", "file.process") for row in FILES)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_success(api, web, row):
    case = Case(api, web, row, f"good-{ROWS.index(row)}").begin(wait=PATIENCE_S)
    assert case.check()["attempts"] == 1 and case.events() == ["allowed", "started", "completed"]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_refusal(api, web, row):
    """By a rule, with nothing done; and of params that are missing, too many, or of another kind, with their path."""
    where = "once" if row.first else "never"
    case = Case(api, web, row, f"{where}/{ROWS.index(row)}")
    before, asked = case.tree(), len(web.seen)
    case.ask(row.name, case.params, expect=403)
    denied = api.get(f"{TASKS}/audit?limit=1", expect=200).json()[0]
    assert (denied["event"], f"{denied['type']}.{denied['action']}") == ("denied", row.name) and "deny" in denied["policy"]
    listed = api.get(f"{TASKS}/integrations", expect=200).json()
    schema = next(action["params"] for type in listed for action in type["actions"] if f"{type['type']}.{action['name']}" == row.name)
    wrong = {name: None for name in schema["required"]} | {"extra": "x"}
    wrong |= {name: {} if "string" in str(kind.get("type")) else "x" for name, kind in schema["properties"].items() if "type" in kind}
    for name, value in [*((name, None) for name in schema["required"]), *wrong.items()]:
        params = {**case.params, name: value} if value is not None else {key: case.params[key] for key in case.params if key != name}
        error = case.ask(row.name, params, expect=422)["error"]
        assert error["field"] == f"params.{name}", error
    assert case.tree() == before and len(web.seen) == asked


def test_another_attempt(web):
    with NimaServer(env=settings(web, "ask")) as server:
        api = Client(server)
        files = [case.begin() for case in cases(api, web, FILES, "again")]
        services = cases(api, web, SERVICES, "once/503?again")
        for case in services:
            case.begin()
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, hard))
        try:
            for case in files:  # over the connection that is open
                api.post(f"{TASKS}/{case.task['id']}/approve", expect=200)
            until = time.monotonic() + PATIENCE_S
            while not all("attempt_failed" in case.events() for case in files) and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for case in services:
            api.post(f"{TASKS}/{case.task['id']}/approve", expect=200)
        for case in files + services:
            task, events = case.check(), case.events()
            assert task["attempts"] >= 2 and events[:4] == ["proposed", "approved", "started", "attempt_failed"], events
            assert events[-1] == "completed" and "failed" not in events


def child_of(pid):
    """The processes that work on a content, once they are what they were started as."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            stat = Path(f"/proc/{int(name)}/stat").read_text().rsplit(")", 1)[1].split()
            if int(stat[1]) == pid and stat[0] not in "TZ" and b"\0process\0" in Path(f"/proc/{name}/cmdline").read_bytes():
                yield int(name)


def now(api, case):
    case.task = api.get(f"{TASKS}/{case.task['id']}/status", expect=200).json()
    return case.task["status"]


def test_the_end_of_its_time_at_services(api, web):
    late = cases(api, web, SERVICES, "silent?late")
    for case in late:
        case.begin(timeout_s=1, max_attempts=1)
    for case in late:
        assert settled(api, case.task, "failed")["error_code"] == "timeout"


def test_the_end_of_its_time_at_work_on_a_content(api, web):
    """The process that is given the content stands still, once it was seen; one that was too quick is begun again."""
    late = cases(api, web, [row for row in FILES if row.name == "file.process" and not row.endless], "late")
    for case in late:
        case.begin(timeout_s=1, max_attempts=1)
    until = time.monotonic() + PATIENCE_S
    while (left := [case for case in late if now(api, case) != "failed"]) and time.monotonic() < until:
        for case in left:
            if case.task["status"] == "completed":
                case.begin(timeout_s=1, max_attempts=1)
        for child in child_of(api.server.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
    assert {case.task.get("error_code") for case in late} == {"timeout"} and not list(child_of(api.server.pid))


def test_the_end_of_its_time_in_a_search(api, web):
    """The server stands still while it searches; a search that was too quick is begun again."""
    case = Case(api, web, next(row for row in FILES if row.name == "file.search"), "late-search")
    for i in range(8):
        (case.folder / f"{i}.txt").write_text("a line\n" * 500_000)
    case.params["query"] = "nobody wrote this"
    until, stopped = time.monotonic() + PATIENCE_S, None
    case.begin(timeout_s=1, max_attempts=1)
    while now(api, case) != "failed" and time.monotonic() < until:
        if case.task["status"] == "completed":
            case.begin(timeout_s=1, max_attempts=1)
        elif case.task["status"] == "running" and stopped != case.task["id"]:
            stopped = case.task["id"]
            os.kill(api.server.pid, signal.SIGSTOP)
            time.sleep(1.2)
            os.kill(api.server.pid, signal.SIGCONT)
    assert case.task.get("error_code") == "timeout", case.task


def test_a_crash(start_server, web):
    server = start_server(env=settings(web))
    api = Client(server)
    every = cases(api, web, ROWS, "crash")
    book = sqlite3.connect(server.data / "nima.db", timeout=PATIENCE_S)
    book.execute("CREATE TRIGGER refuses BEFORE UPDATE OF status ON tasks WHEN NEW.status = 'completed' BEGIN SELECT RAISE(ABORT, 'no'); END")
    book.commit()
    seen = len(web.seen)
    for case in every:
        case.begin()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not (all(case.tree() == case.row.tree() for case in every) and len(web.seen) >= seen + len(SERVICES)):
        time.sleep(0.02)
    while time.monotonic() < until and not all("started" in case.events() for case in every):
        time.sleep(0.02)
    states = {api.get(f"{TASKS}/{case.task['id']}/status").json()["status"] for case in every}
    server.kill()
    assert states == {"running"}, "all are done, and nobody knows"
    book.execute("DROP TRIGGER refuses")
    book.commit()
    book.close()
    server.start().wait_ready()
    for case in every:
        task, events = case.check(), case.events()
        assert task["attempts"] >= 2 and "taken_up" in events and events.count("completed") == 1, events
    told = [(path, headers.get("Idempotency-Key")) for method, path, headers, _ in web.seen[seen:] if method == "POST"]
    assert len(told) > len(set(told)) == 2, "each was sent again under the key that it had"
