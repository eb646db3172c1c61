"""The life of what was sent to an account, as the help desk reads it: asked for, tried, handed over, used, over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hub.accounts import accounts
from hub.context import Hub
from hub.domain.errors import KeyRingError
from hub.domain.identifiers import shown_address
from hub.domain.outcomes import DeliveryState
from hub.outbox.messages import line_of
from hub.security import challenges
from hub.security.keyring import KeyRing
from models.delivery import Delivery
from models.kinds import Channel, Letter
from models.login import Challenge

_BY = {Channel.MAIL: "by mail", Channel.SLACK: "by Slack"}
_USED = {Letter.CODE: "used", Letter.APPROVAL: "used", Letter.CONFIRMATION: "confirmed"}
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class DeliveryLife:
    """One letter with all its times; it never holds the code."""

    id: int
    letter: Letter
    notice: str
    channel: Channel
    label: str
    address: str
    asked_at: datetime
    asked_from: str
    asked_with: str
    state: DeliveryState
    attempts: int
    is_in_hand: bool
    next_attempt_at: datetime | None
    accepted_at: datetime | None
    delayed_at: datetime | None
    unknown_at: datetime | None
    failed_at: datetime | None
    # The server's own words, or the hub's reason to give up.
    reply: str
    expires_at: datetime
    has_challenge: bool
    approved_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None
    tries_left: int | None
    disowned_at: datetime | None
    replied_at: datetime | None


async def listed(hub: Hub, name: str, *, limit: int, now: datetime) -> list[DeliveryLife]:
    """List the newest `limit` letters of an account, newest last; RefusedError when there is no account."""
    account = await accounts.find(name)
    chosen = Delivery.filter(account_id=account.id).order_by("-posted_at", "-id").limit(limit)
    rows = await chosen.select_related("challenge")
    return [life_of(row, _reply(hub.keys, row), now) for row in reversed(rows)]


def life_of(row: Delivery, reply: str, now: datetime) -> DeliveryLife:
    """PURE: turn a delivery with its challenge into its life; `reply` is the server's words without the code."""
    challenge = _challenge(row)
    return DeliveryLife(
        id=row.id,
        letter=row.letter,
        notice=row.notice,
        channel=row.channel,
        label=row.label,
        address=shown_address(row.address) if row.channel is Channel.MAIL else row.address,
        asked_at=row.posted_at,
        asked_from=row.asked_from,
        asked_with=row.asked_with,
        state=line_of(row, now).state,
        attempts=row.attempts,
        is_in_hand=bool(row.lease) and row.due_at is not None and row.due_at > now,
        next_attempt_at=row.due_at if row.expires_at > now else None,
        accepted_at=row.accepted_at,
        delayed_at=row.delayed_at,
        unknown_at=row.unknown_at,
        failed_at=row.failed_at,
        reply=reply,
        expires_at=(challenge.expires_at if challenge else None) or row.expires_at,
        has_challenge=challenge is not None,
        approved_at=challenge.approved_at if challenge else None,
        used_at=challenge.answered_at if challenge else None,
        revoked_at=challenge.revoked_at if challenge else None,
        tries_left=challenge.tries_left if challenge else None,
        disowned_at=row.disowned_at,
        replied_at=row.replied_at,
    )


def words_of(life: DeliveryLife, now: datetime) -> tuple[str, ...]:
    """PURE: tell a letter's life in lines, the first of them what it is."""
    what = f"{life.letter} {life.notice}" if life.notice else str(life.letter)
    head = f"{life.id}  {what} {_BY[life.channel]} to {life.label} ({life.address})"
    return head, _asked(life), *_delivered(life), *_answered(life, now)


def _asked(life: DeliveryLife) -> str:
    verb = "asked for" if life.letter in _USED else "written"
    place = f" from {life.asked_from}" if life.asked_from else ""
    return f"{verb} {_at(life.asked_at)}{place}{f' ({life.asked_with})' if life.asked_with else ''}"


def _delivered(life: DeliveryLife) -> Iterator[str]:
    """Tell how far it came, in the order of events; the words belong to the last one."""
    said = f': "{life.reply}"' if life.reply else ""
    tried = "1 try" if life.attempts == 1 else f"{life.attempts} tries"
    came_back = life.failed_at or life.delayed_at
    if life.accepted_at:
        yield f"handed over {_at(life.accepted_at)} after {tried}{'' if came_back else said}"
        if life.failed_at:
            yield f"a bounce came back {_at(life.failed_at)}{said}"
        elif life.delayed_at:
            yield f"a report of a delay came back {_at(life.delayed_at)}{said}"
        return
    if life.failed_at:
        verb = "refused" if life.reply.startswith("5") else "given up"
        yield f"{verb} {_at(life.failed_at)} after {tried}{said}"
        return
    if life.unknown_at:
        yield f"may have arrived: the server did not say so {_at(life.unknown_at)}, after {tried}{said}"
    elif life.attempts and not life.is_in_hand:
        yield f"not handed over yet after {tried}{said}"
    yield _next(life)


def _next(life: DeliveryLife) -> str:
    if life.next_attempt_at is None:
        return "no more tries"
    if life.is_in_hand:
        return f"try {life.attempts} is under way"
    which = "next" if life.attempts else "first"
    return f"waits; the {which} try is due {_at(life.next_attempt_at)}"


def _answered(life: DeliveryLife, now: datetime) -> Iterator[str]:
    """Tell what became of what it carried."""
    if life.disowned_at:
        yield f'disowned ("This was not me") {_at(life.disowned_at)}'
    if life.replied_at:
        yield f"answered by the member {_at(life.replied_at)}"
    if life.letter not in _USED:
        return
    if not life.has_challenge:
        yield "whether it was used is not known any more: its contact was removed"
        return
    if life.approved_at:
        yield f"approved {_at(life.approved_at)}"
    if life.used_at:
        yield f"{_USED[life.letter]} {_at(life.used_at)}"
        return
    yield _unused(life, now)


def _unused(life: DeliveryLife, now: datetime) -> str:
    if life.tries_left is not None and life.tries_left <= 0:
        return "over: too many wrong answers"
    if life.revoked_at:
        return f"over {_at(life.revoked_at)}, not used: withdrawn or replaced"
    if life.expires_at <= now:
        return f"over {_at(life.expires_at)}, not used: its time was over"
    return f"not used yet; good until {_at(life.expires_at)}"


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _challenge(row: Delivery) -> Challenge | None:
    return row.challenge if row.challenge_id is not None else None


def _reply(keys: KeyRing, row: Delivery) -> str:
    """Give the server's words; some servers quote the letter that they refuse."""
    challenge = _challenge(row)
    if challenge is None or row.letter is Letter.APPROVAL or not row.reply:
        return row.reply
    try:
        code, token = challenges.code_of(keys, challenge), challenges.token_of(keys, challenge)
    except KeyRingError:
        # Its key was taken out of the ring, so the code is good for nothing.
        return row.reply
    return re.sub(r"[\s-]?".join(code), _HIDDEN, row.reply.replace(token, _HIDDEN))
