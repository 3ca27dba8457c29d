"""The api integration against a real HTTP server that behaves as badly as it is told to."""

import contextlib
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from client import Client
from server import NimaServer

TASKS = "/v1/tasks"
PATIENCE_S = 60
SECRET = 'tok/en "q" 12345'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        kind = self.path.split("?")[0].strip("/")
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        count = sum(path == self.path for _, path, _, _ in self.server.seen)
        if kind == "echo":
            text = {"headers": dict(self.headers), "body": body.decode(), "path": self.path}
            self.answer(200, json.dumps(text).encode(), Content_Type="application/json")
        elif kind == "raw-echo":
            self.answer(200, body, Content_Type="application/octet-stream")
        elif kind == "silent":
            self.server.stop.wait(PATIENCE_S)
        elif kind == "drip":
            self.send_response(200)
            self.end_headers()
            while not self.server.stop.wait(0.05):
                self.wfile.write(b".")
                self.wfile.flush()
        elif kind == "loop":
            self.answer(302, Location=self.path)
        elif kind.startswith("to/"):
            self.answer(302, Location=self.server.elsewhere[kind[3:]])
        elif kind.startswith("keep-to/"):
            self.answer(307, Location=self.server.elsewhere[kind[8:]])
        elif kind == "huge":
            self.answer(200, b"x" * 3_000_000)
        elif kind == "gibibyte":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 30))
            self.end_headers()
            with contextlib.suppress(OSError):
                for self.server.sent in range(1024):
                    self.wfile.write(b"x" * (1 << 20))
            self.close_connection = True
        elif kind.startswith("once/"):
            status = int(kind[5:])
            self.answer(status if count == 1 else 200, b"second time", **({"Retry_After": "1"} if status == 429 else {}))
        elif kind.startswith("always/"):
            self.answer(int(kind[7:]), b"no: " + self.headers.get("Authorization", "").encode())
        elif kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"short")
            self.close_connection = True
        else:
            self.answer(200, b"here")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = serve


@pytest.fixture(scope="module")
def web():
    servers = []
    for _ in range(2):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.seen, server.stop, server.elsewhere = [], threading.Event(), {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    listed, other = servers
    listed.url = f"http://127.0.0.1:{listed.server_port}"
    listed.other = other
    listed.elsewhere = {
        "other-port": f"http://127.0.0.1:{other.server_port}/x", "here": "/ok", "file": "file:///etc/passwd",
        "local-name": f"http://localhost:{listed.server_port}/ok", "meta": "http://169.254.169.254/latest/meta-data",
    }  # fmt: skip
    yield listed
    for server in servers:
        server.stop.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def api(web):
    env = {
        "NIMA_TASKS_API_HOSTS": f"127.0.0.1:{web.server_port}, localhost:{web.server_port + 1 if web.server_port < 65535 else 1}",
        "NIMA_TASKS_API_PERMISSION": "allow", "NIMA_SECRET_TOKEN": SECRET, "NIMA_TASKS_DENY": "api.request:GET **/forbidden",
        "http_proxy": "http://127.0.0.1:9/",
    }  # fmt: skip
    with NimaServer(env=env) as server:
        yield Client(server)
        assert SECRET not in server.stderr()


def ask(api, web, path, *, action="request", expect=200, wait=PATIENCE_S, timeout_s=60, max_attempts=3, **params):
    if "method" not in params and action == "request":
        params["method"] = "GET"
    url = path if "://" in path else web.url + path
    body = {"type": "api", "action": action, "params": {"url": url, **params}, "timeout_s": timeout_s,
            "max_attempts": max_attempts}  # fmt: skip
    return api.post(f"{TASKS}/execute" + (f"?wait={wait}" if wait else ""), body, expect=expect).json()


def test_a_request_and_its_answer(api, web):
    task = ask(api, web, "/echo?a=1", headers={"X-One": "1"})
    assert task["status"] == "completed" and task["result"]["status"] == 200
    echoed = json.loads(task["result"]["body"])
    assert echoed["path"] == "/echo?a=1" and echoed["headers"]["X-One"] == "1"
    task = ask(api, web, "/echo", method="POST", json={"b": [1, "ä"]})
    echoed = json.loads(task["result"]["body"])
    assert json.loads(echoed["body"]) == {"b": [1, "ä"]} and echoed["headers"]["Content-Type"] == "application/json"
    assert echoed["headers"]["Idempotency-Key"] == task["id"]
    task = ask(api, web, "/echo", method="PUT", form={"a b": "c&d=é", "n": 3})
    assert json.loads(task["result"]["body"])["body"] == "a%20b=c%26d%3D%C3%A9&n=3"
    assert ask(api, web, "/echo", method="POST", body="plain")["status"] == "completed"
    assert ask(api, web, "/ok", method="HEAD")["result"]["body"] == ""
    assert ask(api, web, "/ok", expect_status=200)["status"] == "completed"
    assert ask(api, web, "/ok", expect_status=204)["status"] == "failed"


def test_a_secret_is_sent_and_never_shown(api, web):
    header = {"Authorization": "Bearer ${secret:TOKEN}"}
    task = ask(api, web, "/echo", headers=header)
    assert web.seen[-1][2]["Authorization"] == f"Bearer {SECRET}", "the service got it"
    failed = ask(api, web, "/always/403", headers=header)
    raw = ask(api, web, "/raw-echo", method="POST", body="\u00ff ${secret:TOKEN} end", headers={})
    shown = json.dumps([task, failed, raw, api.get(f"{TASKS}/audit?limit=500").json(), api.get(f"{TASKS}/history").json()])
    for form in (SECRET, json.dumps(SECRET)[1:-1], json.dumps(json.dumps(SECRET))[1:-1]):
        assert form not in shown
    assert "(secret TOKEN)" in shown and "${secret:TOKEN}" in shown
    assert api.post(f"{TASKS}/execute", {"type": "api", "action": "request", "params": {
        "url": web.url + "/echo", "headers": {"A": "${secret:NONE}"}}}, expect=422).field == "params"  # fmt: skip
    shown = ask(api, web, "/echo", headers=header, expect=200)
    assert SECRET.encode() not in (api.server.data / "nima.db").read_bytes()


def test_dry_run_shows_the_request_and_sends_none(api, web):
    before = len(web.seen)
    body = {"type": "api", "action": "request", "dry_run": True, "params": {
        "url": web.url + "/echo", "method": "POST", "json": {"a": 1}, "headers": {"Authorization": "${secret:TOKEN}"}}}  # fmt: skip
    result = api.post(f"{TASKS}/execute", body, expect=200).json()["result"]
    assert result["would"]["method"] == "POST" and result["would"]["body"] == '{"a":1}' and result["changes"] is True
    assert "Authorization: ${secret:TOKEN}" in result["would"]["headers"] and len(web.seen) == before


def test_a_webhook_is_signed(api, web):
    task = ask(api, web, "/hook", action="webhook", json={"event": "x"}, secret="${secret:TOKEN}")
    assert task["status"] == "completed"
    _, _, headers, body = web.seen[-1]
    stamp, mac = (part.split("=", 1)[1] for part in headers["X-Nima-Signature"].split(","))
    assert hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == mac
    assert headers["Idempotency-Key"] == task["id"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again_under_one_key(api, web, status):
    task = ask(api, web, f"/once/{status}", method="POST", json={})
    assert task["status"] == "completed" and task["attempts"] == 2
    keys = [headers["Idempotency-Key"] for _, path, headers, _ in web.seen if path == f"/once/{status}"]
    assert keys == [task["id"]] * 2
    events = [row["event"] for row in api.get(f"{TASKS}/audit?task_id={task['id']}").json()]
    assert events == ["completed", "started", "attempt_failed", "started", "allowed"]


@pytest.mark.parametrize(("status", "code"), [(400, "invalid_request"), (401, "forbidden"), (404, "not_found")])
def test_what_will_not_pass_is_tried_once(api, web, status, code):
    task = ask(api, web, f"/always/{status}")
    assert task["status"] == "failed" and task["attempts"] == 1 and task["error_code"] == code


@pytest.mark.parametrize(("path", "seconds"), [("/silent", 1), ("/drip", 1), ("/cut", 20)])
def test_services_that_never_end(api, web, path, seconds):
    task = ask(api, web, path, timeout_s=seconds, max_attempts=1)
    assert task["status"] == "failed" and task["error_code"] in ("timeout", "unavailable"), task


def test_a_running_request_is_cancelled(api, web):
    task = ask(api, web, "/silent?cancel", wait=0, expect=202)
    until = time.monotonic() + PATIENCE_S
    while not any(path == "/silent?cancel" for _, path, _, _ in web.seen) and time.monotonic() < until:
        time.sleep(0.02)
    api.post(f"{TASKS}/{task['id']}/cancel", expect=200)
    assert api.get(f"{TASKS}/{task['id']}/events").frames[-1]["status"] == "cancelled"


def test_a_huge_answer_is_cut(api, web):
    result = ask(api, web, "/huge")["result"]
    assert result["truncated"] is True and 0 < len(result["body"]) <= 512 * 1024
    result = ask(api, web, "/gibibyte")["result"]
    assert result["truncated"] is True and len(result["body"]) <= 512 * 1024
    assert web.sent < 100, "it was not read to its end"


def test_redirects_are_held_to_the_list(api, web):
    assert ask(api, web, "/to/here")["result"]["body"] == "here"
    for where in ("other-port", "file", "meta", "local-name"):
        task = ask(api, web, f"/to/{where}")
        assert task["status"] == "failed" and task["error_code"] in ("forbidden", "invalid_request"), task
    assert web.other.seen == [], "nobody was asked there"
    task = ask(api, web, "/loop")
    assert task["status"] == "failed" and task["error_code"] == "invalid_request"
    assert sum(path == "/loop" for _, path, _, _ in web.seen) == 6
    assert ask(api, web, "/keep-to/here", method="POST", json={"k": 1})["status"] == "completed"
    assert web.seen[-1][0] == "POST" and web.seen[-1][3] == b'{"k":1}'


@pytest.mark.parametrize("url", [
    "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]/", "http://10.0.0.1/",
    "http://example.com/", "http://0x7f000001:1/", "http://127.0.0.1.nip.io/",
])  # fmt: skip
def test_hosts_that_are_not_listed_are_denied(api, web, url):
    ask(api, web, url, expect=403)
    assert api.get(f"{TASKS}/audit?limit=1").json()[0]["event"] == "denied"


@pytest.mark.parametrize(("more", "field"), [
    ({"url": "ftp://127.0.0.1/"}, "params.url"), ({"url": "http://u:p@127.0.0.1/"}, "params.url"), ({"method": "TRACE"}, "params.method"),
    ({"headers": {"Host": "evil"}}, None), ({"headers": {"A": "b\r\nC: d"}}, None), ({"headers": {"A B": "c"}}, None),
    ({"headers": {"A": 1}}, None), ({"method": "POST", "json": 1, "body": "x"}, None), ({"method": "GET", "body": "x"}, None),
])  # fmt: skip
def test_requests_that_are_none(api, web, more, field):
    params = {"url": web.url + "/ok"} | more
    body = {"type": "api", "action": "request", "params": params, "max_attempts": 1}
    if field:
        assert api.post(f"{TASKS}/execute", body, expect=422).field == field
    else:
        task = api.post(f"{TASKS}/execute?wait={PATIENCE_S}", body, expect=200).json()
        assert task["status"] == "failed" and task["error_code"] == "invalid_request", task


def test_a_fresh_install_reaches_nobody(start_server, web):
    api = Client(start_server())
    ask(api, web, "/ok", expect=403)
    listed = {row["type"]: row for row in api.get(f"{TASKS}/integrations").json()}
    assert listed["api"]["configured"] is False
