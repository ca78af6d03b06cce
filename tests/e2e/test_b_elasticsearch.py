"""The elasticsearch sink against real servers: rows, ids, index, mapping, aliases, pipelines, credentials."""
import csv
import json
import os
import time

import pytest

from fault_proxy import FaultProxy, first_of_each_delivery
from site_ import ROOT
from search_ import balanced, count, csv_of, documents, job, rows_of, same, site


@pytest.fixture(params=["opensearch", "elasticsearch"])
def store(request, server):
    return server(request.param)


@pytest.fixture
def opensearch(server):
    return server("opensearch")


def test_b_every_source_equals_its_row(tmp_path, store):
    s = site(tmp_path, store.url)
    rows = rows_of(25000)
    s.drop(s.name, "a.csv", csv_of(rows))
    done = s.once()
    assert done.returncode == 0, done.stderr + s.log(s.name)
    found = documents(store, s.index)
    same(found, rows)
    receipt = s.receipt(s.name, "done", "a.csv")
    assert balanced(receipt) and receipt["rows"]["indexed"] == receipt["documents"] == len(rows)
    # ids: delivery, minus, row number in base 36
    assert all(i == "%s-%s" % (receipt["delivery"], base36(d["n"])) for i, d in found.items())
    leg = receipt["sinks"][0]
    assert (leg["sink"], leg["index"], leg["indexed"]) == ("main", s.index, len(rows))
    assert leg["requests"] >= 1 and leg["retries"] == 0 and leg["bytes_sent"] > 25000 * 60


def base36(n):
    digits = ""
    while n:
        n, d = divmod(n, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[d] + digits
    return digits


def load(s, rows, name="a.csv"):
    s.drop(s.name, name, csv_of(rows))
    return s.once("--wait", "30")


def held_reason(s, name="a.csv"):
    assert s.names(s.name, "held") == [name, name + ".receipt.json"], s.log(s.name)
    return s.receipt(s.name, "held", name)["reason"]


def test_b_index_is_made_as_the_job_says_and_kept(tmp_path, store):
    s = site(tmp_path, store.url)
    assert load(s, rows_of(3)).returncode == 0
    made = store.request("/" + s.index)[1][s.index]
    assert made["mappings"]["properties"] == {"n": {"type": "integer"}, "name": {"type": "keyword"}, "cpu": {"type": "double"}}
    assert (made["settings"]["index"]["number_of_shards"], made["settings"]["index"]["number_of_replicas"]) == ("1", "0")
    uuid = made["settings"]["index"]["uuid"]
    assert load(s, rows_of(3, 100), "b.csv").returncode == 0
    assert store.request("/" + s.index)[1][s.index]["settings"]["index"]["uuid"] == uuid
    same(documents(store, s.index), rows_of(3) + rows_of(3, 100))


def test_b_a_type_that_differs_is_named_and_no_row_is_sent(tmp_path, store):
    s = site(tmp_path, store.url)
    store.request("/" + s.index, "PUT", {"mappings": {"properties": {"n": {"type": "keyword"}, "cpu": {"type": "double"}}}})
    assert load(s, rows_of(3)).returncode == 3
    reason = held_reason(s)
    assert s.index in reason and '"n" has type keyword there, integer in the job' in reason and "cpu" not in reason
    assert count(store, s.index) == 0


def test_b_fields_that_the_index_lacks_are_added(tmp_path, store):
    s = site(tmp_path, store.url)
    store.request("/" + s.index, "PUT", {"mappings": {"properties": {"n": {"type": "integer"}}}})
    assert load(s, rows_of(3)).returncode == 0
    found = store.request("/%s/_mapping" % s.index)[1][s.index]["mappings"]["properties"]
    assert {k: v["type"] for k, v in found.items()} == {"n": "integer", "name": "keyword", "cpu": "double"}


@pytest.mark.parametrize("kind", ["date", "date_nanos"])
@pytest.mark.parametrize("more", ["", "_nanos"])
def test_b_a_format_that_is_the_servers_default_is_no_difference(tmp_path, store, kind, more):
    """The servers do not give it back: the second file met an index that this sink had made itself."""
    made = "strict_date_optional_time%s||epoch_millis" % more
    spec = job()
    spec["index"]["mappings"]["properties"]["at"] = {"type": kind, "format": made}
    s = site(tmp_path, store.url, spec=spec)
    for name in ("a.csv", "b.csv"):
        assert load(s, rows_of(3), name).returncode == 0, s.log(s.name)
    spec["index"]["mappings"]["properties"]["at"]["format"] = "epoch_second"
    s.tenant(s.name, rows=spec)
    assert load(s, rows_of(3), "c.csv").returncode == 3
    assert '"at" has format' in s.receipt(s.name, "held", "c.csv")["reason"]


def test_b_index_of_the_claim_day(tmp_path, opensearch):
    s = site(tmp_path, opensearch.url, spec=job(index={"name": "rows-%{+yyyy.MM.dd}"}))
    assert load(s, rows_of(3)).returncode == 0
    receipt = s.receipt(s.name, "done", "a.csv")
    day = receipt["times"]["claimed"][:10].replace("-", ".")
    assert receipt["sinks"][0]["index"] == s.index + "-" + day
    assert count(opensearch, s.index + "-" + day) == 3


def test_b_an_alias_is_pinned_to_its_write_index(tmp_path, store):
    s = site(tmp_path, store.url)
    for n, write in (("1", False), ("2", True)):
        store.request("/%s-%s" % (s.index, n), "PUT", {"aliases": {s.index: {"is_write_index": write}}})
    assert load(s, rows_of(3)).returncode == 0
    assert s.receipt(s.name, "done", "a.csv")["sinks"][0]["index"] == s.index + "-2"
    assert (count(store, s.index + "-1"), count(store, s.index + "-2")) == (0, 3)


def test_b_an_alias_without_write_index_is_held(tmp_path, opensearch):
    s = site(tmp_path, opensearch.url)
    for n in "12":
        opensearch.request("/%s-%s" % (s.index, n), "PUT", {"aliases": {s.index: {}}})
    assert load(s, rows_of(3)).returncode == 3
    assert "alias of 2 indices without a write index" in held_reason(s)


def test_b_a_data_stream_is_refused(tmp_path, opensearch):
    s = site(tmp_path, opensearch.url)
    template = {"index_patterns": [s.index + "*"], "data_stream": {}}
    assert opensearch.request("/_index_template/" + s.index, "PUT", template)[0] == 200
    try:
        assert load(s, rows_of(3)).returncode == 3  # there is none yet: the template would make one
        assert "data stream: refused" in held_reason(s)
        opensearch.request("/_data_stream/" + s.index, "PUT")
        other = site(tmp_path / "b" if (tmp_path / "b").mkdir() is None else None, opensearch.url, tenant=s.name)
        assert load(other, rows_of(3)).returncode == 3
        assert "data stream: refused" in held_reason(other)
        assert count(opensearch, s.index) == 0
    finally:
        opensearch.request("/_data_stream/" + s.index, "DELETE")
        opensearch.request("/_index_template/" + s.index, "DELETE")


def test_b_pipeline_is_passed_on_and_its_fail_is_a_reject(tmp_path, opensearch):
    s = site(tmp_path, opensearch.url, spec=job(index={"pipeline": "PIPE"}, rejects={"max_ratio": 1}))
    assert load(s, rows_of(3)).returncode == 3  # not there
    assert 'no ingest pipeline "PIPE"' in held_reason(s)
    pipe = s.name + "-pipe"
    opensearch.request("/_ingest/pipeline/" + pipe, "PUT", {"processors": [
        {"set": {"field": "seen", "value": True}},
        {"fail": {"if": "ctx.n == 2", "message": "no twos here"}}]})
    (tmp_path / "b").mkdir()
    s = site(tmp_path / "b", opensearch.url, spec=job(index={"pipeline": pipe}, rejects={"max_ratio": 1}))
    assert load(s, rows_of(3)).returncode == 0
    same(documents(opensearch, s.index), [{**r, "seen": True} for r in rows_of(3) if r["n"] != 2])
    receipt = s.receipt(s.name, "done", "a.csv")
    assert balanced(receipt) and receipt["rows"]["rejected"] == 1 and "no twos here" in receipt["first_error"]["message"]


def test_b_what_a_pipeline_drops_or_would_move_is_a_reject(tmp_path, opensearch):
    store = opensearch
    name = "pipe-%s" % os.path.basename(str(tmp_path)).replace("_", "-").replace("[", "").replace("]", "")
    made = store.request("/_ingest/pipeline/" + name, "PUT", {"processors": [{"drop": {"if": "ctx.n == '3'"}}]})
    assert made[0] == 200, made
    spec = job(index={"pipeline": name}, rejects={"max_ratio": 1})
    s = site(tmp_path, store.url, spec={**spec, "filter": 'filter { csv { columns => ["n", "name", "cpu"] } '
                                        'if [n] == "5" { mutate { add_field => { "_routing" => "elsewhere" } } } }'})
    done = load(s, rows_of(10))
    assert done.returncode == 0, s.log(s.name)
    assert sorted(int(d["n"]) for d in documents(store, s.index).values()) == [r["n"] for r in rows_of(10) if r["n"] not in (3, 5)]
    receipt = s.receipt(s.name, "done", "a.csv")
    assert balanced(receipt) and (receipt["rows"]["indexed"], receipt["rows"]["rejected"]) == (8, 2)
    with open(s.path("staging", s.name, "done", "a.csv.rejects.csv")) as f:
        rejects = f.read()
    assert "dropped the document" in rejects and "_routing" in rejects and "would move the document" in rejects


@pytest.mark.parametrize("what", ["_index", "_id"])
@pytest.mark.parametrize("setting", ["default_pipeline", "final_pipeline"])
def test_b_a_pipeline_of_the_index_itself_is_one_too(tmp_path, opensearch, setting, what):
    """By the index's settings, or a template's: what it drops is a reject, what it moves is told and taken back."""
    s = site(tmp_path, opensearch.url)
    elsewhere, pipe = s.index + "-elsewhere", s.name + "-pipe"
    s.tenant(s.name, rows=job(rejects={"max_ratio": 1}))
    opensearch.request("/" + s.index, "PUT", {"settings": {"index." + setting: pipe}})
    opensearch.request("/_ingest/pipeline/" + pipe, "PUT", {"processors": [{"drop": {"if": "ctx.n == 3"}}]})
    assert load(s, rows_of(5)).returncode == 0, s.log(s.name)
    kept = [r for r in rows_of(5) if r["n"] != 3]
    same(documents(opensearch, s.index), kept)
    opensearch.request("/_ingest/pipeline/" + pipe, "PUT", {"processors": [
        {"set": {"field": what, "value": elsewhere, "if": "ctx.n == 7"}}]})
    # OpenSearch itself does not let a final pipeline change the index
    if (setting, what) == ("final_pipeline", "_index"):
        return
    assert load(s, rows_of(5, 5), "b.csv").returncode == 3
    reason = s.receipt(s.name, "held", "b.csv")["reason"]
    assert "the index's default_pipeline or final_pipeline moves documents" in reason and elsewhere in reason
    same(documents(opensearch, s.index), kept)
    assert count(opensearch, elsewhere) == 0


def test_b_a_pipeline_that_drops_and_fails_rows_of_one_request(tmp_path, opensearch):
    """OpenSearch then answers out of order: each item counts for the id that it has."""
    s = site(tmp_path, opensearch.url)
    pipe = s.name + "-pipe"
    s.tenant(s.name, rows=job(index={"pipeline": pipe}, rejects={"max_ratio": 1}))
    opensearch.request("/_ingest/pipeline/" + pipe, "PUT", {"processors": [
        {"drop": {"if": "ctx.n % 50 == 0"}}, {"fail": {"if": "ctx.n % 51 == 0", "message": "no {{n}} here"}}]})
    rows = rows_of(3000)
    assert load(s, rows).returncode == 0, s.log(s.name)
    same(documents(opensearch, s.index), [r for r in rows if r["n"] % 50 and r["n"] % 51])
    receipt = s.receipt(s.name, "done", "a.csv")
    assert balanced(receipt) and receipt["rows"]["rejected"] == 117 and receipt["sinks"][0]["retries"] == 0
    with open(s.path("staging", s.name, "done", "a.csv.rejects.csv"), newline="") as f:
        told = {int(r[3]): r[2] for r in list(csv.reader(f))[1:]}
    assert sorted(told) == [r["n"] for r in rows if r["n"] % 50 == 0 or r["n"] % 51 == 0]
    assert all(("dropped" if n % 50 == 0 else "no %d here" % n) in why for n, why in told.items())


@pytest.mark.parametrize("what", ["_index", "_id"])
def test_b_a_pipeline_that_moves_documents_is_a_fault_that_names_it(tmp_path, opensearch, what):
    """It sets _index, or _id, of one row in the middle: nothing is counted as indexed, nothing is left anywhere."""
    s = site(tmp_path, opensearch.url)
    elsewhere, pipe = s.index + "-elsewhere", s.name + "-pipe"
    spec = job(index={"pipeline": pipe}, rejects={"max_ratio": 1})
    s.tenant(s.name, rows=spec)
    value = elsewhere if what == "_index" else "one-for-all"
    opensearch.request("/_ingest/pipeline/" + pipe, "PUT", {"processors": [
        {"set": {"field": what, "value": value, "if": "ctx.n % 20000 == 7"}}]})
    rows = rows_of(60000)
    assert load(s, rows).returncode == 3
    reason = held_reason(s)
    assert pipe in reason and "moves documents" in reason and "of index %s is " % s.index in reason
    assert (elsewhere if what == "_index" else "one-for-all of index") in reason
    receipt = s.receipt(s.name, "held", "a.csv")
    assert balanced(receipt) and receipt["rows"]["indexed"] == receipt["rows"]["rejected"] == 0
    assert receipt["rows"]["unsent"] == receipt["rows"]["read"] == len(rows)
    assert count(opensearch, s.index) == count(opensearch, elsewhere) == 0
    # mended: the same file, whole
    opensearch.request("/_ingest/pipeline/" + pipe, "PUT", {"processors": [{"set": {"field": "seen", "value": True}}]})
    assert s.run("-t").returncode == 0
    s.start()
    assert s.ctl("release", receipt["id"]).returncode == 0
    s.until(lambda: os.path.exists(s.path("staging", s.name, "done", "a.csv")))
    s.stop()
    same(documents(opensearch, s.index), [{**r, "seen": True} for r in rows])


@pytest.mark.parametrize("what", ["_index", "_id"])
def test_b_what_was_moved_by_a_request_without_an_answer_is_told_too(tmp_path, opensearch, what):
    """Sent again it is there already, elsewhere: that is no row of ours in its place."""
    with FaultProxy(opensearch.url) as p:
        p.fault = first_of_each_delivery("reset-after")
        s = site(tmp_path, p.url)
        elsewhere, pipe = s.index + "-elsewhere", s.name + "-pipe"
        s.tenant(s.name, rows=job(index={"pipeline": pipe}))
        opensearch.request("/_ingest/pipeline/" + pipe, "PUT", {"processors": [
            {"set": {"field": what, "value": elsewhere, "if": "ctx.n == 3"}}]})
        assert load(s, rows_of(5)).returncode == 3
        reason = held_reason(s)
        assert pipe in reason and "moves documents" in reason and elsewhere in reason
    receipt = s.receipt(s.name, "held", "a.csv")
    assert balanced(receipt) and receipt["rows"]["indexed"] == 0
    # the one of the id that the pipeline made may be anybody's
    assert (count(opensearch, s.index), count(opensearch, elsewhere)) == ((0, 0) if what == "_index" else (1, 0))


DOTTED = {"properties": {"host.name": {"type": "keyword"}, "host.os": {"properties": {"kind.major": {"type": "integer"}}},
                         "n": {"type": "integer"}}}


def test_b_dotted_names_are_the_objects_that_the_server_has(tmp_path, store):
    """The second file finds nothing to add; a type that differs is told before any row is read."""
    with FaultProxy(store.url) as p:
        s = site(tmp_path, p.url, spec=job(index={"mappings": DOTTED}))
        assert load(s, rows_of(3)).returncode == 0, s.log(s.name)
        made = [path for method, path in p.requests if method == "PUT"]
        assert made == ["/" + s.index], made
        assert load(s, rows_of(3, 4), "b.csv").returncode == 0
        assert [path for method, path in p.requests if method == "PUT"] == made
        changed = json.loads(json.dumps(DOTTED))
        changed["properties"]["host.name"]["type"] = "long"
        changed["properties"]["host.os"]["properties"]["kind.major"]["type"] = "keyword"
        changed["properties"]["n.m"] = {"type": "keyword"}
        s.tenant(s.name, rows=job(index={"mappings": changed}))
        asked = len(p.requests)
        assert load(s, rows_of(3, 7), "c.csv").returncode == 3
        reason = held_reason(s, "c.csv")
        assert '"host.name" has type keyword there, long in the job' in reason
        assert '"host.os.kind.major" has type integer there, keyword in the job' in reason
        assert '"n" has type integer there, object in the job' in reason
        assert {method for method, _ in p.requests[asked:]} == {"GET"}
        assert s.receipt(s.name, "held", "c.csv")["rows"] is None  # not one was read
        assert count(store, s.index) == 6


def test_b_a_dotted_name_that_the_index_lacks_is_added(tmp_path, store):
    s = site(tmp_path, store.url, spec=job(index={"mappings": DOTTED}))
    store.request("/" + s.index, "PUT", {"mappings": {"properties": {"host": {"properties": {"ip": {"type": "ip"}}}}}})
    assert load(s, rows_of(3)).returncode == 0
    found = store.request("/%s/_mapping" % s.index)[1][s.index]["mappings"]["properties"]["host"]["properties"]
    assert found["name"] == {"type": "keyword"} and found["ip"] == {"type": "ip"}
    assert found["os"]["properties"]["kind"]["properties"]["major"] == {"type": "integer"}


def test_b_a_closed_index_waits_and_is_no_fault_of_the_rows(tmp_path, store):
    s = site(tmp_path, store.url)
    assert load(s, rows_of(3)).returncode == 0
    assert store.request("/%s/_close" % s.index, "POST")[0] == 200
    s.drop(s.name, "b.csv", csv_of(rows_of(7)))
    assert s.once_until_told("--wait", "2").returncode == 1
    assert "closed" in s.log("ingestd") and s.names(s.name, "failed") == [] and "b.csv" not in s.names(s.name, "done")
    assert store.request("/%s/_open" % s.index, "POST")[0] == 200
    assert s.once("--wait", "30").returncode == 0
    assert s.receipt(s.name, "done", "b.csv")["rows"]["indexed"] == 7


def test_b_pipeline_is_refused_for_the_embedded_store(tmp_path):
    from site_ import Site
    s = Site(tmp_path)
    s.tenant("alice", rows=job(index={"pipeline": "p"}))
    done = s.run("-t")
    assert done.returncode == 78 and "$.index.pipeline" in done.stderr and "sqlite" in done.stderr


def test_b_what_the_server_refuses_comes_back_with_its_reason(tmp_path, store):
    mappings = {"properties": {"n": {"type": "integer"}, "day": {"type": "date", "format": "yyyy-MM-dd"}}}
    s = site(tmp_path, store.url, spec=job(index={"mappings": mappings}, rejects={"max_ratio": 1}))
    lines = ["n,day"] + ["%d,%s" % (i, "tomorrow" if i % 3 == 0 else "2026-11-%02d" % (i % 28 + 1)) for i in range(1, 3001)]
    lines[500] = "5x0,2026-11-01"  # one that we refuse ourselves, between those of the server
    s.drop(s.name, "a.csv", ("\n".join(lines) + "\n").encode())
    assert s.once().returncode == 0
    receipt = s.receipt(s.name, "done", "a.csv")
    refused = sorted([i for i in range(1, 3001) if i % 3 == 0] + [500])
    assert balanced(receipt) and receipt["rows"]["rejected"] == len(refused)
    assert {d["n"] for d in documents(store, s.index).values()} == set(range(1, 3001)) - set(refused)
    import csv
    with open(s.path("staging", s.name, "done", "a.csv.rejects.csv"), newline="") as f:
        listed = list(csv.reader(f))
    assert listed[0] == ["_line", "_column", "_error", "n", "day"]
    # in the order of the file, whoever refused them
    assert [int(r[0]) for r in listed[1:]] == [i + 1 for i in refused]
    for r in listed[1:]:
        assert ",".join(r[3:]) == lines[int(r[0]) - 1]
        assert r[1] == ("n" if r[0] == "501" else "day") and ("tomorrow" in r[2] or r[0] == "501")


def test_b_provenance_and_times(tmp_path, opensearch):
    s = site(tmp_path, opensearch.url, spec=job(provenance=True, start_finish_times=True))
    assert load(s, rows_of(3)).returncode == 0
    receipt = s.receipt(s.name, "done", "a.csv")
    for found in documents(opensearch, s.index).values():
        assert found["ingest"] == {"file": "a.csv", "delivery": receipt["delivery"], "line": found["n"] + 1,
                                   "at": receipt["times"]["claimed"]}
        assert receipt["times"]["claimed"] <= found["start_time"] <= found["finish_time"] <= receipt["times"]["placed"] if \
            receipt["times"].get("placed") else found["start_time"] <= found["finish_time"]
        assert {k: found[k] for k in ("n", "name", "cpu")} == rows_of(1, found["n"])[0]


@pytest.mark.parametrize("dynamic", [True, False])
def test_b_from_a_document_to_its_file_and_back(tmp_path, opensearch, dynamic):
    """docs/cluster.md, part 4: show by the id's delivery, the row by its end; the ids of a file, and the query, as the page has them."""
    mappings = {"properties": {"n": {"type": "integer"}, "name": {"type": "keyword"}, "cpu": {"type": "double"}}}
    field = "ingest.delivery.keyword"
    if not dynamic:
        mappings = {"dynamic": False, "properties": {**mappings["properties"],
                                                     "ingest": {"properties": {"delivery": {"type": "keyword"}}}}}
        field = "ingest.delivery"
    with open(os.path.join(ROOT, "docs", "cluster.md")) as f:
        page = f.read()
    assert '{ "term": { "ingest.delivery.keyword": "' in page and 'ask for `ingest.delivery`' in page
    s = site(tmp_path, opensearch.url, spec=job(provenance=True, index={"mappings": mappings}))
    assert load(s, rows_of(50)).returncode == 0 and load(s, rows_of(40, 100), "b.csv").returncode == 0
    found = documents(opensearch, s.index)
    (some,) = [i for i, d in found.items() if d["n"] == 120]
    delivery, row = some[:20], some[21:]
    assert some[20] == "-" and int(row, 36) == 21
    s.start()
    shown = json.loads(s.ctl("--json", "show", delivery).stdout)
    s.stop()
    assert (shown["file"], shown["delivery"]) == ("b.csv", delivery)
    # and back
    receipt = s.receipt(s.name, "done", "b.csv")
    ids = {"%s-%s" % (receipt["delivery"], base36(n)) for n in range(1, receipt["rows"]["read"] + 1)}
    assert ids == {i for i, d in found.items() if d["n"] >= 100}
    code, answer = opensearch.request("/%s/_search" % s.index, "POST", {"size": 100, "query": {"term": {field: delivery}}})
    assert code == 200 and {h["_id"] for h in answer["hits"]["hits"]} == ids


def test_b_a_column_that_provenance_would_overwrite_is_a_reject(tmp_path):
    from site_ import Site
    s = Site(tmp_path)
    s.tenant("alice", rows={"pattern": "*.csv", "input": {"header": True}, "provenance": True, "rejects": {"max_ratio": 1}})
    s.drop("alice", "a.csv", b"n,ingest\n1,mine\n")
    assert s.once().returncode == 0
    receipt = s.receipt("alice", "done", "a.csv")
    assert receipt["rows"]["rejected"] == 1 and "provenance" in receipt["first_error"]["message"]


def test_b_rows_are_taken_back_by_their_ids(tmp_path, store):
    """The worker dies after its rows were acknowledged, and the file is not the same any more: no row may stay."""
    s = site(tmp_path, store.url)
    once = str(tmp_path / "once")
    s.drop(s.name, "a.csv", csv_of(rows_of(30000)))
    # ended in the middle: rows are stored, the journal says LOADING
    env = {"INGEST_CRASH_AT": "ack:2", "INGEST_CRASH_ONCE": once}
    s.start(env=env)
    s.until(lambda: os.path.exists(once))
    s.kill()
    assert count(store, s.index) > 0
    (work,) = [os.path.join(d, "a.csv") for d, _, f in os.walk(s.path("staging", s.name, "work")) if "a.csv" in f]
    os.chmod(work, 0o600)
    with open(work, "r+b") as f:
        f.seek(30)
        f.write(b"9")
    assert s.once().returncode == 3
    assert s.names(s.name, "failed")[0] == "a.csv", s.log(s.name)
    receipt = s.receipt(s.name, "failed", "a.csv")
    assert balanced(receipt) and receipt["rows"]["indexed"] == 0
    assert "file.undoing" in s.log(s.name)
    assert count(store, s.index) == 0


SPLIT = {"pattern": "*.txt", "rejects": {"max_ratio": 1}, "input": {"format": "txt"},
         "filter": 'csv { columns => ["n", "day"] } split { field => "day" terminator => ";" } mutate { convert => { "n" => "integer" } }',
         "index": {"name": "rows", "mappings": {"properties": {"n": {"type": "integer"},
                                                               "day": {"type": "date", "format": "yyyy-MM-dd"}}}}}


def test_b_a_split_row_is_there_whole_or_not_at_all(tmp_path, store):
    """One document of three is refused by the server: the row's others are taken back before it is listed."""
    s = site(tmp_path, store.url, spec=SPLIT)
    lines = ["%d,2026-01-0%d;2026-02-0%d;2026-03-0%d" % (i, i % 9 + 1, i % 9 + 1, i % 9 + 1) for i in range(1, 3001)]
    lines[99] = "100,2026-01-01;tomorrow;2026-01-02"
    lines[1999] = "2000,2026-01-01;2026-01-02;never"
    s.drop(s.name, "a.txt", ("\n".join(lines) + "\n").encode())
    assert s.once().returncode == 0, s.log(s.name)
    receipt = s.receipt(s.name, "done", "a.txt")
    found = documents(store, s.index)
    same(found, [{"n": int(n), "day": day} for n, _, days in (line.partition(",") for line in lines)
                 for day in days.split(";") if n not in ("100", "2000")])
    assert set(found) == {"%s-%s.%d" % (receipt["delivery"], base36(n), k) for n in range(1, 3001) if n not in (100, 2000)
                          for k in (1, 2, 3)}
    assert balanced(receipt) and receipt["rows"]["rejected"] == 2
    assert receipt["rows"]["indexed"] == 2998 and receipt["documents"] == 3 * 2998
    assert receipt["first_error"]["line"] == 100 and "tomorrow" in receipt["first_error"]["message"]


def test_b_split_rows_are_taken_back_with_their_parts(tmp_path, opensearch):
    s = site(tmp_path, opensearch.url, spec=SPLIT)
    once = str(tmp_path / "once")
    lines = ["%d,2026-01-01;2026-02-01" % i for i in range(1, 20001)]
    s.drop(s.name, "a.txt", ("\n".join(lines) + "\n").encode())
    s.start(env={"INGEST_CRASH_AT": "ack:2", "INGEST_CRASH_ONCE": once})
    s.until(lambda: os.path.exists(once))
    s.kill()
    assert count(opensearch, s.index) > 0
    (work,) = [os.path.join(d, "a.txt") for d, _, f in os.walk(s.path("staging", s.name, "work")) if "a.txt" in f]
    os.chmod(work, 0o600)
    with open(work, "r+b") as f:
        f.write(b"9")
    assert s.once().returncode == 3
    assert s.names(s.name, "failed")[0] == "a.txt", s.log(s.name)
    assert count(opensearch, s.index) == 0


@pytest.fixture
def proxied(tmp_path, store):
    with FaultProxy(store.url) as p:
        s = site(tmp_path, p.url, spec=SPLIT)
        yield s, p
        s.kill()


def test_b_answers_that_come_while_another_question_is_open(proxied, store):
    """The removals of the parts are under way when the index is asked for: their answers are kept for who sent them."""
    s, p = proxied
    lines = ["%d,2026-01-01;2026-02-01" % i for i in range(1, 1201)]
    s.drop(s.name, "a.txt", ("\n".join(lines) + "\n").encode())
    s.start()
    s.until(lambda: "a.txt.receipt.json" in s.names(s.name, "done") and not s.names(s.name, "work"))
    assert count(store, s.index) == 2400
    del p.bulks[:]
    during = []

    def asked(path):
        """Its answer comes behind that of a bulk which is under way."""
        here, end = p.answered, time.monotonic() + 2  # the sink asks again after 2.5 s
        while p.now and p.answered == here and time.monotonic() < end:
            time.sleep(0.01)
        during.append(p.answered - here)
    p.asked, p.delay = asked, 0.3
    assert s.ctl("undo", s.path("staging", s.name, "done", "a.txt")).returncode == 0
    s.until(lambda: s.names(s.name, "failed") == ["a.txt", "a.txt.receipt.json"], 20)
    assert max(during) >= 1 and len({i for b in p.bulks for i in b.ids}) == 3 * 1200
    assert all(b.ops == {"delete"} for b in p.bulks) and len(p.bulks) == 4  # 1,000 removals each, none sent twice
    p.asked = None
    assert count(store, s.index) == 0
