"""Transport (issue 10, item 5): bodies and requests follow the sink's answers, reading goes on meanwhile, sessions and connections are kept.

A real OpenSearch, or for what depends on time a sink that takes none, behind the fault proxy, which makes answers late or refuses; the
proxy sees how large bodies are and how many of a file were there at the same time.  Whatever it does, each row is there once.  The law
itself: tests/unit/sink/test_sink_elasticsearch_pace.c.
"""
import collections
import contextlib
import gzip
import json
import os
import signal
import subprocess
import threading
import time

import pytest

import tools
from certificates import Authority, server_context
from fault_proxy import FaultProxy
from search_ import balanced, job, site

MIB = 1 << 20
BODY, REQUESTS = MIB, 4  # what a medium job may have
PAD = 15950
WIDE = {"properties": {"id": {"type": "long"}, "pad": {"type": "keyword", "index": False, "doc_values": False}}}


@pytest.fixture
def opensearch(server):
    return server("opensearch")


def wide_csv(rows, first=1):
    return b"id,pad\n" + b"".join(b"%d,%s\n" % (i, b"x" * PAD) for i in range(first, first + rows))


def base36(n):
    digits = ""
    while n:
        n, d = divmod(n, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[d] + digits
    return digits


def all_there_once(s, server, names):
    """By their ids, which are those of the files' rows, and by the books."""
    want, docs = set(), 0
    for name in names:
        receipt = s.receipt(s.name, "done", name)
        assert balanced(receipt) and receipt["rows"]["duplicates"] == 0
        assert receipt["rows"]["indexed"] == receipt["documents"] == receipt["rows"]["read"]
        docs += receipt["documents"]
        want |= {"%s-%s" % (receipt["delivery"], base36(n)) for n in range(1, receipt["rows"]["read"] + 1)}
    server.request("/%s/_refresh" % s.index, "POST")
    status, body = server.request("/%s/_search" % s.index, "POST", {"size": 10000, "_source": False, "track_total_hits": True})
    assert status == 200 and body["hits"]["total"]["value"] == docs == len(want) <= 10000
    assert {h["_id"] for h in body["hits"]["hits"]} == want


class Feed(threading.Thread):
    """One file after the other: what is learnt of the sink must last from one to the next.  None waits, so that one worker loads them all."""

    def __init__(self, s, rows=1250):
        super().__init__(daemon=True)
        self.s, self.rows, self.names, self.over = s, rows, [], threading.Event()

    def done(self):
        return all(os.path.exists(self.s.path("staging", self.s.name, "done", n + ".receipt.json")) for n in self.names)

    def run(self):
        while not self.over.wait(0.01):
            if len(self.names) < 60 and self.done():
                self.names.append("f%03d.csv" % len(self.names))
                self.s.drop(self.s.name, self.names[-1], wide_csv(self.rows))

    def end(self):
        self.over.set()
        self.join()
        self.s.until(self.done, 60)
        return self.names


@contextlib.contextmanager
def before_bulksink(tls=None):
    """A server that takes everything at once, behind a proxy that does not."""
    sink = subprocess.Popen([tools.path("bulksink")], stdout=subprocess.PIPE, text=True)
    try:
        with FaultProxy("http://127.0.0.1:%d" % int(sink.stdout.readline()), tls) as p:
            yield p
    finally:
        sink.terminate()
        sink.wait()


def taken_once(s, p, names, rows):
    """Whatever was refused: each row by one request."""
    receipts = [s.receipt(s.name, "done", n) for n in names]
    assert all(balanced(r) and r["rows"]["indexed"] == r["rows"]["read"] == rows for r in receipts)
    taken = collections.Counter(i for b in p.passed for i in b.ids)
    assert len(taken) == rows * len(names) and set(taken.values()) == {1}


@contextlib.contextmanager
def fed(folder):
    with before_bulksink() as p:
        s = site(folder, p.url, workers=1, spec=job(index={"mappings": WIDE}))
        s.start()
        feed = Feed(s)
        try:
            feed.start()
            yield p
            names = feed.end()
        finally:
            feed.over.set()
            s.stop()
        taken_once(s, p, names, feed.rows)


def in_flight(p, last):
    """Of the last bulks: the most bytes that were under way at the same time, and the most requests."""
    bulks = list(zip(p.bulks, p.at_once))[-last:]
    return max(b.bytes * n for b, n in bulks), max(n for _, n in bulks)


def until(p, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, " ".join("%d:%d" % (n, b.bytes >> 10) for b, n in list(zip(p.bulks, p.at_once))[-150:])
        time.sleep(0.01)


def all_again(p, since):
    """Full bodies, as many as the class gives."""
    now = list(zip(p.bulks, p.at_once))[since:]
    return any(n == REQUESTS and b.bytes > BODY * 3 // 4 for b, n in now)


def test_c_an_overrun_sink_gets_less_and_all_again_when_it_is_well(tmp_path):
    """It takes one body at a time, for 0.6 s: four are longer under way than is aimed at, and half of them bring as much."""
    with fed(tmp_path) as p:
        p.one_at_a_time, p.delay = True, 0.6
        until(p, lambda: p.bulks)
        until(p, lambda: len(p.bulks) > 6 and in_flight(p, 6)[0] <= (BODY + 2 * PAD) * REQUESTS // 2)  # a body ends with the document that fills it
        assert max(p.at_once) == REQUESTS  # before
        p.one_at_a_time, p.delay, since = False, 0.25, len(p.bulks) + REQUESTS
        until(p, lambda: all_again(p, since))


def test_c_429s_leave_fewer_requests_and_all_come_back(tmp_path):
    """A storm of them while more than one is there; then none."""
    with fed(tmp_path) as p:
        p.delay = 0.25
        until(p, lambda: max(p.at_once, default=0) == REQUESTS)
        p.fault = lambda bulk: "429-whole" if p.now > 1 else None
        until(p, lambda: p.faults["429-whole"] >= 3 and in_flight(p, 6)[1] == 1)
        p.fault, since = None, len(p.bulks) + REQUESTS
        until(p, lambda: all_again(p, since))


def test_c_a_body_that_takes_longer_than_a_request_may_is_halved(tmp_path, opensearch):
    """Sixteen seconds a MiB: a MiB is not answered within the ten that a silent request has, half of it is.  All was applied, all is there once."""
    with FaultProxy(opensearch.url) as p:
        p.delay = lambda bulk: bulk.bytes * 16 / MIB
        s = site(tmp_path, p.url, workers=1, spec=job(index={"mappings": WIDE}))
        rows = BODY * 5 // 4 // PAD
        s.drop(s.name, "a.csv", wide_csv(rows))
        done = s.once("--wait", "60")
        assert done.returncode == 0, s.log(s.name)
        sizes = [b.bytes for b in p.bulks]
        first, *others = sorted(sizes, reverse=True)  # the file's rest, smaller, can be there before the first body is
        assert first in sizes[:2] and first > BODY * 3 // 4 and all(n <= BODY * 5 // 8 for n in others), sizes
        assert len(sizes) > 2, sizes
        all_there_once(s, opensearch, ["a.csv"])


def test_c_small_bodies_are_not_sent_while_answers_are_awaited(tmp_path):
    """The first answer comes after eight seconds, those beside it before: nothing can be settled meanwhile, and reading goes on in full bodies."""
    with before_bulksink() as p:
        p.delay = lambda bulk: 8 if bulk.delivery + "-1" in bulk.ids else 5.5 if any(bulk is b for b in p.bulks[:REQUESTS]) else 0.1
        s = site(tmp_path, p.url, workers=1, spec=job(index={"mappings": WIDE}))
        s.drop(s.name, "a.csv", wide_csv(1000))
        done = s.once()
        assert done.returncode == 0, s.log(s.name)
        sizes = [b.bytes for b in p.bulks]
        _, *full = sorted(sizes)  # but for the file's rest, which may overtake one
        assert len(full) > 12 and all(n >= BODY for n in full), str(sizes)
        taken_once(s, p, ["a.csv"], 1000)


def test_c_rows_that_come_slowly_are_sent_when_nothing_is_under_way(tmp_path, opensearch):
    """Ten rows, then many that the filter drops, meanwhile the worker is stopped for more than the five seconds that a row may wait."""
    drops = 'filter { csv { columns => ["id", "pad"] } if [pad] == "no" { drop {} } }'
    with FaultProxy(opensearch.url) as p:
        s = site(tmp_path, p.url, workers=1, spec=job(index={"mappings": WIDE}, filter=drops))
        s.start()
        try:
            s.drop(s.name, "a.csv", b"id,pad\n" + b"1,yes\n" * 10 + b"2,no\n" * 400000 + b"3,yes\n" * 5)
            s.until(lambda: any(method == "PUT" for method, _ in p.requests))
            (worker,) = json.loads(s.ctl("--json", "status").stdout)["processes"]
            os.kill(worker["pid"], signal.SIGSTOP)
            time.sleep(5.2)  # that is the time at stake
            os.kill(worker["pid"], signal.SIGCONT)
            s.until(lambda: "a.csv" in s.names(s.name, "done"))
        finally:
            s.stop()
        assert [len(b.ids) for b in p.bulks] == [10, 5]


def test_c_reading_goes_on_while_the_sink_answers_without_threads(tmp_path, opensearch):
    """No answer yet: as many bodies as may be are at the sink, and one more is read, of a compressed file; no second thread does that."""
    with FaultProxy(opensearch.url) as p:
        hold = threading.Event()
        p.delay = lambda bulk: hold.wait(9) and 0
        s = site(tmp_path, p.url, workers=1, spec=job(index={"mappings": WIDE}), profile={"formats": ["csv", "gz"]})
        s.start()
        try:
            s.drop(s.name, "a.csv.gz", gzip.compress(wide_csv(1000), 1))
            s.until(lambda: len(p.bulks) == REQUESTS, 8)
            (worker,) = json.loads(s.ctl("--json", "status").stdout)["processes"]
            assert p.answered == 0 and len({i for b in p.bulks for i in b.ids}) >= 3 * BODY // PAD
            assert len(os.listdir("/proc/%d/task" % worker["pid"])) == 1
            hold.set()
            s.until(lambda: len(p.bulks) > REQUESTS)
            s.until(lambda: "a.csv.gz" in s.names(s.name, "done"))
            assert len(os.listdir("/proc/%d/task" % worker["pid"])) == 1
        finally:
            hold.set()
            s.stop()
        assert max(p.at_once) == REQUESTS
        all_there_once(s, opensearch, ["a.csv.gz"])


def test_c_a_body_without_an_answer_is_passed_by_as_many_as_twice_the_requests(tmp_path, opensearch):
    """All others are answered: what waits for the first is its rows' books, and those do not grow with the file."""
    with FaultProxy(opensearch.url) as p:
        hold = threading.Event()
        p.delay = lambda bulk: hold.wait(9) and 0 if bulk.delivery + "-1" in bulk.ids else 0
        s = site(tmp_path, p.url, workers=1, spec=job(index={"mappings": WIDE}))
        s.start()
        try:
            s.drop(s.name, "a.csv", wide_csv(4 * REQUESTS * BODY // PAD))
            s.until(lambda: p.answered == 2 * REQUESTS, 7)
            deadline = time.monotonic() + 1  # for one too many
            while p.answered == 2 * REQUESTS and time.monotonic() < deadline:
                time.sleep(0.01)
            assert p.answered == 2 * REQUESTS and len(p.bulks) == 2 * REQUESTS + 1
            hold.set()
            s.until(lambda: "a.csv" in s.names(s.name, "done"))
        finally:
            hold.set()
            s.stop()
        assert len(p.bulks) > 3 * REQUESTS
        all_there_once(s, opensearch, ["a.csv"])


def test_c_connections_are_kept_and_tls_sessions_resumed(tmp_path):
    """Six bodies of a large job at a time, in two files: the second needs no connection more.  Most handshakes are no whole ones."""
    ca = Authority(tmp_path, "ours")
    with before_bulksink(server_context(*ca.issue("node"))) as p:
        s = site(tmp_path, p.url, workers=1, sink={"ca_file": ca.file}, spec=job(resources="large", index={"mappings": WIDE}))
        s.start()
        try:
            for n, name in enumerate(["a.csv", "b.csv", "c.csv"], 1):
                if name == "c.csv":
                    p.cut()
                # all of a file are there before one is answered
                p.delay = lambda bulk: s.until(lambda: len(p.bulks) == 6 * n, 8)
                s.drop(s.name, name, wide_csv(1900))
                s.until(lambda: name in s.names(s.name, "done"))
                if name == "a.csv":
                    opened = len(p.connections)
                    assert max(p.at_once) == 6 and opened >= 6
                elif name == "b.csv":
                    assert len(p.connections) == opened
            assert opened < len(p.connections) <= 2 * opened
            # A ticket of TLS 1.3 is for one handshake (OpenSSL marks its session not resumable), and so is one whose connection was cut: what
            # connects before the next ticket has come is whole.  If each request had its own sessions, the first file's would all be.
            assert not p.connections[0] and any(p.connections[:opened]), p.connections
            assert p.connections.count(True) >= len(p.connections) // 3, p.connections
        finally:
            s.stop()
        taken_once(s, p, ["a.csv", "b.csv", "c.csv"], 1900)
