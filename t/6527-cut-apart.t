#!/usr/bin/env python3
"""The followers cannot reach the leader, while all reach etcd: orders go on, and a CA is still told to look when every server has the answer.  What is asked of a
follower that only the leader may do is refused, and status, pages and monitoring say who cannot reach whom.

And a server that begins answers nobody before it has what the others have: no CA meets one without the answer that all others have."""
import os
import signal
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    cluster = Cluster(t, Etcd(t, 1), ways=True, between=True)
    leader = cluster.leader()
    asked, other = cluster.others(leader)
    recorder = Recorder(Pebble(t, asked.http_port))
    leader.add_account(recorder)
    leader.add_cert("first", "first.example")
    way = cluster.between[cluster.nodes.index(leader)]
    way.end()
    goes_on(t, leader, asked, recorder)
    is_said(t, cluster, leader, asked, other)
    way.join()
    until("all is well", lambda: not any(trouble(cluster, at, of) for at in cluster.nodes for of in cluster.nodes), 20)
    t.equal(asked.api("POST", "/plans", {"name": "new", "certificates": "1"})[0], 201, "when they reach it again, the follower takes changes")
    t.equal(leader.run_ctl("cluster", "status").returncode, 0, "and nothing is said any more")
    begins(t, cluster, leader, asked)


def goes_on(t, leader, asked, recorder):
    begun = time.monotonic()
    for i in range(4):
        leader.add_cert(f"cut{i}", f"cut{i}.example", wait=False)
    leader.wait_until("all are issued", lambda: all(leader.certs()[f"cut{i}"]["status"] == "active" for i in range(4)), 20)
    took = time.monotonic() - begun
    t.ok(took < 6, f"four certificates are issued in {took:.1f} s while no follower reaches the leader")
    t.equal([leader.cert(f"cut{i}")["failures"] for i in range(4)], [0] * 4, "the CA asks a follower, and finds each answer, the first time")
    (front,) = asked.fronts()
    os.kill(front, signal.SIGSTOP)
    leader.add_cert("still", "still.example", wait=False)
    leader.wait_until("its answer is there", lambda: recorder.seen[-1].kind == "authz", 20)
    before = told(recorder)
    time.sleep(1.5)
    t.equal(told(recorder), before, "while a follower's front stands still, the CA is not told to look")
    os.kill(front, signal.SIGCONT)
    leader.wait_for_cert("still", lambda c: c["status"] == "active", seconds=20)
    t.equal(leader.cert("still")["failures"], 0, "it is when that goes on")


def told(recorder):
    return len([seen for seen in recorder.seen if seen.kind == "challenge"])


def trouble(cluster, at, of):
    return next((n["trouble"] for n in cluster.state(at)["nodes"] if n["name"] == of.name), None)


def is_said(t, cluster, leader, asked, other):
    sentence = leader.wait_until("it is said", lambda: trouble(cluster, leader, asked) and trouble(cluster, leader, other) and trouble(cluster, leader, asked), 20)
    address = leader.settings["cluster"]["address"]
    t.matches(sentence, f"^{asked.name} cannot reach the leader, {leader.name}: .* Allow connections from {asked.name} to {address}", sentence)
    for node in (leader, asked, other):
        node.wait_until("it is said there", lambda: trouble(cluster, node, asked), 10)
        done = node.run_ctl("cluster", "status")
        t.ok(done.returncode == 1 and sentence in done.stdout.decode(), f"certeractl cluster status says so at {node.name}", done.stdout.decode())
    for path in ("/system", "/cluster"):
        t.contains(leader.page(path)[1], sentence.split(":")[0], f"the page {path} of the leader does")
    t.ok(f"{asked.name} cannot reach the leader" in leader.run_ctl("doctor").stdout.decode(), "certeractl doctor does")
    t.equal((leader.api("GET", "/health")[0], asked.api("GET", "/health")[0]), (200, 503), "monitoring is told that the follower is not well, and the leader is")
    status, said = asked.api("POST", "/plans", {"name": "no", "certificates": "1"})
    t.ok(status == 503 and f"this server, {asked.name}, cannot reach the leader of the cluster, {leader.name}" in said["detail"].lower(), said["detail"], said)
    t.contains(said["hint"], address, said["hint"])


def begins(t, cluster, leader, node):
    node.stop()
    leader.ctl("plan", "add", "meanwhile", "--certificates", "1")
    applied = cluster.state(leader)["applied"]
    ways = cluster.ways[cluster.nodes.index(node)]
    for way in ways:
        way.cut()
    node.told()
    node.start()
    time.sleep(1.5)
    t.ok(node.running() and "READY=1" not in node.told(), "a server that begins, and has not heard of etcd yet, is not ready")
    for way in ways:
        way.join()
    node.wait_until("it answers", lambda: node.http("/.well-known/acme-challenge/none").status == 404)
    t.ok(cluster.state(node)["applied"] >= applied, "when it answers, it has what the others had")


run(main)
