#!/usr/bin/env python3
"""One handler, two faces: JSON under /api/v1, a page without it; and forms, which become the same JSON."""
import http.client
import json
import os
import socket
import sys
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

	def upload(self, path, page, file, **fields):
		parts = [(f'name="{name}"', value.encode()) for name, value in {"_page": page, **fields}.items()]
		parts += [(f'name="{name}"; filename="f"\r\nContent-Type: application/octet-stream', data) for name, data in file.items()]
		body = b"".join(b"--XyZ\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
		return self("POST", path, body + b"--XyZ--\r\n", Content_Type='multipart/form-data; boundary="XyZ"')


def main(t):
	daemon = Certerad(t)
	browser = Browser(daemon)
	daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir", "--agree-terms")
	faces(t, browser)
	forms(t, browser)
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
	t.equal((missing.status, "there is no certificate nosuch" in missing.text, "<h1>" in missing.text), (404, True, True), "an error is a page")
	style = browser("GET", "/static/style.css")
	t.equal((style.status, style.header("Content-Type")), (200, "text/css; charset=utf-8"), "the style sheet")
	t.equal(browser("GET", "/static/style.css", If_None_Match=style.header("ETag")).status, 304, "is fetched once")
	t.equal([browser("GET", f"/static/{p}").status for p in ("nosuch", "../html/begin.html", "%2e%2e/html/begin.html")], [404] * 3, "nothing else")


def forms(t, browser):
	taken = browser.post("/keys", "/keys", name="k", description=NASTY, type="")
	t.equal((taken.status, taken.header("Location")), (303, "/keys"), "a form is taken, the browser goes back")
	key = json.loads(browser("GET", "/api/v1/keys/k").body)
	t.equal((key["description"], key["type"]), (NASTY, "p256"), "as typed; what is empty was not said")
	for where in ("//evil.example/", "https://evil.example/", "/\\evil.example", ""):
		browser("DELETE", "/api/v1/keys/l")
		t.equal(browser.post("/keys", "/keys", name="l", _next=where).header("Location"), "/keys", f"_next={where} leads nowhere else")
	t.equal(browser.post("/keys", "/keys", name="m", _next="/keys/m").header("Location"), "/keys/m", "a path of ours does")

	again = browser.post("/certificates", "/new/certificate", _form="certificate_add", name=NASTY, names="a.example", account="ca")
	t.equal(again.status, 422, "one that is wrong is shown again")
	t.ok('value="&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;"' in again.text, "with what was typed, escaped")
	t.ok("<script>\"" not in again.text and "a.example</textarea>" in again.text, "all of it")
	t.ok('role="alert"' in again.text, "and it says what is wrong")
	added = browser.post("/certificates", "/new/certificate", _form="certificate_add", name="shop", names="a.example\r\nb.example",
		account="ca", key_reuse=["false", "true"], issue="false")
	made = json.loads(browser("GET", "/api/v1/certificates/shop").body)
	t.equal((added.status, made["names"], made["key_reuse"]), (201, ["a.example", "b.example"], True), "lines, and a box that was ticked")

	with_key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	t.equal(browser.upload("/keys", "/keys", {"pem": with_key.encode()}, name="own").status, 303, "a file is uploaded")
	t.equal(json.loads(browser("GET", "/api/v1/keys/own").body)["type"], "p256", "and read")
	t.equal(browser.post("/keys/own", "/keys", _method="DELETE", _confirm="owm").status, 422, "deleting wants the name typed")
	t.equal(browser.post("/keys/own", "/keys", _method="DELETE", _confirm="own").status, 303, "then it is done")
	t.equal(browser("GET", "/keys/own").status, 404, "it is gone")


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
	os.makedirs(t.path("webui/html"))
	with open(t.path("webui/html/keys.html"), "w") as f:
		f.write("{{#keys}}[{{name}}]{{/keys}}{{nosuch}}")
	daemon.configure(webui={"develop": t.path("webui")})
	daemon.reload()
	broken = browser("GET", "/keys")
	t.equal((broken.status, "template keys, line 1: there is no nosuch" in broken.text), (500, True), "worked on, an unknown name is an error")
	with open(t.path("webui/html/keys.html"), "w") as f:
		f.write("{{#keys}}[{{name}}]{{/keys}}")
	t.ok("[k]" in browser("GET", "/keys").text, "and a change is seen at once")
	t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
