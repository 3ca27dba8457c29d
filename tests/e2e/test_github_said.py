"""An issue and a pull request out of a conversation with the default model, and what is remembered of them."""

import sys

import pytest
from client import Client
from conftest import DEFAULT, EMBEDDINGS
from server import ROOT, NimaServer, release_binary

sys.path.insert(0, str(ROOT / "tests" / "support" / "github"))

from opened import opened  # noqa: E402

TOKEN = "github_pat_11AABBCC_endtoend"


def agreed(api, github, message):
    """(what was proposed, what was said when it was done), after a yes."""
    body = api.chat(message).json()
    assert [action["status"] for action in body["actions"]] == ["awaiting_approval"], body["response"]
    assert github.done == [], "nothing before the yes"
    after = api.chat("yes", conversation_id=body["conversation_id"]).json()
    assert [action["status"] for action in after["actions"]] == ["completed"], after["response"]
    task = body["actions"][0]["id"]
    for method, path, data, _ in github.done[:1]:
        assert f"{method} {github.url}{path}\n{data.decode().replace(task, '{task}')}" in body["response"]
    github.done.clear()
    return body["response"], after["response"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_issue_and_a_pull_request_from_a_sentence_to_what_is_remembered(tmp_path, need_model):
    need_model(DEFAULT, EMBEDDINGS)
    with opened(tmp_path / "github") as github:
        github.tokens = {TOKEN: None}
        repo = github.repo("ada/shop")
        env = {"GITHUB_API_URL": github.url, "NIMA_SECRET_GITHUB_TOKEN": TOKEN}
        more = {"llm": f"local:{DEFAULT}", "embeddings": f"local:{EMBEDDINGS}", "binary": release_binary(), "ready_s": 240}
        with NimaServer(env=env, **more) as server:
            api = Client(server)
            _, said = agreed(api, github, "Hi! Could you open an issue in ada/shop that the cart loses items when it is reloaded?")
            assert repo.issues[1]["title"] == "The cart loses items when it is reloaded" and repo.issues[1]["html_url"] in said
            shown, said = agreed(api, github, 'Make a PR that fixes the typo "Teh" in README of ada/shop, it should be "The".')
            assert "-Teh best shop.\n+The best shop." in shown and repo.pulls[2]["html_url"] in said
            assert repo.text("README.md", repo.pulls[2]["head"]) == "# Shop\n\nThe best shop.\n"
            for what, page in (("issue", repo.issues[1]["html_url"]), ("pull request", repo.pulls[2]["html_url"])):
                question = f"Where can I see the {what} that you opened in ada/shop?"
                asked = {"messages": [{"role": "user", "content": question}], "max_length": 80, "temperature": 0}
                body = api.post("/v1/chat", asked, expect=200, timeout=800).json()
                facts = " ".join(fact["fact"] for fact in body["context"]["facts"])
                assert "github.create_issue" in facts and "github.create_pr" in facts, facts
                print(body["response"])
                assert body["actions"] == [] and page in body["response"], body["response"]
        assert github.problems == []
