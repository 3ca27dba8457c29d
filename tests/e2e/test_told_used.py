"""A fact told in one conversation is used in another. Three cases on the default model; all: bench/run told-used"""

import json
from pathlib import Path

import pytest
from client import Client
from conftest import DEFAULT, EMBEDDINGS
from server import NimaServer, release_binary

DATA = Path(__file__).parents[1] / "data" / "told_used.jsonl"
SHORT = (0, 2, 4)


def cases():
    return [json.loads(line) for line in DATA.read_text().splitlines() if line]


def holds(answer, expected):
    """Each expectation is one of several words, in any case."""
    return all(any(word in answer.lower() for word in words.split("|")) for words in expected)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_told_in_one_conversation_is_used_in_another(tmp_path, need_model):
    need_model(DEFAULT, EMBEDDINGS)
    chosen = [cases()[i] for i in SHORT]
    embeddings, data = f"local:{EMBEDDINGS}", tmp_path / "data"
    with NimaServer(embeddings=embeddings, data=data) as server:  # what rules learn needs no weights
        server.wait_ready(120)
        told = Client(server).chat(" ".join(case["told"] for case in chosen)).json()["remembered"]
        assert len(told) == len(chosen), told
    with NimaServer(llm=f"local:{DEFAULT}", embeddings=embeddings, data=data, binary=release_binary()) as server:
        server.wait_ready(120)
        api = Client(server)
        for case in chosen:
            asked = {"messages": [{"role": "user", "content": case["asked"]}], "max_length": 40, "temperature": 0}
            body = api.post("/v1/chat", asked, expect=200, timeout=800).json()
            assert holds(body["response"], case["expect"]), (case, body["response"], body["context"]["facts"])
