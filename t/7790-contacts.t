#!/usr/bin/env python3
"""Contacts of a certificate: e-mail addresses that are told of it beside its owner; and its last alert once more, to anybody."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    server = MailServer(t)
    site = Site(t, pebble={"binary": pebble_new(), "domainBlocklist": ["blocked.example"]}, notify={"gather": "0s", "retry_after": "1s"},
        mail={"host": "localhost", "port": server.port, "tls": "none", "from": "certera@example.org"})
    daemon = site.daemon
    for name, role in (("olga", "operator"), ("vera", "viewer")):
        daemon.add_user(name, role, PASSWORD)
    olga, vera = Person(daemon), Person(daemon)
    olga.sign_in("olga")
    vera.sign_in("vera")
    nothing_yet(t, daemon, olga)
    told(t, daemon, server, olga)
    again(t, daemon, server, olga, vera)
    which_alerts(t, daemon, server)
    t.equal(daemon.ctl("verify")["state"], "passed", "the store is whole")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def since(server, before, count):
    return sorted((m.to[0], m.subject) for m in server.wait_for_mails(before + count)[before:])


def nothing_yet(t, daemon, olga):
    daemon.ctl("cert", "add", "shop", "--names", "www.blocked.example", "--account", "ca", "--no-issue", "--contact", "Shop <shop@example.org>", "--contact", "web@example.org")
    t.equal(daemon.cert("shop")["contacts"], ["shop@example.org", "web@example.org"], "contacts are given with the certificate")
    status, said = olga("POST", "/certificates/shop/resend", {"recipient": "boss@example.org"})
    t.ok(status == 404 and "no alert about it" in said["detail"], "without an alert there is nothing to send again", (status, said))
    t.equal(olga("POST", "/certificates/shop", {"contacts": ["nobody"]})[0], 422, "a contact is an e-mail address")
    done = daemon.run_ctl("cert", "set", "shop", "--contact", "web at example")
    t.ok(done.returncode, "also for certeractl", done.stderr)


def told(t, daemon, server, olga):
    daemon.ctl("channel", "add", "all", "--kind", "email", "--to", "web@example.org")
    before = len(server.mails())
    daemon.run_ctl("cert", "issue", "shop", "--wait")
    subject = "[warning] shop cannot be issued"
    t.equal(since(server, before, 2), [("shop@example.org", subject), ("web@example.org", subject)], "each contact is told, once")
    olga.page("/certificates/shop")
    answer = olga.form("/certificates/shop?staging=false", "/certificates/shop", _form="certificate_contacts", _empty="contacts", contacts="owner@example.net\nshop@example.org")
    t.equal((answer.status, daemon.cert("shop")["contacts"]), (303, ["owner@example.net", "shop@example.org"]), "its page changes them")
    t.contains(olga.page("/certificates/shop").text, "owner@example.net", "and shows them")
    t.equal(daemon.ctl("cert", "set", "shop", "--no-contacts")["contacts"], [], "certeractl removes them")
    daemon.ctl("cert", "set", "shop", "--contact", "shop@example.org")
    t.equal(daemon.ctl("events", "--object", "shop")["events"][0]["message"], "changed: tags, note or contacts", "the audit log has it")


def again(t, daemon, server, olga, vera):
    before = len(server.mails())
    said = daemon.ctl("cert", "resend", "shop", "--to", "boss@example.org")
    t.equal((said["recipient"], said["alert"], said["state"]), ("boss@example.org", "failed", "sent"), "its last alert is sent again, to whom one says")
    t.equal(since(server, before, 1), [("boss@example.org", "[warning] shop cannot be issued")], "and arrives")
    first, last = server.mails()[0], server.mails()[-1]
    t.ok(first.text.split("\n\n")[0] == last.text.split("\n\n")[0], "it is the same", last.text)
    answer = olga.form("/certificates/shop/resend?staging=false", "/certificates/shop", _form="certificate_resend", recipient="Boss <boss@example.org>")
    t.equal(answer.status, 303, "its page does it, too")
    t.equal(since(server, before, 2)[1][0], "boss@example.org", "for an operator")
    t.equal(vera("POST", "/certificates/shop/resend", {"recipient": "vera@example.org"})[0], 403, "a viewer may not")
    t.equal(olga("POST", "/certificates/shop/resend", {"recipient": "nonsense"})[0], 422, "to an e-mail address only")
    t.equal(daemon.ctl("events", "--object", "shop")["events"][0]["action"], "certificate.resent", "the audit log has to whom")


def which_alerts(t, daemon, server):
    shown = daemon.ctl("channel", "show", "certificate-contacts")
    t.equal((shown["kind"], shown["purpose"], shown["recipients"]), ("email", "the contacts of each certificate", []), "an administrator sees the channel of contacts")
    daemon.ctl("channel", "set", "certificate-contacts", "--alerts", "issued")
    done = daemon.run_ctl("channel", "set", "certificate-contacts", "--to", "x@example.org")
    t.ok(done.returncode and b"contacts of each certificate" in done.stderr, "which has no recipients of its own", done.stderr)
    done = daemon.run_ctl("channel", "test", "certificate-contacts")
    t.ok(done.returncode and b"contacts of each certificate" in done.stderr, "nor a test", done.stderr)
    before = len(server.mails())
    daemon.ctl("settings", "set", "notify.note", "Call <Olga>: 555 0100")
    daemon.add_cert("fine", "fine.example", contact="fine@example.org")
    t.equal([m for m in since(server, before, 1)], [("fine@example.org", "[info] fine was issued")], "it says which alerts contacts get")
    mail = server.mails()[-1]
    t.ok("Call <Olga>: 555 0100" in mail.text.splitlines() and "<p>Call &lt;Olga&gt;: 555 0100</p>" in mail.html, "the note of notify.note is in each", mail.text)
    done = daemon.run_ctl("channel", "rm", "certificate-contacts", input=b"y\n")
    t.ok(done.returncode and b"Disable the channel" in done.stderr, "it cannot be removed, only disabled", done.stderr)
    t.equal(daemon.run_ctl("channel", "set", "certificate-contacts", "--disable").returncode, 0, "which is how contacts get nothing")
    status, said = daemon.api("POST", "/certificates/fine/resend", {"recipient": "x@example.org"})
    t.ok(status == 409 and "is disabled" in said["detail"], "not even what is sent again", (status, said))


run(main)
