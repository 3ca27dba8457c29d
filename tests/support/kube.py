"""A Kubernetes API server of its own for the tests: the real one, with etcd, built once by scripts/setup.

There is no controller and no kubelet: nothing acts on what is stored. A test that needs a rollout to go on, or to get
stuck, writes the status that a controller would have written.
"""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from server import CACHE

SOURCE = Path(__file__).resolve().parent / "kube"
START_S = 240
PLURALS = {
    "deployment": "apis/apps/v1/namespaces/{}/deployments", "pod": "api/v1/namespaces/{}/pods",
    "resourcequota": "api/v1/namespaces/{}/resourcequotas",
}  # fmt: skip
STOP_S = 30
REVISION = "deployment.kubernetes.io/revision"


def program():
    """Where scripts/setup puts it: by what it is built from."""
    key = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in ("go.mod", "go.sum", "main.go"))).hexdigest()
    return CACHE / "kube" / key[:12] / "kube"


def missing():
    """Why the tests against it cannot run here; None: they can."""
    if shutil.which("kubectl") is None:
        return "kubectl is missing"
    if not program().exists():
        return "the Kubernetes API server is not built" + ("" if shutil.which("go") else ", and Go is missing")
    return None


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Kube:
    """with Kube() as kube: kube.kubectl("get", "ns"); kube.config("alice"): the kubeconfig file of a user."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nima-kube-"))
        self.tokens = {}
        self.process, self.port = None, 0
        self._certificates()
        self._user("admin", "system:masters")
        for name in ("alice", "viewer", "nobody"):
            self._user(name)
        lines = [f'{token},{name},{name},"{group}"' for name, (token, group) in self.tokens.items()]
        (self.folder / "tokens.csv").write_text("\n".join(lines) + "\n")

    def _user(self, name, group=""):
        self.tokens[name] = (f"token-of-{name}-{uuid.uuid4().hex}", group)

    def _certificates(self):
        at = {"folder": self.folder}
        openssl("genrsa", "-out", "sa.key", "2048", **at)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "30",
                "-subj", "/CN=nima-tests", **at)  # fmt: skip
        (self.folder / "san.cnf").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.certificate("server", "/CN=127.0.0.1", "-extfile", "san.cnf")
        self.certificate("late", "/CN=admin/O=system:masters", days="-1")

    def certificate(self, name, subject, *more, days="30"):
        at = {"folder": self.folder}
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject,
                **at)  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                f"{name}.crt", "-days", days, *more, **at)  # fmt: skip

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def config(self, user="admin", *, url=None, certificate=None, name=None):
        """A kubeconfig with the user's token, or with a client certificate."""
        file = self.folder / f"{name or certificate or user}.kubeconfig"
        who = (
            {"client-certificate": str(self.folder / f"{certificate}.crt"),
             "client-key": str(self.folder / f"{certificate}.key")} if certificate else {"token": self.tokens[user][0]}
        )  # fmt: skip
        cluster = {"server": url or self.url, "certificate-authority": str(self.folder / "ca.crt")}
        file.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": who}], "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        }))  # fmt: skip
        file.chmod(0o600)
        return file

    def kubectl(self, *arguments, stdin=None, check=True):
        command = ["kubectl", f"--kubeconfig={self.config()}", f"--cache-dir={self.folder}/cache", *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.kubectl(*arguments, "--output=json"))

    def apply(self, *objects, manager="kubectl", namespace="default"):
        for item in objects:
            self.kubectl("apply", "--server-side", f"--field-manager={manager}", f"--namespace={namespace}", "-f", "-",
                         stdin=json.dumps(item))  # fmt: skip

    @staticmethod
    def path(kind, name, namespace):
        return f"/{PLURALS[kind].format(namespace)}/{name}"

    def raw(self, kind, name, namespace):
        """An object with all that the server keeps of it, in the form that kubectl of any age shows."""
        return json.loads(self.kubectl("get", "--raw", self.path(kind, name, namespace)))

    def status(self, kind, name, namespace, status):
        """Writes an object's status, as its controller would."""
        path = self.path(kind, name, namespace)
        item = self.raw(kind, name, namespace)
        item["status"] = status
        self.kubectl("replace", "--raw", f"{path}/status", "-f", "-", stdin=json.dumps(item))

    def namespace(self):
        """A fresh one: without a controller a deleted namespace would stay for ever."""
        name = f"t-{uuid.uuid4().hex[:10]}"
        self.kubectl("create", "namespace", name)
        return name

    def token_of(self, account, namespace):
        """A service account's token, as a pod gets one."""
        self.kubectl("create", "serviceaccount", account, f"--namespace={namespace}")
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return json.loads(self.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(asked)))["status"]["token"]

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", self.port))
            self.port = free.getsockname()[1]
        flags = {
            "tls-cert-file": "server.crt", "tls-private-key-file": "server.key", "client-ca-file": "ca.crt",
            "token-auth-file": "tokens.csv", "service-account-key-file": "sa.key",
            "service-account-signing-key-file": "sa.key",
        }  # fmt: skip
        with (self.folder / "kube.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program(), self.folder, str(self.port), *(f"--{key}={self.folder}/{name}" for key, name in flags.items()),
                 "--disable-admission-plugins=ServiceAccount"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, env=os.environ | {"GOMAXPROCS": "2"},
            )  # fmt: skip
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            if self.kubectl("get", "--raw", "/readyz", check=False) == "ok":
                return self
            time.sleep(0.2)
        said = (self.folder / "kube.log").read_text(errors="replace")[-4000:]
        self.stop()
        raise AssertionError(f"the API server did not get ready:\n{said}")

    def stop(self, how=signal.SIGTERM):
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def deployment(name, replicas=1, image="nginx:1.27", **container):
    """The smallest manifest of one."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image, **container}]}}},
    }  # fmt: skip


def replica_set(name, revision, uid):
    """As the controller keeps the templates of old."""
    kept = deployment(f"{name}-{revision}", image=f"nginx:{revision}")
    labels = {"app": name, "pod-template-hash": str(revision)}
    kept["kind"], kept["spec"]["selector"]["matchLabels"] = "ReplicaSet", labels
    kept["spec"]["template"]["metadata"]["labels"] = labels
    kept["metadata"] |= {"labels": labels, "annotations": {REVISION: str(revision)},
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": uid}]}  # fmt: skip
    return kept


def encoded(text):
    return base64.b64encode(text.encode()).decode()
