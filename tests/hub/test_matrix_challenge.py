"""The cells an account is asked for: one set until it is answered, no cell twice in strict mode."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tortoise.transactions import in_transaction

from hub.accounts import overview
from hub.context import opened
from hub.domain.outcomes import Admitted, Asked, Begun, Reason, Refused
from hub.login import password_login
from hub.verification import matrix_cards
from models.authenticator import MatrixCard
from models.login import Challenge
from tests.support.factory import PASSWORD, People, settings_for


async def test_a_thousand_logins_show_one_set_of_cells(people: People) -> None:
    """Reloads, wrong answers, other browsers and new logins never bring other cells up.

    The first twenty are whole logins; the rest ask as they do, without hashing a password a thousand times.
    """
    member = await people.member()
    seen = set()
    for _ in range(20):
        pending = await people.asked_for_cells(member)
        seen.add(pending.asked.cells)
        await password_login.answer(people.hub, people.visit(), pending.token, "000000")
        people.later(minutes=20)
    for _ in range(980):
        async with in_transaction():
            challenge = await matrix_cards.ask(people.hub, people.visit(), member.account.id)
        assert challenge is not None
        seen.add(matrix_cards.asked_cells(challenge))
    assert len(seen) == 1
    assert await Challenge.all().count() == 1


async def test_fifty_logins_at_once_show_one_set_of_cells(people: People) -> None:
    """The first to come draws; the others see what was drawn."""
    member = await people.member()
    outcomes = await people.at_once(
        50, lambda: password_login.begin(people.hub, people.visit(), name=member.name, password=PASSWORD)
    )
    cells = [
        outcome.step.cells for outcome in outcomes if isinstance(outcome, Begun) and isinstance(outcome.step, Asked)
    ]
    assert cells
    assert len(set(cells)) == 1
    assert await Challenge.all().count() == 1


async def test_cells_stay_after_a_wrong_answer_and_change_after_a_right_one(people: People) -> None:
    """The right answer alone frees the place for the next three; the answered card is counted."""
    member = await people.member()
    first = await people.asked_for_cells(member)
    assert await password_login.answer(people.hub, people.visit(), first.token, "000000") == Refused(
        Reason.ANSWER_WRONG
    )
    people.later(seconds=1)
    asked = await password_login.asked(people.hub, first.token, now=people.now)
    assert isinstance(asked, Asked)
    assert asked.cells == first.asked.cells
    assert isinstance(await password_login.answer(people.hub, people.visit(), first.token, first.right), Admitted)
    second = await people.asked_for_cells(member)
    assert second.asked.challenge_id != first.asked.challenge_id
    assert (await MatrixCard.get()).answered == 1


async def test_a_new_card_asks_anew_and_the_old_one_opens_nothing(people: People) -> None:
    """Issued again, the old card's cells are refused, in the login that waits too."""
    member = await people.member()
    old = await people.asked_for_cells(member)
    (printed,) = await matrix_cards.issue_to(people.hub, people.visit(), [member.account])
    refused = await password_login.answer(people.hub, people.visit(), old.token, old.right)
    assert isinstance(refused, Refused)
    member.cells = printed.cells
    new = await people.asked_for_cells(member)
    assert new.asked.challenge_id != old.asked.challenge_id
    assert isinstance(await password_login.answer(people.hub, people.visit(), new.token, new.right), Admitted)


async def test_renewal_is_asked_after_three_hundred_challenges(people: People) -> None:
    """The default asks for a new card instead of refusing the old one."""
    member = await people.member()
    session = await people.session(member)
    await MatrixCard.all().update(answered=299)
    assert not (await overview.overview(people.hub, session, now=people.now)).matrix_needs_renewal
    await people.session(member)
    assert (await overview.overview(people.hub, session, now=people.now)).matrix_needs_renewal


@pytest.fixture
async def strict(database_url: str, tmp_path: Path) -> AsyncIterator[People]:
    """Members of a hub in strict matrix mode, on each engine."""
    async with opened(settings_for(database_url, tmp_path, matrix_strict=True)) as hub:
        yield People(hub)


async def test_in_strict_mode_no_cell_is_asked_twice_and_the_card_is_spent_at_23_logins(strict: People) -> None:
    """69 of 70 cells are asked once each; renewal is asked from the 18th on; then the card is no way any more."""
    member = await strict.member()
    cells: list[str] = []
    for number in range(1, 24):
        pending = await strict.asked_for_cells(member)
        reloaded = await password_login.asked(strict.hub, pending.token, now=strict.now)
        assert isinstance(reloaded, Asked)
        assert reloaded.cells == pending.asked.cells
        cells += pending.asked.cells
        assert isinstance(
            await password_login.answer(strict.hub, strict.visit(), pending.token, pending.right), Admitted
        )
        card = await MatrixCard.get()
        assert matrix_cards.needs_renewal(strict.hub, card) == (number >= 18)
    assert len(set(cells)) == len(cells) == 69
    outcome = await password_login.begin(strict.hub, strict.visit(), name=member.name, password=PASSWORD)
    assert outcome == Refused(Reason.NOTHING_BOUND)
