#!/usr/bin/env python3
"""Certificates from elsewhere: from PEM and PFX, in any order, as new ones and in the place of ours; rolling back."""
import os
import sys
from base64 import b64decode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


class Authority:
    """A root, an intermediate, and leaves, by openssl."""

    def __init__(self, t):
        self.t = t
        self.root = self.make("root", "/CN=Own Root", ["-x509", "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
        self.intermediate = self.sign("middle", "/CN=Own Middle", self.root, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign")

    def make(self, name, subject, extra):
        key, cert = self.t.path(name + ".key"), self.t.path(name + ".pem")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
            "-subj", subject, *extra)
        return cert, key

    def sign(self, name, subject, issuer, extensions, days=90):
        csr, key = self.make(name, subject, [])
        cert = self.t.path(name + ".crt")
        openssl("x509", "-req", "-in", csr, "-CA", issuer[0], "-CAkey", issuer[1], "-CAcreateserial", "-days", str(days),
            "-extfile", self.t.write(name + ".ext", extensions), "-out", cert)
        return cert, key

    def leaf(self, name, days=90):
        return self.sign(name, f"/CN={name}", self.intermediate, f"subjectAltName=DNS:{name}", days)


def read(path):
    with open(path) as f:
        return f.read()


def main(t):
    daemon = Certerad(t, name="alone")
    ca = Authority(t)
    api_key = imported(t, daemon, ca)
    history(t, daemon, ca, api_key)
    forms(t, daemon, ca)
    refusals(t, daemon, ca)
    site = Site(t)
    in_place_of_ours(t, site.daemon, ca)
    reissue(t, site.daemon)


def imported(t, daemon, ca):
    cert, key = ca.leaf("own.example")
    # Everything in one file, upside down, with text around it, the root too, and DOS line ends.
    parts = ["Bag Attributes: none\n", read(ca.root[0]), read(key), "some words\n", read(ca.intermediate[0]), read(cert)]
    file = t.write("all.pem", "".join(parts).replace("\n", "\r\n"))
    made = daemon.ctl("cert", "import", "own", "--file", file)
    t.equal((made["chain"], made["left_over"]), (2, 1), "the chain is put in order, the root left out")
    api_key = made["api_keys"][0]
    served = chain_of(daemon.download("certificate", "own", api_key).text)
    t.equal(served, chain_of(read(cert) + read(ca.intermediate[0])), "it is served, leaf first")
    shown = daemon.cert("own")
    t.equal((shown["status"], shown["imported"], shown["renew_at"], shown["names"]), ("active", True, None, ["own.example"]),
        "tracked, not renewed")
    t.contains(shown["status_text"], "imported", "and it says so")
    t.equal(public_key_of_key(daemon.download("key", "own", made["key_api_keys"][0]).text), public_key_of_key(read(key)),
        "its key is served to the key's API key")
    t.equal(public_key_of_key(daemon.download("certificate", "own", api_key, format="bundle").text),
        public_key_of_key(read(key)), "and in a bundle to the certificate's")
    refused = daemon.run_ctl("cert", "issue", "own")
    t.ok(refused.returncode and b"imported" in refused.stderr, "it cannot be ordered", refused)
    planned = [r["kind"] for r in daemon.ctl("status")["agenda"] if r["name"] == "own"]
    t.ok("issue" not in planned and {"expiry", "live"} <= set(planned), "no order is planned for it, but looks when it comes near its end and where it is live", planned)
    return api_key


def history(t, daemon, ca, api_key):
    first = daemon.download("certificate", "own", api_key)
    cert, key = ca.leaf("own.example")
    pfx, password = t.path("next.pfx"), t.write("pw", "pass wörd\n")
    openssl("pkcs12", "-export", "-inkey", key, "-in", cert, "-certfile", ca.intermediate[0], "-out", pfx,
        "-passout", "pass:pass wörd")
    daemon.ctl("cert", "import", "own", "--file", pfx, "--password-file", password)
    second = daemon.download("certificate", "own", api_key)
    t.equal(chain_of(second.text), chain_of(read(cert) + read(ca.intermediate[0])), "the next one, from a PFX: same name, same API key")
    t.ok(first.header("ETag") != second.header("ETag"), "another ETag")
    t.equal(public_key_of_key(daemon.download("certificate", "own", api_key, format="bundle").text), public_key_of_key(read(key)),
        "with its key")
    t.equal([v["number"] for v in daemon.cert("own")["versions"]], [2, 1], "both are in the history")
    daemon.ctl("cert", "rollback", "own", "1")
    back = daemon.download("certificate", "own", api_key, format="bundle")
    t.equal(chain_of(back.text), chain_of(first.text), "rolled back: the first one is in force again")
    t.equal(daemon.download("certificate", "own", api_key).header("ETag"), first.header("ETag"), "with the ETag it had")
    t.ok(public_key_of_key(back.text) != public_key_of_key(read(key)), "and the key it had")
    for version, why in (("1", b"in force already"), ("7", b"no version"), ("x", b"no version")):
        refused = daemon.run_ctl("cert", "rollback", "own", version)
        t.ok(refused.returncode and why in refused.stderr, f"rollback to {version}: refused", refused)
    # The same key again, without giving it.
    csr_key_cert = ca.t.path("again.crt")
    openssl("req", "-new", "-key", key, "-subj", "/CN=own.example", "-out", t.path("again.csr"))
    openssl("x509", "-req", "-in", t.path("again.csr"), "-CA", ca.intermediate[0], "-CAkey", ca.intermediate[1],
        "-CAcreateserial", "-days", "50", "-out", csr_key_cert)
    done = daemon.ctl("cert", "import", "own", "--file", csr_key_cert)
    t.equal((done["certificate"]["current"], done["chain"]), (3, 1), "a certificate alone, for a key we have")
    t.equal(public_key_of_key(daemon.download("certificate", "own", api_key, format="bundle").text), public_key_of_key(read(key)),
        "goes with that key")


def forms(t, daemon, ca):
    cert, key = ca.leaf("forms.example")
    der, der_key, p7b = t.path("c.der"), t.path("k.der"), t.path("c.p7b")
    openssl("x509", "-in", cert, "-outform", "DER", "-out", der)
    openssl("pkcs8", "-topk8", "-in", key, "-outform", "DER", "-out", der_key, "-passout", "pass:s3cr3t")
    openssl("crl2pkcs7", "-nocrl", "-certfile", cert, "-certfile", ca.intermediate[0], "-outform", "DER", "-out", p7b)
    password = t.write("pw2", "s3cr3t")
    for name, file, chain in (("der", der, 1), ("p7b", p7b, 2)):
        made = daemon.ctl("cert", "import", name, "--file", file, "--key-file", der_key, "--password-file", password)
        t.equal(made["chain"], chain, f"{name}, with its key in encrypted DER")
        got = daemon.download("certificate", name, made["api_keys"][1])
        t.equal(chain_of(got.text)[:1], chain_of(read(cert)), "the certificate is served")


    # As CAs hand them out: three files.
    made = daemon.ctl("cert", "import", "parts", "--file", cert, "--chain-file", t.write("bundle.crt", read(ca.root[0]) + read(ca.intermediate[0])),
        "--key-file", key)
    t.equal((made["chain"], made["left_over"]), (2, 1), "certificate, bundle and key in files of their own")
    t.equal(chain_of(daemon.download("certificate", "parts", made["api_keys"][0]).text), chain_of(read(cert) + read(ca.intermediate[0])),
        "are served as one chain")
    made = daemon.ctl("cert", "import", "mixed", "--file", cert, "--chain-file", p7b, "--key-file", der_key, "--password-file", password)
    t.equal((made["chain"], made["left_over"]), (2, 1), "a chain as PKCS#7, which has the certificate too")


def refusals(t, daemon, ca):
    cert, key = ca.leaf("bad.example")
    other = ca.leaf("other.example")
    old = ca.leaf("old.example", days=0)
    pfx = t.path("bad.pfx")
    openssl("pkcs12", "-export", "-inkey", key, "-in", cert, "-out", pfx, "-passout", "pass:right")
    wrong = t.write("wrong", "wrong")
    for sentence, argv, word in (
        ("a key that belongs to another certificate", ["--file", cert, "--key-file", other[1]], b"belongs to"),
        ("no key", ["--file", cert], b"private key"),
        ("no certificate", ["--file", key], b"no certificate"),
        ("no certificate in the chain", ["--file", cert, "--key-file", key, "--chain-file", key], b"no certificate in the chain"),
        ("a wrong password", ["--file", pfx, "--password-file", wrong], b"password"),
        ("nonsense", ["--file", t.write("x", "nonsense\0\1")], b"certificate"),
        ("an expired certificate", ["--file", old[0], "--key-file", old[1]], b"expired"),
    ):
        refused = daemon.run_ctl("cert", "import", "bad", *argv)
        t.ok(refused.returncode and word in refused.stderr, f"{sentence}: refused", refused)
    t.equal([daemon.run_ctl(kind, "show", "bad").returncode for kind in ("cert", "key")], [7 - 1, 7 - 1], "and nothing was left behind")


def in_place_of_ours(t, daemon, ca):
    made = daemon.add_cert("shop", "shop.example")
    key = made["api_keys"][0]
    ours = daemon.download("certificate", "shop", key)
    cert, its_key = ca.leaf("shop.example")
    daemon.ctl("cert", "import", "shop", "--file", cert, "--key-file", its_key)
    t.equal(chain_of(daemon.download("certificate", "shop", key).text), chain_of(read(cert)), "an import replaces one of ours, API keys stay")
    t.equal(daemon.cert("shop")["renew_at"], None, "which is not renewed any more")
    daemon.ctl("cert", "rollback", "shop", "1")
    t.equal(daemon.download("certificate", "shop", key).text, ours.text, "rolled back to what the CA issued")
    daemon.ctl("cert", "issue", "shop", "--wait")
    after = daemon.cert("shop")
    t.ok(after["renew_at"] and not after["imported"], "ordered again: renewed again", after)


def reissue(t, daemon):
    made = daemon.add_cert("kept", "kept.example", reuse_key=True)
    def key():
        return public_key_of_key(daemon.download("certificate", "kept", made["api_keys"][0], format="bundle").text)
    first = key()
    daemon.ctl("cert", "issue", "kept", "--wait")
    t.equal(key(), first, "issue keeps the key of a certificate that reuses it")
    daemon.ctl("cert", "reissue", "kept", "--wait")
    second = key()
    t.ok(second != first, "reissue makes a new one")
    daemon.ctl("cert", "issue", "kept", "--wait")
    t.equal(key(), second, "which is kept again")


run(main)
