"""Facts, search, profile, stats, and forgetting: contract section 5."""

import base64
import re
import time
import uuid

import pytest
from client import Client
from postgres import dump

STORES = ("sqlite", "json", "postgres")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELDS = {"id", "fact", "category", "source", "confidence", "metadata", "created_at", "updated_at", "status"}


def texts(reply):
    return [fact["fact"] for fact in reply.json()]


def test_create_and_get(api):
    made = api.post("/v1/memory/facts", {"fact": "Ana plays the cello", "category": "music"}, expect=201)
    fact = made.json()
    assert set(fact) == FIELDS and UUID.fullmatch(fact["id"])
    assert TIME.fullmatch(fact["created_at"]) and fact["updated_at"] == fact["created_at"]
    assert (fact["source"], fact["confidence"], fact["metadata"], fact["status"]) == ("conversation", 0.8, {}, "active")
    assert api.get(f"/v1/memory/facts/{fact['id']}", expect=200).json() == fact
    assert api.get(f"/v1/memory/facts/{fact['id'].upper()}", expect=200).json() == fact


def test_everything_can_be_said(api):
    sent = {"fact": "né à Zürich, 東京 \U0001f600 \" \\ / \u2028 \u202e", "category": "Ä b/c?&", "source": "inferred",
            "confidence": 0.123456, "metadata": {"a": [1, None, {"b": "c"}], "": 2.5, "big": 9007199254740993}}  # fmt: skip
    fact = api.post("/v1/memory/facts", sent, expect=201).json()
    assert {key: fact[key] for key in sent} == sent
    edges = api.fact("x" * 8000, "y" * 64, confidence=0, expect=201)
    assert len(edges["fact"]) == 8000 and edges["confidence"] == 0
    assert api.fact("one more", confidence=1)["confidence"] == 1
    assert len(api.fact("\U0001f600" * 8000)["fact"]) == 8000, "characters, not bytes"


def test_the_same_text_is_refreshed(fresh):
    first = fresh.fact("Ana is allergic to nuts")
    time.sleep(0.01)
    again = fresh.fact("Ana is allergic to nuts", expect=200)
    assert again["id"] == first["id"] and again["created_at"] == first["created_at"]
    assert again["updated_at"] > first["updated_at"]
    other = fresh.fact("Ana is allergic to nuts.")
    assert other["id"] != first["id"]
    assert fresh.get("/v1/memory/stats").json()["total"] == 2


def test_lists_are_bare_arrays_newest_first(fresh):
    made = [fresh.fact(f"fact number {n}") for n in range(5)]
    reply = fresh.get("/v1/memory/facts", expect=200)
    assert reply.json() == made[::-1]
    assert "x-next-cursor" not in reply.headers and "link" not in reply.headers


def test_pages_over_120_facts(fresh):
    body = [{"fact": f"fact number {n:03}", "category": "even" if n % 2 == 0 else "odd"} for n in range(120)]
    made = fresh.post("/v1/memory/facts/batch", body, expect=201).json()
    assert [fact["fact"] for fact in made] == [fact["fact"] for fact in body]
    assert len(fresh.get("/v1/memory/facts").json()) == 50, "50 without a limit"
    for limit, query in ((7, ""), (50, ""), (120, ""), (500, ""), (13, "&category=odd")):
        seen, target = [], f"/v1/memory/facts?limit={limit}{query}"
        while target:
            reply = fresh.get(target, expect=200)
            page = texts(reply)
            assert len(page) <= limit
            seen += page
            cursor = reply.headers.get("x-next-cursor")
            target = re.fullmatch(r'<([^>]+)>; rel="next"', reply.headers["link"])[1] if cursor else None
            assert bool(cursor) == ("link" in reply.headers)
        wanted = [f["fact"] for f in body if not query or f["category"] == "odd"]
        assert sorted(seen) == wanted and len(set(seen)) == len(seen)
        if limit < len(wanted):
            assert seen[0] == fresh.get(f"/v1/memory/facts?limit=1{query}").json()[0]["fact"]


def test_pages_stay_whole_while_facts_come_and_go(fresh):
    made = fresh.post("/v1/memory/facts/batch", [{"fact": f"f{n}", "category": "c"} for n in range(30)], expect=201).json()
    first = fresh.get("/v1/memory/facts?limit=10")
    fresh.fact("a late one")
    gone = made[3]
    fresh.delete(f"/v1/memory/facts/{gone['id']}", expect=204)
    rest = texts(fresh.get(f"/v1/memory/facts?limit=100&cursor={first.headers['x-next-cursor']}"))
    assert sorted(texts(first) + rest) == sorted(f["fact"] for f in made if f["id"] != gone["id"])


def test_filters(fresh):
    before = fresh.fact("old news about tea", "drinks", confidence=0.2, source="explicit")
    time.sleep(0.02)
    fresh.fact("Ana likes green TEA", "drinks", confidence=0.9)
    fresh.fact("Ana has 100% cotton_socks", "clothes", source="inferred", confidence=0.5)

    def find(query):
        return sorted(texts(fresh.get(f"/v1/memory/facts?{query}", expect=200)))

    assert find("category=drinks") == ["Ana likes green TEA", "old news about tea"]
    assert find("category=none") == []
    assert find("source=explicit") == ["old news about tea"]
    assert find("min_confidence=0.5") == ["Ana has 100% cotton_socks", "Ana likes green TEA"]
    assert find("q=tea") == ["Ana likes green TEA", "old news about tea"], "without regard to case"
    assert find("q=100%25") == ["Ana has 100% cotton_socks"] and find("q=%25") == ["Ana has 100% cotton_socks"]
    assert find("q=n_s") == ["Ana has 100% cotton_socks"] and find("q=n_n") == [], "_ is a letter like others"
    assert len(find(f"since={before['updated_at']}")) == 3
    later = fresh.get("/v1/memory/facts?limit=1").json()[0]["updated_at"]
    assert find(f"since={later}") == ["Ana has 100% cotton_socks"]
    assert find("status=superseded") == [] and len(find("status=all")) == 3
    assert find("category=drinks&min_confidence=0.5&q=green") == ["Ana likes green TEA"]


def test_patch_keeps_what_it_said(fresh):
    fact = fresh.fact("Ana lives in Porto", "location", metadata={"a": 1})
    time.sleep(0.01)
    patched = fresh.patch(f"/v1/memory/facts/{fact['id']}", {"fact": "Ana lives in Lisbon"}, expect=200).json()
    assert patched["fact"] == "Ana lives in Lisbon" and patched["category"] == "location"
    assert patched["metadata"] == {"a": 1} and patched["created_at"] == fact["created_at"]
    assert patched["updated_at"] > fact["updated_at"]
    patched = fresh.patch(f"/v1/memory/facts/{fact['id']}", {"confidence": 0, "metadata": {}}, expect=200).json()
    assert patched["confidence"] == 0 and patched["metadata"] == {} and patched["fact"] == "Ana lives in Lisbon"
    assert "versions" not in fresh.get(f"/v1/memory/facts/{fact['id']}").json()
    versions = fresh.get(f"/v1/memory/facts/{fact['id']}?history=true", expect=200).json()["versions"]
    assert versions[0]["fact"] == "Ana lives in Porto" and versions[0]["confidence"] == 0.8
    assert texts(fresh.get("/v1/memory/search?q=Lisbon"))[:1] == ["Ana lives in Lisbon"]
    assert "Ana lives in Porto" not in texts(fresh.get("/v1/memory/search?q=Porto"))


def test_patch_refuses(fresh):
    one, two = fresh.fact("one"), fresh.fact("two")
    for body, field in (({"fact": ""}, "fact"), ({"fact": " "}, "fact"), ({"category": ""}, "category"),
                        ({"confidence": 2}, "confidence"),
                        ({"status": "active"}, "status"), ({"id": two["id"]}, "id")):  # fmt: skip
        assert fresh.patch(f"/v1/memory/facts/{one['id']}", body, expect=422).field == field
    fresh.patch(f"/v1/memory/facts/{one['id']}", {"fact": "two"}, expect=409)
    assert fresh.get(f"/v1/memory/facts/{one['id']}").json() == one


def test_delete_is_at_once_and_everywhere(fresh):
    fact = fresh.fact("Ana sails on Sundays")
    fresh.patch(f"/v1/memory/facts/{fact['id']}", {"fact": "Ana sails on Mondays"}, expect=200)
    assert fresh.get("/v1/memory/search?q=sails").json()
    reply = fresh.delete(f"/v1/memory/facts/{fact['id']}", expect=204)
    assert not reply.body
    fresh.get(f"/v1/memory/facts/{fact['id']}", expect=404)
    fresh.delete(f"/v1/memory/facts/{fact['id']}", expect=404)
    assert fresh.get("/v1/memory/search?q=sails").json() == [] and fresh.get("/v1/memory/facts?status=all").json() == []
    assert "sails" not in fresh.chat("[[recall]] who sails?", learn="off").json()["response"].replace("who sails", "")
    again = fresh.fact("Ana sails on Mondays")
    assert again["id"] != fact["id"], "it is a new fact"


def test_batch_is_all_or_nothing(fresh):
    good = {"fact": "good", "category": "c"}
    for bad, field in (({"fact": "x"}, "[2].category"), ({**good, "confidence": 7}, "[2].confidence"),
                       ({**good, "odd": 1}, "[2].odd"), ("text", "[2]")):  # fmt: skip
        reply = fresh.post("/v1/memory/facts/batch", [good, {**good, "fact": "fine"}, bad], expect=422)
        assert reply.field == field, reply
        assert fresh.get("/v1/memory/facts?status=all").json() == []
    reply = fresh.post("/v1/memory/facts/batch", [good, good, {**good, "fact": "other"}], expect=201)
    ids = [fact["id"] for fact in reply.json()]
    assert len(ids) == 3 and ids[0] == ids[1] != ids[2], "twice the same text is one fact"
    assert fresh.get("/v1/memory/stats").json()["total"] == 2


def test_batch_sizes(fresh):
    many = [{"fact": f"n{n}", "category": "c"} for n in range(1001)]
    fresh.post("/v1/memory/facts/batch", many, expect=422)
    assert fresh.get("/v1/memory/facts").json() == []
    assert len(fresh.post("/v1/memory/facts/batch", many[:1000], expect=201).json()) == 1000
    stats = fresh.get("/v1/memory/stats", expect=200).json()
    assert stats["total"] == stats["active"] == stats["index"]["rows"] == 1000
    fresh.post("/v1/memory/facts/batch", [], expect=422)


def test_search(fresh):
    for text, category in (("Ana plays the cello in an orchestra", "music"), ("Ana is allergic to peanuts", "health"),
                           ("Ana drives a red car", "things")):  # fmt: skip
        fresh.fact(text, category)
    got = fresh.get("/v1/memory/search?q=cello+orchestra", expect=200).json()
    posted = fresh.post("/v1/memory/search", {"query": "cello orchestra"}, expect=200).json()
    assert [hit["id"] for hit in got] == [hit["id"] for hit in posted]
    assert got[0]["fact"] == "Ana plays the cello in an orchestra"
    scores = [hit["score"] for hit in got]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    for hit in got:
        assert set(hit) == FIELDS | {"score", "scores"}
        assert set(hit["scores"]) == {"vector", "keyword", "recency", "confidence"}
        assert all(0 <= part <= 1 for part in hit["scores"].values()), hit
    assert got[0]["scores"]["vector"] > 0 and got[0]["scores"]["keyword"] > 0
    assert got[0]["scores"]["recency"] > 0.9 and got[0]["scores"]["confidence"] == pytest.approx(0.8)
    assert len(fresh.get("/v1/memory/search?q=Ana&limit=2").json()) == 2
    assert texts(fresh.get("/v1/memory/search?q=Ana&category=health")) == ["Ana is allergic to peanuts"]
    assert fresh.get("/v1/memory/search?q=Ana&category=nothing").json() == []
    assert fresh.get("/v1/memory/search?q=Ana&min_confidence=0.9").json() == []
    assert all(h["score"] >= 0.5 for h in fresh.get("/v1/memory/search?q=cello&min_score=0.5").json())
    assert texts(fresh.post("/v1/memory/search", {"query": "peanut allergy", "limit": 1}))[0] == "Ana is allergic to peanuts"


def test_search_of_nothing_and_of_odd_things(fresh):
    assert fresh.get("/v1/memory/search?q=anything", expect=200).json() == []
    fresh.fact("Ana is allergic to peanuts")
    for query in ("?!", "\U0001f600", "' OR 1=1 --", "* AND NOT", '"', "x" * 8000, "NEAR(", "a" * 300 + " b"):
        fresh.post("/v1/memory/search", {"query": query}, expect=200)


def test_search_prefers_the_sure_and_the_fresh(fresh):
    sure = fresh.fact("the meeting is on Tuesday in the blue room", confidence=1.0)
    fresh.fact("the meeting is on Tuesday in the green room", confidence=0.1)
    hits = fresh.get("/v1/memory/search?q=meeting+Tuesday+room").json()
    assert hits[0]["id"] == sure["id"]


def test_profile(fresh):
    empty = fresh.get("/v1/memory/profile", expect=200).json()
    assert empty["user_id"] == "default" and empty["name"] is None
    assert empty["preferences"] == {} and empty["context"] == {}
    put = fresh.put("/v1/memory/profile", {"name": "Ana", "preferences": {"style": "short"}}, expect=200).json()
    assert put["name"] == "Ana" and put["preferences"] == {"style": "short"} and TIME.fullmatch(put["updated_at"])
    put = fresh.put("/v1/memory/profile", {"context": {"project": "nima"}}, expect=200).json()
    assert put["name"] == "Ana" and put["context"] == {"project": "nima"}, "what is left out stays"
    assert fresh.get("/v1/memory/profile").json() == put
    assert fresh.put("/v1/memory/profile", put, expect=200).json()["name"] == "Ana", "it may be sent back as it came"
    assert fresh.put("/v1/memory/profile", {"user_id": "bob"}, expect=422).field == "user_id"
    assert fresh.put("/v1/memory/profile", {"age": 5}, expect=422).field == "age"
    assert fresh.put("/v1/memory/profile", {"preferences": []}, expect=422).field == "preferences"
    prompt = fresh.chat("[[system]]").json()["response"]
    assert "Ana" in prompt and "short" in prompt and "nima" in prompt, "the model is told"


def test_stats(fresh):
    stats = fresh.get("/v1/memory/stats", expect=200).json()
    assert stats["total"] == 0 and stats["by_category"] == [] and stats["embedding_dims"] == 384
    fresh.fact("a", "one")
    fresh.fact("b", "one", source="explicit")
    fresh.fact("c", "two")
    stats = fresh.get("/v1/memory/stats", expect=200).json()
    assert (stats["total"], stats["active"], stats["superseded"], stats["with_embedding"]) == (3, 3, 0, 3)
    assert {c["name"]: c["count"] for c in stats["by_category"]} == {"one": 2, "two": 1}
    assert {c["name"]: c["count"] for c in stats["by_source"]} == {"conversation": 2, "explicit": 1}
    assert stats["embedding_model"] == "scripted" and stats["waiting_for_embedding"] == 0
    assert stats["index"]["rows"] == 3 and stats["index"]["bytes"] > 0


CANARY = "canary7f3a91"


def raw_bytes(server):
    """Every byte of the data folder; with PostgreSQL, every row (what its files keep: docs/store.md)."""
    files = [file.read_bytes() for file in sorted(server.data.rglob("*")) if file.is_file()]
    rows = [dump(word) for word in server.args if word.startswith("postgres://")]
    return b"\n".join(files + rows)


def plant(api):
    """Something in every place a person's words can be."""
    fact = api.fact(f"{CANARY} in a fact", f"{CANARY}-category", metadata={"note": f"{CANARY} in metadata"})
    api.patch(f"/v1/memory/facts/{fact['id']}", {"fact": f"{CANARY} in a newer version"}, expect=200)
    gone = api.fact(f"{CANARY} in a deleted fact")
    api.delete(f"/v1/memory/facts/{gone['id']}", expect=204)
    api.put("/v1/memory/profile", {"name": CANARY, "preferences": {"p": CANARY}, "context": {"c": CANARY}}, expect=200)
    api.chat(f"[[reply:{CANARY} in a reply]] {CANARY} in a message")
    api.chat(f"My name is {CANARY} and I live in {CANARY}town.")
    api.chat(f"/remember the code word {CANARY} of the club")
    api.post("/v1/conversations", {"title": CANARY, "metadata": {"m": CANARY}, "messages": [
        {"role": "user", "content": f"{CANARY} taken in", "name": CANARY}]}, expect=201)  # fmt: skip
    api.post("/v1/memory/facts", {"fact": f"{CANARY} with a key", "category": "c"},
             headers={"Idempotency-Key": f"{CANARY}-key"}, expect=201)  # fmt: skip
    api.get(f"/v1/memory/search?q={CANARY}", expect=200)


def vectors_of(api, *texts):
    """The bytes of their vectors, as files and as pg_dump have them."""
    data = api.post("/v1/embeddings", {"input": list(texts), "encoding_format": "base64"}, expect=200).json()["data"]
    plain = [base64.b64decode(entry["embedding"]) for entry in data]
    return plain + [vector.hex().encode() for vector in plain]


def test_forget_everything_leaves_no_byte(start_server):
    server = start_server()
    api = Client(server)
    plant(api)
    api.fact(f"{CANARY} as a vector")
    vectors = vectors_of(api, f"{CANARY} as a vector", f"{CANARY} in a newer version", f"[[reply:{CANARY} in a reply]] {CANARY} in a message",
                         f"{CANARY} in a reply", f"{CANARY} taken in")  # fmt: skip
    assert CANARY.encode() in raw_bytes(server), "the search itself works"
    assert any(vector in raw_bytes(server) for vector in vectors), "for vectors too"
    for body, field in (({}, "confirm"), ({"confirm": "somebody"}, "confirm"), ({"confirm": "DEFAULT"}, "confirm")):
        assert api.delete("/v1/memory", body, expect=422).field == field
    assert api.get("/v1/memory/facts").json()
    assert not api.delete("/v1/memory", {"confirm": "default"}, expect=204).body
    assert CANARY.encode() not in raw_bytes(server), "while it runs"
    assert not any(vector in raw_bytes(server) for vector in vectors)
    assert api.get("/v1/memory/facts?status=all").json() == [] and api.get("/v1/conversations").json() == []
    assert api.get(f"/v1/memory/search?q={CANARY}").json() == []
    assert api.get("/v1/memory/profile").json()["name"] is None
    assert api.get("/v1/memory/stats").json()["total"] == 0
    assert CANARY not in api.chat("[[recall]]").json()["response"]
    server.stop()
    assert CANARY.encode() not in raw_bytes(server), "and after it"
    assert not any(vector in raw_bytes(server) for vector in vectors)
    server.start()
    server.wait_ready()
    assert api.fact("life goes on")["id"]


def test_one_deleted_fact_leaves_no_byte(start_server):
    server = start_server()
    api = Client(server)
    api.fact("a neighbour")
    fact = api.fact(f"{CANARY} alone", metadata={"x": CANARY})
    api.patch(f"/v1/memory/facts/{fact['id']}", {"fact": f"{CANARY} changed"}, expect=200)
    api.delete(f"/v1/memory/facts/{fact['id']}", expect=204)
    assert CANARY not in str(api.get("/v1/memory/facts?status=all").json())
    server.stop()
    assert CANARY.encode() not in raw_bytes(server)


def test_ids_are_not_reused_and_sort_by_time(fresh):
    ids = [fresh.fact(f"n{n}")["id"] for n in range(20)]
    assert ids == sorted(ids) and len(set(ids)) == 20
    assert all(uuid.UUID(i).version == 7 for i in ids)


def test_a_deleted_fact_comes_back_within_ten_minutes(fresh, tmp_path):
    fact = fresh.fact("The user parks on level zxqy")
    gone = fresh.delete(f"/v1/memory/facts/{fact['id']}")
    token = gone.headers["X-Undo"]
    assert gone.status == 204 and len(token) == 32
    assert fresh.get(f"/v1/memory/facts/{fact['id']}").status == 404
    assert fresh.post("/v1/undo/0123456789abcdef0123456789abcdef").status == 404
    back = fresh.post(f"/v1/undo/{token}")
    assert back.status == 200
    assert {k: back.json()[k] for k in ("id", "fact", "created_at")} == {
        k: fact[k] for k in ("id", "fact", "created_at")
    }
    assert fresh.get("/v1/memory/search?q=parks+zxqy").json()[0]["id"] == fact["id"]
    assert fresh.post(f"/v1/undo/{token}").status == 404, "a token serves once"


def test_forgetting_everything_leaves_nothing_to_undo(fresh):
    fact = fresh.fact("The user parks on level 3")
    token = fresh.delete(f"/v1/memory/facts/{fact['id']}").headers["X-Undo"]
    assert fresh.request("DELETE", "/v1/memory", {"confirm": "default"}).status == 204
    assert fresh.post(f"/v1/undo/{token}").status == 404
