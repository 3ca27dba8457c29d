"""The server is killed in each request of each action, before GitHub does it and after: what is made is made once.

What stands at GitHub in the end is held against what the same action leaves there undisturbed.
"""

import base64
import re
import sys
import threading
import time

import pytest
from client import Client
from server import ROOT, NimaServer

sys.path.insert(0, str(ROOT / "tests" / "support" / "github"))

from opened import opened  # noqa: E402

TASKS = "/v1/tasks"
PATIENCE_S = 60
TOKEN = "github_pat_11AABBCC_killkill"
AT_ONCE = 2  # tasks of this integration that one process does at a time
OWN = {"clone", "commit_and_push"}  # test_tasks_github_git.py kills these in git's own requests
FILES = [
    {"path": "README.md", "find": "Teh", "with": "The"},
    {"path": "logo.bin", "content_base64": base64.b64encode(b"\x00\xff\x01").decode()},
]
PARAMS = {
    "create_issue": {"title": "Once", "body": "Text", "labels": ["bug"], "assignees": ["ada"]},
    "update_issue": {"issue_number": 1, "title": "Changed", "labels": ["bug"], "assignees": ["ada"]},
    "close_issue": {"issue_number": 1, "comment": "Once", "state_reason": "not_planned"},
    "comment_issue": {"issue_number": 1, "body": "Once"},
    "create_pr": {"title": "Once", "head": "new", "body": "Text", "files": FILES, "labels": ["bug"], "assignees": ["ada"],
                  "reviewers": ["ada"]},
    "merge_pr": {"pull_number": 2},
    "commit_files": {"message": "Once", "files": FILES},
}  # fmt: skip


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("github")) as double:
        double.tokens = {TOKEN: None}
        yield double
        assert double.problems == []


@pytest.fixture
def begin(github):
    """begin("name"): a repository with an issue, and a pull request that can be merged."""
    first = github.repo("me/first")
    github.new_issue(first, "There", "")
    tree = first.tree("main", [{"path": "a.txt", "mode": "100644", "content": "a\n"}])
    first.git("update-ref", "refs/heads/ready", first.commit("Ready", tree, [first.sha("main")]))
    github.pulls_create(first, None, None, {"title": "Ready", "head": "ready", "base": "main"})
    return lambda name: github.copy(first, f"me/{name}")


def plain(text):
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "TASK", text or "")


def picture(repo):
    """All that stands in the repository, but for dates and ids."""
    branches = repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    return {
        "issues": [(i["title"], plain(i["body"]), i["state"], i["state_reason"], [label["name"] for label in i["labels"]],
                    [user["login"] for user in i["assignees"]]) for i in repo.issues.values()],
        "comments": [(c["issue"], plain(c["body"])) for c in repo.comments],
        "pulls": [(p["head"], p["base"], p["reviewers"], p["merged"]) for p in repo.pulls.values()],
        "commits": {name: plain(repo.git("log", "--format=%T%n%B", name)) for name in branches},
    }  # fmt: skip


def ask(api, repo, action):
    body = {"type": "github", "action": action, "params": {"repo": repo.name, **PARAMS[action]}, "max_attempts": 20}
    return api.post(f"{TASKS}/execute", body, expect=202).json()["id"]


def over(api, task):
    until = time.monotonic() + PATIENCE_S
    while (row := api.get(f"{TASKS}/{task}/status").json())["status"] in ("pending", "running"):
        assert time.monotonic() < until, row
        time.sleep(0.02)
    return row


def points(api, github, begin):
    """(action, method, path, done or not, what it leaves undisturbed) for each request that changes something."""
    names = {a["name"] for i in api.get(f"{TASKS}/integrations").json() if i["type"] == "github" for a in i["actions"] if a["writes"]}
    assert names == PARAMS.keys() | OWN, "each action that writes has its case here"
    for action in PARAMS:
        repo = begin(action)
        github.done.clear()
        assert over(api, ask(api, repo, action))["status"] == "completed"
        left = picture(repo)
        for method, path, _, _ in github.done:
            path = path.removeprefix(f"/repos/{repo.name}")
            yield from ((action, method, path, done, left) for done in (False, True))


def test_a_kill_at_any_moment_doubles_nothing(github, begin, tmp_path):
    env = {
        "GITHUB_API_URL": github.url, "NIMA_SECRET_GITHUB_TOKEN": TOKEN, "NIMA_TASKS_GITHUB_PERMISSION": "allow",
        "NIMA_TASKS_LEASE_S": "2",
    }  # fmt: skip
    begun = []
    with NimaServer(env=env, data=tmp_path) as server:
        rest = list(points(Client(server), github, begin))
        assert len(rest) >= 2 * 17
        while rest:
            faults = []
            for action, method, path, done, expected in rest[:AT_ONCE]:
                repo = begin(f"killed-{len(begun)}")
                faults.append({"method": method, "path": re.escape(f"/{repo.name}{path}") + "$", "done": done,
                               "hold": threading.Event(), "held": threading.Event()})  # fmt: skip
                github.plan.append(faults[-1])
                begun.append((ask(Client(server), repo, action), repo, expected, (action, method, path, done)))
            for fault in faults:
                assert fault["held"].wait(PATIENCE_S), fault
            server.kill()
            for fault in faults:
                fault["hold"].set()
            rest = rest[AT_ONCE:]
            server.start()
            server.wait_ready()
        api = Client(server)
        for task, repo, expected, point in begun:
            row = over(api, task)
            assert row["status"] == "completed" and row["attempts"] > 1, (point, row)
            assert picture(repo) == expected, point
