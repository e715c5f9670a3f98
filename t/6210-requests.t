#!/usr/bin/env python3
"""Requests as nobody should send them, and some that are only unusual: each gets exactly the answer named here, on every
face, and what follows on its connection is read as the next request only where there is no doubt that it is one.
"""
import json
import re
import socket
import ssl
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PATH = "/.well-known/acme-challenge/none"  # fine is 404
G, P, H = f"GET {PATH} HTTP/1.1\r\n", f"POST {PATH} HTTP/1.1\r\n", "Host: a\r\n"
CHUNKED = f"{G}{H}Transfer-Encoding: chunked\r\n\r\n"
NEXT = f"GET {PATH} HTTP/1.1\r\nHost: next\r\nConnection: close\r\n\r\n"  # sent behind each of them
FINE = "fine, and the next one is read", 404, "There is no such challenge"
LAST = "fine, and the connection ends", 404, "There is no such challenge"


def bad(sentence, status=400):
    return "refused", status, sentence


LINE = bad("The first line is not a method, a target and a version with one space between them.")
TARGET = bad("The target of the request is not a path or an http URL.")
FEED = bad("A line ends in a line feed without a carriage return.")
NAME = bad("The name of a header is empty, or has a character that is not allowed, or a blank behind it.")
VALUE = bad("The value of a header has a control character.")
FOLDED = bad("A header continues on the next line.")
TWICE = bad("A header that must not be repeated is given twice.")
HOST = bad("The header Host is not a host with an optional port.")
LENGTH = bad("The header Content-Length is not a number.")
BOTH = bad("Content-Length and Transfer-Encoding exclude each other.")
CODING = bad("The last transfer coding is not chunked, so the body has no end.")
SIZE = bad("The size of a chunk is not a hexadecimal number.")
CHUNK = bad("A chunk does not end where its size says.")
LONG = bad("The body is too long: 64 KiB are possible over https, 1 MiB over the control socket.", 413)
OTHER = "fine, and the next one is read", 405, "Only GET and HEAD are offered here."

TABLE = {
    # The first line.
    "a request": (f"{G}{H}\r\n", FINE),
    "an empty line before it": (f"\r\n{G}{H}\r\n", FINE),
    "two empty lines before it": (f"\r\n\r\n{G}{H}\r\n", bad("The request begins with more than one empty line.")),
    "TLS on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", LINE),
    "two spaces": (f"GET  {PATH} HTTP/1.1\r\n{H}\r\n", LINE),
    "a tab for a space": (f"GET\t{PATH} HTTP/1.1\r\n{H}\r\n", LINE),
    "a space before it": (f" {G}{H}\r\n", LINE),
    "a space behind it": (f"GET {PATH} HTTP/1.1 \r\n{H}\r\n", LINE),
    "a space in the target": (f"GET {PATH} x HTTP/1.1\r\n{H}\r\n", LINE),
    "no version": (f"GET {PATH}\r\n\r\n", LINE),
    "a version in small letters": (f"GET {PATH} http/1.1\r\n{H}\r\n", LINE),
    "HTTP/1.10": (f"GET {PATH} HTTP/1.10\r\n{H}\r\n", LINE),
    "HTTP/1.2": (f"GET {PATH} HTTP/1.2\r\n{H}\r\n", FINE),
    "HTTP/2 from its first byte": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bad("This server speaks HTTP/1.0 and HTTP/1.1.", 505)),
    "HTTP/0.9": (f"GET {PATH} HTTP/0.9\r\n\r\n", bad("This server speaks HTTP/1.0 and HTTP/1.1.", 505)),
    "another method": (f"BREW {PATH} HTTP/1.1\r\n{H}\r\n", OTHER),
    "a small method": (f"get {PATH} HTTP/1.1\r\n{H}\r\n", OTHER),
    "a method that is none": (f"G@T {PATH} HTTP/1.1\r\n{H}\r\n", LINE),
    "a long method": (f"{'G' * 40} {PATH} HTTP/1.1\r\n{H}\r\n", bad("This method is not implemented.", 501)),
    "CONNECT": (f"CONNECT a:443 HTTP/1.1\r\n{H}\r\n", bad("This method is not implemented.", 501)),
    "a target without a slash": (f"GET x HTTP/1.1\r\n{H}\r\n", TARGET),
    "a URL": (f"GET http://a{PATH} HTTP/1.1\r\n{H}\r\n", FINE),
    "a URL of another scheme": (f"GET ftp://a{PATH} HTTP/1.1\r\n{H}\r\n", TARGET),
    "a URL with a user": (f"GET http://u:p@a{PATH} HTTP/1.1\r\n{H}\r\n", TARGET),
    "a URL without a host": (f"GET http://{PATH} HTTP/1.1\r\n{H}\r\n", TARGET),
    "* for GET": (f"GET * HTTP/1.1\r\n{H}\r\n", TARGET),
    "a fragment": (f"GET {PATH}#x HTTP/1.1\r\n{H}\r\n", TARGET),
    "bytes that are not ASCII": (f"GET {PATH}/\xe9 HTTP/1.1\r\n{H}\r\n", TARGET),
    "NUL in the target": (f"GET {PATH}\0 HTTP/1.1\r\n{H}\r\n", TARGET),
    "a carriage return in the target": (f"GET {PATH}\rx HTTP/1.1\r\n{H}\r\n", TARGET),
    "a long target": (f"GET {PATH}?{'x' * 9000} HTTP/1.1\r\n{H}\r\n", bad("The first line is longer than 8192 bytes.", 414)),
    "a line feed ends it": (f"GET {PATH} HTTP/1.1\n{H}\r\n", FEED),
    # Headers.
    "a line feed ends a header": (f"{G}Host: a\n\r\n", FEED),
    "a line feed is the empty line": (f"{G}{H}\n", FEED),
    "a carriage return in a value": (f"{G}{H}X: a\rContent-Length: 5\r\n\r\n", VALUE),
    "NUL in a value": (f"{G}{H}X-Forwarded-For: 192.0.2.1\0, 127.0.0.1\r\n\r\n", VALUE),
    "NUL in a name": (f"{G}{H}X\0Y: a\r\n\r\n", NAME),
    "DEL in a value": (f"{G}{H}X: \x7f\r\n\r\n", VALUE),
    "a blank before the colon": (f"{G}{H}Content-Length : 5\r\n\r\n", NAME),
    "a tab before the colon": (f"{G}{H}Transfer-Encoding\t: chunked\r\n\r\n", NAME),
    "a name that is empty": (f"{G}{H}: x\r\n\r\n", NAME),
    "a name in quotes": (f"{G}{H}\"X\": x\r\n\r\n", NAME),
    "no colon": (f"{G}{H}X\r\n\r\n", NAME),
    "a folded header": (f"{G}{H}X: a\r\n b\r\n\r\n", FOLDED),
    "a folded header, with a tab": (f"{G}{H}X: a\r\n\tContent-Length: 5\r\n\r\n", FOLDED),
    "the first is folded": (f"{G} {H}\r\n", FOLDED),
    "tabs and blanks around a value": (f"{G}Host:\t a \t\r\n\r\n", FINE),
    "bytes that are not ASCII, in a value": (f"{G}{H}X: \xe9\r\n\r\n", FINE),
    "a hundred headers more": (f"{G}{H}" + "X: y\r\n" * 100 + "\r\n", bad("There are more than 100 headers.", 431)),
    "long headers": (f"{G}{H}" + f"X: {'y' * 990}\r\n" * 20 + "\r\n", bad("The headers are longer than 16384 bytes.", 431)),
    "no host": (f"{G}\r\n", bad("The header Host is missing.")),
    "two hosts": (f"{G}{H}Host: b\r\n\r\n", TWICE),
    "the same host twice": (f"{G}{H}{H}\r\n", TWICE),
    "an empty host": (f"{G}Host:\r\n\r\n", FINE),
    "two hosts in one": (f"{G}Host: a b\r\n\r\n", HOST),
    "a host with a path": (f"{G}Host: a/b\r\n\r\n", HOST),
    "a host with a port that is none": (f"{G}Host: a:8o\r\n\r\n", HOST),
    "HTTP/1.0 without a host": (f"GET {PATH} HTTP/1.0\r\n\r\n", LAST),
    "HTTP/1.0 that stays": (f"GET {PATH} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", FINE),
    "HTTP/1.1 that ends": (f"{G}{H}Connection: x , close\r\n\r\n", LAST),
    "another expectation": (f"{P}{H}Expect: x\r\n\r\n", bad("The only expectation that can be met is 100-continue.", 417)),
    # Where the body ends.
    "a body of GET": (f"{G}{H}Content-Length: 5\r\n\r\nGET /", FINE),
    "a body of HEAD": (f"HEAD {PATH} HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nGET /", ("fine, and the next one is read", 404, "")),
    "a body of POST": (f"{P}{H}Content-Length: 005\r\n\r\nhello", OTHER),
    "two lengths": (f"{P}{H}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", TWICE),
    "the same length twice": (f"{P}{H}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", TWICE),
    "two lengths in one": (f"{P}{H}Content-Length: 5, 5\r\n\r\nhello", LENGTH),
    "the length +5": (f"{P}{H}Content-Length: +5\r\n\r\nhello", LENGTH),
    "the length -5": (f"{P}{H}Content-Length: -5\r\n\r\nhello", LENGTH),
    "the length 0x5": (f"{P}{H}Content-Length: 0x5\r\n\r\nhello", LENGTH),
    "the length 5 5": (f"{P}{H}Content-Length: 5 5\r\n\r\nhello", LENGTH),
    "an empty length": (f"{P}{H}Content-Length:\r\n\r\n", LENGTH),
    "a long body": (f"{P}{H}Content-Length: 2000000\r\n\r\n", LONG),
    "a length beyond numbers": (f"{P}{H}Content-Length: 18446744073709551621\r\n\r\nhello", LONG),
    "length and chunks": (f"{P}{H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BOTH),
    "chunks and length": (f"{P}{H}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", BOTH),
    "chunks of HTTP/1.0": (f"POST {PATH} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad("HTTP/1.0 has no Transfer-Encoding.")),
    "gzip": (f"{P}{H}Transfer-Encoding: gzip\r\n\r\n", CODING),
    "gzip in chunks": (f"{P}{H}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", bad("No transfer coding but chunked is implemented.", 501)),
    "chunks in gzip": (f"{P}{H}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", CODING),
    "chunks in chunks": (f"{P}{H}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", CODING),
    "chunks in chunks, in two headers": (f"{P}{H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", CODING),
    "chunks and something, in two headers": (f"{P}{H}Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n0\r\n\r\n", CODING),
    "xchunked": (f"{P}{H}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", CODING),
    "chunked with a parameter": (f"{P}{H}Transfer-Encoding: chunked;x=y\r\n\r\n0\r\n\r\n", CODING),
    "chunked behind a vertical tab": (f"{P}{H}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", VALUE),
    "identity": (f"{P}{H}Transfer-Encoding: identity\r\n\r\n", CODING),
    "CHUNKED": (f"{G}{H}Transfer-Encoding:\tCHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", FINE),
    # Chunks.
    "chunks, with all that may be said of them": (f"{CHUNKED}05;a=b ; c=\"d\"\r\nhello\r\nA\r\n0123456789\r\n000\r\nX: y\r\nHost: z\r\n\r\n", FINE),
    "the size 0x5": (f"{CHUNKED}0x5\r\nhello\r\n0\r\n\r\n", SIZE),
    "the size +5": (f"{CHUNKED}+5\r\nhello\r\n0\r\n\r\n", SIZE),
    "a blank before the size": (f"{CHUNKED} 5\r\nhello\r\n0\r\n\r\n", SIZE),
    "a blank behind the size": (f"{CHUNKED}5 \r\nhello\r\n0\r\n\r\n", SIZE),
    "an empty size": (f"{CHUNKED}\r\nhello\r\n0\r\n\r\n", SIZE),
    "a size beyond numbers": (f"{CHUNKED}10000000000000005\r\nhello\r\n0\r\n\r\n", LONG),
    "a line feed ends the size": (f"{CHUNKED}5\nhello\r\n0\r\n\r\n", FEED),
    "NUL behind the size": (f"{CHUNKED}5;\0\r\nhello\r\n0\r\n\r\n", bad("The first line of a chunk is too long, or has a control character.")),
    "a chunk that is longer": (f"{CHUNKED}4\r\nhello\r\n0\r\n\r\n", CHUNK),
    "a line feed ends a chunk": (f"{CHUNKED}5\r\nhello\n0\r\n\r\n", CHUNK),
    "a bad header behind the chunks": (f"{CHUNKED}5\r\nhello\r\n0\r\nX : y\r\n\r\n", NAME),
}


def answers(data, heads):
    """Status and body, one after the other.  heads: the first has no body."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d+) [A-Z][\w -]*\r\n", head)
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        if not status or not length:
            return found + [("garbage", data)]
        size = 0 if heads and not found else int(length[1])
        found.append((int(status[1]), rest[:size].decode()))
        data = rest[size:]
    return found


def control(daemon, request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20 * PATIENCE)
        s.connect(daemon.socket)
        s.sendall(request)
        got = b""
        while piece := s.recv(65536):
            got += piece
        return got


def judge(t, send, where, challenges=True):
    """challenges: they are answered there, with sentences of their own."""
    faults = []
    for name, (request, (outcome, status, sentence)) in TABLE.items():
        request = (request if isinstance(request, bytes) else request.encode("latin-1")) + NEXT.encode()
        got = answers(send(request), request.startswith(b"HEAD"))
        if status in (404, 405) and not challenges:  # there it is a page that does not exist
            status, sentence = 404, ""
        wanted = [status] + [404] * outcome.endswith("read")
        if [s for s, _ in got] != wanted or sentence not in got[0][1]:
            faults.append(f"{name}: {got}, not {wanted} {sentence}")
    t.ok(not faults, f"{len(TABLE)} requests {where}", "\n".join(faults))


def alpn(daemon, protocols):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    with socket.create_connection(("127.0.0.1", daemon.https_port)) as s, context.wrap_socket(s) as tls:
        tls.sendall(f"GET {PATH} HTTP/1.0\r\n\r\n".encode())
        return tls.selected_alpn_protocol(), tls.recv(12)


def main(t):
    daemon = Certerad(t, listen={"hsts": "7d"})
    judge(t, lambda request: raw_fetch(daemon.http_port, request), "by http")
    judge(t, lambda request: raw_fetch(daemon.https_port, request, tls=True), "by https")
    judge(t, lambda request: control(daemon, request), "on the control socket", challenges=False)

    one = f"{G}{H}\r\n".encode()
    for port, tls in ((daemon.http_port, False), (daemon.https_port, True)):
        got = answers(raw_fetch(port, one * 3000 + NEXT.encode(), tls), False)
        t.equal([s for s, _ in got], [404] * 3001, "three thousand requests in one piece, three thousand answers")
    with socket.create_connection(("127.0.0.1", daemon.https_port)) as s, ssl._create_unverified_context().wrap_socket(s) as tls:
        tls.sendall(b"POST /api/certificate/none HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n")
        t.equal(tls.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n", "who waits for 100 Continue gets it")
        for byte in b"staging=true&a=b&c=d":
            tls.sendall(bytes([byte]))
        t.equal(tls.recv(12), b"HTTP/1.1 401", "and then the answer")

    for what, request, status in (("a long target", f"GET /api/v1/certificates?{'x' * 9000} HTTP/1.1\r\n{H}\r\n", 414),
            ("long headers", f"GET /api/v1/status HTTP/1.1\r\n{H}" + f"X: {'y' * 990}\r\n" * 20 + "\r\n", 431),
            ("a long body", f"POST /api/v1/certificates HTTP/1.1\r\n{H}Content-Length: 2000000\r\n\r\n", 413),
            ("no host", "GET /api/v1/status HTTP/1.1\r\n\r\n", 400)):
        for where, send in (("by https", lambda r: raw_fetch(daemon.https_port, r, tls=True)), ("on the control socket", lambda r: control(daemon, r.encode()))):
            head, _, body = send(request).partition(b"\r\n\r\n")
            problem = json.loads(body)
            t.ok(b"\r\nContent-Type: application/problem+json\r\n" in head and (problem["status"], problem["type"]) == (status, "urn:certera:error:usage") and
                problem["detail"].endswith("."), f"{what} for the API, {where}: a problem document", (head, body))

    browser = f"{H}Accept: text/html,application/xhtml+xml\r\n"
    for what, request, status, words in (("a long form", f"POST /keys HTTP/1.1\r\n{browser}Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 2000000\r\n\r\n", 413, "send a shorter text or a smaller file"),
            ("a long target", f"GET /certificates?{'x' * 8200} HTTP/1.1\r\n{browser}\r\n", 414, "try again"),
            ("long headers", f"GET /certificates HTTP/1.1\r\n{browser}" + f"X: {'y' * 990}\r\n" * 20 + "\r\n", 431, "try again")):
        head, _, body = raw_fetch(daemon.https_port, request, tls=True).decode().partition("\r\n\r\n")
        t.ok(head.startswith(f"HTTP/1.1 {status} ") and "Content-Type: text/html" in head and "<h1>Not taken</h1>" in body and words in body and "ertera" not in head + body,
            f"{what} of a browser: a page, which does not tell what runs here", (head, body))
        t.contains(raw_fetch(daemon.http_port, request), b"Content-Type: text/plain", "by http, where there are no pages, a line")

    for i in range(100):  # the keeper is asked for nobody
        with socket.create_connection(("127.0.0.1", daemon.https_port)) as s, ssl._create_unverified_context().wrap_socket(s) as tls:
            tls.sendall(b"GET /api/certificate/none HTTP/1.1\r\nHost: a\r\napiKey: K\r\n\r\n" * 2)
    t.equal(daemon.https("/api/certificate/none", headers={"apiKey": "K"}).status, 401, "who leaves before the answer harms nobody")

    t.equal(daemon.https(PATH).header("Strict-Transport-Security"), "max-age=604800", "browsers are told to keep to https")
    t.equal(daemon.http(PATH).header("Strict-Transport-Security"), None, "but not by http")
    daemon.configure(listen={"hsts": "0s"})
    daemon.reload()
    t.equal(daemon.https(PATH).header("Strict-Transport-Security"), None, "hsts: 0s")
    for offered in (["http/1.1"], ["http/1.0"], ["h2", "http/1.1"], ["h2", "http/1.0"]):
        t.equal(alpn(daemon, offered), (offered[-1], b"HTTP/1.0 404"), f"ALPN {', '.join(offered)}")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
