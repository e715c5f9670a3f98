#!/usr/bin/env python3
"""Nobody looks into our networks through us: at private addresses we look for administrators, for operators where a setting
allows it, for users with a plan never.  Sites, STARTTLS, checks of web servers, certificates added and uploaded."""
import sys
from urllib.parse import quote
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

INSIDE = "127.0.0.1"  # where every name leads


def main(t):
    names, canary = Names(t), Talker(lambda connection: None, address=INSIDE)
    resolvers = f"127.0.0.1:{names.port}"
    daemon = Certerad(t,
        preflight={"enabled": True, "port": canary.port, "resolvers": resolvers, "timeout": "3s", "private": ""},
        tracking={"port": canary.port, "resolvers": resolvers, "timeout": "3s", "private": ""})
    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir", "--agree-terms")
    daemon.ctl("plan", "add", "small", "--domains", "inside.example")
    for name, role, options in (("admin", "admin", {}), ("operator", "operator", {}), ("planned", "operator", {"plan": "small"})):
        add_user(daemon, name, role, **options)
    people = {name: Person(daemon) for name in ("admin", "operator", "planned")}
    for name, person in people.items():
        person.sign_in(name)
    people["token"] = Person(daemon, token=daemon.ctl("token", "add", "robot", "--role", "operator")["token"])
    world = World(t, daemon, canary)

    for who, person in people.items():
        world.look(person, who, "nothing-listed", who == "admin")
    listed = {"private": "127.0.0.0/30"}
    daemon.configure(preflight=listed, tracking=listed)
    daemon.reload()
    for who in ("operator", "planned", "token"):
        world.look(people[who], who, "listed", who != "planned")
    later(t, world, people)
    t.equal(daemon.stop(), 0, "it ends cleanly")


class World:
    def __init__(self, t, daemon, canary):
        self.t, self.daemon, self.canary, self.authority = t, daemon, canary, Authority(t)

    def wait(self, path, condition):
        return self.daemon.wait_until(f"{path} has an end",
            lambda: condition(self.daemon.api("GET", path)[1]) and self.daemon.api("GET", path)[1])

    def look(self, person, who, when, allowed):
        """All that makes us connect somewhere."""
        def seen(what, state, text, before):
            reached = self.canary.count > before
            self.t.equal(reached, allowed, f"{what} of {who}, {when}: {'looked at' if allowed else 'not connected to'}")
            if not allowed:
                self.t.ok("not a public" in text and state in ("unchecked", "unknown", "passed"), "which is said, and is no fault", (state, text))
        name = f"{who}.{when}.inside.example"
        for scheme in ("", "smtp://"):
            before, site = self.canary.count, f"{scheme}{name}:{self.canary.port}"
            self.t.equal(person("POST", "/sites", {"sites": site})[0], 201, f"{site} is tracked")
            shown = self.wait("/sites/" + quote(site, ""), lambda s: s["scanned"])
            seen(site, shown["state"], str(shown), before)

        before = self.canary.count
        status, check = person("POST", "/checks", {"names": name})
        check = self.wait(f"/checks/{check['id']}", lambda c: c["state"] != "open")
        seen("a check of names", check["state"], str(check), before)

        before, cert = self.canary.count, f"{who}-{when}"
        person("POST", "/certificates", {"name": cert, "names": name, "account": "ca", "issue": False})
        person("POST", f"/certificates/{cert}/check", {})
        check = self.wait(f"/certificates/{cert}/check", lambda c: c["state"] != "open")
        seen("the check of a certificate", check["state"], str(check), before)

        before, cert = self.canary.count, f"{who}-{when}-uploaded"
        pair = self.authority.leaf(f"DNS:{name}")
        status, made = person("POST", f"/certificates/{cert}/import",
            {"file": "".join(open(file).read() for file in pair)})
        self.daemon.api("POST", f"/certificates/{cert}/live")
        live = self.wait(f"/certificates/{cert}/live", lambda l: l["looks"])
        seen("a certificate uploaded", live["state"], str(live), before)


def later(t, world, people):
    """Who enters the names is what counts, then and later."""
    daemon, port = world.daemon, world.canary.port
    daemon.configure(preflight={"private": ""}, tracking={"private": ""})
    daemon.reload()
    site = f"operator.listed.inside.example:{port}"
    t.equal(daemon.ctl("site", "scan", site)["state"], "unchecked", "a network taken from the setting again is closed")
    before = world.canary.count
    t.equal(people["admin"]("POST", "/sites", {"sites": site})[1]["already"], [site], "an administrator adds the same site")
    daemon.wait_until("it is looked at, wherever it is", lambda: world.canary.count > before)

    def checked(cert):
        before = world.canary.count
        daemon.run_ctl("cert", "check", cert)
        return world.canary.count > before
    t.ok(checked("admin-nothing-listed"), "names of an administrator")
    people["operator"]("POST", "/certificates/admin-nothing-listed", {"note": "x"})
    t.ok(checked("admin-nothing-listed"), "stay an administrator's when an operator changes something else")
    people["operator"]("POST", "/certificates/admin-nothing-listed", {"names": "other.example"})
    t.ok(not checked("admin-nothing-listed"), "and are the operator's when those are changed")
    daemon.configure(preflight={"private": "127.0.0.1"})
    daemon.reload()
    t.ok(checked("operator-listed"), "an operator's, in a listed network")
    daemon.ctl("user", "set", "operator", "--plan", "small")
    t.ok(not checked("operator-listed"), "until the operator gets a plan")


run(main)
