"""When codes that "this was not me" keeps from an account may be sent again before the block has ended by itself."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain.outcomes import Done, Reason, Refused
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit, rate_limits
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from hub.verification import one_time_passwords
from models.account import Account
from models.kinds import EventKind, Notice
from models.queries import where


def may_allow(session: Current, until: datetime) -> bool:
    """Tell whether a session shows its member to be in by other means than what the block is for."""
    # Since the block no code opens anything: who has got in, has done it with another authenticator.
    return session.opened_at > until - NUMBERS.codes_blocked


@dataclass(frozen=True, slots=True)
class Reopened:
    """How many counts were forgotten, and whether anything was: a count, or a block of codes."""

    counts: int
    has_changed: bool


async def reopen(account_id: int, *, now: datetime) -> Reopened:
    """Forget an account's wrong answers and a block of its codes, in the caller's transaction.

    Its caller has made sure of who asks: the help desk, or the member's own card.
    """
    await locks.take(account_id)
    account = await where(Account, id=account_id).one()
    dropped = await rate_limits.reopen(account_id) + await rate_limits.forget_passwords(account.folded)
    was_blocked = one_time_passwords.kept_until(account, now=now) is not None
    await where(Account, id=account_id).update(codes_blocked_until=None)
    return Reopened(dropped, dropped > 0 or was_blocked)


async def allow(hub: Hub, visit: Visit, session: Current) -> Done | Refused:
    """Have codes sent to the session's account again; a block that was set meanwhile stays."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        # Of a form that is sent twice, the second finds what the first did.
        await locks.take(session.account_id)
        until = one_time_passwords.kept_until(await Account.get(id=session.account_id), now=visit.now)
        if until is None:
            return Done()
        if not may_allow(session, until):
            return Refused(Reason.LOGIN_OLDER)
        mine = Account.filter(id=session.account_id, codes_blocked_until=until)
        if await mine.update(codes_blocked_until=None) != 1:
            return Refused(Reason.LOGIN_OLDER)
        await audit.record(hub.keys, EventKind.CODES_ALLOWED, visit, session.account_id, session=session.id)
        told = await notices.tell_all(hub.outbox, visit, session.account_id, Notice.CODES_ALLOWED, by=session.id)
    await notices.rouse(hub.outbox, told)
    return Done()
