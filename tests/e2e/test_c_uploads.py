"""c_ complex: 17 ways to upload a file, broken in five ways, at each arrival level: what is taken, what waits, what fails.

The tables of docs/arrival.md are this test's own: it fails when they say something else.
"""
import collections
import concurrent.futures
import contextlib
import glob
import grp
import hashlib
import json
import os
import signal
import tempfile
import threading

import pytest

from site_ import ROOT, balanced
from uploads_ import BY_HAND, METHODS, SHELL, Gate, UploadSite, by_hand, kill_group, session_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root: no system users, no chroot (uploads by real clients)")
LEVELS = {level: "igt-%s%d" % (level[0], os.getpid()) for level in ("manifest", "session", "plain")}
JOB = {"pattern": "*.csv", "input": {"header": True}, "same_name": "add",
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
ROWS = 3_000
PAD = b"p" * 300
CASES = ["complete", "killed", "cut", "server killed", "stalled"]
ALL = [*METHODS, *BY_HAND]  # `make check` runs each of these 17 at each level: half a minute a level
PASSED = 650_000  # bytes that pass of a file of 930,000: a write request of OpenSSH's sftp has 255 KiB

# what a cell may say
TAKEN, CUT, WAITS, NOTHING, ABSENT = "done", "**done, cut**", "waits", "-", ""
PARTIAL, CHECKSUM = "failed: partial upload", "failed: checksum"
EITHER = "failed, or waits"  # whether sshd's server has a last word depends on what it is just sending

@pytest.fixture(scope="module")
def site():
    with UploadSite(list(LEVELS.values()), workers=2) as s:
        for level, t in LEVELS.items():
            s.tenant(t, {"arrival": {"level": level, "settle_seconds": 0.3}}, t=JOB)
            os.chown(s.path("staging", t, "in"), 0, grp.getgrnam(t).gr_gid)
            os.chmod(s.path("staging", t, "in"), 0o770)
        s.start_rsyslog(LEVELS["session"])
        s.start()
        yield s


def content_of(seed):
    return b"id,pad\n" + b"".join(b"%d,%s\n" % (10_000_000 + seed * ROWS + i, PAD) for i in range(ROWS))


class Cell:
    def __init__(self, site, folder, level, method, case):
        self.site, self.level, self.method, self.case = site, level, method, case
        self.tenant = LEVELS[level]
        number = ALL.index(method) * len(CASES) + CASES.index(case)
        self.name = "u%03d.csv" % number
        self.content = content_of(number + list(LEVELS).index(level) * 100)
        self.local = os.path.join(folder, level + self.name)
        with open(self.local, "wb") as f:
            f.write(self.content)

    def inside(self, *names):
        return self.site.path("staging", self.tenant, "in", *names)

    def prepare(self):
        if self.level == "manifest":
            with open(self.inside(self.name + ".sha256"), "w") as f:
                f.write("%s  %s\n" % (hashlib.sha256(self.content).hexdigest(), self.name))
        if self.method == "sftp reput":
            with open(self.inside(self.name + ".part"), "wb") as f:
                f.write(self.content[:20_000])
            os.chown(f.name, *[__import__("pwd").getpwnam(self.tenant)[i] for i in (2, 3)])

    def under_way(self):
        """Some bytes of it have reached the server, under whatever name."""
        paths = glob.glob(self.inside("*" + self.name + "*")) + glob.glob(self.inside(".*" + self.name + "*"))
        return any(os.path.getsize(p) > 20_000 for p in paths if os.path.exists(p))

    def is_taken(self):
        return any(n == self.name for f in ("done", "failed", "held") for n in self.site.names(self.tenant, f))

    def run(self):
        self.prepare()
        if self.method in BY_HAND:
            self.run_by_hand()
        else:
            self.run_remote()

    def run_by_hand(self):
        how = {"complete": None, "killed": "SIGKILL", "stalled": "SIGSTOP"}[self.case]
        p = by_hand(self.method, self.local, self.inside(self.name), how)
        if self.case == "stalled":
            self.site.until(self.under_way, 60)
            assert not self.is_taken()
            # the program itself is strace's only child
            with open("/proc/%d/task/%d/children" % (p.pid, p.pid)) as f:
                child = int(f.read())
            def goes_on():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGCONT)
                return p.poll() is not None
            self.site.until(goes_on)
        p.wait(timeout=60)

    def run_remote(self):
        gate = Gate(self.site.shell_port if self.method in SHELL else self.site.port,
                    None if self.case == "complete" else PASSED)
        p = METHODS[self.method](self.site, self.tenant, self.local, self.name, gate.port)
        try:
            if self.case != "complete":
                assert gate.reached.wait(60)
                self.site.until(self.under_way, 60)
                assert not self.is_taken()
                getattr(self, self.case.replace(" ", "_"))(gate, p)
            if self.case in ("complete", "stalled"):
                error = p.communicate(timeout=120)[1]
                assert p.returncode == 0, (self.method, self.case, gate.server_port, error, self.site.sshd_said(gate.server_port))
            else:
                kill_group(p)
        finally:
            gate.close()

    def killed(self, gate, p):
        kill_group(p)
        gate.end()

    def cut(self, gate, p):
        gate.cut()

    def server_killed(self, gate, p):
        pids = session_of(gate)
        assert pids
        # stopped first: none has a last word when it sees another one die
        for how in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)

    def stalled(self, gate, p):
        # nothing is taken while it stands still, however long that is beside settle_seconds
        seen = len(self.site.names(self.tenant, "done"))
        threading.Event().wait(0.6)
        assert not self.is_taken(), seen
        gate.go_on()

    def outcome(self):
        if self.method in BY_HAND and self.case in ("cut", "server killed"):
            return ABSENT
        names = {f: self.site.names(self.tenant, f) for f in ("in", "done", "failed", "held")}
        if self.name in names["done"]:
            r = self.site.receipt(self.tenant, "done", self.name)
            assert balanced(r)
            return TAKEN if r["rows"]["read"] == ROWS else CUT
        if self.name in names["failed"]:
            reason = self.site.receipt(self.tenant, "failed", self.name)["reason"]
            return PARTIAL if reason.startswith("partial upload") else CHECKSUM if "SHA-256" in reason else reason
        return WAITS if self.name in names["in"] else NOTHING


def at_rest(site, tenant):
    """Nothing is on its way, and what lies in in/ waits for something that no waiting brings."""
    if site.names(tenant, "work"):
        return False
    for name in site.names(tenant, "in"):
        rule = json.loads(site.ctl("--json", "explain", site.path("staging", tenant, "in", name)).stdout or "{}").get("rule")
        if rule not in ("manifest", "session", "name", "sidecar"):
            return False
    return True


def table(cells):
    lines = ["| | " + " | ".join(CASES) + " |", "|" + " --- |" * (len(CASES) + 1)]
    for method in ALL:
        lines.append("| `%s` | " % method + " | ".join(cells[method, c] for c in CASES) + " |")
    return "\n".join(lines)


@pytest.mark.parametrize("level", LEVELS)
def test_each_method_broken_in_each_way(site, level):
    # from another filesystem than the drop folder's, for mv
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        cells = [Cell(site, folder, level, m, c) for m in ALL for c in CASES]
        active = [c for c in cells if not (c.method in BY_HAND and c.case in ("cut", "server killed"))]
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            for future in [pool.submit(c.run) for c in active]:
                future.result()
        site.until(lambda: at_rest(site, LEVELS[level]), 120)
    got = {(c.method, c.case): c.outcome() for c in cells}
    if level == "session":
        assert sum(o == PARTIAL for o in got.values()) >= 3
        for cell, o in got.items():
            if o == PARTIAL or (o == WAITS and cell[0] not in SHELL and cell[0] not in BY_HAND):
                assert cell[1] in ("killed", "cut", "server killed"), cell
                got[cell] = EITHER
    text = table(got)
    print("\n" + level + "\n" + text)
    with open(os.path.join(ROOT, "docs", "arrival.md")) as f:
        assert text in f.read(), text
    whole = sum(o == TAKEN for o in got.values())
    rows = site.rows(LEVELS[level], LEVELS[level] + "-t")
    if level != "plain":
        # not one row of a file that is not whole
        assert len(rows) == whole * ROWS and CUT not in got.values()
    else:
        by_delivery = collections.Counter(r["_id"].rpartition("-")[0] for r in rows)
        assert sum(n < ROWS for n in by_delivery.values()) == sum(o == CUT for o in got.values())
