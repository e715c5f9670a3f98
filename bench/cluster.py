"""What several servers cost and bring: changes through etcd beside those of one server alone, how far followers are behind, and how long nobody leads."""
import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
from measure import *

CLIENTS = 16
SAMPLES = 100 if QUICK else 400

has_etcd = bool(shutil.which("etcd") and shutil.which("etcdctl"))


class Caller:
    """A kept connection to a control socket."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("localhost", timeout=60)
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(daemon.socket)

    def __call__(self, method, path, body=None):
        self.connection.request(method, "/api/v1" + path, json.dumps(body) if body else None)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


def change(ask, name, value):
    status, said = ask("POST", f"/plans/{name}", {"certificates": str(value)})
    if status != 200:
        raise RuntimeError(f"a change: {status} {said}")


def prepare(daemon):
    for i in range(CLIENTS):
        daemon.ctl("plan", "add", f"bench{i}", "--certificates", "1")


def rate(daemon):
    """Changes a second that are answered, hence durable, by as many clients as CLIENTS."""
    counts, end = [0] * CLIENTS, time.monotonic() + max(SECONDS, 2)

    def work(i):
        ask = Caller(daemon)
        while time.monotonic() < end:
            change(ask, f"bench{i}", counts[i] + 1)
            counts[i] += 1
    threads = [threading.Thread(target=work, args=(i,)) for i in range(CLIENTS)]
    begin = time.monotonic()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sum(counts) / (time.monotonic() - begin)


def took(daemon):
    """(median, p99) of a change in ms, one after the other."""
    ask, times = Caller(daemon), []
    for i in range(SAMPLES):
        begin = time.monotonic()
        change(ask, "bench0", i + 1)
        times.append((time.monotonic() - begin) * 1000)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def lag(leader, follower):
    """ms from the leader's answer until a follower shows the change: p99."""
    ask, look, times = Caller(leader), Caller(follower), []
    for i in range(SAMPLES):
        change(ask, "bench1", 1000 + i)
        begin = time.monotonic()
        while look("GET", "/plans/bench1")[1]["certificates"] != 1000 + i:
            pass
        times.append((time.monotonic() - begin) * 1000)
    return sorted(times)[len(times) * 99 // 100]


def compare(place, table):
    alone = Certerad(place, name="alone", log={"level": "warn"})
    prepare(alone)
    etcd = Etcd(place)
    cluster = Cluster(place, etcd, log={"level": "warn"})
    leader = cluster.leader()
    prepare(leader)
    follower = cluster.others(leader)[0]
    cluster.wait_until_equal()
    for daemon in (alone, leader):
        rate(daemon)  # warm
    rounds = [[rate(daemon) for daemon in (leader, alone)] for _ in range(ROUNDS)]
    table.add(f"changes/s through etcd, {CLIENTS} clients", *row(rounds, "alone"), True)
    rounds = [[took(daemon) for daemon in (leader, follower, alone)] for _ in range(ROUNDS)]
    pick = lambda who, figure: median([r[who][figure] for r in rounds])
    table.add("ms of a change through etcd, median", pick(0, 0), "alone", pick(2, 0), False)
    table.add("ms of a change through etcd, p99", pick(0, 1), "alone", pick(2, 1), False)
    table.add("ms of a change asked of a follower, p99", pick(1, 1), "alone", pick(2, 1), False)
    table.add("ms until a follower shows a change, p99", median([lag(leader, follower) for _ in range(ROUNDS)]), "mark", 100, False, "1 x")
    for daemon in (alone, *cluster.nodes):
        daemon.end()
    cluster = Cluster(place, etcd, log={"level": "warn"}, ways=True, names="f", cluster={"prefix": "/failover"})  # its ways to etcd can be cut
    prepare(cluster.leader())
    cluster.wait_until_equal()
    failovers(cluster, table)


def row(rounds, peer):
    ours, theirs = (median([r[i] for r in rounds]) for i in (0, 1))
    return ours, peer, theirs


def failovers(cluster, table):
    """Seconds from the moment until a change is made again, asked of a different server."""
    for what, begin, end in (("ends", ending, None), ("is killed", killing, None), ("is frozen", freezing, thaw), ("is cut off", cutting, joining)):
        times = [failover(cluster, begin, end) for _ in range(1 if QUICK else ROUNDS)]
        table.add(f"seconds without a leader when it {what}", median(times), "mark", 1 if begin is ending else 15, False, "1 x")


def failover(cluster, begin, end):
    leader = cluster.leader()
    other = cluster.others(leader)[0]
    start = time.monotonic()
    begin(cluster, leader)
    until("a change is made", lambda: other.api("POST", "/plans/bench0", {"certificates": "7"})[0] == 200, 60)
    seconds = time.monotonic() - start
    if end:
        end(cluster, leader)
    else:
        leader.wait()
        leader.begin()
    leader.wait_until("it follows", lambda: cluster.state(leader)["role"] == "follower", 40)
    cluster.wait_until_equal()
    return seconds


def ending(cluster, leader):
    leader.signal(signal.SIGTERM)


def killing(cluster, leader):
    leader.kill()


def freezing(cluster, leader):
    for pid in (leader.pid, *leader.children()):
        os.kill(pid, signal.SIGSTOP)


def thaw(cluster, leader):
    for pid in (*leader.children(), leader.pid):
        os.kill(pid, signal.SIGCONT)


def cutting(cluster, leader):
    for way in cluster.ways[cluster.nodes.index(leader)]:
        way.cut()


def joining(cluster, leader):
    for way in cluster.ways[cluster.nodes.index(leader)]:
        way.join()
