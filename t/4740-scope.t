#!/usr/bin/env python3
"""What a user with a plan and a token with limits see and touch: of certificates, keys and events; and handing over."""
import json
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t, access={"admin": "127.0.0.0/30, ::1", "api": "127.0.0.8/30"})
    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir", "--agree-terms")
    daemon.ctl("plan", "add", "small", "--domains", "bob.example, shop.example", "--certificates", "2")
    for name, role, options in (("alice", "admin", {}), ("bob", "operator", {"plan": "small"}), ("carol", "operator", {"plan": "small"}),
            ("dora", "viewer", {}), ("eve", "operator", {})):
        add_user(daemon, name, role, **options)
    people = {name: Person(daemon) for name in ("alice", "bob", "carol", "dora", "eve")}
    for name, person in people.items():
        t.equal(person.sign_in(name)[0], 200, f"{name} signs in")
    roles(t, daemon, **people)
    plan(t, daemon, **people)
    own(t, daemon, **people)
    handing_over(t, daemon, **people)
    tokens(t, daemon, **people)
    token_addresses(t, daemon)
    limits_of_tokens(t, daemon, **people)
    leaving(t, daemon, **people)
    t.equal(daemon.stop(), 0, "it ends cleanly")
    accounts(t)
    own_name(t)


def cert(name, names, **more):
    return "POST", "/certificates", {"name": name, "names": names, "account": "ca", "issue": False, **more}


def roles(t, daemon, alice, bob, carol, dora, eve):
    t.equal(eve(*cert("eves", "eve.example"))[0], 201, "an operator adds a certificate")
    status, said = dora(*cert("doras", "dora.example"))
    t.equal((status, said["detail"]), (403, "this is for the role operator; yours is viewer"), "a viewer does not")
    t.equal(eve("POST", "/accounts", {"name": "x", "ca": "letsencrypt"})[0], 403, "nor does an operator add an account")
    t.equal(eve("GET", "/users")[0], 403, "or look at users")
    t.equal(dora("GET", "/certificates/eves")[1]["owner"], "eve", "a viewer without a plan sees all; it has an owner")
    t.equal(dora("DELETE", "/certificates/eves")[0], 403, "and touches nothing")


def plan(t, daemon, alice, bob, carol, dora, eve):
    status, said = bob(*cert("bobs", "eve.example"))
    t.equal((status, said["errors"][0]["field"]), (403, "names"), "a name outside of the plan")
    t.contains(said["detail"], "your plan does not allow the name eve.example", "is said")
    for bad in ("bob.example.org", "notbob.example", "example.org", "bob.example.com"):
        t.equal(bob(*cert("bobs", bad))[0], 403, f"{bad} is outside too")
    t.equal(bob(*cert("bobs", "bob.example *.bob.example a.b.shop.example", challenge="dns-01"))[0], 201, "names in its domains, and below")
    t.equal(bob("POST", "/certificates/bobs", {"names": "bob.example eve.example"})[0], 403, "nor can it get others later")
    t.equal(bob(*cert("bobs2", "shop.example"))[0], 201, "a second one")
    status, said = bob(*cert("bobs3", "shop.example"))
    t.equal((status, "your plan allows 2 certificates" in said["detail"]), (429, True), "not a third one")
    t.equal(bob("DELETE", "/certificates/bobs2")[0], 200, "one is removed")
    t.equal(bob(*cert("bobs3", "shop.example", key="bobs2"))[0], 201, "then there is room, also with a key of his")
    t.equal(carol(*cert("carols", "bob.example"))[0], 201, "others have room of their own")
    t.equal(alice(*cert("neighbour", "eve.example", key="bobs2"))[0], 201, "an administrator gives his key to another certificate")
    t.equal(bob("GET", "/keys/bobs2")[1]["used_by"], ["certificate bobs3", "1 certificate of others"], "which he is not told the name of")
    t.lacks(bob("DELETE", "/keys/bobs2")[1]["detail"], "neighbour", "in no way")
    t.equal(sorted(alice("GET", "/keys/bobs2")[1]["used_by"]), ["certificate bobs3", "certificate neighbour"], "the administrator sees it")
    t.equal(alice("DELETE", "/certificates/neighbour")[0], 200, "and removes it")
    daemon.ctl("plan", "set", "small", "--certificates", "3")
    t.equal(bob(*cert("bobs2", "shop.example", key="bobs2"))[0], 201, "a larger plan counts at once")
    csr = bob("POST", "/certificates/bobs/csr", {"csr": "nonsense"})[0]
    t.ok(csr in (409, 422), "a request is judged like names", csr)


def names(answer, member="certificates"):
    return sorted(one["name"] for one in answer[1][member])


def own(t, daemon, alice, bob, carol, dora, eve):
    daemon.ctl("key", "add", "common")
    t.equal(names(bob("GET", "/certificates")), ["bobs", "bobs2", "bobs3"], "he sees his own")
    t.equal(names(carol("GET", "/certificates")), ["carols"], "she hers")
    t.ok({"bobs", "bobs2"} <= set(names(alice("GET", "/certificates?plan=small"))) and "eves" not in names(alice("GET", "/certificates?plan=small")), "a list can be that of a plan")
    t.equal((names(alice("GET", "/certificates?owner=eve")), alice("GET", "/certificates/bobs")[1]["owner_plan"], "owner=alice" in alice.page("/certificates").text),
        (["eves"], "small", True), "or of one owner; whose it is and by which plan is shown")
    t.equal(len(alice("GET", "/certificates")[1]["certificates"]), 5, "an administrator all")
    t.equal(names(bob("GET", "/keys"), "keys"), ["bobs", "bobs2"], "of keys too")
    t.equal(sum(bob("GET", "/status")[1]["certificates"].values()), 3, "the overview counts his")
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", ""), ("GET", "/export"), ("GET", "/order"), ("POST", "/issue"), ("POST", "/verify"),
            ("POST", "/check"), ("POST", "/revoke"), ("POST", "/csr"), ("POST", "/export"), ("POST", "/apikeys/1"), ("POST", "/reissue"),
            ("POST", "/rollback/1"), ("POST", "/key-download/on"), ("POST", "/owner")):
        body = {"csr": "x"} if path == "/csr" else {"user": "bob"} if path == "/owner" else {}
        status, said = bob(method, "/certificates/carols" + path, body if method == "POST" else None)
        t.equal((status, said["detail"]), (404, "there is no certificate carols"), f"{method} {path or '/'} of another's certificate: there is none")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/export"), ("POST", "/apikeys/1")):
        status, said = bob(method, "/keys/carols" + path, {} if method == "POST" else None)
        t.equal((status, said["detail"]), (404, "there is no key carols"), f"{method} {path or '/'} of another's key: there is none")
    daemon.ctl("plan", "set", "small", "--certificates", "0")
    t.equal(bob(*cert("stolen", "bob.example", key="carols"))[0], 409, "another's key is not to be used")
    t.equal(bob("POST", "/hooks/test/eve.example")[0], 403, "nor hooks for another's name")
    daemon.ctl("site", "add", "www.bob.example:1", "www.eve.example:1")
    t.equal(names(bob("GET", "/sites"), "sites"), ["www.bob.example:1"], "of tracked sites he sees those in his domains")
    t.equal((bob("GET", "/sites/www.eve.example:1")[0], bob("DELETE", "/sites/www.eve.example:1")[0]), (404, 404), "the others are not there")
    t.equal((bob("POST", "/sites", {"sites": "eve.example:1"})[0], bob("POST", "/sites", {"sites": "shop.example:1"})[0]), (403, 201), "nor added")
    t.equal(bob("POST", "/sites/all/scan")[1]["sites"], 2, "all are all of his")
    carol("POST", "/certificates/carols/issue")
    daemon.ctl("cert", "issue", "bobs3")
    seen, all_of_it = bob("GET", "/agenda?limit=1000")[1], alice("GET", "/agenda?limit=1000")[1]
    t.equal({row["certificate"] for row in seen["agenda"]}, {"bobs3", None}, "what comes next, too, is what comes for his")
    t.equal(sorted(row["kind"] for row in seen["agenda"] if not row["certificate"]), ["scan", "scan"], "and for the sites in his domains")
    t.ok("carols" in {row["certificate"] for row in all_of_it["agenda"]}, "where others see more", all_of_it)
    seen = {event["name"] for event in bob("GET", "/events?limit=1000")[1]["events"]}
    t.ok("bobs" in seen and not seen & {"carols", "eves", "common", "alice", "ca"}, "of what happened he sees what happened to his", seen)
    status, said = bob("POST", "/keys/bobs/export", {})
    t.ok(status == 200 and "PRIVATE KEY" in said["key"], "his own private key he may have")


def handing_over(t, daemon, alice, bob, carol, dora, eve):
    t.equal(eve("POST", "/certificates/eves/owner", {"user": "bob"})[0], 403, "what does not fit in the plan is not handed over")
    t.equal(eve("POST", "/certificates/bobs/owner", {"user": "nosuch"})[0], 422, "nor to nobody known")
    t.equal([bob("POST", "/certificates/bobs/owner", {"user": to})[0] for to in ("carol", "nosuch", "")], [403] * 3,
        "who has a plan gives nothing away: it would not count any more")
    t.equal(eve("POST", "/certificates/bobs/owner", {"user": "carol"})[1]["owner"], "carol", "an operator without one hands it over")
    t.equal((bob("GET", "/certificates/bobs")[0], bob("GET", "/keys/bobs")[0]), (404, 404), "it is not his any more, nor is its key")
    t.equal((carol("GET", "/certificates/bobs")[0], carol("GET", "/keys/bobs")[0]), (200, 200), "but hers")
    done = daemon.run_ctl("cert", "hand-over", "bobs", "--to", "bob")
    t.equal((done.returncode, done.stdout.splitlines()[-1]), (0, b"bobs now belongs to bob."), "certeractl hands it back")


def tokens(t, daemon, alice, bob, carol, dora, eve):
    made = daemon.ctl("token", "add", "reader", "--role", "viewer")
    reader = Person(daemon, token=made["token"])
    t.equal((reader("GET", "/certificates")[0], reader(*cert("x", "x.example"))[0]), (200, 403), "a token has its role")
    t.matches(made["token"], r"^ctk_[A-Za-z0-9_-]{43}$", "and is long")
    with open(daemon.store + "/data.mdb", "rb") as f:
        t.ok(made["token"].encode() not in f.read(), "the store does not hold it")
    until("its last use is noted", lambda: daemon.ctl("token", "list")["tokens"][0]["used"])
    listed = daemon.ctl("token", "list")["tokens"]
    t.ok(made["token"] not in json.dumps(listed) and listed[0]["used_from"] == "127.0.0.1", "nor is it told again; its last use is", listed)
    t.equal(Person(daemon, token="ctk_nonsense")("GET", "/certificates")[0], 401, "another is none")
    t.equal(Person(daemon, token="")("GET", "/certificates")[0], 401, "nor is an empty one")
    only = Person(daemon, token=daemon.ctl("token", "add", "issuer", "--role", "operator", "--action", "read", "--action", "issue")["token"])
    t.equal([only("GET", "/certificates/carols")[0], only("POST", "/certificates/carols/issue")[0]], [200, 202], "what it was made for it does")
    t.equal([only("DELETE", "/certificates/carols")[0], only(*cert("x", "x.example"))[0], only("POST", "/certificates/carols", {"disabled": True})[0]],
        [403] * 3, "and nothing else")
    domain = Person(daemon, token=daemon.ctl("token", "add", "domain", "--role", "operator", "--domains", "bob.example")["token"])
    t.equal(names(domain("GET", "/certificates")), ["carols"], "it sees what has all its names in its domains")
    t.equal(domain("GET", "/certificates/eves")[0], 404, "nothing else is there")
    t.equal(domain("POST", "/certificates/carols", {"names": "eve.example"})[0], 403, "nor can be made")
    t.equal(domain(*cert("more", "more.bob.example"))[0], 201, "in its domains it can")
    t.equal(daemon.run_ctl("token", "add", "bad", "--role", "admin", "--domains", "bob.example").returncode, 3, "of an administrator's there is none")
    soon = daemon.ctl("token", "add", "soon", "--role", "viewer", "--expires", "30")
    t.ok(soon["expires"], "one that ends")
    for bad in (["--expires", "0"], ["--expires", "2001-01-01T00:00:00Z"], ["--from", "300.1.1.1"], ["--domains", "*.x.example"]):
        t.equal(daemon.run_ctl("token", "add", "bad", "--role", "viewer", *bad).returncode, 3, f"{bad} is refused")
    t.equal(daemon.run_ctl("token", "add", "bad", "--role", "king").returncode, 3, "so is a role that is none")
    daemon.ctl("token", "rm", "reader")
    t.equal(reader("GET", "/certificates")[0], 401, "removed is removed")
    events = [e for e in daemon.ctl("events", "--limit", "100")["events"] if e["actor"] == "token issuer"]
    t.equal([e["action"] for e in events], ["certificate.issue"], "what a token did is in the log under its name")


def token_addresses(t, daemon):
    """access.admin is 127.0.0.0/30, access.api 127.0.0.8/30."""
    token = daemon.ctl("token", "add", "somewhere", "--role", "viewer")["token"]
    here = daemon.ctl("token", "add", "here", "--role", "viewer", "--from", "127.0.0.9", "--from", "127.0.0.16/28")["token"]
    for source, any_token, one_token, person in (("127.0.0.1", 200, 401, 401), ("127.0.0.8", 200, 403, 403), ("127.0.0.9", 200, 200, 403),
            ("127.0.0.17", 403, 403, 403)):
        got = (Person(daemon, source, token)("GET", "/certificates")[0], Person(daemon, source, here)("GET", "/certificates")[0],
            Person(daemon, source)("GET", "/certificates")[0])
        t.equal(got, (any_token, one_token, person), f"from {source}: any token, one from elsewhere, none")
    stranger = Person(daemon, "127.0.0.17")
    t.equal({stranger("GET", path) for path in ("/me", "/nothing", "/users/alice")} | {stranger("POST", "/sign-in", {})}, {(403, "Forbidden\n")},
        "from nowhere nothing is told, not even that one could sign in")
    t.equal(stranger.page("/sign-in").status, 403, "nor is there a page")
    t.equal(Person(daemon, "127.0.0.8", "wrong")("GET", "/certificates"), (403, "Forbidden\n"), "a wrong token from access.api neither")


def limits_of_tokens(t, daemon, alice, bob, carol, dora, eve):
    status, made = bob("POST", "/tokens", {"name": "bobs", "role": "operator"})
    t.equal((status, made["user"]), (201, "bob"), "everybody makes tokens")
    token = Person(daemon, token=made["token"])
    t.equal(names(token("GET", "/certificates")), names(bob("GET", "/certificates")), "with his own limits")
    t.equal(token(*cert("x", "eve.example"))[0], 403, "all of them")
    t.equal(token("POST", "/keys/bobs/export", {})[0], 403, "private keys are not for tokens")
    t.equal(token("POST", "/tokens", {"name": "more", "role": "viewer"})[0], 403, "nor are more tokens")
    t.equal(bob("POST", "/tokens", {"name": "up", "role": "admin"})[0], 403, "a token has no more than the role of its maker")
    t.equal(dora("POST", "/tokens", {"name": "up", "role": "operator"})[0], 403, "whoever it is")
    t.equal(names(bob("GET", "/tokens"), "tokens"), ["bobs"], "he sees his own")
    t.equal(bob("DELETE", "/tokens/issuer")[0], 404, "and removes no other")
    t.ok("issuer" in names(alice("GET", "/tokens"), "tokens"), "an administrator sees all")
    daemon.ctl("user", "set", "bob", "--role", "viewer")
    t.equal(bob("GET", "/me")[0], 401, "whose role changes is signed out")
    t.equal(token("POST", "/certificates/bobs", {"disabled": True})[0], 403, "and his tokens have no more than that role")
    daemon.ctl("user", "set", "bob", "--disable")
    t.equal((token("GET", "/certificates")[0], bob.sign_in("bob")[0]), (401, 401), "who is disabled is shut out, with his tokens")
    daemon.ctl("user", "set", "bob", "--enable", "--role", "operator")
    t.equal((token("GET", "/certificates")[0], bob.sign_in("bob")[0]), (200, 200), "until that ends")


def leaving(t, daemon, alice, bob, carol, dora, eve):
    t.equal(daemon.run_ctl("plan", "rm", "small").returncode, 7, "a plan that somebody has stays")
    token = Person(daemon, token=carol("POST", "/tokens", {"name": "carols", "role": "viewer"})[1]["token"])
    daemon.ctl("user", "rm", "carol")
    t.equal((carol("GET", "/me")[0], token("GET", "/certificates")[0]), (401, 401), "who is removed is gone, with the tokens")
    t.equal(alice("GET", "/certificates/carols")[1]["owner"], None, "what was hers is nobody's")
    t.equal(bob("GET", "/certificates/carols")[0], 404, "and not everybody's")
    t.equal(daemon.run_ctl("user", "rm", "alice").returncode, 7, "the last administrator cannot be removed")
    t.equal(daemon.run_ctl("user", "set", "alice", "--role", "viewer").returncode, 7, "or made something else")
    t.equal(alice("POST", "/users/alice", {"disabled": True})[0], 409, "or shut out, even by herself")


def accounts(t):
    """Everybody orders from the same accounts, and sees what they are; who has limits not for whom else."""
    site = Site(t, suffix="-2", record=True)
    daemon = site.daemon

    def refuse(seen):
        if seen.kind == "neworder":
            raise Refuse(429, {"type": "urn:ietf:params:acme:error:rateLimited", "status": 429,
                "detail": "too many certificates already issued for eve.example"}, Retry_After=3600)
    site.recorder.before = refuse
    daemon.add_cert("eves", "www.eve.example", wait=False)
    daemon.wait_until("it is refused", lambda: "eve.example" in json.dumps(daemon.ctl("account", "show", "ca")), 30)
    daemon.ctl("plan", "add", "small", "--certificates", "2")
    for name, options in (("bob", {"plan": "small"}), ("eve", {})):
        add_user(daemon, name, "operator", **options)
    bob, eve = Person(daemon), Person(daemon)
    bob.sign_in("bob"), eve.sign_in("eve")
    for path in ("/accounts", "/accounts/ca", "/overview"):
        t.lacks(json.dumps(bob("GET", path)[1]), "eve.example", f"{path} tells who has a plan nothing of others' names")
    t.contains(json.dumps(eve("GET", "/accounts/ca")[1]), "eve.example", "who has none sees what is used of the CA's limits")
    t.equal((bob("GET", "/orders")[1]["total"], {o["certificate"] for o in eve("GET", "/orders")[1]["orders"]}), (0, {"eves"}), "nor has he orders of others")
    brief, full = bob("GET", "/accounts/ca")[1], eve("GET", "/accounts/ca")[1]
    t.ok(set(full) - set(brief) >= {"contact", "kid", "key", "eab_kid"} and brief["state"] == "valid", "nor how the account is registered", brief)
    t.equal(bob("GET", "/accounts")[1]["accounts"][0].get("kid"), None, "nor in the list")
    t.ok("kid" not in bob("POST", "/accounts/ca/check")[1], "nor when he has it checked")
    page = bob.page("/accounts/ca")
    t.ok(page.status == 200 and "not registered" not in page.text and "<dt>Contact</dt>" not in page.text, "the page can do without, and claims nothing else", page.text)
    page = eve.page("/overview").text
    t.ok("eve.example" in page and "free again" in page and "No limit is known" not in page, "the overview has the limit that holds it up", page)


def own_name(t):
    """A plan without domains allows any name but that behind which everybody signs in."""
    daemon = Certerad(t, name="certerad-3", server={"hostname": "certera.example"})
    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir", "--agree-terms")
    daemon.ctl("plan", "add", "any")
    add_user(daemon, "bob", "operator", plan="any")
    add_user(daemon, "eve", "operator")
    bob, eve = Person(daemon), Person(daemon)
    bob.sign_in("bob"), eve.sign_in("eve")
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", t.path("own.key"),
        "-subj", "/CN=certera.example", "-addext", "subjectAltName=DNS:certera.example", "-addext", "basicConstraints=CA:FALSE")
    csr, file = openssl(*new), openssl(*new, "-x509", "-days", "10")
    with open(t.path("own.key")) as f:
        file += f.read()
    t.equal(bob(*cert("other", "other.example"))[0], 201, "any other name")
    for how, asked in (("ordered", cert("mine", "www.example certera.example")), ("by a request", ("POST", "/certificates", {"name": "mine", "csr": csr, "account": "ca"})),
            ("imported", ("POST", "/certificates/mine/import", {"file": file})), ("added", ("POST", "/certificates/other", {"names": "certera.example"}))):
        status, said = bob(*asked)
        t.ok(status in (403, 409) and "this server's own name" in said["detail"], f"the server's own is not {how}", f"{status} {said}")
    t.equal(eve("POST", "/certificates/mine/import", {"file": file})[0], 201, "who has no plan may bring one")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
