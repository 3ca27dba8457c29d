#!/usr/bin/env python3
"""How well past messages are found: LoCoMo through the public API.  LOCOMO=locomo10.json bench/locomo/run.py [--store sqlite]

Each conversation is a person with a token, each of its sessions a conversation with names and times; questions are asked of
GET /v1/memory/search?scope=messages, and a hit counts when it is one of the question's evidence turns. README.md beside this
says how the ranking was found, and which conversations it was fitted on (1-5, "dev").
"""

import argparse
import datetime
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import data  # noqa: E402
from server import BUILD, ROOT, Client, Server  # noqa: E402

sys.path.insert(0, str(ROOT / "tests" / "support"))

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open domain", 4: "single-hop", 5: "adversarial"}
MODEL = "local:all-MiniLM-L6-v2"
WAIT_S = 1200


class Person(Client):
    def __init__(self, port, token):
        super().__init__(port)
        self.token = token

    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}


def when(text, seconds):
    """"1:56 pm on 8 May, 2023" and so many seconds later."""
    at = datetime.datetime.strptime(text.replace(",", ""), "%I:%M %p on %d %B %Y") + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def say(turn, names, number):
    """A turn as a message: the caption of its picture stands behind the text, as it does in what is embedded."""
    caption = f"; {turn['cap']}" if turn["cap"] else ""
    return {"role": "user" if turn["speaker"] == names[0] else "assistant", "name": turn["speaker"],
            "content": turn["text"] + caption, "timestamp": when(turn["date"], number)}  # fmt: skip


def take_in(person, conversation):
    """Returns the number of its turn for each message id."""
    turns, numbers = conversation["turns"], {}
    for session in dict.fromkeys(turn["s"] for turn in turns):
        own = [i for i, turn in enumerate(turns) if turn["s"] == session]
        body = {"title": f"session {session}", "messages": [say(turns[i], conversation["names"], k) for k, i in enumerate(own)]}
        made = person.post("/v1/conversations", body)
        numbers.update({message["id"]: i for message, i in zip(made["messages"], own)})
    return numbers


def wait_indexed(person):
    person.http.close()  # it was idle while others were taken in; the next call opens it anew
    until = time.monotonic() + WAIT_S
    while person.get("/v1/memory/stats")["messages"]["waiting_for_embedding"] > 0:
        if time.monotonic() > until:
            raise RuntimeError("the messages get no vectors")
        time.sleep(0.2)


def ask(person, numbers, question):
    """For the first ten hits: whether each is evidence; the evidence turns; milliseconds."""
    hits, ms = person.timed("GET", f"/v1/memory/search?scope=messages&limit=10&q={quote(question['q'])}")
    return {"category": question["cat"], "evidence": len(question["ev"]), "ms": ms,
            "hit": [numbers[hit["message_id"]] in question["ev"] for hit in hits]}  # fmt: skip


def ndcg(row):
    ideal = sum(1 / math.log2(k + 2) for k in range(min(10, row["evidence"])))
    return sum(hit / math.log2(k + 2) for k, hit in enumerate(row["hit"])) / ideal if ideal else 0


def figures(rows):
    """Means over questions, in percent; a question whose evidence does not exist is a miss."""
    made = {"questions": len(rows)}
    for k in (5, 10):
        found = [sum(row["hit"][:k]) for row in rows]
        made[f"any@{k}"] = 100 * sum(f > 0 for f in found) / len(rows)
        made[f"all@{k}"] = 100 * sum(0 < row["evidence"] <= f for row, f in zip(rows, found)) / len(rows)
        made[f"fraction@{k}"] = 100 * sum(f / row["evidence"] for row, f in zip(rows, found) if row["evidence"]) / len(rows)
    made["ndcg@10"] = sum(map(ndcg, rows)) / len(rows)
    return {key: round(value, 3 if key == "ndcg@10" else 1) for key, value in made.items()}


def groups(rows):
    made = {"all": figures(rows), "conversations 1-5 (dev)": figures([r for r in rows if r["conversation"] < 5]),
            "conversations 6-10 (test)": figures([r for r in rows if r["conversation"] >= 5])}  # fmt: skip
    for number, name in CATEGORIES.items():
        of_it = [row for row in rows if row["category"] == number]
        if of_it:
            made[f"{number} {name}"] = figures(of_it)
    return made


def tokens(folder, store, count):
    """Made before the start: a folder of JSON files is one process's alone."""
    made = []
    for number in range(count):
        command = [BUILD / "nima", "token", "create", "--user", f"conversation-{number + 1}", "--data", folder, "--store", store]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, timeout=60)
        made.append(done.stdout.split()[-1])
    return made


def measure(store, embeddings=MODEL):
    """Figures by group, and what the taking took."""
    conversations, rows = data.load(), []
    with Server(embeddings=embeddings, store=store, prepare=lambda folder, address: tokens(folder, address, len(conversations))) as server:
        people = [Person(server.port, token) for token in server.prepared]
        begun = time.monotonic()
        numbers = [take_in(person, conversation) for person, conversation in zip(people, conversations)]
        intake_s = time.monotonic() - begun
        for person in people if embeddings != "none:" else ():
            wait_indexed(person)
        indexed_s = time.monotonic() - begun
        for at, (person, conversation) in enumerate(zip(people, conversations)):
            person.http.close()
            rows += [dict(ask(person, numbers[at], question), conversation=at) for question in conversation["qs"]]
    ms = sorted(row["ms"] for row in rows)
    return {"groups": groups(rows), "messages": sum(map(len, numbers)), "intake_s": round(intake_s, 1),
            "indexed_s": round(indexed_s, 1), "search_ms_p50": round(ms[len(ms) // 2], 2)}  # fmt: skip


def table(found):
    keys = [key for key in found["all"] if key != "questions"]
    print("| | questions | " + " | ".join(keys) + " |\n|---|" + "---|" * (len(keys) + 1))
    for name, row in found.items():
        print(f"| {name} | {row['questions']} | " + " | ".join(f"{row[key]}" for key in keys) + " |")


def with_store(kind, work):
    """Calls work with the store's address; PostgreSQL gets a cluster of its own for that."""
    if kind != "postgres":
        return work(kind if re.search(":", kind) else f"{kind}:{{data}}/{'nima.db' if kind == 'sqlite' else 'store'}")
    import postgres  # of tests/support

    with postgres.Postgres() as server:
        return work(server.url())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="sqlite", help="sqlite, postgres, json")
    parser.add_argument("--embeddings", default=MODEL, help="none: for words alone")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON, too")
    args = parser.parse_args()
    found = with_store(args.store, lambda store: measure(store, args.embeddings))
    line = {"bench": "locomo", "store": args.store, "embeddings": args.embeddings, **found}
    print(json.dumps(line))
    table(found["groups"])
    if args.out:
        args.out.write_text(json.dumps(line, indent=1) + "\n")


if __name__ == "__main__":
    main()
