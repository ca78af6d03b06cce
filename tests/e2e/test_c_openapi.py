"""c_ complex: docs/openapi.yaml is what routes.def says, and the running server is what it says (schemathesis)."""
import json
import os
import re
import subprocess

import pytest
import yaml

import schemathesis_
from http_ import HttpSite, routes

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "docs", "openapi.yaml")
JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
MANUAL = {**JOB, "pattern": "*.txt", "trigger": "manual", "input": {"format": "csv", "header": True}}
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "unsupported_method", "allow_header_conformance", "ignored_auth"]


def document():
    with open(PATH) as f:
        return yaml.safe_load(f)


def operations():
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"].upper(), operation["x-who"].upper(), method.upper(), path, operation


def test_the_document_and_the_table_of_routes_are_one():
    assert sorted(o[:4] for o in operations()) == sorted(routes())


def test_every_operation_says_what_refuses_it():
    for _, who, method, path, operation in operations():
        answers = set(operation["responses"])
        assert "429" in answers, path
        assert ("security" in operation) == (who in ("PUBLIC", "OPEN")), path
        if who != "PUBLIC":
            assert {"401", "403"} <= answers, path
        if "{" in path:
            assert "404" in answers, path
        assert [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"] == re.findall(r"{(\w+)}", path)


@pytest.fixture
def site(tmp_path):
    s = HttpSite(tmp_path, workers=2)
    for t in ("alice", "bob"):
        s.tenant(t, {"arrival": {"settle_seconds": 0}}, t=JOB, m=MANUAL)
    s.tokens = {"the operator's": s.token("operator"), "a tenant's": s.token("bob"), "no": None}
    s.start()
    yield s
    if s.daemon:
        s.stop()


def known_values(site, folder):
    """So that what is behind an id is reached too: schemathesis' configuration."""
    site.drop("bob", "a.csv", b"id\n1\n")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))
    op = site.tokens["the operator's"]
    ident = site.ask("GET", "/v1/files?tenant=bob", op).json[0]["id"]
    with open(os.path.join(folder, "schemathesis.toml"), "w") as f:
        f.write('[parameters]\n"path.T" = "bob"\n"path.J" = "m"\n"path.ID" = "%s"\n"query.job_id" = "bob/m"\n' % ident)


def members_of(schema, whole):
    """Its properties through $ref, allOf and anyOf."""
    while "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        schema = whole["components"]["schemas"][name]
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []) + schema.get("anyOf", []):
        found.update(members_of(part, whole)[0])
    return found, schema


def untold(value, schema, whole, where=""):
    """Members of an answer of which the document says nothing."""
    members, schema = members_of(schema, whole)
    if isinstance(value, list):
        return [u for v in value for u in untold(v, schema["items"], whole, where + "[]")]
    if not isinstance(value, dict) or where.endswith("specification"):
        return []
    return [u for k, v in value.items() for u in (untold(v, members[k], whole, where + "." + k) if k in members else [where + "." + k])]


def test_every_member_of_an_answer_is_in_the_document(site):
    op, whole = site.tokens["the operator's"], document()
    site.drop("bob", "a.csv", b"id\n1\n")
    site.drop("bob", "x.txt", b"id\n1\n")
    site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))
    assert site.ctl("job", "start", "bob/m", "--wait").returncode == 0
    ident = site.ask("GET", "/v1/files?tenant=bob", op).json[0]["id"]
    run = site.ask("GET", "/v1/runs", op).json[0]["run"]
    real = {"/v1/tenants/{T}": "/v1/tenants/bob", "/v1/tenants/{T}/jobs": "/v1/tenants/bob/jobs", "/v1/tenants/{T}/jobs/{J}": "/v1/tenants/bob/jobs/m",
            "/v1/runs/{ID}": "/v1/runs/" + run, "/v1/files/{ID}": "/v1/files/" + ident, "/job_status": "/job_status?job_id=bob/m",
            "/v1/explain": "/v1/explain?path=" + site.path("staging", "bob", "done", "a.csv")}
    seen = 0
    for _, _, method, path, operation in operations():
        if method != "GET" or path == "/metrics":
            continue
        answer = site.ask(method, real.get(path, path), op)
        assert answer.status == 200, path
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert untold(answer.json, schema, whole) == [], path
        seen += 1
    assert seen == 17


@pytest.mark.parametrize("whose,values", [("the operator's", "known"), ("a tenant's", "known"), ("a tenant's", "made"), ("no", "made")])
def test_schemathesis_finds_no_5xx_and_every_answer_conforms(site, tmp_path, whose, values):
    try:
        program = schemathesis_.program()
    except schemathesis_.Absent as e:
        if os.environ.get("CHECK_OFFLINE") == "1":
            pytest.skip("CHECK_OFFLINE=1: %s" % e)
        raise
    folder = tmp_path / "run"
    folder.mkdir()
    if values == "known":
        known_values(site, folder)
    argv = [program, "run", PATH, "--url", "http://127.0.0.1:%d" % site.port, "--checks", ",".join(CHECKS), "--no-color", "--seed", "7",
            "--phases", "examples,coverage,fuzzing", "-n", "50" if os.environ.get("INGEST_NIGHTLY") == "1" else "5",
            "--generation-database", "none", "--report", "json", "--report-json-path", str(folder / "report.json")]
    if site.tokens[whose]:
        argv += ["-H", "Authorization: Bearer " + site.tokens[whose]]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-6000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    cases = re.search(r"(\d+) generated", done.stdout)
    assert int(tested[1]) == len(routes()) and int(cases[1]) > 300, done.stdout[-1500:]
    print("schemathesis, %s token, %s values: %s cases over %s operations" % (whose, values, cases[1], tested[1]))
    assert site.ask("GET", "/healthz").status == 200 and json.loads(site.ctl("--json", "status").stdout)["state"] == "ready"
