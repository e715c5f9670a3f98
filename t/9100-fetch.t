#!/usr/bin/env python3
"""contrib/deploy/certera-fetch against a server that behaves as told, well and badly."""
import http.server
import os
import ssl
import stat
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SCRIPT = os.path.join(TOP, "contrib", "deploy", "certera-fetch")
API_KEYS = {"/api/certificate/www": "certificate-secret", "/api/key/www": "key-secret"}


class Server:
    """Serves texts by path with an ETag, over https, to those who have the API key."""

    def __init__(self, t, ca):
        self.texts, self.requests, self.queries, self.status = {}, [], [], None
        self.after = None	# called once, after the first answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca.cert, ca.key)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"https://localhost:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler):
        path, _, query = handler.path.partition("?")
        text, etag = self.texts.get(path, ""), f'"{hash(self.texts.get(path))}"'
        status = self.status or (401 if handler.headers["apiKey"] != API_KEYS.get(path) else
            304 if handler.headers["If-None-Match"] == etag else 200)
        body = text.encode() if status == 200 else b"" if status == 304 else b"one plain sentence\n"
        self.requests.append((path, status))
        self.queries.append(query)
        handler.send_response(status)
        handler.send_header("ETag", etag)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        after, self.after = self.after, None
        if after:
            after()

    def statuses(self):
        seen, self.requests = [status for _, status in self.requests], []
        return seen


def make_pair(t, name, ended=False):
    """A self-signed certificate and its key."""
    key, cert = t.path(name + ".key"), t.path(name + ".crt")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
        "-out", cert, "-days", "30", "-subj", f"/CN={name}")
    if ended:
        openssl("x509", "-in", cert, "-signkey", key, "-days", "-1", "-out", cert)
    return read(cert), read(key)


def read(path):
    with open(path) as f:
        return f.read()


class Client:
    def __init__(self, t, server, ca):
        self.dir, self.reloads = t.path("live"), t.path("reloads")
        self.argv = ["-s", server.url, "-n", "www", "-a", ca.file, "-d", self.dir,
            "-c", t.write("certificate.apikey", "certificate-secret\n"), "-p", t.write("key.apikey", "key-secret\n")]
        for name in ("certificate.apikey", "key.apikey"):
            os.chmod(t.path(name), 0o600)
        # A curl that tells what others could see of it.
        self.seen, real = t.path("seen"), program("curl")
        os.chmod(t.write("bin/curl", f'#!/bin/sh\necho "$@" >> {self.seen}\nexec {real} "$@"\n'), 0o755)
        self.env = {**os.environ, "PATH": t.path("bin") + ":" + os.environ["PATH"]}

    def run(self, *more, reload=None):
        done = run_command(SCRIPT, *self.argv, "-r", reload or f"echo reloaded >> {self.reloads}", *more,
            env=self.env)
        self.said = (done.stdout + done.stderr).decode()
        return done.returncode

    def installed(self, suffix=""):
        return tuple(read(f"{self.dir}/{name}{suffix}") for name in ("fullchain.pem", "key.pem"))

    def reload_count(self):
        return len(read(self.reloads).splitlines()) if os.path.exists(self.reloads) else 0


def good_days(t, client, serve, server, first, second):
    serve(first)
    t.ok(client.run() == 0, "the first fetch succeeds", client.said)
    t.matches(client.said, r"^certera-fetch: www: installed in \S+, valid until .* GMT\n$",
        "and says until when it is valid")
    t.equal(client.installed(), first, "certificate and key are in place")
    t.equal([stat.S_IMODE(os.stat(f"{client.dir}/{n}").st_mode) for n in ("fullchain.pem", "key.pem")], [0o600, 0o600],
        "only their owner may read them")
    t.equal(client.reload_count(), 1, "the reload command ran")
    t.equal(server.statuses(), [200, 200], "both were fetched")

    t.equal(client.run(), 0, "the second run succeeds")
    t.equal((server.statuses(), client.reload_count()), ([304, 304], 1),
        "nothing has changed: nothing is sent, nothing reloaded")
    t.equal((client.run("-q"), client.said), (0, ""), "-q: not a word about that")

    serve(second)
    server.statuses()
    t.equal(client.run(), 0, "after a renewal it succeeds")
    t.equal(client.installed(), second, "the new ones are in place")
    t.equal(client.installed(".old"), first, "the old ones beside them")
    t.equal(client.reload_count(), 2, "reloaded once more")

    run_command("sh", "-c", f"echo >> {client.dir}/key.pem; : > {client.dir}/fullchain.pem")
    t.equal((client.run(), client.installed()), (0, second), "files spoilt by others are made good")
    t.equal((client.run("-g", str(os.getgid())), client.run("-t")), (0, 0), "a group and staging may be given")
    t.equal(server.queries[-2:], ["staging=true", "certificate=www&staging=true"], "staging is asked for, and the key that fits the certificate")
    t.lacks(read(client.seen), "-secret", "no API key is ever on a command line")
    t.equal([n for n in os.listdir(client.dir) if n.startswith(".new")], [], "no temporary directory stays")


def bad_days(t, client, serve, server, now, other):
    def unchanged(sentence, pattern):
        held = client.installed()
        reloads, code = client.reload_count(), client.run()
        t.equal((code, client.installed() == held, client.reload_count()), (1, True, reloads),
            f"{sentence}: nothing changes")
        t.matches(client.said, pattern, f"{sentence}: and it says so")
        t.lacks(client.said, "-secret", f"{sentence}: without the API key")

    serve((other[0], now[1]))
    unchanged("a key that is not the certificate's", "the key www is not the certificate's")
    serve(("-----BEGIN CERTIFICATE-----\n", other[1]))
    unchanged("a broken certificate", "is not the certificate's")
    serve(make_pair(t, "ended", ended=True))
    unchanged("a certificate that has ended", "has ended")
    for status, pattern in ((401, "does not take the API key in .*certificate.apikey"), (403, "access.api"),
            (500, "answered 500: one plain sentence")):
        server.status = status
        unchanged(f"status {status}", pattern)
    server.status = None
    argv, client.argv = client.argv, [a.replace(server.url, "https://localhost:1") for a in client.argv]
    unchanged("no server", "fetching the certificate from https://localhost:1 failed")
    client.argv = [a.replace("https:", "http:") for a in argv]
    unchanged("plain http", "(?i)protocol")
    client.argv = argv

    serve(other)
    server.after = lambda: serve(now)
    t.ok(client.run() == 0, "a renewal between the two requests is noticed", client.said)
    t.equal(client.installed(), now, "and both come from after it")

    serve(other)
    reloads = client.reload_count()
    t.equal(client.run(reload="exit 7"), 1, "a reload that fails is an error")
    t.contains(client.said, "will be tried again: exit 7", "which names the command")
    t.equal((client.run(), client.reload_count()), (0, reloads + 1), "and the next run reloads, though nothing is new")
    t.equal((client.run(), client.reload_count()), (0, reloads + 1), "once")


def main(t):
    ca = CA(t)
    server = Server(t, ca)
    client = Client(t, server, ca)

    def serve(pair):
        server.texts = dict(zip(API_KEYS, pair))

    first, second, third = (make_pair(t, name) for name in ("first", "second", "third"))
    good_days(t, client, serve, server, first, second)
    bad_days(t, client, serve, server, second, third)
    asked = run_command(SCRIPT, "-h")
    t.ok(asked.returncode == 0 and b"-q  " in asked.stdout and not asked.stderr, "-h: what it can be told", asked)
    t.equal(run_command(SCRIPT, "-s", server.url).returncode, 2, "what is missing on the command line is a usage error")
    t.equal(client.run("-n", "../../secret"), 1, "a name cannot lead elsewhere")
    server.http.shutdown()


run(main)
