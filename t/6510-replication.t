#!/usr/bin/env python3
"""Three servers and three members of etcd: what the leader writes, all have; a follower takes over when the leader is killed or
ends."""
import signal
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    cluster = Cluster(t, Etcd(t))
    leader = cluster.leader()
    leader.ctl("plan", "add", "small", "--certificates", "3")
    for node in cluster.others(leader):
        node.wait_until("it has the plan", lambda: [p["name"] for p in node.ctl("plan", "list")["plans"]] == ["small"], 5)
    t.ok(True, "what the leader wrote is at all nodes")
    other = cluster.others(leader)[0]
    other.ctl("plan", "add", "asked", "--certificates", "1")
    t.equal([p["name"] for p in other.ctl("plan", "list")["plans"]], ["asked", "small"], "a change that a follower is asked for is made by the leader, and there at once")
    leader.ctl("plan", "rm", "asked")

    killed = time.monotonic()
    leader.kill()
    after = cluster.leader()
    t.ok(time.monotonic() - killed < 14, f"killed, a different one leads after {time.monotonic() - killed:.1f} s")
    after.ctl("plan", "add", "later", "--certificates", "3")
    leader.begin()
    leader.wait_until("it has what was written meanwhile", lambda: len(leader.ctl("plan", "list")["plans"]) == 2, 10)
    t.equal(cluster.state(leader)["role"], "follower", "the one that was killed follows and has all")

    stopped = time.monotonic()
    after.signal(signal.SIGTERM)
    third = cluster.leader()
    t.ok(time.monotonic() - stopped < 4, f"ended cleanly, a different one leads after {time.monotonic() - stopped:.1f} s")
    after.wait()
    after.begin()
    third.ctl("plan", "rm", "small")
    cluster.wait_until_equal()
    t.equal({tuple(p["name"] for p in n.ctl("plan", "list")["plans"]) for n in cluster.nodes}, {("later",)}, "all are equal at the end")


run(main)
