#!/usr/bin/env python3
"""Signing in, the first run, users, plans and tokens as a browser without scripts has them: pages and forms."""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t, webui={"develop": TOP + "/webui"})
    person = first_run(t, daemon)
    own_account(t, daemon, person)
    administration(t, daemon, person)
    signing_in(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def heading(answer):
    found = re.search(r"<h1>([^<]*)</h1>", answer.text)
    return found and found.group(1)


def first_run(t, daemon):
    person = Person(daemon)
    token = setup_token(daemon)
    t.equal(person.page("/").header("Location"), "/sign-in", "nobody is led to the sign-in")
    t.contains(person.page("/sign-in").text, "No user exists yet", "which says where the link is")
    page = person.page(f"/setup?token={token}")
    t.equal((page.status, heading(page)), (200, "Setting up"), "the link from the log opens the first step")
    fields = {"_form": "setup_begin", "name": "alice", "password": "short", "mail": ""}
    refused = person.form("/setup", f"/setup?token={token}", token=token, **fields)
    t.equal((refused.status, "12 characters" in refused.text, 'value="alice"' in refused.text, "short" in refused.text), (422, True, True, False),
        "a short password is refused, the name still there, the password not")
    t.equal(person.form("/setup", "/setup?token=cst_wrong", **{**fields, "token": "cst_wrong", "password": PASSWORD}).status, 403, "so is another token")
    begun = person.form("/setup", f"/setup?token={token}", _next="/setup", **{**fields, "token": token, "password": PASSWORD})
    t.equal((begun.status, begun.header("Location")), (303, "/setup"), "the first administrator is made")
    t.contains(person.page("/setup").text, "Who signs your certificates?", "and signed in: the next step is the account")
    t.equal(Person(daemon).page("/setup").header("Location"), "/sign-in?next=/setup", "for others the setup is closed")
    t.equal(Person(daemon).form("/setup", "/setup", token=token, name="eve", password=PASSWORD, mail="").status, 404, "the link is used up")
    t.equal(person.page("/").header("Location"), "/setup", "whoever goes on later is led there again")
    person.form("/accounts", "/setup", name="ca", directory="https://localhost:1/dir", terms_agreed="true")
    person.fetch("GET", "/setup")
    t.ok("Registering" in person.answer.text, "the account is being registered", person.answer.text[:3000])
    t.equal(person.form("/setup/done", "/setup", _next="/overview").header("Location"), "/overview", "the rest is skipped")
    t.equal(person.page("/setup").status, 404, "then the setup is gone")
    t.equal(person.page("/").header("Location"), "/overview", "and the overview is where it begins")
    return person


def own_account(t, daemon, person):
    page = person.page("/me")
    t.equal((page.status, heading(page)), (200, "alice"), "one's own account")
    t.equal(person.form("/me/totp", "/me", _next="/me/totp").header("Location"), "/me/totp", "an app is set up")
    page = person.page("/me/totp")
    secret = re.search(r'class="secret">([A-Z2-7 ]+)<', page.text).group(1).replace(" ", "")
    t.ok("<svg" in page.text and 'role="img"' in page.text, "its QR code is in the page")
    t.lacks(page.text, "data:", "and nothing else is loaded")
    wrong = person.form("/me/totp/confirm", "/me/totp", _form="totp_confirm", code="000000")
    t.equal((wrong.status, secret[:4] in wrong.text), (422, True), "a wrong code shows the same page again")
    t.matches(wrong.text, r"The time here is \d+ \w+ 20\d\d, \d\d:\d\d UTC", "with the time here, as people read it")
    codes = person.submit("/me/totp/confirm", "/me/totp", _form="totp_confirm", code=totp(secret, -1))
    t.equal((codes.status, len(re.findall(r'<code class="secret" data-copy="code">', codes.text))), (200, 10), "a code of the app: ten recovery codes")
    t.equal(person.form("/me/totp", "/me", _method="DELETE").status, 303, "it is turned off again")
    t.equal(person.form("/me/password", "/me", new=PASSWORD + "2").status, 303, "another password")
    t.equal(person.form("/me/password", "/me", new=PASSWORD).status, 303, "and back")


def administration(t, daemon, person):
    for path, title in (("/users", "Users"), ("/plans", "Plans"), ("/tokens", "API tokens"), ("/new/user", "Add a user")):
        page = person.page(path)
        t.equal((page.status, heading(page)), (200, title), f"{path}")
    t.equal(person.form("/plans", "/plans", name="small", certificates="2", domains="example.org").status, 303, "a plan is added")
    t.contains(person.page("/plans/small").text, "example.org", "and shown")
    made = person.submit("/users", "/new/user", name="bob", role="operator", plan="small", mail="", password="")
    password = re.search(r'class="secret">([a-z0-9-]+)<', made.text).group(1)
    t.equal(made.status, 200, "a user is added, whose password is shown")
    t.lacks(person.page("/users/bob").text, password, "only this once")
    t.contains(person.page("/users").text, 'href="/plans/small"', "the list has the plan")
    t.equal(person.form("/users/bob", "/users/bob", role="viewer", plan="", mail="b@example.org", _empty="plan mail").status, 303, "a user is changed")
    t.equal([daemon.ctl("user", "show", "bob")[m] for m in ("role", "plan", "mail")], ["viewer", None, "b@example.org"], "in all its parts")
    bob = Person(daemon)
    bob.sign_in("bob", password)
    t.equal(bob.page("/certificates").header("Location"), "/me", "the new user is led to change the password first")
    page = bob.page("/me")
    t.contains(page.text, "Someone else", "and told why")
    around = bob.form("/me/password", "/certificates", new="short")
    t.ok(around.status == 422 and heading(around) != "Certificates", "a form that claims to be on another page does not show that", heading(around))
    same = bob.form("/me/password", "/me", _form="me_password", new=password)
    t.ok(same.status == 422 and "choose a different one" in same.text, "the one that someone else knows does not count", same.text[:3000])
    t.equal(bob.form("/me/password", "/me", new=PASSWORD).status, 303, "does so")
    t.equal(bob.page("/certificates").status, 200, "then the rest is open")
    t.lacks(bob.answer.text, 'href="/users"', "what is not for the role is not in the menu")
    t.equal(bob.page("/users").status, 403, "nor to be had")
    own_words(t, daemon, person)
    token = person.submit("/tokens", "/tokens", name="ci", role="viewer", expires="30", domains="", actions="", addresses="")
    shown = re.search(r'class="secret">(ctk_[^<]+)<', token.text).group(1)
    t.equal(Person(daemon, token=shown)("GET", "/certificates")[0], 200, "a token is made and shown, and works")
    t.equal(person.form("/tokens/ci", "/tokens", _method="DELETE").status, 303, "and is removed")
    t.equal(Person(daemon, token=shown)("GET", "/certificates")[0], 401, "then it is good no more")
    t.equal(person.form("/users/bob", "/users/bob", _method="DELETE", _confirm="bo", _next="/users").status, 422, "removing wants the name")
    t.equal(person.form("/users/bob", "/users/bob", _method="DELETE", _confirm="bob", _next="/users").header("Location"), "/users", "then it is done")
    last = person.form("/users/alice", "/users/alice", _method="DELETE", _confirm="alice")
    t.ok(last.status == 409 and "only administrator" in last.text, "the last administrator stays", last.text[:500])


def own_words(t, daemon, person):
    """What a page says has the words of its form; what is there already is not said to be added."""
    def add(**fields):
        return person.submit("/certificates", "/new/certificate", _form="certificate_add", account="ca", challenge="http-01", **fields)
    said = add(name="a").text
    t.ok("&quot;Host names and addresses&quot; is missing" in said and "the member" not in said, "a field is called by its label", re.findall("[^>]*is missing[^<]*", said))
    first, again, other = add(name="web", names="web.example"), add(name="web", names="web.example"), add(name="web", names="other.example")
    t.equal([answer.status for answer in (first, again, other)], [200, 200, 409], "a certificate is added once")
    t.equal(["Save these keys now" in answer.text for answer in (first, again)], [True, False], "its API keys are shown once")
    t.ok("web already exists" in again.text and "web added" not in again.text, "sent twice: the page says that it is there", heading(again))
    t.ok("with a different &quot;Host names and addresses&quot;" in other.text, "other names under that name: in the words of the form", other.text[:3000])
    page = person.page("/certificates/web/install").text
    t.contains(page, f"-s https://localhost:{daemon.https_port} ", "the command for a server asks at the port we have")
    files = re.findall(r"-[cp] (\S+apikey)", page)
    t.equal(len(set(files)), 2, "the command for a server has a file for each of the two API keys")
    for path, what in (("/new/account?ca=other", "account"), ("/new/channel?kind=email", "channel")):
        t.contains(person.page(path).text, f"The name of the {what} in Certera.", f"{path}: the hint is about it")
    choices = re.findall(r'<option value="(\w+)"[^>]*>([^<]*)</option>', person.page("/new/certificate").text)
    t.ok([text for value, text in choices if value == "ca"][0] in ("ca (failed)", "ca (new)"), "an account that cannot order is marked", choices)
    answer = Person(daemon).fetch("GET", "/api/v1/nosuch")
    t.equal((answer.status, answer.header("Content-Type")), (404, "application/problem+json"), "a wrong path of the API is a problem document")


def signing_in(t, daemon):
    person = Person(daemon)
    t.equal(person.page("/keys?search=x").header("Location"), "/sign-in?next=/keys%3Fsearch%3Dx", "who is not signed in is led there")
    page = person.page("/sign-in?next=/keys%3Fsearch%3Dx")
    t.contains(page.text, 'name="_next" value="/keys?search=x"', "the form knows the way back")
    wrong = person.form("/sign-in", "/sign-in?next=/keys", _form="sign_in", _next="/keys", name="alice", password="wrong password")
    t.equal((wrong.status, "is wrong" in wrong.text, 'value="alice"' in wrong.text), (401, True, True), "a wrong password is said, the name stays")
    good = person.form("/sign-in", "/sign-in", _form="sign_in", _next="/keys?search=x", name="alice", password=PASSWORD, code="")
    t.equal((good.status, good.header("Location")), (303, "/keys?search=x"), "the right one leads back")
    for elsewhere in ("//evil.example/", "/\\evil.example/", "/\t/evil.example/", "/\r\n/evil.example/", "https://evil.example/"):
        led = Person(daemon).form("/sign-in", "/sign-in", _next=elsewhere, name="alice", password=PASSWORD).header("Location")
        t.equal(led, "/sign-in", f"and nowhere else, like {elsewhere!r}")
    daemon.ctl("key", "add", "k")
    daemon.stop()
    daemon.begin()
    person.page("/keys/k")
    rotated = person.form("/keys/k/apikeys/1", "/keys/k")
    t.equal(rotated.header("Location"), "/me/confirm?next=/keys/k", "an API key wants the password again")
    export = {"_form": "key_export", "format": "der"}
    asked = person.form("/keys/k/export", "/keys/k", **export)
    t.equal((asked.status, 'name="_password"' in asked.text, '<option value="der" selected' in asked.text), (403, True, True),
        "so does a private key, in its form, where what was chosen stays chosen")
    wrong = person.form("/keys/k/export", "/keys/k", _password="wrong password 5", **export)
    t.equal((wrong.status, "The password or code is wrong." in wrong.text, "PRIVATE" in wrong.text), (422, True, False), "a wrong one is said there")
    t.contains(person.form("/keys/k/export", "/keys/k", _form="key_export", format="pem", _password=PASSWORD).text, "PRIVATE KEY", "with the right one the key is saved as a file")
    t.lacks(person.page("/keys/k").text, 'name="_password"', "which is good for a while: it is not asked for again")
    person.page("/me/confirm?next=/keys/k")
    t.equal(person.form("/me/confirm", "/me/confirm?next=/keys/k", _next="/keys/k", password=PASSWORD).header("Location"), "/keys/k", "there is a page for it, too, that leads back")
    t.equal(person.form("/sign-out", "/keys", _next="/sign-in").header("Location"), "/sign-in", "signing out")
    t.equal(person.page("/keys").header("Location"), "/sign-in?next=/keys", "is signing out")


run(main)
