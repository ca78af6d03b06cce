#!/usr/bin/env python3
"""lint - layers, one door a library, banned functions, sizes, promises of later work.

Prints file:line: message for each finding; exit 1 when there is one.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import acceptance  # noqa: E402
FILE_LINES = 500
TEST_LINES = 800  # tests hold tables
FUNCTION_LINES = 60
DEPTH = 5  # aim at 4
COLUMNS = 100
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|localtime|system|alloca)\s*\(")
LATER = re.compile(r"\b(TODO|FIXME|XXX|not implemented|for now|placeholder)\b")
# a statement, not a continued line, which tabs align too
DEEP = re.compile(r"\t{%d,}(if|for|while|switch|return|else|break|continue|goto)\b" % (DEPTH + 1))
findings = []


def say(path, line, text):
    findings.append(f"{path}:{line}: {text}")


def table(name):
    rows = {}
    with open(os.path.join(HERE, name)) as f:
        for row in f:
            row = row.strip()
            if row and not row.startswith("#"):
                key, _, rest = row.partition(":")
                rows[key] = rest.split()
    return rows


def sources():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.def"],
                         cwd=ROOT, capture_output=True, text=True).stdout.split()
    return sorted(p for p in set(out) if os.path.exists(os.path.join(ROOT, p)))


def folder_of(path, layers):
    return next((f for f in layers if path.startswith(f + "/")), None)


def check_includes(path, lines, layers, doors):
    mine = folder_of(path, layers)
    for n, line in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)', line)
        if not m:
            continue
        target = m[2]
        if m[1] == '"':
            other = folder_of(target, layers)
            if other is None and not target.startswith("tests/"):
                say(path, n, f"include {target} from the repository's root")
            elif mine and other and other != mine and other not in layers[mine]:
                say(path, n, f"{mine} may not include {other} (tests/lint/LAYERS)")
        for door, allowed in doors.items():
            if mine and (target == door or (door.endswith("/") and target.startswith(door))):
                if not any(path == a or path.startswith(a + "/") for a in allowed):
                    say(path, n, f"{door} has its door elsewhere: {' '.join(allowed)} (tests/lint/DOORS)")


def check_functions(path, lines):
    start = None
    for n, line in enumerate(lines, 1):
        if line == "{":
            start = n
        elif line == "}" and start is not None:
            if n - start - 1 > FUNCTION_LINES:
                say(path, start, f"function of {n - start - 1} lines, at most {FUNCTION_LINES}")
            start = None


def width(line):
    return len(line.expandtabs(8))


def check_text(path, lines):
    is_def = path.endswith(".def")
    limit = TEST_LINES if path.startswith("tests/") else FILE_LINES
    if len(lines) > limit and not is_def:
        say(path, len(lines), f"file of {len(lines)} lines, at most {limit}: split by noun")
    for n, line in enumerate(lines, 1):
        code = re.sub(r'"(\\.|[^"\\])*"', '""', line)
        if BANNED.search(code) and "pragma" not in code and "*" != code.strip()[:1]:
            say(path, n, "banned function")
        if LATER.search(line):
            say(path, n, "promises later work: build it, or refuse it by name")
        if DEEP.match(line):
            say(path, n, f"a statement deeper than {DEPTH}: a function of its own")
        if line.rstrip() != line:
            say(path, n, "blank at the end of the line")
        if not is_def and path.startswith(("watcher", "transforms")) and width(line) > 140:
            say(path, n, f"{width(line)} columns, aim at {COLUMNS}")


def check_mutants():
    """A mistake that no longer applies to the tree shows nothing: it is to be made anew."""
    folder = os.path.join(ROOT, "tests", "crash", "mutants")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not name.endswith(".patch"):
            continue
        path = os.path.join("tests", "crash", "mutants", name)
        done = subprocess.run(["git", "apply", "--check", path], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            say(path, 1, "no longer applies: " + done.stderr.strip().split("\n")[0])


def main():
    layers, doors = table("LAYERS"), table("DOORS")
    files = sources()
    for path in files:
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            lines = f.read().split("\n")[:-1]
        check_includes(path, lines, layers, doors)
        check_text(path, lines)
        if path.endswith(".c"):
            check_functions(path, lines)
            if path.startswith(("watcher", "transforms")):
                first = next((l for l in lines if l.startswith("#include")), "")
                if "watcher/base/" not in first and path.count("/"):
                    own = path[:-2] + ".h"
                    if own not in first:
                        say(path, 1, "first include is watcher/base/base.h or the file's own header")
                if not lines or not lines[0].startswith("/*"):
                    say(path, 1, "opens with a comment: what it is, who calls it, what can go wrong")
    for number, text in acceptance.problems():
        say("tests/ACCEPTANCE", number, text)
    check_mutants()
    print("\n".join(findings))
    print(f"lint: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
