#!/usr/bin/env python3
"""A certificate of ours is found revoked, and another ordered; revoking with a replacement first, which those who fetch see."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    web = Publisher(t)
    site = Site(t, pebble={"ocspResponderURL": web.url("/ocsp")},
        revocation={"private": ["127.0.0.0/8"], "grace": "60s"})
    found_revoked(t, site, web)
    replaced(t, site.daemon, site.pebble)
    consumers(t, site.daemon, site.pebble)
    deployed(t, site)
    refusals(t, site.daemon)
    crash(t, site)


def found_revoked(t, site, web):
    daemon = site.daemon
    registry = pebbles_registry(t, site.pebble)
    web.pages["/ocsp"] = registry.answer
    daemon.add_cert("taken", "taken.example")
    first = daemon.leaf("taken")
    registry.know(t.write("taken.pem", first.pem))
    t.equal(daemon.ctl("cert", "revocation", "taken")["revocation"]["state"], "good", "Pebble's certificate, asked about where it says: good")
    registry.revoke(t.path("taken.pem"), "superseded")
    daemon.ctl("cert", "revocation", "taken")
    after = daemon.wait_for_cert("taken", lambda c: c["current"] == 2, "another one is ordered at once")
    t.equal(after["status"], "active", "and in force")
    t.equal([(v["state"], v["reason"], v["found_revoked"]) for v in after["versions"]], [(None, None, False), ("revoked", "superseded", True)],
        "the old version stays revoked")
    t.equal(after["revocation"]["state"], None, "of the new one nothing is known yet, and it is planned to ask")
    t.ok(after["revocation"]["next"], "when")
    refused = daemon.run_ctl("cert", "rollback", "taken", "1")
    t.ok(refused.returncode == 7 and b"revoked" in refused.stderr, "no rolling back to it", refused)
    daemon.configure(revocation={"replace": False})
    daemon.reload()
    registry.know(t.write("second.pem", daemon.leaf("taken").pem))
    registry.revoke(t.path("second.pem"))
    daemon.ctl("cert", "revocation", "taken")
    shown = daemon.cert("taken")
    t.equal((shown["status"], shown["current"], shown["open_order"]), ("revoked", 2, 0), "replace: false: it is found, and left to people")
    daemon.configure(revocation={"replace": True})
    daemon.reload()
    daemon.add_cert("known", "known.example")
    daemon.add_cert("beside", "beside.example", key="known")
    spoilt = daemon.leaf("known").public_key
    registry.know(t.write("known.pem", daemon.leaf("known").pem))
    registry.revoke(t.path("known.pem"), "keyCompromise")
    daemon.ctl("cert", "revocation", "known")
    for name in ("known", "beside"):
        daemon.wait_for_cert(name, lambda c: c["current"] == 2 and c["status"] == "active", "it is replaced")
    t.ok(daemon.leaf("known").public_key == daemon.leaf("beside").public_key != spoilt, "found revoked because others know its key: what shares that is replaced, too")
    web.pages.clear()


def pebbles_registry(t, pebble):
    """What Pebble's intermediate would know, by its key from Pebble's own management."""
    key = fetch(f"https://localhost:{pebble.management}/intermediate-keys/0", ca_file=pebble.ca.file).text
    return Registry(t, "pebbles", t.write("intermediate.pem", pebble.intermediate()), t.write("intermediate.key", key))


def revoked_versions(daemon, name):
    return sorted(v["number"] for v in daemon.cert(name)["versions"] if v["revoked"])


def replaced(t, daemon, ca):
    daemon.add_cert("shop", "shop.example", reuse_key=True)
    before = daemon.leaf("shop")
    done = daemon.run_ctl("cert", "revoke", "shop", "--replace", "--reason", "keyCompromise", "--wait", timeout=120 * PATIENCE)
    t.ok(done.returncode == 0 and b"is revoked" in done.stdout, "revoked and replaced in one step", done)
    shown = daemon.cert("shop")
    t.equal((shown["current"], shown["status"], revoked_versions(daemon, "shop")), (2, "active", [1]), "the new one is in force, the old one revoked")
    t.equal(ca.status(before.serial)["Status"], "Revoked", "as the CA confirms")
    t.ok(daemon.leaf("shop").public_key != before.public_key, "a compromised key is not used again")
    actions = [e["action"] for e in reversed(daemon.ctl("events", "--object", "shop")["events"])]
    t.ok(actions.index("certificate.revoke") < len(actions) - 1 - actions[::-1].index("certificate.issued") < actions.index("certificate.revoked"),
        "in this order: wished for, issued, revoked", actions)


def consumers(t, daemon, ca):
    key = daemon.add_cert("mail", "mail.example")["api_keys"][0]
    daemon.download("certificate", "mail", key)
    daemon.wait_for_cert("mail", lambda c: c["consumers"], "somebody has fetched it")
    done = daemon.run_ctl("cert", "revoke", "mail", "--replace", "--wait", timeout=120 * PATIENCE)
    t.contains(done.stdout.decode(), "when all API keys that downloaded it have downloaded the new version", "somebody has the old one: it waits for them")
    old = daemon.cert("mail")["versions"][1]
    t.ok(not old["revoked"] and old["revoke_by"], "it is not revoked yet, and by when it will be is known", old)
    t.equal(ca.status(old["serial"])["Status"], "Valid", "nor at the CA")
    t.equal(chain_of(daemon.download("certificate", "mail", key).text)[:1], [daemon.leaf("mail").pem], "the replacement is served")
    daemon.wait_for_cert("mail", lambda c: c["versions"][1]["revoked"], "fetched: now the old one is revoked")
    t.equal(ca.status(old["serial"])["Status"], "Revoked", "fetched: the CA revoked the old one before its time of grace was over")

    key = daemon.add_cert("late", "late.example")["api_keys"][0]
    daemon.download("certificate", "late", key)
    daemon.wait_for_cert("late", lambda c: c["consumers"], "somebody has fetched it")
    daemon.configure(revocation={"grace": "3s"})
    daemon.reload()
    daemon.ctl("cert", "revoke", "late", "--replace", "--wait", timeout=120 * PATIENCE)
    daemon.wait_for_cert("late", lambda c: c["versions"][1]["revoked"], "nobody comes: revoked when the grace is over")
    t.equal(revoked_versions(daemon, "late"), [1], "nobody fetched the new one: the old one is revoked when the grace is over")


def deployed(t, site):
    daemon, hooks = site.daemon, Hooks(t)
    go = t.path("go")
    hooks.add("push", f'[ "$CERTERA_VERSION" != 2 -a "$CERTERA_VERSION" != 3 ] || [ -e {go} ]\n')
    daemon.configure(revocation={"grace": "1h"}, hooks={"directory": hooks.dir, "deploy": "push"})
    daemon.stop()
    daemon.begin()
    daemon.add_cert("pushed", "pushed.example")
    daemon.wait_for_cert("pushed", lambda c: c["versions"][0]["deploy"] == "done", "the deploy hook has delivered it")
    daemon.ctl("cert", "revoke", "pushed", "--replace", "--wait", timeout=120 * PATIENCE)
    daemon.wait_for_cert("pushed", lambda c: c["versions"][0]["deploy"] == "failed", "the hook fails with its replacement")
    t.equal((revoked_versions(daemon, "pushed"), bool(daemon.cert("pushed")["versions"][1]["revoke_by"])), ([], True),
        "a deploy hook that has not delivered the replacement: the old version is not revoked yet")
    t.write("go", "")
    daemon.ctl("cert", "deploy", "pushed", "--wait")
    daemon.wait_for_cert("pushed", lambda c: c["versions"][1]["revoked"], "delivered: now it is revoked")
    t.equal(revoked_versions(daemon, "pushed"), [1], "delivered: it is revoked")
    os.remove(go)
    daemon.ctl("cert", "revoke", "pushed", "--replace")
    daemon.wait_for_cert("pushed", lambda c: c["versions"][0]["deploy"] == "failed", "the hook fails again")
    daemon.ctl("cert", "revoke", "pushed", "--version", "2", "--wait")
    t.equal(revoked_versions(daemon, "pushed"), [1, 2], "a person who will not wait has it revoked now")


def refusals(t, daemon):
    refused = daemon.run_ctl("cert", "revoke", "mail", "--version", "1", "--replace")
    t.ok(refused.returncode == 7, "a version that was replaced already", refused)
    daemon.add_cert("plain", "plain.example")
    daemon.ctl("cert", "set", "plain", "--disable")
    refused = daemon.run_ctl("cert", "revoke", "plain", "--replace")
    t.ok(refused.returncode == 7 and b"disabled" in refused.stderr, "one that is switched off", refused)
    t.equal(revoked_versions(daemon, "plain"), [], "and nothing follows")
    csr = t.path("own.csr")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", t.path("own.key"), "-subj", "/CN=own.example",
        "-addext", "subjectAltName=DNS:own.example", "-out", csr)
    daemon.ctl("cert", "add", "own", "--csr-file", csr, "--account", "ca", "--wait", timeout=120 * PATIENCE)
    refused = daemon.run_ctl("cert", "revoke", "own", "--replace", "--reason", "keyCompromise")
    t.ok(refused.returncode == 7 and b"compromised" in refused.stderr, "a compromised key that would come back", refused)


def crash(t, site):
    daemon, ca = site.daemon, site.pebble
    t.write("go", "")
    daemon.configure(revocation={"grace": "60s"})
    daemon.reload()
    daemon.add_cert("crash", "crash.example")
    serial = daemon.leaf("crash").serial
    site.nginx.end()
    daemon.ctl("cert", "revoke", "crash", "--replace", "--reason", "superseded")
    daemon.wait_for_cert("crash", lambda c: c["failures"], "its replacement fails")
    t.equal((revoked_versions(daemon, "crash"), ca.status(serial)["Status"]), ([], "Valid"), "no replacement: nothing is revoked")
    t.equal(daemon.cert("crash")["revoke_when_replaced"], 1, "what is wished for is shown")
    daemon.kill()
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    daemon.begin()
    daemon.ctl("cert", "issue", "crash")
    daemon.wait_for_cert("crash", lambda c: c["versions"][-1]["revoked"], "after a crash it goes on")
    t.equal((ca.status(serial)["Status"], ca.status(serial)["Reason"], daemon.cert("crash")["status"]), ("Revoked", 4, "active"),
        "after a crash: replaced, then revoked for the reason that was given")


run(main)
