"""b_ basic: files that come with a checksum: `NAME.sha256` of stock sha256sum, at level manifest and wherever one is there."""
import hashlib
import json
import os
import random
import subprocess

import pytest

from clock_ import Clock
from site_ import Site, balanced

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
MANIFEST = {"arrival": {"level": "manifest", "settle_seconds": 0}}
ROWS = b"id\n" + b"".join(b"%d\n" % i for i in range(200))


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", MANIFEST, t=JOB)
    s.tenant("bob", t=JOB)
    yield s
    s.stop()


def stock(site, tenant, name, *options, folder=None):
    """sha256sum itself writes the sidecar."""
    folder = folder or site.path("staging", tenant, "in")
    out = subprocess.run(["sha256sum", *options, name], cwd=folder, capture_output=True, check=True).stdout
    return out


def sidecar(site, tenant, name, content):
    site.drop(tenant, name + ".sha256", content)


def line(name, content):
    return b"%s  %s\n" % (hashlib.sha256(content).hexdigest().encode(), name.encode())


@pytest.mark.parametrize("options", [[], ["-b"], ["--tag"]])
def test_any_order_and_every_form_of_sha256sum(site, options):
    site.drop("alice", "first.csv", ROWS)
    text = stock(site, "alice", "first.csv", *options)
    site.start()
    explain = lambda: site.ctl("explain", site.path("staging", "alice", "in", "first.csv")).stdout
    site.until(lambda: "waits for first.csv.sha256 (arrival level manifest" in explain())
    sidecar(site, "alice", "first.csv", text)
    site.until(lambda: "first.csv.receipt.json" in site.names("alice", "done"))
    sidecar(site, "alice", "second.csv", line("/home/x/second.csv", ROWS + b"7\n"))
    site.drop("alice", "second.csv", ROWS + b"7\n")
    site.until(lambda: "second.csv" in site.names("alice", "done") and site.names("alice", "work") == [])
    for name, rows in (("first.csv", 200), ("second.csv", 201)):
        r = site.receipt("alice", "done", name)
        assert r["rows"]["indexed"] == rows and balanced(r)
        # it moves with its file
        assert name + ".sha256" in site.names("alice", "done")
        with open(site.path("staging", "alice", "done", name), "rb") as f:
            assert r["sha256"] == hashlib.sha256(f.read()).hexdigest()
    assert site.names("alice", "in") == [] and site.names("alice", "work") == []
    assert len(site.rows("alice", "alice-t")) == 401
    assert site.ctl("journal", "check").returncode == 0


def test_not_one_row_of_an_altered_or_cut_file(site):
    """100 truncations and 100 flipped bits, each with the checksum of the whole file: 0 rows."""
    r = random.Random(6)
    lengths = r.sample(range(len(ROWS)), 100)
    for i in range(200):
        content = bytearray(ROWS if i >= 100 else ROWS[:lengths[i]])
        if i >= 100:
            content[r.randrange(len(content))] ^= 1 << r.randrange(8)
        name = "%03d.csv" % i
        site.drop("alice", name, bytes(content))
        sidecar(site, "alice", name, line(name, ROWS))
    site.drop("alice", "whole.csv", ROWS)
    sidecar(site, "alice", "whole.csv", line("whole.csv", ROWS))
    assert site.once(timeout=300).returncode == 3
    failed = site.names("alice", "failed")
    assert len([n for n in failed if n.endswith(".csv")]) == 200
    assert len([n for n in failed if n.endswith(".csv.sha256")]) == 200
    rows = site.rows("alice", "alice-t")
    assert len(rows) == 200 and {x["id"] for x in rows} == set(range(200))
    for i in range(200):
        receipt = site.receipt("alice", "failed", "%03d.csv" % i)
        assert "it is not what its sender sent" in receipt["reason"] and receipt["rows"] is None
        assert hashlib.sha256(ROWS).hexdigest() in receipt["reason"]


BAD = {
    "empty": (b"", "has 0 lines for a.csv"),
    "bare": (b"%s\n" % hashlib.sha256(ROWS).hexdigest().encode(), "line 1 is no line of sha256sum"),
    "another": (line("b.csv", ROWS), "has 0 lines for a.csv, it must have one"),
    "twice": (line("a.csv", ROWS) * 2, "has 2 lines for a.csv"),
    "md5": (b"d41d8cd98f00b204e9800998ecf8427e  a.csv\n", "line 1 is no line of sha256sum"),
    "cut": (line("a.csv", ROWS)[:70], "has 0 lines for a.csv"),
    "long": (line("b.csv", ROWS) * 1000, "has more than 65536 bytes"),
    "nul": (line("a\0.csv", ROWS), "has 0 lines for a.csv"),
    "html": (b"<html>404</html>\n", "line 1 is no line of sha256sum"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_sidecar_that_is_there_is_checked_at_every_level(site, case):
    content, words = BAD[case]
    site.drop("bob", "a.csv", ROWS)
    sidecar(site, "bob", "a.csv", content)
    assert site.once().returncode == 3
    r = site.receipt("bob", "failed", "a.csv")
    assert words in r["reason"] and r["sha256"] == hashlib.sha256(ROWS).hexdigest() and r["rows"] is None
    assert "sha256sum NAME > NAME.sha256" in r["reason"] or "it must have one" in r["reason"]
    with open(site.path("staging", "bob", "failed", "a.csv.sha256"), "rb") as f:
        assert f.read() == content


def test_a_good_one_at_level_plain_moves_and_comes_back(site):
    site.drop("bob", "a.csv", ROWS)
    sidecar(site, "bob", "a.csv", line("a.csv", ROWS))
    site.start()
    site.until(lambda: site.names("bob", "done") == ["a.csv", "a.csv.receipt.json", "a.csv.sha256"] and not site.names("bob", "work"))
    assert site.ctl("rerun", site.path("staging", "bob", "done", "a.csv")).returncode == 0
    site.until(lambda: site.log("bob").count("file.done") == 2)
    assert site.names("bob", "done") == ["a.csv", "a.csv.receipt.json", "a.csv.sha256"]
    assert site.ctl("undo", site.path("staging", "bob", "done", "a.csv")).returncode == 0
    site.until(lambda: site.names("bob", "failed") == ["a.csv", "a.csv.receipt.json", "a.csv.sha256"])
    assert site.rows("bob", "bob-t") == [] and site.names("bob", "done") == []


def test_a_sidecar_being_written_keeps_its_file(site):
    site.drop("alice", "a.csv", ROWS)
    path = site.path("staging", "alice", "in", "a.csv.sha256")
    text = line("a.csv", ROWS)
    site.start()
    with open(path, "wb") as f:
        f.write(text)
        f.flush()
        site.until(lambda: "a writer has a.csv.sha256 open" in
                   site.ctl("explain", site.path("staging", "alice", "in", "a.csv")).stdout)
        assert site.names("alice", "done") == []
    site.until(lambda: "a.csv.receipt.json" in site.names("alice", "done"))


def test_hostile_sidecars_are_never_followed(site, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(line("a.csv", ROWS))
    base = site.path("staging", "alice", "in")
    site.start()
    for kind, words in (("symlink", "cannot open a.csv.sha256"), ("folder", "is not a regular file"),
                        ("hard link", "has 2 names"), ("fifo", "is not a regular file")):
        site.drop("alice", "a.csv", ROWS)
        path = os.path.join(base, "a.csv.sha256")
        if kind == "symlink":
            os.symlink(secret, path)
        elif kind == "folder":
            os.mkdir(path)
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            os.link(secret, path)
        # a folder and a link are larger than nothing; what is shorter than a digest is waited for
        site.until(lambda: words in site.ctl("explain", base + "/a.csv").stdout
                   or "waits for a.csv.sha256" in site.ctl("explain", base + "/a.csv").stdout)
        os.rmdir(path) if kind == "folder" else os.unlink(path)
        assert site.names("alice", "done") == [] and os.listdir(base) == ["a.csv"]
        os.unlink(base + "/a.csv")


# --- NAME.manifest.json ---

def manifest(content, name="a.csv", **more):
    return {"files": [{"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **more}]}


def test_a_manifest_states_size_digest_and_rows(site):
    site.drop("alice", "a.csv", ROWS)
    site.drop("alice", "b.csv", ROWS + b"5\n")
    site.start()
    site.drop("alice", "a.csv.manifest.json", json.dumps(manifest(ROWS, rows=200)).encode())
    site.drop("alice", "b.csv.manifest.json", json.dumps(manifest(ROWS + b"5\n", "b.csv")).encode())
    for name in ("a.csv", "b.csv"):
        site.until(lambda: site.names("alice", "work") == [] and
                   {name, name + ".receipt.json", name + ".manifest.json"} <= set(site.names("alice", "done")))
    assert site.names("alice", "in") == [] and len(site.rows("alice", "alice-t")) == 401
    assert site.ctl("undo", site.path("staging", "alice", "done", "a.csv")).returncode == 0
    site.until(lambda: site.names("alice", "failed") == ["a.csv", "a.csv.manifest.json", "a.csv.receipt.json"])
    assert site.ctl("journal", "check").returncode == 0


GOOD = manifest(ROWS)["files"][0]
REFUSED = {
    "rows": ({"files": [{**GOOD, "rows": 199}]}, "it has 200 rows, a.csv.manifest.json says 199"),
    "size": ({"files": [{**GOOD, "size": 1}]}, "it has %d bytes, a.csv.manifest.json says 1" % len(ROWS)),
    "digest": ({"files": [{**GOOD, "sha256": "0" * 64}]}, "it is not what its sender sent"),
    "no hex": ({"files": [{**GOOD, "sha256": "z" * 64}]}, "allowed: 64 hexadecimal digits"),
    "upwards": ({"files": [{**GOOD, "name": "../bob/a.csv"}]}, "allowed: the bare name of a file"),
    "absolute": ({"files": [{**GOOD, "name": "/etc/passwd"}]}, "allowed: the bare name of a file"),
    "another": ({"files": [{**GOOD, "name": "b.csv"}]}, 'allowed: "a.csv", the file whose manifest this is'),
    "itself": ({"files": [{**GOOD, "name": "a.csv.manifest.json"}]}, 'allowed: "a.csv"'),
    "unknown key": ({"files": [{**GOOD, "index": "bob-secret"}]}, "$.files[0].index: unknown key"),
    "near key": ({"files": [{**GOOD, "row": 3}]}, "did you mean rows?"),
    "index": ({**manifest(ROWS), "index": "x"}, "$.index: unknown key of a manifest"),
    "job": ({**manifest(ROWS), "job": "t"}, "$.job: \"t\"; beside a file it is of that file alone"),
    "several": ({"files": [GOOD, GOOD]}, "$.files: 2 files; beside a file it is of that file alone"),
    "none": ({"files": []}, "$.files: empty"),
    "list": ([], "$: must be an object"),
    "missing": ({"files": [{"name": "a.csv"}]}, "size"),
    "text": ("{", "a.csv.manifest.json"),
    "deep": ("[" * 20000, "a.csv.manifest.json"),
    "twice": ('{"files": [], "files": []}', "a.csv.manifest.json"),
    "huge": (" " * 1_000_000, "has more than 65536 bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_manifest_may_not_say(site, case):
    content, words = REFUSED[case]
    site.drop("bob", "a.csv", ROWS)
    site.drop("bob", "a.csv.manifest.json", (content if isinstance(content, str) else json.dumps(content)).encode())
    assert site.once().returncode == 3
    r = site.receipt("bob", "failed", "a.csv")
    assert words in r["reason"], r["reason"]
    assert "a.csv.manifest.json" in site.names("bob", "failed")
    assert r["rows"] is None or r["rows"]["indexed"] == 0


def test_two_statements_are_one_too_many(site):
    site.drop("alice", "a.csv", ROWS)
    sidecar(site, "alice", "a.csv", line("a.csv", ROWS))
    site.drop("alice", "a.csv.manifest.json", json.dumps(manifest(ROWS)).encode())
    site.start()
    explain = lambda: site.ctl("explain", site.path("staging", "alice", "in", "a.csv")).stdout
    site.until(lambda: "are both there: remove one of them" in explain())
    os.unlink(site.path("staging", "alice", "in", "a.csv.manifest.json"))
    site.until(lambda: "a.csv" in site.names("alice", "done"))


def test_what_is_incomplete_for_a_day_is_an_alert(site, tmp_path):
    clock = Clock(tmp_path)
    site.drop("alice", "a.csv", ROWS)
    sidecar(site, "alice", "gone.csv", line("gone.csv", ROWS))
    site.start(env=clock.env)
    site.until(lambda: "waits for a.csv.sha256" in site.ctl("explain", site.path("staging", "alice", "in", "a.csv")).stdout)
    incomplete = lambda: {t["tenant"]: t["incomplete"] for t in json.loads(site.ctl("--json", "status").stdout)["tenants"]}
    clock.pass_time(24 * 3600 - 60)
    site.until(lambda: site.log("alice").count("file.lying") == 2)
    assert "file.incomplete" not in site.log("alice") and incomplete() == {"alice": 0, "bob": 0}
    clock.pass_time(120)
    site.until(lambda: site.log("alice").count("file.incomplete") == 2)
    assert "file=a.csv " in site.log("alice") and "file=gone.csv.sha256 " in site.log("alice") and "remedy=" in site.log("alice")
    assert incomplete() == {"alice": 2, "bob": 0}
    clock.pass_time(24 * 3600)
    sidecar(site, "alice", "a.csv", line("a.csv", ROWS))
    site.until(lambda: "a.csv" in site.names("alice", "done") and incomplete() == {"alice": 1, "bob": 0})
    assert site.log("alice").count("file.incomplete") == 2
