"""A talk about a cluster, on the default model and the real API server, from "what is failing?" to what is remembered of it."""

import time
from contextlib import ExitStack

import pytest
from client import Client
from conftest import DEFAULT, EMBEDDINGS
from kube import deployment, replica_set
from server import NimaServer, release_binary

LOAD_S, PATIENCE_S = 300, 120
OTHER_WORDS = [  # as people say it: what is asked for, and what its proposal or answer shows
    ("can you scale web to 3 in shop?", "scale", "+  replicas: 3\n"),
    ("please restart web in shop", "restart", '+        nima/restarts: "1"\n'),
    ("roll web back in shop", "rollout_undo", "+      - image: nginx:1\n"),
    ("update web to nginx:1.29 in shop", "set_image", "nginx:1.29"),
    ("what's wrong with the deployment web in shop?", "rollout_status", "ImagePullBackOff: no such image"),
]


def stage(kube):
    """A shop with something that fails in it."""
    kube.kubectl("create", "namespace", "shop", check=False)
    web = deployment("web", 2, image="nginx:2")
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    template = web["spec"]["template"]
    kube.apply(web, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-2-a", "labels": template["metadata"]["labels"]},
                     "spec": template["spec"]}, namespace="shop")  # fmt: skip
    uid = kube.raw("deployment", "web", "shop")["metadata"]["uid"]
    kube.apply(replica_set("web", 1, uid), replica_set("web", 2, uid), namespace="shop")
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    kube.status("pod", "web-2-a", "shop", {"phase": "Pending", "containerStatuses": [
        {"name": "web", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}]})  # fmt: skip


def asked(api, message, action, **more):
    body = api.chat(message, **more).json()
    assert [row["action"] for row in body["actions"]] == [action], body["response"]
    return body


def remembered(api):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        facts = [row["fact"] for row in api.get("/v1/memory/facts", expect=200).json()]
        if any("k8s.scale" in fact for fact in facts):
            return facts
        time.sleep(0.1)
    raise AssertionError("what was done is not kept")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_talk_about_a_cluster(kube, need_model):
    need_model(DEFAULT, EMBEDDINGS)
    stage(kube)
    env = {"NIMA_TASKS_K8S_KUBECONFIG": kube.config()}
    server = NimaServer(llm=f"local:{DEFAULT}", embeddings=f"local:{EMBEDDINGS}", env=env, binary=release_binary())
    with ExitStack() as stack:
        stack.push(server.__exit__)
        api = Client(server.start().wait_ready(LOAD_S))
        body = asked(api, "what is failing in namespace shop?", "failing")
        talk = body["conversation_id"]
        assert "In shop 2 of 2 do not run as they should:" in body["response"] and "ImagePullBackOff: no such image" in body["response"]
        for message, action, shown in OTHER_WORDS:
            body = asked(api, message, action, conversation_id=talk)
            assert shown in body["response"], message
            if body["actions"][0]["status"] == "awaiting_approval":
                api.chat("no", conversation_id=talk)
        assert api.chat("scale web to 5", conversation_id=talk).json()["response"].startswith("In which namespace?")
        body = asked(api, "shop", "scale", conversation_id=talk)
        diff = body["response"].split("```diff\n")[1].split("```")[0]
        assert "-  replicas: 2\n+  replicas: 5\n" in diff and body["actions"][0]["status"] == "awaiting_approval"
        body = asked(api, "yes", "scale", conversation_id=talk)
        assert body["actions"][0]["status"] == "completed" and diff in body["response"]
        assert kube.raw("deployment", "web", "shop")["spec"]["replicas"] == 5
        remembered(api)
        question = "What did I have you scale in my cluster?"
        told = {"messages": [{"role": "user", "content": question}], "max_length": 40, "temperature": 0}
        body = api.post("/v1/chat", told, expect=200, timeout=800).json()
        assert body["conversation_id"] != talk and "web" in body["response"].lower(), (body["response"], body["context"]["facts"])
