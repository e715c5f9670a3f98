#!/usr/bin/env python3
"""Certificates that share a key: what is fetched always fits; and a key that others know is never used again."""
import sys
import threading
import time
from base64 import urlsafe_b64decode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

API_KEYS = {}    # of certificates and keys, by name


def main(t):
    site = Site(t)
    daemon, pebble = site.daemon, site.pebble
    reuse(t, daemon)
    new_for_all(t, daemon)
    one_stays_behind(t, daemon)
    by_api(t, daemon, pebble)
    by_certeractl(t, daemon, pebble)
    by_page(t, daemon, pebble)
    imported_into(t, daemon)
    rolled_back(t, daemon)
    accounts(t, daemon, pebble)
    by_hand(t, daemon)
    under_way(t, daemon, pebble)


def add(daemon, name, key=None, **options):
    made = daemon.add_cert(name, f"{name}.example", **({"key": key} if key else {}), **options)
    API_KEYS[name] = made["api_keys"][0]
    if not key:
        API_KEYS["key of " + name] = made["key_api_keys"][0]
    return made


def three(daemon, word, **options):
    """Three certificates with the key of the first."""
    names = [f"{word}{n}" for n in (1, 2, 3)]
    for name in names:
        add(daemon, name, None if name == names[0] else names[0], **options)
    return names


def key_for(daemon, key, name=None, **more):
    """What the key's API key fetches: the key's public half, or the status."""
    got = daemon.download("key", key, API_KEYS["key of " + key], **({"certificate": name} if name else {}), **more)
    return public_key_of_key(got.text) if got.status == 200 else got.status


def fits(t, daemon, key, names, sentence):
    """Everything that is fetched goes with the certificate in force, for each of them."""
    def leaf_of(name):
        return Certificate(daemon.download("certificate", name, API_KEYS[name]).text).public_key

    wrong = []
    for name in names:
        leaf, fetched = None, {}
        while leaf != leaf_of(name):    # a new version may come into force between two downloads
            leaf = leaf_of(name)
            fetched = {"key": key_for(daemon, key, name)}
            if not daemon.cert(name)["key_withheld"]:
                fetched["bundle"] = public_key_of_key(daemon.download("certificate", name, API_KEYS[name], format="bundle").text)
        wrong += [(name, what) for what, public in fetched.items() if public != leaf]
    t.equal(wrong, [], sentence + ": what is fetched fits")


def in_force(daemon, names):
    return [daemon.leaf(name).public_key for name in names]


def all_alike(daemon, names):
    return len(set(in_force(daemon, names))) == 1


def actions(daemon, name):
    return [e["action"] for e in daemon.ctl("events", "--object", name)["events"]]


def reuse(t, daemon):
    names = three(daemon, "reuse")
    first = in_force(daemon, names)
    shown = daemon.cert("reuse2")
    t.equal((sorted(shown["key_shared_with"]), shown["key_kept"], shown["key_reuse_shown"]), (["reuse1", "reuse3"], True, "auto"),
        "a certificate says with which others it shares its key, and that the key is kept")
    for name in names:
        daemon.ctl("cert", "issue", name, "--wait")
    t.equal(in_force(daemon, names), first, "renewed without a word about keys, all three keep the key they share")
    t.equal(key_for(daemon, "reuse1"), first[0], "which its API key fetches without saying for which")
    fits(t, daemon, "reuse1", names, "three renewals")
    add(daemon, "alone")
    before = daemon.leaf("alone").public_key
    daemon.ctl("cert", "issue", "alone", "--wait")
    t.ok(daemon.leaf("alone").public_key != before and not daemon.cert("alone")["key_kept"], "one that shares its key with none gets a new one")
    refused = daemon.download("key", "reuse1", API_KEYS["key of reuse1"], certificate="alone")
    unknown = daemon.download("key", "reuse1", API_KEYS["key of reuse1"], certificate="nosuch")
    t.equal((refused.status, unknown.status), (404, 404), "a certificate without that key and one that is not there: refused")
    t.equal(refused.text.replace("alone", "nosuch"), unknown.text, "in the same words")


def new_for_all(t, daemon):
    """One says otherwise: all get the new key."""
    names = three(daemon, "new")
    first = in_force(daemon, names)
    daemon.ctl("cert", "set", "new2", "--reuse-key", "off")
    t.equal((daemon.cert("new2")["key_kept"], daemon.cert("new1")["key_kept"]), (False, True), "a new key each time, says one of three")
    daemon.ctl("cert", "issue", "new2", "--wait")
    daemon.wait_until("the others follow", lambda: all_alike(daemon, names))
    t.ok(in_force(daemon, names)[0] != first[0], "it gets a new key, and the others the same one")
    t.ok("certificate.follows" in actions(daemon, "new1"), "the audit log says why", actions(daemon, "new1"))
    fits(t, daemon, "new1", names, "a new key at a renewal")
    t.equal(key_for(daemon, "new1"), daemon.leaf("new1").public_key, "and fits all again")
    status, said = daemon.api("POST", "/certificates/new2", {"key_reuse": "never"})
    t.ok(status == 422 and said["errors"][0]["field"] == "key_reuse", "on, off or auto, nothing else", said)
    second = in_force(daemon, names)
    daemon.ctl("cert", "reissue", "new3", "--wait")
    daemon.wait_until("the others follow again", lambda: all_alike(daemon, names) and daemon.leaf("new1").public_key != second[0])
    t.equal([daemon.cert(n)["current"] for n in names], [3, 3, 3], "reissued: each was ordered once for it")


def one_stays_behind(t, daemon):
    """It cannot follow: nothing that does not fit is handed out."""
    names = three(daemon, "behind")
    first = daemon.leaf("behind3").public_key
    daemon.ctl("cert", "set", "behind3", "--disable")
    daemon.ctl("cert", "reissue", "behind1", "--wait")
    daemon.wait_until("the second follows", lambda: all_alike(daemon, names[:2]))
    t.equal(daemon.leaf("behind3").public_key, first, "the third is switched off and keeps its key")
    fits(t, daemon, "behind1", names, "two generations of one key in force")
    t.equal(key_for(daemon, "behind1"), 409, "without a certificate's name there is no key that fits all")
    t.equal(key_for(daemon, "behind1", staging="true"), 409, "nor for staging")
    daemon.ctl("cert", "set", "behind3", "--enable")
    daemon.ctl("cert", "issue", "behind3", "--wait")
    t.equal(key_for(daemon, "behind1"), daemon.leaf("behind3").public_key, "it is renewed: with the newest key, and one fits all")


def bundle_of(t, daemon, name):
    """A file with the certificate and the private key."""
    return t.write(name + ".bundle", daemon.download("certificate", name, API_KEYS[name], format="bundle").text)


def own_request(t, key_file, name):
    """A request by a person who has that private key."""
    openssl("req", "-new", "-key", key_file, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-out", t.path(name + ".csr"))
    return t.path(name + ".csr")


def lookalikes(t, daemon, word, key_file):
    """Who has the same public key under other names: imported, a key imported, a request of a person's own, switched off."""
    made = daemon.ctl("cert", "import", word + "-copy", "--file", key_file)
    API_KEYS[word + "-copy"], API_KEYS[f"key of {word}-copy"] = made["api_keys"][0], made["key_api_keys"][0]
    daemon.ctl("key", "add", word + "-key", "--file", key_file)
    daemon.add_cert(word + "-other", f"{word}-other.example", key=word + "-key")
    daemon.ctl("cert", "add", word + "-own", "--csr-file", own_request(t, key_file, word + "-own.example"), "--account", "ca", "--wait",
        timeout=120 * PATIENCE)


def spread(t, daemon, pebble, word, names, key_file, spoilt, first_version):
    """What follows for all that have the key, however it was said."""
    other = word + "-other"
    for name in (*names, other):
        daemon.wait_for_cert(name, lambda c: c["status"] == "active" and c["current"] > first_version, "it is replaced")
        t.ok(daemon.leaf(name).public_key != spoilt, f"{name}: a new key")
        daemon.wait_for_cert(name, lambda c: all(v["revoked"] for v in c["versions"] if v["number"] == first_version), "and the old one revoked")
        old = daemon.ctl("cert", "show", name)["versions"][-first_version]
        t.equal((pebble.status(old["serial"])["Status"], pebble.status(old["serial"])["Reason"]), ("Revoked", 1), f"{name}: the old one is revoked for it")
        t.ok("certificate.compromised" in actions(daemon, name), f"{name}: its events say why")
    t.ok(all_alike(daemon, names) if len(names) > 1 else True, "who shared the key shares the new one")
    for name, what in ((word + "-copy", "import"), (word + "-own", "request")):
        shown = daemon.wait_for_cert(name, lambda c: c["status"] == "compromised", "it cannot be replaced")
        t.contains(shown["next_step"], what, f"{name}: its status says so, and what to do")
    told = {m["name"] for m in daemon.ctl("outbox", "list")["messages"] if m["alert"] == "compromised"}
    t.ok({*names, other, word + "-copy", word + "-own"} <= told, "people are told of each", told)


def never_again(t, daemon, word, key_file):
    """Nobody gets in with that key any more."""
    key = t.write(word + "-only.key", openssl("pkey", "-in", key_file))
    tries = {
        "a key imported": ("key", "add", word + "-again", "--file", key),
        "a certificate imported": ("cert", "import", word + "-again", "--file", key_file),
        "the next version imported": ("cert", "import", word + "-copy", "--file", key_file),
        "a request": ("cert", "add", word + "-again", "--csr-file", t.path(word + "-own.example.csr"), "--account", "ca"),
        "the next request": ("cert", "csr", word + "-own", "--file", t.path(word + "-own.example.csr")),
        "an account": ("account", "add", word + "-again", "--directory", "https://localhost:1/", "--key-file", key),
        "a version before": ("cert", "rollback", word + "-other", "1"),
    }
    for what, argv in tries.items():
        refused = daemon.run_ctl(*argv)
        t.ok(refused.returncode == 7 and (b"compromised" in refused.stderr or b"revoked" in refused.stderr), f"{what}: refused", refused)
    refused = daemon.run_ctl("cert", "issue", word + "-own", "--wait")
    t.ok(refused.returncode and b"compromised" in refused.stderr, "nor is the request sent again that has it", refused)
    t.equal(daemon.cert(word + "-own")["status"], "compromised", "and the status stays")
    planned = daemon.api("POST", "/certificates", {"name": word + "-late", "names": [f"{word}-late.example"], "account": "ca", "key": word + "-copy"}, dry_run="true")
    t.ok(planned[0] == 200 and "compromised" in str(planned[1]["findings"]), "a preview for a compromised key says so", planned)
    daemon.add_cert(word + "-late", f"{word}-late.example", key=word + "-copy")
    t.ok(daemon.leaf(word + "-late").public_key != public_key_of_key(openssl("pkey", "-in", key)), "a new certificate for a key that had it: not with that")


def answered(t, daemon, word):
    """What was asked of people is done."""
    new = t.path(word + "-new.key")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", new)
    daemon.ctl("cert", "csr", word + "-own", "--file", own_request(t, new, word + "-own.example"))
    shown = daemon.wait_for_cert(word + "-own", lambda c: c["status"] == "active", "with another request it is ordered at once")
    daemon.wait_for_cert(word + "-own", lambda c: c["versions"][-1]["revoked"], "and the old one is revoked")
    t.equal((shown["current"], shown["compromised"]), (2, False), "a request with another key: ordered, and all is well")


def prepare(t, daemon, word):
    names = three(daemon, word)
    key_file = bundle_of(t, daemon, names[0])
    lookalikes(t, daemon, word, key_file)
    return names, key_file, daemon.leaf(names[0]).public_key


def by_api(t, daemon, pebble):
    """Without a replacement for the one that is revoked: the others have one nevertheless."""
    daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--url-file", t.write("url", "http://127.0.0.1:1/hook"), "--alerts", "compromised")
    names, key_file, spoilt = prepare(t, daemon, "api")
    add(daemon, "api-off", names[0])
    daemon.ctl("cert", "set", "api-off", "--disable")
    status, said = daemon.api("POST", f"/certificates/{names[0]}/revoke", {"reason": "keyCompromise"})
    t.equal((status, sorted(said["same_key"])), (202, sorted([*names[1:], "api-copy", "api-off", "api-other", "api-own"])),
        "the answer names all others that have the key")
    spread(t, daemon, pebble, "api", names[1:], key_file, spoilt, 1)
    shown = daemon.wait_for_cert(names[0], lambda c: c["status"] == "revoked", "it is revoked")
    t.equal((shown["current"], shown["open_order"]), (1, 0), "what was revoked without a replacement is left to people")
    fits(t, daemon, names[0], names, "one revoked, two replaced")
    off = daemon.cert("api-off")
    t.equal((off["status"], daemon.leaf("api-off").public_key), ("compromised", spoilt), "one that is switched off is not ordered, but loud")
    t.contains(off["next_step"], "enable it", "and says what to do")
    t.equal([c["name"] for c in daemon.ctl("status")["attention"]][:1][0] in ("api-copy", "api-off", "api-own"), True, "they come first in what needs attention")
    health = {c["name"]: c for c in daemon.ctl("health")["checks"]}
    t.equal(health["certificates"]["well"], False, "and monitoring sees them")
    daemon.ctl("cert", "set", "api-off", "--enable")
    daemon.wait_for_cert("api-off", lambda c: c["status"] == "active" and c["current"] == 2, "switched on, it is ordered at once")
    t.ok(daemon.leaf("api-off").public_key != spoilt, "with a new key")
    never_again(t, daemon, "api", key_file)
    daemon.ctl("cert", "issue", names[0], "--wait")
    t.ok(daemon.leaf(names[0]).public_key == daemon.leaf(names[1]).public_key, "the revoked one, issued again: with the key that the others have now")
    t.equal(key_for(daemon, names[0]), daemon.leaf(names[1]).public_key, "and one key fits all")
    answered(t, daemon, "api")


def by_certeractl(t, daemon, pebble):
    names, key_file, spoilt = prepare(t, daemon, "ctl")
    done = daemon.run_ctl("cert", "revoke", names[1], "--reason", "keyCompromise", "--replace", "--wait", timeout=120 * PATIENCE)
    t.ok(done.returncode == 0 and b"ctl-copy has the same key" in done.stdout, "revoked and replaced; who else has the key is named", done)
    spread(t, daemon, pebble, "ctl", [names[0], names[2]], key_file, spoilt, 1)
    t.ok(all_alike(daemon, names), "with --replace: all three share one new key")
    t.equal(daemon.ctl("key", "show", names[0])["newest"], 2, "of which one was made")
    fits(t, daemon, names[0], names, "replaced for a compromise")
    t.equal(daemon.ctl("key", "show", "ctl-copy")["compromised"], True, "a key says that it is compromised")
    # An older generation of the key, of which only one certificate is left.
    old = in_force(daemon, names)[0]
    daemon.ctl("cert", "set", names[2], "--disable")
    daemon.ctl("cert", "reissue", names[0], "--wait")
    daemon.wait_until("the second follows", lambda: all_alike(daemon, names[:2]))
    two = daemon.cert(names[1])["current"]
    daemon.ctl("cert", "set", names[2], "--enable")
    daemon.ctl("cert", "revoke", names[0], "--version", "2", "--reason", "keyCompromise", "--wait")
    daemon.wait_for_cert(names[2], lambda c: c["status"] == "active" and c["current"] == 3, "revoked for a past version: who has its key still is replaced")
    t.ok(daemon.leaf(names[2]).public_key != old, "with another key")
    t.equal((daemon.cert(names[1])["current"], all_alike(daemon, names)), (two, True), "who has a newer generation keeps that, and it is the one")
    past = next(v for v in daemon.cert(names[1])["versions"] if v["number"] == 2)
    refused = daemon.run_ctl("cert", "rollback", names[1], "2")
    t.ok(refused.returncode == 7 and b"compromised" in refused.stderr and (past["revoked"], past["usable"]) == (None, False),
        "a past version with that key, though not revoked, is neither offered for rolling back nor taken", refused)


def by_page(t, daemon, pebble):
    add_user(daemon, "root")
    person = Person(daemon)
    person.sign_in("root")
    names, key_file, spoilt = prepare(t, daemon, "page")
    page = person.page(f"/certificates/{names[0]}")
    t.contains(person.page(f"/certificates/{names[0]}/revoke?staging=false").text, "never used again", "the form says what it means that others know a key")
    t.contains(person.page(f"/certificates/{names[0]}/install").text, f"certificate={names[0]}", "how to fetch the key that fits")
    t.contains(page.text, f'href="/certificates/{names[1]}"', "and who shares it")
    t.contains(person.page("/new/certificate").text, "Certificates that share a key keep it at renewals", "so does the form for a new one")
    answer = person.form(f"/certificates/{names[0]}", f"/certificates/{names[0]}", key_reuse="on")
    t.equal((answer.status, daemon.cert(names[0])["key_reuse"]), (303, True), "whether it keeps its key is set on its page")
    answer = person.form(f"/certificates/{names[0]}/revoke?staging=false", f"/certificates/{names[0]}", reason="keyCompromise", replace="true",
        _confirm=names[0])
    t.ok(answer.status in (200, 303), "revoked on its page", answer.text[:500])
    spread(t, daemon, pebble, "page", names[1:], key_file, spoilt, 1)
    daemon.wait_for_cert(names[0], lambda c: c["current"] == 2, "it is replaced, too")
    t.ok(all_alike(daemon, names), "kept at renewals or not: a compromised key is not kept")
    page = person.page("/certificates/page-copy")
    t.contains(page.text, "compromised", "the page of what cannot be replaced says so")
    t.contains(person.page("/keys/page-copy").text, "This private key is compromised", "as does the key's")


def imported_into(t, daemon):
    """A version from elsewhere, with a key of its own, becomes that of one of three."""
    names = three(daemon, "import")
    add(daemon, "donor")
    daemon.ctl("cert", "import", names[0], "--file", bundle_of(t, daemon, "donor"), "--other-names")
    daemon.wait_until("the others follow", lambda: all_alike(daemon, names))
    t.equal(daemon.leaf(names[1]).public_key, daemon.leaf("donor").public_key, "the key they share is the imported one now")
    fits(t, daemon, names[0], names, "one of three imported")
    daemon.ctl("cert", "reissue", names[1], "--wait")
    fits(t, daemon, names[0], names, "what is imported does not follow")
    t.equal(key_for(daemon, names[0]), 409, "and no key fits all")


def rolled_back(t, daemon):
    names = three(daemon, "back")
    daemon.ctl("cert", "reissue", names[0], "--wait")
    daemon.wait_until("the others follow", lambda: all_alike(daemon, names))
    daemon.ctl("cert", "rollback", names[1], "1")
    fits(t, daemon, names[0], names, "one of three rolled back")
    t.equal(key_for(daemon, names[0]), 409, "no key fits all")
    daemon.ctl("cert", "issue", names[2], "--wait")
    time.sleep(1)
    t.equal(daemon.cert(names[1])["current"], 1, "a renewal of another does not undo what was rolled back")
    daemon.ctl("cert", "issue", names[1], "--wait")
    t.equal(key_for(daemon, names[0]), daemon.leaf(names[1]).public_key, "its own renewal brings it back to the others")


def accounts(t, daemon, pebble):
    """An account's key that others know is changed."""
    key = t.path("account.key")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    daemon.ctl("key", "add", "same", "--file", key)
    daemon.add_cert("same", "same.example", key="same")
    daemon.add_account(pebble, name="second", key_file=key)
    before = daemon.ctl("key", "show", daemon.ctl("account", "show", "second")["key"])["newest"]
    daemon.ctl("cert", "revoke", "same", "--reason", "keyCompromise", "--wait")
    daemon.wait_until("the account has another key", lambda: daemon.ctl("key", "show", daemon.ctl("account", "show", "second")["key"])["current"] == before + 1)
    account = daemon.ctl("account", "show", "second")
    t.equal((account["state"], account["wish"]), ("valid", None), "an account whose key others know gets another one")
    t.ok("account.compromised" in actions(daemon, "second"), "its events say why")


def by_hand(t, daemon):
    """An order that waits for a person is for a key that becomes known: it is given up."""
    add(daemon, "hand1")
    daemon.add_cert("hand2", "hand2.example", key="hand1", by_hand=True, wait=False)
    shown = daemon.wait_for_cert("hand2", lambda c: c["status"] == "waiting", "it waits for a person")
    daemon.ctl("cert", "revoke", "hand1", "--reason", "keyCompromise", "--wait")
    daemon.api("POST", "/certificates/hand2/verify")
    daemon.wait_for_cert("hand2", lambda c: c["orders"] == 2 and c["status"] == "waiting", "another order waits")
    past = daemon.cert("hand2")["past_orders"][0]
    t.equal((past["result"], past["key_version"], daemon.cert("hand2")["order"]["key_version"]), ("replaced", 1, 2),
        "an order for a key that others know by now: another one is made, with another key")


def under_way(t, daemon, pebble):
    """The CA is at work on an order when others come to know its key."""
    recorder, go = Recorder(pebble), threading.Event()
    daemon.add_account(recorder, name="slow")
    add(daemon, "slow1")
    spoilt = daemon.leaf("slow1").public_key
    recorder.before = lambda seen: seen.kind == "challenge" and go.wait(60) and None
    daemon.add_cert("slow2", "slow2.example", account="slow", key="slow1", wait=False)
    daemon.wait_until("its order is proved", lambda: recorder.of("challenge"))
    daemon.ctl("cert", "revoke", "slow1", "--reason", "keyCompromise", "--wait")
    go.set()
    daemon.wait_for_cert("slow2", lambda c: c["status"] == "active", "it is issued nevertheless")
    requests = [openssl("req", "-inform", "DER", "-noout", "-pubkey", input=urlsafe_b64decode(s.payload["csr"] + "==")) for s in recorder.of("finalize")]
    t.equal(requests, [daemon.leaf("slow2").public_key], "only one request was sent, for the key that it has")
    t.ok(requests[0] != spoilt, "which is another one")


run(main)
