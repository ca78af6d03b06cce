#!/usr/bin/env python3
"""trace ROWS - the 11-column VM trace, deterministic; some buckets are `>24` and `>64` as in the 2019 trace.

Shares of categories and buckets follow ../shared/data/azure/facts (AzurePublicDataset, CC-BY-4.0).
"""
import random
import sys

COLUMNS = ("vm_id,subscription_id,deployment_id,timestamp_vm_created,timestamp_vm_deleted,max_cpu,average_cpu,"
           "p96_max_cpu,vm_category,vm_virtual_core_count_bucket,vm_memory_bucket")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def main(rows):
    r = random.Random(20171016)

    def word(n):
        return "".join(r.choices(LETTERS, k=n))
    subscriptions = [word(64) for _ in range(60)]
    deployments = [word(86) + "==" for _ in range(350)]
    print(COLUMNS)
    for _ in range(rows):
        created = r.randrange(8640) * 300
        deleted = created + r.randrange((2592000 - created) // 300 + 1) * 300
        average = r.random() * 100
        peak = average + (100 - average) * r.random()
        p96 = average + (peak - average) * r.random()
        category = r.choices(["Unkown", "Delay-insensitive", "Interactive"], [58, 39, 3])[0]
        cores, memory = r.choice("2 4 8 24".split()), r.choice("2 4 8 32 64".split())
        if r.random() < 0.0005:
            cores, memory = ">24", ">64"
        print(word(64), r.choice(subscriptions), r.choice(deployments), created, deleted, repr(peak),
              repr(average), repr(p96), category, cores, memory, sep=",")


main(int(sys.argv[1]))
