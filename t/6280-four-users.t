#!/usr/bin/env python3
"""Each process with a user and a cage of its own: what code of an attacker inside the core, and a script, cannot do.

As root with four users, and started by an ordinary user: what does not hold there is said."""
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

USERS = {"user": "61004", "users": "core=61001 keeper=61002 front=61003"}
ORDINARY = 61009

# What a script looks at; the last three are its own.
SCRIPT = r"""#!/bin/sh
tried() {{ if "$@" >/dev/null 2>&1; then echo "$what: got it"; else echo "$what: no"; fi >>"$TMPDIR/said"; }}
what="master key"; tried cat {state}/keeper/master.key
what="store"; tried cat {state}/store/data.mdb
what="backups"; tried ls {state}/backups
what="configuration"; tried cat {config}
what="control socket"; tried {ctl} --socket {socket} key list
what="environment of the core"; tried cat /proc/{core}/environ
what="a new file where everybody may write"; tried touch /dev/shm/certera-test-new
what="tracing"; tried strace -p {core} -o /dev/null true
what="itself"; tried cat "$0"
what="its temporary directory"; tried touch "$TMPDIR/mine"
what="the certificate"; tried cp "$RENEWED_LINEAGE/fullchain.pem" "$TMPDIR/fetched"
echo end >>"$TMPDIR/said"
"""


def site(t, name, **options):
    """Its files are where others may pass; what is to be read later is there before the core closes the rest."""
    os.makedirs(t.path(name, "hooks"))
    server = options.pop("server", {})
    return Certerad(t, name + "/certerad", hooks={"directory": t.path(name, "hooks")}, server=server,
        env={"LD_PRELOAD": take_over_library(t), "TAKE_OVER": f"{t.path(name, 'certerad-state')}:{t.path(name, 'certerad.control')}"}, **options)


def attack_core(t, daemon, kept):
    made = daemon.ctl("key", "add", "own")
    t.equal(daemon.download("key", "own", made["api_keys"][0]).status, 200, "somebody fetches a key, whom the attacker sees")
    daemon.page("/take-over/core")
    tried = taken_over(daemon)
    for what, result in tried.items():
        t.ok(result != "got it" or what in kept, f"from the core: {what}", result)
    t.ok(len(tried) >= 14, "all of that was tried", tried)
    t.equal(daemon.ctl("status")["version"] != "", True, "and the core goes on")


def attack_script(t, daemon, name, kept):
    """The deploy hook: it gets what it is for, and its own things."""
    t.write(f"{name}/hooks/look", SCRIPT.format(state=daemon.state, config=daemon.config_file, ctl=os.path.join(BUILD, "certeractl"),
        socket=daemon.socket, core=daemon.pid))
    os.chmod(t.path(name, "hooks", "look"), 0o755)
    with open(os.path.join(TOP, "t", "stores", "format1.json")) as f:
        chain = json.load(f)["certificates"]["shop"]["chain"]
    daemon.ctl("cert", "import", "seen", "--file", t.write(f"{name}/seen.pem", chain), "--without-key")
    daemon.ctl("cert", "hooks", "seen", "--deploy", "look")
    daemon.run_ctl("cert", "deploy", "seen")
    said = until("the script has ended", lambda: looked(daemon))
    for what in ("itself", "its temporary directory", "the certificate"):
        t.equal(said.pop(what), "got it", f"a script: {what}")
    for what, result in said.items():
        t.ok(result == "no" or what in kept, f"from a script: {what}", result)
    t.ok(len(said) >= 8, "all of that was tried", said)


def replaced_file(t, daemon, name):
    """A file beside a hidden one, as /etc/resolv.conf is beside the configuration: editors and resolvers put new ones in its place."""
    beside = t.write(f"{name}/beside", "first")
    t.write(f"{name}/hooks/read", f'#!/bin/sh\ncat {beside} >"$TMPDIR/read.new" 2>&1\nmv "$TMPDIR/read.new" "$TMPDIR/read"\n')
    for file, mode in ((beside, 0o644), (t.path(name, "hooks", "read"), 0o755)):
        os.chmod(file, mode)
    daemon.ctl("cert", "hooks", "seen", "--deploy", "read")
    for text in ("first", "second"):
        os.chmod(t.write(f"{name}/fresh", text), 0o644)
        os.rename(t.path(name, "fresh"), beside)
        daemon.run_ctl("cert", "deploy", "seen")
        t.ok(until(f"the script has read the {text}", lambda: read(daemon) == text), f"a script reads the {text} file")


def read(daemon):
    try:
        with open(daemon.state + "/tmp/read") as f:
            return f.read()
    except FileNotFoundError:
        return None


def linked_backups(t, daemon, target):
    """backup.directory leads elsewhere by a link."""
    shown = until("a backup is made by itself", lambda: (lambda now: now if now.get("state") in ("passed", "failed") else None)(daemon.api("GET", "/backup")[1]))
    t.ok(shown["state"] == "passed" and os.listdir(target), "a backup is where the link leads", shown)


def looked(daemon):
    try:
        with open(daemon.state + "/tmp/said") as f:
            text = f.read()
    except FileNotFoundError:
        return None
    return dict(re.findall(r"^([^:\n]+): (.*)$", text, re.M)) if "end\n" in text else None


def protection(daemon):
    return daemon.api("GET", "/status")[1]["protection"]


def without_landlock(daemon, *what):
    """What only Landlock closes: the kernel may have none, which status says."""
    return () if protection(daemon)["files"] else what


def main(t):
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        if b"__asan_init" in f.read():
            raise Skip("the cage is wider for sanitizers")
    if os.geteuid():
        raise Skip("only root can become others")
    os.chmod(t.path("."), 0o755)
    daemon = site(t, "four", server=USERS)
    attack_core(t, daemon, without_landlock(daemon, "new file"))
    attack_script(t, daemon, "four", without_landlock(daemon, "a new file where everybody may write", "configuration"))
    owners = {part: os.stat(os.path.join(daemon.state, part)).st_uid for part in ("store", "keeper", "tmp")}
    t.equal(owners, {"store": 61001, "keeper": 61002, "tmp": 61004}, "each part of the state directory has its user")
    t.equal(["Landlock" in one for one in protection(daemon)["missing"]], [True] * len(without_landlock(daemon, "said")), "status: nothing is missing, or Landlock")
    t.equal(daemon.stop(), 0, "it ends")
    for file in ("keeper/master.key", "store/data.mdb"):    # as root brings them to a new machine
        os.chown(os.path.join(daemon.state, file), 0, 0)
    daemon.begin()
    t.equal([os.stat(os.path.join(daemon.state, file)).st_uid for file in ("keeper/master.key", "store/data.mdb")], [61002, 61001],
        "what root puts into a part is given to its user")
    t.equal(daemon.stop(), 0, "it ends")

    daemon = site(t, "ordinary", start=False, backup={"directory": t.path("ordinary", "link"), "every": "1h"}, wrap=("setpriv", "--reuid", str(ORDINARY), "--regid", str(ORDINARY), "--clear-groups"))
    os.mkdir(t.path("ordinary", "vault"))
    os.symlink("vault", t.path("ordinary", "link"))
    for folder in ("", "hooks", "vault"):
        os.chown(t.path("ordinary", folder), ORDINARY, ORDINARY)
    daemon.begin()
    # They have one user: so a script is a local administrator, and what that user may, outside of ours, so may it.
    attack_core(t, daemon, without_landlock(daemon, "new file", "master key", "directory of the keeper"))
    attack_script(t, daemon, "ordinary", ("control socket", *without_landlock(daemon, "master key", "store", "backups", "configuration",
        "a new file where everybody may write")))
    replaced_file(t, daemon, "ordinary")
    linked_backups(t, daemon, t.path("ordinary", "vault"))
    t.contains(" ".join(protection(daemon)["missing"]), "scripts can use the control socket", "status says what does not hold")
    t.equal(daemon.stop(), 0, "it ends")


run(main)
