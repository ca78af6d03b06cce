"""es_streaming FILE URL INDEX - what a Python user writes: csv, elasticsearch-py's streaming_bulk, its serializer by orjson.

Types as the index has them.  Not done: an id of its own for each row (a second run doubles them), any file state, rejects (the first
value that is no number ends it), memory bounded in the number of bytes.
"""
import csv
import sys

from elasticsearch import Elasticsearch, OrjsonSerializer
from elasticsearch.helpers import streaming_bulk

INTEGERS = ("timestamp_vm_created", "timestamp_vm_deleted", "vm_virtual_core_count_bucket", "vm_memory_bucket")
DOUBLES = ("max_cpu", "average_cpu", "p96_max_cpu")


def documents(path):
    with open(path, newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            for name in INTEGERS:
                row[name] = int(row[name])
            for name in DOUBLES:
                row[name] = float(row[name])
            yield row


def main(path, url, index):
    client = Elasticsearch(url, serializer=OrjsonSerializer())
    for ok, item in streaming_bulk(client, documents(path), index=index, chunk_size=5000, max_chunk_bytes=5 << 20):
        if not ok:
            print(item, file=sys.stderr)


main(*sys.argv[1:])
