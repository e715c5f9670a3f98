"""Rows about a daemon at rest, and one with a large store."""
import http.client
import multiprocessing
import socket
import time

from measure import *


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


def idle(place, table):
    """Memory of all processes, and how often they wake."""
    daemon = Certerad(place, log={"level": "warn"})
    time.sleep(3)
    pids = children_of(daemon.pid)
    table.add("idle: MiB (PSS) of all processes", sum(map(pss, pids)), "mark", 16, False, "1 x")
    before, started = sum(map(wakes, pids)), time.monotonic()
    time.sleep(5)
    table.add("idle: wake-ups a second (the watchdog's)", (sum(map(wakes, pids)) - before) / (time.monotonic() - started), "mark", 2, False, "1 x")


def wakes(pid):
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", open(f"/proc/{pid}/task/{task}/status").read(), re.M)[1])
        for task in os.listdir(f"/proc/{pid}/task"))


def filled(place, **more):
    daemon = Certerad(place, log={"level": "warn"}, server={"threads": 1}, **more)
    daemon.stop()
    run_command(os.path.join(BUILD, "bench", "fill"), daemon.store, STORED, timeout=3600, check=True)
    return daemon


def begin(daemon):
    start = time.monotonic()
    daemon.begin()
    return time.monotonic() - start


def start(place, table):
    """From the start to ready; the second time all is planned already."""
    daemon = filled(place)
    table.add(f"seconds to ready, first start, {STORED:,} certificates", begin(daemon), "mark", 1, False, "1 x")
    rest(daemon)
    daemon.stop()
    table.add("seconds to ready, later starts", begin(daemon), "mark", 0.1, False, "1 x")


def rest(daemon):
    """Until what the first start found to do is done."""
    before = -1
    while busy([daemon.pid]) - before > 0.05:
        before = busy([daemon.pid])
        time.sleep(1)


class Api:
    """A kept connection to the control socket."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("localhost", timeout=60)
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(daemon.socket)

    def get(self, path):
        self.connection.request("GET", "/api/v1" + path)
        answer = self.connection.getresponse()
        if answer.read() and answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")


LISTS = [("plain order", "/certificates?limit=50", 20), ("plain order, its middle", f"/certificates?sort=-expiry&first={STORED // 2}&limit=50", 20),
    ("orders, their middle", f"/orders?first={STORED // 2}&limit=50", 20), ("one key by name", "/keys/shop-000042", 1),
    ("by status", "/certificates?sort=status&limit=50", 40), ("search", "/certificates?search=12345&limit=50", 40),
    ("a domain", "/certificates?domain=shop-000042.example.org&limit=50", 40),
    ("three filters, by issuer", "/certificates?algorithm=rsa&status=active&issuer=other&sort=issuer&limit=50", 40)]


def lists(place, table):
    """CPU of a page (bench/lists has all lists, and what they take beside other load)."""
    daemon = filled(place)
    daemon.begin()
    rest(daemon)
    api = Api(daemon)
    for what, path, mark in LISTS:
        spent = []
        for _ in range(5):
            before = busy([daemon.pid])
            api.get(path)
            spent.append((busy([daemon.pid]) - before) * 1000)
        table.add(f"CPU ms of a list of {STORED:,}: {what}", median(spent), "mark", mark, False, "1 x")


def beside(place, table):
    """A challenge's p99 while lists are asked for without a pause."""
    daemon = filled(place)
    daemon.begin()
    rest(daemon)
    took = {what: p99(daemon, asks) for what, asks in (("at rest", None), ("beside", ask_for_ever))}
    table.add("ms, p99 of a challenge beside lists", took["beside"], "at rest", took["at rest"], False, "5 ms")


def ask_for_ever(daemon):
    api = Api(daemon)
    while True:
        for _, path, _ in LISTS:
            api.get(path)


def p99(daemon, beside):
    """Milliseconds; 200 questions a second, beside what a process of its own does.  Who asks would have a machine of its own: it goes first."""
    other = multiprocessing.get_context("fork").Process(target=beside, args=(daemon,), daemon=True) if beside else None
    if other:
        other.start()
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    connection, took = http.client.HTTPConnection("127.0.0.1", daemon.http_port), []
    for _ in range(round(max(SECONDS, 2) * 200)):
        start = time.monotonic()
        connection.request("GET", "/.well-known/acme-challenge/none")
        connection.getresponse().read()
        took.append((time.monotonic() - start) * 1000)
        time.sleep(0.005)
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    if other:
        other.kill()
        other.join()
    return sorted(took)[len(took) * 99 // 100]


def scan(place, table):
    """Sites that are tracked (bench/scan has ten thousand)."""
    said = run_command(os.path.join(TOP, "bench", "scan"), "200" if QUICK else "2000", timeout=600).stdout.decode()
    for what, where, mark in (("is scanned first", r"\(([\d.]+) ms each\)", 4), ("has not changed", r"changed: ([\d.]+) ms each", 2.5)):
        table.add(f"CPU ms for a site that {what}", float(re.search(where, said)[1]), "mark", mark, False, "1 x")
