#!/usr/bin/env python3
"""A leader whose appends reach etcd, but which hears no answer: it says that it is not known whether the change was made, until the next leader shows that
it was."""
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    cluster = Cluster(t, Etcd(t), ways=True)
    leader = cluster.leader()
    ways = cluster.ways[cluster.nodes.index(leader)]
    for way in ways:
        way.deafen()
    begun = time.monotonic()
    status, answer = leader.api("POST", "/plans", {"name": "perhaps", "certificates": "1"})
    t.ok(status == 503 and "not known whether the change was made" in answer["detail"], f"after {time.monotonic() - begun:.1f} s the leader says that nobody knows", answer)
    t.equal(leader.api("POST", "/plans", {"name": "refused", "certificates": "1"})[0], 503, "and refuses what is asked next")
    after = until("a different one leads", lambda: next((n for n in cluster.others(leader) if cluster.state(n)["role"] == "leader"), None), 20)
    t.equal(names(after), ["perhaps"], "the change was made: the next leader shows it, and not what was refused")
    after.ctl("plan", "add", "later", "--certificates", "1")
    for way in ways:
        way.join()
    leader.wait_until("it follows", lambda: cluster.state(leader)["role"] == "follower", 20)
    cluster.wait_until_equal()
    t.equal([names(n) for n in cluster.nodes], [["later", "perhaps"]] * 3, "all are equal when it hears etcd again")
    t.equal(len(after.ctl("events", "--object", "perhaps")["events"]), 1, "the change was made once")
    t.equal(after.run_ctl("verify", "--against", leader.name).returncode, 0, "the stores are equal")


def names(node):
    return sorted(p["name"] for p in node.ctl("plan", "list")["plans"])


run(main)
