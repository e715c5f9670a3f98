"""A real name server (BIND) with dynamic updates, perhaps a second one that lags, and hooks."""
import os
import re
import shutil
import socket

from .peers import program
from .process import TOP, Process, free_port, run_command

KEY = "certera"
SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9uZw=="


class Bind(Process):
    """named, authoritative for zones, in which the TSIG key in .key_file may update TXT records.

    zones: {"shop.example": ["a A 127.0.0.1", ...]}; every zone has the name servers ns1 (127.0.0.1) and, with
    secondary=True, ns2 (::1), where a second Bind(primary=...) serves copies; it looks for changes when told
    by .notify().
    It also is the resolver of all that: a CA and we ask it, at .address.
    """

    def __init__(self, t, zones, primary=None, secondary=False, name="named"):
        self.host = "::1" if primary else "127.0.0.1"
        self.port = primary.port if primary else free_port()
        self.address = f"[::1]:{self.port}" if primary else f"127.0.0.1:{self.port}"
        self.dir = t.path(name)
        os.makedirs(self.dir, exist_ok=True)
        self.zones, self.primary = dict(zones), primary
        self.key_file = os.path.join(self.dir, "tsig.key")
        self.key = f"hmac-sha256:{KEY}:{SECRET}"
        self._write("tsig.key", f'key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n', 0o644)
        for zone, records in self.zones.items():
            if not primary:
                self._write(zone, self._zone(zone, records, secondary))
        self._write("named.conf", self._conf())
        super().__init__(t, name, [program("named"), "-g", "-c", os.path.join(self.dir, "named.conf"), "-n", "1"])
        self.start()
        self.wait_for_log("running")
        self.wait_until("it answers", lambda: self._answers())

    def _answers(self):
        return run_command(program("dig"), f"@{self.host}", "-p", self.port, "+time=1", "+tries=1", ".", "SOA").returncode == 0

    def _write(self, name, text, mode=0o600):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)
        os.chmod(f.name, mode)

    def _zone(self, zone, records, secondary):
        servers = ["@ NS ns1", "ns1 A 127.0.0.1"] + (["@ NS ns2", "ns2 AAAA ::1"] if secondary else [])
        return "\n".join([f"$ORIGIN {zone}.", "$TTL 1",
            "@ SOA ns1 admin 1 3600 3600 86400 1", *servers, *records, ""])

    def _conf(self):
        zones = []
        for zone in self.zones:
            kind = (f"type secondary; primaries port {self.primary.port} {{ {self.primary.host}; }};" if self.primary else
                f'type primary; update-policy {{ grant {KEY} zonesub ANY; }}; notify no; allow-transfer {{ any; }};')
            zones.append(f'zone "{zone}" {{ {kind} file "{self.dir}/{zone}"; }};')
        return "\n".join([f'include "{self.key_file}";', "options {",
            f'  directory "{self.dir}"; pid-file none; session-keyfile none; managed-keys-directory "{self.dir}";',
            f"  listen-on port {self.port} {{ {'none' if self.primary else '127.0.0.1'}; }};",
            f"  listen-on-v6 port {self.port} {{ {'::1' if self.primary else 'none'}; }}; allow-notify {{ ::1; }};",
            # It follows CNAMEs between its zones; of all others it knows nothing, and asks nobody.
            "  recursion yes; forward only; forwarders { 127.0.0.1 port 1; }; allow-recursion { any; };",
            "  allow-query { any; }; dnssec-validation no; minimal-responses yes; notify no;", "};",
            "controls { };", *zones, ""])

    def txt(self, name, host=None):
        """The TXT values there are, sorted."""
        done = run_command(program("dig"), f"@{host or self.host}", "-p", self.port, "+short", "+norecurse", name, "TXT")
        return sorted(re.findall(r'^"([^"]*)"$', done.stdout.decode(), re.M))

    def all_txt(self, zone):
        """Every TXT record of a zone, as (name, value)."""
        done = run_command(program("dig"), f"@{self.host}", "-p", self.port, zone, "AXFR")
        return sorted(re.findall(r'^(\S+)\.\s+\d+\s+IN\s+TXT\s+"([^"]*)"$', done.stdout.decode(), re.M))

    def notify(self, zone):
        """Tells it, a secondary, that the zone has changed (RFC 1996), as its primary does in no test by itself."""
        question = b"".join(bytes([len(part)]) + part.encode() for part in zone.split(".")) + b"\0\0\x06\0\x01"
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.sendto(b"\x12\x34\x24\0\0\x01\0\0\0\0\0\0" + question, (self.host, self.port))

    def update(self, *lines):
        """By nsupdate, as an administrator would."""
        done = run_command(program("nsupdate"), "-k", self.key_file,
            input="\n".join([f"server {self.host} {self.port}", *lines, "send", ""]).encode())
        if done.returncode:
            raise RuntimeError(done.stderr.decode())

    def environment(self):
        """What contrib/hooks/nsupdate must be told."""
        return [f"NSUPDATE_KEY={self.key_file}", f"NSUPDATE_SERVER={self.host}", f"NSUPDATE_PORT={self.port}",
            "NSUPDATE_TTL=1"]


class Hooks:
    """A directory of hooks for certerad; settings() are what its configuration must say."""

    def __init__(self, t, name="hooks"):
        self.t, self.dir = t, t.path(name)
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)

    def add(self, name, text=None):
        """A script of contrib/hooks, or one with this text (a shebang is put before)."""
        path = os.path.join(self.dir, name)
        if text is None:
            shutil.copyfile(os.path.join(TOP, "contrib", "hooks", name), path)
        else:
            with open(path, "w") as f:
                f.write(text if text.startswith("#!") else "#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path

    def settings(self, script, **more):
        return {"directory": self.dir, "set": script, **more}


def dns_site(t, bind, hooks, script="nsupdate", dns=None, environment=None, pebble=None, record=False, settings=None, **hook_settings):
    """A Site whose CA and certerad know the world through that Bind; its hooks update it."""
    from .daemon import Site
    return Site(t, pebble={"names": bind, **(pebble or {})}, record=record,
        hooks=hooks.settings(script, environment=bind.environment() + (environment or []), **hook_settings),
        dns={"resolvers": bind.address, "port": bind.port, "timeout": "20s", **(dns or {})}, **(settings or {}))
