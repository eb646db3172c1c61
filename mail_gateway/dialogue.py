"""One test mail, with every line that was said on the way; what opens a mail server's door stays hidden."""

import asyncio
import base64
import re
import secrets
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from hub.labels import UnacceptableError, address_of, domain_of
from hub.settings import Settings
from mail_gateway import dkim_keys
from mail_gateway.dkim_keys import Signer
from mail_gateway.letters import sender_address
from mail_gateway.settings import BadSmtpUrlError, RelayAddress, StartTls, relay_address

_STEPS = re.compile(r"(\d{3})([ -]|$)")
_PERMANENT = 400


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said, line by line, and whether the mail was taken."""

    lines: tuple[str, ...]
    is_accepted: bool


async def sent(settings: Settings, address: str, *, now: datetime) -> Dialogue:
    """Send a test mail over the mail server of the settings, on a connection of its own."""
    try:
        recipient, relay = address_of(address), relay_address(settings.smtp_url)
    except UnacceptableError:
        return Dialogue((f"* {address} is no address that mail can be sent to",), is_accepted=False)
    except (BadSmtpUrlError, OSError) as error:
        return Dialogue((f"* TEGATA_SMTP_URL: {error}",), is_accepted=False)
    talk = _Talk(relay, settings.smtp_timeout, name=domain_of(sender_address(settings.mail_from)))
    try:
        accepted = await talk.through(sender_address(settings.mail_from), recipient, _letter(settings, recipient, now))
    except (OSError, TimeoutError, ssl.SSLError, asyncio.IncompleteReadError) as error:
        talk.lines.append(f"* {' '.join(str(error).split()) or type(error).__name__}")
        accepted = False
    finally:
        talk.close()
    return Dialogue(tuple(talk.lines), accepted)


class _Talk:
    def __init__(self, relay: RelayAddress, timeout: float, *, name: str) -> None:
        self._name = name
        self._relay = relay
        self._timeout = timeout
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self.lines: list[str] = []

    async def through(self, sender: str, recipient: str, letter: bytes) -> bool:
        relay = self._relay
        self.lines.append(f"* connecting to {relay.host}:{relay.port}{' with TLS' if relay.is_tls else ''}")
        async with asyncio.timeout(self._timeout):
            self._reader, self._writer = await asyncio.open_connection(
                relay.host, relay.port, ssl=relay.tls_context() if relay.is_tls else None
            )
        if not await self._heard():
            return False
        if not await self._secured():
            return False
        for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"):
            if not await self._said(command):
                await self._said("QUIT")
                return False
        dotted = re.sub(rb"(?m)^\.", b"..", letter)
        self.lines += [f"> {line}" for line in letter.decode("ascii", "replace").splitlines()]
        accepted = await self._said(".", raw=dotted + b".\r\n")
        await self._said("QUIT")
        return accepted

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    async def _secured(self) -> bool:
        relay = self._relay
        if not await self._said(f"EHLO {self._name}"):
            return False
        offered = any("STARTTLS" in line.upper() for line in self.lines if line.startswith("<"))
        if not relay.is_tls and relay.starttls is not StartTls.NEVER and offered:
            if not await self._said("STARTTLS"):
                return False
            assert self._writer is not None  # noqa: S101 - it was opened above
            async with asyncio.timeout(self._timeout):
                await self._writer.start_tls(relay.tls_context(), server_hostname=relay.host)
            self.lines.append("* TLS is on")
            if not await self._said(f"EHLO {self._name}"):
                return False
        elif not relay.is_tls and relay.starttls is StartTls.REQUIRED:
            self.lines.append("* the mail server offers no STARTTLS, which is required")
            return False
        if not relay.user:
            return True
        plain = base64.b64encode(f"\0{relay.user}\0{relay.password}".encode()).decode()
        return await self._said("AUTH PLAIN (hidden)", raw=f"AUTH PLAIN {plain}\r\n".encode())

    async def _said(self, command: str, *, raw: bytes | None = None) -> bool:
        """Say one command and hear its answer; False for a refusal."""
        assert self._writer is not None  # noqa: S101 - it was opened above
        self.lines.append(f"> {command}")
        self._writer.write(raw if raw is not None else f"{command}\r\n".encode())
        await self._writer.drain()
        return await self._heard()

    async def _heard(self) -> bool:
        assert self._reader is not None  # noqa: S101 - it was opened above
        while True:
            async with asyncio.timeout(self._timeout):
                line = (await self._reader.readline()).decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                self.lines.append("* the mail server hung up")
                return False
            self.lines.append(f"< {line}")
            found = _STEPS.match(line)
            if found is None or found[2] != "-":
                return found is not None and int(found[1]) < _PERMANENT


def _letter(settings: Settings, recipient: str, now: datetime) -> bytes:
    sender = sender_address(settings.mail_from)
    lines = [
        f"From: <{sender}>",
        f"To: <{recipient}>",
        "Subject: A test mail of Tegata",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{secrets.token_hex(16)}@{domain_of(sender)}>",
        "Auto-Submitted: auto-generated",
        "",
        "This mail was sent by `tegata mail test`. It asks for nothing.",
        "",
    ]
    message = "\r\n".join(lines).encode()
    if settings.dkim_keys is None:
        return message
    return Signer(dkim_keys.load(settings.dkim_keys), domain_of(sender)).sign(message, now=now)
