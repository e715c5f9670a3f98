#!/usr/bin/env python3
"""A version with a newer format of the store, server after server: as long as an older one is alive, the new ones follow and do not lead.  When all
know the format, the leader changes the store, once, and the others have that from the log.

Three stores are given the format before; the server of the older version is a heartbeat in etcd.
"""
import json
import os
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

NOW, BEFORE = 7, 6
OLD = {"name": "old", "address": "127.0.0.1:1", "version": "1.0", "format": BEFORE, "member": True, "applied": 0}


def main(t):
    etcd = Etcd(t)
    cluster = Cluster(t, etcd)
    leader = cluster.leader()
    leader.ctl("plan", "add", "small", "--certificates", "3")
    cluster.wait_until_equal()
    for node in cluster.nodes:
        t.equal(node.stop(), 0, f"{node.name} ends cleanly")
        t.equal(put_in_store(node, "meta", "format", str(BEFORE)), str(NOW), "and had the format of today, which is taken back")
    etcd.ctl("put", "/certera/live/node/old", json.dumps({**OLD, "clock_ms": int(time.time() - 60) * 1000}))

    for node in cluster.nodes:
        node.begin()
    for node in cluster.nodes:
        said = node.wait_until("it says why nobody leads", lambda: (s := cluster.state(node)["trouble"]) and "older" in s and s, 20)
    t.matches(said, "The server old has an older version", said)
    time.sleep(2)
    t.equal({cluster.state(n)["role"] for n in cluster.nodes}, {"no leader"}, "as long as it is alive, no new one leads")
    t.equal([len(n.ctl("plan", "list")["plans"]) for n in cluster.nodes], [1] * 3, "all show what they have")
    status, answer = cluster.nodes[0].api("POST", "/plans", {"name": "none", "certificates": "1"})
    t.equal(status, 503, f"a change is refused: {answer['detail']}")

    clock(t, etcd, cluster)
    etcd.ctl("del", "/certera/live/node/old")
    leader = cluster.leader()
    leader.wait_for_log("the store of the cluster gets the format of this version")
    for i in range(20):
        cluster.others(leader)[i % 2].ctl("plan", "add", f"after{i}", "--certificates", "1")
    cluster.wait_until_equal()
    for node in cluster.others(leader):
        done = leader.run_ctl("verify", "--against", node.name)
        t.equal((done.returncode, done.stderr.decode()), (0, ""), f"{node.name} is equal to the leader")
    logs = sum(n.log().count(b"gets the format of this version") for n in cluster.nodes)
    t.equal(logs, 1, "one of them has changed the store")
    for node in cluster.nodes:
        node.stop()
        t.equal(put_in_store(node, "meta", "format"), str(NOW), f"{node.name} has the format of today")


def clock(t, etcd, cluster):
    """What a server wrote a minute ago says nothing of its clock; what it writes now does."""
    old = lambda n: next(x for x in cluster.state(n)["nodes"] if x["name"] == "old")
    t.equal([old(n)["clock_off"] for n in cluster.nodes], [False] * 3, "a key that is older than the servers is no clock that is off")
    etcd.ctl("put", "/certera/live/node/old", json.dumps({**OLD, "clock_ms": int(time.time() - 60) * 1000}))
    for node in cluster.nodes:
        node.wait_until("it is said", lambda: old(node)["clock_off"], 10)
    t.ok(True, "one that is new with a time of a minute ago is")


run(main)
