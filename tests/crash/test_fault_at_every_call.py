"""ENOSPC and EIO once at the N-th fsync, fdatasync, rename and pwrite64 of a two-file run, for every N that a clean run has.

The kernel's own count, over daemon and worker, SQLite's calls included (strace -f, inject).  A full disk is waited for and gone on
from in the same run; a failed fsync, whatever its error, ends the daemon with the call named, since a second one would lie; and the
next run finishes: 0 lost, 0 double, the books balanced.
"""
import concurrent.futures
import os

import pytest

from books import states
from site_ import BUILD
from test_kill_at_every_call import CALLS, check, counts, make, traced  # noqa: F401 (counts is a fixture)

# pwrite64 has some 270 places, most of them pages of one commit: CI takes every 7th, check-nightly all
STEP = {"pwrite64": int(os.environ.get("INGEST_CRASH_STEP", "7"))}


def run_with(folder, call, error, n):
    """(injected?, how the run under the fault ended, its last words, were both files placed in it)"""
    site = make(folder)
    done = traced(site, "-e", "trace=" + CALLS[call], "-e", "inject=%s:error=%s:when=%d" % (CALLS[call], error, n))
    injected = "(INJECTED)" in open(site.path("trace")).read()
    started = os.path.exists(site.path("logs", "ingestd.log")) and "daemon.started" in site.log("ingestd")
    placed = started and states(site) == ["PLACED", "PLACED"]
    words = done.stderr.decode()
    if placed:
        check(site)
    again = site.once("--wait", "20")
    assert again.returncode == 0, again.stderr
    check(site)
    return injected, started, done.returncode, words, placed


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("call", sorted(CALLS))
def test_fault_at_each(tmp_path, counts, call, error):  # noqa: F811
    places = range(1, counts[call] + 1, STEP.get(call, 1))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {n: pool.submit(run_with, str(tmp_path / str(n)), call, error, n) for n in places}
        results = {n: run.result() for n, run in runs.items()}
    injected = sum(r[0] for r in results.values())
    waited = sum(r[0] and r[4] for r in results.values())
    print("\n%s %s: %d places, injected at %d, gone on by itself at %d, else stopped and gone on by the next run"
          % (call, error, len(results), injected, waited))
    assert injected >= len(results) - 3
    for n, (_, started, code, words, placed) in results.items():
        # it ends either way by itself: with both files placed, or with one line that names what failed
        assert placed and code == 0 or code == 1 and len(words.strip()) > len("ingestd: "), (call, error, n, code, words)
        if call == "rename" or (call == "pwrite64" and error == "ENOSPC" and started):
            assert placed and code == 0, (call, error, n, code, words)
        if not placed and call == "fsync":
            assert "fsync" in words, (n, words)
        assert "no transaction is active" not in words and not words.startswith("ingestd: write:"), (n, words)
