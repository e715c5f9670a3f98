#!/usr/bin/env python3
"""server.admin_group: its members use certeractl without root, and the audit log says who they are.  Nobody else does, and our own users never."""
import json
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

GROUP, MEMBER, STRANGER = 61020, 61030, 61031
USERS = {"user": "61004", "users": "core=61001 keeper=61002 front=61003", "admin_group": str(GROUP)}
NOBODY = 65534	# has a name in /etc/passwd


def ctl_as(daemon, user, group, more, *argv):
    """certeractl by a person who is in these groups."""
    return run_command("setpriv", "--reuid", str(user), "--regid", str(group), "--groups", ",".join(map(str, more)) or str(group),
        os.path.join(BUILD, "certeractl"), "--json", "--socket", daemon.socket, *argv)


def ask_as(daemon, user, groups, path="/api/v1/status"):
    """The status that the server answers with at its control socket, whatever modes say; None: it was not reached."""
    code = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
            "s.sendall(b'GET %s HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n' % sys.argv[2].encode())\nprint(s.recv(64).split()[1].decode())")
    done = run_command("setpriv", "--reuid", str(user), "--regid", str(user), "--groups", ",".join(map(str, groups)),
        sys.executable, "-c", code, daemon.socket, path)
    return int(done.stdout) if done.returncode == 0 else None


def actors(daemon, action):
    return [e["actor"] for e in daemon.ctl("events", "--action", action)["events"]]


def members(t, daemon):
    made = ctl_as(daemon, MEMBER, MEMBER, [5, GROUP], "key", "add", "theirs")
    t.ok(made.returncode == 0, "a member of the group, by one of their further groups", made.stderr)
    t.equal(ctl_as(daemon, MEMBER, GROUP, [], "status").returncode, 0, "by their first group")
    t.equal(ctl_as(daemon, MEMBER, MEMBER, [*range(7000, 7200), GROUP], "status").returncode, 0, "by the last of two hundred")
    got = run_command("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--groups", str(GROUP), os.path.join(BUILD, "certeractl"),
        "--socket", daemon.socket, "key", "export", "theirs")
    t.ok(b"BEGIN PRIVATE KEY" in got.stdout, "the keeper gives them a private key, too", got.stderr)
    t.equal(actors(daemon, "key.added"), [f"local admin {MEMBER}"], "the audit log says who it was")
    t.equal(actors(daemon, "key.exported"), [f"local admin nobody ({NOBODY})"], "with the name, if there is one")
    daemon.ctl("key", "add", "ours")
    t.equal(sorted(actors(daemon, "key.added")), ["local admin", f"local admin {MEMBER}"], "root has no name beside that")


def others(t, daemon):
    refused = ctl_as(daemon, STRANGER, STRANGER, [5], "status")
    t.ok(refused.returncode and b"members of server.admin_group" in refused.stderr, "somebody outside of it is refused, and told who is not", refused.stderr)
    mode = os.stat(daemon.socket)
    t.equal((mode.st_mode & 0o777, mode.st_gid, mode.st_uid), (0o660, GROUP, 61001), "the socket is its group's")
    os.chmod(daemon.socket, 0o666)  # modes are the first door; what follows is the second
    t.equal(ask_as(daemon, MEMBER, [GROUP]), 200, "behind an open socket: a member")
    t.equal(ask_as(daemon, STRANGER, [5]), 403, "somebody outside")
    for user, name in ((61003, "the front's user"), (61004, "the scripts' user"), (61002, "the keeper's user")):
        t.equal(ask_as(daemon, user, [GROUP]), 403, f"{name}, though they are in the group")
    os.chmod(daemon.socket, 0o660)


def by_default_place(t, daemon):
    daemon.configure(server={"control_socket": ""})
    daemon.socket = daemon.state + "/control/control.sock"
    daemon.begin()
    t.equal(ctl_as(daemon, MEMBER, MEMBER, [GROUP], "status").returncode, 0, "the default place of the socket is open to the group")
    t.equal(ctl_as(daemon, STRANGER, STRANGER, [5], "status").returncode != 0, True, "and to nobody else")
    t.equal(daemon.stop(), 0, "it ends")
    daemon.configure(server={"admin_group": ""})
    daemon.begin()
    t.equal(ctl_as(daemon, MEMBER, MEMBER, [GROUP], "status").returncode != 0, True, "without admin_group they are nobody")
    there = os.stat(daemon.state + "/control")
    t.equal((there.st_mode & 0o7777, there.st_gid), (0o700, 61001), "and the directory is closed again")
    t.equal(daemon.stop(), 0, "it ends")


def findings(daemon):
    """What doctor says of the group, while the server runs."""
    daemon.begin()
    done = daemon.run_ctl("--json", "doctor", "--config", daemon.config_file)
    daemon.stop()
    return [(f["state"], f["text"]) for f in json.loads(done.stdout)["findings"] if f["check"] == "admin_group"]


def doctor(t, daemon):
    for group, state, text in (("", "fine", "Only root"), ("61020", "warning", "no group 61020"), ("games", "fine", "everything: games.")):
        daemon.configure(server={"admin_group": group})
        found = findings(daemon)
        t.ok(len(found) == 1 and found[0][0] == state and text in found[0][1], f"doctor about the group \"{group}\"", found)
    daemon.configure(server={"user": "games"})
    found = findings(daemon)
    t.ok([state for state, _ in found] == ["warning"] * 2 and "games is in the group games" in found[0][1] and "no members" in found[1][1],
        "a user of ours in it is a warning, and no member", found)


def main(t):
    if os.geteuid():
        raise Skip("only root can become others")
    os.chmod(t.path("."), 0o755)
    daemon = Certerad(t, server=USERS)
    members(t, daemon)
    others(t, daemon)
    t.equal(daemon.stop(), 0, "it ends")
    by_default_place(t, daemon)
    doctor(t, daemon)

    daemon.configure(server={"admin_group": "certera-no-such-group"})
    for argv in (["-t"], []):
        done = run_command(os.path.join(BUILD, "certerad"), *argv, "-f", daemon.config_file)
        t.ok(done.returncode and b"server.admin_group: there is no group certera-no-such-group" in done.stderr, f"a group that is not there: certerad {' '.join(argv)}", done.stderr)


run(main)
