"""What api.github.com really answered, as others recorded it: npm @octokit/fixtures, and PyGithub's own tests (its sdist).

with Recorded() as github: github.scene = [Exchange, …]; github.url answers with what is in the scene.
"""

import ast
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from contract import DEEP, OPERATIONS
from server import CACHE

FOLDER = Path(os.environ.get("NIMA_GITHUB_RECORDED") or CACHE / "github" / "recorded")
HOST = re.compile(r"https://api\.github\.com(:443)?(?=/)")
OWN = {"connection", "content-length", "content-encoding", "transfer-encoding", "status", "date", "server"}  # of the connection


def pattern(path):
    return re.compile(re.sub(r"\{(\w+)\}", lambda m: ".+" if m[1] in DEEP else r"\d+" if "number" in m[1] else "[^/]+", path) + "$")


PATTERNS = [(name.split()[0], pattern(name.split()[1]), name) for name in OPERATIONS]


class Exchange(NamedTuple):
    file: str
    method: str
    target: str  # path and query
    status: int
    raw_headers: object
    body: bytes

    @property
    def headers(self):
        """Names in small letters."""
        pairs = ast.literal_eval(self.raw_headers) if isinstance(self.raw_headers, str) else self.raw_headers
        return {name.lower(): value for name, value in pairs}

    @property
    def path(self):
        return self.target.split("?")[0]

    @property
    def operation(self):
        """As in OPERATIONS; None: what no action asks for."""
        return next((name for method, pattern, name in PATTERNS if method == self.method and pattern.match(self.path)), None)

    @property
    def repo(self):
        return "/".join(self.path.split("/")[2:4])

    def json(self):
        return json.loads(self.body)


def of_octokit(path):
    for row in json.loads(path.read_text()):
        answer = row["response"]
        text = answer if isinstance(answer, str) else json.dumps(answer)
        headers = list(zip(row["rawHeaders"][::2], row["rawHeaders"][1::2], strict=True))
        yield Exchange(path.parent.name, row["method"].upper(), row["path"], row["status"], headers, text.encode())


def of_pygithub(path):
    """Ten lines each, and an empty one."""
    lines = path.read_text(encoding="utf-8").split("\n")
    while len(lines) >= 10 and lines[0].strip() in ("https", "http"):
        _, method, _, _, target, _, _, status, headers, body = (line.strip() for line in lines[:10])
        yield Exchange(path.stem, method, HOST.sub("", target).removeprefix("/api/v3"), int(status), headers, body.encode())
        lines = lines[11:]


def load():
    assert FOLDER.exists(), f"{FOLDER} is missing; run: scripts/setup test-tools"
    found = [exchange for path in sorted(FOLDER.glob("octokit/**/raw-fixture.json")) for exchange in of_octokit(path)]
    return found + [exchange for path in sorted(FOLDER.glob("pygithub/*.txt")) for exchange in of_pygithub(path)]


class Recorded:
    """Answers with the recorded status, headers and bytes. Only its own address takes the place of api.github.com in the
    headers, and a next page that is not in the scene is left out."""

    def __init__(self):
        self.scene, self.seen, self.missed = [], [], []

    def __enter__(self):
        recorded = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorded.answer(self)

            do_GET = do_POST = do_PATCH = do_PUT = serve

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def find(self, method, target):
        """The page asked for, else the thing, else another thing of its kind."""
        asked = Exchange("", method, target, 0, [], b"")
        ways = (lambda e: e.target == target, lambda e: e.path == asked.path,
                lambda e: asked.operation is not None and e.operation == asked.operation)  # fmt: skip
        for way in ways:
            for exchange in self.scene:
                if exchange.method == method and way(exchange):
                    return exchange
        return None

    def link(self, text):
        kept = []
        for entry in text.split(", "):
            target = HOST.sub("", entry[entry.find("<") + 1 : entry.find(">")])
            if any(exchange.target == target for exchange in self.scene):
                kept.append(HOST.sub(self.url, entry))
        return ", ".join(kept)

    def answer(self, handler):
        self.seen.append((handler.command, handler.path))
        found = self.find(handler.command, handler.path)
        if found is None:
            self.missed.append((handler.command, handler.path))
            found = Exchange("", "", "", 599, [], b"{}")
        handler.send_response(found.status)
        for name, value in found.headers.items():
            if name not in OWN:
                value = self.link(value) if name == "link" else HOST.sub(self.url, value)
                handler.send_header(name, value.encode("ascii", "replace").decode())
        if found.status not in (204, 304):
            handler.send_header("Content-Length", str(len(found.body)))
        handler.end_headers()
        if found.status not in (204, 304):
            handler.wfile.write(found.body)
