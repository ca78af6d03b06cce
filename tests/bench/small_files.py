"""small_files - files of ten rows into the embedded store, files a second (S1), beside the loop that any uploader needs for them.

On a disk, not on tmpfs: the price of a small file is what is made durable for it.  When a few say that all of them would take longer
than `seconds`, fewer are made, and the table says how many.
"""
import json
import os
import shutil
import subprocess
import tempfile

import measure
import ratios
import rig

ALL, FEW, ROWS = 100_000, 500, 10
RATE = ratios.Ratio("S1", "small files, files/s", None, 2000, 5000, least=True)
LOOP = 2_000  # files of the loop alone


def loop(source, folder, count, rows):
    done = subprocess.run([measure.tool("smallfiles"), folder, str(count), str(rows), source], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return said["files"] / said["seconds"]


def files(source, folder, count):
    """(files a second, CPU ms a file) of a daemon that finds them there at its start."""
    site = rig.Site(os.path.join(folder, "site"), {"local": {"type": "sqlite", "path": "var/data"}}, None)
    with open(site.path("profiles", "bench", "jobs", "small.json"), "w") as f:
        json.dump({"pattern": "[0-9]*.csv", "input": {"header": False}, "filter": rig.FILTERS["csv + mutate"],
                   "index": {"name": "small", "mappings": {"properties": {}}}}, f)
    loop(source, site.path("staging", "bench", "in"), count, ROWS)
    cost = measure.run([os.path.join(measure.BUILD, "ingestd"), "-c", site.config, "--once"])
    done = sum(n.endswith(".csv") for n in os.listdir(site.path("staging", "bench", "done")))
    if done != count:
        raise RuntimeError("%d files of %d are in done/" % (done, count))
    return count / cost.wall, cost.cpu * 1000 / count


def found(bench, seconds=75.0, rounds=5):
    source = bench.rig.rows("plain", 1_000_000)
    folder = tempfile.mkdtemp(prefix="bench-small-", dir=measure.BUILD)
    try:
        rate, _ = files(source, os.path.join(folder, "few"), FEW)
        count = ALL if ALL / rate <= seconds else max(FEW, int(rate * seconds / rounds / 100) * 100)
        rounds = rounds if count < ALL else 1
        seen = []
        for i in range(rounds):
            # removed in the end: ext4 passes over the inodes that were freed in the last seconds, a run behind a removal would pay for it
            plain = os.path.join(folder, "loop%d" % i)
            os.mkdir(plain)
            seen.append((loop(source, plain, LOOP, 0), *files(source, os.path.join(folder, str(i)), count)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    middle = sorted(seen, key=lambda s: s[1])[len(seen) // 2]
    details = {"files": count, "files_per_second": [s[1] for s in seen], "cpu_ms_per_file": [s[2] for s in seen],
               "loop_files_per_second": [s[0] for s in seen]}
    return [ratios.Found(RATE, middle[1], [s[1] for s in seen])], details
