"""People at the web UI: sessions over https as browsers and scripts have them, codes of their apps."""
import json
import re
import subprocess

from .web import connect, fetch

PASSWORD = "correct horse battery staple"


class Person:
    """A client over https that keeps its cookie: person("POST", "/keys", {...}) asks /api/v1/keys, status and JSON."""

    def __init__(self, daemon, source=None, token=None):
        self.daemon, self.source, self.token = daemon, source, token
        self.cookie = self.csrf = None
        self.jar = {}  # other cookies by name: of the status line, of a code that is asked for
        self.answer = None

    def take_cookies(self):
        """As a browser does with those of the answer."""
        for cookie in self.answer.headers.get_all("Set-Cookie") or []:
            pair = cookie.split(";")[0]
            if pair.startswith("__Host-certera="):
                self.cookie = pair
            elif "Max-Age=0" in cookie:
                self.jar.pop(pair.split("=")[0], None)
            else:
                self.jar[pair.split("=")[0]] = pair

    def fetch(self, method, path, body=None, headers=None):
        sent = {"Host": f"localhost:{self.daemon.https_port}", **(headers or {})}
        if self.cookie or self.jar:
            sent.setdefault("Cookie", "; ".join(filter(None, [self.cookie, *self.jar.values()])))
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        self.answer = fetch(f"https://127.0.0.1:{self.daemon.https_port}{path}", method, sent, body, source=self.source)
        return self.answer

    def connection(self):
        """One over which a test says what it likes."""
        return connect(f"https://127.0.0.1:{self.daemon.https_port}", source=self.source).sock

    def __call__(self, method, path, body=None, csrf=True, headers=None):
        sent = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        if csrf and self.csrf:
            sent["X-CSRF-Token"] = self.csrf if csrf is True else csrf
        data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        answer = self.fetch(method, "/api/v1" + path, data, sent)
        try:
            said = json.loads(answer.body) if answer.body else None
        except ValueError:
            said = answer.text
        return answer.status, said

    def take_session(self, status, said):
        """From an answer that began one."""
        if status in (200, 201) and self.answer.header("Set-Cookie"):
            self.cookie, self.csrf = self.answer.header("Set-Cookie").split(";")[0], said["csrf"]
        return status, said

    def sign_in(self, name, password=PASSWORD, code=None):
        self.cookie = self.csrf = None
        return self.take_session(*self("POST", "/sign-in", {"name": name, "password": password, **({"code": code} if code else {})}))

    def confirm(self, password=PASSWORD):
        return self("POST", "/me/confirm", {"password": password})

    def form(self, path, page, **fields):
        """As a browser sends a form; the answer."""
        from urllib.parse import urlencode
        fields = {"_csrf": self.csrf or "", "_page": page, **fields}
        answer = self.fetch("POST", path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})
        self.take_cookies()
        return answer

    def submit(self, path, page, **fields):
        """That, and the page it leads to; an answer that leads nowhere is returned itself."""
        answer = self.form(path, page, **fields)
        return self.page(answer.header("Location")) if answer.status == 303 else answer

    def page(self, path):
        """As a browser asks for it; its csrf is kept."""
        answer = self.fetch("GET", path, headers={"Accept": "text/html"})
        self.take_cookies()
        found = re.search(r'name="_csrf" value="([^"]+)"', answer.text)
        if found:
            self.csrf = found.group(1)
        return answer


def setup_token(daemon):
    """From the link in the log, the newest one."""
    found = re.findall(rb"/setup\?token=(\S+)", daemon.log())
    return found[-1].decode() if found else None


def add_user(daemon, name, role="admin", **options):
    """By certeractl, with PASSWORD, which need not be changed."""
    return daemon.ctl("user", "add", name, "--role", role, "--password-file", "-", "--keep-password",
        *[part for key, value in options.items() for part in (f"--{key}", value)], input=PASSWORD.encode())


def totp(secret, step=0):
    """The code of an app, as oathtool makes it, some steps from now."""
    return subprocess.run(["oathtool", "--totp", "--base32", secret, f"--now=now {30 * step:+d} seconds"],
        capture_output=True, text=True, check=True).stdout.strip()
