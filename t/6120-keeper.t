#!/usr/bin/env python3
"""The keeper: it does not outlive the daemon, nor the daemon it; nothing is lost when it dies."""
import json
import os
import signal
import sys
import time
from base64 import b64encode
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def abandon(daemon, token, file):
    """A decode that is sent over https, and whose connection ends."""
    body = json.dumps({"file": file, "password": "x"})
    with Person(daemon, token=token).connection() as sock:
        sock.sendall(f"POST /api/v1/decode HTTP/1.1\r\nHost: localhost:{daemon.https_port}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def abandoned(t, daemon):
    """Files that take the keeper long, of somebody who does not even wait: passwords and other people's files come before most of them."""
    add_user(daemon, "alice")
    token = daemon.ctl("token", "add", "eve", "--role", "viewer")["token"]
    key, cert, pfx = (t.path("slow." + end) for end in ("key", "pem", "pfx"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=x")
    openssl("pkcs12", "-export", "-inkey", key, "-in", cert, "-certpbe", "AES-256-CBC", "-keypbe", "AES-256-CBC", "-iter", "1900000",
        "-nomac", "-out", pfx, "-passout", "pass:x")
    with open(pfx, "rb") as f:
        file = b64encode(f.read()).decode()
    start = time.monotonic()
    t.equal(Person(daemon, token=token)("POST", "/decode", {"file": file, "password": "x"})[0], 200, "a PFX file of many rounds is read")
    one = time.monotonic() - start
    for _ in range(24):
        abandon(daemon, token, file)
    start = time.monotonic()
    t.equal(Person(daemon).sign_in("alice")[0], 200, "24 of them sent and abandoned, an administrator signs in")
    t.ok(time.monotonic() - start < 3 * one, "before the third of them could have ended", f"{time.monotonic() - start:.1f} s, one takes {one:.1f} s")
    t.equal(Person(daemon, token=token)("POST", "/decode", {"file": "-----BEGIN PRIVATE KEY-----\n", "password": ""})[0], 422, "the next file of the same visitor is read")
    t.ok(time.monotonic() - start < 6 * one, "as the others were dropped", f"{time.monotonic() - start:.1f} s, one takes {one:.1f} s")


def main(t):
    site = Site(t)
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    before = daemon.download("key", "shop", made["key_api_keys"][0]).text

    keepers = daemon.keepers()
    t.equal(len(keepers), 1, "there is one keeper")
    with open(f"/proc/{keepers[0]}/status") as f:
        status = f.read()
    t.matches(status, r"\nSeccomp:\s*2\n", "its system calls are limited")
    t.matches(status, r"\nNoNewPrivs:\s*1\n", "it can gain no privileges")
    here = f"/proc/{keepers[0]}/fd"
    files = [os.readlink(f"{here}/{n}") for n in os.listdir(here)]
    t.ok(len(files) < 16, "it holds no descriptors it does not need", files)

    abandoned(t, daemon)

    daemon.add_cert("open", "open.example", wait=False)
    os.kill(keepers[0], signal.SIGKILL)
    code = daemon.wait()
    t.ok(code > 0, "the keeper killed, the daemon ends by itself, and not as if all was well", code)
    t.matches(daemon.log().decode(), r"keeper", "and says why")

    daemon.begin()
    after = daemon.download("key", "shop", made["key_api_keys"][0]).text
    t.equal(after, before, "after the restart the key is the same")
    daemon.wait_for_cert("open", lambda c: c["status"] == "active", "what was under way is issued")
    keeper = daemon.keepers()[0]
    daemon.kill()
    until("the keeper is gone", lambda: gone(keeper))
    t.ok(True, "the daemon killed, the keeper ends by itself")


run(main)
