"""Records of files, runs and jobs in a server of MongoDB's protocol: what the documents hold, and what no fault of it or of us may do."""
import json
import os
import random
import signal
import subprocess
import time

import pytest

from records_ import client, csv, documents, plain, receipts, site
from site_ import ROOT

FIELDS = ("id delivery duplicate_of tenant job run file bytes sha256 state reason job_version rows documents sinks first_error coercions "
          "quality times seconds attempts cpu_seconds peak_rss_bytes sentence").split()


def equals_receipt(document, receipt):
    """Field by field; the receipt is written before its file is placed, so that alone it cannot know."""
    d = plain(document)
    assert list(d) == FIELDS == list(receipt)
    assert d["times"].pop("placed") is not None
    ours, theirs = d.pop("seconds"), {k: v for k, v in receipt.items() if k != "seconds"}
    assert ours["queue"] == receipt["seconds"]["queue"]
    for key in "work", "total":
        assert receipt["seconds"][key] is None or ours[key] >= receipt["seconds"][key]
    assert d == theirs
    assert document["_id"] == receipt["id"]


def equals_shown(s, document):
    shown = json.loads(s.ctl("--json", "show", document["_id"]).stdout)
    assert {k: shown[k] for k in FIELDS} == plain(document)


def test_c_documents_equal_receipts_of_every_outcome(server, tmp_path):
    s = site(tmp_path, server("mongo"))
    s.drop("alice", "good.csv", csv(1))
    s.drop("alice", "coerced.csv", b"n,name\n1.5,\xc3\xa4\n2,b\n")
    s.drop("alice", "bad.csv", b"n,name\nx,y\n")
    s.drop("alice", "nobody's.txt", b"no job\n")
    assert s.once("--wait", "20").returncode == 3
    os.remove(s.path("staging", "alice", "done", "good.csv"))
    s.drop("alice", "good.csv", csv(1))
    assert s.once("--wait", "20").returncode == 0
    wanted = receipts(s, "alice")
    found = documents(s)
    assert set(found) == set(wanted) and len(found) >= 4
    assert {r["state"] for r in wanted.values()} >= {"done", "failed", "duplicate"}
    for key, receipt in wanted.items():
        equals_receipt(found[key], receipt)
    s.start()
    for document in found.values():
        equals_shown(s, document)
    assert s.stop() == 0
