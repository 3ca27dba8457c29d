"""The real binary as a test runs it: started on a free port, stopped or killed, its complaints looked at."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("NIMA_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nima")
MODELS = Path(os.environ.get("NIMA_MODELS_DIR") or CACHE / "models")
FIRST_LINE = re.compile(r"Nima \S+ is at http://(\S+):(\d+)  \(Ctrl-C stops it\)")
# The sanitizers' own words, and ours when an assertion fails.
COMPLAINT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|\bassertion\b", re.IGNORECASE)
START_S = 30
STOP_S = 60
SHOWN_BYTES = 20_000
SCRATCH_BYTES = 2 << 30
SANITIZERS = {
    "ASAN_OPTIONS": "halt_on_error=1:exitcode=99:detect_leaks=1:detect_stack_use_after_return=1:"
                    "strict_string_checks=1:allocator_may_return_null=0",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=98",
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=97",
}  # fmt: skip


def build_folder():
    """Where the build under test is: as scripts/setup says, else the sanitizers' one, else the release."""
    for name in ("NIMA_BUILD", "NIMA_TEST_BUILD"):
        if os.environ.get(name):
            return Path(os.environ[name]).resolve()
    if os.environ.get("NIMA_BIN"):
        return Path(os.environ["NIMA_BIN"]).resolve().parent
    asan = ROOT / "build" / "asan"
    return asan if (asan / "nima").exists() else ROOT / "build"


def binary():
    return Path(os.environ.get("NIMA_BIN") or build_folder() / "nima").resolve()


def release_binary():
    """For what is measured or takes the large model; the binary under test where there is no other."""
    release = Path(os.environ.get("NIMA_RELEASE_BUILD") or ROOT / "build") / "nima"
    return release if release.exists() else binary()


def scratch():
    """Where servers keep their data: in memory where there is room, since a disk that syncs is not what they are about."""
    there = Path("/dev/shm")
    if there.is_dir() and os.access(there, os.W_OK) and shutil.disk_usage(there).free >= SCRATCH_BYTES:
        return there
    return None


def clean_environment(more=None):
    """Nothing of the machine's own settings reaches the server, but where the cache is."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("NIMA_")}
    env["NIMA_CACHE"] = str(CACHE)
    if os.environ.get("NIMA_TEST_THREADS"):  # 1 on a busy machine: threads that wait for each other lose most there
        env["NIMA_LLM_THREADS"] = os.environ["NIMA_TEST_THREADS"]
    for name, value in SANITIZERS.items():
        env.setdefault(name, value)
    return env | {key: str(value) for key, value in (more or {}).items()}


def run_nima(*arguments, env=None, timeout=60, text=True, stdin=None):
    """A command of the binary, to its end."""
    return subprocess.run(
        [str(binary()), *map(str, arguments)], capture_output=True, text=text, timeout=timeout, input=stdin,
        env=clean_environment(env), cwd=ROOT, check=False,
    )  # fmt: skip


class NimaServer:
    """with NimaServer(llm="scripted:") as s: requests.get(s.url + "/health")

    stop() and start() again keep port and data folder. A data folder that was not given is a fresh one, removed
    at the end of `with`. A report of a sanitizer, or an exit code that is not 0, fails the test.
    """

    def __init__(self, llm="scripted:", embeddings="scripted:", data=None, env=None, args=(), binary=None, store=None,
                 ready_s=START_S):
        self.llm, self.embeddings, self.args = llm, embeddings, list(args)
        self.env = dict(env or {})
        self.ready_s = ready_s  # large weights take longer on a busy machine
        self.binary = Path(binary) if binary else globals()["binary"]()
        self.own_folder = data is None
        self.home = Path(tempfile.mkdtemp(prefix="nima-test-", dir=scratch()))
        self.data = Path(data) if data else self.home / "data"
        self.log = self.home / "stderr.log"
        if store and "--store" not in self.args:
            self.args += ["--store", store.format(data=self.data)]
        self.host, self.port, self.process = "127.0.0.1", 0, None

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        options = {"--port": self.port, "--data": self.data, "--llm": self.llm, "--embeddings": self.embeddings}
        flags = [str(part) for pair in options.items() for part in pair if pair[1] is not None]
        return [str(self.binary), "serve", *flags, *map(str, self.args)]

    def start(self):
        assert self.process is None, "it runs already"
        if not self.binary.exists():
            raise AssertionError(f"{self.binary} is missing; build it with: make asan")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True, cwd=ROOT,
                env=clean_environment(self.env),
            )  # fmt: skip
        line = self._first_line()
        match = FIRST_LINE.match(line)
        if not match:
            self.process.kill()
            code = self.process.wait()
            self.process = None
            raise AssertionError(f"the server did not start (exit code {code}): {line!r}\n{self.stderr()}")
        self.host, self.port = match[1], int(match[2])
        return self

    def _first_line(self):
        lines = []
        process = self.process

        def read():
            for text in process.stdout:
                lines.append(text)  # the rest is read too, so that the server never waits for us

        threading.Thread(target=read, daemon=True).start()
        until = time.monotonic() + START_S
        while not lines and time.monotonic() < until and process.poll() is None:
            time.sleep(0.005)
        return lines[0] if lines else ""

    def wait_ready(self, timeout=START_S):
        until = time.monotonic() + timeout
        last = None
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}\n{self.stderr()}")
            try:
                last = requests.get(self.url + "/ready", timeout=5)
                if last.status_code == 200:
                    return self
            except requests.RequestException as error:
                last = error
            time.sleep(0.02)
        raise AssertionError(f"not ready after {timeout} s: {getattr(last, 'text', last)}\n{self.stderr()}")

    def stop(self):
        """As `kill PID` and systemd do; the server must end well."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            process.wait()
            raise AssertionError(f"SIGTERM did not end the server within {STOP_S} s\n{self.stderr()}") from None
        self.check()
        assert code == 0, f"the server ended with {code}\n{self.stderr()}"

    def kill(self):
        """As a power cut does."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
            self.check()

    def check(self):
        text = self.stderr()
        assert not COMPLAINT.search(text), f"the server complained:\n{text}"

    def stderr(self):
        data = self.log.read_bytes() if self.log.exists() else b""
        return data[-SHOWN_BYTES:].decode(errors="replace")

    def __enter__(self):
        self.start()
        try:
            return self.wait_ready(self.ready_s)
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind, error, trace):
        try:
            if kind is not None and self.process is not None and self.process.poll() not in (None, 0):
                print(f"the server ended with {self.process.returncode}:\n{self.stderr()}")
            self.stop()
        finally:
            if kind is not None:
                print(f"what the server said:\n{self.stderr()}")
            shutil.rmtree(self.home, ignore_errors=True)
