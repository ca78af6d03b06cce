"""undo, retry, release, rerun and "same_name": "replace": what a person may want of a file that came to its end."""
import json
import os
import sqlite3
import time

import pytest

from site_ import Site, balanced

PROPERTIES = {"id": {"type": "long"}, "name": {"type": "keyword"}}
JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 1},
       "index": {"name": "t", "mappings": {"properties": PROPERTIES}}}
FAST = {"arrival": {"settle_seconds": 0}}


def csv(rows, bad=0, word="n"):
    return b"id,name\n" + b"".join(b"%d,%s%d\n" % (i, word.encode(), i) for i in range(rows)) + b"x,bad\n" * bad


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    s.stop()


def show(site, ident):
    out = site.ctl("--json", "show", ident)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def ended(site, ident, state):
    site.until(lambda: show(site, ident)["state"] == state and ident not in site.names("bob", "work"))
    return show(site, ident)


def wish(site, verb, ident, code=0):
    answers = []

    def answered():
        """Not that it is being tried at this moment, which a waiting one is each second, or placed."""
        answers.append(site.ctl("--json", verb, ident))
        return "nothing to try again" not in answers[-1].stderr and "in a moment" not in answers[-1].stderr
    site.until(answered)
    out = answers[-1]
    assert out.returncode == code, out.stdout + out.stderr
    return json.loads(out.stdout) if code == 0 else out.stderr


def reload(site):
    """The profile on disk is in force."""
    before = site.log("bob").count("profile.loaded")
    assert site.ctl("reload").returncode == 0
    site.until(lambda: site.log("bob").count("profile.loaded") > before)


def load(site, name, content, state="done"):
    site.drop("bob", name, content)
    site.until(lambda: name + ".receipt.json" in site.names("bob", state) and site.names("bob", "work") == [])
    return site.receipt("bob", state, name)


def rows_of(site, receipt):
    return [(r["id"], r["name"]) for r in site.rows("bob", "bob-t") if r["_id"].startswith(receipt["delivery"] + "-")]


def test_undo_takes_back_exactly_that_delivery(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    a, b = load(site, "a.csv", csv(50, 2)), load(site, "b.csv", csv(30, word="m"))
    assert wish(site, "undo", a["id"])["id"] == a["id"]
    end = ended(site, a["id"], "undone")
    assert rows_of(site, a) == [] and len(rows_of(site, b)) == 30
    assert (end["rows"]["indexed"], end["rows"]["unsent"], end["rows"]["rejected"], end["documents"]) == (0, 50, 2, 0)
    assert balanced(end) and end["sinks"][0]["state"] == "undone" and "operator" in end["reason"]
    assert site.names("bob", "done") == ["b.csv", "b.csv.receipt.json"]
    assert site.names("bob", "failed") == ["a.csv", "a.csv.receipt.json", "a.csv.rejects.csv"]
    receipt = site.receipt("bob", "failed", "a.csv")
    assert receipt["state"] == "undone" and receipt["sentence"] == end["sentence"]
    assert open(site.path("staging", "bob", "failed", "a.csv"), "rb").read() == csv(50, 2)
    assert "no row of it is stored" in wish(site, "undo", a["id"], 1)


def test_the_same_bytes_load_again_after_an_undo(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    a = load(site, "a.csv", csv(5))
    wish(site, "undo", site.path("staging", "bob", "done", "a.csv"))
    ended(site, a["id"], "undone")
    again = load(site, "a.csv", csv(5))
    assert again["delivery"] == a["delivery"] and again["id"] != a["id"] and again["state"] == "done"
    assert len(rows_of(site, again)) == 5
    # and the undone one, tried again, is the duplicate now
    wish(site, "retry", a["id"])
    assert ended(site, a["id"], "duplicate")["duplicate_of"] == again["id"]
    assert len(rows_of(site, again)) == 5


def test_retry_loads_a_failed_file_under_the_job_as_it_is_now(site):
    site.tenant("bob", FAST, t={**JOB, "rejects": {"max_rows": 0}})
    site.start()
    a = load(site, "a.csv", csv(5, 1), "failed")
    assert "done" in wish(site, "retry", load(site, "b.csv", csv(1))["id"], 1)
    site.tenant("bob", FAST, t=JOB)
    reload(site)
    wish(site, "retry", a["id"])
    end = ended(site, a["id"], "done")
    assert end["job_version"] != a["job_version"] and end["attempts"] == 2
    assert len(rows_of(site, end)) == 5 and site.names("bob", "failed") == []
    assert os.stat(site.path("staging", "bob", "done", "a.csv")).st_mode & 0o222 == 0


def test_release_lets_a_file_of_the_same_name_through_beside_the_first(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    a = load(site, "a.csv", csv(5))
    held = load(site, "a.csv", csv(7), "held")
    assert "release" in held["reason"]
    assert "it is done; rerun" in wish(site, "release", a["id"], 1)
    wish(site, "retry", held["id"])  # judged anew, by the same rule
    ended(site, held["id"], "held")
    wish(site, "release", held["id"])
    end = ended(site, held["id"], "done")
    assert len(rows_of(site, a)) == 5 and len(rows_of(site, end)) == 7
    assert site.names("bob", "held") == []


def test_rerun_takes_back_and_loads_under_the_current_job(site):
    site.tenant("bob", FAST, t={**JOB, "filter": 'filter { csv { columns => ["id","name"] } mutate { uppercase => ["name"] } }'})
    site.start()
    a = load(site, "a.csv", csv(5))
    assert rows_of(site, a)[0] == (0, "N0")
    site.tenant("bob", FAST, t={**JOB, "filter": 'filter { csv { columns => ["id","name"] } if [id] == "3" { drop {} } }'})
    reload(site)
    wish(site, "rerun", a["id"])
    site.until(lambda: show(site, a["id"])["job_version"] not in (None, a["job_version"]))
    end = ended(site, a["id"], "done")
    assert sorted(rows_of(site, end)) == [(i, "n%d" % i) for i in range(5) if i != 3]
    assert end["delivery"] == a["delivery"] and end["rows"]["filtered"] == 1 and balanced(end)


def test_rerun_of_a_job_since_a_time(site):
    site.tenant("bob", FAST, t=JOB, u={**JOB, "pattern": "*.tsv", "index": {**JOB["index"], "name": "u"}})
    site.start()
    before = [load(site, "%s.csv" % n, csv(3, word=n)) for n in "abc"]
    out = site.ctl("--json", "rerun", "--job", "bob/t", "--since", before[1]["times"]["claimed"].split(".")[0] + "Z")
    assert out.returncode == 0, out.stderr
    names = [r["file"] for r in json.loads(out.stdout)]
    # a second's precision: what was claimed in the same second comes too
    assert names[-2:] == ["b.csv", "c.csv"] and all(r["begun"] for r in json.loads(out.stdout))
    for r in [r for r in before if r["file"] in names]:
        site.until(lambda: show(site, r["id"])["attempts"] == 3)  # load, undo, load
        ended(site, r["id"], "done")
    assert len(site.rows("bob", "bob-t")) == 9
    assert json.loads(site.ctl("--json", "rerun", "--job", "bob/u", "--since", "7d").stdout) == []
    bad = site.ctl("rerun", "--job", "bob/t", "--since", "yesterday")
    assert bad.returncode == 2 and "yesterday" in bad.stderr


def test_replace_stores_the_new_rows_and_takes_the_old_ones_back(site):
    site.tenant("bob", FAST, t={**JOB, "same_name": "replace"})
    site.start()
    old = load(site, "a.csv", csv(50))
    site.drop("bob", "a.csv", csv(20, word="m"))
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "failed") and site.names("bob", "work") == [])
    gone = show(site, old["id"])
    assert gone["state"] == "undone"
    new = show(site, gone["replaced_by"])
    assert new["state"] == "done" and new["replaces"] == old["id"] and old["id"] in new["sentence"]
    assert site.receipt("bob", "failed", "a.csv")["replaced_by"] == new["id"]
    placed = [n for n in site.names("bob", "done") if n.endswith(".receipt.json")]
    assert [json.load(open(site.path("staging", "bob", "done", n)))["replaces"] for n in placed] == [old["id"]]
    assert rows_of(site, old) == [] and len(rows_of(site, new)) == 20
    # the first again: it replaces the second
    wish(site, "retry", old["id"])
    back = ended(site, old["id"], "done")
    ended(site, new["id"], "undone")
    assert back["replaces"] == new["id"] and rows_of(site, new) == [] and len(rows_of(site, back)) == 50


def test_a_file_that_is_gone_can_be_undone_and_not_loaded(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    a = load(site, "a.csv", csv(5))
    os.unlink(site.path("staging", "bob", "done", "a.csv"))
    assert "without its file" in wish(site, "rerun", a["id"], 1)
    assert len(rows_of(site, a)) == 5
    wish(site, "undo", a["id"])
    ended(site, a["id"], "undone")
    assert rows_of(site, a) == [] and site.names("bob", "failed") == ["a.csv.receipt.json"]


def waiting(site, count):
    site.until(lambda: len(json.loads(site.ctl("--json", "files", "--state", "waiting").stdout)) == count)
    return {f["file"]: f["id"] for f in json.loads(site.ctl("--json", "files").stdout)}


def test_a_file_that_waits_for_its_store_is_undone_or_tried_when_that_is_back(site):
    site.tenant("bob", FAST, t=JOB)
    os.makedirs(site.path("var", "data", "bob", "data.db"))
    site.start()
    for name in ("a.csv", "b.csv"):
        site.drop("bob", name, csv(5))
    ids = waiting(site, 2)
    assert "it waits" in wish(site, "release", ids["a.csv"], 1)
    wish(site, "undo", ids["a.csv"])  # rows may be there: it is in failed/ when the store has said that none is
    os.rmdir(site.path("var", "data", "bob", "data.db"))
    wish(site, "retry", ids["b.csv"])
    assert len(rows_of(site, ended(site, ids["b.csv"], "done"))) == 5
    end = ended(site, ids["a.csv"], "undone")
    assert rows_of(site, end) == [] and "operator" in end["reason"]


@pytest.fixture
def loading(site):
    """A file that a worker has at this moment, before its store's lock: [id], with release() to let it go on."""
    site.tenant("bob", FAST, t=JOB)
    site.start()
    load(site, "first.csv", csv(1))
    store = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    store.execute("begin immediate")
    site.drop("bob", "a.csv", csv(5))
    site.until(lambda: any("file.gated" in line and "a.csv" in line for line in site.log("bob").splitlines()))
    ident, = {f["id"] for f in json.loads(site.ctl("--json", "files").stdout) if f["file"] == "a.csv"}
    assert show(site, ident)["state"] == "running"

    def release():
        store.execute("rollback")
        store.close()
    return site, ident, release


def test_undo_of_a_file_that_is_being_loaded_stops_it(loading):
    site, ident, release = loading
    assert "nothing to try again" in site.ctl("retry", ident).stderr
    assert "it is not held" in wish(site, "release", ident, 1)
    wish(site, "undo", ident)
    wish(site, "undo", ident)  # asked for twice
    release()
    end = ended(site, ident, "undone")
    assert rows_of(site, end) == [] and "operator" in end["reason"] and balanced(end)
    assert site.names("bob", "failed") == ["a.csv", "a.csv.receipt.json"]
    assert [f["kind"] for f in json.loads(site.ctl("--json", "journal", "check").stdout)["findings"]] == []


def test_rerun_of_a_file_that_is_being_loaded_begins_it_anew(loading):
    site, ident, release = loading
    site.tenant("bob", FAST, t={**JOB, "filter": 'filter { mutate { replace => { "name" => "new" } } }'})
    reload(site)
    wish(site, "rerun", ident)
    release()
    assert {name for _, name in rows_of(site, ended(site, ident, "done"))} == {"new"}


def test_a_rerun_that_is_under_way_becomes_an_undo(loading):
    site, ident, release = loading
    wish(site, "rerun", ident)
    wish(site, "undo", ident)
    release()
    assert rows_of(site, ended(site, ident, "undone")) == []


def test_undo_of_a_file_in_its_queue_gives_it_up(loading):
    site, _, release = loading
    site.tenant("bob", {**FAST, "limits": {"max_workers": 1}}, t=JOB)
    reload(site)
    site.drop("bob", "b.csv", csv(5))
    site.until(lambda: any(f["file"] == "b.csv" for f in json.loads(site.ctl("--json", "files").stdout)))
    ident, = {f["id"] for f in json.loads(site.ctl("--json", "files").stdout) if f["file"] == "b.csv"}
    site.until(lambda: show(site, ident)["state"] == "queued")
    wish(site, "undo", ident)
    assert "before a row" in ended(site, ident, "undone")["reason"]
    release()


def test_a_file_that_waits_before_its_first_row_is_given_up_at_once(tmp_path):
    site = Site(tmp_path, sinks={"dead": {"type": "elasticsearch", "urls": ["http://127.0.0.1:1"]}}, default_sinks=["dead"])
    site.tenant("bob", FAST, t=JOB)
    site.start()
    try:
        site.drop("bob", "a.csv", csv(5))
        ids = waiting(site, 1)
        wish(site, "undo", ids["a.csv"])
        end = ended(site, ids["a.csv"], "undone")
        assert "before a row" in end["reason"] and site.names("bob", "failed") == ["a.csv", "a.csv.receipt.json"]
    finally:
        site.stop()


def test_the_same_bytes_while_an_undo_is_under_way_wait_for_it(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    a = load(site, "a.csv", csv(5))
    store = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    store.execute("begin immediate")
    wish(site, "undo", a["id"])
    site.drop("bob", "a.csv", csv(5))
    site.until(lambda: len(json.loads(site.ctl("--json", "files").stdout)) == 2)
    second, = [f["id"] for f in json.loads(site.ctl("--json", "files").stdout) if f["id"] != a["id"]]
    site.until(lambda: show(site, second)["state"] in ("waiting", "duplicate"))
    assert show(site, second)["state"] == "waiting"
    store.execute("rollback")
    store.close()
    ended(site, a["id"], "undone")
    assert len(rows_of(site, ended(site, second, "done"))) == 5


def test_a_wish_that_was_answered_is_kept(site):
    """Killed at its commit it was not answered; the file is as it was."""
    site.tenant("bob", FAST, t=JOB)
    site.drop("bob", "a.csv", csv(5))
    site.once()
    a = site.receipt("bob", "done", "a.csv")
    site.start(env={"INGEST_CRASH_AT": "retaking.before-commit"})
    site.until(lambda: "daemon.started" in site.log("ingestd").split("daemon.stopped")[-1])
    out = site.ctl("undo", a["id"])
    assert out.returncode == 4, out.stdout + out.stderr
    site.kill()
    site.start()
    assert show(site, a["id"])["state"] == "done" and len(rows_of(site, a)) == 5


def test_wishes_of_no_file(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    for verb in ("undo", "retry", "release", "rerun"):
        assert "no file" in wish(site, verb, "01ARZ3NDEKTSV4RRFFQ69G5FAV", 1)
        out = site.ctl(verb)
        assert out.returncode == 2 and "usage" in out.stderr


def test_of_many_versions_at_once_the_newest_stays(site):
    """They are sent faster than they are loaded: the store is not free for a while.  Each goes behind the one before it."""
    site.tenant("bob", FAST, t={**JOB, "same_name": "replace"})
    site.start()
    load(site, "a.csv", csv(3, word="v0-"))
    store = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    store.execute("begin immediate")
    versions = 6
    for n in range(1, versions + 1):
        site.drop("bob", "a.csv", csv(3 + versions - n, word="v%d-" % n))  # the newest is the shortest
        site.until(lambda: "a.csv" not in site.names("bob", "in"))
    store.execute("rollback")
    store.close()
    site.until(lambda: site.names("bob", "work") == [], 60)
    assert sorted(r["name"] for r in site.rows("bob", "bob-t")) == ["v%d-%d" % (versions, i) for i in range(3)]
    assert sum(n.endswith(".receipt.json") for n in site.names("bob", "failed")) == versions


def test_bytes_that_were_there_before_are_the_newest_when_they_come_last(site):
    """A is done, B waits for the store, A comes again: not a duplicate of rows that B takes away."""
    site.tenant("bob", FAST, t={**JOB, "same_name": "replace"})
    site.start()
    load(site, "a.csv", csv(3, word="A-"))
    store = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    store.execute("begin immediate")
    site.drop("bob", "a.csv", csv(4, word="B-"))
    site.until(lambda: site.log("bob").count("file.gated") == 2)
    site.drop("bob", "a.csv", csv(3, word="A-"))
    site.until(lambda: "a.csv" not in site.names("bob", "in"))
    time.sleep(0.5)  # time enough to end as a duplicate
    store.execute("rollback")
    store.close()
    site.until(lambda: site.names("bob", "work") == [], 60)
    assert sorted(r["name"] for r in site.rows("bob", "bob-t")) == ["A-%d" % i for i in range(3)]
    assert sorted(f["state"] for f in json.loads(site.ctl("--json", "files").stdout)) == ["done", "undone", "undone"]


SPLIT = {**JOB, "pattern": "*.txt", "same_name": "replace", "input": {"header": False},
         "filter": 'csv { columns => ["id", "name"] } split { field => "name" terminator => "|" }'}


@pytest.fixture
def in_vain(site):
    """A replacement that is stored, and the file before it, whose rows were split, has been removed meanwhile: [old, new]."""
    site.tenant("bob", FAST, t=SPLIT)
    site.start()
    old = load(site, "a.txt", b"1,x|y\n2,z\n")
    store = sqlite3.connect(site.path("var", "data", "bob", "data.db"), isolation_level=None)
    store.execute("begin immediate")
    site.drop("bob", "a.txt", b"1,x|y\n2,z\n3,q|r\n")
    site.until(lambda: site.log("bob").count("file.gated") == 2)
    os.rename(site.path("staging", "bob", "done", "a.txt"), site.path("aside"))
    store.execute("rollback")
    store.close()
    new, = [f["id"] for f in json.loads(site.ctl("--json", "files").stdout) if f["id"] != old["id"]]
    site.until(lambda: "what it replaces is too" in (show(site, new)["reason"] or ""))
    return site, old, new


def test_a_replacement_in_vain_is_undone(in_vain):
    site, old, new = in_vain
    wish(site, "undo", new)
    end = ended(site, new, "undone")
    assert rows_of(site, end) == [] and end["replaces"] is None and balanced(end)
    assert len(rows_of(site, old)) == 3 and show(site, old["id"])["state"] == "done"
    # its bytes are free again: nothing of it is stored
    os.rename(site.path("aside"), site.path("staging", "bob", "done", "a.txt"))
    wish(site, "retry", new)
    assert len(rows_of(site, ended(site, new, "done"))) == 5 and rows_of(site, old) == []
    assert ended(site, old["id"], "undone")["replaced_by"] == new


def test_a_replacement_in_vain_goes_on_with_the_file_back(in_vain):
    site, old, new = in_vain
    os.rename(site.path("aside"), site.path("staging", "bob", "done", "a.txt"))
    wish(site, "retry", new)
    assert ended(site, new, "done")["replaces"] == old["id"]
    assert rows_of(site, ended(site, old["id"], "undone")) == [] and len(rows_of(site, show(site, new))) == 5


def test_a_replacement_in_vain_is_run_again_and_held(in_vain):
    site, old, new = in_vain
    wish(site, "rerun", new)
    end = ended(site, new, "held")
    assert "cannot be replaced" in end["reason"] and rows_of(site, end) == [] and len(rows_of(site, old)) == 3


def test_rerun_keeps_the_rows_of_a_file_whose_job_is_gone(site):
    site.tenant("bob", FAST, t=JOB, u={**JOB, "pattern": "*.tsv"})
    site.start()
    a = load(site, "a.csv", csv(5))
    os.unlink(site.path("profiles", "bob", "jobs", "t.json"))
    reload(site)
    assert "job bob/t is gone" in wish(site, "rerun", a["id"], 1)
    assert show(site, a["id"])["state"] == "done" and len(rows_of(site, a)) == 5
    wish(site, "undo", a["id"])
    assert rows_of(site, ended(site, a["id"], "undone")) == []


def test_rerun_of_a_file_whose_undo_waits_promises_nothing(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    a = load(site, "a.csv", csv(5))
    store = site.path("var", "data", "bob", "data.db")
    os.rename(store, store + ".aside")
    os.makedirs(store)
    wish(site, "undo", a["id"])
    site.until(lambda: show(site, a["id"])["state"] == "waiting")
    answers = []
    site.until(lambda: answers.append(site.ctl("rerun", a["id"])) or "that waits" in answers[-1].stderr)
    assert {o.returncode for o in answers} == {1}
    os.rmdir(store)
    os.rename(store + ".aside", store)
    assert rows_of(site, ended(site, a["id"], "undone")) == []


def test_a_duplicate_names_the_arrival_that_has_its_rows_now(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    ids = [load(site, "a.csv", csv(5))["id"]]

    def again(state):
        site.drop("bob", "a.csv", csv(5))
        site.until(lambda: len(json.loads(site.ctl("--json", "files").stdout)) == len(ids) + 1)
        ids.extend(f["id"] for f in json.loads(site.ctl("--json", "files").stdout) if f["id"] not in ids)
        ended(site, ids[-1], state)
    again("duplicate")
    assert "arrival %s; undo that one" % ids[0] in wish(site, "undo", ids[1], 1)
    assert "are stored" in wish(site, "retry", ids[1], 1)
    wish(site, "undo", ids[0])
    ended(site, ids[0], "undone")
    assert "retry loads it" in wish(site, "undo", ids[1], 1)
    again("done")
    assert "arrival %s; undo that one" % ids[2] in wish(site, "undo", ids[1], 1)


def test_the_next_of_a_name_waits_for_a_replacement_that_a_kill_delayed(site):
    """Each would have waited for the other to end."""
    site.tenant("bob", FAST, t={**JOB, "same_name": "replace"})
    for rows in (50, 20):
        site.drop("bob", "a.csv", csv(rows))
        site.once(env={"INGEST_CRASH_AT": "replacing.committed"})
    site.drop("bob", "a.csv", csv(30, word="m"))
    site.start()
    site.until(lambda: sorted(f["state"] for f in json.loads(site.ctl("--json", "files").stdout)) == ["done", "undone", "undone"])
    site.until(lambda: site.names("bob", "work") == [])
    new, second, first = json.loads(site.ctl("--json", "files").stdout)
    assert (new["state"], new["replaces"], second["replaces"]) == ("done", second["id"], first["id"])
    assert len(rows_of(site, new)) == 30 == len(site.rows("bob", "bob-t"))
    assert site.ctl("journal", "check").stdout.endswith(" 0 findings\n")


def test_a_replacement_is_held_when_an_older_one_of_its_name_cannot_be_taken_back(site):
    """Two were added beside each other; the file of the first is gone, and its rows were split."""
    site.tenant("bob", FAST, t={**SPLIT, "same_name": "add"})
    site.start()
    first = load(site, "a.txt", b"1,x|y\n")
    site.drop("bob", "a.txt", b"2,z|q\n")
    site.until(lambda: site.log("bob").count("file.done") == 2 and site.names("bob", "work") == [])
    os.unlink(site.path("staging", "bob", "done", "a.txt"))
    site.tenant("bob", FAST, t=SPLIT)
    reload(site)
    held = load(site, "a.txt", b"3,w\n", "held")
    assert "arrival %s cannot be replaced" % first["id"] in held["reason"] and len(site.rows("bob", "bob-t")) == 4
