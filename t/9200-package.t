#!/usr/bin/env python3
"""Debian's package, made by `make deb` before: installed, upgraded, removed and purged, as root over this machine's own files.

What happens stays in an overlay that ends with the test.  t/package does the same with systemd on a machine of its own."""
import glob
import os
import re
import shutil
import stat
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

own_network()


# Not in the test's directory: what removes that must not get into a root directory.  The namespace hides it from others.
LAYER = "/media"
DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}


class Machine:
    """This machine's root directory, under a layer of its own: nothing below is written, nothing is bound into it."""

    def __init__(self):
        self.new, self.root = os.path.join(LAYER, "new"), os.path.join(LAYER, "root")
        mount("-t", "tmpfs", "tmpfs", LAYER)
        for name in ("new", "work", "root"):
            os.mkdir(os.path.join(LAYER, name))
        mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={self.new},workdir={LAYER}/work", self.root)
        for name in ("dev", "run"):
            mount("-t", "tmpfs", "tmpfs", self.path(name))
        mount("-t", "proc", "proc", self.path("proc"))
        for name, minor in DEVICES.items():
            os.mknod(self.path("dev", name), 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            os.chmod(self.path("dev", name), 0o666)
        os.symlink("/proc/self/fd", self.path("dev", "fd"))
        # Of an installation that this machine has, none is seen here.
        for path in ("etc/certera", "var/lib/certera"):
            shutil.rmtree(self.path(path), ignore_errors=True)
        # deb-systemd-invoke talks to this one instead of systemd.
        os.makedirs(self.path("run", "systemd", "system"))
        self.write("usr/bin/systemctl", '#!/bin/sh\necho "$*" >> /run/systemctl\n', 0o755)
        self.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n", 0o755)

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, name, text, mode=0o644):
        if os.path.lexists(self.path(name)):
            os.unlink(self.path(name))
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def run(self, *argv):
        return run_command("chroot", self.root, *argv, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})

    def dpkg(self, *argv):
        """What dpkg did: its exit code, and what systemd was asked for."""
        self.write("run/systemctl", "")
        done = self.run("dpkg", "--force-unsafe-io", "--no-triggers", *argv)
        return done.returncode, [line for line in self.read("run/systemctl").splitlines() if "daemon-reload" not in line], done

    def ours(self):
        """Paths with our name in them that are new on this machine."""
        found = []
        for folder, folders, files in os.walk(self.new):
            paths = [os.path.relpath(os.path.join(folder, name), self.new) for name in folders + files if "certera" in name]
            found += [path for path in paths if os.path.exists(self.path(path))]
        return sorted(found)


def mount(*argv):
    done = run_command("mount", *argv)
    if done.returncode:
        raise Skip(f"mount {' '.join(argv)}: {done.stderr.decode().strip()}")


class Installed(Process):
    """The daemon of the package, with all its defaults: ports 80 and 443, and users of their own for its processes."""

    def __init__(self, t, machine, name):
        self.machine = machine
        super().__init__(t, name, ["chroot", machine.root, "/usr/sbin/certerad"], {})
        self.start()
        self.wait_until("it is ready", lambda: self.ctl("status").returncode == 0, 30)

    def ctl(self, *argv):
        return self.machine.run("certeractl", "--json", *argv)


def higher(t, machine, package):
    """The same package with a version that is one higher."""
    folder = t.path("higher")
    run_command("dpkg-deb", "-R", package, folder)
    with open(os.path.join(folder, "DEBIAN", "control"), "r+") as f:
        control = re.sub(r"(?m)^(Version: .*)$", r"\1+1", f.read())
        f.seek(0)
        f.write(control)
    with open(os.path.join(folder, "etc/certera/certera.yaml.example"), "a") as f:
        f.write("# a setting of the new version\n")
    run_command("dpkg-deb", "-b", folder, machine.path("higher.deb"))
    return "/higher.deb"


def main(t):
    package = next(iter(glob.glob(os.path.join(BUILD, "deb", "certera_*.deb"))), None)
    if not package:
        raise Skip("make deb has made no package here")
    machine = Machine()
    run_command("cp", package, machine.path("certera.deb"))

    code, asked, done = machine.dpkg("-i", "/certera.deb")
    t.ok(code == 0, "the package is installed", done.stderr.decode())
    t.equal(asked, [], "and nothing is started before it is configured")
    t.equal(machine.read("etc/certera/certera.yaml"), machine.read("etc/certera/certera.yaml.example"), "there is a configuration to edit")
    t.equal(machine.run("id", "-un", "certera").stdout, b"certera\n", "there is the user certera")
    t.equal(machine.run("certerad", "-t").returncode, 0, "certerad -t finds nothing wrong")
    t.equal(machine.run("dpkg", "-V", "certera").stdout, b"", "dpkg -V neither")

    edited = machine.read("etc/certera/certera.yaml").replace("#hostname: ", "hostname: certera.example #")
    machine.write("etc/certera/certera.yaml", edited)
    daemon = Installed(t, machine, "installed")
    t.equal(daemon.ctl("plan", "add", "basic", "--certificates", "3").returncode, 0, "it runs with its defaults, and stores")
    for part, user in (("store/data.mdb", "certera-core"), ("keeper/master.key", "certera-keeper"), ("tmp", "certera")):
        t.equal(os.stat(machine.path("var/lib/certera/" + part)).st_uid, int(machine.run("id", "-u", user).stdout), f"{part} is {user}'s")

    code, asked, done = machine.dpkg("-i", higher(t, machine, package))
    t.ok(code == 0, "it can be upgraded, without a question", done.stderr.decode())
    t.matches("\n".join(asked), r"^(--\w+ )?try-restart certera\.service$", "which restarts it if it runs, and leaves its sockets alone")
    t.equal(daemon.stop(), 0, "the old one ends")
    daemon = Installed(t, machine, "upgraded")
    t.contains(daemon.ctl("plan", "show", "basic").stdout.decode(), "basic", "the state is kept")
    t.equal(machine.read("etc/certera/certera.yaml"), edited, "so is the edited configuration")
    t.contains(machine.read("etc/certera/certera.yaml.example"), "a setting of the new version", "the example is the new one")
    daemon.stop()

    code, asked, done = machine.dpkg("-r", "certera")
    t.equal(code, 0, "it can be removed")
    t.matches(" ".join(asked), r"stop certera\.socket certera-https\.socket certera\.service", "it is stopped first")
    left = machine.ours()
    t.ok("etc/certera" in left and "var/lib/certera" in left and "usr/sbin/certerad" not in left, "configuration and state stay", left)
    t.equal(machine.dpkg("-P", "certera")[0], 0, "and purged")
    t.equal([p for p in machine.ours() if p != "certera.deb"], [], "then nothing is left")
    for user in ("certera", "certera-core", "certera-keeper", "certera-front"):
        t.equal(machine.run("id", user).returncode, 1, f"not even the user {user}")


run(main)
