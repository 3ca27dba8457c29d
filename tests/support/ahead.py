"""Test programs that share nothing with the other tests, run beside them: those wait half of the time.

They run one after the other, at low priority, from the first test on. A test takes the result of its program, or runs
it itself when its turn has not come: which of the two it was changes nothing else.
"""

import subprocess
import threading
from concurrent.futures import Future

from server import clean_environment

LIMIT_S = 900


class Program:
    """One program. {folder} in `cwd` and `env` is a folder of its own."""

    def __init__(self, path, env, cwd):
        self.path, self.env, self.cwd = path, env, cwd

    def start(self, folder, *before):
        env = {name: str(value).format(folder=folder) for name, value in self.env.items()}
        return subprocess.Popen(
            [*before, str(self.path)], env=clean_environment(env), cwd=str(self.cwd).format(folder=folder),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


class Done:
    """How it ended, and the folder that it had."""

    def __init__(self, process, folder):
        try:
            output, _ = process.communicate(timeout=LIMIT_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
        self.code, self.output, self.folder = process.returncode, output.decode(errors="replace"), folder


class Ahead:
    """with Ahead(programs by name, new_folder) as ahead: ahead.done(name, program)"""

    def __init__(self, programs, new_folder):
        self.left, self.new_folder = dict(programs), new_folder
        self.begun, self.process, self.stopping = {}, None, False
        self.lock = threading.Lock()  # guards `left`, `begun`, `process` and `stopping`
        self.thread = threading.Thread(target=self._work)

    def _next(self):
        with self.lock:
            if self.stopping or not self.left:
                return None
            name = next(iter(self.left))
            self.begun[name] = Future()
            return self.begun[name], self.left.pop(name)

    def _run(self, program):
        folder = self.new_folder()
        process = program.start(folder, "nice", "-n", "10")
        with self.lock:
            self.process = process
            if self.stopping:
                process.kill()
        return Done(process, folder)

    def _work(self):
        while (begun := self._next()) is not None:
            result, program = begun
            try:
                result.set_result(self._run(program))
            except BaseException as error:
                result.set_exception(error)

    def done(self, name, program):
        with self.lock:
            self.left.pop(name, None)
            begun = self.begun.get(name)
        if begun is not None:
            return begun.result()
        folder = self.new_folder()
        return Done(program.start(folder), folder)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with self.lock:
            self.stopping = True
            if self.process is not None:
                self.process.kill()
        self.thread.join()
