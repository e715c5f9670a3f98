#!/usr/bin/env python3
"""The page Help: the handbook, by topic and by search, in the program itself; and what it says is so."""
import glob
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

BOOK = os.path.join(TOP, "doc", "handbook")


def read(path):
    with open(path) as f:
        return f.read()


def text_of(section):
    """What a section says, as text."""
    parts = []
    for block in section["blocks"]:
        for runs in [block.get("runs", [])] + [i["runs"] for i in block.get("items", [])]:
            parts.append("".join(r.get("code", "") + r.get("text", "") for r in runs))
        parts += [l["line"] for l in block.get("lines", [])]
    return "\n".join(parts)


def commands(book):
    """Lines of the handbook that call certeractl, without what is behind #."""
    return {re.sub(r"\s+#.*", "", l.strip()).removeprefix("sudo ") for l in book.splitlines() if re.match(r"    (sudo )?certeractl ", l)}


def main(t):
    daemon = Certerad(t)
    files = sorted(glob.glob(BOOK + "/*.md"))
    book = "\n".join(read(f) for f in files)
    status, whole = daemon.api("GET", "/help")
    t.equal((status, [x["title"] for x in whole["topics"]]), (200, [read(f).splitlines()[0][2:] for f in files]), "the topics, in order")
    t.equal([s["title"] for s in whole["sections"]], re.findall(r"(?m)^## (.*)$", book), "the API has all sections")
    said = "\n".join(text_of(s) for s in whole["sections"])
    lost = [w for w in re.findall(r"[\w-]{4,}", re.sub(r"(?m)^#+ .*$", "", book)) if w not in said]
    t.equal(lost, [], "with every word")
    t.equal(len({s["id"] for s in whole["sections"]}), len(whole["sections"]), "each by an anchor of its own")

    found = daemon.api("GET", "/help", search="WILDCARD script")[1]["sections"]
    t.ok(found and all("wildcard" in (s["title"] + s["topic_title"] + text_of(s)).lower() and "script" in (s["title"] + s["topic_title"] + text_of(s)).lower() for s in found), "a search finds sections with all words", found)
    t.equal(daemon.api("GET", "/help", search="nosuchwordatall")[1]["sections"], [], "or none")
    t.equal({s["topic"] for s in daemon.api("GET", "/help", topic="backups")[1]["sections"]}, {"backups"}, "a topic has its own")

    status, page = daemon.page("/help")
    t.ok(status == 200 and "Install the package" in page and "Restore a backup" not in page, "the page begins with the quick start", page)
    t.ok("Restore a backup" in daemon.page("/help?topic=backups")[1], "and has each topic")
    page = daemon.page("/help?search=%3Cb%3E+refused")[1]
    t.ok("Nothing found" in page and "&lt;b&gt; refused" in page, "a search for nothing says so, and keeps what was typed", page)
    t.ok('href="/help"' in page and "http" not in re.sub(r"http://NAME[^<]*|http://www.example[^<]*", "", re.sub(r"(?s)<pre.*?</pre>", "", page)), "nothing is fetched from elsewhere")
    missing = [c for c in ("<code>cert add --dry-run</code>",) if c not in daemon.page("/help")[1]]
    t.equal(missing, [], "code looks like code")

    ctl = os.path.join(BUILD, "certeractl")
    wrong = []
    for line in sorted(commands(book)):
        words = [w for w in line.split()[1:] if not w.startswith(("-", '"')) and re.fullmatch(r"[a-z-]+", w)]
        help = next((h for n in (2, 1) for h in [run_command(ctl, "help", *words[:n]).stdout.decode()] if h.startswith("usage: certeractl " + " ".join(words[:n]))), "")
        wrong += [line] if not help or [o for o in re.findall(r"(--[a-z-]+)", line) if f"  {o} " not in help and f"  {o}\n" not in help] else []
    t.equal(wrong, [], "the commands in it are there, with their options")
    settings = {f"{g}.{k}" for g, k in re.findall(r"^SETTING\((\w+), (\w+),", read(os.path.join(TOP, "daemon", "config", "config.def")), re.M)}
    groups = {s.split(".")[0] for s in settings}
    t.equal([s for s in re.findall(r"`([a-z]+\.[a-z_]+)[`:]", book) if s.split(".")[0] in groups and s not in settings], [], "and the settings")
    sources = "".join(read(f) for d in ("webui", "daemon", "ctl", "base", "store") for f in glob.glob(os.path.join(TOP, d, "**", "*.[cd]*"), recursive=True) if f.endswith((".c", ".def")))
    sources = re.sub(r'"\s*\n\s*"', "", sources).replace("not in %s;", "not in access.admin;")
    titles = [t for t in re.findall(r"(?m)^## (.*)$", read(files[-1])) if t not in ("Where to look", "Rate limits")]
    unknown = [title for title in titles if not any(all(re.sub(r"\W+$", "", p) in sources for p in part.split("...")) for part in re.split(r", ", title) if len(part) > 12)]
    t.equal(unknown, [], "messages are those that the program has")


run(main)
