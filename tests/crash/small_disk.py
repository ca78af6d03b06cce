"""small_disk - a filesystem of a few megabytes under a site, filled up and emptied again; needs root."""
import contextlib
import os
import shutil
import subprocess

import pytest


def cannot(why):
    """Said where mounts cannot be made, and no pass in the nightly run."""
    if os.environ.get("INGEST_NIGHTLY"):
        pytest.fail(why)
    pytest.skip(why)


def make_image(image, kind, megabytes):
    """A file with an ext4 or xfs in it."""
    program = shutil.which("mkfs." + kind, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not program:
        cannot("mkfs.%s is not here" % kind)
    with open(image, "wb") as f:
        f.truncate(megabytes << 20)
    reserve = ["-m", "0"] if kind == "ext4" else []
    subprocess.run([program, "-q", *reserve, image], check=True, capture_output=True)


@contextlib.contextmanager
def mounted(folder, kind, megabytes, inodes=0):
    """A tmpfs, or ext4 or xfs on a loop device, at folder; inodes: how many a tmpfs has."""
    folder, image = str(folder), str(folder) + ".img"
    os.makedirs(folder, exist_ok=True)
    if kind == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", "size=%dm,nr_inodes=%d" % (megabytes, inodes), "none", folder]
    else:
        make_image(image, kind, megabytes)
        mount = ["mount", "-o", "loop", image, folder]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        cannot("no %s can be mounted here: %s" % (kind, done.stderr.strip()))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        if os.path.exists(image):
            os.unlink(image)


def free(folder):
    st = os.statvfs(folder)
    return st.f_bavail * st.f_frsize


def fill(path, leave):
    """A file that leaves so many bytes free, or as few as the filesystem gives."""
    step = 1 << 20
    with open(path, "ab", buffering=0) as f:
        while step >= 512:
            room = free(os.path.dirname(path)) - leave
            if room < step:
                step //= 2
                continue
            try:
                f.write(b"x" * step)
            except OSError:
                step //= 2
    return os.path.getsize(path)
