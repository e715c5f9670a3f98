#!/usr/bin/env python3
"""A CA at a public address does not lead us into our own networks, neither by a link of its directory nor by a redirect."""
import json
import socket
import ssl
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PUBLIC = "9.9.9.9"  # in a network of the test's own


class Directory:
    """https at PUBLIC: each path has its answer."""

    def __init__(self, t, port):
        self.pages, self.port, self.authority = {}, port, Authority(t)
        pair = self.authority.leaf("DNS:ca.example,DNS:inside.example")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.outside, self.inside = [], []
        for address, seen in ((PUBLIC, self.outside), ("127.0.0.1", self.inside)):
            listener = socket.create_server((address, port))
            threading.Thread(target=self._accept, args=(listener, seen), daemon=True).start()

    def _accept(self, listener, seen):
        while True:
            connection, _ = listener.accept()
            seen.append("connection")
            try:
                with self.context.wrap_socket(connection, server_side=True) as tls:
                    path = tls.recv(8192).split(b" ")[1].decode()
                    seen.append(path)
                    tls.sendall(self.pages.get(path, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").encode())
            except OSError:
                pass

    def add(self, path, body):
        self.pages[path] = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"


def main(t):
    names = Names(t, port=53)
    done = run_command("ip", "addr", "add", f"{PUBLIC}/32", "dev", "lo")
    if done.returncode:
        raise Skip("this machine has no ip(8)")
    server = Directory(t, free_port())
    names.tell("add-a", host="ca.example.", addresses=[PUBLIC])
    ca, inside = f"https://ca.example:{server.port}", f"https://inside.example:{server.port}"
    server.add("/links", json.dumps({"newNonce": inside + "/nonce", "newAccount": ca + "/account", "newOrder": ca + "/order"}))
    server.pages["/moved"] = f"HTTP/1.1 302 Found\r\nLocation: {inside}/links\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    daemon = Certerad(t)
    for name in ("links", "moved"):
        done = daemon.run_ctl("account", "add", name, "--directory", f"{ca}/{name}", "--ca-file", server.authority.file, "--agree-terms", "--wait")
        t.ok(f"/{name}" in server.outside, f"{name}: the CA is asked")
        t.contains(done.stderr.decode(), "its address 127.0.0.1 is not a public one", "and does not lead inside")
    t.equal(server.inside, [], "nothing inside was connected to")
    daemon.run_ctl("account", "add", "own", "--directory", f"{inside}/links", "--ca-file", server.authority.file, "--agree-terms", "--wait")
    t.equal([s for s in server.inside if s != "connection"][:2], ["/links", "/nonce"], "a CA of one's own, inside, leads where it likes")


own_network()
run(main)
