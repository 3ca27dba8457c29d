"""Replies made again, messages edited, and the branches they leave behind."""

import uuid

STORES = ("sqlite", "json", "postgres")
TALKS = "/v1/conversations"


def contents(server, talk):
    return [m["content"] for m in server.get(f"{TALKS}/{talk}", expect=200).json()["messages"]]


def all_of(server, talk):
    return server.get(f"{TALKS}/{talk}/messages?branches=true&limit=500", expect=200).json()


def test_another_reply_keeps_the_old_one(fresh):
    first = fresh.chat("one [[recall]]").json()
    talk = first["conversation_id"]
    fresh.chat("two [[reply:r2]]", conversation_id=talk)
    again = fresh.post(f"{TALKS}/{talk}/messages/{first['message_id']}/regenerate", {}, expect=200).json()
    assert again["response"] == first["response"], "the same prompt"
    assert again["message_id"] != first["message_id"] and again["conversation_id"] == talk
    assert contents(fresh, talk) == ["one [[recall]]", again["response"]]
    rows = all_of(fresh, talk)
    assert [row["active"] for row in rows] == [True, False, False, False, True]
    assert rows[4]["parent_id"] == rows[1]["parent_id"] == rows[0]["id"]
    seen = fresh.get(f"{TALKS}/{talk}/messages/{again['message_id']}/context", expect=200).json()
    assert seen["exact"] and fresh.get(f"{TALKS}/{talk}/messages/{first['message_id']}/context").json()["exact"]
    assert "two" not in fresh.chat("three [[recall]]", conversation_id=talk).json()["response"]


def test_an_edit_begins_a_branch_and_the_old_one_comes_back(fresh):
    talk = fresh.chat("one [[reply:r1]]").json()["conversation_id"]
    fresh.chat("two [[reply:r2]]", conversation_id=talk)
    fresh.chat("three [[reply:r3]]", conversation_id=talk)
    rows = all_of(fresh, talk)
    edited = fresh.put(f"{TALKS}/{talk}/messages/{rows[2]['id']}", {"content": "zwei [[recall]]"}, expect=200).json()
    assert "user: one" in edited["response"] and "two" not in edited["response"] and "three" not in edited["response"]
    assert contents(fresh, talk)[:3] == ["one [[reply:r1]]", "r1", "zwei [[recall]]"]
    assert fresh.get(f"{TALKS}/{talk}/messages/{edited['message_id']}/context").json()["exact"]
    assert fresh.post(f"{TALKS}/{talk}/messages/{rows[3]['id']}/activate", expect=200).json() == {"status": "active"}
    assert contents(fresh, talk) == ["one [[reply:r1]]", "r1", "two [[reply:r2]]", "r2", "three [[reply:r3]]", "r3"]
    fresh.post(f"{TALKS}/{talk}/messages/{edited['message_id']}/activate", expect=200)
    assert contents(fresh, talk)[2] == "zwei [[recall]]" and len(contents(fresh, talk)) == 4


def test_the_first_message_can_be_edited(fresh):
    talk = fresh.chat("one [[reply:r1]]").json()["conversation_id"]
    first = all_of(fresh, talk)[0]["id"]
    edited = fresh.put(f"{TALKS}/{talk}/messages/{first}", {"content": "eins [[reply:e1]]"}, expect=200).json()
    assert contents(fresh, talk) == ["eins [[reply:e1]]", "e1"]
    assert "parent_id" not in all_of(fresh, talk)[2]
    fresh.post(f"{TALKS}/{talk}/messages/{first}/activate", expect=200)
    assert contents(fresh, talk) == ["one [[reply:r1]]", "r1"]
    fresh.post(f"{TALKS}/{talk}/messages/{edited['message_id']}/activate", expect=200)
    assert contents(fresh, talk) == ["eins [[reply:e1]]", "e1"]


def test_a_model_that_fails_leaves_the_old_reply(fresh):
    talk = fresh.post(TALKS, {"messages": [{"role": "user", "content": "x [[fail]]"}, {"role": "assistant", "content": "y"}]}, expect=201)
    talk = talk.json()["conversation_id"]
    reply = all_of(fresh, talk)[1]["id"]
    fresh.post(f"{TALKS}/{talk}/messages/{reply}/regenerate", {}, expect=502)
    assert contents(fresh, talk) == ["x [[fail]]", "y"]


def test_what_cannot_be_a_branch(fresh):
    body = fresh.chat("one [[reply:r1]]").json()
    talk, reply = body["conversation_id"], body["message_id"]
    fresh.put(f"{TALKS}/{talk}/messages/{reply}", {"content": "x"}, expect=422)
    fresh.put(f"{TALKS}/{talk}/messages/{reply}", {}, expect=422)
    fresh.post(f"{TALKS}/{talk}/messages/{uuid.uuid4()}/regenerate", {}, expect=404)
    fresh.post(f"{TALKS}/{talk}/messages/{uuid.uuid4()}/activate", expect=404)
    fresh.post(f"{TALKS}/{talk}/messages/{reply}/regenerate", {}, expect=200)
    fresh.post(f"{TALKS}/{talk}/messages/{reply}/regenerate", {}, expect=409)
    alone = fresh.post(TALKS, {"messages": [{"role": "assistant", "content": "hi"}]}, expect=201).json()
    fresh.post(f"{TALKS}/{alone['conversation_id']}/messages/{alone['messages'][0]['id']}/regenerate", {}, expect=422)


def test_messages_come_in_pages(fresh):
    said = [{"role": ("user", "assistant")[n % 2], "content": f"m{n}"} for n in range(120)]
    talk = fresh.post(TALKS, {"messages": said}, expect=201).json()["conversation_id"]
    seen, cursor = [], 0
    while cursor is not None:
        page = fresh.get(f"{TALKS}/{talk}/messages?limit=50&cursor={cursor}", expect=200)
        seen += [m["content"] for m in page.json()]
        cursor = page.headers.get("x-next-cursor")
    assert seen == [m["content"] for m in said]
    fresh.get(f"{TALKS}/{uuid.uuid4()}/messages", expect=404)
