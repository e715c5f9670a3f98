#!/usr/bin/env python3
"""The gate, out of routes.def itself: every row × every method × everybody × {right, no token, a wrong one, elsewhere}.

Who is let in reaches the handler: nearly every GET is then answered with a page or a value (a few have nothing to show here, and say
so), what a POST without a body gets is the handler's affair.  Who is not let in gets the gate's answer, known word for word.
"""
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

ROW = re.compile(r'^ROUTE\((\w+), +"([^"]*)", +(\w+), +(\w+), +\w+, +"([^"]*)"\)', re.M)
ROLES = ["ANYONE", "APIKEY", "GUEST", "VIEWER", "OPERATOR", "ADMIN"]
HAS = {"nobody": "GUEST", "viewer": "VIEWER", "operator": "OPERATOR", "admin": "ADMIN"}
METHODS = ("GET", "POST", "DELETE", "PUT")
FOR = {"certificates": "c", "certificate": "c", "keys": "k", "key": "k", "accounts": "ca", "users": "target", "plans": "p", "tokens": "tok", "sites": "www.example", "settings": "renewal.before", "readers": "r", "secrets": "mail.password",
    "static": "style.css", "test": "c", "key-download": "off", "acme-challenge": "token", "deploy": "certera-fetch"}
shown = {True: 0, False: 0}  # GETs that were let in, by whether they had something to show
ELSEWHERE = "127.0.0.5"  # on no list


def main(t):
    with open(TOP + "/webui/routes.def") as f:
        rows = ROW.findall(f.read())
    t.ok(len(rows) > 40 and len({(m, p) for m, p, *_ in rows}) == len(rows), f"{len(rows)} rows")
    daemon = Certerad(t, access={"admin": "127.0.0.1", "api": "127.0.0.1"})
    everybody = prepare(daemon)
    for path in dict.fromkeys(path for _, path, *_ in rows):
        of_path = {method: role for method, p, _, role, _ in rows if path in (p, p.removeprefix("/api/v1") if method != "GET" else p)}
        faults = [fault for name, person in everybody.items() for fault in judge(daemon, path, of_path, name, person)]
        t.ok(not faults, path, "\n".join(faults))
    t.ok(shown[True] > 2 * shown[False], f"{shown[True]} GETs were answered with a page or a value, {shown[False]} had nothing to show")
    for method, path, _, role, template in rows:
        if ROLES.index(role) >= ROLES.index("VIEWER") and (template or method != "GET") and path.startswith("/api/v1/"):
            page = example(path.removeprefix("/api/v1"))
            answer = everybody["nobody"].fetch(method if method != "DELETE" else "POST", page, b"_method=DELETE" if method == "DELETE" else None,
                {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"})
            t.ok(answer.status == 303 and answer.header("Location").startswith("/sign-in?next="), f"{method} {page}: a browser is led to the sign-in",
                repr(answer))
    t.equal(daemon.stop(), 0, "it ends cleanly")


def prepare(daemon):
    """One thing of each kind, and one person of each role."""
    restore(daemon)
    everybody = {name: Person(daemon) for name in HAS}
    for name, person in everybody.items():
        if name != "nobody":
            add_user(daemon, name, name)
            person.sign_in(name)
    return everybody


def restore(daemon):
    """What was removed is there again."""
    for argv in (("key", "add", "ck"), ("account", "add", "ca", "--directory", "https://localhost:1/dir"), ("cert", "add", "c", "--names", "c.example", "--account", "ca", "--key", "ck", "--no-issue"),
            ("key", "add", "k"), ("user", "add", "target", "--role", "viewer"), ("plan", "add", "p"), ("token", "add", "tok", "--role", "viewer")):
        if daemon.run_ctl(argv[0], "show", argv[2]).returncode:
            daemon.run_ctl(*argv)


def example(path):
    """:x and *x as something that is there."""
    parts = path.split("/")
    for i, part in enumerate(parts):
        if part.startswith((":", "*")):
            parts[i] = FOR.get(parts[i - 1], "on" if part == ":word" else "1")
    return "/".join(parts)


def judge(daemon, path, of_path, name, person):
    """What is not as it should be."""
    some_role = min(of_path.values(), key=ROLES.index)
    for method in METHODS:
        role = of_path.get(method, some_role)
        allowed = ROLES.index(HAS[name]) >= ROLES.index(role)
        answer = ask(person, method, path)
        yield from wrong(f"{name} {method}", answer, method, path, role, allowed, method in of_path)
        if method not in of_path or ROLES.index(role) < ROLES.index("GUEST"):
            continue
        if method == "DELETE" and allowed:
            restore(daemon)
        if method != "GET" and name != "nobody" and allowed:
            revive(daemon, name, person)
            for csrf in (None, "x" * 43):
                said = ask(person, method, path, csrf=csrf)
                if said.status != 403 or b"does not come from a page of this session" not in said.body:
                    yield f"{name} {method} with the token {csrf}: {said}"
        person.source = ELSEWHERE
        said = ask(person, method, path)
        person.source = None
        if (said.status, said.body) != (403, b"Forbidden\n"):
            yield f"{name} {method} from elsewhere: {said}"


def ask(person, method, path, csrf=True):
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if csrf is True and person.csrf:
        headers["X-CSRF-Token"] = person.csrf
    elif csrf and csrf is not True:
        headers["X-CSRF-Token"] = csrf
    return person.fetch(method, example(path), b"{}" if method in ("POST", "PUT") else None, headers)


def wrong(what, answer, method, path, role, allowed, offered):
    """The gate's answer to whom it keeps out; of the others only that they passed it."""
    kept_out = answer.status == 401 and b"sign in first" in answer.body or answer.status == 403 and b"this is for the role" in answer.body
    if path == "/api/v1/setup" and offered:
        kept_out = False
    if kept_out == allowed:
        yield f"{what}: {'kept out' if allowed else 'let in'}: {answer}"
    if allowed and not offered and answer.status != 405:
        yield f"{what}: {answer.status} instead of 405"
    if allowed and offered and method == "GET" and ROLES.index(role) >= ROLES.index("GUEST"):
        shown[200 <= answer.status < 400] += 1
        if answer.status >= 400 and (answer.status not in (404, 409, 503) or b"this page does not exist" in answer.body and path != "/api/v1/setup"):
            yield f"{what}: {answer}"
    if answer.status >= 500 and answer.status != 503:
        yield f"{what}: {answer}"


def revive(daemon, name, person):
    """Signed in again, if the request has ended that."""
    if person("GET", "/me")[0] != 200:
        daemon.run_ctl("user", "unlock", name)
        person.sign_in(name)


run(main)
