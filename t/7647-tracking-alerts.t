#!/usr/bin/env python3
"""People are told when a site shows another certificate, or none that is valid, and when what was issued is not live."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    ca, port, receiver = Authority(t), free_port(), Receiver()
    bind = Bind(t, {"shop.example": ["@ A 127.0.0.2"]})
    daemon = Certerad(t, tracking={"roots": ca.file, "timeout": "3s", "live_after": "0s", "port": port, "resolvers": bind.address},
        notify={"gather": "0s", "private": "127.0.0.1"})
    daemon.ctl("channel", "add", "web", "--kind", "webhook", "--url-file", t.write("url", receiver.url + "\n"))
    told = lambda alert: [p.json for p in receiver.posted if p.json["alert"] == alert]

    old, new = ca.leaf("DNS:shop.example"), ca.leaf("DNS:shop.example")
    server = TlsServer(t, old, address="127.0.0.2", port=port)
    site = f"shop.example:{port}"
    daemon.ctl("site", "add", site)
    daemon.ctl("site", "scan", site)
    t.equal([p.json["alert"] for p in receiver.posted], [], "nothing is wrong: nobody is told")

    daemon.ctl("cert", "import", "shop", "--file", old[0], "--key-file", old[1])
    daemon.ctl("cert", "import", "shop", "--file", new[0], "--key-file", new[1])
    daemon.ctl("cert", "live", "shop")
    until("people are told of what is not live", lambda: told("undelivered"))
    alert = told("undelivered")[0]
    t.equal(alert["name"], "shop", "what is not live is told")
    t.contains(alert["text"], "still shows version 1.", "with where, in a whole sentence")

    server.change(new)
    daemon.ctl("site", "scan", site)
    until("people are told of the change", lambda: told("changed"))
    t.equal(told("changed")[0]["name"], site, "another certificate is told")
    server.change(ca.leaf("DNS:other.example"))
    daemon.ctl("site", "scan", site)
    until("people are told what is wrong", lambda: told("invalid"))
    t.contains(told("invalid")[0]["text"], "The certificate is not for shop.example, but for other.example.", "one that is not valid is told, and why")
    daemon.ctl("site", "scan", site)
    daemon.ctl("cert", "live", "shop")
    until("nothing is on its way", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"])
    t.equal((len(told("invalid")), len(told("changed"))), (1, 2), "each once")


run(main)
