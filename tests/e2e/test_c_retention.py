"""Retention of done/ and failed/, the journal that prunes itself, and what is still known of what went."""
import json
import os
import sqlite3
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "crash"))
from books import JOB, backdate, csv_of, removed, stored  # noqa: E402
from site_ import Site  # noqa: E402

KEEP = {"arrival": {"settle_seconds": 0}, "retention": {"done_days": 30, "failed_days": 90},
        "limits": {"max_run_files": 1}}
BAD = b"no,such\nheader,here\n"
# a job whose every row is rejected: the file fails
STRICT = {**JOB, "pattern": "*.bad", "rejects": {"max_ratio": 0}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("bob", KEEP, t=JOB, m={**JOB, "pattern": "*.man", "trigger": "manual"})
    yield s
    s.kill()


def fill(site):
    site.drop("bob", "a.csv", csv_of(20, 2))
    site.drop("bob", "none.xyz", b"x\n")  # no job takes it: failed/
    site.once()
    assert site.names("bob", "done") == ["a.csv", "a.csv.receipt.json", "a.csv.rejects.csv"]
    assert site.names("bob", "failed") == ["none.xyz", "none.xyz.receipt.json"]
    return site.receipt("bob", "done", "a.csv")


def count(site, table):
    db = sqlite3.connect(site.path("var", "journal.db"))
    n = db.execute("select count(*) from " + table).fetchone()[0]
    db.close()
    return n


def test_files_go_after_their_days_and_no_earlier(site):
    fill(site)
    backdate(site, 29)
    site.once()
    assert len(site.names("bob", "done")) == 3 and removed(site) == [False, False]
    backdate(site, 2)
    site.once()
    assert site.names("bob", "done") == [] and len(site.names("bob", "failed")) == 2
    assert sum(removed(site)) == 1 and len(stored(site, "bob", "bob-t")) == 20
    backdate(site, 60)
    site.once()
    assert site.names("bob", "failed") == [] and removed(site) == [True, True]
    assert "file.removed" in site.log("bob") and "days=30" in site.log("bob") and "days=90" in site.log("bob")


def test_what_was_removed_is_still_known(site):
    receipt = fill(site)
    backdate(site, 31)
    site.start()
    site.until(lambda: site.names("bob", "done") == [])
    record = json.loads(site.ctl("--json", "show", receipt["delivery"]).stdout)
    assert record["removed"] and record["state"] == "done" and record["rows"]["indexed"] == 20
    why = site.ctl("why", receipt["delivery"] + "-1")
    assert why.returncode == 3 and "retention removed the file at " + record["removed"] in why.stderr
    assert "a.csv" in why.stderr and receipt["id"] in why.stderr
    explain = site.ctl("explain", site.path("staging", "bob", "done", "a.csv"))
    assert "Retention has removed it" in explain.stdout
    # another file under that name is another: the first one's rows are not looked for in it
    site.drop("bob", "a.csv", csv_of(5))
    site.until(lambda: "a.csv" in site.names("bob", "held"))
    assert "retention removed" in site.ctl("why", receipt["delivery"] + "-1").stderr


def test_the_journal_prunes_itself_but_never_the_deliveries(site):
    receipt = fill(site)
    backdate(site, 31)
    site.once()
    backdate(site, 89)  # 120 days placed, removed 89 days ago; the failed one is removed now
    site.once()
    assert count(site, "arrivals") == 2 and count(site, "legs") == 1
    backdate(site, 2)
    site.once()
    assert count(site, "arrivals") == 1 and count(site, "legs") == 0 and count(site, "deliveries") == 1
    assert "journal.pruned rows=1" in site.log("ingestd")
    # the same bytes again: known, and nothing is sent
    site.drop("bob", "a.csv", csv_of(20, 2))
    site.start()
    site.until(lambda: "a.csv" in site.names("bob", "done"))
    again = site.receipt("bob", "done", "a.csv")
    assert again["state"] == "duplicate" and again["duplicate_of"] == receipt["id"]
    assert len(stored(site, "bob", "bob-t")) == 20


def test_why_of_what_was_pruned(site):
    receipt = fill(site)
    for days in (31, 91):
        backdate(site, days)
        site.once()
    site.start()
    why = site.ctl("why", receipt["delivery"] + "-1")
    assert why.returncode == 1
    for word in ("a.csv of tenant bob, job t", receipt["id"], "retention has removed"):
        assert word in why.stderr, why.stderr


def test_journal_days_null_keeps_records_for_ever(tmp_path):
    site = Site(tmp_path, journal_days=None)
    site.tenant("bob", KEEP, t=JOB)
    fill(site)
    for days in (31, 30000):
        backdate(site, days)
        site.once()
    assert site.names("bob", "done") == [] and count(site, "arrivals") == 2


def test_without_retention_files_and_records_stay(tmp_path):
    site = Site(tmp_path)
    site.tenant("bob", t=JOB)
    fill(site)
    backdate(site, 30000)
    site.once()
    assert len(site.names("bob", "done")) == 3 and count(site, "arrivals") == 2 and removed(site) == [False, False]


def test_a_refused_run_goes_with_its_receipt(site):
    for name in ("a.man", "b.man"):
        site.drop("bob", name, csv_of(3))
    site.once("--start", "bob/m")
    assert [n for n in site.names("bob", "failed") if n.startswith("m.")] and count(site, "runs") == 1
    backdate(site, 89)
    site.once()
    assert [n for n in site.names("bob", "failed") if n.startswith("m.")]
    backdate(site, 2)
    site.once()
    assert site.names("bob", "failed") == [] and count(site, "runs") == 0
    assert site.names("bob", "in") == ["a.man", "b.man"]


def test_what_somebody_else_put_there_is_left(site):
    fill(site)
    path = site.path("staging", "bob", "done", "a.csv")
    os.unlink(path)
    with open(path, "w") as f:
        f.write("an operator's own")
    backdate(site, 31)
    site.once()
    assert "a.csv" in site.names("bob", "done") and "is not the file that was placed" in site.log("ingestd")


def test_more_than_a_batch(site):
    """64 an iteration of the loop; all are gone at the end of --once."""
    for i in range(150):
        site.drop("bob", "f%d.csv" % i, csv_of(1 + i))
    site.once()
    assert len(site.names("bob", "done")) == 300
    backdate(site, 31)
    site.once()
    assert site.names("bob", "done") == [] and sum(removed(site)) == 150


def test_a_full_disk_is_reason_to_look_at_once(site):
    """A look is ten minutes apart; want of room does not wait for it."""
    fill(site)
    site.start()
    site.until(lambda: json.loads(site.ctl("--json", "status").stdout)["state"] == "ready")
    assert site.stop() == 0
    config = {"min_free_bytes": 1 << 50}
    with open(site.path("ingestd.json"), "w") as f:
        json.dump(config, f)
    backdate(site, 31)
    site.start()
    site.until(lambda: site.names("bob", "done") == [])


def test_undo_of_what_retention_removed(site):
    """Its rows go by their ids; another file that lies under its name now is not touched."""
    site.tenant("bob", KEEP, t={**JOB, "same_name": "add"})
    site.drop("bob", "a.csv", b"id,name\n1,n1\n")
    site.once()
    first = site.receipt("bob", "done", "a.csv")
    backdate(site, 31)
    site.once()
    site.drop("bob", "a.csv", b"id,name\n2,n2\n")  # of the same size
    site.once()
    second = site.receipt("bob", "done", "a.csv")
    assert first["id"] != second["id"] and len(stored(site, "bob", "bob-t")) == 2
    site.start()
    again = site.ctl("rerun", first["id"])
    assert again.returncode == 1 and "retention removed it at 2" in again.stderr
    assert site.ctl("undo", first["id"]).returncode == 0
    site.until(lambda: [r["id"] for r in stored(site, "bob", "bob-t")] == [2])
    site.until(lambda: json.loads(site.ctl("--json", "show", first["id"]).stdout)["state"] == "undone")
    assert site.receipt("bob", "done", "a.csv") == second
    assert open(site.path("staging", "bob", "done", "a.csv")).read() == "id,name\n2,n2\n"
    assert site.names("bob", "failed") == ["a.csv.receipt.json"]
    assert site.ctl("journal", "check").returncode == 0
    # and the receipt goes when failed_days are over
    assert site.stop() == 0
    backdate(site, 91)
    site.once()
    assert site.names("bob", "failed") == [] and site.names("bob", "done") == []


@pytest.mark.parametrize("days", [0, -1, 1.5, "30", 36501])
def test_days_out_of_range_are_refused(tmp_path, days):
    site = Site(tmp_path)
    site.tenant("bob", {"retention": {"done_days": days}}, t=JOB)
    done = site.run("-t")
    assert done.returncode == 78 and "$.retention.done_days" in done.stderr
