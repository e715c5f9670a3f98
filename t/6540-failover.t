#!/usr/bin/env python3
"""Fifty orders are under way when the leader is killed, then the next one is cut off from etcd, then the next one frozen and let go again: all are issued, none
twice, and no server begins a request to the CA after its lease.

Which server asks is seen at the CA's recorder by the local port of the connection.  A request that had begun before the end of a lease may
arrive a moment later, so that moment is granted; what a frozen server says after it was let go is not.
"""
import json
import signal
import sys
import threading
import time
from collections import Counter
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNT = 50


def main(t):
    etcd = Etcd(t)
    web = Way()
    nginx = Nginx(t, f"http://127.0.0.1:{web.port}")
    pebble = Pebble(t, nginx.port, authz_reuse=0, sleep=2)
    recorder = Recorder(pebble)
    cluster = Cluster(t, etcd, ways=True, acme={"orders_at_once": 20}, prepare=lambda n: n.add_account(recorder))
    web.ports = [n.http_port for n in cluster.nodes]
    watch = Watch(cluster, recorder)
    leader = cluster.leader()
    fetching = [Fetching(n, key) for key in leader.ctl("key", "add", "fetched")["api_keys"][:1] for n in cluster.nodes]
    for i in range(COUNT):
        leader.add_cert(f"cert{i:02}", f"a.c{i}.example", wait=False)

    after(cluster, pebble, 5)
    cluster.wait_until_equal()
    for one in fetching:
        one.start()
    at = time.monotonic()
    Fetching.away = leader
    leader.kill()
    watch.count(at, at)
    second = told(t, cluster, leader, at, "killed")
    leader.begin()
    Fetching.away = None
    after(cluster, pebble, 18)

    at, ways = time.monotonic(), cluster.ways[cluster.nodes.index(second)]
    for way in ways:
        way.cut()
    third = told(t, cluster, second, at, "cut off from etcd")
    watch.count(at, time.monotonic())
    t.ok(not watch.since(second, at + 10), "the one that is cut off asks the CA nothing after its lease", watch.since(second, at + 10))
    t.equal(second.api("GET", "/status")[0], 200, "pages go on at the one that is cut off")
    for way in ways:
        way.join()
    after(cluster, pebble, 30)

    at = time.monotonic()
    Fetching.away = third
    third.signal(signal.SIGSTOP)
    watch.count(at, at)
    fourth = told(t, cluster, third, at, "frozen")
    thawed = time.monotonic()
    third.signal(signal.SIGCONT)
    Fetching.away = None
    until("all are issued", lambda: {c["status"] for c in certs(cluster).values()} == {"active"}, 240, every=0.5)
    t.ok(True, f"all {COUNT} are issued")
    for one in fetching:
        one.over = True
        one.join()
    t.equal(sum(one.failed for one in fetching), 0, f"of {sum(one.good for one in fetching)} downloads from the servers that ran none failed")
    t.ok(not watch.since(third, thawed) or cluster.leader() is third, "the one that was frozen asks the CA nothing when it goes on", watch.since(third, thawed))

    abandoned = [" ".join(names) for names, n in Counter(map(tuple, recorder.orders())).items() for _ in range(n - 1)]
    t.ok(len(abandoned) <= watch.under_way, f"{len(abandoned)} orders were abandoned, and {watch.under_way} newOrders were under way at an end", abandoned)
    t.equal(pebble.issued(), COUNT, "no certificate was issued twice")
    cluster.wait_until_equal()
    t.equal(len({json.dumps(node.certs(), sort_keys=True) for node in cluster.running()}), 1, "all servers show the same certificates")
    t.equal(fourth in cluster.running(), True, "the others never ended")


class Fetching(threading.Thread):
    """Downloads from one server, over and over; but for the one that is away."""

    away = None

    def __init__(self, node, key):
        super().__init__(daemon=True)
        self.node, self.key, self.over, self.good, self.failed = node, key, False, 0, 0

    def run(self):
        while not self.over:
            away = Fetching.away
            try:
                fine = away is self.node or self.node.download("key", "fetched", self.key).status == 200
            except OSError:
                fine = False
            self.good += fine and away is not self.node
            self.failed += not fine and Fetching.away is not self.node and away is not self.node
            time.sleep(0.1)


class Watch:
    """Who asked the CA, and when; and how many newOrders were under way when a leader ended, so that it may not have saved their answer."""

    def __init__(self, cluster, recorder):
        self.cluster, self.recorder, self.under_way = cluster, recorder, 0
        recorder.before = self.look

    def look(self, seen):
        seen.pid = pid_behind(seen.port, [n.pid for n in self.cluster.running()])

    def since(self, node, at):
        return [s for s in self.recorder.seen if getattr(s, "pid", None) == node.pid and s.time > at]

    def count(self, begin, end):
        """Of an end that was at some time between these."""
        self.under_way += sum(begin - 1 < s.time < end for s in self.recorder.of("neworder"))


def certs(cluster):
    return cluster.leader().certs()


def after(cluster, pebble, issued):
    until(f"{issued} are issued", lambda: pebble.issued() >= issued, 120, every=0.1)


def told(t, cluster, old, at, what):
    """The next leader, and how long there was none."""
    new = until("a different one leads", lambda: next((n for n in cluster.others(old) if alive(n) and cluster.state(n)["role"] == "leader"), None), 30, every=0.1)
    took = time.monotonic() - at
    t.ok(took < 15, f"{what}: a different server leads after {took:.1f} s")
    return new


def alive(node):
    with open(f"/proc/{node.pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] != "T"


run(main)
