#!/usr/bin/env python3
"""One search over all that there is: by any name, the best first, only what the visitor may see."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 300


def main(t):
    daemon = Certerad(t)
    daemon.stop()
    run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, COUNT, check=True)
    daemon.begin()
    daemon.ctl("key", "add", "shop-000012-spare", "--description", "of the Blue shop")
    daemon.ctl("site", "add", "shop-000012.example.org", "smtp://mail.example.org:587")
    daemon.ctl("account", "add", "le", "--ca", "letsencrypt", "--agree-terms")
    add_user(daemon, "shopper", "operator")
    found(t, daemon)
    actions(t, daemon)
    seen(t, daemon)
    page(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def search(daemon, text):
    return {g["kind"]: g for g in daemon.api("GET", "/search", q=text)[1]["groups"]}


def names(groups, kind):
    return [r["name"] for r in groups.get(kind, {"results": []})["results"]]


def found(t, daemon):
    groups = search(daemon, "SHOP-000012")
    t.equal((names(groups, "certificates"), names(groups, "keys"), names(groups, "sites")), (["shop-000012"], ["shop-000012", "shop-000012-spare"], ["shop-000012.example.org"]),
        "by name: a certificate, keys with the exact one first, a site")
    t.equal(groups["orders"]["results"][0]["path"], "/orders?certificate=shop-000012", "and the way to its orders")
    t.equal(names(search(daemon, "www.shop-000099.example.org"), "certificates"), ["shop-000099"], "by any of its host names")
    groups = search(daemon, "shop-0001")
    t.equal((groups["certificates"]["total"], len(groups["certificates"]["results"]), groups["certificates"]["all"]), (100, 8, "/certificates?search=shop-0001"), "eight of a hundred, and where all are")
    t.equal(names(search(daemon, "blue SHOP"), "keys"), ["shop-000012-spare"], "a key by its note")
    t.equal((names(search(daemon, "letsencr"), "accounts"), names(search(daemon, "shopper"), "users")), (["le"], ["shopper"]), "accounts and users")
    t.contains(names(search(daemon, "redirect"), "pages"), "Redirect rules", "a page by a word of it")
    t.equal(search(daemon, "no such thing at all"), {}, "nothing where nothing is")
    t.contains(names(search(daemon, ""), "pages"), "Certificates", "without a text: the pages")
    said = daemon.run_ctl("search", "shop-000012").stdout.decode()
    t.ok("shop-000012-spare" in said and "Certificates (1)" in said, "certeractl searches, too", said)


def actions(t, daemon):
    groups = daemon.api("GET", "/search", q="renew shop-000012")[1]["groups"]
    t.equal((groups[0]["kind"], groups[0]["results"][0]["name"], groups[0]["results"][0]["action"]), ("actions", "Renew shop-000012 now", "/certificates/shop-000012/issue?staging=false"),
        "\"renew shop-000012\" offers it first")
    t.equal(groups[1]["results"][0]["name"], "shop-000012", "and finds the certificate")
    t.equal("actions" in search(daemon, "renew no-such"), False, "but nothing for what is not there")


def seen(t, daemon):
    daemon.ctl("plan", "add", "small", "--certificates", "3")
    add_user(daemon, "ann", "operator", plan="small")
    add_user(daemon, "vic", "viewer")
    daemon.api("POST", "/certificates/shop-000007/owner", {"user": "ann"})
    ann, vic = Person(daemon), Person(daemon)
    ann.sign_in("ann")
    vic.sign_in("vic")
    groups = {g["kind"]: g for g in ann("GET", "/search?q=shop")[1]["groups"]}
    t.equal((names(groups, "certificates"), groups["certificates"]["total"]), (["shop-000007"], 1), "with a plan: only what is one's own, also in the count")
    t.equal("users" in groups, False, "users are for administrators")
    groups = {g["kind"]: g for g in vic("GET", "/search?q=renew+shop-000012")[1]["groups"]}
    t.equal(("actions" in groups, names(groups, "certificates")), (False, ["shop-000012"]), "a viewer finds it, and is offered nothing that a viewer may not do")


def page(t, daemon):
    """Without JavaScript: type, Enter; then one link."""
    vic = Person(daemon)
    vic.sign_in("vic")
    t.contains(vic.page("/events").text, 'action="/search"', "each page has the field")
    text = vic.page("/search?q=%3Cb%3Eshop-000012").text
    t.ok("<b>shop" not in text and "&lt;b&gt;shop-000012" in text and "Nothing found" in text, "what was typed is shown as typed")
    t.contains(vic.page("/search?q=shop-000012").text, 'href="/certificates/shop-000012?staging=false"', "the page leads to what was found")


run(main)
