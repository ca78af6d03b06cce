"""SIGKILL at the N-th fsync, fdatasync, rename and pwrite64 of a two-file run, for every N that a clean run has.

The kernel's own count, over daemon and worker, SQLite's calls included (strace -f, inject).  0 lost, 0 double, the books balanced.
"""
import collections
import concurrent.futures
import os
import re
import subprocess

import pytest

import kills
from books import JOB, csv_of, loaded, settled
from site_ import BUILD, Site

CALLS = ["fsync", "fdatasync", "renameat", "renameat2", "pwrite64"]


def make(folder):
    os.makedirs(folder)
    site = Site(folder)
    site.tenant("bob", t=JOB)
    site.drop("bob", "a.csv", csv_of(20, 2))
    site.drop("bob", "b.csv", csv_of(15))
    return site


def check(site):
    assert dict(settled(site)) == {"a.csv": 1, "b.csv": 1}
    loaded(site, "a.csv", 20, 2)
    loaded(site, "b.csv", 15)


def traced(site, *options):
    return subprocess.run(["strace", "-f", "-qq", "-o", site.path("trace"), *options,
                           os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once", "--wait", "20"],
                          capture_output=True, timeout=120)


def most(site):
    """call -> the most that one process made of it"""
    seen = collections.Counter()
    for line in open(site.path("trace")):
        m = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)", line)
        if m and "resumed" not in line and "+++" not in line:
            seen[m[1], m[2]] += 1
    return {call: max((n for (_, c), n in seen.items() if c == call), default=0) for call in CALLS}


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """Of a clean run."""
    site = make(str(tmp_path_factory.mktemp("clean") / "s"))
    traced(site, "-e", "trace=" + ",".join(CALLS))
    check(site)
    out = most(site)
    print("\ncalls of the process that makes most: %s" % out)
    return out


@pytest.fixture(scope="module")
def least(tmp_path_factory):
    """Of a run of one file.  What two make hangs on what they share, a commit or a turn; none of both makes fewer than one alone."""
    site = make(str(tmp_path_factory.mktemp("alone") / "s"))
    os.unlink(site.path("staging", "bob", "in", "b.csv"))
    traced(site, "-e", "trace=" + ",".join(CALLS))
    out = most(site)
    assert all(out.values()), out
    return out


def killed_at(folder, call, n):
    site = make(folder)
    done = traced(site, "-e", "trace=" + call, "-e", "inject=%s:signal=KILL:when=%d" % (call, n))
    killed = "killed by SIGKILL" in open(site.path("trace")).read()
    assert killed or (done.returncode == 0 and most(site)[call] < n), (n, done)
    site.once()
    check(site)
    return killed


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_each(tmp_path, counts, least, call):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {n: pool.submit(killed_at, str(tmp_path / str(n)), call, n) for n in range(1, counts[call] + 1)}
        results = {n: run.result() for n, run in runs.items()}
    killed = sum(results.values())
    print("\n%s: %d places, killed at %d" % (call, len(results), killed))
    kills.add(killed)
    assert all(results[n] for n in results if n <= least[call]) and killed >= least[call]
