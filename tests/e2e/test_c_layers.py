"""Compressed files end to end: the same rows, books and digests whatever is around them."""
import gzip
import hashlib
import lzma
import subprocess

import pytest
from site_ import Site, balanced

ROWS = [b"%d,%s" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()) for i in range(5000)]
PLAIN = b"n,h\n" + b"\n".join(ROWS) + b"\n"
BAD = b"n,h\n1,a\nx,b\n3,c\n"
JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"mappings": {"properties": {"n": {"type": "integer"}, "h": {"type": "keyword"}}}},
       "rejects": {"max_ratio": 0.5}}
PROFILE = {"arrival": {"settle_seconds": 0}, "formats": ["csv", "compressed"]}


def zstd(data, *args):
    return subprocess.run(["zstd", "-q", "-c", *args], input=data, capture_output=True, check=True).stdout


LAYERS = {"": lambda d: d, ".gz": lambda d: gzip.compress(d, mtime=0), ".zst": zstd, ".xz": lzma.compress}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("bob", PROFILE, load=JOB)
    yield s
    s.stop()


def test_same_rows_whatever_is_around_them(site):
    for ext, make in LAYERS.items():
        site.drop("bob", "day%s.csv%s" % (ext.strip("."), ext), make(PLAIN))
        site.drop("bob", "bad%s.csv%s" % (ext.strip("."), ext), make(BAD))
    assert site.once().returncode == 0
    stored = site.rows("bob", "bob-load")
    want = sorted((int(n), h.decode()) for n, h in (r.split(b",") for r in ROWS))
    for ext, make in LAYERS.items():
        name = "day%s.csv%s" % (ext.strip("."), ext)
        receipt = site.receipt("bob", "done", name)
        assert receipt["rows"]["indexed"] == 5000 and balanced(receipt)
        assert receipt["sha256"] == hashlib.sha256(make(PLAIN)).hexdigest()
        mine = [r for r in stored if r["_id"].startswith(receipt["delivery"])]
        assert sorted((r["n"], r["h"]) for r in mine) == want
        name = "bad%s.csv%s" % (ext.strip("."), ext)
        assert site.receipt("bob", "done", name)["rows"]["rejected"] == 1
        with open(site.path("staging", "bob", "done", name + ".rejects.csv")) as f:
            lines = f.read().splitlines()
        assert lines[0] == "_line,_column,_error,n,h"
        assert lines[1].startswith('"3","n",') and lines[1].endswith(",x,b")


@pytest.mark.parametrize("name,content,text", [
    ("a.csv.gz", PLAIN, "the name says gz, the content is not"),
    ("b.csv.gz", zstd(PLAIN), "the name says gz, the content is not"),
    ("c.csv.gz", gzip.compress(PLAIN)[:-9], "not whole"),
    ("d.csv.xz", lzma.compress(PLAIN)[:2000], "not whole"),
    ("e.csv.zst", zstd(PLAIN, "--check")[:-1], "not whole"),
    ("f.csv.gz", gzip.compress(PLAIN) + b"more", "behind the end"),
    ("g.csv.gz", gzip.compress(gzip.compress(PLAIN)), "the content is a gzip file"),
    ("h.csv.gz", gzip.compress(PLAIN)[:5000] + b"\0" + gzip.compress(PLAIN)[5001:], "cannot be decompressed at byte"),
], ids="abcdefgh")
def test_what_is_not_right_fails_with_where_and_why(site, name, content, text):
    site.drop("bob", name, content)
    assert site.once().returncode == 3
    receipt = site.receipt("bob", "failed", name)
    assert text in receipt["reason"]
    assert receipt["rows"] is None or receipt["rows"]["indexed"] == 0
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_layer_must_be_one_of_the_profiles(site):
    site.tenant("bob", {"arrival": {"settle_seconds": 0}, "formats": ["csv", "xz"]}, load=JOB)
    site.drop("bob", "a.csv.gz", gzip.compress(PLAIN))
    site.drop("bob", "b.csv", gzip.compress(PLAIN))
    site.drop("bob", "c.csv.xz", lzma.compress(PLAIN))
    assert site.once().returncode == 3
    assert site.receipt("bob", "failed", "a.csv.gz")["reason"].startswith("File format not allowed")
    assert "the content is gzip; this tenant may send csv and xz" in site.receipt("bob", "failed", "b.csv")["reason"]
    assert site.receipt("bob", "done", "c.csv.xz")["rows"]["indexed"] == 5000


def test_max_file_bytes_holds_for_what_comes_out(site):
    profile = dict(PROFILE, limits={"max_file_bytes": len(PLAIN)})
    site.tenant("bob", profile, load=JOB)
    site.drop("bob", "fits.csv.gz", gzip.compress(PLAIN))
    site.drop("bob", "over.csv.gz", gzip.compress(PLAIN + b"9,x\n"))
    assert site.once().returncode == 3
    assert site.receipt("bob", "done", "fits.csv.gz")["rows"]["indexed"] == 5000
    assert "more than %d bytes" % len(PLAIN) in site.receipt("bob", "failed", "over.csv.gz")["reason"]


@pytest.mark.parametrize("ext", sorted(LAYERS))
def test_a_killed_load_goes_on_at_its_decoded_offset(site, ext):
    rows = b"".join(b"%d,%064d\n" % (i, i) for i in range(400_000))
    site.drop("bob", "big.csv" + ext, LAYERS[ext](b"n,h\n" + rows) if ext != ".xz"
              else lzma.compress(b"n,h\n" + rows, preset=0))
    first = site.run("--once", env={"INGEST_CRASH_AT": "checkpoint"})
    assert site.once().returncode == 0, first.stderr
    receipt = site.receipt("bob", "done", "big.csv" + ext)
    assert receipt["rows"]["indexed"] == 400_000 and balanced(receipt)
    assert sorted(r["n"] for r in site.rows("bob", "bob-load")) == list(range(400_000))
