"""ingestctl filter run and filter test: what they print, and their exit."""
import json
import os
import subprocess
import xml.etree.ElementTree

from test_filters import ROOT

CTL = os.path.join(os.environ.get("INGEST_BUILD", os.path.join(ROOT, "build")), "ingestctl")
FILTER = """csv { columns => ["a", "n"] }
if [a] == "skip" { drop { } }
mutate { id => "numbers" convert => { "n" => "integer" } add_field => { "[m][x]" => "%{a}!" } remove_field => ["message"] }
"""
CASES = {"ignore": ["@timestamp", "[m][y]"], "fields": {"type": "t", "[k][l]": 1}, "testcases": [
    {"description": "a row", "input": ["x,5"], "fields": {"type": "own"},
     "expected": [{"type": "own", "k": {"l": 1}, "a": "x", "n": 5, "m": {"x": "x!", "y": "ignored"}, "@timestamp": "now"}]},
    {"input": ["skip,1", "y,2"], "expected": [{"type": "t", "k": {"l": 1}, "a": "y", "n": 2, "m": {"x": "y!"}}]}]}


def ctl(*args, stdin=b"", cwd=None):
    return subprocess.run([CTL, *args], input=stdin, capture_output=True, timeout=60, cwd=cwd)


def put(tmp_path, cases, name="f.test.json"):
    (tmp_path / "f.conf").write_text(FILTER)
    path = tmp_path / name
    path.write_text(cases if isinstance(cases, str) else json.dumps(cases))
    return str(path)


def test_cases_pass_with_the_filter_beside(tmp_path):
    path = put(tmp_path, CASES)
    done = ctl("filter", "test", path)
    assert done.returncode == 0, done
    assert done.stdout.decode() == "%s: case 1: a row: ok\n%s: case 2: ok\n2 passed, 0 failed\n" % (path, path)


def test_a_failed_case_is_a_readable_diff(tmp_path):
    cases = json.loads(json.dumps(CASES))
    cases["testcases"][0]["expected"][0].update(n="5", m={"x": "z!"}, more=[1])
    cases["testcases"][1]["expected"].append({"a": "never"})
    path = put(tmp_path, cases)
    junit = str(tmp_path / "out.xml")
    done = ctl("filter", "test", "--filter", str(tmp_path / "f.conf"), "--junit", junit, path)
    assert done.returncode == 1
    assert done.stdout.decode() == (
        path + ': case 1: a row: FAILED\n    event 1\n      - [n]: "5"\n      + [n]: 5\n      - [m][x]: "z!"\n      + [m][x]: "x!"\n'
        '      - [more]: [1]\n' + path + ': case 2: FAILED\n    event 2, which did not come\n      - [a]: "never"\n'
        '0 passed, 2 failed\n')
    root = xml.etree.ElementTree.parse(junit).getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "2")
    assert [c.get("name") for c in root] == ["case 1: a row", "case 2"]
    assert '- [n]: "5"' in root[0][0].text


def test_junit_is_xml_whatever_the_values_are(tmp_path):
    """]]> must be escaped, and control bytes, U+FFFE and U+FFFF have no place in XML."""
    (tmp_path / "f.conf").write_text('json { source => "message" remove_field => "message" }')
    path = tmp_path / "f.test.json"
    path.write_text(json.dumps({"testcases": [{"description": "a<b>&\"'\u0001]]>\ud83d\ude00", "expected": [{"x": "<y>"}],
                                               "input": [json.dumps({"x": "<\u0001]]>&\u0000\ufffe\uffff\x7f\ufffdz"}, ensure_ascii=False)]}]}))
    junit = str(tmp_path / "out.xml")
    assert ctl("filter", "test", "--junit", junit, str(path)).returncode == 1
    case, = xml.etree.ElementTree.parse(junit).getroot()
    assert case.get("name") == "case 1: a<b>&\"'?]]>\U0001f600"
    assert '+ [x]: "<\\u0001]]>&\\u0000??' in case[0].text


def test_json_and_files_that_cannot_be_used(tmp_path):
    path = put(tmp_path, CASES)
    done = ctl("--json", "filter", "test", path)
    got = json.loads(done.stdout)
    assert done.returncode == 0 and (got["passed"], got["failed"]) == (2, 0)
    assert got["cases"][0] == {"file": path, "case": 1, "description": "a row", "passed": True, "diff": None}
    for text, why in [("{", "a string is missing"), ("{}", "has no testcases"), ('{"codec": "rubydebug", "testcases": []}', "codec is"),
                      ('{"testcases": [{"input": ["a"]}]}', "needs expected"), ('{"ignore": ["[a"], "testcases": []}', "no field reference")]:
        done = ctl("filter", "test", put(tmp_path, text))
        assert done.returncode == 2 and why in done.stderr.decode(), (text, done)
    (tmp_path / "f.conf").write_text("drp { }")
    done = ctl("filter", "test", path)
    assert done.returncode == 2 and 'f.conf:1:1: there is no filter "drp"; did you mean drop?' in done.stderr.decode()


def test_bad_json_of_a_case_file_has_line_and_column(tmp_path):
    for text, place, what in [
            ('{\n "testcases": [\n  {"input": ["ä"] "expected": []}]\n}', "3:19", "a comma or the end of an object is missing"),
            ('{"testcases": [\n{"input": ["a"], "expected": [{"a": 01}]}]}', "2:39", "no number"),
            ('{"a": 1}\n}', "2:1", "more behind the object"), ('{"a": "x', "1:9", "a string that does not end"),
            ("", "1:1", "the file is one JSON object"), ("\n[]", "2:1", "the file is one JSON object: { is missing")]:
        path = put(tmp_path, text)
        done = ctl("filter", "test", path)
        assert (done.returncode, done.stdout) == (2, b"0 passed, 0 failed\n"), done
        assert done.stderr.decode().startswith("%s:%s: %s" % (path, place, what)), (text, done.stderr)
        assert "YAML" not in done.stderr.decode()
    path = tmp_path / "f.json"
    path.write_bytes(b'{"testcases": [\n "\xff"]}')
    assert ctl("filter", "test", str(path)).stderr.decode().startswith("%s:2:3: invalid UTF-8" % path)


def test_yaml_cases_are_told_how_to_become_json(tmp_path):
    for name in ("f.yml", "f.test.yaml"):
        path = put(tmp_path, "fields:\n  type: t\ntestcases:\n- input: [x]\n  expected: []\n", name)
        done = ctl("filter", "test", path)
        assert done.returncode == 2
        assert done.stderr.decode().splitlines() == [
            path + ":1:1: the file is one JSON object: { is missing",
            path + ": test cases are JSON here, not YAML; convert them: yq -o json . %s > %s.json" % (path, path.rsplit(".", 1)[0])]


def test_a_case_that_cannot_be_run_is_named_by_its_number(tmp_path):
    path = put(tmp_path, {"testcases": [CASES["testcases"][0], {"input": ["a"]}]})
    assert ctl("filter", "test", path).stderr.decode() == path + ": case 2: a case needs expected, a list of events\n"


def test_json_lines_and_cases_at_the_top(tmp_path):
    path = put(tmp_path, {"codec": "json_lines", "input": ['{"message": "x,1", "z": 1.50}'],
                          "expected": [{"a": "x", "n": 1, "z": 1.5, "m": {"x": "x!"}}]}, "f.json")
    assert ctl("filter", "test", path).stdout.decode().endswith("1 passed, 0 failed\n")


def test_filter_run_says_why_and_traces(tmp_path):
    put(tmp_path, CASES)
    done = ctl("filter", "run", "--filter", str(tmp_path / "f.conf"), "--trace", stdin=b"x,5\nskip,1\r\ny,z\n")
    assert done.returncode == 0
    assert [json.loads(l) for l in done.stdout.splitlines()] == [
        {"a": "x", "n": 5, "m": {"x": "x!"}}, {"message": "y,z", "a": "y", "n": "z", "tags": ["_mutate_error"]}]
    trace = done.stderr.decode().splitlines()
    assert trace[:10] == [
        'row 1: {"message":"x,5"}', "  line 1 csv: done", '      + "a": "x"', '      + "n": "5"', "  line 2 if: not met",
        "  line 3 mutate numbers: done", '      - "message": "x,5"', '      ~ "n": "5" -> 5', '      + "m": {"x":"x!"}',
        'row 2: {"message":"skip,1"}']
    assert "  line 2 drop: ended here" in trace
    assert trace[-1] == 'row 3: mutate numbers: field n: value "z": it is no integer'


def test_filter_run_refuses_with_exit_2_and_names_unusable_lines(tmp_path):
    bad = tmp_path / "bad.conf"
    bad.write_text("ruby { }")
    assert ctl("filter", "run", "--filter", str(bad)).returncode == 2
    assert ctl("filter", "run", "--filter", str(tmp_path / "none.conf")).returncode == 2
    assert ctl("filter", "run").returncode == 2
    put(tmp_path, CASES)
    done = ctl("filter", "run", "--filter", str(tmp_path / "f.conf"), "--input", "ndjson", stdin=b'{"message":"a,1"}\n[1]\n')
    assert done.returncode == 1 and b"row 2: an event is an object" in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_filter_explain_says_the_order_of_effect(tmp_path):
    path = tmp_path / "f.conf"
    path.write_text('if [a] ==\n "x" { mutate { add_tag => ["t"] lowercase => "b" rename => ["c", "b"] } } else { }\ndrop { }\n')
    done = ctl("filter", "explain", "--filter", str(path))
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert [l[7:] for l in lines if "mutate:" not in l and "drop:" not in l] == [
        'if [a] == "x"', '    rename: "c", "b"', '    lowercase: "b"', '    on success, add_tag: "t"', "otherwise", "  nothing"]
    assert [int(l[:5]) for l in lines if l[:5].strip()] == [1, 2, 2, 2, 2, 2, 3]
    assert json.loads(ctl("--json", "filter", "explain", "--filter", str(path)).stdout)["explanation"] == done.stdout.decode()
    path.write_text("drop {")
    assert ctl("filter", "explain", "--filter", str(path)).returncode == 2
    assert ctl("filter", "explain").returncode == 2


def test_filter_run_prints_lines_and_with_json_one_value(tmp_path):
    put(tmp_path, CASES)
    run = ("filter", "run", "--filter", str(tmp_path / "f.conf"))
    events = [{"a": "x", "n": 1, "m": {"x": "x!"}}, {"a": "y", "n": 2, "m": {"x": "y!"}}]
    lines = ctl(*run, stdin=b"x,1\nskip,1\ny,2\n")
    assert lines.returncode == 0 and [json.loads(line) for line in lines.stdout.splitlines()] == events
    for args in (("--json", *run), (*run, "--json"), ("--json", *run, "--trace")):
        done = ctl(*args, stdin=b"x,1\nskip,1\ny,2\n")
        assert done.returncode == 0 and json.loads(done.stdout) == events, args
    assert json.loads(ctl("--json", *run, stdin=b"").stdout) == []
    # a line that cannot be used is said, and what was printed is one value all the same
    done = ctl("--json", *run, stdin=b"x,1\n\xff\ny,2\n")
    assert done.returncode == 1 and json.loads(done.stdout) == events and b"row 2: invalid UTF-8" in done.stderr
    (tmp_path / "f.conf").write_text("nothing { }")
    done = ctl("--json", *run)
    assert (done.returncode, done.stdout) == (2, b"") and b"nothing" in done.stderr
