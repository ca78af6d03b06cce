"""kinds - how each server is started and asked whether it is there: command lines, certificates, probes."""
import glob
import os
import shutil
import socket
import ssl
import subprocess
import urllib.request
from base64 import b64encode

from . import fetch

JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
PING = (b"\x33\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\x1e\0\0\0\x10ping\0\1\0\0\0\2$db\0\6\0\0\0admin\0\0")


def opensearch(server):
    """Options: nodes, tls, settings."""
    jars, options, jvm = fetch.fetch("opensearch"), [], list(JVM)
    classpath = "%s/launcher:%s/lib/*" % (jars, jars)
    if server.tls:
        server.user, server.password = "admin", "admin"
        certificates(server, os.path.join(server.folder, "tls"))
        classpath += ":" + jars + "/zip/*"
        for layer in "transport", "http":
            head = "plugins.security.ssl.%s." % layer
            options += [head + "pemkey_filepath=" + server.key, head + "pemcert_filepath=" + server.cert,
                        head + "pemtrustedcas_filepath=" + server.ca]
        options += ["plugins.security.ssl.http.enabled=true", "plugins.security.nodes_dn=CN=localhost",
                    "plugins.security.ssl.transport.enforce_hostname_verification=false",
                    "plugins.security.allow_default_init_securityindex=true",
                    "plugins.security.restapi.roles_enabled=all_access"]
        jvm += ["-Dit.plugins=org.opensearch.security.OpenSearchSecurityPlugin",
                "-Dsecurity.default_init.dir=%s/zip/config" % jars]
    options += ["%s=%s" % (k, v) for k, v in server.settings.items()]
    return ["java", "-Xms256m", "-Xmx%dg" % (2 if server.nodes > 1 else 1), *jvm, "-Dlog4j2.disable.jmx=true",
            "-cp", classpath, "OsMain", str(server.port), str(server.nodes), server.folder, *options], {}


def elasticsearch(server):
    """Options: tls, settings.  Root starts it as nobody."""
    home = glob.glob(fetch.fetch("elasticsearch") + "/zip/elasticsearch-*")[0]
    conf = os.path.join(server.folder, "config")
    java = os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("java"))))
    env = {**os.environ, "HOME": server.folder, "ES_PATH_CONF": conf, "ES_JAVA_HOME": java}
    drop = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    if server.tls:
        server.user, server.password = "elastic", "it-password"
    if not os.path.exists(conf):
        shutil.copytree(home + "/config", conf)
        shutil.copy(os.path.join(fetch.HERE, "elasticsearch", "it.options"), conf + "/jvm.options.d")
    if server.tls:
        certificates(server, os.path.join(conf, "tls"))
    if drop and not server.pid:  # of one that runs, files come and go
        subprocess.run(["chown", "-R", "nobody", server.folder], check=True)
    if server.tls and not os.path.exists(conf + "/elasticsearch.keystore"):
        subprocess.run(drop + [home + "/bin/elasticsearch-keystore", "add", "-xf", "bootstrap.password"], check=True,
                       input=b"it-password\n", env=env, capture_output=True)
    options = {"discovery.type": "single-node", "network.host": "127.0.0.1", "http.port": server.port,
               "transport.port": server.port + 100, "path.data": server.folder + "/data",
               "path.logs": server.folder + "/logs", "cluster.routing.allocation.disk.threshold_enabled": "false"}
    if server.tls:
        options.update({"xpack.security.http.ssl.enabled": "true", "xpack.security.http.ssl.key": "tls/server.key",
                        "xpack.security.http.ssl.certificate": "tls/server.crt",
                        "xpack.security.autoconfiguration.enabled": "false"})
    else:
        options["xpack.security.enabled"] = "false"
    options.update(server.settings)
    words = [w for k, v in options.items() for w in ("-E", "%s=%s" % (k, v))]
    return [*drop, home + "/bin/elasticsearch", *words], env


def mongo(server):
    """mongo-java-server on H2.  Options: replset (pretends to be its primary), memory."""
    jars = fetch.fetch("mongo")
    data = "-" if server.memory else os.path.join(server.folder, "mongo.mv")
    return ["java", "-Xmx256m", *JVM, "-Djava.net.preferIPv4Stack=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-Dorg.slf4j.simpleLogger.log.de.bwaldvogel.mongo.wire.MongoExceptionHandler=off", "-Dit.folder=" + server.folder,
            "-cp", "%s/launcher:%s/lib/*" % (jars, jars), "MongoMain", str(server.port), data,
            *([server.replset] if server.replset else [])], {}


def ferret(server):
    """FerretDB on SQLite: bulks under 64 operations."""
    os.makedirs(server.folder + "/db", exist_ok=True)
    return [fetch.fetch("ferret") + "/ferret", "127.0.0.1:%d" % server.port, server.folder + "/db"], {}


def answers(server):
    return _ping(server) if server.kind in ("mongo", "ferret") else _healthy(server)


def _healthy(server):
    query = "/_cluster/health?wait_for_status=yellow&wait_for_nodes=%d&timeout=2s" % server.nodes
    try:
        with request(server, query, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def request(server, path, method="GET", body=None, timeout=30):
    """An HTTP request as the server's own administrator."""
    headers = {"Content-Type": "application/json"}
    context = None
    if server.tls:
        headers["Authorization"] = "Basic " + b64encode(("%s:%s" % (server.user, server.password)).encode()).decode()
        context = ssl.create_default_context(cafile=server.ca)
    asked = urllib.request.Request(server.url + path, data=body, method=method, headers=headers)
    return urllib.request.urlopen(asked, timeout=timeout, context=context)


def _ping(server):
    try:
        with socket.create_connection(("127.0.0.1", server.port), 2) as s:
            s.sendall(PING)
            return len(s.recv(16)) == 16
    except OSError:
        return False


def certificates(server, folder):
    """A CA of the server's own and a certificate for 127.0.0.1 and localhost."""
    server.ca, server.cert, server.key = (os.path.join(folder, n) for n in ("ca.crt", "server.crt", "server.key"))
    if os.path.exists(server.cert):
        return
    os.makedirs(folder)

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=it-ca",
            "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    with open(os.path.join(folder, "san"), "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "3650", "-extfile", "san", "-out", "server.crt")
