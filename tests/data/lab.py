"""A program as an integration that behaves as badly as its argument says: tests/api/test_programs.py."""

import base64
import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time


def done(**result):
    json.dump(result, sys.stdout)


def attempts(asked):
    """How often this task was begun, kept in the folder that may be written."""
    with open(os.path.join(asked["folder"], os.environ["NIMA_TASK_ID"]), "a+") as file:
        file.write(f"{os.getpid()}\n")
        file.seek(0)
        return len(file.readlines())


def echo(asked):
    done(given=asked, environment=sorted(os.environ), arguments=sys.argv[1:])


def fail(asked):
    sys.stderr.write("x" * 3_000_000 + "\nwhat it said last\n")
    sys.exit(3)


def crash(asked):
    sys.stderr.write("about to fall")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGSEGV)


def flood(asked):
    for _ in range(1024):
        sys.stdout.write("x" * 1_048_576)


def words(asked):
    print("no JSON at all")


def array(asked):
    print("[1, 2]")


def hang(asked):
    time.sleep(86400)


def later(asked):
    if attempts(asked) == 1:
        sys.exit(os.EX_TEMPFAIL)
    done(attempts=2)


def once_more(asked):
    """The first time it never comes to an end."""
    if attempts(asked) == 1:
        time.sleep(86400)
    done(attempts=2)


def leak(asked):
    secret = asked["word"]
    sys.stderr.write("it is " + secret)
    if asked["folder"]:
        sys.exit(1)
    coded = base64.b64encode(secret.encode()).decode()
    done(plain=secret, coded=coded, escaped=json.dumps(secret), **{"key " + secret: 1})


def memory(asked):
    done(size=len(bytearray(8 << 30)))


def fork(asked):
    count = 0
    try:
        while os.fork() >= 0:
            count += 1
    except OSError as error:
        done(refused=error.errno, forks=count)


def trace(asked):
    libc = ctypes.CDLL(None, use_errno=True)
    done(refused=[call(libc) for call in (lambda c: refused(c.ptrace(16, os.getppid(), 0, 0)), lambda c: refused(c.ptrace(0, 0, 0, 0)))])


def refused(result):
    return ctypes.get_errno() if result == -1 else None


def attempt(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def reach(asked):
    port = int(asked["word"])
    done(refused=[attempt(lambda: socket.create_connection(("127.0.0.1", port))), attempt(lambda: socket.socket(socket.AF_UNIX))])


def open_files(asked):
    done(refused={path: attempt(lambda path=path: open(path)) for path in asked["paths"]})


def write_files(asked):
    done(refused={path: attempt(lambda path=path: open(path, "w")) for path in asked["paths"]})


def kill(asked):
    done(refused=[attempt(lambda: os.kill(os.getppid(), 9)), attempt(lambda: os.kill(-1, 9)), attempt(os.setsid)])


globals()[sys.argv[1]](json.load(sys.stdin))
