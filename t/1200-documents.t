#!/usr/bin/env python3
"""Scripts and manuals: clean by the tools that judge them, and the manuals say what the programs do."""
import glob
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def sources():
    for folder, folders, files in os.walk(TOP):
        folders[:] = [d for d in folders if d != ".git" and not d.startswith("build")]
        for name in files:
            yield os.path.join(folder, name)


def is_sh(path):
    with open(path, "rb") as f:
        return os.access(path, os.X_OK) and f.readline() in (b"#!/bin/sh\n", b"#!/bin/sh -e\n")


def read(*names):
    with open(os.path.join(TOP, *names)) as f:
        return f.read()


def shown_text(manual):
    """What mandoc shows of it, in one line."""
    shown = run_command("mandoc", "-T", "ascii", input=manual.encode()).stdout.decode()
    return " ".join(re.sub(".\b", "", shown).split())


COMMON = {"--json", "--csv", "--quiet", "--timeout", "--help", "--socket", "--version"}


def options_of(command):
    """Those of one command of commands.def: what asks first has --yes."""
    return re.findall(r"^OPTION\(([\w-]+)", command, re.M) + ["yes"] * bool(re.search(r"^ASKS\(", command, re.M))


def unknown_commands(table, text):
    """Command lines with certeractl, in Markdown or in a manual, that it would not understand."""
    known = {re.search(r'"([^"]+)"', c)[1]: {"--" + o for o in options_of(c)} | COMMON
        for c in re.findall(r"^COMMAND.*?^END", table, re.M | re.S)}
    lines = re.findall(r"(?m)^ {4,}(?:sudo )?certeractl (.+?)(?: +#.*)?$|`(?:sudo )?certeractl ([^`]+)`|^\.Dl certeractl (.+)$", text)
    found = []
    for line in (" ".join(groups).strip() for groups in lines):
        words = [w for w in re.sub(r'"[^"]*"', "TEXT", line.replace("\\\n", " ")).split() if w not in ("--json", "--quiet")]
        name = next((" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in known), None)
        group = len(words) == 1 and any(k.startswith(words[0] + " ") for k in known)
        if not name and words[0] in ("...", "COMMAND", "--help", "--version", "help", "completion") or group:
            continue
        if not name or any(w.startswith("--") and w.strip(".,;:)").split("=")[0] not in known[name] for w in words):
            found.append(line)
    return found


def main(t):
    program("mandoc")
    for path in sorted(p for p in sources() if is_sh(p) and os.path.basename(p) != "configure"):
        done = run_command(program("shellcheck"), "-s", "sh", path, cwd=TOP)
        t.ok(done.returncode == 0, f"shellcheck: {os.path.relpath(path, TOP)}", done.stdout.decode())

    settings = run_command(os.path.join(BUILD, "certerad"), "-x", "manual")
    t.equal(settings.returncode, 0, "-x manual exits 0")
    manuals = {
        "certerad.8": read("man", "certerad.8"),
        "certera-api.7": read("man", "certera-api.7"),
        "certera-hooks.7": read("man", "certera-hooks.7"),
        "certera-migrate.7": read("man", "certera-migrate.7"),
        "certeractl.1": read("man", "certeractl.1"),
        "certera.yaml.5": read("man", "certera.yaml.5.in").replace("@SETTINGS@\n", settings.stdout.decode()),
    }
    for name, text in manuals.items():
        lint = run_command("mandoc", "-T", "lint", "-W", "style", t.write(name, text)).stdout.decode()
        # Whether other manuals are there is this machine's matter.
        found = [l for l in lint.splitlines() if "manual not found" not in l and "mandoc.db" not in l]
        t.equal(found, [], f"mandoc -T lint: {name}")

    shown = shown_text(manuals["certera-hooks.7"])
    variables = {"CERTERA_VALUES", "CERTERA_OWN"}
    for path in (("challenge", "txt.c"), ("hook", "deploy.c"), ("hook", "offsite.c")):
        variables |= set(re.findall(r'"((?:CERTERA|CERTBOT|RENEWED)_\w+)"', read("daemon", *path)))
    t.equal([v for v in sorted(variables) if v not in shown], [], "certera-hooks(7) has every variable that a script gets")
    t.equal([s for s in os.listdir(os.path.join(TOP, "contrib", "hooks")) if s not in shown], [], "and every script that is shipped")

    shown = shown_text(manuals["certeractl.1"])
    table = read("ctl", "commands.def")
    for command in re.findall(r"^COMMAND.*?^END", table, re.M | re.S):
        words = re.search(r'"([^"]+)"', command)[1]
        options = options_of(command)
        absent = [w for w in [words] + [f"--{o}" for o in options] if w not in shown]
        t.equal(absent, [], f"certeractl(1) has `{words}` with its options")
    for option in re.findall(r"--[a-z-]{2,}", shown):
        if option not in ("--json", "--csv", "--quiet", "--timeout", "--help", "--socket", "--version", "--yes") and f"OPTION({option[2:]}," not in table:
            t.ok(False, f"certeractl(1) has {option}, certeractl has not")

    pages = {os.path.relpath(p, TOP): open(p).read() for p in (os.path.join(TOP, "README.md"), *glob.glob(os.path.join(TOP, "doc", "handbook", "*.md")))}
    for name, text in sorted({**pages, **{n: m for n, m in manuals.items() if n != "certeractl.1"}}.items()):
        t.equal(unknown_commands(table, text), [], f"{name}: its command lines with certeractl have commands and options that there are")

    named = set(re.findall(r"t/(\d{4})", read("doc", "documents.md")))
    t.equal([n for n in sorted(named) if not glob.glob(os.path.join(TOP, "t", n + "-*"))], [], "doc/documents.md names tests that there are")

    codes = set(re.findall(r"^ERR_KIND\(\w+,\s*\d+,\s*(\d+),", read("base", "err.def"), re.M))
    listed = manuals["certeractl.1"].split(".Sh EXIT STATUS")[1].split(".Sh")[0]
    t.equal(set(re.findall(r"^\.It (\d+)$", listed, re.M)), codes, "certeractl(1) lists every exit code")

    shown = shown_text(manuals["certera.yaml.5"])
    for group, key in re.findall(r"^SETTING\((\w+), (\w+),", read("daemon", "config", "config.def"), re.M):
        t.contains(shown, f" {key} ", f"certera.yaml(5) has {group}.{key}")


run(main)
