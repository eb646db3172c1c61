"""A mail server that misbehaves as it is told: late, dead, refusing, talking nonsense, hanging up half-way."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CLOSE = "close"
HANG = "hang"
_STEPS = ("EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")


@dataclass
class Refusing:
    """A mail server; `replies` says what it answers at a step instead of the right thing, CLOSE and HANG included.

    Steps are the commands, `greeting` and `end` (of the data); `RCPT a@b.test` is that recipient's alone. `seen` are
    the messages that came whole, `accepted` those that were answered with 250. `once` holds for the next time only;
    `slow` are the seconds that a step takes.
    """

    replies: dict[str, str] = field(default_factory=dict)
    once: dict[str, str] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    offers_tls: bool = False
    offers_utf8: bool = True
    pipelines: bool = True
    login: tuple[str, str] | None = None
    methods: str = "PLAIN"
    seen: list[EmailMessage] = field(default_factory=list)
    accepted: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0
    encrypted: int = 0
    logins: list[str] = field(default_factory=list)
    port: int = 0
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def running(self, *, is_tls: bool = False, host: str = "127.0.0.1") -> AsyncIterator["Refusing"]:
        """Listen, at the port it had before if it had one."""
        context = self.tls if is_tls else None
        server = await asyncio.start_server(self._met, host, self.port, ssl=context, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for talk in tuple(self._talks):
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    @property
    def ids(self) -> set[str]:
        """The Message-IDs that came."""
        return {str(message["Message-ID"]) for message in self.seen if message.keys()}

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        self.connections += 1
        self.encrypted += writer.get_extra_info("ssl_object") is not None
        # Cancelled by `running` alone, so that is an end like the others.
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            await self._talk(reader, writer)
        writer.close()
        self._talks.discard(talk)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going = await self._say(writer, "greeting", "220 refusing.test ESMTP")
        while going:
            line = (await reader.readline()).decode().strip()
            if not line:
                return
            step = line.partition(" ")[0].upper()
            self.commands.append(step)
            self.lines.append(line)
            going = await self._answered(step, line, reader, writer)

    async def _answered(self, step: str, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if step not in _STEPS:
            return await self._say(writer, step, "502 5.5.1 no such command")
        if step == "EHLO":
            return await self._say(writer, step, self._extensions(writer))
        if step == "STARTTLS":
            going = await self._say(writer, step, "220 go on")
            if going and step not in self.replies and self.tls is not None:
                await writer.start_tls(self.tls)
                self.encrypted += 1
            return going
        if step == "AUTH":
            return await self._let_in(line, reader, writer)
        if step == "RCPT":
            recipient = line[line.index("<") + 1 : line.index(">")]
            step = f"RCPT {recipient}" if f"RCPT {recipient}" in self.replies else step
            if step not in self.replies:
                self.recipients.append(recipient)
        if step == "DATA":
            return await self._taken(reader, writer)
        return await self._say(writer, step, "221 bye" if step == "QUIT" else "250 fine") and step != "QUIT"

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if not await self._say(writer, "DATA", "354 go on"):
            return False
        if "DATA" in self.replies:
            return True
        content = b""
        while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
            content += line.removeprefix(b".")
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.seen.append(message)
        if not content:
            return await self._say(writer, "end", "554 5.5.1 no recipient took it")
        if "end" not in self.replies:
            self.accepted.append(message)
        return await self._say(writer, "end", "250 2.0.0 taken as 4711")

    async def _let_in(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        _, _, rest = line.partition(" ")
        method, _, first = rest.partition(" ")
        if method == "LOGIN":
            await self._say(writer, "challenge", "334 UGFzc3dvcmQ6")
            secret = (await reader.readline()).decode().strip()
            user, password = b64decode(first).decode(), b64decode(secret).decode()
        else:
            assert method == "PLAIN"
            if not first:
                await self._say(writer, "challenge", "334 ")
                first = (await reader.readline()).decode().strip()
            _, user, password = b64decode(first).decode().split("\0")
        self.logins.append(user)
        right = self.login == (user, password)
        return await self._say(writer, "AUTH", "235 welcome" if right else f"535 5.7.8 no {user}")

    def _extensions(self, writer: asyncio.StreamWriter) -> str:
        lines = ["refusing.test", "8BITMIME"]
        if self.pipelines:
            lines.append("PIPELINING")
        if self.offers_tls and writer.get_extra_info("ssl_object") is None:
            lines.append("STARTTLS")
        if self.offers_utf8:
            lines.append("SMTPUTF8")
        if self.login:
            lines.append(f"AUTH {self.methods}")
        return "\r\n".join([f"250-{one}" for one in lines[:-1]] + [f"250 {lines[-1]}"])

    async def _say(self, writer: asyncio.StreamWriter, step: str, right: str) -> bool:
        """Answer; False when the conversation is over."""
        await asyncio.sleep(self.slow.get(step, 0))
        reply = self.once.pop(step, "") or self.replies.get(step, right)
        if reply == CLOSE:
            return False
        if reply == HANG:
            await asyncio.sleep(3600)
        writer.write(reply.encode("latin-1") + b"\r\n")
        await writer.drain()
        return not reply.startswith("421")


def certified(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """Make a private CA and a server's certificate for an address; gives the server's context and the CA's file."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Campus CA")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)

    def signed(whose: x509.Name, key: ec.EllipticCurvePrivateKey, *more: x509.ExtensionType) -> bytes:
        draft = (
            x509.CertificateBuilder()
            .subject_name(whose)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for one in more:
            draft = draft.add_extension(one, critical=isinstance(one, x509.BasicConstraints))
        return draft.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca, chain = folder / "ca.pem", folder / "server.pem"
    ca.write_bytes(signed(issuer, authority, x509.BasicConstraints(ca=True, path_length=None)))
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    named = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(name))])
    chain.write_bytes(private + signed(subject, own, named))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, ca
