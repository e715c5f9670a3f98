"""A network of one's own: port 80, port 53 and the resolver's configuration are free to use, and only the test sees it."""
import fcntl
import os
import socket
import struct
import sys
import tempfile

from .process import run_command

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def own_network():
    """Call it before run(): goes on with the same program in namespaces where only the loopback interface is, and names
    are asked for at 127.0.0.1.  Where they cannot be made, the test ends as skipped."""
    if os.environ.get("CERTERA_OWN_NETWORK") != "1":
        made = os.geteuid() == 0 and run_command("unshare", "-n", "-m", "mount", "--bind", "/etc/hosts", "/etc/resolv.conf")
        if not made or made.returncode:
            print("1..0 # SKIP only root can make a network namespace, and not everywhere")
            sys.exit(0)
        os.environ["CERTERA_OWN_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "-n", "-m", "--", sys.executable, *sys.argv])
    _loopback_up()
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("nameserver 127.0.0.1\n")
        f.flush()
        os.chmod(f.name, 0o644)
        done = run_command("mount", "--bind", f.name, "/etc/resolv.conf")
    if done.returncode:
        raise RuntimeError(done.stderr.decode())


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        asked = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(s, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
