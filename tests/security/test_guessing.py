"""Finding out and guessing: what parallel and patient guesses get, and what a victim still can do."""

from datetime import timedelta

import pytest

from hub.accounts import accounts
from hub.domain.outcomes import Admitted, Asked, ByContact, BySoftToken, Reason, Refused, Throttled
from hub.login import password_login
from hub.security.attempts import Tries
from models.event import Event
from models.kinds import AuthenticatorKind, EventKind
from models.login import Challenge
from models.throttle import Throttle
from tests.support.factory import START, Member, Pending, People
from tests.support.running_hub import House

ELSEWHERE = "203.0.113.7"


async def _answers(people: People, pending: Pending, times: int, response: str) -> list[object]:
    return await people.at_once(
        times, lambda: password_login.answer(people.hub, people.visit(), pending.token, response)
    )


async def test_two_hundred_parallel_wrong_codes_are_one_guess(people: People) -> None:
    """One is compared, the others find the way slowed down, and so does the right code at the same moment."""
    pending = await people.asked_for_code(await people.member(contacts=("自宅",)), "自宅")
    outcomes = await _answers(people, pending, 200, pending.wrong)
    assert outcomes.count(Refused(Reason.ANSWER_WRONG, 2)) == 1
    assert sum(isinstance(outcome, Throttled) for outcome in outcomes) == 199
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Throttled)
    assert (await Challenge.get(id=pending.asked.challenge_id)).tries_left == 2
    assert await Event.filter(kind=EventKind.ANSWER_WRONG).count() == 1


async def test_the_tries_of_a_code_are_those_of_the_table_however_often_its_login_begins(people: People) -> None:
    """Three wrong answers, the password given again before each, end the code; the right one is refused after them."""
    member = await people.member(contacts=("自宅",))
    first = await people.asked_for_code(member, "自宅")
    token, reasons = first.token, []
    for _ in range(3):
        token = (await people.begun(member, before=token)).token
        asked = await password_login.choose(people.hub, people.visit(), token, ByContact(member.contacts["自宅"]))
        assert isinstance(asked, Asked)
        assert asked.challenge_id == first.asked.challenge_id
        outcome = await password_login.answer(people.hub, people.visit(), token, first.wrong)
        assert isinstance(outcome, Refused)
        reasons.append((outcome.reason, outcome.tries_left))
        people.later(seconds=5)
    assert reasons == [(Reason.ANSWER_WRONG, 2), (Reason.ANSWER_WRONG, 1), (Reason.TRIES_SPENT, 0)]
    assert await password_login.answer(people.hub, people.visit(), token, first.right) == Refused(Reason.TRIES_SPENT, 0)


async def test_wrong_codes_slow_the_account_down_over_all_its_logins(people: People) -> None:
    """Each login has its own code, and a wrong answer at one holds the others up for a second."""
    member = await people.member(contacts=("自宅",))
    first = await people.asked_for_code(member, "自宅")
    people.later(seconds=30)
    second = await people.asked_for_code(member, "自宅")
    assert isinstance(await password_login.answer(people.hub, people.visit(), first.token, first.wrong), Refused)
    assert isinstance(await password_login.answer(people.hub, people.visit(), second.token, second.right), Throttled)


async def test_two_hundred_parallel_wrong_codes_of_many_logins_are_the_tries_of_the_table(people: People) -> None:
    """With the clock moved past each soft lock, three are compared a code, and the right code is dead after them."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    compared = 0
    for _ in range(4):
        outcomes = await _answers(people, pending, 50, pending.wrong)
        reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Refused)]
        # What comes after the third is told that the code is dead, and compared with nothing.
        compared += min(reasons.count(Reason.ANSWER_WRONG) + reasons.count(Reason.TRIES_SPENT), 3 - compared)
        assert reasons.count(Reason.ANSWER_WRONG) <= 1
        people.later(seconds=10)
    assert compared == 3
    right = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert isinstance(right, Refused)
    assert (await Challenge.get(id=pending.asked.challenge_id)).revoked_at is not None


@pytest.mark.parametrize(("wrong", "seconds"), [(1, 1), (2, 1), (3, 3), (8, 3), (9, 5), (24, 5), (25, 10), (98, 10)])
async def test_the_soft_lock_grows_with_the_wrong_answers_in_a_row(people: People, wrong: int, seconds: int) -> None:
    """1, 3, 5, 10 s after 1, 3, 9, 25 wrong ones: not a microsecond sooner, and at the end it is heard."""
    member = await people.member()
    await people.wronged(_subject(member, AuthenticatorKind.MATRIX), wrong - 1)
    pending = await people.asked_for_cells(member)
    assert await password_login.answer(people.hub, people.visit(), pending.token, "000000") == Refused(
        Reason.ANSWER_WRONG
    )
    outcome = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert outcome == Throttled(timedelta(seconds=seconds))
    people.later(seconds=seconds, microseconds=-1)
    outcome = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert outcome == Throttled(timedelta(microseconds=1))
    people.later(microseconds=1)
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)
    assert not await Throttle.exists(subject=_subject(member, AuthenticatorKind.MATRIX))


async def test_the_hundredth_wrong_answer_closes_its_kind_and_no_other(people: People) -> None:
    """The right cells are refused from then on, a day later too; a mailed code still admits, and opens nothing else."""
    member = await people.member(contacts=("自宅",))
    await people.wronged(_subject(member, AuthenticatorKind.MATRIX), 99)
    pending = await people.asked_for_cells(member)
    assert await password_login.answer(people.hub, people.visit(), pending.token, "000000") == Refused(
        Reason.ANSWER_WRONG
    )
    people.later(days=1)
    closed = await people.asked_for_cells(member)
    outcome = await password_login.answer(people.hub, people.visit(), closed.token, closed.right)
    assert outcome == Refused(Reason.KIND_CLOSED)
    other = await people.asked_for_code(member, "自宅")
    assert isinstance(await password_login.answer(people.hub, people.visit(), other.token, other.right), Admitted)
    outcome = await password_login.answer(people.hub, people.visit(), closed.token, closed.right)
    assert outcome == Refused(Reason.KIND_CLOSED)


async def test_the_help_desk_opens_a_closed_kind(people: People) -> None:
    """Unlocked, the very login that waits goes on."""
    member = await people.member()
    await people.wronged(_subject(member, AuthenticatorKind.MATRIX), 100)
    pending = await people.asked_for_cells(member)
    refused = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert refused == Refused(Reason.KIND_CLOSED)
    assert await accounts.unlock(people.hub, people.visit(), member.name) == 1
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)


async def test_wrong_answers_of_one_account_slow_no_other_down(people: People) -> None:
    """The count belongs to the account, not to the address alone."""
    taro, hanako = await people.member(), await people.member("hanako")
    guessed, waiting = await people.asked_for_cells(taro), await people.asked_for_cells(hanako)
    await password_login.answer(people.hub, people.visit(), guessed.token, "000000")
    assert isinstance(await password_login.answer(people.hub, people.visit(), waiting.token, waiting.right), Admitted)


async def test_a_right_answer_forgives_its_network_only_what_was_its_own(people: People) -> None:
    """Who sprays passwords over many accounts can't start anew by logging in to an account of their own."""
    member = await people.member()
    await people.wronged("address:10.0.0.0/24", 500)
    for _ in range(3):
        wrong = await password_login.begin(people.hub, people.visit(), name=member.name, password="wrong password")
        assert wrong == Refused(Reason.PASSWORD_WRONG)
        people.later(seconds=1)
    pending = await people.asked_for_cells(member)
    assert await password_login.answer(people.hub, people.visit(), pending.token, "000000") == Refused(
        Reason.ANSWER_WRONG
    )
    people.later(seconds=2)
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)
    assert (await Throttle.get(subject="address:10.0.0.0/24")).wrong == 500


async def test_wrong_answers_of_many_accounts_at_once_all_count_with_their_address(people: People) -> None:
    """Ten accounts guessed at the same moment are ten wrong answers of one network."""
    waiting = [await people.asked_for_cells(await people.member(f"member{n}")) for n in range(10)]
    tokens = iter([one.token for one in waiting])
    await people.at_once(10, lambda: password_login.answer(people.hub, people.visit(), next(tokens), "000000"))
    assert (await Throttle.get(subject="address:10.0.0.0/24")).wrong == 10


async def test_the_soft_token_has_its_own_soft_lock(people: People) -> None:
    """200 parallel wrong codes of a soft token are one guess, and the matrix card is asked as before."""
    member = await people.member()
    token = await people.soft_token(member)
    people.later(minutes=2)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
    right = token.code(people.now)
    wrong = "000000" if right != "000000" else "111111"
    pending = Pending(begun.token, await _asked(people, begun.token), right)
    outcomes = await _answers(people, pending, 200, wrong)
    assert outcomes.count(Refused(Reason.ANSWER_WRONG)) == 1
    assert isinstance(await password_login.answer(people.hub, people.visit(), begun.token, right), Throttled)
    cells = await people.asked_for_cells(member)
    assert isinstance(await password_login.answer(people.hub, people.visit(), cells.token, cells.right), Admitted)


async def test_what_cant_be_a_soft_tokens_code_is_no_try(people: People) -> None:
    """Five digits are a slip of the fingers: told so, and the right code is heard at once."""
    member = await people.member()
    token = await people.soft_token(member)
    people.later(minutes=2)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
    for typed in ("12345", "1234567", "12345x", ""):
        assert await password_login.answer(people.hub, people.visit(), begun.token, typed) == Refused(
            Reason.CODE_MISSHAPEN
        )
    right = token.code(people.now)
    assert isinstance(await password_login.answer(people.hub, people.visit(), begun.token, right), Admitted)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", Reason.CELLS_MISSING),
        ("  \u3000", Reason.CELLS_MISSING),
        ("00", Reason.CELLS_MISSING),
        ("00000", Reason.CELLS_MISSING),
        ("00 0- 00", Reason.CELLS_MISSING),
        ("あいうえおか", Reason.CELLS_MISSING),
        ("0000000", Reason.CELLS_TOO_MANY),
        ("0" * 65, Reason.CELLS_TOO_MANY),
    ],
)
async def test_cells_that_are_not_complete_are_no_try(house_on_sqlite: House, typed: str, reason: Reason) -> None:
    """A slip of the fingers is told as one, nothing is counted, and the right cells are heard at once."""
    people = house_on_sqlite.people
    pending = await people.asked_for_cells(await people.member(contacts=("home",)))
    for _ in range(3):
        assert await password_login.answer(people.hub, people.visit(), pending.token, typed) == Refused(reason)
    assert not await Throttle.exists(subject__startswith="answer:")
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)


async def _asked(people: People, token: str) -> Asked:
    asked = await password_login.asked(people.hub, token, now=people.now)
    assert isinstance(asked, Asked)
    return asked


def _subject(member: Member, kind: AuthenticatorKind) -> str:
    return f"answer:{member.account.id}:{kind}"


def test_the_audit_takes_sixty_wrong_passwords_an_hour_from_one_address_and_counts_the_others() -> None:
    """Of all addresses together it takes 3,000; the next one that it takes says how many were left out."""
    tries = Tries()
    taken = [tries.to_record("192.0.2.1", now=START) for _ in range(100)]
    assert taken == [0] * 60 + [None] * 40
    assert tries.to_record("192.0.2.2", now=START) == 40
    others = [tries.to_record(f"2001:db8:{n:x}::/64", now=START) for n in range(5000)]
    assert len([one for one in others if one is not None]) == 3000 - 61
    assert tries.to_record("192.0.2.1", now=START + timedelta(hours=1)) == 5000 - (3000 - 61)
