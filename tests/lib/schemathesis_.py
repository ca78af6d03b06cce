"""schemathesis_ - the program schemathesis, in an environment of its own in the cache of the test servers (fetch.py); PyPI has it, Debian has not."""
import fcntl
import os
import shutil
import subprocess
import sys

from servers import fetch

VERSION = "4.32.5"


class Absent(Exception):
    pass


def program():
    to = os.path.join(fetch.cache(), "schemathesis-" + VERSION)
    done = os.path.join(to, "bin", "schemathesis")
    os.makedirs(fetch.cache(), exist_ok=True)
    with open(to + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(os.path.join(to, "stamp")):
            return done
        shutil.rmtree(to, ignore_errors=True)
        for argv in ([sys.executable, "-m", "venv", to],
                     [os.path.join(to, "bin", "pip"), "install", "-q", "--disable-pip-version-check", "schemathesis==" + VERSION]):
            made = subprocess.run(argv, capture_output=True, text=True)
            if made.returncode:
                raise Absent("%s: %s" % (" ".join(argv), (made.stderr or made.stdout).strip()[-500:]))
        open(os.path.join(to, "stamp"), "w").close()
    return done
