"""The tests' tool box: a test is a function that gets a Test and says what it sees.

    #!/usr/bin/env python3
    import sys; sys.path.insert(0, sys.path[0] + "/lib")
    from certera import *

    def main(t):
        site = Site(t)  # Pebble, nginx, certerad: started, ready
        site.daemon.add_cert("shop", "shop.example www.shop.example")
        t.equal(site.daemon.cert("shop")["status"], "active", "it is issued")

    run(main)

Only Python's standard library is used.
"""
from .tap import Skip, Test, Workplace, end_on_signals, run
from .process import Process, free_port, run_command, until, BUILD, PATIENCE, TOP
from .web import Answer, fetch, raw_fetch
from .pki import CA, Certificate, chain_of, dated, openssl, public_key_of_key
from .revocation import Publisher, Registry, RevokingCA
from .dns import Bind, Hooks, dns_site
from .peers import Apache, Caddy, Locked, Names, Nginx, Pebble, pebble_new, pebbles, program
from .mail import Mail, MailServer, Receiver
from .recorder import Drop, Recorder, Refuse, Reply
from .tracking import Authority, BlackHole, Splitter, Talker, TlsServer, reset, starttls
from . import faults
from .attack import library, take_over_library, taken_over
from .clock import Clock
from .disk import Disk
from .frontend import Frontend
from .broken import BrokenServers
from .people import Person, PASSWORD, add_user, setup_token, totp
from .browser import Browser
from .daemon import Certerad, CtlError, Site
from .cluster import Cluster, Etcd, Way, pid_behind, put_in_store
from .network import own_network
from .suite import end_to_end
