#!/usr/bin/env python3
"""Pages, forms, tables of sentences and manuals are written in plain words: what may not come back is listed here."""
import glob
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")

# What a person reads: whole files; of tables and sources only their strings.
READ = ["webui/html/*/*.html", "webui/*.def", "store/status.def", "store/notify/alert.def", "store/wish.def", "store/record/record.def", "store/agenda.def", "webui/server/cause.def",
        "webui/guide/*.def", "webui/list/*.def", "webui/static/*.js", "acme/problem.def", "acme/proof.def", "pki/trust/fault.def", "base/err.def", "ctl/*.def",
         "daemon/config/config.def", "man/*", "contrib/templates/*", "README.md",
        "SECURITY.md", "ARCHITECTURE.md", "doc/*.md", "doc/handbook/*.md"] + [f"{room}/**/*.c" for room in ("acme", "base", "ctl", "daemon", "keeper", "pki", "store", "webui")]

# A word or phrase, and what is said instead.
WORDS = [
    (r"\bwhoever\b", "users who, anyone who"),
    (r"\bsomebody\b", "someone, a user; or say who"),
    (r"\bfor ever\b", "permanently"),
    (r"\bby (itself|themselves)\b", "automatically"),
    (r"\bso many\b", "this many"),
    (r"\bor other\b", "say which"),
    (r"\bno more\b", "no longer, stop; at most"),
    (r"\bany more\b", "no longer"),
    (r"\banother\b", "a new, a different, a second"),
    (r"\b(he|his|him|she|her)\b", "they, their"),
    (r"\bis tried again\b", "Certera tries again"),
    (r"\bapp for codes\b|\bcodes? of (the|an|your) app\b", "authenticator app"),
    (r"\b(is|are|be) told\b|\btold of\b", "is notified"),
    (r"\bneeds somebody\b", "needs attention"),
    (r"\bthing with a name\b|\bnamed thing\b", "say what it is"),
    (r"\bno burden\b", "fine"),
    (r"\bbelongs? to nobody\b|\bnobody in particular\b", "unowned, no owner"),
    (r"\btimes in all\b", "in total"),
    (r"(^|[.:] |>|\")who (is|has|wants|should|can|does)\b[^?<\"]* (is|are|gets|hears|can)\b[^?<\"]*\\.", "users who ..."),
    (r"(^|[.] |>|\")what (is|was|are|has|cannot) [^?<\"]* (is|are|gets|has|can|stands)\b", "the ... that"),
    (r"\b(is|are) (switched off|switched on|tried out)\b|\bswitch it (on|off)\b", "is disabled, is enabled, is a test"),
    (r"\bsays? so\b", "confirm; say what"),
    (r"\bat hand\b|\bstands? in for\b|\bgood no\b", "plain words"),
    (r"\bempty: it stays\b", "Leave empty to keep it."),
    (r"\bmay be given again\b", "repeatable"),
]
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def sentences(path, text):
    """(line number, what is read there)"""
    if path.endswith((".def", ".c", ".js")):
        text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
        return [(n, '"%s"' % s) for n, line in enumerate(text.split("\n"), 1) for s in STRING.findall(line) if not line.startswith("#include")]
    return list(enumerate(text.split("\n"), 1))


def main():
    number, bad = 0, 0
    files = sorted({p for pattern in READ for p in glob.glob(os.path.join(ROOT, pattern), recursive=True) if os.path.isfile(p)})
    for path in files:
        name = os.path.relpath(path, ROOT)
        with open(path, encoding="utf-8") as f:
            found = [f"# {name}:{n}: \"{m[0]}\": {instead}" for n, line in sentences(name, f.read())
                     for word, instead in WORDS for m in re.finditer(word, line, re.I)]
        number += 1
        bad += bool(found)
        print(f"{'not ' if found else ''}ok {number} - {name}")
        print("\n".join(found), end="\n" if found else "")
    print(f"1..{number}")
    return 1 if bad else 0


sys.exit(main())
