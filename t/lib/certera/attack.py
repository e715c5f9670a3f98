"""Code of an attacker, as a library in our processes (t/lib/take-over.c)."""
import os
import re

from .process import TOP, run_command, until


def take_over_library(t):
    made = t.path("take-over.so")
    if not os.path.exists(made):
        done = run_command(os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-I", TOP, "-o", made,
            os.path.join(TOP, "t", "lib", "take-over.c"), "-ldl")
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
    return made


def taken_over(daemon):
    """{what was tried: what came of it}, when the attack is over."""
    until("the attack is over", lambda: b"take-over: end:" in daemon.log())
    tried = dict(re.findall(r"take-over: ([^:\n]+): ([^\n]+)", daemon.log().decode()))
    tried.pop("end")
    return tried
