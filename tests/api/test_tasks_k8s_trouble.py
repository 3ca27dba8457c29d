"""The k8s integration when things go wrong: servers away, answers lost, a killed Nima; and where tokens may not be."""

import json
import threading
import time
from pathlib import Path

import kube as clusters
import pytest
from client import Client
from kube import deployment
from kube_proxy import Proxy

TASKS = "/v1/tasks"
PATIENCE_S = 60
REVISION = "deployment.kubernetes.io/revision"


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
    kube.apply(deployment("web", 1), namespace=shop)
    api = Client(start_server(**allowed(kube.config(url=proxy.url, name="busy"))))
    proxy.refused = lambda method, path: "/deployments/web" in path
    proxy.refusals = [(429, {}), (503, {})]
    task = settled(api, begin(api, "get", namespace=shop, name="web", max_attempts=5))
    assert task["status"] == "completed" and task["attempts"] == 3, task
    proxy.refused = lambda method, path: method == "PATCH" and "dryRun" not in path
    proxy.refusals = [(500, {}), (502, {})]
    task = settled(api, begin(api, "scale", namespace=shop, name="web", replicas=3, max_attempts=5))
    assert task["status"] == "completed" and task["attempts"] == 3, task
    assert kube.raw("deployment", "web", shop)["metadata"]["generation"] == 2, "changed once"
    proxy.refused = lambda method, path: "/deployments/web" in path
    proxy.refusals = [(429, {"Retry-After": "1"})]
    task = settled(api, begin(api, "get", namespace=shop, name="web", max_attempts=1))
    assert task["status"] == "completed", "kubectl itself waits as long as it is told"
    proxy.refusals = [(503, {})] * 2
    task = settled(api, begin(api, "get", namespace=shop, name="web", max_attempts=2))
    assert task["status"] == "failed" and task["error_code"] == "unavailable" and task["attempts"] == 2


def replica_set(name, revision, uid):
    """As the controller keeps the templates of old."""
    kept = deployment(f"{name}-{revision}", image=f"nginx:{revision}")
    labels = {"app": name, "pod-template-hash": str(revision)}
    kept["kind"], kept["spec"]["selector"]["matchLabels"] = "ReplicaSet", labels
    kept["spec"]["template"]["metadata"]["labels"] = labels
    kept["metadata"] |= {"labels": labels, "annotations": {REVISION: str(revision)},
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": uid}]}  # fmt: skip
    return kept


def killed_in(server, proxy, tasks):
    """The cluster has done these, Nima has not heard of it, and dies; what calls come from the one after it."""
    api = Client(server)
    proxy.held = lambda method, path: method in ("PATCH", "DELETE") and "dryRun" not in path
    begun = [begin(api, action, **params, max_attempts=5) for action, params in tasks]
    until("all of them are held", lambda: len(proxy.holding) == len(tasks))
    server.kill()
    proxy.held = None
    proxy.release.set()
    proxy.holding.clear()
    return begun


def come_back(server, proxy, begun):
    proxy.release.clear()
    server.start().wait_ready()
    rows = [settled(Client(server), task) for task in begun]
    assert [(row["status"], row["attempts"] > 1) for row in rows] == [("completed", True)] * len(rows), rows
    return rows


def test_a_killed_nima_doubles_no_rollout(kube, shop, proxy, start_server):
    two = deployment("back", image="nginx:2")
    two["metadata"]["annotations"] = {REVISION: "2"}
    kube.apply(two, deployment("anew"), deployment("gone"), namespace=shop)
    uid = kube.raw("deployment", "back", shop)["metadata"]["uid"]
    kube.apply(replica_set("back", 1, uid), replica_set("back", 2, uid), namespace=shop)
    server = start_server(**allowed(kube.config(url=proxy.url, name="kill"), NIMA_TASKS_LEASE_S=2))

    begun = killed_in(server, proxy, [
        ("apply", {"namespace": shop, "manifest": deployment("web", 2)}), ("rollout_undo", {"namespace": shop, "name": "back"}),
    ])  # fmt: skip
    # What the controller makes of an undo: the old template is the latest revision.
    for kind, name in (("deployment", "back"), ("replicaset", "back-1")):
        kube.kubectl("annotate", kind, name, f"--namespace={shop}", "--overwrite", f"{REVISION}=3")
    before = kube.raw("deployment", "back", shop)["metadata"]["generation"]
    come_back(server, proxy, begun)
    assert kube.raw("deployment", "web", shop)["metadata"]["generation"] == 1
    back = kube.raw("deployment", "back", shop)
    assert back["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1", "twice back would be nginx:2 again"
    assert back["metadata"]["generation"] == before

    begun = killed_in(server, proxy, [("restart", {"namespace": shop, "name": "anew"}), ("delete", {"namespace": shop, "name": "gone"})])
    rows = come_back(server, proxy, begun)
    anew = kube.raw("deployment", "anew", shop)
    assert anew["spec"]["template"]["metadata"]["annotations"] == {"nima/restarts": "1"} and anew["metadata"]["generation"] == 2
    assert rows[1]["result"]["objects"][0]["change"] == "deleted", "the second attempt finds it gone, as it should be"


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
