"""b_ basic: `make demo` as a newcomer runs it, in a copy of the tree."""
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from site_ import BUILD, ROOT


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The demo's own script in a folder of its own, with the programs that are built."""
    top = tmp_path_factory.mktemp("demo")
    os.makedirs(top / "tests")
    shutil.copytree(os.path.join(ROOT, "tests", "lib"), top / "tests" / "lib")
    shutil.copytree(os.path.join(ROOT, "tests", "golden", "seed"), top / "tests" / "golden" / "seed")
    os.symlink(BUILD, top / "build")
    return top


def demo(tree, *args):
    before = set(os.listdir("/proc"))
    done = subprocess.run([str(tree / "tests" / "lib" / "demo"), *args], capture_output=True, text=True, timeout=120)
    left = [p for p in set(os.listdir("/proc")) - before if p.isdigit() and tree.name in cmdline(p)]
    assert left == []
    return done


def cmdline(pid):
    try:
        with open("/proc/%s/cmdline" % pid) as f:
            return f.read()
    except OSError:
        return ""


def test_bob_loads_alice_breaks_her_limit_and_nothing_is_left(tree):
    done = demo(tree)
    assert done.returncode == 0, done.stderr
    assert "file.done" in done.stdout and "Total file size exceeds limit" in done.stdout
    assert '>24' in done.stdout and "it is no integer" in done.stdout
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
    done = demo(tree, str(path))
    assert done.returncode == 0, done.stderr
    assert "--- your file\ndone:" in done.stdout and '"indexed": 22' in done.stdout and '"line": 3' in done.stdout
