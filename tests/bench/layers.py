#!/usr/bin/env python3
"""layers [--rows N] [--rounds N] [--json FILE] - CPU seconds per million rows of each layer, beside the library's own figure.

The same generated rows (tests/lib/trace.py) plain, by gzip -6, zstd -3, xz -6 and age.  `library` is build/tools/libcat: the library alone;
`layer` is build/tools/streamcat: our stack over the file, its digest not included; `file` is ingest-worker --convert, two passes over the
file and the digest, less the same of the plain file.  All in turn, every round; user and system time are the kernel's own figures.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
LAYERS = {"plain": None, "gzip": ["gzip", "-6", "-n", "-c"], "zstd": ["zstd", "-q", "-3", "--check", "-c"], "xz": ["xz", "-6", "-c"],
          "age": ["age"]}
EXTENSION = {"plain": "", "gzip": ".gz", "zstd": ".zst", "xz": ".xz", "age": ".age"}


def cpu(argv, expect=(0,)):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in expect:
        sys.exit("%s: %s" % (argv, done.stderr.decode()[:500]))
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


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


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", type=int, default=200_000)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--json")
    o = p.parse_args()
    seen = {(layer, what): [] for layer in LAYERS for what in ("library", "layer", "file")}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        config, identity, plain = prepare(folder, o.rows)
        for _ in range(o.rounds):
            for name in LAYERS:
                path = plain + EXTENSION[name]
                ours = [os.path.join(BUILD, "tools", "streamcat"), "-n", "-i", identity] + ([name] if LAYERS[name] else []) + [path]
                for what, argv in (("library", [os.path.join(BUILD, "tools", "libcat"), name, path]), ("layer", ours),
                                   ("file", [os.path.join(BUILD, "ingest-worker"), "--convert", "-c", config, "--tenant", "bench",
                                             "--job", "load", path])):
                    seen[name, what].append(cpu(argv, (0, 3)) * 1e6 / o.rows)
    out = []
    print("| layer | library | layer | ratio | file, above plain |\n| --- | --- | --- | --- | --- |")
    for name in LAYERS:
        m = {what: statistics.median(seen[name, what]) for what in ("library", "layer", "file")}
        row = {"layer": name, "library": m["library"], "ours": m["layer"], "ratio": m["layer"] / m["library"],
               "file": m["file"] - statistics.median(seen["plain", "file"])}
        out.append(row)
        print("| %(layer)s | %(library).3f | %(ours).3f | %(ratio).2f | %(file).3f |" % row)
    if o.json:
        with open(o.json, "w") as f:
            json.dump({"rows": o.rows, "rounds": o.rounds, "layers": out}, f, indent=1)


main()
