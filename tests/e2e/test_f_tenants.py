"""f_ security: tenants beside each other on one cluster: what is one's the other neither writes nor names."""
import json
import os
import urllib.parse

from http_ import HttpSite
from search_ import csv_of, documents, job, rows_of, same, site
from site_ import Site


def test_f_an_index_of_another_tenants_name_space_is_refused(tmp_path, server):
    """Tenant x and tenant x-b: what x calls b-rows is x-b's rows."""
    s = site(tmp_path, server("opensearch").url, workers=2)
    other = s.name + "-b"
    s.tenant(s.name, {"arrival": {"settle_seconds": 0}}, rows=job(), theirs=job(pattern="*.txt", input={"format": "csv", "header": True}, index={"name": "b-rows"}))
    s.tenant(other, {"arrival": {"settle_seconds": 0}}, rows=job())
    s.start()
    try:
        s.drop(s.name, "theirs.txt", csv_of(rows_of(5, 100)))
        s.drop(s.name, "own.csv", csv_of(rows_of(3)))
        s.drop(other, "own.csv", csv_of(rows_of(4, 50)))
        s.until(lambda: "own.csv" in s.names(s.name, "done") and "own.csv" in s.names(other, "done"))
        s.until(lambda: "theirs.txt.receipt.json" in s.names(s.name, "held") + s.names(s.name, "done") + s.names(s.name, "failed"))
        receipt = s.receipt(s.name, "held", "theirs.txt")
        assert "is in the name space of another tenant" in receipt["reason"] and receipt["documents"] in (0, None)
        same(documents(server("opensearch"), other + "-rows"), rows_of(4, 50))
        same(documents(server("opensearch"), s.name + "-rows"), rows_of(3))
        # over the API it is not made at all; a name that only looks like it is
        for name, code in (("b-rows", 1), ("b-other", 1), (s.name + "-b-rows", 1), ("brows", 0), (s.name + "-brows", 0)):
            with open(s.path("job.json"), "w") as f:
                json.dump(job(pattern="never", index={"name": name}), f)
            done = s.ctl("job", "create", s.name + "/made", s.path("job.json"))
            assert done.returncode == code and ("$.index.name" in done.stderr) == bool(code), (name, done.stderr)
    finally:
        s.stop()


def below(*paths):
    """The names and the bytes of everything there."""
    found = b""
    for path in paths:
        for folder, names, files in os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), [], [os.path.basename(path)])]:
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    found += name.encode() + b"\0" + f.read() + b"\0"
            found += "\0".join(names).encode()
    return found


def test_f_folders_logs_stores_and_profiles_hold_nothing_of_the_other(tmp_path):
    s = Site(tmp_path, workers=2)
    whose = {"alice": "kanarie", "bob": "merel"}
    for tenant, bird in whose.items():
        s.tenant(tenant, {"arrival": {"settle_seconds": 0}}, **{bird: {
            "pattern": bird + "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 0.6},
            "index": {"name": bird, "mappings": {"properties": {"n": {"type": "integer"}, bird: {"type": "keyword"}}}}}})
    s.start()
    try:
        for tenant, bird in whose.items():
            s.drop(tenant, bird + ".csv", ("n,%s\n1,%s\nx,%s-rejected\n" % (bird, bird, bird)).encode())
            s.drop(tenant, bird + ".fails", bird.encode())
        for tenant, bird in whose.items():
            s.until(lambda t=tenant, b=bird: b + ".csv" in s.names(t, "done") and b + ".fails" in s.names(t, "failed"))
    finally:
        assert s.stop() == 0
    for tenant, bird in whose.items():
        places = [s.path(*p) for p in (("staging", tenant), ("profiles", tenant), ("var", "data", tenant), ("logs", tenant + ".log"))]
        other, = set(whose.values()) - {bird}
        for place in places:
            bytes_there = below(place)
            assert bird.encode() in bytes_there and other.encode() not in bytes_there, place
            assert ({"alice", "bob"} - {tenant}).pop().encode() not in bytes_there, place


def test_f_a_job_uses_the_sinks_of_its_tenants_profile_and_no_other(tmp_path):
    s = HttpSite(tmp_path, sinks={"local": {"type": "sqlite", "path": "var/data"}, "other": {"type": "sqlite", "path": "var/other"}},
                 default_sinks=["local"])
    s.tenant("alice", {"arrival": {"settle_seconds": 0}, "sinks": {"local": {}}})
    token = s.token("alice")
    s.start()
    try:
        made = {"pattern": "*.csv", "input": {"header": True}, "index": {"name": "t", "mappings": {"properties": {"n": {"type": "integer"}}}}}
        refused = s.ask("PUT", "/v1/tenants/alice/jobs/t", token, {**made, "sinks": ["other"]})
        assert refused.status == 422 and "$.sinks" in refused.json["detail"], refused
        assert s.ask("PUT", "/v1/tenants/alice/jobs/t", token, {**made, "sinks": ["local"]}).status == 201
        s.drop("alice", "a.csv", b"n\n1\n")
        s.until(lambda: "a.csv" in s.names("alice", "done"))
        assert len(s.rows("alice", "alice-t")) == 1 and not os.path.exists(s.path("var", "other", "alice"))
    finally:
        s.stop()


def test_f_whose_file_found_a_sink_sick_is_not_told_to_the_others(tmp_path):
    """The words of the fault name bob's index; alice waits for the same sink and the same credential."""
    s = HttpSite(tmp_path, sinks={"main": {"type": "elasticsearch", "urls": ["http://127.0.0.1:1"]}}, default_sinks=["main"])
    s.tenant("alice", {"arrival": {"settle_seconds": 0}}, rows=job())
    s.tenant("bob", {"arrival": {"settle_seconds": 0}}, rows=job(index={"name": "kanarie"}))
    token, operator = s.token("alice"), s.token("operator")
    s.start()
    try:
        s.drop("bob", "b.csv", csv_of(rows_of(3)))
        s.until(lambda: b"kanarie" in s.ask("GET", "/v1/status", operator).body)
        s.drop("alice", "a.csv", csv_of(rows_of(3)))
        s.until(lambda: [x["state"] for x in s.ask("GET", "/v1/queue", token).json] == ["waiting"])
        for path in ("/v1/queue", "/v1/status", "/v1/files"):
            body = s.ask("GET", path, token).body
            assert b"sink main is in trouble" in body and b"kanarie" not in body and b"bob" not in body, body
        assert "sink main is in trouble" in s.log("alice") and "kanarie" not in s.log("alice")
    finally:
        s.stop()


def test_f_which_write_filled_the_disk_is_the_operators(tmp_path):
    """What met the full disk may have been another tenant's file: status and explain tell a tenant that there is no room, and no more."""
    s = HttpSite(tmp_path, min_free_bytes=1 << 50)
    s.tenant("alice", {"arrival": {"settle_seconds": 0}}, rows=job())
    token, operator = s.token("alice"), s.token("operator")
    s.start()
    try:
        s.drop("alice", "a.csv", csv_of(rows_of(3)))
        path = "/v1/explain?" + urllib.parse.urlencode({"path": s.path("staging", "alice", "in", "a.csv")})
        s.until(lambda: b"the filesystem of" in s.ask("GET", path, operator).body)
        told = s.ask("GET", path, token).json
        assert told["rule"] == "disk" and "there is not enough room on the disk" in told["explanation"], told
        for p in (path, "/v1/status"):
            body = s.ask("GET", p, token).body
            assert b"not enough room" in body and b"filesystem" not in body, body
    finally:
        s.stop()
