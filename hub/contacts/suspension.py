"""What follows from a delivery report: a dead address is suspended, a delay is shown, a refusal of us alarms."""

from dataclasses import dataclass, replace
from enum import StrEnum

import structlog
from prometheus_client import Counter
from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.desk import escalation
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.outbox.queue import topic_of
from hub.runtime import locks
from hub.security import audit
from hub.settings import NUMBERS
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, EventKind, Notice

ALARM = "mail policy"
_log = structlog.get_logger(__name__)
_bounces = Counter("tegata_mail_bounces_total", "Delivery reports about our mail.", ["kind"])


class BounceKind(StrEnum):
    """What a delivery report says."""

    HARD = "hard"
    SOFT = "soft"
    DELAYED = "delayed"
    POLICY = "policy"


class Suspended(StrEnum):
    """Why a contact is suspended; the list has words for each."""

    NO_MAILBOX = "no-mailbox"
    SLACK_GONE = "slack-gone"
    SLACK_LEFT = "slack-left"
    SLACK_AWAY = "slack-away"


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report: its kind, the enhanced status (RFC 3463) and what the server said."""

    kind: BounceKind
    status: str = ""
    said: str = ""


async def bounced(hub: Hub, visit: Visit, delivery_id: int, bounce: Bounce) -> None:
    """Act on a delivery report about one delivery; the same report again changes nothing more, nor does a late one."""
    delivery = await Delivery.get_or_none(id=delivery_id)
    if delivery is None:
        return
    if visit.now - (delivery.accepted_at or delivery.posted_at) > NUMBERS.report_life:
        _log.info("mail.report_too_late", delivery=delivery.id)
        return
    if delivery.channel is Channel.MAIL:
        _bounces.labels(str(bounce.kind)).inc()
    reply = "".join(sign if sign.isprintable() else " " for sign in f"{bounce.status} {bounce.said}").strip()[:200]
    told: frozenset[Channel] = frozenset()
    is_desk_told = False
    async with in_transaction():
        # The account before its rows: whoever removes the contact meanwhile holds them in another order.
        await locks.take(delivery.account_id)
        mine = Delivery.filter(id=delivery.id)
        if bounce.kind is BounceKind.DELAYED:
            await mine.filter(failed_at=None).update(delayed_at=visit.now, reply=reply or "-")
        else:
            await mine.update(failed_at=delivery.failed_at or visit.now, due_at=None, reply=reply or "-")
        await audit.record(
            hub.keys,
            EventKind.BOUNCED,
            visit,
            delivery.account_id,
            contact=delivery.contact_id,
            report=str(bounce.kind),
            status=bounce.status or None,
        )
        if bounce.kind is BounceKind.HARD:
            told, is_desk_told = await _suspended(hub, visit, delivery)
    if bounce.kind is BounceKind.POLICY:
        # Not the address's fault but ours: nothing is suspended, somebody must look.
        _log.error("mail.refused_by_policy", delivery=delivery.id, status=bounce.status)
        hub.alarms.sound(ALARM, f"our mail is refused by policy: {reply}", now=visit.now)
    await notices.rouse(hub.outbox, told)
    await escalation.rouse(hub, is_told=is_desk_told)
    if delivery.challenge_id is not None:
        await hub.wakeups.tell(topic_of(delivery.challenge_id))


async def suspend(hub: Hub, visit: Visit, contact: Contact, why: Suspended) -> frozenset[Channel] | None:
    """Suspend a contact, in the caller's transaction, and tell the member on the others; None when it was before."""
    living = Contact.filter(id=contact.id, confirmed_at__isnull=False, suspended_at=None)
    if await living.update(suspended_at=visit.now, suspended_why=why) != 1:
        return None
    return await _told(hub, visit, contact.account_id, contact.id, label=contact.label, why=why)


async def resume(hub: Hub, visit: Visit, contact: Contact) -> frozenset[Channel] | None:
    """Lift a contact's suspension, in the caller's transaction, and tell the member; None when there is none."""
    suspended = Contact.filter(id=contact.id, confirmed_at__isnull=False, suspended_at__isnull=False)
    if await suspended.update(suspended_at=None, suspended_why="") != 1:
        return None
    await audit.record(hub.keys, EventKind.CONTACT_RESUMED, visit, contact.account_id, contact=contact.id)
    return await notices.tell_all(hub.outbox, visit, contact.account_id, Notice.CONTACT_RESUMED, about=contact.label)


async def _suspended(hub: Hub, visit: Visit, delivery: Delivery) -> tuple[frozenset[Channel], bool]:
    """Suspend the delivery's contact, in the caller's transaction; tell the member on the others, and the help desk."""
    living = Contact.filter(
        id=delivery.contact_id or 0,
        address_folded=delivery.address_folded,
        confirmed_at__isnull=False,
        # A contact confirmed anew since is not judged by an old letter.
        confirmed_at__lte=delivery.posted_at,
        suspended_at=None,
    )
    why = Suspended.SLACK_GONE if delivery.channel is Channel.SLACK else Suspended.NO_MAILBOX
    if await living.update(suspended_at=visit.now, suspended_why=why) != 1:
        return frozenset(), False
    contact = await Contact.get(id=delivery.contact_id or 0)
    is_desk_told = await escalation.tell_unreachable(hub, replace(visit, address="", browser=""), contact)
    # A report brings no language: the letter's is the member's.
    as_member = replace(visit, language=delivery.language)
    told = await _told(hub, as_member, delivery.account_id, contact.id, label=delivery.label, why=why)
    return told, is_desk_told


async def _told(
    hub: Hub, visit: Visit, account_id: int, contact_id: int, *, label: str, why: Suspended
) -> frozenset[Channel]:
    await audit.record(hub.keys, EventKind.CONTACT_SUSPENDED, visit, account_id, contact=contact_id)
    notice = Notice.CONTACT_SUSPENDED if why is Suspended.NO_MAILBOX else Notice.SLACK_SUSPENDED
    # Nobody did it from somewhere.
    about_it = replace(visit, address="", browser="")
    return await notices.tell_all(hub.outbox, about_it, account_id, notice, about=label, but=contact_id)
