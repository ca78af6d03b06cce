"""A really small filesystem: what is full pauses and goes on by itself, the low-water mark stops claims and names who fills the disk.

At each point (so many bytes left when the files come) both files are placed within 10 s of there being room: 0 lost, 0 double.
"""
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import time

import pytest

from books import JOB, csv_of, loaded, settled, states
from site_ import BUILD, Site
from small_disk import fill, mounted

# bytes left when the files come; CI takes every 4th, check-nightly all
POINTS = list(range(0, 1280 * 1024, 32 * 1024))
STEP = int(os.environ.get("INGEST_CRASH_STEP", "1" if os.environ.get("INGEST_NIGHTLY") else "4"))
MB = 1 << 20


@pytest.fixture
def place(tmp_path):
    """place(kind, megabytes, **config): a site on a filesystem of its own, with alice and bob; stopped and unmounted at the end."""
    with contextlib.ExitStack() as stack:
        def make(kind, megabytes, **config):
            folder = stack.enter_context(mounted(tmp_path / "small", kind, megabytes))
            site = Site(folder, **config)
            stack.callback(site.kill)
            for tenant in ("alice", "bob"):
                site.tenant(tenant, t=JOB)
            return site
        yield make


def disk(site):
    return json.loads(site.ctl("--json", "status").stdout)["disk"]


def within(site, seconds, condition):
    """Seconds until it was true."""
    began = time.monotonic()
    site.until(condition, seconds)
    return time.monotonic() - began


def test_low_water_mark(place):
    site = place("tmpfs", 24, min_free_bytes=8 * MB)
    site.start()
    assert disk(site)["state"] == "well"
    filler = site.path("staging", "alice", "in", "huge.part")
    fill(filler, 6 * MB)
    site.until(lambda: disk(site)["state"] == "low" and disk(site)["largest_tenant"], 20)
    said = disk(site)
    assert said["largest_tenant"] == "alice" and said["largest_tenant_bytes"] >= os.path.getsize(filler)
    assert "min_free_bytes is 8388608" in said["reason"] and said["free_bytes"] < 8 * MB
    site.drop("bob", "a.csv", csv_of(20, 2))
    site.drop("bob", "b.csv", csv_of(15))
    why = site.path("staging", "bob", "in", "a.csv")
    site.until(lambda: "min_free_bytes" in site.ctl("explain", why).stdout)
    assert site.names("bob", "in") == ["a.csv", "b.csv"] and states(site) == []
    assert "min_free_bytes" in site.ctl("status").stdout  # in the tenant's row and the disk's
    log = site.log("ingestd")
    assert "disk.low" in log and "largest_tenant=alice" in log
    os.unlink(filler)
    took = within(site, 10, lambda: states(site) == ["PLACED", "PLACED"])
    print("\nplaced %.1f s after there was room" % took)
    assert disk(site)["state"] == "well" and "disk.well" in site.log("ingestd")
    assert dict(settled(site)) == {"a.csv": 1, "b.csv": 1}
    loaded(site, "a.csv", 20, 2)
    loaded(site, "b.csv", 15)


def test_once_says_that_there_is_no_room(place):
    site = place("tmpfs", 24, min_free_bytes=1 << 40)
    site.drop("bob", "a.csv", csv_of(5))
    done = site.once("--wait", "1")
    assert done.returncode == 1 and "nothing is taken" in done.stderr and "min_free_bytes" in done.stderr
    assert site.names("bob", "in") == ["a.csv"]


def test_a_manual_run_waits_for_room(place):
    site = place("tmpfs", 24, min_free_bytes=8 * MB)
    site.tenant("bob", t={**JOB, "trigger": "manual"})
    site.start()
    fill(site.path("staging", "alice", "in", "huge.part"), 6 * MB)
    site.drop("bob", "a.csv", csv_of(20, 2))
    site.until(lambda: disk(site)["state"] == "low", 20)
    run = json.loads(site.ctl("--json", "job", "start", "bob/t").stdout)["run"]
    # it has had its look: the next answer comes after it
    site.until(lambda: "claimed" not in site.ctl("explain", site.path("staging", "bob", "in", "a.csv")).stdout)
    assert json.loads(site.ctl("--json", "runs", run).stdout)["state"] == "starting"
    os.unlink(site.path("staging", "alice", "in", "huge.part"))
    within(site, 10, lambda: json.loads(site.ctl("--json", "runs", run).stdout)["state"] == "finished")
    loaded(site, "a.csv", 20, 2)


def full_at(site, left):
    """Both files come when so many bytes are left; then the rest is given back.  Was it noticed, and how long did it take?"""
    site.start()
    site.drop("bob", ".a", csv_of(2000, 20))
    site.drop("bob", ".b", csv_of(15))
    fill(site.path("filler"), left)
    for name in ("a", "b"):
        os.rename(site.path("staging", "bob", "in", "." + name), site.path("staging", "bob", "in", name + ".csv"))
    site.until(lambda: states(site) == ["PLACED", "PLACED"] or disk(site)["state"] == "full"
               or "No space left" in site.ctl("explain", site.path("staging", "bob", "in", "a.csv")).stdout)
    said, waits = disk(site), states(site) != ["PLACED", "PLACED"]
    os.unlink(site.path("filler"))
    took = within(site, 10, lambda: states(site) == ["PLACED", "PLACED"])
    site.until(lambda: disk(site)["state"] == "well", 10)
    assert site.stop() == 0
    assert dict(settled(site)) == {"a.csv": 1, "b.csv": 1}
    loaded(site, "a.csv", 2000, 20)
    loaded(site, "b.csv", 15)
    return said, waits, took


# the least that mkfs.xfs makes is 300 MB: by night
SIZES = {"tmpfs": 24, "ext4": 24, **({"xfs": 320} if os.environ.get("INGEST_NIGHTLY") else {})}


@pytest.mark.parametrize("kind", SIZES)
def test_full_at_every_point(kind, tmp_path):
    noticed, times = [], []
    for left in POINTS[::STEP * (1 if kind == "tmpfs" else 3)]:
        with mounted(tmp_path / ("d%d" % left), kind, SIZES[kind]) as folder:
            site = Site(folder, min_free_bytes=0)
            site.tenant("bob", t=JOB)
            try:
                said, waits, took = full_at(site, left)
            finally:
                site.kill()
        noticed.append(waits)
        times.append(took)
        assert said["state"] == "well" or "space" in said["reason"] or "full" in said["reason"], said
    print("\n%s: %d points, %d of them met a full disk; placed within %.1f s of there being room"
          % (kind, len(times), sum(noticed), max(times)))
    assert any(noticed) and max(times) <= 10


def test_a_start_on_a_full_disk_waits(place):
    site = place("tmpfs", 24, min_free_bytes=0)
    site.drop("bob", "a.csv", csv_of(20, 2))
    site.drop("bob", "b.csv", csv_of(15))
    fill(site.path("filler"), 0)
    done = site.once("--wait", "1")
    assert done.returncode == 1 and "the start waits for room" in done.stderr and "No space left" in done.stderr
    site.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")], stderr=subprocess.PIPE)
    assert b"the start waits for room" in site.daemon.stderr.readline()
    os.unlink(site.path("filler"))
    took = within(site, 10, lambda: os.path.exists(site.path("var", "journal.db")) and placed(site))
    print("\nplaced %.1f s after there was room" % took)
    assert site.stop() == 0
    assert dict(settled(site)) == {"a.csv": 1, "b.csv": 1}


@pytest.mark.parametrize("left", [0, 1, 2, 5])
def test_no_inode_left(tmp_path, left):
    """Room enough and no inode for work/A, a receipt, a version: the same pause."""
    with mounted(tmp_path / "small", "tmpfs", 24, inodes=200) as folder:
        site = Site(folder)
        site.tenant("bob", t=JOB)
        site.start()
        try:
            assert disk(site)["state"] == "well" and disk(site)["min_free_bytes"] == 24 * MB // 20
            site.drop("bob", ".a", csv_of(20, 2))
            site.drop("bob", ".b", csv_of(15))
            many = site.path("many")
            os.mkdir(many)
            for i in range(os.statvfs(folder).f_favail - left):
                open(os.path.join(many, str(i)), "w").close()
            for name in ("a", "b"):
                os.rename(site.path("staging", "bob", "in", "." + name), site.path("staging", "bob", "in", name + ".csv"))
            site.until(lambda: disk(site)["state"] != "well")
            assert any(word in disk(site)["reason"] for word in ("no inode left", "No space left", "is full")), disk(site)
            for name in os.listdir(many):
                os.unlink(os.path.join(many, name))
            within(site, 10, lambda: states(site) == ["PLACED", "PLACED"])
            assert site.stop() == 0
            settled(site)
            loaded(site, "a.csv", 20, 2)
            loaded(site, "b.csv", 15)
        finally:
            site.kill()


@pytest.mark.parametrize("end", ["term", "kill"])
def test_an_end_on_a_full_disk(place, end):
    """What was not written yet is found again by the next start."""
    site = place("tmpfs", 24, min_free_bytes=0)
    site.start()
    site.drop("bob", ".a", csv_of(2000, 20))
    site.drop("bob", ".b", csv_of(15))
    fill(site.path("filler"), 128 * 1024)
    for name in ("a", "b"):
        os.rename(site.path("staging", "bob", "in", "." + name), site.path("staging", "bob", "in", name + ".csv"))
    site.until(lambda: disk(site)["state"] == "full")
    began = time.monotonic()
    if end == "kill":
        site.kill()
    else:
        assert site.stop() == 0 and time.monotonic() - began < 10
    os.unlink(site.path("filler"))
    assert site.once().returncode == 0
    assert dict(settled(site)) == {"a.csv": 1, "b.csv": 1}
    loaded(site, "a.csv", 2000, 20)
    loaded(site, "b.csv", 15)


def placed(site):
    """The journal may just be being made."""
    try:
        return states(site) == ["PLACED", "PLACED"]
    except sqlite3.OperationalError:
        return False


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_filled_freed_and_killed_at_random(place, kind):
    """Files of 1 to 4,000 rows come while somebody fills the disk, frees it and kills the daemon: each is there once in the end."""
    seed = int(os.environ.get("INGEST_SEED", "0")) or random.randrange(1 << 20)
    rounds = int(os.environ.get("INGEST_DISK_ROUNDS", "150" if os.environ.get("INGEST_NIGHTLY") else "12"))
    rng = random.Random(seed)
    site = place(kind, 48, min_free_bytes=0)
    filler, sizes, kills, fulls = site.path("filler"), {}, 0, 0
    site.start()
    for i in range(rounds):
        rows = rng.choice([1, 40, 900, 4000])
        name = "f%d.csv" % i
        try:
            site.drop("bob", "." + name, csv_of(rows, 1))
        except OSError:  # the upload itself has no room
            os.unlink(filler)
            site.drop("bob", "." + name, csv_of(rows, 1))
        os.rename(site.path("staging", "bob", "in", "." + name), site.path("staging", "bob", "in", name))
        sizes[name] = rows
        if rng.random() < 0.6:
            fill(filler, rng.randrange(0, 400 * 1024))
        if rng.random() < 0.3:
            site.kill()
            kills += 1
            if os.path.exists(filler):
                os.unlink(filler)  # so that start() has a daemon to ask
            site.start()
        fulls += disk(site)["state"] == "full"
        if os.path.exists(filler) and rng.random() < 0.7:
            os.unlink(filler)
    if os.path.exists(filler):
        os.unlink(filler)
    print("\n%s, seed %d: %d files, %d kills, full at %d looks" % (kind, seed, rounds, kills, fulls))
    site.until(lambda: states(site).count("PLACED") == rounds, 120)
    assert site.stop() == 0
    assert dict(settled(site)) == dict.fromkeys(sizes, 1)
    for name, rows in sizes.items():
        loaded(site, name, rows, 1)
