"""A small HTTP client that hides nothing: what was answered, byte by byte."""
import functools
import http.client
import socket
import ssl
from urllib.parse import urlsplit

from .process import PATIENCE


class Answer:
    def __init__(self, status, headers, body, peer=None):
        self.status, self.headers, self.body = status, headers, body
        self.peer = peer  # the server's certificate, DER, over https

    @property
    def text(self):
        return self.body.decode()

    def header(self, name):
        return self.headers.get(name)

    def __repr__(self):
        return f"{self.status} {dict(self.headers.items())} {self.body[:300]!r}"


@functools.lru_cache  # loading the system's roots takes longer than most requests
def _context(ca_file):
    context = ssl.create_default_context(cafile=ca_file)
    if not ca_file:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def connect(url, ca_file=None, server_name=None, source=None, timeout=20):
    """A connection to that server; without ca_file no certificate is checked."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=timeout * PATIENCE,
        source_address=(source, 0) if source else None)
    connection.connect()
    if at.scheme == "https":
        connection.sock = _context(ca_file).wrap_socket(connection.sock, server_hostname=server_name or at.hostname)
    return connection


def fetch(url, method=None, headers=None, body=None, ca_file=None, server_name=None, source=None, timeout=20):
    """One request on one connection.  No redirect is followed; without ca_file no certificate is checked."""
    at = urlsplit(url)
    connection = connect(url, ca_file, server_name, source, timeout)
    peer = connection.sock.getpeercert(True) if at.scheme == "https" else None
    try:
        if isinstance(body, str):
            body = body.encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        connection.request(method or ("GET" if body is None else "POST"),
            (at.path or "/") + ("?" + at.query if at.query else ""), body,
            {"User-Agent": "certera-tests", **(headers or {})})
        reply = connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read(), peer)
    finally:
        connection.close()


def raw_fetch(port, request, tls=False, address="127.0.0.1"):
    """Sends these bytes, and returns all that comes until the other side closes."""
    with socket.create_connection((address, port), timeout=20 * PATIENCE) as s:
        if tls:
            s = _context(None).wrap_socket(s, server_hostname="localhost")
        s.sendall(request if isinstance(request, bytes) else request.encode())
        got = b""
        while True:
            try:
                piece = s.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                return got
            if not piece:
                return got
            got += piece
