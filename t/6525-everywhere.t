#!/usr/bin/env python3
"""A CA is told to look when every node has the answer: it may ask any of them.

The CA of this test asks a follower.  While that one's front stands still the order waits, though the leader's own has long answered; a node that is
dead is not waited for.
"""
import os
import signal
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    cluster = Cluster(t, Etcd(t))
    leader = cluster.leader()
    asked, other = cluster.others(leader)
    pebble = Pebble(t, asked.http_port)
    recorder = Recorder(pebble)
    leader.add_account(recorder)
    for i in range(8):
        leader.add_cert(f"many{i}", f"many{i}.example", wait=False)
    leader.wait_until("all are issued", lambda: all(leader.certs()[f"many{i}"]["status"] == "active" for i in range(8)), 60)
    t.equal([leader.certs()[f"many{i}"]["failures"] for i in range(8)], [0] * 8, "a CA that asks a follower finds each answer, the first time")
    made = asked.add_cert("here", "here.example")
    t.equal(asked.cert("here")["status"], "active", "a certificate that was wanted at a follower is issued, and shown there")
    t.equal(other.download("certificate", "here", made["api_keys"][0]).status, 200, "and can be fetched from any node")
    stands_still(t, leader, asked, recorder)
    is_dead(t, cluster, leader, other)
    for node in cluster.running():
        t.equal(node.stop(), 0, f"{node.name} ends cleanly")


def told(recorder):
    """How often a CA was told that an answer is ready."""
    return len([seen for seen in recorder.seen if seen.kind == "challenge"])


def stands_still(t, leader, asked, recorder):
    before, (front,) = told(recorder), asked.fronts()
    os.kill(front, signal.SIGSTOP)
    leader.add_cert("still", "still.example", wait=False)
    leader.wait_until("its answer is there", lambda: recorder.seen[-1].kind == "authz", 20)
    time.sleep(2)
    t.equal(told(recorder) - before, 0, "while a node's front stands still, no CA is told that an answer is ready")
    os.kill(front, signal.SIGCONT)
    leader.wait_for_cert("still", lambda c: c["status"] == "active", seconds=30)
    t.equal((told(recorder) - before, leader.cert("still")["failures"]), (1, 0), "when it goes on, it is told, and finds it")


def is_dead(t, cluster, leader, other):
    other.kill()
    begun = time.monotonic()
    leader.add_cert("alone", "alone.example", wait=False)
    leader.wait_for_cert("alone", lambda c: c["status"] == "active", seconds=40)
    t.ok(time.monotonic() - begun < 25, f"a node that is dead is waited for until its heartbeat ends: {time.monotonic() - begun:.1f} s")
    begun = time.monotonic()
    leader.add_cert("next", "next.example")
    t.ok(time.monotonic() - begun < 6, "and then no more")


run(main)
