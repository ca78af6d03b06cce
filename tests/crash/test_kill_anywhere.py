"""kill -9 of every program and of the servers, at random instants, at named steps and at the N-th system call: 0 lost, 0 double.

Three tenants (same_name add, replace, hold), files of 10 rows to 200 MB, records into MongoDB; into SQLite and into OpenSearch.  Rows are
compared as multisets with what Python's csv reads, the books in receipt, store and MongoDB.

INGEST_KILLS kills into SQLite (30; nightly 4,400), INGEST_KILLS_SEARCH into OpenSearch beside a file of 20 MB each round (10; nightly 480),
INGEST_KILLS_LARGE into SQLite beside a file of 200 MB (4; nightly 100) and INGEST_KILLS_LARGE_SEARCH the same into OpenSearch (nightly 20).
INGEST_KILL_ROUND kills are a round (60): a site of its own, whose books are looked at in the end.  INGEST_SEED repeats a run's
choices, though not its instants.
"""
import os
import random
import time

import pytest

import kills as counted
from killing import World


def setting(name, otherwise):
    return int(os.environ.get(name, otherwise))


ROUND = setting("INGEST_KILL_ROUND", 60)
SQLITE = setting("INGEST_KILLS", 30)
SEARCH = setting("INGEST_KILLS_SEARCH", 10)
LARGE = setting("INGEST_KILLS_LARGE", 4)
LARGE_SEARCH = setting("INGEST_KILLS_LARGE_SEARCH", 0)
LARGE_ROWS = setting("INGEST_KILL_ROWS", 200_000)  # of a kilobyte
SEED = setting("INGEST_SEED", time.time_ns() % 1000000)


def rounds(kills):
    """[kills of each round]"""
    return [min(ROUND, kills - k) for k in range(0, kills, ROUND)]


def fight(world, kills, before=None):
    begun = time.monotonic()
    with world as w:
        if before:
            before(w)
        while w.kills < kills:
            w.strike()
        struck = time.monotonic()
        print("%d kills dealt" % w.kills)
        w.end()
        rows = sum(sum(d.good.values()) for d in w.drops)
        print("\n%d kills %s, %d files, %d rows: 0 lost, 0 double; %.0f s, ended %.1f s after the last" % (
            w.kills, dict(w.by), len(w.drops), rows, time.monotonic() - begun, time.monotonic() - struck))
        counted.add(w.kills)


def rng(name, number):
    print("INGEST_SEED=%d" % SEED)
    return random.Random("%s %d %d" % (name, SEED, number))


@pytest.mark.parametrize("number, kills", list(enumerate(rounds(SQLITE))))
def test_killed_anywhere_into_sqlite(tmp_path, own_server, number, kills):
    fight(World(tmp_path, rng("sqlite", number), own_server("mongo")), kills)


def large(rows):
    """Before the first kill: a file of rows of a kilobyte."""
    def drop(w):
        w.upload(next(iter(w.tenants)), "large.csv", w.content(rows, 1000))
        assert len(w.drops[-1].content) > rows * 1000
    return drop


@pytest.mark.parametrize("number, kills", list(enumerate(rounds(SEARCH))))
def test_killed_anywhere_into_opensearch(tmp_path, own_server, number, kills):
    world = World(tmp_path, rng("opensearch", number), own_server("mongo"), own_server("opensearch"), pace=0.4)
    fight(world, kills, large(20_000))


@pytest.mark.parametrize("kind, number, kills", [("sqlite", *r) for r in enumerate(rounds(LARGE))] +
                         [("opensearch", *r) for r in enumerate(rounds(LARGE_SEARCH))])
def test_killed_beside_200_megabytes(tmp_path, own_server, kind, number, kills):
    store = own_server("opensearch") if kind == "opensearch" else None
    # slowly, so that it comes to its load and to checkpoints between two kills
    fight(World(tmp_path, rng("large " + kind, number), own_server("mongo"), store, pace=1), kills, large(LARGE_ROWS))
