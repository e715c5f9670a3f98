"""Certificates and keys as openssl sees them: a second opinion on all we serve."""
import os
import re
import subprocess
import tempfile
import time
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
            f.write("subjectAltName=DNS:localhost,DNS:etcd.example,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", root_key, "-CAcreateserial",
            "-days", "30", "-extfile", extensions, "-out", self.cert)


def dated(t, name, begin, end):
    """A file with a self-signed certificate for that name and its key, valid from and until so many seconds from now."""
    d = t.path(f"dated-{name}-{end}")
    os.makedirs(d, exist_ok=True)
    path = lambda f: os.path.join(d, f)
    moment = lambda seconds: datetime.fromtimestamp(time.time() + seconds, timezone.utc).strftime("%Y%m%d%H%M%SZ")
    with open(path("config"), "w") as f:
        f.write(f"[ca]\ndefault_ca=c\n[c]\nnew_certs_dir={d}\ndatabase={d}/index\nserial={d}/serial\ndefault_md=sha256\n"
            f"policy=p\nx509_extensions=x\nunique_subject=no\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=DNS:{name}\n")
    with open(path("serial"), "w") as f:
        f.write(os.urandom(8).hex() + "\n")
    open(path("index"), "w").close()
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path("key"),
        "-out", path("csr"), "-subj", f"/CN={name}")
    openssl("ca", "-batch", "-selfsign", "-config", path("config"), "-keyfile", path("key"), "-in", path("csr"),
        "-startdate", moment(begin), "-enddate", moment(end), "-notext", "-out", path("cert"))
    with open(path("key")) as key, open(path("cert")) as cert:
        return t.write(f"dated-{name}-{end}.pem", key.read() + cert.read())
