"""c_ complex: tenants added and removed while the daemon runs."""
import grp
import json
import os
import stat
import subprocess

import pytest

from site_ import BUILD, Site

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
ROWS = b"id\n1\n2\n3\n"


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", t=JOB)
    s.start()
    yield s
    s.stop()


def add_job(site, tenant):
    path = site.path("job.json")
    with open(path, "w") as f:
        json.dump(JOB, f)
    done = site.ctl("job", "create", tenant + "/t", path)
    assert done.returncode == 0, done.stderr


def test_added_without_a_restart(site):
    done = site.ctl("--json", "tenant", "add", "carol")
    assert done.returncode == 0 and json.loads(done.stdout)["state"] == "in force", done.stderr
    folder = site.path("staging", "carol")
    assert set("in try work done failed held dev".split()) <= set(os.listdir(folder))
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o755
    add_job(site, "carol")
    # the starter's settling: five seconds, read from its own text
    with open(site.path("profiles", "carol", "profile.json")) as f:
        text = f.read()
    assert '"level": "plain"' in text and "//" in text
    quick = text.replace('"settle_seconds": 5', '"settle_seconds": 0')
    with open(site.path("quick.json"), "w") as f:
        f.write(quick)
    done = site.ctl("tenant", "add", "carol", site.path("quick.json"))
    assert done.returncode == 0, done.stderr
    site.drop("carol", "a.csv", ROWS)
    site.until(lambda: "a.csv.receipt.json" in site.names("carol", "done"))
    # again without a file: nothing changes
    assert site.ctl("tenant", "add", "carol").returncode == 0
    with open(site.path("profiles", "carol", "profile.json")) as f:
        assert f.read() == quick
    assert "carol" in site.ctl("tenant", "list").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: no groups")
def test_folders_are_its_groups(site):
    name = "igt-t%d" % os.getpid()
    subprocess.run(["groupadd", name], check=True)
    try:
        assert site.ctl("tenant", "add", name).returncode == 0
        gid = grp.getgrnam(name).gr_gid
        top = os.stat(site.path("staging", name))
        assert (top.st_uid, top.st_gid, stat.S_IMODE(top.st_mode)) == (0, 0, 0o755)
        for folder, mode in {"in": 0o770, "try": 0o770, "done": 0o750, "failed": 0o750, "held": 0o750, "work": 0o700, "dev": 0o755}.items():
            st = os.stat(site.path("staging", name, folder))
            assert stat.S_IMODE(st.st_mode) == mode and st.st_uid == 0, folder
            assert st.st_gid == (0 if folder == "dev" else gid), folder
    finally:
        subprocess.run(["groupdel", name], check=True)


@pytest.mark.parametrize("name, text, words", [
    ("Carol", "", "is no tenant's name"), ("-rf", "", "is no tenant's name"), ("c" * 40, "", "is no tenant's name"),
    ("carol", "{", "profile.json"), ("carol", '{"formts": []}', "did you mean formats?"),
    ("carol", '{"tenant": "bob"}', "allowed: the folder's name"), ("carol", '{"sinks": {"nowhere": {}}}', 'no sink "nowhere"')])
def test_what_is_wrong_is_refused_and_makes_nothing(site, name, text, words):
    with open(site.path("p.json"), "w") as f:
        f.write(text)
    done = site.ctl("tenant", "add", "--", name, *([site.path("p.json")] if text else []))
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert not os.path.exists(site.path("profiles", name)) and not os.path.exists(site.path("staging", name))


def test_removed_its_folders_are_archived_and_nothing_is_deleted(site):
    site.drop("alice", "a.csv", ROWS)
    site.until(lambda: "a.csv.receipt.json" in site.names("alice", "done"))
    site.drop("alice", "b.part", b"left alone")
    done = site.ctl("--json", "tenant", "remove", "alice")
    assert done.returncode == 0, done.stderr
    where = json.loads(done.stdout)["folder"]
    assert not os.path.exists(site.path("staging", "alice")) and not os.path.exists(site.path("profiles", "alice"))
    assert sorted(os.listdir(os.path.join(where, "done"))) == ["a.csv", "a.csv.receipt.json"]
    assert os.listdir(os.path.join(where, "in")) == ["b.part"]
    archived, = os.listdir(site.path("profiles", ".removed"))
    assert archived.startswith("alice.") and os.path.exists(site.path("profiles", ".removed", archived, "jobs", "t.json"))
    assert len(site.rows("alice", "alice-t")) == 3
    assert site.ctl("tenant", "remove", "alice").returncode == 1
    assert site.ctl("journal", "check").returncode == 0, site.ctl("journal", "check").stdout
    # a name that comes again begins anew; a restart knows no other
    assert site.ctl("tenant", "add", "alice").returncode == 0
    assert site.names("alice", "done") == [] and site.names("alice", "in") == []
    assert site.stop() == 0
    site.start()
    assert "alice" in site.ctl("tenant", "list").stdout
    assert "profile.gone" in site.log("ingestd")


def test_what_is_on_its_way_ends_first(site):
    """A large file is being loaded when the tenant is removed; what comes meanwhile stays in in/."""
    site.drop("alice", "big.csv", b"id\n" + b"".join(b"%d\n" % i for i in range(300_000)))
    site.until(lambda: "file.claimed" in site.log("alice"))
    p = subprocess.Popen([os.path.join(BUILD, "ingestctl"),
                          "-c", site.path("ingestd.json"), "--json", "tenant", "remove", "alice"], stdout=subprocess.PIPE, text=True)
    where = json.loads(p.communicate(timeout=60)[0])["folder"]
    assert p.returncode == 0
    assert "big.csv" in os.listdir(os.path.join(where, "done")) and os.listdir(os.path.join(where, "work")) == []
    assert len(site.rows("alice", "alice-t")) == 300_000
