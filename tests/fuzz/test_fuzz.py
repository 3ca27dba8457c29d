"""Each fuzz target on its corpus and some seconds of mutations, 70 s for all together; `make fuzz` gives each a minute."""

import os
from pathlib import Path

import pytest
from ahead import LIMIT_S, Program
from server import build_folder

HERE = Path(__file__).resolve().parent
TARGETS = sorted(source.stem for source in HERE.glob("*.c") if source.stem != "driver")
SECONDS = int(os.environ.get("FUZZ_SECONDS") or max(1, 70 // len(TARGETS)))


def test_there_are_targets_and_each_has_a_corpus():
    assert TARGETS
    assert [name for name in TARGETS if not any((HERE / "corpus" / name).iterdir())] == []


def program(name):
    seed = {"FUZZ_SEED": os.environ["FUZZ_SEED"]} if "FUZZ_SEED" in os.environ else {}
    env = {"FUZZ_SECONDS": SECONDS, "FUZZ_FINDINGS": "{folder}", **seed}
    return Program(build_folder() / "fuzz" / name, env, "{folder}")


@pytest.mark.ahead(program=program)
@pytest.mark.timeout(LIMIT_S + 60)
@pytest.mark.parametrize("name", TARGETS)
def test_fuzz(name, ahead, request):
    mine = program(name)
    assert mine.path.exists(), f"{mine.path} is not built; run: make asan"
    done = ahead.done(request.node.nodeid, mine)
    found = {path.name: path.read_bytes()[:2000] for path in done.folder.glob("*.bin")}
    assert done.code == 0, f"{name} ended with {done.code}; input {found}\n{done.output[-20000:]}"
    assert "nothing found" in done.output
