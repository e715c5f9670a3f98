#!/usr/bin/env python3
"""contrib/install-deps and t/setup-peers on a machine whose downloads fail: they say what failed, and end with an error."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    programs = t.path("programs")
    os.makedirs(programs)

    def script(name, text):
        path = os.path.join(programs, name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + text + "\n")
        os.chmod(path, 0o755)

    def run(*command, **more):
        return run_command(*command, env={**os.environ, "PATH": programs + ":" + os.environ["PATH"], **more})

    def fails(sentence, done, *words):
        said = done.stderr.decode()
        t.ok(done.returncode not in (0, 127) and all(word in said for word in words), sentence, (done.returncode, words, said))

    # What would change this machine does nothing here.
    for name in ("sudo", "tee", "chmod", "rm", "systemctl", "env"):
        script(name, 'case ${0##*/} in sudo) "$@" ;; env) while [ "${1#*=}" != "$1" ]; do shift; done; "$@" ;; tee) cat >/dev/null ;; esac')
    script("dpkg-query", "exit 1")
    script("apt-get", 'case "$*" in *update*) echo "E: no route to host" >&2; exit 100 ;; *--format*) echo http://mirror.example/debian ;; esac')
    script("apt-cache", "exit 1")
    install = os.path.join(TOP, "contrib", "install-deps")
    fails("install-deps: the lists", run(install, "run"), "no route to host", "install-deps: apt-get update failed")
    script("apt-get", 'case "$*" in *install*) echo "E: 404" >&2; exit 100 ;; *--format*) echo http://mirror.example/debian ;; esac')
    fails("install-deps: a package", run(install, "run"), "E: 404", "install-deps: apt-get could not install", "liblmdb0")
    os.remove(os.path.join(programs, "rm"))
    os.remove(os.path.join(programs, "env"))
    os.remove(os.path.join(programs, "chmod"))

    peers = os.path.join(TOP, "t", "setup-peers")
    places = {"CERTERA_BROWSER": t.path("browser"), "CERTERA_PEERS": t.path("peers")}
    script("npm", 'case $1 in ci) echo "npm error network ENOTFOUND" >&2; exit 1 ;; config) echo https://registry.example/ ;; esac')
    fails("setup-peers: npm", run(peers, "browser", **places), "ENOTFOUND", "npm ci in", "failed", "https://registry.example/")
    t.ok(not os.path.exists(os.path.join(places["CERTERA_BROWSER"], "done")), "the next call tries again")
    script("apt-get", 'case "$*" in *--format*) echo http://mirror.example/debian ;; *update*) exit 100 ;; esac')
    fails("setup-peers: the lists", run(peers, "pebble", **places), "pebble: the lists of Debian testing", "http://mirror.example/debian")
    script("apt-get", 'case "$*" in *--format*) echo http://mirror.example/debian ;; *download*) exit 100 ;; esac')
    fails("setup-peers: a package", run(peers, "mbedtls", **places), "mbedtls: libmbedtls-dev", "could not be fetched")


run(main)
