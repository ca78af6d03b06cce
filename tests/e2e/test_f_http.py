"""f_ security: the TCP listener: loopback alone, tokens and their scopes, rates, bounds, slow and hostile clients."""
import hashlib
import json
import os
import re
import socket
import stat
import time

import pytest

from http_ import HttpSite, request, routes

JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}, "s": {"type": "keyword"}}}}}
FAST = {"arrival": {"settle_seconds": 0}}


@pytest.fixture
def site(tmp_path):
    s = HttpSite(tmp_path, workers=2)
    yield s
    if s.daemon:
        s.stop()


# --- where it listens ---

@pytest.mark.parametrize("address,said", [
    ("0.0.0.0:8370", "that is no loopback address"), ("192.168.1.2:8370", "that is no loopback address"),
    ("[::]:8370", "that is no loopback address"), ("[fe80::1]:8370", "that is no loopback address"),
    ("[::ffff:10.0.0.1]:8370", "that is no loopback address"), ("localhost:8370", "no IPv4 address before the port"),
    ("ingest.example:80", "no IPv4 address before the port"), ("127.0.0.1", "no port behind the last colon"),
    ("127.0.0.1:0", "no port behind the last colon"), ("127.0.0.1:65536", "no port behind the last colon"),
    ("127.0.0.1:80x", "no port behind the last colon"), ("127.1:8370", "no IPv4 address before the port"),
    ("[::1:8370", "no ] before the port"), (":8370", "no IPv4 address before the port")])
def test_an_address_that_is_not_loopback_is_refused_by_name(tmp_path, address, said):
    done = HttpSite(tmp_path, admin={"http": address}).run("-t")
    assert done.returncode == 78
    assert '$.admin.http: "%s": %s; allowed: a loopback address and a port, like 127.0.0.1:8370' % (address, said) in done.stderr


def test_it_listens_on_loopback_and_nowhere_else(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    assert request(site.port, "GET", "/healthz").status == 200
    others = {i[4][0] for i in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        if not address.startswith("127."):
            with pytest.raises(OSError):
                socket.create_connection((address, site.port), timeout=5)


def test_a_port_that_is_taken_is_said_and_exits_1(site):
    with socket.socket() as s:
        s.bind(("127.0.0.1", site.port))
        s.listen()
        done = site.run("--once")
    assert done.returncode == 1 and "admin.http: cannot listen at 127.0.0.1:%d: Address already in use" % site.port in done.stderr


# --- tokens ---

def test_a_token_is_told_once_and_only_its_hash_is_kept(site):
    site.tenant("bob", FAST, t=JOB)
    made = json.loads(site.ctl("--json", "token", "add", "bob").stdout)
    assert re.fullmatch(r"ingest_[A-Za-z0-9_-]{43}", made["token"]) and made["scope"] == "bob"
    path = site.path("secrets", "tokens")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    text = open(path).read()
    assert made["token"] not in text and made["token"][7:] not in text
    assert "%s tenant:bob sha256:%s " % (made["id"], hashlib.sha256(made["token"].encode()).hexdigest()) in text
    site.start()
    assert site.ask("GET", "/v1/tenants/bob", made["token"]).status == 200
    shown = site.ctl("token", "list").stdout + site.ctl("--json", "token", "list").stdout + site.log("ingestd")
    assert made["id"] in shown and made["token"] not in shown
    assert len({site.token("bob") for _ in range(5)}) == 5
    site.stop()
    for base, _, names in os.walk(site.folder):
        for name in names:
            with open(os.path.join(base, name), "rb") as f:
                assert made["token"][7:].encode() not in f.read(), name


def test_revoke_is_in_force_at_once_with_and_without_a_daemon(site):
    for t in ("alice", "bob"):
        site.tenant(t, FAST, t=JOB)
    first, second, other, op = site.token("bob"), site.token("bob"), site.token("alice"), site.token("operator")
    ids = [k["id"] for k in json.loads(site.ctl("--json", "token", "list", "bob").stdout)]
    assert len(ids) == 2
    site.start()
    assert [site.ask("GET", "/v1/status", t).status for t in (first, second, other, op)] == [200] * 4
    assert site.ctl("token", "revoke", ids[0]).returncode == 0
    assert [site.ask("GET", "/v1/status", t).status for t in (first, second, other, op)] == [401, 200, 200, 200]
    assert site.ctl("token", "revoke", "bob").returncode == 0
    assert [site.ask("GET", "/v1/status", t).status for t in (first, second, other, op)] == [401, 401, 200, 200]
    third = site.token("bob")
    assert site.ask("GET", "/v1/status", third).status == 200
    site.stop()
    assert site.ctl("token", "revoke", "operator").returncode == 0
    site.start()
    assert [site.ask("GET", "/v1/status", t).status for t in (third, op)] == [200, 401]
    assert site.ctl("token", "revoke", "bob").returncode == 0
    assert site.ctl("token", "revoke", "bob").returncode == 1


def test_tokens_need_a_tenant_and_a_file_to_be_kept_in(site, tmp_path):
    site.tenant("bob", FAST, t=JOB)
    for name, said in (("carol", "no tenant carol"), ("Bob", "neither operator nor a tenant's name"), ("../x", "neither operator")):
        done = site.ctl("token", "add", name)
        assert done.returncode == 1 and said in done.stderr
    assert not os.path.exists(site.path("secrets", "tokens"))
    bare = HttpSite(tmp_path / "x" if (tmp_path / "x").mkdir() is None else None, admin={"tokens_file": None})
    for verb in (["add", "operator"], ["list"], ["revoke", "operator"]):
        done = bare.ctl("token", *verb)
        assert done.returncode == 2 and "$.admin.tokens_file is not set" in done.stderr


@pytest.mark.parametrize("spoil,said", [
    (lambda p: open(p, "a").write("K00000000 tenant:bob sha256:12 x\n"), "line 3: no sha256: with 64 digits"),
    (lambda p: open(p, "a").write("K00000000 everybody sha256:%s x\n" % ("0" * 64)), "line 3: neither `operator` nor `tenant:NAME`"),
    (lambda p: os.chmod(p, 0o644), "others can read it: chmod 600")])
def test_a_file_of_tokens_that_is_wrong_lets_nobody_in_until_it_is_mended(site, spoil, said):
    site.tenant("bob", FAST, t=JOB)
    token = site.token("bob")
    site.start()
    assert site.ask("GET", "/v1/status", token).status == 200
    path = site.path("secrets", "tokens")
    good = open(path).read()
    spoil(path)
    answer = site.ask("GET", "/v1/status", token)
    assert answer.status == 401 and said not in answer.json["detail"]
    assert said in site.log("ingestd") and said in site.ctl("token", "list").stderr
    with open(path, "w") as f:
        f.write(good)
    os.chmod(path, 0o600)
    assert site.ask("GET", "/v1/status", token).status == 200


def test_without_tokens_file_only_health_and_metrics_are_served(tmp_path):
    site = HttpSite(tmp_path, admin={"tokens_file": None})
    site.tenant("bob", FAST, t=JOB)
    site.start()
    try:
        for _, who, method, path in routes():
            answer = site.ask(method, path.replace("{T}", "bob").replace("{J}", "t").replace("{ID}", "x"))
            assert (answer.status in (200, 503)) == (who in ("PUBLIC", "OPEN")), (path, answer)
            if answer.status == 403:
                assert "admin.tokens_file is not set" in answer.json["detail"]
    finally:
        site.stop()


def test_every_route_asks_for_a_token_and_says_how(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    for given in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer ingest_" + "A" * 43}, {"Authorization": "Basic Ym9iOng="},
                  {"Authorization": "Bearer " + "x" * 5000}):
        for _, who, method, path in routes() + [("", "", "GET", "/nothing"), ("", "", "BREW", "/v1/status")]:
            answer = site.ask(method, path, headers=given)
            if who == "PUBLIC":
                assert answer.status in (200, 503)
                continue
            assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer"), (path, answer)
            assert answer.headers["Content-Type"] == "application/problem+json" and answer.json["status"] == 401


def test_what_is_the_operators_is_refused_to_a_tenant(site):
    site.tenant("bob", FAST, t=JOB)
    bob, op = site.token("bob"), site.token("operator")
    site.start()
    mine = [(m, p) for _, who, m, p in routes() if who in ("OPERATOR", "OPEN")]
    assert ("POST", "/v1/reload") in mine
    for method, path in mine:
        path = path.replace("{T}", "bob").replace("{J}", "t").replace("{ID}", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        answer = site.ask(method, path, bob)
        assert answer.status == 403 and "operator" in answer.json["detail"], (path, answer)
        assert site.ask(method, path, op).status not in (401, 403), path


# --- bounds ---

def test_one_tokens_rate_stops_that_token_and_no_other(tmp_path):
    site = HttpSite(tmp_path, admin={"requests_per_second": 5})
    for t in ("alice", "bob"):
        site.tenant(t, FAST, t=JOB)
    alice, bob = site.token("alice"), site.token("bob")
    site.start()
    try:
        got = [site.ask("GET", "/v1/tenants/bob", bob) for _ in range(30)]
        assert [a.status for a in got[:20]] == [200] * 20
        late = [a for a in got if a.status == 429]
        assert late and late[0].headers["Retry-After"] == "1" and "of this token" in late[0].json["detail"]
        assert site.ask("GET", "/v1/tenants/alice", alice).status == 200
        site.until(lambda: site.ask("GET", "/v1/tenants/bob", bob).status == 200)
        # a source has four tokens' worth
        flood = [site.ask("GET", "/healthz").status for _ in range(100)]
        assert flood.count(429) and set(flood) == {200, 429}
        assert site.ctl("status").returncode == 0  # the socket has no such limit
    finally:
        site.stop()


def raw(site, data, seconds=40):
    """What comes back for these bytes, and how long until the end."""
    began = time.monotonic()
    out = b""
    with socket.create_connection(("127.0.0.1", site.port), timeout=seconds) as s:
        s.sendall(data)
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                out += piece
                if b"\r\n\r\n" in out and b"Connection: close" not in out:
                    break
        except ConnectionError:
            pass
    return out, time.monotonic() - began


def test_heads_and_bodies_that_are_too_large_are_refused(site):
    site.tenant("bob", FAST, t=JOB)
    op = site.token("operator")
    site.start()
    auth = {"Authorization": "Bearer " + op}
    assert site.ask("GET", "/v1/files?state=" + "x" * 3000, op).status == 400
    assert site.ask("GET", "/v1/" + "x" * 5000, op).status == 414
    many = site.ask("GET", "/v1/status", headers={**auth, **{"X-%d" % i: "v" for i in range(80)}})
    assert many.status == 431 and many.json["detail"] == "more than 64 header lines"
    assert raw(site, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"v" * 100000 + b"\r\n\r\n")[0].split(b" ")[1] in (b"431", b"413", b"414", b"400")
    big = site.ask("POST", "/v1/reload", op, body=b"x" * (1024 * 1024 + 1))
    assert big.status == 413 and big.json["title"] == "Body too large"
    assert site.ask("POST", "/v1/reload", op, body=b"x" * (1024 * 1024)).status == 200


@pytest.mark.parametrize("data", [
    b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET /healthz\r\n\r\n", b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
    b"GET /v1/tenants/%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n"], ids=lambda d: repr(d)[2:30])
def test_what_is_no_request_harms_nobody(site, data):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    out, _ = raw(site, data + b"\r\n")
    assert not out or 400 <= int(out.split(b" ")[1]) < 600, out
    assert site.ask("GET", "/healthz").status == 200


def test_slow_clients_are_ended_and_others_served_meanwhile(site):
    """A head byte by byte would never be silent; a full house would shut the others out for ever."""
    site.tenant("bob", FAST, t=JOB)
    site.start()
    slow = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(60)]
    began = time.monotonic()
    for s in slow:
        s.sendall(b"GET /healthz HTTP/1.1\r\n")
    assert site.ask("GET", "/healthz").status == 200
    assert site.ctl("status").returncode == 0
    left = list(slow)
    while left and time.monotonic() - began < 40:
        for s in list(left):
            try:
                s.settimeout(0.001)
                s.sendall(b"X")
                if s.recv(10) == b"":
                    raise ConnectionError
            except TimeoutError:
                pass
            except OSError:
                left.remove(s)
                s.close()
    assert not left and 15 < time.monotonic() - began < 30
    assert site.ask("GET", "/healthz").status == 200


def test_a_method_that_a_path_does_not_take_names_those_it_takes(site):
    site.tenant("bob", FAST, t=JOB)
    op = site.token("operator")
    site.start()
    answer = site.ask("DELETE", "/v1/status", op)
    assert answer.status == 405 and answer.headers["Allow"] == "GET"
    head = site.ask("HEAD", "/v1/status", op)
    assert head.status == 200 and head.body == b""
    assert site.ask("GET", "/v1/nothing", op).status == 404


def test_a_nul_does_not_end_a_path(site):
    """r_ found: /v1/tenants/bob%00/... was /v1/tenants/bob."""
    site.tenant("bob", FAST, t=JOB)
    op = site.token("operator")
    site.start()
    assert site.ask("GET", "/v1/tenants/bob%00", op).status == 404
    assert site.ask("GET", "/v1/status%00x", op).status == 404
    assert site.ask("GET", "/v1/files?tenant=bob%00x", op).json == []


def test_runs_of_a_job_of_any_tenant_can_be_listed(site):
    """r_ found: GET /v1/runs?job= without ?tenant= ended the daemon."""
    site.tenant("bob", FAST, t=JOB)
    op = site.token("operator")
    site.start()
    assert site.ask("GET", "/v1/runs?job=t", op).json == []
