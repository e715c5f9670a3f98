#!/usr/bin/env python3
"""import-from: certbot's and lego's trees with many certificates (SOAK=1: 200) are taken over, each with its key and chain."""
import json
import os
import resource
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from certera.clients import *

COUNT = 200 if os.environ.get("SOAK") else 40
SECONDS = 10


def certbot_tree(t, ca, made):
    bot = Certbot(t, ca)
    bot.issue("first", ["first.example"])
    with open(bot.dir + "/renewal/first.conf") as f:
        conf = f.read()
    for name, key, chain in made:
        t.write(f"certbot/live/{name}/privkey.pem", key)
        t.write(f"certbot/live/{name}/fullchain.pem", chain)
        t.write(f"certbot/renewal/{name}.conf", conf.replace("/first", "/" + name))
    return bot.dir, f"certbot-localhost_{ca.port}"


def lego_tree(t, ca, made):
    own = Lego(t, ca)
    own.issue("", ["second.example"])
    with open(own.dir + "/certificates/second.example.json") as f:
        saved = f.read()
    for name, key, chain in made:
        t.write(f"lego/certificates/{name}.key", key)
        t.write(f"lego/certificates/{name}.crt", chain)
        t.write(f"lego/certificates/{name}.json", saved.replace("second.example", name))
    return own.dir, f"lego-localhost_{ca.port}"


def cpu(daemon):
    """Seconds of a processor that the daemon's processes, and all commands so far, have used."""
    def of(pid):
        with open(f"/proc/{pid}/stat") as f:
            return sum(int(n) for n in f.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + sum(of(p) for p in [daemon.pid, *daemon.children()])


def main(t):
    site = Site(t, account=False, pebble={"always_valid": True})
    daemon, ca = site.daemon, site.pebble
    options = ["--ca-file", ca.ca_file, "--directory", ca.directory]
    for program, tree, domain in (("certbot", certbot_tree, "bot.example"), ("lego", lego_tree, "lego.example")):
        made = many(t, COUNT, domain)
        path, account = tree(t, ca, made)
        orders = ca.orders()
        begin, used = time.monotonic(), cpu(daemon)
        done = daemon.run_ctl("--json", "import-from", program, path, *options)
        took, used = time.monotonic() - begin, cpu(daemon) - used
        answer = json.loads(done.stdout)
        t.equal((done.returncode, {c["result"] for c in answer["certificates"]}, len(answer["certificates"])), (0, {"taken"}, COUNT + 1), f"{program}: all {COUNT} are taken")
        # Others may be using this machine: what counts is the time that was used for this.
        t.ok(used < SECONDS * PATIENCE, f"{program}: within {SECONDS} s of one processor", used)
        t.note(f"{program}: {COUNT} certificates in {took:.1f} s, {used:.1f} s of a processor")
        t.equal(ca.orders(), orders, f"{program}: nothing is ordered")
        daemon.wait_until("their renewals are planned", lambda: all(c["renew_at"] for c in daemon.certs().values()))
        wrong = [name for name, key, chain in made if not fits(daemon, name, key, chain)]
        t.equal(wrong, [], f"{program}: openssl says that key and chain are theirs")
        for name, key, chain in made[::COUNT // 4]:
            daemon.ctl("cert", "issue", name, "--wait")
            renewed = daemon.leaf(name)
            t.ok(renewed.serial != Certificate(chain).serial and renewed.names == Certificate(chain).names, f"{program}: {name} renews from {account}")


def fits(daemon, name, key, chain):
    exported = daemon.api("POST", f"/certificates/{name}/export", {"format": "bundle"})[1]["pem"]
    return chain_of(exported) == chain_of(chain) and public_key_of_key(exported) == public_key_of_key(key) == Certificate(exported).public_key


run(main)
