#!/usr/bin/env python3
"""The example configuration is what the program says it is, and the program takes it."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

CERTERAD = os.path.join(BUILD, "certerad")


def check(file):
    return run_command(CERTERAD, "-t", "-f", file)


def main(t):
    printed = run_command(CERTERAD, "-x", "example")
    t.equal(printed.returncode, 0, "-x example exits 0")
    with open(os.path.join(TOP, "conf", "certera.yaml.example")) as f:
        kept = f.read()
    t.equal(kept, printed.stdout.decode(), "conf/certera.yaml.example is what -x example prints")

    nobody = kept.replace("    #user: certera", '    user: ""')	# this machine need not have the users
    nobody = re.sub(r"(?m)^    #users: .*$", '    users: ""', nobody)
    checked = check(t.write("example.yaml", nobody))
    t.equal((checked.returncode, checked.stderr), (0, b""), "-t finds it fine")
    active, count = re.subn(r"(?m)^    #(?=[a-z_]+: )", "    ", nobody)
    t.ok(count > 10, "every setting is in it, commented out")
    checked = check(t.write("active.yaml", active))
    t.equal((checked.returncode, checked.stderr), (0, b""), "and with every # removed")

    with open(os.path.join(TOP, "README.md")) as f:
        edits = re.findall(r"sudo sed -i '([^']*)' /etc/certera/certera.yaml", f.read())
    installed = t.write("installed.yaml", nobody)
    for edit in edits:
        run_command("sed", "-i", edit, installed, check=True)
    checked = check(installed)
    with open(installed) as f:
        changed = set(f.read().splitlines()) - set(nobody.splitlines())
    t.equal((checked.returncode, checked.stderr, changed),
        (0, b"", {"    hostname: certera.example.org", "    api: 192.0.2.0/24, 2001:db8::/32"}), "what the README changes in the installed file")

    file = t.write("mistaken.yaml", "server:\n  threads: 0\n  hostnam: a\nlogg:\n")
    checked = check(file)
    t.equal(checked.returncode, 9, "mistakes exit with 9")
    t.equal(checked.stderr.decode().splitlines(), [
        f"{file}:2: server.threads: 0 is too small; a number from 1 to 64 is expected",
        f"{file}:3: server.hostnam: there is no such setting; did you mean hostname?",
        f"{file}:4: logg: there is no such group; did you mean log?",
    ], "and are all named at once, by file, line and setting")
    missing = check(t.path("none.yaml"))
    t.equal((missing.returncode, missing.stderr.decode()), (9, t.path("none.yaml") + ": No such file or directory\n"),
        "a file that is not there is one mistake")
    t.equal(run_command(CERTERAD, "-x", "poem").returncode, 2, "an unknown document is a usage error")


run(main)
