#!/usr/bin/env python3
"""What is pressed is 24 px high and wide, and nothing is cut off, on every page, on a desk and on a phone (links in sentences are exempt); texts are copied in the line.

Measured in Chromium, with everything unfolded that is folded.  Each page at one of the two widths; SOAK=1 (`make soak`): at both.
"""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"
FOR = {"certificates": "shop", "keys": "shop", "accounts": "ca", "users": "root", "plans": "small", "tokens": "ci", "channels": "ops", "outbox": "ops", "secrets": "mail.password",
    "key-download": "off"}
MORE = ["/new/account?ca=zerossl", "/new/account?ca=other", "/new/channel?kind=email", "/search?q=shop", "/help?topic=deploy", "/certificates/shop/history?from=1&to=2"]

MEASURE = """(() => {
	const small = [];
	for (const fold of document.querySelectorAll("main details"))
		fold.open = true;
	const in_sentence = (e, style) => e.matches("a") && style.display === "inline" &&
		e.closest("p, li, dd, dt, td, label, legend, h1, h2, span").textContent.trim() !== e.textContent.trim();
	for (const e of document.querySelectorAll("a[href]:not(svg a), button, input:not([type=hidden]), select, textarea, summary")) {
		const box = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (!box.width || !box.height || style.visibility === "hidden" || e.closest("[hidden], .skip, .unseen") || in_sentence(e, style))
			continue;
		if (box.width < 23.9 || box.height < 23.9)
			small.push(`${e.tagName} ${e.className} "${(e.textContent || e.name || "").trim().slice(0, 30)}" ${box.width.toFixed(1)} x ${box.height.toFixed(1)}`);
	}
	/* Nor is anything cut off below: what is higher than its place, and cannot be scrolled. */
	for (const e of document.querySelectorAll("body *:not(textarea, select, svg, svg *, pre)")) {
		const over = e.scrollHeight - e.clientHeight;
		if (e.clientHeight && over > 3 && over < 40 && getComputedStyle(e).overflowY !== "visible" && !e.closest(".unseen, [hidden], thead, .drop"))
			small.push(`${e.tagName} ${e.className} is cut off by ${over}`);
	}
	return small;
})()"""


def pages():
    with open(os.path.join(TOP, "webui", "routes.def")) as f:
        rows = re.findall(r'^ROUTE\(GET,\s*"([^"]+)",\s*\w+,\s*\w+,\s*\w+,\s*"([^"@]+)"\)', f.read(), re.M)
    for path, _ in rows:
        parts = path.removeprefix("/api/v1").split("/")
        for i, part in enumerate(parts):
            if part.startswith(":"):
                parts[i] = FOR.get(parts[i - 1], "1")
        yield "/".join(parts)
    yield from MORE


def main(t):
    site = Site(t, mail={"host": "localhost", "port": 1, "from": "certera@example.org"})
    daemon = site.daemon
    fill(t, site)
    daemon.add_user("root", "admin", PASSWORD)
    browser = Browser(t, f"https://localhost:{daemon.https_port}")
    halves = [[*pages()]] * 2 if os.environ.get("SOAK") else [[*pages()][i::2] for i in (0, 1)]
    for width, asked in zip((1440, 375), halves):
        browser.open(width=width)
        browser.sign_in("root", PASSWORD)
        small, count = {}, 0
        for page in asked:
            if browser.goto(page)["status"] != 200:
                continue
            count += 1
            found = browser.eval(MEASURE)
            if found:
                small[page] = found
        t.ok(not small and count > len(asked) * 0.7, f"{count} pages {width} px wide: nothing that is pressed is smaller than 24 px, nothing is cut off", small)
    browser.open()
    browser.sign_in("root", PASSWORD)
    copies(t, daemon, browser)


def fill(t, site):
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example www.shop.example", tag="web")
    daemon.ctl("cert", "reissue", "shop")
    site.pebble.names.tell("add-a", host="broken.example.", addresses=["127.0.0.9"])
    daemon.add_cert("broken", "broken.example", wait=False)
    daemon.ctl("site", "add", f"127.0.0.1:{daemon.https_port}")
    tracked = daemon.wait_until("it is scanned", lambda: (s := daemon.ctl("site", "list")["sites"][0])["scanned"] and s)
    FOR["sites"] = tracked["id"]
    daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--url-file", t.write("url", "http://127.0.0.1:1/"))
    daemon.run_ctl("channel", "test", "ops")
    daemon.ctl("plan", "add", "small", "--certificates", "2")
    daemon.ctl("token", "add", "ci", "--role", "viewer")
    until("a second version is in force", lambda: daemon.cert("shop")["current"] == 2)


def copies(t, daemon, browser):
    version = daemon.cert("shop")["in_force"]
    for page, what, text in (("/certificates/shop", "serial number", version["serial"]), ("/certificates/shop", "fingerprint", version["fingerprint"]), ("/certificates/shop", "name", "www.shop.example"),
            ("/accounts/ca", "account URL", daemon.ctl("account", "show", "ca")["kid"]), ("/certificates", "name", "shop"), ("/keys", "name", "shop"), ("/tokens", "name", "ci"),
            ("/certificates/shop/history", "serial number", version["serial"])):
        browser.goto(page)
        on = f'.copy-line[aria-label="Copy {what} {text}"]'
        t.ok(browser.count(on) >= 1, f"{page}: {what} has a button that copies it")
        browser.eval("(navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }, true)")
        browser.eval(f"(document.querySelector('{on}').focus(), true)")
        browser.press("Enter")
        t.equal((browser.eval("window.copied"), browser.eval("document.getElementById('copied').textContent")), (text, "Copied"), "by the keyboard, and says so")
    browser.open(script=False)
    browser.sign_in("root", PASSWORD)
    browser.goto("/certificates/shop")
    t.equal((browser.count(".copy-line"), browser.count("[data-copy]") > 3), (0, True), "without scripts there are none")


run(main)
