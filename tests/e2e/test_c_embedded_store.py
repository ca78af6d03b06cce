"""The embedded store as Python's sqlite3 sees it: pages, transactions, and every number the one that was in the file."""
import random
import sqlite3
import struct

import pytest

from site_ import Site

TYPES = {"byte": 127, "short": 32767, "integer": 2**31 - 1, "long": 2**63 - 1, "unsigned_long": 2**63 - 1}
MAPPINGS = {"n": {"type": "long"}, "text": {"type": "keyword"}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path, sinks={"local": {"type": "sqlite", "path": "var/data"}}, default_sinks=["local"])
    yield s
    s.stop()


def load(site, mappings, content):
    site.tenant("alice", t={"pattern": "*.csv", "input": {"header": True},
                            "index": {"name": "t", "mappings": {"properties": mappings}}})
    site.drop("alice", "f.csv", content)
    assert site.once().returncode == 0
    return site.receipt("alice", "done", "f.csv")


def store(site):
    return sqlite3.connect(site.path("var", "data", "alice", "data.db"))


def integers(rng, most):
    edges = ["0", "-1", "1", str(most), str(most - 1), str(-most), "", "007", "+5", "-0", "7.0"]
    return [t for t in edges if not (most == 2**63 - 1 and t == "")] + [str(rng.randint(-most, most)) for _ in range(300)]


def doubles(rng):
    """Shortest and long forms, middles between two doubles and what is a digit beside them, and forms that no program writes."""
    out = ["0", "-0.0", "0.1", "9007199254740993", "4503599627370496.5", "4503599627370497.5", "4503599627370496.501", "1e3", "1E-400",
           "1.7976931348623157e308", "5e-324", "00.5", "+1.5", ".5", "5.", "12345678901234567890.123", "73.480922761534406"]
    out += [repr(rng.uniform(-1000, 1000)) for _ in range(1000)]
    out += ["%.*f" % (rng.randrange(0, 17), rng.uniform(0, 100)) for _ in range(1000)]
    out += [str((1 << 53) + 2 * rng.randrange(1 << 51) + 1) for _ in range(200)]
    out += ["%d.%d" % (rng.randrange(10**6), rng.randrange(10**12)) for _ in range(1000)]
    return out


def test_c_numbers_are_exact(site):
    """Stored is Python's int() or float() of the text, bit for bit, and an integer's storage is what SQLite's affinity makes of the text."""
    rng = random.Random(10)
    columns = {name: integers(rng, most) for name, most in TYPES.items()}
    columns["unsigned_long"] = [t.lstrip("-") for t in columns["unsigned_long"]]
    columns["double"] = doubles(rng)
    count = max(map(len, columns.values()))
    rows = [[columns[c][i % len(columns[c])] for c in columns] for i in range(count)]
    content = ",".join(columns) + "\n" + "".join(",".join(row) + "\n" for row in rows)
    receipt = load(site, {c: {"type": c} for c in columns}, content.encode())
    assert receipt["rows"]["indexed"] == count
    db = store(site)
    got = db.execute("select %s from \"alice-t\" order by rowid" % ",".join('"%s"' % c for c in columns)).fetchall()
    affinity = sqlite3.connect(":memory:")
    affinity.execute("create table a (x integer, y real)")
    for want, have in zip(rows, got):
        for name, text, value in zip(columns, want, have):
            if text == "":
                assert value is None
            elif name == "double":
                # SQLite keeps no -0.0
                kept = affinity.execute("insert into a (y) values (?) returning y", (float(text),)).fetchone()[0]
                assert type(value) is float and struct.pack("d", value) == struct.pack("d", kept), (text, value)
            else:
                assert type(value) is int and value == int(float(text) if "." in text else int(text)), (name, text, value)
                as_text = affinity.execute("insert into a (x) values (?) returning x", (text,)).fetchone()[0]
                assert value == as_text and type(as_text) is int
    db.close()


def test_c_rows_a_transaction(site):
    """25,000 narrow rows are three transactions, in pages of 16 KiB."""
    content = b"n,text\n" + b"".join(b"%d,row\n" % n for n in range(25_000))
    receipt = load(site, MAPPINGS, content)
    assert receipt["rows"]["indexed"] == 25_000
    assert receipt["sinks"][0]["requests"] == 3
    db = store(site)
    assert db.execute("pragma page_size").fetchone() == (16384,)
    assert db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert db.execute('select count(*), sum(n), count(distinct _id) from "alice-t"').fetchone() == (25_000, 24_999 * 12_500, 25_000)
    db.close()
