#!/usr/bin/env python3
"""From end to end with Pebble as Debian 12 has it (2.4)."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    end_to_end(t, Site(t, pebble={"nonce_reject": 10, "authz_reuse": 50}))


run(main)
