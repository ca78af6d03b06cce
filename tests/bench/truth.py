"""truth - the documents that a file must become, by Python's csv module, and how many of a recorder's are among them.

A document counts as right when every field has its value: numbers as numbers (the same double, however it is spelt), texts byte for
byte.  The digest is the sum of SHA-256 over the canonical documents, whatever order they came in.
"""
import collections
import csv
import hashlib
import json
import time

import rig

NUMBERS = {"long": int, "integer": int, "double": float}


def typed(path):
    with open(path, newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            yield {k: NUMBERS.get(rig.COLUMNS[k], str)(v) for k, v in row.items()}


def mutated(doc):
    doc["category"] = doc.pop("vm_category")
    del doc["deployment_id"]
    doc["source"] = "azure"
    return doc


def full(doc):
    doc["vm_category"] = doc["vm_category"].lower()
    doc["@timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(doc["timestamp_vm_created"]))
    if doc["max_cpu"] > 90 and doc["vm_category"] == "interactive":
        doc["tags"] = ["hot"]
    return doc


SHAPES = {"mapped": lambda doc: doc, "mutate": mutated, "full": full}


def canonical(doc):
    return json.dumps(doc, sort_keys=True, ensure_ascii=False)


def expected(path, job="mapped"):
    return collections.Counter(canonical(SHAPES[job](doc)) for doc in typed(path))


def recorded(path, shape=lambda doc: doc, actions=False):
    """Documents of a recording sink, or of bulk bodies with their action lines."""
    seen = collections.Counter()
    with open(path, "rb") as f:
        for number, line in enumerate(f):
            if actions and number % 2 == 0:
                continue
            try:
                seen[canonical(shape(json.loads(line)))] += 1
            except (ValueError, KeyError, TypeError):
                seen["not to be read: %r" % line[:200]] += 1
    return seen


def digest(counter):
    total = 0
    for text, count in counter.items():
        total += count * int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), "big")
    return "%064x" % (total % (1 << 256))


class Verdict:
    def __init__(self, want, got):
        self.wanted, self.got = sum(want.values()), sum(got.values())
        self.right = sum((want & got).values())
        self.digest, self.wanted_digest = digest(got), digest(want)
        wrong = got - want
        self.example = next(iter(wrong), "")[:400]

    @property
    def all(self):
        return self.right == self.wanted == self.got and self.digest == self.wanted_digest

    def __str__(self):
        return "all" if self.all else "%d of %d" % (self.right, self.wanted)

    def record(self):
        return {"wanted": self.wanted, "got": self.got, "right": self.right, "digest": self.digest,
                "wanted_digest": self.wanted_digest, "example": self.example if not self.all else ""}
