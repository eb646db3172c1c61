"""How a letter is handed to the mail server: over kept connections, with an answer for everything that can happen."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import structlog
from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponseException,
)
from prometheus_client import Counter

from hub.breaker import Breaker
from hub.outbox import Accepted, Deferred, Failed, Report
from mail_gateway.replies import Meaning, meaning_of
from mail_gateway.settings import RelayAddress, StartTls

_log = structlog.get_logger(__name__)
_policy_refusals = Counter("tegata_mail_policy_refusals_total", "Mail of ours that was refused as such.")
# An idle connection is tried with NOOP after this, for the server may have gone meanwhile.
_FRESH = 10.0
_IDLE = 55.0
_REFUSALS = range(400, 600)
_PERMANENT = 500
_CLOSING = 421
_TAKEN = {250, 251}
_NO_SMTPUTF8 = "the mail server does not take addresses with such signs"


@dataclass(slots=True)
class _Connection:
    client: SMTP
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
        async with self._places:
            try:
                async with self._connected() as connection:
                    return await self._handed(connection.client, message, sender, recipient)
            except RelayDownError as error:
                self._trouble, self._is_down = str(error), True
                return Deferred(str(error), timedelta(seconds=self.wait))
            except (SMTPException, OSError, TimeoutError, ValueError) as error:
                # ValueError: an answer that is no SMTP at all.
                self._trouble, self._is_down = _said(error), True
                return Deferred(_said(error))

    async def close(self) -> None:
        """Say goodbye on all kept connections."""
        while self._idle:
            with suppress(SMTPException, OSError, TimeoutError):
                await self._idle.pop().client.quit()

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
        except (RelayDownError, SMTPException, OSError, TimeoutError, ValueError) as error:
            return _said(error)

    async def _handed(self, client: SMTP, message: bytes, sender: str, recipient: str) -> Report:
        if not recipient.isascii() and not client.supports_extension("smtputf8"):
            return Failed(_NO_SMTPUTF8)
        options = [] if recipient.isascii() else [b"SMTPUTF8"]
        # Not `sendmail`, which parses both addresses anew at each step: these were checked when they were written.
        try:
            told = await client.execute_command(b"MAIL", f"FROM:<{sender}>".encode(), *options)
            if told.code not in _TAKEN:
                await _start_over(client, told.code, told.message)
                return self._policy(told.code, told.message)
            told = await client.execute_command(b"RCPT", f"TO:<{recipient}>".encode())
            if told.code not in _TAKEN:
                await _start_over(client, told.code, told.message)
                return self._recipient_refused(told.code, told.message)
            told = await client.data(message)
        except SMTPResponseException as error:
            await _start_over(client, error.code, error.message)
            return self._policy(error.code, error.message)
        self._well()
        return Accepted(f"250 {told.message}")

    def _recipient_refused(self, code: int, said: str) -> Report:
        meaning = meaning_of(code, said)
        if meaning is Meaning.POLICY:
            return self._policy(code, said)
        self._well()
        match meaning:
            case Meaning.LATER:
                return Deferred(f"{code} {said}")
            case Meaning.DEAD:
                return Failed(f"{code} {said}", is_dead=True)
            case Meaning.NEVER:
                return Failed(f"{code} {said}")

    def _well(self) -> None:
        """Note that the server talks to us, over whichever connection."""
        self._trouble, self._is_down = "", False
        self._breaker.reached()

    def _policy(self, code: int, said: str) -> Report:
        """Answer a refusal of ourselves, not of the address: try later, and let the operator know."""
        self._trouble, self._is_down = f"{code} {said}", False
        if code >= _PERMANENT:
            _policy_refusals.inc()
            _log.error("relay.refuses_us", code=code, said=said)
        return Deferred(self._trouble)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        connection = await self._kept() or await self._opened()
        try:
            yield connection
        except BaseException:
            connection.client.close()
            raise
        if connection.client.is_connected:
            connection.used_at = monotonic()
            self._idle.append(connection)

    async def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if await self._is_alive(connection):
                return connection
            connection.client.close()
        return None

    async def _is_alive(self, connection: _Connection) -> bool:
        idle = monotonic() - connection.used_at
        if not connection.client.is_connected or idle > _IDLE:
            return False
        if idle < _FRESH:
            return True
        try:
            await connection.client.noop(timeout=min(self._timeout, 2.0))
        except (SMTPException, OSError, TimeoutError):
            return False
        return True

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
        except (RelayDownError, SMTPException, OSError, TimeoutError, ssl.SSLError, ValueError) as error:
            client.close()
            self._trouble = _said(error)
            self._breaker.failed(monotonic())
            raise RelayDownError(self._trouble) from error
        except BaseException:
            client.close()
            raise
        self._breaker.reached()
        return _Connection(client, monotonic())

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


async def _start_over(client: SMTP, code: int, said: str) -> None:
    """Forget a letter that was refused; RelayDownError when nothing more can be said on this connection."""
    # After what is no answer nobody knows what the next one belongs to.
    if code == _CLOSING or code not in _REFUSALS:
        message = f"{code} {said}"
        raise RelayDownError(message)
    try:
        await client.rset()
    except (SMTPException, OSError):
        client.close()


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__
