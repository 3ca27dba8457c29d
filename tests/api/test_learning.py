"""What is learned beyond the rules, corrected and forgotten in chat, on all stores."""

import json
import time

import pytest
from client import Client

STORES = ("sqlite", "json", "postgres")
SAID = {
    "drowned my phone": [("The user drowned their phone in the Soča", "possession")],
    "choir practice": [("The user has choir practice on Wednesdays", "hobby"), ("The user sings in Vienna", "hobby")],
    "doing keto": [("The user is doing keto", "preference")],
}


@pytest.fixture
def chat(start_server, tmp_path):
    """A person whose messages a scripted model reads after the rules."""
    rules = [{"match": part, "reply": json.dumps({"facts": [{"fact": f, "category": c} for f, c in facts]})}
             for part, facts in SAID.items()]  # fmt: skip
    script = tmp_path / "script.json"
    script.write_text(json.dumps(rules))
    return Client(start_server(llm=f"scripted:{script}", env={"NIMA_MEMORY_LEARN_MODEL": "on"}))


def facts(api, status="active"):
    return {fact["fact"]: fact for fact in api.get(f"/v1/memory/facts?status={status}", expect=200).json()}


def learned(api):
    """Once nothing waits for the model any more."""
    until = time.monotonic() + 60
    while api.get("/v1/memory/stats", expect=200).json()["learning_waiting"] > 0:
        assert time.monotonic() < until, "the model never read it"
        time.sleep(0.02)
    return facts(api)


def test_wait_shows_what_the_model_found(chat):
    body = chat.chat("i drowned my phone in the Soča, silly me", learn="wait").json()
    assert [r["fact"] for r in body["remembered"]] == ["The user drowned their phone in the Soča"]
    kept = facts(chat)["The user drowned their phone in the Soča"]
    assert kept["source"] == "conversation" and kept["category"] == "possession" and 0.5 <= kept["confidence"] < 0.9
    assert kept["conversation_id"] == body["conversation_id"] and kept["message_id"]


def test_in_the_background_only_what_was_said(chat):
    body = chat.chat("Wednesdays are choir practice for me").json()
    assert body["remembered"] == []
    assert set(learned(chat)) == {"The user has choir practice on Wednesdays"}, "Vienna was never said"
    chat.chat("Wednesdays are choir practice for me")
    assert len(learned(chat)) == 1, "told twice, known once"
    chat.chat("i drowned my phone in the Soča", learn="off")
    assert len(learned(chat)) == 1


def test_what_the_model_found_is_corrected_and_forgotten(chat):
    chat.chat("doing keto is my thing since june", learn="wait")
    assert "The user is doing keto" in facts(chat)
    chat.chat("i drowned my phone in the Soča", learn="wait")
    said = chat.chat("/forget my phone").json()
    assert [r["event"] for r in said["remembered"]] == ["forgotten"]
    gone = next(r for r in said["remembered"])["id"]
    assert chat.get(f"/v1/memory/facts/{gone}").status == 404
    assert "phone" not in json.dumps(list(facts(chat)) + list(facts(chat, "superseded")))
    chat.chat("forget that i am doing keto")
    assert facts(chat) == {}


def test_a_fact_of_the_api_gives_way_to_what_is_said(chat):
    chat.fact("The user lives in Lisbon")
    chat.fact("The user's sister is called Rosa")
    body = chat.chat("I moved to Porto last month.").json()
    assert {r["event"] for r in body["remembered"]} == {"superseded", "added"}
    assert not any("Lisbon" in text for text in facts(chat)) and "The user's sister is called Rosa" in facts(chat)
    old = facts(chat, "superseded")["The user lives in Lisbon"]
    assert old["superseded_by"] in {fact["id"] for fact in facts(chat).values()}


def test_no_i_moved(chat):
    chat.chat("I live in Lisbon.")
    chat.chat("no, I moved to Porto")
    assert [text for text in facts(chat) if "Lisbon" in text] == []
    assert any("Porto" in text for text in facts(chat))


def test_what_was_just_said_is_taken_back(fresh):
    first = fresh.chat("I live in Lisbon. [[reply:Nice.]]").json()
    talk = first["conversation_id"]
    assert list(facts(fresh)) == ["The user lives in Lisbon"]
    ended = fresh.chat("That's not true any more.", conversation_id=talk).json()
    assert ended["response"] == "I will remember: The user no longer lives in Lisbon"
    assert [r["event"] for r in ended["remembered"]] == ["superseded", "added"]
    assert list(facts(fresh)) == ["The user no longer lives in Lisbon"]
    gone = fresh.chat("forget that", conversation_id=talk).json()
    assert gone["response"].startswith("Forgotten: ") and facts(fresh) == {}
    moved = fresh.chat("I live in Rome. [[reply:Nice.]]", conversation_id=talk).json()
    assert [r["event"] for r in moved["remembered"]] == ["added"]
    fresh.chat("That's wrong, I live in Porto. [[reply:Nice.]]", conversation_id=talk)
    assert list(facts(fresh)) == ["The user lives in Porto"]


@pytest.mark.parametrize("cares", [True, False])
def test_a_persona_cares_what_is_remembered(start_server, tmp_path, cares):
    """The model that reads a message is told what the persona's file says under `memory`."""
    (tmp_path / "personality.yaml").write_text(
        "personality:\n  voice: own\n  system_prompt: I am a sailor.\n"
        + ("  memory: [boats and sailing, tides]\n" if cares else "")
    )
    found = {"facts": [{"fact": "The user has a leaking dinghy", "category": "possession"}]}
    script = tmp_path / "script.json"
    script.write_text(json.dumps([
        {"match": "look for: boats and sailing; tides", "reply": json.dumps(found)},
        {"match": "", "reply": json.dumps({"facts": []})},
    ]))  # fmt: skip
    env = {"NIMA_MEMORY_LEARN_MODEL": "on", "NIMA_PERSONALITY_FILE": str(tmp_path / "personality.yaml")}
    api = Client(start_server(llm=f"scripted:{script}", env=env))
    assert api.get("/v1/personality", expect=200).json()["persona"].get("memory", []) == (
        ["boats and sailing", "tides"] if cares else []
    )
    body = api.chat("that dinghy of mine leaking again, bailing all saturday", learn="wait").json()
    assert [r["fact"] for r in body["remembered"]] == (["The user has a leaking dinghy"] if cares else [])
