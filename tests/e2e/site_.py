"""site_ - one ingestd with its folders in a temporary place; every process it starts is ended by its pid."""
import json
import os
import signal
import sqlite3
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("INGEST_BUILD", os.path.join(ROOT, "build"))


class Site:
    def __init__(self, folder, **config):
        self.folder = str(folder)
        self.daemon = None
        with open(self.path("ingestd.json"), "w") as f:
            json.dump(config, f)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def tenant(self, name, profile=None, **jobs):
        os.makedirs(self.path("profiles", name, "jobs"), exist_ok=True)
        os.makedirs(self.path("staging", name, "in"), exist_ok=True)
        with open(self.path("profiles", name, "profile.json"), "w") as f:
            json.dump(profile or {"arrival": {"settle_seconds": 0}}, f)
        for job, spec in jobs.items():
            with open(self.path("profiles", name, "jobs", job + ".json"), "w") as f:
                f.write(spec if isinstance(spec, str) else json.dumps(spec))

    def drop(self, tenant, name, content):
        with open(self.path("staging", tenant, "in", name), "wb") as f:
            f.write(content)

    def run(self, *args, env=None, timeout=120):
        p = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", self.path("ingestd.json"), *args], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
        try:
            out, err = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            told = self.ctl("status").stdout
            p.kill()
            raise AssertionError("after %d s it runs\n%s\n%s" % (timeout, told, "\n".join(p.communicate()))) from None
        return subprocess.CompletedProcess(p.args, p.returncode, out, err)

    def once(self, *args, **more):
        return self.run("--once", *args, **more)

    def once_until_told(self, *args):
        """Of a sink that is out of reach: at a busy machine the wait may end before the first attempt has."""
        done = self.once(*args)
        while done.returncode == 3 and "it was still at work" in done.stderr:
            done = self.once(*args)
        return done

    def ctl_line(self, *args):
        return [os.path.join(BUILD, "ingestctl"), "-c", self.path("ingestd.json"), *args]

    def ctl(self, *args):
        return subprocess.run(self.ctl_line(*args), capture_output=True, text=True, timeout=60)

    def start(self, *args, env=None):
        self.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", self.path("ingestd.json"), *args],
                                       env={**os.environ, **(env or {})})
        self.until(lambda: self.ctl("status").returncode == 0)

    def stop(self):
        if self.daemon:
            self.daemon.send_signal(signal.SIGTERM)
            code = self.daemon.wait(timeout=30)
            self.daemon = None
            return code
        return None

    def kill(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait(timeout=30)
            self.daemon = None

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError("waited %d s in vain" % seconds)

    def names(self, tenant, state):
        return sorted(os.listdir(self.path("staging", tenant, state)))

    def receipt(self, tenant, state, name):
        with open(self.path("staging", tenant, state, name + ".receipt.json")) as f:
            return json.load(f)

    def rows(self, tenant, table):
        db = sqlite3.connect(self.path("var", "data", tenant, "data.db"))
        try:
            cur = db.execute('select * from "%s"' % table)
            names = [d[0] for d in cur.description]
            return [dict(zip(names, r)) for r in cur.fetchall()]
        finally:
            db.close()

    def log(self, name):
        with open(self.path("logs", name + ".log")) as f:
            return f.read()


def balanced(receipt):
    r = receipt["rows"]
    return r["read"] == sum(r[k] for k in "indexed duplicates rejected filtered blank unsent".split())


def gone(pid):
    """Ended, reaped or not."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class LockedStore:
    """The tenant's store locked by somebody else: its loads stand."""

    def __init__(self, site, tenant):
        path = site.path("var", "data", tenant, "data.db")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("pragma journal_mode = wal")

    def __enter__(self):
        self.db.execute("begin immediate")

    def __exit__(self, *_):
        self.db.execute("rollback")
        self.db.close()
