import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

if os.environ.get("INGEST_NIGHTLY") != "1":
    collect_ignore = ["test_c_record_ferret.py"]
