"""What all tests share: servers, a client that checks every reply, markers."""

import os
import sys
import uuid
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))

import kube as clusters  # noqa: E402
from ahead import Ahead  # noqa: E402
from client import Client  # noqa: E402
from postgres import Postgres, programs  # noqa: E402
from server import MODELS, NimaServer  # noqa: E402

TEST_S = 300
TINY, DEFAULT, EMBEDDINGS = "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct", "all-MiniLM-L6-v2"


def pytest_addoption(parser):
    parser.addoption("--conversations", type=int, default=3, help="how often the first conversation is held (10: all)")
    parser.addoption("--crowd-tasks", type=int, default=60, help="how many tasks three servers do while they are killed")
    parser.addoption("--crash-rounds", type=int, default=15, help="how often the server is killed under write load")


def pytest_configure(config):
    config.addinivalue_line("markers", "ahead(program=…): program(**params) is a Program to run beside other tests, or None")
    config.addinivalue_line("markers", "slow: takes more than a few seconds; part of make test all the same")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_S))


@pytest.fixture(scope="session", autouse=True)
def ahead(request, tmp_path_factory):
    """ahead.done(node id, program): how the program ended that the marker of the test named."""
    tmp_path_factory.getbasetemp()
    marked = [(item, item.get_closest_marker("ahead")) for item in request.session.items]
    programs = {item.nodeid: mark.kwargs["program"](**item.callspec.params) for item, mark in marked if mark}
    there = {name: program for name, program in programs.items() if program is not None}
    with Ahead(there, lambda: tmp_path_factory.mktemp("ahead")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for the whole run; each test has a schema or a database of its own in it. It waits for no
    disk: what it keeps while only Nima is killed does not depend on that. Tests that stop PostgreSQL have their own."""
    if programs() is None:
        pytest.fail("PostgreSQL is missing; run: scripts/setup test-tools")
    with Postgres({"fsync": "off"}) as running:
        yield running


@pytest.fixture(scope="session")
def kube():
    """A Kubernetes API server for the whole run; each test has a namespace of its own in it."""
    if clusters.missing():
        pytest.skip(f"NOT TESTED: {clusters.missing()}; run: scripts/setup test-tools")
    with clusters.Kube() as running:
        yield running


@pytest.fixture
def shop(kube):
    """An empty namespace."""
    return kube.namespace()


@pytest.fixture(scope="module")
def store_kind():
    """A module that says STORES = (…) runs once on each of them; the others run on SQLite."""
    return "sqlite"


def pytest_generate_tests(metafunc):
    stores = getattr(metafunc.module, "STORES", None)
    if stores and "store_kind" in metafunc.fixturenames:
        metafunc.parametrize("store_kind", stores, scope="module")


@pytest.fixture(scope="module")
def new_store(store_kind, request):
    """new_store(): the address of an empty store, for NimaServer(store=…)."""

    def make():
        if store_kind == "postgres":
            return request.getfixturevalue("postgres").url(schema=f"s{uuid.uuid4().hex[:12]}")
        return "json:{data}/json" if store_kind == "json" else None  # None: as the program has it

    return make


@pytest.fixture(scope="module")
def server(new_store):
    """One server for a module, with the model that does what it is told. Tests share its one person."""
    with NimaServer(store=new_store()) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    return Client(server)


@pytest.fixture
def start_server(new_store):
    """start_server(llm=…): a server for this test alone; stopped, and looked at, when the test is over."""
    running = []

    def start(**options):
        made = NimaServer(**({"store": new_store()} | options))
        running.append(made)
        return made.__enter__()

    yield start
    for made in reversed(running):
        made.__exit__(None, None, None)


@pytest.fixture
def fresh(start_server):
    """A client of a server whose memory is empty."""
    return Client(start_server())


@pytest.fixture(scope="session")
def need_model():
    """need_model("name"): skips aloud when the weights are missing; fails where the run must have them."""

    def need(*names):
        missing = [name for name in names if not (MODELS / f"{name}.gguf").exists()]
        if missing and os.environ.get("NIMA_REQUIRE_MODELS") == "1":
            pytest.fail(f"missing: {', '.join(missing)}; run: build/nima models pull {missing[0]}")
        if missing:
            pytest.skip(f"NOT TESTED: the weights of {', '.join(missing)} are missing; run: scripts/setup test-tools")

    return need
