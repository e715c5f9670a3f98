#!/usr/bin/env python3
"""The master key: made once, for its owner only; a wrong or missing one is recognised and nothing is touched."""
import hashlib
import os
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
    site = Site(t)
    daemon = site.daemon
    made = daemon.add_cert("shop", "shop.example")
    daemon.stop()

    key_file = daemon.master_key
    t.equal(oct(os.stat(key_file).st_mode & 0o777), "0o600", "the master key's file is its owner's alone")
    with open(key_file, "rb") as f:
        right = f.read()
    before = digest(daemon.state)

    for wrong, sentence in ((os.urandom(32).hex() + "\n", "another key"), ("short\n", "half a key"), (None, "no key")):
        if wrong is None:
            os.rename(key_file, key_file + ".away")
        else:
            t.write("certerad-state/keeper/master.key", wrong)
        daemon.start()
        code = daemon.wait()
        said = daemon.log()[-2000:].decode()
        t.ok(code > 0, f"{sentence}: certerad does not start", code)
        t.matches(said, r"master key", f"{sentence}: it says what is wrong")
        t.contains(said, key_file, f"{sentence}: and with which file")
        t.equal(digest(daemon.state), before, f"{sentence}: nothing in the store was changed")
        t.ok(wrong is None or open(key_file).read() == wrong, f"{sentence}: nor the file")
    t.ok(not os.path.exists(key_file), "no key: none is made over an existing store")

    os.rename(key_file + ".away", key_file)
    t.write("certerad-state/keeper/master.key", right)
    daemon.begin()
    t.equal(daemon.download("key", "shop", made["key_api_keys"][0]).status, 200,
        "with the right one all is there again")
    daemon.stop()

    os.chmod(key_file, 0o644)
    daemon.start()
    t.equal(daemon.wait(), 9, "one that others can read is refused")
    os.unlink(key_file)

    elsewhere = t.write("credentials/master.key", right)
    os.chmod(elsewhere, 0o440)
    daemon.env["CREDENTIALS_DIRECTORY"] = os.path.dirname(elsewhere)
    daemon.begin()
    t.equal(daemon.download("key", "shop", made["key_api_keys"][0]).status, 200, "it can be a systemd credential")
    t.ok(not os.path.exists(key_file), "then none is written into the state directory")


def digest(directory):
    """What the store consists of, the master key and the lock file's bookkeeping aside."""
    found = {}
    for path, _, files in os.walk(directory):
        for name in files:
            if "lock" not in name and not name.startswith("master.key") and not name.endswith(".sock"):
                with open(os.path.join(path, name), "rb") as f:
                    found[name] = hashlib.sha256(f.read()).hexdigest()
    return found


run(main)
