"""A clock that the test moves, for one program: t/lib/clock-shift.c."""
import os
import struct

from .process import BUILD, TOP, run_command
from .tap import Skip


class Clock:
    """env: what the program must be started with."""

    def __init__(self, t):
        with open(os.path.join(BUILD, "certerad"), "rb") as f:
            if b"__asan_init" in f.read():
                raise Skip("for a clock that jumps; a sanitizer must be loaded first")
        library, self.file = t.path("clock-shift.so"), t.write("shift", struct.pack("q", 0))
        made = run_command(os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-o", library,
            os.path.join(TOP, "t", "lib", "clock-shift.c"), "-ldl")
        if made.returncode:
            raise RuntimeError(made.stderr.decode())
        self.env = {"LD_PRELOAD": library, "CLOCK_SHIFT": self.file}

    def set(self, seconds):
        """So far from the machine's own clock, from now on."""
        with open(self.file, "r+b") as f:
            f.write(struct.pack("q", int(seconds)))
