#!/usr/bin/env python3
"""store/cert_plan.c alone writes what is planned for a certificate: its row "issue" of the agenda, and the fields that say why.

The compiler says who else writes the fields: they are constants in a copy of record.def that it is given."""

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

FIELDS = "wanted failures retry_at waits_for open_order kept_order waiting verify".split()
PLANNER = "store/cert_plan.c"
PACKAGES = "libevent libcurl jansson yaml-0.1 libcares"


def seal(directory):
    """A record.def whose certificate has these fields as constants, to be found before the real one."""
    with open("store/record/record.def", encoding="utf-8") as f:
        text = f.read()
    for field in FIELDS:
        text, count = re.subn(rf"^(FIELD\(cert, +\d+, )(\w+)(, +{field},)", r"\1SEALED_\2\3", text, flags=re.M)
        if count != 1:
            raise SystemExit(f"Bail out! record.def has {count} fields {field} of a certificate")
    os.makedirs(f"{directory}/store/record")
    with open(f"{directory}/store/record/record.def", "w", encoding="utf-8") as f:
        f.write(text)


def writes(path, directory):
    cflags = subprocess.run(["pkg-config", "--cflags", *PACKAGES.split()], capture_output=True, text=True).stdout
    sealed = [f"-DRECORD_TYPE_SEALED_{word}={kind}" for word, kind in
              (("INT", "const int64_t"), ("TIME", "const int64_t"), ("BOOL", "const bool"), ("STR", "char *const"))]
    command = shlex.split(os.environ.get("CC", "cc")) + shlex.split(cflags) + sealed + [
        "-std=gnu11", "-D_GNU_SOURCE", "-DVERSION=\"\"", "-DSYSCONFDIR=\"\"", "-Werror", f"-I{directory}", "-I.", "-fsyntax-only", path]
    done = subprocess.run(command, capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if "error:" in line] if done.returncode else []


def rows(path, text):
    """Calls that set or delete the row, and lists of kinds to do it with."""
    for number, line in enumerate(text.splitlines(), 1):
        if "AGENDA_issue" in line and (re.search(r"agenda_(set|delete)\(", line) or "agenda_kind" in line):
            yield f"{path}:{number}: {line.strip()}"


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    sources = {}
    for path in sorted(glob.glob("daemon/**/*.c", recursive=True) + glob.glob("webui/**/*.c", recursive=True) + glob.glob("store/*.c")):
        with open(path, encoding="utf-8") as f:
            sources[path] = f.read()
    touching = [path for path, text in sources.items() if re.search(rf"(->|\.)({'|'.join(FIELDS)})\b", text)]

    print("1..3")
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(2) as pool:
        seal(directory)
        found = dict(zip(touching, pool.map(lambda path: writes(path, directory), touching)))
    say(1, "the planner writes the fields: so the compiler sees who does", [] if found[PLANNER] else [f"{PLANNER} compiles"])
    say(2, "nobody else writes them", [line for path in found if path != PLANNER for line in found[path]])
    say(3, "nobody else moves the row",
        [line for path in sources if path != PLANNER for line in rows(path, sources[path])])


def say(number, sentence, faults):
    print(f"{'not ' if faults else ''}ok {number} - {sentence}")
    for fault in faults:
        print(f"#   {fault}")


main()
