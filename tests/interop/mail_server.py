"""A mail server on loopback: mail_server.py FOLDER plain|starttls|tls PORT. Writes its port to FOLDER/port and every mail it takes to
FOLDER/N.eml; over TLS it wants a login (karipass, swordfish-48). FOLDER/cert.pem and key.pem are its own."""
import asyncio
import itertools
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder, security = pathlib.Path(sys.argv[1]), sys.argv[2]
numbers = itertools.count(1)


class Keep:
    async def handle_DATA(self, server, session, envelope):
        text = f"X-From: {envelope.mail_from}\r\nX-To: {' '.join(envelope.rcpt_tos)}\r\n".encode() + envelope.content
        (folder / "new").write_bytes(text)
        (folder / "new").rename(folder / f"{next(numbers)}.eml")
        return "250 taken"


def check(server, session, envelope, mechanism, data):
    fits = isinstance(data, LoginPassword) and (data.login, data.password) == (b"karipass", b"swordfish-48")
    return AuthResult(success=fits)


options = {}
if security != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    options = {"authenticator": check, "auth_required": True}
    options |= {"tls_context": context, "require_starttls": True} if security == "starttls" else {"auth_require_tls": False}


async def serve():
    loop = asyncio.get_running_loop()
    wrapped = context if security == "tls" else None
    server = await loop.create_server(lambda: SMTP(Keep(), **options), "127.0.0.1", int(sys.argv[3]), ssl=wrapped)
    (folder / "port").write_text(str(server.sockets[0].getsockname()[1]))
    await asyncio.sleep(300)


asyncio.run(serve())
