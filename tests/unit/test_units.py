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


def test_there_are_units():
    assert UNITS


@pytest.mark.parametrize("name", UNITS)
def test_unit(name, tmp_path):
    program = build_folder() / "tests" / name
    assert program.exists(), f"{program} is not built; run: make asan"
    done = subprocess.run(
        [str(program)], capture_output=True, timeout=UNIT_S, check=False, cwd=ROOT,
        env=clean_environment({"TMPDIR": tmp_path}),
    )  # fmt: skip
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{name} ended with {done.returncode}\n{output[-20000:]}"
    skipped = sorted(set(re.findall(r"\[  SKIPPED \] (\w+)", output)))
    passed = re.findall(r"\[       OK \] (\w+)", output)
    if skipped and not passed:
        pytest.skip(f"NOT TESTED: {', '.join(skipped)}")
    if skipped:
        warnings.warn(f"{name} skipped {', '.join(skipped)}", stacklevel=1)
