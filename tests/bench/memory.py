"""memory - what one stream and one idle tenant take (L6): the worker's peak for a small and a large file, the daemon's RSS by tenants."""
import json
import os
import shutil
import statistics
import subprocess
import time

import measure
import ours
import ratios

SMALL = 32_500  # rows: 10 MB; ten million are 3 GB
TENANTS = 1000
STREAM = ratios.Ratio("L6", "one stream's peak, MiB", None, 48, 24)
FLAT = ratios.Ratio("L6", "one stream's peak / of a file of a tenth", None, 1.1, 1.05)
IDLE = ratios.Ratio("L6", "an idle tenant, MiB", None, 1, 0.25)


def rss(pid):
    """Of the process and of what it started, now."""
    total = 0
    with open("/proc/%d/status" % pid) as f:
        total += next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return total + sum(rss(int(child)) for child in f.read().split())


def answers(config):
    done = subprocess.run([os.path.join(measure.BUILD, "ingestctl"), "-c", config, "status"], capture_output=True)
    return done.returncode == 0


def idle(rig, tenants):
    """RSS of a daemon that has looked at every tenant and waits."""
    folder = rig.path("idle")
    config = os.path.join(folder, "ingestd.json")
    for n in range(tenants):
        name = os.path.join(folder, "profiles", "t%04d" % n)
        os.makedirs(os.path.join(name, "jobs"))
        with open(os.path.join(name, "profile.json"), "w") as f:
            json.dump({"arrival": {"settle_seconds": 0}}, f)
        with open(os.path.join(name, "jobs", "load.json"), "w") as f:
            json.dump({"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {}}}}, f)
    with open(config, "w") as f:
        json.dump({}, f)
    daemon = subprocess.Popen([os.path.join(measure.BUILD, "ingestd"), "-c", config], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        while not answers(config):
            if time.monotonic() > end or daemon.poll() is not None:
                raise RuntimeError("ingestd with %d tenants does not answer" % tenants)
            time.sleep(0.1)
        done = subprocess.run([os.path.join(measure.BUILD, "ingestctl"), "-c", config, "--json", "status"], capture_output=True, check=True)
        if len(json.loads(done.stdout)["tenants"]) != tenants:
            raise RuntimeError("ingestd does not have %d tenants" % tenants)
        return rss(daemon.pid)
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def stream(bench, rows):
    """The worker's peak by the receipt, which the kernel's figure for daemon and worker bounds."""
    c = ours.Post(bench, "memory")
    c.rows = rows
    cost = c.once()
    peak = cost.more["receipt"]["peak_rss_bytes"]
    if peak > cost.peak * 1.02:
        raise RuntimeError("the receipt has a peak of %d bytes, the kernel one of %d" % (peak, cost.peak))
    return peak


def found(bench, large, rounds=5):
    sizes = (SMALL, large // 10, large)
    peaks = list(zip(*[[stream(bench, rows) for rows in sizes] for _ in range(rounds)]))
    _, tenth, most = (statistics.median(p) for p in peaks)
    one, many = idle(bench.rig, 1), idle(bench.rig, TENANTS)
    details = {"rows": list(sizes), "peak_rss_bytes": [list(p) for p in peaks], "tenants": [1, TENANTS], "daemon_rss_bytes": [one, many]}
    return [ratios.Found(STREAM, max(peaks[2]) / 2**20, [p / 2**20 for p in peaks[2]]),
            ratios.Found(FLAT, most / tenth, [m / t for t, m in zip(*peaks[1:])]),
            ratios.Found(IDLE, (many - one) / (TENANTS - 1) / 2**20)], details
