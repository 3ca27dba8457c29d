"""The chat page in Chromium, against the real server with a model that says what the test asks for."""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))

from model import FakeModel  # noqa: E402
from server import NimaServer  # noqa: E402

CACHE = Path(os.environ.get("NIMA_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nima")
NODE_MODULES = Path(os.environ.get("NIMA_NODE_MODULES") or CACHE / "node" / "node_modules")
CHROMIUM = os.environ.get("NIMA_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
SCENARIO_S = 240

SCENARIOS = [
    "stream", "markdown", "sanitised", "reload", "remembered", "memory", "reminders", "topics", "goals", "tasks", "stop", "conversations",
    "earlier", "missing", "outage", "phone", "keyboard", "accessible", "arabic", "motion",
]  # fmt: skip


def node(*arguments, **environment):
    env = os.environ | {"NIMA_NODE_MODULES": str(NODE_MODULES), "NIMA_CHROMIUM": CHROMIUM} | environment
    return subprocess.Popen(
        ["node", str(HERE / "page.mjs"), *arguments],
        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def lines_of(process):
    """Lines as they come, without ever waiting for one longer than a scenario may take."""
    arrived = queue.Queue()

    def read():
        for line in process.stdout:
            arrived.put(line)
        arrived.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := arrived.get(timeout=SCENARIO_S)) is not None:
        yield json.loads(line)


@pytest.fixture(scope="module")
def server():
    for need, how in ((NODE_MODULES / "playwright-core", "scripts/setup test"), (Path(CHROMIUM), "apt install chromium")):
        if not need.exists():
            pytest.fail(f"{need.name} is missing; run: {how}")
    with FakeModel() as model, NimaServer(llm=model.address) as running:
        yield running


@pytest.mark.parametrize("name", SCENARIOS)
def test_page(server, name, tmp_path):
    shots = os.environ.get("NIMA_SHOTS") or str(tmp_path)
    process = node(name, NIMA_URL=server.url.rstrip("/") + "/", NIMA_SHOTS=shots)
    result = None
    try:
        for line in lines_of(process):
            if "control" in line:
                {"stop": server.stop, "start": server.start}[line["control"]]()
                process.stdin.write("done\n")
                process.stdin.flush()
            else:
                result = line
    finally:
        process.kill()
        process.wait()
    assert result is not None, "the browser gave no result"
    assert result["ok"], f"{result['error']}\n{result['complaints']}\nA picture may be in {shots}"


def test_every_scenario_is_listed():
    process = node("--list", NIMA_URL="http://127.0.0.1/")
    output, _ = process.communicate(timeout=30)
    assert json.loads(output) == SCENARIOS
