"""The benchmark's own parts: the same rows every time, a server that answers for what it was sent, a comparison that sees what is wrong."""
import collections
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import measure  # noqa: E402
import ratios  # noqa: E402
import rig  # noqa: E402
import truth  # noqa: E402

DIGESTS = {
    "": "569459210ce65a630d143f80dc6141b164ac5657d3081c35352001ce068dcbf9",
    "-q 10": "bf51aface6d5acd0edaee6f19e809be9dfa25d63df262e19e64ddd8f56783614",
    "-q 100": "ea48d48c0b3df97319db4c2cff3f44bd26129eb26d4eea6f52b8b42bf06f10e3",
    "-r": "84c7f11c6db81acea2c3a854d9903b024a181a4ed80bf753703fd126f88dbb26",
}


@pytest.mark.parametrize("options", DIGESTS)
def test_rows_are_the_same_every_time(options):
    done = subprocess.run([measure.tool("rowgen"), *options.split(), "1000"], capture_output=True, text=True, check=True)
    assert done.stderr.split()[2] == "sha256=" + DIGESTS[options]
    assert done.stdout.count("\n") == 1001 and 300 < len(done.stdout) / 1000 < 330


def test_a_slice_is_of_the_same_rows():
    whole, part = (subprocess.run([measure.tool("rowgen"), *words], capture_output=True, text=True, check=True).stdout.splitlines()
                   for words in (["30"], ["-s", "11", "20"]))
    assert part[0] == whole[0] and part[1:] == whole[11:]


BULK = (b'{"create":{"_id":"one"}}\n{"a":"bad"}\n{"index":{"_index":"x"}}\n{"a":"busy"}\n'
        b'{"delete":{"_id":"three"}}\n{"create":{"_id":"four"}}\n{"a":"ok"}\n')


def post(sink, path, body=BULK):
    request = urllib.request.Request(sink.url + path, body, {"Content-Type": "application/x-ndjson"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_the_sink_answers_each_item_under_its_id(tmp_path):
    with rig.Sink(str(tmp_path / "kept")) as sink:
        said = post(sink, "/_bulk?filter_path=items.*.status")
        assert said["errors"] is False
        assert [next(iter(i.items())) for i in said["items"]][::3] == [("create", {"_id": "one", "status": 201}),
                                                                       ("create", {"_id": "four", "status": 201})]
        whole = post(sink, "/y/_bulk")["items"]
        assert [list(i) for i in whole] == [["create"], ["index"], ["delete"], ["create"]]
        assert whole[1]["index"]["_index"] == "x" and whole[3]["create"]["result"] == "created"
        assert sink.totals()["documents"] == 6 and sink.totals()["longest"] == len(BULK)
    assert (tmp_path / "kept").read_text().splitlines() == ['{"a":"bad"}', '{"a":"busy"}', '{"a":"ok"}'] * 2


def test_a_sink_that_is_not_well():
    with rig.Sink(faults=["-x", "bad", "-b", "busy", "-u", "1"]) as sink:
        with pytest.raises(urllib.error.HTTPError) as e:
            post(sink, "/_bulk")
        assert e.value.code == 503
        statuses = [[next(iter(i.values()))["status"] for i in post(sink, "/_bulk")["items"]] for _ in range(3)]
        assert statuses == [[400, 429, 201, 201], [400, 429, 201, 201], [400, 201, 201, 201]]
        assert sink.totals()["documents"] == 4


@pytest.mark.parametrize("got, right", [
    ([1, 2, 3], True), ([3, 1, 2], True), ([1, 2], False), ([1, 2, 3, 3], False), ([1, 2, "3"], False), ([1, 2, 3.5], False)])
def test_a_comparison_sees_what_is_lost_doubled_or_mistyped(got, right):
    want = collections.Counter(truth.canonical({"n": n}) for n in [1, 2, 3])
    verdict = truth.Verdict(want, collections.Counter(truth.canonical({"n": n}) for n in got))
    assert verdict.all is right and (verdict.digest == verdict.wanted_digest) is right


def test_a_program_is_told_its_own_peak_and_time():
    """Not Python's, which forked it; and a program that fails is not a figure."""
    hog = bytearray(200 << 20)
    cost = measure.run(["true"])
    assert cost.peak < 20 << 20 < len(hog)
    spin = measure.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"])
    assert 0.3 <= spin.cpu < 3 and spin.wall >= 0.3
    with pytest.raises(RuntimeError, match="ended with 1"):
        measure.run(["false"])


def test_a_ratio_is_held_to_its_bar_from_the_right_side():
    most, least = (ratios.Ratio("x", "", None, floor, stretch, least=side) for floor, stretch, side in ((2, 1, False), (10, 20, True)))
    assert [ratios.Found(most, v).verdict for v in (0.5, 1.5, 2.5)] == ["stretch met", "floor met", "NOT MET"]
    assert [ratios.Found(least, v).verdict for v in (30, 15, 5)] == ["stretch met", "floor met", "NOT MET"]
