"""Daily quotas: what is over them is held with the reason and the time, and let go by itself; two tenants in each test."""
import json
import re

import pytest

from clock_ import Clock
from site_ import Site

JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}
ROWS = b"n\n1\n2\n3\n"
TIME = r"let go by itself at (\d{4}-\d\d-\d\dT00:00:00\.000Z)"


def profile(**limits):
    return {"arrival": {"settle_seconds": 0}, "limits": limits}


def rows(n):
    """Three rows that no other file has, 11 bytes."""
    return b"n\n%03d\n1\n2\n" % n


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.clock = Clock(tmp_path)
    yield s
    s.stop()


def tenants(site, **limits):
    site.tenant("alice", profile(**limits), t=JOB)
    site.tenant("bob", profile(), t=JOB)


def data(site, tenant, state):
    return [n for n in site.names(tenant, state) if n.endswith(".csv")]


def test_c_max_files_per_day_holds_with_reason_and_time_and_lets_go_by_itself(site):
    tenants(site, max_files_per_day=2)
    site.start(env=site.clock.env)
    for i in range(3):
        site.drop("alice", "f%d.csv" % i, rows(i))
        site.drop("bob", "f%d.csv" % i, rows(i))
        site.until(lambda: len(data(site, "alice", "done") + data(site, "alice", "held")) == i + 1)
    assert data(site, "alice", "done") == ["f0.csv", "f1.csv"] and data(site, "alice", "held") == ["f2.csv"]
    receipt = site.receipt("alice", "held", "f2.csv")
    assert receipt["state"] == "held" and receipt["reason"].startswith("Daily number of files exceeds limit: max_files_per_day is 2")
    assert re.search(TIME, receipt["reason"]) and "operator decides" not in receipt["sentence"]
    site.until(lambda: len(data(site, "bob", "done")) == 3)
    site.clock.set_wall(86400)
    site.until(lambda: len(data(site, "alice", "done")) == 3)
    assert data(site, "alice", "held") == [] and site.names("alice", "held") == []
    assert len(site.rows("alice", "alice-t")) == 9
    used = {(u["tenant"], u["day"]): u for u in json.loads(site.ctl("--json", "usage").stdout)}
    print(used)
