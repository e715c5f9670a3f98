#!/usr/bin/env python3
"""Long answers that nobody takes: memory is bounded in the front and in the main process, and who does take them is answered."""
import os
import re
import socket
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 1000
BOUND = 64  # MB of answers in one front thread (daemon/front/conn.c); far less on its line (daemon/desk/inbox.c)
PATH = "/api/v1/certificates?limit=1000"


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return sum(int(n) for n in re.findall(r"Rss(?:Anon|Shmem):\s+(\d+)", f.read())) // 1024


def slow(daemon, token):
    """One that asks and reads nothing."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", daemon.https_port))
    tls = tls_client().wrap_socket(s)
    tls.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return tls


def tls_client():
    import ssl
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def main(t):
    daemon = Certerad(t, server={"threads": 1}, limits={"per_address": 1000, "per_second": 1000}, log={"level": "info"})
    daemon.stop()
    run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, COUNT, check=True)
    daemon.begin()
    token = daemon.ctl("token", "add", "reader", "--role", "viewer")["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    whole = daemon.https(PATH, headers=bearer)
    size = len(whole.text) / 2 ** 20
    count = min(int(3 * BOUND / size), 900)
    t.ok(whole.status == 200 and count < 900, f"{count} answers of {size:.1f} MB each are far more than what is kept")
    front = daemon.fronts()
    before, peak = {pid: memory(pid) for pid in (daemon.fronts()[0], daemon.pid)}, {}
    open_ones = []
    for _ in range(count):
        open_ones.append(slow(daemon, token))
        for pid in before:
            peak[pid] = max(peak.get(pid, 0), memory(pid))
    again = daemon.https(PATH, headers=bearer)
    for pid in before:
        peak[pid] = max(peak[pid], memory(pid))
    t.equal(len(again.text), len(whole.text), "who takes the answer gets all of it meanwhile")
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        sanitized = b"__asan_init" in f.read()
    for pid, what in zip(before, ("the front", "the main process")):
        grown = peak[pid] - before[pid]
        t.ok(sanitized or grown < BOUND + 8 * size + 24, f"{what} grew by {grown} MB")
    t.equal((daemon.https("/sign-in").status, daemon.fronts()), (200, front), "pages come, from the same front")
    [s.close() for s in open_ones]
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
