"""What happened, so that it can be told later and can't be rewritten unseen."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import structlog
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from hub.domain.request_context import Visit
from hub.security.keyring import KeyRing
from models.account import Account
from models.event import Event, Segment
from models.kinds import EventKind
from models.queries import fresh, insert, insert_numbered, last_reserved, reserved, where

_PURPOSE, _SEALED = "audit-event", "audit-sealed"
# Of rows written before events were numbered in their MACs.
_OLD_PURPOSE, _OLD_SEALED = "audit", "audit-segment"
_REPLACED = "the key that it was made with had been replaced by then"
_FIRST = "0" * 64
# What the log tells as well, under which name, and which details of it: never what a member or a stranger wrote.
_LOGGED = {
    EventKind.ADMITTED: "login.admitted",
    EventKind.PASSWORD_WRONG: "login.refused",
    EventKind.ANSWER_WRONG: "login.refused",
    EventKind.CARD_REFUSED: "login.refused",
    EventKind.ENROLMENT_REFUSED: "settings.refused",
    EventKind.CONTACT_REFUSED: "registration.refused",
}
_TOLD = {"amr", "authenticator", "purpose", "reason", "kiosk"}
# What opens an account or a kiosk changed: what a restored back-up takes back.
CHANGES = frozenset(
    (
        EventKind.ACCOUNT_ADDED,
        EventKind.ACCOUNT_DISABLED,
        EventKind.ACCOUNT_ENABLED,
        EventKind.ACCOUNT_RESET,
        EventKind.PASSWORD_SET,
        EventKind.CONTACT_ADDED,
        EventKind.CONTACT_CONFIRMED,
        EventKind.CONTACT_REFUSED,
        EventKind.CONTACT_ALLOWED,
        EventKind.CONTACT_CHANGED,
        EventKind.CONTACT_RENAMED,
        EventKind.CONTACT_REMOVED,
        EventKind.CONTACT_SUSPENDED,
        EventKind.CONTACT_RESUMED,
        EventKind.SOFT_TOKEN_BOUND,
        EventKind.SOFT_TOKEN_REMOVED,
        EventKind.MATRIX_ISSUED,
        EventKind.MATRIX_SWITCHED,
        EventKind.DISOWNED,
        EventKind.CARD_BOUND,
        EventKind.CARD_BLOCKED,
        EventKind.CARD_UNBLOCKED,
        EventKind.KIOSK_ADDED,
        EventKind.KIOSK_ENROLLED,
        EventKind.KIOSK_REVOKED,
        EventKind.KEYS_ROTATED,
        EventKind.KEYS_RETIRED,
    )
)
# A segment is sealed in one transaction, which others on SQLite wait for.
SEGMENT = 200
# Rows that are read or dropped at once, so that neither memory nor a transaction grows with the audit.
_PAGE, _SEGMENT_PAGE, _DROPPED, _PAUSE = 1000, 100, 100, 0.01
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
    """What a look through the audit found; `last_seal` and `total` are worth keeping elsewhere.

    `total` counts all events that were ever written, those that retention has dropped too.
    """

    events: int
    segments: int
    last_seal: str
    findings: tuple[Finding, ...]
    # Findings beyond those that are listed.
    more: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept elsewhere: a seal, and how many events there were at least; empty or 0 for what was not."""

    seal: str = ""
    events: int = 0


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest seal, and how many events it covers together with those before it."""

    seal: str
    events: int


async def record(
    keys: KeyRing, kind: EventKind, visit: Visit, account_id: int | None, **detail: str | int | None
) -> None:
    """Write an event in the transaction of what it tells; `detail` must hold nothing secret."""
    event = drafted(keys, kind, visit, account_id, **detail)
    (event.id,) = await reserved(Event, 1)
    event.mac = _mac(keys, event)
    await insert_numbered(event)
    if kind in _LOGGED:
        told = {name: value for name, value in detail.items() if name in _TOLD and value is not None}
        _log.info(_LOGGED[kind], kind=str(kind), account_id=account_id, address=visit.address, **told)


async def record_all(keys: KeyRing, events: Sequence[Event]) -> None:
    """Write many drafted events in the transaction of what they tell."""
    if not events:
        return
    for event, number in zip(events, await reserved(Event, len(events)), strict=True):
        event.id = number
        # The ORM writes the id that stands there.
        event._custom_generated_pk = True  # noqa: SLF001
        event.mac = _mac(keys, event)
    await Event.bulk_create(events)


async def was_done(kind: EventKind, account_id: int, *, session: int, since: datetime) -> bool:
    """Tell whether a session has done something to its account since then."""
    events = await Event.filter(account_id=account_id, kind=kind, at__gt=since)
    return any(json.loads(event.detail).get("session") == session for event in events)


def drafted(keys: KeyRing, kind: EventKind, visit: Visit, account_id: int | None, **detail: str | int | None) -> Event:
    """Give an event for a caller that writes many at once; it is numbered and gets its MAC when it is written."""
    # Whatever an operator does, the audit names the Unix user.
    detail = detail | {"operator": visit.operator or None}
    told = json.dumps(
        {name: value for name, value in detail.items() if value is not None},
        ensure_ascii=False,
        sort_keys=True,
    )
    return fresh(
        Event, at=visit.now, kind=kind, account_id=account_id, address=visit.address, detail=told, key=keys.current
    )


async def seal(keys: KeyRing, *, now: datetime) -> int:
    """Seal what was added since the last seal into a segment; returns the number of events sealed.

    One process at a time (the job's lease); events that are committed meanwhile wait for the next segment.
    """
    async with in_transaction():
        events = await where(Event, segment_id=None).all(order_by="id", limit=SEGMENT)
        if not events:
            return 0
        before = await where(Segment).first(order_by="-id")
        segment = fresh(
            Segment,
            seal="",
            sealed_at=now,
            events=len(events),
            total=await _total(before) + len(events),
            key=keys.current,
            previous=before.seal if before else _FIRST,
        )
        segment.seal = _seal(keys, segment, events)
        await insert(segment)
        await where(Event, id__in=[event.id for event in events]).update(segment_id=segment.id)
    # The log leaves the database: whoever rewrites every row still can't rewrite what was logged.
    _log.info("audit.sealed", segment=segment.id, events=segment.total, seal=segment.seal)
    return len(events)


async def seal_all(keys: KeyRing, *, now: datetime) -> Newest | None:
    """Seal everything that is not sealed yet; returns the newest seal, None when there are no events."""
    while await seal(keys, now=now):
        pass
    return await newest()


async def newest() -> Newest | None:
    """Give the newest seal and how many events it covers; None when nothing is sealed."""
    segment = await Segment.all().order_by("-id").first()
    return Newest(segment.seal, await _total(segment)) if segment else None


async def _total(through: Segment | None) -> int:
    """Count the events up to a segment's end, with those that retention has dropped."""
    if through is None:
        return 0
    if through.total:
        return int(through.total)
    # Sealed by an older release: all segments that are there, and what events say that was dropped.
    counts = await Segment.filter(id__lte=through.id).values_list("events", flat=True)
    told = await Event.filter(kind=EventKind.AUDIT_PRUNED).values_list("detail", flat=True)
    return sum(int(str(one)) for one in counts) + sum(int(json.loads(str(one))["events"]) for one in told)


async def verify(keys: KeyRing, progress: Progress = lambda _done: None, *, kept: Kept = Kept()) -> Verdict:
    """Look through the whole audit for what was changed, dropped or added; `progress` is told how many were seen.

    `kept` is what was written down elsewhere: only it shows that the end of the audit was cut off cleanly.
    """
    look = _Look(keys, progress)
    pruned: dict[str, int] = {}
    first: Segment | None = None
    last: Segment | None = None
    covered: int | None = None
    async for segment in _segments():
        first = first or segment
        if segment.seal == kept.seal:
            covered = await _total(segment)
        if last:
            await look.at_orphans(last.id, segment.id)
        events = await Event.filter(segment_id=segment.id).order_by("id")
        look.seen(len(events))
        look.note(_examined(keys, segment, events, last))
        pruned |= _pruned(keys, events)
        look.segments, last = look.segments + 1, segment
    await look.at_orphans(last.id if last else 0, None)
    pruned |= await look.at_unsealed(last)
    look.total = await _total(last) + look.unsealed
    dropped = await _total(first) - first.events if first else 0
    look.note(_compared(kept, covered=covered, total=look.total, dropped=dropped))
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
        look.note(_examined(keys, newest[0], events, newest[1] if len(newest) > 1 else None))
    await look.at_unsealed(newest[0] if newest else None)
    look.total = await _total(newest[0] if newest else None) + look.unsealed
    return look.verdict(newest[0].seal if newest else "")


async def prune(keys: KeyRing, visit: Visit, *, before: datetime) -> int:
    """Drop the segments that were sealed before this time, whole; returns how many events went.

    What was dropped is written as an event of its own, so that `verify` can tell it from a segment that was removed.
    The newest segment always stays.
    """
    while chosen := await _sealed_before(before):
        last = chosen[-1]
        async with in_transaction():
            await record(
                keys,
                EventKind.AUDIT_PRUNED,
                visit,
                None,
                segment=last.id,
                seal=last.seal,
                segments=len(chosen),
                events=sum(one.events for one in chosen),
            )
            await Segment.filter(id__lte=last.id).delete()
        await asyncio.sleep(_PAUSE)
    return await _drop_orphans()


async def _sealed_before(before: datetime) -> list[Segment]:
    """Choose some of the oldest segments, never the newest one."""
    oldest = await where(Segment).all(order_by="id", limit=1)
    if not oldest or oldest[0].sealed_at >= before:
        # The oldest has the lowest id: nothing else is looked at.
        return []
    page = await where(Segment).all(order_by="id", limit=_SEGMENT_PAGE + 1)
    return list(takewhile(lambda segment: segment.sealed_at < before, page))[: len(page) - 1]


async def _drop_orphans() -> int:
    """Drop the events of the segments that retention has dropped, a page a transaction."""
    first = await Segment.all().order_by("id").first().only("id")
    if first is None or not await Event.filter(segment_id__lt=first.id).exists():
        # Its index tells at once that there is nothing to drop.
        return 0
    told = await Event.filter(kind=EventKind.AUDIT_PRUNED).order_by("-id").first()
    if told is None:
        return 0
    through, dropped = int(json.loads(told.detail)["segment"]), 0
    while ids := await Event.filter(segment_id__lte=through).limit(_DROPPED).values_list("id", flat=True):
        dropped += await where(Event, id__in=[int(str(one)) for one in ids]).delete()
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
        self._more = self._events = self.segments = self.unsealed = self.total = 0

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

    async def at_unsealed(self, last: Segment | None) -> dict[str, int]:
        """Look at the events behind the last segment; returns what retention has dropped by them."""
        pruned: dict[str, int] = {}
        tail = await _Tail.behind(self._keys, last)
        async for event in _pages(Event.filter(segment_id=None)):
            self.seen(1)
            self.unsealed += 1
            self.note(tail.at(event))
            pruned |= _pruned(self._keys, [event])
        self.note(tail.at_end())
        return pruned

    def verdict(self, last_seal: str) -> Verdict:
        """Give what was found."""
        return Verdict(self._events, self.segments, last_seal, tuple(self._findings), self._more, self.total)


class _Tail:
    """The events that are not sealed yet, one after another."""

    def __init__(self, keys: KeyRing, last: Segment | None, number: int, highest: int, *, has_no_gaps: bool) -> None:
        self._keys = keys
        self._number, self._highest, self._has_no_gaps = number, highest, has_no_gaps
        self._is_old_taken = last is None or not last.total
        # Events of older keys may stand behind the seal only until the newer key was in use.
        self._age = keys.age_of(last.key) if last and _is_settled(keys, last.key, last.sealed_at) else 0

    @classmethod
    async def behind(cls, keys: KeyRing, last: Segment | None) -> "_Tail":
        highest, has_no_gaps = await last_reserved(Event)
        before = await Event.filter(segment_id=last.id).order_by("-id").first() if last else None
        # Without the segment's own events, which is a finding by itself, the tail may begin anywhere.
        first = await Event.filter(segment_id=None).order_by("id").first() if last and not before else None
        number = before.id if before else first.id - 1 if first else 0
        return cls(keys, last, number, highest, has_no_gaps=has_no_gaps)

    def at(self, event: Event) -> list[Finding]:
        """Look at the next event."""
        findings = self._gone(event.id - 1)
        self._number = max(self._number, event.id)
        fault = _fault(self._keys, event, is_old_taken=self._is_old_taken)
        age = self._keys.age_of(event.key)
        if not fault and age < self._age:
            fault = _REPLACED
        if not fault and _is_settled(self._keys, event.key, event.at):
            self._age = max(self._age, age)
        return [*findings, *([Finding(None, event.id, fault)] if fault else [])]

    def at_end(self) -> list[Finding]:
        """Look at what stands behind the last event: nothing, or events that are gone."""
        if not self._has_no_gaps and self._number == 0 and self._highest:
            # A sequence of PostgreSQL has gaps, but not from its beginning to its end.
            return [Finding(None, None, f"all events up to number {self._highest} are gone")]
        return self._gone(self._highest)

    def _gone(self, through: int) -> list[Finding]:
        if not self._has_no_gaps or through <= self._number:
            return []
        first = self._number + 1
        names = f"event {first} is" if first == through else f"the events {first} to {through} are"
        return [Finding(None, first, f"{names} gone")]


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
        if event.kind == EventKind.AUDIT_PRUNED and not _fault(keys, event, is_old_taken=True)
    ]
    return {str(one["seal"]): int(one["segment"]) for one in told}


def _examined(keys: KeyRing, segment: Segment, events: list[Event], before: Segment | None) -> list[Finding]:
    findings = _followed(keys, segment, before)
    # Events that an older release wrote may stand in the first segment of this one.
    is_old_taken = not segment.total or before is None or not before.total
    for event in events:
        fault = _fault(keys, event, is_old_taken=is_old_taken)
        if not fault and segment.total and keys.age_of(event.key) > keys.age_of(segment.key):
            fault = "it was made with a newer key than its segment's seal"
        if fault:
            findings.append(Finding(segment.id, event.id, fault))
    if len(events) != segment.events:
        findings.append(Finding(segment.id, None, f"it sealed {segment.events} events and holds {len(events)}"))
    if not hmac.compare_digest(segment.seal, _seal(keys, segment, events)):
        findings.append(Finding(segment.id, None, "its seal does not fit its events"))
    return findings


def _followed(keys: KeyRing, segment: Segment, before: Segment | None) -> list[Finding]:
    """Look whether a segment follows on the one before it, with a key that counted when it was sealed."""
    findings = []
    if before is not None and segment.previous != before.seal:
        findings.append(Finding(segment.id, None, "the segment before it is gone or was changed"))
    elif before is not None and before.total and segment.total != before.total + segment.events:
        findings.append(Finding(segment.id, None, "its number of events does not follow on the segment before it"))
    is_older = before is not None and bool(before.total) and keys.age_of(segment.key) < keys.age_of(before.key)
    if is_older or (segment.total and not keys.made_in_time(segment.key, segment.sealed_at)):
        findings.append(Finding(segment.id, None, _REPLACED))
    return findings


def _compared(kept: Kept, *, covered: int | None, total: int, dropped: int) -> list[Finding]:
    """PURE: compare the audit with what was kept elsewhere; `covered` is how many events the kept seal covers here."""
    findings = []
    is_dropped_rightly = 0 < kept.events <= dropped
    if kept.seal and covered is None and not is_dropped_rightly:
        findings.append(Finding(None, None, f"no segment has the seal {kept.seal}: it was removed or replaced"))
    if covered is not None and kept.events and covered > kept.events:
        findings.append(Finding(None, None, f"the seal covers {covered} events, and {kept.events} were kept with it"))
    if total < kept.events:
        findings.append(Finding(None, None, f"there were {kept.events} events, and the audit accounts for {total} now"))
    return findings


def _fault(keys: KeyRing, event: Event, *, is_old_taken: bool) -> str:
    """Say what is wrong with an event; empty when nothing is."""
    if hmac.compare_digest(event.mac, _mac(keys, event)):
        return "" if keys.made_in_time(event.key, event.at) else _REPLACED
    if is_old_taken and hmac.compare_digest(event.mac, _old_mac(keys, event)):
        return ""
    return "it was changed or added"


def _is_settled(keys: KeyRing, key_id: str, at: datetime) -> bool:
    """Tell whether the key before this one counted no more at a time."""
    age = keys.age_of(key_id)
    return age > 0 and not keys.made_in_time(keys.ids[age - 1], at)


def _mac(keys: KeyRing, event: Event) -> str:
    return keys.mac(_PURPOSE, str(event.id).encode(), *_canonical(event), key_id=event.key)[:16].hex()


def _old_mac(keys: KeyRing, event: Event) -> str:
    return keys.mac(_OLD_PURPOSE, *_canonical(event), key_id=event.key)[:16].hex()


def _seal(keys: KeyRing, segment: Segment, events: list[Event]) -> str:
    parts = [segment.previous.encode()]
    if segment.total:
        parts += [_instant(segment.sealed_at), str(segment.total).encode()]
    for event in events:
        parts += [str(event.id).encode(), *_canonical(event), event.mac.encode()]
    return keys.mac(_SEALED if segment.total else _OLD_SEALED, *parts, key_id=segment.key).hex()


def _instant(at: datetime) -> bytes:
    return str((at - _EPOCH) // timedelta(microseconds=1)).encode()


def _canonical(event: Event) -> list[bytes]:
    return [
        _instant(event.at),
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


async def listed(
    *,
    account_id: int | None,
    limit: int,
    kind: EventKind | None = None,
    since: datetime | None = None,
    kinds: Collection[EventKind] | None = None,
) -> list[Told]:
    """List the newest events, the oldest of them first; what is named of account, kinds and time narrows them."""
    events = Event.filter(account_id=account_id) if account_id is not None else Event.all()
    events = events.filter(kind=kind) if kind is not None else events
    events = events.filter(at__gte=since) if since is not None else events
    events = events.filter(kind__in=list(kinds)) if kinds is not None else events
    rows = await events.order_by("-id").limit(limit)
    numbers = {row.account_id for row in rows if row.account_id is not None}
    names = {account.id: account.name for account in await Account.filter(id__in=numbers)} if numbers else {}
    return [
        Told(row.at, str(row.kind), names.get(row.account_id or 0, ""), row.address, json.loads(row.detail))
        for row in reversed(rows)
    ]
