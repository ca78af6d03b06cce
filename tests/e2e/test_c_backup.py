"""ingestctl backup beside a running daemon, and what starts from it: nothing lost, nothing twice, what was on its way is known."""
import filecmp
import json
import os
import shutil
import sqlite3
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "crash"))
from books import JOB, csv_of, loaded, settled, states, stored  # noqa: E402
from site_ import Site  # noqa: E402

KEYED = {"arrival": {"settle_seconds": 0}}


@pytest.fixture
def site(tmp_path):
    os.makedirs(tmp_path / "site")
    s = Site(tmp_path / "site")
    s.tenant("bob", KEYED, t={**JOB, "same_name": "add"})
    yield s
    s.kill()


def backup(site, folder):
    done = site.ctl("--json", "backup", str(folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def restore(site, folder):
    """As README says: journal, versions and profiles put in place while no daemon runs."""
    assert site.daemon is None
    for name in os.listdir(site.path("var")):
        if name.startswith("journal.db"):
            os.unlink(site.path("var", name))
    for name in ("var/jobs", "profiles"):
        shutil.rmtree(site.path(name))
        shutil.copytree(os.path.join(folder, name), site.path(name))
    shutil.copy(os.path.join(folder, "var", "journal.db"), site.path("var", "journal.db"))


def done(site, name):
    return name in site.names("bob", "done")


def test_a_backup_of_a_busy_daemon(site, tmp_path):
    site.start()
    for i in range(40):
        site.drop("bob", "f%d.csv" % i, csv_of(100 + i))
        if i == 20:
            said = backup(site, tmp_path / "b")
    site.until(lambda: sum(not n.endswith(".json") for n in site.names("bob", "done")) == 40)
    where = str(tmp_path / "b")
    assert said == json.load(open(os.path.join(where, "backup.json"))) and said["staging"] == site.path("staging")
    assert sorted(os.listdir(where)) == ["backup.json", "ingestd.json", "profiles", "var"]
    assert os.stat(where).st_mode & 0o777 == 0o700
    assert os.stat(os.path.join(where, "var", "journal.db")).st_mode & 0o777 == 0o600
    same = filecmp.dircmp(site.path("profiles"), os.path.join(where, "profiles"))
    assert not same.left_only and not same.right_only and not same.diff_files
    db = sqlite3.connect(os.path.join(where, "var", "journal.db"))
    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    # every version that the snapshot names is there
    for version, in db.execute("select distinct version from arrivals where version is not null"):
        assert os.path.exists(os.path.join(where, "var", "jobs", version, "version.json"))
    db.close()


def test_a_restored_folder_goes_on(site, tmp_path):
    """Files of before the backup, of after it, on their way then and placed since, on their way then and now."""
    site.drop("bob", "before.csv", csv_of(10))
    site.start()
    site.until(lambda: done(site, "before.csv"))
    # a store that is locked: the file waits in its load while the backup is made
    lock = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    lock.execute("begin immediate")
    site.drop("bob", "since.csv", csv_of(11))
    site.until(lambda: "LOADING" in states(site))
    backup(site, tmp_path / "b")
    lock.execute("rollback")
    site.until(lambda: done(site, "since.csv"))
    site.drop("bob", "after.csv", csv_of(12))
    site.until(lambda: done(site, "after.csv"))
    assert site.stop() == 0
    restore(site, tmp_path / "b")
    site.start()
    assert "file.placed-since" in site.log("ingestd")
    # each comes again with the same bytes
    for name, rows in (("before.csv", 10), ("since.csv", 11), ("after.csv", 12), ("new.csv", 13)):
        site.drop("bob", name, csv_of(rows))
    site.until(lambda: site.names("bob", "in") == [] and site.names("bob", "work") == [] and done(site, "new.csv"))
    loaded(site, "new.csv", 13)
    again = {}
    for name in site.names("bob", "done"):
        if name.endswith(".receipt.json") and name.count(".") == 4:  # NAME.A: the second time
            r = json.load(open(site.path("staging", "bob", "done", name)))
            again[r["file"]] = (r["state"], r["rows"] and r["rows"]["duplicates"])
    assert again["before.csv"][0] == again["since.csv"][0] == "duplicate"
    # the journal never knew this one: its ids found it all the same
    assert again["after.csv"] == ("done", 12)
    assert len(stored(site, "bob", "bob-t")) == 10 + 11 + 12 + 13
    assert len({r["_id"] for r in stored(site, "bob", "bob-t")}) == 46


def test_a_load_that_was_on_its_way_goes_on(site, tmp_path):
    site.drop("bob", "first.csv", csv_of(3))
    site.start()
    site.until(lambda: done(site, "first.csv"))
    lock = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    lock.execute("begin immediate")
    site.drop("bob", "a.csv", csv_of(30000, 4))
    site.until(lambda: "LOADING" in states(site))
    backup(site, tmp_path / "b")
    site.kill()
    lock.execute("rollback")
    lock.close()
    restore(site, tmp_path / "b")
    assert site.once().returncode == 0
    settled(site)
    loaded(site, "a.csv", 30000, 4)


def copied(site, folder):
    """What a backup of that instant holds; its daemon was killed there."""
    os.makedirs(folder)
    for name in ("var", "profiles"):
        shutil.copytree(site.path(name), os.path.join(folder, name), ignore=shutil.ignore_patterns("*.sock", "data"))
    db = sqlite3.connect(os.path.join(folder, "var", "journal.db"))  # its -wal goes into it
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()


def killed_at(site, point, *wish):
    once = site.path("once")
    if not wish:
        site.once(env={"INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": once})
    else:
        site.start(env={"INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": once})
        site.until(lambda: "daemon.started" in site.log("ingestd").split("daemon.stopped")[-1])
        site.ctl(*wish)
        site.daemon.wait(timeout=60)
        site.daemon = None
    assert os.path.exists(once)


def test_an_undo_that_was_wished_then_and_is_done_since(site, tmp_path):
    site.drop("bob", "a.csv", csv_of(5))
    assert site.once().returncode == 0
    a = site.receipt("bob", "done", "a.csv")
    killed_at(site, "retaking.committed", "undo", a["id"])
    copied(site, tmp_path / "b")
    site.once()
    assert site.names("bob", "failed") == ["a.csv", "a.csv.receipt.json"] and stored(site, "bob", "bob-t") == []
    restore(site, tmp_path / "b")
    assert site.once().returncode == 0
    assert "file.placed-since" in site.log("ingestd")
    assert site.names("bob", "failed") == ["a.csv", "a.csv.receipt.json"]
    # its delivery is undone: the same bytes are a load of their own
    site.drop("bob", "a.csv", csv_of(5))
    assert site.once().returncode == 0
    loaded(site, "a.csv", 5)
    assert len(stored(site, "bob", "bob-t")) == 5


def test_a_retry_that_was_wished_then_and_is_done_since(site, tmp_path):
    site.tenant("bob", KEYED, t={**JOB, "rejects": {"max_rows": 0}})
    site.drop("bob", "a.csv", csv_of(5, 1))
    assert site.once().returncode == 3
    a = site.receipt("bob", "failed", "a.csv")
    site.tenant("bob", KEYED, t=JOB)
    killed_at(site, "retaking.committed", "retry", a["id"])
    copied(site, tmp_path / "b")
    assert site.once().returncode == 0
    loaded(site, "a.csv", 5, 1)
    restore(site, tmp_path / "b")
    assert site.once().returncode == 0
    assert "file.placed-since" in site.log("ingestd")
    loaded(site, "a.csv", 5, 1)
    site.drop("bob", "a.csv", csv_of(5, 1))
    assert site.once().returncode == 0
    assert "file.duplicate" in site.log("bob")
    assert len(stored(site, "bob", "bob-t")) == 5


def test_a_wish_that_was_committed_then_and_not_begun_is_fulfilled(site, tmp_path):
    """Nothing happened since: the receipt beside the file is older than the wish."""
    site.drop("bob", "a.csv", csv_of(5))
    assert site.once().returncode == 0
    a = site.receipt("bob", "done", "a.csv")
    killed_at(site, "retaking.committed", "undo", a["id"])
    copied(site, tmp_path / "b")
    restore(site, tmp_path / "b")
    site.once()
    assert site.receipt("bob", "failed", "a.csv")["state"] == "undone" and stored(site, "bob", "bob-t") == []
    settled(site)


def test_a_replacing_that_was_under_way_then_and_is_done_since(site, tmp_path):
    site.tenant("bob", KEYED, t={**JOB, "same_name": "replace"})
    site.drop("bob", "a.csv", csv_of(5))
    assert site.once().returncode == 0
    site.drop("bob", "a.csv", csv_of(7))
    killed_at(site, "replacing.committed")
    copied(site, tmp_path / "b")
    site.once()
    assert sorted(r["id"] for r in stored(site, "bob", "bob-t")) == list(range(7))
    restore(site, tmp_path / "b")
    assert site.once().returncode == 0
    assert site.log("ingestd").count("file.placed-since") == 2
    assert sorted(r["id"] for r in stored(site, "bob", "bob-t")) == list(range(7))
    # the journal does not know how many rows the last one has: what would replace it is for a person
    site.drop("bob", "a.csv", csv_of(5))
    assert site.once().returncode == 3
    assert "older than the journal reaches" in site.receipt("bob", "held", "a.csv")["reason"]
    assert sorted(r["id"] for r in stored(site, "bob", "bob-t")) == list(range(7))


def test_a_backup_stands_alone(site, tmp_path):
    """Another machine: no staging, no store; it starts, and a file that was loaded before is still known."""
    site.drop("bob", "a.csv", csv_of(5))
    assert site.once().returncode == 0
    backup(site, tmp_path / "b")
    other = Site.__new__(Site)
    other.folder, other.daemon = str(tmp_path / "b"), None
    assert other.run("-t").returncode == 0
    os.makedirs(other.path("staging", "bob", "in"))
    other.drop("bob", "a.csv", csv_of(5))
    other.drop("bob", "b.csv", csv_of(6))
    assert other.once().returncode == 0
    assert other.receipt("bob", "done", "a.csv")["state"] == "duplicate"
    assert other.receipt("bob", "done", "b.csv")["rows"]["indexed"] == 6


def test_keys_keep_their_modes(site, tmp_path):
    keys = site.path("profiles", "bob", "keys")
    os.makedirs(keys, mode=0o700)
    with open(os.path.join(keys, "k.txt"), "w") as f:
        f.write("secret\n")
    os.chmod(os.path.join(keys, "k.txt"), 0o600)
    site.once()
    backup(site, tmp_path / "b")
    copy = str(tmp_path / "b" / "profiles" / "bob" / "keys")
    assert os.stat(copy).st_mode & 0o777 == 0o700 and os.stat(os.path.join(copy, "k.txt")).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("where,why", [("full", "is not empty"), ("site/var/b", "is to be backed up"),
                                       ("site/profiles/b", "is to be backed up"), ("site/staging/b", "the tenants'"),
                                       ("no/such/folder", "cannot make folder")])
def test_where_it_is_refused(site, tmp_path, where, why):
    site.once()
    os.makedirs(tmp_path / "full" / "x")
    done = site.ctl("backup", str(tmp_path / where))
    assert done.returncode == 1 and why in done.stderr and done.stdout == ""
    # a folder that stays in profiles/ would be a tenant
    assert os.path.exists(tmp_path / where) == (where == "full") and not os.path.exists(tmp_path / where / "backup.json")


def test_without_a_journal(site, tmp_path):
    done = site.ctl("backup", str(tmp_path / "b"))
    assert done.returncode == 1 and "journal.db" in done.stderr and not os.path.exists(tmp_path / "b" / "backup.json")


def test_usage(site):
    assert site.ctl("backup").returncode == 2 and site.ctl("backup", "a", "b").returncode == 2
