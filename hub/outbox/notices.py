"""Who is told when something is bound or removed: the member, on every contact that is not the one in question."""

from collections.abc import Iterable, Sequence

from hub.domain.request_context import Visit
from hub.outbox.queue import Outbox
from models.account import Account
from models.contact import Contact
from models.kinds import Channel, Notice
from models.queries import where


async def tell_all(
    outbox: Outbox,
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
        await outbox.post_notice(notice, contact, account, visit, about=about, session_id=by)
    return frozenset(contact.channel for contact in told)


async def tell_one(
    outbox: Outbox, visit: Visit, contact: Contact, notice: Notice, *, about: str, by: int | None = None
) -> frozenset[Channel]:
    """Post a notice to one contact, in the caller's transaction; returns the channel to rouse."""
    account = await where(Account, id=contact.account_id).one()
    await outbox.post_notice(notice, contact, account, visit, about=about, session_id=by)
    return frozenset({contact.channel})


async def tell_each(
    outbox: Outbox, visit: Visit, account_ids: Sequence[int], notice: Notice, *, about: str = "", by: int | None = None
) -> frozenset[Channel]:
    """Post a notice to every confirmed contact of many accounts, in the caller's transaction; returns the channels.

    It reads the contacts of all accounts at once, so that an import costs nothing for accounts without a contact.
    """
    chosen = sorted(set(account_ids))
    living = where(Contact, account_id__in=chosen, confirmed_at__isnull=False, suspended_at=None)
    contacts = await living.all() if chosen else []
    named = sorted({contact.account_id for contact in contacts})
    accounts = {one.id: one for one in await where(Account, id__in=named).all()} if named else {}
    for contact in contacts:
        await outbox.post_notice(notice, contact, accounts[contact.account_id], visit, about=about, session_id=by)
    return frozenset(contact.channel for contact in contacts)


async def rouse(outbox: Outbox, channels: Iterable[Channel]) -> None:
    """Wake the senders of these channels; call it after the commit."""
    for channel in channels:
        await outbox.rouse(channel)
