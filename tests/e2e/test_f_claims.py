"""f_ security: 2,000 claims while the tenant, another user than the daemon, changes its files by every way there is: what is taken is a
version that was written whole, its digest is that of the bytes that lie in done/, and so are its rows."""
import collections
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time

import pytest

from site_ import ROOT, Site

CLAIMS = int(os.environ.get("INGEST_CLAIMS", "20000" if os.environ.get("INGEST_NIGHTLY") == "1" else "2000"))
ATTACKERS = 8
TENANT = 54321  # a user and a group that nobody has
JOB = {"pattern": "*.csv", "input": {"header": True}, "same_name": "add",
       "index": {"name": "t", "mappings": {"properties": {c: {"type": "long"} for c in "ivn"}}}}
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the tenant is another user")


@pytest.fixture
def site():
    # on memory, where fsync costs nothing: more claims meet the attack; by night on the disk
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) and os.environ.get("INGEST_NIGHTLY") != "1" else None
    folder = tempfile.mkdtemp(prefix="ingestd-claims-", dir=memory)
    os.chmod(folder, 0o755)
    s = Site(folder, workers=2, rescan_seconds=1)
    yield s
    if s.daemon:
        s.stop()
    shutil.rmtree(folder)


def attackers(site, program):
    """Each has its own log: a list of the versions that it wrote whole."""
    mine = site.path("tenant")
    os.makedirs(mine)
    os.chown(mine, TENANT, TENANT)
    share = CLAIMS // ATTACKERS
    return [subprocess.Popen([program, site.path("staging", "alice", "in"), mine, str(k * share), str(share),
                              os.path.join(mine, "log.%d" % k), str(TENANT), str(TENANT)], stdout=subprocess.PIPE, text=True)
            for k in range(ATTACKERS)]


def written(site):
    versions = collections.defaultdict(set)
    for k in range(ATTACKERS):
        with open(site.path("tenant", "log.%d" % k)) as f:
            for line in f:
                i, v = line.split()
                versions[int(i)].add(int(v))
    return versions


def content(i, v):
    rows = 10 + i % 7 * 40
    return "".join(["i,v,n\n"] + ["%06d,%06d,%04d\n" % (i, v, r) for r in range(rows)]).encode()


def version_of(data):
    return int(data[6:12]), int(data[13:19])


def judge(site):
    """A list of what is wrong, and how many files were taken."""
    versions, wrong, taken = written(site), [], 0
    rows = collections.Counter()
    db = sqlite3.connect(site.path("var", "data", "alice", "data.db"))
    for i, v, n in db.execute('select i, v, count(distinct n) from "alice-t" group by i, v'):
        rows[i, v] = n
    db.close()
    for folder in ("done", "failed", "held"):
        for name in site.names("alice", folder):
            if name.endswith(".json"):
                continue
            receipt = site.receipt("alice", folder, name)
            with open(site.path("staging", "alice", folder, name), "rb") as f:
                data = f.read()
            taken += 1
            if folder != "done":
                wrong.append("%s in %s/: %s" % (name, folder, receipt["reason"]))
            elif hashlib.sha256(data).hexdigest() != receipt["sha256"]:
                wrong.append("%s: its digest is not that of its bytes" % name)
            elif data != content(*version_of(data)) or version_of(data)[1] not in versions[version_of(data)[0]]:
                wrong.append("%s: no version that was written whole" % name)
            elif rows[version_of(data)] != receipt["rows"]["read"]:
                wrong.append("%s: %d rows stored of %d" % (name, rows[version_of(data)], receipt["rows"]["read"]))
    return wrong, taken


def files_in(site):
    """Of in/; what is no file is never taken, and always arriving."""
    return [n for n in site.names("alice", "in") if not os.path.islink(site.path("staging", "alice", "in", n))]


def test_2000_claims_under_attack_none_whose_bytes_differ(site, tmp_path):
    site.tenant("alice", {"arrival": {"settle_seconds": 0}}, t=JOB)
    os.chown(site.path("staging", "alice", "in"), 0, TENANT)
    os.chmod(site.path("staging", "alice", "in"), 0o770)
    program = str(tmp_path / "attacker")
    subprocess.run(["cc", "-O2", "-o", program, os.path.join(ROOT, "tests", "lib", "attacker.c")], check=True)
    site.start()
    began = time.monotonic()
    running = attackers(site, program)
    said = [a.communicate(timeout=600)[0].split() for a in running]
    assert [a.returncode for a in running] == [0] * ATTACKERS
    # an attack may end with its link lying there, which is never data
    site.until(lambda: files_in(site) == [] and not any(json.loads(site.ctl("--json", "status").stdout)["tenants"][0][k] for k in
                                                        ("queued", "running", "waiting")), 300)
    wrong, taken = judge(site)
    wrote, refused = (sum(int(s[k]) for s in said) for k in (0, 1))
    print("\n%d claims in %.1f s under %d whole writes and %d refused ones: %d wrong" %
          (taken, time.monotonic() - began, wrote, refused, len(wrong)))
    assert wrong == []
    # a swapped file's other half comes as a file of its own
    assert taken >= CLAIMS and refused > CLAIMS / 4 and wrote > CLAIMS * 2
