"""The seed's job on 500,000 rows and the corpus of ../shared/data into OpenSearch: every _source equal to its row.

The judges are Python's csv module, the generator's sums and MANIFEST.json, as in test_c_seed.py and test_c_corpus.py.
"""
import collections
import csv
import decimal
import io
import json
import os
import subprocess

import pytest

import test_c_corpus as corpus
import test_c_seed as seed
from search_ import documents
from site_ import ROOT, Site, balanced

DATA = corpus.DATA
here = pytest.mark.skipif(not (DATA / "MANIFEST.json").exists(), reason="../shared/data is absent")
KEPT = {"mappings": {"dynamic": False}, "settings": {"number_of_replicas": 0, "refresh_interval": "-1"}}


def search_site(folder, store, tenant):
    site = Site(folder, sinks={"main": {"type": "elasticsearch", "urls": [store.url]}})
    os.makedirs(site.path("profiles", tenant, "jobs"))
    os.makedirs(site.path("staging", tenant, "in"))
    return site


def test_c_the_seeds_job_on_500000_rows(tmp_path, server):
    store = server("opensearch")
    tenant = "seed-%d" % os.getpid()
    site = search_site(tmp_path, store, tenant)
    for name, to in (("profile-bob-2.json", "profile.json"), ("job.json", "jobs/test.json")):
        with open(os.path.join(seed.SEED, name)) as f, open(site.path("profiles", tenant, to), "w") as out:
            out.write(f.read())
    trace, facts = site.path("staging", tenant, "in", "vmtable.csv"), site.path("facts.json")
    with open(trace, "w") as f:
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "tests", "lib", "trace.py"), "--facts", facts, str(seed.ROWS)],
                       stdout=f, check=True)
    done = site.once("--start", tenant + "/test", timeout=400)
    assert done.returncode == 0, done.stderr
    facts = json.load(open(facts))
    receipt = site.receipt(tenant, "done", "vmtable.csv")
    assert balanced(receipt) and receipt["rows"]["indexed"] == facts["good"]
    assert receipt["rows"]["rejected"] == len(facts["planted_lines"])
    found = documents(store, tenant + "-vmtable")
    store.request("/%s-vmtable" % tenant, "DELETE")
    assert len(found) == facts["good"]
    exact, planted = decimal.Context(prec=60), set(facts["planted_lines"])
    sums, categories = dict.fromkeys(facts["sums"], decimal.Decimal(0)), collections.Counter()
    with open(site.path("staging", tenant, "done", "vmtable.csv"), newline="") as f:
        for line, row in enumerate(csv.reader(f), 1):
            if line in planted:
                continue
            want = dict(zip(seed.COLUMNS, row))
            for name in facts["sums"]:
                want[name] = float(want[name]) if name.endswith("_cpu") else int(want[name])
            source = found["%s-%s" % (receipt["delivery"], corpus.base36(line))]
            assert source == want, line
            for name in sums:
                sums[name] = exact.add(sums[name], decimal.Decimal(repr(source[name])))
            categories[source["vm_category"]] += 1
    assert {k: str(v) for k, v in sums.items()} == facts["sums"] and categories == facts["categories"]


def by_delivery(store, index):
    out = collections.defaultdict(list)
    for key, source in documents(store, index).items():
        delivery, _, number = key.rpartition("-")
        out[delivery].append((int(number, 36), source))
    return {d: [row for _, row in sorted(rows, key=lambda r: r[0])] for d, rows in out.items()}


@here
def test_c_the_real_files_to_the_digit(tmp_path, server):
    store = server("opensearch")
    tenant = "real-%d" % os.getpid()
    site = search_site(tmp_path, store, tenant)
    site.tenant(tenant, {"arrival": {"settle_seconds": 0}, "limits": corpus.LIMITS},
                headed={"pattern": "h-*", "input": {"format": "csv", "header": True}, "index": KEPT},
                bare={"pattern": "b-*", "input": {"format": "csv"}, "index": KEPT})
    entries = {e["file"]: e for e in corpus.manifest()}
    for file in corpus.REAL:
        site.drop(tenant, "h-" + os.path.basename(file), (DATA / file).read_bytes())
    site.drop(tenant, "b-airports.dat", (DATA / "csv/openflights/airports.dat").read_bytes())
    assert site.once(timeout=600).returncode == 0
    rows = by_delivery(store, tenant + "-headed")
    total = 0
    for file in corpus.REAL:
        entry, receipt = entries[file], site.receipt(tenant, "done", "h-" + os.path.basename(file))
        got = rows[receipt["delivery"]]
        assert receipt["rows"]["indexed"] == len(got) == entry["data_records"] == corpus.ROWS.get(file, len(got)), file
        want = csv.DictReader(io.StringIO((DATA / file).read_bytes().decode("utf-8-sig"), newline=""))
        for source, row in zip(got, want):
            assert {k: v or "" for k, v in source.items()} == row, file
        for name, check in entry["column_checks"].items():
            corpus.check_column(name, [d[name] for d in got], check)
        total += len(got)
    bare = by_delivery(store, tenant + "-bare")[site.receipt(tenant, "done", "b-airports.dat")["delivery"]]
    assert corpus.digest(map(corpus.cells, bare)) == entries["csv/openflights/airports.dat"]["rows_sha256"]
    print("\nreal files in OpenSearch: %d, %d rows" % (len(corpus.REAL) + 1, total + len(bare)))


@here
def test_c_the_corpus_row_by_row(tmp_path, server):
    """rows_sha256 of MANIFEST.json recomputed from every _source."""
    store = server("opensearch")
    tenant = "corpus-%d" % os.getpid()
    site = search_site(tmp_path, store, tenant)
    site.tenant(tenant, {"arrival": {"settle_seconds": 0}, "limits": corpus.LIMITS},
                all={"pattern": "*", "input": {"format": "csv"}, "rejects": {"max_ratio": 1.0}, "index": KEPT})
    taken = {}
    for entry in corpus.manifest():
        if not corpus.left_out(entry) and not entry.get("ragged"):
            name = "%04d-%s.csv" % (len(taken), os.path.basename(entry["file"])[:100])
            taken[name] = entry
            site.drop(tenant, name, (DATA / entry["file"]).read_bytes())
    assert site.once(timeout=600).returncode == 0
    rows = by_delivery(store, tenant + "-all")
    for name, entry in taken.items():
        receipt = site.receipt(tenant, "done", name)
        got = rows.get(receipt["delivery"], [])
        assert balanced(receipt) and receipt["rows"]["indexed"] == entry["records"] == len(got), entry["file"]
        assert corpus.digest(map(corpus.cells, got)) == entry["rows_sha256"], entry["file"]
    print("\nrows_sha256 equal from OpenSearch: %d files" % len(taken))
    assert len(taken) >= 300
