#!/usr/bin/env python3
"""layers [--rows N] [--rounds N] [--json FILE] - CPU seconds per million rows of each layer, beside the library's own figure.

The same generated rows (tests/lib/trace.py) plain, by gzip -6, zstd -3, xz -6 and age.  `library` is build/tools/libcat: the library alone;
`layer` is build/tools/streamcat: our stack over the file, its digest not included; `file` is ingest-worker --convert, two passes over the
file and the digest, less the same of the plain file.  All in turn, every round; user and system time are the kernel's own figures.
"""
import json
import os
import subprocess
import sys
import tempfile

import measure

ROOT, BUILD = measure.ROOT, measure.BUILD
LAYERS = {"plain": None, "gzip": ["gzip", "-6", "-n", "-c"], "zstd": ["zstd", "-q", "-3", "--check", "-c"], "xz": ["xz", "-6", "-c"],
          "age": ["age"]}
EXTENSION = {"plain": "", "gzip": ".gz", "zstd": ".zst", "xz": ".xz", "age": ".age"}


class Reader:
    """One program over one file."""
    def __init__(self, layer, what, argv):
        self.name, self.layer, self.what, self.argv = layer + " " + what, layer, what, argv

    def once(self):
        return measure.run(self.argv, expect=(0, 3))


def prepare(folder, rows):
    """The files, a tenant with a key, and its identity."""
    job = {"pattern": "*.csv"}
    os.makedirs(os.path.join(folder, "profiles", "bench", "jobs"))
    for path, what in (("ingestd.json", {}), ("profiles/bench/profile.json", {"formats": ["csv", "compressed", "age"]}),
                       ("profiles/bench/jobs/load.json", job)):
        with open(os.path.join(folder, path), "w") as f:
            json.dump(what, f)
    config = os.path.join(folder, "ingestd.json")
    subprocess.run([os.path.join(BUILD, "ingestctl"), "-c", config, "keygen", "bench"], check=True, stdout=subprocess.DEVNULL)
    keys = os.path.join(folder, "profiles", "bench", "keys")
    with open(os.path.join(keys, os.listdir(keys)[0])) as f:
        identity = f.read().split()[-1]
    plain = os.path.join(folder, "rows.csv")
    with open(plain, "wb") as f:
        subprocess.run([sys.executable, os.path.join(ROOT, "tests", "lib", "trace.py"), str(rows)], stdout=f, check=True)
    for name, argv in LAYERS.items():
        if argv:
            more = ["-R", os.path.join(folder, "staging", "bench", "recipients.txt")] if name == "age" else []
            with open(plain, "rb") as i, open(plain + EXTENSION[name], "wb") as o:
                subprocess.run(argv + more, stdin=i, stdout=o, check=True)
    return config, identity, plain


def readers(config, identity, plain):
    for name, packed in LAYERS.items():
        path = plain + EXTENSION[name]
        yield Reader(name, "library", [measure.tool("libcat"), name, path])
        yield Reader(name, "layer", [measure.tool("streamcat"), "-n", "-i", identity] + ([name] if packed else []) + [path])
        yield Reader(name, "file", [measure.WORKER, "--convert", "-c", config, "--tenant", "bench", "--job", "load", path])


def main():
    o = measure.options(__doc__).parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        contenders = list(readers(*prepare(folder, o.rows)))
        seen = measure.rounds(contenders, o.rounds, loaded=True)
    rows = {(c.layer, c.what): measure.Row(c.name, o.rows, seen[c.name]) for c in contenders}
    plain = rows["plain", "file"].median
    lines = []
    for name in LAYERS:
        library, layer, file = (rows[name, what].median for what in ("library", "layer", "file"))
        lines.append((name, "%.3f" % library, "%.3f" % layer, "%.2f" % (layer / library), "%.3f" % (file - plain)))
    measure.table(("layer", "library", "layer", "ratio", "file, above plain"), lines)
    measure.write_json(o.json, {"rows": o.rows, "rounds": o.rounds, "layers": [r.record() for r in rows.values()]})


main()
