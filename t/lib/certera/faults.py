"""A CA that misbehaves: Pebble behind a proxy that spoils one kind of request, of one certificate, so many times.

    ca = FaultyCA(pebble, "shop.example", "neworder", refuse(503, "serverInternal"), times=2)

Nothing else is touched.  Each fault below says what it does; it strikes before the CA hears of the request, or at
the CA's answer.
"""
import base64
import json
import os
import random
import threading
import time
from email.utils import formatdate
from urllib.parse import urlsplit

from .pki import openssl
from .recorder import Drop, KINDS, Recorder, Reply

EVERY_TIME = -1
URN = "urn:ietf:params:acme:error:"
ARI_PATH = next(path for path, kind in KINDS.items() if kind == "renewal")


class Fault:
    def __init__(self, before=None, after=None):
        self.before, self.after = before, after


NOTHING = Fault()


class FaultyCA(Recorder):
    """victim: a name; requests about orders strike only if the order has it."""

    def __init__(self, pebble, victim, kind, fault, times=1):
        super().__init__(pebble)
        self.victim, self.kind, self.fault, self.left = victim, kind, fault, times
        self.struck, self.owner_of, self.requests = 0, {}, {}
        self.before = lambda seen: self._strike(seen, self.fault.before)
        self.after = self._after

    def heal(self):
        self.left = 0

    def orders_of(self, name):
        return sum(name in names for names in self.orders())

    def ended(self, name):
        """When the certificate with this name was downloaded; None: not yet."""
        times = [s.time for s in self.of("certificate") if self.owner_of.get(s.path) == name]
        return times[-1] if times else None

    def began(self, name):
        return next(s.time for s in self.of("neworder") if name in _names(s))

    def request_of(self, seen):
        """The certificate request (DER) that led to the certificate asked for."""
        return self.requests[self.owner_of[seen.path]]

    # Whose is it?  An order belongs to its first name, and so does all the CA says about it.

    def _owner(self, seen):
        return _names(seen)[0] if seen.kind == "neworder" else self.owner_of.get(seen.path)

    def _learn(self, seen):
        said, owner = seen.answer if isinstance(seen.answer, dict) else {}, self._owner(seen)
        if not owner:
            return
        if seen.kind == "finalize":
            self.requests[owner] = _unbase64(seen.payload["csr"])
        urls = [seen.location, said.get("finalize"), said.get("certificate"), *said.get("authorizations", [])]
        urls += [c["url"] for c in said.get("challenges", [])]
        for url in filter(None, urls):
            self.owner_of[urlsplit(url).path] = owner

    def _after(self, seen):
        self._learn(seen)
        if seen.kind == "directory" and self.kind == "renewal":  # this Pebble has none of its own
            return change(lambda said, ca: said.update(renewalInfo=f"https://localhost:{self.port}/{ARI_PATH}")).after(seen, self)
        return self._strike(seen, self.fault.after)

    def _strike(self, seen, fault):
        if not fault or seen.kind != self.kind or self.left == 0:
            return None
        if seen.kind not in ("directory", "nonce", "account", "renewal") and self._owner(seen) != self.victim:
            return None
        with self.lock:
            if self.left == 0:
                return None
            self.left -= 1
            self.struck += 1
        return fault(seen, self) if fault.__code__.co_argcount > 1 else fault(seen)


# Refusals instead of an answer: the CA hears nothing.

def refuse(status, problem, detail="so it is", headers=(), **more):
    body = json.dumps({"type": URN + problem, "detail": detail, "status": status, **more}).encode()
    return Fault(before=lambda seen: Reply(status, [("Content-Type", "application/problem+json"), *headers], body))


def forget(**answer):
    """The CA says that all is well, and knows nothing of it."""
    return Fault(before=lambda seen: Reply(200, [("Content-Type", "application/json")], json.dumps(answer).encode()))


def page(status, headers=(), text="<html><h1>Something went wrong</h1></html>"):
    return Fault(before=lambda seen: Reply(status, [("Content-Type", "text/html"), *headers], text.encode()))


def retry_after(value, status=503, problem="serverInternal"):
    """value: text, or a number of seconds from then to be written as a date."""
    def before(seen):
        text = value if isinstance(value, str) else formatdate(time.time() + value, usegmt=True)
        return refuse(status, problem, headers=[("Retry-After", text)]).before(seen)
    return Fault(before=before)


def bad_nonce(fresh=True):
    """fresh: a better one comes along."""
    def before(seen, ca):
        nonce = ca.pebble.nonce() if fresh else None
        return refuse(400, "badNonce", headers=[("Replay-Nonce", nonce)] if nonce else []).before(seen)
    return Fault(before=before)


def window(start, end):
    """When to renew, as the CA says (RFC 9773)."""
    body = json.dumps({"suggestedWindow": {"start": start, "end": end}}).encode()
    return Fault(before=lambda seen: Reply(200, [("Content-Type", "application/json")], body))


# Changes to the CA's answer.

def change(edit):
    """edit(the JSON object, the proxy) changes it."""
    def after(seen, ca):
        said = json.loads(seen.reply.body)
        return with_body(seen.reply, json.dumps(edit(said, ca) or said).encode())
    return Fault(after=after)


def put(**fields):
    def edit(said, ca):
        said.update(fields)
    return change(edit)


def drop(*fields):
    def edit(said, ca):
        for field in fields:
            said.pop(field, None)
    return change(edit)


def garble(edit):
    """edit(the bytes of the body) -> others."""
    return Fault(after=lambda seen: with_body(seen.reply, edit(seen.reply.body)))


def headers(**values):
    """headers(Replay_Nonce=None) takes it away."""
    def after(seen):
        reply = Reply(seen.reply.status, seen.reply.headers, seen.reply.body)
        for name, value in values.items():
            reply.set_header(name.replace("_", "-"), *([value] if value else []))
        return reply
    return Fault(after=after)


def alternate(url):
    """Another chain is to be had at this URL or, if it is but a path, at that of the proxy."""
    def after(seen, ca):
        at = url if "://" in url else f"https://localhost:{ca.port}{url}"
        return headers(Link=f'<{at}>;rel="alternate"').after(seen)
    return Fault(after=after)


def with_body(reply, body):
    return Reply(reply.status, reply.headers, body)


# Connections that break, stall or never end.

def _lose(seen):
    raise Drop


LOST_REQUEST, LOST_ANSWER = Fault(before=_lose), Fault(after=_lose)


def _stall(seen):
    time.sleep(20)
    raise Drop


STALL = Fault(before=_stall)


class _Half(Reply):
    def write(self, handler):
        handler.close_connection = True
        self.write_head(handler, [("Content-Length", str(len(self.body)))])
        handler.wfile.write(self.body[:len(self.body) // 2])
        self.go_on(handler)

    def go_on(self, handler):
        """What comes instead of the rest: the end."""


class _HalfAndStall(_Half):
    def go_on(self, handler):
        time.sleep(20)


class _Drip(_Half):
    def go_on(self, handler):
        for _ in range(60):
            handler.wfile.write(b" ")
            time.sleep(0.3)


class _EndlessBody(Reply):
    def write(self, handler):
        handler.close_connection = True
        self.write_head(handler, [("Connection", "close")])
        while True:
            handler.wfile.write(b" " * 65536)


class _EndlessHeaders(Reply):
    def write(self, handler):
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-More: and more\r\n" * 1000)


def _written_by(kind):
    return Fault(after=lambda seen: kind(seen.reply.status, seen.reply.headers, seen.reply.body))


HALF, HALF_AND_STALL, DRIP = map(_written_by, (_Half, _HalfAndStall, _Drip))
ENDLESS_BODY, ENDLESS_HEADERS = map(_written_by, (_EndlessBody, _EndlessHeaders))


def redirect(status, where):
    """where(proxy) -> the URL."""
    return Fault(before=lambda seen, ca: Reply(status, [("Location", where(ca))]))


# Bad certificates, by a CA of our own.

class Forger:
    """Signs what no honest CA would."""

    def __init__(self, t):
        self.dir, self.lock = t.path("forger"), threading.Lock()
        os.makedirs(self.dir)
        self._new("ca", "/CN=Forged CA", ["-x509", "-days", "3"])
        self._new("other", "/CN=other key", [])
        with open(self.path("index.txt"), "w"):
            pass
        with open(self.path("conf"), "w") as f:
            f.write(f"[ca]\ndefault_ca=it\n[it]\ndatabase={self.path('index.txt')}\nnew_certs_dir={self.dir}\n"
                f"serial={self.path('serial')}\nunique_subject=no\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=optional\n")

    def path(self, name):
        return os.path.join(self.dir, name)

    def _new(self, name, subject, options):
        openssl("req", *([] if options else ["-new"]), *options, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name + ".key"),
            "-out", self.path(name + ".pem"), "-subj", subject)

    @property
    def root(self):
        with open(self.path("ca.pem")) as f:
            return f.read()

    def sign(self, request, names, start="", end=""):
        """request: DER, or None for a key of ours.  Dates as YYYYMMDD."""
        own = f"{random.getrandbits(64):x}"
        asked, signed, extensions = (self.path(own + e) for e in (".csr", ".pem", ".ext"))
        if request:
            with open(asked, "w") as f:
                f.write(openssl("req", "-inform", "DER", input=request))
        with open(extensions, "w") as f:
            f.write("subjectAltName=" + ",".join("DNS:" + n for n in names) + "\n")
        with self.lock:
            openssl("ca", "-batch", "-config", self.path("conf"), "-cert", self.path("ca.pem"), "-keyfile",
                self.path("ca.key"), "-in", asked if request else self.path("other.pem"), "-extfile", extensions,
                "-rand_serial", "-notext", "-out", signed, "-subj", "/CN=forged",
                "-startdate", (start or time.strftime("%Y%m%d", time.gmtime(time.time() - 86400))) + "000000Z",
                "-enddate", (end or time.strftime("%Y%m%d", time.gmtime(time.time() + 5 * 86400))) + "000000Z")
        with open(signed) as f:
            return f.read()


def certificate(make):
    """make(the CA's chain, request DER) -> another."""
    return Fault(after=lambda seen, ca: with_body(seen.reply, make(seen.reply.body.decode(), ca.request_of(seen)).encode()))


def _names(seen):
    return [i["value"] for i in (seen.payload or {}).get("identifiers", [])]


def _unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
