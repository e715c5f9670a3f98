#!/usr/bin/env python3
"""Commands that take something away ask a person first, in facts; no takes nothing away, --yes and scripts are not asked."""
import os
import re
import subprocess
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# Command → what the question says, among other things.  In an order in which each is still there when its turn comes.
SAID = {
    "reader rm siem": ["It has acknowledged events up to 1, and has not read ", "Remove the reader siem?"],
    "apikey rotate cert shop 1": ["These servers use it: their downloads are refused until they have the new key:\n    127.0.0.1: version 1, ", "Replace API key 1 of shop?"],
    "cert revoke shop": ["This revokes version 1, which is in force.", "keep it until they fetch a new version:\n    127.0.0.1: version 1, ", "you cannot undo this", "Revoke shop?"],
    "cert rm shop": ["It is valid, and expires in ", "; removing it revokes nothing.", "These servers download it, and are then refused:\n    127.0.0.1: version 1, ", "its private key stays: ", "Remove shop?"],
    "key rm k": ["Nothing uses this key; it has 1 generation.", "Remove the key k?"],
    "account deactivate ca": ["It orders 1 certificate. Their next renewals fail, unless a different account orders them.\n    new\n", "Deactivate the account ca?"],
    "account rm spare": ["It orders no certificates: nothing stops.", "Remove the account spare?"],
    "site rm www.example.org": ["it was looked at ", "Stop tracking www.example.org?"],
    "bulk sites remove --match search=bulk": ["This removes 2 of the list sites: bulk1.example.org, bulk2.example.org.", "Remove them?"],
    "outbox rm ops 1": ["It is ", "Delete message 1 of ops?"],
    "channel rm ops": ["Then nobody is notified of: expiring, expired, failed, ", "Remove the channel ops?"],
    "settings reset certificates.www": ["It is now true; the configuration file has false.", "Reset certificates.www?"],
    "secret rm mail.password": ["This is the password of mail.user, stored ", "nobody can read it.", "Remove the secret mail.password?"],
    "token rm tok": ["It was never used.", "Programs that use it are refused at once.", "Remove the token tok?"],
    "user reset alice": ["alice has 1 session; tokens keep working.", "Set a new password for alice?"],
    "user rm alice": ["alice has ", "and owns 0 certificates and 0 keys.", "These tokens stop working: hers.", "Remove the user alice?"],
    "plan rm p": ["No user has it: nothing changes for anyone.", "Remove the plan p?"],
}
# Of a server that is alone there is nothing to ask: it refuses.
ALONE = ["cluster init", "cluster join", "cluster leave"]


def main(t):
    daemon = Certerad(t, mail={"host": "localhost", "port": 1, "from": "certera@example.org", "user": "certera"})
    fill(t, daemon)
    with open(os.path.join(TOP, "ctl", "commands.def")) as f:
        table = f.read()
    rows = {words: (method, asks) for words, method, asks in re.findall(r'^COMMAND\(\w+, "([^"]*)", "[^"]*", "(\w*)".*\n(ASKS\()?', table, re.M)}
    t.equal([w for w, (method, asks) in rows.items() if method == "DELETE" and not asks], [], "every command that removes something asks")
    asking = sorted(w for w, (_, asks) in rows.items() if asks)
    t.equal(sorted({next(w for w in asking if line.startswith(w)) for line in [*SAID, *ALONE]}), asking, "here is a line for each command that asks")

    for line, words in SAID.items():
        code, said = at_terminal(daemon, "n\n", *line.split())
        t.ok(code == 2 and all(w in said for w in words) and said.endswith("certeractl: nothing was done\n"), f"{line}: asks, and no is no", (code, said))
    t.equal([count(daemon) for _ in "1"], [BEFORE], "so everything is there")
    for line in ALONE:
        code, said = at_terminal(daemon, "", *line.split())
        t.ok(code and "[y/N]" not in said, f"{line}: not asked, as this server is alone", (code, said))
    t.equal(at_terminal(daemon, "", "key", "rm", "shop"), (7, "certeractl: the key shop is in use by: certificate shop\n  Remove first what uses it.\n"), "nor is what the server refuses anyway")
    for line in SAID:
        if not line.startswith(("account deactivate", "cert revoke")):   # without a CA
            code, said = at_terminal(daemon, "y\n", *line.split())
            t.ok(code == 0 and "[y/N]" in said, f"{line}: yes is yes", (code, said))
    fill(t, daemon, again=True)
    for line in ("key rm k", "site rm www.example.org", "plan rm p", "token rm tok"):
        words, done = line.split(), daemon.run_ctl(*line.split(), stdin=subprocess.DEVNULL)
        t.equal((done.returncode, done.stderr), (0, b""), f"{line}: a script is not asked")
        t.equal(daemon.run_ctl(words[0], "show", words[2]).returncode if words[0] != "token" else 6, 6, "and it is done")
    pruned(t, daemon)
    daemon.ctl("key", "add", "k")
    t.equal(at_terminal(daemon, "", "key", "rm", "k", "--yes"), (0, ""), "nor is who says --yes")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def pruned(t, daemon):
    """apply asks before it removes, and only then."""
    daemon.ctl("site", "add", "a.example", "b.example")
    sites = t.write("sites.yaml", "sites: []\n")
    code, said = at_terminal(daemon, "n\n", "apply", sites, "--prune")
    t.ok(code == 2 and said == "  site a.example\n  site b.example\nRemove them? [y/N] certeractl: nothing was done\n", "apply --prune says what it removes, and asks", said)
    t.equal(at_terminal(daemon, "", "apply", sites), (0, ""), "without --prune nothing is removed, and it does not ask")
    t.equal(len(daemon.ctl("site", "list")["sites"]), 2, "so all are there")
    t.equal(at_terminal(daemon, "y\n", "apply", sites, "--prune")[0], 0, "yes is yes")
    t.equal(daemon.ctl("site", "list")["sites"], [], "and they are gone")


BEFORE = [1, 2, 3, 2, 1, 1, 2, 1]


def count(daemon):
    return [len(daemon.ctl(kind, "list")[member]) for kind, member in (("reader", "readers"), ("cert", "certificates"), ("site", "sites"), ("account", "accounts"),
        ("channel", "channels"), ("user", "users"), ("token", "tokens"), ("plan", "plans"))]


def fill(t, daemon, again=False):
    daemon.ctl("key", "add", "k")
    daemon.ctl("plan", "add", "p")
    daemon.ctl("site", "add", "www.example.org")
    daemon.ctl("token", "add", "tok", "--role", "viewer")
    if again:
        return
    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir", "--agree-terms")
    daemon.ctl("account", "add", "spare", "--directory", "https://localhost:1/dir", "--agree-terms")
    daemon.ctl("cert", "add", "new", "--names", "new.example", "--account", "ca", "--no-issue")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", t.path("shop.key"), "-out", t.path("shop.pem"), "-days", "30",
        "-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example")
    made = daemon.ctl("cert", "import", "shop", "--file", t.path("shop.pem"), "--key-file", t.path("shop.key"))
    daemon.ctl("site", "add", "bulk1.example.org", "bulk2.example.org")
    daemon.ctl("channel", "add", "ops", "--kind", "email", "--to", "ops@example.org", "--test")
    daemon.ctl("secret", "set", "mail.password", "--file", t.write("secret", "hidden"))
    daemon.ctl("settings", "set", "certificates.www", "true")
    add_user(daemon, "alice", "operator", mail="alice@example.org")
    alice = Person(daemon)
    alice.sign_in("alice")
    t.equal(alice("POST", "/tokens", {"name": "hers", "role": "viewer"})[0], 201, "a token of alice")
    daemon.ctl("events", "--reader", "siem", "--limit", "1")
    daemon.ctl("reader", "ack", "siem", "1")
    daemon.download("certificate", "shop", made["api_keys"][0])
    t.equal(daemon.stop(), 0, "an end writes down who downloaded")
    daemon.begin()
    t.ok(daemon.cert("shop")["consumers"], "it is recorded")
    daemon.wait_until("the site was looked at", lambda: daemon.ctl("site", "show", "www.example.org")["scans"])
    daemon.wait_until("the message was tried", lambda: daemon.ctl("outbox", "list")["messages"])


def at_terminal(daemon, answer, *argv):
    """Exit code, and what the terminal shows."""
    ours, its = os.openpty()
    done = subprocess.Popen([os.path.join(BUILD, "certeractl"), "--socket", daemon.socket, *argv], stdin=its, stderr=its, stdout=subprocess.DEVNULL)
    os.close(its)
    os.write(ours, answer.encode())
    said = b""
    while True:
        try:
            got = os.read(ours, 65536)
        except OSError:
            break
        if not got:
            break
        said += got
    os.close(ours)
    return done.wait(60), said.decode().replace("\r\n", "\n").removeprefix(answer)


run(main)
