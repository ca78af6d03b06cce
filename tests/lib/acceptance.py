"""acceptance - tests/ACCEPTANCE read: each line an issue's point, the tests or commands that show it, the figure.

	POINT text -> TEST[, TEST ...] -> figure

TEST is a file or folder of tests, perhaps with a word of the test's name behind it (`test_b_spine.py killed_at`), or a command
(`make demo`).  A line whose middle begins with `open` is not built or not shown; such lines are counted at the end of a check.
`problems()` are lines without a test that exists (lint); `unshown(results)` are lines whose tests were skipped or did not run (check).
"""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "tests", "ACCEPTANCE")


class Line:
    def __init__(self, number, text):
        self.number, self.text = number, text
        parts = [p.strip() for p in text.split("->")]
        self.parts = parts
        self.point = parts[0]
        self.how = parts[1] if len(parts) > 1 else ""
        self.open = self.how.startswith("open")


def lines():
    with open(PATH, encoding="utf-8") as f:
        return [Line(n, t.strip()) for n, t in enumerate(f, 1) if t.strip() and not t.startswith("#")]


def tracked():
    out = {}
    for base, folders, names in os.walk(os.path.join(ROOT, "tests")):
        folders[:] = [d for d in folders if not d.startswith((".", "__"))]
        for name in names:
            out.setdefault(name, []).append(os.path.relpath(os.path.join(base, name), ROOT))
    return out


def targets():
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as f:
        return set(re.findall(r"^([a-z-]+):", f.read(), re.M))


TOKEN = re.compile(r"make ([a-z-]+)|(tests/[\w./-]+|[\w-]+\.(?:py|c|json))((?: (?!make\b|and\b)[a-z_0-9]+)*)")


def named(line):
    """(kind, value, word) of each test or command that the line names."""
    for m in TOKEN.finditer(re.sub(r'"[^"]*"|\([^)]*\)', "", line.how)):
        if m[1]:
            yield "make", m[1], ""
        else:
            yield "path", m[2].rstrip("/."), (m[3] or "").strip()


def resolve(value, known):
    if "/" in value:
        return [value] if os.path.exists(os.path.join(ROOT, value)) else []
    return known.get(value, [])


def problems():
    known, make = tracked(), targets()
    for line in lines():
        if len(line.parts) < 2:
            yield line.number, "no ` -> `: which test shows this point?"
            continue
        if line.open:
            continue
        seen = 0
        for kind, value, word in named(line):
            seen += 1
            if kind == "make" and value not in make:
                yield line.number, "make %s: no such target" % value
            paths = resolve(value, known) if kind == "path" else []
            if kind == "path" and not paths:
                yield line.number, "%s: no such test" % value
            if word and paths and os.path.isfile(os.path.join(ROOT, paths[0])):
                text = open(os.path.join(ROOT, paths[0]), encoding="utf-8").read()
                for w in word.split():
                    if w not in text:
                        yield line.number, "%s has nothing named %s" % (paths[0], w)
        if not seen:
            yield line.number, "names no test and no command"


def unshown(results):
    """results: path of a Python test file -> (passed, failed, skipped).  Lines whose Python tests did not all run."""
    known = tracked()
    for line in lines():
        if line.open:
            continue
        for kind, value, _ in named(line):
            for path in resolve(value, known) if kind == "path" else []:
                mine = [r for p, r in results.items() if p == path or p.startswith(path + "/")]
                if not path.endswith(".py") and not mine:
                    continue  # a unit test or a folder of them: run-unit fails on what does not run
                if not mine or not sum(r[0] for r in mine):
                    yield line, path, "did not run"
                elif sum(r[2] for r in mine):
                    yield line, path, "%d skipped" % sum(r[2] for r in mine)
