"""Which messages still show a code that has ended, so that their door rewrites them; each is given to one worker."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tortoise.expressions import Q

from hub.settings import NUMBERS
from models.delivery import Delivery
from models.kinds import Letter

# Told when a code has ended before its time.
ENDED = "codes-ended"
_MARK = "fading"
_FAR = 200


class Ending(StrEnum):
    """What a code came to."""

    USED = "used"
    OVER = "over"
    DISOWNED = "disowned"


@dataclass(frozen=True, slots=True)
class Faded:
    """A message to rewrite: where it is, and what became of its code."""

    id: int
    remote: str
    message_id: str
    language: str
    letter: Letter
    label: str
    ending: Ending
    at: datetime
    codes_from: datetime | None


async def claim(*, limit: int, now: datetime) -> list[Faded]:
    """Take up to `limit` messages whose code has ended, by the clock or before it."""
    await _mark_ended(now)
    due = await Delivery.filter(fades_at__lte=now).select_related("challenge", "account").limit(limit)
    taken = []
    for row in due:
        mine = Delivery.filter(id=row.id, fades_at=row.fades_at)
        if await mine.update(fades_at=now + NUMBERS.delivery_lease, lease=_MARK) == 1:
            taken.append(_faded(row, now))
    return taken


async def done(delivery_id: int) -> None:
    """Note that a message shows its code no more, or can't be rewritten."""
    await Delivery.filter(id=delivery_id).update(fades_at=None)


async def put_off(delivery_id: int, *, until: datetime) -> None:
    """Have a message rewritten later."""
    await Delivery.filter(id=delivery_id).update(fades_at=until)


async def _mark_ended(now: datetime) -> None:
    """Bring forward what ended before its time: answered, revoked, guessed at too often, disowned, or removed."""
    ended = (
        Q(disowned_at__isnull=False)
        | Q(challenge_id__isnull=True)
        | Q(challenge__answered_at__isnull=False)
        | Q(challenge__approved_at__isnull=False)
        | Q(challenge__revoked_at__isnull=False)
        | Q(challenge__tries_left__lte=0)
    )
    early = await Delivery.filter(ended, fades_at__gt=now).exclude(lease=_MARK).limit(_FAR).values_list("id", flat=True)
    if early:
        await (
            Delivery.filter(id__in=list(early), fades_at__gt=now).exclude(lease=_MARK).update(fades_at=now, lease=_MARK)
        )


def _faded(row: Delivery, now: datetime) -> Faded:
    challenge = row.challenge
    ending, at = Ending.OVER, min(now, row.expires_at)
    if row.disowned_at is not None:
        ending, at = Ending.DISOWNED, row.disowned_at
    elif challenge is not None and (used_at := challenge.approved_at or challenge.answered_at) is not None:
        ending, at = Ending.USED, used_at
    return Faded(
        id=row.id,
        remote=row.remote,
        message_id=row.message_id,
        language=row.language,
        letter=row.letter,
        label=row.label,
        ending=ending,
        at=at,
        codes_from=row.account.codes_blocked_until if ending is Ending.DISOWNED else None,
    )
