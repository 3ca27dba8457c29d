"""What api.github.com really answered once, as others recorded it, through the real parser: each field, each refusal."""

import base64
import itertools
import json
import sys

import pytest
from client import Client
from server import ROOT, NimaServer

sys.path.insert(0, str(ROOT / "tests" / "support" / "github"))

from recorded import Exchange, Recorded, load  # noqa: E402

TASKS = "/v1/tasks"
PATIENCE_S = 60
TOKEN = "github_pat_11AABBCC_recorded"
USER = {"login": None}
SIDE = {"ref": None, "sha": None}
REPO = dict.fromkeys(("full_name", "description", "html_url", "default_branch", "language", "visibility", "pushed_at",
                      "open_issues_count", "stargazers_count", "forks_count", "private", "archived", "fork"))  # fmt: skip
BRIEF = dict.fromkeys(("number", "title", "state", "state_reason", "html_url", "comments", "created_at", "updated_at", "closed_at"))
BRIEF |= {"user": USER, "labels": {"name": None}, "assignees": USER}
ISSUE = BRIEF | {"body": None}
COMMENT = dict.fromkeys(("id", "body", "html_url", "created_at")) | {"user": USER}
PULLS = dict.fromkeys(("number", "title", "state", "html_url", "draft", "created_at", "updated_at", "merged_at"))
PULLS |= {"user": USER, "head": SIDE, "base": SIDE}
PULL = PULLS | {"body": None, "merged": None, "merge_commit_sha": None}
CODES = {400: "invalid_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 422: "invalid_request",
         500: "unavailable", 502: "unavailable", 503: "unavailable"}  # fmt: skip


@pytest.fixture(scope="module")
def github():
    with Recorded() as recorded:
        recorded.all, recorded.kinds = load(), {}
        for exchange in recorded.all:
            if exchange.operation:
                recorded.kinds.setdefault((exchange.operation, exchange.status), []).append(exchange)
        yield recorded
        assert recorded.missed == []


@pytest.fixture(scope="module")
def api(github):
    env = {
        "GITHUB_API_URL": github.url, "NIMA_SECRET_GITHUB_TOKEN": TOKEN, "NIMA_TASKS_GITHUB_PERMISSION": "allow",
        "NIMA_SECRET_FIRST": "github_pat_first", "NIMA_SECRET_SECOND": "github_pat_second",
    }  # fmt: skip
    with NimaServer(env=env) as server:
        yield Client(server)


def ask(api, github, scene, repo, action, **params):
    github.scene = scene
    body = {"type": "github", "action": action, "params": {"repo": repo, **params}, "max_attempts": 1}
    return api.post(f"{TASKS}/execute?wait={PATIENCE_S}", body, expect=200).json()


def done(*arguments, **params):
    task = ask(*arguments, **params)
    assert task["status"] == "completed", (task["error"], arguments[2])
    return task["result"]


def shape(value):
    """What fields it has, and which are null: how GitHub's answers differ over the years."""
    if isinstance(value, dict):
        return tuple((name, shape(value[name])) for name in sorted(value))
    if isinstance(value, list):
        return tuple(sorted({shape(item) for item in value}, key=repr))
    return type(value).__name__


def recordings(github, operation, status):
    """One of each shape, and one of each that has further pages."""
    found = {}
    for exchange in github.kinds.get((operation, status), ()):
        if exchange.body.startswith((b"{", b"[")):  # else another media type was asked for
            found.setdefault((shape(exchange.json()), "link" in exchange.headers), exchange)
    return list(found.values())


def session(github, exchange):
    """All that was recorded together with it."""
    return [e for e in github.all if e.file == exchange.file]


def same(ours, theirs, fields, what):
    """Each field is what was recorded; what was not there or null is absent, false or empty."""
    for name, inner in fields.items():
        mine, wanted = ours.get(name), theirs.get(name)
        if wanted is None:
            assert mine in (None, False, 0, []), (what, name, mine)
        elif inner is None:
            assert mine == wanted, (what, name)
        elif isinstance(wanted, list):
            assert len(mine) == len(wanted), (what, name)
            for one, other in zip(mine, wanted, strict=True):
                same(one, other, inner, what)
        else:
            same(mine, wanted, inner, what)


def test_repositories(api, github):
    found = recordings(github, "GET /repos/{owner}/{repo}", 200)
    for exchange in found:
        same(done(api, github, [exchange], exchange.repo, "get_repo"), exchange.json(), REPO, exchange.file)
    assert len(found) > 50


def test_a_repository_that_was_renamed(api, github):
    for moved in github.kinds["GET /repos/{owner}/{repo}", 301]:
        scene = session(github, moved)
        scene.remove(moved)
        task = ask(api, github, [moved, *scene], moved.repo, "get_repo")
        if moved.headers["location"].startswith("https://api.github.com/repositories/"):
            there = next(e for e in scene if e.path == moved.headers["location"].removeprefix("https://api.github.com"))
            assert task["status"] == "completed", task
            same(task["result"], there.json(), REPO, moved.file)
        else:
            assert (task["status"], task["error_code"]) in (("failed", "conflict"), ("failed", "invalid_request")), task


def pages(github, operation):
    """(a recorded session with its first page in front, all that is on its pages)."""
    for first in recordings(github, operation, 200):
        if "page=" in first.target.replace("per_page=", ""):
            continue
        scene = [first] + [e for e in session(github, first) if e.method == "GET" and e.target != first.target]
        if not all("number" in item for item in first.json()):
            continue  # cut down by hand
        items, page = [], first
        while page is not None:
            items += page.json()
            target = next((part[1 : part.index(">")].removeprefix("https://api.github.com")
                           for part in page.headers.get("link", "").split(", ") if 'rel="next"' in part), None)  # fmt: skip
            page = next((e for e in scene if e.target == target), None)
        yield first, scene, items


def test_lists_of_issues(api, github):
    lists = pieces = 0
    for first, scene, items in pages(github, "GET /repos/{owner}/{repo}/issues"):
        listed = done(api, github, scene, first.repo, "list_issues", limit=500)
        wanted = [item for item in items if "pull_request" not in item]
        assert [issue["number"] for issue in listed["issues"]] == [issue["number"] for issue in wanted], first.file
        same({"all": listed["issues"]}, {"all": wanted}, {"all": BRIEF}, first.file)
        lists, pieces = lists + 1, pieces + len(wanted)
    assert lists > 10 and pieces > 50


def test_lists_of_pull_requests(api, github):
    count = 0
    for first, scene, items in pages(github, "GET /repos/{owner}/{repo}/pulls"):
        listed = done(api, github, scene, first.repo, "list_prs", limit=500)
        same(listed, {"pulls": items}, {"pulls": PULLS}, first.file)
        count += len(items)
    assert count > 20


def test_issues_with_their_comments(api, github):
    comments = recordings(github, "GET /repos/{owner}/{repo}/issues/{issue_number}/comments", 200)
    found = recordings(github, "GET /repos/{owner}/{repo}/issues/{issue_number}", 200)
    for exchange, said in zip(found, itertools.cycle(comments)):
        shown = done(api, github, [exchange, said], exchange.repo, "get_issue", issue_number=1)
        same(shown, exchange.json(), ISSUE, exchange.file)
        if exchange.json()["comments"] > 0:
            same(shown, {"comment_list": said.json()}, {"comment_list": COMMENT}, said.file)
    assert len(found) > 10 and len(comments) >= 3


def test_files_and_folders(api, github):
    kinds = set()
    for exchange in recordings(github, "GET /repos/{owner}/{repo}/contents/{path}", 200):
        path, theirs = exchange.path.split("/contents/")[1], exchange.json()
        task = ask(api, github, [exchange], exchange.repo, "read_file", path=path)
        if isinstance(theirs, list):
            kinds.add("folder")
            assert task["status"] == "failed" and "is a folder" in task["error"], task
        elif theirs["type"] == "file" and theirs["encoding"] == "base64":
            kinds.add("file")
            read = base64.b64decode(theirs["content"])
            mine = task["result"]
            assert read == (mine["content"].encode() if "content" in mine else base64.b64decode(mine["content_base64"]))
            same(mine, theirs, dict.fromkeys(("path", "sha", "size", "html_url")), exchange.file)
        else:
            kinds.add(theirs["type"])
            assert task["status"] == "failed" and theirs["type"] in task["error"], task
    assert kinds >= {"file", "folder"}


def first(github, operation, status=200):
    return recordings(github, operation, status)[0]


def test_what_was_made_and_changed(api, github):
    issues, comments = "/repos/{owner}/{repo}/issues", "/repos/{owner}/{repo}/issues/{issue_number}/comments"
    issue = "/repos/{owner}/{repo}/issues/{issue_number}"
    for exchange in recordings(github, f"POST {issues}", 201):
        scene = [exchange, first(github, f"GET {issues}")]
        same(done(api, github, scene, exchange.repo, "create_issue", title="T"), exchange.json(), ISSUE, exchange.file)
    for exchange in recordings(github, f"POST {comments}", 201):
        scene = [exchange, first(github, f"GET {comments}")]
        made = done(api, github, scene, exchange.repo, "comment_issue", issue_number=1, body="B")
        same(made, exchange.json(), COMMENT, exchange.file)
    for exchange in recordings(github, f"PATCH {issue}", 200):
        made = done(api, github, [exchange], exchange.repo, "update_issue", issue_number=1, title="T")
        same(made, exchange.json(), ISSUE, exchange.file)


def test_pull_requests_opened_and_merged(api, github):
    pulls, one = "/repos/{owner}/{repo}/pulls", "/repos/{owner}/{repo}/issues/{issue_number}"
    dress = [first(github, f"POST {one}/labels"), first(github, f"POST {one}/assignees", 201),
             *github.kinds[f"POST {pulls}/{{pull_number}}/requested_reviewers", 201]]  # fmt: skip
    opened = recordings(github, f"POST {pulls}", 201)
    for exchange in opened:
        nothing = Exchange("", "GET", f"/repos/{exchange.repo}/pulls", 200, [], b"[]")
        made = done(api, github, [exchange, nothing, *dress], exchange.repo, "create_pr", title="T", head="h", base="b",
                    labels=["l"], assignees=["a"], reviewers=["r"])  # fmt: skip
        same(made, exchange.json(), PULL, exchange.file)
    read = recordings(github, f"GET {pulls}/{{pull_number}}", 200)
    still = next(e for e in read if not e.json()["merged"])
    merges = recordings(github, f"PUT {pulls}/{{pull_number}}/merge", 200)
    for exchange in merges:
        merged = done(api, github, [exchange, still], exchange.repo, "merge_pr", pull_number=1)
        same(merged, exchange.json(), dict.fromkeys(("merged", "sha", "message")), exchange.file)
    for exchange in read:
        if exchange.json()["merged"]:
            merged = done(api, github, [exchange], exchange.repo, "merge_pr", pull_number=1)
            assert merged["merged"] is True and merged.get("sha") == exchange.json().get("merge_commit_sha")
    assert opened and merges


def test_commits_by_the_git_data_api(api, github):
    git = "/repos/{owner}/{repo}/git"
    parts = [(f"GET {git}/ref/{{ref}}", 200), (f"GET {git.removesuffix('/git')}/commits", 200), (f"POST {git}/blobs", 201),
             (f"POST {git}/trees", 201), (f"POST {git}/commits", 201), (f"PATCH {git}/refs/{{ref}}", 200)]  # fmt: skip
    found = [recordings(github, *part) for part in parts]
    for i in range(max(map(len, found))):
        scene = [several[i % len(several)] for several in found]
        files = [{"path": "a.bin", "content_base64": "AP8B"}, {"path": "a.txt", "content": "a"}]
        made = done(api, github, scene, "me/shop", "commit_files", branch="b", message="M", files=files)
        assert made["sha"] == scene[4].json()["sha"]
    for exchange in recordings(github, f"POST {git}/refs", 201):
        missing = Exchange("", "GET", "/repos/me/shop/git/ref/heads/new", 404, [], b'{"message":"Not Found"}')
        scene = [*(several[0] for several in found), exchange, missing]
        made = done(api, github, scene, "me/shop", "commit_files", branch="new", base="b", message="M", files=files)
        assert made["sha"] == found[4][0].json()["sha"]


def test_refusals_keep_githubs_words(api, github):
    refused = {(e.status, e.body): e for e in github.all if e.status >= 400}
    limits = iter(("FIRST", "SECOND"))
    for exchange in refused.values():
        answer = exchange._replace(method="GET", target="/repos/me/shop")
        limited = "retry-after" in exchange.headers or exchange.headers.get("x-ratelimit-remaining") == "0"
        token = {"token": f"${{secret:{next(limits)}}}"} if limited else {}
        task = ask(api, github, [answer], "me/shop", "get_repo", **token)
        code = "rate_limited" if limited else CODES[exchange.status]
        assert (task["status"], task["error_code"]) == ("failed", code), (exchange, task)
        try:
            words = exchange.json().get("message", "no message")
        except json.JSONDecodeError:
            words = "no JSON"
        words = words.split("\n")[0]
        assert words in task["error"], (exchange, task)
    assert len(refused) > 30
    assert next(limits, None) is None
