"""From a document's _id back to its file, line, raw bytes and what each filter made of it."""
import base64
import csv
import hashlib
import io
import json
import os
import shutil

import pytest

from site_ import Site

FAST = {"arrival": {"settle_seconds": 0}}
FILTER = ('csv { columns => ["a", "b"] }\n'
          'mutate { convert => { "a" => "integer" } }\n'
          'if [a] > 1 { mutate { uppercase => ["b"] } }\n')
PLAIN = b'1,q\n"2\n",w\n3,"x, y"\n'


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    if s.daemon:
        s.stop()


def load(site, content=PLAIN, **job):
    site.tenant("bob", FAST, t={"pattern": "*.csv", "filter": FILTER, **job})
    site.start()
    site.drop("bob", "x.csv", content)
    site.until(lambda: {"x.csv", "x.csv.receipt.json"} <= set(site.names("bob", "done")))
    return site.receipt("bob", "done", "x.csv")


def why(site, name):
    done = site.ctl("--json", "why", name)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_document_is_explained_to_its_row(site):
    receipt = load(site)
    rows = {r["_id"]: json.loads(r["_extra"]) for r in site.rows("bob", "bob-t")}
    records = list(csv.reader(io.StringIO(PLAIN.decode(), newline="")))
    lines = {1: 1, 2: 2, 3: 4}
    assert len(rows) == 3
    for name, document in rows.items():
        number = int(name.rpartition("-")[2], 36)
        answer = why(site, name)
        assert answer["delivery"] == receipt["delivery"] and answer["job_version"] == receipt["job_version"]
        assert (answer["row"], answer["line"], answer["file"]) == (number, lines[number], "x.csv")
        assert next(csv.reader(io.StringIO(answer["raw"], newline=""))) == records[number - 1]
        assert answer["document"] == document and answer["result"] == "document"
        assert "mutate" in answer["filters"] and ("if: met" in answer["filters"]) == (number > 1)
    text = site.ctl("why", receipt["delivery"] + "-2").stdout
    assert "line 2 of x.csv" in text and receipt["id"] in text and 'document   {"a":2,"b":"W"}' in text


def test_the_version_it_was_loaded_under_answers_after_the_job_has_changed(site):
    receipt = load(site)
    site.tenant("bob", FAST, t={"pattern": "*.csv", "filter": FILTER.replace("uppercase", "lowercase")})
    site.until(lambda: site.log("bob").count("profile.loaded") >= 2)
    assert why(site, receipt["delivery"] + "-2")["document"] == {"a": 2, "b": "W"}


def test_a_row_that_gave_no_document_says_what_became_of_it(site):
    receipt = load(site, b"1,q\n\nx,w\n" + b"2,a\n" * 20)
    assert why(site, receipt["delivery"] + "-2")["result"] == "blank"
    rejected = why(site, receipt["delivery"] + "-3")
    assert rejected["result"] == "rejected" and "integer" in rejected["error"] and rejected["document"] is None


def test_what_is_gone_is_said(site):
    receipt = load(site)
    name, path = receipt["delivery"] + "-1", site.path("staging", "bob", "done", "x.csv")
    shutil.copy(path, site.path("kept"))
    with open(path, "ab") as f:
        f.write(b"9,z\n")
    changed = site.ctl("why", name)
    assert changed.returncode == 1 and "is not the file that was loaded" in changed.stderr
    os.unlink(path)
    gone = site.ctl("why", name)
    assert gone.returncode == 3 and "not in done/" in gone.stderr and receipt["id"] in gone.stderr
    shutil.copy(site.path("kept"), path)
    shutil.rmtree(site.path("var", "jobs", receipt["job_version"]))
    version = site.ctl("why", name)
    assert version.returncode == 3 and "version" in version.stderr


def test_what_is_no_document_is_refused(site):
    receipt = load(site)
    for name, code in ((receipt["delivery"] + "-99", 1), ("A" * 20 + "-1", 1), ("nonsense", 2), (receipt["delivery"], 2),
                       (receipt["delivery"] + "-0", 2), (receipt["delivery"] + "-1.0", 2), (receipt["delivery"] + "-1x!", 2)):
        done = site.ctl("why", name)
        assert done.returncode == code and done.stderr and not json_like(done.stdout), name


def json_like(text):
    return text.startswith("{")


def test_parts_of_a_split_row(site):
    receipt = load(site, b"1,p;q\n2,r\n", filter='csv { columns => ["a", "b"] } mutate { split => { "b" => ";" } } split { field => "b" }')
    rows = {r["_id"]: json.loads(r["_extra"]) for r in site.rows("bob", "bob-t")}
    assert len(rows) == 3
    for name, document in rows.items():
        assert why(site, name)["document"] == document
    assert receipt["documents"] == 3


def test_a_compressed_file_is_read_through_its_layer(site):
    import gzip
    site.tenant("bob", {**FAST, "formats": ["csv", "gz"]}, t={"pattern": "*.csv", "filter": FILTER})
    site.start()
    site.drop("bob", "x.csv.gz", gzip.compress(PLAIN, mtime=0))
    site.until(lambda: "x.csv.gz.receipt.json" in site.names("bob", "done"))
    receipt = site.receipt("bob", "done", "x.csv.gz")
    assert why(site, receipt["delivery"] + "-3")["document"] == {"a": 3, "b": "X, Y"}


@pytest.mark.parametrize("minus", ["-", "--"])
def test_an_id_that_begins_with_a_minus_is_no_option(site, minus):
    """One delivery in 64 does, one in 4,096 with two."""
    for n in range(100_000):
        content = b"%d,q\n" % n
        digest = hashlib.sha256(b"bob\0t\0x.csv\0" + hashlib.sha256(content).digest()).digest()
        name = base64.urlsafe_b64encode(digest[:15]).decode()
        if name.startswith(minus):
            break
    receipt = load(site, content)
    assert receipt["delivery"] == name
    assert why(site, name + "-1")["raw"] == "%d,q" % n
    shown = site.ctl("show", name, "--json")
    assert shown.returncode == 0 and json.loads(shown.stdout)["id"] == receipt["id"], shown.stderr
    assert site.ctl("show", "-x").returncode == 2
