"""Table rows, lines of JSON, and the last run in bench/results/. Nothing here names the machine's host or folders."""

import json
import os
import platform
import re
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
WIDTHS = (56, 12, 10, 12, 12)


def run_quietly(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, cwd=ROOT)
        return (done.stdout + done.stderr).strip()
    except OSError:
        return ""


def machine():
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / 2**20),
        "kernel": platform.release(),
    }


def versions():
    commit = run_quietly("git", "rev-parse", "--short=12", "HEAD")
    wrk = re.search(r"wrk \S+", run_quietly("wrk", "--version"))
    cc = run_quietly("cc", "--version").splitlines()
    return {
        "nima": (ROOT / "VERSION").read_text().strip(),
        "commit": commit if re.fullmatch(r"[0-9a-f]+", commit) else "",
        "cc": cc[0] if cc else "",
        "wrk": wrk[0] if wrk else "",
    }


def shown(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def row_of(figure, was=None):
    goal = figure.get("goal")
    mark = "" if goal is None else f"{goal[0]} {shown(goal[1])}"
    cells = (figure["figure"], shown(figure["value"]), figure["unit"], mark, shown(was))
    return "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS)) + " |"


def met(value, goal):
    return value <= goal[1] if goal[0] == "<=" else value >= goal[1]


HEAD = row_of({"figure": "figure", "value": "value", "unit": "unit", "goal": None}, "last time")
RULE = "|" + "|".join("-" * (width + 2) for width in WIDTHS) + "|"


class Report:
    def __init__(self):
        self.machine, self.versions = machine(), versions()
        self.path = RESULTS / "latest.json"
        self.before = {}
        if self.path.exists():
            self.before = {figure["figure"]: figure for figure in json.loads(self.path.read_text())["figures"]}
        self.figures = {}

    def begin(self):
        m = self.machine
        print(f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, Linux {m['kernel']}; Nima {self.versions['nima']} "
              f"({self.versions['commit']}), {self.versions['cc']}, {self.versions['wrk']}")  # fmt: skip
        print(HEAD)
        print(RULE)

    def add(self, bench, figure, value, unit, goal=None, **more):
        """goal is ("<=", 3) or (">=", 20000): what bench/README.md wants; a figure that falls short is shown as it is."""
        value = round(value, 4) if isinstance(value, float) else value
        made = {"bench": bench, "figure": figure, "value": value, "unit": unit}
        if goal is not None:
            made |= {"goal": list(goal), "met": met(value, goal)}
        made |= more
        made |= {"machine": self.machine, "versions": self.versions, "date": time.strftime("%Y-%m-%d", time.gmtime())}
        self.figures[figure] = made
        was = self.before.get(figure)
        print(row_of(made, was["value"] if was else None))
        print(json.dumps(made, ensure_ascii=False), flush=True)

    def save(self):
        """Figures that were not taken now stay as they were, with the date and commit of their own run."""
        if not self.figures:
            return
        RESULTS.mkdir(exist_ok=True)
        kept = list((self.before | self.figures).values())
        self.path.write_text(json.dumps({"figures": kept}, indent=1, ensure_ascii=False) + "\n")
        lines = ["# The last figures", "", "Written by `bench/run`; how each is taken stands in `../README.md`.", ""]
        lines += ["| figure | value | unit | to reach | reached | date | commit | machine |", "|---|---|---|---|---|---|---|---|"]
        for figure in kept:
            goal = f"{figure['goal'][0]} {shown(figure['goal'][1])}" if "goal" in figure else ""
            reached = {True: "yes", False: "**no**", None: ""}[figure.get("met")]
            where = f"{figure['machine']['cpu']}, {figure['machine']['cores']} cores"
            cells = (figure["figure"], shown(figure["value"]), figure["unit"], goal, reached, figure["date"],
                     figure["versions"]["commit"], where)  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
        (RESULTS / "latest.md").write_text("\n".join(lines) + "\n")
