"""A card that its member binds at a kiosk: the kiosk is asked to take the next card nobody has for this account."""

from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import Certificate
from tortoise.transactions import in_transaction

from hub.cards import ic_cards, kiosks
from hub.cards.ic_cards import CardLine
from hub.context import Hub
from hub.domain import clock
from hub.domain.outcomes import Done, Reason, Refused
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from models.account import Account
from models.kinds import Channel, EventKind, Notice
from models.kiosk import IcCard, Kiosk
from models.queries import where
from models.session import Session


@dataclass(frozen=True, slots=True)
class Place:
    """A kiosk that a member may choose."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The member's cards, the kiosks there are, and the one that waits for a card; `until` is how long it does."""

    cards: tuple[CardLine, ...]
    places: tuple[Place, ...]
    waits_at: str
    until: datetime | None


async def overview(session: Current, *, now: datetime) -> Overview:
    """Tell which cards the account has and where one more could be bound."""
    rows = await where(Kiosk, revoked_at=None, enrolled_at__isnull=False).all(order_by="name")
    waiting = next((row for row in rows if row.binds_for_id == session.account_id and _waits(row, now)), None)
    return Overview(
        cards=tuple(await ic_cards.listed(session.account)),
        places=tuple(Place(row.id, row.name) for row in rows),
        waits_at=waiting.name if waiting else "",
        until=waiting.binds_until if waiting else None,
    )


async def ask(hub: Hub, visit: Visit, session: Current, kiosk_id: int) -> Done | Refused:
    """Have a kiosk wait for the member's card; one member at a time, and for one kiosk only."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await kiosks.hold(kiosk_id)
        kiosk = await where(Kiosk, id=kiosk_id, revoked_at=None, enrolled_at__isnull=False).first()
        if kiosk is None:
            return Refused(Reason.NOT_FOUND)
        if _waits(kiosk, visit.now) and kiosk.binds_for_id != session.account_id:
            return Refused(Reason.KIOSK_TAKEN)
        await where(Kiosk, binds_for_id=session.account_id).update(binds_for_id=None, binds_until=None)
        until = visit.now + NUMBERS.card_binding_life
        await where(Kiosk, id=kiosk_id).update(
            binds_for_id=session.account_id, binds_session_id=session.id, binds_until=until
        )
        await audit.record(
            hub.keys, EventKind.CARD_BINDING_ASKED, visit, session.account_id, kiosk=kiosk.name, session=session.id
        )
    return Done()


async def account_for(kiosk_id: int, *, now: datetime) -> Account | None:
    """Tell for whom a kiosk waits for a card; None when it waits for nobody's."""
    kiosk = await where(Kiosk, id=kiosk_id, revoked_at=None).first()
    if kiosk is None or not _waits(kiosk, now) or not await _is_still_asked(kiosk):
        return None
    return await where(Account, id=kiosk.binds_for_id, disabled_at=None).first()


async def bind(
    hub: Hub, visit: Visit, *, kiosk_id: int, account_id: int, certificate: Certificate
) -> tuple[IcCard, frozenset[Channel]] | None:
    """Bind the card that has just proved its key, in the caller's transaction; None when nobody waits for it any more.

    The kiosk waits for one card: the second finds it as if it had never been asked.
    """
    kiosk = await where(Kiosk, id=kiosk_id).one()
    latest = clock.latest(visit.now) + NUMBERS.card_binding_life
    waiting = where(Kiosk, id=kiosk_id, binds_for_id=account_id, binds_until__gt=visit.now, binds_until__lte=latest)
    if await waiting.update(binds_for_id=None, binds_until=None) != 1 or not await _is_still_asked(kiosk):
        return None
    account = await where(Account, id=account_id).one()
    return await ic_cards.bind(hub, visit, account, certificate, by=ic_cards.MEMBER, session_id=kiosk.binds_session_id)


async def block(hub: Hub, visit: Visit, session: Current, fingerprint: str) -> Done | Refused:
    """Block a card of the session's own account: one that was lost."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await locks.take(session.account_id)
        card = await where(IcCard, fingerprint=fingerprint, account_id=session.account_id).first()
        if card is None:
            return Refused(Reason.NOT_FOUND)
        if card.blocked_at is not None:
            return Done()
        await ic_cards.shut(hub, visit, card)
        told = await notices.tell_all(hub.outbox, visit, session.account_id, Notice.CARD_BLOCKED, by=session.id)
    await notices.rouse(hub.outbox, told)
    return Done()


async def _is_still_asked(kiosk: Kiosk) -> bool:
    """Tell whether the session that asked lives: one that was disowned, or logged out, asks for nothing any more."""
    return await where(Session, id=kiosk.binds_session_id, ended_at=None).first() is not None


def _waits(kiosk: Kiosk, now: datetime) -> bool:
    until = kiosk.binds_until
    if kiosk.binds_for_id is None or until is None or until <= now:
        return False
    return clock.has_come(until - NUMBERS.card_binding_life, now)
