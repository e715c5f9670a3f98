#!/usr/bin/env python3
"""What can be ordered: addresses, IDNs, a hundred names, a request of one's own, a profile, another chain."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PROFILES = {"classic": {"description": "ninety days", "validityPeriod": 7776000},
    "shortlived": {"description": "six days", "validityPeriod": 518400}}


def main(t):
    for number, (name, binary) in enumerate(pebbles()):
        site = Site(t, suffix=str(number),
            pebble={"binary": binary, "env": {"PEBBLE_ALTERNATE_ROOTS": "2"}, **({"profiles": PROFILES} if binary else {})})
        identifiers(t, name, site)
        own_request(t, name, site)
        chains(t, name, site)
        profiles(t, name, site, bool(binary))
        site.end()


def identifiers(t, name, site):
    daemon = site.daemon
    daemon.add_cert("ip", "127.0.0.1 localhost.example")
    leaf = daemon.leaf("ip")
    t.contains(leaf._x509("-ext", "subjectAltName"), "IP Address:127.0.0.1", f"{name}: an IP address")
    daemon.add_cert("idn", "bücher.example")
    shown = daemon.cert("idn")
    t.equal((daemon.leaf("idn").names, shown["names_shown"]), (["xn--bcher-kva.example"], ["bücher.example"]),
        f"{name}: an IDN is ordered as A-label and shown as it was typed")
    many = [f"n{i}.example" for i in range(100)]
    daemon.add_cert("many", many)
    t.equal(daemon.leaf("many").names, sorted(many), f"{name}: a hundred names")


def request(t, name, *names):
    """A key and a request for it, by openssl: their paths."""
    key, csr = t.path(name + ".key"), t.path(name + ".csr")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr,
        "-subj", f"/CN={names[0]}", "-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names))
    with open(key) as f:
        return f.read(), csr


def own_request(t, name, site):
    daemon = site.daemon
    key, csr = request(t, "first", "own.example", "www.own.example")
    added = daemon.ctl("cert", "add", "own", "--csr-file", csr, "--account", "ca", "--wait")
    t.equal(daemon.leaf("own").public_key, public_key_of_key(key), f"{name}: issued for the key of the request")
    t.equal(daemon.leaf("own").names, ["own.example", "www.own.example"], "with its names")
    t.ok("key_api_keys" not in added and not daemon.cert("own")["key"], "there is no key here")
    t.equal(daemon.run_ctl("key", "show", "own").returncode, 6, "none at all")
    reply = daemon.download("certificate", "own", added["api_keys"][0])
    t.equal(reply.status, 200, "the deploy script gets the certificate")
    t.equal(daemon.download("key", "own", added["api_keys"][0]).status in (401, 403, 404), True, "and no key")
    daemon.ctl("cert", "issue", "own", "--wait")
    t.equal((daemon.cert("own")["newest"], daemon.leaf("own").public_key), (2, public_key_of_key(key)),
        "renewed with the same request")
    key, csr = request(t, "second", "own.example")
    der = t.path("second.der")
    openssl("req", "-in", csr, "-outform", "DER", "-out", der)
    planned = daemon.ctl("cert", "add", "planned", "--csr-file", der, "--account", "ca", "--dry-run")
    t.equal([p["name"] for p in planned["proofs"]], ["own.example"], "a request in DER is taken, too")
    done = daemon.run_ctl("cert", "csr", "own", "--file", der)
    t.ok(done.returncode == 7 and b"without www.own.example" in done.stderr and b"--other-names" in done.stderr,
        "a request for other names is not taken by mistake", done.stderr)
    t.equal(daemon.cert("own")["names"], ["own.example", "www.own.example"], "the certificate keeps its own")
    daemon.ctl("cert", "csr", "own", "--file", der, "--other-names")
    daemon.ctl("cert", "csr", "own", "--file", der)
    daemon.ctl("cert", "issue", "own", "--wait")
    t.equal((daemon.leaf("own").public_key, daemon.leaf("own").names), (public_key_of_key(key), ["own.example"]),
        "and with another one that was sent")
    t.equal(daemon.run_ctl("cert", "revoke", "own", "--by-key").returncode, 7, "its key cannot revoke it: we do not have it")
    t.equal(daemon.run_ctl("cert", "csr", "idn", "--file", csr).returncode, 7, "certificates with keys of ours take no request")
    bad = t.write("bad.csr", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n")
    t.equal(daemon.run_ctl("cert", "add", "bad", "--csr-file", bad, "--account", "ca").returncode, 3, "nonsense is no request")


def chains(t, name, site):
    daemon, roots = site.daemon, site.pebble.roots(3)
    subjects = [openssl("x509", "-noout", "-subject", "-nameopt", "multiline", input=r) for r in roots]
    names = [s.split("commonName")[1].split("=", 1)[1].strip() for s in subjects]
    for i, root in enumerate(names):
        daemon.add_cert(f"chain{i}", f"chain{i}.example", preferred_chain=root)
        pem = daemon.ctl("cert", "export", f"chain{i}")["pem"]
        top = openssl("x509", "-noout", "-issuer", input=chain_of(pem)[-1])
        t.contains(top, root, f"{name}: the chain to root {i}")
        t.ok(daemon.leaf(f"chain{i}").verified_by(roots[i], chain_of(pem)[1:]), "and it leads there")
    fingerprint = Certificate(chain_of(daemon.ctl("cert", "export", "chain2")["pem"])[1]).fingerprint
    daemon.add_cert("print", "print.example", preferred_chain=fingerprint)
    pem = daemon.ctl("cert", "export", "print")["pem"]
    t.equal(Certificate(chain_of(pem)[1]).fingerprint, fingerprint, "by the fingerprint of an intermediate")
    daemon.add_cert("nowhere", "nowhere.example", preferred_chain="Nobody's Root")
    t.equal(daemon.cert("nowhere")["status"], "active", "a chain that is not offered is no reason to fail")
    t.contains(daemon.log(), b"no chain to \"Nobody's Root\"", "but it is said")
    t.ok(daemon.cert("nowhere")["chain_missed"] and not daemon.cert("print")["chain_missed"], "also of the certificate")
    t.contains(daemon.run_ctl("cert", "show", "nowhere").stdout, b"does not offer the preferred chain", "to people")
    t.ok(any("Nobody's Root" in e["message"] for e in daemon.api("GET", "/events", object="nowhere", action="certificate.warned")[1]["events"]),
        "and in the audit log")
    daemon.ctl("cert", "set", "nowhere", "--preferred-chain", "")
    t.ok(not daemon.cert("nowhere")["chain_missed"], "until something else is wanted")


def profiles(t, name, site, offered):
    daemon = site.daemon
    lines = daemon.ctl("account", "show", "ca")["profiles"]
    if not offered:
        done = daemon.run_ctl("cert", "add", "short", "--names", "short.example", "--account", "ca", "--profile", "shortlived")
        t.contains(done.stderr, b"offers no profiles", f"{name}: without profiles, none can be chosen")
        return
    t.equal(sorted(lines), ["classic: ninety days", "shortlived: six days"], f"{name}: the profiles are listed")
    daemon.add_cert("short", "short.example", profile="shortlived")
    days = (daemon.leaf("short").not_after - time.time()) / 86400
    t.ok(5 < days < 7, "the profile is ordered", str(days))
    done = daemon.run_ctl("cert", "add", "odd", "--names", "odd.example", "--account", "ca", "--profile", "odd")
    t.contains(done.stderr, b"classic, shortlived", "another one is refused, and those there are named")


run(main)
