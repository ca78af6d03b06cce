"""A soak with all faults on, that ends in reconciliation: receipt = sink = MongoDB, 0 differences; memory and descriptors constant.

INGEST_SOAK_SECONDS (10; nightly 1,800).  Files all the while into OpenSearch through a proxy that misbehaves in three of ten bulks; kill -9 of
workers, recorder, both servers, and in the first half of the daemon; the disk is filled up and freed; profiles reload.  What the daemon and
its programs take is looked at in the second half, where the daemon lives on: the last quarter must take what the third took.
"""
import collections
import contextlib
import os
import random
import signal
import time

import pytest

import kills as counted
import small_disk
from fault_proxy import FaultProxy
from killing import World, children_of

SECONDS = int(os.environ.get("INGEST_SOAK_SECONDS", "10"))
SEED = int(os.environ.get("INGEST_SEED", str(time.time_ns() % 1000000)))
FAULTS = ["429-items", "429-whole", "429-after", "503", "502", "partial", "reset-before", "reset-after", "slow", "garbage", "413", "html",
          "swapped"]
DEEDS = {"worker": 8, "record": 4, "ingestd": 4, "mongo": 0.6, "store": 0.4, "disk": 1, "reload": 1, "nothing": 20}
MEASURED = 300  # seconds: a shorter soak says nothing of memory


def taken(pid):
    """{program: (resident KiB, descriptors)} of the daemon and its children; the largest of several"""
    found = collections.defaultdict(lambda: (0, 0))
    for one, name in [(pid, "ingestd")] + children_of(pid):
        with contextlib.suppress(OSError, StopIteration):
            with open("/proc/%d/status" % one) as f:
                rss = int(next(line for line in f if line.startswith("VmRSS")).split()[1])
            found[name] = max(found[name], (rss, len(os.listdir("/proc/%d/fd" % one))))
    return found


class Soak:
    def __init__(self, world, proxy, disk):
        self.w, self.proxy, self.disk, self.deeds = world, proxy, disk, collections.Counter()
        self.quarters = [collections.defaultdict(list) for _ in range(4)]
        self.begun = time.monotonic()

    def passed(self):
        return (time.monotonic() - self.begun) / SECONDS

    def step(self):
        rng, w = self.w.rng, self.w
        time.sleep(rng.random())  # the pace of files and faults
        if len(w.drops) - w.ended() < 12:
            w.drop()
        deed = rng.choices(list(DEEDS), DEEDS.values())[0]
        if deed == "ingestd" and self.passed() > 0.45:
            deed = "worker"
        self.deeds[deed] += 1
        if deed == "disk":
            self.fill()
        elif deed == "reload":
            w.popen.send_signal(signal.SIGHUP)
        elif deed != "nothing":
            w.hit(deed)
        assert not w.dead()
        for program, what in taken(w.pid).items():
            self.quarters[min(3, int(self.passed() * 4))][program].append(what)

    def fill(self):
        """Nobody uploads meanwhile: a cut upload that is closed is a file like any other."""
        path = os.path.join(self.disk, "filler")
        small_disk.fill(path, self.w.rng.choice((0, 0, 300_000)))
        time.sleep(self.w.rng.random() * 3)
        os.unlink(path)

    def constant(self):
        """What each program took at most in the third quarter and in the last."""
        for program in ("ingestd", "ingest-worker", "ingest-record"):
            third, last = (self.quarters[n][program] for n in (2, 3))
            if not third or not last:
                continue
            memory, files = ([max(v[i] for v in quarter) for quarter in (third, last)] for i in (0, 1))
            print("%s: %d, then %d KiB; %d, then %d descriptors" % (program, *memory, *files))
            if SECONDS >= MEASURED:
                assert memory[1] <= memory[0] * 1.1 + 1024 and files[1] <= files[0] + 4, program


def test_books_balance_after_a_soak_with_all_faults(tmp_path, own_server):
    print("INGEST_SEED=%d" % SEED)
    real, records = own_server("opensearch"), own_server("mongo")
    rng = random.Random(SEED)
    with FaultProxy(real.url) as proxy, small_disk.mounted(tmp_path / "disk", "tmpfs", 384) as disk:
        proxy.fault = lambda bulk: rng.choice(FAULTS) if rng.random() < 0.3 else None
        with World(disk, rng, records, real, largest=10000, url=proxy.url) as w:
            soak = Soak(w, proxy, disk)
            while soak.passed() < 1:
                soak.step()
            proxy.fault = None
            w.end(600)
            rows = sum(sum(d.good.values()) for d in w.drops)
            print("%d s, %d files, %d rows, %d kills, %s, faults %s: receipt = sink = MongoDB, 0 differences" % (
                SECONDS, len(w.drops), rows, w.kills, dict(soak.deeds), dict(proxy.faults)))
            soak.constant()
            counted.add(w.kills)
