"""b_ basic: `make demo` as a newcomer runs it, in a copy of the tree."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from site_ import BUILD, ROOT


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The demo's own script in a folder of its own, with the programs that are built."""
    top = tmp_path_factory.mktemp("demo")
    os.makedirs(top / "tests")
    shutil.copytree(os.path.join(ROOT, "tests", "lib"), top / "tests" / "lib",
                    ignore=shutil.ignore_patterns("__pycache__"))  # others write into it
    shutil.copytree(os.path.join(ROOT, "tests", "golden", "seed"), top / "tests" / "golden" / "seed")
    os.symlink(BUILD, top / "build")
    return top


def inside(tree):
    """Processes that work in the tree: the demo's own name their files relative to it."""
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            cwd = os.readlink("/proc/%s/cwd" % pid)
        except OSError:
            continue
        if (cwd + "/").startswith(str(tree) + "/"):
            out.append(int(pid))
    return out


def outside_of_run(tree):
    return sorted(str(p.relative_to(tree)) for p in tree.rglob("*") if "demo-run" not in p.parts and "__pycache__" not in p.parts)


def demo(tree, *args, env=None):
    before = outside_of_run(tree)
    started = time.monotonic()
    # to a file: a process that stayed behind would hold a pipe open
    with open(tree.parent / "demo.out", "w+") as out:
        code = subprocess.run([str(tree / "tests" / "lib" / "demo"), *args], stdout=out, stderr=subprocess.STDOUT, timeout=120,
                              env={**os.environ, **(env or {})}).returncode
        out.seek(0)
        text = out.read()
    assert time.monotonic() - started < 120
    assert outside_of_run(tree) == before
    return code, text


def test_bob_loads_alice_breaks_her_limit_and_nothing_is_left(tree):
    code, text = demo(tree)
    assert code == 0, text
    assert inside(tree) == []
    assert "file.done" in text and "Total file size exceeds limit" in text
    assert '>24' in text and "it is no integer" in text
    facts = json.load(open(tree / "demo-run" / "facts.json"))
    rejects = open(tree / "demo-run" / "staging" / "bob" / "done" / "vmtable.csv.rejects.csv").read().splitlines()[1:]
    assert [int(r.split('"')[1]) for r in rejects] == facts["planted_lines"] != []
    db = sqlite3.connect(tree / "demo-run" / "var" / "data" / "bob" / "data.db")
    assert db.execute('select count(*) from "bob-vmtable"').fetchone() == (facts["good"],)
    db.close()
    assert not os.path.exists(tree / "demo-run" / "var" / "data" / "alice" / "data.db")
    run, = [n for n in os.listdir(tree / "demo-run" / "staging" / "alice" / "failed") if n.endswith(".receipt.json")]
    receipt = json.load(open(tree / "demo-run" / "staging" / "alice" / "failed" / run))
    assert receipt["reason"] == "Total file size exceeds limit"
    for path in ("demo-run/staging/bob/done", "demo-run/logs/bob.log"):
        assert os.path.exists(tree / path)


def test_any_file_of_the_users(tree, tmp_path):
    path = tmp_path / "my [1] file's.csv"
    path.write_text('a,b\n1,"x,y"\n2\n3,z\n' + "4,w\n" * 20)
    code, text = demo(tree, str(path))
    assert code == 0, text
    assert inside(tree) == []
    assert "--- your file\ndone:" in text and '"indexed": 22' in text and '"line": 3' in text


def test_demo_up_stays_up_and_guards_its_folder(tree):
    code, text = demo(tree, env={"UP": "1"})
    pid = int((tree / "demo-run" / "daemon.pid").read_text())
    try:
        assert code == 0 and "end it with: kill %d" % pid in text
        assert pid in inside(tree)
        status = [BUILD + "/ingestctl", "-c", str(tree / "demo-run" / "ingestd.json"), "status"]
        assert subprocess.run(status, capture_output=True).returncode == 0
        code, text = demo(tree)
        assert code == 1 and "kill %d" % pid in text
    finally:
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 30
    while inside(tree):
        assert time.monotonic() < end, inside(tree)
        time.sleep(0.05)
    code, text = demo(tree)
    assert code == 0, text
    assert inside(tree) == []


def test_what_a_demo_makes_is_not_tracked():
    if not os.path.exists(os.path.join(ROOT, ".git")):
        pytest.skip("no git folder")
    for path in ("demo-run/ingestd.json", "build/ingestd", "tests/lib/__pycache__/x.pyc"):
        assert subprocess.run(["git", "-C", ROOT, "check-ignore", "-q", path]).returncode == 0, path
