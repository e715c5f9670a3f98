#!/usr/bin/env python3
"""The adapters of contrib/hooks, each with a small hook of its kind, for real: records are set, found, removed."""
import http.server
import json
import os
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

UPDATE = """#!/bin/sh
update() { printf 'server %s %s\\nupdate %s\\nsend\\n' "$NSUPDATE_SERVER" "$NSUPDATE_PORT" "$1" | nsupdate -k "$NSUPDATE_KEY"; }
"""
DEHYDRATED = UPDATE + """
case $1 in
deploy_challenge) update "add _acme-challenge.$2. 1 TXT $4" ;;
clean_challenge) update "delete _acme-challenge.$2. TXT $4" ;;
*) echo "unknown: $1"; exit 1 ;;
esac
"""
LEGO = UPDATE + """
case $2 in *.) ;; *) echo "no dot at the end: $2"; exit 1 ;; esac
case $1 in
present) update "add $2 1 TXT $3" ;;
cleanup) update "delete $2 TXT $3" ;;
*) echo "unknown: $1"; exit 1 ;;
esac
"""
CERTBOT_AUTH = UPDATE + 'update "add _acme-challenge.$CERTBOT_DOMAIN. 1 TXT $CERTBOT_VALIDATION"\n'
CERTBOT_CLEANUP = UPDATE + 'update "delete _acme-challenge.$CERTBOT_DOMAIN. TXT $CERTBOT_VALIDATION"\n'
# As acme.sh does: its helpers, then whatever its arguments say; a dnsapi script uses the helpers.
ACME_SH = """#!/usr/bin/env sh
_info() { echo "[info] $1"; }
_initpath() { [ -d "$LE_WORKING_DIR" ] || return 1; ACCOUNT_CONF_PATH="$LE_WORKING_DIR/account.conf"; }
showhelp() { echo help; }
main() {
  [ -z "$1" ] && showhelp && return
  case $1 in -*) echo "options: $*" ;; *) "$@" ;; esac
}
main "$@"
"""
DNSAPI = UPDATE + """
dns_test_add() { [ "$ACCOUNT_CONF_PATH" ] || return 1; _info "adding $1"; update "add $1. 1 TXT $2"; }
dns_test_rm() { _info "removing $1"; update "delete $1. TXT $2"; }
"""
# As acme.sh's dns_nsupdate: it removes whatever is there.
DNSAPI_ALL = DNSAPI.replace("dns_test", "dns_all").replace("delete $1. TXT $2", "delete $1. TXT")


class AcmeDns:
    """An acme-dns server, by its documentation: POST /update, two values a subdomain."""

    def __init__(self, bind):
        self.port, self.seen = free_port(), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *ignored):
                pass

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.seen.append((self.path, self.headers["X-Api-User"], self.headers["X-Api-Key"], asked))
                allowed = (self.headers["X-Api-User"], self.headers["X-Api-Key"]) == ("user-1", "key-1-secret")
                if allowed:
                    bind.update(f"update add {asked['subdomain']}.auth.example. 1 TXT \"{asked['txt']}\"")
                body = json.dumps({"txt": asked["txt"]} if allowed else {"error": "forbidden"}).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def main(t):
    bind = Bind(t, {"shop.example": ["_acme-challenge.acme-dns CNAME d420c923.auth.example."], "auth.example": []})
    hooks = Hooks(t)
    for name in ("nsupdate", "dehydrated", "lego-exec", "certbot", "acme.sh", "acme-dns"):
        hooks.add(name)
    hooks.add("for-dehydrated", DEHYDRATED)
    hooks.add("for-lego", LEGO)
    hooks.add("for-certbot", CERTBOT_AUTH)
    hooks.add("for-certbot-cleanup", CERTBOT_CLEANUP)
    os.makedirs(os.path.join(hooks.dir, "acme.sh.d", "dnsapi"))
    hooks.add("acme.sh.d/acme.sh", ACME_SH)
    hooks.add("acme.sh.d/dnsapi/dns_test.sh", DNSAPI)
    hooks.add("acme.sh.d/dnsapi/dns_all.sh", DNSAPI_ALL)
    server = AcmeDns(bind)
    daemon = dns_site(t, bind, hooks).daemon

    adapters = {
        "nsupdate": [],
        "dehydrated": ["HOOK=for-dehydrated"],
        "lego-exec": ["HOOK=for-lego"],
        "certbot": ["HOOK_AUTH=for-certbot", "HOOK_CLEANUP=for-certbot-cleanup"],
        "acme.sh": ["DNSAPI=dns_test"],
        "acme-dns": [f"ACMEDNS_URL=http://127.0.0.1:{server.port}", "ACMEDNS_USER=user-1", "ACMEDNS_KEY=key-1-secret"],
    }
    for name, environment in adapters.items():
        subject = f"{name.replace('.', '-')}.shop.example"
        file = t.write("environment", "\n".join(environment))
        names = subject if name == "acme-dns" else f"{subject} *.{subject}"
        try:
            daemon.add_cert(name, names, challenge="dns-01", hook_set=name, **({"hook_environment_file": file} if environment else {}))
        except CtlError as e:
            t.note(str(e))
        cert = daemon.cert(name)
        t.equal(cert["status"], "active", f"{name}: issued")
        removed = 0 if name == "acme-dns" else 2
        until(f"{name}: the cleanup ran", lambda: "\n".join(daemon.cert(name)["order"]["log"]).count("removed _acme-ch") == removed)
        t.equal(bind.all_txt("shop.example"), [], f"{name}: nothing is left")
    t.equal(server.seen[0][0], "/update", "acme-dns is asked as documented")
    t.equal(server.seen[0][3]["subdomain"], "d420c923", "for the subdomain that the CNAME leads to")
    t.contains("\n".join(daemon.cert("acme.sh")["order"]["log"]), "[info] adding _acme-challenge.acme-sh.shop.example", "the dnsapi script has acme.sh's helpers")

    file = t.write("environment", "DNSAPI=dns_all\nDNSAPI_PUT_BACK=yes")
    daemon.add_cert("all", "all.shop.example *.all.shop.example", challenge="dns-01", hook_set="acme.sh", hook_environment_file=file)
    until("both are removed", lambda: "\n".join(daemon.cert("all")["order"]["log"]).count("removed _acme-ch") == 2)
    log = "\n".join(daemon.cert("all")["order"]["log"])
    t.equal(log.split("telling the CA")[1].count("[info] adding"), 1, "of a script that removes all values, those still needed are put back")
    t.equal(bind.all_txt("shop.example"), [], "and at the end none is left")

    t.ok(os.path.isdir(os.path.join(daemon.state, "tmp", "acme.sh")), "acme.sh: what its scripts keep is where scripts may write")

    state, bad = os.path.join(daemon.state, "tmp", "acme.sh"), 0
    for name, line, said in (("dehydrated", "HOOK=/bin/true", "not the name of a script"), ("lego-exec", "HOOK=../x", "not the name"),
            ("acme.sh", "DNSAPI=../x", "not the name of a dnsapi"), ("acme-dns", "ACMEDNS_URL=", "ACMEDNS_URL"), ("dehydrated", f"X={state}", "X is the name of a file"),
            ("lego-exec", f"X={state}", "X is the name of a file"), ("certbot", f"X={state}", "X is the name of a file"), ("acme.sh", f"X={state}", "X is the name of a file")):
        bad += 1
        done = daemon.run_ctl("cert", "add", f"bad-{bad}", "--names", f"bad-{bad}.shop.example", "--account", "ca",
            "--challenge", "dns-01", "--hook-set", name, "--hook-environment-file", t.write("bad", line), "--wait")
        t.ok(done.returncode and said in printed(daemon, f"bad-{bad}"), f"{name}: {line} is refused", done.stderr.decode())
    wrong = t.write("wrong", "\n".join(adapters["acme-dns"][:2] + ["ACMEDNS_KEY=wrong-key-here"]))
    done = daemon.run_ctl("cert", "add", "wrong", "--names", "wrong.shop.example", "--account", "ca", "--challenge", "dns-01",
        "--hook-set", "acme-dns", "--hook-environment-file", wrong, "--wait")
    t.contains(printed(daemon, "wrong"), "401", "acme-dns: a wrong key is told")
    t.lacks(done.stderr.decode() + printed(daemon, "wrong"), "wrong-key-here", "without showing it")

    daemon.configure(hooks={"environment": [line for line in bind.environment() if not line.startswith("NSUPDATE_KEY=")]})
    daemon.reload()
    daemon.add_cert("value", "value.shop.example", challenge="dns-01", hook_set="nsupdate", hook_environment_file=t.write("key", f"NSUPDATE_KEY={bind.key}"))
    t.equal(daemon.cert("value")["status"], "active", "nsupdate: a certificate's own key, as a value, not in a file")


def printed(daemon, name):
    return "\n".join(daemon.cert(name)["order"]["log"])


run(main)
