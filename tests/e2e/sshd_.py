"""sshd_ - a private OpenSSH server with one chrooted system user a tenant; everything it makes is removed again.

Needs root.  The folders lie below /var/lib, since sshd wants every folder above a chroot to be root's and nobody else's to write.
"""
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile

from ports import free_port
from site_ import Site


class SshSite(Site):
    """A site whose tenants log in by sftp; use as a context."""

    def __init__(self, tenants, **config):
        self.root = tempfile.mkdtemp(prefix="ingestd-test-", dir="/var/lib")
        os.chmod(self.root, 0o755)
        super().__init__(self.root, **config)
        self.users, self.sshd = [], None
        self.tenants = tenants
        self.port = free_port()

    def __enter__(self):
        try:
            self.make_keys()
            for t in self.tenants:
                self.make_user(t)
            self.start_sshd()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Every part is undone, also when one before it fails."""
        with contextlib.ExitStack() as last:
            last.callback(shutil.rmtree, self.root, ignore_errors=True)
            for user in self.users:
                last.callback(subprocess.run, ["userdel", "-f", user], check=True, capture_output=True)
            if self.sshd:
                last.callback(self.sshd.wait, timeout=30)
                last.callback(self.sshd.terminate)
            if self.daemon:
                last.callback(self.stop)

    def make_keys(self):
        os.makedirs(self.path("ssh", "auth"))
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path("ssh", name)], check=True)

    def make_user(self, user):
        subprocess.run(["useradd", "-M", "-U", "-d", "/", "-s", "/usr/sbin/nologin", "-p", "*", user],
                       check=True, capture_output=True)
        self.users.append(user)
        shutil.copy(self.path("ssh", "user.pub"), self.path("ssh", "auth", user))
        os.chmod(self.path("ssh", "auth", user), 0o644)

    def start_sshd(self):
        os.makedirs("/run/sshd", exist_ok=True)
        with open(self.path("ssh", "config"), "w") as f:
            f.write("""Port %d
ListenAddress 127.0.0.1
HostKey %s
AuthorizedKeysFile %s/%%u
PasswordAuthentication no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
ChrootDirectory %s/%%u
ForceCommand internal-sftp -u 0027 -l INFO
AllowTcpForwarding no
X11Forwarding no
""" % (self.port, self.path("ssh", "host"), self.path("ssh", "auth"), self.path("staging")))
        self.sshd_log = open(self.path("ssh", "log"), "wb")
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", self.path("ssh", "config")],
                                     stderr=self.sshd_log)
        self.until(self.reachable, 30)

    def reachable(self):
        assert self.sshd.poll() is None, open(self.path("ssh", "log")).read()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def options(self):
        return ["-i", self.path("ssh", "user"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]

    def sftp(self, user, *commands):
        return subprocess.run(["sftp", *self.options(), "-P", str(self.port), "-b", "-", user + "@127.0.0.1"],
                              input="\n".join(commands) + "\n", capture_output=True, text=True, timeout=60)

    def scp(self, user, local, remote):
        return subprocess.run(["scp", *self.options(), "-P", str(self.port), local, "%s@127.0.0.1:%s" % (user, remote)],
                              capture_output=True, text=True, timeout=60)
