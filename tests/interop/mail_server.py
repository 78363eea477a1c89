"""A mail server on loopback: mail_server.py FOLDER plain|starttls|tls. Writes its port to FOLDER/port and every mail it takes to
FOLDER/N.eml; over TLS it wants a login (karipass, swordfish-48). FOLDER/cert.pem and key.pem are its own."""
import itertools
import pathlib
import ssl
import sys
import time

from aiosmtpd.controller import Controller
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


class Server(Controller):
    def factory(self):
        return SMTP(self.handler, **options)


wrapped = {"ssl_context": context} if security == "tls" else {}
controller = Server(Keep(), hostname="127.0.0.1", port=int(sys.argv[3]), **wrapped)
controller.start()
(folder / "port").write_text(str(controller.server.sockets[0].getsockname()[1]))
time.sleep(300)
