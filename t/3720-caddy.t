#!/usr/bin/env python3
"""From end to end with a CA that is not Pebble: Caddy's acme_server, in a network of its own."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    # It never calls a challenge invalid, it goes on trying: our patience decides.
    end_to_end(t, Site(t, other_ca=Caddy, acme={"patience": "8s"}))


own_network()
run(main)
