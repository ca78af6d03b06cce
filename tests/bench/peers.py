"""peers - other programs on the same rows, each with its configuration from tests/bench/peers, as private foreground processes.

A peer that follows a file does not end by itself: it is stopped when the sink has every row, or nothing new for QUIET seconds.
Each reads plain rows when it is timed; what it makes of quoted ones is looked at in the pass that is not.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import measure
import ours
import rig
import truth

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "peers"))
import fetch  # noqa: E402

QUIET = 4.0
LIMIT = 240


class Peer(ours.Contender):
    group = "peer"
    needs = None
    version = ""

    def get(self):
        """Fetches it, or raises measure.Refused with the reason."""
        try:
            self.home = fetch.fetch(self.needs)
        except fetch.Absent as e:
            raise measure.Refused(str(e)) from e
        self.version = self.find_version()
        return self

    def find_version(self):
        return fetch.version(self.needs, self.home)

    def config(self, to, **values):
        """The committed file of that name with @NAME@ filled in, below the folder of this run."""
        with open(os.path.join(HERE, "peers", os.path.basename(to))) as f:
            text = re.sub(r"@([A-Z]+)@", lambda m: values[m[1].lower()], f.read())
        with open(to, "w") as f:
            f.write(text)
        return to

    def recorded(self, out):
        verdict = truth.Verdict(self.bench.expected("q10", "mapped"), truth.recorded(out, self.shape))
        os.unlink(out)
        return verdict

    @staticmethod
    def shape(doc):
        return doc

    @property
    def quoted(self):
        return self.rig.rows("q10", self.bench.verified)


class Python(Peer):
    needs = "python"
    script = package = ""

    def find_version(self):
        done = subprocess.run([self.python, "-c", "import importlib.metadata as m; print(m.version(%r))" % self.package],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    @property
    def python(self):
        return os.path.join(self.home, "venv", "bin", "python")

    def argv(self, *args):
        return [self.python, os.path.join(HERE, "peers", self.script), *args]


class Streaming(Python):
    part = 5
    script, package = "es_streaming.py", "elasticsearch"

    def once(self):
        self.bench.sink.reset()
        cost = measure.run(self.argv(self.file, self.bench.sink.url, "bench"))
        if self.bench.sink.totals()["documents"] != self.rows:
            raise RuntimeError("%s: not every row arrived" % self.name)
        return cost

    def verify(self):
        out = self.rig.path("recorded")
        with rig.Sink(out) as sink:
            measure.run(self.argv(self.quoted, sink.url, "bench"))
        return self.recorded(out)


class ToFile(Python):
    """NDJSON on tmpfs, one thread."""
    def __init__(self, bench, name, script, package, env=None):
        super().__init__(bench, name)
        self.script, self.package, self.env = script, package, env

    def write(self, path, out):
        return measure.run(self.argv(path, out), env=self.env)

    def once(self):
        out = self.rig.path("converted")
        self.rig.warm(self.rows)
        cost = self.write(self.file, out)
        os.unlink(out)
        return cost

    def verify(self):
        out = self.rig.path("recorded")
        self.write(self.quoted, out)
        return self.recorded(out)


class Follower(Peer):
    """A daemon that follows a file or a folder until it is stopped."""
    part = 5

    def start(self, folder, path, sink):
        """How measure.Child starts it on the file that `place` put there."""
        raise NotImplementedError

    def place(self, _folder, path):
        return path

    def through(self, path, sink, rows, limit=LIMIT):
        """Its cost from start to end with that file; it may lose rows, and may never come to rest."""
        folder = tempfile.mkdtemp(dir=self.rig.folder)
        placed = self.place(folder, path)
        begin = last = time.monotonic()
        seen = 0
        child = measure.Child(**self.start(folder, placed, sink), stdout=subprocess.DEVNULL)
        while seen < rows and time.monotonic() - begin < limit and (seen == 0 or time.monotonic() - last < QUIET):
            time.sleep(0.05)
            now = sink.totals()["documents"]
            if now != seen:
                seen, last = now, time.monotonic()
            if child.ended():
                child.wait()
                raise RuntimeError("%s ended by itself" % self.name)
        child.stop()
        cost = child.wait(expect=None)
        shutil.rmtree(folder, ignore_errors=True)
        cost.wall = last - begin
        cost.more["arrived"] = seen
        return cost

    def once(self):
        self.bench.sink.reset()
        cost = self.through(self.file, self.bench.sink, self.rows)
        if cost.more["arrived"] < self.rows:
            raise RuntimeError("%s: %d rows of %d arrived: %s" % (self.name, cost.more["arrived"], self.rows, cost.more["said"]))
        return cost

    def verify(self):
        out = self.rig.path("recorded")
        with rig.Sink(out) as sink:
            self.through(self.quoted, sink, self.bench.verified)
        return self.recorded(out)

    def libraries(self):
        found = {d for d, _, names in os.walk(self.home) if any(".so" in n for n in names)}
        return {"LD_LIBRARY_PATH": ":".join(sorted(found))}


class SyslogNg(Follower):
    needs = "syslog-ng"

    def start(self, folder, path, sink):
        conf = self.config(os.path.join(folder, "syslog-ng.conf"), file=path, url=sink.url)
        modules = os.path.join(self.home, "usr", "lib", "syslog-ng", "3.38")
        return {"argv": [os.path.join(self.home, "usr", "sbin", "syslog-ng"), "-F", "--no-caps", "-f", conf,
                         "--module-path", modules, "-R", os.path.join(folder, "persist"), "-p", os.path.join(folder, "pid"),
                         "-c", os.path.join(folder, "control")], "env": self.libraries(), "cwd": folder}


class Rsyslog(Follower):
    needs = "rsyslog"

    def start(self, folder, path, sink):
        rules = self.config(os.path.join(folder, "rsyslog.rules"))
        conf = self.config(os.path.join(folder, "rsyslog.conf"), file=path, folder=folder, rules=rules,
                           port=sink.url.rpartition(":")[2])
        modules = os.path.join(self.home, "usr", "lib", "x86_64-linux-gnu", "rsyslog")
        return {"argv": [os.path.join(self.home, "usr", "sbin", "rsyslogd"), "-n", "-f", conf, "-i", os.path.join(folder, "pid"),
                         "-M", modules], "env": self.libraries(), "cwd": folder}


class Telegraf(Follower):
    needs = "telegraf"

    def find_version(self):
        done = subprocess.run([os.path.join(self.home, "telegraf"), "--version"], capture_output=True, text=True)
        return (re.search(r"\d+\.\d+\.\d+", done.stdout + fetch.TELEGRAF) or [""])[0]

    def place(self, folder, path):
        """Without its header, which this parse_method would take for a row."""
        os.makedirs(os.path.join(folder, "in"))
        os.makedirs(os.path.join(folder, "done"))
        placed = os.path.join(folder, "in", "rows.csv")
        with open(path, "rb") as i, open(placed, "wb") as o:
            i.readline()
            shutil.copyfileobj(i, o, 1 << 20)
        return placed

    def start(self, folder, _path, sink):
        conf = self.config(os.path.join(folder, "telegraf.conf"), folder=folder, url=sink.url)
        return {"argv": [os.path.join(self.home, "telegraf"), "--config", conf], "cwd": folder}

    @staticmethod
    def shape(doc):
        return doc["row"]


def every(bench):
    return [Streaming(bench, "elasticsearch-py streaming_bulk"),
            ToFile(bench, "Polars, 1 thread, to a file", "polars_ndjson.py", "polars", {"POLARS_MAX_THREADS": "1"}),
            ToFile(bench, "DuckDB, 1 thread, to a file", "duckdb_ndjson.py", "duckdb"),
            SyslogNg(bench, "syslog-ng"), Rsyslog(bench, "rsyslog mmnormalize"), Telegraf(bench, "Telegraf")]
