"""A mail server for tests, run as a program: aiosmtpd (from the distribution), with moods.

    smtpd.py PORT DIRECTORY none|starttls|tls CERT KEY USER:PASSWORD

Every mail it takes becomes a file in DIRECTORY: JSON with the envelope and the content.  DIRECTORY/mood, JSON, is read again for
each command: {"refuse": {address: "550 5.1.1 no such user"}, "greylist": true, "delay": seconds before the mail is taken,
"data": "554 5.7.1 not today", "drop": true: the connection breaks amid the mail}.
"""
import asyncio
import base64
import json
import os
import ssl
import sys
import time


class Moody:
    def __init__(self, directory):
        self.directory, self.seen = directory, set()

    def mood(self):
        try:
            with open(os.path.join(self.directory, "mood")) as f:
                return json.load(f)
        except (FileNotFoundError, ValueError):
            return {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        mood = self.mood()
        refusal = mood.get("refuse", {}).get(address)
        if refusal:
            return refusal
        if mood.get("greylist") and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        mood = self.mood()
        self.note("data", envelope)
        if mood.get("drop"):
            server.transport.abort()
            return "421 gone"
        if mood.get("data"):
            return mood["data"]
        await asyncio.sleep(mood.get("delay", 0))
        self.note("mail", envelope, authenticated=bool(session.authenticated), tls=server.transport.get_extra_info("cipher") is not None)
        return "250 2.0.0 taken"

    def note(self, kind, envelope, **more):
        path = os.path.join(self.directory, f"{kind}-{time.time_ns():020}")
        with open(path + ".tmp", "w") as f:
            json.dump({"from": envelope.mail_from, "to": envelope.rcpt_tos, "time": time.time(),
                "content": base64.b64encode(envelope.original_content).decode(), **more}, f)
        os.rename(path + ".tmp", path)


def main():
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
    port, directory, tls, cert, key, login = sys.argv[1:]
    handler, context, options = Moody(directory), None, {}
    if tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
    if tls == "starttls":
        options.update(tls_context=context, require_starttls=True)
    if login:
        user, password = (part.encode() for part in login.split(":"))
        def check(server, session, envelope, mechanism, data):
            right = isinstance(data, LoginPassword) and (data.login, data.password) == (user, password)
            return AuthResult(success=right, handled=False)
        options.update(authenticator=check, auth_required=True, auth_require_tls=False)

    async def serve():
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(handler, hostname="mail.test", **options), ["127.0.0.1", "127.0.0.2"], int(port),
            ssl=context if tls == "tls" else None)
        await server.serve_forever()
    asyncio.run(serve())


if __name__ == "__main__":
    main()
