"""An embedding model for tests: it speaks the OpenAI API, and its vectors are made of hashed words, of any length."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def vector_of(text, model, dims):
    values = [0.0] * dims
    for word in text.lower().split():
        digest = hashlib.sha256(f"{model} {word}".encode()).digest()
        values[int.from_bytes(digest[:4], "big") % dims] += 1
    values[0] += 0.01
    return values


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        own, texts = self.server.owner, body["input"]
        if isinstance(texts, str):
            texts = [texts]
        gated = len(texts) > 1 and any(own.gate in text for text in texts)
        if gated and not own.admit(len(texts)):
            self.close_connection = True
            return
        data = [{"object": "embedding", "index": i, "embedding": vector_of(t, own.name, own.dims)} for i, t in enumerate(texts)]
        reply = json.dumps({"object": "list", "data": data, "model": own.name, "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        try:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply.encode())
        except OSError:
            self.close_connection = True  # whoever asked was killed, or did not want to wait


class EmbeddingsServer:
    """with EmbeddingsServer("tiny", 96, "jar") as model: NimaServer(embeddings=model.address). Requests of several texts with
    the gate's word among them are answered only as often as `let(n)` lets them through (all, until it is called); `texts`
    counts theirs, `held` are waiting. Others, as searches and packs send them, are always answered."""

    def __init__(self, name, dims, gate):
        self.gate = gate
        self.name, self.dims, self.texts, self.held = name, dims, 0, 0
        self.left, self.lock = None, threading.Condition()

    def let(self, batches):
        with self.lock:
            self.left = batches
            self.lock.notify_all()

    def admit(self, count):
        with self.lock:
            self.held += 1
            open_again = self.lock.wait_for(lambda: self.left is None or self.left > 0, timeout=120)
            self.held -= 1
            if not open_again:
                return False
            if self.left is not None:
                self.left -= 1
            self.texts += count
            return True

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.owner = self
        self.address = f"openai:http://127.0.0.1:{self.server.server_address[1]}/v1#{self.name}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc):
        self.let(None)
        self.server.shutdown()
        self.server.server_close()
