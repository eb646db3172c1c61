"""An address on its way to being a contact: added under a label, its confirmation sent, and sent again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from hub.contacts import contacts
from hub.contacts.last_answers import CameIn, last_answers
from hub.context import Hub
from hub.domain import clock
from hub.domain.identifiers import (
    UnacceptableError,
    address_of,
    domain_of,
    fold_address,
    fold_label,
    label_or_refusal,
    mailbox_of,
    shown_address,
)
from hub.domain.outcomes import Added, Confirmed, DeliveryLine, Done, Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.outbox.messages import line_of
from hub.outbox.queue import was_sent_again
from hub.runtime import locks
from hub.security import audit, challenges
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from models.account import Account
from models.contact import Contact, RefusedAddress
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, EventKind, Letter, Purpose
from models.login import Challenge

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contact that waits for its confirmation, and how its mail stands; `takes_answers`: a yes by mail counts."""

    contact_id: int
    challenge_id: int | None
    label: str
    address: str
    delivery: DeliveryLine | None
    expires_at: datetime | None
    is_guarded: bool
    takes_answers: bool
    answer: CameIn | None


async def add(hub: Hub, visit: Visit, session: Current, *, label: str, address: str) -> Added | Refused | Throttled:
    """Add a mail address under a label; a mail with a URL and a code goes there."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    return await register(hub, visit, session.account_id, label=label, address=address, session_id=session.id)


async def register(
    hub: Hub, visit: Visit, account_id: int, *, label: str, address: str, session_id: int | None = None
) -> Added | Refused | Throttled:
    """Add a mail address for a door that has made sure that the account's member may."""
    named = label_or_refusal(label)
    if isinstance(named, Refused):
        return named
    try:
        place = address_of(address, hub.settings.address_rules)
    except UnacceptableError as error:
        return Refused(error.reason)
    async with in_transaction():
        await locks.take(account_id)
        refusal = await _refusal(hub, account_id, named, place)
        if refusal is not None:
            return Refused(refusal)
        wait = await _too_soon(account_id, place, now=visit.now)
        if wait is not None:
            return wait
        account = await Account.get(id=account_id)
        contact = await _written(account.id, named, place, visit.now)
        if contact is None:
            return Refused(Reason.LABEL_TAKEN)
        await _post(hub, visit, account, contact, session_id=session_id)
        await audit.record(hub.keys, EventKind.CONTACT_ADDED, visit, account.id, contact=contact.id, label=named)
    await hub.outbox.rouse(Channel.MAIL)
    return Added(contact.id)


async def added_again(hub: Hub, session: Current, *, label: str, address: str, now: datetime) -> Added | None:
    """Find the contact that the same form added within the last seconds; None when there is none."""
    named = label_or_refusal(label)
    try:
        place = address_of(address, hub.settings.address_rules)
    except UnacceptableError:
        return None
    if isinstance(named, Refused):
        return None
    contact = await Contact.get_or_none(
        account_id=session.account_id,
        label_folded=fold_label(named),
        address_folded=fold_address(place),
        confirmed_at=None,
        added_at__gt=now - NUMBERS.repeat_life,
    )
    return Added(contact.id) if contact else None


async def waiting(hub: Hub, session: Current, contact_id: int, *, now: datetime) -> Waiting | Confirmed | Refused:
    """Tell how the confirmation of a contact stands; Confirmed once it is, however that came about."""
    contact = await contacts.own(session, contact_id)
    if contact is None:
        return Refused(Reason.NOT_FOUND)
    if contacts.is_confirmed(contact):
        return Confirmed(contact.id, contact.label, await contacts.is_first(contact))
    challenge = await Challenge.get_or_none(slot=slot_of(contact.id))
    delivery = await Delivery.filter(contact_id=contact.id).order_by("-id").first()
    return Waiting(
        contact_id=contact.id,
        challenge_id=challenge.id if challenge else None,
        label=contact.label,
        address=shown_address(contact.address),
        delivery=line_of(delivery, now) if delivery else None,
        expires_at=challenge.expires_at if challenge else None,
        is_guarded=domain_of(contact.address) in hub.settings.guarded_mail_domains,
        takes_answers=bool(hub.settings.mail_domain),
        answer=(await last_answers([contact.id])).get(contact.id),
    )


async def send_again(hub: Hub, visit: Visit, session: Current, contact_id: int) -> Done | Refused | Throttled:
    """Send the confirmation once more, the same code and URL while they live; of a suspended contact, to lift that."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await locks.take(session.account_id)
        contact = await contacts.own(session, contact_id)
        # A Slack account is linked anew from Slack.
        if contact is None or contact.channel is not Channel.MAIL:
            return Refused(Reason.NOT_FOUND)
        if contacts.is_confirmed(contact):
            return Refused(Reason.ALREADY_CONFIRMED)
        if await was_sent_again(contact_id=contact.id, letter=Letter.CONFIRMATION, now=visit.now):
            return Done()
        wait = await _too_soon(session.account_id, contact.address, now=visit.now)
        if wait is not None:
            return wait
        account = await Account.get(id=session.account_id)
        await _post(hub, visit, account, contact, session_id=session.id)
    await hub.outbox.rouse(contact.channel)
    return Done()


def slot_of(contact_id: int) -> str:
    """Name the one place of a contact's confirmation."""
    return f"confirm:{contact_id}"


async def _refusal(hub: Hub, account_id: int, label: str, address: str) -> Reason | None:
    mine = await Contact.filter(account_id=account_id)
    if len(mine) >= NUMBERS.contacts:
        return Reason.TOO_MANY
    if any(contact.label_folded == fold_label(label) for contact in mine):
        return Reason.LABEL_TAKEN
    if any(contact.address_folded == fold_address(address) for contact in mine):
        return Reason.ADDRESS_TAKEN
    if sum(contact.confirmed_at is None for contact in mine) >= NUMBERS.confirmations_outstanding:
        return Reason.TOO_MANY
    if await RefusedAddress.exists(account_id=account_id, address_folded=fold_address(address)):
        return Reason.ADDRESS_REFUSED
    is_guarded = domain_of(address) in hub.settings.guarded_mail_domains
    return Reason.ADDRESS_GUARDED if is_guarded and hub.settings.guarded_mail == "refuse" else None


async def _too_soon(account_id: int, address: str, *, now: datetime) -> Throttled | None:
    """Tell how long until an account may have one more confirmation sent to an address, and why; None when at once.

    Limits hold for the mailbox, for all accounts and all spellings of the address, and for the account over all
    addresses, also of contacts that were removed. The caller holds the account's row.
    """
    mailbox = mailbox_of(address)
    # Two accounts at once must not each find that nothing was sent there yet.
    await locks.take_address(mailbox)
    lately = Delivery.filter(letter=Letter.CONFIRMATION, posted_at__gt=now - _DAY)
    # A mailbox's spellings begin alike; what only looks alike is sorted out below.
    alike = await lately.filter(address__istartswith=mailbox[0]).values_list("address", "posted_at")
    there: list[datetime] = sorted(at for written, at in alike if mailbox_of(str(written)) == mailbox)
    mine: list[datetime] = sorted(await lately.filter(account_id=account_id).values_list("posted_at", flat=True))  # type: ignore[arg-type]
    waits = (
        Throttled(_wait(there, 1, NUMBERS.confirmation_gap, now), Hold.CONFIRMATION),
        Throttled(_wait(there, NUMBERS.confirmations_a_day, _DAY, now), Hold.CONFIRMATIONS_THERE),
        Throttled(_wait(mine, NUMBERS.account_confirmations_an_hour, _HOUR, now), Hold.CONFIRMATIONS),
        Throttled(_wait(mine, NUMBERS.account_confirmations_a_day, _DAY, now), Hold.CONFIRMATIONS),
    )
    longest = max(waits, key=lambda wait: wait.retry_after)
    return longest if longest.retry_after else None


def _wait(sent: list[datetime], most: int, span: timedelta, now: datetime) -> timedelta:
    """Tell how long until fewer than `most` of some times lie within the last `span`; `sent` is in order."""
    sent = [at for at in sent if clock.has_come(at, now)]
    if len(sent) < most:
        return timedelta()
    return max(timedelta(), sent[-most] + span - now)


async def _written(account_id: int, label: str, address: str, now: datetime) -> Contact | None:
    contact = Contact(
        account_id=account_id,
        channel=Channel.MAIL,
        label=label,
        label_folded=fold_label(label),
        address=address,
        address_folded=fold_address(address),
        added_at=now,
    )
    try:
        async with in_transaction():
            await contact.save(force_create=True)
    except IntegrityError:
        return None
    return contact


async def _post(hub: Hub, visit: Visit, account: Account, contact: Contact, *, session_id: int | None) -> None:
    living = await challenges.live(slot_of(contact.id), now=visit.now)
    if living is None:
        fresh = challenges.draft(
            hub.keys,
            account_id=account.id,
            kind=AuthenticatorKind.ONE_TIME_PASSWORD,
            purpose=Purpose.CONFIRM,
            slot=slot_of(contact.id),
            now=visit.now,
        )
        fresh.contact_id = contact.id
        fresh.tries_left = NUMBERS.confirmation_tries
        fresh.expires_at = visit.now + NUMBERS.confirmation_life
        living = await challenges.mint(fresh)
    if living is not None:
        await hub.outbox.post_challenge(living, contact, account, visit, session_id=session_id)
