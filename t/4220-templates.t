#!/usr/bin/env python3
"""What can be said of the templates without running them: their names, partials and forms exist, and nothing breaks the policy."""
import glob
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

HTML = os.path.join(TOP, "webui", "html")
TAG = re.compile(r"\{\{([#^/>!~]?)\s*(.*?)\s*\}\}", re.S)


def read(*path):
	with open(os.path.join(TOP, *path), encoding="utf-8") as f:
		return f.read()


def rows(file, macro):
	"""The arguments of each row of a table, split at commas outside of quotes."""
	for args in re.findall(rf"^{macro}\((.*)\)$", read("webui", file), re.M):
		yield [a.strip().strip('"') for a in re.findall(r'"(?:[^"\\]|\\.)*"|[^,]+', args)]


def known_names():
	"""Every member that some handler may set."""
	names = {"_"}
	for path in glob.glob(os.path.join(TOP, "*", "*.[ch]")) + glob.glob(os.path.join(TOP, "*", "*", "*.[ch]")):
		text = read(path)
		names.update(re.findall(r'(?:json_\w+|put_\w+|list_json|find)\([^;]*?"(\w+)"', text))
		names.update(f"{name}_shown" for name in re.findall(r'number_put\([^;]*?"(\w+)"', text))
		names.update(f"{name}_text" for name in re.findall(r'admin_put_key_type\([^;]*?"(\w+)"', text))
		names.update(re.findall(r'"(\w+)"', text) if os.sep + "webui" + os.sep in path or "decode" in path else [])
	names.update(re.findall(r"^FIELD\(\w+,\s*\d+,\s*\w+,\s*(\w+)", read("store", "record", "record.def"), re.M))
	names.update(re.findall(r"^STATUS\((\w+)", read("store", "status.def"), re.M))
	return names


def main(t):
	templates = {os.path.relpath(p, HTML)[:-5]: read(p) for p in sorted(glob.glob(os.path.join(HTML, "*", "*.html")))}
	known = known_names()
	for name, text in templates.items():
		tags = TAG.findall(text)
		partials = {word for kind, word in tags if kind == ">"}
		t.equal(partials - set(templates), set(), f"{name}: its partials exist")
		unknown = {word for kind, word in tags if kind in "#^" and word != "." and word.lstrip(".").split(".")[0] not in known}
		t.equal(unknown, set(), f"{name}: its names are members of something")
		plain = TAG.sub("x", text)
		t.equal(re.findall(r"<[^>]*\s(?:style|on\w+)\s*=|javascript:|<style|<script(?! src=\"/static/)|(?:src|href|action)=\"(?:https?:)?//",
			plain, re.I), [], f"{name}: nothing that the policy forbids")
		t.equal(re.findall(r"\s[\w-]+=\{\{", text), [], f"{name}: values stand in quotes")
		t.equal([label for label in re.findall(r'data-label="([^"{]*)"', text) if len(label) > 13], [], f"{name}: on a phone the labels of a card have room")

	card = '?status={{status}}"><b>{{count_shown}}</b> {{status}}<'
	t.contains(templates["server/overview"], card, "overview: a status has its own word, number and list")

	used = {word for text in templates.values() for kind, word in TAG.findall(text) if kind == ">"}
	shown = {row[5] for row in rows("routes.def", "ROUTE")}
	t.equal({s for s in shown if s and s[0] != "@"} - set(templates), set(), "every template of a row exists")
	t.equal(set(templates) - used - shown - {"page/error"}, set(), "and each is shown by some")
	forms_fit(t, templates)


def forms_fit(t, templates):
	handlers = {}
	for method, path, handler, *_ in rows("routes.def", "ROUTE"):
		handlers.setdefault((method, path.removeprefix("/api/v1")), handler)
	members = {}
	for call, body in re.findall(r"^CALL\((\w+),.*?\n(.*?)^END\(", read("webui", "api.def"), re.M | re.S):
		members[call] = set(re.findall(r"^MEMBER\((\w+)", body, re.M))
	fields = {}
	for form, member, kind, *rest in rows("forms.def", "INPUT"):
		fields.setdefault(form, []).append((member, kind, rest))
	shown = set(re.findall(r"\{\{#_\.forms\.(\w+)\}\}", "".join(templates.values())))
	forms = {row[0]: row[1] for row in rows("forms.def", "FORM")}
	t.equal(shown, set(forms), "every form is on a page, and every page's form is there")
	for form, action in forms.items():
		names = {member for member, _, _ in fields.get(form, [])}
		method = "DELETE" if "_method" in names else "POST"
		path = action.split("?")[0]
		handler = handlers.get((method, path)) or next((h for (m, p), h in handlers.items()
			if m == method and re.fullmatch(re.sub(r":\w+", "[^/:]+", p), path)), None)
		t.ok(handler, f"{form}: somebody takes it", action)
		t.equal({n for n in names if n[0] != "_"} - members.get(handler, set()), set(), f"{form}: its fields are members of the call")


run(main)
