"""Another embedding model than before: facts are embedded anew in the background, and found meanwhile."""

import json
import time

import pytest
from client import Client
from conftest import EMBEDDINGS
from embeddings_server import EmbeddingsServer
from server import run_nima

STORES = ("sqlite", "json", "postgres")
PATIENCE_S = 120
FACTS = 150
CHUNK = 32  # embedded at once
PET, OTHER_PET = "The user owns a dog called Rex", "The user owns a cat called Misha"


def fill(api):
    facts = [{"fact": f"The user keeps jar {n} of marmalade in cellar {n % 7}", "category": "c"} for n in range(FACTS)]
    facts[5]["fact"], facts[5 + FACTS // 2]["fact"] = PET, OTHER_PET  # never both in one chunk
    api.post("/v1/memory/facts/batch", facts, expect=201)


def no_packs(folder):
    """Packs are embedded at the start too; what is counted here is the person's own."""
    empty = folder / "packs"
    empty.mkdir(exist_ok=True)
    return {"NIMA_KNOWLEDGE_PACKS": empty}


def embedding(api):
    return api.get("/health", expect=200).json()["embedding"]


def wait_until(api, is_so):
    until = time.monotonic() + PATIENCE_S
    while not is_so(now := embedding(api)):
        assert time.monotonic() < until, now
        time.sleep(0.05)
    return now


def hits(api, query):
    return {hit["fact"]: hit for hit in api.post("/v1/memory/search", {"query": query, "limit": 5}, expect=200).json()}


def vectors(server):
    """Model and length of every active fact's vector, as the store has them."""
    where = ["--store", server.args[server.args.index("--store") + 1]] if "--store" in server.args else ["--data", server.data]
    done = run_nima("export", "--user", "default", *where)
    assert done.returncode == 0, done.stderr
    facts = [line for line in map(json.loads, done.stdout.splitlines()) if line["kind"] == "fact"]
    assert len(facts) == FACTS
    return {(fact.get("embedding_model"), len(fact.get("embedding", ""))) for fact in facts}


@pytest.mark.slow
def test_another_model_takes_over_while_the_old_one_serves(start_server, need_model, new_store, tmp_path):
    need_model(EMBEDDINGS)
    store = (new_store() or "sqlite:{data}/nima.db").format(data=tmp_path)
    server = start_server(embeddings=f"local:{EMBEDDINGS}", store=store, env=no_packs(tmp_path))
    api = Client(server)
    wait_until(api, lambda now: api.get("/health").json()["embeddings_loaded"])
    fill(api)
    assert PET in hits(api, "does she have a canine animal?")
    wait_until(api, lambda now: now["state"] == "done")
    server.stop()

    with EmbeddingsServer("tiny", 96, "jar") as tiny:
        tiny.let(1)
        server.embeddings = tiny.address
        server.start()
        server.wait_ready()
        half = wait_until(api, lambda now: now["state"] == "by_former_model" and now["done"] > 0 and tiny.held)
        assert 0 < half["done"] <= CHUNK + 1
        assert half["total"] == FACTS and half["former_model"] == EMBEDDINGS
        assert api.get("/health").json()["embedding_model"] == "tiny"
        own = api.get("/v1/memory/stats").json()
        assert own["embedding"] == half and own["waiting_for_embedding"] == FACTS - half["done"]
        found = hits(api, "does she have a canine or feline animal?")
        assert any(pet in found and found[pet]["scores"]["vector"] > 0.2 for pet in (PET, OTHER_PET)), found
        assert hits(api, "marmalade jar 17 cellar")
        api.fact("The user met a heron")
        assert "The user met a heron" in hits(api, "heron")
        server.kill()

    with EmbeddingsServer("tiny", 96, "jar") as tiny:
        server.embeddings = tiny.address
        server.start()
        server.wait_ready()
        over = wait_until(api, lambda now: now["state"] == "done" and now["total"] == FACTS + 1)
        assert over["done"] == FACTS + 1 and over["former_model"] is None
        wait_until(api, lambda now: f"{FACTS + 1} of {FACTS + 1} have a vector of tiny" in server.stderr())
        assert tiny.texts <= FACTS - half["done"], "what was done before the kill is not done again"
        api.delete(f"/v1/memory/facts/{hits(api, 'heron')['The user met a heron']['id']}", expect=204)
        assert PET in hits(api, "dog Rex")
        server.stop()
        assert vectors(server) == {("tiny", 512)}, "one model, one length"
        assert f"of {FACTS} facts have no vector of tiny" in server.stderr()

    with EmbeddingsServer("other", 48, "jar") as other:  # and now the old one is gone
        other.let(1)
        server.embeddings = other.address
        server.start()
        server.wait_ready()
        half = wait_until(api, lambda now: now["done"] > 0 and other.held)
        assert half["state"] == "by_words" and half["former_model"] == "tiny"
        assert PET in hits(api, "Rex the dog")
        other.let(None)
        wait_until(api, lambda now: now["state"] == "done")
        assert PET in hits(api, "dog Rex")
        server.stop()
        assert vectors(server) == {("other", 256)}


@pytest.mark.slow
def test_two_processes_share_the_work(start_server, new_store, store_kind, tmp_path):
    if store_kind == "json":
        return  # one process at a time
    store = (new_store() or "sqlite:{data}/nima.db").format(data=tmp_path)
    first = start_server(store=store, env=no_packs(tmp_path))
    api = Client(first)
    for part in range(4):
        facts = [{"fact": f"The user keeps jar {part} {n}", "category": "c"} for n in range(200)]
        api.post("/v1/memory/facts/batch", facts, expect=201)
    first.stop()
    with EmbeddingsServer("tiny", 96, "jar") as tiny:
        tiny.let(0)
        first.embeddings = tiny.address
        first.start()
        first.wait_ready()
        second = start_server(store=store, embeddings=tiny.address, env=no_packs(tmp_path))
        both = (api, Client(second))
        for one in both:
            wait_until(one, lambda now: now["total"] == 800 and now["former_model"] == "scripted")
        tiny.let(None)
        for one in both:
            wait_until(one, lambda now: now["state"] == "done")
        assert 800 <= tiny.texts < 1400, "not everything twice"
        for one in both:
            assert len(hits(one, "jar 3 150")) == 5
            assert one.get("/v1/memory/stats").json()["waiting_for_embedding"] == 0
