#!/usr/bin/env python3
"""Every format a certificate is handed out in: fetched as documented, opened by openssl, keytool and unzip."""
import io
import os
import shutil
import sys
import zipfile
from base64 import b64decode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PASSWORD = "s3cr3t"


def main(t):
    site = Site(t)
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example www.shop.example")
    key = made["api_keys"][0]
    chain = chain_of(daemon.download("certificate", "shop", key).text)
    pem_key = daemon.ctl("key", "export", "shop")["key"]
    public(t, daemon, key, chain)
    pfx(t, daemon, key, chain, pem_key)
    bundle_and_zip(t, daemon, key, chain, pem_key)
    refusals(t, daemon, key)
    etags(t, daemon, key)
    flag(t, daemon, made)
    ctl(t, daemon, chain, pem_key)
    shared_key(t, daemon)
    events(t, daemon)


def public(t, daemon, key, chain):
    for part, wanted in (("true", chain), ("false", chain[:1]), ("only", chain[1:])):
        p7 = daemon.download("certificate", "shop", key, format="pkcs7", chain=part)
        shown = openssl("pkcs7", "-print_certs", input=p7.text)
        t.equal(chain_of(shown), wanted, f"pkcs7, chain={part}: openssl finds these certificates")
    t.equal(p7.header("Content-Type"), "application/x-pkcs7-certificates", "its type")
    t.matches(p7.header("Content-Disposition"), r'filename="shop\.p7b"', "its file name")


def opened(path, password=PASSWORD):
    """Certificates (leaf first) and key of a PFX."""
    def pkcs12(*argv):
        return openssl("pkcs12", "-in", path, "-passin", "pass:" + password, *argv)
    return chain_of(pkcs12("-nokeys")), pkcs12("-nocerts", "-nodes")


def pfx(t, daemon, key, chain, pem_key):
    url = f"https://localhost:{daemon.https_port}/api/certificate/shop"
    # product.md's call, word for word but for staging (this account is none) and our self-signed certificate.
    done = run_command("curl", "-fsSk", url, "-H", "apiKey:" + key, "-d", "staging=false&format=pfx&pfxPassword=s3cr3t")
    file = t.write("curl.pfx", b64decode(done.stdout, validate=False))
    certs, its_key = opened(file)
    t.equal(certs, chain, "the documented curl call: a PFX in base64 with the whole chain")
    t.equal(public_key_of_key(its_key), public_key_of_key(pem_key), "and the key")
    t.matches(openssl("pkcs12", "-in", file, "-passin", "pass:" + PASSWORD, "-nokeys"), "friendlyName: shop", "named after it")
    if shutil.which("keytool"):
        listed = run_command("keytool", "-list", "-v", "-storetype", "PKCS12", "-keystore", file, "-storepass", PASSWORD)
        t.ok(listed.returncode == 0 and b"PrivateKeyEntry" in listed.stdout, "keytool opens it", listed)
    else:
        t.skip("keytool opens it", "keytool is not installed (default-jre-headless)")
    leaf = daemon.download("certificate", "shop", key, format="pfx", pfxPassword=PASSWORD, chain="false")
    t.equal(opened(t.write("leaf.pfx", b64decode(leaf.text)))[0], chain[:1], "chain=false: the leaf and its key")
    old = daemon.download("certificate", "shop", key, format="pfx", pfxPassword=PASSWORD, pfxLegacy="true")
    info = run_command("openssl", "pkcs12", "-in", t.write("old.pfx", b64decode(old.text)), "-passin", "pass:" + PASSWORD,
        "-info", "-noout")
    t.contains(info.stderr.decode(), "pbeWithSHA1And3-KeyTripleDES-CBC", "pfxLegacy=true: 3DES")
    raw = daemon.download("certificate", "shop", key, headers={"Accept": "application/x-pkcs12"}, format="pfx",
        pfxPassword=PASSWORD)
    t.equal((raw.header("Content-Type"), opened(t.write("raw.pfx", raw.body))[0]), ("application/x-pkcs12", chain),
        "Accept: application/x-pkcs12: the bytes themselves")
    t.matches(raw.header("Content-Disposition"), r'filename="shop\.pfx"', "with its file name")
    odd = "pässwörd €&=+ %"
    utf8 = daemon.download("certificate", "shop", key, format="pfx", pfxPassword=odd)
    t.equal(opened(t.write("utf8.pfx", b64decode(utf8.text)), odd)[0], chain, "a password of all kinds of characters")
    posted = daemon.https("/api/certificate/shop", headers={"apiKey": key},
        body="format=pfx&pfxPassword=s3cr3t", method="POST")
    t.equal(posted.status, 200, "POST with a form")


def bundle_and_zip(t, daemon, key, chain, pem_key):
    bundle = daemon.download("certificate", "shop", key, format="bundle")
    t.equal((bundle.text.startswith("-----BEGIN PRIVATE KEY-----"), chain_of(bundle.text)), (True, chain), "bundle: key and chain")
    t.equal(public_key_of_key(bundle.text), public_key_of_key(pem_key), "the same key")
    archive = daemon.download("certificate", "shop", key, format="zip")
    t.equal(archive.header("Content-Type"), "application/zip", "zip: its type")
    z = zipfile.ZipFile(io.BytesIO(archive.body))
    t.equal(z.namelist(), ["certificate.crt", "private.key", "ca_bundle.crt", "fullchain.pem"], "zip: the four files")
    t.equal(z.testzip(), None, "whole")
    t.equal([chain_of(z.read(n).decode()) for n in ("certificate.crt", "ca_bundle.crt", "fullchain.pem")],
        [chain[:1], chain[1:], chain], "leaf, intermediates, chain")
    t.equal(public_key_of_key(z.read("private.key").decode()), public_key_of_key(pem_key), "and the key")
    if shutil.which("7z"):
        tested = run_command("7z", "t", t.write("7.zip", archive.body))
        t.ok(tested.returncode == 0 and b"Everything is Ok" in tested.stdout, "7z finds no fault", tested.stdout)
    else:
        t.skip("7z finds no fault", "7z is not installed (p7zip-full)")
    if shutil.which("unzip"):
        tested = run_command("unzip", "-t", t.write("x.zip", archive.body))
        t.ok(tested.returncode == 0, "unzip finds no fault", tested.stdout)
    else:
        t.skip("unzip finds no fault", "unzip is not installed")


def refusals(t, daemon, key):
    for query in ("format=pfx", "format=pfx&pfxPassword=", "format=jks", "format=exe", "format=bundle&chain=only",
            "format=zip&chain=false", "format=pfx&pfxPassword=x&pfxLegacy=perhaps"):
        answer = daemon.https("/api/certificate/shop?" + query, headers={"apiKey": key})
        t.equal((answer.status, b"PRIVATE" in answer.body), (400, False), f"{query}: 400")
    wrong = daemon.download("certificate", "shop", "wrong", format="bundle")
    t.equal(wrong.status, 401, "a wrong API key: 401")


def etags(t, daemon, key):
    def get(**parameters):
        headers = parameters.pop("headers", None)
        return daemon.download("certificate", "shop", key, headers=headers, **parameters)
    forms = [{"format": "pfx", "pfxPassword": "x"}, {"format": "pfx", "pfxPassword": "x", "pfxLegacy": "true"},
        {"format": "bundle"}, {"format": "zip"}, {"format": "pkcs7"}, {"format": "der"}, {}, {"chain": "false"}]
    tags = [get(**form).header("ETag") for form in forms]
    t.equal(len(set(tags)), len(forms), "each form has an ETag of its own")
    t.equal([get(**form).header("ETag") for form in forms], tags, "that stays, also of what is random each time")
    t.equal([get(headers={"If-None-Match": tag}, **form).status for form, tag in zip(forms, tags)], [304] * len(forms),
        "If-None-Match: 304")
    daemon.ctl("cert", "issue", "shop", "--wait")
    t.equal([get(headers={"If-None-Match": tag}, **form).status for form, tag in zip(forms, tags)], [200] * len(forms),
        "and 200 with the next version")


def flag(t, daemon, made):
    key = made["api_keys"][1]
    def statuses():
        return [daemon.download("certificate", "shop", key, **q).status
            for q in ({"format": "pfx", "pfxPassword": "x"}, {"format": "bundle"}, {"format": "zip"}, {}, {"format": "pkcs7"})]
    t.equal(statuses(), [200, 200, 200, 200, 200], "key-download is on at first")
    daemon.ctl("cert", "key-download", "shop", "off")
    t.equal(statuses(), [403, 403, 403, 200, 200], "off: 403 for what holds the key, the rest goes on")
    t.equal(daemon.cert("shop")["key_withheld"], True, "and it is shown")
    new = daemon.ctl("apikey", "rotate", "cert", "shop", "2", "--yes")["api_key"]
    t.equal(daemon.download("certificate", "shop", new, format="bundle").status, 403, "also for a new API key")
    daemon.ctl("cert", "key-download", "shop", "on")
    key = new
    t.equal(statuses(), [200, 200, 200, 200, 200], "on again")


def others(t, daemon):
    """What somebody else has put where a private key is written."""
    out = t.path("prepared.pem")
    mine = t.write("mine", "mine")
    os.link(mine, out + ".new")
    daemon.run_ctl("cert", "export", "shop", "--format", "bundle", "--out", out)
    t.equal((open(mine).read(), os.stat(out).st_nlink), ("mine", 1), "a file that waits beside the place of a key does not get the key")
    for place in (t.dir, link(t, "link.pem", out)):
        done = daemon.run_ctl("cert", "export", "shop", "--format", "bundle", "--out", place)
        t.ok(done.returncode == 2 and b"not a regular file" in done.stderr, "nor is a directory or a link replaced by it", done.stderr)
    t.ok(os.path.islink(t.path("link.pem")), "it is still there")


def link(t, name, to):
    os.symlink(to, t.path(name))
    return t.path(name)


def ctl(t, daemon, chain, pem_key):
    chain = chain_of(daemon.ctl("cert", "export", "shop")["pem"])
    password = t.write("password", PASSWORD + "\n")
    for form, check in (("pfx", lambda f: opened(f)[0]), ("pkcs7", lambda f: chain_of(openssl("pkcs7", "-print_certs", "-in", f))),
            ("zip", lambda f: chain_of(zipfile.ZipFile(f).read("fullchain.pem").decode())),
            ("bundle", lambda f: chain_of(open(f).read())), ("pem", lambda f: chain_of(open(f).read()))):
        out = t.path("out." + form)
        extra = ["--password-file", password] if form == "pfx" else []
        daemon.run_ctl("cert", "export", "shop", "--format", form, "--out", out, *extra)
        t.equal(check(out), chain, f"certeractl cert export --format {form}")
        t.equal(os.stat(out).st_mode & 0o777, 0o600, "readable to its owner alone")
    others(t, daemon)
    out = t.path("encrypted.pem")
    daemon.run_ctl("cert", "export", "shop", "--format", "bundle", "--password-file", password, "--out", out)
    t.contains(open(out).read(), "BEGIN ENCRYPTED PRIVATE KEY", "a bundle with a password: the key is encrypted")
    t.ok(openssl("pkey", "-in", out, "-passin", "pass:" + PASSWORD), "openssl opens it")
    first = daemon.ctl("cert", "export", "shop", "--version", "1", "--format", "bundle")["pem"]
    t.ok(public_key_of_key(first) == public_key_of_key(pem_key) and chain_of(first) != chain,
        "--version 1: the past one, with the key it had")
    t.ok(daemon.run_ctl("cert", "export", "shop", "--format", "pfx").returncode, "pfx without a password is refused")


def shared_key(t, daemon):
    """Two certificates with one key, named when they were added: the API keys of both may have it."""
    daemon.ctl("key", "add", "common")
    made = [daemon.add_cert(n, n + ".example", key="common", reuse_key=True) for n in ("one", "two")]
    bundles = [daemon.download("certificate", n, m["api_keys"][0], format="bundle") for n, m in zip(("one", "two"), made)]
    t.equal([b.status for b in bundles], [200, 200], "a key of two certificates goes to the API keys of both")
    t.equal(public_key_of_key(bundles[0].text), public_key_of_key(bundles[1].text), "it is the same key")


def events(t, daemon):
    actions = [e["action"] for e in daemon.ctl("events", "--object", "shop", "--limit", "100")["events"]]
    t.ok("certificate.exported" in actions, "an export with the key is in the audit log", actions)
    daemon.stop()
    daemon.begin()
    events = daemon.ctl("events", "--object", "shop", "--limit", "100")["events"]
    fetched = [e for e in events if e["action"] == "certificate.key_fetched"]
    t.ok(fetched and fetched[0]["actor"].startswith("API key"), "and downloads with the key, by which API key", events)


run(main)
