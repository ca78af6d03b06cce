"""Usage: what each tenant used on each day, over ingestctl, HTTP and MongoDB; two tenants in each test (2,000 files with kills: tests/crash/test_usage.py).

The daemon's clock is set to a noon of ours where a test looks at days.
"""
import csv
import datetime
import decimal
import io
import json
import os
import sys

import pytest

import records_
import search_
from clock_ import Clock
from http_ import HttpSite
from records_ import nothing_left  # noqa: F401
from usage_ import KEYS, of_answer, of_journal, of_receipts, receipts

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "crash"))
from books import backdate  # noqa: E402

JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 0.5},
       "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}
NOON = datetime.datetime(2027, 3, 30, 12, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
COLUMNS = ["tenant", "day", "files", "rows", "rows_indexed", "bytes_in", "bytes_indexed", "cpu_seconds", "storage_byte_days"]


@pytest.fixture
def site(tmp_path):
    s = HttpSite(tmp_path)
    s.clock = Clock(tmp_path)
    for tenant in ("alice", "bob"):
        s.tenant(tenant, t=JOB)
    yield s
    s.kill()


def set_clock(site, to):
    site.clock.set_wall((to - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def start(site, at=NOON):
    set_clock(site, at)
    site.start(env=site.clock.env)


def ended(site, tenant, name, content, folder="done"):
    site.drop(tenant, name, content)
    placed(site, tenant, name, folder)


def placed(site, tenant, name, folder):
    """And its end is in the journal."""
    site.until(lambda: name in site.names(tenant, folder) and under_way(site, tenant) == 0)


def under_way(site, tenant):
    t = next(t for t in json.loads(site.ctl("--json", "status").stdout)["tenants"] if t["tenant"] == tenant)
    return t["running"] + t["queued"] + t["waiting"]


def usage(site, *args):
    done = site.ctl("--json", "usage", *args)
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)
    assert all(list(line) == COLUMNS for line in lines)
    return lines


def line(site, tenant, day, *args):
    return next(u for u in usage(site, "--day", str(day.date()), *args) if u["tenant"] == tenant)


def test_c_usage_by_day_and_by_month_is_the_sum_of_the_receipts(site):
    start(site)
    ended(site, "alice", "a.csv", b"n\n1\n2\nx\n\n")
    ended(site, "alice", "bad.csv", b"n\nx\n", "failed")
    ended(site, "bob", "b.csv", b"n\n5\n")
    set_clock(site, NOON + DAY)
    ended(site, "alice", "c.csv", b"n\n3\n")
    set_clock(site, NOON + 2 * DAY)  # the next month
    ended(site, "alice", "d.csv", b"n\n4\n")
    site.until(lambda: len(usage(site)) == 2)  # bob's day has begun too
    assert [(u["tenant"], u["day"]) for u in usage(site, "--month", "2027-03")] == [("alice", "2027-03-30"), ("alice", "2027-03-31"), ("bob", "2027-03-30"), ("bob", "2027-03-31")]
    assert [(u["tenant"], u["day"]) for u in usage(site)] == [("alice", "2027-04-01"), ("bob", "2027-04-01")]
    assert usage(site, "--month", "2027-02") == []
    first = line(site, "alice", NOON)
    mine = [(f, r) for f, r in receipts(site, "alice") if r["file"] in ("a.csv", "bad.csv")]
    wanted = of_receipts(mine)
    assert of_answer([first]) == {k: wanted[k] for k in KEYS} and (first["files"], first["rows"], first["rows_indexed"]) == (2, 5, 2)
    assert first["bytes_in"] == len(b"n\n1\n2\nx\n\n") + len(b"n\nx\n") and first["cpu_seconds"] > 0 and first["bytes_indexed"] > 0
    march, = usage(site, "--month", "2027-03", "--total", "--tenant", "alice")
    assert march["day"] is None and march["files"] == 3 and march["rows_indexed"] == 3
    assert of_answer([march]) == of_answer(usage(site, "--month", "2027-03", "--tenant", "alice"))
    for tenant in ("alice", "bob"):
        assert of_journal(site, tenant) == of_receipts(receipts(site, tenant))


def test_c_usage_csv_and_table_say_the_same(site):
    start(site)
    ended(site, "alice", "a.csv", b"n\n1\n2\n")
    ended(site, "bob", "b.csv", b"n\n5\n")
    told = site.ctl("usage", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    assert told.splitlines()[0] == ",".join(COLUMNS) and [r["tenant"] for r in rows] == ["alice", "bob"]
    for row, u in zip(rows, usage(site)):
        assert {k: decimal.Decimal(row[k]) for k in COLUMNS[2:]} == {k: decimal.Decimal(str(u[k])) for k in COLUMNS[2:]}
    assert list(csv.DictReader(io.StringIO(site.ctl("usage", "--csv", "--total", "--tenant", "bob").stdout)))[0]["day"] == ""
    table = site.ctl("usage").stdout.splitlines()
    assert table[0].lower().split() == COLUMNS and table[1].split()[:3] == ["alice", "2027-03-30", "1"]
    assert all(len(row.split()[7]) <= len("0.123456") for row in table[1:]), table


def test_c_usage_of_what_ends_again_is_the_difference_on_the_day_of_that_end(site):
    """Undone, loaded anew, held and let through: a day that is over does not change, and the sums are those of the receipts."""
    start(site)
    ended(site, "alice", "a.csv", b"n\n1\n2\n")
    ended(site, "alice", "b.csv", b"n\n7\n8\n9\n")
    ended(site, "alice", "a.csv", b"n\n3\n", "held")  # other bytes under its name
    ended(site, "bob", "a.csv", b"n\n1\n2\n")
    day_one = [line(site, t, NOON) for t in ("alice", "bob")]
    assert day_one[0]["files"] == 3 and day_one[0]["rows_indexed"] == 5 and day_one[0]["storage_byte_days"] == 14
    set_clock(site, NOON + DAY)
    site.until(lambda: len(usage(site)) == 4)
    assert site.ctl("undo", site.path("staging", "alice", "done", "a.csv")).returncode == 0
    placed(site, "alice", "a.csv", "failed")
    assert site.ctl("release", site.path("staging", "alice", "held", "a.csv")).returncode == 0
    placed(site, "alice", "a.csv", "done")
    assert site.ctl("rerun", site.path("staging", "alice", "done", "b.csv")).returncode == 0
    site.until(lambda: site.log("alice").count("file.done") == 4)
    placed(site, "alice", "b.csv", "done")
    assert [line(site, t, NOON) for t in ("alice", "bob")] == day_one
    second = line(site, "alice", NOON + DAY)
    assert (second["files"], second["rows"], second["rows_indexed"], second["bytes_in"]) == (0, 0, -1, 0) and second["bytes_indexed"] < 0
    assert second["storage_byte_days"] == len(b"n\n3\n") + len(b"n\n7\n8\n9\n")
    for tenant in ("alice", "bob"):
        assert of_journal(site, tenant) == of_receipts(receipts(site, tenant))


def test_c_usage_does_not_shrink_when_retention_prunes_the_journal(site):
    for tenant in ("alice", "bob"):
        site.tenant(tenant, {"arrival": {"settle_seconds": 0}, "retention": {"done_days": 30}} if tenant == "alice" else None, t=JOB)
        site.drop(tenant, "a.csv", b"n\n1\n2\n")
    assert site.once().returncode == 0
    before = {t: of_journal(site, t) for t in ("alice", "bob")}
    for days in (31, 91, 1):
        backdate(site, days)
        assert site.once().returncode == 0
    assert site.names("alice", "done") == [] and "journal.pruned" in site.log("ingestd")
    assert of_journal(site, "alice") == {**before["alice"], "done_bytes": 0} and of_journal(site, "bob") == before["bob"]


def test_c_usage_has_each_day_on_which_files_lay_in_done(site):
    """Storage in byte-days, for days without a file and without a daemon too, until the files are gone."""
    start(site)
    ended(site, "alice", "a.csv", b"n\n1\n2\n")
    ended(site, "bob", "bad.csv", b"n\nx\n", "failed")
    site.kill()
    start(site, NOON + 4 * DAY)  # April 3rd
    assert [(u["day"], u["storage_byte_days"]) for m in ("2027-03", "2027-04") for u in usage(site, "--month", m, "--tenant", "alice")] == [
        ("2027-03-30", 6), ("2027-03-31", 6), ("2027-04-01", 6), ("2027-04-02", 6), ("2027-04-03", 6)]
    assert [u["day"] for u in usage(site, "--month", "2027-03", "--tenant", "bob")] == ["2027-03-30"]
    set_clock(site, NOON + 5 * DAY)
    site.until(lambda: len(usage(site, "--tenant", "alice")) == 4)
    assert usage(site, "--total", "--tenant", "alice")[0]["storage_byte_days"] == 24
    assert site.ctl("tenant", "remove", "alice").returncode == 0
    assert line(site, "alice", NOON + 5 * DAY)["storage_byte_days"] == 0
    set_clock(site, NOON + 6 * DAY)
    ended(site, "bob", "b.csv", b"n\n1\n")
    assert [u["tenant"] for u in usage(site, "--day", "2027-04-05")] == ["bob"]
    assert usage(site, "--total", "--tenant", "alice")[0]["storage_byte_days"] == 18, "what a tenant used stays when it goes"


def test_c_usage_a_tenants_token_sees_its_own_alone(site):
    tokens = {who: site.token(who) for who in ("alice", "bob", "operator")}
    site.start()
    ended(site, "alice", "a.csv", b"n\n1\n2\n")
    ended(site, "bob", "b.csv", b"n\n5\n")
    assert [u["tenant"] for u in site.ask("GET", "/v1/usage", tokens["operator"]).json] == ["alice", "bob"]
    for query in ("", "?total=true", "?tenant=alice", "?total=false&tenant=alice"):
        assert [u["tenant"] for u in site.ask("GET", "/v1/usage" + query, tokens["alice"]).json] == ["alice"]
    assert site.ask("GET", "/v1/usage?tenant=bob", tokens["alice"]).status == 404
    assert site.ask("GET", "/v1/usage").status == 401
    assert site.ask("GET", "/v1/usage?tenant=nobody", tokens["operator"]).json == []


@pytest.mark.parametrize("query,words", [
    ("day=2027-3-1", "day must be like 2026-11-26"), ("day=2027-13-01", "day must"), ("day=2027-01-32", "day must"), ("day=2027-01-00", "day must"),
    ("day=x", "day must"), ("day=", "day must"), ("month=2027", "month must be like 2026-11"), ("month=2027-00", "month must"),
    ("month=2027-1x", "month must"), ("month=2027-13", "month must"), ("day=2027-01-01&month=2027-01", "day or month, not both"),
    ("total=1", "total must be true or false"), ("month=2027-01-01", "month must"), ("month=2027%2011", "month must")])
def test_c_usage_wrong_periods_are_refused(site, query, words):
    site.start()
    answer = site.ask("GET", "/v1/usage?" + query, site.token("operator"))
    assert answer.status == 400 and words in answer.json["detail"], answer


def test_c_usage_wrong_options_are_usage(site):
    site.start()
    for args in (["x"], ["--csv", "--json"], ["--limit", "3"]):
        done = site.ctl("usage", *args)
        assert done.returncode == 2 and "usage: ingestctl usage" in done.stderr, args
    done = site.ctl("usage", "--month", "11")
    assert done.returncode == 1 and "month must be like" in done.stderr


def test_c_usage_documents_in_mongodb_are_the_lines(server, tmp_path):
    s = records_.site(tmp_path, server("mongo"), tenants=("alice", "bob"))
    s.drop("alice", "a.csv", b"n,name\n1,x\n2,y\n")
    s.drop("bob", "b.csv", b"n,name\n5,z\n")
    assert s.once("--wait", "20").returncode == 0
    s.start()
    s.drop("alice", "c.csv", b"n,name\n3,x\n")
    s.until(lambda: "c.csv.receipt.json" in s.names("alice", "done"))
    s.until(lambda: records_.plain(records_.documents(s, "usage").get("alice/" + usage(s)[0]["day"], {})).get("files") == 2)
    found = records_.documents(s, "usage")
    lines = usage(s)
    assert sorted(found) == sorted("%s/%s" % (u["tenant"], u["day"]) for u in lines) and len(lines) >= 2
    for u in lines:
        key = "%s/%s" % (u["tenant"], u["day"])
        assert {k: v for k, v in found[key].items() if k not in ("_id", "id")} == u and found[key]["id"] == key
    assert s.stop() == 0


def test_c_usage_and_quota_are_those_of_a_search_server(server, tmp_path):
    """Rows that are billed are documents that the server counts: held, released, undone."""
    store = server("opensearch")
    s = search_.site(tmp_path, store.url, profile={"limits": {"max_files_per_day": 1}})
    other = s.name + "b"
    s.tenant(other, profile={"arrival": {"settle_seconds": 0}}, rows=search_.job())
    s.clock = Clock(tmp_path)
    for i, tenant in enumerate((s.name, other)):
        s.drop(tenant, "a.csv", search_.csv_of(search_.rows_of(300, 1 + 1000 * i)))
        s.drop(tenant, "b.csv", search_.csv_of(search_.rows_of(200, 500 + 1000 * i)))
    start(s)
    try:
        s.until(lambda: under_way(s, s.name) + under_way(s, other) == 0 and len(s.names(s.name, "held")) == 2)
        first = [n for n in s.names(s.name, "done") if n.endswith(".csv")]
        agreed(s, store, s.name, {"a.csv": 300, "b.csv": 200}[first[0]])
        agreed(s, store, other, 500)
        late, = [n for n in s.names(s.name, "held") if n.endswith(".csv")]
        assert s.receipt(s.name, "held", late)["reason"].startswith("Daily number of files exceeds limit")
        set_clock(s, NOON + DAY)
        placed(s, s.name, late, "done")
        agreed(s, store, s.name, 500)
        assert s.ctl("undo", s.path("staging", s.name, "done", "a.csv")).returncode == 0
        placed(s, s.name, "a.csv", "failed")
        agreed(s, store, s.name, 200)
        agreed(s, store, other, 500)
    finally:
        s.kill()


def agreed(s, store, tenant, rows):
    """The server, the journal's sums, the receipts."""
    assert search_.count(store, tenant + "-rows") == of_journal(s, tenant)["rows_indexed"] == rows
    assert of_journal(s, tenant) == of_receipts(receipts(s, tenant))
