"""layers_ - what can stand around a file, made by Debian's tools, and a tenant with a key for it."""
import gzip
import json
import lzma
import subprocess


def tool(argv, data):
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout


def age(data, *args):
    return tool(["age", *args], data)


COMPRESSED = {
    "": lambda d: d,
    ".gz": lambda d: gzip.compress(d, mtime=0),
    ".zst": lambda d: tool(["zstd", "-q", "-c", "--check"], d),
    ".xz": lambda d: lzma.compress(d),
}
FORMATS = ["csv", "txt", "compressed", "age"]


def pairings(recipient):
    """extension -> what makes it: plain, gz, zst, xz, age, and age of each."""
    made = dict(COMPRESSED)
    for ext, make in COMPRESSED.items():
        made[ext + ".age"] = lambda d, make=make: age(make(d), "-r", recipient)
    return made


def keygen(site, tenant):
    done = site.ctl("--json", "keygen", tenant)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["recipient"]
