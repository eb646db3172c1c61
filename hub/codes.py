"""Codes to contacts: which challenge a contact has, whether one more may be sent, and the letter that carries it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import audit, challenges, fading, turns
from hub.hub import Hub
from hub.outcome import Reason, Refused, Throttled
from hub.settings import NUMBERS
from hub.visit import Visit
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, EventKind, Letter, Purpose
from models.login import Challenge, Login
from models.rows import where

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """A live challenge and how its last letter stands."""

    challenge: Challenge
    delivery: Delivery
    posted: bool


@dataclass(frozen=True, slots=True)
class Posting:
    """When a letter went to which contact."""

    contact_id: int | None
    at: datetime


async def ask(
    hub: Hub, visit: Visit, login: Login, contact: Contact, *, again: bool = False
) -> Sent | Refused | Throttled:
    """Send the contact's code, in the caller's transaction: the same code while it lives, else a fresh one.

    `again` says that the claimant pressed "Send again", so a letter just sent is no answer. Refused while somebody's
    "this was not me" keeps codes from the account.
    """
    account = login.account
    until = kept_until(account, now=visit.now)
    if until is not None:
        return Refused(Reason.CODES_BLOCKED, until=until)
    # Many logins at once must not each find that nothing was sent yet.
    await turns.take(account.id)
    living = await challenges.live(slot_of(contact.id), now=visit.now)
    wait = too_soon(await _postings(account.id, visit.now), contact.id, now=visit.now)
    if living is not None:
        last = await where(Delivery, challenge_id=living.id).first(order_by="-id")
        if last is not None and last.due_at is not None:
            # It waits for the mail server still: hurry it up instead of sending two.
            await where(Delivery, id=last.id, lease="").update(due_at=visit.now)
            return Sent(living, last, posted=True)
        if wait and last is not None:
            return Throttled(wait) if again else Sent(living, last, posted=False)
    if wait:
        return Throttled(wait)
    challenge = living or await _minted(hub, visit, account.id, contact.id)
    if challenge is None:
        return Throttled(NUMBERS.sent_gap)
    delivery = await hub.outbox.post_challenge(challenge, contact, account, visit, login_id=login.id)
    await audit.record(hub.keys, EventKind.CODE_ASKED, visit, account.id, contact=contact.id)
    return Sent(challenge, delivery, posted=True)


async def tell_if_ended(hub: Hub, challenge: Challenge, *, now: datetime) -> None:
    """Wake the door that rewrites messages whose code has ended; call it after the commit."""
    if challenge.contact_id is None or not hub.settings.has_slack:
        return
    contact = await where(Contact, id=challenge.contact_id).first()
    current = await where(Challenge, id=challenge.id).first()
    if contact is not None and contact.channel is Channel.SLACK and not (current and challenges.is_live(current, now)):
        await hub.wakeups.tell(fading.ENDED)


async def revoke_unused(hub: Hub, login: Login, *, now: datetime) -> None:
    """Revoke what a login that has ended asked of Slack and did not use, unless another login waits for it.

    In the caller's transaction. Its message loses the code like one that was used.
    """
    if not hub.settings.has_slack:
        return
    posted = where(Delivery, account_id=login.account_id, posted_at__gte=login.begun_at, channel=Channel.SLACK)
    asked = {row.challenge_id for row in await posted.all() if row.login_id == login.id} - {None, login.challenge_id}
    for challenge in await where(Challenge, id__in=sorted(one for one in asked if one)).all() if asked else []:
        waiting = where(Login, challenge_id=challenge.id, ended_at=None, expires_at__gt=now)
        if challenges.is_live(challenge, now) and await waiting.first() is None:
            await challenges.revoke(challenge, now=now)


def kept_until(account: Account, *, now: datetime) -> datetime | None:
    """Tell until when codes are kept from an account; None when they are not."""
    until = account.codes_blocked_until
    return until if until is not None and now < until else None


def too_soon(postings: Sequence[Posting], contact_id: int, *, now: datetime) -> timedelta:
    """PURE: tell how long until one more code may go to a contact; zero when it may at once."""
    here = [posting.at for posting in postings if posting.contact_id == contact_id]
    everywhere = [posting.at for posting in postings]
    waits = [
        until_room(here, 1, NUMBERS.sent_gap, now),
        until_room(here, NUMBERS.sent_an_hour, _HOUR, now),
        until_room(here, NUMBERS.sent_a_day, _DAY, now),
        until_room(everywhere, NUMBERS.sent_an_hour_to_account, _HOUR, now),
        until_room(everywhere, NUMBERS.sent_a_day_to_account, _DAY, now),
    ]
    return max(waits)


def resend_at(postings: Sequence[Posting], contact_id: int, *, now: datetime) -> datetime:
    """PURE: tell from when "Send again" is heard."""
    return now + too_soon(postings, contact_id, now=now)


def slot_of(contact_id: int) -> str:
    """Name the one place of a contact's code, shared by all logins of its account."""
    return f"code:{contact_id}"


def until_room(times: Sequence[datetime], most: int, span: timedelta, now: datetime) -> timedelta:
    """PURE: tell how long until fewer than `most` of these times are within the span."""
    within = sorted(at for at in times if at > now - span)
    if len(within) < most:
        return timedelta()
    return within[-most] + span - now


async def _postings(account_id: int, now: datetime) -> list[Posting]:
    rows = await where(Delivery, account_id=account_id, letter=Letter.CODE, posted_at__gt=now - _DAY).all()
    return [Posting(row.contact_id, row.posted_at) for row in rows]


async def _minted(hub: Hub, visit: Visit, account_id: int, contact_id: int) -> Challenge | None:
    living = where(
        Challenge,
        account_id=account_id,
        kind=AuthenticatorKind.ONE_TIME_PASSWORD,
        purpose=Purpose.LOGIN,
        slot__isnull=False,
        expires_at__gt=visit.now,
    )
    if await living.count() >= NUMBERS.live_challenges:
        return None
    fresh = challenges.draft(
        hub.keys,
        account_id=account_id,
        kind=AuthenticatorKind.ONE_TIME_PASSWORD,
        purpose=Purpose.LOGIN,
        slot=slot_of(contact_id),
        now=visit.now,
    )
    fresh.contact_id = contact_id
    fresh.tries_left = NUMBERS.code_tries
    fresh.expires_at = visit.now + NUMBERS.code_life
    # Two logins at once may choose the same label: one mints, the other finds what was minted.
    return await challenges.mint(fresh) or await challenges.live(slot_of(contact_id), now=visit.now)
