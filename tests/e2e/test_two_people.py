"""Two people, ten thousand requests of all kinds at once, and everything that could be a way around: they never mix."""

import http.client
import json
import random
import threading
import uuid

import pytest
from client import Client
from server import NimaServer, run_nima

REQUESTS, THREADS = 10_000, 8
MARKS = {"ana": "anamark7c1e", "bob": "bobmark9d2f"}
FACTS, TALKS = "/v1/memory/facts", "/v1/conversations"


class Person:
    """What one person has made so far, for everybody to try."""

    def __init__(self, name, token):
        self.name, self.token, self.mark = name, token, MARKS[name]
        self.facts, self.talks, self.cursors, self.keys = [], [], [], []


class Caller(threading.Thread):
    """One connection, both people by turns."""

    def __init__(self, server, people, seed):
        super().__init__(daemon=True)
        self.http = http.client.HTTPConnection(server.host, server.port, timeout=120)
        self.people, self.chance, self.statuses, self.failure = people, random.Random(seed), {}, None

    def run(self):
        try:
            turn = 0
            while sum(self.statuses.values()) < REQUESTS / THREADS:
                turn += 1
                me, other = self.people if turn % 2 else self.people[::-1]
                self.chance.choices(WAYS, WEIGHTS)[0](self, me, other, self.chance.randrange(10**9))
        except BaseException as error:
            self.failure = error

    def call(self, me, other, method, path, body=None, *, allowed=(200,), headers=None):
        data = None if body is None else json.dumps(body).encode()
        more = {"Content-Type": "application/json"} if data is not None else {}
        self.http.request(method, path, data, {"Authorization": f"Bearer {me.token}"} | more | (headers or {}))
        reply = self.http.getresponse()
        text = reply.read()
        assert reply.status in allowed, (me.name, method, path, body, reply.status, text[:500])
        assert other.mark.encode() not in text, (me.name, method, path, body, text[:2000])
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        return reply, json.loads(text) if text.startswith((b"{", b"[")) else text.decode()

    def some(self, those):
        return self.chance.choice(those) if those else str(uuid.uuid4())


def add(c, me, other, n):
    _, fact = c.call(me, other, "POST", FACTS, {"fact": f"{me.mark} owns lamp {n}", "category": me.mark}, allowed=(200, 201))
    me.facts.append(fact["id"])


def batch(c, me, other, n):
    body = [{"fact": f"{me.mark} rents attic {n} {i}", "category": me.mark, "metadata": {"x": me.mark}} for i in range(3)]
    _, facts = c.call(me, other, "POST", FACTS + "/batch", body, allowed=(200, 201))
    me.facts += [fact["id"] for fact in facts]


def patch(c, me, other, n):
    c.call(me, other, "PATCH", f"{FACTS}/{c.some(me.facts)}", {"fact": f"{me.mark} sold boat {n}"}, allowed=(200, 404, 409))


def remove(c, me, other, n):
    if len(me.facts) > 50:
        c.call(me, other, "DELETE", f"{FACTS}/{me.facts.pop(0)}", allowed=(204, 404))


def listed(c, me, other, n):
    tail = f"&cursor={c.some(me.cursors)}" if n % 2 and me.cursors else ""
    reply, facts = c.call(me, other, "GET", f"{FACTS}?limit=5&status=all{tail}")
    assert all(me.mark in fact["fact"] for fact in facts)
    if reply.headers.get("X-Next-Cursor"):
        me.cursors.append(reply.headers["X-Next-Cursor"])


def one(c, me, other, n):
    c.call(me, other, "GET", f"{FACTS}/{c.some(me.facts)}?history=true", allowed=(200, 404))


def search(c, me, other, n):
    words = ("lamp", "attic", "boat", other.mark, "owns")
    _, hits = c.call(me, other, "GET", f"/v1/memory/search?limit=5&q={words[n % 5]}")
    assert all(me.mark in hit["fact"] for hit in hits)


def profile(c, me, other, n):
    if n % 4 == 0:
        c.call(me, other, "PUT", "/v1/memory/profile", {"name": me.mark, "context": {"n": f"{me.mark} {n}"}})
    _, mine = c.call(me, other, "GET", "/v1/memory/profile")
    assert mine["user_id"] == me.name and mine["name"] in (None, me.mark)


def stats(c, me, other, n):
    _, counts = c.call(me, other, "GET", "/v1/memory/stats")
    assert {entry["name"] for entry in counts["by_category"]} <= {me.mark}


def chat(c, me, other, n):
    body = {"messages": [{"role": "user", "content": f"[[recall]] {me.mark}: which lamp {n} and whose?"}], "learn": "off"}
    if n % 2 and me.talks:
        body["conversation_id"] = c.some(me.talks)
    _, reply = c.call(me, other, "POST", "/v1/chat", body)
    me.talks.append(reply["conversation_id"])


def stream(c, me, other, n):
    body = {"messages": [{"role": "user", "content": f"[[recall]] {me.mark} asks {n}: my lamp?"}], "learn": "off"}
    c.call(me, other, "POST", "/v1/chat/stream", body)


def talk(c, me, other, n):
    if n % 3 == 0:
        body = {"title": me.mark, "messages": [{"role": "user", "content": f"{me.mark} says {n}"}]}
        _, made = c.call(me, other, "POST", TALKS, body, allowed=(201,))
        me.talks.append(made["conversation_id"])
    c.call(me, other, "GET", f"{TALKS}/{c.some(me.talks)}", allowed=(200, 404))
    c.call(me, other, "GET", f"{TALKS}?limit=5")


def same_key(c, me, other, n):
    """Keys and bodies that both send: the reply kept for one must never be the other's."""
    key = {"Idempotency-Key": f"shared-{n % 40}"}
    _, made = c.call(me, other, "POST", TALKS, {"title": "shared"}, headers=key, allowed=(201, 409))
    if "conversation_id" in made:
        assert made["conversation_id"] not in other.keys
        me.keys.append(made["conversation_id"])


def by_name(c, me, other, n):
    """To say that one is somebody else."""
    for path in (f"{FACTS}?user_id={other.name}", f"/v1/memory/search?q=lamp&user_id={other.name}",
                 f"/v1/memory/profile?user_id={other.name}", f"{TALKS}?user={other.name}"):  # fmt: skip
        c.call(me, other, "GET", path, allowed=(200, 422), headers={"X-User-Id": other.name, "X-Nima-User": other.name})
    body = {"fact": f"{me.mark} pretends {n}", "category": me.mark, "user_id": other.name}
    c.call(me, other, "POST", FACTS, body, allowed=(200, 201, 422))
    c.call(me, other, "PUT", "/v1/memory/profile", {"user_id": other.name, "name": me.mark}, allowed=(422,))
    c.call(me, other, "DELETE", "/v1/memory", {"confirm": other.name}, allowed=(422,))


def by_id(c, me, other, n):
    """To name what the other one has: exactly as if it did not exist."""
    nothing = str(uuid.uuid4())
    fact, talk_ = c.some(other.facts), c.some(other.talks)
    body = {"messages": [{"role": "user", "content": "[[recall]] go on"}], "learn": "off"}
    tries = [("GET", f"{FACTS}/%s", None), ("GET", f"{FACTS}/%s?history=true", None), ("DELETE", f"{FACTS}/%s", None),
             ("PATCH", f"{FACTS}/%s", {"fact": f"{me.mark} took it {n}"}), ("GET", f"{TALKS}/%s", None),
             ("PATCH", f"{TALKS}/%s", {"title": me.mark}), ("DELETE", f"{TALKS}/%s", None)]  # fmt: skip
    method, path, sent = tries[n % len(tries)]
    theirs, none = (c.call(me, other, method, path % i, sent, allowed=(404,))[1]
                    for i in (fact if FACTS in path else talk_, nothing))  # fmt: skip
    for reply in (theirs, none):
        reply["error"].pop("request_id")
    assert theirs == none, "no hint that it is there"
    c.call(me, other, "POST", "/v1/chat", body | {"conversation_id": talk_}, allowed=(404,))
    c.call(me, other, "POST", "/v1/chat/completions", body, allowed=(404,), headers={"X-Nima-Conversation": talk_})


def by_cursor(c, me, other, n):
    _, facts = c.call(me, other, "GET", f"{FACTS}?limit=5&cursor={c.some(other.cursors)}", allowed=(200, 422))
    assert isinstance(facts, dict) or all(me.mark in fact["fact"] for fact in facts)


WAYS = [add, batch, patch, remove, listed, one, search, profile, stats, chat, stream, talk, same_key, by_name, by_id, by_cursor]
WEIGHTS = [4, 1, 2, 3, 14, 14, 12, 10, 3, 3, 2, 4, 3, 3, 6, 10]


@pytest.mark.slow
def test_ten_thousand_requests_of_two_people_never_mix():
    with NimaServer() as server:
        tokens = {n: run_nima("token", "create", "--user", n, "--data", server.data).stdout.split()[-1] for n in MARKS}
        people = [Person(name, token) for name, token in tokens.items()]
        for me, other in (people, people[::-1]):
            first = Caller(server, people, 0)
            for way in WAYS * 2:
                way(first, me, other, 3)
        callers = [Caller(server, people, seed) for seed in range(THREADS)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(280)
            assert not caller.is_alive(), "it hangs"
            if caller.failure:
                raise caller.failure
        assert sum(sum(caller.statuses.values()) for caller in callers) >= REQUESTS
        for me, other in (people, people[::-1]):
            kept = run_nima("export", "--user", me.name, "--data", server.data).stdout
            assert me.mark in kept and other.mark not in kept and other.name not in json.loads(kept.splitlines()[0]).values()
        assert Client(server, people[0].token).get("/v1/memory/profile", expect=200).json()["name"] == MARKS["ana"]
