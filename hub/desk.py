"""Tell the help desk by mail that a member said "this was not me"."""

from datetime import datetime, timedelta

from hub.hub import Hub
from hub.visit import Visit
from models.account import Account
from models.delivery import Delivery
from models.kinds import Channel, Notice
from models.rows import where

# Repeated presses for one account within this time send one letter.
_QUIET = timedelta(minutes=10)


async def tell(hub: Hub, visit: Visit, account_id: int, disowned: Delivery | None) -> bool:
    """Post the letter to the help desk in the caller's transaction; False when no address of the desk is set.

    `disowned` is the letter that the member disowned, None for an account that its member locked. The caller holds
    the account's turn.
    """
    address = hub.settings.desk_mail
    if not address:
        return False
    if not await was_told(account_id, since=visit.now - _QUIET):
        account = await where(Account, id=account_id).one()
        await hub.outbox.post_to_desk(address, account, disowned, visit)
    return True


async def was_told(account_id: int, *, since: datetime) -> bool:
    """Tell whether a letter about the account went to the help desk since then."""
    return await Delivery.exists(account_id=account_id, notice=Notice.DISOWNED, posted_at__gt=since)


async def was_told_of(disowned: Delivery) -> bool:
    """Tell whether the help desk was told when this letter was disowned."""
    return disowned.disowned_at is not None and await was_told(disowned.account_id, since=disowned.disowned_at - _QUIET)


async def rouse(hub: Hub, *, is_told: bool) -> None:
    """Wake the sender of mail; call it after the commit."""
    if is_told:
        await hub.outbox.rouse(Channel.MAIL)
