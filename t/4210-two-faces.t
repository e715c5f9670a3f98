#!/usr/bin/env python3
"""One handler, two faces: JSON under /api/v1, a page without it; and forms, which become the same JSON."""
import http.client
import json
import os
import re
import socket
import sys
from base64 import b64encode
from urllib.parse import urlencode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NASTY = "<script>\"'&</script>"


class Browser:
	"""What a browser does on the wire, on the control socket, where everybody is an admin."""

	def __init__(self, daemon):
		self.daemon = daemon

	def __call__(self, method, path, body=None, **headers):
		connection = http.client.HTTPConnection("localhost", timeout=60)
		connection.sock = socket.socket(socket.AF_UNIX)
		connection.sock.connect(self.daemon.socket)
		connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
		reply = connection.getresponse()
		answer = Answer(reply.status, reply.headers, reply.read())
		connection.close()
		return answer

	def post(self, path, page, **fields):
		return self("POST", path, urlencode({"_page": page, **fields}, doseq=True), Content_Type="application/x-www-form-urlencoded")

	def upload(self, path, page, files, **fields):
		parts = [(f'name="{name}"', value.encode()) for name, value in {"_page": page, **fields}.items()]
		parts += [(f'name="{name}"; filename="f"\r\nContent-Type: application/octet-stream', data) for name, data in files.items()]
		body = b"".join(b"--XyZ\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
		return self("POST", path, body + b"--XyZ--\r\n", Content_Type='multipart/form-data; boundary="XyZ"')


def main(t):
	daemon = Certerad(t)
	browser = Browser(daemon)
	daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir", "--agree-terms")
	faces(t, browser)
	forms(t, browser)
	uploads(t, browser)
	broken_forms(t, browser)
	develop(t, daemon, browser)


def faces(t, browser):
	page = browser("GET", "/certificates")
	t.equal((page.status, page.header("Content-Type")), (200, "text/html; charset=utf-8"), "a page")
	policy = page.header("Content-Security-Policy")
	t.ok("default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy, "with a strict policy", policy)
	t.equal(browser("GET", "/api/v1/certificates").header("Content-Type"), "application/json", "the same as JSON")
	t.equal(browser("GET", "/certificates", Accept="application/json").header("Content-Type"), "application/json", "also where Accept wants it")
	t.equal((browser("GET", "/").status, browser("HEAD", "/certificates").body), (303, b""), "/ leads on; HEAD has no body")
	missing = browser("GET", "/certificates/nosuch")
	t.equal((missing.status, "There is no certificate nosuch." in missing.text, "<h1>" in missing.text), (404, True, True), "an error is a page")
	for path, status, html in (("/nosuch", 404, True), ("/certificates/a/b/c/d", 404, True), ("/api/v1/nosuch", 404, False), ("/api/nosuch", 404, False)):
		missing = browser("GET", path, Accept="text/html,*/*")
		t.equal((missing.status, missing.header("Content-Type").startswith("text/html"), "<h1>" in missing.text and 'href="/certificates"' in missing.text),
			(status, html, html), f"{path}: {'a page with the menu' if html else 'no page'}")
	t.ok("html" not in browser("GET", "/nosuch", Accept="application/json").header("Content-Type"), "nor for a program")
	style = browser("GET", "/static/style.css")
	t.equal((style.status, style.header("Content-Type")), (200, "text/css; charset=utf-8"), "the style sheet")
	t.equal(browser("GET", "/static/style.css", If_None_Match=style.header("ETag")).status, 304, "is fetched once")
	t.equal([browser("GET", f"/static/{p}").status for p in ("nosuch", "../html/page/begin.html", "%2e%2e/html/page/begin.html")], [404] * 3, "nothing else")


def forms(t, browser):
	taken = browser.post("/keys", "/new/key", name="k", description=NASTY, type="")
	t.equal((taken.status, "<h2>API keys</h2>" in taken.text), (201, True), "a form is taken; what is shown only once is shown")
	key = json.loads(browser("GET", "/api/v1/keys/k").body)
	t.equal((key["description"], key["type"]), (NASTY, "p256"), "as typed; what is empty was not said")

	again = browser.post("/certificates", "/new/certificate", _form="certificate_add", name=NASTY, names="a.example", account="ca")
	t.equal(again.status, 422, "one that is wrong is shown again")
	t.ok('value="&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;"' in again.text, "with what was typed, escaped")
	t.ok("<script>\"" not in again.text and "a.example</textarea>" in again.text, "all of it")
	t.ok('role="alert"' in again.text, "and it says what is wrong")
	lacking = browser.post("/certificates", "/new/certificate", _form="certificate_add", name="lacking", names="a.example")
	t.ok("&quot;CA account&quot; is missing" in lacking.text and "the member" not in lacking.text, "an error calls a member by its label", lacking.text)
	added = browser.post("/certificates", "/new/certificate", _form="certificate_add", name="shop", names="a.example\r\nb.example",
		account="ca", key_reuse=["false", "true"], issue="false")
	made = json.loads(browser("GET", "/api/v1/certificates/shop").body)
	t.equal((added.status, made["names"], made["key_reuse"]), (201, ["a.example", "b.example"], True), "lines, and a box that was ticked")

	for where in ("//evil.example/", "https://evil.example/", "/\\evil.example", ""):
		went = browser.post("/certificates/shop", "/certificates/shop?staging=false", disabled="true", _next=where)
		t.equal((went.status, went.header("Location")), (303, "/certificates/shop?staging=false"), f"_next={where} leads nowhere else")
	t.equal(browser.post("/certificates/shop", "/x", enabled="true", _next="/keys").header("Location"), "/keys", "a path of ours does")

	with_key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	t.equal(browser.upload("/keys", "/new/key", {"pem": with_key.encode()}, name="own").status, 201, "a file is uploaded")
	t.equal(json.loads(browser("GET", "/api/v1/keys/own").body)["type"], "p256", "and read")
	t.equal(browser.post("/keys/own", "/keys", _method="DELETE", _confirm="owm").status, 422, "deleting wants the name typed")
	t.equal(browser.post("/keys/own", "/keys", _method="DELETE", _confirm="own").status, 303, "then it is done")
	t.equal(browser("GET", "/keys/own").status, 404, "it is gone")


def uploads(t, browser):
	"""An uploaded file is never in a page again: not the key in it, and not in the way of the next try."""
	key, cert, pfx = t.path("up.key"), t.path("up.crt"), t.path("up.pfx")
	openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=up.example")
	openssl("pkcs12", "-export", "-inkey", key, "-in", cert, "-out", pfx, "-passout", "pass:right")
	with open(key) as k, open(cert) as c, open(pfx, "rb") as p:
		key, cert, pfx = k.read(), c.read(), p.read()
	for what, file, part in (("a PFX", pfx, b64encode(pfx).decode()), ("PEM", (key + cert).replace("BEGIN CERT", "BEGIN NO CERT").encode(), key.splitlines()[1])):
		refused = browser.upload("/new/import", "/new/import", {"file": file}, _form="certificate_import", name="up", password="wrong", chain_file=cert)
		boxes = dict(re.findall(r'<textarea name="(\w+)"[^>]*>\n(.*?)</textarea>', refused.text, re.S))
		t.equal((refused.status, boxes["file"], boxes["chain_file"]), (422, "", cert), f"{what}: what was pasted is shown once more, the file is not")
		t.ok(part[:50] not in refused.text and "Choose the file again." in refused.text, "nothing of it is in the page, which asks for it", refused.text)
	done = browser.upload("/new/import", "/new/import", {"file": pfx}, _form="certificate_import", name="up", password="right", **boxes)
	t.equal(done.status, 201, "with the right password it is imported")
	page = browser("GET", "/certificates/up?staging=false").text
	page = page[page.index("<h1>up</h1>"):]
	t.equal(re.search(r"<(?:a class=.button[^>]*|button[^>]*)>([^<]*)<", page)[1], "Import the next version", "the first button of an imported one")
	page = re.sub(r"(?s)<details><summary>Remove</summary>.*?</details>", "", page)
	t.equal([word for word in ("Renew", "renew", "reissue", "Reissue", "order", "http-01", "CA account", "/issue?", "/check?") if word in page.replace("does not renew it", "")],
		[], "there is nothing of orders on its page")


def broken_forms(t, browser):
	form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	for body, kind in (
		("name=%zz", form), ("name=%ff", form), ("%00=1", form), ("--x\r\n\r\n\r\n--x--", multipart), ("--x", multipart), ("", multipart),
		('--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nk', multipart), ("--x\r\n", multipart), ("", "multipart/form-data"),
		('--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\0b\r\n--x--', multipart),
	):
		answer = browser("POST", "/keys", body, Content_Type=kind)
		t.ok(answer.status in (400, 422), f"{body!r} is refused", answer)
	t.equal(browser.post("/keys", "/nosuch", name="").status, 422, "whatever page it says it is from")
	t.equal(browser.post("/keys", "/static/style.css", name="").status, 422, "even so")
	t.equal(browser("POST", "/api/v1/keys", "name=zz", Content_Type=form).status, 400, "the API takes JSON only")


def develop(t, daemon, browser):
	os.makedirs(t.path("webui/html/key"))
	with open(t.path("webui/html/key/keys.html"), "w") as f:
		f.write("{{#keys}}[{{name}}]{{/keys}}{{nosuch}}")
	daemon.configure(webui={"develop": t.path("webui")})
	daemon.reload()
	broken = browser("GET", "/keys")
	t.equal((broken.status, "template key/keys, line 1: there is no nosuch" in broken.text), (500, True), "worked on, an unknown name is an error")
	with open(t.path("webui/html/key/keys.html"), "w") as f:
		f.write("{{#keys}}[{{name}}]{{/keys}}")
	t.ok("[k]" in browser("GET", "/keys").text, "and a change is seen at once")
	t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
