#!/usr/bin/env python3
"""Activity, Tools, System and the API's description in a browser: filters and exports, decoding, a backup; with and without scripts."""
import csv
import io
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"


def main(t):
    site = Site(t)
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example www.shop.example")
    daemon.add_user("root", "admin", PASSWORD)
    browser = Browser(t, f"https://localhost:{daemon.https_port}")
    for script in (True, False):
        how = f"({'with' if script else 'without'} scripts)"
        browser.open(script=script)
        browser.sign_in("root", PASSWORD)
        activity(t, browser, how)
        tools(t, daemon, browser, how)
        system(t, daemon, browser, script, how)
        description(t, browser, how)


def activity(t, browser, how):
    browser.goto("/events")
    browser.fill("#search", "version 1 issued")
    browser.click("form.search button:has-text('Search')")
    t.equal(browser.count("tbody tr"), 1, f"a search finds one event {how}")
    t.equal(browser.eval("document.querySelector('#search').value"), "version 1 issued", "and keeps what was typed")
    t.equal(browser.eval("document.querySelector('td a').getAttribute('href')"), "/certificates/shop", "it leads to the certificate")
    link = browser.eval("document.querySelector('.head a').getAttribute('href')")
    t.ok("search=version%201%20issued" in link and "format=csv" in link, "the export has the same filter", link)
    text = browser.eval("fetch(document.querySelector('.head a').href).then((r) => r.text())")
    rows = list(csv.reader(io.StringIO(text)))
    t.equal([len(rows), rows[1][4]], [2, "certificate.issued"], "as CSV")
    events = browser.eval("fetch(document.querySelectorAll('.head a')[1].href).then((r) => r.json())")["events"]
    t.equal([e["action"] for e in events], ["certificate.issued"], "as JSON")
    browser.goto("/events?search=nosuchthing")
    t.contains(browser.text(".empty"), "Nothing found", "nothing is said to be nothing")


def tools(t, daemon, browser, how):
    browser.goto("/tools")
    browser.fill("textarea[name=file]", daemon.ctl("cert", "export", "shop")["pem"])
    browser.click("button:has-text('Decode')")
    t.contains(browser.text(), "No problems found", f"a chain is decoded {how}")
    t.contains(browser.text(".facts"), "www.shop.example", "with its names")
    browser.goto("/tools")
    browser.fill("textarea[name=file]", "not a certificate")
    browser.click("button:has-text('Decode')")
    t.equal(browser.count("[aria-invalid=true]") > 0, True, "nonsense is marked")
    t.equal(browser.eval("document.querySelector('textarea[name=file]').value"), "not a certificate", "and still there")


def system(t, daemon, browser, script, how):
    def there(words):
        return lambda: words in browser.text("#state") or (not script and browser.do("reload").get("nothing"))
    browser.goto("/system")
    t.contains(browser.text("main"), "Scheduled tasks run in time", f"health {how}")
    browser.click("text=Check now")
    until("the check has ended", there("events verified"), 60, every=0.5)
    t.ok(daemon.api("GET", "/verify")[1]["actor"] == "root", "a check by a click, under its own name")
    browser.goto("/system")
    browser.click("text=Back up now")
    browser.fill("#backup-directory", "relative")
    browser.click("button >> text=Back up now")
    t.equal(browser.count("#backup-directory[aria-invalid=true]"), 1, "a path that is none is marked")
    place = f"{daemon.state}/backups/copy-{script}"
    browser.fill("#backup-directory", place)
    browser.click("button >> text=Back up now")
    until("the backup has ended", there(place), 60, every=0.5)
    t.ok(os.path.exists(place + "/data.mdb"), "a backup by a click")


def description(t, browser, how):
    browser.goto("/description")
    t.ok(browser.count("details") > 60, f"every call is described {how}", browser.count("details"))
    browser.click("#POST-page_cert_add > summary")
    t.contains(browser.text("#POST-page_cert_add"), "-d '{\"account\": \"...\"}'", "with an example")


run(main)
