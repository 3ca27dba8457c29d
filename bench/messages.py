"""How well, and how fast, what was said is found again."""

import importlib.util
import os
import sys
import time
from pathlib import Path
from urllib.parse import quote

from figures import add_percentiles
from server import Server, facts, questions

MESSAGES, OF_ONE = 10_000, 1_000
WAIT_S = 600
GOALS = {"any@5": 78, "any@10": 88, "ndcg@10": 0.62}


def locomo_run():
    """bench/locomo/run.py, which is no package's."""
    path = Path(__file__).resolve().parent / "locomo" / "run.py"
    spec = importlib.util.spec_from_file_location("locomo_run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def locomo(out):
    if "LOCOMO" not in os.environ:
        print("bench/run: locomo is left out: set LOCOMO to the path of locomo10.json", file=sys.stderr)
        return
    run = locomo_run()
    found = run.with_store("sqlite", run.measure)
    run.table(found["groups"])
    for name, row in found["groups"].items():
        for key in ("any@5", "any@10", "all@10", "fraction@10", "ndcg@10"):
            goal = (">=", GOALS[key]) if name == "all" and key in GOALS else None
            out.add("locomo", f"LoCoMo, {name}, {key}", row[key], "share" if key == "ndcg@10" else "%", goal, questions=row["questions"])


def message_search(out):
    """Scripted embeddings, which take next to no time: the search itself, over HTTP."""
    with Server() as server:
        server.wait_embeddings()
        texts = facts(MESSAGES, 3)
        for at in range(0, MESSAGES, OF_ONE):
            messages = [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(texts[at : at + OF_ONE])]
            server.client.post("/v1/conversations", {"messages": messages})
        until = time.monotonic() + WAIT_S
        while server.client.get("/v1/memory/stats")["messages"]["waiting_for_embedding"] > 0:
            if time.monotonic() > until:
                raise RuntimeError("the messages get no vectors")
            time.sleep(0.1)

        def search_ms(question):
            return server.client.timed("GET", f"/v1/memory/search?scope=messages&limit=10&q={quote(question)}")[1]

        for question in questions(20, 2):
            search_ms(question)
        began_ms = server.cpu_ms()
        times = [search_ms(question) for question in questions(300, 9)]
        add_percentiles(out, "message-search", "search of 10k messages", times, ("<=", 8), ("<=", 25))
        out.add("message-search", "search of 10k messages, processor time", (server.cpu_ms() - began_ms) / len(times), "ms")
        stats = server.client.get("/v1/memory/stats")["messages"]
        out.add("message-search", "index of 10k messages", stats["bytes"] / 2**20, "MiB")
