#!/usr/bin/env python3
"""A transaction that is handed on is ended by who takes it: else the next write of the daemon would wait for ever.

Whoever is called with TAKE(t) calls its parameter `taken`, and puts it into a _cleanup_txn_ first or hands it straight on.
"""
import glob
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
ENDS = {"txn_commit", "txn_commit_within", "txn_abort"}
CALL = re.compile(r"\b(\w+)\((?:[^()]|\([^()]*\))*?\bTAKE\((?:t|owned|txn)\)")
CLEANS = "_cleanup_txn_ struct txn *t = taken;"


def bodies(text):
    """Pairs of a function's name with its parameters, and its body."""
    for m in re.finditer(r"^(?:static )?\w[\w *]*?\b(\w+)\(([^;{]*?)\)\n\{\n(.*?)^\}", text, re.M | re.S):
        yield m[1], m[2], m[3]


def main():
    sources = {path: open(path, encoding="utf-8").read()
               for folder in ("daemon", "webui", "store") for path in glob.glob(f"{folder}/**/*.c", recursive=True)}
    functions = {(path, name): (parameters, body) for path, text in sources.items()
                 for name, parameters, body in bodies(text)}
    homes = {name: path for path, name in functions}
    takers = sorted({(path if (path, m[1]) in functions else homes.get(m[1], "nowhere"), m[1])
                     for path, text in sources.items() for m in CALL.finditer(text) if m[1] not in ENDS})
    names = {name for _, name in takers}
    print(f"1..{len(takers) + 1}")
    print(f"{'' if len(takers) > 2 else 'not '}ok 1 - functions that take a transaction are found")
    failed = len(takers) <= 2
    for number, (path, name) in enumerate(takers, 2):
        parameters, body = functions.get((path, name), ("", ""))
        uses = re.findall(r"(\w+)\([^;]*\btaken\b", body)
        good = "struct txn *taken" in parameters and (
            CLEANS in body.split("\n\n")[0] or (len(uses) == 1 and set(uses) <= ENDS | names))
        print(f"{'' if good else 'not '}ok {number} - {name} ends what it takes")
        if not good:
            print(f"#   {path}: write `struct txn *taken` and `{CLEANS}`")
        failed |= not good
    return failed


sys.exit(main())
