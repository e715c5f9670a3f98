#!/usr/bin/env python3
"""Each process is a program of its own: it links what it needs and no more, it is of the daemon's version, and nobody else starts it."""
import os
import re
import shutil
import socket
import subprocess
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# Program: what it may link beside the C library and the sanitizers'.
LINKS = {
    "certerad-front": "mbedtls mbedx509 mbedcrypto event-2.1 jansson seccomp idn2 z",
    "certerad-keeper": "mbedtls mbedx509 mbedcrypto jansson seccomp idn2 crypt oath",
    "certerad-runner": "event-2.1 jansson seccomp",
    "certerad-starter": "jansson seccomp",
}
ALWAYS = "c m pthread asan ubsan gcc_s dl rt".split()


def linked(program):
    said = run_command("readelf", "-d", os.path.join(BUILD, program)).stdout.decode()
    return set(re.findall(r"\(NEEDED\).*\[(?:lib)?(.*?)\.so", said)) - {*ALWAYS, "ld-linux-x86-64"}


def started(program, version, channel):
    """What it says, and its exit code, when somebody starts it."""
    command = ["/bin/sh", "-c", f'exec "$0" "$1" 3<&{channel.fileno()}' if channel else 'exec "$0" "$1"', os.path.join(BUILD, program), version]
    done = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[channel.fileno()] if channel else [], timeout=20, check=False)
    return done.stderr.decode(), done.returncode


def main(t):
    for program, may in LINKS.items():
        t.equal(sorted(linked(program) - set(may.split())), [], f"{program} links nothing that it does not need")
        said, code = started(program, "1", None)
        t.equal((f"{program} is started by certerad itself" in said, code), (True, 2), f"{program} by hand: it says who starts it")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said, code = started(program, "0.9", theirs)
        ours.close()
        t.equal(("was started by a certerad of version 0.9: install one of them whole" in said, code), (True, 2),
            f"{program} for a certerad of a different version: it says so")

    programs = t.path("programs")
    os.mkdir(programs)
    for program in ("certerad", *LINKS):
        shutil.copy(os.path.join(BUILD, program), programs)
    daemon = Certerad(t, programs=programs)
    for program in LINKS:
        os.rename(t.write(program, "of the next version"), os.path.join(programs, program))
    before = daemon.fronts()[0]
    os.kill(before, 9)
    until("there is a new front", lambda: [pid for pid in daemon.fronts() if pid != before])
    t.equal(daemon.http("/.well-known/acme-challenge/nothing").status, 404, "programs that were replaced meanwhile: the processes are those of the version that runs")
    t.equal(daemon.stop(), 0, "and it ends")
    os.remove(os.path.join(programs, "certerad-keeper"))
    daemon.start()
    until("it does not start without all of them", lambda: daemon.popen.poll() is not None)
    t.contains(daemon.log().decode(), "the program of the keeper's process", "and says what is missing")


run(main)
