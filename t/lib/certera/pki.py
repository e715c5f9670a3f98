"""Certificates and keys as openssl sees them: a second opinion on all we serve."""
import os
import re
import subprocess
import tempfile
from datetime import datetime, timezone

from .process import run_command


def openssl(*argv, input=None):
    """What openssl says; an error if it fails."""
    done = run_command("openssl", *argv, input=input.encode() if isinstance(input, str) else input)
    if done.returncode:
        raise RuntimeError(f"openssl {' '.join(map(str, argv))}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


def chain_of(pem):
    """The PEM certificates in a text, one string each."""
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", pem, re.S)


def public_key_of_key(pem, kind="PEM"):
    return openssl("pkey", "-inform", kind, "-pubout", input=pem)


class Certificate:
    """The first certificate of a PEM text."""

    def __init__(self, pem):
        self.pem = chain_of(pem)[0]

    def _x509(self, *options):
        return openssl("x509", "-noout", *options, input=self.pem).strip()

    @property
    def public_key(self):
        return openssl("x509", "-noout", "-pubkey", input=self.pem)

    @property
    def serial(self):
        return self._x509("-serial").split("=")[1].lower()

    @property
    def fingerprint(self):
        return self._x509("-fingerprint", "-sha256").split("=")[1].replace(":", "").lower()

    @property
    def names(self):
        return sorted(re.findall(r"DNS:([^,\s]+)", self._x509("-ext", "subjectAltName")))

    @property
    def not_after(self):
        text = self._x509("-enddate").split("=")[1]
        return datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc).timestamp()

    def verified_by(self, root_pem, intermediates=()):
        """Does openssl find a way from here to the root?"""
        with tempfile.TemporaryDirectory() as d:
            for name, text in (("root", root_pem), ("rest", "".join(intermediates)), ("leaf", self.pem)):
                with open(os.path.join(d, name), "w") as f:
                    f.write(text)
            rest = ["-untrusted", os.path.join(d, "rest")] if intermediates else []
            done = run_command("openssl", "verify", "-CAfile", os.path.join(d, "root"), *rest, os.path.join(d, "leaf"))
            return done.returncode == 0


class CA:
    """A root made by openssl, and a certificate for localhost by it: what Pebble's own https stands on."""

    def __init__(self, t, name="ca"):
        d = t.path(name)
        os.makedirs(d, exist_ok=True)
        self.file, self.cert, self.key = (os.path.join(d, f) for f in ("root.pem", "cert.pem", "key.pem"))
        root_key, request, extensions = (os.path.join(d, f) for f in ("root.key", "request", "extensions"))
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *new_key, "-keyout", root_key, "-out", self.file, "-days", "30",
            "-subj", "/CN=Certera tests", "-addext", "keyUsage=critical,keyCertSign")
        openssl("req", "-new", *new_key, "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        with open(extensions, "w") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", root_key, "-CAcreateserial",
            "-days", "30", "-extfile", extensions, "-out", self.cert)
