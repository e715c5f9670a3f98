#!/usr/bin/env python3
"""Connections that end in every way, then silence until every time-out has passed: each ends when it should, and the daemon runs on."""
import socket
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

IDLE = 30
REQUEST = b"GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a.example\r\n"
LATE = b"HTTP/1.1 408 Request Timeout"


def main(t):
    daemon = Certerad(t)

    def connect(data=b"", port=None):
        s = socket.create_connection(("127.0.0.1", port or daemon.http_port))
        s.sendall(data)
        return s
    raw_fetch(daemon.http_port, REQUEST + b"Connection: close\r\n\r\n")
    raw_fetch(daemon.https_port, REQUEST + b"Connection: close\r\n\r\n", tls=True)
    connect(REQUEST + b"\r\n").close()
    connect(REQUEST).close()
    connect().close()

    def drop(s, drip):
        try:
            s.sendall(drip)
        except ConnectionError:
            pass  # its end is read next

    found = {}

    def watch(name, s, drip=b""):
        """How long it lasts, and the first line of the last answer."""
        begin, got = time.monotonic(), b""
        s.settimeout(1 if drip else (IDLE + 10) * PATIENCE)
        while time.monotonic() < begin + (IDLE + 10) * PATIENCE:
            try:
                piece = s.recv(4096)
                if not piece:
                    break
                got += piece
            except TimeoutError:
                drop(s, drip)
            except ConnectionError:
                break
        found[name] = time.monotonic() - begin, got[got.rfind(b"HTTP/1.1"):].split(b"\r\n")[0]
    body = REQUEST.replace(b"GET", b"POST") + b"Content-Length: 100\r\n\r\n"
    cases = {
        # name: (the connection, what it sends every second, after how long it ends, what it is told)
        "kept": (connect(REQUEST + b"\r\n"), b"", IDLE, b"HTTP/1.1 404 Not Found"),
        "nothing sent": (connect(), b"", 10, b""),
        "half a head": (connect(REQUEST), b"", 10, LATE),
        "a head in drops": (connect(REQUEST + b"X: "), b"x", 10, LATE),
        "a second head in drops": (connect(REQUEST + b"\r\n" + REQUEST + b"X: "), b"x", 10, LATE),
        "half a body": (connect(body + b"x"), b"", 30, LATE),
        "a body in drops": (connect(body), b"x", 30, LATE),
        "no TLS": (connect(port=daemon.https_port), b"", 10, b""),
        "half a hello": (connect(b"\x16\x03\x01\x02\x00", port=daemon.https_port), b"\x01", 10, b""),
    }
    threads = [threading.Thread(target=watch, args=(name, s, drip)) for name, (s, drip, *_) in cases.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, (_, _, seconds, told) in cases.items():
        took, line = found[name]
        t.ok(seconds - 0.5 <= took <= seconds + 4 * PATIENCE and line == told, f"{name}: ends after {seconds} s, told {told!r}", str(found[name]))
    t.ok(daemon.running(), "the daemon runs on after the time-outs")
    t.equal(daemon.http("/.well-known/acme-challenge/none").status, 404, "and it answers")


run(main)
