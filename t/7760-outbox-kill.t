#!/usr/bin/env python3
"""kill -9 while alerts are delivered: none is lost, at most one of a channel comes twice, with the same key."""
import random
import sys
import time
from collections import Counter
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY, KILLS, EACH = 86400, 6, 4


def main(t):
    server, receiver = MailServer(t), Receiver()
    server.mood(delay=0.05)
    receiver.answer = lambda posted: time.sleep(0.05) or 200
    daemon = Certerad(t, notify={"gather": "0s", "digest": 1000, "retry_after": "1s", "private": "127.0.0.1"},
        mail={"host": "localhost", "port": server.port, "tls": "none", "from": "certera@example.org"})
    daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "a@example.org")
    daemon.ctl("channel", "add", "web", "--kind", "webhook", "--url-file", t.write("url", receiver.url))
    seed = random.randrange(10**6)
    t.note(f"seed {seed}")
    chance, names = random.Random(seed), []
    for n in range(KILLS):
        for i in range(EACH):
            names.append(f"c{n}-{i}")
            daemon.ctl("cert", "import", names[-1], "--file", dated(t, f"{names[-1]}.example", -80 * DAY, 10 * DAY))
        time.sleep(chance.uniform(0, 0.4) * PATIENCE)
        daemon.kill()
        daemon.begin()
    until("nothing waits", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"], 60)
    t.ok(all(m["state"] == "sent" for m in daemon.ctl("outbox", "list", "--limit", "1000")["messages"]), "all is delivered")

    posted = Counter(p.json["name"] for p in receiver.posted)
    t.equal(sorted(posted), sorted(names), "webhook: none is lost")
    twice = [p for p in receiver.posted if posted[p.json["name"]] > 1]
    t.ok(sum(posted.values()) - len(names) <= KILLS, "at most one a kill comes twice", dict(posted))
    t.equal(len({(p.json["name"], p.headers["Idempotency-Key"]) for p in twice}), len({p.json["name"] for p in twice}),
        "and that with the same key")

    mails = server.mails()
    mailed = Counter(m.subject for m in mails)
    t.equal(len(mailed), len(names), "mail: none is lost")
    t.ok(len(mails) - len(names) <= KILLS, "at most one a kill comes twice", dict(mailed))
    t.equal(len({(m.subject, m.parsed["Message-ID"]) for m in mails}), len(names), "and that with the same Message-ID")
    t.note(f"twice: {sum(posted.values()) - len(names)} posts, {len(mails) - len(names)} mails")


run(main)
