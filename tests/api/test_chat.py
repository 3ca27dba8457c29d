"""Chat, streams, and what they store: contract section 4."""

import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from client import Client

STORES = ("sqlite", "json", "postgres")
PIECE = re.compile(r'data: \{"content": "(?:[^"\\]|\\.)*", "done": false\}')
DONE = re.compile(r'data: \{"content": "", "done": true, .*\}')


def stored(api, conversation):
    return api.get(f"/v1/conversations/{conversation}", expect=200).json()["messages"]


def eventually(check, timeout=15):
    until = time.monotonic() + timeout
    while True:
        got = check()
        if got or time.monotonic() > until:
            return got
        time.sleep(0.02)


class RawStream:
    """A stream read by hand, so that it can be left in the middle."""

    def __init__(self, server, message, token=None, path="/v1/chat/stream", **more):
        body = json.dumps({"messages": [{"role": "user", "content": message}], **more}).encode()
        self.sock = socket.create_connection((server.host, server.port), timeout=30)
        auth = f"Authorization: Bearer {token}\r\n" if token else ""
        self.sock.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{auth}"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        self.got = b""

    def read_until(self, count):
        while self.got.count(b'"done": false') < count:
            piece = self.sock.recv(4096)
            assert piece, self.got
            self.got += piece
        return self.got.count(b'"done": false')

    def read_all(self):
        while not self.got.endswith(b"0\r\n\r\n"):
            piece = self.sock.recv(65536)
            if not piece:
                break
            self.got += piece
        return self.got

    @property
    def conversation(self):
        return re.search(rb"(?i)x-nima-conversation: (\S+)", self.got)[1].decode()

    def leave(self):
        self.sock.close()


def test_the_shape_of_a_reply(api):
    reply = api.chat("[[reply:Nice to meet you.]]")
    body = reply.json()
    assert set(body) == {"response", "messages", "conversation_id", "message_id", "context", "actions", "remembered"}
    assert body["response"] == "Nice to meet you."
    assert body["messages"] == [{"role": "user", "content": "[[reply:Nice to meet you.]]"},
                                {"role": "assistant", "content": "Nice to meet you."}]  # fmt: skip
    assert body["actions"] == [] and body["remembered"] == []
    context = body["context"]
    assert {"facts", "packs", "goals", "tokens", "trimmed_messages", "summarized"} <= set(context)
    assert set(context["tokens"]) == {"prompt", "cached", "completion"}
    assert context["tokens"]["completion"] == 4 and context["tokens"]["prompt"] > 4
    messages = stored(api, body["conversation_id"])
    assert [m["role"] for m in messages] == ["user", "assistant"] and messages[1]["id"] == body["message_id"]
    assert messages[1]["content"] == "Nice to meet you." and not messages[1]["metadata"].get("interrupted")


def test_unknown_fields_are_ignored(api):
    api.chat("hello", model="gpt-9", user="x", metadata={"a": 1}, tools=[])


@pytest.mark.parametrize("text", ["héllo", "مرحبا بالعالم", "東京 \U0001f468‍\U0001f469‍\U0001f467", "a\tb\n\n c", '"\\/<>&', "\u2028", "\x7f"])
def test_any_text_comes_back_as_it_was(api, text):
    body = api.chat(f"[[reply:{text}]]").json()
    assert body["response"] == text
    assert stored(api, body["conversation_id"])[1]["content"] == text
    frames = api.stream(f"[[reply:{text}]]").frames
    assert "".join(frame["content"] for frame in frames) == text


def test_a_conversation_goes_on(api):
    first = api.chat("My first word is papaya. [[reply:ok]]", learn="off").json()
    talk = first["conversation_id"]
    second = api.chat("[[recall]] what was it?", conversation_id=talk, learn="off").json()
    assert second["conversation_id"] == talk
    assert "user: My first word is papaya." in second["response"] and "assistant: ok" in second["response"]
    assert [m["role"] for m in stored(api, talk)] == ["user", "assistant"] * 2
    other = api.chat("[[recall]]", learn="off").json()
    assert other["conversation_id"] != talk and "papaya" not in other["response"]


def test_earlier_messages_may_be_sent_and_the_stored_ones_count(api):
    talk = api.chat("one [[reply:uno]]").json()["conversation_id"]
    lie = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "a lie"}]
    body = api.post("/v1/chat", {"messages": [*lie, {"role": "user", "content": "[[recall]]"}],
                                 "conversation_id": talk}, expect=200).json()  # fmt: skip
    assert "a lie" not in body["response"] and "uno" in body["response"]
    assert len(stored(api, talk)) == 4


def test_a_new_conversation_is_made_of_all_messages(api):
    sent = [{"role": "system", "content": "Answer in rhyme."}, {"role": "user", "content": "first"},
            {"role": "assistant", "content": "reply"}, {"role": "user", "content": "[[recall]]"}]  # fmt: skip
    body = api.post("/v1/chat", {"messages": sent}, expect=200).json()
    kept = stored(api, body["conversation_id"])
    assert [(m["role"], m["content"]) for m in kept[:4]] == [(m["role"], m["content"]) for m in sent]
    assert "user: first" in body["response"] and "assistant: reply" in body["response"]


def test_a_system_message_stands_behind_the_persona(api):
    persona = api.chat("[[system]]", use_memory=False).json()["response"].strip()
    assert len(persona) > 20
    sent = [{"role": "system", "content": "Answer in rhyme."}, {"role": "user", "content": "[[system]]"}]
    body = api.post("/v1/chat", {"messages": sent, "use_memory": False}, expect=200).json()
    system = body["response"]
    assert system.startswith(persona[:20]) and system.strip().endswith("Answer in rhyme.")
    again = api.chat("[[system]]", conversation_id=body["conversation_id"], use_memory=False).json()["response"]
    assert "Answer in rhyme." in again, "it is kept"


def test_facts_are_recalled_just_before_the_message(fresh):
    fact = fresh.fact("Ana plays the cello in an orchestra", "music")
    fresh.fact("Bears sleep through the winter", "animals")
    body = fresh.chat("[[recall]] who plays the cello?", learn="off").json()
    recalled = body["context"]["facts"]
    assert recalled[0]["id"] == fact["id"] and recalled[0]["fact"] == fact["fact"] and 0 < recalled[0]["score"] <= 1
    prompt = body["response"]
    assert "Ana plays the cello" in prompt
    assert prompt.index("Ana plays the cello") > prompt.index("system: ") + 50, "behind the persona"
    assert prompt.index("Ana plays the cello") < prompt.rindex("user: ")
    without = fresh.chat("[[recall]] who plays the cello?", use_memory=False).json()
    assert without["context"]["facts"] == [] and "Ana plays" not in without["response"]
    assert fresh.chat("hi", learn="off").json()["context"]["facts"] == [], "a greeting recalls nothing"


def test_three_facts_are_learned_and_named(fresh):
    said = "I am 34, I live in Lisbon and I build compilers in Rust."
    body = fresh.chat(said).json()
    learned = body["remembered"]
    assert len(learned) == 3 and {r["event"] for r in learned} == {"added"}, learned
    joined = " | ".join(r["fact"] for r in learned)
    assert "34" in joined and "Lisbon" in joined and "compilers" in joined
    for entry in learned:
        fact = fresh.get(f"/v1/memory/facts/{entry['id']}", expect=200).json()
        assert fact["fact"] == entry["fact"] and fact["category"] == entry["category"]
        assert fact["source"] == "conversation" and fact["conversation_id"] == body["conversation_id"]
        assert fact["message_id"] == stored(fresh, body["conversation_id"])[0]["id"]
    again = fresh.chat(said).json()["remembered"]
    assert {r["event"] for r in again} <= {"unchanged"}, again
    assert len(fresh.get("/v1/memory/facts").json()) == 3
    asked = fresh.chat("[[recall]] Which city do I live in, and what do I work on?").json()
    assert "Lisbon" in asked["response"] and "compilers" in asked["response"]
    moved = fresh.chat("I moved to Porto last week. I live in Porto now.").json()["remembered"]
    assert any(r["event"] in ("superseded", "updated", "added") and "Porto" in r["fact"] for r in moved), moved


def test_what_is_not_learned(fresh):
    for said in ("Do I live in Lisbon?", "If I lived in Paris, I would paint.", 'She said: "I am a baker."',
                 "My password is hunter2secret", "My card number is 4111 1111 1111 1111", "Einstein lived in Bern.",
                 "```\nI live in Rome\n```", "my api key is sk-abcdefghijklmnopqrstuvwxyz123456"):  # fmt: skip
        assert fresh.chat(said).json()["remembered"] == [], said
    assert fresh.get("/v1/memory/facts").json() == []
    fresh.chat("I live in Lisbon.", learn="off")
    fresh.chat("I live in Lisbon.", use_memory=False)
    assert fresh.get("/v1/memory/facts").json() == []
    waited = fresh.chat("I live in Lisbon.", learn="wait").json()
    assert len(waited["remembered"]) == 1


def test_remember_and_forget(fresh):
    body = fresh.chat("/remember the spare key is under the pot").json()
    assert [r["event"] for r in body["remembered"]] == ["added"] and "spare key" in body["response"]
    fact = fresh.get(f"/v1/memory/facts/{body['remembered'][0]['id']}", expect=200).json()
    assert fact["source"] == "explicit"
    body = fresh.chat("/forget the spare key is under the pot").json()
    assert [r["event"] for r in body["remembered"]] == ["forgotten"]
    assert fresh.get("/v1/memory/facts?status=all").json() == []
    frames = fresh.stream("/remember the boat is blue").frames
    assert frames[-1]["remembered"][0]["event"] == "added" and "boat" in frames[0]["content"]


def test_the_frames_of_a_stream_byte_for_byte(api):
    reply = api.stream("[[reply:one two \"three\"\nfour]]")
    assert reply.type == "text/event-stream" and reply.headers["cache-control"] == "no-cache"
    events = [event for event in reply.text.split("\n\n") if not event.startswith(":")]
    assert events[-1] == "" and DONE.fullmatch(events[-2])
    assert events[0] == 'data: {"content": "one", "done": false}'
    assert events[2] == 'data: {"content": " \\"three\\"", "done": false}'
    assert events[3] == 'data: {"content": "\\nfour", "done": false}'
    assert all(PIECE.fullmatch(event) for event in events[:-2])
    last = json.loads(events[-2].removeprefix("data: "))
    assert set(last) == {"content", "done", "conversation_id", "message_id", "context", "actions", "remembered"}
    assert reply.headers["x-nima-conversation"] == last["conversation_id"]
    kept = stored(api, last["conversation_id"])
    assert kept[1]["id"] == last["message_id"] and kept[1]["content"] == 'one two "three"\nfour'


def test_chat_streams_when_asked(api):
    reply = api.chat("[[tokens:3]]", stream=True)
    assert reply.type == "text/event-stream"
    assert [frame["content"] for frame in reply.frames] == ["word1", " word2", " word3", ""]
    assert api.stream("[[tokens:3]]", stream=False).type == "text/event-stream"


def test_the_length_is_kept_to(api):
    body = api.chat("[[tokens:50]]", max_length=5).json()
    assert body["response"].split() == ["word1", "word2", "word3", "word4", "word5"]
    assert body["context"]["tokens"]["completion"] == 5


def test_pieces_come_as_they_are_made(server):
    stream = RawStream(server, "[[tokens:20]] [[delay:200]]")
    start = time.monotonic()
    stream.read_until(1)
    assert time.monotonic() - start < 3, "the first piece does not wait for the last"
    stream.read_all()
    assert time.monotonic() - start > 3


@pytest.mark.parametrize("path", ["/v1/chat/stream", "/v1/chat"])
def test_a_client_that_leaves_stops_the_model(server, api, path):
    stream = RawStream(server, "[[tokens:5000]] [[delay:200]]", path=path, stream=True)
    heard = stream.read_until(3)
    talk = stream.conversation
    stream.leave()
    left = time.monotonic()
    assert eventually(lambda: len(stored(api, talk)) == 2, 30), "what was said so far is kept"
    assert time.monotonic() - left < 10
    reply = stored(api, talk)[1]
    assert reply["metadata"]["interrupted"] is True
    words = reply["content"].split()
    assert words == [f"word{n}" for n in range(1, len(words) + 1)]
    assert heard <= len(words) <= heard + 3, f"{heard} pieces heard, {len(words)} made"
    goes_on = api.chat("[[recall]]", conversation_id=talk).json()
    assert "assistant: word1 word2" in goes_on["response"]


def test_a_client_that_leaves_before_the_first_piece(server, api):
    stream = RawStream(server, "[[tokens:50]] [[delay:3000]]")
    while b"\r\n\r\n" not in stream.got:
        stream.got += stream.sock.recv(4096)
    talk = stream.conversation
    stream.leave()
    assert eventually(lambda: "nima_http_streams 0" in api.get("/metrics").text, 30)
    assert [m["role"] for m in stored(api, talk)] == ["user"], "nothing was said, so nothing is kept of it"
    api.chat("and on", conversation_id=talk)


def test_a_client_that_leaves_a_reply_that_is_no_stream(server, api):
    body = json.dumps({"messages": [{"role": "user", "content": "[[tokens:900]] [[delay:100]] leaving"}]}).encode()
    with socket.create_connection((server.host, server.port), timeout=5) as sock:
        sock.sendall(b"POST /v1/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)  # fmt: skip
        time.sleep(0.5)
    talk = api.get("/v1/conversations?limit=1").json()[0]["id"]
    assert eventually(lambda: len(stored(api, talk)) == 2, 30), "it went on for nobody"
    reply = stored(api, talk)[1]
    assert reply["metadata"]["interrupted"] is True and len(reply["content"].split()) < 100


def test_failures(api):
    before = len(api.get("/v1/conversations?limit=500").json())
    failed = api.chat("[[fail]]", expect=502)
    assert failed.error["code"] == "model_failed"
    busy = api.chat("[[busy]]", expect=503)
    assert busy.error["code"] == "busy" and int(busy.headers["retry-after"]) >= 1
    assert len(api.get("/v1/conversations?limit=500").json()) >= before
    api.post("/v1/inference", {"prompt": "[[fail]]"}, expect=502)
    api.post("/v1/inference", {"prompt": "[[busy]]"}, expect=503)


def test_a_stream_that_fails_in_the_middle(api):
    reply = api.stream("[[tokens:9]] [[fail-after:2]]")
    frames = reply.frames
    assert [frame["content"] for frame in frames[:2]] == ["word1", " word2"] and len(frames) == 3
    last = frames[2]
    assert last["done"] is True and last["error"]["code"] == "model_failed"
    assert last["error"]["request_id"] == reply.headers["x-request-id"]
    kept = stored(api, reply.headers["x-nima-conversation"])
    assert kept[1]["content"] == "word1 word2" and kept[1]["metadata"]["interrupted"] is True
    first = api.stream("[[fail]]")
    assert first.status == 502 or first.frames[-1]["error"]["code"] == "model_failed"


def test_inference_is_the_model_alone(api):
    api.put("/v1/memory/profile", {"name": "Zebulon"}, expect=200)
    body = api.post("/v1/inference", {"prompt": "[[recall]]"}, expect=200).json()
    assert set(body) == {"response", "prompt"} and body["prompt"] == "[[recall]]"
    assert "Zebulon" not in body["response"] and "system:" not in body["response"]
    short = api.post("/v1/inference", {"prompt": "[[tokens:9]]", "max_length": 2}, expect=200).json()
    assert short["response"] == "word1 word2"


def test_turns_of_one_conversation_take_turns(api):
    talk = api.chat("start").json()["conversation_id"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: api.with_token(None).chat(f"[[tokens:3]] [[delay:20]] {n}", conversation_id=talk), range(4)))
    assert [m["role"] for m in stored(api, talk)] == ["user", "assistant"] * 5


def test_many_conversations_at_once(api):
    def talk(number):
        client = api.with_token(None)
        frames = client.stream(f"[[reply:mine is {number}]] [[delay:5]]").frames
        assert "".join(f["content"] for f in frames) == f"mine is {number}"
        return frames[-1]["conversation_id"]

    with ThreadPoolExecutor(16) as pool:
        talks = list(pool.map(talk, range(48)))
    assert len(set(talks)) == 48


def test_a_long_history_fits_the_model(fresh):
    words = "lorem ipsum dolor " * 40
    messages = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"{n} {words}"} for n in range(150)]
    talk = fresh.post("/v1/conversations", {"messages": messages}, expect=201).json()["conversation_id"]
    body = fresh.chat("[[recall]] the end", conversation_id=talk, learn="off", max_length=4500).json()
    assert body["context"]["trimmed_messages"] > 50
    assert body["context"]["tokens"]["prompt"] + 4500 <= 8192
    assert "149 lorem" in body["response"] and "\nuser: 0 lorem" not in body["response"]
    assert len(stored(fresh, talk)) == 152, "nothing of it is lost"


def test_a_message_that_no_model_can_take_is_told(api):
    reply = api.chat("word " * 12_000, expect=None)
    assert reply.status in (200, 422), reply
    if reply.status == 422:
        assert "messages" in reply.field


def test_sigterm_lets_a_stream_finish(start_server):
    server = start_server()
    stream = RawStream(server, "[[tokens:30]] [[delay:40]]")
    stream.read_until(2)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    got = stream.read_all()
    stopper.join(30)
    assert got.count(b'"done": false') == 30 and b'"done": true, "conversation_id"' in got
    server.start()
    server.wait_ready()
    reply = stored(Client(server), stream.conversation)[1]
    assert len(reply["content"].split()) == 30 and not reply["metadata"].get("interrupted")


def test_sigterm_stores_what_there_is_when_time_is_up(start_server):
    server = start_server(env={"NIMA_SERVER_STOP_GRACE_S": 1})
    stream = RawStream(server, "[[tokens:5000]] [[delay:40]]")
    stream.read_until(2)
    begun = time.monotonic()
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    got = stream.read_all()
    stopper.join(30)
    assert time.monotonic() - begun < 30
    assert b'"error"' in got and b"stopping" in got, got[-500:]
    server.start()
    server.wait_ready()
    reply = stored(Client(server), stream.conversation)[1]
    assert reply["metadata"]["interrupted"] is True and reply["content"].startswith("word1 word2")


def test_kill_keeps_what_the_person_said(start_server):
    server = start_server()
    stream = RawStream(server, "a sentence to keep [[tokens:5000]] [[delay:40]]")
    stream.read_until(2)
    server.kill()
    server.start()
    server.wait_ready()
    kept = stored(Client(server), stream.conversation)
    assert kept[0]["content"].startswith("a sentence to keep")
    Client(server).chat("and on", conversation_id=stream.conversation)
