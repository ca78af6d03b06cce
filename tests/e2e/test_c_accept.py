"""c_ complex: what the issues' lines say and no other test does."""
import json
import os
import stat

import pytest

from site_ import Site, balanced

FAST = {"arrival": {"settle_seconds": 0}}
JOB = {"pattern": "*.csv", "input": {"header": True},
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_same_name_add_is_a_second_delivery_beside_the_first(site):
    site.tenant("bob", FAST, t={**JOB, "same_name": "add"})
    for content in (b"id\n1\n", b"id\n2\n", b"id\n2\n"):
        site.drop("bob", "a.csv", content)
        assert site.once().returncode == 0
    receipts = [json.load(open(site.path("staging", "bob", "done", n))) for n in site.names("bob", "done")
                if n.endswith(".receipt.json")]
    assert sorted(r["state"] for r in receipts) == ["done", "done", "duplicate"]
    assert sorted(r["id"] for r in site.rows("bob", "bob-t")) == [1, 2]
    first, second = (r for r in receipts if r["state"] == "done")
    assert first["delivery"] != second["delivery"]
    again, = (r for r in receipts if r["state"] == "duplicate")
    assert again["duplicate_of"] in (first["id"], second["id"]) and again["rows"]["indexed"] == 0
    # a name that is taken in done/ becomes NAME.A
    names = [n for n in site.names("bob", "done") if not n.endswith(".receipt.json")]
    assert "a.csv" in names and len(names) == 3 and all(n == "a.csv" or n.startswith("a.csv.01") for n in names)


def test_every_field_of_a_receipt_is_there_and_null_where_unknown(site):
    site.tenant("bob", FAST, t=JOB)
    site.drop("bob", "a.csv", b"id\n1\nx\n" + b"2\n" * 10)
    site.drop("bob", "a.xyz", b"id\n1\n")
    site.once()
    fields = """id delivery duplicate_of tenant job run file bytes sha256 state reason job_version rows documents sinks
        first_error coercions quality encrypted_to times seconds attempts cpu_seconds peak_rss_bytes sentence""".split()
    for state, name in (("done", "a.csv"), ("failed", "a.xyz")):
        r = site.receipt("bob", state, name)
        assert set(fields) <= set(r), set(fields) - set(r)
        assert set(r["times"]) >= {"arrived", "complete", "claimed", "started", "indexed"}
        assert set(r["seconds"]) == {"queue", "work", "total"}
        assert r["seconds"]["total"] >= 0
    done = site.receipt("bob", "done", "a.csv")
    assert done["seconds"]["work"] >= 0
    assert balanced(done) and len(done["delivery"]) == 20
    assert set(done["rows"]) == {"read", "indexed", "duplicates", "rejected", "filtered", "blank", "unsent"}
    sink, = done["sinks"]
    assert set(sink) == {"sink", "index", "state", "indexed", "duplicates", "rejected", "requests", "retries", "bytes_sent"}
    assert set(done["first_error"]) == {"line", "column", "field", "message"}


def test_a_failed_receipt_says_how_long_it_took_and_a_run_of_it(site):
    site.tenant("bob", FAST, t=JOB)
    site.drop("bob", "a.csv", b"id\nx\n" * 20)
    site.once()
    failed = site.receipt("bob", "failed", "a.csv")
    assert failed["times"]["started"] and failed["times"]["indexed"] is None
    assert 0 <= failed["seconds"]["work"] <= failed["seconds"]["total"] < 60


def test_a_reject_of_an_overlong_row_says_that_it_is_cut(site):
    site.tenant("bob", {**FAST, "limits": {"max_row_bytes": 10000}}, t={**JOB, "rejects": {"max_ratio": 1}})
    site.drop("bob", "a.csv", b"id\n1\n" + b"9" * 20000 + b"\n" + b'"' + b"8" * 20000 + b"\n2\n" + b"7" * 10001 + b"\n")
    assert site.once().returncode == 0
    assert [r["id"] for r in site.rows("bob", "bob-t")] == [1, 2]
    with open(site.path("staging", "bob", "done", "a.csv.rejects.csv"), newline="") as f:
        rejects = f.read().splitlines()[1:]
    assert [r.rsplit('",', 1)[-1] if i != 1 else r[-4096:] for i, r in enumerate(rejects)] == [
        "9" * 4096, '"' + "8" * 4095, "7" * 4096]
    assert all("(max_row_bytes); only its first 4096 bytes are listed here" in r for r in rejects)


def test_a_row_number_is_its_id_and_counts_rejected_and_blank_rows(site):
    site.tenant("bob", FAST, t={**JOB, "rejects": {"max_ratio": 1}})
    site.drop("bob", "a.csv", b"id\n1\n\nx\n2\n" + b"".join(b"%d\n" % i for i in range(3, 40)))
    assert site.once().returncode == 0
    r = site.receipt("bob", "done", "a.csv")
    assert (r["rows"]["read"], r["rows"]["blank"], r["rows"]["rejected"], r["rows"]["indexed"]) == (41, 1, 1, 39)
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    for row in site.rows("bob", "bob-t"):
        number = row["id"] if row["id"] == 1 else row["id"] + 2
        text = digits[number] if number < 36 else digits[number // 36] + digits[number % 36]
        assert row["_id"] == "%s-%s" % (r["delivery"], text)


HOSTILE = {
    "symlink": lambda p: os.symlink("/etc/passwd", p),
    "fifo": os.mkfifo,
    "directory": os.mkdir,
    "dangling": lambda p: os.symlink("/nowhere", p),
    "socket": lambda p: os.mknod(p, stat.S_IFSOCK | 0o666),
    "hard link": lambda p: (open(p + "~", "w").close(), os.link(p + "~", p)),
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_what_is_no_regular_file_is_never_taken(site, kind):
    site.tenant("bob", FAST, t=JOB)
    os.makedirs(site.path("staging", "bob", "in"), exist_ok=True)
    HOSTILE[kind](site.path("staging", "bob", "in", "data.csv"))
    site.drop("bob", "good.csv", b"id\n1\n")
    assert site.once().returncode == 0
    assert [n for n in site.names("bob", "in") if n != "data.csv~"] == ["data.csv"] and site.names("bob", "work") == []
    assert [r["id"] for r in site.rows("bob", "bob-t")] == [1]


CONTROL = "its name has control characters"


@pytest.mark.parametrize("name,kept", [(b"a\nb.csv", CONTROL), (b"\x1b[31m.csv", CONTROL),
                                       (b"bad\xff.csv", "its name is not valid UTF-8"),
                                       (b"x" * 201 + b".csv", "its name is longer than 200 bytes"), (b"-rf.csv", True), (b"a b'\";$(x).csv", True),
                                       ("\u00e4\u4e2d.csv".encode(), True), (b"..csv", None), (b"#a.csv", None), (b"a.csv~", None),
                                       (b"a.csv.part", None), (b"a.csv.receipt.json", None)])
def test_hostile_names(site, name, kept):
    """Taken as they are (True), to failed/ under an encoded name for that reason, or (None) never data."""
    site.tenant("bob", FAST, t=JOB)
    folder = site.path("staging", "bob", "in").encode()
    with open(os.path.join(folder, name), "wb") as f:
        f.write(b"id\n1\n")
    site.once()
    there = os.listdir(folder)
    if kept is None:
        assert there == [name]
        return
    assert there == []
    state = site.path("staging", "bob", "done" if kept is True else "failed").encode()
    names = os.listdir(state)
    assert len(names) == 2 and all(all(c >= 0x20 and c != 0x7f for c in n) and n.decode() for n in names)
    assert (name in names) == (kept is True)
    (told,) = (n for n in names if n.endswith(b".receipt.json"))
    with open(os.path.join(state, told)) as f:
        reason = json.load(f)["reason"]
    assert reason == kept if isinstance(kept, str) else reason is None
    log = open(site.path("logs", "bob.log"), "rb").read()
    assert b"\x1b" not in log and b"\xff" not in log
    assert all(line.startswith(b"20") for line in log.splitlines())


def test_the_sentence_of_every_end_says_what_became_of_the_file_and_what_to_do(site):
    site.tenant("bob", FAST, t={**JOB, "rejects": {"max_ratio": 0.5}})
    site.drop("bob", "one.csv", b"id\n1\n")
    site.drop("bob", "some.csv", b"id\n1\ntwo\n\n4\n5\n")
    site.drop("bob", "bad.csv", b"id\nx\ny\n3\n")
    site.drop("bob", "stray.txt", b"id\n1\n")
    site.once()
    site.drop("bob", "one.csv", b"id\n1\n")
    site.once()
    first = site.receipt("bob", "done", "one.csv")
    (again,) = (n for n in site.names("bob", "done") if n.startswith("one.csv.0") and n.endswith(".receipt.json"))
    assert first["sentence"] == "1 row read, 1 indexed into bob-t."
    assert site.receipt("bob", "done", again[:-len(".receipt.json")])["sentence"] == (
        "Duplicate: the same bytes under this name were already delivered by %s; nothing was stored again." % first["id"])
    some = site.receipt("bob", "done", "some.csv")
    assert some["sentence"] == "5 rows read, 3 indexed into bob-t, 1 rejected and listed in some.csv.rejects.csv, 1 blank."
    assert some["first_error"] == {"line": 3, "column": "id", "field": "id",
                                   "message": '"two" does not fit the type long of column id'}
    assert site.receipt("bob", "failed", "bad.csv")["sentence"] == (
        "Failed: 2 of 3 rows rejected, more than max_ratio 0.50 allows; nothing was indexed. No row of this file is in the "
        "store; the rejected rows are listed in bad.csv.rejects.csv; mend it and send it again.")
    assert site.receipt("bob", "failed", "stray.txt")["sentence"] == (
        "Failed: no job's pattern matches the name; tried: *.csv (job t). No row of this file is in the store; "
        "mend it and send it again.")


def test_a_date_of_its_own_format_is_not_judged_by_the_default_one(site):
    mappings = {"properties": {"day": {"type": "date", "format": "dd/MM/yyyy"}, "at": {"type": "date"}}}
    site.tenant("bob", FAST, t={**JOB, "index": {"name": "t", "mappings": mappings}, "rejects": {"max_ratio": 1}})
    site.drop("bob", "a.csv", b"day,at\n25/12/2020,2020-12-25\n26/12/2020,25/12/2020\n")
    assert site.once().returncode == 0
    assert [r["day"] for r in site.rows("bob", "bob-t")] == ["25/12/2020"]
    assert site.receipt("bob", "done", "a.csv")["first_error"]["line"] == 3


def test_the_gates_finding_of_a_duplicate_is_dropped(site):
    site.tenant("bob", FAST, t={**JOB, "rejects": {"max_ratio": 0.5}})
    for _ in range(2):
        site.drop("bob", "a.csv", b"id\n1\nx\n\n3\n")
        assert site.once().returncode == 0
    (again,) = (n for n in site.names("bob", "done") if n.startswith("a.csv.0") and n.endswith(".receipt.json"))
    r = site.receipt("bob", "done", again[:-len(".receipt.json")])
    assert r["state"] == "duplicate" and set(r["rows"].values()) == {0} and r["documents"] == 0
    assert r["first_error"] is None and r["coercions"] == []
