"""Messages that show a code: each is to be rewritten once, as soon as its code is good for nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from hub.domain.outcomes import Asked, ByContact
from hub.login import password_login
from hub.outbox import redaction
from hub.outbox.redaction import Ending, Faded
from hub.recovery import disavow
from hub.settings import NUMBERS
from models.delivery import Delivery
from models.login import Challenge
from tests.support.factory import People
from tests.support.slack_members import in_slack, received, ringing, said, typed


@dataclass(frozen=True)
class Shown:
    """A code that Slack shows, the login that waits for it, and the row that tells where it is."""

    id: int
    token: str
    code: str


Ends = Callable[[People, Shown], Awaitable[object]]


async def _shown(people: People) -> Shown:
    """Have a code shown in Slack."""
    member = await people.member()
    await in_slack(people, member)
    begun = await people.begun(member)
    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["chat"]))
    assert isinstance(asked, Asked), asked
    (claimed,) = await received(people)
    return Shown(claimed.id, begun.token, claimed.code)


async def _taken(people: People) -> list[Faded]:
    return await redaction.claim(limit=8, now=people.now)


async def _used(people: People, shown: Shown) -> None:
    await password_login.answer(people.hub, people.visit(), shown.token, shown.code)


async def _guessed_at(_people: People, _shown: Shown) -> None:
    await Challenge.all().update(tries_left=0)


async def _disowned(people: People, shown: Shown) -> None:
    await disavow.disown(people.hub, said(people), shown.id)


async def _revoked(people: People, _shown: Shown) -> None:
    await Challenge.all().update(revoked_at=people.now)


async def _removed(_people: People, shown: Shown) -> None:
    await Delivery.filter(id=shown.id).update(challenge_id=None)


async def _over(people: People, _shown: Shown) -> None:
    people.later(minutes=11)


@pytest.mark.parametrize(
    ("ends", "ending"),
    [
        (_used, Ending.USED),
        (_guessed_at, Ending.OVER),
        (_disowned, Ending.DISOWNED),
        (_revoked, Ending.OVER),
        (_removed, Ending.OVER),
        (_over, Ending.OVER),
    ],
)
async def test_a_code_that_has_ended_is_to_be_rewritten_once(people: People, ends: Ends, ending: Ending) -> None:
    """Not while it is good; then at once, by one worker, with what became of it; never again when that is done."""
    shown = await _shown(people)
    assert await _taken(people) == []
    await ends(people, shown)
    taken = [one for some in await people.at_once(4, lambda: _taken(people)) for one in some]
    assert [(one.id, one.ending) for one in taken] == [(shown.id, ending)]
    assert (taken[0].codes_from is not None) == (ending is Ending.DISOWNED)
    await redaction.done(shown.id)
    people.later(hours=1)
    assert await _taken(people) == []


async def test_an_approval_that_was_given_is_to_be_rewritten(people: People) -> None:
    """Its buttons are good for nothing, whether or not the page has gone on."""
    member = await people.member()
    await in_slack(people, member)
    ring = await ringing(people, member)
    await received(people)
    assert await _taken(people) == []
    await typed(people, ring, ring.digits)
    assert [(one.id, one.ending) for one in await _taken(people)] == [(ring.delivery_id, Ending.USED)]


async def test_a_message_that_is_put_off_waits_for_its_time(people: People) -> None:
    """What Slack did not take is left alone until then, though its code has ended; then it is taken anew."""
    shown = await _shown(people)
    await _used(people, shown)
    assert len(await _taken(people)) == 1
    await redaction.put_off(shown.id, until=people.now + timedelta(seconds=30))
    people.later(seconds=29)
    assert await _taken(people) == []
    people.later(seconds=2)
    assert [one.id for one in await _taken(people)] == [shown.id]


async def test_a_worker_that_dies_leaves_its_message_to_another(people: People) -> None:
    """After the lease it is to be rewritten again, not before."""
    shown = await _shown(people)
    await _used(people, shown)
    assert len(await _taken(people)) == 1
    people.later(seconds=NUMBERS.delivery_lease.total_seconds() - 1)
    assert await _taken(people) == []
    people.later(seconds=2)
    assert [one.id for one in await _taken(people)] == [shown.id]


async def test_no_more_are_taken_than_are_asked_for(people: People) -> None:
    """The rest is taken by the next, however many have ended."""
    row = await Delivery.get(id=(await _shown(people)).id)
    await Delivery.bulk_create([_like(row, number) for number in range(4)])
    people.later(minutes=11)
    first, second = await asyncio.gather(
        redaction.claim(limit=3, now=people.now), redaction.claim(limit=3, now=people.now)
    )
    assert max(len(first), len(second)) <= 3
    third = await _taken(people)
    assert len({one.id for one in (*first, *second, *third)}) == len([*first, *second, *third]) == 5


def _like(row: Delivery, number: int) -> Delivery:
    copy = Delivery(**{name: getattr(row, name) for name in row._meta.fields_db_projection if name != "id"})
    copy.message_id = f"<{number}@portal.test>"
    return copy
