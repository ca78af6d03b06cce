"""c_ complex: "resources" of a job, and max_workers: what the kernel, the server and the scheduler see of them."""
import json
import os

import pytest

from fault_proxy import FaultProxy
from search_ import count, job, site as search_site
from site_ import LockedStore, Site

MIB = 1 << 20
CLASSES = {  # address space, nice; body at most, requests at the same time; bytes that it takes to see that
    "small": (512 * MIB, 15, 1 * MIB, 1, 4 * MIB),
    "medium": (1024 * MIB, 5, 1088 * 1024, 4, 16 * MIB),
    "large": (4096 * MIB, 0, 5 * MIB, 8, 50 * MIB),
}
WIDE = {"properties": {"id": {"type": "long"}, "pad": {"type": "keyword", "index": False, "doc_values": False}}}


def status(s):
    return json.loads(s.ctl("--json", "status").stdout)


def limit_of(pid):
    with open("/proc/%d/limits" % pid) as f:
        (line,) = [line for line in f if line.startswith("Max address space")]
    return line.split()[3:5]


def nice_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        return int(f.read().rsplit(")", 1)[1].split()[16])


@pytest.fixture
def opensearch(server):
    return server("opensearch")


@pytest.mark.parametrize("name", CLASSES)
def test_c_a_class_is_what_kernel_and_server_see(tmp_path, opensearch, name):
    """Behind 200 ms a request, so that as many are under way as there may be."""
    memory, nice, body, requests, enough = CLASSES[name]
    rows = enough // 8000
    with FaultProxy(opensearch.url) as p:
        p.delay = 0.2
        s = search_site(tmp_path, p.url, spec=job(resources=name, index={"mappings": WIDE}))
        s.start()
        try:
            s.drop(s.name, "a.csv", b"id,pad\n" + b"".join(b"%d,%s\n" % (i, b"x" * 7950) for i in range(rows)))
            s.until(lambda: p.bulks)
            (worker,) = status(s)["processes"]
            assert worker["resources"] == name and worker["state"] == "busy"
            if "san" not in os.environ.get("INGEST_BUILD", ""):  # there the memory is not limited
                assert limit_of(worker["pid"]) == [str(memory)] * 2
            assert nice_of(worker["pid"]) == max(os.nice(0), nice)
            s.until(lambda: "a.csv" in s.names(s.name, "done"))
        finally:
            s.stop()
        sizes = sorted(b.bytes for b in p.bulks)
        assert body * 3 // 4 < sizes[-1] <= body, sizes[-3:]
        assert p.most_at_once == requests or (name == "large" and 4 < p.most_at_once <= 8), p.most_at_once
        assert count(opensearch, s.index) == rows


JOB = {"input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}


def busy(s):
    """Of each tenant's class, the most that were seen at the same time, until all is done."""
    most = {}
    while any(t["backlog"] for t in status(s)["tenants"]):
        now = {}
        for w in status(s)["processes"]:
            if w["state"] == "busy":
                key = (w["tenant"], w["resources"])
                now[key] = now.get(key, 0) + 1
        for key, n in now.items():
            most[key] = max(most.get(key, 0), n)
    return most


def test_c_max_workers_and_the_workers_of_a_class(tmp_path):
    """Four slots; alice may have two files in work, bob all, but of his small job one at a time."""
    s = Site(tmp_path, sinks={"local": {"type": "sqlite"}}, workers=4)
    s.tenant("alice", {"arrival": {"settle_seconds": 0}, "limits": {"max_workers": 2}}, t={**JOB, "pattern": "*.csv"})
    s.tenant("bob", None, s={**JOB, "pattern": "s*.csv", "resources": "small"}, m={**JOB, "pattern": "m*.csv"})
    body = b"id\n" + b"".join(b"%d\n" % i for i in range(8000))
    for i in range(8):
        s.drop("alice", "a%02d.csv" % i, body)
        s.drop("bob", "s%02d.csv" % i, body)
        s.drop("bob", "m%02d.csv" % i, body)
    s.start()
    try:
        most = busy(s)
    finally:
        s.stop()
    assert most[("bob", "small")] == 1 and most[("alice", "medium")] <= 2 and ("bob", "medium") in most, most
    assert all(len([n for n in s.names(t, "done") if n.endswith(".csv")]) == n for t, n in (("alice", 8), ("bob", 16)))


def test_c_a_class_that_changes_is_in_force_for_what_waits(tmp_path):
    s = Site(tmp_path, sinks={"local": {"type": "sqlite"}}, workers=1)
    s.tenant("alice", None, t={**JOB, "pattern": "*.csv"})
    s.start()
    try:
        with LockedStore(s, "alice"):  # what a worker has stands, the rest waits
            for i in range(200):
                s.drop("alice", "a%03d.csv" % i, b"id\n%d\n" % i)
            s.until(lambda: [w for w in status(s)["processes"] if w["resources"] == "medium"])
            s.tenant("alice", None, t={**JOB, "pattern": "*.csv", "resources": "large"})
            s.until(lambda: s.log("alice").count("profile.loaded") >= 2)
        s.until(lambda: [w for w in status(s)["processes"] if w["resources"] == "large"])
        s.until(lambda: not any(t["backlog"] for t in status(s)["tenants"]))
        versions = {r["job_version"] for r in json.loads(s.ctl("--json", "files", "--limit", "1000").stdout)}
        assert len(versions) == 1  # what a worker may use changes nothing of what becomes of a row
    finally:
        s.stop()
