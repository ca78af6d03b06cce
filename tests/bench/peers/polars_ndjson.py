"""polars_ndjson FILE OUT - csv to NDJSON by Polars' streaming engine; one thread by POLARS_MAX_THREADS=1.

Types are given, nothing is guessed.  Not done: ids, rejects (the first value that does not fit ends it), anything but a local file.
"""
import sys

import polars

LONG, DOUBLE, TEXT = polars.Int64, polars.Float64, polars.String
SCHEMA = {"vm_id": TEXT, "subscription_id": TEXT, "deployment_id": TEXT, "timestamp_vm_created": LONG, "timestamp_vm_deleted": LONG,
          "max_cpu": DOUBLE, "average_cpu": DOUBLE, "p96_max_cpu": DOUBLE, "vm_category": TEXT,
          "vm_virtual_core_count_bucket": LONG, "vm_memory_bucket": LONG}

polars.scan_csv(sys.argv[1], schema=SCHEMA).sink_ndjson(sys.argv[2])
