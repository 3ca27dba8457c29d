"""What the server says when it cannot start: one line that names the file or the field, and what to do."""

import os
import socket
import sqlite3
import subprocess

import pytest
from client import Client
from server import NimaServer, binary, clean_environment, ROOT, run_nima


def serve(data, *arguments, env=None, timeout=30):
    command = [str(binary()), "serve", "--port", "0", "--data", str(data), "--llm", "scripted:", "--embeddings",
               "scripted:", *map(str, arguments)]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=clean_environment(env),
                          cwd=ROOT, check=False)  # fmt: skip


def refused(done, *words):
    assert done.returncode in (1, 2), done
    assert not done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("nima: ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert str(word) in lines[0], (word, lines[0])
    assert "Sanitizer" not in done.stderr
    return lines[0]


def test_a_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(serve(tmp_path, "--port", port), port)


def test_a_data_folder_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    refused(serve(tmp_path / "data"), tmp_path / "data")
    assert (tmp_path / "data").read_text() == "not a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_without_permission(tmp_path):
    (tmp_path / "data").mkdir(mode=0o500)
    refused(serve(tmp_path / "data"), tmp_path / "data")


def test_a_data_folder_that_cannot_be_made():
    refused(serve("/proc/nima/data"), "/proc/nima")


def test_a_database_that_is_none(tmp_path):
    file = tmp_path / "nima.db"
    file.write_bytes(b"This is a shopping list, and no database at all.\n" * 200)
    before = file.read_bytes()
    refused(serve(tmp_path), file)
    assert file.read_bytes() == before, "it is left as it was"


def make_database(tmp_path):
    with NimaServer(data=tmp_path) as server:
        Client(server).fact("something worth keeping")
    return tmp_path / "nima.db"


def test_a_database_newer_than_the_binary(tmp_path):
    file = make_database(tmp_path)
    with sqlite3.connect(file) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(schema_migrations)")]
        rows = db.execute("SELECT * FROM schema_migrations").fetchall()
        last = dict(zip(columns, rows[-1], strict=True))
        number = next(name for name in columns if isinstance(last[name], int))
        last[number] = 9999
        marks = ", ".join("?" for _ in columns)
        db.execute(f"INSERT INTO schema_migrations VALUES ({marks})", [last[name] for name in columns])
    refused(serve(tmp_path), "newer")
    done = run_nima("migrate", "status", "--data", tmp_path)
    assert "9999" in done.stdout + done.stderr


def test_a_migration_that_was_edited_after_it_ran(tmp_path):
    file = make_database(tmp_path)
    with sqlite3.connect(file) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(schema_migrations)")]
        checksum = next(name for name in columns if "sum" in name or "hash" in name)
        db.execute(f"UPDATE schema_migrations SET {checksum} = 'edited'")
    refused(serve(tmp_path))


def test_a_database_cut_in_half_loses_nothing_silently(tmp_path):
    file = make_database(tmp_path)
    for extra in tmp_path.glob("nima.db-*"):
        extra.unlink()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    done = serve(tmp_path, timeout=60) if not _starts(tmp_path) else None
    if done is not None:
        refused(done, "nima.db")
    assert file.stat().st_size == len(whole) // 2 or not _starts(tmp_path)


def _starts(data):
    server = NimaServer(data=data)
    try:
        server.start()
    except AssertionError:
        return False
    # It runs: then what is gone must be told, never an empty list.
    reply = Client(server).get("/v1/memory/facts")
    assert reply.status == 500 or [fact["fact"] for fact in reply.json()] == ["something worth keeping"], reply
    server.stop()
    return True


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("server:\n  prot: 8002\n", (":2:", "server.prot", "server.port")),
        ("server:\n  port: many\n", (":2:", "server.port", "0 to 65535")),
        ("server:\n  port: 70000\n", ("server.port", "0 to 65535", "70000")),
        ("nonsense: true\n", (":1:", "nonsense")),
        ("server: [1, 2\n", (":",)),
    ],
)
def test_a_wrong_setting_names_file_line_and_key(tmp_path, yaml, words):
    file = tmp_path / "nima.yaml"
    file.write_text(yaml)
    refused(serve(tmp_path / "data", "--config", file), "nima.yaml", *words)


def test_wrong_environment_and_flags(tmp_path):
    refused(serve(tmp_path, env={"NIMA_SERVER_WORKERS": "none"}), "NIMA_SERVER_WORKERS", "1 to 256")
    assert serve(tmp_path, "--no-such-flag").returncode == 2
    assert serve(tmp_path, "--port").returncode == 2
    assert serve(tmp_path, "--llm", "telepathy:x").returncode in (1, 2)


def test_a_bind_to_the_world_needs_a_token(tmp_path):
    refused(serve(tmp_path, "--host", "0.0.0.0"), "token create")


def test_a_missing_config_file(tmp_path):
    refused(serve(tmp_path, "--config", tmp_path / "nothing.yaml"), "nothing.yaml")


def test_stop_and_start_again_keeps_everything(tmp_path):
    server = NimaServer(data=tmp_path / "data")
    with server:
        api = Client(server)
        fact = api.fact("it survives")
        talk = api.chat("[[reply:noted]]").json()["conversation_id"]
        port = server.port
        server.stop()
        server.start()
        server.wait_ready()
        assert server.port == port
        assert api.get(f"/v1/memory/facts/{fact['id']}", expect=200).json() == fact
        kept = api.get(f"/v1/conversations/{talk}", expect=200).json()
        assert [m["content"] for m in kept["messages"]] == ["[[reply:noted]]", "noted"]
        server.kill()
        server.start()
        server.wait_ready()
        assert api.get(f"/v1/memory/facts/{fact['id']}", expect=200).json() == fact
        assert api.get("/v1/memory/search?q=survives", expect=200).json()[0]["id"] == fact["id"]
