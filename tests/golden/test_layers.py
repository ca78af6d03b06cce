"""What decode/ makes of layers, held against the tools that made them.

build/tools/streamcat prints the bytes behind layers.  Judges: gzip, zstd, xz and age of Debian, and the vectors of ../shared/data
(encrypted/age-testkit, made-here, compressed/made-here); without that folder those cases are skipped.
"""
import gzip
import hashlib
import io
import lzma
import os
import pathlib
import random
import subprocess
import zlib

import pytest

import tools

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
KIT = DATA / "encrypted" / "age-testkit"
FIXED = b"".join(b"%d,%s,%d\n" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode(), i * i) for i in range(6000))
NO_MATCH = 4


@pytest.fixture(scope="module")
def cat():
    program = tools.path("streamcat")

    def run(path, *args):
        return subprocess.run([program, *args, path], capture_output=True)
    return run


def tool(argv, data):
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout


MADE = {
    "gzip": lambda d: gzip.compress(d),
    "zstd": lambda d: tool(["zstd", "-q", "-c", "--check"], d),
    "xz": lambda d: lzma.compress(d),
}


@pytest.mark.parametrize("layer", sorted(MADE))
@pytest.mark.parametrize("content", [b"", b"a", FIXED, os.urandom(300000), b"x" * 20_000_000],
                         ids=["empty", "one byte", "rows", "random", "20 MB of one byte"])
def test_comes_back_as_it_was(cat, tmp_path, layer, content):
    (tmp_path / "f").write_bytes(MADE[layer](content))
    done = cat(tmp_path / "f", layer)
    assert done.returncode == 0, done.stderr
    assert done.stdout == content
    looked = cat(tmp_path / "f", "-l", layer)
    assert looked.returncode == 0 and looked.stdout == content


@pytest.mark.parametrize("layer", sorted(MADE))
@pytest.mark.parametrize("offset", [0, 1, 65535, 65536, 200001, len(FIXED)])
def test_goes_on_at_a_decoded_offset(cat, tmp_path, layer, offset):
    (tmp_path / "f").write_bytes(MADE[layer](FIXED))
    for how in (["-k"], ["-l", "-k"]):
        done = cat(tmp_path / "f", *how, str(offset), layer)
        assert done.returncode == 0 and done.stdout == FIXED[offset:]


@pytest.mark.parametrize("layer", sorted(MADE))
def test_members_follow_each_other(cat, tmp_path, layer):
    (tmp_path / "f").write_bytes(MADE[layer](b"one\n") + MADE[layer](b"") + MADE[layer](b"two\n"))
    assert cat(tmp_path / "f", layer).stdout == b"one\ntwo\n"


@pytest.mark.parametrize("layer,zeros,fine", [("gzip", 1, True), ("gzip", 70000, True), ("xz", 4, True),
                                              ("xz", 3, False), ("xz", 70000, True), ("zstd", 1, False)])
def test_zero_bytes_behind_the_end(cat, tmp_path, layer, zeros, fine):
    (tmp_path / "f").write_bytes(MADE[layer](b"one\n") + b"\0" * zeros)
    done = cat(tmp_path / "f", layer)
    assert (done.returncode == 0) == fine
    if not fine:
        assert b"behind the end" in done.stderr


@pytest.mark.parametrize("layer", sorted(MADE))
@pytest.mark.parametrize("tail", [b"garbage", b"\0\0\0\0garbage", b"\x1f", b"\x28\xb5", b"\xfd7z"])
def test_anything_else_behind_the_end_is_refused(cat, tmp_path, layer, tail):
    (tmp_path / "f").write_bytes(MADE[layer](FIXED) + tail)
    done = cat(tmp_path / "f", layer)
    assert done.returncode == 1
    assert b" byte " in done.stderr


@pytest.mark.parametrize("layer", sorted(MADE))
def test_one_byte_cut_at_200_places_is_not_whole(cat, tmp_path, layer):
    whole = MADE[layer](FIXED)
    rng = random.Random(layer)
    for at in [0, 1, len(whole) - 1] + [rng.randrange(2, len(whole)) for _ in range(197)]:
        (tmp_path / "f").write_bytes(whole[:at])
        done = cat(tmp_path / "f", layer)
        assert done.returncode == 1, at
        assert b"not whole" in done.stderr and b" %d," % at in done.stderr, (at, done.stderr)


@pytest.mark.parametrize("layer", sorted(MADE))
def test_one_bit_flipped_at_200_places_is_found(cat, tmp_path, layer):
    """Or changes nothing: a name's or a time's bit in gzip's head is no data."""
    whole = bytearray(MADE[layer](FIXED))
    rng = random.Random(layer + "bits")
    harmless = 0
    for _ in range(200):
        at, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        whole[at] ^= bit
        (tmp_path / "f").write_bytes(whole)
        whole[at] ^= bit
        done = cat(tmp_path / "f", layer)
        if done.returncode == 0:
            assert done.stdout == FIXED
            harmless += 1
        else:
            assert b"byte" in done.stderr
    assert harmless <= (10 if layer == "gzip" else 4)


def bomb(layer, size):
    block = b"\0" * (1 << 20)
    if layer == "gzip":
        z = zlib.compressobj(9, zlib.DEFLATED, 31)
        return b"".join([z.compress(block) for _ in range(size >> 20)] + [z.flush()])
    if layer == "zstd":
        p = subprocess.Popen(["zstd", "-q", "-c", "-19"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(size >> 20):
            p.stdin.write(block)
        return p.communicate()[0]
    z = lzma.LZMACompressor()
    return b"".join([z.compress(block) for _ in range(size >> 20)] + [z.flush()])


@pytest.mark.parametrize("layer", sorted(MADE))
def test_a_bomb_stops_at_the_ratio(cat, tmp_path, layer):
    (tmp_path / "f").write_bytes(bomb(layer, 128 << 20))
    done = cat(tmp_path / "f", layer)
    assert done.returncode == 1 and b"250 times" in done.stderr
    assert len(done.stdout) <= (64 << 20) + 65536


@pytest.mark.parametrize("layer", sorted(MADE))
def test_the_limit_of_output_holds(cat, tmp_path, layer):
    (tmp_path / "f").write_bytes(MADE[layer](FIXED))
    assert cat(tmp_path / "f", "-o", str(len(FIXED)), layer).returncode == 0
    done = cat(tmp_path / "f", "-o", str(len(FIXED) - 1), layer)
    assert done.returncode == 1 and b"more than %d bytes" % (len(FIXED) - 1) in done.stderr


def test_a_window_over_128_mib_is_refused(cat, tmp_path):
    (tmp_path / "z").write_bytes(tool(["zstd", "-q", "-c", "--long=28"], b"a,b\n" * 1000))
    done = cat(tmp_path / "z", "zstd")
    assert done.returncode == 1 and b"--long=27" in done.stderr
    xz = tool(["xz", "-c", "--format=xz", "--lzma2=dict=192MiB"], b"a,b\n" * 10)
    (tmp_path / "x").write_bytes(xz)
    done = cat(tmp_path / "x", "xz")
    assert done.returncode == 1 and b"xz -9 or less" in done.stderr


def test_a_zstd_frame_shorter_than_it_says(cat, tmp_path):
    """Found by fuzz_layers: one empty block and its checksum, 131 bytes announced."""
    (tmp_path / "f").write_bytes(bytes.fromhex("28b52ffd248301000099e9d851"))
    done = cat(tmp_path / "f", "zstd")
    assert done.returncode == 1 and b"a frame has 0 bytes, and its header says 131" in done.stderr


def test_a_million_empty_members(cat, tmp_path):
    (tmp_path / "f").write_bytes(gzip.compress(b"", mtime=0) * 1_000_000 + gzip.compress(b"end\n"))
    assert cat(tmp_path / "f", "gzip").stdout == b"end\n"


# --- age ---

def vectors():
    if not KIT.is_dir():
        return []
    out = []
    for path in sorted(KIT.iterdir()):
        head, _, body = path.read_bytes().partition(b"\n\n")
        keys = {}
        for line in head.decode().splitlines():
            k, _, v = line.partition(": ")
            keys.setdefault(k, []).append(v)
        out.append(pytest.param(keys, body, id=path.name))
    return out


WANT = {"success": (0, b""), "no match": (NO_MATCH, b""), "HMAC failure": (1, b"MAC is wrong"),
        "header failure": (1, b"header"), "armor failure": (1, b"armor"), "payload failure": (1, b"chunk")}


@pytest.mark.skipif(not KIT.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize("keys,body", vectors())
def test_age_testkit(cat, tmp_path, keys, body):
    """X25519 vectors as their headers say; those of a passphrase or a hybrid key have no stanza of ours and are named."""
    if keys.get("compressed") == ["zlib"]:
        body = zlib.decompress(body)
    (tmp_path / "f").write_bytes(body)
    identities = [i for i in keys.get("identity", []) if i.startswith("AGE-SECRET-KEY-1")]
    layers = (["armor"] if "armored" in keys else []) + ["age"]
    done = cat(tmp_path / "f", "-i", identities[0] if identities else "AGE-SECRET-KEY-1" + "Q" * 52 + "3NDXEK",
               *layers) if identities else cat(tmp_path / "f", *layers)
    expect = keys["expect"][0]
    if not identities:
        assert done.returncode in (1, NO_MATCH)
        assert done.returncode == 1 or b"of other types, the first " in done.stderr
        return
    code, text = WANT[expect]
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    if "payload" in keys and code == 0:
        assert hashlib.sha256(done.stdout).hexdigest() == keys["payload"][0]
    if expect == "payload failure" and "payload" in keys:
        assert hashlib.sha256(done.stdout).hexdigest() == keys["payload"][0]


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    key = tmp_path_factory.mktemp("key") / "key.txt"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    lines = key.read_text().split()
    return {"file": key, "secret": lines[-1], "recipient": next(w for w in lines if w.startswith("age1"))}


SIZES = [0, 1, 65535, 65536, 65537, 131072, 200000]


@pytest.mark.parametrize("armor", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_what_age_encrypts_we_decrypt(cat, tmp_path, identity, size, armor):
    plain = os.urandom(size)
    (tmp_path / "f").write_bytes(tool(["age", "-r", identity["recipient"]] + ["-a"] * armor, plain))
    layers = ["armor"] * armor + ["age"]
    done = cat(tmp_path / "f", "-i", identity["secret"], *layers)
    assert done.returncode == 0 and done.stdout == plain
    assert cat(tmp_path / "f", "-l", "-i", identity["secret"], *layers).stdout == plain
    for offset in {0, size // 2, size}:
        done = cat(tmp_path / "f", "-k", str(offset), "-i", identity["secret"], *layers)
        assert done.returncode == 0 and done.stdout == plain[offset:]


def test_age_one_bit_flipped_and_one_byte_cut_at_200_places(cat, tmp_path, identity):
    whole = bytearray(tool(["age", "-r", identity["recipient"]], FIXED))
    rng = random.Random(5)
    for _ in range(200):
        at, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        whole[at] ^= bit
        (tmp_path / "f").write_bytes(whole)
        whole[at] ^= bit
        done = cat(tmp_path / "f", "-i", identity["secret"], "age")
        assert done.returncode in (1, NO_MATCH) and FIXED.startswith(done.stdout) and done.stdout != FIXED
        (tmp_path / "f").write_bytes(whole[:at])
        done = cat(tmp_path / "f", "-i", identity["secret"], "age")
        assert done.returncode == 1 and FIXED.startswith(done.stdout) and done.stdout != FIXED


@pytest.mark.skipif(not KIT.is_dir(), reason="../shared/data is absent")
def test_files_made_with_standard_tools(cat):
    made, packed = DATA / "encrypted" / "made-here", DATA / "compressed" / "made-here"
    plain = gzip.decompress((packed / "countries.csv.gz").read_bytes())
    secret = [w for w in (made / "age-key.txt").read_text().split() if w.startswith("AGE-SECRET-KEY-1")][0]
    assert len(plain) == 24583
    for name, layers in {"countries.csv.gz": ["gzip"], "countries.csv.zst": ["zstd"], "countries.csv.xz": ["xz"],
                         "two-members-countries.csv.gz": ["gzip"], "two-frames-countries.csv.zst": ["zstd"]}.items():
        assert cat(packed / name, *layers).stdout == plain, name
    for name, text in {"truncated-countries.csv.gz": b"not whole", "bad-crc-countries.csv.gz": b"cannot be decompressed"}.items():
        done = cat(packed / name, "gzip")
        assert done.returncode == 1 and text in done.stderr, name
    assert cat(made / "countries.csv.age", "-i", secret, "age").stdout == plain
    assert cat(made / "countries.csv.age.asc", "-i", secret, "armor", "age").stdout == plain
    for name in ("flipped-bit-countries.csv.age", "truncated-countries.csv.age"):
        done = cat(made / name, "-i", secret, "age")
        assert done.returncode == 1 and b"chunk" in done.stderr, name
