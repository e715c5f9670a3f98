#!/usr/bin/env python3
"""import-from: trees that certbot, lego, dehydrated and Caddy made are taken over, renew from there, and twice is once."""
import json
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.clients import *


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


class Move:
    """A site whose web server serves the client's answers, and sends all others here: so names are proved before and after."""

    def __init__(self, t):
        self.t, self.webroot = t, t.path("webroot")
        os.makedirs(self.webroot)
        self.daemon = Certerad(t)
        self.nginx = Nginx(t, server=f"""
            location /.well-known/acme-challenge/ {{ root {self.webroot}; try_files $uri @certera; }}
            location @certera {{ return 302 http://127.0.0.1:{self.daemon.http_port}$request_uri; }}""")
        self.pebble = Pebble(t, self.nginx.port)

    def import_from(self, program, path, *options):
        done = self.daemon.run_ctl("--json", "import-from", program, path, "--ca-file", self.pebble.ca_file, *options)
        if not done.stdout:
            raise RuntimeError(done.stderr.decode())
        return json.loads(done.stdout)

    def results(self, answer, what):
        return {one["name"]: one["result"] for one in answer[what]}

    def take(self, program, path, accounts, certs, *options):
        """Looks first, takes, takes again; the answer of the second."""
        t, orders = self.t, self.pebble.orders()
        before = len(self.daemon.ctl("account", "list")["accounts"]), set(self.daemon.certs())
        first = self.import_from(program, path, "--dry-run", *options)
        t.equal((self.results(first, "accounts"), self.results(first, "certificates")),
            ({a: "taken" for a in accounts}, {c: "taken" for c in certs}), f"{program}: a dry run says what would be taken")
        t.equal((len(self.daemon.ctl("account", "list")["accounts"]), set(self.daemon.certs())), before, f"{program}: it takes nothing")
        taken = self.import_from(program, path, *options)
        t.equal((self.results(taken, "accounts"), self.results(taken, "certificates")),
            ({a: "taken" for a in accounts}, {c: "taken" for c in certs}), f"{program}: all is taken")
        newest = self.daemon.ctl("events", "--limit", "1")["events"][0]["number"]
        again = self.import_from(program, path, *options)
        t.equal((self.results(again, "accounts"), self.results(again, "certificates")),
            ({a: "there" for a in accounts}, {c: "there" for c in certs}), f"{program}: the second time all is there")
        t.equal(self.daemon.ctl("events", "--limit", "1")["events"][0]["number"], newest, f"{program}: the second time nothing happens")
        t.equal(self.pebble.orders(), orders, f"{program}: nothing is ordered")
        for name in accounts:
            t.equal(self.daemon.ctl("account", "show", name)["state"], "valid", f"{program}: the CA finds the account {name} by its key")
        return taken

    def fits(self, program, name, key, chain):
        """What is in force here is what the files have, by openssl."""
        exported = self.daemon.ctl("cert", "export", name, "--format", "bundle")["pem"]
        self.t.equal((chain_of(exported), public_key_of_key(exported)), (chain_of(chain), public_key_of_key(key)),
            f"{program}: {name} has their chain and key")

    def renews(self, program, name, account):
        shown = self.daemon.cert(name)
        self.t.equal((shown["account"], bool(shown["renew_at"]), shown["imported"]), (account, True, False),
            f"{program}: {name} is renewed from {account}, by plan")
        before = self.daemon.leaf(name)
        self.daemon.ctl("cert", "issue", name, "--wait")
        after = self.daemon.leaf(name)
        self.t.ok(after.serial != before.serial and after.names == before.names, f"{program}: {name} renews here", after.pem)


def note_of(answer, name):
    return " ".join(next(c["notes"] for c in answer["certificates"] if c["name"] == name))


def certbot(t, move):
    bot = Certbot(t, move.pebble)
    tell = f"curl -s -d '{{\"host\":\"_acme-challenge.'$CERTBOT_DOMAIN'.\",\"value\":\"'$CERTBOT_VALIDATION'\"}}' http://127.0.0.1:{move.pebble.names.management}"
    bot.issue("shop", ["shop.example", "www.shop.example"], "--webroot", "-w", move.webroot, "--reuse-key", "--deploy-hook", bot.script("deploy.sh"))
    bot.issue("wild", ["*.wild.example"], "--manual", "--preferred-challenges", "dns", "--manual-auth-hook",
        bot.script("auth.sh", f"#!/bin/sh\n{tell}/set-txt\n"))
    with open(bot.dir + "/renewal/shop.conf") as f:
        conf = f.read().replace("# renew_before_expiry = 30 days", "renew_before_expiry = 20 days")
    t.write("certbot/renewal/shop.conf", conf)
    files = {n: (read(bot.dir, "live", n, "privkey.pem"), read(bot.dir, "live", n, "fullchain.pem")) for n in ("shop", "wild")}
    account = f"certbot-localhost_{move.pebble.port}"
    taken = move.take("certbot", bot.dir, [account], ["shop", "wild"])
    for name in files:
        move.fits("certbot", name, *files[name])
    shop, wild = move.daemon.cert("shop"), move.daemon.cert("wild")
    t.equal((shop["challenge"], shop["renew_before"], shop["key_reuse"]), ("http-01", 20 * 86400, True), "certbot: settings come along")
    t.equal((wild["challenge"], wild["hook_set"]), ("dns-01", "certbot"), "certbot: a wildcard keeps dns-01, and has the adapter for its hook")
    t.contains(note_of(taken, "shop"), "deploy.sh", "certbot: a deploy hook is named, for it is not taken")
    t.contains(note_of(taken, "wild"), "auth.sh", "certbot: and so is the hook for DNS")
    move.renews("certbot", "shop", account)
    t.equal(public_key_of_key(files["shop"][0]), move.daemon.leaf("shop").public_key, "certbot: a key that is reused stays")
    t.equal(set(move.results(move.import_from("certbot", bot.dir), "certificates").values()), {"there"}, "certbot: what was renewed here stays in force")
    shown = move.daemon.run_ctl("import-from", "certbot", bot.dir, "--ca-file", move.pebble.ca_file)
    t.matches(shown.stdout.decode(), "already there *shop  shop.example, www.shop.example", "certbot: a person reads it")
    t.equal(shown.returncode, 0, "certbot: nothing is left")


def lego(t, move):
    own = Lego(t, move.pebble)
    own.issue("lego", ["lego.example", "www.lego.example"], "--http", "--http.webroot", move.webroot)
    host = f"localhost_{move.pebble.port}"
    key, chain = (read(own.dir, "certificates", "lego.example." + end) for end in ("key", "crt"))
    taken = move.take("lego", own.dir, [f"lego-{host}"], ["lego.example"], "--directory", move.pebble.directory, "--challenge", "http-01")
    t.contains(note_of(taken, "lego.example"), "http-01", "lego: how names are proved is said, as lego does not keep it")
    move.fits("lego", "lego.example", key, chain)
    move.renews("lego", "lego.example", f"lego-{host}")


def dehydrated(t, move):
    own = Dehydrated(t, move.pebble)
    own.configure(WELLKNOWN=move.webroot + "/.well-known/acme-challenge", PRIVATE_KEY_RENEW="no", RENEW_DAYS="25", HOOK=own.script("hook.sh"))
    own.issue(["dry.example www.dry.example > dry"])
    key, chain = read(own.dir, "certs/dry/privkey.pem"), read(own.dir, "certs/dry/fullchain.pem")
    account = f"dehydrated-localhost_{move.pebble.port}"
    taken = move.take("dehydrated", own.dir + "/config", [account], ["dry"])
    t.contains(note_of(taken, "dry"), "hook.sh", "dehydrated: a hook is named, for it is not taken")
    shown = move.daemon.cert("dry")
    t.equal((shown["renew_before"], shown["key_reuse"]), (25 * 86400, True), "dehydrated: settings come along")
    move.fits("dehydrated", "dry", key, chain)
    move.renews("dehydrated", "dry", account)
    t.equal(public_key_of_key(key), move.daemon.leaf("dry").public_key, "dehydrated: a key that is kept stays")


def caddy(t, move):
    """Caddy answers by itself: at a CA that believes it."""
    own = CaddyServer(t, Pebble(t, move.nginx.port, names=move.pebble.names, name="pebble-caddy", always_valid=True))
    own.issue(["caddy.example"])
    move.pebble = own.ca
    folder = f"localhost-{own.ca.port}-dir"
    key, chain = (read(own.dir, "data/certificates", folder, "caddy.example/caddy.example." + end) for end in ("key", "crt"))
    move.take("caddy", own.dir + "/data", ["caddy-" + folder], ["caddy.example"])
    move.fits("caddy", "caddy.example", key, chain)
    move.renews("caddy", "caddy.example", "caddy-" + folder)


def refusals(t, move):
    for program, path in (("certbot", t.dir), ("lego", t.dir), ("acme.sh", t.dir), ("dehydrated", t.path("webroot")), ("caddy", t.path("webroot"))):
        refused = move.daemon.run_ctl("import-from", program, path)
        t.ok(refused.returncode and b"neither" in refused.stderr and b"Give " in refused.stderr, f"{program}: a directory without its files is refused", refused)
    refused = move.daemon.run_ctl("import-from", "certify", t.dir)
    odd = t.path("odd")
    os.makedirs(odd + "/a.example")
    for pipe in ("account.conf", "a.example/a.example.conf"):
        os.mkfifo(f"{odd}/{pipe}")
    stuck = move.daemon.run_ctl("import-from", "acme.sh", odd, "--dry-run", timeout=20)
    t.contains(stuck.stdout.decode(), "Nothing was changed.", "nobody waits for a pipe in the folder of a user")
    t.ok(refused.returncode and b"there are certbot, acme.sh" in refused.stderr, "a program that is not known is refused", refused)


def main(t):
    move = Move(t)
    certbot(t, move)
    lego(t, move)
    dehydrated(t, move)
    refusals(t, move)
    caddy(t, move)


run(main)
