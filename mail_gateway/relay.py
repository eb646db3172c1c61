"""How a letter is handed to the mail server: over kept connections, with an answer for everything that can happen."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import assert_never, cast

import structlog
from aiosmtplib import SMTP, SMTPException
from prometheus_client import Counter

from hub.breaker import Breaker
from hub.delivery import Accepted, Deferred, Failed, Report
from mail_gateway.replies import Meaning, meaning_of
from mail_gateway.settings import RelayAddress, StartTls
from mail_gateway.transaction import Refused, Step, Taken, hand
from mail_gateway.wire import Reply, Wire, WireError

_log = structlog.get_logger(__name__)
_policy_refusals = Counter("tegata_mail_policy_refusals_total", "Mail of ours that was refused as such.")
# An idle connection is tried with NOOP after this, for the server may have gone meanwhile.
_FRESH = 10.0
_IDLE = 55.0
_SOON = 2.0
_PERMANENT = 500
# What would end a command, or the brackets around an address in it.
_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")
_HUNG_UP = "the mail server hung up"
_NO_COMMAND = "the address can't stand in a command"
_NO_SMTPUTF8 = "the mail server does not take addresses with such signs"


@dataclass(slots=True)
class _Connection:
    wire: Wire
    used_at: float


class RelayDownError(Exception):
    """The mail server can't be reached or refused to talk; the text is what it said."""


class Relay:
    """A pool of connections to one mail server."""

    def __init__(self, address: RelayAddress, *, connections: int = 4, timeout: float = 10.0) -> None:
        self._address = address
        self._timeout = timeout
        self._tls = None if address.starttls is StartTls.NEVER and not address.is_tls else address.tls_context()
        self._places = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._breaker = Breaker()
        self._trouble = ""
        self._is_down = False

    @property
    def trouble(self) -> str:
        """What stood in the way when the server was last needed or looked for; empty when nothing did."""
        if self._breaker.is_open:
            return f"{self._trouble} (tried again in {self.wait:.0f} s)"
        return self._trouble

    @property
    def wait(self) -> float:
        """Seconds for which nothing need be tried, because the server is down."""
        return self._breaker.wait(monotonic())

    async def send(self, message: bytes, *, sender: str, recipient: str) -> Report:
        """Hand one message over; Accepted only after the server's 250 to the whole of it.

        A connection lost after the final dot is unknown, so Deferred: the same Message-ID goes out again.
        """
        if _UNFIT.search(sender) or _UNFIT.search(recipient):
            return Failed(_NO_COMMAND)
        async with self._places:
            try:
                async with self._connected() as connection:
                    return await self._handed(connection.wire, message, sender, recipient)
            except RelayDownError as error:
                self._trouble, self._is_down = str(error), True
                return Deferred(str(error), timedelta(seconds=self.wait))
            except WireError as error:
                self._trouble, self._is_down = str(error), True
                return Deferred(str(error))

    async def close(self) -> None:
        """Say goodbye on all kept connections."""
        while self._idle:
            await self._idle.pop().wire.say_goodbye()

    async def look(self) -> None:
        """Find out whether the server can be reached, before it is needed and after it could not be.

        A server that was reached and refused us stays in trouble until it takes a letter.
        """
        if self._trouble and not self._is_down:
            return
        self._trouble = await self.reachable()
        self._is_down = bool(self._trouble)

    async def reachable(self) -> str:
        """Try to reach the server; returns what went wrong, empty when nothing did."""
        try:
            async with self._places, self._connected():
                return ""
        except (RelayDownError, WireError) as error:
            return str(error)

    async def _handed(self, wire: Wire, message: bytes, sender: str, recipient: str) -> Report:
        if not recipient.isascii() and not wire.takes_utf8:
            return Failed(_NO_SMTPUTF8)
        match await hand(wire, message, sender=sender, recipient=recipient):
            case Taken(reply):
                self._well()
                return Accepted(str(reply))
            case Refused(_, reply) if not reply.is_refusal:
                raise RelayDownError(str(reply))
            case Refused(Step.RCPT, reply):
                return self._recipient_refused(reply)
            case Refused(_, reply):
                return self._policy(reply)
            case outcome:
                assert_never(outcome)

    def _recipient_refused(self, reply: Reply) -> Report:
        meaning = meaning_of(reply.code, reply.said)
        if meaning is Meaning.POLICY:
            return self._policy(reply)
        self._well()
        match meaning:
            case Meaning.LATER:
                return Deferred(str(reply))
            case Meaning.DEAD:
                return Failed(str(reply), is_dead=True)
            case Meaning.NEVER:
                return Failed(str(reply))

    def _well(self) -> None:
        """Note that the server talks to us, over whichever connection."""
        self._trouble, self._is_down = "", False
        self._breaker.reached()

    def _policy(self, reply: Reply) -> Report:
        """Answer a refusal of ourselves, not of the address: try later, and let the operator know."""
        self._trouble, self._is_down = str(reply), False
        if reply.code >= _PERMANENT:
            _policy_refusals.inc()
            _log.error("relay.refuses_us", code=reply.code, said=reply.said)
        return Deferred(self._trouble)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        connection = await self._kept() or await self._opened()
        try:
            yield connection
        except BaseException:
            connection.wire.close()
            raise
        if connection.wire.is_open:
            connection.used_at = monotonic()
            self._idle.append(connection)

    async def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if await self._is_alive(connection):
                return connection
            connection.wire.close()
        return None

    async def _is_alive(self, connection: _Connection) -> bool:
        idle = monotonic() - connection.used_at
        if not connection.wire.is_open or idle > _IDLE:
            return False
        if idle < _FRESH:
            return True
        try:
            async with asyncio.timeout(min(self._timeout, _SOON)):
                return not (await connection.wire.ask(b"NOOP")).is_refusal
        except (WireError, TimeoutError):
            return False

    async def _opened(self) -> _Connection:
        if not self._breaker.admits(monotonic(), tries_for=self._timeout):
            raise RelayDownError(self._trouble)
        client = self._client()
        try:
            await client.connect()
            await self._secured(client)
            if self._address.user:
                await client.login(self._address.user, self._address.password, timeout=self._timeout)
            # RFC 3207, 4.2: what was said before the encryption counts no more.
            if client.is_ehlo_or_helo_needed:
                await client.ehlo(timeout=self._timeout)
            wire = self._wire(client)
        except (RelayDownError, SMTPException, OSError, TimeoutError, ssl.SSLError, ValueError) as error:
            client.close()
            self._trouble = _said(error)
            self._breaker.failed(monotonic())
            raise RelayDownError(self._trouble) from error
        except BaseException:
            client.close()
            raise
        self._breaker.reached()
        return _Connection(wire, monotonic())

    def _wire(self, client: SMTP) -> Wire:
        """Take the connection over from the library, which hears one command's reply at a time."""
        if client.transport is None or client.transport.is_closing():
            raise RelayDownError(_HUNG_UP)
        return Wire(
            cast("asyncio.Transport", client.transport),
            pipelines=client.supports_extension("pipelining"),
            takes_utf8=client.supports_extension("smtputf8"),
            timeout=self._timeout,
        )

    def _client(self) -> SMTP:
        address = self._address
        return SMTP(
            hostname=address.host,
            port=address.port,
            use_tls=address.is_tls,
            start_tls=False,
            timeout=self._timeout,
            tls_context=self._tls,
        )

    async def _secured(self, client: SMTP) -> None:
        address = self._address
        if address.is_tls:
            return
        await client.ehlo(timeout=self._timeout)
        offered = client.supports_extension("starttls")
        if address.starttls is StartTls.REQUIRED and not offered:
            message = "the mail server offers no STARTTLS, which is required"
            raise RelayDownError(message)
        if address.starttls is not StartTls.NEVER and offered:
            await client.starttls(timeout=self._timeout)
            return
        if address.user and not address.is_loopback:
            message = "the mail server offers no encryption: the password is not sent in clear"
            raise RelayDownError(message)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__
