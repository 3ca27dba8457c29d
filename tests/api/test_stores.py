"""The three stores as the whole program uses them: the same replies, copies, exports, crashes, a server that goes away."""

import base64
import json
import random
import signal
import sqlite3
import struct
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
from client import Client
from postgres import Postgres
from server import ROOT, NimaServer, binary, clean_environment, run_nima

KINDS = ["sqlite", "json", "postgres"]
USER = "default"


@pytest.fixture
def address(tmp_path, request):
    """address("postgres"): a fresh store of this kind."""

    def make(kind, name="one"):
        if kind == "postgres":
            return request.getfixturevalue("postgres").url(schema=f"s{uuid.uuid4().hex[:12]}")
        return f"{kind}:{tmp_path / name}" + (".db" if kind == "sqlite" else "")

    return make


def serve(start_server, where, **options):
    return Client(start_server(args=["--store", where], **options))


def nima(*words, stdin=None, timeout=120):
    done = run_nima(*words, text=False, stdin=stdin, timeout=timeout)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def export(where, user=USER):
    return nima("export", "--user", user, "--store", where)


def fill(api):
    """Facts with versions and metadata of all sorts, one superseded, conversations, a profile."""
    url = api.server.url
    for i in range(60):
        body = {
            "fact": f"Ana knows thing {i} — «é» 日本 🎻 \\ \"quoted\" 'x'",
            "category": f"cat{i % 4}",
            "confidence": round(random.Random(i).random(), 3),
            "metadata": {"z": i, "a": [1.5, 1e2, -3, None, True], "Ä": {"deep": {"er": f"v{i}"}}, "n": 1e-7},
        }
        reply = requests.post(url + "/v1/memory/facts", json=body, timeout=30)
        assert reply.status_code == 201, reply.text
        if i % 10 == 0:
            changed = requests.patch(
                url + f"/v1/memory/facts/{reply.json()['id']}", json={"fact": f"Ana now knows thing {i} better"}, timeout=30
            )
            assert changed.status_code == 200, changed.text
    for i in range(3):
        reply = requests.post(
            url + "/v1/chat",
            json={"messages": [{"role": "user", "content": f"I live in City{i}. My name is Ana."}]},
            timeout=60,
        )
        assert reply.status_code == 200, reply.text
    for when in ({"every": "1d"}, {"cron": "0 9 29 2 *"}, {"event": "fact.created"}):
        reply = requests.post(url + "/v1/schedules", json={"when": when, "do": {"remind": "«tea»"}}, timeout=30)
        assert reply.status_code == 201, reply.text
    goal = requests.post(url + "/v1/goals", json={"title": "«tea»", "milestones": ["a", "b"]}, timeout=30).json()
    step = {"milestone_id": goal["milestones"][0]["id"], "note": "went well"}
    assert requests.post(url + f"/v1/goals/{goal['id']}/progress", json=step, timeout=30).status_code == 200
    profile = {"name": "Ana", "preferences": {"tone": "dry", "b": 2}, "context": {"x": [1, 2]}}
    assert requests.put(url + "/v1/memory/profile", json=profile, timeout=30).status_code == 200
    until = time.monotonic() + 60
    while requests.get(url + "/v1/memory/stats", timeout=30).json()["messages"]["waiting_for_embedding"] > 0:
        assert time.monotonic() < until, "the messages get no vectors"
        time.sleep(0.05)


def supersede(where):
    """Two facts, the first superseded by the second, by way of an import."""
    ids = ["0190a000-0000-7000-8000-00000000000" + c for c in "12"]
    at = "2024-01-02T03:04:05.678Z"
    rows = [
        {"kind": "fact", "id": ids[0], "fact": "Ana lives in Porto", "category": "home", "source": "explicit",
         "confidence": 0.1, "status": "superseded", "superseded_by": ids[1], "created_at": at, "updated_at": at,
         "metadata": {}, "embedding_model": "tiny", "embedding": base64.b64encode(struct.pack("<3f", 0.6, 0.8, -0.0)).decode()},
        {"kind": "fact", "id": ids[1], "fact": "Ana lives in Lisbon", "category": "home", "source": "inferred",
         "confidence": 1, "status": "active", "created_at": at, "updated_at": at, "metadata": {"b": 1, "a": 2}},
    ]  # fmt: skip
    lines = [{"kind": "nima", "format": 1, "user_id": USER}, *rows, {"kind": "end", "rows": 2}]
    nima("import", "--store", where, stdin="".join(json.dumps(line) + "\n" for line in lines).encode())


def test_a_memory_survives_every_store_byte_for_byte(start_server, address, tmp_path):
    first = address("sqlite")
    with NimaServer(args=["--store", first]) as server:
        fill(Client(server))
    supersede(first)
    whole = export(first)
    lines = [json.loads(line) for line in whole.splitlines()]
    assert sum(line["kind"] == "fact" for line in lines) > 60
    assert sum(line["kind"] == "fact_version" for line in lines) == 7, "and one of the goal's"
    assert any("superseded_by" in line for line in lines)
    assert sum("embedding" in line for line in lines) > 55
    said = [line for line in lines if line["kind"] == "message"]
    assert said and all("embedding" in line and "change" not in line for line in said)
    assert {line.get("withheld") for line in said} == {None, "superseded"}
    where, copied = first, []
    for kind in ("postgres", "json", "sqlite"):
        there = address(kind, "copied")
        text = nima("migrate", "copy", "--from", where, "--to", there).decode()
        assert "compared, row by row" in text
        assert export(there) == whole, kind
        copied.append(there)
        where = there
    for kind in ("json", "postgres", "sqlite"):  # and by way of export and import
        there = address(kind, "imported")
        nima("import", "--store", there, stdin=whole)
        assert export(there) == whole, kind
        again = nima("import", "--store", there, stdin=whole).decode()
        assert ": 0 rows added" in again
        assert export(there) == whole, kind
    numpy = pytest.importorskip("numpy")
    folder = tmp_path / "copied"
    vectors = numpy.load(folder / "embeddings" / "facts.npy")
    index = json.loads((folder / "embeddings" / "facts.json").read_text())
    assert vectors.dtype == numpy.float32
    rows = {entry["file"]: entry["rows"] for entry in index["files"]}
    assert vectors.shape[0] == len(rows["facts.npy"])
    assert len(rows["facts-3.npy"]) == 1  # the one with a vector of another length


def test_copy_refuses_what_it_would_mix_and_goes_on_where_it_was_stopped(start_server, address):
    first, second, target = address("sqlite"), address("sqlite", "two"), address("postgres")
    for where, name in ((first, "one"), (second, "two")):
        with NimaServer(args=["--store", where]) as server:
            facts = [{"fact": f"{name} {i}", "category": "c"} for i in range(900)]
            done = requests.post(server.url + "/v1/memory/facts/batch", json=facts, timeout=60)
            assert done.status_code in (200, 201), done.text
    for delay in (0.25, 0.5):  # stopped twice, somewhere
        copy = subprocess.Popen(
            [str(binary()), "migrate", "copy", "--from", first, "--to", target], env=clean_environment(), cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        copy.kill()
        copy.wait()
    nima("migrate", "copy", "--from", first, "--to", target)
    assert export(target) == export(first)
    refused = run_nima("migrate", "copy", "--from", second, "--to", target)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert export(target) == export(first)
    nima("migrate", "copy", "--from", second, "--to", target, "--force")
    assert export(target).count(b'"kind":"fact"') == 1800


@pytest.mark.parametrize("kind", KINDS)
def test_replies_are_the_same(start_server, address, kind):
    api = serve(start_server, address(kind))
    url = api.server.url
    made = requests.post(url + "/v1/memory/facts", json={"fact": "Ana likes green tea", "category": "taste"}, timeout=30).json()
    assert requests.post(url + "/v1/memory/facts", json={"fact": "Ana likes green tea", "category": "taste"}, timeout=30).status_code == 200
    found = requests.get(url + "/v1/memory/search", params={"q": "green tea"}, timeout=30).json()
    assert [hit["id"] for hit in found] == [made["id"]]
    listed = requests.get(url + "/v1/memory/facts", params={"q": "GREEN"}, timeout=30).json()
    assert [fact["id"] for fact in listed] == [made["id"]]
    chat = requests.post(url + "/v1/chat", json={"messages": [{"role": "user", "content": "My cat is called Misha."}]}, timeout=60).json()
    talk = requests.get(url + f"/v1/conversations/{chat['conversation_id']}", timeout=30).json()
    assert len(talk["messages"]) == 2
    health = requests.get(url + "/health", timeout=30).json()
    assert health["store"] == {"kind": kind, "ok": True}
    assert requests.delete(url + f"/v1/memory/facts/{made['id']}", timeout=30).status_code == 204
    gone = requests.request("DELETE", url + "/v1/memory", json={"confirm": USER}, timeout=30)
    assert gone.status_code in (200, 204), gone.text
    assert requests.get(url + "/v1/memory/facts", timeout=30).json() == []


class Writer(threading.Thread):
    """Writes facts until told to stop, noting what was acknowledged and what came back instead."""

    def __init__(self, url, name):
        super().__init__(daemon=True)
        self.url, self.name_, self.kept, self.other, self.stopping = url, name, [], [], False

    def run(self):
        session = requests.Session()
        number = 0
        while not self.stopping:
            text = f"{self.name_} {number}"
            number += 1
            try:
                reply = session.post(self.url + "/v1/memory/facts", json={"fact": text, "category": "c"}, timeout=20)
            except requests.RequestException:
                if self.stopping:
                    return
                self.other.append((time.monotonic(), "no reply"))
                session = requests.Session()
                time.sleep(0.01)
                continue
            if reply.status_code in (200, 201):
                self.kept.append((time.monotonic(), text))
            else:
                self.other.append((time.monotonic(), reply.status_code, reply.headers.get("Retry-After"), reply.text))


def all_facts(url):
    texts, cursor = set(), None
    while True:
        page = requests.get(url + "/v1/memory/facts", params={"limit": 500, **({"cursor": cursor} if cursor else {})}, timeout=30)
        assert page.status_code == 200, page.text
        texts |= {fact["fact"] for fact in page.json()}
        cursor = page.headers.get("X-Next-Cursor")
        if not cursor:
            return texts


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_kill_9_under_write_load_loses_nothing(address, kind, pytestconfig, tmp_path):
    where = address(kind)
    server = NimaServer(args=["--store", where], data=tmp_path / "data")
    kept, slowest = set(), 0
    rounds = max(3, pytestconfig.getoption("--crash-rounds") // 3)
    for round_ in range(rounds):
        server.start()
        began = time.monotonic()
        server.wait_ready()
        slowest = max(slowest, time.monotonic() - began)
        assert kept <= all_facts(server.url)
        writers = [Writer(server.url, f"round {round_} writer {i}") for i in range(3)]
        for writer in writers:
            writer.start()
        time.sleep(0.3 + 0.07 * round_)
        for writer in writers:
            writer.stopping = True
        server.kill()
        for writer in writers:
            writer.join(30)
            kept |= {text for _, text in writer.kept}
    server.start()
    server.wait_ready()
    missing = kept - all_facts(server.url)
    server.stop()
    assert not missing
    assert kept
    print(f"{kind}: {rounds} kills, {len(kept)} writes acknowledged, none lost, slowest start {slowest:.2f} s")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_postgres_restarted_under_load(start_server, how):
    with Postgres() as pg:
        server = start_server(args=["--store", pg.url()])
        writers = [Writer(server.url, f"writer {i}") for i in range(4)]
        for writer in writers:
            writer.start()
        time.sleep(1)
        pg.stop(how)
        time.sleep(3)  # longer than anybody waits, so that 503 is seen
        assert requests.get(server.url + "/health", timeout=10).status_code == 200
        pg.start()
        back = time.monotonic()
        until = back + 30
        while not all(any(at > back for at, _ in writer.kept[-5:]) for writer in writers) and time.monotonic() < until:
            time.sleep(0.05)
        for writer in writers:
            writer.stopping = True
        for writer in writers:
            writer.join(30)
        assert {entry[1] for writer in writers for entry in writer.other} <= {503}
        refused = [entry for writer in writers for entry in writer.other]
        assert refused
        assert all(int(entry[2]) >= 1 for entry in refused)
        assert not any("p@ss" in entry[3] or "p%40ss" in entry[3] for entry in refused)
        for writer in writers:
            after = [at for at, _ in writer.kept if at > back]
            assert after, "nothing was stored again"
        print(f"stored again after {max(next(at for at, _ in w.kept if at > back) - back for w in writers):.1f} s")
        texts = all_facts(server.url)
        assert {text for writer in writers for _, text in writer.kept} <= texts
        connections = int(pg.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nima'"))
        assert connections <= 16


def test_chatgpt_and_mem0_are_taken_in_once(address, tmp_path, start_server):
    where = address("sqlite")
    talk = {
        "title": "Trip", "create_time": 1700000000.5, "update_time": 1700000100.25, "conversation_id": "c-1", "current_node": "d",
        "mapping": {
            "root": {"id": "root", "message": None, "parent": None, "children": ["a"]},
            "a": {"id": "a", "parent": "root", "children": ["b", "x"], "message": {
                "author": {"role": "system"}, "content": {"content_type": "text", "parts": [""]}}},
            "b": {"id": "b", "parent": "a", "children": ["c"], "message": {
                "author": {"role": "user"}, "create_time": 1700000001.0, "content": {"content_type": "text", "parts": ["Where to?"]}}},
            "x": {"id": "x", "parent": "a", "children": [], "message": {
                "author": {"role": "user"}, "content": {"content_type": "text", "parts": ["an edit that was left"]}}},
            "c": {"id": "c", "parent": "b", "children": ["d"], "message": {
                "author": {"role": "tool"}, "content": {"content_type": "text", "parts": ["search results"]}}},
            "d": {"id": "d", "parent": "c", "children": [], "message": {
                "author": {"role": "assistant"}, "create_time": 1700000002.0,
                "content": {"content_type": "multimodal_text", "parts": [{"asset_pointer": "x"}, "Lisbon."]}}},
        },
    }  # fmt: skip
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([talk, {**talk, "conversation_id": "c-2", "current_node": "root"}]))
    text = nima("import", "--format", "chatgpt", "--user", USER, file, "--store", where).decode()
    assert "1 conversations added, 0 were there, 1 left out" in text
    assert "0 conversations added, 1 were there" in nima("import", "--format", "chatgpt", "--user", USER, "--store", where, file).decode()
    memories = [{"id": "1", "memory": "Likes tea", "categories": ["taste"], "created_at": "2024-05-01T10:00:00-07:00", "metadata": {"k": 1}},
                {"id": "2", "memory": " "}, {"id": "3", "memory": "x" * 9000}]  # fmt: skip
    done = nima("import", "--format", "mem0", "--user", USER, "--store", where, stdin=json.dumps({"results": memories}).encode())
    assert b"1 facts added, 0 were there, 2 left out" in done
    lines = [json.loads(line) for line in export(where).splitlines()]
    said = sorted((line["position"], line["content"]) for line in lines if line["kind"] == "message")
    assert said == [(0, "Where to?"), (1, "Lisbon.")]
    fact = next(line for line in lines if line["kind"] == "fact")
    assert (fact["fact"], fact["category"], fact["metadata"], fact["created_at"]) == (
        "Likes tea", "taste", {"k": 1}, "2024-05-01T17:00:00.000Z")  # fmt: skip
    for broken in (b"{", b"[1]", b'[{"conversation_id": "x"}]'):
        refused = run_nima("import", "--format", "chatgpt", "--user", USER, "--store", where, stdin=broken, text=False)
        assert refused.returncode == 1, refused.stdout
        assert refused.stderr.startswith(b"nima: ")


def test_broken_exports_are_refused_by_line(address):
    where = address("sqlite")
    first = '{"kind":"nima","format":1,"user_id":"ana"}\n'
    at = "2024-01-02T03:04:05.678Z"
    fact = {"kind": "fact", "id": "0190a000-0000-7000-8000-000000000001", "fact": "f", "category": "c", "source": "explicit",
            "confidence": 0.5, "status": "active", "created_at": at, "updated_at": at, "metadata": {}}  # fmt: skip
    message = {"kind": "message", "id": "0190a000-0000-7000-8000-000000000002", "position": 0, "role": "user", "content": "x",
               "conversation_id": "0190a000-0000-7000-8000-000000000003", "timestamp": at, "metadata": {}}  # fmt: skip
    end = '{"kind":"end","rows":1}\n'
    cases = [
        ("", "line 1"), ("hello\n", "line 1"), ('{"kind":"fact"}\n', "line 1"), (first.replace("1,", "2,"), "another version"),
        (first + json.dumps(fact) + "\n", "cut short"), (first + "{\n" + end, "line 2"), (first + end, "missing"),
        (first + json.dumps({**fact, "confidence": "x"}) + "\n" + end, "confidence must be a number"),
        (first + json.dumps({**fact, "extra": 1}) + "\n" + end, "does not know"),
        (first + json.dumps({**fact, "embedding": "AAAA", "embedding_model": "m"}) + "\n" + end, "embedding"),
        (first + json.dumps({**fact, "source": "gossip"}) + "\n" + end, "cannot be stored"),
        (first + json.dumps({**message, "position": 1e15}) + "\n" + end, "position"),
        (first + json.dumps({**fact, "kind": "secret"}) + "\n" + end, "not known"),
    ]  # fmt: skip
    for text, word in cases:
        done = run_nima("import", "--store", where, stdin=text)
        assert done.returncode == 1, (text, done.stdout)
        assert word.replace("cannot be stored", "can be stored") in done.stderr, (text, done.stderr)
    nima("import", "--store", where, stdin=(first + json.dumps(message) + "\n" + end).encode())  # belongs to nothing: left out
    nima("import", "--store", where, stdin=(first + json.dumps(fact) + "\n" + end).encode())
    stolen = run_nima("import", "--user", "eve", "--store", where, stdin=first + json.dumps(fact) + "\n" + end)
    assert stolen.returncode == 1
    assert "somebody else" in stolen.stderr


def test_a_question_that_is_taken_in_waits_for_no_answer(address):
    where, at, talk = address("sqlite"), "2024-01-02T03:04:05.678Z", "0190a000-0000-7000-8000-000000000003"
    steps = [{"type": "file", "action": "delete", "params": {"path": "a.txt"}}, {"type": "k8s", "action": "list", "missing": "namespace"}]
    rows = [
        {"kind": "conversation", "id": talk, "created_at": at, "updated_at": at, "metadata": {}},
        {"kind": "message", "id": "0190a000-0000-7000-8000-000000000002", "conversation_id": talk, "position": 0, "role": "assistant",
         "content": "In which namespace?", "timestamp": at, "metadata": {"a": 1, "asked": steps, "b": {"asked": 2}}},
    ]  # fmt: skip
    lines = [{"kind": "nima", "format": 1, "user_id": "ana"}, *rows, {"kind": "end", "rows": 2}]
    nima("import", "--store", where, stdin="".join(json.dumps(line) + "\n" for line in lines).encode())
    [said] = [row for row in map(json.loads, export(where, "ana").splitlines()) if row["kind"] == "message"]
    assert said["content"] == "In which namespace?" and said["metadata"] == {"a": 1, "b": {"asked": 2}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_puts_nothing_below_what_is_anothers(address, kind):
    where = address(kind)
    with NimaServer(args=["--store", where]) as server:
        goal = Client(server).post("/v1/goals", {"title": "Ana's", "milestones": ["hers"]}, expect=201).json()["id"]
    before = export(where)
    at, ids = "2024-01-02T03:04:05.678Z", [f"0190a000-0000-7000-8000-{i:012}" for i in range(2)]
    rows = [
        {"kind": "milestone", "id": ids[0], "goal_id": goal, "position": 0, "title": "not hers", "completed_at": None, "created_at": at},
        {"kind": "goal_progress", "id": ids[1], "goal_id": goal, "recorded_at": at, "event": "progress", "progress": 1, "status": "completed",
         "milestone_id": None, "note": "not hers"},
    ]  # fmt: skip
    lines = [{"kind": "nima", "format": 1, "user_id": "eve"}, *rows, {"kind": "end", "rows": 2}]
    nima("import", "--user", "eve", "--store", where, stdin="".join(json.dumps(line) + "\n" for line in lines).encode())
    assert export(where) == before


def damage(kind, where, postgres):
    """What a bad disk or a helping hand may do."""
    if kind == "postgres":
        schema = where.partition("schema=")[2]
        postgres.sql(f"UPDATE {schema}.facts SET embedding = '\\x01'")
        return "2 facts with half a vector", "pg_dump"
    path = where.partition(":")[2]
    if kind == "sqlite":
        with closing(sqlite3.connect(path)) as db:  # foreign keys are off here
            db.execute("DELETE FROM conversations")
            db.commit()
        return "2 messages of no conversation", "nima export --user NAME"
    (Path(path) / "embeddings" / "facts.npy").write_bytes(b"no numpy")
    return "made anew from the texts", ""


@pytest.mark.parametrize("kind", KINDS)
def test_doctor_looks_whether_all_fits_together(start_server, address, kind, postgres):
    where = address(kind)
    server = NimaServer(args=["--store", where])
    flags = ("--json", "--store", where, "--llm", "scripted:", "--embeddings", "scripted:", "--port", "0")
    with server:
        api = Client(server)
        api.fact("Ana plays the cello")
        api.fact("Ana likes tea")
        api.chat("hello", learn="off")
        beside = run_nima("doctor", *flags[:-1], server.port)
        assert beside.returncode == 0, beside.stdout
    healthy = {line["check"]: line for line in json.loads(run_nima("doctor", *flags).stdout)["checks"]}
    assert healthy["integrity"]["message"] == "2 facts and 2 messages fit together"
    assert healthy["vectors"]["message"] == "facts embedded 2 by scripted"
    what, todo = damage(kind, where, postgres)
    ill = {line["check"]: line for line in json.loads(run_nima("doctor", *flags).stdout)["checks"]}
    assert ill["integrity"]["status"] == ("warn" if kind == "json" else "fail")
    assert what in ill["integrity"]["message"] and todo in ill["integrity"]["message"], ill


def test_postgres_out_of_connections(start_server, postgres):
    """Fewer connections than workers: who finds none is told to come again, and nothing else is lost."""
    name = f"poor{uuid.uuid4().hex[:8]}"
    postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'poor' CONNECTION LIMIT 3")
    postgres.sql(f"CREATE DATABASE {name} OWNER {name}")
    server = start_server(args=["--store", f"postgres://{name}:poor@127.0.0.1:{postgres.port}/{name}"])

    def add(number):
        body = {"fact": f"Ana counts {number}", "category": "c"}
        return requests.post(server.url + "/v1/memory/facts", json=body, timeout=60)

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(add, range(60)))
    assert {reply.status_code for reply in replies} <= {201, 503}
    for reply in replies:
        if reply.status_code == 503:
            assert int(reply.headers["Retry-After"]) >= 1 and "connection" in reply.json()["error"]["message"], reply.text
    postgres.sql(f"ALTER ROLE {name} CONNECTION LIMIT -1")
    again = [number for number, reply in enumerate(replies) if reply.status_code == 503]
    until = time.monotonic() + 60
    while again:
        again = [number for number in again if add(number).status_code not in (200, 201)]
        assert time.monotonic() < until
    assert all_facts(server.url) == {f"Ana counts {number}" for number in range(60)}
