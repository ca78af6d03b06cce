"""Memory, allocations and descriptors stay where they are, whatever a file holds and however many there are."""
import collections
import json
import os
import signal
import subprocess

import pytest

from site_ import BUILD, ROOT, Site, balanced

GIB = 1 << 30
SIZE = GIB * (10 if os.environ.get("INGEST_NIGHTLY") == "1" else 1)
PEAK = 48 << 20
FAST = {"arrival": {"settle_seconds": 0}}
JOB = {"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 1},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
FILTER = {"pattern": "*.csv", "filter": 'csv { columns => ["id", "name", "x"] } mutate { convert => { "id" => "integer" '
          '"x" => "float" } uppercase => ["name"] rename => { "x" => "[a][b]" } add_field => { "c" => "%{name}-%{id}" } } '
          'if [id] > 5 and [name] =~ /N/ { mutate { remove_field => ["c"] } }',
          "index": {"name": "t"}}


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path)
    yield s
    if s.daemon:
        s.stop()


def write(site, name, head, block, tail):
    """A file of 1 GiB (by night 10) out of one block."""
    with open(site.path("staging", "bob", "in", name), "wb") as f:
        f.write(head)
        for _ in range(SIZE // len(block)):
            f.write(block)
        f.write(tail)


def put_down(site):
    """What the case wrote goes at once: four of them are 4 GiB."""
    for state in ("done", "failed"):
        for name in site.names("bob", state):
            os.unlink(site.path("staging", "bob", state, name))


@pytest.mark.parametrize("case,head,block,tail,read,reason", [
    ("one line", b"id\n", b"a" * (1 << 20), b"\n7\n", 2, "max_row_bytes"),
    ("an open quote", b'id\n"', b"a" * ((1 << 20) - 1) + b"\n", b"\n7\n", 1024 * (SIZE // GIB) + 2, "not closed"),
    ("plain rows", b"id,text\n", b"".join(b"%07d,%s\n" % (i, b"r" * 8183) for i in range(128)), b"", 131072 * (SIZE // GIB), None),
], ids=lambda v: v if isinstance(v, str) else "")
def test_1_gb_peak_is_at_most_48_mib(site, case, head, block, tail, read, reason):
    site.tenant("bob", FAST, t=JOB)
    write(site, "big.csv", head, block, tail)
    done = site.once("--wait", "120", timeout=500 * (SIZE // GIB))
    assert done.returncode == 0, done.stderr
    r = site.receipt("bob", "done", "big.csv")
    put_down(site)
    assert balanced(r) and r["bytes"] >= SIZE
    print("\n%d GiB, %s: %.1f MiB, %.1f CPU s" % (SIZE // GIB, case, r["peak_rss_bytes"] / 2**20, r["cpu_seconds"]))
    assert 0 < r["peak_rss_bytes"] <= PEAK
    if reason:
        assert r["rows"]["indexed"] >= 1 and r["rows"]["rejected"] >= 1
        assert reason in r["first_error"]["message"]
    else:
        assert r["rows"]["indexed"] == r["rows"]["read"] == read


def test_1e6_columns_peak_is_at_most_48_mib(site):
    site.tenant("bob", {**FAST, "limits": {"max_row_bytes": 16777216}}, t={**JOB, "input": {"header": False}})
    site.drop("bob", "wide.csv", b",".join([b"1234567"] * 1_000_000) + b"\n1\n")
    site.drop("bob", "wider.csv", b"x" + b"," * 12_000_000 + b"\n1\n")
    site.once()
    for name in ("wide.csv", "wider.csv"):
        state = "done" if name in site.names("bob", "done") else "failed"
        r = site.receipt("bob", state, name)
        print("\n1e6 columns, %s: %s, %.1f MiB: %s" % (name, state, r["peak_rss_bytes"] / 2**20, r["reason"]))
        assert r["peak_rss_bytes"] <= PEAK
        assert "max_columns" in json.dumps(r["first_error"])


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    so = tmp_path_factory.mktemp("count") / "malloc_count.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", so, os.path.join(ROOT, "tests", "lib", "malloc_count.c")],
                   check=True)
    return so


def mallocs(folder, counter, job, rows):
    """Calls of the allocator in the worker, gate and load, for a file of `rows` rows."""
    folder.mkdir()
    site = Site(folder)
    site.tenant("bob", FAST, t=job)
    head = b"" if "filter" in job else b"id,name,x\n"
    site.drop("bob", "a.csv", head + b"".join(b"%d,n%d,%d.5\n" % (i, i, i) for i in range(rows)))
    log = site.path("mallocs")
    site.start(env={"LD_PRELOAD": str(counter), "MALLOC_COUNT_FILE": log, "MALLOC_COUNT_SIGNAL": "1"})
    try:
        site.until(lambda: "a.csv.receipt.json" in site.names("bob", "done"))
        worker, = json.loads(site.ctl("--json", "status").stdout)["processes"]
        os.kill(worker["pid"], signal.SIGUSR2)

        def lines():
            return [w for w in (line.split() for line in open(log)) if w[1] == str(worker["pid"])] if os.path.exists(log) else []
        site.until(lines)
        assert site.receipt("bob", "done", "a.csv")["rows"]["indexed"] == rows
        return int(lines()[0][2])
    finally:
        site.stop()


@pytest.mark.parametrize("job", [JOB, FILTER], ids=["mappings", "filter"])
def test_10000_and_100000_rows_differ_by_less_than_100_mallocs(tmp_path, counter, job):
    few, many = (mallocs(tmp_path / str(n), counter, job, n) for n in (10_000, 100_000))
    print("\nmallocs of the worker: %d for 10,000 rows, %d for 100,000" % (few, many))
    assert few > 0 and abs(many - few) < 100


def memory(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) * 1024


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def test_descriptors_and_memory_are_constant_over_2000_files(site):
    site.tenant("bob", FAST, t=JOB)
    site.start()
    seen = collections.defaultdict(list)

    def processes():
        workers = [p["pid"] for p in json.loads(site.ctl("--json", "status").stdout)["processes"]]
        return [("daemon", site.daemon.pid)] + [("worker", p) for p in workers]
    for batch in range(4):
        for i in range(500):
            site.drop("bob", "f%d-%d.csv" % (batch, i), b"id\n%d\nx\n" % i)
        site.until(lambda batch=batch: len(site.names("bob", "done")) == 1500 * (batch + 1), 120)
        site.until(lambda: site.names("bob", "work") == [])
        # the last files' descriptors are closed and the recording connections gone, or they never are
        site.until(lambda: not seen["daemon"] or descriptors(site.daemon.pid) <= seen["daemon"][0][0])
        for kind, pid in processes():
            seen[kind].append((descriptors(pid), memory(pid)))
    print("\n2,000 files: daemon %s" % seen["daemon"])
    _, rss = zip(*seen["daemon"])
    # the first batch fills caches (prepared statements, page cache of the journal)
    assert rss[-1] - rss[1] <= 2 << 20
    fds, rss = zip(*seen["worker"])
    assert max(fds) - min(fds) <= 1 and max(fds) <= 24, fds
    assert max(rss) - min(rss) <= 4 << 20 and max(rss) <= PEAK, rss
    db_rows = len(site.rows("bob", "bob-t"))
    assert db_rows == 2000


def test_a_hostile_pattern_costs_its_tenant_the_file_and_never_the_neighbour(tmp_path):
    """Every 11th row of 60,000 ends at the limit of steps, some 12 ms each, in four files that hold both workers."""
    site = Site(tmp_path, workers=2)
    profile = {"arrival": {"settle_seconds": 0}, "formats": ["txt"]}
    hostile = "if [message] =~ /^(a|aa)+$/ { }"
    job = {"pattern": "*.txt", "rejects": {"max_ratio": 1}, "index": {"name": "t", "mappings": {"properties": {}}}}
    site.tenant("eve", profile, t={**job, "filter": hostile})
    site.tenant("bob", profile, t=job)
    try:
        site.start()
        rows = "".join("a" * 40 + "!\n" if n % 11 == 0 else "ok %d\n" % n for n in range(1, 60001))
        for n in range(4):
            site.drop("eve", "e%d.txt" % n, rows.encode())
        site.until(lambda: len(site.names("eve", "work")) >= 2)
        site.drop("bob", "b.txt", b"one\ntwo\n")
        site.until(lambda: any(n.endswith(".receipt.json") for n in site.names("bob", "done")))
        site.until(lambda: sum(n.endswith(".receipt.json") for n in site.names("eve", "failed")) == 4)
        bob = site.receipt("bob", "done", "b.txt")
        eve = [site.receipt("eve", "failed", "e%d.txt" % n) for n in range(4)]
        assert bob["rows"]["indexed"] == 2
        # by the receipts as they were written: bob's is there before eve's last
        written = [os.stat(site.path("staging", *p.split("/"))).st_mtime_ns for p in
                   ["bob/done/b.txt.receipt.json"] + ["eve/failed/e%d.txt.receipt.json" % n for n in range(4)]]
        assert written[0] < max(written[1:])
        for r in eve:
            assert r["rows"]["read"] == 1100 and r["rows"]["rejected"] == 100
            assert ('given up at line 1100: the regular expression "^(a|aa)+$" (filter, line 1, column 18) ended at its '
                    "limit of steps 100 times") in r["reason"], r
            assert "possessive (a++) or anchor it" in r["reason"]
    finally:
        site.stop()
