"""Records of files, runs and jobs in a server of MongoDB's protocol: what the documents hold, and what no fault of it or of us may do."""
import contextlib
import datetime
import json
import os
import random
import re
import signal
import socket
import struct
import threading
import time

import pytest

from records_ import JOB, client, csv, documents, done, fail, nothing_left, plain, receipts, site  # noqa: F401
from site_ import ROOT, gone

FIELDS = ("id delivery duplicate_of replaces replaced_by tenant job run file bytes sha256 state reason job_version rows documents "
          "sinks first_error coercions quality encrypted_to times seconds attempts cpu_seconds peak_rss_bytes sentence").split()


def equals_receipt(document, receipt):
    """Field by field; the receipt is written before its file is placed, so that alone it cannot know."""
    d = plain(document)
    assert list(d) == FIELDS == list(receipt)
    assert d["times"].pop("placed") is not None
    ours, theirs = d.pop("seconds"), {k: v for k, v in receipt.items() if k != "seconds"}
    assert ours["queue"] == receipt["seconds"]["queue"]
    for key in "work", "total":
        assert receipt["seconds"][key] is None or ours[key] >= receipt["seconds"][key]
    assert d == theirs
    assert document["_id"] == receipt["id"]


def equals_shown(s, document):
    shown = json.loads(s.ctl("--json", "show", document["_id"]).stdout)
    assert {k: shown[k] for k in FIELDS} == plain(document)


def test_c_documents_equal_receipts_of_every_outcome(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    s.drop("alice", "good.csv", csv(1))
    s.drop("alice", "coerced.csv", b"n,name\n1.5,\xc3\xa4\n2,b\n")
    s.drop("alice", "bad.csv", b"n,name\nx,y\n")
    s.drop("alice", "nobody's.txt", b"no job\n")
    assert s.once("--wait", "20").returncode == 3
    os.remove(s.path("staging", "alice", "done", "good.csv"))
    s.drop("alice", "good.csv", csv(1))
    assert s.once("--wait", "20").returncode == 0
    wanted = receipts(s, "alice")
    found = documents(s)
    assert set(found) == set(wanted) and len(found) >= 4
    assert {r["state"] for r in wanted.values()} >= {"done", "failed", "duplicate"}
    for key, receipt in wanted.items():
        equals_receipt(found[key], receipt)
    s.start()
    for document in found.values():
        equals_shown(s, document)
    assert s.stop() == 0


def every_receipt_is_there(s, tenants=("alice",)):
    found = documents(s)
    wanted = {}
    for tenant in tenants:
        wanted.update(receipts(s, tenant))
    assert set(found) == set(wanted)
    for key, receipt in wanted.items():
        equals_receipt(found[key], receipt)
    return found


def quick(server, **more):
    """Faults show soon."""
    return {"uri": server.url + "?socketTimeoutMS=700&connectTimeoutMS=700&serverSelectionTimeoutMS=700", **more}


def drop_many(s, first, count, tenant="alice"):
    for i in range(first, first + count):
        s.drop(tenant, "f%d.csv" % i, csv(i))


# --- kills ---

def kill_something(s, server, draw, tenants):
    what = draw.choice(["recorder", "recorder", "recorder", "server", "daemon"])
    if what == "recorder":
        return "recorder" if s.kill_recorder() else None
    if what == "server":
        server.kill()
        server.start()
    else:
        s.kill()
        s.start()
    return what


def test_c_500_files_with_kills_of_recorder_server_and_daemon(own_server, tmp_path):
    server, draw, tenants = own_server("mongo"), random.Random(7), ("alice", "bob")
    s = site(tmp_path, server, tenants, mongodb=quick(server))
    s.start()
    kills = []
    for burst in range(25):
        drop_many(s, burst * 20, 20, tenants[burst % 2])
        time.sleep(draw.random() / 10)  # a random instant, not a condition
        kills.append(kill_something(s, server, draw, tenants))
    s.until(lambda: sum(len(done(s, t)) for t in tenants) == 500, 120)
    s.caught_up()
    assert len(every_receipt_is_there(s, tenants)) == 500
    assert s.records()["refused"] == 0 and not s.said("record.refused")
    assert len([k for k in kills if k]) >= 15 and {"recorder", "server", "daemon"} <= set(kills)
    assert s.stop() == 0


@pytest.mark.parametrize("point", ["record.before-write", "record.written"])
def test_c_recorder_killed_around_its_write(server, tmp_path, point):
    s = site(tmp_path, server("mongo"))
    s.start(env={"INGEST_CRASH_AT": point + ":2", "INGEST_CRASH_ONCE": s.path("crashed")})
    drop_many(s, 0, 30)
    s.until(lambda: os.path.exists(s.path("crashed")) and len(done(s)) == 30)
    s.caught_up()
    assert len(every_receipt_is_there(s)) == 30
    assert not s.said("record.refused") and len(s.said("recorder.sick")) == len(s.said("recorder.well")) == 1
    assert s.stop() == 0


# --- away, hung, failing ---

def test_c_server_away_at_the_start(own_server, tmp_path):
    server = own_server("mongo", start=False)
    s = site(tmp_path, server, mongodb=quick(server))
    s.start()
    drop_many(s, 0, 20)
    s.until(lambda: len(done(s)) == 20)
    s.until(lambda: sorted(kind for _, kind, _ in s.outbox() if kind != "usage") == ["file"] * 20 + ["job"])
    s.until(lambda: s.records()["state"] == "trouble")
    # nothing leaves it; a day's usage comes by the clock
    before, told, after = len(s.outbox()), s.records(), len(s.outbox())
    assert (told["store"], told["database"], told["fault"]) == ("mongodb", s.database, "temporary")
    assert 21 <= before <= told["backlog"] <= after <= 22
    assert str(server.port) in told["reason"] and told["oldest"] and told["since"]
    table = s.ctl("status").stdout
    assert "mongodb" in table and "trouble" in table and re.search(r"\b2[12]\b", table)
    server.start()
    s.caught_up(30)
    every_receipt_is_there(s)
    assert len(s.said("recorder.sick")) == len(s.said("recorder.well")) == 1
    assert s.stop() == 0


def test_c_server_away_in_the_middle_is_caught_up_in_order(own_server, tmp_path):
    server = own_server("mongo")
    # no socket time-out: the first batch may take as long as it does
    s = site(tmp_path, server, mongodb={"uri": server.url + "?connectTimeoutMS=700&serverSelectionTimeoutMS=700"})
    s.start()
    drop_many(s, 0, 150)
    s.until(lambda: len(done(s)) > 40)
    server.kill()
    drop_many(s, 150, 10)
    s.until(lambda: len(done(s)) == 160)  # nothing waits for it
    s.until(lambda: s.records()["state"] == "trouble")
    waiting = [key for _, kind, key in s.outbox() if kind == "file"]
    server.start()
    # what was written is everything before what waits, and perhaps the begin of the batch that was not confirmed
    s.until(lambda: documents(s))
    s.caught_up(30)
    found = every_receipt_is_there(s)
    assert len(found) == 160 and set(waiting) <= set(found) and waiting
    assert s.stop() == 0


def test_c_what_is_written_has_no_gap(own_server, tmp_path):
    """Hung in the middle: the documents that are there are the first ones, by the outbox's numbers."""
    server = own_server("mongo")
    s = site(tmp_path, server, mongodb=quick(server))
    s.start()
    drop_many(s, 0, 120)
    s.until(lambda: len(done(s)) > 30)
    server.hang()
    started = time.monotonic()
    drop_many(s, 120, 10)
    s.until(lambda: len(done(s)) == 130)
    s.until(lambda: s.records()["state"] == "trouble", 20)
    assert time.monotonic() - started < 30
    s.kill()  # the daemon; the outbox stands still now
    waiting = [key for _, kind, key in s.outbox() if kind == "file"]
    server.go_on()
    found = documents(s)
    everything = set(receipts(s, "alice"))
    assert everything - set(waiting) <= set(found) and waiting
    both = [k in found for k in waiting]
    assert both == sorted(both, reverse=True) and sum(both) <= 50  # the begin of one batch
    s.start()  # a second daemon goes on with what the first one left
    s.caught_up()
    assert len(every_receipt_is_there(s)) == 130
    assert s.stop() == 0


@pytest.mark.parametrize("commands, data, word", [
    (["update"], {"errorCode": 10107}, "10107"), (["update"], {"errorCode": 91}, "91"), (["update"], {"errorCode": 2}, "error 2"),
    (["update"], {"errorCode": 13}, "13"), (["update"], {"closeConnection": True}, ""), (["update"], {"blockTimeMS": 1500}, ""),
    (["update"], {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}}, "majority"),
    (["createIndexes"], {"errorCode": 91}, "91"), (["ping"], {"errorCode": 11600}, "11600")],
    ids=lambda v: str(v).replace(" ", "") if isinstance(v, dict) else None)
def test_c_single_commands_fail(own_server, tmp_path, commands, data, word):
    server = own_server("mongo", memory=True)
    s = site(tmp_path, server, mongodb=quick(server) if "blockTimeMS" in data else None)
    fail(server, commands, times=3, **data)
    s.start()
    drop_many(s, 0, 10)
    s.until(lambda: len(done(s)) == 10)
    s.until(lambda: s.said("recorder.well"))
    s.caught_up()
    assert len(every_receipt_is_there(s)) == 10
    assert not s.said("record.refused") and len(s.said("recorder.sick")) == 1 and word in s.said("recorder.sick")[0]
    assert s.stop() == 0


def test_c_a_killed_recorder_leaves_nothing_in_shared_memory(own_server, tmp_path):
    """r_ found: libmongoc left /dev/shm/mongoc-PID of each, and told of it on standard error when the pid came again."""
    server = own_server("mongo", memory=True)
    s = site(tmp_path, server, mongodb=quick(server))
    s.start()
    drop_many(s, 0, 1)
    s.until(lambda: len(done(s)) == 1)
    s.caught_up()
    pid = s.recorder()
    os.kill(pid, signal.SIGKILL)
    s.until(lambda: s.recorder() not in (None, pid))
    assert not os.path.exists("/dev/shm/mongoc-%d" % pid)
    s.daemon.send_signal(signal.SIGTERM)
    assert s.daemon.wait(timeout=30) == 0
    s.daemon = None


def test_c_hung_and_going_on(own_server, tmp_path):
    server = own_server("mongo")
    s = site(tmp_path, server)  # the default time-outs
    s.start()
    s.until(lambda: s.records()["state"] == "ok")
    server.hang()
    drop_many(s, 0, 10)
    s.until(lambda: len(done(s)) == 10, 20)
    s.until(lambda: s.records()["state"] == "trouble", 20)
    server.go_on()
    s.caught_up(20)
    assert len(every_receipt_is_there(s)) == 10
    assert s.stop() == 0


# --- refused for ever ---

class Poison:
    """A relay in front of the server: whoever sends the word through it is killed, as by a fault of its own, before the server hears it."""

    def __init__(self, server, word):
        self.server, self.word = server, word
        self.site, self.batches = None, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "mongodb://127.0.0.1:%d/" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one = self.listener.accept()[0]
            except OSError:
                return
            try:
                other = socket.create_connection(("127.0.0.1", self.server.port))
            except OSError:
                one.close()
                continue
            for pair in (one, other, True), (other, one, False):
                threading.Thread(target=self.quietly, args=pair, daemon=True).start()

    def quietly(self, source, to, watched):
        try:
            self.pump(source, to, watched)
        except OSError:
            pass
        finally:
            to.close()

    def pump(self, source, to, watched):
        whole = b""
        while True:
            data = source.recv(65536)
            if not data:
                return
            if not watched:
                to.sendall(data)
                continue
            whole += data
            # a message is its length, then its bytes
            while len(whole) >= 4 and len(whole) >= struct.unpack("<i", whole[:4])[0]:
                n = struct.unpack("<i", whole[:4])[0]
                message, whole = whole[:n], whole[n:]
                if self.word and self.word in message:
                    self.batches.append(message.count(b"sentence\0"))
                    self.site.kill_recorder()
                    return
                to.sendall(message)


def test_c_a_row_that_kills_the_recorder_is_put_aside_and_blocks_none_behind_it(own_server, tmp_path):
    """Two deaths with many rows, then single rows; the third of that row alone puts it aside: kept, named, tried at the next start."""
    server = own_server("mongo")
    poison = Poison(server, b"poison.csv")
    s = poison.site = site(tmp_path, server, mongodb={"uri": poison.url})
    server.kill()
    s.start()
    names = ["a%d.csv" % i for i in range(5)] + ["poison.csv"] + ["z%d.csv" % i for i in range(5)]
    for i, name in enumerate(names):
        s.drop("alice", name, csv(i + 1))
        s.until(lambda: os.path.exists(s.path("staging", "alice", "done", name)))
    rows = s.outbox()
    server.start()
    s.until(lambda: s.outbox() == [], 90)
    wanted = receipts(s, "alice")
    (key,) = [k for k, r in wanted.items() if r["file"] == "poison.csv"]
    assert set(documents(s)) == set(wanted) - {key}
    # with others until it was found out, then alone
    assert len(poison.batches) == 5 and min(poison.batches[:2]) > 1 and poison.batches[2:] == [1, 1, 1], poison.batches
    s.until(lambda: s.records()["state"] == "ok")
    told = s.records()
    assert (told["backlog"], told["refused"]) == (0, 1)
    (kept,) = told["kept"]
    assert (kept["kind"], kept["key"]) == ("file", key) and "killed by SIGKILL" in kept["reason"] and "3 times" in kept["reason"]
    assert key in s.ctl("status").stdout
    (line,) = s.said("record.refused")
    assert "row=%d" % [seq for seq, _, k in rows if k == key][0] in line and "3 times" in line
    assert s.stop() == 0
    poison.word = None
    s.start()
    s.until(lambda: s.outbox() == [] and s.records()["refused"] == 0, 60)
    assert len(every_receipt_is_there(s)) == len(names) and s.records()["kept"] == []
    assert s.stop() == 0


def test_c_refused_document_blocks_none_behind_it(own_server, tmp_path):
    server = own_server("mongo", memory=True)
    s = site(tmp_path, server)
    with client(server) as c:
        c[s.database].files.create_index("sha256", unique=True)
    for name, content in (("a.csv", csv(1)), ("b.csv", csv(2)), ("c.csv", csv(1)), ("d.csv", csv(3))):
        s.drop("alice", name, content)
    once = s.once("--wait", "20")
    assert once.returncode == 1 and "refused" in once.stderr
    wanted = receipts(s, "alice")
    found = documents(s)
    assert len(wanted) == 4 and len(found) == 3
    (line,) = s.said("record.refused")
    assert "11000" in line
    s.start()  # tries it again, and is refused again
    s.until(lambda: s.records()["refused"] == 1 and s.records()["state"] == "ok" and s.records()["backlog"] == 0)
    s.stop()
    with client(server) as c:
        c[s.database].files.drop_index("sha256_1")
    assert s.once("--wait", "20").returncode == 0
    assert len(every_receipt_is_there(s)) == 4


# --- who we are ---

SECRET = "g3heim&nis"


def test_c_secrets_stand_nowhere_and_a_mended_file_is_in_force(own_server, tmp_path):
    server = own_server("mongo", memory=True)
    s = site(tmp_path, server)
    config = json.load(open(s.path("ingestd.json")))
    config["mongodb"] = {"uri_file": "uri", "database": s.database}
    json.dump(config, open(s.path("ingestd.json"), "w"))
    good = server.url
    bad = good.replace("mongodb://", "mongodb://ingest:%s@" % SECRET.replace("&", "%26"))
    with open(s.path("uri"), "w") as f:
        f.write(bad + "\n")
    s.start()
    s.drop("alice", "a.csv", csv(1))
    s.until(lambda: "chmod 600" in (s.records()["reason"] or ""))
    assert s.records()["fault"] == "key"
    os.chmod(s.path("uri"), 0o600)
    s.until(lambda: s.records()["fault"] == "key" and "credentials" in s.records()["reason"])
    lines = []

    def look():
        """The recorder lives for a moment at a time."""
        lines.clear()
        with contextlib.suppress(OSError, TypeError):
            lines.extend(open("/proc/%d/%s" % (pid, what), "rb").read() for pid in (s.recorder(), s.daemon.pid) for what in ("cmdline", "environ"))
        return len(lines) == 4 and lines[0]
    s.until(look)
    told = s.ctl("--json", "status").stdout + s.ctl("status").stdout
    with open(s.path("uri"), "w") as f:
        f.write(good)
    s.caught_up()
    assert s.stop() == 0
    every_receipt_is_there(s)
    for secret in (SECRET, SECRET.replace("&", "%26")):
        assert secret not in told and not any(secret.encode() in line for line in lines)
        for folder, _, names in os.walk(str(tmp_path)):
            for name in names:
                assert secret.encode() not in open(os.path.join(folder, name), "rb").read(), name


@pytest.mark.parametrize("mongodb, word", [
    ({"uri": "mongodb://u:%s@h/" % SECRET}, "uri_file"), ({"uri": "http://h/"}, "must begin with mongodb://"), ({}, "is missing"),
    ({"uri": "mongodb://h/", "uri_file": "x"}, "only one of them"), ({"uri": "mongodb://h/", "database": "admin"}, "cannot be used"),
    ({"uri": "mongodb://h/", "databse": "x"}, "did you mean database"), ({"uri": "mongodb://h/?replcaSet=x"}, "replicaSet?"),
    ({"uri": "mongodb://h:x:y/"}, "cannot be understood"), ({"uri_file": "absent"}, "cannot be opened"),
    ({"uri": "mongodb://h/?tlsCertificateKeyFilePassword=%s" % SECRET}, "uri_file")])
def test_c_wrong_configurations_are_named(tmp_path, mongodb, word):
    from site_ import Site
    s = Site(tmp_path, mongodb=mongodb)
    checked = s.run("-t")
    assert checked.returncode == 78 and word in checked.stderr and SECRET not in checked.stderr


@pytest.mark.parametrize("uri, word", [
    ("mongodb://u:SECRETa@SECRETb@127.0.0.1:1/", "%40"), ("mongodb://u:SECRETa?SECRETb=x@127.0.0.1:1/", "%3F"),
    ("mongodb://u:SECRETa/SECRETb@127.0.0.1:1/", "%2F"), ("mongodb://u:SECRETa:SECRETb@127.0.0.1:1/", "cannot be understood"),
    ("mongodb://u:SECRETa%zz@127.0.0.1:1/", "cannot be understood"),
    ("mongodb://u:SECRETa@127.0.0.1:1/?SECRETb=1", "an option is not known or has a wrong value"),
    ("mongodb://u:SECRETa@127.0.0.1:1/?sockettimeoutms=SECRETb", "look at its socketTimeoutMS"),
    ("mongodb://u:SECRETa@127.0.0.1:1/?SECRETb", "cannot be understood")])
def test_c_no_piece_of_a_badly_escaped_password_is_told(tmp_path, uri, word):
    from site_ import Site
    s = Site(tmp_path, mongodb={"uri_file": "uri"})
    with open(s.path("uri"), "w") as f:
        f.write(uri + "\n")
    os.chmod(s.path("uri"), 0o600)
    s.tenant("alice", {"arrival": {"settle_seconds": 0}}, rows={"pattern": "*.csv"})
    s.drop("alice", "a.csv", csv(1))
    checked = s.run("-t")
    assert checked.returncode == 78 and word in checked.stderr, checked.stderr
    once = s.once("--wait", "1")
    assert once.returncode == 1 and word in once.stderr + s.log("ingestd")
    assert "SECRET" not in checked.stderr + checked.stdout + once.stderr + once.stdout
    os.remove(s.path("uri"))
    for folder, _, names in os.walk(str(tmp_path)):
        for name in [n for n in names if not n.endswith(".sock")]:
            assert b"SECRET" not in open(os.path.join(folder, name), "rb").read(), name


@pytest.mark.parametrize("given, wanted", [("", 2500), ("?socketTimeoutMS=4001", 2001)])
def test_c_the_server_is_asked_to_answer_before_the_socket_is_given_up(own_server, tmp_path, given, wanted):
    """What goes over the wire, seen by a listener between recorder and server."""
    server = own_server("mongo", memory=True)
    seen = bytearray()
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, to, keep):
        while True:
            data = source.recv(65536)
            if not data:
                break
            if keep:
                seen.extend(data)
            to.sendall(data)

    def accept():
        while True:
            try:
                one = listener.accept()[0]
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", server.port))
            for pair in (one, other, True), (other, one, False):
                threading.Thread(target=quietly, args=(pump, *pair), daemon=True).start()

    def quietly(what, *args):
        try:
            what(*args)
        except OSError:
            pass

    threading.Thread(target=accept, daemon=True).start()
    s = site(tmp_path, server, mongodb={"uri": "mongodb://127.0.0.1:%d/%s" % (listener.getsockname()[1], given),
                                        "database": "wire%d" % listener.getsockname()[1]})
    s.start()
    s.drop("alice", "a.csv", csv(1))
    s.until(lambda: b"wtimeout\0" in seen)
    s.kill()
    listener.close()
    at = seen.index(b"wtimeout\0")
    form = "<q" if seen[at - 1] == 0x12 else "<i"
    assert struct.unpack_from(form, seen, at + 9)[0] == wanted


# --- --once, stop, start ---

def test_c_once_waits_for_the_outbox_and_says_when_it_cannot(own_server, tmp_path):
    server = own_server("mongo", start=False)
    s = site(tmp_path, server, mongodb=quick(server))
    drop_many(s, 0, 5)
    once = s.once("--wait", "3")
    assert once.returncode == 1 and "records are left in the outbox" in once.stderr
    assert len(done(s)) == 5 and [kind for _, kind, _ in s.outbox() if kind != "usage"] == ["job"] + 5 * ["file"]
    server.start()
    assert s.once("--wait", "20").returncode == 0
    assert s.outbox() == [] and len(every_receipt_is_there(s)) == 5
    server.stop()
    seconds = time.monotonic()
    assert s.once("--wait", "20").returncode == 0  # nothing to write: it need not be there
    assert time.monotonic() - seconds < 10


def test_c_sigterm_finishes_what_is_in_flight(own_server, tmp_path):
    server = own_server("mongo", memory=True)
    s = site(tmp_path, server)
    s.start()
    s.until(lambda: s.records()["state"] == "ok" and s.records()["backlog"] == 0)
    fail(server, ["update"], blockTimeMS=2000)
    s.drop("alice", "a.csv", csv(1))
    s.until(lambda: done(s) and s.outbox())
    started = time.monotonic()
    assert s.stop() == 0
    assert time.monotonic() - started < 20
    # a day's usage may have come behind it, which was not in flight
    assert [kind for _, kind, _ in s.outbox() if kind != "usage"] == [] and len(every_receipt_is_there(s)) == 1


def test_c_without_mongodb_nothing_is_kept_for_it(tmp_path):
    from site_ import Site
    s = Site(tmp_path)
    s.tenant("alice", rows={"pattern": "*.csv", "input": {"header": True}, "index": {"name": "rows"}})
    s.drop("alice", "a.csv", csv(1))
    assert s.once().returncode == 0
    s.start()
    records = json.loads(s.ctl("--json", "status").stdout)["records"]
    assert records["store"] is None and records["state"] == "off" and records["backlog"] is None
    assert "mongodb" not in s.ctl("status").stdout
    assert s.stop() == 0


# --- runs and jobs ---

def test_c_runs_and_jobs(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    manual = {"pattern": "*.csv", "trigger": "manual", "input": {"header": True}, "index": {"name": "rows"}}
    s.tenant("carol", m=manual)
    s.drop("carol", "a.csv", csv(1))
    s.drop("carol", "b.csv", csv(2))
    assert s.once("--wait", "20", "--start", "carol/m").returncode == 0
    jobs = documents(s, "jobs")
    assert set(jobs) == {"alice/rows", "carol/m"}
    s.start()
    (run,) = json.loads(s.ctl("--json", "runs").stdout)
    (document,) = documents(s, "runs").values()
    assert {k: run[k] for k in plain(document)} == plain(document)
    assert (document["state"], document["files"], document["done"], document["_id"]) == ("finished", 2, 2, run["id"])
    shown = json.loads(s.ctl("--json", "job", "show", "carol/m").stdout)
    same = "tenant job kind trigger pattern index sink same_name client_id filter version state".split()
    assert {k: plain(jobs["carol/m"])[k] for k in same} == {k: shown[k] for k in same}
    # a job changes, one goes, one comes; a restart says nothing anew
    before = documents(s, "jobs")["alice/rows"]["times"]["changed"]
    s.tenant("carol", m={**manual, "pattern": "*.txt"}, n=manual)
    s.until(lambda: "carol/n" in documents(s, "jobs"))
    os.remove(s.path("profiles", "carol", "jobs", "n.json"))
    s.until(lambda: documents(s, "jobs")["carol/n"]["state"] == "removed")
    assert documents(s, "jobs")["carol/m"]["pattern"] == "*.txt"
    assert s.stop() == 0
    s.start()
    s.caught_up()
    jobs = documents(s, "jobs")
    assert jobs["alice/rows"]["times"]["changed"] == before and jobs["carol/n"]["pattern"] == "*.csv"
    assert s.stop() == 0


def test_c_a_run_is_recorded_while_it_is_under_way(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    s.tenant("carol", profile={"arrival": {"settle_seconds": 600}},
             m={"pattern": "*.csv", "trigger": "manual", "input": {"header": True}, "index": {"name": "rows"}})
    s.drop("carol", "a.csv", csv(1))
    s.start()
    s.ctl("job", "start", "carol/m")
    s.until(lambda: [d["state"] for d in documents(s, "runs").values()] == ["starting"])
    s.stop()


# --- indexes, memory ---

def test_c_indexes_are_those_of_the_documentation(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    assert s.once("--wait", "20").returncode == 0
    text = open(os.path.join(ROOT, "docs", "records.md")).read()
    with client(s.server) as c:
        listed = {(name, i["name"]): i for name in ("files", "runs", "jobs", "usage")
                  for i in c[s.database][name].list_indexes() if i["name"] != "_id_"}
    made = {k: dict(i["key"]) for k, i in listed.items()}
    assert len(made) == 10
    assert {k: i["expireAfterSeconds"] for k, i in listed.items() if "expireAfterSeconds" in i} == {("files", "expires"): 0, ("runs", "expires"): 0}
    for (collection, name), key in made.items():
        fields = ", ".join(f + (" descending" if int(d) < 0 else "") for f, d in key.items())
        said = "| %s | `%s`: %s |" % (collection, name, fields) if name != fields else "| %s | `%s` |" % (collection, name)
        assert said in text, said


@pytest.mark.parametrize("done_days,failed_days,journal_days", [(30, 90, 7), (None, 2, 90), (5, None, 10), (1, 1, None)])
def test_c_records_expire_by_retention(server, tmp_path, done_days, failed_days, journal_days):
    """`expires` is the end of retention and the journal's days behind it; what is kept for ever has none."""
    keep = {"retention": {"done_days": done_days, "failed_days": failed_days}}
    s = site(tmp_path, server("mongo"), profile=keep, journal_days=journal_days)
    s.tenant("alice", {"arrival": {"settle_seconds": 0}, **keep}, rows=JOB, man={**JOB, "pattern": "*.txt", "trigger": "manual",
                                                                                 "input": {"format": "csv", "header": True}})
    s.drop("alice", "good.csv", csv(1))
    s.drop("alice", "bad.csv", b"n,name\nx,y\n")
    s.drop("alice", "run.txt", csv(2))
    s.once("--start", "alice/man", "--wait", "20")
    os.remove(s.path("staging", "alice", "done", "good.csv"))
    s.drop("alice", "good.csv", csv(3))  # other bytes: held
    s.once("--wait", "20")
    ends = {"done": done_days, "failed": failed_days, "held": None}
    found = list(documents(s).values())
    assert sorted(d["state"] for d in found) == ["done", "done", "failed", "held"]
    for d in found:
        days = ends[d["state"]]
        if None in (days, journal_days):
            assert "expires" not in d
        else:
            assert d["expires"] - d["times"]["placed"] == datetime.timedelta(days=days + journal_days)
    run, = documents(s, "runs").values()
    if None in (done_days, failed_days, journal_days):
        assert "expires" not in run
    else:
        assert run["expires"] - run["times"]["finished"] == datetime.timedelta(days=max(done_days, failed_days) + journal_days)
    assert all("expires" not in d for c in ("jobs", "usage") for d in documents(s, c).values())


def hwm(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def test_c_a_long_backlog_takes_no_memory(own_server, tmp_path):
    """3,000 rows of 20 KB: 60 MB go through; the recorder stays under 48 MiB, the daemon under 48 MiB."""
    import sqlite3
    server = own_server("mongo", memory=True)
    s = site(tmp_path, server)
    assert s.once("--wait", "20").returncode == 0
    db = sqlite3.connect(s.path("var", "journal.db"))
    body = json.dumps({"id": "x", "sentence": "y" * 20000})
    db.executemany("insert into outbox (kind, key, body, made_ms) values ('run', ?, ?, 1)",
                   (("R%06d" % i, body) for i in range(3000)))
    db.commit()
    db.close()
    s.start()
    s.until(lambda: s.recorder())
    s.caught_up(120)
    assert hwm(s.recorder()) < 48 * 1024 and hwm(s.daemon.pid) < 48 * 1024
    with client(server) as c:
        assert c[s.database].runs.count_documents({}) == 3000
    assert s.stop() == 0


def test_c_recorder_ends_with_its_daemon_and_comes_back_alone(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    s.start()
    s.until(s.recorder)
    first = s.kill_recorder()
    s.until(lambda: s.recorder() not in (None, first))
    s.caught_up()
    second = s.recorder()
    s.kill()
    s.until(lambda: gone(second), 10)


def test_c_a_write_is_confirmed_whatever_the_string_says(own_server, tmp_path):
    """w=0 would make the server drop the connection, and a record leave the outbox without anybody having it."""
    server = own_server("mongo", memory=True)
    s = site(tmp_path, server, mongodb={"uri": server.url + "?w=0"})
    drop_many(s, 0, 3)
    assert s.once("--wait", "20").returncode == 0
    assert len(every_receipt_is_there(s)) == 3 and not s.said("recorder.sick")


def test_c_a_replica_set_retries_by_itself(own_server, tmp_path):
    server = own_server("mongo", replset="rs0")
    s = site(tmp_path, server)
    s.start()
    s.until(lambda: s.records()["state"] == "ok" and s.records()["backlog"] == 0)
    fail(server, ["update"], errorCode=10107)
    drop_many(s, 0, 3)
    s.until(lambda: len(done(s)) == 3)
    s.caught_up()
    assert not s.said("recorder.sick")
    server.kill()
    drop_many(s, 3, 3)
    s.until(lambda: len(done(s)) == 6)
    server.start()
    s.caught_up()
    assert len(every_receipt_is_there(s)) == 6
    assert s.stop() == 0


def test_c_tenants_words_are_only_words(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    names = ['a"b\\.csv', "$where.csv", "a.$b.csv", "\u00fc\u2028\U0001f600.csv", "\uffff\ufdd0.csv", "{\"$gt\":1}.csv"]
    for i, name in enumerate(names):
        s.drop("alice", name, csv(i))
    s.drop("alice", "cells.csv", "n,name\n\u0001\"$x\u2028,y\n".encode())
    with open(os.path.join(os.fsencode(s.path("staging", "alice", "in")), b"bad\xff\xed\xa0\x80.csv"), "wb") as f:
        f.write(csv(99))
    assert s.once("--wait", "20").returncode == 3
    found = every_receipt_is_there(s)
    assert set(names) <= {d["file"] for d in found.values()} and len(found) == len(names) + 2
    assert not s.said("record.refused")


def test_c_sigterm_does_not_wait_for_a_hung_server(own_server, tmp_path):
    server = own_server("mongo")
    s = site(tmp_path, server)
    s.start()
    s.until(lambda: s.records()["state"] == "ok" and s.records()["backlog"] == 0)
    server.hang()
    drop_many(s, 0, 5)
    s.until(lambda: len(done(s)) == 5)
    started = time.monotonic()
    assert s.stop() == 0
    assert time.monotonic() - started < 20
    assert len([1 for _, kind, _ in s.outbox() if kind == "file"]) == 5  # none is lost
    server.go_on()
    assert s.once("--wait", "20").returncode == 0
    assert len(every_receipt_is_there(s)) == 5
