"""A real name server (BIND) with dynamic updates, perhaps a second one that lags, and hooks."""
import os
import re
import shutil
import stat

from .peers import program
from .process import TOP, Process, free_port, run_command

KEY = "certera"
SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9uZw=="


class Bind(Process):
    """named on 127.0.0.x, authoritative for zones, in which the TSIG key in .key_file may update TXT records.

    zones: {"shop.example": ["a A 127.0.0.1", ...]}; every zone has the name servers ns1 (127.0.0.1) and, with
    secondary=True, ns2 (127.0.0.2), where a second Bind(primary=...) serves copies `refresh` seconds late.
    It also is the resolver of all that: a CA and we ask it, at .address.
    """

    def __init__(self, t, zones, primary=None, secondary=False, refresh=3600, name="named"):
        self.host = "127.0.0.2" if primary else "127.0.0.1"
        self.port = primary.port if primary else free_port()
        self.address = f"{self.host}:{self.port}"
        self.dir = t.path(name)
        os.makedirs(self.dir, exist_ok=True)
        self.zones, self.refresh, self.primary = dict(zones), refresh, primary
        self.key_file = os.path.join(self.dir, "tsig.key")
        self._write("tsig.key", f'key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n', 0o644)
        for zone, records in self.zones.items():
            if not primary:
                self._write(zone, self._zone(zone, records, secondary))
        self._write("named.conf", self._conf())
        super().__init__(t, name, [program("named"), "-g", "-c", os.path.join(self.dir, "named.conf"), "-n", "1"])
        self.start()
        self.wait_for_log("running")
        self.wait_for_port(self.port, self.host)

    def _write(self, name, text, mode=0o600):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)
        os.chmod(f.name, mode)

    def _zone(self, zone, records, secondary):
        servers = ["@ NS ns1", "ns1 A 127.0.0.1"] + (["@ NS ns2", "ns2 A 127.0.0.2"] if secondary else [])
        return "\n".join([f"$ORIGIN {zone}.", "$TTL 1",
            f"@ SOA ns1 admin 1 {self.refresh} 1 86400 1", *servers, *records, ""])

    def _conf(self):
        zones = []
        for zone in self.zones:
            kind = (f"type secondary; primaries port {self.primary.port} {{ {self.primary.host}; }}; "
                f"min-refresh-time {self.refresh}; max-refresh-time {self.refresh};" if self.primary else
                f'type primary; update-policy {{ grant {KEY} zonesub ANY; }}; notify no; allow-transfer {{ any; }};')
            zones.append(f'zone "{zone}" {{ {kind} file "{self.dir}/{zone}"; }};')
        return "\n".join([f'include "{self.key_file}";', "options {",
            f'  directory "{self.dir}"; pid-file none; session-keyfile none; managed-keys-directory "{self.dir}";',
            f"  listen-on port {self.port} {{ {self.host}; }}; listen-on-v6 {{ none; }}; transfer-source {self.host};",
            "  recursion no; allow-query { any; }; dnssec-validation no; minimal-responses no; notify no;",
            f'}};', "controls { };", *zones, ""])

    def txt(self, name, host=None):
        """The TXT values there are, sorted."""
        done = run_command(program("dig"), f"@{host or self.host}", "-p", self.port, "+short", "+norecurse", name, "TXT")
        return sorted(re.findall(r'^"([^"]*)"$', done.stdout.decode(), re.M))

    def all_txt(self, zone):
        """Every TXT record of a zone, as (name, value)."""
        done = run_command(program("dig"), f"@{self.host}", "-p", self.port, zone, "AXFR")
        return sorted(re.findall(r'^(\S+)\.\s+\d+\s+IN\s+TXT\s+"([^"]*)"$', done.stdout.decode(), re.M))

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
