#!/usr/bin/env python3
"""contrib/deploy/certera-fetch.ps1 without Windows: its syntax, and its requests replayed byte for byte against the server."""
import base64
import os
import re
import shutil
import ssl
import socket
import sys
from urllib.parse import urlencode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.browser import MODULES

SCRIPT = os.path.join(TOP, "contrib", "deploy", "certera-fetch.ps1")
PARSER = os.path.join(TOP, "t", "browser", "powershell.mjs")


def main(t):
    with open(SCRIPT, encoding="ascii") as f:
        script = f.read()
    syntax(t)
    said(t, script)
    daemon = Site(t).daemon
    made = daemon.add_cert("shop", "shop.example")
    requests(t, daemon, script, made["api_keys"][0])


def parsed(file):
    # Else node waits for the grammar to be compiled a second time, and better.
    return run_command("node", "--liftoff-only", PARSER, file, env={**os.environ, "BROWSER_MODULES": MODULES})


def syntax(t):
    if not shutil.which("node") or not os.path.isdir(os.path.join(MODULES, "tree-sitter-powershell")):
        t.skip("the script is PowerShell", "t/setup-peers browser installs the parser")
        return
    done = parsed(SCRIPT)
    t.ok(done.returncode == 0 and not done.stdout, "the script is PowerShell", done)
    with open(SCRIPT) as f:
        broken = f.read().replace("finally {", "finally ", 1)
    t.ok(parsed(t.write("broken.ps1", broken)).returncode != 0, "the parser would find what is not")


def said(t, script):
    t.ok("never run" in script and "Try it on" in script, "the script says what of it was never run")
    for what in ("If-None-Match", "Add-ToStore 'My'", "AddSslCertificate", "Enable-ExchangeCertificate", "Register-ScheduledTask", ".old"):
        t.contains(script, what, f"it has what people need: {what}")
    t.lacks(script, "SkipCertificateCheck", "and trusts no server blindly")


def form_of(script, **values):
    """What FormUrlEncodedContent makes of the dictionary in the script; a boolean's text is True or False in .NET."""
    names = re.findall(r"\$form\.Add\('(\w+)'", script)
    if set(names) != set(values):
        raise RuntimeError(f"the script sends {names}")
    return urlencode([(name, values[name]) for name in names])


def replay(daemon, body, headers):
    """As HttpClient of Windows PowerShell 5.1 does: it waits for 100 before it sends the body, which comes in a piece of its own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(("127.0.0.1", daemon.https_port), 20), server_hostname="localhost") as s:
        lines = ["POST /api/certificate/shop HTTP/1.1", *headers, "Content-Type: application/x-www-form-urlencoded", f"Host: localhost:{daemon.https_port}",
            f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: Keep-Alive"]
        s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        answer = http_head(s)
        interim = answer.startswith(b"HTTP/1.1 100 ")
        if interim:
            s.sendall(body.encode())
            answer = http_head(s)
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, b"0"])[1])
        while len(rest) < length:
            rest += s.recv(65536)
        return interim, int(head.split()[1]), head.decode(), rest


def http_head(s):
    got = b""
    while b"\r\n\r\n" not in got:
        piece = s.recv(65536)
        if not piece:
            raise RuntimeError(f"the server ended: {got!r}")
        got += piece
    return got


def requests(t, daemon, script, api_key):
    name = re.search(r"\$request\.Headers\.Add\('(\w+)'", script)[1]
    for legacy in ("False", "True"):
        body = form_of(script, format="pfx", pfxPassword="p+ss w/rd=&", pfxLegacy=legacy, staging="False")
        interim, status, head, content = replay(daemon, body, [f"{name}: {api_key}"])
        t.equal((interim, status), (True, 200), f"header, form and Expect as .NET sends them, pfxLegacy={legacy}: a PFX")
        file = t.path(f"{legacy}.pfx")
        with open(file, "wb") as f:
            f.write(base64.b64decode(content))
        pem = openssl("pkcs12", "-in", file, "-nodes", "-passin", "pass:p+ss w/rd=&", *(["-legacy"] if legacy == "True" else []))
        t.equal(Certificate(pem[pem.index("-----BEGIN CERTIFICATE"):]).fingerprint, daemon.leaf("shop").fingerprint, "the one in force, opened with the password that was sent")
    etag = re.search(r"(?i)etag: (\S+)", head)[1]
    _, status, _, content = replay(daemon, body, [f"{name}: {api_key}", f"If-None-Match: {etag}"])
    t.equal((status, content), (304, b""), "with what it remembers: nothing has changed")
    daemon.ctl("cert", "issue", "shop", "--wait")
    _, status, _, _ = replay(daemon, body, [f"{name}: {api_key}", f"If-None-Match: {etag}"])
    t.equal(status, 200, "renewed: a new PFX")
    _, status, _, content = replay(daemon, body, [f"{name}: wrong"])
    t.ok(status == 401 and b"API key" in content, "a wrong key: one sentence, which the script shows", content)


run(main)
