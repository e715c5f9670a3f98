#!/usr/bin/env python3
"""The rules of contrib/redirect in the real servers: challenges go to Certera, path and all; nothing else does."""
import os
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


def main(t):
    for server in (nginx, apache, haproxy, caddy):
        try:
            server(t)
        except Skip as why:
            t.skip(server.__name__, why)
    rule = ElementTree.parse(os.path.join(RULES, "iis-web.config")).find(".//rule")
    t.equal(rule.find("action").get("url"), "http://certera.example.org" + CHALLENGES + "{R:1}", "IIS: the rule is XML")


run(main)
