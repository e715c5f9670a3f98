"""Web servers that do not redirect the challenge yet, and a daemon that looks before it orders."""
from .daemon import Certerad
from .peers import Names, Nginx, Pebble
from .process import free_port

RULE = "location ^~ /.well-known/acme-challenge/"


class BrokenServers:
    """NAME.example for each of the names, at an address of its own; repair(NAME) puts the rule in its place."""

    def __init__(self, t, *names, **settings):
        self.names, self.port = Names(t), free_port()
        self.daemon = Certerad(t, name="certerad-broken", **settings,
            preflight={"enabled": True, "port": self.port, "resolvers": f"127.0.0.1:{self.names.port}", "timeout": "3s"})
        self.here = f"http://127.0.0.1:{self.daemon.http_port}"
        self.server = {}
        self.pebble = Pebble(t, self.port, names=self.names, name="pebble-broken")
        self.daemon.add_account(self.pebble)
        for n, name in enumerate(names, 2):
            self.names.tell("add-a", host=f"{name}.example.", addresses=[f"127.0.0.{n}"])
            self.server[name] = Nginx(t, server="location / { return 404; }", name=name, port=self.port, address=f"127.0.0.{n}")

    def order(self, name):
        """It fails: that is what the page is looked at for."""
        self.daemon.run_ctl("cert", "add", name, "--names", f"{name}.example", "--account", "ca", "--wait")

    def repair(self, name):
        server = self.server[name]
        server.configure(f"{RULE} {{ return 302 {self.here}$request_uri; }}")
        server.stop()
        server.start()
        server.wait_for_port(server.port, server.address)
