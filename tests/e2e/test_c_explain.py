"""Why is it not taken?  `ingestctl explain` gives rule, time, reason and remedy for whatever keeps a file; what lies in in/ for ten minutes
is said once in the tenant's log and stands in status, by the same words."""
import fcntl
import json
import mmap
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest

from clock_ import Clock
from site_ import ROOT, Site

JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
FAST = {"arrival": {"settle_seconds": 0}}
ROW = b"id\n1\n"
F_SETLEASE = 1024


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    if s.daemon:
        s.stop()


def explain(site, *path):
    done = site.ctl("--json", "explain", site.path("staging", *path))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rules():
    with open(os.path.join(ROOT, "watcher", "model", "rules.def")) as f:
        return {m[1]: m[2] for m in re.finditer(r'^RULE\(\w+, "([^"]+)",.*?\n?.*?"([^"]+)"\)$', f.read(), re.M)}


class Held:
    """A child that opens the file in its own way, says so, and lives until the end of the block."""

    def __init__(self, code, *args):
        self.child = subprocess.Popen([sys.executable, "-c", code + "\nprint(flush=True)\nimport time\ntime.sleep(600)", *args],
                                      stdout=subprocess.PIPE)
        assert self.child.stdout.readline()

    def __enter__(self):
        return self.child.pid

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def lay_out(site):
    """One of each that in/ keeps; the word that explain must say."""
    folder = site.path("staging", "alice", "in")
    site.drop("alice", "m.run", ROW)
    site.drop("alice", "two.csv", ROW)
    os.link(os.path.join(folder, "two.csv"), os.path.join(folder, "names.csv"))
    os.mkdir(os.path.join(folder, "sub.csv"))
    site.drop("alice", "sub.csv/x.csv", ROW)
    os.symlink("/etc/passwd", os.path.join(folder, "link.csv"))
    os.mkfifo(os.path.join(folder, "fifo.csv"))
    with socket.socket(socket.AF_UNIX) as s:
        here = os.getcwd()
        os.chdir(folder)
        try:
            s.bind("sock.csv")
        finally:
            os.chdir(here)
    for name in (".hidden.csv", "#x#", "x.csv~", "x.csv.part", "x.csv.FILEPART", "x.csv.tmp", "x.csv.swp"):
        site.drop("alice", name, ROW)
    for name in ("x.csv.sha256", "x.csv.manifest.json", "x.csv.receipt.json"):
        site.drop("alice", name, b"{}")
    return {
        "m.run": "manual", "two.csv": "linked", "names.csv": "linked", "sub.csv": "folder", "sub.csv/x.csv": "folder",
        "link.csv": "not-a-file", "fifo.csv": "not-a-file", "sock.csv": "not-a-file", ".hidden.csv": "name", "#x#": "name",
        "x.csv~": "name", "x.csv.part": "name", "x.csv.FILEPART": "name", "x.csv.tmp": "name", "x.csv.swp": "name",
        "x.csv.sha256": "sidecar", "x.csv.manifest.json": "sidecar", "x.csv.receipt.json": "sidecar", "none.csv": "no-file",
    }


def test_every_name_that_in_keeps_has_rule_reason_and_remedy(site):
    site.tenant("alice", FAST, t=JOB, m={**JOB, "pattern": "*.run", "trigger": "manual", "input": {"format": "csv", "header": True}})
    want = lay_out(site)
    site.start()
    for name, word in want.items():
        site.until(lambda: explain(site, "alice", "in", name)["rule"] == word, 20)
        said = explain(site, "alice", "in", name)
        assert said["remedy"] == rules()[word] and len(said["explanation"]) > 10, name
        # none.csv is not there; x.csv lies in a folder that nobody looks into
        assert (said["since"] is None) == (name in ("none.csv", "sub.csv/x.csv")), name
    # what is never data does not count as arriving
    tenant, = json.loads(site.ctl("--json", "status").stdout)["tenants"]
    assert tenant["arriving"] == len([w for w in want.values() if w in ("manual", "linked", "not-a-file")]) + 1
    # for people: the same words
    text = site.ctl("explain", site.path("staging", "alice", "in", "x.csv.part")).stdout
    assert re.search(r"^rule +name$", text, re.M) and "rename it to deliver it" in text


@pytest.mark.parametrize("how,code", [
    ("open for writing", "import sys\nf = open(sys.argv[1], 'ab')"),
    ("mapped for writing", "import sys, mmap\nf = open(sys.argv[1], 'r+b')\nm = mmap.mmap(f.fileno(), 5)\nf.close()"),
    ("lease", "import sys, fcntl\nf = open(sys.argv[1], 'r+b')\nimport signal\nsignal.signal(signal.SIGIO, signal.SIG_IGN)\n"
     "fcntl.fcntl(f, 1024, fcntl.F_WRLCK)"),
    ("lock", "import sys, fcntl\nf = open(sys.argv[1], 'rb')\nfcntl.flock(f, fcntl.LOCK_EX)"),
])
def test_an_open_file_names_the_process_that_has_it(site, how, code):
    site.tenant("alice", FAST, t=JOB)
    path = site.path("staging", "alice", "in", "a.csv")
    site.drop("alice", "a.csv", ROW)
    with Held(code, path) as pid:
        site.start()
        site.until(lambda: explain(site, "alice", "in", "a.csv")["rule"] == "open", 20)
        # a page of /proc/locks leaves one out when another goes meanwhile: it need not stand there
        for before in ([], ["unshare", "-m", "sh", "-c", 'mount --bind /dev/null /proc/locks && exec "$0" "$@"']):
            done = subprocess.run([*before, *site.ctl_line("--json", "explain", path)], capture_output=True, text=True, timeout=60)
            said = json.loads(done.stdout)
            assert {"pid": pid, "how": how} in [{k: p[k] for k in ("pid", "how")} for p in said["processes"]], said
        # each try to take it moves it into work/ and back
        for _ in range(250 if how == "lock" else 0):
            assert pid in [p["pid"] for p in explain(site, "alice", "in", "a.csv")["processes"]]
        text = site.ctl("explain", path).stdout
        assert re.search(r"^%d +python3?\S* +.*%s" % (pid, how), text, re.M), text
    site.until(lambda: "a.csv.receipt.json" in site.names("alice", "done"))


def test_settling_says_how_long_and_what_becomes_of_it_then(site):
    site.tenant("alice", {"arrival": {"settle_seconds": 3600}}, t=JOB, u={**JOB, "pattern": "u*"}, v={**JOB, "pattern": "*v.csv"})
    for name in ("a.csv", "a.xyz", "uv.csv"):
        site.drop("alice", name, ROW)
    site.start()
    for name, word, job in (("a.csv", "settle_seconds", "t"), ("a.xyz", "then it fails: no job's pattern matches", None),
                            ("uv.csv", "then it goes to held/: 3 jobs match", None)):
        site.until(lambda: explain(site, "alice", "in", name)["rule"] == "settling", 20)
        said = explain(site, "alice", "in", name)
        assert word in said["explanation"] and said["job"] == job and said["state"] == "settling"


def test_a_file_without_its_checksum_says_how_to_make_one(site):
    site.tenant("alice", {"arrival": {"settle_seconds": 0, "level": "manifest"}}, t=JOB)
    site.drop("alice", "a.csv", ROW)
    site.start()
    site.until(lambda: explain(site, "alice", "in", "a.csv")["rule"] == "manifest", 20)
    assert "sha256sum a.csv" in explain(site, "alice", "in", "a.csv")["explanation"]


def test_what_was_taken_is_explained_by_its_record(site):
    site.tenant("alice", FAST, t=JOB, u={**JOB, "pattern": "[u]*"}, v={**JOB, "pattern": "uv*"})
    for name, content in (("a.csv", ROW), ("bad.xyz", ROW), ("uv.txt", ROW), ("a\x1b.csv", ROW)):
        site.drop("alice", name, content)
    site.start()
    for name, folder, word in (("a.csv", "done", "done"), ("bad.xyz", "failed", "failed"), ("uv.txt", "held", "held")):
        site.until(lambda: name + ".receipt.json" in site.names("alice", folder) and not site.names("alice", "work"))
        for at in (folder, "in"):
            said = explain(site, "alice", at, name)
            assert (said["rule"], said["state"]) == (word, word) and len(said["id"]) == 26 and said["since"]
            assert ("is not in in/ any more" in said["explanation"]) == (at == "in")
    site.drop("alice", "a.csv", ROW)
    site.until(lambda: len(site.names("alice", "done")) == 4 and not site.names("alice", "work"))
    # the newest of that name
    assert explain(site, "alice", "in", "a.csv")["rule"] == "done"
    db = sqlite3.connect(site.path("var", "data", "alice", "data.db"), isolation_level=None)
    db.execute("begin immediate")
    site.drop("alice", "wait.csv", ROW)
    site.until(lambda: explain(site, "alice", "in", "wait.csv")["rule"] in ("running", "waiting"), 20)
    db.execute("rollback")
    db.close()
    site.until(lambda: explain(site, "alice", "in", "wait.csv")["rule"] == "done")


def test_a_path_that_is_nowhere_near(site):
    site.tenant("alice", FAST, t=JOB)
    site.start()
    site.until(lambda: os.path.isdir(site.path("staging", "alice", "done")))
    os.makedirs(site.path("staging", "carol", "in"))
    for path in ("carol/in/a.csv", "alice/x.csv", "alice/try/x.csv", "alice/done/x.csv"):
        with open(site.path("staging", *path.split("/")), "wb") as f:
            f.write(ROW)
    for path, word in (("carol/in/a.csv", "no-tenant"), ("alice/x.csv", "not-in-in"), ("alice/try/x.csv", "try"),
                       ("alice/done/x.csv", "unknown")):
        assert explain(site, *path.split("/"))["rule"] == word
    assert site.ctl("explain", "/etc/passwd").returncode == 1
    # a tenant whose profile is refused
    with open(site.path("profiles", "alice", "profile.json"), "w") as f:
        f.write("{")
    os.makedirs(site.path("profiles", "carol"))
    with open(site.path("profiles", "carol", "profile.json"), "w") as f:
        f.write('{"nonsense": 1}')
    site.until(lambda: explain(site, "carol", "in", "a.csv")["rule"] == "no-profile")
    assert "nonsense" in explain(site, "carol", "in", "a.csv")["explanation"]


def test_the_words_of_rules_def_are_all_shown_somewhere():
    """By their word in an end-to-end test, or by their name in a unit test; those of a moment, or of a broken system, are not."""
    with open(os.path.join(ROOT, "watcher", "model", "rules.def")) as f:
        names = dict(re.findall(r'^RULE\((\w+), "([^"]+)"', f.read(), re.M))
    text = ""
    for folder, _, files in os.walk(os.path.join(ROOT, "tests")):
        for name in files:
            if name.endswith((".py", ".c", ".h")):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    text += f.read()
    unshown = {word for name, word in names.items() if '"%s"' % word not in text and "RULE_" + name not in text}
    assert unshown <= set("seen disk backlog other-disk changed system too-many no-folder queued not-ours".split())


# --- ten minutes ---

def lying(site):
    tenant, = json.loads(site.ctl("--json", "status").stdout)["tenants"]
    return {f["file"]: f for f in tenant["lying_files"]}, tenant["lying"]


def lines(site, name):
    return [line for line in site.log("alice").splitlines() if "file.lying" in line and "file=%s " % name in line]


def test_what_lies_in_in_for_ten_minutes_is_said_once(site, tmp_path):
    clock = Clock(tmp_path)
    site.tenant("alice", FAST, t=JOB, m={**JOB, "pattern": "*.run", "trigger": "manual", "input": {"format": "csv", "header": True}})
    want = lay_out(site)
    want = {n: w for n, w in want.items() if w != "no-file" and "/" not in n}
    site.start(env=clock.env)
    site.until(lambda: explain(site, "alice", "in", "link.csv")["rule"] == "not-a-file")
    clock.pass_time(580)
    site.drop("alice", "young.csv.part", b"")
    site.until(lambda: explain(site, "alice", "in", "young.csv.part")["rule"] == "name")
    assert lying(site) == ({}, 0) and "file.lying" not in site.log("alice")
    clock.pass_time(21)
    site.until(lambda: site.log("alice").count("file.lying") >= len(want), 20)
    said, count = lying(site)
    assert count == len(want) and {n: f["rule"] for n, f in said.items()} == want
    for name, word in want.items():
        line, = lines(site, name)
        assert "rule=%s " % word in line and json.dumps(rules()[word]) in line and "since=" in line
        assert said[name]["remedy"] == rules()[word] and said[name]["reason"] in line.replace('\\"', '"')
    # an hour later nothing more is said of what is as it was, and the young one has had its line
    clock.pass_time(3600)
    site.until(lambda: lines(site, "young.csv.part"), 20)
    assert site.log("alice").count("file.lying") == len(want) + 1
    # once more when it has changed, ten minutes after the last line
    with open(site.path("staging", "alice", "in", "x.csv.part"), "ab") as f:
        f.write(b"2\n")
    clock.pass_time(601)
    # a minute more each time: the look may have been before the daemon saw the change
    site.until(lambda: len(lines(site, "x.csv.part")) == 2 or clock.pass_time(61), 20)
    # what goes, goes from status
    os.unlink(site.path("staging", "alice", "in", "x.csv.part"))
    site.until(lambda: "x.csv.part" not in lying(site)[0])
    text = site.ctl("status").stdout
    assert re.search(r"^alice +link\.csv +not-a-file ", text, re.M)


def test_5000_files_that_lie_there_are_100_lines_with_the_number_of_the_rest(site, tmp_path):
    clock = Clock(tmp_path)
    site.tenant("alice", FAST, t={**JOB, "trigger": "manual"})
    for i in range(5000):
        site.drop("alice", "%04d.csv" % i, b"")
    site.start(env=clock.env)
    site.until(lambda: explain(site, "alice", "in", "4999.csv")["rule"] == "manual")
    clock.pass_time(601)
    site.until(lambda: "more=" in site.log("alice"), 20)
    said = [line for line in site.log("alice").splitlines() if "file.lying" in line]
    more = sum(int(m) for m in re.findall(r"more=(\d+)", "\n".join(said)))
    assert len(said) + more == 5000 and len(said) <= 200
    files, count = lying(site)
    assert count == 5000 and len(files) == 100
