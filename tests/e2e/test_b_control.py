"""b_ basic: signals, live reload, workers' limits, --once and its exit codes, ingestctl's exit codes and JSON."""
import ctypes
import fcntl
import json
import mmap
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from site_ import BUILD, LockedStore, Site

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
FAST = {"arrival": {"settle_seconds": 0}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, workers=2)
    yield s
    if s.daemon:
        s.stop()


def status(site):
    return json.loads(site.ctl("--json", "status").stdout)


def busy(site):
    return sorted(p["tenant"] for p in status(site)["processes"] if p["state"] == "busy")


# --- workers ---

def test_max_workers_1_two_files_of_one_tenant_never_run_together(site):
    site.tenant("alice", {**FAST, "limits": {"max_workers": 1}}, t=JOB)
    with LockedStore(site, "alice"):
        site.start("--debug")
        for name in ("a.csv", "b.csv"):
            site.drop("alice", name, b"id\n1\n")
        site.until(lambda: busy(site) == ["alice"])
        site.until(lambda: [t["queued"] for t in status(site)["tenants"]] == [1])
        assert busy(site) == ["alice"]
    site.until(lambda: site.log("alice").count("file.done") == 2)
    order = [line.split()[2] for line in site.log("alice").splitlines() if "file.started" in line or "file.done" in line]
    assert order == ["file.started", "file.done", "file.started", "file.done"]


def test_two_tenants_files_do_run_together(site):
    for t in ("alice", "bob"):
        site.tenant(t, {**FAST, "limits": {"max_workers": 1}}, t=JOB)
    with LockedStore(site, "alice"), LockedStore(site, "bob"):
        site.start()
        for t in ("alice", "bob"):
            site.drop(t, "a.csv", b"id\n1\n")
        site.until(lambda: busy(site) == ["alice", "bob"])
    for t in ("alice", "bob"):
        site.until(lambda t=t: "a.csv.receipt.json" in site.names(t, "done"))


# --- who has the file ---

def test_a_writable_mapping_keeps_a_file_from_being_taken(site):
    """The descriptor is closed; the mapping still can write."""
    site.tenant("bob", FAST, t=JOB)
    path = site.path("staging", "bob", "in", "m.csv")
    with open(path, "w+b") as f:
        f.write(b"id\n1\n")
        f.flush()
        mapped = mmap.mmap(f.fileno(), 5)
    site.start()
    site.until(lambda: "open" in site.ctl("explain", path).stdout)
    mapped[3:4] = b"7"
    assert site.names("bob", "done") == []
    mapped.close()
    site.until(lambda: "m.csv.receipt.json" in site.names("bob", "done"))
    assert [r["id"] for r in site.rows("bob", "bob-t")] == [7]


def test_a_rename_by_link_and_unlink_is_found(site):
    """SFTP's classic rename: the final name gets a CREATE and nothing else."""
    site.tenant("bob", FAST, t=JOB)
    site.start()
    part, final = (site.path("staging", "bob", "in", n) for n in ("a.csv.part", "a.csv"))
    with open(part, "wb") as f:
        f.write(b"id\n1\n")
    os.link(part, final)
    os.unlink(part)
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))


def test_an_unnamed_file_that_is_linked_in_is_found(site):
    """O_TMPFILE and linkat, as some programs write: CREATE, then a close under another name."""
    site.tenant("bob", FAST, t=JOB)
    site.start()
    folder = site.path("staging", "bob", "in")
    fd = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(fd, b"id\n1\n")
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.linkat(-100, b"/proc/self/fd/%d" % fd, -100, os.path.join(folder, "t.csv").encode(), 0x400) == 0
    os.close(fd)
    site.until(lambda: "t.csv.receipt.json" in site.names("bob", "done"))


def test_a_second_daemon_is_refused(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    for args in ((), ("--once",)):
        second = site.run(*args)
        assert second.returncode == 1 and "another" in second.stderr


def test_a_daemon_waits_for_a_lock_that_is_about_to_go(site):
    """A child of a killed one has it until its exec."""
    site.tenant("bob", FAST, t=JOB)
    os.mkdir(site.path("var"))
    with open(site.path("var", "ingestd.lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        site.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")])
        with open("/proc/%d/wchan" % site.daemon.pid) as wchan:
            site.until(lambda: wchan.seek(0) == 0 and "nanosleep" in wchan.read())
    site.until(lambda: site.ctl("status").returncode == 0)


# --- signals and reload ---

def test_sigusr1_opens_the_logs_again(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    for name in ("bob", "ingestd"):
        os.rename(site.path("logs", name + ".log"), site.path("logs", name + ".log.1"))
    site.daemon.send_signal(signal.SIGUSR1)
    site.until(lambda: os.path.exists(site.path("logs", "ingestd.log")) and "daemon.reopened" in site.log("ingestd"))
    site.drop("bob", "a.csv", b"id\n1\n")
    site.until(lambda: os.path.exists(site.path("logs", "bob.log")) and "file.done" in site.log("bob"))


def test_profiles_reload_when_their_folder_changes_and_on_sighup(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    loads = site.log("bob").count("profile.loaded")
    site.tenant("bob", {**FAST, "limits": {"max_file_bytes": 4}}, t=JOB)
    site.until(lambda: site.log("bob").count("profile.loaded") > loads)
    site.drop("bob", "a.csv", b"id\n1\n2\n")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "failed"))
    said = site.log("ingestd").count("daemon.reload")
    site.daemon.send_signal(signal.SIGHUP)
    site.until(lambda: site.log("ingestd").count("daemon.reload") > said)


def test_an_invalid_profile_is_refused_and_the_one_in_force_stays(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    site.tenant("bob", {**FAST, "limitz": {}}, t={**JOB, "triger": "manual"})
    site.until(lambda: "profile.refused" in site.log("bob"))
    refused = status(site)["tenants"][0]
    assert "refused" in refused["state"]
    assert "profile.json: $.limitz: unknown key of a profile; did you mean limits?" in refused["reason"]
    assert "jobs/t.json: $.triger: unknown key of a job; did you mean trigger?" in site.log("bob")
    site.drop("bob", "a.csv", b"id\n1\n")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))


def test_tenants_come_and_go_live(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    site.tenant("carol", FAST, t=JOB)
    site.until(lambda: any(t["tenant"] == "carol" for t in status(site)["tenants"]))
    site.drop("carol", "a.csv", b"id\n1\n")
    site.until(lambda: "a.csv.receipt.json" in site.names("carol", "done"))
    shutil.rmtree(site.path("profiles", "carol"))
    site.until(lambda: "profile.gone" in site.log("carol"))
    site.drop("carol", "late.csv", b"id\n2\n")
    site.drop("bob", "b.csv", b"id\n3\n")
    site.until(lambda: "b.csv.receipt.json" in site.names("bob", "done"))
    assert site.names("carol", "in") == ["late.csv"]


def test_sigterm_finishes_what_is_in_flight(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    with LockedStore(site, "bob"):
        site.drop("bob", "a.csv", b"id\n1\n")
        site.until(lambda: busy(site) == ["bob"])
        site.daemon.send_signal(signal.SIGTERM)
        site.until(lambda: "daemon.stopping" in site.log("ingestd"))
        assert site.daemon.poll() is None
    assert site.daemon.wait(timeout=30) == 0
    site.daemon = None
    assert "a.csv.receipt.json" in site.names("bob", "done")


# --- --once ---

def test_once_exits_0_when_all_is_done_and_files_in_in_do_not_count(site):
    site.tenant("bob", FAST, t=JOB, m={**JOB, "pattern": "*.txt", "trigger": "manual", "input": {"format": "csv"}})
    site.drop("bob", "a.csv", b"id\n1\n")
    site.drop("bob", "waits.txt", b"1\n")
    with open(site.path("staging", "bob", "in", "open.csv"), "wb") as f:
        f.write(b"id\n2\n")
        f.flush()
        assert site.once().returncode == 0
    assert site.names("bob", "in") == ["open.csv", "waits.txt"]


@pytest.mark.parametrize("how", ["failed", "held"])
def test_once_exits_3_when_a_file_it_took_is_not_done(site, how):
    site.tenant("bob", FAST, t=JOB, **({"u": JOB} if how == "held" else {}))
    site.drop("bob", "a.csv", b"id\nx\n" if how == "failed" else b"id\n1\n")
    assert site.once().returncode == 3
    assert "a.csv.receipt.json" in site.names("bob", how)
    assert site.once().returncode == 0  # what an earlier call took does not count


def test_once_exits_1_when_a_sink_is_out_of_reach(site):
    site.tenant("bob", FAST, t=JOB)
    os.makedirs(site.path("var", "data", "bob", "data.db"))
    site.drop("bob", "a.csv", b"id\n1\n")
    done = site.once_until_told("--wait", "1")
    assert done.returncode == 1 and "data.db" in done.stderr
    assert site.names("bob", "work") != [] and site.names("bob", "failed") == []
    os.rmdir(site.path("var", "data", "bob", "data.db"))
    assert site.once().returncode == 0
    assert "a.csv.receipt.json" in site.names("bob", "done")


def test_once_that_a_signal_ends_says_that_files_are_left(site):
    site.tenant("bob", FAST, t=JOB)
    site.drop("bob", "a.csv", b"id\n1\n")
    with LockedStore(site, "bob"):
        once = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once"])
        site.until(lambda: os.path.exists(site.path("logs", "bob.log")) and "file.gated" in site.log("bob"))
        once.terminate()
        site.until(lambda: "daemon.stopping" in site.log("ingestd"))
        once.terminate()  # now
        assert once.wait(timeout=30) == 3
    assert site.once().returncode == 0 and "a.csv" in site.names("bob", "done")


def test_a_run_that_starts_while_a_claim_cannot_be_committed(site):
    """Somebody has the journal's lock for longer than the daemon waits: the run begins when it can take its files."""
    site.tenant("bob", {"arrival": {"settle_seconds": 2}}, t={**JOB, "trigger": "manual"})
    site.tenant("alice", FAST, t=JOB)
    site.start()
    site.drop("bob", "a.csv", b"id\n1\n")
    run = site.ctl("job", "start", "bob/t")
    assert run.returncode == 0, run.stderr
    journal = sqlite3.connect(site.path("var", "journal.db"), isolation_level=None)
    journal.execute("begin immediate")
    site.drop("alice", "a.csv", b"id\n1\n")
    site.until(lambda: "journal.behind" in site.log("ingestd"), 20)
    time.sleep(3)  # longer than a.csv of bob has to settle
    journal.execute("rollback")
    journal.close()
    site.until(lambda: "a.csv" in site.names("bob", "done") and not site.names("bob", "work"), 30)
    site.until(lambda: json.loads(site.ctl("--json", "runs").stdout)[0]["state"] == "finished")
    told, = json.loads(site.ctl("--json", "runs").stdout)
    assert (told["files"], told["done"]) == (1, 1), told


def test_a_starting_run_of_a_tenant_that_is_no_longer_there(site):
    """Its profile was moved away while no daemon ran: the others are served."""
    site.tenant("bob", {"arrival": {"settle_seconds": 3600}}, t={**JOB, "trigger": "manual"})
    site.tenant("alice", FAST, t=JOB)
    site.start()
    site.drop("bob", "a.csv", b"id\n1\n")
    assert site.ctl("job", "start", "bob/t").returncode == 0
    site.kill()
    shutil.move(site.path("profiles", "bob"), site.path("away"))
    shutil.move(site.path("staging", "bob"), site.path("bobs"))
    site.start()
    site.drop("alice", "a.csv", b"id\n1\n")
    site.until(lambda: "a.csv" in site.names("alice", "done"))
    shutil.move(site.path("bobs"), site.path("staging", "bob"))
    shutil.move(site.path("away"), site.path("profiles", "bob"))
    site.tenant("bob", FAST, t={**JOB, "trigger": "manual"})
    site.until(lambda: "a.csv" in site.names("bob", "done"), 30)


def test_once_start_runs_a_manual_job(site):
    site.tenant("bob", FAST, t={**JOB, "trigger": "manual"})
    site.drop("bob", "a.csv", b"id\n1\n")
    assert site.once("--start", "bob/t").returncode == 0
    assert site.names("bob", "done") == ["a.csv", "a.csv.receipt.json"]
    assert site.once("--start", "bob/nothing").returncode != 0


def test_once_starts_several_jobs_and_one_that_is_named_twice_once(site):
    site.tenant("bob", FAST, t={**JOB, "trigger": "manual"}, u={**JOB, "pattern": "*.csv2", "trigger": "manual"})
    site.drop("bob", "a.csv", b"id\n1\n")
    site.drop("bob", "b.csv", b"id\n2\n")
    done = site.once("--start", "bob/t", "--start", "bob/u", "--start", "bob/t")
    assert done.returncode == 0 and done.stderr == ""
    assert site.names("bob", "done") == ["a.csv", "a.csv.receipt.json", "b.csv", "b.csv.receipt.json"]
    assert site.log("bob").count("run.finished") == 2


def test_a_wrong_configuration_exits_78(site):
    with open(site.path("ingestd.json"), "w") as f:
        f.write('{"workerz": 2}')
    for args in (("-t",), ("--once",), ()):
        done = site.run(*args)
        assert done.returncode == 78 and "$.workerz" in done.stderr and "did you mean workers?" in done.stderr


# --- ingestctl ---

@pytest.mark.parametrize("option,value,allowed", [
    ("--limit", "x", "a whole number from 1 to 1000"), ("--limit", "1001", "a whole number from 1 to 1000"), ("--limit", "0", "a whole number from 1 to 1000"), ("--limit", "-3", "a whole number from 1 to 1000"),
    ("--limit", "", "a whole number from 1 to 1000"), ("--state", "foo", "one of done, failed, held, duplicate, undone, queued, running, waiting"),
    ("--state", "done,", "one of done"), ("--state", "", "one of done")])
def test_a_wrong_value_of_an_option_is_usage_and_names_what_is_allowed(site, option, value, allowed):
    done = site.ctl("files", option, value)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith('ingestctl: %s "%s": must be %s' % (option, value, allowed)), done.stderr


@pytest.mark.parametrize("args,said", [
    (["runs", "--state", "failed"], "runs takes no --state"), (["runs", "--job", "bob/t"], "runs takes no --job"),
    (["status", "--tenant", "bob"], "status takes no --tenant"), (["undo", "x", "--since", "1d"], "undo takes no --since"),
    (["job", "stop", "bob/t", "--wait"], "job stop takes no --wait"), (["job", "list", "--limit", "1"], "job list takes no --limit"),
    (["backup", "x", "--quick"], "backup takes no --quick"), (["filter", "run", "--filter", "f", "--junit", "x"], "filter run takes no --junit")])
def test_an_option_that_a_command_does_not_take_is_refused(site, args, said):
    done = site.ctl(*args)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("ingestctl: %s\ningestctl: usage: ingestctl " % said), done.stderr


def test_commands_of_the_contract_that_are_not_built_are_refused_by_name(site):
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "watcher", "ctl", "commands.def")) as f:
        later = re.findall(r'^COMMAND_LATER\("([^"]+)"\)', f.read(), re.M)
    assert "alerts" in later
    for words in later:
        done = site.ctl(*words.split())
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "ingestctl: %s: not in this version\n" % words)


@pytest.mark.parametrize("args", ["status bob", "files bob", "runs a b", "reload bob", "tenant list a b", "job list a b", "check a b",
                                  "filter run --filter f x", "job create bob/t", "tenant add", "token list a b"])
def test_an_argument_too_many_or_too_few_is_usage_in_the_words_of_the_help(site, args):
    done = site.ctl(*args.split())
    assert done.returncode == 2 and done.stdout == "", done.stderr
    line = done.stderr.rstrip("\n").removeprefix("ingestctl: usage: ingestctl ")
    assert "  %s " % line in [text.rstrip() + " " for text in site.ctl("--help").stdout.splitlines()], done.stderr


def test_once_says_whose_profile_is_not_in_force(site):
    """Its files stay in in/ and count for nothing in the exit: a word on standard error is all that a cron job's mail has."""
    site.tenant("bob", {**FAST, "limitz": {}})
    site.tenant("carol", FAST, t=JOB)
    site.drop("bob", "a.csv", b"id\n1\n")
    done = site.once()
    assert done.returncode == 0 and site.names("bob", "in") == ["a.csv"]
    told, = done.stderr.splitlines()
    assert "profiles/bob/profile.json: $.limitz: unknown key of a profile; did you mean limits?" in told


def test_status_shows_a_refused_profile_in_one_line(site):
    site.tenant("bob", {"limitz": {}, "formatz": []})
    site.start()
    done = site.ctl("status")
    row, = [line for line in done.stdout.splitlines() if line.startswith("bob ")]
    assert "\\x0a" not in done.stdout and row.count("; ") >= 1
    assert "did you mean limits?; " in row and row.endswith("did you mean formats?")
    reason = json.loads(site.ctl("--json", "status").stdout)["tenants"][0]["reason"]
    assert len(reason.split("\n")) == 2


def test_ingestctl_exits_and_json(site):
    assert site.ctl("status").returncode == 4  # no daemon
    site.tenant("bob", FAST, t=JOB, m={**JOB, "pattern": "*.txt", "trigger": "manual"})
    site.start()
    site.drop("bob", "a.csv", b"id\n1\n")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))
    record = json.loads(site.ctl("--json", "files").stdout)[0]
    for args in (["status"], ["files"], ["files", "--tenant", "bob", "--state", "done", "--limit", "1"],
                 ["show", record["id"]], ["show", record["delivery"]],
                 ["show", site.path("staging", "bob", "done", "a.csv")],
                 ["explain", site.path("staging", "bob", "in", "none.csv")], ["tenant", "list"], ["tenant", "list", "bob"],
                 ["job", "list"], ["job", "list", "bob"], ["job", "show", "bob/t"], ["runs"], ["check"], ["reload"]):
        done = site.ctl("--json", *args)
        assert done.returncode == 0, (args, done.stderr)
        assert json.loads(done.stdout) is not None, args
        assert site.ctl(*args).returncode == done.returncode, args
    for args in (["show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"], ["job", "show", "bob/none"], ["job", "start", "bob/t"],
                 ["tenant", "list", "nobody"], ["job", "stop", "bob/none"]):
        done = site.ctl(*args)
        assert done.returncode == 1 and done.stderr and not done.stdout, (args, done)
    for args in (["nonsense"], ["files", "--nonsense"], ["show"], ["job", "start"], []):
        assert site.ctl(*args).returncode == 2, args
    for program in ("ingestd", "ingestctl", "ingest-worker", "ingest-record", "ingest-notify"):
        for option in ("--help", "--version"):
            done = subprocess.run([os.path.join(BUILD, program), option], capture_output=True, text=True)
            assert done.returncode == 0 and done.stdout


def test_explain_asks_of_the_name_not_of_what_it_points_to(site):
    """r_ found: a relative path to a dangling link or to a name that is gone was in no tenant's folder."""
    site.tenant("bob", FAST, t=JOB)
    site.start()
    folder = site.path("staging", "bob", "in")
    os.symlink("nowhere", os.path.join(folder, "dangling.csv"))
    os.symlink(site.path("ingestd.json"), os.path.join(folder, "link.csv"))
    for name, said in (("dangling.csv", "symbolic link"), ("link.csv", "symbolic link"), ("gone.csv", "no such file")):
        for path in (os.path.join(folder, name), os.path.relpath(os.path.join(folder, name))):
            site.until(lambda path=path, said=said: said in site.ctl("explain", path).stdout)


def test_a_reload_that_refuses_a_profile_exits_3(site):
    """r_ found: it exited 0, so a script that put a broken profile did not learn of it."""
    site.tenant("ann", FAST, t=JOB)
    site.tenant("bob", FAST, t=JOB)
    site.start()
    assert site.ctl("reload").returncode == 0
    site.tenant("bob", FAST, t={**JOB, "pattern": 5})
    for options in ((), ("--json",)):
        done = site.ctl(*options, "reload")
        assert done.returncode == 3 and "$.pattern" in done.stdout, done
    site.tenant("bob", FAST, t=JOB)
    assert site.ctl("reload").returncode == 0


def test_job_start_wait_and_run_records(site):
    site.tenant("bob", FAST, m={**JOB, "trigger": "manual"})
    site.start()
    site.drop("bob", "a.csv", b"id\n1\n2\n")
    done = site.ctl("--json", "job", "start", "bob/m", "--wait")
    assert done.returncode == 0, done.stderr
    run = json.loads(site.ctl("--json", "runs").stdout)[0]
    assert run["state"] == "finished" and run["tenant"] == "bob" and run["job"] == "m"
    assert json.loads(site.ctl("--json", "runs", run["id"]).stdout)["id"] == run["id"]


def test_a_filter_is_read_from_a_slow_pipe(site):
    """r_ found: the text was read without waiting for it."""
    p = subprocess.Popen([os.path.join(BUILD, "ingest-worker"), "--check-filter"], stdin=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    # system call 0 on descriptor 0: it waits in read
    site.until(lambda: open("/proc/%d/syscall" % p.pid).read().startswith("0 0x0 ") or p.poll() is not None)
    _, errors = p.communicate("mutate { lowercaze => [] }")
    assert p.returncode == 2 and "did you mean lowercase?" in errors
