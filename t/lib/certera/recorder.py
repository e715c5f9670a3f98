"""A TLS proxy before Pebble that writes down every request, and can stop one at the worst moment.

Pebble makes its URLs from the Host header, which is handed through: so the client stays with us for all it does.
"""
import base64
import http.client
import http.server
import json
import ssl
import threading
import time

from .process import free_port

# Pebble's paths, by what they are in RFC 8555.
KINDS = {"dir": "directory", "nonce-plz": "nonce", "sign-me-up": "account", "my-account": "account",
    "order-plz": "neworder", "my-order": "order", "authZ": "authz", "chalZ": "challenge",
    "finalize-order": "finalize", "certZ": "certificate",
    "draft-ietf-acme-ari-03": "renewal"}


class Drop(Exception):
    """Raised by a trap: the connection is closed without an answer."""


class Refuse(Exception):
    """Raised by a trap: answered with this instead; Pebble never hears of it."""

    def __init__(self, status, problem, **headers):
        self.status, self.problem, self.headers = status, problem, headers


class Reply:
    """An answer on its way to the client."""

    def __init__(self, status, headers=(), body=b""):
        self.status, self.headers, self.body = status, list(headers), body

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def set_header(self, name, *values):
        """These values instead of what it had; none: the header goes."""
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()] + [(name, v) for v in values]

    def write(self, handler):
        """Writes it to the client; subclasses misbehave here."""
        self.write_head(handler, [("Content-Length", self.header("Content-Length") or "0"
            if handler.command == "HEAD" else str(len(self.body)))])
        handler.wfile.write(b"" if handler.command == "HEAD" else self.body)

    def write_head(self, handler, more):
        handler.send_response_only(self.status)
        for name, value in self.headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                handler.send_header(name, value)
        for name, value in more:
            handler.send_header(name, value)
        handler.end_headers()


class Seen:
    """One request and, when it came, its answer: payload and answer are parsed JSON, None if they are none.  port: the client's."""

    def __init__(self, kind, path, payload):
        self.kind, self.path, self.payload, self.time = kind, path, payload, time.monotonic()
        self.status = self.location = self.answer = self.reply = self.port = None

    def __repr__(self):
        return f"{self.kind} {self.path} {self.status}"


class Recorder:
    """Record of what a client said to this Pebble; `directory` is what the client is given."""

    def __init__(self, pebble):
        self.pebble, self.port, self.seen = pebble, free_port(), []
        # Traps: called with each request, in its thread; they may block, they may raise Drop.  What they return
        # (a Reply) is what the client gets; the CA is not asked if that was `before`.  `after` finds the CA's in
        # seen.reply.
        self.before = self.after = lambda seen: None
        self.change = {}  # headers of answers that get another value
        self.lock = threading.Lock()
        recorder = self

        class Handler(_Handler):
            owner = recorder

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.request_queue_size = 128
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pebble.ca.cert, pebble.ca.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def directory(self):
        return f"https://localhost:{self.port}/dir"

    @property
    def ca_file(self):
        return self.pebble.ca_file

    def of(self, kind):
        with self.lock:
            return [s for s in self.seen if s.kind == kind]

    def token(self):
        """The token of an http-01 challenge that the CA told of."""
        for s in self.of("authz"):
            for challenge in (s.answer or {}).get("challenges", []):
                if challenge["type"] == "http-01":
                    return challenge["token"]
        return None

    def orders(self):
        """The names of each order that the CA made: new-order requests it answered with 201."""
        return [sorted(i["value"] for i in s.payload["identifiers"]) for s in self.of("neworder") if s.status == 201]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    upstream = None

    def log_message(self, *ignored):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = Seen(KINDS.get(self.path.split("/")[1], "other"), self.path, _payload(body))
        seen.port = self.client_address[1]
        with self.owner.lock:
            self.owner.seen.append(seen)
        try:
            reply = self.owner.before(seen)
            if not isinstance(reply, Reply):
                reply = self.pass_on(seen, body)
        except (Drop, OSError, http.client.HTTPException):
            self.close_connection = True
            return
        except Refuse as refuse:
            seen.status = refuse.status
            self.refuse(refuse)
            return
        for name in self.owner.change:
            if reply.header(name) is not None:
                reply.set_header(name, self.owner.change[name])
        reply.write(self)

    def refuse(self, refuse):
        body = json.dumps(refuse.problem).encode()
        self.send_response_only(refuse.status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in refuse.headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_HEAD = do_GET

    def pass_on(self, seen, body):
        got = self.ask(body)
        seen.reply = reply = Reply(got.status, got.headers.items(), got.read())
        seen.status, seen.location, seen.answer = reply.status, reply.header("Location"), _json(reply.body)
        changed = self.owner.after(seen)
        return changed if isinstance(changed, Reply) else reply

    def ask(self, body):
        headers = {n: v for n, v in self.headers.items() if n.lower() not in ("connection", "content-length")}
        if self.upstream is None:
            self.upstream = http.client.HTTPSConnection("localhost", self.owner.pebble.port, timeout=60,
                context=ssl.create_default_context(cafile=self.owner.ca_file))
        self.upstream.request(self.command, self.path, body or None, headers)
        return self.upstream.getresponse()

    def handle(self):
        try:
            self.connection.do_handshake()
            super().handle()
        except OSError:
            pass
        finally:
            if self.upstream:
                self.upstream.close()


def _json(data):
    try:
        return json.loads(data)
    except ValueError:
        return None


def _payload(body):
    text = (_json(body) or {}).get("payload", "")
    return _json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
