#!/usr/bin/env python3
"""Every page while its templates are worked on (webui.develop), where an unknown name is an error: empty and with everything, for each role; the forms'
errors, and what follows a form.  And on none of them a time as a program writes it."""
import html
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

ROW = re.compile(r'^ROUTE\(GET,\s*"([^"]+)",\s*\w+,\s*(\w+),\s*\w+,\s*"([^"@]+)"\)', re.M)
ROLES = ["GUEST", "VIEWER", "OPERATOR", "ADMIN"]
# What :x of a path is, by what stands before it.
FOR = {"certificates": ["shop", "broken", "byhand", "mine"], "keys": ["shop", "spare", "account-ca"], "accounts": ["ca", "lost"], "users": ["alice", "vera"], "plans": ["small"],
    "tokens": ["ci"], "channels": ["ops", "post"], "outbox": ["ops"], "secrets": ["mail.password", "notify.note"], "key-download": ["on", "off"]}
MORE = {"/new/account": ["?ca=zerossl", "?ca=letsencrypt-staging", "?ca=other"], "/new/channel": ["?kind=email", "?kind=slack", "?kind=webhook"], "/help": ["?search=nginx", "?search=nosuchword", "?topic=cluster"],
    "/search": ["?q=shop", "?q=renew+shop", "?q=nosuch"], "/certificates": ["?search=nosuch"], "/events": ["?search=nosuch", "?object=shop"], "/settings": ["?search=mail"],
    "/certificates/shop/history": ["?from=1&to=2"], "/orders": ["?result=failed"]}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def main(t):
    site = Site(t, webui={"develop": os.path.join(TOP, "webui")}, mail={"host": "localhost", "port": 1, "from": "certera@example.org"})
    daemon = site.daemon
    with open(os.path.join(TOP, "webui", "routes.def")) as f:
        rows = ROW.findall(f.read())
    for name, role, plan in (("alice", "admin", None), ("vera", "viewer", None), ("olga", "operator", None), ("pete", "operator", "small")):
        if plan:
            daemon.ctl("plan", "add", plan)
        add_user(daemon, name, role, **({"plan": plan} if plan else {}), mail=f"{name}@example.org")
    people = {name: Person(daemon) for name in ("alice", "vera", "olga", "pete")}
    for name, person in people.items():
        person.sign_in(name)
    walk(t, people["alice"], rows, "ADMIN", "nothing there yet")
    fill(t, site)
    walk(t, people["alice"], rows, "ADMIN", "an administrator")
    walk(t, people["olga"], rows, "OPERATOR", "an operator")
    walk(t, people["vera"], rows, "VIEWER", "a viewer")
    walk(t, people["pete"], rows, "OPERATOR", "a user with a plan")
    faults(t, people["alice"])
    followed(t, people["alice"])
    walk(t, Person(daemon), rows, "GUEST", "nobody")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def fill(t, site):
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example www.shop.example", note="a note", tag="web")
    daemon.ctl("cert", "reissue", "shop")
    until("a second version is in force", lambda: daemon.cert("shop")["current"] == 2)
    key = daemon.ctl("apikey", "rotate", "cert", "shop", "1", "--yes")["api_key"]
    fetch(f"https://127.0.0.1:{daemon.https_port}/api/certificate/shop?format=bundle", headers={"apiKey": key})
    site.pebble.names.tell("add-a", host="broken.example.", addresses=["127.0.0.9"])
    daemon.add_cert("broken", "broken.example", wait=False)
    daemon.ctl("cert", "add", "byhand", "--names", "byhand.example", "--account", "ca", "--by-hand")
    daemon.wait_for_cert("byhand", lambda c: c["status"] == "waiting")
    daemon.ctl("cert", "add", "mine", "--names", "mine.example", "--account", "ca", "--no-issue")
    daemon.ctl("cert", "hand-over", "mine", "--to", "pete")
    daemon.run_ctl("cert", "check", "shop")
    daemon.ctl("key", "add", "spare", "--description", "a note")
    daemon.run_ctl("account", "add", "lost", "--directory", "https://127.0.0.1:1/dir", "--agree-terms")
    daemon.ctl("site", "add", f"127.0.0.1:{daemon.https_port}")
    tracked = daemon.wait_until("it is scanned", lambda: (s := daemon.ctl("site", "list")["sites"][0])["scanned"] and s)
    FOR["sites"] = [tracked["id"]]
    daemon.ctl("channel", "add", "ops", "--kind", "webhook", "--url-file", t.write("url", "http://127.0.0.1:1/"))
    daemon.run_ctl("channel", "test", "ops")
    daemon.ctl("channel", "add", "post", "--kind", "email", "--to", "a@example.org")
    daemon.ctl("token", "add", "ci", "--role", "viewer", "--domains", "shop.example")
    daemon.wait_for_cert("broken", lambda c: c["status"] == "failed")


def examples(path):
    if ":" not in path:
        return [path] + [path + more for more in MORE.get(path, [])]
    before, _, rest = path.partition("/:")
    last, (_, _, behind) = before.rsplit("/", 1)[-1], rest.partition("/")
    made = [f"{before}/{one}" + (f"/{behind}" if behind else "") for one in FOR.get(last, ["1"])]
    return [one + more for page in made for one in examples(page) for more in ["", *(MORE.get(one, []) if ":" not in one else [])]]


def visible(text):
    """What a person reads, without what is code."""
    main = re.sub(r"<(script|style|svg|pre|code|textarea|select)\b.*?</\1>", " ", text.partition("<main")[2], flags=re.S)
    return html.unescape(re.sub(r"<[^>]*>", " ", main))


def walk(t, person, rows, role, who):
    shown, faults, times = 0, [], []
    for path, least, _ in rows:
        if ROLES.index(least) > ROLES.index(role):
            continue
        for page in examples(path.removeprefix("/api/v1")):
            answer = person.page(page)
            shown += answer.status == 200
            if answer.status >= 500:
                faults.append((page, answer.status, re.findall(r"template [^<]*", answer.text)[:1]))
            times += [(page, found) for found in ISO.findall(visible(answer.text))]
    t.equal(faults, [], f"{who}: {shown} pages, every name in their templates is known")
    t.equal(times, [], f"{who}: no time as a program writes it")


def faults(t, person):
    """A form that is sent empty: its page once more, with what is wrong."""
    with open(os.path.join(TOP, "webui", "forms.def")) as f:
        forms = re.findall(r'^FORM\((\w+), "([^"]+)"', f.read(), re.M)
    wrong, tried = [], 0
    for form, action in forms:
        for name in ([""] if ":" not in action else FOR.get(action.split("/")[1], ["1"])[:1]):
            path = re.sub(r":staging", "false", re.sub(r":(name|version|slot|word)", lambda m: {"name": name, "version": "1", "slot": "9", "word": "off"}[m[1]], action, count=3))
            if form in ("user_delete", "user_disable", "token_delete", "cluster_leave", "cluster_init", "cluster_join", "setup_begin"):
                continue
            page = path.partition("?")[0]
            answer = person.form(path, page, _form=form, _confirm="no", name="", nosuch="x")
            tried += 1
            if answer.status >= 500:
                wrong.append((form, path, answer.status, re.findall(r"template [^<]*", answer.text)[:1]))
    t.equal(wrong, [], f"{tried} forms that are wrong: their pages")


def followed(t, person):
    """Pages that are the answer to a form."""
    for path, page, fields in (("/keys", "/new/key", {"name": "fresh"}), ("/certificates", "/new/certificate", {"names": "new.example", "account": "ca", "issue": "false"}),
            ("/certificates/shop/apikeys/1?staging=false", "/certificates/shop/apikeys/1?staging=false", {}), ("/users", "/new/user", {"name": "anna", "role": "viewer"}),
            ("/tokens", "/tokens", {"name": "robot", "role": "viewer"}), ("/me/totp", "/me", {"_next": "/me/totp"}), ("/check", "/tools", {"names": "shop.example"}),
            ("/certificates?dry_run=true", "/new/certificate", {"_form": "certificate_add", "names": "*.preview.example", "account": "ca"})):
        answer = person.submit(path, page, **fields)
        t.ok(answer.status == 200 and "<h1" in answer.text, f"what follows {path}", [answer.status, re.findall(r"template [^<]*", answer.text)[:1]])


run(main)
