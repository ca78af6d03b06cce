"""From inside a worker that was taken over: no file, socket, process or credential of anyone else is within reach.

tests/lib/taken_over.c is the worker's own program with another service: the calls of its input instead of rows.  Each call is made confined,
where it must be refused or kill, and unconfined, where it must succeed: a call that fails anyway shows nothing.
"""
import array
import json
import os
import shutil
import socket
import subprocess
import tempfile

import pytest


import site_
import tools
from site_ import Site, gone

FAST = {"arrival": {"settle_seconds": 0}}
JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}
SIGSYS = "SIGSYS"


@pytest.fixture(scope="module")
def programs():
    return {how: tools.path(os.path.join(how, "ingest-worker")) for how in ("taken-over", "unconfined")}


@pytest.fixture(scope="module")
def machine(programs):
    """A daemon with two tenants, a sink's secret, keys and a running worker of bob's: what alice's worker must not reach."""
    folder = tempfile.mkdtemp(prefix="ingest-taken-")
    os.chmod(folder, 0o711)
    s = Site(folder)
    for name in ("alice", "bob"):
        s.tenant(name, FAST, t=JOB)
        s.drop(name, "a.csv", b"n\n1\n")
    s.start()
    lacks = json.loads(s.ctl("--json", "status").stdout)["containment"]["kernel_lacks"]
    if lacks:
        s.stop()
        shutil.rmtree(folder)
        pytest.skip("this kernel lacks " + lacks)
    s.until(lambda: all("a.csv" in s.names(n, "done") for n in ("alice", "bob")))
    with open(s.path("secret"), "w") as f:
        f.write("password")
    os.chmod(s.path("secret"), 0o600)
    sink, other = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0ingest-%d" % os.getpid())
    abstract.listen()
    open(s.path("var", "data", "bob", "more"), "w").close()
    victim = subprocess.Popen(["sleep", "600"])
    # of another tenant, waiting for a job for as long as its socket is open
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    worker = subprocess.Popen([programs["taken-over"], "--socket-fd", str(theirs.fileno()), "--tenant", "bob", "--folder",
                               s.path("var", "data", "bob")], pass_fds=[theirs.fileno()])
    yield {"s": s, "sink": sink.getsockname()[1], "other": other.getsockname()[1], "abstract": "ingest-%d" % os.getpid(),
           "victim": victim.pid, "daemon": s.daemon.pid, "worker": worker.pid}
    for p in (victim, worker):
        p.kill()
        p.wait()
    for x in (sink, other, abstract, ours, theirs):
        x.close()
    s.stop()
    shutil.rmtree(folder)


def make(program, machine, calls, folder):
    """What the worker says of each call, and how it ended: 0, or the signal's name."""
    s = machine["s"]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    script = os.path.join(folder, "script")
    with open(script, "w") as f:
        f.write("\n".join(calls))
    args = [program, "--socket-fd", str(theirs.fileno()), "--tenant", "alice", "--folder", s.path("var", "data", "alice"),
            "--port", str(machine["sink"])]
    worker = subprocess.Popen(args, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, pass_fds=[theirs.fileno()])
    theirs.close()
    with open(script) as f:
        ours.sendmsg([b"{}"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno()]))])
    said = worker.communicate(timeout=60)[1]
    ours.close()
    answers = dict(line.rsplit(" -> ", 1) for line in said.splitlines())
    return answers, SIGSYS if worker.returncode == -31 else worker.returncode


def calls(m):
    """Each call, and what becomes of it confined."""
    s = m["s"]
    bob = s.path("var", "data", "bob", "data.db")
    none, eacces = s.path("none"), "EACCES"
    yield from ((c, eacces) for c in (
        "read " + bob, "write " + bob, "read " + s.path("var", "data", "bob", "more"), "list " + s.path("var", "data", "bob"),
        "read /etc/shadow", "read /etc/passwd", "read " + s.path("secret"), "read " + s.path("ingestd.json"),
        "read " + s.path("profiles", "alice", "profile.json"), "read " + s.path("profiles", "bob", "profile.json"),
        "list " + s.path("profiles"), "read " + s.path("var", "journal.db"), "write " + s.path("var", "journal.db"),
        "read " + s.path("logs", "bob.log"), "write " + s.path("logs", "alice.log"),
        "read " + s.path("staging", "bob", "done", "a.csv"), "read " + s.path("staging", "alice", "done", "a.csv"),
        "create " + s.path("staging", "bob", "in", "planted.csv"), "create " + s.path("profiles", "bob", "jobs", "planted.json"),
        "read /proc/%d/environ" % m["daemon"], "read /proc/%d/mem" % m["daemon"], "list /proc/%d/fd" % m["daemon"],
        "read /proc/%d/environ" % m["worker"], "list /proc/%d/fd" % m["worker"], "read /proc/%d/cmdline" % m["daemon"],
        "read /proc/self/environ", "list /", "list /tmp", "create /tmp/planted-%d" % os.getpid(), "reopen", "unlink " + s.path("secret2"), "mkdir " + s.path("var", "data", "alice", "folder"),
        "connect_tcp %d" % m["other"]))
    yield from ((c, "EAFNOSUPPORT") for c in (
        "connect_unix " + s.path("var", "ingestd.sock"), "connect_abstract " + m["abstract"], "socket_netlink"))
    yield "lease", "EINVAL"
    yield "setown %d" % m["victim"], "EINVAL"
    yield from ((c, "EPERM") for c in (
        "kill %d" % m["daemon"], "kill %d" % m["worker"], "kill %d" % m["victim"], "tgkill %d" % m["victim"],
        "prlimit_other %d" % m["victim"], "setrlimit", "prctl_dumpable", "fork"))
    yield "clone3", "ENOSYS"
    yield from ((c, eacces) for c in ("write_and_run", "make_runnable"))
    yield from ((c, SIGSYS) for c in (
        "ptrace %d" % m["victim"], "process_vm_readv %d %s" % (m["victim"], stack_of(m["victim"])), "pidfd_open %d" % m["victim"],
        "setpriority %d" % m["victim"], "sched_setaffinity %d" % m["victim"], "vfork", "exec /bin/sh", "execveat /bin/sh", "unshare",
        "chroot", "mount " + none, "setuid", "setgroups", "capset", "personality", "userfaultfd", "keyctl", "add_key", "inotify",
        "fanotify", "memfd", "shmget", "mq_open", "bind_tcp 0", "accept", "name_to_handle " + bob, "io_uring", "bpf", "perf",
        "rename %s %s" % (s.path("secret3"), s.path("secret4")), "link %s %s" % (s.path("secret"), s.path("link")),
        "symlink /etc %s" % s.path("symlink"), "chmod " + s.path("secret"), "truncate " + s.path("var", "data", "bob", "more"), "mknod " + s.path("fifo"), "syslog"))


def stack_of(pid):
    with open("/proc/%d/maps" % pid) as f:
        return next(line.split("-")[0] for line in f)


# what this machine refuses to everybody, root too, shows nothing of the confinement: told by the unconfined run and no more than these
MAY_BE_ABSENT = {"io_uring": {"ENOSYS", "EPERM"}, "bpf": {"ENOSYS", "EPERM"}, "perf": {"ENOSYS", "EPERM", "EACCES", "ENOENT"},
                 "userfaultfd": {"ENOSYS", "EPERM"}, "keyctl": {"ENOSYS"}, "add_key": {"ENOSYS"}, "fanotify": {"ENOSYS", "EPERM"},
                 "mq_open": {"ENOSYS"}, "shmget": {"ENOSYS"}, "syslog": {"EPERM"}, "mount": {"EPERM"}}


def prepare(m):
    s = m["s"]
    for name in ("secret2", "secret3"):
        open(s.path(name), "w").close()
    for name in ("link", "symlink", "fifo", "secret4"):
        if os.path.lexists(s.path(name)):
            os.unlink(s.path(name))
    os.makedirs(s.path("none"), exist_ok=True)
    os.chmod(s.path("secret"), 0o600)


def test_f_every_call_succeeds_without_confinement_and_none_with_it(programs, machine, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("unconfined, most of it takes root to succeed")
    wrong, made = [], 0
    for call, want in calls(machine):
        name = call.split()[0]
        prepare(machine)
        answers, end = make(programs["taken-over"], machine, [call], str(tmp_path))
        got = SIGSYS if end == SIGSYS else answers.get(call)
        if got != want:
            wrong.append("confined %s: %s, not %s" % (call, got, want))
        prepare(machine)
        answers, end = make(programs["unconfined"], machine, [call], str(tmp_path))
        got = answers.get(call, end)
        if got != "ok" and got not in MAY_BE_ABSENT.get(name, ()):
            wrong.append("unconfined %s: %s" % (call, got))
        for planted in ("staging/bob/in/planted.csv", "profiles/bob/jobs/planted.json", "var/data/alice/folder"):
            path = machine["s"].path(planted)
            if os.path.isdir(path):
                os.rmdir(path)
            elif os.path.exists(path):
                os.unlink(path)
        if os.path.exists("/tmp/planted-%d" % os.getpid()):
            os.unlink("/tmp/planted-%d" % os.getpid())
        made += 1
    assert not wrong, "\n".join(wrong)
    assert made == 85


def test_f_what_a_worker_needs_it_can_do(programs, machine, tmp_path):
    s = machine["s"]
    needed = ["create " + s.path("var", "data", "alice", "x"), "read " + s.path("var", "data", "alice", "data.db"),
              "unlink " + s.path("var", "data", "alice", "x"), "connect_tcp %d" % machine["sink"], "read /etc/hosts",
              "read /usr/share/zoneinfo/UTC", "read /dev/urandom"]
    answers, end = make(programs["taken-over"], machine, needed, str(tmp_path))
    assert end == 0 and answers == {c: "ok" for c in needed}


@pytest.fixture
def own(programs, tmp_path, monkeypatch):
    """A real daemon, whose workers are a user of their own and taken over."""
    if os.geteuid() != 0:
        pytest.skip("changing users needs root")
    folder = tempfile.mkdtemp(prefix="ingest-taken-")
    os.chmod(folder, 0o711)
    os.mkdir(os.path.join(folder, "bin"), 0o755)
    for name in ("ingestd", "ingest-record", "ingestctl"):
        shutil.copy(os.path.join(site_.BUILD, name), os.path.join(folder, "bin"))
    shutil.copy(programs["taken-over"], os.path.join(folder, "bin", "ingest-worker"))
    monkeypatch.setattr(site_, "BUILD", os.path.join(folder, "bin"))
    s = Site(folder, worker_user="nobody")
    for name in ("alice", "bob"):
        s.tenant(name, FAST, t={"pattern": "*.csv"})
    yield s
    s.stop()
    shutil.rmtree(folder)


def test_f_under_the_daemon_with_a_user_of_its_own(own):
    """The real start of a worker: its user, its command line, its environment, its descriptors."""
    own.start()
    bob = own.path("profiles", "bob", "profile.json")
    calls = ["read " + bob, "read /proc/%d/environ" % own.daemon.pid, "read /etc/shadow", "reopen", "kill %d" % own.daemon.pid,
             "connect_unix " + own.path("var", "ingestd.sock"), "write " + own.path("var", "journal.db"),
             "create " + own.path("var", "data", "alice", "mine")]
    own.drop("alice", "a.csv", "\n".join(calls).encode() + b"\n")
    own.until(lambda: all("%s -> " % c in own.log("ingestd").replace('\\"', '"') for c in calls))
    said = {c: own.log("ingestd").split(c + " -> ")[1].split('"')[0].split()[0] for c in calls}
    assert list(said.values()) == ["EACCES"] * 4 + ["EPERM", "EAFNOSUPPORT", "EACCES", "ok"]


def test_f_a_worker_that_never_comes_back_dies_with_a_killed_daemon(own):
    """Another user than the daemon: neither its death nor the end of a socket that nobody reads would end it."""
    own.drop("alice", "a.csv", b"read /dev/urandom\nsleep 600\n")
    own.start()
    own.until(lambda: "read /dev/urandom -> ok" in own.log("ingestd"))
    worker, = json.loads(own.ctl("--json", "status").stdout)["processes"]
    own.kill()
    own.until(lambda: gone(worker["pid"]), 10)


def test_f_a_forbidden_call_fails_the_file_as_crashed_the_worker(own):
    own.drop("alice", "a.csv", b"exec /bin/sh\n")
    own.start()
    own.until(lambda: "a.csv" in own.names("alice", "failed"))
    receipt = own.receipt("alice", "failed", "a.csv")
    assert receipt["reason"].startswith("crashed the worker"), receipt["reason"]
    assert "SIGSYS" in own.log("ingestd")
    assert "exec /bin/sh -> ok" not in own.log("ingestd")
    own.drop("bob", "b.csv", b"read /usr/share/zoneinfo/UTC\n")
    own.until(lambda: "read /usr/share/zoneinfo/UTC -> ok" in own.log("ingestd"))
