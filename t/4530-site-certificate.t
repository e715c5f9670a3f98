#!/usr/bin/env python3
"""Our own https: self-signed until the first certificate is issued, then that one, by SNI and without a restart."""
import ssl
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NAME = "certera.example"


def main(t):
    site = Site(t, server={"hostname": NAME})
    daemon = site.daemon
    pid = daemon.pid

    def served(name):
        return Certificate(ssl.DER_cert_to_PEM_cert(daemon.https("/", server_name=name).peer))

    first = served(NAME)
    t.ok(first.verified_by(first.pem), "at first the certificate is self-signed")
    t.equal(first.names, [NAME], "for our own name")

    made = daemon.add_cert("site", f"{NAME} alias.example")
    issued = Certificate(daemon.download("certificate", "site", made["api_keys"][0]).text)
    until("the new one is served", lambda: served(NAME).serial == issued.serial)
    t.equal(served("alias.example").serial, issued.serial, "issued, it is served for its names")
    answer = daemon.https("/api/certificate/site", server_name=NAME, headers={"apiKey": made["api_keys"][0]})
    t.equal(answer.status, 200, "requests go on")
    splitter = Splitter(daemon.https_port)
    answer = fetch(f"https://localhost:{splitter.port}/api/certificate/site", server_name=NAME, headers={"apiKey": made["api_keys"][0]})
    t.equal(answer.status, 200, "also of a client whose hello comes in many records")
    t.ok(served("elsewhere.example").pem, "an unknown name gets a certificate all the same")

    daemon.ctl("cert", "issue", "site", "--wait")
    until("the next one is served", lambda: served(NAME).serial not in (first.serial, issued.serial))
    t.equal(daemon.pid, pid, "renewed, it is replaced without a restart")
    t.ok(daemon.running(), "and the daemon runs on")

    serial = served(NAME).serial
    daemon.stop()
    daemon.begin()
    pid_now = daemon.pid
    t.equal(served(NAME).serial, serial, "after a restart it is served from the start")

    made = daemon.add_cert("other", "shop.example")
    t.ok(served("shop.example").names != ["shop.example"], "a certificate that is not ours is not served")

    daemon.add_cert("second", f"{NAME} second.example")
    until("another one of ours is served", lambda: served(NAME).names == [NAME, "second.example"])
    t.equal(served("alias.example").serial, serial, "beside the first")
    daemon.ctl("cert", "rm", "second", "--yes")
    until("the first is served again", lambda: served(NAME).serial == serial)
    t.equal(served("second.example").serial, serial, "one that was removed is served no more")
    daemon.ctl("cert", "rm", "site", "--yes")
    until("it is self-signed as at first", lambda: served(NAME).names == [NAME])
    last = served(NAME)
    t.ok(last.verified_by(last.pem), "with none left, we serve a self-signed one again")
    daemon.ctl("settings", "set", "server.hostname", "renamed.example")
    until("it has the new name of the server", lambda: served("renamed.example").names == ["renamed.example"])
    t.equal(daemon.pid, pid_now, "without a restart")


run(main)
