"""How a task ended is said in its conversation, once: by the turn that waits for it, or else by a message of its own."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer

import pytest
from client import Client
from crowd import Work
from server import NimaServer, run_nima
from test_tasks import PATIENCE_S, TASKS, execute, settled

STORES = ("sqlite", "json", "postgres")


class Holds(Work):
    """The first request of a key is held until its sender is gone; those after it are answered at once."""

    def do_POST(self):
        book, key = self.server, self.headers["Idempotency-Key"]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with book.lock:
            book.begun[key] = book.begun.get(key, 0) + 1
            first = book.begun[key] == 1
        until = time.monotonic() + PATIENCE_S
        while first and self.sender_is_there() and time.monotonic() < until:
            time.sleep(0.02)
        self.close_connection = True
        if not first:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()


@pytest.fixture(scope="module")
def book():
    book = ThreadingHTTPServer(("127.0.0.1", 0), Holds)
    book.daemon_threads, book.lock, book.begun = True, threading.Lock(), {}
    threading.Thread(target=book.serve_forever, daemon=True).start()
    yield book
    book.shutdown()
    book.server_close()


@pytest.fixture(scope="module")
def people(new_store, book):
    env = {
        "NIMA_TASKS_TWO_PERSON": "file.write_file:two/**", "NIMA_TASKS_APPROVERS": "ben", "NIMA_TASKS_LEASE_S": "2",
        "NIMA_TASKS_API_HOSTS": f"127.0.0.1:{book.server_port}", "NIMA_TASKS_API_PERMISSION": "allow",
    }  # fmt: skip
    with NimaServer(store=new_store(), env=env) as server:
        clients = {}
        server.stop()  # JSON files belong to one process at a time
        (server.data / "files" / "two").mkdir(parents=True, exist_ok=True)
        for user in ("ana", "ben"):
            made = run_nima("token", "create", "--user", user, "--scopes", "tasks,chat,memory", "--data", server.data, *server.args)
            clients[user] = Client(server, made.stdout.split()[-1])
        server.start().wait_ready()
        yield clients


def decide(who, task, verb="approve"):
    return who.post(f"{TASKS}/{task['id']}/{verb}", expect=200).json()


def messages(who, talk):
    return who.get(f"/v1/conversations/{talk}/messages?limit=500", expect=200).json()


def said(who, talk, count):
    """The conversation once it has so many messages; it gets no more by being looked at."""
    until = time.monotonic() + PATIENCE_S
    while len(rows := messages(who, talk)) < count and time.monotonic() < until:
        time.sleep(0.02)
    assert len(rows) == count, [(row["role"], row["content"]) for row in rows]
    return rows


def states(row):
    return [(action["action"], action["status"]) for action in row["metadata"]["actions"]]


def test_approved_on_the_page(people):
    ana = people["ana"]
    asked = ana.chat('/task file.write_file path=page.txt content="eggs\\n"').json()
    talk, task = asked["conversation_id"], asked["actions"][0]
    decide(ana, task)
    last = said(ana, talk, 3)[-1]
    assert last["role"] == "assistant" and last["content"].startswith("Done: file.write_file") and "+eggs" in last["content"]
    assert states(last) == [("write_file", "completed")] and last["metadata"]["task_over"] == {"task_id": task["id"]}
    ana.chat("[[reply:I see.]] Thank you", conversation_id=talk)
    assert [row["role"] for row in said(ana, talk, 5)] == ["user", "assistant", "assistant", "user", "assistant"]


def test_the_second_persons_yes(people):
    ana, ben = people["ana"], people["ben"]
    asked = ana.chat('/task file.write_file path=two/a.txt content="x\\n"').json()
    talk, task = asked["conversation_id"], asked["actions"][0]
    ana.chat("yes", conversation_id=talk)
    decide(ben, task)
    assert states(said(ana, talk, 5)[-1]) == [("write_file", "completed")]
    assert ben.get("/v1/conversations", expect=200).json() == [], "it is said to who asked, and to nobody else"


def test_the_second_persons_no(people):
    ana, ben = people["ana"], people["ben"]
    asked = ana.chat('/task file.write_file path=two/b.txt content="x\\n"').json()
    decide(ben, asked["actions"][0], "reject")
    last = said(ana, asked["conversation_id"], 3)[-1]
    assert last["content"] == "That did not work: the second person did not agree"


def test_ones_own_no_is_no_news(people):
    ana = people["ana"]
    asked = ana.chat("/task file.make_dir path=no").json()
    decide(ana, asked["actions"][0], "reject")
    ana.chat("[[reply:All right.]] Never mind", conversation_id=asked["conversation_id"])
    said(ana, asked["conversation_id"], 4)


def test_what_the_turn_tells_is_told_once(people):
    ana = people["ana"]
    asked = ana.chat("/task file.make_dir path=once").json()
    talk = asked["conversation_id"]
    assert ana.chat("yes", conversation_id=talk).json()["response"].startswith("Done: file.make_dir")
    ana.chat("/task file.stat path=once", conversation_id=talk)
    ana.chat("[[reply:Hello.]] Hello", conversation_id=talk)
    said(ana, talk, 8)


def test_a_plan_is_told_when_it_is_over_and_again_after_another_try(people):
    ana = people["ana"]
    asked = ana.chat('write "a" to plan.txt and then read none.txt and then delete plan.txt').json()
    talk, first = asked["conversation_id"], asked["actions"][0]
    decide(ana, first)
    last = said(ana, talk, 3)[-1]
    assert states(last) == [("write_file", "completed"), ("read_file", "failed"), ("delete", "cancelled")]
    assert "1. Done: file.write_file" in last["content"] and "2. That did not work: none.txt is not there" in last["content"]
    (ana.server.data / "files" / "none.txt").write_text("now it is there")
    _, read, delete = asked["actions"]
    again = ana.post(f"{TASKS}/{read['id']}/retry", expect=200).json()
    behind = ana.get(f"{TASKS}/{delete['id']}/status", expect=200).json()
    assert [(row["status"], row["plan_id"], row.get("step", 0)) for row in (again, behind)] == [("awaiting_approval", read["id"], n) for n in (0, 1)]
    ana.post(f"{TASKS}/{delete['id']}/approve", expect=409)
    decide(ana, again)
    last = said(ana, talk, 4)[-1]
    assert states(last) == [("read_file", "completed"), ("delete", "completed")] and "now it is there" in last["content"]
    assert not (ana.server.data / "files" / "plan.txt").exists()
    assert ana.get(f"{TASKS}/{first['id']}/status", expect=200).json()["attempts"] == 1, "what was done is not done again"
    order = [(row["event"], row["action"]) for row in reversed(ana.get(f"{TASKS}/audit?limit=10", expect=200).json())]
    assert order[-4:] == [("started", "read_file"), ("completed", "read_file"), ("started", "delete"), ("completed", "delete")]


def test_while_a_turn_is_under_way_it_waits_for_the_reply(people):
    ana = people["ana"]
    asked = ana.chat("/task file.make_dir path=meanwhile").json()
    talk, task = asked["conversation_id"], asked["actions"][0]
    body = {"messages": [{"role": "user", "content": "[[reply:Done.]] [[delay:300]] [[tokens:3]] Tell me more"}], "conversation_id": talk}
    url, headers = ana.url + "/v1/chat/stream", {"Authorization": f"Bearer {ana.token}"}
    with ana.session.post(url, json=body, headers=headers, stream=True) as stream:
        next(stream.iter_lines())  # it is under way
        other = Client(ana.server, ana.token)
        decide(other, task)
        settled(other, task)
        for _ in stream.iter_lines():
            pass
    rows = said(ana, talk, 5)
    assert [row["role"] for row in rows] == ["user", "assistant", "user", "assistant", "assistant"]
    assert states(rows[-1]) == [("make_dir", "completed")]


def test_nothing_comes_between_a_proposal_and_its_yes(people):
    ana = people["ana"]
    talk = ana.chat("[[reply:Hello.]] Hello").json()["conversation_id"]
    first = execute(ana, "make_dir", {"path": "aside"}, expect=202, conversation_id=talk)
    ana.chat("/task file.make_dir path=proposed", conversation_id=talk)
    decide(ana, first)
    assert settled(ana, first)["status"] == "completed"
    time.sleep(0.3)
    said(ana, talk, 4)
    assert ana.chat("yes", conversation_id=talk).json()["response"].startswith("Done: file.make_dir")
    rows = said(ana, talk, 7)
    assert states(rows[-1]) == [("make_dir", "completed")] and rows[-1]["metadata"]["task_over"] == {"task_id": first["id"]}


def test_asked_for_by_the_api_in_a_conversation(people, book):
    ana = people["ana"]
    talk = ana.chat("[[reply:Hello.]] Hello").json()["conversation_id"]
    done = execute(ana, "stat", {"path": "two"}, conversation_id=talk)
    assert states(said(ana, talk, 3)[-1]) == [("stat", "completed")]
    again = execute(ana, "stat", {"path": "gone"}, conversation_id=talk)
    assert again["status"] == "failed" and said(ana, talk, 4)[-1]["content"] == "That did not work: gone is not there"
    execute(people["ben"], "stat", {"path": "two"}, conversation_id=talk)
    said(ana, talk, 4)  # it is not ben's conversation
    assert done["conversation_id"] == talk


def test_a_process_that_is_killed_leaves_nothing_unsaid(people, book):
    """While nobody waits for the one task, and a turn for the other: both end in the next process, after their leases."""
    ana = people["ana"]
    alone, waited = (ana.chat("[[reply:Hello.]] Hello").json()["conversation_id"] for _ in range(2))
    params = {"url": f"http://127.0.0.1:{book.server_port}/held", "json": {}}
    words = f"/task api.webhook url={params['url']} json={{}}"
    earlier = len(book.begun)
    execute(ana, "webhook", params, type="api", wait=0, expect=202, conversation_id=alone)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: Client(ana.server, ana.token).chat(words, conversation_id=waited))
        until = time.monotonic() + PATIENCE_S
        while len(book.begun) < earlier + 2 and time.monotonic() < until:
            time.sleep(0.01)
        ana.server.kill()
        assert asked.exception() is not None, "nobody got an answer"
    ana.server.start().wait_ready()
    assert states(said(ana, alone, 3)[-1]) == [("webhook", "completed")]
    for task in ana.get(f"{TASKS}/history?limit=2", expect=200).json():
        assert settled(ana, task)["attempts"] >= 2
    ana.chat("[[reply:Yes.]] Are you there?", conversation_id=waited)
    rows = said(ana, waited, 6)
    assert [row["role"] for row in rows[2:]] == ["user", "user", "assistant", "assistant"]
    assert states(rows[-1]) == [("webhook", "completed")]


def test_several_processes_say_it_once(postgres):
    """One is asked in words, the other by its API; who does the task is left to chance."""
    store = postgres.url(schema=f"s{uuid.uuid4().hex[:12]}")
    with NimaServer(store=store) as one, NimaServer(store=store) as two:
        ana, other = Client(one), Client(two)
        (one.data / "files" / "f.txt").write_text("x")
        (two.data / "files" / "f.txt").write_text("x")
        for i in range(6):
            asked = ana.chat(f"/task file.make_dir path=d{i}").json()
            talk = asked["conversation_id"]
            if i % 2:
                assert ana.chat("yes", conversation_id=talk).json()["actions"][0]["status"] == "completed"
            else:
                settled(other, decide(other, asked["actions"][0]))
            rows = said(ana, talk, 4 if i % 2 else 3)
            ana.chat("/task file.stat path=f.txt", conversation_id=talk)
            said(ana, talk, len(rows) + 2)
