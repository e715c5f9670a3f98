#!/usr/bin/env python3
"""Times on pages: in the zone that the visitor chose, relative and exact, and never as a machine writes them inside a sentence."""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
COOKIE = "__Host-certera-zone"


def main(t):
	site = Site(t)
	daemon = site.daemon
	daemon.add_cert("shop", "shop.example")
	daemon.add_user("root", "admin", PASSWORD)
	api(t, daemon)
	for script in (True, False):
		browser = Browser(t, f"https://localhost:{daemon.https_port}")
		browser.open(script=script)
		browser.sign_in("root", PASSWORD)
		choice(t, browser, script)
	live(t, daemon, browser)


def api(t, daemon):
	"""What a cookie may be, and what becomes of it."""
	person = Person(daemon)
	person.sign_in("root", PASSWORD)

	def seen(cookie):
		held = person.cookie
		person.cookie = f"{held}; {COOKIE}={cookie}"
		try:
			return person.page("/certificates/shop").text
		finally:
			person.cookie = held
	t.matches(seen("Asia/Kolkata"), r'title="[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d:\d\d IST"', "a cookie's zone is that of the page")
	for bad in ("../../../etc/passwd", "Europe/../../hostname", "%2e%2e/x", "<b>", "", "A" * 200):
		t.matches(seen(bad), r'title="[^"]* UTC"', f"what is no zone is UTC: {bad[:30]}")
	status, said = person("POST", "/me/zone", {"zone": "Europe/Berlin"})
	t.equal((status, said), (200, {"zone": "Europe/Berlin"}), "the API answers with the choice")
	status, said = person("POST", "/me/zone", {"zone": "Europe/Atlantis"})
	t.equal((status, said["errors"][0]["field"]), (422, "zone"), "a zone that is none is refused")
	t.matches(person("GET", "/certificates/shop")[1]["not_after"], f"^{ISO}$", "the API's times stay as they are")


def choice(t, browser, script):
	how = f"({'with' if script else 'without'} scripts)"
	browser.goto("/me")
	browser.select("#me_zone-zone", "America/New_York")
	browser.click("#zone button")
	t.matches(browser.text("#zone"), r"It is [A-Z][a-z]{2} .* E[SD]T\.", f"a chosen zone counts at once {how}")
	t.equal(browser.eval("document.querySelector('#me_zone-zone').value"), "America/New_York", "and is shown as chosen")
	browser.goto("/certificates/shop")
	titles = browser.eval("[...document.querySelectorAll('main time')].map((one) => one.title)")
	t.ok(titles and all(re.search(r"E[SD]T$", one) for one in titles), "every time of a page is in it", titles)
	t.ok(browser.eval("[...document.querySelectorAll('main time')].every((one) => one.tabIndex === 0 && !isNaN(Date.parse(one.dateTime)))"),
		"and can have the focus, and has the machine's time")
	browser.eval("(window.seen = [...document.querySelectorAll('main time')].find((one) => one.offsetParent)).focus(), 1")
	shown = browser.eval("getComputedStyle(window.seen, '::after').content")
	t.matches(shown, r"\d{4}, \d\d:\d\d:\d\d E[SD]T", "the exact time is shown with the focus")
	for page in ("/overview", "/certificates/shop", "/system", "/settings", "/events", "/orders"):
		browser.goto(page)
		found = re.search(ISO, browser.text("main"))
		t.ok(not found, f"{page} has no machine's time in its words", found)
	browser.goto("/me")
	browser.select("#me_zone-zone", "")
	browser.click("#zone button")
	browser.goto("/overview")
	if not script:
		t.matches(browser.eval("document.querySelector('main time').title"), "UTC$", "without a choice, and without scripts, it is UTC")


def live(t, daemon, browser):
	"""It ages while the page stays open."""
	browser.open(script=True)
	browser.sign_in("root", PASSWORD)
	browser.goto("/events")
	browser.eval("document.querySelector('td time').dateTime = new Date(Date.now() - 7200e3).toISOString()")
	until("the page says it", lambda: browser.text("td time") == "2 hours ago", 40, every=0.5)
	t.ok(True, "a time ages while the page is open")


run(main)
