#!/usr/bin/env python3
"""Lists and search in a browser: find one of thousands in two actions from any page, filter, sort, choose, act; with keys, with and without scripts.

The actions of each way are counted and printed.
"""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 3000
PASSWORD = "correct horse battery"


class Walk:
	"""Counts what a person does."""

	def __init__(self, t, browser, name):
		self.t, self.browser, self.name, self.actions = t, browser, name, 0

	def __getattr__(self, what):
		def act(*args):
			self.actions += 1
			return getattr(self.browser, what)(*args)
		return act

	def type(self, text):
		"""A text and Enter are one action, as filling in a field is."""
		self.actions += 1
		self.browser.do("type", value=text)

	def within(self, most):
		self.t.ok(self.actions <= most, f"{self.name}: {self.actions} actions", f"more than {most}")


def main(t):
	site = Site(t)
	site.daemon.stop()
	run_command(os.path.join(BUILD, "bench", "fill"), site.daemon.store, COUNT, check=True)
	site.daemon.begin()
	daemon = site.daemon
	daemon.add_user("root", "admin", PASSWORD)
	browser = Browser(t, f"https://localhost:{daemon.https_port}")
	browser.sign_in("root", PASSWORD)
	find(t, browser)
	filters(t, daemon, browser)
	choose(t, daemon, browser)
	keys(t, browser)
	for theme, width in (("dark", 1280), ("light", 375), ("light", 768)):
		browser.open(theme=theme, width=width)
		browser.sign_in("root", PASSWORD)
		faults(t, browser, f"{theme}, {width}")
	plain(t, daemon, browser)


def arrived(browser, name):
	return until(f"the page of {name}", lambda: f"/certificates/{name}?" in browser.do("where")["url"], 20)


def find(t, browser):
	for page in ("/overview", "/settings", "/keys/shop-000001"):
		browser.goto(page)
		walk = Walk(t, browser, f"find one of {COUNT}, from {page}")
		walk.press("/")
		browser.do("type", value="www.shop-002345.example")
		walk.press("Enter")
		t.ok(arrived(browser, "shop-002345"), f"/, its name and Enter lead from {page} to the certificate")
		walk.within(2)
	browser.goto("/overview")
	browser.press("Control+k")
	browser.do("type", value="shop-00002")
	browser.wait("dialog .results a")
	t.equal(browser.faults(), [], "the search has no fault")
	browser.press("ArrowDown", "ArrowDown", "Enter")
	t.ok(arrived(browser, "shop-000021"), "Ctrl-K, and the second result by the arrow keys")
	browser.goto("/overview")
	browser.press("/")
	browser.do("type", value="live shop-000123")
	browser.wait("dialog .results button")
	browser.press("Enter")
	t.equal(browser.eval("document.activeElement.textContent"), "Check what servers present for shop-000123", "what does something waits for one more Enter")
	browser.press("Escape")
	t.ok(until("the dialog is gone", lambda: not browser.count("dialog")), "Escape closes the search")


def shown(browser, column):
	return browser.eval(f"[...document.querySelectorAll('table.rows tbody tr')].map((r) => r.querySelector('td[data-label={column}]').textContent.trim())")


def filters(t, daemon, browser):
	browser.goto("/certificates?limit=25")
	browser.click(".chip summary:has-text('Status')")
	failed = daemon.api("GET", "/certificates", status="failed")[1]["total"]
	t.equal(browser.text(".drop a:has-text('failed')").split(), ["failed", str(failed)], "a filter's menu says how many there are of each")
	browser.click(".drop a:has-text('failed')")
	t.ok(all(s.startswith("failed") for s in shown(browser, "Status")) and f"{failed} found" in browser.text(".chips"), "chosen, it filters")
	browser.click(".chip summary:has-text('Tag')")
	browser.click(".drop a:has-text('team-1')")
	t.matches(browser.do("where")["url"], "status=failed.*tag=team-1|tag=team-1.*status=failed", "a second filter beside it; the address is the view")
	browser.click(".clear[aria-label='Remove the filter Tag']")
	t.lacks(browser.do("where")["url"], "tag=", "each is taken back by itself")
	browser.click("th a:has-text('Ends')")
	t.equal(browser.eval("document.querySelector('th[aria-sort]').textContent + document.querySelector('th[aria-sort]').getAttribute('aria-sort')"), "Endsascending", "a head sorts")
	browser.click("th a:has-text('Ends')")
	t.equal(browser.eval("document.querySelector('th[aria-sort]').getAttribute('aria-sort')"), "descending", "and turns the order round")
	browser.click(".views a:has-text('All')")
	browser.click(".numbers a:has-text('3')")
	t.contains(browser.text(".pages"), "201 to 300 of 3000", "pages by number")
	height = browser.eval("document.querySelector('table.rows tbody tr').getBoundingClientRect().height")
	t.ok(38 <= height <= 42, f"a row is {height} px high")


def choose(t, daemon, browser):
	browser.goto("/certificates?search=shop-0012&limit=25")
	t.equal(browser.eval("getComputedStyle(document.querySelector('.chosen')).display"), "none", "the bar is there when something is chosen")
	for n in (0, 1, 2):
		browser.click(f"tbody tr:nth-child({n + 1}) input[name=items]")
	t.ok(until("the bar has counted", lambda: "3 chosen" in browser.text(".chosen")), "it counts")
	browser.click(".chosen button:has-text('Tag')")
	t.contains(browser.text("main"), "Add a tag to 3 certificates?", "it asks before")
	t.equal(browser.faults(), [], "on a page without fault")
	browser.fill("#value", "chosen")
	t.contains(browser.click("main button:has-text('Add the tag')"), "search=shop-0012", "and goes back to the list")
	t.equal(daemon.api("GET", "/certificates", tag="chosen")[1]["total"], 3, "the three have the tag")
	browser.goto("/certificates?search=shop-0012&limit=25")
	browser.eval("document.querySelector('[name=_all]').click() || 1")
	browser.click(".chosen button:has-text('Disable')")
	browser.click("main button:has-text('Disable')")
	t.equal(daemon.api("GET", "/certificates", search="shop-0012", status="disabled")[1]["total"], 100, "all that match, also those on other pages")


def keys(t, browser):
	browser.goto("/overview")
	browser.press("g", "c")
	until("the certificates", lambda: browser.do("where")["url"].endswith("/certificates"), 20)
	until("its scripts are there", lambda: browser.eval("!!window.certera_rows"), 20)
	browser.press("j", "j", "x", "k", "x")
	t.contains(browser.text(".chosen"), "2 chosen", "g c, then j, k and x walk through the rows and choose")
	browser.press("Enter")
	t.ok(arrived(browser, "shop-000000"), "Enter opens the row")
	browser.goto("/keys")
	browser.wait("text=Keyboard")
	browser.press("?")
	t.contains(browser.text("dialog"), "Next row", "? tells the keys")
	t.equal(browser.faults(), [], "without fault")
	browser.click("#keys-on")
	browser.press("Escape", "g", "c")
	t.ok(browser.count("dialog") == 0 and browser.do("where")["url"].endswith("/keys"), "single keys can be switched off")
	browser.press("Control+k")
	t.equal(browser.count("dialog"), 1, "Ctrl-K still works")
	browser.press("Escape")
	browser.eval("localStorage.removeItem('keys') || 1")
	browser.goto("/certificates")
	browser.click("#search")
	browser.do("type", value="gk?/")
	t.equal((browser.eval("document.getElementById('search').value"), browser.count("dialog")), ("gk?/", 0), "in a field they are letters")


def faults(t, browser, how):
	for path in ("/certificates?limit=25", "/keys?limit=25", "/orders?limit=25", "/events?limit=25"):
		browser.goto(path)
		if browser.count(".chip summary"):
			browser.click(".chip summary")
		wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth")
		t.equal((browser.faults(), wide), ([], 0), f"{path} with an open menu ({how})")
		browser.shot(f"list-{how.replace(', ', '-')}{path.split('?')[0].replace('/', '-')}", False)
	browser.goto("/search?q=shop-0001")
	t.equal(browser.faults(), [], f"/search ({how})")
	browser.shot(f"search-{how.replace(', ', '-')}", False)


def plain(t, daemon, browser):
	"""All of it without scripts."""
	browser.open(script=False)
	browser.sign_in("root", PASSWORD)
	walk = Walk(t, browser, f"find one of {COUNT} without scripts")
	browser.fill(".find input", "shop-002345")
	walk.click(".find button")
	t.contains(walk.click("#results a"), "/certificates/shop-002345?", "found without scripts, by the field of the page")
	walk.within(2)
	browser.goto("/certificates?search=shop-0021&limit=25")
	browser.click(".chip summary:has-text('Status')")
	browser.click(".drop a:has-text('active')")
	t.ok(all(s == "active" for s in shown(browser, "Status")), "filters are links")
	browser.click("tbody tr:nth-child(2) input[name=items]")
	browser.click(".chosen button:has-text('Tag')")
	browser.fill("#value", "plain")
	browser.click("main button:has-text('Add the tag')")
	t.equal(daemon.api("GET", "/certificates", tag="plain")[1]["total"], 1, "and rows are chosen and changed")


run(main)
