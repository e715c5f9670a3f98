#!/usr/bin/env python3
"""Instructions by type of server, done as they say: downloaded in the right format, and the server takes the configuration."""
import base64
import os
import re
import shutil
import ssl
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

SCRIPT = os.path.join(TOP, "contrib", "deploy", "certera-fetch")


def main(t):
    site = Site(t)
    daemon = site.daemon
    root = t.write("site.pem", ssl.get_server_certificate(("localhost", daemon.https_port)))
    made = daemon.add_cert("shop", "shop.example www.shop.example", server_type="nginx")
    os.makedirs(t.path("ssl", "shop"))
    write_keys(t, made)

    words(t, daemon)
    for server, judge in JUDGES.items():
        if shutil.which(judge[0]):
            installed(t, daemon, root, server, judge)
        else:
            t.skip(f"{server}: takes the configuration", f"{judge[0]} is not here")
    on_the_pages(t, daemon)


def write_keys(t, made):
    for name, key in (("shop.certificate.apikey", made["api_keys"][0]), ("shop.key.apikey", made["key_api_keys"][0])):
        os.chmod(t.write(f"ssl/{name}", key + "\n"), 0o600)


def install(daemon, server):
    return daemon.ctl("cert", "install", "shop", "--server", server)


# Whether the server takes the lines: the program, and what a file needs around them.
JUDGES = {
    "nginx": ("nginx", lambda t, file, dir: run_command("nginx", "-t", "-p", dir, "-c", file), "error_log stderr; pid {dir}/pid; events {{}} http {{ access_log off; {lines} }}"),
    "apache": ("apache2", lambda t, file, dir: run_command("apache2", "-t", "-f", file),
        "ServerRoot {dir}\nServerName localhost\nListen 127.0.0.1:1443\nPidFile {dir}/pid\nDefaultRuntimeDir {dir}\nErrorLog /dev/stderr\n"
        "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\nLoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
        "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n{lines}"),
    "haproxy": ("haproxy", lambda t, file, dir: run_command("haproxy", "-c", "-f", file),
        "defaults\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n{lines}\nbackend web\n    mode http\n    server one 127.0.0.1:1\n"),
    "caddy": ("caddy", lambda t, file, dir: run_command("caddy", "validate", "--adapter", "caddyfile", "--config", file, env={**os.environ, "HOME": dir}), "{lines}"),
    "dovecot": ("doveconf", lambda t, file, dir: run_command("doveconf", "-x", "-c", file, "ssl_cert", "ssl_key"), "{lines}"),
}


def installed(t, daemon, root, server, judge):
    said = install(daemon, server)
    place = t.path("ssl")
    command = said["fetch"].replace("/etc/ssl", place).replace("certera-fetch", f"sh {SCRIPT} -a {root}", 1)
    command = re.sub(r"-s \S+", f"-s https://localhost:{daemon.https_port}", command)
    command = re.sub(r"systemctl reload \S+'", "true'", command)
    shutil.rmtree(os.path.join(place, "shop"))
    os.makedirs(os.path.join(place, "shop"))
    done = run_command("sh", "-c", command)
    t.ok(done.returncode == 0 and os.path.exists(os.path.join(place, "shop", "key.pem")), f"{server}: the download, as it is shown", done)
    dir = t.path("of-" + server)
    os.makedirs(dir)
    lines = said["configuration"].replace("/etc/ssl", place)
    file = t.write(f"of-{server}/config", judge[2].format(dir=dir, lines=lines) + "\n")
    done = judge[1](t, file, dir)
    t.ok(done.returncode == 0, f"{server}: takes the configuration", (lines, done))
    # A file that is not there shows that it was read.
    for name in ("key.pem", "haproxy.pem"):
        path = os.path.join(place, "shop", name)
        if os.path.exists(path):
            os.rename(path, path + ".away")
    t.ok(judge[1](t, file, dir).returncode != 0, f"{server}: and reads the files that it names")


def words(t, daemon):
    t.equal(install(daemon, "nginx")["server"], daemon.ctl("cert", "install", "shop")["server"], "without a word, it is for the certificate's own type of server")
    listed = [s["server"] for s in install(daemon, "nginx")["servers"]]
    t.equal({"nginx", "apache", "haproxy", "caddy", "iis", "exchange", "tomcat", "postfix", "dovecot"}, set(listed), "the types there are")
    t.equal({s: install(daemon, s)["format"] for s in ("nginx", "haproxy", "iis", "tomcat")}, {"nginx": "pem", "haproxy": "bundle", "iis": "pfx", "tomcat": "pfx"},
        "each has its format")
    t.ok("certera-fetch.ps1" in install(daemon, "exchange")["fetch"] and "-Exchange" in install(daemon, "exchange")["fetch"], "Windows has its script")
    done = daemon.run_ctl("cert", "set", "shop", "--server-type", "commodore")
    t.ok(done.returncode == 3 and b"nginx, apache" in done.stderr, "a type that is not there: those there are", done)
    status, said = daemon.api("GET", "/certificates/shop/install", server="commodore")
    t.equal((status, said["errors"][0]["field"]), (422, "server"), "nor has it instructions")
    shown = daemon.run_ctl("cert", "install", "shop", "--server", "postfix").stdout
    t.contains(shown, b"smtpd_tls_chain_files = /etc/ssl/shop/key.pem, /etc/ssl/shop/fullchain.pem", "a mail server's lines, in Postfix's words")
    java(t, daemon)


def java(t, daemon):
    """The PFX of the line for Java is a key store."""
    said = install(daemon, "tomcat")
    sent = re.search(r'-d "([^"]+)"', said["fetch"])[1].replace("PFX_PASSWORD", "secret-password")
    with open(t.path("ssl", "shop.certificate.apikey")) as f:
        got = daemon.https("/api/certificate/shop", method="POST", headers={"apiKey": f.read().strip(), "Content-Type": "application/x-www-form-urlencoded"}, body=sent)
    store = t.path("keystore.p12")
    with open(store, "wb") as f:
        f.write(base64.b64decode(got.text))
    if shutil.which("keytool"):
        done = run_command("keytool", "-list", "-keystore", store, "-storetype", "PKCS12", "-storepass", "secret-password")
        t.ok(done.returncode == 0 and b"PrivateKeyEntry" in done.stdout, "tomcat: Java reads the key store", done)


def on_the_pages(t, daemon):
    page = daemon.page("/certificates/shop/install?staging=false")[1]
    t.ok("ssl_certificate_key /etc/ssl/shop/key.pem" in page and "loads the certificate into nginx" in page and "/etc/nginx/sites-available/shop.example" in page, "the page Deploy has the lines of its server")
    page = daemon.page("/certificates/shop/install?staging=false&server=haproxy")[1]
    t.ok("haproxy.pem" in page and "server=dovecot" in page, "and leads to those of the others")
    for file in ("certera-fetch", "certera-fetch.ps1"):
        with open(os.path.join(TOP, "contrib", "deploy", file), "rb") as f:
            t.equal(daemon.https("/api/deploy/" + file).body, f.read(), f"servers download {file} as it is")
    t.equal(daemon.https("/api/deploy/" + "..%2Fhooks%2Fnsupdate").status, 404, "and nothing else")


run(main)
