#!/usr/bin/env python3
"""A web server that is checked before ordering cannot lead us into our own networks: its redirects go to public addresses,
to this server, and where a setting allows it; and the address that was judged is the one that is connected to."""
import socket
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SECRET = "inside-knowledge"
REBOUND = "127.0.0.3"  # where rebind.example leads when it is judged


class Resolver:
    """A name server on UDP: {name: addresses}; of a list of lists, each question takes the next."""

    def __init__(self, table):
        self.table, self.asked, self.socket = table, [], socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            question, peer = self.socket.recvfrom(2048)
            self.socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        end, labels = 12, []
        while question[end]:
            labels.append(question[end + 1:end + 1 + question[end]].decode())
            end += question[end] + 1
        name, kind = ".".join(labels).lower(), int.from_bytes(question[end + 1:end + 3], "big")
        self.asked.append((name, kind))
        addresses = self.table.get(name, [])
        if addresses and isinstance(addresses[0], list):
            addresses = addresses.pop(0) if len(addresses) > 1 and kind == 1 else addresses[0]
        family, size = (socket.AF_INET6, 16) if kind == 28 else (socket.AF_INET, 4)
        found = [socket.inet_pton(family, a) for a in addresses if kind in (1, 28) and (":" in a) == (kind == 28)]
        records = b"".join(b"\xc0\x0c" + bytes([0, kind, 0, 1, 0, 0, 0, 1, 0, size]) + a for a in found)
        return question[:2] + b"\x81\x80\0\1" + bytes([0, len(found), 0, 0, 0, 0]) + question[12:end + 5] + records


class Canary:
    """What listens inside, at every address of this machine; who comes is counted."""

    def __init__(self):
        self.listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port, self.seen = self.listener.getsockname()[1], []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            self.seen.append(connection.getsockname()[0].removeprefix("::ffff:"))
            with connection:
                connection.recv(4096)
                connection.sendall(f"HTTP/1.1 200 OK\r\nServer: {SECRET}\r\nContent-Length: 64\r\n\r\n{SECRET:64}".encode())


class WebServer(Talker):
    """Redirects as the table says for the host that is asked for."""

    def __init__(self, table):
        self.table = table
        super().__init__(self._redirect)

    def _redirect(self, connection):
        host = connection.recv(4096).split(b"Host: ")[1].split(b"\r")[0].decode().split(":")[0]
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {self.table[host]}\r\nContent-Length: 0\r\n\r\n".encode())


def main(t):
    canary, web = Canary(), WebServer({})
    port = canary.port
    literal = {
        "v4": f"http://127.0.0.1:{port}/x", "any": f"http://0.0.0.0:{port}/x", "zero": f"http://0:{port}/x",
        "mapped": f"http://[::ffff:127.0.0.1]:{port}/x", "compatible": f"http://[::127.0.0.1]:{port}/x", "v6": f"http://[::1]:{port}/x",
        "any6": f"http://[::]:{port}/x", "decimal": f"http://2130706433:{port}/x", "hex": f"http://0x7f000001:{port}/x",
        "octal": f"http://0177.0.0.01:{port}/x", "short": f"http://127.1:{port}/x", "user": f"http://good.example@127.0.0.1:{port}/x",
        "relative": f"//127.0.0.1:{port}/x", "dot": f"http://127.0.0.1.:{port}/x", "link": f"http://[fe80::1]:{port}/x",
        "ula": f"http://[fd00::1]:{port}/x", "shared": f"http://100.64.0.1:{port}/x", "lan": f"http://192.168.0.1:{port}/x",
        "metadata": "http://169.254.169.254/latest/meta-data/", "nat64": f"http://[64:ff9b::7f00:1]:{port}/x",
        "tls": f"https://127.0.0.1:{port}/x",
    }
    named = {name: f"http://{name}.inside.example:{port}/x" for name in ("a", "mapped6", "aaaa", "both", "rebind")}
    resolver = Resolver({
        "a.inside.example": ["127.0.0.1"], "mapped6.inside.example": ["::ffff:127.0.0.1"], "aaaa.inside.example": ["::1"],
        "both.inside.example": ["10.0.0.1", "fd00::1"], "rebind.inside.example": [["127.0.0.1"]],
        "certera.example": ["127.0.0.1"]})
    daemon = Certerad(t, server={"hostname": "certera.example"},
        preflight={"enabled": True, "port": web.port, "resolvers": f"127.0.0.1:{resolver.port}", "timeout": "3s", "private": ""})
    for name, location in {**literal, **named}.items():
        web.table[f"{name}.example"], resolver.table[f"{name}.example"] = location, ["127.0.0.1"]

    def check(names):
        """As an administrator: only where redirects lead is in question."""
        _, check = daemon.api("POST", "/checks", {"names": names})
        path = f"/checks/{check['id']}"
        daemon.wait_until("the check has ended", lambda: daemon.api("GET", path)[1]["state"] != "open")
        return {p["name"].removesuffix(".example"): p for p in daemon.api("GET", path)[1]["probes"]}

    probes = check([f"{name}.example" for name in {**literal, **named}])
    t.equal(canary.seen, [], "nothing inside was connected to")
    t.equal(len(probes), len(literal) + len(named), "each name has its verdict")
    for name in literal:
        t.ok(probes[name]["result"] == "wrong" and "is not a public address" in probes[name]["says"], f"{name}: an address no CA can ask is wrong",
            probes[name])
    for name in named:
        t.ok(probes[name]["result"] == "unchecked" and "preflight.private" in probes[name]["says"],
            f"{name}: a name that leads inside here may be public out there: not checked", probes[name])
    t.lacks(str(probes), SECRET, "and nothing was learned")

    ours(t, daemon, web, resolver, check)
    listed(t, daemon, canary, web, resolver, check)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def ours(t, daemon, web, resolver, check):
    """Where this server is, is nobody's secret."""
    path = "/.well-known/acme-challenge"
    for name, location in {
            "good": f"http://certera.example:{daemon.http_port}{{path}}",
            "lost": f"http://certera.example:{daemon.http_port}{path}/other",
            "page": f"http://certera.example:{daemon.http_port}/metrics"}.items():
        web.table[f"{name}.example"], resolver.table[f"{name}.example"] = location, ["127.0.0.1"]
    redirect = web._redirect

    def with_path(connection):
        request = connection.recv(4096, socket.MSG_PEEK)
        web.table["good.example"] = f"http://certera.example:{daemon.http_port}{request.split()[1].decode()}"
        redirect(connection)
    web.talk = with_path
    probes = check(["good.example", "lost.example", "page.example"])
    t.equal(probes["good"]["result"], "reached", "this server is asked by its own name (which preflight.resolvers know), wherever that leads")
    t.contains(probes["lost"]["says"], "answers 404", "and what is wrong there is said")
    t.equal(probes["page"]["result"], "unchecked", "but only for challenges")


def listed(t, daemon, canary, web, resolver, check):
    """With a setting; and a name that means something else at each question."""
    daemon.configure(preflight={"private": REBOUND})
    daemon.reload()
    resolver.table["rebind.inside.example"] = [[REBOUND], ["127.0.0.1"]]
    probes = check(["rebind.example", "a.example"])
    t.equal(canary.seen, [REBOUND], "the address that was judged is the one that is connected to")
    t.equal(len([q for q in resolver.asked if q == ("rebind.inside.example", 1)]), 2, "the name was looked up once in each check")
    t.contains(probes["rebind"]["says"], "where it redirects to, answers 200", "a network that is listed is asked")
    t.lacks(str(probes), SECRET, "but no word of what was answered is shown")


run(main)
