"""Which messages still show a code that has ended, so that their door rewrites them; each is given to one worker."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.settings import NUMBERS
from models.account import Account
from models.delivery import Delivery
from models.kinds import Letter
from models.login import Challenge
from models.queries import change, read, where

# Told when a code has ended before its time.
ENDED = "codes-ended"

# What ends a code before its time: answered, approved, revoked, guessed at too often, disowned, or removed. Who was
# taken for that once is not taken for it again, so that a message can be put off.
_ENDED = """
"disowned_at" IS NOT NULL OR "challenge_id" IS NULL OR EXISTS (
 SELECT 1 FROM "challenge" WHERE "challenge"."id" = "delivery"."challenge_id" AND (
 "challenge"."answered_at" IS NOT NULL OR "challenge"."approved_at" IS NOT NULL
 OR "challenge"."revoked_at" IS NOT NULL OR "challenge"."tries_left" <= 0))
"""
_TO_FADE = f'"fades_at" <= {{now}} OR ("fades_at" > {{now}} AND "lease" <> \'fading\' AND ({_ENDED}))'
# A look that costs next to nothing beside claiming in vain.
_DUE = f'SELECT 1 FROM "delivery" WHERE {_TO_FADE} LIMIT 1'  # noqa: S608 - only marks
# One statement claims on both engines: the rows that it touched come back, and no other worker's among them.
_CLAIM = f"""
UPDATE "delivery" SET "fades_at" = {{until}}, "lease" = 'fading' WHERE "id" IN (
 SELECT "id" FROM "delivery" WHERE {_TO_FADE} ORDER BY "fades_at" LIMIT {{limit}} {{skip_locked}}) RETURNING {{columns}}
"""  # noqa: S608 - only marks


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
    # From when on it may have been tried; retries need an end.
    tried_from: datetime


async def claim(*, limit: int, now: datetime) -> list[Faded]:
    """Take up to `limit` messages whose code has ended, by the clock or before it."""
    if not await read(_DUE, now=now):
        return []
    rows = await change(Delivery, _CLAIM, now=now, until=now + NUMBERS.delivery_lease, limit=limit)
    named = sorted({row.challenge_id for row in rows if row.challenge_id})
    challenges = {one.id: one for one in await where(Challenge, id__in=named).all()} if named else {}
    return [await _faded(row, challenges.get(row.challenge_id or 0), now) for row in rows]


async def done(delivery_id: int) -> None:
    """Note that a message shows its code no more, or can't be rewritten."""
    await where(Delivery, id=delivery_id).update(fades_at=None)


async def put_off(delivery_id: int, *, until: datetime) -> None:
    """Have a message rewritten later."""
    await where(Delivery, id=delivery_id).update(fades_at=until)


async def _faded(row: Delivery, challenge: Challenge | None, now: datetime) -> Faded:
    ending, at, codes_from = Ending.OVER, min(now, row.expires_at), None
    if row.disowned_at is not None:
        ending, at = Ending.DISOWNED, row.disowned_at
        codes_from = (await where(Account, id=row.account_id).one()).codes_blocked_until
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
        codes_from=codes_from,
        tried_from=row.disowned_at or row.expires_at,
    )
