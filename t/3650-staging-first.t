#!/usr/bin/env python3
"""First with a staging CA, then switched to production; and from one CA to another."""
import json
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, account=False)
    daemon, staging = site.daemon, site.pebble
    production, other = (Pebble(t, site.nginx.port, names=staging.names, name=n) for n in ("production", "other"))
    daemon.add_account(staging, "staging", staging=True)
    daemon.add_account(production, "le")
    daemon.add_account(other, "other")

    made = daemon.add_cert("shop", "shop.example", account="staging")
    api_key, tried = made["api_keys"][0], daemon.leaf("shop")
    t.equal(daemon.download("certificate", "shop", api_key).status, 404, "tried with staging: production has nothing of that name")
    shown = daemon.ctl("cert", "set", "shop", "--staging", "--account", "le", "--wait")
    t.equal((shown["status"], shown["staging"], shown["account"]), ("active", False, "le"), "switched to production: ordered there")
    leaf = Certificate(daemon.download("certificate", "shop", api_key).text)
    t.ok(leaf.verified_by(production.root(), [production.intermediate()]), "issued by the production CA, fetched with the API key it had")
    t.ok(leaf.public_key != tried.public_key, "for a key that staging never saw")
    t.equal(public_key_of_key(daemon.download("key", "shop", made["key_api_keys"][0]).text), leaf.public_key, "which is the one in force")
    t.equal(daemon.download("certificate", "shop", api_key, staging="true").status, 404, "there is no staging certificate any more")
    done = daemon.run_ctl("cert", "rollback", "shop", "1")
    t.contains(done.stderr, b"is of the staging CA it was tried with", "what staging issued cannot be put in force again")
    t.equal(len(daemon.cert("shop")["versions"]), 2, "but is in its history")

    until_issued(t, daemon, site)
    refusals(t, daemon)

    daemon.ctl("cert", "set", "shop", "--account", "other")
    t.equal((daemon.cert("shop")["status"], other.orders()), ("active", 0), "to another CA: one that is well is not ordered again")
    daemon.ctl("cert", "issue", "shop", "--wait")
    t.ok(daemon.leaf("shop").verified_by(other.root(), [other.intermediate()]), "the other CA renews it")


def until_issued(t, daemon, site):
    """Between the switch and the first certificate of production, nothing of staging is handed out; also after a crash."""
    made = daemon.add_cert("web", "web.example", account="staging")
    site.nginx.stop()
    done = daemon.run_ctl("cert", "set", "web", "--staging", "--account", "le", "--wait")
    t.ok(done.returncode, "its web server is down: production issues nothing")
    daemon.kill()
    daemon.begin()
    t.equal(daemon.download("certificate", "web", made["api_keys"][0]).status, 404, "and nothing is handed out")
    shown = daemon.cert("web")
    t.equal((shown["status"], shown["current"]), ("failed", 0), "it says so")
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    daemon.ctl("cert", "issue", "web", "--wait")
    t.equal(daemon.cert("web")["status"], "active", "with the web server up again it is issued")


def refusals(t, daemon):
    daemon.add_cert("shop", "shop.example", account="staging", key="shop")
    for what, argv in (
            ("there is a certificate shop in production already", ("shop", "--staging", "--account", "le")),
            ("is for testing only, and shop is in production", ("shop", "--account", "staging")),
            ("there is no account nobody", ("shop", "--account", "nobody")),
            ("offers no profiles", ("shop", "--profile", "short"))):
        done = daemon.run_ctl("cert", "set", *argv)
        t.ok(done.returncode and what in done.stderr.decode(), f"refused: {what}", done.stderr.decode())
    already_there(t, daemon)


def already_there(t, daemon):
    """Setting what is there already succeeds, changes nothing, and shows the certificate as it is."""
    def changes():
        return daemon.api("GET", "/events", object="shop", action="certificate.changed")[1]["total"]
    daemon.ctl("cert", "set", "shop", "--note", "x", "--tag", "a")
    before, count = daemon.cert("shop"), changes()
    for argv in (["--note", "x"], ["--tag", "a"], ["--account", "le"], ["--enable"], ["--preflight", "on"], ["--live", "on"],
            ["--challenge", "http-01"], ["--names", "shop.example"], ["--profile", ""], ["--preferred-chain", ""], ["--fallback", ""],
            ["--renew-before", "0"]):
        done = daemon.run_ctl("--json", "cert", "set", "shop", *argv)
        t.ok(done.returncode == 0, f"{argv}: as it is", done.stderr)
    shown = json.loads(done.stdout)
    t.ok({k: v for k, v in shown.items() if k != "ordered"} == before, "the answer is the certificate, as cert show has it", shown)
    t.equal((daemon.cert("shop"), changes()), (before, count), "nothing was changed, and no event says so")
    t.equal(daemon.run_ctl("cert", "set", "shop").returncode, 3, "to say nothing at all is a mistake")
    daemon.ctl("account", "add", "gone", "--directory", daemon.ctl("account", "show", "le")["directory"], "--ca-file",
        daemon.ctl("account", "show", "le")["ca_file"], "--agree-terms", "--wait")
    daemon.ctl("account", "deactivate", "gone", "--wait")
    for argv in (["add", "new", "--names", "new.example"], ["set", "shop"], ["set", "shop", "--fallback", "gone"]):
        done = daemon.run_ctl("cert", *argv, *([] if "--fallback" in argv else ["--account", "gone"]))
        t.ok(done.returncode == 7 and b"deactivated" in done.stderr, f"{argv}: a deactivated account is refused", done.stderr)


run(main)
