#!/usr/bin/env python3
"""Forms as a browser without scripts has them: what their kind needs and no more, what is required, what is wrong said in the field."""
import html
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t, mail={"host": "localhost", "port": 1, "from": "certera@example.org"})
    add_user(daemon, "alice", mail="alice@example.org")
    alice = Person(daemon)
    alice.sign_in("alice")
    kinds(t, daemon, alice)
    cas(t, daemon, alice)
    corrections(t, daemon, alice)
    shown_again(t, daemon, alice)
    required(t, alice)
    phones(t, alice)
    in_the_field(t, alice)
    with_test(t, daemon, alice)
    confirming(t, daemon, alice)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def fields(answer, form):
    """name → tag, of those a person fills in."""
    text = re.search(rf'<form id="{form}".*?</form>', answer.text, re.S).group(0)
    return {m.group(2): m.group(0) for m in re.finditer(r'<(?:input|select|textarea)\b[^>]*?(type="hidden" )?name="(\w+)"[^>]*>', text) if not m.group(1)}


def why(answer):
    return [html.unescape(w) for w in re.findall(r'<span class="why">([^<]*)<', answer.text)]


def kinds(t, daemon, alice):
    page = alice.page("/new/channel")
    t.ok("<form id=" not in page.text and all(f'href="/new/channel?kind={kind}"' in page.text for kind in ("email", "slack", "teams", "discord", "webhook")),
        "a channel begins with its kind")
    has = {kind: set(fields(alice.page(f"/new/channel?kind={kind}"), "channel_add")) & {"recipients", "url", "secret"} for kind in ("email", "slack", "webhook")}
    t.equal(has, {"email": {"recipients"}, "slack": {"url"}, "webhook": {"url", "secret"}}, "then it has the fields of that kind")
    t.equal(alice.form("/channels", "/new/channel?kind=email", _form="channel_add", kind="email", name="ops", recipients="ops@example.org", _empty="alerts", alerts="failed").status,
        303, "which are enough")
    t.equal(set(fields(alice.page("/channels/ops"), "channel_set")) & {"recipients", "url"}, {"recipients"}, "so has the form that changes it")
    t.ok("<form id=" not in alice.page("/new/channel?kind=pigeon").text, "a kind that there is not is none")


def cas(t, daemon, alice):
    """An account begins with its CA, and has the fields that this one needs."""
    page = alice.page("/new/account")
    t.ok("<form id=" not in page.text and all(f'href="/new/account?ca={ca}"' in page.text for ca in ("letsencrypt", "zerossl", "actalis", "other")), "an account begins with its CA")
    some = {"directory", "eab_kid", "eab_key", "ca_file", "staging"}
    has = {ca: fields(alice.page(f"/new/account?ca={ca}"), "account_add") for ca in ("letsencrypt", "letsencrypt-staging", "zerossl", "other")}
    t.equal({ca: set(of) & some for ca, of in has.items()}, {"letsencrypt": set(), "letsencrypt-staging": set(), "zerossl": {"eab_kid", "eab_key"}, "other": some}, "then it has the fields of that CA")
    t.equal([{f for f in of if " required" in of[f]} for of in has.values()], [{"name"}, {"name"}, {"name", "eab_kid", "eab_key"}, {"name", "directory"}], "of which it needs these")
    t.contains(has["other"]["directory"], 'inputmode="url"', "phones show the keys for a URL")
    t.ok('href="https://letsencrypt.org/repository/"' in alice.page("/new/account?ca=letsencrypt-staging").text and "browsers do not trust" in alice.page("/new/account?ca=letsencrypt-staging").text,
        "the terms are linked, and what is for tests is said to be")
    actalis = alice.page("/new/account?ca=actalis").text
    t.ok("actalis.com/" not in actalis.replace("acme-api.actalis.com", "") and "Certera shows them with the account" in actalis, "where the terms are not known, no link pretends it")
    t.ok("<form id=" not in alice.page("/new/account?ca=nosuch").text, "a CA that there is not is none")
    for path, sent, field, words in (("zerossl", {"ca": "zerossl", "name": "z", "eab_kid": "k", "eab_key": "!"}, "eab_key", "not"),
            ("other", {"ca": "", "name": "o", "directory": "http://x.example/"}, "directory", "https"),
            ("other", {"ca": "", "name": "o", "directory": "https://x.example/", "contact": "nobody"}, "contact", "nobody"),
            ("other", {"ca": "", "name": "no name", "directory": "https://x.example/"}, "name", "name")):
        answer = alice.form("/accounts", f"/new/account?ca={path}", _form="account_add", **sent)
        t.ok(answer.status == 422 and len(why(answer)) == 1 and words in why(answer)[0] and re.search(rf'id="account_add-{field}"[^>]*aria-invalid', answer.text),
            f"{path}: what is wrong with {field} is said there", [answer.status, why(answer)])
    answer = alice.form("/accounts", "/new/account?ca=other", _form="account_add", ca="", name="own", directory="https://127.0.0.1:1/dir", contact="a@example.org", terms_agreed="true")
    t.equal((answer.status, daemon.ctl("account", "show", "own")["directory"]), (303, "https://127.0.0.1:1/dir"), "which are enough")
    answer = alice.submit("/accounts", "/new/account?ca=letsencrypt", _form="account_add", _next="/accounts", ca="letsencrypt-staging", name="trial", terms_agreed="true")
    t.ok('href="/accounts/trial">See it<' in answer.text and daemon.ctl("account", "show", "trial")["staging"], "one for tests by its name")


def corrections(t, daemon, alice):
    """The form that corrects an account has the fields of its CA, too, or of the one that is chosen instead."""
    some = {"directory", "eab_kid", "eab_key", "ca_file", "staging"}
    def has(path):
        return set(fields(alice.page(path), "account_correct")) & some
    t.equal((has("/accounts/trial"), has("/accounts/own")), (set(), some), "a correction has the fields of that CA")
    t.equal((has("/accounts/trial?ca=zerossl"), has("/accounts/own?ca=letsencrypt")), ({"eab_kid", "eab_key"}, set()), "or of a different one")
    daemon.ctl("account", "add", "bound", "--ca", "letsencrypt", "--agree-terms", "--eab-kid", "kid", "--eab-key-file", t.write("mac", "AAAA"), "--ca-file", t.write("ca.pem", "x"))
    t.equal(has("/accounts/bound"), {"eab_kid", "eab_key", "ca_file"}, "and what it has beyond that: nothing is hidden")
    answer = alice.form("/accounts/trial", "/accounts/trial?ca=zerossl", _form="account_correct", ca="zerossl", eab_kid="k", eab_key="!", terms_agreed="true")
    t.equal((answer.status, set(fields(answer, "account_correct")) & some), (422, {"eab_kid", "eab_key"}), "so it has when it is shown again")
    t.equal(alice.form("/accounts/trial", "/accounts/trial?ca=zerossl", _form="account_correct", ca="zerossl", eab_kid="k", eab_key="AAAA", terms_agreed="true").status, 303, "which are enough")
    found = daemon.ctl("account", "show", "trial")
    t.equal((found["ca"], found["eab_kid"], found["staging"]), ("zerossl", "k", False), "it is at the other CA")


AGAIN = ["/new/account?ca=letsencrypt", "/new/account?ca=zerossl", "/new/account?ca=other", "/accounts/own", "/accounts/own?ca=zerossl", "/new/channel?kind=email", "/new/channel?kind=webhook",
    "/channels/ops", "/new/certificate", "/certificates/shop?staging=false", "/certificates/shop/settings?staging=false", "/certificates/shop/hooks?staging=false", "/new/key", "/keys/shop", "/new/user",
    "/users/bob", "/plans", "/plans/small", "/tokens", "/new/site", "/new/import", "/me", "/tools"]


def shown_again(t, daemon, alice):
    """A form that is not taken is shown with the fields and values that it had."""
    daemon.ctl("cert", "add", "shop", "--names", "shop.example", "--account", "own", "--no-issue")
    daemon.ctl("user", "add", "bob", "--role", "operator", "--password-file", "-", input=PASSWORD.encode())
    daemon.ctl("plan", "add", "small")
    seen = set()
    for path in AGAIN:
        page = alice.page(path)
        for form, action in re.findall(r'<form id="(\w+)" method="post" action="([^"]*)"', page.text):
            before = controls(page, form)
            if before.get("_method") or form in seen and "=" not in path:
                continue
            seen.add(form)
            before.update({name: "typed" for name, tag in fields(page, form).items() if 'type="text"' in tag and not before[name]})
            answer = alice.form(html.unescape(action), path, **{k: v for k, v in before.items() if k[:4] not in ("_csr", "_pag")}, nosuch="1")
            t.equal(answer.status, 422, f"{path}: {form} is refused")
            t.equal(controls(answer, form) if f'id="{form}"' in answer.text else None, before, f"{path}: {form} is shown again as it was")
    t.ok(len(seen) > 20, "of many forms", seen)


def controls(answer, form):
    """name → value, as a browser would send it; of a list of choices the one that is shown."""
    text = re.search(rf'<form id="{form}".*?</form>', answer.text, re.S).group(0)
    sent = {}
    for tag, name, value in re.findall(r'(<(?:input|textarea)\b[^>]*?name="(\w+)"[^>]*>)([^<]*)', text):
        typed = re.search(r'value="([^"]*)"', tag)
        if "checkbox" not in tag or " checked" in tag:
            sent[name] = html.unescape(typed.group(1) if typed else value.strip() if "textarea" in tag else "")
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        sent[name] = html.unescape(chosen.group(1)) if chosen else ""
    return {**sent, "_csrf": ""}


def required(t, alice):
    mail = fields(alice.page("/new/channel?kind=email"), "channel_add")
    slack = fields(alice.page("/new/channel?kind=slack"), "channel_add")
    t.equal([" required" in tag for tag in (mail["name"], mail["recipients"], slack["url"], slack["expiring"])], [True, False, True, False],
        "what the API wants is required, and what the kind needs; the rest is not")
    user = fields(alice.page("/new/user"), "user_add")
    t.equal([" required" in user[name] for name in ("name", "role", "mail", "password")], [True, True, False, False], "of a user name and role")
    plan = fields(alice.page("/plans"), "plan_add")
    t.equal([" required" in plan[name] for name in ("name", "certificates", "domains")], [True, False, False], "of a plan the name")


def phones(t, alice):
    user, plan = fields(alice.page("/new/user"), "user_add"), fields(alice.page("/plans"), "plan_add")
    t.equal((re.findall(r'inputmode="(\w+)"', user["mail"] + plan["certificates"] + plan["name"])), ["email", "numeric"], "phones show the keys that fit")
    alice.form("/me/totp", "/me", _next="/me/totp")
    t.contains(fields(alice.page("/me/totp"), "totp_confirm")["code"], 'inputmode="numeric"', "digits for the code of an app")


def in_the_field(t, alice):
    answer = alice.form("/plans", "/plans", _form="plan_add", name="", certificates="2", domains="")
    t.equal((answer.status, why(answer)), (422, ["Fill this in."]), "what is missing is said in its field")
    t.matches(answer.text, r'id="plan_add-name" name="name" value=""[^>]*aria-invalid="true"', "which is marked")
    t.contains(answer.text, 'href="#plan_add-name"', "what is said at the top leads there")
    t.matches(answer.text, r'name="certificates" value="2"', "what was typed is there still")
    for what, fields, words in (
        ("url", {"kind": "slack", "url": "http://x.example/"}, "must begin with https://"),
        ("recipients", {"kind": "email", "recipients": "nobody"}, "nobody"),
        ("secret", {"kind": "webhook", "url": "https://x.example/", "secret": "short"}, "at least 16 characters"),
    ):
        answer = alice.form("/channels", f"/new/channel?kind={fields['kind']}", _form="channel_add", name="x", **fields)
        t.ok(answer.status == 422 and len(why(answer)) == 1 and words in why(answer)[0] and f'id="channel_add-{what}"' in answer.text and "aria-invalid" in answer.text,
            f"a channel: {what} is said in its field", why(answer))
        t.lacks("".join(why(answer)), "member", "in words of the form")


def with_test(t, daemon, alice):
    page = alice.page("/new/channel?kind=email")
    t.contains(page.text, '<button class="quiet" name="test" value="true">Add and send a test</button>', "a second button sends a test")
    done = alice.submit("/channels", "/new/channel?kind=email", _form="channel_add", _next="/channels", kind="email", name="tried", recipients="ops@example.org", test="true")
    t.contains(done.text, "The channel tried is added. A test is on its way.", "the page says so")
    t.contains(done.text, 'href="/outbox?channel=tried">See the test</a>', "and where to see it")
    t.equal([m["alert"] for m in daemon.ctl("outbox", "list")["messages"]], ["test"], "it is there")
    daemon.ctl("channel", "add", "also", "--kind", "email", "--to", "b@example.org", "--test")
    t.equal(len(daemon.ctl("outbox", "list")["messages"]), 2, "the same by certeractl")
    plain = alice.submit("/channels", "/new/channel?kind=email", _form="channel_add", _next="/channels", kind="email", name="plain", recipients="c@example.org")
    t.ok("Send a test</button>" in plain.text and len(daemon.ctl("outbox", "list")["messages"]) == 2, "without it, the status line offers one")


def confirming(t, daemon, alice):
    t.equal(set(fields(alice.page("/me/confirm"), "confirm")), {"password"}, "who has no app is not asked for a code")
    secret = alice("GET", "/me/totp")[1]["secret"]
    alice("POST", "/me/totp/confirm", {"code": totp(secret, -1)})
    t.equal(set(fields(alice.page("/me/confirm"), "confirm")), {"password", "code"}, "who has one is")


run(main)
