#!/usr/bin/env python3
"""The front's process: what it has, killed, started again, stopped, damaged; orders and answers go on."""
import os
import signal
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

WELL_KNOWN = "/.well-known/acme-challenge/"


def read(pid, what):
    with open(f"/proc/{pid}/{what}", "rb") as f:
        return f.read()


def ended(pid):
    try:
        return b"State:\tZ" in read(pid, "status")
    except (FileNotFoundError, ProcessLookupError):
        return True


def open_files(pid):
    here = f"/proc/{pid}/fd"
    return [os.readlink(f"{here}/{n}") for n in os.listdir(here)]


def next_front(daemon, old):
    return until("a new front is there", lambda: [pid for pid in daemon.fronts() if pid != old])[0]


def what_it_has(t, daemon, front):
    files = open_files(front)
    t.ok(not [name for name in files if name.startswith(daemon.state)], "no file of the state directory is open there", files)
    t.ok(daemon.state.encode() not in read(front, "maps"), "none is mapped")
    t.ok(b"NOTIFY_SOCKET" not in read(front, "environ"), "it cannot speak for us to the service manager")
    sockets = {line.split()[6]: line.split()[7:] for line in read(front, "net/unix").decode().splitlines()[1:]}
    control = [inode for inode, path in sockets.items() if path == [daemon.socket]]
    t.ok(control and not [name for name in files if name[8:-1] in control], "the control socket is not its")


def killed_in_an_order(t, site):
    """The CA is kept waiting while the front is killed."""
    daemon, looked = site.daemon, threading.Event()
    site.recorder.before = lambda seen: seen.kind == "challenge" and looked.wait(60)
    daemon.add_cert("shop", "shop.example", wait=False)
    until("the answer is ready", lambda: site.recorder.of("challenge"))
    token = site.recorder.token()
    answer = daemon.http(WELL_KNOWN + token).body
    for number in (signal.SIGKILL, signal.SIGABRT):
        front = daemon.fronts()[0]
        os.kill(front, number)
        until("it is gone", lambda: front not in daemon.fronts())
        # Connections wait in the sockets, which never close: the first that a new front takes finds the whole table.
        t.equal(daemon.http(WELL_KNOWN + token).body, answer, f"the front ended by {number.name}, the next one knows the answer at once")
        t.ok(next_front(daemon, front), "and is a new process")
    t.contains(daemon.log().decode(), "the front was ended by a signal: Aborted", "the log says so")
    t.equal(daemon.https("/").status, 303, "pages come, too")
    looked.set()
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active")
    t.equal(len(site.recorder.of("neworder")), 1, "the order went on: there was but one")


def stopped(t, site):
    """A CA hears of a challenge when the front has its answer, not before."""
    daemon, front = site.daemon, site.daemon.fronts()[0]
    seen = len(site.recorder.of("challenge"))
    os.kill(front, signal.SIGSTOP)
    for name in ("late", "later"):  # the first one had all the time that the second one took
        daemon.add_cert(name, name + ".example", wait=False)
        daemon.wait_until(f"{name} waits for the front", lambda: (daemon.cert(name)["order"] or {}).get("step") == "publish")
    t.equal(len(site.recorder.of("challenge")), seen, "the front stopped, the CA is not asked to look")
    os.kill(front, signal.SIGCONT)
    for name in ("late", "later"):
        daemon.wait_for_cert(name, lambda c: c["status"] == "active")
    t.equal(len(site.recorder.of("challenge")), seen + 2, "when it goes on, it is")


def not_told(t):
    """What the front could not be told it would lack: a new one is told all."""
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        if b"__asan_init" in f.read():
            t.skip("an answer that could not be told", "a sanitizer must be loaded first")
            return
    site = Site(t, suffix="-not-told", env={"LD_PRELOAD": library(t, "lose-message")})
    daemon, front = site.daemon, site.daemon.fronts()
    daemon.add_cert("shop", "shop.example")
    t.equal((daemon.cert("shop")["status"], daemon.cert("shop")["failures"]), ("active", 0), "an answer that could not be told is there when the CA looks")
    t.contains(daemon.log().decode(), "so a new one is started: Too many references", "the log says what happened")
    t.ok(daemon.fronts() != front, "by a new front")
    site.end()


def main(t):
    not_told(t)
    site = Site(t, record=True)
    daemon = site.daemon
    t.equal(len(daemon.fronts()), 1, "there is one front")
    what_it_has(t, daemon, daemon.fronts()[0])
    killed_in_an_order(t, site)
    stopped(t, site)
    front = daemon.fronts()[0]
    daemon.kill()
    until("the front is gone", lambda: ended(front))
    t.ok(True, "the daemon killed, the front ends by itself")
    t.equal(run_command(daemon.argv[0], "front").returncode, 2, "nobody else starts a front")


run(main)
