"""Several servers that work as one: members of etcd, Debian's, and a certerad for each server, all on loopback."""
import os
import shutil

from .daemon import Certerad
from .process import Process, free_port, run_command, until


class Etcd:
    """Members of etcd."""

    def __init__(self, t, count=3, options=()):
        self.ports = [(free_port(), free_port()) for _ in range(count)]
        cluster = ",".join(f"m{i}=http://127.0.0.1:{peer}" for i, (_, peer) in enumerate(self.ports))
        self.endpoints = [f"http://127.0.0.1:{client}" for client, _ in self.ports]
        self.members = [Process(t, f"etcd{i}", ["etcd", "--name", f"m{i}", "--data-dir", t.path(f"etcd{i}.data"),
            "--listen-client-urls", self.endpoints[i], "--advertise-client-urls", self.endpoints[i],
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-cluster", cluster, *options]) for i, (_, peer) in enumerate(self.ports)]
        for member in self.members:
            member.start()
        until("etcd has a leader", lambda: self.ctl("endpoint", "health").returncode == 0, 30, every=0.3)

    def ctl(self, *argv, endpoints=None):
        return run_command("etcdctl", "--endpoints", ",".join(endpoints or self.endpoints), *argv, env={**os.environ, "ETCDCTL_API": "3"})


class Cluster:
    """Servers n0, n1, ... with equal stores; n0 begins the cluster.  prepare(n0): fills its store before the others get a copy of it."""

    def __init__(self, t, etcd, count=3, prepare=None, copy=True, **settings):
        self.t, self.etcd = t, etcd
        self.nodes = [Certerad(t, name=f"n{i}", start=False, **{**settings, "cluster": {"endpoints": " ".join(etcd.endpoints), "name": f"n{i}",
            "address": f"127.0.0.1:{free_port()}", **settings.get("cluster", {})}}) for i in range(count)]
        first = self.nodes[0].begin()
        first.wait_until("it sees that etcd has no cluster", lambda: self.state(first)["role"] == "not a member")
        first.ctl("cluster", "init")
        first.wait_until("it leads", lambda: self.state(first)["role"] == "leader")
        if prepare:
            prepare(first)
        first.ctl("backup", t.path("first"))
        for node in self.nodes[1:] if copy else ():
            self.give(node, t.path("first"), first)
            node.begin()
        for node in self.nodes if copy else ():
            node.wait_until("it is in the cluster", lambda: self.state(node)["role"] in ("leader", "follower"), 30)

    def give(self, node, copy, of):
        """The store of a backup, and the master key, as by hand."""
        os.makedirs(node.store, mode=0o700)
        os.makedirs(os.path.dirname(node.master_key), mode=0o700)
        shutil.copy(os.path.join(copy, "data.mdb"), os.path.join(node.store, "data.mdb"))
        shutil.copy(of.master_key, node.master_key)

    def state(self, node):
        return node.api("GET", "/cluster")[1]["cluster"]

    def running(self):
        return [n for n in self.nodes if n.running()]

    def leader(self, seconds=30):
        """The one that leads, once there is exactly one."""
        def find():
            leaders = [n for n in self.running() if self.state(n)["role"] == "leader"]
            return leaders[0] if len(leaders) == 1 else None
        return until("one leads", find, seconds, every=0.1)

    def others(self, node):
        return [n for n in self.running() if n is not node]

    def wait_until_equal(self, seconds=20):
        """All that run have applied the same."""
        until("all have applied the same", lambda: len({(self.state(n)["applied"]) for n in self.running()}) == 1, seconds, every=0.1)
