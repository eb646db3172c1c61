"""What is done by the clock: expiry, sealing, pruning, re-encryption; each by one process at a time."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from hub import audit, matrix_cards, soft_tokens
from hub.hub import Hub
from hub.settings import NUMBERS
from models.authenticator import MatrixCard, SoftToken
from models.delivery import Delivery
from models.lease import Lease
from models.login import Challenge, Login
from models.session import KnownBrowser, Session
from models.throttle import Throttle

_HOLDER = secrets.token_hex(8)
_BATCH = 500
_PROBE = 2.0
Job = Callable[[Hub, datetime], Awaitable[int]]


async def expire(hub: Hub, now: datetime) -> int:
    """Close deliveries that were not made in their time."""
    return await hub.outbox.expire(now=now)


async def seal(hub: Hub, now: datetime) -> int:
    """Seal the audit's new events."""
    return await audit.seal(hub.keys, now=now)


async def prune(_hub: Hub, now: datetime) -> int:
    """Drop what nobody will look at again: old logins, challenges, deliveries, sessions and faded counts."""
    dropped = await Delivery.filter(posted_at__lt=now - NUMBERS.kept_deliveries, due_at=None).delete()
    dropped += await Login.filter(expires_at__lt=now - NUMBERS.kept_logins).delete()
    old = now - NUMBERS.kept_deliveries
    dropped += await Challenge.filter(issued_at__lt=old, slot=None).delete()
    dropped += await Session.filter(expires_at__lt=now - NUMBERS.kept_sessions).delete()
    dropped += await KnownBrowser.filter(seen_at__lt=now - NUMBERS.known_browser).delete()
    faded = now - NUMBERS.password_fades
    for prefix in ("password:", "address:"):
        dropped += await Throttle.filter(subject__startswith=prefix, open_at__lt=faded).delete()
    return dropped


async def reseal(hub: Hub, _now: datetime) -> int:
    """Seal a batch of secrets with the current key that an older one sealed; returns how many."""
    resealed = 0
    for card in await MatrixCard.filter(revoked_at=None).order_by("id"):
        if resealed >= _BATCH:
            return resealed
        if hub.keys.is_current(card.cells):
            continue
        identity = matrix_cards.identity_of(card)
        sealed = hub.keys.seal(hub.keys.unseal(card.cells, identity=identity), identity=identity)
        resealed += await MatrixCard.filter(id=card.id).update(cells=sealed)
    for token in await SoftToken.all().order_by("id"):
        if resealed >= _BATCH:
            return resealed
        if hub.keys.is_current(token.secret):
            continue
        identity = soft_tokens.identity_of(token)
        sealed = hub.keys.seal(hub.keys.unseal(token.secret, identity=identity), identity=identity)
        resealed += await SoftToken.filter(id=token.id).update(secret=sealed)
    return resealed


JOBS: dict[str, tuple[Job, timedelta]] = {
    "expire": (expire, timedelta(seconds=30)),
    "seal": (seal, timedelta(minutes=1)),
    "prune": (prune, timedelta(hours=1)),
    "reseal": (reseal, timedelta(minutes=1)),
}


async def run(hub: Hub, name: str, *, now: datetime) -> int:
    """Do one job if no other process does it; returns what it counted, 0 when another has the lease."""
    job, every = JOBS[name]
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


async def probe(_hub: Hub) -> None:
    """Ask the database for one row, so that one that is gone or locked is found out."""
    async with asyncio.timeout(_PROBE):
        await Lease.all().limit(1)


async def to_reseal(hub: Hub) -> int:
    """Count the secrets that an older key sealed."""
    cards = [row.cells async for row in MatrixCard.filter(revoked_at=None).only("id", "cells")]
    tokens = [row.secret async for row in SoftToken.all().only("id", "secret")]
    return sum(not hub.keys.is_current(sealed) for sealed in (*cards, *tokens))
