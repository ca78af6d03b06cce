"""c_ descriptors: a tenant that waits has no file open; one that is served has, and the daemon that may open too few says so by name."""
import json
import os
import resource
import subprocess

import pytest

from site_ import BUILD, Site

# of the time when each tenant had ten open and 192 were kept: enough for 30
LIMIT, TENANTS = 492, 300
TOO_FEW = 300
JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"a": {"type": "long"}}}}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    s.stop()


def start(site, limit):
    # the soft limit is raised to the hard one
    site.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")],
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit // 2, limit)))
    site.until(lambda: site.ctl("status").returncode == 0)


def tenants(site):
    return {t["tenant"]: t for t in json.loads(site.ctl("--json", "status").stdout)["tenants"] if t["tenant"].startswith("t")}


def descriptors(site):
    return len(os.listdir("/proc/%d/fd" % site.daemon.pid))


def test_three_hundred_tenants_are_served_with_descriptors_for_thirty(site):
    names = ["t%03d" % n for n in range(TENANTS)]
    for name in names:
        site.tenant(name, {"arrival": {"settle_seconds": 0}}, load=JOB)
    start(site, LIMIT)
    site.until(lambda: len([t for t in tenants(site).values() if t["state"] == "in force"]) == TENANTS)
    waiting = descriptors(site)
    print("\n%d tenants that wait: %d descriptors, %.2f a tenant" % (TENANTS, waiting, waiting / TENANTS))
    assert waiting < TENANTS
    # each of these is opened for its file, and others closed for it
    served, most = names[::8], 0
    for name in served:
        site.drop(name, "a.csv", b"a\n1\n")
        most = max(most, descriptors(site))
    site.until(lambda: all("a.csv" in site.names(name, "done") for name in served))
    site.until(lambda: all(site.names(name, "work") == [] for name in served))
    print("%d of them served: %d descriptors at most, %d after it" % (len(served), most, descriptors(site)))
    assert max(most, descriptors(site)) < LIMIT and descriptors(site) < waiting + 20
    for name in served:
        with open(site.path("logs", name + ".log")) as f:
            assert "file.done" in f.read()
    assert "health" not in open(site.path("logs", "ingestd.log")).read()


@pytest.mark.skipif(os.geteuid() != 0, reason="the limit is that of a user namespace of its own, which root may make")
def test_too_few_watches_are_said_with_what_to_raise_and_the_tenants_are_served(site):
    for n in range(10):
        site.tenant("t%02d" % n, {"arrival": {"settle_seconds": 0}}, load=JOB)
    site.daemon = subprocess.Popen(["unshare", "-U", "-r", "sh", "-c", 'echo 20 >/proc/sys/user/max_inotify_watches && exec "$0" "$@"',
                                    os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")])
    site.until(lambda: site.ctl("status").returncode == 0)
    log = site.path("logs", "ingestd.log")
    site.until(lambda: "10 tenants need 41 inotify watches and user.max_inotify_watches allows 20" in open(log).read())
    assert "sysctl fs.inotify.max_user_watches=82" in open(log).read()
    for n in range(10):
        site.drop("t%02d" % n, "a.csv", b"a\n1\n")
    site.until(lambda: all("a.csv" in site.names("t%02d" % n, "done") for n in range(10)))


def test_a_daemon_that_may_open_too_few_refuses_each_by_name(site):
    for n in range(3):
        site.tenant("t%02d" % n, {"arrival": {"settle_seconds": 0}}, load=JOB)
    start(site, TOO_FEW)
    site.until(lambda: len([t for t in tenants(site).values() if t["state"] == "refused"]) == 3)
    for t in tenants(site).values():
        assert "may have %d files open and needs 360" % TOO_FEW in t["reason"] and "LimitNOFILE" in t["reason"]
