#!/usr/bin/env python3
"""certeractl restore: a backup becomes the store, after it was read; the former store stays; while the daemon runs, it is refused."""
import json
import os
import re
import shutil
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def digest(directory):
    with open(os.path.join(directory, "data.mdb"), "rb") as f:
        return hash(f.read())


def main(t):
    daemon = Certerad(t)
    backup = t.path("backup")

    def restore(*argv):
        return daemon.run_ctl("restore", "--config", daemon.config_file, *argv)

    def refused(directory, what, says, code=None):
        before = digest(daemon.store)
        done = restore(directory)
        said = done.stderr.decode()
        t.ok(done.returncode and (code is None or done.returncode == code), f"{what} is refused", (done.returncode, said))
        t.matches(said, says, "and it is said why")
        t.ok(digest(daemon.store) == before and not os.path.exists(os.path.join(daemon.store, "former")), "and nothing is changed")

    daemon.ctl("plan", "add", "kept", "--certificates", "3")
    daemon.ctl("backup", backup)
    daemon.ctl("plan", "add", "lost", "--certificates", "4")
    done = restore(backup)
    t.equal(done.returncode, 7, "while the daemon runs, it is refused")
    t.matches(done.stderr.decode(), rf"pid {daemon.pid}\b[^$]*systemctl stop certera", "and it is said which, and what to do")
    t.equal(daemon.run_ctl("restore", "--config", daemon.config_file, "--dry-run", backup).returncode, 0, "looking only is not")
    t.equal({p["name"] for p in daemon.ctl("plan", "list")["plans"]}, {"kept", "lost"}, "the daemon goes on")
    daemon.stop()

    refused(t.path("nowhere"), "a backup that is not there", r"nowhere/data\.mdb: no such file(?s:.*)backups are in")
    broken = t.path("broken")
    os.mkdir(broken)
    with open(os.path.join(backup, "data.mdb"), "rb") as f:
        data = f.read()
    at = data.rindex(b"plan.added")
    t.write("broken/data.mdb", data[:at] + b"P" + data[at + 1:])
    refused(broken, "a backup of which one byte is another", r"reading the backup .*tampered with")
    t.write("broken/data.mdb", data[:4096 * 2 + 100])
    refused(broken, "half a backup", r"a part of data\.mdb is missing")
    t.write("broken/data.mdb", re.sub(rb"format\d", b"format9", data))
    refused(broken, "a backup of a newer Certera", "it has format 9, and this program knows formats up to")
    key = daemon.master_key
    os.rename(key, t.path("master.key"))
    refused(backup, "a backup without the master key", r"master\.key")
    with open(key, "w") as f:
        f.write("00" * 32 + "\n")
    os.chmod(key, 0o600)
    refused(backup, "a backup that was made with a different master key", r"master key")
    os.rename(t.path("master.key"), key)

    before, was = digest(daemon.store), digest(backup)
    os.mkdir(os.path.join(daemon.store, "restore.part"))	# of one that was interrupted
    done = daemon.run_ctl("--json", "restore", "--config", daemon.config_file, backup)
    t.ok(done.returncode == 0, "a good one is restored", done.stderr.decode())
    said = json.loads(done.stdout)
    t.ok(said["restored"] and said["records"] > 0 and said["from"] == backup, "it is said what was read", said)
    t.equal(digest(said["former"]), before, "the former store is kept")
    t.equal((digest(backup), os.listdir(backup)), (was, ["data.mdb"]), "the backup is as it was")
    t.ok(not os.path.exists(os.path.join(daemon.store, "restore.part")), "nothing else is left")
    daemon.begin()
    t.equal([p["name"] for p in daemon.ctl("plan", "list")["plans"]], ["kept"], "what was there at the time of the backup is there again")
    events = daemon.ctl("events", "--action", "store.restored")["events"]
    t.equal([e["actor"] for e in events], ["local admin"], "the audit log says so")
    t.contains(events[0]["message"], backup, "and from what")
    t.equal(daemon.run_ctl("verify").returncode, 0, "everything in the store is as it was written")
    daemon.stop()

    t.equal(restore(said["former"]).returncode, 0, "the former store can be restored as well")
    daemon.begin()
    t.equal({p["name"] for p in daemon.ctl("plan", "list")["plans"]}, {"kept", "lost"}, "and is there again")
    daemon.stop()

    new = Certerad(t, "new", start=False)
    os.mkdir(new.state, 0o700)
    shutil.copy(key, new.state)
    done = new.run_ctl("restore", "--config", new.config_file, backup)
    t.ok(done.returncode == 0, "on a new machine, with the master key, it is restored, too", done.stderr.decode())
    new.begin()
    t.equal([p["name"] for p in new.ctl("plan", "list")["plans"]], ["kept"], "and runs")


run(main)
