"""watcher/install: the unit, its users and its folders, as systemd itself reads them."""
import os
import pwd
import re
import shutil
import subprocess
import tempfile

import pytest

from site_ import BUILD, ROOT, Site

UNIT = os.path.join(ROOT, "watcher", "install", "ingestd.service")


def have(program):
    if not shutil.which(program):
        pytest.skip(program + " is not here")


def values(key):
    with open(UNIT) as f:
        return [line.split("=", 1)[1].split() for line in f.read().splitlines() if line.startswith(key + "=")]


def test_f_the_unit_is_well_formed_and_little_exposed(tmp_path):
    have("systemd-analyze")
    unit = tmp_path / "ingestd.service"
    with open(UNIT) as f:
        unit.write_text(f.read().replace("/usr/bin/ingestd", os.path.join(BUILD, "ingestd")).replace("Documentation=", "#"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "ingestd.service" in line]
    assert not said, said
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", str(unit)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:]


def test_f_the_unit_gives_the_three_capabilities_and_what_changes_users():
    three, change = ["CAP_LEASE", "CAP_DAC_READ_SEARCH", "CAP_CHOWN"], ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"]
    assert values("AmbientCapabilities") == [three + change] == values("CapabilityBoundingSet")
    assert values("User") == [["ingestd"]] and values("NoNewPrivileges") == [["yes"]] and values("ProtectSystem") == [["strict"]]


def test_f_users_and_folders_are_what_the_unit_names(tmp_path):
    have("systemd-sysusers")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    done = subprocess.run(["systemd-sysusers", "--root", str(root), os.path.join(ROOT, "watcher", "install", "ingestd.sysusers")],
                          capture_output=True, text=True)
    if done.returncode:
        pytest.skip("systemd-sysusers --root: " + done.stderr)
    users = [line.split(":") for line in (root / "etc" / "passwd").read_text().splitlines()]
    assert sorted(u[0] for u in users) == ["ingest-worker", "ingestd"]
    assert len({u[2] for u in users} | {"0"}) == 3 and all(u[6] == "/usr/sbin/nologin" for u in users)


def members(group, seen):
    found = set()
    out = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    for line in (raw.strip() for raw in out.splitlines()[1:]):
        if line.startswith("@") and line not in seen:
            seen.add(line)
            found |= members(line, seen)
        elif line and line[0] not in "#@":
            found.add(line)
    return found


def test_f_the_units_filter_allows_every_call_that_is_made():
    have("systemd-analyze")
    allowed = set()
    for words in values("SystemCallFilter"):
        minus = words[0].startswith("~")
        for group in (w.lstrip("~") for w in words):
            named = members(group, set()) if group.startswith("@") else {group}
            allowed = allowed - named if minus else allowed | named
    folder = tempfile.mkdtemp(prefix="ingest-unit-")
    os.chmod(folder, 0o711)
    try:
        s = Site(folder, **({"worker_user": "nobody"} if os.geteuid() == 0 else {}))
        s.tenant("alice", {"arrival": {"settle_seconds": 0}}, t={"pattern": "*.csv", "input": {"header": True},
                                                                 "filter": "mutate { uppercase => [\"n\"] }"})
        s.drop("alice", "a.csv", b"n\na\n")
        calls = s.path("calls")
        subprocess.run(["strace", "-f", "-qq", "-o", calls, os.path.join(BUILD, "ingestd"), "-c", s.path("ingestd.json"), "--once"],
                       check=True, timeout=120)
        with open(calls) as f:
            made = set(re.findall(r"^\d+\s+([a-z_0-9]+)\(", f.read(), re.M))
    finally:
        shutil.rmtree(folder)
    assert {"clone", "execveat", "landlock_restrict_self", "seccomp", "capset"} <= made or os.geteuid() != 0
    assert made - allowed == set()
    with open(os.path.join(ROOT, "watcher", "base", "syscalls.def")) as f:
        assert set(re.findall(r"\b(?:ALLOW|WHERE)\((\w+)", f.read())) - {"name"} - allowed == set()
