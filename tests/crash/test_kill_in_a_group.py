"""Kills while many small files are under way at once (10.7): at each step of the worker and of the daemon that they share, and by the
file's own doing.  Every row is there once, no file is blamed for another's death."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess

import pytest

import kills
from books import settled
from power import WHATEVER_WAITS, Power
from site_ import BUILD, Site
from test_c_small_files import JOB, ROWS, content

FILES = 40
# of the worker, with the whole group in its hands, and of the daemon, with a whole turn; :9 in the middle of one
POINTS = """job gated:9 load:9 send send:9 ack result result:9 claim.fsynced-arrival:9 loading.committed indexed.before-commit indexed.committed
receipt-tmp:9 receipt.fsynced:9 receipt-rename:9 receipt.durable:9 placing.committed place.renamed:9 place.fsynced-target:9
placed.before-commit placed.removed""".split()


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, sinks={"local": {"type": "sqlite"}}, workers=2)
    s.tenant("bob", t=JOB)
    yield s
    s.kill()


def fill(site):
    for i in range(FILES):
        site.drop("bob", "%03d.csv" % i, content(i))


def whole(site):
    settled(site)
    assert sorted(r["id"] for r in site.rows("bob", "bob-t")) == [i * 1000 + n for i in range(FILES) for n in range(ROWS)]
    for i in range(FILES):
        rows = site.receipt("bob", "done", "%03d.csv" % i)["rows"]
        assert (rows["read"], rows["indexed"], rows["duplicates"]) == (ROWS, ROWS, 0), (i, rows)


@pytest.mark.parametrize("point", POINTS)
def test_kill_10_7_at_a_step_of_many(site, tmp_path, point):
    fill(site)
    once = str(tmp_path / "crashed")
    site.once(env={"INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once), "nothing was killed"
    assert site.once().returncode == 0
    whole(site)


def injected(site, what):
    """A run with that done to its calls of syncfs; how many it made."""
    done = subprocess.run(["strace", "-f", "-qq", "-o", site.path("trace"), "-e", "trace=syncfs", "-e", "inject=syncfs:" + what,
                           os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once"], capture_output=True, timeout=120,
                          env={**os.environ, **WHATEVER_WAITS})
    return done, sum(" syncfs(" in line for line in open(site.path("trace")))


def filled(folder):
    os.makedirs(folder)
    s = Site(folder, sinks={"local": {"type": "sqlite"}}, workers=2, min_free_bytes=0)
    s.tenant("bob", t=JOB)
    fill(s)
    return s


def test_kill_10_7_at_each_syncfs(tmp_path):
    """On ext4, whatever is below: elsewhere each is fsynced."""
    with Power(tmp_path / "p", "ext4"):
        n, killed = 0, True
        while killed:
            n += 1
            s = filled(str(tmp_path / "p" / str(n)))
            done, made = injected(s, "signal=KILL:when=%d" % n)
            killed = done.returncode < 0
            assert killed == (made == n) or done.returncode == 0 and made < n
            assert s.once().returncode == 0
            whole(s)
            shutil.rmtree(s.folder)
    kills.add(n - 1)
    assert n > 3


def test_fault_10_7_no_room_for_a_syncfs(tmp_path):
    """Each is fsynced, and those have."""
    with Power(tmp_path / "p", "ext4"):
        s = filled(str(tmp_path / "p" / "s"))
        done, failed = injected(s, "error=ENOSPC")
        assert done.returncode == 0 and failed >= 3
        whole(s)


def test_fault_10_7_a_syncfs_that_fails_is_a_failed_fsync(tmp_path):
    """Whose file it was is not said, and an fsync behind it says yes: the daemon ends, and its next start goes on from what the disk holds."""
    with Power(tmp_path / "p", "ext4"):
        for n in 1, 2, 3:
            s = filled(str(tmp_path / "p" / str(n)))
            done, made = injected(s, "error=EIO:when=%d" % n)
            assert done.returncode == 1 and made == n and b"syncfs" in done.stderr, (done, made)
            assert s.once().returncode == 0
            whole(s)


def deaths(site):
    db = sqlite3.connect("file:%s?mode=ro" % site.path("var", "journal.db"), uri=True)
    try:
        return db.execute("select max(deaths), max(attempts) from arrivals").fetchone()
    finally:
        db.close()


def test_kill_10_7_nobody_is_blamed_for_a_group(site):
    """A worker dies of SIGSEGV with many files in its load: each is begun again, alone, and has no death of its own."""
    site.drop("bob", "first.csv", content(999))
    assert site.once().returncode == 0
    lock = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    lock.execute("begin immediate")
    fill(site)
    site.start()
    site.until(lambda: sum("file.gated" in line for line in site.log("bob").splitlines()) > 20)
    groups = [w["pid"] for w in json.loads(site.ctl("--json", "status").stdout)["processes"] if w["jobs"] > 8]
    assert groups
    for pid in groups:
        os.kill(pid, signal.SIGSEGV)
    site.until(lambda: deaths(site)[1] == 2)
    assert deaths(site)[0] == 0
    lock.execute("rollback")
    lock.execute('delete from "bob-t"')
    site.until(lambda: sum(n.endswith(".receipt.json") for n in site.names("bob", "done")) == FILES + 1)
    lock.close()
    assert site.stop() == 0
    for name in ("first.csv", "first.csv.receipt.json"):
        os.unlink(site.path("staging", "bob", "done", name))
    rows = sorted(r["id"] for r in site.rows("bob", "bob-t"))
    assert rows == [i * 1000 + n for i in range(FILES) for n in range(ROWS)]


def test_kill_10_7_a_disk_that_lies_ends_a_group(tmp_path):
    """The commit of a group cannot be made durable: nobody asks that disk again, the daemon ends and the next one goes on."""
    site = Site(tmp_path, sinks={"local": {"type": "sqlite"}}, workers=1)
    site.tenant("bob", t=JOB)
    site.drop("bob", "000.csv", content(0))
    assert site.once().returncode == 0
    os.mkdir(site.path("bin"))
    shutil.copy(os.path.join(BUILD, "ingestd"), site.path("bin", "ingestd"))
    store = site.path("var", "data", "bob", "data.db-wal")
    with open(site.path("bin", "ingest-worker"), "w") as f:
        f.write("#!/bin/sh\nexec strace -D -f -y -qq -A -o %s -e trace=fdatasync -e inject=fdatasync:error=EIO:when=1 %s \"$@\"\n"
                % (site.path("trace"), os.path.join(BUILD, "ingest-worker")))
    os.chmod(site.path("bin", "ingest-worker"), 0o755)
    for i in range(1, FILES):
        site.drop("bob", "%03d.csv" % i, content(i))
    done = subprocess.run([site.path("bin", "ingestd"), "-c", site.path("ingestd.json"), "--once", "--wait", "20"], capture_output=True,
                          text=True, timeout=120)
    with open(site.path("trace")) as f:
        hits = [line for line in f if "(INJECTED)" in line]
    assert len(hits) == 1 and store in hits[0], hits
    assert done.returncode == 1 and "fsync" in done.stderr and "Input/output error" in done.stderr, (done, hits)
    assert site.once("--wait", "20").returncode == 0
    whole(site)
