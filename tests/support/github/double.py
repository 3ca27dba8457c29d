"""A double of GitHub for tests: it keeps what is made, over real git repositories, and holds every request and every answer
against GitHub's own description (contract.py). What it got wrong, and what it was asked wrongly, is in `problems`.

with GitHubDouble(folder, contract) as github: github.url, github.repo("me/shop").issues, github.plan.append(…)
"""

import base64
import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

LIMIT = 5000
LONG_AGO = "2020-01-01T00:00:00Z"  # what is not kept: an answer asked for twice is the same


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Refusal(Exception):
    def __init__(self, status, message, headers=None, errors=None):
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        if errors:
            self.body["errors"] = errors


class Repo:
    """One repository: its git side is a bare repository, the rest is lists."""

    def __init__(self, folder, name):
        self.name, self.path = name, folder / f"{name}.git"
        self.issues, self.pulls, self.comments, self.moved = {}, {}, [], None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", "--bare", "--template=", "-b", "main", str(self.path)], check=True)
        self.git("config", "http.receivepack", "true")
        tree = self.tree(None, [{"path": "README.md", "mode": "100644", "content": "# Shop\n\nTeh best shop.\n"}])
        self.git("update-ref", "refs/heads/main", self.commit("First", tree, []))

    def git(self, *arguments, data=None, env=None, check=True):
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", "octo"), ("EMAIL", "octo@example.com"))}  # fmt: skip
        done = subprocess.run(
            ["git", "--git-dir", str(self.path), *arguments], input=data, capture_output=True, check=False,
            env=os.environ | who | (env or {}),
        )  # fmt: skip
        if check and done.returncode != 0:
            raise Refusal(422, done.stderr.decode().strip() or "git refused")
        return done.stdout.decode(errors="replace").strip() if check else done

    def blob(self, data):
        return self.git("hash-object", "-w", "--stdin", data=data)

    def tree(self, base, entries):
        index = {"GIT_INDEX_FILE": str(self.path / f"index.{threading.get_ident()}")}
        self.git("read-tree", *([base] if base else ["--empty"]), env=index)
        lines = b""
        for entry in entries:
            sha = self.blob(entry["content"].encode()) if "content" in entry else entry.get("sha")
            mode = entry["mode"] if sha else "0"
            lines += f"{mode} {sha or '0' * 40}\t{entry['path']}\0".encode()
        self.git("update-index", "-z", "--index-info", data=lines, env=index)
        return self.git("write-tree", env=index)

    def commit(self, message, tree, parents):
        return self.git("commit-tree", tree, *[part for p in parents for part in ("-p", p)], data=message.encode())

    def sha(self, ref):
        done = self.git("rev-parse", "-q", "--verify", f"{ref}^{{commit}}", check=False)
        return done.stdout.decode().strip() or None

    def text(self, path, ref="main"):
        return self.git("show", f"{ref}:{path}", check=False).stdout.decode()


class GitHubDouble:
    def __init__(self, folder, contract):
        self.folder, self.contract = folder, contract
        self.repos, self.seen, self.problems, self.plan = {}, [], [], []
        self.done = []  # (method, path, body's bytes, answer) of each request that changed something
        self.tokens = {}  # token -> None: everything; else a set of permissions such as "issues=write"
        self.lock = threading.RLock()
        self.remaining = LIMIT
        self.served = set()

    def repo(self, name):
        with self.lock:
            if name not in self.repos:
                self.repos[name] = Repo(self.folder, name)
            return self.repos[name]

    def copy(self, repo, name):
        """Another repository that stands as this one does."""
        made = self.repos[name] = copy.deepcopy(repo)
        made.name, made.path = name, self.folder / f"{name}.git"
        shutil.copytree(repo.path, made.path)
        return made

    def __enter__(self):
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                double.serve(self)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def writes(self, pattern=""):
        """[(method, path, body)] of what changed something."""
        return [(m, p, b) for m, p, _, b in self.seen if m != "GET" and re.search(pattern, p)]

    # One exchange

    def serve(self, handler):
        parts = urlsplit(handler.path)
        path = unquote(parts.path.removeprefix("/api/v3"))
        data = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if ".git/" in path:
            return self.serve_git(handler, path, parts.query, data)
        body = json.loads(data) if data else None
        query = dict(parse_qsl(parts.query))
        with self.lock:
            self.seen.append((handler.command, handler.path, dict(handler.headers), body))
            fault = self.fault(handler, path)
        if "hold" in fault and not fault.get("done"):
            return self.hold(handler, fault)
        with self.lock:
            try:
                if "status" in fault:
                    raise Refusal(fault["status"], fault.get("message", "no"), fault.get("headers"))
                status, headers, answer = self.answer(handler, path, query, body)
                if handler.command != "GET":
                    self.done.append((handler.command, handler.path, data, answer))
            except Refusal as refusal:
                status, headers, answer = refusal.status, dict(refusal.headers), refusal.body
            except Exception as error:
                self.problems.append(f"{handler.command} {path}: the double failed: {error!r}")
                raise
        if "hold" in fault:
            return self.hold(handler, fault)
        if fault and "status" not in fault:
            return self.hang_up(handler)
        return self.reply(handler, status, headers, answer)

    def fault(self, handler, path):
        """What `plan` has for this request: refused with `status`, held, or else done and not answered. {}: nothing."""
        fault = next((f for f in self.plan if f["method"] == handler.command and re.search(f["path"], path)), {})
        if fault:
            self.plan.remove(fault)
        return fault

    def hold(self, handler, fault):
        """Nobody hears whether it is done: with `done` it is, else it never will be."""
        fault["held"].set()
        fault["hold"].wait(60)
        return self.hang_up(handler)

    def hang_up(self, handler):
        handler.close_connection = True
        handler.connection.close()

    def reply(self, handler, status, headers, answer):
        text = b"" if answer is None else json.dumps(answer).encode()
        etag = f'W/"{hashlib.sha256(text).hexdigest()}"'
        if handler.command == "GET" and status == 200 and handler.headers.get("If-None-Match") == etag:
            status, text = 304, b""
        else:
            self.remaining -= 1
        sent = {"X-RateLimit-Limit": LIMIT, "X-RateLimit-Remaining": self.remaining, "X-RateLimit-Reset": int(time.time()) + 3600,
                "X-GitHub-Request-Id": "D0UB:1E", "ETag": etag} | headers  # fmt: skip
        handler.send_response(status)
        for name, value in sent.items():
            handler.send_header(name, str(value))
        if status != 304:
            handler.send_header("Content-Type", "application/json; charset=utf-8")
            handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def answer(self, handler, path, query, body):
        route = self.contract.route(handler.command, path)
        if route is None:
            self.problems.append(f"{handler.command} {path}: is not served")
            raise Refusal(404, "Not Found")
        described, given = route
        what = f"{handler.command} {path}"
        self.served.add(f"{handler.command} {described}")
        self.allow(handler, described)
        self.problems += [f"{what}: {e}" for e in self.contract.request_errors(handler.command, described, query, body)]
        name = f"{given['owner']}/{given['repo']}"
        if name not in self.repos:
            raise Refusal(404, "Not Found")
        repo = self.repos[name]
        if repo.moved:
            raise Refusal(301, "Moved Permanently", {"Location": f"{self.url}/repos/{repo.moved}{path.split(name, 1)[1]}"})
        operation = self.contract.document["paths"][described][handler.command.lower()]["operationId"]
        call = getattr(self, operation.replace("/", "_").replace("-", "_"))
        status, answer = call(repo, given, query, body or {})
        headers = {}
        if handler.command == "GET" and isinstance(answer, list):
            answer, headers = self.page(handler, answer, query)
        schema = self.contract.document["paths"][described][handler.command.lower()]["responses"][str(status)]
        answer = self.fill(self.contract.resolve(schema)["content"]["application/json"]["schema"], answer)
        shown = answer[:5] if isinstance(answer, list) else answer  # what is in one list is made in one way
        self.problems += [f"{what}: {e}" for e in self.contract.reply_errors(handler.command, described, status, shown)]
        return status, headers, answer

    def allow(self, handler, described):
        given = handler.headers.get("Authorization", "")
        token = given.split()[-1] if given else ""
        if token not in self.tokens:
            raise Refusal(401, "Bad credentials")
        allowed = self.tokens[token]
        kind = "contents" if re.search("/git/|/contents/|/commits|/merge", described) else "metadata"
        kind = "pull_requests" if "/pulls" in described and kind == "metadata" else kind
        kind = "issues" if "/issues" in described else kind
        needed = f"{kind}={'read' if handler.command == 'GET' else 'write'}"
        if allowed is not None and needed not in allowed and needed.replace("read", "write") not in allowed:
            raise Refusal(403, "Resource not accessible by personal access token", {"X-Accepted-GitHub-Permissions": needed})

    def page(self, handler, items, query):
        size, number = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        last = max(1, -(-len(items) // size))
        base = self.url + re.sub(r"[?&]page=\d+", "", handler.path)
        base += "&" if "?" in base else "?"
        link = [f'<{base}page={p}>; rel="{rel}"' for rel, p in (("next", number + 1), ("last", last)) if number < last]
        return items[(number - 1) * size : number * size], {"Link": ", ".join(link)} if link else {}

    def fill(self, schema, value):
        """What the description requires and a test has no use for."""
        schema = self.contract.resolve(schema)
        for part in schema.get("anyOf", schema.get("oneOf", [])):
            part = self.contract.resolve(part)
            wanted = {dict: "object", list: "array", str: "string", int: "integer"}.get(type(value))
            if part.get("type") == wanted or (part.get("type") is None and isinstance(value, dict)):
                schema = part
                break
        if isinstance(value, list):
            return [self.fill(schema.get("items", {}), item) for item in value]
        if not isinstance(value, dict):
            return value
        properties = {}
        for part in [schema, *map(self.contract.resolve, schema.get("allOf", []))]:
            properties |= part.get("properties", {})
            for name in part.get("required", []):
                if name not in value:
                    value[name] = self.blank(part["properties"][name], name)
        return {name: self.fill(properties[name], item) if name in properties else item for name, item in value.items()}

    def blank(self, schema, name):
        schema = self.contract.resolve(schema)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                kinds = [self.contract.resolve(part) for part in schema[several]]
                return None if any(kind.get("type") == "null" for kind in kinds) else self.blank(kinds[0], name)
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        if kind == "string":
            return LONG_AGO if schema.get("format") == "date-time" else f"{self.url}/{name}" if schema.get("format") == "uri" else name
        return {"integer": 0, "number": 0, "boolean": False, "array": []}.get(kind, {}) if kind != "object" else self.fill(schema, {})

    # Operations, by GitHub's names for them

    def user(self, login="octo"):
        return {"login": login, "id": 1, "html_url": f"{self.url}/{login}", "type": "User"}

    def label(self, name):
        return {"id": 1, "name": name, "color": "ededed", "description": "", "url": f"{self.url}/labels/{name}"}

    def repos_get(self, repo, *_):
        owner, name = repo.name.split("/")
        return 200, {"id": 7, "name": name, "full_name": repo.name, "owner": self.user(owner), "default_branch": "main",
                     "html_url": f"{self.url}/{repo.name}", "clone_url": f"{self.url}/{repo.name}.git", "description": None,
                     "url": f"{self.url}/repos/{repo.name}",
                     "open_issues_count": sum(i["state"] == "open" for i in repo.issues.values()), "private": True}  # fmt: skip

    def issues_list_for_repo(self, repo, given, query, body):
        rows = sorted(repo.issues.values(), key=lambda i: i["number"], reverse=query.get("direction", "desc") == "desc")
        state, labels = query.get("state", "open"), set(filter(None, query.get("labels", "").split(",")))
        return 200, [i for i in rows if state in ("all", i["state"]) and i["updated_at"] >= query.get("since", "")
                     and labels <= {label["name"] for label in i["labels"]}]  # fmt: skip

    def number(self, repo):
        return len(repo.issues) + 1

    def new_issue(self, repo, title, body, **more):
        number = self.number(repo)
        url = f"{self.url}/repos/{repo.name}/issues/{number}"
        repo.issues[number] = {
            "id": 1000 + number, "number": number, "title": title, "body": body, "state": "open", "user": self.user(), "comments": 0,
            "labels": [], "assignees": [], "assignee": None, "milestone": None, "closed_at": None, "state_reason": None, "url": url,
            "html_url": f"{self.url}/{repo.name}/issues/{number}", "created_at": now(), "updated_at": now(), **more,
        }  # fmt: skip
        return repo.issues[number]

    def issues_create(self, repo, given, query, body):
        issue = self.new_issue(repo, str(body["title"]), body.get("body"))
        return 201, self.change(repo, issue, body)

    def change(self, repo, issue, body):
        for name in ("title", "body", "state", "state_reason"):
            if name in body:
                issue[name] = body[name]
        if "labels" in body:
            issue["labels"] = [self.label(name) for name in body["labels"]]
        if "assignees" in body:
            issue["assignees"] = [self.user(login) for login in body["assignees"]]
        issue["closed_at"] = now() if issue["state"] == "closed" else None
        issue["updated_at"] = now()
        return dict(issue)

    def issue(self, repo, given):
        found = repo.issues.get(int(given["issue_number"]))
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def issues_get(self, repo, given, query, body):
        return 200, dict(self.issue(repo, given))

    def issues_update(self, repo, given, query, body):
        return 200, self.change(repo, self.issue(repo, given), body)

    def issues_list_comments(self, repo, given, query, body):
        number = self.issue(repo, given)["number"]
        return 200, [dict(c) for c in repo.comments if c["issue"] == number and c["updated_at"] >= query.get("since", "")]

    def issues_create_comment(self, repo, given, query, body):
        issue = self.issue(repo, given)
        issue["comments"] += 1
        number = len(repo.comments) + 1
        comment = {"id": number, "body": body["body"], "user": self.user(), "created_at": now(), "updated_at": now(),
                   "html_url": f"{issue['html_url']}#issuecomment-{number}", "issue_url": issue["url"], "issue": issue["number"],
                   "author_association": "OWNER"}  # fmt: skip
        repo.comments.append(comment)
        return 201, dict(comment)

    def issues_add_labels(self, repo, given, query, body):
        issue = self.issue(repo, given)
        there = [label["name"] for label in issue["labels"]]
        issue["labels"] += [self.label(name) for name in body["labels"] if name not in there]
        return 200, list(issue["labels"])

    def issues_add_assignees(self, repo, given, query, body):
        issue = self.issue(repo, given)
        there = [user["login"] for user in issue["assignees"]]
        issue["assignees"] += [self.user(login) for login in body["assignees"] if login not in there]
        return 201, dict(issue)

    def pull(self, repo, given):
        found = repo.pulls.get(int(given["pull_number"]))
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def shown(self, repo, pull):
        def side(ref):
            owner = repo.name.split("/")[0]
            return {"ref": ref, "label": f"{owner}:{ref}", "sha": repo.sha(f"refs/heads/{ref}") or pull["tip"], "user": self.user(owner),
                    "repo": self.repos_get(repo)[1]}  # fmt: skip

        issue = repo.issues[pull["number"]]
        links = {name: {"href": pull["url"]} for name in
                 ("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment", "self")}  # fmt: skip
        return {**{key: issue[key] for key in ("title", "body", "state", "labels", "user", "closed_at", "assignee", "assignees")}, **pull,
                "head": side(pull["head"]), "base": side(pull["base"]), "_links": links, "milestone": None, "auto_merge": None,
                "author_association": "OWNER", "requested_reviewers": [self.user(login) for login in pull["reviewers"]]}  # fmt: skip

    def pulls_list(self, repo, given, query, body):
        state, head = query.get("state", "open"), query.get("head", "").split(":")[-1]
        rows = [self.shown(repo, p) for p in reversed(repo.pulls.values())]
        return 200, [p for p in rows if state in ("all", p["state"]) and head in ("", p["head"]["ref"])
                     and query.get("base", "") in ("", p["base"]["ref"])]  # fmt: skip

    def pulls_create(self, repo, given, query, body):
        for name in ("head", "base"):
            if not repo.sha(f"refs/heads/{body[name]}"):
                raise Refusal(422, "Validation Failed", errors=[{"resource": "PullRequest", "field": name, "code": "invalid"}])
        if any(p["head"] == body["head"] and repo.issues[p["number"]]["state"] == "open" for p in repo.pulls.values()):
            raise Refusal(422, "Validation Failed", errors=[{
                "resource": "PullRequest", "code": "custom", "message": f"A pull request already exists for {body['head']}."}])  # fmt: skip
        if repo.sha(f"refs/heads/{body['head']}") == repo.sha(f"refs/heads/{body['base']}"):
            raise Refusal(422, "Validation Failed", errors=[{
                "resource": "PullRequest", "code": "custom", "message": "No commits between base and head"}])  # fmt: skip
        issue = self.new_issue(repo, body["title"], body.get("body"))
        number = issue["number"]
        issue["html_url"] = f"{self.url}/{repo.name}/pull/{number}"
        issue["pull_request"] = {"url": "", "html_url": issue["html_url"], "diff_url": None, "patch_url": None}
        repo.pulls[number] = {
            "number": number, "id": number, "head": body["head"], "base": body["base"], "draft": body.get("draft", False),
            "html_url": issue["html_url"], "url": f"{self.url}/repos/{repo.name}/pulls/{number}", "merged": False, "merged_at": None,
            "merge_commit_sha": None, "created_at": now(), "updated_at": now(), "reviewers": [], "tip": None, "merged_by": None,
            "mergeable": True,
        }  # fmt: skip
        return 201, self.shown(repo, repo.pulls[number])

    def pulls_get(self, repo, given, query, body):
        return 200, self.shown(repo, self.pull(repo, given))

    def pulls_request_reviewers(self, repo, given, query, body):
        pull = self.pull(repo, given)
        pull["reviewers"] += [login for login in body.get("reviewers", []) if login not in pull["reviewers"]]
        return 201, self.shown(repo, pull)

    def pulls_merge(self, repo, given, query, body):
        pull = self.pull(repo, given)
        head = repo.sha(f"refs/heads/{pull['head']}")
        if body.get("sha") not in (None, head):
            raise Refusal(409, "Head branch was modified. Review and try the merge again.")
        if pull["merged"] or not pull["mergeable"]:
            raise Refusal(405, "Pull Request is not mergeable")
        base = repo.sha(f"refs/heads/{pull['base']}")
        merge = repo.commit(body.get("commit_title") or "Merge", f"{head}^{{tree}}", [base, head])
        repo.git("update-ref", f"refs/heads/{pull['base']}", merge)
        pull |= {"merged": True, "merged_at": now(), "merge_commit_sha": merge, "tip": head}
        repo.issues[pull["number"]]["state"] = "closed"
        return 200, {"sha": merge, "merged": True, "message": "Pull Request successfully merged"}

    def repos_get_content(self, repo, given, query, body):
        path, sha = given["path"], repo.sha(query.get("ref", "main"))
        kind = repo.git("cat-file", "-t", f"{sha}:{path}", check=False).stdout.decode().strip()
        if not kind:
            raise Refusal(404, "Not Found")
        url = f"{self.url}/repos/{repo.name}/contents/{path}"
        if kind == "tree":
            names = repo.git("ls-tree", "--name-only", f"{sha}:{path}").splitlines()
            return 200, [{"type": "file", "name": name, "path": f"{path}/{name}", "sha": "0", "size": 0, "url": url, "git_url": url,
                          "html_url": url, "download_url": url, "_links": {"git": url, "html": url, "self": url}} for name in names]  # fmt: skip
        data = repo.git("cat-file", "blob", f"{sha}:{path}", check=False).stdout
        return 200, {"type": "file", "encoding": "base64", "size": len(data), "name": path.split("/")[-1], "path": path,
                     "content": base64.encodebytes(data).decode(), "sha": repo.git("rev-parse", f"{sha}:{path}"), "url": url,
                     "git_url": url, "html_url": url, "download_url": url, "_links": {"git": url, "html": url, "self": url}}  # fmt: skip

    def git_commits(self, repo, start, count=1):
        who = {"name": "octo", "email": "octo@example.com", "date": now()}
        for row in repo.git("log", "-z", f"--max-count={count}", "--format=%H%n%T%n%B", start).rstrip("\0").split("\0"):
            sha, tree, message = row.split("\n", 2)
            url = f"{self.url}/repos/{repo.name}/git/commits/{sha}"
            yield {"sha": sha, "url": url, "html_url": url, "message": message.strip(), "tree": {"sha": tree, "url": url},
                   "author": who, "committer": who, "parents": []}  # fmt: skip

    def repos_list_commits(self, repo, given, query, body):
        start = repo.sha(query.get("sha", "main"))
        if start is None:
            raise Refusal(404, "Not Found")
        rows = self.git_commits(repo, start, min(int(query.get("per_page", 30)), 200))
        return 200, [{"sha": row["sha"], "url": "http://u", "html_url": "http://u", "comments_url": "http://u", "author": None,
                      "committer": None, "parents": [], "commit": {**row, "comment_count": 0}} for row in rows]  # fmt: skip

    def ref(self, repo, ref):
        sha = repo.sha(f"refs/{ref}")
        if sha is None:
            raise Refusal(404, "Not Found")
        url = f"{self.url}/repos/{repo.name}/git/refs/{ref}"
        return {"ref": f"refs/{ref}", "node_id": "R", "url": url, "object": {"type": "commit", "sha": sha, "url": url}}

    def git_get_ref(self, repo, given, query, body):
        return 200, self.ref(repo, given["ref"])

    def git_create_ref(self, repo, given, query, body):
        if repo.sha(body["ref"]):
            raise Refusal(422, "Reference already exists")
        repo.git("update-ref", body["ref"], body["sha"])
        return 201, self.ref(repo, body["ref"].removeprefix("refs/"))

    def git_update_ref(self, repo, given, query, body):
        old = self.ref(repo, given["ref"])["object"]["sha"]
        forward = repo.git("merge-base", "--is-ancestor", old, body["sha"], check=False).returncode == 0
        if not forward and not body.get("force"):
            raise Refusal(422, "Update is not a fast forward")
        repo.git("update-ref", f"refs/{given['ref']}", body["sha"])
        return 200, self.ref(repo, given["ref"])

    def git_create_blob(self, repo, given, query, body):
        data = base64.b64decode(body["content"]) if body.get("encoding") == "base64" else body["content"].encode()
        return 201, {"sha": repo.blob(data), "url": f"{self.url}/blob"}

    def git_create_tree(self, repo, given, query, body):
        sha = repo.tree(body.get("base_tree"), body["tree"])
        return 201, {"sha": sha, "url": f"{self.url}/tree", "truncated": False, "tree": []}

    def git_create_commit(self, repo, given, query, body):
        return 201, next(self.git_commits(repo, repo.commit(body["message"], body["tree"], body.get("parents", []))))

    # git itself

    def serve_git(self, handler, path, query, data):
        given = handler.headers.get("Authorization", "").removeprefix("Basic ")
        user, _, token = base64.b64decode(given).decode(errors="replace").partition(":")
        self.seen.append((handler.command, handler.path, dict(handler.headers), None))
        writes = "git-receive-pack" in path + query
        allowed = self.tokens.get(token, ())
        if token not in self.tokens or (writes and allowed is not None and "contents=write" not in allowed):
            return self.refuse_git(handler, 403 if token in self.tokens else 401)
        fault = self.fault(handler, path)
        if "hold" in fault:  # until the test says so
            fault["held"].set()
            fault["hold"].wait(60)
        if "status" in fault:
            return self.refuse_git(handler, fault["status"])
        env = os.environ | {
            "GIT_PROJECT_ROOT": str(self.folder), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": handler.command, "CONTENT_TYPE": handler.headers.get("Content-Type", ""), "REMOTE_USER": user,
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""), "CONTENT_LENGTH": str(len(data)),
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], input=data, capture_output=True, env=env, check=False)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        if fault:  # the work is done, and nobody hears of it
            return self.hang_up(handler)
        lines = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        handler.send_response(int(lines.pop("Status", "200").split()[0]))
        for name, value in lines.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return None

    def refuse_git(self, handler, status):
        handler.send_response(status)
        if status == 401:
            handler.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
        handler.send_header("Content-Length", "0")
        handler.end_headers()
