"""fetch - the servers' programs, from Maven Central and the Go module proxy, into a cache outside the tree.

The cache is $XDG_CACHE_HOME/ingestd (~/.cache/ingestd); root's is /var/cache/ingestd, because Elasticsearch refuses
to run as root and its user must be able to read it.  A stamp, written last, names everything a folder was made from.
"""
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:"
LAUNCHERS = {"opensearch": "OsMain.java", "elasticsearch": "EmailAnalysis.java", "mongo": "MongoMain.java"}


class Absent(Exception):
    """The server cannot be had: no network, no Java."""


def cache():
    if os.getuid() == 0 and "XDG_CACHE_HOME" not in os.environ:
        return "/var/cache/ingestd"
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ingestd")


def fetch(kind):
    """The folder of the server's program; downloaded and built by the first caller of all processes."""
    to = os.path.join(cache(), kind)
    os.makedirs(cache(), exist_ok=True)
    with open(to + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = os.path.join(to, "stamp")
        want = _inputs(kind)
        if os.path.exists(stamp) and open(stamp).read() == want:
            return to
        shutil.rmtree(to, ignore_errors=True)
        os.makedirs(to)
        (_ferret if kind == "ferret" else _java)(kind, to)
        _run("chmod", "-R", "go+rX", to)
        with open(stamp, "w") as f:
            f.write(want)
    return to


def _inputs(kind):
    files = glob.glob(os.path.join(HERE, kind, "*")) + [os.path.join(HERE, "launcher", LAUNCHERS.get(kind, "-"))]
    digest = hashlib.sha256()
    for name in sorted(filter(os.path.isfile, files)):
        with open(name, "rb") as f:
            digest.update(f.read())
    return digest.hexdigest()


def _java(kind, to):
    pom = os.path.join(HERE, kind, "pom.xml")
    _maven(pom, "copy", "-DexcludeTypes=zip", "-DincludeScope=runtime", "-DoutputDirectory=%s/lib" % to)
    if "<type>zip" in open(pom).read():
        _maven(pom, "unpack", "-DincludeTypes=zip", "-DoutputDirectory=%s/zip" % to, "-DmarkersDirectory=%s/markers" % to)
    launcher = os.path.join(HERE, "launcher", LAUNCHERS[kind])
    if kind == "elasticsearch":
        _analysis(launcher, glob.glob(to + "/zip/elasticsearch-*")[0])
    else:
        _run("javac", "-cp", to + "/lib/*", "-d", to + "/launcher", launcher)


def _analysis(launcher, home):
    """The archive lacks the analysis of the security index, without which there are no API keys and no users."""
    plugin = home + "/plugins/email-analysis"
    _run("javac", "-cp", home + "/lib/*", "-d", plugin, launcher)
    _run("jar", "--create", "--file", plugin + "/email-analysis.jar", "-C", plugin, ".")
    for name in glob.glob(plugin + "/*.class"):
        os.unlink(name)
    with open(plugin + "/plugin-descriptor.properties", "w") as f:
        f.write("name=email-analysis\ndescription=what the security index needs\nversion=1\nclassname=EmailAnalysis\n"
                "java.version=17\nelasticsearch.version=%s\n" % home.rpartition("-")[2])


def _ferret(_kind, to):
    for name in os.listdir(os.path.join(HERE, "ferret")):
        shutil.copy(os.path.join(HERE, "ferret", name), to)
    _run("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "ferret", ".", cwd=to,
         env={**os.environ, "CGO_ENABLED": "0"})


def _maven(pom, goal, *options):
    _run("mvn", "-B", "-q", "-ntp", "-Dstyle.color=never", "-f", pom, PLUGIN + goal + "-dependencies", *options)


def _run(*argv, **more):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=900, **more)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Absent("%s: %s" % (argv[0], e)) from e
    if done.returncode:
        raise Absent("%s ended with %d: %s" % (argv[0], done.returncode, (done.stderr or done.stdout)[-600:]))
