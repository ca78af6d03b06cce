"""c_ complex: docs/api.md: every command of it works as printed, with this run's port, tokens and ids."""
import json
import os
import re
import subprocess
import textwrap

import pytest

from http_ import HttpSite, routes
from site_ import BUILD

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOB = {"pattern": "vm*.csv", "input": {"header": True}, "trigger": "manual",
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}


def page():
    with open(os.path.join(ROOT, "docs", "api.md")) as f:
        return f.read()


@pytest.fixture
def site(tmp_path):
    s = HttpSite(tmp_path, workers=2)
    s.tenant("alice", {"arrival": {"settle_seconds": 0}})
    (tmp_path / "vmtable.json").write_text(json.dumps(JOB))
    s.start()
    yield s
    if s.daemon:
        s.stop()


def test_every_command_of_the_page(site):
    lines = [line.strip() for line in page().splitlines() if re.match(r" {4}(curl|ingestctl) ", line)]
    assert len(lines) >= 8
    env = {**os.environ, "TOKEN": site.token("alice"), "PATH": BUILD + ":" + os.environ["PATH"]}
    run = ident = None
    for line in lines:
        if line.startswith("ingestctl"):
            line = re.split(r" {4,}", line)[0].replace("ingestctl ", "ingestctl -c %s " % site.path("ingestd.json"), 1)
            if "revoke" in line:
                ident = json.loads(site.ctl("--json", "token", "list", "operator").stdout)[0]["id"]
                line = re.sub(r"K[0-9A-F]{8}", ident, line)
        line = line.replace("curl ", "curl -sf ", 1).replace(":8370", ":%d" % site.port).replace("01KB...", run or "")
        if "/start" in line:  # before there was a job the file would have failed
            site.drop("alice", "vm1.csv", b"id\n1\n2\n")
        done = subprocess.run(["bash", "-c", line], cwd=site.folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, (line, done)
        if "/start" in line:
            run = json.loads(done.stdout)["run"]
        if "/v1/runs/" in line:
            assert json.loads(done.stdout)["job"] == "vmtable"
    assert ident and run
    site.until(lambda: "vm1.csv.receipt.json" in site.names("alice", "done"))
    assert len(site.rows("alice", "alice-t")) == 2


def test_the_unix_socket_needs_no_token(site):
    line = re.search(r"`(curl --unix-socket [^`]+)`", page())[1]
    done = subprocess.run(["bash", "-c", line], cwd=site.folder, capture_output=True, text=True)
    assert json.loads(done.stdout)["state"] == "ready"


def test_the_receiver_of_the_page_takes_what_ingest_notify_signs(tmp_path):
    code = textwrap.dedent(re.search(r"(    import hashlib.*?)\n\n", page(), re.S)[1])
    body, secret = b'{"event": "run.finished"}', tmp_path / "secret"
    secret.write_text("abc\n")
    secret.chmod(0o600)
    signed = subprocess.run([os.path.join(BUILD, "ingest-notify"), "--sign", str(secret)], input=body, capture_output=True, text=False)
    exec(code, {"headers": {"X-Ingestd-Signature": signed.stdout.decode().strip()}, "body": body, "secret": b"abc"})
    with pytest.raises(AssertionError):
        exec(code, {"headers": {"X-Ingestd-Signature": signed.stdout.decode().strip()}, "body": body + b" ", "secret": b"abc"})


def test_the_page_says_who_may(site):
    """What it says is the operator's is that in the table of routes."""
    operators = {m[3].rsplit("/", 1)[-1] for m in routes() if m[1] in ("OPERATOR", "OPEN")}
    assert operators >= {"release", "reload", "metrics"}
    for word in ("release", "reload", "/metrics"):
        assert "`%s`" % word in page()


def test_routes_of_the_contract_that_are_not_built_are_refused_by_name(site):
    with open(os.path.join(ROOT, "watcher", "admin", "routes.def")) as f:
        later = re.findall(r'^ROUTE_LATER\("(\w+)", "([^"]+)"\)', f.read(), re.M)
    assert ("GET", "/v1/alerts") in later
    for method, path in later:
        answer = site.ask(method, path, token=site.token("operator"))
        assert (answer.status, answer.json["detail"]) == (501, "not in this version"), path
        assert "`%s`" % path in page() or "`%s %s`" % (method, path) in page(), path
        with open(os.path.join(ROOT, "docs", "openapi.yaml")) as f:
            assert "\n  %s:\n" % path not in f.read()
