"""books - what must be true of a site when every file has come to its end, whatever was killed on the way."""
import collections
import json
import os
import sqlite3
import subprocess
import time

from site_ import BUILD, balanced


def csv_of(rows, bad=0):
    """A file of `rows` good rows and `bad` rejected ones."""
    return (b"id,name\n" + b"".join(b"%d,n%d\n" % (i, i) for i in range(rows)) +
            b"".join(b"x%d,bad\n" % i for i in range(bad)))


JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 1},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}, "name": {"type": "keyword"}}}}}


def states(site):
    """journal: state of each arrival"""
    db = sqlite3.connect(site.path("var", "journal.db"))
    rows = db.execute("select state from arrivals").fetchall()
    db.close()
    return [r[0] for r in rows]


def backdate(site, days):
    """Everything that was placed was placed so many days earlier, and removed, and its runs ended."""
    db = sqlite3.connect(site.path("var", "journal.db"))
    with db:
        for column in ("placed_ms", "removed_ms"):
            db.execute("update arrivals set %s = %s - ?" % (column, column), (days * 86400000,))
        db.execute("update runs set finished_ms = finished_ms - ?", (days * 86400000,))
    db.close()


def removed(site):
    """journal: is it said that retention removed the file? of each arrival"""
    db = sqlite3.connect(site.path("var", "journal.db"))
    rows = db.execute("select removed_ms is not null from arrivals order by arrival").fetchall()
    db.close()
    return [bool(r[0]) for r in rows]


def stored(site, tenant, table):
    if not os.path.exists(site.path("var", "data", tenant, "data.db")):
        return []
    try:
        return site.rows(tenant, table)
    except sqlite3.OperationalError:
        return []


def settled(site, tenant="bob", findings=()):
    """No file on its way, each placed once with its receipt, and the journal's own check finds what the test altered itself."""
    assert site.names(tenant, "work") == [] and site.names(tenant, "in") == []
    placed = collections.Counter()
    for state in ("done", "failed", "held"):
        names = site.names(tenant, state)
        for name in names:
            if name.endswith((".receipt.json", ".rejects.csv", ".sha256", ".manifest.json")):
                continue
            assert name + ".receipt.json" in names, (state, names)
            placed[name] += 1
        for name in names:
            if name.endswith(".receipt.json") and name[:-len(".receipt.json")] not in names:
                # a run's receipt stands alone
                record = json.load(open(site.path("staging", tenant, state, name)))
                assert record.get("run") or record.get("trigger"), name
    assert all(n == 1 for n in placed.values()), placed
    check = site.ctl("--json", "journal", "check")
    assert [f["kind"] for f in json.loads(check.stdout)["findings"]] == list(findings), check.stdout
    return placed


def loaded(site, name, rows, bad=0, tenant="bob", table="bob-t"):
    """The file is in done/ and its rows are in the store, each once; the books say so."""
    r = site.receipt(tenant, "done", name)
    assert balanced(r) and r["state"] == "done"
    assert (r["rows"]["indexed"], r["rows"]["rejected"], r["rows"]["unsent"]) == (rows, bad, 0)
    mine = [x for x in stored(site, tenant, table) if x["_id"].startswith(r["delivery"] + "-")]
    assert sorted((x["id"], x["name"]) for x in mine) == [(i, "n%d" % i) for i in range(rows)]
    rejects = site.path("staging", tenant, "done", name + ".rejects.csv")
    listed = open(rejects).read().splitlines()[1:] if os.path.exists(rejects) else []
    assert [line.rsplit(",", 2)[1] for line in listed] == ["x%d" % i for i in range(bad)]
    return r


def once_with_a_slow_store(site, env, tenant="bob"):
    """--once while the store is locked for longer than a checkpoint's second: a checkpoint comes with the first rows."""
    path = site.path("var", "data", tenant, "data.db")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("begin immediate")

    def gated():
        return site.log(tenant).count("file.gated") if os.path.exists(site.path("logs", tenant + ".log")) else 0
    before = gated()
    daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once"],
                              env={**os.environ, **env})
    # the line comes before the commit, and the worker is told after it
    site.until(lambda: gated() > before and "LOADING" in states(site))
    held = time.monotonic()
    site.until(lambda: time.monotonic() - held > 1.2)
    db.execute("rollback")
    db.close()
    return daemon.wait(timeout=120)


def settle_all(site, tenant, count):
    """Wait until nothing is on its way and the journal knows `count` arrivals."""
    def done():
        if site.names(tenant, "work") or site.names(tenant, "in"):
            return False
        db = sqlite3.connect(site.path("var", "journal.db"))
        try:
            rows = [n for n, in db.execute("select count(*) from arrivals union all "
                                           "select count(*) from arrivals where state not in ('PLACED', 'HELD')")]
        finally:
            db.close()
        return rows == [count, 0]
    site.until(done, 120)
