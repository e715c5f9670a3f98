#!/usr/bin/env python3
"""What the filters deny while all is well: nothing but what the C library asks for first and does without."""
import os
import re
import shutil
import signal
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

# glibc asks for these first: it starts threads in the older way, and the time of day is UTC in the log.
DONE_WITHOUT = (r"clone3\(", r"rt_sigaction\(SIGRT_1,", r'openat\(AT_FDCWD, "/etc/localtime"')


def main(t):
    if not shutil.which("strace"):
        raise Skip("there is no strace")
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        if b"__asan_init" in f.read():
            raise Skip("sanitizers do not look for leaks under strace")
    hooks = t.path("hooks")
    os.mkdir(hooks)
    t.write("hooks/deploy", "#!/bin/sh\necho deployed >$TMPDIR/deployed\n")
    os.chmod(hooks + "/deploy", 0o755)
    trace = t.path("trace")
    site = Site(t, wrap=["strace", "-f", "-qq", "-Z", "-e", "signal=none", "-o", trace], hooks={"directory": hooks, "deploy": "deploy"})
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example www.shop.example")
    t.equal(daemon.download("key", "shop", made["key_api_keys"][0]).status, 200, "its key is fetched")
    until("its script has run", lambda: os.path.exists(daemon.state + "/tmp/deployed"))
    t.equal(daemon.run_ctl("backup", t.path("backup")).returncode, 0, "there is a backup")
    add_user(daemon, "alice")
    person = Person(daemon)
    t.equal(person.sign_in("alice")[0], 200, "alice signs in")
    t.equal(daemon.https("/").status, 303, "a page is answered")
    daemon.ctl("site", "add", f"localhost:{daemon.https_port}")
    os.kill(daemon.fronts()[0], signal.SIGKILL)
    until("a new front answers", lambda: daemon.https("/").status == 303)
    core = next(pid for pid, name in daemon.children().items() if name == "certerad")
    daemon.told()
    os.kill(core, signal.SIGHUP)
    daemon.wait_until("it has reloaded", lambda: "READY=1" in daemon.told())
    os.kill(core, signal.SIGTERM)
    t.equal(daemon.wait(), 0, "it ends")
    with open(trace) as f:
        text = f.read()
    t.ok("clone3" in text, "what the filters deny is seen")
    denied = [call for call in set(re.findall(r"^\d+ +(\w+\(.*) = -1 ENOSYS", text, re.M)) if not any(re.match(one, call) for one in DONE_WITHOUT)]
    t.equal(denied, [], "nothing was denied that somebody wants")


run(main)
