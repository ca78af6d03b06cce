"""Daily quotas: what is over them is held with the reason and the time, and let go by itself; two tenants in each test.

The daemon's clock is set to the noon of a day of ours (clock_), so that no test comes upon a real midnight.
"""
import datetime
import json
import os
import re
import sqlite3

import pytest

from clock_ import Clock
from site_ import Site
from usage_ import of_journal, of_receipts, receipts

JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}
NOON = datetime.datetime(2027, 3, 10, 12, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
FILES, BYTES = "Daily number of files exceeds limit", "Daily file size exceeds limit"


def profile(**limits):
    return {"arrival": {"settle_seconds": 0}, "limits": limits}


def rows(n):
    """Three rows that no other file has, 10 bytes."""
    return b"n\n%03d\n1\n2\n" % n


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, workers=4)
    s.clock = Clock(tmp_path)
    s.tenant("bob", profile(), t=JOB)
    set_clock(s, NOON)
    yield s
    s.stop()


def set_clock(site, to):
    site.clock.set_wall((to - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def start(site):
    site.start(env=site.clock.env)


def data(site, tenant, state):
    return [n for n in site.names(tenant, state) if n.endswith((".csv", ".man", ".es"))]


def drop(site, name, content, tenant="alice"):
    """Until it has its place, for one at a time."""
    site.drop(tenant, name, content)
    site.until(lambda: not data(site, tenant, "in") and not counts(site, tenant)["running"] + counts(site, tenant)["queued"])


def counts(site, tenant="alice"):
    return next(t for t in json.loads(site.ctl("--json", "status").stdout)["tenants"] if t["tenant"] == tenant)


def held(site, name, tenant="alice"):
    """(the contract's words, when it is let go or None)"""
    receipt = site.receipt(tenant, "held", name)
    assert receipt["state"] == "held" and receipt["rows"] is None
    at = re.search(r"let go by itself at (\S+)$", receipt["reason"])
    return receipt["reason"].split(":")[0], at and datetime.datetime.fromisoformat(at[1].replace("Z", "+00:00"))


def midnight(days):
    return NOON.replace(hour=0) + days * DAY


def wait_done(site, *names, tenant="alice"):
    site.until(lambda: set(names) <= set(data(site, tenant, "done")))


def test_c_limit_max_files_per_day(site):
    site.tenant("alice", profile(max_files_per_day=2), t=JOB)
    start(site)
    for i in range(3):
        drop(site, "f%d.csv" % i, rows(i))
        drop(site, "f%d.csv" % i, rows(i), "bob")
    assert data(site, "alice", "done") == ["f0.csv", "f1.csv"] and data(site, "alice", "held") == ["f2.csv"]
    assert held(site, "f2.csv") == (FILES, midnight(1))
    receipt = site.receipt("alice", "held", "f2.csv")
    assert receipt["reason"] == FILES + ": max_files_per_day is 2 and 2 count for 2027-03-10 (UTC); it is let go by itself at 2027-03-11T00:00:00.000Z"
    assert receipt["sentence"].endswith("nothing of it was stored.")
    assert len(data(site, "bob", "done")) == 3 and data(site, "bob", "held") == []
    set_clock(site, midnight(1) - datetime.timedelta(seconds=30))
    assert counts(site)["quota"] == {"day": "2027-03-10", "files": 2, "bytes": 20}
    assert data(site, "alice", "held") == ["f2.csv"]
    set_clock(site, midnight(1))
    wait_done(site, "f2.csv")
    assert site.names("alice", "held") == [] and len(site.rows("alice", "alice-t")) == 9
    assert counts(site)["quota"] == {"day": "2027-03-11", "files": 1, "bytes": 10}


def test_c_limit_max_bytes_per_day(site):
    site.tenant("alice", profile(max_bytes_per_day=30), t=JOB)
    start(site)
    drop(site, "a.csv", rows(1))
    drop(site, "b.csv", rows(2))
    drop(site, "over.csv", rows(3) + b"3")  # 31 in all
    drop(site, "exact.csv", rows(4))  # 30
    drop(site, "one.csv", b"n")
    assert data(site, "alice", "done") == ["a.csv", "b.csv", "exact.csv"]
    assert held(site, "over.csv") == held(site, "one.csv") == (BYTES, midnight(1))
    assert "max_bytes_per_day is 30 and 20 count for 2027-03-10 (UTC), this file has 11;" in site.receipt("alice", "held", "over.csv")["reason"]
    drop(site, "a.csv", rows(3) + b"4\n" * 100, "bob")
    assert data(site, "bob", "done") == ["a.csv"]
    set_clock(site, midnight(1))
    wait_done(site, "over.csv", "one.csv")
    assert counts(site)["quota"] == {"day": "2027-03-11", "files": 2, "bytes": 12}


def test_c_a_file_larger_than_a_day_is_promised_nothing(site):
    site.tenant("alice", profile(max_bytes_per_day=9), t=JOB)
    start(site)
    drop(site, "a.csv", rows(1))
    drop(site, "b.csv", b"n\n1\n")
    drop(site, "r.csv", rows(2))
    assert site.ctl("release", site.path("staging", "alice", "held", "r.csv")).returncode == 0
    wait_done(site, "r.csv")
    assert held(site, "a.csv") == (BYTES, None) and "raise that or release" in site.receipt("alice", "held", "a.csv")["reason"]
    assert data(site, "alice", "done") == ["b.csv", "r.csv"]
    set_clock(site, NOON + 2 * DAY)
    site.until(lambda: counts(site)["quota"]["day"] == "2027-03-12")
    drop(site, "c.csv", b"n\n2\n")
    assert data(site, "alice", "held") == ["a.csv"]
    site.tenant("alice", profile(max_bytes_per_day=14), t=JOB)
    wait_done(site, "a.csv", "c.csv")


def test_c_a_raised_quota_lets_go_now_and_a_lowered_one_holds_the_next(site):
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    start(site)
    for i in range(4):
        drop(site, "f%d.csv" % i, rows(i))
    assert data(site, "alice", "done") == ["f0.csv"] and [held(site, "f%d.csv" % i)[1] for i in (1, 2, 3)] == [midnight(i) for i in (1, 2, 3)]
    site.tenant("alice", profile(max_files_per_day=3), t=JOB)
    wait_done(site, "f1.csv", "f2.csv")  # the oldest first
    assert data(site, "alice", "held") == ["f3.csv"] and counts(site)["quota"]["files"] == 3
    site.tenant("alice", profile(max_files_per_day=2), t=JOB)
    site.until(lambda: tenant_limits(site)["max_files_per_day"] == 2)
    drop(site, "f4.csv", rows(4))
    assert data(site, "alice", "held") == ["f3.csv", "f4.csv"] and len(data(site, "alice", "done")) == 3
    site.tenant("alice", profile(), t=JOB)
    wait_done(site, "f3.csv", "f4.csv")
    site.tenant("alice", profile(max_files_per_day=5), t=JOB)  # what was taken without one counts
    site.until(lambda: tenant_limits(site)["max_files_per_day"] == 5)
    drop(site, "f5.csv", rows(5))
    assert held(site, "f5.csv") == (FILES, midnight(1))


def tenant_limits(site):
    return json.loads(site.ctl("--json", "tenant", "list", "alice").stdout)["limits"]


def test_c_each_is_promised_the_day_that_has_room_and_gets_it(site):
    """Seven at once, two a day: two now, then two, two, one; nobody is told a day that is not kept."""
    site.tenant("alice", profile(max_files_per_day=2), t=JOB)
    for i in range(7):
        site.drop("alice", "f%d.csv" % i, rows(i))
        site.drop("bob", "f%d.csv" % i, rows(i))
    start(site)
    site.until(lambda: len(data(site, "alice", "done") + data(site, "alice", "held")) == 7)
    promised = {n: held(site, n)[1] for n in data(site, "alice", "held")}
    assert sorted(promised.values()) == [midnight(1), midnight(1), midnight(2), midnight(2), midnight(3)]
    for day in (1, 2, 3):
        set_clock(site, midnight(day))
        due = [n for n in promised if promised[n] == midnight(day)]
        wait_done(site, *due)
        site.until(lambda: counts(site)["quota"]["day"] == str(midnight(day).date()))
        assert sorted(data(site, "alice", "held")) == sorted(n for n in promised if promised[n] > midnight(day))
    assert len(site.rows("alice", "alice-t")) == 21 and len(data(site, "bob", "done")) == 7


def test_c_one_whose_time_comes_without_room_is_promised_anew(site):
    site.tenant("alice", profile(max_files_per_day=3), t=JOB)
    start(site)
    for i in range(6):
        drop(site, "f%d.csv" % i, rows(i))
    assert {held(site, "f%d.csv" % i)[1] for i in (3, 4, 5)} == {midnight(1)}
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    site.until(lambda: tenant_limits(site)["max_files_per_day"] == 1)
    set_clock(site, midnight(1))
    wait_done(site, "f3.csv")
    site.until(lambda: data(site, "alice", "held") == ["f4.csv", "f5.csv"] and not counts(site)["running"])
    assert [held(site, n)[1] for n in ("f4.csv", "f5.csv")] == [midnight(2), midnight(3)]


def test_c_release_goes_round_a_quota_and_retry_does_not(site):
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    start(site)
    for i in range(3):
        drop(site, "f%d.csv" % i, rows(i))
    path = site.path("staging", "alice", "held", "f1.csv")
    assert site.ctl("retry", path).returncode == 0
    site.until(lambda: site.log("alice").count("file.held") == 3)
    site.until(lambda: data(site, "alice", "held") == ["f1.csv", "f2.csv"])
    # f2 was promised tomorrow's room when f1 had it: f1 has come again, behind it
    assert held(site, "f1.csv") == (FILES, midnight(3)) and held(site, "f2.csv") == (FILES, midnight(2))
    assert site.ctl("release", path).returncode == 0
    wait_done(site, "f1.csv")
    assert counts(site)["quota"] == {"day": "2027-03-10", "files": 2, "bytes": 20} and data(site, "alice", "held") == ["f2.csv"]


def test_c_release_from_a_quota_asks_for_the_name_all_the_same(site):
    """It goes round the quota, not round same_name."""
    site.tenant("alice", profile(max_files_per_day=1), t={**JOB, "same_name": "replace"})
    start(site)
    drop(site, "a.csv", rows(1))
    drop(site, "a.csv", rows(2))
    assert data(site, "alice", "held") == ["a.csv"]
    assert site.ctl("release", site.path("staging", "alice", "held", "a.csv")).returncode == 0
    site.until(lambda: data(site, "alice", "failed") == ["a.csv"] and not site.names("alice", "work"))
    assert sorted(r["n"] for r in site.rows("alice", "alice-t")) == [1, 2, 2]
    assert counts(site)["quota"]["files"] == 2


def test_c_what_counts_for_a_quota(site):
    """Done and undone do; failed, duplicate and those that another rule holds do not, nor what is loaded again."""
    site.tenant("alice", profile(max_files_per_day=3), t={**JOB, "rejects": {"max_ratio": 0}})
    start(site)
    drop(site, "a.csv", rows(1))
    drop(site, "a.csv", rows(1))  # a duplicate
    drop(site, "a.csv", rows(9))  # the same name, other bytes: held
    drop(site, "bad.csv", b"n\nx\n")
    drop(site, "no.txt", b"n\n")  # no job's
    assert counts(site)["quota"] == {"day": "2027-03-10", "files": 1, "bytes": 10}
    drop(site, "b.csv", rows(2))
    assert site.ctl("undo", site.path("staging", "alice", "done", "b.csv")).returncode == 0
    site.until(lambda: "b.csv" in data(site, "alice", "failed"))
    assert counts(site)["quota"]["files"] == 2
    assert site.ctl("retry", site.path("staging", "alice", "failed", "b.csv")).returncode == 0
    wait_done(site, "b.csv")
    assert site.ctl("rerun", site.path("staging", "alice", "done", "a.csv")).returncode == 0
    site.until(lambda: counts(site)["undone_since_start"] == 1 and counts(site)["done_since_start"] == 4)
    assert counts(site)["quota"]["files"] == 2
    drop(site, "c.csv", rows(3))
    drop(site, "d.csv", rows(4))
    assert "c.csv" in data(site, "alice", "done") and held(site, "d.csv") == (FILES, midnight(1))
    assert counts(site)["quota"] == {"day": "2027-03-10", "files": 3, "bytes": 30}


def test_c_room_that_is_given_back_lets_go(site):
    """A file that waits for its sink has its room, over a restart too; given up, another gets it."""
    with open(site.path("ingestd.json"), "w") as f:
        json.dump({"sinks": {"away": {"type": "elasticsearch", "urls": ["http://127.0.0.1:1"]}, "local": {"type": "sqlite", "path": "var/data"}},
                   "default_sinks": ["local"]}, f)
    site.tenant("alice", profile(max_files_per_day=1), t=JOB, e={**JOB, "pattern": "*.es", "sinks": ["away"], "input": {"header": True, "format": "csv"}})
    start(site)
    site.drop("alice", "x.es", rows(1))
    site.until(lambda: counts(site)["quota"]["files"] == 1)
    site.kill()
    start(site)
    site.drop("alice", "a.csv", rows(2))
    site.until(lambda: "a.csv" in data(site, "alice", "held"))
    assert held(site, "a.csv") == (FILES, midnight(1)) and counts(site)["quota"]["files"] == 1
    ident = json.loads(site.ctl("--json", "files", "--tenant", "alice").stdout)[1]["id"]
    assert site.ctl("undo", ident).returncode == 0
    wait_done(site, "a.csv")
    assert counts(site)["quota"]["files"] == 1


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_c_a_quota_is_kept_over_restarts(site, how):
    site.tenant("alice", profile(max_files_per_day=2), t=JOB)
    for i in range(4):
        start(site)
        drop(site, "f%d.csv" % i, rows(i))
        site.stop() if how == "stopped" else site.kill()
    assert data(site, "alice", "done") == ["f0.csv", "f1.csv"] and data(site, "alice", "held") == ["f2.csv", "f3.csv"]
    set_clock(site, midnight(1))  # while nobody was there
    start(site)
    wait_done(site, "f2.csv", "f3.csv")


def test_c_once_lets_go_what_is_due_and_says_what_is_not(site):
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    for i in range(3):
        site.drop("alice", "f%d.csv" % i, rows(i))
    assert site.once(env=site.clock.env).returncode == 3 and len(data(site, "alice", "held")) == 2
    set_clock(site, midnight(1))
    assert site.once(env=site.clock.env).returncode == 0
    assert len(data(site, "alice", "done")) == 2 and len(data(site, "alice", "held")) == 1


def test_c_a_clock_that_is_set_moves_the_day_and_nothing_is_counted_twice(site):
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    start(site)
    drop(site, "a.csv", rows(1))
    drop(site, "b.csv", rows(2))
    assert held(site, "b.csv") == (FILES, midnight(1))
    set_clock(site, NOON - DAY)  # yesterday has room, for those that come and for those that are held
    wait_done(site, "b.csv")
    assert counts(site)["quota"] == {"day": "2027-03-09", "files": 1, "bytes": 10}
    drop(site, "c.csv", rows(3))
    assert held(site, "c.csv") == (FILES, midnight(0))
    set_clock(site, NOON)  # today is full again
    site.until(lambda: site.log("alice").count("file.held") == 3)
    site.until(lambda: data(site, "alice", "held") == ["c.csv"])
    assert held(site, "c.csv") == (FILES, midnight(1)) and counts(site)["quota"]["files"] == 1
    set_clock(site, NOON + 40 * DAY)
    wait_done(site, "c.csv")


def test_c_a_hundred_at_once_and_kills_let_through_no_more_than_the_limit(site):
    site.tenant("alice", profile(max_files_per_day=10), t=JOB)
    site.tenant("bob", profile(max_bytes_per_day=200), t=JOB)
    for i in range(50):
        site.drop("alice", "f%d.csv" % i, rows(i))
        site.drop("bob", "f%d.csv" % i, rows(i))
    for kills in range(6):
        start(site)
        site.until(lambda: kills == 5 or len(data(site, "alice", "held") + data(site, "bob", "held")) > kills * 15)
        if kills < 5:
            site.kill()
    for tenant, limit in (("alice", 10), ("bob", 20)):
        site.until(lambda: len(data(site, tenant, "done") + data(site, tenant, "held")) == 50)
        assert len(data(site, tenant, "done")) == limit and counts(site, tenant)["quota"]["files"] == limit
        promised = [held(site, n, tenant)[1] for n in data(site, tenant, "held")]
        assert max(promised.count(d) for d in promised) <= limit
    for day in range(1, 6):
        set_clock(site, midnight(day))
        site.until(lambda: len(data(site, "alice", "done")) == min(50, 10 + 10 * day) and len(data(site, "bob", "done")) == min(50, 20 + 20 * day))
        if day % 2:
            site.kill()
            start(site)
    assert sorted(r["n"] for r in site.rows("alice", "alice-t")) == sorted(r["n"] for r in site.rows("bob", "bob-t"))
    assert len(site.rows("alice", "alice-t")) == 150


HOLDING = ("claim.journaled", "receipt.durable", "placing.before-commit", "placing.committed", "place.renamed", "held.before-commit", "held.committed")
LETTING_GO = ("retaking.before-commit", "retaking.committed", "retake.before-rename", "retake.renamed", "retake.fsynced", "identified.committed",
              "loading.committed", "indexed.committed", "placing.committed", "place.renamed", "placed.before-commit", "placed.committed")


def once_killed(site, point):
    env = {**site.clock.env, "INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": site.path("crashed")}
    assert site.once(env=env).returncode == -9 and os.path.exists(site.path("crashed")), point


@pytest.mark.parametrize("point", ["hold:" + p for p in HOLDING] + ["let-go:" + p for p in LETTING_GO])
def test_c_killed_on_the_way_into_held_and_out_of_it(site, point):
    """Nothing is lost, doubled, let through beyond the limit, or forgotten when its day comes."""
    for tenant in ("alice", "bob"):
        site.tenant(tenant, profile(max_files_per_day=1), t=JOB)
        for i in range(2):
            site.drop(tenant, "f%d.csv" % i, rows(i))
    phase, point = point.split(":")
    if phase == "hold":
        once_killed(site, point)
    assert site.once(env=site.clock.env).returncode in ((3,) if phase == "let-go" else (3, 0))  # 0: the killed one had held it
    for tenant in ("alice", "bob"):
        assert len(data(site, tenant, "done")) == 1 and [held(site, n, tenant) for n in data(site, tenant, "held")] == [(FILES, midnight(1))]
    set_clock(site, midnight(1))
    if phase == "let-go":
        once_killed(site, point)
    assert site.once(env=site.clock.env).returncode == 0
    start(site)
    for tenant in ("alice", "bob"):
        assert data(site, tenant, "done") == ["f0.csv", "f1.csv"] and site.names(tenant, "held") == site.names(tenant, "work") == []
        assert len(site.rows(tenant, tenant + "-t")) == 6 and counts(site, tenant)["quota"] == {"day": "2027-03-11", "files": 1, "bytes": 10}
        assert of_journal(site, tenant) == of_receipts(receipts(site, tenant))
    assert json.loads(site.ctl("--json", "journal", "check").stdout)["findings"] == []


def test_c_a_held_file_that_somebody_took_away_keeps_none_behind_it(site):
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    start(site)
    for i in range(3):
        drop(site, "f%d.csv" % i, rows(i))
    os.unlink(site.path("staging", "alice", "held", "f1.csv"))
    set_clock(site, midnight(1))
    wait_done(site, "f2.csv")
    assert counts(site)["quota"]["files"] == 1
    assert site.log("alice").count("file.odd") == 1 and "f1.csv" in next(line for line in site.log("alice").splitlines() if "file.odd" in line)


@pytest.mark.parametrize("stop,go", [(["pause", "alice"], ["resume", "alice"]), (["drain"], ["resume"])])
def test_c_what_is_paused_or_drained_is_not_let_go_before_it_goes_on(site, stop, go):
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    start(site)
    for i in range(2):
        drop(site, "f%d.csv" % i, rows(i))
    assert site.ctl(*stop).returncode == 0
    set_clock(site, midnight(1))
    site.until(lambda: counts(site)["quota"]["day"] == "2027-03-11")
    site.kill()
    start(site)  # it looks at its start
    drop(site, "b.csv", rows(1), "bob") if stop == ["pause", "alice"] else None
    assert data(site, "alice", "held") == ["f1.csv"] and counts(site)["quota"]["files"] == 0
    assert site.ctl(*go).returncode == 0
    wait_done(site, "f1.csv")


def test_c_a_manual_runs_files_are_held_one_by_one(site):
    site.tenant("alice", profile(max_files_per_day=2), m={**JOB, "pattern": "*.man", "trigger": "manual", "input": {"header": True, "format": "csv"}})
    start(site)
    for i in range(3):
        site.drop("alice", "f%d.man" % i, rows(i))
    assert site.ctl("job", "start", "alice/m", "--wait").returncode != 0
    run = json.loads(site.ctl("--json", "runs").stdout)[0]
    assert (run["done"], run["held"], run["files"]) == (2, 1, 3), run
    set_clock(site, midnight(1))
    site.until(lambda: len(data(site, "alice", "done")) == 3)


def test_c_a_tenant_sees_the_reason_and_may_not_release(site):
    """What explain and show say; the route is the operator's (test_f_http: every route)."""
    site.tenant("alice", profile(max_files_per_day=1), t=JOB)
    start(site)
    for i in range(2):
        drop(site, "f%d.csv" % i, rows(i))
    shown = json.loads(site.ctl("--json", "show", site.path("staging", "alice", "held", "f1.csv")).stdout)
    assert shown["state"] == "held" and shown["reason"].startswith(FILES)
    explained = json.loads(site.ctl("--json", "explain", site.path("staging", "alice", "held", "f1.csv")).stdout)
    assert "2027-03-11T00:00:00.000Z" in json.dumps(explained)
    db = sqlite3.connect("file:%s?mode=ro" % site.path("var", "journal.db"), uri=True)
    assert db.execute("select quota_until_ms from arrivals where quota_held = 1").fetchone()[0] == midnight(1).timestamp() * 1000
    db.close()
