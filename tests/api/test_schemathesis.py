"""Every operation of openapi.json, with good and bad input that schemathesis makes up, and all of its checks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from server import ROOT

RUN_S = 180
EXAMPLES = os.environ.get("NIMA_SCHEMATHESIS_EXAMPLES", "8")
SETTINGS = ROOT / "tests" / "support" / "schemathesis"


@pytest.mark.slow
@pytest.mark.timeout(RUN_S * 2)
def test_schemathesis(start_server, tmp_path):
    server = start_server()
    # No NUL: a text with one is refused everywhere (400), which no schema can say of an object's values.
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", SETTINGS / "schemathesis.toml", "run",
               f"{server.url}/openapi.json", "--checks", "all", "--max-examples", EXAMPLES, "--seed", "1", "--workers",
               "1", "--no-color", "--request-timeout", "20", "--suppress-health-check", "all",
               "--generation-allow-x00", "false", "--generation-database", "none"]  # fmt: skip
    env = {key: value for key, value in os.environ.items() if not key.startswith("NIMA_")}
    env |= {"HOME": str(tmp_path), "SCHEMATHESIS_HOOKS": str(SETTINGS / "hooks.py"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=RUN_S * 2 - 10,
                          cwd=tmp_path, env=env, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-25000:] + done.stderr[-5000:]
