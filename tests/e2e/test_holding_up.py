"""Killed under load, left by clients."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from client import Client
from conftest import EMBEDDINGS, TINY
from server import NimaServer

WRITERS = 4


class Writer(threading.Thread):
    """Writes until the server is gone; keeps what was acknowledged."""

    def __init__(self, server, name):
        super().__init__(daemon=True)
        self.server, self.label = server, name
        self.facts, self.gone, self.talks = {}, set(), {}

    def run(self):
        session = requests.Session()
        number = 0
        try:
            while True:
                number += 1
                self.step(session, number)
        except requests.RequestException:
            pass

    def step(self, session, number):
        text = f"{self.label} wrote number {number}"
        if number % 5 == 4:
            body = {"messages": [{"role": "user", "content": f"[[reply:{text}]]"}], "learn": "off"}
            done = session.post(self.server.url + "/v1/chat", json=body, timeout=20)
            assert done.status_code == 200, done.text
            self.talks[done.json()["conversation_id"]] = text
            return
        if number % 7 == 6 and self.facts:
            victim = random.choice(list(self.facts))
            text_of = self.facts.pop(victim)
            try:
                done = session.delete(f"{self.server.url}/v1/memory/facts/{victim}", timeout=20)
            except requests.RequestException:
                return  # not acknowledged: it may be there or not
            assert done.status_code == 204, (done.text, text_of)
            self.gone.add(victim)
            return
        if number % 3 == 0:
            batch = [{"fact": f"{text} of {i}", "category": "load"} for i in range(5)]
            done = session.post(self.server.url + "/v1/memory/facts/batch", json=batch, timeout=20)
            assert done.status_code == 201, done.text
            self.facts |= {fact["id"]: fact["fact"] for fact in done.json()}
            return
        done = session.post(self.server.url + "/v1/memory/facts", json={"fact": text, "category": "load"}, timeout=20)
        assert done.status_code == 201, done.text
        self.facts[done.json()["id"]] = done.json()["fact"]


def everything(api):
    found, target = {}, "/v1/memory/facts?limit=500"
    while target:
        reply = api.get(target, expect=200)
        found |= {fact["id"]: fact["fact"] for fact in reply.json()}
        cursor = reply.headers.get("x-next-cursor")
        target = f"/v1/memory/facts?limit=500&cursor={cursor}" if cursor else None
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_under_write_load_nothing_acknowledged_is_lost(request):
    rounds = request.config.getoption("--crash-rounds")
    chance = random.Random(3)
    kept, gone, talks = {}, set(), {}
    with NimaServer() as server:
        api = Client(server)
        for turn in range(rounds):
            writers = [Writer(server, f"round {turn} writer {n}") for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.1, 0.6))
            server.kill()
            for writer in writers:
                writer.join(30)
                assert not writer.is_alive()
                kept |= writer.facts
                gone |= writer.gone
                talks |= writer.talks
            begun = time.monotonic()
            server.start()
            server.wait_ready(30)
            assert time.monotonic() - begun < 30
            found = everything(api)
            lost = {i: t for i, t in kept.items() if found.get(i) != t}
            assert not lost, f"round {turn}: {len(lost)} of {len(kept)} lost: {list(lost.values())[:5]}"
            assert not gone & set(found), "what was deleted is back"
        assert len(kept) > rounds * 5 and talks
        for talk, text in list(talks.items())[:: max(1, len(talks) // 40)]:
            messages = api.get(f"/v1/conversations/{talk}", expect=200).json()["messages"]
            assert [m["role"] for m in messages] == ["user", "assistant"] and messages[1]["content"] == text
        stats = api.get("/v1/memory/stats", expect=200).json()
        assert stats["active"] == len(found) == stats["index"]["rows"], "index and store agree"
        for identity in chance.sample(sorted(kept), 20):
            hits = api.post("/v1/memory/search", {"query": kept[identity], "limit": 30}, expect=200).json()
            assert identity in [hit["id"] for hit in hits], kept[identity]


@pytest.mark.slow
def test_many_streams_and_clients_that_leave(server):
    def one(number):
        body = {"messages": [{"role": "user", "content": "[[tokens:60]] [[delay:10]]"}], "learn": "off"}
        with requests.post(server.url + "/v1/chat/stream", json=body, stream=True, timeout=60) as reply:
            assert reply.status_code == 200
            heard = 0
            for line in reply.iter_lines():
                heard += line.startswith(b"data:")
                if number % 3 == 0 and heard == 5:
                    return "left"
            return heard

    with ThreadPoolExecutor(60) as pool:
        results = list(pool.map(one, range(180)))
    assert results.count("left") == 60 and set(results) == {"left", 61}
    until = time.monotonic() + 60
    while "nima_http_streams 0" not in requests.get(server.url + "/metrics", timeout=10).text:
        assert time.monotonic() < until, "streams are left over"
        time.sleep(0.1)


@pytest.mark.slow
def test_leaving_the_tiny_model_frees_it(need_model):
    need_model(TINY, EMBEDDINGS)
    with NimaServer(llm=f"local:{TINY}", embeddings=f"local:{EMBEDDINGS}") as server:
        server.wait_ready(60)
        api = Client(server)
        body = {"messages": [{"role": "user", "content": "Write a very long story about the sea."}], "max_length": 2000}
        with requests.post(server.url + "/v1/chat/stream", json=body, stream=True, timeout=60) as reply:
            talk = reply.headers["X-Nima-Conversation"]
            lines = reply.iter_lines()
            heard = 0
            while heard < 5:
                heard += next(lines).startswith(b"data:")
        api.post("/v1/inference", {"prompt": "Say hi", "max_length": 3}, expect=200)
        until = time.monotonic() + 60
        while len(messages := api.get(f"/v1/conversations/{talk}", expect=200).json()["messages"]) < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert messages[1]["metadata"]["interrupted"] is True
        assert messages[1]["metadata"]["context"]["tokens"]["completion"] < 100
