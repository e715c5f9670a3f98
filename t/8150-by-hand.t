#!/usr/bin/env python3
"""Order, publish, verify: the page of a certificate looks by itself while it is open, says what it found, and issues."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t)
    daemon = site.daemon
    daemon.configure(preflight={"enabled": True, "port": site.nginx.port, "resolvers": f"127.0.0.1:{site.pebble.names.port}"})
    daemon.reload()
    daemon.add_user("root", "admin", PASSWORD)
    browser = Browser(t, f"https://localhost:{daemon.https_port}")
    browser.sign_in("root", PASSWORD)
    browser.goto("/new/certificate")
    browser.fill("#certificate_add-name", "hand")
    browser.fill("#certificate_add-names", "hand.example")
    browser.click("#certificate_add-by_hand")
    browser.click("text=Add and issue")
    browser.click("text=Saved, continue")
    browser.wait("text=Publish this, then verify")
    browser.wait("#found .pill.missing")
    t.contains(browser.text("#found"), "does not show its content", "without a click, the page says what it found")
    t.equal(browser.faults(), [], "and is as it should be")
    one = daemon.cert("hand")["order"]["todo"][0]
    t.contains(browser.text("#state"), one["content"], "what to publish is there")
    looks = daemon.cert("hand")["order"]["looks"]
    until("it looks again", lambda: daemon.cert("hand")["order"]["looks"] > looks)
    site.nginx.configure(f"location = /{one['url'].split('/', 3)[3]} {{ return 200 {one['content']}; }}")
    site.nginx.stop()
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    browser.wait(".head .pill.active")
    t.equal(daemon.cert("hand")["current"], 1, "published: it is issued, and the page shows that without a click")


run(main)
