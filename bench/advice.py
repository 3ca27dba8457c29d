"""Suggestions for the 40 situations of tests/data/advice.jsonl: by the rules, and in the default model's words."""

import os
import sys
import time

from server import ROOT, Server

sys.path.insert(0, str(ROOT / "tests" / "support"))

import situations  # noqa: E402

MODEL = os.environ.get("NIMA_BENCH_LLM", "local:qwen2.5-coder-1.5b-instruct")
EMBEDDINGS = "local:all-MiniLM-L6-v2"
LEAST_GOOD = 36
SAMPLES = 10
WORDS_S = 180
QUIET_LOOKS = 40


def model_words(played):
    """What is suggested once the model had its try at all of them: nothing has changed for a while then."""
    rows, quiet, until = played.suggestions(), 0, time.monotonic() + WORDS_S
    while any(row["by"] == "rules" for row in rows) and quiet < QUIET_LOOKS and time.monotonic() < until:
        time.sleep(0.5)
        now = played.suggestions()
        quiet = quiet + 1 if now == rows else 0
        rows = now
    return rows


def advice(out):
    samples, counts, worded, suggested = [], {}, 0, 0
    with Server(MODEL, EMBEDDINGS) as server:
        server.wait_embeddings()
        for case in situations.load():
            played = situations.Played(server.client.call, case)
            rules = played.suggestions()
            words = model_words(played)
            for how, rows in (("rules", rules), ("model", words)):
                wrong = played.wrong(rows)
                count = counts.setdefault((how, case["set"]), [0, 0])
                count[0] += not wrong
                count[1] += 1
                if wrong:
                    print(f"  {how}, {case['about']}: {'; '.join(wrong)}")
            suggested += len(words)
            worded += sum(row["by"] == "model" for row in words)
            samples += [(a["action"], b["action"]) for a, b in zip(rules, words) if b["by"] == "model"]
    for how in ("rules", "model"):
        good = sum(count[0] for (by, _), count in counts.items() if by == how)
        whose = "by the rules" if how == "rules" else "in the model's words"
        halves = {half: f"{count[0]} of {count[1]}" for (by, half), count in counts.items() if by == how}
        out.add("advice", f"grounded and concrete, {whose}", good, "situations", (">=", LEAST_GOOD), **halves)
    out.add("advice", "suggestions that have the model's words", worded, "of all", suggestions=suggested)
    for rule, words in samples[:: max(1, len(samples) // SAMPLES)][:SAMPLES]:
        print(f"  rules: {rule}\n  model: {words}")
