#!/usr/bin/env python3
"""Thousands of connections that only wait, on a server that may open 2,048 files: whoever comes from elsewhere is answered,
every time."""
import os
import re
import resource
import select
import socket
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

FILES = int(os.environ.get("FILES", "2048"))
SLOW, IDLE = int(os.environ.get("SLOW", "4000")), int(os.environ.get("IDLE", "1000"))
LASTS = float(os.environ.get("LASTS", "8"))  # seconds
P99 = float(os.environ.get("P99", "0"))  # seconds a probe may take; 0: whatever it takes
TOOL = int(os.environ.get("TOOL", "0"))  # connections of slowhttptest, beside the crowd of our own; 0: without it
PATH = "/.well-known/acme-challenge/none"
HEAD, BODY, HELLO = b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"


class Crowd:
    """So many connections, kept up: what the server closes is opened again within a second."""

    def __init__(self, daemon, address, count, slow):
        """address: of the nth.  slow: each sends a byte a second, of a head, a body, or a hello of TLS; else nothing."""
        self.address, self.slow = address, slow
        self.kinds = [(daemon.http_port, HEAD), (daemon.https_port, HELLO), (daemon.http_port, BODY), (daemon.https_port, HELLO)]
        self.open, self.closed, self.rounds = [None] * count, 0, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def connect(self, i):
        s = socket.socket()
        s.setblocking(False)
        s.bind((self.address(i), 0))
        s.connect_ex(("127.0.0.1", self.kinds[i % 4][0]))
        return s

    def turn(self, i):
        s = self.open[i]
        try:
            if s is None:
                self.open[i] = self.connect(i)
                self.started.append(i)
            elif self.slow:
                s.send(b"x")
            elif not s.recv(1):
                raise ConnectionError
        except BlockingIOError:
            pass
        except OSError:
            if s:
                s.close()
            self.open[i] = None
            self.closed += 1

    def run(self):
        while not self.over.wait(1):
            self.started = []
            for i in range(len(self.open)):
                self.turn(i)
            for i in self.started if self.slow else ():
                try:
                    self.open[i].send(self.kinds[i % 4][1])
                except OSError:
                    pass
            self.rounds += 1

    def end(self):
        self.over.set()
        self.thread.join()
        for s in self.open:
            if s:
                s.close()


def probe(daemon, seconds):
    """Asks as a CA and a deploy script would, from elsewhere: what failed, and the seconds each took, in order."""
    failed, took, end = [], [], time.monotonic() + seconds
    while time.monotonic() < end:
        for url in (f"http://127.0.0.1:{daemon.http_port}{PATH}", f"https://127.0.0.1:{daemon.https_port}{PATH}"):
            begin = time.monotonic()
            try:
                answer = fetch(url, source="127.0.0.9")
                if answer.status != 404:
                    failed.append(f"{url}: {answer}")
            except OSError as e:
                failed.append(f"{url}: {e!r} after {time.monotonic() - begin:.3f} s")
            took.append(time.monotonic() - begin)
        time.sleep(0.05)
    return failed, sorted(took)


def metrics(daemon):
    return {name: int(value) for name, value in (line.rsplit(" ", 1) for line in daemon.api("GET", "/metrics")[1].splitlines()
        if line.startswith("certera_connections_"))}


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) // 1024


def crowd(t, daemon):
    before = memory(daemon.pid)
    slow = Crowd(daemon, lambda i: "127.7.7.7", SLOW, True)
    idle = Crowd(daemon, lambda i: f"127.20.{i // 250}.{i % 250 + 1}", IDLE, False)
    until("they are there", lambda: slow.rounds and idle.rounds, 60)
    failed, took = probe(daemon, LASTS)
    t.ok(not failed, f"{len(took)} probes beside {SLOW} slow connections from one address and {IDLE} idle ones from many",
        f"{len(failed)} failed\n" + "\n".join(failed[:5]))
    p99 = took[len(took) * 99 // 100]
    t.ok(not P99 or p99 <= P99, f"99 of 100 take {p99 * 1000:.0f} ms at most, all {took[-1] * 1000:.0f}")
    t.note(f"memory {before} MB before, {memory(daemon.pid)} MB, the front {memory(daemon.fronts()[0])} MB; "
        f"{slow.closed} slow and {idle.closed} idle connections were closed")
    t.equal(daemon.run_ctl("status").returncode, 0, "the control socket answers meanwhile")
    slow.end()
    idle.end()
    counted = metrics(daemon)
    t.ok(counted['certera_connections_refused_total{reason="unread"}'] > 100 and
        counted['certera_connections_refused_total{reason="many"}'] > 100, "what was refused is counted", str(counted))
    lines = daemon.log().count(b"refused a connection from 127.7.7.7")
    t.ok(1 <= lines <= 6, f"and said in the log, {lines} times", daemon.tail(30))


def slow_tool(t, daemon):
    """slowhttptest, a tool of its own: heads and bodies that never end, answers that nobody reads."""
    for what, options, url in (
            ("heads", ("-H", "-i", "2"), f"http://127.0.0.1:{daemon.http_port}/"),
            ("heads by https", ("-H", "-i", "2"), f"https://127.0.0.1:{daemon.https_port}/"),
            ("bodies", ("-B", "-i", "2", "-s", "8192"), f"http://127.0.0.1:{daemon.http_port}/"),
            ("answers", ("-X", "-w", "1", "-y", "32", "-n", "5", "-z", "8", "-k", "3"), f"https://127.0.0.1:{daemon.https_port}/static/style.css")):
        before = memory(daemon.fronts()[0])
        tool = Process(t, "slowhttptest", [program("slowhttptest"), "-c", TOOL, "-r", TOOL // 4, "-l", int(LASTS) + 5, "-p", "5", *options, "-u", url])
        tool.start()
        time.sleep(4)
        failed, took = probe(daemon, LASTS)
        p99 = took[len(took) * 99 // 100]
        t.ok(not failed and (not P99 or p99 <= P99), f"slowhttptest, slow {what}: {len(took)} probes, 99 of 100 in {p99 * 1000:.0f} ms",
            f"{len(failed)} failed\n" + "\n".join(failed[:5]))
        t.note(f"memory of the front {before} MB before, {memory(daemon.fronts()[0])} MB")
        tool.end()


def full(t, daemon):
    """All connections are in use: the one that has waited longest goes, and nobody is turned away."""
    daemon.configure(limits={"connections": 16, "per_address": 1000})
    daemon.reload()
    closed = metrics(daemon)['certera_connections_closed_total{reason="full"}']
    waiting = [socket.create_connection(("127.0.0.1", port), source_address=(f"127.30.0.{i}", 0))
        for port in (daemon.http_port, daemon.https_port) for i in range(1, 41)]
    failed, took = probe(daemon, 1)
    t.ok(not failed, f"{len(took)} probes while all connections are in use", "\n".join(failed[:5]))
    t.ok(metrics(daemon)['certera_connections_closed_total{reason="full"}'] >= closed + 60, "who waited longest was closed")
    left = [s for s in waiting if not select.select([s], [], [], 0)[0]]
    t.ok(len(left) <= 16, f"{len(left)} of {len(waiting)} are left")
    for s in waiting:
        s.close()


def rate(t, daemon):
    daemon.configure(limits={"connections": 1000, "per_address": 100, "per_second": 2}, access={"trusted_proxies": "127.0.0.77"})
    daemon.reload()

    def refused(port, source):
        """How many of sixty connections, one after the other."""
        before = metrics(daemon)['certera_connections_refused_total{reason="fast"}']
        for _ in range(60):
            with socket.create_connection(("127.0.0.1", port), source_address=(source, 0), timeout=20 * PATIENCE) as s:
                s.shutdown(socket.SHUT_WR)
                s.recv(1)
        return metrics(daemon)['certera_connections_refused_total{reason="fast"}'] - before
    t.equal(refused(daemon.http_port, "127.0.0.5"), 0, "there is no rate by http")
    count = refused(daemon.https_port, "127.0.0.5")
    t.ok(10 < count <= 40, f"{count} of 60 connections by https are too many, at 2 a second")
    t.equal(refused(daemon.https_port, "127.0.0.77"), 0, "a trusted proxy is not one address")


def main(t):
    files = SLOW + IDLE + 500
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    daemon = Certerad(t, log={"level": "warn"}, wrap=(program("prlimit"), f"--nofile={FILES}:{FILES}"))
    crowd(t, daemon)
    if TOOL:
        slow_tool(t, daemon)
    full(t, daemon)
    rate(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
