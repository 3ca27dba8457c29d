"""The official OpenAI client for JavaScript (tests/e2e/openai.mjs), against the scripted model and a real one."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import EMBEDDINGS, TINY
from server import CACHE, NimaServer

SCRIPT = Path(__file__).resolve().parent / "openai.mjs"
NODE_MODULES = Path(os.environ.get("NIMA_NODE_MODULES") or CACHE / "node" / "node_modules")


@pytest.mark.parametrize("model", ["scripted", pytest.param(TINY, marks=pytest.mark.slow)])
def test_openai_javascript(model, need_model):
    assert (NODE_MODULES / "openai").exists(), "the npm packages are missing; run: scripts/setup test-tools"
    if model == "scripted":
        running = NimaServer()
    else:
        need_model(TINY, EMBEDDINGS)
        running = NimaServer(llm=f"local:{TINY}", embeddings=f"local:{EMBEDDINGS}")
    with running as server:
        env = os.environ | {"NIMA_URL": server.url, "NIMA_MODEL": model, "NIMA_NODE_MODULES": str(NODE_MODULES)}
        done = subprocess.run(["node", str(SCRIPT)], capture_output=True, text=True, timeout=240, env=env, check=False)
        assert done.stdout.strip(), done.stderr
        result = json.loads(done.stdout.strip().splitlines()[-1])
        assert result == {"ok": True}, result
