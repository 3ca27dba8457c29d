"""What a dry run and a proposal show is what then happens, byte for byte, and what the cluster's objects then really changed."""

import json
import os
import re
import time

import pytest
from client import Client
from kube import deployment, replica_set
from server import NimaServer

TASKS = "/v1/tasks"
PATIENCE_S = 120
SHOWN_BYTES = 4000  # of a diff in a conversation
CHOSEN = 30000 + os.getpid() % 80  # in the part of the range that nothing is drawn from
POD = {"containers": [{"name": "main", "image": "nginx:1.27"}], "restartPolicy": "Never"}


def manifest(kind, name, api="v1", **more):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": {"app": "web"}}, **more}


EVERYTHING = [  # what draws names, numbers and marks of its own when it is made
    manifest("ConfigMap", "settings", data={"mode": "on", "lines": "one\n  two: 'x'\n", "empty": "", "odd": "\u00e4 # \"b\"\ttab"}),
    manifest("Secret", "key", stringData={"token": "never-shown-at-all", "new": "a"}),
    manifest("Service", "front", spec={"type": "NodePort", "selector": {"app": "web"}, "ports": [
        {"name": "drawn", "port": 80}, {"name": "chosen", "port": 81, "nodePort": CHOSEN}]}),
    manifest("Job", "once", "batch/v1", spec={"template": {"spec": POD}}),
    manifest("Pod", "alone", spec=POD),
    deployment("web", 3, image="nginx:1.28"),
]  # fmt: skip
CASES = {  # of each writing action: its params, and the objects that are looked at; several times, one after the other
    "apply": [({"manifest": EVERYTHING, "force": True},
               [f"{item['kind'].lower()}/{item['metadata']['name']}" for item in EVERYTHING]),
              ({"manifest": [manifest("Secret", "key", stringData={"token": "another-one-again", "new": "a"})]}, ["secret/key"])],
    "deploy": [({"name": "shop", "image": "nginx:1.27", "replicas": 3, "port": 80, "env": {"B": 2, "A": "x"}}, ["deployment/shop", "service/shop"]),
               ({"name": "shop", "image": "nginx:1.28", "port": 81}, ["deployment/shop", "service/shop"])],
    "scale": [({"name": "web", "replicas": 5}, ["deployment/web"])],
    "set_image": [({"name": "web", "image": "nginx:1.29"}, ["deployment/web"])],
    "rollout_undo": [({"name": "back"}, ["deployment/back"])],
    "restart": [({"name": "web"}, ["deployment/web"])],
    "delete": [({"name": "web"}, ["deployment/web"])],
}  # fmt: skip


@pytest.fixture(scope="module")
def api(kube):
    with NimaServer(env={"NIMA_TASKS_K8S_KUBECONFIG": kube.config()}) as server:
        yield Client(server)


# The objects as they are, in lines: what is the cluster's own bookkeeping is left out, as docs/kubernetes.md says.

BOOKKEEPING = {"managedFields", "resourceVersion", "uid", "selfLink", "creationTimestamp", "generation"}
NOTES = {"nima/undone-by", "nima/restarted-by", "kubectl.kubernetes.io/last-applied-configuration"}


def cleaned(item, other):
    item = json.loads(json.dumps(item).replace(f'"{item["metadata"]["uid"]}"', '"(its uid)"'))
    item = {key: value for key, value in item.items() if key != "status"}
    metadata = {key: value for key, value in item["metadata"].items() if key not in BOOKKEEPING}  # its uid among them
    notes = {key: value for key, value in metadata.pop("annotations", {}).items() if key not in NOTES}
    item["metadata"] = dict(sorted((metadata | ({"annotations": notes} if notes else {})).items()))
    if item["kind"] == "Service":
        item["spec"] = {key: value for key, value in item["spec"].items() if not key.startswith("clusterIP")}
        for port in item["spec"]["ports"]:
            if port.get("nodePort") not in (None, CHOSEN):
                del port["nodePort"]  # nobody chose it
    if item["kind"] == "Secret":
        old = (other or {}).get("data", {})
        item["data"] = {key: f"({len(value)} characters, not shown{', another value' if old.get(key, value) != value else ''})"
                        for key, value in item["data"].items()}  # fmt: skip
    return item


def plain(text):
    return re.fullmatch(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?!$))*", text) and text not in ("true", "false", "null", "yes", "no", "on", "off")


def scalar(value, depth):
    if isinstance(value, str) and "\n" in value and value[0] not in " \n":
        lines = value[:-1].split("\n") if value.endswith("\n") else value.split("\n")
        return [" |" if value.endswith("\n") else " |-", *("  " * depth + line for line in lines)]
    return [" " + (value if isinstance(value, str) and plain(value) else json.dumps(value, ensure_ascii=False, separators=(",", ":")))]


def lines(value, depth=0):
    """As YAML is written: a list stands below its key."""
    out = []
    for key, inner in value.items() if isinstance(value, dict) else ((None, item) for item in value):
        head = "  " * depth + ("-" if key is None else (key if plain(key) else json.dumps(key)) + ":")
        if isinstance(inner, (dict, list)) and inner:
            below = lines(inner, depth + (key is None or isinstance(inner, dict)))
            if key is None:
                out += [f"{head} {below[0].lstrip(' ')}", *below[1:]]
            else:
                out += [head, *below]
        else:
            first, *more = scalar(inner, depth + 1)
            out += [head + first, *more]
    return out


def applied(before, diff):
    """The lines before with a diff done to them; it must fit them."""
    hunk = diff.split("\n")
    start, count, _, new = map(int, re.fullmatch(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@", hunk[0]).groups())
    old = [line[1:] for line in hunk[1:] if line[:1] in (" ", "-")]
    made = [line[1:] for line in hunk[1:] if line[:1] in (" ", "+")]
    assert before[start - 1 : start - 1 + count] == old and len(made) == new
    return before[: start - 1] + made + before[start - 1 + count :]


def live(kube, shop, names):
    """Each by its name as kind/name; None where it is not there."""
    text = kube.kubectl("get", *names, "--output=json", "--ignore-not-found", f"--namespace={shop}").strip()
    found = json.loads(text) if text else {"items": []}
    items = {f"{item['kind'].lower()}/{item['metadata']['name']}": item for item in found.get("items", [found])}
    return {name: items.get(name) for name in names}


def check(kube, shop, names, before, diff):
    """The diff shows of each object exactly what it has become."""
    shown = dict(part.split("\n", 1) for part in re.split(r"^# ", diff.rstrip("\n"), flags=re.MULTILINE)[1:])
    assert set(shown) <= {f"{shop}/{name}" for name in names}
    after = live(kube, shop, names)
    for name in names:
        old = lines(cleaned(before[name], None)) if before[name] else []
        new = lines(cleaned(after[name], before[name])) if after[name] else []
        part = shown.get(f"{shop}/{name}")
        assert (applied(old, part) if part else old) == new, f"{name}:\n{part}"


def settled(api, task):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        row = api.get(f"{TASKS}/{task}/status", expect=200).json()
        if row["status"] in ("completed", "failed", "cancelled"):
            return row
        time.sleep(0.1)
    raise AssertionError(row)


def test_every_change_is_shown_as_it_then_is(api, kube, shop):
    web, back = deployment("web", 2), deployment("back", image="nginx:2")
    back["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    kube.apply(web, back, namespace=shop)
    uid = kube.raw("deployment", "back", shop)["metadata"]["uid"]
    kube.apply(replica_set("back", 1, uid), replica_set("back", 2, uid), namespace=shop)
    known = {row["type"]: row["actions"] for row in api.get(f"{TASKS}/integrations", expect=200).json()}["k8s"]
    writing = [action["name"] for action in known if action["writes"]]
    assert set(writing) == set(CASES), "an action that changes something has its case here"
    for action in writing:
        for params, names in CASES[action]:
            params = {"namespace": shop, **params}
            before = live(kube, shop, names)
            body = {"type": "k8s", "action": action, "params": params, "dry_run": True}
            would = api.post(f"{TASKS}/execute", body, expect=200).json()["result"]["would"]
            asked = api.chat(f"/task k8s.{action} {json.dumps(params)}").json()
            diff = asked["response"].split("```diff\n")[1].split("```")[0]
            assert live(kube, shop, names) == before, "shown, not done"
            said = api.chat("yes", conversation_id=asked["conversation_id"]).json()
            task = settled(api, asked["actions"][0]["id"])
            assert task["status"] == "completed", (action, task["error"])
            assert task["result"]["diff"].splitlines() == would["diff"].splitlines() and task["result"] == would, action
            assert diff == would["diff"] or (len(would["diff"]) > SHOWN_BYTES and would["diff"].startswith(diff.rstrip("\n"))), action
            late = said["response"].startswith("I am at it")  # on a machine that has other things to do
            assert late or f"```diff\n{diff}```" in said["response"]
            check(kube, shop, names, before, task["result"]["diff"])
            assert would["diff"] != "" and "never-shown" not in task["result"]["diff"] + said["response"]
