"""b_ basic: tenants with nothing but OpenSSH's sftp and scp, chrooted as in production."""
import grp
import json
import os
import pwd
import stat

import pytest

from site_ import balanced
from sshd_ import SshSite

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root: no system users, no chroot (uploads by OpenSSH)")
JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
ALICE, BOB = "igt-a%d" % os.getpid(), "igt-b%d" % os.getpid()


@pytest.fixture
def site():
    with SshSite([ALICE, BOB]) as s:
        for t in (ALICE, BOB):
            s.tenant(t, t=JOB)
        # as an operator makes them; the daemon sets the rest
        for t in (ALICE, BOB):
            os.chown(s.path("staging", t, "in"), 0, grp.getgrnam(t).gr_gid)
        s.start()
        s.until(lambda: all(os.path.isdir(s.path("staging", t, "held")) for t in (ALICE, BOB)))
        yield s


def test_folders_have_the_owners_and_modes_of_the_design(site):
    for t in (ALICE, BOB):
        top = os.stat(site.path("staging", t))
        assert (top.st_uid, top.st_gid, stat.S_IMODE(top.st_mode)) == (0, 0, 0o755)
        for name, mode in {"in": 0o770, "try": 0o770, "done": 0o750, "failed": 0o750, "held": 0o750, "work": 0o700}.items():
            st = os.stat(site.path("staging", t, name))
            assert stat.S_IMODE(st.st_mode) == mode, name
            assert st.st_uid == 0 and (name == "work" or st.st_gid == grp.getgrnam(t).gr_gid), name


def test_put_put_and_rename_and_scp(site, tmp_path):
    local = tmp_path / "local.csv"
    local.write_bytes(b"id\n" + b"".join(b"%d\n" % i for i in range(500)) + b"x\n")
    put = site.sftp(BOB, "put %s in/put.csv" % local)
    assert put.returncode == 0, put.stderr
    renamed = site.sftp(BOB, "put %s in/renamed.part" % local, "rename in/renamed.part in/renamed.csv")
    assert renamed.returncode == 0, renamed.stderr
    linked = site.sftp(BOB, "put %s in/linked.part" % local, "rename -l in/linked.part in/linked.csv")
    assert linked.returncode == 0, linked.stderr
    copied = site.scp(ALICE, str(local), "in/scp.csv")
    assert copied.returncode == 0, copied.stderr
    want = {BOB: ["put.csv", "renamed.csv", "linked.csv"], ALICE: ["scp.csv"]}
    for t, names in want.items():
        site.until(lambda t=t, names=names: {n + ".receipt.json" for n in names} | set(names) <= set(site.names(t, "done")))
        for name in names:
            receipt = site.receipt(t, "done", name)
            assert receipt["rows"]["indexed"] == 500 and receipt["rows"]["rejected"] == 1 and balanced(receipt)
        assert len(site.rows(t, t + "-t")) == 500 * len(names)
        assert os.stat(site.path("staging", t, "done", names[0])).st_uid == 0


def test_a_tenant_reads_its_receipt_and_rejects_and_nothing_of_the_other(site, tmp_path):
    local = tmp_path / "a.csv"
    local.write_bytes(b"id\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\nx\n")
    assert site.sftp(BOB, "put %s in/a.csv" % local).returncode == 0
    site.until(lambda: "a.csv.receipt.json" in site.names(BOB, "done"))
    got = site.sftp(BOB, "get done/a.csv.receipt.json %s/r" % tmp_path, "get done/a.csv.rejects.csv %s/j" % tmp_path,
                    "get done/a.csv %s/d" % tmp_path)
    assert got.returncode == 0, got.stderr
    assert json.loads((tmp_path / "r").read_text())["rows"]["rejected"] == 1
    assert (tmp_path / "j").read_text().splitlines()[0] == "_line,_column,_error,id"
    assert (tmp_path / "d").read_bytes() == local.read_bytes()
    for command in ("ls work", "put %s done/x" % local, "rm done/a.csv", "rename done/a.csv in/b.csv",
                    "put %s held/x" % local, "ls ../%s" % ALICE, "ls /../../etc",
                    "mkdir work/x", "chmod 777 done"):
        assert site.sftp(BOB, command).returncode != 0, command
    other = pwd.getpwnam(ALICE)
    denied = site.path("staging", BOB, "done", "a.csv")
    pid = os.fork()
    if pid == 0:
        os.setgid(other.pw_gid)
        os.setgroups([])
        os.setuid(other.pw_uid)
        try:
            open(denied).close()
        except PermissionError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_slow_upload_is_taken_at_its_end(site, tmp_path):
    """The client is stopped in the middle: the file is never taken while sshd has it open."""
    import signal
    import subprocess
    local = tmp_path / "big.csv"
    local.write_bytes(b"id\n" + b"".join(b"%d\n" % i for i in range(400_000)))
    p = subprocess.Popen(["sftp", *site.options(), "-l", "8000", "-P", str(site.port), "-b", "-", BOB + "@127.0.0.1"],
                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    p.stdin.write("put %s in/big.csv\n" % local)
    p.stdin.close()
    path = site.path("staging", BOB, "in", "big.csv")
    site.until(lambda: os.path.exists(path) and os.path.getsize(path) > 0)
    p.send_signal(signal.SIGSTOP)
    site.until(lambda: "open" in site.ctl("explain", path).stdout)
    assert site.names(BOB, "done") == [] and os.path.getsize(path) < local.stat().st_size
    p.send_signal(signal.SIGCONT)
    site.until(lambda: "big.csv.receipt.json" in site.names(BOB, "done"))
    assert p.wait(timeout=60) == 0
    assert site.receipt(BOB, "done", "big.csv")["rows"]["indexed"] == 400_000


def test_nothing_is_left_behind():
    with SshSite([ALICE]) as s:
        root, pid = s.root, s.sshd.pid
    assert not os.path.exists(root) and not os.path.exists("/proc/%d" % pid)
    with pytest.raises(KeyError):
        pwd.getpwnam(ALICE)
