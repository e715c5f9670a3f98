#!/usr/bin/env python3
"""Creating the same thing again answers with the one that is there; a dry run says what would be, and makes nothing."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t)
    api = daemon.api
    def same(what, path, body, member, first=201):
        made = api("POST", path, body)
        again = api("POST", path, body)
        t.equal((made[0], again[0], again[1].get("existing")), (first, 200, True), f"{what}: sent again, it is there")
        found = again[1][member] if member else again[1]
        t.equal(found["id"], (made[1][member] if member else made[1])["id"], f"{what}: the same one")
        t.ok("api_keys" not in again[1] and "key_api_keys" not in again[1], f"{what}: its API keys are not shown twice")
        return made[1]
    def other(path, body, change, member):
        status, problem = api("POST", path, {**body, **change})
        t.ok(status == 409 and f'"{member}"' in problem["detail"] and problem["errors"][0]["field"] == "name",
            f"{path}: another {member} is refused", problem)

    account = {"name": "ca", "directory": "https://localhost:1/dir", "contact": ["a@example.org"], "terms_agreed": True}
    same("an account", "/accounts", account, None, 202)
    for change in ({"directory": "https://localhost:1/other"}, {"contact": ["b@example.org"]}, {"key_type": "rsa2048"}):
        status, said = api("POST", "/accounts", {**account, **change})
        t.equal((status, said.get("directory"), said.get("contact")), (202, {**account, **change}["directory"], ["mailto:" + c for c in
            {**account, **change}["contact"]]), "an account that is not registered is corrected")

    pem, pem2 = (openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256") for _ in range(2))
    same("a key", "/keys", {"name": "k", "type": "p384", "description": "a note"}, "key")
    other("/keys", {"name": "k"}, {"type": "p256"}, "type")
    other("/keys", {"name": "k"}, {"description": "another"}, "description")
    same("an imported key", "/keys", {"name": "own", "pem": pem}, "key")
    other("/keys", {"name": "own"}, {"pem": pem2}, "pem")
    same("an imported account", "/accounts", {**account, "name": "mine", "key_pem": pem}, None, 202)
    t.equal(api("POST", "/accounts", {**account, "name": "mine", "key_pem": pem2})[0], 202, "which gets another key")
    t.equal(api("POST", "/keys", {"name": "account-ca"})[0], 409, "an account's key is none for certificates")

    cert = {"name": "shop", "names": "Shop.example, www.shop.example", "account": "ca", "key_type": "p256", "tags": ["a"], "note": "n",
        "issue": False, "renew_before": "10"}
    dry_runs(t, daemon, cert)
    made = same("a certificate", "/certificates", cert, "certificate")
    for change, member in (({"names": "shop.example"}, "names"), ({"account": "mine"}, "account"), ({"key_type": "p384"}, "key_type"),
            ({"key": "k"}, "key"), ({"tags": []}, "tags"), ({"key_reuse": True}, "key_reuse"), ({"renew_before": "11"}, "renew_before"),
            ({"challenge": "dns-01"}, "challenge")):
        other("/certificates", {k: v for k, v in cert.items() if k != "key_type" or member != "key"}, change, member)
    t.equal(api("POST", "/certificates", {k: cert[k] for k in ("name", "names", "account")})[0], 200,
        "what is not said may be as it is")
    said = daemon.run_ctl("cert", "add", "shop", "--names", "shop.example www.shop.example", "--account", "ca").stdout.decode()
    t.ok("already exists" in said and "API keys of" not in said, "certeractl says so", said)
    t.equal(len(daemon.ctl("cert", "list")["certificates"]), 1, "there is one certificate")
    added = [e for e in api("GET", "/events", limit=1000)[1]["events"] if e["action"].endswith(".added")]
    t.equal(len(added), len({e["object"] for e in added}), "and one event for each thing")
    t.equal(api("POST", "/certificates/shop/apikeys/1")[0], 200, "a lost API key is replaced")
    t.ok(made["api_keys"], "the first answer had them")
    completed(t, daemon)


def dry_runs(t, daemon, cert):
    status, plan = daemon.api("POST", "/certificates", cert, dry_run="true")
    t.equal((status, plan["dry_run"], plan["existing"], plan["new_key"]), (200, True, False, True), "a dry run")
    t.equal([(p["name"], p["challenge"], p["url"]) for p in plan["proofs"]], [(n, "http-01", f"http://{n}/.well-known/acme-challenge/")
        for n in ("shop.example", "www.shop.example")], "says how and where each name is proved")
    t.equal((plan["certificate"]["names"], plan["offers"]), (["shop.example", "www.shop.example"], []), "and what would be ordered")
    t.ok(any("not ready" in f for f in plan["findings"]), "and what is in the way", plan["findings"])
    for names, challenge, offers in (("shop.example", "http-01", ["www.shop.example"]), ("www.shop.example", "http-01", ["shop.example"]),
            ("*.shop.example", "dns-01", ["shop.example"]), ("*.shop.example shop.example", "dns-01", []), ("a.shop.example", "http-01", []),
            ("192.0.2.1", "http-01", [])):
        plan = daemon.api("POST", "/certificates", {**cert, "names": names, "challenge": challenge}, dry_run="true")[1]
        t.equal(plan["offers"], offers, f"{names}: offered is {offers or 'nothing'}")
        plan = daemon.api("POST", "/certificates", {**cert, "names": names, "challenge": challenge, "www": True}, dry_run="true")[1]
        t.equal((plan["added"], plan["offers"], plan["certificate"]["names"]), (offers, [], names.split() + offers), f"{names}: with www, they are added")
    for more, found in (({"challenge": "dns-01"}, True), ({"challenge": "dns-01", "by_hand": True}, False), ({"challenge": "dns-01", "hook_set": "own"}, False), ({}, False)):
        said = daemon.api("POST", "/certificates", {**cert, **more}, dry_run="true")[1]["findings"]
        t.equal(any("No script sets DNS records" in f for f in said), found, f"{more}: {'a' if found else 'no'} script is missing")
    t.equal(plan["proofs"][0]["url"], "http://192.0.2.1/.well-known/acme-challenge/", "an address")
    t.equal(plan["limits"], [], "and which limits it touches: this CA has none that are known")
    t.equal(daemon.api("POST", "/certificates", {**cert, "names": "b_c!"}, dry_run="true")[0], 422, "it refuses what an order would")
    t.equal(daemon.api("POST", "/certificates", cert, dry_run="maybe")[0], 400, "dry_run is true or false")
    said = daemon.run_ctl("cert", "add", "shop", "--names", "shop.example", "--account", "ca", "--dry-run").stdout.decode()
    t.ok("www.shop.example" in said and "dry run" in said, "for people", said)
    t.equal((daemon.ctl("cert", "list")["certificates"], [k["name"] for k in daemon.ctl("key", "list", "--search", "shop")["keys"]],
        daemon.api("GET", "/events", action="certificate")[1]["total"]), ([], [], 0), "nothing was made")


def completed(t, daemon):
    """Auto-fill of www and apex, switchable (CentralNic: automatically generated domains)."""
    def names(*argv):
        return daemon.ctl("cert", "add", *argv, "--account", "ca", "--no-issue", "--no-reuse-key")["certificate"]["names"]
    t.equal(names("www0", "--names", "a.example"), ["a.example"], "names are what was given")
    t.equal(names("www1", "--names", "a.example", "--www"), ["a.example", "www.a.example"], "or completed")
    status, said = daemon.api("POST", "/certificates", {"name": "www1", "names": "a.example", "account": "ca", "www": True})
    t.equal((status, said.get("existing")), (200, True), "sent again, it is there")
    said = daemon.run_ctl("cert", "add", "www9", "--names", "b.example", "--account", "ca", "--www", "--dry-run").stdout.decode()
    t.matches(said, r"Added +www\.b\.example", "a dry run says what is added")
    daemon.configure(certificates={"www": True})
    daemon.reload()
    t.equal((names("www2", "--names", "www.a.example *.b.example", "--challenge", "dns-01"), names("www3", "--names", "a.example", "--no-www")),
        (["www.a.example", "*.b.example", "a.example", "b.example"], ["a.example"]), "as configured, unless said otherwise")


run(main)
