"""killing - a site under fire: several tenants, files all the while, kill -9 of whatever runs, and what must be true in the end.

    with World(folder, rng, records=mongo, store=opensearch or None) as w:
        while w.kills < 50: w.strike()          or w.drop(), w.hit("worker"), ... by hand
        w.end()

A strike is one of three: at a random instant (any of the programs or servers), at a step that a program names (INGEST_CRASH_AT), or at
the N-th of a system call (strace).  Rows are what Python's csv reads out of the bytes that were dropped, compared as multisets.
"""
import collections
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import time

import records_
from books import stored
from search_ import documents
from site_ import BUILD, Site, balanced
from test_c_record import equals_receipt
from usage_ import of_journal, of_receipts, receipts as usage_receipts

MAPPING = {"n": {"type": "long"}, "name": {"type": "keyword"}}
RULES = {"alice": "add", "bob": "replace", "carol": "hold"}
CALLS = ("fsync", "fdatasync", "renameat2", "pwrite64", "sendmsg", "unlinkat", "openat")
WAYS = {"instant": 10, "step": 5, "call": 3}
# steps that no file here comes to: nothing is held, encrypted, withdrawn, old, or started by hand
ELSEWHERE = ("held.", "run.", "unwrap", "retention.", "claim.before-undo", "claim.undone", "recover.withdrawn")
BACKLOG = 8
_serial = [0]


def points():
    """The named steps of every program."""
    found = []
    for program in ("ingestd", "ingest-worker", "ingest-record"):
        text = subprocess.run([os.path.join(BUILD, program), "--crash-points"], capture_output=True, text=True,
                              check=True).stdout
        found += [(program, line.split("\t")[0]) for line in text.splitlines() if not line.startswith(ELSEWHERE)]
    return found


def read_csv(content):
    """(the good rows, the bad ones' count) as Python's csv has them"""
    good, bad = collections.Counter(), 0
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        if row["n"].isdigit():
            good[int(row["n"]), row["name"]] += 1
        else:
            bad += 1
    return good, bad


def children_of(pid):
    """[(pid, name)]"""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % entry) as f:
                text = f.read()
        except OSError:
            continue
        if int(text[text.rindex(")") + 2:].split()[1]) == pid:
            found.append((int(entry), text[text.index("(") + 1:text.rindex(")")]))
    return found


class Drop:
    def __init__(self, tenant, name, content):
        self.tenant, self.name, self.content = tenant, name, content
        self.good, self.bad = read_csv(content)


class World:
    def __init__(self, folder, rng, records, store=None, largest=20000, url=None, pace=0.15, **config):
        _serial[0] += 1
        self.rng, self.records, self.store, self.largest = rng, records, store, largest
        self.pace = pace  # seconds between two kills, about
        self.kills, self.by, self.pid, self.popen, self.unsafe, self.serial = 0, collections.Counter(), None, None, False, 0
        tag = "%d-%d" % (os.getpid(), _serial[0])
        sinks = {"sinks": {"main": {"type": "elasticsearch", "urls": [url or store.url]}}} if store else {}
        self.site = Site(folder, workers=3, mongodb={"uri": records.url, "database": "kills-" + tag}, **sinks, **config)
        self.site.server, self.site.database = records, "kills-" + tag
        self.tenants = {("%s-%s" % (name, tag) if store else name): rule for name, rule in RULES.items()}
        for name, rule in self.tenants.items():
            index = {"name": "t", "mappings": {"properties": MAPPING}}
            if store:
                index["settings"] = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
            self.site.tenant(name, t={"pattern": "*.csv", "input": {"header": True}, "same_name": rule,
                                      "rejects": {"max_ratio": 1}, "index": index})
        self.drops, self.points = [], points()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.popen:
            self.kill_daemon()

    # --- files ---

    def content(self, rows, width=0):
        """Quotes, line ends in values, equal rows, rows of no number."""
        rng, out = self.rng, io.StringIO()
        w = csv.writer(out, lineterminator=rng.choice(("\n", "\r\n")))
        w.writerow(["n", "name"])
        pad = "x" * width
        for i in range(rows):
            self.serial += i % 7 != 6  # each seventh row is there twice
            n, kind = self.serial, self.serial % 11
            name = "line\n%d" % n if kind == 3 else 'quoted "%d", ä' % n if kind == 5 else "name %d" % n
            w.writerow(["bad%d" % n if self.serial % 97 == 96 else n, name + pad])
        return out.getvalue().encode()

    def upload(self, tenant, name, content):
        """Renamed in, or written in place."""
        where = self.site.path("staging", tenant, "in")
        os.makedirs(where, exist_ok=True)
        path = os.path.join(where, name)
        hidden = os.path.join(where, "." + name) if self.rng.random() < 0.7 else path
        with open(hidden, "wb") as f:
            f.write(content)
        if hidden != path:
            os.rename(hidden, path)
        self.drops.append(Drop(tenant, name, content))

    def receipts(self):
        """{tenant: {id: receipt}} of what has come to its end"""
        return {t: records_.receipts(self.site, t) for t in self.tenants}

    def ended(self):
        count = 0
        for tenant in self.tenants:
            for folder in ("done", "failed", "held"):
                with_receipt = self.site.path("staging", tenant, folder)
                if os.path.isdir(with_receipt):
                    count += sum(n.endswith(".receipt.json") for n in os.listdir(with_receipt))
        return count

    def drop(self):
        """A new name; the same again; or, where that replaces, other bytes under a name that is done."""
        rng, tenant = self.rng, self.rng.choice(list(self.tenants))
        rows = rng.choice((10, 10, 30, 100, 300, 1000, 2000, self.largest if rng.random() < 0.2 else 500))
        old = [d for d in self.drops if d.tenant == tenant]
        if old and rng.random() < 0.15:
            d = rng.choice(old)
            last = [o for o in old if o.name == d.name][-1]
            if not os.path.exists(self.site.path("staging", tenant, "in", d.name)):
                self.upload(tenant, d.name, last.content)
                return
        if old and self.tenants[tenant] == "replace" and rng.random() < 0.3 and self.ended() == len(self.drops):
            self.upload(tenant, rng.choice(old).name, self.content(rows))
            return
        self.upload(tenant, "f%04d.csv" % len(self.drops), self.content(rows))

    def top_up(self):
        while len(self.drops) - self.ended() < BACKLOG:
            self.drop()

    # --- the daemon ---

    def start(self, env=None, call=None):
        argv = [os.path.join(BUILD, "ingestd"), "-c", self.site.path("ingestd.json")]
        if call:
            argv = ["strace", "-f", "-qq", "-o", self.site.path("trace"), "-e", "trace=" + call[0], "-e",
                    "inject=%s:signal=KILL:when=%d" % call] + argv
        with open(self.site.path("stderr"), "ab") as errors:
            self.popen = subprocess.Popen(argv, env={**os.environ, **(env or {})}, stderr=errors)
        self.unsafe, self.pid = bool(call or env), self.popen.pid
        if call:
            self.site.until(self.find_traced)

    def find_traced(self):
        found = [pid for pid, name in children_of(self.popen.pid) if name == "ingestd"]
        self.pid = found[0] if found else None
        return self.pid or self.popen.poll() is not None

    def kill_daemon(self):
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.popen.wait(timeout=60)
        self.popen = self.pid = None

    def killed(self, way, who):
        self.kills += 1
        self.by[way] += 1
        self.by[who] += 1

    def dead(self):
        """Has the daemon ended?  Only ever by our kill."""
        code = self.popen.poll()
        assert code in (None, -signal.SIGKILL, 128 + signal.SIGKILL), (code, open(self.site.path("stderr")).read())
        return code is not None

    # --- strikes ---

    def strike(self):
        self.top_up()
        way = self.rng.choices(list(WAYS), WAYS.values())[0]
        getattr(self, way)()

    def pause(self):
        """The instant of the kill, not a wait for something; now and then long enough for a load to come to its checkpoints."""
        mean = self.pace * (8 if self.rng.random() < 0.12 else 1)
        time.sleep(min(self.rng.expovariate(1 / mean), 20 * self.pace))

    def instant(self):
        self.pause()
        whom = {"ingestd": 14, "worker": 10, "record": 5, "mongo": 0.5, "store": 0.4 if self.store else 0}
        self.hit(self.rng.choices(list(whom), whom.values())[0])

    def hit(self, who):
        if who == "ingestd":
            self.kill_daemon()
            self.start()
        elif who in ("mongo", "store"):
            server = self.records if who == "mongo" else self.store
            server.kill()
            self.pause()
            server.start(wait=False)  # whoever needs it must wait for it
        else:
            found = [pid for pid, name in children_of(self.pid) if name == "ingest-" + who]
            if not found:
                return
            try:
                os.kill(self.rng.choice(found), signal.SIGKILL)
            except ProcessLookupError:
                return
        self.killed("instant", who)

    def restart_armed(self, **how):
        """The kill that comes before it is one of its own."""
        self.pause()
        self.kill_daemon()
        self.killed("instant", "ingestd")
        self.top_up()
        self.start(**how)

    def step(self):
        program, point = self.rng.choice(self.points)
        once = self.site.path("once-%d" % self.kills)
        passes = self.rng.choice((1, 1, 1, 2, 3, 40)) if program != "ingestd" else self.rng.choice((1, 1, 2, 4))
        self.restart_armed(env={"INGEST_CRASH_AT": "%s:%d" % (point, passes), "INGEST_CRASH_ONCE": once})
        end = time.monotonic() + 1.5
        while time.monotonic() < end and not os.path.exists(once) and self.ended() < len(self.drops):
            time.sleep(0.01)
        if os.path.exists(once):
            if program == "ingestd":
                self.popen.wait(timeout=30)
                self.start()
            self.killed("step", program.split("-")[-1])
        elif self.dead():
            self.start()

    def call(self):
        self.restart_armed(call=(self.rng.choice(CALLS), self.rng.randrange(1, 60)))
        end = time.monotonic() + 2
        seen = False
        while time.monotonic() < end and not seen and self.ended() < len(self.drops):
            time.sleep(0.02)
            with open(self.site.path("trace"), errors="replace") as f:
                seen = "killed by SIGKILL" in f.read()
        if seen:
            self.killed("call", "ingestd" if self.dead() else "worker")
        if self.popen.poll() is None:
            self.kill_daemon()
        self.start()

    # --- the end ---

    def end(self, seconds=240):
        """Everything comes to its end by itself; then the books."""
        if self.unsafe or self.popen.poll() is not None:  # a step or a call that it has not come to yet
            self.kill_daemon()
            self.start()
        self.site.until(lambda: self.ended() == len(self.drops) and not self.on_its_way(), seconds)
        self.site.until(lambda: records_.Recorded.outbox(self.site) == [], 120)
        self.site.until(lambda: self.site.ctl("status").returncode == 0)  # a signal before its handler is set ends it as any program
        self.popen.send_signal(signal.SIGTERM)
        code = self.popen.wait(timeout=60)
        assert code == 0, (code, open(self.site.path("stderr")).read())
        self.popen = self.pid = None
        with open(self.site.path("stderr")) as f:
            assert f.read() == ""
        self.compare()

    def on_its_way(self):
        db = sqlite3.connect("file:%s?mode=ro" % self.site.path("var", "journal.db"), uri=True)
        try:
            return db.execute("select count(*) from arrivals where state not in ('PLACED', 'HELD')").fetchone()[0]
        finally:
            db.close()

    def compare(self):
        check = self.site.ctl("--json", "journal", "check")
        assert json.loads(check.stdout)["findings"] == [], check.stdout
        recorded, receipts = records_.documents(self.site), self.receipts()
        assert sorted(recorded) == sorted(i for mine in receipts.values() for i in mine)
        for tenant in self.tenants:
            for ident, receipt in receipts[tenant].items():
                equals_receipt(recorded[ident], receipt)
            self.compare_rows(tenant, receipts[tenant])
            assert of_journal(self.site, tenant) == of_receipts(usage_receipts(self.site, tenant)), tenant

    def found(self, tenant):
        """{_id: (n, name)}"""
        if self.store:
            if self.store.request("/%s-t" % tenant)[0] == 404:
                return {}
            return {i: (d["n"], d["name"]) for i, d in documents(self.store, tenant + "-t").items()}
        return {r["_id"]: (r["n"], r["name"]) for r in stored(self.site, tenant, tenant + "-t")}

    def compare_rows(self, tenant, receipts):
        last = {}
        for d in self.drops:
            if d.tenant == tenant:
                last[d.name] = d
        found, wanted = self.found(tenant), sum((d.good for d in last.values()), collections.Counter())
        got = collections.Counter(found.values())
        assert got == wanted, (tenant, "lost", list((wanted - got).items())[:5], "double", list((got - wanted).items())[:5])
        per_delivery = collections.Counter(i.rpartition("-")[0] for i in found)
        for r in receipts.values():
            assert balanced(r) and r["rows"]["unsent"] == (r["rows"]["read"] - r["rows"]["rejected"] if r["state"] == "undone"
                                                           else 0), r
            if r["state"] == "done":
                assert per_delivery.pop(r["delivery"], 0) == r["documents"] == r["rows"]["indexed"] + r["rows"]["duplicates"]
                assert r["rows"]["rejected"] == last[r["file"]].bad
            else:
                assert r["state"] in ("duplicate", "undone") and r["documents"] == 0, r
        assert not per_delivery
