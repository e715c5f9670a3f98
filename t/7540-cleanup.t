#!/usr/bin/env python3
"""Records do not stay behind: killed between set and cleanup, with a cleanup that fails, with a certificate removed."""
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

COUNTING = """
echo "$CERTERA_ACTION $CERTERA_VALUE" >> "$LOG"
if [ -e "$LOG.broken" ] && [ "$CERTERA_ACTION" = cleanup ]; then echo out of order; exit 1; fi
. ./nsupdate
"""


def main(t):
    bind = Bind(t, {"shop.example": []})
    hooks = Hooks(t)
    hooks.add("nsupdate")
    hooks.add("counting", COUNTING)
    log = t.path("calls")
    site = dns_site(t, bind, hooks, script="counting", environment=[f"LOG={log}"], record=True)
    daemon, recorder = site.daemon, site.recorder

    for when, kind, side in (("set and answered", "challenge", "before"), ("set and validated", "authz", "after"),
            ("set, order over", "certificate", "after")):
        open(log, "w").close()
        name = when.replace(" ", "-").replace(",", "")
        killed = []

        def trap(seen):
            if seen.kind == kind and bind.all_txt("shop.example") and not killed:
                killed.append(seen)
                daemon.kill()
            if killed:
                raise Drop
        setattr(recorder, side, trap)
        daemon.add_cert(name, f"{name}.shop.example", challenge="dns-01", wait=False)
        until(f"it is killed: {when}", lambda: killed and not daemon.running(), 30)
        t.equal(len(bind.all_txt("shop.example")), 1, f"killed between set and cleanup ({when}): the record is there")
        recorder.before = recorder.after = lambda seen: None
        daemon.begin()
        cert = daemon.wait_for_cert(name, lambda c: c["status"] in ("active", "failed"), "its order ends")
        t.equal((cert["status"], cert["failures"]), ("active", 0), f"{when}: the order goes on after the restart")
        until(f"{when}: the record is removed", lambda: not bind.all_txt("shop.example"))
        calls = [line.split()[0] for line in open(log)]
        t.equal(calls, ["set", "cleanup"], f"{when}: the restart sets nothing twice, and the record is removed")

    # Killed while the order is over and the cleanup is running.
    hooks.add("slow", "[ $CERTERA_ACTION = set ] || { touch \"$LOG.slow\"; sleep 1; }\n. ./nsupdate\n")
    daemon.add_cert("slow", "slow.shop.example", challenge="dns-01", hook_set="slow")
    until("its cleanup runs", lambda: os.path.exists(log + ".slow"))
    daemon.kill()
    t.equal(len(bind.all_txt("shop.example")), 1, "killed in the cleanup: the record is there")
    daemon.begin()
    until("the record is removed", lambda: not bind.all_txt("shop.example"))
    t.ok(True, "after the restart it is removed")

    open(log + ".broken", "w").close()
    daemon.add_cert("stuck", "stuck.shop.example", challenge="dns-01")
    until("the cleanup failed", lambda: "removing _acme-challenge.stuck.shop.example: the hook counting failed" in history(daemon))
    t.equal(daemon.cert("stuck")["status"], "active", "a cleanup that fails does not spoil the certificate")
    t.contains(history(daemon), "counting: out of order", "its output is in the history")
    t.ok(any(row["kind"] == "cleanup" for row in daemon.ctl("status")["agenda"]), "it is tried again: the agenda has it")
    os.unlink(log + ".broken")

    # A certificate that is removed while its records are set.
    hooks.add("nowhere", "[ $CERTERA_ACTION = cleanup ] && . ./nsupdate || { . ./nsupdate; touch \"$LOG.set\"; sleep 1; }\n")
    daemon.add_cert("gone", "gone.shop.example", challenge="dns-01", hook_set="nowhere", wait=False)
    until("its record is set", lambda: any(n.startswith("_acme-challenge.gone") for n, _ in bind.all_txt("shop.example")))
    daemon.ctl("cert", "rm", "gone", "--yes")
    until("its record is removed", lambda: not any(n.startswith("_acme-challenge.gone") for n, _ in bind.all_txt("shop.example")), 30)
    t.ok(True, "a certificate that is removed takes its records along")


def history(daemon):
    return "\n".join(daemon.cert("stuck")["order"]["log"])


run(main)
