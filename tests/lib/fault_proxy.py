"""fault_proxy - stands between the sink and a real search server and misbehaves on demand

    with FaultProxy(server.url) as p:              p.url is what the sink is given
        p.fault = lambda bulk: "503" if ... else None     asked for each bulk; None: passed on
        p.fault = first_of_each_delivery("503")
        p.delay = 0.2                              every answer comes so much later; or a function of the bulk that says how much
    p.one_at_a_time = True                     bulks wait for each other, delay included
        p.everything = "401"                       all requests, not only bulks
    p.asked = lambda path: "503" if ...        those that are no bulks
        p.bulks                                    what came: [Bulk(ops, ids, bytes, ...)]
        p.times                                    when each request came (monotonic)
    p.firsts                                   of these the first ones of their connections
    p.most_at_once                             how many bulks were there at the same time
    p.at_once                                  when each of p.bulks came: how many of its delivery were, itself included
    p.answered                                 how many of them were
    p.passed                                   which of them were passed on whole and answered by the server
    p.connections                              one entry each that was accepted; with TLS: was a session resumed?
    p.cut()                                    all of them end

What a fault does: 429-items (odd documents are not passed on and answered 429), 429-whole, 429-after (with Retry-After: 1), 429-a-day (86400), 503, 502,
partial (the last half of the items is missing), reset-before (not passed on), reset-after (passed on, then the connection is reset),
slow (applied, answered after 1 s), hung (no answer, for as long as the client waits), garbage (passed on, the answer is cut in the middle),
html (not passed on, 200 with a page), 413, cut (the connection is reset while the body is still coming), 413-or-cut (413 to who
asks with Expect first), 401, read-only (the index is
blocked for real while it is passed on), swapped (passed on, two items of the answer have changed places), (status, headers, body):
not passed on, that is the answer.
"""
import collections
import contextlib
import http.client
import json
import socket
import ssl
import struct
import threading
import time
import urllib.parse

import ports

Bulk = collections.namedtuple("Bulk", "path ops ids bytes delivery")


class FaultProxy:
    def __init__(self, upstream, tls=None):
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (parts.hostname, parts.port)
        self.tls = tls  # an ssl.SSLContext for the side of the sink
        self.fault = None
        self.everything = None
        self.asked = None
        self.delay = 0
        self.one_at_a_time = False
        self.bulks = []
        self.at_once = []
        self.here = collections.Counter()
        self.answered = 0
        self.passed = []
        self.connections = []
        self.requests = []
        self.times = []
        self.firsts = []
        self.faults = collections.Counter()
        self.most_at_once = self.now = 0
        self.lock = threading.Lock()
        self.blocked = threading.Lock()
        self.turn = threading.Lock()
        self.gone = threading.Event()
        self.open = set()

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ports.bind(self.listener)
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.url = "%s://127.0.0.1:%d" % ("https" if self.tls else "http", self.port)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.gone.set()
        self.away()

    def away(self):
        """As if the process were gone: nothing listens, open connections are cut."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self.lock:
            for s in list(self.open):
                _reset(s)

    def cut(self):
        """Their threads close them: a number that is free too early would be the next one's, and these still read from it."""
        with self.lock:
            for s in list(self.open):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def back(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        listener = self.listener
        while not self.gone.is_set():
            try:
                s, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        up = None
        try:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                s = self.tls.wrap_socket(s, server_side=True)
            self.connections.append(bool(self.tls and s.session_reused))
            with self.lock:
                self.open.add(s)
            up = http.client.HTTPConnection(*self.upstream, timeout=120)
            f = s.makefile("rb")
            first = True
            while not self.gone.is_set() and self._one(s, f, up, first):
                first = False
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            with self.lock:
                self.open.discard(s)
            for c in (s, up):
                try:
                    c and c.close()
                except OSError:
                    pass

    def _one(self, s, f, up, first):
        line = f.readline()
        if not line:
            return False
        self.times.append(time.monotonic())
        if first:
            self.firsts.append(self.times[-1])
        method, path, _ = line.decode().split(" ", 2)
        headers = http.client.parse_headers(f)
        length = int(headers.get("Content-Length") or 0)
        if "_bulk" not in path:
            body = f.read(length)
            self.requests.append((method, path))
            asked = self.asked and self.asked(path) or self.everything
            if asked:
                return self._misbehave(asked, s, f, up, method, path, headers, body, None)
            return self._answer(s, *self._pass_on(up, method, path, headers, body))
        fault = self.everything
        if fault is None and self.fault and getattr(self.fault, "by_size", False):
            fault = self.fault(length)
        if fault == "413-or-cut":
            fault = "413" if headers.get("Expect") else "cut"
        if headers.get("Expect") and fault != "413":
            s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault == "413" and headers.get("Expect"):
            self.faults[fault] += 1
            return self._answer(s, 413, {"Content-Length": "0"}, b"")
        if fault == "cut":
            f.read(min(length, 65536))
            self.faults[fault] += 1
            _reset(s)
            return False
        body = f.read(length)
        if len(body) < length:
            return False
        bulk, there = _parse(path, body), True
        with self.lock:
            self.bulks.append(bulk)
            self.now += 1
            self.here[bulk.delivery] += 1
            self.at_once.append(self.here[bulk.delivery])
            self.most_at_once = max(self.most_at_once, self.now)
            if fault is None and self.fault and not getattr(self.fault, "by_size", False):
                fault = self.fault(bulk)
            if fault:
                self.faults[fault if isinstance(fault, str) else fault[0]] += 1
        try:
            if fault:
                return self._misbehave(fault, s, f, up, method, path, headers, body, bulk)
            with self.turn if self.one_at_a_time else contextlib.nullcontext():
                answer = self._pass_on(up, method, path, headers, body)
                self.passed.append(bulk)
                late = self.delay(bulk) if callable(self.delay) else self.delay
                if late:
                    time.sleep(late)
            # before it is answered: the next one may come by another connection
            there = self._leave(bulk)
            return self._answer(s, *answer)
        finally:
            if there:
                self._leave(bulk)

    def _leave(self, bulk):
        with self.lock:
            self.now -= 1
            self.here[bulk.delivery] -= 1
            self.answered += 1
        return False

    def _pass_on(self, up, method, path, headers, body):
        kept = {k: v for k, v in headers.items() if k.lower() not in ("host", "expect", "connection", "content-length")}
        up.request(method, path, body or None, kept)
        r = up.getresponse()
        text = r.read()
        out = {k: v for k, v in r.getheaders() if k.lower() not in ("content-length", "transfer-encoding", "connection")}
        out["Content-Length"] = str(len(text))
        return r.status, out, text

    def _answer(self, s, status, headers, body):
        head = "HTTP/1.1 %d X\r\n%s\r\n" % (status, "".join("%s: %s\r\n" % h for h in headers.items()))
        s.sendall(head.encode() + body)
        return True

    def _plain(self, s, status, body=b"", **headers):
        return self._answer(s, status, {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}, body)

    def _misbehave(self, fault, s, f, up, method, path, headers, body, bulk):
        def pass_on(b=body):
            return self._pass_on(up, method, path, headers, b)
        if isinstance(fault, tuple):
            status, more, text = fault
            return self._plain(s, status, text, **more)
        if fault in ("429-whole", "429-after", "429-a-day"):
            more = {"429-after": {"Retry-After": "1"}, "429-a-day": {"Retry-After": "86400"}}.get(fault, {})
            return self._plain(s, 429, b'{"error":{"type":"rejected_execution_exception","reason":"full"},"status":429}', **more)
        if fault in ("502", "503"):
            return self._plain(s, int(fault), b"<html>Bad gateway</html>")
        if fault == "401":
            return self._plain(s, 401, b'{"error":{"type":"security_exception","reason":"who are you"},"status":401}')
        if fault == "413":
            return self._plain(s, 413)
        if fault == "html":
            return self._plain(s, 200, b"<html>welcome</html>")
        if fault == "reset-before":
            _reset(s)
            return False
        if fault == "hung":
            f.read(1)  # until the client has had enough
            return False
        if fault == "slow":
            answer = pass_on()
            time.sleep(1)
            return self._answer(s, *answer)
        if fault == "429-items":
            return self._some(s, pass_on, body, bulk)
        if fault == "read-only":
            with self.blocked:
                index = path.split("/")[1]
                self._block(index, "true", 1)
                try:
                    answer = pass_on()
                finally:
                    self._block(index, "null", 60)
            return self._answer(s, *answer)
        status, out, text = pass_on()
        if fault == "reset-after":
            _reset(s)
            return False
        if fault == "garbage":
            return self._plain(s, 200, text[:len(text) // 2])
        answer = json.loads(text)
        if fault == "partial":
            del answer["items"][len(answer["items"]) // 2:]
        elif fault == "swapped":
            answer["items"][0], answer["items"][-1] = answer["items"][-1], answer["items"][0]
        else:
            raise AssertionError(fault)
        return self._plain(s, 200, json.dumps(answer).encode())

    def _block(self, index, value, seconds):
        """The server may be killed in between: a block that nobody lifts would be none of ours."""
        end = time.monotonic() + seconds
        while not self.gone.is_set():
            up = http.client.HTTPConnection(*self.upstream, timeout=10)
            try:
                up.request("PUT", "/%s/_settings" % index, '{"index.blocks.read_only_allow_delete":%s}' % value,
                           {"Content-Type": "application/json"})
                if up.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                up.close()
            if time.monotonic() > end:
                raise OSError("the index cannot be blocked or freed")
            time.sleep(0.1)

    def _some(self, s, pass_on, body, bulk):
        """Every second document is too much for the server."""
        lines = body.split(b"\n")[:-1]
        kept = b"".join(lines[i] + b"\n" + lines[i + 1] + b"\n" for i in range(0, len(lines), 4))
        status, _, text = pass_on(kept)
        answer = json.loads(text)
        items = []
        for n, i in enumerate(bulk.ids):
            if n % 2 == 0:
                items.append(answer["items"][n // 2])
            else:
                items.append({"create": {"_id": i, "status": 429, "error": {
                    "type": "rejected_execution_exception", "reason": "queue is full"}}})
        return self._plain(s, status, json.dumps({"took": 1, "errors": True, "items": items}).encode())


def _reset(s):
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(s, ssl.SSLSocket):
            s = s.detach() and s
        s.shutdown(socket.SHUT_RD)
    except (OSError, AttributeError):
        pass
    try:
        s.close()
    except (OSError, AttributeError):
        pass


def _parse(path, body):
    ops, ids = set(), []
    lines = iter(body.split(b"\n"))
    for line in lines:
        if not line:
            continue
        (op, what), = json.loads(line).items()
        ops.add(op)
        ids.append(what["_id"])
        if op != "delete":
            next(lines)
    return Bulk(path, frozenset(ops), ids, len(body), ids[0][:20])


def first_of_each_delivery(fault):
    """The first bulk that carries a row of a delivery meets the fault; whatever comes after it is passed on."""
    seen = set()

    def choose(bulk):
        if bulk.delivery in seen:
            return None
        seen.add(bulk.delivery)
        return fault
    return choose


def larger_than(limit, fault="413"):
    def choose(length):
        return fault if length > limit else None
    choose.by_size = True
    return choose
