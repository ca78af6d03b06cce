#!/usr/bin/env python3
"""smoke [--rows N] [--rounds N] [--json FILE] - ratios against floors that only a mistake misses; part of make check, within a minute.

CPU seconds only, and the least of the rounds of each contender, since other load on the machine can only add to them: a ratio that is
above its floor has more work in it, not less luck.  The figures that count are `make bench`'s.
"""
import shutil
import sys
import tempfile

import bench
import measure
import ours

FLOORS = [
    # what, of the least c/M, at most
    ("load pass / bare SHA-256", lambda m: m["load pass"] / m["SHA-256 (EVP)"], 4),
    ("gate pass / load of file to POST", lambda m: m["gate pass"] / (m["file to POST, plain"] - m["gate pass"]), 0.8),
    ("gate pass, digest apart / load of file to POST",
     lambda m: m["a pass, no digest"] / (m["file to POST, plain"] - m["gate pass"]), 0.5),
    ("digest in the gate / bare SHA-256", lambda m: (m["gate pass"] - m["a pass, no digest"]) / m["SHA-256 (EVP)"], 2.5),
    ("convert, every row quoted / none", lambda m: m["convert, q100"] / m["convert, plain"], 1.8),
    ("load pass, csv + mutate / bare SHA-256", lambda m: m["load pass, csv + mutate"] / m["SHA-256 (EVP)"], 5),
    ("load pass, full / bare SHA-256", lambda m: m["load pass, full"] / m["SHA-256 (EVP)"], 45),
    ("file to POST / replay", lambda m: m["file to POST, plain"] / m["replay of ready bodies"], 10),
    ("file to SQLite / bare loop", lambda m: m["file to SQLite"] / m["SQLite, bare loop"], 2),
]
NAMES = ["SHA-256 (EVP)", "replay of ready bodies", "SQLite, bare loop", "a pass, no digest", "gate pass", "load pass",
         "load pass, csv + mutate", "load pass, full", "convert, plain", "convert, q100", "file to POST, plain", "file to SQLite"]


def main():
    o = measure.options(__doc__, rows=200_000, rounds=3).parse_args()
    folder = tempfile.mkdtemp(prefix="ingestd-bench-", dir="/dev/shm")
    b = bench.Bench(folder)
    try:
        contenders = [c for c in ours.yardsticks(b) + ours.variants(b) if c.name in NAMES]
        for c in contenders:
            c.rows = o.rows
            _ = c.file
        seen = measure.rounds(contenders, o.rounds, loaded=True)
    finally:
        b.close()
        shutil.rmtree(folder, ignore_errors=True)
    rows = {c.name: measure.Row(c.name, c.rows, seen[c.name]) for c in contenders}
    least = {name: row.least for name, row in rows.items()}
    lines, missed = [], 0
    for what, of, most in FLOORS:
        value = of(least)
        missed += value > most
        lines.append((what, "%.2f" % value, "≤ %g" % most, "" if value <= most else "NOT MET"))
    measure.table(("ratio of the least CPU", "measured", "floor", ""), lines)
    measure.write_json(o.json, {"rows": o.rows, "contenders": [r.record() for r in rows.values()]})
    print("bench-smoke: %d ratios, %d above their floor" % (len(lines), missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
