"""fetch - the peers' programs from package registries, into a cache outside the tree; nothing is installed into the system.

Debian's packages are unpacked, not installed: syslog-ng-core and rsyslog conflict, and neither may start as a service.  A stamp, written
last, names what a folder was made from.  Versions stand here and nowhere else.
"""
import fcntl
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

PYPI = ["elasticsearch==9.5.1", "orjson==3.13.0", "polars==2.1.0", "duckdb==2.0.1"]
DEBIAN = {"syslog-ng": ["syslog-ng-core", "syslog-ng-mod-http", "libivykis0", "libnet1", "libwrap0", "libjson-c5", "libpcre3"],
          "rsyslog": ["rsyslog", "rsyslog-elasticsearch", "libestr0", "libfastjson4", "liblognorm5"]}
TELEGRAF = "github.com/influxdata/telegraf/cmd/telegraf@v1.39.0"
TAGS = "custom,inputs.directory_monitor,parsers.csv,outputs.elasticsearch"


class Absent(Exception):
    """It cannot be had here, and why."""


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "ingestd", "bench")


def fetch(kind):
    """The folder of python, syslog-ng, rsyslog or telegraf."""
    to = os.path.join(cache(), kind)
    os.makedirs(cache(), exist_ok=True)
    want = " ".join(PYPI if kind == "python" else [TELEGRAF, TAGS] if kind == "telegraf" else DEBIAN[kind])
    with open(to + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = os.path.join(to, "stamp")
        if os.path.exists(stamp) and open(stamp).read() == want:
            return to
        shutil.rmtree(to, ignore_errors=True)
        os.makedirs(to)
        {"python": _python, "telegraf": _telegraf}.get(kind, _debian)(kind, to)
        with open(stamp, "w") as f:
            f.write(want)
    return to


def _python(_kind, to):
    _run(sys.executable, "-m", "venv", os.path.join(to, "venv"))
    _run(os.path.join(to, "venv", "bin", "pip"), "install", "-q", "--disable-pip-version-check", *PYPI)


def _debian(kind, to):
    try:
        _run("apt-get", "download", "-qq", *DEBIAN[kind], cwd=to)
    except Absent:
        if os.geteuid() != 0:
            raise
        _run("apt-get", "update", "-qq")  # a bare machine has no lists, or old ones
        _run("apt-get", "download", "-qq", *DEBIAN[kind], cwd=to)
    for name in sorted(os.listdir(to)):
        if name.endswith(".deb"):
            _run("dpkg", "-x", os.path.join(to, name), to)


def _telegraf(_kind, to):
    """By the Go that is there; an older one fetches the toolchain that the module asks for, from the same proxy."""
    _run("go", "install", "-tags", TAGS, TELEGRAF, cwd=to,
         env={**os.environ, "GOBIN": to, "CGO_ENABLED": "0", "GOTOOLCHAIN": "auto", "GOFLAGS": "-mod=mod"})


def version(kind, to):
    """Of Debian's packages, from their file names."""
    first = DEBIAN[kind][0]
    return next(n.split("_")[1] for n in os.listdir(to) if n.startswith(first + "_"))


def _run(*argv, **more):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=1800, **more)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Absent("%s: %s" % (argv[0], e)) from e
    if done.returncode:
        raise Absent("%s ended with %d: %s" % (argv[0], done.returncode, (done.stderr or done.stdout)[-300:].strip()))
