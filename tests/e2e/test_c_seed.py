"""The seed's own profile and job, as printed, on 500,000 rows of the generated trace (tests/lib/trace.py)."""
import csv
import decimal
import json
import os
import sqlite3
import subprocess

import pytest

from site_ import ROOT, Site, balanced

ROWS = 500_000
SEED = os.path.join(ROOT, "tests", "golden", "seed")
COLUMNS = ("vm_id,subscription_id,deployment_id,timestamp_vm_created,timestamp_vm_deleted,max_cpu,average_cpu,"
           "p96_max_cpu,vm_category,vm_virtual_core_count_bucket,vm_memory_bucket").split(",")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("seed"))
    with open(os.path.join(SEED, "profile-bob-2.json")) as f:
        profile = f.read()
    with open(os.path.join(SEED, "job.json")) as f:
        job = f.read()
    os.makedirs(site.path("profiles", "bob", "jobs"))
    os.makedirs(site.path("staging", "bob", "in"))
    for path, text in (("profile.json", profile), ("jobs/test.json", job)):
        with open(site.path("profiles", "bob", path), "w") as f:
            f.write(text)
    trace, facts = site.path("staging", "bob", "in", "vmtable.csv"), site.path("facts.json")
    with open(trace, "w") as f:
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "tests", "lib", "trace.py"), "--facts", facts, str(ROWS)],
                       stdout=f, check=True)
    done = site.once("--start", "bob/test", timeout=300)
    assert done.returncode == 0, done.stderr
    return site, json.load(open(facts))


def test_counts_and_books(loaded):
    site, facts = loaded
    r = site.receipt("bob", "done", "vmtable.csv")
    assert balanced(r) and r["state"] == "done" and r["job"] == "test"
    assert r["rows"]["read"] == ROWS
    assert r["rows"]["indexed"] == facts["good"] and r["rows"]["rejected"] == len(facts["planted_lines"]) > 100
    assert r["rows"]["unsent"] == 0 and r["documents"] == facts["good"]


def test_sums_equal_the_generators_to_the_digit(loaded):
    """Of the stored values: integers as they are, doubles as the shortest text that gives them back, as Decimal."""
    site, facts = loaded
    db = sqlite3.connect(site.path("var", "data", "bob", "data.db"))
    exact = decimal.Context(prec=60)
    sums = dict.fromkeys(facts["sums"], decimal.Decimal(0))
    names = ", ".join('"%s"' % n for n in sums)
    count = 0
    for row in db.execute('select %s from "bob-vmtable"' % names):
        for name, value in zip(sums, row):
            assert isinstance(value, float if name.endswith("_cpu") else int)
            sums[name] = exact.add(sums[name], decimal.Decimal(repr(value)))
        count += 1
    assert count == facts["good"]
    assert {k: str(v) for k, v in sums.items()} == facts["sums"]
    categories = dict(db.execute('select vm_category, count(*) from "bob-vmtable" group by 1'))
    assert categories == facts["categories"]
    assert sorted(r[1] for r in db.execute('pragma table_info("bob-vmtable")')) == sorted(COLUMNS + ["_id", "_extra"])
    db.close()


def test_rejects_are_the_planted_rows_with_their_lines(loaded):
    site, facts = loaded
    with open(site.path("staging", "bob", "in", "..", "done", "vmtable.csv")) as f:
        lines = f.read().split("\n")
    with open(site.path("staging", "bob", "done", "vmtable.csv.rejects.csv"), newline="") as f:
        text = f.read()
    rows = list(csv.reader(text.splitlines()))
    assert rows[0][:3] == ["_line", "_column", "_error"]
    assert [int(r[0]) for r in rows[1:]] == facts["planted_lines"]
    for record, row in zip(text.splitlines()[1:], rows[1:]):
        original = lines[int(row[0]) - 1]
        assert record.endswith("," + original)
        assert row[1] == "vm_virtual_core_count_bucket" and ">24" in row[2] and "integer" in row[2]
