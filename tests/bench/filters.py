#!/usr/bin/env python3
"""filters [--rows N] [--rounds N] [--json FILE] - CPU seconds per million rows of ten typical filter texts.

Each text of tests/bench/filters runs over the same generated rows by `ingest-worker --filter`, the texts in turn, every round; user
and system time are the kernel's own figures for the finished process.  The first text does nothing: what is above it is the filter.
"""
import argparse
import glob
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKER = os.path.join(ROOT, "build", "ingest-worker")


def cpu(path, rows):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(rows, "rb") as f:
        done = subprocess.run([WORKER, "--filter", "--filter-file", path], stdin=f, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit("%s: %s" % (path, done.stderr.decode()[:500]))
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", type=int, default=200_000)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--json")
    o = p.parse_args()
    texts = sorted(glob.glob(os.path.join(ROOT, "tests", "bench", "filters", "*.conf")))
    seen = {t: [] for t in texts}
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as rows:
        subprocess.run([sys.executable, os.path.join(ROOT, "tests", "lib", "trace.py"), str(o.rows)], stdout=rows, check=True)
        for _ in range(o.rounds):
            for t in texts:
                seen[t].append(cpu(t, rows.name) * 1e6 / o.rows)
    base = statistics.median(seen[texts[0]])
    out = []
    print("| text | CPU s / M rows: median | least | most | above the first |\n| --- | --- | --- | --- | --- |")
    for t in texts:
        name, values = os.path.basename(t)[:-5], seen[t]
        row = {"text": name, "median": statistics.median(values), "min": min(values), "max": max(values),
               "above": statistics.median(values) - base}
        out.append(row)
        print("| %(text)s | %(median).2f | %(min).2f | %(max).2f | %(above).2f |" % row)
    if o.json:
        with open(o.json, "w") as f:
            json.dump({"rows": o.rows, "rounds": o.rounds, "texts": out}, f, indent=1)


main()
