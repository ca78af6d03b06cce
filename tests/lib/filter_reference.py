#!/usr/bin/env python3
"""filter_reference.py [WORKER] - transforms/README.md's reference, from `ingest-worker --filters` and the golden cases.

Prints the page; tests/golden/filters/test_reference.py holds it against the one in the repository.
"""
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAD = """# The filters

One file a filter, `filter_NAME.c`, registered in `filters.def`; `filter.h` is what a filter is to the core, `options.h` its table of
settings. Checks, suggestions and this page come from those tables. The language itself: `syntax.h`, `compile.h`, `plan.h`, `condition.h`,
`ref.h`, `template.h`; `docs/filters.md` is the page for users. This page is written by `tests/lib/filter_reference.py`.

*Typical*, *failing* and *interaction* count the golden cases (tests/golden/filters) whose text has the setting, cases with the same text once: an
event comes out and nothing fails; a row or the text is refused; fields are missing, nested or lists, or tags come of it. A setting without one of
each fails a test; what happens on failure (tag_on_failure) is typical where something fails.
"""


def rows(worker):
    out = subprocess.run([worker, "--filters"], capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def golden():
    found = []
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "golden", "filters", "*.json"))):
        with open(path, encoding="utf-8") as f:
            found += json.load(f)
    return found


def is_failing(case):
    return bool(case.get("refused") or case.get("failures"))


def is_typical(case):
    return bool(case.get("want")) and not is_failing(case)


def is_interaction(case):
    events = [e for e in case.get("input", []) if isinstance(e, dict)]
    return ("][" in case["filter"] or any(isinstance(v, (dict, list)) for e in events for v in e.values())
            or any(set(e) != set(events[0]) for e in events) or any("tags" in e for e in case.get("want", [])))


def uses(text, name, option):
    has = re.search(r'(?<![\w"])%s(?=\s*=>)|"%s"(?=\s*=>)' % (re.escape(option), re.escape(option)), text)
    return bool(has) and (name == "*" or re.search(r"\b%s\b\"?\s*\{" % re.escape(name), text) is not None)


def cases(all_cases, name, option):
    """How many are typical, failing and an interaction."""
    of = [c for c in all_cases if uses(c["filter"], name, option)]
    kinds = (is_failing if option.endswith("_on_failure") else is_typical, is_failing, is_interaction)
    return [len({c["filter"] for c in of if kind(c)}) for kind in kinds]


def page(worker):
    table, all_cases, out = rows(worker), golden(), [HEAD]
    for name, option, kind, otherwise, says in table:
        if not option or (name == "*" and "## Every filter" not in out):
            out += ["## " + (name if name != "*" else "Every filter")]
            if name != "*":
                out += [says[0].upper() + says[1:] + ".", ""]
            elif option:
                out += ["On success, in this order: add_field, remove_field, add_tag, remove_tag.", ""]
            if any(r[0] == name and r[1] for r in table):
                out += ["| setting | type | default | meaning | typical | failing | interaction |", "| --- | --- | --- | --- | --- | --- | --- |"]
        if option:
            cells = [option, kind.replace("|", " "), "`%s`" % otherwise if otherwise else "", says.replace("|", "\\|")]
            out += ["| %s |" % " | ".join([*cells, *map(str, cases(all_cases, name, option))])]
    return re.sub(r"\n(## )", r"\n\n\1", "\n".join(out)) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build", "ingest-worker")))
