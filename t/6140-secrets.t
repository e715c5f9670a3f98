#!/usr/bin/env python3
"""No private key, API key or master key is ever in clear: not on disk, not in a log, not in an answer but its own."""
import base64
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    mac_key = "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH"
    site = Site(t, account=False, pebble={"eab": {"kid-1": mac_key}})
    daemon = site.daemon
    account_key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    daemon.add_account(site.ca, eab_kid="kid-1", eab_key_file=t.write("mac", mac_key),
        key_file=t.write("account.pem", account_key))
    secrets = {
        "the account key": private_numbers(account_key),
        "the EAB key": [base64.urlsafe_b64decode(mac_key + "=" * (-len(mac_key) % 4))],
    }
    for kind in ("p256", "p384", "rsa2048"):
        made = daemon.add_cert(kind, f"{kind}.example", key_type=kind)
        pem = daemon.download("key", kind, made["key_api_keys"][0]).text
        secrets[f"the {kind} key"] = private_numbers(pem)
        secrets[f"the {kind} key's API keys"] = [k.encode() for k in made["key_api_keys"]]
        secrets[f"the {kind} certificate's API keys"] = [k.encode() for k in made["api_keys"]]
    own = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    daemon.ctl("key", "add", "own", "--file", t.write("own.pem", own))
    secrets["an imported key"] = private_numbers(own)
    rotated = daemon.ctl("apikey", "rotate", "cert", "p256", "1")
    secrets["a rotated API key"] = [rotated["api_key"].encode()]
    with open(daemon.master_key, "rb") as f:
        master = f.read()
    secrets["the master key"] = [bytes.fromhex(master.decode().strip()) if len(master) != 32 else master]

    answers = b"".join(answers_of(daemon, secrets))
    daemon.stop()
    daemon.begin()
    daemon.kill()
    os.unlink(t.path("mac")), os.unlink(t.path("account.pem")), os.unlink(t.path("own.pem"))

    places = {"the state directory": files_below(daemon.state, except_for="master.key"), "the log": daemon.log(),
        "answers to others": answers}
    places = {place: text + re.sub(rb"\n|\\n|\r", b"", text) for place, text in places.items()}  # PEM wraps its lines
    t.ok(all(len(text) > 500 for text in places.values()), "there is something to search",
        {place: len(text) for place, text in places.items()})
    t.contains(places["the state directory"], b"p384.example", "the search finds what is there")
    for place, text in places.items():
        for what, values in secrets.items():
            found = [form for value in values for form in forms(value) if form in text]
            t.ok(not found, f"{what}: not in {place}", [f[:8] for f in found])


def answers_of(daemon, secrets):
    """Errors and listings, asked for with the secrets in hand."""
    for what, values in secrets.items():
        if "API" not in what:
            continue
        for value in values:
            key = value.decode()
            for path in (f"/api/certificate/nosuch?x={key}", f"/api/key/{key}", f"/api/certificate/p256?format={key}",
                    f"/{key}"):
                yield daemon.https(path, headers={"apiKey": key[:-1] + "!", "Accept": "application/json"}).body
    for argv in (["status"], ["cert", "list"], ["cert", "show", "p256"], ["key", "list"], ["key", "show", "p256"],
            ["account", "show", "ca"], ["events"], ["cert", "show", "nosuch"]):
        done = daemon.run_ctl("--json", *argv)
        yield done.stdout + done.stderr


def private_numbers(pem):
    """The parts of a key that must stay secret: the scalar, or the primes and the private exponent."""
    text = openssl("pkey", "-noout", "-text", input=pem)
    names = "priv|privateExponent|prime1|prime2|exponent1|exponent2|coefficient"
    numbers = [bytes.fromhex(re.sub(r"[\s:]", "", n)).lstrip(b"\0")
        for n in re.findall(rf"(?:{names}):((?:\s+[0-9a-f:]+\n)+)", text)]
    assert numbers, text
    return numbers


def forms(value):
    """How a secret may look when somebody wrote it down; long ones by their first bytes."""
    yield value
    for part in {value[:24], value}:
        yield part.hex().encode()
        yield part.hex().upper().encode()
        for shift in range(3):  # base64 of anything it is in the middle of
            whole = base64.b64encode(b"\0" * shift + part)
            yield whole[(0, 2, 3)[shift]:len(whole) // 4 * 4 - 4]
            yield whole[(0, 2, 3)[shift]:len(whole) // 4 * 4 - 4].replace(b"+", b"-").replace(b"/", b"_")


def files_below(directory, except_for):
    found = b""
    for path, _, files in os.walk(directory):
        for name in files:
            if name != except_for and not name.endswith(".sock"):
                with open(os.path.join(path, name), "rb") as f:
                    found += f.read()
    return found


run(main)
