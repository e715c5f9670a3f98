#!/usr/bin/env python3
"""Deploy hooks: a script hears of every version that comes into force, once, and again until it has done its work."""
import calendar
import json
import os
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SECRET = "tell-nobody-of-this"
TELL = """
n=$(ls "$SEEN" | wc -l)
env > "$SEEN/$n.new"
mkdir "$SEEN/files-$n"
cp "$RENEWED_LINEAGE"/* "$SEEN/files-$n"
ls -la "$RENEWED_LINEAGE" > "$SEEN/files-$n/list"
mv "$SEEN/$n.new" "$SEEN/env-$n"
echo "told of version $CERTERA_VERSION"
"""


class Told:
    """What the script above was told, run by run."""

    def __init__(self, t, name):
        self.dir = t.path(name)
        os.mkdir(self.dir)

    def runs(self):
        found = sorted((f for f in os.listdir(self.dir) if f.startswith("env-")), key=lambda f: int(f[4:]))
        return [dict(line.split("=", 1) for line in open(os.path.join(self.dir, f)).read().splitlines()) for f in found]

    def file(self, run, name):
        directories = sorted((f for f in os.listdir(self.dir) if f.startswith("files-")), key=lambda f: int(f[6:]))
        return open(os.path.join(self.dir, directories[run], name)).read()


def main(t):
    hooks = Hooks(t)
    hooks.add("tell", TELL)
    told = Told(t, "told")
    site = Site(t, hooks={"directory": hooks.dir, "deploy": "tell", "deploy_timeout": "3s",
        "deploy_environment": [f"SEEN={told.dir}", f"TOKEN={SECRET}"], "environment": ["DNS_TOKEN=of-the-dns-hooks"]})
    daemon = site.daemon

    issued(t, daemon, told)
    failing(t, daemon, hooks)
    killed(t, daemon, hooks)
    own(t, daemon, hooks)
    versions(t, daemon, told)
    nothing_to_do(t, daemon)


def deployed(daemon, name, version=1):
    return daemon.wait_for_cert(name, lambda c: c["deploy"]["state"] == "done" and c["deploy"]["version"] == version, "it is deployed")


def failed(daemon, name):
    return daemon.wait_for_cert(name, lambda c: c["deploy"]["state"] == "failed", "its deploy hook failed")


def issued(t, daemon, told):
    daemon.add_cert("shop", "shop.example www.shop.example")
    cert = deployed(daemon, "shop")
    runs, version = told.runs(), cert["versions"][0]
    t.equal(len(runs), 1, "issued: the script is run, once")
    wanted = {
        "CERTERA_ACTION": "deploy", "CERTERA_NAME": "shop", "CERTERA_NAMES": " ".join(version["names"]),
        "RENEWED_DOMAINS": " ".join(version["names"]), "CERTERA_VERSION": "1", "CERTERA_STAGING": "false",
        "CERTERA_FINGERPRINT": version["fingerprint"], "CERTERA_SERIAL": version["serial"], "CERTERA_ISSUER": version["issuer"],
        "CERTERA_NOT_BEFORE": version["not_before"], "CERTERA_NOT_AFTER": version["not_after"], "CERTERA_KEY": "shop",
        "CERTERA_ATTEMPT": "1", "TOKEN": SECRET,
    }
    t.equal({name: runs[0].get(name) for name in wanted}, wanted, "with everything about the version in its environment")
    t.equal([name for name in runs[0] if name in ("DNS_TOKEN", "NOTIFY_SOCKET")], [], "and neither the DNS hooks' nor the daemon's")
    chain = chain_of(daemon.ctl("cert", "export", "shop")["pem"])
    for name, part in (("fullchain.pem", chain), ("cert.pem", chain[:1]), ("chain.pem", chain[1:])):
        t.equal(chain_of(told.file(0, name)), part, f"{name} is what its name says")
    t.lacks("".join(told.file(0, name) for name in ("fullchain.pem", "cert.pem", "chain.pem")), "PRIVATE", "without the private key")
    t.matches(told.file(0, "list"), r"^total.*\ndrwx------ .*-rw------- ", "for nobody else to read")
    t.ok(not os.path.exists(runs[0]["RENEWED_LINEAGE"]), "the files are gone afterwards")
    t.equal(cert["status"], "active", "the certificate is active")
    t.contains("\n".join(cert["deploy"]["log"]), "tell: told of version 1", "its output is kept")
    shown = daemon.run_ctl("cert", "show", "shop").stdout.decode()
    t.matches(shown, r"deploy hook +tell\nits state +done\n", "cert show tells of it")
    t.ok([e for e in daemon.ctl("events", "--object", "shop")["events"] if e["action"] == "certificate.deployed"], "so do the events")


def failing(t, daemon, hooks):
    hooks.add("fails", "echo \"no route to host, token $TOKEN\"; [ -e \"$SEEN/repaired\" ] || exit 4\n")
    daemon.add_cert("bad", "bad.example", deploy_hook="fails")
    cert = failed(daemon, "bad")
    t.equal(cert["status"], "undelivered", "a hook that fails: the certificate is undelivered")
    t.contains(cert["deploy"]["error"]["detail"], "the hook fails failed with exit code 4", "it is said how")
    t.contains("\n".join(cert["deploy"]["log"]), "fails: no route to host, token ***", "with what it printed, secrets masked")
    add_user(daemon, "oscar", "operator")
    oscar = Person(daemon)
    oscar.sign_in("oscar")
    seen = json.dumps([oscar("GET", f"/certificates/bad{more}")[1] for more in ("", "/versions", "/versions/1")] + [oscar("GET", "/events")[1]]) + "".join(oscar.page(f"/certificates/bad{part}").text for part in ("", "/install", "/history"))
    t.ok("no route to host" not in seen and "failed with exit code 4" in seen and "1 line for administrators only" in seen, "an operator sees how it ended, not what it printed")
    t.lacks(daemon.run_ctl("--json", "cert", "show", "bad").stdout.decode() + daemon.log().decode(errors="replace"), SECRET, "nowhere in clear")
    t.equal(daemon.certs()["bad"]["status"], "undelivered", "also in the list")
    t.equal(daemon.ctl("status")["certificates"]["undelivered"], 1, "and in the status")
    at = calendar.timegm(time.strptime(cert["deploy"]["retry_at"], "%Y-%m-%dT%H:%M:%SZ"))
    t.ok(abs(at - time.time() - 60) < 30, "it is run again a minute later", cert["deploy"])
    t.equal([r["due"] for r in daemon.ctl("status")["agenda"] if r["kind"] == "deploy" and r["name"] == "bad"],
        [cert["deploy"]["retry_at"]], "the agenda has it")
    t.ok([e for e in daemon.ctl("events", "--object", "bad")["events"] if e["action"] == "certificate.deploy_failed"], "the events too")
    done = daemon.run_ctl("cert", "deploy", "bad", "--wait")
    t.ok(done.returncode and b"exit code 4" in done.stderr, "run again by hand, it fails again", done)
    open(os.path.join(t.path("told"), "repaired"), "w").close()
    done = daemon.run_ctl("cert", "deploy", "bad", "--wait")
    t.equal((done.returncode, done.stdout), (0, b"Version 1 of bad is deployed.\n"), "repaired, it is deployed")
    cert = daemon.cert("bad")
    t.equal((cert["status"], cert["deploy"]["failures"], cert["deploy"]["error"], cert["deploy"]["retry_at"]), ("active", 0, None, None),
        "and nothing of the failures is left")
    t.equal([r for r in daemon.ctl("status")["agenda"] if r["kind"] == "deploy"], [], "nor in the agenda")

    hooks.add("hangs", "sleep 300\n")
    daemon.add_cert("slow", "slow.example", deploy_hook="hangs")
    t.contains(failed(daemon, "slow")["deploy"]["error"]["detail"], "did not end within 3 seconds", "one that hangs is ended in time")
    os.chmod(hooks.add("open", "exit 0\n"), 0o777)
    daemon.add_cert("open", "open.example", deploy_hook="open")
    t.contains(failed(daemon, "open")["deploy"]["error"]["detail"], "can be written by others", "one that others can write is not run")
    daemon.ctl("cert", "hooks", "open", "--deploy", "none")
    t.equal(daemon.cert("open")["status"], "active", "without a hook, nothing of its failure is left")
    t.equal([r for r in daemon.ctl("status")["agenda"] if r["kind"] == "deploy" and r["name"] == "open"], [], "nor is anything planned")
    daemon.ctl("cert", "rm", "slow", "--yes")
    t.equal([r for r in daemon.ctl("status")["agenda"] if r["kind"] == "deploy" and not r["name"]], [], "a removed certificate leaves nothing in the agenda")


def killed(t, daemon, hooks):
    hooks.add("once", "echo run >> \"$SEEN/once\"; [ -e \"$SEEN/go\" ] || { touch \"$SEEN/at-it\"; sleep 2; }\n")
    daemon.add_cert("crash", "crash.example", deploy_hook="once")
    until("the script runs", lambda: os.path.exists(os.path.join(t.path("told"), "at-it")))
    daemon.kill()
    open(os.path.join(t.path("told"), "go"), "w").close()
    daemon.begin()
    cert = deployed(daemon, "crash")
    t.equal(cert["status"], "active", "killed while the script runs: after the restart it is run again")
    t.equal(open(os.path.join(t.path("told"), "once")).read(), "run\nrun\n", "once")
    t.equal(os.listdir(os.path.join(daemon.state, "deploy")), [], "and no files stay behind")


def own(t, daemon, hooks):
    hooks.add("mine", "echo \"mine: $WHERE $OTHER\"\n")
    daemon.add_cert("own", "own.example", deploy_hook="none")
    t.equal(daemon.cert("own")["deploy"], None, "a certificate may have none")
    done = daemon.run_ctl("cert", "deploy", "own")
    t.ok(done.returncode == 7 and b"has no deploy hook" in done.stderr, "then there is nothing to run", done)
    file = t.write("deploy.env", "TOKEN=another-secret\n")
    done = daemon.run_ctl("cert", "hooks", "own", "--deploy", "mine", "--deploy-environment-file", file)
    t.ok(done.returncode == 3 and b"TOKEN is set in certera.yaml" in done.stderr, "what certera.yaml sets for all stays", done)
    file = t.write("deploy.env", "WHERE=rack-seven-left\nOTHER=another-secret\n")
    done = daemon.run_ctl("cert", "hooks", "own", "--deploy", "mine", "--deploy-environment-file", file)
    t.equal(done.returncode, 0, "or get one of its own, with an environment")
    daemon.ctl("cert", "deploy", "own", "--wait")
    t.contains("\n".join(daemon.cert("own")["deploy"]["log"]), "mine: mine: *** ***", "which it sees, and nobody else")
    stored = b"".join(open(os.path.join(daemon.store, f), "rb").read() for f in os.listdir(daemon.store) if f.endswith("mdb"))
    t.ok(b"rack-seven" not in stored, "it is sealed in the store")
    for line in ("PATH=/tmp", "CERTERA_NAME=x", "RENEWED_DOMAINS=x", "LD_PRELOAD=/tmp/x", "no line"):
        done = daemon.run_ctl("cert", "hooks", "own", "--deploy-environment-file", t.write("env", line))
        t.equal(done.returncode, 3, f"an environment of {line.split('=')[0]} is refused")
    for script in ("../tell", "/bin/true"):
        t.equal(daemon.run_ctl("cert", "hooks", "own", "--deploy", script).returncode, 3, f"so is {script}")
    daemon.ctl("cert", "hooks", "own", "--set", "nsupdate", "--arguments", "{{Value}}", "--propagation", "off")
    cert = daemon.cert("own")
    t.equal((cert["hook_set"], cert["hook_arguments"], cert["no_propagation"], cert["deploy_hook"]), ("nsupdate", "{{Value}}", True, "mine"),
        "the scripts for DNS records can be changed too, and the others stay")
    daemon.ctl("cert", "hooks", "own", "--set", "", "--deploy", "")
    cert = daemon.cert("own")
    t.equal((cert["hook_set"], cert["deploy"]["script"]), (None, "tell"), "taken away: those of the configuration")


def versions(t, daemon, told):
    before = len(told.runs())
    daemon.ctl("cert", "reissue", "shop", "--wait")
    deployed(daemon, "shop", 2)
    t.equal([run["CERTERA_VERSION"] for run in told.runs()[before:]], ["2"], "issued again: the script hears of the new version")
    daemon.ctl("cert", "rollback", "shop", "1")
    deployed(daemon, "shop", 1)
    t.equal([run["CERTERA_VERSION"] for run in told.runs()[before:]], ["2", "1"], "rolled back: of the one that is in force again")
    t.equal(chain_of(told.file(len(told.runs()) - 1, "cert.pem")), chain_of(told.file(0, "cert.pem")), "with its chain")

    root, leaf = t.path("root.pem"), t.path("leaf.pem")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout")
    openssl("req", "-x509", *new_key, t.path("root.key"), "-out", root, "-subj", "/CN=Elsewhere", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *new_key, t.path("leaf.key"), "-out", t.path("leaf.csr"), "-subj", "/CN=import.example")
    openssl("x509", "-req", "-in", t.path("leaf.csr"), "-CA", root, "-CAkey", t.path("root.key"), "-CAcreateserial", "-out", leaf,
        "-extfile", t.write("leaf.ext", "subjectAltName=DNS:import.example"))
    daemon.ctl("cert", "import", "brought", "--file", leaf, "--key-file", t.path("leaf.key"))
    deployed(daemon, "brought")
    t.equal((told.runs()[-1]["CERTERA_NAME"], told.runs()[-1]["CERTERA_NAMES"]), ("brought", "import.example"), "imported: also of that")
    t.equal(told.file(len(told.runs()) - 1, "chain.pem"), "", "without intermediates, the file of these is empty")


def nothing_to_do(t, daemon):
    daemon.configure(hooks={"deploy": ""})
    daemon.reload()
    daemon.add_cert("quiet", "quiet.example")
    t.equal(daemon.cert("quiet")["deploy"], None, "without a script in the configuration nothing is run")
    t.equal([r for r in daemon.ctl("status")["agenda"] if r["kind"] == "deploy" and r["name"] == "quiet"], [], "or planned")


run(main)
