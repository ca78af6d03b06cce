"""c_ complex: /metrics as Prometheus reads it and equal to the receipts; logs folded, rotated, as ECS."""
import json
import os
import re
import signal
import subprocess

import pytest
import promtool
from prometheus_client.parser import text_string_to_metric_families

from http_ import HttpSite, request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 0.5},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
FAST = {"arrival": {"settle_seconds": 0}, "index_prefix": ""}


def scrape(site, token=None):
    answer = site.ask("GET", "/metrics", token)
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    out = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        assert family.documentation, family.name
        for s in family.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            assert key not in out, key
            out[key] = s.value
    return out, answer.body.decode()


def receipts(site, tenant):
    out = []
    for state in ("done", "failed", "held"):
        for name in site.names(tenant, state):
            if name.endswith(".receipt.json"):
                out.append(json.load(open(site.path("staging", tenant, state, name))))
    return out


@pytest.fixture
def site(tmp_path):
    s = HttpSite(tmp_path, admin={"tokens_file": None}, workers=2)
    yield s
    if s.daemon:
        s.stop()


def test_counters_equal_receipts(site):
    for t in ("alice", "bob"):
        site.tenant(t, FAST, t=JOB)
    site.start()
    n = 0
    for t in ("alice", "bob"):
        for i in range(6):
            site.drop(t, "good%d.csv" % i, b"id\n" + b"".join(b"%d\n" % k for k in range(10 + i)))
        site.drop(t, "some.csv", b"id\n1\nx\n\n3\n")   # a reject and a blank line
        site.drop(t, "bad.csv", b"id\nx\ny\n")          # fails
        n += 8
    site.drop("bob", "secret-name.txt", b"nobody's\n")  # matches nothing: fails
    n += 1
    site.until(lambda: len(receipts(site, "alice")) + len(receipts(site, "bob")) == n)
    site.drop("alice", "good0.csv", b"id\n" + b"".join(b"%d\n" % k for k in range(10)))  # a duplicate
    site.until(lambda: any(r["state"] == "duplicate" for r in receipts(site, "alice")))
    site.until(lambda: scrape(site)[0][("ingestd_files_total", (("outcome", "duplicate"), ("tenant", "alice")))] == 1)
    values, text = scrape(site)
    for t in ("alice", "bob"):
        mine = receipts(site, t)

        def value(name, **labels):
            return values[(name, tuple(sorted({"tenant": t, **labels}.items())))]

        for outcome in ("done", "failed", "held", "duplicate", "undone"):
            assert value("ingestd_files_total", outcome=outcome) == sum(r["state"] == outcome for r in mine)
        for fate, key in (("indexed", "indexed"), ("duplicate", "duplicates"), ("rejected", "rejected"), ("filtered", "filtered"),
                          ("blank", "blank"), ("unsent", "unsent")):
            assert value("ingestd_rows_total", fate=fate) == sum((r["rows"] or {}).get(key, 0) for r in mine), fate
        assert value("ingestd_rows_read_total") == sum((r["rows"] or {}).get("read", 0) for r in mine) > 0
        assert value("ingestd_documents_total") == sum(r["documents"] or 0 for r in mine)
        assert value("ingestd_file_bytes_total") == sum(r["bytes"] for r in mine)
        assert value("ingestd_worker_cpu_seconds_total") == pytest.approx(sum(r["cpu_seconds"] or 0 for r in mine), abs=0.01)
        assert value("ingestd_backlog_files", state="queued") == 0
    # a file's name is no label, nor anything else of a file
    assert not re.search(r"good|some|secret|\.csv", text)


def test_names_and_units_are_prometheus(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    _, text = scrape(site)
    families = list(text_string_to_metric_families(text))
    assert len(families) >= 18
    for f in families:
        name = f.name + ("_total" if f.type == "counter" else "")
        assert re.fullmatch(r"ingestd_[a-z_]+", name) and f.type in ("counter", "gauge")
        assert ("# TYPE %s %s" % (name, f.type)) in text
        assert not re.search(r"_(ms|us|kb|mb|minutes|percent)(_|$)", name)
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .+|[a-z_]+(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? [0-9.e+-]+', line), line
    assert text.endswith("\n")


def test_promtool_accepts_it(site):
    try:
        tool = promtool.path()
    except promtool.Absent as e:
        if os.environ.get("CHECK_OFFLINE") == "1":
            pytest.skip("CHECK_OFFLINE=1: %s" % e)
        raise
    site.tenant("bob", FAST, t=JOB)
    site.start()
    done = subprocess.run([tool, "check", "metrics"], input=scrape(site)[1], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == done.stderr == "", done
    wrong = subprocess.run([tool, "check", "metrics"], input="# TYPE a_ms counter\na_ms 1\n", capture_output=True, text=True)
    assert wrong.returncode != 0


def test_tenants_are_capped(site):
    for i in range(205):
        site.tenant("t%03d" % i, FAST)
    site.start()
    values, _ = scrape(site)
    tenants = {dict(labels)["tenant"] for name, labels in values if name == "ingestd_rows_read_total"}
    assert len(tenants) == 201 and "_other" in tenants
    assert values[("ingestd_tenants", ())] == 205


def test_health_and_readiness(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    site.until(lambda: site.ask("GET", "/readyz").status == 200)
    assert site.ask("GET", "/healthz").json["status"] == "ok" and site.ask("GET", "/readyz").json == {"status": "ready"}
    values, _ = scrape(site)
    assert values[("ingestd_ready", ())] == 1


# --- logs ---

@pytest.mark.parametrize("log_format", ["text", "ecs"])
def test_a_fault_that_repeats_is_one_line_and_a_count(tmp_path, log_format):
    site = HttpSite(tmp_path, log_format=log_format)
    site.tenant("bob", FAST, t=JOB)
    site.start()
    for _ in range(40):
        assert request(site.port, "GET", "/v1/status", "ingest_wrong").status == 401
    assert sum("token.refused" in line for line in site.log("ingestd").splitlines()) == 1
    site.stop()
    lines = [line for line in site.log("ingestd").splitlines() if "token.refused" in line]
    assert len(lines) == 2
    if log_format == "ecs":
        told = json.loads(lines[1])
        assert "39" in json.dumps(told) and told["log.level"] == "warn" and told["ecs.version"]
        assert all(json.loads(line) for line in site.log("ingestd").splitlines())
    else:
        assert lines[1].endswith(" repeated=39") and " warn  token.refused source=127.0.0.1 " in lines[1]


def test_the_logrotate_file_rotates_and_loses_no_line(site, tmp_path):
    text = open(os.path.join(ROOT, "watcher", "install", "logrotate")).read()
    site.tenant("bob", FAST, t=JOB)
    site.start()
    mine = text.replace("/var/log/ingestd", site.path("logs"))
    mine = re.sub(r"systemctl kill .*", "kill -USR1 %d" % site.daemon.pid, mine)
    assert mine.count(site.path("logs")) == 1 and "kill -USR1" in mine
    conf = tmp_path / "rotate.conf"
    conf.write_text("su root root\n" + mine if os.geteuid() == 0 else mine)
    conf.chmod(0o644)
    for k in range(3):
        site.drop("bob", "f%d.csv" % k, b"id\n%d\n" % k)
        site.until(lambda k=k: "f%d.csv.receipt.json" % k in site.names("bob", "done"))
        reopened = sum(1 for n in os.listdir(site.path("logs")) if n.startswith("bob.log"))
        done = subprocess.run(["/usr/sbin/logrotate", "-f", "-s", str(tmp_path / "state"), str(conf)], capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done
        site.until(lambda: os.path.exists(site.path("logs", "ingestd.log")) and "daemon.reopened" in site.log("ingestd"))
        assert sum(1 for n in os.listdir(site.path("logs")) if n.startswith("bob.log")) == reopened + 1
    site.stop()
    said = ""
    for name in sorted(os.listdir(site.path("logs"))):
        if name.startswith("bob.log"):
            opener = ["zcat"] if name.endswith(".gz") else ["cat"]
            said += subprocess.run(opener + [site.path("logs", name)], capture_output=True, text=True).stdout
    for k in range(3):
        assert said.count("file.done") == 3 and "f%d.csv" % k in said
