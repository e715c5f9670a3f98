#!/usr/bin/env python3
"""`autoconf && ./configure` writes config.mak, or says all that is missing and what it is called in Debian."""
import os
import shutil
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    tree = t.path("tree")
    os.makedirs(os.path.join(tree, "daemon"))
    for name in ("configure.ac", "config.mak.in", "Makefile", "daemon/main.c"):
        shutil.copy(os.path.join(TOP, name), os.path.join(tree, name))
    done = run_command(program("autoconf"), "-Wall", cwd=tree)
    t.equal((done.returncode, done.stderr), (0, b""), "autoconf has nothing to say")

    done = run_command("./configure", "--prefix=/opt/c", "--with-unitdir=/opt/units", "CFLAGS=-O1", cwd=tree)
    t.ok(done.returncode == 0, "configure finds everything", done.stderr.decode())

    def variable(name):
        show = f"--eval=show: ; @echo '$({name})'"
        return run_command("make", "-s", show, "show", cwd=tree).stdout.decode().strip()

    for name, value in (("sbindir", "/opt/c/sbin"), ("mandir", "/opt/c/share/man"), ("sysconfdir", "/etc"),
            ("datadir", "/opt/c/share/certera"), ("docdir", "/opt/c/share/doc/certera"),
            ("unitdir", "/opt/units"), ("CFLAGS", "-O1")):
        t.equal(variable(name), value, f"make knows {name}")

    done = run_command("./configure", cwd=tree, env={**os.environ, "PKG_CONFIG_LIBDIR": "/nonexistent",
        "MBEDTLS_LIBS": "-lnothing-of-the-kind"})
    said = done.stderr.decode()
    t.equal(done.returncode, 1, "without the libraries it fails")
    for what in ("lmdb", "jansson", "mbedTLS", "apt-get install libevent-dev", "libmbedtls-dev",
            "contrib/install-deps"):
        t.contains(said, what, f"and says {what}")


run(main)
