#!/usr/bin/env python3
"""A new certificate, names first: each name's proof, a name, an account and a preview come by themselves.

The task "a certificate for a wildcard" is counted in actions.  All of it works without JavaScript too.
"""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"
NAMES = "#certificate_add-names"


def main(t):
	bind = Bind(t, {"shop.example": [], "a.example": ["@ A 127.0.0.1"]})
	hooks = Hooks(t)
	hooks.add("nsupdate")
	site = dns_site(t, bind, hooks)
	site.daemon.add_account(site.ca, name="trial", staging=True)
	site.daemon.add_user("root", "admin", PASSWORD)
	site.daemon.add_user("olga", "operator", PASSWORD)
	browser = Browser(t, f"https://localhost:{site.daemon.https_port}")
	browser.sign_in("root", PASSWORD)
	wildcard(t, site, browser)
	printed(t, site, browser)
	large_file(t, browser)
	scripts(t, browser)
	alive(t, browser)
	defaults(t, site, browser)
	everything(t, site, browser)
	without_script(t, site, browser)
	operator(t, browser)
	missing_script(t)


class Steps:
	"""What a person does, counted."""

	def __init__(self, browser):
		self.browser, self.done = browser, []

	def __getattr__(self, what):
		def act(on, *value):
			self.done.append(f"{what} {on}")
			return getattr(self.browser, what)(on, *value)
		return act


def wildcard(t, site, browser):
	person = Steps(browser)
	browser.goto("/overview")
	person.click("text=New certificate")
	person.fill(NAMES, "*.shop.example")
	person.click("text=Add and issue")
	t.equal(browser.count(".note.bad"), 0, "a wildcard needs no choice: no wrong turn")
	person.click("text=Saved, continue")
	browser.wait(".head .pill.active")
	t.equal(site.daemon.cert("shop.example")["status"], "active", "and it is issued, under the name of its domain")
	t.ok(len(person.done) <= 5, f"task: a certificate for a wildcard: {len(person.done)} actions", person.done)


SEEN = "e.checkVisibility() && e.getBoundingClientRect().width > 1"
COLOURS = """(() => {
	const of = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
	const found = { pale: [], dark: [] };
	for (const e of document.querySelectorAll("body, body *")) {
		if (!(e.checkVisibility() && e.getBoundingClientRect().width > 1) || e.closest("svg"))
			continue;
		const style = getComputedStyle(e), ink = of(style.color), ground = of(style.backgroundColor);
		if ([...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && Math.max(...ink.slice(0, 3)) > 110)
			found.pale.push(e.outerHTML.slice(0, 80) + style.color);
		if ((ground[3] ?? 1) > 0 && Math.min(...ground.slice(0, 3)) < 225 && !e.closest(".lifetime"))
			found.dark.push(e.outerHTML.slice(0, 80) + style.backgroundColor);
	}
	return found;
})()"""


def printed(t, site, browser):
	"""A certificate's page on paper: what there is to read, black on white, whatever the screen's theme is."""
	name = "a-very-long-name-of-a-host-inside-a-department.of-an-organization-with-a-long-name.shop.example"
	site.daemon.ctl("cert", "add", "long", "--names", f"{name} *.shop.example", "--account", "ca", "--no-issue", "--note", "for paper")
	for cert, theme in (("shop.example", "light"), ("long", "dark")):
		browser.goto(f"/certificates/{cert}")
		browser.eval(f"document.documentElement.dataset.theme = '{theme}'")
		browser.do("paper", width=680, theme=theme)
		seen = browser.eval(f"[...document.querySelectorAll('nav, button, form, .button, .top, .bottom, .copier, .copy-line, dialog, [popover]')].filter((e) => {SEEN}).map((e) => e.outerHTML.slice(0, 80))")
		t.equal(seen, [], f"{cert}, printed from a {theme} screen: no menu, no bars, no buttons")
		t.equal(browser.eval(COLOURS), {"pale": [], "dark": []}, "black on white")
		t.equal(browser.eval("[document.documentElement.scrollWidth - document.documentElement.clientWidth, [...document.querySelectorAll('main *')].filter((e) => e.checkVisibility() "
			"&& getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1 && !e.closest('.unseen')).map((e) => e.outerHTML.slice(0, 80))]"), [0, []], "nothing is cut off")
		browser.shot(f"paper-{cert}")
	t.ok(name in browser.text("main") and "http" not in browser.text(".names"), "names are whole, without the addresses of links", browser.text("main"))
	browser.open()
	browser.sign_in("root", PASSWORD)


def large_file(t, browser):
	browser.goto("/new/import")
	for size, words in ((70000, "The file has 69 KiB; a form takes 60 KiB."), (5000, "")):
		browser.do("upload", on="input[type=file]", value=t.write(f"file-{size}", "x" * size))
		t.equal(browser.eval("document.querySelector('input[type=file]').validationMessage"), words, f"a file of {size} bytes: {words or 'is taken'}")


def scripts(t, browser):
	browser.goto("/certificates/shop.example/settings")
	browser.click("summary:has-text('Test the DNS scripts')")
	browser.click("button:has-text('Test the scripts')")
	browser.wait("#state .pill.passed")
	t.matches(browser.text("#state"), "removed", "the DNS scripts can be tested, step by step")
	browser.goto("/certificates/shop.example/settings")
	browser.click("summary:has-text('Drop the authorizations')")
	browser.click("button:has-text('Drop them')")
	t.contains(browser.text(".said"), "is being asked to drop the authorizations of shop.example", "and what the CA remembers can be dropped")


def row(browser, name):
	return browser.text(f"#preview tr:has(.main:has-text('{name}'))")


def alive(t, browser):
	browser.goto("/new/certificate")
	t.equal(browser.eval("[...document.querySelectorAll('#certificate_add input, #certificate_add textarea')].find((f) => f.type != 'hidden').name"),
		"names", "the names come first")
	browser.fill(NAMES, "www.one.example, *.shop.example 192.0.2.7 bücher.example")
	browser.wait("#preview table")
	t.contains(browser.text("#preview"), "called one.example", "a name is suggested while one types")
	t.equal(browser.eval("document.getElementById('certificate_add-name').placeholder"), "one.example", "in its field, too")
	t.ok("http://192.0.2.7/" in row(browser, "192.0.2.7") and "http-01" in row(browser, "192.0.2.7"), "an address is proved by its web server")
	t.contains(row(browser, "*.shop.example"), "_acme-challenge.shop.example", "a wildcard by a DNS record")
	t.ok(browser.count("#preview tr:has-text('bücher.example')"), "an international name is shown as it is read")
	t.equal(browser.faults(), [], "the page with its preview has no fault")
	browser.shot("new-1")
	browser.select("#preview tr:has(.main:has-text('www.one.example')) select", "www.one.example=dns-01")
	browser.wait("#preview tr:has-text('_acme-challenge.www.one.example')")
	t.ok(True, "one name gets a method of its own")
	browser.fill(NAMES, "one.example, two.example")
	browser.wait("#preview tr:has-text('two.example')")
	t.ok("http-01" in row(browser, "two.example"), "and may be gone again, with its choice")
	browser.fill(NAMES, "one.example, single")
	browser.wait("#preview .why")
	t.matches(browser.text("#preview .why"), "single.* is a single word", "what is no name is said at once")
	t.equal(browser.eval("document.activeElement.id"), "certificate_add-names", "and nobody loses their place")
	browser.open(theme="dark", width=375)
	browser.sign_in("root", PASSWORD)
	browser.goto("/new/certificate")
	browser.fill(NAMES, "a-very-long-name-of-a-host-inside-a-department.of-an-organization.example")
	browser.wait("#preview table")
	t.equal(browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, "a phone shows it without scrolling sideways")
	browser.shot("new-phone")
	browser.open()
	browser.sign_in("root", PASSWORD)


def chosen(browser):
	browser.goto("/new/certificate")
	return browser.eval("document.getElementById('certificate_add-account').value")


def defaults(t, site, browser):
	t.equal(chosen(browser), "ca", "the account is one for production")
	site.daemon.add_account(site.ca, name="second")
	site.daemon.ctl("cert", "add", "last", "--names", "last.example", "--account", "second", "--no-issue")
	t.equal(chosen(browser), "second", "the one that was used last")
	site.daemon.ctl("cert", "add", "test", "--names", "test.example", "--account", "trial", "--no-issue")
	t.ok(chosen(browser) != "trial", "and never one for tests, if there is a different one")


def everything(t, site, browser):
	"""What certeractl cert add has, the form has."""
	with open(os.path.join(TOP, "ctl", "commands.def")) as f:
		options = re.search(r'^COMMAND\(cert_add,.*?^END\(cert_add\)', f.read(), re.M | re.S)[0]
	wanted = set(re.findall(r'^OPTION\([\w-]+, *OPTION_\w+, *"(\w+)"', options, re.M)) - {"preflight", "dry_run", "wait"}
	wanted = {"issue" if w == "no_issue" else w for w in wanted}
	browser.goto("/new/certificate")
	browser.fill(NAMES, "x.example")
	browser.wait("#preview table")
	has = set(browser.eval("[...document.getElementById('certificate_add').elements].map((f) => f.name)")) | {"challenges"}
	t.equal(sorted(wanted - has), [], "everything that certeractl can say, the page can")
	t.ok(browser.count("summary:text-is('Fields of the certificate request')"), "the fields of the request have a heading of their own")
	t.equal(browser.count("#certificate_add details[open]"), 0, "what is seldom needed is folded away")
	browser.click("summary:text-is('Order and renewal')")
	browser.fill("#certificate_add-renew_before", "20")
	browser.do("uncheck", on="#certificate_add-issue")
	browser.click("summary:text-is('Labels and contacts')")
	browser.fill("#certificate_add-contacts", "a@example.org\nb@example.org")
	browser.click("text=Add and issue")
	made = site.daemon.cert("x.example")
	t.equal((made["renew_before"], made["contacts"], made["orders"]), (20 * 86400, ["a@example.org", "b@example.org"], 0), "and it does what it says: later, and with contacts")


def without_script(t, site, browser):
	browser.open(script=False)
	browser.sign_in("root", PASSWORD)
	browser.goto("/new/certificate")
	browser.fill(NAMES, "plain.example *.shop.example")
	browser.click("text=Preview")
	t.contains(row(browser, "*.shop.example"), "_acme-challenge.shop.example", "without scripts, a button shows the preview")
	browser.select("#preview select", "plain.example=dns-01")
	browser.click("text=Preview")
	t.contains(row(browser, "plain.example"), "_acme-challenge.plain.example", "where each name's method is chosen")
	t.equal(browser.count("#certificate_add details[open]"), 0, "and what was not touched stays folded")
	browser.click("text=Add and issue")
	t.equal(site.daemon.cert("plain.example")["challenges"], ["plain.example=dns-01", "*.shop.example=dns-01"], "and kept")


def operator(t, browser):
	browser.open()
	browser.sign_in("olga", PASSWORD)
	browser.goto("/new/certificate")
	t.equal(browser.count("[name=hook_set], [name=deploy_hook], summary:text-is('Scripts')"), 0, "who may choose no scripts is not asked for them")
	t.equal(browser.count("[name=server_type]"), 1, "but for the rest")


def missing_script(t):
	site = Site(t, suffix="-2")
	site.daemon.add_user("root", "admin", PASSWORD)
	browser = Browser(t, f"https://localhost:{site.daemon.https_port}")
	browser.sign_in("root", PASSWORD)
	browser.goto("/new/certificate")
	t.contains(browser.text("#preview"), "No script sets DNS records", "no script for DNS records: said at once")
	browser.fill(NAMES, "*.shop.example")
	browser.wait("#preview .note.warn")
	t.contains(browser.text("#preview .note.warn"), "publish the records by hand", "and for a wildcard, with what to do")
	browser.do("check", on="#certificate_add-by_hand")
	browser.wait("#preview .note.ok")
	t.ok(True, "by hand, nothing is missing")
	browser.shot("new-2")


run(main)
