"""What is done by the clock: expiry, sealing, pruning, re-encryption; each by one process at a time."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain import clock
from hub.domain.request_context import Visit
from hub.inbound import mail_queue
from hub.runtime.outage import DATABASE_TROUBLE, said
from hub.security import audit, rate_limits
from hub.security.keyring import KeyRing
from hub.sessions import guessing_notices
from hub.settings import NUMBERS
from hub.verification import matrix_cards, soft_tokens
from models.authenticator import MatrixCard, SoftToken
from models.delivery import Delivery
from models.holders import free_abandoned as free_leases
from models.inbound import InboundMail
from models.kinds import Channel, EventKind, MailUse, Zone
from models.kiosk import KioskLogin, KioskNonce
from models.lease import Lease
from models.login import Challenge, Login
from models.queries import where
from models.session import KnownBrowser, Session
from models.slack import SlackHeard, SlackLink
from models.throttle import Throttle

_HOLDER = secrets.token_hex(8)
_BATCH = 500
# Rows dropped in one transaction at the most and at the least, and how long others have the database to themselves
# before the next, in seconds.
_PAGE, _FEWEST, _PAUSE = 100, 5, 0.02
# Seconds in which a page of rows should be dropped: on SQLite everybody waits meanwhile.
_QUICK = 0.005
_PROBE = 2.0
# The row that a readiness check writes.
_PROBED = "probe"
Row = TypeVar("Row", MatrixCard, SoftToken)
Job = Callable[[Hub, datetime], Awaitable[int]]


async def expire(hub: Hub, now: datetime) -> int:
    """Close deliveries that were not made in their time."""
    await cut_to_now(hub, now)
    return await hub.outbox.expire(now=now)


async def cut_to_now(hub: Hub, now: datetime) -> int:
    """Make due at once what waits for a time that a clock that ran ahead has written: letters, and mail to read."""
    late = clock.latest(now)
    unread = InboundMail.filter(due_at__gt=late, received_at__gt=late)
    return await hub.outbox.cut_to_now(now=now) + await unread.update(due_at=now, lease="")


async def seal(hub: Hub, now: datetime) -> int:
    """Seal the audit's new events."""
    sealed = 0
    while events := await audit.seal(hub.keys, now=now):
        sealed += events
        if events < audit.SEGMENT:
            break
        await asyncio.sleep(_PAUSE)
    return sealed


async def prune(hub: Hub, now: datetime) -> int:
    """Drop what is not needed any more: old logins, challenges, deliveries, sessions, counts and events."""
    pace = _Pace()
    for model, column, before, more in _grown(now):
        await _drop_first(pace, model, column, before, more)
    for model, old in _old(now):
        await _drop(pace, model, old)
    await _drop_counts(pace, now)
    dropped = pace.dropped
    if hub.settings.audit_days:
        before = now - timedelta(days=hub.settings.audit_days)
        visit = Visit(now=now, address="", zone=Zone.ON_CAMPUS)
        dropped += await audit.prune(hub.keys, visit, before=before)
    return dropped


def _grown(now: datetime) -> Iterator[tuple[type[Model], str, datetime, dict[str, None]]]:
    """Choose the tables that grow with every login and have no index by time: their old rows have the lowest ids."""
    kept = now - NUMBERS.kept_deliveries
    yield Delivery, "posted_at", kept, {"due_at": None}
    yield Challenge, "issued_at", kept, {"slot": None}
    yield Session, "expires_at", now - NUMBERS.kept_sessions, {}
    yield KioskLogin, "begun_at", now - NUMBERS.kept_logins, {}


def _old(now: datetime) -> Iterator[tuple[type[Model], dict[str, Any]]]:
    """Choose the old rows of the tables that are small or have an index by time."""
    yield Login, {"expires_at__lt": now - NUMBERS.kept_logins}
    yield KnownBrowser, {"seen_at__lt": now - NUMBERS.known_browser}
    yield SlackHeard, {"heard_at__lt": now - NUMBERS.kept_heard}
    yield SlackLink, {"expires_at__lt": now - NUMBERS.kept_heard}
    yield KioskNonce, {"expires_at__lt": now}
    # The record of mail that was read, and of the operator's what was not taken up. The rest of the shelf stays until
    # an operator decides; strangers may write to the operator, so that is no promise there.
    mail = {"received_at__lt": now - NUMBERS.kept_deliveries}
    yield InboundMail, {**mail, "read_at__isnull": False}
    yield InboundMail, {**mail, "use": MailUse.OPERATOR}


@dataclass(slots=True)
class _Pace:
    """How many rows are dropped at once: more while that is quick, fewer when it is not."""

    rows: int = _FEWEST
    dropped: int = 0

    async def drop(self, model: type[Model], ids: Sequence[int], conditions: dict[str, Any]) -> None:
        """Drop rows that still meet the conditions, a few in a transaction, with time for others behind each."""
        loop = asyncio.get_running_loop()
        start = 0
        while chosen := ids[start : start + self.rows]:
            start += len(chosen)
            async with in_transaction():
                began = loop.time()
                self.dropped += await where(model, id__in=chosen, **conditions).delete()
                took = loop.time() - began
            faster = took < _QUICK / 2 and len(chosen) == self.rows
            slower = took > _QUICK
            self.rows = min(2 * self.rows, _PAGE) if faster else max(self.rows // 2, _FEWEST) if slower else self.rows
            # Logins write in between.
            await asyncio.sleep(max(_PAUSE, took))


async def _drop_counts(pace: _Pace, now: datetime) -> None:
    """Drop the counts whose life is over, scope by scope: it differs by what is counted."""
    scope = ""
    while scope := await rate_limits.next_scope(scope):
        unchanged = {"open_at__lt": rate_limits.life_ended(scope, now)}
        while ids := await rate_limits.over(scope, now=now, limit=_PAGE):
            await pace.drop(Throttle, ids, unchanged)
            if len(ids) < _PAGE:
                break


async def _drop_first(pace: _Pace, model: type[Model], column: str, before: datetime, more: dict[str, None]) -> None:
    """Walk a table by its ids, drop what is old, and stop at the first page that has nothing old."""
    last = 0
    while page := await model.filter(id__gt=last).order_by("id").limit(_PAGE).values_list("id", column):
        old = [number for number, at in page if at < before]
        if not old:
            break
        await pace.drop(model, old, more)
        last = page[-1][0]


async def _drop(pace: _Pace, model: type[Model], old: dict[str, Any]) -> None:
    """Drop the rows that meet the conditions."""
    while ids := await model.filter(**old).limit(_PAGE).values_list("id", flat=True):
        await pace.drop(model, [int(str(one)) for one in ids], old)
        if len(ids) < _PAGE:
            break


async def reseal(hub: Hub, _now: datetime) -> int:
    """Seal a batch of secrets with the current key that an older one sealed; returns how many."""
    async with in_transaction():
        cards = await _sealed_before(hub, MatrixCard, "cells").filter(revoked_at=None).limit(_BATCH)
        for card in cards:
            sealed = _again(hub, card.cells, identity=matrix_cards.identity_of(card))
            await MatrixCard.filter(id=card.id).update(cells=sealed)
        tokens = await _sealed_before(hub, SoftToken, "secret").limit(_BATCH - len(cards))
        for token in tokens:
            sealed = _again(hub, token.secret, identity=soft_tokens.identity_of(token))
            await SoftToken.filter(id=token.id).update(secret=sealed)
    resealed = len(cards) + len(tokens)
    return resealed + await mail_queue.reseal(hub.keys, limit=_BATCH - resealed)


async def to_reseal(hub: Hub) -> int:
    """Count the secrets that an older key sealed."""
    cards = await _sealed_before(hub, MatrixCard, "cells").filter(revoked_at=None).count()
    tokens = await _sealed_before(hub, SoftToken, "secret").count()
    return cards + tokens + await mail_queue.to_reseal(hub.keys)


def _sealed_before(hub: Hub, model: type[Row], column: str) -> QuerySet[Row]:
    """Choose the rows whose sealed value doesn't begin with the current key's id; the database looks, not we."""
    first, last = hub.keys.sealed_between()
    before: dict[str, Any] = {f"{column}__lt": first}
    behind: dict[str, Any] = {f"{column}__gte": last}
    return model.filter(Q(**before) | Q(**behind))


def _again(hub: Hub, sealed: bytes, *, identity: str) -> bytes:
    return hub.keys.seal(hub.keys.unseal(sealed, identity=identity), identity=identity)


async def tell_of_keys(hub: Hub, visit: Visit, kind: EventKind) -> None:
    """Write that the key ring changed, and seal the audit with the current key: what older keys made is closed."""
    async with in_transaction():
        await audit.record(hub.keys, kind, visit, None, key=hub.keys.current)
    await audit.seal_all(hub.keys, now=visit.now)


JOBS: dict[str, tuple[Job, timedelta]] = {
    "expire": (expire, timedelta(seconds=30)),
    "guessed": (guessing_notices.tell, timedelta(seconds=30)),
    "seal": (seal, timedelta(minutes=1)),
    "prune": (prune, timedelta(hours=1)),
    "reseal": (reseal, timedelta(minutes=1)),
}


async def run(hub: Hub, name: str, *, now: datetime) -> int:
    """Do one job if no other process does it; returns what it counted, 0 when another has the lease."""
    job, every = JOBS[name]
    # A lease that no right clock can have given has no holder.
    await Lease.filter(name=name, until__gt=clock.latest(now + every / 2)).update(until=now)
    if not await _leased(name, until=now + every / 2, now=now):
        return 0
    return await job(hub, now)


async def _leased(name: str, *, until: datetime, now: datetime) -> bool:
    """Take the job's lease: one row, changed by one process."""
    if await Lease.filter(name=name, until__lte=now).update(holder=_HOLDER, until=until) == 1:
        return True
    if await Lease.filter(name=name).exists():
        return False
    try:
        async with in_transaction():
            await Lease.create(name=name, holder=_HOLDER, until=until)
    except IntegrityError:
        return False
    return True


def hub_id(keys: KeyRing) -> str:
    """Name this hub by its oldest key (16 hexadecimal digits): what answers with it at /health/live is this hub."""
    return keys.mac("hub-id", key_id=keys.ids[0]).hex()[:16]


async def free_abandoned(hub: Hub, *, now: datetime) -> int:
    """Make due at once what processes that were killed had claimed; returns how many deliveries and messages.

    On SQLite call it at the start only: there every lease but this process's own is a dead one's.
    """
    (connection,) = get_connections().all()
    longest = max(NUMBERS.delivery_lease, NUMBERS.mail_lease)
    freed = await free_leases(connection.capabilities.dialect, now=now, longest=longest)
    if freed:
        await hub.wakeups.tell(mail_queue.TOPIC)
        for channel in Channel:
            await hub.outbox.rouse(channel)
    return freed


async def probe(hub: Hub, *, now: datetime) -> str:
    """Write one row, so that a database that is gone, locked or full is found out; returns what is wrong."""
    try:
        async with asyncio.timeout(_PROBE):
            written = await Lease.filter(name=_PROBED).update(holder=hub.wakeups.holder.lease(), until=now)
            if not written:
                await Lease.get_or_create(name=_PROBED, defaults={"holder": _HOLDER, "until": now})
    except TimeoutError:
        return f"no row can be written: no answer in {_PROBE:g} s"
    except DATABASE_TROUBLE as error:
        return f"no row can be written: {said(error)}"
    return ""
