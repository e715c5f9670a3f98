#!/usr/bin/env python3
"""A store of every format there was (t/stores/, see t/stores/make) is upgraded, and all that was in it is there and works."""
import gzip
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

STORES = os.path.join(TOP, "t", "stores")


def unpack(name, directory):
    os.makedirs(directory, 0o700, exist_ok=True)
    with gzip.open(os.path.join(STORES, name + ".mdb.gz")) as f, open(os.path.join(directory, "data.mdb"), "wb") as to:
        to.write(f.read())


def format_of(directory):
    with open(os.path.join(directory, "data.mdb"), "rb") as f:
        return {int(n) for n in re.findall(rb"format(\d)", f.read())}


def names(daemon, kind):
    return [row["name"] for row in daemon.ctl(kind, "list")[kind + "s"]]


def certificates(t, daemon, was):
    for name, cert in was.items():
        t.equal(daemon.download("certificate", name, cert["api_key"]).text, cert["chain"], f"{name}: the version in force is the same")
        t.equal(daemon.download("key", name, cert["key_api_key"]).text, cert["key"], f"{name}: so is its key, with the same API key")
        t.equal(daemon.download("key", name, cert["api_key"]).status, 401, f"{name}: a different API key does not give it")
    t.equal(sorted(daemon.certs()), sorted(was), "there are no others")
    t.equal([v["number"] for v in daemon.cert("mail")["versions"]], [2, 1], "a former version is there, too")


def main(t):
    with open(os.path.join(TOP, "store", "db", "table.h")) as f:
        current = int(re.search(r"STORE_FORMAT (\d+)", f.read())[1])
    kept = sorted(name[:-len(".mdb.gz")] for name in os.listdir(STORES) if name.endswith(".mdb.gz"))
    t.equal(kept, [f"format{n}" for n in range(1, current + 1)], "there is a store of every format")
    for name in kept:
        with open(os.path.join(STORES, name + ".json")) as f:
            was = json.load(f)
        daemon = Certerad(t, name, start=False)
        unpack(name, daemon.state)
        t.write(name + "-state/master.key", was["master_key"])
        os.chmod(daemon.state + "/master.key", 0o600)  # where both were before each process had a part
        t.ok(int(name[-1]) in format_of(daemon.state), f"{name}: so it was written")
        unpack(name, t.path("backup-" + name))
        done = daemon.run_ctl("restore", "--dry-run", "--config", daemon.config_file, t.path("backup-" + name))
        t.ok(done.returncode == 0, "a backup of that format can be restored", done.stderr.decode())
        daemon.begin()
        certificates(t, daemon, was["certificates"])
        for kind in ("user", "plan", "token", "channel"):
            t.equal(names(daemon, kind), was[kind + "s"], f"{kind}s are the same")
        t.equal([s["name"] for s in daemon.ctl("site", "list")["sites"]], was["sites"], "so are sites")
        t.equal(daemon.ctl("user", "show", "oskar")["plan"], "basic", "who had a plan has it")
        person = Person(daemon)
        t.equal(person.sign_in("alice")[0], 200, "alice signs in with the same password")
        events = daemon.ctl("events", "--limit", "1000")["events"]
        t.ok(len(events) >= was["events"] and events[-1]["action"] == "account.added", "the audit log is there from its beginning", len(events))
        t.equal(daemon.ctl("verify")["state"], "passed", "every record, index and event is as it should be")
        t.equal(daemon.stop(), 0, "it ends")
        t.ok(current in format_of(daemon.store), f"and leaves a store of format {current}")


run(main)
