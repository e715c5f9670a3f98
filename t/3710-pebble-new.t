#!/usr/bin/env python3
"""From end to end with a newer Pebble (2.10): strict, Retry-After, an external account binding required."""
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def main(t):
    site = Site(t, account=False, pebble={"binary": pebble_new(), "eab": {"kid-1": MAC_KEY}, "nonce_reject": 10,
        "authz_reuse": 50})
    site.daemon.add_account(site.ca, eab_kid="kid-1", eab_key_file=t.write("mac", MAC_KEY))
    end_to_end(t, site)


run(main)
