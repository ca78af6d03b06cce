"""Encrypted files end to end: Debian's age encrypts, the keyring of the tenant opens, the rows are those of the plain file."""
import gzip
import hashlib
import json
import lzma
import os
import subprocess

import pytest
from site_ import BUILD, Site, balanced

ROWS = [b"%d,%s" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()) for i in range(5000)]
PLAIN = b"n,h\n" + b"\n".join(ROWS) + b"\n"
WANT = [(i, hashlib.sha256(b"%d" % i).hexdigest()) for i in range(5000)]
JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"mappings": {"properties": {"n": {"type": "integer"}, "h": {"type": "keyword"}}}},
       "rejects": {"max_ratio": 0.5}}
PROFILE = {"arrival": {"settle_seconds": 0}, "formats": ["csv", "compressed", "age"]}


def zstd(data, *args):
    return subprocess.run(["zstd", "-q", "-c", *args], input=data, capture_output=True, check=True).stdout


INNER = {"": lambda d: d, ".gz": lambda d: gzip.compress(d, mtime=0), ".zst": zstd, ".xz": lzma.compress}


def age(data, *args):
    return subprocess.run(["age", *args], input=data, capture_output=True, check=True).stdout


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("bob", PROFILE, load=JOB)
    yield s
    s.stop()


def recipients(site, tenant="bob"):
    return site.path("staging", tenant, "recipients.txt")


def key(site, *words):
    done = site.ctl("--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_of(site, receipt):
    return sorted((r["n"], r["h"]) for r in site.rows("bob", "bob-load") if r["_id"].startswith(receipt["delivery"]))


def test_same_rows_encrypted_over_each_compression(site):
    made = key(site, "keygen", "bob")
    files = {}
    for ext, make in INNER.items():
        files["day%s.csv%s.age" % (ext.strip("."), ext)] = age(make(PLAIN), "-R", recipients(site))
        files["arm%s.csv%s.age" % (ext.strip("."), ext)] = age(make(PLAIN), "-a", "-R", recipients(site))
    for name, content in files.items():
        site.drop("bob", name, content)
    assert site.once().returncode == 0
    for name, content in files.items():
        receipt = site.receipt("bob", "done", name)
        assert receipt["rows"]["indexed"] == 5000 and balanced(receipt)
        assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
        assert receipt["encrypted_to"] == made["recipient"]
        assert rows_of(site, receipt) == WANT


def test_convert_and_why_read_an_encrypted_file(site):
    key(site, "keygen", "bob")
    content = age(gzip.compress(PLAIN), "-R", recipients(site))
    site.drop("bob", "day.csv.gz.age", content)
    site.start()
    site.until(lambda: "day.csv.gz.age" in site.names("bob", "done"))
    receipt = site.receipt("bob", "done", "day.csv.gz.age")
    why = site.ctl("--json", "why", receipt["delivery"] + "-2s")
    assert why.returncode == 0, why.stderr
    assert json.loads(why.stdout)["raw"] == ROWS[99].decode()
    done = subprocess.run([os.path.join(BUILD, "ingest-worker"), "--convert", "-c", site.path("ingestd.json"), "--tenant", "bob",
                           "--job", "load", site.path("staging", "bob", "done", "day.csv.gz.age")], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"\n") == 10000
