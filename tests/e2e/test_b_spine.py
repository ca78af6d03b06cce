"""b_ basic: a file dropped, in the store, placed, with its receipt and its log line."""
import json
import os
import resource
import signal

import pytest

from site_ import Site, balanced

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    if s.daemon:
        s.stop()


def test_a_file_goes_whole_into_the_store(site):
    site.tenant("bob", t=JOB)
    site.drop("bob", "a.csv", b"id,name\n" + b"".join(b"%d,n\n" % i for i in range(100)) + b"x,bad\n")
    assert site.once().returncode == 0
    assert site.names("bob", "done") == ["a.csv", "a.csv.receipt.json", "a.csv.rejects.csv"]
    r = site.receipt("bob", "done", "a.csv")
    assert r["state"] == "done" and balanced(r)
    assert r["rows"]["indexed"] == 100 and r["rows"]["rejected"] == 1 and r["rows"]["unsent"] == 0
    assert r["first_error"]["line"] == 102
    assert sorted(x["id"] for x in site.rows("bob", "bob-t")) == list(range(100))
    assert "file.done" in site.log("bob") and "indexed=100" in site.log("bob")
    assert site.names("bob", "work") == [] and site.names("bob", "in") == []


def test_same_again_is_a_duplicate_and_other_bytes_are_held(site):
    site.tenant("bob", t=JOB)
    for content in (b"id\n1\n", b"id\n1\n", b"id\n2\n"):
        site.drop("bob", "a.csv", content)
        site.once()
    done = [n for n in site.names("bob", "done") if n.endswith(".receipt.json")]
    states = sorted(json.load(open(site.path("staging", "bob", "done", n)))["state"] for n in done)
    assert states == ["done", "duplicate"]
    assert site.receipt("bob", "held", "a.csv")["state"] == "held"
    assert [x["id"] for x in site.rows("bob", "bob-t")] == [1]


def test_the_cpu_of_a_file_is_counted_once(site):
    """Both passes cost the same where all rows but one are dropped: a gate counted twice is half too much."""
    site.tenant("bob", t={"pattern": "*.csv", "filter": "csv { columns => [\"id\", \"name\"] }\nif [id] != \"7\" { drop {} }"})
    site.drop("bob", "a.csv", b"".join(b"%d,some name or other\n" % i for i in range(400000)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert site.once().returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    r = site.receipt("bob", "done", "a.csv")
    assert r["rows"]["filtered"] == 399999 and 0.5 * spent < r["cpu_seconds"] < spent


def test_failures_say_why_and_store_nothing(site):
    site.tenant("bob", {"formats": ["csv"], "arrival": {"settle_seconds": 0},
                        "limits": {"max_file_bytes": 50}}, t={**JOB, "pattern": "*"})
    site.drop("bob", "a.txt", b"1\n")
    site.drop("bob", "big.csv", b"id\n" + b"1\n" * 40)
    site.drop("bob", "bad.csv", b"id\nx\ny\n")
    assert site.once().returncode == 3
    assert "File format not allowed" in site.receipt("bob", "failed", "a.txt")["reason"]
    assert "File size exceeds limit" in site.receipt("bob", "failed", "big.csv")["reason"]
    assert site.receipt("bob", "failed", "bad.csv")["rows"]["unsent"] == 0
    assert "bad.csv.rejects.csv" in site.names("bob", "failed")
    assert not os.path.exists(site.path("var", "data", "bob", "data.db"))


def test_no_job_and_several_jobs(site):
    site.tenant("bob", one={**JOB, "pattern": "a*"}, two={**JOB, "pattern": "ab*"})
    site.drop("bob", "ab.csv", b"id\n1\n")
    site.drop("bob", "zz.csv", b"id\n1\n")
    assert site.once().returncode == 3
    held = site.receipt("bob", "held", "ab.csv")["reason"]
    assert "one" in held and "two" in held
    assert "a*" in site.receipt("bob", "failed", "zz.csv")["reason"]


@pytest.mark.parametrize("limits,words", [({"max_run_bytes": 10}, "Total file size exceeds limit"),
                                          ({"max_run_files": 1}, "Number of files exceeds limit")])
def test_a_manual_run_over_its_limit_fails_with_the_seeds_words(site, limits, words):
    site.tenant("alice", {"arrival": {"settle_seconds": 0}, "limits": limits}, t={**JOB, "trigger": "manual"})
    site.drop("alice", "a.csv", b"id\n1\n2\n3\n")
    site.drop("alice", "b.csv", b"id\n4\n5\n6\n")
    assert site.once("--start", "alice/t").returncode == 3
    assert site.names("alice", "in") == ["a.csv", "b.csv"]
    receipts = [n for n in site.names("alice", "failed") if n.startswith("t.")]
    assert len(receipts) == 1
    receipt = json.load(open(site.path("staging", "alice", "failed", receipts[0])))
    assert receipt["reason"] == words and (receipt["files"], receipt["bytes"]) == (2, 18)
    assert words in site.log("alice")
    assert not os.path.exists(site.path("var", "data", "alice", "data.db"))


def test_a_manual_run_takes_what_is_there(site):
    site.tenant("alice", t={**JOB, "trigger": "manual"})
    site.drop("alice", "a.csv", b"id\n1\n")
    assert site.once().returncode == 0
    assert site.names("alice", "in") == ["a.csv"]
    assert site.once("--start", "alice/t").returncode == 0
    assert [x["id"] for x in site.rows("alice", "alice-t")] == [1]


def test_a_running_daemon_answers_and_takes_a_file_only_when_closed(site):
    site.tenant("bob", t=JOB)
    site.start()
    with open(site.path("staging", "bob", "in", "a.csv"), "wb") as f:
        f.write(b"id\n1\n")
        f.flush()
        site.until(lambda: "open" in site.ctl("explain", f.name).stdout)
        assert site.names("bob", "done") == []
    site.until(lambda: "a.csv" in site.names("bob", "done"))
    second = site.run()
    assert second.returncode == 1
    files = json.loads(site.ctl("--json", "files").stdout)
    assert files[0]["state"] == "done"
    assert json.loads(site.ctl("--json", "show", files[0]["id"]).stdout)["id"] == files[0]["id"]
    assert site.stop() == 0


POINTS = ["claim.renamed", "claim.journaled", "claim.fsynced-in", "gated.committed", "indexed.committed",
          "receipt-tmp", "receipt-rename", "placing.committed", "place.receipt-renamed",
          "place.rejects-renamed", "place.renamed", "placed.before-commit", "placed.committed",
          "fsync", "digest", "parse", "transform", "verdict", "gated", "load", "send", "ack",
          "rejects-durable", "result"]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_step_and_started_again(site, point):
    site.tenant("bob", t={**JOB, "rejects": {"max_ratio": 1}})
    site.drop("bob", "a.csv", b"id\n" + b"".join(b"%d\n" % i for i in range(50)) + b"x\n")
    once = site.path("crashed")
    site.once(env={"INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": once})
    assert os.path.exists(once), "the point was not reached"
    site.once()
    r = site.receipt("bob", "done", "a.csv")
    assert balanced(r) and r["rows"]["indexed"] == 50 and r["rows"]["rejected"] == 1
    assert sorted(x["id"] for x in site.rows("bob", "bob-t")) == list(range(50))
    assert site.names("bob", "work") == [] and site.names("bob", "in") == []


def test_configuration_errors_are_listed_all(site):
    site.tenant("bob", {"limitz": {}}, t={"pattern": "*", "triger": "arrival"})
    done = site.run("-t")
    assert done.returncode == 78
    assert "did you mean limits?" in done.stderr and "did you mean trigger?" in done.stderr


def test_every_error_of_every_file_is_said_in_one_go(tmp_path):
    site = Site(tmp_path, workerz=2, default_sinks=[])
    site.tenant("alice", {"limits": {"max_columns": 0}}, good={**JOB, "filter": "mutate {\n nonsense => 1 }"})
    site.tenant("bob", {"limitz": {}}, t={"pattern": "*.txt", "triger": "arrival", "sinks": ["local", "zz"], "filter": "grokk { }",
                                          "filter_file": "x.conf"}, u="{", **{"w x": JOB})
    os.makedirs(site.path("profiles", "carol", "jobs"))
    os.makedirs(site.path("profiles", "notes"))
    done = site.run("-t")
    assert done.returncode == 78
    said = done.stderr.splitlines()
    wanted = ["ingestd.json: $.workerz:", "ingestd.json: $.default_sinks:", "alice/profile.json: $.limits.max_columns:",
              "alice/jobs/good.json filter:2:2: ", "bob/profile.json: $.limitz:", "bob/jobs/t.json: $.triger:",
              "bob/jobs/t.json: $.sinks: more than one sink a job: not in this version", 'bob/jobs/t.json: $.sinks: no sink "zz"',
              "bob/jobs/t.json: $: filter and filter_file: only one of them", "bob/jobs/t.json filter:1:1: ", "bob/jobs/u.json:1:1: ", "bob/jobs/w x.json: $: a job's file",
              "profiles/carol: jobs/ but no profile.json"]
    for w in wanted:
        assert sum(w in line for line in said) == 1, (w, done.stderr)
    errors = [line for line in said[:-1] if line.startswith(str(tmp_path))]
    assert len(errors) == len(wanted), done.stderr
    assert said[-1].endswith("2 tenants, 3 jobs, %d errors beside those of ingestd.json" % (len(wanted) - 2))
    # nothing runs with it
    assert site.once().returncode == 78


def test_filter_text_is_refused_before_any_file(site):
    site.tenant("bob", t={**JOB, "filter": "mutate { }\n grok { }"})
    done = site.run("-t")
    assert done.returncode == 78
    assert "jobs/t.json filter:2:2: grok: not in this version" in done.stderr
