#!/usr/bin/env python3
"""Who is a server of a cluster: addresses that are names; two servers with one name; a restored store, which begins a new cluster that the others join."""
import os
import signal
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    etcd = Etcd(t, 1)
    cluster = Cluster(t, etcd, 2, host="localhost")
    leader = cluster.leader()
    follower = cluster.others(leader)[0]
    follower.ctl("plan", "add", "one", "--certificates", "1")
    t.ok(True, "addresses may be names: a change goes to the leader at localhost")
    names(t, etcd, cluster, leader)
    restored(t, etcd, cluster, leader, follower)


def names(t, etcd, cluster, leader):
    """Of a third server."""
    third = Certerad(t, name="third", start=False, cluster={**leader.settings["cluster"], "name": "two words", "address": f"127.0.0.1:{free_port()}"})
    checked = run_command(os.path.join(BUILD, "certerad"), "-t", "-f", third.config_file)
    t.matches((checked.stderr + checked.stdout).decode(), 'cluster.name: is "two words", but may only have letters', "certerad -t refuses a name with a blank")
    third.start()
    t.ok(third.wait() != 0 and b"may only have letters" in third.log(), "it does not start with it either")

    third.configure(cluster={"name": leader.name, "endpoints": etcd.endpoints[0] + "/"})
    third.begin()
    said = third.wait_until("it is said", lambda: (s := cluster.state(third)["trouble"]) and "has the name" in s and s, 20)
    t.matches(said, f"different server, at localhost:\\d+, has the name {leader.name} already", said)
    done = third.run_ctl("cluster", "join")
    t.ok(done.returncode and "has the name" in done.stderr.decode(), "and it cannot join", done.stderr.decode())
    leader.ctl("plan", "add", "two", "--certificates", "1")
    t.equal((cluster.state(leader)["role"], len(cluster.state(leader)["nodes"])), ("leader", 2), "the one that had the name first leads on")
    t.equal(third.stop(), 0, "the third one ends cleanly")


def restored(t, etcd, cluster, leader, follower):
    """A backup is restored at one server."""
    before = cluster.state(leader)["id"]
    leader.ctl("backup", t.path("backup"))
    leader.ctl("plan", "add", "later", "--certificates", "1")
    cluster.wait_until_equal()
    leader.stop()
    done = run_command(os.path.join(BUILD, "certerad"), "-f", leader.config_file, "-r", t.path("backup"))
    t.ok(done.returncode == 0, "a backup is restored at one server", done.stderr.decode())
    leader.begin()
    leader.wait_until("it is no member", lambda: cluster.state(leader)["role"] == "not a member", 20)
    t.equal(names_of(leader), ["one", "two"], "it has what the backup has, and is a member of no cluster")
    t.equal(leader.api("POST", "/plans", {"name": "no", "certificates": "1"})[0], 503, "so it changes nothing")
    done = leader.run_ctl("cluster", "init")
    t.ok(done.returncode and "etcd has a cluster already" in done.stderr.decode(), "it begins no cluster by mistake", done.stderr.decode())

    leader.run_ctl("cluster", "init", "--new")
    leader.wait_until("it leads", lambda: cluster.state(leader)["role"] == "leader", 20)
    after = cluster.state(leader)["id"]
    t.ok(after and after != before, f"with --new it begins one with an id of its own: {after}")
    follower.wait_until("the other one is no member of it", lambda: cluster.state(follower)["role"] == "not a member", 20)
    t.equal(names_of(follower), ["later", "one", "two"], "which keeps what it had")
    follower.run_ctl("cluster", "join")
    t.equal(follower.wait(), 15, "it joins, gets a copy, and ends to take it")
    follower.begin()
    follower.wait_until("it follows", lambda: cluster.state(follower)["role"] == "follower", 20)
    follower.ctl("plan", "add", "new", "--certificates", "1")
    cluster.wait_until_equal()
    t.equal([names_of(n) for n in (leader, follower)], [["new", "one", "two"]] * 2, "both go on together")
    t.equal(leader.run_ctl("verify", "--against", follower.name).returncode, 0, "and are equal")
    compared(t, leader, follower)


def compared(t, leader, follower):
    """The same by the page Cluster, at the follower."""
    add_user(leader, "olga", "admin")
    person = Person(follower)
    person.sign_in("olga")
    t.contains(person.page("/cluster").text, f"Compare {follower.name} with the leader", "the page Cluster has a button for it")
    answer = person.form("/verify", "/cluster", against=follower.name)
    t.equal(answer.status, 303, "which begins it")
    follower.wait_until("it is done", lambda: follower.api("GET", "/verify")[1]["state"] == "passed", 20)
    t.contains(person.page("/system").text, f"The store of {follower.name} is equal to the leader", "and the page System shows what came of it")


def names_of(node):
    return [p["name"] for p in node.ctl("plan", "list")["plans"]]


run(main)
