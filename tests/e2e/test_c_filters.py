"""Filter text through the real daemon: the seed's job as printed, drops, failures, vars, a reload that is refused."""
import csv
import io
import json
import os
import random
import signal
import subprocess

import pytest

import site_

GOLDEN = os.path.join(site_.ROOT, "tests", "golden", "seed")
CONFIG = {"sinks": {"local": {"type": "sqlite", "path": "var/data"}}, "default_sinks": ["local"]}
COLUMNS = ["vm_id", "subscription_id", "deployment_id", "timestamp_vm_created", "timestamp_vm_deleted", "max_cpu",
           "average_cpu", "p96_max_cpu", "vm_category", "vm_virtual_core_count_bucket", "vm_memory_bucket"]


@pytest.fixture
def site(tmp_path):
    s = site_.Site(tmp_path, **CONFIG)
    yield s
    s.stop()


def seed_file(rows, planted):
    """Rows of the seed's eleven columns; those in planted have a bucket over the top."""
    draw = random.Random(3)
    out = io.StringIO()
    kept = []
    for n in range(1, rows + 1):
        row = ["vm%d=" % n, "s+/%d" % draw.randrange(50), "d%d" % draw.randrange(90), draw.randrange(2592000),
               draw.randrange(2592000), "%.15g" % (draw.random() * 100), "%.15g" % (draw.random() * 50),
               draw.randrange(100), draw.choice(["Unknown", "Interactive", "Delay-insensitive"]),
               draw.choice([2, 4, 8, 24]), draw.choice([2, 4, 8, 64])]
        if n in planted:
            row[9 + planted[n]] = ">24" if planted[n] == 0 else ">64"
        else:
            kept.append(row)
        csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue().encode(), kept


def test_seed_job_as_printed(site):
    with open(os.path.join(GOLDEN, "job.json"), encoding="utf-8") as f:
        job = f.read()
    with open(os.path.join(GOLDEN, "profile-bob-1.json"), encoding="utf-8") as f:
        site.tenant("bob", json.loads("".join(l for l in f if "//" not in l)), vmtable=job)
    planted = {5: 0, 77: 1, 400: 0}
    content, kept = seed_file(500, planted)
    site.drop("bob", "vmtable.csv", content)
    done = site.once("--start", "bob/vmtable")
    assert done.returncode == 0, done.stderr
    r = site.receipt("bob", "done", "vmtable.csv")
    assert r["rows"]["read"] == 500 and r["rows"]["indexed"] == 497 and r["rows"]["rejected"] == 3
    assert site_.balanced(r)
    assert r["first_error"]["line"] == 5 and r["first_error"]["field"] == COLUMNS[9]
    assert r["first_error"]["message"] == 'mutate: field %s: value ">24": it is no integer' % COLUMNS[9]
    with open(site.path("staging", "bob", "done", "vmtable.csv.rejects.csv"), newline="") as f:
        rejects = list(csv.reader(f))
    assert [int(x[0]) for x in rejects[1:]] == sorted(planted)
    got = {x["vm_id"]: x for x in site.rows("bob", "bob-vmtable")}
    assert len(got) == 497
    for row in kept:
        stored = got[row[0]]
        assert [stored[c] for c in COLUMNS[:3] + [COLUMNS[8]]] == row[:3] + [row[8]]
        for c, v in zip(COLUMNS[3:8] + COLUMNS[9:], row[3:8] + row[9:]):
            assert float(stored[c]) == float(v), (c, v)
        assert stored.get("message") is None and "message" not in (stored.get("_extra") or "")


FILTER = """
csv { columns => ["id", "kind", "n"] skip_empty_columns => true }
if [kind] == "skip" { drop { } }
mutate { convert => { "n" => "integer" } add_field => { "region" => "${REGION}" } }
if [n] > 100 { mutate { add_tag => ["big"] } }
"""


def job(**more):
    return {"pattern": "*.csv", "filter": FILTER, "vars": {"REGION": "eu"}, "rejects": {"max_ratio": 1},
            "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}, "n": {"type": "integer"}}}}, **more}


ROWS = b'1,a,5\n2,skip,6\n3,a,x\n\n4,a,500\n5,a\n"6"x\n7,a,5,extra\n'


def test_drops_failures_and_conditions_are_booked(site):
    site.tenant("bob", t=job())
    site.drop("bob", "a.csv", ROWS)
    assert site.once().returncode == 0
    r = site.receipt("bob", "done", "a.csv")
    assert site_.balanced(r)
    assert r["rows"] == {"read": 8, "indexed": 3, "duplicates": 0, "rejected": 3, "filtered": 1, "blank": 1, "unsent": 0}
    with open(site.path("staging", "bob", "done", "a.csv.rejects.csv"), newline="") as f:
        listed = f.read()
    assert '"3","n","mutate: field n: value ""x"": it is no integer",3,a,x' in listed.replace("\r", "")
    assert "cannot order [n], which is missing or null" in listed
    assert "csv: field message" in listed
    rows = {x["id"]: x for x in site.rows("bob", "bob-t")}
    assert sorted(rows) == [1, 4, 7]
    assert json.loads(rows[4]["_extra"]) == {"kind": "a", "region": "eu", "tags": ["big"]}
    assert json.loads(rows[7]["_extra"])["column4"] == "extra"
    assert any(c["to"] == "ragged" or c["from"] == "ragged" for c in r["coercions"]), r["coercions"]


def test_failure_tags_may_be_indexed(site):
    site.tenant("bob", t=job(on_failure_tag="index", keep_message=True))
    site.drop("bob", "a.csv", b"1,a,x\n")
    assert site.once().returncode == 0
    r = site.receipt("bob", "done", "a.csv")
    # the text of the condition cannot order "x" and 100: such a row is rejected whatever the job says
    assert r["rows"]["rejected"] == 1 and "cannot order" in r["first_error"]["message"]
    site.tenant("bob", t=job(on_failure_tag="index", keep_message=True, filter=FILTER.split("if [n]")[0]))
    site.drop("bob", "b.csv", b"1,a,5\n2,a,5\n")
    assert site.once().returncode == 0
    site.drop("bob", "c.csv", b'"bad"x\n')
    site.tenant("bob", t=job(on_failure_tag="index", keep_message=True, filter="csv { columns => [\"id\"] }"))
    assert site.once().returncode == 0
    extra = [json.loads(x["_extra"]) for x in site.rows("bob", "bob-t") if x["id"] is None]
    assert extra == [{"message": '"bad"x', "tags": ["_csvparsefailure"]}]


def test_text_without_csv_gets_the_fields_as_strings(site):
    site.tenant("bob", t=job(input={"header": True}, filter='mutate { add_field => { "m" => "%{message}" } }'))
    site.drop("bob", "a.csv", b'id,n,name\n1,007,"x, y"\n')
    assert site.once().returncode == 0
    row, = site.rows("bob", "bob-t")
    assert json.loads(row["_extra"]) == {"name": "x, y", "m": '1,007,"x, y"'}
    assert row["id"] in (1, "1")


def test_check_says_every_error_and_warning_with_its_place(site):
    site.tenant("bob", t=job(filter='csv { colums => ["a"] }\ngrok { }'),
                u={"pattern": "*.txt", "filter": 'if [a] in ["x"] { drop { } }'})
    done = site.run("-t")
    assert done.returncode == 78
    base = "profiles/bob/jobs/t.json filter:"
    assert base + '1:7: csv has no setting "colums"; did you mean columns?' in done.stderr
    assert base + "2:1: grok: not in this version" in done.stderr
    assert '1:11: warning: ["x"] is read as a field' in done.stderr
    assert "2 errors" in done.stderr


def test_filter_file_and_a_reload_that_is_refused(site):
    site.tenant("bob", t={k: v for k, v in job(filter_file="t.conf").items() if k != "filter"})
    conf = site.path("profiles", "bob", "jobs", "t.conf")
    with open(conf, "w") as f:
        f.write("filter {" + FILTER + "}")
    site.start()
    site.drop("bob", "a.csv", b"1,a,5\n")
    site.until(lambda: "a.csv" in site.names("bob", "done"))
    with open(conf, "w") as f:
        f.write("filter { mutate { } \n drop { } xx")
    site.until(lambda: "t.conf:2:" in site.log("bob") or "t.conf:2:" in site.log("ingestd"))
    site.drop("bob", "b.csv", b"2,a,5\n")
    site.until(lambda: "b.csv" in site.names("bob", "done"))
    assert {x["id"] for x in site.rows("bob", "bob-t")} == {1, 2}
    assert site.stop() == 0


WARNED = """filter { csv { columns => ["id", "kind"] }
if [kin] == "x" { drop { } } else if [kin] == "x" { drop { } }
if [kind] in ["skip"] { drop { } }
if [kind] =~ /(a+)+$/ { drop { } } } # x: warning: of nobody
"""
WARNINGS = ['t.conf:2:4: warning: nothing sets the field kin', 't.conf:2:38: warning: this branch is never taken',
            't.conf:2:38: warning: nothing sets the field kin',
            't.conf:3:14: warning: [\\"skip\\"] is read as a field', 't.conf:4:15: warning: this group repeats without end']


def test_warnings_of_a_text_are_logged_once_when_it_comes_into_force_live(site):
    spec = {k: v for k, v in job(filter_file="t.conf").items() if k != "filter"}
    conf = site.path("profiles", "bob", "jobs", "t.conf")
    site.tenant("bob", t={**spec, "pattern": "t*.csv"})
    with open(conf, "w") as f:
        f.write("filter {" + FILTER + "}")
    site.start()
    assert "profile.warning" not in site.log("bob")
    with open(conf, "w") as f:
        f.write(WARNED)
    asked = [subprocess.Popen([os.path.join(site_.BUILD, "ingestctl"), "-c", site.path("ingestd.json"), "reload"],
                              stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [p.wait(timeout=60) for p in asked] == [0] * 6  # looks that come before the answer to the first one
    site.until(lambda: WARNINGS[-1] in site.log("bob"))
    site.drop("bob", "t1.csv", b"1,a\n")
    site.until(lambda: "t1.csv" in site.names("bob", "done"))
    loads = site.log("bob").count("profile.loaded")
    site.daemon.send_signal(signal.SIGHUP)  # the same text again: said already
    site.until(lambda: site.log("bob").count("profile.loaded") > loads)
    # beside a job that is refused: the version in force stays, what was found is still told
    site.tenant("bob", t={**spec, "pattern": "t*.csv"}, u=job(filter="grok { }", pattern="u*.csv"),
                v=job(filter='drop { }\ndrop { }', pattern="v*.csv"))
    site.until(lambda: "grok: not in this version" in site.log("bob") and "v.json filter:2:1: warning: " in site.log("bob"))
    for log in ("bob", "ingestd"):
        lines = [l for l in site.log(log).splitlines() if "profile.warning" in l]
        for w in WARNINGS + ["jobs/v.json filter:2:1: warning: no event comes here"]:
            found = [l for l in lines if w in l]
            assert len(found) == 1 and " warn " in found[0] and "tenant=bob" in found[0], (log, w, lines)
        assert len(lines) == len(WARNINGS) + 1, lines
    assert site.stop() == 0


SPLIT = """csv { columns => ["id", "parts"] }
split { field => "parts" terminator => "|" }
mutate { convert => { "n" => "integer" } rename => { "parts" => "n" } }
"""


def test_a_row_split_counts_once_and_all_its_documents_or_none(site):
    site.tenant("bob", t=job(filter=SPLIT, rejects={"max_ratio": 1}))
    site.drop("bob", "a.csv", b"1,10|20|30\n2,7\n3,1|x|2\n4,1|99999999999|2\n")
    done = site.once()
    assert done.returncode == 0, done.stderr
    r = site.receipt("bob", "done", "a.csv")
    assert site_.balanced(r)
    assert (r["rows"]["read"], r["rows"]["indexed"], r["rows"]["rejected"], r["documents"]) == (4, 2, 2, 4)
    rows = site.rows("bob", "bob-t")
    assert sorted((x["id"], x["n"]) for x in rows) == [(1, 10), (1, 20), (1, 30), (2, 7)]
    ids = {x["n"]: x["_id"] for x in rows}
    assert [ids[n].split("-")[-1] for n in (10, 20, 30, 7)] == ["1.1", "1.2", "1.3", "2"]
    with open(site.path("staging", "bob", "done", "a.csv.rejects.csv")) as f:
        assert [l.split(",")[0] for l in f.read().splitlines()[1:]] == ['"3"', '"4"']


def test_a_filter_that_remembers_resumes(site, tmp_path):
    """autodetect_column_names: the names are in row 1, and the load is killed at its first checkpoint, far behind it."""
    site.tenant("bob", t=job(filter='csv { autodetect_column_names => true }\nmutate { convert => { "n" => "integer" } }',
                             rejects={"max_ratio": 1}))
    once, count, name = str(tmp_path / "once"), 300000, None
    while not os.path.exists(once):  # the first checkpoint comes after a second: more rows for a faster machine
        assert count < 10000000, "no checkpoint was reached"
        name = "n%d.csv" % count
        site.drop("bob", name, b"id,n\n" + b"".join(b"%d,%d\n" % (n, n * 2) for n in range(1, count + 1)))
        site.once(env={"INGEST_CRASH_AT": "checkpoint", "INGEST_CRASH_ONCE": once}, timeout=300)
        count *= 2
    site.once(timeout=300)
    r = site.receipt("bob", "done", name)
    assert site_.balanced(r) and r["rows"]["filtered"] == 1 and r["rows"]["indexed"] == r["rows"]["read"] - 1, r
    rows = site.rows("bob", "bob-t")
    assert {x["n"] - 2 * x["id"] for x in rows} == {0}
    assert r["attempts"] >= 2


def test_convert_prints_the_documents_of_split_rows(site):
    site.tenant("bob", t=job(filter=SPLIT))
    path = site.path("a.csv")
    with open(path, "wb") as f:
        f.write(b"1,10|20\n2,7\n3,x\n")
    done = subprocess.run([os.path.join(site_.BUILD, "ingest-worker"), "--convert", "-c", site.path("ingestd.json"),
                           "--tenant", "bob", "--job", "t", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert 'mutate: field n: value "x": it is no integer' in done.stderr
    assert "read=3 documents=3 rejected=1 filtered=0 blank=0" in done.stderr
    lines = [json.loads(l) for l in done.stdout.splitlines()]
    assert [l["create"]["_id"].split("-")[-1] for l in lines[::2]] == ["1.1", "1.2", "2"]
    assert lines[1::2] == [{"id": "1", "n": 10}, {"id": "1", "n": 20}, {"id": "2", "n": 7}]


MESSAGES = [
    ('csv { columns => ["id", "message"] }', b'1,hello\n2,"hello"\n3,\n4\n',
     [{"id": "1", "message": "hello"}, {"id": "2", "message": "hello"}, {"id": "3", "message": None}, {"id": "4"}]),
    ('csv { columns => ["message"] } mutate { add_field => { "k" => "v" } }', b'hello\n"hello"\n',
     [{"message": "hello", "k": "v"}] * 2),
    ('json { source => "message" }', b'{"message":"hello","a":1}\n{"a":2}\n', [{"message": "hello", "a": 1}, {"a": 2}]),
    ('dissect { mapping => { "message" => "%{a}: %{message}" } }', b"x: hello\n", [{"message": "hello", "a": "x"}]),
    ('json { source => "message" } mutate { rename => { "msg" => "message" } }', b'{"msg":"hello","a":1}\n',
     [{"message": "hello", "a": 1}]),
    ('mutate { replace => { "message" => "it is %{message}" } add_field => { "k" => "v" } }', b"hello\n",
     [{"message": "it is hello", "k": "v"}]),
    # the row, edited in place, is the row still
    ('mutate { gsub => ["message", ";", ","] } csv { columns => ["a", "b"] }', b"1;2\n", [{"a": "1", "b": "2"}]),
    ('split { terminator => ";" } csv { columns => ["a"] }', b"1;2\n", [{"a": "1"}, {"a": "2"}]),
]


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_a_message_that_the_filter_sets_is_data(site, number):
    text, content, want = MESSAGES[number]
    name = "a.csv" if "csv {" in text else "a.txt"
    with open(site.path(name), "wb") as f:
        f.write(content)
    for more in ("", " if [nosuch] { drop { } }"):  # by the way of usual rows and by the other one
        site.tenant("bob", t={"pattern": "*", "filter": text + more, "index": {"name": "t"}})
        done = subprocess.run([os.path.join(site_.BUILD, "ingest-worker"), "--convert", "-c", site.path("ingestd.json"),
                               "--tenant", "bob", "--job", "t", site.path(name)], capture_output=True, text=True, timeout=60)
        assert [json.loads(l) for l in done.stdout.splitlines()][1::2] == want, (more, done.stderr)


def test_compat_is_lenient_and_counts_what_it_loses(site):
    text = 'csv { columns => ["id", "n"] }\nmutate { convert => { "n" => "integer" } }'
    site.tenant("bob", t=job(filter=text, compat="logstash-8.6"))
    site.drop("bob", "a.csv", b"1,12abc\n2,>24\n3,7\n")
    assert site.once().returncode == 0
    r = site.receipt("bob", "done", "a.csv")
    assert r["rows"]["indexed"] == 3 and r["rows"]["rejected"] == 0
    assert sorted((x["id"], x["n"]) for x in site.rows("bob", "bob-t")) == [(1, 12), (2, 0), (3, 7)]
    found = {c["field"]: (c["count"], c["examples"]) for c in r["coercions"]}
    assert found["n"] == (2, ["12abc", ">24"])
    site.tenant("bob", t=job(filter=text))
    site.drop("bob", "b.csv", b"1,12abc\n2,>24\n3,7\n")
    assert site.once().returncode == 0
    assert site.receipt("bob", "done", "b.csv")["rows"]["rejected"] == 2


def test_vars_are_checked_and_change_the_version(site):
    site.tenant("bob", t=job(vars={"1A": "x", "B": 5, "C-D": "y", "REGION": "eu"}))
    done = site.run("-t")
    assert done.returncode == 78
    for path in ("$.vars.1A:", "$.vars.B:", "$.vars.C-D:"):
        assert path in done.stderr, done.stderr
    site.tenant("bob", t=job(vars={}))
    done = site.run("-t")
    assert done.returncode == 78 and "${REGION}: the job's vars have no REGION" in done.stderr
    for n, region in enumerate(["eu", "us"]):
        site.tenant("bob", t=job(vars={"REGION": region}))
        site.drop("bob", "%d.csv" % n, b"%d,a,5\n" % n)
        assert site.once(env={"REGION": "never this"}).returncode == 0
    versions = {site.receipt("bob", "done", "%d.csv" % n)["job_version"] for n in range(2)}
    assert len(versions) == 2
    assert sorted(json.loads(x["_extra"])["region"] for x in site.rows("bob", "bob-t")) == ["eu", "us"]


def test_a_hostile_text_costs_its_own_tenant_alone(site):
    site.tenant("bob", t={"pattern": "*.csv", "index": {"name": "t"}})
    site.tenant("eve", t={"pattern": "*.csv", "filter": "if " + "(" * 200000 + "[a]"},
                u={"pattern": "*.txt", "filter": "mutate { gsub => [ " + '"a", "(((((a{1,1000}){1,1000}){1,1000}){1,1000}){1,1000})", "b" ] }'})
    site.start()
    site.drop("bob", "a.csv", b"1\n")
    site.until(lambda: "a.csv" in site.names("bob", "done"))
    site.until(lambda: "nested deeper than 64" in site.log("ingestd") + (site.log("eve") if os.path.exists(site.path("logs", "eve.log")) else ""))
    assert site.stop() == 0


def test_tables_of_the_machine_are_within_the_worker_s_reach(site):
    """Zones and charsets are read from the system's files, by a worker that may read little else."""
    spec = job(filter='csv { columns => ["id", "when", "text"] convert => { "when" => "date" } }\n'
                      'date { match => ["when", "dd.MM.yyyy"] timezone => "Europe/Berlin" target => "when" tag_on_failure => [] }\n'
                      'urldecode { field => "text" charset => "Windows-1252" }\nmutate { convert => { "id" => "integer" } }')
    spec["index"]["mappings"]["properties"].update(when={"type": "keyword"}, text={"type": "keyword"})
    site.tenant("bob", t=spec)
    site.drop("bob", "a.csv", b"1,01.02.2003,%80 100\n2,2003-02-01,caf%E9\n")
    assert site.once().returncode == 0
    rows = {r["id"]: r for r in site.rows("bob", "bob-t")}
    assert rows[1]["when"] == "2003-01-31T23:00:00.000Z" and rows[1]["text"] == "€ 100"
    assert rows[2]["text"] == "café" and rows[2]["when"].endswith(":00:00.000Z")
