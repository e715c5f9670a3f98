#!/usr/bin/env python3
"""Random faults, and a checker: three servers, three members of etcd, and clients that write and read at every server.

Servers are killed, frozen, cut off from etcd or from its answers, cut off from each other, ended and started; members of etcd are killed and frozen.  Each client
writes down what it was told.  At the end the audit log, which has every change once and in order, says what became of it:

	a change that was answered is there once; one that was refused is not there; one of which "nobody knows" is there once or not
	each value that was read was written, and no server ever showed an older one than before, or than it had just answered
	all servers are equal, and the chain of the audit log is whole

FAULTS_SECONDS=60 is how long, FAULTS_SEED=... the faults of a former run.  `make soak` has an hour.
"""
import http.client
import os
import random
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SECONDS = float(os.environ.get("FAULTS_SECONDS", "3600" if os.environ.get("SOAK") else "50"))
SEED = int(os.environ.get("FAULTS_SEED", random.randrange(10**6)))
WRITERS = 2  # of each server: one at its control socket, one by https


class Told:
    """What a client wanted, and what it was told."""

    def __init__(self, what, name, value=None):
        self.what, self.name, self.value, self.answer, self.why, self.at = what, name, value, None, "", 0

    def __repr__(self):
        return f"{self.what} {self.name} {self.value or ''}: {self.answer} {self.why}"


class Client(threading.Thread):
    """Asks one server, over and over."""

    def __init__(self, node, ask, chance):
        super().__init__(daemon=True)
        self.node, self.ask, self.chance = node, ask, chance
        self.over, self.wrong = False, []

    def run(self):
        while not self.over:
            try:
                self.turn()
            except Exception as e:  # pylint: disable=broad-except
                self.wrong.append(repr(e))
            time.sleep(self.chance.random() / 10)


class Writer(Client):
    """Adds plans, removes some of them, and raises the number in one of its own; and reads that at once."""

    def __init__(self, number, node, ask, chance):
        super().__init__(node, ask, chance)
        self.own, self.number, self.told, self.mine, self.reads = f"own{number}", 0, [], [], []

    def turn(self):
        self.number += 1
        choice = self.chance.random()
        if choice < 0.3:
            told = self.change(Told("added", f"{self.own}-{self.number}"), "POST", "/plans", {"name": f"{self.own}-{self.number}", "certificates": "1"})
            if told.answer == "done":
                self.mine.append(told.name)
        elif choice < 0.4 and self.mine:
            name = self.mine.pop()
            self.change(Told("removed", name), "DELETE", f"/plans/{name}")
        else:
            told = self.change(Told("changed", self.own, str(self.number)), "POST", f"/plans/{self.own}", {"certificates": str(self.number)})
            if told.answer == "done" and time.monotonic() - self.begun < 1.5:  # else it need not be shown there yet
                self.read(told)

    def change(self, told, *request):
        self.begun = time.monotonic()
        told.answer, told.why = outcome(self.ask, *request)
        told.at = time.monotonic()
        self.told.append(told)
        return told

    def read(self, told):
        try:
            status, said = self.ask("GET", f"/plans/{self.own}")
        except (OSError, http.client.HTTPException, ValueError):
            return
        if status == 200:
            self.reads.append((told.value, str(said["certificates"])))


def outcome(ask, *request):
    """done, refused, unknown, or what should not be."""
    try:
        status, said = ask(*request)
    except ConnectionRefusedError:
        return "refused", "no connection"
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as e:
        return "unknown", repr(e)
    if status in (200, 201):
        return "done", ""
    detail = said.get("detail", said) if isinstance(said, dict) else said
    if status == 503:
        return ("unknown" if "not known" in str(detail) else "refused"), str(detail)
    return f"status {status}", str(detail)


class Reader(Client):
    """Looks at what all writers write, and fetches a key."""

    def __init__(self, node, ask, chance, names, key):
        super().__init__(node, ask, chance)
        self.names, self.key, self.reads, self.fetched = names, key, [], Counter()

    def turn(self):
        name = self.chance.choice(self.names)
        quiet = self.node.quiet()
        try:
            status, said = self.ask("GET", f"/plans/{name}")
            if status == 200:
                self.reads.append((name, str(said["certificates"])))
            fetched = self.node.certerad.download("key", "fetched", self.key).status == 200
        except (OSError, http.client.HTTPException, ValueError) as e:
            status, fetched = repr(e), False
        if quiet and quiet == self.node.quiet():
            self.fetched[fetched] += 1
            if status != 200 or not fetched:
                self.wrong.append(f"reading at {self.node.certerad.name}: {status}, the key: {fetched}")


class Node:
    """A server and what is done to it, one thing at a time."""

    def __init__(self, certerad, ways, between):
        self.certerad, self.ways, self.between, self.lock, self.troubled, self.times = certerad, ways, between, threading.Lock(), False, 1

    def quiet(self):
        """A number while it runs undisturbed, the same one; 0: it does not."""
        return 0 if self.troubled else self.times

    def is_done_to(self, fault, seconds):
        with self.lock:
            self.troubled = fault not in (cut_from_etcd, deaf_to_etcd, cut_from_others)  # those that only read should notice nothing
            try:
                fault(self, seconds)
            finally:
                self.times += 1
                self.troubled = False

    def look_after(self):
        """As systemd: it ends by itself to take a copy of a different server's store."""
        if self.lock.acquire(blocking=False):
            try:
                if not self.certerad.running():
                    code = self.certerad.popen.returncode
                    self.troubled = True
                    self.certerad.begin(30)
                    self.times += 1
                    self.troubled = False
                    return code
            finally:
                self.lock.release()
        return None


def killed(node, seconds):
    node.certerad.kill()
    time.sleep(seconds)
    node.certerad.begin(30)


def frozen(node, seconds):
    pids = [node.certerad.pid, *node.certerad.children()]
    for pid in pids:
        send(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in reversed(pids):
        send(pid, signal.SIGCONT)
    time.sleep(0.5)


def ended(node, seconds):
    code = node.certerad.stop(40)
    if code not in (0, 15):  # 15: it had just got a copy
        raise RuntimeError(f"{node.certerad.name} ended with {code}")
    time.sleep(seconds / 4)
    node.certerad.begin(30)


def apart(ways, seconds, how=Way.cut):
    for way in ways:
        how(way)
    time.sleep(seconds)
    for way in ways:
        way.join()


def cut_from_etcd(node, seconds):
    apart(node.ways, seconds)


def deaf_to_etcd(node, seconds):
    """What it asks arrives, and no answer does."""
    apart(node.ways, seconds, Way.deafen)


def cut_from_others(node, seconds):
    apart([node.between], seconds)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def member_killed(members, seconds):
    for member in members:
        member.kill()
    time.sleep(seconds)
    for member in members:
        member.start()


def member_frozen(members, seconds):
    for member in members:
        member.signal(signal.SIGSTOP)
    time.sleep(seconds)
    for member in members:
        member.signal(signal.SIGCONT)


NODE_FAULTS = [killed, frozen, ended, cut_from_etcd, deaf_to_etcd, cut_from_others]


class Faults:
    """Two threads with faults of servers, one with those of etcd, one that looks after servers.  What a thread has started ends with it, so they stay."""

    def __init__(self, nodes, etcd, cluster):
        self.nodes, self.etcd, self.cluster, self.over, self.done, self.wrong = nodes, etcd, cluster, threading.Event(), Counter(), []
        self.threads = [threading.Thread(target=self.run, args=(what, random.Random(f"{SEED} {i}")), daemon=True)
            for i, what in enumerate([self.of_nodes, self.of_nodes, self.of_etcd])]
        self.threads.append(threading.Thread(target=self.care, daemon=True))
        self.at_rest = threading.Barrier(len(self.threads) + 1)
        for thread in self.threads:
            thread.start()

    def run(self, what, chance):
        while not self.over.wait(chance.uniform(0.5, 5)):
            try:
                what(chance)
            except Exception as e:  # pylint: disable=broad-except
                self.wrong.append(repr(e))
        self.rest()

    def rest(self):
        self.at_rest.wait(90)
        threading.Event().wait()

    def of_nodes(self, chance):
        fault, seconds, node = chance.choice(NODE_FAULTS), chance.choice([0.3, 3, 9, 12]), chance.choice(self.nodes)
        if chance.random() < 0.6:  # leaders are of more interest
            node = next((n for n in self.nodes if not n.lock.locked() and self.cluster.state(n.certerad)["role"] == "leader"), node)
        self.done[fault.__name__] += 1
        node.is_done_to(fault, seconds)

    def of_etcd(self, chance):
        fault, seconds = chance.choice([member_killed, member_frozen]), chance.choice([1, 4, 8])
        members = chance.sample(self.etcd.members, 2 if chance.random() < 0.2 else 1)
        self.done[fault.__name__ + (", two of three" if len(members) == 2 else "")] += 1
        fault(members, seconds)
        time.sleep(5)

    def care(self):
        while not self.over.wait(0.2):
            for node in self.nodes:
                code = node.look_after()
                if code == 15:
                    self.done["copy of a store"] += 1
                elif code is not None:
                    self.wrong.append(f"{node.certerad.name} ended by itself with {code}")
        self.rest()

    def end(self):
        self.over.set()
        self.at_rest.wait(90)


def main(t):
    etcd = Etcd(t)
    cluster = Cluster(t, etcd, ways=True, between=True)
    leader = cluster.leader()
    token = leader.ctl("token", "add", "writer", "--role", "admin")["token"]
    key = leader.ctl("key", "add", "fetched")["api_keys"][0]
    nodes = [Node(n, cluster.ways[i], cluster.between[i]) for i, n in enumerate(cluster.nodes)]
    writers = [Writer(i, node, asks(node, token, i % WRITERS), random.Random(f"{SEED} writer {i}"))
        for i, node in enumerate(n for n in nodes for _ in range(WRITERS))]
    for writer in writers:
        leader.ctl("plan", "add", writer.own, "--certificates", "0")
    cluster.wait_until_equal()
    readers = [Reader(node, asks(node, token, 0), random.Random(f"{SEED} reader {i}"), [w.own for w in writers], key) for i, node in enumerate(nodes)]
    for client in writers + readers:
        client.start()
    faults = Faults(nodes, etcd, cluster)
    time.sleep(SECONDS)
    faults.end()
    time.sleep(2)
    for client in writers + readers:
        client.over = True
    for client in writers + readers:
        client.join(70)
    t.note(f"FAULTS_SEED={SEED}; faults: " + ", ".join(f"{n} {what}" for what, n in sorted(faults.done.items())))
    t.equal(faults.wrong, [], "all servers ended and began as they should")
    for node in nodes:
        node.look_after()
    judge(t, cluster, writers, readers)


def asks(node, token, by_https):
    return Person(node.certerad, token=token) if by_https else node.certerad.api


def judge(t, cluster, writers, readers):
    begun = time.monotonic()
    leader = cluster.leader(40)
    leader.wait_until("a change is made", lambda: leader.api("POST", "/plans", {"name": "end", "certificates": "1"})[0] == 201, 40)
    cluster.wait_until_equal(40)
    t.ok(len(cluster.running()) == 3, f"all is well {time.monotonic() - begun:.1f} s after the last fault")
    happened = history(leader)
    told = [told for w in writers for told in w.told]
    counts = Counter(x.answer for x in told)
    t.note(pauses(sorted(x.at for x in told if x.answer == "done")))
    t.ok(counts["done"] > 100, f"{counts['done']} changes were answered, {counts['refused']} refused, of {counts['unknown']} nobody knows")
    t.equal([x for x in told if x.answer not in ("done", "refused", "unknown")][:5], [], "nothing else was answered")
    t.equal([w for c in writers + readers for w in c.wrong][:5], [], "reading and fetching went on wherever the server itself was well")
    judge_changes(t, happened, told)
    judge_order(t, happened, writers)
    judge_reads(t, happened, writers, readers)
    t.ok(sum(r.fetched[True] for r in readers) > 0, f"{sum(r.fetched[True] for r in readers)} times a key was fetched")
    equal(t, cluster, leader)


def pauses(times):
    """How long nobody's change was taken: without a leader, or without etcd."""
    long = sorted(b - a for a, b in zip(times, times[1:]) if b - a > 2)
    return (f"{len(long)} times no change was taken for more than 2 s, {sum(long):.0f} s of {times[-1] - times[0]:.0f} in all; "
        f"half of these pauses under {long[len(long) // 2]:.1f} s, the longest {long[-1]:.1f} s" if long else "changes were taken all the time")


def history(leader):
    """What happened to plans, in order: (what, name, value)."""
    events, after = [], 0
    while True:
        answer = leader.api("GET", "/events", action="plan", after=after, limit=1000)[1]
        events += answer["events"]
        after = answer["after"]
        if not answer["more"]:
            break
    return [(e["action"].split(".")[1], e["name"], e["message"].split()[0] if e["action"] == "plan.changed" else None) for e in events]


def judge_changes(t, happened, told):
    times = Counter(happened)
    count = lambda x: times[x.what, x.name, x.value]
    t.equal([x for x in told if x.answer == "done" and count(x) == 0][:5], [], "no change that was answered is lost")
    t.equal([x for x in told if count(x) > 1][:5], [], "none was made twice")
    t.equal([x for x in told if x.answer == "refused" and count(x)][:5], [], "none was made that was refused")


def judge_order(t, happened, writers):
    for w in writers:
        done = [x.value for x in w.told if x.what == "changed" and x.answer == "done"]
        made = [value for what, name, value in happened if what == "changed" and name == w.own]
        wanted = set(done)
        if [v for v in made if v in wanted] != done:
            t.equal([v for v in made if v in wanted], done, f"the changes of {w.own} are in the order in which they were answered")
            return
    t.ok(True, "changes are in the order in which they were answered")


def judge_reads(t, happened, writers, readers):
    place = defaultdict(lambda: {"0": 0})
    for what, name, value in happened:
        if what == "changed":
            place[name].setdefault(value, len(place[name]))
    seen, old, never = defaultdict(int), [], []
    for r in readers:
        for name, value in r.reads:
            at = place[name].get(value)
            if at is None:
                never.append((r.node.certerad.name, name, value))
            elif at < seen[r, name]:
                old.append((r.node.certerad.name, name, value))
            else:
                seen[r, name] = at
    t.equal(never[:5], [], f"in {sum(len(r.reads) for r in readers)} reads no value was seen that was never written")
    t.equal(old[:5], [], "no server showed an older value than before")
    stale = [(w.own, wrote, read) for w in writers for wrote, read in w.reads if place[w.own].get(read, -1) < place[w.own].get(wrote, 0)]
    t.equal(stale[:5], [], f"{sum(len(w.reads) for w in writers)} times a server showed what it had just answered")


def equal(t, cluster, leader):
    for node in cluster.others(leader):
        done = leader.run_ctl("verify", "--against", node.name, timeout=120)
        t.equal(done.returncode, 0, f"{leader.name} and {node.name} are equal, and the audit log is one chain", )
        if done.returncode:
            t.note((done.stdout + done.stderr).decode())


run(main)
