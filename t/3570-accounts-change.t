#!/usr/bin/env python3
"""An account's life at the CA: contacts, its orders, another key, found by its key, given up; external bindings."""
import base64
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def main(t):
    for number, (name, binary) in enumerate(pebbles()):
        site = Site(t, pebble={"binary": binary}, suffix=str(number), acme={"patience": f"{5 * PATIENCE:g}s"})
        changes(t, name, site)
        rollover(t, name, site)
        lost_rollover(t, name, site)
        end_of_it(t, name, site)
        site.end()
    bindings(t)
    new_terms(t)
    ready_names(t)


def account(daemon, name="ca"):
    return daemon.ctl("account", "show", name)


def changes(t, name, site):
    daemon = site.daemon
    changed = daemon.ctl("account", "contact", "ca", "--contact", "new@example.org", "--contact", "other@example.org", "--wait")
    t.equal(changed["contact"], ["mailto:new@example.org", "mailto:other@example.org"], f"{name}: contacts are changed")
    daemon.add_cert("shop", "shop.example")
    checked = daemon.ctl("account", "check", "ca", "--wait")
    t.equal((checked["state"], checked["contact"]), ("valid", changed["contact"]), "the CA has them")
    t.equal(len(checked["orders"] or []), 1, "and lists the order")
    done = daemon.run_ctl("account", "contact", "ca", "--contact", "nobody", "--wait")
    t.equal(done.returncode, 3, "what is no address is refused here")


def rollover(t, name, site):
    daemon = site.daemon
    before = daemon.run_ctl("key", "export", "account-ca").stdout
    kid = account(daemon)["kid"]
    daemon.ctl("account", "rollover", "ca", "--wait")
    after = daemon.run_ctl("key", "export", "account-ca").stdout
    t.ok(before != after and b"PRIVATE KEY" in after, f"{name}: the account has another key")
    daemon.ctl("cert", "issue", "shop", "--wait")
    t.equal(daemon.cert("shop")["newest"], 2, "which orders")
    old, new = (t.write(f"{n}.pem", pem) for n, pem in (("old", before), ("new", after)))
    again = ["account", "add", "--directory", site.ca.directory, "--ca-file", site.ca.ca_file, "--agree-terms", "--existing", "--wait"]
    done = daemon.run_ctl(*again, "by-old", "--key-file", old)
    t.contains(done.stderr, b"accountDoesNotExist", "the CA does not know the old key any more")
    daemon.ctl(*again, "by-new", "--key-file", new)
    t.equal(account(daemon, "by-new")["kid"], kid, "it finds the account by the new one, without making one")
    daemon.ctl("account", "rollover", "ca", "--key-type", "rsa2048", "--wait")
    t.equal(daemon.ctl("key", "show", "account-ca")["type"], "rsa2048", "also of another type")


def lost_rollover(t, name, site):
    """The CA does it, but its answers do not arrive; once we ask again ourselves, once we are killed meanwhile."""
    daemon, recorder, lost = site.daemon, Recorder(site.pebble), []

    def drop(seen):
        if "rollover" in seen.path:
            lost.append(seen)
            raise Drop

    recorder.after = drop
    for case, killed in (("asked", False), ("killed", True)):
        daemon.ctl("account", "add", case, "--directory", recorder.directory, "--ca-file", recorder.ca_file, "--agree-terms", "--wait")
        kid = account(daemon, case)["kid"]
        lost.clear()
        daemon.ctl("account", "rollover", case)
        daemon.wait_until("an answer is lost", lambda: lost)
        t.equal(lost[0].status, 200, f"{name}: the CA changes a key, and its answer is lost")
        if killed:
            daemon.kill()
            daemon.begin()
        daemon.wait_until("it is over", lambda: not account(daemon, case)["wish"], 90)
        t.equal((account(daemon, case)["error"], account(daemon, case)["kid"]), (None, kid), f"{case}: that is found out")
        # Boulder knows the former key for some seconds more.
        refusals = [Refuse(400, {"type": "urn:ietf:params:acme:error:malformed", "detail": "JWS verification error"})] * 2
        recorder.before = lambda seen: former_key(seen, refusals)
        daemon.add_cert(case, f"{case}.example", account=case)
        t.equal((daemon.cert(case)["status"], daemon.cert(case)["failures"], refusals), ("active", 0, []),
            "and the right key orders, as soon as all of the CA knows it")


def former_key(seen, refusals):
    if seen.kind == "neworder" and refusals:
        raise refusals.pop()


def end_of_it(t, name, site):
    daemon = site.daemon
    gone = daemon.ctl("account", "deactivate", "ca", "--yes", "--wait")
    t.equal(gone["state"], "deactivated", f"{name}: an account is given up")
    t.equal(daemon.run_ctl("account", "contact", "ca").returncode, 7, "then it takes no changes")
    done = daemon.run_ctl("cert", "issue", "shop", "--wait")
    t.contains(done.stderr, b"deactivated", "and orders nothing; the error says why")


def add(site, name, kid, key_file):
    return site.daemon.run_ctl("account", "add", name, "--directory", site.ca.directory, "--ca-file", site.ca.ca_file,
        "--agree-terms", "--eab-kid", kid, "--eab-key-file", key_file, "--wait")


def bindings(t):
    site = Site(t, account=False, pebble={"eab": {"kid-1": MAC_KEY}}, suffix="-eab")
    key_file = t.write("mac", MAC_KEY)
    for alg in ("HS256", "HS384", "HS512"):
        account = site.daemon.ctl("account", "add", alg.lower(), "--directory", site.ca.directory, "--ca-file", site.ca.ca_file,
            "--agree-terms", "--eab-kid", "kid-1", "--eab-key-file", key_file, "--eab-alg", alg, "--wait")
        t.equal(account["state"], "valid", f"bound with {alg}")
    standard = base64.b64encode(base64.urlsafe_b64decode(MAC_KEY)).decode()
    pasted = {"standard base64": standard, "padded": MAC_KEY + "==", "wrapped by a mail": f"  {MAC_KEY[:40]}\r\n  {MAC_KEY[40:]}\r\n",
        "in quotes": f'"{MAC_KEY}"', "with a byte order mark": "\ufeff" + MAC_KEY}
    for number, (how, text) in enumerate(pasted.items()):
        kid = "kid-1" if number else " kid-1\n"
        done = add(site, f"pasted-{number}", kid, t.write(f"pasted-{number}", text))
        t.equal(done.returncode, 0, f"a MAC key {how} is taken")
    done = add(site, "garbage", "kid-1", t.write("garbage", "not base64!"))
    t.contains(done.stderr, b"the MAC key of the external account binding is not", "what is no MAC key is not")
    wrong = MAC_KEY[:-2] + "AA"
    for kid, key, name in (("kid-2", MAC_KEY, "wrong-kid"), ("kid-1", wrong, "wrong-key")):
        done = add(site, name, kid, t.write(name, key))
        t.contains(done.stderr, b"Check the key identifier (kid) and the MAC key", f"{name}: the advice is about kid and key")
        t.lacks(done.stderr, b"well-known", "not about web servers")


def new_terms(t):
    """The CA changes its terms: the account says so, a person agrees, and what waited goes on by itself."""
    site = Site(t, record=True, suffix="-terms")
    daemon, recorder = site.daemon, site.recorder
    problem = {"type": "urn:ietf:params:acme:error:userActionRequired", "detail": "Terms of service have changed",
        "instance": "https://ca.example/new-terms"}

    def refuse(seen):
        if seen.kind == "neworder":
            raise Refuse(403, problem)

    recorder.before = refuse
    done = daemon.run_ctl("cert", "add", "shop", "--names", "shop.example", "--account", "ca", "--wait")
    t.contains(done.stderr, b"https://ca.example/new-terms", "who orders is told where the new terms are")
    t.equal((account(daemon)["state"], account(daemon)["error"]["code"]), ("terms", "userActionRequired"), "the account says so, too")
    recorder.before = lambda seen: None
    agreed = daemon.ctl("account", "agree", "ca", "--wait")
    t.equal((agreed["state"], agreed["error"]), ("valid", None), "a person agrees")
    t.ok(any((s.payload or {}).get("termsOfServiceAgreed") and "/my-account/" in s.path for s in recorder.seen), "the CA is told")
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active", "it is ordered by itself")
    t.ok(True, "and the certificate is ordered by itself")


def ready_names(t):
    """CAs by name; in a network where nothing is."""
    daemon = Certerad(t, "certerad-alone", wrap=[program("unshare"), "--net"])
    daemon.ctl("account", "add", "try", "--ca", "letsencrypt", "--staging", "--agree-terms")
    t.equal((account(daemon, "try")["staging"], account(daemon, "try")["ca"]), (True, "letsencrypt-staging"),
        "--staging takes the staging beside a CA")
    daemon.ctl("account", "add", "real", "--ca", "letsencrypt", "--agree-terms")
    t.equal(account(daemon, "real")["staging"], False, "which is not the CA itself")
    done = daemon.run_ctl("account", "add", "none", "--ca", "zerossl", "--staging")
    t.contains(done.stderr, b"no staging", "a CA without one is not asked for it")


run(main)
