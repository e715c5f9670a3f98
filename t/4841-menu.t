#!/usr/bin/env python3
"""The menu of the pages: in groups, with what needs a person counted, and only what the visitor may use."""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t)
    daemon = site.daemon
    add_user(daemon, "root")
    add_user(daemon, "vera", role="viewer")
    daemon.ctl("plan", "add", "small", "--certificates", "2")
    add_user(daemon, "pete", role="operator", plan="small")
    people = {name: Person(daemon) for name in ("root", "vera", "pete")}
    for name, person in people.items():
        person.sign_in(name)
    t.equal(labels(people["root"]), ["Certificates", "Watch", "People", "Server"], "an administrator has all groups")
    t.ok("/users" in paths(people["root"]) and "/channels" in paths(people["root"]), "with all entries")
    t.ok(not {"/users", "/plans", "/channels"} & set(paths(people["vera"])), "a viewer has no entry that leads to a refusal", paths(people["vera"]))
    t.ok("/renewals" in paths(people["vera"]) and "/cluster" not in paths(people["root"]), "the calendar has its place; the cluster where there is one")
    found = people["root"].page("/search?q=calendar").text, people["root"].page("/search?q=cluster").text
    t.ok('href="/renewals"' in found[0] and 'href="/cluster"' not in found[1].partition("<main")[2], "so has the search")
    t.contains(people["root"].page("/cluster").text, "This server is alone", "a page says so")
    t.equal([path for path in paths(people["vera"]) if people["vera"].page(path).status != 200], [], "and each that there is can be opened")
    t.equal(counts(people["root"]), {}, "while all is well, nothing is counted")
    t.ok(here(people["root"], "/certificates") == ["/certificates"] and here(people["root"], "/keys/nosuch") == [], "the entry of the page is marked")
    troubles(t, site, people)
    account(t, people["root"])


def menu(person, path="/help"):
    return re.search(r'<nav class="menu" id="menu".*?</nav>', person.page(path).text, re.S)[0]


def labels(person):
    return re.findall("<h2>([^<]+)</h2>", menu(person))


def paths(person):
    return re.findall('<a href="([^"]+)"', menu(person))


def here(person, path):
    page = person.page(path)
    menu = page.text.partition('id="menu"')[2].partition("</nav>")[0]
    return re.findall('<a href="([^"]+)" aria-current="page"', menu) if page.status == 200 else []


def counts(person):
    found = {}
    for entry in menu(person).split("<li>"):
        number = re.search(r'<span class="trouble">(\d+)<', entry)
        if number:
            found[re.search('href="([^"]+)"', entry)[1]] = int(number[1])
    return found


def troubles(t, site, people):
    daemon = site.daemon
    site.nginx.stop()
    for name in ("down", "dead"):
        daemon.add_cert(name, f"{name}.example", wait=False)
        daemon.wait_for_cert(name, lambda c: c["status"] == "failed")
    t.equal(counts(people["root"]).get("/certificates"), 2, "two certificates failed: the menu says so on every page")
    daemon.ctl("site", "add", f"127.0.0.1:{free_port()}")
    daemon.wait_until("it is scanned", lambda: daemon.ctl("site", "list")["sites"][0]["scanned"])
    t.equal(counts(people["root"]).get("/sites"), 1, "a site is not reached")
    daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--url-file", t.write("url", f"http://127.0.0.1:{free_port()}/"))
    daemon.run_ctl("channel", "test", "ops")
    daemon.wait_until("its message fails", lambda: daemon.ctl("channel", "show", "ops")["error"])
    t.equal(counts(people["root"]).get("/channels"), 1, "a channel takes nothing")
    daemon.run_ctl("account", "add", "lost", "--directory", "https://127.0.0.1:1/dir", "--agree-terms")
    daemon.wait_until("it fails", lambda: daemon.ctl("account", "show", "lost")["error"])
    t.equal(counts(people["root"]).get("/accounts"), 1, "an account is not registered")
    t.equal(counts(people["vera"]), {"/certificates": 2, "/accounts": 1, "/sites": 1}, "a viewer is told of what a viewer sees")
    t.equal(counts(people["pete"]).get("/certificates", 0), 0, "who has a plan is not told how many others have")
    daemon.ctl("cert", "hand-over", "down", "--to", "pete")
    t.equal([counts(people[name]).get("/certificates") for name in ("pete", "root", "pete")], [1, 2, 1], "but of one's own")
    daemon.ctl("cert", "rm", "dead")
    t.equal(counts(people["root"]).get("/certificates"), 1, "what is gone is not counted")


def account(t, person):
    page = person.page("/overview").text
    top = re.search(r'<header class="top">.*?</header>', page, re.S)[0]
    t.ok("root" in top and 'href="/me"' in top and 'action="/sign-out"' in top, "one's own account is on top", top)


run(main)
