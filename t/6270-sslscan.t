#!/usr/bin/env python3
"""What sslscan finds on the https port, with ECDSA and with RSA: no weak protocol, cipher or curve."""
import sys
import xml.etree.ElementTree as ElementTree
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PROTOCOLS = {("tls", "1.2"), ("tls", "1.3")}
GROUPS = {"x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)", "secp521r1 (NIST P-521)"}


def scan(daemon):
    done = run_command(program("sslscan"), "--no-colour", "--xml=-", "--sni-name=localhost", f"127.0.0.1:{daemon.https_port}", timeout=120 * PATIENCE)
    return ElementTree.fromstring(done.stdout).find("ssltest")


def judge(t, found, what):
    enabled = {(p.get("type"), p.get("version")) for p in found.iter("protocol") if p.get("enabled") == "1"}
    t.ok(("tls", "1.2") in enabled and enabled <= PROTOCOLS, f"{what}: TLS 1.2 and what is newer", enabled)
    ciphers = [(c.get("cipher"), c.get("strength"), int(c.get("bits"))) for c in found.iter("cipher")]
    t.ok(ciphers, f"{what}: there are ciphers")
    weak = [c for c in ciphers if c[1] != "strong" or c[2] < 128 or not ("ECDHE" in c[0] or c[0].startswith("TLS_"))]
    t.equal(weak, [], f"{what}: each is strong, and has forward secrecy")
    t.equal([g.get("name") for g in found.iter("group") if g.get("name") not in GROUPS], [], f"{what}: no weak curve")
    t.equal([c.get("curve") for c in found.iter("cipher") if c.get("curve") not in ("25519", "P-256", "P-384", "P-521")], [], f"{what}: nor is one used")
    t.equal([(r.get("supported"), r.get("secure")) for r in found.iter("renegotiation") if r.get("supported") == "1"], [], f"{what}: no renegotiation")
    t.equal([c.get("supported") for c in found.iter("compression") if c.get("supported") != "0"], [], f"{what}: no compression")
    t.equal({h.get("vulnerable") for h in found.iter("heartbleed")}, {"0"}, f"{what}: no heartbleed")


def main(t):
    daemon = Certerad(t, limits={"per_second": 1000})
    judge(t, scan(daemon), "ECDSA")
    made = run_command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", t.path("key.pem"), "-out", t.path("cert.pem"),
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-days", "30")
    if made.returncode:
        raise RuntimeError(made.stderr.decode())
    daemon.ctl("cert", "import", "localhost", "--file", t.path("cert.pem"), "--key-file", t.path("key.pem"))
    until("RSA is in use", lambda: any("RSA" in c.get("cipher") for c in scan(daemon).iter("cipher")))
    judge(t, scan(daemon), "RSA")


run(main)
