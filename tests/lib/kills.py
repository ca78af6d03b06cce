"""kills - how many kill -9 a whole run has dealt: each test adds its own, tests/lib/check sums them up."""
import os
import time

FOLDER = "INGEST_KILL_COUNT"


def add(n=1):
    """One file a call, so that processes need no lock; nothing outside of such a run."""
    folder = os.environ.get(FOLDER)
    if folder and n:
        with open(os.path.join(folder, "%d-%d" % (os.getpid(), time.time_ns())), "w") as f:
            f.write("%d" % n)


def total(folder):
    return sum(int(open(os.path.join(folder, name)).read()) for name in os.listdir(folder))
