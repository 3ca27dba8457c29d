"""What was said is found again: contract section 5, scope=messages and scope=all."""

import json
import time
from urllib.parse import quote

import pytest
from client import Client
from server import ROOT, run_nima

STORES = ("sqlite", "json", "postgres")
MESSAGE = {"message_id", "conversation_id", "role", "content", "timestamp", "score", "scores"}
ENOUGH_S = 60


def eventually(check):
    until = time.monotonic() + ENOUGH_S
    while not check():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.05)


def found(api, query, scope="messages", **more):
    options = "".join(f"&{key}={value}" for key, value in more.items())
    return api.get(f"/v1/memory/search?scope={scope}&q={quote(query)}{options}", expect=200).json()


def contents(api, query, **more):
    return [hit["content"] for hit in found(api, query, **more)]


def take_in(api, *lines, at="2025-01-02T03:04:05.678Z"):
    messages = [{"role": "user" if i % 2 == 0 else "assistant", "content": line, "timestamp": at} for i, line in enumerate(lines)]
    return api.post("/v1/conversations", {"messages": messages}, expect=201).json()


def embedded(api):
    return api.get("/v1/memory/stats").json()["messages"]["waiting_for_embedding"] == 0


def test_what_comes_in_is_found_at_once(fresh):
    talk = take_in(fresh, "The oboe lesson is on Tuesday", "Enjoy the oboe!")
    hits = found(fresh, "oboe lesson")
    assert [hit["content"] for hit in hits] == ["The oboe lesson is on Tuesday", "Enjoy the oboe!"]
    eventually(lambda: embedded(fresh))  # scores change when the vectors come
    hits = found(fresh, "oboe lesson")
    first = hits[0]
    assert set(first) == MESSAGE and set(first["scores"]) == {"vector", "keyword"}
    assert first["conversation_id"] == talk["conversation_id"] and first["message_id"] == talk["messages"][0]["id"]
    assert first["timestamp"] == "2025-01-02T03:04:05.678Z" and first["role"] == "user"
    assert 0 < hits[1]["score"] <= hits[0]["score"] <= 1
    assert fresh.post("/v1/memory/search", {"query": "oboe lesson", "scope": "messages"}, expect=200).json() == hits
    assert found(fresh, "oboe lesson", limit=1) == hits[:1]
    assert found(fresh, "oboe lesson", min_score=1) == []
    fresh.get("/v1/memory/search?q=x&scope=everything", expect=422)


def test_facts_and_messages_together(fresh):
    fact = fresh.fact("The user plays the oboe")
    take_in(fresh, "The oboe lesson is on Tuesday")
    assert [hit["id"] for hit in found(fresh, "oboe", "facts")] == [fact["id"]]
    assert contents(fresh, "oboe") == ["The oboe lesson is on Tuesday"]
    both = found(fresh, "oboe", "all")
    assert sorted("fact" if "fact" in hit else "message" for hit in both) == ["fact", "message"]
    assert [hit["score"] for hit in both] == sorted((hit["score"] for hit in both), reverse=True)
    assert len(found(fresh, "oboe", "all", limit=1)) == 1
    assert next(hit for hit in both if "fact" in hit) == found(fresh, "oboe", "facts")[0]


def test_vectors_come_in_the_background_and_after_a_restart(start_server):
    server = start_server()
    api = Client(server)
    take_in(api, *(f"line {i} about the oboe" for i in range(60)))
    eventually(lambda: embedded(api))
    assert found(api, "line 7 about the oboe")[0]["scores"]["vector"] > 0.9
    server.stop()
    server.start()
    take_in(api, "The dinghy is for sale")
    eventually(lambda: embedded(api))
    assert api.get("/v1/memory/stats").json()["messages"]["total"] == 61
    assert contents(api, "The dinghy is for sale")[0] == "The dinghy is for sale"


def test_a_branch_that_was_left_is_not_found(fresh):
    first = fresh.chat("Where did I put it? [[reply:The oboe lies under the bed.]]").json()
    talk = first["conversation_id"]
    asked = fresh.get(f"/v1/conversations/{talk}/messages", expect=200).json()[0]["id"]
    assert "The oboe lies under the bed." in contents(fresh, "oboe lies")
    edit = {"content": "The oboe was sold in Porto. [[reply:A pity.]]"}
    second = fresh.put(f"/v1/conversations/{talk}/messages/{asked}", edit, expect=200).json()
    assert sorted(contents(fresh, "oboe")) == ["A pity.", edit["content"]]
    assert "under the bed" not in fresh.chat("where does my oboe lie? [[recall]]").json()["response"]
    fresh.post(f"/v1/conversations/{talk}/messages/{first['message_id']}/activate", expect=200)
    found_now = contents(fresh, "oboe lies sold", limit=50)
    assert "The oboe lies under the bed." in found_now and edit["content"] not in found_now
    fresh.post(f"/v1/conversations/{talk}/messages/{second['message_id']}/activate", expect=200)
    found_now = contents(fresh, "oboe lies sold", limit=50)
    assert edit["content"] in found_now and "The oboe lies under the bed." not in found_now


def test_a_deleted_conversation_is_gone_at_once(fresh):
    talk = take_in(fresh, "The oboe lesson is on Tuesday")
    take_in(fresh, "The bassoon lesson is on Friday")
    assert len(found(fresh, "lesson")) == 2
    fresh.delete(f"/v1/conversations/{talk['conversation_id']}", expect=200)
    assert contents(fresh, "oboe lesson") == ["The bassoon lesson is on Friday"]
    assert "The oboe lesson is on Tuesday" not in contents(fresh, "oboe")
    fresh.delete("/v1/memory", {"confirm": "default"}, expect=204)
    assert found(fresh, "bassoon lesson") == []


def test_what_was_forgotten_is_not_found_any_more(fresh):
    told = fresh.chat("I live in Lisbon. [[reply:Lisbon, how lovely]]", learn="wait").json()
    fact = told["remembered"][0]
    assert len(found(fresh, "Lisbon")) == 2
    fresh.delete(f"/v1/memory/facts/{fact['id']}", expect=204)
    assert found(fresh, "Lisbon") == []
    assert found(fresh, "where do I live?") == []


def test_what_was_corrected_is_still_found(fresh):
    fresh.chat("I live in Lisbon. [[reply:noted]]", learn="wait")
    fresh.chat("I live in Porto. [[reply:noted]]", learn="wait")
    assert any("Lisbon" in content for content in contents(fresh, "Lisbon"))


@pytest.fixture
def people(start_server, new_store, tmp_path):
    """Ana and Bob, by tokens made before the start: a folder of JSON files is one process's alone."""
    where = (new_store() or "sqlite:{data}/nima.db").format(data=tmp_path)
    made = [run_nima("token", "create", "--user", user, "--store", where) for user in ("ana", "bob")]
    assert all(done.returncode == 0 for done in made), [done.stderr for done in made]
    server = start_server(store=where)
    return [Client(server, done.stdout.split()[-1]) for done in made]


def test_nobody_finds_what_another_said(people):
    ana, bob = people
    talk = take_in(ana, "The oboe lesson is on Tuesday")
    take_in(bob, "The bassoon lesson is on Friday")
    assert contents(ana, "lesson") == ["The oboe lesson is on Tuesday"]
    assert contents(bob, "lesson") == ["The bassoon lesson is on Friday"]
    bob.delete("/v1/memory", {"confirm": "bob"}, expect=204)
    bob.delete(f"/v1/conversations/{talk['conversation_id']}", expect=404)
    assert contents(ana, "lesson") == ["The oboe lesson is on Tuesday"] and found(bob, "lesson") == []


def test_a_conversation_is_found_by_questions(fresh):
    """A small talk of our own (tests/data/talk.json); bench/locomo is the long one."""
    talk = json.loads((ROOT / "tests" / "data" / "talk.json").read_text())
    ids = []
    for session in talk["sessions"]:
        messages = [{"role": "user" if who == "Nora" else "assistant", "name": who, "content": line, "timestamp": session["date"]}
                    for who, line in session["messages"]]  # fmt: skip
        ids += [message["id"] for message in fresh.post("/v1/conversations", {"messages": messages}, expect=201).json()["messages"]]
    eventually(lambda: embedded(fresh))
    answered = 0
    for question, evidence in talk["questions"]:
        hits = [hit["message_id"] for hit in found(fresh, question, limit=5)]
        answered += any(ids[at] in hits for at in evidence)
    assert answered >= 16, f"{answered} of {len(talk['questions'])}"
