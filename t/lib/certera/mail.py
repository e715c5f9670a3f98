"""Where alerts arrive: a mail server, a webhook's receiver."""
import base64
import email
import email.policy
import glob
import http.server
import json
import os
import socket
import ssl
import sys
import threading
import time

from .process import Process, free_port, run_command
from .tap import Skip


class MailServer(Process):
    """aiosmtpd with moods (smtpd.py), on a free port of localhost."""

    def __init__(self, t, tls="none", ca=None, login="", name="smtpd", port=None):
        self.port, self.dir = port or free_port(), t.path(f"{name}-mails")
        os.makedirs(self.dir, exist_ok=True)
        cert, key = (ca.cert, ca.key) if ca else ("", "")
        super().__init__(t, name, [_python(), os.path.join(os.path.dirname(__file__), "smtpd.py"), self.port, self.dir, tls,
            cert, key, login])
        self.start()
        self.wait_for_port(self.port)

    def mood(self, **mood):
        path = os.path.join(self.dir, "mood")
        with open(path + ".tmp", "w") as f:
            json.dump(mood, f)
        os.rename(path + ".tmp", path)

    def mails(self):
        """What it took, in order."""
        return [Mail(path) for path in sorted(glob.glob(self.dir + "/mail-*[0-9]"))]

    def attempts(self):
        """How many mails got as far as their content."""
        return len(glob.glob(self.dir + "/data-*[0-9]"))

    def wait_for_mails(self, count, seconds=30):
        self.wait_until(f"{count} mails have come", lambda: len(self.mails()) >= count, seconds)
        return self.mails()


class Mail:
    def __init__(self, path):
        with open(path) as f:
            self.envelope = json.load(f)
        self.raw = base64.b64decode(self.envelope["content"])
        self.parsed = email.message_from_bytes(self.raw, policy=email.policy.strict + email.policy.SMTP)
        self.to = self.envelope["to"]
        self.subject = self.parsed["Subject"]

    @property
    def text(self):
        return self.parsed.get_body(("plain",)).get_content()

    @property
    def html(self):
        return self.parsed.get_body(("html",)).get_content()


class Posted:
    def __init__(self, handler, body):
        self.path, self.headers, self.body, self.time = handler.path, dict(handler.headers), body, time.monotonic()
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """Clients that give up, as ours do here on purpose, are no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, address)


class Receiver:
    """A webhook's other end.  `answer(posted)`, called in the request's thread, returns a status, or (status, headers, body)."""

    def __init__(self, address="127.0.0.1", port=None, ca=None):
        self.port, self.posted, self.answer = port or free_port(), [], lambda posted: 200
        self.connections, receiver = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                receiver.connections.append(self.connection)

            def do_POST(self):
                posted = Posted(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                receiver.posted.append(posted)
                answer = receiver.answer(posted)
                status, headers, body = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = Server((address, self.port), Handler)
        if ca:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(ca.cert, ca.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        where = f"https://localhost:{self.port}" if ca else f"http://{address}:{self.port}"
        self.url = where + "/hook/very-secret-path"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended


def _python():
    """The Python that has aiosmtpd: ours, or that of the system."""
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and run_command(python, "-c", "import aiosmtpd").returncode == 0:
            return python
    raise Skip("aiosmtpd is not installed")
