"""What is learned from tests/data/learning.jsonl, by the rules alone and with the default model behind them."""

import json
import os
import subprocess
from pathlib import Path

from server import BUILD, ROOT

MODEL = "local:qwen2.5-coder-1.5b-instruct"
GOALS = {"precision": (">=", 0.95), "recall": (">=", 0.80), "secrets": ("<=", 0)}


def models_dir():
    cache = os.environ.get("NIMA_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nima"
    return str(Path(cache) / "models")


def learning(out):
    command = [str(BUILD / "bench_learning"), str(ROOT / "tests" / "data" / "learning.jsonl"), MODEL, models_dir()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=7200)
    for line in done.stdout.splitlines():
        made = json.loads(line) if line.startswith("{") else {}
        if made.get("kind") not in ("all", "free"):
            continue
        name = f"learning, {made['how']}, {made['half']} half, {made['kind']}"
        for figure, goal in GOALS.items():
            held = goal if made["kind"] == "all" and made["how"] != "rules" else None
            out.add("learning", f"{name}, {figure}", made[figure], "share" if figure != "secrets" else "facts", held,
                    utterances=made["utterances"], expected=made["expected"])  # fmt: skip


def actions(out):
    command = [str(BUILD / "bench_actions"), str(ROOT / "tests" / "data" / "actions.jsonl"), MODEL, models_dir()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=3600)
    for line in done.stdout.splitlines():
        made = json.loads(line)
        if "how" not in made:
            out.add("actions", "actions, a question to the model", made["ms_per_question"], "ms", asked=made["asked"])
            continue
        held = made["how"] != "rules"
        out.add("actions", f"actions, {made['how']}, right", made["right"], f"of {made['actions']}", (">=", 72) if held else None)
        out.add("actions", f"actions, {made['how']}, talk begun", made["begun"], f"of {made['talk']}", ("<=", 0))


def recall(out):
    for limit in (4, 8):
        command = [str(BUILD / "bench_recall"), str(ROOT / "tests" / "data" / "recall.jsonl"), models_dir(), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
        for line in done.stdout.splitlines():
            made = json.loads(line)
            name = f"recall of {limit} facts, {made['wordings']} wording{'s' if made['wordings'] == 'several' else ''}"
            for figure in ("covered", "told", "about"):
                out.add("recall", f"{name}, {figure}", made[figure], "share", questions=made["questions"])
