#!/usr/bin/env python3
"""etcd with TLS and a password, as the handbook says: a user who may do nothing but what Certera needs.  A token that etcd has forgotten is renewed; a wrong
password, and plain http to another machine, are said."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    ca = CA(t, "etcd-ca")
    etcd = Etcd(t, 1, ca=ca)
    for line in commands():
        done = etcd.ctl(*line.replace("user add root", "user add root:secret").replace("user add certera", "user add certera:word").split()[1:])
        t.equal(done.returncode, 0, line)
    settings = {"ca_file": ca.file, "user": "certera", "password_file": t.write("password", "word\n")}
    cluster = Cluster(t, etcd, 2, cluster=settings)
    leader = cluster.leader()
    leader.ctl("plan", "add", "one", "--certificates", "1")
    cluster.wait_until_equal()

    etcd.members[0].kill()
    etcd.members[0].start()
    until("a change is made", lambda: cluster.nodes[0].run_ctl("plan", "add", "two", "--certificates", "1").returncode == 0 or plans(cluster.nodes[0]) == 2, 40, every=1)
    cluster.wait_until_equal()
    t.equal({plans(n) for n in cluster.nodes}, {2}, "etcd forgot its tokens: changes go on with a new one")

    settings["password_file"] = t.write("wrong", "wrong\n")
    stranger = Certerad(t, name="stranger", start=False, cluster={**cluster.nodes[0].settings["cluster"], **settings, "name": "stranger", "address": f"127.0.0.1:{free_port()}"}).begin()
    said = stranger.wait_until("it says why it cannot", lambda: (s := cluster.state(stranger)["trouble"]) and "certera" in s and s, 15)
    t.matches(said, "[Ss]igning in as certera.*authentication failed", "a wrong password is said")

    stranger.configure(cluster={"endpoints": "http://192.0.2.1:2379"})
    checked = run_command(os.path.join(BUILD, "certerad"), "-t", "-f", stranger.config_file)
    t.matches(checked.stderr.decode() + checked.stdout.decode(), "cluster.endpoints: http://192.0.2.1:2379 must start with https:", "certerad -t refuses plain http to another machine")


def plans(node):
    return len(node.ctl("plan", "list")["plans"])


def commands():
    """What the handbook says about etcd's users."""
    with open(os.path.join(TOP, "doc", "handbook", "8-cluster.md")) as f:
        return re.findall(r"^    (etcdctl (?:user|role|auth) .*)$", f.read(), re.M)


run(main)
