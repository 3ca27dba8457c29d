"""Conversations: list, read, take in, change, delete."""

import re
import uuid

STORES = ("sqlite", "json", "postgres")
TALKS = "/v1/conversations"


def test_a_conversation_is_taken_in_as_it_is(fresh):
    sent = {"title": "Old days", "metadata": {"from": "elsewhere", "n": 1}, "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello", "name": "Ana", "timestamp": "2020-05-06T07:08:09.123Z"},
        {"role": "assistant", "content": "", "timestamp": "2020-05-06T09:08:10+02:00"},
    ]}  # fmt: skip
    made = fresh.post(TALKS, sent, expect=201).json()
    assert made["title"] == "Old days" and made["metadata"] == sent["metadata"] and made["context_summary"] is None
    assert [(m["role"], m["content"]) for m in made["messages"]] == [(m["role"], m["content"]) for m in sent["messages"]]
    assert made["messages"][1]["name"] == "Ana" and made["messages"][1]["timestamp"] == "2020-05-06T07:08:09.123Z"
    assert made["messages"][2]["timestamp"] == "2020-05-06T07:08:10.000Z", "in UTC"
    assert fresh.get(f"{TALKS}/{made['conversation_id']}", expect=200).json() == made
    assert fresh.get("/v1/memory/facts").json() == [], "nothing is learned from it"


def test_an_empty_one(fresh):
    made = fresh.post(TALKS, {}, expect=201).json()
    assert made["messages"] == [] and made["title"] is None and made["metadata"] == {}
    body = fresh.chat("[[reply:yes]]", conversation_id=made["conversation_id"]).json()
    assert body["conversation_id"] == made["conversation_id"]


def test_the_list_is_last_updated_first_and_has_pages(fresh):
    ids = [fresh.post(TALKS, {"title": f"t{n}"}, expect=201).json()["conversation_id"] for n in range(25)]
    rows = fresh.get(TALKS, expect=200).json()
    assert [row["id"] for row in rows] == ids[::-1]
    assert set(rows[0]) >= {"id", "title", "updated_at", "message_count"} and rows[0]["message_count"] == 0
    fresh.chat("again", conversation_id=ids[3])
    rows = fresh.get(TALKS).json()
    assert rows[0]["id"] == ids[3] and rows[0]["message_count"] == 2
    seen, target = [], f"{TALKS}?limit=4"
    while target:
        reply = fresh.get(target, expect=200)
        seen += [row["id"] for row in reply.json()]
        link = reply.headers.get("link")
        target = re.fullmatch(r'<([^>]+)>; rel="next"', link)[1] if link else None
    assert seen == [row["id"] for row in rows]


def test_a_title_that_is_missing_is_made_and_one_that_is_given_stays(fresh):
    for title in (None, "Mine"):
        talk = fresh.post(TALKS, {"title": title} if title else {}, expect=201).json()["conversation_id"]
        fresh.chat("Hello! How do bees find home? [[reply:r]]", conversation_id=talk)
        fresh.chat("And wasps? [[reply:r]]", conversation_id=talk)
        assert fresh.get(f"{TALKS}/{talk}").json()["title"] == (title or "How do bees find home? [[reply:r]]")


def test_a_title_is_made_of_the_first_words(fresh):
    talk = fresh.chat("  How do bees find their way home?\nAnd more").json()["conversation_id"]
    assert fresh.get(f"{TALKS}/{talk}").json()["title"] == "How do bees find their way home?"
    long = fresh.chat("\U0001f600 wörter " * 50).json()["conversation_id"]
    title = fresh.get(f"{TALKS}/{long}").json()["title"]
    assert 10 < len(title) <= 60


def test_patch(fresh):
    talk = fresh.chat("hello").json()["conversation_id"]
    changed = fresh.patch(f"{TALKS}/{talk}", {"title": "New", "metadata": {"pin": True}}, expect=200).json()
    assert changed["title"] == "New"
    assert fresh.get(f"{TALKS}/{talk}").json()["metadata"] == {"pin": True}
    fresh.patch(f"{TALKS}/{talk}", {"metadata": {}}, expect=200)
    kept = fresh.get(f"{TALKS}/{talk}").json()
    assert kept["title"] == "New" and kept["metadata"] == {} and len(kept["messages"]) == 2
    for body, field in (({"title": "x" * 201}, "title"), ({"messages": []}, "messages"), ({"metadata": None, "x": 1}, "x")):
        assert fresh.patch(f"{TALKS}/{talk}", body, expect=422).field == field


def test_delete(fresh):
    talk = fresh.chat("hello").json()["conversation_id"]
    assert fresh.delete(f"{TALKS}/{talk}", expect=200).json() == {"status": "deleted"}
    fresh.get(f"{TALKS}/{talk}", expect=404)
    fresh.delete(f"{TALKS}/{talk}", expect=404)
    fresh.patch(f"{TALKS}/{talk}", {"title": "x"}, expect=404)
    assert fresh.get(TALKS).json() == []
    fresh.chat("hello", conversation_id=talk, expect=404)


def test_facts_outlive_their_conversation(fresh):
    body = fresh.chat("/remember the ladder is in the shed").json()
    fresh.delete(f"{TALKS}/{body['conversation_id']}", expect=200)
    fact = fresh.get(f"/v1/memory/facts/{body['remembered'][0]['id']}", expect=200).json()
    assert "ladder" in fact["fact"]


def test_limits_of_what_is_taken_in(fresh):
    message = {"role": "user", "content": "x"}
    fresh.post(TALKS, {"messages": [message] * 10_001}, expect=422)
    made = fresh.post(TALKS, {"messages": [message] * 2000}, expect=201).json()
    assert made["message_count"] == len(made["messages"]) == 2000
    assert fresh.post(TALKS, {"messages": [{**message, "content": "x" * 64_001}]}, expect=422).field == "messages[0].content"
    assert len(fresh.get(TALKS).json()) == 1
    assert uuid.UUID(made["conversation_id"]).version == 7


def test_the_prompt_of_a_reply_can_be_seen(fresh):
    fact = fresh.post("/v1/memory/facts", {"fact": "Ana plays the cello", "category": "music"}, expect=201).json()
    body = fresh.chat("Who plays the cello? [[recall]]").json()
    path = f"{TALKS}/{body['conversation_id']}/messages/{body['message_id']}/context"
    seen = fresh.get(path, expect=200).json()
    assert "".join(f"{m['role']}: {m['content']}\n" for m in seen["messages"]) == body["response"]
    assert seen["exact"] and seen["forgotten"] == 0
    assert seen["tokens"] == body["context"]["tokens"]["prompt"] == sum(s["tokens"] for s in seen["sections"])
    facts = next(s for s in seen["sections"] if s["name"] == "facts")
    assert facts["items"][0]["id"] == fact["id"] and facts["items"][0]["score"] > 0
    fresh.delete(f"/v1/memory/facts/{fact['id']}", expect=204)
    seen = fresh.get(path, expect=200)
    assert "plays the cello" not in seen.json()["sections"][-3]["text"] and "Ana" not in str(seen.json()["messages"][:-1])
    assert not seen.json()["exact"] and seen.json()["forgotten"] == 1
    asked = fresh.get(f"{TALKS}/{body['conversation_id']}").json()["messages"][0]["id"]
    fresh.get(f"{TALKS}/{body['conversation_id']}/messages/{asked}/context", expect=404)


def test_a_long_one_is_shown_from_its_end(fresh):
    said = [{"role": ("user", "assistant")[n % 2], "content": f"m{n}"} for n in range(1203)]
    made = fresh.post("/v1/conversations", {"messages": said}, expect=201).json()
    assert len(made["messages"]) == 1203, "what was taken in is shown whole"
    path = f"/v1/conversations/{made['conversation_id']}"
    page = fresh.get(path, expect=200)
    assert page.json()["message_count"] == 1203
    assert [m["content"] for m in page.json()["messages"]] == [m["content"] for m in said[703:]]
    page = fresh.get(f"{path}?limit=1000&cursor={page.headers['x-next-cursor']}", expect=200)
    assert [m["content"] for m in page.json()["messages"]] == [m["content"] for m in said[:703]]
    assert "x-next-cursor" not in page.headers
    fresh.get(f"{path}?limit=1001", expect=422)


def test_a_model_that_says_nothing(fresh):
    talk = fresh.chat("one [[reply:r1]]").json()["conversation_id"]
    refused = fresh.chat("two [[reply:]]", conversation_id=talk, expect=502)
    assert "answered with nothing" in refused.text
    seen = fresh.get(f"/v1/conversations/{talk}", expect=200).json()["messages"]
    assert [m["content"] for m in seen] == ["one [[reply:r1]]", "r1", "two [[reply:]]"]
