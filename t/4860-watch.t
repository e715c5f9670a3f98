#!/usr/bin/env python3
"""Pages that watch an order: each is told what changes, and many of them cannot use up the server."""
import os
import resource
import socket
import ssl
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

MOST = 2000  # of one thread
IDLE = 3  # seconds for which many watch and nothing happens


class Watcher:
    """A connection of its own, as a browser's EventSource has."""

    def __init__(self, daemon, token, name):
        self.socket = self.connect(daemon)
        self.socket.sendall(f"GET /api/v1/certificates/{name}/watch HTTP/1.1\r\nHost: localhost:{daemon.https_port}\r\n"
            f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n".encode())
        self.said = self.socket.recv(4096)

    def connect(self, daemon):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(socket.create_connection(("127.0.0.1", daemon.https_port), 30))

    @property
    def status(self):
        return int(self.said.split()[1])

    def listen(self):
        """All that comes until the end."""
        while part := self.socket.recv(4096):
            self.said += part
            if b"\r\n0\r\n" in self.said or b"event: end" in self.said:
                break
        return self.said.decode()

    def close(self):
        self.socket.close()


class LocalWatcher(Watcher):
    """The same at the control socket, without the cost of TLS."""

    def connect(self, daemon):
        local = socket.socket(socket.AF_UNIX)
        local.settimeout(30)
        local.connect(daemon.socket)
        return local


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def main(t):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    site = Site(t, record=True, server={"threads": 1})
    daemon, go = site.daemon, threading.Event()
    token = daemon.ctl("token", "add", "watch", "--role", "viewer")["token"]

    def hold(seen):
        if seen.kind == "finalize":
            go.wait(60)
    site.recorder.before = hold
    daemon.add_cert("slow", "slow.example", wait=False)
    until("it is finalized", lambda: site.recorder.of("finalize"))

    watchers = [LocalWatcher(daemon, token, "slow") for _ in range(MOST - 1)] + [Watcher(daemon, token, "slow")]
    t.equal({w.status for w in watchers}, {200}, f"{MOST} watch one order")
    time.sleep(1.5)
    before = cpu_of(daemon.pid)
    time.sleep(IDLE)
    spent = cpu_of(daemon.pid) - before
    t.ok(spent < 0.02 * IDLE, "and cost nothing while nothing happens", spent)
    more = LocalWatcher(daemon, token, "slow")
    t.equal(more.status, 429, "one more is told to ask again and again instead")
    more.close()
    t.equal(daemon.https(f"/api/v1/certificates/slow", headers={"Authorization": f"Bearer {token}"}).status, 200, "which is answered")
    for w in watchers[:MOST // 2]:
        w.close()
    until("those that went away make room", lambda: LocalWatcher(daemon, token, "slow").status == 200, 60)
    go.set()
    said = watchers[-1].listen()
    t.ok("text/event-stream" in said and "event: change" in said and "event: end" in said, "a watcher hears of the change, and of the end", said)
    t.equal(daemon.cert("slow")["status"], "active", "which is the certificate's issue")

    go.clear()
    daemon.add_cert("later", "later.example", wait=False)
    until("it is finalized", lambda: len(site.recorder.of("finalize")) > 1)
    last = Watcher(daemon, token, "later")
    t.equal(daemon.stop(), 0, "the server ends cleanly, also while somebody watches")
    t.contains(last.listen(), "\r\n0\r\n", "who is sent the end of the stream")
    go.set()


run(main)
