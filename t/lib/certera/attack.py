"""Code of an attacker, as a library in our processes (t/lib/take-over.c)."""
import os
import re

from .process import TOP, run_command, until


def library(t, name):
    """t/lib/NAME.c, to be loaded into our processes (LD_PRELOAD)."""
    made = t.path(name + ".so")
    if not os.path.exists(made):
        done = run_command(os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-I", TOP, "-o", made,
            os.path.join(TOP, "t", "lib", name + ".c"), "-ldl")
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
    return made


def take_over_library(t):
    return library(t, "take-over")


def taken_over(daemon):
    """{what was tried: what came of it}, when the attack is over."""
    until("the attack is over", lambda: b"take-over: end:" in daemon.log())
    tried = dict(re.findall(r"take-over: ([^:\n]+): ([^\n]+)", daemon.log().decode()))
    tried.pop("end")
    return tried
