#!/usr/bin/env python3
"""Decoding certificates, chains, requests, keys and PFX files: everything in them, against openssl, and what is wrong."""
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

EXTENSIONS = """subjectAltName=DNS:shop.example,DNS:*.shop.example,IP:192.0.2.7
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth,1.2.3.4
certificatePolicies=2.23.140.1.2.1,1.3.6.1.4.1.44947.1.1.1
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
authorityInfoAccess=OCSP;URI:http://ocsp.example/,caIssuers;URI:http://ca.example/middle.der
crlDistributionPoints=URI:http://crl.example/7.crl,URI:http://crl2.example/7.crl
1.3.6.1.4.1.11129.2.4.2=DER:04:0c:00:0a:00:03:01:02:03:00:03:04:05:06
"""


def main(t):
    daemon = Certerad(t)
    def file(name):
        return t.path(name)
    def decode(*argv):
        return daemon.ctl("decode", *argv)
    def make(name, days, signer, extensions, new="ec -pkeyopt ec_paramgen_curve:P-256", subject=None, digest="-sha256"):
        openssl("req", "-newkey", *new.split(), "-nodes", "-keyout", file(name + ".key"), "-out", file(name + ".csr"),
            "-subj", subject or f"/O=Test/CN={name}")
        by = ["-signkey", file(name + ".key")] if signer == name else ["-CA", file(signer + ".pem"), "-CAkey", file(signer + ".key"),
            "-CAcreateserial"]
        openssl("x509", "-req", "-in", file(name + ".csr"), *by, "-days", str(days), digest, "-extfile",
            t.write(name + ".ext", extensions), "-out", file(name + ".pem"))
    is_ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
    make("root", 400, "root", is_ca)
    make("middle", 300, "root", is_ca)
    make("shop", 90, "middle", EXTENSIONS, "rsa:2048")
    def read(*names):
        return "".join(open(file(n)).read() for n in names)

    everything(t, decode, read, file)
    chains(t, decode, read, make)
    requests(t, decode, read, file)
    private(t, daemon, decode, read, file)
    refusals(t, daemon)


def everything(t, decode, read, file):
    answer = decode(t.write("one.pem", "Some words.\r\n" + read("shop.pem").replace("\n", "\r\n") + "More."))
    c = answer["certificates"][0]
    def shown(*argv):
        return openssl("x509", "-in", file("shop.pem"), "-noout", *argv).strip()
    spki = openssl("rsa", "-in", file("shop.key"), "-pubout")
    der = b64decode("".join(spki.splitlines()[1:-1]))
    t.equal((c["subject"], c["issuer"]), ("CN=shop,O=Test", "CN=middle,O=Test"), "subject and issuer")
    t.equal(c["names"], ["shop.example", "*.shop.example", "192.0.2.7"], "names")
    t.equal((c["key"], c["signature"]), ("RSA 2048", "ECDSA with SHA256"), "key and signature")
    t.equal(c["usages"], ["digitalSignature", "keyEncipherment"], "usages")
    t.equal(c["extended_usages"], ["serverAuth", "clientAuth", "1.2.3.4"], "extended usages")
    t.equal(c["policies"], ["2.23.140.1.2.1", "1.3.6.1.4.1.44947.1.1.1"], "policies")
    t.equal((c["ocsp"], c["ca_issuers"], c["crl"]), (["http://ocsp.example/"], ["http://ca.example/middle.der"],
        ["http://crl.example/7.crl", "http://crl2.example/7.crl"]), "URLs")
    t.equal(c["scts"], 2, "SCTs counted")
    t.equal(c["serial"].lstrip("0"), shown("-serial").split("=")[1].lower().lstrip("0"), "serial")
    for name in ("sha256", "sha1"):
        t.equal(c[name], shown("-fingerprint", "-" + name).split("=")[1].replace(":", "").lower(), f"{name} fingerprint")
    text = "".join(shown("-ext", "subjectKeyIdentifier,authorityKeyIdentifier").split()).replace(":", "").lower()
    t.ok(c["ski"] in text and c["aki"] in text and c["ski"] != c["aki"], "key identifiers", text)
    t.equal(c["spki_pin"], b64encode(sha256(der).digest()).decode(), "SPKI pin")
    t.ok(any("middle" in f and "missing" in f for f in answer["findings"]), "finding: the intermediate is missing", answer["findings"])


def chains(t, decode, read, make):
    def findings(*names):
        return " ".join(decode(t.write("chain.pem", read(*names)))["findings"])
    t.equal(findings("shop.pem", "middle.pem"), "", "a whole chain: nothing is wrong with it")
    t.contains(findings("middle.pem", "shop.pem"), "Wrong order", "finding: wrong order")
    t.contains(findings("shop.pem", "middle.pem", "root.pem"), "root", "finding: the root is in it")
    make("alone", 90, "alone", "subjectAltName=DNS:alone.example")
    t.contains(findings("alone.pem"), "self-signed", "finding: self-signed")
    make("old", 0, "middle", "subjectAltName=DNS:old.example")
    t.contains(findings("old.pem", "middle.pem"), "old.example expired at", "finding: expired")
    make("soon", 9, "middle", "subjectAltName=DNS:soon.example")
    t.equal(findings("soon.pem", "middle.pem"), "", "a short-lived one is not warned of for that")
    make("sha1", 90, "middle", "subjectAltName=DNS:sha1.example", digest="-sha1")
    t.contains(findings("sha1.pem", "middle.pem"), "outdated hash", "finding: SHA-1")
    make("nameless", 90, "middle", "keyUsage=digitalSignature", subject="/O=Nobody")
    t.contains(findings("nameless.pem", "middle.pem"), "no subjectAltName", "finding: no names")
    p7 = t.path("c.p7b")
    openssl("crl2pkcs7", "-nocrl", "-certfile", t.path("shop.pem"), "-certfile", t.path("middle.pem"), "-out", p7)
    t.equal(len(decode(p7)["certificates"]), 2, "PKCS#7")


def requests(t, decode, read, file):
    der = file("x.der")
    openssl("req", "-new", "-key", file("shop.key"), "-subj", "/CN=req.example", "-addext", "subjectAltName=DNS:www.req.example",
        "-outform", "DER", "-out", der)
    answer = decode(der)
    t.equal(answer["request"]["names"], ["www.req.example", "req.example"], "a request in DER: its names")
    t.equal((answer["request"]["key"], answer["findings"]), ("RSA 2048", []), "its key, and nothing wrong with it")
    broken = bytearray(open(der, "rb").read())
    broken[-9] ^= 1
    answer = decode(t.write("broken.der", bytes(broken)))
    t.ok(answer["request"] is None and "signature" in answer["findings"][0], "finding: a broken signature", answer)


def private(t, daemon, decode, read, file):
    answer = decode(file("shop.key"))
    t.equal((answer["keys"][0]["key"], answer["findings"]), ("RSA 2048", []), "a private key: its type")
    answer = decode(t.write("both.pem", read("shop.pem", "middle.pem", "shop.key")))
    t.equal((len(answer["certificates"]), len(answer["keys"]), answer["findings"]), (2, 1, []), "chain and key that belong together")
    answer = decode(t.write("wrong.pem", read("shop.pem", "middle.pem", "root.key")))
    t.contains(" ".join(answer["findings"]), "private key does not belong", "finding: another key")
    pfx, password = file("x.pfx"), t.write("password", "s3cr3t")
    openssl("pkcs12", "-export", "-inkey", file("shop.key"), "-in", file("shop.pem"), "-certfile", file("middle.pem"), "-out", pfx,
        "-passout", "pass:s3cr3t")
    answer = decode(pfx, "--password-file", password)
    t.equal((len(answer["certificates"]), len(answer["keys"]), answer["findings"]), (2, 1, []), "a PFX, with its password")
    shown = daemon.run_ctl("decode", pfx, "--password-file", password)
    t.ok(b"shop.example" in shown.stdout and b"No problems found" in shown.stdout, "for people", shown)
    t.ok(b"  valid until " in shown.stdout and b"not_after" not in shown.stdout, "with titles, not members", shown)
    t.ok(b"PRIVATE" not in shown.stdout and "PRIVATE" not in str(answer), "nothing private is shown")
    ed, ed_key = file("ed.pem"), file("ed.key")
    openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", ed_key, "-out", ed, "-subj", "/CN=ed.example")
    openssl("pkcs12", "-export", "-inkey", ed_key, "-in", ed, "-out", pfx, "-passout", "pass:s3cr3t")
    for what, odd, count in (("PEM", t.write("ed-both.pem", read("ed.pem", "ed.key")), 1), ("a PFX", pfx, 1), ("a key alone", ed_key, 0)):
        answer = decode(odd, "--password-file", password)
        t.equal((len(answer["certificates"]), len(answer["keys"])), (count, 0), f"{what} with a key that is not used here: what is with it is shown")
        t.contains(" ".join(answer["findings"]), "A private key in it cannot be used here: the private key is Ed25519", "and why the key is not used")
    openssl("pkcs12", "-export", "-legacy", "-inkey", file("shop.key"), "-in", file("shop.pem"), "-out", pfx, "-passout", "pass:s3cr3t")
    refused = daemon.run_ctl("decode", pfx, "--password-file", password)
    t.ok(refused.returncode and b"RC2" in refused.stderr and b"openssl pkcs12 -legacy" in refused.stderr,
        "RC2 is refused, with the way to convert it", refused)


def refusals(t, daemon):
    broken = t.write("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    refused = daemon.run_ctl("decode", broken)
    t.ok(b"certificate 1" in refused.stderr and b"private key" not in refused.stderr, "of a broken certificate is said what it is", refused)
    for sentence, content in (("nonsense", b"nonsense\0"), ("nothing", b""), ("half a PEM block", b"-----BEGIN CERTIFICATE-----\nMII"),
            ("DER of something else", b"\x30\x03\x02\x01\x05")):
        refused = daemon.run_ctl("decode", t.write("bad", content))
        t.ok(refused.returncode in range(2, 10) and refused.stderr, f"{sentence}: refused with a sentence", refused)


run(main)
