#!/usr/bin/env python3
"""Many rows at once: bounded, asked before, each as a request of its own: same role, same scope, same audit log."""
import os
import re
import sys
from urllib.parse import urlencode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 1200


def main(t):
    daemon = Certerad(t)
    daemon.stop()
    run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, COUNT, check=True)
    daemon.begin()
    every = daemon.certs()
    tags(t, daemon, every)
    filters(t, daemon)
    owners(t, daemon)
    refusals(t, daemon, every)
    sites(t, daemon)
    roles(t, daemon)
    page(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def bulk(daemon, **body):
    return daemon.api("POST", "/bulk", body)


def tagged(daemon, tag):
    return daemon.api("GET", "/certificates", tag=tag, limit=1)[1]["total"]


def events(daemon, action):
    return daemon.api("GET", "/events", action=action, limit=1)[1]["total"]


def tags(t, daemon, every):
    some = [every[f"shop-{n:06}"] for n in (3, 5, 8)]
    before = events(daemon, "certificate.changed")
    status, said = bulk(daemon, list="certificates", action="tag", items=[c["id"] for c in some], value="blue")
    t.equal((status, said["done"], said["failed"]), (200, 3, 0), "three certificates get a tag")
    t.equal(sorted(c["name"] for c in daemon.api("GET", "/certificates", tag="blue")[1]["certificates"]), [c["name"] for c in some], "these and no others")
    t.equal(daemon.cert("shop-000003")["tags"], ["team-3", "blue"], "beside the tags they have")
    t.equal(events(daemon, "certificate.changed") - before, 3, "the audit log has an event of each")
    bulk(daemon, list="certificates", action="untag", items=[some[0]["id"]], value="blue")
    t.equal((daemon.cert("shop-000003")["tags"], tagged(daemon, "blue")), (["team-3"], 2), "and one loses it again")
    daemon.ctl("cert", "set", "shop-000003", "--add-tag", "one", "--add-tag", "two", "--remove-tag", "team-3")
    t.equal(daemon.cert("shop-000003")["tags"], ["one", "two"], "certeractl adds and removes tags of one, too")


def filters(t, daemon):
    wanted = daemon.api("GET", "/certificates", search="shop-0007")[1]["total"]
    status, said = bulk(daemon, list="certificates", action="tag", match="search=shop-0007&sort=name", value="seven", dry_run=True)
    t.equal((status, said["count"], len(said["names"]), said["others"], tagged(daemon, "seven")), (200, wanted, 20, wanted - 20, 0), "a dry run says how many match, and changes none")
    said = bulk(daemon, list="certificates", action="tag", match="search=shop-0007", value="seven", count=str(wanted))[1]
    t.equal((said["done"], tagged(daemon, "seven")), (wanted, wanted), "all that match are changed")
    status, said = bulk(daemon, list="certificates", action="untag", match="tag=seven", value="seven", count="7")
    t.equal((status, tagged(daemon, "seven")), (409, wanted), "if another number matches than was meant, nothing is done")
    said = bulk(daemon, list="certificates", action="disable", match="status=active")[1]
    t.equal((said["failed"], daemon.api("GET", "/certificates", status="active")[1]["total"]), (0, 0), f"{said['done']} are switched off, more than one transaction has room for")
    said = bulk(daemon, list="certificates", action="issue", match="search=shop-00001")[1]
    t.ok(said["failed"] and said["failures"][0]["name"].startswith("shop-00001") and "disabled" in said["failures"][0]["detail"],
        "what cannot be done is named, with the reason that one alone has", said)
    said = daemon.ctl("bulk", "certificates", "enable", "--match", "status=disabled")
    t.equal((said["failed"], daemon.api("GET", "/certificates", status="disabled")[1]["total"]), (0, 0), "certeractl switches them on")


def owners(t, daemon):
    daemon.ctl("plan", "add", "two", "--certificates", "2")
    add_user(daemon, "ann", "operator", plan="two")
    said = bulk(daemon, list="certificates", action="owner", match="search=shop-00002", value="ann")[1]
    t.equal((said["done"], said["failed"]), (2, 8), "a plan for two certificates has room for two of ten")
    t.contains(said["failures"][0]["detail"], "for ann", "and says why the others stay")
    person = Person(daemon)
    person.sign_in("ann")
    body = {"list": "certificates", "action": "tag", "match": "", "value": "hers"}
    status, answer = person("POST", "/bulk", body)
    t.equal((status, tagged(daemon, "hers")), (200, 2), "all of somebody with a plan are that person's own")
    foreign = daemon.cert("shop-000100")["id"]
    status, answer = person("POST", "/bulk", {**body, "items": [foreign], "value": "stolen"})
    t.equal((status, tagged(daemon, "stolen")), (404, 0), "what belongs to others is not there")


def refusals(t, daemon, every):
    one = every["shop-000001"]["id"]
    for body, field in (({"action": "fly", "items": [one]}, "action"), ({"action": "tag", "items": [one]}, "value"),
            ({"action": "issue"}, "items"), ({"action": "issue", "items": ["x&status=active"]}, "items"), ({"list": "tokens", "action": "issue", "items": [one]}, "list")):
        status, said = bulk(daemon, **{"list": "certificates", **body})
        t.equal((status, said["errors"][0]["field"]), (422, field), f"{body}: refused, and the field is named")
    t.equal(bulk(daemon, list="certificates", action="tag", match="status=odd", value="x")[0], 400, "a filter that is none is refused as by the list")
    t.equal(bulk(daemon, list="certificates", action="issue", items=["0" * 32])[0], 404, "what is not there is not changed")


def sites(t, daemon):
    daemon.ctl("site", "add", "one.example.org", "two.example.org", "three.example.org")
    t.equal(bulk(daemon, list="sites", action="scan", match="")[1]["done"], 3, "sites are scanned")
    said = bulk(daemon, list="sites", action="remove", match="domain=two.example.org")[1]
    t.equal((said["done"], daemon.api("GET", "/sites")[1]["total"]), (1, 2), "and removed")
    status, csv = bulk(daemon, list="sites", action="export", match="")
    t.ok(status == 200 and csv.count("\n") == 3, "export answers with the rows as CSV", csv)


def roles(t, daemon):
    add_user(daemon, "vic", "viewer")
    add_user(daemon, "olga", "operator")
    for name, body, wanted in (("vic", {"list": "certificates", "action": "issue", "match": ""}, 403), ("olga", {"list": "outbox", "action": "remove", "match": ""}, 403)):
        person = Person(daemon)
        person.sign_in(name)
        t.equal(person("POST", "/bulk", body)[0], wanted, f"{name} may not: {body['list']} {body['action']}")


def page(t, daemon):
    """Without JavaScript: tick, press, look at the question, confirm."""
    person = Person(daemon)
    person.sign_in("olga")
    text = person.page("/certificates?search=shop-00011").text
    t.ok(text.count('name="items"') == 10 and "All 10 that match" in text, "the list has boxes and a bar below")
    ids = re.findall(r'name="items" value="(\w+)"', text)
    fields = [("_csrf", person.csrf), ("_page", "/certificates?search=shop-00011"), ("list", "certificates"), ("match", "search=shop-00011"), ("action", "tag")]
    def post(path, fields):
        return person.fetch("POST", path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})
    answer = post("/chosen", fields)
    t.ok(answer.status == 422 and "Nothing is chosen" in answer.text and 'name="items"' in answer.text, "nothing ticked: the list again, and why", answer.text[-3000:])
    answer = post("/chosen", fields + [("items", i) for i in ids[:2]])
    question = answer.text if answer.status == 200 else person.page(answer.header("Location")).text
    t.ok("Add a tag to 2 certificates?" in question and "shop-000110" in question and tagged(daemon, "green") == 0, "before anything is done, the page asks", question[-2500:])
    send = [("_csrf", person.csrf)] + [p for p in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', question) if p[0] != "_csrf"]
    answer = post("/bulk", send + [("value", "green")])
    t.equal((answer.status, answer.header("Location"), tagged(daemon, "green")), (303, "/certificates?search=shop-00011", 2), "confirmed: done, and back to the list")
    answer = post("/chosen", [("_all", "true") if f[0] == "action" else f for f in fields] + [("action", "disable")])
    question = answer.text if answer.status == 200 else person.page(answer.header("Location")).text
    t.ok("Disable 10 certificates?" in question and "stay valid" in question, "all that match, with what it means", question[-2500:])
    send = [("_csrf", person.csrf)] + [p for p in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', question) if p[0] != "_csrf"]
    post("/bulk", send)
    t.equal(daemon.api("GET", "/certificates", status="disabled", search="shop-00011")[1]["total"], 10, "and they are switched off")


run(main)
