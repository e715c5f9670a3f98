#!/usr/bin/env python3
"""certeractl at a terminal: colours and a pager where a person looks, and only there; --quiet; help with examples; completion."""
import os
import pty
import re
import select
import shlex
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

CTL = os.path.join(BUILD, "certeractl")


def at_terminal(daemon, *argv, **env):
    """What a terminal gets, as text."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.pop("NO_COLOR", None)
        os.environ.update({"TERM": "xterm", "CERTERA_PAGER": "", **env})
        os.execv(CTL, [CTL, "--socket", daemon.socket, *argv])
    shown, deadline = b"", time.monotonic() + 60 * PATIENCE
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 1)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:
                break
            if not got:
                break
            shown += got
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def commands():
    with open(os.path.join(TOP, "ctl", "commands.def")) as f:
        return re.findall(r'^COMMAND\(\w+, "([^"]+)"', f.read(), re.M)


def complete(t, *words):
    """What bash offers for the last of these words."""
    file = t.write("completion.bash", run_command(CTL, "completion", "bash").stdout)
    line = " ".join(shlex.quote(w) for w in ("certeractl", *words))
    done = run_command("bash", "-c", f'. {file}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _certeractl; printf "%s\\n" "${{COMPREPLY[@]}}"', cwd=t.dir)
    return done.stdout.decode().split()


def fish(t, line):
    """What fish offers behind this line."""
    file = t.write("completion.fish", run_command(CTL, "completion", "fish").stdout)
    done = run_command("fish", "--no-config", "-c", f'source {file}; complete -C "certeractl {line}"', cwd=t.path())
    return [l.split("\t")[0] for l in done.stdout.decode().splitlines()]


def zsh(t, line):
    """What the script for zsh hands to it."""
    file = t.write("completion.zsh", run_command(CTL, "completion", "zsh").stdout)
    words = " ".join(f"'{w}'" for w in ["certeractl", *line.split(" ")])
    script = f'compadd() {{ print -l -- $@ }}; _arguments() {{ print -l -- $@ }}; words=({words}); CURRENT=$#words; f() {{ . {file} }}; f'
    return re.findall(r"[\w-]+", re.sub(r"\[.*?\]", "", run_command("zsh", "-f", "-c", script).stdout.decode()))


def screen(t, daemon):
    code, shown = at_terminal(daemon, "cert", "list")
    t.ok(code == 0 and "\x1b[1mNAME\x1b[0m" in shown and "\x1b[32mactive\x1b[0m" in shown, "a terminal gets colours", shown)
    t.lacks(at_terminal(daemon, "cert", "list", NO_COLOR="1")[1], "\x1b", "not with NO_COLOR")
    t.lacks(at_terminal(daemon, "cert", "list", TERM="dumb")[1], "\x1b", "nor if it is dumb")
    t.lacks(daemon.run_ctl("cert", "list").stdout.decode(), "\x1b", "a pipe gets none")
    widths = {len(re.sub(r"\x1b\[\d*m", "", l).split("active")[0]) for l in shown.splitlines() if "active" in l}
    t.equal(len(widths), 1, "columns stand below each other")
    code, paged = at_terminal(daemon, "cert", "list", CERTERA_PAGER="sed 's/^/paged: /'")
    t.ok(code == 0 and paged.count("paged: ") == 3, "what lists goes through a pager", paged)
    code, paged = at_terminal(daemon, "cert", "show", "nosuch", CERTERA_PAGER="sed 's/^/paged: /'")
    t.ok(code == 6 and "paged" not in paged and "nosuch" in paged, "an error is an error, with its exit status", (code, paged))
    t.lacks(at_terminal(daemon, "key", "set", "shop", "--description", "x", CERTERA_PAGER="sed 's/^/paged: /'")[1], "paged", "what changes something has no pager")


def quiet(t, daemon):
    done = daemon.run_ctl("plan", "add", "small", "--quiet")
    t.equal((done.returncode, done.stdout, done.stderr), (0, b"", b""), "--quiet: success prints nothing")
    done = daemon.run_ctl("--quiet", "plan", "show", "nosuch")
    t.ok(done.returncode == 6 and not done.stdout and b"nosuch" in done.stderr, "failure does", done)


def wait(t, site):
    site.daemon.configure(preflight={"enabled": False})
    code, shown = at_terminal(site.daemon, "cert", "add", "slow", "--names", "slow.example", "--account", "ca", "--wait")
    t.ok(code == 0 and re.search(r"waiting, \d+ s\r?\x1b?.*\r\x1b\[K", shown, re.S), "a wait shows how long it has lasted, and clears it", shown)
    done = site.daemon.run_ctl("cert", "issue", "slow", "--wait", timeout=120 * PATIENCE)
    t.ok(b"waiting," not in done.stderr and done.returncode == 0, "but not to a file", done)


def help(t):
    missing, wrong = [], []
    for words in commands():
        said = run_command(CTL, *words.split(), "--help").stdout.decode()
        found = re.search(r"\nexample:\n  certeractl (.*)\n", said)
        if not found:
            missing.append(words)
            continue
        typed = shlex.split(found[1].split(" > ")[0].split(" || ")[0])
        options = [w.split("=")[0] for w in typed if w.startswith("--")]
        if " ".join(typed).find(words) != 0 or any(f"  {o} " not in said and f"  {o}\n" not in said for o in options):
            wrong.append(found[1])
    t.equal(missing, [], "the help of each command has an example")
    t.equal(wrong, [], "of that command, with options that it has")
    t.equal(run_command(CTL, "help").stdout, run_command(CTL, "--help").stdout, "help is --help")
    t.equal(run_command(CTL, "help", "cert", "add").stdout, run_command(CTL, "cert", "add", "--help").stdout, "also of a command")
    t.equal(run_command(CTL, "help", "cert").stdout, run_command(CTL, "cert", "--help").stdout, "and of a word")
    t.ok(run_command(CTL, "help", "nosuch").returncode == 2, "not of what there is not")


def completion(t):
    t.ok({"cert", "doctor", "help"} <= set(complete(t, "")), "bash: the first words", complete(t, ""))
    t.equal(complete(t, "cert", "iss"), ["issue"], "bash: the second")
    t.equal(complete(t, "cert", "add", "www", "--key-"), ["--key-type"], "bash: options of the command")
    t.equal(complete(t, "--json", "doctor", "--c"), ["--config"], "bash: behind an option, of a command of one word")
    t.ok("completion.bash" in complete(t, "cert", "import", "shop", "--file", "compl"), "bash: files behind --file")
    for shell in ("bash", "zsh", "fish"):
        script = run_command(CTL, "completion", shell)
        checked = run_command(program(shell), "-n", t.write("script." + shell, script.stdout))
        t.equal((script.returncode, checked.returncode, checked.stderr), (0, 0, b""), f"{shell} understands its script")
    for line, wanted in (("cert iss", ["issue"]), ("cert issue iss", []), ("doctor --conf", ["--config"]), ("cert add www --key-t", ["--key-type"]), ("token li --key-t", []),
            ("cert list --js", ["--json"]), ("doct", ["doctor"])):
        t.equal(fish(t, line), wanted, f"fish: {line}")
    for line, wanted, not_that in (("cert ", "issue", "--wait"), ("cert add www ", "--key-type", "--reason"), ("doctor ", "--config", "--names"), ("", "doctor", "issue")):
        offered = zsh(t, line)
        t.ok(wanted in offered and not_that not in offered, f"zsh: {line}", offered)
    t.ok(run_command(CTL, "completion", "csh").returncode == 2, "for csh there is none")


def main(t):
    help(t)
    site = Site(t, pebble={"sleep": 3})
    site.daemon.add_cert("shop", "shop.example")
    site.daemon.add_cert("longer-name", "longer.example")
    screen(t, site.daemon)
    quiet(t, site.daemon)
    wait(t, site)
    completion(t)


run(main)
