#!/usr/bin/env python3
"""etcd's quota is used up: changes are refused and health says why; after what the handbook says to do, they go on."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    etcd = Etcd(t, 1, options=["--quota-backend-bytes", "16777216"])
    cluster = Cluster(t, etcd, 1)
    node = cluster.leader()
    node.ctl("plan", "add", "before", "--certificates", "1")
    block = t.write("block", "x" * 1000000)
    with open(block) as f:
        text = f.read()
    until("it is full", lambda: run_command("etcdctl", "--endpoints", etcd.endpoints[0], "put", "/other/block", input=text.encode(),
        env={**os.environ, "ETCDCTL_API": "3"}).returncode != 0, 60, every=0)
    until("a change is refused", lambda: node.run_ctl("plan", "add", "refused", "--certificates", "1").returncode != 0, 20, every=0.5)
    said = until("health says it", lambda: space(node), 30, every=0.5)
    t.matches(said, "space", f"health: {said}")
    t.equal(node.api("GET", "/plans")[0], 200, "reading goes on")

    with open(os.path.join(TOP, "doc", "handbook", "8-cluster.md")) as f:
        lines = re.findall(r"^    ((?:rev=|etcdctl --user root (?:compact|defrag|alarm)).*)$", f.read(), re.M)
    lines = [line.replace("--user root ", "") for line in lines]  # nobody has to sign in to this etcd
    run_command("sh", "-ec", "\n".join(lines), env={**os.environ, "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": etcd.endpoints[0]})
    until("a change is made", lambda: node.run_ctl("plan", "add", "after", "--certificates", "1").returncode == 0, 40, every=1)
    t.ok(True, f"after {len(lines)} lines of the handbook changes go on")
    until("health is well", lambda: not space(node), 30, every=1)


def space(node):
    """What health says of etcd or the cluster, if it is not well."""
    bad = [c["text"] for c in node.api("GET", "/health")[1]["checks"] if c["name"] in ("cluster", "etcd") and not c["well"]]
    return " ".join(bad) if "space" in " ".join(bad) else None


run(main)
