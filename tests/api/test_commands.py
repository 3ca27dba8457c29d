"""The commands beside `serve`, run as a person runs them: exit codes, one-line errors, pipes and a terminal."""

import hashlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
import requests
from server import MODELS, NimaServer, binary, clean_environment, ROOT, run_nima

COMMANDS = ["serve", "chat", "doctor", "models", "migrate", "token", "config", "openapi"]
SCRIPTED = ["--llm", "scripted:", "--embeddings", "scripted:"]
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HINT_FREE = ("ok  ", "WARN", "FAIL")


def failed(done, code, *words):
    """Nothing on standard output, one line of ours on standard error."""
    assert done.returncode == code, done
    assert not done.stdout, done.stdout
    lines = done.stderr.splitlines()
    assert lines and lines[0].startswith("nima: "), done.stderr
    assert "Sanitizer" not in done.stderr
    for word in words:
        assert str(word) in lines[0], (word, lines[0])


def one_line(done, code, *words):
    failed(done, code, *words)
    assert len(done.stderr.splitlines()) == 1, done.stderr


# --- what all have in common -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = run_nima(command, "--help")
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith(f"nima {command}")
    assert command in run_nima("--help").stdout


def test_no_command_and_a_wrong_one():
    done = run_nima()
    assert done.returncode == 2 and not done.stdout and "nima serve" in done.stderr
    one_line(run_nima("frobnicate"), 2, "frobnicate", "--help")
    assert re.fullmatch(r"nima \d+\.\d+\.\d+\n", run_nima("--version").stdout)


@pytest.mark.parametrize(
    "words",
    [
        ["models"], ["models", "push"], ["models", "pull"], ["models", "pull", "--x"], ["models", "list", "x"],
        ["migrate"], ["migrate", "down"], ["token"], ["token", "make"], ["token", "create"], ["token", "revoke"],
        ["config"], ["config", "set"], ["openapi", "x"],
    ],
)  # fmt: skip
def test_wrong_usage_shows_the_usage(words):
    failed(run_nima(*words), 2, "usage: nima " + words[0])


@pytest.mark.parametrize("command", ["doctor", "migrate status", "token list", "config show"])
def test_an_unknown_flag_is_wrong_usage(command):
    one_line(run_nima(*command.split(), "--prot", "1"), 2, "--prot")


@pytest.mark.parametrize("command", ["serve", "migrate status", "token list", "config show"])
def test_a_broken_config_stops_every_command(command, tmp_path):
    config = tmp_path / "nima.yaml"
    config.write_text("server:\n  prot: 1\n")
    one_line(run_nima(*command.split(), "--config", config), 2, f"{config}:2:3:", "server.port")


def test_config_example_is_the_shipped_file():
    assert run_nima("config", "example").stdout == (ROOT / "configs" / "nima.yaml").read_text()


def test_config_show_tells_where_a_value_comes_from(tmp_path):
    config = tmp_path / "nima.yaml"
    config.write_text('store:\n  data: "elsewhere"\nllm:\n  api_key: "hush"\n')
    env = {"NIMA_MEMORY_RECALL_LIMIT": "5", "NIMA_CONFIG": config}
    done = run_nima("config", "show", "--port", "9", "--origin", env=env)
    assert done.returncode == 0, done.stderr
    assert "server.port: 9  # --port" in done.stdout
    assert "memory.recall_limit: 5  # NIMA_MEMORY_RECALL_LIMIT" in done.stdout
    assert f"store.data: elsewhere  # {config}:2:" in done.stdout
    assert "server.workers: 8  # default" in done.stdout
    assert "hush" not in done.stdout and "llm.api_key: (set)" in done.stdout


def test_config_show_is_a_file_that_is_read_back(tmp_path):
    odd = 'a "quoted" \\ #name: [x] é'
    env = {"NIMA_LLM_API_KEY": "hush", "NIMA_STORE_DATA": tmp_path / odd, "NIMA_MEMORY_RECENCY_WEIGHT": "0.25",
           "NIMA_STORE": "postgres://nima:hush@localhost/nima"}  # fmt: skip
    shown = run_nima("config", "show", env=env)
    assert shown.returncode == 0 and "hush" not in shown.stdout, shown.stdout
    assert '  # api_key: "(set)" (the secret' in shown.stdout
    file = tmp_path / "nima.yaml"
    file.write_text(shown.stdout)
    secrets = {"NIMA_LLM_API_KEY": env["NIMA_LLM_API_KEY"], "NIMA_STORE": env["NIMA_STORE"]}
    again = run_nima("config", "show", "--config", file, env=secrets)
    assert again.stdout == shown.stdout, again.stderr


# --- models ----------------------------------------------------------------------------------------------------------


def test_models_list_and_the_scripts_exit_codes():
    done = run_nima("models", "list")
    assert done.returncode == 0, done.stderr
    assert "all-MiniLM-L6-v2" in done.stdout
    wrong = run_nima("models", "pull", "no-such-model")
    assert wrong.returncode == 1 and "no-such-model" in wrong.stderr


def test_models_without_python(tmp_path):
    one_line(run_nima("models", "list", env={"PATH": tmp_path}), 1, "python3", "apt-get install python3")


def test_models_far_from_its_script(tmp_path):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    copy = shutil.copy(binary(), tmp_path / "a" / "b" / "c" / "nima")
    done = subprocess.run([copy, "models", "list"], capture_output=True, text=True, cwd=tmp_path,
                          env=clean_environment(), timeout=60, check=False)  # fmt: skip
    one_line(done, 1, "scripts/models.py", "is missing")


# --- migrate ---------------------------------------------------------------------------------------------------------


def test_migrate_status_changes_nothing_and_up_applies(tmp_path):
    data = tmp_path / "data"
    done = run_nima("migrate", "status", "--data", data)
    assert done.returncode == 0 and "not yet" in done.stdout and "nima migrate up" in done.stdout
    assert not data.exists()
    up = run_nima("migrate", "up", "--data", data)
    assert up.returncode == 0, up.stderr
    assert "up to date" in up.stdout and "applied 0" not in up.stdout
    assert "applied 0, up to date" in run_nima("migrate", "up", "--data", data).stdout
    assert run_nima("migrate", "status", "--data", data).stdout.endswith("up to date\n")


def edit_store(data, sql):
    with sqlite3.connect(data / "nima.db") as db:
        db.execute(sql)
    db.close()


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1", "put the file back"),
        ("INSERT INTO schema_migrations (version, name, checksum, applied_at)"
         " SELECT 9000, '9000_later.sql', 'x', applied_at FROM schema_migrations LIMIT 1", "newer version"),
    ],
)  # fmt: skip
def test_an_edited_migration_and_a_newer_database(tmp_path, sql, word):
    assert run_nima("migrate", "up", "--data", tmp_path).returncode == 0
    edit_store(tmp_path, sql)
    one_line(run_nima("migrate", "status", "--data", tmp_path), 1, word)
    one_line(run_nima("migrate", "up", "--data", tmp_path), 1, word)
    report = doctor(tmp_path, code=1)
    assert word in report["store"]


def test_a_store_that_is_no_database(tmp_path):
    (tmp_path / "nima.db").write_bytes(b"no database at all, but long enough to be looked at " * 100)
    one_line(run_nima("migrate", "status", "--data", tmp_path), 1, "nima.db")
    assert doctor(tmp_path, code=1)["store"].startswith("fail")


# --- token -----------------------------------------------------------------------------------------------------------


def test_a_token_is_made_used_listed_and_revoked(tmp_path):
    made = run_nima("token", "create", "--user", "ana@example.org", "--data", tmp_path)
    assert made.returncode == 0, made.stderr
    token = made.stdout.split()[-1]
    assert re.fullmatch(r"nima_[A-Za-z0-9_-]{43}", token)
    token_id = re.search(UUID, made.stdout)[0]
    assert run_nima("token", "create", "--user", "somebody-else", "--data", tmp_path).returncode == 0
    with sqlite3.connect(tmp_path / "nima.db") as db:
        kept = [str(value) for row in db.execute("SELECT * FROM api_tokens") for value in row]
    db.close()
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert digest in kept and not any(token in value for value in kept)
    listed = run_nima("token", "list", "--data", tmp_path).stdout
    assert token_id in listed and "ana@example.org" in listed and "chat memory" in listed
    assert digest not in listed and token not in listed
    with NimaServer(data=tmp_path) as server:
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(server.url + "/v1/memory/facts", headers=headers, timeout=10).status_code == 200
        revoked = run_nima("token", "revoke", token_id, "--data", tmp_path)
        assert revoked.returncode == 0 and token_id in revoked.stdout
        assert requests.get(server.url + "/v1/memory/facts", headers=headers, timeout=10).status_code == 401
    after = run_nima("token", "list", "--data", tmp_path).stdout
    assert re.search(token_id + r".*\d{4}-\d\d-\d\d \d\d:\d\d$", after, re.MULTILINE)


def test_two_tokens_are_never_the_same(tmp_path):
    made = {run_nima("token", "create", "--user=a", "--data", tmp_path).stdout.split()[-1] for _ in range(5)}
    assert len(made) == 5


@pytest.mark.parametrize("user", ["", "a b", "x" * 65, "ana;", "änna", "a/b"])
def test_a_strange_user_is_refused(tmp_path, user):
    one_line(run_nima("token", "create", "--user", user, "--data", tmp_path), 2, "--user must be 1 to 64")
    assert not (tmp_path / "nima.db").exists()


def test_scopes(tmp_path):
    made = run_nima("token", "create", "--user", "a", "--scopes", "admin,chat chat", "--data", tmp_path)
    assert "(chat admin)" in made.stdout
    one_line(run_nima("token", "create", "--user", "a", "--scopes", "chat root", "--data", tmp_path), 2, '"root"')
    one_line(run_nima("token", "create", "--user", "a", "--scopes", " ", "--data", tmp_path), 2, "--scopes")


@pytest.mark.parametrize("token_id", ["nonsense", "01a204eb-f8be-7000-bdbe-2707cdefcafa"])
def test_revoking_what_is_not_there(tmp_path, token_id):
    one_line(run_nima("token", "revoke", token_id, "--data", tmp_path), 1, token_id, "nima token list")


# --- doctor ----------------------------------------------------------------------------------------------------------


def doctor(data, *arguments, code=0, llm=SCRIPTED, env=None):
    """The report as {check: "status message"}; a later line of the same check is added."""
    done = run_nima("doctor", "--json", "--data", data, "--port", 0, *llm, *arguments, env=env)
    assert done.returncode == code, done.stdout + done.stderr
    assert not done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] == (code == 0)
    lines = {}
    for item in report["checks"]:
        assert item["status"] in ("ok", "warn", "fail")
        lines[item["check"]] = lines.get(item["check"], "") + item["status"] + " " + item["message"]
    return lines


def test_doctor_of_a_healthy_set_up_changes_nothing(tmp_path):
    begun = time.monotonic()
    done = run_nima("doctor", "--data", tmp_path / "new", "--port", 0, *SCRIPTED)
    assert done.returncode == 0, done.stdout
    assert time.monotonic() - begun < 30
    *lines, blank, last = done.stdout.splitlines()
    assert not blank and last.startswith("all well")
    assert all(line.startswith(HINT_FREE) for line in lines) and len(lines) >= 7
    assert list(tmp_path.iterdir()) == []


def test_doctor_of_a_broken_config(tmp_path):
    config = tmp_path / "nima.yaml"
    config.write_text("server:\n  port: many\n")
    report = doctor(tmp_path, "--config", config, code=1)
    assert list(report) == ["configuration"] and f"{config}:2:3: server.port must be" in report["configuration"]


def test_doctor_of_a_variable_that_names_nothing(tmp_path):
    report = doctor(tmp_path, env={"NIMA_SERVER_PROT": "1"})
    assert report["configuration"].startswith("warn") and "NIMA_SERVER_PROT" in report["configuration"]


def test_doctor_of_a_data_folder_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("")
    assert "is no folder" in doctor(tmp_path / "data", code=1)["data folder"]


def test_doctor_of_what_tasks_need(tmp_path):
    assert not {"tasks", "github", "k8s"} & set(doctor(tmp_path)), "nothing is said of what is not configured"
    secrets, config = tmp_path / "secrets", tmp_path / "kube"
    secrets.write_text("GITHUB_TOKEN=github_pat_nobody_may_see_this\n")
    secrets.chmod(0o644)
    env = {"NIMA_TASKS_SECRETS_FILE": str(secrets)}
    report = doctor(tmp_path, env=env, code=1)
    assert report["tasks"].startswith("fail") and f"chmod 600 {secrets}" in report["tasks"]
    secrets.chmod(0o600)
    report = doctor(tmp_path, env=env)
    assert report["github"].startswith("ok") and "nobody_may_see" not in str(report)
    report = doctor(tmp_path, env={"NIMA_TASKS_GITHUB_REPOS": "ada/*", "NIMA_TASKS_GITHUB_TOKEN_SECRET": "BOT"})
    assert report["github"].startswith("warn") and "NIMA_SECRET_BOT" in report["github"]
    assert "tasks.deny" in doctor(tmp_path, env={"NIMA_TASKS_DENY": "file"}, code=1)["tasks"]
    env = {"NIMA_TASKS_K8S_KUBECONFIG": str(config), "NIMA_TASKS_K8S_KUBECTL": "kubectl-that-is-not-there"}
    report = doctor(tmp_path, env=env)
    assert report["k8s"].startswith("warn") and f"{config} cannot be read" in report["k8s"]
    config.write_text("")
    assert "apt-get install" in doctor(tmp_path, env=env)["k8s"]
    report = doctor(tmp_path, env=env | {"NIMA_TASKS_K8S_KUBECTL": "/bin/true"})
    assert report["k8s"].startswith("ok") and str(config) in report["k8s"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_doctor_of_a_data_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    assert "cannot be written" in doctor(tmp_path, code=1)["data folder"]


def test_doctor_of_a_taken_port_and_of_a_running_nima(tmp_path, server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"{port} is taken" in doctor(tmp_path, "--port", port, code=1)["port"]
    report = doctor(server.data, "--port", server.port)
    assert re.search(r"Nima \d\S* runs at", report["port"])
    assert requests.get(server.url + "/ready", timeout=10).status_code == 200


def test_doctor_of_an_address_of_another_machine(tmp_path):
    report = doctor(tmp_path, "--host", "192.0.2.1", code=1)
    assert "no address of this machine" in report["port"]
    assert "nima token create" in report["tokens"]


def test_doctor_of_a_model_that_is_missing_or_broken(tmp_path):
    missing = tmp_path / "none.gguf"
    report = doctor(tmp_path, code=1, llm=["--llm", f"local:{missing}", "--embeddings", "scripted:"])
    assert str(missing) in report["chat model"] and "nima models" in report["chat model"]
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"<html>not found</html>" * 100)
    report = doctor(tmp_path, code=1, llm=["--llm", f"local:{wrong}", "--embeddings", "scripted:"])
    assert "no GGUF model" in report["chat model"]
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(range(256)) * 64)
    report = doctor(tmp_path, code=1, llm=["--llm", f"local:{broken}", "--embeddings", "scripted:"])
    assert report["chat model"].startswith("fail") and str(broken) in report["chat model"]
    assert report["embedding"].startswith("ok"), "the other model is looked at all the same"


def test_doctor_of_a_model_that_was_cut_short(tmp_path):
    short = tmp_path / "smollm2-135m-instruct.gguf"
    short.write_bytes(b"GGUF" + bytes(5000))
    llm = ["--llm", "local:smollm2-135m-instruct", "--embeddings", "none:"]
    report = doctor(tmp_path, code=1, llm=llm, env={"NIMA_LLM_MODELS_DIR": tmp_path})
    assert "of the catalogue" in report["chat model"] and "nima models pull smollm2" in report["chat model"]
    assert report["embedding model"].startswith("warn")


def test_doctor_of_a_model_that_no_memory_holds(tmp_path):
    huge = tmp_path / "huge.gguf"
    with huge.open("wb") as file:
        file.write(b"GGUF")
        file.truncate(1 << 43)
    report = doctor(tmp_path, code=1, llm=["--llm", f"local:{huge}", "--embeddings", "none:"])
    assert "MiB of memory" in report["chat model"]


def test_doctor_of_addresses(tmp_path):
    nobody = ["--llm", "openai:http://127.0.0.1:1/v1#x", "--embeddings", "scripted:"]
    assert "is that server running?" in doctor(tmp_path, code=1, llm=nobody)["chat model"]
    nonsense = ["--llm", "gpt9", "--embeddings", "scripted:"]
    assert "no model address" in doctor(tmp_path, code=1, llm=nonsense)["chat model"]


def test_doctor_of_a_remote_model(tmp_path, server):
    model = requests.get(server.url + "/v1/models", timeout=10).json()["data"][0]["id"]
    known = ["--llm", f"openai:{server.url}/v1#{model}", "--embeddings", "scripted:"]
    assert doctor(tmp_path, llm=known)["chat model"].startswith("ok")
    unknown = ["--llm", f"openai:{server.url}/v1#other", "--embeddings", "scripted:"]
    assert doctor(tmp_path, llm=unknown)["chat model"].startswith("warn")


@pytest.mark.slow
def test_doctor_loads_the_real_models(tmp_path, need_model):
    need_model("smollm2-135m-instruct", "all-MiniLM-L6-v2")
    llm = ["--llm", "local:smollm2-135m-instruct", "--embeddings", "local:all-MiniLM-L6-v2"]
    report = doctor(tmp_path, llm=llm, env={"NIMA_LLM_MODELS_DIR": MODELS})
    assert "loaded in" in report["chat model"] and "loaded in" in report["embedding model"]
    assert report["embedding"].startswith("ok 384 numbers")


def test_doctor_of_a_broken_persona(tmp_path):
    persona = tmp_path / "personality.yaml"
    persona.write_text("personality:\n  voice: [\n")
    report = doctor(tmp_path, code=1, env={"NIMA_PERSONALITY": persona})
    assert str(persona) in report["persona"]


# --- chat, once ------------------------------------------------------------------------------------------------------


def test_chat_with_a_message_prints_the_answer_alone(server):
    done = run_nima("chat", "--url", server.url, "Hello", "there")
    assert (done.returncode, done.stdout, done.stderr) == (0, "You said: Hello there\n", "")


def test_chat_from_a_pipe(server):
    done = run_nima("chat", f"--url={server.url}/", stdin="  Olá,\nçava? 🦜\n\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "You said: Olá,\nçava? 🦜\n", "")


def test_chat_takes_host_and_port_from_the_environment(server):
    env = {"NIMA_HOST": "127.0.0.1", "NIMA_PORT": server.port, "http_proxy": "http://127.0.0.1:1"}
    assert run_nima("chat", "hi", env=env).stdout == "You said: hi\n"


def test_chat_goes_on_with_a_conversation(server):
    first = requests.post(server.url + "/v1/chat", json={"messages": [{"role": "user", "content": "one"}]}, timeout=10)
    conversation = first.json()["conversation_id"]
    done = run_nima("chat", "--url", server.url, "--conversation", conversation, "two [[recall]]")
    assert done.returncode == 0 and "user: one" in done.stdout


def test_chat_with_nothing_to_say(server):
    failed(run_nima("chat", "--url", server.url, stdin=" \n"), 2, "usage: nima chat")
    failed(run_nima("chat", "--url", server.url, " "), 2, "usage: nima chat")


def test_chat_flags_that_are_wrong():
    one_line(run_nima("chat", "--ulr", "x", "hi"), 2, "--ulr")
    one_line(run_nima("chat", "--url"), 2, "--url needs a value")
    one_line(run_nima("chat", "--url", "ftp://x", "hi"), 2, "ftp://x")
    one_line(run_nima("chat", "hi", env={"NIMA_PORT": "x"}), 2, "NIMA_PORT")


def test_chat_without_a_server():
    for stdin in (None, "hi"):
        words = ["hi"] if stdin is None else []
        done = run_nima("chat", "--url", "http://127.0.0.1:1", *words, stdin=stdin)
        one_line(done, 1, "no server at http://127.0.0.1:1; start it with: make run")


def test_chat_that_fails_at_once_or_in_the_middle(server):
    one_line(run_nima("chat", "--url", server.url, "[[fail]]"), 1, "failed")
    done = run_nima("chat", "--url", server.url, "[[fail-after:2]] one two three")
    assert done.returncode == 1 and done.stdout == "You said:\n"
    assert done.stderr.startswith("nima: ") and done.stderr.count("\n") == 1


def test_chat_with_a_conversation_that_is_not_there(server):
    nobody = "01a204eb-f8be-7000-bdbe-2707cdefcafa"
    one_line(run_nima("chat", "--url", server.url, "--conversation", nobody, "hi"), 1, "conversation")


def test_chat_with_input_that_is_no_text(server):
    done = run_nima("chat", "--url", server.url, stdin=b"\xff\xfe\x00", text=False)
    assert done.returncode == 2 and b"not UTF-8" in done.stderr and not done.stdout


def test_chat_needs_a_token_where_the_server_wants_one(tmp_path):
    made = run_nima("token", "create", "--user", "ana", "--data", tmp_path)
    token = made.stdout.split()[-1]
    with NimaServer(data=tmp_path) as server:
        wrong = run_nima("chat", "--url", server.url, "hi", env={"NIMA_API_TOKEN": "nima_wrong"})
        one_line(wrong, 1, "nima token create --user", "NIMA_API_TOKEN")
        right = run_nima("chat", "--url", server.url, "hi", env={"NIMA_API_TOKEN": token})
        assert (right.returncode, right.stdout) == (0, "You said: hi\n")
    one_line(run_nima("chat", "hi", env={"NIMA_API_TOKEN": "a\nb"}), 2, "token")


def test_chat_whose_reader_leaves_ends_without_a_word(server):
    command = [str(binary()), "chat", "--url", server.url, "[[tokens:5000]] [[delay:2]]"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
    assert process.stdout.read(5) == b"word1"
    process.stdout.close()
    assert process.wait(30) != 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_chat_whose_server_dies_says_so(tmp_path):
    with NimaServer(data=tmp_path) as server:
        command = [str(binary()), "chat", "--url", server.url, "[[tokens:5000]] [[delay:20]]"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
        assert process.stdout.read(5) == b"word1"
        server.kill()
        assert process.wait(30) == 1
        assert b"broke before the reply was complete" in process.stderr.read()
        process.stdout.close()
        process.stderr.close()


# --- chat in a terminal ----------------------------------------------------------------------------------------------


class Terminal:
    """The program with a terminal for its three channels."""

    def __init__(self, *arguments, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(binary(), [str(binary()), *map(str, arguments)], clean_environment({"TERM": "xterm"} | (env or {})))
        self.seen = ""

    def expect(self, text, timeout=30):
        """Reads until `text` has come; returns what came up to its end."""
        until = time.monotonic() + timeout
        os.set_blocking(self.fd, False)
        while text not in self.seen:
            assert time.monotonic() < until, f"{text!r} did not come: {self.seen!r}"
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                raise AssertionError(f"{text!r} did not come before the end: {self.seen!r}") from None
        head, _, self.seen = self.seen.partition(text)
        return head + text

    def say(self, line):
        os.write(self.fd, line.encode())

    def end(self, timeout=30):
        until = time.monotonic() + timeout
        os.set_blocking(self.fd, False)
        while time.monotonic() < until:
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)


def test_a_conversation_in_the_terminal(server):
    with Terminal("chat", "--url", server.url) as t:
        assert "Ctrl-D leaves" in t.expect("> ")
        t.say("/help\n")
        assert "/remember TEXT" in t.expect("goes on in the next one.")
        t.say("My name is Ana and I live in Porto.\n")
        t.expect("You said: My name is Ana and I live in Porto.\r\n")
        assert "remembered" in t.expect("Porto")
        t.say("[[recall]] again\n")
        assert "My name is Ana" in t.expect("You said: My name is Ana").replace("\r\n", " ")
        t.say("/new\n")
        t.expect("A new conversation")
        t.say("/nonsense\n")
        t.expect("There is no command /nonsense")
        t.say("one\\\n")
        t.expect(". ")
        t.say("two\n")
        t.expect("You said: one\r\ntwo\r\n")
        t.say("olá 🦜\n")
        t.expect("You said: olá 🦜\r\n")
        t.say("/quit\n")
        assert t.end() == 0


def test_remember_and_forget_are_passed_on(server):
    with Terminal("chat", "--url", server.url) as t:
        t.expect("> ")
        t.say("/remember I collect blue marbles\n")
        t.expect("remembered: ")
        t.expect("blue marbles")
        t.expect("> ")
        t.say("/forget I collect blue marbles\n")
        t.expect("> ")
        t.say("\x04")
        assert t.end() == 0
    facts = requests.get(server.url + "/v1/memory/facts", timeout=10).json()
    assert not any("blue marbles" in fact["fact"] for fact in facts)


def test_ctrl_c_stops_the_reply_and_the_conversation_goes_on(server):
    with Terminal("chat", "--url", server.url) as t:
        t.expect("> ")
        t.say("count [[tokens:5000]] [[delay:20]]\n")
        t.expect("word3")
        begun = time.monotonic()
        t.say("\x03")
        t.expect("stopped")
        assert time.monotonic() - begun < 20
        t.say("[[recall]]\n")
        t.expect("user: count")
        t.expect("> ")
        t.say("\x03")
        t.expect("Ctrl-D or /quit leaves")
        t.say("\x04")
        assert t.end() == 0


def test_an_error_in_the_terminal_is_shown_and_the_loop_goes_on(server):
    with Terminal("chat", "--url", server.url) as t:
        t.expect("> ")
        t.say("[[fail-after:2]] a b c\n")
        t.expect("nima: ")
        t.expect("> ")
        t.say("still there?\n")
        t.expect("You said: still there?\r\n")
        t.say("\x04")
        assert t.end() == 0


def test_a_terminal_without_a_server_ends_at_once():
    with Terminal("chat", "--url", "http://127.0.0.1:1") as t:
        t.expect("nima: no server at http://127.0.0.1:1; start it with: make run")
        assert t.end() == 1


def test_colours_only_where_they_are_wanted(server):
    with Terminal("chat", "--url", server.url) as t:
        assert "\033[" in t.expect("> ")
        t.say("[[reply:red \033[31m \x07 and \u009b31m]]\n")
        t.expect("\r\n")  # the echo of what was typed
        reply = t.expect("31m\r\n")
        assert reply.count("\033") == 0 and "\x07" not in reply and "\u009b" not in reply
        t.say("\x04")
        assert t.end() == 0
    with Terminal("chat", "--url", server.url, env={"NO_COLOR": "1"}) as t:
        assert "\033" not in t.expect("> ")
        t.say("\x04")
        assert t.end() == 0
    assert "\033" not in run_nima("chat", "--url", server.url, "hi", env={"TERM": "xterm"}).stdout
