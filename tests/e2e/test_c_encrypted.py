"""Encrypted files end to end: Debian's age encrypts, the keyring of the tenant opens, the rows are those of the plain file."""
import gzip
import hashlib
import json
import lzma
import os
import subprocess

import pytest

import tools
from site_ import BUILD, ROOT, Site, balanced

ROWS = [b"%d,%s" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()) for i in range(5000)]
PLAIN = b"n,h\n" + b"\n".join(ROWS) + b"\n"
WANT = [(i, hashlib.sha256(b"%d" % i).hexdigest()) for i in range(5000)]
JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"mappings": {"properties": {"n": {"type": "integer"}, "h": {"type": "keyword"}}}},
       "rejects": {"max_ratio": 0.5}}
PROFILE = {"arrival": {"settle_seconds": 0}, "formats": ["csv", "compressed", "age"]}


def zstd(data, *args):
    return subprocess.run(["zstd", "-q", "-c", *args], input=data, capture_output=True, check=True).stdout


INNER = {"": lambda d: d, ".gz": lambda d: gzip.compress(d, mtime=0), ".zst": zstd, ".xz": lzma.compress}


def age(data, *args):
    return subprocess.run(["age", *args], input=data, capture_output=True, check=True).stdout


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    s.tenant("bob", PROFILE, load=JOB)
    yield s
    s.stop()


def recipients(site, tenant="bob"):
    return site.path("staging", tenant, "recipients.txt")


def key(site, *words):
    done = site.ctl("--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_of(site, receipt):
    return sorted((r["n"], r["h"]) for r in site.rows("bob", "bob-load") if r["_id"].startswith(receipt["delivery"]))


def test_same_rows_encrypted_over_each_compression(site):
    made = key(site, "keygen", "bob")
    files = {}
    for ext, make in INNER.items():
        files["day%s.csv%s.age" % (ext.strip("."), ext)] = age(make(PLAIN), "-R", recipients(site))
        files["arm%s.csv%s.age" % (ext.strip("."), ext)] = age(make(PLAIN), "-a", "-R", recipients(site))
    for name, content in files.items():
        site.drop("bob", name, content)
    assert site.once().returncode == 0
    for name, content in files.items():
        receipt = site.receipt("bob", "done", name)
        assert receipt["rows"]["indexed"] == 5000 and balanced(receipt)
        assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
        assert receipt["encrypted_to"] == made["recipient"]
        assert rows_of(site, receipt) == WANT


def test_convert_and_why_read_an_encrypted_file(site):
    key(site, "keygen", "bob")
    content = age(gzip.compress(PLAIN), "-R", recipients(site))
    site.drop("bob", "day.csv.gz.age", content)
    site.start()
    site.until(lambda: "day.csv.gz.age" in site.names("bob", "done"))
    receipt = site.receipt("bob", "done", "day.csv.gz.age")
    why = site.ctl("--json", "why", receipt["delivery"] + "-2s")
    assert why.returncode == 0, why.stderr
    assert json.loads(why.stdout)["raw"] == ROWS[99].decode()
    done = subprocess.run([os.path.join(BUILD, "ingest-worker"), "--convert", "-c", site.path("ingestd.json"), "--tenant", "bob",
                           "--job", "load", site.path("staging", "bob", "done", "day.csv.gz.age")], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"\n") == 10000


# --- keys ---

def test_keygen_rotate_retire_list(site):
    first = key(site, "keygen", "bob")
    refused = site.ctl("keygen", "bob")
    assert refused.returncode == 1 and "key rotate bob" in refused.stderr
    second = key(site, "key", "rotate", "bob")
    third = key(site, "key", "rotate", "bob")
    assert len({k["recipient"] for k in (first, second, third)}) == 3
    states = {k["recipient"]: k["state"] for k in key(site, "key", "list", "bob")}
    assert states == {first["recipient"]: "accepted", second["recipient"]: "accepted", third["recipient"]: "current"}
    with open(recipients(site)) as f:
        assert f.read().split("\n")[1:] == [third["recipient"], ""]
    for words, text in [(("key", "retire", "bob", third["recipient"]), "is the current key; `ingestctl key rotate bob` first"),
                        (("key", "retire", "bob", "age1"), "names no key"), (("key", "retire", "bob", "age1qqqqqqqq"), "no such key"),
                        (("key", "retire", "carl", first["recipient"]), "carl"), (("keygen", "../bob"), "no tenant's name"),
                        (("key", "rotate", "carl"), "carl")]:
        refused = site.ctl(*words)
        assert refused.returncode == 1 and text in refused.stderr, refused.stderr
    assert key(site, "key", "retire", "bob", first["recipient"][:12])["recipient"] == first["recipient"]
    refused = site.ctl("key", "retire", "bob", first["recipient"])
    assert refused.returncode == 1 and "retired already" in refused.stderr
    listed = key(site, "key", "list")
    assert [k["state"] for k in listed] == ["accepted", "current", "retired"]
    assert "AGE-SECRET" not in site.ctl("key", "list").stdout
    for k in listed:
        assert k["tenant"] == "bob" and k["since"].endswith("Z")
        path = site.path("profiles", "bob", k["file"])
        assert os.stat(path).st_mode & 0o777 == 0o600
        # what we make is what age reads, and says the same of
        said = subprocess.run(["age-keygen", "-y", path], capture_output=True, text=True, check=True).stdout.strip()
        assert said == k["recipient"]
    assert os.stat(site.path("profiles", "bob", "keys")).st_mode & 0o777 == 0o700


def test_root_gives_keys_to_the_owner_of_the_tenants_folder(site):
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(site.path("profiles", "bob"), 4711, 4712)
    key(site, "keygen", "bob")
    key(site, "key", "rotate", "bob")
    key(site, "key", "retire", "bob", key(site, "key", "list", "bob")[0]["recipient"])
    for base, folders, names in os.walk(site.path("profiles", "bob", "keys")):
        for st in [os.stat(base)] + [os.stat(os.path.join(base, n)) for n in names]:
            assert (st.st_uid, st.st_gid) == (4711, 4712)


def test_a_key_of_age_keygen_is_a_key_of_the_ring(site):
    key(site, "keygen", "bob")
    path = site.path("profiles", "bob", "keys", "0-ours.key")
    made = subprocess.run(["age-keygen", "-o", path], capture_output=True, text=True, check=True).stderr.split()[-1]
    site.drop("bob", "a.csv.age", age(PLAIN, "-r", made))
    assert site.once().returncode == 0
    assert site.receipt("bob", "done", "a.csv.age")["encrypted_to"] == made


def test_credentials_of_systemd_are_keys(site, tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    made = subprocess.run(["age-keygen", "-o", folder / "age.bob"], capture_output=True, text=True, check=True).stderr.split()[-1]
    os.chmod(folder / "age.bob", 0o440)
    site.drop("bob", "a.csv.age", age(PLAIN, "-r", made))
    assert site.once(env={"CREDENTIALS_DIRECTORY": str(folder)}).returncode == 0
    assert site.receipt("bob", "done", "a.csv.age")["encrypted_to"] == made


def test_a_rerun_after_retire_is_refused_and_leaves_the_rows_where_they_are(site):
    """It would take good rows away and hold the file; one encrypted to a key in force is loaded again."""
    old = key(site, "keygen", "bob")["recipient"]
    new = key(site, "key", "rotate", "bob")["recipient"]
    for name, to in (("old.csv.age", old), ("new.csv.age", new)):
        site.drop("bob", name, age(PLAIN, "-r", to))
    assert site.once().returncode == 0
    key(site, "key", "retire", "bob", old)
    site.start()
    site.until(lambda: "daemon.started" in site.log("ingestd").split("daemon.stopped")[-1])
    receipts = {name: site.receipt("bob", "done", name) for name in ("old.csv.age", "new.csv.age")}
    done = site.ctl("rerun", receipts["old.csv.age"]["id"])
    assert done.returncode == 1 and old in done.stderr and "retired" in done.stderr
    done = site.ctl("rerun", "--job", "bob/load", "--since", "1d")
    assert done.returncode == 3 and old in done.stderr
    site.until(lambda: site.log("bob").count("file.done") == 3)
    assert site.names("bob", "work") == [] and site.receipt("bob", "done", "new.csv.age")["attempts"] == 3
    for receipt in receipts.values():
        assert len(rows_of(site, receipt)) == receipt["rows"]["indexed"]
    assert site.names("bob", "held") == []


def test_after_retire_the_old_keys_files_are_held_and_go_on_when_it_is_back(site):
    old = key(site, "keygen", "bob")["recipient"]
    new = key(site, "key", "rotate", "bob")["recipient"]
    key(site, "key", "retire", "bob", old)
    content = age(PLAIN, "-r", old)
    site.drop("bob", "old.csv.age", content)
    site.drop("bob", "new.csv.age", age(PLAIN, "-r", new))
    site.drop("bob", "both.csv.age", age(PLAIN + b"5000,x\n", "-r", old, "-r", new))
    assert site.once().returncode == 3
    receipt = site.receipt("bob", "held", "old.csv.age")
    assert receipt["state"] == "held" and receipt["encrypted_to"] is None
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
    assert receipt["reason"].startswith("the file is encrypted to %s, which was retired on 20" % old)
    for name in ("new.csv.age", "both.csv.age"):
        assert site.receipt("bob", "done", name)["encrypted_to"] == new
    assert site.names("bob", "failed") == []
    assert len(site.rows("bob", "bob-load")) == 10001


STRANGER = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"


def test_a_file_for_somebody_else_is_held(site):
    site.drop("bob", "nokey.csv.age", age(PLAIN, "-r", STRANGER))
    assert site.once().returncode == 3
    assert site.receipt("bob", "held", "nokey.csv.age")["reason"] == "tenant bob has no key; `ingestctl keygen bob` makes one"
    ours = key(site, "keygen", "bob")["recipient"]
    others = [subprocess.run(["age-keygen", "-y"], input=subprocess.run(["age-keygen"], capture_output=True).stdout,
                             capture_output=True).stdout.decode().strip() for _ in range(63)]
    site.drop("bob", "one.csv.age", age(PLAIN, "-r", STRANGER))
    site.drop("bob", "many.csv.age", age(PLAIN, *[w for r in others for w in ("-r", r)]))
    site.drop("bob", "last.csv.age", age(PLAIN + b"5000,x\n", *[w for r in others + [ours] for w in ("-r", r)]))
    site.drop("bob", "toomany.csv.age", age(PLAIN, *[w for r in others + [STRANGER, ours] for w in ("-r", r)]))
    assert site.once().returncode == 3
    for name, count in (("one.csv.age", "1 recipient,"), ("many.csv.age", "63 recipients,")):
        reason = site.receipt("bob", "held", name)["reason"]
        assert reason.startswith("no key of tenant bob opens the file: it is encrypted to " + count)
        assert "age -R recipients.txt -o FILE.age FILE" in reason
    assert site.receipt("bob", "done", "last.csv.age")["encrypted_to"] == ours
    assert "more than 64 X25519 recipients" in site.receipt("bob", "failed", "toomany.csv.age")["reason"]


def test_another_tenants_key_opens_nothing(site):
    site.tenant("alice", PROFILE, load=JOB)
    alice = key(site, "keygen", "alice")["recipient"]
    key(site, "keygen", "bob")
    site.drop("bob", "a.csv.age", age(PLAIN, "-r", alice))
    site.drop("alice", "a.csv.age", age(PLAIN, "-r", alice))
    assert site.once().returncode == 3
    assert site.receipt("bob", "held", "a.csv.age")["reason"].startswith("no key of tenant bob opens the file")
    assert site.receipt("alice", "done", "a.csv.age")["rows"]["indexed"] == 5000


@pytest.mark.parametrize("path,mode,text", [("keys", 0o755, "chmod 700"), ("keys/KEY", 0o644, "chmod 600")])
def test_keys_that_others_can_read_are_none(site, path, mode, text):
    made = key(site, "keygen", "bob")
    name = os.path.basename(key(site, "key", "list", "bob")[0]["file"])
    os.chmod(site.path("profiles", "bob", path.replace("KEY", name)), mode)
    site.drop("bob", "a.csv.age", age(PLAIN, "-r", made["recipient"]))
    site.drop("bob", "plain.csv", PLAIN)
    assert site.once().returncode == 3
    assert text in site.receipt("bob", "held", "a.csv.age")["reason"]
    assert site.receipt("bob", "done", "plain.csv")["encrypted_to"] is None
    assert text in site.ctl("key", "list", "bob").stderr


def test_required_fails_plain_files_with_the_line_that_encrypts(site):
    site.tenant("bob", dict(PROFILE, encryption={"required": True}), load=JOB)
    ours = key(site, "keygen", "bob")["recipient"]
    site.drop("bob", "a.csv", PLAIN)
    site.drop("bob", "b.csv.gz", gzip.compress(PLAIN))
    site.drop("bob", "c.csv.gz.age", age(gzip.compress(PLAIN), "-r", ours))
    site.drop("bob", "d.csv", age(PLAIN + b"5000,x\n", "-r", ours))
    assert site.once().returncode == 3
    for name in ("a.csv", "b.csv.gz"):
        assert site.receipt("bob", "failed", name)["reason"] == (
            "File format not allowed: this tenant's files must be encrypted, and this one is not; encrypt it with: "
            "age -R recipients.txt -o FILE.age FILE (recipients.txt lies beside in/)")
    for name in ("c.csv.gz.age", "d.csv"):
        assert site.receipt("bob", "done", name)["encrypted_to"] == ours


def test_age_is_refused_where_the_profile_does_not_have_it(site):
    site.tenant("bob", {"arrival": {"settle_seconds": 0}}, load=JOB)
    ours = key(site, "keygen", "bob")["recipient"]
    site.drop("bob", "a.csv.age", age(PLAIN, "-r", ours))
    site.drop("bob", "b.csv", age(PLAIN, "-r", ours))
    assert site.once().returncode == 3
    assert site.receipt("bob", "failed", "a.csv.age")["reason"].startswith("File format not allowed")
    assert site.receipt("bob", "failed", "b.csv")["reason"] == (
        "File format not allowed: the content is encrypted by age; this tenant may send csv and txt")


def test_check_says_what_is_wrong_with_keys(site):
    site.tenant("none", {"formats": ["csv"]}, load=JOB)
    done = site.run("-t")
    assert done.returncode == 0 and "bob: warning: formats has age, but there is no key" in done.stderr
    assert "none" not in done.stderr
    key(site, "keygen", "bob")
    assert site.run("-t").stderr.count("warning") == 0
    os.chmod(site.path("profiles", "bob", "keys"), 0o755)
    done = site.run("-t")
    assert done.returncode == 78 and "chmod 700" in done.stderr


def test_keygen_before_the_daemon_has_seen_the_tenant(site, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root gives folders away")
    os.makedirs(site.path("profiles", "carl"))
    os.chown(site.path("profiles", "carl"), 4711, 4712)
    key(site, "keygen", "carl")
    st = os.stat(site.path("staging", "carl"))
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (4711, 4712, 0o755)


def test_a_million_stanzas(site):
    """delivery.md's hostile list: a header has an end."""
    key(site, "keygen", "bob")
    site.drop("bob", "a.csv.age", b"age-encryption.org/v1\n" + b"-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\n"
              b"EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U\n" * 1_000_000 + b"--- " + b"A" * 43 + b"\n")
    site.drop("bob", "b.csv.age", b"age-encryption.org/v1\n" + b"-> x\n\n" * 1_000_000)
    assert site.once().returncode == 3
    assert "more than 64 X25519 recipients" in site.receipt("bob", "failed", "a.csv.age")["reason"]
    receipt = site.receipt("bob", "failed", "b.csv.age")
    assert "the header is over 64 KiB" in receipt["reason"] and receipt["peak_rss_bytes"] <= 48 << 20


# --- where keys are not ---

def bech32_bytes(identity):
    digits = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(c) for c in identity.lower().split("1", 1)[1][:52]]
    return (int("".join(format(d, "05b") for d in digits), 2) >> 4).to_bytes(32, "big")


def memory_of(pid):
    """Every byte that the process can write, as the kernel has it; its stack and registers' save areas among it."""
    out = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            where, mode = line.split()[:2]
            begin, end = (int(x, 16) for x in where.split("-"))
            if "w" not in mode or end - begin > 1 << 30:  # a sanitizer's shadow is no memory of ours
                continue
            try:
                mem.seek(begin)
                out.append(mem.read(end - begin))
            except OSError:
                continue  # a guard page, or one of the kernel's
    return b"\0".join(out)


def test_keys_are_in_no_memory_log_receipt_or_journal_afterwards(site, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root reads another process's memory")
    key(site, "keygen", "bob")
    with open(site.path("profiles", "bob", key(site, "key", "list", "bob")[0]["file"])) as f:
        identity = f.read().split()[-1]
    secret = bech32_bytes(identity)
    content = age(PLAIN, "-R", recipients(site))
    (tmp_path / "sealed").write_bytes(content)
    file_key = bytes.fromhex(subprocess.run([tools.path("streamcat"), "-n", "-K", "-i", identity, "age", tmp_path / "sealed"],
                                            capture_output=True, text=True, check=True).stderr)
    assert len(file_key) == 16
    os.unlink(tmp_path / "sealed")
    site.drop("bob", "a.csv.age", content)
    site.start()
    site.until(lambda: "a.csv.age.receipt.json" in site.names("bob", "done"))
    pids = {site.daemon.pid}
    with open("/proc/%d/task/%d/children" % (site.daemon.pid, site.daemon.pid)) as f:
        workers = {int(p) for p in f.read().split()}
    assert workers  # the idle one that had the file
    for pid in pids | workers:
        memory = memory_of(pid)
        assert len(memory) > 1 << 20
        # what is looked for can be found: the tenant's name is there
        assert b"bob" in memory
        for what, bytes_ in (("secret", secret), ("identity", identity.encode()), ("file key", file_key)):
            assert bytes_ not in memory, "%s of %s" % (what, "the daemon" if pid == site.daemon.pid else "a worker")
    assert site.stop() == 0
    for base, _, names in os.walk(site.folder):
        for name in names:
            if base == site.path("profiles", "bob", "keys"):
                continue
            with open(os.path.join(base, name), "rb") as f:
                text = f.read()
            for bytes_ in (secret, identity.encode(), file_key, secret.hex().encode(), file_key.hex().encode()):
                assert bytes_ not in text, os.path.join(base, name)


@pytest.mark.parametrize("call,dumps", [("pread64", False), ("renameat2", True)], ids=["with keys in hand", "else"])
def test_the_daemon_leaves_no_core_while_it_has_keys(site, tmp_path, call, dumps):
    """It is killed by SIGSEGV when it reads the key's file, which it does while the ring is open; and at another time, as the control."""
    with open("/proc/sys/kernel/core_pattern") as f:
        if f.read().strip() != "core" or os.geteuid() != 0:
            pytest.skip("core files go elsewhere here")
    key(site, "keygen", "bob")
    path = site.path("profiles", "bob", key(site, "key", "list", "bob")[0]["file"])
    site.drop("bob", "a.csv.age", age(PLAIN, "-R", recipients(site)))
    inject = ["-P", path, "-e", "inject=pread64:signal=SEGV"] if call == "pread64" else ["-e", "inject=renameat2:signal=SEGV:when=1"]
    folder = tmp_path / "cwd"
    folder.mkdir()
    done = subprocess.run(["prlimit", "--core=unlimited", "strace", "-qq", "-o", tmp_path / "trace", "-e", "trace=" + call, *inject,
                           os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once"], cwd=folder,
                          capture_output=True, text=True, timeout=120,
                          # under the sanitizers too it is the kernel that ends it
                          env={**os.environ, "ASAN_OPTIONS": "handle_segv=0:disable_coredump=0:detect_leaks=0"})
    assert done.returncode in (-11, 139), done.stderr
    assert any(n.startswith("core") for n in os.listdir(folder)) == dumps
    assert site.once().returncode == 0
    assert site.receipt("bob", "done", "a.csv.age")["rows"]["indexed"] == 5000


def test_without_lockable_memory_encrypted_files_are_held(site):
    """Rather held than with keys that may be swapped out."""
    if os.geteuid() != 0:
        pytest.skip("only root takes the capability away")
    key(site, "keygen", "bob")
    site.drop("bob", "a.csv.age", age(PLAIN, "-R", recipients(site)))
    site.drop("bob", "plain.csv", PLAIN)
    done = subprocess.run(["setpriv", "--bounding-set=-ipc_lock", "prlimit", "--memlock=0:0", os.path.join(BUILD, "ingestd"), "-c",
                           site.path("ingestd.json"), "--once"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    assert "LimitMEMLOCK" in site.receipt("bob", "held", "a.csv.age")["reason"]
    assert site.receipt("bob", "done", "plain.csv")["rows"]["indexed"] == 5000


# --- what is refused ---

def openssl_cms(tmp_path, *args):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k.pem", "-out",
                    tmp_path / "c.pem", "-subj", "/CN=x"], check=True, capture_output=True)
    return subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-aes256", *args, tmp_path / "c.pem"], input=PLAIN,
                          capture_output=True, check=True).stdout


def gpg(tmp_path, *args):
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    base = ["gpg", "--homedir", home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback",
            "--passphrase", "x"]
    try:
        if "-e" in args:
            subprocess.run([*base, "--quick-gen-key", "a@b.c", "rsa2048", "encr", "never"], check=True, capture_output=True)
            base += ["--trust-model", "always", "-r", "a@b.c"]
        return subprocess.run([*base, *args], input=PLAIN, capture_output=True, check=True).stdout
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], capture_output=True)


FOREIGN = {
    "cms": lambda t: openssl_cms(t, "-outform", "DER"),
    "cms-streamed": lambda t: openssl_cms(t, "-outform", "DER", "-stream"),
    "cms-pem": lambda t: openssl_cms(t, "-outform", "PEM"),
    "smime": lambda t: openssl_cms(t),
    "openssl-enc": lambda t: subprocess.run(["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x"], input=PLAIN,
                                            capture_output=True, check=True).stdout,
    "pgp-key": lambda t: gpg(t, "-e"),
    "pgp-armor": lambda t: gpg(t, "-a", "-e"),
    "pgp-passphrase": lambda t: gpg(t, "-c"),
}


@pytest.mark.parametrize("what", sorted(FOREIGN))
def test_other_encryption_is_told_the_one_line(site, tmp_path, what):
    site.drop("bob", "a.csv", FOREIGN[what](tmp_path))
    assert site.once().returncode == 3
    reason = site.receipt("bob", "failed", "a.csv")["reason"]
    assert {"cms": "CMS-encrypted", "smime": "S/MIME", "openssl": "openssl enc", "pgp": "PGP-encrypted"}[what.split("-")[0]] in reason
    assert reason.endswith("encrypt it with: age -R recipients.txt -o FILE.age FILE (recipients.txt lies beside in/)")
    assert "\n" not in reason


def test_a_passphrase_and_foreign_recipients_are_told_the_one_line(site, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "id"], check=True)
    site.drop("bob", "ssh.csv.age", age(PLAIN, "-R", str(tmp_path / "id.pub")))
    assert site.once().returncode == 3
    assert site.receipt("bob", "failed", "ssh.csv.age")["reason"] == (
        'the file is encrypted to recipients of type "ssh-ed25519" only, and this takes X25519 (age1...); encrypt it with: '
        "age -R recipients.txt -o FILE.age FILE")


@pytest.mark.parametrize("name,make,text", [
    ("a.csv.gz", lambda d, r: gzip.compress(age(d, "-r", r)), "encrypt once, as the last step, outside the compression"),
    ("b.csv.age", lambda d, r: age(age(d, "-r", r), "-r", r), "encrypt once, as the last step"),
    ("c.csv.age", lambda d, r: d, "the name says age, the content is not"),
    ("d.csv.gz.age", lambda d, r: age(d, "-r", r), "the name says gz, the content is not"),
    ("e.csv.age", lambda d, r: age(d, "-r", r)[:-1], "chunk 6"),
    ("f.csv.age", lambda d, r: age(d, "-r", r)[:-40000], "chunk"),
    ("g.csv.age", lambda d, r: age(d, "-r", r) + b"x", "chunk"),
    ("h.csv.age", lambda d, r: age(d, "-a", "-r", r) + b"x", "armor"),
    ("i.csv.gz.age", lambda d, r: age(gzip.compress(d)[:-9], "-r", r), "not whole"),
    ("j.csv.age", lambda d, r: age(d, "-r", r)[:100], "header"),
], ids="abcdefghij")
def test_what_is_not_right_fails_with_where_and_why(site, name, make, text):
    ours = key(site, "keygen", "bob")["recipient"]
    content = make(PLAIN, ours)
    site.drop("bob", name, content)
    assert site.once().returncode == 3
    receipt = site.receipt("bob", "failed", name)
    assert text in receipt["reason"], receipt["reason"]
    assert receipt["rows"] is None or receipt["rows"]["indexed"] == 0
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()


# --- seal ---

@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 300000])
def test_age_decrypts_what_seal_made(site, tmp_path, size):
    key(site, "keygen", "bob")
    identity = site.path("profiles", "bob", key(site, "key", "list", "bob")[0]["file"])
    plain = os.urandom(size)
    (tmp_path / "f.csv").write_bytes(plain)
    said = key(site, "seal", str(tmp_path / "f.csv"), "--tenant", "bob")
    assert said["bytes"] == size and said["sealed"] == str(tmp_path / "f.csv.age")
    sealed = (tmp_path / "f.csv.age").read_bytes()
    assert age(sealed, "-d", "-i", identity) == plain
    assert (tmp_path / "f.csv").read_bytes() == plain
    assert not [n for n in os.listdir(tmp_path) if n.endswith(".tmp")]


def test_what_seal_made_is_taken(site, tmp_path):
    ours = key(site, "keygen", "bob")["recipient"]
    (tmp_path / "day.csv").write_bytes(PLAIN)
    other = subprocess.run(["age-keygen", "-o", tmp_path / "k"], capture_output=True, text=True, check=True).stderr.split()[-1]
    (tmp_path / "r.txt").write_text("# two\n\n%s\r\n%s\n" % (other, ours))
    # a sender has no configuration
    done = subprocess.run([os.path.join(BUILD, "ingestctl"), "seal", "day.csv", "--recipients", "r.txt"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = (tmp_path / "day.csv.age").read_bytes()
    assert age(content, "-d", "-i", str(tmp_path / "k")) == PLAIN
    site.drop("bob", "day.csv.age", content)
    assert site.once().returncode == 0
    receipt = site.receipt("bob", "done", "day.csv.age")
    assert receipt["encrypted_to"] == ours and rows_of(site, receipt) == WANT


def test_seal_refuses(site, tmp_path):
    key(site, "keygen", "bob")
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "g").write_bytes(b"x")
    (tmp_path / "g.age").write_bytes(b"precious")
    (tmp_path / "bad.txt").write_text("# a\nssh-ed25519 AAAA\n")
    (tmp_path / "none.txt").write_text("# a\n")
    f, g = str(tmp_path / "f"), str(tmp_path / "g")
    for words, code, text in [((f,), 2, "usage"), ((f, "--tenant", "bob", "--recipients", "x"), 2, "usage"),
                              ((f, "--tenant", "../bob"), 1, "no tenant's name"), ((f, "--tenant", "carl"), 1, "ingestctl keygen carl"),
                              ((g, "--tenant", "bob"), 1, "g.age is there already"), ((f + "x", "--tenant", "bob"), 1, "cannot open"),
                              ((str(tmp_path), "--tenant", "bob"), 1, "no regular file"),
                              ((f, "--recipients", str(tmp_path / "bad.txt")), 1, 'bad.txt:2: "ssh-ed25519 AAAA" is no recipient'),
                              ((f, "--recipients", str(tmp_path / "none.txt")), 1, "names no recipient")]:
        done = site.ctl("seal", *words)
        assert done.returncode == code and text in done.stderr, (words, done.stderr)
    assert (tmp_path / "g.age").read_bytes() == b"precious"
    key(site, "seal", f, "--tenant", "bob")
    again = site.ctl("seal", f + ".age", "--tenant", "bob")
    assert again.returncode == 1 and "encrypted by age already" in again.stderr
    assert sorted(n for n in os.listdir(tmp_path) if n.endswith((".age", ".tmp"))) == ["f.age", "g.age"]


def test_the_pages_commands_run_as_printed(site, tmp_path):
    """docs/encryption.md: the lines of its first and its key section, and the query."""
    with open(os.path.join(ROOT, "docs", "encryption.md")) as f:
        page = f.read()
    for line in ("ingestctl keygen alice ", "age -R recipients.txt -o FILE.age FILE", "ingestctl seal FILE --recipients recipients.txt",
                 "ingestctl seal FILE --tenant alice ", "ingestctl key list [alice] ", "ingestctl key rotate alice ",
                 "ingestctl key retire alice age1"):
        assert "\n" + line in page
    site.tenant("alice", PROFILE, load=JOB)
    first = key(site, "keygen", "alice")["recipient"]
    rotated = key(site, "key", "rotate", "alice")["recipient"]
    for n, how in enumerate((["age", "-R", recipients(site, "alice"), "-o", "FILE.age", "FILE"],
                             [os.path.join(BUILD, "ingestctl"), "seal", "FILE", "--recipients", recipients(site, "alice")])):
        (tmp_path / "FILE").write_bytes(PLAIN)
        subprocess.run(how, cwd=tmp_path, check=True, capture_output=True)
        os.rename(tmp_path / "FILE.age", site.path("staging", "alice", "in", "%d.csv.age" % n))
    site.drop("alice", "old.csv.age", age(PLAIN, "-r", first))
    assert site.once().returncode == 0
    query = page.split('sqlite3 var/journal.db "')[1].split('"')[0]
    said = subprocess.run(["sqlite3", site.path("var", "journal.db"), query], capture_output=True, text=True, check=True).stdout
    assert {(r.split("|")[0], r.split("|")[2]) for r in said.splitlines()} == {(first, "1"), (rotated, "2")}
    key(site, "key", "retire", "alice", first)
