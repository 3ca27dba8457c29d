"""What the dry run of an action shows is what GitHub then gets, byte for byte; what is not known before stands in braces."""

import base64
import json
import sys
from pathlib import Path

import pytest
from client import Client
from server import ROOT, NimaServer

sys.path.insert(0, str(ROOT / "tests" / "support" / "github"))

from opened import opened  # noqa: E402

TASKS = "/v1/tasks"
PATIENCE_S = 60
TOKEN = "github_pat_11AABBCC_drydrydry"
ODD = 'It "breaks" \\ <b>/each</b> día 😀\u2028{"a": 1}'
FILES = [
    {"path": "README.md", "find": "Teh", "with": ODD},
    {"path": "a b/ñ.txt", "content": f"{ODD}\n\ttab\r\n"},
    {"path": "logo.bin", "content_base64": base64.b64encode(b"\x00\xff\x01").decode(), "executable": True},
    {"path": "old.txt", "delete": True},
]
CASES = {
    "create_issue": [
        {"title": "T"},
        {"title": ODD, "body": f"{ODD}\n\nText", "labels": ["bug", ODD], "assignees": ["ada", "octo"], "milestone": 3},
    ],
    "update_issue": [
        {"issue_number": 1, "title": ODD, "body": "", "labels": [], "assignees": []},
        {"issue_number": 1, "state": "closed", "state_reason": "duplicate", "milestone": 2},
    ],
    "close_issue": [{"issue_number": 1}, {"issue_number": 1, "comment": ODD, "state_reason": "not_planned"}],
    "comment_issue": [{"issue_number": 1, "body": f"{ODD}\n"}],
    "create_pr": [
        {"title": "T", "head": "ready"},
        {"title": ODD, "head": "new/ñ", "base": "main", "body": ODD, "draft": True, "labels": ["bug"], "assignees": ["ada"],
         "reviewers": ["ada", "octo"], "files": FILES, "message": f"{ODD}\n\nText"},
        {"title": "T", "head": "other", "labels": ["bug"]},
        {"title": "T", "head": "other", "files": [{"path": "more.txt", "content": "more\n"}], "reviewers": ["ada"]},
    ],
    "merge_pr": [{"pull_number": 2}, {"pull_number": 2, "merge_method": "squash", "commit_title": ODD, "commit_message": ODD}],
    "commit_files": [
        {"message": ODD, "files": FILES},
        {"message": "One", "branch": "new", "base": "ready", "files": [{"path": "README.md", "content": ""}]},
    ],
}  # fmt: skip
BY_GIT = {"clone", "commit_and_push"}  # below


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("github")) as double:
        double.tokens = {TOKEN: None}
        yield double
        assert double.problems == []


@pytest.fixture(scope="module")
def server(github):
    env = {
        "GITHUB_API_URL": github.url, "NIMA_SECRET_GITHUB_TOKEN": TOKEN, "NIMA_TASKS_GITHUB_PERMISSION": "allow",
        "NIMA_TASKS_GITHUB_SIGNOFF": "true",
    }  # fmt: skip
    with NimaServer(env=env) as server:
        yield server


@pytest.fixture
def api(server):
    return Client(server)


@pytest.fixture
def repo(github):
    """An issue, and two branches; one has its pull request, the other one too."""
    repo = github.repo(f"me/dry-{len(github.repos)}")
    github.new_issue(repo, "There", "Text")
    tree = repo.tree("main", [{"path": "old.txt", "mode": "100644", "content": "old\n"}])
    repo.git("update-ref", "refs/heads/main", repo.commit("Old", tree, [repo.sha("main")]))
    tree = repo.tree("main", [{"path": "a.txt", "mode": "100644", "content": "a\n"}])
    for branch in ("ready", "other", "merged"):
        repo.git("update-ref", f"refs/heads/{branch}", repo.commit(branch, tree, [repo.sha("main")]))
    for branch in ("merged", "other"):
        github.pulls_create(repo, None, None, {"title": branch, "head": branch, "base": "main"})
    github.seen.clear()
    github.done.clear()
    return repo


def ask(api, repo, action, params, **more):
    body = {"type": "github", "action": action, "params": {"repo": repo.name, **params}, **more}
    wait = "" if more else f"?wait={PATIENCE_S}"
    return api.post(f"{TASKS}/execute{wait}", body, expect=200)


def completed(api, repo, action, params):
    task = ask(api, repo, action, params).json()
    assert task["status"] == "completed", task
    return task


def requests_in(text):
    """[(method, url, the body's own characters)] of a dry run's answer."""
    at = text.index('"requests":[') + len('"requests":[')
    found = []
    while text[at] == "{":
        request, end = json.JSONDecoder().raw_decode(text, at)
        raw = text[at:end]
        found.append((request["method"], request["url"], raw[raw.index(',"body":') + len(',"body":') : -1] if "body" in request else ""))
        at = end + (text[end] == ",")
    return found


def test_each_action_that_writes_has_its_cases(api):
    github = next(i for i in api.get(f"{TASKS}/integrations").json() if i["type"] == "github")
    assert {action["name"] for action in github["actions"] if action["writes"]} == CASES.keys() | BY_GIT


@pytest.mark.parametrize(("action", "case"), [(action, i) for action, cases in CASES.items() for i in range(len(cases))])
def test_what_is_shown_is_what_is_sent(api, github, repo, action, case):
    params = CASES[action][case]
    dry = ask(api, repo, action, params, dry_run=True)
    assert github.writes() == [] and github.done == [], "a dry run changes nothing"
    shown = requests_in(dry.text)
    task = completed(api, repo, action, params)
    assert len(shown) == len(github.done) > 0
    known = {"{task}": task["id"], "{number}": str(max(repo.issues))}
    for i, (_, _, _, answer) in enumerate(github.done, 1):
        known[f"{{sha of {i}}}"] = answer["sha"] if "sha" in answer else ""
    for (method, url, body), (done_method, path, data, _) in zip(shown, github.done, strict=True):
        for brace, value in known.items():
            url, body = url.replace(brace, value), body.replace(brace, value)
        assert (method, url, body.encode()) == (done_method, github.url + path, data)


def blob(repo, *arguments):
    return repo.git(*arguments, check=False).stdout


def test_a_clone_is_the_branch_that_is_shown(api, server, github, repo):
    params = {"path": f"{repo.name}-clone", "branch": "ready"}
    would = ask(api, repo, "clone", params, dry_run=True).json()["result"]["would"]
    there = Path(server.data) / "files" / params["path"]
    assert not there.exists() and github.done == []
    made = completed(api, repo, "clone", params)["result"]
    assert (would["url"], would["branch"], would["path"], would["to"]) == (
        f"{github.url}/{repo.name}.git", made["branch"], made["path"], made["sha"])  # fmt: skip
    listed = blob(repo, "ls-tree", "-r", "-z", "--name-only", would["to"]).decode().split("\0")[:-1]
    assert sorted(listed) == sorted(str(path.relative_to(there)) for path in there.rglob("*") if path.is_file())
    assert all((there / name).read_bytes() == blob(repo, "cat-file", "blob", f"{would['to']}:{name}") for name in listed)


@pytest.mark.parametrize("more", [{}, {"branch": "new/ñ"}, {"paths": ["a b"]}])
def test_a_push_is_the_commit_that_is_shown(api, server, repo, more):
    params = {"path": f"{repo.name}-push"}
    completed(api, repo, "clone", params)
    there = Path(server.data) / "files" / params["path"]
    (there / "README.md").write_text(f"# Shop\n\n{ODD}\r\n")
    (there / "old.txt").unlink()
    (there / "a b").mkdir()
    (there / "a b" / "ñ.txt").write_text("no line's end")
    (there / "logo.bin").write_bytes(b"\x00\xff\x01")
    (there / "logo.bin").chmod(0o755)
    params |= {"message": f"{ODD}\n\nText", **more}
    would = ask(api, repo, "commit_and_push", params, dry_run=True).json()["result"]["would"]
    assert repo.git("rev-list", "--count", "--all") == "5", "a dry run changes nothing"
    task = completed(api, repo, "commit_and_push", params)
    sha = repo.sha(f"refs/heads/{would['branch']}")
    assert task["result"]["sha"] == sha and would["to"] == "{commit}"
    head, _, message = blob(repo, "cat-file", "commit", sha).partition(b"\n\n")
    assert f"\nparent {would['from']}\n".encode() in b"\n" + head
    assert would["message"].replace("{task}", task["id"]).encode() == message
    assert would["diff"].encode() == blob(repo, "diff-tree", "-p", "--no-color", would["from"], sha)
