"""Health, documents, metrics and the page."""

import json
import re
from urllib.parse import urljoin

import pytest
import requests
from client import check_reply, Reply
from server import ROOT, run_nima

ASSET = re.compile(r"""(?:src|href)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)|url\(\s*["']?((?:https?:)?//[^)]+)|@import""")
LOCAL = re.compile(r"""(?:src|href)=["'](\w[^"'#?:]+)["']""")


def test_health(api):
    health = api.get("/health", expect=200).json()
    assert health["status"] == "healthy" and health["problem"] is None
    assert health["version"] == (ROOT / "VERSION").read_text().strip()
    assert health["model_loaded"] and health["tokenizer_loaded"] and health["embeddings_loaded"]
    assert health["store"] == {"kind": "sqlite", "ok": True} and health["uptime_s"] >= 0


def test_ready(api):
    assert api.get("/ready", expect=200).json()["model_loaded"]


def test_a_missing_model_is_told_and_the_rest_goes_on(start_server, tmp_path):
    from client import Client
    from server import NimaServer

    server = NimaServer(llm=f"local:{tmp_path}/nowhere.gguf").start()
    try:
        api = Client(server)
        ready = api.get("/ready", expect=503)
        assert int(ready.headers["retry-after"]) >= 1
        for _ in range(200):
            health = api.get("/health", expect=200).json()
            if health["problem"]:
                break
        assert health["status"] == "degraded" and not health["model_loaded"]
        assert "nowhere.gguf" in health["problem"]
        assert api.fact("memory works without a chat model")["id"]
        reply = api.post("/v1/chat", {"messages": [{"role": "user", "content": "hello"}]}, expect=503)
        assert "nowhere.gguf" in reply.error["message"] or "load" in reply.error["message"]
    finally:
        server.stop()


def test_without_embeddings_it_searches_by_words_and_says_so(start_server):
    from client import Client

    api = Client(start_server(embeddings="none:"))
    health = api.get("/health", expect=200).json()
    assert health["status"] == "degraded" and not health["embeddings_loaded"] and health["embedding_model"] is None
    api.fact("Ana plays the cello")
    hits = api.get("/v1/memory/search?q=cello", expect=200).json()
    assert [hit["fact"] for hit in hits] == ["Ana plays the cello"] and hits[0]["scores"]["vector"] == 0
    assert api.get("/v1/memory/stats", expect=200).json()["embedding_model"] is None


def test_openapi_is_the_committed_one_and_what_the_command_prints(api):
    served = api.get("/openapi.json", expect=200)
    printed = run_nima("openapi")
    assert printed.returncode == 0, printed.stderr
    assert served.text == printed.stdout
    committed = ROOT / "api" / "openapi.json"
    assert committed.exists() and committed.read_text() == printed.stdout, "run: make openapi"


def test_openapi_is_valid_and_says_all(api):
    from openapi_spec_validator import validate

    document = api.get("/openapi.json", expect=200).json()
    assert document["openapi"].startswith("3.1")
    validate(document)
    listed = api.get("/", headers={"Accept": "application/json"}, expect=200).json()["endpoints"]
    assert {tuple(line.split(" ")) for line in listed} == api.document.routes()
    names = [op["operationId"] for item in document["paths"].values() for op in item.values() if "operationId" in op]
    assert len(names) == len(set(names)) == len(listed)


def test_index_for_programs_and_for_browsers(api):
    for_programs = api.get("/", headers={"Accept": "application/json"}, expect=200)
    assert for_programs.json()["name"] == "Nima" and for_programs.headers["vary"]
    page = api.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, expect=200)
    assert page.type == "text/html" and page.text.lstrip().lower().startswith("<!doctype html>")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_need_nothing_from_outside(api, path):
    page = api.get(path, headers={"Accept": "text/html"}, expect=200)
    outside = [match.group(0) for match in ASSET.finditer(page.text) if "<a " not in page.text[max(0, match.start() - 60):match.start()]]
    assert not outside
    policy = dict(rule.strip().split(" ", 1) for rule in page.headers["content-security-policy"].split(";") if " " in rule.strip())
    assert policy["default-src"] in ("'self'", "'none'"), policy
    for name, sources in policy.items():
        assert "http:" not in sources and "https:" not in sources and "*" not in sources, (name, sources)
    assert "'unsafe-inline'" not in policy.get("script-src", policy["default-src"])
    assert "'unsafe-eval'" not in page.headers["content-security-policy"]
    assert "frame-ancestors" in policy


def test_every_asset_of_the_page_is_served(api):
    page = api.get("/", headers={"Accept": "text/html"}, expect=200)
    todo, seen = {"/" + path for path in LOCAL.findall(page.text)}, set()
    assert todo
    while todo:
        path = todo.pop()
        seen.add(path)
        got = requests.get(api.url + path, timeout=30)
        assert got.status_code == 200 and got.content, path
        assert not ASSET.search(got.text) or path.startswith("/lib/"), path
        for name in re.findall(r"""(?:from|import)\s*\(?["'](\.{0,2}/[^"']+)["']""", got.text):
            todo |= {urljoin(path, name)} - seen
    assert any(path.startswith("/lib/") for path in seen), "Markdown rendering is served too"
    script = api.get("/app/main.js", expect=200)
    assert script.type == "text/javascript"
    assert api.get("/lib/purify.es.mjs", expect=200).type == "text/javascript"
    for path in ("/app/nothing.js", "/lib/nothing.js", "/app/..%2f..%2fetc%2fpasswd", "/app/%2e%2e"):
        api.get(path, expect=404)


def test_pages_are_cached_by_tag_and_compressed(api):
    first = api.get("/app/main.js", headers={"Accept-Encoding": "identity"}, expect=200)
    tag = first.headers.get("etag")
    assert tag
    again = requests.get(api.url + "/app/main.js", headers={"If-None-Match": tag, "Accept-Encoding": "identity"}, timeout=30)
    assert again.status_code == 304 and not again.content
    packed = requests.get(api.url + "/app/main.js", headers={"Accept-Encoding": "gzip"}, timeout=30)
    assert packed.headers.get("content-encoding") == "gzip" and packed.content == first.body


def test_metrics(api):
    before = api.get("/metrics", expect=200)
    assert before.headers["content-type"].startswith("text/plain; version=0.0.4")
    api.get("/nothing", expect=404)
    text = api.get("/metrics", expect=200).text
    values = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) nima_\w+ ", line), line
            continue
        match = re.fullmatch(r"(nima_\w+)(\{[^}]*\})? ([-+0-9.eE]+)", line)
        assert match, line
        values[match[1]] = float(match[3])
    assert values["nima_http_errors_4xx_total"] >= 1 and values["nima_http_errors_5xx_total"] >= 0
    assert values["nima_http_requests_total"] >= 2 and values["nima_model_loaded"] == 1


def test_head_is_get_without_a_body(api):
    for path in ("/health", "/v1/memory/facts", "/docs", "/openapi.json"):
        got = requests.head(api.url + path, timeout=30)
        reply = Reply("HEAD", path, got.status_code, got.headers, got.content)
        check_reply(api.document, reply)
        assert reply.status == 200 and not reply.body


def test_a_request_id_is_taken_over_when_it_is_sane(api):
    assert api.get("/health", headers={"X-Request-Id": "abc-123_4.5"}).headers["x-request-id"] == "abc-123_4.5"
    for bad in ("a b", "x" * 500, "<script>", 'a"b'):
        assert api.get("/health", headers={"X-Request-Id": bad}).headers["x-request-id"] != bad
    ids = {api.get("/health").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_version_and_help():
    version = (ROOT / "VERSION").read_text().strip()
    assert version in run_nima("--version").stdout
    done = run_nima("--help")
    assert done.returncode == 0
    for command in ("serve", "chat", "doctor", "models", "migrate", "token", "openapi"):
        assert command in done.stdout
        helped = run_nima(command, "--help")
        assert helped.returncode == 0 and command in helped.stdout, helped
    wrong = run_nima("no-such-command")
    assert wrong.returncode == 2 and wrong.stderr.strip() and not wrong.stdout
    assert json.loads(run_nima("openapi").stdout)["info"]["version"] == version
