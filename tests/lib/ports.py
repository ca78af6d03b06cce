"""ports - loopback ports of the tests' own listeners, below those that the kernel gives to connections

A listener that is away for a while finds its port again, and nobody who asks for it meanwhile connects to himself: of a port that the
kernel hands out both happen, seldom.  The servers of tests/lib/servers have 15000 and more.
"""
import random
import socket


def bind(s):
    for _ in range(1000):
        try:
            s.bind(("127.0.0.1", random.randrange(10000, 15000)))
            return
        except OSError:
            continue
    raise RuntimeError("no free ports")


def free_port():
    with socket.socket() as s:
        bind(s)
        return s.getsockname()[1]
