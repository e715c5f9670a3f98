#!/usr/bin/env python3
"""Before a CA is asked, web servers are looked at as it will: through every address, and what is wrong is said exactly."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

CHALLENGE = "/.well-known/acme-challenge/"


def main(t):
    names, port = Names(t), free_port()
    daemon = Certerad(t, server={"hostname": "certera.example"}, acme={"timeout": "5s"},
        preflight={"enabled": True, "port": port, "resolvers": f"127.0.0.1:{names.port}", "timeout": "3s"})
    here = f"http://127.0.0.1:{daemon.http_port}"
    server = Nginx(t, here, port=port)
    pebble = Pebble(t, port, names=names)
    daemon.add_account(pebble)

    daemon.add_cert("good", "good.example www.good.example")
    t.equal(daemon.cert("good")["status"], "active", "where everything is right it is ordered and issued")
    done = daemon.run_ctl("cert", "check", "good")
    t.equal((done.returncode, done.stdout.count(b"redirects to us")), (0, 2), "cert check says so for each name")

    others = {
        "missing": "return 404;", "login": "return 200 'please log in';", "other": f"return 302 http://127.0.0.1:{port}/elsewhere;",
        "loop": f"return 302 http://loop.example:{port}$request_uri;", "see": f"return 303 {here}$request_uri;",
        "nowhere": f"return 302 http://127.0.0.1:{free_port()}$request_uri;", "scheme": "return 302 'ftp://x.example/\x1b[31m';",
    }
    for n, (name, rule) in enumerate(others.items(), 2):
        Nginx(t, server=f"location / {{ {rule} }}", name=name, port=port, address=f"127.0.0.{n}")
        names.tell("add-a", host=f"{name}.example.", addresses=[f"127.0.0.{n}"])
    Apache(t, "apache", "", port=port, address="127.0.0.50")
    names.tell("add-a", host="apache.example.", addresses=["127.0.0.50"])
    names.tell("add-a", host="closed.example.", addresses=["127.0.0.77"])
    names.tell("add-a", host="two.example.", addresses=["127.0.0.1", "127.0.0.77"])
    names.tell("add-aaaa", host="half.example.", addresses=["::1"])
    names.tell("add-a", host="mixed.example.", addresses=["127.0.0.1", "127.0.0.2"])
    names.tell("add-a", host="six.example.", addresses=["127.0.0.77"])
    names.tell("add-aaaa", host="six.example.", addresses=["::1"])
    orders = pebble.orders()
    for name, says, hint in (
            ("missing", "answers 404 itself", "location ^~ " + CHALLENGE),
            ("login", "answers 200 itself", "certera.example"),
            ("other", "where it redirects to, answers 404", "return 302 http://certera.example$request_uri"),
            ("loop", "round in a circle", "return 302"),
            ("see", "answers 303 itself", "return 302"),
            ("nowhere", "connecting to", "Is the host in its rule right"),
            ("scheme", "redirects to an invalid URL: ftp://x.example/ [31m", "return 302"),
            ("apache", "answers 404 itself", "Redirect 302 " + CHALLENGE),
            ("closed", "127.0.0.77", "port 80"),
            ("mixed", "at 127.0.0.2: answers 404 itself", "location ^~ " + CHALLENGE),
            ("six", "127.0.0.77", "open to the whole world")):
        done = daemon.run_ctl("cert", "add", name, "--names", f"{name}.example", "--account", "ca", "--wait")
        said = done.stderr.decode()
        t.ok(done.returncode == 7 and says in said, f"{name}: it says what is wrong: {says}", said)
        t.contains(str(daemon.cert(name)["error"]), hint, f"{name}: and what to do")
    t.equal(pebble.orders(), orders, "the CA was not bothered with any of them")

    for name, dead, hint in (("half", "::1", "remove the AAAA record"), ("two", "127.0.0.77", "open to the whole world")):
        # Whether it is issued depends on which address this CA tries; public ones try another.
        daemon.add_cert(name, f"{name}.example", wait=False)
        daemon.wait_for_cert(name, lambda c: c["orders"] == 1, f"nothing answers at {dead}, but at another address: ordered")
        check = daemon.cert(name)["check"]
        t.ok(check["state"] == "passed" and f"{name}.example at {dead}: connecting to" in check["warning"] and hint in check["warning"],
            "with a warning", check)
        t.contains([e["action"] for e in daemon.ctl("events", "--object", name)["events"]], "certificate.warned", "which is in the log")

    check = daemon.run_ctl("cert", "check", "half")
    t.matches(check.stdout.decode(), r"(?s)reached\s+half.example 127.0.0.1.*unreachable half.example ::1.*Warning: half.example at ::1",
        "cert check shows which address is fine and which is not")
    t.equal(check.returncode, 0, "and that nothing is in the way")
    shown = daemon.run_ctl("cert", "check", "missing").stdout.decode()
    t.contains(shown, "In every server block that listens on port 80", "it shows the rule for this server with its advice")
    t.lacks(shown, "RewriteRule", "and not those of other servers")

    daemon.ctl("cert", "set", "six", "--preflight", "off")
    daemon.run_ctl("cert", "issue", "six", "--wait")
    t.equal(daemon.cert("six")["orders"], 1, "switched off for a certificate, it is ordered without")

    names.tell("set-servfail", host="dark.example.")
    done = daemon.run_ctl("cert", "add", "dark", "--names", "dark.example", "--account", "ca", "--wait")
    t.contains(str(daemon.cert("dark")["error"]), "waiting for the CA", "what cannot be looked up from here is left to the CA")
    shown = daemon.run_ctl("cert", "check", "dark").stdout.decode()
    t.equal(shown.count("dark.example: could not be looked up from here"), 1, "which is said once for both kinds of addresses")
    t.equal(daemon.http(CHALLENGE + "x").status, 404, "no probe answers any more")


run(main)
