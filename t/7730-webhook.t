#!/usr/bin/env python3
"""Alerts to webhooks: signed, tried again with the same key, never led to where nobody outside should get."""
import hashlib
import hmac
import os
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY = 86400
SECRET = "a secret that signs everything"


def main(t):
    # 127.0.0.1 is allowed to webhooks, all else that is private is not.
    daemon = Certerad(t, notify={"gather": "0s", "retry_after": "1s", "timeout": "2s", "give_up_after": "1h", "private": "127.0.0.1"})
    receiver = Receiver()
    add(t, daemon, "web", receiver.url, secret=SECRET)
    what_arrives(t, daemon, receiver)
    failures(t, daemon, receiver)
    redirects(t, daemon, receiver)
    shapes(t, daemon, receiver)
    choices(t, daemon, receiver)
    refusals(t, daemon, receiver)
    secrets(t, daemon, receiver)


def add(t, daemon, name, url, kind="webhook", secret=None, **more):
    flags = [w for k, v in more.items() for w in ("--" + k, v)]
    if secret:
        flags += ["--secret-file", t.write("secret", secret + "\n")]
    return daemon.ctl("channel", "add", name, "--kind", kind, "--url-file", t.write("url", url + "\n"), *flags)


def expire(t, daemon, name, left=10 * DAY):
    daemon.ctl("cert", "import", name, "--file", dated(t, f"{name}.example", left - 90 * DAY, left))


def message(daemon, about, channel="web"):
    found = [m for m in daemon.ctl("outbox", "list", "--channel", channel)["messages"] if m["name"] == about]
    return found[0] if found else {}


def sent(daemon, about, channel="web"):
    return until(f"{about} is sent", lambda: (m := message(daemon, about, channel)) and m["state"] == "sent" and m)


def tried(daemon, about, times=1, channel="web"):
    return until(f"{about} was tried", lambda: (m := message(daemon, about, channel)) and m["tries"] >= times and m)


def what_arrives(t, daemon, receiver):
    expire(t, daemon, "shop")
    m = sent(daemon, "shop")
    t.equal(len(receiver.posted), 1, "an alert arrives once")
    posted = receiver.posted[0]
    t.equal({k: posted.json[k] for k in ("id", "alert", "level", "name", "server")},
        {"id": m["key"], "alert": "expiring", "level": "warning", "name": "shop", "server": "localhost"}, "as JSON")
    t.equal((posted.json["facts"]["names"], posted.json["items"]), ("shop.example", []), "with its facts")
    t.equal(posted.headers["Content-Type"], "application/json", "and its type")
    t.equal(posted.headers["Idempotency-Key"], m["key"], "the key is in a header")
    t.equal(posted.headers["X-Certera-Signature"],
        "sha256=" + hmac.new(SECRET.encode(), posted.body, hashlib.sha256).hexdigest(), "the body is signed")
    t.equal(daemon.run_ctl("channel", "test", "web").stdout.decode(), "Delivered to web.\n", "a test arrives")


def failures(t, daemon, receiver):
    moods = {}
    receiver.answer = lambda posted: moods.get(posted.json["name"], lambda: 200)()

    def case(name, *answers):
        rest = list(answers)
        moods[name] = lambda: (rest.pop(0) if len(rest) > 1 else rest[0])()
        begin = len(receiver.posted)
        expire(t, daemon, name)
        return lambda: [p for p in receiver.posted[begin:] if p.json["name"] == name]

    ok = lambda: 200
    posts = case("broken", lambda: (500, {}, b"out of order\n"), lambda: 500, ok)
    m = sent(daemon, "broken")
    t.equal((m["tries"], len(posts())), (2, 3), "500 twice: delivered at the third try")
    t.equal(len({p.headers["Idempotency-Key"] for p in posts()}), 1, "with the same key each time")
    t.equal(len({p.body for p in posts()}), 1, "and the same body")

    posts = case("busy", lambda: (429, {"Retry-After": str(int(8 * PATIENCE))}, b""), ok)
    m = sent(daemon, "busy")
    first, second = (p.time for p in posts())
    t.ok(second - first >= 8 * PATIENCE - 1, "429: tried again when it says, not before", second - first)

    def hang():
        time.sleep(3)
        return 200
    case("hanging", hang)
    m = tried(daemon, "hanging")
    t.contains(str(m["error"]), "timed out after 2.0 seconds", "no answer: a time-out")
    moods["hanging"] = ok
    sent(daemon, "hanging")

    case("flooding", lambda: (200, {}, b"x" * 1000000))
    m = tried(daemon, "flooding")
    t.contains(str(m["error"]), "more than 65536 bytes", "an answer without end is not read")
    moods["flooding"] = ok
    sent(daemon, "flooding")

    posts = case("gone", lambda: (410, {}, b"This webhook was deleted"))
    until("it is given up", lambda: message(daemon, "gone").get("state") == "dead")
    t.equal(len(posts()), 1, "410: given up at once")
    t.contains(str(daemon.ctl("outbox", "show", "web", message(daemon, "gone")["number"])["dialogue"]), "This webhook was deleted",
        "what was said is shown")

    daemon.configure(notify={"give_up_after": "3s"})
    daemon.reload()
    posts = case("never", lambda: 503)
    until("it is given up", lambda: message(daemon, "never").get("state") == "dead", 60)
    t.ok(len(posts()) >= 2, "503 for ever: tried until that is in vain")
    t.contains(daemon.log().decode(), "alert expiring about never: given up: 127.0.0.1", "which the log says")
    t.contains(daemon.run_ctl("channel", "list").stdout.decode(), "answered with status 503", "and the list of channels")
    daemon.configure(notify={"give_up_after": "1h"})
    daemon.reload()
    moods["never"] = ok
    daemon.ctl("outbox", "resend", "web", message(daemon, "never")["number"])
    sent(daemon, "never")
    t.ok(True, "a person sends it again")
    t.equal(len({p.headers["Idempotency-Key"] for p in posts()}), 1, "with its key: perhaps it had arrived")
    daemon.ctl("outbox", "resend", "web", message(daemon, "never")["number"])
    until("it comes again", lambda: len({p.headers["Idempotency-Key"] for p in posts()}) == 2)
    t.ok(True, "what was delivered gets another key, or nobody would see it")

    port, answer = receiver.port, receiver.answer
    receiver.close()
    expire(t, daemon, "down")
    tried(daemon, "down")
    again = Receiver(port=port)
    sent(daemon, "down")
    t.equal([p.json["name"] for p in again.posted], ["down"], "a receiver that was down gets it when it is back")
    again.close()
    receiver.__init__(port=port)


def redirects(t, daemon, receiver):
    other, inside = Receiver(), Receiver("127.0.0.2")
    where = {}
    receiver.answer = lambda posted: (302, {"Location": where["to"]}, b"")

    def test(to):
        where["to"] = to
        done = daemon.run_ctl("channel", "test", "web")
        return done.returncode, done.stdout.decode() + done.stderr.decode()

    code, said = test(other.url)
    t.equal((code, len(other.posted)), (0, 1), "a redirect to where one may go is followed")
    t.ok(other.posted[0].json["alert"] == "test" and "X-Certera-Signature" in other.posted[0].headers, "as the POST it was")
    for to in (inside.url, "http://169.254.169.254/latest/meta-data/", f"http://[::1]:{inside.port}/", "http://10.0.0.1/",
            f"http://[::ffff:127.0.0.2]:{inside.port}/"):
        code, said = test(to)
        t.ok(code and "is not a public one" in said, f"a redirect to {to.split('/')[2]} is not", said)
    t.contains(said, "notify.private", "it says what would allow it")
    t.equal(inside.posted, [], "nobody was asked there")
    code, said = test(receiver.url)
    t.ok(code and "too many redirects" in said, "nor round and round", said)
    for to in ("file:///etc/passwd", "gopher://127.0.0.1/"):
        code, said = test(to)
        t.ok(code, f"nor to {to.split(':')[0]}:", said)
    receiver.answer = lambda posted: 200
    other.close()
    inside.close()


def shapes(t, daemon, receiver):
    """Their servers are https only; all of what they are sent is in t/7702."""
    ca = CA(t)
    safe = Receiver(ca=ca)
    for kind in ("slack", "teams", "discord"):
        done = daemon.run_ctl("channel", "add", kind, "--kind", kind, "--url-file", t.write("url", receiver.url))
        t.equal(done.returncode, 3, f"{kind}: not in clear")
        add(t, daemon, kind, safe.url, kind)
    done = daemon.run_ctl("channel", "test", "slack")
    t.contains(done.stderr.decode(), "its TLS certificate is not trusted", "a certificate of an unknown authority is refused")
    daemon.configure(notify={"ca_file": ca.file})
    daemon.reload()
    for kind in ("slack", "teams", "discord"):
        t.equal(daemon.run_ctl("channel", "test", kind).returncode, 0, f"{kind}: a test arrives by TLS")
        daemon.ctl("channel", "rm", kind)
    slack, teams, discord = (p.json for p in safe.posted)
    t.equal([b["type"] for b in slack["blocks"]], ["header", "section", "context"], "slack: blocks")
    t.equal(teams["attachments"][0]["content"]["type"], "AdaptiveCard", "teams: a card")
    t.equal(discord["embeds"][0]["title"], "discord is a test", "discord: an embed")
    t.equal(daemon.run_ctl("outbox", "list", "--channel", "slack").returncode, 6, "a removed channel is gone")
    safe.close()


def choices(t, daemon, receiver):
    add(t, daemon, "errors", receiver.url.replace("/hook", "/errors"), level="error")
    add(t, daemon, "some", receiver.url.replace("/hook", "/some"), alerts="issued,renewed")
    begin = len(receiver.posted)
    expire(t, daemon, "chosen")
    expire(t, daemon, "over", 3)
    sent(daemon, "chosen")
    sent(daemon, "over", "errors")
    until("all is sent", lambda: not daemon.ctl("outbox", "list", "--state", "queued")["messages"])
    got = sorted((p.path.split("/")[1], p.json["alert"]) for p in receiver.posted[begin:])
    t.equal(got, [("errors", "expired"), ("hook", "expired"), ("hook", "expiring"), ("hook", "expiring")], "each channel gets what it wants")
    t.equal(daemon.ctl("channel", "show", "some")["wanted"], ["issued", "renewed"], "which is shown")
    daemon.ctl("channel", "set", "errors", "--disable")
    expire(t, daemon, "over2", 3)
    until("it is over", lambda: message(daemon, "over2").get("alert") == "expired" and message(daemon, "over2")["state"] == "sent")
    t.equal(message(daemon, "over2", "errors"), {}, "one that is switched off gets nothing")
    t.equal(daemon.ctl("channel", "set", "errors", "--enable", "--alerts", "all")["wanted"][:3], ["expiring", "expired", "issued"], "all of them")
    gone = message(daemon, "over2")["number"]
    daemon.ctl("outbox", "rm", "web", gone)
    t.equal(daemon.run_ctl("outbox", "show", "web", gone).returncode, 6, "a message can be forgotten")
    for argv in (("channel", "set", "web", "--alerts", "nonsense"), ("channel", "set", "web", "--level", "loud"),
            ("channel", "set", "web", "--to", "a@example.org"), ("channel", "add", "web2", "--kind", "email"),
            ("channel", "add", "web2", "--kind", "pigeon", "--to", "a@example.org")):
        done = daemon.run_ctl(*argv)
        t.equal(done.returncode, 3, f"{' '.join(argv)}: refused")
    daemon.ctl("channel", "rm", "errors")
    daemon.ctl("channel", "rm", "some")


def refusals(t, daemon, receiver):
    inside = Receiver("127.0.0.2")
    add(t, daemon, "inside", inside.url)
    done = daemon.run_ctl("channel", "test", "inside")
    t.ok(done.returncode and b"is not a public one" in done.stderr, "a webhook on this machine is not asked", done.stderr.decode())
    t.equal(inside.posted, [], "not at all")
    daemon.configure(notify={"private": ""})
    daemon.reload()
    done = daemon.run_ctl("channel", "test", "web")
    t.ok(done.returncode and b"notify.private" in done.stderr, "without networks allowed there is no plain http, and it says which setting allows it", done.stderr.decode())
    daemon.configure(notify={"private": "127.0.0.1"})
    daemon.reload()
    inside.close()
    for url in ("ftp://example.org/", "https://", "nonsense", "https://user:password@example.org/", "https://a b/"):
        done = daemon.run_ctl("channel", "add", "bad", "--kind", "webhook", "--url-file", t.write("url", url))
        t.ok(done.returncode == 3 and url.encode() not in done.stderr, f"{url} is no URL for it", done.stderr.decode())


def secrets(t, daemon, receiver):
    receiver.answer = lambda posted: (404, {}, f"no such thing: {posted.path}".encode())
    done = daemon.run_ctl("channel", "test", "web")
    said = done.stdout + done.stderr
    t.contains(said.decode(), "no such thing: ***", "an answer that repeats the URL: masked")
    shown = daemon.run_ctl("--json", "channel", "show", "web").stdout + daemon.run_ctl("--json", "outbox", "list").stdout + \
        daemon.run_ctl("--json", "events").stdout
    daemon.stop()
    stored = b"".join(open(os.path.join(daemon.store, f), "rb").read() for f in os.listdir(daemon.store) if f.endswith("mdb"))
    for what, text in (("what is shown", shown + said), ("the store", stored), ("the log", daemon.log())):
        t.ok(b"very-secret-path" not in text and SECRET.encode() not in text, f"neither URL nor secret is in {what}")


run(main)
