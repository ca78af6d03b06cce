"""Killed at random while each layer is taken off, in the gate and in the load: nothing lost, nothing twice; keys change under load."""
import json
import os
import random
import sqlite3
import subprocess
import threading

import pytest

import kills
from books import JOB, csv_of, loaded, once_with_a_slow_store, settled
from layers_ import FORMATS, age, keygen, pairings
from site_ import BUILD, Site

ROWS = 20_000
KILLS = int(os.environ.get("INGEST_LAYER_KILLS", "4"))
PROFILE = {"arrival": {"settle_seconds": 0}, "formats": FORMATS}
EXTENSIONS = [".gz", ".zst", ".xz", ".age", ".gz.age", ".zst.age", ".xz.age"]


def site_with(folder, ext):
    site = Site(folder)
    site.tenant("bob", PROFILE, t=JOB)
    site.drop("bob", "a.csv" + ext, pairings(keygen(site, "bob"))[ext](csv_of(ROWS, 3)))
    return site


def whole(site, ext):
    assert dict(settled(site)) == {"a.csv" + ext: 1}
    loaded(site, "a.csv" + ext, ROWS, 3)


@pytest.mark.parametrize("ext", EXTENSIONS)
def test_the_worker_is_killed_inside_the_layer(tmp_path, ext):
    """After so many windows of decoded bytes, or records cut out of them, of the two passes."""
    rng = random.Random(ext)
    for n in range(KILLS):
        (tmp_path / str(n)).mkdir()
        site = site_with(tmp_path / str(n), ext)
        once = site.path("crashed")
        point = "decode:%d" % rng.randrange(1, 7) if n % 2 else "parse:%d" % rng.randrange(1, 2 * ROWS)
        assert site.once(env={"INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": once}).returncode == 0
        assert os.path.exists(once), point
        kills.add()
        whole(site, ext)


@pytest.mark.parametrize("ext", EXTENSIONS)
def test_the_daemon_is_killed_meanwhile(tmp_path, ext):
    rng = random.Random(ext + "daemon")
    site = site_with(tmp_path, ext)
    for _ in range(KILLS):
        daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once"])
        try:
            daemon.wait(timeout=0.02 + rng.random() * 0.15)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait(timeout=30)
            kills.add()
    assert site.once().returncode == 0
    whole(site, ext)


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, workers=2)
    yield s
    s.kill()  # where the test failed


def test_rotation_under_load(site):
    """Files for the old and the new key arrive mixed while keys rotate: none fails.  After retire the old key's files are held."""
    site.tenant("bob", PROFILE, t=JOB)
    known = [keygen(site, "bob")]
    sent, stop, rng = {}, threading.Event(), random.Random(9)

    def send():
        while not stop.is_set():
            name, to = "%d.csv.age" % len(sent), rng.choice(known)
            content = age(csv_of(200 + len(sent)), "-r", to)
            with open(site.path("staging", "bob", "." + name), "wb") as f:
                f.write(content)
            os.rename(site.path("staging", "bob", "." + name), site.path("staging", "bob", "in", name))
            sent[name] = to
    site.start()
    sender = threading.Thread(target=send)
    sender.start()
    try:
        for rotations in range(1, 5):
            site.until(lambda: len(sent) >= 20 * rotations)
            done = site.ctl("--json", "key", "rotate", "bob")
            assert done.returncode == 0, done.stderr
            known.append(json.loads(done.stdout)["recipient"])
        # how many were sent before the last key was there is the machine's
        site.until(lambda: len(sent) >= 120 and set(list(sent.values())) == set(known))
    finally:
        stop.set()
        sender.join()
    site.until(lambda: len([n for n in site.names("bob", "done") if n.endswith(".receipt.json")]) == len(sent))
    assert site.names("bob", "failed") == [] and site.names("bob", "held") == []
    for name, to in sent.items():
        assert site.receipt("bob", "done", name)["encrypted_to"] == to
        loaded(site, name, 200 + int(name.split(".")[0]))
    assert set(sent.values()) == set(known)
    # retired while the daemon runs: in force with the next file
    assert site.ctl("key", "retire", "bob", known[0]).returncode == 0
    late = {}
    for n in range(20):
        late["late%d.csv.age" % n] = known[n % 2]
        site.drop("bob", "late%d.csv.age" % n, age(csv_of(10 + n), "-r", known[n % 2]))
    site.until(lambda: len([n for n in site.names("bob", "done") + site.names("bob", "held")
                            if n.startswith("late") and n.endswith(".receipt.json")]) == 20)
    for name, to in late.items():
        state = "held" if to == known[0] else "done"
        receipt = site.receipt("bob", state, name)
        assert (known[0] + ", which was retired on") in receipt["reason"] if state == "held" else receipt["encrypted_to"] == to
    assert site.names("bob", "failed") == []
    assert site.stop() == 0


@pytest.mark.parametrize("ext", ["", *EXTENSIONS])
def test_a_killed_load_goes_on_behind_its_checkpoint(tmp_path, ext):
    """A trigger counts each row that reaches the store after the restart: those before the checkpoint do not."""
    site = Site(tmp_path)
    site.tenant("bob", PROFILE, t=JOB)
    site.drop("bob", "a.csv" + ext, pairings(keygen(site, "bob"))[ext](csv_of(30_000)))
    once = site.path("once")
    once_with_a_slow_store(site, {"INGEST_CRASH_AT": "checkpoint.committed", "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once)
    db = sqlite3.connect(site.path("var", "journal.db"))
    (read, offset), = db.execute("select read, byte_offset from legs").fetchall()
    db.close()
    assert 0 < read < 30_000 and offset == len(csv_of(read))
    store = sqlite3.connect(site.path("var", "data", "bob", "data.db"))
    store.executescript('create table reached (n); create trigger counts before insert on "bob-t" begin insert into reached '
                        "values (1); end")
    store.close()
    assert site.once().returncode == 0
    store = sqlite3.connect(site.path("var", "data", "bob", "data.db"))
    assert store.execute("select count(*) from reached").fetchall() == [(30_000 - read,)]
    store.close()
    settled(site)
    loaded(site, "a.csv" + ext, 30_000)
