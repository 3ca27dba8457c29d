"""Two processes on one PostgreSQL learn of one person at once: what contradicts itself is decided once."""

import threading
import uuid

from client import Client
from server import NimaServer

ROUNDS = 12
SAID = ("I live in Lisbon.", "I live in Porto.", "My name is Ana and I live in Faro.", "I moved to Braga.")


def test_homes_that_are_told_to_two_processes_leave_one(postgres):
    store = postgres.url(schema=f"s{uuid.uuid4().hex[:12]}")
    servers = [NimaServer(store=store) for _ in range(2)]
    try:
        for server in servers:
            server.__enter__()
        clients = [Client(servers[n % 2]) for n in range(len(SAID))]
        for _ in range(ROUNDS):
            barrier = threading.Barrier(len(SAID))
            replies = [None] * len(SAID)

            def tell(n, barrier=barrier, replies=replies):
                barrier.wait()
                replies[n] = clients[n].chat(SAID[n], expect=None).status

            threads = [threading.Thread(target=tell, args=(n,)) for n in range(len(SAID))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert replies == [200] * len(SAID)
            kept = [f["fact"] for f in clients[0].get("/v1/memory/facts?status=active", expect=200).json()]
            homes = [f for f in kept if "live" in f or "moved" in f]
            assert len(homes) == 1, kept
    finally:
        for server in servers:
            server.__exit__(None, None, None)
