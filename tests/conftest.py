"""What all pytest folders share: tests/lib on the path, and the run's servers (tests/lib/servers)."""
import contextlib
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import servers  # noqa: E402


def pytest_configure(config):
    servers.begin()


def pytest_unconfigure(config):
    servers.end()


def pytest_collection_modifyitems(config, items):
    """CHECK_FAST=1 (make check-fast): only what needs no server."""
    if os.environ.get("CHECK_FAST") == "1":
        left = [i for i in items if {"shared_server", "own_server"} & set(i.fixturenames)]
        config.hook.pytest_deselected(items=left)
        items[:] = [i for i in items if i not in left]


@contextlib.contextmanager
def needed():
    """A server that cannot be had is a failure; a skip only with CHECK_OFFLINE=1."""
    try:
        yield
    except servers.Absent as e:
        if os.environ.get("CHECK_OFFLINE") == "1":
            pytest.skip("CHECK_OFFLINE=1: %s" % e)
        pytest.fail("a server cannot be had (CHECK_OFFLINE=1 skips): %s" % e)


@pytest.fixture(scope="session")
def shared_server():
    """shared_server("opensearch", tls=True): the run's, started by the first test that asks."""
    def get(kind, **options):
        with needed():
            return servers.shared(kind, **options)
    return get


@pytest.fixture
def server(shared_server):
    return shared_server


@pytest.fixture
def own_server():
    """own_server("mongo", replset="rs0"): this test's alone, to be killed; gone when the test ends."""
    with contextlib.ExitStack() as stack:
        def get(kind, **options):
            with needed():
                return stack.enter_context(servers.own(kind, **options))
        yield get
