"""ports - loopback ports of the tests' own listeners, below those that the kernel gives to connections

A listener that is away for a while finds its port again, and nobody who asks for it meanwhile connects to himself: of a port that the
kernel hands out both happen, seldom.  The servers of tests/lib/servers have 15000 and more.  Each of the processes that run tests at
the same time has its own share, and gives none twice: a port is chosen some time before it is bound.
"""
import os
import random
import socket

_given = set()


def _candidate():
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    if len(_given) >= 5000 // shares * 3 // 4:
        _given.clear()
    while True:
        port = 10000 + random.randrange(5000 // shares) * shares + mine
        if port not in _given:
            _given.add(port)
            return port


def bind(s):
    for _ in range(1000):
        try:
            s.bind(("127.0.0.1", _candidate()))
            return
        except OSError:
            continue
    raise RuntimeError("no free ports")


def free_port():
    with socket.socket() as s:
        bind(s)
        return s.getsockname()[1]
