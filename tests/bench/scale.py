"""scale - what one host takes (docs/scale.md): tenants that wait, files that wait, workers at once, large files.

    make all build/tools/bulksink build/tools/rowgen build/tools/cost
    python3 tests/bench/scale.py                                    10,000 tenants, 100,000 waiting files, 1 and 2 workers, 1 GB
    python3 tests/bench/scale.py --parts waiting --waiting 1000000
    python3 tests/bench/scale.py --parts tenants --tenants 1 1000 10000 --folder /var/tmp

Everything lies in a folder of its own below --folder (default: memory, /dev/shm) and goes with it.  Figures are printed and, with --json,
written.  Other load of the machine is in them: they are orders of magnitude, the ratios are bench.py's.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import rig

PARTS = ("tenants", "waiting", "workers", "size")
IDLE_SECONDS = 10
WAIT_SECONDS = 600
WAITING_TENANTS = 8
FILES_EACH = 4  # of each worker
GIGABYTE_ROWS = 3_250_000


class Daemon:
    """ingestd over a folder; what it costs is read from /proc."""
    def __init__(self, folder, **config):
        self.folder = folder
        self._write("ingestd.json", config)
        self.child = None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def _write(self, name, what):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w") as f:
            json.dump(what, f)
        os.rename(path + ".new", path)

    def tenant(self, name, **more):
        self._write("profiles/%s/profile.json" % name, {"arrival": {"settle_seconds": 0}})
        self.job(name, **more)
        os.makedirs(self.path("staging", name, "in"), exist_ok=True)

    def job(self, name, **more):
        job = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"a": {"type": "long"}}}}}
        self._write("profiles/%s/jobs/load.json" % name, {**job, **more})

    def start(self):
        self.child = subprocess.Popen([os.path.join(measure.BUILD, "ingestd"), "-c", self.path("ingestd.json")])

    def ask(self, *what):
        done = subprocess.run([os.path.join(measure.BUILD, "ingestctl"), "-c", self.path("ingestd.json"), "--json", *what],
                              capture_output=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def lines(self, event):
        try:
            with open(self.path("logs", "ingestd.log")) as f:
                return sum(" %s " % event in line for line in f)
        except FileNotFoundError:
            return 0

    def until(self, condition, pause=0.01):
        """Seconds until it is true."""
        began = time.monotonic()
        while not condition():
            if self.child.poll() is not None:
                raise RuntimeError("ingestd ended with %d" % self.child.returncode)
            if time.monotonic() > began + WAIT_SECONDS:
                raise RuntimeError("waited %d s in vain" % WAIT_SECONDS)
            time.sleep(pause)
        return time.monotonic() - began

    def cpu(self):
        with open("/proc/%d/stat" % self.child.pid) as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / measure.TICK

    def rss(self):
        with open("/proc/%d/status" % self.child.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.child.pid))

    def idle(self):
        """CPU of a second in which nothing is asked of it."""
        before = self.cpu()
        time.sleep(IDLE_SECONDS)
        return (self.cpu() - before) / IDLE_SECONDS

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            self.child.wait()


def done(daemon, tenant, name):
    return os.path.exists(daemon.path("staging", tenant, "done", name + ".receipt.json"))


def drop(daemon, tenant, name, text="a\n1\n"):
    with open(daemon.path("staging", tenant, name), "w") as f:
        f.write(text)
    os.rename(daemon.path("staging", tenant, name), daemon.path("staging", tenant, "in", name))


def tenants(folder, count):
    """Start, memory, descriptors, idle CPU; a file in a tenant that waited, the files of one that is busy; a profile, all of them anew."""
    daemon = Daemon(folder)
    names = ["t%06d" % n for n in range(count)]
    try:
        for name in names:
            daemon.tenant(name)
        daemon.start()
        found = {"tenants": count, "start_seconds": daemon.until(lambda: daemon.lines("daemon.started"))}
        found["start_cpu_seconds"] = daemon.cpu()
        in_force = sum(t["state"] == "in force" for t in daemon.ask("status")["tenants"])
        if in_force != count:
            raise RuntimeError("%d of %d tenants are in force" % (in_force, count))
        # each in/ has had its first scan when one that was dropped before the last of them is done
        drop(daemon, names[-1], "first.csv")
        daemon.until(lambda: done(daemon, names[-1], "first.csv"))
        found.update(rss_bytes=daemon.rss(), descriptors=daemon.descriptors(), idle_cpu=daemon.idle())
        seconds = []
        for n in range(5):
            name = names[(n * count // 5 + n) % count]
            drop(daemon, name, "one%d.csv" % n)
            seconds.append(daemon.until(lambda name=name, n=n: done(daemon, name, "one%d.csv" % n), 0.001))
        found["file_seconds"] = statistics.median(seconds)
        before = daemon.cpu()
        for n in range(500):
            drop(daemon, names[0], "busy%d.csv" % n)
        seconds = daemon.until(lambda: len(os.listdir(daemon.path("staging", names[0], "done"))) >= 1000)
        found.update(busy_files_per_second=500 / seconds, busy_cpu_ms_per_file=(daemon.cpu() - before) * 2)
        before, cpu = daemon.lines("profile.loaded"), daemon.cpu()
        daemon.job(names[-1], pattern="[a-z]*.csv")
        found["reload_seconds"] = daemon.until(lambda: daemon.lines("profile.loaded") > before)
        found["reload_cpu_seconds"] = daemon.cpu() - cpu
        before, cpu = daemon.lines("profile.loaded"), daemon.cpu()
        daemon.child.send_signal(signal.SIGHUP)
        found["reload_all_seconds"] = daemon.until(lambda: daemon.lines("profile.loaded") >= before + count)
        found["reload_all_cpu_seconds"] = daemon.cpu() - cpu
        found.update(rss_after_bytes=daemon.rss(), descriptors_after=daemon.descriptors())
        return found
    finally:
        daemon.stop()


def waiting(folder, count):
    """Complete files that wait for the start of a job: found, proven, then nothing."""
    daemon = Daemon(folder)
    names = ["t%d" % n for n in range(WAITING_TENANTS)]
    each = count // WAITING_TENANTS
    try:
        for name in names:
            daemon.tenant(name, trigger="manual")
            for n in range(each):
                with open(daemon.path("staging", name, "in", "f%07d.csv" % n), "w") as f:
                    f.write("a\n1\n")
        daemon.start()

        def arriving():
            status = daemon.ask("status")
            return sum(t["arriving"] for t in status["tenants"]) if status else 0

        def quiet():
            before = daemon.cpu()
            time.sleep(1)
            return daemon.cpu() - before < 0.02
        found = {"files": each * WAITING_TENANTS}
        found["found_seconds"] = daemon.until(lambda: arriving() >= found["files"], 0.2)
        found["proven_seconds"] = found["found_seconds"] + daemon.until(quiet)
        # each is complete: a start would take it
        last = daemon.ask("explain", daemon.path("staging", names[-1], "in", "f%07d.csv" % (each - 1)))
        found["rule"] = last.get("rule")
        if found["rule"] != "manual":
            raise RuntimeError("the last file waits for something else: %s" % last)
        found.update(cpu_seconds=daemon.cpu(), idle_cpu=daemon.idle(), rss_bytes=daemon.rss(), descriptors=daemon.descriptors())
        return found
    finally:
        daemon.stop()


def workers(bench, folder, most):
    """Large files of several tenants at once, 1 to so many at a time, into the sink that discards."""
    rows = 1_000_000
    source = bench.rows("plain", rows)
    found = []
    for n in range(1, most + 1):
        with rig.Sink() as sink:
            daemon = Daemon(os.path.join(folder, "workers%d" % n), workers=n, default_sinks=["main"],
                            sinks={"main": {"type": "elasticsearch", "urls": [sink.url]}})
            try:
                files = most * FILES_EACH
                for i in range(files):
                    daemon.tenant("t%d" % i, filter=rig.FILTERS["csv + mutate"], index={"name": "t", "mappings": {"properties": {}}})
                    shutil.copy(source, daemon.path("staging", "t%d" % i, "in", "a.csv"))
                busy = measure.busy()
                daemon.start()
                seconds = daemon.until(lambda: all(done(daemon, "t%d" % i, "a.csv") for i in range(files)), 0.05)
                receipts = [json.load(open(daemon.path("staging", "t%d" % i, "done", "a.csv.receipt.json"))) for i in range(files)]
                found.append({"workers": n, "files": files, "rows": rows * files, "seconds": seconds, "rows_per_second": rows * files / seconds,
                              "daemon_cpu_seconds": daemon.cpu(), "worker_cpu_seconds": sum(r["cpu_seconds"] for r in receipts),
                              "sink_cpu_seconds": sink.cpu(), "machine_cpu_seconds": measure.busy() - busy, "cores": os.cpu_count()})
            finally:
                daemon.stop()
                shutil.rmtree(daemon.folder)
    return found


def size(bench, rows):
    """A worker's peak for one hundredth, one tenth and all of the rows."""
    found = []
    with rig.Sink() as sink:
        for n in (rows // 100, rows // 10, rows):
            site = bench.site("size", {"main": {"type": "elasticsearch", "urls": [sink.url]}})
            path = bench.rows("plain", n)
            receipt = site.once(path, "mutate").more["receipt"]
            found.append({"rows": n, "bytes": os.path.getsize(path), "peak_rss_bytes": receipt["peak_rss_bytes"]})
            os.unlink(path)
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    p.add_argument("--tenants", nargs="+", type=int, default=[10_000])
    p.add_argument("--waiting", type=int, default=100_000)
    p.add_argument("--workers", type=int, default=2, help="1 to so many")
    p.add_argument("--rows", type=int, default=GIGABYTE_ROWS, help="of the largest file")
    p.add_argument("--folder", default="/dev/shm")
    p.add_argument("--json")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it cleans up then too
    found = {}
    folder = tempfile.mkdtemp(prefix="scale-", dir=args.folder)

    def part(name, what, *more):
        own = os.path.join(folder, name)
        os.makedirs(own)
        found.setdefault(name, []).append(what(*more, own) if name in ("tenants", "waiting") else what(*more))
        shutil.rmtree(own, ignore_errors=True)
        print(name, json.dumps(found[name][-1], indent=1), flush=True)
    try:
        if "tenants" in args.parts:
            for count in args.tenants:
                part("tenants", lambda own_count, own: tenants(own, own_count), count)
        if "waiting" in args.parts:
            part("waiting", lambda own_count, own: waiting(own, own_count), args.waiting)
        bench = rig.Rig(os.path.join(folder, "rig"))
        if "workers" in args.parts:
            part("workers", workers, bench, os.path.join(folder, "workers"), args.workers)
        if "size" in args.parts:
            part("size", size, bench, args.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(found, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
