"""What all benchmarks have in common: a table of ratios, and what processes spend."""
import os
import re
import sys
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "t", "lib"))
from certera import *

QUICK = bool(os.environ.get("QUICK"))  # all rows in two minutes, with less behind each
SECONDS = float(os.environ.get("BENCH_SECONDS", "1" if QUICK else "4"))  # of load for one figure
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1" if QUICK else "3"))  # the median of as many counts; ours and the peer's take turns
CERTIFICATES = int(os.environ.get("BENCH_CERTIFICATES", "50" if QUICK else "200"))
STORED = int(os.environ.get("BENCH_STORED", "10000" if QUICK else "100000"))  # certificates in a large store
CONNECTIONS = 32


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, ours, peer, theirs, more_is_better, mark=""):
        """peer: who, or "mark": then `theirs` is what is to be reached."""
        ratio = ours / theirs if more_is_better else theirs / max(ours, 1e-9)
        ours, theirs = (f"{n:,.{0 if n > 100 else 3 if n < 10 else 1}f}" for n in (ours, theirs))
        self.rows.append((what, ours, f"{peer} {theirs}", f"{ratio:.2f} x", mark))

    def show(self):
        head = ("what", "Certera", "peer", "better by", "mark")
        widths = [max(len(r[i]) for r in [head, *self.rows]) for i in range(len(head))]
        for row in (head, tuple("-" * w for w in widths), *self.rows):
            print(row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:])), sep="   ", flush=True)


def median(values):
    return sorted(values)[len(values) // 2]


def busy(pids):
    """CPU seconds of these processes, to the nanosecond."""
    return sum(int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0]) for pid in pids for task in os.listdir(f"/proc/{pid}/task")) / 1e9


def children_of(pid):
    """A process and all below it."""
    below = map(int, open(f"/proc/{pid}/task/{pid}/children").read().split())
    return [pid, *(p for child in below for p in children_of(child))]


def load(pids, url, *headers):
    """Requests a second by one wrk thread, and the CPU microseconds that each takes these processes."""
    argv = [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:g}s", *(x for h in headers for x in ("-H", h)), url]
    before = busy(pids)
    said = run_command(*argv, timeout=SECONDS + 30).stdout.decode()
    if "Non-2xx" in said or "Requests/sec" not in said:
        raise RuntimeError(f"{url} did not answer as it should:\n{said}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", said)[1]), (busy(pids) - before) * 1e6 / int(re.search(r"(\d+) requests in", said)[1])


def roles_of(pid):
    """The processes of a daemon: itself, its keeper, its front."""
    names = {open(f"/proc/{p}/comm").read().strip(): p for p in children_of(pid)}
    return [pid, names["certerad-keeper"], names["certerad-front"]]
