"""The real parts around us: a CA (Pebble), its name server, and web servers that redirect (nginx)."""
import json
import os
import re
import shutil
import time

from .pki import CA
from .process import TOP, Process, free_port, until
from .tap import Skip
from .web import fetch

SILENT = 5  # seconds

PEERS = os.environ.get("CERTERA_PEERS", os.path.join(TOP, "build", "peers"))


def program(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise Skip(f"{name} is not installed; contrib/install-deps test installs it")
    return path


def pebble_new():
    """Pebble 2.10 (profiles, Retry-After), unpacked by t/setup-peers."""
    path = os.path.join(PEERS, "pebble", "usr", "bin", "pebble")
    if not os.path.exists(path):
        raise Skip("the newer Pebble is not there; t/setup-peers unpacks it")
    return path


def pebbles():
    """Both Pebbles, as (word for sentences, binary): what runs against one should run against the other."""
    yield "Pebble", None
    try:
        yield "newer Pebble", pebble_new()
    except Skip:
        pass


class Names(Process):
    """A name server that finds every name at 127.0.0.1 (pebble-challtestsrv)."""

    def __init__(self, t, port=None):
        self.port, self.management = port or free_port(), free_port()
        super().__init__(t, "names", [program("pebble-challtestsrv"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
            "-dns01", f"127.0.0.1:{self.port}", "-management", f"127.0.0.1:{self.management}",
            "-http01", "", "-https01", "", "-tlsalpn01", ""])
        self.start()
        self.wait_for_port(self.management)

    def tell(self, what, **values):
        """tell("set-servfail", host="a.example"): see pebble-challtestsrv's documentation."""
        return fetch(f"http://127.0.0.1:{self.management}/{what}", body=json.dumps(values)).status


class Nginx(Process):
    """A web server.  By default it does but one thing: send http-01 challenges to us."""

    def __init__(self, t, target="", server=None, name="nginx", port=None, address="127.0.0.1",
            listen_options=""):
        """target: where challenges go, "http://127.0.0.1:8080"; or the text of a server block."""
        self.address, self.port, self.dir = address, port or free_port(), t.path(name)
        os.makedirs(os.path.join(self.dir, "tmp"), exist_ok=True)
        super().__init__(t, name, [program("nginx"), "-p", self.dir, "-c", "nginx.conf", "-e", "stderr",
            "-g", "daemon off; master_process off;"])
        self.listen_options = listen_options
        self.configure(server or f"""
            location /.well-known/acme-challenge/ {{ return 302 {target}$request_uri; }}
            location / {{ return 404; }}""")
        self.start()
        self.wait_for_port(self.port, address)

    def configure(self, server):
        temporary = "".join(f"{kind}_temp_path tmp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(self.dir, "nginx.conf"), "w") as f:
            f.write(f"""pid nginx.pid;
                events {{ worker_connections 1024; }}
                http {{
                    log_format ours '$connection $remote_addr "$request" $status ';
                    access_log access.log ours; {temporary}
                    server {{ listen {self.address}:{self.port} {self.listen_options}; {server} }}
                }}""")

    def requests(self):
        """Its access log: connection number, address, "request line", status."""
        with open(os.path.join(self.dir, "access.log")) as f:
            return f.readlines()


class Apache(Process):
    """One virtual host with these lines."""

    MODULES = "mpm_event authz_core alias rewrite proxy proxy_http".split()

    def __init__(self, t, name, lines, port=None, address="127.0.0.1"):
        self.port = port or free_port()
        loaded = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in self.MODULES)
        file = t.write(f"{name}/apache.conf", f"""
ServerRoot {t.path(name)}
ServerName localhost
Listen {address}:{self.port}
PidFile {t.path(name, "pid")}
DefaultRuntimeDir {t.path(name)}
ErrorLog /dev/stderr
{loaded}
<VirtualHost *:{self.port}>
    {lines}
</VirtualHost>
""")
        super().__init__(t, name, [program("apache2"), "-X", "-f", file])
        self.start()
        self.wait_for_port(self.port, address)


class Locked(Exception):
    """A Pebble will answer no more; the text says why."""


class Pebble(Process):
    """An ACME CA that validates http-01 at `http_port` of whatever address a name has.

    nonce_reject and authz_reuse are percentages; sleep the most seconds before a validation;
    lifetime the certificates' seconds (newer Pebble only); eab the external account bindings it wants, {kid: MAC key}.
    """

    def __init__(self, t, http_port, names=None, name="pebble", port=None, binary=None,
            nonce_reject=0, authz_reuse=0, sleep=0, lifetime=None, eab=None, always_valid=False, env=None, **config):
        self.ca, self.names = CA(t, name + "-tls"), names or Names(t)
        self.port, self.management = port or free_port(), free_port()
        config.update({
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": self.ca.cert, "privateKey": self.ca.key, "httpPort": http_port, "tlsPort": free_port()})
        config.setdefault("ocspResponderURL", "")
        config.update(externalAccountBindingRequired=bool(eab), externalAccountMACKeys=eab or {})
        if lifetime:
            binary = binary or pebble_new()
            config["profiles"] = {"default": {"description": "short", "validityPeriod": lifetime}}
        if binary:
            config.setdefault("retryAfter", {"authz": 1, "order": 1})
        env = {"PEBBLE_WFE_NONCEREJECT": str(nonce_reject), "PEBBLE_AUTHZREUSE": str(authz_reuse), **(env or {})}
        if always_valid:
            env["PEBBLE_VA_ALWAYS_VALID"] = "1"
        if sleep:
            env["PEBBLE_VA_SLEEPTIME"] = str(sleep)
        else:
            env["PEBBLE_VA_NOSLEEP"] = "1"
        file = t.write(name + ".json", json.dumps({"pebble": config}))
        super().__init__(t, name, [binary or program("pebble"), "-strict", "-config", file,
            "-dnsserver", f"127.0.0.1:{self.names.port}"], env)
        self.begin()

    def begin(self):
        """Starts it, also again after stop(); what it knew is gone then."""
        self.start()
        self.wait_for_port(self.port)
        self.wait_for_port(self.management)

    @property
    def directory(self):
        return f"https://localhost:{self.port}/dir"

    @property
    def ca_file(self):
        return self.ca.file

    def root(self):
        return fetch(f"https://localhost:{self.management}/roots/0", ca_file=self.ca.file).text

    def roots(self, count):
        """The first `count` roots: PEBBLE_ALTERNATE_ROOTS makes more than one."""
        return [fetch(f"https://localhost:{self.management}/roots/{i}", ca_file=self.ca.file).text for i in range(count)]

    def status(self, serial):
        """What it knows of an issued certificate: {"Status": "Valid"}, or {"Status": "Revoked", "Reason": 1}; None: nothing."""
        reply = fetch(f"https://localhost:{self.management}/cert-status-by-serial/{serial}", ca_file=self.ca.file)
        return json.loads(reply.text) if reply.status == 200 else None

    def intermediate(self):
        return fetch(f"https://localhost:{self.management}/intermediates/0", ca_file=self.ca.file).text

    def nonce(self):
        return fetch(f"https://localhost:{self.port}/nonce-plz", method="HEAD", ca_file=self.ca.file).header("Replay-Nonce")

    def orders(self):
        """How many orders it ever made, by its own log."""
        return len(re.findall(rb'Added order "', self.log()))

    def issued(self):
        return len(re.findall(rb"Issued certificate serial", self.log()))

    def wait_for_issued(self, count, seconds):
        """Until it has issued so many; Locked when it never will."""
        was, moved = None, 0

        def done():
            nonlocal was, moved
            issued = self.issued()
            if issued != was:
                was, moved = issued, time.monotonic()
            why = time.monotonic() - moved > SILENT and self.trouble()
            if why:
                raise Locked(why)
            return issued >= count
        until(f"{count} are issued", done, seconds, every=0.05)

    def trouble(self):
        """Pebble (2.4 and 2.10) can lock itself for ever, with all requests that it has; more come in and get no answer.

        A new order walks through all authorizations, holds the lock of the store for reading, and waits for one that is
        being read (FindValidAuthorization).  Who reads that one has locked it, and wants to read the store as well (Authz,
        getAcctByKey).  Go lets no reader in while somebody waits to write, and somebody does: a certificate is added.
        It takes hundreds of orders, many at once; on a busy machine fewer.
        """
        if not self.running() or not self._answers(self.port, "dir") or self._answers(self.management, "cert-status-by-serial/1"):
            return ""
        return "Pebble has locked itself, and answers nobody any more: a fault of its own (Pebble.trouble() says which)"

    def _answers(self, port, path):
        """The directory is told without the store's lock, the status of a certificate with it."""
        try:
            return bool(fetch(f"https://localhost:{port}/{path}", ca_file=self.ca.file, timeout=SILENT))
        except OSError:
            return False


class Caddy(Process):
    """A second, different CA (smallstep's, in Caddy): 12 hours of life, issues at once, and goes on trying what failed.

    It looks for http-01 answers at port 80 and asks the system's resolver: see own_network().
    """

    def __init__(self, t, name="caddy"):
        self.port, self.dir, self.names = free_port(), t.path(name), Names(t, port=53)
        self.directory = f"https://localhost:{self.port}/acme/local/directory"
        self.ca_file = os.path.join(self.dir, "pki/authorities/local/root.crt")
        file = t.write(name + ".conf", f"""
            {{
                admin off
                auto_https disable_redirects
                skip_install_trust
                storage file_system {self.dir}
            }}
            https://localhost:{self.port} {{
                tls internal
                acme_server
            }}""")
        super().__init__(t, name, [program("caddy"), "run", "--config", file, "--adapter", "caddyfile"],
            {"HOME": self.dir, "XDG_DATA_HOME": self.dir, "XDG_CONFIG_HOME": self.dir})
        self.start()
        self.wait_for_port(self.port)
        self.wait_until("it answers", lambda: self._answers())

    def _answers(self):
        try:
            return fetch(self.directory, ca_file=self.ca_file).status == 200
        except OSError:
            return False

    def root(self):
        with open(self.ca_file) as f:
            return f.read()
