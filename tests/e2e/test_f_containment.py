"""What a worker may do when hostile bytes have taken it over: nothing but its tenant's own work."""
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

from site_ import BUILD, Site, gone

FAST = {"arrival": {"settle_seconds": 0}}
JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}


def status(s):
    return json.loads(s.ctl("--json", "status").stdout)


def of_process(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)


def limits(pid):
    with open("/proc/%d/limits" % pid) as f:
        return {line[:25].strip(): line[25:].split()[:2] for line in f.read().splitlines()[1:]}


def test_f_a_worker_has_no_capability_no_new_privileges_and_a_list_of_calls(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", FAST, t=JOB)
    s.drop("alice", "a.csv", b"n\n1\n")
    s.start()
    try:
        s.until(lambda: "a.csv" in s.names("alice", "done"))
        worker, = status(s)["processes"]
        p, l = of_process(worker["pid"]), limits(worker["pid"])
        assert [p[k].strip() for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == ["0" * 16] * 4
        assert p["NoNewPrivs"].strip() == "1" and p["Seccomp"].strip() == "2"
        assert l["Max core file size"] == ["0", "0"] and l["Max open files"] == ["256", "256"]
        assert l["Max address space"] == [str(1 << 30)] * 2 and int(l["Max cpu time"][0]) <= 601
        assert int(l["Max file size"][1]) == 256 << 30
        told = status(s)["containment"]
        assert (told["kernel_lacks"] is None) == (told["landlock"] >= 6), told
    finally:
        s.stop()


def helper_of(s, name):
    told = []
    with open("/proc/%d/task/%d/children" % (s.daemon.pid, s.daemon.pid)) as f:
        for pid in f.read().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                told.append(of_process(int(pid)))
    return next((p for p in told if p["Name"].strip() == name), {"Seccomp": ""})


@pytest.mark.parametrize("name,config", [
    ("ingest-record", {"mongodb": {"uri": "mongodb://127.0.0.1:9", "database": "x"}}),
    ("ingest-notify", {"webhooks": {"ops": {"url": "http://127.0.0.1:9/"}}})])
def test_f_a_helper_is_shut_in_before_it_asks_anybody(tmp_path, name, config):
    s = Site(tmp_path, **config)
    s.tenant("alice", FAST, t={**JOB, **({"notify": {"webhook": "ops"}} if "webhooks" in config else {})})
    s.drop("alice", "a.csv", b"n\n1\n")
    s.start()
    try:
        s.until(lambda: helper_of(s, name)["Seccomp"].strip() == "2", 20)
        p = helper_of(s, name)
        assert [p[k].strip() for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == ["0" * 16] * 4 and p["NoNewPrivs"].strip() == "1"
    finally:
        s.stop()


@pytest.fixture
def own(tmp_path):
    """A site whose workers are a user of their own; the folders above are passed through by everybody."""
    if os.geteuid() != 0:
        pytest.skip("changing users needs root")
    folder = tempfile.mkdtemp(prefix="ingest-own-")
    os.chmod(folder, 0o711)
    s = Site(folder, worker_user="nobody")
    s.tenant("alice", FAST, t=JOB)
    yield s
    s.stop()
    shutil.rmtree(folder)


def test_f_workers_are_their_own_user_and_the_daemon_keeps_three_capabilities(own):
    own.drop("alice", "a.csv", b"n\n1\n2\n")
    own.start()
    own.until(lambda: "a.csv" in own.names("alice", "done"))
    worker, = status(own)["processes"]
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    assert of_process(worker["pid"])["Uid"].split() == [nobody] * 4
    assert of_process(worker["pid"])["Groups"].strip() == ""
    assert int(of_process(worker["pid"])["PPid"]) == own.daemon.pid
    p = of_process(own.daemon.pid)
    three = (1 << 28) | (1 << 2) | (1 << 0)
    assert [int(p[k], 16) for k in ("CapPrm", "CapEff", "CapBnd")] == [three] * 3
    assert [int(p[k], 16) for k in ("CapInh", "CapAmb")] == [0, 0] and p["NoNewPrivs"].strip() == "1"
    told = status(own)["containment"]
    assert {k: told[k] for k in ("daemon_user", "worker_user", "capabilities")} == {
        "daemon_user": "root", "worker_user": "nobody", "capabilities": ["CAP_LEASE", "CAP_DAC_READ_SEARCH", "CAP_CHOWN"]}
    assert len(own.rows("alice", "alice-t")) == 2
    store = os.stat(own.path("var", "data", "alice"))
    assert (store.st_uid, store.st_gid, store.st_mode & 0o7777) == (int(nobody), os.getegid(), 0o2770)


def test_f_a_worker_gets_neither_the_daemons_environment_nor_a_secret_in_its_command_line(own):
    own.drop("alice", "a.csv", b"n\n1\n")
    own.start(env={"API_TOKEN": "do-not-tell", "TZ": "UTC"})
    own.until(lambda: "a.csv" in own.names("alice", "done"))
    worker, = status(own)["processes"]
    with open("/proc/%d/environ" % worker["pid"]) as f:
        names = {v.split("=")[0] for v in f.read().split("\0") if v}
    assert "TZ" in names and "API_TOKEN" not in names and "HOME" not in names
    with open("/proc/%d/cmdline" % worker["pid"]) as f:
        assert f.read().split("\0") == ["ingest-worker", "--tenant", "alice", "--folder", own.path("var", "data", "alice"), ""]


def test_f_what_the_daemon_cannot_end_its_starter_ends(own):
    own.drop("alice", "a.csv", b"n\n1\n")
    own.start()
    own.until(lambda: "a.csv" in own.names("alice", "done"))
    worker, = status(own)["processes"]
    assert int(limits(worker["pid"])["Max cpu time"][0]) <= 601
    os.kill(worker["pid"], signal.SIGSTOP)
    own.stop()
    own.until(lambda: gone(worker["pid"]), 10)


def test_f_workers_die_with_a_killed_daemon(own):
    own.drop("alice", "a.csv", b"n\n1\n")
    own.start()
    own.until(lambda: "a.csv" in own.names("alice", "done"))
    worker, = status(own)["processes"]
    os.kill(worker["pid"], signal.SIGSTOP)
    own.kill()
    own.until(lambda: gone(worker["pid"]), 10)


def test_f_a_store_of_before_is_given_over_and_counted(own):
    config = own.path("ingestd.json")
    with open(config) as f:
        text = f.read()
    with open(config, "w") as f:
        f.write("{}")
    own.drop("alice", "a.csv", b"n\n1\n2\n")
    assert own.once().returncode == 0
    os.chmod(own.path("var", "data"), 0o711)
    with open(config, "w") as f:
        f.write(text)
    own.drop("alice", "b.csv", b"n\n3\n")
    assert own.once().returncode == 0
    assert sorted(r["n"] for r in own.rows("alice", "alice-t")) == [1, 2, 3]
    assert pwd.getpwuid(os.stat(own.path("var", "data", "alice", "data.db")).st_uid).pw_name == "nobody"
    checked = own.run("--journal-check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_f_a_folder_that_keeps_the_workers_out_is_named_with_the_remedy(own):
    os.mkdir(own.path("var"), 0o755)
    os.mkdir(own.path("var", "data"), 0o700)
    own.drop("alice", "a.csv", b"n\n1\n")
    own.start()
    own.until(lambda: "chmod o+x " + own.path("var", "data") in own.log("alice"), 20)
    os.chmod(own.path("var", "data"), 0o711)
    own.until(lambda: "a.csv" in own.names("alice", "done"))


@pytest.mark.parametrize("key, name, words", [("worker_user", "no-such-one", "there is no user no-such-one"),
                                              ("user", "no-such-one", "there is no user no-such-one"),
                                              ("worker_user", "root", "root is root")])
def test_f_a_user_that_cannot_be_is_a_configuration_error(tmp_path, key, name, words):
    if os.geteuid() != 0:
        pytest.skip("changing users needs root")
    s = Site(tmp_path, **{key: name})
    done = s.once()
    assert done.returncode == 78 and words in done.stderr and "$." + key in done.stderr


def as_user(s, name, *capabilities):
    """The daemon's command line as setpriv starts it: that user, and these capabilities alone."""
    user = pwd.getpwnam(name)
    words = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    if capabilities:
        given = ",".join("+" + c for c in capabilities)
        words += ["--inh-caps", "-all," + given, "--ambient-caps", given, "--bounding-set", "-all," + given]
    # the tree may lie where that user cannot go
    os.makedirs(s.path("bin"))
    for program in ("ingestd", "ingest-worker"):
        shutil.copy2(os.path.join(BUILD, program), s.path("bin"))
    for folder, _, _ in os.walk(s.folder):
        os.chown(folder, user.pw_uid, user.pw_gid)
    return words + [s.path("bin", "ingestd"), "-c", s.path("ingestd.json")]


THREE = ("lease", "dac_read_search", "chown")
STARTS = {
    "no capability": ("nobody", (), [], "nobody"),
    "the three": ("nobody", THREE, ["CAP_LEASE", "CAP_DAC_READ_SEARCH", "CAP_CHOWN"], "nobody"),
    "as the unit": ("nobody", THREE + ("setuid", "setgid", "setpcap"), ["CAP_LEASE", "CAP_DAC_READ_SEARCH", "CAP_CHOWN"], "games"),
}


@pytest.mark.parametrize("how", STARTS)
def test_f_the_daemon_has_three_capabilities_at_most_however_it_is_started(own, how):
    user, capabilities, kept, workers = STARTS[how]
    with open(own.path("ingestd.json"), "w") as f:
        json.dump({"worker_user": workers}, f)
    own.daemon = subprocess.Popen(as_user(own, user, *capabilities))
    own.until(lambda: own.ctl("status").returncode == 0)
    own.drop("alice", ".a.part", b"n\n1\n")
    os.chown(own.path("staging", "alice", "in", ".a.part"), pwd.getpwnam(user if not kept else "games").pw_uid, 0)
    os.rename(own.path("staging", "alice", "in", ".a.part"), own.path("staging", "alice", "in", "a.csv"))
    own.until(lambda: "a.csv" in own.names("alice", "done"))
    taken = os.stat(own.path("staging", "alice", "done", "a.csv"))
    assert pwd.getpwuid(taken.st_uid).pw_name == user
    worker, = status(own)["processes"]
    p, w = of_process(own.daemon.pid), of_process(worker["pid"])
    want = sum(1 << n for n in (28, 2, 0)) if kept else 0
    assert [int(p[k], 16) for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, want, want, 0]
    if capabilities:
        assert int(p["CapBnd"], 16) == want
    assert [int(w[k], 16) for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0] * 4
    assert pwd.getpwuid(int(w["Uid"].split()[0])).pw_name == workers
    told = status(own)["containment"]
    assert (told["daemon_user"], told["worker_user"], told["capabilities"]) == (user, workers, kept)
