#!/usr/bin/env python3
"""filters [--rows N] [--rounds N] [--json FILE] - CPU seconds per million rows of ten typical filter texts.

Each text of tests/bench/filters runs over the same generated rows by `ingest-worker --filter`, the texts in turn, every round; user
and system time are the kernel's own figures for the finished process.  The first text does nothing: what is above it is the filter.
"""
import glob
import os
import subprocess
import sys
import tempfile

import measure


class Text:
    def __init__(self, path, rows_file):
        self.name, self.path, self.rows_file = os.path.basename(path)[:-5], path, rows_file

    def once(self):
        with open(self.rows_file, "rb") as f:
            return measure.run([measure.WORKER, "--filter", "--filter-file", self.path], stdin=f)


def main():
    o = measure.options(__doc__).parse_args()
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as f:
        subprocess.run([sys.executable, os.path.join(measure.ROOT, "tests", "lib", "trace.py"), str(o.rows)], stdout=f, check=True)
        paths = sorted(glob.glob(os.path.join(measure.ROOT, "tests", "bench", "filters", "*.conf")))
        texts = [Text(path, f.name) for path in paths]
        seen = measure.rounds(texts, o.rounds, loaded=True)
    rows = [measure.Row(t.name, o.rows, seen[t.name]) for t in texts]
    base = rows[0].median
    measure.table(("text", "CPU s / M rows: median", "least", "most", "above the first"),
                  [(r.name, "%.2f" % r.median, "%.2f" % r.least, "%.2f" % r.most, "%.2f" % (r.median - base)) for r in rows])
    measure.write_json(o.json, {"rows": o.rows, "rounds": o.rounds, "texts": [r.record() for r in rows]})


main()
