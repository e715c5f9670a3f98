#!/usr/bin/env python3
"""Orders that wait for a person: what to publish is shown, restarts do not matter, "verify" looks and goes on."""
import os
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    bind = Bind(t, {"shop.example": [], "web.example": ["@ A 127.0.0.1"]}, secondary=True)
    second = Bind(t, bind.zones, primary=bind, name="named2")
    until("the secondary has the zones", lambda: second.log().count(b"transferred serial 1") == 2)
    site = dns_site(t, bind, Hooks(t), settings={"acme": {"orders_at_once": 1}})
    daemon = site.daemon
    receiver = Receiver()
    daemon.ctl("channel", "add", "told", "--kind", "webhook", "--alerts", "waiting", "--url-file", t.write("url", receiver.url))

    done = daemon.run_ctl("cert", "add", "hand", "--names", "shop.example *.shop.example", "--account", "ca",
        "--challenge", "dns-01", "--by-hand", "--wait")
    t.equal(done.returncode, 0, "with --wait, it ends when the order waits")
    cert = daemon.wait_for_cert("hand", lambda c: c["status"] == "waiting")
    todo = cert["order"]["todo"]
    t.equal([x["record"] for x in todo], ["_acme-challenge.shop.example"] * 2, "status waiting; the records are shown")
    for one in todo:
        t.contains(done.stdout.decode(), one["value"], "the value is on the screen")
    page = daemon.page("/certificates/hand?staging=false")[1]
    t.equal((page.count("<dt>TXT record</dt>"), page.count("<dt>Address</dt>"), "/certificates/hand/verify?staging=false" in page), (2, 0, True),
        "the page has the records, and no address of something else")
    t.equal([row for row in daemon.ctl("status")["agenda"] if row["name"] == "hand"], [], "nothing is planned for it meanwhile")
    daemon.add_cert("other", "web.example")
    t.equal(daemon.cert("other")["status"], "active", "with one order at a time, another certificate is issued meanwhile")

    done = daemon.run_ctl("cert", "verify", "hand")
    t.equal(done.returncode, 14, "verify with nothing published fails")
    t.contains(done.stderr.decode(), "ns1.shop.example", "and says who lacks it")
    bind.update("zone shop.example.", *[f'update add {x["record"]}. 1 TXT "{x["value"]}"' for x in todo])
    done = daemon.run_ctl("cert", "verify", "hand")
    said = done.stderr.decode()
    t.equal(done.returncode, 14, "published at the primary only, it still fails")
    t.matches(said, r"not at every name server: ns2\.shop\.example \(\[::1\]", "it names the server that still lacks it")
    t.contains(said, "(127.0.0.1:%d, UDP) has it" % bind.port, "and the one that has it")
    t.equal(daemon.cert("hand")["status"], "waiting", "the order still waits")

    orders = site.pebble.orders()
    daemon.kill()
    daemon.begin()
    t.equal(daemon.cert("hand")["status"], "waiting", "also after a crash")
    t.equal([plain(one) for one in daemon.cert("hand")["order"]["todo"]], todo, "for the same")
    second.notify("shop.example")
    until("the secondary has it", lambda: len(bind.txt("_acme-challenge.shop.example", "::1")) == 2)
    done = daemon.run_ctl("cert", "verify", "hand", "--wait")
    t.equal(done.returncode, 0, "everywhere: verify goes on")
    cert = daemon.cert("hand")
    t.equal((cert["status"], cert["failures"], cert["waiting"]), ("active", 0, False), "and the certificate is issued")
    t.equal(site.pebble.orders(), orders, "with the order it had")
    done = daemon.run_ctl("cert", "verify", "hand")
    t.equal(done.returncode, 7, "with nothing waiting, verify is refused")

    # http-01 by hand: the person's own web server.
    daemon.configure(preflight={"enabled": True, "port": site.nginx.port, "resolvers": bind.address})
    daemon.reload()
    daemon.add_cert("web", "web.example", by_hand=True)
    one = daemon.cert("web")["order"]["todo"][0]
    t.matches(one["url"], r"^http://web\.example/\.well-known/acme-challenge/[\w-]+$", "http-01: the URL is shown")
    t.equal(one["content"].split(".")[0], one["url"].rsplit("/", 1)[1], "with the content")
    done = daemon.run_ctl("cert", "verify", "web")
    t.ok(done.returncode == 7 and one["url"].encode() in done.stderr and b"CA was not asked" in done.stderr,
        "verify with nothing published: the URL is looked at first", done.stderr)
    cert = daemon.cert("web")
    t.ok(cert["status"] == "waiting" and [plain(x) for x in cert["order"].get("todo")] == [one], "and no validation is burned", cert)
    site.nginx.configure(f"location = /{one['url'].split('/', 3)[3]} {{ return 200 {one['content']}; }}")
    site.nginx.stop()
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    done = daemon.run_ctl("cert", "verify", "web", "--wait")
    t.equal(done.returncode, 0, "published by hand: verify goes on")
    t.equal(daemon.cert("web")["status"], "active", "and the certificate is issued")
    looked(t, site, daemon, bind, second)
    on_the_pages(t, site, daemon)
    canceled(t, daemon)


def plain(one):
    """Without what was found."""
    return {name: value for name, value in one.items() if name not in ("state", "says")}


def publish(site, one):
    """On the person's own web server."""
    site.nginx.configure(f"location = /{one['url'].split('/', 3)[3]} {{ return 200 {one['content']}; }}")
    site.nginx.stop()
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)


def looked(t, site, daemon, bind, second):
    """What is found is said, one by one; and the order goes on by itself when all of it is there."""
    daemon.add_cert("mixed", "web.example *.shop.example", by_hand=True, challenge_for="*.shop.example=dns-01")
    by_type = {x["type"]: x for x in daemon.cert("mixed")["order"]["todo"]}
    http, dns = by_type["http-01"], by_type["dns-01"]
    t.ok("state" not in http and not daemon.cert("mixed")["order"]["looked"], "before, nothing is said to be found")
    failures = daemon.cert("mixed")["failures"]
    done = daemon.run_ctl("cert", "look", "mixed")
    t.ok(done.returncode == 0 and done.stdout.count(b"missing") == 2, "nothing is published: both are missing", done.stdout)
    bind.update("zone shop.example.", f'update add {dns["record"]}. 1 TXT "{dns["value"]}"')
    second.notify("shop.example")
    until("both servers have it", lambda: all(dns["value"] in bind.txt("_acme-challenge.shop.example", at) for at in ("127.0.0.1", "::1")))
    time.sleep(2.1)    # it does not look more often than that
    states = {x["type"]: (x["state"], x["says"]) for x in daemon.ctl("cert", "look", "mixed")["order"]["todo"]}
    t.equal((states["dns-01"][0], states["http-01"][0]), ("found", "missing"), "the record is there, and the address shows nothing")
    t.contains(states["http-01"][1], http["url"], "and it says which")
    t.equal((daemon.cert("mixed")["status"], daemon.cert("mixed")["failures"]), ("waiting", failures), "and none of it is a failure")
    actions = [e["action"] for e in daemon.ctl("events", "--object", "mixed")["events"]]
    t.ok("certificate.look" not in actions and actions.count("order.waiting") == 1, "looking leaves nothing in the audit log", actions)
    publish(site, http)
    time.sleep(2.1)
    daemon.run_ctl("cert", "look", "mixed")
    daemon.wait_for_cert("mixed", lambda c: c["status"] == "active", "all is there: it is issued at once, and nobody had to confirm")
    actions = [e["action"] for e in daemon.ctl("events", "--object", "mixed")["events"]]
    t.ok("order.verified" in actions and "certificate.verify" not in actions, "the audit log says that Certera found it", actions)
    t.equal(daemon.run_ctl("cert", "look", "mixed").returncode, 7, "with nothing waiting, there is nothing to look for")
    daemon.configure(preflight={"enabled": False})
    daemon.reload()
    daemon.add_cert("blind", "web.example", by_hand=True)
    one = daemon.ctl("cert", "look", "blind")["order"]["todo"][0]
    t.equal((one["state"], daemon.cert("blind")["status"]), ("unknown", "waiting"), "what cannot be seen from here is unknown, and a person's to confirm")
    daemon.ctl("cert", "cancel", "blind")
    daemon.configure(preflight={"enabled": True})
    daemon.reload()


def on_the_pages(t, site, daemon):
    """Order, verify, issue: with the pages alone, without JavaScript."""
    add_user(daemon, "root")
    person = Person(daemon)
    person.sign_in("root")
    t.contains(person.page("/new/certificate").text, "I publish the answers by hand", "an order by hand can be begun on the page")
    answer = person.submit("/certificates", "/new/certificate", _form="certificate_add", name="paged", names="web.example", account="ca",
        challenge="http-01", by_hand="true")
    t.equal(answer.status, 200, "it is added")
    one = daemon.wait_for_cert("paged", lambda c: c["status"] == "waiting")["order"]["todo"][0]
    page = person.page("/certificates/paged?staging=false").text
    t.ok(one["url"] in page and one["content"] in page and ">Verify</button>" in page, "its page shows path and content, and has a button", page[:300])
    person.form("/certificates/paged/verify?staging=false", "/certificates/paged", _next="/certificates/paged")
    shown = daemon.wait_for_cert("paged", lambda c: c["order"]["looked"] and not c["verify"], "it was looked for")
    page = person.page("/certificates/paged?staging=false").text
    t.ok('class="pill missing"' in page and "does not show its content" in page, "verified too early: the page says what was found", page[page.find("id=\"found\""):][:900])
    t.equal(shown["status"], "waiting", "and the order still waits")
    publish(site, one)
    person.form("/certificates/paged/verify?staging=false", "/certificates/paged", _next="/certificates/paged")
    daemon.wait_for_cert("paged", lambda c: c["status"] == "active", "published and verified: it is issued")
    daemon.ctl("cert", "set", "paged", "--by-hand", "off")
    t.equal(daemon.cert("paged")["by_hand"], False, "the next one need not be by hand")
    daemon.ctl("cert", "set", "paged", "--by-hand", "on")
    daemon.ctl("cert", "issue", "paged")
    daemon.wait_for_cert("paged", lambda c: c["status"] in ("waiting", "active") and c["current"] + c["waiting"] == 2, "but can be")


def canceled(t, daemon):
    daemon.add_cert("off", "web.example", by_hand=True)
    daemon.ctl("cert", "set", "off", "--disable")
    done = daemon.run_ctl("cert", "verify", "off")
    t.ok(done.returncode == 7 and b"is disabled" in done.stderr, "verify of one that is switched off is refused, and ends", done.stderr)
    cert = daemon.ctl("cert", "cancel", "off")
    t.equal((cert["waiting"], cert["open_order"], cert["order"]["result"]), (False, 0, "canceled"), "its order can be canceled")
    t.equal(daemon.run_ctl("cert", "cancel", "off").returncode, 7, "once")
    daemon.add_cert("again", "web.example", by_hand=True)
    daemon.ctl("cert", "cancel", "again")
    t.equal([row for row in daemon.ctl("status")["agenda"] if row["name"] == "again" and row["kind"] == "issue"], [], "no other order follows by itself")
    t.contains(daemon.cert("again")["next_step"], "Certera does not do so automatically", "which is said")
    daemon.ctl("cert", "issue", "again")
    cert = daemon.wait_for_cert("again", lambda c: c["status"] == "waiting")
    t.equal(cert["orders"], 2, "but when somebody asks for it")
    due = ["again", "again", "blind", "hand", "mixed", "off", "paged", "paged", "web"]

    def told():
        return sorted(m["name"] for m in daemon.ctl("outbox", "list")["messages"] if m["alert"] == "waiting")
    until("the last order's alert is written, a moment after the order waits", lambda: len(told()) >= len(due))
    t.equal(told(), due, "who has to act is alerted: once an order")


run(main)
