#!/usr/bin/env python3
"""Every page of routes.def, in both themes and on a phone: axe-core, an HTML validator and the console find nothing.

Names, notes and errors hold <script>"'& where they can: it shows as typed.  Screenshots are kept in build/screenshots.
"""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NASTY = "<script>alert(1)</script>\"'&amp;<b>"
PASSWORD = "correct horse battery"

# What :x of a path is, by the path's beginning.
EXAMPLES = {
	"/certificates/:name": ["/certificates/shop", "/certificates/broken", "/certificates/byhand"],
	"/certificates/:name/hooks": ["/certificates/shop/hooks", "/certificates/byhand/hooks"],
	"/certificates/:name/install": ["/certificates/shop/install", "/certificates/broken/install"],
	"/certificates/:name/history": ["/certificates/shop/history", "/certificates/broken/history"],
	"/certificates/:name/settings": ["/certificates/shop/settings", "/certificates/byhand/settings"],
	"/certificates/:name/disable": ["/certificates/shop/disable"],
	"/certificates/:name/remove": ["/certificates/shop/remove"],
	"/certificates/:name/revoke": ["/certificates/shop/revoke"],
	"/keys/:name/remove": ["/keys/shop/remove", "/keys/noted/remove"],
	"/accounts/:name/deactivate": ["/accounts/ca/deactivate"],
	"/accounts/:name/remove": ["/accounts/ca/remove"],
	"/channels/:name/disable": ["/channels/ops/disable"],
	"/channels/:name/remove": ["/channels/ops/remove"],
	"/plans/:name/remove": ["/plans/small/remove"],
	"/users/:name/reset": ["/users/root/reset"],
	"/secrets/:name/remove": ["/secrets/mail.password/remove"],
	"/new/account": ["/new/account", "/new/account?ca=letsencrypt", "/new/account?ca=zerossl", "/new/account?ca=other"],
	"/certificates/:name/rollback/:version": ["/certificates/shop/rollback/1"],
	"/certificates/:name/key-download/:word": ["/certificates/shop/key-download/off", "/certificates/shop/key-download/on"],
	"/certificates/:name/apikeys/:slot": ["/certificates/shop/apikeys/1"],
	"/keys/:name/apikeys/:slot": ["/keys/shop/apikeys/2"],
	"/users/:name/disable": ["/users/root/disable"],
	"/users/:name/remove": ["/users/root/remove"],
	"/tokens/:name": ["/tokens/ci"],
	"/keys/:name": ["/keys/shop", "/keys/noted"],
	"/accounts/:name": ["/accounts/ca"],
	"/users/:name": ["/users/root"],
	"/plans/:name": ["/plans/small"],
	"/sites/:name": [],  # by identity: see fill()
	"/channels/:name": ["/channels/ops"],
	"/outbox/:name/:number": ["/outbox/ops/1"],
}
# Pages that are only there in a state of their own; other tests walk them.
ELSEWHERE = {"/setup", "/me/totp", "/checks/:id"}


def pages():
	"""Paths of all rows that show a page."""
	with open(os.path.join(TOP, "webui", "routes.def")) as f:
		rows = re.findall(r'^ROUTE\(GET,\s*"([^"]+)",\s*\w+,\s*\w+,\s*\w+,\s*"([^"@]+)"\)', f.read(), re.M)
	for path, _ in rows:
		path = path.removeprefix("/api/v1")
		if path not in ELSEWHERE:
			yield from EXAMPLES.get(path, [path])


def fill(t, site):
	daemon = site.daemon
	daemon.add_cert("shop", "shop.example www.shop.example", note=NASTY, tag="web")
	daemon.ctl("key", "add", "noted", "--description", NASTY)
	site.pebble.names.tell("add-a", host="broken.example.", addresses=["127.0.0.9"])
	try:
		daemon.add_cert("broken", "broken.example")
	except CtlError:
		pass
	daemon.ctl("cert", "add", "byhand", "--names", "byhand.example", "--account", "ca", "--by-hand")
	daemon.wait_for_cert("byhand", lambda c: c["status"] == "waiting")
	daemon.ctl("cert", "hooks", "shop", "--set", "own", "--arguments", NASTY, "--deploy", "none", "--environment-file", t.write("own", f"A={NASTY}\nB=c"))
	daemon.ctl("site", "add", f"127.0.0.1:{daemon.https_port}")
	tracked = daemon.wait_until("it is scanned", lambda: (s := daemon.ctl("site", "list")["sites"][0])["scanned"] and s)
	EXAMPLES["/sites/:name"] = ["/sites/" + tracked["id"]]
	daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--url-file", t.write("url", "http://127.0.0.1:1/"))
	daemon.run_ctl("channel", "test", "ops")  # nobody listens there: its message waits
	daemon.ctl("plan", "add", "small", "--certificates", "2")
	daemon.ctl("token", "add", "ci", "--role", "viewer")


def main(t):
	site = Site(t, mail={"host": "localhost", "port": 1, "from": "certera@example.org"})
	fill(t, site)
	site.daemon.add_user("root", "admin", PASSWORD)
	browser = Browser(t, f"https://localhost:{site.daemon.https_port}")
	for theme, width in (("light", 1280), ("dark", 1280), ("light", 375)):
		browser.open(theme=theme, width=width)
		t.matches(browser.sign_in("root", PASSWORD), "/overview$", f"signed in ({theme}, {width})")
		walk(t, browser, f"{theme}-{width}")


def walk(t, browser, name):
	for path in pages():
		answer = browser.goto(path)
		faults = browser.faults()
		t.ok(answer["status"] == 200 and answer["title"] and not faults, f"{path} ({name})", [answer, *faults])
		wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth")
		t.equal(wide, 0, f"{path} ({name}) is not wider than the window")
		t.lacks(browser.html(), "<script>alert", f"{path} ({name}) escapes")
		browser.shot(name + path.replace("/", "-"))


run(main)
