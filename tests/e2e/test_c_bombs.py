"""Bombs stop at their limits, and a worker's memory does not follow a file's size: 48 MiB and the decompressor's window."""
import os
import random
import subprocess
import zlib

import pytest

from layers_ import FORMATS, keygen
from site_ import Site

MIB = 1 << 20
WORKER = 48 * MIB
WINDOW = {".gz": 0, ".zst": 128 * MIB, ".xz": 128 * MIB, ".age": 0}
LARGE = (10_000 if os.environ.get("INGEST_NIGHTLY") == "1" else 800) * MIB
JOB = {"pattern": "*.txt*", "filter": "drop { }"}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("bob", {"arrival": {"settle_seconds": 0}, "formats": FORMATS, "limits": {"max_row_bytes": 2 * MIB}}, load=JOB)
    return s


def through(argv, chunks, path):
    """What argv makes of the chunks, into a file."""
    with open(path, "wb") as out:
        p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out)
        for c in chunks:
            p.stdin.write(c)
        p.stdin.close()
        assert p.wait() == 0


def same(size, end=b"\n"):
    """Of NULs it would be no text."""
    return (b"x" * (MIB - len(end)) + end for _ in range(size // MIB))


def gzip_same(path, size):
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    with open(path, "wb") as f:
        for c in same(size):
            f.write(z.compress(c))
        f.write(z.flush())


BOMBS = {
    # name: extension, what makes it, its ratio at least, what the reason says
    "gzip-1000": (".gz", lambda p: gzip_same(p, 1000 * MIB), 1000, "more than 250 times its size"),
    "zstd-30000": (".zst", lambda p: through(["zstd", "-q", "-c", "-19"], same(1500 * MIB, b""), p), 30_000, "more than 250 times its size"),
    "zstd-long-31": (".zst", lambda p: through(["zstd", "-q", "-c", "-1", "--long=31"], same(300 * MIB), p), 1000,
                     "it needs a window over 128 MiB; compress it with --long=27 or less"),
    "xz-dictionary-1.5-gib": (".xz", lambda p: through(["xz", "-c", "--lzma2=preset=0,dict=1536MiB"], same(30 * MIB), p), 1000,
                              "xz -9 or less"),
    "xz-1000": (".xz", lambda p: through(["xz", "-c", "-1"], same(300 * MIB), p), 1000, "more than 250 times its size"),
}


@pytest.mark.parametrize("bomb", sorted(BOMBS))
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "age"])
def test_c_a_bomb_stops_at_its_limit(site, tmp_path, bomb, encrypted):
    ext, make, ratio, text = BOMBS[bomb]
    path = tmp_path / "bomb"
    make(path)
    size = {"gzip-1000": 1000, "zstd-30000": 1500, "zstd-long-31": 300, "xz-dictionary-1.5-gib": 30, "xz-1000": 300}[bomb] * MIB
    assert size / os.path.getsize(path) >= ratio
    name = "bomb.txt" + ext
    if encrypted:
        subprocess.run(["age", "-r", keygen(site, "bob"), "-o", tmp_path / "sealed", path], check=True)
        path, name = tmp_path / "sealed", name + ".age"
    os.rename(path, site.path("staging", "bob", "in", name))
    assert site.once().returncode == 3
    receipt = site.receipt("bob", "failed", name)
    assert text in receipt["reason"]
    assert receipt["peak_rss_bytes"] <= WORKER + WINDOW[ext], receipt["peak_rss_bytes"] / MIB
    assert not receipt["rows"] or receipt["rows"]["indexed"] == 0
    print("%s: peak %.1f MiB" % (bomb, receipt["peak_rss_bytes"] / MIB))


def rows(size, seed):
    """Rows of 1 MiB that compress about a hundred to one, each otherwise."""
    rng = random.Random(seed)
    for _ in range(size // MIB):
        yield (rng.randbytes(4096).hex().encode() * (MIB // 8192))[:-1] + b"\n"


MAKERS = {
    ".gz": ["gzip", "-c", "-1"],
    ".zst": ["zstd", "-q", "-c", "-1", "--long=27"],
    ".xz": ["xz", "-c", "-T1", "--lzma2=preset=0,dict=64MiB"],
}


@pytest.mark.parametrize("ext", sorted(WINDOW))
def test_c_memory_does_not_follow_the_files_size(site, tmp_path, ext):
    """10 MB, 300 MB, and 800 MB (nightly 10 GB): the window fills up to its size, and that is all."""
    argv = MAKERS.get(ext) or ["age", "-r", keygen(site, "bob")]
    peaks = {}
    # an encrypted file is as large as its text: 10 GB of it would be a test of the disk
    sizes = (10 * MIB, 300 * MIB, LARGE if ext in MAKERS else 800 * MIB)
    for size in sizes:
        through(argv, rows(size, size), tmp_path / "f")
        name = "%d.txt%s" % (size, ext)
        os.rename(tmp_path / "f", site.path("staging", "bob", "in", name))
        assert site.once(timeout=900).returncode == 0
        receipt = site.receipt("bob", "done", name)
        assert receipt["rows"]["filtered"] == size // MIB
        peaks[size] = receipt["peak_rss_bytes"]
        os.unlink(site.path("staging", "bob", "done", name))
    print(ext, {k // MIB: round(v / MIB, 1) for k, v in peaks.items()})
    assert max(peaks.values()) <= WORKER + WINDOW[ext]
    assert abs(peaks[sizes[1]] - peaks[sizes[2]]) <= 4 * MIB
    if not WINDOW[ext]:
        assert abs(peaks[sizes[0]] - peaks[sizes[2]]) <= 4 * MIB
