"""TAP output, and the frame around a test: a directory of its own, and nothing left running."""
import json
import os
import re
import subprocess
import signal
import sys
import tempfile
import threading
import traceback

# What a sanitizer or valgrind writes; any of it in any log fails the test.
REPORT = re.compile(rb"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|ThreadSanitizer|runtime error:")


class Skip(Exception):
    """Ends the test as skipped; the text says why."""


class Workplace:
    """A directory to throw away, and the processes that work in it."""

    def __init__(self, prefix="certera-"):
        self.dir = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.dir, 0o755)
        self.processes = []

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        """Writes a file in the directory; its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def stop_all(self):
        for p in reversed(self.processes):
            p.end()

    def remove(self):
        # Never into what a test has mounted there.
        subprocess.run(["rm", "-rf", "--one-file-system", self.dir], stderr=subprocess.DEVNULL)


class Test(Workplace):
    def __init__(self):
        super().__init__("certera-test-")
        self.count = self.failed = 0
        self.lock = threading.Lock()
        self.skipped = ""  # why all of it was

    # What a test says.  All return whether it held.

    def ok(self, held, sentence, detail=""):
        with self.lock:  # tests have threads
            self.count += 1
            self.failed += not held
            print(f"{'ok' if held else 'not ok'} {self.count} - {sentence}", flush=True)
        if not held and detail:
            self.note(detail)
        return bool(held)

    def equal(self, got, wanted, sentence):
        return self.ok(got == wanted, sentence, f"got:    {got!r}\nwanted: {wanted!r}")

    def contains(self, text, part, sentence):
        return self.ok(part in text, sentence, f"got:       {text!r}\nwanted in it: {part!r}")

    def lacks(self, text, part, sentence):
        return self.ok(part not in text, sentence, f"{part!r} is in it: {text!r}")

    def matches(self, text, pattern, sentence):
        return self.ok(re.search(pattern, text, re.S), sentence, f"got:    {text!r}\nwanted: /{pattern}/")

    def skip(self, sentence, why):
        self.count += 1
        print(f"ok {self.count} - {sentence} # SKIP {why}", flush=True)

    def note(self, text):
        """A diagnostic: shown by prove, not judged."""
        if not isinstance(text, str):
            text = json.dumps(text, indent=2, default=repr)
        for line in text.splitlines():
            print("# " + line, file=sys.stderr, flush=True)

    # The end.

    def check_reports(self):
        for p in self.processes:
            found = REPORT.search(p.log())
            if found:
                self.ok(False, f"no sanitizer report from {p.name}",
                    p.log()[max(0, found.start() - 200):][:6000].decode(errors="replace"))

    def show_logs(self):
        for p in self.processes:
            self.note(f"--- {p.name} ({p.log_file}):\n{p.tail(25)}")

    def close(self):
        for trouble in filter(None, [p.trouble() for p in self.processes if self.failed]):
            self.note(trouble)
        self.stop_all()
        self.check_reports()
        if self.failed:
            self.show_logs()
        if self.failed and os.environ.get("CERTERA_KEEP"):
            self.note(f"kept: {self.dir}")
        else:
            self.remove()
        print(f"1..{self.count}{self.skipped}", flush=True)


def end_on_signals():
    """From now on SIGTERM and its like end the program as an exception does: through every `finally`."""
    def leave(number, frame):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)


def run(main):
    """Runs the test to its end, whatever happens, and exits."""
    end_on_signals()
    t = Test()
    try:
        main(t)
    except Skip as why:
        if t.count:
            t.skip("the rest", why)
        else:
            t.skipped = f" # SKIP {why}"
    except Exception as e:
        t.ok(False, f"the test runs to its end: {type(e).__name__}", traceback.format_exc())
    except BaseException:
        t.failed += 1
        raise
    finally:
        t.close()
    sys.exit(1 if t.failed else 0)
