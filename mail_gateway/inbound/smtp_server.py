"""What the mail door says to those who bring mail: reply codes only; reading is done later, by others."""

import asyncio
import re
import secrets
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import unquote

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from prometheus_client import Counter as Metric

from hub.domain.errors import HubError
from hub.domain.policy import Network
from hub.inbound.mail_queue import Arrival, Intake, Recipient
from hub.settings import NUMBERS, Listen
from mail_gateway.inbound.capacity import Room
from mail_gateway.inbound.sender_authentication import is_front

Clock = Callable[[], datetime]
_IDLE = 60.0
# From the greeting, or from the last message, to the next one's end: a byte a second comes to nothing.
_DIALOGUE = 120.0
_CONNECTIONS = 300
_A_PEER = 50
_REFUSALS = 10
_ATTRIBUTES = frozenset(("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE", "LOGIN", "DESTADDR", "DESTPORT"))
_OFFERED = "NAME ADDR PORT PROTO HELO"
_UNAVAILABLE = {"[UNAVAILABLE]", "[TEMPUNAVAIL]"}
_HELO = 255
_NO_CLIENT = "550 5.7.0 not from here, or not understood"
_log = structlog.get_logger(__name__)
_messages = Metric("tegata_mail_inbound_total", "Messages at the mail door, by what it said.", ["answer"])

# All but the CRLF that parts the lines of a reply.
_CONTROLS = re.compile(r"\r(?!\n)|(?<!\r)\n|[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Doorkeeper:
    """Counts who stands in the door."""

    def __init__(self, *, most: int = _CONNECTIONS, a_peer: int = _A_PEER) -> None:
        self._most = most
        self._a_peer = a_peer
        self._peers: Counter[str] = Counter()
        self._all = 0

    def enter(self, peer: str) -> bool:
        """Let one more in from a peer; False when there are too many."""
        if self._all >= self._most or self._peers[peer] >= self._a_peer:
            return False
        self._all += 1
        self._peers[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        """Let one out."""
        self._all -= 1
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a peer may be silent, and how long a message may take in all, in seconds."""

    idle: float = _IDLE
    dialogue: float = _DIALOGUE


@dataclass(frozen=True, slots=True)
class Client:
    """Who gave a message to a mail server of ours, as far as that server said; empty where it did not."""

    address: str = ""
    helo: str = ""


def client_in(arg: str) -> Client | None:
    """Read the attributes of XFORWARD or XCLIENT; None when they can't be read."""
    given: dict[str, str] = {}
    for part in arg.split():
        name, separator, value = part.partition("=")
        if not separator:
            return None
        given[name.upper()] = unquote(value.replace("+", "%"))
    address, helo = given.get("ADDR", ""), given.get("HELO", "")
    if not given.keys() <= _ATTRIBUTES:
        return None
    address = address.removeprefix("IPV6:").removeprefix("ipv6:")
    if address.upper() in _UNAVAILABLE:
        address = ""
    try:
        address = str(ip_address(address)) if address else ""
    except ValueError:
        return None
    return Client(address, "" if helo.upper() in _UNAVAILABLE else helo[:_HELO])


class _Limited:
    """A connection that is counted and has an end; aiosmtpd's own time-out begins anew with each byte."""

    transport: Any
    _reader: Any
    push: Any
    session: Any
    _set_rset_state: Any
    _original_transport: Any
    _named: tuple[str, ...]

    def __init__(self, handler: "Door", pace: Pace, **more: Any) -> None:
        super().__init__(handler, timeout=pace.idle, **more)  # type: ignore[call-arg]
        self._door = handler
        self._dialogue = pace.dialogue
        self.refusals = 0
        self.client = Client()
        self._peer = ""
        self._end: asyncio.TimerHandle | None = None

    def __dir__(self) -> Iterable[str]:
        """Name what aiosmtpd looks for in itself, anew for each connection: among all else, an eighth of its work."""
        return self._named

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or turn it away; after STARTTLS it is the same one still."""
        if self._end is not None:
            super().connection_made(transport)  # type: ignore[misc]
            return
        name = transport.get_extra_info("peername")
        peer = str(name[0]) if name else ""
        if not self._door.keeper.enter(peer):
            _messages.labels("too-many-connections").inc()
            # A stream's, whatever its class: uvloop's is none of asyncio's.
            stream = cast("asyncio.WriteTransport", transport)
            stream.write(b"421 4.3.2 too many connections, come back later\r\n")
            stream.close()
            return
        self._peer = peer
        self.begin()
        super().connection_made(transport)  # type: ignore[misc]

    def connection_lost(self, error: Exception | None) -> None:
        """Give the place back."""
        if self._end is None:
            return
        self._end.cancel()
        self._end = None
        self._door.keeper.leave(self._peer)
        super().connection_lost(error)  # type: ignore[misc]

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless the connection was turned away."""
        if self._end is not None:
            super().data_received(data)  # type: ignore[misc]

    def eof_received(self) -> bool | None:
        """Take the end of what the peer says; it may still hear what is answered to that.

        aiosmtpd would end the dialogue at once, and a peer that hears no 250 brings its mail again. A TLS connection
        has no half, so it ends there as well.
        """
        if self._end is None:
            return None
        if self.session.ssl is not None:
            return super().eof_received()  # type: ignore[misc, no-any-return]
        self._reader.readuntil = _ended(self._reader.readuntil)
        self._reader.feed_eof()
        return True

    def begin(self) -> None:
        """Give the peer its time for the next message."""
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(self._dialogue, self._too_long)

    def _too_long(self) -> None:
        _messages.labels("too-slow").inc()
        transport = self._original_transport or self.transport
        if transport is not None:
            transport.abort()


def _ended(readuntil: Callable[..., Awaitable[bytes]]) -> Callable[..., Awaitable[bytes]]:
    """Have a reader end its dialogue where nothing more comes, as aiosmtpd expects it."""

    async def read(separator: bytes = b"\n") -> bytes:
        try:
            return await readuntil(separator)
        except asyncio.IncompleteReadError:
            raise asyncio.CancelledError from None

    return read


class _Plain(_Limited):
    """Replies that hold no control characters, and lines as long as mail servers commonly take them."""

    # RFC 5321, 4.5.3.1.6, asks for 1,000 octets at least; HTML in one line is longer, and other servers take it.
    line_length_limit = 65536

    async def push(self, status: str | bytes) -> None:
        """Send a reply; what is echoed of a command loses its control characters."""
        written = _CONTROLS.sub("?", status) if isinstance(status, str) else status
        await super().push(written)


class _Forwarding(_Plain):
    """The two commands by which a mail server of ours says who gave it the mail (Postfix's XFORWARD and XCLIENT)."""

    @property
    def is_front(self) -> bool:
        """Whether the peer is believed when it names another one."""
        return self._door.is_front(self._peer)

    async def smtp_XFORWARD(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Take the client of the next message."""
        if not self._take_client(arg):
            await self.push(_NO_CLIENT)
            return
        await self.push("250 2.0.0 noted")

    async def smtp_XCLIENT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Take the client, and begin as if it had come itself."""
        if not self._take_client(arg):
            await self.push(_NO_CLIENT)
            return
        self._set_rset_state()
        self.session.extended_smtp, self.session.host_name = False, None
        await self.push("220 go on")

    def _take_client(self, arg: str | None) -> bool:
        if not self.is_front or not arg:
            return False
        given = client_in(arg)
        if given is None:
            return False
        self.client = Client(given.address or self.client.address, given.helo or self.client.helo)
        return True


def _commands(kind: type) -> tuple[str, ...]:
    named = tuple(name for name in dir(kind) if name.startswith(("smtp_", "auth_")))
    return (*named, "smtp_XFORWARD", "smtp_XCLIENT")


class _Smtp(_Forwarding, SMTP):
    _named = _commands(SMTP)


class _Lmtp(_Forwarding, LMTP):
    _named = _commands(LMTP)


class Addressed(Envelope):
    """aiosmtpd's envelope, with the recipient that it was opened for."""

    recipient: Recipient


class Door:
    """The hooks: who is known here, what is kept."""

    def __init__(
        self,
        intake: Intake,
        clock: Clock,
        keeper: Doorkeeper,
        room: Room | None = None,
        *,
        fronts: Sequence[Network] = (),
    ) -> None:
        self._intake = intake
        self._clock = clock
        self.keeper = keeper
        self._room = room
        self._fronts = tuple(fronts)

    def __dir__(self) -> Iterable[str]:
        """Name the hooks, which aiosmtpd looks for anew for each connection."""
        return ("handle_EHLO", "handle_RCPT", "handle_DATA", "handle_RSET", "handle_exception")

    def is_front(self, peer: str) -> bool:
        """Tell whether a peer is a mail server of ours that may name the client it has the mail from."""
        return is_front(peer, self._fronts)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: _Forwarding, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer XFORWARD and XCLIENT to our own mail servers alone."""
        session.host_name = hostname
        if server.is_front:
            responses[1:1] = [f"250-XFORWARD {_OFFERED}", f"250-XCLIENT {_OFFERED}"]
        return responses

    async def handle_RSET(self, server: _Forwarding, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """Forget the client of a message that was given up."""
        server.client = Client()
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: _Limited, _session: Session, envelope: "Addressed", address: str, _options: list[str]
    ) -> str:
        """Take an address that one of our own letters gave, and the operator's: nothing is relayed or bounced."""
        if envelope.rcpt_tos:
            # Each address stands for one letter; and LMTP (RFC 2033) would want an answer for each.
            return "452 4.5.3 one recipient a message, please"
        recipient = await self._intake.recipient(address)
        if recipient is None:
            _messages.labels("unknown-recipient").inc()
            return self._unknown(server)
        if self._room is not None and not self._room.is_left(recipient.use):
            _messages.labels("no-room").inc()
            return "452 4.3.1 no room for more mail now"
        envelope.rcpt_tos.append(address)
        envelope.recipient = recipient
        return "250 2.1.5 known"

    async def handle_DATA(self, server: _Limited, session: Session, envelope: "Addressed") -> str:  # noqa: N802
        """Keep a message: the 250 stands for its commit."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        await self._intake.keep(
            Arrival(
                recipient=envelope.recipient,
                # aiosmtpd keeps the null sender's brackets.
                sender=(envelope.mail_from or "").removeprefix("<>"),
                peer=server.client.address or (str(session.peer[0]) if session.peer else ""),
                helo=server.client.helo or session.host_name or "",
                content=content,
                at=self._clock(),
            )
        )
        server.client = Client()
        server.begin()
        _messages.labels("kept").inc()
        return "250 2.0.0 kept"

    async def handle_exception(self, error: Exception) -> str:
        """Tell the peer nothing of what went wrong here but a reference."""
        reference = secrets.token_hex(4)
        _messages.labels("trouble").inc()
        _log.error("inbound.trouble", reference=reference, exc_info=error)
        return f"451 4.3.0 not now (reference {reference})"

    @staticmethod
    def _unknown(server: "_Limited") -> str:
        server.refusals += 1
        if server.refusals < _REFUSALS:
            return "550 5.1.1 no such address here"
        asyncio.get_running_loop().call_soon(server.transport.close)
        return "421 4.7.0 too many unknown addresses"


@asynccontextmanager
async def listening(
    door: Door, listen: Listen, *, is_lmtp: bool, hostname: str, tls: ssl.SSLContext | None, pace: Pace | None = None
) -> AsyncIterator[int]:
    """Listen for SMTP or LMTP in this event loop; gives the port. HubError when it can't."""
    kind = _Lmtp if is_lmtp else _Smtp
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        made: asyncio.Protocol = kind(
            door,
            pace or Pace(),
            hostname=hostname,
            ident="Tegata",
            data_size_limit=NUMBERS.mail_size,
            enable_SMTPUTF8=True,
            tls_context=tls,
        )
        return made

    try:
        server = await loop.create_server(protocol, listen.host, listen.port, backlog=512)
    except OSError as error:
        message = f"{listen.host}:{listen.port} can't be listened at ({error.strerror or error})."
        raise HubError(message) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """Make the context for STARTTLS; HubError when the files can't be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        message = f"TEGATA_MAIL_CERTIFICATE: {certificate} and {key} can't be used ({error})."
        raise HubError(message) from error
    return context
