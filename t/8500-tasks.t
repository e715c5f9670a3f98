#!/usr/bin/env python3
"""What people come for, counted: each task with the actions it takes, with scripts and without, and no more than its mark.

An action is a click, a key, or a text typed into a field (with Enter, where that sends it).  A field that is marked as wrong on the
way is a wrong turn.  Without scripts the pages that are loaded are counted as well.  Meanwhile no other server is asked for anything.
The password was given less than five minutes ago: replacing an API key asks for it otherwise, which is one action more.
One is found among 10,000; SOAK=1 (`make soak`): among 100,000.
"""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 100000 if os.environ.get("SOAK") else 10000
ASKED = {True: "dialog[open]", False: "#guard"}
ZONES = {True: "shop.example", False: "plain.example"}


class Walk:
	"""A person at a task, from this page on."""

	def __init__(self, t, browser, script, task, most, page):
		self.t, self.browser, self.most = t, browser, most
		self.task = f"{task}, {'with' if script else 'without'} scripts"
		self.actions, self.wrong = [], 0
		browser.goto(page)
		browser.do("loads")

	def act(self, action, done):
		done()
		self.actions.append(action)
		self.wrong += self.browser.count("[aria-invalid=true]")

	def click(self, on):
		self.act(f"click {on}", lambda: self.browser.click(on))

	def fill(self, on, text):
		self.act(f"type {text}", lambda: self.browser.fill(on, text))

	def press(self, key):
		self.act(f"press {key}", lambda: self.browser.press(key))

	def enter(self, text):
		def type_and_send():
			self.browser.do("type", value=text)
			self.browser.press("Enter")
		self.act(f"type {text}, Enter", type_and_send)

	def over(self, *found):
		loads = self.browser.do("loads")["loads"]
		self.t.ok(len(self.actions) <= self.most and not self.wrong,
			f"{self.task}: {len(self.actions)} actions, at most {self.most}; {loads} pages loaded", [self.actions, f"{self.wrong} wrong turns"])
		for line in found:
			self.t.ok(*line)


def main(t):
	zones = {zone: [] for zone in ZONES.values()}
	hooks = Hooks(t)
	hooks.add("nsupdate")
	site = dns_site(t, Bind(t, zones), hooks)
	fill(site.daemon)
	two_versions(t, site.daemon)
	world = BrokenServers(t, "fixed", "plain")
	for daemon in (site.daemon, world.daemon):
		add_user(daemon, "root")
	browser = Browser(t, "")
	for script in (True, False):
		browser.base = f"https://localhost:{site.daemon.https_port}"
		browser.open(script=script)
		browser.sign_in("root", PASSWORD)
		wildcard(t, site.daemon, browser, script)
		rotate(t, site.daemon, browser, script)
		roll_back(t, site.daemon, browser, script)
		find(t, browser, script)
		browser.base = f"https://localhost:{world.daemon.https_port}"
		browser.open(script=script)
		browser.sign_in("root", PASSWORD)
		fixed(t, world, browser, script)
	t.equal(browser.do("said")["said"], [], "in all of it no other server was asked for anything, and no script failed")


def fill(daemon):
	daemon.stop()
	run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, COUNT, check=True, timeout=120)
	daemon.begin()


def two_versions(t, daemon):
	"""Of one certificate, which a server downloads with each of its keys: what people are told of before they stop that."""
	for version in ("1", "2"):
		cert, key = t.path("served.pem"), t.path("served.key")
		openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", "/CN=served.example",
			"-addext", "subjectAltName=DNS:served.example", "-keyout", key, "-out", cert)
		with open(cert) as c, open(key) as k:
			made = daemon.ctl("cert", "import", "served", "--file", t.write("served." + version, c.read() + k.read()))
		keys = made.get("api_keys") or keys
	for key in keys:
		t.equal(daemon.download("certificate", "served", key).status, 200, "a server downloads the certificate")


def wildcard(t, daemon, browser, script):
	zone = ZONES[script]
	walk = Walk(t, browser, script, "a certificate for a wildcard", 5, "/overview")
	walk.click("text=New certificate")
	walk.fill("#certificate_add-names", "*." + zone)
	walk.click("text=Add and issue")
	walk.click("text=Saved, continue")
	browser.wait(".head .pill.active")
	walk.over((daemon.cert(zone)["names"] == ["*." + zone] and daemon.cert(zone)["status"] == "active", "it is issued, and the page says so"))


def rotate(t, daemon, browser, script):
	slot = 1 if script else 2
	before = until("the download is noted", lambda: daemon.api("GET", f"/certificates/served/apikeys/{slot}")[1]["used"])
	walk = Walk(t, browser, script, "replacing an API key", 2, "/certificates/served")
	walk.click(f"text=Replace key {slot}")
	browser.wait(ASKED[script])
	said = browser.text(ASKED[script])
	walk.click("button:has-text('Replace the API key')")
	browser.wait(".secret")
	key = browser.text(".secret").strip()
	walk.over((before[0]["address"] in said, f"before, it says who stops: {before[0]['address']}", said),
		(daemon.download("certificate", "served", key).status == 200, "then the new key is there, and works"))


def roll_back(t, daemon, browser, script):
	if daemon.cert("served")["current"] == 1:
		daemon.ctl("cert", "rollback", "served", "2")
	walk = Walk(t, browser, script, "rolling back", 2, "/certificates/served")
	walk.click("text=Roll back to version 1")
	browser.wait(ASKED[script])
	said = browser.text(ASKED[script])
	walk.click("button:has-text('Put it in force')")
	browser.wait(".said")
	walk.over(("version 2" in said and "127.0.0.1" in said, "before, it says what is in force now and who gets the other one", said),
		(daemon.cert("served")["current"] == 1, "then version 1 is in force"))


def find(t, browser, script):
	pages = browser.eval("[...document.querySelectorAll('#menu a')].map((a) => a.getAttribute('href'))") if script else ["/overview", "/settings"]
	for number, page in enumerate([*pages, "/certificates/served", "/keys/served"]):
		name = f"shop-{COUNT - 1 - number:06}"
		walk = Walk(t, browser, script, f"find one of {COUNT} from {page}", 2, page)
		if script:
			walk.press("/")
			walk.enter(f"www.{name}.example")
		else:
			browser.do("focus", on=".find input")
			walk.enter(name)
			walk.click("#results a")
		until(f"the page of {name}", lambda: f"/certificates/{name}?" in browser.do("where")["url"], 20)
		walk.over()


def fixed(t, world, browser, script):
	name = "fixed" if script else "plain"
	world.order(name)
	walk = Walk(t, browser, script, "failed, fixed, issued", 0 if script else 1, f"/certificates/{name}")
	t.ok(browser.count(".recipe") == 1, "a failed order: the page says what to do on the web server")
	world.repair(name)
	if not script:
		walk.click("button:has-text('Check again')")
	browser.wait(".head .pill.active")
	at = browser.do("where")["url"]
	walk.over((f"/certificates/{name}" in at and world.daemon.cert(name)["status"] == "active", "done there, it is issued on the same page", at))


run(main)
