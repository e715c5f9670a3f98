#!/usr/bin/env python3
"""A list by mail to oneself: as a CSV file, with its filters, and only what one may see."""
import csv
import io
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    server = MailServer(t)
    site = Site(t, notify={"retry_after": "1s"}, mail={"host": "localhost", "port": server.port, "tls": "none", "from": "certera@example.org"})
    daemon = site.daemon
    daemon.ctl("plan", "add", "small")
    for name, role, more in (("alice", "operator", {"plan": "small", "mail": "alice@example.org"}), ("vera", "viewer", {"mail": "vera@example.org"}),
            ("nobody", "viewer", {})):
        daemon.add_user(name, role, PASSWORD, **more)
    people = {name: Person(daemon) for name in ("alice", "vera", "nobody")}
    for name, person in people.items():
        person.sign_in(name)
    for name in ("one", "two", "three"):
        daemon.ctl("cert", "add", name, "--names", f"{name}.example", "--account", "ca", "--no-issue", "--tag", "odd" if name != "two" else "even", "--note", "=1+1")
    people["alice"]("POST", "/certificates", {"name": "hers", "names": ["hers.example"], "account": "ca", "issue": False})
    by_request(t, server, **people)
    by_page(t, server, people["vera"])
    by_certeractl(t, daemon, server)
    many(t, daemon, server)
    refused(t, daemon, **people)
    t.equal(daemon.ctl("verify")["state"], "passed", "the store is whole")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def attached(mail):
    """(file name, rows) of what is attached."""
    [part] = [p for p in mail.parsed.walk() if p.get_content_disposition() == "attachment"]
    return part.get_filename(), list(csv.DictReader(io.StringIO(part.get_content() if part.get_content_maintype() == "text" else part.get_payload(decode=True).decode(), newline="")))


def arrived(server, before):
    return server.wait_for_mails(before + 1)[before]


def by_request(t, server, alice, vera, nobody):
    before = len(server.mails())
    status, said = vera("POST", "/me/lists", {"list": "certificates?tag=odd&sort=-name"})
    t.equal((status, said["recipient"], said["file_name"], said["rows"]), (202, "vera@example.org", "certera-certificates.csv", 2), "a list is asked for, with its filters")
    mail = arrived(server, before)
    name, rows = attached(mail)
    t.equal((mail.to[0], name, [r["name"] for r in rows]), ("vera@example.org", "certera-certificates.csv", ["three", "one"]), "and comes by mail, in its order")
    t.ok("2 rows are attached" in mail.text and "tag=odd&sort=-name" in mail.text, "the text says what it is", mail.text)
    t.ok(rows[0]["note"] != "=1+1", "no spreadsheet takes a note for a formula", rows[0]["note"])
    before = len(server.mails())
    t.equal(alice("POST", "/me/lists", {"list": "/api/v1/certificates"})[1]["rows"], 1, "with a plan")
    t.equal([r["name"] for r in attached(arrived(server, before))[1]], ["hers"], "one's own certificates only")


def by_page(t, server, vera):
    for page, wanted in (("/certificates?tag=even", ["two"]), ("/keys", None), ("/events?action=key&", None)):
        text = vera.page(page).text
        before = len(server.mails())
        value = re.search(r'name="list" value="(/[^"]*)"', text).group(1).replace("&amp;", "&")
        answer = vera.form("/me/lists", page, list=value)
        t.equal((answer.status, answer.header("Location")), (303, page), f"{page}: Email me this list")
        rows = attached(arrived(server, before))[1]
        t.ok(rows and (wanted is None or [r["name"] for r in rows] == wanted), f"{page}: what it shows comes by mail", rows)


def by_certeractl(t, daemon, server):
    before = len(server.mails())
    said = daemon.ctl("list", "mail", "orders", "--to", "vera")
    t.equal((said["state"], said["recipient"]), ("sent", "vera@example.org"), "certeractl has it mailed to a user")
    arrived(server, before)
    event = daemon.ctl("events", "--action", "list")["events"][0]
    t.equal((event["action"], event["name"]), ("list.mailed", "vera"), "the audit log has who got it")
    t.equal(daemon.ctl("channel", "show", "mailed-lists")["purpose"], "users who have a list mailed to them", "an administrator sees its channel")


def many(t, daemon, server):
    for i in range(150):
        daemon.api("POST", "/keys", {"name": f"k{i:03}", "type": "p256"})
    before = len(server.mails())
    daemon.ctl("list", "mail", "keys?search=k&limit=10", "--to", "vera")
    rows = attached(arrived(server, before))[1]
    t.equal(len([r for r in rows if r["name"].startswith("k0") or r["name"].startswith("k1")]), 150, "all of a list, not only its first page")


def refused(t, daemon, alice, vera, nobody):
    for who, body, status, words in ((nobody, {"list": "keys"}, 409, "no e-mail address"), (vera, {"list": "users"}, 403, "not for your role"),
            (vera, {"list": "secrets"}, 422, "no list"), (vera, {"list": "keys?colour=red"}, 400, "unknown parameter"), (vera, {}, 422, "missing"),
            (vera, {"list": "keys", "user": "alice"}, 403, "only administrators")):
        got, said = who("POST", "/me/lists", body)
        t.ok(got == status and words in said["detail"], f"{body}: refused", (got, said))
    got, said = daemon.api("POST", "/me/lists", {"list": "keys"})
    t.ok(got == 422 and "choose the user who gets the list" in said["detail"], "the local administrator says who gets it", (got, said))
    t.equal(vera("POST", "/me/lists", {"list": "certificates"})[0], 202, "what was refused does not disturb the next")
    asked = [vera("POST", "/me/lists", {"list": "keys"}) for _ in range(31)]
    t.ok(asked[-1][0] == 429 and "were mailed to vera@example.org in the last hour" in asked[-1][1]["detail"],
        "nobody fills the store with lists", asked[-1])
    t.equal((asked[5][0], alice("POST", "/me/lists", {"list": "keys"})[0]), (202, 202), "but has many, and so have others")


run(main)
