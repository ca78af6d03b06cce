"""The parser against Python's csv: files that other people wrote, and random small ones.

build/tools/csvdump prints what watcher/parse makes of a file.  The corpus is ../shared/data (MANIFEST.json); without it those
tests are skipped.  Which files are taken, and why others are not, is printed (pytest -s).
"""
import collections
import csv
import hashlib
import io
import json
import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
DUMP = ROOT / "build" / "tools" / "csvdump"
csv.field_size_limit(1 << 30)


@pytest.fixture(scope="session", autouse=True)
def csvdump():
    libs = ["build/lib/%s.a" % name for name in ("parse", "decode", "model", "base")]
    subprocess.run(["make", "-s"] + libs, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    DUMP.parent.mkdir(parents=True, exist_ok=True)
    partial = DUMP.with_suffix(".%d" % os.getpid())
    subprocess.run(
        ["cc", "-I.", "-D_GNU_SOURCE", "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror",
         "-o", partial, "tests/lib/csvdump.c"] + libs + ["-ljansson", "-lcrypto"],
        cwd=ROOT, check=True)
    partial.rename(DUMP)


def dump(path, *options):
    """The lines of csvdump as values; a fault is an error of the test."""
    run = subprocess.run([DUMP, *options, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return [json.loads(line) for line in run.stdout.splitlines()]


def left_out(entry):
    """Why a file of the manifest is not one that both must read alike, or None."""
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


def corpus():
    if not (DATA / "MANIFEST.json").exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/data is absent"))]
    entries = json.loads((DATA / "MANIFEST.json").read_text())
    reasons = collections.Counter(left_out(entry) for entry in entries)
    print("\ncsv corpus: %d files taken; left out: %s" % (
        reasons.pop(None), ", ".join("%s %d" % pair for pair in reasons.most_common())))
    return [pytest.param(entry, id=entry["file"]) for entry in entries if not left_out(entry)]


def rows_digest(rows):
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def python_rows(data):
    text = data.decode("utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text, newline="")) if row]


@pytest.mark.parametrize("entry", corpus())
def test_corpus(entry):
    path = DATA / entry["file"]
    out = dump(path)
    rows = [line for line in out if isinstance(line, list)]
    bad = [line for line in out if isinstance(line, dict) and line["state"] == "bad"]
    if not entry.get("ragged"):
        assert bad == []
        assert len(rows) == entry["records"]
        assert rows_digest(rows) == entry["rows_sha256"]
        return
    want = python_rows(path.read_bytes())
    width = len(want[0])
    assert rows == [row for row in want if len(row) == width]
    assert len(bad) == sum(1 for row in want if len(row) != width)
    assert all("expected %d" % width in line["error"] for line in bad)


@pytest.mark.parametrize("entry", corpus())
def test_corpus_header(entry):
    path = DATA / entry["file"]
    if entry["records"] == 0:
        assert not any("header" in line for line in dump(path, "-h"))
        return
    out = dump(path, "-h")
    want = python_rows(path.read_bytes())
    names = out[0]["header"]
    assert len(names) == len(want[0]) == len(set(names)) and all(names)
    for index, (name, written) in enumerate(zip(names, want[0])):
        if written and want[0].index(written) == index:
            assert name == written or written in names[:index]
    assert [line for line in out[1:] if isinstance(line, list)] == [
        row for row in want[1:] if len(row) == len(names)]


def strict(data):
    """Python's rows if RFC 4180 can be held against the bytes: quotes closed, nothing behind a closing quote, no lone CR."""
    text = data.decode("utf-8")
    if "\r" in text.replace("\r\n", ""):
        return None
    rows = list(csv.reader(io.StringIO(text, newline="")))
    state = "start"
    for char in text:
        if state == "quoted":
            state = "quote" if char == '"' else "quoted"
        elif state == "quote" and char == '"':
            state = "quoted"
        elif state == "quote" and char not in ",\r\n":
            return None
        elif char in ",\n":
            state = "start"
        elif char == "\r":
            state = "plain"
        else:
            state = "quoted" if char == '"' and state == "start" else "plain"
    return None if state == "quoted" else rows


def random_bytes(rng):
    return "".join(rng.choice(['a', '"', ',', '\n', '\r\n', ' ', 'x', 'ä', '"",', ',"', '\0'])
                   for _ in range(rng.randrange(40))).encode()


def test_random_against_python(tmp_path):
    rng = random.Random(4180)
    path = tmp_path / "x.csv"
    compared = 0
    while compared < 1500:
        data = random_bytes(rng)
        want = strict(data)
        if want is None or not data:
            continue
        path.write_bytes(data)
        got = [{"blank": []}.get(line.get("state")) if isinstance(line, dict) and line["state"] == "blank" else line
               for line in dump(path)]
        width = next((len(row) for row in want if row), 0)
        assert len(got) == len(want), data
        for have, row in zip(got, want):
            if isinstance(have, dict):
                assert have["state"] == "bad" and len(row) != width, data
            else:
                assert have == row, data
        compared += 1


def hostile_bytes(rng):
    return b"".join(rng.choice([b"a", b'"', b",", b"\n", b"\r\n", b"\r", b"x" * 9, b'"\n"', b',"', b"\xff", b'x","""\n'])
                    for _ in range(rng.randrange(60)))


def test_windows_change_nothing(tmp_path):
    """Any bytes, short rows allowed: every window size gives the same records."""
    rng = random.Random(64)
    path = tmp_path / "x.csv"
    for _ in range(60):
        path.write_bytes(hostile_bytes(rng))
        limit = str(rng.choice([1, 2, 5, 8, 16, 30, 1000]))
        for mode in ([], ["-n"], ["-t"]):
            want = dump(path, "-p", "-m", limit, *mode)
            for window in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 21, 32, 47, 64]:
                assert dump(path, "-p", "-m", limit, "-w", str(window), *mode) == want, (path.read_bytes(), limit, window)


def test_every_byte_is_in_one_record(tmp_path):
    rng = random.Random(99)
    path = tmp_path / "x.csv"
    for _ in range(300):
        data = hostile_bytes(rng)
        path.write_bytes(data)
        out = dump(path, "-p", "-m", str(rng.choice([1, 4, 20, 1000])))
        at, line = 0, 1
        for number, record in enumerate(out, 1):
            assert (record["row"], record["offset"], record["line"]) == (number, at, line), data
            at, line = record["next_offset"], record["next_line"]
        assert at == len(data)
        eol = b"\n" if b"\n" in data else b"\r"
        assert line == 1 + data.count(eol)


def test_going_on_at_any_record(tmp_path):
    rng = random.Random(7)
    path = tmp_path / "x.csv"
    for _ in range(40):
        path.write_bytes(b"".join(hostile_bytes(rng) for _ in range(2)))
        for mode in ([], ["-t"], ["-n"], ["-h"]):
            options = ["-p", "-m", "40", *mode]
            run = subprocess.run([DUMP, *options, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if run.returncode:
                assert b"the header" in run.stderr
                continue
            whole = [json.loads(line) for line in run.stdout.splitlines()]
            head = [line for line in whole if "header" in line]
            records = whole[len(head):]
            for index, record in enumerate(records):
                start = "%d,%d,%d" % (record["row"], record["line"], record["offset"])
                assert dump(path, *options, "-s", start) == head + records[index:], (path.read_bytes(), start)


def reference(data, limit):
    """A slow model of the csv rules: (kind, offset, next_offset) of each record."""
    eol = ord("\n") if b"\n" in data else ord("\r")
    out, at = [], 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while at < len(data):
        state, pos, first = "field", at, None
        while pos < len(data) and pos < at + limit + 2:
            byte = data[pos]
            if state == "quoted":
                first = pos if byte == eol and first is None else first
                state = "quote" if byte == ord('"') else "quoted"
            elif byte == eol:
                break
            elif byte == ord('"') and state in ("field", "quote"):
                state = "quoted"
            else:
                state = "field" if byte == ord(",") else "plain"
            pos += 1
        full = pos == at + limit + 2
        if pos < len(data) and not full or pos == len(data) and not full and state != "quoted":
            out.append(("record", at, min(pos + 1, len(data))))
        elif state in ("quoted", "quote"):
            if first is None:
                first = data.find(bytes([eol]), pos)
                first = first if first >= 0 else len(data)
            out.append(("unclosed", at, min(first + 1, len(data))))
        else:
            return out  # an overlong row: its end has rules of its own
        at = out[-1][2]
    return out


def test_against_the_slow_model(tmp_path):
    rng = random.Random(11)
    path = tmp_path / "x.csv"
    for _ in range(1500):
        data = hostile_bytes(rng)
        limit = rng.choice([3, 6, 12, 25, 60, 1000])
        path.write_bytes(data)
        got = dump(path, "-p", "-n", "-m", str(limit), "-w", str(rng.choice([1, 3, 8, 64])))
        want = reference(data, limit)
        for (kind, start, end), record in zip(want, got):
            assert (record["offset"], record["next_offset"]) == (start, end), (data, limit)
            assert ("not closed" in record.get("error", "")) == (kind == "unclosed"), (data, limit)
