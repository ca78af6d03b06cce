"""The state folder that the first issue's last commit left (b1938f4, journal schema 1), with a file in every state, opened by today's program.

Each state is a site of its own, left by a kill at the point where the state was committed (upgrade/make).  The journal is migrated
after a copy, every file goes on from where it was, no row is lost or doubled, and the journal's own check finds nothing.
"""
import os
import shutil
import sqlite3
import tarfile

import pytest

from books import loaded, settled, stored
from site_ import Site
from test_kill_at_every_call import traced
from usage_ import of_journal, of_receipts, receipts

LEFT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "upgrade", "schema1.tar.xz")
# what the old journal says of the file; one commit makes IDENTIFIED, GATED and LOADING true
WAS = {"claimed": "CLAIMED", "identified": "LOADING", "gated": "LOADING", "loading": "LOADING", "checkpoint": "LOADING",
       "indexed": "INDEXED", "placing": "PLACING", "placed": "PLACED", "held": "HELD", "waiting": "WAITING", "undoing": "UNDOING",
       "undone": "PLACING", "adopted": None, "run": None}


def unpacked(folder, state):
    with tarfile.open(LEFT) as tar:
        for member in tar.getmembers():
            if member.name == state or member.name.startswith(state + "/"):
                tar.extract(member, folder)
    site = Site.__new__(Site)
    site.folder, site.daemon = os.path.join(str(folder), state), None
    return site


def version_of(path):
    db = sqlite3.connect(path)
    try:
        return db.execute("select version from schema").fetchone()[0]
    finally:
        db.close()


def state_of(path):
    """The only file's; None: the journal knows of none."""
    db = sqlite3.connect(path)
    try:
        row = db.execute("select state from arrivals").fetchone()
        return row and row[0]
    finally:
        db.close()


@pytest.fixture(params=sorted(WAS))
def site(request, tmp_path):
    s = unpacked(tmp_path, request.param)
    s.state = request.param
    yield s
    s.kill()


def finish(site):
    if site.state == "waiting":  # its store was a folder, so that it could not be opened
        shutil.rmtree(site.path("var", "data", "bob", "data.db"))
    site.once(*(["--start", "bob/t"] if site.state == "run" and site.names("bob", "in") else []))


def is_right(site):
    assert of_journal(site, "bob") == of_receipts(receipts(site, "bob")), site.state
    if site.state in ("undoing", "undone"):  # its bytes were changed behind the checkpoint
        settled(site, findings=["digest"])
        assert "SHA-256" in site.receipt("bob", "failed", "a.csv")["reason"] and stored(site, "bob", "bob-t") == []
        return
    settled(site)
    if site.state == "held":
        assert site.receipt("bob", "held", "a.csv")["state"] == "held" and stored(site, "bob", "bob-t") == []
        return
    loaded(site, "a.csv", 12000 if site.state == "checkpoint" else 40, 3)
    if site.state == "run":
        loaded(site, "b.csv", 30)


def test_goes_on_from_what_the_first_issue_left(site):
    journal = site.path("var", "journal.db")
    copy = site.path("copy.db")  # looked at instead: a reader would empty the -wal that the kill left
    for tail in ("", "-wal"):
        if os.path.exists(journal + tail):
            shutil.copy(journal + tail, copy + tail)
    assert version_of(copy) == 1 and state_of(copy) == WAS[site.state]
    finish(site)
    is_right(site)
    assert version_of(journal) > 1 and version_of(journal + ".v1.bak") == 1
    # the copy is the journal as it was
    dumps = []
    for path in (copy, journal + ".v1.bak"):
        db = sqlite3.connect(path)
        dumps.append([db.execute("select * from %s order by 1" % t).fetchall() for t in ("arrivals", "legs", "deliveries", "runs")])
        db.close()
    assert dumps[0] == dumps[1]


def test_what_was_delivered_then_is_known_now(tmp_path):
    site = unpacked(tmp_path, "placed")
    before = site.receipt("bob", "done", "a.csv")
    shutil.copy(site.path("staging", "bob", "done", "a.csv"), site.path("staging", "bob", "in", "a.csv"))
    assert site.once().returncode == 0
    again, = [n for n in site.names("bob", "done") if n.endswith(".receipt.json") and n != "a.csv.receipt.json"]
    receipt = site.receipt("bob", "done", again[:-len(".receipt.json")])
    assert receipt["state"] == "duplicate" and receipt["duplicate_of"] == before["id"]
    assert len(stored(site, "bob", "bob-t")) == 40


@pytest.mark.parametrize("call", ["fsync", "fdatasync", "pwrite64"])
def test_killed_while_it_migrates(tmp_path, call):
    """At the N-th call of the first start, for every N up to the end of the migration: the next start migrates, the copy is the old one."""
    killed = 0
    for n in range(1, 400, 1 if call != "pwrite64" or os.environ.get("INGEST_NIGHTLY") else 5):
        site = unpacked(tmp_path / str(n), "loading")
        site.state = "loading"
        traced(site, "-e", "trace=" + call, "-e", "inject=%s:signal=KILL:when=%d" % (call, n))
        if "killed by SIGKILL" not in open(site.path("trace")).read():
            break
        killed += 1
        done = migrated(site)
        finish(site)
        is_right(site)
        assert version_of(site.path("var", "journal.db")) > 1 and version_of(site.path("var", "journal.db.v1.bak")) == 1
        if done:  # what follows is not the migration's
            break
    print("\n%s: killed at %d places" % (call, killed))
    assert killed >= {"fsync": 3, "fdatasync": 3, "pwrite64": 5}[call]


def migrated(site):
    """Looked at in a copy: a reader would empty the -wal that the kill left."""
    copy = site.path("look.db")
    for tail in ("", "-wal"):
        if os.path.exists(site.path("var", "journal.db" + tail)):
            shutil.copy(site.path("var", "journal.db" + tail), copy + tail)
    return version_of(copy) > 1
