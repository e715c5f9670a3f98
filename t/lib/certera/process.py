"""Processes that are awaited and always ended, ports nobody else uses."""
import ctypes
import os
import random
import signal
import socket
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(TOP, os.environ.get("B", "build"))
# Valgrind and sanitizers are slow, and so is a busy machine: every wait is multiplied by this.
PATIENCE = float(os.environ.get("CERTERA_PATIENCE", "1"))

_libc = ctypes.CDLL(None, use_errno=True)
_used = set()


def free_port():
    """A port free on 127.0.0.1 and ::1, below those the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(12000, 32000)
        if port not in _used and all(_is_free(f, a, port) for f, a in
                ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))):
            _used.add(port)
            return port


def _is_free(family, address, port):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address, port))
        return True
    except OSError as e:
        return family == socket.AF_INET6 and e.errno in (97, 99)  # no IPv6 here


def until(what, condition, seconds=20, every=0.02):
    """Waits until condition() is true, and returns its value."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds * PATIENCE:g} s until {what}")
        time.sleep(every)


def run_command(*argv, **options):
    """Runs a command to its end: .returncode, .stdout, .stderr (bytes)."""
    options.setdefault("timeout", 60 * PATIENCE)
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    return subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        **{k: v for k, v in options.items() if v is not None})


class Process:
    """A program in a session of its own, its output in a log file; it ends with the test."""

    def __init__(self, t, name, argv, env=None, **options):
        taken = [p.name for p in t.processes]
        self.t, self.name = t, name if name not in taken else f"{name}-{len(taken)}"
        self.argv = [str(a) for a in argv]
        self.env = {**os.environ, **(env or {})}
        self.options = options
        self.log_file = t.path(self.name + ".log")
        self.popen = None
        t.processes.append(self)

    def start(self):
        with open(self.log_file, "ab") as log:
            self.popen = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_die_with_parent, **self.options)
        return self

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def log(self):
        try:
            with open(self.log_file, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def trouble(self):
        """What is wrong with it that a failed test should tell; "" as a rule."""
        return ""

    def tail(self, lines):
        return "\n".join(self.log().decode(errors="replace").splitlines()[-lines:])

    def wait_until(self, what, condition, seconds=20):
        """As until(), but gives up at once when the process has ended."""
        def check():
            if not self.running():
                raise RuntimeError(f"{self.name} ended with {self.popen.returncode}, before {what}")
            return condition()
        return until(f"{self.name}: {what}", check, seconds)

    def wait_for_port(self, port, address="127.0.0.1"):
        self.wait_until(f"it listens on {port}", lambda: _answers(address, port))

    def wait_for_log(self, text, seconds=20):
        text = text if isinstance(text, bytes) else text.encode()
        self.wait_until(f"it logs {text!r}", lambda: text in self.log(), seconds)

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=20):
        """Its exit code; negative: the signal that ended it."""
        return self.popen.wait(seconds * PATIENCE)

    def stop(self, seconds=20):
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """SIGKILL to this process alone; its helpers must notice by themselves."""
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self):
        """Leaves nothing of it running: politely first, then its whole process group by force."""
        if self.popen is None:
            return
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self.wait(3)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.popen.wait()


def _answers(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
