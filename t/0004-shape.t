#!/usr/bin/env python3
"""The shape that CodingGuidelines promises: lines of 120 columns, functions of a screen, files of 600 lines, folders of some 40 files."""

import os
import re
import statistics
import subprocess

COLUMNS, FUNCTION, MEDIAN, FILE, FOLDER = 120, 50, 12, 600, 41
LAID_OUT = re.compile(r"/\* clang-format off \*/.*?/\* clang-format on \*/", re.S)    # tables, by hand


def without_tables(text):
    return LAID_OUT.sub(lambda table: "\n" * table.group().count("\n"), text)


def functions(lines):
    """Where each begins, and how many lines are between its braces."""
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            yield begin, number - begin - 1
            begin = None


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True).stdout.split()
    paths = listed or [os.path.join(at, name)[2:] for at, _, names in os.walk(".") if not at.startswith(("./build", "./.git")) for name in names]
    code = [path for path in paths if path.endswith((".c", ".h")) and not path.startswith("t/") and os.path.exists(path)]
    wide, long_functions, long_files, lengths, folders = [], [], [], [], {}
    for path in code:
        with open(path, encoding="utf-8") as f:
            lines = without_tables(f.read()).split("\n")
        wide += [f"{path}:{number}" for number, line in enumerate(lines, 1) if len(line.expandtabs(8)) > COLUMNS]
        folders.setdefault(os.path.dirname(path), []).append(path)
        long_files += [path] if len(lines) - 1 > FILE else []
        for begin, length in functions(lines):
            lengths.append(length)
            long_functions += [f"{path}:{begin}"] if length > FUNCTION else []
    crowded = [folder for folder, files in folders.items() if len(files) > FOLDER]
    median = statistics.median(lengths)
    for number, (name, found) in enumerate((
            (f"no line is wider than {COLUMNS} columns", wide), (f"no function is longer than {FUNCTION} lines", long_functions),
            (f"half of the {len(lengths)} functions have at most {MEDIAN}", [median] if median > MEDIAN else []),
            (f"no file is longer than {FILE} lines", long_files), (f"no folder has more than {FOLDER} files of code", crowded)), 1):
        print(f"{'not ok' if found else 'ok'} {number} - {name}")
        for one in found:
            print(f"# {one}")
    print("1..5")


main()
