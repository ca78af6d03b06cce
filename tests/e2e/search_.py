"""search_ - sites whose sink is a search server, and what the server holds."""
import csv
import io
import json
import os
import time

from site_ import Site, balanced  # noqa: F401

COLUMNS = {"n": {"type": "integer"}, "name": {"type": "keyword"}, "cpu": {"type": "double"}}
JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "rows", "mappings": {"properties": COLUMNS},
                 "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}}}


def job(**changes):
    made = json.loads(json.dumps(JOB))
    made["index"].update(changes.pop("index", {}))
    made.update(changes)
    return made


def rows_of(count, start=1):
    return [{"n": i, "name": "name \"%d\", ä" % i, "cpu": i / 8} for i in range(start, start + count)]


def csv_of(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, ["n", "name", "cpu"], lineterminator="\n")
    w.writeheader()
    w.writerows(rows)
    return out.getvalue().encode()


_number = [0]


def site(folder, urls, tenant=None, spec=None, profile=None, sink=None, **config):
    """A site with one tenant whose name nobody else uses: the servers are shared by all tests."""
    _number[0] += 1
    name = tenant or "t%d-%d-%d" % (os.getpid(), _number[0], int(time.time()) % 100000)
    urls = [urls] if isinstance(urls, str) else urls
    s = Site(folder, sinks={"main": {"type": "elasticsearch", "urls": urls, **(sink or {})}}, **config)
    s.tenant(name, profile={"arrival": {"settle_seconds": 0}, **(profile or {})}, rows=spec or job())
    s.name, s.index = name, name + "-rows"
    return s


def documents(server, index):
    """{_id: _source} of every document, by search_after over pages; the index is refreshed first."""
    server.request("/%s/_refresh" % index, "POST")
    found, after = {}, None
    while True:
        ask = {"size": 5000, "sort": [{"_doc": "asc"}], "track_total_hits": True, "query": {"match_all": {}}}
        path = "/%s/_search?scroll=1m" % index if after is None else "/_search/scroll"
        status, body = server.request(path, "POST", ask if after is None else {"scroll": "1m", "scroll_id": after})
        assert status == 200, body
        hits = body["hits"]["hits"]
        after = body["_scroll_id"]
        for h in hits:
            assert h["_id"] not in found
            found[h["_id"]] = h["_source"]
        if not hits:
            server.request("/_search/scroll", "DELETE", {"scroll_id": after})
            return found


def count(server, index):
    server.request("/%s/_refresh" % index, "POST")
    status, body = server.request("/%s/_count" % index)
    return body["count"] if status == 200 else 0


def same(found, rows):
    """Multisets: nothing lost, nothing twice."""
    def key(r):
        return json.dumps(r, sort_keys=True)
    assert sorted(map(key, found.values())) == sorted(map(key, rows))
