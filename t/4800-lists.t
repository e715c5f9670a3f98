#!/usr/bin/env python3
"""Lists of thousands: pages, filters and orders give what sorting and filtering all of it gives; errors name their field."""
import csv
import io
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 2500


def main(t):
    daemon = Certerad(t)
    daemon.stop()
    run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, COUNT, check=True)
    daemon.begin()
    every = daemon.certs()
    t.equal(len(every), COUNT, "certeractl reads all pages of a list by itself")
    pages(t, daemon, every)
    filters(t, daemon, every)
    orders(t, daemon, every)
    generations(t, daemon)
    all_orders(t, daemon)
    keys(t, daemon)
    overview(t, daemon, every)
    labels(t, daemon)
    events(t, daemon)
    spreadsheets(t, daemon)
    refusals(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def names(answer, member="certificates"):
    return [c["name"] for c in answer[1][member]]


def certs(daemon, **query):
    return daemon.api("GET", "/certificates", **query)


def pages(t, daemon, every):
    status, answer = certs(daemon)
    t.equal((status, len(answer["certificates"]), answer["first"], answer["limit"], answer["total"]), (200, 100, 0, 100, COUNT),
        "100 are shown unless asked otherwise, and how many there are")
    t.equal((answer["previous"], answer["next"]), (None, 100), "with where the next page begins")
    got, first = [], 0
    while first is not None:
        answer = certs(daemon, first=first, limit=700)
        got += names(answer)
        first = answer[1]["next"]
    t.equal(got, sorted(every), "all pages together are everything, once and in order")
    answer = certs(daemon, first=COUNT + 5, limit=10)[1]
    t.equal((answer["certificates"], answer["total"], answer["next"]), ([], COUNT, None), "behind the end there is nothing")
    t.equal(certs(daemon, first=5, limit=10)[1]["previous"], 0, "the page before the fifth begins at the first")


def filters(t, daemon, every):
    def check(sentence, condition, **query):
        wanted = sorted(n for n, c in every.items() if condition(c))
        answer = certs(daemon, limit=1000, **query)
        t.ok(wanted and names(answer) == wanted[:1000] and answer[1]["total"] == len(wanted), f"{sentence}: {len(wanted)}",
            f"{len(wanted)} wanted, {answer[1].get('total')} got")
    words = {c["status"] for c in every.values()}
    t.ok(len(words) >= 6, "there are many kinds", words)
    for word in sorted(words):
        check(f"status={word}", lambda c: c["status"] == word, status=word)
    check("status=a,b", lambda c: c["status"] in ("failed", "disabled"), status="failed,disabled")
    check("tag", lambda c: "team-7" in c["tags"], tag="team-7")
    check("search in names", lambda c: any("www.shop-0012" in n for n in c["names"]), search="WWW.Shop-0012")
    check("search and status", lambda c: c["status"] == "active" and "7" in c["name"], search="7", status="active")
    check("domain", lambda c: "shop-000123.example.org" in c["names"], domain="SHOP-000123.example.org")
    check("all below a domain", lambda c: True, domain="example.org")
    t.equal(certs(daemon, domain="123.example.org")[1]["total"], 0, "the end of a label is no domain")
    check("issuer", lambda c: "other ca" in c["issuer"].lower(), issuer="OTHER ca")
    check("profile", lambda c: c["profile"] == "shortlived", profile="shortlived")
    check("key type", lambda c: c["key_type"] == "rsa2048", key_type="rsa2048")
    check("algorithm", lambda c: c["key_type"] == "p256", algorithm="ecdsa")
    days = sorted(c["not_after"][:10] for c in every.values() if c["current"])
    first, last = days[len(days) // 3], days[len(days) // 2]
    check("end", lambda c: c["current"] and first <= c["not_after"] and c["not_after"][:10] < last, ends_since=first, ends_until=last)
    days = sorted(c["created"][:10] for c in every.values())
    check("day added", lambda c: days[500] <= c["created"] and c["created"][:10] < days[2000], created_since=days[500], created_until=days[2000])
    check("staging=false", lambda c: not c["staging"], staging="false")
    t.equal(certs(daemon, search="no such")[1]["total"], 0, "nothing is found where nothing is")
    t.equal(certs(daemon, search="shop", status="")[1]["total"], COUNT, "an empty filter lets all pass, as a form sends it")


def orders(t, daemon, every):
    urgency = ("compromised", "expired", "failed", "expiring", "waiting", "unconfirmed", "undelivered", "revoked", "issuing", "pending", "active", "disabled")
    keys = {
        "name": lambda c: "", "status": lambda c: urgency.index(c["status"]), "expiry": lambda c: c["not_after"] or "z",
        "issued": lambda c: c["issued"] or "", "renewal": lambda c: c["renew_at"] or "z", "created": lambda c: c["created"],
        "issuer": lambda c: c["issuer"], "profile": lambda c: c["profile"] or "", "key_type": lambda c: c["key_type"],
    }
    for word, key in keys.items():
        # What was never issued has dates in this store that are not shown as its validity.
        current = {n: c for n, c in every.items() if c["current"]}
        wanted = [c["name"] for c in sorted(current.values(), key=lambda c: (key(c), c["name"]))]
        for sort, expected in ((word, wanted), ("-" + word, wanted[::-1])):
            got = [n for first in (0, 1000, 2000) for n in names(certs(daemon, sort=sort, first=first, limit=1000)) if n in current]
            t.equal(got, expected, f"sort={sort}")


def generations(t, daemon):
    for what in ("versions", "orders"):
        status, answer = daemon.api("GET", f"/certificates/shop-000000/{what}", first=10, limit=5)
        t.equal((status, [v["number"] for v in answer[what]], answer["total"], answer["next"]),
            (200, list(range(COUNT - 10, COUNT - 15, -1)), COUNT, 15), f"{what}, newest first")
        t.equal(daemon.api("GET", f"/certificates/shop-000000/{what}/7")[1]["number"], 7, f"one of the {what}")
        t.equal([daemon.api("GET", f"/certificates/shop-000000/{what}/{n}")[0] for n in ("0", "x", COUNT + 1)], [404] * 3,
            "or none")


def all_orders(t, daemon):
    """QueryCertificateOrderList (CentralNic): of all certificates, with filters, dates and results."""
    def get(**query):
        return daemon.api("GET", "/orders", **query)[1]
    answer = get(limit=3)
    t.equal((answer["total"], len(answer["orders"]), answer["next"]), (COUNT, 3, 3), "the orders of all certificates")
    one = answer["orders"][0]
    t.equal((one["certificate"], one["number"], one["result"], one["waiting"]), ("shop-000000", COUNT, "issued", False), "whose, which, and what became of it")
    t.equal([o["number"] for o in get(sort="created", limit=2)["orders"]], [1, 2], "the other way round")
    t.equal([get(**q)["total"] for q in ({"result": "issued,failed"}, {"result": "failed"}, {"search": "SHOP-0000"}, {"search": "shop-1"},
        {"certificate": "shop-000000"}, {"certificate": "shop-00000"}, {"since": "2100-01-01"}, {"until": "2100-01-01"}, {"staging": "true"})],
        [COUNT, 0, COUNT, 0, COUNT, 0, 0, COUNT, 0], "by result, certificate and date")
    listed = daemon.run_ctl("order", "list", "--result", "issued", "--limit", "5", "--csv").stdout.decode()
    t.equal([r["number"] for r in csv.DictReader(io.StringIO(listed))], [str(COUNT - i) for i in range(5)], "certeractl lists them, also as CSV")
    t.equal(daemon.ctl("order", "show", "shop-000000", "7")["number"], 7, "and shows one")
    text = daemon.page("/orders?certificate=shop-000000&limit=2")[1]
    t.ok("order&nbsp;2500" in text and "1 to 2 of 2500" in text and "format=csv" in text, "the page has them, with pages and CSV", text[-2500:])
    for query, field in (({"result": "odd"}, "result"), ({"account": "nobody"}, "account"), ({"since": "soon"}, "since"), ({"staging": "x"}, "staging")):
        t.equal(get(**query)["errors"][0]["field"], field, f"{query}: the field is named")


def keys(t, daemon):
    answer = daemon.api("GET", "/keys", search="shop-0012", sort="-name", limit=1000)
    t.equal(names(answer, "keys"), [f"shop-{n:06}" for n in range(1299, 1199, -1)], "keys by name, searched and turned")
    t.equal(daemon.api("GET", "/keys", use="site")[1]["total"], 0, "keys by use")
    t.equal(daemon.api("GET", "/keys/shop-000042")[1]["used_by"], ["certificate shop-000042"], "what uses one is found")
    t.equal(daemon.api("GET", "/accounts")[1]["total"], 0, "accounts have pages, too")


def overview(t, daemon, every):
    def counts():
        return {word: n for word, n in daemon.api("GET", "/status")[1]["certificates"].items() if n}
    wanted = {}
    for c in every.values():
        wanted[c["status"]] = wanted.get(c["status"], 0) + 1
    t.equal(counts(), wanted, "the overview counts the same statuses")
    t.equal({c["status"] for c in daemon.api("GET", "/status")[1]["attention"]}, {"expired"}, "and names the most urgent ones")
    shown = daemon.api("GET", "/status")[1]
    urgent = [c for c in every.values() if c["current"] and c["status"] in ("expired", "failed", "expiring", "waiting", "unconfirmed", "undelivered", "revoked")]
    t.equal([c["not_after"] for c in shown["attention"]], sorted(c["not_after"] for c in urgent)[:10], "those that end first")
    left = shown["attention_total"] - 10
    t.ok(left > 0 and f">Show all {shown['attention_total']:,} certificates</a>" in daemon.page("/overview")[1], "the page leads to all of them, and says how many", shown["attention_total"])
    daemon.ctl("cert", "set", "shop-000000", "--disable")
    wanted["disabled"] += 1
    wanted[every["shop-000000"]["status"]] -= 1
    t.equal(counts(), {w: n for w, n in wanted.items() if n}, "a change is counted at once")


def labels(t, daemon):
    shown = daemon.ctl("cert", "set", "shop-000001", "--tag", "blue", "--tag", "shops", "--tag", "blue", "--note", "<b>\"note\" & more")
    t.equal((shown["tags"], shown["note"]), (["blue", "shops"], "<b>\"note\" & more"), "tags and a note are set")
    t.equal([c["name"] for c in daemon.ctl("cert", "list", "--tag", "blue")["certificates"]], ["shop-000001"], "it is found by a tag")
    listed = daemon.run_ctl("cert", "list", "--tag", "shops").stdout.decode()
    t.ok("blue, shops" in listed and listed.count("\n") == 2, "tags are listed for people", listed)
    daemon.ctl("cert", "set", "shop-000001", "--no-tags", "--note", "")
    shown = daemon.cert("shop-000001")
    t.equal((shown["tags"], shown["note"]), ([], None), "and removed")
    t.equal(daemon.ctl("cert", "list", "--tag", "blue")["certificates"], [], "it is not found any more")


def events(t, daemon):
    def get(**query):
        return daemon.api("GET", "/events", **query)[1]
    total = get()["total"]
    t.ok(total > COUNT, "events have a total")
    middle = get(first=1000, limit=3)
    t.equal([e["number"] for e in middle["events"]], [total - 1000 - i for i in range(3)], "pages of events")
    t.equal(get(before=middle["older"], limit=1)["events"][0]["number"], total - 1003, "older: the next page by number")
    changed = get(action="certificate.changed")
    t.ok(changed["total"] == 3 and {e["action"] for e in changed["events"]} == {"certificate.changed"}, "by action", changed)
    t.equal(get(action="certificate")["total"], total - get(action="account")["total"] - get(action="key")["total"] -
        get(action="server")["total"], "all of one kind")
    t.equal([e["name"] for e in get(search="SHOP-001234")["events"]], ["shop-001234"], "by text")
    t.equal(get(actor="local admin", object="shop-000001")["total"], 2, "by actor and object")
    t.equal((get(since="2100-01-01")["total"], get(until="2100-01-01", limit=1)["total"]), (0, total), "by time")
    rows = list(csv.reader(io.StringIO(daemon.api("GET", "/events", action="certificate.changed", format="csv")[1])))
    t.equal(rows[0], ["number", "time", "actor", "address", "action", "name", "message", "class", "subclass"], "as CSV, with a head")
    t.equal([int(r[0]) for r in rows[1:]], [e["number"] for e in changed["events"]], "and the same rows")


def spreadsheets(t, daemon):
    """Every list as CSV: the same rows, also by certeractl and from its page."""
    for what in ("certificates", "keys", "accounts", "sites", "channels", "outbox", "users", "plans"):
        answer = daemon.api("GET", f"/{what}", limit=1000)[1]
        member = "messages" if what == "outbox" else what
        rows = list(csv.DictReader(io.StringIO(daemon.api("GET", f"/{what}", limit=1000, format="csv")[1])))
        t.equal(len(rows), len(answer[member]), f"{what}: as many rows")
        for key in ("name", "status", "created"):
            if rows and key in answer[member][0]:
                t.equal([r[key] for r in rows], [str(o[key] or "") for o in answer[member]], f"{what}: the same {key}")
    listed = daemon.run_ctl("cert", "list", "--tag", "team-7", "--csv").stdout.decode()
    rows = list(csv.DictReader(io.StringIO(listed)))
    t.ok(rows and all("team-7" in r["tags"].split() for r in rows), "certeractl has it, with the filter", listed[:500])
    refused = daemon.run_ctl("cert", "show", "shop-000001", "--csv")
    t.ok(refused.returncode == 2 and b"list" in refused.stderr, "what is no list is refused", refused)
    link = re.search(r'href="([^"]*)">Save as CSV', daemon.page("/certificates?tag=team-7")[1]).group(1).replace("&amp;", "&")
    status, text = daemon.page(link)
    t.equal((status, len(list(csv.DictReader(io.StringIO(text))))), (200, len(rows)), "the page leads to it, with the filter")


def refusals(t, daemon):
    for path, field, query in (
        ("/certificates", "limit", {"limit": 0}), ("/certificates", "limit", {"limit": 1001}), ("/certificates", "first", {"first": -1}),
        ("/certificates", "first", {"first": "x"}), ("/certificates", "sort", {"sort": "size"}), ("/certificates", "nosuch", {"nosuch": 1}),
        ("/certificates", "status", {"status": "active,odd"}), ("/certificates", "staging", {"staging": "maybe"}),
        ("/certificates", "account", {"account": "nobody"}), ("/certificates", "plan", {"plan": "none"}), ("/certificates", "ends_since", {"ends_since": "soon"}),
        ("/certificates", "algorithm", {"algorithm": "dsa"}), ("/certificates", "domain", {"domain": "a b"}), ("/keys", "sort", {"sort": "color"}), ("/events", "since", {"since": "soon"}),
        ("/events", "format", {"format": "xml"}), ("/keys", "format", {"format": "xml"}), ("/events", "before", {"before": "0"}),
    ):
        status, problem = daemon.api("GET", path, **query)
        t.ok(status in (400, 404) and problem["errors"][0]["field"] == field and problem["errors"][0]["detail"] == problem["detail"],
            f"{path}: {problem['detail']}", problem)
    add = {"name": "new", "names": "new.example", "account": "ca"}
    for change, field in (
        ({"name": "../x"}, "name"), ({"names": "b_c!"}, "names"), ({"names": []}, "names"), ({"challenge": "tls"}, "challenge"),
        ({"names": "*.new.example", "challenge": "http-01"}, "challenge"), ({"challenges": "x"}, "challenges"), ({"renew_before": "soon"}, "renew_before"),
        ({"key_type": "dsa"}, "key_type"), ({"account": "nobody"}, "account"), ({"hook_set": "/bin/sh"}, "hook_set"),
        ({"hook_environment": "x"}, "hook_environment"), ({"tags": "a" * 60}, "tags"), ({"note": "n" * 5000}, "note"),
        ({"csr": "x"}, "names"), ({"issue": "no"}, "issue"), ({"odd": 1}, "odd"),
    ):
        status, problem = daemon.api("POST", "/certificates", {**add, **change})
        t.ok(status in (409, 422) and problem["errors"][0]["field"] == field, f"{field}: {problem['detail'][:80]}", problem)
    problem = daemon.api("POST", "/certificates", {k: add[k] for k in ("name", "names")})[1]
    t.equal(problem["errors"][0]["field"], "account", "a member that is missing is named")


run(main)
