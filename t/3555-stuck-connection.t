#!/usr/bin/env python3
"""One HTTP/2 connection carries all requests to a CA.  When it gets stuck, the next request goes over a different one."""
import socket
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


class Relay:
    """Passes bytes on to a port, until stick(): then nothing more passes on the connections there are; new ones work."""

    def __init__(self, port):
        self.to, self.stuck = port, set()
        self.open = set()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.socket.accept()
            far = socket.create_connection(("127.0.0.1", self.to))
            pair = (near, far)
            self.open.add(pair)
            for a, b in (pair, pair[::-1]):
                threading.Thread(target=self.copy, args=(pair, a, b), daemon=True).start()

    def copy(self, pair, a, b):
        try:
            while data := a.recv(65536):
                if pair not in self.stuck:
                    b.sendall(data)
            if pair not in self.stuck:
                b.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.open.discard(pair)

    def stick(self):
        self.stuck |= self.open
        return len(self.stuck)


def main(t):
    site = Site(t, account=False, acme={"timeout": "2s", "patience": f"{30 * PATIENCE:g}s"})
    inner = free_port()
    Nginx(t, name="front", port=inner, listen_options="ssl http2", server=f"""
        ssl_certificate {site.pebble.ca.cert}; ssl_certificate_key {site.pebble.ca.key};
        location / {{ proxy_pass https://127.0.0.1:{site.pebble.port}; proxy_set_header Host $http_host; }}""")
    relay = Relay(inner)

    class Directory:
        directory, ca_file = f"https://localhost:{relay.port}/dir", site.pebble.ca_file
    site.daemon.add_account(Directory)
    site.daemon.add_cert("before", "before.example")
    t.ok(relay.stick() > 0, "the connection is stuck")
    site.daemon.add_cert("after", "after.example", wait=False)
    shown = site.daemon.wait_for_cert("after", lambda c: c["status"] in ("active", "failed"))
    t.equal((shown["status"], shown["failures"]), ("active", 0), "issued all the same")


run(main)
