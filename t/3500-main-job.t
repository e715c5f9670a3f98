#!/usr/bin/env python3
"""The main job: a frontend redirects, a real CA validates through it, the certificate is served and right."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NAMES = "shop.example www.shop.example"


def main(t):
    site = Site(t)
    daemon = site.daemon
    account = daemon.ctl("account", "show", "ca")
    t.equal(account["state"], "valid", "the account is registered")
    t.matches(account["kid"], r"^https://localhost:\d+/my-account/", "its URL at the CA is known")

    made = daemon.add_cert("shop", NAMES)
    cert_keys, key_keys = made["api_keys"], made["key_api_keys"]
    t.equal(len(set(cert_keys + key_keys)), 4, "four API keys, two for the certificate and two for its key")
    shown = daemon.cert("shop")
    t.equal(shown["status"], "active", "the certificate is active")
    t.equal(sorted(shown["names"]), NAMES.split(), "it is for both names")

    hits = [line for line in site.nginx.requests() if "acme-challenge" in line]
    t.ok(len(hits) >= 2 and all(" 302 " in line for line in hits), "the CA came through the redirecting nginx", hits)

    for what, get in (
        ("GET", lambda kind, key: daemon.download(kind, "shop", key)),
        ("POST", lambda kind, key: daemon.https(f"/api/{kind}/shop", body="format=pem", headers={"apiKey": key})),
    ):
        chain, key = get("certificate", cert_keys[0]), get("key", key_keys[0])
        t.equal((chain.status, key.status), (200, 200), f"{what}: certificate and key are handed out")
        check(t, what, site, chain.text, key.text)
    t.equal(daemon.download("certificate", "shop", cert_keys[1]).text, chain.text, "the second API key does as well")

    exported = daemon.ctl("cert", "export", "shop")
    t.contains(exported.get("pem", exported.get("certificate", "")), chain_of(chain.text)[0].strip(),
        "certeractl exports the same certificate")


def check(t, what, site, chain, key):
    pem = chain_of(chain)
    leaf, root = Certificate(chain), site.pebble.root()
    t.equal(public_key_of_key(key), leaf.public_key, f"{what}: the key is the certificate's")
    t.equal(leaf.names, NAMES.split(), f"{what}: its names are those asked for")
    t.ok(leaf.verified_by(root, pem[1:]), f"{what}: the chain leads to the CA's root")
    t.equal(len(pem), 2, f"{what}: it is the leaf and one intermediate")
    t.lacks(chain, root.strip(), f"{what}: without the root")


run(main)
