#!/usr/bin/env python3
"""contrib/hooks/deploy-ssh with a real sshd: told of a new version, a server has it at once by certera-fetch."""
import getpass
import os
import ssl
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


class Sshd(Process):
    """A server at which one key may run one command."""

    def __init__(self, t, command):
        self.port = free_port()
        for name in ("host", "deploy"):
            done = run_command(program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", t.path(name))
            if done.returncode:
                raise RuntimeError(done.stderr.decode())
        keys = t.write("authorized_keys", f'restrict,command="{command}" {open(t.path("deploy.pub")).read()}')
        host_key = " ".join(open(t.path("host.pub")).read().split()[:2])
        self.known_hosts = t.write("known_hosts", f"[127.0.0.1]:{self.port} {host_key}\n")
        self.host = f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # as its service does; only root's sshd wants it
        file = t.write("sshd.conf", f"ListenAddress 127.0.0.1:{self.port}\nHostKey {t.path('host')}\nPidFile none\n"
            f"AuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\nPermitRootLogin forced-commands-only\n")
        super().__init__(t, "sshd", [program("sshd"), "-D", "-e", "-f", file])
        self.start()
        self.wait_for_port(self.port)


def main(t):
    program("ssh")
    hooks = Hooks(t)
    hooks.add("deploy-ssh")
    daemon = Site(t, hooks={"directory": hooks.dir}).daemon
    added = daemon.add_cert("www", "www.example a.example")
    live = t.path("live")
    fetch = " ".join([os.path.join(TOP, "contrib", "deploy", "certera-fetch"), "-s", f"https://localhost:{daemon.https_port}",
        "-n", "www", "-d", live, "-a", t.write("site.pem", ssl.get_server_certificate(("localhost", daemon.https_port))),
        "-c", t.write("certificate.apikey", added["api_keys"][0]), "-p", t.write("key.apikey", added["key_api_keys"][1])])
    sshd = Sshd(t, fetch)
    settings = {"deploy": "deploy-ssh", "deploy_environment": [f"SSH_KEY={t.path('deploy')}",
        f"SSH_KNOWN_HOSTS={sshd.known_hosts}", f"SSH_HOSTS={sshd.host}"]}
    daemon.configure(hooks=settings)
    daemon.reload()

    daemon.ctl("cert", "issue", "www", "--wait")
    cert = daemon.wait_for_cert("www", lambda c: c["deploy"]["state"] in ("done", "failed"))
    t.equal(cert["deploy"]["state"], "done", "issued again: the server is told")
    with open(f"{live}/fullchain.pem") as chain, open(f"{live}/key.pem") as key:
        leaf, key = Certificate(chain.read()), key.read()
    t.equal(leaf.fingerprint, daemon.leaf("www").fingerprint, "and has the new version")
    t.equal(public_key_of_key(key), leaf.public_key, "with its key")
    t.equal(cert["status"], "active", "the certificate is active")

    gone = f"ssh://nobody@127.0.0.1:{free_port()}"
    settings["deploy_environment"][2] = f"SSH_HOSTS={gone} -oProxyCommand=touch${{IFS}}{t.path('owned')} {sshd.host}"
    daemon.configure(hooks=settings)
    daemon.reload()
    done = daemon.run_ctl("cert", "deploy", "www", "--wait")
    t.ok(done.returncode, "of several servers one is down: the hook fails")
    log = "\n".join(daemon.cert("www")["deploy"]["log"])
    t.contains(log, "ssh ended with 255", "it says which")
    t.contains(log, "www: nothing has changed", "the others hear of it all the same")
    t.ok(not os.path.exists(t.path("owned")), "what looks like an option is no host")
    t.equal(daemon.cert("www")["status"], "undelivered", "the certificate is undelivered")

    open(sshd.known_hosts, "w").close()
    settings["deploy_environment"][2] = f"SSH_HOSTS={sshd.host}"
    daemon.configure(hooks=settings)
    daemon.reload()
    done = daemon.run_ctl("cert", "deploy", "www", "--wait")
    t.ok(done.returncode and "erification failed" in str(daemon.cert("www")["deploy"]["log"]), "a server whose key is not known is not trusted", done)
    done = daemon.run_ctl("cert", "hooks", "www", "--deploy-environment-file", t.write("own", "SSH_HOSTS=web1"))
    t.ok(done.returncode == 3 and b"SSH_HOSTS is set in certera.yaml" in done.stderr, "what certera.yaml sets is not a certificate's to change", done)
    daemon.configure(hooks={"deploy_environment": [f"SSH_HOSTS={sshd.host}"]})
    daemon.reload()
    daemon.ctl("cert", "hooks", "www", "--deploy-environment-file", t.write("own", f"SSH_KEY={t.path('deploy')}\nSSH_KNOWN_HOSTS={sshd.known_hosts}"))
    done = daemon.run_ctl("cert", "deploy", "www", "--wait")
    t.ok(done.returncode and "names of files" in str(daemon.cert("www")["deploy"]["log"]), "nor are names of files a certificate's to say", done)


run(main)
