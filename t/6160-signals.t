#!/usr/bin/env python3
"""SIGHUP reloads without dropping a connection; SIGTERM answers what was asked, then ends."""
import signal
import socket
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

REQUEST = b"GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a.example\r\n\r\n"


def answer(connection):
    connection.sendall(REQUEST)
    return connection.recv(65536)


def main(t):
    daemon = Certerad(t)
    kept = socket.create_connection(("127.0.0.1", daemon.http_port), timeout=10)
    t.contains(answer(kept), b" 404 ", "a connection is kept")
    half = socket.create_connection(("127.0.0.1", daemon.http_port), timeout=10)
    half.sendall(REQUEST[:30])

    daemon.configure(access={"api": "192.0.2.1"}, log={"format": "json"})
    daemon.reload()
    t.contains(answer(kept), b" 404 ", "after SIGHUP it goes on")
    half.sendall(REQUEST[30:])
    t.contains(half.recv(65536), b" 404 ", "a request begun before is answered after")
    t.equal(daemon.https("/api/certificate/x").status, 403, "the new settings count")

    daemon.configure(access={"api": "127.0.0.1"}, server={"threads": 5, "user": "nobody-else"}, session={"idle": "7m"})
    daemon.reload()
    shown = {f"{g['group']}.{s['key']}": s for g in daemon.api("GET", "/settings")[1]["groups"] for s in g["settings"]}
    t.equal((shown["session.idle"]["value"], "after_restart" in shown["session.idle"]), ("7m", False), "a setting is taken")
    t.ok(shown["server.threads"]["value"] != "5" and shown["server.threads"]["after_restart"] == "5",
         "one that needs a restart is not, and what the file says is shown", shown["server.threads"])
    said = daemon.log().decode()
    for line in ('server.threads changes with a restart; the file says "5"', 'server.user changes with a restart; the file says "nobody-else"'):
        t.ok(line.replace('"', '\\"') in said or line in said, f"each is said: {line}", said[-2000:])

    daemon.configure(access={"api": "nonsense"})
    daemon.reload()
    t.contains(answer(kept), b" 404 ", "with a mistake in the file it goes on as before")
    t.matches(daemon.log().decode(), rf"{daemon.config_file}:\d+: access\.api", "and names the mistake's place")

    daemon.configure(access={"api": "127.0.0.1"}, server={"threads": 2, "user": ""})
    slow = []
    asking = threading.Thread(target=lambda: slow.append(daemon.run_ctl("key", "add", "slow", "--type", "rsa4096")))
    asking.start()
    time.sleep(0.2)
    daemon.signal(signal.SIGTERM)
    asking.join()
    t.equal(slow[0].returncode, 0, "SIGTERM: a request under way is still answered")
    t.equal(daemon.wait(), 0, "then certerad ends with 0")
    with socket.socket() as s:
        t.ok(s.connect_ex(("127.0.0.1", daemon.http_port)), "and takes no more connections")
    t.ok("STOPPING=1" in daemon.told(), "having told the service manager")
    daemon.begin()
    t.equal(daemon.ctl("key", "show", "slow")["type"], "rsa4096", "what was answered is kept")


run(main)
