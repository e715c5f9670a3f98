#!/usr/bin/env python3
"""Under valgrind: an account, a certificate, downloads, a clean end; no error and no leak."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        if b"__asan_init" in f.read():
            raise Skip("sanitizers and valgrind do not go together")
    report = t.path("valgrind.%p")
    valgrind = program("valgrind")
    options = ["--leak-check=full", "--show-leak-kinds=definite,indirect,possible", "--num-callers=30",
        "--error-exitcode=99", f"--log-file={report}"]
    site = Site(t, account=False, start=False, acme={"timeout": "120s"}, wrap=[valgrind, *options])
    daemon = site.daemon
    daemon.begin(90)
    daemon.add_account(site.ca)
    made = daemon.add_cert("shop", "shop.example www.shop.example")
    key, key_key = made["api_keys"][0], made["key_api_keys"][0]
    t.equal(daemon.download("certificate", "shop", key).status, 200, "the certificate is served")
    t.equal(daemon.download("key", "shop", key_key).status, 200, "and its key")
    t.equal(daemon.download("key", "shop", "wrong").status, 401, "not to others")
    daemon.ctl("cert", "issue", "shop", "--wait", timeout=120)
    t.equal(daemon.stop(90), 0, "SIGTERM ends it cleanly: no error was found")

    with open(report.replace("%p", str(daemon.pid))) as f:
        said = f.read()
    for kind in ("definitely", "indirectly", "possibly"):
        lost = re.search(rf"{kind} lost: ([\d,]+) bytes", said)
        clean = lost.group(1) == "0" if lost else "no leaks are possible" in said
        t.ok(clean, f"nothing is {kind} lost", said)


run(main)
