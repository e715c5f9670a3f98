#!/usr/bin/env python3
"""A leader whose appends reach etcd, but which hears no answer: it says that it is not known whether the change was made, until the next leader shows that
it was.  So does a server that has sent a change to a leader which is frozen then; it is not sent to the next one."""
import os
import signal
import sys
import threading
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
    after = cluster_leader(cluster, cluster.others(leader))
    t.equal(names(after), ["perhaps"], "the change was made: the next leader shows it, and not what was refused")
    after.ctl("plan", "add", "later", "--certificates", "1")
    for way in ways:
        way.join()
    leader.wait_until("it follows", lambda: cluster.state(leader)["role"] == "follower", 20)
    cluster.wait_until_equal()
    t.equal([names(n) for n in cluster.nodes], [["later", "perhaps"]] * 3, "all are equal when it hears etcd again")
    t.equal(len(after.ctl("events", "--object", "perhaps")["events"]), 1, "the change was made once")
    sent_on(t, cluster, after)


def sent_on(t, cluster, leader):
    here, other = cluster.others(leader)
    ways, said = cluster.ways[cluster.nodes.index(leader)], []
    for way in ways:
        way.deafen()
    asking = threading.Thread(target=lambda: said.append(here.api("POST", "/plans", {"name": "sent", "certificates": "1"})))
    asking.start()
    until("the log has it", lambda: b"sent" in cluster.etcd.ctl("get", "/certera/log/", "--prefix").stdout, 10)
    pids = [leader.pid, *leader.children()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    asking.join(30)
    status, answer = said[0]
    t.ok(status == 503 and "not known whether the change was made" in answer["detail"], "a server that has sent a change to a leader which is frozen then says the same", said)
    after = cluster_leader(cluster, (here, other))
    t.equal((names(after), len(after.ctl("events", "--object", "sent")["events"])), (["later", "perhaps", "sent"], 1), "it was made, once")
    for way in ways:
        way.join()
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)
    leader.wait_until("it follows", lambda: cluster.state(leader)["role"] == "follower", 20)
    cluster.wait_until_equal()
    t.equal(after.run_ctl("verify", "--against", leader.name).returncode, 0, "the stores are equal")


def cluster_leader(cluster, nodes):
    return until("one leads", lambda: next((n for n in nodes if cluster.state(n)["role"] == "leader"), None), 20)


def names(node):
    return sorted(p["name"] for p in node.ctl("plan", "list")["plans"])


run(main)
