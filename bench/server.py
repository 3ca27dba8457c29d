"""A Nima on a free port with a data folder of its own, and a client that keeps its connection."""

import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("NIMA_BENCH_BUILD") or ROOT / "build").resolve()
FIRST_LINE = re.compile(r"is at http://127\.0\.0\.1:(\d+)")
BATCH = 1000


class Client:
    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def headers(self):
        return {}

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers() if data is None else {"Content-Type": "application/json", **self.headers()}
        self.http.request(method, path, data, headers)
        reply = self.http.getresponse()
        text = reply.read()
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path.split('?')[0]}: {reply.status} {text[:300].decode(errors='replace')}")
        return self.parse(text)

    @staticmethod
    def parse(text):
        return json.loads(text) if text else None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body):
        return self.call("POST", path, body)

    def timed(self, method, path, body=None):
        begun = time.perf_counter()
        reply = self.call(method, path, body)
        return reply, (time.perf_counter() - begun) * 1000

    def search_ms(self, query, limit=10):
        return self.timed("GET", f"/v1/memory/search?limit={limit}&q={quote(query)}")[1]


class Server:
    """with Server(llm="scripted:") as s: s.client.get("/health")"""

    def __init__(self, llm="scripted:", embeddings="scripted:", data=None, store=None, prepare=None):
        """store: its address, {data} stands for the folder. prepare: called with folder and address before the start."""
        self.llm, self.embeddings = llm, embeddings
        self.store, self.prepare, self.prepared = store, prepare, None
        self.own = data is None
        self.data = Path(data) if data else Path(tempfile.mkdtemp(prefix="nima-bench-"))
        self.process = self.client = self.port = self.start_s = None

    def __enter__(self):
        binary = BUILD / "nima"
        if not binary.exists():
            raise RuntimeError("build/nima is missing; build it with: make")
        env = {key: value for key, value in os.environ.items() if not key.startswith("NIMA_") or key == "NIMA_CACHE"}
        command = [binary, "serve", "--port", "0", "--data", self.data, "--llm", self.llm, "--embeddings", self.embeddings,
                   "--log-level", "warn"]  # fmt: skip
        if self.store:
            command += ["--store", self.store.format(data=self.data)]
        if self.prepare:
            self.prepared = self.prepare(self.data, self.store.format(data=self.data))
        begun = time.perf_counter()
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env)
        line = self.process.stdout.readline()
        match = FIRST_LINE.search(line)
        if not match:
            self.__exit__()
            raise RuntimeError(f"the server did not start: {line!r}")
        self.port = int(match[1])
        self.client = Client(self.port)
        self._wait_ready()
        self.start_s = time.perf_counter() - begun
        return self

    def _wait_ready(self):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                self.client.get("/ready")
                return
            except RuntimeError as error:
                last = error
                time.sleep(0.002)
        self.__exit__()
        raise RuntimeError(f"the server is not ready: {last}")

    def __exit__(self, *_):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            self.process = None
        if self.own:
            shutil.rmtree(self.data, ignore_errors=True)

    def kill(self):
        """As the power does; `with` ends well after it."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def rss_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_ms(self):
        """Processor time so far: unlike a clock's, it does not depend on what else the machine does."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_embeddings(self):
        """Ready means that it can talk; the embedding model may load a moment longer."""
        until = time.monotonic() + 120
        while self.client.get("/v1/memory/stats")["embedding_model"] is None:
            if time.monotonic() > until:
                raise RuntimeError("the embedding model does not load")
            time.sleep(0.01)

    def load_facts(self, count, seed=1):
        """Facts with their embeddings, in batches."""
        if self.embeddings != "none:":
            self.wait_embeddings()
        texts = facts(count, seed)
        for at in range(0, count, BATCH):
            body = [{"fact": text, "category": "bench"} for text in texts[at : at + BATCH]]
            self.client.post("/v1/memory/facts/batch", body)
        missing = count - self.client.get("/v1/memory/stats")["with_embedding"]
        if missing > 0 and self.embeddings != "none:":
            raise RuntimeError(f"{missing} facts have no embedding")


WHO = ("My sister Rosa", "My brother Tom", "My friend Inês", "My colleague Bruno", "My neighbour Olga", "My teacher Hugo",
       "My cousin Mara", "My boss Ivan", "The user", "My uncle Leo", "My aunt Vera", "My partner Noa")  # fmt: skip
DOES = ("plays the cello", "bakes rye bread", "repairs old radios", "collects stamps", "runs marathons", "paints portraits",
        "builds compilers", "grows tomatoes", "teaches chemistry", "climbs mountains", "writes poems", "restores furniture",
        "studies whales", "sells bicycles", "designs bridges", "brews coffee", "flies gliders", "keeps bees")  # fmt: skip
WHERE = ("Lisbon", "Porto", "Hamburg", "Oslo", "Kyoto", "Lima", "Toronto", "Nairobi", "Kraków", "Gdańsk", "Dublin", "Zürich",
         "Havana", "Tbilisi", "Perth", "Austin", "Ghent", "Riga", "Bilbao", "Malmö")  # fmt: skip
WHEN = ("on Sundays", "since {n}", "every spring", "before work", "with {n} friends", "at number {n}", "for {n} years")


def facts(count, seed):
    """Short sentences, all different; the same for the same seed."""
    pick = random.Random(seed).choice
    return [f"{pick(WHO)} {pick(DOES)} in {pick(WHERE)} {pick(WHEN).format(n=i % 97 + 2)}, note {seed}-{i}" for i in range(count)]


def questions(count, seed):
    pick = random.Random(seed).choice
    return [f"Who {pick(DOES)} in {pick(WHERE)}, and {pick(WHEN).format(n=i)}?" for i in range(count)]
