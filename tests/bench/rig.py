"""rig - files of generated rows, the sink that discards, one ingestd's folders: what a contender runs on.

Everything lies below one folder, on tmpfs when there is room, and goes with it.
"""
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request

import measure

COLUMNS = {"vm_id": "keyword", "subscription_id": "keyword", "deployment_id": "keyword", "timestamp_vm_created": "long",
           "timestamp_vm_deleted": "long", "max_cpu": "double", "average_cpu": "double", "p96_max_cpu": "double",
           "vm_category": "keyword", "vm_virtual_core_count_bucket": "integer", "vm_memory_bucket": "integer"}
MAPPINGS = {"properties": {name: {"type": type} for name, type in COLUMNS.items()}}
KINDS = {"plain": [], "q10": ["-q", "10"], "q100": ["-q", "100"], "crlf": ["-r"]}
LAYERS = {"gz": ["gzip", "-6", "-n", "-c"], "zst": ["zstd", "-q", "-3", "--check", "-c"], "age": ["age"]}
CONVERT = " ".join('"%s" => "%s"' % (name, {"long": "integer", "double": "float"}.get(type, type))
                   for name, type in COLUMNS.items() if type != "keyword")
DOCUMENT = 600  # bytes of a document and its action line, and some
CSV = "csv { columns => %s }\n" % json.dumps(list(COLUMNS))
FILTERS = {
    "mapped": "",
    "csv + mutate": CSV + "mutate { convert => { %s } rename => { \"vm_category\" => \"category\" } "
                          "remove_field => [\"deployment_id\"] add_field => { \"source\" => \"azure\" } }" % CONVERT,
    "full": CSV + "mutate { convert => { %s } lowercase => [\"vm_category\"] }\n"
                  "date { match => [\"timestamp_vm_created\", \"UNIX\"] }\n"
                  "if [max_cpu] > 90 and [vm_category] == \"interactive\" { mutate { add_tag => [\"hot\"] } }" % CONVERT,
}
JOBS = {"mapped": "mapped", "mutate": "csv + mutate", "full": "full"}


class Rig:
    def __init__(self, folder):
        self.folder = folder
        self.digests = {}
        self.serial = 0
        os.makedirs(folder, exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def rows(self, kind, rows):
        """A file of that many rows, made when first asked for: plain, q10, q100, crlf, or a layer of plain."""
        path = self.path("%s-%d.csv%s" % (kind, rows, "." + kind if kind in LAYERS else ""))
        if os.path.exists(path):
            return path
        if kind in LAYERS:
            more = ["-r", self.recipient()] if kind == "age" else []
            with open(self.rows("plain", rows), "rb") as i, open(path + ".tmp", "wb") as o:
                subprocess.run(LAYERS[kind] + more, stdin=i, stdout=o, check=True)
        else:
            with open(path + ".tmp", "wb") as o:
                said = measure.run([measure.tool("rowgen"), *KINDS[kind], str(rows)], stdout=o).more["said"]
            self.digests[os.path.basename(path)] = dict(re.findall(r"(\w+)=(\w+)", said))
        os.rename(path + ".tmp", path)
        return path

    def warm(self, rows):
        """The machine below may take back what is free: pages of tmpfs for that many documents are asked for before the clock runs."""
        path = self.path("warm")
        with open(path, "wb") as f:
            for _ in range(rows * DOCUMENT >> 20):
                f.write(bytes(1 << 20))
        os.unlink(path)

    def recipient(self):
        """Of one key for all files: a fresh one would open none of those made before."""
        path = self.path("site-keys", "staging", "bench", "recipients.txt")
        if not os.path.exists(path):
            self.site("keys", {"local": {"type": "sqlite", "path": "var/data"}})
        with open(path) as f:
            return [line.split()[-1] for line in f if line.strip() and not line.startswith("#")][0]

    def site(self, name, sinks):
        """A fresh folder of one daemon; all of them have the tenant's key of the first, so that one age file serves all."""
        folder = self.path("site-" + name)
        shutil.rmtree(folder, ignore_errors=True)
        return Site(folder, sinks, None if name == "keys" else self)


class Site:
    """One tenant with the jobs of FILTERS, nothing running."""
    def __init__(self, folder, sinks, rig):
        self.folder = folder
        os.makedirs(self.path("profiles", "bench", "jobs"))
        os.makedirs(self.path("staging", "bench", "in"))
        self._write("ingestd.json", {"sinks": sinks, "default_sinks": list(sinks)})
        self._write("profiles/bench/profile.json", {"formats": ["csv", "gz", "zst", "age"], "arrival": {"settle_seconds": 0}})
        for job, text in JOBS.items():
            self._write("profiles/bench/jobs/%s.json" % job,
                        {"pattern": job + "*.csv", "input": {"header": True}, "filter": FILTERS[text],
                         "index": {"name": job, "mappings": MAPPINGS if job == "mapped" else {"properties": {}}}})
        if rig is None:
            subprocess.run([os.path.join(measure.BUILD, "ingestctl"), "-c", self.config, "keygen", "bench"], check=True,
                           stdout=subprocess.DEVNULL)
        elif os.path.isdir(rig.path("site-keys", "profiles", "bench", "keys")):
            shutil.copytree(rig.path("site-keys", "profiles", "bench", "keys"), self.path("profiles", "bench", "keys"))

    @property
    def config(self):
        return self.path("ingestd.json")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def _write(self, name, what):
        with open(self.path(name), "w") as f:
            json.dump(what, f)

    def once(self, path, job):
        """The file through the whole program: moved into in/, and back from done/.  Cost with the worker's share, and the receipt."""
        name = job + os.path.basename(path)
        os.rename(path, self.path("staging", "bench", "in", name))
        try:
            cost = measure.run([os.path.join(measure.BUILD, "ingestd"), "-c", self.config, "--once"])
            with open(self.path("staging", "bench", "done", name + ".receipt.json")) as f:
                receipt = json.load(f)
        finally:
            for state in ("done", "failed", "held", "in"):
                if os.path.exists(self.path("staging", "bench", state, name)):
                    os.chmod(self.path("staging", "bench", state, name), 0o644)
                    os.rename(self.path("staging", "bench", state, name), path)
        cost.more.update(receipt=receipt, worker=receipt["cpu_seconds"], daemon=cost.cpu - receipt["cpu_seconds"])
        return cost


class Sink:
    """build/tools/bulksink on a port of its own."""
    def __init__(self, record=None, faults=()):
        self.child = subprocess.Popen([measure.tool("bulksink"), *(["-r", record] if record else []), *faults],
                                      stdout=subprocess.PIPE)
        self.url = "http://127.0.0.1:%d" % int(self.child.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()

    def ask(self, path, method="GET"):
        request = urllib.request.Request(self.url + path, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def totals(self):
        return self.ask("/_totals")

    def reset(self):
        self.ask("/_reset", "POST")

    def cpu(self):
        """While it runs: its threads' ticks are waited for nowhere."""
        with open("/proc/%d/stat" % self.child.pid) as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / measure.TICK

    def until(self, documents, seconds=120):
        end = time.monotonic() + seconds
        while self.totals()["documents"] < documents:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True
