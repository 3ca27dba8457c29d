"""The github integration against a double that holds every exchange against GitHub's own description."""

import base64
import sys
import time
from pathlib import Path

import pytest
from client import Client
from server import ROOT, NimaServer

sys.path.insert(0, str(ROOT / "tests" / "support" / "github"))

from opened import opened  # noqa: E402

TASKS = "/v1/tasks"
PATIENCE_S = 60
TOKEN = "github_pat_11AABBCC_secretsecret"
READER = "github_pat_reader_0123456789"


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("github")) as double:
        double.tokens = {TOKEN: None, READER: {"metadata=read", "issues=read", "contents=read", "pull_requests=read"}}
        yield double
        assert double.problems == []


@pytest.fixture(scope="module")
def env(github):
    return {
        "GITHUB_API_URL": github.url, "NIMA_SECRET_GITHUB_TOKEN": TOKEN,
        "NIMA_SECRET_READER": READER, "NIMA_TASKS_GITHUB_PERMISSION": "allow", "NIMA_TASKS_LEASE_S": "2",
        "http_proxy": "http://127.0.0.1:9/",
    }  # fmt: skip


@pytest.fixture(scope="module")
def api(env):
    with NimaServer(env=env) as server:
        yield Client(server)
        assert TOKEN not in server.stderr()


@pytest.fixture
def repo(github):
    """A repository for this test alone."""
    made = github.repo(f"me/shop-{len(github.repos)}")
    github.seen.clear()
    github.plan.clear()
    return made


def ask(api, repo, action, *, expect=200, wait=PATIENCE_S, dry_run=False, max_attempts=3, **params):
    body = {"type": "github", "action": action, "params": {"repo": repo.name, **params}, "max_attempts": max_attempts}
    body |= {"dry_run": True} if dry_run else {}
    target = f"{TASKS}/execute" + (f"?wait={wait}" if wait and not dry_run else "")
    return api.post(target, body, expect=expect).json()


def done(api, repo, action, **params):
    task = ask(api, repo, action, **params)
    assert task["status"] == "completed", (task["error"], task)
    return task["result"]


def wait_until(condition, what):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def seen_to_its_end(api, task):
    seen = []

    def over():
        seen.append(api.get(f"{TASKS}/{task}/status").json())
        return seen[-1]["status"] in ("completed", "failed")

    wait_until(over, "the task never ended")
    return seen


def test_what_there_is(api):
    found = next(i for i in api.get(f"{TASKS}/integrations").json() if i["type"] == "github")
    assert found["configured"] is True
    names = {action["name"] for action in found["actions"]}
    assert {"get_repo", "create_issue", "create_pr", "commit_files", "merge_pr"} <= names


def test_an_issue_is_opened_commented_changed_and_closed(api, repo):
    made = done(api, repo, "create_issue", title="It breaks", body="Often.", labels=["bug"], assignees=["octo"])
    assert made["number"] == 1 and made["html_url"].endswith("/issues/1")
    issue = repo.issues[1]
    assert issue["body"].startswith("Often.\n\n<!-- nima-task: ") and [label["name"] for label in issue["labels"]] == ["bug"]
    said = done(api, repo, "comment_issue", issue_number=1, body="I see it too.")
    assert "#issuecomment-1" in said["html_url"]
    done(api, repo, "update_issue", issue_number=1, title="It breaks daily", labels=[])
    assert issue["title"] == "It breaks daily" and issue["labels"] == []
    shown = done(api, repo, "get_issue", issue_number=1)
    assert shown["title"] == "It breaks daily" and shown["comment_list"][0]["body"].startswith("I see it too.")
    done(api, repo, "close_issue", issue_number=1, comment="Done.", state_reason="not_planned")
    assert issue["state"] == "closed" and issue["state_reason"] == "not_planned" and len(repo.comments) == 2


def test_a_pull_request_from_nothing(api, repo):
    files = [{"path": "README.md", "content": "# Shop\n\nThe best shop.\n"},
             {"path": "bin/logo.bin", "content_base64": base64.b64encode(b"\x00\xff\x01").decode()}]  # fmt: skip
    made = done(api, repo, "create_pr", title="Fix the typo", head="nima/typo", body="As asked.", labels=["docs"],
                reviewers=["ada"], files=files)  # fmt: skip
    assert made["number"] == 1 and made["existing"] is False and made["html_url"].endswith("/pull/1")
    assert repo.text("README.md", "nima/typo") == "# Shop\n\nThe best shop.\n"
    assert repo.text("README.md", "main") == "# Shop\n\nTeh best shop.\n"
    assert repo.pulls[1]["reviewers"] == ["ada"] and repo.issues[1]["labels"][0]["name"] == "docs"
    again = done(api, repo, "create_pr", title="Fix the typo", head="nima/typo")
    assert again["number"] == 1 and again["existing"] is True and len(repo.pulls) == 1
    merged = done(api, repo, "merge_pr", pull_number=1, merge_method="merge")
    assert merged["merged"] is True and repo.text("README.md") == "# Shop\n\nThe best shop.\n"
    assert done(api, repo, "merge_pr", pull_number=1)["merged"] is True


# A reply that was lost after the work was done: what is made is made once.
LOST = [
    ("create_issue", "/issues$", {"title": "Once"}),
    ("comment_issue", "/comments$", {"issue_number": 1, "body": "Once"}),
    ("create_pr", "/pulls$", {"title": "Once", "head": "b", "files": [{"path": "a.txt", "content": "a"}]}),
    ("commit_files", "/git/refs$", {"branch": "b", "message": "Once", "files": [{"path": "a.txt", "content": "a"}]}),
]


def test_a_lost_reply_doubles_nothing(api, github, repo):
    begun = []
    for action, path, params in LOST:
        own = github.copy(repo, f"{repo.name}-{action}")
        if action == "comment_issue":
            github.new_issue(own, "There", "")
        github.plan.append({"method": "POST", "path": own.name + ".*" + path})
        begun.append((ask(api, own, action, wait=0, expect=202, **params)["id"], own, action, path))
    for task, own, action, path in begun:
        row = seen_to_its_end(api, task)[-1]
        assert (row["status"], row["attempts"]) == ("completed", 2), row["error"]
        assert len(github.writes(own.name + ".*" + path)) == 1
        if "commit" in action or "pr" in action:
            assert own.git("rev-list", "--count", "b") == "2"


# Limits: waited out as told, and told in the task while it waits.
@pytest.mark.parametrize(
    ("status", "message", "headers"),
    [
        (429, "Too many requests", {"Retry-After": "1"}),
        (403, "You have exceeded a secondary rate limit.", {"Retry-After": "1"}),
        (403, "API rate limit exceeded", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}),
    ],
)
def test_a_limit_is_waited_out(api, github, repo, status, message, headers):
    github.plan.append({"method": "POST", "path": "/issues$", "status": status, "message": message, "headers": headers})
    task = ask(api, repo, "create_issue", title="Later", wait=0, expect=202)
    seen = seen_to_its_end(api, task["id"])
    assert (seen[-1]["status"], seen[-1]["attempts"]) == ("completed", 2), seen[-1]["error"]
    assert len(repo.issues) == 1
    told = [row["error"] for row in seen if row["error"]]
    assert all("rate limit is used up" in error for error in told)


def test_what_was_asked_before_costs_nothing_of_the_rate(api, github, repo):
    done(api, repo, "get_repo")
    left = github.remaining
    assert done(api, repo, "get_repo")["default_branch"] == "main"
    assert github.remaining == left and github.seen[-1][2]["If-None-Match"].startswith("W/")
    github.new_issue(repo, "One more", "")
    assert done(api, repo, "get_repo")["open_issues_count"] == 1


def test_lists_go_over_their_pages(api, github, repo):
    for i in range(130):
        github.new_issue(repo, f"Issue {i}", "")
    listed = done(api, repo, "list_issues", limit=120, direction="asc")
    assert [issue["number"] for issue in listed["issues"]] == list(range(1, 121)) and listed["more"] is True
    assert done(api, repo, "list_issues", limit=500)["more"] is False
    assert done(api, repo, "list_prs")["pulls"] == []


def test_a_right_that_is_missing_is_named(api, repo):
    task = ask(api, repo, "create_issue", title="No", token="${secret:READER}")
    assert (task["status"], task["error_code"]) == ("failed", "forbidden")
    assert "issues=write" in task["error"] and READER not in str(task)
    task = ask(api, repo, "create_pr", title="No", head="x", token="${secret:READER}", files=[{"path": "a", "content": "b"}])
    assert "contents=write" in task["error"]


@pytest.mark.parametrize(
    ("action", "params", "says"),
    [
        ("get_issue", {"issue_number": 99}, "no such thing"),
        ("read_file", {"path": "none.txt"}, "there is no none.txt"),
        ("merge_pr", {"pull_number": 99}, "no such thing"),
        ("create_pr", {"title": "T", "head": "nowhere"}, "head invalid"),
        ("commit_files", {"branch": "x", "base": "nowhere", "message": "m", "files": [{"path": "a", "content": ""}]}, "no branch nowhere"),
        ("list_prs", {"state": "open", "head": "me:x"}, None),
    ],
)
def test_refusals_say_what_is_wrong(api, repo, action, params, says):
    task = ask(api, repo, action, **params)
    assert says is None or (task["status"] == "failed" and says in task["error"]), task


@pytest.mark.parametrize(
    ("action", "params", "field"),
    [
        ("create_issue", {"title": "x", "repo": "no-slash"}, "params.repo"),
        ("create_issue", {"title": "x", "repo": "a/.."}, "params.repo"),
        ("create_issue", {"title": "x", "token": "ghp_plain"}, "params.token"),
        ("create_issue", {"title": "${secret:GITHUB_TOKEN}"}, "params"),
        ("create_pr", {"title": "x", "head": "a..b"}, "params.head"),
        ("commit_files", {"message": "m", "branch": "-f", "files": [{"path": "a", "content": "b"}]}, "params.branch"),
        ("commit_files", {"message": "m", "files": []}, "params.files"),
        ("update_issue", {"issue_number": 0, "title": "x"}, "params.issue_number"),
    ],
)
def test_what_cannot_be_is_refused_at_the_door(api, repo, action, params, field):
    body = {"type": "github", "action": action, "params": {"repo": repo.name, **params}}
    assert api.post(f"{TASKS}/execute", body, expect=422).field == field


def test_nothing_is_written_above_the_repository(api, github, repo):
    for path in ("../x", "/etc/x", "a//b", "a/./b"):
        task = ask(api, repo, "commit_files", message="m", files=[{"path": path, "content": "x"}])
        assert task["status"] == "failed" and task["error_code"] == "invalid_request", task
    assert github.writes() == []


def test_a_token_is_seen_by_github_alone(env, repo, tmp_path):
    data = tmp_path / "data"
    with NimaServer(env=env, data=data) as server:
        api = Client(server)
        done(api, repo, "create_issue", title="Quiet")
        ask(api, repo, "get_issue", issue_number=404)
        ask(api, repo, "create_issue", title="No", token="${secret:READER}")
        ask(api, repo, "create_issue", title="No", dry_run=True)
        argv = Path(f"/proc/{server.pid}/cmdline").read_bytes()
        told = api.get(f"{TASKS}/history").text + api.get(f"{TASKS}/audit").text + server.stderr()
    written = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    for token in (TOKEN, READER):
        assert token not in told and token.encode() not in written + argv


def test_only_listed_repositories(env, repo, github):
    other = github.repo("you/other")
    with NimaServer(env=env | {"NIMA_TASKS_GITHUB_REPOS": "me/*"}) as server:
        api = Client(server)
        assert done(api, repo, "get_repo")["full_name"] == repo.name
        assert "github_repos" in ask(api, other, "get_repo", expect=403)["error"]["message"]


def test_an_enterprise_server_and_writes_that_are_asked_for(env, repo, github):
    more = {"GITHUB_API_URL": github.url + "/api/v3/", "NIMA_TASKS_GITHUB_PERMISSION": ""}
    with NimaServer(env=env | more) as server:
        api = Client(server)
        assert done(api, repo, "get_repo")["full_name"] == repo.name
        task = ask(api, repo, "create_issue", title="Asked", wait=0, expect=202)
        assert task["status"] == "awaiting_approval" and github.writes() == []
        api.post(f"{TASKS}/{task['id']}/approve")
        wait_until(lambda: repo.issues, "it was not opened")
    assert any(path.startswith("/api/v3/") for _, path, _, _ in github.seen)
