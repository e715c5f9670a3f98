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

# Room: the rooms whose headers it may include; of a path, the longest room counts.  DAEMON is every room of daemon/.
DAEMON = ("daemon/ca daemon/challenge daemon/cluster daemon/config daemon/desk daemon/dns daemon/engine daemon/front daemon/hook "
          "daemon/notify daemon/order daemon/process daemon/track")
WEBUI = ("webui webui/cert webui/download webui/gate webui/guide webui/http webui/key webui/list webui/notify webui/page "
         "webui/people")
MAY_INCLUDE = {
    "base":             "base",
    "base/fetch":       "base",
    "base/http":        "base",
    "base/process":     "base",
    "pki":              "pki base",
    "pki/file":         "pki base",
    "pki/revocation":   "pki base",
    "pki/trust":        "pki base",
    "keeper":           "keeper pki base",
    "store":            "store pki base",
    "store/db":         "base",
    "store/event":      "store/db store/record base",
    "store/key":        "store pki base",
    "store/notify":     "store base",
    "store/record":     "store/db base",
    "acme":             "acme pki base",
    "ctl":              "ctl base",
    "ctl/declare":      "ctl base",
    "ctl/moving":       "ctl base",
    "webui":            f"{WEBUI} store keeper pki base/http base",
    "webui/account":    "webui/list webui/http webui/page webui store pki base",
    "webui/cert":       "webui/list webui/download webui/guide webui/key webui/order webui/http webui/page webui store pki base",
    "webui/download":   "webui/http webui/page webui store pki base/http base",
    "webui/gate":       "webui/http webui/page webui keeper base/http base",
    "webui/guide":      "webui/cert webui/http webui/page webui store pki base",
    "webui/http":       "webui/gate webui/page webui/people webui store keeper pki base/http base",
    "webui/list":       "webui/http webui/page webui store pki base/http base",
    "webui/page":       "webui/cert webui/gate webui/http webui/list webui/people webui store keeper pki base/http base",
    "webui/key":        "webui/list webui/download webui/http webui/page webui store pki base",
    "webui/notify":     "webui/list webui/people webui/http webui/page webui store pki base",
    "webui/order":      "webui/cert webui/list webui/http webui/page webui store pki base",
    "webui/people":     "webui/gate webui/list webui/notify webui/http webui/page webui store pki base",
    "webui/server":     "webui/list webui/cert webui/http webui/page webui store pki base",
    "webui/site":       "webui/list webui/http webui/page webui store pki base",
    "daemon":           f"daemon {DAEMON} {WEBUI} acme store keeper pki base",
    "daemon/cluster":   "daemon/config daemon/front webui keeper store pki base/http base",
    "daemon/config":    "base",
    "daemon/dns":       "base",
    "daemon/engine":    "daemon/config acme store keeper base",
    "daemon/hook":      "daemon/engine store pki base",
    "daemon/challenge": "daemon/engine daemon/hook daemon/dns acme store pki base",
    "daemon/ca":        "daemon/engine acme store pki base",
    "daemon/order":     "daemon/engine daemon/challenge daemon/ca daemon/dns daemon/config acme store pki base",
    "daemon/notify":    "daemon/engine daemon/dns store pki base",
    "daemon/track":     "daemon/engine daemon/dns store pki base",
    "daemon/front":     "daemon/config pki base/http base",
    "daemon/process":   "daemon/config base",
    "daemon/desk":      "daemon/cluster daemon/config daemon/front daemon/process webui store keeper base/http base",
    "t":                f"t daemon {DAEMON} {WEBUI} ctl acme store keeper pki base/http base",
}

# What may include a folder may include these rooms in it.
TOGETHER = {"base": ["base/fetch", "base/process"], "store": ["store/db", "store/event", "store/key", "store/notify", "store/record"], "pki": ["pki/file", "pki/revocation", "pki/trust"]}

# Third-party header (or one of ours that brings it along): the files that may include it (t/ may include all).
CONFINED = {
    "lmdb.h":         "store/db/env.h",
    "store/db/env.h": "store/db/bell.c store/db/digest.c store/db/entry.c store/db/env.c store/db/format.c store/db/queue.[ch] store/db/replica.c store/db/store.c store/db/txn.c store/upgrade.c",
    "curl/*":         "base/fetch/fetch.c base/fetch/fetch_failure.[ch] base/fetch/fetch_url.c",
    "yaml.h":         "daemon/config/config_read.c ctl/declare/read.c",
    "event2/http*.h": "",
    "event2/buffer*.h": "",
    "mbedtls/*":      "base/digest.c pki/* keeper/* daemon/cluster/peer_tls.c daemon/front/tls.c daemon/notify/tunnel_tls.c daemon/track/handshake.c",
    "mbedtls/pem.h":  "",
    "psa/*":          "base/digest.c pki/* keeper/*",
    "seccomp.h":      "base/process/sandbox.c",
    "crypt.h":        "keeper/*",
    "*oath.h":        "keeper/*",
    "qrencode.h":     "webui/people/qr.c",
    "zlib.h":         "base/http/gzip.c",
    "libesmtp.h":     "daemon/notify/smtp.c",
    "auth-client.h":  "daemon/notify/smtp.c",
    "ares.h":         "daemon/dns/query.c daemon/dns/lookup.c",
    "libpsl.h":       "daemon/challenge/txt.c store/ledger.c",
    "microhttpd.h":   "",
    "openssl/*":      "",
}

# Asks every library for its version, and nothing else.
ASKS_ALL = "daemon/libraries.c"

# What takes PEM, and the files that may call it: PEM is read by pki/file/pem.c alone.
PEM = re.compile(r"\bmbedtls_(x509_(crt|crl|csr)_parse|x509_crt_parse_(file|path)|pk_parse_(key|public_key)|"
                 r"pk_parse_(public_)?keyfile|pem_\w+)\s*\(")
PEM_MAY = "pki/key.c"   # private_look() stands before it

PACKAGES = "libevent libcurl lmdb jansson yaml-0.1 libseccomp libidn2 libcrypt libcares libpsl liboath libqrencode libesmtp-1.0 zlib"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    """Pairs of the opening mark and the name."""
    with open(path, encoding="utf-8") as f:
        return INCLUDE.findall(f.read())


def room_of(path):
    """The longest room that a path is in; None: it is none of ours."""
    return max((room for room in MAY_INCLUDE if path.startswith(room + "/")), key=len, default=None)


def direction(room, files):
    allowed = MAY_INCLUDE[room].split() + [room]
    allowed += [part for folder in allowed for part in TOGETHER.get(folder, [])]
    for path in files:
        for mark, name in includes(path):
            ours = room_of(name)
            if mark == '"' and "/" not in name:
                yield f'{path} includes "{name}": write "{room}/{name}"'
            elif ours and ours not in allowed:
                yield f"{path} includes {name}: {room} may include only {MAY_INCLUDE[room]}"


def circles(files):
    """Files that include each other, however far round; a header and its .c are one."""
    after = {}
    for path in files:
        unit = os.path.splitext(path)[0]
        after.setdefault(unit, set()).update(os.path.splitext(name)[0] for _, name in includes(path)
                                             if name.endswith(".h") and os.path.splitext(name)[0] != unit)
    seen, stack = {}, []

    def visit(unit):
        seen[unit] = "open"
        stack.append(unit)
        for other in sorted(after.get(unit, ())):
            if seen.get(other) == "open":
                yield " -> ".join(stack[stack.index(other):] + [other])
            elif other not in seen:
                yield from visit(other)
        stack.pop()
        seen[unit] = "closed"

    for unit in sorted(after):
        if unit not in seen:
            yield from visit(unit)


def tags(files):
    """Structs, unions and enums of one name in two places."""
    homes = {}
    for path in files:
        with open(path, encoding="utf-8") as f:
            for _, name in re.findall(r"^(?:static )?(?:const )?(struct|union|enum) (\w+) \{", f.read(), re.M):
                homes.setdefault(name, []).append(path)
    yield from (f"{name} is in {' and in '.join(paths)}" for name, paths in sorted(homes.items()) if len(paths) > 1)


def confinement(header, files):
    homes = CONFINED[header].split()
    for path in files:
        used = any(fnmatch.fnmatch(name, header) for _, name in includes(path))
        if used and path != ASKS_ALL and not any(fnmatch.fnmatch(path, home) for home in homes):
            yield f"{path} includes {header}, which belongs to {CONFINED[header] or 'nobody'}"


def numbers():
    """A test is named by its number alone, as in ARCHITECTURE.md."""
    homes = {}
    for path in sorted(glob.glob("t/[0-9]*.[ct]")):
        homes.setdefault(os.path.basename(path)[:4], []).append(path)
    yield from (f"{number} is {' and '.join(paths)}" for number, paths in homes.items() if len(paths) > 1)


def pem_elsewhere(files):
    for path in files:
        with open(path, encoding="utf-8") as f:
            yield from (f"{path} calls {call[0]}" for call in PEM.finditer(f.read()) if path not in PEM_MAY.split())


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
    sources = {room: [] for room in MAY_INCLUDE}
    for folder in sorted({room.split("/")[0] for room in MAY_INCLUDE}):
        for path in sorted(glob.glob(f"{folder}/**/*", recursive=True)):
            if path.endswith((".c", ".h", ".def")):
                sources[room_of(path)].append(path)
    ours = [path for room in sources if room != "t" for path in sources[room]]
    headers = [path for paths in sources.values() for path in paths if path.endswith(".h")]
    checks = [(f"{room} includes only {allowed}", direction, (room, sources[room]))
              for room, allowed in MAY_INCLUDE.items()]
    checks += [("no files include each other in a circle", circles, (ours,))]
    checks += [("a tag stands for one thing", tags, (ours,))]
    checks += [(f"{header} stays in {homes or 'no file'}", confinement, (header, ours))
               for header, homes in CONFINED.items()]
    checks += [("no two tests have one number", numbers, ())]
    checks += [("mbedTLS is given no PEM", pem_elsewhere, (ours,))]
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
