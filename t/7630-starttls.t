#!/usr/bin/env python3
"""STARTTLS, against real servers: their certificates are seen behind what their protocols want said before TLS."""
import glob
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

HOST = "mail.example.org"


def dovecot(t, pair):
    """IMAP and POP3."""
    imap, pop3, d = free_port(), free_port(), t.path("dovecot")
    os.makedirs(d)
    file = t.write("dovecot.conf", f"""
protocols = imap pop3
listen = 127.0.0.1
base_dir = {d}/run
state_dir = {d}/state
log_path = /dev/stderr
ssl = yes
ssl_cert = <{pair[0]}
ssl_key = <{pair[1]}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
""")
    server = Process(t, "dovecot", [program("dovecot"), "-F", "-c", file])
    server.start()
    server.wait_for_port(imap)
    return [("imap", imap), ("pop3", pop3)]


def exim(t, pair):
    """SMTP."""
    port, d = free_port(), t.path("exim")
    os.makedirs(d)
    os.chmod(d, 0o777)
    file = t.write("exim.conf", f"""
primary_hostname = {HOST}
spool_directory = {d}
log_file_path = {d}/%slog
pid_file_path = {d}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts = *
tls_certificate = {pair[0]}
tls_privatekey = {pair[1]}
keep_environment =
""")
    server = Process(t, "exim", [program("exim4"), "-bdf", "-C", file])
    server.start()
    server.wait_for_port(port)
    return [("smtp", port), ("submission", port)]


def slapd(t, pair):
    """LDAP."""
    port, d = free_port(), t.path("slapd")
    os.makedirs(d)
    file = t.write("slapd.conf", f"pidfile {d}/pid\nTLSCertificateFile {pair[0]}\nTLSCertificateKeyFile {pair[1]}\n")
    server = Process(t, "slapd", [program("slapd"), "-h", f"ldap://127.0.0.1:{port}", "-f", file, "-d", "0"])
    server.start()
    server.wait_for_port(port)
    return [("ldap", port)]


def postgres_program(name):
    """Debian keeps them apart, by version."""
    return (sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}")) or [None])[-1] or program(name)


def postgres(t, pair):
    """PostgreSQL."""
    port, d = free_port(), t.path("postgres")
    os.makedirs(d)
    initdb, server = postgres_program("initdb"), postgres_program("postgres")
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        run_command("chown", user, d, pair[1])
    os.chmod(pair[1], 0o600)
    done = run_command(initdb, "-D", d + "/data", "-A", "trust", "--no-sync", user=user)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": d, "ssl": "on", "ssl_cert_file": pair[0],
        "ssl_key_file": pair[1]}
    process = Process(t, "postgres", [server, "-D", d + "/data", *(f"--{k}={v}" for k, v in options.items())], user=user)
    process.start()
    process.wait_for_port(port)
    process.wait_for_log("ready to accept connections")
    return [("postgres", port), ("postgresql", port)]


def prosody(t, pair):
    """XMPP."""
    port, d = free_port(), t.path("prosody")
    os.makedirs(d)
    file = t.write("prosody.cfg.lua", f"""
run_as_root = true
daemonize = false
data_path = "{d}"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
modules_enabled = {{ "tls", "saslauth" }}
modules_disabled = {{ "s2s" }}
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
c2s_require_encryption = true
ssl = {{ certificate = "{pair[0]}", key = "{pair[1]}" }}
VirtualHost "{HOST}"
""")
    server = Process(t, "prosody", [program("prosody"), "-F", "--config", file])
    server.start()
    server.wait_for_port(port)
    return [("xmpp", port)]


def main(t):
    ca, names = Authority(t), Names(t)
    daemon = Certerad(t, tracking={"roots": ca.file, "timeout": "5s", "resolvers": f"127.0.0.1:{names.port}"})
    for server in (dovecot, exim, slapd, postgres, prosody):
        pair = ca.leaf(f"DNS:{HOST}")
        os.chmod(pair[1], 0o644)
        with open(pair[0]) as f:
            fingerprint = Certificate(f.read()).fingerprint
        try:
            served = server(t, pair)
        except Skip as why:
            t.skip(f"{server.__name__}: {server.__doc__}", why)
            continue
        for scheme, port in served:
            site = f"{scheme}://{HOST}:{port}"
            daemon.ctl("site", "add", site)
            seen = daemon.ctl("site", "scan", site)
            t.equal((seen["fingerprint"], seen["reason"]), (fingerprint, None), f"{server.__name__}: {scheme}://")
    refused(t, daemon)
    scripted(t, daemon, ca)


def scripted(t, daemon, ca):
    """What no server here says, but some do."""
    pair = ca.leaf("IP:127.0.0.1")
    stream = b"<?xml version='1.0'?><stream:stream id='1'><stream:features>"
    tls = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
    good = [
        ("smtp", "a greeting of many lines", [(b"", b"220-mail.example\r\n220-says\r\n220 hello\r\n"),
            (b"EHLO", b"250-mail.example\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n"), (b"STARTTLS\r\n", b"220 go\r\n")]),
        ("imap", "news in front of the answer", [(b"", b"* OK [CAPABILITY IMAP4rev1] hello\r\n"),
            (b"a1 STARTTLS\r\n", b"* 1 EXISTS\r\n* CAPABILITY IMAP4\r\na1 OK begin\r\n")]),
        ("pop3", "a bare line end", [(b"", b"+OK\n"), (b"STLS\r\n", b"+OK begin\n")]),
        ("ldap", "a length in the long form", [(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037",
            b"\x30\x84\0\0\0\x28\x02\x01\x01\x78\x84\0\0\0\x1f\x0a\x01\0\x04\0\x04\0\x8a\x161.3.6.1.4.1.1466.20037")]),
        ("postgres", "one letter", [(b"\0\0\0\x08\x04\xd2\x16\x2f", b"S")]),
        ("xmpp", "features", [(b"<?xml", stream + tls), (b"<starttls", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")]),
    ]
    for scheme, what, dialogue in good:
        server = Talker(starttls(pair, *dialogue))
        site = f"{scheme}://{server.site}"
        daemon.ctl("site", "add", site)
        t.equal(daemon.ctl("site", "scan", site)["state"], "valid", f"{scheme}: {what}")
        server.close()


def refused(t, daemon):
    bad = [
        ("smtp", [(b"", b"220 hello\r\n"), (b"EHLO", b"250-mail.example\r\n250 HELP\r\n")], "does not offer TLS (STARTTLS): \"250-mail.example"),
        ("smtp", [(b"", b"554 go away\r\n")], "does not offer TLS (STARTTLS): \"554 go away\""),
        ("smtp", [(b"", b"220 hello\r\n"), (b"EHLO", b"250 STARTTLS\r\n"), (b"STARTTLS", b"454 not now\r\n")], "454 not now"),
        ("smtp", [(b"", b"220 hello\r\n"), (b"EHLO", b"250 STARTTLS\r\n"), (b"STARTTLS", b"220 go\r\n250 injected\r\n")],
            "behind its consent to TLS"),
        ("imap", [(b"", b"* OK\r\n"), (b"a1", b"a1 BAD what?\r\n")], "a1 BAD what?"),
        ("pop3", [(b"", b"+OK\r\n"), (b"STLS", b"-ERR no\r\n")], "-ERR no"),
        ("ldap", [(b"\x30", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\0\x04\0")], "does not offer TLS"),
        ("postgres", [(b"\0", b"N")], "does not offer TLS (STARTTLS): \"N\""),
        ("xmpp", [(b"<?xml", b"<?xml version='1.0'?><stream:stream><stream:error/></stream:stream>")], "does not offer TLS"),
        ("smtp", [(b"", b"220-" + b"x" * 20000)], "does not come to an end with its answer"),
    ]
    for scheme, dialogue, says in bad:
        def talk(connection):
            for wanted, answer in dialogue:
                if wanted:
                    connection.recv(4096)
                connection.sendall(answer)
            connection.recv(4096)
        server = Talker(talk)
        site = f"{scheme}://{server.site}"
        daemon.ctl("site", "add", site)
        seen = daemon.ctl("site", "scan", site)
        t.equal(seen["state"], "unreachable", f"{scheme}: refused")
        t.contains(seen["reason"], says, f"{scheme}: in whose words")
        server.close()


run(main)
