"""Filebeat's module logs by filter text of ours: the fields that each text names equal the modules' own expected documents.

A pair is tests/golden/filters/filebeat/NAME.conf; its head says which log and which fields.  README.md there lists every pair of
../shared/data and why the others do not translate yet.
"""
import collections
import glob
import json
import os
import subprocess

import pytest

from test_filters import HERE, ROOT, WORKER

LOGS = os.path.join(os.path.dirname(ROOT), "shared", "data", "logs", "filebeat-modules")
CONFS = sorted(glob.glob(os.path.join(HERE, "filebeat", "*.conf")))
pytestmark = pytest.mark.skipif(not os.path.isdir(LOGS), reason="../shared/data is absent")


def head(path, key):
    with open(path) as f:
        return next(line.split(":", 1)[1].strip() for line in f if line.startswith("# %s:" % key))


def flat(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix: value}
    out = {}
    for k, v in value.items():
        out.update(flat(v, prefix + "." + k if prefix else k))
    return out


def events(conf, log):
    with open(os.path.join(LOGS, log), "rb") as f:
        done = subprocess.run([WORKER, "--filter", "--filter-file", conf], stdin=f, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert b"_dissectfailure" not in done.stdout and b"_jsonparsefailure" not in done.stdout and b"_dateparsefailure" not in done.stdout
    return [flat(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("conf", CONFS, ids=lambda p: os.path.basename(p)[:-5])
def test_pair(conf):
    log, fields = head(conf, "log"), head(conf, "fields").split()
    with open(os.path.join(LOGS, log + "-expected.json")) as f:
        want = json.load(f)
    have = events(conf, log)
    assert len(have) == len(want)
    compared = 0
    for ours, theirs in zip(have, want):
        for field in fields:
            assert ours.get(field) == theirs.get(field), (field, ours, theirs)
            compared += field in theirs
    assert compared >= len(want)
    # a field that no document has would be compared with nothing
    assert [f for f in fields if not any(f in d for d in want)] == []


def test_every_pair_is_in_the_list():
    with open(os.path.join(HERE, "filebeat", "README.md")) as f:
        page = f.read()
    logs = sorted(os.path.relpath(p, LOGS)[:-len("-expected.json")]
                  for p in glob.glob(os.path.join(LOGS, "**", "*-expected.json"), recursive=True))
    assert len(logs) == 48
    translated = {head(c, "log"): os.path.basename(c) for c in CONFS}
    for log in logs:
        line, = [row for row in page.splitlines() if row.startswith("| `%s` |" % log)]
        assert ("`%s`" % translated[log] in line) if log in translated else "not yet" in line, line
    # the users' page has the names, and the reasons counted
    with open(os.path.join(ROOT, "docs", "from-logstash.md"), encoding="utf-8") as f:
        users = " ".join(f.read().split())
    why = [page.count("| not yet: %s" % reason) for reason in ("grok", "joined lines", "kv")]
    assert sum(why) == 30 and "need grok" in users
    assert "Of the 48 sample logs of Filebeat's modules 18 stand translated" in users and len(CONFS) == 18
    assert "every line of them: %s." % ", ".join(translated[log][:-5] for log in logs if log in translated) in users
    assert ("Of the other 30, %d need grok (several forms of a line, or optional parts), %d need lines joined before a filter sees them "
            "(multiline), %d need kv" % tuple(why)) in users


APACHE = os.path.join(os.path.dirname(ROOT), "shared", "data", "logs", "elastic-examples", "apache_logs")
COMBINED = r"""
dissect { mapping => { "message" => '%{client} %{} %{} [%{ts}] "%{method} %{path} %{}" %{status} %{size} "%{referrer}" "%{agent}"' } }
if "_dissectfailure" not in [tags] {
  if [size] == "-" { mutate { remove_field => ["size"] } }
  mutate { convert => { "status" => "integer" "size" => "integer" } remove_field => ["message"] }
  date { match => ["ts", "dd/MMM/yyyy:HH:mm:ss Z"] }
}
"""


@pytest.mark.skipif(not os.path.exists(APACHE), reason="../shared/data is absent")
def test_10000_apache_lines(tmp_path):
    """The figures of the data's README: 9,999 of 10,000 lines match, and what they hold."""
    conf = tmp_path / "apache.conf"
    conf.write_text(COMBINED)
    with open(APACHE, "rb") as f:
        done = subprocess.run([WORKER, "--filter", "--filter-file", conf], stdin=f, capture_output=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    good = [r for r in rows if "tags" not in r]
    assert (len(rows), len(good)) == (10000, 9999)
    bad, = (n for n, r in enumerate(rows, 1) if "tags" in r)
    assert bad == 8899 and rows[bad - 1]["tags"] == ["_dissectfailure"]
    status = collections.Counter(r["status"] for r in good)
    assert status[200] == 9125 and status[404] == 213 and status[304] == 445 and status[301] == 164
    assert status[206] == 45 and status[500] == 3 and status[403] == 2 and status[416] == 2
    methods = collections.Counter(r["method"] for r in good)
    assert methods == {"GET": 9951, "HEAD": 42, "POST": 5, "OPTIONS": 1}
    assert sum("size" not in r for r in good) == 669
    assert sum(r.get("size", 0) for r in good) == 2747282505
    assert len({r["client"] for r in good}) == 1753
    assert min(r["@timestamp"] for r in good) == "2015-05-17T10:05:00.000Z"
    assert max(r["@timestamp"] for r in good) == "2015-05-20T21:05:59.000Z"
