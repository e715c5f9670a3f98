#!/usr/bin/env python3
"""certeractl doctor: what is wrong is found, with what to do, and is no longer found when it is mended."""
import http.server
import json
import os
import socket
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

own_network()


class Stranger(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"Nothing here.\n")

    def log_message(self, *ignored):
        pass


def greet(listening, greeting):
    while True:
        try:
            s, _ = listening.accept()
        except OSError:
            return
        s.sendall(greeting[0])
        s.close()


class Found:
    """One look."""

    def __init__(self, daemon):
        done = daemon.run_ctl("--json", "doctor", "--config", daemon.config_file)
        self.code, self.said = done.returncode, json.loads(done.stdout)
        self.findings = self.said["findings"]

    def __call__(self, check):
        """The worst state of a check, with its text."""
        found = [f for f in self.findings if f["check"] == check]
        for state in ("fault", "warning", "fine"):
            for f in found:
                if f["state"] == state:
                    return state, f["text"]
        return None, ""


def main(t):
    site = Site(t, listen={"http": "127.0.0.1:80", "https": "127.0.0.1:443"})
    daemon = site.daemon

    def holds(found, check, state, text, sentence):
        t.ok(found(check)[0] == state and text in found(check)[1], sentence, found(check))

    new = Found(daemon)
    for check, state, text, sentence in (
            ("configuration", "fine", daemon.config_file, "the configuration is fine"),
            ("server", "fine", "answers at", "the server answers"),
            ("health", "fine", "Scheduled tasks", "what monitoring sees is among it"),
            ("hostname", "warning", "127.0.0.1, which no CA", "a name that leads inside is a warning"),
            ("http", "fine", "answered by Certera", "port 80 is ours"),
            ("https", "warning", "https://localhost cannot be opened", "a certificate that nobody trusts is a warning"),
            ("ca", "fine", "account ca", "the CA answers"),
            ("permissions", "fine", daemon.state, "nobody else reads the state"),
            ("mail", "fine", "No mail server", "there is no mail server, and nobody needs one"),
            ("users", "warning", "nobody can sign in", "there is no user"),
            ("notifications", "warning", "nobody learns", "there is no channel"),
            ("backups", "warning", "no backup", "there is no backup"),
            ("master_key", "fine", daemon.state, "where the master key is")):
        holds(new, check, state, text, sentence)
    t.equal([m for m in daemon.api("GET", "/status")[1]["protection"]["missing"] if m not in [f["text"] for f in new.findings if f["check"] == "protection"]], [],
        "which protection is missing")
    alone = json.loads(daemon.run_ctl("--json", "doctor").stdout)["findings"]
    t.contains(str([f["text"] for f in alone if f["check"] == "configuration"]), daemon.config_file, "the file is that of the server, also if nobody names it")
    t.equal((new.code, new.said["faults"]), (0, 0), "warnings alone are no failure")
    t.equal([f for f in new.findings if f["state"] != "fine" and not f["do"]], [], "what is not fine comes with what to do")

    add_user(daemon, "alice")
    daemon.ctl("channel", "add", "mail", "--kind", "email", "--to", "ops@example.org")
    daemon.ctl("backup", t.path("copy"))
    mended = Found(daemon)
    holds(mended, "users", "fine", "", "with a user, users are fine")
    holds(mended, "backups", "warning", "does not copy it", "a backup that stays here is a warning")
    holds(mended, "notifications", "fault", "mail.host", "a channel without a mail server is a fault")

    os.chmod(daemon.store + "/data.mdb", 0o644)
    holds(Found(daemon), "permissions", "fault", "store/data.mdb", "a store that everyone can read is a fault")
    os.chmod(daemon.store + "/data.mdb", 0o600)
    for path in (daemon.config_file, daemon.state):
        before = os.stat(path).st_mode
        os.chmod(path, before | 0o002)
        holds(Found(daemon), "permissions", "fault", f"can change {path}", f"so is {os.path.basename(path)}, if everyone can change it")
        os.chmod(path, before)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        greeting = [b"220 mail.example\r\n"]
        threading.Thread(target=greet, args=(listening, greeting), daemon=True).start()
        daemon.configure(mail={"host": "127.0.0.1", "port": listening.getsockname()[1], "from": "a@example.org"})
        daemon.reload()
        holds(Found(daemon), "mail", "fine", "127.0.0.1 answers", "a mail server that greets is fine")
        greeting[0] = b"HTTP/1.1 400 Bad Request\r\n"
        holds(Found(daemon), "mail", "fault", "does not greet", "a server that is none is a fault")
        listening.shutdown(socket.SHUT_RDWR)
    holds(Found(daemon), "mail", "fault", "does not answer on port", "so is none at all")

    site.pebble.stop()
    stranger = http.server.ThreadingHTTPServer(("127.0.0.1", 80), Stranger, bind_and_activate=False)
    daemon.stop()
    daemon.configure(listen={"http": "127.0.0.1:8080"}, hooks={"deploy": "nowhere"})
    daemon.begin()
    stranger.server_bind()
    stranger.server_activate()
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    broken = Found(daemon)
    t.equal(broken.code, 1, "a fault is a failure")
    holds(broken, "configuration", "fault", "hooks.deploy", "a script that is not there is a fault")
    holds(broken, "http", "fault", "by a different server", "port 80 is a different server's")
    holds(broken, "ca", "fault", "does not answer", "the CA does not answer")
    stranger.shutdown()
    stranger.server_close()
    holds(Found(daemon), "http", "fault", "cannot be fetched", "port 80 is nobody's")

    daemon.configure(server={"hostname": "nowhere.invalid"}, mail={"host": "mail.invalid"})
    daemon.reload()
    unknown = Found(daemon)
    holds(unknown, "hostname", "fault", "has no address", "a name without an address is a fault")
    t.equal((unknown("http")[0], unknown("https")[0]), (None, None), "and only one")
    holds(unknown, "mail", "fault", "mail.invalid has no address", "so is that of a mail server")

    daemon.stop()
    t.equal(daemon.run_ctl("restore", "--config", daemon.config_file, t.path("copy")).returncode, 0, "a backup is restored")
    daemon.begin()
    holds(Found(daemon), "backups", "warning", f"was restored from the backup {t.path('copy')}", "after that, the backup that there is, is the restored one")
    daemon.ctl("backup", t.path("later"))
    holds(Found(daemon), "backups", "warning", "does not copy it", "until there is a new one")

    daemon.stop()
    ended = Found(daemon)
    holds(ended, "server", "fault", daemon.socket, "a server that does not run is a fault")
    t.equal({f["check"] for f in ended.findings}, {"configuration", "kernel", "clock", "server"}, "what only it knows is left out")
    shown = daemon.run_ctl("doctor", "--config", daemon.config_file)
    t.matches(shown.stdout.decode(), r"(?m)^fault +server .*\n +Start it: systemctl start certera", "a person reads what to do below what is wrong")


run(main)
