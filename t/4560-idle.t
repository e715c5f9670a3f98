#!/usr/bin/env python3
"""Connections that end in every way, then silence until every idle time-out has passed: the daemon runs on."""
import socket
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

IDLE = 30
REQUEST = b"GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a.example\r\n"


def main(t):
    daemon = Certerad(t)

    def connect(data=b""):
        s = socket.create_connection(("127.0.0.1", daemon.http_port))
        s.sendall(data)
        return s
    raw_fetch(daemon.http_port, REQUEST + b"Connection: close\r\n\r\n")
    raw_fetch(daemon.https_port, REQUEST + b"Connection: close\r\n\r\n", tls=True)
    connect(REQUEST + b"\r\n").close()
    connect(REQUEST).close()
    connect().close()
    kept = [connect(REQUEST + b"\r\n"), connect(REQUEST), connect()]
    time.sleep((IDLE + 3) * PATIENCE)
    t.ok(daemon.running(), "the daemon runs on after the time-outs")
    for s in kept:
        s.settimeout(5)
        while s.recv(4096):
            pass
    t.ok(True, "idle connections were closed")
    t.equal(daemon.http("/.well-known/acme-challenge/none").status, 404, "and it answers")


run(main)
