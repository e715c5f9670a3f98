#!/usr/bin/env python3
"""HTTP/2 to a CA that speaks it, and few connections for many requests."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t, account=False)
    port = free_port()
    front = Nginx(t, name="front", port=port, listen_options="ssl http2", server=f"""
        ssl_certificate {site.pebble.ca.cert}; ssl_certificate_key {site.pebble.ca.key};
        location / {{ proxy_pass https://127.0.0.1:{site.pebble.port}; proxy_set_header Host $http_host; }}""")

    class Directory:
        directory, ca_file = f"https://localhost:{port}/dir", site.pebble.ca_file
    site.daemon.add_account(Directory)
    for i in range(5):
        site.daemon.add_cert(f"cert{i}", f"c{i}.example")

    lines = front.requests()
    t.ok(len(lines) > 30, "the CA was asked many things", len(lines))
    t.equal([line for line in lines if "HTTP/2.0" not in line], [], "all over HTTP/2")
    t.ok(len({line.split()[0] for line in lines}) <= 3, "over a few connections", lines)


run(main)
