"""Codes to contacts: which challenge a contact has, whether one more may be sent, and the letter that carries it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.context import Hub
from hub.domain import clock
from hub.domain.outcomes import Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.outbox import redaction
from hub.outbox.queue import was_sent_again
from hub.runtime import locks
from hub.security import audit, challenges
from hub.sessions import known_browsers
from hub.settings import NUMBERS
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, EventKind, Letter, Purpose
from models.login import Challenge, Login
from models.queries import Where, where

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """A live challenge and how its last letter stands; `resend_at` is from when it may go out again."""

    challenge: Challenge
    delivery: Delivery
    posted: bool
    resend_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """When a letter went to which contact, and which login asked for it."""

    contact_id: int | None
    at: datetime
    login_id: int | None = None


async def ask(
    hub: Hub, visit: Visit, login: Login, contact: Contact, *, again: bool = False
) -> Sent | Refused | Throttled:
    """Send this login's code to a contact, in the caller's transaction: the same code while it lives, else a fresh one.

    It opens this login and no other. `again` says that the claimant pressed "Send again", so a letter just sent is no
    answer. Refused while a report of "this was not me" keeps codes from the account.
    """
    account = login.account
    until = kept_until(account, now=visit.now)
    if until is not None:
        return Refused(Reason.CODES_BLOCKED, until=until)
    # Many logins at once must not each find that nothing was sent yet.
    await locks.take(account.id)
    living = await challenges.live(slot_of(contact.id, login.id), now=visit.now)
    postings = await _postings(account.id, visit.now)
    wait = too_soon(postings, contact.id, now=visit.now)
    resend_at = visit.now + wait
    if living is not None:
        last = await where(Delivery, challenge_id=living.id).first(order_by="-id")
        if last is not None and last.due_at is not None:
            # It waits for the mail server still: hurry it up instead of sending two.
            await where(Delivery, id=last.id, lease="").update(due_at=visit.now)
            return Sent(living, last, posted=True, resend_at=resend_at)
        if wait and last is not None and (not again or await was_sent_again(challenge_id=living.id, now=visit.now)):
            return Sent(living, last, posted=False, resend_at=resend_at)
    if wait:
        return await _held(hub, visit, login, contact.id, postings)
    challenge = living or await _minted(hub, visit, login, contact.id)
    if challenge is None:
        return Throttled(await _until_one_ends(account.id, now=visit.now), Hold.CODES_LIVE)
    delivery = await hub.outbox.post_challenge(challenge, contact, account, visit, login_id=login.id)
    await audit.record(hub.keys, EventKind.CODE_ASKED, visit, account.id, contact=contact.id)
    return Sent(challenge, delivery, posted=True, resend_at=visit.now + NUMBERS.sent_gap)


async def tell_if_ended(hub: Hub, challenge: Challenge, *, now: datetime) -> None:
    """Wake the door that rewrites messages whose code has ended; call it after the commit."""
    if challenge.contact_id is None or not hub.settings.has_slack:
        return
    contact = await where(Contact, id=challenge.contact_id).first()
    current = await where(Challenge, id=challenge.id).first()
    if contact is not None and contact.channel is Channel.SLACK and not (current and challenges.is_live(current, now)):
        await hub.wakeups.tell(redaction.ENDED)


async def revoke_unused(login: Login, *, now: datetime) -> None:
    """Revoke the codes and approvals that a login asked for and did not use, now that it has ended.

    In the caller's transaction. A message in Slack loses the code like one that was used.
    """
    lately = where(Challenge, account_id=login.account_id, purpose=Purpose.LOGIN, issued_at__gt=now - NUMBERS.code_life)
    for challenge in await lately.all():
        if challenge.login_id == login.id and challenge.id != login.challenge_id and challenges.is_live(challenge, now):
            await challenges.revoke(challenge, now=now)


def kept_until(account: Account, *, now: datetime) -> datetime | None:
    """Tell until when codes are kept from an account; None when they are not."""
    until = account.codes_blocked_until
    # A pause that no right clock can have begun is over.
    if until is None or not clock.has_come(until - NUMBERS.codes_blocked, now):
        return None
    return until if now < until else None


def too_soon(postings: Sequence[Posting], contact_id: int, *, now: datetime) -> timedelta:
    """PURE: tell how long until one more code may go to a contact; zero when it may at once."""
    return max(waits_of(postings, contact_id, now=now).values())


def waits_of(postings: Sequence[Posting], contact_id: int, *, now: datetime) -> dict[Hold, timedelta]:
    """PURE: tell how long each limit keeps one more code from a contact."""
    here = [posting.at for posting in postings if posting.contact_id == contact_id]
    everywhere = [posting.at for posting in postings]
    return {
        Hold.SENT: until_room(here, 1, NUMBERS.sent_gap, now),
        Hold.SENT_AN_HOUR: until_room(here, NUMBERS.sent_an_hour, _HOUR, now),
        Hold.SENT_A_DAY: until_room(here, NUMBERS.sent_a_day, _DAY, now),
        Hold.SENT_TO_ACCOUNT: until_room(everywhere, NUMBERS.sent_an_hour_to_account, _HOUR, now),
        Hold.SENT_TO_ACCOUNT_A_DAY: until_room(everywhere, NUMBERS.sent_a_day_to_account, _DAY, now),
    }


async def resend_at(account_id: int, contact_id: int, *, now: datetime) -> datetime:
    """Tell from when on "Send again" is heard."""
    return now + too_soon(await _postings(account_id, now), contact_id, now=now)


def slot_of(contact_id: int, login_id: int) -> str:
    """Name the one place of the code that a login asks of a contact."""
    return f"code:{contact_id}:{login_id}"


async def _held(hub: Hub, visit: Visit, login: Login, contact_id: int, postings: Sequence[Posting]) -> Throttled:
    """Tell which limit keeps a code back, and in case of the gap between two codes, whose the one before was."""
    waits = waits_of(postings, contact_id, now=visit.now)
    why = max(waits, key=lambda hold: waits[hold])
    if why is not Hold.SENT:
        return Throttled(waits[why], why)
    last = max((one for one in postings if one.contact_id == contact_id), key=lambda one: one.at)
    is_own = last.login_id == login.id or await _is_of_browser(hub, visit, login.account_id, last.login_id)
    return Throttled(waits[why], Hold.SENT if is_own else Hold.SENT_ELSEWHERE, visit.now - last.at)


async def _is_of_browser(hub: Hub, visit: Visit, account_id: int, login_id: int | None) -> bool:
    """Tell whether the browser of this visit was at another login."""
    other = await where(Login, id=login_id or 0, account_id=account_id).first()
    return other is not None and other.known_by in known_browsers.digests_of(hub, visit, account_id)


async def _until_one_ends(account_id: int, *, now: datetime) -> timedelta:
    """Tell how long until the first of an account's living codes ends."""
    ends = [one.expires_at - now for one in await _living(account_id, now).all() if one.expires_at is not None]
    return min(ends, default=NUMBERS.sent_gap)


def until_room(times: Sequence[datetime], most: int, span: timedelta, now: datetime) -> timedelta:
    """PURE: tell how long until fewer than `most` of these times are within the span."""
    within = sorted(at for at in times if at > now - span and clock.has_come(at, now))
    if len(within) < most:
        return timedelta()
    return within[-most] + span - now


async def _postings(account_id: int, now: datetime) -> list[Posting]:
    rows = await where(Delivery, account_id=account_id, letter=Letter.CODE, posted_at__gt=now - _DAY).all()
    return [Posting(row.contact_id, row.posted_at, row.login_id) for row in rows]


def _living(account_id: int, now: datetime) -> Where[Challenge]:
    return where(
        Challenge,
        account_id=account_id,
        kind=AuthenticatorKind.ONE_TIME_PASSWORD,
        purpose=Purpose.LOGIN,
        slot__isnull=False,
        expires_at__gt=now,
        issued_at__lte=clock.latest(now),
    )


async def _minted(hub: Hub, visit: Visit, login: Login, contact_id: int) -> Challenge | None:
    if await _living(login.account_id, visit.now).count() >= NUMBERS.live_challenges:
        return None
    slot = slot_of(contact_id, login.id)
    fresh = challenges.draft(
        hub.keys,
        account_id=login.account_id,
        kind=AuthenticatorKind.ONE_TIME_PASSWORD,
        purpose=Purpose.LOGIN,
        slot=slot,
        now=visit.now,
    )
    fresh.contact_id, fresh.login_id = contact_id, login.id
    fresh.tries_left = NUMBERS.code_tries
    fresh.expires_at = visit.now + NUMBERS.code_life
    # A form that arrives twice chooses the same label: one mints, the other finds what was minted.
    return await challenges.mint(fresh) or await challenges.live(slot, now=visit.now)
