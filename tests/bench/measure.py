"""measure - what the benchmarks share: the cost of a finished process, rounds in turn, the machine's other load, tables, JSON.

CPU is user and system time as the kernel counts it for the process and what it waited for, in seconds per million rows (c/M).  Wall
time stands second.  A run during which others took more than FOREIGN of the machine is made again; what is never quiet is marked.
"""
import argparse
import functools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("INGEST_BUILD", os.path.join(ROOT, "build"))
WORKER = os.path.join(BUILD, "ingest-worker")
FOREIGN = 0.10
TRIES = 3  # runs of one contender in one round, until one is quiet; in all, one more for each contender
TICK = os.sysconf("SC_CLK_TCK")

sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import tools  # noqa: E402


class Cost:
    """Of one run.  `more` is what a contender measured besides."""
    def __init__(self, cpu, wall, peak=0, **more):
        self.cpu, self.wall, self.peak, self.more = cpu, wall, peak, more
        self.foreign = 0.0


class Refused(Exception):
    """A contender that cannot run here, and why."""


class Child:
    """A program under build/tools/cost, which tells its peak apart from this process's; stdout as for Popen, standard error is kept."""
    def __init__(self, argv, stdin=None, stdout=subprocess.DEVNULL, env=None, cwd=None):
        self.argv, self.said = argv, tempfile.TemporaryFile()
        self.out = tempfile.NamedTemporaryFile("r", suffix=".cost")
        self.child = subprocess.Popen([tool("cost"), self.out.name, *argv], stdin=stdin or subprocess.DEVNULL, stdout=stdout,
                                      stderr=self.said, cwd=cwd, env={**os.environ, **(env or {})})

    def ended(self):
        return self.child.poll() is not None

    def stop(self):
        self.child.terminate()

    def wait(self, expect=(0,)):
        """Its Cost, and its standard error in more["said"]; RuntimeError for any other exit than expected."""
        code = self.child.wait()
        self.said.seek(0)
        text = self.said.read().decode(errors="replace")
        self.said.close()
        with self.out:
            spent = json.loads(self.out.read() or "null")
        if expect and code not in expect:
            raise RuntimeError("%s ended with %d: %s" % (" ".join(map(str, self.argv)), code, text[-800:]))
        return Cost(spent["user"] + spent["system"], spent["seconds"], spent["peak"], said=text)


def run(argv, expect=(0,), **more):
    return Child(argv, **more).wait(expect)


def busy():
    """CPU seconds that the machine was not idle; time taken away from it counts too."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = (int(x) for x in f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def own():
    """CPU seconds of this process and of what it waited for."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def watched(once, helpers=lambda: 0.0):
    """once() and how much of the machine others had meanwhile; helpers(): CPU of what works for it and is not waited for."""
    before, mine, begin = busy(), own() + helpers(), time.monotonic()
    cost = once()
    spent = (time.monotonic() - begin) * (os.cpu_count() or 1)
    cost.foreign = max(0.0, (busy() - before) - (own() + helpers() - mine)) / spent
    return cost


def rounds(contenders, count, loaded=False, helpers=lambda: 0.0, progress=None):
    """Every contender's runs, the contenders in turn; a contender has a name and once()."""
    seen = {c.name: [] for c in contenders}
    spare = 0 if loaded else len(contenders)
    for number in range(count):
        for c in contenders:
            costs = [watched(c.once, helpers)]
            while costs[-1].foreign > FOREIGN and len(costs) < TRIES and spare:
                costs.append(watched(c.once, helpers))
                spare -= 1
            seen[c.name].append(min(costs, key=lambda cost: cost.foreign))
            if progress:
                progress(number, c, seen[c.name][-1])
    return seen


class Row:
    """The figures of one contender: CPU seconds per million rows, of rows that it had."""
    def __init__(self, name, rows, costs):
        self.name, self.rows, self.costs = name, rows, costs
        values = [c.cpu * 1e6 / rows for c in costs]
        self.median, self.least, self.most = statistics.median(values), min(values), max(values)
        self.wall = statistics.median(c.wall * 1e6 / rows for c in costs)
        self.peak = max(c.peak for c in costs)
        self.foreign = max(c.foreign for c in costs)

    def record(self):
        return {"name": self.name, "rows": self.rows, "cpu_per_million": self.median, "min": self.least, "max": self.most,
                "wall_per_million": self.wall, "peak_rss_bytes": self.peak, "foreign": round(self.foreign, 3),
                "runs": [dict(cpu=c.cpu, wall=c.wall, foreign=round(c.foreign, 3)) for c in self.costs]}


def table(head, lines, out=None):
    out = out or sys.stdout
    print("| %s |\n| %s |" % (" | ".join(head), " | ".join("---" for _ in head)), file=out)
    for line in lines:
        print("| %s |" % " | ".join(str(x) for x in line), file=out)


def options(doc, rows=200_000, rounds=5):
    """The parser that all of them begin with."""
    p = argparse.ArgumentParser(description=doc.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rows", type=int, default=rows)
    p.add_argument("--rounds", type=int, default=rounds)
    p.add_argument("--json", help="write all figures there")
    return p


def write_json(path, what):
    if path:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path, "w") as f:
            json.dump(what, f, indent=1)
            f.write("\n")


@functools.lru_cache(None)
def tool(name):
    return tools.path(name)


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=7"], cwd=ROOT, capture_output=True, text=True)
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": os.uname().release, "commit": commit.stdout.strip(),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "load": os.getloadavg()[0]}
