"""All faults at once, and kill -9 of the daemon, its workers and the server at random instants: 0 lost, 0 double.

INGEST_CHAOS_KILLS kills (40; nightly 400), the server about every tenth.
"""
import os
import random
import signal
import time

import pytest

from fault_proxy import FaultProxy
from search_ import balanced, csv_of, documents, job, rows_of, same, site

KILLS = int(os.environ.get("INGEST_CHAOS_KILLS", "40"))
FAULTS = ["429-items", "429-whole", "429-after", "503", "partial", "reset-before", "reset-after", "slow", "garbage", "413",
          "401", "html", "swapped", "502"]


def workers_of(pid):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % entry) as f:
                text = f.read()
        except OSError:
            continue
        name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if int(rest[1]) == pid and name.startswith("ingest-worker"):
            found.append(int(entry))
    return found


def test_c_all_faults_and_kills_mixed(tmp_path, own_server):
    seed = int(os.environ.get("INGEST_CHAOS_SEED", str(time.time_ns() % 1000000)))
    chance = random.Random(seed)
    print("INGEST_CHAOS_SEED=%d" % seed)
    real = own_server("opensearch")
    with FaultProxy(real.url) as p:
        p.fault = lambda bulk: chance.choice(FAULTS) if chance.random() < 0.3 else None
        s = site(tmp_path, p.url, workers=3, spec=job(index={"settings": {
            "number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "-1"}}))
        s.start()
        rows = names = 0
        kills = {"ingestd": 0, "worker": 0, "server": 0}
        while sum(kills.values()) < KILLS:
            while names - len(os.listdir(s.path("staging", s.name, "done"))) // 2 < 12:
                size = chance.choice((10, 10, 100, 1000, 20000))
                s.drop(s.name, "f%04d.csv" % names, csv_of(rows_of(size, rows + 1)))
                names, rows = names + 1, rows + size
            time.sleep(chance.random() * 0.5)  # the instant of the kill, not a wait for something
            who = chance.choices(("ingestd", "worker", "server"), (5, 5, 1))[0]
            if who == "server":
                real.kill()
                real.start()
            elif who == "ingestd":
                s.kill()
                s.start()
            else:
                for pid in workers_of(s.daemon.pid)[:1]:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            kills[who] += 1
        p.fault = None
        begun = time.monotonic()
        s.until(lambda: len(os.listdir(s.path("staging", s.name, "done"))) == 2 * names, 240)
        print(kills, "files", names, "rows", rows, "faults", dict(p.faults), "recovered in %.1f s" % (time.monotonic() - begun))
        assert s.stop() == 0
        assert s.names(s.name, "failed") == s.names(s.name, "held") == []
        same(documents(real, s.index), rows_of(rows))
        assert {op for b in p.bulks for op in b.ops} == {"create"}
        indexed = 0
        for i in range(names):
            receipt = s.receipt(s.name, "done", "f%04d.csv" % i)
            assert balanced(receipt) and receipt["rows"]["indexed"] + receipt["rows"]["duplicates"] == receipt["documents"]
            indexed += receipt["documents"]
        assert indexed == rows
