#!/usr/bin/env python3
"""Buttons that stop something, in a browser: a dialog over the page, or the same as a page without scripts; then the status line and Undo."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"


def main(t):
    site = Site(t)
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example")
    daemon.ctl("cert", "reissue", "shop")
    until("a second version is in force", lambda: daemon.cert("shop")["current"] == 2)
    key = daemon.ctl("apikey", "rotate", "cert", "shop", "1", "--yes")["api_key"]
    fetch(f"https://127.0.0.1:{daemon.https_port}/api/certificate/shop?format=bundle", headers={"apiKey": key})
    until("the download is noted", lambda: daemon.api("GET", "/certificates/shop/apikeys/1")[1]["used"])
    daemon.ctl("token", "add", "ci", "--role", "viewer")
    daemon.add_user("root", "admin", PASSWORD)
    browser = Browser(t, f"https://localhost:{daemon.https_port}")
    for script in (True, False):
        how = f"({'with' if script else 'without'} scripts)"
        browser.open(script=script)
        browser.sign_in("root", PASSWORD)
        rotate(t, browser, script, how)
        roll_back(t, daemon, browser, script, how)
    for theme, width in (("light", 1440), ("dark", 1440), ("light", 375), ("light", 768)):
        browser.open(theme=theme, width=width)
        browser.sign_in("root", PASSWORD)
        looks(t, browser, f"{theme}-{width}")


def rotate(t, browser, script, how):
    browser.goto("/certificates/shop/install?staging=false")
    browser.click("text=Replace key 1")
    if script:
        browser.wait("dialog[open]")
    t.equal((browser.count("dialog[open]"), browser.do("where")["url"].endswith("/apikeys/1?staging=false")), (1, False) if script else (0, True),
        f"the question is a dialog where there are scripts, else a page {how}")
    t.contains(browser.text("dialog" if script else "main"), "127.0.0.1", f"it names the server that stops {how}")
    browser.click("text=Cancel")
    until("the dialog is gone", lambda: not browser.count("dialog"))
    t.equal((browser.count("dialog"), browser.do("where")["url"].endswith("/certificates/shop/install?staging=false")), (0, True), f"Cancel leads back {how}")
    if script:
        browser.click("text=Replace key 1")
        browser.wait("dialog[open]")
        browser.press("Escape")
        until("the dialog is gone", lambda: not browser.count("dialog"))
        t.equal((browser.count("dialog"), browser.eval("document.activeElement.textContent")), (0, "Replace key 1 (server)"), "so does Escape, to where one was")
    browser.click("text=Replace key 2")
    if script:
        browser.wait("dialog[open]")
    t.matches(browser.click("button:has-text('Replace the API key')"), "/shown/", f"two actions, and the new key is there {how}")
    first = browser.text(".secret")
    browser.do("reload")
    t.equal(browser.text(".secret"), first, f"after a reload it is the same {how}")
    t.matches(browser.click("text=Saved, continue"), "/certificates/shop", f"and on to the certificate {how}")


def roll_back(t, daemon, browser, script, how):
    other = daemon.cert("shop")["current"]
    browser.goto("/certificates/shop/history?staging=false")
    browser.click("text=Roll back")
    if script:
        browser.wait("dialog[open]")
    browser.click("button:has-text('Put it in force')")
    browser.wait(".said")
    t.matches(browser.text(".said"), f"Version {3 - other} of shop is in force", f"two actions to roll back; the page says it {how}")
    t.equal(daemon.cert("shop")["current"], 3 - other, f"and it is so {how}")
    browser.click("text=Undo")
    browser.wait(".said")
    t.equal(daemon.cert("shop")["current"], other, f"a third undoes it {how}")
    browser.do("reload")
    t.equal((browser.count(".said"), daemon.cert("shop")["current"]), (0, other), f"a reload neither says nor does it again {how}")


def looks(t, browser, name):
    for path in ("/certificates/shop/apikeys/1?staging=false", "/certificates/shop/rollback/1?staging=false", "/certificates/shop/key-download/off?staging=false",
            "/certificates/shop/disable?staging=false", "/tokens/ci", "/users/root/disable"):
        browser.goto(path)
        browser.shot("guard-" + path.split("?")[0].strip("/").replace("/", "-") + "-" + name)
    browser.goto("/certificates/shop/install?staging=false")
    browser.click("text=Replace key 1")
    browser.wait("dialog[open]")
    t.equal(browser.faults(), [], f"the dialog has no fault ({name})")
    browser.shot("dialog-" + name, full=False)
    browser.click("text=Cancel")
    browser.goto("/plans")
    browser.fill("#plan_add-name", "p" + name)
    browser.click("button:has-text('Add')")
    browser.wait(".said")
    t.equal(browser.faults(), [], f"nor has the status line ({name})")
    browser.shot("said-" + name, full=False)


run(main)
