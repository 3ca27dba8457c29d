"""Requests byte by byte, for what no client library would send."""

import socket

from client import Reply, check_reply


def exchange(server, data, timeout=20):
    """Everything the server sends until it closes, or until it has nothing more to say."""
    with socket.create_connection((server.host, server.port), timeout=timeout) as sock:
        try:
            sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already
        got = b""
        try:
            while True:
                piece = sock.recv(65536)
                if not piece:
                    break
                got += piece
                if complete(got):
                    break
        except ConnectionResetError:
            pass
    return got


def complete(got):
    head, _, body = got.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return len(body) >= int(value)
    return False


def parse(method, target, got):
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return Reply(method, target, int(first.split(" ")[1]), headers, body)


def ask(api, method, target, headers=(), body=b"", expect=None, host=None):
    """One request of exactly these headers; the reply is checked as any other."""
    host = f"{api.server.host}:{api.server.port}" if host is None else host
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", ""]
    reply = parse(method, target, exchange(api.server, "\r\n".join(lines).encode("latin-1") + body))
    check_reply(api.document, reply)
    if expect is not None:
        assert reply.status == expect, f"{expect} was expected: {reply}"
    return reply
