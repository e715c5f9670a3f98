#!/usr/bin/env python3
"""Web servers that stall, talk nonsense or never end, and thousands who ask for tokens that nobody knows: others are
issued meanwhile as if nothing was."""
import http.client
import http.server
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

ASKED = 6000  # challenge requests for unknown tokens, by ...
STRANGERS = 6


class Frontend(http.server.BaseHTTPRequestHandler):
    """Many web servers in one, by the name asked for; what is not named here redirects as it should."""
    daemon = None

    def do_GET(self):
        self.close_connection = True
        trick = getattr(self, self.headers.get("Host", "").split(".")[0], None)
        try:
            trick() if trick else self.redirect(f"http://127.0.0.1:{self.daemon.http_port}{self.path}")
        except OSError:
            pass

    def redirect(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.end_headers()

    def slow(self):
        time.sleep(20)

    def dripping(self):
        for _ in range(40):
            self.wfile.write(b"H")
            time.sleep(0.5)

    def garbage(self):
        self.wfile.write(bytes(range(256)) * 40)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(40):
            self.wfile.write(b"x" * 65536)

    def looping(self):
        self.redirect(f"http://looping.example:{self.server.server_port}{self.path}")

    def elsewhere(self):
        self.redirect("ftp://elsewhere.example/x")

    def stranger(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"some.thing else")

    def log_message(self, *ignored):
        pass


TRICKS = ("slow", "dripping", "garbage", "endless", "looping", "elsewhere", "stranger")


def main(t):
    daemon = Certerad(t, acme={"patience": "15s"})

    class Handler(Frontend):
        pass
    Handler.daemon = daemon
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    daemon.add_account(Pebble(t, server.server_port))

    for trick in TRICKS:
        daemon.add_cert(trick, f"{trick}.example", wait=False)
    answers, strangers = ask_for_unknown(daemon)
    before, size = time.monotonic(), resident(daemon)
    for i in range(12):
        daemon.add_cert(f"fine{i}", f"fine{i}.example", wait=False)

    def fine():
        shown = daemon.certs()
        return all(shown[f"fine{i}"]["status"] == "active" for i in range(12)) and shown
    shown = daemon.wait_until("the others are issued", fine, 30)
    took = time.monotonic() - before
    t.equal(sum(shown[f"fine{i}"]["failures"] for i in range(12)), 0, "the others are issued meanwhile, at the first attempt")
    t.ok(took < 15 * PATIENCE, "and need not wait", f"{took:.1f} s")

    for thread in strangers:
        thread.join()
    t.equal(answers, {404: ASKED}, f"{ASKED} requests for unknown tokens were answered with 404")
    grown = resident(daemon) - size
    t.ok(grown < 40 * 1024 * PATIENCE, "which cost no memory worth mentioning", f"{grown} kB")

    ended = daemon.wait_until("the tricks have failed", lambda: all(daemon.certs()[n]["failures"] for n in TRICKS), 45)
    for trick in TRICKS:
        said = str(daemon.cert(trick)["error"])
        t.ok(ended and f"{trick}.example" in said and "waiting for the CA to validate" in said,
            f"{trick}: failed, and the error says with which name", said)


def ask_for_unknown(daemon):
    """Strangers ask for tokens, on kept connections.  Returns what they got (status: how often), and their threads."""
    answers, lock = {}, threading.Lock()

    def ask(number):
        connection = http.client.HTTPConnection("127.0.0.1", daemon.http_port, timeout=20 * PATIENCE)
        for i in range(ASKED // STRANGERS):
            connection.request("GET", f"/.well-known/acme-challenge/{'x' * 30}{number}-{i}")
            answer = connection.getresponse()
            answer.read()
            with lock:
                answers[answer.status] = answers.get(answer.status, 0) + 1
    threads = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(STRANGERS)]
    for thread in threads:
        thread.start()
    return answers, threads


def resident(daemon):
    """kB"""
    with open(f"/proc/{daemon.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


run(main)
