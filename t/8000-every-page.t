#!/usr/bin/env python3
"""Every page of routes.def, at 375, 768 and 1440 pixels, light and dark: axe-core, an HTML validator and the console find nothing.

A page is loaded once, and read by the validator once: its text is the same in each of the six looks.  Its width is measured in all
six.  axe judges three of them, so that each page is seen at every width and in both schemes; SOAK=1 (`make soak`): all six.
Names, notes and errors hold <script>"'& where they can: it shows as typed.  SHOTS=1 keeps screenshots in build/screenshots.
"""
import itertools
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NASTY = "<script>alert(1)</script>\"'&amp;<b>"
PASSWORD = "correct horse battery"
WIDTHS = (375, 768, 1440)

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
	"/readers/:name/remove": ["/readers/siem/remove"],
	"/keys/:name": ["/keys/shop", "/keys/noted"],
	"/accounts/:name": ["/accounts/ca"],
	"/users/:name": ["/users/root"],
	"/plans/:name": ["/plans/small"],
	"/sites/:name": [],  # by identity: see fill()
	"/hooks/trials/:id": [],
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
	EXAMPLES["/hooks/trials/:id"] = ["/hooks/trials/" + daemon.api("POST", "/hooks/test/shop")[1]["id"]]
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
	root = Person(site.daemon)
	root.sign_in("root", PASSWORD)
	t.equal(root("POST", "/readers/siem", {"acknowledge": "1"})[0], 200, "a reader of root's")
	browser = Browser(t, f"https://localhost:{site.daemon.https_port}")
	t.matches(browser.sign_in("root", PASSWORD), "/overview$", "signed in")
	for page in browser.tour(list(pages()), looks):
		judge(t, page)


def looks(number):
	"""Every second page has the schemes the other way round, so that each width is judged in both."""
	for scheme, (place, width) in itertools.product((0, 1), enumerate(WIDTHS)):
		yield {"theme": ("light", "dark")[(scheme + number) % 2], "width": width, "axe": bool(os.environ.get("SOAK")) or scheme == place % 2}


def judge(t, page):
	path = page["path"]
	if "failed" in page:
		return t.ok(False, f"{path}: no fault", page["failed"])
	found = page["faults"] + [f"{v} ({look['theme']}, {look['width']})" for look in page["looked"] for v in look["violations"]]
	t.ok(page["status"] == 200 and page["title"] and not found, f"{path}: no fault", [page["status"], page["title"], *found])
	t.equal([(look["theme"], look["width"]) for look in page["looked"] if look["wide"]], [], f"{path}: not wider than the window")
	return t.lacks(page["html"], "<script>alert", f"{path}: what was typed is shown as typed")


run(main)
