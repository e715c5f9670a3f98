#!/usr/bin/env python3
"""What certeractl can do, the pages can: each command of commands.def has a page or a form, each of its options a field.

Read from the tables and templates alone.  A new command or option without a page fails here; so does an exception below that is none.
"""
import glob
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

FOR_PROGRAMS = "for programs that read events"
HERE = "for the machine that the server runs on"
# Commands that no row of routes.def shows, or no form sends: where it is instead.
ELSEWHERE = {
    "setup": "the wizard, /setup", "status": "/overview and /system", "health": "/system", "agenda": "/system; renewals in /renewals",
    "reader_show": "/readers", "reader_ack": FOR_PROGRAMS, "order_show": "a certificate's history has each order with its steps",
    "settings_show": "/settings", "doctor": HERE, "restore": HERE, "export": HERE, "apply": HERE, "import_from": HERE, "completion": HERE,
}
# Members that no form of the command's path has, and parameters that no chip of the list has.
FIELDS_ELSEWHERE = {
    ("cert_add", "no_issue"): "the field issue", ("cert_add", "challenges"): "chosen in the preview", ("cert_add", "preflight"): "a button of the preview",
    ("cert_set", "key"): "a form of its own: certificate_key", ("cert_set", "new_key"): "certificate_key",
    ("cert_set", "add_tags"): "the field tags", ("cert_set", "remove_tags"): "the field tags", ("cert_set", "no_tags"): "the field tags, empty",
    ("cert_set", "no_contacts"): "the field contacts, empty",
    ("cert_reissue", "dry_run"): "the preview of the next order", ("bulk", "dry_run"): "the page before it says how many, and names some",
    ("cert_list", "disabled"): "the status disabled", ("events", "class"): FOR_PROGRAMS, ("events", "reader"): FOR_PROGRAMS,
    ("events", "before"): "the link to older ones", ("events", "after"): FOR_PROGRAMS, ("site_add", "file"): "pasted", ("list_mail", "user"): "to oneself",
    ("user_add", "keep_password"): "whoever is given a password changes it", ("user_reset", "keep_password"): "likewise", ("user_reset", "password"): "is made up",
}
# Of every command: which certificate is part of the page's address, a page follows what it began, and asks before what stops something.
ALWAYS = {"staging", "wait", "yes"}
# What a list's page has beside its chips.
OF_LISTS = {"search", "sort", "limit"}
ALSO = {"cert_import": "/new/import"}
# A path that a command fills with a word: one page each.
WORDS = {"/*/*/apikeys/*": ("/certificates/*/apikeys/*", "/keys/*/apikeys/*")}


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def plain(path):
    """A path of any of the tables, with * for what is filled in."""
    return re.sub(r"\{\{[^}]*\}\}|:\w+|\{\d\}", "*", path.split("?")[0].removeprefix("/api/v1"))


def commands():
    for row in re.finditer(r'^COMMAND\((\w+), "([^"]*)", "[^"]*", "(\w*)", "([^"]*)".*?\n(.*?)^END', read("ctl", "commands.def"), re.M | re.S):
        name, words, method, path, options = row.groups()
        yield name, words, method, plain(path), re.findall(r'^OPTION\([\w-]+, *OPTION_(\w+), *"(\w+)"', options, re.M)


def shown_forms():
    """Of all forms that a template shows: method and path -> the members that can be sent."""
    texts = [read(path) for path in glob.glob(os.path.join(TOP, "webui", "html", "*", "*.html"))]
    for row in re.finditer(r'^FORM\((\w+), "([^"]*)".*?, ([^,]*)\)\n(.*?)^END', read("webui", "forms.def"), re.M | re.S):
        name, path, flags, fields = row.groups()
        if any(f"_.forms.{name}}}" in text for text in texts):
            members = set(re.findall(r"^INPUT\(\w+, (\w+),", fields, re.M)) | ({"dry_run"} if "PREVIEW" in flags else set())
            yield "DELETE" if "_method" in members else "POST", plain(path), members
    for text in texts:
        for path, fields in re.findall(r'<form[^>]*method="post"[^>]* action="([^"]*)"(.*?)</form>', text, re.S):
            members = set(re.findall(r'name="(\w+)"', fields)) | ({"dry_run"} if "dry_run=true" in path else set())
            for method in {"POST", "DELETE"} if "<button" in fields and re.search('<button[^>]*name="_method"', fields) else {"DELETE" if "_method" in members else "POST"}:
                yield method, plain(path), members
            yield from (("POST", plain(look), set()) for look in re.findall(r'data-look="([^"]*)"', fields))


def filters(handler):
    """What the page of a list can be asked for."""
    found = set(OF_LISTS)
    rows = re.search(rf"^LIST\({handler},.*?^END\({handler}\)", read("webui", "lists.def"), re.M | re.S)
    for member, kind in re.findall(r'^CHIP\("(\w*)", (\w+),', rows[0] if rows else "", re.M):
        found |= {member + "since", member + "until"} if kind == "DAYS" else {member}
    return found if rows else None


def main(t):
    forms = {}
    for method, path, members in shown_forms():
        forms.setdefault((method, path), set()).update(members)
    routes = re.findall(r'^ROUTE\(GET, +"([^"]*)", +(\w+), +\w+, +\w+, +"([^"]+)"\)', read("webui", "routes.def"), re.M)
    pages = {plain(path): handler for path, handler, _ in routes}
    used = set()
    for name, words, method, path, options in commands():
        for one in WORDS.get(path, (path,)):
            there = one in pages if method == "GET" else (method, one) in forms
            if name in ELSEWHERE and not there:
                used.add(name)
                t.ok(True, f"{words}: {ELSEWHERE[name]}")
                continue
            if not t.ok(there, f"{words}: {'a page' if method == 'GET' else 'a form'} of {method} {one}"):
                continue
            lacks = missing(name, method, one, options, forms, pages)
            used.update((name, member) for member in lacks if (name, member) in FIELDS_ELSEWHERE)
            t.equal(sorted(lacks - {m for n, m in FIELDS_ELSEWHERE if n == name}), [], f"{words}: with all that can be said to it")
    t.equal(sorted(map(str, {*ELSEWHERE, *FIELDS_ELSEWHERE} - used)), [], "what is an exception here is one")


def missing(name, method, path, options, forms, pages):
    if method == "GET":
        has = filters(pages[path])
        return {member for kind, member in options if kind == "QUERY"} - has if has else set()
    has = forms[method, path] | forms.get((method, ALSO.get(name)), set())
    return {member for kind, member in options if kind != "LOCAL"} - has - ALWAYS


run(main)
