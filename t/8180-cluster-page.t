#!/usr/bin/env python3
"""A cluster in a browser: in the menu and the search, a page of its own with all servers, leaving and joining with what follows; and how it looks."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "correct horse battery"


def main(t):
    cluster = Cluster(t, Etcd(t, count=1), count=2)
    first = cluster.leader()
    other = cluster.others(first)[0]
    first.add_user("root", "admin", PASSWORD)
    cluster.wait_until_equal()
    names = {node: cluster.state(node)["name"] for node in (first, other)}
    browser = Browser(t, f"https://localhost:{first.https_port}")
    for theme, width in (("light", 1440), ("dark", 1440), ("light", 768), ("light", 375), ("dark", 375)):
        browser.open(theme=theme, width=width)
        browser.sign_in("root", PASSWORD)
        for path in ("/cluster", "/system", "/cluster/leave") if (theme, width) == ("light", 1440) else ("/cluster",):
            browser.goto(path)
            t.equal(browser.faults(), [], f"{path}: no fault ({theme}, {width})")
            t.equal(browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, f"{path} is not wider than the window ({width})")
            browser.shot(f"cluster-{theme}-{width}{path.replace('/', '-')}")
    browser.open()
    browser.sign_in("root", PASSWORD)
    browser.click("#menu a:has-text('Cluster')")
    shown = browser.text("main")
    t.ok(f"This server is {names[first]}: leader." in shown and names[other] in shown and "follower" in shown, "the menu leads to all servers with their roles", shown)
    browser.press("/")
    browser.do("type", value="cluster")
    browser.wait("dialog .results a:has-text('Cluster')")
    t.equal(browser.count("dialog .results a[href='/cluster']"), 1, "so does the search")
    leave_and_join(t, browser, cluster, other, names)


def leave_and_join(t, browser, cluster, node, names):
    browser.base = f"https://localhost:{node.https_port}"
    browser.open()
    browser.sign_in("root", PASSWORD)
    browser.goto("/cluster")
    browser.click("text=Leave the cluster")
    browser.wait("dialog[open]")
    t.contains(browser.text("dialog"), f"{names[node]} keeps its store as it is now, and gets no further changes.", "leaving: what follows, in a dialog")
    browser.click("dialog button:has-text('Leave the cluster')")
    until("it has left", lambda: cluster.state(node)["role"] == "not a member", 20)
    browser.goto("/cluster")
    t.ok(browser.count("a:has-text('Join the cluster')") == 1 and browser.count("a:has-text('Leave the cluster')") == 0, "then it can join", browser.text("main"))
    browser.click("a:has-text('Join the cluster')")
    browser.wait("dialog[open]")
    t.contains(browser.text("dialog"), f"replaces the store of {names[node]}", "joining: what follows")
    browser.click("dialog button:has-text('Replace the store and join')")
    until("it ends, to start with the copy", lambda: not node.running(), 20)
    node.wait()
    node.begin()
    until("it is in the cluster again", lambda: cluster.state(node)["role"] == "follower", 20)
    t.ok(True, "then it starts again with a copy, and follows")


run(main)
