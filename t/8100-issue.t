#!/usr/bin/env python3
"""A certificate from the form to its end, in a browser: preview, live progress, failure, revocation, roll back, removal.

All of it again without JavaScript; and the keyboard alone suffices.
"""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"


def main(t):
	site = Site(t, pebble={"sleep": 2})
	site.pebble.names.tell("add-a", host="broken.example.", addresses=["127.0.0.9"])
	site.daemon.add_user("root", "admin", PASSWORD)
	browser = Browser(t, f"https://localhost:{site.daemon.https_port}")
	for script in (True, False):
		how = "with" if script else "without"
		name = "shop" if script else "plain"
		browser.open(script=script)
		browser.sign_in("root", PASSWORD)
		wrong(t, browser, how)
		issue(t, site, browser, name, script, how)
		failure(t, browser, name + "-broken", script, how)
		versions(t, site, browser, name, script, how)
		revoke(t, site, browser, name, script, how)
		remove(t, browser, name, how)
	keyboard(t, site, browser)


def until_there(browser, on, script):
	"""With scripts the page comes by itself; without, it asks to be loaded again."""
	if script:
		return browser.wait(on)
	return until(f"{on} is there", lambda: browser.count(on) or browser.do("reload").get("nothing"), 60, every=0.5)


def add(browser, name, names):
	browser.goto("/new/certificate")
	browser.fill("#certificate_add-name", name)
	browser.fill("#certificate_add-names", names)


def wrong(t, browser, how):
	add(browser, "a b<\"'>", "x.example")
	browser.click("text=Add and issue")
	t.equal(browser.count("#certificate_add-name[aria-invalid=true]"), 1, f"a wrong name is marked ({how} scripts)")
	typed = browser.eval("[...document.querySelectorAll('#certificate_add-name, #certificate_add-names')].map((f) => f.value).sort()")
	t.equal(typed, ["a b<\"'>", "x.example"], "and what was typed is still there")
	t.contains(browser.text(".note.bad"), "\"a b<\"'>\" cannot be a name", "with a sentence about it")


def issue(t, site, browser, name, script, how):
	add(browser, name, f"{name}.example")
	browser.click("text=Preview")
	t.contains(browser.text("#preview"), f"http://{name}.example/.well-known/acme-challenge/", f"a preview says how it is proved ({how} scripts)")
	browser.click(f"text=Add www.{name}.example")
	t.contains(browser.text("#preview table"), f"www.{name}.example", "and adds the name beside it at a click")
	t.equal(sorted(browser.eval("document.getElementById('certificate_add-names').value.split('\\n')")), [f"{name}.example", f"www.{name}.example"], "to what was typed")
	t.matches(browser.click("text=Check the web servers now"), r"/checks/\w+$", "and its web servers can be checked before")
	if script:	# axe is one itself
		browser.wait("main:not(:has([data-live]))")	# else the page changes under axe
		t.equal(browser.faults(), [], "on a page without fault")
	add(browser, name, f"{name}.example")
	browser.click("text=Add and issue")
	t.matches(browser.text(), r"cak_\S{20}", "its API keys are shown")
	browser.click("text=Saved, continue")
	until_there(browser, ".pill.active", script)
	t.equal(site.daemon.cert(name)["status"], "active", "it is issued")
	t.contains(browser.text("#main"), "1, issued", "and the page shows its version, without anything done")
	t.equal(browser.count("[data-live]"), 0, "nothing more is awaited")


def failure(t, browser, name, script, how):
	add(browser, name, "broken.example")
	browser.click("text=Add and issue")
	browser.click("text=Saved, continue")
	until_there(browser, ".note.failed", script)
	said = browser.text("#state")
	t.ok("port 80 of every address" in said and "Next attempt" in said, f"a failure says what to do and what next ({how} scripts)", said)
	browser.click("summary:has-text('What the CA said')")
	t.contains(browser.text("#state"), "connection refused", "and, folded, why")
	browser.goto("/overview")
	t.contains(browser.text("main"), name, "the overview has it first")


def versions(t, site, browser, name, script, how):
	browser.goto(f"/certificates/{name}")
	browser.click("text=Renew now")
	site.daemon.wait_for_cert(name, lambda c: c["current"] == 2, "it is renewed")
	until_there(browser, "dd:has-text('2, issued')", script)
	browser.goto(f"/certificates/{name}/history")
	browser.click("text=Roll back")
	browser.wait("#certificate_rollback")
	browser.click("#certificate_rollback button")
	t.equal(site.daemon.cert(name)["current"], 1, f"an older version is put in force again ({how} scripts)")
	t.equal(browser.count("text=Roll back"), 1, "and the page shows that")


def revoke(t, site, browser, name, script, how):
	browser.goto(f"/certificates/{name}/settings")
	browser.click(".dangers a:has-text('Revoke')")
	browser.wait("#certificate_revoke-reason")
	browser.select("#certificate_revoke-reason", "superseded")
	browser.fill("#certificate_revoke-_confirm", "something else")
	browser.click("button:has-text('Revoke the version')")
	t.equal(browser.count("#certificate_revoke-_confirm[aria-invalid=true]"), 1, f"revoking wants the name typed ({how} scripts)")
	t.equal(site.daemon.cert(name)["status"], "active", "and has not happened")
	browser.fill("#certificate_revoke-_confirm", name)
	browser.click("button:has-text('Revoke the version')")
	until_there(browser, ".head .pill.revoked", script)
	t.equal(site.daemon.cert(name)["status"], "revoked", "with it, it is revoked, and the page says so")


def remove(t, browser, name, how):
	browser.goto(f"/certificates/{name}/settings")
	browser.click(".dangers a:has-text('Remove')")
	browser.wait("#certificate_delete-_confirm")
	browser.fill("#certificate_delete-_confirm", name)
	t.matches(browser.click("button:has-text('Remove the certificate')"), "/certificates$", f"removed: the list is next ({how} scripts)")
	t.equal(browser.goto(f"/certificates/{name}")["status"], 404, "it is gone")


def tab_to(browser, wanted, most=120):
	"""Forward, key by key, to the element with this id or text."""
	focused = "document.activeElement.id || document.activeElement.textContent.trim()"
	for _ in range(most):
		if browser.eval(focused) == wanted:
			return
		browser.press("Tab")
	raise RuntimeError(f"Tab never comes to {wanted}")


def keyboard(t, site, browser):
	browser.open()
	browser.goto("/sign-in")
	for field, typed in (("sign_in-name", "root"), ("sign_in-password", PASSWORD)):
		tab_to(browser, field)
		browser.do("type", value=typed)
	browser.press("Enter")
	browser.wait("#menu")
	browser.press("Tab")
	t.equal(browser.eval("document.activeElement.textContent"), "Skip to the content",
		"the keyboard alone: signed in, and the first stop skips the menu")
	browser.press("Enter")
	t.equal(browser.eval("document.activeElement.id"), "main", "to the content")
	tab_to(browser, "New certificate")
	browser.press("Enter")
	browser.wait("#certificate_add-name")
	for field, typed in (("certificate_add-name", "keys"), ("certificate_add-names", "keys.example")):
		tab_to(browser, field)
		browser.do("type", value=typed)
	tab_to(browser, "Add and issue")
	browser.press("Enter")
	browser.wait("text=Saved, continue")
	site.daemon.wait_for_cert("keys", lambda c: c["status"] == "active")
	t.ok(True, "a certificate is added and issued")
	browser.goto("/certificates/keys/settings")
	tab_to(browser, "Revoke", 200)
	browser.press("Enter")
	browser.wait("dialog[open]")
	tab_to(browser, "certificate_revoke-_confirm")
	browser.do("type", value="keys")
	browser.press("Enter")
	browser.wait(".head .pill.revoked")
	t.equal(site.daemon.cert("keys")["status"], "revoked", "and revoked, its name typed to confirm")
	browser.goto("/certificates")
	tab_to(browser, "search")
	browser.do("type", value="nosuch")
	browser.press("Enter")
	browser.wait("text=Nothing found")


run(main)
