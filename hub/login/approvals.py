"""Approvals by number matching: which one a login has, whether one more may be asked, and who may give it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.transactions import in_transaction

from hub.authenticators.approval import DIGITS
from hub.contacts import slack_identity
from hub.context import Hub
from hub.domain.identifiers import typed_code
from hub.domain.outcomes import Approved, Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.outbox import redaction
from hub.outbox.queue import topic_of
from hub.runtime import locks
from hub.security import audit, challenges
from hub.settings import NUMBERS
from hub.verification import one_time_passwords, verify
from hub.verification.one_time_passwords import Sent
from hub.verification.verify import Question, Right
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, EventKind, Letter, Purpose
from models.login import Challenge, Login
from models.queries import where

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


async def ask(
    hub: Hub, visit: Visit, login: Login, contact: Contact, *, again: bool = False
) -> Sent | Refused | Throttled:
    """Ask a contact to approve a login, in the caller's transaction; its digits are drawn once.

    A login has one approval at a time. `again` says that the message was lost, so the one that lives goes out anew.
    """
    account = login.account
    until = one_time_passwords.kept_until(account, now=visit.now)
    if until is not None:
        return Refused(Reason.CODES_BLOCKED, until=until)
    await locks.take(account.id)
    living = await challenges.live(slot_of(login.id), now=visit.now)
    if living is not None and living.contact_id == contact.id and not again:
        last = await where(Delivery, challenge_id=living.id).first(order_by="-id")
        if last is not None and last.failed_at is None:
            # One that waits for Slack still is hurried up.
            await where(Delivery, id=last.id, lease="", due_at__isnull=False).update(due_at=visit.now)
            return Sent(living, last, posted=last.due_at is not None)
    wait = await _too_soon(account.id, now=visit.now)
    if wait:
        return Throttled(wait, Hold.APPROVALS)
    if living is not None and living.contact_id != contact.id:
        await challenges.revoke(living, now=visit.now)
        living = None
    challenge = living or await _minted(hub, visit, login, contact.id)
    if challenge is None:
        return Refused(Reason.APPROVAL_OVER)
    delivery = await hub.outbox.post_challenge(challenge, contact, account, visit, login_id=login.id)
    await audit.record(hub.keys, EventKind.APPROVAL_ASKED, visit, account.id, contact=contact.id, login=login.id)
    return Sent(challenge, delivery, posted=True)


@dataclass(frozen=True, slots=True)
class Requested:
    """A request for approval that waits for its digits: which login asks, in the language of its letter."""

    language: str
    account: str
    asked_from: str
    asked_with: str


async def opened(speaker: str, message_id: str, *, now: datetime) -> Requested | Refused:
    """Tell what a letter of this Message-ID asks to approve, and whether that still waits; changes nothing."""
    delivery = await asked_of(speaker, message_id)
    if delivery is None:
        return Refused(Reason.NOT_FOUND)
    challenge = await where(Challenge, id=delivery.challenge_id or 0).first()
    if challenge is None or challenge.approved_at is not None or await _is_over(delivery, now):
        return Refused(Reason.ALREADY_APPROVED if challenge and challenge.approved_at else Reason.APPROVAL_OVER)
    account = await where(Account, id=delivery.account_id).one()
    return Requested(delivery.language, account.name, delivery.asked_from, delivery.asked_with)


async def approve(hub: Hub, visit: Visit, speaker: str, message_id: str, typed: str) -> Approved | Refused | Throttled:
    """Approve the login that a letter of this Message-ID asks about, with the digits on its page.

    Whoever speaks is not logged in by it. A wrong number ends the login and counts. What can be no number at all costs
    nothing.
    """
    digits = typed_code(typed)
    if not (len(digits) == DIGITS and digits.isascii() and digits.isdecimal()):
        return Refused(Reason.DIGITS_MISSING)
    async with in_transaction():
        delivery = await asked_of(speaker, message_id)
        if delivery is None:
            return Refused(Reason.NOT_FOUND)
        await locks.take(delivery.account_id)
        challenge = await where(Challenge, id=delivery.challenge_id or 0).first()
        if await _is_over(delivery, visit.now) or challenge is None:
            return Refused(Reason.ALREADY_APPROVED if challenge and challenge.approved_at else Reason.APPROVAL_OVER)
        question = Question(delivery.account_id, AuthenticatorKind.APPROVAL, challenge, login_id=delivery.login_id)
        verdict = await verify.verify(hub, visit, question, digits)
        match verdict:
            case Right():
                login_id = delivery.login_id
                await audit.record(hub.keys, EventKind.APPROVED, visit, delivery.account_id, login=login_id)
            case Refused(Reason.DIGITS_WRONG):
                await where(Login, id=delivery.login_id or 0, ended_at=None).update(ended_at=visit.now)
        account = await where(Account, id=delivery.account_id).one()
    await hub.wakeups.tell(topic_of(challenge.id))
    await verify.rouse(hub, verdict)
    # The message there is rewritten.
    await hub.wakeups.tell(redaction.ENDED)
    return Approved(account.name, delivery.label) if isinstance(verdict, Right) else verdict


async def asked_of(speaker: str, message_id: str) -> Delivery | None:
    """Find the request for approval of this Message-ID that went to this speaker; None for anybody else's."""
    delivery = await where(Delivery, message_id=f"<{message_id}>", letter=Letter.APPROVAL).first()
    contact = await slack_identity.contact_of(speaker)
    if delivery is None or contact is None or delivery.contact_id != contact.id:
        return None
    return delivery


def slot_of(login_id: int) -> str:
    """Name the one place of a login's approval."""
    return f"approval:{login_id}"


async def _is_over(delivery: Delivery, now: datetime) -> bool:
    """Tell whether the login that asked has ended, run out, or asks something else by now."""
    waiting = await where(Login, id=delivery.login_id or 0, ended_at=None, expires_at__gt=now).first()
    return waiting is None or waiting.challenge_id != delivery.challenge_id


async def _too_soon(account_id: int, *, now: datetime) -> timedelta:
    """Tell how long until an account may be asked once more; zero when it may at once."""
    asked = await where(Delivery, account_id=account_id, letter=Letter.APPROVAL, posted_at__gt=now - _DAY).all(
        order_by="-posted_at", limit=NUMBERS.approvals_a_day
    )
    times = [row.posted_at for row in asked]
    hour = one_time_passwords.until_room(times, NUMBERS.approvals_an_hour, _HOUR, now)
    return max(hour, one_time_passwords.until_room(times, NUMBERS.approvals_a_day, _DAY, now))


async def _minted(hub: Hub, visit: Visit, login: Login, contact_id: int) -> Challenge | None:
    fresh = challenges.draft(
        hub.keys,
        account_id=login.account_id,
        kind=AuthenticatorKind.APPROVAL,
        purpose=Purpose.LOGIN,
        slot=slot_of(login.id),
        now=visit.now,
    )
    fresh.contact_id, fresh.login_id = contact_id, login.id
    fresh.tries_left = 1
    fresh.expires_at = min(visit.now + NUMBERS.code_life, login.expires_at)
    return await challenges.mint(fresh)
