"""The cards that have nothing but a number: it names an account, and proves nothing."""

from collections.abc import Sequence

from tortoise.transactions import in_transaction

from hub.accounts import accounts
from hub.cards import numbers as card_numbers
from hub.context import Hub
from hub.domain.errors import RefusedError
from hub.domain.outcomes import KioskReason
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.security import audit
from hub.sessions import ending
from hub.sessions.ending import Ended
from models.kinds import Channel, EventKind, Notice
from models.kiosk import UidCard
from models.queries import insert_unless_taken, where

_PURPOSE = "uid-card"
_BATCH = 200


async def bind_for(hub: Hub, visit: Visit, name: str, number: str, *, quiet: bool = False) -> None:
    """Bind a card's number to an account on the operator's word and tell all contacts; RefusedError says why not."""
    account = await accounts.find(name)
    plain = card_numbers.plain(number)
    check(plain)
    if await _found(hub, plain) is not None:
        message = f"{account.name}: this card is bound already."
        raise RefusedError(message)
    card = drafted(hub, visit, account.id, plain)
    told: frozenset[Channel] = frozenset()
    async with in_transaction():
        if not await insert_unless_taken(card):
            message = f"{account.name}: this card is bound already."
            raise RefusedError(message)
        await audit.record(hub.keys, EventKind.CARD_BOUND, visit, account.id, by="operator", assurance="low")
        if not quiet:
            told = await notices.tell_all(hub.outbox, visit, account.id, Notice.CARD_BOUND)
    await notices.rouse(hub.outbox, told)


async def owned(hub: Hub, visit: Visit, number: str) -> UidCard | KioskReason:
    """Find the card of a number; what was digested with an older key is digested anew, as the number is at hand."""
    if not hub.settings.uid_cards:
        return KioskReason.UID_CARDS_OFF
    if card_numbers.fault(number):
        return KioskReason.RANDOM_UID
    card = await _found(hub, number)
    if card is None:
        return KioskReason.NOT_BOUND
    digest = hub.keys.digest(_PURPOSE, number)
    await where(UidCard, id=card.id).update(used_at=visit.now, digest=digest, key=hub.keys.current)
    return card


async def unbind_all(hub: Hub, visit: Visit, name: str, *, quiet: bool = False) -> int:
    """Forget all cards that name an account, end its sessions, tell all contacts; returns how many cards there were."""
    account = await accounts.find(name)
    told: frozenset[Channel] = frozenset()
    ended = Ended(0, 0, ())
    async with in_transaction():
        if await where(UidCard, account_id=account.id).first() is not None:
            ended = await ending.end_all(account.id, now=visit.now)
        dropped = await where(UidCard, account_id=account.id).delete()
        await audit.record(hub.keys, EventKind.CARD_BLOCKED, visit, account.id, assurance="low", cards=dropped)
        if dropped and not quiet:
            told = await notices.tell_all(hub.outbox, visit, account.id, Notice.CARD_REMOVED)
    await ending.announce(hub, ended)
    await notices.rouse(hub.outbox, told)
    return dropped


def check(number: str) -> None:
    """Make sure that a number can name an account; RefusedError says why it can't."""
    why = card_numbers.fault(number)
    if why:
        message = f"{number}: {why}, so it cannot name an account."
        raise RefusedError(message)


def drafted(hub: Hub, visit: Visit, account_id: int, number: str) -> UidCard:
    """Give the row of a card for a caller that writes many at once."""
    digest = hub.keys.digest(_PURPOSE, number)
    return UidCard(account_id=account_id, digest=digest, key=hub.keys.current, bound_at=visit.now)


async def bound_already(hub: Hub, numbers: Sequence[str]) -> set[str]:
    """Tell which of these numbers are bound to an account, with the current key or an older one."""
    found: set[str] = set()
    for start in range(0, len(numbers), _BATCH):
        by_digest = {
            digest: number
            for number in numbers[start : start + _BATCH]
            for digest in hub.keys.digests(_PURPOSE, number, retired=True)
        }
        rows = await UidCard.filter(digest__in=list(by_digest)).values_list("digest", flat=True)
        found |= {by_digest[str(one)] for one in rows}
    return found


async def _found(hub: Hub, number: str) -> UidCard | None:
    return await where(UidCard, digest__in=hub.keys.digests(_PURPOSE, number, retired=True)).first()
