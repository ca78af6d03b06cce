"""../shared/data/logs/dissect-specification (the Beats' and Elasticsearch's cases) through our dissect.

Their `*key` is a name only, as it is here; their appends are joined by append_separator, which is set to what the case says.
One case contradicts what Logstash documents and tests, whose meaning this filter has; what comes out for it stands below, with the reason.
"""
import json
import os

import pytest

from test_filters import ROOT, run

DATA = os.path.join(ROOT, "..", "shared", "data", "logs", "dissect-specification", "tests.json")
LOGSTASH = {
    # DissectorTest.testIndirectFields; the documentation: "use a Skip field if you do not want the indirection key/value stored"
    "%{key} %{&key}": {"key": "hello", "hello": "world"},
}


def cases():
    if not os.path.exists(DATA):
        return []
    with open(DATA, encoding="utf-8") as f:
        return json.load(f)


def quoted(text):
    assert not ("'" in text and '"' in text)
    return '"%s"' % text if "'" in text else "'%s'" % text


def dissect(tmp_path, case):
    text = "dissect { mapping => { \"[in]\" => %s } append_separator => %s }" % (
        quoted(case["tok"]), quoted(case["append"]))
    done = run(tmp_path, {"filter": text, "input": [{"in": case["msg"]}]})
    if done.returncode:
        return None
    event = json.loads(done.stdout)
    assert event.pop("in") == case["msg"]
    if "tags" in event:
        assert event == {"tags": ["_dissectfailure"]}, "all or nothing"
        return None
    return event


@pytest.mark.skipif(not os.path.exists(DATA), reason="../shared/data is not there")
def test_all_cases_are_there():
    assert len(cases()) == 31
    assert len([c for c in cases() if c["tok"] in LOGSTASH]) == 1


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"].replace(" ", "-")) for c in cases()])
def test_specification(case, tmp_path):
    want = case["expected"] if not case["fail"] else None
    assert dissect(tmp_path, case) == LOGSTASH.get(case["tok"], want)
