"""A sick sink, credential or index: its files wait with the reason, all others go on, and it goes again after recovery."""
import contextlib
import json
import os
import socket
import time

import pytest

import ports
from fault_proxy import FaultProxy, first_of_each_delivery, larger_than
from search_ import balanced, count, csv_of, documents, job, rows_of, same, site


@pytest.fixture
def opensearch(server):
    return server("opensearch")


def status(s):
    return json.loads(s.ctl("--json", "status").stdout)


def circuits(s):
    return [c for c in status(s)["sinks"] if c["state"] != "ok"]


def waiting(s, n=1):
    return sum(t["waiting"] for t in status(s)["tenants"]) == n


def done(s, *names):
    have = set(os.listdir(s.path("staging", s.name, "done"))) if os.path.isdir(s.path("staging", s.name, "done")) else set()
    return set(names) <= have


@pytest.fixture
def running():
    sites = []

    def start(s):
        sites.append(s)
        s.start()
        return s
    yield start
    for s in sites:
        s.stop()


def test_c_a_blocked_index_waits_and_others_go_on(tmp_path, opensearch, running):
    """blocks.write: items 403; that index's circuit, and no other's."""
    s = site(tmp_path, opensearch.url, workers=1)
    s.tenant(s.name, rows=job(pattern="a*.csv"), free=job(pattern="b*.csv", index={"name": "free"}))
    opensearch.request("/" + s.index, "PUT", {"settings": {"index.blocks.write": True}})
    running(s)
    s.drop(s.name, "a1.csv", csv_of(rows_of(5)))
    s.until(lambda: circuits(s), 30)
    (c,) = circuits(s)
    assert (c["sink"], c["credential"], c["index"], c["fault"]) == ("main", "platform", s.index, "temporary")
    assert "403" in c["reason"] and "cluster_block_exception" in c["reason"]
    begun = time.monotonic()
    for i in range(10):
        s.drop(s.name, "b%d.csv" % i, csv_of(rows_of(5, 100 * i + 1)))
    s.drop(s.name, "a2.csv", csv_of(rows_of(5, 6)))
    s.until(lambda: done(s, *["b%d.csv" % i for i in range(10)]), 20)
    s.until(lambda: waiting(s, 2), 30)
    assert "sink.sick" in s.log("ingestd") and "main" in s.ctl("status").stdout
    opensearch.request("/%s/_settings" % s.index, "PUT", {"index.blocks.write": None})
    begun = time.monotonic()
    s.until(lambda: done(s, "a1.csv", "a2.csv"), 45)
    assert time.monotonic() - begun < 30
    assert circuits(s) == [] and "sink.well" in s.log("ingestd")
    same(documents(opensearch, s.index), rows_of(10))


@pytest.mark.parametrize("block", ["read_only_allow_delete", "read_only"])
def test_c_a_block_that_meets_the_mapping_is_that_indexs_too(tmp_path, opensearch, running, block):
    """A field is to be added first: that is answered 429 or 403 as the documents would be, and is no privilege that is missing."""
    s = site(tmp_path, opensearch.url, workers=1)
    s.tenant(s.name, rows=job(pattern="a*.csv"), free=job(pattern="b*.csv", index={"name": "free"}))
    opensearch.request("/" + s.index, "PUT", {"settings": {"index.blocks." + block: True}})
    running(s)
    s.drop(s.name, "a1.csv", csv_of(rows_of(5)))
    s.until(lambda: circuits(s), 30)
    (c,) = circuits(s)
    assert (c["index"], c["fault"]) == (s.index, "temporary") and "privilege" not in c["reason"], c
    assert "cluster_block_exception" in c["reason"]
    s.drop(s.name, "b1.csv", csv_of(rows_of(5)))
    s.until(lambda: done(s, "b1.csv"), 10)
    opensearch.request("/%s/_settings" % s.index, "PUT", {"index.blocks." + block: None})
    s.until(lambda: done(s, "a1.csv"), 30)
    same(documents(opensearch, s.index), rows_of(5))


def test_c_a_sink_that_is_away_or_hangs_delays_nobody_else(tmp_path, opensearch, running):
    """One worker slot, a dead sink and one that takes everything and answers nothing, beside the embedded store."""
    with FaultProxy(opensearch.url) as hung, FaultProxy(opensearch.url) as dead:
        dead.away()
        hung.everything = "hung"
        s = site(tmp_path, hung.url, workers=1)
        with open(s.path("ingestd.json")) as f:
            config = json.load(f)
        config["sinks"]["dead"] = {"type": "elasticsearch", "urls": [dead.url]}
        config["sinks"]["local"] = {"type": "sqlite"}
        config["default_sinks"] = ["local"]
        with open(s.path("ingestd.json"), "w") as f:
            json.dump(config, f)
        s.tenant(s.name, rows=job(pattern="h*.csv", sinks=["main"]), dead=job(pattern="d*.csv", sinks=["dead"]),
                 well=job(pattern="w*.csv", sinks=["local"]))
        running(s)
        for i in range(5):
            s.drop(s.name, "h%d.csv" % i, csv_of(rows_of(5)))
            s.drop(s.name, "d%d.csv" % i, csv_of(rows_of(5)))
        s.until(lambda: len(circuits(s)) == 2, 60)
        by_sink = {c["sink"]: c for c in circuits(s)}
        assert by_sink["dead"]["index"] is None and by_sink["dead"]["fault"] == "temporary"
        # while both are probed again and again, every file of the well sink is through in a moment
        slowest = 0
        for i in range(20):
            begun = time.monotonic()
            s.drop(s.name, "w%d.csv" % i, csv_of(rows_of(5, i * 5 + 1)))
            s.until(lambda: done(s, "w%d.csv" % i), 20)
            slowest = max(slowest, time.monotonic() - begun)
        assert slowest < 3, slowest
        assert not done(s, "h0.csv") and not done(s, "d0.csv")
        hung.everything = None
        dead.back()
        begun = time.monotonic()
        s.until(lambda: done(s, *["%s%d.csv" % (k, i) for k in "hd" for i in range(5)]), 45)
        assert time.monotonic() - begun < 30 and circuits(s) == []


@pytest.mark.parametrize("hanging, sink", [(3, "main"), (12, "local")])
def test_c_indices_that_hang_delay_no_file_of_others(tmp_path, opensearch, running, hanging, sink):
    """One worker slot, more indices that give no answer than it has, and in one case more than there is room for beside: from the first
    moment, before any circuit is open, and while they are probed, files of another index, tenant or sink go through."""
    with FaultProxy(opensearch.url) as p:
        p.fault = lambda bulk: "hung" if "-h" in bulk.path else None
        s = site(tmp_path, p.url, workers=1)
        with open(s.path("ingestd.json")) as f:
            config = json.load(f)
        config["sinks"]["local"] = {"type": "sqlite"}
        config["default_sinks"] = ["main"]
        with open(s.path("ingestd.json"), "w") as f:
            json.dump(config, f)
        other = s.name + "x"
        s.tenant(s.name, rows=job(pattern="w*.csv", index={"name": "well"}, sinks=[sink]),
                 **{"h%d" % i: job(pattern="h%d-*.csv" % i, index={"name": "h%d" % i}) for i in range(hanging)})
        s.tenant(other, rows=job(sinks=[sink]))
        running(s)
        for i in range(hanging):
            for k in range(3):
                s.drop(s.name, "h%d-%d.csv" % (i, k), csv_of(rows_of(5, k * 5 + 1)))
        s.until(lambda: p.bulks, 20)
        slowest, n, opened, first = 0, 0, None, time.monotonic()
        # until each of them has its circuit, and for a while of probes: two attempts of ten seconds, eight at a time beside
        while opened is None or time.monotonic() < opened + 15:
            assert opened is not None or time.monotonic() < first + 50, len(circuits(s))
            begun = time.monotonic()
            s.drop(s.name, "w%d.csv" % n, csv_of(rows_of(5, n * 5 + 1)))
            s.drop(other, "w%d.csv" % n, csv_of(rows_of(5, n * 5 + 1)))
            s.until(lambda: done(s, "w%d.csv" % n), 60)
            s.until(lambda: os.path.exists(s.path("staging", other, "done", "w%d.csv" % n)), 60)
            slowest = max(slowest, time.monotonic() - begun)
            n += 1
            if opened is None and len(circuits(s)) == hanging:
                opened = time.monotonic()
        print("slowest of 2 x %d files: %.2f s" % (n, slowest))
        # the two seconds until a silence is known; an attempt's patience is ten
        assert slowest < 6, slowest
        assert all(c["index"] and c["fault"] == "temporary" for c in circuits(s))
        # what found no room beside was in a queue, not waiting for a pause to end
        assert "wrong queue" not in s.log(s.name)
        p.fault = None
        begun = time.monotonic()
        s.until(lambda: done(s, *["h%d-%d.csv" % (i, k) for i in range(hanging) for k in range(3)]), 60)
        assert time.monotonic() - begun < 30 and circuits(s) == []
        for i in range(hanging):
            same(documents(opensearch, "%s-h%d" % (s.name, i)), rows_of(15))
        s.until(lambda: not any(t["running"] or t["waiting"] for t in status(s)["tenants"]))


def test_c_once_says_that_the_sink_is_out_of_reach(tmp_path, opensearch):
    with FaultProxy(opensearch.url) as dead:
        dead.away()
        s = site(tmp_path, dead.url)
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        ended = s.once("--wait", "12")
        assert ended.returncode == 1 and "a.csv" in ended.stderr and dead.url in ended.stderr
        assert s.names(s.name, "failed") == [] and s.names(s.name, "held") == []
        dead.back()
        assert s.once().returncode == 0
        same(documents(opensearch, s.index), rows_of(5))


def test_c_requests_overlap(tmp_path, opensearch):
    """Behind 200 ms a request, several are under way at the same time; the body is 1 to 5 MiB.  Few and long rows: a server that is slow gets less."""
    wide = {"properties": {**job()["index"]["mappings"]["properties"], "name": {"type": "keyword", "index": False, "doc_values": False}}}
    with FaultProxy(opensearch.url) as p:
        p.delay = 0.2
        s = site(tmp_path, p.url, spec=job(index={"mappings": wide}))
        rows = [{"n": i, "name": "x" * 12000, "cpu": 0} for i in range(2000)]
        s.drop(s.name, "a.csv", csv_of(rows))
        assert s.once().returncode == 0
        assert p.most_at_once >= 2
        sizes = [b.bytes for b in p.bulks]
        assert len(sizes) > 3 and all(1 << 20 <= n <= 5 << 20 for n in sizes[:-1]), sizes
        assert {op for b in p.bulks for op in b.ops} == {"create"}
        assert all("filter_path=" in b.path for b in p.bulks)
        assert count(opensearch, s.index) == len(rows)


def test_c_retry_after_is_respected(tmp_path, opensearch):
    seen = []

    def choose(bulk):
        seen.append(time.monotonic())
        return "429-after" if len(seen) == 1 else None
    with FaultProxy(opensearch.url) as p:
        p.fault = choose
        s = site(tmp_path, p.url)
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        assert s.once().returncode == 0
        assert len(seen) == 2 and seen[1] - seen[0] >= 1.0


def test_c_a_pause_of_a_day_is_one_of_a_minute_at_most(tmp_path, opensearch):
    with FaultProxy(opensearch.url) as p:
        p.fault = first_of_each_delivery("429-a-day")
        s = site(tmp_path, p.url)
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        begun = time.monotonic()
        ended = s.once("--wait", "100")
        assert ended.returncode == 0, ended.stderr
        assert 30 <= time.monotonic() - begun < 90
        same(documents(opensearch, s.index), rows_of(5))


STRANGERS = {  # what answers instead of a server: words of the reason
    "page": (404, {}, b"<html>no such page</html>", ["HTTP 404", "<html>no such page", "look at urls"]),
    "route": (404, {}, b'{"message":"no Route matched"}', ["HTTP 404", "no Route matched", "look at urls"]),
    "redirect": (301, {"Location": "https://elsewhere/"}, b"", ["HTTP 301", "redirects are not followed"]),
    "portal": (200, {}, b"<html>welcome</html>", ["HTTP 200", "<html>welcome", "look at urls"]),
    "packed": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08\xff", ["HTTP 200", "look at urls"]),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_c_what_is_no_server_is_told_with_its_url_and_holds_no_file(tmp_path, opensearch, running, who):
    *answer, words = STRANGERS[who]
    with FaultProxy(opensearch.url) as p:
        p.everything = tuple(answer)
        s = running(site(tmp_path, p.url + "/wrong"))
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        s.until(lambda: circuits(s) and waiting(s), 30)
        (c,) = circuits(s)
        assert (c["credential"], c["index"], c["fault"]) == (None, None, "temporary"), c
        assert "%s/wrong/%s" % (p.url, s.index) in c["reason"] and all(w in c["reason"] for w in words), c
        assert s.names(s.name, "held") == [] and count(opensearch, s.index) == 0


@pytest.mark.parametrize("fault", ["413", "413-or-cut"])
def test_c_a_body_that_is_too_large_is_split_down_to_one_document(tmp_path, opensearch, fault):
    """413 while the connection stays, and a connection that is cut before 413 can be read (EPIPE)."""
    with FaultProxy(opensearch.url) as p:
        p.fault = larger_than(30000, fault)
        s = site(tmp_path, p.url, spec=job(rejects={"max_ratio": 1}))
        rows = rows_of(2000)
        rows[700]["name"] = "x" * 50000  # one document alone is too large
        s.drop(s.name, "a.csv", csv_of(rows))
        assert s.once("--wait", "60").returncode == 0, s.log("ingestd")
        receipt = s.receipt(s.name, "done", "a.csv")
        assert balanced(receipt) and receipt["rows"]["rejected"] == 1 and "413" in receipt["first_error"]["message"]
        assert receipt["first_error"]["line"] == 702
        same(documents(opensearch, s.index), rows[:700] + rows[701:])


def test_c_real_limits_of_the_server(tmp_path, own_server):
    """http.max_content_length below our body, and indexing pressure: real 413 and real 429."""
    real = own_server("opensearch", settings={"http.max_content_length": "1mb", "indexing_pressure.memory.limit": "1500kb"})
    s = site(tmp_path, real.url, spec=job(rejects={"max_ratio": 1}))
    rows = rows_of(60000)
    rows[30000]["name"] = "y" * 1200000
    s.tenant(s.name, profile={"arrival": {"settle_seconds": 0}, "limits": {"max_row_bytes": 4000000}},
             rows=job(rejects={"max_ratio": 1}))
    s.drop(s.name, "a.csv", csv_of(rows))
    assert s.once("--wait", "60").returncode == 0, s.log(s.name) + s.log("ingestd")
    receipt = s.receipt(s.name, "done", "a.csv")
    assert balanced(receipt) and receipt["rows"]["rejected"] == 1 and receipt["first_error"]["line"] == 30002
    same(documents(real, s.index), rows[:30000] + rows[30001:])


def test_c_an_answer_whose_items_are_swapped_is_no_answer(tmp_path, opensearch):
    """Items answered = items sent, each in its place."""
    faults = iter(["swapped", "swapped", "html", "502"])
    with FaultProxy(opensearch.url) as p:
        p.fault = lambda bulk: next(faults, None)
        s = site(tmp_path, p.url)
        s.drop(s.name, "a.csv", csv_of(rows_of(50)))
        assert s.once().returncode == 0
        receipt = s.receipt(s.name, "done", "a.csv")
        assert receipt["sinks"][0]["requests"] == 5 and receipt["rows"]["duplicates"] == 0
        same(documents(opensearch, s.index), rows_of(50))


def test_c_three_nodes_one_closed_and_back_during_a_load(tmp_path, own_server, running):
    cluster = own_server("opensearch", nodes=3)
    urls = ["http://127.0.0.1:%d" % (cluster.port + i) for i in range(3)]
    proxies = [FaultProxy(u) for u in urls]
    for p in proxies:
        p.__enter__()
        p.delay = 0.1
    try:
        s = site(tmp_path, [p.url for p in proxies], workers=2,
                 spec=job(index={"settings": {"number_of_shards": 3, "number_of_replicas": 1}}))
        running(s)
        rows = 0
        down, back = os.path.join(cluster.folder, "down.2"), None
        for i in range(200):
            s.drop(s.name, "f%03d.csv" % i, csv_of(rows_of(200, i * 200 + 1)))
            rows += 200
            if i == 20:
                open(down, "w").close()
                assert cluster.request("/_cluster/health?wait_for_nodes=2&timeout=30s")[1]["number_of_nodes"] == 2
                s.until(lambda: done(s, "f005.csv"))
            if i == 100:
                s.until(lambda: done(s, "f060.csv"))  # with two nodes
                os.unlink(down)
                assert cluster.request("/_cluster/health?wait_for_nodes=3&timeout=60s")[1]["number_of_nodes"] == 3
                back = (time.monotonic(), len(proxies[1].bulks))
        s.until(lambda: done(s, *["f%03d.csv" % i for i in range(200)]), 120)
        # the node is in use again within 30 s
        k = 200
        while len(proxies[1].bulks) == back[1] and time.monotonic() - back[0] < 30:
            s.drop(s.name, "f%03d.csv" % k, csv_of(rows_of(200, k * 200 + 1)))
            s.until(lambda: done(s, "f%03d.csv" % k))
            rows += 200
            k += 1
        assert len(proxies[1].bulks) > back[1]
        assert all(p.bulks for p in proxies)
        same(documents(cluster, s.index), rows_of(rows))
    finally:
        for p in proxies:
            p.__exit__()


def test_c_a_dead_node_leaves_the_rotation_and_comes_back(tmp_path, opensearch, running):
    """By the requests that it got: one for each of its pauses, 1, 2, 4 s and so on, while the other node has all; in use again within
    30 s of its return."""
    with FaultProxy(opensearch.url) as well, FaultProxy(opensearch.url) as dead:
        s = site(tmp_path, [well.url, dead.url], workers=1)
        running(s)
        n = 0

        def load():
            nonlocal n
            s.drop(s.name, "f%04d.csv" % n, csv_of(rows_of(5, n * 5 + 1)))
            s.until(lambda: done(s, "f%04d.csv" % n))
            n += 1
        while not (well.bulks and dead.bulks):  # both are in use
            load()
            assert n < 20
        dead.everything = "reset-before"
        died, others = time.monotonic(), len(well.times)

        def tries():
            """A question on a connection that was kept is repeated by libcurl itself on a new one: that is one try.  None is kept after it."""
            return [t for t in dead.firsts if t > died]
        while len(tries()) < 4:
            load()
            assert time.monotonic() - died < 60
        at = tries()
        gaps = [b - a for a, b in zip(at, at[1:])]
        # pauses less the quarter that chance takes
        assert all(gap >= 0.75 * 2 ** k for k, gap in enumerate(gaps)), gaps
        assert len(well.times) - others > 5 * len(at)
        dead.everything = None
        back, bulks, others = time.monotonic(), len(dead.bulks), len(well.bulks)
        while len(dead.bulks) == bulks:
            load()
            assert time.monotonic() - back < 60
        assert [t for t in dead.times if t > back][0] - back <= 30
        for _ in range(6):
            load()
        # and as much as the other one from then on
        assert len(dead.bulks) >= bulks + 3
        same(documents(opensearch, s.index), rows_of(5 * n))


def test_c_books_survive_a_sink_that_goes_in_the_middle(tmp_path, own_server, running):
    """Requests made before the sink went are in the receipt, whatever became of the attempts between; a full cluster is no fault of
    the job."""
    real = own_server("opensearch", settings={"cluster.max_shards_per_node": "3"})
    with FaultProxy(real.url) as p:
        s = site(tmp_path, p.url, spec=job(index={"settings": {"number_of_shards": 4, "number_of_replicas": 0}}))
        running(s)
        s.drop(s.name, "a.csv", csv_of(rows_of(60000)))
        s.until(lambda: circuits(s), 30)
        (c,) = circuits(s)
        assert c["index"] == s.index and "shards" in c["reason"] and c["fault"] == "temporary"
        real.request("/" + s.index, "PUT", {"settings": {"number_of_shards": 1, "number_of_replicas": 0}})
        left = [None, "hung"]
        p.fault = lambda bulk: left.pop(0) if left else "503" if p.sick else None
        p.sick = True
        s.until(lambda: len(p.bulks) >= 3, 30)
        s.until(lambda: circuits(s), 40)
        p.away()
        s.until(lambda: any(c["index"] is None for c in circuits(s)), 60)
        p.sick = False
        p.back()
        s.until(lambda: done(s, "a.csv"), 60)
        leg = s.receipt(s.name, "done", "a.csv")["sinks"][0]
        # those that were cut off in the middle of their bodies came to nobody's knowledge but ours
        assert len(p.bulks) <= leg["requests"] <= len(p.bulks) + 4
        assert leg["bytes_sent"] >= sum(b.bytes for b in p.bulks)
        same(documents(real, s.index), rows_of(60000))


def may_not_remove(bulk):
    """What a server says of removals to who has no right to remove."""
    if bulk.ops != {"delete"}:
        return None
    why = {"type": "security_exception", "reason": "no permissions for [indices:data/write/bulk[s]]"}
    return 200, {}, json.dumps({"took": 1, "errors": True, "items": [{"delete": {"_id": i, "status": 403, "error": why}} for i in bulk.ids]}).encode()


def test_c_a_file_that_cannot_be_taken_back_keeps_none_from_being_added(tmp_path, opensearch, running):
    """docs/cluster.md: without the privilege to delete only the file waits whose rows are to go."""
    with FaultProxy(opensearch.url) as p:
        p.fault = may_not_remove
        s = running(site(tmp_path, p.url, workers=1))
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        s.until(lambda: done(s, "a.csv") and not s.names(s.name, "work"))
        assert s.ctl("undo", s.path("staging", s.name, "done", "a.csv")).returncode == 0
        s.until(lambda: "cannot be taken back" in s.log(s.name), 20)
        for i in range(3):
            s.drop(s.name, "b%d.csv" % i, csv_of(rows_of(5, 5 * i + 6)))
            s.until(lambda: done(s, "b%d.csv" % i), 20)
        assert circuits(s) == [] and "a.csv" not in s.names(s.name, "failed")
        p.fault = None
        s.until(lambda: "a.csv" in s.names(s.name, "failed"), 60)
        same(documents(opensearch, s.index), rows_of(15, 6))


def test_c_a_file_that_fails_for_ever_is_not_the_probe_for_ever(tmp_path, opensearch, running):
    """Every try of one file meets 503, all others are well: they go on after three tries of it at most."""
    with FaultProxy(opensearch.url) as p:
        sick = []
        p.fault = lambda bulk: "503" if not sick or bulk.delivery in sick else None
        s = running(site(tmp_path, p.url, workers=1))
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        s.until(lambda: circuits(s), 30)
        sick.append(p.bulks[0].delivery)
        for i in range(3):
            s.drop(s.name, "b%d.csv" % i, csv_of(rows_of(5, 5 * i + 6)))
        s.until(lambda: done(s, *["b%d.csv" % i for i in range(3)]), 45)
        assert not done(s, "a.csv")
        p.fault = None
        s.until(lambda: done(s, "a.csv"), 45)
        same(documents(opensearch, s.index), rows_of(20))


SLOW = 'filter { csv { columns => ["n", "name", "cpu"] } mutate { gsub => ["name", "(.*)x(.*)x(.*)x(.*)y$", "z"] } }'  # of 60 x, y and more: milliseconds a row


@pytest.mark.parametrize("undone", [False, True], ids=["gate", "undo"])
def test_c_a_probe_of_many_rows_keeps_nobody_waiting(tmp_path, opensearch, running, undone):
    """The sink answers its first question; whoever waits for the sink begins then, not when the large file's rows have been read, or taken
    back.  By the order of events in the logs."""
    with FaultProxy(opensearch.url) as p:
        s = site(tmp_path, p.url, workers=2, spec=job() if undone else job(filter=SLOW))
        other = s.name + "x"
        s.tenant(other, {"arrival": {"settle_seconds": 0}}, rows=job())
        running(s)
        content = csv_of(rows_of(8000) if undone else [{**r, "name": "x" * 60 + "y!"} for r in rows_of(1000)])
        if undone:
            s.drop(s.name, "a.csv", content)
            s.until(lambda: done(s, "a.csv") and not s.names(s.name, "work"), 60)
        p.everything = "503"
        if undone:
            assert s.ctl("undo", s.path("staging", s.name, "done", "a.csv")).returncode == 0
        else:
            s.drop(s.name, "a.csv", content)
        s.until(lambda: [c for c in circuits(s) if c["index"] is None], 60)
        s.drop(other, "b.csv", csv_of(rows_of(5)))
        s.until(lambda: waiting(s, 2), 30)
        p.delay = 0.5 if undone else 0
        p.everything = None
        s.until(lambda: os.path.exists(s.path("staging", other, "done", "b.csv")), 60)
        if undone:
            assert "a.csv" not in s.names(s.name, "failed")
            s.until(lambda: "a.csv" in s.names(s.name, "failed"), 60)
        else:
            assert "file.gated" not in s.log(s.name)
            s.until(lambda: done(s, "a.csv"), 60)


def test_c_a_node_that_answers_no_syn_is_away_and_nothing_is_counted(tmp_path, opensearch, running):
    """A host without power: of two nodes the other has all; what never went out stands in no book, and bodies stay as large as they are."""
    with FaultProxy(opensearch.url) as well, socket.socket() as hole, contextlib.ExitStack() as fill:
        ports.bind(hole)
        hole.listen(0)
        for _ in range(4):  # its queue is full: the next SYN is dropped
            c = fill.enter_context(socket.socket())
            c.setblocking(False)
            c.connect_ex(hole.getsockname())
        well.delay = 0.2
        s = running(site(tmp_path, [well.url, "http://127.0.0.1:%d" % hole.getsockname()[1]], workers=1,
                         spec=job(index={"mappings": {"properties": {"n": {"type": "integer"}, "name": {"type": "keyword", "index": False}}}})))
        wide = [{**r, "name": "x" * 2000} for r in rows_of(20000)]
        s.drop(s.name, "a.csv", csv_of(wide))
        s.until(lambda: done(s, "a.csv"), 90)
        leg, = s.receipt(s.name, "done", "a.csv")["sinks"]
        assert leg["requests"] == len(well.bulks) and leg["bytes_sent"] == sum(b.bytes for b in well.bulks), (leg, len(well.bulks))
        assert leg["retries"] == 0 and count(opensearch, s.index) == 20000
        assert max(b.bytes for b in well.bulks[len(well.bulks) // 2:]) > 1 << 20
