"""c_ complex: whose turn it is.  Judged by the scheduler's own trace (ingestctl queue --trace), not by a clock."""
import json
import os

import pytest

from site_ import LockedStore, Site

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}, "text": {"type": "keyword"}}}}}


def csv_of(size):
    """At least so many bytes, in rows of a hundred."""
    rows = ["%d,%s" % (i, "x" * 90) for i in range(max(1, size // 98))]
    return ("id,text\n" + "\n".join(rows) + "\n").encode()


def trace(s):
    return json.loads(s.ctl("--json", "queue", "--trace").stdout)


def queue(s, *args):
    return json.loads(s.ctl("--json", "queue", *args).stdout)


def jain(values):
    return sum(values) ** 2 / (len(values) * sum(v * v for v in values))


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, sinks={"local": {"type": "sqlite"}}, workers=1)
    yield s
    s.stop()


def test_c_jains_index_of_bytes_served_under_overload(site):
    """Three tenants whose files differ forty-fold and more than one worker can do."""
    files = {"alice": (160, 5000), "bob": (4, 200000), "carol": (20, 40000)}
    for name, (count, size) in files.items():
        site.tenant(name, t=JOB)
        for i in range(count):
            site.drop(name, "%03d.csv" % i, csv_of(size))
    site.start()
    site.until(lambda: len(trace(site)) >= sum(count for count, _ in files.values()), 120)
    turns = trace(site)
    assert all(t["least_owed"] is None or t["owed"] <= t["least_owed"] for t in turns)
    left, served, all_there = {name: count for name, (count, _) in files.items()}, dict.fromkeys(files, 0), set()
    for t in turns:
        # from when all three have something waiting to when one of them has nothing left
        all_there.add(t["tenant"])
        left[t["tenant"]] -= 1
        if len(all_there) == 3:
            served[t["tenant"]] += t["bytes"]
        if not left[t["tenant"]]:
            break
    print("bytes served: %s, Jain's index %.4f" % (served, jain(list(served.values()))))
    assert sum(served.values()) > 1000000
    assert jain(list(served.values())) >= 0.95


def test_c_two_thousand_files_delay_no_first_file_of_another(site):
    """No file of the other begins between the moment when it is queued and its turn; and the queue says so before."""
    for name in ("alice", "bob"):
        site.tenant(name, t=JOB)
    for i in range(2000):
        site.drop("alice", "%04d.csv" % i, b"id,text\n%d,x\n" % i)
    site.start()
    site.until(lambda: len(site.names("alice", "done")) > 20 and len(queue(site, "--limit", "1000")) == 1000)
    with LockedStore(site, "alice"):  # nothing of it ends while we look
        site.until(lambda: len(queue(site, "--limit", "1000")) == 1000)
        seen = queue(site, "--limit", "1000")
        queued = [q for q in seen if q["position"]]
        # the one worker has a group of up to 32
        assert [q["position"] for q in queued] == list(range(1, len(queued) + 1)) and len(queued) >= 1000 - 32
        assert queued[0]["reason"] == "it is the next" or "max_workers" in queued[0]["reason"]
        waits = [q["wait_seconds"] for q in queued]
        assert waits == sorted(waits) and waits[0] >= 0 and waits[-1] > 0
        assert all(q["state"] == "running" and q["reason"] and q["wait_seconds"] is None for q in seen if q["position"] is None)
        table = site.ctl("queue", "--limit", "3").stdout
        site.drop("bob", "first.csv", b"id,text\n1,x\n")
        site.until(lambda: any(q["tenant"] == "bob" for q in queue(site, "--limit", "1000")))
    site.until(lambda: os.path.exists(site.path("staging", "bob", "done", "first.csv")))
    (turn,) = [t for t in trace(site) if t["tenant"] == "bob"]
    assert turn["turns_waited"] == 0, turn
    assert table.splitlines()[0].split()[:3] == ["position", "tenant", "job"] and "alice" in table, table
