#!/usr/bin/env python3
"""The overview: what needs somebody, by cause and with its remedy in the row; figures that lead to what they count; a calendar."""
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.people import PASSWORD

COUNT = 3000


def main(t):
	figures(t)
	site = Site(t, mail={"host": "localhost", "port": 1, "from": "certera@example.org"}, renewal={"windows": "Sat 22:00-04:00"})
	causes(t, site)
	also(t, site.daemon)
	issuance(t, site)
	windows(t, site.daemon)
	page(t, site)


def figures(t):
	"""Each number is that of the list it leads to."""
	daemon = Certerad(t, name="certerad-many")
	daemon.stop()
	run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, COUNT, check=True)
	daemon.begin()
	said = daemon.api("GET", "/overview")[1]
	t.equal(sum(s["count"] for s in said["statuses"]), COUNT, "the statuses add up to all certificates")
	t.equal(sum(s["width"] for s in said["statuses"]), 1000, "and their parts to the whole bar")
	t.ok(all(a["x"] + a["width"] == b["x"] for a, b in zip(said["statuses"], said["statuses"][1:])), "without a gap", said["statuses"])
	wrong = [s for s in said["statuses"] if daemon.api("GET", "/certificates", status=s["status"], limit=1)[1]["total"] != s["count"]]
	t.equal(wrong, [], "each part leads to as many certificates as it says")

	def total(**query):
		return daemon.api("GET", "/certificates", limit=1, **query)[1]["total"]
	weeks = said["weeks"]
	t.equal([w["ending"] for w in weeks], [total(ends_since=w["from"], ends_until=w["until"], disabled="false") for w in weeks], "ends by week")
	t.equal([w["renewals"] for w in weeks], [total(renews_until=w["until"], **({"renews_since": w["from"]} if i else {})) for i, w in enumerate(weeks)],
		"planned renewals by week; what is due already is in the first")
	t.ok(sum(w["ending"] for w in weeks) > 0 and sum(w["renewals"] for w in weeks) > 0, "there are some", weeks)
	t.equal(said["needs"], said["attention_total"], "as many need somebody as the list of these has")
	t.matches(daemon.page("/overview")[1], rf"{said['needs']} need attention|{said['needs']:,} need attention", "and the first sentence says it")
	ends = [c["first"] for c in said["causes"] if c["first"]]
	t.equal(ends, sorted(ends), "what ends first comes first")
	t.ok(said["first"] > said["next_expiry"][:4] and all(c["count"] <= 64 for c in said["causes"]), "of each status, those that end first are grouped", said["causes"])

	days = [d for w in daemon.api("GET", "/renewals")[1]["weeks"] for d in w["days"]]
	t.equal(len(days), 35, "the calendar has five weeks")
	t.equal([d["renewals"] for d in days], [total(renews_since=d["from"], renews_until=d["until"]) for d in days], "renewals of each day")
	t.equal([d["ending"] for d in days], [total(ends_since=d["from"], ends_until=d["until"], disabled="false") for d in days], "ends of each day")
	def told(*options):
		lines = daemon.run_ctl("renewals", *options).stdout.decode()
		return {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"^\w{3} (\d{4}-\d\d-\d\d)(?: \(today\))? +(\d+) +(\d+)", lines, re.M)}
	t.equal(told(), {d["date"]: (d["renewals"], d["ending"]) for d in days if d["renewals"] or d["ending"]}, "certeractl renewals shows the days on which there is something")
	t.equal(told("--all"), {d["date"]: (d["renewals"], d["ending"]) for d in days}, "or all")
	later = daemon.api("GET", "/renewals", since="2027-01-06")[1]["weeks"][0]["days"]
	t.equal((later[0]["date"], later[6]["date"]), ("2027-01-04", "2027-01-10"), "it begins on the Monday of the week that is asked for")
	t.equal(daemon.api("GET", "/renewals", since="soon")[0], 400, "what is no day is refused")
	t.equal(daemon.stop(), 0, "it ends cleanly")


def group(daemon, cause):
	return next((c for c in daemon.api("GET", "/overview")[1]["causes"] if c["cause"] == cause), None)


def causes(t, site):
	daemon = site.daemon
	site.pebble.names.tell("add-a", host="broken.example.", addresses=["127.0.0.9"])
	for name in ("one", "two", "three"):
		try:
			daemon.add_cert(name, "broken.example")
		except CtlError:
			pass
	daemon.ctl("cert", "add", "byhand", "--names", "byhand.example", "--account", "ca", "--by-hand")
	daemon.wait_for_cert("byhand", lambda c: c["status"] == "waiting")
	said = group(daemon, "connection")
	t.equal((said["count"], {c["name"] for c in said["certificates"]}, said["action"]), (3, {"one", "two", "three"}, "issue"),
		"three certificates with one cause are one entry")
	t.contains(said["error"]["hint"], "port 80", "which says what to do")
	t.equal((group(daemon, "waiting")["count"], group(daemon, "waiting")["action"]), (1, "open"), "a fourth has another cause")


def also(t, daemon):
	def texts(answer):
		return {a["what"]: a["text"] for a in answer[1]["also"]}
	daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--url-file", t.write("url", "http://127.0.0.1:1/"))
	daemon.run_ctl("channel", "test", "ops")
	daemon.ctl("site", "add", f"127.0.0.1:{daemon.https_port}")
	daemon.wait_until("it is scanned", lambda: daemon.ctl("site", "list")["sites"][0]["scanned"])
	daemon.ctl("plan", "add", "small", "--certificates", "2")
	for name, role, options in (("root", "admin", {}), ("vera", "viewer", {}), ("paul", "operator", {"plan": "small"})):
		add_user(daemon, name, role, **options)
	seen = {}
	for name in ("root", "vera", "paul"):
		person = Person(daemon)
		person.sign_in(name)
		seen[name] = texts(person("GET", "/overview"))
		if name == "paul":
			answer = person("GET", "/overview")[1]
			t.equal((answer["causes"], answer["statuses"], answer["needs"], answer["issued"]), ([], [], answer["needs"], 0), "who has a plan sees nothing of others' certificates")
			t.equal(sum(d["renewals"] for w in person("GET", "/renewals")[1]["weeks"] for d in w["days"]), 0, "nor in the calendar")
	t.ok("1 tracked site presents an invalid certificate." in seen["root"].values(), "an invalid site is in it", seen)
	t.equal(seen["root"].get("channels"), "The channel ops could not deliver its last alert.", "so is a channel that delivers nothing")
	t.ok("channels" not in seen["vera"] and "sites" in seen["vera"], "but for those alone who may see channels", seen["vera"])


def issuance(t, site):
	daemon = site.daemon
	before = daemon.api("GET", "/overview")[1]
	t.ok(before["failed"] >= 3 and before["days"][-1]["failed"] == before["failed"], "what failed is counted, today", before["days"][-1])
	for name in ("good", "better"):
		daemon.add_cert(name, f"{name}.example")
	after = daemon.api("GET", "/overview")[1]
	t.equal((after["issued"] - before["issued"], after["days"][-1]["issued"] - before["days"][-1]["issued"]), (2, 2), "and what was issued since, once")
	t.equal([(a["account"], a["issued"]) for a in after["issued_by"]], [("ca", after["issued"])], "by account")
	daemon.restart() if hasattr(daemon, "restart") else (daemon.stop(), daemon.begin())
	again = daemon.api("GET", "/overview")[1]
	t.equal((again["issued"], again["failed"] >= after["failed"], again["days_partial"]), (after["issued"], True, False), "counted anew, it is the same")


def windows(t, daemon):
	person = Person(daemon)
	person.sign_in("root")
	opened = [(d["weekday"], o["from"][11:16], o["until"][11:16]) for w in person("GET", "/renewals")[1]["weeks"] for d in w["days"] for o in d["open"]]
	t.equal(set(opened), {("Sat", "22:00", "00:00"), ("Sun", "00:00", "04:00")}, "the calendar has the maintenance windows, also behind midnight")
	person.cookie += "; __Host-certera-zone=Asia/Kolkata"
	text = person.page("/renewals").text
	t.ok("03:30–09:30" in text and "Asia/Kolkata" in text, "on the page in the visitor's zone")


def page(t, site):
	daemon = site.daemon
	browser = Browser(t, f"https://localhost:{daemon.https_port}")
	browser.open(script=False)
	browser.sign_in("root", PASSWORD)
	site.pebble.names.tell("clear-a", host="broken.example.")
	orders = daemon.api("GET", "/certificates/one")[1]["orders"]
	browser.goto("/overview")
	browser.click("text=Try all 3 again")
	t.matches(browser.do("where")["url"], "/overview", "the remedy is in the row, and leads back to the overview")
	for name in ("one", "two", "three"):
		daemon.wait_for_cert(name, lambda c: c["status"] == "active", f"{name} is issued")
	t.ok(daemon.api("GET", "/certificates/one")[1]["orders"] > orders, "one click has ordered all three")
	t.equal(group(daemon, "connection"), None, "then they are no longer in it")

	browser.open(script=True)
	browser.sign_in("root", PASSWORD)
	browser.goto("/overview")
	t.contains(browser.text(".legend"), "5 active", "five are active")
	daemon.add_cert("later", "later.example")
	until("the page shows it", lambda: "6 active" in browser.text(".legend"), 60, every=1)
	t.ok(True, "the open page shows the sixth by itself")
	targets = browser.eval("[...document.querySelectorAll('.bars a, .legend a, .todo a, .parts a')].map((one) => one.getAttribute('href'))")
	t.ok(len(targets) > 6, "bars, parts and entries are links", targets)
	for href in sorted(set(targets)):
		t.equal(browser.goto(href)["status"], 200, f"and lead somewhere: {re.sub(r'=[^&]*', '', href)}")


run(main)
