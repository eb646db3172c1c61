"""Tell members that many wrong passwords were entered for their account.

It is told by a job and not where the password is heard: a name that exists must take no longer than one that does not.
"""

from datetime import datetime, timedelta

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import rate_limits
from hub.settings import NUMBERS
from models.account import Account
from models.delivery import Delivery
from models.event import Event
from models.kinds import Channel, EventKind, Notice, Zone
from models.queries import beginning
from models.throttle import Throttle

# Contacts of an account that is guessed at without end are told once in this time.
_QUIET = timedelta(days=7)
_BATCH = 500


async def tell(hub: Hub, now: datetime) -> int:
    """Tell all contacts of each account that reached the number of wrong passwords; returns how many accounts."""
    told = 0
    channels: frozenset[Channel] = frozenset()
    for account in await _reached(now):
        async with in_transaction():
            await locks.take(account.id)
            posted = Delivery.filter(account_id=account.id, notice=Notice.PASSWORDS_WRONG, posted_at__gt=now - _QUIET)
            if await posted.exists():
                continue
            channels |= await notices.tell_all(
                hub.outbox, await _visit(account, now), account.id, Notice.PASSWORDS_WRONG
            )
        told += 1
    await notices.rouse(hub.outbox, channels)
    return told


async def _reached(now: datetime) -> list[Account]:
    """Find the accounts of so many wrong passwords over all networks; counts of unknown names are left out."""
    counts = beginning(Throttle, "subject", f"{rate_limits.Scope.ACCOUNT}:").filter(
        wrong__gte=NUMBERS.told_at_passwords
    )
    names: list[str] = []
    last = 0
    while rows := await counts.filter(id__gt=last).order_by("id").limit(_BATCH):
        last = rows[-1].id
        names += [
            row.subject.partition(":")[2]
            for row in rows
            if rate_limits.standing(rate_limits.ACCOUNTS, row, now) >= NUMBERS.told_at_passwords
        ]
    found: list[Account] = []
    for start in range(0, len(names), _BATCH):
        found += await Account.filter(folded__in=names[start : start + _BATCH], disabled_at=None)
    return found


async def _visit(account: Account, now: datetime) -> Visit:
    """Tell from where the last of them came."""
    wrong = Event.filter(account_id=account.id, kind=EventKind.PASSWORD_WRONG)
    last = await wrong.order_by("-id").first()
    return Visit(now, last.address if last else "", Zone.OFF_CAMPUS)
