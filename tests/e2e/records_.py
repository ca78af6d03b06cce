"""records_ - sites whose records go to a server of MongoDB's protocol, and what it holds."""
import datetime
import json
import os
import signal
import sqlite3
import subprocess
import time

import bson
import pymongo
import pytest

from site_ import BUILD, Site

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "rows", "mappings": {"properties": {"n": {"type": "integer"}, "name": {"type": "keyword"}}}}}
_number = [0]
_sites = []


@pytest.fixture(autouse=True)
def nothing_left():
    """A test that fails leaves no daemon behind either."""
    yield
    while _sites:
        _sites.pop().kill()


class Recorded(Site):
    """Standard error is kept: nobody of us writes there."""

    def start(self, *args, env=None):
        with open(self.path("stderr"), "ab") as errors:
            self.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", self.path("ingestd.json"), *args],
                                           env={**os.environ, **(env or {})}, stderr=errors)
        self.until(lambda: self.ctl("status").returncode == 0)

    def stop(self, expected=()):
        """expected: what the recorder may say, each once or more."""
        code = super().stop()
        with open(self.path("stderr")) as f:
            assert f.read() == ""
        said = self.said("recorder.said")
        assert all(any(words in line for words in expected) for line in said) and all(any(w in line for line in said) for w in expected), said
        return code

    def recorder(self):
        """The pid of the daemon's ingest-record, None when there is none just now."""
        with open("/proc/%d/task/%d/children" % (self.daemon.pid, self.daemon.pid)) as f:
            for pid in f.read().split():
                try:
                    if open("/proc/%s/comm" % pid).read().strip() == "ingest-record":
                        return int(pid)
                except OSError:
                    pass
        return None

    def kill_recorder(self):
        pid = self.recorder()
        if pid:
            os.kill(pid, signal.SIGKILL)
        return pid

    def records(self):
        """What `status` says of the records."""
        return json.loads(self.ctl("--json", "status").stdout)["records"]

    def outbox(self):
        """[(seq, kind, key)] that wait."""
        db = sqlite3.connect("file:%s?mode=ro" % self.path("var", "journal.db"), uri=True)
        try:
            return db.execute("select seq, kind, key from outbox order by seq").fetchall()
        finally:
            db.close()

    def said(self, event):
        return [line for line in self.log("ingestd").splitlines() if line.split()[2] == event]

    def caught_up(self, seconds=60):
        self.until(lambda: self.records()["state"] == "ok" and self.records()["backlog"] == 0, seconds)


def site(folder, server, tenants=("alice",), mongodb=None, profile=None, **config):
    """Its database is its own: the servers are shared by all tests."""
    _number[0] += 1
    database = "t%d_%d_%d" % (os.getpid(), _number[0], int(time.time()) % 100000)
    s = Recorded(folder, mongodb={"uri": server.url, "database": database, **(mongodb or {})}, **config)
    for name in tenants:
        s.tenant(name, profile={"arrival": {"settle_seconds": 0}, **(profile or {})}, rows=JOB)
    s.server, s.database = server, database
    _sites.append(s)
    return s


def done(s, tenant="alice"):
    return [n for n in s.names(tenant, "done") if n.endswith(".csv")]


def fail(server, commands, times=1, **data):
    """The server's own fault on demand."""
    with client(server) as c:
        c.admin.command("configureFailPoint", "failCommand", mode={"times": times},
                        data={"failCommands": commands, **data})


def client(server, **options):
    return pymongo.MongoClient(server.url, serverSelectionTimeoutMS=20000, **options)


def documents(s, collection="files"):
    """{_id: document}, none twice."""
    found = {}
    with client(s.server) as c:
        for d in c[s.database][collection].find():
            assert d["_id"] not in found
            found[d["_id"]] = d
    return found


def plain(value, key=""):
    """A document as its record has it: dates as RFC 3339 texts, 64-bit integers as integers; anything else is no field of ours."""
    if key.startswith(".times."):
        assert value is None or isinstance(value, datetime.datetime), key
    if key.startswith((".seconds.", ".cpu_seconds")):
        assert value is None or isinstance(value, float), key
    if isinstance(value, dict):
        return {k: plain(v, key + "." + k) for k, v in value.items() if key or k != "_id"}
    if isinstance(value, list):
        return [plain(v, key) for v in value]
    if isinstance(value, datetime.datetime):
        assert key.startswith(".times."), key
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (value.microsecond // 1000)
    if isinstance(value, int) and not isinstance(value, bool):
        assert isinstance(value, bson.Int64), "%s is a 32-bit integer" % key
        return int(value)
    assert value is None or isinstance(value, (str, float, bool)), (key, value)
    return value


def receipts(s, tenant):
    """{id: receipt} of every file that has come to its end."""
    found = {}
    for state in "done", "failed", "held":
        for name in s.names(tenant, state):
            if name.endswith(".receipt.json"):
                r = s.receipt(tenant, state, name[:-len(".receipt.json")])
                assert r["id"] not in found
                found[r["id"]] = r
    return found


def csv(n, count=3):
    return b"n,name\n" + b"".join(b"%d,file %d\n" % (i, n) for i in range(count))
