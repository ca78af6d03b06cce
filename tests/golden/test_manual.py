"""The manual pages and JSON Schemas are what the programs' tables say, and the schemas judge as `ingestd -t` does."""
import json
import os
import re
import subprocess
import sys

import jsonschema
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("INGEST_BUILD", os.path.join(ROOT, "build"))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import manual  # noqa: E402

SEED = os.path.join(ROOT, "tests", "golden", "seed")


@pytest.mark.parametrize("path", sorted(manual.files()))
def test_page_is_not_stale(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        assert f.read() == manual.files()[path], "run tests/lib/manual.py"


@pytest.mark.parametrize("path", sorted(p for p in manual.files() if p.startswith("docs/man")))
def test_page_is_good_roff(path):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", os.path.join(ROOT, path)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and len(done.stdout) > 500


# each table of the programs: the macros of its rows, what stands before a row's name, the documents that tell it
TABLES = [("watcher/ctl/commands.def", "COMMAND", r'\w+, "', ["docs/man/ingestctl.1"]),
          ("watcher/daemon/events.def", "EVENT", r'\w+, "', ["docs/man/ingestd.8"]),
          ("watcher/model/rules.def", "RULE", r'\w+, "', ["docs/man/ingestctl.1"]),
          ("watcher/admin/routes.def", "ROUTE", r'\w+, [A-Z]+, "[A-Z]+", "', ["docs/man/ingestctl.1"]),
          ("watcher/worker/steps.def", "STEP|PART", r'(?:\w+, )?"', ["docs/man/ingest-worker.8"]),
          ("watcher/model/config_keys.def", "KEY", '"', ["docs/man/ingestd.json.5"]),
          ("watcher/model/profile_keys.def", "KEY", '"', ["docs/man/ingestd-profile.5"]),
          ("watcher/model/job_keys.def", "KEY", '"', ["docs/man/ingestd-job.5"]),
          ("watcher/record/indexes.def", "INDEX", r'"\w+", "', ["docs/records.md"]),
          ("transforms/filters.def", "FILTER", "", ["docs/filters.md", "transforms/README.md"])]


@pytest.mark.parametrize("path,macros,before,documents", TABLES, ids=[t[0] for t in TABLES])
def test_every_row_of_a_table_is_in_the_documents(path, macros, before, documents):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        source = f.read()
    names = re.findall(r"^(?:%s)\(%s([^\"\n),]+)" % (macros, before), source, re.M)
    assert len(names) == len(re.findall(r"^(?:%s)\(" % macros, source, re.M)) > 5  # none is passed over
    for document in documents:
        with open(os.path.join(ROOT, document), encoding="utf-8") as f:
            text = f.read().replace("\\-", "-")
        missing = [n for n in names if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(n), text)]
        assert missing == [], document


def test_where_a_worker_may_be_killed_is_a_step():
    points, steps = [[line.split("\t")[0].strip() for line in manual.say("ingest-worker", option).splitlines()]
                     for option in ("--crash-points", "--steps")]
    assert points[0] == "job" and set(points[1:]) <= set(steps)
    assert len(points) == len(set(points)) > 15


def schema(name):
    s = json.loads(open(os.path.join(ROOT, "profiles", name + ".schema.json"), encoding="utf-8").read())
    jsonschema.Draft7Validator.check_schema(s)
    return jsonschema.Draft7Validator(s)


@pytest.mark.parametrize("name", sorted(os.listdir(SEED)))
def test_the_seeds_forms_are_valid(name):
    text = "\n".join(line.split("//")[0] if '"' not in line.split("//")[0][-1:] else line
                     for line in open(os.path.join(SEED, name)).read().split("\n"))
    schema("job" if name.startswith("job") else "profile").validate(json.loads(text))


GOOD = [("profile", {"formats": ["csv", "gz"], "limits": {"max_run_files": 3, "max_row_bytes": 100}}),
        ("profile", {"tenant": "bob", "arrival": {"level": "plain", "settle_seconds": 0.5}, "index_prefix": ""}),
        ("job", {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "x", "mappings": {}}}),
        ("job", {"pattern": "*", "filter": "drop { }", "rejects": {"max_ratio": 0.5, "max_rows": None}}),
        ("ingestd", {"workers": 4, "sinks": {"s": {"type": "sqlite"}}, "default_sinks": ["s"]}),
        ("ingestd", {"mongodb": {"uri": "mongodb://h/?replicaSet=a", "database": "x"}}), ("ingestd", {"mongodb": None})]
WRONG = [("ingestd", {"mongodb": {"urii": "mongodb://h"}}), ("ingestd", {"mongodb": "mongodb://h"}), ("profile", {"limitz": {}}), ("profile", {"limits": {"max_row_bytes": "1"}}), ("profile", {"formats": ["parquet"]}),
         ("profile", {"limits": {"max_columns": 0}}), ("profile", {"formats": []}),
         ("job", {"patern": "*"}), ("job", {}), ("job", {"pattern": "*", "trigger": "sometimes"}),
         ("job", {"pattern": "*", "filter": "drop { }", "filter_file": "a.conf"}), ("job", {"pattern": "*", "rejects": {"max_ratio": 2}}),
         ("job", {"pattern": "*", "kind": "stream"}),
         ("ingestd", {"workers": 0}), ("ingestd", {"sinks": {"s": {}}}), ("ingestd", {"log_format": "xml"})]


def accepted(folder, kind, value):
    """What ingestd -t says of it."""
    folder.mkdir(exist_ok=True)
    os.makedirs(folder / "profiles" / "bob" / "jobs", exist_ok=True)
    (folder / "ingestd.json").write_text(json.dumps(value if kind == "ingestd" else {}))
    (folder / "profiles" / "bob" / "profile.json").write_text(json.dumps(value if kind == "profile" else {}))
    if kind == "job":
        (folder / "profiles" / "bob" / "jobs" / "j.json").write_text(json.dumps(value))
    return subprocess.run([os.path.join(BUILD, "ingestd"), "-t", "-c", str(folder / "ingestd.json")],
                          capture_output=True, text=True).returncode == 0


@pytest.mark.parametrize("kind,value", GOOD + WRONG, ids=lambda v: v if isinstance(v, str) else json.dumps(v)[:40])
def test_schema_and_program_agree(tmp_path, kind, value):
    good = (kind, value) in GOOD
    assert schema(kind).is_valid(value) == good
    assert accepted(tmp_path / "x", kind, value) == good
