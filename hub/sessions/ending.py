"""End everything that admits to an account or leads there: sessions, logins under way, and what waits to be proved.

The rule, for all doors: a new password, "this was not me" and whatever the help desk takes away or replaces end all
of it. What adds a method or opens one again ends nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain.request_context import Visit
from hub.outbox import redaction
from hub.outbox.queue import topic_of
from hub.runtime import locks
from hub.security import audit
from hub.sessions.sessions import Current
from models.authenticator import SoftToken
from models.kinds import EventKind
from models.kiosk import Kiosk, KioskLogin
from models.login import Challenge, Login
from models.queries import where
from models.session import KnownBrowser, Session


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions and logins ended, and the challenges that were revoked."""

    sessions: int
    logins: int
    challenges: tuple[int, ...]


async def end_all(account_id: int, *, now: datetime, spare: Current | None = None) -> Ended:
    """End every session of an account and all that `end_attempts` ends, in the caller's transaction.

    The session `spare` and its login at a kiosk go on.
    """
    await locks.take(account_id)
    spared = await where(Session, id=spare.id).first() if spare else None
    kiosk_logins = KioskLogin.filter(account_id=account_id, ended_at=None)
    open_sessions = Session.filter(account_id=account_id, ended_at=None)
    if spared is not None:
        kiosk_logins = kiosk_logins.exclude(id=spared.kiosk_login_id or 0)
        open_sessions = open_sessions.exclude(id=spared.id)
    ended = 0
    for login in await kiosk_logins:
        ended += await end_kiosk_logins(now=now, id=login.id)
    ended += await open_sessions.update(ended_at=now, stepped_up_at=None)
    attempts = await end_attempts(account_id, now=now)
    return Ended(ended, attempts.logins, attempts.challenges)


async def end_each(account_ids: Iterable[int], *, now: datetime) -> Ended:
    """End all of many accounts, in the caller's transaction; in the order of their numbers, so that none waits."""
    sessions, logins, challenges = 0, 0, list[int]()
    for account_id in sorted(set(account_ids)):
        ended = await end_all(account_id, now=now)
        sessions, logins = sessions + ended.sessions, logins + ended.logins
        challenges += ended.challenges
    return Ended(sessions, logins, tuple(challenges))


async def end_kiosk_logins(*, now: datetime, **which: int | str) -> int:
    """End the logins at kiosks that meet these conditions, in the caller's transaction, and what came of them.

    Returns how many sessions were open.
    """
    ended = 0
    for login in await where(KioskLogin, ended_at=None, **which).all():
        # The login first: an admission of its browser waits for this row.
        await where(KioskLogin, id=login.id, ended_at=None).update(ended_at=now)
        await where(Login, kiosk_login_id=login.id, ended_at=None).update(ended_at=now)
        ended += await where(Session, kiosk_login_id=login.id, ended_at=None).update(ended_at=now)
    return ended


async def end_others(hub: Hub, visit: Visit, session: Current) -> Ended:
    """End every other session of the account, and what leads to one, at its member's wish."""
    async with in_transaction():
        ended = await end_all(session.account_id, now=visit.now, spare=session)
        await audit.record(
            hub.keys, EventKind.SESSION_ENDED, visit, session.account_id, session=session.id, others=ended.sessions
        )
    await announce(hub, ended)
    return ended


async def end_attempts(account_id: int, *, now: datetime) -> Ended:
    """End the logins under way and all that waits to be proved, in the caller's transaction.

    That is codes, approvals, confirmations, soft tokens and cards on their way, logins at kiosks that no browser was
    admitted with, and the browsers that were known. The cells of a matrix card stay drawn: they prove nothing without
    a login, and drawing others at will would lay the card open.
    """
    logins = await Login.filter(account_id=account_id, ended_at=None).update(ended_at=now)
    await KioskLogin.filter(account_id=account_id, ended_at=None, admitted_at=None).update(ended_at=now)
    waiting = Challenge.filter(account_id=account_id, contact_id__isnull=False, slot__isnull=False)
    revoked = tuple(sorted(int(str(found)) for found in await waiting.values_list("id", flat=True)))
    await Challenge.filter(id__in=revoked).update(slot=None, revoked_at=now)
    await SoftToken.filter(account_id=account_id, bound_at=None).delete()
    await Kiosk.filter(binds_for_id=account_id).update(binds_for_id=None, binds_until=None)
    await KnownBrowser.filter(account_id=account_id).delete()
    return Ended(0, logins, revoked)


async def announce(hub: Hub, ended: Ended) -> None:
    """Wake the pages and messages that show what ended; call it after the commit."""
    for challenge_id in ended.challenges:
        await hub.wakeups.tell(topic_of(challenge_id))
    await hub.wakeups.tell(redaction.ENDED)
