"""power - an ext4 or xfs on a loop device whose power is cut: what the kernel had not written is gone; needs root."""
import fcntl
import os
import struct
import subprocess
import time

from small_disk import cannot, make_image

GOINGDOWN = 0x8004587d  # _IOR('X', 125, __u32): XFS_IOC_GOINGDOWN, and EXT4_IOC_SHUTDOWN too
NOLOGFLUSH = 2
WHATEVER_WAITS = {"INGEST_DIRTY_MOST": str(1 << 40)}  # others' pages do not make each file be fsynced alone (durable.h)
SIZES = {"ext4": 160, "xfs": 320}  # MB; the least that mkfs.xfs makes is 300


class Power:
    """The filesystem at `folder`; on() and off() are mount and umount, cut() is the moment itself."""

    def __init__(self, folder, kind):
        self.folder, self.image, self.is_on = str(folder), str(folder) + ".img", False
        os.makedirs(self.folder)
        make_image(self.image, kind, SIZES[kind])
        self.kind = kind

    def __enter__(self):
        done = self.mount()
        if done.returncode:
            os.unlink(self.image)
            cannot("no %s can be mounted on a loop device here: %s" % (self.kind, done.stderr.strip()))
        return self

    def __exit__(self, *_):
        if self.is_on:
            self.off()
        os.unlink(self.image)

    def mount(self):
        done = subprocess.run(["mount", "-t", self.kind, "-o", "loop", self.image, self.folder], capture_output=True, text=True)
        self.is_on = done.returncode == 0
        return done

    def on(self):
        done = self.mount()
        assert done.returncode == 0, done.stderr

    def off(self):
        """Workers end by the kernel's signal when their daemon is gone: until then the folder is busy."""
        end = time.monotonic() + 20
        while True:
            done = subprocess.run(["umount", self.folder], capture_output=True, text=True)
            if done.returncode == 0:
                self.is_on = False
                return
            if time.monotonic() > end:
                subprocess.run(["umount", "-l", self.folder], check=True)  # nothing stays mounted behind a failed test
                self.is_on = False
                raise AssertionError(done.stderr)
            time.sleep(0.01)

    def cut(self):
        """Nothing more reaches the disk, not even what its log holds."""
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, GOINGDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(fd)

    def flush(self):
        subprocess.run(["sync", "-f", self.folder], check=True)
