"""What happened, so that it can be told later and can't be rewritten unseen."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from hub.keyring import KeyRing
from hub.visit import Visit
from models.account import Account
from models.event import Event, Segment
from models.kinds import EventKind
from models.rows import fresh, insert

_PURPOSE = "audit"
_FIRST = "0" * 64
_SEGMENT = 5000
# Rows that are read or dropped at once, so that neither memory nor a transaction grows with the audit.
_PAGE, _SEGMENT_PAGE, _PAUSE = 1000, 1000, 0.01
_MOST_FINDINGS = 1000
Progress = Callable[[int], None]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the audit that is not as it was written; `segment` is None for events not sealed yet."""

    segment: int | None
    event: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look through the whole audit found; `last_seal` is worth keeping elsewhere."""

    events: int
    segments: int
    last_seal: str
    findings: tuple[Finding, ...]
    # Findings beyond those that are listed.
    more: int = 0


async def record(
    keys: KeyRing, kind: EventKind, visit: Visit, account_id: int | None, **detail: str | int | None
) -> None:
    """Write an event in the transaction of what it tells; `detail` must hold nothing secret."""
    await insert(drafted(keys, kind, visit, account_id, **detail))


async def record_all(events: Sequence[Event]) -> None:
    """Write many drafted events in the transaction of what they tell."""
    await Event.bulk_create(events)


def drafted(keys: KeyRing, kind: EventKind, visit: Visit, account_id: int | None, **detail: str | int | None) -> Event:
    """Give an event for a caller that writes many at once."""
    # Whatever an operator does, the audit names the Unix user.
    detail = detail | {"operator": visit.operator or None}
    told = json.dumps(
        {name: value for name, value in detail.items() if value is not None},
        ensure_ascii=False,
        sort_keys=True,
    )
    event = fresh(
        Event, at=visit.now, kind=kind, account_id=account_id, address=visit.address, detail=told, key=keys.current
    )
    event.mac = _mac(keys, event)
    return event


async def seal(keys: KeyRing, *, now: datetime) -> int:
    """Seal what was added since the last seal into a segment; returns the number of events sealed.

    One process at a time (the job's lease); events that are committed meanwhile wait for the next segment.
    """
    async with in_transaction():
        events = await Event.filter(segment_id=None).order_by("id").limit(_SEGMENT)
        if not events:
            return 0
        before = await Segment.all().order_by("-id").first()
        previous = before.seal if before else _FIRST
        segment = await Segment.create(
            sealed_at=now,
            events=len(events),
            key=keys.current,
            previous=previous,
            seal=_seal(keys, keys.current, previous, events),
        )
        await Event.filter(id__in=[event.id for event in events]).update(segment_id=segment.id)
    # The log leaves the database: whoever rewrites every row still can't rewrite what was logged.
    _log.info("audit.sealed", segment=segment.id, events=len(events), seal=segment.seal)
    return len(events)


async def verify(keys: KeyRing, progress: Progress = lambda _done: None) -> Verdict:
    """Look through the whole audit for what was changed, dropped or added; `progress` is told how many were seen."""
    look = _Look(keys, progress)
    pruned: dict[str, int] = {}
    first: Segment | None = None
    last: Segment | None = None
    async for segment in _segments():
        first = first or segment
        if last:
            await look.at_orphans(last.id, segment.id)
        events = await Event.filter(segment_id=segment.id).order_by("id")
        look.seen(len(events))
        look.note(_examined(keys, segment, events, last.seal if last else segment.previous))
        pruned |= _pruned(keys, events)
        look.segments, last = look.segments + 1, segment
    await look.at_orphans(last.id if last else 0, None)
    pruned |= await look.at_unsealed()
    if first is not None:
        # Only what our own retention has dropped may be missing before the first segment, or be half dropped.
        await look.at_orphans(pruned.get(first.previous, 0), first.id)
        if first.previous != _FIRST and first.previous not in pruned:
            look.note([Finding(first.id, None, "the segment before it is gone or was changed")])
    return look.verdict(last.seal if last else "")


async def verify_newest(keys: KeyRing) -> Verdict:
    """Look at the newest segment and at what is not sealed yet, which takes the same time however long the audit is."""
    look = _Look(keys, lambda _done: None)
    newest = await Segment.all().order_by("-id").limit(2)
    if newest:
        events = await Event.filter(segment_id=newest[0].id).order_by("id")
        look.seen(len(events))
        look.segments = 1
        look.note(_examined(keys, newest[0], events, newest[-1].seal if len(newest) > 1 else newest[0].previous))
    await look.at_unsealed()
    return look.verdict(newest[0].seal if newest else "")


async def prune(keys: KeyRing, visit: Visit, *, before: datetime) -> int:
    """Drop the segments that were sealed before this time, whole; returns how many events went.

    What was dropped is written as an event of its own, so that `verify` can tell it from a segment that was removed.
    The newest segment always stays.
    """
    newest = await Segment.all().order_by("-id").first().only("id")
    if newest is None:
        return 0
    old = Segment.filter(sealed_at__lt=before, id__lt=newest.id)
    chosen = await old.order_by("id").limit(_SEGMENT_PAGE)
    if chosen:
        last = chosen[-1]
        async with in_transaction():
            events = sum(one.events for one in chosen)
            await record(
                keys,
                EventKind.AUDIT_PRUNED,
                visit,
                None,
                segment=last.id,
                seal=last.seal,
                segments=len(chosen),
                events=events,
            )
            await Segment.filter(id__lte=last.id).delete()
    return await _drop_orphans()


async def _drop_orphans() -> int:
    """Drop the events of the segments that retention has dropped, a page a transaction."""
    told = await Event.filter(kind=EventKind.AUDIT_PRUNED).order_by("-id").first()
    if told is None:
        return 0
    through, dropped = int(json.loads(told.detail)["segment"]), 0
    while ids := await Event.filter(segment_id__lte=through).limit(_PAGE).values_list("id", flat=True):
        dropped += await Event.filter(id__in=list(ids)).delete()
        # Logins write in between.
        await asyncio.sleep(_PAUSE)
    return dropped


async def _segments() -> AsyncIterator[Segment]:
    """Read all segments in the order of their seals, a page at a time."""
    last = 0
    while page := await Segment.filter(id__gt=last).order_by("id").limit(_PAGE):
        for segment in page:
            yield segment
        last = page[-1].id


class _Look:
    """What is found on the way through the audit, in memory that does not grow with it."""

    def __init__(self, keys: KeyRing, progress: Progress) -> None:
        self._keys, self._progress = keys, progress
        self._findings: list[Finding] = []
        self._more = self._events = self.segments = 0

    def seen(self, events: int) -> None:
        """Count events."""
        self._events += events
        self._progress(events)

    def note(self, findings: list[Finding]) -> None:
        """Keep the first findings and count the rest."""
        kept = findings[: _MOST_FINDINGS - len(self._findings)]
        self._findings += kept
        self._more += len(findings) - len(kept)

    async def at_orphans(self, after: int, before: int | None) -> None:
        """Find the events of segments between these two, which are not there."""
        if before is not None and before <= after + 1:
            return
        between = Event.filter(segment_id__gt=after)
        if before is not None:
            between = between.filter(segment_id__lt=before)
        async for event in _pages(between):
            self.seen(1)
            self.note([Finding(event.segment_id, event.id, "its segment is gone")])

    async def at_unsealed(self) -> dict[str, int]:
        """Look at the events that are not sealed yet; returns what retention has dropped by them."""
        pruned: dict[str, int] = {}
        async for event in _pages(Event.filter(segment_id=None)):
            self.seen(1)
            if not hmac.compare_digest(event.mac, _mac(self._keys, event)):
                self.note([Finding(None, event.id, "it was changed or added")])
            pruned |= _pruned(self._keys, [event])
        return pruned

    def verdict(self, last_seal: str) -> Verdict:
        """Give what was found."""
        return Verdict(self._events, self.segments, last_seal, tuple(self._findings), self._more)


async def _pages(chosen: QuerySet[Event]) -> AsyncIterator[Event]:
    last = 0
    while page := await chosen.filter(id__gt=last).order_by("id").limit(_PAGE):
        for event in page:
            yield event
        last = page[-1].id


def _pruned(keys: KeyRing, events: Sequence[Event]) -> dict[str, int]:
    """Read the last seal, and its segment, that genuine events say retention has dropped."""
    told = [
        json.loads(event.detail)
        for event in events
        if event.kind == EventKind.AUDIT_PRUNED and hmac.compare_digest(event.mac, _mac(keys, event))
    ]
    return {str(one["seal"]): int(one["segment"]) for one in told}


def _examined(keys: KeyRing, segment: Segment, events: list[Event], previous: str) -> list[Finding]:
    findings = []
    if segment.previous != previous:
        findings.append(Finding(segment.id, None, "the segment before it is gone or was changed"))
    findings += [
        Finding(segment.id, event.id, "it was changed or added")
        for event in events
        if not hmac.compare_digest(event.mac, _mac(keys, event))
    ]
    if len(events) != segment.events:
        findings.append(Finding(segment.id, None, f"it sealed {segment.events} events and holds {len(events)}"))
    if not hmac.compare_digest(segment.seal, _seal(keys, segment.key, segment.previous, events)):
        findings.append(Finding(segment.id, None, "its seal does not fit its events"))
    return findings


def _mac(keys: KeyRing, event: Event) -> str:
    return keys.mac(_PURPOSE, *_canonical(event), key_id=event.key)[:16].hex()


def _seal(keys: KeyRing, key_id: str, previous: str, events: list[Event]) -> str:
    parts = [previous.encode()]
    for event in events:
        parts += [str(event.id).encode(), *_canonical(event), event.mac.encode()]
    return keys.mac("audit-segment", *parts, key_id=key_id).hex()


def _canonical(event: Event) -> list[bytes]:
    at = (event.at - _EPOCH) // timedelta(microseconds=1)
    return [
        str(at).encode(),
        str(event.kind).encode(),
        str(event.account_id).encode(),
        event.address.encode(),
        event.detail.encode(),
        event.key.encode(),
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """An event as an operator reads it."""

    at: datetime
    kind: str
    account: str
    address: str
    detail: dict[str, str | int]


async def listed(*, account_id: int | None, limit: int, kind: EventKind | None = None) -> list[Told]:
    """List the newest events, the oldest of them first; of one account, of one kind, if named."""
    events = Event.filter(account_id=account_id) if account_id is not None else Event.all()
    events = events.filter(kind=kind) if kind is not None else events
    rows = await events.order_by("-id").limit(limit)
    numbers = {row.account_id for row in rows if row.account_id is not None}
    names = {account.id: account.name for account in await Account.filter(id__in=numbers)} if numbers else {}
    return [
        Told(row.at, str(row.kind), names.get(row.account_id or 0, ""), row.address, json.loads(row.detail))
        for row in reversed(rows)
    ]
