"""The loop that empties the outbox's mail: claim, write, hand over, report."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from prometheus_client import Counter, Histogram
from tortoise.exceptions import BaseORMException

from hub.labels import domain_of
from hub.outbox import Accepted, Claimed, Deferred, Failed, Outbox, Report
from mail_gateway.letters import House, UnwritableError, write
from mail_gateway.relay import Relay
from models.kinds import Channel

Clock = Callable[[], datetime]
_IDLE = 1.0
_AFTER_TROUBLE = 1.0
# Readiness tells the present: a server in trouble is looked for also when there is no mail.
_LOOK_EVERY = 15.0
# A send under way is let finish, so that what was accepted is reported, too.
_GRACE = 5.0
_MOST_DOMAINS = 200
_INSIST = 0.2
_log = structlog.get_logger(__name__)

_reports = Counter("tegata_mail_deliveries_total", "Deliveries handed to the mail server.", ["state", "domain"])
_latency = Histogram(
    "tegata_mail_accepted_seconds",
    "Seconds from a code being asked for to the mail server's 250.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)


class Sender:
    """One process's hands on the mail outbox."""

    def __init__(self, outbox: Outbox, relay: Relay, house: House, *, hands: int, clock: Clock) -> None:
        self._outbox = outbox
        self._relay = relay
        self._house = house
        self._hands = hands
        self._clock = clock
        self._busy: set[asyncio.Task[None]] = set()
        self._domains: set[str] = set()

    @property
    def trouble(self) -> str:
        """What stands between the outbox and the mail server; empty when nothing does."""
        return self._relay.trouble

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Sender"]:
        """Send while this lasts; at the end what is under way is finished and reported."""
        loops = [asyncio.create_task(self._run()), asyncio.create_task(self._watch())]
        try:
            yield self
        finally:
            await _ended(loops)
            if self._busy:
                await asyncio.wait(self._busy, timeout=_GRACE)
            for late in tuple(self._busy):
                late.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)
            await self._relay.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._once()
            except BaseORMException as error:
                # The rows are safe where they are; nothing was claimed.
                _log.warning("sender.database_trouble", error=str(error))
                await asyncio.sleep(_AFTER_TROUBLE)
            except Exception:
                # The loop must live on: what it can't do now it may do in a second.
                _log.exception("sender.trouble")
                await asyncio.sleep(_AFTER_TROUBLE)

    async def _watch(self) -> None:
        await self._relay.look()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self._relay.trouble:
                await self._relay.look()

    async def _once(self) -> None:
        free = self._hands - len(self._busy)
        if free <= 0:
            await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
            return
        async with self._outbox.waiting(Channel.MAIL) as bell:
            claimed = await self._outbox.claim(Channel.MAIL, limit=free, now=self._clock())
            if not claimed:
                await bell.heard(timeout=_IDLE)
        for one in claimed:
            task = asyncio.create_task(self._deliver(one))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)

    async def _deliver(self, claimed: Claimed) -> None:
        report = await self._sent(claimed)
        now = self._clock()
        self._measure(claimed, report, now)
        try:
            await self._outbox.report(claimed, report, now=now)
        except BaseORMException as error:
            # The lease runs out and another worker sends again, under the same Message-ID.
            _log.warning("sender.report_lost", delivery=claimed.id, error=str(error))

    async def _sent(self, claimed: Claimed) -> Report:
        try:
            message = write(claimed, self._house)
            return await self._relay.send(message, sender=self._house.envelope_sender, recipient=claimed.address)
        except UnwritableError as error:
            return Failed(str(error))
        except Exception as error:
            # One letter that can't be handled must not stop the others.
            _log.exception("sender.letter_trouble", delivery=claimed.id)
            return Deferred(type(error).__name__)

    def _measure(self, claimed: Claimed, report: Report, now: datetime) -> None:
        domain = domain_of(claimed.address)
        if domain not in self._domains and len(self._domains) >= _MOST_DOMAINS:
            domain = "other"
        self._domains.add(domain)
        _reports.labels(type(report).__name__.lower(), domain).inc()
        if isinstance(report, Accepted):
            _latency.observe((now - claimed.asked_at).total_seconds())
            return
        _log.info(
            "mail.not_accepted",
            delivery=claimed.id,
            domain=domain,
            attempt=claimed.attempt,
            reply=report.reply,
        )


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended.

    Once may not be enough: before Python 3.12 `wait_for`, which the SMTP client is made of, loses a cancellation that
    comes at the moment its answer does.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_INSIST)
