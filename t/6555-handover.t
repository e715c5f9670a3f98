#!/usr/bin/env python3
"""A leader that ends cleanly, while changes are asked for at all servers: whoever asks a different server notices nothing but a moment, and nobody is left
without an answer.  What was downloaded in the last seconds from a server that ends is in the record."""
import http.client
import signal
import sys
import threading
import time
from collections import Counter
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

TIMES = 3


class Client(threading.Thread):
    """Adds plans at one server, one after the other; what it was answered, and how long the longest answer took."""

    def __init__(self, node, turn):
        super().__init__(daemon=True)
        self.node, self.turn, self.refused = node, turn, []
        self.over, self.answers, self.longest, self.made = False, Counter(), 0, []

    def run(self):
        n = 0
        while not self.over:
            n, begun = n + 1, time.monotonic()
            name = f"{self.node.name}-{self.turn}-{n}"
            try:
                status, said = self.node.api("POST", "/plans", {"name": name, "certificates": "1"})
            except (OSError, http.client.HTTPException) as e:
                status, said = type(e).__name__, None
            self.answers[status] += 1
            if status == 201:
                self.made.append(name)
                self.longest = max(self.longest, time.monotonic() - begun)
            elif status == 503 and "not known" in said["detail"]:
                self.answers["nobody knows"] += 1
            else:
                self.refused.append(said)
            time.sleep(0.01)


def main(t):
    cluster = Cluster(t, Etcd(t))
    made = [name for i in range(TIMES) for name in hand_over(t, cluster, i)]
    leader = cluster.leader()
    there = {p["name"] for p in plans(leader)}
    t.equal([name for name in made if name not in there], [], f"all {len(made)} plans are there")
    downloads(t, cluster, leader)


def hand_over(t, cluster, turn):
    """The leader ends, and begins again as a follower."""
    leader = cluster.leader()
    clients = [Client(n, turn) for n in cluster.nodes]
    for client in clients:
        client.start()
    time.sleep(1)
    begun = time.monotonic()
    leader.signal(signal.SIGTERM)
    until("a different one leads", lambda: any(cluster.state(n)["role"] == "leader" for n in cluster.nodes if n is not leader), 20)
    took = time.monotonic() - begun
    code = leader.wait(15)
    ended = time.monotonic() - begun
    time.sleep(0.5)
    for client in clients:
        client.over = True
    for client in clients:
        client.join(20)
    others = [c for c in clients if c.node is not leader]
    t.ok(code == 0 and took < 2, f"{leader.name} ends: a different one leads after {took:.2f} s, and it has ended after {ended:.2f} s")
    t.equal([dict(c.answers) for c in others], [{201: len(c.made)} for c in others],
        f"{sum(len(c.made) for c in others)} changes asked of the others are made; the longest took {max(c.longest for c in others):.2f} s")
    t.equal([c.refused for c in others], [[], []], "and none is refused")
    t.equal(sum(c.answers["nobody knows"] for c in clients), 0, "of no change it is said that nobody knows")
    leader.begin()
    cluster.wait_until_equal()
    return [name for c in clients for name in c.made]


def plans(node):
    found, first = [], 0
    while True:
        answer = node.api("GET", "/plans", first=first, limit=1000)[1]
        found += answer["plans"]
        first = answer["next"]
        if not first:
            return found


def downloads(t, cluster, leader):
    follower = cluster.others(leader)[0]
    key = leader.ctl("key", "add", "fetched")["api_keys"][0]
    cluster.wait_until_equal()
    t.equal({follower.download("key", "fetched", key).status for _ in range(7)}, {200}, "a key is fetched seven times from a follower")
    t.equal(follower.stop(), 0, "which ends at once")
    try:
        leader.wait_until("they are in the record", lambda: recorded(leader) == 7, 20)
    except TimeoutError:
        pass
    t.equal(recorded(leader), 7, "they are in the audit log, all seven")


def recorded(leader):
    """Each of its threads has noted its own."""
    said = [e["message"] for e in leader.ctl("events", "--action", "key.fetched")["events"]]
    return sum(int(m.split(", ")[1].split()[0]) if "times" in m else 1 for m in said)


run(main)
