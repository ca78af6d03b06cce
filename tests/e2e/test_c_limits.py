"""Every limit of a profile at its boundary: what has just the limit goes through, one more does not; the other tenant has none.

The daily ones are in test_c_quota.py, max_staged_bytes' life in test_c_staged.py.
"""
import datetime
import json
import os
import re

import pytest

from site_ import ROOT, Site

JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}
MANUAL = {**JOB, "pattern": "*.man", "trigger": "manual", "input": {"header": True, "format": "csv"}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, workers=4)
    yield s
    s.stop()


def tenants(site, **limits):
    for name, of in (("alice", limits), ("bob", {})):
        site.tenant(name, {"arrival": {"settle_seconds": 0}, "limits": of}, t=JOB, m=MANUAL)


def sized(i, n):
    """A file of just n bytes whose rows no other file has; i below 10."""
    head = b"n\n%d\n" % (10 + i if n % 2 else i)
    return head + b"7\n" * ((n - len(head)) // 2)


def data(site, tenant, state):
    return [n for n in site.names(tenant, state) if not n.endswith((".json", ".rejects.csv"))]


def ended(site, name, content, tenant="alice"):
    """The receipt's state and reason."""
    site.drop(tenant, name, content)
    site.until(lambda: any(name in data(site, tenant, f) for f in ("done", "failed", "held")))
    where = next(f for f in ("done", "failed", "held") if name in data(site, tenant, f))
    receipt = site.receipt(tenant, where, name)
    return receipt["state"], receipt["reason"]


def test_c_limit_max_file_bytes(site):
    tenants(site, max_file_bytes=100)
    site.start()
    exact, over = sized(1, 100), sized(1, 101)
    assert (len(exact), len(over)) == (100, 101)
    assert ended(site, "exact.csv", exact) == ("done", None)
    assert ended(site, "over.csv", over) == ("failed", "File size exceeds limit")
    assert site.receipt("alice", "failed", "over.csv")["first_error"]["message"] == "101 bytes; max_file_bytes is 100"
    assert ended(site, "over.csv", over, "bob") == ("done", None)
    assert len(site.rows("alice", "alice-t")) == 49


def run_of(site, tenant, *files):
    """The run's state and reason, and what is left in in/."""
    for i, content in enumerate(files):
        site.drop(tenant, "f%d.man" % i, content)
    site.ctl("job", "start", tenant + "/m", "--wait")
    run = next(r for r in json.loads(site.ctl("--json", "runs", "--tenant", tenant).stdout) if r["job"] == "m")
    if site.names(tenant, "in") and run["state"] == "finished":
        print("LEFT", json.dumps(run), site.log(tenant))
    return run["state"], run["reason"], site.names(tenant, "in")


def test_c_limit_max_run_bytes(site):
    tenants(site, max_run_bytes=150)
    site.start()
    exact, over = (sized(1, 100), sized(2, 50)), (sized(1, 100), sized(2, 51))
    assert (len(b"".join(exact)), len(b"".join(over))) == (150, 151)
    assert run_of(site, "alice", *over) == ("failed", "Total file size exceeds limit", ["f0.man", "f1.man"])
    assert run_of(site, "alice", *exact) == ("finished", None, [])
    assert run_of(site, "bob", *over) == ("finished", None, [])


def test_c_limit_max_run_files(site):
    tenants(site, max_run_files=2)
    site.start()
    three = [b"n\n%d\n" % i for i in range(3)]
    assert run_of(site, "alice", *three) == ("failed", "Number of files exceeds limit", ["f0.man", "f1.man", "f2.man"])
    assert run_of(site, "bob", *three) == ("finished", None, [])
    site.tenant("alice", {"arrival": {"settle_seconds": 0}, "limits": {"max_run_files": 3}}, m=MANUAL)
    site.until(lambda: json.loads(site.ctl("--json", "tenant", "list", "alice").stdout)["limits"]["max_run_files"] == 3)
    assert run_of(site, "alice") == ("finished", None, [])


def test_c_limit_max_staged_bytes(site):
    """The bytes that it says it counts are the limit under which the file goes."""
    tenants(site, max_staged_bytes=1)
    site.drop("alice", "a.csv", b"n\n1\n")
    site.start()

    def counted():
        reason = next(t for t in json.loads(site.ctl("--json", "status").stdout)["tenants"] if t["tenant"] == "alice")["reason"]
        found = re.search(r"hold (\d+) bytes, max_staged_bytes is (\d+)", reason or "")
        return found and (int(found[1]), int(found[2]))

    def in_force(limit):
        return lambda: counted() and counted()[1] == limit

    site.until(in_force(1))
    held = counted()[0]
    tenants(site, max_staged_bytes=held - 1)
    site.until(in_force(held - 1))
    assert counted() == (held, held - 1) and data(site, "alice", "in") == ["a.csv"]
    tenants(site, max_staged_bytes=held)
    site.until(lambda: data(site, "alice", "done") == ["a.csv"])
    assert ended(site, "a.csv", b"n\n1\n", "bob") == ("done", None)


def most_at_once(site, tenant):
    """Of the files of a tenant: how many were with a worker at the same time, by their receipts."""
    times = [site.receipt(tenant, "done", n)["times"] for n in data(site, tenant, "done")]
    moments = [(datetime.datetime.fromisoformat(t[k].replace("Z", "+00:00")), d) for t in times for k, d in (("started", 1), ("indexed", -1))]
    now = most = 0
    for _, d in sorted(moments):
        now += d
        most = max(most, now)
    return most


def test_c_limit_max_workers(site):
    tenants(site, max_workers=2)
    for i in range(6):
        for tenant in ("alice", "bob"):
            site.drop(tenant, "f%d.csv" % i, b"n\n" + b"%d\n" % i * 30_000)
    site.start()
    site.until(lambda: all(len(data(site, t, "done")) == 6 for t in ("alice", "bob")), 120)
    assert most_at_once(site, "alice") == 2 and 2 <= most_at_once(site, "bob") <= 4


def test_c_limit_max_columns(site):
    tenants(site, max_columns=5)
    site.start()
    head = [b"c%d" % i for i in range(6)]
    five, six = b",".join(head[:5]) + b"\n1,2,3,4,5\n", b",".join(head) + b"\n1,2,3,4,5,6\n"
    assert ended(site, "five.csv", five) == ("done", None)
    state, reason = ended(site, "six.csv", six)
    assert state == "failed" and "max_columns" in reason and "5" in reason, reason
    assert ended(site, "six.csv", six, "bob") == ("done", None)


def test_c_limit_max_row_bytes(site):
    """A row's bytes without its line end; the rest of the file goes on."""
    tenants(site, max_row_bytes=20)
    site.start()
    content = b"n,x\n1,%s\n2,%s\n3,z\n" % (b"a" * 18, b"b" * 19)
    assert ended(site, "a.csv", content)[0] == "failed"  # one of three is over max_ratio
    content += b"4,z\n" * 20
    assert ended(site, "b.csv", content)[0] == "done"
    receipt = site.receipt("alice", "done", "b.csv")
    assert receipt["rows"]["rejected"] == 1 and receipt["rows"]["indexed"] == 22 and receipt["first_error"]["line"] == 3
    assert ended(site, "b.csv", content, "bob") == ("done", None) and site.receipt("bob", "done", "b.csv")["rows"]["rejected"] == 0


def test_c_every_limit_of_a_profile_has_its_test(site):
    """A key of the table without a test of its name here or in test_c_quota.py fails."""
    with open(os.path.join(ROOT, "watcher", "model", "profile_keys.def")) as f:
        keys = re.findall(r'^KEY\("(\w+)"', f.read().split("TABLE(limits)")[1].split("INNER(limits")[0], re.M)
    assert len(keys) == 9
    tests = "".join(open(os.path.join(ROOT, "tests", "e2e", n)).read() for n in ("test_c_limits.py", "test_c_quota.py"))
    assert [k for k in keys if "def test_c_limit_%s(" % k not in tests] == []
