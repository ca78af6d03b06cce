"""What a killed load leaves: it goes on behind its last checkpoint, and job versions stay as long as a delivery needs them."""
import os
import shutil
import sqlite3

import pytest

from books import JOB, csv_of, loaded, once_with_a_slow_store, settled
from site_ import Site

ROWS = 30_000


@pytest.fixture
def killed(tmp_path):
    """A site whose load was killed when its first checkpoint was committed."""
    site = Site(tmp_path)
    site.tenant("bob", t=JOB)
    site.drop("bob", "a.csv", csv_of(ROWS))
    once = site.path("once")
    once_with_a_slow_store(site, {"INGEST_CRASH_AT": "checkpoint.committed", "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once)
    return site


def ask(path, sql):
    db = sqlite3.connect(path)
    rows = db.execute(sql).fetchall()
    db.commit()
    db.close()
    return rows


def version(site):
    (name,), = ask(site.path("var", "journal.db"), "select version from arrivals where file = 'a.csv'")
    return name


def test_the_prefix_before_the_checkpoint_is_not_sent_again(killed):
    """A trigger counts each row that reaches the store, those that it knows already too."""
    (read,), = ask(killed.path("var", "journal.db"), "select read from legs")
    assert 0 < read < ROWS
    store = killed.path("var", "data", "bob", "data.db")
    ask(store, "create table reached (n)")
    ask(store, 'create trigger counts before insert on "bob-t" begin insert into reached values (1); end')
    assert killed.once().returncode == 0
    assert ask(store, "select count(*) from reached") == [(ROWS - read,)]
    settled(killed)
    loaded(killed, "a.csv", ROWS)


def test_a_version_stays_while_a_delivery_needs_it_and_goes_after_it(killed):
    old = version(killed)
    assert os.path.isdir(killed.path("var", "jobs", old))
    killed.tenant("bob", t={**JOB, "rejects": {"max_ratio": 0.5}})
    assert killed.once().returncode == 0
    assert killed.receipt("bob", "done", "a.csv")["rows"]["indexed"] == ROWS and version(killed) == old
    assert killed.once().returncode == 0
    assert os.listdir(killed.path("var", "jobs")) == [old]  # undo and why need it as long as the rows are stored
    killed.start()
    assert killed.ctl("undo", killed.path("staging", "bob", "done", "a.csv")).returncode == 0
    killed.until(lambda: "a.csv.receipt.json" in killed.names("bob", "failed") and not killed.names("bob", "work"))
    killed.stop()
    assert killed.once().returncode == 0  # what nothing refers to is removed at a start
    assert os.listdir(killed.path("var", "jobs")) == []


def test_a_file_whose_version_somebody_removed_waits_with_its_reason_and_the_others_go_on(killed):
    """Its rows are in the store: without its version they can be neither finished nor taken back."""
    folder = killed.path("var", "jobs", version(killed))
    aside = killed.path("aside")
    shutil.move(folder, aside)
    killed.tenant("bob", t={**JOB, "rejects": {"max_ratio": 0.5}})
    killed.drop("bob", "b.csv", csv_of(10))
    left = killed.once("--wait", "1")
    assert left.returncode == 1 and "a.csv" in left.stderr
    assert "job version %s is not kept in" % os.path.basename(folder) in killed.log("bob")
    assert "file.missing" not in killed.log("bob")  # the file is there
    assert killed.receipt("bob", "done", "b.csv")["rows"]["indexed"] == 10
    assert killed.names("bob", "held") == [] and killed.names("bob", "failed") == []
    shutil.move(aside, folder)
    assert killed.once().returncode == 0
    settled(killed)
    loaded(killed, "a.csv", ROWS)
