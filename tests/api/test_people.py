"""Tokens and scopes, other people's data, and replies that are not made twice."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from client import Client
from server import run_nima

FACTS = "/v1/memory/facts"


def make_token(server, user, scopes=None):
    done = run_nima("token", "create", "--user", user, *(["--scopes", scopes] if scopes else []), "--data", server.data)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@pytest.fixture(scope="module")
def people(server):
    """Ana and Bob, by token, on one server."""
    return Client(server, make_token(server, "ana")), Client(server, make_token(server, "bob"))


def test_a_token_is_needed_once_there_is_one(server, people):
    nobody = Client(server)
    for target in (FACTS, "/v1/conversations", "/v1/models", "/v1/memory/profile"):
        nobody.get(target, expect=401)
        Client(server, "nima_wrong").get(target, expect=401)
        nobody.get(target, headers={"Authorization": "Basic YTpi"}, expect=401)
    nobody.chat("hello", expect=401)
    nobody.delete("/v1/memory", {"confirm": "default"}, expect=401)
    for target in ("/health", "/ready", "/openapi.json", "/docs", "/"):
        nobody.get(target, expect=200)
    assert people[0].get("/v1/memory/profile", expect=200).json()["user_id"] == "ana"


def test_what_is_somebody_elses_is_not_there(people):
    ana, bob = people
    fact = ana.fact("Ana hides the key under the pot")
    talk = ana.chat("a secret [[reply:noted]]").json()["conversation_id"]
    for call in (bob.get, bob.delete):
        call(f"{FACTS}/{fact['id']}", expect=404)
        call(f"/v1/conversations/{talk}", expect=404)
    bob.get(f"{FACTS}/{fact['id']}?history=true", expect=404)
    bob.patch(f"{FACTS}/{fact['id']}", {"fact": "mine"}, expect=404)
    bob.patch(f"/v1/conversations/{talk}", {"title": "mine"}, expect=404)
    bob.chat("go on", conversation_id=talk, expect=404)
    bob.stream("go on", conversation_id=talk, expect=404)
    bob.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]},
             headers={"X-Nima-Conversation": talk}, expect=404)  # fmt: skip
    assert bob.get(FACTS).json() == [] and bob.get("/v1/conversations").json() == []
    assert bob.get("/v1/memory/search?q=key+pot").json() == [] and bob.get("/v1/memory/stats").json()["total"] == 0
    assert "pot" not in bob.chat("[[recall]] where is the key?", learn="off").json()["response"]
    own = bob.fact("Ana hides the key under the pot")
    assert own["id"] != fact["id"], "the same words are another fact for him"
    bob.delete("/v1/memory", {"confirm": "ana"}, expect=422)
    bob.delete("/v1/memory", {"confirm": "bob"}, expect=204)
    assert ana.get(f"{FACTS}/{fact['id']}", expect=200).json() == fact
    assert ana.get(f"/v1/conversations/{talk}", expect=200).json()["messages"][0]["content"].startswith("a secret")


def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(people):
    ana, bob = people
    for n in range(3):
        ana.fact(f"ana {n}")
    cursor = ana.get(f"{FACTS}?limit=1").headers["x-next-cursor"]
    reply = bob.get(f"{FACTS}?cursor={cursor}")
    assert reply.status == 422 or all("ana" not in fact["fact"] for fact in reply.json())


def test_scopes(server, people):
    memory = Client(server, make_token(server, "ana", "memory"))
    chat = Client(server, make_token(server, "ana", "chat"))
    memory.get(FACTS, expect=200)
    assert "chat" in memory.chat("hello", expect=403).error["message"]
    memory.get("/v1/conversations", expect=403)
    search = "/v1/memory/search"
    memory.get(f"{search}?q=secret", expect=200)
    for scope in ("messages", "all"):  # what was said is for those who may read conversations
        assert "chat" in memory.get(f"{search}?q=secret&scope={scope}", expect=403).error["message"]
        memory.post(search, {"query": "secret", "scope": scope}, expect=403)
        people[0].get(f"{search}?q=secret&scope={scope}", expect=200)
    chat.chat("hello", learn="off")
    chat.get(FACTS, expect=403)
    chat.delete("/v1/memory", {"confirm": "ana"}, expect=403)
    assert run_nima("token", "create", "--user", "x", "--scopes", "everything", "--data", server.data).returncode in (1, 2)


def test_tokens_are_listed_and_revoked(server, people):
    token = make_token(server, "carol")
    carol = Client(server, token)
    carol.get(FACTS, expect=200)
    listed = run_nima("token", "list", "--data", server.data)
    assert listed.returncode == 0 and "carol" in listed.stdout and token not in listed.stdout
    line = next(line for line in listed.stdout.splitlines() if "carol" in line)
    identity = re.search(r"[0-9a-f-]{36}", line)[0]
    assert run_nima("token", "revoke", identity, "--data", server.data).returncode == 0
    carol.get(FACTS, expect=401)
    assert run_nima("token", "revoke", str(uuid.uuid4()), "--data", server.data).returncode == 1


def test_tokens_are_stored_as_a_hash(server, people):
    token = make_token(server, "dora")
    for file in server.data.rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes()


def test_two_people_at_once_never_mix(people):
    def work(turn):
        who, client = (("ana", people[0]), ("bob", people[1]))[turn % 2]
        other = "bob" if who == "ana" else "ana"
        mine = Client(client.server, client.token)
        mine.fact(f"{who} owns parcel {turn}")
        texts = [mine.get("/v1/memory/search?q=parcel+owns").text, mine.get(FACTS).text,
                 mine.chat(f"[[recall]] {who}: which parcel do I own?", learn="off").text]  # fmt: skip
        assert all(f"{other} owns" not in text for text in texts)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(80)))


@pytest.fixture
def key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_the_same_key_gives_the_first_reply(fresh, key):
    body = {"fact": "only once", "category": "c"}
    first = fresh.post(FACTS, body, headers=key, expect=201)
    again = fresh.post(FACTS, body, headers=key, expect=201)
    assert again.body == first.body and again.headers.get("idempotency-replayed") == "true"
    assert "idempotency-replayed" not in first.headers
    assert fresh.post(FACTS, {**body, "fact": "another"}, headers=key, expect=409).error["code"] == "conflict"
    assert len(fresh.get(FACTS).json()) == 1
    assert fresh.post("/v1/conversations", {}, headers=key, expect=201), "another route is another request"
    fresh.post(FACTS, {**body, "fact": "another"}, headers={"Idempotency-Key": "other"}, expect=201)


def test_a_chat_is_not_held_twice(fresh, key):
    body = {"messages": [{"role": "user", "content": "hello"}]}
    first = fresh.post("/v1/chat", body, headers=key, expect=200)
    again = fresh.post("/v1/chat", body, headers=key, expect=200)
    assert again.json()["message_id"] == first.json()["message_id"]
    assert len(fresh.get("/v1/conversations").json()) == 1


def test_a_key_survives_a_restart(start_server, key):
    server = start_server()
    api = Client(server)
    body = {"title": "once"}
    first = api.post("/v1/conversations", body, headers=key, expect=201)
    server.kill()
    server.start()
    server.wait_ready()
    assert api.post("/v1/conversations", body, headers=key, expect=201).body == first.body


def test_a_refusal_is_repeated_and_a_failure_is_not(fresh, key):
    assert fresh.post(FACTS, {"fact": "x"}, headers=key, expect=422).field == "category"
    fresh.post(FACTS, {"fact": "x"}, headers=key, expect=422)
    failing = {"Idempotency-Key": "failing"}
    fresh.post("/v1/inference", {"prompt": "[[fail]]"}, headers=failing, expect=502)
    fresh.post("/v1/inference", {"prompt": "[[fail]]"}, headers=failing, expect=502)


def test_many_at_once_with_one_key(fresh, key):
    body = {"title": "race"}

    def send(_):
        return Client(fresh.server).post("/v1/conversations", body, headers=key)

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(send, range(16)))
    assert {reply.status for reply in replies} <= {201, 409}
    assert len({reply.body for reply in replies if reply.status == 201}) == 1
    assert len(fresh.get("/v1/conversations").json()) == 1


@pytest.mark.parametrize("bad", ["", "x" * 256, "a\x7fb"])
def test_keys_that_are_none(api, bad, people):
    reply = people[0].post(FACTS, {"fact": "x", "category": "y"}, headers={"Idempotency-Key": bad})
    assert reply.status == 422 and reply.field == "Idempotency-Key", reply


def test_keys_are_each_persons_own(people, key):
    ana, bob = people
    body = {"title": "same key"}
    one = ana.post("/v1/conversations", body, headers=key, expect=201).json()
    two = bob.post("/v1/conversations", body, headers=key, expect=201).json()
    assert one["conversation_id"] != two["conversation_id"]
