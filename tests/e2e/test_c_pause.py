"""c_ complex: pause, resume and drain: what is paused begins nothing, what is in work is finished, and all of it is kept over restarts."""
import json
import os
import subprocess

import pytest

from site_ import LockedStore, Site

JOB = {"pattern": "a*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
OTHER = {**JOB, "pattern": "b*.csv", "sinks": ["second"]}
MANUAL = {**JOB, "pattern": "m*.csv", "trigger": "manual"}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, sinks={"local": {"type": "sqlite"}, "second": {"type": "sqlite", "path": "var/second"}}, default_sinks=["local"],
             workers=1)
    for t in ("alice", "bob"):
        s.tenant(t, t=JOB, u=OTHER, m=MANUAL)
    s.start()
    yield s
    s.stop()


def ask(s, *args, code=0):
    done = s.ctl("--json", *args)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if code in (0, 3) else done.stderr


def status(s):
    return ask(s, "status")


def tenant_of(s, name):
    return next(t for t in status(s)["tenants"] if t["tenant"] == name)


def drop(s, tenant, name):
    s.drop(tenant, name, b"id\n1\n")


def done(s, tenant, name):
    return os.path.exists(s.path("staging", tenant, "done", name))


def restart(s):
    assert s.stop() == 0
    s.start()


def why(s, tenant, name):
    return ask(s, "explain", s.path("staging", tenant, "in", name))


@pytest.mark.parametrize("again", ["as it is", "restarted"])
def test_c_a_paused_tenant_begins_nothing_and_the_other_goes_on(site, again):
    assert ask(site, "pause", "alice", "--reason", "unpaid bill") == {"what": "tenant", "name": "alice", "state": "paused"}
    if again == "restarted":
        restart(site)
    drop(site, "alice", "a1.csv")
    drop(site, "bob", "a1.csv")
    site.until(lambda: done(site, "bob", "a1.csv"))
    site.until(lambda: why(site, "alice", "a1.csv")["rule"] == "paused")
    assert "unpaid bill" in why(site, "alice", "a1.csv")["explanation"]
    assert "resume" in why(site, "alice", "a1.csv")["remedy"]
    (pause,) = status(site)["pauses"]
    assert (pause["what"], pause["name"], pause["reason"]) == ("tenant", "alice", "unpaid bill") and pause["since"]
    assert "unpaid bill" in tenant_of(site, "alice")["paused"] and tenant_of(site, "bob")["paused"] is None
    assert "unpaid bill" in site.ctl("status").stdout and "what=tenant name=alice" in site.log("ingestd")
    assert "unpaid bill" in ask(site, "job", "start", "alice/m", code=1)
    assert ask(site, "resume", "alice")["state"] == "resumed"
    site.until(lambda: done(site, "alice", "a1.csv"))
    assert status(site)["pauses"] == [] and "pause.ended" in site.log("ingestd")


@pytest.mark.parametrize("again", ["as it is", "restarted"])
def test_c_a_paused_job_leaves_the_tenants_others_alone(site, again):
    ask(site, "pause", "alice/t")
    ask(site, "pause", "alice/m", "--reason", "not today")
    if again == "restarted":
        restart(site)
    for name in ("a1.csv", "b1.csv", "m1.csv"):
        drop(site, "alice", name)
    drop(site, "bob", "a1.csv")
    site.until(lambda: done(site, "bob", "a1.csv") and done(site, "alice", "b1.csv"))
    site.until(lambda: why(site, "alice", "a1.csv")["rule"] == "paused")
    assert "not today" in ask(site, "job", "start", "alice/m", code=1)
    assert sorted(p["name"] for p in status(site)["pauses"]) == ["alice/m", "alice/t"]
    assert "job alice/t was paused at" in why(site, "alice", "a1.csv")["explanation"]
    ask(site, "resume", "alice/t")
    site.until(lambda: done(site, "alice", "a1.csv"))
    ask(site, "resume", "alice/m")
    assert ask(site, "job", "start", "alice/m", "--wait")["state"] == "finished"


@pytest.mark.parametrize("again", ["as it is", "restarted"])
def test_c_files_for_a_paused_sink_are_taken_and_wait(site, again):
    ask(site, "pause", "sink", "second", "--reason", "maintenance")
    if again == "restarted":
        restart(site)
    for i in range(5):
        drop(site, "alice", "b%d.csv" % i)
    drop(site, "alice", "a1.csv")
    site.until(lambda: done(site, "alice", "a1.csv") and tenant_of(site, "alice")["waiting"] == 5)
    queue = ask(site, "queue", "--tenant", "alice")
    assert len(queue) == 5 and all(q["state"] == "waiting" and "maintenance" in q["reason"] and q["position"] is None for q in queue)
    if again == "restarted":
        restart(site)
        site.until(lambda: tenant_of(site, "alice")["waiting"] == 5)
    ask(site, "resume", "sink", "second")
    site.until(lambda: all(done(site, "alice", "b%d.csv" % i) for i in range(5)))


def test_c_drain_finishes_what_runs_and_says_so(site):
    """With one worker and many files: those that a worker has are finished, no other begins, over a restart too."""
    with LockedStore(site, "alice"):  # it ends when what the worker has may end
        for i in range(300):
            drop(site, "alice", "a%03d.csv" % i)
        site.until(lambda: any(p["state"] == "busy" for p in status(site)["processes"]) and tenant_of(site, "alice")["queued"])
        drain = subprocess.Popen(site.ctl_line("--json", "drain", "--reason", "new kernel"), stdout=subprocess.PIPE, text=True)
        site.until(lambda: status(site)["state"] == "draining")
    left = json.loads(drain.communicate(timeout=60)[0])
    assert left["state"] == "drained" and left["queued"] > 0, left
    turns, through = ask(site, "queue", "--trace")[-1]["turn"], len(site.names("alice", "done"))
    assert not any(p["state"] == "busy" for p in status(site)["processes"])
    assert all("new kernel" in q["reason"] for q in ask(site, "queue", "--limit", "1000") if q["position"])
    assert "daemon.drained" in site.log("ingestd") and "new kernel" in site.ctl("status").stdout
    drop(site, "bob", "a1.csv")
    assert "drained" in ask(site, "job", "start", "bob/m", code=1)
    site.until(lambda: why(site, "bob", "a1.csv")["rule"] == "paused")
    assert ask(site, "queue", "--trace")[-1]["turn"] == turns and len(site.names("alice", "done")) == through
    restart(site)
    site.until(lambda: status(site)["state"] == "drained")
    assert ask(site, "queue", "--trace") == [] and not done(site, "bob", "a1.csv")
    ask(site, "resume")
    assert status(site)["state"] == "ready"
    site.until(lambda: done(site, "bob", "a1.csv"))
    site.until(lambda: sum(n.endswith(".csv") for n in site.names("alice", "done")) == 300)


@pytest.mark.parametrize("args, code, words", [
    (("pause", "nobody"), 1, "nobody"), (("pause", "alice/nothing"), 1, "nothing"), (("pause", "sink", "none"), 1, "none"),
    (("pause",), 2, "usage"), (("pause", "alice", "bob"), 2, "usage"), (("resume", "alice"), 1, "not paused"),
    (("resume", "alice/t"), 1, "not paused"), (("resume", "sink", "local"), 1, "not paused"), (("resume",), 1, "not drained"),
    (("pause", "alice", "--reason", "x" * 201), 1, "201 bytes"), (("pause", "alice", "--reason", "a\nb"), 1, "control byte"),
    (("drain", "alice"), 2, "usage"),
])
def test_c_what_cannot_be_paused_is_refused_with_the_reason(site, args, code, words):
    assert words in ask(site, *args, code=code)
    assert status(site)["pauses"] == []


def test_c_a_removed_tenant_leaves_no_pause_behind(site):
    ask(site, "pause", "bob")
    ask(site, "pause", "bob/t")
    ask(site, "pause", "alice")
    ask(site, "tenant", "remove", "bob")
    assert [p["name"] for p in status(site)["pauses"]] == ["alice"]
    restart(site)
    assert [p["name"] for p in status(site)["pauses"]] == ["alice"]
