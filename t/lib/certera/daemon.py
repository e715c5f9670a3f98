"""certerad under test, certeractl beside it, and a whole site around both."""
import http.client
import json
import os
import signal
import socket
from urllib.parse import urlencode

from .peers import Nginx, Pebble
from .pki import Certificate
from .process import BUILD, PATIENCE, Process, free_port, run_command
from .recorder import Recorder
from .web import fetch

LOOPBACK = "127.0.0.0/8, ::1"
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "LSAN_OPTIONS": "exitcode=99",
}


class CtlError(Exception):
    """certeractl failed: .code, .stdout and .stderr as text, .json if it said any."""

    def __init__(self, argv, done):
        self.code, self.stdout, self.stderr = done.returncode, done.stdout.decode(), done.stderr.decode()
        self.json = _json(done.stdout) or _json(done.stderr)
        super().__init__(f"certeractl {' '.join(argv)}: exit {self.code}\n{self.stdout}{self.stderr}")


class Certerad(Process):
    """The daemon, on free loopback ports, its state in the test's directory.

    Settings are given by group: Certerad(t, acme={"timeout": "5s"}).  wrap: a program to run it under.
    """

    def __init__(self, t, name="certerad", wrap=(), env=None, start=True, pass_fds=(), programs=BUILD, **settings):
        self.http_port, self.https_port = free_port(), free_port()
        self.state, self.socket = t.path(name + "-state"), t.path(name + ".control")
        self.store, self.master_key = self.state + "/store", self.state + "/keeper/master.key"
        self.config_file, self.notify_path = t.path(name + ".yaml"), t.path(name + ".notify")
        self.settings = {
            "server": {"hostname": "localhost", "user": "",
                "state_directory": self.state, "control_socket": self.socket},
            "listen": {"http": f"127.0.0.1:{self.http_port}", "https": f"127.0.0.1:{self.https_port}"},
            "log": {"level": "debug"},
            # A test is one address that connects anew for each question, as fast as the machine can.
            "limits": {"per_second": 100000},
            # The names of most tests are known to their CA alone; and all the world of a test is on loopback.
            "preflight": {"enabled": False, "private": LOOPBACK},
            "tracking": {"private": LOOPBACK},
        }
        for group, values in settings.items():
            self.settings.setdefault(group, {}).update(values)
        self.configure()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        os.chmod(self.notify_path, 0o777)  # as that of systemd
        self.notify.setblocking(False)
        super().__init__(t, name, [*wrap, os.path.join(programs, "certerad"), "-f", self.config_file],
            {**SANITIZERS, "NOTIFY_SOCKET": self.notify_path, **(env or {})}, pass_fds=pass_fds)
        if start:
            self.begin()

    def configure(self, **settings):
        """Writes the configuration file, with these groups' values changed."""
        for group, values in settings.items():
            self.settings.setdefault(group, {}).update(values)
        with open(self.config_file, "w") as f:
            for group, values in self.settings.items():
                f.write(f"{group}:\n" + "".join(f"  {k}: {json.dumps(v)}\n" for k, v in values.items()))

    # Its life.

    def begin(self, seconds=20):
        """Starts it and waits until it tells that it is ready."""
        self.told()
        self.start()
        self.wait_until("it says READY=1", lambda: "READY=1" in self.told(), seconds)
        return self

    def told(self):
        """What it told the service manager since the last call, as lines."""
        lines = []
        while True:
            try:
                lines += self.notify.recv(4096).decode().splitlines()
            except BlockingIOError:
                return lines

    def reload(self):
        """SIGHUP, and waits until that is done."""
        self.told()
        self.signal(signal.SIGHUP)
        self.wait_until("it has reloaded", lambda: "READY=1" in self.told())

    # Its processes.

    def children(self):
        """All it has started, and they: {pid: the process's name}."""
        found, look = {}, [self.pid]
        while look:
            pid = look.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children") as f:
                    for child in map(int, f.read().split()):
                        with open(f"/proc/{child}/comm") as name:
                            found[child] = name.read().strip()
                        look.append(child)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has just ended
        return found

    def _named(self, name):
        return [pid for pid, its in self.children().items() if its == name]

    def keepers(self):
        return self._named("certerad-keeper")

    def fronts(self):
        return self._named("certerad-front")

    def runners(self):
        return self._named("certerad-runner")

    # The administrator's side.

    def run_ctl(self, *argv, **options):
        """certeractl as a person calls it: .returncode, .stdout, .stderr."""
        return run_command(os.path.join(BUILD, "certeractl"), "--socket", self.socket, *argv,
            env={**os.environ, **SANITIZERS}, **options)

    def ctl(self, *argv, **options):
        """certeractl --json, and what it printed."""
        done = self.run_ctl("--json", *argv, **options)
        if done.returncode:
            raise CtlError(argv, done)
        return _json(done.stdout)

    def api(self, method, path, body=None, headers=None, **query):
        """A request to the control socket, as automation makes it: (status, JSON)."""
        connection = http.client.HTTPConnection("localhost", timeout=60 * PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.socket)
        connection.request(method, (path if path.startswith(("/api/", "/metrics")) else "/api/v1" + path) + ("?" + urlencode(query) if query else ""),
            body if body is None or isinstance(body, str) else json.dumps(body), headers or {})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, _json(data) if "json" in (reply.headers["Content-Type"] or "") else data.decode()

    def page(self, path):
        """As the browser of a local administrator sees it: (status, text)."""
        connection = http.client.HTTPConnection("localhost", timeout=60 * PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.socket)
        connection.request("GET", path, headers={"Accept": "text/html,*/*"})
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        return reply.status, text

    def add_account(self, ca, name="ca", **options):
        """An account at a Pebble (or the Recorder before it), registered."""
        return self.ctl("account", "add", name, "--directory", ca.directory, "--ca-file", ca.ca_file,
            "--contact", "admin@example.org", "--agree-terms", "--wait", *_flags(options))

    def add_cert(self, name, names, account="ca", wait=True, **options):
        """A certificate: what `cert add` answers, {certificate, api_keys, key_api_keys}."""
        names = names if isinstance(names, str) else " ".join(names)
        return self.ctl("cert", "add", name, "--names", names, "--account", account,
            *(["--wait"] if wait else []), *_flags(options), timeout=120 * PATIENCE)

    def add_user(self, name, role, password, **options):
        """One who can sign in at once."""
        file = os.path.join(os.path.dirname(self.config_file), name + ".password")
        with open(file, "w") as f:
            f.write(password + "\n")
        return self.ctl("user", "add", name, "--role", role, "--password-file", file, "--keep-password", *_flags(options))

    def cert(self, name):
        """`cert show NAME`."""
        return self.ctl("cert", "show", name)

    def certs(self):
        """`cert list`, by name."""
        listed = self.ctl("cert", "list")["certificates"]
        if len({c["name"] for c in listed}) != len(listed):
            raise RuntimeError(f"a certificate is listed twice: {listed}")
        return {c["name"]: c for c in listed}

    def leaf(self, name):
        """The certificate in force."""
        return Certificate(self.ctl("cert", "export", name)["pem"])

    def wait_for_cert(self, name, condition, what="it is as it should be", seconds=60):
        return self.wait_until(f"{name}: {what}", lambda: condition(self.cert(name)) and self.cert(name), seconds)

    # The deploy script's side.

    def http(self, path, **options):
        return fetch(f"http://127.0.0.1:{self.http_port}{path}", **options)

    def https(self, path, **options):
        return fetch(f"https://localhost:{self.https_port}{path}", **options)

    def download(self, what, name, api_key, headers=None, **parameters):
        """GET /api/certificate/NAME or /api/key/NAME."""
        query = "?" + urlencode(parameters) if parameters else ""
        return self.https(f"/api/{what}/{name}{query}", headers={"apiKey": api_key, **(headers or {})})


class Site:
    """Everything the main job needs, ready: certerad, nginx redirecting to it, Pebble validating there.

    pebble: options of Pebble; record: put a Recorder between; suffix: tells several sites of one test apart; other_ca:
    makes another CA instead, which looks for web servers at port 80; the rest goes to Certerad.
    """

    def __init__(self, t, pebble=None, record=False, account=True, suffix="", other_ca=None, **certerad):
        self.daemon = Certerad(t, **{"name": "certerad" + suffix, **certerad})
        self.nginx = Nginx(t, f"http://127.0.0.1:{self.daemon.http_port}", name="nginx" + suffix,
            port=80 if other_ca else None)
        self.pebble = other_ca(t) if other_ca else Pebble(t, self.nginx.port, **{"name": "pebble" + suffix, **(pebble or {})})
        self.recorder = Recorder(self.pebble) if record else None
        self.ca = self.recorder or self.pebble
        if account:
            self.daemon.add_account(self.ca)

    def end(self):
        """Before the next one begins."""
        for part in (self.daemon, self.nginx, self.pebble, self.pebble.names):
            part.end()


def _flags(options):
    """key_type="p384" becomes --key-type p384, staging=True --staging."""
    argv = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        argv += [flag] if value is True else [flag, str(value)]
    return argv


def _json(data):
    try:
        return json.loads(data)
    except ValueError:
        return None
