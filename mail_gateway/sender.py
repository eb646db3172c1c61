"""The loops that empty the outbox's mail: claim, write, hand over, report; codes have hands of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic

import structlog
from prometheus_client import Counter, Histogram
from tortoise.exceptions import BaseORMException

from hub.delivery import Accepted, Claimed, Deferred, Failed, Report
from hub.labels import domain_of
from hub.outbox import Outbox
from hub.settings import NUMBERS
from mail_gateway.destinations import Destinations
from mail_gateway.dkim_keys import Signer
from mail_gateway.letters import House, UnwritableError, write
from mail_gateway.relay import Relay
from models.kinds import Channel, Letter

Clock = Callable[[], datetime]
Dead = Callable[[Claimed, Failed], Awaitable[None]]
_IDLE = 1.0
_AFTER_TROUBLE = 1.0
# Readiness tells the present: a server in trouble is looked for also when there is no mail.
_LOOK_EVERY = 15.0
# A send under way is let finish, so that what was accepted is reported, too.
_GRACE = 5.0
_MOST_DOMAINS = 200
# Letters taken at once for each hand: fewer statements, and still little that a lease holds back.
_AT_ONCE = 20
_GATHER = 0.03
# A letter that waited longer for a hand is left to its lease's end.
_TIMELY = NUMBERS.delivery_lease.total_seconds() / 3
# Of so many hands one is kept for codes alone.
_ONE_IN = 4
_INSIST = 0.2
_log = structlog.get_logger(__name__)

_reports = Counter("tegata_mail_deliveries_total", "Deliveries handed to the mail server.", ["state", "domain"])
_ages = Histogram(
    "tegata_mail_age_seconds",
    "Seconds from a letter being posted to what was said of it, by what that was and by receiving domain.",
    ["state", "domain"],
    buckets=(1, 10, 60, 600),
)
_latency = Histogram(
    "tegata_mail_accepted_seconds",
    "Seconds from a code being asked for to the mail server's 250.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)


@dataclass(slots=True)
class Lane:
    """Some hands, and the least urgent letter that they take."""

    least: Letter
    hands: int
    taken: asyncio.Queue["_Taken"] = field(default_factory=asyncio.Queue)
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def most(self) -> int:
        """How many letters are claimed at once."""
        return self.hands if self.least is Letter.CODE else self.hands * _AT_ONCE


def lanes_of(hands: int) -> tuple[Lane, ...]:
    """Share the hands out: some for codes alone, so that no drain of notices stands before one; the rest for all."""
    if hands == 1:
        return (Lane(Letter.NOTICE, 1),)
    kept = max(1, hands // _ONE_IN)
    return Lane(Letter.CODE, kept), Lane(Letter.NOTICE, hands - kept)


@dataclass(frozen=True, slots=True)
class _Taken:
    claimed: Claimed
    at: float


@dataclass(frozen=True, slots=True)
class _Told:
    claimed: Claimed
    report: Report


class Sender:
    """One process's hands on the mail outbox; `dead` is told of an address that the server knows to be none."""

    def __init__(
        self,
        outbox: Outbox,
        relay: Relay,
        house: House,
        *,
        hands: int,
        clock: Clock,
        signer: Signer | None = None,
        dead: Dead | None = None,
    ) -> None:
        self._outbox = outbox
        self._relay = relay
        self._house = house
        self._clock = clock
        self._signer = signer
        self._dead = dead
        self._lanes = lanes_of(hands)
        self._destinations = Destinations()
        self._told: asyncio.Queue[_Told] = asyncio.Queue()
        # Set when what was told of is looked for on a page.
        self._looked_for = asyncio.Event()
        self._domains: set[str] = set()

    @property
    def trouble(self) -> str:
        """What stands between the outbox and the mail server; empty when nothing does."""
        return self._relay.trouble

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Sender"]:
        """Send while this lasts; at the end what is under way is finished and reported."""
        claiming = [asyncio.create_task(self._claim(lane)) for lane in self._lanes]
        claiming.append(asyncio.create_task(self._watch()))
        sending = [asyncio.create_task(self._send(lane)) for lane in self._lanes for _ in range(lane.hands)]
        reporting = asyncio.create_task(self._report())
        try:
            yield self
        finally:
            await _ended(claiming)
            self._drop_unsent()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await asyncio.gather(*(lane.taken.join() for lane in self._lanes))
                    await self._told.join()
            await _ended([*sending, reporting])
            await self._relay.close()

    def _drop_unsent(self) -> None:
        """Leave what no hand has taken up to the next worker: its lease runs out."""
        for lane in self._lanes:
            while not lane.taken.empty():
                lane.taken.get_nowait()
                lane.taken.task_done()

    async def _claim(self, lane: Lane) -> None:
        while True:
            try:
                await self._claim_once(lane)
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

    async def _claim_once(self, lane: Lane) -> None:
        if lane.taken.qsize() >= lane.most // 2 + 1:
            lane.wanted.clear()
            await lane.wanted.wait()
            return
        if len(self._lanes) > 1 and lane.least is not Letter.CODE and self._relay.wait:
            # Codes are taken by the other lane and put off, so that their pages tell of it; the rest stays put.
            await asyncio.sleep(min(self._relay.wait, _IDLE))
            return
        async with self._outbox.waiting(Channel.MAIL) as bell:
            claimed = await self._outbox.claim(Channel.MAIL, limit=lane.most, now=self._clock(), least=lane.least)
            if not claimed:
                await bell.heard(timeout=_IDLE)
        for one in claimed:
            lane.taken.put_nowait(_Taken(one, monotonic()))

    async def _send(self, lane: Lane) -> None:
        while True:
            taken = await lane.taken.get()
            lane.wanted.set()
            try:
                # With a server this slow another worker may have it by now: its lease decides.
                if monotonic() - taken.at < _TIMELY:
                    self._told.put_nowait(_Told(taken.claimed, await self._sent(taken.claimed)))
                    if taken.claimed.letter is not Letter.NOTICE:
                        self._looked_for.set()
            finally:
                lane.taken.task_done()

    async def _report(self) -> None:
        """Report what was sent: whatever has come together meanwhile in one transaction."""
        while True:
            told = [await self._told.get()]
            if told[0].claimed.letter is Letter.NOTICE:
                # Nobody looks at a page for it: what is sent meanwhile is written in the same transaction.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GATHER):
                        await self._looked_for.wait()
            self._looked_for.clear()
            while not self._told.empty():
                told.append(self._told.get_nowait())
            now = self._clock()
            for one in told:
                self._measure(one.claimed, one.report, now)
            try:
                await self._outbox.report_all([(one.claimed, one.report) for one in told], now=now)
                await self._tell_of_dead(told)
            except Exception as error:
                # The lease runs out and another worker sends again, under the same Message-ID.
                _log.warning("sender.report_lost", deliveries=len(told), error=str(error))
            for _ in told:
                self._told.task_done()

    async def _tell_of_dead(self, told: list[_Told]) -> None:
        for one in told:
            if self._dead is not None and isinstance(one.report, Failed) and one.report.is_dead:
                await self._dead(one.claimed, one.report)

    async def _sent(self, claimed: Claimed) -> Report:
        domain = domain_of(claimed.address)
        held = self._destinations.held(domain, monotonic())
        if held is not None:
            return Deferred(held.reply, timedelta(seconds=held.seconds))
        try:
            message = write(claimed, self._house)
            if self._signer is not None:
                message = self._signer.sign(message, now=self._clock())
            sender = claimed.envelope_sender or self._house.envelope_sender
            report = await self._relay.send(message, sender=sender, recipient=claimed.address)
        except UnwritableError as error:
            return Failed(str(error))
        except Exception as error:
            # One letter that can't be handled must not stop the others.
            _log.exception("sender.letter_trouble", delivery=claimed.id)
            return Deferred(type(error).__name__)
        match report:
            case Accepted():
                self._destinations.took(domain)
            case Deferred(reply, None):
                # Not the relay being down, which has a wait of its own: the domain says "not now".
                self._destinations.refused(domain, reply, monotonic())
            case Deferred() | Failed():
                pass
        return report

    def _measure(self, claimed: Claimed, report: Report, now: datetime) -> None:
        domain = domain_of(claimed.address)
        if domain not in self._domains and len(self._domains) >= _MOST_DOMAINS:
            domain = "other"
        self._domains.add(domain)
        state, age = type(report).__name__.lower(), (now - claimed.asked_at).total_seconds()
        reports, ages = _measures(state, domain)
        reports.inc()
        ages.observe(age)
        if isinstance(report, Accepted):
            if claimed.letter is Letter.CODE:
                _latency.observe(age)
            return
        _log.info(
            "mail.not_accepted",
            delivery=claimed.id,
            domain=domain,
            attempt=claimed.attempt,
            reply=report.reply,
        )


@lru_cache(maxsize=3 * _MOST_DOMAINS)
def _measures(state: str, domain: str) -> tuple[Counter, Histogram]:
    """Find what counts for a state and a domain; the library looks long."""
    return _reports.labels(state, domain), _ages.labels(state, domain)


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
