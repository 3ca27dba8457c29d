"""Several servers on one store, killed at random while they do tasks: what was lost, what was done twice at once?"""

import contextlib
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from client import Client
from server import NimaServer, run_nima

LEASE_S = 2


class Work(BaseHTTPRequestHandler):
    """Takes as long as the path says. A second request of the same key, while the first one's sender is still there, is noted."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def sender_is_there(self):
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def do_POST(self):
        book = self.server
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self.headers["Idempotency-Key"]
        with book.lock:
            book.begun[key] = book.begun.get(key, 0) + 1
            if any(other.sender_is_there() for other in book.running.get(key, ())):
                book.doubled.append(key)
            book.running.setdefault(key, []).append(self)
        time.sleep(int(self.path.strip("/")) / 1000)
        with book.lock:
            book.running[key].remove(self)
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()


@contextlib.contextmanager
def work_book():
    book = ThreadingHTTPServer(("127.0.0.1", 0), Work)
    book.daemon_threads = True
    book.request_queue_size = 128
    book.lock, book.running, book.begun, book.doubled = threading.Lock(), {}, {}, []
    threading.Thread(target=book.serve_forever, daemon=True).start()
    yield book
    book.shutdown()
    book.server_close()


def submit(client, book, count, longest_ms):
    ids = []
    for n in range(count):
        ms = longest_ms if n % 20 == 0 else n % 7 * 20
        params = {"url": f"http://127.0.0.1:{book.server_port}/{ms}", "json": {"n": n}}
        body = {"type": "api", "action": "webhook", "params": params, "max_attempts": 20}
        ids.append(client.post("/v1/tasks/execute", body, expect=202).json()["id"])
    return ids


def unfinished(client, ids):
    done, cursor = {}, ""
    while True:
        reply = client.get(f"/v1/tasks/history?limit=500{cursor}", expect=200)
        done |= {row["id"]: row["status"] for row in reply.json()}
        if "x-next-cursor" not in reply.headers:
            return [done.get(task, "lost") for task in ids if done.get(task) != "completed"]
        cursor = f"&cursor={reply.headers['x-next-cursor']}"


def crowd(store, count, kills, longest_ms=2500, patience_s=120, seed=7):
    """-> (tasks not completed, keys run while another held the lease, tasks begun more than once)"""
    dice = random.Random(seed)
    with work_book() as book, contextlib.ExitStack() as stack:
        env = {
            "NIMA_TASKS_API_HOSTS": f"127.0.0.1:{book.server_port}", "NIMA_TASKS_API_PERMISSION": "allow",
            "NIMA_TASKS_LEASE_S": LEASE_S,
        }  # fmt: skip
        servers = [stack.enter_context(NimaServer(store=store, env=env)) for _ in range(3)]
        ids = []
        asking = threading.Thread(target=lambda: ids.extend(submit(Client(servers[0]), book, count, longest_ms)))
        asking.start()
        for _ in range(kills):
            time.sleep(dice.random())
            victim = dice.choice(servers[1:] if asking.is_alive() else servers)
            victim.kill()
            victim.start()
        asking.join()
        assert len(ids) == count, "not every task was taken"
        until = time.monotonic() + patience_s
        client = Client(servers[0].wait_ready())
        while (left := unfinished(client, ids)) and time.monotonic() < until:
            time.sleep(0.3)
        verified = run_nima("audit", "verify", "--store", store, "--data", servers[0].data)
        assert verified.returncode == 0, verified
        return left, book.doubled, sum(times > 1 for times in book.begun.values())
