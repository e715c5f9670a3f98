#!/usr/bin/env python3
"""Events are lines of the log, too: one each, by names that stay; in JSON and in the journal their parts are fields."""
import json
import os
import re
import socket
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

own_network()


OBJECTS = r'"(account|alert|backup|certificate|channel|hook|key|list|message|order|plan|record|secret|setting|setup|site|store|token|user)\.[a-z_-]+"'


class Journal:
    """Where systemd's journal takes its datagrams; only this test sees it."""

    def __init__(self):
        run_command("mount", "-t", "tmpfs", "none", "/run")
        os.makedirs("/run/systemd/journal")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/run/systemd/journal/socket")
        os.chmod("/run/systemd/journal/socket", 0o666)
        self.socket.setblocking(False)
        self.entries = []

    def find(self, **wanted):
        while True:
            try:
                self.entries.append(dict(line.split("=", 1) for line in self.socket.recv(65536).decode().splitlines()))
            except BlockingIOError:
                break
        return [e for e in self.entries if wanted.items() <= e.items()]


def main(t):
    journal = Journal()
    text = Certerad(t, name="text")
    text.ctl("plan", "add", "small")
    text.wait_until("the event is said", lambda: re.search(rb"(?m)^\S+ info +(\S+: )?event plan\.added small by local admin.*: ", text.log()))
    t.ok(True, "a line of text")
    before = len(re.findall(rb" event ", text.log()))
    for name in ("a", "b", "c"):
        text.ctl("plan", "add", name)
    text.wait_until("all are said", lambda: len(re.findall(rb" event ", text.log())) >= before + 3)
    t.equal(re.findall(rb" event plan.added (\w)", text.log()[-5000:])[-3:], [b"a", b"b", b"c"], "one line an event, in order")
    said = len(re.findall(rb" event ", text.log()))
    text.stop()
    text.begin()
    text.ctl("plan", "rm", "a")
    text.wait_until("the next is said", lambda: b"event plan.removed a" in text.log())
    t.ok(text.log().count(b"event plan.added small") == 1, "after a restart none is said again", text.tail(20))

    as_json = Certerad(t, name="json", log={"format": "json"})
    as_json.ctl("plan", "add", "small")
    as_json.wait_until("the event is said", lambda: b'"plan.added"' in as_json.log())
    line = next(json.loads(l) for l in as_json.log().splitlines() if b'"plan.added"' in l)
    newest = as_json.ctl("events", "--limit", "1")["events"][0]
    t.equal((line["event"], line["name"], line["actor"], line["number"], line["level"]), ("plan.added", "small", newest["actor"], newest["number"], "info"), "in JSON, its parts are members")

    log = t.write("journal.log", "")
    st = os.stat(log)
    to_journal = Certerad(t, name="journal", env={"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
    to_journal.ctl("plan", "add", "small")
    found = to_journal.wait_until("the journal has it", lambda: journal.find(CERTERA_EVENT="plan.added"))[0]
    t.equal((found["CERTERA_NAME"], found["PRIORITY"], found["SYSLOG_IDENTIFIER"]), ("small", "6", "certerad"), "in the journal, fields")
    t.matches(found["MESSAGE"], "^event plan.added small by local admin", "with a sentence")
    t.lacks(to_journal.log(), b"plan.added", "and not once more as text")

    with open(os.path.join(TOP, "man", "certerad.8")) as f:
        manual = f.read()
    sources = run_command("grep", "-rhoE", OBJECTS, *(os.path.join(TOP, d) for d in ("webui", "daemon", "store")), "--include=*.c").stdout.decode()
    t.equal(sorted(a for a in {s.strip('"') for s in sources.split()} if a not in manual), [], "certerad(8) lists the names of all events")


run(main)
