"""search - a real OpenSearch (E1): rows a second beside the replay of ready bodies at the same concurrency, and our share of the CPU.

The server is that of the end-to-end tests (tests/lib/servers).  Every run has an index of its own with the job's mappings, one shard
and no replica; a replay that does not count warms the server up.  The ratio is the median of the pairs' own ratios, every
other pair the other way round: what the server still does for the runs before (merges, its heap) is the same for both of a pair.
"""
import json
import os
import statistics
import subprocess

import measure
import ours
import ratios
import rig

ROWS = 500_000
SPEED = ratios.Ratio("E1", "OpenSearch: rows/s of replay", None, 0.97, 0.99, least=True)
SHARE = ratios.Ratio("E1", "OpenSearch: ingestd's share of CPU", None, 0.03, 0.01)
SETTINGS = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "30s"}


def cpu_of(pid):
    """Of a process and of its children, so far."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return sum(int(x) for x in fields[11:15]) / measure.TICK


def replay(bench, server, bodies, index):
    server.request("/" + index, "PUT", {"mappings": rig.MAPPINGS, "settings": SETTINGS})
    before = cpu_of(server.pid)
    done = subprocess.run([measure.tool("replay"), "-b", str(ours.BODY), "-f", str(ours.FLIGHT),
                           "%s/%s/_bulk?filter_path=took,errors,items.*._id,items.*.status,items.*.error" % (server.url, index), bodies],
                          capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    server.request("/" + index, "DELETE")
    return said["documents"] / said["seconds"], cpu_of(server.pid) - before


def load(bench, server, path):
    site = bench.rig.site("search", {"main": {"type": "elasticsearch", "urls": [server.url]}})
    with open(site.path("profiles", "bench", "jobs", "mapped.json"), "w") as f:
        json.dump({"pattern": "mapped*.csv", "input": {"header": True},
                   "index": {"name": "mapped", "mappings": rig.MAPPINGS, "settings": SETTINGS}}, f)
    before = cpu_of(server.pid)
    cost = site.once(path, "mapped")
    spent = cpu_of(server.pid) - before
    server.request("/bench-mapped", "DELETE")
    receipt = cost.more["receipt"]
    return receipt["rows"]["indexed"] / receipt["seconds"]["work"], cost.cpu / (cost.cpu + spent)


def pair(bench, server, bodies, path, turned):
    """((rows/s, CPU) of the replay, (rows/s, share) of ours)"""
    runs = [lambda: replay(bench, server, bodies, "replayed"), lambda: load(bench, server, path)]
    done = [run() for run in (reversed(runs) if turned else runs)]
    return tuple(reversed(done)) if turned else tuple(done)


def found(bench, rounds=5, rows=ROWS):
    import servers
    path = bench.rig.rows("plain", rows)
    bodies = bench.rig.path("bodies-search")
    with open(bodies, "wb") as f:
        measure.run([measure.WORKER, "--convert", "-c", bench.site.config, "--tenant", "bench", "--job", "mapped", path], stdout=f)
    servers.begin()
    try:
        server = servers.shared("opensearch")
        replay(bench, server, bodies, "warm")
        seen = [pair(bench, server, bodies, path, i % 2) for i in range(rounds)]
    except servers.Absent as e:
        raise measure.Refused(str(e)) from e
    finally:
        servers.end()
        os.unlink(bodies)
    of_pairs = [ours_[0] / replayed[0] for replayed, ours_ in seen]
    details = {"rows": rows, "replay_rows_per_second": [r[0] for r, _ in seen], "rows_per_second": [o[0] for _, o in seen],
               "of_pairs": of_pairs, "share_of_cpu": [o[1] for _, o in seen]}
    return [ratios.Found(SPEED, statistics.median(of_pairs), of_pairs),
            ratios.Found(SHARE, statistics.median(details["share_of_cpu"]), details["share_of_cpu"])], details
