#!/usr/bin/env python3
"""What changes something can be asked of any node: the leader does it, and the node that was asked shows it at once.

With three members of etcd and three servers; then without a leader, with a leader that is frozen, with a server that has a different master key,
and with one that gets a copy of the store.
"""
import os
import shutil
import signal
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    etcd = Etcd(t)
    os.chmod(t.path("."), 0o755)
    cluster = Cluster(t, etcd, server={"admin_group": "61020"})
    leader = cluster.leader()
    here, there = cluster.others(leader)
    local_administrator(t, here)
    administrators_group(t, here)
    only_reads(t, leader, here)
    key = people(t, leader, here, there)
    joins(t, cluster, etcd, leader, here)
    frozen(t, cluster)
    without_etcd(t, cluster, etcd, key)
    for node in cluster.running():
        t.equal(node.stop(), 0, f"{node.name} ends cleanly")


def local_administrator(t, node):
    """The control socket of a follower: its keeper vouches."""
    node.ctl("plan", "add", "small", "--certificates", "3")
    t.equal([p["name"] for p in node.ctl("plan", "list")["plans"]], ["small"], "a command at a follower is done, and shown there at once")
    node.ctl("site", "add", "a.example", "b.example")
    done = node.run_ctl("bulk", "sites", "remove", "--match", "")
    t.equal((done.returncode, done.stdout, node.ctl("site", "list")["sites"]), (0, b"2 of 2 done\n", []), "what is done to many rows is done, too")
    made = node.ctl("key", "add", "k")
    t.contains(node.run_ctl("key", "export", "k").stdout.decode(), "BEGIN PRIVATE KEY", "a local administrator gets a key at a follower")
    events = node.ctl("events", "--action", "key.exported")["events"]
    t.equal([(e["name"], e["actor"]) for e in events], [("k", "local admin")], "which is in the audit log")
    add_user(node, "olga", "operator")
    t.ok(made["api_keys"], "a new key's API keys come back")
    status, answer = node.api("POST", "/certificates/none/import", {"file": "x" * 300000})
    t.ok(status == 422 and "neither a certificate nor a private key" in answer["detail"], "a body of 300 kB goes through, and is looked at", answer)


def administrators_group(t, node):
    """Who is in server.admin_group, at the control socket of a follower."""
    if os.geteuid():
        t.skip("a member of the group", "only root can become others")
        return

    def as_user(groups, *argv):
        return run_command("setpriv", "--reuid", "65534", "--regid", "65534", "--groups", groups, os.path.join(BUILD, "certeractl"), "--socket", node.socket, *argv)

    t.contains(as_user("61020", "key", "export", "k").stdout.decode(), "BEGIN PRIVATE KEY", "a member of the group gets a key at a follower")
    t.ok(as_user("61021", "plan", "add", "no", "--certificates", "1").returncode, "somebody outside changes nothing there")
    t.equal(as_user("61020", "plan", "rm", "small").returncode, 0, "a member changes something there")
    events = node.ctl("events", "--action", "key.exported")["events"] + node.ctl("events", "--action", "plan.removed")["events"]
    t.equal({(e["action"], e["actor"]) for e in events}, {("key.exported", "local admin"), ("key.exported", "local admin nobody (65534)"),
        ("plan.removed", "local admin nobody (65534)")}, "the audit log of all says who it was")


def only_reads(t, leader, here):
    """What is noted aside at a follower reaches the leader: a session that is used there stays, a download is counted."""
    key = here.ctl("key", "add", "fetched")["api_keys"][0]
    leader.ctl("settings", "set", "session.idle", "6s")
    person = Person(here)
    person.sign_in("olga")
    here.download("key", "fetched", key)
    for n in range(12):
        time.sleep(1)
        leader.ctl("site", "add", f"n{n}.example")  # so that what was noted is written, too
        if person("GET", "/me")[0] != 200:
            break
    t.equal(person.answer.status, 200, "whoever only reads at a follower stays signed in")
    leader.ctl("settings", "reset", "session.idle")
    leader.wait_until("the download is recorded", lambda: [e["name"] for e in leader.ctl("events", "--action", "key.fetched")["events"]] == ["fetched"], 20)
    t.equal(leader.ctl("key", "show", "fetched")["consumers"][0]["address"], "127.0.0.1", "a download from a follower is counted")


def people(t, leader, here, there):
    """Signed in at one, signed in at all."""
    person = Person(here)
    t.equal(person.sign_in("olga")[0], 200, "a person signs in at a follower")
    for node in (here, there, leader):
        other = Person(node)
        other.cookie, other.csrf = person.cookie, person.csrf
        t.ok(until(f"{node.name} has that, too", lambda: other("GET", "/me")[0] == 200), f"and is signed in at {node.name}")
        t.equal(other("POST", "/sites", {"sites": f"{node.name}.example"})[0], 201, "where something is changed with the same session")
        t.ok(f"{node.name}.example" in [s["name"] for s in other("GET", "/sites")[1]["sites"]], "and shown at once")
    t.equal(person("POST", "/keys/k/export", {})[0], 200, "the password that was just given counts for a key, too")
    answer = person.form("/sites", "/sites", sites="form.example")
    t.equal((answer.status, answer.header("Location").startswith("/sites")), (303, True), "a form is sent on to a page of the node that was asked")
    t.equal(person("POST", "/users", {"name": "x", "role": "admin"})[0], 403, "the leader's gate holds")
    t.equal(Person(here)("POST", "/sites", {"sites": "x.example"})[0], 401, "also for strangers")
    wrong = Person(here)
    t.equal(wrong.sign_in("olga", "wrong")[0], 401, "and a wrong password is one")
    events = leader.ctl("events", "--action", "user.signed_in")["events"]
    t.ok(events and all(e["address"] == "127.0.0.1" for e in events), "the audit log has the visitor's address, not the node's", events)
    key = here.ctl("key", "add", "site")["api_keys"][0]
    t.ok(until("each node has the key", lambda: there.download("key", "site", key).status == 200), "a download is answered by any node")
    return key


def joins(t, cluster, etcd, leader, here):
    """A fourth server: with a different master key, then with the right one."""
    fourth = Certerad(t, name="n3", start=False, cluster={"endpoints": " ".join(etcd.endpoints), "name": "n3", "address": f"127.0.0.1:{free_port()}"})
    fourth.begin()
    fourth.wait_until("it sees the cluster", lambda: cluster.state(fourth)["role"] == "not a member")
    t.equal(fourth.api("POST", "/plans", {"name": "p", "certificates": 1})[0], 503, "a server that is no member changes nothing")
    fourth.run_ctl("cluster", "join")
    fourth.wait_until("it is refused", lambda: b"getting a copy of the store" in fourth.log(), 20)
    t.ok(b"do not have the same master key" in fourth.log() and cluster.state(fourth)["role"] == "behind", "a server with a different master key does not get the store, and says why")
    fourth.signal(signal.SIGTERM)
    fourth.wait()

    shutil.rmtree(fourth.state)
    os.makedirs(os.path.dirname(fourth.master_key), mode=0o700)
    shutil.copy(leader.master_key, fourth.master_key)
    fourth.begin()
    fourth.wait_until("it sees the cluster", lambda: cluster.state(fourth)["role"] == "not a member")
    fourth.run_ctl("cluster", "join")
    t.equal(fourth.wait(), 15, "with the right one it gets a copy, and ends to take it")
    fourth.begin()
    fourth.wait_until("it follows", lambda: cluster.state(fourth)["role"] == "follower", 20)
    t.equal([k["name"] for k in fourth.ctl("key", "list")["keys"]], [k["name"] for k in leader.ctl("key", "list")["keys"]], "it has what the others have")
    fourth.ctl("plan", "add", "fourth", "--certificates", "1")
    here.wait_until("that is everywhere", lambda: "fourth" in [p["name"] for p in here.ctl("plan", "list")["plans"]], 5)
    t.ok(True, "and changes something")
    t.equal(fourth.stop(), 0, "it ends cleanly")


def frozen(t, cluster):
    """A leader that does not answer: who waits for it is told that nobody knows, when another one leads."""
    leader = cluster.leader()
    here, there = cluster.others(leader)
    for pid in (leader.pid, *leader.children()):
        os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    status, answer = here.api("POST", "/plans", {"name": "lost", "certificates": 1})
    waited = time.monotonic() - begun
    t.ok(status == 503 and "not known" in answer["detail"] and waited < 20, f"after {waited:.1f} s it is said that nobody knows", (status, answer))
    here.wait_until("a different one leads", lambda: {cluster.state(n)["role"] for n in (here, there)} == {"leader", "follower"}, 20)
    here.ctl("plan", "add", "after", "--certificates", "1")
    t.ok(True, "then changes are made again")
    for pid in (*leader.children(), leader.pid):
        os.kill(pid, signal.SIGCONT)
    leader.wait_until("it follows", lambda: cluster.state(leader)["role"] == "follower", 20)
    cluster.wait_until_equal()
    names = {tuple(sorted(p["name"] for p in n.ctl("plan", "list")["plans"])) for n in cluster.running()}
    t.ok(len(names) == 1, "all are equal, whatever became of it", names)
    leader.ctl("plan", "add", "thawed", "--certificates", "1")
    t.ok(True, "the one that was frozen sends on what changes something")


def without_etcd(t, cluster, etcd, key):
    """Two of three members are gone: reading goes on, changes are refused in words."""
    node = cluster.others(cluster.leader())[0]
    person = Person(node)
    person.sign_in("olga")
    for member in etcd.members[:2]:
        member.kill()
    node.wait_until("nobody leads", lambda: cluster.state(node)["role"] not in ("leader", "follower"), 30)
    status, answer = person("POST", "/sites", {"sites": "x.example"})
    t.ok((status, bool(person.answer.header("Retry-After"))) == (503, True), "a change is 503, and says when to ask again", answer)
    t.contains(str(answer), "nothing can be changed", "with a sentence")
    page = person.form("/sites", "/new/site", _form="site_add", sites="typed.example")
    t.equal(page.status, 503, "on a page, too")
    t.contains(page.text, "nothing can be changed", "which says so")
    t.contains(page.text, "typed.example", "and keeps what was typed")
    t.equal([person("GET", path)[0] for path in ("/sites", "/me", "/certificates")], [200] * 3, "pages and lists are shown")
    t.equal(node.download("key", "site", key).status, 200, "downloads go on")
    for member in etcd.members[:2]:
        member.start()
    cluster.leader()
    node.wait_until("changes are made again", lambda: person("POST", "/sites", {"sites": "back.example"})[0] == 201, 20)
    t.ok(True, "and all is well when they are back")


run(main)
