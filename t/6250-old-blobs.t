#!/usr/bin/env python3
"""What was changed is over: an old store put back brings back no replaced API key, no old password and no old role; a
backup that a local administrator restores does.  Kills and lost batches never take away what is in force."""
import os
import shutil
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

FIRST, SECOND = PASSWORD, "the second long password"
OLDER = "older than what it held before"


def set_password(daemon, name, password):
    return daemon.run_ctl("user", "reset", name, "--keep-password", "--password-file", "-", input=password.encode())


def signs_in(daemon, name, password):
    return Person(daemon).sign_in(name, password)[0] == 200


def put_back(daemon, data):
    """As somebody who can write to the disk."""
    shutil.copy(data, os.path.join(daemon.store, "data.mdb"))


def main(t):
    daemon = Certerad(t)
    add_user(daemon, "alice", "admin")
    add_user(daemon, "bob", "operator")
    key = daemon.ctl("key", "add", "own")["api_keys"]
    t.ok(daemon.download("key", "own", key[0]).status == 200 and signs_in(daemon, "alice", FIRST), "there are an API key and a password")
    backup = t.path("backup")
    daemon.ctl("backup", backup)
    daemon.stop()
    shutil.copy(os.path.join(daemon.store, "data.mdb"), t.path("before"))
    daemon.begin()
    fresh = daemon.ctl("apikey", "rotate", "key", "own", "1", "--yes")["api_key"]
    set_password(daemon, "alice", SECOND)
    daemon.ctl("user", "set", "bob", "--role", "viewer")
    in_force(t, daemon, key, fresh, "at once")
    daemon.kill()
    daemon.begin()
    in_force(t, daemon, key, fresh, "after kill -9")
    daemon.stop()
    shutil.copy(os.path.join(daemon.store, "data.mdb"), t.path("after"))
    old_store(t, daemon, key, fresh)
    put_back(daemon, t.path("after"))
    daemon.begin()
    in_force(t, daemon, key, fresh, "with the store that was there")
    daemon.stop()
    restored(t, daemon, backup, key, fresh)
    at_once(t, daemon)
    killed(t, daemon)
    damaged(t, daemon)
    lost(t)


def in_force(t, daemon, key, fresh, when):
    t.equal([daemon.download("key", "own", k).status for k in (key[0], fresh, key[1])], [401, 200, 200], f"{when}: the new API key, and the other")
    t.equal([signs_in(daemon, "alice", p) for p in (FIRST, SECOND)], [False, True], f"{when}: the new password")


def old_store(t, daemon, key, fresh):
    put_back(daemon, t.path("before"))
    daemon.begin()
    t.equal([daemon.download("key", "own", k).status for k in (key[0], key[1], fresh)], [401] * 3, "an old store: no API key of it opens the key")
    t.equal([signs_in(daemon, name, FIRST) for name in ("alice", "bob")], [False, False], "nobody signs in with an old password or role")
    Person(daemon).sign_in("alice", FIRST)
    until("the log says so", lambda: OLDER.encode() in daemon.log())
    t.contains(daemon.log().decode(), "keeper/marks", "and what to do if it was meant")
    daemon.stop()


def restored(t, daemon, backup, key, fresh):
    t.equal(daemon.run_ctl("restore", "--config", daemon.config_file, backup).returncode, 0, "a backup is restored by a local administrator")
    daemon.begin()
    t.equal([daemon.download("key", "own", k).status for k in (key[0], key[1], fresh)], [200, 200, 401], "its API keys are in force again")
    t.ok(signs_in(daemon, "alice", FIRST) and not signs_in(daemon, "alice", SECOND), "and its passwords")


def at_once(t, daemon):
    """Several people at one time: whatever comes of it, one password counts, for good."""
    names = [f"user{i}" for i in range(6)]
    for name in names:
        add_user(daemon, name, "viewer")
    took = {}

    def change(name, n):
        password = f"{name} and its password {n}"
        if set_password(daemon, name, password).returncode == 0:
            took.setdefault(name, []).append(password)
    threads = [threading.Thread(target=change, args=(name, n)) for n in range(3) for name in names]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    t.ok(all(took.get(name) for name in names), "each is changed", took)
    good = {name: [p for p in took[name] if signs_in(daemon, name, p)] for name in names}
    t.equal({name: len(p) for name, p in good.items()}, {name: 1 for name in names}, "and one password is good")
    daemon.kill()
    daemon.begin()
    t.ok(all(signs_in(daemon, name, good[name][0]) for name in names), "also after kill -9")


def killed(t, daemon):
    """Kills at any place: what was answered is in force, and nobody is locked out."""
    known = FIRST
    for n in range(8):
        wished = f"alice and her password {n}"
        thread = threading.Thread(target=set_password, args=(daemon, "alice", wished))
        thread.start()
        thread.join(0.02 * n)
        daemon.kill()
        thread.join()
        daemon.begin()
        good = [p for p in (known, wished) if signs_in(daemon, "alice", p)]
        t.equal(len(good), 1, f"killed {20 * n} ms after the question: one of the two passwords is good")
        known = good[0] if good else known


def damaged(t, daemon):
    """The keeper's file: what is damaged is said, and locks nobody out."""
    daemon.stop()
    marks = os.path.join(daemon.state, "keeper", "marks")
    size = os.path.getsize(marks)
    t.ok(size >= 24 and size % 24 == 0 and os.stat(marks).st_mode & 0o777 == 0o600, "the keeper remembers in a file of its own", size)
    with open(marks, "r+b") as f:
        f.seek(17)
        f.write(b"\xff")
        f.truncate(size - 5)
    daemon.begin()
    t.contains(daemon.log().decode(), "keeper/marks is damaged: 1 of its entries are lost", "a damaged one is said")
    t.equal(daemon.run_ctl("user", "reset", "bob", "--keep-password", "--password-file", "-", input=FIRST.encode()).returncode, 0,
        "and nobody is locked out by it")
    t.ok(signs_in(daemon, "bob", FIRST), "who gets a new password signs in")
    daemon.stop()


def lost(t):
    """A batch is lost: what it would have changed is in force as before."""
    disk = Disk(t)
    daemon = Certerad(t, "lost", server={"threads": 1}, env=disk.env)
    add_user(daemon, "carol", "operator")
    disk.slow(0.3)
    done = []
    thread = threading.Thread(target=lambda: done.append(set_password(daemon, "carol", SECOND).returncode))
    thread.start()
    thread.join(0.1)
    disk.breaks()
    thread.join()
    disk.breaks(False)
    disk.slow(0)
    until("it takes something again", lambda: daemon.run_ctl("site", "add", "some.example").returncode == 0)
    good = [p for p in (FIRST, SECOND) if signs_in(daemon, "carol", p)]
    t.equal(good, [FIRST if done[0] else SECOND], "a change that was lost changed nothing")
    t.equal(set_password(daemon, "carol", "the third long password").returncode, 0, "the next one is taken")
    t.ok(signs_in(daemon, "carol", "the third long password"), "and is in force")
    daemon.stop()


run(main)
