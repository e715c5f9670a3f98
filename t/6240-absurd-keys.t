#!/usr/bin/env python3
"""Servers whose certificates have keys that nobody has but to make others calculate: nothing is calculated with them, and why is said."""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

ECDHE_RSA_AES128_GCM = b"\xc0\x2f"
CERTIFICATE, SERVER_HELLO, KEY_EXCHANGE, HELLO_DONE = 11, 2, 12, 14
UNUSABLE = "presents a certificate that is not usable: "


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(body) < 128 else bytes([0x80 | len(size)]) + size) + body


def number(bits):
    """An odd one of so many bits, most of them set."""
    return der(2, (b"\0" if bits % 8 == 0 else b"") + ((1 << bits) - 3).to_bytes((bits + 7) // 8, "big"))


def openssl(t, *args, input=None):
    return subprocess.run(["openssl", *args], cwd=t.path(""), input=input, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def certificate(t, name, modulus, exponent):
    """DER of one for localhost with a public key of these many bits, signed by an honest CA: nobody needs to have the private key."""
    rsa = der(0x30, der(6, bytes.fromhex("2a864886f70d010101")), der(5))
    key = der(0x30, rsa, der(3, b"\0", der(0x30, number(modulus), number(exponent))))
    with open(t.path(name + ".pub"), "wb") as f:
        f.write(b"-----BEGIN PUBLIC KEY-----\n" + openssl(t, "base64", input=key) + b"-----END PUBLIC KEY-----\n")
    return openssl(t, "x509", "-req", "-in", "any.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "9",
        "-extfile", "names", "-force_pubkey", name + ".pub", "-outform", "DER")


def record(*messages):
    body = b"".join(bytes([kind]) + len(text).to_bytes(3, "big") + text for kind, text in messages)
    return b"\x16\x03\x03" + len(body).to_bytes(2, "big") + body


class Presenter(Talker):
    """Speaks TLS 1.2 as far as a signature that nobody could have made: what a client does before it has looked is its own loss."""

    def __init__(self, *chain, greeting=b""):
        self.chain, self.greeting, self.heard = chain, greeting, []
        super().__init__(self._present)

    def _present(self, connection):
        if self.greeting:
            connection.sendall(self.greeting)
        connection.recv(16384)
        certificates = b"".join(len(c).to_bytes(3, "big") + c for c in self.chain)
        exchange = b"\x03\x00\x1d\x20" + os.urandom(32) + b"\x04\x01" + (1024).to_bytes(2, "big") + b"\x01" * 1024
        connection.sendall(record((SERVER_HELLO, b"\x03\x03" + os.urandom(32) + b"\0" + ECDHE_RSA_AES128_GCM + b"\0"))
            + record((CERTIFICATE, len(certificates).to_bytes(3, "big") + certificates)) + record((KEY_EXCHANGE, exchange), (HELLO_DONE, b"")))
        self.heard.append(connection.recv(16384))


def main(t):
    openssl(t, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-subj", "/CN=Absurd", "-out", "ca.pem", "-days", "9")
    openssl(t, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "any.key", "-subj", "/CN=localhost", "-out", "any.csr")
    t.write("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    honest = certificate(t, "honest", 2048, 17)
    rows = [
        ("a long exponent", [certificate(t, "exponent", 2048, 2047)], "the public exponent of the RSA key has 2047 bits; at most 64 are sensible"),
        ("the longest key, and exponent", [certificate(t, "both", 8192, 8191)], "the public exponent of the RSA key has 8191 bits"),
        ("a key of 16,384 bits", [certificate(t, "long", 16384, 16383)], "its key cannot be read here, or has more than 8192 bits"),
        ("in the second of a chain", [honest, certificate(t, "second", 4096, 4095)], "the public exponent of the RSA key has 4095 bits"),
    ]
    mail = {"host": "localhost", "tls": "tls", "from": "certera@example.org", "timeout": "20s", "ca_file": t.path("ca.pem")}
    daemon = Certerad(t, tracking={"roots": t.path("ca.pem")}, mail={**mail, "port": 1}, notify={"private": "127.0.0.0/8"})
    daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "a@example.org")
    for what, chain, says in rows:
        server = Presenter(*chain)
        daemon.ctl("site", "add", server.site)
        site = daemon.ctl("site", "scan", server.site)
        t.equal((site["state"], site["valid"]), ("unreachable", False), f"{what}: not valid")
        t.contains(site["reason"], UNUSABLE + says, "and why")
        t.ok(server.heard and server.heard[0][:1] == b"\x15", "the server hears an alert, no key", server.heard)
        daemon.configure(mail={"port": server.port})
        daemon.reload()
        said = daemon.run_ctl("channel", "test", "ops").stderr.decode()
        t.contains(said, UNUSABLE + says, "a mail server with it is refused, too")
        server.close()
    good(t, daemon, honest)


def good(t, daemon, honest):
    """What only lacks the private key is refused for that."""
    server = Presenter(honest)
    daemon.ctl("site", "add", server.site)
    t.equal(daemon.ctl("site", "scan", server.site)["addresses"][0]["key"], "RSA 2048", "the certificate of a sensible key is looked at")
    daemon.configure(mail={"port": server.port})
    daemon.reload()
    t.lacks(daemon.run_ctl("channel", "test", "ops").stderr.decode(), UNUSABLE, "and a mail server with it fails where the key is needed")
    server.close()


run(main)
