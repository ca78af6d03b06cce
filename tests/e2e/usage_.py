"""usage_ - what a site's usage must be: the sums of its receipts."""
import decimal
import glob
import json
import sqlite3

KEYS = ("files", "rows", "rows_indexed", "bytes_in", "bytes_indexed", "cpu_seconds")


def receipts(site, tenant):
    """[(folder, receipt)] of every file that came to its end; numbers with a point as they are written."""
    found = []
    for folder in ("done", "failed", "held"):
        for path in glob.glob(site.path("staging", tenant, folder, "*.receipt.json")):
            with open(path) as f:
                receipt = json.load(f, parse_float=decimal.Decimal)
            if receipt["id"] and "documents" in receipt:  # a run's that was refused has none
                found.append((folder, receipt))
    return found


def of_receipts(found):
    """Their sums, and the bytes in done/."""
    sums = dict.fromkeys(KEYS, 0)
    for _, r in found:
        rows = r["rows"] or {"read": 0, "indexed": 0}
        sent = r["sinks"][0]["bytes_sent"] if r["sinks"] and r["state"] == "done" else 0
        for key, n in zip(KEYS, (1, rows["read"], rows["indexed"], r["bytes"], sent, r["cpu_seconds"])):
            sums[key] += n
    return {**sums, "done_bytes": sum(r["bytes"] for folder, r in found if folder == "done")}


def of_journal(site, tenant):
    """What the table says, in all."""
    db = sqlite3.connect("file:%s?mode=ro" % site.path("var", "journal.db"), uri=True)
    try:
        row = db.execute("select sum(files), sum(rows), sum(rows_indexed), sum(bytes_in), sum(bytes_indexed), sum(cpu_us), sum(done_bytes)"
                         " from usage where tenant = ?", (tenant,)).fetchone()
    finally:
        db.close()
    row = [n or 0 for n in row]
    return {**dict(zip(KEYS, row[:5] + [decimal.Decimal(row[5]) / 1000000])), "done_bytes": row[6]}


def of_answer(lines):
    """Lines of `ingestctl usage` or GET /v1/usage, in all; without storage, which is days'."""
    return {k: sum(decimal.Decimal(str(line[k])) for line in lines) for k in KEYS}
