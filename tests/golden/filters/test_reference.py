"""Every setting of every filter has a golden case, and transforms/README.md says what the tables say."""
import os
import re
import subprocess
import sys

import pytest

from test_filters import HERE, ROOT, WORKER

sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import filter_reference  # noqa: E402

TABLE = filter_reference.rows(WORKER)


@pytest.mark.parametrize("name", sorted({r[0] for r in TABLE}))
def test_every_setting_has_a_typical_a_failing_and_an_interaction_case(name):
    cases = filter_reference.golden()
    without = {o: filter_reference.cases(cases, name, o) for n, o, kind, _, _ in TABLE
               if n == name and o and "not in this version" not in kind}
    assert {o: found for o, found in without.items() if 0 in found} == {}


def test_a_setting_without_a_case_would_be_seen():
    assert filter_reference.cases(filter_reference.golden(), "drop", "no_such_setting") == [0, 0, 0]
    good = {"filter": 'mutate { rename => ["a", "b"] }', "input": [{"a": 1}], "want": [{"b": 1}]}
    bad = {**good, "want": [{"a": 1}], "failures": ["x"]}
    list_ = {**good, "input": [{"a": [1]}], "want": [{"b": [1]}]}
    assert filter_reference.cases([good], "drop", "rename") == [0, 0, 0]
    assert filter_reference.cases([good], "mutate", "rename") == [1, 0, 0]
    assert filter_reference.cases([good, bad], "mutate", "rename") == [1, 1, 0]
    assert filter_reference.cases([good, good, list_], "mutate", "rename") == [1, 0, 1]


def test_the_page_is_the_tables():
    with open(os.path.join(ROOT, "transforms", "README.md"), encoding="utf-8") as f:
        kept = f.read()
    assert filter_reference.page(WORKER) == kept, "run tests/lib/filter_reference.py > transforms/README.md"


# the filter plugins that Logstash 8.14's reference lists (docs: "Filter plugins")
LOGSTASH = """age aggregate alter bytes cidr cipher clone csv date de_dot dissect dns drop elapsed elastic_integration elasticsearch
environment extractnumbers fingerprint geoip grok http i18n java_uuid jdbc_static jdbc_streaming json json_encode kv memcached metricize
metrics mutate prune range ruby sleep split syslog_pri threats_classifier throttle tld translate truncate urldecode useragent uuid
wurfl_device_detection xml""".split()


def users_table():
    with open(os.path.join(ROOT, "docs", "filters.md"), encoding="utf-8") as f:
        lines = [re.match(r"\| `(\w+)` \| (built|later|no) \| ?(.*?) ?\|$", line.rstrip()) for line in f]
    return {m[1]: (m[2], m[3]) for m in lines if m}


def refusal(name):
    done = subprocess.run([WORKER, "--check-filter"], input=name + " { }", capture_output=True, text=True)
    return re.search(r":1:1: (.*)$", done.stderr, re.M)


def plain(text):
    return re.sub(r"[`]| \.\.\.", "", text)


def test_the_users_page_names_every_filter_of_logstash():
    assert len(LOGSTASH) == 49
    assert list(users_table()) == sorted(LOGSTASH)
    # and the program knows each of them: a name that is right in Logstash is never called a slip of the pen
    with open(os.path.join(ROOT, "transforms", "known.c"), encoding="utf-8") as f:
        listed = re.findall(r'\{"(\w+)", (?:"|NULL)', f.read().split("others[] = {")[1])
    assert sorted([*listed, "ruby", *({r[0] for r in TABLE} - {"*"})]) == sorted(LOGSTASH)


@pytest.mark.parametrize("name", LOGSTASH)
def test_the_users_page_says_what_the_program_does_with(name):
    state, says = users_table()[name]
    said = refusal(name)
    built = name in {r[0] for r in TABLE}
    assert (state == "built") == built
    if built:
        assert said is None or "not in this version" not in said[1]
        return
    if name == "ruby":
        assert said[1].startswith("ruby: a job is data, not code; ") and says.startswith("a job is data, not code; ")
        return
    told = re.match(r"%s: not in this version(?:; use (.*?)|: (.*?))?; it has csv, " % name, said[1])
    assert told, said[1]
    other = re.match(r"(?:as|see) (\w+)$", says)
    if other:
        says = users_table()[other[1]][1]
    reason = plain(told[1] or told[2] or "")
    assert (reason == "") == (says == ""), (reason, says)
    assert reason in plain(says), (reason, says)


def test_every_filter_is_in_the_users_page():
    with open(os.path.join(ROOT, "docs", "filters.md"), encoding="utf-8") as f:
        page = f.read()
    assert [n for n in sorted({r[0] for r in TABLE} - {"*"}) if "| `%s` | built" % n not in page] == []
    # and what the page calls built is built: the compiler knows its name
    for line in page.splitlines():
        if line.startswith("| `") and "| built" in line:
            name = line.split("`")[1]
            done = subprocess.run([WORKER, "--check-filter"], input="%s { no_such_setting => 1 }" % name,
                                  capture_output=True, text=True)
            assert "has no setting" in done.stderr, name
    assert os.path.isdir(HERE)
