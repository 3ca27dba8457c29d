"""Something that stands in front of the Kubernetes API server and can refuse, hold back, or be gone."""

import http.client
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE_S = 120
NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "host", "accept-encoding"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_any(self):
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with proxy.lock:
            proxy.seen.append((self.command, self.path))
            refusals = proxy.refused(self.command, self.path)
            refusal = refusals.pop(0) if refusals else None
            lost = proxy.lost is not None and proxy.lost(self.command, self.path)
            held = proxy.held is not None and proxy.held(self.command, self.path)
        if refusal:
            self.answer(*refusal)
            return
        if lost:
            self.hold()
            return
        # HTTP/1.1 of our own to the server: what comes back is passed on as it comes, watches too.
        server = http.client.HTTPSConnection("127.0.0.1", proxy.to, context=proxy.trust, timeout=PATIENCE_S)
        try:
            headers = {key: value for key, value in self.headers.items() if key.lower() not in NOT_PASSED_ON}
            server.request(self.command, self.path, body or None, headers)
            got = server.getresponse()
            if held:  # the server has done it, and nobody is told
                got.read()
                self.hold()
                return
            self.send_response(got.status)
            for key, value in got.getheaders():
                if key.lower() not in NOT_PASSED_ON:
                    self.send_header(key, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := got.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            pass  # one of the two has left
        finally:
            self.close_connection = True
            server.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def hold(self):
        proxy = self.server.proxy
        with proxy.lock:
            proxy.holding.append((self.command, self.path))
        proxy.release.wait(PATIENCE_S)
        self.close_connection = True

    def answer(self, status, headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # a client that was ended in the middle


class Proxy:
    """with Proxy(kube) as proxy: kube.config(url=proxy.url, name="proxy")

    refused(method, path): a list of (status, headers); each is the answer to one call instead of the server's;
    held(method, path): such a call is done, and its answer held back until release is set;
    lost(method, path): such a call never reaches the server, and its connection ends when release is set.
    """

    def __init__(self, kube, certificate="server"):
        self.to, self.port, self.listener = kube.port, 0, None
        self.lock, self.seen, self.holding = threading.Lock(), [], []
        self.refused = lambda method, path: None
        self.held, self.lost, self.release = None, None, threading.Event()
        self.trust = ssl.create_default_context(cafile=kube.folder / "ca.crt")
        self.own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.own.load_cert_chain(kube.folder / f"{certificate}.crt", kube.folder / f"{certificate}.key")
        self.open = []

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def start(self):
        proxy = self

        class Own(Listener):
            def get_request(self):
                raw, address = super().get_request()
                with proxy.lock:
                    proxy.open.append(raw)
                return proxy.own.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

        self.listener = Own(("127.0.0.1", self.port), Handler)
        self.listener.proxy = self
        self.port = self.listener.server_port
        threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        """All connections end at once, and nobody listens any more."""
        listener, self.listener = self.listener, None
        if listener is None:
            return
        listener.shutdown()
        listener.server_close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open.clear()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.release.set()
        self.stop()
