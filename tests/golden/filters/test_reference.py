"""Every setting of every filter has a golden case, and transforms/README.md says what the tables say."""
import os
import subprocess
import sys

import pytest

from test_filters import HERE, ROOT, WORKER

sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import filter_reference  # noqa: E402

TABLE = filter_reference.rows(WORKER)


# a typical one, a failing one, and one of it with something else
CASES = 3


@pytest.mark.parametrize("name", sorted({r[0] for r in TABLE}))
def test_every_setting_has_three_cases(name):
    texts = filter_reference.texts()
    without = [o for n, o, kind, _, _ in TABLE if n == name and o and "not in this version" not in kind
               and filter_reference.cases(texts, name, o) < CASES]
    assert without == []


def test_a_setting_without_a_case_would_be_seen():
    texts = filter_reference.texts()
    assert filter_reference.cases(texts, "drop", "percentage") >= 2
    assert filter_reference.cases(texts, "drop", "no_such_setting") == 0
    assert filter_reference.cases(['mutate { rename => ["a", "b"] }'], "drop", "rename") == 0


def test_the_page_is_the_tables():
    with open(os.path.join(ROOT, "transforms", "README.md"), encoding="utf-8") as f:
        kept = f.read()
    assert filter_reference.page(WORKER) == kept, "run tests/lib/filter_reference.py > transforms/README.md"


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
