"""b_ basic: a manifest that starts a run: several files of one job, all or none of them (delivery.md, Arrival 3; profiles.md, Triggers and runs)."""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import time

import pytest

from clock_ import Clock
from site_ import Site, balanced
from test_b_session import Sshd

SETTLE = {"arrival": {"settle_seconds": 0}}
MAPPINGS = {"mappings": {"properties": {"id": {"type": "long"}}}}
# the file's own name in its rows: which file a row came from
JOB = {"pattern": "m*.csv", "trigger": "manifest", "input": {"header": True}, "index": {"name": "m", **MAPPINGS}}
OTHER = {"pattern": "o*.csv", "input": {"header": True}, "index": {"name": "o", **MAPPINGS}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", SETTLE, m=JOB, o=OTHER)
    yield s
    s.stop()


def rows(first, count=10):
    return b"id\n" + b"".join(b"%d\n" % i for i in range(first, first + count))


FILES = {"m1.csv": rows(0), "m2.csv": rows(1000)}


def listing(files, **more):
    return [{"name": n, "size": len(c), "sha256": hashlib.sha256(c).hexdigest(), **more} for n, c in files.items()]


def manifest(files, job="m", **more):
    return json.dumps({"job": job, "files": listing(files, **more)}).encode()


def drop(site, files, tenant="alice"):
    for name, content in files.items():
        site.drop(tenant, name, content)


def ids(site, table="alice-m"):
    return sorted(r["id"] for r in site.rows("alice", table)) if os.path.exists(site.path("var", "data", "alice", "data.db")) else []


def runs(site):
    return json.loads(site.ctl("--json", "runs").stdout)


def data(site, state):
    """The files themselves, without what lies beside them."""
    return [n for n in site.names("alice", state) if not n.endswith((".receipt.json", ".rejects.csv", ".rejects.ndjson"))]


def explain(site, name, state="in"):
    return site.ctl("explain", site.path("staging", "alice", state, name)).stdout


def test_a_run_of_two_files(site):
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 0
    assert data(site, "done") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "in") == []
    assert ids(site) == sorted([*range(10), *range(1000, 1010)])
    receipt = site.receipt("alice", "done", "batch.manifest.json")
    assert receipt["state"] == "done" and receipt["job"] == "m" and receipt["rows"] is None
    for name, content in FILES.items():
        r = site.receipt("alice", "done", name)
        # the run has the id of its manifest
        assert r["run"] == receipt["id"] and balanced(r) and r["sha256"] == hashlib.sha256(content).hexdigest()
    site.start()
    run, = runs(site)
    assert run["id"] == receipt["id"] and run["trigger"] == "manifest" and run["state"] == "finished"
    assert (run["files"], run["done"], run["failed"]) == (2, 2, 0)
    assert site.ctl("journal", "check").returncode == 0


ALTERED = {
    "altered": (lambda c: c[:-3] + b"8\n" + c[-1:], "its SHA-256 is "),
    "cut": (lambda c: c[:-5], "it has %d bytes, batch.manifest.json says %d" % (len(FILES["m2.csv"]) - 5, len(FILES["m2.csv"]))),
}


@pytest.mark.parametrize("case", ALTERED)
def test_one_altered_file_and_not_one_row_of_any(site, case):
    change, words = ALTERED[case]
    drop(site, {**FILES, "m2.csv": change(FILES["m2.csv"])})
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "in") == []
    assert ids(site) == [] and site.names("alice", "work") == []
    reason = {n: site.receipt("alice", "failed", n)["reason"] for n in ("m1.csv", "m2.csv", "batch.manifest.json")}
    assert words in reason["m2.csv"]
    assert reason["batch.manifest.json"] == "m2.csv: " + reason["m2.csv"]
    assert reason["m1.csv"] == "its run failed before a row was read: m2.csv: " + reason["m2.csv"]
    site.start()
    run, = runs(site)
    assert run["state"] == "failed" and run["reason"].startswith("m2.csv: ") and words in run["reason"]
    assert (run["files"], run["done"], run["failed"]) == (2, 0, 2)
    assert [n for n in site.names("alice", "failed") if re.fullmatch(r"m\.%s\.receipt\.json" % run["id"], n)]
    assert site.ctl("journal", "check").returncode == 0


def test_a_missing_file_is_waited_for_by_name(site):
    site.drop("alice", "m1.csv", FILES["m1.csv"])
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.start()
    site.until(lambda: "its run waits for m2.csv, file 2 of 2: it is not in in/" in explain(site, "batch.manifest.json"))
    assert "a manifest of its job that lists it" in explain(site, "m1.csv") and ids(site) == []
    assert [r["state"] for r in runs(site)] == ["starting"] and site.names("alice", "in") == ["m1.csv"]
    site.drop("alice", "m2.csv", FILES["m2.csv"])
    site.until(lambda: data(site, "done") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "work") == [])
    assert len(ids(site)) == 20 and [r["state"] for r in runs(site)] == ["finished"]


LIMITS = {
    "Number of files exceeds limit": {"max_run_files": 1},
    "Total file size exceeds limit": {"max_run_bytes": sum(map(len, FILES.values())) - 1},
}


@pytest.mark.parametrize("words", LIMITS)
def test_a_run_over_a_limit_goes_to_failed_as_a_whole(site, words):
    site.tenant("alice", {**SETTLE, "limits": LIMITS[words]}, m=JOB, o=OTHER)
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and site.names("alice", "in") == [] and ids(site) == []
    for name in (*FILES, "batch.manifest.json"):
        assert site.receipt("alice", "failed", name)["reason"] == words
    site.start()
    run, = runs(site)
    assert run["state"] == "failed" and run["reason"] == words and run["files"] == 2
    with open(site.path("staging", "alice", "failed", "m.%s.receipt.json" % run["id"])) as f:
        assert json.load(f)["reason"] == words


def test_begun_its_files_end_one_by_one(site):
    files = {**FILES, "m3.csv": b"id\nx\n"}
    drop(site, files)
    site.drop("alice", "batch.manifest.json", manifest(files))
    assert site.once().returncode == 3
    assert data(site, "done") == ["m1.csv", "m2.csv"] and data(site, "failed") == ["batch.manifest.json", "m3.csv"]
    assert len(ids(site)) == 20
    assert site.receipt("alice", "failed", "batch.manifest.json")["reason"] == "1 of 3 files failed"
    site.start()
    run, = runs(site)
    assert run["state"] == "failed" and run["reason"] == "1 of 3 files failed" and (run["done"], run["failed"]) == (2, 1)


def test_stated_rows_are_counted_before_any_file_begins(site):
    good = listing(FILES)
    site.tenant("alice", SETTLE, m=JOB, o=OTHER)
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", json.dumps({"job": "m", "files": [{**good[0], "rows": 10}, {**good[1], "rows": 11}]}).encode())
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and ids(site) == []
    reason = site.receipt("alice", "failed", "m2.csv")["reason"]
    assert reason == "it has 10 rows, batch.manifest.json says 11"
    assert site.receipt("alice", "failed", "m1.csv")["reason"] == "its run failed before a row was read: m2.csv: " + reason
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES, rows=10))
    assert site.once().returncode == 0 and len(ids(site)) == 20
    assert all(balanced(site.receipt("alice", "done", n)) for n in FILES)
    site.start()
    assert site.ctl("journal", "check").returncode == 0


def test_a_daily_quota_holds_a_file_that_was_proven(site):
    """One that is altered is found first: nothing is held of a run that fails."""
    limits = {**SETTLE, "limits": {"max_files_per_day": 1}}
    site.tenant("alice", limits, m=JOB, o=OTHER)
    drop(site, {**FILES, "m2.csv": FILES["m2.csv"][:-4]})
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    assert data(site, "failed") == ["batch.manifest.json", "m1.csv", "m2.csv"] and data(site, "held") == []
    drop(site, FILES)
    site.drop("alice", "again.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    held, = data(site, "held")
    assert len(ids(site)) == 10 and site.receipt("alice", "failed", "again.manifest.json")["reason"] == "1 of 2 files failed or were held"
    site.start()
    assert site.ctl("release", site.path("staging", "alice", "held", held)).returncode == 0
    site.until(lambda: data(site, "done") == ["m1.csv", "m2.csv"] and len(ids(site)) == 20)


def test_once_leaves_a_run_that_waits_and_says_for_what(site):
    site.drop("alice", "m1.csv", FILES["m1.csv"])
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    out = site.once("--wait", "600")
    assert out.returncode == 3 and "its run waits for m2.csv, file 2 of 2: it is not in in/" in out.stderr
    assert site.names("alice", "in") == ["m1.csv"] and ids(site) == []
    site.drop("alice", "m2.csv", FILES["m2.csv"])
    assert site.once().returncode == 0 and len(ids(site)) == 20 and site.names("alice", "work") == []


def test_what_it_waits_for_is_told_after_ten_minutes_and_a_day(site, tmp_path):
    clock = Clock(tmp_path)
    site.drop("alice", "m2.csv", FILES["m2.csv"])
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.start(env=clock.env)
    why = "its run waits for m1.csv, file 1 of 2: it is not in in/"
    site.until(lambda: why in explain(site, "batch.manifest.json"))
    # of the file that is there too
    site.until(lambda: "batch.manifest.json lists it: " + why in explain(site, "m2.csv"))
    incomplete = lambda: json.loads(site.ctl("--json", "status").stdout)["tenants"][0]["incomplete"]
    clock.pass_time(9 * 60)
    assert site.ctl("status").returncode == 0 and "run.waiting" not in site.log("alice")
    clock.pass_time(61)
    site.until(lambda: site.log("alice").count("run.waiting") == 1)
    line, = [x for x in site.log("alice").splitlines() if "run.waiting" in x]
    assert why in line and "file=batch.manifest.json" in line and "remedy=" in line and incomplete() == 0
    clock.pass_time(24 * 3600)
    site.until(lambda: site.log("alice").count("file.incomplete") == 1 and incomplete() == 1)
    assert site.log("alice").count("run.waiting") == 1
    site.drop("alice", "m1.csv", FILES["m1.csv"])
    site.until(lambda: "batch.manifest.json" in data(site, "done") and incomplete() == 0)


def test_a_waiting_run_is_given_up_in_two_ways(site):
    site.drop("alice", "m1.csv", FILES["m1.csv"])
    site.start()
    for n, verb in enumerate((lambda r: ("undo", r), lambda r: ("job", "stop", "alice/m"))):
        site.drop("alice", "b%d.manifest.json" % n, manifest(FILES))
        site.until(lambda: "its run waits for m2.csv" in explain(site, "b%d.manifest.json" % n))
        run = [r for r in runs(site) if r["state"] == "starting"][0]
        out = site.ctl(*verb(run["id"]))
        assert out.returncode == 0, out.stderr
        site.until(lambda: "b%d.manifest.json" % n in data(site, "failed") and site.names("alice", "work") == [])
        assert [r["state"] for r in runs(site) if r["id"] == run["id"]] == ["stopped"]
        assert site.names("alice", "in") == ["m1.csv"] and ids(site) == []


def test_a_newer_manifest_of_the_name_takes_the_place_of_one_that_waits(site):
    site.drop("alice", "batch.manifest.json", manifest({**FILES, "m3.csv": b"id\n7\n"}))
    site.start()
    site.until(lambda: "its run waits for m1.csv" in explain(site, "batch.manifest.json"))
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.until(lambda: len(runs(site)) == 2)
    drop(site, FILES)
    site.until(lambda: data(site, "done") == ["batch.manifest.json", "m1.csv", "m2.csv"])
    assert "a newer batch.manifest.json came before its files were all there" in site.receipt("alice", "failed", "batch.manifest.json")["reason"]
    assert sorted(r["state"] for r in runs(site)) == ["failed", "finished"]


def test_two_manifests_that_list_the_same_file(site):
    """The first that is whole takes it; the other waits for another one of that name."""
    site.drop("alice", "a.manifest.json", manifest(FILES))
    site.drop("alice", "b.manifest.json", manifest({n: FILES[n] for n in ("m2.csv",)}))
    site.start()
    site.until(lambda: len(runs(site)) == 2)
    site.drop("alice", "m2.csv", FILES["m2.csv"])
    site.until(lambda: "b.manifest.json" in data(site, "done"))
    site.until(lambda: "its run waits for m1.csv, file 1 of 2" in explain(site, "a.manifest.json"))
    site.drop("alice", "m1.csv", FILES["m1.csv"])
    site.until(lambda: "its run waits for m2.csv, file 2 of 2: it is not in in/" in explain(site, "a.manifest.json"))
    site.drop("alice", "m2.csv", FILES["m2.csv"])
    site.until(lambda: "a.manifest.json" in data(site, "done") and site.names("alice", "work") == [])
    # the same bytes again: nothing is stored twice
    assert ids(site) == sorted([*range(10), *range(1000, 1010)])


def test_a_file_that_goes_while_the_others_are_taken(site):
    """One whose writer opens it again, one that is removed: the run waits for it, by name, and nothing is read."""
    drop(site, FILES)
    site.start()
    site.until(lambda: "a manifest of its job" in explain(site, "m2.csv"))
    with open(site.path("staging", "alice", "in", "m2.csv"), "ab"):
        site.drop("alice", "batch.manifest.json", manifest(FILES))
        site.until(lambda: "its run waits for m2.csv, file 2 of 2: a writer has it open" in explain(site, "batch.manifest.json"))
        assert ids(site) == [] and [r["state"] for r in runs(site)] == ["starting"]
    site.until(lambda: "batch.manifest.json" in data(site, "done") and len(ids(site)) == 20)


ONE = listing({"m1.csv": FILES["m1.csv"]})[0]


def with_names(*names):
    return {"job": "m", "files": [{**ONE, "name": n} for n in names]}


HOSTILE = {
    "upwards": (with_names("../bob/in/m1.csv"), '$.files[0].name: "../bob/in/m1.csv"; allowed: the bare name of a file'),
    "folder": (with_names("sub/m1.csv"), "allowed: the bare name of a file"),
    "absolute": (with_names("/etc/passwd"), "allowed: the bare name of a file"),
    "dots": (with_names(".."), "allowed: the bare name of a file"),
    "empty name": (with_names(""), "$.files[0].name: found"),
    "control": (with_names("m\n1.csv"), "$.files[0].name"),
    "nul": (with_names("m\0.csv"), "batch.manifest.json"),
    "long": (with_names("m" * 205 + ".csv"), "its name is longer than 200 bytes"),
    "twice": (with_names("m1.csv", "m2.csv", "m1.csv"), '$.files[2].name: "m1.csv" stands there twice'),
    "itself": (with_names("batch.manifest.json"), "its name ends in .manifest.json"),
    "another manifest": (with_names("m1.csv", "x.manifest.json"), "$.files[1].name: \"x.manifest.json\": its name ends in .manifest.json"),
    "never data": (with_names("m1.csv.part"), "its name ends in .part"),
    "hidden": (with_names(".m1.csv"), "begins with a dot"),
    "another job's": (with_names("o1.csv"), '$.files[0].name: "o1.csv"; allowed: names that job m takes, m*.csv'),
    "another tenant": ({"job": "bob/m", "files": [ONE]}, '$.job: "bob/m" is no job of this tenant; allowed: m'),
    "bob's own": ({"job": "b", "files": [ONE]}, '$.job: "b" is no job of this tenant; allowed: m'),
    "on arrival": ({"job": "o", "files": [ONE]}, '$.job: "o" is a job with "trigger": "arrival"; allowed: one with "manifest": m'),
    "no job": ({"files": [ONE]}, "$.job: missing"),
    "job a number": ({"job": 1, "files": [ONE]}, "$.job: found 1"),
    "index": ({"job": "m", "index": "bob-secret", "files": [ONE]}, "$.index: unknown key of a manifest"),
    "nested": ({"job": "m", "files": [{**ONE, "files": [ONE]}]}, "$.files[0].files: unknown key"),
    "nested list": ({"job": "m", "files": [[ONE]]}, "$.files[0]: not an object"),
    "none": ({"job": "m", "files": []}, "$.files: empty"),
    "negative": ({"job": "m", "files": [{**ONE, "size": -1}]}, "$.files[0].size: found -1"),
    "huge": ({"job": "m", "files": [{**ONE, "size": 10 ** 18}]}, "$.files[0].size: found 1000000000000000000"),
    "beyond": ('{"job": "m", "files": [{"name": "m1.csv", "size": 1e999, "sha256": "%s"}]}' % ONE["sha256"], "batch.manifest.json"),
    "half a byte": ({"job": "m", "files": [{**ONE, "size": 0.5}]}, "$.files[0].size: found 0.5"),
    "rows": ({"job": "m", "files": [{**ONE, "rows": -3}]}, "$.files[0].rows: found -3"),
    "digest": ({"job": "m", "files": [{**ONE, "sha256": "x" * 64}]}, "allowed: 64 hexadecimal digits"),
    "a million": ({"job": "m", "files": [{"name": "m%d.csv" % i, "size": 0, "sha256": "0"} for i in range(1_000_000)]},
                  "batch.manifest.json has more than 1048576 bytes; send its files in several runs"),
    "ten thousand and one": (json.dumps({"job": "m", "files": [{"name": "m%x" % i, "size": 0, "sha256": "0" * 64} for i in range(10_001)]},
                                        separators=(",", ":")), "batch.manifest.json: $.files: 10001 files; allowed: at most 10000"),
    "deep": ("[" * 100_000, "batch.manifest.json"),
    "text": ("m1.csv m2.csv", "batch.manifest.json"),
    "no bytes": ("", "batch.manifest.json"),
    "keys twice": ('{"job": "m", "job": "o", "files": []}', "batch.manifest.json"),
}


def test_hostile_manifests_touch_no_file(site):
    """Each fails alone, with the path in it, what was found and what is allowed; the files that it names stay where they are."""
    site.tenant("bob", SETTLE, b=JOB)
    site.drop("bob", "m1.csv", b"id\n1\n")
    for name in ("m1.csv", "m1.csv.part", ".m1.csv"):
        site.drop("alice", name, FILES["m1.csv"])
    before = site.names("alice", "in")
    site.start()
    for case, (content, words) in HOSTILE.items():
        site.drop("alice", "batch.manifest.json", (content if isinstance(content, str) else json.dumps(content)).encode())
        site.until(lambda: data(site, "failed") and site.names("alice", "work") == [])
        reason = site.receipt("alice", "failed", "batch.manifest.json")["reason"]
        assert words in reason and "batch.manifest.json" in reason, (case, reason)
        assert site.names("alice", "in") == before and site.names("bob", "in") == ["m1.csv"], case
        for name in site.names("alice", "failed"):
            os.unlink(site.path("staging", "alice", "failed", name))
    assert runs(site) == [] and ids(site) == [] and site.daemon.poll() is None
    site.drop("alice", "m2.csv", FILES["m2.csv"])
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.until(lambda: data(site, "done") == ["batch.manifest.json", "m1.csv", "m2.csv"])


def test_odd_manifests_are_not_read(site, tmp_path):
    """A link, a folder, a FIFO of that name, one of two names, a sparse one of 1 GB."""
    drop(site, FILES)
    (tmp_path / "secret").write_bytes(manifest(FILES))
    base = site.path("staging", "alice", "in")
    os.symlink(tmp_path / "secret", base + "/link.manifest.json")
    os.mkdir(base + "/folder.manifest.json")
    os.mkfifo(base + "/fifo.manifest.json")
    site.drop("alice", ".one", manifest(FILES))
    os.link(base + "/.one", base + "/two.manifest.json")
    with open(base + "/sparse.manifest.json", "wb") as f:
        f.truncate(1 << 30)
    site.start()
    site.until(lambda: "sparse.manifest.json" in data(site, "failed"))
    assert "has more than 1048576 bytes" in site.receipt("alice", "failed", "sparse.manifest.json")["reason"]
    for name, words in (("link", "it is a symbolic link"), ("folder", "it is a folder"), ("fifo", "it is a FIFO"), ("two", "it has 2 names")):
        site.until(lambda: words in explain(site, name + ".manifest.json"))
    assert runs(site) == [] and ids(site) == [] and {"m1.csv", "m2.csv"} <= set(site.names("alice", "in"))


def test_so_many_waiting_manifests_are_taken_and_no_more(site):
    """100 of a tenant are in work/; what is beyond waits in in/ and comes when one of them is through."""
    for i in range(105):
        site.drop("alice", "w%03d.manifest.json" % i, manifest({"m%03d.csv" % i: b"id\n1\n"}))
    site.start()
    site.until(lambda: len(runs(site)) == 100 and len(site.names("alice", "in")) == 5)
    left = site.names("alice", "in")[0]
    site.until(lambda: "that were taken before" in explain(site, left))
    taken = json.loads(site.ctl("--json", "runs", "--limit", "200").stdout)
    for i in range(105):
        site.drop("alice", "m%03d.csv" % i, b"id\n1\n")
    site.until(lambda: len([n for n in data(site, "done") if n.endswith(".manifest.json")]) == 105)
    assert len(taken) == 100 and site.names("alice", "in") == [] and len(ids(site)) == 105


def sidecar(content, name):
    return b"%s  %s\n" % (hashlib.sha256(content).hexdigest().encode(), name.encode())


def test_at_level_manifest_the_run_states_its_files(site):
    """No file of it needs a statement of its own; one that is there is compared too."""
    site.tenant("alice", {"arrival": {"level": "manifest", "settle_seconds": 0}}, m=JOB, o=OTHER)
    drop(site, FILES)
    site.drop("alice", "m2.csv.sha256", sidecar(FILES["m2.csv"], "m2.csv"))
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.drop("alice", "batch.manifest.json.sha256", sidecar(manifest(FILES), "batch.manifest.json"))
    assert site.once().returncode == 0
    assert data(site, "done") == ["batch.manifest.json", "batch.manifest.json.sha256", "m1.csv", "m2.csv", "m2.csv.sha256"]
    assert site.names("alice", "in") == [] and len(ids(site)) == 20
    more = {"m3.csv": rows(50), "m4.csv": rows(70)}
    drop(site, more)
    site.drop("alice", "m4.csv.sha256", sidecar(b"another", "m4.csv"))
    site.drop("alice", "more.manifest.json", manifest(more))
    assert site.once().returncode == 3 and len(ids(site)) == 20
    assert "m4.csv.sha256 says" in site.receipt("alice", "failed", "m4.csv")["reason"]
    assert "m4.csv.sha256 says" in site.receipt("alice", "failed", "m3.csv")["reason"]
    assert {"m3.csv", "m4.csv", "m4.csv.sha256", "more.manifest.json"} <= set(data(site, "failed"))
    # a manifest whose own checksum is wrong starts nothing
    drop(site, more)
    site.drop("alice", "last.manifest.json", manifest(more))
    site.drop("alice", "last.manifest.json.sha256", sidecar(b"another", "last.manifest.json"))
    assert site.once().returncode == 3
    assert "last.manifest.json.sha256 says" in site.receipt("alice", "failed", "last.manifest.json")["reason"]
    assert site.names("alice", "in") == ["m3.csv", "m4.csv"] and len(ids(site)) == 20


def test_a_manifest_named_as_one_of_its_files(site):
    """m1.csv.manifest.json is a run's too when a manifest job takes m1.csv; of another job's file it is the sidecar."""
    drop(site, FILES)
    site.drop("alice", "m1.csv.manifest.json", manifest(FILES))
    o = {"o1.csv": rows(5)}
    drop(site, o)
    site.drop("alice", "o1.csv.manifest.json", json.dumps({"files": listing(o)}).encode())
    assert site.once().returncode == 0
    assert data(site, "done") == ["m1.csv", "m1.csv.manifest.json", "m2.csv", "o1.csv", "o1.csv.manifest.json"]
    assert len(ids(site)) == 20 and ids(site, "alice-o") == list(range(5, 15))
    # each is its own: the file is taken back without the run's manifest, and comes again
    site.start()
    assert site.ctl("undo", site.path("staging", "alice", "done", "m1.csv")).returncode == 0
    site.until(lambda: "m1.csv" in data(site, "failed"))
    assert "m1.csv.manifest.json" in data(site, "done") and len(ids(site)) == 10
    assert site.ctl("journal", "check").returncode == 0


def test_retention_takes_such_a_file_without_the_manifest(site):
    site.tenant("alice", {**SETTLE, "retention": {"done_days": 1}}, m=JOB, o=OTHER)
    drop(site, FILES)
    site.drop("alice", "m1.csv.manifest.json", manifest(FILES))
    assert site.once().returncode == 0
    db = sqlite3.connect(site.path("var", "journal.db"))
    with db:
        db.execute("update arrivals set placed_ms = placed_ms - 2 * 86400000 where file = 'm1.csv'")
    db.close()
    assert site.once().returncode == 0
    assert data(site, "done") == ["m1.csv.manifest.json", "m2.csv"]


def test_nothing_of_a_run_that_is_over_is_tried_alone(site):
    drop(site, {**FILES, "m2.csv": FILES["m2.csv"][:-4]})
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    assert site.once().returncode == 3
    site.start()
    failed = lambda name: site.path("staging", "alice", "failed", name)
    out = site.ctl("retry", failed("m1.csv"))
    assert out.returncode == 1 and "its run failed before a row was read" in out.stderr and "send its files and the manifest again" in out.stderr
    out = site.ctl("retry", failed("batch.manifest.json"))
    assert out.returncode == 1 and "it is the manifest of a run that is over" in out.stderr
    assert ids(site) == [] and site.names("alice", "work") == []


def test_at_level_session_each_upload_of_it_is_proven(site):
    """A broken one fails alone, and the run waits for it to come whole; no row is read meanwhile."""
    site.tenant("alice", {"arrival": {"level": "session", "settle_seconds": 0}}, m=JOB, o=OTHER)
    os.makedirs(site.path("logs", "sshd"))
    sshd = Sshd(site)
    site.start()
    sshd.upload(site, "half.manifest.json", manifest(FILES)[:-9], forced=True)
    sshd.upload(site, "batch.manifest.json", manifest(FILES))
    sshd.upload(site, "m1.csv", FILES["m1.csv"])
    sshd.upload(site, "m2.csv", FILES["m2.csv"][:-9], forced=True)
    site.until(lambda: {"m2.csv", "half.manifest.json"} <= set(data(site, "failed")))
    for name in ("m2.csv", "half.manifest.json"):
        assert site.receipt("alice", "failed", name)["reason"].startswith("partial upload")
    site.until(lambda: "its run waits for m2.csv, file 2 of 2: it is not in in/" in explain(site, "batch.manifest.json"))
    assert ids(site) == [] and site.names("alice", "in") == ["m1.csv"]
    site.drop("alice", "m2.csv", FILES["m2.csv"])  # of which sshd says nothing
    site.until(lambda: "its run waits for m2.csv, file 2 of 2: it is complete and waits for" in explain(site, "batch.manifest.json"))
    assert ids(site) == []
    sshd.upload(site, "m2.csv", FILES["m2.csv"])
    site.until(lambda: "batch.manifest.json" in data(site, "done") and len(ids(site)) == 20)


def test_a_tenant_with_a_waiting_run_is_removed(site):
    """The run is given up: it would keep the tenant for ever.  And a daemon that ends does not wait for it."""
    site.drop("alice", "m1.csv", FILES["m1.csv"])
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.start()
    site.until(lambda: "its run waits for m2.csv" in explain(site, "batch.manifest.json"))
    began = time.monotonic()
    assert site.stop() == 0 and time.monotonic() - began < 10
    site.start()
    site.until(lambda: "its run waits for m2.csv" in explain(site, "batch.manifest.json"))
    out = site.ctl("tenant", "remove", "alice")
    assert out.returncode == 0, out.stderr
    where, = [os.path.join(b, n) for b, ns, _ in os.walk(site.path("staging", ".removed")) for n in ns if n == "failed"]
    assert "batch.manifest.json" in os.listdir(where) and os.listdir(os.path.dirname(where) + "/in") == ["m1.csv"]


def test_a_paused_job_begins_no_run(site):
    site.start()
    assert site.ctl("pause", "alice/m", "--reason", "stocktaking").returncode == 0
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.until(lambda: "stocktaking" in explain(site, "batch.manifest.json"))
    assert site.names("alice", "in") == ["m1.csv", "m2.csv"] and ids(site) == []
    assert site.ctl("resume", "alice/m").returncode == 0
    site.until(lambda: "batch.manifest.json" in data(site, "done") and len(ids(site)) == 20)


def test_forty_runs_with_one_cut_or_flipped_file(site):
    """20 truncations and 20 flipped bits, each in one of two files: not one row of the 80, and every row of the run that is whole."""
    r = random.Random(9)
    for i in range(40):
        files = {"m%02d%s.csv" % (i, side): rows(i * 100) for side in "ab"}
        site.drop("alice", "b%02d.manifest.json" % i, manifest(files))
        name = r.choice(sorted(files))
        content = bytearray(files[name])
        if i < 20:
            del content[r.randrange(len(content)):]
        else:
            content[r.randrange(len(content))] ^= 1 << r.randrange(8)
        drop(site, {**files, name: bytes(content)})
    drop(site, FILES)
    site.drop("alice", "whole.manifest.json", manifest(FILES))
    assert site.once(timeout=300).returncode == 3
    failed = data(site, "failed")
    assert len([n for n in failed if n.endswith(".csv")]) == 80 and len([n for n in failed if n.endswith(".manifest.json")]) == 40
    assert data(site, "done") == ["m1.csv", "m2.csv", "whole.manifest.json"] and site.names("alice", "in") == []
    assert ids(site) == sorted([*range(10), *range(1000, 1010)])
    for name in failed:
        assert "it is not what its sender sent" in site.receipt("alice", "failed", name)["reason"]


def test_a_run_under_way_keeps_its_manifest(site):
    """Killed after its files were let go: they are compared with it again."""
    store = site.path("var", "data", "alice", "data.db")
    os.makedirs(store)
    drop(site, FILES)
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.start()
    site.until(lambda: "run.started" in site.log("alice") and "its run is under way" in explain(site, "batch.manifest.json"))
    run, = runs(site)
    out = site.ctl("undo", run["id"])
    assert out.returncode == 1 and "the manifest of a run that is under way" in out.stderr
    site.kill()
    site.start()
    site.until(lambda: "its run is under way" in explain(site, "batch.manifest.json"))
    os.rmdir(store)
    site.until(lambda: "batch.manifest.json" in data(site, "done") and site.names("alice", "work") == [])
    assert len(ids(site)) == 20 and site.ctl("journal", "check").returncode == 0


def workers(site):
    """Its daemon's, by their parent."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                name, rest = f.read().rsplit(")", 1)
        except OSError:
            continue
        if name.endswith("(ingest-worker") and int(rest.split()[1]) == site.daemon.pid:
            found.append(int(pid))
    return found


def half_proven(site, name, files):
    """One of two files is proven and waits for the other, whose worker is halted: the one's id, that worker."""
    halted = workers(site)[0]
    os.kill(halted, signal.SIGSTOP)
    drop(site, files)
    site.until(lambda: all("a manifest of its job" in explain(site, n) for n in files))
    site.drop("alice", name, manifest(files))
    waiting = lambda: [n for n in files if "waits for the other files of its run" in explain(site, n)]
    site.until(waiting)
    return [r["id"] for r in json.loads(site.ctl("--json", "files").stdout) if r["file"] in waiting()][0], halted


def state_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def ask_with_the_proof(site, id, halted, wish):
    """The wish comes to the daemon together with the proof of the last file."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(site.path("var", "ingestd.sock"))
        line.settimeout(30)
        line.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
        os.kill(site.daemon.pid, signal.SIGSTOP)
        os.kill(halted, signal.SIGCONT)
        site.until(lambda: state_of(halted) == "S")  # its proof is sent, and it waits for more
        line.send(b"POST /v1/files/%s/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % (id.encode(), wish.encode()))
        os.kill(site.daemon.pid, signal.SIGCONT)
        assert line.recv(4096).startswith(b"HTTP/1.1 202")


@pytest.fixture
def two_workers(tmp_path):
    s = Site(tmp_path, workers=2)
    s.tenant("alice", SETTLE, m=JOB, o=OTHER)
    drop(s, {"o1.csv": rows(0), "o2.csv": rows(100)})  # one scan finds both
    s.start()
    s.until(lambda: len(data(s, "done")) == 2 and len(workers(s)) == 2)
    yield s
    s.kill()


@pytest.mark.parametrize("wish, done", [("undo", 1), ("rerun", 2)])
def test_a_wish_for_a_file_that_waits_for_the_others(two_workers, wish, done):
    """Which of the two the daemon hears first is not said: four rounds."""
    site = two_workers
    for n in range(4):
        files = {"m%d-%d.csv" % (n, k): rows(1000 * n + 100 * k) for k in (1, 2)}
        ask_with_the_proof(site, *half_proven(site, "batch%d.manifest.json" % n, files), wish)
        site.until(lambda: site.daemon.poll() is not None or site.names("alice", "work") == [])
        assert site.daemon.poll() is None and runs(site)[0]["done"] == done and len(ids(site)) == (n + 1) * 10 * done
    assert site.ctl("journal", "check").returncode == 0


def test_the_profile_goes_while_files_are_in_work(two_workers):
    """One that is proven with its run, one in its gate: both wait for it."""
    site, away = two_workers, two_workers.path("away")
    _, halted = half_proven(site, "batch.manifest.json", FILES)
    other, = set(workers(site)) - {halted}
    os.kill(other, signal.SIGSTOP)
    site.drop("alice", "o3.csv", rows(200))
    site.until(lambda: site.names("alice", "in") == [])
    shutil.move(site.path("profiles", "alice"), away)
    site.until(lambda: "profile.gone" in site.log("alice"))
    os.kill(halted, signal.SIGCONT)
    os.kill(other, signal.SIGCONT)
    site.until(lambda: site.daemon.poll() is not None or site.log("alice").count('reason="the tenant has no profile in force"') == 3)
    assert site.daemon.poll() is None
    shutil.move(away, site.path("profiles", "alice"))
    site.until(lambda: site.names("alice", "work") == [])
    assert runs(site)[0]["done"] == 2 and "o3.csv" in data(site, "done") and len(ids(site)) == 20


def kill_with(site, halted):
    site.kill()
    try:
        os.kill(halted, signal.SIGKILL)
    except ProcessLookupError:
        pass


def test_the_profile_of_a_half_proven_run_comes_after_the_start(two_workers):
    """Its files are the run's all the same: one was cut, and not a row of any is read."""
    site, away = two_workers, two_workers.path("away")
    halted = workers(site)[0]
    os.kill(halted, signal.SIGSTOP)
    drop(site, {**FILES, "m2.csv": FILES["m2.csv"][:-5]})
    site.drop("alice", "batch.manifest.json", manifest(FILES))
    site.until(lambda: site.names("alice", "in") == [] and len(site.names("alice", "work")) == 3)
    kill_with(site, halted)
    shutil.move(site.path("profiles", "alice"), away)
    site.start()
    shutil.move(away, site.path("profiles", "alice"))
    site.until(lambda: site.names("alice", "work") == [])
    assert [n for n in data(site, "done") if n[0] != "o"] == [] and runs(site)[0]["state"] == "failed"
    assert "it has 48 bytes" in site.receipt("alice", "failed", "m2.csv")["reason"]


def test_killed_when_the_manifest_was_given_up(two_workers):
    """One of its files was with a worker then: it is in in/ again."""
    site = two_workers
    _, halted = half_proven(site, "batch.manifest.json", FILES)
    run = runs(site)[0]["id"]
    assert site.ctl("undo", run).returncode == 0
    site.until(lambda: "batch.manifest.json" in data(site, "failed") and len(site.names("alice", "work")) == 1)
    kill_with(site, halted)
    site.start()
    site.until(lambda: site.names("alice", "work") == [] and site.names("alice", "in") == ["m1.csv", "m2.csv"])
    site.until(lambda: runs(site)[0]["state"] == "stopped")
    assert site.ctl("journal", "check").returncode == 0
