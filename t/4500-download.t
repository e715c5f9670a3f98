#!/usr/bin/env python3
"""The download API, call by call as documented, and every documented refusal."""
import sys
from base64 import b64decode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

CERTIFICATE, KEY = b"-----BEGIN CERTIFICATE-----", b"-----BEGIN PRIVATE KEY-----"

def main(t):
    site = Site(t)
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    key, key_key = made["api_keys"][0], made["key_api_keys"][0]
    formats(t, daemon, key, key_key)
    caching(t, daemon, key)
    documented_calls(t, daemon, key, key_key)
    refusals(t, daemon, key, key_key)
    constant_answer(t, daemon, key)
    not_yet_issued(t, daemon)
    rotation(t, daemon, key, made["api_keys"][1])


def formats(t, daemon, key, key_key):
    chain = daemon.download("certificate", "shop", key)
    t.equal(chain.status, 200, "GET hands out the certificate")
    t.matches(chain.header("Content-Type"), r"^text/plain", "as text/plain")
    t.equal(chain.header("Cache-Control"), "no-store", "not to be stored on the way")
    t.matches(chain.header("Content-Disposition"), r'filename="?[^"]*shop', "with a file name")
    t.ok(chain.header("ETag") and chain.header("Last-Modified"), "with ETag and Last-Modified")
    pem = chain_of(chain.text)
    t.equal([chain_of(daemon.download("certificate", "shop", key, chain=c).text) for c in ("true", "false", "only")],
        [pem, pem[:1], pem[1:]], "chain: true, false, only")
    production = daemon.download("certificate", "shop", key, staging="false")
    t.equal(chain_of(production.text), pem, "staging=false is the same")
    der = daemon.download("certificate", "shop", key, format="der")
    t.equal(der_of(der.body), der_of_pem(pem[0]), "format=der is the leaf")
    pem_key = daemon.download("key", "shop", key_key)
    t.matches(pem_key.text, r"^-----BEGIN PRIVATE KEY-----", "the key is PKCS#8")
    base64_key = daemon.download("key", "shop", key_key, format="der")
    t.equal(public_key_of_key(b64decode(base64_key.text), "DER"), public_key_of_key(pem_key.text),
        "format=der is it in base64")
    head = daemon.https("/api/certificate/shop", method="HEAD", headers={"apiKey": key})
    t.equal((head.status, head.body, head.header("Content-Length")), (200, b"", str(len(chain.body))),
        "HEAD: all but the body")


def caching(t, daemon, key):
    first = daemon.download("certificate", "shop", key)
    tag = first.header("ETag")
    t.equal(daemon.download("certificate", "shop", key).header("ETag"), tag, "the ETag is stable")
    again = daemon.download("certificate", "shop", key, headers={"If-None-Match": tag})
    t.equal((again.status, again.body), (304, b""), "If-None-Match: 304 without a body")
    several = daemon.download("certificate", "shop", key, headers={"If-None-Match": f'"other", W/{tag}'})
    t.equal(several.status, 304, "also in a list, and weak")
    other = daemon.download("certificate", "shop", key, headers={"If-None-Match": '"other"'})
    t.equal(other.status, 200, "another ETag: the certificate")
    leaf = daemon.download("certificate", "shop", key, headers={"If-None-Match": tag}, chain="false")
    t.equal(leaf.status, 200, "another form has another ETag")
    wrong = daemon.download("certificate", "shop", "wrong", headers={"If-None-Match": tag})
    t.equal(wrong.status, 401, "no 304 for a wrong key")
    daemon.ctl("cert", "issue", "shop", "--wait")
    new = daemon.download("certificate", "shop", key, headers={"If-None-Match": tag})
    t.ok(new.status == 200 and new.header("ETag") != tag, "issued again: another ETag", new)


def documented_calls(t, daemon, key, key_key):
    """What product.md and the README tell people to type."""
    base = f"https://localhost:{daemon.https_port}/api"
    for sentence, api_key, argv, begin in (
        ("curl with the header", key, [f"{base}/certificate/shop"], CERTIFICATE),
        ("curl -d", key, [f"{base}/certificate/shop", "-d", "staging=false&format=pem"], CERTIFICATE),
        ("curl -d chain", key, [f"{base}/certificate/shop", "-d", "chain=false"], CERTIFICATE),
        ("curl of the key", key_key, [f"{base}/key/shop"], KEY),
        ("curl -d of the key", key_key, [f"{base}/key/shop", "-d", "format=pem"], KEY),
        ("names and values in any case", key, [f"{base}/certificate/shop?Staging=False&FORMAT=PEM&CHAIN=True"], CERTIFICATE),
        ("what PowerShell makes of booleans", key, [f"{base}/certificate/shop", "-d", "staging=False&chain=False&pfxlegacy=True&Format=PFX&pfxpassword=Se+cret"], b"MI"),
        ("the key, in any case", key_key, [f"{base}/key/shop?FORMAT=Pem&certificate=shop"], KEY),
        ("curl with a query", key, [f"{base}/certificate/shop?staging=false&format=pem"], CERTIFICATE),
    ):
        for spelling, *more in (("apiKey:",), ("APIKEY: ",), ("apikey:\t",), ("apiKey: ", "-0"), ("apiKey:", "--http1.1")):
            done = run_command("curl", "-fsSk", *argv, *more, "-H", f"{spelling}{api_key}")
            if not done.stdout.startswith(begin):
                break
        t.ok(done.stdout.startswith(begin), f"{sentence}, in any case of the header's name", repr(done))


def refusals(t, daemon, key, key_key):
    def status(path, headers=None, **options):
        return daemon.https(path, headers=headers, **options).status
    mine, mine_key = {"apiKey": key}, {"apiKey": key_key}
    for path, headers, wanted in (
        ("/api/certificate/shop?format=exe", mine, 400),
        ("/api/certificate/shop?chain=maybe", mine, 400),
        ("/api/certificate/shop?staging=perhaps", mine, 400),
        ("/api/certificate/shop?format=pfx", mine, 400),
        ("/api/key/shop?format=exe", mine_key, 400),
        ("/api/certificate/shop", {}, 401),
        ("/api/certificate/shop", {"apiKey": ""}, 401),
        ("/api/certificate/shop", {"apiKey": "x" * 5000}, 401),
        ("/api/certificate/shop", {"apiKey": key[:-1]}, 401),
        ("/api/certificate/shop", {"apiKey": key + "x"}, 401),
        ("/api/certificate/shop", mine_key, 401),
        ("/api/key/shop", mine, 401),
        ("/api/key/shop", {}, 401),
        ("/api/key/nosuch", mine, 401),
        ("/api/certificate/nosuch", mine, 401),
        ("/api/certificate/shop?staging=true", mine, 404),
        ("/api/certificate/shop?staging=true", mine_key, 401),
        ("/api/certificate/shop?format=pem&Format=pem", mine, 400),
    ):
        given = headers.get("apiKey")
        whose = {None: "no", key: "the certificate's", key_key: "the key's"}.get(given, "a wrong")
        t.equal(status(path, headers), wanted, f"{path} with {whose} API key: {wanted}")
    t.equal(status("/api/certificate/shop", mine, method="DELETE"), 405, "another method: 405")
    bodies(t, daemon, key)
    t.contains(daemon.https("/api/certificate/shop?staging=True", headers=mine).text, "no staging version",
        "with a good key one is told that there is no staging version")
    problem = daemon.https("/api/certificate/shop?format=exe", headers={**mine, "Accept": "application/problem+json"})
    t.matches(problem.header("Content-Type"), r"^application/problem\+json", "a problem document, if asked for")
    t.matches(problem.text, r'"status":\s*400', "with its status")
    plain = daemon.https("/api/certificate/shop?format=exe", headers=mine)
    t.matches(plain.header("Content-Type"), r"^text/plain", "one plain sentence otherwise")
    t.ok(0 < len(plain.text.strip().splitlines()) <= 2 and "format" in plain.text, "that says what was wrong", plain)


def bodies(t, daemon, key):
    url = f"https://localhost:{daemon.https_port}/api/certificate/shop"
    def curl(*argv):
        said = run_command("curl", "-sk", "-w", "\n%{http_code}", "-H", f"apiKey: {key}", url, *argv).stdout.decode()
        return int(said.rsplit("\n", 1)[1]), said
    for what, wanted, argv in (
        ("JSON", 415, ["-H", "Content-Type: application/json", "-d", '{"format": "pfx", "pfxPassword": "hunter2"}']),
        ("multipart", 415, ["-F", "pfxPassword=hunter2"]),
        ("text", 415, ["-H", "Content-Type: text/plain", "-d", "pfxPassword=hunter2"]),
        ("JSON as a form", 400, ["-d", '{"pfxPassword": "hunter2"}']),
        ("a password alone", 400, ["-d", "hunter2"]),
        ("broken", 400, ["-d", "hunter2=%zz"]),
        ("a body of GET", 400, ["-X", "GET", "-d", "format=pfx&pfxPassword=hunter2"]),
    ):
        status, said = curl(*argv)
        t.ok(status == wanted and "hunter2" not in said, f"{what}: {wanted}, and nothing of the body is echoed", said)


def constant_answer(t, daemon, key):
    """A wrong key and an unknown name must not be told apart."""
    def answer(name, api_key, extra=""):
        request = [f"GET /api/certificate/{name}{extra} HTTP/1.1", "Host: localhost", f"apiKey: {api_key}",
            "Connection: close", "", ""]
        lines = raw_fetch(daemon.https_port, "\r\n".join(request), tls=True).split(b"\r\n")
        return [line for line in lines if not line.lower().startswith(b"date:")]
    wrong = answer("shop", "wrong")
    t.ok(wrong[0].endswith(b"401 Unauthorized"), "a wrong key: 401", wrong)
    t.equal(answer("nosuch", "wrong"), wrong, "an unknown name: the same answer, byte by byte")
    t.equal(answer("nosuch", key), wrong, "also with a key that is good elsewhere")
    t.equal(answer("shop", key[::-1]), wrong, "and with one of the same length")
    t.equal(answer("nosuch", "wrong", "?format=exe"), answer("shop", "wrong", "?format=exe"),
        "also with a mistake in it")


def not_yet_issued(t, daemon):
    made = daemon.add_cert("later", "later.example", wait=False, no_issue=True)
    answer = daemon.download("certificate", "later", made["api_keys"][0])
    t.equal(answer.status, 404, "never issued: 404, for a caller with a valid key")


def rotation(t, daemon, first, second):
    new = daemon.ctl("apikey", "rotate", "cert", "shop", "1", "--yes")
    statuses = [daemon.download("certificate", "shop", k).status for k in (first, second, new["api_key"])]
    t.equal(statuses, [401, 200, 200], "one API key is replaced, the other goes on")


def der_of(body):
    return body if body[:1] == b"\x30" else b64decode(body)


def der_of_pem(pem):
    return b64decode("".join(pem.strip().splitlines()[1:-1]))


run(main)
