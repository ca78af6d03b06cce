"""The eight hard inputs of the comparison (1,000 rows each), end to end into OpenSearch: nothing lost, doubled or silent."""
import os

import pytest

from fault_proxy import FaultProxy
from search_ import balanced, csv_of, documents, job, rows_of, same, site

N = 1000
AT = 500  # the row that is hard


def once_per(faults):
    left = list(faults)
    return lambda bulk: left.pop(0) if left else None




CASES = {
    "quoted line break": None, "ragged row": "has 2 fields", "bad byte": "UTF-8", "12x": "12x",
    "slow upload": None, "item 400": "not a day", "item 429 twice": None, "503 three times": None}


@pytest.mark.parametrize("case", CASES)
def test_c_hard_input(tmp_path, server, case):
    opensearch = server("opensearch")
    rows = rows_of(N)
    spec = job(rejects={"max_ratio": 0.01})
    with FaultProxy(opensearch.url) as p:
        if case == "item 400":
            spec["index"]["mappings"] = {"properties": {"n": {"type": "integer"}, "cpu": {"type": "double"},
                                                        "name": {"type": "date", "format": "yyyy-MM-dd"}}}
            for r in rows:
                r["name"] = "2026-11-25"
            rows[AT - 1]["name"] = "not a day"
        if case == "quoted line break":
            rows[AT - 1]["name"] = "first\nsecond, \"third\"\n"
        if case == "item 429 twice":
            p.fault = once_per(["429-items", "429-items"])
        if case == "503 three times":
            p.fault = once_per(["503"] * 3)
        s = site(tmp_path, p.url, spec=spec)
        text = csv_of(rows)
        lines = text.split(b"\n")
        if case == "ragged row":
            lines[AT] = b"500,short"
        elif case == "bad byte":
            lines[AT] = b"500,caf\xe9,62.5"
        elif case == "12x":
            lines[AT] = b"12x,name,62.5"
        text = b"\n".join(lines)
        if case == "slow upload":
            slow_upload(s, text)
        else:
            s.drop(s.name, "a.csv", text)
            assert s.once().returncode == 0, s.log(s.name)
        receipt = s.receipt(s.name, "done", "a.csv")
        rejected = CASES[case] is not None
        assert balanced(receipt) and receipt["rows"]["read"] == N
        assert receipt["rows"]["rejected"] == (1 if rejected else 0)
        # not lost, not doubled
        kept = [r for r in rows if not rejected or r["n"] != AT]
        same(documents(opensearch, s.index), kept)
        # not silent
        if rejected:
            assert receipt["first_error"]["line"] == AT + 1 and CASES[case] in receipt["first_error"]["message"]
            with open(s.path("staging", s.name, "done", "a.csv.rejects.csv"), "rb") as f:
                listed = f.read()
            assert lines[AT] in listed and listed.count(b"\n") == 2
        leg = receipt["sinks"][0]
        assert leg["retries"] == {"item 429 twice": 2, "503 three times": 3}.get(case, 0)


def slow_upload(s, text):
    """The writer has the file open and pauses between its bytes: it is taken when it is whole, and not before."""
    s.start()
    try:
        path = s.path("staging", s.name, "in", "a.csv")
        with open(path, "wb", buffering=0) as f:
            for i in range(0, len(text), len(text) // 5 + 1):
                f.write(text[i:i + len(text) // 5 + 1])
                said = s.ctl("explain", path).stdout
                assert os.path.exists(path) and s.names(s.name, "done") == [], said
                s.until(lambda: "open" in s.ctl("explain", path).stdout, 20)
        s.until(lambda: "a.csv.receipt.json" in s.names(s.name, "done"), 30)
    finally:
        s.stop()
