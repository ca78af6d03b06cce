#!/usr/bin/env python3
"""manual [--check] - write the manual pages (docs/man) and the JSON Schemas (profiles/*.schema.json) from the programs' own tables.

Commands come from `ingestctl --help`, options from each program's --help, keys from `ingestctl schema`, log events, routes and states
from the .def tables.  --check writes nothing and says what is stale (exit 1).
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("INGEST_BUILD", os.path.join(ROOT, "build"))


def say(*argv):
    return subprocess.run([os.path.join(BUILD, argv[0]), *argv[1:]], capture_output=True, text=True, check=True).stdout


def schema(name):
    return json.loads(say("ingestctl", "schema", name))


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def page(name, section, sentence, *parts):
    out = ['.TH %s %s "" "ingestd" "ingestd manual"' % (name.upper(), section), ".SH NAME",
           "%s \\- %s" % (roff(name), roff(sentence))]
    for title, body in parts:
        out += [".SH " + title.upper(), body.rstrip("\n")]
    return "\n".join(out) + "\n"


def literal(text):
    return ".nf\n%s\n.fi" % roff(text.rstrip("\n"))


def pairs(rows):
    return "\n".join(".TP\n.B %s\n%s" % (roff(a), roff(b)) for a, b in rows)


def type_of(key):
    if "enum" in key:
        words = [json.dumps(w) for w in key["enum"]]
        return "not in this version" if words == ["null", "false", '""', "[]", "{}"] else " or ".join(words)
    kind = key.get("type", "any value")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    low, high = (key.get(a, key.get(b)) for a, b in (("minimum", "minLength"), ("maximum", "maxLength")))
    unit = " bytes" if "maxLength" in key else ""
    if low is not None and high is not None:
        return "%s, %s to %s%s" % (kind, low, high, unit)
    if kind.startswith("array") and "enum" in key.get("items", {}):
        return "list of " + " ".join(key["items"]["enum"])
    return kind


def keys(table, prefix=""):
    rows = []
    for name, key in table["properties"].items():
        text = key["description"]
        if "default" in key:
            text += "  Default: %s." % json.dumps(key["default"])
        if "examples" in key and key["examples"][0] != key.get("default"):
            text += "  Example: %s." % json.dumps(key["examples"][0])
        rows.append(("%s%s (%s)" % (prefix, name, type_of(key)), text))
        if "properties" in key:
            rows += keys(key, prefix + name + ".")
        if "properties" in (key.get("additionalProperties") or {}):
            rows += keys(key["additionalProperties"], prefix + name + ".NAME.")
    return rows


def table(path, macro):
    with open(os.path.join(ROOT, path)) as f:
        text = f.read()
    out = []
    for m in re.finditer(macro + r"\((.*?)\)(?=\n)", text, re.S):
        out.append([w.encode().decode("unicode_escape") for w in re.findall(r'"((?:[^"\\]|\\.)*)"', m[1])])
    return out


EXIT_INGESTD = [("0", "all is done"), ("1", "another daemon has the folder, or (--once) a sink or a lock was out of reach"),
                ("3", "(--once) a file or run that this call took or started failed, was held or is left in work/"),
                ("78", "the configuration cannot be used")]
EXIT_RECORD = [("0", "ingestd ended, or the connection string is well-formed"), ("1", "ingestd said what makes no sense"),
               ("2", "usage"), ("78", "--check: the connection string is wrong")]
EXIT_NOTIFY = [("0", "ingestd ended, or the body is signed"), ("1", "ingestd said what makes no sense, or the secret cannot be read"), ("2", "usage")]
EXIT_CTL = [("0", "ok"), ("1", "refused"), ("2", "usage"), ("3", "partly"), ("4", "the daemon cannot be reached")]
EXIT_WORKER = [("0", "ok"), ("1", "it could not work"), ("2", "usage, or a filter refused"), ("3", "--convert: rows were rejected"),
               ("78", "a job version that cannot be used")]
SIGNALS = [("SIGTERM, SIGINT", "ends: what is in flight is finished within 20 seconds, the rest goes on at the next start"),
           ("SIGHUP", "reads the profiles again (a change of their folder does so too)"),
           ("SIGUSR1", "opens the logs again, for log rotation")]
FOLDERS = [("in/", "files that arrive, or wait for a manual start"), ("work/A/", "a file that was taken: queued, running or waiting"),
           ("done/", "every row is stored, but for those listed in NAME.rejects.csv; NAME.receipt.json beside it"),
           ("failed/", "the same; no row of it is in any sink"), ("held/", "needs a person: see the receipt"),
           ("try/", "reserved for dry runs")]


def forms(name, what):
    own, seed = schema(name)["anyOf"]
    return [("description", roff(what)), ("keys", pairs(keys(own))),
            ("the seed's form", ".PP\nThe form of the seed document is accepted as written.\n" + pairs(keys(seed)))]


def pages():
    return {
        "ingestd.8": page("ingestd", 8, "drop-folder ingestion daemon", ("synopsis", literal(say("ingestd", "--help"))),
                          ("folders of a tenant", pairs(FOLDERS)), ("signals", pairs(SIGNALS)),
                          ("log events", pairs([(r[0], r[1]) for r in table("watcher/daemon/events.def", r"\nEVENT")])),
                          ("exit status", pairs(EXIT_INGESTD)),
                          ("see also", "ingestctl(1), ingest\\-worker(8), ingestd.json(5), ingestd\\-profile(5), ingestd\\-job(5)")),
        "ingest-worker.8": page("ingest-worker", 8, "one file at a time, from top to bottom",
                                ("synopsis", literal(say("ingest-worker", "--help"))),
                                ("the steps of one file", literal(say("ingest-worker", "--steps"))),
                                ("exit status", pairs(EXIT_WORKER))),
        "ingest-record.8": page("ingest-record", 8, "the records of files, runs and jobs into MongoDB",
                                ("synopsis", literal(say("ingest-record", "--help"))), ("exit status", pairs(EXIT_RECORD)),
                                ("see also", "ingestd(8), ingestd.json(5); docs/records.md says what the collections hold")),
        "ingest-notify.8": page("ingest-notify", 8, "webhooks told of the ends of runs",
                                ("synopsis", literal(say("ingest-notify", "--help"))),
                                ("what a receiver gets", ".PP\n" + roff(
                                    "A POST of a JSON object: event (run.finished, run.failed, run.stopped), tenant, job, run (its record).  "
                                    "X-Ingestd-Event is the event, X-Ingestd-Delivery the number of the notice: the same number again is the same "
                                    "notice.  X-Ingestd-Signature is t=SECONDS,v1=HEX: the HMAC-SHA-256 of SECONDS, a point and the body under the "
                                    "secret of secret_file.  An answer 2xx ends it; all else is tried again after 1 s, doubled up to 60 s, for three "
                                    "days, in order; the oldest of more than 10,000 is dropped.")),
                                ("exit status", pairs(EXIT_NOTIFY)),
                                ("see also", "ingestd(8), ingestd.json(5), ingestd\\-job(5)")),
        "ingestctl.1": page("ingestctl", 1, "look at and steer ingestd", ("synopsis", literal(say("ingestctl", "--help"))),
                            ("routes", ".PP\nThe daemon's HTTP API on its Unix socket, which this program uses.\n" +
                             pairs([("%s %s" % (r[0], r[1]), r[2]) for r in table("watcher/admin/routes.def", r"\nROUTE")])),
                            ("why a file is not taken", ".PP\nThe rules of explain, of status and of file.lying in a tenant's log.\n" +
                             pairs([(r[0], "%s.  %s." % (r[1], r[2])) for r in table("watcher/model/rules.def", r"\nRULE")])),
                            ("exit status", pairs(EXIT_CTL))),
        "ingestd.json.5": page("ingestd.json", 5, "configuration of ingestd",
                               ("description", roff("Found by -c FILE, else ./ingestd.json, else /etc/ingestd/ingestd.json.  Relative paths "
                                                    "are relative to it, // and /* */ comments are allowed, unknown keys are errors.")),
                               ("keys", pairs(keys(schema("ingestd")["allOf"][0])))),
        "ingestd-profile.5": page("ingestd-profile", 5, "a tenant's profile",
                                  *forms("profile", "profiles/TENANT/profile.json.  Read again when it changes; one with an error is "
                                                    "refused, and the version in force stays.")),
        "ingestd-job.5": page("ingestd-job", 5, "a tenant's job",
                              *forms("job", "profiles/TENANT/jobs/JOB.json: which files, what becomes of a row, where the rows go.  The "
                                            "filter language is docs/filters.md.")),
    }


def files():
    out = {os.path.join("docs", "man", name): text for name, text in pages().items()}
    for name in ("ingestd", "profile", "job"):
        out[os.path.join("profiles", name + ".schema.json")] = json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"
    return out


def main():
    stale = []
    for path, text in files().items():
        full = os.path.join(ROOT, path)
        have = open(full, encoding="utf-8").read() if os.path.exists(full) else None
        if have == text:
            continue
        stale.append(path)
        if "--check" not in sys.argv:
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
    print("\n".join(("stale: " if "--check" in sys.argv else "wrote ") + p for p in stale))
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
