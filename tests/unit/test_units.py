"""Every cmocka program of tests/unit, as one test each."""

import re
import subprocess
import warnings
from pathlib import Path

import pytest
from server import ROOT, build_folder, clean_environment

HERE = Path(__file__).resolve().parent
UNITS = sorted(f"{source.parent.name}_{source.stem}" for source in HERE.glob("*/*_test.c"))
UNIT_S = 240
# What the store promises whatever lies below it, and what is about one engine.
EVERY_STORE = (
    "store_facts_test", "store_people_test", "store_conversations_test", "store_messages_test", "store_list_test", "store_durable_test",
    "store_tasks_test", "orchestrator_goals_life_test",
)  # fmt: skip
OWN_STORE = {"store_postgres_test": "postgres", "store_json_test": "json"}
RUNS = [(name, None) for name in UNITS]
RUNS += [(name, kind) for name in EVERY_STORE for kind in ("json", "postgres")]
RUNS += [(name, kind) for name, kind in OWN_STORE.items() if name in UNITS]


def test_there_are_units():
    assert UNITS


def ids(run):
    return run[0] if run[1] is None else f"{run[0]}-{run[1]}"


@pytest.mark.parametrize("run", RUNS, ids=ids)
def test_unit(run, tmp_path, request):
    name, kind = run
    program = build_folder() / "tests" / name
    assert program.exists(), f"{program} is not built; run: make asan"
    env = {"TMPDIR": tmp_path}
    if kind is not None:
        env["NIMA_TEST_STORE"] = kind
    if kind == "postgres":
        env["NIMA_TEST_POSTGRES"] = request.getfixturevalue("postgres").url()
    done = subprocess.run(
        [str(program)], capture_output=True, timeout=UNIT_S, check=False, cwd=ROOT, env=clean_environment(env),
    )  # fmt: skip
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{name} ended with {done.returncode}\n{output[-20000:]}"
    skipped = sorted(set(re.findall(r"\[  SKIPPED \] (\w+)", output)))
    passed = re.findall(r"\[       OK \] (\w+)", output)
    if skipped and not passed and name not in OWN_STORE:
        pytest.skip(f"NOT TESTED: {', '.join(skipped)}")
    if skipped and kind is None and name not in OWN_STORE:
        warnings.warn(f"{name} skipped {', '.join(skipped)}", stacklevel=1)
