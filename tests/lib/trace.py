#!/usr/bin/env python3
"""trace [--header] [--facts FILE] ROWS - the 11-column VM trace of 2019's form on standard output; the same rows every time.

Shares of categories, cores, memory, cpu and lifetimes follow ../shared/data/azure/facts/azure-vm-facts.json (v2; lifetimes of v1),
which names its sources (AzurePublicDataset, CC-BY-4.0): six of ten thousand rows have `>24` and `>64` in the last two columns, as
the real trace has some.  --facts writes what a loader must find: counts, exact sums, and the lines of those planted rows.
"""
import argparse
import decimal
import json
import random
import sys

COLUMNS = ("vm_id,subscription_id,deployment_id,timestamp_vm_created,timestamp_vm_deleted,max_cpu,average_cpu,"
           "p96_max_cpu,vm_category,vm_virtual_core_count_bucket,vm_memory_bucket").split(",")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
CATEGORIES = {"Unknown": 58.2, "Delay-insensitive": 38.8, "Interactive": 3.0}
CORES = {"2": 59.3, "4": 30.6, "8": 7.4, "24": 2.7}
MEMORY = {"2": 12.0, "4": 15.7, "8": 37.5, "32": 31.9, "64": 2.9}
PLANTED = 0.0006
AVERAGE = [(5, 34), (10, 52), (20, 70), (30, 80), (40, 86), (50, 90), (60, 93), (80, 97), (100, 100)]
LAST = 2591400          # seconds; all times are multiples of 300
AT_T0 = 0.0843          # 227,316 of 2,695,548 were there when the trace begins
LIFETIMES = [(900, 36), (3600, 33), (86400, 29), (LAST, 2)]
SUMMED = ("timestamp_vm_created timestamp_vm_deleted max_cpu average_cpu p96_max_cpu vm_virtual_core_count_bucket "
          "vm_memory_bucket").split()


def picker(r, shares):
    names, weights = list(shares), list(shares.values())
    return lambda: r.choices(names, weights)[0]


def average_cpu(r):
    share, low, below = r.random() * 100, 0.0, 0.0
    for value, upto in AVERAGE:
        if share <= upto:
            return low + (value - low) * (share - below) / (upto - below)
        low, below = value, upto
    return 100.0


def lifetime(r):
    share, low = r.random() * 100, 0
    for seconds, weight in LIFETIMES:
        if share <= weight:
            return r.randrange(low // 300, seconds // 300 + 1) * 300
        share, low = share - weight, seconds
    return LAST


def rows(count):
    """(cells, planted) of each row."""
    r = random.Random(20190711)

    def word(n):
        return "".join(r.choices(LETTERS, k=n))
    subscriptions = [word(64) for _ in range(670)]
    deployments = [word(86) + "==" for _ in range(3320)]
    category, cores, memory = picker(r, CATEGORIES), picker(r, CORES), picker(r, MEMORY)
    for _ in range(count):
        created = 0 if r.random() < AT_T0 else r.randrange(LAST // 300) * 300
        deleted = min(LAST, created + lifetime(r))
        average = average_cpu(r)
        peak = average + (100 - average) * r.random()
        p96 = average + (peak - average) * r.random()
        planted = r.random() < PLANTED
        sizes = [">24", ">64"] if planted else [cores(), memory()]
        yield [word(64), r.choice(subscriptions), r.choice(deployments), str(created), str(deleted), repr(peak),
               repr(average), repr(p96), category(), *sizes], planted


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--header", action="store_true")
    p.add_argument("--facts")
    p.add_argument("rows", type=int)
    o = p.parse_args()
    exact = decimal.Context(prec=60)
    sums = dict.fromkeys(SUMMED, decimal.Decimal(0))
    categories, lines = {}, []
    line = 1
    if o.header:
        print(",".join(COLUMNS))
        line = 2
    for cells, planted in rows(o.rows):
        sys.stdout.write(",".join(cells) + "\n")
        if planted:
            lines.append(line)
        elif o.facts:
            for name in SUMMED:
                sums[name] = exact.add(sums[name], decimal.Decimal(cells[COLUMNS.index(name)]))
            categories[cells[8]] = categories.get(cells[8], 0) + 1
        line += 1
    if o.facts:
        with open(o.facts, "w") as f:
            json.dump({"rows": o.rows, "good": o.rows - len(lines), "planted_lines": lines,
                       "sums": {k: str(v) for k, v in sums.items()}, "categories": categories}, f)


main()
