"""c_ bounds: a daemon that may not have enough files open for all its tenants serves those there is room for, and names the others."""
import json
import os
import resource
import subprocess

import pytest

from site_ import BUILD, Site

LIMIT, TENANTS = 400, 40
JOB = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"a": {"type": "long"}}}}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    s.stop()


def test_tenants_beyond_the_descriptors_are_refused_by_name_and_the_others_served(site):
    for n in range(TENANTS):
        site.tenant("t%02d" % n, {"arrival": {"settle_seconds": 0}}, load=JOB)
    site.daemon = subprocess.Popen([os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json")],
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT // 2, LIMIT)))
    site.until(lambda: site.ctl("status").returncode == 0)

    def tenants():
        return {t["tenant"]: t for t in json.loads(site.ctl("--json", "status").stdout)["tenants"] if t["tenant"].startswith("t")}
    site.until(lambda: len(tenants()) == TENANTS)
    refused = {name for name, t in tenants().items() if t["state"] == "refused"}
    served = set(tenants()) - refused
    # the soft limit was raised to the hard one: half of it serves none
    assert len(served) == (LIMIT - 192) // 10 and len(refused) == TENANTS - len(served)
    for name in refused:
        assert "%d files open" % LIMIT in tenants()[name]["reason"] and "LimitNOFILE" in tenants()[name]["reason"]
    for name in served:
        site.drop(name, "a.csv", b"a\n1\n")
    site.until(lambda: all("a.csv" in site.names(name, "done") for name in served))
    assert len(os.listdir("/proc/%d/fd" % site.daemon.pid)) < LIMIT
