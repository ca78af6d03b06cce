"""The same rows in every pairing of layers into the real OpenSearch; the age testkit and files of ../shared/data through the daemon; one
bit flipped and one byte cut at 200 places of each layer."""
import gzip
import hashlib
import json
import os
import random
import re
import zlib

import pytest

from layers_ import COMPRESSED, FORMATS, age, keygen, pairings
from search_ import count, csv_of, documents, rows_of, same, site as search_site
from site_ import ROOT, Site, balanced

DATA = os.path.join(os.path.dirname(ROOT), "shared", "data")
KIT = os.path.join(DATA, "encrypted", "age-testkit")
TXT = {"pattern": "*.txt", "rejects": {"max_ratio": 1.0}}


def test_c_every_pairing_gives_the_same_documents(tmp_path, server):
    store = server("opensearch")
    s = search_site(tmp_path, store.url, profile={"formats": FORMATS})
    recipient = keygen(s, s.name)
    rows = rows_of(20000)
    plain = csv_of(rows) + b"x,bad,0.5\n\n"
    contents = {}
    for ext, make in pairings(recipient).items():
        name = "day%s.csv%s" % (ext.replace(".", "-"), ext)
        contents[name] = make(plain)
        s.drop(s.name, name, contents[name])
    assert len(contents) == 8
    done = s.once()
    assert done.returncode == 0, done.stderr + s.log(s.name)
    found = documents(store, s.index)
    books, listed = set(), set()
    for name, content in contents.items():
        receipt = s.receipt(s.name, "done", name)
        mine = {i: d for i, d in found.items() if i.startswith(receipt["delivery"])}
        same(mine, rows)
        assert balanced(receipt) and receipt["bytes"] == len(content)
        assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
        assert receipt["encrypted_to"] == (recipient if name.endswith(".age") else None)
        books.add(json.dumps([receipt["rows"], receipt["documents"], receipt["first_error"]]))
        with open(s.path("staging", s.name, "done", name + ".rejects.csv"), "rb") as f:
            listed.add(f.read())
    assert len(found) == 8 * 20000
    assert len(books) == 1 and json.loads(books.pop())[0] == {
        "read": 20002, "indexed": 20000, "duplicates": 0, "rejected": 1, "filtered": 0, "blank": 1, "unsent": 0}
    assert len(listed) == 1 and listed.pop().endswith(b",x,bad,0.5\n")


# --- tables ---

def vectors():
    for name in sorted(os.listdir(KIT)) if os.path.isdir(KIT) else []:
        with open(os.path.join(KIT, name), "rb") as f:
            head, _, body = f.read().partition(b"\n\n")
        keys = {}
        for line in head.decode().splitlines():
            k, _, v = line.partition(": ")
            keys.setdefault(k, []).append(v)
        if keys.get("compressed") == ["zlib"]:
            body = zlib.decompress(body)
        identities = [i for i in keys.get("identity", []) if i.startswith("AGE-SECRET-KEY-1")]
        yield name, keys, body, identities


@pytest.mark.skipif(not os.path.isdir(KIT), reason="../shared/data is absent")
def test_c_the_age_testkit_through_the_daemon(tmp_path):
    """Each vector is a tenant's file; its tenant has the vector's identities, or one that opens nothing."""
    s = Site(tmp_path)
    rings, cases = {}, []
    for name, keys, body, identities in vectors():
        ring = tuple(identities)
        tenant = rings.setdefault(ring, "t%d" % len(rings))
        cases.append((tenant, name.replace("_", "-") + ".txt.age", keys, body, ring))
    for ring, tenant in rings.items():
        s.tenant(tenant, {"arrival": {"settle_seconds": 0}, "formats": FORMATS, "limits": {"max_row_bytes": 16777216}}, t=TXT)
        if not ring:
            keygen(s, tenant)
            continue
        os.mkdir(s.path("profiles", tenant, "keys"), 0o700)
        for n, identity in enumerate(ring):
            with open(os.open(s.path("profiles", tenant, "keys", "%d.key" % n), os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
                f.write(identity + "\n")
    for tenant, name, keys, body, ring in cases:
        s.drop(tenant, name, body)
    assert s.once().returncode == 3
    counted = {}
    for tenant, name, keys, body, ring in cases:
        state = next(w for w in ("done", "held", "failed") if name in s.names(tenant, w))
        receipt = s.receipt(tenant, state, name)
        reason = receipt["reason"] or ""
        want = keys["expect"][0]
        if "the name says age, the content is not" in reason:
            # an armor or a version line that is none: not even damaged age
            assert state == "failed" and want in ("armor failure", "header failure"), name
            counted["not age"] = counted.get("not age", 0) + 1
            continue
        if not ring:
            want = "foreign"
            held = reason.startswith("no key of tenant %s opens the file" % tenant)
            assert held == (state == "held") and (held or re.search("passphrase|recipients of type|age header|armor", reason)), (
                name, reason)
        elif want == "success":
            assert state == "done" or "content is" in reason or "rows" in reason, (name, reason)
            assert receipt["encrypted_to"], name
        elif want == "no match":
            foreign = "passphrase" in reason or "recipients of type" in reason
            assert state == ("failed" if foreign else "held"), (name, state, reason)
            assert foreign or reason.startswith("no key of tenant %s opens the file" % tenant), (name, reason)
        else:
            word = {"HMAC failure": "MAC is wrong", "header failure": "age header", "armor failure": "armor",
                    "payload failure": "chunk"}[want]
            assert state == "failed" and (word in reason or "behind its header" in reason), (name, state, reason)
        if state != "done":
            assert not receipt["rows"] or receipt["rows"]["indexed"] == 0
        counted[want] = counted.get(want, 0) + 1
    assert counted == {"success": 19, "foreign": 44, "armor failure": 18, "payload failure": 19, "not age": 5, "header failure": 33,
                       "no match": 4, "HMAC failure": 1}


TABLE = [
    # file of ../shared/data, name it arrives under, state, what its reason has
    ("compressed/made-here/countries.csv.gz", "a.csv.gz", "done", ""),
    ("compressed/made-here/countries.csv.zst", "a.csv.zst", "done", ""),
    ("compressed/made-here/countries.csv.xz", "a.csv.xz", "done", ""),
    ("compressed/made-here/two-members-countries.csv.gz", "b.csv.gz", "done", ""),
    ("compressed/made-here/two-frames-countries.csv.zst", "b.csv.zst", "done", ""),
    ("compressed/made-here/truncated-countries.csv.gz", "c.csv.gz", "failed", "the file is not whole"),
    ("compressed/made-here/bad-crc-countries.csv.gz", "d.csv.gz", "failed", "cannot be decompressed at byte"),
    ("compressed/made-here/double-countries.csv.gz.gz", "e.csv.gz", "failed", "the content is a gzip file"),
    ("compressed/made-here/countries.csv.bz2", "f.csv", "failed", "the content is a bzip2 file"),
    ("compressed/made-here/countries.csv.lz4", "g.csv", "failed", "the content is an lz4 file"),
    ("compressed/made-here/countries.csv.zip", "h.csv", "failed", "the content is a zip archive"),
    ("encrypted/made-here/countries.csv.age", "i.csv.age", "done", ""),
    ("encrypted/made-here/countries.csv.age.asc", "j.csv.age", "done", ""),
    ("encrypted/made-here/flipped-bit-countries.csv.age", "k.csv.age", "failed", "damaged in chunk 1"),
    ("encrypted/made-here/truncated-countries.csv.age", "l.csv.age", "failed", "damaged in chunk 1"),
    ("encrypted/made-here/countries.csv.openssl-enc", "m.csv", "failed", "openssl enc, and files must be encrypted by age"),
    ("encrypted/made-here/countries.csv.rsa-aes256cbc.p7m", "n.csv", "failed", "CMS-encrypted"),
    ("encrypted/made-here/countries.csv.rsa-aes256gcm.p7m", "o.csv", "failed", "CMS-encrypted"),
    ("encrypted/made-here/countries.csv.ec-aes256gcm.pem", "p.csv", "failed", "CMS-encrypted"),
    ("encrypted/made-here/flipped-bit-countries.csv.rsa-aes256gcm.p7m", "q.csv", "failed", "CMS-encrypted"),
    ("encrypted/made-here/truncated-countries.csv.rsa-aes256gcm.p7m", "r.csv", "failed", "CMS-encrypted"),
]


@pytest.mark.skipif(not os.path.isdir(DATA), reason="../shared/data is absent")
def test_c_files_made_with_standard_tools(tmp_path):
    s = Site(tmp_path)
    s.tenant("bob", {"arrival": {"settle_seconds": 0}, "formats": FORMATS}, load={"pattern": "*.csv", "input": {"header": True},
                                                                                  "same_name": "add"})
    os.mkdir(s.path("profiles", "bob", "keys"), 0o700)
    with open(os.path.join(DATA, "encrypted", "made-here", "age-key.txt")) as f, \
            open(os.open(s.path("profiles", "bob", "keys", "made-here.key"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as g:
        g.write(f.read())
    for path, name, _, _ in TABLE:
        with open(os.path.join(DATA, path), "rb") as f:
            s.drop("bob", name, f.read())
    assert s.once().returncode == 3
    with gzip.open(os.path.join(DATA, TABLE[0][0]), "rt") as f:
        lines = f.read().splitlines()
    indexed = set()
    for path, name, state, text in TABLE:
        receipt = s.receipt("bob", state, name)
        assert text in (receipt["reason"] or ""), (path, receipt["reason"])
        if state == "done":
            indexed.add((receipt["rows"]["indexed"], receipt["rows"]["rejected"]))
    assert len(indexed) == 1 and indexed.pop()[0] >= len(lines) - 2


# --- damage ---

ROWS = b"".join(b"%d,%s\n" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()) for i in range(3000))
PLACE = re.compile(r"(at|ends at) byte \d+|chunk \d+ \(bytes \d+ to \d+|age header|age file ends behind its header|line \d+"
                   r"|no key of tenant bob opens the file|the name says")
DAMAGED = {".gz": COMPRESSED[".gz"], ".zst": COMPRESSED[".zst"], ".xz": COMPRESSED[".xz"], ".age": None, ".gz.age": None,
           ".armor.age": None}


@pytest.mark.parametrize("ext", sorted(DAMAGED))
def test_c_one_bit_flipped_and_one_byte_cut_at_200_places(tmp_path, ext):
    s = Site(tmp_path)
    s.tenant("bob", {"arrival": {"settle_seconds": 0}, "formats": FORMATS},
             load={"pattern": "*.csv*", "index": {"mappings": {"properties": {"column1": {"type": "integer"}}}}, "same_name": "add"})
    recipient = keygen(s, "bob")
    whole = bytearray(age(ROWS, "-a", "-r", recipient) if ext == ".armor.age" else pairings(recipient)[ext](ROWS))
    ext = ext.replace(".armor", "")
    rng = random.Random(ext)
    for n in range(200):
        at, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        whole[at] ^= bit
        s.drop("bob", "flip%d.csv%s" % (n, ext), bytes(whole))
        whole[at] ^= bit
        s.drop("bob", "cut%d.csv%s" % (n, ext), bytes(whole[:at]) + bytes(whole[at + 1:]))
    assert s.once(timeout=300).returncode == 3
    harmless = set()
    for kind in ("flip", "cut"):
        for n in range(200):
            name = "%s%d.csv%s" % (kind, n, ext)
            state = next(w for w in ("failed", "held", "done") if name in s.names("bob", w))
            receipt = s.receipt("bob", state, name)
            if state == "done":
                # a bit of gzip's name or time, of xz's or zstd's unused fields, a line end of an armor: the rows are the same
                harmless.add(receipt["delivery"])
                assert receipt["rows"]["indexed"] == 3000
                continue
            assert PLACE.search(receipt["reason"]), (name, receipt["reason"])
            assert not receipt["rows"] or receipt["rows"]["indexed"] == 0
            assert (state == "held") == receipt["reason"].startswith("no key of tenant bob")
    assert len(harmless) <= 12, len(harmless)
    stored = s.rows("bob", "bob-load") if harmless else []
    assert {r["_id"][:20] for r in stored} == harmless
    assert len(stored) == 3000 * len(harmless)


# --- keys that go while rows are stored ---

SPLIT = {"pattern": "*.txt", "filter": 'csv { columns => ["n", "day"] } split { field => "day" terminator => ";" }',
         "index": {"name": "rows", "mappings": {"properties": {"n": {"type": "keyword"}, "day": {"type": "keyword"}}}}}
LINES = ["%d,2026-01-01;2026-02-01" % i for i in range(1, 20001)]


@pytest.fixture
def half_loaded(tmp_path, server):
    """An encrypted file whose load was killed when rows of it were stored; each row is two documents."""
    store = server("opensearch")
    s = search_site(tmp_path, store.url, spec=SPLIT, profile={"formats": FORMATS})
    once = str(tmp_path / "once")
    s.drop(s.name, "a.txt.gz.age", age(gzip.compress("\n".join(LINES).encode()), "-r", keygen(s, s.name)))
    s.start(env={"INGEST_CRASH_AT": "ack:2", "INGEST_CRASH_ONCE": once})
    s.until(lambda: os.path.exists(once))
    s.kill()
    assert count(store, s.index) > 0
    yield s, store
    s.kill()  # where the test failed


def key_file(s):
    folder = s.path("profiles", s.name, "keys")
    return os.path.join(folder, next(n for n in sorted(os.listdir(folder)) if n.endswith(".key")))


def test_c_a_load_that_has_begun_ends_under_a_retired_key(half_loaded):
    s, store = half_loaded
    old = json.loads(s.ctl("--json", "key", "list", s.name).stdout)[0]["recipient"]
    assert s.ctl("key", "rotate", s.name).returncode == 0 and s.ctl("key", "retire", s.name, old).returncode == 0
    s.start()
    s.until(lambda: "a.txt.gz.age.receipt.json" in s.names(s.name, "done"))
    receipt = s.receipt(s.name, "done", "a.txt.gz.age")
    assert receipt["encrypted_to"] == old and receipt["rows"]["indexed"] == 20000
    assert len(documents(store, s.index)) == 40000
    # and a row of it is explained with the retired key
    why = s.ctl("--json", "why", receipt["delivery"] + "-2s.1")
    assert why.returncode == 0 and json.loads(why.stdout)["raw"] == LINES[99], why.stderr
    assert s.stop() == 0


def test_c_rows_are_taken_back_when_the_key_is_back(half_loaded):
    """Without any key its rows can be neither finished nor taken back with their parts: it waits and says so."""
    s, store = half_loaded
    path = key_file(s)
    os.rename(path, path + ".away")
    left = s.once("--wait", "1")
    assert left.returncode in (1, 3)
    assert s.names(s.name, "held") == s.names(s.name, "failed") == s.names(s.name, "done") == []
    assert "its rows cannot be taken back: tenant %s has no key" % s.name in s.log(s.name)
    os.rename(path + ".away", path)
    assert s.once().returncode == 3
    receipt = s.receipt(s.name, "held", "a.txt.gz.age")
    assert balanced(receipt) and receipt["rows"]["indexed"] == 0 and "has no key" in receipt["reason"]
    assert count(store, s.index) == 0
