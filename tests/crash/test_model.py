"""Random sequences of what people and disks do to files, against the model (model.py): 0 differences.

Fifty sequences, one file name each, run side by side in one daemon, one operation of each a round; in between the daemon is killed, its
store is away, its job's filter is another.  INGEST_SEQUENCES says how many (nightly and by hand: 10,000).
"""
import json
import os
import random
import sqlite3

import pytest

from books import settle_all
from model import BAD, ROWS, Name
from site_ import Site, balanced

WIDTH, ROUNDS = 50, 7
SEQUENCES = int(os.environ.get("INGEST_SEQUENCES", "200"))
KEYS = ("name", "content", "row", "version")
VERBS = ("undo", "retry", "release", "rerun")


def job(rule, version):
    # every document says of which file, content, row and version of the job it is
    return {"pattern": rule[0] + "*.csv", "same_name": rule, "rejects": {"max_rows": 0},
            "index": {"name": "t", "mappings": {"properties": {k: {"type": "keyword"} for k in KEYS}}},
            "filter": 'filter { csv { columns => ["name", "content", "row"] } '
                      'if [content] =~ /^bad/ { mutate { convert => { "row" => "integer" } } } '
                      'mutate { add_field => { "version" => "%d" } } }' % version}


def text(name, content):
    rows = ["%s,%s,%d\n" % (name, content.decode(), i) for i in range(ROWS)]
    if content.startswith(BAD):
        rows[2] = "%s,%s,x\n" % (name, content.decode())  # no integer: one reject, and none is allowed
    return "".join(rows).encode()


class World:
    def __init__(self, folder, seed):
        self.rng, self.site, self.version = random.Random(seed), Site(folder), 0
        rules = ("hold", "add", "replace")
        self.names = [Name("%s%02d.csv" % (rules[i % 3][0], i), rules[i % 3]) for i in range(WIDTH)]
        self.jobs()
        self.site.start()
        self.site.until(lambda: "daemon.started" in self.site.log("ingestd"))

    def jobs(self):
        self.version += 1
        self.site.tenant("bob", {"arrival": {"settle_seconds": 0}},
                         **{rule: job(rule, self.version) for rule in ("hold", "add", "replace")})

    def act(self, n):
        """One operation of one name; what is asked for is refused exactly when the model refuses it."""
        verb = self.rng.choice(("drop", "drop", "again") + VERBS) if n.arrivals else "drop"
        if verb in ("drop", "again"):
            content = n.arrivals[-1].content if verb == "again" else \
                b"%s%d" % (BAD if self.rng.random() < 0.2 else b"good", self.rng.randrange(3))
            n.drop(content, self.version)
            return ("drop", n, text(n.name, content))
        a = self.rng.choice(n.arrivals)
        return (verb, n, a.ident, getattr(n, verb)(a, self.version))

    def do(self, deeds):
        site = self.site
        for verb, n, what, *expected in deeds:
            if verb == "drop":
                site.drop("bob", "." + n.name, what)
                os.rename(site.path("staging", "bob", "in", "." + n.name), site.path("staging", "bob", "in", n.name))
            else:
                out = site.ctl(verb, what)
                assert (out.returncode == 0) == expected[0], (verb, n.name, n.arrivals, out.stderr)

    def round(self):
        trouble = self.rng.choice(("none", "kill", "away", "reload"))
        if trouble == "reload":
            self.jobs()
            before = self.site.log("bob").count("profile.loaded")
            assert self.site.ctl("reload").returncode == 0
            self.site.until(lambda: self.site.log("bob").count("profile.loaded") > before)
        deeds = [self.act(n) for n in self.names]
        store = None
        if trouble == "away" and os.path.exists(self.site.path("var", "data", "bob", "data.db")):
            store = sqlite3.connect(self.site.path("var", "data", "bob", "data.db"), isolation_level=None)
            store.execute("begin immediate")
        self.do(deeds)
        if trouble == "kill":
            starts = self.site.log("ingestd").count("daemon.started")
            self.site.kill()
            self.site.start()  # wishes are taken when recovery is done
            self.site.until(lambda: self.site.log("ingestd").count("daemon.started") > starts)
        if store:
            store.execute("rollback")
            store.close()
        settle_all(self.site, "bob", sum(len(n.arrivals) for n in self.names))

    def compare(self):
        db = sqlite3.connect(self.site.path("var", "journal.db"))
        found = {}
        for name, ident, state, folder, target in db.execute(
                "select file, arrival, record_state, folder, target from arrivals order by arrival"):
            found.setdefault(name, []).append((ident, state, folder, target))
        db.close()
        for n in self.names:
            mine = found.get(n.name, [])
            assert [s for _, s, _, _ in mine] == [a.state for a in n.arrivals], (n.name, mine, n.arrivals)
            for a, (ident, state, folder, target) in zip(n.arrivals, mine):
                a.ident = ident
                with open(self.site.path("staging", "bob", folder, target), "rb") as f:
                    assert f.read() == text(n.name, a.content)
                receipt = self.site.receipt("bob", folder, target)
                assert receipt["id"] == ident and receipt["state"] == state
                assert not receipt["rows"] or balanced(receipt)
        stored = sorted((r["name"], r["content"], int(r["row"]), int(r["version"]))
                        for r in self.site.rows("bob", "bob-t"))
        assert stored == sorted(r for n in self.names for r in n.rows())


@pytest.mark.parametrize("seed", range(max(1, SEQUENCES // WIDTH)))
def test_random_sequences_end_as_the_model_says(tmp_path, seed):
    world = World(tmp_path, seed)
    try:
        for _ in range(ROUNDS):
            world.round()
            world.compare()
    finally:
        world.site.stop()
    print(json.dumps({"seed": seed, "arrivals": sum(len(n.arrivals) for n in world.names)}))
