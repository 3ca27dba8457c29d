"""The k8s integration when things go wrong: servers away, answers lost, a killed Nima; and where tokens may not be."""

import json
import threading
import time
from pathlib import Path

import kube as clusters
import pytest
from client import Client
from kube import REVISION, deployment, replica_set
from kube_proxy import Proxy

TASKS = "/v1/tasks"
PATIENCE_S = 60


@pytest.fixture
def proxy(kube):
    with Proxy(kube) as running:
        yield running


def begin(api, action, **params):
    more = {key: params.pop(key) for key in ("timeout_s", "max_attempts") if key in params}
    return api.post(f"{TASKS}/execute", {"type": "k8s", "action": action, "params": params, **more}, expect=202).json()


def until(what, happens, patience_s=2 * PATIENCE_S):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        found = happens()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {patience_s} s: {what}")


def task_of(api, task):
    return api.get(f"{TASKS}/{task['id']}/status", expect=200).json()


def settled(api, task):
    def over():
        row = task_of(api, task)
        return row if row["status"] in ("completed", "failed", "cancelled") else None

    return until(f"the end of {task}", over)


def allowed(config, **more):
    return {"env": {"NIMA_TASKS_K8S_KUBECONFIG": config, "NIMA_TASKS_K8S_PERMISSION": "allow", **more}}


def test_a_server_that_goes_away_in_mid_watch_is_waited_for(kube, shop, proxy, start_server):
    kube.apply(deployment("web", 1), namespace=shop)
    api = Client(start_server(**allowed(kube.config(url=proxy.url, name="watch"))))
    task = begin(api, "rollout_status", namespace=shop, name="web", wait_s=300, timeout_s=320, max_attempts=20)
    until("a watch", lambda: any("watch=true" in path for _, path in list(proxy.seen)))
    proxy.stop()
    until("another attempt", lambda: task_of(api, task)["attempts"] > 1)
    kube.status("deployment", "web", shop, {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
                                            "readyReplicas": 1, "availableReplicas": 1})  # fmt: skip
    proxy.start()
    task = settled(api, task)
    assert task["status"] == "completed" and task["result"]["state"] == "complete", task


def test_a_server_with_an_expired_certificate_is_not_trusted(kube, shop, start_server):
    kube.certificate("stale", "/CN=127.0.0.1", "-extfile", "san.cnf", days="-1")
    with Proxy(kube, certificate="stale") as stale:
        api = Client(start_server(**allowed(kube.config(url=stale.url, name="stale"))))
        task = settled(api, begin(api, "scale", namespace=shop, name="web", replicas=2))
        assert task["status"] == "failed" and task["attempts"] == 1 and task["error_code"] == "forbidden"
        assert "expired" in task["error"] and "a certificate is not accepted" in task["error"]
        assert stale.seen == [], "no request, and no token, was sent there"


def test_what_may_pass_is_tried_again_and_done_once(kube, shop, proxy, start_server):
    kube.apply(*[deployment(name) for name in ("busy", "web", "told", "away")], namespace=shop)
    api = Client(start_server(**allowed(kube.config(url=proxy.url, name="busy"))))
    refusals = {"busy": [(429, {}), (503, {})], "web": [(500, {}), (502, {})], "told": [(429, {"Retry-After": "1"})],
                "away": [(503, {})] * 2}  # fmt: skip

    def refused(method, path):
        name = path.partition("?")[0].rpartition("/")[2]
        return None if name == "web" and (method != "PATCH" or "dryRun" in path) else refusals.get(name)

    proxy.refused = refused
    begun = [begin(api, "get", namespace=shop, name="busy", max_attempts=5),
             begin(api, "scale", namespace=shop, name="web", replicas=3, max_attempts=5),
             begin(api, "get", namespace=shop, name="told", max_attempts=1),
             begin(api, "get", namespace=shop, name="away", max_attempts=2)]  # fmt: skip
    busy, web, told, away = (settled(api, task) for task in begun)
    assert busy["status"] == "completed" and busy["attempts"] == 3, busy
    assert web["status"] == "completed" and web["attempts"] == 3, web
    assert kube.raw("deployment", "web", shop)["metadata"]["generation"] == 2, "changed once"
    assert told["status"] == "completed", "kubectl itself waits as long as it is told"
    assert away["status"] == "failed" and away["error_code"] == "unavailable" and away["attempts"] == 2, away


MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"mode": "on"}}
CHANGES = {  # of each: what is asked for, and the objects that it writes
    "apply": ({"manifest": MANIFEST}, ["configmaps/settings"]),
    "deploy": ({"name": "front", "image": "nginx:1.27", "port": 80}, ["deployments/front", "services/front"]),
    "scale": ({"name": "web", "replicas": 5}, ["deployments/web"]),
    "set_image": ({"name": "tool", "image": "nginx:2"}, ["deployments/tool"]),
    "rollout_undo": ({"name": "back"}, ["deployments/back"]),
    "restart": ({"name": "anew"}, ["deployments/anew"]),
    "delete": ({"name": "gone"}, ["deployments/gone"]),
}
AT_ONCE = 2


class FirstOfEach:
    """Says yes once to the first call that changes an object, and counts them all."""

    def __init__(self):
        self.calls = {}

    def __call__(self, method, path):
        if method == "GET" or "dryRun" in path:
            return False
        name = "/".join(path.partition("?")[0].split("/")[-2:])
        self.calls[name] = self.calls.get(name, 0) + 1
        return self.calls[name] == 1


def stage(kube, shop):
    """What the changes begin from."""
    two = deployment("back", image="nginx:2")
    two["metadata"]["annotations"] = {REVISION: "2"}
    kube.apply(two, deployment("web"), deployment("tool"), deployment("anew"), deployment("gone"), namespace=shop)
    uid = kube.raw("deployment", "back", shop)["metadata"]["uid"]
    kube.apply(replica_set("back", 1, uid), replica_set("back", 2, uid), namespace=shop)


def control(kube, shop):
    """What the controller makes of an undo: the old template is the latest revision."""
    for kind, name in (("deployment", "back"), ("replicaset", "back-1")):
        kube.kubectl("annotate", kind, name, f"--namespace={shop}", "--overwrite", f"{REVISION}=3")


def kills(kube, shop, proxy, server, actions, first):
    """All of them at once, and Nima is killed at the first call of each: again and again, since two are under way at a time."""
    stage(kube, shop)
    begun = [begin(Client(server), action, namespace=shop, max_attempts=9, **CHANGES[action][0]) for action in actions]
    all_calls = {name for action in actions for name in CHANGES[action][1]}
    while left := all_calls - set(first.calls):
        until(f"calls for {left}", lambda wanted=min(AT_ONCE, len(left)): len(proxy.holding) >= wanted)
        server.kill()
        if proxy.held is not None and any("deployments/back" in path for _, path in proxy.holding):
            control(kube, shop)
        proxy.release.set()
        proxy.holding.clear()
        proxy.release.clear()
        server.start().wait_ready()
    rows = {row["action"]: row for row in (settled(Client(server), task) for task in begun)}
    assert {(row["status"], row["attempts"] > 1) for row in rows.values()} == {("completed", True)}, rows
    assert set(first.calls) == all_calls
    live = {name: kube.raw("deployment", name, shop) for name in ("web", "tool", "back", "anew")}
    back = live["back"]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert back == "nginx:1" and live["back"]["metadata"]["annotations"]["nima/undone-by"] == rows["rollout_undo"]["id"]
    assert live["anew"]["spec"]["template"]["metadata"]["annotations"] == {"nima/restarts": "1"}
    assert kube.json("get", "configmap", "settings", f"--namespace={shop}")["data"] == {"mode": "on"}
    assert "gone" not in kube.kubectl("get", "deployments", "--output=name", f"--namespace={shop}")
    assert rows["delete"]["result"]["objects"][0]["change"] == "deleted", "a later attempt finds it gone, as it should be"
    return live, {name: item["metadata"]["generation"] for name, item in live.items()}


def test_a_nima_killed_before_the_cluster_hears_of_it_does_each_change_once(kube, shop, proxy, start_server):
    server, first = start_server(**allowed(kube.config(url=proxy.url, name="lost"), NIMA_TASKS_LEASE_S=2)), FirstOfEach()
    known = {row["type"]: row["actions"] for row in Client(server).get(f"{TASKS}/integrations", expect=200).json()}
    assert {action["name"] for action in known["k8s"] if action["writes"]} == set(CHANGES)
    proxy.lost = first
    live, generations = kills(kube, shop, proxy, server, CHANGES, first)
    assert min(first.calls.values()) > 1, f"the first of each was lost: {first.calls}"
    assert generations == {"web": 2, "tool": 2, "back": 2, "anew": 2}
    assert live["web"]["spec"]["replicas"] == 5 and live["tool"]["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    assert kube.raw("deployment", "front", shop)["metadata"]["generation"] == 1
    assert kube.json("get", "service", "front", f"--namespace={shop}")["spec"]["ports"][0]["port"] == 80


def test_a_nima_killed_after_the_cluster_has_done_it_doubles_nothing(kube, shop, proxy, start_server):
    server, first = start_server(**allowed(kube.config(url=proxy.url, name="kill"), NIMA_TASKS_LEASE_S=2)), FirstOfEach()
    proxy.held = first
    _, generations = kills(kube, shop, proxy, server, ["apply", "rollout_undo", "restart", "delete"], first)
    assert generations == {"web": 1, "tool": 1, "back": 3, "anew": 2}, "once by Nima, and once by the controller's note"


class Watcher(threading.Thread):
    """What anybody on this machine can see of the server's kubectl while it runs."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.pid, self.seen, self.over = server.pid, set(), threading.Event()

    def run(self):
        while not self.over.wait(0.002):
            for children in Path(f"/proc/{self.pid}/task").glob("*/children"):
                try:
                    for child in children.read_text().split():
                        arguments = Path(f"/proc/{child}/cmdline").read_bytes()
                        if b"--kubeconfig=" in arguments:  # before that it is the server, about to start it
                            self.seen |= {arguments, Path(f"/proc/{child}/environ").read_bytes()}
                except OSError:
                    continue  # it has ended


def written(folder):
    return {file: file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}


def ask_refused(api, shop, body):
    """What a cluster says of a value that it does not take, asked for and tried."""
    wrong = body | {"params": {"namespace": shop, "manifest": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
                    "spec": {"ports": [{"port": 80}], "type": "${secret:SHOP_KEY}"}}}, "action": "apply"}  # fmt: skip
    shown = api.post(f"{TASKS}/execute", wrong | {"dry_run": True}, expect=422)
    task = api.post(f"{TASKS}/execute", wrong, expect=202).json()
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    task = settled(api, task)
    assert "(secret SHOP_KEY)" in task["error"] and "(secret SHOP_KEY)" in shown.json()["error"]["message"]
    return json.dumps([shown.json(), task])


def test_tokens_and_secrets_are_nowhere(kube, shop, start_server):
    """Everything that one run writes, says or shows, from the first proposal to a refusal."""
    value, lines = "a-value-that-nobody-sees", "the first line of a key\nand its second line\n"
    server = start_server(**allowed(kube.config(), NIMA_SECRET_SHOP_KEY=value,
                                    NIMA_SECRET_SHOP_PEM=lines, NIMA_TASKS_K8S_PERMISSION="ask", NIMA_LOG_LEVEL="debug"))  # fmt: skip
    api, said = Client(server), []
    watcher = Watcher(server)
    watcher.start()
    params = {"namespace": shop, "name": "web", "image": "nginx:1.27", "env": {"KEY": "${secret:SHOP_KEY}", "PEM": "${secret:SHOP_PEM}"}}
    body = {"type": "k8s", "action": "deploy", "params": params}
    shown = api.post(f"{TASKS}/execute", body | {"dry_run": True}, expect=200).json()
    task = api.post(f"{TASKS}/execute", body, expect=202).json()
    api.post(f"{TASKS}/{task['id']}/approve", expect=200)
    done = settled(api, task)
    assert done["status"] == "completed", done
    assert shown["result"]["would"]["diff"].splitlines() == done["result"]["diff"].splitlines(), "a secret's name in both"
    env = kube.raw("deployment", "web", shop)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == [{"name": "KEY", "value": value}, {"name": "PEM", "value": lines}], "but the cluster has got it"
    refused = ask_refused(api, shop, body)
    talk = None
    for message in (f"scale web to 2 in namespace {shop}", "yes", f"what is failing in namespace {shop}?", "[[recall]] what do you know?",
                    f"/task k8s.get namespace={shop} name=web", f"/task k8s.describe namespace={shop} name=web",
                    f"/task k8s.get namespace={shop} name=none", "[[recall]] and now?"):  # fmt: skip
        reply = api.chat(message, conversation_id=talk).json()
        talk = reply["conversation_id"]
        said.append(json.dumps(reply))
    until("a look at kubectl", lambda: watcher.seen)
    watcher.over.set()
    watcher.join()
    audit = api.get(f"{TASKS}/audit", expect=200).body
    said += [refused, json.dumps(shown), json.dumps(done), audit.decode() if isinstance(audit, bytes) else str(audit)]
    server.stop()
    places = written(server.home) | {number: text.encode() for number, text in enumerate(said)}
    places |= {f"kubectl {number}": seen for number, seen in enumerate(watcher.seen)}
    assert any(b"replicas" in content for content in places.values()) and len(places) > len(said)
    for secret in (kube.tokens["admin"][0], value, *lines.splitlines()):
        for form in (secret, clusters.encoded(secret)):
            assert [name for name, content in places.items() if form.encode() in content] == [], form
    server.start().wait_ready()
