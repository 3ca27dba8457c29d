"""Several processes on one PostgreSQL, some of them killed: each firing happens, and happens once."""

import random
import time
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone

from client import Client
from server import NimaServer

ONCE, OFTEN, KILLS = 90, 10, 6
PATH = "/v1/schedules"
WAIT_S = 90


def test_three_processes_and_kill_9(postgres):
    rng = random.Random(20261122)
    store = postgres.url(schema=f"s{uuid.uuid4().hex[:12]}")
    servers = [NimaServer(store=store) for _ in range(3)]
    try:
        for server in servers:
            server.__enter__()
        api = Client(servers[0])
        begin = datetime.now(timezone.utc) + timedelta(seconds=3)
        wanted = {}
        for i in range(ONCE):
            at = begin + timedelta(milliseconds=rng.randrange(6000))
            made = api.post(PATH, {"when": {"at": at.isoformat()}, "do": {"remind": f"once {i}"}}, expect=201).json()
            wanted[made["id"]] = f"once {i}"
        often = [
            api.post(PATH, {"when": {"every": "1s"}, "do": {"remind": f"often {i}"}}, expect=201).json()["id"]
            for i in range(OFTEN)
        ]
        for _ in range(KILLS):
            server = rng.choice(servers[1:])
            server.kill()
            time.sleep(rng.random())
            server.start()
        for schedule in often:
            api.patch(f"{PATH}/{schedule}", {"enabled": False}, expect=200)
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            rows = {row["id"]: row for row in api.get(f"{PATH}?limit=500").json()}
            runs = [run for schedule in rows for run in api.get(f"{PATH}/{schedule}/runs?limit=500").json()]
            if all(rows[one]["state"] == "done" for one in wanted) and all(run["status"] == "done" for run in runs):
                break
            time.sleep(0.2)
        assert all(run["status"] == "done" for run in runs)
        talk = api.get(f"/v1/conversations/{runs[0]['conversation_id']}").json()
        said = Counter(message["content"] for message in talk["messages"])
        assert {text: said[text] for text in wanted.values()} == dict.fromkeys(wanted.values(), 1), "lost 0, doubled 0"
        by_run = Counter(message["metadata"]["scheduled"]["run_id"] for message in talk["messages"])
        assert set(by_run) == {run["id"] for run in runs} and set(by_run.values()) == {1}
        assert len({(run["schedule_id"], run["due_at"]) for run in runs}) == len(runs)
    finally:
        for server in servers:
            server.__exit__(None, None, None)
