"""b_ basic: dates, addresses and numbers in the embedded store are taken and refused as both servers do."""
import csv
import io
import json
import random

import pytest

from site_ import Site, balanced

DATES = """2020-01-01 2020-01 2020 20200101 2020-02-29 2020-01-01T 2020-01-01T00 2020-01-01T00Z 2020-01-01T00:00 2020T00 2020-01T00
    2020-01-01T23:59:59 2020-01-01T00:00:00.1 2020-01-01T00:00:00,1 2020-01-01T00:00:00.123456789 2020-01-01T00:00:00Z
    2020-01-01T00:00:00+01:00 2020-01-01T00:00:00+0100 2020-01-01T00:00:00+01 2020-01-01T00:00:00-18:00 2020-01-01T00:00:00UTC
    2020-01-01T00:00:00Europe/Berlin 2020-01-01T00:00:00GMT+01:00 2020-01-01T00:00:00UTC+1 2020-01-01T00:00:00+010030
    -0001-01-01 0000 9999-12-31 +12345-01-01 -1 0 99999 1577836800000 1577836800000.5 1577836800000. 9223372036854775807 -0.5
    2020-02-30 2020-13-01 2020-00-01 2020-01-00 2019-02-29 2100-02-29 2020-06-31 2020-1-1 2020-01-01T25:00 2020-01-01T24:00:00
    2020-01-01T00:60 2020-01-01T23:59:60Z 2020-01-01T00:00:00. 2020-01-01T00:00:00.1234567890 2020-01-01T00:00:00z 2020Z
    2020-01-01T00:00:00+1 2020-01-01T00:00:00+18:01 2020-01-01T00:00:00+01:60 2020-01-01T00:00:00EST 2020-01-01T00:00:00PM
    2020-01-01Z 2020-01-01+01:00 +2020-01-01 10000-01-01 .5 1e3 +5 9223372036854775808 -9223372036854775808 today 25/12/2020
    2020/01/01 1577836800000.1234567 2020-W01 T00:00 2020- 2020-12-""".split() + [
        "", " 2020-01-01", "2020-01-01 ", "2020-01-01 00:00:00"]
NANOS = """1970-01-01 1969-12-31 1969-12-31T23:59:59.999999999Z 1970-01-01T00:00:00+00:01 1969-12-31T23:00:00-01:00
    2262-04-11T23:47:16.854775807Z 2262-04-11T23:47:16.854775808Z 2262-04-12 2263 9223372036854 9223372036855
    9223372036854.775807 9223372036854.775808 -1 -0 -0.0 -0.000001 2020-02-30 2020""".split()
ADDRESSES = """1.2.3.4 0.0.0.0 255.255.255.255 :: ::1 1:: 1:2:3:4:5:6:7:8 fe80::1%eth0 ::ffff:1.2.3.4 ::1.2.3.4 1:2:3:4:5:6:1.2.3.4
    ABCD:EF01:: ::00001 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1:2:3::4:5:6:7 64:ff9b::192.0.2.33
    256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 1.2.3.04 1.2.3.4/24 1..2.3 .1.2.3.4 1.2.3.4. 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1::2::3
    ::: :1 1: fe80::1% 1.2.3.4:: ::1.2.3 ::1.2.3.256 1:2:3:4:5:6:7:1.2.3.4 12345:: G:: [::1] localhost 1 abc
    1::2:3:4:5:6:7:8 1.2.3.4:80 -1.2.3.4 1.2.3.4%1 ::1.2.3.4%e 1:2:3:4:5:6:7: : % n/a""".split() + ["", " 1.2.3.4", "1.2.3.4 "]

NUMBERS = ".5 5. +5 -.5 +.5 . 5 007 1e5 1E-5 x - + 1,5 --5 1e400".split()


def mutants(values, letters, count):
    """Values with one letter changed, left out or put in."""
    chance, out = random.Random(7), set()
    while len(out) < count:
        v = chance.choice([v for v in values if v and "Europe/" not in v])  # the store knows areas, not all places
        i = chance.randrange(len(v))
        out.add(v[:i] + chance.choice(letters) + v[i + chance.randrange(2):])
    return sorted(out)


def taken_by(server, type_name, values):
    """What a server takes of values: the set of their positions."""
    name = "fit-%s" % type_name.replace("_", "-")
    server.request("/" + name, "DELETE")
    made = server.request("/" + name, "PUT", {"settings": {"number_of_shards": 1, "number_of_replicas": 0},
                                              "mappings": {"properties": {"v": {"type": type_name}}}})
    assert made[0] == 200, made
    status, answer = server.request("/%s/_bulk" % name, "POST", "".join(
        '{"index":{}}\n%s\n' % json.dumps({"v": v}) for v in values).encode())
    assert status == 200 and len(answer["items"]) == len(values), answer
    server.request("/" + name, "DELETE")
    return {i for i, item in enumerate(answer["items"]) if item["index"]["status"] == 201}


def store(folder, type_name, values, **field):
    """The same as rows into the embedded store: positions that are there, and {position: reject's reason}."""
    s = Site(folder)
    mapping = {"properties": {"n": {"type": "integer"}, "v": {"type": type_name, **field}}}
    s.tenant("bob", t={"pattern": "*.csv", "input": {"header": True}, "rejects": {"max_ratio": 1},
                       "index": {"name": "t", "mappings": mapping}})
    out = io.StringIO()
    w = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    w.writerow(["n", "v"])
    w.writerows(enumerate(values))
    s.drop("bob", "a.csv", out.getvalue().encode())
    assert s.once().returncode == 0
    receipt = s.receipt("bob", "done", "a.csv")
    assert balanced(receipt)
    rejects = {}
    if receipt["rows"]["rejected"]:
        with open(s.path("staging", "bob", "done", "a.csv.rejects.csv"), newline="") as f:
            rejects = {int(r["n"]): r for r in csv.DictReader(f)}
    return {r["n"]: r["v"] for r in s.rows("bob", "bob-t")}, rejects


@pytest.mark.parametrize("type_name,values,letters", [
    ("date", DATES, "0123456789-:TZ+. "), ("date_nanos", DATES + NANOS, "0123456789-:TZ+. "),
    ("ip", ADDRESSES, "0123456789abf:.%"), ("double", NUMBERS, "0123456789.-+")])
def test_b_the_store_takes_what_the_servers_take(tmp_path, server, type_name, values, letters):
    values = values + mutants(values, letters, 2000 if type_name != "double" else 300)
    both = [taken_by(server(kind), type_name, values) for kind in ("opensearch", "elasticsearch")]
    there, rejects = store(tmp_path, type_name, values)
    assert len(both[0] & both[1]) > 20 and len(both[0] | both[1]) < len(values)
    # where the two differ, what one of them takes may be either
    assert [values[i] for i in sorted(both[0] & both[1] - set(there))] == []
    assert [values[i] for i in sorted(set(there) - both[0] - both[1])] == []
    assert len(there) + len(rejects) == len(values)


def test_b_an_impossible_date_and_a_text_that_is_no_address_are_rejects_with_the_reason(tmp_path):
    there, rejects = store(tmp_path, "date", ["2020-02-29", "2020-02-30", "2020-13-01", "2020-01-01T25:00:00", "today"])
    assert there == {0: "2020-02-29"}
    assert [(r["_line"], r["_column"], r["_error"]) for r in rejects.values()] == [
        ("3", "v", "value '2020-02-30' is no day of the calendar for type date"),
        ("4", "v", "value '2020-13-01' is no day of the calendar for type date"),
        ("5", "v", "value '2020-01-01T25:00:00' has an hour, minute or second that no day has, for type date"),
        ("6", "v", "value 'today' is no date by strict_date_optional_time or epoch_millis for type date")]
    (tmp_path / "ip").mkdir()
    there, rejects = store(tmp_path / "ip", "ip", ["10.0.0.1", "2001:db8::1", "10.0.0.256", "host"])
    assert there == {0: "10.0.0.1", 1: "2001:db8::1"}
    assert [r["_error"] for r in rejects.values()] == [
        "value '10.0.0.256' is no IPv4 or IPv6 address for type ip", "value 'host' is no IPv4 or IPv6 address for type ip"]


@pytest.mark.parametrize("type_name,field", [("date", {"format": "dd/MM/yyyy"}), ("date", {"ignore_malformed": True}),
                                             ("ip", {"ignore_malformed": True})])
def test_b_a_format_of_its_own_and_ignore_malformed_are_the_servers_to_judge(tmp_path, type_name, field):
    there, rejects = store(tmp_path, type_name, ["25/12/2020", "n/a"], **field)
    assert there == {0: "25/12/2020", 1: "n/a"} and not rejects


def test_b_numbers_with_the_point_at_either_end_are_stored(tmp_path):
    there, rejects = store(tmp_path, "double", [".5", "5.", "-.5", "+.5", "."])
    assert there == {0: 0.5, 1: 5.0, 2: -0.5, 3: 0.5} and list(rejects) == [4]
    (tmp_path / "int").mkdir()
    there, rejects = store(tmp_path / "int", "integer", [".5", "5.", "-.5", "."])
    assert there == {0: 0, 1: 5, 2: 0} and list(rejects) == [3]
