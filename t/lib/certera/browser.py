"""A real browser on the daemon's pages: Chromium, driven by t/browser/walk.js."""
import json
import os
import shutil
import subprocess

from .process import PATIENCE, TOP
from .tap import Skip

MODULES = os.path.join(os.environ.get("CERTERA_BROWSER", os.path.join(TOP, "build", "browser")), "node_modules")
SHOTS = os.path.join(TOP, "build", "screenshots")


class Browser:
    """One that is open: browser.goto("/keys"), browser.click("text=Add"), browser.text("h1")."""

    def __init__(self, t, base, **options):
        if not os.path.isdir(os.path.join(MODULES, "playwright-core")):
            raise Skip("the browser's packages are not there; t/setup-peers browser installs them")
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
        node = shutil.which("node")
        if not chromium or not node:
            raise Skip("Chromium and node are needed")
        self.base, self.name, self.log_file = base, "browser", t.path("browser.log")
        self.errors = open(self.log_file, "ab")
        self.process = subprocess.Popen([node, os.path.join(TOP, "t", "browser", "walk.js")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors,
            env={**os.environ, "BROWSER_MODULES": MODULES, "CHROMIUM": chromium, "PATIENCE": str(PATIENCE), "HOME": t.dir})
        t.processes.append(self)
        self.open(**options)

    # As of every process of a test.

    def end(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.wait(30 * PATIENCE)
            self.errors.close()

    def log(self):
        with open(self.log_file, "rb") as f:
            return f.read()

    def trouble(self):
        return ""

    def tail(self, lines):
        return b"\n".join(self.log().splitlines()[-lines:]).decode(errors="replace")

    # What a person does.

    def do(self, what, **options):
        self.process.stdin.write(json.dumps({"do": what, **options}).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the browser is gone")
        answer = json.loads(line)
        if "failed" in answer:
            raise RuntimeError(f"at {self.do('where')['url']}: {answer['failed']}")
        return answer

    def open(self, **options):
        """A new window without cookies: theme="dark", width=375, script=False."""
        self.do("open", **options)

    def goto(self, path):
        return self.do("goto", url=self.base + path)

    def sign_in(self, name, password, code=""):
        self.goto("/sign-in")
        self.fill("#sign_in-name", name)
        self.fill("#sign_in-password", password)
        at = self.click("main button")
        if not code:
            return at
        self.fill("#sign_in_code-code", code)
        return self.click("main button")

    def click(self, on):
        return self.do("click", on=on)["url"]

    def fill(self, on, value):
        self.do("fill", on=on, value=value)

    def select(self, on, value):
        self.do("select", on=on, value=value)

    def wait(self, on):
        self.do("wait", on=on)

    def press(self, *keys):
        for key in keys:
            self.do("press", value=key)

    def count(self, on):
        return self.do("count", on=on)["count"]

    def text(self, on="body"):
        return self.do("text", on=on)["text"]

    def html(self):
        return self.do("html")["html"]

    def eval(self, value):
        return self.do("eval", value=value)["value"]

    def shot(self, name, full=True):
        os.makedirs(SHOTS, exist_ok=True)
        self.do("shot", path=os.path.join(SHOTS, name + ".png"), full=full)

    def tour(self, paths, looks, tabs=2):
        """Loads each path once and looks at it in several ways: looks(number) gives {theme, width, axe: whether it judges}.

        What it finds, in the order of the paths: {path, status, title, html, looked: [{theme, width, wide, violations}], faults}, or
        {path, failed}.  With SHOTS=1 in the environment pictures are kept in build/screenshots.
        """
        stops = [{"path": path, "url": self.base + path, "looks": [self.picture(path, look) for look in looks(number)]} for number, path in enumerate(paths)]
        pages = {page["path"]: page for page in self.do("tour", stops=stops, tabs=tabs)["pages"]}
        return [pages[path] for path in paths]

    def picture(self, path, look):
        if not os.environ.get("SHOTS"):
            return look
        os.makedirs(SHOTS, exist_ok=True)
        return {**look, "shot": os.path.join(SHOTS, f"{look['theme']}-{look['width']}{path.split('?')[0].replace('/', '-')}.png")}

    def faults(self):
        """What axe-core, the HTML validator and the console find wrong with the page; and what it asked of other servers."""
        return self.do("axe")["violations"] + self.do("validate")["faults"] + self.do("said")["said"]
