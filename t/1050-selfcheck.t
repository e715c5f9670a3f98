#!/usr/bin/env python3
"""certerad -t looks on this machine for what the configuration names: what cannot work is said before anything starts."""
import json
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    secret = t.write("password", "s3cret\n")
    os.chmod(secret, 0o644)
    hooks = t.path("hooks")
    os.makedirs(hooks)
    base = {"server": {"state_directory": t.path("state"), "user": ""}}

    def check(**groups):
        settings = {group: dict(values) for group, values in base.items()}
        for group, values in groups.items():
            settings.setdefault(group, {}).update(values)
        lines = [f"{group}:\n" + "".join(f"  {k}: {json.dumps(v)}\n" for k, v in values.items()) for group, values in settings.items()]
        file = t.write("check.yaml", "".join(lines))
        os.chmod(file, 0o644)
        return run_command(os.path.join(BUILD, "certerad"), "-t", "-f", file)

    for option, words in (("--help", b"usage: certerad"), ("--version", b"certerad ")):
        done = run_command(os.path.join(BUILD, "certerad"), option)
        t.ok(done.returncode == 0 and done.stdout.startswith(words), f"certerad {option}", done)
    for argv, words in ((["start"], b'"start" is one argument too many'), (["-x", "page"], b'there is no document "page"')):
        done = run_command(os.path.join(BUILD, "certerad"), *argv)
        t.ok(done.returncode == 2 and words in done.stderr, f"certerad {' '.join(argv)}: what is wrong", done)
    done = check()
    t.ok(done.returncode == 0 and b"is fine" in done.stdout, "a configuration without mistakes is fine", done)
    long = t.path("state", *["directory"] * 12)
    for setting, value, words in (
        ("renewal.zone", "Europe/Bielefeld", "there is no time zone Europe/Bielefeld"),
        ("renewal.zone", "../../etc/passwd", "there is no time zone"),
        ("hooks.paths", t.path("not", "there"), "opening the directory"),
        ("server.user", "nobody-of-that-name", "there is no user nobody-of-that-name"),
        ("server.state_directory", t.path("no", "such", "place"), "No such file or directory"),
        ("server.control_socket", long + "/control.sock", "bytes, 107 at most are possible"),
        ("tracking.roots", t.path("none.pem"), "No such file or directory"),
        ("mail.ca_file", hooks, "is not a file"),
        ("mail.password_file", secret, "everyone on this machine can read"),
        ("mail.from", "Certera certera at example.org", "mail.from: "),
        ("csr.country", "Germany", "the country has 7 characters"),
        ("csr.email", "nobody", "has no @ in it"),
        ("mail.host", "mail.example.org", "mail.from: is empty"),
        ("webui.develop", t.path("pages"), "opening the directory"),
        ("hooks.deploy", "missing", "hooks.deploy: "),
        ("hooks.set", "../bin/sh", "hooks.set: "),
        ("hooks.cleanup", "..", "hooks.cleanup: "),
        ("hooks.deploy", "sub/../../sh", "hooks.deploy: "),
        ("hooks.arguments", "{{Action}} {{Records}} {{Value}}", "there is no placeholder {{Records}}"),
        ("hooks.arguments", '{{Action}} "{{Value}}', "a quotation mark in the hook's arguments has no second one"),
        ("listen.http", ["127.0.0.1:8080", "127.0.0.1:8080"], "listen.http: the address 127.0.0.1:8080 is given twice"),
    ):
        group, key = setting.split(".")
        extra = {"directory": hooks} if group == "hooks" else {}
        if os.geteuid() and setting == "server.user":
            continue
        done = check(**{group: {key: value, **extra}})
        t.ok(done.returncode == 9 and words.encode() in done.stderr and setting.encode() in done.stderr,
             f"{setting}: {value!r:.60} is refused: {words}", done)
        at = done.stderr.decode().split(": ")[0]
        t.ok(at == t.path("check.yaml") if "is empty" in words else at.startswith(t.path("check.yaml") + ":"), "with file and line", done.stderr)
    done = check(renewal={"recheck": "05:00", "zone": "Mars/Phobos"})
    t.contains(done.stderr.decode(), f"{t.path('check.yaml')}:6: renewal.zone: ", "the line is that of the setting")
    done = check(listen={"http": "127.0.0.1:8080", "https": "127.0.0.1:8080"})
    t.contains(done.stderr.decode(), "listen.https: the address 127.0.0.1:8080 is given twice", "also over both lists")
    done = check(hooks={"environment": ["TOKEN=x"], "directory": hooks})
    t.ok(done.returncode == 0 and b"warning: everyone" in done.stderr, "a file with secrets that everyone reads is a warning", done)

    daemon = Certerad(t, renewal={"zone": "Europe/Bielefeld"})
    t.contains(daemon.log().decode(), "there is no time zone Europe/Bielefeld", "at a start it is in the log")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
