#!/usr/bin/env python3
"""Is it revoked?  Certificates of an own CA, its OCSP responder (openssl's) and its CRLs: what is believed and what is not."""
import http.client
import socket
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

LOOPBACK = {"private": ["127.0.0.0/8"]}


def main(t):
    ca, web = RevokingCA(t), Publisher(t)
    daemon = Certerad(t, revocation=LOOPBACK)
    real_responder(t, daemon, ca)
    ocsp_answers(t, daemon, ca, web)
    crls(t, daemon, ca, web)
    shared_crl(t, daemon, ca, web)
    other_ways(t, daemon, ca, web)
    interrupted(t, daemon, ca, web)
    outside(t, daemon, ca, web)
    bounds(t, daemon, ca, web)


def take(daemon, ca, name, alone=False, **urls):
    """Imports a leaf, and waits until it was asked about for the first time."""
    cert, key = ca.leaf(name, **urls)
    file = ca.t.write(f"{name}.all", read(cert) + ("" if alone else read(ca.cert)))
    daemon.ctl("cert", "import", name, "--file", file, "--key-file", key)
    daemon.wait_for_cert(name, lambda c: c["revocation"]["state"] or c["revocation"]["error"], "its CA was asked at the import")
    return cert


def ask(daemon, name):
    """certeractl cert revocation, whether it was answered or not: its exit code, and what it shows."""
    done = daemon.run_ctl("--json", "cert", "revocation", name)
    return done.returncode, daemon.cert(name)["revocation"]


def actions(daemon, name):
    return [e["action"] for e in daemon.ctl("events", "--object", name)["events"]]


def read(path):
    with open(path) as f:
        return f.read()


def real_responder(t, daemon, ca):
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    certs = {name: ca.leaf("real-" + name, ocsp=url, known=name != "unknown") for name in ("good", "revoked", "unknown")}
    ca.revoke(certs["revoked"][0])
    signer, key = ca.responder()
    responder = Process(t, "ocsp", ["openssl", "ocsp", "-port", port, "-index", t.path("revoking", "index"), "-CA", ca.cert,
        "-rsigner", signer, "-rkey", key, "-ndays", "1"]).start()
    responder.wait_for_log("waiting for OCSP client connections")  # a connection without a question makes it spin
    for name, status in (("good", "active"), ("revoked", "revoked"), ("unknown", "active")):
        file = t.write("all.pem", read(certs[name][0]) + read(ca.cert))
        daemon.ctl("cert", "import", name, "--file", file, "--key-file", certs[name][1])
        code, shown = ask(daemon, name)
        t.equal((code, shown["state"], shown["from"]), (0, name, url), f"openssl's responder: {name}")
        t.equal(daemon.cert(name)["status"], status, f"its status is {status}")
        t.ok(shown["asked"] and shown["next"] and not shown["error"], "when it was asked, and will be again", shown)
    shown = daemon.cert("revoked")
    t.equal((shown["revocation"]["reason"], shown["versions"][0]["found_revoked"]), ("keyCompromise", True), "why, and that we did not do it")
    t.ok(shown["revoked"] and shown["revocation"]["revoked"] == shown["revoked"], "since when", shown["revocation"])
    t.equal(actions(daemon, "revoked").count("certificate.found-revoked"), 1, "an event tells it, once")
    page(t, daemon, url)
    ask(daemon, "revoked")
    t.equal(actions(daemon, "revoked").count("certificate.found-revoked"), 1, "and not again")
    text = daemon.run_ctl("cert", "show", "revoked").stdout.decode()
    t.ok("revocation     revoked" in text and "keyCompromise" in text and url in text, "cert show says it to people", text)
    text = daemon.run_ctl("cert", "revocation", "unknown").stdout.decode()
    t.contains(text, "does not know it", "what unknown means")
    responder.end()


def browse(daemon, method, path, body=None):
    """A page, on the control socket."""
    connection = http.client.HTTPConnection("localhost", timeout=20 * PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(daemon.socket)
    connection.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"} if body else {})
    reply = connection.getresponse()
    answer = Answer(reply.status, reply.headers, reply.read())
    connection.close()
    return answer


def page(t, daemon, url):
    shown = browse(daemon, "GET", "/certificates/revoked")
    part = shown.text[shown.text.find('id="revocation"'):]
    t.ok(shown.status == 200 and ">revoked</span>" in part and "keyCompromise" in part and url in part, "the page of a certificate says it", shown)
    before = daemon.cert("good")["revocation"]["asked"]
    time.sleep(1.1)
    sent = browse(daemon, "POST", "/certificates/good/revocation?staging=false", "_page=/certificates/good")
    t.equal((sent.status, sent.header("Location")), (303, "/certificates/good"), "its button asks now")
    daemon.wait_for_cert("good", lambda c: c["revocation"]["asked"] > before, "asked again")


def ocsp_answers(t, daemon, ca, web):
    cert = take(daemon, ca, "ocsp", ocsp=web.url("/ocsp"))
    code, shown = ask(daemon, "ocsp")
    t.equal((code != 0, shown["state"], "404" in shown["error"]["detail"]), (True, None, True), "no page: no answer, and the reason")
    t.ok(shown["next"], "it is asked again")
    web.pages["/ocsp"] = ca.answer
    t.equal(ask(daemon, "ocsp")[1]["state"], "good", "an answer")
    other = RevokingCA(t, "other")
    stranger, wrong_usage = other.responder(), ca.responder("client", "clientAuth")
    by_rsa = ca.responder("by-rsa", new_key=("-newkey", "rsa:2048", "-nodes"))
    web.pages["/ocsp"] = lambda r: ca.answer(r, by_rsa)
    t.equal(ask(daemon, "ocsp")[1]["state"], "good", "another responder of that CA")
    for sentence, page, words in (
        ("an expired answer", lambda r: ca.answer_of_before(r, by_rsa), "was good until"),
        ("signed by another CA's responder", lambda r: ca.answer(r, stranger), "is not authorised"),
        ("signed by a certificate of ours that is no responder", lambda r: ca.answer(r, wrong_usage), "is not authorised"),
        ("garbage", lambda r: b"<html>hello</html>", "no OCSP answer"),
        ("nothing", lambda r: b"", "no OCSP answer"),
        ("half an answer", lambda r: ca.answer(r)[:200], "no OCSP answer"),
        ("too many bytes", lambda r: b"x" * 100000, "more than"),
        ("a server in trouble", lambda r: 500, "500"),
    ):
        web.pages["/ocsp"] = page
        code, shown = ask(daemon, "ocsp")
        t.ok(code and words in shown["error"]["detail"] and web.url("/ocsp") in shown["error"]["detail"], f"{sentence}: refused", shown)
        t.equal((shown["state"], daemon.cert("ocsp")["status"]), ("good", "active"), "what was known before stays")
    web.pages["/ocsp"] = ca.answer
    code, shown = ask(daemon, "ocsp")
    t.equal((code, shown["error"]), (0, None), "a good answer ends the trouble")
    ca.revoke(cert, "certificateHold")
    t.equal((ask(daemon, "ocsp")[1]["state"], daemon.cert("ocsp")["status"]), ("revoked", "revoked"), "on hold")
    index = read(t.path("revoking", "index")).splitlines(True)
    with open(t.path("revoking", "index"), "w") as f:
        f.writelines(l.replace("R\t", "V\t", 1).replace(l.split("\t")[2], "", 1) if "certificateHold" in l or "holdInstruction" in l
            else l for l in index)
    t.equal((ask(daemon, "ocsp")[1]["state"], daemon.cert("ocsp")["status"]), ("good", "active"), "and no longer: good again")
    t.ok("certificate.found-good" in actions(daemon, "ocsp"), "with an event")


def crls(t, daemon, ca, web):
    url = web.url("/part.crl")
    cert = take(daemon, ca, "part", crl=url)
    other = RevokingCA(t, "third")
    def stale():
        crl = ca.crl(None, "-crlsec", "1")
        time.sleep(2.5)
        return crl
    web.pages["/part.crl"] = ca.crl(url)
    t.equal((ask(daemon, "part")[1]["state"], ask(daemon, "part")[1]["from"]), ("good", url), "a part of a CRL, the one for this URL")
    for sentence, crl, words in (
        ("another part", ca.crl(web.url("/7.crl")), "a different part"),
        ("another CA's", other.crl(), "a different CA"),
        ("expired", stale(), "was good until"),
        ("garbage", b"<html>", "no CRL"),
        ("a changed byte", bytes(b ^ (i == 120) for i, b in enumerate(ca.crl())), ""),
    ):
        web.pages["/part.crl"] = crl
        code, shown = ask(daemon, "part")
        t.ok(code and words in shown["error"]["detail"], f"CRL, {sentence}: refused", shown)
        t.equal(daemon.cert("part")["status"], "active", "and nothing follows from it")
    ca.revoke(cert, "superseded")
    web.pages["/part.crl"] = ca.crl(url)
    code, shown = ask(daemon, "part")
    t.equal((code, shown["state"], shown["reason"], daemon.cert("part")["status"]), (0, "revoked", "superseded", "revoked"), "revoked")


def shared_crl(t, daemon, ca, web):
    url = web.url("/shared.crl")
    leaves = [ca.leaf(f"shared{i}", crl=url) for i in range(6)]
    web.pages["/shared.crl"], web.delay = ca.crl(), 1
    for i, (cert, key) in enumerate(leaves[:5]):
        daemon.ctl("cert", "import", f"shared{i}", "--file", t.write("all.pem", read(cert) + read(ca.cert)), "--key-file", key)
    for i in range(5):
        daemon.wait_for_cert(f"shared{i}", lambda c: c["revocation"]["state"] == "good", "good")
    web.delay = 0
    t.equal(web.count("/shared.crl"), 1, "five certificates, one CRL: fetched once")
    t.equal(daemon.cert("shared3")["revocation"]["from"], url, "it says where it is from")
    again = [time.mktime(time.strptime(daemon.cert(f"shared{i}")["revocation"]["next"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())
        for i in range(5)]
    t.ok(all(8.9 * 3600 < n <= 12 * 3600 for n in again) and len(set(int(n) // 60 for n in again)) > 1,
        "asked again within twelve hours, not all at the same time", again)
    daemon.stop()
    daemon.begin()
    daemon.ctl("cert", "import", "shared5", "--file", t.write("all.pem", read(leaves[5][0]) + read(ca.cert)), "--key-file", leaves[5][1])
    daemon.wait_for_cert("shared5", lambda c: c["revocation"]["state"] == "good", "good")
    t.equal(web.count("/shared.crl"), 1, "kept in the store: after a restart, the sixth needs no fetch")
    ask(daemon, "shared0")
    t.equal([a[2] for a in web.asked if a[1] == "/shared.crl"], [200, 304], "\"check now\" asks for a newer one, and is told that there is none")
    ca.revoke(leaves[1][0])
    web.pages["/shared.crl"] = ca.crl()
    t.equal(ask(daemon, "shared0")[1]["state"], "good", "a newer one: good")
    before = web.count("/shared.crl")
    t.equal(ask(daemon, "shared1")[1]["state"], "revoked", "and revoked")
    t.equal(web.count("/shared.crl"), before + 1, "each \"check now\" asks once")
    web.pages["/shared.crl"] = None
    code, shown = ask(daemon, "shared0")
    t.equal((code, shown["state"], shown["error"]), (0, "good", None), "its server fails: the one that is kept counts")


def other_ways(t, daemon, ca, web):
    web.pages["/both.crl"] = ca.crl(web.url("/both.crl"))
    take(daemon, ca, "both", ocsp=web.url("/nowhere"), crl=web.url("/both.crl"))
    shown = daemon.cert("both")["revocation"]
    t.equal((shown["state"], shown["from"]), ("good", web.url("/both.crl")), "no OCSP answer: the CRL is asked")
    take(daemon, ca, "silent")
    shown = daemon.cert("silent")["revocation"]
    t.equal((shown["state"], shown["next"]), ("none", None), "nobody to ask: it says so, and is not asked again")
    web.pages["/issuer.der"] = run_command("openssl", "x509", "-in", ca.cert, "-outform", "DER").stdout
    web.pages["/alone"] = ca.answer
    take(daemon, ca, "alone", alone=True, ocsp=web.url("/alone"), issuer=web.url("/issuer.der"))
    t.equal(daemon.cert("alone")["revocation"]["state"], "good", "without its issuer in the chain, that is fetched")
    ask(daemon, "alone")
    t.equal(web.count("/issuer.der"), 1, "once")
    web.pages["/wrong.der"] = run_command("openssl", "x509", "-in", ca.root, "-outform", "DER").stdout
    take(daemon, ca, "wrong", alone=True, ocsp=web.url("/alone"), issuer=web.url("/wrong.der"))
    t.contains(daemon.cert("wrong")["revocation"]["error"]["detail"], "did not issue", "another certificate there: refused")
    take(daemon, ca, "orphan", alone=True, ocsp=web.url("/alone"))
    t.contains(daemon.cert("orphan")["revocation"]["error"]["detail"], "issuer", "no issuer: answers cannot be checked")
    take(daemon, ca, "https", ocsp="https://127.0.0.1:1/", crl="ldap://127.0.0.1/")
    t.equal(daemon.cert("https")["revocation"]["state"], "none", "only http URLs are asked")
    refused = daemon.run_ctl("cert", "revocation", "nobody")
    t.equal(refused.returncode, 6, "a certificate that is not there")


def interrupted(t, daemon, ca, web):
    web.pages["/slow"] = ca.answer
    take(daemon, ca, "slow", ocsp=web.url("/slow"))
    web.delay = 30
    asking = Process(t, "asking", [f"{BUILD}/certeractl", "--socket", daemon.socket, "cert", "revocation", "slow"]).start()
    daemon.wait_for_cert("slow", lambda c: c["revocation"]["asking"], "it is being asked")
    daemon.kill()
    asking.end()
    web.delay = 0
    daemon.begin()
    shown = daemon.wait_for_cert("slow", lambda c: not c["revocation"]["asking"], "asked again after the crash")["revocation"]
    t.equal((shown["state"], shown["error"]), ("good", None), "killed while asking: it goes on by itself")


def outside(t, daemon, ca, web):
    daemon.configure(revocation={"private": []})
    daemon.reload()
    before = len(web.asked)
    code, shown = ask(daemon, "slow")
    t.ok(code == 5 and "127.0.0.1 is not a public one" in shown["error"]["detail"], "this machine is not asked, unless it is allowed", shown)
    code, shown = ask(daemon, "both")
    t.equal(len(web.asked), before, "neither by OCSP nor for a CRL")
    daemon.configure(revocation={"private": ["127.0.0.0/8"], "check": False})
    daemon.reload()
    cert, key = ca.leaf("off", ocsp=web.url("/alone"))
    daemon.ctl("cert", "import", "off", "--file", t.write("all.pem", read(cert) + read(ca.cert)), "--key-file", key)
    daemon.wait_for_cert("off", lambda c: (c["revocation"]["next"] or "") > time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 3600)),
        "its turn is put off")
    t.equal((len(web.asked), daemon.cert("off")["revocation"]["state"]), (before, None), "check: false: nobody is asked")
    t.equal(ask(daemon, "off")[1]["state"], "good", "but when a person wants to know")


def bounds(t, daemon, ca, web):
    daemon.configure(revocation={**LOOPBACK, "check": True, "crl_most": "2K"})
    daemon.reload()
    big = web.url("/big.crl")
    index = read(t.path("revoking", "index"))
    many = "".join(f"R\t400101000000Z\t260101000000Z\t{0x1000 + i:X}\tunknown\t/CN={i}\n" for i in range(200))
    with open(t.path("revoking", "index"), "a") as f:
        f.write(many)
    web.pages["/big.crl"] = ca.crl()
    take(daemon, ca, "big", crl=big)
    t.contains(daemon.cert("big")["revocation"]["error"]["detail"], "more than 2048 bytes", "a CRL that is too big")
    daemon.configure(revocation={"crl_most": "1M", "kept_most": "10K"})
    daemon.reload()
    t.equal(ask(daemon, "big")[1]["state"], "good", "allowed, it is read")
    for i in range(6):
        if i == 1:
            time.sleep(1.1)  # which is the oldest is told by the second
        path = f"/kept{i}.crl"
        web.pages[path] = web.pages["/big.crl"]
        take(daemon, ca, f"kept{i}", crl=web.url(path))
    size = len(web.pages["/big.crl"])
    for name in ("kept5", "kept0"):
        path, before = f"/{name}.crl", web.count(f"/{name}.crl")
        cert, key = ca.leaf(name + "-again", crl=web.url(path))
        daemon.ctl("cert", "import", name + "-again", "--file", t.write("all.pem", read(cert) + read(ca.cert)), "--key-file", key)
        daemon.wait_for_cert(name + "-again", lambda c: c["revocation"]["state"] == "good", "good")
        t.equal(web.count(path) - before, 0 if name == "kept5" else 1, f"10 KiB are kept of lists of {size} bytes: {name} is "
            + ("still there" if name == "kept5" else "gone"))
    with open(t.path("revoking", "index"), "w") as f:
        f.write(index)


run(main)
