"""Three servers on one PostgreSQL, killed while they do tasks. bench/run tasks does it with 5,000."""

import uuid

import pytest
from client import Client
from crowd import crowd


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_lost_and_nothing_is_done_twice_at_once(postgres, request):
    count = request.config.getoption("--crowd-tasks")
    kills = max(4, count // 50)
    left, doubled, again = crowd(postgres.url(schema=f"s{uuid.uuid4().hex[:12]}"), count, kills, patience_s=120 + count)
    print(f"\ncrowd: {count} tasks, {kills} kills, {len(left)} lost, {len(doubled)} doubled, {again} taken up")
    assert left == [] and doubled == []
    assert again > 0, "no task was interrupted, so nothing was shown"


def test_a_stopped_server_hands_its_tasks_back(start_server):
    from crowd import work_book

    with work_book() as book:
        env = {
            "NIMA_TASKS_API_HOSTS": f"127.0.0.1:{book.server_port}", "NIMA_TASKS_API_PERMISSION": "allow",
            "NIMA_SERVER_STOP_GRACE_S": 0,
        }  # fmt: skip
        server = start_server(env=env)
        params = {"url": f"http://127.0.0.1:{book.server_port}/2000", "json": {}}
        body = {"type": "api", "action": "webhook", "params": params, "max_attempts": 1}
        task = Client(server).post("/v1/tasks/execute", body, expect=202).json()
        while not book.begun:
            assert Client(server).get(f"/v1/tasks/{task['id']}/status").json()["status"] in ("pending", "running")
        server.stop()
        server.start().wait_ready()
        frames = Client(server).get(f"/v1/tasks/{task['id']}/events", expect=200).frames
        assert frames[-1]["status"] == "completed" and frames[-1]["attempts"] == 1
        assert book.begun == {task["id"]: 2}
