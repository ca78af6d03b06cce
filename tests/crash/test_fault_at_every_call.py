"""ENOSPC and EIO once at the N-th fsync, fdatasync, rename and pwrite64 of a two-file run, for every N that a clean run has.

The kernel's own count, over daemon and worker, SQLite's calls included (strace -f, inject); then once more in the worker alone, since
a daemon that meets the fault at the same N has no worker yet.  A full disk is waited for and gone on from in the same run, whichever
call says so (DECISIONS.md, A full disk pauses); a failed fsync that is not for want of room ends the daemon with the call named, since a
second one would lie; and the next run finishes: 0 lost, 0 double, the books balanced.
"""
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from books import states
from site_ import BUILD
from test_kill_at_every_call import CALLS, check, counts, least, make, traced  # noqa: F401 (counts and least are fixtures)

NIGHTLY = bool(os.environ.get("INGEST_NIGHTLY"))
# pwrite64 has some 290 places, most of them pages of one commit: CI takes every 13th, check-nightly all
STEP = {"pwrite64": int(os.environ.get("INGEST_CRASH_STEP", "1" if NIGHTLY else "13"))}
# of a store that is closed: the daemon may end a worker in the middle of it
CLOSING = {"fdatasync": 2}
# a quota is a full disk by another name
ERRORS = ["ENOSPC", "EIO"] + (["EDQUOT"] if NIGHTLY else [])


class Run:
    """One run under a fault, and the next one without."""

    def __init__(self, site, done, trace):
        text = open(trace).read() if os.path.exists(trace) else ""
        self.hits = [line for line in text.splitlines() if "(INJECTED)" in line]
        # of a call in which the process was ended nobody knows the result: "= ?"
        self.made_by = collections.Counter(m[1] for m in re.finditer(r"^(\d+) +.*\) += -?\d", text, re.M))
        self.made = max(self.made_by.values(), default=0)
        self.started = os.path.exists(site.path("logs", "ingestd.log")) and "daemon.started" in site.log("ingestd")
        self.code, self.words = done.returncode, done.stderr.decode().strip()
        self.placed = self.started and states(site) == ["PLACED", "PLACED"]
        if self.placed:
            check(site)
        again = site.once("--wait", "20")
        assert again.returncode == 0, again.stderr
        check(site)

    def __repr__(self):
        return "started %s, exit %d, placed %s, %r, %s" % (self.started, self.code, self.placed, self.words, self.hits)


def in_both(folder, call, error, n):
    site = make(folder)
    done = traced(site, "-y", "-e", "trace=" + call, "-e", "inject=%s:error=%s:when=%d" % (call, error, n))
    return Run(site, done, site.path("trace"))


def in_worker(folder, *options, without=()):
    """The daemon beside a program of the worker's name that runs the worker under strace."""
    site = make(folder)
    for name in without:
        os.unlink(site.path("staging", "bob", "in", name))
    with open(site.path("ingestd.json"), "w") as f:
        json.dump({"workers": 1}, f)  # both files to one worker: what it calls is then the same in each run
    os.mkdir(site.path("bin"))
    shutil.copy(os.path.join(BUILD, "ingestd"), site.path("bin", "ingestd"))
    with open(site.path("bin", "ingest-worker"), "w") as f:
        f.write("#!/bin/sh\nexec strace -D -f -y -q -A -o %s %s %s \"$@\"\n"
                % (site.path("trace"), " ".join(options), os.path.join(BUILD, "ingest-worker")))
    os.chmod(site.path("bin", "ingest-worker"), 0o755)
    done = subprocess.run([site.path("bin", "ingestd"), "-c", site.path("ingestd.json"), "--once", "--wait", "20"],
                          capture_output=True, timeout=120)
    until_written(site.path("trace"))
    return site, done


def until_written(trace, seconds=20):
    """strace is nobody's child there (-D): it may still write when the daemon is gone.  Its last word of a process is "+++"."""
    end = time.monotonic() + seconds
    while True:
        with open(trace) as f:
            text = f.read()
        lines = {(m[1], bool(m[2])) for m in re.finditer(r"^(\d+) +(\+\+\+)?", text, re.M)}
        open_ = {pid for pid, ended in lines if (pid, True) not in lines}
        if text.endswith("\n") and not open_:
            return
        assert time.monotonic() < end, open_
        time.sleep(0.01)


def counts_of_worker(folder, **more):
    """call -> the most that one worker of a clean run makes"""
    site, done = in_worker(str(folder), "-e", "trace=" + ",".join(CALLS), **more)
    assert done.returncode == 0, done.stderr
    seen = collections.Counter()
    for line in open(site.path("trace")):
        m = re.match(r"(\d+) +(\w+)\(", line)
        if m:
            seen[m[1], m[2]] += 1
    return {call: max(n for (_, c), n in seen.items() if c == call) for call in ("fsync", "fdatasync", "pwrite64")}


@pytest.fixture(scope="module")
def worker_counts(tmp_path_factory):
    out = counts_of_worker(tmp_path_factory.mktemp("worker") / "s")
    print("\ncalls of the worker: %s" % out)
    return out


@pytest.fixture(scope="module")
def worker_least(tmp_path_factory):
    """Of one file alone, without what closes the store."""
    out = counts_of_worker(tmp_path_factory.mktemp("alone") / "s", without=["b.csv"])
    print("\nof one file: %s" % out)
    return {call: n - CLOSING.get(call, 0) for call, n in out.items()}


def worker_run(folder, call, error, n):
    site, done = in_worker(folder, "-e", "trace=" + call, "-e", "inject=%s:error=%s:when=%d" % (call, error, n))
    return Run(site, done, site.path("trace"))


def at_each(tmp_path, places, run, call, error):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = {n: pool.submit(run, str(tmp_path / str(n)), call, error, n) for n in places}
        results = {n: r.result() for n, r in runs.items()}
    print("\n%s %s: %d places, injected at %d, gone on by itself at %d, else stopped and gone on by the next run"
          % (call, error, len(results), sum(bool(r.hits) for r in results.values()),
             sum(bool(r.hits and r.placed) for r in results.values())))
    return results


def judge(results, call, error):
    syncs = call in ("fsync", "fdatasync")
    for n, r in results.items():
        # it ends by itself either way: with both files placed, or with one line that names what failed
        assert r.placed and r.code == 0 or r.code == 1 and len(r.words) > len("ingestd: "), (n, r)
        if call.startswith("rename") or error != "EIO":
            assert r.placed and r.code == 0, (n, r)
        if error == "EIO" and syncs and not r.placed:
            assert "fsync" in r.words and "Input/output error" in r.words or not r.started, (n, r)
        assert "no transaction is active" not in r.words and not r.words.startswith("ingestd: write:"), (n, r)
    if error == "EIO" and syncs:
        gone_on = {n: r for n, r in results.items() if r.placed and any(is_ours(call, site_file(h)) for h in r.hits)}
        # SQLite's own fsyncs behind the last commit, when the files are closed: of the process that was hit, which may be a worker
        assert all(call == "fdatasync" and n >= r.made_by[h.split()[0]] - 2 for n, r in gone_on.items() for h in r.hits), gone_on


def site_file(hit):
    return re.search(r"<([^>]*)>", hit)[1]


def is_ours(call, path):
    """SQLite does not look at what its fdatasync of a new -wal's folder says: the daemon makes its own fsync behind it."""
    return call == "fsync" or not os.path.isdir(path)


def held_to_its_own_count(results, least):
    """How many calls a run makes hangs on whether two files share a commit, and on whether a store is closed between them."""
    assert {n: bool(r.hits) for n, r in results.items()} == {n: r.made >= n for n, r in results.items()}
    assert all(r.hits for n, r in results.items() if n <= least)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", CALLS)
def test_fault_at_each(tmp_path, counts, least, call, error):  # noqa: F811
    results = at_each(tmp_path, range(1, counts[call] + 1, STEP.get(call, 1)), in_both, call, error)
    held_to_its_own_count(results, least[call])
    judge(results, call, error)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ["fsync", "fdatasync", "pwrite64"])
def test_fault_at_each_of_the_worker(tmp_path, worker_counts, worker_least, call, error):
    results = at_each(tmp_path, range(1, worker_counts[call] + 1), worker_run, call, error)
    held_to_its_own_count(results, worker_least[call])
    judge(results, call, error)
