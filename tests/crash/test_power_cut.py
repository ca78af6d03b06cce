"""Power cuts: the whole site - staging, journal, embedded store - on an ext4 and an xfs that forget what was not written.

Files come as uploaders leave them, most of them not fsynced, and at a random instant the filesystem is shut down without a flush of its
log, the daemon killed, all mounted and started again; often the next cut comes before that start has settled.  In the end: 0 lost,
0 double, the books balanced.  What may be lost is an upload that no fsync and no digest in the journal had made safe.
"""
import collections
import hashlib
import os
import random
import re
import shutil
import sqlite3
import subprocess
import time

import pytest

from books import JOB, csv_of, settled, stored
from power import SIZES, WHATEVER_WAITS, Power
from site_ import BUILD, Site, balanced

CUTS = int(os.environ.get("INGEST_CUTS", "500" if os.environ.get("INGEST_NIGHTLY") else "60"))
MANY = 20  # syncfs instead of so many fsyncs
ROUND = 50  # cuts of one filesystem, so that what is compared stays small
JOBS = {"t": {**JOB, "pattern": "f*.csv"}, "u": {**JOB, "pattern": "r*.csv", "rejects": {"max_rows": 2, "max_ratio": 1}}}
SIDES = (".receipt.json", ".rejects.csv")
ENDS = ("done", "failed", "held")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def journal_rows(path):
    """(name, state, SHA-256) of each arrival, by a connection that writes nothing, not even a checkpoint."""
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    try:
        return db.execute("select file, state, coalesce(sha256, '') from arrivals").fetchall()
    finally:
        db.close()


class Uploads:
    """What was dropped, and what of it must be there in the end."""

    def __init__(self, site, rng):
        self.site, self.rng = site, rng
        self.content, self.sizes = {}, {}
        self.safe = {}  # name -> SHA-256 that its end must have
        self.fsynced, self.cuts = 0, 0

    def drop(self):
        """As sftp and scp do, which fsync nothing; one in four by an uploader who does.  One in six fails for its rejects."""
        return self.drop_one(self.rng.choice([3, 40, 900, 6000]))

    def drop_some(self):
        """A few, or so many small ones at once that what is done to them is made durable together."""
        if self.rng.random() < 0.2:
            return [self.drop_one(3) for _ in range(MANY)]
        return [self.drop() for _ in range(self.rng.randrange(6))]

    def drop_one(self, rows):
        fails = self.rng.random() < 1 / 6
        bad = 3 if fails else self.rng.choice([0, 0, 3])
        name = "%s%d.csv" % ("r" if fails else "f", len(self.content))
        self.content[name], self.sizes[name] = csv_of(rows, bad), (rows, bad)
        folder = self.site.path("staging", "bob", "in")
        with open(os.path.join(folder, name), "wb", buffering=0) as f:
            f.write(self.content[name])
            if fsynced := self.rng.random() < 0.25:
                os.fsync(f.fileno())
        if fsynced:
            fd = os.open(folder, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
            self.safe[name] = sha256(self.content[name])
            self.fsynced += 1
        return name

    def placed(self, names):
        """(name, where) of those that have come to their end with their receipt"""
        there = {end: set(self.site.names("bob", end)) for end in ("done", "failed")}
        return [(n, end) for n in names for end, found in there.items() if n in found and n + ".receipt.json" in found]

    def observe(self):
        """Whoever saw a receipt before the cut has a promise."""
        for name, end in self.placed(self.content.keys() - self.safe.keys()):
            if digest := self.site.receipt("bob", end, name)["sha256"]:
                self.safe[name] = digest

    def read_journal(self, copy):
        """After the cut, nothing running: a digest that the journal has is of a file that is durable."""
        os.makedirs(copy)
        for name in ("journal.db", "journal.db-wal"):
            if os.path.exists(self.site.path("var", name)):
                shutil.copy(self.site.path("var", name), copy)
        for name, _, digest in journal_rows(os.path.join(copy, "journal.db")):
            if digest:
                assert self.safe.setdefault(name, digest) == digest, name
        shutil.rmtree(copy)


def start(site, said):
    with open(said, "ab") as f:
        site.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")], stderr=f, env={**os.environ, **WHATEVER_WAITS})


def wait_for_instant(uploads, names, rng):
    """A random instant after the files came, or just when the n-th of them is seen at its end."""
    n = rng.randrange(1, len(names) + 1) if names and rng.random() < 0.5 else 0
    end = time.monotonic() + (20 if n else rng.uniform(0, 0.4))
    while time.monotonic() < end and not (n and len(uploads.placed(names)) >= n):
        time.sleep(0.001)


def cut(power, site, uploads, copy):
    uploads.observe()
    power.cut()
    uploads.cuts += 1
    site.kill()
    power.off()
    power.on()
    uploads.read_journal(copy)


def is_settled(site):
    assert site.daemon.poll() is None, "ingestd ended by itself"
    if site.names("bob", "work") or site.names("bob", "in"):
        return False
    return {state for _, state, _ in journal_rows(site.path("var", "journal.db"))} <= {"PLACED", "HELD"}


def rows_by_delivery(site):
    rows = collections.defaultdict(list)
    for r in stored(site, "bob", "bob-t"):  # of both jobs
        rows[r["_id"].rsplit("-", 1)[0]].append((r["id"], r["name"]))
    return rows


def check_done(site, name, uploads, rows):
    """Its bytes are those of the receipt, and its rows and rejects are there once, as many as the receipt says."""
    r = site.receipt("bob", "done", name)
    with open(site.path("staging", "bob", "done", name), "rb") as f:
        content = f.read()
    assert r["state"] == "done" and balanced(r) and r["sha256"] == sha256(content), name
    # an upload that was cut off behind a page is a whole file to everyone
    assert uploads.content[name].startswith(content), name
    got = sorted(rows.pop(r["delivery"], []))
    assert len(got) == len(set(got)) == r["rows"]["indexed"], name
    if content != uploads.content[name]:
        return
    good, bad = uploads.sizes[name]
    assert got == [(i, "n%d" % i) for i in range(good)], name
    check_rejects(site, "done", name, r, bad)


def check_rejects(site, end, name, receipt, bad):
    rejects = site.path("staging", "bob", end, name + ".rejects.csv")
    assert receipt["rows"]["rejected"] == bad and os.path.exists(rejects) == bool(bad), name
    listed = open(rejects).read().splitlines()[1:] if bad else []
    assert [line.rsplit(",", 2)[1] for line in listed] == ["x%d" % i for i in range(bad)], name


def check_safe(site, name, uploads, where):
    """It is there, it is what it was, and it came to the end that its rows deserve."""
    assert where, "%s is lost" % name
    r = site.receipt("bob", where[0], name)
    assert r["sha256"] == uploads.safe[name], name
    if r["sha256"] != sha256(uploads.content[name]):
        return
    assert where == ["failed" if name.startswith("r") else "done"], (name, where)
    if where == ["failed"]:
        check_rejects(site, "failed", name, r, 3)


def shortened(site):
    """Of failed/: what lost its bytes between its claim and their fsync, as its receipt and the journal's check say."""
    names = [n for n in site.names("bob", "failed") if not n.endswith(SIDES)]
    return [n for n in names
            if os.path.getsize(site.path("staging", "bob", "failed", n)) != site.receipt("bob", "failed", n)["bytes"]]


def check(site, uploads):
    """Of all that ever came; -> how many are done, failed, gone."""
    short = shortened(site)
    settled(site, findings=["altered"] * len(short))
    assert not uploads.safe.keys() & set(short)
    rows, ends = rows_by_delivery(site), collections.Counter()
    there = {end: set(site.names("bob", end)) for end in ENDS}
    for name in uploads.content:
        where = [end for end in ENDS if name in there[end]]
        assert len(where) <= 1, (name, where)
        ends[where[0] if where else "gone"] += 1
        if where == ["done"]:
            check_done(site, name, uploads, rows)
        elif where:
            site.receipt("bob", where[0], name)  # a whole one
        if name in uploads.safe:
            check_safe(site, name, uploads, where)
    strangers = set().union(*there.values()) - {n + s for n in uploads.content for s in ("", *SIDES)}
    assert not strangers and not rows, (strangers, list(rows))
    return ends


def one_filesystem(folder, kind, cuts, rng):
    """So many cuts, one after the other; -> ends, uploads fsynced, cuts before the start before had settled."""
    unsettled, said = 0, str(folder) + ".stderr"
    with Power(folder, kind) as power:
        site = Site(folder, min_free_bytes=0)
        site.tenant("bob", **JOBS)
        uploads = Uploads(site, rng)
        try:
            start(site, said)
            site.until(lambda: site.ctl("status").returncode == 0)
            power.flush()
            for _ in range(cuts):
                names = uploads.drop_some()
                wait_for_instant(uploads, names, rng)
                cut(power, site, uploads, str(folder) + ".journal")
                if rng.random() < 0.3:
                    uploads.drop()  # comes while nobody is up
                start(site, said)
                if rng.random() < 0.5:
                    unsettled += 1
                    continue
                site.until(lambda: is_settled(site), 60)
                check(site, uploads)
            site.until(lambda: is_settled(site), 60)
            return check(site, uploads), uploads.fsynced, unsettled
        except Exception:
            print("found after %d cuts" % uploads.cuts)
            raise
        finally:
            site.kill()


@pytest.mark.parametrize("kind", SIZES)
def test_nothing_is_lost_or_double(tmp_path, kind):
    seed = int(os.environ.get("INGEST_SEED", "0")) or random.randrange(1 << 20)
    rng, began, left, i = random.Random(seed), time.monotonic(), CUTS // 2, 0
    ends, fsynced, unsettled = collections.Counter(), 0, 0
    print("\n%s, seed %d" % (kind, seed))
    while left > 0:
        e, f, u = one_filesystem(tmp_path / ("p%d" % i), kind, min(left, ROUND), rng)
        ends, fsynced, unsettled, left, i = ends + e, fsynced + f, unsettled + u, left - ROUND, i + 1
    print("%s: %d cuts, %d of them before the last was recovered from, in %.0f s; %d files, %d of them fsynced by their uploader: %s"
          % (kind, CUTS // 2, unsettled, time.monotonic() - began, ends.total(), fsynced, dict(ends)))
    assert ends["done"] > 0


# --- what another filesystem would forget: ext4 and xfs make a directory durable with any file in it that is fsynced ---

def calls_of(site):
    """The calls of a run in order, as `name path-of-descriptor` (a rename: `from -> to`), paths below the site."""
    done = []
    for line in open(site.path("trace")):
        m = re.match(r"\d+ +(\w+)\(\d+<([^>]*)>(?:, \"([^\"]*)\", \d+<([^>]*)>, \"([^\"]*)\")?", line)
        if m and " = -1 " not in line:
            call, folder, name, other, to = m.groups()
            done.append("%s %s/%s -> %s/%s" % (call, folder, name, other, to) if name else "%s %s" % (call, folder))
    return [c.replace(site.folder + "/", "").replace("staging/bob/", "") for c in done]


def traced(site):
    trace = ["strace", "-f", "-qq", "-y", "-o", site.path("trace"), "-e", "trace=fsync,fdatasync,syncfs,write,renameat2,renameat,pwrite64", "-s", "200"]
    subprocess.run([*trace, os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once"], capture_output=True, timeout=120, env={**os.environ, **WHATEVER_WAITS})
    return calls_of(site)


def first(calls, pattern, after=0):
    at = next((i for i, c in enumerate(calls) if i >= after and re.fullmatch(pattern, c)), None)
    assert at is not None, (pattern, calls[after:])
    return at


def last(calls, pattern, before=None):
    return max(i for i, c in enumerate(calls[:before]) if re.fullmatch(pattern, c))


@pytest.mark.parametrize("name, end", [("a.csv", "done"), ("z.bin", "failed")])
def test_every_rename_is_made_durable_before_what_relies_on_it(tmp_path, name, end):
    site = Site(tmp_path)
    site.tenant("bob", t=JOB)
    site.drop("bob", name, csv_of(40, 3))
    made_durable(traced(site), name, end)


@pytest.mark.parametrize("kind", SIZES)
def test_many_renames_are_made_durable_together_before_what_relies_on_them(tmp_path, kind):
    """The same of each of many files that have a turn together, by one syncfs for all that has to hold at a time."""
    with Power(tmp_path / "p", kind) as power:
        site = Site(tmp_path / "p", min_free_bytes=0)
        site.tenant("bob", t=JOB)
        names = ["f%d.csv" % i for i in range(MANY)]
        for n in names:
            site.drop("bob", n, csv_of(4, 1))
        calls = traced(site)
        power.flush()
    for n in names:
        made_durable(calls, n, "done")
    own = [c for c in calls if c.startswith("fsync ") and (c == "fsync in" or c.startswith(("fsync work", "fsync done")))]
    each = sum(1 for c in own if not re.search(r"\.csv$", c))  # the worker fsyncs what it reads and its rejects
    print(kind, "syncfs", sum(c.startswith("syncfs ") for c in calls), "fsync of folders and receipts", each)
    assert 0 < sum(c.startswith("syncfs ") for c in calls) <= MANY and each < MANY * 2


def made_durable(calls, name, end):
    """A claim before a row is sent and before its receipt; what is placed before the journal says so."""
    plain = re.escape(name)
    claimed = first(calls, r"renameat2 in/%s -> work/(\w+)/%s" % (plain, plain))
    work = re.search(r"work/\w+", calls[claimed])[0]
    relies = first(calls, r"renameat %s/\.receipt\.tmp -> .*" % work, claimed)
    if end == "done":
        relies = min(relies, first(calls, r"pwrite64 var/data/bob/data\.db.*", claimed))
    assert first(calls, "fsync %s/%s" % (work, plain), claimed) < relies  # the worker's own
    for what in (work, "work", "in"):
        assert first(calls, "syncfs .*|fsync " + what, claimed) < relies, what
    receipt = first(calls, r"renameat %s/\.receipt\.tmp -> .*" % work)
    written = last(calls, r"write %s/\.receipt\.tmp" % work, receipt)
    assert first(calls, r"syncfs .*|fsync %s/\.receipt\.tmp" % work, written) < receipt
    placing = first(calls, r"pwrite64 var/journal\.db-wal", receipt)
    assert first(calls, "syncfs .*|fsync " + work, receipt) < placing
    placed = first(calls, r"renameat2 %s/%s -> %s/%s" % (work, plain, end, plain), placing)
    committed = first(calls, r"pwrite64 var/journal\.db-wal", placed)
    for what in (end, work):
        assert first(calls, "syncfs .*|fsync " + what, placed) < committed, what
    if end == "done":
        sent = last(calls, r"pwrite64 var/data/bob/data\.db.*", receipt)
        indexed = first(calls, r"pwrite64 var/journal\.db-wal", sent)
        rejects = r"%s/%s\.rejects\.csv" % (work, plain)
        assert last(calls, "pwrite64 " + rejects) < last(calls, "fsync " + rejects) < indexed
