"""Dead workers: three deaths in a row at one checkpoint by the file's own doing fail it, with no row stored; being killed is no death.

A worker that waits for its locked store is sent the signal, as a crash inside it would be.
"""
import os
import signal
import sqlite3

import pytest

from books import JOB, csv_of, loaded, settled, stored
from killing import children_of
from site_ import Site


@pytest.fixture
def site(tmp_path):
    """Its store is locked: a.csv is in its load."""
    s = Site(tmp_path)
    s.tenant("bob", t=JOB)
    s.drop("bob", "first.csv", csv_of(1))
    s.once()
    s.lock = sqlite3.connect(s.path("var", "data", "bob", "data.db"), isolation_level=None)
    s.lock.execute("begin immediate")
    s.drop("bob", "a.csv", csv_of(40, 2))
    s.start()
    s.until(lambda: attempts(s) == 1)
    yield s
    s.lock.close()
    s.kill()


def attempts(site):
    db = sqlite3.connect("file:%s?mode=ro" % site.path("var", "journal.db"), uri=True)
    try:
        return (db.execute("select attempts from arrivals where file = 'a.csv'").fetchone() or (0,))[0]
    finally:
        db.close()


def gated(site):
    return sum("file.gated" in line and "a.csv" in line for line in site.log("bob").splitlines())


def die(site, sign, times):
    """The worker of each attempt, when that has begun."""
    for _ in range(times):
        before = attempts(site)
        site.until(lambda: gated(site) and any(n == "ingest-worker" for _, n in children_of(site.daemon.pid)))
        pid, = [p for p, n in children_of(site.daemon.pid) if n == "ingest-worker"]
        os.kill(pid, sign)
        site.until(lambda: attempts(site) > before or "file.undoing" in site.log("bob"), 20)


@pytest.mark.parametrize("sign", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGXCPU, signal.SIGSYS])
def test_three_deaths_in_a_row_fail_the_file(site, sign):
    die(site, sign, 3)
    site.until(lambda: "file.undoing" in site.log("bob"))
    site.lock.execute("rollback")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "failed"))
    receipt = site.receipt("bob", "failed", "a.csv")
    assert receipt["reason"].startswith("crashed the worker: 3 times in a row"), receipt["reason"]
    assert receipt["rows"]["indexed"] == 0 and len(stored(site, "bob", "bob-t")) == 1
    assert site.stop() == 0
    settled(site)


def test_two_deaths_are_survived(site):
    die(site, signal.SIGSEGV, 2)
    site.lock.execute("rollback")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))
    loaded(site, "a.csv", 40, 2)


def test_being_killed_from_outside_is_no_death(site):
    die(site, signal.SIGKILL, 5)
    site.lock.execute("rollback")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))
    loaded(site, "a.csv", 40, 2)


def test_restarts_of_the_daemon_do_not_count(site):
    for _ in range(4):
        before = attempts(site)
        site.kill()
        site.start()
        site.until(lambda: attempts(site) > before)
    site.lock.execute("rollback")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))
    loaded(site, "a.csv", 40, 2)
