#!/usr/bin/env python3
"""Every type of key works from order to download; renewals make new keys, or keep them when told to."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

TYPES = {
    "rsa2048": "2048 bit",
    "rsa3072": "3072 bit",
    "rsa4096": "4096 bit",
    "p256": "NIST CURVE: P-256",
    "p384": "NIST CURVE: P-384",
}


def main(t):
    site = Site(t)
    daemon = site.daemon
    for kind, said in TYPES.items():
        made = daemon.add_cert(kind, f"{kind}.example", key_type=kind)
        pem = daemon.download("key", kind, made["key_api_keys"][0]).text
        t.contains(openssl("pkey", "-noout", "-text", input=pem), said, f"{kind}: openssl sees such a key")
        leaf = Certificate(daemon.download("certificate", kind, made["api_keys"][0]).text)
        t.equal(public_key_of_key(pem), leaf.public_key, f"{kind}: it is the certificate's")

    before = leaf.public_key
    daemon.ctl("cert", "issue", "p384", "--wait")
    after = Certificate(daemon.download("certificate", "p384", made["api_keys"][0]).text)
    t.ok(after.public_key != before, "issued again, it has a new key")
    t.equal(public_key_of_key(daemon.download("key", "p384", made["key_api_keys"][0]).text), after.public_key,
        "and the new key is what is handed out")

    made = daemon.add_cert("kept", "kept.example", reuse_key=True)
    before = Certificate(daemon.download("certificate", "kept", made["api_keys"][0]).text)
    daemon.ctl("cert", "issue", "kept", "--wait")
    after = Certificate(daemon.download("certificate", "kept", made["api_keys"][0]).text)
    t.ok(after.serial != before.serial and after.public_key == before.public_key, "told so, it keeps its key")

    own = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    daemon.ctl("key", "add", "own", "--file", t.write("own.pem", own))
    made = daemon.add_cert("imported", "imported.example", key="own", reuse_key=True)
    leaf = Certificate(daemon.download("certificate", "imported", made["api_keys"][0]).text)
    t.equal(leaf.public_key, public_key_of_key(own), "a certificate for a key of one's own")
    done = daemon.run_ctl("key", "rm", "own")
    t.ok(done.returncode == 7, "a key in use is not removed", f"exit {done.returncode}: {done.stderr!r}")


run(main)
