#!/usr/bin/env python3
"""Is what was issued live?  Every address of a certificate's names is asked; a frontend that did not reload is found."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


class Frontends:
    """nginx at two addresses, each with whatever certificate it loaded last."""

    def __init__(self, t, port):
        self.t, self.port, self.running, self.count = t, port, {}, 0

    def load(self, address, pair):
        if address in self.running:
            self.running[address].end()
        self.running[address] = Nginx(self.t, name=f"front-{address}", port=self.port, address=address, listen_options="ssl",
            server=f"ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]};")

    def fetch(self, daemon, made):
        """What a deploy script does: the files it wrote."""
        self.count += 1
        pair = []
        for what, key in (("certificate", made["api_keys"][0]), ("key", made["key_api_keys"][0])):
            pair.append(self.t.write(f"fetched{self.count}.{what}", daemon.download(what, "shop", key).text))
        return pair


def told(daemon):
    return [e["action"] for e in reversed(daemon.ctl("events", "--object", "shop")["events"])
        if e["action"] in ("certificate.live", "certificate.not-live")]


def main(t):
    port = free_port()
    bind = Bind(t, {"shop.example": ["@ A 127.0.0.2", "@ A 127.0.0.3"], "wild.example": []})
    site = Site(t, pebble={"names": bind, "always_valid": True},
        tracking={"resolvers": bind.address, "port": port, "timeout": "3s", "live_after": "0s"})
    daemon, fronts = site.daemon, Frontends(t, port)
    made = daemon.add_cert("shop", "shop.example")
    t.contains([r["kind"] for r in daemon.ctl("status")["agenda"] if r["name"] == "shop"], "live", "it will be looked for by itself")

    live = daemon.ctl("cert", "live", "shop")
    t.equal((live["state"], [a["shows"] for a in live["addresses"]]), ("unknown", ["nothing"] * 2), "nothing answers: nothing is known")
    pair = fronts.fetch(daemon, made)
    for address in ("127.0.0.2", "127.0.0.3"):
        fronts.load(address, pair)
    live = daemon.ctl("cert", "live", "shop")
    t.equal((live["state"], live["version"]), ("live", 1), "loaded at both addresses: live")
    t.equal([a["shows"] for a in live["addresses"]], ["this"] * 2, "at each of them")
    t.equal(daemon.cert("shop")["status"], "active", "active")

    not_reloaded(t, daemon, fronts, made)
    others(t, daemon, fronts, made)
    opt_out(t, daemon)


def not_reloaded(t, daemon, fronts, made):
    daemon.ctl("cert", "issue", "shop", "--wait")
    live = daemon.ctl("cert", "live", "shop")
    t.equal((live["state"], live["late"], [a["version"] for a in live["addresses"]]), ("not-live", True, [1, 1]),
        "issued again, not reloaded: both still show version 1")
    t.contains(live["says"], "shop.example at 127.0.0.2 still shows version 1", "it says where")
    shown = daemon.cert("shop")
    t.equal((shown["status"], shown["live"]["state"]), ("undelivered", "not-live"), "undelivered")
    t.contains(shown["status_text"], "issued, but not live", "and why")
    t.equal(live["since"], shown["versions"][0]["issued"], "since it was issued")
    t.equal(told(daemon), ["certificate.not-live"], "it is told")
    consumer = {c["slot"]: c for c in daemon.wait_for_cert("shop", lambda c: c["consumers"], "the download is recorded")["consumers"]}[1]
    t.equal((consumer["version"], consumer["behind"]), (1, True), "its consumer is behind")
    t.matches(daemon.run_ctl("cert", "show", "shop").stdout.decode(), "OUTDATED", "which people see too")
    text = daemon.run_ctl("cert", "live", "shop").stdout.decode()
    t.matches(text, r"shop.example +127.0.0.3 +old +1", "a table for people")

    pair = fronts.fetch(daemon, made)
    fronts.load("127.0.0.2", pair)
    live = daemon.ctl("cert", "live", "shop")
    t.contains(live["says"], "127.0.0.3", "one frontend reloads: the other is named")
    matrix = live["matrix"]
    t.equal((matrix["columns"], [(row["name"], [cell["label"] for cell in row["cells"]]) for row in matrix["rows"]]),
        (["127.0.0.2", "127.0.0.3"], [("shop.example", ["version 2", "version 1"])]), "as a table of names and addresses")
    t.matches(daemon.page("/certificates/shop")[1], r"(?s)Live check.*pill ok.>version 2<.*pill warn.>version 1<", "which the page has")
    t.equal(daemon.cert("shop")["status"], "undelivered", "fetched, but not live everywhere: still undelivered")
    fronts.load("127.0.0.3", pair)
    t.equal(daemon.ctl("cert", "live", "shop")["state"], "live", "both have: live")
    t.equal(daemon.cert("shop")["status"], "active", "active again")
    t.equal(told(daemon), ["certificate.not-live", "certificate.live"], "each told once")


def others(t, daemon, fronts, made):
    ca = Authority(t)
    fronts.load("127.0.0.3", ca.leaf("DNS:shop.example"))
    live = daemon.ctl("cert", "live", "shop")
    t.equal([a["shows"] for a in live["addresses"]], ["this", "other"], "somebody else's certificate is seen")
    t.contains(live["says"], "shows a different certificate, issued by authority Middle", "and whose it is")
    fronts.running["127.0.0.3"].end()
    live = daemon.ctl("cert", "live", "shop")
    t.equal((live["state"], live["addresses"][1]["state"]), ("live", "unreachable"), "an address that is down proves nothing")


def opt_out(t, daemon):
    daemon.ctl("cert", "set", "shop", "--live", "off")
    refused = daemon.run_ctl("cert", "live", "shop")
    t.ok(refused.returncode and b"disabled" in refused.stderr, "switched off for a certificate", refused)
    daemon.wait_for_cert("shop", lambda c: c["live"] is None, "nothing is said of it any more")
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    t.equal([r for r in daemon.ctl("status")["agenda"] if r["kind"] == "live" and r["due"] < soon], [], "nor is it looked for")
    daemon.ctl("cert", "set", "shop", "--live", "on")
    t.equal(daemon.ctl("cert", "live", "shop")["state"], "live", "and on again")
    ca = Authority(t, "own")
    cert, key = ca.leaf("DNS:*.wild.example")
    daemon.ctl("cert", "import", "wild", "--file", cert, "--key-file", key)
    refused = daemon.run_ctl("cert", "live", "wild")
    t.ok(refused.returncode and b"only wildcards" in refused.stderr, "a wildcard leads nowhere", refused)
    daemon.configure(tracking={"live": False})
    daemon.reload()
    refused = daemon.run_ctl("cert", "live", "shop")
    t.ok(refused.returncode and b"tracking.live is false" in refused.stderr, "switched off for all", refused)


run(main)
