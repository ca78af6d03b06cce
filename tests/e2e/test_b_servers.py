"""The tests' servers themselves: each answers, starts again after kill -9, and ends with its run."""
import json
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = '{"create":{"_index":"%s","_id":"1"}}\n{"a":1}\n'


@pytest.mark.parametrize("kind, options, version", [
    ("opensearch", {}, "2.19.1"), ("opensearch", {"tls": True}, "2.19.1"), ("elasticsearch", {}, None),
    ("elasticsearch", {"tls": True}, None)], ids=lambda v: "tls" if v == {"tls": True} else str(v))
def test_b_search_server_answers(server, kind, options, version):
    s = server(kind, **options)
    status, body = s.request("/")
    if version:
        assert (status, body["version"]["number"]) == (200, version)
    else:
        assert status == 405  # the archive of Elasticsearch lacks this one route
    index = "servers-%d" % os.getpid()
    for want in 201, 409:
        status, body = s.request("/_bulk", "POST", DOCUMENT % index)
        assert (status, body["items"][0]["create"]["status"]) == (200, want)
    s.request("/" + index, "DELETE")


def test_b_mongo_answers_and_starts_again(own_server):
    s = own_server("mongo")
    first = s.pid
    s.kill()
    assert s.pid is None
    assert s.start().pid not in (None, first)


def test_b_servers_end_with_their_run():
    """A run that is killed leaves no server behind: the keeper sees the end of its pipe."""
    code = ("import sys, os, json; sys.path.insert(0, %r); import servers; servers.begin(); "
            "s = servers.shared('mongo'); print(json.dumps([s.pid, os.environ['INGEST_SERVERS']]), flush=True); "
            "os.kill(os.getpid(), 9)" % os.path.join(ROOT, "tests", "lib"))
    env = {k: v for k, v in os.environ.items() if k != "INGEST_SERVERS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120)
    pid, folder = json.loads(done.stdout)
    for _ in range(1000):
        if not os.path.exists(folder):
            break
        subprocess.run(["sleep", "0.02"])
    assert not os.path.exists(folder)
    assert not os.path.exists("/proc/%d" % pid) or open("/proc/%d/cmdline" % pid).read() == ""  # gone, perhaps not reaped
