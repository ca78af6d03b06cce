"""promtool - Prometheus' own checker out of Debian's package `prometheus`, which is not installed: it is a service, with 300 MB around it.

Kept in the cache of the test servers (fetch.py); fetched once, 19 MB.
"""
import os
import subprocess
import tempfile

from servers import fetch


class Absent(Exception):
    pass


def get(target):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=folder, capture_output=True, text=True)
        names = [n for n in os.listdir(folder) if n.endswith(".deb")]
        if done.returncode or len(names) != 1:
            raise Absent("apt-get download prometheus: " + done.stderr.strip())
        subprocess.run(["dpkg-deb", "-x", names[0], "x"], cwd=folder, check=True)
        mine = target + ".%d" % os.getpid()
        subprocess.run(["cp", os.path.join(folder, "x", "usr", "bin", "promtool"), mine], check=True)
        os.rename(mine, target)


def path():
    if os.path.exists("/usr/bin/promtool"):
        return "/usr/bin/promtool"
    os.makedirs(fetch.cache(), exist_ok=True)
    target = os.path.join(fetch.cache(), "promtool")
    if not os.path.exists(target):
        get(target)
    return target
