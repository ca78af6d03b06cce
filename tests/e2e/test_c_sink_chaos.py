"""All faults at once, and kill -9 of the daemon, its workers, the recorder and both servers at random instants: 0 lost, 0 double, and
in the end MongoDB's documents equal the receipts.

INGEST_CHAOS_KILLS kills (40; nightly 400), a server about every tenth; on with files and kills until each fault was met.
"""
import collections
import contextlib
import os
import random
import signal
import time

import pytest

import kills as counted
import records_
from fault_proxy import FaultProxy
from search_ import balanced, csv_of, documents, job, rows_of, same, site
from test_c_record import equals_receipt

KILLS = int(os.environ.get("INGEST_CHAOS_KILLS", "40"))
FAULTS = ["429-items", "429-whole", "429-after", "503", "partial", "reset-before", "reset-after", "slow", "hung",
          "garbage", "413", "read-only", "401", "html", "swapped", "502"]


def children_of(pid, program):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % entry) as f:
                text = f.read()
        except OSError:
            continue
        name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if int(rest[1]) == pid and name.startswith(program):
            found.append(int(entry))
    return found


def test_c_all_faults_and_kills_mixed(tmp_path, own_server):
    seed = int(os.environ.get("INGEST_CHAOS_SEED", str(time.time_ns() % 1000000)))
    chance = random.Random(seed)
    print("INGEST_CHAOS_SEED=%d" % seed)
    real, records = own_server("opensearch"), own_server("mongo")
    with FaultProxy(real.url) as p, contextlib.ExitStack() as after:
        deck = []

        def fault(bulk):
            """Three of ten bulks meet one, each fault before any comes again."""
            if chance.random() >= 0.3:
                return None
            if not deck:
                deck.extend(chance.sample(FAULTS, len(FAULTS)))
            return deck.pop()
        p.fault = fault
        s = site(tmp_path, p.url, workers=3, spec=job(index={"settings": {
            "number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "-1"}}),
            mongodb={"uri": records.url, "database": "chaos"})
        s.server, s.database = records, "chaos"
        after.callback(s.kill)
        s.start()
        rows = names = 0
        kills = {"ingestd": 0, "worker": 0, "recorder": 0, "server": 0, "mongo": 0}
        while sum(kills.values()) < KILLS or set(p.faults) != set(FAULTS):
            assert sum(kills.values()) < KILLS + 160, dict(p.faults)
            while names - len(os.listdir(s.path("staging", s.name, "done"))) // 2 < 12:
                size = chance.choice((10, 10, 100, 1000, 20000))
                s.drop(s.name, "f%04d.csv" % names, csv_of(rows_of(size, rows + 1)))
                names, rows = names + 1, rows + size
            time.sleep(chance.random() * 0.5)  # the instant of the kill, not a wait for something
            who = chance.choices(tuple(kills), (10, 10, 6, 2, 2))[0]
            if who in ("server", "mongo"):
                other = real if who == "server" else records
                other.kill()
                other.start()
            elif who == "ingestd":
                s.kill()
                s.start()
            else:
                for pid in children_of(s.daemon.pid, "ingest-" + ("record" if who == "recorder" else "worker"))[:1]:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            kills[who] += 1
        counted.add(sum(kills.values()))
        p.fault = None
        begun = time.monotonic()
        s.until(lambda: len(os.listdir(s.path("staging", s.name, "done"))) == 2 * names, 240)
        print(kills, "files", names, "rows", rows, "faults", dict(p.faults), "recovered in %.1f s" % (time.monotonic() - begun))
        s.until(lambda: records_.Recorded.outbox(s) == [], 120)
        assert s.stop() == 0
        recorded = records_.documents(s)
        assert len(recorded) == names
        for i in range(names):
            receipt = s.receipt(s.name, "done", "f%04d.csv" % i)
            equals_receipt(recorded[receipt["id"]], receipt)
        assert s.names(s.name, "failed") == s.names(s.name, "held") == []
        same(documents(real, s.index), rows_of(rows))
        assert {op for b in p.bulks for op in b.ops} == {"create"}
        seen = collections.Counter(b.delivery for b in p.bulks)
        first = {}
        for b in p.bulks:
            first.setdefault(b.delivery, b)
        indexed = whole = 0
        for i in range(names):
            receipt = s.receipt(s.name, "done", "f%04d.csv" % i)
            leg = receipt["sinks"][0]
            # what a killed program knew of its requests went with it; of a file that one attempt loaded the books know each
            assert leg["retries"] <= leg["requests"] <= seen[receipt["delivery"]]
            if receipt["attempts"] == 1:
                assert leg["requests"] == seen[receipt["delivery"]] >= 1
                # in one body at first: a worker that a 413 was told makes smaller ones from then on
                if len(first[receipt["delivery"]].ids) == receipt["rows"]["read"]:
                    assert leg["retries"] == leg["requests"] - 1
                whole += 1
            assert balanced(receipt) and receipt["rows"]["indexed"] + receipt["rows"]["duplicates"] == receipt["documents"]
            indexed += receipt["documents"]
        assert indexed == rows and whole > names // 4
