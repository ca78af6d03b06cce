#!/usr/bin/env python3
"""bench [options] - CPU seconds per million rows: yardsticks, ingestd, peers; the ratios that are to be met; a table and JSON.

Contenders run in turn, every round; the median of the rounds counts, CPU first.  What each of them makes of a file is compared with
what Python's csv module says, in a pass that is not timed.  Folders: one below --dir, on tmpfs by default, gone at the end.
"""
import os
import shutil
import sys
import tempfile
import time

import hard
import measure
import memory
import ours
import peers
import picture
import ratios
import rig
import search
import small_files
import truth

PARTS = ("table", "peers", "memory", "small", "search")
MORE = ("hard",)  # when asked for
ROOM = 12 << 30  # of --dir, for ten million rows
BESIDE = {"memory": lambda bench, o: memory.found(bench, o.rows * 10 or bench.most),
          "small": lambda bench, o: small_files.found(bench),
          "search": lambda bench, o: search.found(bench)}


class Bench:
    """What contenders share."""
    def __init__(self, folder):
        self.rig = rig.Rig(folder)
        self.site = self.rig.site("keys", {"local": {"type": "sqlite", "path": "var/data"}})
        self.sink = rig.Sink()
        self.verified = ours.VERIFIED
        room = os.statvfs(folder)
        self.most = ours.MOST if room.f_bavail * room.f_frsize > ROOM else ours.MANY
        self._expected = {}

    def close(self):
        self.sink.close()

    def expected(self, kind, job):
        """By a file of the same rows that is neither compressed nor encrypted."""
        kind = "plain" if kind in rig.LAYERS else kind
        if (kind, job) not in self._expected:
            self._expected[kind, job] = truth.expected(self.rig.rows(kind, self.verified), job)
        return self._expected[kind, job]


def options():
    p = measure.options(__doc__, rows=0)
    p.add_argument("--only", metavar="WORDS", help="contenders whose name has one of these, with commas between")
    p.add_argument("--seconds", type=float, default=8.0, help="what one run takes at most, about (ten million rows: 2.5 times that)")
    p.add_argument("--loaded", action="store_true", help="the machine is not ours alone: no run is made again for that")
    p.add_argument("--verify", type=int, default=ours.VERIFIED, metavar="ROWS", help="rows of the passes that are not timed")
    p.add_argument("--parts", default=",".join(PARTS), help="of %s" % ",".join(PARTS + MORE))
    p.add_argument("--dir", default="/dev/shm", help="where files go")
    o = p.parse_args()
    o.parts = o.parts.split(",")
    if not set(o.parts) <= set(PARTS + MORE):
        p.error("--parts: some of %s" % ",".join(PARTS + MORE))
    return o


def chosen(bench, o, refused):
    """The contenders of this run; a peer that cannot be had goes into `refused` with the reason."""
    words = o.only.split(",") if o.only else None
    out = ours.yardsticks(bench) + ours.variants(bench) if "table" in o.parts else []
    for peer in peers.every(bench) if "peers" in o.parts else []:
        try:
            out.append(peer.get())
        except measure.Refused as e:
            refused[peer.name] = str(e)
    return [c for c in out if not words or any(w in c.name for w in words)]


def say(text):
    print("%s  %s" % (time.strftime("%H:%M:%S"), text), file=sys.stderr, flush=True)


def progress(number, contender, cost):
    say("round %d  %-34s %9d rows  %7.3f c/M  others %2.0f %%"
        % (number + 1, contender.name, contender.rows, cost.cpu * 1e6 / contender.rows, cost.foreign * 100))


def figures(bench, contenders, o):
    verdicts = {}
    for c in contenders:
        v = c.verify()
        if v:
            verdicts[c.name] = v
            say("verified  %-34s %s" % (c.name, v))
    for c in contenders:
        c.rows = o.rows // c.part
        if not o.rows:
            c.size(o.seconds)
        _ = c.file  # made before the clock runs
    seen = measure.rounds(contenders, o.rounds, o.loaded, bench.sink.cpu, progress)
    return {c.name: measure.Row(c.name, c.rows, seen[c.name]) for c in contenders}, verdicts


def beside(bench, o, refused):
    """What is no contender: memory, small files, a real server."""
    found, details = [], {}
    for part in [p for p in BESIDE if p in o.parts]:
        try:
            more, details[part] = BESIDE[part](bench, o)
            found += more
            say("%s: %s" % (part, ", ".join("%s %.2f" % (f.ratio.what, f.value) for f in more)))
        except measure.Refused as e:
            refused[part] = str(e)
    return found, details


def print_all(rows, verdicts, contenders, found, refused):
    head = ("contender", "rows", "c/M", "least..most", "wall s/M", "peak MiB", "documents")
    lines = [(" ".join(filter(None, (c.name, getattr(c, "version", "")))), "{:,}".format(c.rows), "%.3f" % r.median,
              "%.3f..%.3f" % (r.least, r.most), "%.3f" % r.wall, "%.1f" % (r.peak / 2**20) if r.peak else "", verdicts.get(c.name, ""))
             for c, r in ((c, rows[c.name]) for c in contenders)]
    lines += [(name, "not run", "", "", "", "", why) for name, why in refused.items()]
    measure.table(head, lines)
    print()
    measure.table(("ratio", "what", "measured", "least..most", "floor", "stretch", ""), [f.line() for f in found])


def record(bench, o, contenders, rows, verdicts):
    return [dict(rows[c.name].record(), group=c.group, version=getattr(c, "version", None),
                 verified=verdicts[c.name].record() if c.name in verdicts else None) for c in contenders]


def main():
    o = options()
    folder = tempfile.mkdtemp(prefix="ingestd-bench-", dir=o.dir)
    bench = Bench(folder)
    bench.verified = o.verify
    begin, refused = time.monotonic(), {}
    try:
        contenders = chosen(bench, o, refused)
        rows, verdicts = figures(bench, contenders, o)
        more, details = beside(bench, o, refused)
        if "hard" in o.parts:
            details["hard"] = hard.found(bench, refused)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    found = ratios.of(rows) + more
    print_all(rows, verdicts, contenders, found, refused)
    for line in [""] + picture.of(rows):
        print(line)
    if "hard" in details:
        print()
        hard.print_table(details["hard"])
    measure.write_json(o.json, {
        "machine": measure.machine(), "rounds": o.rounds, "seconds": round(time.monotonic() - begin), "inputs": bench.rig.digests,
        "contenders": record(bench, o, contenders, rows, verdicts), "not_run": refused, "beside": details,
        "ratios": [f.record() for f in found]})


if __name__ == "__main__":
    main()
