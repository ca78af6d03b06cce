"""duckdb_ndjson FILE OUT - csv to NDJSON by DuckDB's COPY, one thread.

Types are given, nothing is guessed.  Not done: ids, rejects beyond a table of errors, anything but a local file.
"""
import sys

import duckdb

COLUMNS = {"vm_id": "VARCHAR", "subscription_id": "VARCHAR", "deployment_id": "VARCHAR", "timestamp_vm_created": "BIGINT",
           "timestamp_vm_deleted": "BIGINT", "max_cpu": "DOUBLE", "average_cpu": "DOUBLE", "p96_max_cpu": "DOUBLE",
           "vm_category": "VARCHAR", "vm_virtual_core_count_bucket": "BIGINT", "vm_memory_bucket": "BIGINT"}

db = duckdb.connect()
db.execute("SET threads = 1; SET preserve_insertion_order = false")
db.execute("COPY (SELECT * FROM read_csv('%s', header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
           "columns = %r)) TO '%s' (FORMAT json)" % (sys.argv[1], COLUMNS, sys.argv[2]))
