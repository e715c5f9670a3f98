"""A disk that is slow or broken, and a kill -9 at a batch of the commit queue: t/lib/kill-at-save.c, loaded into the daemon."""
import os
import struct

from .process import BUILD, TOP, run_command
from .tap import Skip


class Disk:
    """The disk of one daemon: Certerad(t, env=disk.env)."""
    BEFORE, AFTER = 0, 1

    def __init__(self, t, name="disk"):
        self.plan = t.path(name)
        self.env = {"LD_PRELOAD": _library(t), "KILL_AT_SAVE": self.plan}
        self.held = False
        with open(self.plan, "wb") as f:
            f.write(struct.pack("7q", *[0] * 7))

    def _write(self, first, *values):
        with open(self.plan, "r+b") as f:
            f.seek(8 * first)
            f.write(struct.pack("q" * len(values), *values))

    def syncs(self):
        with open(self.plan, "rb") as f:
            return struct.unpack("q", f.read(8))[0]

    def kill_at(self, at, side=BEFORE):
        """kill -9 at the batch of this number from now; 0: at none."""
        self._write(0, 0, at, side)

    def slow(self, seconds):
        """Each sync takes so much longer."""
        self._write(3, int(seconds * 1000))

    def hold(self, held=True):
        """Each sync waits until it is let go."""
        self.held = held
        self._write(5, int(held), 0)

    def holds(self):
        """One waits."""
        with open(self.plan, "rb") as f:
            return struct.unpack("7q", f.read(56))[6]

    def breaks(self, broken=True):
        """Each sync fails."""
        self._write(4, int(broken))


def _library(t):
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        if b"__asan_init" in f.read():
            raise Skip("a sanitizer must be loaded first")
    library = t.path("kill-at-save.so")
    done = run_command(os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-o", library,
        os.path.join(TOP, "t", "lib", "kill-at-save.c"), "-ldl")
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return library
