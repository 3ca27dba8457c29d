"""A language model for the page's tests: it speaks the OpenAI API and says what a word in the message asks for.

The server under test is the real one; only the words come from here, so that a test can have a reply with hostile
HTML in it, or one that takes its time.
"""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOSTILE = """before <img src=x onerror="window.pwned=1"> <script>window.pwned=1</script>
[click](javascript:window.pwned=1) ![picture](https://elsewhere.example/p.png) <svg onload="window.pwned=1"></svg>
[fine](https://example.org/) [near](/etc/passwd) <iframe src="https://elsewhere.example"></iframe>
<a href="javascript:window.pwned=1" style="color:red">styled</a>

<div onclick="window.pwned=1">a block</div>

after"""

CODE = """A **start**:

1. one

```python
print("quiet")
```

2. two

| a | b |
|---|--:|
| 1 | 2 |
"""

REPLIES = {
    "hostile": HOSTILE,
    "code": CODE,
    "slowly": " ".join(f"Sentence {i} follows another." for i in range(80)),
    "arabic": "مرحبا، كيف حالك اليوم؟",
}
DEFAULT = "Noted. That is good to know."


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def do_GET(self):
        self.answer({"object": "list", "data": [{"id": "fake", "object": "model", "created": 0, "owned_by": "test"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.endswith("/chat/completions"):
            self.answer({"error": {"message": "no such route"}}, 404)
            return
        asked = next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user")
        text = next((reply for word, reply in REPLIES.items() if word in asked), DEFAULT)
        usage = {"prompt_tokens": 40, "completion_tokens": len(text) // 4, "total_tokens": 40 + len(text) // 4}
        if body.get("stream"):
            self.stream(text, usage, 0.05 if "slowly" in asked else 0.005)
        else:
            message = {"role": "assistant", "content": text}
            self.answer({"id": "x", "object": "chat.completion", "created": 0, "model": "fake", "usage": usage,
                         "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def answer(self, value, status=200):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, text, usage, pause):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for piece in re.findall(r"\S+\s*|\s+", text):
                self.event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
                time.sleep(pause)
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.event({"choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass  # The server stopped reading: somebody pressed Stop.

    def event(self, fields):
        base = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "fake"}
        self.wfile.write(b"data: " + json.dumps(base | fields).encode() + b"\n\n")
        self.wfile.flush()


class FakeModel:
    """`with FakeModel() as model: model.address` is an address for NIMA_LLM."""

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"openai:http://127.0.0.1:{self.server.server_address[1]}/v1#fake"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc):
        self.server.shutdown()
        self.server.server_close()
