#!/usr/bin/env python3
"""Sites at nginx and Apache: by name, with SNI, at two addresses that differ, at one that is dead."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


class TlsApache(Apache):
    MODULES = Apache.MODULES + ["ssl"]


def nginx(t, address, port, *served):
    """served: (names, (certificate file, key file)); the first is the default."""
    blocks = [f"server_name {names}; ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]};" for names, pair in served]
    rest = "".join(f"}} server {{ listen {address}:{port} ssl; {block}" for block in blocks[1:])
    return Nginx(t, server=blocks[0] + rest, name=f"nginx-{address}", port=port, address=address, listen_options="ssl")


def scan(daemon, site):
    return daemon.ctl("site", "scan", site)


def state(site):
    return {a["address"]: a["state"] for a in site["addresses"]}


def main(t):
    ca, port = Authority(t), free_port()
    bind = Bind(t, {"shop.example": ["@ A 127.0.0.2", "two A 127.0.0.2", "two A 127.0.0.3", "four A 127.0.0.2", "four AAAA ::1",
        "alias CNAME two", "mail MX 10 two", "hidden A 127.0.0.2"]})
    daemon = Certerad(t, tracking={"roots": ca.file, "timeout": "3s", "resolvers": bind.address})
    ec, rsa = ca.leaf("DNS:shop.example,DNS:*.shop.example"), ca.leaf("DNS:two.shop.example,DNS:alias.shop.example", key="rsa2048")
    first = nginx(t, "127.0.0.2", port, ("shop.example *.shop.example", ec), ("hidden.shop.example", ca.leaf("DNS:hidden.shop.example")))
    apache = TlsApache(t, "apache", f"SSLEngine on\nSSLCertificateFile {rsa[0]}\nSSLCertificateKeyFile {rsa[1]}", port=port, address="127.0.0.3")
    sites = {name: f"{name + '.' if name else ''}shop.example:{port}" for name in ("", "two", "four", "alias", "mail", "hidden", "none")}
    daemon.ctl("site", "add", *sites.values())

    site = scan(daemon, sites[""])
    t.equal((site["valid"], state(site)), (True, {"127.0.0.2": "valid"}), "nginx")
    site = scan(daemon, sites["hidden"])
    t.equal((site["valid"], site["addresses"][0]["names"]), (True, ["hidden.shop.example"]), "SNI: the certificate for that name is seen")
    two(t, daemon, sites, ca, apache)
    four(t, daemon, sites, ca, port)
    for name, says in (("none", "There is no such name in the DNS."), ("mail", "neither an A nor an AAAA record")):
        site = scan(daemon, sites[name])
        t.equal((site["state"], site["valid"]), ("unreachable", False), f"{name}: unreachable")
        t.contains(site["reason"], says, f"{name}: why")
    bind.end()
    site = scan(daemon, sites[""])
    t.contains(site["reason"], "The name could not be looked up: the resolver does not answer", "without DNS: its own sentence")
    first.end()


def two(t, daemon, sites, ca, apache):
    site = scan(daemon, sites["two"])
    t.equal(state(site), {"127.0.0.2": "valid", "127.0.0.3": "valid"}, "nginx and Apache at two addresses of one name: both are asked")
    t.equal(sorted(a["key"] for a in site["addresses"]), ["ECDSA P-256", "RSA 2048"], "which show different certificates")
    t.equal(len(site["fingerprints"]), 2, "both are remembered")
    t.equal(scan(daemon, sites["alias"])["valid"], True, "a CNAME is followed")
    apache.end()
    site = scan(daemon, sites["two"])
    t.equal((site["valid"], state(site)), (False, {"127.0.0.2": "valid", "127.0.0.3": "unreachable"}), "one of the two is down")
    t.matches(site["reason"], "^127.0.0.3: It takes no connection", "it says which")
    apache.start()
    apache.wait_for_port(apache.port, "127.0.0.3")
    t.equal(scan(daemon, sites["two"])["valid"], True, "it is back")
    changes = [e for e in daemon.ctl("events", "--object", sites["two"])["events"] if e["action"] == "site.changed"]
    t.equal(changes, [], "with what it had: no change")


def four(t, daemon, sites, ca, port):
    site = scan(daemon, sites["four"])
    t.equal(state(site).get("127.0.0.2"), "valid", "IPv4 of a name with both")
    t.ok(state(site).get("::1") in ("unreachable", "unchecked"), "IPv6 of it: nothing is there", site)
    try:
        server = TlsServer(t, ca.leaf("DNS:four.shop.example", days=0), address="::1", port=port, name="v6")
    except RuntimeError:
        t.skip("IPv6", "this machine has none")
        return
    site = scan(daemon, sites["four"])
    t.equal((site["valid"], state(site)), (False, {"127.0.0.2": "valid", "::1": "invalid"}), "an expired one at ::1 alone is found")
    t.matches(site["reason"], "^::1: The certificate expired", "and named")
    server.change(ca.leaf("DNS:four.shop.example"))
    t.equal(scan(daemon, sites["four"])["valid"], True, "both are good")


run(main)
