"""Every file is found, whatever inotify loses: the kernel's own overflow, watches that come late or not at all, folders that are
replaced, moved, re-made or mounted over, clocks that jump.  The rescan timer stands at an hour: it finds nothing here."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from clock_ import Clock
from site_ import BUILD, Site

JOB = {"pattern": "*.csv", "input": {"header": True}, "same_name": "add",
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
MANUAL = {**JOB, "trigger": "manual"}
FAST = {"arrival": {"settle_seconds": 0}}
ROW = b"id\n1\n"
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: namespaces")


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, rescan_seconds=3600)
    yield s
    if s.daemon:
        s.stop()


def tenant(site, name="alice"):
    return next(t for t in json.loads(site.ctl("--json", "status").stdout)["tenants"] if t["tenant"] == name)


def placed(site, *names, tenant="alice"):
    return all(n + ".receipt.json" in site.names(tenant, "done") for n in names)


def found(site, *names):
    site.until(lambda: os.path.isdir(site.path("staging", "alice", "done")) and placed(site, *names), 20)


def scanned(site):
    """The first scan is over: from here on only hints are left."""
    site.until(lambda: tenant(site)["state"] == "in force")
    site.drop("alice", "first.csv", ROW)
    found(site, "first.csv")


# --- more than the queue holds ---

@contextlib.contextmanager
def stopped(site):
    os.kill(site.daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(site.daemon.pid, signal.SIGCONT)


def test_100000_files_while_the_daemon_is_stopped_and_its_queue_is_full(site):
    with open("/proc/sys/fs/inotify/max_queued_events") as f:
        assert int(f.read()) < 100000, "the queue must overflow"
    site.tenant("alice", FAST, t=MANUAL)
    site.start()
    site.drop("alice", "first.csv", ROW)
    site.until(lambda: tenant(site)["arriving"] == 1)
    with stopped(site):
        folder = os.open(site.path("staging", "alice", "in"), os.O_RDONLY)
        for i in range(1, 100000):
            os.close(os.open("%05d.csv" % i, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder))
        os.close(folder)
    start = time.monotonic()
    site.until(lambda: tenant(site)["arriving"] == 100000)
    print("\n100,000 files behind a full queue: all found after %.1f s" % (time.monotonic() - start))
    assert time.monotonic() - start <= 60
    # and each is judged, the last one of the folder too
    last = site.path("staging", "alice", "in", "99999.csv")
    site.until(lambda: json.loads(site.ctl("--json", "explain", last).stdout)["state"] == "waiting")


def test_what_came_behind_an_overflow_is_taken(site):
    """A full queue loses the end of it: the 200 files that matter are made last."""
    site.tenant("alice", FAST, t=JOB)
    site.start()
    scanned(site)
    noise = site.path("staging", "alice", "in", "x.part")
    with stopped(site):
        for i in range(9000):
            open(noise, "wb").close()
            os.unlink(noise)
        for i in range(200):
            site.drop("alice", "%d.csv" % i, b"id\n%d\n" % i)
    site.until(lambda: len(site.names("alice", "done")) == 2 * 201)
    assert sorted(r["id"] for r in site.rows("alice", "alice-t")) == sorted([1, *range(200)])


# --- watches that come late, or not at all ---

def test_files_made_while_their_folder_is_only_just_being_watched(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    for round in range(5):
        name = "late%d" % round
        os.makedirs(site.path("staging", name, "in"))
        site.tenant(name, FAST, t=JOB)
        for i in range(40):
            site.drop(name, "%d.csv" % i, b"id\n%d\n" % i)
        site.until(lambda: os.path.isdir(site.path("staging", name, "done")) and
                   len(site.names(name, "done")) == 80, 20)


@root
@pytest.mark.parametrize("limit,words", [("max_inotify_watches", "no inotify watch is left"), ("max_inotify_instances", "polled")])
def test_without_watches_it_polls_and_says_so(site, limit, words):
    """The limit is that of a user namespace of its own."""
    site.tenant("alice", FAST, t=JOB)
    site.daemon = subprocess.Popen(["unshare", "-U", "-r", "sh", "-c", 'echo 0 >/proc/sys/user/%s && exec "$0" "$@"' % limit,
                                    os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")])
    site.until(lambda: site.ctl("status").returncode == 0 and words in (tenant(site)["reason"] or ""))
    assert "folder.health" in site.log("ingestd") and words in site.log("ingestd")
    for i in range(3):
        site.drop("alice", "%d.csv" % i, ROW)
        found(site, "%d.csv" % i)


# --- folders that are not what they were ---
# the daemon makes what is missing as soon as it sees it: the folder may be there before the one who replaces it makes it

def make_in(site):
    os.makedirs(site.path("staging", "alice", "in"), exist_ok=True)


def remake_in(site):
    shutil.rmtree(site.path("staging", "alice", "in"))
    make_in(site)


def replace_in(site):
    os.rename(site.path("staging", "alice", "in"), site.path("staging", "alice", "in.old"))
    make_in(site)


def exchange_in(site):
    """mv -T over it: the new folder comes by a rename."""
    os.mkdir(site.path("staging", "new"))
    os.rename(site.path("staging", "new"), site.path("staging", "alice", "in"))


def replace_tenant(site):
    os.rename(site.path("staging", "alice"), site.path("staging", "alice.old"))
    make_in(site)


def replace_staging(site):
    """No folder that is watched has moved: nothing is announced."""
    os.rename(site.path("staging"), site.path("staging.old"))
    make_in(site)


def remake_staging(site):
    # the daemon makes folders anew while they are being removed: until all of them were gone at one moment
    def gone():
        shutil.rmtree(site.path("staging"), ignore_errors=True)
        return not os.path.exists(site.path("staging"))
    site.until(gone)
    make_in(site)


@pytest.mark.parametrize("change", [remake_in, replace_in, exchange_in, replace_tenant, replace_staging, remake_staging],
                         ids=lambda f: f.__name__)
def test_a_folder_that_is_replaced_moved_or_made_anew(site, change):
    site.tenant("alice", FAST, t=JOB)
    site.start()
    scanned(site)
    change(site)
    site.drop("alice", "a.csv", ROW)
    found(site, "a.csv")
    # and what is there now is watched
    site.drop("alice", "b.csv", ROW)
    found(site, "b.csv")


class Mounts:
    """Mounts in the daemon's own mount namespace, through its /proc/PID/root."""

    def __init__(self, site):
        self.site = site
        site.daemon = subprocess.Popen(["unshare", "-m", "--propagation", "private", os.path.join(BUILD, "ingestd"), "-c",
                                        site.path("ingestd.json")])
        site.until(lambda: site.ctl("status").returncode == 0)

    def run(self, *argv):
        subprocess.run(["nsenter", "-t", str(self.site.daemon.pid), "-m", *argv], check=True)

    def path(self, *parts):
        return "/proc/%d/root%s" % (self.site.daemon.pid, self.site.path("staging", *parts))

    def drop(self, name):
        with open(self.path("alice", "in", name), "wb") as f:
            f.write(ROW)


@root
@pytest.mark.parametrize("over", [("alice",), ()], ids=["tenant", "staging"])
def test_a_filesystem_mounted_over_the_folders(site, over):
    site.tenant("alice", FAST, t=JOB)
    mounts = Mounts(site)
    scanned(site)
    mounts.run("mount", "-t", "tmpfs", "none", site.path("staging", *over))
    os.makedirs(mounts.path("alice", "in"), exist_ok=True)
    mounts.drop("a.csv")
    site.until(lambda: os.path.exists(mounts.path("alice", "done", "a.csv.receipt.json")), 20)
    # and what lies below it, when it is gone again
    site.drop("alice", "b.csv", ROW)
    mounts.run("umount", "-l", site.path("staging", *over))
    found(site, "b.csv")


@root
def test_a_filesystem_mounted_over_in_alone_is_said_and_undone(site):
    """Nothing can be moved out of it into work/; explain says so, and it is taken when the mount is gone."""
    site.tenant("alice", FAST, t=JOB)
    mounts = Mounts(site)
    scanned(site)
    mounts.run("mount", "-t", "tmpfs", "none", site.path("staging", "alice", "in"))
    mounts.drop("a.csv")
    path = site.path("staging", "alice", "in", "a.csv")
    site.until(lambda: "must lie on one filesystem" in site.ctl("explain", path).stdout, 20)
    site.drop("alice", "b.csv", ROW)
    mounts.run("umount", "-l", site.path("staging", "alice", "in"))
    found(site, "b.csv")


# --- profiles ---

def test_a_profile_that_is_written_long_after_its_folder(site):
    """mkdir, and an editor: the look that the folder's own coming asked for is over by then."""
    site.start()
    folder = site.path("profiles", "late")
    os.mkdir(folder)

    def watched():
        ours = "ino:%x " % os.stat(folder).st_ino
        base = "/proc/%d/fdinfo" % site.daemon.pid
        for fd in os.listdir(base):
            with contextlib.suppress(FileNotFoundError), open(os.path.join(base, fd)) as f:
                if any(line.startswith("inotify ") and ours in line for line in f):
                    return True
        return False
    site.until(watched)
    site.tenant("late", FAST, t=JOB)
    site.until(lambda: os.path.exists(site.path("logs", "late.log")) and "profile.loaded" in site.log("late"), 20)
    site.drop("late", "a.csv", ROW)
    site.until(lambda: placed(site, "a.csv", tenant="late"), 20)


# --- clocks that jump ---

@pytest.mark.parametrize("hours", [1, -1, 24 * 365 * 80, -24 * 365 * 50])
def test_a_clock_that_is_set_takes_no_file_early_and_none_late(site, tmp_path, hours):
    """A file that still grows looks an hour old after the clock was set; settle_seconds counts all the same."""
    clock = Clock(tmp_path)
    site.tenant("alice", {"arrival": {"settle_seconds": 1}}, t=JOB)
    site.start(env=clock.env)
    clock.set_wall(hours * 3600)
    names = ("a%d.csv" % i for i in range(20))
    while not (grown := grow(site, next(names))):
        pass
    name, n, last = grown
    found(site, name)
    assert 1 <= time.monotonic() - last < 1 + 5
    assert site.receipt("alice", "done", name)["rows"]["indexed"] == n


def grow(site, name):
    """Appended to for two seconds: its rows, and the moment before the last one; None: settle_seconds went by while we stood still."""
    path, n, last = site.path("staging", "alice", "in", name), 0, time.monotonic()
    end = last + 2
    site.drop("alice", name, b"id\n")
    while time.monotonic() < end:
        before = time.monotonic()
        try:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            assert time.monotonic() - last >= 1, "taken while it grew"
            return None
        n, last = n + 1, before
        os.write(fd, b"%d\n" % n)
        os.close(fd)
        time.sleep(0.1)
    return name, n, last
