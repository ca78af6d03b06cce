"""Who we are at a sink and whom we trust: TLS, passwords, API keys, a tenant's own credentials, and secrets that stay secret.

A fault of these is the operator's: its files wait in work/ under the circuit that names it, no row is sent, and they go on by themselves
when it is mended.
"""
import base64
import json
import os
import shutil
import subprocess
import time

import pytest

from certificates import Authority, server_context
from fault_proxy import FaultProxy
from site_ import ROOT
from search_ import count, csv_of, documents, job, rows_of, same, site


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    ours, other = Authority(folder, "ours"), Authority(folder, "other")
    made = {"ours": ours, "other": other, "good": ours.issue("good"), "elsewhere": ours.issue("elsewhere", "DNS:elsewhere.example"),
            "expired": ours.issue("expired", days=-1), "client": ours.issue("client"), "stranger": other.issue("stranger")}
    return made


def status(s):
    return json.loads(s.ctl("--json", "status").stdout)


def circuit(s):
    found = [c for c in status(s)["sinks"] if c["state"] != "ok"]
    return found[0] if found else None


@pytest.fixture
def running():
    sites = []

    def start(s):
        sites.append(s)
        s.start()
        return s
    yield start
    for s in sites:
        s.stop()


def done(s, name):
    return os.path.exists(s.path("staging", s.name, "done", name))


def secret(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return str(path)


TLS = {  # name: certificate of the server, ca_file, kind and words of the fault
    "untrusted": ("good", "other", "config", "unable to get local issuer certificate"),
    "host-name": ("elsewhere", "ours", "config", "matches target"),
    "expired": ("expired", "ours", "config", "certificate has expired"),
    "no-authority": ("good", b"see the wiki\n", "config", "ca_file holds no certificate as PEM"),
    "authority-as-der": ("good", b"0\x82\x01\x0a\x00\x02", "key", "openssl x509 -inform der"),
}


@pytest.mark.parametrize("case", TLS)
def test_f_a_server_that_cannot_be_trusted(tmp_path, server, pki, running, case):
    opensearch = server("opensearch")
    cert, ca, kind, words = TLS[case]
    with FaultProxy(opensearch.url, tls=server_context(*pki[cert])) as p:
        if isinstance(ca, bytes):
            (tmp_path / "ca.crt").write_bytes(ca)
        else:
            shutil.copy(pki[ca].file, tmp_path / "ca.crt")
        s = running(site(tmp_path, p.url, sink={"ca_file": "ca.crt"}))
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        s.until(lambda: circuit(s), 30)
        c = circuit(s)
        credential = "platform" if kind == "key" else None  # a file that cannot be used is of whoever names it
        assert (c["sink"], c["credential"], c["fault"]) == ("main", credential, kind) and words in c["reason"], c
        assert p.bulks == [] and p.requests == []  # not one request went out
        s.until(lambda: [t for t in status(s)["tenants"] if t["waiting"] == 1], 30)
        # mended: another certificate or another authority
        p.tls = server_context(*pki["good"])
        shutil.copy(pki["ours"].file, tmp_path / "ca.crt")
        s.until(lambda: done(s, "a.csv"), 30)
        same(documents(opensearch, s.index), rows_of(5))


def test_f_one_node_that_cannot_be_trusted_leaves_the_load_to_the_others(tmp_path, server, pki, running):
    """Its certificate is of yesterday: it is tried again and again while the load goes on, and no byte goes there."""
    opensearch = server("opensearch")
    wide = {"properties": {"id": {"type": "long"}, "pad": {"type": "keyword", "index": False, "doc_values": False}}}
    with FaultProxy(opensearch.url, tls=server_context(*pki["good"])) as good, \
            FaultProxy(opensearch.url, tls=server_context(*pki["expired"])) as expired:
        good.delay = 0.5
        s = site(tmp_path, [good.url, expired.url], sink={"ca_file": pki["ours"].file}, spec=job(index={"mappings": wide}))
        running(s)
        s.drop(s.name, "a.csv", b"id,pad\n" + b"".join(b"%d,%s\n" % (i, b"x" * 7950) for i in range(3000)))
        s.until(lambda: done(s, "a.csv") or circuit(s), 60)
        assert circuit(s) is None and done(s, "a.csv"), circuit(s)
        r = s.receipt(s.name, "done", "a.csv")
        assert r["rows"]["indexed"] == 3000 and r["attempts"] == 1
        assert r["sinks"][0]["requests"] == len(good.bulks) and r["sinks"][0]["retries"] == 0
        assert expired.bulks == expired.requests == [] and len(good.bulks) > 16
        assert count(opensearch, s.index) == 3000


@pytest.mark.parametrize("vendor", ["opensearch", "elasticsearch"])
@pytest.mark.parametrize("wrong", ["https", "http"])
def test_f_the_scheme_of_the_other_port(tmp_path, server, running, wrong, vendor):
    """https to a port without TLS, http to one with it: the reason says what it is and what to write."""
    store = server(vendor, tls=wrong == "http")
    right, other = store.url, wrong + store.url[store.url.index(":"):]
    assert right != other
    sink = {"ca_file": store.ca} if wrong == "https" and getattr(store, "ca", None) else {}
    s = running(site(tmp_path, other, sink=sink))
    s.drop(s.name, "a.csv", csv_of(rows_of(5)))
    s.until(lambda: circuit(s), 30)
    c = circuit(s)
    assert (c["sink"], c["credential"], c["index"]) == ("main", None, None) and other in c["reason"], c
    if wrong == "https":
        assert c["fault"] == "config" and "no TLS is spoken there" in c["reason"] and "http://" in c["reason"], c
        assert "not trusted" not in c["reason"]
    else:
        assert c["fault"] == "temporary" and "if the port speaks TLS, urls must say https://" in c["reason"], c
    assert s.names(s.name, "failed") == s.names(s.name, "held") == []


CLIENT = {  # certificate, key, words of the fault: what we show to a server that wants one of "ours"
    "wrong-key": ("client", "stranger", "the key is not the certificate's"), "stranger": ("stranger", "stranger", "unknown ca"),
    # by TLS 1.3; TLS 1.2 has no word for it
    "none": (None, None, ("certificate required", "handshake failure"))}


@pytest.mark.parametrize("case", CLIENT)
def test_f_our_certificate_is_not_accepted(tmp_path, server, pki, running, case):
    opensearch = server("opensearch")
    cert, key, words = CLIENT[case]
    with FaultProxy(opensearch.url, tls=server_context(*pki["good"], clients=pki["ours"])) as p:
        sink = {"ca_file": pki["ours"].file}
        if cert:
            shutil.copy(pki[cert][0], tmp_path / "own.crt")
            shutil.copy(pki[key][1], tmp_path / "own.key")
            sink.update(client_cert_file="own.crt", client_key_file="own.key")
        s = running(site(tmp_path, p.url, sink=sink))
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        s.until(lambda: circuit(s), 30)
        c = circuit(s)
        assert (c["sink"], c["credential"], c["fault"]) == ("main", "platform", "key"), c
        assert any(w in c["reason"] for w in ([words] if isinstance(words, str) else words)), c
        assert "client_cert_file" in c["reason"] and p.bulks == [] and p.requests == [], c
        if not cert:
            return
        shutil.copy(pki["client"][0], tmp_path / "own.crt")
        shutil.copy(pki["client"][1], tmp_path / "own.key")
        s.until(lambda: done(s, "a.csv"), 30)
        same(documents(opensearch, s.index), rows_of(5))
        lines = [x for k in (key, "client") for x in open(pki[k][1]).read().split() if len(x) == 64]
        assert len(lines) > 40 and leaks(s, *lines) == [s.path("own.key")]


@pytest.mark.parametrize("wrong", ["mode", "missing", "empty", "latin-1", "mark"])
def test_f_a_secret_file_that_cannot_be_used(tmp_path, server, running, wrong):
    """Like ssh with its keys: readable by others is no secret.  No request is made."""
    with FaultProxy(server("opensearch").url) as p:
        path = secret(tmp_path / "password", "" if wrong == "empty" else "hush\n")
        if wrong == "mode":
            os.chmod(path, 0o640)
        elif wrong == "missing":
            os.unlink(path)
        elif wrong in ("latin-1", "mark"):
            with open(path, "wb") as f:
                f.write({"latin-1": b"h\xfcsh\n", "mark": b"\xef\xbb\xbfhush\n"}[wrong])
        s = running(site(tmp_path, p.url, sink={"username": "u", "password_file": "password"}))
        s.drop(s.name, "a.csv", csv_of(rows_of(5)))
        s.until(lambda: circuit(s), 30)
        c = circuit(s)
        assert c["fault"] == "key" and path in c["reason"] and p.requests == []
        words = {"mode": "chmod 600", "missing": "No such file", "empty": "is empty"}
        assert words.get(wrong, "must be UTF-8 without a byte order mark") in c["reason"]
        secret(path, "hush\n")
        s.until(lambda: done(s, "a.csv"), 30)


def test_f_keys_of_ingestd_json_are_judged(tmp_path):
    from site_ import Site
    bad = {"a": ({"type": "elasticsearch"}, '"urls" is missing'),
           "b": ({"type": "elasticsearch", "urls": ["http://u:swordfish@h:9200"]}, "may not hold a user or a password"),
           "c": ({"type": "elasticsearch", "urls": ["ftp://h"]}, "must begin with http"),
           "d": ({"type": "elasticsearch", "urls": ["http://h"], "path": "x"}, '"path" is a key of type sqlite'),
           "e": ({"type": "elasticsearch", "urls": ["http://h"], "username": "u"}, '"username" needs "password_file"'),
           "f": ({"type": "elasticsearch", "urls": ["http://h"], "ca_file": "x"}, '"ca_file" needs a url with https'),
           "g": ({"type": "elasticsearch", "urls": ["https://h"], "client_cert_file": "x"}, 'needs "client_key_file"'),
           "h": ({"type": "sqlite", "path": "p", "urls": ["http://h"]}, '"urls" is a key of type elasticsearch'),
           "i": ({"type": "elasticsearch", "urls": ["https://h"], "api_key_file": "k", "username": "u", "password_file": "p"},
                 "exclude each other"),
           "j": ({"type": "elasticsearch", "urls": ["https://h", "https://h/"]}, "urls[1] is urls[0] again")}
    for n, host in enumerate(["h:92x0", "h:99999", "h:0", "h:", "h:/es", "[::1:9200", "[::1]9200", "fe80::1:9200", "h:000092"]):
        bad["k%d" % n] = ({"type": "elasticsearch", "urls": ["http://" + host]}, "urls[0] has no port of 1 to 65535")
    s = Site(tmp_path, sinks={k: v for k, (v, _) in bad.items()}, default_sinks=["a"])
    told = s.run("-t").stderr
    for name, (_, words) in bad.items():
        assert any("$.sinks.%s:" % name in line and words in line for line in told.splitlines()), (name, told)
    assert "swordfish" not in told
    urls = ["http://h", "http://h:1", "https://h:65535/es/", "http://[::1]", "http://[fe80::1]:9200/a:b"]
    told = Site(tmp_path, sinks={"a": {"type": "elasticsearch", "urls": urls}}).run("-t").stderr
    assert "urls" not in told and "0 errors" in told, told


def test_f_the_check_looks_at_the_secrets_files(tmp_path):
    """ingestd -t, without a server: the platform's and the tenant's."""
    s = site(tmp_path, "https://127.0.0.1:1", sink={"username": "u", "password_file": "absent"},
             profile={"sinks": {"main": {"api_key_file": "own.key"}}})
    with open(s.path("profiles", s.name, "own.key"), "w") as f:
        f.write("id:swordfish\n")
    os.chmod(s.path("profiles", s.name, "own.key"), 0o644)
    done = s.run("-t")
    assert done.returncode == 78 and "2 errors" in done.stderr and "swordfish" not in done.stderr
    assert "$.sinks.main: password_file" in done.stderr and "No such file" in done.stderr
    assert "own.key has mode 0644" in done.stderr and "chmod 600" in done.stderr
    secret(tmp_path / "absent", "x")
    os.chmod(s.path("profiles", s.name, "own.key"), 0o600)
    assert s.run("-t").returncode == 0


def of_the_page(request, pattern):
    """What docs/cluster.md tells to send, for other names."""
    with open(os.path.join(ROOT, "docs", "cluster.md")) as f:
        text = f.read()
    body = text[text.index(request + "\n") + len(request):]
    return json.loads(body[:body.index("```")].replace('"alice-*", "bob-*"', json.dumps(pattern)))


def leaks(s, *secrets):
    """Where any of the secrets can be read: logs, receipts, journal, state, and the command lines and environments of now."""
    found = []
    for top, _, names in os.walk(s.folder):
        for name in names:
            path = os.path.join(top, name)
            if "secret" in path or os.path.basename(top) == "own":
                continue
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                text = f.read()
            found += [path] * any(x.encode() in text for x in secrets)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for what in "cmdline", "environ":
            try:
                with open("/proc/%s/%s" % (pid, what), "rb") as f:
                    text = f.read()
            except OSError:
                continue
            if b"ingest" in text:
                found += ["/proc/%s/%s" % (pid, what)] * any(x.encode() in text for x in secrets)
    return found


def test_f_user_and_password_and_a_tenants_own_on_opensearch(tmp_path, server, running):
    """Basic authentication against the security plugin; least privileges of docs/cluster.md; nothing is told to anybody."""
    store = server("opensearch", tls=True)
    hidden = tmp_path / "secrets"
    hidden.mkdir()
    # a user of the platform's own: the server's first one has a name that is its password
    platform, phrase = "p%d-%d" % (os.getpid(), time.time_ns() % 100000), "Every-Phrase-%d" % time.time_ns()
    secret(hidden / "platform", phrase + "\n")
    s = site(tmp_path, store.url, tenant=platform + "-t",
             sink={"ca_file": store.ca, "username": platform, "password_file": "secrets/platform"})
    made = (("roles", of_the_page("PUT /_plugins/_security/api/roles/ingestd", s.name + "-*")),
            ("internalusers", {"password": phrase}), ("rolesmapping", {"users": [platform]}))
    for what, body in made:
        assert store.request("/_plugins/_security/api/%s/%s" % (what, platform), "PUT", body)[0] in (200, 201)
    own, pattern = s.name + "-own", s.name + "-own-*"
    role = of_the_page("PUT /_plugins/_security/api/roles/ingestd", pattern)
    assert store.request("/_plugins/_security/api/roles/" + own, "PUT", role)[0] in (200, 201)
    password = "Own-Pass-" + s.name
    assert store.request("/_plugins/_security/api/internalusers/" + own, "PUT", {"password": password})[0] in (200, 201)
    assert store.request("/_plugins/_security/api/rolesmapping/" + own, "PUT", {"users": [own]})[0] in (200, 201)
    s.tenant(own, profile={"arrival": {"settle_seconds": 0}, "sinks": {"main": {"username": own, "password_file": "own.secret"}}},
             rows=job())
    secret(s.path("profiles", own, "own.secret"), "wrong-swordfish\n")
    running(s)
    s.drop(own, "a.csv", csv_of(rows_of(5)))
    s.until(lambda: circuit(s), 30)
    c = circuit(s)
    assert (c["sink"], c["credential"], c["index"], c["fault"]) == ("main", own, None, "key") and "401" in c["reason"], c
    # the platform's credential is another circuit
    s.drop(s.name, "a.csv", csv_of(rows_of(5)))
    s.until(lambda: done(s, "a.csv"), 30)
    secret(s.path("profiles", own, "own.secret"), password + "\n")
    s.until(lambda: os.path.exists(s.path("staging", own, "done", "a.csv")), 30)
    same(documents(store, own + "-rows"), rows_of(5))
    header = [base64.b64encode(("%s:%s" % pair).encode()).decode() for pair in
              ((platform, phrase), (own, password), (own, "wrong-swordfish"))]
    assert leaks(s, phrase, password, "wrong-swordfish", *header) == []
    assert leaks(s, '"%s"' % platform) == [s.path("ingestd.json")]  # the name of the user alone: what is looked for is found
    # what the role does not allow: another index, answered 403
    s.tenant(own, profile={"arrival": {"settle_seconds": 0}, "index_prefix": "", "sinks": {"main": {
        "username": own, "password_file": "own.secret"}}}, rows=job(index={"name": "x" + s.name + "-rows"}))
    s.ctl("reload")
    s.drop(own, "b.csv", csv_of(rows_of(5, 100)))
    s.until(lambda: circuit(s), 30)
    c = circuit(s)
    assert c["fault"] == "key" and "403" in c["reason"] and "privilege" in c["reason"]
    assert (c["credential"], c["index"]) == (own, "x" + s.name + "-rows")
    assert count(store, s.name + "-rows") == 5


def test_f_a_privilege_that_one_tenant_lacks_stops_no_other(tmp_path, server, running):
    """The page's key for the tenants it names; another tenant's oldest waiting file is not everybody's probe."""
    store = server("elasticsearch", tls=True)
    s = site(tmp_path, store.url, sink={"ca_file": store.ca, "api_key_file": "secrets/key"})
    other = s.name + "x"
    asked = of_the_page("POST /_security/api_key", s.name + "-*")
    code, key = store.request("/_security/api_key", "POST", asked)
    assert code == 200, key
    (tmp_path / "secrets").mkdir()
    secret(tmp_path / "secrets" / "key", key["encoded"])
    s.tenant(other, profile={"arrival": {"settle_seconds": 0}}, rows=job())
    running(s)
    s.drop(other, "a.csv", csv_of(rows_of(5)))
    s.until(lambda: circuit(s), 30)
    assert (circuit(s)["credential"], circuit(s)["index"]) == ("platform", other + "-rows") and "403" in circuit(s)["reason"]
    for name in ("a.csv", "b.csv"):
        s.drop(s.name, name, csv_of(rows_of(5)))
        s.until(lambda: done(s, name), 30)
    assert circuit(s)["index"] == other + "-rows" and s.names(other, "done") == []


def test_f_api_key_on_elasticsearch(tmp_path, server, running):
    """An API key with the least privileges of docs/cluster.md, as id:key and encoded; a wrong one; an invalidated one."""
    store = server("elasticsearch", tls=True)
    hidden = tmp_path / "secrets"
    hidden.mkdir()
    s = site(tmp_path, store.url, sink={"ca_file": store.ca, "api_key_file": "secrets/key"})
    asked = of_the_page("POST /_security/api_key", s.name + "-*")
    code, key = store.request("/_security/api_key", "POST", asked)
    assert code == 200, key
    secret(hidden / "key", "%s:%s" % (key["id"], "wrong-swordfish"))
    running(s)
    s.drop(s.name, "a.csv", csv_of(rows_of(5)))
    s.until(lambda: circuit(s), 30)
    c = circuit(s)
    assert (c["credential"], c["fault"]) == ("platform", "key") and "401" in c["reason"] and "api_key_file" in c["reason"], c
    secret(hidden / "key", "ApiKey %s" % key["encoded"])
    s.until(lambda: circuit(s) and 'leave out "ApiKey"' in circuit(s)["reason"], 30)
    assert key["encoded"] not in circuit(s)["reason"]
    secret(hidden / "key", "%s:%s\n" % (key["id"], key["api_key"]))
    s.until(lambda: done(s, "a.csv"), 30)
    secret(hidden / "key", key["encoded"])
    s.drop(s.name, "b.csv", csv_of(rows_of(5, 6)))
    s.until(lambda: done(s, "b.csv"), 30)
    same(documents(store, s.index), rows_of(10))
    store.request("/_security/api_key", "DELETE", {"ids": [key["id"]]})
    s.drop(s.name, "c.csv", csv_of(rows_of(5, 11)))
    s.until(lambda: circuit(s), 30)
    assert circuit(s)["fault"] == "key"
    assert leaks(s, key["api_key"], key["encoded"], base64.b64encode(("%s:wrong-swordfish" % key["id"]).encode()).decode(),
                 "wrong-swordfish") == []
