"""A file that is altered in work/ after rows of it were sent: it fails, no row of it stays in any sink, and the check names it `altered`.

Cut short or of other bytes of the same length; found at a start, when it is woken, while its rows are being taken back; in a server by
ids that its bytes no longer tell: behind the end, and behind the damage of a compressed file whose rows were split.
"""
import gzip
import json
import os
import random
import shutil
import sqlite3

import pytest

from books import JOB, csv_of, once_with_a_slow_store, settled, stored
from fault_proxy import FaultProxy
from search_ import count, job, rows_of
from search_ import csv_of as search_csv
from search_ import site as search_site
from site_ import Site, balanced

ROWS = 30_000


def work_file(site, tenant):
    folder, = os.listdir(site.path("staging", tenant, "work"))
    work = site.path("staging", tenant, "work", folder)
    name, = [n for n in os.listdir(work) if not n.endswith((".rejects.csv", ".receipt.json"))]
    return os.path.join(work, name)


def cut(path):
    os.chmod(path, 0o600)
    os.truncate(path, 1000)
    os.chmod(path, 0o400)


def overwrite(path):
    """As long as it was, with hardly a row left."""
    os.chmod(path, 0o600)
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.seek(1000)
        f.write(b"x" * (size - 1000))
    os.chmod(path, 0o400)


@pytest.fixture
def site(tmp_path):
    """Rows of it are in the store, a checkpoint in the journal, the daemon was killed."""
    s = Site(tmp_path)
    s.tenant("bob", t=JOB)
    s.drop("bob", "a.csv", csv_of(ROWS))
    once = s.path("first")
    once_with_a_slow_store(s, {"INGEST_CRASH_AT": "checkpoint.committed", "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once) and len(stored(s, "bob", "bob-t")) > 0
    yield s
    s.kill()


def failed_without_a_row(site):
    settled(site, findings=["altered"])
    receipt = site.receipt("bob", "failed", "a.csv")
    assert receipt["state"] == "failed" and balanced(receipt) and receipt["rows"]["indexed"] == 0
    assert "bytes" in receipt["reason"]
    assert stored(site, "bob", "bob-t") == []
    check = site.ctl("--json", "journal", "check")
    assert check.returncode == 3 and "changed" in json.loads(check.stdout)["findings"][0]["text"]


@pytest.mark.parametrize("alter", [cut, overwrite])
def test_altered_while_no_daemon_runs(site, alter):
    alter(work_file(site, "bob"))
    assert site.once("--wait", "5").returncode == 3
    failed_without_a_row(site)
    assert "file.undoing" in site.log("bob")


@pytest.mark.parametrize("alter", [cut, overwrite])
def test_altered_while_it_waits(site, alter):
    data = site.path("var", "data", "bob", "data.db")
    os.rename(data, data + ".away")
    os.makedirs(data)
    site.start()
    site.until(lambda: "file.waiting" in site.log("bob"))
    alter(work_file(site, "bob"))
    shutil.rmtree(data)
    os.rename(data + ".away", data)
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "failed"))
    assert site.stop() == 0
    failed_without_a_row(site)


def test_cut_while_its_rows_are_taken_back(site):
    overwrite(work_file(site, "bob"))
    once = site.path("second")
    site.once(env={"INGEST_CRASH_AT": "undoing.committed", "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once)
    cut(work_file(site, "bob"))
    assert site.once("--wait", "5").returncode == 3
    failed_without_a_row(site)


def test_the_same_bytes_are_loaded_after_it(site):
    """Nothing of the failed delivery is in the way."""
    cut(work_file(site, "bob"))
    assert site.once("--wait", "5").returncode == 3
    site.drop("bob", "a.csv", csv_of(ROWS))
    assert site.once().returncode == 0
    assert len(stored(site, "bob", "bob-t")) == ROWS


# --- by ids, in a server ---

SPLIT = {"pattern": "*.txt", "filter": 'csv { columns => ["n", "day"] } split { field => "day" terminator => ";" }',
         "index": {"name": "rows", "mappings": {"properties": {"n": {"type": "keyword"}, "day": {"type": "keyword"}}}}}


def next_row(s):
    db = sqlite3.connect("file:%s?mode=ro" % s.path("var", "journal.db"), uri=True)
    try:
        return (db.execute("select max(next_row) from legs").fetchone() or [0])[0] or 0
    finally:
        db.close()


def killed_with_rows_behind_the_checkpoint(tmp_path, store, name, content, spec, per_row, **profile):
    """A request of the middle gets no answer: the checkpoint stands before it, later rows are stored.  The others are answered slowly: a
    checkpoint comes a second after the load has begun, while there are rows to read."""
    seen = []

    def fault(bulk):
        seen.append(bulk)
        return "hung" if len(seen) == 3 else "slow"
    with FaultProxy(store.url) as p:
        p.fault = fault
        s = search_site(tmp_path, p.url, spec=spec, profile=profile)
        s.drop(s.name, name, content)
        s.start()
        s.until(lambda: next_row(s) > 0 and count(store, s.index) > next_row(s) * per_row)
        s.kill()
        # its worker has noticed, and what was on its way is stored: nothing comes behind the removal
        s.until(lambda: p.now == 0)
    with open(s.path("ingestd.json")) as f:
        config = json.load(f)
    config["sinks"]["main"]["urls"] = [store.url]
    with open(s.path("ingestd.json"), "w") as f:
        json.dump(config, f)
    return s


@pytest.mark.parametrize("alter", [cut, overwrite])
def test_rows_behind_the_checkpoint_are_taken_back_without_their_bytes(tmp_path, server, alter):
    store = server("opensearch")
    wide = [{**r, "name": r["name"] + "x" * 1000} for r in rows_of(20_000)]
    s = killed_with_rows_behind_the_checkpoint(tmp_path, store, "a.csv", search_csv(wide), job(), 1)
    alter(work_file(s, s.name))
    assert s.once("--wait", "60").returncode == 3
    assert s.receipt(s.name, "failed", "a.csv")["rows"]["indexed"] == 0
    assert count(store, s.index) == 0


def test_parts_of_rows_behind_the_damage_of_a_compressed_file_are_taken_back(tmp_path, server):
    store = server("opensearch")
    chance = random.Random(5)
    text = "".join("%d,%01000x;%01000x\n" % (i, chance.getrandbits(4000), chance.getrandbits(4000)) for i in range(15_000))
    s = killed_with_rows_behind_the_checkpoint(tmp_path, store, "a.txt.gz", gzip.compress(text.encode(), 1), SPLIT, 2,
                                               formats=["txt", "gz"])
    overwrite(work_file(s, s.name))
    assert s.once("--wait", "60").returncode == 3
    assert s.receipt(s.name, "failed", "a.txt.gz")["rows"]["indexed"] == 0
    assert count(store, s.index) == 0
