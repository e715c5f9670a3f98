#!/usr/bin/env python3
"""export and apply: what one server has becomes what a second one has; differences are shown, twice is once, secrets stay out."""
import difflib
import json
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def populate(t, site):
    daemon = site.daemon
    daemon.ctl("plan", "add", "small", "--domains", "shop.example blog.example", "--certificates", "5")
    daemon.add_user("alice", "admin", PASSWORD, mail="alice@example.org")
    daemon.add_user("bob", "operator", PASSWORD, mail="bob@example.org", plan="small")
    daemon.ctl("user", "set", "bob", "--disable")
    daemon.add_account(site.ca, name="second", staging=True)
    daemon.add_account(site.ca, name="third")
    daemon.add_cert("shop", "shop.example www.shop.example", key_type="p384", renew_before=20, tag="shops", note="it's the \"shop\"")
    daemon.add_cert("a-shares", "shared.example", key="shop")
    daemon.add_cert("test", "test.example", account="second")
    daemon.add_cert("wild", "*.wild.example", wait=False, no_issue=True, challenge="dns-01", hook_set="nsupdate", deploy_hook="none")
    daemon.add_cert("mixed", "mixed.example b.mixed.example", wait=False, no_issue=True, challenge_for="b.mixed.example=dns-01", reuse_key=True, by_hand=True)
    daemon.ctl("cert", "set", "shop", "--fallback", "third", "--live", "off", "--preflight", "off")
    daemon.ctl("cert", "set", "wild", "--disable")
    daemon.ctl("cert", "key-download", "test", "off")
    daemon.ctl("cert", "set", "mixed", "--contact", "shop@example.org", "--server-type", "nginx")
    daemon.ctl("settings", "set", "notify.expiring", "20 5")
    daemon.ctl("cert", "hand-over", "shop", "--to", "bob")
    daemon.ctl("key", "add", "spare", "--type", "rsa2048", "--description", "for later")
    daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "ops@example.org", "--to", "b@example.org", "--alerts", "expired,failed", "--level", "warning", "--expiring", "14 1")
    daemon.ctl("channel", "add", "hook", "--kind", "webhook", "--url-file", t.write("url", "https://hook.example/secret-in-url"))
    daemon.ctl("channel", "add", "bobs", "--kind", "email", "--owner", "bob")
    daemon.ctl("site", "add", "smtp://mail.shop.example:587", "shop.example:8443")
    daemon.ctl("token", "add", "robot", "--role", "operator", "--domains", "shop.example", "--action", "read", "--from", "127.0.0.1/32", "--expires", "2030-01-31T00:00:00Z")
    imported = daemon.run_ctl("cert", "import", "from-file", "--file", dated(t, "own.example", -3600, 30 * 86400))
    t.equal(imported.returncode, 0, "one is from a file")


def export(daemon):
    done = daemon.run_ctl("export")
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return done.stdout.decode()


def apply(daemon, path, *options):
    """(exit code, answer)"""
    done = daemon.run_ctl("--json", "apply", path, *options)
    return done.returncode, json.loads(done.stdout)


def did(answer):
    return [(c["action"], c["kind"], c["name"]) for c in answer["changes"]]


def moved(t, first, second):
    """The whole way: export, an empty server, apply, export."""
    text = export(first.daemon)
    t.lacks(text, "secret-in-url", "no URL of a webhook is in it")
    t.ok("PRIVATE KEY" not in text and PASSWORD not in text and "from-file" not in text, "no secret is in it, and nothing that files brought", text)
    file = t.write("state.yaml", text.replace('name: hook\n', f'name: hook\n    url_file: {t.path("url")}\n'))
    daemon, orders = second.daemon, first.pebble.orders()
    refused = daemon.run_ctl("apply", file)
    t.ok(refused.returncode == 2 and b"--secrets-file" in refused.stderr, "new users have passwords, which have to go somewhere", refused)
    code, looked = apply(daemon, file, "--dry-run")
    t.equal((code, looked["changed"], export(daemon).count("- ")), (0, True, 0), "a dry run says what there is to do, and does nothing")
    secrets = t.write("secrets", "")
    os.chmod(secrets, 0o644)    # it was there, for all to read
    if os.geteuid() == 0:
        os.chown(secrets, 65534, 65534)
        refused = daemon.run_ctl("apply", file, "--secrets-file", secrets)
        t.ok(refused.returncode == 2 and b"not a file of yours" in refused.stderr, "a file of somebody else gets no secrets", refused)
        os.chown(secrets, 0, 0)
    code, done = apply(daemon, file, "--secrets-file", secrets)
    t.equal((code, [c for c in done["changes"] if "error" in c]), (0, []), "all is made")
    t.equal(did(done), did(looked), "as the dry run said")
    there = export(daemon)
    t.ok(there == text, "export, apply, export: identical", "\n".join(difflib.unified_diff(text.splitlines(), there.splitlines(), lineterm="")))
    newest = daemon.ctl("events", "--limit", "1")["events"][0]["number"]
    code, again = apply(daemon, file)
    t.equal((code, again["changed"], again["changes"]), (0, False, []), "the second time there is nothing to do")
    with open(secrets) as f:
        kept = {tuple(line.split("\t")[:2]): line.strip().split("\t")[2] for line in f}
    t.ok(daemon.cert("test")["key_withheld"] and not daemon.cert("shop")["key_withheld"], "a private key that is withheld here is withheld there")
    t.equal(daemon.ctl("settings", "show", "notify.expiring")["value"], "20 5", "settings that were changed here are changed there")
    t.equal(os.stat(secrets).st_mode & 0o777, 0o600, "secrets are in a file of their own")
    t.ok({("user", "alice"), ("token", "robot"), ("certificate", "shop")} <= set(kept), "with passwords, tokens and API keys", list(kept))
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active" or c["current"], "it is ordered")
    t.ok(first.pebble.orders() > orders, "certificates are ordered anew: keys stay where they are")
    got = daemon.download("certificate", "shop", kept["certificate", "shop"])
    t.equal(got.status, 200, "a new API key fetches")


def changed(t, daemon):
    """A person's file: only what it says counts, and what it leaves out is as by default."""
    file = t.write("small.yaml", """
certificates:
  - name: shop
    account: ca
    names: [www.shop.example, SHOP.example]   # in any order
    key_type: p384
    fallback: third
    live: no
    tags: shops, more
""".replace("shops, more", "[more, shops]"))
    code, looked = apply(daemon, file, "--dry-run")
    members = {m: (v["from"], v["to"]) for m, v in looked["changes"][0]["members"].items()}
    t.equal(members, {"preflight": ("false", "true"), "renew_before": ("20", "0"), "owner": ("bob", ""), "tags": (["shops"], ["more", "shops"]), "note": ("it's the \"shop\"", "")},
        "the differences are shown, member by member")
    shown = daemon.run_ctl("apply", file, "--dry-run").stdout.decode()
    t.matches(shown, r"~ certificate shop\n.*preflight: false -> true\n.*1 to change", "a person reads them")
    code, done = apply(daemon, file)
    cert = daemon.cert("shop")
    t.equal((code, cert["no_preflight"], cert["renew_before"], cert["owner"], cert["tags"], cert["note"]), (0, False, 0, None, ["more", "shops"], None), "they are made so")
    t.equal(apply(daemon, file), (0, {"dry_run": False, "changed": False, "changes": []}), "once")
    t.ok("a-shares" in daemon.certs(), "what the file does not mention stays")
    code, pruned = apply(daemon, t.write("fewer.yaml", "sites:\n  - shop.example:8443\nplans:\n  - name: small\n    domains: shop.example\n    certificates: 7\n"), "--prune")
    t.equal(did(pruned), [("change", "plan", "small"), ("remove", "site", "smtp://mail.shop.example:587")], "with --prune, what its sections do not have goes")
    t.equal(([s["name"] for s in daemon.ctl("site", "list")["sites"]], daemon.ctl("plan", "show", "small")["certificates"]), (["shop.example:8443"], 7), "and only that")


def refused(t, daemon):
    for text, part in (("certificates:\n  - name: x\n    colour: red\n", "colour"), ("cars: []\n", "cars"), ("certificates: {a: 1}\n", "not a list"),
            ("users:\n  - role: admin\n", "no name"), ("users: [\n", "refused.yaml:2"), ("users:\n - {name: x, disabled: perhaps}\n", "perhaps")):
        done = daemon.run_ctl("apply", t.write("refused.yaml", text))
        t.ok(done.returncode == 3 and part in done.stderr.decode(), f"refused: {part}", done)
    before = export(daemon)
    code, answer = apply(daemon, t.write("fixed.yaml", "accounts:\n  - name: ca\n    directory: https://elsewhere.example/dir\n    contact: admin@example.org\nplans:\n  - name: small\n    domains: shop.example\n    certificates: 8\n"))
    failed = {c["kind"]: c.get("error") for c in answer["changes"]}
    t.ok(code == 1 and "cannot be changed" in failed["account"] and not failed["plan"], "what cannot be changed is said, and the rest is done", answer)
    t.equal(export(daemon), before.replace('certificates: 7', 'certificates: 8'), "the account is as it was")


def main(t):
    first = Site(t, pebble={"always_valid": True})
    daemon = Certerad(t, name="second")
    populate(t, first)
    second = type("Second", (), {"daemon": daemon})
    moved(t, first, second)
    changed(t, daemon)
    refused(t, daemon)


run(main)
