#!/usr/bin/env python3
"""What ARCHITECTURE.md says that each process may ask the kernel for is what syscall.def and the limits in sandbox.c say."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# What is worth knowing, by a system call that it takes.  A call with limits counts as what is left of it.
ROWS = (("accept connections", "accept4"), ("open files", "openat"), ("make sockets, connect", "connect"), ("start threads", "clone"),
        ("start processes", "execve"), ("signal others", "kill"), ("trace others, read their memory", "ptrace"), ("mount", "mount"))


def read(path):
    with open(os.path.join(TOP, path)) as f:
        return f.read()


def table():
    rows = {name: may for name, *may in re.findall(r"^SYSCALL\((\w+), +(\w+), +(\w+), +(\w+)\)", read("base/process/syscall.def"), re.M)}
    refused = re.findall(r"^REFUSED\((\w+)\)", read("base/process/syscall.def"), re.M)
    threads = re.search(r"\{ ([\w| ]+), SCMP_SYS\(clone\), 0, CLONE_THREAD", read("base/process/sandbox.c"))[1].split(" | ")
    always = [sum(may[i] == "ALWAYS" for may in rows.values()) for i in range(3)]
    lines = ["| | keeper | front | core | runner, scripts |", "|---|---|---|---|---|"]
    for what, call in ROWS:
        may = ["yes" if rows.get(call, ["NEVER"] * 3)[i] == "ALWAYS" else "no" for i in range(3)]
        if call == "clone":
            may = ["yes" if who in threads else "no" for who in ("KEEPER", "FRONT", "CORE")]
        lines.append(f"| {what} | {' | '.join(may)} | {'no' if call in refused else 'yes'} |")
    lines.append(f"| system calls | {' | '.join(map(str, always))} | all but {len(refused)} |")
    return "\n".join(lines)


def main(t):
    said = re.search(r"<!-- privileges -->\n(.*?)\n?<!-- end -->", read("ARCHITECTURE.md"), re.S)
    t.ok(said, "ARCHITECTURE.md has a place for it")
    t.equal(said[1], table(), "and the table there is that of the code")


run(main)
