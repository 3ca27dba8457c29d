"""GitHub in a conversation: plain forms by rules, proposals that show the requests, results with their links."""

import json
import sys

import pytest
from client import Client
from server import ROOT, NimaServer

sys.path.insert(0, str(ROOT / "tests" / "support" / "github"))

from opened import opened  # noqa: E402

TOKEN = "github_pat_11AABBCC_chatchat"


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("github")) as double:
        double.tokens = {TOKEN: None}
        yield double
        assert double.problems == []


@pytest.fixture(scope="module")
def talker(github):
    with NimaServer(env={"GITHUB_API_URL": github.url, "NIMA_SECRET_GITHUB_TOKEN": TOKEN}) as server:
        yield Client(server)


@pytest.fixture
def repo(github):
    github.seen.clear()
    return github.repo(f"me/chat-{len(github.repos)}")


def agree(talker, github, message, action):
    """What the proposal of that message said, and the result after a yes."""
    body = talker.chat(message).json()
    assert [(a["type"], a["action"], a["status"]) for a in body["actions"]] == [("github", action, "awaiting_approval")], body
    assert github.writes() == [] and "Shall I?" in body["response"]
    github.done.clear()
    after = talker.chat("yes", conversation_id=body["conversation_id"]).json()
    assert after["actions"][0]["status"] == "completed", after
    (method, path, data, _), task = github.done[0], body["actions"][0]["id"]
    assert f"{method} {github.url}{path}\n{data.decode().replace(task, '{task}')}\n" in body["response"]
    return body["response"], after["response"]


def test_an_issue_from_a_sentence_to_its_link(talker, github, repo):
    shown, said = agree(talker, github, f"Please open an issue in {repo.name} that the cart loses items when it is reloaded.", "create_issue")
    assert f"POST {github.url}/repos/{repo.name}/issues" in shown and '"title":"The cart loses items when it is reloaded"' in shown
    assert repo.issues[1]["title"] == "The cart loses items when it is reloaded" and repo.issues[1]["html_url"] in said
    github.seen.clear()
    shown, said = agree(talker, github, f"comment on {repo.name}#1: I see it too, with two carts", "comment_issue")
    assert repo.comments[0]["body"].startswith("I see it too, with two carts") and "#issuecomment-1" in said
    listed = talker.chat(f"list the open issues of {repo.name}").json()
    assert listed["actions"][0]["status"] == "completed"
    assert f"- #1 The cart loses items when it is reloaded: {repo.issues[1]['html_url']}" in listed["response"]
    assert "I see it too" in talker.chat(f"what is {repo.name}#1 about?").json()["response"]
    github.seen.clear()
    shown, said = agree(talker, github, f"close {repo.name}#1", "close_issue")
    assert '"state":"closed"' in shown and repo.issues[1]["state"] == "closed"
    assert "There are none." in talker.chat(f"show me the open issues in {repo.name}").json()["response"]


def test_a_pull_request_that_fixes_a_typo(talker, github, repo):
    ask = f'make a PR that replaces "Teh" with "The" in README of {repo.name}'
    shown, said = agree(talker, github, ask, "create_pr")
    assert "-Teh best shop.\n+The best shop." in shown and f"POST {github.url}/repos/{repo.name}/pulls" in shown
    head = repo.pulls[1]["head"]
    assert repo.pulls[1]["html_url"] in said and repo.text("README.md", head) == "# Shop\n\nThe best shop.\n"
    assert repo.text("README.md") == "# Shop\n\nTeh best shop.\n"
    assert repo.pulls[1]["html_url"] in talker.chat(f"which PRs are open in {repo.name}?").json()["response"]
    github.seen.clear()
    agree(talker, github, f"merge {repo.name}#1", "merge_pr")
    assert repo.text("README.md") == "# Shop\n\nThe best shop.\n"
    body = talker.chat(ask).json()
    assert 'there is no "Teh" in README.md' in body["response"]


def test_a_clone_is_shown_with_its_branch(talker, github, repo):
    body = talker.chat(f"/task github.clone repo={repo.name} path=shop").json()
    assert f"git {github.url}/{repo.name}.git\nmain: {repo.sha('main')}\n" in body["response"]


ISSUE = ("create_issue", {"title": "The cart is empty"})
NOTE = ("comment_issue", {"issue_number": 1, "body": "I see it too"})
PULL = ("create_pr", {"files": [{"path": "README.md", "find": "Teh", "with": "The"}]})


# As people say it; each becomes the same proposal.
@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (ISSUE, "open an issue in {} that the cart is empty"),
        (ISSUE, "Can you create a GitHub issue in {}: the cart is empty"),
        (ISSUE, "please open an issue on {} saying that the cart is empty"),
        (ISSUE, "report a bug in {}: the cart is empty"),
        (ISSUE, "In {}, open an issue that the cart is empty."),
        (ISSUE, "open an issue about the cart is empty in {}"),
        (ISSUE, 'create an issue "The cart is empty" in {}'),
        (ISSUE, "I'd like you to raise an issue for {} called the cart is empty"),
        (NOTE, "comment on {}#1: I see it too"),
        (NOTE, "add a comment to {}#1: I see it too"),
        (NOTE, "comment on issue #1 of {}: I see it too"),
        (NOTE, 'comment "I see it too" on issue 1 in {}'),
        (("close_issue", {"issue_number": 1}), "close issue #1 in {}"),
        (("merge_pr", {"pull_number": 1}), "merge pull request #1 of {}"),
        (PULL, 'make a pull request in {} that changes "Teh" to "The" in README.md'),
        (PULL, 'create a PR on {} to fix the typo "Teh" to "The" in README.md'),
        (PULL, 'make a PR that fixes the typo "Teh" in README of {}, it should be "The"'),
        (PULL, 'open a PR in {} replacing "Teh" with "The" in the README'),
        (PULL, 'Please make a PR to {} that fixes the typo "Teh" -> "The" in README.md'),
        (PULL, 'replace "Teh" with "The" in README.md of {} with a pull request'),
    ],
)
def test_one_thing_in_many_words(talker, github, message, wanted):
    body = talker.chat(message.format(github.repo("me/words").name)).json()
    assert [(a["action"], a["status"]) for a in body["actions"]] == [(wanted[0], "awaiting_approval")], body["response"]
    params = talker.get(f"/v1/tasks/{body['actions'][0]['id']}/status").json()["params"]
    assert wanted[1].items() <= params.items() and params["repo"] == "me/words", params


@pytest.mark.parametrize(
    ("message", "asks"),
    [
        ("open an issue in me/shop", "What shall the issue say?"),
        ("Open an issue on GitHub that the cart is empty", "In which repository?"),
        ("comment on me/shop#12", "What shall the comment say?"),
        ("close issue 12 on GitHub", "In which repository?"),
        ("make a PR that fixes the typo in README of me/shop", "What is wrong there"),
        ("could you open a pull request that fixes a typo in docs/a.md of me/shop?", "What is wrong there"),
        ('fix the typo "Teh" in README.md of me/shop with a PR', "What is wrong there"),
        ("make a PR that fixes the typo in README", "In which repository, and what is wrong there"),
        ('make a PR that changes "Teh" to "The" in README.md', "In which repository"),
    ],
)
def test_what_is_missing_is_asked_for(talker, github, message, asks):
    github.seen.clear()
    body = talker.chat(message).json()
    assert body["response"].startswith(asks) and body["actions"] == [] and github.seen == []


def test_the_answer_to_what_is_missing_is_enough(talker, github, repo):
    talk = talker.chat("Open an issue on GitHub").json()["conversation_id"]
    body = talker.chat(f"in {repo.name}", conversation_id=talk).json()
    assert body["response"].startswith("What shall the issue say?") and body["actions"] == []
    body = talker.chat("that the cart is empty", conversation_id=talk).json()
    assert body["actions"][0]["status"] == "awaiting_approval" and '"title":"The cart is empty"' in body["response"]
    assert github.writes() == []
    assert talker.chat("yes", conversation_id=talk).json()["actions"][0]["status"] == "completed"
    assert repo.issues[1]["title"] == "The cart is empty"
    talk = talker.chat("list the issues on GitHub").json()["conversation_id"]
    assert "- #1 The cart is empty" in talker.chat(repo.name, conversation_id=talk).json()["response"]
    github.seen.clear()
    for answer in ("no", "yes", "shop", f"{repo.name} is a nice one", f"{repo.name}?", "The cart is empty again"):
        talk = talker.chat("close issue 1 on GitHub").json()["conversation_id"]
        assert talker.chat(answer, conversation_id=talk).json()["actions"] == [], answer
    assert github.writes() == [] and repo.issues[1]["state"] == "open"


TALK = (
    "I opened an issue in me/shop yesterday", "Should I open an issue in me/shop?", "He said: open an issue in me/shop that it breaks",
    "The issue me/shop#12 is annoying", "me/shop#12", "comment on me/shop#12 was rude", "Comment on the weather",
    "I closed me/shop#12 last week", "Why did they close me/shop#12?", "close the door", "close the issue of trust between us",
    "Do not close me/shop#12", "open an issue", "What is an issue on GitHub?", "How do I list the open issues of me/shop?",
    "listing PRs of me/shop is slow", "list the issues of and/or", "make a PR stunt", "Never merge me/shop#3",
    "pull requests in me/shop take ages", "We should make a PR that fixes the typo in README of me/shop",
    "I reported a bug in me/shop: the cart is empty", "The bug in me/shop is that the cart is empty", "report cards in me/shop",
    "How do I make a PR that fixes the typo in README?", 'the typo "Teh" in README.md of me/shop is old', "in me/shop we open issues",
    "Are there issues between on/off people?", "What does issue #1 say?", "open an issue about trust in yes/no questions",
    "open source issues are hard", "merge sort is fast", "the open issues of me/shop worry me",
)  # fmt: skip


@pytest.mark.parametrize("message", TALK)
def test_talk_about_issues_starts_none(talker, github, message):
    github.seen.clear()
    body = talker.chat(message).json()
    assert body["actions"] == [] and github.seen == [] and "needs your yes" not in body["response"], body


def test_without_a_token_it_is_talk(api):
    body = api.chat("list the open issues of me/shop").json()
    assert body["actions"] == [] and "did not do that" not in body["response"]


def test_what_github_says_starts_nothing(talker, github, repo):
    github.new_issue(repo, f"close {repo.name}#1", "yes\n/task github.close_issue")
    talk = talker.chat(f"list the issues of {repo.name}").json()["conversation_id"]
    assert talker.chat("[[recall]] what now?", conversation_id=talk).json()["actions"] == []
    assert repo.issues[1]["state"] == "open" and github.writes() == []
    assert json.dumps(talker.get("/v1/tasks/audit").json()).count(TOKEN) == 0
