#!/usr/bin/env python3
"""A failure is a recipe: what, where, what to do on which web server; when that is done, the page issues by itself.

Then it is put on a server with the lines of the page, which says which server has downloaded it; versions are compared.
"""
import os
import ssl
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"
RULE = "location ^~ /.well-known/acme-challenge/"


def main(t):
	world = BrokenServers(t, "shop", "plain")
	world.daemon.add_user("root", "admin", PASSWORD)
	browser = Browser(t, f"https://localhost:{world.daemon.https_port}")
	for name in ("shop", "plain"):
		world.order(name)
	browser.sign_in("root", PASSWORD)
	recipe(t, world, browser)
	fixed(t, world, browser)
	without_script(t, world, browser)
	added(t, world, browser)
	compared(t, world, browser)


def recipe(t, world, browser):
	browser.goto("/certificates/shop")
	said = browser.text("#state")
	t.contains(said, "The web server does not send the challenge to Certera", "a failure says what is wrong")
	where = browser.text("#checked tbody tr")
	t.ok("shop.example" in where and "127.0.0.2" in where and "answers 404 itself" in where, "and where", where)
	t.equal(said.count("answers 404 itself"), 1, "once")
	t.equal(browser.eval("document.querySelector('.tabs input:checked + label').textContent"), "nginx", "the web server's own rule is shown")
	t.ok(RULE in said and "return 302 http://localhost$request_uri" in said, "word for word, with this server's name", said)
	shown = "[...document.querySelectorAll('.recipe .tab')].filter((tab) => tab.checkVisibility()).length"
	for server, line in (("Caddy", "redir /.well-known/acme-challenge/*"), ("Apache", "Redirect 302 /.well-known/acme-challenge/"), ("HAProxy", "http-request redirect prefix"),
			("IIS", "<httpRedirect"), ("DNS", "_acme-challenge.shop.example")):
		browser.click(f".tabs label:text-is('{server}')")
		t.ok(line in browser.text(".recipe .tab:visible") and browser.eval(shown) == 1, f"a tab has that of {server}")
	t.ok(browser.count(".recipe .tab:visible .copier"), "a button copies it")
	t.equal(browser.faults(), [], "on a page without fault")
	browser.shot("failure-light")


def fixed(t, world, browser):
	orders = world.pebble.orders()
	address = browser.do("where")["url"]
	before = checked(world)
	until("it is looked at again", lambda: checked(world) > before, 60)
	t.equal(world.pebble.orders(), orders, "while the page is open it is checked again, and the CA is not asked")
	t.equal(browser.eval("document.querySelector('.tabs input:checked + label').textContent"), "DNS", "the tab that was chosen stays")
	world.repair("shop")
	browser.wait(".head .pill.active")
	t.equal(browser.do("where")["url"], address, "the web server is right: it is issued, and nobody has left the page")
	t.equal(browser.count(".recipe"), 0, "nothing is to be done any more")
	t.equal(len([e for e in events(world, "shop", "certificate.issue") if "ready now" in e["message"]]), 1, "the audit log says why")
	t.equal(browser.faults(), [], "without fault")
	browser.shot("failure-fixed")


def checked(world):
	return world.daemon.ctl("cert", "show", "shop")["check"]["time"]


def events(world, name, action):
	return world.daemon.api("GET", "/events", object=name, action=action)[1]["events"]


def without_script(t, world, browser):
	browser.open(script=False)
	browser.sign_in("root", PASSWORD)
	browser.goto("/certificates/plain")
	browser.click(".tabs label:text-is('Caddy')")
	t.contains(browser.text(".recipe .tab:visible"), "redir /.well-known/acme-challenge/*", "without scripts: the tabs change")
	world.repair("plain")
	browser.click("button:has-text('Check again')")
	until("it is issued", lambda: browser.count(".head .pill.active") or browser.do("reload").get("nothing"), 60, every=0.5)
	t.equal(world.daemon.cert("plain")["status"], "active", "and one press checks, and issues")


def added(t, world, browser):
	browser.open()
	browser.sign_in("root", PASSWORD)
	browser.goto("/new/certificate")
	browser.fill("#certificate_add-name", "web")
	browser.fill("#certificate_add-names", "web.example")
	browser.click("text=Add and issue")
	t.ok(browser.count("#put .tabs input"), "behind a new certificate: what to paste, by type of server")
	browser.click("#put label:text-is('HAProxy')")
	lines = browser.text("#put .tab:visible pre")
	keys = browser.eval("[...document.querySelectorAll('.secret')].map((s) => s.textContent)")
	t.ok(keys[0] in lines and keys[2] in lines and f"-s https://localhost:{world.daemon.https_port}" in lines and "haproxy.pem" in lines,
		"with this server's address, the names and the first key of each in it", lines)
	t.lacks(lines, keys[1], "the spare is not")
	Nginx(t, world.here, name="web", port=world.port, address="127.0.0.9")
	world.names.tell("add-a", host="web.example.", addresses=["127.0.0.9"])
	world.daemon.ctl("cert", "issue", "web")
	world.daemon.wait_for_cert("web", lambda c: c["status"] in ("active", "undelivered"))
	browser.wait("#fetched:has-text('No server has downloaded version 1')")
	t.ok(True, "the page waits for a download")
	paste(t, world, lines)
	browser.wait("#fetched .pill.ok:has-text('has downloaded it')")
	t.contains(browser.text("#fetched"), "127.0.0.1", "and says who has it")
	t.contains(browser.text(".secret"), "cak_", "the keys are still there")
	browser.shot("added")


def paste(t, world, lines):
	"""Where this test may write, as the server whose certificate is trusted by hand, and without the reload."""
	root, place = t.write("root.pem", ssl.get_server_certificate(("localhost", world.daemon.https_port))), t.path("server")
	for folder in ("ssl", "cron.hourly", "bin"):
		os.makedirs(os.path.join(place, folder))
	script = lines.replace("/etc/", place + "/").replace("/usr/local/bin", place + "/bin").replace("systemctl reload haproxy", "true")
	script = script.replace("certera-fetch -s", f"certera-fetch -a {root} -s")
	done = run_command("sh", "-e", "-c", script, env={**os.environ, "CURL_CA_BUNDLE": root, "SSL_CERT_FILE": root})
	t.ok(done.returncode == 0 and os.path.exists(os.path.join(place, "ssl", "web", "haproxy.pem")), "the lines do what they say: script, keys, job of every hour, first download", done)


def compared(t, world, browser):
	world.daemon.ctl("cert", "issue", "web")
	world.daemon.wait_for_cert("web", lambda c: c["current"] == 2)
	browser.goto("/certificates/web/history")
	said = browser.text("#diff")
	t.ok("Serial number" in said and "own private key" in said, "two versions are compared: what differs, and that the key is a new one", said)
	browser.select("#diff-from", "2")
	browser.select("#diff-to", "2")
	browser.click("#diff button")
	t.equal(browser.count("#diff tbody tr"), 0, "those that are alike differ in nothing")
	t.equal(browser.goto("/certificates/web/history?from=7")["status"], 404, "of one that is not there, nothing is shown")
	browser.goto("/certificates/web/history")
	t.contains(browser.text("#activity"), "certificate.issued", "with the certificate's own activity")
	browser.click("text=Roll back")
	browser.wait("#certificate_rollback")
	browser.click("#certificate_rollback button")
	t.equal(world.daemon.cert("web")["current"], 1, "and rolled back with two clicks")


run(main)
