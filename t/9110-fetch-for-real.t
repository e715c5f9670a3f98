#!/usr/bin/env python3
"""contrib/deploy/certera-fetch against Certera itself: issue, fetch, renew, fetch."""
import os
import ssl
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Site(t).daemon
    added = daemon.add_cert("www", "www.example a.example")
    live = t.path("live")
    argv = [os.path.join(TOP, "contrib", "deploy", "certera-fetch"), "-s", f"https://localhost:{daemon.https_port}",
        "-n", "www", "-d", live, "-r", f"echo reloaded >> {t.path('reloads')}",
        "-a", t.write("site.pem", ssl.get_server_certificate(("localhost", daemon.https_port))),
        "-c", t.write("certificate.apikey", added["api_keys"][0]), "-p", t.write("key.apikey", added["key_api_keys"][1])]

    def installed():
        with open(f"{live}/fullchain.pem") as chain, open(f"{live}/key.pem") as key:
            return Certificate(chain.read()), key.read()

    done = run_command(*argv)
    t.ok(done.returncode == 0, "certificate and key are fetched", done.stderr.decode())
    certificate, key = installed()
    t.equal(certificate.fingerprint, daemon.leaf("www").fingerprint, "the certificate is the one in force")
    t.equal(public_key_of_key(key), certificate.public_key, "the key is its key")
    t.contains(run_command(*argv).stdout, b"nothing has changed", "a second run finds nothing new")

    daemon.ctl("cert", "issue", "www", "--wait")
    done = run_command(*argv)
    t.ok(done.returncode == 0, "after a renewal both are fetched", done.stderr.decode())
    renewed, key = installed()
    t.ok(renewed.fingerprint != certificate.fingerprint, "the certificate is another")
    t.equal(public_key_of_key(key), renewed.public_key, "the key is its key")
    with open(t.path("reloads")) as f:
        t.equal(f.read(), "reloaded\n" * 2, "the reload command ran once for each")

    # Another certificate shares the key and has a newer version of it, until www follows.
    daemon.add_cert("beside", "beside.example", key="www")
    daemon.ctl("cert", "set", "www", "--disable")
    daemon.ctl("cert", "reissue", "beside", "--wait")
    os.remove(f"{live}/key.pem")
    done = run_command(*argv)
    t.ok(done.returncode == 0, "the key that fits is fetched while another certificate has a newer one", done.stderr.decode())
    same, key = installed()
    t.equal((same.fingerprint, public_key_of_key(key)), (renewed.fingerprint, renewed.public_key), "it is the one of this certificate")


run(main)
