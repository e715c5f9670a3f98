#!/usr/bin/env python3
"""What can fail says so by a negative number, and is asked for that: `f(..., e) < 0`, never "not 0" (CodingGuidelines, Names)."""

import glob
import os
import re
import sys

FOLDERS = "acme base ctl daemon keeper pki store webui"
COMMENT = re.compile(r"/\*.*?\*/", re.S)
# A function, declared or defined: int, and `struct err *` is its last parameter.
CAN_FAIL = re.compile(r"^(?:static )?int (\w+)\(([^;{]*)\)(?: PRINTF_LIKE\([^)]*\))?[;\n{]", re.M)
ERR_LAST = re.compile(r"struct err \*\w*(?:, const char \*\w*, \.\.\.)?$")


def end_of_call(text, at):
    """Where the parenthesis that opens at `at` is closed."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if not depth:
            return i + 1
    return len(text)


def as_truth(text, names):
    """Calls whose result is taken as true or false."""
    for call in re.finditer(r"\b(\w+)\(", text):
        if call[1] not in names:
            continue
        before, after = text[:call.start()].rstrip(), text[end_of_call(text, call.end() - 1):].lstrip()
        asked = before.endswith(("!", "||", "&&")) or re.search(r"\b(if|while) \($", before)
        if asked and not re.match(r"[<>=!]", after) or re.match(r"(\|\||&&|\?)", after):
            yield call[1], text.count("\n", 0, call.start()) + 1


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    texts = {}
    for folder in FOLDERS.split():
        for path in sorted(glob.glob(f"{folder}/**/*.[ch]", recursive=True)):
            with open(path, encoding="utf-8") as f:
                texts[path] = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), f.read())
    shared, own = set(), {}
    for path, text in texts.items():
        own[path] = {m[1] for m in CAN_FAIL.finditer(text) if ERR_LAST.search(" ".join(m[2].split()))}
        if path.endswith(".h"):
            shared |= own[path]
    print(f"1..{len(FOLDERS.split()) + 1}")
    print(f"{'' if len(shared) > 300 else 'not '}ok 1 - the functions that can fail are found: {len(shared)} of headers")
    failed = len(shared) <= 300
    for number, folder in enumerate(FOLDERS.split(), 2):
        found = [f"{path}:{line}: {name}()" for path, text in texts.items() if path.startswith(folder + "/")
                 for name, line in as_truth(text, shared | own[path])]
        print(f"{'not ' if found else ''}ok {number} - {folder}: failures are tested as < 0")
        for fault in found:
            print(f"#   {fault}")
        failed |= bool(found)
    return 1 if failed else 0


sys.exit(main())
