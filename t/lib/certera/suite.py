"""What must work with every CA: the main job, renewal, many at once, a failure that is understood."""
from .daemon import CtlError
from .pki import Certificate, chain_of, public_key_of_key

MANY = 15


def end_to_end(t, site):
    """site: with an account "ca" at the CA to be tried."""
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example www.shop.example")
    first = check(t, site, "shop", made, "issued")
    t.equal(first.names, ["shop.example", "www.shop.example"], "for both names")

    daemon.ctl("cert", "issue", "shop", "--wait")
    second = check(t, site, "shop", made, "renewed")
    t.ok(second.serial != first.serial and second.public_key != first.public_key, "as another certificate, with a new key")
    many(t, daemon)
    refused(t, site)
    t.equal(daemon.cert("shop")["orders"], 2, "no order too many")


def check(t, site, name, made, what):
    chain = site.daemon.download("certificate", name, made["api_keys"][0]).text
    key = site.daemon.download("key", name, made["key_api_keys"][0]).text
    leaf, shown = Certificate(chain), site.daemon.cert(name)
    t.equal((shown["status"], shown["failures"]), ("active", 0), f"{what}: active")
    t.equal(public_key_of_key(key), leaf.public_key, f"{what}: the key is the certificate's")
    t.ok(leaf.verified_by(site.pebble.root(), chain_of(chain)[1:]), f"{what}: the chain leads to the CA's root")
    t.lacks(chain, site.pebble.root().strip(), f"{what}: without the root")
    return leaf


def many(t, daemon):
    wanted = {f"many{i}": sorted(f"n{n}.many{i}.example" for n in range(1 + i % 4)) for i in range(MANY)}
    for name, names in wanted.items():
        daemon.add_cert(name, names, wait=False)
    daemon.wait_until("all are active", lambda: all(daemon.certs()[n]["status"] == "active" for n in wanted), 90)
    shown = daemon.certs()
    t.equal([n for n in wanted if shown[n]["failures"]], [], f"{MANY} at once: none needed a second attempt")
    leaves = {n: daemon.leaf(n) for n in wanted}
    t.equal({n: leaf.names for n, leaf in leaves.items()}, wanted, "each with its names")
    t.equal(len({leaf.public_key for leaf in leaves.values()}), MANY, "and a key of its own")


def refused(t, site):
    """The web server of a name is down."""
    site.nginx.stop()
    try:
        site.daemon.add_cert("down", "down.example")
        t.ok(False, "a name whose web server is down gets no certificate")
    except CtlError:
        t.ok(True, "a name whose web server is down gets no certificate")
    shown = site.daemon.cert("down")
    t.contains(str(shown["error"]), "connection", "and the CA's reason is told")
    t.contains(str(shown["error"]), "down.example", "with the name")
    site.nginx.start()
    site.nginx.wait_for_port(site.nginx.port)
    site.daemon.ctl("cert", "issue", "down", "--wait")
    t.equal(site.daemon.cert("down")["status"], "active", "when it is up again it gets one")
