"""Killed at each step of a run of a manifest, at each pass of it: all of its files are loaded once, or none of any row.

A run of two files is killed at the n-th pass of a named step and started again, for every n until the step is not reached any more: the
manifest's own claim, its list, each file's claim, proofs, counting of rows, gates, loads, places, and the run's own rows in the journal.
The same of a run with one altered file.  CI takes every CRASH_STEP-th kill of each (INGEST_CRASH_STEP), check-nightly all.
"""
import hashlib
import json
import os

import pytest

import kills
from books import JOB, csv_of, loaded, settled, stored
from site_ import Site

STEP = int(os.environ.get("INGEST_CRASH_STEP", "1" if os.environ.get("INGEST_NIGHTLY") else "6"))
CLAIM = "before-mkdir before-rename renamed owned before-journal before-commit journaled before-fsync fsynced-arrival fsynced-work fsynced-in"
POINTS = ["claim." + p for p in CLAIM.split()] + """version.renamed identified.before-commit identified.committed gated.before-commit
gated.committed loading.before-commit loading.committed indexed.before-commit indexed.committed receipt.before-tmp receipt.durable
placing.before-commit placing.committed place.receipt-renamed place.renamed placed.before-commit placed.committed placed.removed
waiting.before-commit waiting.committed run.before-commit run.committed list prove job digest gated before-send result""".split()
# what a run with an altered file comes to
FAILING = ["claim.renamed", "claim.journaled", "list", "prove", "run.before-commit", "run.committed", "receipt.durable", "placing.committed",
           "place.receipt-renamed", "place.renamed", "placed.committed", "placed.removed", "waiting.committed"]
FILES = {"a.csv": csv_of(40, 3), "b.csv": csv_of(30)}
ROWS = {"a.csv": 43, "b.csv": 30}


def prepare(folder, altered):
    site = Site(folder)
    site.tenant("bob", t={**JOB, "trigger": "manifest"})
    for name, content in FILES.items():
        site.drop("bob", name, content if not altered or name != "b.csv" else content[:-3] + b"x\n")
    site.drop("bob", "all.manifest.json", json.dumps({"job": "t", "files": [
        {"name": n, "size": len(c), "sha256": hashlib.sha256(c).hexdigest(), "rows": ROWS[n]} for n, c in FILES.items()]}).encode())
    return site


def whole(site):
    assert dict(settled(site)) == {"a.csv": 1, "b.csv": 1}
    loaded(site, "a.csv", 40, 3)
    loaded(site, "b.csv", 30)
    assert site.receipt("bob", "done", "all.manifest.json")["state"] == "done"


def none_of_it(site):
    assert dict(settled(site)) == {"a.csv": 1, "b.csv": 1} and site.names("bob", "done") == []
    assert stored(site, "bob", "bob-t") == []
    for name in ("a.csv", "b.csv", "all.manifest.json"):
        assert "b.csv" in site.receipt("bob", "failed", name)["reason"] or name == "b.csv", name
    assert "it is not what its sender sent" in site.receipt("bob", "failed", "b.csv")["reason"]


def test_a_file_that_has_ended_is_not_waited_for_again(tmp_path):
    """Killed between two batches of claims; one file fails alone, and is in failed/ when the daemon is started once more."""
    site = Site(tmp_path)
    site.tenant("bob", t={**JOB, "pattern": "*.[cp]*", "trigger": "manifest"})
    files = {"a.pdf": b"%PDF", **{"f%02d.csv" % i: csv_of(2) for i in range(70)}}
    for name, content in files.items():
        site.drop("bob", name, content)
    site.drop("bob", "all.manifest.json", json.dumps({"job": "t", "files": [
        {"name": n, "size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in files.items()]}).encode())
    once = site.path("crashed")
    site.once(env={"INGEST_CRASH_AT": "claim.before-mkdir:70", "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once) and len(site.names("bob", "in")) > 1
    os.rename(site.path("staging", "bob", "in", "f69.csv"), site.path("f69.csv"))
    assert site.once().returncode == 3
    assert "a.pdf" in site.names("bob", "failed") and site.names("bob", "done") == []
    os.rename(site.path("f69.csv"), site.path("staging", "bob", "in", "f69.csv"))
    assert site.once("--wait", "20").returncode == 3
    assert len([n for n in site.names("bob", "done") if n.endswith(".csv")]) == 70 and site.names("bob", "work") == []
    assert site.receipt("bob", "failed", "all.manifest.json")["reason"] == "1 of 71 files failed"


@pytest.mark.parametrize("n", [1, 2])
def test_a_failed_file_is_counted_whenever_the_kill_comes(tmp_path, n):
    """Killed behind the commit of the file's end, before the run has it."""
    site = Site(tmp_path)
    site.tenant("bob", t={**JOB, "trigger": "manifest", "rejects": {"max_ratio": 0}})
    files = {"bad.csv": csv_of(3, 3), "good.csv": csv_of(3)}
    for name, content in files.items():
        site.drop("bob", name, content)
    site.drop("bob", "all.manifest.json", json.dumps({"job": "t", "files": [
        {"name": f, "size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for f, c in files.items()]}).encode())
    once = site.path("crashed")
    site.once(env={"INGEST_CRASH_AT": "placed.committed:%d" % n, "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once)
    kills.add()
    site.once("--wait", "20")
    receipt = site.receipt("bob", "failed", "all.manifest.json")
    assert receipt["reason"] == "1 of 2 files failed" and "good.csv" in site.names("bob", "done"), receipt
    site.start()
    told, = json.loads(site.ctl("--json", "runs").stdout)
    assert (told["state"], told["files"], told["done"], told["failed"]) == ("failed", 2, 1, 1), told
    site.stop()


def kill_at_every_pass(tmp_path, point, altered, check):
    passes = 0
    for n in range(1, 200):
        taken = (n + sum(map(ord, point))) % STEP == 0 or n == 1
        folder = tmp_path / str(n)
        folder.mkdir()
        if not taken and passes < n - 1:
            break
        if not taken:
            passes += 1
            continue
        site = prepare(folder, altered)
        once = site.path("crashed")
        site.once(env={"INGEST_CRASH_AT": "%s:%d" % (point, n), "INGEST_CRASH_ONCE": once})
        if not os.path.exists(once):
            break
        kills.add()
        passes += 1
        site.once()
        try:
            check(site)
        except AssertionError as e:
            raise AssertionError("%s:%d" % (point, n)) from e
    print("%s: %d passes" % (point, passes))
    assert passes >= 1, "the point was not reached"


@pytest.mark.parametrize("point", POINTS)
def test_a_run_is_loaded_once(tmp_path, point):
    kill_at_every_pass(tmp_path, point, False, whole)


@pytest.mark.parametrize("point", FAILING)
def test_not_one_row_of_an_altered_run(tmp_path, point):
    kill_at_every_pass(tmp_path, point, True, none_of_it)
