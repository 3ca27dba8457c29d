"""The k8s integration against a real Kubernetes API server."""

import json
import time

import kube as clusters
import pytest
from client import Client
from kube import deployment
from server import NimaServer

TASKS = "/v1/tasks"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def api(kube):
    env = {"NIMA_TASKS_K8S_KUBECONFIG": kube.config(), "NIMA_TASKS_K8S_PERMISSION": "allow",
           "NIMA_TASKS_DENY": "k8s.*:*/secret/closed,k8s.scale:*/deployment/fixed"}  # fmt: skip
    with NimaServer(env=env) as server:
        yield Client(server)
        assert kube.tokens["admin"][0] not in server.stderr()


def ask(api, action, *, expect=200, state="completed", wait=PATIENCE_S, **params):
    more = {key: params.pop(key) for key in ("timeout_s", "max_attempts", "dry_run") if key in params}
    target = f"{TASKS}/execute" + (f"?wait={wait}" if wait else "")
    reply = api.post(target, {"type": "k8s", "action": action, "params": params, **more}, expect=expect)
    if expect >= 400:
        return reply
    task = reply.json()
    if expect == 200 and "dry_run" not in more:
        assert task["status"] == state, task
    return task


def done(api, action, **params):
    """What a dry run shows, and the same thing done: byte for byte the same."""
    shown = ask(api, action, dry_run=True, wait=None, **params)["result"]["would"]
    result = ask(api, action, **params)["result"]
    assert shown["diff"].splitlines() == result["diff"].splitlines() and shown == result
    return result


def test_get_apply_and_scale(api, kube, shop):
    made = done(api, "apply", namespace=shop, manifest=deployment("web", 2))
    assert made["objects"] == [{"kind": "deployment", "namespace": shop, "name": "web", "change": "created"}]
    assert "+  replicas: 2\n" in made["diff"] and made["diff"].startswith(f"# {shop}/deployment/web\n@@")
    got = ask(api, "get", namespace=shop, name="web")["result"]
    assert got["status"] == "0/2 ready" and got["images"] == "nginx:1.27" and "managedFields" not in json.dumps(got)
    again = done(api, "apply", namespace=shop, manifest=deployment("web", 2))
    assert again["objects"][0]["change"] == "unchanged" and again["diff"] == ""
    scaled = done(api, "scale", namespace=shop, name="web", replicas=5)
    assert "-  replicas: 2\n+  replicas: 5\n" in scaled["diff"] and scaled["objects"][0]["change"] == "configured"
    assert kube.json("get", "deployment", "web", f"--namespace={shop}")["spec"]["replicas"] == 5
    listed = ask(api, "list", namespace=shop, kind="deploy")["result"]
    assert listed["total"] == 1 and listed["items"][0]["name"] == "web"


def test_deploy_from_params_keeps_what_is_not_said(api, kube, shop):
    made = done(api, "deploy", namespace=shop, name="web", image="nginx:1.27", replicas=3, port=8080,
                env={"MODE": "calm", "LEVEL": 3})  # fmt: skip
    assert [(row["kind"], row["change"]) for row in made["objects"]] == [("deployment", "created"), ("service", "created")]
    live = kube.json("get", "deployment", "web", f"--namespace={shop}")
    container = live["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "LEVEL", "value": "3"}, {"name": "MODE", "value": "calm"}]
    assert kube.json("get", "service", "web", f"--namespace={shop}")["spec"]["ports"][0]["targetPort"] == 8080
    moved = done(api, "deploy", namespace=shop, name="web", image="nginx:1.28")
    assert "-        image: nginx:1.27\n+        image: nginx:1.28\n" in moved["diff"]
    live = kube.json("get", "deployment", "web", f"--namespace={shop}")
    assert live["spec"]["replicas"] == 3 and live["spec"]["template"]["spec"]["containers"][0]["env"] == container["env"]
    managers = {entry["manager"] for entry in kube.raw("deployment", "web", shop)["metadata"]["managedFields"]}
    assert managers == {"nima"}
    done(api, "scale", namespace=shop, name="web", replicas=1)
    back = done(api, "deploy", namespace=shop, name="web", image="nginx:1.28", replicas=3)
    assert "+  replicas: 3\n" in back["diff"], "what Nima itself set in another way is no conflict"
    assert ask(api, "deploy", namespace=shop, name="web", image="x", env={"A": [1]}, state="failed")["error"]


def test_set_image_and_its_container(api, kube, shop):
    two = deployment("web")
    two["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
    kube.apply(two, namespace=shop)
    failed = ask(api, "set_image", namespace=shop, name="web", image="a:2", state="failed")
    assert "web, side" in failed["error"]
    done(api, "set_image", namespace=shop, name="web", container="side", image="side:2")
    assert ask(api, "get", namespace=shop, name="web")["result"]["images"] == "nginx:1.27, side:2"
    assert ask(api, "set_image", namespace=shop, name="web", container="none", image="a", state="failed")


def test_a_manifest_in_yaml_of_several_objects(api, kube, shop):
    text = """
# two of them
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  mode: "on"
  lines: |
    one
    two
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {token: very-secret-indeed}
"""
    made = done(api, "apply", namespace=shop, manifest=text)
    assert [row["kind"] for row in made["objects"]] == ["configmap", "secret"]
    assert "+  lines: |\n+    one\n+    two\n" in made["diff"]
    assert kube.json("get", "configmap", "settings", f"--namespace={shop}")["data"] == {"mode": "on", "lines": "one\ntwo\n"}
    shown = [ask(api, action, namespace=shop, kind="secrets", name="key") for action in ("get", "describe")]
    shown += [ask(api, "list", namespace=shop, kind="secret"), made]
    other = ask(api, "apply", namespace=shop, manifest=text.replace("indeed", "really"))["result"]
    assert "another value" in other["diff"]
    for form in ("very-secret", clusters.encoded("very-secret-indeed"), clusters.encoded("very-secret-really")):
        assert form not in json.dumps([shown, other])
    for manifest, why in (
        ("", "empty"), ("kind: Pod", "apiVersion"), ("apiVersion: v1\nkind: Pod\nmetadata: {}", "name"),
        ("a: &x 1\nb: *x", "manifest"), (["text"], "objects"), ("{", "JSON"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "other"}}, "another namespace"),
        ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"a{i}"}} for i in range(17)], "16"),
    ):  # fmt: skip
        assert why in ask(api, "apply", namespace=shop, manifest=manifest, expect=422).json()["error"]["message"]


def test_namespaces_kinds_and_rules(api, kube, shop):
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "own"}}
    ask(api, "apply", namespace=shop, manifest=body, expect=403)
    ask(api, "delete", namespace="-", kind="namespace", name=shop, expect=403)
    ask(api, "delete", namespace=shop, kind="ns", name=shop, expect=422)
    ask(api, "get", namespace="-", kind="pod", name="x", expect=422)
    ask(api, "list", namespace="kube-system", kind="pod", expect=403)
    assert shop in [row["name"] for row in ask(api, "list", namespace="-", kind="ns", limit=500)["result"]["items"]]
    for alias in ("secret", "secrets", "Secret", "secrets."):
        ask(api, "get", namespace=shop, kind=alias, name="closed", expect=403)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "closed"}}
    ask(api, "apply", namespace=shop, manifest=[deployment("web"), secret], expect=403)
    ask(api, "scale", namespace=shop, kind="deploy", name="fixed", replicas=0, expect=403)
    for params in ({"name": "--all"}, {"name": "a/b"}, {"name": "a b"}, {"kind": "pods,secrets", "name": "a"},
                   {"kind": "all", "name": "a"}, {"kind": "gadget", "name": "a"}, {"namespace": "-A", "name": "a"},
                   {"kind": "-f", "name": "a"}):  # fmt: skip
        ask(api, "get", **({"namespace": shop} | params), expect=422)
    failed = ask(api, "get", namespace=shop, kind="gadget.example.com", name="a", state="failed")
    assert "gadget" in failed["error"] and failed["attempts"] == 1
    gadget = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "a"}}
    failed = ask(api, "apply", namespace=shop, manifest=gadget, state="failed")
    assert "Gadget" in failed["error"] and failed["attempts"] == 1, "a kind that the cluster does not know"
    missing = ask(api, "get", namespace=shop, name="none", state="failed")
    assert "not found" in missing["error"] and missing["error_code"] == "not_found"
    bad = deployment("web")
    bad["spec"]["template"]["spec"]["containers"][0]["imagine"] = "x"
    assert "imagine" in ask(api, "apply", namespace=shop, manifest=bad, state="failed")["error"]


def test_rights_conflicts_and_quotas_are_said_as_what_they_are(api, kube, shop, start_server):
    rights = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "view"}}
    kube.apply({**rights, "kind": "Role", "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]},
               {**rights, "kind": "RoleBinding", "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role",
                "name": "view"}, "subjects": [{"kind": "User", "name": "viewer"}]},
               deployment("web"), namespace=shop)  # fmt: skip
    viewer = Client(start_server(env={"NIMA_TASKS_K8S_KUBECONFIG": kube.config("viewer"), "NIMA_TASKS_K8S_PERMISSION": "allow"}))
    assert ask(viewer, "get", namespace=shop, name="web")["result"]["name"] == "web"
    for action, params in (("scale", {"name": "web", "replicas": 2}), ("delete", {"name": "web"}), ("list", {"kind": "pod"})):
        task = ask(viewer, action, namespace=shop, state="failed", **params)
        assert "lacks this right" in task["error"] and task["error_code"] == "forbidden" and task["attempts"] == 1
    told = ask(viewer, "rollout_status", namespace=shop, name="web", wait_s=0)["result"]
    assert told["state"] == "progressing" and told["events"] == [], "less is known, not nothing"

    task = ask(api, "apply", namespace=shop, manifest=deployment("web", 7), state="failed")
    assert task["error_code"] == "conflict" and "kubectl" in task["error"] and "force" in task["error"]
    assert ask(api, "apply", namespace=shop, manifest=deployment("web", 7), force=True)["result"]["diff"]

    kube.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
                "spec": {"hard": {"count/configmaps": "0"}}}, namespace=shop)  # fmt: skip
    none = {"count/configmaps": "0"}
    kube.status("resourcequota", "small", shop, {"hard": none, "used": none})
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    task = ask(api, "apply", namespace=shop, manifest=one, state="failed")
    assert "quota" in task["error"] and task["error_code"] == "forbidden"


def pod(name, **waiting):
    return {"phase": "Pending", "containerStatuses": [
        {"name": name, "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}]}  # fmt: skip


def test_a_rollout_is_watched_to_its_end_or_told_why_it_has_none(api, kube, shop):
    kube.apply(deployment("web", 2), namespace=shop)
    told = ask(api, "rollout_status", namespace=shop, name="web", wait_s=1)["result"]
    assert told["state"] == "progressing"
    task = ask(api, "rollout_status", namespace=shop, name="web", wait=None, wait_s=300, timeout_s=310, expect=202)
    good = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    kube.status("deployment", "web", shop, good)
    told = settled(api, task)["result"]
    assert told["state"] == "complete" and told["status"] == "2/2 ready"

    template = deployment("web")["spec"]["template"]
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1-a", "labels": template["metadata"]["labels"]},
                "spec": template["spec"]}, namespace=shop)  # fmt: skip
    kube.status("pod", "web-1-a", shop, pod("web", reason="ImagePullBackOff", message="no such image nginx:9"))
    event = {"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Failed", "message": "pull failed", "count": 3,
             "involvedObject": {"kind": "Pod", "name": "web-1-a", "namespace": shop}}  # fmt: skip
    for number in range(2):
        kube.apply(event | {"metadata": {"name": f"web-1-a.{number}"}, "lastTimestamp": f"2026-01-0{number + 1}T00:00:00Z"},
                   namespace=shop)  # fmt: skip
    kube.status("deployment", "web", shop, good | {"availableReplicas": 1, "readyReplicas": 1})
    told = ask(api, "rollout_status", namespace=shop, name="web")["result"]
    assert told["state"] == "stalled" and "no such image nginx:9" in told["reasons"][0]["text"]
    assert told["events"] == [{"type": "Warning", "reason": "Failed", "object": "Pod/web-1-a", "message": "pull failed",
                               "count": 6, "last": "2026-01-02T00:00:00Z"}]  # fmt: skip
    assert ask(api, "events", namespace=shop, warnings=True)["result"]["events"] == told["events"]
    assert ask(api, "events", namespace=shop, name="other")["result"]["events"] == []
    row = ask(api, "list", namespace=shop, kind="pod")["result"]["items"][0]
    assert row["status"] == "ImagePullBackOff, 0/1 ready, 0 restarts"
    assert "web-1-a" in ask(api, "describe", namespace=shop, kind="pod", name="web-1-a")["result"]["content"]
    assert ask(api, "logs", namespace=shop, name="web-1-a")["result"]["content"] == "", "it is on no node"
    assert ask(api, "logs", namespace=shop, name="none", state="failed")["error_code"] == "not_found"

    failed = good | {"availableReplicas": 1, "conditions": [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "took too long"}]}  # fmt: skip
    kube.kubectl("delete", "pod", "web-1-a", f"--namespace={shop}", "--grace-period=0", "--force")
    kube.status("deployment", "web", shop, failed)
    told = ask(api, "rollout_status", namespace=shop, name="web")["result"]
    assert told["state"] == "stalled" and told["reasons"] == [{"text": "ProgressDeadlineExceeded: took too long"}]


def test_undo_goes_back_to_the_revision_before(api, kube, shop):
    web = deployment("web", image="nginx:2")
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    kube.apply(web, namespace=shop)
    failed = ask(api, "rollout_undo", namespace=shop, name="web", state="failed")
    assert failed["error_code"] == "not_found"
    uid = kube.json("get", "deployment", "web", f"--namespace={shop}")["metadata"]["uid"]
    for revision in (1, 2):  # as the controller keeps them
        kept = deployment(f"web-{revision}", image=f"nginx:{revision}")
        labels = {"app": "web", "pod-template-hash": str(revision)}
        kept["kind"], kept["spec"]["selector"]["matchLabels"] = "ReplicaSet", labels
        kept["spec"]["template"]["metadata"]["labels"] = labels
        kept["metadata"] |= {"labels": labels, "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                             "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": uid}]}  # fmt: skip
        kube.apply(kept, namespace=shop)
    back = done(api, "rollout_undo", namespace=shop, name="web")
    assert "+      - image: nginx:1\n" in back["diff"] or "image: nginx:1\n" in back["diff"]
    live = kube.json("get", "deployment", "web", f"--namespace={shop}")["spec"]["template"]
    assert live["spec"]["containers"][0]["image"] == "nginx:1" and live["metadata"]["labels"] == {"app": "web"}
    assert ask(api, "rollout_undo", namespace=shop, name="web", to_revision=9, state="failed")


def test_delete(api, kube, shop):
    kube.apply(deployment("web"), namespace=shop)
    gone = done(api, "delete", namespace=shop, name="web")
    assert gone["objects"][0]["change"] == "deleted" and "-kind: Deployment\n" in gone["diff"]
    assert ask(api, "delete", namespace=shop, name="web", state="failed")["error_code"] == "not_found"


def test_certificates_and_servers_that_are_not_there(kube, shop, start_server):
    allowed = {"NIMA_TASKS_K8S_PERMISSION": "allow"}
    late = Client(start_server(env=allowed | {"NIMA_TASKS_K8S_KUBECONFIG": kube.config(certificate="late")}))
    task = ask(late, "get", namespace=shop, name="web", state="failed")
    assert "not accepted" in task["error"] and task["error_code"] == "forbidden" and task["attempts"] == 1, task
    kube.tokens["stranger"] = ("a-token-that-nobody-gave-out", "")
    server = start_server(env=allowed | {"NIMA_TASKS_K8S_KUBECONFIG": kube.config("stranger")})
    task = ask(Client(server), "scale", namespace=shop, name="web", replicas=2, state="failed")
    assert "credentials of the kubeconfig are not accepted" in task["error"] and task["error_code"] == "forbidden" and task["attempts"] == 1
    assert "nobody-gave-out" not in json.dumps(task) + server.stderr()
    away = Client(start_server(env=allowed | {"NIMA_TASKS_K8S_KUBECONFIG": kube.config(url="https://127.0.0.1:9", name="away")}))
    task = ask(away, "rollout_status", namespace=shop, name="web", state="failed", max_attempts=2)
    assert task["attempts"] == 2 and task["error_code"] == "unavailable", "what may pass is tried again"
    without = Client(start_server(env=allowed | {"NIMA_TASKS_K8S_KUBECONFIG": kube.config(), "NIMA_TASKS_K8S_KUBECTL": "kubectl-none"}))
    assert "not installed" in ask(without, "get", namespace=shop, name="web", state="failed")["error"]
    listed = {item["type"]: item for item in without.get(f"{TASKS}/integrations", expect=200).json()}
    assert listed["k8s"]["configured"] is False


def test_a_pods_service_account_is_enough(kube, shop, start_server, tmp_path):
    token = kube.token_of("nima", shop)
    (tmp_path / "token").write_text(token)
    (tmp_path / "ca.crt").write_bytes((kube.folder / "ca.crt").read_bytes())
    kube.kubectl("create", "role", "nima", f"--namespace={shop}", "--verb=get,create,patch", "--resource=deployments.apps")
    kube.kubectl("create", "rolebinding", "nima", f"--namespace={shop}", "--role=nima", f"--serviceaccount={shop}:nima")
    server = start_server(env={"NIMA_TASKS_K8S_SERVICE_ACCOUNT": tmp_path, "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                               "KUBERNETES_SERVICE_PORT": kube.port, "KUBECONFIG": ""})  # fmt: skip
    inside = Client(server)
    task = ask(inside, "deploy", namespace=shop, name="web", image="nginx:1.27", expect=202)
    assert task["status"] == "awaiting_approval"
    inside.post(f"{TASKS}/{task['id']}/approve", expect=200)
    assert settled(inside, task)["status"] == "completed"
    for file in server.data.rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes(), file


def settled(api, task):
    until = time.monotonic() + 3 * PATIENCE_S
    while time.monotonic() < until:
        task = api.get(f"{TASKS}/{task['id']}/status", expect=200).json()
        if task["status"] in ("completed", "failed", "cancelled"):
            return task
        time.sleep(0.1)
    raise AssertionError(task)
