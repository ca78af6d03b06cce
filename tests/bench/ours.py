"""ours - the yardsticks and what ingestd does, each a contender: a name, rows, once().

`prepare` may be called before the clock; `verify` is a run that is not timed, into a recording sink or a file.
"""
import json
import os
import sqlite3
import subprocess

import measure
import rig
import truth

BODY = 1024 * 1024
FLIGHT = 4
PILOT, FEW = 100_000, 1_000
MANY, MOST = 1_000_000, 10_000_000
SIZES = (PILOT, 200_000, 500_000, MANY, 2_000_000, 5_000_000, MOST)
LONGER = 2.5  # what ten million rows may take, in --seconds
VERIFIED = 100_000
DEVNULL = subprocess.DEVNULL


class Contender:
    group = "ours"
    kind = "plain"
    most = MANY  # rows that are worth it, or that there is room for
    part = 1  # of the rows that are asked for, one in so many: it takes that much longer

    def __init__(self, bench, name):
        self.bench, self.rig, self.name = bench, bench.rig, name
        self.rows = PILOT

    @property
    def file(self):
        return self.rig.rows(self.kind, self.rows)

    def size(self, seconds):
        """As many rows as take about that long, by two short runs: what it takes to start does not count."""
        self.rows = FEW
        start = self.once().wall
        self.rows = PILOT
        each = max(1e-9, self.once().wall - start) / (PILOT - FEW)
        most = min(self.most, self.bench.most)
        limit = seconds * (LONGER if self.most == MOST else 1)
        self.rows = max([rows for rows in SIZES if rows <= most and start + each * rows <= limit], default=PILOT)

    def once(self):
        raise NotImplementedError

    def verify(self):
        """A truth.Verdict, or None: nothing comes of it."""


class Cat(Contender):
    group = "yardstick"
    most = MOST

    def once(self):
        return measure.run(["cat", self.file])


class Digest(Cat):
    def once(self):
        return measure.run([measure.tool("evpsum"), self.file])


class Replay(Contender):
    group = "yardstick"
    times = 1
    most = MOST

    @property
    def bodies(self):
        rows = min(self.rows, MANY)
        path = self.rig.path("bodies-%d" % rows)
        if not os.path.exists(path):
            with open(path, "wb") as f:
                measure.run([measure.WORKER, "--convert", "-c", self.bench.site.config, "--tenant", "bench", "--job", "mapped",
                             self.rig.rows("plain", rows)], stdout=f)
        return path

    def once(self):
        times = max(1, self.rows // MANY)
        done = subprocess.run([measure.tool("replay"), "-b", str(BODY), "-f", str(FLIGHT), "-n", str(times),
                               self.bench.sink.url + "/bench-mapped/_bulk", self.bodies], capture_output=True, text=True,
                              check=True)
        said = json.loads(done.stdout)
        if said["documents"] != self.rows:
            raise RuntimeError("replay: %d documents of %d" % (said["documents"], self.rows))
        return measure.Cost(said["user"] + said["system"], said["seconds"])


class BareLoop(Contender):
    group = "yardstick"

    def once(self):
        path = self.rig.path("bare.db")
        try:
            done = subprocess.run([measure.tool("sqlbare"), self.file, path], capture_output=True, text=True, check=True)
        finally:
            for name in (path, path + "-wal", path + "-shm"):
                if os.path.exists(name):
                    os.unlink(name)
        said = json.loads(done.stdout)
        return measure.Cost(said["user"] + said["system"], said["seconds"])


class Pass(Contender):
    """One pass alone: the gate's (-d), the load's (-e), or neither."""
    most = MOST

    def __init__(self, bench, name, *flags, job="mapped"):
        super().__init__(bench, name)
        self.flags, self.job = flags, job

    def once(self):
        return measure.run([measure.tool("onepass"), *self.flags, self.bench.site.config, "bench", self.job, self.file])


class PassToFile(Pass):
    """The load's pass with its bodies on tmpfs, beside programs that write NDJSON there, and of as many rows: a page of tmpfs costs more the more there are."""
    most = MANY

    def written(self, path):
        out = self.rig.path("converted")
        cost = measure.run([measure.tool("onepass"), "-o", out, self.bench.site.config, "bench", self.job, path])
        return out, cost

    def once(self):
        self.rig.warm(self.rows)
        out, cost = self.written(self.file)
        os.unlink(out)
        return cost

    def verify(self):
        out, _ = self.written(self.rig.rows("plain", self.bench.verified))
        verdict = truth.Verdict(self.bench.expected("plain", self.job), truth.recorded(out, actions=True))
        os.unlink(out)
        return verdict


class Convert(Contender):
    """Both passes: what `ingest-worker --convert` costs a user."""
    most_plain = MOST

    def __init__(self, bench, name, job="mapped", kind="plain"):
        super().__init__(bench, name)
        self.job, self.kind = job, kind
        if kind == "plain":
            self.most = self.most_plain

    def argv(self, path):
        return [measure.WORKER, "--convert", "-c", self.bench.site.config, "--tenant", "bench", "--job", self.job, path]

    def once(self):
        return measure.run(self.argv(self.file))

    def verify(self):
        out = self.rig.path("converted")
        with open(out, "wb") as f:
            measure.run(self.argv(self.rig.rows(self.kind, self.bench.verified)), stdout=f)
        verdict = truth.Verdict(self.bench.expected(self.kind, self.job), truth.recorded(out, actions=True))
        os.unlink(out)
        return verdict


class ConvertToFile(Convert):
    """The same with its output on tmpfs."""
    most_plain = MANY

    def once(self):
        out = self.rig.path("converted")
        self.rig.warm(self.rows)
        with open(out, "wb") as f:
            cost = measure.run(self.argv(self.file), stdout=f)
        os.unlink(out)
        return cost

    def verify(self):
        return None


class Post(Contender):
    """File to POST by the whole program: ingestd --once, its worker and a fresh folder, into the sink that discards."""
    def __init__(self, bench, name, job="mapped", kind="plain"):
        super().__init__(bench, name)
        self.job, self.kind = job, kind
        if kind == "plain":
            self.most = MOST

    def site_for(self, sink):
        return self.rig.site("post", {"main": {"type": "elasticsearch", "urls": [sink.url]}})

    def once(self):
        sink = self.bench.sink
        site = self.site_for(sink)
        sink.reset()
        cost = site.once(self.file, self.job)
        totals = sink.totals()
        if totals["documents"] != self.rows or cost.more["receipt"]["rows"]["indexed"] != self.rows:
            raise RuntimeError("%s: %d documents of %d" % (self.name, totals["documents"], self.rows))
        if not 0 <= cost.more["worker"] <= cost.cpu:
            raise RuntimeError("%s: the receipt has %.3f s of CPU, the kernel counts %.3f s for daemon and worker"
                               % (self.name, cost.more["worker"], cost.cpu))
        return cost

    def verify(self):
        out = self.rig.path("recorded")
        with rig.Sink(out) as sink:
            self.site_for(sink).once(self.rig.rows(self.kind, self.bench.verified), self.job)
        verdict = truth.Verdict(self.bench.expected(self.kind, self.job), truth.recorded(out))
        os.unlink(out)
        return verdict


class Store(Contender):
    """File to the embedded store by the whole program."""
    def once(self):
        site = self.rig.site("store", {"local": {"type": "sqlite", "path": "var/data"}})
        cost = site.once(self.file, "mapped")
        if cost.more["receipt"]["rows"]["indexed"] != self.rows:
            raise RuntimeError("%s: %s" % (self.name, cost.more["receipt"]["sentence"]))
        self.last = site
        return cost

    def verify(self):
        site = self.rig.site("store", {"local": {"type": "sqlite", "path": "var/data"}})
        site.once(self.rig.rows("plain", self.bench.verified), "mapped")
        names = list(rig.COLUMNS)
        db = sqlite3.connect(site.path("var", "data", "bench", "data.db"))
        got = truth.collections.Counter(
            truth.canonical(dict(zip(names, row)))
            for row in db.execute('SELECT %s FROM "bench-mapped"' % ",".join('"%s"' % n for n in names)))
        db.close()
        return truth.Verdict(self.bench.expected("plain", "mapped"), got)


def yardsticks(bench):
    return [Cat(bench, "cat"), Digest(bench, "SHA-256 (EVP)"), Replay(bench, "replay of ready bodies"),
            BareLoop(bench, "SQLite, bare loop")]


def variants(bench):
    out = [Pass(bench, "a pass, no digest", job="mapped"), Pass(bench, "gate pass", "-d"), Pass(bench, "load pass", "-e"),
           Pass(bench, "load pass, csv + mutate", "-e", job="mutate"), Pass(bench, "load pass, full", "-e", job="full"),
           PassToFile(bench, "load pass, to a file")]
    for kind in ("plain", "q10", "q100", "crlf", "gz", "zst", "age"):
        out.append(Convert(bench, "convert, " + kind, kind=kind))
    out += [Convert(bench, "convert, csv + mutate", "mutate"), Convert(bench, "convert, full", "full"),
            ConvertToFile(bench, "convert to a file, plain")]
    out += [Post(bench, "file to POST, plain"), Post(bench, "file to POST, q100", kind="q100"),
            Post(bench, "file to POST, csv + mutate", "mutate"), Post(bench, "file to POST, full", "full"),
            Store(bench, "file to SQLite")]
    return out
