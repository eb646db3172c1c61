"""Contacts: added, confirmed, refused, renamed, removed; by one rule for every door."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from hub import audit, challenges, notices, sessions, turns, verification
from hub.authenticators import one_time_password
from hub.hub import Hub
from hub.labels import (
    UnacceptableError,
    address_of,
    domain_of,
    fold_address,
    fold_label,
    label_or_refusal,
    typed_code,
)
from hub.outbox import line_of, topic_of
from hub.outcome import Added, Confirmed, DeliveryLine, Done, Reason, Refused, Throttled
from hub.sessions import Current
from hub.settings import NUMBERS
from hub.verification import Question, Right
from hub.visit import Visit
from models.account import Account
from models.contact import Contact, RefusedAddress
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, EventKind, Letter, Notice, Purpose
from models.login import Challenge
from models.session import Session

_DAY = timedelta(days=1)


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


@dataclass(frozen=True, slots=True)
class LinkHere:
    """A mailed URL in a browser that is logged in to its account: one button confirms."""

    label: str
    account: str
    asked_at: datetime
    asked_from: str
    asked_with: str


@dataclass(frozen=True, slots=True)
class LinkElsewhere:
    """A mailed URL in any other browser: the code, to be typed where the address was added; nothing confirms here."""

    label: str
    account: str
    code: str = field(repr=False)
    asked_at: datetime
    asked_from: str
    asked_with: str


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
        place = address_of(address)
    except UnacceptableError:
        return Refused(Reason.ADDRESS_BAD)
    async with in_transaction():
        await turns.take(account_id)
        refusal = await _refusal(hub, account_id, named, place)
        if refusal is not None:
            return Refused(refusal)
        wait = await _too_soon(fold_address(place), now=visit.now)
        if wait:
            return Throttled(wait)
        account = await Account.get(id=account_id)
        contact = await _written(account.id, named, place, visit.now)
        if contact is None:
            return Refused(Reason.LABEL_TAKEN)
        await _post(hub, visit, account, contact, session_id=session_id)
        await audit.record(hub.keys, EventKind.CONTACT_ADDED, visit, account.id, contact=contact.id, label=named)
    await hub.outbox.rouse(Channel.MAIL)
    return Added(contact.id)


async def waiting(hub: Hub, session: Current, contact_id: int, *, now: datetime) -> Waiting | Confirmed | Refused:
    """Tell how the confirmation of a contact stands; Confirmed once it is, however that came about."""
    contact = await _own(session, contact_id)
    if contact is None:
        return Refused(Reason.NOT_FOUND)
    if _is_confirmed(contact):
        return Confirmed(contact.id, contact.label, await is_first(contact))
    challenge = await Challenge.get_or_none(slot=slot_of(contact.id))
    delivery = await Delivery.filter(contact_id=contact.id).order_by("-id").first()
    return Waiting(
        contact_id=contact.id,
        challenge_id=challenge.id if challenge else None,
        label=contact.label,
        address=contact.address,
        delivery=line_of(delivery, now) if delivery else None,
        expires_at=challenge.expires_at if challenge else None,
        is_guarded=domain_of(contact.address) in hub.settings.guarded_mail_domains,
        takes_answers=bool(hub.settings.mail_domain),
    )


async def send_again(hub: Hub, visit: Visit, session: Current, contact_id: int) -> Done | Refused | Throttled:
    """Send the confirmation once more, the same code and URL while they live; of a suspended contact, to lift that."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await turns.take(session.account_id)
        contact = await _own(session, contact_id)
        # A Slack account is linked anew from Slack.
        if contact is None or contact.channel is not Channel.MAIL:
            return Refused(Reason.NOT_FOUND)
        if _is_confirmed(contact):
            return Refused(Reason.ALREADY_CONFIRMED)
        wait = await _too_soon(contact.address_folded, now=visit.now)
        if wait:
            return Throttled(wait)
        account = await Account.get(id=session.account_id)
        await _post(hub, visit, account, contact, session_id=session.id)
    await hub.outbox.rouse(contact.channel)
    return Done()


async def confirm_with_code(
    hub: Hub, visit: Visit, session: Current, contact_id: int, typed: str
) -> Confirmed | Refused | Throttled:
    """Confirm a contact with the code from its mail, typed where the address was added."""
    return await confirm_typed(hub, visit, session.account_id, contact_id, typed)


async def confirm_typed(
    hub: Hub, visit: Visit, account_id: int, contact_id: int, typed: str
) -> Confirmed | Refused | Throttled:
    """Confirm a contact with its code for a door that has made sure whose account it is."""
    async with in_transaction():
        contact = await Contact.get_or_none(id=contact_id, account_id=account_id)
        if contact is None:
            return Refused(Reason.NOT_FOUND)
        challenge = await challenges.live(slot_of(contact.id), now=visit.now)
        if challenge is None:
            return Refused(Reason.ALREADY_CONFIRMED if contact.confirmed_at else Reason.CHALLENGE_OVER)
        question = Question(account_id, challenge.kind, challenge, Purpose.CONFIRM)
        verdict = await verification.verify(hub, visit, question, typed)
        if not isinstance(verdict, Right):
            return verdict
        confirmed, told = await _confirmed(hub, visit, contact, by="code")
    await notices.rouse(hub, told)
    await hub.wakeups.tell(topic_of(challenge.id))
    return confirmed


async def confirm_any(hub: Hub, visit: Visit, account_id: int, typed: str) -> Confirmed | Refused | Throttled:
    """Confirm whichever waiting contact of an account this code belongs to, for a door where none is named.

    A wrong code is a try of each that it was compared with.
    """
    async with in_transaction():
        await turns.take(account_id)
        waits = await _waiting_for(account_id, visit.now)
        if not waits:
            return Refused(Reason.CHALLENGE_OVER)
        code = typed_code(typed)
        meant = [one for one in waits if one_time_password.is_right(challenges.code_of(hub.keys, one), code)]
        if not meant and await _was_consumed(hub, account_id, code, visit.now):
            return Refused(Reason.ALREADY_CONFIRMED)
        first = (meant or waits)[0]
        outcome = await confirm_typed(hub, visit, account_id, first.contact_id or 0, typed)
        if isinstance(outcome, Refused) and outcome.reason is not Reason.CODE_MISSHAPEN:
            for other in waits[1:]:
                await challenges.spend(other, now=visit.now)
    return outcome


async def opened_link(
    hub: Hub, session: Current | None, token: str, *, now: datetime
) -> LinkHere | LinkElsewhere | Confirmed | Refused:
    """Tell what a mailed URL shows; changes nothing, whoever follows it."""
    challenge = await _by_token(hub, token)
    if challenge is None or challenge.contact is None:
        return Refused(Reason.NOT_FOUND)
    contact = challenge.contact
    here = session is not None and session.account_id == challenge.account_id
    if _is_confirmed(contact) and here:
        return Confirmed(contact.id, contact.label, await is_first(contact))
    if not challenges.is_live(challenge, now):
        return Refused(Reason.ALREADY_CONFIRMED if contact.confirmed_at else Reason.CHALLENGE_OVER)
    asked = await Delivery.filter(challenge_id=challenge.id).order_by("id").first()
    asked_from, asked_with = (asked.asked_from, asked.asked_with) if asked else ("", "")
    if here:
        return LinkHere(contact.label, challenge.account.name, challenge.issued_at, asked_from, asked_with)
    return LinkElsewhere(
        contact.label,
        challenge.account.name,
        challenges.code_of(hub.keys, challenge),
        challenge.issued_at,
        asked_from,
        asked_with,
    )


async def confirm_with_link(hub: Hub, visit: Visit, session: Current, token: str) -> Confirmed | Refused:
    """Confirm a contact with the URL from its mail, in a browser logged in to that account and in no other."""
    async with in_transaction():
        await turns.take(session.account_id)
        challenge = await _by_token(hub, token)
        if challenge is None or challenge.contact is None or challenge.account_id != session.account_id:
            return Refused(Reason.NOT_FOUND)
        if _is_confirmed(challenge.contact):
            return Refused(Reason.ALREADY_CONFIRMED)
        if not challenges.is_live(challenge, visit.now):
            return Refused(Reason.CHALLENGE_OVER)
        await challenges.consume(challenge, now=visit.now)
        confirmed, told = await _confirmed(hub, visit, challenge.contact, by="url")
    await notices.rouse(hub, told)
    await hub.wakeups.tell(topic_of(challenge.id))
    return confirmed


async def confirm_by_answer(
    hub: Hub, visit: Visit, challenge_id: int
) -> tuple[Confirmed, frozenset[Channel]] | Refused:
    """Confirm a contact on an answer from its own mailbox, in the caller's transaction; with it, whom to rouse."""
    challenge = await Challenge.filter(id=challenge_id, purpose=Purpose.CONFIRM).select_related("contact").first()
    if challenge is None or challenge.contact is None:
        return Refused(Reason.NOT_FOUND)
    if _is_confirmed(challenge.contact):
        return Refused(Reason.ALREADY_CONFIRMED)
    if not challenges.is_live(challenge, visit.now):
        return Refused(Reason.CHALLENGE_OVER)
    if not await challenges.consume(challenge, now=visit.now):
        return Refused(Reason.CHALLENGE_OVER)
    return await _confirmed(hub, visit, challenge.contact, by="answer")


async def refuse(hub: Hub, visit: Visit, token: str) -> Done | Refused:
    """End a registration on the word of who got its mail: "this was not me"; the address is closed to that account."""
    async with in_transaction():
        asked = await _by_token(hub, token)
        if asked is not None:
            await turns.take(asked.account_id)
        # Read anew behind the account's row: what was confirmed meanwhile is refused no more.
        challenge = await _by_token(hub, token)
        if challenge is None or challenge.contact is None or not challenges.is_live(challenge, visit.now):
            return Refused(Reason.CHALLENGE_OVER)
        contact = challenge.contact
        await RefusedAddress.create(
            account_id=contact.account_id, address_folded=contact.address_folded, refused_at=visit.now
        )
        await Challenge.filter(id=challenge.id).update(slot=None, revoked_at=visit.now)
        await Contact.filter(id=contact.id, confirmed_at=None).delete()
        await audit.record(hub.keys, EventKind.CONTACT_REFUSED, visit, contact.account_id, label=contact.label)
    await hub.wakeups.tell(topic_of(challenge.id))
    return Done()


async def listed(session: Current) -> tuple[ContactLine, ...]:
    """List the account's contacts in the order they were added."""
    rows = await Contact.filter(account_id=session.account_id).order_by("id")
    return tuple(line(row) for row in rows)


async def one(session: Current, contact_id: int) -> ContactLine | None:
    """Find one contact of the session's own account."""
    contact = await _own(session, contact_id)
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
        await turns.take(session.account_id)
        contact = await _own(session, contact_id)
        if contact is None:
            return Refused(Reason.NOT_FOUND)
        taken = Contact.filter(account_id=session.account_id, label_folded=fold_label(named)).exclude(id=contact.id)
        if await taken.exists():
            return Refused(Reason.LABEL_TAKEN)
        await Contact.filter(id=contact.id).update(label=named, label_folded=fold_label(named))
        await audit.record(hub.keys, EventKind.CONTACT_RENAMED, visit, session.account_id, contact=contact.id)
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
        await turns.take(session.account_id)
        contact = await _own(session, contact_id)
        if contact is None:
            return Refused(Reason.NOT_FOUND)
        told = await unbind(hub, visit, contact, by=session.id)
    await notices.rouse(hub, told)
    return Done()


async def unbind(hub: Hub, visit: Visit, contact: Contact, *, by: int | None = None) -> frozenset[Channel]:
    """Remove a contact, in the caller's transaction, which holds the account's turn; returns the channels to rouse.

    Its codes die with it; a session opened with it lives on, but its step-up does not.
    """
    await Session.filter(contact_id=contact.id).update(stepped_up_at=None)
    told: frozenset[Channel] = frozenset()
    if contact.confirmed_at is not None:
        told = await notices.tell_all(
            hub, visit, contact.account_id, Notice.CONTACT_REMOVED, about=contact.label, but=contact.id, by=by
        )
    await Delivery.filter(contact_id=contact.id, due_at__isnull=False).update(
        failed_at=visit.now, due_at=None, reply="the contact was removed"
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
        shown=contact.shown or contact.address,
        hides_code=contact.hides_code,
        added_at=contact.added_at,
        confirmed_at=contact.confirmed_at,
        suspended_at=contact.suspended_at,
        suspended_why=contact.suspended_why,
        used_at=contact.used_at,
    )


def slot_of(contact_id: int) -> str:
    """Name the one place of a contact's confirmation."""
    return f"confirm:{contact_id}"


async def is_first(contact: Contact) -> bool:
    """Tell whether a contact is the account's only confirmed one."""
    others = Contact.filter(account_id=contact.account_id, confirmed_at__isnull=False).exclude(id=contact.id)
    return not await others.exists()


async def _own(session: Current, contact_id: int) -> Contact | None:
    return await Contact.get_or_none(id=contact_id, account_id=session.account_id)


def _is_confirmed(contact: Contact) -> bool:
    # A suspended contact is confirmed anew before it counts again.
    return contact.confirmed_at is not None and contact.suspended_at is None


async def _waiting_for(account_id: int, now: datetime) -> list[Challenge]:
    """Read the confirmations of an account that can still be answered, the newest first."""
    found = await Challenge.filter(account_id=account_id, purpose=Purpose.CONFIRM, slot__isnull=False).order_by("-id")
    return [one for one in found if challenges.is_live(one, now)]


async def _was_consumed(hub: Hub, account_id: int, code: str, now: datetime) -> bool:
    """Tell whether a code has confirmed one of the account's contacts lately; it can't do so again."""
    used = Challenge.filter(account_id=account_id, purpose=Purpose.CONFIRM, answered_at__isnull=False)
    lately = await used.filter(issued_at__gt=now - NUMBERS.confirmation_life).order_by("-id").limit(NUMBERS.contacts)
    return any(one_time_password.is_right(challenges.code_of(hub.keys, one), code) for one in lately)


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


async def _too_soon(address_folded: str, *, now: datetime) -> timedelta:
    """Tell how long until one more confirmation may go to an address, whoever asks; zero when it may at once."""
    # Two accounts at once must not each find that nothing was sent there yet.
    await turns.take_address(address_folded)
    times = await Delivery.filter(
        address_folded=address_folded, letter=Letter.CONFIRMATION, posted_at__gt=now - _DAY
    ).values_list("posted_at", flat=True)
    sent: list[datetime] = sorted(times)  # type: ignore[arg-type]
    waits = [timedelta()]
    if sent and sent[-1] > now - NUMBERS.confirmation_gap:
        waits.append(sent[-1] + NUMBERS.confirmation_gap - now)
    if len(sent) >= NUMBERS.confirmations_a_day:
        waits.append(sent[-NUMBERS.confirmations_a_day] + _DAY - now)
    return max(waits)


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


async def _confirmed(hub: Hub, visit: Visit, contact: Contact, *, by: str) -> tuple[Confirmed, frozenset[Channel]]:
    await Contact.filter(id=contact.id).update(confirmed_at=visit.now, suspended_at=None, suspended_why="")
    await audit.record(hub.keys, EventKind.CONTACT_CONFIRMED, visit, contact.account_id, contact=contact.id, by=by)
    # However it was confirmed: what a reader disowns is the session that asked for it.
    asked = await Delivery.filter(contact_id=contact.id, letter=Letter.CONFIRMATION).order_by("-id").first()
    told = await notices.tell_all(
        hub,
        visit,
        contact.account_id,
        Notice.CONTACT_ADDED,
        about=contact.label,
        but=contact.id,
        by=asked.session_id if asked else None,
    )
    return Confirmed(contact.id, contact.label, await is_first(contact)), told


async def _by_token(hub: Hub, token: str) -> Challenge | None:
    """Find the confirmation that a mailed token belongs to; the token's id only says where to look."""
    challenge_id = challenges.id_in(token)
    if challenge_id is None:
        return None
    found = (
        await Challenge.filter(id=challenge_id, purpose=Purpose.CONFIRM).select_related("contact", "account").first()
    )
    if found is None:
        return None
    right = one_time_password.is_right(challenges.token_of(hub.keys, found), token.lower())
    return found if right else None
