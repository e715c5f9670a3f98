#!/usr/bin/env python3
"""What can go wrong around Certera, one thing at a time: nothing that was told is lost, people see what it is, and it heals.

FAULTS is the table.  A row is a fault, what people see, how it heals, and who shows it: a function below, or a test of its own
with the sentence that it proves, which must stand there.
"""
import os
import random
import re
import resource
import shutil
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

DAY = 86400
FLIPS = int(os.environ.get("FLIPS", "1000" if os.environ.get("SOAK") else "60"))


def faults():
    return [
        # fault, what people see, how it heals, where it is shown
        ("the store is read-only", "it does not start, and names the file system", "with its next start", read_only),
        ("the disk is full", "503 and exit code 10, \"no space\"; reading goes on", "as soon as there is room",
            ("6180-full-disk.t", "all are issued, nothing is lost")),
        ("the disk is full in the middle of an order", "the same", "as soon as there is room, with the same order",
            ("3610-clock-and-disk.t", "with room again the order goes on by itself")),
        ("the disk fails", "503 to who waits; reading goes on", "as soon as it takes something again",
            ("6117-lost-batch.t", "who waited is told that it is lost, also in the next batch")),
        ("the disk is slow", "answers wait, nothing else does", "needs nothing", ("6115-slow-disk.t", "")),
        ("the store is truncated", "it does not start, and says that a part is missing", "with a backup",
            ("4835-damaged.t", "a file that is cut off: certerad does not start")),
        ("a byte of a record is flipped", "the record is called damaged", "the others are as before",
            ("4835-damaged.t", "scanning all of them says that one is damaged")),
        ("a byte of the audit log is flipped", "verify names the first event that is not as it was written", "with a backup", flipped),
        ("bits are flipped anywhere", "what reads the store says what is damaged, and never crashes", "with a backup", flipped_anywhere),
        ("an older store is put in place", "old passwords and API keys are refused", "by a restore", ("6250-old-blobs.t", "by a local administrator")),
        ("the main process is killed", "nothing", "with its next start", ("6105-kill-random.t", "nothing is missing that was told")),
        ("it is killed at each batch of an order", "nothing", "with its next start", ("6110-kill-every-step.t", "")),
        ("the keeper is killed", "the daemon ends, and says why", "the service manager starts both",
            ("6120-keeper.t", "the keeper killed, the daemon ends by itself, and not as if all was well")),
        ("the front is killed", "the log says so", "the next one knows all answers", ("6220-front.t", "the next one knows the answer at once")),
        ("the front hangs", "the CA is not asked to look", "with the next one", ("6220-front.t", "the front stopped, the CA is not asked to look")),
        ("the front has no descriptors left", "who comes from elsewhere is answered", "as connections end", ("6200-doors.t", "")),
        ("the core has no descriptors left", "orders fail with that reason; pages are answered", "as soon as there are some", descriptors),
        ("a process is refused memory", "it ends, and says so", "with the next one", memory),
        ("the clock jumps in an order", "nothing", "needs nothing", ("3610-clock-and-disk.t", "at {kind}: issued")),
        ("the clock is far behind", "the error says what is not yet valid", "when it is right again",
            ("3610-clock-and-disk.t", "when it is right again, it is issued, with one order")),
        ("the resolver is dead, with dns-01", "the error names whom it asked", "with the next attempt", ("7510-propagation.t", "and says whom it asked")),
        ("the resolver is dead, before an order", "the check says so; it holds nothing up", "needs nothing", resolver),
        ("the CA is away for a week", "the certificate in force is served; why it is not renewed is shown", "by itself, when the CA is back", week),
        ("the CA misbehaves", "the error says how", "with the next attempt", ("3600-faults.t", "")),
        ("the mail server is away", "the outbox shows why", "what waits is sent once", ("7720-mail.t", "")),
    ]


def main(t):
    for fault, seen, heals, shown in faults():
        if callable(shown):
            t.note(f"{fault}: {seen}; heals {heals}")
            shown(t)
        else:
            name, sentence = shown
            path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
            t.ok(os.path.exists(path) and sentence in open(path).read(), f"{fault}: {seen}; heals {heals}: {name}")


def filled(t, name, **settings):
    """A daemon with something to lose, and how to see it."""
    daemon = Certerad(t, name, **settings)
    for i in range(5):
        daemon.ctl("plan", "add", f"plan{i}", "--certificates", str(i + 1))
    daemon.ctl("key", "add", "own")
    return daemon


def whole(t, daemon, what):
    t.equal(([p["name"] for p in daemon.ctl("plan", "list")["plans"]], len(daemon.ctl("key", "list")["keys"]), daemon.ctl("verify")["state"]),
        ([f"plan{i}" for i in range(5)], 1, "passed"), f"{what}: nothing is lost, the chain is whole")


def read_only(t):
    if os.geteuid() != 0 or run_command("unshare", "-m", "true").returncode:
        t.skip("a read-only store", "only root can make a file system read-only")
        return
    daemon = filled(t, "read-only")
    daemon.stop()
    saved = t.path("read-only-saved")
    shutil.copytree(daemon.state, saved)
    mount = 'mount -t tmpfs none "$0" && cp -a "$1"/. "$0" && mount -o remount,ro "$0" && shift && exec "$@"'
    again = Certerad(t, "read-only-again", start=False, wrap=["unshare", "-m", "sh", "-c", mount, daemon.state, saved],
        server={"state_directory": daemon.state})
    again.start()
    t.equal(again.wait(), 10, "a read-only store: it does not start")
    t.contains(again.log().decode().lower(), "read-only file system", "and says why")
    daemon.begin()
    whole(t, daemon, "writable again")
    daemon.stop()


def flipped(t):
    daemon = filled(t, "flipped")
    backup = t.path("flipped-backup")
    daemon.ctl("backup", backup)
    daemon.stop()
    good = open(os.path.join(backup, "data.mdb"), "rb").read()  # it holds each event once
    places = [i for i in range(len(good)) if good.startswith(b"plan.added", i)]

    def verify(*spoilt):
        data = bytearray(good)
        for at in spoilt:
            data[at] ^= 0x20
        with open(os.path.join(daemon.store, "data.mdb"), "wb") as f:
            f.write(data)
        daemon.begin()
        done = daemon.run_ctl("verify")
        there = len(daemon.ctl("plan", "list")["plans"])
        daemon.stop()
        said = re.search(r"event (\d+) was changed", (done.stdout + done.stderr).decode())
        return done.returncode != 0, said and int(said.group(1)), there
    one, other = verify(places[1]), verify(places[-2])
    t.ok(one[0] and other[0] and one[1] and other[1] and one[1] != other[1], "a byte of an event is flipped: verify fails, and names it", (one, other))
    t.equal(verify(places[1], places[-2]), (True, min(one[1], other[1]), 5), "of two it names the first, and all else is there")
    t.equal(daemon.run_ctl("restore", "--config", daemon.config_file, backup).returncode, 0, "the backup is restored")
    daemon.begin()
    whole(t, daemon, "restored")
    daemon.stop()


def flipped_anywhere(t):
    daemon = filled(t, "bits")
    daemon.ctl("backup", t.path("bits-backup"))
    daemon.stop()
    good = open(t.path("bits-backup/data.mdb"), "rb").read()
    os.mkdir(t.path("bits-bad"))
    seed = int(os.environ.get("SEED", time.time()))
    chance, odd, found = random.Random(seed), [], 0
    for _ in range(FLIPS):
        data, at = bytearray(good), chance.randrange(len(good))
        data[at] ^= 1 << chance.randrange(8)
        with open(t.path("bits-bad/data.mdb"), "wb") as f:
            f.write(data)
        done = daemon.run_ctl("restore", "--config", daemon.config_file, "--dry-run", t.path("bits-bad"))
        found += done.returncode != 0
        if done.returncode not in (0, 10) or (done.returncode and not done.stderr):
            odd.append((at, done.returncode, done.stderr.decode()))
    t.equal(odd, [], f"{FLIPS} flipped bits, of which {found} hurt: each is an error with a sentence (SEED={seed})")
    daemon.begin()
    whole(t, daemon, "the store itself")
    daemon.stop()


def descriptors(t):
    site = Site(t, suffix="-descriptors")
    daemon = site.daemon
    pid, (soft, hard) = daemon.pid, resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    daemon.add_cert("before", "before.example")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    t.equal((daemon.https("/").status, daemon.http("/.well-known/acme-challenge/none").status), (303, 404), "no descriptors: pages and challenges are answered")
    t.ok(daemon.running(), "it runs on")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    daemon.add_cert("after", "after.example")
    t.equal({c["status"] for c in daemon.certs().values()}, {"active"}, "with descriptors again it issues, and nothing is lost")
    daemon.stop()


def starve(pid):
    """It gets no page more than it has."""
    with open(f"/proc/{pid}/status") as f:
        has = int(re.search(r"VmData:\s+(\d+) kB", f.read()).group(1)) * 1024
    resource.prlimit(pid, resource.RLIMIT_DATA, (has, resource.RLIM_INFINITY))


def memory(t):
    with open(os.path.join(BUILD, "certerad"), "rb") as f:
        if b"__asan_init" in f.read():
            t.skip("a process is refused memory", "a sanitizer wants the memory")
            return
    daemon = filled(t, "memory")
    front = daemon.fronts()[0]
    starve(front)
    ask_much(t, lambda: daemon.fronts() not in ([], [front]), lambda: daemon.https("/sign-in", headers={"X": "x" * 4000}))
    t.equal(daemon.https("/").status, 303, "the front refused memory: the next one answers")
    starve(daemon.pid)
    ask_much(t, lambda: not daemon.running(), lambda: daemon.api("POST", "/decode", {"file": "x" * 700000}))
    t.ok(daemon.wait() != 0, "the main process refused memory: it ends, and not as if all was well")
    t.contains(daemon.log().decode(), "out of memory", "and says so")
    daemon.begin()
    whole(t, daemon, "started again")
    daemon.stop()


def ask_much(t, over, ask):
    """Until it is over, or nothing comes of it: an allocator may have had room for all of it."""
    for _ in range(200):
        if over():
            return
        threads = [threading.Thread(target=lambda: quiet(ask)) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]


def quiet(ask):
    try:
        ask()
    except Exception:
        pass


def resolver(t):
    dead = free_port()
    site = Site(t, suffix="-resolver", preflight={"enabled": True, "resolvers": f"127.0.0.1:{dead}", "timeout": "1s"})
    site.daemon.add_cert("shop", "shop.example")
    t.equal(site.daemon.cert("shop")["status"], "active", "the resolver is dead: the order goes on without the check")
    site.daemon.stop()


def week(t):
    clock = Clock(t)
    site = Site(t, suffix="-week", record=True, env=clock.env, pebble={"lifetime": 24 * DAY}, acme={"timeout": "2s", "patience": "6s"})
    daemon, recorder = site.daemon, site.recorder
    key = daemon.add_cert("shop", "shop.example")["api_keys"][0]
    first = daemon.leaf("shop").serial

    def away(seen):
        raise Drop
    recorder.before = away
    for day in range(7):
        clock.set((16 + day) * DAY)  # its own TLS certificate is good for thirty
        daemon.run_ctl("cert", "issue", "shop") if day == 0 else daemon.ctl("site", "add", f"127.0.0.9:{day}")  # it looks at the clock
        daemon.wait_for_cert("shop", lambda c: c["failures"] > day, f"it is tried on day {day}")
        answer = daemon.download("certificate", "shop", key)
        if (answer.status, Certificate(answer.text).serial) != (200, first):
            t.ok(False, f"day {day}: the certificate in force is served")
    shown = daemon.cert("shop")
    t.contains(str(shown["error"]), f"localhost:{recorder.port}", "a week without CA: the error names it")
    t.equal(Certificate(daemon.download("certificate", "shop", key).text).serial, first, "what is in force is served all the while")
    daemon.kill()
    daemon.begin()
    recorder.before = lambda seen: None
    clock.set(23 * DAY)
    daemon.ctl("site", "add", "127.0.0.9:7")
    daemon.wait_for_cert("shop", lambda c: c["status"] == "active" and not c["failures"] and c["current"] > 1, "it is renewed when the CA is back", 120)
    t.ok(daemon.leaf("shop").serial != first, "the CA is back: it is renewed by itself")
    t.equal(daemon.ctl("verify")["state"], "passed", "the chain is whole")
    daemon.stop()


run(main)
