"""The corpus of ../shared/data through the real daemon, and what the embedded store then holds.

The judge is MANIFEST.json: rows_sha256 was computed by Python's csv module, and a second parser in another language agrees on every
value of the files taken here.  Sums are of the stored text, as Decimal.
"""
import collections
import csv
import decimal
import hashlib
import io
import json
import os
import pathlib
import re
import sqlite3

import pytest
from site_ import ROOT, Site, balanced

DATA = pathlib.Path(ROOT).parent / "shared" / "data"
EXACT = decimal.Context(prec=100)
LIMITS = {"max_row_bytes": 16777216, "max_columns": 100000}

pytestmark = pytest.mark.skipif(not (DATA / "MANIFEST.json").exists(), reason="../shared/data is absent")


def left_out(entry):
    """Why a file is not one that both parsers read alike, or None."""
    dialect, physical = entry.get("dialect"), entry.get("physical")
    if entry.get("kind") != "csv" or not dialect:
        return "no csv"
    if dialect["encoding"] not in ("utf-8", "utf-8-sig"):
        return "encoding " + dialect["encoding"]
    if dialect["delimiter"] != "," or dialect["quote"] != '"' or dialect["escape"] != '"':
        return "other delimiter or quote"
    if dialect["preamble"]:
        return "preamble"
    if not physical or "decompressed_sha256" in entry:
        return "compressed"
    if not physical["valid_utf8"]:
        return "invalid UTF-8"
    if physical["cr"]:
        return "lone CR"
    if entry["second_parser"] != "agrees on every value":
        return "the two parsers differ"
    return None


def manifest():
    return json.loads((DATA / "MANIFEST.json").read_text())


def base36(n):
    out = ""
    while n:
        n, digit = divmod(n, 36)
        out = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + out
    return out or "0"


def cells(document):
    """A document of a file without header: its fields in order, null and "" alike as Python's csv has them."""
    row = []
    while "column%d" % (len(row) + 1) in document:
        row.append(document["column%d" % (len(row) + 1)] or "")
    assert len(row) == len(document), document
    return row


def stored(site, index):
    """delivery -> [(row number, document)], in the order of the file."""
    db = sqlite3.connect(site.path("var", "data", "bob", "data.db"))
    out = collections.defaultdict(list)
    for key, extra in db.execute('select "_id", "_extra" from "%s"' % index):
        delivery, _, number = key.rpartition("-")
        out[delivery].append((int(number, 36), json.loads(extra)))
        assert base36(int(number, 36)) == number
    db.close()
    return {d: sorted(rows, key=lambda r: r[0]) for d, rows in out.items()}


def digest(rows):
    sha = hashlib.sha256()
    for row in rows:
        sha.update(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return sha.hexdigest()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Every file taken, loaded by one run without header; (entry, receipt, rows) of each."""
    site = Site(tmp_path_factory.mktemp("corpus"))
    site.tenant("bob", {"arrival": {"settle_seconds": 0}, "limits": LIMITS},
                all={"pattern": "*", "input": {"format": "csv"}, "rejects": {"max_ratio": 1.0}})
    taken, reasons = {}, collections.defaultdict(list)
    for entry in manifest():
        why = left_out(entry)
        if why:
            reasons[why].append(entry["file"])
            continue
        name = "%04d-%s.csv" % (len(taken), os.path.basename(entry["file"])[:100])
        taken[name] = entry
        site.drop("bob", name, (DATA / entry["file"]).read_bytes())
    done = site.once(timeout=600)
    print("\ncorpus from the store: %d files" % len(taken))
    for why, names in sorted(reasons.items()):
        if why != "no csv":
            print("left out, %s: %s" % (why, " ".join(names)))
    assert done.returncode in (0, 3), done.stderr
    rows = stored(site, "bob-all")
    out = []
    for name, entry in taken.items():
        state = "done" if name in site.names("bob", "done") else "failed"
        receipt = site.receipt("bob", state, name)
        rejects = site.path("staging", "bob", state, name + ".rejects.csv")
        listed = open(rejects, "rb").read() if os.path.exists(rejects) else b""
        out.append((entry, receipt, rows.get(receipt["delivery"], []), listed))
    return out


def test_rows_sha256_recomputed_from_the_store(loaded):
    """The files that are not ragged: about 400, every value."""
    compared = 0
    for entry, receipt, rows, _ in loaded:
        if entry.get("ragged"):
            continue
        assert receipt["state"] == "done" and balanced(receipt), (entry["file"], receipt["reason"])
        assert receipt["rows"]["indexed"] == entry["records"] == len(rows), entry["file"]
        assert digest(cells(document) for _, document in rows) == entry["rows_sha256"], entry["file"]
        compared += 1
    print("\nrows_sha256 equal: %d files" % compared)
    assert compared == 364


def python_rows(entry):
    text = (DATA / entry["file"]).read_bytes().decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""))
    out, line = [], 1
    for row in reader:
        out.append((line, row))
        line = reader.line_num + 1
    return [(n, row) for n, row in out if row]


def test_ragged_rows_are_rejected_with_their_lines_and_the_rest_is_equal(loaded):
    compared = 0
    for entry, receipt, rows, listed in loaded:
        if not entry.get("ragged"):
            continue
        want = python_rows(entry)
        width = len(want[0][1])
        good = [row for _, row in want if len(row) == width]
        bad = [line for line, row in want if len(row) != width]
        assert receipt["state"] == "done" and balanced(receipt), (entry["file"], receipt["reason"])
        assert [cells(document) for _, document in rows] == good, entry["file"]
        assert receipt["rows"]["rejected"] == len(bad), entry["file"]
        # a record of the list begins with its line in quotes; what follows are the row's own bytes
        lines = re.findall(rb'^"(\d+)","[^"]*","', listed.split(b"\n", 1)[1] if bad else b"", re.M)
        assert [int(n) for n in lines] == bad, entry["file"]
        compared += 1
    print("\nragged: %d files" % compared)
    assert compared == 69


REAL = ["csv/ourairports/runways.csv", "csv/ourairports/navaids.csv", "csv/ourairports/regions.csv",
        "csv/vega/birdstrikes.csv", "csv/vega/seattle-weather.csv", "csv/world-cities/world-cities.csv",
        "csv/rust-csv/bench/gtfs-mbta-stop-times.csv", "csv/covid-19/reference.csv",
        "csv/covid-19/key-countries-pivoted.csv", "azure/llm/AzureLLMInferenceTrace_code.csv"]
ROWS = {"csv/ourairports/runways.csv": 48184, "csv/vega/birdstrikes.csv": 10000,
        "csv/world-cities/world-cities.csv": 34032, "csv/rust-csv/bench/gtfs-mbta-stop-times.csv": 9999,
        "csv/openflights/airports.dat": 7698}


def check_column(name, values, want):
    texts = [v for v in values if v]
    assert len(texts) == want["non_empty"], name
    if "distinct" in want:
        assert len(set(texts)) == want["distinct"], name
    if "top" in want:
        assert collections.Counter(texts)[want["top"][0]] == want["top"][1], name
    if "numeric" not in want:
        return
    # the manifest's notion of a number
    numbers = [decimal.Decimal(t) for t in texts if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", t)]
    assert len(numbers) == want["numeric"], name
    total = decimal.Decimal(0)
    for n in numbers:
        total = EXACT.add(total, n)
    assert total == decimal.Decimal(want["sum"]), name
    assert min(numbers) == decimal.Decimal(want["min"]) and max(numbers) == decimal.Decimal(want["max"]), name


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("real"))
    site.tenant("bob", {"arrival": {"settle_seconds": 0}, "limits": LIMITS},
                headed={"pattern": "h-*", "input": {"format": "csv", "header": True}},
                bare={"pattern": "b-*", "input": {"format": "csv"}})
    entries = {e["file"]: e for e in manifest()}
    for file in REAL:
        site.drop("bob", "h-" + os.path.basename(file), (DATA / file).read_bytes())
    site.drop("bob", "b-airports.dat", (DATA / "csv/openflights/airports.dat").read_bytes())
    assert site.once(timeout=600).returncode == 0
    return site, entries, stored(site, "bob-headed"), stored(site, "bob-bare")


@pytest.mark.parametrize("file", REAL)
def test_real_file_to_the_digit(real, file):
    site, entries, rows, _ = real
    entry = entries[file]
    receipt = site.receipt("bob", "done", "h-" + os.path.basename(file))
    documents = [d for _, d in rows[receipt["delivery"]]]
    assert receipt["rows"]["indexed"] == len(documents) == entry["data_records"] == ROWS.get(file, len(documents))
    assert receipt["sha256"] == entry["sha256"] and receipt["bytes"] == entry["bytes"]
    checked = 0
    for name, want in entry["column_checks"].items():
        check_column(name, [d[name] for d in documents], want)
        checked += 1
    assert checked == len(entry["column_checks"]) > 0


def test_airports_without_header_to_the_digit(real):
    site, entries, _, rows = real
    entry = entries["csv/openflights/airports.dat"]
    receipt = site.receipt("bob", "done", "b-airports.dat")
    documents = [cells(d) for _, d in rows[receipt["delivery"]]]
    assert len(documents) == ROWS["csv/openflights/airports.dat"] == receipt["rows"]["indexed"]
    assert digest(documents) == entry["rows_sha256"]
