"""The elasticsearch sink against real servers: rows, ids, index, mapping, aliases, pipelines, credentials."""
import json
import os

import pytest

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
