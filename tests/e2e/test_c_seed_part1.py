"""c_ complex: the seed document's Part 1 over HTTP, with its profiles, job specification, endpoint names and bodies as printed."""
import collections
import json
import os
import time

import pytest

import records_
import stats_
from http_ import HttpSite
from site_ import LockedStore
from test_b_control import busy

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = os.path.join(HERE, "..", "golden", "seed")
ALICE, BOB = "a7db9d1e-27a8-4c8e-a7ea-479455c8dec5", "1d1dab7d-7f6d-4501-9c15-6587f1039bd2"
ROW = ("71fJw0x+SDRdAxKPwLyHZhTgQpYw2afS6tjJhfT6kHnmLH54/rl2etJKUpSFKoTB,GB6uQC1NSArW5n+TtOybL7GQ1yByjuWtZnsj+5QccZ525R2wi5t9jPe8K5tU8MjR,"
       "2sh/ZjaYdfpslv4iYBfNzFe4rs982kHVvNGJGeQ8MIBCDr3EBYlXlNvViSonMAjfFuCpsbEPDDfydWwf/naB5Q==,%d,1673700,91.776885421193157,"
       "0.72887880462586729,20.759629514971522,Delay-insensitive,32,128\n")


def printed(name):
    with open(os.path.join(SEED, name)) as f:
        return f.read()


def rows(n, start=0):
    return "".join(ROW % i for i in range(start, start + n)).encode()


class Client:
    """One of the seed's clients: it knows its client_id and its folder, and no name of ours."""

    def __init__(self, site, tenant, client_id, token):
        self.site, self.tenant, self.client_id, self.token = site, tenant, client_id, token

    def create(self, **changes):
        spec = {**json.loads(printed("job.json")), "client_id": self.client_id, **changes}
        answer = self.site.ask("POST", "/create_batchingestjob", self.token, spec)
        assert answer.status == 200 and answer.json["status"] == "created", answer
        return answer.json["job_id"]

    def start(self, job):
        answer = self.site.ask("POST", "/start_job", self.token, {"job_id": job})
        assert answer.status == 200, answer
        return answer.json

    def status(self, job):
        answer = self.site.ask("GET", "/job_status?job_id=" + job, self.token)
        assert answer.status == 200, answer
        return answer.json

    def wait(self, job):
        self.site.until(lambda: self.status(job)["status"] in ("finished", "failed", "stopped"))
        return self.status(job)


@pytest.fixture
def seed(request, tmp_path):
    whose = getattr(request, "param", "tenants")
    site = HttpSite(tmp_path, workers=4)
    for tenant, profile in (("alice", "profile-alice-1.json"), ("bob", "profile-bob-1.json")):
        site.tenant(tenant)
        with open(site.path("profiles", tenant, "profile.json"), "w") as f:
            f.write(printed(profile))
    tokens = {t: site.token("operator" if whose == "operator" else t) for t in ("alice", "bob")}
    site.start()
    site.alice = Client(site, "alice", ALICE, tokens["alice"])
    site.bob = Client(site, "bob", BOB, tokens["bob"])
    yield site
    if site.daemon:
        site.stop()


def nothing_of(site, tenant):
    assert not os.path.exists(site.path("var", "data", tenant, "data.db"))


both = pytest.mark.parametrize("seed", ["operator", "tenants"], indirect=True)


@both
def test_alices_run_breaks_the_size_limit_and_bobs_finishes(seed):
    alice, bob = seed.alice, seed.bob
    a, b = alice.create(), bob.create()
    assert (a, b) == ("alice/test", "bob/test")
    assert alice.status(a)["status"] == bob.status(b)["status"] == "created"
    # 500,000,001 bytes: one more than the profile allows; the second file is sparse
    seed.drop("alice", "one.csv", rows(100))
    path = seed.path("staging", "alice", "in", "two.csv")
    with open(path, "wb") as f:
        f.truncate(500000001 - len(rows(100)))
    seed.drop("bob", "one.csv", rows(1500))
    seed.drop("bob", "two.csv", rows(1500, 1500))
    assert alice.start(a) == {"error": "Total file size exceeds limit", "status": "failed"}
    assert bob.start(b) == {"job_id": b, "status": "starting"}
    done, failed = bob.wait(b), alice.status(a)
    assert done["status"] == "finished" and "error" not in done and (done["files"], done["done"]) == (2, 2)
    assert failed["status"] == "failed" and failed["error"] == "Total file size exceeds limit"
    assert (failed["files"], failed["done"], failed["bytes"]) == (2, 0, 500000001)
    nothing_of(seed, "alice")
    assert seed.names("alice", "in") == ["one.csv", "two.csv"]  # a manual job's files stay
    stored = seed.rows("bob", "bob-vmtable")
    assert len(stored) == 3000 and {r["timestamp_vm_created"] for r in stored} == set(range(3000))
    assert {r["vm_virtual_core_count_bucket"] for r in stored} == {32} and stored[0]["p96_max_cpu"] == 20.759629514971522
    receipt, = [n for n in seed.names("alice", "failed") if n.endswith(".receipt.json")]
    assert json.load(open(seed.path("staging", "alice", "failed", receipt)))["reason"] == "Total file size exceeds limit"
    assert "Total file size exceeds limit" in seed.log("alice") and "file.done" in seed.log("bob")
    # the same to the byte at the limit
    with open(path, "r+b") as f:
        f.truncate(500000000 - len(rows(100)))
        os.unlink(path)
    assert alice.start(a)["status"] == "starting"
    assert alice.wait(a)["status"] == "finished" and len(seed.rows("alice", "alice-vmtable")) == 100


def test_part_1_told_as_one(server, tmp_path):
    """Profiles, jobs, starts; each limit broken by Alice and kept by Bob; and three ways to the same statistics."""
    s = HttpSite(tmp_path, workers=4, mongodb={"uri": server("mongo").url, "database": "part1_%d" % os.getpid()})
    s.server, s.database = server("mongo"), "part1_%d" % os.getpid()
    for tenant in ("alice", "bob"):
        s.tenant(tenant)
        with open(s.path("profiles", tenant, "profile.json"), "w") as f:
            f.write(printed("profile-%s-1.json" % tenant))
    tokens = {t: s.token(t) for t in ("alice", "bob", "operator")}
    s.start()
    try:
        part_1(s, Client(s, "alice", ALICE, tokens["alice"]), Client(s, "bob", BOB, tokens["bob"]))
        same_three_ways(s, tokens)
    finally:
        s.stop()


def part_1(s, alice, bob):
    a, b = alice.create(), bob.create()
    j = alice.create(job_name="format", filebeat_config_args={"filename_pattern": "*.json"})
    # the size of all files together, and their format
    s.drop("alice", "one.csv", rows(100))
    with open(s.path("staging", "alice", "in", "two.csv"), "wb") as f:
        f.truncate(500000001 - len(rows(100)))
    s.drop("alice", "rows.json", rows(3))
    s.drop("bob", "one.csv", rows(1500))
    s.drop("bob", "two.csv", rows(1500, 1500) + rows(1, 3000).replace(b",32,", b",>24,"))
    assert alice.start(a) == {"error": "Total file size exceeds limit", "status": "failed"}
    assert alice.start(j) == {"job_id": j, "status": "starting"} and bob.start(b) == {"job_id": b, "status": "starting"}
    assert alice.wait(j)["error"] == "1 of 1 files failed" and bob.wait(b)["status"] == "finished"
    assert s.receipt("alice", "failed", "rows.json")["reason"] == "File format not allowed"
    assert alice.status(a)["error"] == "Total file size exceeds limit" and len(s.rows("bob", "bob-vmtable")) == 3000
    nothing_of(s, "alice")
    # the number of files
    for name in ("one.csv", "two.csv"):
        os.unlink(s.path("staging", "alice", "in", name))
    for i in range(101):
        s.drop("alice", "f%03d.csv" % i, rows(1, i))
        if i < 100:
            s.drop("bob", "f%03d.csv" % i, rows(1, 5000 + i))
    assert alice.start(a) == {"error": "Number of files exceeds limit", "status": "failed"}
    assert bob.start(b)["status"] == "starting" and bob.wait(b)["done"] == 100 and len(s.rows("bob", "bob-vmtable")) == 3100
    nothing_of(s, "alice")
    # one filebeat and one logstash worker: never two files of a client at once, whatever the platform has
    for i in range(3, 101):
        os.unlink(s.path("staging", "alice", "in", "f%03d.csv" % i))
    with LockedStore(s, "alice"):
        assert alice.start(a)["status"] == "starting"
        s.until(lambda: busy(s) == ["alice"])
        s.until(lambda: [t["queued"] for t in json.loads(s.ctl("--json", "status").stdout)["tenants"] if t["tenant"] == "alice"] == [2])
        assert busy(s) == ["alice"] and alice.status(a)["status"] == "running"
    assert alice.wait(a)["status"] == "finished" and len(s.rows("alice", "alice-vmtable")) == 3


def same_three_ways(s, tokens):
    """Statistics of each tenant and of the platform: logs, journal, MongoDB."""
    s.until(lambda: json.loads(s.ctl("--json", "status").stdout)["records"]["backlog"] == 0)
    day = (time.strftime("%Y-%m-%dT00:00:00.000Z", time.gmtime(time.time() + d * 86400)) for d in (-1, 2))
    since, until = day
    found, runs = ([records_.plain(d) for d in records_.documents(s, c).values()] for c in ("files", "runs"))
    of_logs = {t: stats_.of_log(s, t) for t in ("alice", "bob")}
    of_logs[None] = sum(of_logs.values(), collections.Counter())
    for tenant in ("alice", "bob", None):
        answer = s.ask("GET", "/v1/stats?since=%s&until=%s" % (since, until), tokens[tenant or "operator"])
        told = answer.json
        assert told == stats_.answer(found, tenant, since, until, runs) == stats_.asked(s, tenant, since, until), tenant
        assert stats_.of_log_form(told) == of_logs[tenant], tenant
    assert told["total"]["files"] == 106 and told["total"]["done"] == 105 and told["total"]["rows"] == {"read": 3104, "indexed": 3103, "rejected": 1}
    assert told["runs"] == {"finished": 3, "failed": 3, "stopped": 0, "reasons": [
        {"reason": r, "runs": 1} for r in ("1 of 1 files failed", "Number of files exceeds limit", "Total file size exceeds limit")]}
    assert told["reasons"] == [{"reason": "File format not allowed", "files": 1}]


def test_start_waits_for_what_settles_and_stop_stops(seed):
    b = seed.bob.create()
    with LockedStore(seed, "bob"):
        for i in range(3):
            seed.drop("bob", "f%d.csv" % i, rows(10, i * 10))
        began = time.monotonic()
        assert seed.bob.start(b) == {"job_id": b, "status": "starting"}
        assert time.monotonic() - began > 4  # the profile's settle_seconds are 5
        again = seed.ask("POST", "/start_job", seed.bob.token, {"job_id": b})
        assert again.status == 409 and "is running" in again.json["detail"]
        seed.until(lambda: busy(seed) == ["bob"])
        stopped = seed.ask("POST", "/stop_job", seed.bob.token, {"job_id": b})
        assert stopped.status == 200 and stopped.json == {"job_id": b, "status": "stopped"}
    assert seed.bob.wait(b)["status"] == "stopped"
    assert len(seed.names("bob", "in")) == 2
    assert seed.ask("POST", "/stop_job", seed.bob.token, {"job_id": b}).status == 409


def test_the_same_job_again_and_another_under_its_name(seed):
    assert seed.alice.create() == seed.alice.create() == "alice/test"
    spec = {**json.loads(printed("job.json")), "client_id": ALICE, "filebeat_config_args": {"filename_pattern": "other*.csv"}}
    answer = seed.ask("POST", "/create_batchingestjob", seed.alice.token, spec)
    assert answer.status == 409 and "PUT /v1/tenants/alice/jobs/test replaces it" in answer.json["detail"]


def test_streams_are_refused_in_the_seeds_shape(seed):
    answer = seed.ask("POST", "/create_streamingestjob", seed.bob.token, json.loads(printed("job.json")))
    assert answer.status == 200 and answer.json == {"error": "stream jobs: not in this version", "status": "failed"}


@both
def test_whose_job_it_is(seed):
    """The operator's token goes by client_id; a tenant's by itself, whatever client_id says."""
    token = seed.bob.token
    spec = {**json.loads(printed("job.json")), "client_id": ALICE}
    tenant = "bob" if seed.ask("GET", "/v1/tenants/alice", token).status == 404 else "alice"
    answer = seed.ask("POST", "/create_batchingestjob", token, spec)
    assert answer.json == {"job_id": tenant + "/test", "status": "created"}
    unknown = seed.ask("POST", "/create_batchingestjob", token, {**spec, "client_id": "nobody"})
    assert unknown.status == (404 if tenant == "alice" else 200), unknown


@pytest.mark.parametrize("path,body,status", [
    ("/create_batchingestjob", b"{", 400), ("/create_batchingestjob", [1], 400), ("/create_batchingestjob", b"", 400),
    ("/start_job", {}, 400), ("/start_job", {"job_id": 1}, 400), ("/start_job", {"job_id": "x"}, 400),
    ("/start_job", {"job_id": "bob/none"}, 404), ("/start_job", {"job_id": "../x"}, 404), ("/start_job", {"job_id": "/"}, 404),
    ("/stop_job", {"job_id": "bob/none"}, 404), ("/stop_job", b"null", 400)])
def test_what_is_wrong_is_a_problem(seed, path, body, status):
    answer = seed.ask("POST", path, seed.bob.token, body)
    assert answer.status == status and answer.headers["Content-Type"] == "application/problem+json" and answer.json["detail"]


def test_a_specification_that_is_wrong_names_every_error(seed):
    spec = json.loads(printed("job.json"))
    spec["client_id"] = BOB
    del spec["job_name"]
    assert "$.job_name" in seed.ask("POST", "/create_batchingestjob", seed.bob.token, spec).json["detail"]
    spec["job_name"] = "x"
    spec["filebeat_config_args"] = {"filename_patern": "*"}
    spec["logstash_config_args"] = {"queue_type": "none"}
    answer = seed.ask("POST", "/create_batchingestjob", seed.bob.token, spec)
    assert answer.status == 422 and len(answer.json["errors"]) == 3, answer
