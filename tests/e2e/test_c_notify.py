"""c_ complex: a job's webhook is told of each run's end, signed, again until it is told; a sick receiver delays nothing."""
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from site_ import BUILD, Site

JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
FAST = {"arrival": {"settle_seconds": 0}}
SECRET = "s3cret-of-the-webhook"


class Receiver:
    """A real HTTP server; `how` says what it does with a POST."""

    def __init__(self):
        self.got, self.how, self.gate, self.ended = [], lambda n: 200, threading.Event(), 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body, self.path))
                answer = outer.how(len(outer.got))
                if answer == "hang":
                    outer.gate.wait(30)
                    outer.ended += 1
                    answer = 200
                if answer == "cut":
                    self.connection.close()
                    return
                self.send_response(answer)
                if answer in (301, 302, 307):
                    self.send_header("Location", "http://127.0.0.1:%d/elsewhere" % outer.port)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d/hook" % self.port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self):
        return [json.loads(b) for _, b, _ in self.got]

    def stop(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receivers():
    made = []

    def new():
        made.append(Receiver())
        return made[-1]
    yield new
    for r in made:
        r.stop()


def make(folder, **webhooks):
    site = Site(folder, workers=2, webhooks={n: {"url": r if isinstance(r, str) else r.url, "secret_file": "secret"} for n, r in webhooks.items()})
    with open(site.path("secret"), "w") as f:
        f.write(SECRET + "\n")
    os.chmod(site.path("secret"), 0o600)
    return site


@pytest.fixture
def ends():
    sites = []
    yield sites.append
    for s in sites:
        if s.daemon:
            s.stop()


def verify(headers, body):
    """As a receiver would, by Python's hmac."""
    parts = dict(p.split("=") for p in headers["X-Ingestd-Signature"].split(","))
    assert abs(int(parts["t"]) - time.time()) < 120
    want = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(want, parts["v1"])


def test_each_runs_end_is_told_and_signed(tmp_path, receivers, ends):
    r = receivers()
    site = make(tmp_path, ops=r)
    ends(site)
    site.tenant("bob", {**FAST, "limits": {"max_run_files": 2}}, t={**JOB, "notify": {"webhook": "ops"}}, quiet={**JOB, "pattern": "*.q"},
                m={**JOB, "pattern": "*.txt", "input": {"format": "csv", "header": True}, "trigger": "manual", "notify": {"webhook": "ops"}})
    site.start()
    site.drop("bob", "good.csv", b"id\n1\n2\n")
    site.until(lambda: len(r.got) == 1)
    site.drop("bob", "bad.csv", b"id\nx\n")
    site.until(lambda: len(r.got) == 2)
    site.drop("bob", "x.q", b"id\n1\n")
    site.drop("bob", "a.txt", b"id\n1\n")
    site.until(lambda: os.path.exists(site.path("staging", "bob", "in", "a.txt")))
    assert site.ctl("job", "start", "bob/m", "--wait").returncode == 0
    for name in ("b.txt", "c.txt", "d.txt"):
        site.drop("bob", name, b"id\n1\n")
    assert site.ctl("job", "start", "bob/m", "--wait").returncode == 3
    site.until(lambda: len(r.got) == 4)
    told = r.bodies()
    assert [b["event"] for b in told] == ["run.finished", "run.failed", "run.finished", "run.failed"]
    assert [(b["tenant"], b["job"]) for b in told] == [("bob", "t"), ("bob", "t"), ("bob", "m"), ("bob", "m")]
    assert told[3]["run"]["reason"] == "Number of files exceeds limit"
    for b in told:
        run = json.loads(site.ctl("--json", "runs", b["run"]["id"]).stdout)
        assert {k: run[k] for k in b["run"]} == b["run"], b
    for headers, body, path in r.got:
        verify(headers, body)
        assert path == "/hook" and headers["X-Ingestd-Event"] == json.loads(body)["event"] and headers["Content-Type"] == "application/json"
        assert b"good.csv" not in body and SECRET.encode() not in body + str(headers).encode()
    assert len({h["X-Ingestd-Delivery"] for h, _, _ in r.got}) == 4
    site.stop()
    for name in os.listdir(site.path("logs")):
        assert SECRET not in open(site.path("logs", name)).read()


def test_it_is_told_again_until_it_is_told_in_order_over_restarts(tmp_path, receivers, ends):
    r = receivers()
    answers = iter([500, "cut", 302, 404])
    r.how = lambda n: next(answers, 200)
    site = make(tmp_path, ops=r)
    ends(site)
    site.tenant("bob", FAST, t={**JOB, "notify": {"webhook": "ops"}})
    site.start()
    site.drop("bob", "a.csv", b"id\n1\n")
    site.until(lambda: len(r.got) == 2)
    site.until(lambda: "webhook.sick" in site.log("ingestd"))
    site.drop("bob", "b.csv", b"id\n2\n")
    site.until(lambda: "b.csv.receipt.json" in site.names("bob", "done"))
    status = json.loads(site.ctl("--json", "status").stdout)["webhooks"]
    assert status[0]["webhook"] == "ops" and status[0]["state"] == "trouble" and status[0]["backlog"] == 2
    site.kill()
    site.start()
    site.until(lambda: json.loads(site.ctl("--json", "status").stdout)["webhooks"][0]["backlog"] == 0)
    told = [h["X-Ingestd-Delivery"] for h, _, _ in r.got]
    assert told == sorted(told, key=int) and told.count(told[0]) == 5 and told.count(told[-1]) == 1 and len(set(told)) == 2
    assert {p for _, _, p in r.got} == {"/hook"}  # a redirect is not followed
    assert site.log("ingestd").count("webhook.well") >= 1


def notices(site):
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % site.path("var", "journal.db"), uri=True)) as db:
        return db.execute("SELECT count(*) FROM notices").fetchone()[0]


def rewrite(site, *statement):
    """In the journal of a daemon that is down."""
    with contextlib.closing(sqlite3.connect(site.path("var", "journal.db"))) as db, db:
        db.execute(*statement)


def test_after_three_days_a_notice_is_dropped_and_said(tmp_path, receivers, ends):
    r = receivers()
    r.how = lambda n: 500
    site = make(tmp_path, ops=r)
    ends(site)
    site.tenant("bob", FAST, t={**JOB, "notify": {"webhook": "ops"}})
    for name in ("a.csv", "b.csv"):
        site.drop("bob", name, b"id\n1\n")
        assert site.once().returncode == 0
    day = 24 * 3600 * 1000
    assert notices(site) == 2
    rewrite(site, "UPDATE notices SET made_ms = made_ms - CASE seq WHEN (SELECT min(seq) FROM notices) THEN ? ELSE ? END", (3 * day, 3 * day - 3600000))
    told = len(r.got)
    site.start()
    site.until(lambda: "notice.dropped" in site.log("ingestd"))
    site.until(lambda: len(r.got) >= told + 2)  # the next one's turn
    assert r.got[told][0]["X-Ingestd-Delivery"] != r.got[-1][0]["X-Ingestd-Delivery"]
    assert notices(site) == 1 and site.log("ingestd").count("notice.dropped") == 1


def test_of_more_than_10000_notices_the_oldest_is_dropped_and_said(tmp_path, receivers, ends):
    r = receivers()
    r.how = lambda n: 500
    site = make(tmp_path, ops=r)
    ends(site)
    site.tenant("bob", FAST, t={**JOB, "notify": {"webhook": "ops"}})
    site.drop("bob", "a.csv", b"id\n1\n")
    assert site.once().returncode == 0
    rewrite(site, "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO notices (webhook, run, event, body, made_ms)"
            " SELECT webhook, run, event, body, made_ms FROM notices, n")
    r.how, told = lambda n: "hang", len(r.got)
    site.start()
    site.until(lambda: len(r.got) == told + 1)
    site.drop("bob", "b.csv", b"id\n2\n")
    site.until(lambda: "notice.dropped" in site.log("ingestd"))
    r.how = lambda n: 500
    r.gate.set()  # it was told after all, the notice that was dropped
    site.until(lambda: len(r.got) == told + 2)
    backlog = json.loads(site.ctl("--json", "status").stdout)["webhooks"][0]["backlog"]
    assert backlog == notices(site) == 10000


def test_a_sick_receiver_delays_no_file_and_no_other_receiver(tmp_path, receivers, ends):
    hung, away, well = receivers(), "http://127.0.0.1:9/", receivers()
    hung.how = lambda n: "hang"
    site = make(tmp_path, hung=hung, away=away, well=well)
    ends(site)
    for t, hook in (("alice", "hung"), ("bob", "well"), ("carol", "away")):
        site.tenant(t, FAST, t={**JOB, "notify": {"webhook": hook}})
    site.start()
    for i in range(10):
        for t in ("alice", "bob", "carol"):
            site.drop(t, "f%d.csv" % i, b"id\n%d\n" % i)
    site.until(lambda: len(well.got) == 10)
    for t in ("alice", "bob", "carol"):
        site.until(lambda t=t: sum(n.endswith(".receipt.json") for n in site.names(t, "done")) == 10)
    assert len(hung.got) == 1 and hung.ended == 0  # it still hangs

    def backlogs():
        hooks.update((h["webhook"], h) for h in json.loads(site.ctl("--json", "status").stdout)["webhooks"])
        return hooks["well"]["backlog"], hooks["hung"]["backlog"], hooks["away"]["backlog"]
    hooks = {}
    site.until(lambda: backlogs() == (0, 10, 10))
    assert hooks["away"]["state"] == "trouble" and "nobody there" in hooks["away"]["reason"]
    assert site.stop() == 0  # nor the end
    hung.gate.set()


def test_a_killed_ingest_notify_is_started_again(tmp_path, receivers, ends):
    r = receivers()
    r.how = lambda n: "hang" if n == 1 else 200
    site = make(tmp_path, ops=r)
    ends(site)
    site.tenant("bob", FAST, t={**JOB, "notify": {"webhook": "ops"}})
    site.start()
    site.drop("bob", "a.csv", b"id\n1\n")
    site.until(lambda: len(r.got) == 1)
    children = subprocess.run(["pgrep", "-P", str(site.daemon.pid), "ingest-notify"], capture_output=True, text=True).stdout.split()
    assert len(children) == 1
    os.kill(int(children[0]), signal.SIGKILL)
    site.until(lambda: len(r.got) == 2)
    assert r.got[0][0]["X-Ingestd-Delivery"] == r.got[1][0]["X-Ingestd-Delivery"]
    r.gate.set()
    site.until(lambda: json.loads(site.ctl("--json", "status").stdout)["webhooks"][0]["backlog"] == 0)
    assert "ingest-notify was killed by SIGKILL" in site.log("ingestd")


def test_once_tells_and_does_not_wait_for_a_sick_one(tmp_path, receivers, ends):
    r = receivers()
    site = make(tmp_path, ops=r, away="http://127.0.0.1:9/")
    ends(site)
    site.tenant("bob", FAST, t={**JOB, "notify": {"webhook": "ops"}})
    site.tenant("carol", FAST, t={**JOB, "notify": {"webhook": "away"}})
    for t in ("bob", "carol"):
        site.drop(t, "a.csv", b"id\n1\n")
    assert site.once().returncode == 0
    assert [b["event"] for b in r.bodies()] == ["run.finished"]
    assert site.once().returncode == 0 and len(r.got) == 1


@pytest.mark.parametrize("webhooks,notify,said", [
    ({"ops": {"url": "ftp://x/"}}, {}, "must begin with http:// or https://"), ({"ops": {"url": "http:///x"}}, {}, "has no host"),
    ({"ops": {"url": "http://a:b@h/"}}, {}, "holds a name or a password"), ({"ops": {}}, {}, "$.webhooks.ops.url"),
    ({"ops": {"url": "http://h/ x"}}, {}, "may hold no blanks"), ({"..": {"url": "http://h/"}}, {}, "a webhook's name has"),
    ({"ops": {"url": "http://h/"}}, {"webhook": "opps"}, 'no webhook "opps" in ingestd.json; did you mean ops?'),
    ({"ops": {"url": "http://h/"}}, {"webhok": "ops"}, "did you mean webhook?")])
def test_what_is_wrong_is_said(tmp_path, webhooks, notify, said):
    site = Site(tmp_path, webhooks=webhooks)
    site.tenant("bob", FAST, t={**JOB, **({"notify": notify} if notify else {})})
    done = site.run("-t")
    assert done.returncode == 78 and said in done.stderr, done.stderr


def test_the_program_alone(tmp_path):
    program = os.path.join(BUILD, "ingest-notify")
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "secret").chmod(0o600)
    signed = subprocess.run([program, "--sign", str(tmp_path / "secret")], input=b'{"a":1}', capture_output=True)
    verify({"X-Ingestd-Signature": signed.stdout.decode().strip()}, b'{"a":1}')
    (tmp_path / "secret").chmod(0o644)
    assert subprocess.run([program, "--sign", str(tmp_path / "secret")], input=b"", capture_output=True).returncode == 1
    assert subprocess.run([program], capture_output=True).returncode == 2
    assert subprocess.run([program, "--nothing"], capture_output=True).returncode == 2
    for option in ("--help", "--version"):
        assert subprocess.run([program, option], capture_output=True).stdout
