"""c_ complex: statistics of tenants and the platform equal the sums of the records, from the journal and from MongoDB; nobody waits for them."""
import json
import os
import signal
import sqlite3
import threading
import time

import pytest

import stats_
from clock_ import Clock
from http_ import HttpSite
from records_ import JOB, documents, nothing_left, plain, receipts, site  # noqa: F401
from site_ import Site

FAST = {"arrival": {"settle_seconds": 0}}
HOUR = 3600


def rows(n, count=2):
    return b"n,name\n" + b"".join(b"%d,r%d\n" % (n * 1000 + i, i) for i in range(count))


def told(s, *args):
    done = s.ctl("--json", "stats", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def records(s):
    return [plain(d) for d in documents(s).values()]


def of_many_outcomes(s):
    """Two tenants, two jobs and none, each outcome, in two hours."""
    s.tenant("bob", FAST, rows=JOB, other={**JOB, "pattern": "*.txt", "input": {"format": "csv", "header": True}})
    s.clock = Clock(s.folder)
    s.clock.set_wall(1800 - time.time() % 3600)  # the middle of an hour: none ends by itself
    s.start(env=s.clock.env)
    for i in range(7):
        s.drop("alice", "a%d.csv" % i, rows(i, i + 1))
        s.drop("bob", "b%d.txt" % i, rows(i) + b"x,bad\n" * (i % 2))
    s.drop("alice", "bad.csv", b"n,name\nx,y\n")
    s.drop("bob", "nobody's.dat", b"?")
    s.until(lambda: len(receipts(s, "alice")) + len(receipts(s, "bob")) == 16)
    s.clock.set_wall(s.clock.wall + HOUR)
    s.drop("alice", "again.csv", rows(3, 4))  # the bytes of a3.csv under another name: not a duplicate
    s.drop("alice", "a3.csv", rows(3, 4))
    s.drop("bob", "b0.txt", rows(77))  # other bytes: held
    s.until(lambda: len(receipts(s, "alice")) + len(receipts(s, "bob")) == 19)
    undone = s.receipt("bob", "done", "b2.txt")["id"]
    assert s.ctl("undo", undone).returncode == 0
    s.until(lambda: "b2.txt" in s.names("bob", "failed"))
    s.caught_up()


def test_c_statistics_equal_the_records_from_the_journal_and_from_mongodb(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    of_many_outcomes(s)
    found, now = records(s), time.time()
    since, until = (time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now + x)) for x in (-HOUR, 2 * HOUR))
    assert {r["state"] for r in found} == set(stats_.STATES)
    for tenant in (None, "alice", "bob"):
        wanted = stats_.answer(found, tenant, since, until)
        whose = ("--tenant", tenant) if tenant else ()
        assert told(s, *whose, "--since", since, "--until", until) == wanted
        assert stats_.asked(s, tenant, since, until) == wanted
    wanted = stats_.answer(found, None, since, until)
    assert [t["tenant"] for t in wanted["tenants"]] == ["alice", "bob"] and len(wanted["jobs"]) == 3 and len(wanted["hours"]) == 2
    assert sum(t["files"] for t in wanted["tenants"]) == sum(h["files"] for h in wanted["hours"]) == wanted["total"]["files"] == len(found)
    # a time that begins and ends within: by the end of a file, its first instant included and its last one not
    placed = sorted(r["times"]["placed"] for r in found)
    for a, b in ((placed[2], placed[-2]), (placed[0], placed[-1])):
        assert told(s, "--since", a, "--until", b) == stats_.answer(found, None, a, b) == stats_.asked(s, None, a, b)
    none = told(s, "--since", "2020-01-01", "--until", "2020-01-02")
    assert none == stats_.answer(found, None, "2020-01-01T00:00:00.000Z", "2020-01-02T00:00:00.000Z")
    assert none["total"]["files"] == 0 and none["total"]["success_rate"] is None and none["hours"] == []
    # without a daemon, and for people
    table = s.ctl("stats", "--since", since, "--until", until).stdout
    assert "arrival_to_indexed.p95" in table and "no job's pattern matches the name" in table and table.count("\nalice ") == 2
    assert s.stop() == 0
    offline = s.run("--stats", "--since", since, "--until", until)
    assert json.loads(offline.stdout) == wanted
    assert s.ctl("stats").returncode == 4


def test_c_the_last_24_hours_unless_a_time_is_named(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", FAST, rows=JOB)
    for i, days in enumerate((0.9, 1.1, 6.9, 7.1)):
        s.drop("alice", "a%d.csv" % i, rows(i))
        assert s.once().returncode == 0
        with sqlite3.connect(s.path("var", "journal.db")) as db:
            db.execute("update arrivals set placed_ms = placed_ms - ? where file = ?", (int(days * 86400000), "a%d.csv" % i))
        db.close()
    s.start()
    try:
        assert [told(s, *a)["total"]["files"] for a in ((), ("--since", "24h"), ("--since", "7d"), ("--since", "2020-01-01"))] == [1, 1, 3, 4]
        assert told(s, "--until", "7d", "--since", "30d")["total"]["files"] == 1
        for args, said in ((("--since", "yesterday"), 'since "yesterday" is no time; 30m, 24h, 7d,'), (("--until", "2026-13-01"), "until"),
                           (("--since", "1h", "--until", "2h"), "since must be before until")):
            wrong = s.ctl("stats", *args)
            assert wrong.returncode == 1 and said in wrong.stderr, wrong.stderr
        assert s.ctl("stats", "more").returncode == 2
    finally:
        s.stop()


def test_c_a_tenants_token_sees_its_own(tmp_path):
    s = HttpSite(tmp_path)
    for tenant in ("alice", "bob"):
        s.tenant(tenant, FAST, rows=JOB)
    tokens = {t: s.token(t) for t in ("alice", "bob", "operator")}
    s.start()
    try:
        for tenant, n in (("alice", 3), ("bob", 2)):
            for i in range(n):
                s.drop(tenant, "%s%d.csv" % (tenant, i), rows(i))
        s.until(lambda: len(s.names("alice", "done")) == 6 and len(s.names("bob", "done")) == 4)
        alice = s.ask("GET", "/v1/stats", tokens["alice"])
        assert alice.json["tenant"] == "alice" and alice.json["total"]["files"] == 3 and b"bob" not in alice.body
        assert s.ask("GET", "/v1/stats?tenant=bob", tokens["alice"]).status == 404
        whole = s.ask("GET", "/v1/stats", tokens["operator"]).json
        assert whole["tenant"] is None and [t["files"] for t in whole["tenants"]] == [3, 2]
        assert s.ask("GET", "/v1/stats?tenant=bob", tokens["operator"]).json["total"]["files"] == 2
    finally:
        s.stop()


def children(s):
    """Those that make statistics: [pid]."""
    found = []
    with open("/proc/%d/task/%d/children" % (s.daemon.pid, s.daemon.pid)) as f:
        for pid in f.read().split():
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as c:
                    if b"--stats" in c.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                pass
    return found


@pytest.fixture
def long_past(tmp_path):
    """A journal of 200,000 records: a scan of it takes a while."""
    s = HttpSite(tmp_path)
    s.tenant("alice", FAST, rows=JOB)
    s.drop("alice", "a.csv", rows(1))
    assert s.once().returncode == 0
    with sqlite3.connect(s.path("var", "journal.db")) as db:
        names = [r[1] for r in db.execute("pragma table_info(arrivals)")]
        values = ["printf('%026d', i)" if n == "arrival" else "placed_ms - i" if n == "placed_ms" else n for n in names]
        db.execute("with recursive n(i) as (select 1 union all select i + 1 from n where i < 199999)"
                   " insert into arrivals (%s) select %s from arrivals, n" % (", ".join(names), ", ".join(values)))
    db.close()
    s.start()
    yield s
    s.kill()


def held(s, count):
    """So many children, stopped as soon as they are there."""
    found = set()

    def look():
        for pid in children(s):
            if pid not in found:
                os.kill(pid, signal.SIGSTOP)
                found.add(pid)
        return len(found) == count
    s.until(look)
    return sorted(found)


def test_c_the_daemon_waits_for_no_statistics(long_past, tmp_path):
    s, answers = long_past, []

    def ask(path="/v1/stats"):
        answers.append(s.ask("GET", path, s.operator))
    s.operator = s.token("operator")
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    first, second = held(s, 2)
    for name in os.listdir("/proc/%d/fd" % first):
        if os.path.basename(os.readlink("/proc/%d/fd/%s" % (first, name))) == "journal.db":
            with open("/proc/%d/fdinfo/%s" % (first, name)) as f:
                flags, = [int(line.split()[1], 8) for line in f if line.startswith("flags:")]
            assert flags & os.O_ACCMODE == os.O_RDONLY
    # both are stopped and the third waits its turn: files go on, and whoever asks is answered
    for i in range(5):
        s.drop("alice", "b%d.csv" % i, rows(10 + i))
    s.until(lambda: len([n for n in s.names("alice", "done") if n.startswith("b") and n.endswith(".csv")]) == 5)
    assert s.ask("GET", "/v1/status", s.operator).status == 200 and answers == [] and len(children(s)) == 2
    os.kill(first, signal.SIGKILL)
    os.kill(second, signal.SIGCONT)
    for t in threads:
        t.join(60)
    assert sorted(a.status for a in answers) == [200, 200, 503]
    assert "could not be read to its end" in [a for a in answers if a.status == 503][0].json["detail"]
    assert {a.json["total"]["files"] for a in answers if a.status == 200} <= {200000, 200005}
    # a daemon that ends takes its children with it
    end = threading.Thread(target=ask)
    end.start()
    last, = held(s, 1)
    began = time.monotonic()
    assert s.stop() == 0 and time.monotonic() - began < 15
    end.join(30)
    assert not os.path.exists("/proc/%d" % last)
