#!/usr/bin/env python3
"""A CA that does everything wrong, one thing at a time; what our client makes of it.

Each row of FAULTS is a certificate and a CA of its own: Pebble behind a proxy that spoils one kind of request, so
many times.  All are ordered at once, each with a neighbour at the same CA.  Expected is one of two:
  words empty    it is issued, with no second attempt asked for by anybody
  words          the attempt ends with an error that names the cause: it has these words
and always: the neighbour is issued as fast as where nothing is wrong (unless the fault is one of the whole CA); when
the fault is gone, the certificate is issued, and in all the CA made no more than `orders` orders for it.
"""
import sys
import time
from collections import namedtuple
from datetime import datetime
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.faults import *

Row = namedtuple("Row", "name kind fault times words orders")
ALL = EVERY_TIME
ONE_CERTIFICATE = ("neworder", "order", "authz", "challenge", "finalize", "certificate")
# An order that got lost is replaced at once, so these have failed twice.
TWICE = ("order-gone", "authz-deactivated")
FAR, DEEP = "99999999999999999999999", b"[" * 5000 + b"]" * 5000


def token(value):
    def edit(said, ca):
        for challenge in said["challenges"]:
            challenge["token"] = value
    return change(edit)


def more_challenges(said, ca):
    said["challenges"][:0] = [{}, {"type": 7}, {"type": "dns-99", "status": "musing"}, "no object", None, {"type": "http-02"}]


def elsewhere(said, ca):
    """A newOrder URL that is not there any more."""
    said["newOrder"] = f"https://localhost:{ca.port}/gone/order-plz"


def challenges(**fields):
    return change(lambda said, ca: [c.update(fields) for c in said["challenges"]] and None)


def table(forger):
    """When it strikes, what, how often, words of the error, orders in the end."""
    def own(name):
        return [f"{name}.example", f"www.{name}.example"]
    return [
    # Nonces.
    Row("nonce-storm",       "neworder",    bad_nonce(), 12, "", 1),
    Row("nonce-storm-stale", "authz",       bad_nonce(fresh=False), 5, "", 1),
    Row("nonce-storm-final", "finalize",    bad_nonce(), 5, "", 1),
    Row("nonce-endless",     "neworder",    bad_nonce(), ALL, "badNonce", 1),
    Row("nonce-endless-end", "finalize",    bad_nonce(), ALL, "badNonce", 1),
    Row("no-nonce",          "authz",       headers(Replay_Nonce=None), ALL, "", 1),
    Row("no-nonce-order",    "neworder",    headers(Replay_Nonce=None), ALL, "", 1),
    Row("nonce-is-none",     "neworder",    headers(Replay_Nonce="no nonce, this"), ALL, "", 1),
    # Busy, and when to come back.
    Row("busy",              "neworder",    refuse(503, "serverInternal"), 2, "", 1),
    Row("busy-final",        "finalize",    refuse(500, "serverInternal"), 2, "", 1),
    Row("busy-download",     "certificate", refuse(503, "serverInternal"), 2, "", 1),
    Row("busy-seconds",      "neworder",    retry_after("1"), 2, "", 1),
    Row("busy-date",         "neworder",    retry_after(2), 1, "", 1),
    Row("busy-past-date",    "order",       retry_after(-3600), 2, "", 1),
    Row("busy-negative",     "authz",       retry_after("-5"), 2, "", 1),
    Row("busy-word",         "authz",       retry_after("soon"), 2, "", 1),
    Row("busy-huge",         "neworder",    retry_after(FAR), ALL, "503 serverInternal", 1),
    Row("busy-huge-later",   "order",       retry_after(FAR), ALL, "503 serverInternal", 1),
    Row("busy-next-year",    "neworder",    retry_after(400 * 86400), ALL, "503 serverInternal", 1),
    Row("limit-second",      "neworder",    retry_after("1", 429, "rateLimited"), 1, "", 1),
    Row("limit-huge",        "neworder",    retry_after(FAR, 429, "rateLimited"), ALL, "429 rateLimited", 1),
    Row("limit-final",       "finalize",    retry_after(FAR, 429, "rateLimited"), ALL, "429 rateLimited", 1),
    Row("limit-unsaid",      "neworder",    refuse(429, "rateLimited"), ALL, "429 rateLimited", 1),
    # Pages for people.
    Row("page",              "neworder",    page(502), 2, "", 1),
    Row("page-poll",         "authz",       page(200), 2, "", 1),
    Row("page-final",        "finalize",    page(503), 2, "", 1),
    Row("page-endless",      "neworder",    page(503), ALL, "answered 503 and no problem document", 1),
    Row("page-endless-poll", "order",       page(502), ALL, "answered 502 and no problem document", 1),
    Row("page-forbidden",    "neworder",    page(403), ALL, "answered 403 and no problem document", 1),
    Row("page-nowhere",      "neworder",    page(404), ALL, "answered 404", 1),
    # JSON that is none, or not as it should be.
    Row("cut-order",         "neworder",    garble(lambda b: b[:40]), 1, "", 1),
    Row("cut-authz",         "authz",       garble(lambda b: b[:40]), 2, "", 1),
    Row("cut-challenge",     "challenge",   garble(lambda b: b[:40]), 1, "", 1),
    Row("cut-final",         "finalize",    garble(lambda b: b[:40]), 1, "", 1),
    Row("cut-poll",          "order",       garble(lambda b: b[:40]), 1, "", 1),
    Row("nothing",           "authz",       garble(lambda b: b""), 1, "", 1),
    Row("deep",              "authz",       garble(lambda b: DEEP), ALL, "nested deeper than 32 levels", 2),
    Row("deep-once",         "authz",       garble(lambda b: DEEP), 1, "", 1),
    Row("list",              "authz",       garble(lambda b: b"[" + b + b"]"), ALL, "but no object", 2),
    Row("nul-raw",           "authz",       garble(lambda b: b"\0" + b), ALL, "JSON", 2),
    Row("nul-in-it",         "authz",       garble(lambda b: b.replace(b'"pending"', b'"pend\\u0000ing"')), ALL, "JSON", 2),
    Row("typed-status",      "authz",       put(status=7), ALL, "has no status", 2),
    Row("typed-list",        "neworder",    put(authorizations="all of them"), ALL, "lists 0 authorizations", 2),
    Row("typed-items",       "neworder",    put(authorizations=[1, None]), ALL, "no https URL", 2),
    Row("typed-finalize",    "neworder",    put(finalize={"url": 1}), ALL, "no https URL to finalize", 2),
    Row("typed-identifier",  "authz",       put(identifier="it"), ALL, "names no identifier", 2),
    Row("typed-challenges",  "authz",       put(challenges={"http-01": True}), ALL, "does not offer http-01", 2),
    # Connections.
    Row("lost-order-asked",  "neworder",    LOST_REQUEST, 1, "", 1),
    Row("lost-order",        "neworder",    LOST_ANSWER, 1, "", 2),
    Row("lost-order-always", "neworder",    LOST_ANSWER, ALL, "closed without an answer", 3),
    Row("lost-challenge",    "challenge",   LOST_ANSWER, 1, "", 1),
    Row("lost-final",        "finalize",    LOST_ANSWER, 1, "", 1),
    Row("lost-polls",        "order",       LOST_ANSWER, 2, "", 1),
    Row("lost-chain",        "certificate", LOST_ANSWER, 2, "", 1),
    Row("stall",             "neworder",    STALL, 1, "", 1),
    Row("stall-final",       "finalize",    STALL, ALL, "timed out", 1),
    Row("half",              "certificate", HALF, 1, "", 1),
    Row("half-and-stall",    "order",       HALF_AND_STALL, 1, "", 1),
    Row("drip",              "authz",       DRIP, ALL, "timed out", 1),
    Row("endless-body",      "authz",       ENDLESS_BODY, ALL, "it sent more than 1048576 bytes", 2),
    Row("endless-headers",   "authz",       ENDLESS_HEADERS, ALL, "bytes of headers", 2),
    Row("endless-once",      "certificate", ENDLESS_BODY, 1, "", 1),
    # Redirects and downgrades.
    Row("redirect",          "neworder",    redirect(307, lambda ca: f"https://localhost:{ca.port}/order-plz"), ALL, "answered 307", 1),
    Row("redirect-down",     "order",       redirect(302, lambda ca: f"http://localhost:{ca.port}/x"), ALL, "answered 302", 2),
    Row("plain-finalize",    "neworder",    put(finalize="http://ca.example/finalize"), ALL, "no https URL to finalize", 2),
    Row("plain-location",    "neworder",    headers(Location="http://ca.example/order"), ALL, "no Location", 2),
    Row("plain-challenge",   "authz",       challenges(url="http://ca.example/x"), ALL, "has no https URL", 2),
    # The directory.
    Row("dir-moves",         "directory",   change(elsewhere), 1, "", 1),
    Row("dir-busy",          "directory",   refuse(503, "serverInternal"), 2, "status 503", 0),
    Row("dir-redirect",      "directory",   redirect(302, lambda ca: f"https://localhost:{ca.pebble.port}/dir"), 1, "", None),
    Row("dir-redirect-down", "directory",   redirect(302, lambda ca: f"http://localhost:{ca.port}/dir"), ALL, "redirect leads", 0),
    Row("dir-redirect-loop", "directory",   redirect(302, lambda ca: f"https://localhost:{ca.port}/dir"), ALL, "too many redirects", 0),
    Row("dir-field-missing", "directory",   drop("newOrder", "newNonce"), ALL, "has no https URL for newNonce, newOrder", 0),
    Row("dir-plain",         "directory",   put(newOrder="http://ca.example/order"), ALL, "has no https URL for newOrder", 0),
    Row("dir-page",          "directory",   page(200), ALL, "the directory cannot be read", 0),
    Row("dir-nowhere",       "directory",   page(404), ALL, "status 404", 0),
    Row("dir-endless",       "directory",   ENDLESS_BODY, ALL, "it sent more than", 0),
    Row("nonce-missing",     "nonce",       headers(Replay_Nonce=None), ALL, "sent no nonce", 0),
    Row("account-unsaid",    "account",     headers(Location=None), ALL, "no Location with the account's URL", 0),
    Row("account-revoked",   "account",     put(status="revoked"), ALL, "the account of this key is revoked", 0),
    # Orders and authorizations that change under our hands.
    Row("order-vanishes",    "order",       refuse(404, "malformed", "no such order"), 1, "", 2),
    Row("order-gone",        "order",       refuse(404, "malformed", "no such order"), ALL, "gave up this order", 3),
    Row("order-expires",     "order",       put(status="invalid"), 1, "", 2),
    Row("order-invalid",     "order",       put(status="invalid", error={"type": URN + "serverInternal", "detail": "ate it"}), ALL,
        "ate it", 2),
    Row("authz-vanishes",    "authz",       refuse(404, "malformed", "no such thing"), 1, "", 2),
    Row("authz-expired",     "authz",       put(status="expired"), 1, "", 2),
    Row("authz-deactivated", "authz",       put(status="deactivated"), ALL, "the authorization is deactivated", 3),
    Row("authz-valid",       "neworder",    headers(X_Nothing="y"), 1, "", 1),
    Row("one-bad-name",      "neworder",    refuse(400, "compound", "", subproblems=[{"type": URN + "rejectedIdentifier",
        "detail": "forbidden by policy", "identifier": {"type": "dns", "value": "www.one-bad-name.example"}}]), ALL,
        "www.one-bad-name.example: forbidden by policy", 1),
    Row("endless-process",   "order",       put(status="processing"), ALL, "not done within", 1),
    Row("endless-validate",  "authz",       put(status="pending"), ALL, "not done within", 1),
    Row("status-new",        "neworder",    put(status="dreaming"), ALL, "", 1),
    Row("status-poll",       "order",       put(status="dreaming"), 1, "", 1),
    Row("status-authz",      "authz",       put(status="dreaming"), 2, "", 1),
    Row("status-endless",    "order",       put(status="dreaming"), ALL, "not done within", 1),
    Row("more-challenges",   "authz",       change(more_challenges), ALL, "", 1),
    # Tokens that would like to be paths.
    Row("token-path",        "authz",       token("../../../etc/passwd"), ALL, "no proper token", 2),
    Row("token-encoded",     "authz",       token("%2e%2e%2fx"), ALL, "no proper token", 2),
    Row("token-lines",       "authz",       token("abc\r\nSet-Cookie: x"), ALL, "no proper token", 2),
    Row("token-long",        "authz",       token("a" * 5000), ALL, "no proper token", 2),
    Row("token-none",        "authz",       token(""), ALL, "no proper token", 2),
    Row("token-typed",       "authz",       token(17), ALL, "no proper token", 2),
    # Certificates nobody should install.
    Row("chain-other-key",   "certificate", certificate(lambda c, r: forger.sign(None, own("chain-other-key"))), ALL,
        "for another key", 2),
    Row("chain-name-less",   "certificate", certificate(lambda c, r: forger.sign(r, own("chain-name-less")[:1])), ALL,
        "lacks the name www.chain-name-less.example", 2),
    Row("chain-name-more",   "certificate", certificate(lambda c, r: forger.sign(r, own("chain-name-more") + ["bank.example"])), ALL,
        "has the name bank.example", 2),
    Row("chain-expired",     "certificate", certificate(lambda c, r: forger.sign(r, own("chain-expired"), "20200101", "20200401")),
        ALL, "has expired", 2),
    Row("chain-future",      "certificate", certificate(lambda c, r: forger.sign(r, own("chain-future"), "20990101", "20990401")),
        ALL, "not valid before", 2),
    Row("chain-wrong",       "certificate", certificate(lambda c, r: chain_of(c)[0] + forger.root), ALL, "is not the subject", 2),
    Row("chain-reversed",    "certificate", certificate(lambda c, r: "".join(reversed(chain_of(c)))), ALL, "another key", 2),
    Row("chain-key-in-it",   "certificate", certificate(lambda c, r: c + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ALL, 'only "CERTIFICATE" is accepted', 2),
    Row("chain-words",       "certificate", certificate(lambda c, r: "Dear customer,\n" + c), ALL, "belongs to no certificate", 2),
    Row("chain-long",        "certificate", certificate(lambda c, r: c + forger.root * 20), ALL, "more than 10 certificates", 2),
    Row("chain-none",        "certificate", certificate(lambda c, r: "\n"), ALL, "no PEM block", 2),
    Row("chain-page",        "certificate", page(200), ALL, "no PEM block", 2),
    # Accounts.
    Row("terms-changed",     "neworder",    refuse(403, "userActionRequired", "Terms of service have changed",
        headers=[("Link", '<https://ca.example/terms>;rel="terms-of-service"')], instance="https://ca.example/agree"), ALL,
        "see https://ca.example/agree", 1),
    Row("account-unknown",   "neworder",    refuse(400, "accountDoesNotExist"), ALL, "does not know this account", 1),
    Row("account-off",       "neworder",    refuse(403, "unauthorized", "Account is not valid, has status deactivated"), ALL,
        "takes no orders from this account", 1),
    ]


def name_of(row):
    return f"{row.name}.example"


def neighbour_of(row):
    return f"by-{row.name}.example"


def main(t):
    site = Site(t, account=False, pebble={"authz_reuse": 100},
        acme={"timeout": "3s", "patience": "9s", "orders_at_once": 1000})
    daemon, rows = site.daemon, table(Forger(t))
    cas = {row.name: FaultyCA(site.pebble, name_of(row), row.kind, row.fault, row.times) for row in rows}
    cas["calm"] = FaultyCA(site.pebble, "", "", Fault(), 0)

    start = time.monotonic()
    for name, ca in cas.items():
        daemon.ctl("account", "add", name, "--directory", ca.directory, "--ca-file", ca.ca_file, "--agree-terms")
    at_ca = [row for row in rows if row.orders != 0]
    check_accounts(t, daemon, rows)
    names_of = {row.name: f"{name_of(row)} www.{name_of(row)}" for row in at_ca}
    names_of["authz-valid"] = f"authz-valid.example {neighbour_of(rows[0])}"
    calm = [f"calm-{i}" for i in range(10)]
    for name in calm:
        daemon.add_cert(name, name + ".example", account="calm", wait=False)
    for row in at_ca:
        daemon.add_cert("by-" + row.name, neighbour_of(row), account=row.name, wait=False)
    for name, names in names_of.items():
        daemon.add_cert(name, names, account=name, wait=False)

    shown = settle(daemon, at_ca, [row for row in at_ca if row.words])
    t.note(f"settled after {time.monotonic() - start:.1f} s")
    slowest = max(cas["calm"].ended(n + ".example") - cas["calm"].began(n + ".example") for n in calm)
    for row in at_ca:
        check_attempt(t, daemon, row, cas[row.name], shown)
        check_neighbour(t, row, cas[row.name], shown, slowest)
    heal(t, daemon, at_ca, cas)
    t.note(f"done after {time.monotonic() - start:.1f} s")


def check_accounts(t, daemon, rows):
    def settled():
        accounts = {a["name"]: a for a in daemon.ctl("account", "list")["accounts"]}
        return all(a["state"] != "new" for a in accounts.values()) and accounts
    accounts = daemon.wait_until("all registrations have ended", settled, 40)
    for row in rows:
        account = accounts[row.name]
        if row.orders != 0:
            t.equal(account["state"], "valid", f"{row.name}: the account is registered")
        else:
            said = str(account.get("error"))
            t.ok(account["state"] == "failed" and row.words in said, f"{row.name}: no account, because \"{row.words}\"", said)


def settle(daemon, rows, failing):
    """Waits until every first attempt has ended as it should, or is overdue."""
    failing = {row.name for row in failing}

    def ended():
        shown = daemon.certs()
        return all(c["status"] == "active" or (n in failing and c["failures"]) for n, c in shown.items()) and shown
    try:
        return daemon.wait_until("every attempt has ended", ended, 45)
    except TimeoutError:
        return daemon.certs()


def check_attempt(t, daemon, row, ca, shown):
    cert = shown[row.name]
    if row.name != "authz-valid":
        t.ok(ca.struck, f"{row.name}: it struck ({ca.struck} times)")
    if not row.words:
        t.ok(cert["status"] == "active", f"{row.name}: issued", cert)
        return
    cert = daemon.cert(row.name)
    t.equal((cert["status"], cert["failures"]), ("failed", 2 if row.name in TWICE else 1), f"{row.name}: the attempt has failed")
    t.contains(str(cert.get("error")), row.words, f"{row.name}: because \"{row.words}\"")
    again = datetime.fromisoformat(cert["retry_at"].replace("Z", "+00:00")).timestamp() if cert["retry_at"] else 0
    t.ok(time.time() < again < time.time() + 25 * 3600, f"{row.name}: the next attempt is planned, within a day", cert)


def check_neighbour(t, row, ca, shown, slowest):
    if row.kind not in ONE_CERTIFICATE:
        return
    name = neighbour_of(row)
    took = ca.ended(name) - ca.began(name) if ca.ended(name) else None
    t.ok(shown["by-" + row.name]["failures"] == 0 and took is not None and took < 2 * slowest + 2,
        f"{row.name}: its neighbour was not held up", f"{took} s, {slowest} s where nothing was wrong")


def heal(t, daemon, rows, cas):
    """The faults are over: all are issued, without an order too many."""
    broken = [row for row in rows if row.words]
    for row in broken:
        cas[row.name].heal()
        daemon.ctl("cert", "issue", row.name)
    try:
        daemon.wait_until("all are active", lambda: {c["status"] for c in daemon.certs().values()} == {"active"}, 40)
    except TimeoutError:
        pass
    shown = daemon.certs()
    for row in broken:
        t.equal(shown[row.name]["status"], "active", f"{row.name}: issued when the fault is gone")
    for row in rows:
        if row.orders:
            t.equal(cas[row.name].orders_of(name_of(row)), row.orders, f"{row.name}: {row.orders} orders in all")


if __name__ == "__main__":
    run(main)
