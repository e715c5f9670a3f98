#!/usr/bin/env python3
"""Nobody's input is a path, a program or an environment: only administrators choose scripts, and see what they print.

The world is certerad alone: dry runs of hooks need no CA, and the deploy hook an imported certificate.
"""
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SHIPPED = ("acme-dns", "nsupdate")
MEMBERS = {"hook_set": "fine", "hook_cleanup": "fine", "hook_arguments": "x", "hook_environment": ["A=b"], "deploy_hook": "none"}
OUTPUT = "what-the-script-saw"


def main(t):
    hooks = Hooks(t)
    for name in SHIPPED:
        hooks.add(name)
    hooks.add("fine", "exit 0\n")
    hooks.add("talks", f"echo {OUTPUT}; echo and more; exit 7\n")
    hooks.add("tells", f'echo "$CERTERA_NAME $WHERE [$CERTERA_OWN]" >> {t.path("told")}\n')
    daemon = Certerad(t, dns={"propagation": False, "resolvers": "127.0.0.1:1"},
        hooks=hooks.settings("fine", environment=["TOKEN=of-all-certificates"], deploy_environment=["WHERE=everywhere"]))
    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir")
    for name, options in (("open", {}), ("small", {"domains": "shop.example", "certificates": "9"})):
        daemon.ctl("plan", "add", name, *[w for k, v in options.items() for w in (f"--{k}", v)])
    for name, role, options in (("alice", "admin", {}), ("oscar", "operator", {}), ("paula", "operator", {"plan": "small"})):
        add_user(daemon, name, role, **options)
    people = {name: Person(daemon) for name in ("alice", "oscar", "paula")}
    for name, person in people.items():
        person.sign_in(name)
    for name, role, *more in (("operator's token", "operator"), ("admin's token", "admin"), ("admin's token to create", "admin", "--action", "create")):
        people[name] = Person(daemon, token=daemon.ctl("token", "add", name.replace(" ", "-").replace("'", ""), "--role", role, *more)["token"])

    choosing(t, daemon, people)
    shipped_scripts(t, daemon)
    environments(t, daemon, hooks)
    output(t, daemon, people)
    upgrade(t, daemon, people)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def cert(name, **members):
    return {"name": name, "names": f"{name}.shop.example", "account": "ca", "challenge": "dns-01", "issue": False, **members}


def choosing(t, daemon, people):
    csr = openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", t.path("csr.key"), "-subj", "/CN=csr.shop.example",
        "-addext", "subjectAltName=DNS:csr.shop.example")
    for name in ("oscar", "paula"):
        t.equal(people[name]("POST", "/certificates", cert(name))[0], 201, f"{name} adds a certificate")
    for name, target in (("oscar", "oscar"), ("paula", "paula"), ("operator's token", "oscar"), ("admin's token to create", None)):
        person, faults = people[name], []
        for member, value in {**MEMBERS, "deploy_environment": ["A=b"], "confirm": True}.items():
            asked = [("/certificates", cert("new", **{member: value})), ("/certificates?dry_run=true", cert("new", **{member: value})),
                ("/certificates", {"name": "new", "csr": csr, "account": "ca", member: value})] if member in MEMBERS else []
            if target:
                asked.append((f"/certificates/{target}/hooks", {member: value}))
            for path, body in asked:
                status, said = person("POST", path, body)
                if status != 403 or member not in said["detail"] or "administrators" not in said["detail"] or said["errors"][0]["field"] != member:
                    faults.append(f"{path} {body}: {status} {said}")
        t.equal(faults, [], f"{name} chooses neither scripts nor environment, for new certificates or others")
        said = person("POST", "/certificates/new/import", {"file": "x", "hook_set": "fine"})
        t.ok(said[0] == 403 and ("administrators" if target else "not made for that") in said[1]["detail"], f"{name}: nor on the way of an import", said)
    t.equal(daemon.run_ctl("cert", "show", "new").returncode, 6, "nothing came of it")
    shown = daemon.cert("oscar")
    t.equal([shown[m] for m in ("hook_set", "hook_cleanup", "hook_arguments", "deploy_hook")], [None] * 4, "nor was anything changed")
    t.equal(people["oscar"]("POST", "/certificates/oscar/hooks", {"propagation": "off"})[0], 200, "what names no script stays an operator's")
    t.equal([people[name]("GET", "/certificates/oscar/hooks")[0] for name in ("oscar", "operator's token")], [403, 403], "nor do they see the environment")

    oscar = people["oscar"]
    page = oscar.page("/certificates/oscar/settings").text
    t.ok("<h2>Dangerous</h2>" in page and 'name="hook_set"' not in page and "/certificates/oscar/hooks" not in page, "an operator's page has no form for scripts")
    answer = oscar.form("/certificates/oscar/hooks", "/certificates/oscar", hook_set="fine")
    t.ok(answer.status == 403 and daemon.cert("oscar")["hook_set"] is None, "and such a form is refused", answer)
    alice = people["alice"]
    t.contains(alice.page("/certificates/oscar/settings").text, 'name="hook_set"', "an administrator's has one")
    answer = alice.form("/certificates/oscar/hooks", "/certificates/oscar", deploy_hook="none", deploy_environment="", hook_set="fine", hook_environment="A=b")
    t.ok(answer.status == 303 and daemon.cert("oscar")["hook_set"] == "fine", "that works", answer)
    t.equal(alice("POST", "/certificates", cert("alices", **MEMBERS))[0], 201, "an administrator chooses for a new one")
    t.equal(people["admin's token"]("POST", "/certificates/alices/hooks", {"hook_set": "talks"})[0], 200, "an administrator's token too")
    t.equal((daemon.cert("alices")["hooks_by"], daemon.cert("oscar")["hooks_by"]), ("token admins-token", "alice"), "the record says who did")


def dry_run(daemon, name, person=None):
    """Of a certificate's hooks; how it ended, as this person sees it."""
    ask = person or (lambda method, path: daemon.api(method, path))
    status, trial = ask("POST", f"/hooks/test/{name}")
    if status != 202:
        return trial
    return until(f"the dry run for {name} ends", lambda: (now := ask("GET", f"/hooks/trials/{trial['id']}")[1])["state"] in ("passed", "failed") and now)


def shipped_scripts(t, daemon):
    """What an operator did with them, an administrator by mistake does not either."""
    key = daemon.master_key
    with open(key) as f:
        secret = f.read().strip()
    tsig = "hmac-sha256:certera:c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
    for script, lines in (("acme-dns", [f"ACMEDNS_URL={{file://{key},http://127.0.0.1:1/x}}#", "ACMEDNS_USER=u", "ACMEDNS_KEY=k"]),
            ("acme-dns", [f"ACMEDNS_URL=file://{key}#", "ACMEDNS_USER=u", "ACMEDNS_KEY=k"]),
            ("acme-dns", [f"ACMEDNS_URL=http://127.0.0.1:1/{{x,y}}\" # ", f"ACMEDNS_USER=@{key}", "ACMEDNS_KEY=k"]),
            ("nsupdate", [f"NSUPDATE_KEY={key}", "NSUPDATE_SERVER=127.0.0.1"]),
            ("nsupdate", [f"NSUPDATE_KEY={os.path.relpath(key, os.path.join(os.path.dirname(key), '../hooks'))}", "NSUPDATE_SERVER=127.0.0.1"]),
            ("nsupdate", [f"NSUPDATE_KEY={tsig}", "NSUPDATE_SERVER=127.0.0.1 53 x", "NSUPDATE_TTL=1"])):
        name = f"shipped-{script}-{len(daemon.certs())}"
        daemon.api("POST", "/certificates", cert(name, hook_set=script, hook_environment=lines))
        trial = dry_run(daemon, name)
        said = "\n".join(trial["log"])
        t.ok(trial["state"] == "failed" and "exit code 2" in said, f"{script}: {lines[0].replace(secret, '***')} is refused", trial)
        t.ok(not [part for part in (secret, secret[:12], secret[-12:]) if part in json.dumps(trial)], "and no part of the master key is shown")


def environments(t, daemon, hooks):
    def refused(line, member="hook_environment", name="alices"):
        status, said = daemon.api("POST", f"/certificates/{name}/hooks", {member: [line]})
        return status == 422 and said["errors"][0]["field"] == member and said["detail"]
    faults = [line for line in ("PATH=/x", "IFS=x", "ENV=/x", "BASH_ENV=/x", "BASH_FUNC_x=()", "LD_PRELOAD=/x", "LD_AUDIT=/x", "LD_LIBRARY_PATH=/x", "PYTHONPATH=/x",
        "PYTHONSTARTUP=/x", "PERL5OPT=-d", "PERL5LIB=/x", "RUBYOPT=x", "NODE_OPTIONS=x", "HOME=/x", "XDG_CONFIG_HOME=/x", "SSLKEYLOGFILE=/x", "CERTERA_VALUE=x", "CERTERA_OWN=",
        "GLIBC_TUNABLES=x", "no line", "1A=b", "A=b\nLD_PRELOAD=/x") for member in ("hook_environment", "deploy_environment") if not refused(line, member)]
    t.equal(faults, [], "what makes programs run other code cannot be set, for DNS records or for deploying")
    t.contains(refused("LD_PRELOAD=/x"), "LD_PRELOAD cannot be set: it makes every program load other code", "it is said why")
    t.contains(refused("TOKEN=mine"), "TOKEN is set in certera.yaml", "what certera.yaml sets for all is not changed for one")
    t.contains(refused("WHERE=here", "deploy_environment"), "WHERE is set in certera.yaml", "also for deploying")
    t.equal(daemon.api("POST", "/certificates/alices/hooks", {"hook_environment": ["WHERE=here"]})[0], 200, "a name of the other environment is free")

    daemon.api("POST", "/certificates/alices/hooks", {"hook_environment": ["LATER=mine"], "hook_set": "fine", "hook_cleanup": ""})
    t.equal(dry_run(daemon, "alices")["state"], "passed", "a name of its own")
    daemon.configure(hooks={"environment": ["TOKEN=of-all-certificates", "LATER=of-all-certificates"]})
    daemon.reload()
    trial = dry_run(daemon, "alices")
    t.ok(trial["state"] == "failed" and "LATER is set in certera.yaml" in trial["error"]["detail"], "set in certera.yaml later: its scripts do not run before that is settled", trial)
    daemon.configure(hooks={"environment": ["TOKEN=of-all-certificates"]})
    daemon.reload()

    for line, why in (("LD_PRELOAD=/x.so", "LD_PRELOAD cannot be set"), ("PATH=/opt/bin", "PATH cannot be set"), ("HOME=/var/lib/certera", None)):
        for key in ("environment", "deploy_environment"):
            file = t.write("checked.yaml", f"hooks:\n  {key}:\n    - \"{line}\"\n")
            done = run_command(os.path.join(BUILD, "certerad"), "-t", "-f", file)
            said = (done.stdout + done.stderr).decode()
            t.ok("cannot be set" not in said if not why else done.returncode and f"checked.yaml:3: hooks.{key}: {why}" in said, f"certera.yaml: {line.split('=')[0]} in hooks.{key}", said)


def output(t, daemon, people):
    daemon.api("POST", "/certificates/oscar/hooks", {"hook_set": "talks", "deploy_hook": "none"})
    for name in ("oscar", "operator's token"):
        trial = dry_run(daemon, "oscar", people[name])
        t.ok(OUTPUT not in json.dumps(trial) and "failed with exit code 7" in trial["error"]["detail"], f"{name} sees how a script ended, and not what it printed", trial)
        t.contains("\n".join(trial["log"]), "2 lines for administrators only", "but that there is more")
    trial = dry_run(daemon, "oscar", people["alice"])
    t.contains("\n".join(trial["log"]), f"talks: {OUTPUT}", "an administrator sees it")
    t.lacks(json.dumps(trial["error"]), OUTPUT, "in the steps alone: an error goes elsewhere, too")
    t.equal(people["paula"]("GET", f"/hooks/trials/{trial['id']}")[0], 404, "of what is not hers, a user with a plan sees no dry run")


def upgrade(t, daemon, people):
    """A store of a former release, in which operators may have chosen: the audit log says who did."""
    daemon.ctl("user", "add", "amy", "--role", "admin", "--password-file", "-", "--keep-password", input=PASSWORD.encode())
    amy = Person(daemon)
    amy.sign_in("amy")
    for name, by in (("known", people["alice"]), ("unknown", amy)):
        file = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", t.path("own.key"), "-days", "10",
            "-subj", f"/CN={name}.shop.example", "-addext", f"subjectAltName=DNS:{name}.shop.example", "-addext", "basicConstraints=CA:FALSE")
        with open(t.path("own.key")) as f:
            daemon.api("POST", f"/certificates/{name}-file/import", {"file": file + f.read()})
        by("POST", f"/certificates/{name}-file/hooks", {"deploy_hook": "tells", "deploy_environment": ["FROM=\033[2Jrack-seven"]})
        by("POST", "/certificates", cert(name, hook_set="fine", hook_environment=["API=seven-of-nine"], hook_arguments="a b"))
    before = {name: daemon.cert(name)["status"] for name in ("known", "unknown", "known-file", "unknown-file")}
    daemon.ctl("user", "rm", "amy")     # so nothing shows any more that she was an administrator
    daemon.stop()
    file = os.path.join(daemon.store, "data.mdb")
    with open(file, "rb") as f:
        store = f.read()
    with open(file, "wb") as f:
        f.write(re.sub(rb"format\d", b"format1", store))  # LMDB puts the value right behind its key
    daemon.begin()

    status = {name: c["status"] for name, c in daemon.certs().items()}
    t.equal((status["known"], status["known-file"]), (before["known"], before["known-file"]), "upgraded: what the audit log shows to be an administrator's stays")
    t.equal((status["unknown"], status["unknown-file"]), ("unconfirmed", "unconfirmed"), "what it does not is unconfirmed")
    t.equal((daemon.cert("alices")["status"], daemon.cert("paula")["status"]), ("pending", "pending"), "what has no scripts of its own is none of this, and local administrators' are theirs")
    t.contains(daemon.log().decode(errors="replace"), "certificate unknown: its scripts, chosen by amy, do not run", "the log says so")
    t.ok([e for e in daemon.ctl("events", "--object", "unknown")["events"] if e["action"] == "certificate.hooks_unconfirmed"], "the audit log too")
    daemon.api("POST", "/certificates/known-file/deploy")
    daemon.wait_for_cert("known-file", lambda c: c["deploy"]["state"] == "done", "it is deployed")
    t.equal(open(t.path("told")).read(), "known-file everywhere [FROM]\n", "an administrator's runs")

    daemon.api("POST", "/certificates/unknown-file/deploy")
    failed = daemon.wait_for_cert("unknown-file", lambda c: c["deploy"]["state"] == "failed", "it is refused")
    t.contains(failed["deploy"]["error"]["detail"], "no administrator confirmed them", "unconfirmed: it is not run for deploying")
    t.contains(dry_run(daemon, "unknown")["detail"], "no administrator confirmed them", "nor for DNS records")
    daemon.api("POST", "/certificates/unknown/issue")
    failed = daemon.wait_for_cert("unknown", lambda c: c["failures"], "its order is refused")
    t.equal((failed["error"]["code"], failed["orders"]), ("hooksUnconfirmed", 0), "nor ordered, before the CA is asked")
    t.contains(failed["error"]["hint"], "An administrator", "it is said who can help")
    t.equal(open(t.path("told")).read().count("unknown"), 0, "nothing of it has run")

    status, shown = people["alice"]("GET", "/certificates/unknown/hooks")
    t.equal((status, shown["unconfirmed"], shown["by"], shown["hook_set"], shown["hook_arguments"], shown["hook_variables"]),
        (200, True, "amy", "fine", "a b", ["API=seven-of-nine"]), "an administrator sees all of it, also the values")
    page = people["alice"].page("/certificates/unknown/hooks").text
    t.ok("API=seven-of-nine" in page and "Confirm these scripts" in page, "on a page, too")
    t.contains(people["alice"].page("/certificates/unknown").text, "/certificates/unknown/hooks", "to which the certificate's leads")
    t.equal(people["oscar"]("GET", "/certificates/unknown/hooks")[0], 403, "an operator does not")
    t.equal(people["oscar"]("POST", "/certificates/unknown/hooks", {"confirm": True})[0], 403, "nor does he confirm it")
    done = daemon.run_ctl("cert", "scripts", "unknown-file").stdout.decode()
    t.ok("FROM=?[2Jrack-seven" in done and "cert hooks unknown-file --confirm" in done, "certeractl shows it, harmless to a terminal", done)

    daemon.ctl("cert", "hooks", "unknown", "--set", "talks")
    t.equal(daemon.cert("unknown")["hooks_unconfirmed"], True, "one of them replaced: the rest is still unconfirmed")
    people["alice"].form("/certificates/unknown/hooks", "/certificates/unknown/hooks", confirm="true")
    shown = daemon.cert("unknown")
    t.equal((shown["hooks_unconfirmed"], shown["hooks_by"]), (False, "alice"), "confirmed")
    t.contains("\n".join(dry_run(daemon, "unknown")["log"]), f"talks: {OUTPUT}", "it runs")
    t.equal(people["alice"]("GET", "/certificates/unknown/hooks")[1]["hook_variables"], ["API=***"], "and its values are secrets again")
    daemon.ctl("cert", "hooks", "unknown-file", "--confirm")
    daemon.wait_for_cert("unknown-file", lambda c: c["deploy"]["state"] == "done", "it is deployed")
    t.ok("unknown-file everywhere" in open(t.path("told")).read() and daemon.cert("unknown-file")["status"] == "active", "what was refused is done at once")


run(main)
