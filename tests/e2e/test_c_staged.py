"""max_staged_bytes: a tenant over it has nothing more taken, is told so in status, log and explain, and goes on by itself."""
import json
import os

import pytest

from site_ import Site

JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}


def profile(limit, **more):
    return {"arrival": {"settle_seconds": 0}, "limits": {"max_staged_bytes": limit}, **more}


def status(s, tenant):
    return next(t for t in json.loads(s.ctl("--json", "status").stdout)["tenants"] if t["tenant"] == tenant)


def explain(s, path):
    return json.loads(s.ctl("--json", "explain", path).stdout)


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    s.stop()


BIG = b"n\n" + b"1\n" * 150_000  # 300 kB


def test_c_a_tenant_over_max_staged_bytes_waits_and_goes_on_by_itself(site):
    site.tenant("alice", profile(400_000), t=JOB)
    site.tenant("bob", profile(None), t=JOB)
    site.start()
    site.drop("alice", "a.csv", BIG)
    site.until(lambda: "a.csv" in site.names("alice", "done"))
    for tenant in ("alice", "bob"):
        site.drop(tenant, "b.csv", BIG)
    site.until(lambda: "b.csv" in site.names("bob", "done"))
    site.until(lambda: "max_staged_bytes is 400000" in (status(site, "alice")["reason"] or ""))
    assert site.names("alice", "in") == ["b.csv"]
    told = explain(site, site.path("staging", "alice", "in", "b.csv"))
    assert told["rule"] == "staged" and "max_staged_bytes is 400000" in json.dumps(told) and "retention" in json.dumps(told), told
    site.until(lambda: "staged.over" in site.log("alice"))
    assert "staged.over" not in site.log("bob")
    os.unlink(site.path("staging", "alice", "done", "a.csv"))
    site.until(lambda: "b.csv" in site.names("alice", "done"), 30)
    assert "staged.well" in site.log("alice") and status(site, "alice")["reason"] is None
    assert site.log("alice").count("staged.over") == 1
    assert len(site.rows("alice", "alice-t")) == 300_000


def test_c_what_came_since_the_last_count_counts(site):
    """Ten files at once, each far below the limit: no more are taken than there is room for."""
    site.tenant("alice", profile(1_000_000), t=JOB)
    for i in range(10):
        site.drop("alice", "f%d.csv" % i, BIG + b"%d\n" % i)
    site.start()
    site.until(lambda: "max_staged_bytes" in (status(site, "alice")["reason"] or ""))
    site.until(lambda: status(site, "alice")["running"] + status(site, "alice")["queued"] == 0)
    assert len(site.names("alice", "in")) == 10, "all ten together are over the limit before one is taken"


def test_c_once_leaves_what_is_over_in_in_and_says_so(site):
    site.tenant("alice", profile(1000), t=JOB)
    site.drop("alice", "a.csv", BIG)
    done = site.once()
    assert done.returncode == 0 and site.names("alice", "in") == ["a.csv"]
    assert "staged.over" in site.log("alice")


def test_c_a_manual_run_waits_too(site):
    site.tenant("alice", profile(1000), t={**JOB, "trigger": "manual"})
    site.drop("alice", "a.csv", BIG)
    site.start()
    site.until(lambda: "staged.over" in site.log("alice"))
    assert site.ctl("job", "start", "alice/t").returncode == 0
    site.until(lambda: json.loads(site.ctl("--json", "runs").stdout)[0]["state"] == "starting")
    site.tenant("alice", profile(10_000_000), t={**JOB, "trigger": "manual"})
    site.until(lambda: "a.csv" in site.names("alice", "done"), 30)
