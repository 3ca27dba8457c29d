"""A PostgreSQL of the tests' own: a fresh cluster in a temporary folder, on a free port of the loopback, run by an
unprivileged user (it refuses to run as root). `python tests/support/postgres.py COMMAND …` runs COMMAND with it, its
address in NIMA_TEST_POSTGRES."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PASSWORD = "p@ss:w/rd%"
PASSWORD_IN_URL = "p%40ss%3Aw%2Frd%25"
START_S = 30


def programs():
    """The folder of initdb and postgres, the newest version first; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]), reverse=True)
    if found:
        return found[0].parent
    there = shutil.which("postgres")
    return Path(there).parent if there else None


def unprivileged():
    """What subprocess needs to run as somebody else than root; nothing when we are somebody else."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("there is no user to run PostgreSQL as")


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def dump(address):
    """All that a store's schema holds, as text: what a search of raw bytes is for the other stores."""
    server, _, schema = address.partition("?schema=")
    command = [str(programs() / "pg_dump"), "--dbname", server, "--schema", schema, "--data-only", "--inserts"]
    return subprocess.run(command, check=True, capture_output=True).stdout


class Postgres:
    """with Postgres() as pg: pg.url("database"), pg.stop(), pg.start(); a cluster that is removed at the end."""

    def __init__(self, settings=None):
        self.folder = Path(tempfile.mkdtemp(prefix="nima-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.process = None
        self.settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder),
            "fsync": "on", "max_connections": "60", "shared_buffers": "64MB", "logging_collector": "off",
            "max_wal_size": "256MB",
        } | (settings or {})  # fmt: skip

    def url(self, database="nima", **query):
        """The schema given, or its tables' own, is in the query."""
        tail = "&".join(f"{key}={value}" for key, value in query.items())
        return f"postgres://nima:{PASSWORD_IN_URL}@127.0.0.1:{self.port}/{database}" + (f"?{tail}" if tail else "")

    def _run(self, program, *arguments, **options):
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.folder)} | options.pop("env", {})
        return subprocess.run(
            [str(programs() / program), *map(str, arguments)], check=True, capture_output=True, text=True, env=env,
            cwd="/", **unprivileged(), **options,
        )  # fmt: skip

    def make(self):
        who = unprivileged()
        if who:
            os.chown(self.folder, who["user"], who["group"])
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        self._run("initdb", "-D", self.data, "-U", "nima", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256",
                  f"--pwfile={secret}", "--no-sync")  # fmt: skip
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{key} = '{value}'\n" for key, value in self.settings.items())

    def start(self):
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [str(programs() / "postgres"), "-D", str(self.data)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            cwd="/", env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, **unprivileged(),
        )  # fmt: skip
        log.close()
        until = time.monotonic() + START_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()[-4000:]}")
            time.sleep(0.05)
        return self

    def answers(self):
        done = subprocess.run([str(programs() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False)
        return done.returncode == 0

    def sql(self, text, database="nima"):
        done = self._run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", "nima",
                         "-d", database, "-c", text, env={"PGPASSWORD": PASSWORD})  # fmt: skip
        return done.stdout.strip()

    def stop(self, how=signal.SIGINT):
        """SIGINT: connections are cut off; SIGQUIT: as a crash, the log is replayed at the next start."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(how)
            process.wait(60)

    def __enter__(self):
        try:
            self.make()
            self.start()
            self.sql("CREATE DATABASE nima", "postgres")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    with Postgres({"fsync": "off"}) as running:
        sys.exit(subprocess.call(sys.argv[1:], env=os.environ | {"NIMA_TEST_POSTGRES": running.url()}))
