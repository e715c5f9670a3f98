#!/usr/bin/env python3
"""Alerts by e-mail, through a real server in all its moods: each arrives once, and nothing else waits for it."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY = 86400
PASSWORD = "correct horse battery"
PROMPT = {"gather": "0s", "retry_after": "1s", "private": "127.0.0.0/8"}


def settings(server, ca, **more):
    return {"host": "localhost", "port": server.port, "tls": "none", "ca_file": ca.file,
        "from": "Zertifikate für alle <certera@example.org>", "timeout": f"{int(30 * PATIENCE)}s", **more}


def main(t):
    ca = CA(t)
    protections(t, ca)
    sealed(t, ca)
    server = MailServer(t, "starttls", ca, f"me:{PASSWORD}")
    daemon = Certerad(t, notify=PROMPT, mail=settings(server, ca, tls="starttls", user="me"))
    daemon.ctl("secret", "set", "mail.password", "--file", "-", input=PASSWORD.encode())
    daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "a@example.org", "--to", "b@example.org")
    what_arrives(t, daemon, server)
    refusals(t, daemon, server)
    down(t, daemon, server)
    slow(t, daemon, server)
    mistakes(t, daemon, server, ca)
    daemon.stop()
    said = daemon.log().decode(errors="replace")
    t.lacks(said, PASSWORD, "the password is in no log")
    t.lacks(said, "Y29ycmVjdCBob3JzZ", "nor is its base64")


def protections(t, ca):
    for tls in ("none", "starttls", "tls"):
        for login in ("", f"me:{PASSWORD}"):
            what = f"{tls}, {'signed in' if login else 'without signing in'}"
            name = f"{tls}-{bool(login)}"
            server = MailServer(t, tls, ca, login, name="smtpd-" + name)
            auth = {"user": "me", "password_file": t.write("password", PASSWORD + "\n")} if login else {}
            daemon = Certerad(t, "certerad-" + name, mail=settings(server, ca, tls=tls, **auth))
            daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "a@example.org")
            done = daemon.run_ctl("channel", "test", "ops")
            t.equal((done.returncode, done.stdout.decode()), (0, "Delivered to a@example.org.\n"), f"{what}: a test arrives")
            if tls == "tls" and login:
                daemon.configure(mail={"port": Splitter(server.port).port})
                daemon.reload()
                t.equal(daemon.run_ctl("channel", "test", "ops").returncode, 0, "also from a server that sends tiny records")
            mail = server.mails()[0]
            t.equal((mail.envelope["tls"], mail.envelope["authenticated"]), (tls != "none", bool(login)), f"{what}: as it should be")
            shown = "\n".join(daemon.ctl("outbox", "show", "ops", "1")["dialogue"])
            t.contains(shown, "< 250 2.0.0 taken", f"{what}: the dialogue is kept")
            t.lacks(shown, PASSWORD, f"{what}: without the password")
            daemon.end()
            server.end()


def sealed(t, ca):
    """The password is sealed in the store: it goes in, is used, and never comes out."""
    server = MailServer(t, "starttls", ca, f"me:{PASSWORD}", name="smtpd-sealed")
    daemon = Certerad(t, "certerad-sealed", mail=settings(server, ca, tls="starttls", user="me"))
    daemon.ctl("channel", "add", "first", "--kind", "email", "--to", "first@example.org")
    said = daemon.run_ctl("channel", "test", "first")
    t.ok(said.returncode and b"Store it as the secret mail.password" in said.stderr, "without a password, what to do is said", said.stderr)
    t.equal(daemon.ctl("secret", "list")["secrets"], [{"name": "mail.password", "what": "the password of mail.user", "set": False, "changed": None}],
        "there is one that the configuration needs")
    t.contains(daemon.run_ctl("secret", "set", "nosuch", "--file", "-", input=b"x").stderr, b"no setting needs a secret", "and no other")
    t.contains(daemon.run_ctl("secret", "set", "mail.password").stderr, b"--file", "which is read from a file, as is said")
    shown = daemon.ctl("secret", "set", "mail.password", "--file", "-", input=PASSWORD.encode())
    t.ok(shown["set"] and shown["changed"] and PASSWORD not in str(shown), "it is sealed, and not shown", shown)
    with open(daemon.store + "/data.mdb", "rb") as f:
        t.ok(PASSWORD.encode() not in f.read(), "the store does not hold it in clear")
    t.equal(daemon.run_ctl("channel", "test", "first").returncode, 0, "the server takes it")
    daemon.ctl("secret", "rm", "mail.password")
    t.ok(daemon.run_ctl("channel", "test", "first").returncode, "taken out, it is used no more")
    events = daemon.ctl("events", "--object", "mail.password")["events"]
    t.equal([e["action"] for e in events], ["secret.removed", "secret.set"], "the audit log has both")
    t.lacks(str(events), PASSWORD, "and not the password")
    daemon.end()
    server.end()


def expire(t, daemon, name, left=10 * DAY):
    """Something happens: a certificate that nobody renews comes near its end."""
    daemon.ctl("cert", "import", name, "--file", dated(t, f"{name}.example", left - 90 * DAY, left))


def what_arrives(t, daemon, server):
    expire(t, daemon, "shop")
    mails = server.wait_for_mails(2)
    t.equal(sorted(m.to[0] for m in mails), ["a@example.org", "b@example.org"], "each recipient gets one of its own")
    for mail in mails:
        t.equal(mail.parsed["To"], mail.to[0], "addressed to it alone")
    mail = mails[0]
    t.equal(mail.parsed.defects, [], "Python's strict parser finds nothing wrong with it")
    t.equal(mail.parsed["From"].addresses[0].display_name, "Zertifikate für alle", "names have all letters")
    t.equal(mail.subject, "[warning] shop expires soon and was not renewed", "the subject says what happened")
    t.contains(mail.text, "names: shop.example", "the text has what is to be known")
    t.matches(mail.text, "expires in (9|10) days", "when it ends")
    t.contains(mail.html, "<td>shop.example</td>", "so has the HTML")
    t.ok(mail.parsed["Date"].datetime and mail.parsed["Message-ID"], "it has a date and an id")
    t.equal(mail.parsed["Auto-Submitted"], "auto-generated", "no out-of-office answers it")
    t.ok(mails[0].parsed["Message-ID"] != mails[1].parsed["Message-ID"], "two mails have two ids")
    t.ok(max(map(len, mail.raw.split(b"\r\n"))) <= 78 and b"\n" not in mail.raw.replace(b"\r\n", b""), "no line is too long, each ends as it should")


def states(daemon, wanted, count):
    """The newest messages, once so many are in this state."""
    return until(f"{count} messages are {wanted}",
        lambda: (found := daemon.ctl("outbox", "list", "--state", wanted)["messages"]) and len(found) >= count and found)


def refusals(t, daemon, server):
    server.mood(refuse={"a@example.org": "550 5.1.1 no such user here\x1b[31m"})
    expire(t, daemon, "refused")
    server.wait_for_mails(3)
    t.equal(server.mails()[2].to, ["b@example.org"], "a recipient that is refused does not hurt the other")
    dead = states(daemon, "dead", 1)[0]
    t.equal((dead["recipient"], dead["tries"]), ("a@example.org", 1), "the refused one is given up at once")
    t.contains(str(dead["error"]), "550 5.1.1 no such user here [31m", "with what the server said, and nothing that paints on a terminal")
    shown = daemon.ctl("outbox", "show", "ops", str(dead["number"]))["dialogue"]
    t.ok(any(line.endswith("user here [31m") for line in shown), "in the dialogue neither", shown)
    t.contains(daemon.run_ctl("outbox", "list").stdout.decode(), "refused the recipient a@example.org", "and shown in the list")
    events = daemon.ctl("events", "--object", dead["channel"])["events"]
    t.ok(any(e["action"] == "alert.given-up" for e in events) or any("given-up" in e["action"] for e in daemon.ctl("events")["events"]),
        "and an event", events)

    t.contains(daemon.run_ctl("status").stdout.decode(), "1 given up", "and where everybody looks first")

    server.mood()
    daemon.ctl("outbox", "resend", "ops", dead["number"])
    mail = server.wait_for_mails(4)[3]
    t.equal((mail.to, mail.subject), (["a@example.org"], "[warning] refused expires soon and was not renewed"), "resend sends it after all")
    until("it is sent", lambda: daemon.ctl("outbox", "show", "ops", dead["number"])["state"] == "sent")

    server.mood(greylist=True)
    expire(t, daemon, "greylisted")
    mails = server.wait_for_mails(6)[4:]
    t.equal(sorted(m.to[0] for m in mails), ["a@example.org", "b@example.org"], "greylisted: they come at the second try")
    until("they are sent", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"])
    t.equal([m["tries"] for m in daemon.ctl("outbox", "list")["messages"][:2]], [1, 1], "the first one is counted as failed")

    server.mood(data="452 4.3.1 no room")
    expire(t, daemon, "full")
    until("it was tried", lambda: server.attempts() >= 10)
    t.equal(len(server.mails()), 6, "refused behind its content: not delivered")
    t.ok(all(m["state"] == "queued" for m in daemon.ctl("outbox", "list")["messages"][:2]), "nor marked so")
    server.mood()
    server.wait_for_mails(8)
    t.equal(len({m.parsed["Message-ID"] for m in server.mails()[6:]}), 2, "but when there is room")
    server.mood(drop=True)
    expire(t, daemon, "dropped")
    until("it was tried", lambda: any(m["name"] == "dropped" and m["tries"] for m in daemon.ctl("outbox", "list")["messages"]))
    server.mood()
    server.wait_for_mails(10)
    t.equal(len(server.mails()), 10, "a connection that breaks amid the mail: it comes later")


def down(t, daemon, server):
    server.stop()
    expire(t, daemon, "down")
    waiting = until("it was tried", lambda: [m for m in daemon.ctl("outbox", "list")["messages"] if m["name"] == "down" and m["tries"]])
    t.contains(str(waiting[0]["error"]), f"connecting to localhost port {server.port}", "the server is down: said")
    server.start()
    server.wait_for_port(server.port)
    mails = server.wait_for_mails(12)
    t.equal(sorted(m.to[0] for m in mails[10:]), ["a@example.org", "b@example.org"], "when it is back, each comes once")


def slow(t, daemon, server):
    receiver = Receiver()
    daemon.ctl("channel", "add", "web", "--kind", "webhook", "--url-file", t.write("url", receiver.url))
    seconds = 15 * PATIENCE
    server.mood(delay=seconds)
    begin, before = time.monotonic(), server.attempts()
    expire(t, daemon, "slow")
    until("the server has begun", lambda: server.attempts() > before)
    until("the webhook has it", lambda: receiver.posted)
    answer = daemon.http("/.well-known/acme-challenge/nothing")
    t.ok(answer.status == 404 and time.monotonic() - begin < seconds, "while the mail server thinks, webhooks and answers do not wait")
    t.equal(len(server.mails()), 12, "it does still think")
    server.wait_until("both are taken", lambda: len(server.mails()) >= 14, 60)
    until("they are sent", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"], 60)
    t.equal(len(server.mails()), 14, "each arrives once")
    server.mood(delay=300)
    before = server.attempts()
    expire(t, daemon, "stopped")
    until("the server has begun", lambda: server.attempts() > before)
    begin = time.monotonic()
    t.equal(daemon.stop(), 0, "the daemon ends while a mail is under way")
    t.ok(time.monotonic() - begin < 15 * PATIENCE, "at once")
    server.mood()
    daemon.begin()
    server.wait_for_mails(16)
    t.ok(True, "and sends it when it is back")
    daemon.ctl("channel", "rm", "web")


def mistakes(t, daemon, server, ca):
    def said(**more):
        daemon.configure(mail=more)
        daemon.reload()
        done = daemon.run_ctl("channel", "test", "ops")
        return done.returncode, done.stdout.decode() + done.stderr.decode()

    code, text = said(password_file=t.write("wrong", "wrong\n"))
    t.ok(code and "535" in text, "a wrong password: the server's refusal is shown", text)
    t.contains(text, "> EHLO localhost", "with the whole dialogue")
    t.lacks(text, "d3Jvbmc", "but not the password")
    code, text = said(password_file=t.write("password", PASSWORD + "\n"), ca_file=CA(t, "other").file)
    t.contains(text, "the TLS certificate of localhost is not accepted", "a certificate of another CA is refused")
    code, text = said(ca_file=ca.file, host="127.0.0.2")
    t.contains(text, "the TLS certificate of 127.0.0.2 is not accepted", "so is one for another name")
    plain = MailServer(t, "none", name="plain")
    code, text = said(host="localhost", port=plain.port)
    t.contains(text, "does not offer STARTTLS", "a server without STARTTLS gets nothing in clear")
    t.equal(plain.mails(), [], "nothing at all")
    code, text = said(tls="tls")
    t.ok(code and not plain.mails(), "nor one without TLS", text)
    code, text = said(host="")
    t.contains(text, "mail.host and mail.from are needed", "without a server: said")
    for address in ("nobody", "a b@example.org", "a@example.org\nBcc: b@example.org", "ü@example.org"):
        t.equal(daemon.run_ctl("channel", "add", "bad", "--kind", "email", "--to", address).returncode, 3, f"{address!r} is no address")


run(main)
