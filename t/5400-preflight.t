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
        "nowhere": f"return 302 http://127.0.0.1:{free_port()}$request_uri;", "scheme": "return 302 ftp://x.example/;",
    }
    for n, (name, rule) in enumerate(others.items(), 2):
        Nginx(t, server=f"location / {{ {rule} }}", name=name, port=port, address=f"127.0.0.{n}")
        names.tell("add-a", host=f"{name}.example.", addresses=[f"127.0.0.{n}"])
    Apache(t, "apache", "", port=port, address="127.0.0.50")
    names.tell("add-a", host="apache.example.", addresses=["127.0.0.50"])
    names.tell("add-a", host="closed.example.", addresses=["127.0.0.77"])
    names.tell("add-aaaa", host="half.example.", addresses=["::1"])

    orders = pebble.orders()
    for name, says, hint in (
            ("missing", "answers 404 itself", "location ^~ " + CHALLENGE),
            ("login", "answers 200 itself", "certera.example"),
            ("other", "where it redirects to, answers 404", "return 302 http://certera.example$request_uri"),
            ("loop", "round in a circle", "return 302"),
            ("see", "answers 303 itself", "return 302"),
            ("nowhere", "connecting to", "Is the host in its rule right"),
            ("scheme", "neither http nor https", "return 302"),
            ("apache", "answers 404 itself", "Redirect 302 " + CHALLENGE),
            ("closed", "127.0.0.77", "port 80"),
            ("half", "::1", "IPv6")):
        done = daemon.run_ctl("cert", "add", name, "--names", f"{name}.example", "--account", "ca", "--wait")
        said = done.stderr.decode()
        t.ok(done.returncode == 7 and says in said, f"{name}: it says what is wrong: {says}", said)
        t.contains(str(daemon.cert(name)["error"]), hint, f"{name}: and what to do")
    t.equal(pebble.orders(), orders, "the CA was not bothered with any of them")

    check = daemon.run_ctl("cert", "check", "half")
    t.matches(check.stdout.decode(), r"(?s)ok\s+half.example 127.0.0.1.*wrong half.example ::1|wrong half.example ::1.*ok\s+half.example 127",
        "cert check shows which address is fine and which is not")
    shown = daemon.run_ctl("cert", "check", "missing").stdout.decode()
    t.contains(shown, "In every server block that listens on port 80", "it shows the rule for this server with its advice")
    t.lacks(shown, "RewriteRule", "and not those of other servers")

    daemon.ctl("cert", "set", "half", "--preflight", "off")
    daemon.run_ctl("cert", "issue", "half", "--wait")
    t.ok(pebble.orders() > orders, "switched off for a certificate, it is ordered without")

    names.tell("set-servfail", host="dark.example.")
    done = daemon.run_ctl("cert", "add", "dark", "--names", "dark.example", "--account", "ca", "--wait")
    t.contains(str(daemon.cert("dark")["error"]), "waiting for the CA", "what cannot be looked up from here is left to the CA")
    t.equal(daemon.http(CHALLENGE + "x").status, 404, "no probe answers any more")


run(main)
