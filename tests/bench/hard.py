"""hard - eight hard inputs of 1,000 rows each, ourselves and the peers that send: rows lost, wrong, doubled.

A row that no index can take (ragged, a byte that is no UTF-8, `12x` for a number, one that the server refuses) is to stay out, and all
others are to arrive once.  tests/e2e/test_c_hard_inputs.py holds ourselves to it, with what is said about the row; this puts the
peers beside.  A peer that never comes to rest is stopped after LIMIT seconds; one that pauses after a 503 is waited for.
"""
import os
import subprocess
import sys
import threading
import time

import measure
import ours
import peers
import rig
import truth

N, AT, LIMIT, AWAY = 1000, 500, 20, 150
PIECES, PAUSE = 5, 1.0
CATEGORY, MEMORY = 8, 10
# what it is: what becomes of the cells of row AT, the faults of the server, does the row stay out
CASES = {
    "quoted line break": (lambda c: c[:CATEGORY] + ['"first\nsecond, ""third""\n"'] + c[9:], (), False),
    "ragged row": (lambda c: c[:2], (), True),
    "bad byte": (lambda c: c[:CATEGORY] + ["caf\udce9"] + c[9:], (), True),
    "12x": (lambda c: c[:MEMORY] + ["12x"], (), True),
    "slow upload": (lambda c: c, (), False),
    "item 400": (lambda c: c[:CATEGORY] + ["refused"] + c[9:], ("-x", "refused"), True),
    "item 429 twice": (lambda c: c[:CATEGORY] + ["busy"] + c[9:], ("-b", "busy"), False),
    "503 three times": (lambda c: c, ("-u", "3"), False),
}


def make(bench, name):
    """(path, the documents that are to arrive)"""
    change, _, out = CASES[name]
    with open(bench.rig.rows("plain", N), encoding="utf-8") as f:
        lines = f.read().split("\n")
    lines[AT] = ",".join(change(lines[AT].split(",")))
    path = bench.rig.path("hard.csv")
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
        f.write("\n".join(lines))
    good = bench.rig.path("hard-good.csv")
    with open(good, "w", encoding="utf-8", errors="surrogateescape") as f:
        f.write("\n".join(lines[:AT] + lines[AT + 1:] if out else lines))
    return path, truth.expected(good)


class Upload:
    """The file grows under its name while somebody reads it."""
    def __init__(self, path):
        with open(path, "rb") as f:
            text = f.read()
        step = len(text) // PIECES + 1
        self.path, self.pieces = path, [text[i:i + step] for i in range(0, len(text), step)]
        self.file = open(path, "wb", buffering=0)
        self.file.write(self.pieces.pop(0))
        self.thread = threading.Thread(target=self.go_on)

    def go_on(self):
        for piece in self.pieces:
            time.sleep(PAUSE)
            self.file.write(piece)
        self.file.close()


def ours_through(bench, path, sink, slow):
    site = bench.rig.site("hard", {"main": {"type": "elasticsearch", "urls": [sink.url]}})
    placed = site.path("staging", "bench", "in", "mapped.csv")
    upload = Upload(path) if slow else None
    os.rename(path, placed)
    if upload:
        upload.thread.start()
    measure.run([os.path.join(measure.BUILD, "ingestd"), "-c", site.config, "--once", "--wait", "10"], expect=None)
    if upload:
        # what has a writer is left where it is, and taken when it is whole
        upload.thread.join()
        measure.run([os.path.join(measure.BUILD, "ingestd"), "-c", site.config, "--once"])


def script_through(peer, path, sink, slow):
    """A script reads what is there when it starts; nothing tells it that more will come."""
    upload = Upload(path) if slow else None
    measure.run(peer.argv(path, sink.url, "bench"), expect=None)
    if upload:
        upload.go_on()


def follower_through(peer, path, sink, slow, limit):
    place = peer.place
    upload = []

    def slowly(folder, p):
        placed = place(folder, p)
        upload.append(Upload(placed))
        upload[0].thread.start()
        return placed
    if slow:
        peer.place = slowly
    try:
        peer.through(path, sink, sys.maxsize, limit)
    finally:
        peer.place = place
        for u in upload:
            u.thread.join()


def judged(want, got):
    lost = sum((want - got).values())
    doubled = sum(got[d] - 1 for d in got if d in want)
    wrong = sum(n for d, n in got.items() if d not in want)
    said = [(lost, "lost"), (wrong, "wrong"), (doubled, "doubled")]
    return ", ".join("%s %s" % ("{:,}".format(n), word) for n, word in said if n) or "right"


def one(bench, contender, name):
    path, want = make(bench, name)
    out = bench.rig.path("recorded")
    slow = name == "slow upload"
    with rig.Sink(out, CASES[name][1]) as sink:
        try:
            if isinstance(contender, peers.Follower):
                follower_through(contender, path, sink, slow, AWAY if "-u" in CASES[name][1] else LIMIT)
            elif isinstance(contender, peers.Streaming):
                script_through(contender, path, sink, slow)
            else:
                ours_through(bench, path, sink, slow)
        except (RuntimeError, OSError, subprocess.SubprocessError) as e:
            return "ended: %s" % e
    shape = getattr(contender, "shape", lambda doc: doc)
    return judged(want, truth.recorded(out, shape))


def found(bench, refused):
    """{contender: {case: what became of it}}"""
    contenders = [ours.Post(bench, "ingestd")]
    for peer in peers.every(bench):
        try:
            if not isinstance(peer, peers.ToFile):
                contenders.append(peer.get())
        except measure.Refused as e:
            refused[peer.name] = str(e)
    return {" ".join(filter(None, (c.name, getattr(c, "version", "")))): {name: one(bench, c, name) for name in CASES}
            for c in contenders}


def print_table(results):
    names = list(results)
    measure.table(["input"] + names, [[case] + [results[n][case] for n in names] for case in CASES])
