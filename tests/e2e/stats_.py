"""stats_ - what the statistics must be: counted in Python from the records or receipts of files, and asked of MongoDB as docs/statistics.md says.

    figures(records)                    of one group
    answer(records, tenant, since, until, runs)    the whole of GET /v1/stats; since None: of receipts
    equal_receipts(site, tenants)             ingestctl stats of the last day against the receipts
    asked(site, tenant, since, until)         the same by the page's queries
"""
import collections
import datetime
import json
import os
import re

import bson.json_util

from records_ import client, receipts
from site_ import ROOT

STATES = ("done", "failed", "held", "duplicate", "undone")
RUN_STATES = ("finished", "failed", "stopped")
PERCENTILES = (50, 95, 99)


def when(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)


def ms(later, earlier):
    return round((when(later) - when(earlier)).total_seconds() * 1000)


def rate(a, b):
    return round(a / b, 6) if b else None


def figures(records):
    """Receipts do not know when their file was placed: of those there are no seconds."""
    count = collections.Counter(r["state"] for r in records)
    assert set(count) <= set(STATES)
    rows = {k: sum((r["rows"] or {k: 0})[k] for r in records) for k in ("read", "indexed", "rejected")}
    waits = sorted(ms(r["times"]["indexed"], r["times"]["arrived"]) for r in records if r["state"] == "done" and r["times"]["indexed"])
    out = {"files": len(records), **{s: count[s] for s in STATES}, "success_rate": rate(count["done"] + count["duplicate"], len(records)),
           "failure_rate": rate(count["failed"], len(records)), "rows": rows, "documents": sum(r["documents"] or 0 for r in records),
           "bytes": sum(r["bytes"] for r in records),
           "arrival_to_indexed": {"files": len(waits), **{"p%d" % p: waits[-(-len(waits) * p // 100) - 1] / 1000 if waits else None
                                                          for p in PERCENTILES}}}
    if all("placed" in r["times"] for r in records):
        seconds = ms(max(r["times"]["placed"] for r in records), min(r["times"]["arrived"] for r in records)) / 1000 if records else None
        out.update(seconds=seconds, rows_per_second=rate(rows["indexed"], seconds), bytes_per_second=rate(out["bytes"], seconds))
    return out


def by(records, key):
    groups = collections.defaultdict(list)
    for r in records:
        groups[key(r)].append(r)
    return [(k, groups[k]) for k in sorted(groups, key=lambda k: [x or "" for x in k] if isinstance(k, tuple) else k)]


def reasons(records):
    count = collections.Counter(r["reason"] for r in records if r["state"] in ("failed", "held") and r["reason"] is not None)
    return [{"reason": k, "files": n} for k, n in sorted(count.items(), key=lambda kn: (-kn[1], kn[0].encode()))[:10]]


def answer(records, tenant, since, until, runs=()):
    if since:
        records = [r for r in records if tenant in (None, r["tenant"]) and since <= r["times"]["placed"] < until]
    return {"tenant": tenant, "since": since, "until": until, "total": figures(records),
            "tenants": [{"tenant": k, **figures(g)} for k, g in by(records, lambda r: r["tenant"])],
            "jobs": [{"tenant": t, "job": j, **figures(g)} for (t, j), g in by(records, lambda r: (r["tenant"], r["job"]))],
            "hours": [{"hour": k, **figures(g)} for k, g in by(records if since else [], lambda r: r["times"]["placed"][:14] + "00:00.000Z")],
            "reasons": reasons(records), "runs": of_runs([r for r in runs if tenant in (None, r["tenant"])], since, until)}


def of_runs(runs, since=None, until=None):
    runs = [r for r in runs if r["times"]["finished"] and (not since or since <= r["times"]["finished"] < until)]
    count = collections.Counter(r["state"] for r in runs)
    why = collections.Counter(r["reason"] for r in runs if r["state"] == "failed" and r["reason"] is not None)
    return {**{s: count[s] for s in RUN_STATES},
            "reasons": [{"reason": k, "runs": n} for k, n in sorted(why.items(), key=lambda kn: (-kn[1], kn[0].encode()))[:10]]}


def equal_receipts(site, tenants):
    """What `ingestctl stats` says of the last day is what the receipts of these tenants say: all but what depends on when a file was placed."""
    found = [r for t in tenants for r in receipts(site, t).values() if "documents" in r]  # a run's that was refused has none
    told = json.loads(site.ctl("--json", "stats").stdout)

    def without(figures):
        return {k: v for k, v in figures.items() if k not in ("seconds", "rows_per_second", "bytes_per_second")}
    wanted = answer(found, None, None, None)
    assert without(told["total"]) == wanted["total"]
    for name in ("tenants", "jobs"):
        assert [without(g) for g in told[name]] == wanted[name]
    assert told["reasons"] == wanted["reasons"]
    assert sum(h["files"] for h in told["hours"]) == len(found)
    return told


# --- as the logs have it ---

def of_log(site, tenant):
    """What a tenant's log says of the ends of files and runs, counted."""
    count = collections.Counter()
    for line in site.log(tenant).splitlines():
        event, rest = re.match(r"\S+ +\w+ +(\S+) ?(.*)", line).groups()
        pairs = {k: json.loads(v) if v.startswith('"') else v for k, v in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', rest)}
        kind, _, state = event.partition(".")
        if kind == "file" and state in STATES:
            count["files"] += 1
            count[state] += 1
            for key, name in (("rows", "read"), ("indexed", "indexed"), ("rejected", "rejected")):
                count[name] += int(pairs.get(key, 0))
            if state in ("failed", "held"):
                count["file: " + pairs["reason"]] += 1
        elif kind == "run" and state in RUN_STATES:
            count["run " + state] += 1
            if state == "failed":
                count["run: " + pairs["reason"]] += 1
    return count


def of_log_form(told):
    """The same of an answer."""
    total, runs = told["total"], told["runs"]
    return collections.Counter({k: v for k, v in (
        ("files", total["files"]), *((s, total[s]) for s in STATES), *total["rows"].items(), *(("run " + s, runs[s]) for s in RUN_STATES),
        *(("file: " + r["reason"], r["files"]) for r in told["reasons"]), *(("run: " + r["reason"], r["runs"]) for r in runs["reasons"])) if v})


# --- as docs/statistics.md asks MongoDB ---

def page():
    """{name: (collection, pipeline as text)}, {name: value of `by`}: the page's own."""
    with open(os.path.join(ROOT, "docs", "statistics.md")) as f:
        text = f.read()
    pipelines = {name: (of, body) for name, of, body in re.findall(r"^    (\w+) = db\.(files|runs)\.aggregate\((\[\n.*?^    \])\)", text, re.M | re.S)}
    groups = {name: value for value, name in re.findall(r"^    by = (.+?)\s+// (\w+)$", text, re.M)}
    return pipelines, groups


def run(site, pipeline, **values):
    of, text = pipeline
    for name, value in values.items():
        text = re.sub(r'(?<![\w"$])%s(?!\w|")' % name, lambda m: value, text)
    with client(site.server) as c:
        return list(c[site.database][of].aggregate(bson.json_util.loads(text)))


def date(text):
    return '{"$date": "%s"}' % text


def asked(site, tenant, since, until):
    pipelines, groups = page()
    whose = '{"$match": {"tenant": "%s"}}' % tenant if tenant else '{"$match": {}}'
    values = {"since": date(since), "until": date(until), "whose": whose}
    found = {}
    for name in ("total", "tenants", "jobs", "hours"):
        figures = run(site, pipelines["figures"], **{**values, "by": groups[name]})
        waits = {str(w.pop("_id")): w for w in run(site, pipelines["waits"], **{**values, "by": groups[name]})}
        found[name] = [one(f, waits) for f in figures]
    names = {"tenants": "tenant", "hours": "hour"}
    for name, key in names.items():
        found[name] = [{key: f.pop("_id"), **f} for f in sorted(found[name], key=lambda f: f["_id"])]
    found["jobs"] = [{"tenant": f["_id"]["tenant"], "job": f.pop("_id").get("job"), **f}
                     for f in sorted(found["jobs"], key=lambda f: (f["_id"]["tenant"], f["_id"].get("job") or ""))]
    total = [{k: v for k, v in f.items() if k != "_id"} for f in found["total"]] or [figures_of_none()]
    return {"tenant": tenant, "since": since, "until": until, **found, "total": total[0],
            "reasons": [{"reason": r["_id"], "files": r["files"]} for r in run(site, pipelines["reasons"], **values)],
            "runs": {**dict.fromkeys(RUN_STATES, 0), **{r["_id"]: r["runs"] for r in run(site, pipelines["runs"], **values)},
                     "reasons": [{"reason": r["_id"], "runs": r["runs"]} for r in run(site, pipelines["run_reasons"], **values)]}}


def figures_of_none():
    return figures([])


def one(f, waits):
    """As the daemon tells it: rates to six digits; milliseconds are seconds."""
    w = waits.get(str(f["_id"]), {"files": 0, **{"p%d" % p: None for p in PERCENTILES}})
    for key in ("success_rate", "failure_rate", "rows_per_second", "bytes_per_second"):
        f[key] = None if f[key] is None else round(f[key], 6)
    return {**f, "arrival_to_indexed": {k: v if k == "files" or v is None else v / 1000 for k, v in w.items()}}
