"""b_ basic: a manifest that starts a run: several files of one job, all or none of them (delivery.md, Arrival 3; profiles.md, Triggers and runs)."""
import hashlib
import json
import os
import re

import pytest

from site_ import Site, balanced

SETTLE = {"arrival": {"settle_seconds": 0}}
MAPPINGS = {"mappings": {"properties": {"id": {"type": "long"}}}}
# the file's own name in its rows: which file a row came from
JOB = {"pattern": "m*.csv", "trigger": "manifest", "input": {"header": True}, "index": {"name": "m", **MAPPINGS}}
OTHER = {"pattern": "o*.csv", "input": {"header": True}, "index": {"name": "o", **MAPPINGS}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", SETTLE, m=JOB, o=OTHER)
    yield s
    s.stop()


def rows(first, count=10):
    return b"id\n" + b"".join(b"%d\n" % i for i in range(first, first + count))


FILES = {"m1.csv": rows(0), "m2.csv": rows(1000)}


def listing(files, **more):
    return [{"name": n, "size": len(c), "sha256": hashlib.sha256(c).hexdigest(), **more} for n, c in files.items()]


def manifest(files, job="m", **more):
    return json.dumps({"job": job, "files": listing(files, **more)}).encode()


def drop(site, files, tenant="alice"):
    for name, content in files.items():
        site.drop(tenant, name, content)


def ids(site, table="alice-m"):
    return sorted(r["id"] for r in site.rows("alice", table)) if os.path.exists(site.path("var", "data", "alice", "data.db")) else []


def runs(site):
    return json.loads(site.ctl("--json", "runs").stdout)


def data(site, state):
    """The files themselves, without what lies beside them."""
    return [n for n in site.names("alice", state) if not n.endswith((".receipt.json", ".rejects.csv", ".rejects.ndjson"))]


def explain(site, name, state="in"):
    return site.ctl("explain", site.path("staging", "alice", state, name)).stdout


def test_a_run_of_two_files(site):
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 0
    assert data(site, "done") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "in") == []
    assert ids(site) == sorted([*range(10), *range(1000, 1010)])
    receipt = site.receipt("alice", "done", "batch.manifest.json")
    assert receipt["state"] == "done" and receipt["job"] == "m" and receipt["rows"] is None
    for name, content in FILES.items():
        r = site.receipt("alice", "done", name)
        # the run has the id of its manifest
        assert r["run"] == receipt["id"] and balanced(r) and r["sha256"] == hashlib.sha256(content).hexdigest()
    site.start()
    run, = runs(site)
    assert run["id"] == receipt["id"] and run["trigger"] == "manifest" and run["state"] == "finished"
    assert (run["files"], run["done"], run["failed"]) == (2, 2, 0)
    assert site.ctl("journal", "check").returncode == 0


ALTERED = {
    "altered": (lambda c: c[:-3] + b"8\n" + c[-1:], "its SHA-256 is "),
    "cut": (lambda c: c[:-5], "it has %d bytes, batch.manifest.json says %d" % (len(FILES["m2.csv"]) - 5, len(FILES["m2.csv"]))),
}


@pytest.mark.parametrize("case", ALTERED)
def test_one_altered_file_and_not_one_row_of_any(site, case):
    change, words = ALTERED[case]
    drop(site, {**FILES, "m2.csv": change(FILES["m2.csv"])})
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "in") == []
    assert ids(site) == [] and site.names("alice", "work") == []
    reason = {n: site.receipt("alice", "failed", n)["reason"] for n in ("m1.csv", "m2.csv", "batch.manifest.json")}
    assert words in reason["m2.csv"]
    assert reason["batch.manifest.json"] == "m2.csv: " + reason["m2.csv"]
    assert reason["m1.csv"] == "its run failed before a row was read: m2.csv: " + reason["m2.csv"]
    site.start()
    run, = runs(site)
    assert run["state"] == "failed" and run["reason"].startswith("m2.csv: ") and words in run["reason"]
    assert (run["files"], run["done"], run["failed"]) == (2, 0, 2)
    assert [n for n in site.names("alice", "failed") if re.fullmatch(r"m\.%s\.receipt\.json" % run["id"], n)]
    assert site.ctl("journal", "check").returncode == 0


def test_a_missing_file_is_waited_for_by_name(site):
    site.drop("alice", "m1.csv", FILES["m1.csv"])
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.start()
    site.until(lambda: "its run waits for m2.csv, file 2 of 2: it is not in in/" in explain(site, "batch.manifest.json"))
    assert "a manifest of its job that lists it" in explain(site, "m1.csv") and ids(site) == []
    assert [r["state"] for r in runs(site)] == ["starting"] and site.names("alice", "in") == ["m1.csv"]
    site.drop("alice", "m2.csv", FILES["m2.csv"])
    site.until(lambda: data(site, "done") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "work") == [])
    assert len(ids(site)) == 20 and [r["state"] for r in runs(site)] == ["finished"]


LIMITS = {
    "Number of files exceeds limit": {"max_run_files": 1},
    "Total file size exceeds limit": {"max_run_bytes": sum(map(len, FILES.values())) - 1},
}


@pytest.mark.parametrize("words", LIMITS)
def test_a_run_over_a_limit_goes_to_failed_as_a_whole(site, words):
    site.tenant("alice", {**SETTLE, "limits": LIMITS[words]}, m=JOB, o=OTHER)
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "in") == [] and ids(site) == []
    for name in (*FILES, "batch.manifest.json"):
        assert site.receipt("alice", "failed", name)["reason"] == words
    site.start()
    run, = runs(site)
    assert run["state"] == "failed" and run["reason"] == words and run["files"] == 2
    with open(site.path("staging", "alice", "failed", "m.%s.receipt.json" % run["id"])) as f:
        assert json.load(f)["reason"] == words


def test_begun_its_files_end_one_by_one(site):
    files = {**FILES, "m3.csv": b"id\nx\n"}
    drop(site, files)
    site.drop("alice", "batch.manifest.json", manifest(files))
    assert site.once().returncode == 3
    assert data(site, "done") == ["m1.csv", "m2.csv"] and data(site, "failed") == ["batch.manifest.json", "m3.csv"]
    assert len(ids(site)) == 20
    assert site.receipt("alice", "failed", "batch.manifest.json")["reason"] == "1 of 3 files failed"
    site.start()
    run, = runs(site)
    assert run["state"] == "failed" and run["reason"] == "1 of 3 files failed" and (run["done"], run["failed"]) == (2, 1)


def test_stated_rows_are_counted_before_any_file_begins(site):
    good = listing(FILES)
    site.tenant("alice", SETTLE, m=JOB, o=OTHER)
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", json.dumps({"job": "m", "files": [{**good[0], "rows": 10}, {**good[1], "rows": 11}]}).encode())
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and ids(site) == []
    reason = site.receipt("alice", "failed", "m2.csv")["reason"]
    assert reason == "it has 10 rows, batch.manifest.json says 11"
    assert site.receipt("alice", "failed", "m1.csv")["reason"] == "its run failed before a row was read: m2.csv: " + reason
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES, rows=10))
    assert site.once().returncode == 0 and len(ids(site)) == 20
    assert all(balanced(site.receipt("alice", "done", n)) for n in FILES)
    site.start()
    assert site.ctl("journal", "check").returncode == 0


def test_a_daily_quota_holds_a_file_that_was_proven(site):
    """One that is altered is found first: nothing is held of a run that fails."""
    limits = {**SETTLE, "limits": {"max_files_per_day": 1}}
    site.tenant("alice", limits, m=JOB, o=OTHER)
    drop(site, {**FILES, "m2.csv": FILES["m2.csv"][:-4]})
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and data(site, "held") == []
    drop(site, FILES)
    site.drop("alice", "again.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    held, = data(site, "held")
    assert len(ids(site)) == 10 and site.receipt("alice", "failed", "again.manifest.json")["reason"] == "1 of 2 files failed or were held"
    site.start()
    assert site.ctl("release", site.path("staging", "alice", "held", held)).returncode == 0
    site.until(lambda: data(site, "done") == ["m1.csv", "m2.csv"] and len(ids(site)) == 20)
