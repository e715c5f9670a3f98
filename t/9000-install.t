#!/usr/bin/env python3
"""`make install` puts everything in its place, and leaves a configuration that is there alone."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PLACES = {
    "usr/sbin/certerad": 0o755,
    "usr/bin/certeractl": 0o755,
    "etc/certera/certera.yaml": 0o644,
    "etc/certera/certera.yaml.example": 0o644,
    "usr/share/man/man1/certeractl.1": 0o644,
    "usr/share/man/man5/certera.yaml.5": 0o644,
    "usr/share/man/man8/certerad.8": 0o644,
    "lib/systemd/system/certera.service": 0o644,
    "lib/systemd/system/certera.socket": 0o644,
    "lib/systemd/system/certera-https.socket": 0o644,
    "usr/lib/sysusers.d/certera.conf": 0o644,
    "usr/share/certera/deploy/certera-fetch": 0o755,
    "usr/share/certera/redirect/README": 0o644,
    "usr/share/certera/redirect/nginx.conf": 0o644,
    "usr/share/certera/redirect/apache.conf": 0o644,
    "usr/share/certera/redirect/haproxy.cfg": 0o644,
    "usr/share/certera/redirect/Caddyfile": 0o644,
    "usr/share/certera/redirect/iis-web.config": 0o644,
    "usr/share/certera/hooks/acme-dns": 0o755,
    "usr/share/certera/hooks/acme.sh": 0o755,
    "usr/share/certera/hooks/certbot": 0o755,
    "usr/share/certera/hooks/dehydrated": 0o755,
    "usr/share/certera/hooks/deploy-ssh": 0o755,
    "usr/share/certera/hooks/lego-exec": 0o755,
    "usr/share/certera/hooks/nsupdate": 0o755,
    "usr/share/doc/certera/README.md": 0o644,
    "usr/share/doc/certera/LICENSE": 0o644,
}


def install(root, **variables):
    """Under a careful umask, as root may have.  Nothing is built: that was done before the tests."""
    variables = {"sysconfdir": "/etc", "unitdir": "/lib/systemd/system", **variables}
    return run_command("make", "-s", "-C", TOP, "install", "-o", "all", f"DESTDIR={root}",
        f"B={os.path.relpath(BUILD, TOP)}", *(f"{k}={v}" for k, v in variables.items()),
        preexec_fn=lambda: os.umask(0o077))


def files_in(root):
    found = {}
    for folder, _, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = os.stat(path).st_mode & 0o7777
    return found


def closed_folders_in(root):
    """Folders that not everybody may enter."""
    return [folder for folder, _, _ in os.walk(root) if folder != root and os.stat(folder).st_mode & 0o7777 != 0o755]


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def main(t):
    root = t.path("root")
    done = install(root, prefix="/usr")
    t.ok(done.returncode == 0, "make install works", done.stderr.decode())
    t.equal(files_in(root), PLACES, "every file is in its place with its mode")
    t.equal(closed_folders_in(root), [], "and everybody can read them")
    t.equal(run_command(f"{root}/usr/sbin/certerad", "-t", "-f", f"{root}/etc/certera/certera.yaml").returncode, 0,
        "the configuration installed is fine")

    ours = t.write("root/etc/certera/certera.yaml", "log: {level: warn}\n")
    install(root, prefix="/usr")
    t.equal(read(ours), "log: {level: warn}\n", "a configuration that is there stays")

    other = t.path("other")
    install(other, prefix="/opt/certera", sysconfdir="/opt/certera/etc", unitdir="/opt/certera/units")
    unit = read(other, "opt/certera/units/certera.service")
    t.matches(unit, r"(?m)^ExecStart=/opt/certera/sbin/certerad$",
        "with another prefix, the unit starts the program there")
    t.contains(read(other, "opt/certera/share/man/man8/certerad.8"), "/opt/certera/etc/certera/certera.yaml",
        "and the manual names the configuration there")
    t.ok(not [f for f in files_in(other) if not f.startswith("opt/certera/")], "and nothing is elsewhere")

    try:
        analyze = program("systemd-analyze")
    except Skip:
        t.skip("the units are right", "there is no systemd-analyze here")
        return
    units = [f"{root}/lib/systemd/system/{u}" for u in ("certera.service", "certera.socket", "certera-https.socket")]
    for path in units:	# the program is where it would be only under DESTDIR
        t.write(path, read(path).replace("/usr/sbin/certerad", f"{root}/usr/sbin/certerad"))
    done = run_command(analyze, "verify", "--man=no", *units)
    t.equal((done.returncode, re.findall(r"(?m)^.*certera.*$", done.stderr.decode())), (0, []), "the units are right")


run(main)
