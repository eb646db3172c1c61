"""The cards that have nothing but a number: it names an account, and proves nothing."""

import re

from tortoise.transactions import in_transaction

from hub import accounts, audit, kiosks
from hub.errors import RefusedError
from hub.hub import Hub
from hub.outcome import KioskReason
from hub.visit import Visit
from models.kinds import EventKind
from models.kiosk import UidCard
from models.rows import insert_unless_taken, where

_PURPOSE = "uid-card"
_NUMBER = re.compile(r"(?:[0-9A-F]{2}){4,10}")
# ISO/IEC 14443-3, 6.4.4: four bytes that begin with 08 are drawn anew each time, as phones do.
_RANDOM = re.compile(r"08[0-9A-F]{6}")


async def bind_for(hub: Hub, visit: Visit, name: str, number: str) -> None:
    """Bind a card's number to an account on the operator's word; RefusedError says why it can't be."""
    account = await accounts.find(name)
    plain = number.replace(":", "").replace(" ", "").upper()
    if not is_number(plain):
        message = f"{number}: a card's number has 4 to 10 bytes, written in hexadecimal digits."
        raise RefusedError(message)
    if is_random(plain):
        message = f"{number}: such a number is drawn anew each time (a phone's), so it names nobody."
        raise RefusedError(message)
    if await _found(hub, plain) is not None:
        message = f"{account.name}: this card is bound already."
        raise RefusedError(message)
    card = UidCard(
        account_id=account.id, digest=hub.keys.digest(_PURPOSE, plain), key=hub.keys.current, bound_at=visit.now
    )
    async with in_transaction():
        if not await insert_unless_taken(card):
            message = f"{account.name}: this card is bound already."
            raise RefusedError(message)
        await audit.record(hub.keys, EventKind.CARD_BOUND, visit, account.id, by="operator", assurance="low")


async def owned(hub: Hub, visit: Visit, number: str) -> UidCard | KioskReason:
    """Find the card of a number; what was digested with an older key is digested anew, as the number is at hand."""
    if not hub.settings.uid_cards:
        return KioskReason.UID_CARDS_OFF
    if is_random(number):
        return KioskReason.RANDOM_UID
    card = await _found(hub, number)
    if card is None:
        return KioskReason.NOT_BOUND
    digest = hub.keys.digest(_PURPOSE, number)
    await where(UidCard, id=card.id).update(used_at=visit.now, digest=digest, key=hub.keys.current)
    return card


async def unbind_all(hub: Hub, visit: Visit, name: str) -> int:
    """Forget all cards that name an account and end what they opened; returns how many there were."""
    account = await accounts.find(name)
    async with in_transaction():
        for card in await where(UidCard, account_id=account.id).all():
            await kiosks.end_all(now=visit.now, uid_card_id=card.id)
        dropped = await where(UidCard, account_id=account.id).delete()
        await audit.record(hub.keys, EventKind.CARD_BLOCKED, visit, account.id, assurance="low", cards=dropped)
    return dropped


def is_number(text: str) -> bool:
    """Tell whether this can be a card's number, in capital hexadecimal digits."""
    return _NUMBER.fullmatch(text) is not None


def is_random(number: str) -> bool:
    """Tell whether a number was drawn for this moment only."""
    return _RANDOM.fullmatch(number) is not None


async def _found(hub: Hub, number: str) -> UidCard | None:
    return await where(UidCard, digest__in=hub.keys.digests(_PURPOSE, number)).first()
