"""b_ basic: level session, with lines as sshd and rsyslog write them (the real ones write them in test_c_uploads.py)."""
import datetime
import os
import sqlite3

import pytest

from clock_ import Clock
from site_ import Site

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
SESSION = {"arrival": {"level": "session", "settle_seconds": 0}}
ROWS = b"id\n" + b"".join(b"%d\n" % i for i in range(50))


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", SESSION, t=JOB)
    os.makedirs(s.path("logs", "sshd"))
    yield s
    s.stop()


class Sshd:
    """What internal-sftp says, through a syslog daemon, into the tenant's file."""

    def __init__(self, site, tenant="alice"):
        self.path = site.path("logs", "sshd", tenant + ".log")

    def say(self, *texts, pid=100, late=0):
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=late)
        with open(self.path, "a") as f:
            f.write("".join("%s host internal-sftp[%d]: %s\n" % (now.isoformat(timespec="microseconds"), pid, t) for t in texts))

    def open(self, name, **more):
        self.say('open "/in/%s" flags WRITE,CREATE,TRUNCATE mode 0666' % name, **more)

    def close(self, name, written=1, forced=False, **more):
        self.say('%sclose "/in/%s" bytes read 0 written %d' % ("forced " if forced else "", name, written), **more)

    def upload(self, site, name, content=ROWS, forced=False):
        self.open(name)
        site.drop("alice", name, content)
        self.close(name, len(content), forced)


def explained(site, name):
    return site.ctl("explain", site.path("staging", "alice", "in", name)).stdout


def done(site, *names):
    site.until(lambda: all(n + ".receipt.json" in site.names("alice", "done") and n in site.names("alice", "done") for n in names))


def test_a_clean_close_a_rename_and_a_broken_session(site):
    sshd = Sshd(site)
    site.start()
    sshd.upload(site, "a.csv")
    sshd.upload(site, "b.part", ROWS + b"1\n")
    os.rename(site.path("staging", "alice", "in", "b.part"), site.path("staging", "alice", "in", "b.csv"))
    sshd.say('posix-rename old "/in/b.part" new "/in/b.csv"')
    sshd.upload(site, "c.csv", ROWS[:60], forced=True)
    done(site, "a.csv", "b.csv")
    site.until(lambda: "c.csv" in site.names("alice", "failed"))
    r = site.receipt("alice", "failed", "c.csv")
    assert r["reason"].startswith("partial upload: its session broke off") and r["rows"] is None
    assert len(site.rows("alice", "alice-t")) == 101
    db = sqlite3.connect(site.path("var", "journal.db"))
    assert db.execute("select count(*) from sessions").fetchone() == (0,)
    db.close()


def test_what_no_line_proves_waits_is_told_and_can_be_released(site, tmp_path):
    clock, sshd = Clock(tmp_path), Sshd(site)
    sshd.open("c.csv", pid=7)  # its server was killed: no word of its end
    for name in ("a.csv", "b.csv", "c.csv"):
        site.drop("alice", name, ROWS + name.encode())
    site.start(env=clock.env)
    for name, words in (("a.csv", "waits for a line in sshd"), ("c.csv", "waits for the end of the session")):
        site.until(lambda: words in explained(site, name))
    clock.pass_time(590)
    assert site.ctl("status").returncode == 0 and "file.unproven" not in site.log("alice")
    clock.pass_time(600)
    site.until(lambda: all("file.unproven tenant=alice file=%s " % n in site.log("alice") for n in ("a.csv", "b.csv", "c.csv")))
    assert site.names("alice", "done") == []
    assert site.ctl("release", site.path("staging", "alice", "in", "a.csv")).returncode == 0
    done(site, "a.csv")
    assert "file.released tenant=alice file=a.csv" in site.log("alice") and site.names("alice", "in") == ["b.csv", "c.csv"]
    # what is changed behind its release is not what was released
    assert site.ctl("release", site.path("staging", "alice", "in", "nothing.csv")).returncode == 1
    assert site.log("alice").count("file.unproven") == 3


def test_the_last_word_counts(site):
    """Each of these has one clean close in the log, and something that takes it back."""
    sshd = Sshd(site)
    site.start(env={})
    # written again behind it, and not closed
    sshd.upload(site, "reopened.part")
    sshd.open("reopened.part", pid=101)
    # closed by one session while another one, which opened it last, has not ended
    sshd.open("two.part", pid=1)
    sshd.open("two.part", pid=2)
    sshd.close("two.part", 10, pid=1)
    # a write failed
    sshd.open("full.part", pid=3)
    sshd.say("sent status Failure", pid=3)
    sshd.close("full.part", 10, pid=3)
    # cut behind its close
    sshd.upload(site, "cut.part")
    sshd.say('set "/in/cut.part" size 5')
    # a name whose close looks like another file's: only a.part has a close, a" bytes read 0 written 5 has it
    sshd.open("spoof.part", pid=4)
    sshd.close('spoof.part" bytes read 0 written 5', 0, pid=4)
    names = ["reopened", "two", "full", "cut", "spoof"]
    for name in names:
        site.drop("alice", name + ".csv", ROWS)
        sshd.say('rename old "/in/%s.part" new "/in/%s.csv"' % (name, name), pid=9)
    # a rename that failed gives nothing: broken.csv was broken off, whole.part was whole
    sshd.upload(site, "whole.part")
    sshd.open("broken.csv", pid=5)
    site.drop("alice", "broken.csv", ROWS[:40])
    sshd.close("broken.csv", 40, forced=True, pid=5)
    sshd.say('rename old "/in/whole.part" new "/in/broken.csv"', "sent status Failure", pid=6)
    sshd.upload(site, "good.csv", ROWS + b"9\n")
    done(site, "good.csv")
    site.until(lambda: "broken.csv" in site.names("alice", "failed"))
    for name in names:
        site.until(lambda: "waits for" in explained(site, name + ".csv"))
    assert [n for n in site.names("alice", "done") if n.endswith(".csv")] == ["good.csv"]
    assert len(site.rows("alice", "alice-t")) == 51


def test_the_log_is_rotated_cut_and_read_over_restarts(site):
    sshd = Sshd(site)
    site.start()
    sshd.upload(site, "1.csv")
    done(site, "1.csv")
    # renamed away with a line that nobody has read, written on by who still has it open
    old = open(sshd.path, "a")
    site.drop("alice", "2.csv", ROWS + b"2\n")
    now = lambda: datetime.datetime.now(datetime.timezone.utc).isoformat()
    os.rename(sshd.path, sshd.path + ".1")
    old.write('%s h internal-sftp[1]: open "/in/2.csv" flags WRITE mode 0666\n' % now())
    old.write('%s h internal-sftp[1]: close "/in/2.csv" bytes read 0 written 9\n' % now())
    old.close()
    done(site, "2.csv")
    sshd.upload(site, "3.csv", ROWS + b"3\n")
    done(site, "3.csv")
    # cut to nothing by copytruncate, and longer again at once
    with open(sshd.path, "w") as f:
        f.write("x" * 3000 + "\n")
    sshd.upload(site, "4.csv", ROWS + b"4\n")
    done(site, "4.csv")
    # over a restart: lines of meanwhile, in the file and in the one it was renamed to
    sshd.open("5.csv")
    site.until(lambda: db_count(site) == 1)
    assert site.stop() == 0
    site.drop("alice", "5.csv", ROWS + b"5\n")
    sshd.close("5.csv", 9)
    os.rename(sshd.path, sshd.path + ".1")
    sshd.upload(site, "6.csv", ROWS + b"6\n")
    site.start()
    done(site, "5.csv", "6.csv")
    # killed: no line is read twice to another end
    site.kill()
    site.start()
    sshd.upload(site, "7.csv", ROWS + b"7\n")
    done(site, "7.csv")
    assert site.names("alice", "in") == []


def db_count(site):
    db = sqlite3.connect(site.path("var", "journal.db"))
    try:
        return db.execute("select count(*) from sessions").fetchone()[0]
    finally:
        db.close()


def test_without_its_log_nothing_is_taken_and_that_is_said(site):
    site.drop("alice", "a.csv", ROWS)
    assert site.once().returncode == 0
    assert site.names("alice", "in") == ["a.csv"]
    assert "session.log tenant=alice reason=" in site.log("ingestd") and "sshd/alice.log" in site.log("ingestd")


def test_what_is_changed_behind_its_close_is_not_proven_by_it(site):
    """Written on the host, by nobody that sshd knows of, three seconds after the line."""
    sshd = Sshd(site)
    sshd.open("a.csv", late=-3)
    sshd.close("a.csv", 9, late=-3)
    sshd.upload(site, "b.csv")
    site.drop("alice", "a.csv", ROWS + b"1\n")
    site.start()
    done(site, "b.csv")
    site.until(lambda: "waits for a line in sshd" in explained(site, "a.csv"))
    assert "a.csv" not in site.names("alice", "done")


@pytest.mark.parametrize("points", [["claim.renamed"], ["claim.before-journal"], ["claim.before-commit"], ["claim.journaled"],
                                    ["claim.owned", "recover.adopted"], ["claim.owned", "recover.done"]])
def test_killed_in_its_claim_a_broken_upload_stays_one(site, points):
    """What sshd said of it is known to whoever finds it in work/."""
    sshd = Sshd(site)
    sshd.upload(site, "broken.csv", ROWS[:60], forced=True)
    for i, point in enumerate(points):
        once = site.path("crashed%d" % i)
        site.once(env={"INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": once})
        assert os.path.exists(once), point
    sshd.upload(site, "whole.csv")
    assert site.once().returncode == 3
    assert site.receipt("alice", "failed", "broken.csv")["reason"].startswith("partial upload")
    assert site.receipt("alice", "done", "whole.csv")["rows"]["indexed"] == 50
    assert len(site.rows("alice", "alice-t")) == 50 and site.names("alice", "work") == [] and db_count(site) == 0
