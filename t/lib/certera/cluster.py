"""Several servers that work as one: members of etcd, Debian's, and a certerad for each server, all on loopback."""
import ctypes
import os
import shutil
import socket
import threading
import time

from .daemon import Certerad
from .process import BUILD, Process, free_port, run_command, until
from .tap import Skip


class Etcd:
    """Members of etcd.  ca: they use TLS, with its certificate (pki.py)."""

    def __init__(self, t, count=3, options=(), ca=None):
        with open(os.path.join(BUILD, "certerad"), "rb") as f:
            if b"__asan_init" in f.read() and not os.environ.get("CLUSTER_SANITIZED"):
                raise Skip("elections wait for their time, which sanitizers take")
        self.ca, self.flags = ca, ["--cacert", ca.file] if ca else []
        tls = ["--cert-file", ca.cert, "--key-file", ca.key] if ca else []
        scheme = "https" if ca else "http"
        self.ports = [(free_port(), free_port()) for _ in range(count)]
        cluster = ",".join(f"m{i}=http://127.0.0.1:{peer}" for i, (_, peer) in enumerate(self.ports))
        self.endpoints = [f"{scheme}://127.0.0.1:{client}" for client, _ in self.ports]
        self.members = [Process(t, f"etcd{i}", ["etcd", "--name", f"m{i}", "--data-dir", t.path(f"etcd{i}.data"),
            "--listen-client-urls", self.endpoints[i], "--advertise-client-urls", self.endpoints[i],
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-cluster", cluster, *tls, *options]) for i, (_, peer) in enumerate(self.ports)]
        for member in self.members:
            member.start()
        until("etcd has a leader", lambda: self.ctl("endpoint", "health").returncode == 0, 30, every=0.3)

    def ctl(self, *argv, endpoints=None):
        return run_command("etcdctl", "--endpoints", ",".join(endpoints or self.endpoints), *self.flags, *argv, env={**os.environ, "ETCDCTL_API": "3"})


class Way:
    """A way to a port of somebody, for one who is to be cut off: .cut() makes it silent, without a word to either side, .deafen() for answers
    alone; .end() ends connections, and new ones at once; .join() mends it.
    patient: whoever comes while nobody answers there waits; else the connection is closed."""

    def __init__(self, *ports, patient=True, host="127.0.0.1"):
        self.ports, self.port, self.patient = list(ports), free_port(), patient
        self.is_cut = self.is_deaf = self.has_ended = False
        self.open = set()
        self.server = socket.create_server((host, self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.is_cut = True

    def deafen(self):
        self.is_deaf = True

    def end(self):
        self.has_ended = True
        for s in list(self.open):
            _shut(s)

    def join(self):
        self.is_cut = self.is_deaf = self.has_ended = False

    def _accept(self):
        while True:
            client = self.server.accept()[0]
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        there = None if self.has_ended else self._connect()
        if not there:
            client.close()
            return
        self.open |= {client, there}
        for a, b in ((client, there), (there, client)):
            threading.Thread(target=self._carry, args=(a, b, a is there), daemon=True).start()

    def _connect(self):
        """To the first port that answers; None: there is none."""
        while True:
            for port in self.ports:
                try:
                    if not self.is_cut:
                        return socket.create_connection(("127.0.0.1", port))
                except OSError:
                    if not self.patient:
                        return None
            time.sleep(0.1)

    def _carry(self, a, b, answers):
        try:
            while data := a.recv(65536):
                while self.is_cut or (answers and self.is_deaf):
                    time.sleep(0.05)
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            _shut(s)
        self.open -= {a, b}


def _shut(s):
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def pid_behind(port, pids):
    """Which of these processes has the local port of a connection to us; None: none."""
    with open("/proc/net/tcp") as f:
        inodes = {line.split()[9] for line in f.readlines()[1:] if line.split()[1].endswith(f":{port:04X}")}
    for pid in pids:
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{fd}")[8:-1] in inodes:
                    return pid
        except OSError:
            pass
    return None


def put_in_store(node, table, key, value=None):
    """What the store of a server that does not run has there (None: nothing); value: what it has from now on."""
    lib, kept = ctypes.CDLL("liblmdb.so.0"), []

    class Val(ctypes.Structure):
        _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p)]

    def val(text):
        kept.append(ctypes.create_string_buffer(text.encode()))
        return Val(len(text), ctypes.addressof(kept[-1]))

    def check(rc):
        if rc:
            raise RuntimeError(f"LMDB: {rc}")
    env, txn, dbi, at, found = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint(), val(key), Val()
    check(lib.mdb_env_create(ctypes.byref(env)))
    check(lib.mdb_env_set_maxdbs(env, 200))
    check(lib.mdb_env_set_mapsize(env, ctypes.c_size_t(1 << 28)))
    check(lib.mdb_env_open(env, node.store.encode(), 0, 0o600))
    check(lib.mdb_txn_begin(env, None, 0, ctypes.byref(txn)))
    check(lib.mdb_dbi_open(txn, table.encode(), 0, ctypes.byref(dbi)))
    there = lib.mdb_get(txn, dbi, ctypes.byref(at), ctypes.byref(found)) == 0
    before = ctypes.string_at(found.data, found.size).decode() if there else None
    if value is not None:
        check(lib.mdb_put(txn, dbi, ctypes.byref(at), ctypes.byref(val(value)), 0))
    check(lib.mdb_txn_commit(txn))
    lib.mdb_env_close(env)
    return before


class Cluster:
    """Servers n0, n1, ... (names: what they begin with) with equal stores; n0 begins the cluster.  prepare(n0): fills its store before the others get a copy of it."""

    def __init__(self, t, etcd, count=3, prepare=None, copy=True, ways=False, between=False, host="127.0.0.1", names="n", **settings):
        self.t, self.etcd, self.host = t, etcd, host
        # ways: each server has ways of its own to the members, which can be cut; between: the others have one to it.
        self.ways = [[Way(client) for client, _ in etcd.ports] if ways else [] for _ in range(count)]
        self.between = [Way(free_port(), patient=False) if between else None for _ in range(count)]
        self.nodes = [Certerad(t, name=f"{names}{i}", start=False, **{**settings, "cluster": {"endpoints": self._endpoints(i), "name": f"{names}{i}",
            **self._address(i), **settings.get("cluster", {})}}) for i in range(count)]
        first = self.nodes[0].begin()
        first.wait_until("it sees that etcd has no cluster", lambda: self.state(first)["role"] == "not a member")
        first.ctl("cluster", "init")
        first.wait_until("it leads", lambda: self.state(first)["role"] == "leader")
        if prepare:
            prepare(first)
        first.ctl("backup", t.path(f"first-{names}"))
        for node in self.nodes[1:] if copy else ():
            self.give(node, t.path(f"first-{names}"), first)
            node.begin()
        for node in self.nodes if copy else ():
            node.wait_until("it is in the cluster", lambda: self.state(node)["role"] in ("leader", "follower"), 30)

    def _endpoints(self, i):
        return " ".join([f"http://127.0.0.1:{way.port}" for way in self.ways[i]] or self.etcd.endpoints)

    def _address(self, i):
        way = self.between[i]
        return {"address": f"127.0.0.1:{way.port}", "listen": f"127.0.0.1:{way.ports[0]}"} if way else {"address": f"{self.host}:{free_port()}"}

    def give(self, node, copy, of):
        """The store of a backup, and the master key, as by hand."""
        os.makedirs(node.store, mode=0o700)
        os.makedirs(os.path.dirname(node.master_key), mode=0o700)
        shutil.copy(os.path.join(copy, "data.mdb"), os.path.join(node.store, "data.mdb"))
        shutil.copy(of.master_key, node.master_key)

    def state(self, node):
        """`cluster status`; of one that does not answer: nothing."""
        try:
            return node.api("GET", "/cluster")[1]["cluster"]
        except OSError:
            return {"role": None, "applied": None}

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
