"""A cluster in a conversation, by rules: proposal with the diff, answer, result, and talk that is only talk."""

import pytest
from client import Client
from kube import deployment
from server import NimaServer


@pytest.fixture(scope="module")
def place(kube):
    return kube.namespace()


@pytest.fixture(scope="module")
def api(kube, place):
    """One that knows the namespace that is meant, since it may reach no other."""
    env = {"NIMA_TASKS_K8S_KUBECONFIG": kube.config(), "NIMA_TASKS_K8S_NAMESPACES": place}
    with NimaServer(env=env) as server:
        yield Client(server)


@pytest.fixture(scope="module")
def wide(kube):
    with NimaServer(env={"NIMA_TASKS_K8S_KUBECONFIG": kube.config()}) as server:
        yield Client(server)


def replicas(kube, namespace):
    return kube.json("get", "deployment", "web", f"--namespace={namespace}")["spec"]["replicas"]


def asked(api, message, action, **more):
    body = api.chat(message, **more).json()
    assert [a["action"] for a in body["actions"]] == [action], body
    return body


def test_a_change_is_proposed_with_its_diff_and_done_on_yes(api, wide, kube, shop):
    kube.apply(deployment("web", 2), namespace=shop)
    body = asked(wide, f"Scale web to 5 in namespace {shop}, please.", "scale")
    assert body["actions"][0]["status"] == "awaiting_approval" and "-  replicas: 2\n+  replicas: 5\n" in body["response"]
    assert replicas(kube, shop) == 2, "a proposal changes nothing"
    diff = body["response"].split("```diff\n")[1].split("```")[0]
    body = asked(wide, "yes", "scale", conversation_id=body["conversation_id"])
    assert body["actions"][0]["status"] == "completed" and diff in body["response"], "what was shown is what happened"
    assert replicas(kube, shop) == 5
    body = asked(wide, f"scale web to zero in {shop}", "scale")
    asked(wide, "no", "scale", conversation_id=body["conversation_id"])
    assert replicas(kube, shop) == 5


def test_from_the_first_deployment_to_its_restart(api, kube, place):
    """Without a namespace in any sentence: there is only one that may be meant."""
    talk = asked(api, "deploy nginx:1.27 as web with 3 replicas", "deploy")["conversation_id"]
    body = asked(api, "yes", "deploy", conversation_id=talk)
    assert "+  replicas: 3\n" in body["response"] and replicas(kube, place) == 3
    body = asked(api, "list the deployments", "list", conversation_id=talk)
    assert "web: 0/3 ready (nginx:1.27)\n" in body["response"]
    assert "web: 0/3 ready" in asked(api, "how many replicas does web have?", "get")["response"]
    assert "web: progressing" in asked(api, "is the rollout of web complete?", "rollout_status")["response"]
    template = "{.spec.template.metadata.annotations}"
    for times in (1, 2):
        body = asked(api, "restart web", "restart", conversation_id=talk)
        assert f'+        nima/restarts: "{times}"\n' in body["response"], body["response"]
        body = asked(api, "yes", "restart", conversation_id=talk)
        assert body["actions"][0]["status"] == "completed", body
        live = kube.kubectl("get", "deployment", "web", f"--namespace={place}", f"--output=jsonpath={template}")
        assert f'"nima/restarts":"{times}"' in live
    body = asked(api, "roll back web", "rollout_undo", conversation_id=talk)
    assert "no earlier revision" in body["response"], "nobody keeps revisions here"


def test_what_is_failing_is_told_in_plain_words(wide, kube, shop):
    ask = f"what is failing in namespace {shop}?"
    body = asked(wide, ask, "failing")
    assert body["actions"][0]["status"] == "completed" and f"Nothing is failing in {shop}" in body["response"]
    kube.apply(deployment("web", 2), deployment("good", 1), namespace=shop)
    kube.status("deployment", "good", shop, {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                                             "availableReplicas": 1})  # fmt: skip
    spec = deployment("web")["spec"]["template"]["spec"]
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1-a"}, "spec": spec}, namespace=shop)
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    kube.status("pod", "web-1-a", shop, {"phase": "Pending", "containerStatuses": [
        {"name": "web", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}]})  # fmt: skip
    kube.apply({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Failed", "message": "pull failed", "count": 3,
                "metadata": {"name": "web-1-a.1"}, "involvedObject": {"kind": "Pod", "name": "web-1-a", "namespace": shop}},
               namespace=shop)  # fmt: skip
    said = asked(wide, ask, "failing")["response"]
    assert f"In {shop} 2 of 3 do not run as they should:\n" in said and "good" not in said
    assert "- deployment web: 0/2 ready\n" in said
    assert "- pod web-1-a: ImagePullBackOff, 0/1 ready, 0 restarts. container web: ImagePullBackOff: no such image\n" in said
    assert "- Pod/web-1-a, Failed (3 times): pull failed\n" in said
    body = asked(wide, f"show the logs of pod web-1-a in {shop}", "logs")
    assert body["actions"][0]["status"] == "completed"
    assert "Failed, 3 times, Pod/web-1-a: pull failed" in asked(wide, f"show the events in namespace {shop}", "events")["response"]


def test_a_namespace_that_is_not_said_is_asked_for(wide, fresh):
    body = wide.chat("scale web to 5").json()
    assert body["actions"] == [] and body["response"].startswith("In which namespace?")
    body = fresh.chat("[[reply:talk]] scale web to 5").json()
    assert body["actions"] == []
    for message in ("scale web to 5", "restart web"):
        assert "namespace" not in fresh.chat(message).json()["response"], "no cluster: it was about something else"
    assert "no cluster is configured" in fresh.chat("what is failing in namespace shop?").json()["response"]


def test_its_name_is_enough_of_an_answer(wide, kube, shop):
    kube.apply(deployment("web", 2), namespace=shop)
    for answer in ("{}", "the {} namespace, please"):
        talk = wide.chat("scale web to 5").json()["conversation_id"]
        body = asked(wide, answer.format(shop), "scale", conversation_id=talk)
        assert body["actions"][0]["status"] == "awaiting_approval" and "-  replicas: 2\n+  replicas: 5\n" in body["response"]
        assert f'"namespace":"{shop}"' in body["response"] and replicas(kube, shop) == 2, "as if it had been said at once: only proposed"
    asked(wide, "yes", "scale", conversation_id=talk)
    assert replicas(kube, shop) == 5


def test_only_the_next_message_and_only_a_name_answers(wide, kube, shop):
    """Talk in between, a no, a question, a new request, another conversation: none of them completes what was asked for."""
    kube.apply(deployment("web", 2), namespace=shop)
    for message in (f"{shop} is where my people live", f"{shop}?", "what is a namespace?", f"I like {shop}", "thanks"):
        talk = wide.chat("scale web to 5").json()["conversation_id"]
        assert wide.chat(message, conversation_id=talk).json()["actions"] == [], message
        assert wide.chat(shop, conversation_id=talk).json()["actions"] == [], "too late"
    for message in ("no", "Never mind."):
        talk = wide.chat("scale web to 5").json()["conversation_id"]
        body = wide.chat(message, conversation_id=talk).json()
        assert body["actions"] == [] and body["response"] == "All right, I will not do it."
        assert wide.chat(shop, conversation_id=talk).json()["actions"] == []
    talk = wide.chat("scale web to 5").json()["conversation_id"]
    assert wide.chat(shop).json()["actions"] == [], "another conversation was asked nothing"
    body = asked(wide, f"list the deployments in {shop}", "list", conversation_id=talk)
    assert wide.chat(shop, conversation_id=talk).json()["actions"] == [], "that was a new request"
    said = "[[reply:In which namespace? Its name is enough.]] scale web to 5, he said"
    talk = wide.chat(said).json()["conversation_id"]
    assert wide.chat(shop, conversation_id=talk).json()["actions"] == [], "the model asked, and kept nothing"
    mine = {"role": "user", "content": "scale web to 5"}, {"role": "assistant", "content": "In which namespace? Its name is enough."}
    talk = wide.post("/v1/conversations", {"messages": list(mine)}).json()["conversation_id"]
    assert wide.chat(shop, conversation_id=talk).json()["actions"] == [], "nor did who took that in"


def test_reads_and_writes_ask_for_their_namespace(wide, kube, shop):
    kube.apply(deployment("web", 2), namespace=shop)
    for message, action, said in (
        ("list the deployments", "list", "web: 0/2 ready"), ("delete the deployment web", "delete", "-kind: Deployment"),
        ("deploy nginx:1.27 as api with 2 replicas", "deploy", "+  replicas: 2"),
    ):  # fmt: skip
        body = wide.chat(message).json()
        assert body["actions"] == [] and body["response"].startswith("In which namespace?"), message
        assert said in asked(wide, shop, action, conversation_id=body["conversation_id"])["response"]


def test_after_a_look_at_a_cluster_a_few_words_are_about_it(wide, kube, shop):
    kube.apply(deployment("web", 2), namespace=shop)
    assert wide.chat("what's wrong with web?").json()["actions"] == [], "of whom?"
    talk = asked(wide, f"what is failing in namespace {shop}?", "failing")["conversation_id"]
    body = wide.chat("what's wrong with web?", conversation_id=talk).json()
    assert body["response"].startswith("In which namespace?")
    assert "web: progressing" in asked(wide, f"in {shop}", "rollout_status", conversation_id=talk)["response"]


@pytest.mark.parametrize("message", [
    "Should I scale web to 5?", "Yesterday we scaled web to 5", "How do I scale a deployment to 5 replicas?", "He said: scale web to 5",
    "scale it to 5", "Never restart the deployment web", "restart everything", "restart my computer", "Rolling back web took an hour",
    "roll back the changes", "deploy code as usual", "We deploy nginx:1.27 as web with 3 replicas", "What is wrong?",
    "What is failing in school?", "is anything wrong?", "what happened in 1989?", "describe the deployment process",
    "list the services of a bank", "The logs of pod web-1 are long", "Explain what a namespace is", "delete the service contract",
    "What happens if I delete the pod web-1?",
])  # fmt: skip
def test_talk_about_clusters_starts_nothing(api, message):
    assert api.chat(message).json()["actions"] == []
