"""Golden cases of the filters: *.json beside this file, each a list of

  {"name": ..., "source": what the expectation agrees with (plugin, version, title of the example),
   "filter": text, "input": [event or line, ...], "want": [event, ...]}        what comes out, number for number
   "failures": ["part of a row's message", ...]                                one for each row that failed, in order
   "refused": ["LINE:COLUMN: part of a message", ...]                          every error of the text, in order, instead
   "warnings": ["LINE:COLUMN: part of a message", ...]
   "zone": "Europe/Berlin"                                                     the machine's; UTC when not set

An input that is a string is a line (`message`); numbers are compared as they are written.
"""
import glob
import json
import os
import re
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
WORKER = os.path.join(os.environ.get("INGEST_BUILD", os.path.join(ROOT, "build")), "ingest-worker")


# `PLUGIN VERSION, SPECIFICATION: TITLE` of the example that it agrees with, or the plugin's source file and what it does there
SOURCE = (r"(csv|date|dissect|drop|json|mutate|prune|split|truncate|urldecode) \d+\.\d+\.\d+, .+"
          r"|logstash-core 8\.14, .+|(Joda-Time 2\.8, |RFC \d+|Ruby|dissect-specification: ).*|(own|issue): .+")


class Number(str):
    """A number as its text: 3 is not 3.0."""
    def __repr__(self):
        return "number " + str(self)


def load(text):
    return json.loads(text, parse_float=lambda s: Number("n:" + s), parse_int=lambda s: Number("n:" + s))


def dump(value):
    """The JSON of a loaded value, its numbers as they were written."""
    if isinstance(value, Number):
        return value[2:]
    if isinstance(value, dict):
        return "{%s}" % ",".join(json.dumps(k) + ":" + dump(v) for k, v in value.items())
    if isinstance(value, list):
        return "[%s]" % ",".join(map(dump, value))
    return json.dumps(value)


def cases():
    for path in sorted(glob.glob(os.path.join(HERE, "*.json"))):
        with open(path, encoding="utf-8") as f:
            for case in load(f.read()):
                name = os.path.basename(path)[:-5] + ": " + case["name"]
                yield pytest.param(case, id=re.sub(r"[^A-Za-z0-9_:.,=-]+", "-", name))


def run(tmp_path, case, *more):
    text = tmp_path / "f.conf"
    text.write_bytes(case["filter"].encode())
    rows = "".join(dump(e if isinstance(e, dict) else {"message": e}) + "\n" for e in case.get("input", []))
    return subprocess.run([WORKER, "--filter", "--filter-file", str(text), "--input", "ndjson", *more],
                          input=rows.encode(), capture_output=True, timeout=60,
                          env={**os.environ, "TZ": case.get("zone", "UTC")})


def told(stderr, kind):
    """The messages `FILE:LINE:COLUMN: [warning: ]...` without their file."""
    found = re.findall(r"^\S*f\.conf:(\d+:\d+: .*)$", stderr, re.M)
    return [m for m in found if (" warning: " in m) == (kind == "warnings")]


def match(found, wanted):
    assert len(found) == len(wanted), (found, wanted)
    for f, w in zip(found, wanted):
        if re.match(r"\d+:\d+: ", w):
            place, _, text = w.partition(": ")
            assert f.startswith(place + ": ") and text in f, (f, w)
        else:
            assert w in f, (f, w)


@pytest.mark.parametrize("case", cases())
def test_case(case, tmp_path):
    assert re.match(SOURCE, case["source"]), "a case names what it agrees with: plugin, version and the title of its example, or the rule"
    done = run(tmp_path, case)
    stderr = done.stderr.decode()
    match(told(stderr, "warnings"), case.get("warnings", []))
    if "refused" in case:
        assert done.returncode == 2 and done.stdout == b""
        match(told(stderr, "errors"), case["refused"])
        assert stderr.count("^\n") == len(case["refused"]) + len(case.get("warnings", []))
        return
    assert done.returncode == 0, stderr
    match(re.findall(r"^row \d+: .*$", stderr, re.M), case.get("failures", []))
    assert [load(l) for l in done.stdout.decode().splitlines()] == case["want"], stderr


def test_names_are_distinct():
    names = [p.id for p in cases()]
    assert len(names) == len(set(names))
