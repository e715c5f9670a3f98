"""Servers whose certificates are good, or bad in one way: what tracking looks at."""
import os
import socket
import ssl
import threading

from .peers import program
from .pki import openssl
from .process import Process, free_port

KEYS = {
    "p256": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa2048": ("-newkey", "rsa:2048"),
    "rsa1024": ("-newkey", "rsa:1024"),
}


class Authority:
    """A root, an intermediate and their leaves, by openssl.  .file: the root, to be trusted."""

    def __init__(self, t, name="authority"):
        self.t, self.name, self.count = t, name, 0
        os.makedirs(t.path(name), exist_ok=True)
        self.root = self._request("root", f"/CN={name} Root", "p256", "-x509", "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.file = self.root[0]
        self.middle = self._sign("middle", f"/CN={name} Middle", self.root,
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign")

    def _path(self, name):
        return self.t.path(self.name, name)

    def _request(self, name, subject, key, *extra):
        openssl("req", *KEYS[key], "-nodes", "-keyout", self._path(name + ".key"), "-out", self._path(name + ".pem"),
            "-subj", subject, *extra)
        return self._path(name + ".pem"), self._path(name + ".key")

    def _sign(self, name, subject, issuer, extensions, key="p256", dates=("-days", "30"), digest="-sha256"):
        request, key_file = self._request(name, subject, key)
        file = self._path(name + ".crt")
        extensions = self.t.write(f"{self.name}/{name}.ext", extensions)
        openssl("x509", "-req", "-in", request, "-CA", issuer[0], "-CAkey", issuer[1], "-CAcreateserial", *dates, digest,
            "-extfile", extensions, "-out", file)
        return file, key_file

    def leaf(self, names, key="p256", days=30, chain=True, extensions=""):
        """(file with the leaf and its intermediate, key file); names as "DNS:a.example,IP:127.0.0.1"."""
        self.count += 1
        name = f"leaf{self.count}"
        file, key_file = self._sign(name, f"/CN={name}", self.middle, f"subjectAltName={names}\n{extensions}", key,
            ("-days", str(days)))
        if not chain:
            return file, key_file
        with open(self._path(name + ".chain"), "w") as out:
            for part in (file, self.middle[0]):
                with open(part) as f:
                    out.write(f.read())
        os.symlink(self.middle[0], self._path(name + ".chain.rest"))
        return self._path(name + ".chain"), key_file

    def self_signed(self, names):
        return self._request("self", "/CN=self", "p256", "-x509", "-days", "30", "-addext", f"subjectAltName={names}")


class TlsServer(Process):
    """openssl s_server with a certificate, on an address and port of its own."""

    def __init__(self, t, pair, *options, address="127.0.0.1", port=None, name="s_server"):
        self.address, self.port, self.options = address, port or free_port(), options
        self.accept = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        super().__init__(t, name, self._argv(pair))
        self.begin()

    def _argv(self, pair):
        rest = pair[0] + ".rest"  # what s_server sends behind the leaf
        return [program("openssl"), "s_server", "-accept", self.accept, "-cert", pair[0], "-key", pair[1],
            *(("-cert_chain", rest) if os.path.exists(rest) else ()), "-quiet", *self.options]

    def begin(self):
        self.start()
        self.wait_for_port(self.port, self.address)

    def change(self, pair):
        """The same server with another certificate."""
        self.end()
        self.argv = self._argv(pair)
        self.begin()

    @property
    def site(self):
        return self.accept


class Talker:
    """A server of one dialogue: for each connection talk(socket) is called, and the connection closed after it."""

    def __init__(self, talk, address="127.0.0.1"):
        self.talk, self.count = talk, 0
        self.listener = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        self.site = f"{address}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection:
                self.talk(connection)
        except OSError:
            pass

    def close(self):
        self.listener.close()


def reset(connection):
    """As a firewall does it: RST instead of an answer."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


class BlackHole:
    """A port whose connections are never taken: its queue is full."""

    def __init__(self, address="127.0.0.1"):
        self.listener = socket.socket(socket.AF_INET)
        self.listener.bind((address, 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.site = f"{address}:{self.port}"
        self.stuffing = []
        for _ in range(4):
            s = socket.socket(socket.AF_INET)
            s.setblocking(False)
            s.connect_ex((address, self.port))
            self.stuffing.append(s)

    def close(self):
        for s in (self.listener, *self.stuffing):
            s.close()


class Splitter(Talker):
    """Before a TLS server: splits the handshake messages of both sides, as long as they are clear, over records of `size` bytes."""

    def __init__(self, port, size=50):
        self.target, self.size = port, size
        super().__init__(self._carry)

    def _carry(self, connection):
        with socket.create_connection(("127.0.0.1", self.target)) as other:
            back = threading.Thread(target=self._split, args=(other, connection), daemon=True)
            back.start()
            self._split(connection, other)
            back.join()

    def _split(self, source, drain):
        """Until the source ends."""
        try:
            with source.makefile("rb", buffering=0) as stream:
                header = self._read(stream, 5)
                while header and header[0] == 22:
                    text = self._read(stream, int.from_bytes(header[3:], "big"))
                    for at in range(0, len(text), self.size):
                        part = text[at:at + self.size]
                        drain.sendall(header[:3] + len(part).to_bytes(2, "big") + part)
                    header = self._read(stream, 5)
                drain.sendall(header)
                while part := stream.read(16384):
                    drain.sendall(part)
            drain.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def _read(stream, size):
        data = b""
        while len(data) < size and (part := stream.read(size - len(data))):
            data += part
        return data


def starttls(pair, *dialogue):
    """A talk for Talker: pairs of what the client must say (its beginning) and our answer; then TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)

    def talk(connection):
        for wanted, answer in dialogue:
            heard = b""
            while len(heard) < len(wanted):
                part = connection.recv(4096)
                if not part:
                    return
                heard += part
            if not heard.startswith(wanted):
                connection.sendall(b"-ERR what?\r\n")
                return
            connection.sendall(answer)
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)
    return talk
