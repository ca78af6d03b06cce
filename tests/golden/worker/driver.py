"""driver - speaks ingestd's side of the worker's socket: one job, its messages, the result."""
import base64
import hashlib
import json
import os
import socket
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WORKER = os.environ.get("INGEST_WORKER", os.path.join(ROOT, "build", "ingest-worker"))
ARRIVAL = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
ZERO = {k: 0 for k in ("next_row offset line rejects_length read indexed duplicates rejected filtered "
                       "blank unsent documents requests retries bytes_sent").split()}


def version_text(**keys):
    v = {"tenant": "bob", "job": "j", "pattern": "*", "format": 0, "header": True, "filter": "",
         "filter_origin": "f", "index": "bob-j", "mappings": {}, "settings": {}, "max_ratio": 0.1,
         "max_rows": -1, "on_failure_tag_index": False, "keep_message": False, "formats": 3,
         "max_columns": 4096, "max_row_bytes": 1048576}
    v.update(keys)
    return json.dumps(v).encode() + b"\n"


def version_hash(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()[:15]).decode()


def whole(message):
    """What is 0 stays out of a message."""
    return {"delivery": "", "sha256": "", **message, "checkpoint": {**ZERO, **message["checkpoint"]}, "fault": {"kind": 0, **message["fault"]}}


class Worker:
    """One worker process; use as a context."""

    def __init__(self, folder, crash=None):
        self.folder = str(folder)
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(120)
        # the daemon makes the tenant's store and lets the worker reach it alone
        store = os.path.join(self.folder, "data", "bob")
        os.makedirs(store, exist_ok=True)
        env = dict(os.environ)
        if crash:
            env["INGEST_CRASH_AT"] = crash

        def descriptor_three():
            os.dup2(theirs.fileno(), 3)
        keep = theirs.fileno()
        self.process = subprocess.Popen([WORKER, "--folder", store], env=env, preexec_fn=descriptor_three,
                                        pass_fds=(3, keep), stdin=subprocess.DEVNULL)
        theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ours.close()
        self.process.wait(timeout=60)

    def receive(self):
        """The next message that is no progress; None when the worker is gone."""
        while True:
            try:
                text = self.ours.recv(65536)
            except ConnectionResetError:
                return None
            if not text:
                return None
            message = json.loads(text)
            if message["type"] != "progress":
                return whole(message)

    def send_job(self, path, version, **more):
        name = more.pop("name", os.path.basename(path))
        vpath = os.path.join(self.folder, "version.json")
        with open(vpath, "wb") as f:
            f.write(version)
        job = {"type": "job", "arrival": ARRIVAL, "mode": 0, "tenant": "bob", "file": name,
               "version": version_hash(version), "bytes": os.path.getsize(path), "claimed_ms": 1,
               "first_attempt": True, "sink": "local", "sink_type": 0,
               "sink_path": os.path.join(self.folder, "data"), "delivery": "", "sha256": "",
               "checkpoint": ZERO, "fault": {"kind": 0, "error": 0, "line": 0},
               "has_first_error": False, "first_error_line": 0, "cpu_us": 0, "peak_rss": 0}
        job.update(more)
        fds = [os.open(path, os.O_RDONLY),
               os.open(os.path.join(self.folder, "rejects"), os.O_RDWR | os.O_CREAT, 0o600),
               os.open(vpath, os.O_RDONLY)]
        socket.send_fds(self.ours, [json.dumps(job).encode()], fds)
        for fd in fds:
            os.close(fd)

    def say(self, kind, **more):
        m = {"type": kind, "arrival": ARRIVAL, "mode": 0, "checkpoint": ZERO,
             "fault": {"kind": 0, "error": 0, "line": 0}}
        m.update(more)
        try:
            self.ours.send(json.dumps(m).encode())
        except BrokenPipeError:
            pass  # it was killed at this very step; receive says so

    def run(self, path, version, index="bob-j", **more):
        """Gate, then load unless the gate failed; returns (gated, result or None, checkpoints)."""
        self.send_job(path, version, **more)
        gated = self.receive()
        if gated is None or gated["fault"]["kind"]:
            if gated:
                self.say("drop")
            return gated, None, []
        self.say("load", index=index)
        points = []
        while True:
            m = self.receive()
            if m is None or m["type"] == "result":
                return gated, m, points
            points.append(m)


def delivery_id(tenant, job, name, content):
    raw = hashlib.sha256(content).digest()
    d = hashlib.sha256(b"\0".join(x.encode() for x in (tenant, job, name)) + b"\0" + raw).digest()
    return base64.urlsafe_b64encode(d[:15]).decode()
