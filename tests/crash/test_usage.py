"""Usage and statistics equal the sum of the receipts, whatever was killed when: 2,000 random files of two tenants, and files that end twice."""
import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import time

import pytest

import stats_
from killing import children_of
from site_ import Site
from usage_ import KEYS, of_answer, of_journal, of_receipts, receipts

COUNT = int(os.environ.get("INGEST_USAGE_FILES", "1000"))  # of each tenant
JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 0.5},
       "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}
TENANTS = ("alice", "bob")


@pytest.fixture
def site(tmp_path):
    """In memory where that can be had: a kill is no power cut, and 2,000 files are fsynced some ten times each."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 200_000_000 else None
    with tempfile.TemporaryDirectory(dir=memory or tmp_path, prefix="ingest-usage-") as folder:
        os.chmod(folder, 0o755)
        s = Site(folder, workers=3)
        s.months = {this_month()}
        for tenant in TENANTS:
            s.tenant(tenant, t=JOB)
        yield s
        s.kill()


def content(rng, i):
    """Good rows, rejected ones, blank lines; one in ten fails in the gate."""
    rows = [b"%d" % (i * 100 + k) for k in range(rng.randrange(1, 12))]
    if rng.random() < 0.1:
        rows = [b"x%d" % i] * 5
    elif rng.random() < 0.3:
        rows += [b"y"] * (len(rows) // 2)
    rng.shuffle(rows)
    return b"n\n" + b"\n".join(rows) + b"\n"


def ended(site):
    return sum(n.endswith(".receipt.json") for t in TENANTS for f in ("done", "failed", "held") for n in
               (os.listdir(site.path("staging", t, f)) if os.path.isdir(site.path("staging", t, f)) else ()))


def strike(site, rng):
    """kill -9 of the daemon, or of a worker of it."""
    workers = [pid for pid, name in children_of(site.daemon.pid) if name == "ingest-worker"]
    if workers and rng.random() < 0.4:
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(rng.choice(workers), signal.SIGKILL)
    else:
        site.kill()
        site.start()


def settle(site, rng, until, kills):
    """To that condition, with so many kills spread over the way."""
    for _ in range(kills):
        if until():
            break
        time.sleep(rng.expovariate(4))  # the instant of the kill
        strike(site, rng)
    site.until(until, 240)


def this_month():
    return time.strftime("%Y-%m", time.gmtime())


def compare(site):
    lines = [u for month in sorted(site.months | {this_month()}) for u in json.loads(site.ctl("--json", "usage", "--month", month).stdout)]
    for tenant in TENANTS:
        wanted = of_receipts(receipts(site, tenant))
        assert of_journal(site, tenant) == wanted, tenant
        assert of_answer([u for u in lines if u["tenant"] == tenant]) == {k: wanted[k] for k in KEYS}
    stats_.equal_receipts(site, TENANTS)
    return {t: of_receipts(receipts(site, t)) for t in TENANTS}


def test_usage_and_statistics_equal_the_sum_of_receipts_over_2000_files_with_kills(site):
    seed = int(os.environ.get("INGEST_SEED", random.randrange(1 << 30)))
    rng, began = random.Random(seed), time.monotonic()
    print("\nseed %d" % seed)
    for i in range(COUNT):
        for tenant in TENANTS:
            name = "f%d.%s" % (i, "csv" if rng.random() > 0.03 else "txt")  # of no job
            site.drop(tenant, name, content(rng, i))
    site.start()
    settle(site, rng, lambda: ended(site) == 2 * COUNT, 25)
    sums = compare(site)
    assert all(s["files"] == COUNT and 0 < s["rows_indexed"] < s["rows"] for s in sums.values())
    # again: the same bytes, files that are taken back, loaded anew, tried again
    for tenant in TENANTS:
        done = [r for f, r in receipts(site, tenant) if f == "done"]
        for r in rng.sample(done, 30):
            site.drop(tenant, r["file"], open(site.path("staging", tenant, "done", r["file"]), "rb").read())
        for r, wish in zip(rng.sample(done, 40), ["undo", "rerun"] * 20):
            site.ctl(wish, r["id"])
    settle(site, rng, lambda: ended(site) == 2 * COUNT + 60 and nothing_under_way(site), 10)
    after = compare(site)
    assert all(after[t]["files"] == COUNT + 30 and after[t]["rows_indexed"] < sums[t]["rows_indexed"] for t in TENANTS)
    assert json.loads(site.ctl("--json", "journal", "check", "--quick").stdout)["findings"] == []
    print("%d files, %d rows read, %d indexed, %.1f s" % (sum(s["files"] for s in after.values()), sum(s["rows"] for s in after.values()),
                                                         sum(s["rows_indexed"] for s in after.values()), time.monotonic() - began))


def nothing_under_way(site):
    found = site.ctl("--json", "status")
    return found.returncode == 0 and all(t["running"] + t["queued"] + t["waiting"] + t["arriving"] == 0
                                         for t in json.loads(found.stdout)["tenants"])
