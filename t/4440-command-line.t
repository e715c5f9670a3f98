#!/usr/bin/env python3
"""certeractl for people: messages in the words of a command line, slips, empty and long lists, and what is in use."""
import json
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t)
    ctl = daemon.run_ctl
    binary = t.path("binary")
    with open(binary, "wb") as f:
        f.write(b"twelve bytes and more\0\xff\xfe")
    for argv, *words in (
        (["account", "add", "ca", "--ca", "letsencrypt", "--key-type", "dsa"], "dsa"),
        (["cert", "add", "a", "--names", "a.example"], "--account is missing"),
        (["cert", "add", "a", "--account", "ca"], "--names is missing", "--csr-file"),
        (["token", "add", "robot"], "--role"),
        (["user", "add", "bob"], "--role"),
        (["channel", "add", "ops"], "--kind is missing"),
        (["cert", "show"], "NAME is missing: certeractl cert show NAME"),
        (["cert", "show", "a", "b"], 'cert show takes NAME only: "b" is one argument too many'),
        (["status", "now"], 'status takes no arguments, but "now" was given'),
        (["apikey", "rotate", "cert", "a"], "1|2 is missing"),
        (["crt", "list"], 'there is no command "crt list"', 'Did you mean "cert list"?'),
        (["cert", "lsit"], 'Did you mean "cert list"?'),
        (["helth"], 'Did you mean "health"?'),
        (["cert", "show", "a", "--stagin"], "cert show has no option --stagin", "Did you mean --staging?"),
        (["apikey", "rotate", "certificate", "a", "1"], 'API keys are of a cert or of a key, not of "certificate"'),
        (["cert", "import", "a", "--file", t.path()], f"reading {t.path()}: ", "directory"),
        (["decode", t.path()], f"reading {t.path()}: ", "directory"),
        (["decode", t.write("large", "x" * 900_000)], "The body is too long", "1 MiB over the control socket"),
        (["decode", t.write("empty", "")], "the file is empty"),
        (["user", "add", "bob", "--role", "viewer", "--password-file", binary], f"reading {binary}: this is not a text file"),
        (["token", "add", "robot", "--role", "viewer", "--action", "fly"], 'there is no action "fly"', "revoke"),
        (["token", "add", "robot", "--role", "viewer", "--domains", "intranet"], '"intranet" is not a domain'),
        (["plan", "add", "small", "--domains", "a b"], '"a" is not a domain'),
        (["site", "add", "a b"], '"a b" is not the name of a server'),
        (["secret", "set", "password", "--file", __file__], 'no setting needs a secret "password"', "mail.password"),
        (["channel", "add", "ops", "--kind", "slack", "--url", "x"], "channel add has no option --url", "Did you mean --url-file?"),
        (["cert", "export", "a", "--output", "x"], "cert export has no option --output", "Did you mean --out?"),
        (["cert", "add", "a", "--names", "a.example", "--names", "b.example"], "--names is given twice", 'Give it once: "A B"'),
        (["cert", "import", "a", "--file", binary, "--file=" + binary], "--file is given twice"),
        (["cert", "list", "--tag", "a", "--tag", "b"], "--tag is given twice"),
        (["export", "--out", "a", "--out", "b"], "--out is given twice"),
        (["cert", "add", "a", "--www", "--no-www"], "--no-www contradicts"),
        (["cert", "list", "--serach=x"], "cert list has no option --serach", "Did you mean --search?"),
    ):
        done = ctl(*argv)
        said = done.stderr.decode()
        t.ok(done.returncode and all(w in said for w in words) and "the member" not in said, f"{' '.join(argv)}: {words[0]}", said)
    t.lacks(ctl("zzzz").stderr.decode(), "Did you mean", "what is like nothing is like nothing")

    done = ctl("--json", "cert", "show", "nosuch")
    problem = json.loads(done.stdout)
    t.equal((done.returncode, problem["status"], problem["type"]), (6, 404, "urn:certera:error:missing"), "--json: a refusal is a problem document")
    t.contains(done.stderr.decode(), problem["detail"], "beside the message for people")
    done = ctl("--json", "cert", "add", "a", "--names", "a.example")
    t.equal((json.loads(done.stdout)["errors"][0]["field"], done.returncode), ("account", 3), "which names the member")
    t.equal(json.loads(ctl("--json", "cert", "show").stdout)["type"], "urn:certera:error:usage", "also of what was not understood here")

    lists(t, daemon)
    in_use(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def lists(t, daemon):
    def said(*argv):
        return daemon.run_ctl(*argv).stdout.decode()
    for command, filtered in (("cert list", ["--search", "x"]), ("cert list", ["--status", "failed"]), ("account list", ["--search", "x"]),
            ("key list", ["--use", "site"]), ("site list", ["--state", "valid"]), ("outbox list", ["--state", "dead"]), ("user list", ["--role", "admin"]), ("settings list", ["--search", "nosuch"])):
        t.equal(said(*command.split(), *filtered), "Nothing matches.\n", f"{command} {' '.join(filtered)}: empty")
    for more in ([], ["--sort", "expiry"], ["--limit", "3"]):
        t.contains(said("cert", "list", *more), "No certificates yet", f"cert list {' '.join(more)}")

    daemon.ctl("account", "add", "ca", "--directory", "https://localhost:1/dir", "--agree-terms")
    names = [f"host-{n}.example" for n in range(1200)]
    config = t.write("many.cnf", "[req]\ndistinguished_name=n\n[n]\n[v]\nsubjectAltName=" + ",".join("DNS:" + n for n in names))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", t.path("many.key"), "-out", t.path("many.pem"),
        "-days", "30", "-subj", "/CN=many", "-config", config, "-extensions", "v")
    daemon.ctl("cert", "import", "many", "--file", t.path("many.pem"), "--key-file", t.path("many.key"))
    listed = said("cert", "list")
    t.ok(len(listed) < 1000 and "host-0.example, host-1.example, " in listed and " more" in listed, "are some of them and a number in a list", listed)
    shown = [line for line in listed.splitlines() if line.startswith("many")][0]
    t.equal(shown.count(".example") + int(shown.split(" and ")[1].split()[0]), 1200, "and none is forgotten")
    t.equal(len(daemon.ctl("cert", "list")["certificates"][0]["names"]), 1200, "--json has them all")
    lines = said("cert", "show", "many").splitlines()
    t.ok(not [line for line in lines if line.startswith("    ")], "each line of cert show has a title", lines)


def in_use(t, daemon):
    ctl = daemon.run_ctl
    key, cert = t.path("own.key"), t.path("own.pem")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "30",
        "-subj", "/CN=own.example", "-addext", "subjectAltName=DNS:own.example")
    made = daemon.ctl("cert", "import", "own", "--file", cert, "--key-file", key)

    for argv, *words in (
        (["--format", "jpeg"], 'there is no format "jpeg"; there are pem, der, pkcs7, pfx, bundle and zip'),
        (["--format", "pfx"], "the format pfx needs a password", "Give --password-file."),
    ):
        said = ctl("cert", "export", "own", *argv).stderr.decode()
        t.ok(all(w in said for w in words), f"cert export {' '.join(argv)}: {words[0]}", said)

    def needs_yes(sentence, *argv, why):
        done = ctl(*argv, stdin=subprocess.DEVNULL)
        said = done.stderr.decode()
        t.ok(done.returncode == 2 and why in said and "--yes" in said, f"{' '.join(argv)}: {sentence}", (done.returncode, said))

    needs_yes("it is valid", "cert", "rm", "own", why="this certificate is valid")
    daemon.download("certificate", "own", made["api_keys"][0])
    daemon.wait_until("the fetch is recorded", lambda: daemon.cert("own")["consumers"])
    needs_yes("it is fetched", "cert", "rm", "own", why="servers download this certificate")
    needs_yes("a server has it", "apikey", "rotate", "cert", "own", "1", why="a server downloads with this API key")
    t.equal(ctl("apikey", "rotate", "cert", "own", "2").returncode, 0, "the other key is nobody's")
    t.equal(daemon.download("certificate", "own", made["api_keys"][0]).status, 200, "nothing was done")
    t.equal(ctl("apikey", "rotate", "cert", "own", "1", "--yes").returncode, 0, "--yes: it is done")
    daemon.api("POST", "/certificates", {"name": "new", "names": "new.example", "account": "ca", "issue": False})
    needs_yes("certificates have it", "account", "deactivate", "ca", why="certificates are renewed with this account")
    t.equal(ctl("cert", "rm", "new").returncode, 0, "what was never issued goes without a question")
    t.equal(asked(daemon, "n\n", "cert", "rm", "own"), 2, "at a terminal it asks: no")
    t.equal((asked(daemon, "y\n", "cert", "rm", "own"), ctl("cert", "show", "own").returncode), (0, 6), "yes")


def asked(daemon, answer, *argv):
    """Its exit code, with this answer typed at a terminal."""
    ours, its = os.openpty()
    done = subprocess.Popen([os.path.join(BUILD, "certeractl"), "--socket", daemon.socket, *argv], stdin=its, stderr=its, stdout=subprocess.DEVNULL)
    os.write(ours, answer.encode())
    code = done.wait(60)
    os.close(ours)
    os.close(its)
    return code


run(main)
