#!/usr/bin/env python3
"""Many alerts at once come as one message, to each recipient; few come alone; templates may be one's own."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY, MANY = 86400, 12


def main(t):
    server, receiver = MailServer(t), Receiver()
    daemon = Certerad(t, notify={"gather": f"{int(8 * PATIENCE)}s", "digest": 5, "retry_after": "1s", "private": "127.0.0.1"},
        mail={"host": "localhost", "port": server.port, "tls": "none", "from": "certera@example.org"})
    daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "a@example.org", "--to", "b@example.org")
    daemon.ctl("channel", "add", "web", "--kind", "webhook", "--url-file", t.write("url", receiver.url))

    expire(t, daemon, "alone")
    mails = server.wait_for_mails(2, 60)
    t.equal([m.subject for m in mails], ["[warning] alone expires soon and was not renewed"] * 2, "one alert comes alone")
    until("the webhook has it", lambda: receiver.posted)

    names = [f"c{n}" for n in range(MANY)]
    files = [dated(t, f"{name}.example", -80 * DAY, 10 * DAY) for name in names]
    for name, file in zip(names, files):
        daemon.ctl("cert", "import", name, "--file", file)
    mails = server.wait_for_mails(4, 60)[2:]
    until("the webhook has it", lambda: len(receiver.posted) > 1, 60)
    until("nothing waits", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"], 60)
    t.equal((len(server.mails()), len(receiver.posted)), (4, 2), f"{MANY} at once come as one message")
    t.equal(sorted(m.to[0] for m in mails), ["a@example.org", "b@example.org"], "to each recipient")
    for mail in mails:
        t.equal(mail.subject, f"[warning] {MANY} alerts", "which says how many")
        t.equal([n for n in names if f"* {n} expires soon" in mail.text], names, "and has them all")
        t.equal([n for n in names if f"<b>{n} expires soon" in mail.html], names, "in both forms")
    posted = receiver.posted[1].json
    t.equal((posted["alert"], posted["level"], sorted(i["name"] for i in posted["items"])), ("digest", "warning", sorted(names)),
        "so has the webhook's")
    listed = daemon.ctl("outbox", "list")["messages"]
    t.equal(sorted({m["state"] for m in listed}), ["digested", "sent"], "none is left")
    t.equal(sum(m["state"] == "digested" for m in listed), 3 * (MANY - 1), "those in it say so")
    templates(t, daemon, server)


def expire(t, daemon, name):
    daemon.ctl("cert", "import", name, "--file", dated(t, f"{name}.example", -80 * DAY, 10 * DAY))


def templates(t, daemon, server):
    os.mkdir(t.path("templates"))
    t.write("templates/mail.txt", "Achtung: {{subject}} auf {{server}}\n{{#facts}}{{name}}={{value}};{{/facts}}\n")
    daemon.configure(notify={"gather": "0s", "templates": t.path("templates")})
    daemon.reload()
    count = len(server.mails())
    expire(t, daemon, "own")
    mail = server.wait_for_mails(count + 2)[-1]
    t.matches(mail.text, "^Achtung: own expires soon .* auf localhost.*certificate=own;names=own.example;", "a template of one's own is used")
    t.contains(mail.html, "<h2", "for what has none there, ours is")
    t.write("templates/mail.txt", "{{nonsense}}")
    expire(t, daemon, "broken")
    mail = server.wait_for_mails(count + 4)[-1]
    t.contains(mail.text, "names: broken.example", "one that cannot be used: ours, so that the alert comes")
    t.matches(daemon.log().decode(), "notify.templates: .*mail.txt.*nonsense", "and the log says so")


run(main)
