#!/usr/bin/env python3
"""Health, metrics, the agenda; a backup taken while the daemon works, restored elsewhere; and what a check of the store finds."""
import json
import os
import re
import shutil
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

METRIC = re.compile(r'^([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (-?[\d.]+)$')
PART = re.compile(r"_(bucket|sum|count)$")  # of a histogram


def main(t):
    site = Site(t)
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    daemon.download("certificate", "shop", made["api_keys"][0])
    health(t, daemon)
    metrics(t, daemon)
    agenda(t, daemon)
    directory = backups(t, daemon)
    t.equal(daemon.stop(), 0, "it ends cleanly")
    restore(t, site, directory, made)
    damage(t, directory)
    by_itself(t)


def from_elsewhere(t, daemon):
    """Who is not on this machine makes no directories on it but backups, and hears of no other."""
    add_user(daemon, "root")
    person = Person(daemon)
    person.sign_in("root")
    for directory in ("/etc/passwd", t.path("elsewhere"), daemon.state + "/backups", daemon.state + "/backups/../store/x", daemon.state + "/backups/x/.."):
        status, answer = person("POST", "/backup", {"directory": directory})[:2]
        t.ok(status == 422 and "must be in " + daemon.state + "/backups" in str(answer), f"over https, {os.path.basename(directory)} is refused", answer)
    t.ok(not os.path.exists(t.path("elsewhere")), "nothing was made")
    t.equal(person("POST", "/backup", {"directory": daemon.state + "/backups/monday"})[0], 202, "a name of one's own in the directory of backups is taken")
    daemon.wait_until("it has ended", lambda: daemon.api("GET", "/backup")[1]["state"] != "open")
    t.ok(os.path.exists(daemon.state + "/backups/monday/data.mdb"), "and is there")


def by_itself(t):
    """Every second, two are kept."""
    daemon = Certerad(t, name="regular", backup={"every": "1s", "keep": 2, "directory": t.path("shelf")})
    seen = set()
    def kept():
        there = [d for d in sorted(os.listdir(t.path("shelf"))) if not d.endswith(".part")] if os.path.isdir(t.path("shelf")) else []
        seen.update(there)
        return there
    daemon.wait_until("there were four", lambda: kept() and len(seen) >= 4, 60)
    daemon.configure(backup={"every": "0s"})
    daemon.reload()
    daemon.wait_until("the last one has ended", lambda: daemon.api("GET", "/backup")[1]["state"] == "passed")
    t.ok(kept() == sorted(seen)[-2:], "backups by themselves: the newest two are kept", (kept(), sorted(seen)))
    state = daemon.api("GET", "/backup")[1]
    t.equal((state["actor"], os.path.dirname(state["directory"])), ("engine", t.path("shelf")), "made by the engine")
    # What is read is what is durable: a moment later than the reload says that it is done.
    t.ok(daemon.wait_until("none is planned", lambda: not [r for r in daemon.ctl("agenda")["agenda"] if r["kind"] == "backup"]), "switched off, none is planned")
    with open(t.path("plain"), "w"):
        pass
    daemon.configure(backup={"every": "1s", "directory": t.path("plain", "shelf")})
    daemon.reload()
    t.contains(json.dumps(daemon.api("GET", "/settings/backup.directory")[1]), t.path("shelf"), "its directory changes with a restart")
    t.equal(daemon.stop(), 0, "it ends cleanly")
    daemon.begin()
    daemon.wait_until("one that fails by itself makes the health ill", lambda: daemon.api("GET", "/health")[0] == 503)
    t.equal(daemon.run_ctl("health").returncode, 1, "for certeractl as well")
    t.equal(daemon.stop(), 0, "it ends cleanly")


def health(t, daemon):
    status, answer = daemon.api("GET", "/health")
    t.equal((status, answer["status"], {c["well"] for c in answer["checks"]}), (200, "well", {True}), "it is well")
    reply = daemon.https("/api/v1/health", headers={"Accept": "application/json"})
    t.ok(reply.status == 200 and '"well"' in reply.text, "monitoring needs no sign-in", reply.text)
    t.lacks(reply.text, "shop", "and learns no name")
    t.ok(daemon.http("/api/v1/health").status != 200, "not without https")
    shown = daemon.run_ctl("health")
    t.ok(shown.returncode == 0 and b"well" in shown.stdout, "certeractl health", shown)


def numbers(daemon):
    status, text = daemon.api("GET", "/metrics")
    if status != 200:
        raise RuntimeError(f"{status} {text}")
    return text, {m[1] + (m[2] or ""): float(m[4]) if "." in m[4] else int(m[4]) for m in map(METRIC.match, text.splitlines()) if m}


def metrics(t, daemon):
    text, values = numbers(daemon)
    odd = [l for l in text.splitlines() if not l.startswith(("# HELP certera_", "# TYPE certera_")) and not METRIC.match(l)]
    t.equal(odd, [], "every line is as Prometheus reads it")
    families = re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M)
    t.equal(len(families), len(set(families)), "each family is told once")
    unknown = [n for n in values if n.split("{")[0] not in dict(families) and PART.sub("", n.split("{")[0]) not in dict(families)]
    t.equal(unknown, [], "and no value without its family")
    t.equal([(n, dict(families)[n]) for n, kind in families if n.endswith("_total") != (kind == "counter")], [], "counters are called so")
    t.equal((values['certera_certificates{status="active"}'], values['certera_orders_total{result="issued"}'],
        values['certera_orders_total{result="failed"}']), (1, 1, 0), "certificates by status, and orders")
    t.ok(values["certera_challenges_total"] >= 1 and values["certera_downloads_total"] == 1, "challenges and downloads", values)
    t.ok(values["certera_store_bytes"] > 0 and values["certera_agenda_lag_seconds"] == 0, "store and agenda", values)
    expiry = daemon.leaf("shop").not_after
    t.ok(values["certera_next_expiry_timestamp_seconds"] > values["certera_start_time_seconds"], "the next expiry", expiry)
    before = values['certera_requests_total{code="4xx"}']
    daemon.api("GET", "/nosuch")
    t.equal(numbers(daemon)[1]['certera_requests_total{code="4xx"}'], before + 1, "requests are counted")
    t.equal(daemon.https("/metrics").status, 200, "they are there for monitoring")


def agenda(t, daemon):
    rows = daemon.ctl("agenda")["agenda"]
    t.ok(any(r["kind"] == "issue" and r["name"] == "shop" for r in rows), "the agenda has the renewal", rows)
    t.equal([r["due"] for r in rows], sorted(r["due"] for r in rows), "in order")
    one = daemon.api("GET", "/agenda", first=1, limit=1)[1]
    t.equal((one["agenda"], one["total"]), (rows[1:2], len(rows)), "by pages")


def backups(t, daemon):
    directory = t.path("backup")
    shown = daemon.run_ctl("backup", directory)
    t.ok(shown.returncode == 0 and b"verified" in shown.stdout, "a backup is written and read again", shown)
    t.equal(sorted(os.listdir(directory)), ["data.mdb"], "it is one file")
    t.equal((os.stat(directory).st_mode & 0o777, os.stat(directory + "/data.mdb").st_mode & 0o777), (0o700, 0o600), "for its owner only")
    state = daemon.api("GET", "/backup")[1]
    t.ok(state["state"] == "passed" and state["bytes"] == os.path.getsize(directory + "/data.mdb") and state["events"] > 3, "told", state)
    again = daemon.run_ctl("backup", directory)
    t.ok(again.returncode == 7 and b"exists already" in again.stderr, "never over another one", again)
    t.equal(daemon.api("POST", "/backup", {"directory": "relative"})[0], 422, "its path is from the root")
    deep = daemon.run_ctl("backup", t.path("shelf-of", "mine", "monday"))
    t.ok(deep.returncode == 0 and os.stat(t.path("shelf-of", "mine")).st_mode & 0o777 == 0o700, "what is missing above it is made", deep)
    nowhere = daemon.run_ctl("backup", directory + "/data.mdb/place")
    t.ok(nowhere.returncode == 10 and b"not a directory" in nowhere.stderr.lower(), "what cannot be written is told", nowhere)
    t.contains(nowhere.stderr.decode(), "as the user it runs as", "with who writes it")
    t.lacks(nowhere.stdout.decode(), "bytes", "and nothing is said of bytes")
    t.equal(daemon.api("GET", "/health")[0], 200, "one that failed by hand was told; the health is as it was")
    t.equal(daemon.api("POST", "/backup")[0], 202, "without a directory it is beside the store")
    daemon.wait_until("it has ended", lambda: daemon.api("GET", "/backup")[1]["state"] != "open")
    state = daemon.api("GET", "/backup")[1]
    t.ok(state["state"] == "passed" and state["directory"].startswith(daemon.state + "/backups/"), "there", state)
    t.equal(daemon.api("GET", "/health")[0], 200, "all is well")
    from_elsewhere(t, daemon)
    shown = daemon.ctl("verify")
    t.ok(shown["state"] == "passed" and shown["records"] > 5 and shown["events"] > 5, "the store is whole", shown)
    actions = [e["action"] for e in daemon.api("GET", "/events", action="store")[1]["events"]]
    t.equal(actions, ["store.checked", "store.backup", "store.backup", "store.backup_failed", "store.backup", "store.backup"], "all of it is in the audit log")
    return directory


def restore(t, site, directory, made):
    """On a machine that has only the copy and the master key."""
    other = Certerad(t, name="restored", start=False)
    os.makedirs(other.state, 0o700)
    shutil.copy(directory + "/data.mdb", other.state)
    shutil.copy(site.daemon.master_key, other.state)
    other.begin()
    t.equal(other.cert("shop")["status"], "active", "restored: the certificate is there")
    t.equal(other.download("certificate", "shop", made["api_keys"][0]).status, 200, "its API key fetches it")
    t.equal(other.download("key", "shop", made["key_api_keys"][0]).status, 200, "and its private key")
    t.equal(other.ctl("verify")["state"], "passed", "and everything is as it was written")
    t.equal(other.api("GET", "/backup")[0], 404, "the backup does not begin again there")
    t.equal(other.stop(), 0, "it ends cleanly")


def damage(t, directory):
    """One byte of the audit log is another: found."""
    other = Certerad(t, name="damaged", start=False)
    os.makedirs(other.state, 0o700)
    with open(directory + "/data.mdb", "rb") as f:
        data = f.read()
    at = data.rindex(b"certificate.issued")
    with open(other.state + "/data.mdb", "wb") as f:
        f.write(data[:at] + b"C" + data[at + 1:])
    shutil.copy(t.path("certerad-state", "keeper", "master.key"), other.state)
    other.begin()
    found = other.run_ctl("verify")
    t.ok(found.returncode == 10 and b"tampered with" in found.stderr, "a check finds what was changed", found)
    other.stop()


run(main)
