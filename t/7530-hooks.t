#!/usr/bin/env python3
"""Hooks that fail, hang, fork, flood, print secrets, or may not run: nobody else is held up, nothing is left."""
import json
import os
import stat
import sys
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SECRET = "hunter2-hunter2"


def main(t):
    bind = Bind(t, {"shop.example": ["_acme-challenge.odd CNAME a\\032b.shop.example."], "a.example": ["@ A 127.0.0.1"]})
    hooks = Hooks(t)
    hooks.add("nsupdate")
    daemon = dns_site(t, bind, hooks, timeout="3s", environment=[f"API_TOKEN={SECRET}"]).daemon

    hooks.add("fails", "echo the provider says no; echo and why >&2; exit 7\n")
    said = order(t, daemon, "fails", 9)
    t.contains(said, "setting _acme-challenge.fails.shop.example: the hook fails failed with exit code 7", "a hook that fails: said with its exit code")
    t.contains(history(daemon, "fails"), "fails: the provider says no", "its output is in the history")
    seen_by_operator(t, daemon)
    t.contains(order(t, daemon, "odd", 12, script="nsupdate"), "leads to a name with other characters", "a name from elsewhere that a script might misread: none is run")

    hooks.add("hangs", "[ $CERTERA_ACTION = set ] || exit 0\ntrap '' TERM\necho starting\nsleep 300 & wait\nsleep 300\n")
    start = time.monotonic()
    quick = daemon.add_cert("quick", "a.example", wait=False) and None
    said = order(t, daemon, "hangs", 14)
    t.contains(said, "did not end within 3 seconds, and was ended", "a hook that hangs: ended")
    t.ok(time.monotonic() - start < 20, "in time, though it ignores TERM")
    t.equal(daemon.cert("quick")["status"], "active", "meanwhile another certificate was issued")
    t.equal(left_running(hooks.dir), [], "nothing of it is left running")

    hooks.add("forks", """#!/bin/sh
        sleep 300 &
        (sleep 300; sleep 300) &
        . ./nsupdate
        """)
    daemon.add_cert("forks", "forks.shop.example", challenge="dns-01", hook_set="forks")
    t.equal(daemon.cert("forks")["status"], "active", "a hook that leaves children behind, which hold its output: issued")
    until("its children are ended", lambda: not left_running(hooks.dir))
    t.ok(True, "they end with it")

    hooks.add("floods", "yes 'a line of no interest' | head -c 20000000; echo; echo last words; exit 1\n")
    said = order(t, daemon, "floods", 9)
    text = history(daemon, "floods")
    t.contains(text, "floods: last words", "a hook that floods: its last words are kept")
    t.ok(len(text) < 20000, "and not much more", len(text))
    t.contains(text, " ...\n", "it says that something is left out")

    hooks.add("prints", "echo token $API_TOKEN in $CERTERA_VALUE; printf 'x%sx\\n' \"$OWN\"; printf 'bad \\377\\033[31m\\n'; env; exit 1\n")
    environment = t.write("own.env", f"OWN=my-own-{SECRET}\n")
    order(t, daemon, "prints", 9, hook_environment_file=environment)
    text = history(daemon, "prints")
    t.contains(text, "token *** in", "a hook that prints secrets: its environment's values are masked")
    t.contains(text, "x***x", "also those of the certificate alone")
    t.lacks(text, SECRET, "nowhere in clear")
    t.contains(text, "bad \ufffd [31m", "what cannot be shown is not")
    for variable in ("CERTBOT_DOMAIN=prints.shop.example", "CERTERA_DOMAIN=shop.example", "CERTERA_ZONE=shop.example",
            "CERTERA_RECORD=_acme-challenge.prints", "PATH=/usr/local/sbin:"):
        t.contains(text, f"prints: {variable}", f"its environment has {variable.split('=')[0]}")
    t.lacks(text, "NOTIFY_SOCKET", "and nothing of the daemon's")
    t.lacks(daemon.log().decode(errors="replace"), SECRET, "the log has no secret")
    shown = daemon.run_ctl("--json", "cert", "show", "prints").stdout.decode()
    t.lacks(shown, SECRET, "nor has cert show")
    daemon.stop()
    stored = b"".join(open(os.path.join(daemon.store, f), "rb").read() for f in os.listdir(daemon.store) if f.endswith("mdb"))
    t.ok(b"prints.shop.example" in stored and b"my-own" not in stored, "the certificate's environment is sealed in the store")
    daemon.begin()

    refusals(t, daemon, hooks)


def seen_by_operator(t, daemon):
    """How the hook ended, everywhere; what it printed, nowhere; it is not mailed around either."""
    daemon.ctl("channel", "add", "chat", "--kind", "webhook", "--url-file", t.write("url", "http://127.0.0.1:1/x"), "--alerts", "all")
    daemon.run_ctl("cert", "issue", "fails", "--wait")
    add_user(daemon, "oscar", "operator")
    oscar = Person(daemon)
    oscar.sign_in("oscar")
    places = {path: json.dumps(oscar("GET", path)[1]) for path in ("/certificates", "/certificates/fails", "/certificates/fails/orders", "/certificates/fails/order",
        "/certificates/fails/orders/1", "/certificates/fails/versions", "/events", "/overview")}
    places |= {path + " as a page": oscar.page(path).text for path in ("/certificates", "/certificates/fails", "/certificates/fails/history", "/events", "/")}
    places["what an alert says"] = json.dumps(daemon.api("GET", "/outbox")[1])
    t.equal([place for place, text in places.items() if "the provider says no" in text or "and why" in text], [], "an operator sees nowhere what a script printed")
    for place in ("/certificates/fails", "/certificates/fails/history as a page", "/certificates/fails/order"):
        t.ok("failed with exit code 7" in places[place] and " lines for administrators only" in places[place], f"{place}: how it ended, and that there is more")
    add_user(daemon, "alice")
    alice = Person(daemon)
    alice.sign_in("alice")
    t.contains(alice.page("/certificates/fails/history").text, "the provider says no", "an administrator does, on the page")


def refusals(t, daemon, hooks):
    path = hooks.add("open", "exit 0\n")
    os.chmod(path, 0o777)
    t.contains(order(t, daemon, "open", 5), "can be written by others", "a script others can write is refused")
    path = hooks.add("plain", "exit 0\n")
    os.chmod(path, 0o644)
    t.contains(order(t, daemon, "plain", 5), "is not executable", "so is one that is not executable")
    os.symlink("/bin/true", os.path.join(hooks.dir, "link"))
    t.contains(order(t, daemon, "link", 5), "not a regular file", "so is a link")
    path = hooks.add("foreign", "exit 0\n")
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
        t.contains(order(t, daemon, "foreign", 5), "belongs to neither root", "so is another user's")
    t.contains(order(t, daemon, "nosuch", 9), "no such file", "one that is not there is named")
    done = daemon.run_ctl("cert", "add", "path", "--names", "p.shop.example", "--account", "ca", "--challenge", "dns-01",
        "--hook-set", "../../bin/true")
    t.equal(done.returncode, 3, "a path is refused at once")
    for line in ("PATH=/tmp", "LD_PRELOAD=/tmp/x.so", "BASH_ENV=/tmp/x", "_JAVA_OPTIONS=-XX:OnError=x", "SSH_ASKPASS=x", "no line"):
        done = daemon.run_ctl("cert", "add", "env", "--names", "e.shop.example", "--account", "ca", "--challenge", "dns-01",
            "--hook-environment-file", t.write("env", line))
        t.equal(done.returncode, 3, f"an environment of {line.split('=')[0]} is refused")
    hooks.add("noexec", "#!/nonexistent/interpreter\n")
    t.contains(order(t, daemon, "noexec", 9), "cannot be started", "one that cannot start is told apart")
    said = order(t, daemon, "placeholder", 3, script="nsupdate", hook_arguments="{{Nonsense}}")
    t.contains(said, "no placeholder {{Nonsense}}", "an unknown placeholder is an error")
    os.chmod(hooks.dir, 0o777)
    t.contains(order(t, daemon, "dir", 5, script="nsupdate"), "can be written by others", "so is a directory others can write")


def order(t, daemon, name, code, script=None, **more):
    """Orders with that hook, and what is said when it fails."""
    flags = [w for k, v in more.items() for w in ("--" + k.replace("_", "-"), v)]
    done = daemon.run_ctl("cert", "add", name, "--names", f"{name}.shop.example", "--account", "ca", "--challenge", "dns-01",
        "--hook-set", script or name, "--wait", *flags)
    t.equal(done.returncode, code, f"{name}: exit code {code}")
    return done.stderr.decode()


def history(daemon, name):
    return "\n".join(daemon.cert(name)["order"]["log"])


def left_running(directory):
    """Processes that work in the hooks' directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == directory and open(f"/proc/{pid}/stat").read().split(")")[1].split()[0] != "Z":
                found.append(open(f"/proc/{pid}/cmdline").read())
        except OSError:
            pass
    return found


run(main)
