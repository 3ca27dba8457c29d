"""An HTTP client that believes nothing: every reply is held against the document that the server gives of itself."""

import json
import re

import requests
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:nima:openapi"
ERROR_CODES = {
    400: {"malformed"}, 401: {"unauthorized"}, 403: {"forbidden"}, 404: {"not_found"}, 405: {"method_not_allowed"},
    409: {"conflict"}, 413: {"too_large"}, 415: {"unsupported_media_type"}, 422: {"invalid_request"},
    429: {"rate_limited"}, 431: {"too_large"}, 500: {"internal", "store_failed"}, 502: {"model_failed"},
    503: {"busy", "unavailable"}, 504: {"timeout"},
}  # fmt: skip
# Over all servers of the run: which routes were called. tests/api/test_zz_routes.py looks at it.
CALLED = set()


def pointer(*parts):
    return "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class Document:
    """openapi.json, and what it says of one reply."""

    def __init__(self, document):
        self.document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self.registry = Registry().with_resource(DOCUMENT, resource)
        self.paths = [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$"), path)
                      for path in sorted(document["paths"], key=lambda p: p.count("{"))]  # fmt: skip

    def routes(self):
        methods = ("get", "post", "put", "patch", "delete")
        return {(m.upper(), path) for path, item in self.document["paths"].items() for m in methods if m in item}

    def path_of(self, target):
        plain = target.split("?")[0]
        return next((path for pattern, path in self.paths if pattern.match(plain)), None)

    def operation(self, method, target):
        path = self.path_of(target)
        method = "GET" if method == "HEAD" else method
        return path, self.document["paths"].get(path, {}).get(method.lower())

    def errors(self, instance, *where):
        schema = {"$ref": f"{DOCUMENT}#/{pointer(*where)}"}
        validator = Draft202012Validator(schema, registry=self.registry, format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}"[:500] for error in validator.iter_errors(instance)]


class Reply:
    """Status, headers and body of one reply, however it was fetched."""

    def __init__(self, method, target, status, headers, body):
        self.method, self.target, self.status, self.body = method, target, status, body
        self.headers = requests.structures.CaseInsensitiveDict(headers)

    @property
    def type(self):
        return self.headers.get("content-type", "").split(";")[0]

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json()["error"]

    @property
    def field(self):
        return self.error.get("field")

    @property
    def frames(self):
        """The events of a stream, each one JSON (the last of OpenAI's is not)."""
        parts = [part for part in self.text.split("\n\n") if part and not part.startswith(":")]
        return [json.loads(part.removeprefix("data: ")) for part in parts if part != "data: [DONE]"]

    def __repr__(self):
        return f"{self.method} {self.target} -> {self.status} {dict(self.headers)}\n{self.body[:2000]!r}"


def check_error(reply):
    """The one shape of an error, whatever the document says."""
    body = reply.json()
    assert set(body) == {"error", "detail"}, reply
    error = body["error"]
    assert {"code", "message", "request_id"} <= set(error) <= {"code", "message", "request_id", "field"}, reply
    assert error["code"] in ERROR_CODES[reply.status], reply
    assert body["detail"] == error["message"] and error["message"].strip(), reply
    assert "\n" not in error["message"] and "sqlite" not in error["message"].lower(), reply
    assert error["request_id"] == reply.headers["x-request-id"], reply
    if reply.status == 401:
        assert reply.headers["www-authenticate"] == "Bearer", reply
    if reply.status == 405:
        assert reply.headers["allow"], reply
    if reply.status in (429, 503):
        assert int(reply.headers["retry-after"]) >= 1, reply


def check_body(document, reply, where, content):
    kind = reply.type if reply.type in content else "*/*"
    assert kind in content, f"the type {reply.type!r} is not in {list(content)}: {reply}"
    where = (*where, "content", kind, "schema")
    instance = reply.json() if reply.type == "application/json" else reply.text
    errors = document.errors(instance, *where)
    assert not errors, f"{errors}\n{reply}"


def check_reply(document, reply, sent=None):
    """Fails when the reply is not as documented; `sent` is the JSON body that led to it."""
    assert reply.headers.get("x-request-id"), f"no X-Request-Id: {reply}"
    assert reply.headers.get("x-content-type-options") == "nosniff" or reply.headers.get("connection") == "close", reply
    if reply.status >= 400 and reply.method != "HEAD":
        assert reply.type == "application/json", reply
        check_error(reply)
    path, operation = document.operation(reply.method, reply.target)
    if operation is None:
        assert reply.status >= 400 or reply.method == "OPTIONS", f"served, but not in openapi.json: {reply}"
        return
    CALLED.add(("GET" if reply.method == "HEAD" else reply.method, path))
    responses = operation["responses"]
    status = str(reply.status)
    assert status in responses or "default" in responses, f"{status} is not in {list(responses)}: {reply}"
    key = status if status in responses else "default"
    where = ("paths", path, ("get" if reply.method == "HEAD" else reply.method.lower()), "responses", key)
    response = responses[key]
    if "$ref" in response:
        where = tuple(response["$ref"].removeprefix("#/").split("/"))
        response = document.document
        for part in where:
            response = response[part]
    for name, header in response.get("headers", {}).items():
        assert not header.get("required") or name.lower() in reply.headers, f"no header {name}: {reply}"
    if reply.method == "HEAD" or reply.status == 304:
        assert not reply.body, reply
        return
    if not response.get("content"):
        assert not reply.body, f"a body where none is documented: {reply}"
        return
    check_body(document, reply, where, response["content"])
    if sent is not None and reply.status < 300:
        wanted = operation.get("requestBody", {}).get("content", {}).get("application/json")
        assert wanted, f"a body was taken where none is documented: {reply}"
        at = ("paths", path, reply.method.lower(), "requestBody", "content", "application/json", "schema")
        errors = document.errors(sent, *at)
        assert not errors, f"taken, but not as documented: {errors}\n{json.dumps(sent)[:500]}\n{reply}"


class Client:
    """api.get("/v1/memory/facts", expect=200) -> Reply, checked."""

    documents = {}

    def __init__(self, server, token=None):
        self.server, self.token = server, token
        self.session = requests.Session()
        self.session.trust_env = False

    @property
    def url(self):
        return self.server.url

    @property
    def document(self):
        key = str(self.server.binary)
        if key not in self.documents:
            self.documents[key] = Document(requests.get(self.url + "/openapi.json", timeout=30).json())
        return self.documents[key]

    def with_token(self, token):
        return Client(self.server, token)

    def headers(self, headers):
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return own | (headers or {})

    def request(self, method, target, body=None, *, raw=None, headers=None, expect=None, timeout=120):
        headers = self.headers(headers)
        if raw is not None:
            headers = {"Content-Type": "application/json"} | headers
        got = self.session.request(
            method, self.url + target, json=body, data=raw, headers=headers, timeout=timeout, allow_redirects=False,
        )  # fmt: skip
        reply = Reply(method, target, got.status_code, got.headers, got.content)
        check_reply(self.document, reply, body)
        if expect is not None:
            assert reply.status == expect, f"{expect} was expected: {reply}\nsent: {str(body or raw)[:1000]}"
        return reply

    def get(self, target, **more):
        return self.request("GET", target, **more)

    def post(self, target, body=None, **more):
        return self.request("POST", target, body, **more)

    def put(self, target, body=None, **more):
        return self.request("PUT", target, body, **more)

    def patch(self, target, body=None, **more):
        return self.request("PATCH", target, body, **more)

    def delete(self, target, body=None, **more):
        return self.request("DELETE", target, body, **more)

    def chat(self, message, *, expect=200, **more):
        return self.post("/v1/chat", {"messages": [{"role": "user", "content": message}], **more}, expect=expect)

    def stream(self, message, *, expect=200, **more):
        body = {"messages": [{"role": "user", "content": message}], **more}
        return self.post("/v1/chat/stream", body, expect=expect)

    def fact(self, text, category="test", *, expect=201, **more):
        return self.post("/v1/memory/facts", {"fact": text, "category": category, **more}, expect=expect).json()
