#!/usr/bin/env python3
"""A CA that does everything wrong, one thing at a time; what our client makes of it.

table() lists the faults a good client survives, and for each the rows that show it.  A row is a certificate and a CA of
its own: Pebble behind a proxy that spoils one kind of request, so many times.  All are ordered with a neighbour at the
same CA.  A row says how its first attempt ends:
  ISSUED      with a certificate, no second attempt asked for by anybody
  FAILED      with an error that names the cause: it has these words
  WAITS       it has not failed: it waits for a known time, and these words say why
  NO_ACCOUNT  the account cannot even be registered, and says why
and always: the neighbour is issued as fast as where nothing is wrong (unless the fault is one of the whole CA); when
the fault is gone, the certificate is issued, and in all the CA made no more than `orders` orders for it.
"""
import os
import re
import sys
import time
from collections import namedtuple
from datetime import datetime
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.faults import *

Row = namedtuple("Row", "name kind fault times end words orders")
ISSUED, FAILED, WAITS, NO_ACCOUNT = "issued", "failed", "waits", "no account"
ALL = EVERY_TIME
ONE_CERTIFICATE = ("neworder", "order", "authz", "challenge", "finalize", "certificate")
# An order that got lost is replaced at once, so these fail twice.
TWICE = ("order-gone", "authz-deactivated")
# A window's title, colours by C1, another direction of writing; and what is left of it.
PAINT = "\x1b]0;title\x07 \x9b31mred\nline \u202egpj.exe\u2066"
PAINTED = " ]0;title   31mred line gpj.exe"
FAR, DEEP = "99999999999999999999999", b"[" * 5000 + b"]" * 5000


def token(value):
    def edit(said, ca):
        for challenge in said["challenges"]:
            challenge["token"] = value
    return change(edit)


def more_challenges(said, ca):
    said["challenges"][:0] = [{}, {"type": 7}, {"type": "dns-99", "status": "musing"}, "no object", None, {"type": "http-02"}]


def put_name(edit):
    return change(lambda said, ca: said["identifier"].update(value=edit(said["identifier"]["value"])))


def elsewhere(said, ca):
    """A newOrder URL that is not there any more."""
    said["newOrder"] = f"https://localhost:{ca.port}/gone/order-plz"


def challenges(**fields):
    return change(lambda said, ca: [c.update(fields) for c in said["challenges"]] and None)


def table(forger):
    """The faults a good client survives: for each, the rows that show it, or the test that does."""
    def own(name):
        return [f"{name}.example", f"www.{name}.example"]

    return {
    "badNonce storms": [
        Row("nonce-storm",       "neworder",    bad_nonce(), 12, ISSUED, "", 1),
        Row("nonce-storm-stale", "authz",       bad_nonce(fresh=False), 5, ISSUED, "", 1),
        Row("nonce-storm-final", "finalize",    bad_nonce(), 5, ISSUED, "", 1),
        Row("nonce-endless",     "neworder",    bad_nonce(), ALL, FAILED, "badNonce", 1),
        Row("nonce-endless-end", "finalize",    bad_nonce(), ALL, FAILED, "badNonce", 1),
    ],
    "replies without nonce": [
        Row("no-nonce",          "authz",       headers(Replay_Nonce=None), ALL, ISSUED, "", 1),
        Row("no-nonce-order",    "neworder",    headers(Replay_Nonce=None), ALL, ISSUED, "", 1),
        Row("nonce-is-none",     "neworder",    headers(Replay_Nonce="no nonce, this"), ALL, ISSUED, "", 1),
        Row("nonce-missing",     "nonce",       headers(Replay_Nonce=None), ALL, NO_ACCOUNT, "sent no nonce", 0),
    ],
    "503/429 with seconds, dates, negative and huge Retry-After": [
        Row("busy",              "neworder",    refuse(503, "serverInternal"), 2, ISSUED, "", 1),
        Row("busy-final",        "finalize",    refuse(500, "serverInternal"), 2, ISSUED, "", 1),
        Row("busy-download",     "certificate", refuse(503, "serverInternal"), 2, ISSUED, "", 1),
        Row("busy-seconds",      "neworder",    retry_after("1"), 2, ISSUED, "", 1),
        Row("busy-date",         "neworder",    retry_after(2), 1, ISSUED, "", 1),
        Row("busy-past-date",    "order",       retry_after(-3600), 2, ISSUED, "", 1),
        Row("busy-negative",     "authz",       retry_after("-5"), 2, ISSUED, "", 1),
        Row("busy-word",         "authz",       retry_after("soon"), 2, ISSUED, "", 1),
        Row("busy-huge",         "neworder",    retry_after(FAR), ALL, FAILED, "503 serverInternal", 1),
        Row("busy-huge-later",   "order",       retry_after(FAR), ALL, FAILED, "503 serverInternal", 1),
        Row("busy-next-year",    "neworder",    retry_after(400 * 86400), ALL, FAILED, "503 serverInternal", 1),
        Row("limit-second",      "neworder",    retry_after("1", 429, "rateLimited"), 1, ISSUED, "", 1),
        Row("limit-huge",        "neworder",    retry_after(FAR, 429, "rateLimited"), ALL, WAITS, "429 rateLimited", 0),
        Row("limit-final",       "finalize",    retry_after(FAR, 429, "rateLimited"), ALL, FAILED, "429 rateLimited", 1),
        Row("limit-paused",      "neworder",    refuse(429, "rateLimited", "You are prevented from requesting certificates. Please "
            "visit: https://ca.example/unpause?jwt=x"), ALL, FAILED, "Open the URL in the message of the CA", 1),
        Row("limit-unsaid",      "neworder",    refuse(429, "rateLimited"), ALL, FAILED, "429 rateLimited", 1),
    ],
    "HTML error pages": [
        Row("page",              "neworder",    page(502), 2, ISSUED, "", 1),
        Row("page-poll",         "authz",       page(200), 2, ISSUED, "", 1),
        Row("page-final",        "finalize",    page(503), 2, ISSUED, "", 1),
        Row("page-endless",      "neworder",    page(503), ALL, FAILED, "answered 503 and no problem document", 1),
        Row("page-endless-poll", "order",       page(502), ALL, WAITS, "answered 502 and no problem document", 1),
        Row("page-forbidden",    "neworder",    page(403), ALL, FAILED, "answered 403 and no problem document", 1),
        Row("page-nowhere",      "neworder",    page(404), ALL, FAILED, "answered 404", 1),
        Row("chain-page",        "certificate", page(200), ALL, FAILED, "no PEM block", 2),
        Row("dir-page",          "directory",   page(200), ALL, NO_ACCOUNT, "the directory cannot be read", 0),
    ],
    "truncated, deep, mistyped or NUL-laden JSON": [
        Row("cut-order",         "neworder",    garble(lambda b: b[:40]), 1, ISSUED, "", 1),
        Row("cut-authz",         "authz",       garble(lambda b: b[:40]), 2, ISSUED, "", 1),
        Row("cut-challenge",     "challenge",   garble(lambda b: b[:40]), 1, ISSUED, "", 1),
        Row("cut-final",         "finalize",    garble(lambda b: b[:40]), 1, ISSUED, "", 1),
        Row("cut-poll",          "order",       garble(lambda b: b[:40]), 1, ISSUED, "", 1),
        Row("nothing",           "authz",       garble(lambda b: b""), 1, ISSUED, "", 1),
        Row("deep",              "authz",       garble(lambda b: DEEP), ALL, FAILED, "nested deeper than 32 levels", 2),
        Row("deep-once",         "authz",       garble(lambda b: DEEP), 1, ISSUED, "", 1),
        Row("list",              "authz",       garble(lambda b: b"[" + b + b"]"), ALL, FAILED, "but no object", 2),
        Row("nul-raw",           "authz",       garble(lambda b: b"\0" + b), ALL, FAILED, "JSON", 2),
        Row("nul-in-it",         "authz",       garble(lambda b: b.replace(b'"pending"', b'"pend\\u0000ing"')),
            ALL, FAILED, "JSON", 2),
        Row("typed-status",      "authz",       put(status=7), ALL, FAILED, "has no status", 2),
        Row("typed-list",        "neworder",    put(authorizations="all of them"), ALL, FAILED, "lists 0 authorizations", 2),
        Row("typed-items",       "neworder",    put(authorizations=[1, None]), ALL, FAILED, "no https URL", 2),
        Row("typed-finalize",    "neworder",    put(finalize={"url": 1}), ALL, FAILED, "no https URL to finalize", 2),
        Row("typed-identifier",  "authz",       put(identifier="it"), ALL, FAILED, "names no identifier", 2),
        Row("typed-challenges",  "authz",       put(challenges={"http-01": True}), ALL, FAILED, "does not offer http-01", 2),
    ],
    "reset after newOrder or finalize was received": [
        Row("lost-order-asked",  "neworder",    LOST_REQUEST, 1, ISSUED, "", 1),
        Row("lost-order",        "neworder",    LOST_ANSWER, 1, ISSUED, "", 2),
        Row("lost-order-always", "neworder",    LOST_ANSWER, ALL, FAILED, "closed without an answer", 3),
        Row("lost-challenge",    "challenge",   LOST_ANSWER, 1, ISSUED, "", 1),
        Row("lost-final",        "finalize",    LOST_ANSWER, 1, ISSUED, "", 1),
        Row("lost-polls",        "order",       LOST_ANSWER, 2, ISSUED, "", 1),
        Row("lost-chain",        "certificate", LOST_ANSWER, 2, ISSUED, "", 1),
    ],
    "a CA that forgets what it was told": [
        Row("forgets-challenge", "challenge",   forget(), 1, ISSUED, "", 1),
        Row("forgets-validating", "challenge",  forget(type="http-01", status="processing"), 1, ISSUED, "", 1),
        Row("forgets-final",     "finalize",    forget(status="processing"), 1, ISSUED, "", 1),
        Row("forgets-request",   "finalize",    forget(status="ready"), 1, ISSUED, "", 1),
        Row("forgets-always",    "challenge",   forget(), ALL, FAILED, "Certera asks again at", 1),
    ],
    "a stalled server": [
        Row("stall",             "neworder",    STALL, 1, ISSUED, "", 1),
        Row("stall-final",       "finalize",    STALL, ALL, FAILED, "timed out", 1),
        Row("half",              "certificate", HALF, 1, ISSUED, "", 1),
        Row("half-and-stall",    "order",       HALF_AND_STALL, 1, ISSUED, "", 1),
        Row("drip",              "authz",       DRIP, ALL, FAILED, "timed out", 1),
    ],
    "directory URLs that change": [
        Row("dir-moves",         "directory",   change(elsewhere), 1, ISSUED, "", 1),
    ],
    "missing directory fields": [
        Row("dir-field-missing", "directory",   drop("newOrder", "newNonce"),
            ALL, NO_ACCOUNT, "has no https URL for newNonce, newOrder", 0),
        Row("dir-plain",         "directory",   put(newOrder="http://ca.example/order"),
            ALL, NO_ACCOUNT, "has no https URL for newOrder", 0),
        Row("dir-busy",          "directory",   refuse(503, "serverInternal"), 2, NO_ACCOUNT, "status 503", 0),
        Row("dir-nowhere",       "directory",   page(404), ALL, NO_ACCOUNT, "status 404", 0),
    ],
    "endless bodies and headers": [
        Row("endless-body",      "authz",       ENDLESS_BODY, ALL, FAILED, "it sent more than 1048576 bytes", 2),
        Row("endless-headers",   "authz",       ENDLESS_HEADERS, ALL, FAILED, "bytes of headers", 2),
        Row("endless-once",      "certificate", ENDLESS_BODY, 1, ISSUED, "", 1),
        Row("dir-endless",       "directory",   ENDLESS_BODY, ALL, NO_ACCOUNT, "it sent more than", 0),
    ],
    "redirects and downgrades": [
        Row("redirect",          "neworder",    redirect(307, lambda ca: f"https://localhost:{ca.port}/order-plz"),
            ALL, FAILED, "answered 307", 1),
        Row("redirect-down",     "order",       redirect(302, lambda ca: f"http://localhost:{ca.port}/x"),
            ALL, FAILED, "answered 302", 2),
        Row("plain-finalize",    "neworder",    put(finalize="http://ca.example/finalize"),
            ALL, FAILED, "no https URL to finalize", 2),
        Row("plain-location",    "neworder",    headers(Location="http://ca.example/order"), ALL, FAILED, "no Location", 2),
        Row("plain-challenge",   "authz",       challenges(url="http://ca.example/x"), ALL, FAILED, "has no https URL", 2),
        Row("dir-redirect",      "directory",   redirect(302, lambda ca: f"https://localhost:{ca.pebble.port}/dir"),
            1, ISSUED, "", None),
        Row("dir-redirect-down", "directory",   redirect(302, lambda ca: f"http://localhost:{ca.port}/dir"),
            ALL, NO_ACCOUNT, "redirect leads", 0),
        Row("dir-redirect-loop", "directory",   redirect(302, lambda ca: f"https://localhost:{ca.port}/dir"),
            ALL, NO_ACCOUNT, "too many redirects", 0),
    ],
    "orders that expire or vanish": [
        Row("order-vanishes",    "order",       refuse(404, "malformed", "no such order"), 1, ISSUED, "", 2),
        Row("order-gone",        "order",       refuse(404, "malformed", "no such order"),
            ALL, FAILED, "dropped this order", 3),
        Row("order-expires",     "order",       put(status="invalid"), 1, ISSUED, "", 2),
        Row("order-invalid",     "order",       put(status="invalid", error={"type": URN + "serverInternal", "detail": "ate it"}), ALL,
            FAILED, "ate it", 2),
        Row("authz-vanishes",    "authz",       refuse(404, "malformed", "no such thing"), 1, ISSUED, "", 2),
    ],
    "one invalid name of many": [
        Row("one-bad-name",      "neworder",    refuse(400, "compound", "", subproblems=[{"type": URN + "rejectedIdentifier",
            "detail": "forbidden by policy", "identifier": {"type": "dns", "value": "www.one-bad-name.example"}}]), ALL,
            FAILED, "www.one-bad-name.example: forbidden by policy", 1),
    ],
    "authorizations for what nobody ordered": [
        Row("authz-other-name",  "authz",       put(identifier={"type": "dns", "value": "bank.example"}),
            ALL, FAILED, "wants bank.example proved, which was not ordered", 2),
        Row("authz-other-case",  "authz",       put_name(str.upper), ALL, ISSUED, "", 1),
    ],
    "words that paint on a terminal": [
        Row("words-detail",      "neworder",    refuse(403, "rejectedIdentifier", PAINT), ALL, FAILED, PAINTED, 1),
        Row("words-type",        "neworder",    refuse(403, "x" + PAINT), ALL, FAILED, "x" + PAINTED, 1),
        Row("words-status",      "authz",       put(status="expired" + PAINT, challenges=[{"type": PAINT}]), ALL, FAILED,
            "only: " + PAINTED, 2),
        Row("words-page",        "neworder",    page(403, text=PAINT), ALL, FAILED, PAINTED, 1),
    ],
    "authorizations already valid, expired, deactivated": [
        Row("authz-valid",       "neworder",    NOTHING, 1, ISSUED, "", 1),
        Row("authz-expired",     "authz",       put(status="expired"), 1, ISSUED, "", 2),
        Row("authz-deactivated", "authz",       put(status="deactivated"),
            ALL, FAILED, "the authorization is deactivated", 3),
    ],
    "endless `processing`": [
        Row("endless-process",   "order",       put(status="processing"), ALL, WAITS, "not done within", 1),
        Row("endless-validate",  "authz",       put(status="pending"), ALL, FAILED, "not done within", 1),
    ],
    "unknown statuses": [
        Row("status-new",        "neworder",    put(status="dreaming"), ALL, ISSUED, "", 1),
        Row("status-poll",       "order",       put(status="dreaming"), 1, ISSUED, "", 1),
        Row("status-authz",      "authz",       put(status="dreaming"), 2, ISSUED, "", 1),
        Row("status-endless",    "order",       put(status="dreaming"), ALL, WAITS, "not done within", 1),
        Row("more-challenges",   "authz",       change(more_challenges), ALL, ISSUED, "", 1),
    ],
    "certificates with another key, missing names, wrong dates, wrong chain, extra PEM blocks": [
        Row("chain-other-key",   "certificate", certificate(lambda c, r: forger.sign(None, own("chain-other-key"))), ALL,
            FAILED, "for a different key", 2),
        Row("chain-name-less",   "certificate", certificate(lambda c, r: forger.sign(r, own("chain-name-less")[:1])), ALL,
            FAILED, "lacks the name www.chain-name-less.example", 2),
        Row("chain-name-more",   "certificate", certificate(lambda c, r: forger.sign(r, own("chain-name-more") + ["bank.example"])), ALL,
            FAILED, "has the name bank.example", 2),
        Row("chain-expired",     "certificate", certificate(lambda c, r: forger.sign(r, own("chain-expired"), "20200101", "20200401")),
            ALL, FAILED, "has expired", 2),
        Row("chain-future",      "certificate", certificate(lambda c, r: forger.sign(r, own("chain-future"), "20990101", "20990401")),
            ALL, FAILED, "not valid before", 2),
        Row("chain-wrong",       "certificate", certificate(lambda c, r: chain_of(c)[0] + forger.root),
            ALL, FAILED, "is not the subject", 2),
        Row("chain-reversed",    "certificate", certificate(lambda c, r: "".join(reversed(chain_of(c)))),
            ALL, FAILED, "a different key", 2),
        Row("chain-key-in-it",   "certificate", certificate(lambda c, r: c + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            ALL, FAILED, 'only "CERTIFICATE" is accepted', 2),
        Row("chain-words",       "certificate", certificate(lambda c, r: "Dear customer,\n" + c),
            ALL, FAILED, "belongs to no certificate", 2),
        Row("chain-long",        "certificate", certificate(lambda c, r: c + forger.root * 20),
            ALL, FAILED, "more than 10 certificates", 2),
        Row("chain-none",        "certificate", certificate(lambda c, r: "\n"), ALL, FAILED, "no PEM block", 2),
    ],
    "missing preferred chain": [
        Row("top-none",          "certificate", NOTHING, 1, ISSUED, "", 1),
        Row("top-gone",          "certificate", alternate("/nowhere"), 1, ISSUED, "", 1),
        Row("top-is-none",       "certificate", alternate("/dir"), 1, ISSUED, "", 1),
        Row("top-plain",         "certificate", alternate("http://ca.example/x"), 1, ISSUED, "", 1),
    ],
    "odd ARI windows": [
        Row("ari-backwards",     "renewal",     window("2030-01-02T00:00:00Z", "2030-01-01T00:00:00Z"), ALL, ISSUED, "", 1),
        Row("ari-empty",         "renewal",     window("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"), ALL, ISSUED, "", 1),
        Row("ari-never",         "renewal",     window("2990-01-01T00:00:00Z", "2999-01-01T00:00:00Z"), ALL, ISSUED, "", 1),
        Row("ari-long-ago",      "renewal",     window("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"), ALL, ISSUED, "", 3),
        Row("ari-words",         "renewal",     window("yesterday", "soon"), ALL, ISSUED, "", 1),
        Row("ari-typed",         "renewal",     window(5, {}), ALL, ISSUED, "", 1),
        Row("ari-page",          "renewal",     page(200), ALL, ISSUED, "", 1),
        Row("ari-missing",       "renewal",     refuse(404, "malformed"), ALL, ISSUED, "", 1),
        Row("ari-busy",          "renewal",     retry_after(FAR), ALL, ISSUED, "", 1),
        Row("ari-down",          "renewal",     redirect(302, lambda ca: f"http://localhost:{ca.port}/x"),
            ALL, ISSUED, "", 1),
    ],
    "changed terms": [
        Row("terms-changed",     "neworder",    refuse(403, "userActionRequired", "Terms of service have changed",
            headers=[("Link", '<https://ca.example/terms>;rel="terms-of-service"')], instance="https://ca.example/agree"), ALL,
            FAILED, "see https://ca.example/agree", 1),
    ],
    "unknown or deactivated account": [
        Row("account-unknown",   "neworder",    refuse(400, "accountDoesNotExist"),
            ALL, FAILED, "no longer knows this account", 1),
        Row("account-off",       "neworder",    refuse(403, "unauthorized", "Account is not valid, has status deactivated"), ALL,
            FAILED, "no longer takes orders from this account", 1),
        Row("account-unsaid",    "account",     headers(Location=None),
            ALL, NO_ACCOUNT, "no Location with the account's URL", 0),
        Row("account-revoked",   "account",     put(status="revoked"),
            ALL, NO_ACCOUNT, "the account of this key is revoked", 0),
    ],
    "hostile tokens": [
        Row("token-path",        "authz",       token("../../../etc/passwd"), ALL, FAILED, "no proper token", 2),
        Row("token-encoded",     "authz",       token("%2e%2e%2fx"), ALL, FAILED, "no proper token", 2),
        Row("token-lines",       "authz",       token("abc\r\nSet-Cookie: x"), ALL, FAILED, "no proper token", 2),
        Row("token-long",        "authz",       token("a" * 5000), ALL, FAILED, "no proper token", 2),
        Row("token-none",        "authz",       token(""), ALL, FAILED, "no proper token", 2),
        Row("token-typed",       "authz",       token(17), ALL, FAILED, "no proper token", 2),
    ],
    "a clock that jumps": "3610-clock-and-disk.t",
    "kill -9 at every step": "6110-kill-every-step.t",
    "full disk": "3610-clock-and-disk.t",
    }


def name_of(row):
    return f"{row.name}.example"


def neighbour_of(row):
    return f"by-{row.name}.example"


def main(t):
    faults = table(Forger(t))
    rows = check_table(t, faults)
    site = Site(t, account=False, pebble={"authz_reuse": 100},
        acme={"timeout": f"{4 * PATIENCE:g}s", "patience": f"{12 * PATIENCE:g}s", "orders_at_once": 24})
    daemon = site.daemon
    cas = {row.name: FaultyCA(site.pebble, name_of(row), row.kind, row.fault, row.times) for row in rows}
    cas["calm"] = FaultyCA(site.pebble, "", "", NOTHING, 0)

    start = time.monotonic()
    for name, ca in cas.items():
        daemon.ctl("account", "add", name, "--directory", ca.directory, "--ca-file", ca.ca_file, "--agree-terms")
    at_ca = [row for row in rows if row.end != NO_ACCOUNT]
    check_accounts(t, daemon, rows)
    calm = order_all(daemon, rows, at_ca)
    first, last = watch(daemon, at_ca, cas)
    t.note(f"done after {time.monotonic() - start:.1f} s")
    slowest = max(cas["calm"].ended(n + ".example") - cas["calm"].began(n + ".example") for n in calm)
    for row in at_ca:
        check_attempt(t, row, cas[row.name], first[row.name])
        check_neighbour(t, row, cas[row.name], last["by-" + row.name], slowest)
        check_end(t, row, cas[row.name], last[row.name])
    check_words(t, daemon)


def check_table(t, faults):
    """Every fault has its rows, or a test of its own; all rows."""
    for fault, shown in faults.items():
        elsewhere = isinstance(shown, str)
        t.ok(os.path.exists(os.path.join(TOP, "t", shown)) if elsewhere else shown,
            f"{fault}: {'t/' + shown if elsewhere else ', '.join(row.name for row in shown)}")
    return [row for shown in faults.values() if not isinstance(shown, str) for row in shown]


def check_accounts(t, daemon, rows):
    def settled():
        accounts = {a["name"]: a for a in daemon.ctl("account", "list")["accounts"]}
        return all(a["state"] != "new" for a in accounts.values()) and accounts
    accounts = daemon.wait_until("all registrations have ended", settled, 120)
    for row in rows:
        account = accounts[row.name]
        if row.end != NO_ACCOUNT:
            t.equal(account["state"], "valid", f"{row.name}: the account is registered")
        else:
            said = str(account.get("error"))
            t.ok(account["state"] == "failed" and row.words in said, f"{row.name}: no account, because \"{row.words}\"", said)


def order_all(daemon, rows, at_ca):
    """The neighbours first, then those that the faults will hit; in between, certificates at a CA without any: their names."""
    calm = []
    for row in at_ca:
        daemon.add_cert("by-" + row.name, neighbour_of(row), account=row.name, wait=False)
    for i, row in enumerate(at_ca):
        names = f"{name_of(row)} www.{name_of(row)}"
        if row.name == "authz-valid":  # proved already, by another certificate
            names = f"authz-valid.example {neighbour_of(rows[0])}"
        chain = {"preferred_chain": "Nobody's Root"} if row.name.startswith("top-") else {}
        daemon.add_cert(row.name, names, account=row.name, wait=False, **chain)
        if i % 10 == 0:
            calm.append(f"calm-{i}")
            daemon.add_cert(calm[-1], calm[-1] + ".example", account="calm", wait=False)
    return calm


def watch(daemon, rows, cas):
    """Waits until every first attempt has ended; with each the fault is over, and what has not been issued is ordered again.
    Returns how the first attempts ended, and how all is in the end."""
    first = {}

    def has_ended(row, cert):
        if row.end == WAITS and cert["waits_for"]:
            return True
        return cert["status"] == "active" or cert["failures"] >= (1 if row.end == FAILED and row.name not in TWICE else 2)

    def look():
        shown = daemon.certs()
        for row in rows:
            if row.name in first or not has_ended(row, shown[row.name]):
                continue
            first[row.name] = {**daemon.cert(row.name), "at": time.time()}
            if row.end != ISSUED:
                cas[row.name].heal()
                daemon.ctl("cert", "issue", row.name)
        # each issuance, and the neighbour's, is followed by a question when to renew
        told = all(cas[row.name].struck >= 2 * row.orders and cas[row.name].orders_of(name_of(row)) >= row.orders and
            when(shown[row.name]["renew_at"]) > time.time() + 300 for row in rows if row.kind == "renewal")
        return told and len(first) == len(rows) and all(
            shown[row.name]["status"] == "active" or row.orders == 0 for row in rows) and all(
            shown["by-" + row.name]["status"] == "active" for row in rows)
    try:
        daemon.wait_until("every attempt has ended, and all are issued", look, 240)
    except TimeoutError as e:
        first = {**{n: {**c, "at": time.time()} for n, c in daemon.certs().items()}, **first}
        print("#", e)
    return first, daemon.certs()


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0


def check_attempt(t, row, ca, cert):
    t.ok(ca.struck or row.fault is NOTHING, f"{row.name}: it struck ({ca.struck} times)")
    if row.end == ISSUED:
        t.ok(cert["current"] and not cert["failures"], f"{row.name}: issued", cert)
        return
    if row.end == FAILED:
        t.equal((cert["status"], cert["failures"]), ("failed", 2 if row.name in TWICE else 1), f"{row.name}: the attempt has failed")
        said = str(cert["error"])
    else:
        t.ok(cert["waits_for"] and not cert["failures"], f"{row.name}: it waits", cert)
        t.equal(bool(cert["error"]), row.words != "not done within", f"{row.name}: and has an error, unless its CA just takes its time")
        said = f"{cert['error']} {(cert['order'] or {}).get('error')}"
    t.contains(said, row.words, f"{row.name}: because \"{row.words}\"")
    days = 8 if "429" in row.words else 1  # limits may be those of a week
    t.ok(cert["at"] < when(cert["retry_at"]) < cert["at"] + days * 86400 + 3600,
        f"{row.name}: the next attempt is planned, within {days} days", cert)


def check_neighbour(t, row, ca, cert, slowest):
    if row.kind not in ONE_CERTIFICATE:
        return
    name = neighbour_of(row)
    took = ca.ended(name) - ca.began(name) if ca.ended(name) else None
    t.ok(cert["failures"] == 0 and took is not None and took < 2 * slowest + 4 * PATIENCE,
        f"{row.name}: its neighbour was not held up", f"{took} s, {slowest} s where nothing was wrong")


def check_end(t, row, ca, cert):
    """The fault is over: it is issued, without an order too many."""
    if row.orders == 0:  # the CA said: not before tomorrow
        t.ok(cert["waits_for"] and len(ca.of("neworder")) == 2, f"{row.name}: an order that would be refused is not sent", cert)
    else:
        t.ok(cert["status"] == "active", f"{row.name}: issued in the end", cert)
    if row.kind == "renewal":
        t.ok(time.time() + 300 < when(cert["renew_at"]) < when(cert["not_after"]), f"{row.name}: to be renewed in time", cert)
    if row.orders is not None:
        t.equal(ca.orders_of(name_of(row)), row.orders, f"{row.name}: {row.orders} orders in all")


def check_words(t, daemon):
    """What CAs said is in events and in the log, without what moves a cursor or turns text round."""
    unfit = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")
    for what, text in (("events", daemon.run_ctl("events", "--limit", "1000").stdout), ("the log", daemon.log())):
        text = text.decode()
        t.contains(text, "red line gpj.exe" if what == "events" else "gpj.exe", f"{what}: the CA's words are there")
        t.equal(unfit.findall(text), [], f"{what}: nothing in them is for the terminal")


if __name__ == "__main__":
    run(main)
