"""c_ complex: jobs and runs over HTTP and by ingestctl: create, replace, remove, start, stop; their states and history; progress."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from http_ import HttpSite
from site_ import BUILD
from site_ import LockedStore

JOB = {"pattern": "*.csv", "input": {"header": True}, "trigger": "manual",
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
FAST = {"arrival": {"settle_seconds": 0}}


@pytest.fixture
def site(tmp_path):
    s = HttpSite(tmp_path, workers=2)
    for t in ("alice", "bob"):
        s.tenant(t, FAST)
    s.bob, s.op = s.token("bob"), s.token("operator")
    s.start()
    yield s
    if s.daemon:
        s.stop()


def run_of(site, run):
    return site.ask("GET", "/v1/runs/" + run, site.op).json


@pytest.mark.parametrize("who", ["operator", "tenant"])
def test_a_job_is_put_shown_replaced_and_removed(site, who):
    token = site.op if who == "operator" else site.bob
    path = "/v1/tenants/bob/jobs/vm"
    assert site.ask("GET", path, token).status == 404
    made = site.ask("PUT", path, token, JOB)
    assert made.status == 201 and made.json["job"] == "vm" and made.json["state"] == "in force" and made.json["warnings"] == []
    shown = site.ask("GET", path, token)
    assert shown.status == 200 and shown.json["specification"] == JOB and shown.json["version"] == made.json["version"]
    assert json.load(open(site.path("profiles", "bob", "jobs", "vm.json"))) == JOB
    again = site.ask("PUT", path, token, {**JOB, "filter": 'mutate { add_field => { "a" => "b" } }'})
    assert again.status == 200 and again.json["filter"] and again.json["version"] != made.json["version"]
    # in force with the answer: the very next start runs it
    site.drop("bob", "a.csv", b"id\n1\n")
    run = site.ask("POST", path + "/start", token).json["run"]
    site.until(lambda: run_of(site, run)["state"] == "finished")
    assert [r["id"] for r in site.rows("bob", "bob-t")] == [1]
    gone = site.ask("DELETE", path, token)
    assert gone.status == 200 and gone.json["state"] == "removed"
    assert site.ask("GET", path, token).status == 404 and site.ask("DELETE", path, token).status == 404
    assert not os.path.exists(site.path("profiles", "bob", "jobs", "vm.json"))
    assert len(site.rows("bob", "bob-t")) == 1


WRONG = [({"patern": "*"}, ["jobs/vm.json: $.patern: unknown key of a job; did you mean pattern?", "jobs/vm.json: $.pattern: is missing"]),
         ({**JOB, "filter": "mutate { conver => { } }"}, ["did you mean convert?"]),
         ({**JOB, "filter": "mutate {"}, ["jobs/vm.json filter:1:"]),
         ({**JOB, "index": {"name": "UPPER"}}, ["$.index.name"]), ({**JOB, "sinks": ["nowhere"]}, ['no sink "nowhere"']),
         ({**JOB, "kind": "stream"}, ["not in this version"]), ({**JOB, "job": "other"}, ["$.job"]),
         ({**JOB, "filter_file": "../../../etc/passwd"}, ["$.filter_file"]), ({**JOB, "filter_file": "none.conf"}, ["$.filter_file"]),
         (b"{", ["jobs/vm.json"]), (b"", ["jobs/vm.json"]), (b"[]", ["jobs/vm.json"]), (b"\xff\xfe", ["jobs/vm.json"])]


@pytest.mark.parametrize("body,said", WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_what_is_wrong_with_a_job_is_said_all_of_it_and_nothing_changes(site, body, said):
    before = site.ask("PUT", "/v1/tenants/bob/jobs/vm", site.bob, JOB).json["version"]
    answer = site.ask("PUT", "/v1/tenants/bob/jobs/vm", site.bob, body)
    assert answer.status == 422, answer
    for words in said:
        assert any(words in e for e in answer.json["errors"]), answer.json
    assert site.folder not in answer.body.decode() or "no sink" in said[0]
    assert site.ask("GET", "/v1/tenants/bob/jobs/vm", site.bob).json["version"] == before


@pytest.mark.parametrize("name,status", [("..%2Fx", 404), (".hidden", 422), ("a%20b", 422), ("x" * 64, 422), ("%ff", 422), ("-x", 422)])
def test_a_job_has_a_jobs_name(site, name, status):
    assert site.ask("PUT", "/v1/tenants/bob/jobs/" + name, site.bob, JOB).status == status
    assert os.listdir(site.path("profiles", "bob", "jobs")) == [] and sorted(os.listdir(site.path("profiles", "bob"))) == ["jobs", "profile.json"]


def test_a_filters_warnings_come_with_the_answer(site):
    answer = site.ask("PUT", "/v1/tenants/bob/jobs/vm", site.bob, {**JOB, "filter": 'if [a] in ["x"] { drop { } }'})
    assert answer.status == 201 and any('1:11: warning: ["x"] is read as a field' in w for w in answer.json["warnings"]), answer
    assert site.log("bob").count("profile.warning") == 1


def test_a_job_whose_run_is_under_way_is_not_removed(site):
    path = "/v1/tenants/bob/jobs/vm"
    assert site.ask("PUT", path, site.bob, JOB).status == 201
    with LockedStore(site, "bob"):
        site.drop("bob", "a.csv", b"id\n1\n")
        run = site.ask("POST", path + "/start", site.bob).json["run"]
        site.until(lambda: run_of(site, run)["state"] == "running")
        refused = site.ask("DELETE", path, site.bob)
        assert refused.status == 409 and run in refused.json["detail"]
        assert site.ask("POST", path + "/start", site.bob).status == 409
    site.until(lambda: run_of(site, run)["state"] == "finished")
    assert site.ask("DELETE", path, site.bob).status == 200


def test_a_profile_that_is_refused_takes_no_job(site):
    site.tenant("bob", {"limitz": {}})
    site.until(lambda: site.ask("GET", "/v1/tenants/bob", site.op).json["reason"])
    answer = site.ask("PUT", "/v1/tenants/bob/jobs/vm", site.op, JOB)
    assert answer.status == 409 and "$.limitz" in answer.json["detail"]


def test_runs_have_every_state_and_their_history(site):
    path = "/v1/tenants/bob/jobs/vm"
    site.ask("PUT", path, site.bob, JOB)
    seen = {}

    def history(run):
        return [h["state"] for h in run_of(site, run)["history"]]

    # finished
    site.drop("bob", "a.csv", b"id\n1\n")
    run = seen["finished"] = site.ask("POST", path + "/start", site.bob).json["run"]
    site.until(lambda: run_of(site, run)["state"] == "finished")
    assert history(run) == ["created", "starting", "running", "finished"]
    # failed, one of two
    site.drop("bob", "b.csv", b"id\nx\n")
    site.drop("bob", "c.csv", b"id\n3\n")
    run = seen["failed"] = site.ask("POST", path + "/start", site.bob).json["run"]
    site.until(lambda: run_of(site, run)["state"] == "failed")
    assert history(run) == ["created", "starting", "running", "failed"]
    told = run_of(site, run)
    assert told["reason"] == "1 of 2 files failed" and sorted(r["state"] for r in told["records"]) == ["done", "failed"]
    # starting while a file is open, then stopped: it stays in in/
    with open(site.path("staging", "bob", "in", "d.csv"), "wb") as f:
        f.write(b"id\n")
        f.flush()
        with LockedStore(site, "bob"):
            site.drop("bob", "e.csv", b"id\n4\n")
            site.drop("bob", "f.csv", b"id\n5\n")
            site.drop("bob", "g.csv", b"id\n6\n")
            run = seen["stopped"] = site.ask("POST", path + "/start", site.bob).json["run"]
            assert history(run)[:2] == ["created", "starting"]
            site.until(lambda: run_of(site, run)["state"] == "running")
            assert site.ask("POST", path + "/stop", site.bob).status == 202
    site.until(lambda: run_of(site, run)["state"] == "stopped")
    assert history(run) == ["created", "starting", "running", "stopped"] and run_of(site, run)["reason"] == "stopped on request"
    assert run_of(site, run)["left_out"][0]["file"] == "d.csv"
    listed = site.ask("GET", "/v1/runs?tenant=bob&job=vm", site.bob).json
    assert [r["run"] for r in listed] == [seen["stopped"], seen["failed"], seen["finished"]]
    assert site.ask("GET", "/v1/runs?limit=1", site.op).json == listed[:1]
    # and over a restart
    site.stop()
    site.start()
    assert site.ask("GET", "/v1/runs?tenant=bob", site.op).json == listed


# --- ingestctl ---

def test_ingestctl_creates_and_removes_jobs(site, tmp_path):
    spec = tmp_path / "vm.json"
    spec.write_text(json.dumps(JOB))
    made = site.ctl("--json", "job", "create", "bob/vm", str(spec))
    assert made.returncode == 0 and json.loads(made.stdout)["state"] == "in force", made
    assert json.loads(site.ctl("--json", "job", "show", "bob/vm").stdout)["specification"] == JOB
    spec.write_text(json.dumps({"patern": 1}))
    refused = site.ctl("job", "create", "bob/vm", str(spec))
    assert refused.returncode == 1 and refused.stdout == ""
    assert "did you mean pattern?" in refused.stderr and "$.pattern: is missing" in refused.stderr
    assert site.ctl("job", "create", "nobody/vm", str(spec)).returncode == 1
    assert site.ctl("job", "create", "bob/vm", str(tmp_path / "none")).returncode == 2
    assert site.ctl("job", "create", "bob/vm").returncode == 2
    assert site.ctl("job", "remove", "bob/vm").returncode == 0
    assert site.ctl("job", "show", "bob/vm").returncode == 1


ROWS = 400000


def big_run(site):
    site.ask("PUT", "/v1/tenants/bob/jobs/vm", site.op, {**JOB, "filter": "\n".join(
        'mutate { add_field => { "f%d" => "%%{message} %d" } }' % (i, i) for i in range(6))})
    for name in ("a.csv", "b.csv"):
        site.drop("bob", name, b"".join(b"%d\n" % i for i in range(ROWS)))


def test_job_start_wait_draws_a_bar_on_a_terminal(site):
    big_run(site)
    leader, follower = pty.openpty()
    p = subprocess.Popen([os.path.join(BUILD, "ingestctl"), "-c", site.path("ingestd.json"), "job", "start", "bob/vm", "--wait"],
                         stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    text = b""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        ready, _, _ = select.select([leader], [], [], 0.2)
        try:
            piece = os.read(leader, 4096) if ready else b""
        except OSError:
            break
        text += piece
        if not piece and p.poll() is not None:
            break
    os.close(leader)
    out, _ = p.communicate(timeout=60)
    assert p.returncode == 0, (out, text)
    bars = re.findall(r"\[(#*)(\.*)\] +(\d+)%  ([\d,]+) rows(?:  ([\d.]+) MB/s)?(?:  ((?:\d+:)?\d+:\d\d) left)?", text.decode())
    assert len(bars) >= 3, text
    percents = [int(b[2]) for b in bars]
    rows = [int(b[3].replace(",", "")) for b in bars]
    assert percents == sorted(percents) and rows == sorted(rows) and percents[0] < 60 and rows[-1] <= 2 * ROWS
    assert len(set(percents)) >= 3 and any(float(b[4] or 0) > 0 for b in bars) and any(b[5] for b in bars)
    assert all(len(b[0]) + len(b[1]) <= 40 for b in bars)
    assert b"finished" in out


def test_job_start_wait_writes_plain_lines_elsewhere(site):
    big_run(site)
    done = site.ctl("job", "start", "bob/vm", "--wait")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert "\r" not in done.stderr and lines[-1] == "bob/vm: finished"
    assert any(re.fullmatch(r"bob/vm: running +\d+%  [\d,]+ rows.*", line) for line in lines), lines
    quiet = site.ctl("--json", "job", "start", "bob/vm", "--wait")
    assert quiet.stderr == "" and json.loads(quiet.stdout)["progress"] is None
