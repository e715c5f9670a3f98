#!/usr/bin/env python3
"""Web servers of names that have no certificate yet are checked: with a dry run, and by the API."""
import json
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    names, port = Names(t), free_port()
    daemon = Certerad(t, preflight={"enabled": True, "port": port, "resolvers": f"127.0.0.1:{names.port}", "timeout": "3s"})
    Nginx(t, f"http://127.0.0.1:{daemon.http_port}", port=port)
    Nginx(t, server="location / { return 404; }", name="missing", port=port, address="127.0.0.2")
    names.tell("add-a", host="missing.example.", addresses=["127.0.0.2"])
    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir")

    def dry_run(wanted, *options):
        return daemon.run_ctl(*options, "cert", "add", "new", "--names", wanted, "--account", "ca", "--dry-run", "--preflight")
    done = dry_run("good.example www.good.example")
    t.ok(done.returncode == 0 and done.stdout.count(b"redirects to us") == 2, "each name is looked at, as its CA would", done)
    t.contains(done.stdout.decode(), "this was a dry run", "with what would be ordered")
    done = dry_run("good.example missing.example")
    t.ok(done.returncode != 0 and b"answers 404 itself" in done.stdout + done.stderr, "what is wrong is said", done)
    t.contains(done.stdout.decode(), "location ^~", "with the rule that is missing")
    plan = json.loads(dry_run("missing.example", "--json").stdout)
    t.equal((plan["dry_run"], plan["check"]["state"]), (True, "failed"), "as one JSON value")
    t.equal(daemon.ctl("cert", "list")["certificates"], [], "and nothing is added")

    status, check = daemon.api("POST", "/checks", {"names": "good.example"})
    t.equal((status, check["state"]), (202, "open"), "by the API")
    daemon.wait_until("it has ended", lambda: daemon.api("GET", f"/checks/{check['id']}")[1]["state"] == "passed")
    t.equal(daemon.api("GET", f"/checks/{check['id']}")[1]["names"], ["good.example"], "it can be looked at for a while")
    t.ok([r for r in daemon.ctl("agenda")["agenda"] if r["kind"] == "check"], "and is then forgotten by the agenda")
    t.equal(daemon.api("GET", "/checks/nosuch")[0], 404, "no such check")
    for body in ({"names": "*.good.example"}, {"names": "b_c!"}, {}):
        t.equal(daemon.api("POST", "/checks", body)[1]["errors"][0]["field"], "names", f"refused: {body}")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
