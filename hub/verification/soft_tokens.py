"""The soft tokens of accounts: set up, proved by one code, answered with, removed."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from hub.authenticators import one_time_password, soft_token
from hub.authenticators.soft_token import NearMiss
from hub.context import Hub
from hub.domain import clock
from hub.domain.identifiers import fold_label, label_or_refusal, typed_code
from hub.domain.outcomes import Done, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from models.authenticator import SoftToken
from models.kinds import Channel, EventKind, Notice

_UNNAMED = "\N{ZERO WIDTH SPACE}setting-up"


@dataclass(frozen=True, slots=True)
class Setup:
    """A secret to put into an app; it counts once it has proved one code."""

    secret: tuple[str, ...] = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SoftTokenLine:
    """One soft token as its member sees it."""

    id: int
    label: str
    bound_at: datetime
    used_at: datetime | None


async def set_up(hub: Hub, visit: Visit, session: Current) -> Setup | Refused:
    """Give the secret to set up: the one that waits to be proved, or a fresh one."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await locks.take(session.account_id)
        if await SoftToken.filter(account_id=session.account_id, bound_at__isnull=False).count() >= NUMBERS.soft_tokens:
            return Refused(Reason.TOO_MANY)
        token = await _waiting(session, visit.now) or await _fresh(hub, visit, session)
    secret = hub.keys.unseal(token.secret, identity=identity_of(token))
    uri = soft_token.uri(secret, account=session.account, issuer=hub.settings.service_name)
    return Setup(soft_token.spelled(secret), uri)


async def bind(hub: Hub, visit: Visit, session: Current, *, label: str, code: str) -> Done | Refused | Throttled:
    """Bind the soft token that waits, if this is its code."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    named = label_or_refusal(label)
    if isinstance(named, Refused):
        return named
    async with in_transaction():
        await locks.take(session.account_id)
        if await _bound_again(hub, visit, session.account_id, named, code):
            return Done()
        token = await _waiting(session, visit.now)
        if token is None:
            return Refused(Reason.CHALLENGE_OVER)
        if await SoftToken.exists(account_id=session.account_id, label_folded=fold_label(named)):
            return Refused(Reason.LABEL_TAKEN)
        if await SoftToken.filter(account_id=session.account_id, bound_at__isnull=False).count() >= NUMBERS.soft_tokens:
            return Refused(Reason.TOO_MANY)
        step = _proved(hub.keys.unseal(token.secret, identity=identity_of(token)), typed_code(code), visit.now)
        if isinstance(step, Reason):
            return Refused(step)
        waiting = SoftToken.filter(id=token.id, bound_at=None)
        # The proving code's step is spent: it opens no login.
        await waiting.update(label=named, label_folded=fold_label(named), bound_at=visit.now, last_step=step)
        await audit.record(hub.keys, EventKind.SOFT_TOKEN_BOUND, visit, session.account_id, label=named)
        told = await notices.tell_all(
            hub.outbox, visit, session.account_id, Notice.SOFT_TOKEN_ADDED, about=named, by=session.id
        )
    await notices.rouse(hub.outbox, told)
    return Done()


def _proved(secret: bytes, code: str, now: datetime) -> int | Reason:
    """Give the time step that a code proves a new secret with, or why it proves nothing."""
    if not one_time_password.can_be(code):
        return Reason.CODE_MISSHAPEN
    step = soft_token.matching_step(secret, code, now=now, last_step=-1)
    if step is not None:
        return step
    is_near = soft_token.near_miss(secret, code, now=now, last_step=-1)
    return Reason.CLOCK_OFF if is_near else Reason.ANSWER_WRONG


async def listed(session: Current) -> tuple[SoftTokenLine, ...]:
    """List the soft tokens that are bound, in the order they were."""
    rows = await SoftToken.filter(account_id=session.account_id, bound_at__isnull=False).order_by("bound_at")
    return tuple(SoftTokenLine(row.id, row.label, row.bound_at, row.used_at) for row in rows if row.bound_at)


async def remove(hub: Hub, visit: Visit, session: Current, token_id: int) -> Done | Refused:
    """Unbind a soft token of the session's own account."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await locks.take(session.account_id)
        token = await SoftToken.get_or_none(id=token_id, account_id=session.account_id, bound_at__isnull=False)
        if token is None:
            return Refused(Reason.NOT_FOUND)
        told = await unbind(hub, visit, token, by=session.id)
    await notices.rouse(hub.outbox, told)
    return Done()


async def unbind(hub: Hub, visit: Visit, token: SoftToken, *, by: int | None = None) -> frozenset[Channel]:
    """Remove a soft token, in the caller's transaction; returns the channels to rouse."""
    await token.delete()
    await audit.record(hub.keys, EventKind.SOFT_TOKEN_REMOVED, visit, token.account_id, label=token.label)
    return await notices.tell_all(
        hub.outbox, visit, token.account_id, Notice.SOFT_TOKEN_REMOVED, about=token.label, by=by
    )


async def answered(hub: Hub, account_id: int, code: str, *, now: datetime) -> Reason | None:
    """Compare a code with every bound token and spend its time step; None when it is right, else why it is refused."""
    misses: set[NearMiss | None] = set()
    for token in await SoftToken.filter(account_id=account_id, bound_at__isnull=False):
        secret = hub.keys.unseal(token.secret, identity=identity_of(token))
        spent = _spent(token, now)
        step = soft_token.matching_step(secret, code, now=now, last_step=spent)
        if step is None:
            misses.add(soft_token.near_miss(secret, code, now=now, last_step=spent))
            continue
        unspent = SoftToken.filter(Q(last_step__lt=step) | Q(last_step__gt=_latest_step(now)), id=token.id)
        return None if await unspent.update(last_step=step, used_at=now) == 1 else Reason.CODE_USED
    if NearMiss.USED in misses:
        return Reason.CODE_USED
    return Reason.CLOCK_OFF if NearMiss.CLOCK_OFF in misses else Reason.ANSWER_WRONG


def _spent(token: SoftToken, now: datetime) -> int:
    """Give the last time step that was spent; none when a clock that ran ahead has written it."""
    return token.last_step if token.last_step <= _latest_step(now) else -1


def _latest_step(now: datetime) -> int:
    """Give the latest time step that can have been spent by now."""
    return soft_token.step_of(clock.latest(now)) + soft_token.WINDOW


def identity_of(token: SoftToken) -> str:
    """Name what a token's sealed secret is bound to, so that it opens in no other row."""
    return f"soft-token/{token.account_id}/{token.handle}"


async def _bound_again(hub: Hub, visit: Visit, account_id: int, label: str, code: str) -> bool:
    """Tell whether the same form bound a token within the last seconds: it was sent twice."""
    lately = visit.now - NUMBERS.repeat_life
    token = await SoftToken.get_or_none(account_id=account_id, label_folded=fold_label(label), bound_at__gt=lately)
    if token is None:
        return False
    secret = hub.keys.unseal(token.secret, identity=identity_of(token))
    step = soft_token.matching_step(secret, typed_code(code), now=visit.now, last_step=token.last_step - 1)
    return bool(step == token.last_step)


async def _waiting(session: Current, now: datetime) -> SoftToken | None:
    """Find the secret that this session was shown; another session of the account never sees it."""
    earliest = now - NUMBERS.soft_token_setup_life
    mine = SoftToken.filter(account_id=session.account_id, bound_in=session.id, bound_at=None)
    return await mine.filter(created_at__gt=earliest, created_at__lte=clock.latest(now)).first()


async def _fresh(hub: Hub, visit: Visit, session: Current) -> SoftToken:
    account_id = session.account_id
    earliest = visit.now - NUMBERS.soft_token_setup_life
    await SoftToken.filter(account_id=account_id, bound_in=session.id, bound_at=None).delete()
    await SoftToken.filter(account_id=account_id, bound_at=None, created_at__lte=earliest).delete()
    handle = secrets.token_hex(16)
    token = SoftToken(
        account_id=account_id,
        handle=handle,
        label="",
        label_folded=f"{_UNNAMED}-{handle}",
        created_at=visit.now,
        bound_in=session.id,
    )
    token.secret = hub.keys.seal(soft_token.mint(), identity=identity_of(token))
    await token.save(force_create=True)
    return token
