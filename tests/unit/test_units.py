"""Every cmocka program of tests/unit, as one test each."""

import re
import warnings
from pathlib import Path

import pytest
from ahead import LIMIT_S, Program
from server import ROOT, build_folder

HERE = Path(__file__).resolve().parent
UNITS = sorted(f"{source.parent.name}_{source.stem}" for source in HERE.glob("*/*_test.c"))
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


def program(run, postgres=None):
    """None: one of the session's PostgreSQL, and that is not made for it alone."""
    name, kind = run
    if kind == "postgres" and postgres is None:
        return None
    env = {"TMPDIR": "{folder}"} | ({} if kind is None else {"NIMA_TEST_STORE": kind})
    if kind == "postgres":
        env["NIMA_TEST_POSTGRES"] = postgres.url()
    return Program(build_folder() / "tests" / name, env, ROOT)


@pytest.mark.ahead(program=program)
@pytest.mark.timeout(LIMIT_S + 60)
@pytest.mark.parametrize("run", RUNS, ids=ids)
def test_unit(run, ahead, request):
    name, kind = run
    mine = program(run, request.getfixturevalue("postgres") if kind == "postgres" else None)
    assert mine.path.exists(), f"{mine.path} is not built; run: make asan"
    done = ahead.done(request.node.nodeid, mine)
    output = done.output
    assert done.code == 0, f"{name} ended with {done.code}\n{output[-20000:]}"
    skipped = sorted(set(re.findall(r"\[  SKIPPED \] (\w+)", output)))
    passed = re.findall(r"\[       OK \] (\w+)", output)
    if skipped and not passed and name not in OWN_STORE:
        pytest.skip(f"NOT TESTED: {', '.join(skipped)}")
    if skipped and kind is None and name not in OWN_STORE:
        warnings.warn(f"{name} skipped {', '.join(skipped)}", stacklevel=1)
