"""How a letter is handed to the mail server: over kept connections, with an answer for everything that can happen."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from time import monotonic
from typing import Any, assert_never, cast

import structlog
from aiosmtplib import (
    SMTP,
    SMTPConnectTimeoutError,
    SMTPException,
    SMTPHeloError,
    SMTPResponseException,
    SMTPTimeoutError,
)
from prometheus_client import Counter

from hub.outbox.messages import Accepted, Deferred, Failed, Report, Unknown
from hub.runtime.circuit_breaker import Breaker
from mail_gateway.outbound.dialogue_recorder import RecordedSmtp, Recorder
from mail_gateway.outbound.reply_codes import Meaning, meaning_of
from mail_gateway.outbound.smtp_connection import Reply, Wire, WireError
from mail_gateway.outbound.smtp_transaction import Lost, Refused, Taken, hand
from mail_gateway.outbound.step_timeouts import Patience, Step
from mail_gateway.settings import RelayAddress, StartTls

_log = structlog.get_logger(__name__)
_policy_refusals = Counter("tegata_mail_policy_refusals_total", "Mail of ours that was refused as such.")
# An idle connection is tried with NOOP after this, for the server may have gone meanwhile.
_FRESH = 10.0
_IDLE = 55.0
_SOON = 2.0
# The server does not know the command, or a parameter of it.
_NO_EHLO = {500, 501, 502, 504}
# What would end a command, or the brackets around an address in it.
_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")
STARTTLS_FAILED = "STARTTLS failed"
LOGIN_FAILED = "the login (AUTH) failed"
_NO_AUTH = f"{LOGIN_FAILED}: the mail server offers none that is known here, and TEGATA_SMTP_URL names a user"
_HUNG_UP = "the mail server hung up"
_NO_COMMAND = "the address can't stand in a command"
_NO_SMTPUTF8 = "the mail server does not take addresses with such signs"


@dataclass(slots=True)
class _Connection:
    wire: Wire
    used_at: float
    # Whether it has taken a letter: when the server ends it then, it has had enough of this connection, no more.
    has_served: bool = False


class RelayDownError(Exception):
    """The mail server can't be reached or refused to talk; the text is what it said."""


class _StaleError(Exception):
    """A connection that had served ended before the letter was sent."""


class Relay:
    """A pool of connections to one mail server."""

    def __init__(
        self,
        address: RelayAddress,
        *,
        connections: int = 4,
        timeout: float = 10.0,
        end_timeout: float = 600.0,
        recorder: Recorder | None = None,
    ) -> None:
        self._address = address
        self._recorder = recorder
        self._patience = Patience(timeout, end=end_timeout)
        self._timeout = timeout
        self._tls = None if address.starttls is StartTls.NEVER and not address.is_tls else address.tls_context()
        self._places = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._breaker = Breaker()
        self._trouble = ""
        self._is_down = False
        self._is_back = False
        # The recipients of whom we were refused since a letter was taken.
        self._refused_for: set[str] = set()

    @property
    def trouble(self) -> str:
        """What stood in the way when the server was last needed or looked for; empty when nothing did."""
        if self._breaker.is_tried(monotonic()):
            return f"{self._trouble} (being tried again now)"
        if self._breaker.is_open:
            return f"{self._trouble} (tried again in {max(1, ceil(self.wait))} s)"
        return self._trouble

    @property
    def given_up(self) -> int:
        """How many waits for an answer were given up."""
        return self._patience.given_up

    @property
    def wait(self) -> float:
        """Seconds for which nothing need be tried, because the server is down."""
        return self._breaker.wait(monotonic())

    async def send(
        self, message: bytes, *, sender: str, recipient: str, at_end: Callable[[], None] | None = None
    ) -> Report:
        """Hand one message over; Accepted only after the server's 2yz to the whole of it.

        A connection lost after the final dot is Unknown. `at_end` is called when the whole message goes out.
        """
        if _UNFIT.search(sender) or _UNFIT.search(recipient):
            return Failed(_NO_COMMAND)
        async with self._places:
            try:
                return await self._sent(message, sender, recipient, at_end)
            except RelayDownError as error:
                self._trouble, self._is_down = str(error), True
                return Deferred(str(error), timedelta(seconds=self.wait))
            except WireError as error:
                self._trouble, self._is_down = str(error), True
                return Deferred(str(error))

    async def _sent(self, message: bytes, sender: str, recipient: str, at_end: Callable[[], None] | None) -> Report:
        try:
            async with self._connected() as connection:
                return await self._handed(connection, message, sender, recipient, at_end)
        except _StaleError:
            # The server ended a connection that it had taken letters over; that says nothing of a new one.
            async with self._newly_connected() as connection:
                return await self._handed(connection, message, sender, recipient, at_end)

    def came_back(self) -> bool:
        """Tell once that the server was reached again after it could not be."""
        is_back, self._is_back = self._is_back, False
        return is_back

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

    async def _handed(
        self,
        connection: _Connection,
        message: bytes,
        sender: str,
        recipient: str,
        at_end: Callable[[], None] | None,
    ) -> Report:
        wire = connection.wire
        if not recipient.isascii() and not wire.takes_utf8:
            return Failed(_NO_SMTPUTF8)
        try:
            outcome = await hand(wire, message, sender=sender, recipient=recipient, at_end=at_end)
        except WireError as error:
            if connection.has_served:
                raise _StaleError from error
            raise
        match outcome:
            case Taken(reply):
                connection.has_served = True
                self._well()
                return Accepted(str(reply))
            case Lost(trouble):
                self._trouble, self._is_down = trouble, True
                return Unknown(trouble)
            case Refused(step, reply) if not reply.is_refusal:
                if connection.has_served and step is not Step.END:
                    raise _StaleError
                raise RelayDownError(_unusable(step, reply))
            case Refused(step, reply):
                return self._refused(step, reply, recipient)
            case _:
                assert_never(outcome)

    def _refused(self, step: Step, reply: Reply, recipient: str) -> Report:
        """Tell what a refusal means for the letter, and whether it is the server's or ours."""
        meaning = meaning_of(reply.code, reply.said, step)
        match meaning:
            case Meaning.BUSY:
                self._trouble, self._is_down = str(reply), False
                return Deferred(str(reply))
            case Meaning.POLICY:
                return self._policy(step, reply, recipient)
            case Meaning.LATER:
                self._well()
                return Deferred(str(reply))
            case Meaning.DEAD:
                self._well()
                return Failed(str(reply), is_dead=True)
            case Meaning.NEVER:
                self._well()
                return Failed(str(reply))
            case _:
                assert_never(meaning)

    def _well(self) -> None:
        """Note that the server talks to us, over whichever connection."""
        self._trouble, self._is_down = "", False
        self._refused_for.clear()
        self._breaker.reached()

    def _policy(self, step: Step, reply: Reply, recipient: str) -> Report:
        """Answer a refusal of ourselves, not of the address, and let the operator know (RFC 5321, 4.2.1).

        For one recipient that may be that mailbox's own rule; of us it is when it is said of two, or of the sender.
        """
        _policy_refusals.inc()
        _log.error("relay.refuses_us", step=str(step), reply=str(reply))
        self._refused_for.add(recipient)
        if step is Step.MAIL or len(self._refused_for) > 1:
            self._trouble, self._is_down = str(reply), False
            self._refused_for = {recipient}
        return Failed(str(reply))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        async with self._held(await self._kept() or await self._opened()) as connection:
            yield connection

    @asynccontextmanager
    async def _newly_connected(self) -> AsyncIterator[_Connection]:
        async with self._held(await self._opened()) as connection:
            yield connection

    @asynccontextmanager
    async def _held(self, connection: _Connection) -> AsyncIterator[_Connection]:
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
        if not self._breaker.admits(monotonic(), tries_for=self._patience.of(Step.GREETING)):
            raise RelayDownError(self._trouble)
        client = self._client()
        try:
            await self._greeted(client)
            wire = await self._let_in(client)
        except (RelayDownError, SMTPException, OSError, TimeoutError, ssl.SSLError, ValueError) as error:
            client.close()
            self._trouble = _said(error)
            self._breaker.failed(monotonic())
            raise RelayDownError(self._trouble) from error
        except BaseException:
            client.close()
            raise
        self._is_back = self._is_back or self._breaker.is_open
        self._breaker.reached()
        return _Connection(wire, monotonic())

    async def _greeted(self, client: SMTP) -> None:
        begun = monotonic()
        try:
            await client.connect(timeout=self._patience.of(Step.GREETING))
        except SMTPConnectTimeoutError as error:
            # Only where the connection stood and the greeting did not come.
            if isinstance(error.__cause__, SMTPTimeoutError):
                self._patience.was_short(Step.GREETING)
            raise
        self._patience.was_enough(Step.GREETING, monotonic() - begun)

    async def _let_in(self, client: SMTP) -> Wire:
        timeout = self._patience.of(Step.COMMAND)
        try:
            await self._secured(client, timeout)
            # RFC 3207, 4.2: what was said before the encryption counts no more.
            if client.is_ehlo_or_helo_needed:
                await self._introduced(client, timeout)
            if self._address.user:
                await self._logged_in(client, timeout)
        except SMTPTimeoutError:
            self._patience.was_short(Step.COMMAND)
            raise
        return self._wire(client)

    async def _introduced(self, client: SMTP, timeout: float) -> None:
        """Say EHLO, and HELO to a server that does not know EHLO (RFC 5321, 3.2)."""
        try:
            await client.ehlo(timeout=timeout)
        except SMTPHeloError as error:
            if error.code not in _NO_EHLO or not client.is_connected:
                raise
            await client.helo(timeout=timeout)

    async def _logged_in(self, client: SMTP, timeout: float) -> None:
        """Log in with the user and the password of the settings; what fails names the step."""
        if not client.supported_auth_methods:
            raise RelayDownError(_NO_AUTH)
        try:
            await client.login(self._address.user, self._address.password, timeout=timeout)
        except SMTPTimeoutError:
            raise
        except (SMTPException, OSError) as error:
            message = f"{LOGIN_FAILED}: {_said(error)}"
            raise RelayDownError(message) from error

    def _wire(self, client: SMTP) -> Wire:
        """Take the connection over from the library, which hears one command's reply at a time."""
        if client.transport is None or client.transport.is_closing():
            raise RelayDownError(_HUNG_UP)
        return Wire(
            cast("asyncio.Transport", client.transport),
            pipelines=client.supports_extension("pipelining"),
            takes_utf8=client.supports_extension("smtputf8"),
            patience=self._patience,
            recorder=self._recorder,
        )

    def _client(self) -> SMTP:
        address = self._address
        given: dict[str, Any] = {
            "hostname": address.host,
            "port": address.port,
            "use_tls": address.is_tls,
            "start_tls": False,
            "timeout": self._timeout,
            "tls_context": self._tls,
        }
        return SMTP(**given) if self._recorder is None else RecordedSmtp(self._recorder, **given)

    async def _secured(self, client: SMTP, timeout: float) -> None:
        address = self._address
        if address.is_tls:
            return
        await self._introduced(client, timeout)
        offered = client.supports_extension("starttls")
        if address.starttls is StartTls.REQUIRED and not offered:
            message = "the mail server offers no STARTTLS, which is required"
            raise RelayDownError(message)
        if address.starttls is not StartTls.NEVER and offered:
            await _encrypted(client, timeout)
            return
        if address.user and not address.is_loopback:
            message = "the mail server offers no encryption: the password is not sent in clear"
            raise RelayDownError(message)


async def _encrypted(client: SMTP, timeout: float) -> None:
    """Turn the encryption on; what fails names the step, for the library's words alone may be "Connection lost"."""
    try:
        await client.starttls(timeout=timeout)
    except SMTPTimeoutError:
        raise
    except (SMTPException, OSError, ValueError) as error:
        message = f"{STARTTLS_FAILED}: {_said(error)}"
        raise RelayDownError(message) from error


def _unusable(step: Step, reply: Reply) -> str:
    """Say what a reply is that is neither right at this step nor a refusal of it."""
    return str(reply) if reply.is_failure else f"the mail server's answer to {step} means nothing: {reply}"


def _said(error: BaseException) -> str:
    if isinstance(error, SMTPResponseException):
        # The library's own text is that of a tuple.
        return " ".join(f"{error.code} {error.message}".split())
    text = " ".join(str(error).split())
    return text or type(error).__name__
