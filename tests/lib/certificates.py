"""certificates - authorities and certificates for the tests, by openssl

    ca = Authority(folder, "ours")                       ca.file
    cert, key = ca.issue("node", san="IP:127.0.0.1")     days=-1: expired yesterday
    context = server_context(cert, key, clients=ca)      clients: it asks for a certificate of that authority
"""
import os
import ssl
import subprocess


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = str(folder), name
        self.file, self.key = self._path("ca.crt"), self._path("ca.key")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=" + name,
                "-keyout", self.key, "-out", self.file)

    def _path(self, what):
        return os.path.join(self.folder, "%s-%s" % (self.name, what))

    def issue(self, name, san="IP:127.0.0.1", days=30):
        cert, key, asked, extra = (self._path(name + e) for e in (".crt", ".key", ".csr", ".ext"))
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", key, "-out", asked)
        with open(extra, "w") as f:
            f.write("subjectAltName=%s\n" % san)
        openssl("x509", "-req", "-in", asked, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                "-days", str(days), "-extfile", extra, "-out", cert)
        os.chmod(key, 0o600)
        return cert, key


def server_context(cert, key, clients=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.file)
    return context
