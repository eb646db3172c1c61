"""An account's contacts: listed, renamed, removed; by one rule for every door."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain.identifiers import fold_label, label_or_refusal, shown_address
from hub.domain.outcomes import Done, Reason, Refused
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit
from hub.sessions import sessions
from hub.sessions.sessions import Current
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, EventKind, Notice
from models.session import Session


@dataclass(frozen=True, slots=True)
class ContactLine:
    """One contact as its member sees it."""

    id: int
    channel: Channel
    label: str
    address: str
    shown: str
    hides_code: bool
    added_at: datetime
    confirmed_at: datetime | None
    suspended_at: datetime | None
    suspended_why: str
    used_at: datetime | None


async def listed(session: Current) -> tuple[ContactLine, ...]:
    """List the account's contacts in the order they were added."""
    rows = await Contact.filter(account_id=session.account_id).order_by("id")
    return tuple(line(row) for row in rows)


async def one(session: Current, contact_id: int) -> ContactLine | None:
    """Find one contact of the session's own account."""
    contact = await own(session, contact_id)
    return line(contact) if contact else None


async def rename(hub: Hub, visit: Visit, session: Current, contact_id: int, label: str) -> Done | Refused:
    """Give a contact another label."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    named = label_or_refusal(label)
    if isinstance(named, Refused):
        return named
    async with in_transaction():
        await locks.take(session.account_id)
        contact = await own(session, contact_id)
        if contact is None:
            return Refused(Reason.NOT_FOUND)
        if contact.label == named:
            return Done()
        taken = Contact.filter(account_id=session.account_id, label_folded=fold_label(named)).exclude(id=contact.id)
        if await taken.exists():
            return Refused(Reason.LABEL_TAKEN)
        await Contact.filter(id=contact.id).update(label=named, label_folded=fold_label(named))
        await audit.record(hub.keys, EventKind.CONTACT_RENAMED, visit, session.account_id, contact=contact.id)
        told = await notices.tell_all(
            hub.outbox, visit, session.account_id, Notice.CONTACT_RENAMED, about=named, by=session.id
        )
    await notices.rouse(hub.outbox, told)
    return Done()


async def hide_code(hub: Hub, visit: Visit, session: Current, contact_id: int, *, hidden: bool) -> Done | Refused:
    """Keep the code out of the notification of a Slack contact's messages, or put it there again."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        mine = Contact.filter(id=contact_id, account_id=session.account_id, channel=Channel.SLACK)
        if await mine.update(hides_code=hidden) != 1:
            return Refused(Reason.NOT_FOUND)
        await audit.record(
            hub.keys, EventKind.CONTACT_CHANGED, visit, session.account_id, contact=contact_id, hides_code=int(hidden)
        )
    return Done()


async def remove(hub: Hub, visit: Visit, session: Current, contact_id: int) -> Done | Refused:
    """Unbind a contact of the session's own account."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await locks.take(session.account_id)
        contact = await own(session, contact_id)
        if contact is None:
            return Refused(Reason.NOT_FOUND)
        told = await unbind(hub, visit, contact, by=session.id)
    await notices.rouse(hub.outbox, told)
    return Done()


async def unbind(
    hub: Hub, visit: Visit, contact: Contact, *, by: int | None = None, knows: bool = False
) -> frozenset[Channel]:
    """Remove a contact, in the caller's transaction, which holds the account's turn; returns the channels to rouse.

    Its codes die with it; a session opened with it lives on, but its step-up does not. All others are told, and the
    contact itself, unless its reader `knows`: it may be the last one of its member.
    """
    await Session.filter(contact_id=contact.id).update(stepped_up_at=None)
    waiting = Delivery.filter(contact_id=contact.id, due_at__isnull=False)
    await waiting.filter(reply="").update(failed_at=visit.now, due_at=None, reply="the contact was removed")
    # The server's last words stay.
    await waiting.update(failed_at=visit.now, due_at=None)
    told: frozenset[Channel] = frozenset()
    if contact.confirmed_at is not None:
        told = await notices.tell_all(
            hub.outbox, visit, contact.account_id, Notice.CONTACT_REMOVED, about=contact.label, but=contact.id, by=by
        )
        if contact.suspended_at is None and not knows:
            told |= await notices.tell_one(
                hub.outbox, visit, contact, Notice.CONTACT_REMOVED, about=contact.label, by=by
            )
    await contact.delete()
    await audit.record(hub.keys, EventKind.CONTACT_REMOVED, visit, contact.account_id, label=contact.label)
    return told


def line(contact: Contact) -> ContactLine:
    """PURE: show a contact's row as a line."""
    return ContactLine(
        id=contact.id,
        channel=contact.channel,
        label=contact.label,
        address=contact.address,
        shown=contact.shown or shown_address(contact.address),
        hides_code=contact.hides_code,
        added_at=contact.added_at,
        confirmed_at=contact.confirmed_at,
        suspended_at=contact.suspended_at,
        suspended_why=contact.suspended_why,
        used_at=contact.used_at,
    )


async def own(session: Current, contact_id: int) -> Contact | None:
    """Find a contact of the session's own account; None for another's."""
    return await Contact.get_or_none(id=contact_id, account_id=session.account_id)


def is_confirmed(contact: Contact) -> bool:
    """Tell whether codes may go to a contact; a suspended one is confirmed anew before it counts again."""
    return contact.confirmed_at is not None and contact.suspended_at is None


async def is_first(contact: Contact) -> bool:
    """Tell whether a contact is the account's only confirmed one."""
    others = Contact.filter(account_id=contact.account_id, confirmed_at__isnull=False).exclude(id=contact.id)
    return not await others.exists()
