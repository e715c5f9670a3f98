#!/usr/bin/env python3
"""The picture of ARCHITECTURE.md, checked: who includes whom, where third-party headers are; headers stand alone."""

import fnmatch
import glob
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# Folder: the folders whose headers it may include.
MAY_INCLUDE = {
    "base":   "base",
    "pki":    "pki base",
    "keeper": "keeper pki base",
    "store":  "store base",
    "acme":   "acme pki base",
    "webui":  "webui store keeper pki base",
    "ctl":    "ctl base",
    "daemon": "daemon webui acme store keeper pki base",
    "t":      "t daemon ctl webui acme store keeper pki base",
}

# Third-party header (or one of ours that brings it along): the files that may include it (t/ may include all).
CONFINED = {
    "lmdb.h":         "store/env.h",
    "store/env.h":    "store/env.c store/txn.c store/format.c store/store.c",
    "curl/*":         "base/fetch.c",
    "yaml.h":         "daemon/config.c",
    "event2/http*.h": "webui/webui.c webui/reply.c daemon/serve.c",
    "mbedtls/*":      "base/digest.c pki/* keeper/* daemon/tls.c daemon/tunnel_tls.c daemon/handshake.c",
    "psa/*":          "base/digest.c pki/* keeper/*",
    "seccomp.h":      "keeper/*",
    "crypt.h":        "keeper/*",
    "*oath.h":        "keeper/*",
    "qrencode.h":     "webui/qr.c",
    "libesmtp.h":     "daemon/mail.c",
    "auth-client.h":  "daemon/mail.c",
    "ares.h":         "daemon/dns_query.c",
    "libpsl.h":       "daemon/txt.c store/ledger.c",
    "microhttpd.h":   "",
    "openssl/*":      "",
}

PACKAGES = "libevent libcurl lmdb jansson yaml-0.1 libseccomp libidn2 libcrypt libcares libpsl liboath libqrencode libesmtp-1.0"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    """Pairs of the opening mark and the name."""
    with open(path, encoding="utf-8") as f:
        return INCLUDE.findall(f.read())


def direction(folder, files):
    allowed = MAY_INCLUDE[folder].split()
    for path in files:
        for mark, name in includes(path):
            ours = name.split("/")[0]
            if mark == '"' and "/" not in name:
                yield f'{path} includes "{name}": write "{folder}/{name}"'
            elif ours in MAY_INCLUDE and ours not in allowed:
                yield f"{path} includes {name}: {folder} may include only {MAY_INCLUDE[folder]}"


def confinement(header, files):
    homes = CONFINED[header].split()
    for path in files:
        used = any(fnmatch.fnmatch(name, header) for _, name in includes(path))
        if used and not any(fnmatch.fnmatch(path, home) for home in homes):
            yield f"{path} includes {header}, which belongs to {CONFINED[header] or 'nobody'}"


def stands_alone(path):
    cflags = subprocess.run(["pkg-config", "--cflags", *PACKAGES.split()], capture_output=True, text=True).stdout
    command = shlex.split(os.environ.get("CC", "cc")) + shlex.split(cflags) + [
        "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
        "-I.", "-fsyntax-only", "-x", "c", path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        yield from (done.stderr or f"exit code {done.returncode}").splitlines()


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    sources = {folder: sorted(path for path in glob.glob(f"{folder}/**/*", recursive=True)
                              if path.endswith((".c", ".h", ".def"))) for folder in MAY_INCLUDE}
    ours = [path for folder in sources if folder != "t" for path in sources[folder]]
    headers = [path for paths in sources.values() for path in paths if path.endswith(".h")]
    checks = [(f"{folder} includes only {allowed}", direction, (folder, sources[folder]))
              for folder, allowed in MAY_INCLUDE.items()]
    checks += [(f"{header} stays in {homes or 'no file'}", confinement, (header, ours))
               for header, homes in CONFINED.items()]
    checks += [(f"{path} compiles alone", stands_alone, (path,)) for path in headers]

    failed = 0
    print(f"1..{len(checks)}")
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda check: list(check[1](*check[2])), checks)
        for number, (check, faults) in enumerate(zip(checks, results), 1):
            print(f"{'not ' if faults else ''}ok {number} - {check[0]}")
            for fault in faults:
                print(f"#   {fault}")
            failed += bool(faults)
    return 1 if failed else 0


sys.exit(main())
