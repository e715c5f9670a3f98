#!/usr/bin/env python3
"""apply: files as people write them (anchors, mistakes, nothing at all), one that is killed midway, two at once.  A refusal has the file's line."""
import json
import os
import resource
import signal
import subprocess
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

USERS = [f"user{n:02}" for n in range(10)]


def apply(daemon, path, *options):
    done = daemon.run_ctl("apply", path, *options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def refused(t, daemon):
    file = t.path("refused.yaml")
    before = len(daemon.ctl("events")["events"])
    for text, line, words in (
            ("plans: []\nplans: []\n", 2, '"plans" is there twice'),
            ("plans:\n  - name: a\n    certificates: 1\n    certificates: 2\n", 4, '"certificates" is there twice'),
            ("plans:\n  - name: a\n  - name: b\n  - name: A\n", 4, "the plan A is there twice, also in line 2"),
            ("plans:\n  - name: a\n    colour: red\n", 3, '"colour" that is not known'),
            ("plans:\n  - name: a\n    certificates: [1]\n", 3, '"certificates" is one value'),
            ("plans:\n  - name: good\n\ncars:\n  - name: a\n", 4, '"cars" is not known'),
            ("plans:\n  name: a\n", 1, "not a list"),
            ("plans:\n  - certificates: 1\n", 2, "has no name"),
            ("plans:\n\t- name: a\n", 2, "token"),
            ("plans: &all [*all]\n", 1, "nested too deep"),
            ("plans:\n  - {<<: 5, name: a}\n", 2, "alias"),
            ("plans: []\n---\nplans: []\n", 3, "second document"),
            ("- plans\n", 1, "no sections"),
            ("plans:\n  - name: good\nusers:\n  - name: bob\n    plan: none\n", 4, "has the plan none, which there is neither here nor in the file"),
            ("plans:\n  - name: good\ncertificates:\n  - name: shop\n    names: [shop.example]\n", 4, 'is new, and has no "account"')):
        with open(file, "w") as f:
            f.write(text)
        code, said, error = apply(daemon, file, "--prune", "--secrets-file", t.path("none"))
        t.ok(code == 3 and f"{file}:{line}: " in error and words in error, f"refused with its line: {words}", error)
    t.equal(len(daemon.ctl("events")["events"]), before, "and nothing was done of any of them")


def as_people_write(t, daemon):
    code, said, _ = apply(daemon, t.write("anchors.yaml", "plans:\n  - &small {name: one, certificates: 3, domains: [a.example]}\n  - {<<: *small, name: two}\n  - {name: three, certificates: 4, <<: [*small]}\n"))
    plans = {p["name"]: (p["certificates"], p["domains"]) for p in daemon.ctl("plan", "list")["plans"]}
    t.equal((code, plans), (0, {"one": (3, ["a.example"]), "two": (3, ["a.example"]), "three": (4, ["a.example"])}), "anchors and merges are read as YAML has them")
    for text in ("", "# nothing\n", "plans:\n", "---\n"):
        t.equal(apply(daemon, t.write("empty.yaml", text), "--prune")[:2], (0, "Nothing to change.\n"), f"a file that says nothing of plans removes none: {text!r}")
    code, said, _ = apply(daemon, t.write("odd.yaml", 'plans:\n  - name: one\n    domains: a.example\n    certificates: 3\n  - name: "a/b"\n  - name: "\\e[31mred"\n'))
    t.ok(code == 1 and 'failed (line 5): "a/b" cannot be a name' in said and "letters, digits" in said and "\033" not in said, "a name that cannot be one is refused, with its line and what names are", said)
    code, said, _ = apply(daemon, t.write("fewer.yaml", "plans: []\n"), "--prune")
    t.equal((code, daemon.ctl("plan", "list")["plans"]), (0, []), "an empty list removes all with --prune")


def used(t, daemon):
    daemon.ctl("cert", "import", "shop", "--file", dated(t, "shop.example", -3600, 30 * 86400))
    daemon.ctl("account", "add", "ca", "--directory", "https://127.0.0.1:1/dir", "--agree-terms")
    made = daemon.ctl("cert", "import", "web", "--file", dated(t, "web.example", -3600, 30 * 86400), "--account", "ca")
    daemon.download("certificate", "web", made["api_keys"][0])
    until("who downloads it is known", lambda: daemon.cert("web")["consumers"], 30)
    code, said, _ = apply(daemon, t.write("none.yaml", "certificates: []\n"), "--prune", "--dry-run")
    t.ok(code == 0 and "- certificate web\n    in use: servers download it\n" in said and "shop" not in said,
        "--prune removes no certificate that came from a file, and says which are in use", said)


def write_users(t):
    return t.write("users.yaml", "users:\n" + "".join(f"  - {{name: {u}, role: viewer}}\n" for u in USERS))


def kept(path):
    with open(path) as f:
        return [line.split("\t")[1] for line in f.read().splitlines()]


def killed(t, daemon):
    file, secrets = write_users(t), t.path("secrets")
    running = subprocess.Popen([os.path.join(BUILD, "certeractl"), "--socket", daemon.socket, "apply", file, "--secrets-file", secrets], stdout=subprocess.DEVNULL)
    until("some are made", lambda: os.path.exists(secrets) and len(kept(secrets)) >= 3)
    running.send_signal(signal.SIGKILL)
    running.wait()
    time.sleep(PATIENCE)    # the user that was under way is made, or is not
    there = {u["name"] for u in daemon.ctl("user", "list")["users"]}
    t.ok(3 <= len(there) < len(USERS), "killed midway, some are made", there)
    t.ok(len(there - set(kept(secrets))) <= 1, "and their passwords are in the file, but for one that was under way", (there, kept(secrets)))
    code, said, error = apply(daemon, file, "--secrets-file", secrets)
    t.equal((code, {u["name"] for u in daemon.ctl("user", "list")["users"]}), (0, set(USERS)), "the same command again makes the rest")
    t.equal(len(kept(secrets)), len(set(kept(secrets))), "and gives nobody a second password")
    t.equal(apply(daemon, file)[:2], (0, "Nothing to change.\n"), "then there is nothing to do")
    code, said, _ = apply(daemon, t.write("none.yaml", "users: []\n"), "--prune")
    t.equal(code, 0, "they can be removed")


def two_at_once(t, daemon):
    file = write_users(t)
    both = [subprocess.Popen([os.path.join(BUILD, "certeractl"), "--socket", daemon.socket, "--json", "apply", file, "--secrets-file", t.path(f"secrets-{n}")],
        stdout=subprocess.PIPE) for n in (1, 2)]
    answers = [json.loads(one.communicate()[0]) for one in both]
    errors = [c["error"] for answer in answers for c in answer["changes"] if "error" in c]
    t.equal({u["name"] for u in daemon.ctl("user", "list")["users"]}, set(USERS), "two at once: all are made")
    t.equal(sorted(kept(t.path("secrets-1")) + kept(t.path("secrets-2"))), USERS, "each once, with one password")
    t.ok(all("already" in error for error in errors), "what the other one made first is said so", errors)
    t.equal(apply(daemon, file)[:2], (0, "Nothing to change.\n"), "then there is nothing to do")


def full_disk(t, daemon):
    daemon.run_ctl("user", "rm", USERS[0])
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
    done = daemon.run_ctl("apply", write_users(t), "--secrets-file", t.path("secrets-full"), preexec_fn=small_files)
    t.ok(done.returncode and b"user user00 is lost" in done.stderr and b"user reset" in done.stderr, "a password that cannot be written is said to be lost, with what to do", done)


def main(t):
    daemon = Certerad(t)
    refused(t, daemon)
    as_people_write(t, daemon)
    used(t, daemon)
    killed(t, daemon)
    two_at_once(t, daemon)
    full_disk(t, daemon)


run(main)
