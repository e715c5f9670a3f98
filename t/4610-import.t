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
    odd_files(t, daemon, ca)
    without_key(t, daemon, ca)
    refusals(t, daemon, ca)
    site = Site(t)
    renewed_from(t, site.daemon, site.pebble, ca)
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
    near_its_end(t, daemon)
    refused = daemon.run_ctl("cert", "issue", "own")
    t.ok(refused.returncode and b"imported" in refused.stderr, "it cannot be ordered", refused)
    planned = [r["kind"] for r in daemon.ctl("status")["agenda"] if r["name"] == "own"]
    t.ok("issue" not in planned and {"expiry", "live"} <= set(planned), "no order is planned for it, but looks when it comes near its end and where it is live", planned)
    return api_key


def renewed_from(t, daemon, pebble, ca):
    """With an account, an imported certificate is one of ours from now on: nothing is ordered, and it renews by plan."""
    cert, key = ca.leaf("moved.example")
    orders = pebble.orders()
    said = daemon.run_ctl("cert", "import", "moved", "--file", cert, "--key-file", key, "--account", "ca", "--challenge", "http-01", "--renew-before", "20")
    t.ok(said.returncode == 0 and b"renews it from now on" in said.stdout and b"does not renew" not in said.stdout, "a person reads that it is renewed", said)
    planned = daemon.wait_for_cert("moved", lambda c: c["renew_at"], "its renewal is planned")
    t.equal((planned["status"], planned["imported"], planned["account"], planned["renew_before"]), ("active", False, "ca", 20 * 86400), "with an account it is one of ours")
    t.equal(pebble.orders(), orders, "nothing is ordered")
    daemon.ctl("cert", "issue", "moved", "--wait")
    t.equal((daemon.leaf("moved").names, daemon.cert("moved")["newest"]), (["moved.example"], 2), "it is ordered by that account")
    cert, key = ca.leaf("refused.example")
    for options, part in ((("--account", "nobody"), b"no account nobody"), (("--account", "ca", "--without-key"), b"private key"),
            (("--account", "ca", "--challenge", "dns-02"), b"dns-02")):
        refused = daemon.run_ctl("cert", "import", "refused", "--file", cert, "--key-file", key, *options)
        t.ok(refused.returncode and part in refused.stderr, f"refused: {' '.join(options)}", refused)
    t.lacks(daemon.certs(), "refused", "and nothing of it is there")
    page = daemon.page("/new/import")[1]
    t.ok('<option value="ca"' in page and "Renew it from" in page, "the page offers the accounts", page)


def near_its_end(t, daemon):
    """Told to import another one: nothing is tried here."""
    daemon.ctl("cert", "import", "soon", "--file", dated(t, "soon.example", -300 * 86400, 10 * 86400))
    shown = daemon.cert("soon")
    t.equal((shown["status"], shown["next_step"]), ("expiring", "Import the next version before this one expires."), "near its end: what to do")
    said = daemon.run_ctl("cert", "show", "soon").stdout
    t.ok(b"It was imported, so Certera does not renew it" in said and b"\"issue\"" not in said, "also for people", said)
    refused = daemon.run_ctl("cert", "set", "soon", "--names", "other.example")
    t.ok(refused.returncode == 7 and b"imported" in refused.stderr, "its names are those of its files", refused)
    daemon.ctl("cert", "set", "soon", "--disable")
    daemon.ctl("cert", "set", "soon", "--enable")
    daemon.wait_until("nothing is to be planned any more", lambda: not [r for r in daemon.ctl("status")["agenda"] if r["kind"] == "renewal"])
    t.equal((daemon.cert("soon")["renew_at"], daemon.cert("soon")["status"]), (None, "expiring"), "switched off and on, no renewal is planned for it")


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
    four_fields(t, daemon, cert, key, ca)


def four_fields(t, daemon, cert, key, ca):
    """Certificate, intermediate, CA bundle and key (Haltdos), whatever is in which."""
    want = chain_of(read(cert) + read(ca.intermediate[0]))
    bundle = t.write("four.crt", read(ca.intermediate[0]) + read(ca.root[0]))
    for name, files in (("four", (cert, ca.intermediate[0], bundle, key)), ("four-wrong-way", (key, bundle, cert, ca.intermediate[0]))):
        options = [o for pair in zip(("--file", "--chain-file", "--bundle-file", "--key-file"), files) for o in pair]
        made = daemon.ctl("cert", "import", name, *options)
        got = daemon.download("certificate", name, made["api_keys"][0], format="bundle").text
        t.equal((chain_of(got), public_key_of_key(got)), (want, public_key_of_key(read(key))), f"{name}: one chain with its key")


def ber(der):
    """The same as streaming programs write it: without lengths, long octet strings in pieces."""
    out, at = b"", 0
    while at < len(der):
        tag, length, head = der[at], der[at + 1], 2
        if length >= 0x80:
            head += length - 0x80
            length = int.from_bytes(der[at + 2:at + head], "big")
        content = der[at + head:at + head + length]
        if tag & 0x20:
            out += bytes([tag, 0x80]) + ber(content) + bytes(2)
        elif tag == 4 and length > 100:
            out += b"\x24\x80" + b"".join(bytes([4, len(p)]) + p for p in (content[i:i + 100] for i in range(0, length, 100))) + bytes(2)
        else:
            out += der[at:at + head + length]
        at += head + length
    return out


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def odd_files(t, daemon, ca):
    """What other programs make of certificates and keys."""
    cert, key = ca.leaf("odd.example")
    password = t.write("odd-password", "s3cr3t")
    pfx, p7b, trusted, alone, alone_key = (t.path(n) for n in ("odd.pfx", "odd.p7b", "odd-trusted.crt", "alone.crt", "alone.key"))
    def pkcs12(*options):
        openssl("pkcs12", "-export", *options, "-inkey", key, "-in", cert, "-certfile", ca.intermediate[0], "-out", pfx, "-passout", "pass:s3cr3t")
        return read_bytes(pfx)
    openssl("crl2pkcs7", "-nocrl", "-certfile", cert, "-certfile", ca.intermediate[0], "-outform", "DER", "-out", p7b)
    openssl("x509", "-in", cert, "-trustout", "-addtrust", "serverAuth", "-out", trusted)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", alone_key, "-out", alone, "-subj", "/CN=alone.example",
        "-addext", "subjectAltName=DNS:alone.example")
    t.contains(openssl("x509", "-in", alone, "-noout", "-ext", "basicConstraints"), "CA:TRUE", "(openssl marks what it signs itself as a CA)")
    for name, what, file, options, chain in (
        ("ber-pfx", "a PFX as BER", t.write("ber.pfx", ber(pkcs12())), ["--password-file", password], 2),
        ("ber-p7b", "PKCS#7 as BER", t.write("ber.p7b", ber(read_bytes(p7b))), ["--key-file", key], 2),
        ("no-mac", "a PFX without a MAC", t.write("no-mac.pfx", pkcs12("-nomac")), ["--password-file", password], 2),
        ("trusted", "openssl's own form", trusted, ["--key-file", key], 1),
        ("alone", "a certificate that signs itself and says that it is a CA", alone, ["--key-file", alone_key], 1),
    ):
        made = daemon.ctl("cert", "import", name, "--file", file, *options)
        got = daemon.download("certificate", name, made["api_keys"][0], format="bundle").text
        t.equal((made["chain"], chain_of(got)[0], public_key_of_key(got)), (chain, chain_of(read(alone if name == "alone" else cert))[0],
            public_key_of_key(read(alone_key if name == "alone" else key))), f"{what}: is imported")
    wrong = daemon.run_ctl("cert", "import", "bad", "--file", t.path("no-mac.pfx"), "--password-file", t.write("odd-wrong", "no"))
    t.ok(wrong.returncode and b"the password is wrong" in wrong.stderr, "a wrong password of a PFX without a MAC is refused", wrong)
    der = t.path("odd-key.der")
    openssl("pkey", "-in", key, "-outform", "DER", "-out", der)
    for name, file in (("key-der", der), ("key-pfx", t.path("ber.pfx"))):
        made = daemon.ctl("key", "add", name, "--file", file, *(["--password-file", password] if name == "key-pfx" else []))
        t.equal(public_key_of_key(daemon.download("key", name, made["api_keys"][0]).text), public_key_of_key(read(key)), f"{name}: taken by key add")


def without_key(t, daemon, ca):
    """Upload the public portion of a certificate for tracking (Certera)."""
    cert, _ = ca.leaf("public.example")
    refused = daemon.run_ctl("cert", "import", "public", "--file", cert)
    t.ok(refused.returncode and b"without the private key" in refused.stderr, "a certificate without its key is refused, and the way is shown", refused)
    made = daemon.ctl("cert", "import", "public", "--file", cert, "--chain-file", ca.intermediate[0], "--without-key")
    t.equal((made["certificate"]["no_key"], made["chain"], "key_api_keys" in made), (True, 2, False), "with --without-key it is taken")
    t.equal(daemon.run_ctl("key", "show", "public").returncode, 6, "there is no key of it")
    api_key = made["api_keys"][0]
    t.equal(chain_of(daemon.download("certificate", "public", api_key).text), chain_of(read(cert) + read(ca.intermediate[0])), "its chain can be downloaded")
    for how, status in (("bundle", 409), ("zip", 409), ("pfx", 409)):
        t.equal(daemon.download("certificate", "public", api_key, format=how, pfxPassword="s3cr3t").status, status, f"not as {how}")
    shown = daemon.cert("public")
    t.equal((shown["status"], shown["names"], shown["key"]), ("active", ["public.example"], None), "it is shown")
    planned = {r["kind"] for r in daemon.ctl("agenda")["agenda"] if r["name"] == "public"}
    t.ok({"expiry", "live"} <= planned and "issue" not in planned, "and looked at when it nears its end", planned)
    refused = daemon.run_ctl("cert", "issue", "public")
    t.ok(refused.returncode == 7 and b"imported" in refused.stderr, "it cannot be ordered", refused)
    t.ok("without its private key" in daemon.ctl("events", "--object", "public")["events"][0]["message"], "the audit log says so")
    second, key = ca.leaf("public.example")
    daemon.ctl("cert", "import", "public", "--file", second)
    t.equal((daemon.cert("public")["current"], chain_of(daemon.download("certificate", "public", api_key).text)), (2, chain_of(read(second))), "a successor is taken as it is")
    daemon.ctl("cert", "rollback", "public", "1")
    with_key = daemon.ctl("cert", "import", "public", "--file", second, "--key-file", key)
    shown = daemon.cert("public")
    t.equal((shown["no_key"], shown["key"], "api_keys" in with_key), (False, "public", False), "with its key it is served like any other")
    t.equal(public_key_of_key(daemon.download("certificate", "public", api_key, format="bundle").text), public_key_of_key(read(key)), "by the API key it had")
    t.equal(public_key_of_key(daemon.download("key", "public", with_key["key_api_keys"][1]).text), public_key_of_key(read(key)), "and the key's own")
    refused = daemon.run_ctl("cert", "rollback", "public", "1")
    t.ok(refused.returncode == 7 and b"without its private key" in refused.stderr, "there is no way back to a version without it", refused)
    two = t.write("two.crt", read(cert) + read(ca.leaf("second.example")[0]))
    refused = daemon.run_ctl("cert", "import", "two", "--file", two, "--without-key")
    t.ok(refused.returncode and b"several certificates" in refused.stderr, "of two certificates none is guessed", refused)


def refusals(t, daemon, ca):
    cert, key = ca.leaf("bad.example")
    other = ca.leaf("other.example")
    old = ca.leaf("old.example", days=0)
    pfx = t.path("bad.pfx")
    openssl("pkcs12", "-export", "-inkey", key, "-in", cert, "-out", pfx, "-passout", "pass:right")
    wrong = t.write("wrong", "wrong")
    ed, ed_key, by_ed = t.path("ed.crt"), t.path("ed.key"), t.path("by-ed.crt")
    openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", ed_key, "-out", ed, "-subj", "/CN=bad.example")
    openssl("x509", "-req", "-in", t.path("bad.example.pem"), "-CA", ed, "-CAkey", ed_key, "-set_serial", "7", "-days", "9", "-out", by_ed)
    for sentence, argv, word in (
        ("a key that belongs to another certificate", ["--file", cert, "--key-file", other[1]], b"belongs to"),
        ("no key", ["--file", cert], b"private key"),
        ("no certificate", ["--file", key], b"the certificate is missing: there is only a private key"),
        ("nothing of use in a part", ["--file", cert, "--key-file", key, "--bundle-file", t.write("note.txt", "-----BEGIN NOTE-----\naGVsbG8=\n-----END NOTE-----\n")], b"neither a certificate nor a private key"),
        ("a wrong password", ["--file", pfx, "--password-file", wrong], b"password"),
        ("a kind of key that is not used here", ["--file", ed, "--key-file", ed_key], b"the private key is Ed25519"),
        ("a certificate that is signed in a way not read here", ["--file", by_ed, "--key-file", key], b"it is signed with Ed25519"),
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
    after = daemon.cert("shop")
    t.equal((after["imported"], after["names"], bool(after["renew_at"])), (False, ["shop.example"], True), "which is renewed again")
    other_names(t, daemon, ca, ours)
    daemon.ctl("cert", "import", "shop", "--file", cert, "--key-file", its_key)
    daemon.ctl("cert", "issue", "shop", "--wait")
    after = daemon.cert("shop")
    t.ok(after["renew_at"] and not after["imported"], "ordered again: renewed again", after)


def other_names(t, daemon, ca, ours):
    """A wrong file, or the right one under a wrong name, does not take the place of what servers have."""
    cert, key = ca.leaf("elsewhere.example")
    before = daemon.cert("shop")
    refused = daemon.run_ctl("cert", "import", "shop", "--file", cert, "--key-file", key)
    t.ok(refused.returncode == 7 and all(w in refused.stderr for w in (b"without shop.example, with elsewhere.example", b"set --other-names")),
        "a file for other names is refused", refused)
    after = daemon.cert("shop")
    t.equal([after[m] for m in ("names", "current", "imported", "renew_at")], [before[m] for m in ("names", "current", "imported", "renew_at")],
        "and changes nothing")
    daemon.ctl("cert", "import", "shop", "--file", cert, "--key-file", key, "--other-names")
    t.equal((daemon.cert("shop")["names"], daemon.leaf("shop").names), (["elsewhere.example"], ["elsewhere.example"]), "if they are meant, it is taken")
    daemon.ctl("cert", "rollback", "shop", "1")
    after = daemon.cert("shop")
    t.equal([after[m] for m in ("names", "imported", "key_type")], [["shop.example"], False, before["key_type"]],
        "rolling back brings back what is ordered, too")
    t.ok(after["renew_at"] and [r for r in daemon.ctl("status")["agenda"] if r["name"] == "shop" and r["kind"] == "issue"],
        "and when", after["renew_at"])


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
