"""http_ - a site whose daemon listens on loopback TCP too, and requests to it."""
import http.client
import json
import os

from ports import free_port
from site_ import Site


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:300])


def request(port, method, path, token=None, body=None, headers=None, host="127.0.0.1"):
    c = http.client.HTTPConnection(host, port, timeout=60)
    try:
        more = {"Authorization": "Bearer " + token} if token else {}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        c.request(method, path, body, {**more, **(headers or {})})
        r = c.getresponse()
        return Answer(r.status, r.headers, r.read())
    finally:
        c.close()


class HttpSite(Site):
    def __init__(self, folder, admin=None, **config):
        self.port = free_port()
        admin = {"http": "127.0.0.1:%d" % self.port, "tokens_file": "secrets/tokens", "requests_per_second": 10000, **(admin or {})}
        super().__init__(folder, admin={k: v for k, v in admin.items() if v is not None}, **config)

    def token(self, scope):
        done = self.ctl("--json", "token", "add", scope)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["token"]

    def ask(self, method, path, token=None, body=None, **more):
        return request(self.port, method, path, token, body, **more)


def routes():
    """(id, who, method, path) of routes.def."""
    import re
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    text = open(os.path.join(root, "watcher", "admin", "routes.def")).read()
    return re.findall(r'^ROUTE\((\w+), (\w+), "([A-Z]+)", "([^"]+)"', text, re.M)
