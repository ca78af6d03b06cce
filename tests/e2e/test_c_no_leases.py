"""c_ complex: in/ on a filesystem without leases (NFS, FUSE): level plain is refused unless the profile says "unproven", and health says so.

The daemon runs behind a seccomp filter that answers F_SETLEASE as such a filesystem does (EINVAL); every other call is the kernel's own.
"""
import ctypes
import hashlib
import json
import struct
import subprocess
import os

import pytest

from site_ import BUILD, Site

JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
FCNTL, F_SETLEASE, EINVAL = 72, 1024, 22
ROWS = b"id\n1\n2\n"


def without_leases():
    """fcntl(fd, F_SETLEASE, ...) fails from here on, in this process and all that come of it."""
    op = lambda code, k, yes=0, no=0: struct.pack("HBBI", code, yes, no, k)
    program = b"".join([op(0x20, 0), op(0x15, FCNTL, 0, 3), op(0x20, 24), op(0x15, F_SETLEASE, 0, 1),
                        op(0x06, 0x00050000 | EINVAL), op(0x06, 0x7fff0000)])
    text = ctypes.create_string_buffer(program)
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(fprog), 0, 0) == 0


@pytest.fixture
def site(tmp_path):
    if os.uname().machine != "x86_64":
        pytest.skip("the filter has the numbers of x86_64")
    s = Site(tmp_path)
    s.tenant("alice", t=JOB)
    yield s
    s.stop()


def start(site):
    site.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")], preexec_fn=without_leases)
    site.until(lambda: site.ctl("status").returncode == 0)


def reason(site, tenant="alice"):
    return {t["tenant"]: t["reason"] for t in json.loads(site.ctl("--json", "status").stdout)["tenants"]}[tenant]


def test_plain_is_refused_and_the_profile_lets_it(site):
    site.drop("alice", "a.csv", ROWS)
    start(site)
    explain = lambda: site.ctl("explain", site.path("staging", "alice", "in", "a.csv")).stdout
    site.until(lambda: "this filesystem has no leases" in explain())
    assert "arrival.unproven" in explain() and reason(site) == \
        "the filesystem of in/ has no leases: nothing is taken at level plain (arrival.unproven)"
    assert site.names("alice", "in") == ["a.csv"]
    site.tenant("alice", {"arrival": {"settle_seconds": 0, "unproven": True}}, t=JOB)
    site.until(lambda: "a.csv.receipt.json" in site.names("alice", "done"))
    assert len(site.rows("alice", "alice-t")) == 2
    said = "the filesystem of in/ has no leases: files are taken unproven, a writer may still be at work (arrival.unproven)"
    site.until(lambda: reason(site) == said)
    assert said in site.log("ingestd")
    # and no more
    site.tenant("alice", {"arrival": {"settle_seconds": 0}}, t=JOB)
    site.until(lambda: site.log("alice").count("profile.loaded") == 3)
    site.drop("alice", "b.csv", ROWS)
    site.until(lambda: "this filesystem has no leases" in site.ctl("explain", site.path("staging", "alice", "in", "b.csv")).stdout)
    assert site.names("alice", "in") == ["b.csv"]


def test_a_level_with_a_proof_of_its_own_needs_none(site):
    """What its sender states proves it; a half file fails as ever."""
    site.tenant("alice", {"arrival": {"level": "manifest", "settle_seconds": 0}}, t=JOB)
    stated = b"%s  %%s\n" % hashlib.sha256(ROWS).hexdigest().encode()
    for name, content in ((b"a.csv", ROWS), (b"half.csv", ROWS[:-2])):
        site.drop("alice", name.decode(), content)
        site.drop("alice", name.decode() + ".sha256", stated % name)
    start(site)
    site.until(lambda: "a.csv" in site.names("alice", "done") and "half.csv" in site.names("alice", "failed"))
    site.until(lambda: reason(site) == "the filesystem of in/ has no leases: nothing but the arrival level proves that a file is whole")
    assert len(site.rows("alice", "alice-t")) == 2
