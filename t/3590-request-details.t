#!/usr/bin/env python3
"""What a certificate request says besides its names: subject fields, must-staple; and what the CA makes of it."""
import json
import os
import sys
from base64 import urlsafe_b64decode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

ALL = {"country": "DE", "state": "Bayern", "locality": "München", "organization": "Foo, Inc.", "organizational-unit": "Ops",
    "common-name": "www.shop.example", "email": "admin@shop.example"}
SUBJECT = "C=DE, ST=Bayern, L=München, O=Foo\\, Inc., OU=Ops, CN=www.shop.example, emailAddress=admin@shop.example"


def main(t):
    site = Site(t, record=True)
    daemon, recorder = site.daemon, site.recorder
    plain(t, daemon, recorder)
    all_of_it(t, daemon, recorder)
    changed(t, daemon, recorder)
    defaults(t, daemon, recorder)
    refused(t, daemon)
    on_the_pages(t, daemon, recorder)


def request(recorder):
    """The last one that was sent: its subject, and all of it as openssl shows it."""
    der = urlsafe_b64decode(recorder.of("finalize")[-1].payload["csr"] + "==")
    shown = ["-inform", "DER", "-noout", "-nameopt", "sep_comma_plus_space,esc_2253,utf8"]
    return openssl("req", *shown, "-subject", input=der).strip().removeprefix("subject="), openssl("req", *shown, "-text", input=der)


def plain(t, daemon, recorder):
    daemon.add_cert("plain", "plain.example")
    subject, text = request(recorder)
    t.equal((subject, "status_request" in text), ("", False), "without a word about it, a request has names only, and no must-staple")
    t.equal((daemon.cert("plain")["request_shown"], daemon.cert("plain")["must_staple"]), (None, False), "and nothing is shown")


def all_of_it(t, daemon, recorder):
    daemon.add_cert("shop", "shop.example www.shop.example", must_staple=True, **ALL)
    subject, text = request(recorder)
    t.equal(subject, SUBJECT, "the request has what was chosen")
    t.contains(text, "status_request", "and must-staple")
    shown = daemon.cert("shop")
    t.equal(set(shown["dropped"]), {"country", "state", "locality", "organization", "organizational unit", "common name", "e-mail address", "OCSP must-staple"}
        - kept(daemon), "what the CA left out is said")
    t.contains(daemon.run_ctl("cert", "show", "shop").stdout, b"organization, ", "to people at a command line")
    events = daemon.ctl("events", "--object", "shop", "--action", "certificate.warned")["events"]
    t.ok(events and "did not put into the certificate" in events[0]["message"], "and in the audit log", events)


def kept(daemon):
    """What is in the certificate: Pebble takes the common name, some versions of it."""
    text = daemon.leaf("shop")._x509("-subject", "-ext", "tlsfeature")
    return {what for word, what in (("www.shop.example\n", "common name"), ("status_request", "OCSP must-staple")) if word in text}


def changed(t, daemon, recorder):
    before = daemon.cert("shop")["orders"]
    daemon.ctl("cert", "set", "shop", "--organization", "", "--email", "", "--no-must-staple", "--locality", "Kempten")
    t.equal(daemon.cert("shop")["orders"], before, "a change orders nothing by itself")
    daemon.ctl("cert", "issue", "shop", "--wait")
    subject, text = request(recorder)
    t.equal((subject, "status_request" in text), ("C=DE, ST=Bayern, L=Kempten, OU=Ops, CN=www.shop.example", False), "but counts for the next request")
    daemon.ctl("cert", "set", "shop", "--names", "shop.example", "--wait")
    t.contains(request(recorder)[0], "CN=shop.example", "a common name that is no name any more becomes the first name")


def defaults(t, daemon, recorder):
    daemon.configure(csr={"country": "AT", "organization": "Beispiel GmbH", "common_name": "first", "must_staple": True})
    daemon.reload()
    daemon.add_cert("usual", "a.usual.example b.usual.example")
    subject, text = request(recorder)
    t.equal((subject, "status_request" in text), ("C=AT, O=Beispiel GmbH, CN=a.usual.example", True), "defaults in the configuration count for new certificates")
    daemon.add_cert("unusual", "unusual.example", country="", common_name="", organization="Else", no_must_staple=True)
    subject, text = request(recorder)
    t.equal((subject, "status_request" in text), ("O=Else", False), "where a certificate does not say otherwise")
    daemon.ctl("cert", "issue", "plain", "--wait")
    t.equal(request(recorder)[0], "", "those that are there stay as they are")
    again = daemon.run_ctl("cert", "add", "unusual", "--names", "unusual.example", "--account", "ca", "--organization", "Other")
    t.ok(again.returncode == 7 and b"organization" in again.stderr, "the same name with another organization is not the same certificate", again.stderr)


def refused(t, daemon):
    for member, value, words in (("country", "Germany", "7 characters"), ("common_name", "other.example", "not one of"), ("email", "nobody", "no @"),
            ("organization", "a\nb", "not possible")):
        status, said = daemon.api("POST", "/certificates", {"name": "bad", "names": "bad.example", "account": "ca", member: value})
        t.ok(status == 422 and said["errors"][0]["field"] == member and words in said["detail"], f"{member} {value!r}: refused, and why", said)
        status, said = daemon.api("POST", "/certificates/shop", {member: value})
        t.ok(status == 422 and said["errors"][0]["field"] == member, "also as a change", said)
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", t.path("own.key"), "-out", t.path("own.csr"),
        "-subj", "/CN=own.example", "-addext", "subjectAltName=DNS:own.example")
    done = daemon.run_ctl("cert", "add", "own", "--csr-file", t.path("own.csr"), "--account", "ca", "--organization", "Foo")
    t.ok(done.returncode == 3 and b"says this already" in done.stderr, "a request of one's own says it itself", done.stderr)
    t.equal(daemon.run_ctl("cert", "add", "own", "--csr-file", t.path("own.csr"), "--account", "ca", "--wait").returncode, 0, "and gets no defaults")


def on_the_pages(t, daemon, recorder):
    add_user(daemon, "root")
    person = Person(daemon)
    person.sign_in("root")
    t.contains(person.page("/new/certificate").text, "Organization (O)", "the form for a new certificate has the fields")
    page = person.page("/certificates/usual").text
    t.ok('value="Beispiel GmbH"' in person.page("/certificates/usual/settings").text and "The CA left out: country, organization" in page, "the page shows what is asked for, and what the CA left out")
    answer = person.form("/certificates/usual?staging=false", "/certificates/usual", country="FR", state="", locality="", organization="",
        organizational_unit="", common_name="", email="", must_staple="false", _form="certificate_details",
        _empty="country state locality organization organizational_unit common_name email")
    shown = daemon.cert("usual")
    t.equal((answer.status, shown["country"], shown["organization"], shown["must_staple"]), (303, "FR", None, False), "and changes it")


run(main)
