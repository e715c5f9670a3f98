#!/usr/bin/env python3
"""etcd loses a member: nothing is noticed.  It loses its quorum: downloads, challenge answers and pages go on at all servers, changes get 503 with a
sentence; when it is back, all is well by itself.  Changes of more than a request's size, and a log that is cut short."""
import signal
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    etcd = Etcd(t)
    web = Way()
    pebble = Pebble(t, Nginx(t, f"http://127.0.0.1:{web.port}").port)
    keys = {}

    def prepare(first):
        web.ports = [first.http_port]
        first.add_account(pebble)
        keys["shop"] = first.add_cert("shop", "shop.example")["api_keys"][0]
    cluster = Cluster(t, etcd, prepare=prepare, cluster={"log_entries": 100})
    leader = cluster.leader()

    etcd.members[0].kill()
    for i in range(5):
        leader.ctl("plan", "add", f"p{i}", "--certificates", "3")
        time.sleep(1)
    t.ok(cluster.leader() is leader, "a member of etcd is killed: the leader stays, and its changes go on")
    until("it is told", lambda: [m["well"] for m in cluster.state(leader)["etcd"]] == [False, True, True], 15)
    t.matches(leader.run_ctl("cluster", "status").stdout.decode(), "m?asking 127|cannot connect|refused", "certeractl cluster status says which one does not answer")

    etcd.members[1].kill()
    until("nobody leads", lambda: {cluster.state(n)["role"] for n in cluster.nodes} == {"no leader"}, 20)
    for node in cluster.nodes:
        t.equal(node.download("certificate", "shop", keys["shop"]).status, 200, f"{node.name}: without a quorum downloads go on")
        t.equal(node.api("GET", "/certificates")[0], 200, f"{node.name}: and the API for those who look")
        begin = time.monotonic()
        status, answer = node.api("POST", "/plans", {"name": "none", "certificates": "1"})
        t.equal(status, 503, f"{node.name}: a change is refused")
        t.ok(("leads the cluster" in answer["detail"] or "no leader" in answer["detail"]) and time.monotonic() - begin < 12, f"{node.name}: with a sentence: {answer['detail']}")
    health = leader.api("GET", "/health")
    t.equal((health[0], [c["name"] for c in health[1]["checks"] if not c["well"]]), (503, ["cluster"]), "health says it")

    back = time.monotonic()
    for member in etcd.members[:2]:
        member.start()
    leader = cluster.leader()
    leader.ctl("plan", "add", "after", "--certificates", "3")
    t.ok(time.monotonic() - back < 10, f"etcd is back, and after {time.monotonic() - back:.1f} s a change is made")
    cluster.wait_until_equal()
    t.equal({len(n.ctl("plan", "list")["plans"]) for n in cluster.nodes}, {6}, "all have it")

    big(t, cluster, leader, etcd)
    short(t, cluster, leader, etcd)


def big(t, cluster, leader, etcd):
    """Records of more than 1 MiB together."""
    for i in range(30):
        leader.api("POST", "/keys", {"name": f"k{i}"})
    for member in etcd.members:
        member.signal(signal.SIGSTOP)
    threads = [threading.Thread(target=leader.api, args=("POST", f"/keys/k{i}", {"description": f"{i} " * 20000})) for i in range(30)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    for member in etcd.members:
        member.signal(signal.SIGCONT)
    for thread in threads:
        thread.join()
    parts = [k for k in etcd.ctl("get", "/certera/log/", "--prefix", "--keys-only").stdout.decode().split() if k.count("/") == 5]
    t.ok(parts, f"changes of more than 1 MiB: an entry has {len(parts)} parts")
    cluster.wait_until_equal()
    t.equal({len(n.ctl("key", "show", "k7")["description"]) for n in cluster.nodes}, {40000}, "they are at all servers")


def short(t, cluster, leader, etcd):
    """More changes than etcd keeps, while a server is away."""
    away = cluster.others(leader)[0]
    away.stop()
    for i in range(130):
        leader.api("POST", "/plans", {"name": f"many{i}", "certificates": "1"})
    first = lambda: etcd.ctl("get", "/certera/log/", "--prefix", "--keys-only", "--limit", "1").stdout.decode().strip()
    until("the log is cut short", lambda: int(first().split("/")[3], 16) > 5, 40, every=1)
    t.ok(int(first().split("/")[3], 16) >= cluster.state(leader)["head"] - 101, f"etcd keeps 100 entries: the first is {first()}")
    over, made = threading.Event(), []
    writer = threading.Thread(target=write, args=(leader, over, made))
    writer.start()
    away.start()
    until("it has a copy, and ends so that systemd starts it again", lambda: not away.running(), 30)
    away.begin()
    away.wait_until("it follows", lambda: cluster.state(away)["role"] == "follower", 40)
    done = leader.run_ctl("verify", "--against", away.name)
    t.equal((done.returncode, not over.is_set()), (0, True), f"while {len(made)} changes are made, it is equal to the leader at the same entry")
    over.set()
    writer.join()
    cluster.wait_until_equal()
    t.equal(away.api("GET", "/plans", limit=1)[1]["total"], 136 + len(made), "the one that was away for longer has a copy, and all that came after it")
    differs(t, cluster, leader, away)


def write(leader, over, made):
    while not over.is_set():
        if leader.api("POST", "/plans", {"name": f"load{len(made)}", "certificates": "1"})[0] == 201:
            made.append(1)
        time.sleep(0.05)  # etcd keeps a hundred


def differs(t, cluster, leader, node):
    """A store that is not what the log has made of it."""
    done = leader.run_ctl("verify", "--against", "nobody")
    t.contains(done.stderr.decode(), "no server with the name nobody", "verify --against refuses a name that no server has")
    done = leader.run_ctl("verify", "--against", leader.name)
    t.contains(done.stderr.decode(), "leads the cluster", "and that of the leader itself")
    node.stop()
    put_in_store(node, "plan_name", "zz-not-in-the-log", "x")
    node.begin()
    node.wait_until("it follows", lambda: cluster.state(node)["role"] == "follower", 40)
    done = leader.run_ctl("verify", "--against", node.name)
    t.ok(done.returncode, "a store with a row of its own is not equal")
    t.matches(done.stderr.decode(), r"differ at entry \d+ of the log, in: plan_name", "and it is said where")


run(main)
