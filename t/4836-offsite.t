#!/usr/bin/env python3
"""The backup hook: each backup is copied elsewhere; a copy that failed is shown and made again, also after a kill -9."""
import json
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COPY = """[ ! -e "$AWAY/broken" ] || { echo "the vault is closed"; exit 1; }
[ ! -e "$AWAY/slow" ] || { echo "$$" > "$AWAY/began"; exec sleep 600; }
cp -r "$CERTERA_BACKUP" "$AWAY/"
echo "$CERTERA_ACTION $CERTERA_ATTEMPT $CERTERA_BACKUP" >> "$AWAY/runs"
echo "copied to the vault"
"""


def same(a, b):
    with open(a, "rb") as one, open(b, "rb") as other:
        return one.read() == other.read()


def shipped(t):
    """rsync and rclone are asked to do the right thing; what they are is a stub that says how it was called."""
    os.mkdir(t.path("bin"))
    for name in ("rsync", "rclone"):
        t.write(f"bin/{name}", '#!/bin/sh\nfor a in "$@"; do echo "$a"; done\n')
        os.chmod(t.path("bin", name), 0o755)
    environment = {"PATH": t.path("bin") + ":/usr/bin:/bin", "CERTERA_BACKUP": "/b/monday"}
    hook = os.path.join(TOP, "contrib", "hooks")
    done = run_command(f"{hook}/backup-rsync", env={**environment, "SSH_KEY": "/k", "SSH_KNOWN_HOSTS": "/h", "RSYNC_TARGET": "u@v:"})
    said = done.stdout.decode().splitlines()
    t.ok(done.returncode == 0 and said[-3:] == ["--", "/b/monday", "u@v:"] and "-i /k" in said[-4]
        and "UserKnownHostsFile=/h -o StrictHostKeyChecking=yes" in said[-4], "backup-rsync copies it over ssh", said)
    done = run_command(f"{hook}/backup-rclone", env={**environment, "RCLONE_CONFIG": "/c", "RCLONE_TARGET": "r:certera"})
    said = " ".join(done.stdout.decode().split())
    t.equal(said, "copy --retries 3 -- /b/monday r:certera/monday check --one-way -- /b/monday r:certera/monday",
        "backup-rclone copies it and compares it")
    for name in ("backup-rsync", "backup-rclone"):
        t.ok(run_command(f"{hook}/{name}", env=environment).returncode, f"{name} says what is not set")


def main(t):
    shipped(t)
    hooks, away = Hooks(t), t.path("away")
    os.mkdir(away)
    hooks.add("vault", COPY)
    daemon = Certerad(t, hooks={"directory": hooks.dir}, backup={"hook": "vault", "environment": [f"AWAY={away}"]})

    done = daemon.run_ctl("backup", t.path("one"))
    t.ok(done.returncode == 0 and b"copied it elsewhere" in done.stdout, "a backup is done when it is elsewhere, too", done)
    t.ok(same(t.path("one", "data.mdb"), os.path.join(away, "one", "data.mdb")), "the copy is the backup")
    shown = daemon.api("GET", "/backup")[1]
    t.ok(shown["state"] == "passed" and shown["copied"] and any("copied to the vault" in line for line in shown["log"]),
        "the API shows when, and what the script printed", shown)
    t.contains(daemon.page("/system")[1], "copied to the vault", "so does the page")
    t.lacks(json.dumps(shown), "AWAY=", "but not its environment")

    t.write("away/broken", "")
    done = daemon.run_ctl("backup", t.path("two"))
    t.ok(done.returncode and b"copying the backup elsewhere" in done.stderr and b"backup itself is complete" in done.stderr,
        "a copy that fails is an error, which says that the backup is there", done)
    shown = daemon.api("GET", "/backup")[1]
    t.ok(shown["state"] == "failed" and shown["retry_at"] and os.path.exists(t.path("two", "data.mdb")), "it is tried again later", shown)
    t.equal([r["kind"] for r in daemon.ctl("agenda")["agenda"] if r["kind"] == "offsite"], ["offsite"], "that is scheduled")
    t.lacks(json.dumps(daemon.ctl("events")), "the vault is closed", "what the script printed is in no event")
    os.unlink(t.path("away", "broken"))

    t.write("away/slow", "")
    daemon.api("POST", "/backup", {"directory": t.path("three")})
    daemon.wait_until("the script runs", lambda: os.path.exists(t.path("away", "began")))
    t.equal(daemon.api("GET", "/backup")[1]["state"], "copying", "while the script runs, it is copying")
    daemon.kill()
    os.unlink(t.path("away", "slow"))
    daemon.begin()
    daemon.wait_until("the copy is made", lambda: daemon.api("GET", "/backup")[1]["state"] == "passed")
    t.ok(same(t.path("three", "data.mdb"), os.path.join(away, "three", "data.mdb")), "after a kill -9 it is copied")
    actions = [e["action"] for e in daemon.ctl("events")["events"] if e["action"].startswith("store.")]
    t.equal(actions, ["store.copied", "store.backup", "store.copy_failed", "store.backup", "store.copied", "store.backup"],
        "all of it is in the audit log")

    daemon.configure(backup={"hook": "", "environment": []})
    daemon.reload()
    daemon.ctl("backup", t.path("four"))
    t.equal((daemon.api("GET", "/backup")[1]["state"], os.path.exists(os.path.join(away, "four"))), ("passed", False), "without a hook, nothing is copied")
    daemon.configure(backup={"hook": "nowhere"})
    said = run_command(os.path.join(BUILD, "certerad"), "-t", "-f", daemon.config_file)
    t.contains((said.stdout + said.stderr).decode(), "backup.hook: ", "certerad -t says that a script is missing")


run(main)
