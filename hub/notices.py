"""Who is told when something is bound or removed: the member, on every contact that is not the one in question."""

from collections.abc import Iterable

from hub.hub import Hub
from hub.visit import Visit
from models.account import Account
from models.contact import Contact
from models.kinds import Channel, Notice
from models.rows import where


async def tell_all(
    hub: Hub,
    visit: Visit,
    account_id: int,
    notice: Notice,
    *,
    about: str = "",
    but: int | None = None,
    by: int | None = None,
) -> frozenset[Channel]:
    """Post a notice to every confirmed contact but one, in the caller's transaction; returns the channels to rouse.

    `by` is the session in which it was done, for whoever reads the notice and knows nothing of it.
    """
    account = await where(Account, id=account_id).one()
    contacts = await where(Contact, account_id=account_id, confirmed_at__isnull=False, suspended_at=None).all()
    told = [contact for contact in contacts if contact.id != but]
    for contact in told:
        await hub.outbox.post_notice(notice, contact, account, visit, about=about, session_id=by)
    return frozenset(contact.channel for contact in told)


async def rouse(hub: Hub, channels: Iterable[Channel]) -> None:
    """Wake the senders of these channels; call it after the commit."""
    for channel in channels:
        await hub.outbox.rouse(channel)
