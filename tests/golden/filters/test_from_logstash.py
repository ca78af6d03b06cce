"""Every pair of docs/from-logstash.md: our block over the rows shown gives the documents shown."""
import json
import os
import re
import sqlite3
import subprocess

import pytest

from test_filters import ROOT, WORKER, load

BUILD = os.path.dirname(WORKER)


def blocks():
    with open(os.path.join(ROOT, "docs", "from-logstash.md"), encoding="utf-8") as f:
        text = f.read()
    out = {}
    for kind, name, body in re.findall(r"```(?:json )?(\w+):(\w+)\n(.*?)```", text, re.S):
        out.setdefault(name, {})[kind] = body
    return out


PAIRS = blocks()


def by_filter(pair, folder):
    conf = folder / "x.conf"
    conf.write_text(pair["filter"])
    done = subprocess.run([WORKER, "--filter", "--filter-file", conf], input=pair["input"].encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return [load(line) for line in done.stdout.decode().splitlines()]


def by_job(pair, folder):
    for part in ("profiles/bob/jobs", "staging/bob/in"):
        os.makedirs(folder / part)
    (folder / "ingestd.json").write_text("{}")
    (folder / "profiles/bob/profile.json").write_text(pair["profile"])
    (folder / "profiles/bob/jobs/j.json").write_text(pair["job"])
    extension = json.loads(pair["profile"])["formats"][0]
    (folder / "staging/bob/in" / ("vms." + extension)).write_text(pair["input"])
    done = subprocess.run([os.path.join(BUILD, "ingestd"), "-c", folder / "ingestd.json", "--once"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    db = sqlite3.connect(folder / "var/data/bob/data.db")
    table, = [r[0] for r in db.execute("select name from sqlite_master where type = 'table' and name like 'bob-%'")]
    rows = [load(r[0]) for r in db.execute('select "_extra" from "%s" order by length("_id"), "_id"' % table)]
    db.close()
    return rows


@pytest.mark.parametrize("name", sorted(n for n in PAIRS if "config" not in PAIRS[n]))
def test_pair(tmp_path, name):
    pair = PAIRS[name]
    want = [load(line) for line in pair["output"].splitlines()]  # 2 is not 2.0
    assert want and ("filter" in pair) != ("job" in pair)
    assert (by_filter if "filter" in pair else by_job)(pair, tmp_path) == want
    if name == "pipeline":
        rejects = (tmp_path / "staging/bob/done/vms.csv.rejects.csv").read_text()
        assert "b,x" in rejects and "float" in rejects


def verify(folder, pair, job):
    for part in ("profiles/bob/jobs", "secrets"):
        os.makedirs(folder / part, exist_ok=True)
    (folder / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    (folder / "secrets/es").write_text("secret\n")
    (folder / "secrets/es").chmod(0o600)
    (folder / "ingestd.json").write_text(pair["config"])
    (folder / "profiles/bob/profile.json").write_text("{}")
    (folder / "profiles/bob/jobs/j.json").write_text(json.dumps(job))
    return subprocess.run([os.path.join(BUILD, "ingestd"), "-c", folder / "ingestd.json", "-t"], capture_output=True, text=True)


def test_an_output_as_a_sink(tmp_path):
    """Our blocks are accepted; Logstash's block is refused, each setting with the key that stands for it in ours."""
    pair, job = PAIRS["sink"], json.loads(PAIRS["sink"]["job"])
    done = verify(tmp_path, pair, job)
    assert done.returncode == 0 and "error" not in done.stderr.replace("0 errors", ""), done.stderr
    (tmp_path / "profiles/bob/jobs/out.conf").write_text("filter { }\n" + pair["logstash"])
    done = verify(tmp_path, pair, {**job, "filter_file": "out.conf"})
    assert done.returncode == 78
    sink, = json.loads(pair["config"])["sinks"].values()
    told = dict(re.findall(r": output elasticsearch (\w+): a job takes the filter alone; here: (.*)", done.stderr))
    assert set(told) == set(re.findall(r"^ +(\w+) =>", pair["logstash"], re.M)) and len(told) == 6
    for setting, key in [("hosts", "urls"), ("ssl_certificate_authorities", "ca_file"), ("user", "username"),
                         ("password", "password_file")]:
        assert told[setting].startswith(key + " of ") and key in sink
    for setting in ("index", "pipeline"):
        key = re.search(r"the job's key index\.(\w+)", told[setting])[1]
        assert key in job["index"]


def test_there_are_pairs_for_each_program():
    assert len(PAIRS) >= 8 and {"filebeat", "vector", "pipeline"} <= set(PAIRS)
