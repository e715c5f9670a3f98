#!/usr/bin/env python3
"""The name of etcd has two addresses, and at the first one nothing answers: the other one is tried, and changes are made."""
import socket
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

own_network()


def main(t):
    hosts = t.write("hosts", "127.0.0.1 localhost etcd.example\n127.0.0.3 etcd.example\n")
    done = run_command("mount", "--bind", hosts, "/etc/hosts")
    t.equal(done.returncode, 0, "names have the addresses of this test")
    ca = CA(t, "etcd-ca")
    etcd = Etcd(t, 1, ca=ca)
    way = Way(etcd.ports[0][0], host="127.0.0.3")
    silent = silent_at("127.0.0.1", way.port)
    first = socket.getaddrinfo("etcd.example", way.port, type=socket.SOCK_STREAM)[0][4][0]
    t.equal(first, "127.0.0.1", "the silent one comes first")
    node = Certerad(t, name="n0", cluster={"endpoints": f"https://etcd.example:{way.port}", "ca_file": ca.file, "name": "n0", "address": f"127.0.0.1:{free_port()}"})
    node.wait_until("it reaches etcd", lambda: state(node)["role"] == "not a member", 60)
    node.ctl("cluster", "init")
    node.wait_until("it leads", lambda: state(node)["role"] == "leader", 60)
    for i in range(5):
        node.ctl("plan", "add", f"plan{i}", "--certificates", "1")
    t.ok(True, "it leads, and changes are made")
    for s in silent:
        s.close()


def silent_at(address, port):
    """Sockets: one that takes no connections, and as many as may wait there."""
    listening = socket.socket()
    listening.bind((address, port))
    listening.listen(0)
    waiting = [socket.socket() for _ in range(2)]
    for s in waiting:
        s.setblocking(False)
        s.connect_ex((address, port))
    return [listening, *waiting]


def state(node):
    return node.api("GET", "/cluster")[1]["cluster"]


run(main)
