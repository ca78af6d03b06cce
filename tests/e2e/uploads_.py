"""uploads_ - real clients that upload one file, and what can happen to them on the way.

Between client and sshd stands a gate that lets so many bytes pass and then no more: there the client is killed, the connection cut,
the server killed, or all is left standing for a while.  sshd and rsyslog are configured by watcher/install/.
"""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading

from ports import free_port
from site_ import ROOT
from sshd_ import SshSite

INSTALL = os.path.join(ROOT, "watcher", "install")


class Gate:
    """Forwards one client's connection to port; closed after `limit` bytes from the client, None: never."""

    def __init__(self, port, limit=None):
        self.limit, self.target = limit, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets, self.server_port = [self.listener], None
        self.reached, self.opened = threading.Event(), threading.Event()
        self.cut_now = False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            return
        self.sockets += [client, server]
        self.server_port = server.getsockname()[1]
        threading.Thread(target=self.pump, args=(server, client, None), daemon=True).start()
        self.pump(client, server, self.limit)

    def pump(self, source, target, limit):
        passed = 0
        try:
            while True:
                data = source.recv(4096)
                if not data:
                    break
                passed += len(data)
                if limit is not None and passed >= limit:
                    self.reached.set()
                    self.opened.wait()
                if self.cut_now:
                    return
                target.sendall(data)
        except OSError:
            pass
        if limit is not None and not self.reached.is_set():
            self.reached.set()
        if not self.cut_now:
            for s in (source, target):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut(self):
        """The line is dead: both ends get a reset."""
        self.cut_now = True
        for s in self.sockets[1:]:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            with contextlib.suppress(OSError):  # the other side has gone
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        self.opened.set()

    def end(self):
        """The client has died: what has not passed is lost, the server sees the end."""
        self.cut_now = True
        for s in self.sockets[1:]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.opened.set()

    def go_on(self):
        self.opened.set()

    def close(self):
        self.opened.set()
        for s in self.sockets:
            s.close()


def session_of(gate):
    """The process that has the server's end of the gate's connection, and all below it.  By both ports: one to another server may
    come from the same."""
    ends = ["0100007F:%04X" % gate.target, "0100007F:%04X" % gate.server_port]
    with open("/proc/net/tcp") as f:
        inodes = {line.split()[9] for line in f if line.split()[1:3] == ends}
    found = set()
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                parents[int(pid)] = int(f.read().rsplit(")", 1)[1].split()[1])
            fds = os.listdir("/proc/%s/fd" % pid)
        except OSError:
            continue
        for fd in fds:
            with contextlib.suppress(OSError):  # closed meanwhile
                link = os.readlink("/proc/%s/fd/%s" % (pid, fd))
                if link.startswith("socket:[") and link[8:-1] in inodes:
                    found.add(int(pid))
    while True:
        more = {p for p, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


class UploadSite(SshSite):
    """One tenant a level, sshd by watcher/install/sshd_config, a second sshd with shells, rsyslog by watcher/install/session-log."""

    def __init__(self, tenants, **config):
        super().__init__(tenants, **config)
        self.group, self.rsyslog, self.shell_sshd, self.shell_port = "igt-g%d" % os.getpid(), None, None, free_port()

    def __enter__(self):
        subprocess.run(["groupadd", self.group], check=True, capture_output=True)
        return super().__enter__()

    def __exit__(self, *args):
        for p in (self.rsyslog, self.shell_sshd):
            if p:
                p.terminate()
                p.wait(timeout=30)
        super().__exit__(*args)
        subprocess.run(["groupdel", self.group], check=True, capture_output=True)

    def make_user(self, user):
        super().make_user(user)
        subprocess.run(["usermod", "-s", "/bin/sh", "-a", "-G", self.group, user], check=True, capture_output=True)

    def write_config(self, name, port, text):
        with open(self.path("ssh", name), "w") as f:
            f.write("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nPasswordAuthentication no\nUsePAM no\nPidFile none\n"
                    "Subsystem sftp internal-sftp\nMaxStartups 200\n%s" % (port, self.path("ssh", "host"), text))

    def start_sshd(self):
        with open(os.path.join(INSTALL, "sshd_config")) as f:
            text = f.read()
        # the paths of this place, nothing else
        text = re.sub(r"^(\s*ChrootDirectory) STAGING/", r"\1 %s/" % self.path("staging"), text, flags=re.M)
        text = text.replace("/etc/ingestd/authorized_keys/", self.path("ssh", "auth") + "/")
        text = text.replace("Match Group ingestd-tenants", "Match Group " + self.group)
        self.write_config("config", self.port, text)
        self.write_config("shell", self.shell_port, "AuthorizedKeysFile %s/%%u\n" % self.path("ssh", "auth"))
        os.makedirs("/run/sshd", exist_ok=True)
        self.sshd_log = open(self.path("ssh", "log"), "wb")
        run = lambda name: subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", self.path("ssh", name)], stderr=self.sshd_log)
        self.sshd, self.shell_sshd = run("config"), run("shell")
        self.until(self.reachable, 30)
        self.until(lambda: socket.socket().connect_ex(("127.0.0.1", self.shell_port)) == 0, 30)

    def sshd_said(self, port):
        """Of the connection from that port, and without it."""
        with open(self.path("ssh", "log"), errors="replace") as f:
            return [line for line in f if "port %s" % port in line or "port" not in line][-20:]

    def start_rsyslog(self, *tenants):
        os.makedirs(self.path("logs", "sshd"), exist_ok=True)
        text = subprocess.run([os.path.join(INSTALL, "session-log"), self.path("staging"), self.path("logs"), *tenants],
                              capture_output=True, text=True, check=True).stdout
        with open(self.path("rsyslog.conf"), "w") as f:
            f.write('global(workDirectory="%s")\nmodule(load="imuxsock" SysSock.Use="off")\n%s' % (self.folder, text))
        self.rsyslog = subprocess.Popen(["/usr/sbin/rsyslogd", "-n", "-f", self.path("rsyslog.conf"), "-i", self.path("rsyslog.pid")])
        sockets = [self.path("staging", t, "dev", "log") for t in tenants]
        self.until(lambda: all(os.path.exists(s) for s in sockets), 30)


# --- methods: (site, tenant, local file, name, port) -> a process, or something with its poll, wait and kill ---

def ssh_options(site):
    return ["-i", site.path("ssh", "user"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]


def start(args, **more):
    return subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            start_new_session=True, **more)


def by_scp(*options):
    def run(site, tenant, local, name, port):
        where = "in/" + name if "-O" not in options else site.path("staging", tenant, "in", name)
        return start(["scp", *options, *ssh_options(site), "-P", str(port), local, "%s@127.0.0.1:%s" % (tenant, where)])
    return run


def by_sftp(*commands):
    def run(site, tenant, local, name, port):
        batch = local + ".%s.batch" % name
        with open(batch, "w") as f:
            f.write("\n".join(commands).format(local=local, name=name) + "\n")
        return start(["sftp", *ssh_options(site), "-P", str(port), "-b", batch, tenant + "@127.0.0.1"])
    return run


def by_rsync(*options):
    def run(site, tenant, local, name, port):
        shell = " ".join(["ssh", *ssh_options(site), "-p", str(port)])
        return start(["rsync", *options, "-e", shell, local, "%s@127.0.0.1:%s" % (tenant, site.path("staging", tenant, "in", name))])
    return run


def by_lftp(*settings):
    def run(site, tenant, local, name, port):
        connect = "ssh -a -x " + " ".join(ssh_options(site))
        script = "; ".join(['set sftp:connect-program "%s"' % connect, "set net:max-retries 1", "set net:persist-retries 0",
                            "set sftp:auto-confirm yes", "set cmd:fail-exit yes", *settings, "open -u %s,x sftp://127.0.0.1:%d" % (tenant, port),
                            "put %s -o in/%s" % (local, name)])
        return start(["lftp", "--norc", "-c", script])
    return run


def by_curl(site, tenant, local, name, port):
    return start(["curl", "-sS", "-k", "--key", site.path("ssh", "user"), "--pubkey", site.path("ssh", "user.pub"), "-u", tenant + ":",
                  "-T", local, "sftp://127.0.0.1:%d/in/%s" % (port, name)])


PARAMIKO = """
import sys, paramiko
key, user, port, local, name = sys.argv[1:]
t = paramiko.Transport(("127.0.0.1", int(port)))
t.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(key))
s = paramiko.SFTPClient.from_transport(t)
s.put(local, "/in/" + name + ".part", confirm=True)
s.rename("/in/" + name + ".part", "/in/" + name)
t.close()
"""


def by_paramiko(site, tenant, local, name, port):
    return start(["/usr/bin/python3", "-c", PARAMIKO, site.path("ssh", "user"), tenant, str(port), local, name])


def by_cat(site, tenant, local, name, port):
    where = site.path("staging", tenant, "in", name)
    with open(local, "rb") as f:
        return subprocess.Popen(["ssh", *ssh_options(site), "-p", str(port), tenant + "@127.0.0.1",
                                 "cat >%s.tmp && mv %s.tmp %s" % (where, where, where)],
                                stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


METHODS = {
    "scp": by_scp(), "scp -O": by_scp("-O"),
    "sftp put": by_sftp("put {local} in/{name}"), "sftp put -f": by_sftp("put -f {local} in/{name}"),
    "sftp reput": by_sftp("reput {local} in/{name}.part", "rename in/{name}.part in/{name}"),
    "sftp put, rename -l": by_sftp("put {local} in/{name}.part", "rename -l in/{name}.part in/{name}"),
    "rsync": by_rsync(), "rsync --partial": by_rsync("--partial"), "rsync --inplace": by_rsync("--inplace"),
    "rsync --append": by_rsync("--append"),
    "lftp": by_lftp(), "lftp use-temp-file": by_lftp("set xfer:use-temp-file yes", 'set xfer:temp-file-name ".*.tmp"'),
    "curl sftp": by_curl, "paramiko, rename": by_paramiko, "ssh 'cat >tmp && mv'": by_cat,
}
BY_HAND = {"cp": ["cp"], "mv": ["mv"]}  # on the host itself, from another filesystem
SHELL = ["scp -O", "rsync", "rsync --partial", "rsync --inplace", "rsync --append", "ssh 'cat >tmp && mv'"]


def kill_group(p):
    if p.poll() is None:
        os.killpg(p.pid, signal.SIGKILL)
    p.wait(timeout=30)


def by_hand(method, local, target, signal_name):
    """Killed, or stopped, at the second of three writes; None: neither."""
    stop = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:signal=%s:when=2" % signal_name]
    return start([*(stop if signal_name else []), *BY_HAND[method], local, target])
