"""servers - real servers for the tests, on free loopback ports, started once a test run.

    s = servers.shared("opensearch")             # the run's own; every test process gets the same one
    s = servers.shared("opensearch", tls=True)   # another one: its options are part of its name
    with servers.own("mongo") as s:              # this test's alone, to be killed and started again
        s.kill(); s.start()

kinds    opensearch (2.19; tls, nodes=3, settings), elasticsearch (8.19; tls, settings),
         mongo (mongo-java-server; replset, memory), ferret (FerretDB)
a server has  kind folder port url (http..., mongodb://...) pid; tls: ca cert key user password
         start wait stop kill hang go_on wipe; request(path, method, body) -> (status, JSON)
nodes=3  touch down.2 in its folder: node 2 closes until the file goes; node i listens on port + i - 1

`begin` is called by conftest.py in the process that starts the run: it makes the run's folder (INGEST_SERVERS names
it to all processes below) and a keeper, which stops every server by its pid when that process ends, however it ends.
"""
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error

from . import kinds
from .fetch import Absent  # noqa: F401 (part of the interface)

RUN = "INGEST_SERVERS"
SPAN = 104  # ports a server may take: HTTP of three nodes, and 100 above for what they say to each other
children = []


class Server:
    def __init__(self, kind, folder, tls=False, nodes=1, settings=None, replset="", memory=False):
        self.kind, self.folder, self.tls, self.nodes = kind, folder, tls, nodes
        self.settings, self.replset, self.memory = settings or {}, replset, memory
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.port = self._port()
        if kind in ("mongo", "ferret"):
            self.url = "mongodb://127.0.0.1:%d/%s" % (self.port, "?replicaSet=" + replset if replset else "")
        else:
            self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.port)

    def _port(self):
        kept = os.path.join(self.folder, "port")
        if os.path.exists(kept):
            return int(open(kept).read())
        with open(os.path.join(os.path.dirname(self.folder), "ports"), "a+") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.seek(0)
            taken = [int(p) for p in f.read().split()]
            port = _free(taken)
            f.write("%d\n" % port)
        with open(kept, "w") as f:
            f.write(str(port))
        return port

    @property
    def pid(self):
        """None when it does not run.  Its start tells ours from a stranger with its number: unlike its command line it stays over an exec."""
        with contextlib.suppress(OSError, ValueError):
            pid, start = open(os.path.join(self.folder, "pid")).read().split()
            if _started(int(pid)) == start:
                return int(pid)
        return None

    def start(self, wait=True):
        if not self.pid:
            argv, env = getattr(kinds, self.kind)(self)
            with open(os.path.join(self.folder, "log"), "ab") as log:
                child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                         env=env or None, start_new_session=True)
            children.append(child)
            with open(os.path.join(self.folder, "pid"), "w") as f:
                f.write("%d %s" % (child.pid, _started(child.pid)))
        elif self.tls:
            getattr(kinds, self.kind)(self)  # names of the certificates, user and password
        if wait:
            self.wait()
        return self

    def wait(self, seconds=90):
        end = time.monotonic() + seconds
        while not kinds.answers(self):
            if not self.pid:
                raise RuntimeError("%s is gone: %s" % (self.kind, self._tail()))
            if time.monotonic() > end:
                raise RuntimeError("%s does not answer within %d s: %s" % (self.kind, seconds, self._tail()))
            time.sleep(0.1)

    def _tail(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()[-1500:]

    def stop(self, how=signal.SIGTERM):
        for sign, seconds in ((how, 20), (signal.SIGKILL, 10)):
            pid = self.pid
            if not pid:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)
                os.killpg(pid, sign)  # the group: Elasticsearch is two processes
            if _until(lambda: not self.pid, seconds):
                break
        _reap()

    def kill(self):
        self.stop(signal.SIGKILL)

    def hang(self):
        os.killpg(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.killpg(self.pid, signal.SIGCONT)

    def wipe(self):
        self.stop()
        with open(os.path.join(os.path.dirname(self.folder), "ports"), "r+") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            left = [p for p in f.read().split() if int(p) != self.port]
            f.seek(0)
            f.truncate()
            f.writelines("%s\n" % p for p in left)
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, path, method="GET", body=None, timeout=60):
        """(status, the answer's JSON); body: bytes, text or what JSON can say.  As the server's administrator."""
        if body is not None and not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        try:
            with kinds.request(self, path, method, body, timeout) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode(errors="replace")


def begin():
    """Only the first process of a run: its folder, and the keeper that ends the servers with it."""
    if RUN in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="ingestd-servers-")
    os.chmod(folder, 0o755)
    os.environ[RUN] = folder
    keeper = subprocess.Popen([sys.executable, os.path.dirname(os.path.abspath(__file__)), "keep", folder],
                              stdin=subprocess.PIPE, start_new_session=True)
    children.append(keeper)
    begin.keeper = keeper


def end():
    keeper = getattr(begin, "keeper", None)
    if keeper:
        keeper.stdin.close()
        keeper.wait()
        del os.environ[RUN], begin.keeper
        _reap()


def shared(kind, **options):
    """The run's server of this kind and options, started by whoever asks first."""
    name = "-".join([kind] + ["%s=%s" % (k, options[k]) for k in sorted(options)]).replace("/", "_")
    with open(os.path.join(os.environ[RUN], name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Server(kind, os.path.join(os.environ[RUN], name), **options).start()


@contextlib.contextmanager
def own(kind, start=True, **options):
    """A server that this test alone uses; gone with its data afterwards."""
    server = Server(kind, tempfile.mkdtemp(prefix=kind + "-", dir=os.environ[RUN]), **options)
    try:
        yield server.start() if start else server
    finally:
        server.wipe()


def keep(folder):
    """The keeper: waits for the end of its standard input, then stops what runs in the folder."""
    sys.stdin.read()
    found = [Server.__new__(Server) for _ in os.listdir(folder)]
    for server, name in zip(found, os.listdir(folder)):
        server.kind, server.folder = name, os.path.join(folder, name)
        if server.pid:
            server.kill()
    shutil.rmtree(folder, ignore_errors=True)


def _free(taken):
    """Below the ephemeral ports, so that nothing else takes it while the server is down."""
    for _ in range(500):
        port = random.randrange(15000, 32000 - SPAN)
        if all(abs(port - t) > 2 * SPAN for t in taken) and all(_bindable(port + k) for k in (0, 1, 2, 100, 101, 102)):
            return port
    raise RuntimeError("no free ports")


def _bindable(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _started(pid):
    """In ticks since the machine's start; None of one that has ended, collected or not."""
    with contextlib.suppress(OSError):
        state, *words = open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()
        return None if state == "Z" else words[18]


def _until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        _reap()
        time.sleep(0.02)
    return True


def _reap():
    children[:] = [c for c in children if c.poll() is None]
