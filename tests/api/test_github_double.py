"""The double of GitHub, proven by the clients that others wrote for GitHub itself: PyGithub and @octokit/rest."""

import json
import subprocess
import sys

import github as pygithub
import pytest
from server import ROOT

SUPPORT = ROOT / "tests" / "support" / "github"
sys.path.insert(0, str(SUPPORT))

from opened import NODE_MODULES, opened  # noqa: E402

TOKEN = "ghp_double_0123456789abcdef"
READER = "ghp_reader_0123456789abcdef"
AT_ONCE = {"seconds_between_requests": 0, "seconds_between_writes": 0}


@pytest.fixture
def double(tmp_path):
    with opened(tmp_path) as double:
        double.tokens = {TOKEN: None, READER: {"metadata=read", "issues=read"}}
        double.repo("me/shop")
        yield double
        assert double.problems == []


def client(double, token=TOKEN):
    return pygithub.Github(base_url=double.url, auth=pygithub.Auth.Token(token), retry=None, per_page=3, **AT_ONCE)


def test_pygithub_issues(double):
    repo = client(double).get_repo("me/shop")
    assert (repo.full_name, repo.default_branch) == ("me/shop", "main")
    issue = repo.create_issue("By PyGithub", body="Text", labels=["bug"], assignees=["octo"])
    assert (issue.title, issue.state, issue.labels[0].name, issue.assignees[0].login) == ("By PyGithub", "open", "bug", "octo")
    issue.create_comment("One")
    assert [comment.body for comment in issue.get_comments()] == ["One"]
    issue.edit(state="closed", state_reason="not_planned")
    assert repo.get_issue(1).state == "closed" and repo.get_issue(1).state_reason == "not_planned"
    for i in range(7):
        repo.create_issue(f"More {i}")
    titles = [issue.title for issue in repo.get_issues(state="all", direction="asc")]
    assert titles == ["By PyGithub", *(f"More {i}" for i in range(7))]
    assert len([1 for method, path, _, _ in double.seen if method == "GET" and "page=" in path]) >= 3


def test_pygithub_a_pull_request(double):
    repo = client(double).get_repo("me/shop")
    tip = repo.get_git_ref("heads/main").object.sha
    element = pygithub.InputGitTreeElement("a.txt", "100644", "blob", content="by PyGithub\n")
    tree = repo.create_git_tree([element], base_tree=pygithub.GitTree.GitTree(repo.requester, {}, {"sha": tip}, completed=True))
    parent = pygithub.GitCommit.GitCommit(repo.requester, {}, {"sha": tip}, completed=True)
    commit = repo.create_git_commit("Add a.txt", tree, [parent])
    repo.create_git_ref("refs/heads/pygithub", commit.sha)
    assert repo.get_contents("a.txt", ref="pygithub").decoded_content == b"by PyGithub\n"
    pull = repo.create_pull(title="A file", body="", head="pygithub", base="main")
    pull.create_review_request(reviewers=["ada"])
    assert [p.number for p in repo.get_pulls(state="open")] == [pull.number] and pull.head.ref == "pygithub"
    assert pull.merge().merged and repo.get_pull(pull.number).merged
    assert repo.get_contents("a.txt").decoded_content == b"by PyGithub\n"


def test_pygithub_refusals(double):
    repo = client(double).get_repo("me/shop")
    with pytest.raises(pygithub.UnknownObjectException) as missing:
        repo.get_issue(9999)
    assert missing.value.status == 404
    with pytest.raises(pygithub.GithubException) as invalid:
        repo.create_pull(title="No", body="", head="nowhere", base="main")
    assert invalid.value.status == 422 and invalid.value.data["errors"][0]["field"] == "head"
    with pytest.raises(pygithub.BadCredentialsException):
        client(double, "ghp_unknown_0123456789").get_repo("me/shop")
    with pytest.raises(pygithub.GithubException) as forbidden:
        client(double, READER).get_repo("me/shop").create_issue("No")
    assert forbidden.value.status == 403


def test_octokit(double):
    script = [str(SUPPORT / "octokit.mjs"), str(NODE_MODULES), double.url, TOKEN, "me/shop"]
    done = subprocess.run(["node", *script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "issue": ["By octokit", "open", "bug"], "comments": ["One"], "state": "closed",
        "titles": ["By octokit", *(f"More {i}" for i in range(7))], "file": "by octokit\n",
        "pull": ["octokit", "main", "open"], "reviewers": ["ada"], "merged": True, "missing": 404, "invalid": 422, "again": 405,
    }  # fmt: skip
