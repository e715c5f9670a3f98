#!/usr/bin/env python3
"""Create, verify, issue, delete by bearer token: the lines of the pages do what they say, with the visitor's own token."""
import html
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, account=False)
    daemon = site.daemon
    daemon.configure(preflight={"enabled": True, "port": site.nginx.port, "resolvers": f"127.0.0.1:{site.pebble.names.port}"})
    daemon.reload()
    daemon.add_account(site.pebble, name="letsencrypt")
    for name, role in (("root", "admin"), ("op", "operator")):
        add_user(daemon, name, role)
    person = Person(daemon)
    person.sign_in("op")
    before = person.page("/description").text
    t.ok("You have no token yet" in before and "$CERTERA_TOKEN" in before, "without a token, the page says where to get one")

    made = person.submit("/tokens", "/tokens", _form="token_add", name="ci-1", role="operator", expires="", domains="", actions="", addresses="", _password=PASSWORD)
    t.equal(made.status, 200, "a token is made on the page")
    token = re.search(r'class="secret">([^<]+)<', made.text)[1]
    lines = examples(made.text)
    t.ok(set(lines) == {"Create", "Verify", "Issue", "Delete"} and all(f"Bearer {token}" in one for one in lines.values()), "with its four lines, ready to run", lines)
    run_all(t, daemon, lines, {}, "the lines beside the new token")

    page = person.page("/description").text
    lines = examples(page)
    t.ok("your token <strong>ci-1</strong>" in page and all("Bearer $CI_1_TOKEN" in one for one in lines.values()) and token not in page,
        "later, the page API has lines for the token by its name; the token itself is not known any more")
    t.ok("read -rs CI_1_TOKEN" in page, "and says how it gets there")
    run_all(t, daemon, lines, {"CI_1_TOKEN": token}, "the lines of the page API")
    every_call(t, person, page)
    of_others(t, daemon, person)


def examples(page):
    return {what: html.unescape(text) for what, text in re.findall(r'<pre tabindex="0" aria-label="(Create|Verify|Issue|Delete)">(.*?)</pre>', page, re.S)}


def sh(daemon, command, variables):
    """With the server's certificate not checked, as it is its own."""
    done = run_command("sh", "-ec", command.replace("curl -fsS", "curl -fsSk"), env={**os.environ, **variables})
    return done.returncode, [json.loads(one) for one in done.stdout.decode().replace("}{", "}\n{").splitlines() if one.startswith("{")], done


def run_all(t, daemon, lines, variables, what):
    code, said, done = sh(daemon, lines["Create"], variables)
    t.ok(code == 0 and daemon.cert("shop")["status"] == "pending", f"{what}: create", done)
    code, said, done = sh(daemon, lines["Verify"], variables)
    t.ok(code == 0, f"{what}: verify", done)
    daemon.wait_for_cert("shop", lambda c: c["check"] and c["check"]["state"] == "passed", "its web servers are checked")
    code, said, done = sh(daemon, lines["Issue"], variables)
    t.ok(code == 0, f"{what}: issue", done)
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active", "it is issued")
    code, said, done = sh(daemon, lines["Delete"], variables)
    t.ok(code == 0 and daemon.run_ctl("cert", "show", "shop").returncode == 6, f"{what}: delete", done)
    daemon.ctl("key", "rm", "shop")


def every_call(t, person, page):
    t.ok("Bearer TOKEN" not in page and page.count("Bearer $CI_1_TOKEN") > 60, "every call has the token's variable")
    beyond = {m[0] for m in re.findall(r'<details id="([^"]+)">(?:(?!</details>).)*?not with this token', page, re.S)}
    t.ok(len(re.findall("not with this token", page)) > 20, "and those that the token may not make are marked", len(beyond))
    call = re.search(r'id="POST-page_cert_add">.*?</details>', page, re.S)[0]
    t.lacks(call, "not with this token", "but none that it may")


def of_others(t, daemon, person):
    root = Person(daemon)
    root.sign_in("root")
    root.confirm()
    root("POST", "/tokens", {"name": "robot", "role": "viewer"})
    t.contains(root.page("/description").text, "$ROBOT_TOKEN", "an administrator's newest token is theirs")
    t.contains(root.page("/description?token=ci-1").text, "$CI_1_TOKEN", "each of them can be chosen")
    t.lacks(person.page("/description?token=robot").text, "ROBOT", "but not those of others")


run(main)
