#!/usr/bin/env python3
"""Settings that an administrator changes while the server runs: on the page, by the API, with certeractl."""
import os
import signal
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    daemon = Certerad(t, renewal={"before": "20d"}, session={"idle": "15m"})
    for name, role in (("anna", "admin"), ("otto", "operator")):
        daemon.add_user(name, role, PASSWORD)
    changed_and_reset(t, daemon)
    what_survives(t, daemon)
    what_is_refused(t, daemon)
    on_the_page(t, daemon)
    in_force(t, daemon)
    in_backups(t, daemon)


def show(daemon, name):
    return daemon.ctl("settings", "show", name)


def changed_and_reset(t, daemon):
    said = show(daemon, "renewal.before")
    t.equal((said["value"], said["source"], said["editable"]), ("20d", "file", True), "a setting says where its value is from")
    t.equal(show(daemon, "notify.digest")["source"], "default", "one that the file does not have is the default")
    said = daemon.ctl("settings", "set", "renewal.before", "864000s")
    t.equal((said["value"], said["source"], said["file_value"], said["updated_by"]), ("10d", "store", "20d", "local admin"),
        "certeractl settings set changes it, and says what the file has")
    rows = {s["name"]: s for g in daemon.ctl("settings", "list")["groups"] for s in g["settings"]}
    t.equal((rows["renewal.before"]["value"], rows["renewal.before"]["source"]), ("10d", "store"), "the list shows it so")
    t.contains(daemon.run_ctl("settings", "list", "--csv").stdout.decode(), "renewal.before", "also as CSV")
    event = daemon.ctl("events", "--object", "renewal.before")["events"][0]
    t.equal((event["action"], event["message"]), ("setting.changed", 'from "20d" to "10d"'), "the audit log has who, what, and what it was")
    said = daemon.ctl("settings", "reset", "renewal.before")
    t.equal((said["value"], said["source"]), ("20d", "file"), "reset: the file counts again")
    t.equal(daemon.ctl("events", "--object", "renewal.before")["events"][0]["action"], "setting.reset", "that is in the audit log, too")
    t.equal(daemon.ctl("settings", "reset", "renewal.before")["source"], "file", "to reset it twice is no fault")


def what_survives(t, daemon):
    daemon.ctl("settings", "set", "keys.type", "p384")
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    daemon.begin()
    t.equal(show(daemon, "keys.type")["value"], "p384", "it is there after kill -9")
    t.equal(daemon.ctl("key", "add", "after")["key"]["type"], "p384", "and counts")
    daemon.configure(keys={"type": "rsa2048"}, renewal={"before": "25d"})
    daemon.reload()
    said = show(daemon, "keys.type")
    t.equal((said["value"], said["source"], said["file_value"]), ("p384", "store", "rsa2048"), "when the file is read again, the store still counts")
    t.equal(show(daemon, "renewal.before")["value"], "25d", "what the store does not have is the file's")
    daemon.ctl("settings", "reset", "keys.type")
    until("the file counts again", lambda: daemon.ctl("key", "add", "k" + os.urandom(4).hex())["key"]["type"] == "rsa2048")
    t.ok(True, "reset: the file's new value counts")


def what_is_refused(t, daemon):
    for name, value, status, words in (("access.admin", "0.0.0.0/0", 403, "only be changed in the configuration file"),
            ("hooks.directory", "/tmp", 403, "configuration file"), ("server.state_directory", "/tmp", 403, "configuration file"),
            ("preflight.private", "10.0.0.0/8", 403, "configuration file"), ("mail.host", "evil.example", 403, "configuration file"),
            ("renewal.before", "soon", 422, "is no number"), ("session.app", "never", 422, "one of optional, required"),
            ("csr.country", "Germany", 422, "csr.country"), ("csr.email", "nobody", 422, "csr.email"), ("renewal.after", "1d", 404, "no setting")):
        got, said = daemon.api("POST", f"/settings/{name}", {"value": value})
        t.ok(got == status and words in said["detail"], f"{name}={value} is refused", (got, said))
    for name, value in (("csr.country", "DE"), ("csr.organization", "Ö & Co"), ("csr.must_staple", "yes")):
        t.equal(daemon.ctl("settings", "set", name, value)["source"], "store", f"{name} can be {value}")
        daemon.ctl("settings", "reset", name)
    done = daemon.run_ctl("settings", "set", "access.admin", "0.0.0.0/0")
    t.ok(done.returncode and b"certera.yaml" in done.stderr, "certeractl says where to change it", done.stderr)
    otto = Person(daemon)
    otto.sign_in("otto")
    t.equal(otto("POST", "/settings/renewal.before", {"value": "9d"})[0], 403, "an operator changes none")
    t.equal(otto("GET", "/settings/renewal.before")[0], 200, "but sees it")
    token = daemon.ctl("token", "add", "robot", "--role", "admin")["token"]
    robot = Person(daemon, token=token)
    t.equal(robot("POST", "/settings/renewal.before", {"value": "9d"})[0], 200, "an administrator's token changes one")
    status, said = robot("POST", "/settings/session.app", {"value": "optional"})
    t.ok(status == 403 and "tokens cannot change" in said["detail"], "but not how people sign in", (status, said))
    daemon.ctl("settings", "reset", "renewal.before")


def on_the_page(t, daemon):
    anna = Person(daemon)
    anna.sign_in("anna")
    page = anna.page("/settings").text
    t.ok('action="/settings/renewal.before"' in page and 'action="/settings/access.admin"' not in page,
        "the page has a form for what may change, and none for the rest")
    t.matches(page, r"<code>15m</code>[^\n]*Configuration file, line \d+", "it says where the file has a value")
    answer = anna.form("/settings/notify.expiring", "/settings", value="20 5", _empty="value")
    t.equal((answer.status, answer.header("Location")), (303, "/settings"), "it is saved")
    page = anna.page("/settings").text
    t.ok("<code>20 5</code>" in page and "Changed here by anna" in page and "Without it: <code>30 14 7 3 1</code>" in page,
        "the page says who changed it, and what the file has", page)
    answer = anna.form("/settings/notify.expiring", "/settings", value="soon", _empty="value")
    t.ok(answer.status == 422 and "notify.expiring" in answer.text and "<h1>Settings</h1>" in answer.text, "what cannot be is said on the page",
        answer.text)
    t.equal(anna.form("/settings/notify.expiring", "/settings", value="20 5", _empty="value", _method="DELETE").status, 303, "Reset")
    t.equal(show(daemon, "notify.expiring")["source"], "default", "it is as before")
    otto = Person(daemon)
    otto.sign_in("otto")
    t.lacks(otto.page("/settings").text, 'action="/settings/', "an operator's page has no forms")


def in_force(t, daemon):
    daemon.ctl("settings", "set", "server.hostname", "new.example")
    until("the server has its new name", lambda: daemon.api("GET", "/status")[1]["hostname"] == "new.example")
    t.ok(True, "the host name changes while the server runs")
    daemon.ctl("settings", "reset", "server.hostname")
    daemon.ctl("settings", "set", "session.app", "required")
    anna = Person(daemon)
    until("an app is required", lambda: anna.sign_in("anna")[0] == 200 and anna("GET", "/certificates")[0] == 403)
    t.ok(True, "a user without an authenticator app must set one up")
    daemon.ctl("settings", "reset", "session.app")
    until("it is not", lambda: anna("GET", "/certificates")[0] == 200)
    t.ok(True, "until that is reset")


def in_backups(t, daemon):
    daemon.ctl("settings", "set", "notify.digest", "9")
    copy = t.path("copy")
    daemon.ctl("backup", copy)
    daemon.ctl("settings", "reset", "notify.digest")
    daemon.stop()
    done = daemon.run_ctl("restore", "--config", daemon.config_file, copy)
    t.ok(done.returncode == 0, "a backup is restored", done.stderr)
    daemon.begin()
    t.equal(show(daemon, "notify.digest")["value"], "9", "with its settings")
    t.equal(daemon.ctl("verify")["state"], "passed", "the store is whole")
    t.equal(daemon.stop(), 0, "it ends cleanly")


run(main)
