"""What ends when the reader of a letter says that it was not them; nobody is ever logged in by it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from prometheus_client import Counter
from tortoise.transactions import in_transaction

from hub.contacts import confirmation
from hub.context import Hub
from hub.desk import escalation
from hub.domain.outcomes import Done, Reason, Refused
from hub.domain.request_context import Visit
from hub.outbox import message_tokens, notices
from hub.outbox.queue import is_disownable
from hub.recovery import rollback
from hub.runtime import locks
from hub.security import audit, challenges
from hub.sessions import ending
from hub.sessions.ending import Ended
from hub.settings import NUMBERS
from hub.verification import verify
from models.account import Account
from models.delivery import Delivery
from models.kinds import Channel, EventKind, Letter
from models.queries import where
from models.session import Session

# What is typed without an answer's reference is about what came a short time ago.
_TYPED_WITHIN = timedelta(hours=1)
_LOOKED_AT = 10
_log = structlog.get_logger(__name__)
_disowned = Counter("tegata_disowned_total", "Letters whose reader said that it was not them.", ["letter"])


class Ends(StrEnum):
    """What ends when a letter is disowned."""

    LOGIN = "login"
    SESSION = "session"
    REGISTRATION = "registration"


@dataclass(frozen=True, slots=True)
class Disownable:
    """What a letter told of, for its reader to disown; `done_at` when that was done already."""

    ends: Ends
    account: str
    asked_at: datetime
    asked_from: str
    asked_with: str
    done_at: datetime | None
    codes_from: datetime | None
    is_desk_told: bool


@dataclass(frozen=True, slots=True)
class Disowned:
    """It is ended; no codes are sent to the account until `codes_from`, which is None for a registration."""

    ends: Ends
    codes_from: datetime | None
    is_desk_told: bool = False


@dataclass(frozen=True, slots=True)
class Locked:
    """All is ended; no codes are sent to the account until `codes_from`."""

    sessions: int
    logins: int
    codes_from: datetime | None
    is_desk_told: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A letter that somebody did receive."""

    id: int
    language: str
    # Where its message is, as its door reported it.
    remote: str = ""


async def opened_link(hub: Hub, token: str, *, now: datetime) -> Disownable | Refused:
    """Tell what a mailed URL would end; changes nothing, whoever follows it."""
    delivery = await _by_token(hub, token, now)
    if delivery is None:
        return Refused(Reason.NOT_FOUND)
    return Disownable(
        _ends(delivery),
        delivery.account.name,
        delivery.posted_at,
        delivery.asked_from,
        delivery.asked_with,
        delivery.disowned_at,
        _codes_from(delivery, now),
        await escalation.was_told_of(delivery),
    )


def _codes_from(delivery: Delivery, now: datetime) -> datetime | None:
    """Tell until when no codes are sent because of this; None for a registration, and when codes are sent."""
    until = delivery.account.codes_blocked_until
    is_of_it = delivery.disowned_at is not None and _ends(delivery) is not Ends.REGISTRATION
    return until if is_of_it and until is not None and now < until else None


async def disown_with_link(hub: Hub, visit: Visit, token: str) -> Disowned | Refused:
    """Disown what a mailed letter told of; the token is all that it takes, in whatever browser."""
    delivery = await _by_token(hub, token, visit.now)
    return await disown(hub, visit, delivery.id) if delivery else Refused(Reason.NOT_FOUND)


async def received(message_id: str, *, channel: Channel, address: str, now: datetime) -> Received | None:
    """Find a letter of this Message-ID that went to this very address and can be disowned still; else None."""
    # Tortoise's own filter raises an error where the text is too long for the column.
    delivery = await where(Delivery, message_id=f"<{message_id}>", channel=channel, address=address).first()
    if delivery is None or not is_disownable(delivery) or delivery.posted_at + NUMBERS.not_me_life <= now:
        return None
    return Received(delivery.id, delivery.language, delivery.remote)


async def latest(*, channel: Channel, address: str, now: datetime, remote: str = "") -> Received | None:
    """Find the letter that a denial typed to its channel is about: the one at `remote`, or else the last of an hour."""
    since = now - (NUMBERS.not_me_life if remote else _TYPED_WITHIN)
    # One whose report is not in yet may be on the member's screen.
    sent = Delivery.filter(channel=channel, address=address, posted_at__gt=since)
    if remote:
        sent = sent.filter(remote=remote)
    found = next(
        (one for one in await sent.order_by("-posted_at", "-id").limit(_LOOKED_AT) if is_disownable(one)), None
    )
    return Received(found.id, found.language, found.remote) if found else None


async def disown(hub: Hub, visit: Visit, delivery_id: int) -> Disowned | Refused:
    """Disown what a delivery told of, for a door that has made sure of who says so; a second time changes nothing.

    A code: its login ends, and whatever session that opened. A notice: the session in which it was done ends, and
    the login behind it. What such a session bound goes with it. A confirmation: only the registration ends, for its
    reader may be no member at all.
    """
    delivery = await Delivery.filter(id=delivery_id).select_related("account", "challenge").first()
    if delivery is None or not is_disownable(delivery):
        return Refused(Reason.NOT_FOUND)
    if _ends(delivery) is Ends.REGISTRATION:
        return await _registration_stopped(hub, visit, delivery)
    async with in_transaction():
        # The account before the delivery, as a mail that says the same has it: else each waits for the other.
        await locks.take(delivery.account_id)
        fresh = await Delivery.filter(id=delivery.id, disowned_at=None).update(disowned_at=visit.now) == 1
        ended = await _ended(hub, visit, delivery) if fresh else Ended(0, 0, ())
        told = await rollback.undo(hub, visit, delivery) if fresh else frozenset()
        account = await Account.get(id=delivery.account_id)
        is_desk_told = (
            await escalation.tell(hub, visit, account.id, delivery) if fresh else await escalation.was_told_of(delivery)
        )
    await ending.announce(hub, ended)
    await escalation.rouse(hub, is_told=is_desk_told)
    await notices.rouse(hub.outbox, told)
    return Disowned(_ends(delivery), account.codes_blocked_until, is_desk_told)


async def lock(hub: Hub, visit: Visit, account_id: int) -> Locked:
    """End every login and session of an account on its member's own word, and keep codes away for a while."""
    async with in_transaction():
        ended = await ending.end_all(account_id, now=visit.now)
        await _codes_paused(account_id, visit.now)
        account = await Account.get(id=account_id)
        # The help desk finds it where it finds every "this was not me".
        await audit.record(
            hub.keys,
            EventKind.DISOWNED,
            visit,
            account_id,
            asked_from=visit.address,
            sessions=ended.sessions,
            logins=ended.logins,
        )
        is_desk_told = await escalation.tell(hub, visit, account_id, None)
    _disowned.labels("chat").inc()
    _log.warning("account.disowned", account_id=account_id, letter="chat", asked_from=visit.address)
    await ending.announce(hub, ended)
    await escalation.rouse(hub, is_told=is_desk_told)
    return Locked(ended.sessions, ended.logins, account.codes_blocked_until, is_desk_told)


async def _ended(hub: Hub, visit: Visit, delivery: Delivery) -> Ended:
    """End what the delivery announced, in the caller's transaction."""
    now, account_id = visit.now, delivery.account_id
    if delivery.letter is Letter.APPROVAL:
        await verify.count_denied(account_id, now=now)
    await _codes_paused(account_id, now)
    # Who asked for a contact may be the one who is disowned, and its own mailbox would confirm it.
    attempts = await ending.end_attempts(account_id, now=now)
    ended = await _sessions_ended(delivery, now)
    await audit.record(
        hub.keys,
        EventKind.DISOWNED,
        visit,
        account_id,
        letter=str(delivery.letter),
        notice=delivery.notice or None,
        asked_from=delivery.asked_from,
        pressed_with=visit.browser,
        sessions=ended,
        logins=attempts.logins,
    )
    _disowned.labels(str(delivery.letter)).inc()
    _log.warning(
        "account.disowned",
        account_id=account_id,
        letter=str(delivery.letter),
        pressed_from=visit.address,
        pressed_with=visit.browser,
    )
    return attempts


async def _codes_paused(account_id: int, now: datetime) -> None:
    await Account.filter(id=account_id).update(codes_blocked_until=now + NUMBERS.codes_blocked)


async def _sessions_ended(delivery: Delivery, now: datetime) -> int:
    """End the sessions that the delivery's login opened, or in which its cause was done."""
    mine = Session.filter(rollback.told_of(delivery), account_id=delivery.account_id, ended_at=None)
    return await mine.update(ended_at=now, stepped_up_at=None)


async def _registration_stopped(hub: Hub, visit: Visit, delivery: Delivery) -> Disowned | Refused:
    """Stop a registration; one that was confirmed by then is undone, for the word of the mailbox's owner counts."""
    if delivery.challenge is None:
        return Refused(Reason.NOT_FOUND)
    outcome = await confirmation.refuse(hub, visit, challenges.token_of(hub.keys, delivery.challenge))
    if isinstance(outcome, Refused):
        outcome = await confirmation.withdraw(hub, visit, delivery)
    if not isinstance(outcome, Done):
        return outcome
    await Delivery.filter(id=delivery.id).update(disowned_at=visit.now)
    _disowned.labels(str(delivery.letter)).inc()
    return Disowned(Ends.REGISTRATION, None)


def _ends(delivery: Delivery) -> Ends:
    match delivery.letter:
        case Letter.CODE | Letter.APPROVAL:
            return Ends.LOGIN
        case Letter.CONFIRMATION:
            return Ends.REGISTRATION
        case Letter.NOTICE | Letter.ANSWER:
            return Ends.SESSION


async def _by_token(hub: Hub, token: str, now: datetime) -> Delivery | None:
    """Find the delivery that a mailed token belongs to; the token's id only says where to look."""
    delivery_id = challenges.id_in(token)
    if delivery_id is None:
        return None
    found = await Delivery.filter(id=delivery_id).select_related("account").first()
    if found is None or not is_disownable(found) or not message_tokens.is_right(hub.keys, found, token, now=now):
        return None
    return found
