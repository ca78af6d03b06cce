"""ingestctl journal check: the journal against the database, the folders and the sinks; each kind of difference made by hand and found."""
import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "crash"))
from books import JOB, backdate, csv_of, once_with_a_slow_store  # noqa: E402
from site_ import Site  # noqa: E402

SPLIT = {**JOB, "pattern": "*.txt", "filter": 'csv { columns => ["id", "name"] } split { field => "name" terminator => "|" }'}


@pytest.fixture
def site(tmp_path):
    """Files of every end: done with rejects, split rows, failed, held, a duplicate; a run that was refused."""
    s = Site(tmp_path)
    s.tenant("bob", {"arrival": {"settle_seconds": 0}, "limits": {"max_run_files": 1}, "retention": {"done_days": 30}},
             t=JOB, u={**SPLIT, "input": {"header": False}}, m={**JOB, "pattern": "*.man", "trigger": "manual"},
             two={**JOB, "pattern": "both*"}, three={**JOB, "pattern": "both*"})
    s.drop("bob", "a.csv", csv_of(20, 2))
    s.drop("bob", "b.txt", b"1,x|y|z\n2,w\n3,\n")
    s.drop("bob", "both.x", csv_of(3))
    s.drop("bob", "none.xyz", b"x\n")
    s.once()
    s.drop("bob", "a.csv", csv_of(20, 2))
    for name in ("a.man", "b.man"):
        s.drop("bob", name, csv_of(3))
    s.once("--start", "bob/m")
    yield s
    s.kill()


def check(site, *args):
    done = site.ctl("--json", "journal", "check", *args)
    said = json.loads(done.stdout)
    assert said["ok"] == (not said["findings"]) and done.returncode == (0 if said["ok"] else 3), done.stderr
    return said


def kinds(site, *args):
    return [(f["kind"], os.path.basename(f["path"] or "")) for f in check(site, *args)["findings"]]


def placed(site, *parts):
    return site.path("staging", "bob", *parts)


def test_all_is_well_with_and_without_a_daemon(site):
    said = check(site)
    assert said["files"] == 5 and said["deliveries"] == 2 and said["findings"] == []
    text = site.ctl("journal", "check")
    assert text.returncode == 0 and text.stdout == "5 files, 2 deliveries counted in their sinks, 0 findings\n"
    site.start()
    assert check(site) == said
    assert not os.path.exists(site.path("var", "data", "nobody"))


def test_a_file_that_is_gone(site):
    os.unlink(placed(site, "done", "a.csv"))
    assert ("missing", "a.csv") in kinds(site)


def test_a_file_of_another_size(site):
    with open(placed(site, "done", "a.csv"), "ab") as f:
        f.write(b"more\n")
    assert kinds(site) == [("size", "a.csv")]


def test_a_file_of_other_bytes(site):
    with open(placed(site, "done", "a.csv"), "r+b") as f:
        f.seek(12)
        f.write(b"#")
    assert kinds(site) == [("digest", "a.csv")] and kinds(site, "--quick") == []


def test_receipts(site):
    os.unlink(placed(site, "failed", "none.xyz.receipt.json"))
    shutil.copy(placed(site, "done", "b.txt.receipt.json"), placed(site, "done", "a.csv.receipt.json"))
    assert sorted(kinds(site)) == [("receipt", "a.csv.receipt.json"), ("receipt", "none.xyz.receipt.json")]


def test_a_receipt_with_another_digest(site):
    path = placed(site, "done", "a.csv.receipt.json")
    text = open(path).read()
    os.unlink(path)
    with open(path, "w") as f:
        f.write(text.replace(json.loads(text)["sha256"], "0" * 64))
    assert kinds(site) == [("receipt", "a.csv.receipt.json")]


@pytest.mark.parametrize("key,value,says", [("state", "failed", "state is not done"), ("documents", 19, "not counted"),
                                            ("rows", {"indexed": 19}, "not counted"), ("rows", None, "not counted")])
def test_a_receipt_whose_books_are_others(site, key, value, says):
    path = placed(site, "done", "a.csv.receipt.json")
    receipt = json.load(open(path))
    os.unlink(path)
    with open(path, "w") as f:
        json.dump({**receipt, key: {**receipt[key], **value} if isinstance(value, dict) else value}, f)
    found, = check(site)["findings"]
    assert found["kind"] == "receipt" and says in found["text"] and found["path"] == path


@pytest.mark.parametrize("change", ["delete from deliveries where file = 'a.csv'", "update arrivals set delivery = null where file = 'a.csv'",
                                    "delete from legs where arrival in (select arrival from arrivals where file = 'a.csv')"])
def test_a_done_file_whose_other_rows_are_gone(site, change):
    db = sqlite3.connect(site.path("var", "journal.db"))
    with db:
        db.execute(change)
    db.close()
    kind = "receipt" if "legs" in change else "database"
    assert (kind, site.receipt("bob", "done", "a.csv")["id"]) in [(f["kind"], f["id"]) for f in check(site)["findings"]]


def test_rejects_that_are_gone(site):
    os.unlink(placed(site, "done", "a.csv.rejects.csv"))
    assert kinds(site) == [("rejects", "a.csv.rejects.csv")]


@pytest.mark.parametrize("change,there", [('delete from "bob-t" where id = 7', 19),
                                          ('insert into "bob-t" (_id) select substr(_id, 1, 21) || \'zz\' from "bob-t" limit 1', 21)])
def test_documents_too_few_and_too_many(site, change, there):
    db = sqlite3.connect(site.path("var", "data", "bob", "data.db"))
    with db:
        db.execute(change)
    db.close()
    found, = check(site)["findings"]
    assert found["kind"] == "count" and "has %d documents" % there in found["text"] and "says 20" in found["text"]
    assert check(site, "--quick")["findings"] == []


def test_a_part_of_a_split_row_that_is_gone(site):
    db = sqlite3.connect(site.path("var", "data", "bob", "data.db"))
    with db:
        assert db.execute("select count(*) from \"bob-t\" where _id like '%-1.%'").fetchone() == (3,)
        db.execute("delete from \"bob-t\" where _id like '%-1.3'")
    db.close()
    found, = check(site)["findings"]
    assert found["kind"] == "count" and "b.txt" in found["text"] and check(site)["deliveries"] == 2


def test_rows_of_a_failed_file_in_the_store(site):
    db = sqlite3.connect(site.path("var", "journal.db"))
    with db:
        db.execute("update deliveries set state = 'undone' where file = 'a.csv'")
    db.close()
    found, = check(site)["findings"]
    assert found["kind"] == "count" and "has 20 documents" in found["text"] and "says 0" in found["text"]


def test_a_file_in_staging_is_no_tenant(site):
    open(site.path("staging", "stray"), "w").close()
    assert check(site)["findings"] == []


def test_what_nobody_knows(site):
    for path in ("done/stray.csv", "held/a.csv.receipt.json", "failed/m.01ARZ3NDEKTSV4RRFFQ69G5FAV.receipt.json"):
        open(placed(site, path), "w").close()
    os.makedirs(placed(site, "work", "01ARZ3NDEKTSV4RRFFQ69G5FAW"))  # nothing can be lost with it: a start removes it
    os.makedirs(placed(site, "work", "01ARZ3NDEKTSV4RRFFQ69G5FAV"))
    open(placed(site, "work", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a.csv"), "w").close()
    assert sorted(kinds(site)) == [("orphan", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), ("orphan", "a.csv.receipt.json"),
                                   ("orphan", "m.01ARZ3NDEKTSV4RRFFQ69G5FAV.receipt.json"), ("orphan", "stray.csv")]


def test_a_file_on_its_way(site):
    """Killed behind a checkpoint: that is in order; without its file in work/ it is not."""
    site.drop("bob", "big.csv", csv_of(30000))
    once_with_a_slow_store(site, {"INGEST_CRASH_AT": "checkpoint.committed", "INGEST_CRASH_ONCE": site.path("once")})
    assert check(site)["findings"] == []
    arrival, = site.names("bob", "work")
    os.unlink(placed(site, "work", arrival, "big.csv"))
    assert kinds(site) == [("missing", "big.csv")]


def test_what_retention_removed_is_in_order(site):
    backdate(site, 31)
    site.once()
    assert site.names("bob", "done") == [] and check(site)["findings"] == []
    open(placed(site, "done", "a.csv"), "w").close()
    assert kinds(site) == [("orphan", "a.csv")]


def test_a_sink_that_cannot_be_asked(site):
    path = site.path("var", "data", "bob", "data.db")
    os.rename(path, path + ".away")
    os.mkdir(path)
    said = check(site)["findings"]
    assert {f["kind"] for f in said} == {"unchecked"} and "could not be counted" in said[0]["text"]


def test_a_damaged_database(site):
    site.once()
    path = site.path("var", "journal.db")
    db = sqlite3.connect(path)
    db.execute("pragma wal_checkpoint(truncate)")
    page, = db.execute("select rootpage from sqlite_master where name = 'arrivals_state'").fetchone()
    size, = db.execute("pragma page_size").fetchone()
    db.close()
    with open(path, "r+b") as f:
        f.seek((page - 1) * size)
        f.write(b"\xff" * size)
    done = site.ctl("--json", "journal", "check")
    assert done.returncode in (1, 3)
    assert "database" in done.stdout or "journal:" in done.stderr


def test_a_newer_journal_is_refused(site):
    db = sqlite3.connect(site.path("var", "journal.db"))
    with db:
        db.execute("update schema set version = 99")
    db.close()
    done = site.ctl("journal", "check")
    assert done.returncode == 1 and "written by a newer one" in done.stderr and done.stdout == ""
    start = site.run("--once")
    assert start.returncode == 78 and "schema version 99" in start.stderr


def test_no_journal(tmp_path):
    site = Site(tmp_path)
    done = site.ctl("journal", "check")
    assert done.returncode == 1 and "journal.db" in done.stderr and not os.path.exists(site.path("var", "journal.db"))


def test_beside_a_claim_whose_commit_waits_for_the_disk(site):
    """The file is in work/ and has no row yet."""
    site.start()
    slow = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(site.daemon.pid), "-e", "trace=fsync,fdatasync,syncfs",
                             "-e", "inject=fsync,fdatasync,syncfs:delay_enter=700000"])
    try:
        site.until(lambda: tracer_of(site.daemon.pid))
        site.drop("bob", "slow.csv", csv_of(3))
        site.until(lambda: site.names("bob", "work") != [])
        assert check(site)["findings"] == []
    finally:
        slow.terminate()
        slow.wait()
    site.until(lambda: "slow.csv.receipt.json" in site.names("bob", "done") and not site.names("bob", "work"))
    assert check(site)["findings"] == []


def tracer_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(line for line in f if line.startswith("TracerPid:")).split()[1])


def test_beside_a_busy_daemon(site):
    """Files come and go while it looks: what is only under way is no finding."""
    site.start()
    for i in range(60):
        site.drop("bob", "f%d.csv" % i, csv_of(1 + i))
        if i % 20 == 0:
            assert check(site)["findings"] == []
    assert check(site)["findings"] == []
    site.until(lambda: len(site.names("bob", "done")) >= 120)
    assert check(site)["findings"] == []
