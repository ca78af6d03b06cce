"""c_ scale: two daemons with drop folders of their own and one OpenSearch, as on two hosts: the same file at both is no row twice."""
import json

import pytest

from search_ import csv_of, documents, rows_of, same, site

ROWS = 20_000


@pytest.fixture
def hosts(tmp_path, server):
    store = server("opensearch")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = site(tmp_path / "first", store.url)
    second = site(tmp_path / "second", store.url, tenant=first.name)
    yield store, first, second
    for s in (first, second):
        s.stop()


def placed(s, name):
    s.until(lambda: name + ".receipt.json" in s.names(s.name, "done"))
    return s.receipt(s.name, "done", name)


def test_the_same_file_at_both_at_once_is_no_row_twice(hosts):
    store, first, second = hosts
    content = csv_of(rows_of(ROWS))
    for s in hosts[1:]:
        s.start()
    for s in hosts[1:]:
        s.drop(s.name, "a.csv", content)
        s.drop(s.name, "second.csv" if s is second else "first.csv", csv_of(rows_of(100, ROWS + 1 + 100 * (s is second))))
    receipts = [placed(s, "a.csv") for s in hosts[1:]]
    for s in hosts[1:]:
        s.until(lambda s=s: len(s.names(s.name, "done")) == 4)
    assert receipts[0]["delivery"] == receipts[1]["delivery"] and receipts[0]["id"] != receipts[1]["id"]
    for r in receipts:
        assert r["rows"]["read"] == r["rows"]["indexed"] + r["rows"]["duplicates"] == ROWS
    same(documents(store, first.index), rows_of(ROWS + 200))


def test_the_same_file_at_the_other_afterwards_counts_duplicates_only(hosts):
    store, first, second = hosts
    content = csv_of(rows_of(500))
    for s in hosts[1:]:
        s.start()
        s.drop(s.name, "a.csv", content)
        r = placed(s, "a.csv")
        assert (r["rows"]["indexed"], r["rows"]["duplicates"]) == ((500, 0) if s is first else (0, 500)), json.dumps(r)
    same(documents(store, first.index), rows_of(500))
