"""tools - programs of the tests alone (build/tools), made when first asked for; several test processes may ask at once."""
import fcntl
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def path(name):
    with open(os.path.join(ROOT, "build", ".tools.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", "build/tools/" + name], cwd=ROOT, check=True, stdout=sys.stderr)
    return os.path.join(ROOT, "build", "tools", name)
