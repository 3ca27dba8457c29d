"""Killed with signal 9 under write load, again and again, on each store: what was acknowledged must be there."""

import contextlib
import http.client
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from server import ROOT, Client, Server

WRITERS = 4
ROUNDS = 300
WHOLE_EVERY = 25  # rounds: everything is looked at then, else what the last rounds wrote
STORES = ("sqlite", "json", "postgres")
sys.path.insert(0, str(ROOT / "tests" / "support"))


class Ledger:
    """What may be in the store: for each fact the texts that are possible, None among them when it may be gone."""

    def __init__(self):
        self.facts, self.talks, self.acknowledged = {}, {}, 0

    def join(self, other):
        self.facts |= other.facts
        self.talks |= other.talks
        self.acknowledged += other.acknowledged

    def lost(self, found, those):
        return [identity for identity in those if found.get(identity) not in self.facts[identity]]


class Writer(threading.Thread):
    """Adds, batches, changes, deletes and chats until the server is gone. Before a change is sent both outcomes are
    possible; once it is acknowledged, only one."""

    def __init__(self, port, label, seed):
        super().__init__(daemon=True)
        self.port, self.label, self.chance, self.ledger = port, label, random.Random(seed), Ledger()
        self.complaint = None

    def run(self):
        try:
            client = Client(self.port)
            for number in range(1_000_000):
                self.step(client, f"{self.label} {number}", number)
        except (OSError, http.client.HTTPException):
            pass  # killed
        except Exception as error:  # a refusal: nobody has asked for anything odd
            self.complaint = error

    def step(self, client, text, number):
        facts, sure = self.ledger.facts, [i for i, texts in self.ledger.facts.items() if texts != {None} and len(texts) == 1]
        kind = number % 6
        if kind == 1 and sure:
            identity = self.chance.choice(sure)
            facts[identity] = facts[identity] | {text}
            client.call("PATCH", f"/v1/memory/facts/{identity}", {"fact": text})
            facts[identity] = {text}
        elif kind == 2 and sure:
            identity = self.chance.choice(sure)
            facts[identity] = facts[identity] | {None}
            client.call("DELETE", f"/v1/memory/facts/{identity}")
            facts[identity] = {None}
        elif kind == 3:
            body = {"messages": [{"role": "user", "content": f"[[reply:{text}]]"}], "learn": "off"}
            self.ledger.talks[client.post("/v1/chat", body)["conversation_id"]] = text
        elif kind == 4:
            batch = [{"fact": f"{text} of {i}", "category": "load"} for i in range(5)]
            for fact in client.post("/v1/memory/facts/batch", batch):
                facts[fact["id"]] = {fact["fact"]}
        else:
            fact = client.post("/v1/memory/facts", {"fact": text, "category": "load"})
            facts[fact["id"]] = {fact["fact"]}
        self.ledger.acknowledged += 1


def everything(client):
    found, cursor = {}, None
    while True:
        path = "/v1/memory/facts?limit=500" + (f"&cursor={cursor}" if cursor else "")
        client.http.request("GET", path)
        reply = client.http.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"GET {path}: {reply.status} {text[:300]!r}")
        found |= {fact["id"]: fact["fact"] for fact in client.parse(text)}
        cursor = reply.headers.get("X-Next-Cursor")
        if not cursor:
            return found


def one_by_one(client, identities):
    found = {}
    for identity in identities:
        with contextlib.suppress(RuntimeError):  # 404
            found[identity] = client.get(f"/v1/memory/facts/{identity}")["fact"]
    return found


def talks_lost(client, talks):
    lost = 0
    for identity, text in talks.items():
        messages = client.get(f"/v1/conversations/{identity}")["messages"]
        lost += [m["role"] for m in messages] != ["user", "assistant"] or messages[1]["content"] != text
    return lost


def rounds_on(store, data, rounds):
    whole, lost, slowest, chance = Ledger(), 0, 0, random.Random(7)
    last = Ledger()
    for turn in range(rounds + 1):
        with Server(data=data, store=store) as server:
            slowest = max(slowest, server.start_s)
            full = turn % WHOLE_EVERY == 0 or turn == rounds
            those = list(whole.facts if full else last.facts)
            found = everything(server.client) if full else one_by_one(server.client, those)
            lost += len(whole.lost(found, those)) + talks_lost(server.client, last.talks)
            if turn == rounds:
                break
            writers = [Writer(server.port, f"round {turn} writer {n}", turn * WRITERS + n) for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.1, 0.8))
            server.kill()
        last = Ledger()
        for writer in writers:
            writer.join(60)
            if writer.is_alive() or writer.complaint:
                raise RuntimeError(f"round {turn}: {writer.complaint or 'a writer hangs'}")
            last.join(writer.ledger)
        whole.join(last)
    return whole.acknowledged, lost, slowest


def kills(out, rounds=ROUNDS, stores=STORES):
    for store in stores:
        folder = Path(tempfile.mkdtemp(prefix="nima-kills-"))
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            address = f"{store}:{folder / 'store'}"
            if store == "postgres":
                import postgres

                address = stack.enter_context(postgres.Postgres()).url()
            acknowledged, lost, slowest = rounds_on(address, folder, rounds)
        name = f"{rounds} kills under write load, {store}"
        out.add("kills", f"{name}: acknowledged and lost", lost, "writes", ("<=", 0), acknowledged=acknowledged)
        out.add("kills", f"{name}: slowest start", slowest, "s", ("<=", 2))
