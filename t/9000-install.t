#!/usr/bin/env python3
"""`make install` puts everything in its place, leaves a configuration that is there alone; `make uninstall` undoes it."""
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

PLACES = {
    "usr/sbin/certerad": 0o755,
    "usr/bin/certeractl": 0o755,
    **{f"usr/libexec/certera/certerad-{role}": 0o755 for role in ("front", "keeper", "runner", "starter")},
    "etc/certera/certera.yaml": 0o644,
    "etc/certera/certera.yaml.example": 0o644,
    "usr/share/man/man1/certeractl.1": 0o644,
    "usr/share/man/man5/certera.yaml.5": 0o644,
    "usr/share/man/man7/certera-api.7": 0o644,
    "usr/share/man/man7/certera-hooks.7": 0o644,
    "usr/share/man/man7/certera-migrate.7": 0o644,
    "usr/share/man/man8/certerad.8": 0o644,
    "lib/systemd/system/certera.service": 0o644,
    "lib/systemd/system/certera.socket": 0o644,
    "lib/systemd/system/certera-https.socket": 0o644,
    "usr/lib/sysusers.d/certera.conf": 0o644,
    "usr/share/certera/ansible/certera.yaml": 0o644,
    "usr/share/bash-completion/completions/certeractl": 0o644,
    "usr/share/zsh/vendor-completions/_certeractl": 0o644,
    "usr/share/fish/vendor_completions.d/certeractl.fish": 0o644,
    **{f"usr/share/doc/certera/handbook/{f}": 0o644 for f in os.listdir(os.path.join(TOP, "doc", "handbook"))},
    "usr/share/certera/deploy/certera-fetch": 0o755,
    "usr/share/certera/grafana/certera.json": 0o644,
    "usr/share/certera/prometheus/certera.rules.yaml": 0o644,
    "usr/share/certera/deploy/certera-fetch.ps1": 0o644,
    "usr/share/certera/redirect/README": 0o644,
    "usr/share/certera/redirect/nginx.conf": 0o644,
    "usr/share/certera/redirect/apache.conf": 0o644,
    "usr/share/certera/redirect/apache.htaccess": 0o644,
    "usr/share/certera/redirect/lighttpd.conf": 0o644,
    "usr/share/certera/redirect/traefik.yaml": 0o644,
    "usr/share/certera/redirect/haproxy.cfg": 0o644,
    "usr/share/certera/redirect/Caddyfile": 0o644,
    "usr/share/certera/redirect/iis-web.config": 0o644,
    "usr/share/certera/hooks/acme-dns": 0o755,
    "usr/share/certera/hooks/acme.sh": 0o755,
    "usr/share/certera/hooks/backup-rclone": 0o755,
    "usr/share/certera/hooks/backup-rsync": 0o755,
    "usr/share/certera/hooks/certbot": 0o755,
    "usr/share/certera/hooks/dehydrated": 0o755,
    "usr/share/certera/hooks/deploy-ssh": 0o755,
    "usr/share/certera/hooks/lego-exec": 0o755,
    "usr/share/certera/hooks/nsupdate": 0o755,
    "usr/share/doc/certera/README.md": 0o644,
    "usr/share/doc/certera/LICENSE": 0o644,
    "usr/share/doc/certera/CHANGELOG": 0o644,
    "usr/share/doc/certera/certera.spdx.json": 0o644,
}


def install(root, goal="install", **variables):
    """Under a careful umask, as root may have.  Nothing is built: that was done before the tests."""
    variables = {"sysconfdir": "/etc", "unitdir": "/lib/systemd/system", **variables}
    return run_command("make", "-s", "-C", TOP, goal, "-o", "all", f"DESTDIR={root}",
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


def versions():
    """What certerad -V says: its own version, and each library's."""
    lines = run_command(os.path.join(BUILD, "certerad"), "-V").stdout.decode().splitlines()
    return dict(line.split()[:2] for line in lines)


def the_version_everywhere(t):
    said = versions()
    t.contains(read(TOP, "CHANGELOG"), f"\n{said['certerad']} (", "CHANGELOG begins with the version of certerad -V")
    t.matches(read(TOP, "debian", "changelog"), rf"^certera \({re.escape(said['certerad'].replace('-', '~'))}\) ", "and debian/changelog")
    linked = run_command("ldd", os.path.join(BUILD, "certerad")).stdout.decode()
    unnamed = [lib for lib in re.findall(r"lib(event|curl|lmdb|jansson|yaml|idn2|seccomp|crypt|cares|psl|oath|qrencode|esmtp)\b", linked)
        if not any(lib.replace("cares", "c-ares") in name.lower() for name in said)]
    t.equal(unnamed, [], "certerad -V names the libraries it is linked with")


def the_bill_of_materials(t, root):
    with open(os.path.join(root, "usr/share/doc/certera/certera.spdx.json")) as f:
        bill = json.load(f)
    packages = {p["name"]: p["versionInfo"] for p in bill["packages"]}
    t.equal((bill["spdxVersion"], packages), ("SPDX-2.3", versions()), "the bill of materials has every library with its version")
    t.equal({r["relatedSpdxElement"] for r in bill["relationships"]}, {p["SPDXID"] for p in bill["packages"]}, "and says what they are to it")


def main(t):
    the_version_everywhere(t)
    root = t.path("root")
    done = install(root, prefix="/usr")
    t.ok(done.returncode == 0, "make install works", done.stderr.decode())
    t.equal(files_in(root), PLACES, "every file is in its place with its mode")
    t.equal(closed_folders_in(root), [], "and everybody can read them")
    fine = t.write("fine.yaml", read(root, "etc/certera/certera.yaml").replace("    #user: certera", '    user: ""'))
    t.equal(run_command(f"{root}/usr/sbin/certerad", "-t", "-f", fine).returncode, 0, "the configuration installed is fine")

    the_bill_of_materials(t, root)

    ours = t.write("root/etc/certera/certera.yaml", "log: {level: warn}\n")
    install(root, prefix="/usr")
    t.equal(read(ours), "log: {level: warn}\n", "a configuration that is there stays")
    gone = t.path("gone")
    install(gone, prefix="/usr")
    install(gone, "uninstall", prefix="/usr")
    t.equal(list(files_in(gone)), ["etc/certera/certera.yaml"], "make uninstall takes all away but the configuration")

    other = t.path("other")
    install(other, prefix="/opt/certera", sysconfdir="/opt/certera/etc", unitdir="/opt/certera/units")
    unit = read(other, "opt/certera/units/certera.service")
    t.matches(unit, r"(?m)^ExecStart=/opt/certera/sbin/certerad$",
        "with another prefix, the unit starts the program there")
    t.contains(read(other, "opt/certera/share/man/man8/certerad.8"), "/opt/certera/etc/certera/certera.yaml",
        "and the manual names the configuration there")
    named = [f for f in files_in(other) if re.search(r"/man\d/|/handbook/", f) and re.search(r"(?<!/opt/certera)(/usr|)/(share/certera|share/doc/certera|etc/certera)\b", read(other, f))]
    t.equal(named, [], "no manual and no page of the handbook names a place where nothing was installed")
    t.ok(not [f for f in files_in(other) if not f.startswith("opt/certera/")], "and nothing is elsewhere")

    unit = read(root, "lib/systemd/system/certera.service")
    reload = re.findall(r"(?m)^ExecReload=(.*)$", unit)
    t.ok(len(reload) == 2 and reload[0].endswith("certerad -t") and "kill -HUP" in reload[1] and "/bin/kill" not in unit,
         "a reload checks the configuration first, and needs no package for kill", reload)
    t.matches(unit, r"(?m)^RestartPreventExitStatus=2 3 9$", "what starting again does not mend is not started again")

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
