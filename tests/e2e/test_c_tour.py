"""c_ complex: docs/tour.md: every command of it is run in an empty folder, as printed, and says what the page says it says."""
import contextlib
import os
import re
import signal
import subprocess
import time

import pytest

from site_ import BUILD, ROOT


def blocks():
    """[(commands, what they are to print)]"""
    with open(os.path.join(ROOT, "docs", "tour.md")) as f:
        text = f.read()
    found = re.findall(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", text, re.M | re.S)
    assert text.count("```") == sum(4 if said else 2 for _, said in found)
    return found


@pytest.fixture
def shell(tmp_path):
    """One shell from the begin to the end, in a folder that has nothing but the programs."""
    os.symlink(BUILD, tmp_path / "build")
    p = subprocess.Popen(["bash"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         env={**os.environ, "LC_ALL": "C.UTF-8"})
    yield p
    p.kill()
    p.wait()
    p.stdin.close()
    p.stdout.close()
    with contextlib.suppress(OSError, ValueError):
        pid = int((tmp_path / "tour" / "ingestd.pid").read_text())
        if os.readlink("/proc/%d/cwd" % pid) == str(tmp_path / "tour"):  # the test failed on the way
            os.kill(pid, signal.SIGKILL)


def said(shell, commands):
    """Each line that the commands print, and that each of them was right."""
    shell.stdin.write("set -e\n%s\necho end of block\n" % commands)
    shell.stdin.flush()
    lines = []
    while not lines or lines[-1] != "end of block":
        line = shell.stdout.readline()
        assert line, "the shell ended: %s\n%s" % (commands, "\n".join(lines))
        lines.append(line.rstrip("\n"))
    return lines[:-1]


def missing(wanted, lines):
    """Those of the page's lines that do not come, in this order; runs of blanks are as wide as the widest cell."""
    left, rest = [], list(lines)
    for want in wanted:
        form = ".*".join(r"\s+".join(re.escape(w) for w in re.split(r" {2,}", part)) for part in want.split("…"))
        at = next((i for i, line in enumerate(rest) if re.fullmatch(form + r"\s*.*" if want.endswith("…") else form + r"\s*", line)), None)
        if at is None:
            left.append(want)
        else:
            rest = rest[at + 1:]
    return left


def test_c_every_command_of_the_tour(shell, tmp_path):
    found = blocks()
    assert len(found) >= 12 and sum(bool(wanted) for _, wanted in found) >= 10
    while time.time() % 86400 > 86400 - 60:  # its quotas are of one day
        time.sleep(1)
    for commands, wanted in found:
        lines = said(shell, commands)
        assert missing(wanted.splitlines(), lines) == [], "\n".join(lines)
    pid = int((tmp_path / "tour" / "ingestd.pid").read_text())
    end = time.monotonic() + 30
    while os.path.exists("/proc/%d" % pid):
        assert time.monotonic() < end
        time.sleep(0.05)
