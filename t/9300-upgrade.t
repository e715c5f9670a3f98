#!/usr/bin/env python3
"""Restarts, a HUP and a renewal of the site's certificate under load: systemd keeps the sockets, and no request fails."""
import os
import re
import signal
import socket
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NAME = "certera.example"
# As systemd starts a service again: the stored descriptors from 3 on, with their names.
LAUNCHER = """
import fcntl, os, sys
pairs = [p.split("=", 1) for p in os.environ.get("TEST_STORED", "").split(";") if p]
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 300) for fd, name in pairs]
for place, fd in enumerate(high, 3):
    os.dup2(fd, place)
    os.close(fd)
if pairs:
    os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=":".join(name for fd, name in pairs), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Kept(Certerad):
    """certerad under a small stand-in for systemd, which keeps what it is given (sd_notify(3): FDSTORE)."""

    def __init__(self, t, **settings):
        self.stored = []  # (descriptor, name)
        super().__init__(t, start=False, wrap=[sys.executable, "-c", LAUNCHER], **settings)
        # The notify socket takes descriptors, too.
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def told(self):
        lines = []
        while True:
            try:
                data, fds, flags, address = socket.recv_fds(self.notify, 4096, 8)
            except BlockingIOError:
                return lines
            said = data.decode().splitlines()
            name = next((l.split("=", 1)[1] for l in said if l.startswith("FDNAME=")), None)
            if "FDSTORE=1" in said:
                self.stored += [(fd, name) for fd in fds]
            if "FDSTOREREMOVE=1" in said:
                for fd, one in [p for p in self.stored if p[1] == name]:
                    os.close(fd)
                    self.stored.remove((fd, one))
            lines += said

    def start(self):
        for fd, name in self.stored:
            os.set_inheritable(fd, True)
        self.env["TEST_STORED"] = ";".join(f"{fd}={name}" for fd, name in self.stored)
        self.options["pass_fds"] = [fd for fd, name in self.stored]
        return super().start()


class Load:
    """Requests without a pause until it is told to stop; each on a connection of its own."""

    def __init__(self, ask):
        self.ask, self.done, self.failed, self.over = ask, 0, [], threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.over.is_set():
            try:
                self.ask()
                self.done += 1
            except Exception as e:
                self.failed.append(f"{type(e).__name__}: {e}")
            time.sleep(0.005)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60 * PATIENCE)


def expect(reply, status):
    if reply.status != status:
        raise RuntimeError(f"status {reply.status}: {reply.text[:200]}")


def main(t):
    daemon = Kept(t, server={"hostname": NAME, "threads": 2})
    daemon.begin()
    names = sorted(name for fd, name in daemon.stored)
    t.equal(len(names), 4, "each socket is given to systemd")
    t.equal(set(names), {f"stored-http-127.0.0.1_{daemon.http_port}", f"stored-https-127.0.0.1_{daemon.https_port}"}, "by names that say which")
    nginx = Nginx(t, f"http://127.0.0.1:{daemon.http_port}")
    pebble = Pebble(t, nginx.port)
    daemon.add_account(pebble)
    key = daemon.add_cert("shop", "shop.example")["api_keys"][0]
    daemon.add_cert("site", NAME)
    daemon.ctl("cert", "add", "by-hand", "--names", "hand.example", "--account", "ca", "--no-issue")

    loads = {
        "challenges": Load(lambda: expect(daemon.http("/.well-known/acme-challenge/nobody-asked-for-this"), 404)),
        "downloads": Load(lambda: expect(daemon.https("/api/certificate/shop", server_name=NAME, headers={"apiKey": key}), 200)),
    }

    def goes_on(what):
        before = {name: load.done for name, load in loads.items()}
        until(f"requests are answered after {what}", lambda: all(load.done > before[name] + 20 for name, load in loads.items()), 60)
        t.equal({name: load.failed[:3] for name, load in loads.items()}, {"challenges": [], "downloads": []}, f"{what}: no request failed")

    goes_on("nothing yet")
    for n in range(3):
        pid = daemon.pid
        t.equal(daemon.stop(), 0, "it ends cleanly") if n == 0 else daemon.stop()
        daemon.begin(60)
        t.ok(daemon.pid != pid and len(daemon.stored) == 4, "started again, with the sockets that were kept", daemon.stored) if n == 0 else None
        goes_on(f"restart {n + 1}")
    daemon.reload()
    goes_on("a HUP")
    serial = daemon.leaf("site").serial
    daemon.ctl("cert", "issue", "site", "--wait", timeout=120 * PATIENCE)
    t.ok(daemon.leaf("site").serial != serial, "the site's certificate is renewed")
    goes_on("a renewal of the site's certificate")

    # A CA's own challenges, while it is restarted.
    daemon.ctl("cert", "issue", "by-hand")
    daemon.stop()
    daemon.begin(60)
    daemon.wait_for_cert("by-hand", lambda c: c["status"] == "active", "it is issued", 120)
    t.equal([o["result"] for o in daemon.ctl("order", "list", "--certificate", "by-hand")["orders"]], ["issued"], "an order goes on over a restart, at the first attempt")
    goes_on("an order over a restart")
    daemon.signal(signal.SIGKILL)
    until("it is gone", lambda: not daemon.running())
    daemon.begin(60)
    answered = {name: load.done for name, load in loads.items()}
    for load in loads.values():
        load.stop()
    t.note(f"answered: {answered}")

    # What is no longer configured is not kept.
    daemon.stop()
    old, daemon.http_port = daemon.http_port, free_port()
    daemon.configure(listen={"http": f"127.0.0.1:{daemon.http_port}"}, server={"hostname": NAME, "threads": 3})
    daemon.begin(60)
    daemon.told()
    t.equal(daemon.http("/.well-known/acme-challenge/x").status, 404, "a new address is listened on")
    t.equal(sorted(name for fd, name in daemon.stored), sorted([f"stored-http-127.0.0.1_{daemon.http_port}"] * 3 + [f"stored-https-127.0.0.1_{daemon.https_port}"] * 3), "and kept, for each thread; the old one is not")
    with socket.socket() as s:
        t.ok(s.connect_ex(("127.0.0.1", old)), "nobody listens on the old one")
    with open(os.path.join(TOP, "contrib", "systemd", "certera.service")) as f:
        t.ok(int(re.search(r"(?m)^FileDescriptorStoreMax=(\d+)$", f.read())[1]) >= 64, "the unit has room for them")


run(main)
