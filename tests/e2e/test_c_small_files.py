"""c_ complex: many small files are under way at once and share what is made durable for them (10.7).  Counted, not timed: commits of the
journal, commits of the store, processes; and what one of them finds is no other's."""
import contextlib
import json
import os
import socket
import sqlite3
import struct

import pytest

from site_ import Site, balanced

FILES, ROWS = 300, 10
JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 1},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}, "text": {"type": "keyword"}}}}}


def content(i, rows=ROWS):
    return ("id,text\n" + "".join("%d,file %d\n" % (i * 1000 + n, i) for n in range(rows))).encode()


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, sinks={"local": {"type": "sqlite"}}, workers=2)
    s.tenant("alice", t=JOB)
    yield s
    s.stop()


def commits_of_wal(path):
    """Frames of a write-ahead log that end a transaction (sqlite.org/fileformat2.html, 4.1)."""
    with open(path, "rb") as f:
        head, log = struct.unpack(">8I", f.read(32)), f.read()
    step = 24 + head[2]
    frames = [struct.unpack(">4I", log[at:at + 16]) for at in range(0, len(log) - step + 1, step)]
    return sum(size != 0 and (a, b) == head[4:6] for _, size, a, b in frames)


def all_done(site, names):
    return sum(n.endswith(".receipt.json") for n in os.listdir(site.path("staging", "alice", "done"))) == len(names)


def drop_all(site, count=FILES, **other):
    names = ["%03d.csv" % i for i in range(count)]
    for i, name in enumerate(names):
        site.drop("alice", name, other.get("f" + name[:3]) or content(i))
    return names


def attempts(site):
    db = sqlite3.connect("file:%s?mode=ro" % site.path("var", "journal.db"), uri=True)
    try:
        return dict(db.execute("select file, attempts from arrivals"))
    finally:
        db.close()


def test_c_10_7_small_files_share_commits_and_workers(site):
    names = drop_all(site)
    site.start()
    site.until(lambda: all_done(site, names))
    status = json.loads(site.ctl("--json", "status").stdout)
    workers = status["processes"]
    of_store = commits_of_wal(site.path("var", "data", "alice", "data.db-wal"))
    print("%d files: %d commits of the journal, %d of the store, %d workers" % (FILES, status["commits"], of_store, len(workers)))
    assert status["commits"] <= FILES, status
    assert of_store <= FILES / 2
    assert 1 <= len(workers) <= 2 and sum(w["jobs"] for w in workers) == FILES, workers
    assert sorted(r["id"] for r in site.rows("alice", "alice-t")) == [i * 1000 + n for i in range(FILES) for n in range(ROWS)]
    assert all(balanced(site.receipt("alice", "done", n)) and site.receipt("alice", "done", n)["rows"]["indexed"] == ROWS for n in names)


def test_c_10_7_tenants_take_turns_by_groups(tmp_path):
    """More tenants than workers, each with many: a process starts for a group, not for a file."""
    site = Site(tmp_path, sinks={"local": {"type": "sqlite"}}, workers=2)
    names = ["%03d.csv" % i for i in range(100)]
    tenants = ["alice", "bob", "carol"]
    for t in tenants:
        site.tenant(t, t=JOB)
        for i, name in enumerate(names):
            site.drop(t, name, content(i))
    try:
        site.start()
        site.until(lambda: sum(n.endswith(".receipt.json") for t in tenants for n in site.names(t, "done")) == 300)
        turns = [d["tenant"] for d in json.loads(site.ctl("--json", "queue", "--trace").stdout)]
        changes = sum(a != b for a, b in zip(turns, turns[1:]))
        commits = json.loads(site.ctl("--json", "status").stdout)["commits"]
        print("300 files of three tenants: %d changes of the tenant, %d commits" % (changes, commits))
        assert len(turns) == 300 and 2 <= changes <= 60 and commits <= 300
        for t in tenants:
            assert sorted(r["id"] for r in site.rows(t, t + "-t")) == [i * 1000 + n for i in range(100) for n in range(ROWS)]
    finally:
        site.stop()


def folders_of_work(site):
    """name -> (inode, is empty); one that is renamed meanwhile is not there"""
    work, found = site.path("staging", "alice", "work"), {}
    for n in os.listdir(work):
        with contextlib.suppress(FileNotFoundError):
            found[n] = (os.stat(os.path.join(work, n)).st_ino, not os.listdir(os.path.join(work, n)))
    return found


def empty(site):
    return {inode for inode, is_empty in folders_of_work(site).values() if is_empty}


@pytest.fixture
def ten_wait(tmp_path):
    """(site, their names): ten files wait for a sink that is away, so that many are under way."""
    away = socket.socket()  # bound, so that it is nobody else's, and nobody listens
    away.bind(("127.0.0.1", 0))
    site = Site(tmp_path, sinks={"local": {"type": "sqlite"}, "far": {"type": "elasticsearch", "urls": ["http://127.0.0.1:%d" % away.getsockname()[1]]}},
                default_sinks=["local"], workers=4)
    site.tenant("alice", t={**JOB, "pattern": "[0-9]*.csv"}, slow={**JOB, "pattern": "slow*.csv", "sinks": ["far"]})
    try:
        site.start()
        waiting = ["slow%d.csv" % i for i in range(10)]
        for n in waiting:
            site.drop("alice", n, content(500))
        site.until(lambda: len(site.names("alice", "work")) == len(waiting))
        yield site, waiting
    finally:
        site.stop()
        away.close()


def test_c_10_7_an_emptied_folder_serves_the_next_claim(ten_wait):
    """No journal check is troubled by it, and none is left when few are under way."""
    site, waiting = ten_wait
    first = drop_all(site, 20)
    site.until(lambda: all_done(site, first))
    site.until(lambda: len(folders_of_work(site)) - len(empty(site)) == len(waiting))
    kept = empty(site)
    assert 1 <= len(kept) <= 20
    assert json.loads(site.ctl("--json", "journal", "check").stdout)["findings"] == []
    second = ["1%02d.csv" % i for i in range(5)]
    for i, n in enumerate(second):
        site.drop("alice", n, content(i))
    site.until(lambda: all_done(site, first + second))
    site.until(lambda: len(folders_of_work(site)) - len(empty(site)) == len(waiting))
    assert kept <= empty(site) and len(empty(site)) <= max(len(kept), 5)
    site.stop()
    assert empty(site) == set() and len(site.names("alice", "work")) == len(waiting)


def test_c_10_7_a_file_that_comes_back_has_its_folder_to_itself(ten_wait):
    """It is undone while its old folder waits for the next claim, which comes before the undo has ended."""
    site, _ = ten_wait
    site.drop("alice", "1.csv", content(1))
    site.until(lambda: all_done(site, ["1.csv"]))
    site.until(lambda: empty(site))
    store = sqlite3.connect(site.path("var", "data", "alice", "data.db"), isolation_level=None)
    store.execute("begin immediate")
    assert site.ctl("undo", site.receipt("alice", "done", "1.csv")["delivery"]).returncode == 0
    site.until(lambda: "1.csv" not in site.names("alice", "done"))
    for n in ("1.csv", "2.csv"):
        site.drop("alice", n, content(int(n[0]) + 4))
    site.until(lambda: not site.names("alice", "in"))
    store.execute("rollback")
    store.close()
    site.until(lambda: {"1.csv", "2.csv"} <= set(site.names("alice", "done")) and "1.csv" in site.names("alice", "failed"))
    assert site.receipt("alice", "failed", "1.csv")["state"] == "undone"
    with open(site.path("staging", "alice", "failed", "1.csv"), "rb") as f:
        assert f.read() == content(1)
    site.until(lambda: len(site.rows("alice", "alice-t")) == 2 * ROWS)
    assert sorted(r["id"] for r in site.rows("alice", "alice-t")) == [i * 1000 + n for i in (5, 6) for n in range(ROWS)]


def test_c_10_7_what_one_of_a_group_finds_is_its_own(site):
    """A refused row, no rows at all, another's bytes under another name, a name that was delivered, more rows than go in a group."""
    site.drop("alice", "005.csv", content(900))
    assert site.once().returncode == 0
    other = {"f001": content(1) + b"x,not a number\n", "f002": b"id,text\n", "f003": content(4), "f005": content(900),
             "f006": ("id,text\n" + "".join("%d,\n" % (6000000 + n) for n in range(1500))).encode()[:16000].rsplit(b"\n", 1)[0] + b"\n"}
    names = drop_all(site, 40, **other)
    assert site.once().returncode == 0
    done = {n: site.receipt("alice", "done", n) for n in names if n != "005.csv"}
    assert all(balanced(r) for r in done.values())
    assert (done["001.csv"]["rows"]["indexed"], done["001.csv"]["rows"]["rejected"]) == (ROWS, 1)
    assert done["002.csv"]["rows"]["read"] == 0
    assert done["003.csv"]["rows"]["indexed"] == ROWS
    assert done["006.csv"]["rows"]["indexed"] == other["f006"].count(b"\n") - 1 > 1000
    again = [n for n in site.names("alice", "done") if n.startswith("005.csv.") and n.endswith(".receipt.json") and len(n) > 25]
    with open(site.path("staging", "alice", "done", again[0])) as f:
        assert json.load(f)["state"] == "duplicate"
    plain = [i for i in range(40) if i not in (1, 2, 3, 5, 6)]
    assert all(done["%03d.csv" % i]["rows"]["indexed"] == ROWS and done["%03d.csv" % i]["rows"]["duplicates"] == 0 for i in plain)
    expected = sum(r["rows"]["indexed"] for r in done.values()) + ROWS
    assert len(site.rows("alice", "alice-t")) == expected


def test_c_10_7_a_group_whose_commit_fails_is_loaded_one_by_one(site):
    """The store refuses one file's row at the commit: that one waits, the others are there, each once."""
    site.drop("alice", "first.csv", content(999))
    assert site.once().returncode == 0
    db = sqlite3.connect(site.path("var", "data", "alice", "data.db"))
    db.execute("create trigger bad before insert on \"alice-t\" when new.id = 7003 begin select raise(rollback, 'no such row'); end")
    db.commit()
    names = drop_all(site, 40)
    site.start()
    site.until(lambda: sum(n.endswith(".csv") for n in site.names("alice", "done")) == 40)
    assert [n for n in names if n not in site.names("alice", "done")] == ["007.csv"]
    # no other was given to a worker a second time
    assert {n: a for n, a in attempts(site).items() if a > 1}.keys() <= {"007.csv"}
    assert "no such row" in site.ctl("explain", "alice/007.csv").stdout + site.log("alice")
    db.execute("drop trigger bad")
    db.commit()
    db.close()
    site.until(lambda: "007.csv.receipt.json" in site.names("alice", "done"))
    rows = sorted(r["id"] for r in site.rows("alice", "alice-t"))
    assert rows == [i * 1000 + n for i in (*range(40), 999) for n in range(ROWS)]
    assert all(site.receipt("alice", "done", n)["rows"]["indexed"] == ROWS for n in names)
