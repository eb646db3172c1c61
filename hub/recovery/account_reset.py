"""Take an account back from a stranger: end, remove and replace what the stranger may hold."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from hub.accounts import accounts
from hub.cards import ic_cards
from hub.contacts import contacts
from hub.context import Hub
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.security import audit
from hub.sessions import ending
from hub.verification import code_block, soft_tokens
from models.account import Account
from models.authenticator import MatrixCard, SoftToken
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, EventKind, Notice
from models.kiosk import IcCard, UidCard
from models.login import Challenge


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset ended and removed."""

    sessions: int
    logins: int
    contacts: tuple[str, ...]
    soft_tokens: tuple[str, ...]
    ic_cards: int
    matrix_card_revoked: bool
    is_disabled: bool
    contacts_left: int


async def reset(hub: Hub, visit: Visit, name: str, *, password: str, since: datetime) -> Reset:
    """Set a new password, end everything, and remove what was bound from `since` on; the matrix card is revoked.

    What was bound before stays, and the contacts among it are told.
    """
    account = await accounts.find(name)
    accounts.check_new(account.name, password)
    hashed = await hub.passwords.hash(password)
    async with in_transaction():
        ended = await ending.end_all(account.id, now=visit.now)
        await Account.filter(id=account.id).update(password_hash=hashed)
        removed, told = await _removed(hub, visit, account.id, since)
        # A letter of before ends nothing any more: its reader may be the stranger.
        await Delivery.filter(account_id=account.id, disowned_at=None).update(disowned_at=visit.now)
        await code_block.reopen(account.id, now=visit.now)
        await audit.record(
            hub.keys,
            EventKind.ACCOUNT_RESET,
            visit,
            account.id,
            since=since.isoformat(),
            sessions=ended.sessions,
            logins=ended.logins,
            contacts=len(removed.contacts),
            soft_tokens=len(removed.soft_tokens),
        )
        told |= await notices.tell_all(hub.outbox, visit, account.id, Notice.ACCOUNT_RESET)
    await ending.announce(hub, ended)
    await notices.rouse(hub.outbox, told)
    return Reset(
        sessions=ended.sessions,
        logins=ended.logins,
        contacts=removed.contacts,
        soft_tokens=removed.soft_tokens,
        ic_cards=removed.ic_cards,
        matrix_card_revoked=removed.has_matrix_card,
        is_disabled=account.disabled_at is not None,
        contacts_left=await Contact.filter(account_id=account.id, confirmed_at__isnull=False).count(),
    )


@dataclass(frozen=True, slots=True)
class _Removed:
    contacts: tuple[str, ...]
    soft_tokens: tuple[str, ...]
    ic_cards: int
    has_matrix_card: bool


async def _removed(hub: Hub, visit: Visit, account_id: int, since: datetime) -> tuple[_Removed, frozenset[Channel]]:
    told: frozenset[Channel] = frozenset()
    doubted = await Contact.filter(account_id=account_id, added_at__gte=since).order_by("id")
    tokens = await SoftToken.filter(account_id=account_id, bound_at__gte=since).order_by("id")
    cards = await IcCard.filter(account_id=account_id, bound_at__gte=since, blocked_at=None)
    for contact in doubted:
        # A contact in doubt gets a notice of its own removal, for it may be the member's, and of no other.
        await Contact.filter(id=contact.id).update(suspended_at=visit.now)
    for contact in doubted:
        told |= await contacts.unbind(hub, visit, contact)
    for token in tokens:
        told |= await soft_tokens.unbind(hub, visit, token)
    for card in cards:
        await ic_cards.shut(hub, visit, card)
    by_number = await UidCard.filter(account_id=account_id, bound_at__gte=since).delete()
    revoked = await MatrixCard.filter(account_id=account_id, revoked_at=None).update(revoked_at=visit.now)
    await Challenge.filter(account_id=account_id, slot__isnull=False).update(slot=None, revoked_at=visit.now)
    removed = _Removed(
        contacts=tuple(one.label for one in doubted),
        soft_tokens=tuple(one.label for one in tokens),
        ic_cards=len(cards) + by_number,
        has_matrix_card=revoked > 0,
    )
    return removed, told
