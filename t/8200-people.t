#!/usr/bin/env python3
"""People in a browser: from the link in the log to the first certificate; codes of an app; who may do what; keys after the password."""
import re
import sys
import zipfile
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"


def main(t):
	site = Site(t, account=False, server={"hostname": "certera.example"})
	daemon = site.daemon
	browser = Browser(t, f"https://localhost:{daemon.https_port}")
	first_run(t, site, browser)
	codes = app(t, browser)
	sign_in(t, browser, codes)
	download(t, browser, codes)
	once_more(t, site, browser, codes)
	plan(t, daemon, browser)
	viewer(t, daemon, browser)


def first_run(t, site, browser):
	link = re.search(r"https://\S+(/setup\?token=\S+)", site.daemon.log().decode())
	t.ok(link, "the log has a link to set up")
	browser.goto(link[1])
	t.equal(browser.faults(), [], "the first step has no fault")
	browser.shot("setup-1")
	browser.fill("#setup_begin-name", "root")
	browser.fill("#setup_begin-password", "short")
	browser.click("text=Create administrator")
	t.contains(browser.text(), "12", "a short password is refused")
	browser.fill("#setup_begin-password", PASSWORD)
	browser.fill("#setup_begin-mail", "root@example.org")
	browser.click("text=Create administrator")
	t.contains(browser.text(), "Who signs your certificates?", "the administrator is made, and signed in")
	t.equal(browser.faults(), [], "the second step has no fault")
	browser.shot("setup-2")
	t.equal(browser.eval("document.querySelector('#setup_account [name=ca]').value"), "letsencrypt", "a CA is chosen already")
	t.equal(browser.eval("document.getElementById('setup_account-contact').value"), "root@example.org", "the e-mail address was asked for once")
	browser.click("summary:has-text('Choose a different CA')")
	browser.click("a:text-is('A different CA')")
	t.equal(browser.eval("document.getElementById('setup_account-contact').value"), "root@example.org", "also with a different CA")
	browser.fill("#setup_account-name", "ca")
	browser.fill("#setup_account-directory", site.pebble.directory)
	browser.do("check", on="#setup_account-terms_agreed")
	browser.fill("#setup_account-ca_file", site.pebble.ca_file)
	browser.click("text=Register")
	browser.wait("#setup_certificate-names")
	t.equal(browser.faults(), [], "registered: the third step has no fault")
	browser.shot("setup-3")
	browser.click("nav a:text-is('An account at a CA')")
	t.contains(browser.text(), "The account ca already exists", "one can go back")
	browser.click("nav a:text-is('The first certificate')")
	t.equal(browser.eval("document.getElementById('setup_certificate-names').value"), "certera.example", "and forth; the name of the server is filled in")
	browser.click("text=Order now")
	t.matches(browser.do("where")["url"], "/setup$", "ordered: the setup goes on")
	browser.wait("h2:text-is('All set')")
	t.equal(browser.faults(), [], "issued, by itself: the last step has no fault")
	browser.shot("setup-4")
	browser.click("text=To the overview")
	t.matches(browser.do("where")["url"], "/overview$", "issued, and on to the overview")
	t.equal(site.daemon.cert("certera.example")["status"], "active", "it is in force")
	t.equal(browser.goto("/setup")["status"], 404, "setting up is over")
	t.equal(browser.goto(link[1])["status"], 404, "and its link leads nowhere")


def code(secret):
	return run_command("oathtool", "--totp", "-b", secret).stdout.decode().strip()


def app(t, browser):
	browser.goto("/me")
	browser.click("text=Set up an authenticator app")
	if "Confirm that it is you" in browser.text():
		browser.fill("#confirm-password", PASSWORD)
		browser.click("main button")
		browser.goto("/me")
		browser.click("text=Set up an authenticator app")
	secret = browser.text(".secret").replace(" ", "")
	t.matches(secret, r"^[A-Z2-7]{16,}$", "an app is shown a secret")
	t.equal(browser.count("svg[role=img] path"), 1, "as a QR code, too")
	t.equal(browser.faults(), [], "the page has no fault")
	browser.shot("totp")
	browser.fill("#totp_confirm-code", "000000")
	browser.click("text=Turn on")
	t.contains(browser.text(".note.bad"), "code", "a wrong code is refused")
	browser.fill("#totp_confirm-code", code(secret))
	browser.click("text=Turn on")
	t.equal(browser.count(".secret"), 10, "the right one turns it on: ten recovery codes")
	t.equal(browser.faults(), [], "their page has no fault")
	return browser.eval("[...document.querySelectorAll('.secret')].map((c) => c.textContent)")


def sign_in(t, browser, codes):
	browser.open()
	t.matches(browser.goto("/certificates")["url"], r"/sign-in\?next=", "who is not signed in is asked to")
	browser.sign_in("root", PASSWORD)
	t.contains(browser.text(), "code", "the password alone is not enough")
	t.matches(browser.sign_in("root", PASSWORD, codes[0]), "/overview$", "a recovery code is")
	browser.click("button.self")
	browser.click("text=Sign out")
	t.matches(browser.goto("/overview")["url"], "/sign-in", "signed out")


def download(t, browser, codes):
	browser.sign_in("root", PASSWORD, codes[1])
	browser.goto("/me/confirm?next=/certificates/certera.example/settings")
	browser.fill("#confirm-password", "wrong horse battery")
	browser.fill("#confirm-code", codes[2])
	browser.click("main button")
	t.equal(browser.count(".note.bad"), 1, "the password once more: a wrong one is refused")
	browser.fill("#confirm-password", PASSWORD)
	browser.fill("#confirm-code", codes[2])
	t.matches(browser.click("main button"), "/certificates/certera.example/settings$", "the right one leads on to where it was wanted")
	browser.click("summary:has-text('Download')")
	browser.select("#certificate_export-format", "zip")
	file = browser.do("download", on="button:has-text('Download')")
	t.equal(file["name"], "certera.example.zip", "the file is saved under the certificate's name")
	t.contains(" ".join(zipfile.ZipFile(file["path"]).namelist()), "private.key", "with its key")


def once_more(t, site, browser, codes):
	"""The password is wanted anew where the form is; what was typed there is not lost."""
	site.daemon.stop()
	site.daemon.begin()	# the keeper has forgotten who gave it
	browser.goto("/new/user")
	browser.fill("#user_add-name", "carol")
	browser.click("main form button")
	t.equal(browser.count("#user_add-_password"), 1, "a new user wants the password once more, in the form itself")
	t.equal(browser.eval("document.getElementById('user_add-name').value"), "carol", "where what was typed still is")
	t.equal(browser.faults(), [], "on a page without fault")
	browser.shot("password-in-form")
	browser.fill("#user_add-_password", PASSWORD)
	browser.fill("#user_add-_code", codes[3])
	browser.click("main form button")
	t.contains(browser.text(), "Save it now", "then the user is made")


def plan(t, daemon, browser):
	daemon.ctl("plan", "add", "small", "--certificates", "1", "--domains", "alice.example")
	daemon.add_user("alice", "operator", PASSWORD, plan="small")
	browser.open()
	browser.sign_in("alice", PASSWORD)
	for name, names, said in (("one", "www.alice.example", "cak_"), ("two", "www.alice.example", "plan"), ("three", "bob.example", "plan")):
		browser.goto("/new/certificate")
		browser.fill("#certificate_add-name", name)
		browser.fill("#certificate_add-names", names)
		browser.click("text=Add and issue")
		t.contains(browser.text(), said, f"a user with a plan adds {name}: {said}")
	browser.goto("/certificates")
	t.ok(browser.count("text=one") and not browser.count("td >> text=site"), "and sees only what is his own")
	t.equal(browser.goto("/certificates/certera.example")["status"], 404, "not even that there is another")
	t.equal(browser.goto("/users")["status"], 403, "nor who else there is")


def viewer(t, daemon, browser):
	daemon.add_user("victor", "viewer", PASSWORD)
	browser.open()
	browser.sign_in("victor", PASSWORD)
	browser.goto("/certificates/certera.example")
	t.equal(browser.count("main form"), 0, "a viewer is offered nothing to do")
	t.equal(browser.count("text=New certificate"), 0, "neither here")
	t.equal(browser.faults(), [], "and the page has no fault")
	token = "document.querySelector('input[name=_csrf]').value"
	for path in ("/certificates/certera.example/issue", "/keys", "/api/v1/certificates/certera.example/revoke"):
		status = browser.eval(f"fetch('{path}', {{ method: 'POST', headers: {{ 'X-CSRF-Token': {token} }} }}).then((r) => r.status)")
		t.equal(status, 403, f"and may not: {path}")
	t.equal(browser.goto("/new/key")["status"], 403, "no form either")


run(main)
