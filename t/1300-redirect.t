#!/usr/bin/env python3
"""The rules of contrib/redirect in the real servers: challenges go to Certera, path and all; nothing else does."""
import json
import os
import re
import sys
from xml.etree import ElementTree
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

RULES = os.path.join(TOP, "contrib", "redirect")
CHALLENGES = "/.well-known/acme-challenge/"
TOKEN = "DGyRejmCefe7v4NfDGDKfA-_x"


def check(t, server, where):
    def get(path, method="GET", host="www.example.org"):
        answer = fetch(f"http://127.0.0.1:{server.port}{path}", method=method, headers={"Host": host})
        return answer.status, answer.header("Location")

    to = "http://certera.example.org" + CHALLENGES + TOKEN
    t.equal(get(CHALLENGES + TOKEN), (302, to), f"{where}: a challenge is redirected, token and all")
    t.equal(get(CHALLENGES + TOKEN, method="HEAD"), (302, to), f"{where}: HEAD too")
    t.equal(get(CHALLENGES + TOKEN, host="other.example"), (302, to), f"{where}: for whatever name")
    for path in ("/", "/.well-known/security.txt", "/.well-known/acme-challengers", "/x" + CHALLENGES + TOKEN):
        status, location = get(path)
        t.ok(not (location or "").startswith("http://certera.example.org"), f"{where}: {path} is not",
            f"{status} {location}")


def nginx(t):
    rule = f"include {RULES}/nginx.conf;"
    check(t, Nginx(t, server=rule, name="nginx-bare"), "nginx")
    check(t, Nginx(t, server=rule + """
        location / { return 301 https://$host$request_uri; }
        location ~ /\\. { deny all; }""", name="nginx-https"), "nginx, https elsewhere, dot files denied")


def apache(t):
    rule = f"Include {RULES}/apache.conf"
    dead = free_port()
    check(t, Apache(t, "apache-bare", rule), "apache")
    check(t, Apache(t, "apache-proxy", f"{rule}\nProxyPass / http://127.0.0.1:{dead}/"), "apache with ProxyPass")
    check(t, Apache(t, "apache-rewrite", f"""{rule}
        RewriteEngine on
        RewriteRule ^/\\.well-known/acme-challenge/ - [END]
        RewriteRule ^ https://%{{HTTP_HOST}}%{{REQUEST_URI}} [R=301,L]"""), "apache with https elsewhere")


def haproxy(t):
    with open(os.path.join(RULES, "haproxy.cfg")) as f:
        rule = f.read()
    port = free_port()
    file = t.write("haproxy.cfg", "defaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n"
        "    timeout connect 5s\n" + rule.replace("bind :80", f"bind 127.0.0.1:{port}") +
        "    http-request return status 404\n")
    server = Process(t, "haproxy", [program("haproxy"), "-db", "-f", file])
    server.port = port
    server.start()
    server.wait_for_port(port)
    check(t, server, "haproxy")


def caddy(t):
    with open(os.path.join(RULES, "Caddyfile")) as f:
        rule = f.read()
    port = free_port()
    file = t.write("Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n" + rule.replace("http://www.example.org {",
        f"http://:{port} {{"))
    server = Process(t, "caddy", [program("caddy"), "run", "--config", file, "--adapter", "caddyfile"],
        env={"HOME": t.dir, "XDG_CONFIG_HOME": t.dir, "XDG_DATA_HOME": t.dir})
    server.port = port
    server.start()
    server.wait_for_port(port)
    check(t, server, "caddy")


def htaccess(t):
    """In a site's own directory, before the rules of a program that takes all paths."""
    with open(os.path.join(RULES, "apache.htaccess")) as f:
        rule = f.read()
    wordpress = "\nRewriteEngine On\nRewriteBase /\nRewriteRule ^index\\.php$ - [L]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /index.php [L]\n"
    for name, after, modules in (("bare", "", Apache.MODULES), ("program", wordpress, Apache.MODULES), ("alias", "", [m for m in Apache.MODULES if m != "rewrite"])):
        root = t.path("site-" + name)
        t.write(f"site-{name}/.htaccess", rule + after)
        t.write(f"site-{name}/index.php", "all paths")
        server = type("Server", (Apache,), {"MODULES": modules})(t, "htaccess-" + name,
            f"DocumentRoot {root}\n<Directory {root}>\nAllowOverride FileInfo\nRequire all granted\n</Directory>")
        check(t, server, f"apache, .htaccess, {name}")


def lighttpd(t):
    with open(os.path.join(RULES, "lighttpd.conf")) as f:
        rule = f.read()
    for name, before in (("bare", ""), ("https", '$HTTP["scheme"] == "http" { url.redirect = ("" => "https://${url.authority}${url.path}${qsa}") }\n')):
        port = free_port()
        file = t.write(f"lighttpd-{name}.conf", f'server.document-root = "{t.dir}"\nserver.bind = "127.0.0.1"\nserver.port = {port}\n'
            f'server.errorlog = "{t.path("lighttpd-error.log")}"\n' + ('server.modules += ("mod_redirect")\n' + before if before else "") +
            (rule.replace('server.modules += ( "mod_redirect" )\n', "") if before else rule))
        server = Process(t, "lighttpd-" + name, [program("lighttpd"), "-D", "-f", file])
        server.port = port
        server.start()
        server.wait_for_port(port)
        check(t, server, f"lighttpd, {name}")


# What the file provider reads of these (https://doc.traefik.io/traefik/reference/dynamic-configuration/file/): all members, and their types.
TRAEFIK = {"http": {"routers": {"*": {"rule": str, "entryPoints": list, "priority": int, "middlewares": list, "service": str}},
    "middlewares": {"*": {"redirectRegex": {"regex": str, "replacement": str, "permanent": bool}}}}}


def mapping(lines, depth=0):
    """YAML, as much of it as the rule has."""
    found = {}
    while lines and len(lines[0]) - len(lines[0].lstrip()) == depth:
        key, value = lines.pop(0).strip().split(":", 1)
        value = value.strip()
        found[key] = (mapping(lines, depth + 2) if not value else json.loads(value) if value[0] in '"0123456789tf' else
            [v.strip() for v in value[1:-1].split(",")] if value[0] == "[" else value)
    return found


def wrong(value, schema, path=""):
    """Where it is not as the schema says."""
    if isinstance(schema, type):
        return [] if type(value) is schema else [f"{path}: {value!r}"]
    return [w for k, v in value.items() for w in (wrong(v, schema.get(k, schema.get("*")), f"{path}.{k}") if k in schema or "*" in schema else [f"{path}.{k} is not known"])]


def traefik(t):
    """There is no Traefik in Debian: its file is read as it reads it."""
    with open(os.path.join(RULES, "traefik.yaml")) as f:
        rule = mapping([l.rstrip("\n") for l in f if l.strip() and not l.startswith("#")])
    t.equal(wrong(rule, TRAEFIK), [], "traefik: only members that its file provider knows, of their types")
    router, redirect = rule["http"]["routers"]["certera"], rule["http"]["middlewares"]["certera"]["redirectRegex"]
    t.equal((router["middlewares"], router["rule"], redirect["permanent"]), (["certera"], f"PathPrefix(`{CHALLENGES}`)", False), "traefik: challenges go to the redirect, which is a 302")
    to = re.sub(redirect["regex"], redirect["replacement"].replace("${1}", r"\1"), f"http://www.example.org{CHALLENGES}{TOKEN}")
    t.equal(to, "http://certera.example.org" + CHALLENGES + TOKEN, "traefik: token and all")
    t.ok(not re.match(redirect["regex"], "http://www.example.org/x" + CHALLENGES + TOKEN), "traefik: nothing else")


# rewrite_schema.xml of the module URL Rewrite: elements, their attributes, and what is in them.
IIS = {"configuration": ((), ("system.webServer",)), "system.webServer": ((), ("rewrite",)), "rewrite": ((), ("rules",)), "rules": ((), ("rule",)),
    "rule": (("name", "enabled", "patternSyntax", "stopProcessing"), ("match", "conditions", "action")), "match": (("url", "ignoreCase", "negate"), ()),
    "action": (("type", "url", "appendQueryString", "redirectType", "logRewrittenUrl"), ())}


def iis(t):
    """There is no IIS here: the file against what the module's schema has, and its pattern."""
    tree = ElementTree.parse(os.path.join(RULES, "iis-web.config")).getroot()
    odd = [f"{e.tag} {a}" for e in tree.iter() for a in e.attrib if a not in IIS[e.tag][0]]
    odd += [f"{c.tag} in {e.tag}" for e in tree.iter() for c in e if c.tag not in IIS[e.tag][1]]
    t.equal(odd, [], "IIS: elements and attributes that URL Rewrite knows, each in its place")
    rule, action = tree.find(".//rule"), tree.find(".//action")
    t.equal((action.get("type"), action.get("redirectType"), rule.get("stopProcessing")), ("Redirect", "Found", "true"), "IIS: a 302, and no rule after it")
    pattern = rule.find("match").get("url")
    found = re.search(pattern, (CHALLENGES + TOKEN)[1:])
    t.equal(action.get("url").replace("{R:1}", found[1]), "http://certera.example.org" + CHALLENGES + TOKEN, "IIS: token and all")
    t.ok(not re.search(pattern, "x" + CHALLENGES + TOKEN) and not re.search(pattern, ".well-known/security.txt"), "IIS: nothing else")


def page(t):
    """The page Redirects has each of the files."""
    daemon = Certerad(t)
    rules = {r["file"]: r["rule"] for r in daemon.api("GET", "/redirects")[1]["rules"]}
    t.equal(set(rules), set(os.listdir(RULES)) - {"README"}, "the page has every rule")
    t.equal([f for f, rule in rules.items() if "certera.example.org" in rule or "localhost" not in rule], [], "with the name of this server")


def main(t):
    for server in (nginx, apache, htaccess, haproxy, caddy, lighttpd):
        try:
            server(t)
        except Skip as why:
            t.skip(server.__name__, why)
    traefik(t)
    iis(t)
    page(t)


run(main)
