#!/usr/bin/env python3
"""Sockets from the service manager (sd_listen_fds(3)) instead of our own."""
import socket
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# What systemd does: puts the sockets at 3 and 4, says so in the environment, and becomes the program.
LAUNCHER = """
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(",")]
for place, fd in enumerate(high, 3):
    os.dup2(fd, place)
    os.close(fd)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_FDNAMES="http:https", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def listening():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(64)
    return s


def main(t):
    http, https = listening(), listening()
    fds = (http.fileno(), https.fileno())
    daemon = Certerad(t, start=False, wrap=[sys.executable, "-c", LAUNCHER, f"{fds[0]},{fds[1]}"], pass_fds=fds)
    configured = daemon.http_port, daemon.https_port
    daemon.http_port, daemon.https_port = http.getsockname()[1], https.getsockname()[1]
    early = socket.create_connection(("127.0.0.1", daemon.http_port))
    early.sendall(b"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    daemon.begin()

    t.contains(early.recv(4096), b" 404 ", "a connection made before the daemon ran is answered")
    t.equal(daemon.http("/.well-known/acme-challenge/x").status, 404, "http is answered on the socket handed over")
    t.equal(daemon.https("/").status, 303, "https on the other")
    for port in configured:
        with socket.socket() as s:
            t.ok(s.connect_ex(("127.0.0.1", port)), "nobody listens on the configured port")
    t.equal(daemon.stop(), 0, "SIGTERM ends it cleanly")
    waiting = socket.create_connection(("127.0.0.1", daemon.http_port))
    t.ok(waiting, "the socket stays open for the next start")


run(main)
