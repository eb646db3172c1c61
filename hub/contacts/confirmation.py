"""A contact's confirmation: by its code, its URL or an answer to its mail; or its end, on the word of who got it."""

from dataclasses import dataclass, field
from datetime import datetime

from tortoise.transactions import in_transaction

from hub.authenticators import one_time_password
from hub.contacts import contacts, registration
from hub.context import Hub
from hub.desk import escalation
from hub.domain.identifiers import typed_code
from hub.domain.outcomes import Confirmed, Done, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.outbox.queue import topic_of
from hub.runtime import locks
from hub.security import audit, challenges
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from hub.verification import verify
from hub.verification.verify import Question, Right
from models.contact import Contact, RefusedAddress
from models.delivery import Delivery
from models.kinds import Channel, EventKind, Letter, Notice, Purpose
from models.login import Challenge


@dataclass(frozen=True, slots=True)
class LinkHere:
    """A mailed URL in a browser that is logged in to its account: one button confirms."""

    label: str
    account: str
    asked_at: datetime
    asked_from: str
    asked_with: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A mailed URL whose registration was stopped on the word of its reader."""


@dataclass(frozen=True, slots=True)
class LinkElsewhere:
    """A mailed URL in any other browser: the code, to be typed where the address was added; nothing confirms here."""

    label: str
    account: str
    code: str = field(repr=False)
    asked_at: datetime
    asked_from: str
    asked_with: str


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
        outcome = await _compared(hub, visit, account_id, contact_id, typed)
    return await _told(hub, outcome)


async def confirm_any(hub: Hub, visit: Visit, account_id: int, typed: str) -> Confirmed | Refused | Throttled:
    """Confirm whichever waiting contact of an account this code belongs to, for a door where none is named.

    A wrong code is a try of each that it was compared with.
    """
    async with in_transaction():
        await locks.take(account_id)
        waits = await _waiting_for(account_id, visit.now)
        if not waits:
            return Refused(Reason.CHALLENGE_OVER)
        code = typed_code(typed)
        meant = [one for one in waits if one_time_password.is_right(challenges.code_of(hub.keys, one), code)]
        if not meant and await _was_consumed(hub, account_id, code, visit.now):
            return Refused(Reason.ALREADY_CONFIRMED)
        first = (meant or waits)[0]
        outcome = await _compared(hub, visit, account_id, first.contact_id or 0, typed)
        if isinstance(outcome, Refused) and outcome.reason is not Reason.CODE_MISSHAPEN:
            for other in waits[1:]:
                await challenges.spend(other, now=visit.now)
    return await _told(hub, outcome)


async def opened_link(
    hub: Hub, session: Current | None, token: str, *, now: datetime
) -> LinkHere | LinkElsewhere | Confirmed | Stopped | Refused:
    """Tell what a mailed URL shows; changes nothing, whoever follows it."""
    challenge = await _by_token(hub, token)
    if challenge is not None and _is_stopped(challenge):
        return Stopped()
    if challenge is None or challenge.contact is None:
        return Refused(Reason.NOT_FOUND)
    contact = challenge.contact
    here = session is not None and session.account_id == challenge.account_id
    if contacts.is_confirmed(contact) and here:
        return Confirmed(contact.id, contact.label, await contacts.is_first(contact))
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
        await locks.take(session.account_id)
        challenge = await _by_token(hub, token)
        if challenge is None or challenge.contact is None or challenge.account_id != session.account_id:
            return Refused(Reason.NOT_FOUND)
        if contacts.is_confirmed(challenge.contact):
            return Refused(Reason.ALREADY_CONFIRMED)
        if not challenges.is_live(challenge, visit.now):
            return Refused(Reason.CHALLENGE_OVER)
        await challenges.consume(challenge, now=visit.now)
        confirmed, told = await _confirmed(hub, visit, challenge.contact, by="url")
    await notices.rouse(hub.outbox, told)
    await hub.wakeups.tell(topic_of(challenge.id))
    return confirmed


async def confirm_by_answer(
    hub: Hub, visit: Visit, challenge_id: int
) -> tuple[Confirmed, frozenset[Channel]] | Refused:
    """Confirm a contact on an answer from its own mailbox, in the caller's transaction; with it, whom to rouse."""
    challenge = await Challenge.filter(id=challenge_id, purpose=Purpose.CONFIRM).select_related("contact").first()
    if challenge is None or challenge.contact is None:
        return Refused(Reason.NOT_FOUND)
    if contacts.is_confirmed(challenge.contact):
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
            await locks.take(asked.account_id)
        # Read anew behind the account's row: what was confirmed meanwhile is refused no more.
        challenge = await _by_token(hub, token)
        if challenge is not None and _is_stopped(challenge):
            return Done()
        if challenge is None or challenge.contact is None or not challenges.is_live(challenge, visit.now):
            return Refused(Reason.CHALLENGE_OVER)
        contact = challenge.contact
        await RefusedAddress.create(
            account_id=contact.account_id, address_folded=contact.address_folded, refused_at=visit.now
        )
        # The challenge outlives its contact, so that the same form sent twice gets the same answer.
        await Challenge.filter(id=challenge.id).update(slot=None, revoked_at=visit.now, contact_id=None)
        await Contact.filter(id=contact.id, confirmed_at=None).delete()
        await audit.record(hub.keys, EventKind.CONTACT_REFUSED, visit, contact.account_id, label=contact.label)
        letter = await Delivery.filter(challenge_id=challenge.id).order_by("-id").first()
        is_desk_told = letter is not None and await escalation.tell(hub, visit, contact.account_id, letter)
    await escalation.rouse(hub, is_told=is_desk_told)
    await hub.wakeups.tell(topic_of(challenge.id))
    return Done()


def _is_stopped(challenge: Challenge) -> bool:
    """Tell whether who got a registration's mail has stopped it."""
    return challenge.revoked_at is not None and challenge.contact_id is None


async def withdraw(hub: Hub, visit: Visit, delivery: Delivery) -> Done | Refused:
    """Take a contact away again whose confirmation its mailbox's owner disowns, and close the address to the account.

    It goes even when it was confirmed, or when its confirmation has ended: the member could ask for it again.
    """
    async with in_transaction():
        await locks.take(delivery.account_id)
        contact = await Contact.get_or_none(id=delivery.contact_id or 0, address_folded=delivery.address_folded)
        if contact is None or contact.channel is not Channel.MAIL:
            return Refused(Reason.CHALLENGE_OVER)
        await Challenge.filter(slot=registration.slot_of(contact.id)).update(slot=None, revoked_at=visit.now)
        mine = RefusedAddress.filter(account_id=contact.account_id, address_folded=contact.address_folded)
        if not await mine.exists():
            await RefusedAddress.create(
                account_id=contact.account_id, address_folded=contact.address_folded, refused_at=visit.now
            )
        told = await contacts.unbind(hub, visit, contact, knows=True)
        await audit.record(hub.keys, EventKind.CONTACT_REFUSED, visit, contact.account_id, label=contact.label)
        is_desk_told = await escalation.tell(hub, visit, contact.account_id, delivery)
    await escalation.rouse(hub, is_told=is_desk_told)
    await notices.rouse(hub.outbox, told)
    return Done()


async def _waiting_for(account_id: int, now: datetime) -> list[Challenge]:
    """Read the confirmations of an account that can still be answered, the newest first."""
    found = await Challenge.filter(account_id=account_id, purpose=Purpose.CONFIRM, slot__isnull=False).order_by("-id")
    return [one for one in found if challenges.is_live(one, now)]


async def _was_consumed(hub: Hub, account_id: int, code: str, now: datetime) -> bool:
    """Tell whether a code has confirmed one of the account's contacts lately; it can't do so again."""
    used = Challenge.filter(account_id=account_id, purpose=Purpose.CONFIRM, answered_at__isnull=False)
    lately = await used.filter(issued_at__gt=now - NUMBERS.confirmation_life).order_by("-id").limit(NUMBERS.contacts)
    return any(one_time_password.is_right(challenges.code_of(hub.keys, one), code) for one in lately)


@dataclass(frozen=True, slots=True)
class _Right:
    """A contact that is confirmed once its transaction is committed, and who hears of it then."""

    confirmed: Confirmed
    told: frozenset[Channel]
    challenge_id: int


async def _compared(
    hub: Hub, visit: Visit, account_id: int, contact_id: int, typed: str
) -> _Right | Refused | Throttled:
    """Compare a typed code with the one a contact waits for, in the caller's transaction."""
    contact = await Contact.get_or_none(id=contact_id, account_id=account_id)
    if contact is None:
        return Refused(Reason.NOT_FOUND)
    challenge = await challenges.live(registration.slot_of(contact.id), now=visit.now)
    if challenge is None:
        return Refused(Reason.ALREADY_CONFIRMED if contact.confirmed_at else Reason.CHALLENGE_OVER)
    question = Question(account_id, challenge.kind, challenge, Purpose.CONFIRM)
    verdict = await verify.verify(hub, visit, question, typed)
    if not isinstance(verdict, Right):
        return verdict
    confirmed, told = await _confirmed(hub, visit, contact, by="code")
    return _Right(confirmed, told, challenge.id)


async def _told(hub: Hub, outcome: _Right | Refused | Throttled) -> Confirmed | Refused | Throttled:
    """Ring the bells of a confirmation, after its commit: whoever hears one looks at once."""
    if not isinstance(outcome, _Right):
        return outcome
    await notices.rouse(hub.outbox, outcome.told)
    await hub.wakeups.tell(topic_of(outcome.challenge_id))
    return outcome.confirmed


async def _confirmed(hub: Hub, visit: Visit, contact: Contact, *, by: str) -> tuple[Confirmed, frozenset[Channel]]:
    await Contact.filter(id=contact.id).update(confirmed_at=visit.now, suspended_at=None, suspended_why="")
    await audit.record(hub.keys, EventKind.CONTACT_CONFIRMED, visit, contact.account_id, contact=contact.id, by=by)
    # However it was confirmed: what a reader disowns is the session that asked for it.
    asked = await Delivery.filter(contact_id=contact.id, letter=Letter.CONFIRMATION).order_by("-id").first()
    told = await notices.tell_all(
        hub.outbox,
        visit,
        contact.account_id,
        Notice.CONTACT_ADDED,
        about=contact.label,
        but=contact.id,
        by=asked.session_id if asked else None,
    )
    return Confirmed(contact.id, contact.label, await contacts.is_first(contact)), told


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
