"""Each fuzz target on its corpus and some seconds of mutations, 70 s for all together; `make fuzz` gives each a minute."""

import os
import subprocess
from pathlib import Path

import pytest
from server import build_folder, clean_environment

HERE = Path(__file__).resolve().parent
TARGETS = sorted(source.stem for source in HERE.glob("*.c") if source.stem != "driver")
SECONDS = int(os.environ.get("FUZZ_SECONDS") or max(1, 70 // len(TARGETS)))


def test_there_are_targets_and_each_has_a_corpus():
    assert TARGETS
    assert [name for name in TARGETS if not any((HERE / "corpus" / name).iterdir())] == []


@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.parametrize("name", TARGETS)
def test_fuzz(name, tmp_path):
    program = build_folder() / "fuzz" / name
    assert program.exists(), f"{program} is not built; run: make asan"
    seed = {"FUZZ_SEED": os.environ["FUZZ_SEED"]} if "FUZZ_SEED" in os.environ else {}
    done = subprocess.run(
        [str(program)], capture_output=True, check=False, cwd=tmp_path, timeout=SECONDS + 180,
        env=clean_environment({"FUZZ_SECONDS": SECONDS, "FUZZ_FINDINGS": tmp_path, **seed}),
    )  # fmt: skip
    output = (done.stdout + done.stderr).decode(errors="replace")
    found = {path.name: path.read_bytes()[:2000] for path in tmp_path.glob("*.bin")}
    assert done.returncode == 0, f"{name} ended with {done.returncode}; input {found}\n{output[-20000:]}"
    assert "nothing found" in output
