"""A CA of openssl's that revokes, and a web server for its OCSP answers and CRLs that can be told to misbehave."""
import hashlib
import http.server
import os
import re
import threading
import time

from .pki import openssl
from .process import free_port, run_command

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Registry:
    """What a CA has revoked: openssl's index file.  cert and key are the CA's."""

    def __init__(self, t, name, cert, key):
        self.t, self.dir, self.cert, self.key = t, t.path(name), cert, key
        os.makedirs(self.dir, exist_ok=True)
        self.config = self._write("ca.cnf", f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.dir}/index\ndefault_md=sha256\n"
            f"default_crl_days=5\ncrlnumber={self.dir}/number\n[idp]\nissuingDistributionPoint=critical,@point\n[point]\n"
            "fullname=URI:$ENV::URL\nonlyuser=TRUE\n")
        self._write("index", "")
        self._write("index.attr", "unique_subject=no\n")
        self._write("number", "01\n")
        self.crls = 0

    def _write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)
        return f.name

    def _ca(self, *argv, url="-"):
        done = run_command("openssl", "ca", "-config", self.config, "-cert", self.cert, "-keyfile", self.key, *argv,
            env={**os.environ, "URL": url})
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
        return done.stdout

    def know(self, cert):
        self._ca("-valid", cert)

    def revoke(self, cert, reason="keyCompromise"):
        self._ca("-revoke", cert, "-crl_reason", reason)

    def crl(self, url=None, *options):
        """A new CRL, DER; with url: the part for there."""
        pem = self._ca("-gencrl", *(["-crlexts", "idp"] if url else []), *options, url=url or "-")
        return run_command("openssl", "crl", "-outform", "DER", input=pem).stdout

    def answer(self, request, signer=None):
        """The OCSP answer to a request, DER; signer: (certificate, key)."""
        self.crls += 1
        asked, told = (os.path.join(self.dir, f"{name}.{self.crls}") for name in ("request", "response"))
        with open(asked, "wb") as f:
            f.write(request)
        cert, key = signer or (self.cert, self.key)
        openssl("ocsp", "-index", os.path.join(self.dir, "index"), "-CA", self.cert, "-rsigner", cert, "-rkey", key,
            "-reqin", asked, "-respout", told, "-ndays", "2")
        with open(told, "rb") as f:
            return f.read()

    def answer_of_before(self, request, signer):
        """One that ended two years ago, properly signed; the signer's key is RSA, so that no length changes."""
        der = self.answer(request, signer)
        head = re.compile(rb"\x04\x82..\x30\x82..(\x30(?:\x81(.)|\x82(..)))", re.S).search(der)
        body, end = head.start(1), head.end() + int.from_bytes(head.group(2) or head.group(3), "big")
        this_year = time.gmtime().tm_year
        old = re.sub(rb"(?<=\x18\x0f)20\d\d(?=\d{10}Z)", str(this_year - 2).encode(), der[body:end])
        signature = der.index(b"\x03\x82\x01\x01\x00", end) + 5
        signed = run_command("openssl", "dgst", "-sha256", "-sign", signer[1], input=old).stdout
        return der[:body] + old + der[end:signature] + signed + der[signature + 256:]


class RevokingCA(Registry):
    """A root, an intermediate that issues and revokes, and leaves that say whom to ask."""

    def __init__(self, t, name="revoking"):
        os.makedirs(t.path(name), exist_ok=True)
        self.name = name
        root_key, self.root = t.path(name, "root.key"), t.path(name, "root.pem")
        openssl("req", "-x509", *NEW_KEY, "-keyout", root_key, "-out", self.root, "-subj", f"/CN={name} root",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.t = t
        cert, key = self._sign("middle", f"/CN={name} middle", self.root, root_key,
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
        super().__init__(t, name, cert, key)

    def _sign(self, name, subject, ca, ca_key, extensions, days=90, new_key=NEW_KEY):
        csr, key, cert = (self.t.path(self.name, f"{name}.{end}") for end in ("csr", "key", "pem"))
        openssl("req", "-new", *new_key, "-keyout", key, "-out", csr, "-subj", subject)
        openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", str(days),
            "-extfile", self.t.write(f"{self.name}/{name}.ext", extensions), "-out", cert)
        return cert, key

    def leaf(self, name, ocsp=None, crl=None, issuer=None, known=True, extensions=""):
        """A certificate and its key, as files; ocsp, crl, issuer: the URLs in it."""
        access = [f"OCSP;URI:{ocsp}"] * bool(ocsp) + [f"caIssuers;URI:{issuer}"] * bool(issuer)
        lines = [f"subjectAltName=DNS:{name}.example", extensions] + [f"authorityInfoAccess={','.join(access)}"] * bool(access) \
            + [f"crlDistributionPoints=URI:{crl}"] * bool(crl)
        cert, key = self._sign(name, f"/CN={name}.example", self.cert, self.key, "\n".join(lines) + "\n")
        if known:
            self.know(cert)
        return cert, key

    def responder(self, name="responder", usage="OCSPSigning", new_key=NEW_KEY):
        return self._sign(name, f"/CN={name}", self.cert, self.key, f"extendedKeyUsage={usage}\n", new_key=new_key)


class Publisher:
    """A web server in this process: .pages maps a path to bytes, or to a function of the request's body that makes
    them; .asked lists what came, as (method, path, status).  What is bytes has an ETag."""

    def __init__(self, t, port=None):
        publisher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                publisher._reply(self)

            do_POST = do_GET

            def log_message(self, *args):
                pass

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:  # it was killed while it waited
                    pass

        self.port, self.pages, self.asked, self.delay = port or free_port(), {}, [], 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self, path):
        return len([a for a in self.asked if a[1] == path])

    def _reply(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        time.sleep(self.delay)
        page = self.pages.get(handler.path)
        status, content = (200, page(body)) if callable(page) else (200, page) if page is not None else (404, b"nothing here")
        if isinstance(content, int):
            status, content = content, b"trouble"
        tag = '"%s"' % hashlib.sha256(content).hexdigest()[:16]
        if not callable(page) and handler.headers.get("If-None-Match") == tag:
            status, content = 304, b""
        self.asked.append((handler.command, handler.path, status))
        handler.send_response(status)
        if status in (200, 304) and not callable(page):
            handler.send_header("ETag", tag)
        if status != 304:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if status != 304:
            handler.wfile.write(content)

    def end(self):
        self.server.shutdown()
        self.server.server_close()
