"""c_ complex: the seed document's Part 1 over HTTP, with its profiles, job specification, endpoint names and bodies as printed."""
import json
import os
import time

import pytest

from http_ import HttpSite
from test_b_control import LockedStore, busy

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


def test_the_number_of_files(seed):
    a, b = seed.alice.create(), seed.bob.create()
    for i in range(101):
        seed.drop("alice", "f%03d.csv" % i, rows(1, i))
        if i < 100:
            seed.drop("bob", "f%03d.csv" % i, rows(1, i))
    assert seed.alice.start(a) == {"error": "Number of files exceeds limit", "status": "failed"}
    assert seed.bob.start(b)["status"] == "starting"
    assert seed.bob.wait(b)["done"] == 100 and len(seed.rows("bob", "bob-vmtable")) == 100
    assert seed.alice.status(a)["error"] == "Number of files exceeds limit"
    nothing_of(seed, "alice")


def test_the_file_format(seed):
    a = seed.alice.create(filebeat_config_args={"filename_pattern": "*"})
    seed.drop("alice", "rows.json", rows(3))
    assert seed.alice.start(a)["status"] == "starting"
    assert seed.alice.wait(a)["error"] == "1 of 1 files failed"
    assert seed.receipt("alice", "failed", "rows.json")["reason"] == "File format not allowed"
    nothing_of(seed, "alice")
    seed.drop("alice", "rows.txt", rows(3))
    assert seed.alice.start(a)["status"] == "starting"
    assert seed.alice.wait(a)["status"] == "finished"


def test_the_workers(seed):
    """One filebeat and one logstash worker: never two files of a client at once, whatever the platform has."""
    a = seed.alice.create()
    with LockedStore(seed, "alice"):
        for i in range(3):
            seed.drop("alice", "f%d.csv" % i, rows(10, i * 10))
        assert seed.alice.start(a)["status"] == "starting"
        seed.until(lambda: busy(seed) == ["alice"])
        seed.until(lambda: [t["queued"] for t in json.loads(seed.ctl("--json", "status").stdout)["tenants"] if t["tenant"] == "alice"] == [2])
        assert busy(seed) == ["alice"] and seed.alice.status(a)["status"] == "running"
    assert seed.alice.wait(a)["status"] == "finished" and len(seed.rows("alice", "alice-vmtable")) == 30


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
