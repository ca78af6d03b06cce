"""f_ security: a tenant's token over every route, with everything of the other tenant's as argument, sees no byte of it."""
import json
import os
import urllib.parse

import pytest

from http_ import HttpSite, routes

CANARY = "kanarie7f3a"
FAST = {"arrival": {"settle_seconds": 0}}
JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 0.5},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}, "s": {"type": "keyword"}}}}}
OTHERS = {CANARY: {**JOB, "pattern": CANARY + "*.csv", "filter": 'mutate { add_field => { "x" => "%s" } }' % CANARY},
          CANARY + "m": {**JOB, "pattern": CANARY + "*.txt", "trigger": "manual", "input": {"format": "csv", "header": True}}}


@pytest.fixture
def site(tmp_path):
    s = HttpSite(tmp_path, workers=2)
    s.tenant("alice", {"client_id": "id-" + CANARY, "client_name": CANARY, "max_file_size": 5000, "max_number_of_files": 10,
                       "file_format": ["csv", "txt"], "max_filebeat_workers": 1, "max_logstash_workers": 1}, **OTHERS)
    s.tenant("bob", FAST, t=JOB)
    s.bob, s.alice, s.op = s.token("bob"), s.token("alice"), s.token("operator")
    yield s
    if s.daemon:
        s.stop()


def plant(site):
    """Files of alice in every state, a run that failed and one that is over."""
    site.start()
    site.drop("alice", CANARY + "-done.csv", b"id,s\n1,%s\n" % CANARY.encode())
    site.drop("alice", CANARY + "-fails.csv", b"id,s\nx,%s\n" % CANARY.encode())
    site.drop("alice", CANARY + ".nothing", b"x")
    site.drop("alice", CANARY + "-m.txt", b"id,s\n2,%s\n" % CANARY.encode())
    site.until(lambda: {CANARY + "-done.csv", CANARY + ".nothing"} <= set(site.names("alice", "done") + site.names("alice", "failed")))
    assert site.ask("POST", "/start_job", site.op, {"job_id": "alice/%sm" % CANARY}).json["status"] == "starting"
    site.until(lambda: site.ask("GET", "/v1/runs", site.op).json[0]["state"] == "finished")
    site.drop("alice", CANARY + "-again.csv", b"x" * 6000)
    site.drop("alice", CANARY + "-done.csv", b"id,s\n3,%s\n" % CANARY.encode())  # other bytes: held
    site.until(lambda: CANARY + "-done.csv" in site.names("alice", "held"))
    site.drop("bob", "mine.csv", b"id,s\n1,a\n")
    site.until(lambda: "mine.csv.receipt.json" in site.names("bob", "done"))


def arguments(site):
    """What a neighbour could know or guess: ids, deliveries, runs, jobs, paths."""
    records = site.ask("GET", "/v1/files?tenant=alice", site.op).json
    runs = site.ask("GET", "/v1/runs?tenant=alice", site.op).json
    ids = [r["id"] for r in records] + [r["delivery"] for r in records if r["delivery"]] + [r["run"] for r in runs] + ["-", "x"]
    paths = [site.path("staging", "alice", s, n) for s in ("in", "done", "failed", "held", "work") for n in site.names("alice", s)]
    paths += [site.path("staging", "alice"), site.path("staging"), site.path("profiles", "alice", "profile.json"), "/etc/passwd",
              site.path("staging", "bob", "..", "alice", "done", CANARY + "-done.csv"), site.path("staging", "bob", "in", "..", "..", "alice")]
    return ids, paths


def requests(site):
    ids, paths = arguments(site)
    jobs = list(OTHERS) + ["t"]
    lists = [""] + ["?" + urllib.parse.urlencode(q) for q in (
        {"tenant": "alice"}, {"tenant": "alice", "state": "done"}, {"job": CANARY}, {"tenant": "bob", "job": CANARY}, {"state": "failed"},
        {"run": ids[-3]}, {"before": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}, {"limit": 1000}, {"tenant": ""})]
    bodies = [None, {"job_id": "alice/" + CANARY}, {"job_id": "alice/%sm" % CANARY}, {"job_id": "bob/../alice/" + CANARY},
              {**JOB, "job_name": "t", "client_id": "id-" + CANARY, "filebeat_config_args": {"filename_pattern": "*"}}]
    for _, who, method, path in routes():
        for tenant in ("alice", "bob", "alice%00", "bob%2f..%2falice") if "{T}" in path else ("",):
            for job in jobs if "{J}" in path else ("",):
                for ident in ids if "{ID}" in path else ("",):
                    p = path.replace("{T}", tenant).replace("{J}", job).replace("{ID}", ident)
                    if tenant == "bob" and method in ("PUT", "DELETE") and "{J}" not in path:
                        continue
                    queries = lists if method == "GET" and "{" not in path else [""]
                    if path in ("/v1/explain", "/v1/files/{ID}") or ident == "-":
                        queries = ["?" + urllib.parse.urlencode({"path": x}) for x in paths]
                    if path == "/job_status":
                        queries = ["?" + urllib.parse.urlencode({"job_id": "%s/%s" % (t, j)}) for t in ("alice", "bob") for j in jobs]
                    for q in queries:
                        for body in bodies if method in ("POST", "PUT") else [None]:
                            yield method, p + q, body


def state_of(site):
    return {"jobs": site.ask("GET", "/v1/tenants/alice/jobs", site.op).body, "runs": site.ask("GET", "/v1/runs?tenant=alice", site.op).body,
            "files": [(r["id"], r["state"]) for r in site.ask("GET", "/v1/files?tenant=alice&limit=1000", site.op).json],
            "names": [site.names("alice", s) for s in ("in", "done", "failed", "held", "work")]}


def test_a_tenants_token_sees_no_byte_of_the_other_tenant(site):
    plant(site)
    # the operator's does: the canary would be seen
    assert site.ask("GET", "/v1/files", site.op).body.count(CANARY.encode()) >= 5
    assert CANARY.encode() in site.ask("GET", "/v1/tenants/alice/jobs/" + CANARY, site.alice).body
    before = state_of(site)
    asked, seen, statuses = 0, [], set()
    for method, path, body in requests(site):
        answer = site.ask(method, path, site.bob, body)
        asked += 1
        statuses.add(answer.status)
        text = answer.body.decode() + str(answer.headers)
        # what was asked may be named in the refusal, by the same words
        for said in sorted({urllib.parse.unquote(path)} | {str(v) for v in (body or {}).values()} | set(urllib.parse.parse_qs(
                urllib.parse.urlsplit(path).query).get("path", [])) | set(OTHERS if CANARY in path else ()) |
                {"alice/" + j for j in OTHERS}, key=len, reverse=True):
            if CANARY in said and (CANARY in path or CANARY in json.dumps(body)):
                text = text.replace(said, "")
        if CANARY in text or "alice" in text.replace("no tenant alice", "").replace("no job alice/", "").replace("in no tenant's folder", "") \
                and "alice" not in path and "alice" not in json.dumps(body):
            seen.append((method, path, answer))
        assert answer.status < 500 or answer.json["detail"] == "not in this version", (method, path, answer)
    assert not seen, seen[:3]
    assert asked > 1000 and {200, 404} <= statuses
    assert state_of(site) == before
    print("canary: %d requests over %d routes, statuses %s" % (asked, len(routes()), sorted(statuses)))


def test_what_is_anothers_is_answered_as_what_is_not_there(site):
    plant(site)
    ids, paths = arguments(site)
    for ident in ids[:4]:
        for method, path in (("GET", "/v1/files/%s"), ("POST", "/v1/files/%s/undo"), ("POST", "/v1/files/%s/retry"), ("GET", "/v1/runs/%s")):
            other = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"[:len(ident)]
            here, nowhere = site.ask(method, path % ident, site.bob), site.ask(method, path % other, site.bob)
            assert here.status == nowhere.status == 404
            assert here.body.replace(ident.encode(), b"") == nowhere.body.replace(other.encode(), b"")
    for path in paths[:4]:
        here = site.ask("GET", "/v1/explain?" + urllib.parse.urlencode({"path": path}), site.bob)
        gone = os.path.join(site.path("staging", "nobody"), "x")
        nowhere = site.ask("GET", "/v1/explain?" + urllib.parse.urlencode({"path": gone}), site.bob)
        assert here.status == nowhere.status == 404 and here.body.replace(path.encode(), b"") == nowhere.body.replace(gone.encode(), b"")
    for path in ("/v1/tenants/%s", "/v1/tenants/%s/jobs", "/v1/tenants/%s/jobs/t"):
        here, nowhere = site.ask("GET", path % "alice", site.bob), site.ask("GET", path % "carol", site.bob)
        assert here.status == nowhere.status == 404 and here.body.replace(b"alice", b"") == nowhere.body.replace(b"carol", b"")
