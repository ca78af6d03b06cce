"""clock_ - clocks that a test sets while the daemon runs (tests/lib/clock_shift.c)."""
import os
import struct
import subprocess

from site_ import ROOT


class Clock:
    def __init__(self, folder):
        self.file, self.so = os.path.join(str(folder), "clock.shift"), os.path.join(str(folder), "clock_shift.so")
        self.wall = self.mono = 0
        self.write()
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", self.so, os.path.join(ROOT, "tests", "lib", "clock_shift.c"), "-ldl"],
                       check=True)
        self.env = {"LD_PRELOAD": self.so, "CLOCK_SHIFT": self.file}

    def write(self):
        with open(self.file, "r+b" if os.path.exists(self.file) else "wb") as f:
            f.write(struct.pack("=qq", int(self.wall * 1000), int(self.mono * 1000)))

    def set_wall(self, seconds):
        """Somebody sets the clock: so many seconds before or behind the true time."""
        self.wall = seconds
        self.write()

    def pass_time(self, seconds):
        """So much time has gone by, on both clocks."""
        self.wall += seconds
        self.mono += seconds
        self.write()
