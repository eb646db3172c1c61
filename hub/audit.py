"""What happened, so that it can be told later and can't be rewritten unseen."""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
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


async def verify(keys: KeyRing) -> Verdict:
    """Look through the whole audit for what was changed, dropped or added."""
    findings: list[Finding] = []
    previous, number, segments = _FIRST, 0, 0
    async for segment in Segment.all().order_by("id"):
        events = await Event.filter(segment_id=segment.id).order_by("id")
        findings += _examined(keys, segment, events, previous)
        previous, number, segments = segment.seal, number + len(events), segments + 1
    known = {segment.id for segment in await Segment.all().only("id")}
    async for event in Event.all().order_by("id"):
        if event.segment_id is not None and event.segment_id in known:
            continue
        number += 1
        if event.segment_id is not None:
            findings.append(Finding(event.segment_id, event.id, "its segment is gone"))
        elif not hmac.compare_digest(event.mac, _mac(keys, event)):
            findings.append(Finding(None, event.id, "it was changed or added"))
    return Verdict(number, segments, previous if segments else "", tuple(findings))


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
