"""The date filter through the real daemon: what a time loses is in the receipt, a text that is no date is a reject."""
import json

import pytest

import site_

CONFIG = {"sinks": {"local": {"type": "sqlite", "path": "var/data"}}, "default_sinks": ["local"]}


@pytest.fixture
def site(tmp_path):
    s = site_.Site(tmp_path, **CONFIG)
    yield s
    s.stop()


LOSSY = """
csv { columns => ["id", "at", "u"] }
date { match => ["at", "ISO8601", "EEE yyyy-MM-dd"] target => "t" }
date { match => ["u", "UNIX"] target => "v" }
"""


def test_what_times_lose_is_counted_and_a_date_that_is_none_is_a_reject(site):
    site.tenant("bob", t={"pattern": "*.csv", "filter": LOSSY, "rejects": {"max_ratio": 1},
                          "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}})
    site.drop("bob", "a.csv", b"1,2018-06-27T17:19:13.036579993Z,1.5\n2,2018-06-27T17:19:13,2.0001\n"
                              b"3,Mon 2013-11-24,3\n4,2018-02-30,4\n5,2018-06-27T17:19:13.036Z,5\n")
    assert site.once().returncode == 0
    r = site.receipt("bob", "done", "a.csv")
    assert site_.balanced(r) and r["rows"]["indexed"] == 4 and r["rows"]["rejected"] == 1
    assert r["first_error"]["line"] == 4 and r["first_error"]["field"] == "at"
    assert r["first_error"]["message"].startswith('date: field at: value "2018-02-30": ')
    lost = {(c["field"], c["from"], c["to"]): (c["count"], c["examples"]) for c in r["coercions"]}
    assert lost == {
        ("at", "time", "milliseconds"): (1, ["2018-06-27T17:19:13.036579993Z"]),
        ("at", "time without zone", "time"): (2, ["2018-06-27T17:19:13", "Mon 2013-11-24"]),
        ("at", "date", "date of the weekday"): (1, ["Mon 2013-11-24"]),
        ("u", "time", "milliseconds"): (1, ["2.0001"]),
    }
    rows = {x["id"]: json.loads(x["_extra"]) for x in site.rows("bob", "bob-t")}
    assert rows[1]["t"] == "2018-06-27T17:19:13.036Z" and rows[1]["v"] == "1970-01-01T00:00:01.500Z"
