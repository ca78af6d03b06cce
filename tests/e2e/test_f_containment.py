"""What a worker may do when hostile bytes have taken it over: nothing but its tenant's own work."""
import json

from site_ import Site

FAST = {"arrival": {"settle_seconds": 0}}
JOB = {"pattern": "*.csv", "input": {"header": True}}


def status(s):
    return json.loads(s.ctl("--json", "status").stdout)


def of_process(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)


def limits(pid):
    with open("/proc/%d/limits" % pid) as f:
        return {line[:25].strip(): line[25:].split()[:2] for line in f.read().splitlines()[1:]}


def test_f_a_worker_has_no_capability_no_new_privileges_and_a_list_of_calls(tmp_path):
    s = Site(tmp_path)
    s.tenant("alice", FAST, t=JOB)
    s.drop("alice", "a.csv", b"n\n1\n")
    s.start()
    try:
        s.until(lambda: "a.csv" in s.names("alice", "done"))
        worker, = status(s)["processes"]
        p, l = of_process(worker["pid"]), limits(worker["pid"])
        assert [p[k].strip() for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == ["0" * 16] * 4
        assert p["NoNewPrivs"].strip() == "1" and p["Seccomp"].strip() == "2"
        assert l["Max core file size"] == ["0", "0"] and l["Max open files"] == ["256", "256"]
        assert l["Max address space"] == [str(1 << 30)] * 2 and int(l["Max cpu time"][0]) <= 601
        assert int(l["Max file size"][1]) == 256 << 30
        assert status(s)["containment"]["kernel_lacks"] is None
    finally:
        s.stop()
