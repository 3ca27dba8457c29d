"""clone and commit_and_push: git itself against git http-backend, with nothing of the machine's own git."""

import base64
import contextlib
import sys
import threading
import time
from pathlib import Path

import pytest
from client import Client
from server import ROOT, NimaServer

sys.path.insert(0, str(ROOT / "tests" / "support" / "github"))

from opened import opened  # noqa: E402

TASKS = "/v1/tasks"
PATIENCE_S = 60
TOKEN = "github_pat_11AABBCC_gitgitgit"
READER = "github_pat_reader_9876543210"


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("github")) as double:
        double.tokens = {TOKEN: None, READER: {"metadata=read", "contents=read"}}
        yield double
        assert double.problems == []


@pytest.fixture(scope="module")
def env(github, tmp_path_factory):
    """A person's git of this machine that would end every run, were it read."""
    home = tmp_path_factory.mktemp("home")
    hooks = home / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "pre-push", "post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {home}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(f"[core]\n\thooksPath = {hooks}\n[commit]\n\tgpgSign = true\n[user]\n\tname = Somebody\n")
    yield {
        "GITHUB_API_URL": github.url, "NIMA_SECRET_GITHUB_TOKEN": TOKEN, "NIMA_SECRET_READER": READER,
        "NIMA_TASKS_GITHUB_PERMISSION": "allow", "NIMA_TASKS_LEASE_S": "2", "HOME": str(home), "GIT_TRACE": "1",
        "http_proxy": "http://127.0.0.1:9/", "NIMA_TASKS_GITHUB_AUTHOR": "Ada Lovelace <ada@example.com>",
        "NIMA_TASKS_GITHUB_SIGNOFF": "true",
    }  # fmt: skip
    assert not (home / "ran").exists()


@pytest.fixture(scope="module")
def server(env, tmp_path_factory):
    with NimaServer(env=env, data=tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture
def api(server):
    return Client(server)


@pytest.fixture
def files(server):
    return Path(server.data) / "files"


@pytest.fixture
def repo(github):
    github.seen.clear()
    github.plan.clear()
    return github.repo(f"me/git-{len(github.repos)}")


def ask(api, repo, action, *, expect=200, dry_run=False, **params):
    body = {"type": "github", "action": action, "params": {"repo": repo.name, **params}, "max_attempts": 3}
    target = f"{TASKS}/execute" + ("" if dry_run else f"?wait={PATIENCE_S}")
    return api.post(target, body | ({"dry_run": True} if dry_run else {}), expect=expect).json()


def done(api, repo, action, **params):
    task = ask(api, repo, action, **params)
    assert task["status"] == "completed", (task["error"], task)
    return task["result"]


def refused(api, repo, action, code, says, **params):
    task = ask(api, repo, action, **params)
    assert (task["status"], task["error_code"]) == ("failed", code) and says in task["error"], task


def wait_until(condition, what):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def read_all(name):
    """Of each process that is there and may be looked at."""
    found = {}
    for entry in Path("/proc").glob(f"[0-9]*/{name}"):
        with contextlib.suppress(OSError):
            found[entry.parent.name] = entry.read_bytes()
    return found


def folder(repo):
    return repo.name.replace("/", "-")


def test_from_a_clone_to_a_push(api, repo, files):
    cloned = done(api, repo, "clone", path=folder(repo))
    there = files / folder(repo)
    assert cloned["branch"] == "main" and cloned["sha"] == repo.sha("main") and cloned["files"] == 1
    assert [path.name for path in there.iterdir()] == ["README.md"], "git's own folder is not below the roots"
    (there / "README.md").write_text("# Shop\n\nThe best shop.\n")
    (there / "new").mkdir()
    (there / "new" / "a.txt").write_text("a\n")
    would = ask(api, repo, "commit_and_push", path=folder(repo), message="Fix the typo", dry_run=True)["result"]["would"]
    assert "-Teh best shop.\n+The best shop." in would["diff"] and "b/new/a.txt" in would["diff"]
    assert would["from"] == cloned["sha"] == repo.sha("main") and would["branch"] == "main"
    task = ask(api, repo, "commit_and_push", path=folder(repo), message="Fix the typo", branch="nima/typo")
    assert task["status"] == "completed", task
    made = task["result"]
    assert made["sha"] == repo.sha("nima/typo") and made["html_url"].endswith(f"/{repo.name}/commit/{made['sha']}")
    assert repo.sha("main") == cloned["sha"] and repo.text("new/a.txt", "nima/typo") == "a\n"
    said = repo.git("log", "-1", "--format=%an <%ae>|%cn <%ce>|%P|%B", "nima/typo")
    who = "Ada Lovelace <ada@example.com>"
    assert said == f"{who}|{who}|{cloned['sha']}|Fix the typo\n\nNima-Task: {task['id']}\nSigned-off-by: {who}"
    assert would["message"].replace("{task}", task["id"]).strip() == said.split("|")[3]
    (there / "new" / "a.txt").unlink()
    (there / "b.txt").write_text("b\n")
    second = done(api, repo, "commit_and_push", path=folder(repo), message="One", paths=["new"])
    assert repo.git("show", "--name-status", "--format=", second["sha"]) == "D\tnew/a.txt"
    refused(api, repo, "commit_and_push", "conflict", "nothing to commit", path=folder(repo), message="No", paths=["README.md"])
    assert done(api, repo, "create_pr", title="Fix", head="nima/typo")["number"] == 1


def test_what_is_refused(api, github, repo, files):
    name = folder(repo)
    refused(api, repo, "commit_and_push", "not_found", "cloned into", path=name, message="m")
    refused(api, repo, "clone", "not_found", "has no branch", path=name, branch="nowhere")
    refused(api, repo, "clone", "invalid_request", "not the root", path=".")
    for path in ("../out", "/tmp/out", "a/../../out"):
        refused(api, repo, "clone", "invalid_request", "path", path=path)
    done(api, repo, "clone", path=name)
    refused(api, repo, "clone", "conflict", "is not empty", path=name)
    other = github.repo("me/another")
    refused(api, other, "commit_and_push", "not_found", "cloned into", path=name, message="m")
    (files / name / "a.txt").write_text("a\n")
    repo.git("update-ref", "refs/heads/main", repo.commit("Meanwhile", "main^{tree}", [repo.sha("main")]))
    refused(api, repo, "commit_and_push", "conflict", "new folder", path=name, message="m")
    repo.git("config", "receive.denyCurrentBranch", "refuse")
    hook = repo.path / "hooks" / "pre-receive"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho 'Protected branch'\nexit 1\n")
    hook.chmod(0o755)
    refused(api, repo, "commit_and_push", "forbidden", "hook declined", path=name, message="m", branch="kept")
    hook.unlink()
    done(api, repo, "commit_and_push", path=name, message="m", branch="kept")
    assert repo.git("rev-list", "--count", "kept") == "2", "what was refused is not pushed with the next"
    body = {"type": "github", "action": "commit_and_push", "params": {"repo": repo.name, "path": name, "message": "m"}}
    for params, field in (({"paths": ["${secret:GITHUB_TOKEN}"]}, "params"), ({"branch": "--all"}, "params.branch")):
        assert api.post(f"{TASKS}/execute", body | {"params": body["params"] | params}, expect=422).field == field


# Links are files here, and what git would run is nowhere below the roots.
def test_a_repository_that_means_harm(api, repo, files, tmp_path):
    trap = tmp_path / "trap"
    link = repo.blob(b"/etc")
    tree = repo.tree("main", [
        {"path": "link", "mode": "120000", "sha": link},
        {"path": ".gitattributes", "mode": "100644", "content": "* filter=x diff=x\n"},
        {"path": ".gitmodules", "mode": "100644", "content": '[submodule "s"]\n\tpath = s\n\turl = /etc\n\tupdate = !touch x\n'},
    ])  # fmt: skip
    repo.git("update-ref", "refs/heads/main", repo.commit("Harm", tree, [repo.sha("main")]))
    name = folder(repo)
    task = ask(api, repo, "clone", path=name)
    if task["status"] == "failed":  # git itself refuses such a .gitmodules
        assert "gitmodules" in task["error"] and not any(path.is_symlink() for path in files.rglob("*"))
        return
    there = files / name
    assert not (there / "link").is_symlink() and (there / "link").read_text() == "/etc"
    (there / ".git").mkdir()
    (there / ".git" / "config").write_text(f"[core]\n\tfsmonitor = touch {trap}\n[filter \"x\"]\n\tclean = touch {trap}\n")
    (there / "a.txt").write_text("a\n")
    made = done(api, repo, "commit_and_push", path=name, message="m", branch="b")
    assert repo.git("show", "--name-status", "--format=", made["sha"]) == "A\ta.txt" and not trap.exists()


def test_files_that_are_denied_are_not_pushed(env, repo, tmp_path):
    with NimaServer(env=env | {"NIMA_TASKS_DENY": "file.read_file:**/secret*,file.write_file:closed/**"}, data=tmp_path) as server:
        api = Client(server)
        refused(api, repo, "clone", "forbidden", "tasks.deny", path="closed/shop")
        done(api, repo, "clone", path="shop")
        (tmp_path / "files" / "shop" / "secret.txt").write_text("s\n")
        refused(api, repo, "commit_and_push", "forbidden", "tasks.deny", path="shop", message="m")
        assert repo.git("rev-list", "--count", "--all") == "1"


def test_rights_and_faults_of_the_other_side(api, github, repo, files):
    name = folder(repo)
    github.plan.append({"method": "GET", "path": r"\.git/info/refs", "status": 503})
    task = ask(api, repo, "clone", path=name)
    assert (task["status"], task["attempts"]) == ("completed", 2), task["error"]
    (files / name / "a.txt").write_text("a\n")
    refused(api, repo, "commit_and_push", "forbidden", "403", path=name, message="m", token="${secret:READER}")
    github.plan.append({"method": "GET", "path": r"\.git/info/refs", "status": 401})
    refused(api, repo, "commit_and_push", "unauthorized", "git: ", path=name, message="m")
    assert repo.git("rev-list", "--count", "--all") == "1"


# Its answer is lost after the work was done: the commit is found by its trailer and is there once.
def test_a_lost_push_doubles_nothing(api, github, repo, files):
    name = folder(repo)
    done(api, repo, "clone", path=name)
    (files / name / "a.txt").write_text("a\n")
    github.plan.append({"method": "POST", "path": "git-receive-pack"})
    task = ask(api, repo, "commit_and_push", path=name, message="Once", branch="b")
    assert task["status"] == "completed", task["error"]
    assert repo.git("rev-list", "--count", "b") == "2" and task["result"]["sha"] == repo.sha("b")


def test_a_killed_server_clones_and_pushes_once(env, github, repo, tmp_path):
    name = folder(repo)

    def killed_in(server, method, path, body):
        fault = {"method": method, "path": path, "hold": threading.Event(), "held": threading.Event()}
        github.plan.append(fault)
        task = Client(server).post(f"{TASKS}/execute", {"type": "github", "max_attempts": 3, **body}, expect=202).json()
        assert fault["held"].wait(PATIENCE_S)
        lines = read_all("cmdline")
        assert any(b"git" in line and repo.name.encode() in line for line in lines.values()), "git is at work"
        assert not any(TOKEN.encode() in line for line in lines.values())
        given = [read_all("environ").get(pid, b"") for pid, line in lines.items() if b"git" in line and repo.name.encode() in line]
        assert not any(word in one for one in given for word in (READER.encode(), b"NIMA_SECRET"))
        server.kill()
        fault["hold"].set()
        server.start()
        server.wait_ready()
        api = Client(server)
        wait_until(lambda: api.get(f"{TASKS}/{task['id']}/status").json()["status"] in ("completed", "failed"), "it was not taken up")
        return api.get(f"{TASKS}/{task['id']}/status").json()

    with NimaServer(env=env, data=tmp_path) as server:
        params = {"repo": repo.name, "path": name}
        task = killed_in(server, "POST", "git-upload-pack", {"action": "clone", "params": params})
        assert task["status"] == "completed", task["error"]
        (tmp_path / "files" / name / "a.txt").write_text("a\n")
        task = killed_in(server, "POST", "git-receive-pack",
                         {"action": "commit_and_push", "params": params | {"message": "Once", "branch": "b"}})  # fmt: skip
        assert task["status"] == "completed", task["error"]
        assert repo.git("rev-list", "--count", "b") == "2" and repo.text("a.txt", "b") == "a\n"


# Everything that is written in a whole run, by anybody, and what the model is asked.
def test_the_token_is_nowhere(env, github, repo, tmp_path):
    data = tmp_path / "data"
    with NimaServer(env=env | {"NIMA_LOG_LEVEL": "debug", "TMPDIR": str(tmp_path)}, data=data) as server:
        api = Client(server)
        done(api, repo, "clone", path="shop")
        (data / "files" / "shop" / "a.txt").write_text("a\n")
        done(api, repo, "commit_and_push", path="shop", message="m", branch="b")
        done(api, repo, "create_pr", title="T", head="b")
        ask(api, repo, "get_issue", issue_number=404)
        ask(api, repo, "commit_and_push", path="shop", message="m", token="${secret:READER}")
        ask(api, repo, "clone", path="shop2", dry_run=True)
        echo = f"what is {TOKEN} or {base64.b64encode(TOKEN.encode()).decode()}?"
        github.plan.append({"method": "POST", "path": f"{repo.name}/issues$", "status": 422, "message": echo})
        task = ask(api, repo, "create_issue", title="T")
        assert task["status"] == "failed" and "what is" in task["error"], task
        hook = repo.path / "hooks" / "pre-receive"
        hook.parent.mkdir()
        hook.write_text(f"#!/bin/sh\necho '{echo}'\nexit 1\n")
        hook.chmod(0o755)
        (data / "files" / "shop" / "b.txt").write_text("b\n")
        refused(api, repo, "commit_and_push", "forbidden", "hook declined", path="shop", message="m", branch="c")
        said = api.chat(f"/task github.get_repo repo={repo.name}", expect=200).text
        said += api.chat(f"/task github.create_issue repo={repo.name} title=T", expect=200).text
        said += api.chat("[[recall]] What did you just do on GitHub?", expect=200).text
        told = said + api.get(f"{TASKS}/history").text + api.get(f"{TASKS}/audit").text + server.stderr()
        told += api.get("/v1/conversations").text
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"nima-whole" not in written and len(written) > 1000
    for token in (TOKEN, READER):
        for form in (token, base64.b64encode(token.encode()).decode(), base64.b64encode(f"x-access-token:{token}".encode()).decode()):
            assert form not in told and form.encode() not in written
