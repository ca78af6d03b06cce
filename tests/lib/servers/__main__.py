"""By hand:  python3 tests/lib/servers fetch [KIND...]      download and build, once
          python3 tests/lib/servers run KIND [tls] [nodes=N] [replset=NAME] [SETTING=VALUE...]
          run until Ctrl-C; prints the URL and, with tls, the CA file, user and password
"""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import servers  # noqa: E402
from servers import fetch  # noqa: E402

KINDS = ("opensearch", "elasticsearch", "mongo", "ferret")


def run(kind, *words):
    options, settings = {}, {}
    for word in words:
        key, _, value = word.partition("=")
        if key == "tls":
            options["tls"] = True
        elif key in ("nodes", "replset"):
            options[key] = int(value) if key == "nodes" else value
        else:
            settings[key] = value
    servers.begin()
    try:
        s = servers.shared(kind, settings=settings, **options)
        print(s.url, *((s.ca, s.user, s.password) if s.tls else ()), s.folder, flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        servers.end()


def main(argv):
    if argv[:1] == ["keep"] and len(argv) == 2:
        servers.keep(argv[1])
    elif argv[:1] == ["fetch"] and all(k in KINDS for k in argv[1:]):
        for kind in argv[1:] or KINDS[:3]:
            print(fetch.fetch(kind))
    elif argv[:1] == ["run"] and len(argv) > 1 and argv[1] in KINDS:
        run(*argv[1:])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
