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

from hub.domain.identifiers import domain_of, mail_address
from hub.outbox.messages import Accepted, Claimed, Deferred, Failed, Report, Unknown
from hub.outbox.queue import Outbox
from hub.runtime.outage import DATABASE_TROUBLE, Outage
from hub.settings import NUMBERS
from mail_gateway.outbound.dkim_keys import Signer
from mail_gateway.outbound.domain_backoff import MOST_SHOWN, Destinations, Domains
from mail_gateway.outbound.messages import House, UnwritableError, write
from mail_gateway.outbound.relay import Relay
from models.kinds import Channel, Letter

Clock = Callable[[], datetime]
Dead = Callable[[Claimed, Failed], Awaitable[None]]
_IDLE = 1.0
_AFTER_TROUBLE = 1.0
# Readiness tells the present: a server in trouble is looked for also when there is no mail.
_LOOK_EVERY = 15.0
# A send under way is let finish, so that what was accepted is reported, too.
_GRACE = 5.0
# Letters taken at once for each hand: fewer statements, and still little that a lease holds back.
_AT_ONCE = 20
_GATHER = 0.03
# A letter that waited longer for a hand is left to its lease's end.
_TIMELY = NUMBERS.delivery_lease.total_seconds() / 3
# Of so many hands one is kept for codes alone.
_ONE_IN = 4
_INSIST = 0.2
# A letter that takes longer keeps its lease.
_RENEW_EVERY = NUMBERS.delivery_lease.total_seconds() / 4
# A report that the database refuses, though it can be reached, is given up after so many tries.
_REPORT_TRIES = 8
_STOPPED = "the hub stopped before the mail server answered the end of the letter"
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
        self._domains = Domains()
        # What was claimed here and not reported yet, under its newest lease; and of that what went out whole.
        self._in_hand: dict[int, Claimed] = {}
        self._gone_out: set[int] = set()
        self._outage = Outage("mail sender")
        self._report_trouble = ""

    @property
    def trouble(self) -> str:
        """What stands between the outbox and the mail server; empty when nothing does."""
        return self._relay.trouble or self._report_trouble or self._outage.trouble

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Sender"]:
        """Send while this lasts; at the end what is under way is finished and reported."""
        claiming = [asyncio.create_task(self._claim(lane)) for lane in self._lanes]
        claiming.append(asyncio.create_task(self._watch()))
        renewing = asyncio.create_task(self._renew())
        sending = [asyncio.create_task(self._send(lane)) for lane in self._lanes for _ in range(lane.hands)]
        reporting = asyncio.create_task(self._report())
        try:
            yield self
        finally:
            await _ended(claiming)
            await self._give_back()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await asyncio.gather(*(lane.taken.join() for lane in self._lanes))
                    await self._told.join()
            await _ended([*sending, reporting, renewing])
            await self._report_cut_off()
            await self._relay.close()

    async def _give_back(self) -> None:
        """Leave what no hand has taken up to the next worker."""
        unsent = []
        for lane in self._lanes:
            while not lane.taken.empty():
                unsent.append(self._in_hand.pop(lane.taken.get_nowait().claimed.id))
                lane.taken.task_done()
        try:
            await self._outbox.release(unsent, now=self._clock())
        except Exception as error:
            # Their leases run out.
            _log.warning("sender.not_given_back", deliveries=len(unsent), error=str(error))

    async def _report_cut_off(self) -> None:
        """Report what was under way at the end: what went out whole may have been delivered, the rest was not sent."""
        cut_off = [claimed for number, claimed in self._in_hand.items() if number in self._gone_out]
        unsent = [claimed for number, claimed in self._in_hand.items() if number not in self._gone_out]
        try:
            await self._outbox.report_all([(one, Unknown(_STOPPED)) for one in cut_off], now=self._clock())
            await self._outbox.release(unsent, now=self._clock())
        except Exception as error:
            _log.warning("sender.report_lost", deliveries=len(cut_off), error=str(error))

    async def _claim(self, lane: Lane) -> None:
        while True:
            try:
                await self._claim_once(lane)
            except DATABASE_TROUBLE as error:
                # The rows are safe where they are; nothing was claimed.
                await self._outage.wait(error)
            except Exception:
                # The loop must live on: what it can't do now it may do in a second.
                _log.exception("sender.trouble")
                await asyncio.sleep(_AFTER_TROUBLE)

    async def _renew(self) -> None:
        """Keep the leases of what is in hand for long: a slow mail server is no reason for a second copy."""
        while True:
            before = set(self._in_hand)
            await asyncio.sleep(_RENEW_EVERY)
            long = [claimed for number, claimed in self._in_hand.items() if number in before]
            try:
                await self._outbox.renew(long, now=self._clock())
            except Exception as error:
                # The claiming loops tell of the database; what is lost here is counted as a copy.
                _log.info("sender.not_renewed", deliveries=len(long), error=str(error))

    async def _watch(self) -> None:
        await self._relay.look()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self._relay.trouble:
                await self._relay.look()
                await self._hurry()

    async def _hurry(self) -> None:
        """Have what was put off while the mail server was down sent as soon as it is back."""
        if not self._relay.came_back():
            return
        try:
            await self._outbox.hurry(Channel.MAIL, now=self._clock())
        except Exception as error:
            # Each letter is tried again in its own time.
            _log.info("sender.not_hurried", error=str(error))

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
            self._outage.over()
            if not claimed:
                await bell.heard(timeout=_IDLE)
        for one in claimed:
            is_in_hand = one.id in self._in_hand
            self._in_hand[one.id] = one
            if not is_in_hand:
                lane.taken.put_nowait(_Taken(one, monotonic()))

    async def _send(self, lane: Lane) -> None:
        while True:
            taken = await lane.taken.get()
            lane.wanted.set()
            try:
                # What stood here for long goes back, for another worker may have a hand free.
                if monotonic() - taken.at < _TIMELY:
                    self._told.put_nowait(_Told(taken.claimed, await self._sent(taken.claimed)))
                    if taken.claimed.letter is not Letter.NOTICE:
                        self._looked_for.set()
                else:
                    await self._put_back(taken.claimed)
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
            await self._written(told)
            for _ in told:
                self._told.task_done()

    async def _written(self, told: list[_Told]) -> None:
        """Write what became of letters, however long the database is away; what it refuses is left out."""
        if await self._insist(told) or len(told) == 1:
            return
        for one in told:
            await self._insist([one])

    async def _insist(self, told: list[_Told]) -> bool:
        """Try until it is written; False when the database can be reached and refuses it again and again."""
        tries, outage = 0, Outage("mail reports")
        while tries < _REPORT_TRIES:
            try:
                # In a task of its own: what a failed transaction leaves in its context ends with it.
                await asyncio.create_task(self._write(told))
            except Exception as error:
                # While the claiming loops have no database either, waiting is all there is to do.
                tries += not self._outage.trouble
                self._report_trouble = f"what became of {len(told)} letters can't be written: {error}"
                await outage.wait(error)
                continue
            self._report_trouble = ""
            outage.over()
            return True
        _log.error("sender.report_lost", deliveries=[one.claimed.id for one in told], trouble=self._report_trouble)
        if len(told) == 1:
            self._forget(told)
        return False

    async def _write(self, told: list[_Told]) -> None:
        reports = [(self._in_hand.get(one.claimed.id, one.claimed), one.report) for one in told]
        await self._outbox.report_all(reports, now=self._clock())
        self._forget(told)
        for claimed, report in reports:
            if self._dead is not None and isinstance(report, Failed) and report.is_dead:
                await self._dead(claimed, report)

    def _forget(self, told: list[_Told]) -> None:
        for one in told:
            self._in_hand.pop(one.claimed.id, None)
            self._gone_out.discard(one.claimed.id)

    async def _put_back(self, claimed: Claimed) -> None:
        try:
            await self._outbox.release([self._in_hand.pop(claimed.id, claimed)], now=self._clock())
        except Exception as error:
            _log.info("sender.not_given_back", deliveries=1, error=str(error))

    async def _sent(self, claimed: Claimed) -> Report:
        domain = domain_of(claimed.address)
        held = self._destinations.held(domain, monotonic())
        if held is not None:
            return Deferred(f"not tried yet, {domain} said: {held.reply}", timedelta(seconds=held.seconds))
        try:
            message = write(claimed, self._house)
            if self._signer is not None:
                message = self._signer.sign(message, now=self._clock())
            sender = claimed.envelope_sender or self._house.envelope_sender
            report = await self._relay.send(
                message,
                sender=sender,
                recipient=mail_address(claimed.address),
                at_end=lambda: self._gone_out.add(claimed.id),
            )
            await self._hurry()
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
                self._destinations.refused(domain, claimed.address, reply, monotonic())
            case Deferred() | Failed() | Unknown():
                pass
        return report

    def _measure(self, claimed: Claimed, report: Report, now: datetime) -> None:
        domain = self._domains.shown(claimed.address)
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
            domain=domain_of(claimed.address),
            attempt=claimed.attempt,
            reply=report.reply,
        )


@lru_cache(maxsize=3 * MOST_SHOWN)
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
