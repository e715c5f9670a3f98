"""Other ACME clients, as people have them: each makes a tree of its own at a Pebble that believes every name."""
import os
from concurrent.futures import ThreadPoolExecutor

from .peers import program
from .pki import openssl
from .process import PATIENCE, Process, free_port, run_command


class Client:
    """A tree in the test's directory; issue() adds a certificate to it, as a person does."""

    def __init__(self, t, ca, mail="ops@example.org", name=None):
        self.t, self.ca, self.mail = t, ca, mail
        self.dir = t.path(name or type(self).__name__.lower())
        os.makedirs(self.dir, exist_ok=True)

    def run(self, *argv, **env):
        done = run_command(*argv, timeout=120 * PATIENCE, cwd=self.dir, env={**os.environ, "HOME": self.dir, **env})
        if done.returncode:
            raise RuntimeError(f"{argv}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode()

    def script(self, name, text="#!/bin/sh\nexit 0\n"):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path


class Certbot(Client):
    def issue(self, name, names, *options):
        return self.run(program("certbot"), "certonly", "--non-interactive", "--config-dir", self.dir, "--work-dir", self.dir + "/work",
            "--logs-dir", self.dir + "/logs", "--server", self.ca.directory, "--agree-tos", "-m", self.mail, "--cert-name", name,
            *[o for n in names for o in ("-d", n)], *(options or ("--standalone", "--http-01-port", str(free_port()))),
            REQUESTS_CA_BUNDLE=self.ca.ca_file)


class Lego(Client):
    def issue(self, name, names, *options):
        return self.run(program("lego"), "--server", self.ca.directory, "--accept-tos", "--email", self.mail, "--path", self.dir,
            *[o for n in names for o in ("--domains", n)], *(options or ("--http", "--http.port", f"127.0.0.1:{free_port()}")), "run",
            LEGO_CA_CERTIFICATES=self.ca.ca_file)


class Dehydrated(Client):
    def configure(self, **settings):
        os.makedirs(self.dir + "/wellknown", exist_ok=True)
        settings = {"CA": self.ca.directory, "BASEDIR": self.dir, "WELLKNOWN": self.dir + "/wellknown", "CONTACT_EMAIL": self.mail,
            "CURL_OPTS": "--cacert " + self.ca.ca_file, **settings}
        with open(self.dir + "/config", "w") as f:
            f.write("".join(f'{k}="{v}"\n' for k, v in settings.items()))

    def issue(self, lines):
        """lines: of domains.txt."""
        with open(self.dir + "/domains.txt", "w") as f:
            f.write("".join(line + "\n" for line in lines))
        self.run(program("dehydrated"), "--config", self.dir + "/config", "--register", "--accept-terms")
        return self.run(program("dehydrated"), "--config", self.dir + "/config", "--cron")


class CaddyServer(Client):
    """Caddy that has certificates of these names, then ends."""

    def issue(self, names):
        own = free_port()
        file = self.script("Caddyfile", f"""{{
            admin off
            email {self.mail}
            acme_ca {self.ca.directory}
            acme_ca_root {self.ca.ca_file}
            storage file_system {self.dir}/data
            http_port {own}
            https_port {free_port()}
        }}
        {", ".join(names)} {{
            respond "ok"
        }}""")
        server = Process(self.t, "caddy-client", [program("caddy"), "run", "--config", file, "--adapter", "caddyfile"],
            {"HOME": self.dir, "XDG_DATA_HOME": self.dir, "XDG_CONFIG_HOME": self.dir})
        server.start()
        def have():
            return sum(f.endswith(".crt") for _, _, files in os.walk(self.dir + "/data/certificates") for f in files) >= len(names)
        server.wait_until("it has its certificates", have, 60)
        server.end()


def many(t, count, domain="many.example"):
    """So many certificates with keys, made by openssl: (name, key, chain)."""
    def make(n):
        name = f"c{n:03}.{domain}"
        key, cert = t.path(name + ".key"), t.path(name + ".crt")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "60",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},DNS:www.{name}", "-addext", "basicConstraints=critical,CA:FALSE")
        with open(key) as k, open(cert) as c:
            return name, k.read(), c.read()
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(make, range(count)))
