"""GitHub's own description of its API (npm @octokit/openapi), cut down to what the double serves.

The whole has 811 paths; reading and resolving it takes seconds, so what is needed of it is kept beside it in the cache.
"""

import hashlib
import json
import os
import re
from pathlib import Path

from jsonschema import Draft202012Validator

OPERATIONS = (
    "GET /repos/{owner}/{repo}",
    "GET /repos/{owner}/{repo}/issues",
    "POST /repos/{owner}/{repo}/issues",
    "GET /repos/{owner}/{repo}/issues/{issue_number}",
    "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/assignees",
    "GET /repos/{owner}/{repo}/pulls",
    "POST /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
    "GET /repos/{owner}/{repo}/contents/{path}",
    "GET /repos/{owner}/{repo}/commits",
    "GET /repos/{owner}/{repo}/git/ref/{ref}",
    "POST /repos/{owner}/{repo}/git/refs",
    "PATCH /repos/{owner}/{repo}/git/refs/{ref}",
    "POST /repos/{owner}/{repo}/git/blobs",
    "POST /repos/{owner}/{repo}/git/trees",
    "POST /repos/{owner}/{repo}/git/commits",
)
DEEP = {"ref", "path"}  # path parameters that may hold slashes


def modern(node):
    """OpenAPI 3.0's nullable as JSON Schema says it; examples are left out."""
    if isinstance(node, list):
        return [modern(item) for item in node]
    if not isinstance(node, dict):
        return node
    said = ("example", "examples", "x-github")
    node = {key: modern(value) for key, value in node.items()
            if key not in said and not (key == "description" and isinstance(value, str))}  # fmt: skip
    if node.pop("nullable", False):
        node = {"anyOf": [node, {"type": "null"}]}
    return node


def cut(document):
    kept = {"paths": {}, "components": {}}
    wanted = []

    def follow(node):
        if isinstance(node, dict):
            if "$ref" in node:
                wanted.append(node["$ref"])
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for value in node:
                follow(value)

    for name in OPERATIONS:
        method, path = name.split()
        operation = document["paths"][path][method.lower()]
        operation = {key: operation[key] for key in ("parameters", "requestBody", "responses", "operationId") if key in operation}
        kept["paths"].setdefault(path, {})[method.lower()] = modern(operation)
        follow(kept["paths"][path][method.lower()])
    while wanted:
        _, section, kind, name = wanted.pop().split("/")
        if name not in kept[section].setdefault(kind, {}):
            kept[section][kind][name] = modern(document[section][kind][name])
            follow(kept[section][kind][name])
    return kept


def load(node_modules, cache):
    source = Path(node_modules) / "@octokit" / "openapi" / "generated" / "api.github.com.json"
    assert source.exists(), "the npm packages are missing; run: scripts/setup test-tools"
    own = hashlib.sha256(Path(__file__).read_bytes() + str(source.stat().st_size).encode()).hexdigest()[:12]
    kept = Path(cache) / "work" / f"github-{own}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(cut(json.loads(source.read_text()))))
        fresh.rename(kept)
    return Contract(json.loads(kept.read_text()))


class Contract:
    def __init__(self, document):
        self.document = document
        self.validators = {}
        self.routes = []
        for path, item in document["paths"].items():
            pattern = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] in DEEP else '[^/]+'})", path)
            self.routes += [(method.upper(), re.compile(pattern + "$"), path) for method in item]

    def route(self, method, path):
        """(the path as described, its parameters), or None."""
        for wanted, pattern, described in self.routes:
            match = pattern.match(path)
            if wanted == method and match:
                return described, match.groupdict()
        return None

    def resolve(self, node):
        while "$ref" in node:
            _, section, kind, name = node["$ref"].split("/")
            node = self.document[section][kind][name]
        return node

    def check(self, schema, instance, what):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = Draft202012Validator({**schema, "components": self.document["components"]})
        errors = [f"{error.json_path}: {error.message}"[:300] for error in self.validators[key].iter_errors(instance)]
        return [f"{what} {error}" for error in errors]

    def request_errors(self, method, described, query, body):
        operation = self.document["paths"][described][method.lower()]
        errors = []
        known = {}
        for parameter in map(self.resolve, operation.get("parameters", [])):
            if parameter["in"] == "query":
                known[parameter["name"]] = parameter["schema"]
                if parameter.get("required") and parameter["name"] not in query:
                    errors.append(f"query {parameter['name']} is missing")
        for name, value in query.items():
            if name not in known:
                errors.append(f"query {name} is not described")
                continue
            kind = self.resolve(known[name]).get("type")
            value = int(value) if kind == "integer" and value.isdigit() else value
            errors += self.check(known[name], value, f"query {name}")
        wanted = operation.get("requestBody")
        if body is None:
            return errors + (["a body is missing"] if wanted and wanted.get("required") else [])
        if not wanted:
            return [*errors, "a body where none is described"]
        schema = wanted["content"]["application/json"]["schema"]
        unknown = set(body) - set(schema.get("properties", body)) if isinstance(body, dict) else ()
        return errors + self.check(schema, body, "body") + [f"body.{name} is not described" for name in unknown]

    def reply_errors(self, method, described, status, body):
        responses = self.document["paths"][described][method.lower()]["responses"]
        if str(status) not in responses:
            return [f"{status} is not described"]
        content = self.resolve(responses[str(status)]).get("content", {})
        if "application/json" not in content:
            return [] if body is None else ["a body where none is described"]
        return self.check(content["application/json"]["schema"], body, "answer")
