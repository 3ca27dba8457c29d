"""The official OpenAI client for Python, as people have it, against the scripted model and a real one."""

import json
import math

import pytest
from client import Client
from conftest import EMBEDDINGS, TINY
from openai import (
    APIError,
    AuthenticationError,
    InternalServerError,
    NotFoundError,
    OpenAI,
    UnprocessableEntityError,
)
from server import NimaServer, run_nima

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
          "kind": {"type": "string", "enum": ["person", "place"]}}, "required": ["name", "age", "kind"],
          "additionalProperties": False}  # fmt: skip
FORMAT = {"type": "json_schema", "json_schema": {"name": "thing", "strict": True, "schema": SCHEMA}}


def client_of(server, key="none needed", **more):
    return OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0, timeout=300, **more)


@pytest.fixture(scope="module", params=["scripted", pytest.param("tiny", marks=pytest.mark.slow)])
def served(request, need_model):
    if request.param == "scripted":
        running = NimaServer()
    else:
        need_model(TINY, EMBEDDINGS)
        running = NimaServer(llm=f"local:{TINY}", embeddings=f"local:{EMBEDDINGS}")
    with running as server:
        server.wait_ready(60)
        yield server, request.param


@pytest.fixture
def client(served):
    return client_of(served[0])


def ask(client, message, **more):
    messages = [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": message}]
    return client.chat.completions.create(model="nima", messages=messages, **({"max_tokens": 12} | more))


def test_chat(client):
    reply = ask(client, "Say hello.")
    choice = reply.choices[0]
    assert choice.message.role == "assistant" and choice.message.content.strip()
    assert choice.finish_reason in ("stop", "length")
    assert reply.usage.completion_tokens <= 12 and reply.usage.prompt_tokens > 5
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_stream(client):
    got = list(ask(client, "Count from one to five.", stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in got if chunk.choices)
    assert text.strip() and got[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in got if c.choices][-1] in ("stop", "length")
    assert got[-1].usage.completion_tokens >= 1


def test_a_stream_that_is_left(client):
    stream = ask(client, "Tell me a long story. [[tokens:5000]] [[delay:20]]", stream=True, max_tokens=400)
    for number, _ in enumerate(stream):
        if number == 3:
            break
    stream.close()
    assert ask(client, "Are you still there?").choices[0].message.content.strip()


def test_json_schema(client):
    reply = ask(client, "Ana is 34 years old.", response_format=FORMAT, max_tokens=60, temperature=0)
    value = json.loads(reply.choices[0].message.content)
    assert set(value) == {"name", "age", "kind"}
    assert isinstance(value["name"], str) and isinstance(value["age"], int) and value["kind"] in ("person", "place")


def test_json_object(client):
    reply = ask(client, "Describe a cat as JSON.", response_format={"type": "json_object"}, max_tokens=60, temperature=0)
    if reply.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(reply.choices[0].message.content), dict)


def test_embeddings(client, served):
    texts = ["a cat sleeps on the sofa", "a kitten naps on the couch on the sofa", "the stock market fell today"]
    got = client.embeddings.create(model="nima", input=texts)  # asks for base64 by itself
    vectors = [item.embedding for item in got.data]
    assert all(len(v) == 384 and math.isclose(sum(x * x for x in v), 1, rel_tol=1e-3) for v in vectors)
    near, far = (sum(a * b for a, b in zip(vectors[0], v, strict=True)) for v in vectors[1:])
    assert near > far + 0.2
    plain = client.embeddings.create(model="nima", input=texts[0], encoding_format="float").data[0].embedding
    assert max(abs(a - b) for a, b in zip(plain, vectors[0], strict=True)) < 1e-3


def test_models(client, served):
    names = [model.id for model in client.models.list()]
    assert names and names[0] == ("scripted" if served[1] == "scripted" else TINY)


def test_errors(client):
    with pytest.raises(UnprocessableEntityError) as caught:
        ask(client, "x", n=2)
    assert caught.value.body["field"] == "n" and caught.value.request_id
    assert "n must be 1" in caught.value.message
    with pytest.raises(UnprocessableEntityError):
        client.chat.completions.create(model="x", messages=[])
    with pytest.raises(NotFoundError):
        client.models.retrieve("nothing")
    with pytest.raises(NotFoundError):
        client.chat.completions.create(model="x", messages=[{"role": "user", "content": "x"}],
                                       extra_headers={"X-Nima-Conversation": "018f0000-0000-7000-8000-000000000000"})  # fmt: skip


def test_errors_of_the_model(client, served):
    if served[1] != "scripted":
        pytest.skip("only the scripted model fails when it is told to")
    with pytest.raises(InternalServerError) as caught:
        ask(client, "[[fail]]")
    assert caught.value.status_code == 502 and caught.value.body["code"] == "model_failed"
    with pytest.raises(InternalServerError) as caught:
        ask(client, "[[busy]]")
    assert caught.value.status_code == 503
    with pytest.raises(APIError, match="failed"):
        list(ask(client, "[[tokens:9]] [[fail-after:3]]", stream=True))


def test_memory_applies(client, served):
    if served[1] != "scripted":
        pytest.skip("what the prompt holds is seen with the scripted model")
    Client(served[0]).fact("Ana plays the cello in an orchestra")
    assert "cello in an orchestra" in ask(client, "[[recall]] who plays the cello?", max_tokens=600).choices[0].message.content


def test_with_a_token(start_server):
    server = start_server()
    token = run_nima("token", "create", "--user", "ana", "--data", server.data).stdout.split()[-1]
    assert ask(client_of(server, token), "hello").choices[0].message.content
    with pytest.raises(AuthenticationError):
        ask(client_of(server, "wrong"), "hello")
