"""ingestctl journal check against Elasticsearch and OpenSearch: documents counted by their recomputed ids, parts of split rows too."""
import json

import pytest

from fault_proxy import FaultProxy
from search_ import csv_of, documents, job, rows_of, site

SPLIT = {"pattern": "*.txt",
         "filter": 'csv { columns => ["n", "day"] } split { field => "day" terminator => ";" } mutate { convert => { "n" => "integer" } }',
         "index": {"name": "rows", "mappings": {"properties": {"n": {"type": "integer"}, "day": {"type": "keyword"}}}}}


@pytest.fixture(params=["opensearch", "elasticsearch"])
def store(request, server):
    return server(request.param)


def findings(s):
    done = s.ctl("--json", "journal", "check")
    said = json.loads(done.stdout)
    assert done.returncode == (3 if said["findings"] else 0), done.stderr
    return said["deliveries"], [(f["kind"], f["text"]) for f in said["findings"]]


def test_c_whole_rows(tmp_path, store):
    s = site(tmp_path, store.url, spec=job())
    s.drop(s.name, "a.csv", csv_of(rows_of(2500)))  # three requests
    assert s.once().returncode == 0
    assert findings(s) == (1, [])
    for gone in list(documents(store, s.index))[:3]:
        assert store.request("/%s/_doc/%s" % (s.index, gone), method="DELETE")[0] == 200
    (kind, text), = findings(s)[1]
    assert kind == "count" and "has 2497 documents" in text and "says 2500" in text
    store.request("/" + s.index, method="DELETE")
    (kind, text), = findings(s)[1]
    assert kind == "count" and "has 0 documents" in text


def test_c_a_count_that_no_server_answers_is_told(tmp_path, store):
    with FaultProxy(store.url) as p:
        s = site(tmp_path, p.url, spec=job())
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        assert s.once().returncode == 0
        p.asked = lambda path: (404, {}, b"<html>no such page</html>") if "_mget" in path else None
        (kind, text), = findings(s)[1]
        assert kind == "unchecked" and "HTTP 404" in text and p.url in text and "_mget" in text, (kind, text)


def test_c_a_closed_index_is_told_and_not_counted_as_empty(tmp_path, store):
    s = site(tmp_path, store.url, spec=job())
    s.drop(s.name, "a.csv", csv_of(rows_of(5)))
    assert s.once().returncode == 0
    assert store.request("/%s/_close" % s.index, method="POST")[0] == 200
    (kind, text), = findings(s)[1]
    assert kind == "unchecked" and s.index in text, (kind, text)
    assert store.request("/%s/_open" % s.index, method="POST")[0] == 200
    assert findings(s) == (1, [])


def test_c_split_rows(tmp_path, store):
    s = site(tmp_path, store.url, spec=SPLIT)
    s.drop(s.name, "a.txt", b"".join(b"%d,%s\n" % (i, b";".join(b"d%d" % k for k in range(1 + i % 4))) for i in range(1200)))
    assert s.once().returncode == 0
    assert findings(s) == (1, [])
    part = next(i for i in documents(store, s.index) if i.endswith(".3"))
    store.request("/%s/_doc/%s" % (s.index, part), method="DELETE")
    (kind, text), = findings(s)[1]
    assert kind == "count"


def test_c_a_server_that_is_away(tmp_path, server):
    store = server("opensearch")
    s = site(tmp_path, store.url, spec=job())
    s.drop(s.name, "a.csv", csv_of(rows_of(5)))
    assert s.once().returncode == 0
    config = json.load(open(s.path("ingestd.json")))
    config["sinks"]["main"]["urls"] = ["http://127.0.0.1:9"]
    json.dump(config, open(s.path("ingestd.json"), "w"))
    (kind, text), = findings(s)[1]
    assert kind == "unchecked" and "could not be counted" in text
