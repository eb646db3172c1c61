"""A delivered code opens the login that asked for it and no other, whichever door it is answered at."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tortoise.transactions import in_transaction

from hub.domain.outcomes import Admitted, Asked, ByContact, ByMatrix, Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.login import password_login
from hub.settings import NUMBERS
from hub.verification import verify
from hub.verification.verify import Question
from models.kinds import AuthenticatorKind, Zone
from models.login import Challenge, Login
from models.session import Session
from models.throttle import Throttle
from tests.support.factory import Member, Pending, People

STRANGER = "203.0.113.7"


def _stranger(people: People) -> Visit:
    return replace(
        people.visit(address=STRANGER, zone=Zone.OFF_CAMPUS), browser="Edge on Windows", browser_token="s" * 43
    )


def _mine(people: People) -> Visit:
    return replace(people.visit(), browser_token="m" * 43)


async def _two_logins(people: People) -> tuple[Member, Pending, Pending]:
    """Have a member and, half a minute later, a stranger who knows the password ask for a code at one contact."""
    member = await people.member(contacts=("自宅",))
    mine = await people.asked_for_code(member, "自宅", visit=_mine(people))
    people.later(seconds=30)
    return member, mine, await people.asked_for_code(member, "自宅", visit=_stranger(people))


async def test_a_code_of_the_members_letter_does_not_let_the_stranger_in(people: People) -> None:
    """It costs the stranger a try, is told like any wrong code, and goes on being good where it was asked for."""
    _, mine, strangers = await _two_logins(people)
    assert mine.right != strangers.right
    outcome = await password_login.answer(people.hub, _stranger(people), strangers.token, mine.right)
    assert outcome == Refused(Reason.ANSWER_WRONG, 2)
    assert await Throttle.exists(subject__startswith="answer:")
    assert await Session.all().count() == 0
    people.later(seconds=1)
    assert isinstance(await password_login.answer(people.hub, _mine(people), mine.token, mine.right), Admitted)


async def test_a_code_of_the_strangers_letter_is_wrong_in_the_members_login(people: People) -> None:
    """Either way round: two letters, two codes, two logins."""
    _, mine, strangers = await _two_logins(people)
    outcome = await password_login.answer(people.hub, _mine(people), mine.token, strangers.right)
    assert outcome == Refused(Reason.ANSWER_WRONG, 2)


async def test_each_letter_names_the_login_that_its_code_opens(people: People) -> None:
    """Browser, address and minute are those of the login that asked, and its page shows the same."""
    member = await people.member(contacts=("自宅",))
    asked, letters = [], []
    for visit in (_mine, _stranger):
        begun = await people.begun(member, visit=visit(people))
        outcome = await password_login.choose(
            people.hub, visit(people), begun.token, ByContact(member.contacts["自宅"])
        )
        assert isinstance(outcome, Asked)
        asked.append((outcome.asked_at, outcome.asked_from, outcome.asked_with))
        (letter,) = await people.delivered()
        letters.append((letter.named_at, letter.asked_from, letter.asked_with))
        people.later(minutes=1)
    assert asked == letters
    assert [one[1:] for one in letters] == [("10.0.0.1", "Firefox on Linux"), (STRANGER, "Edge on Windows")]


async def test_a_letter_sent_again_names_the_minute_of_the_first(people: People) -> None:
    """The code is the same, so a member who compares the minute with the page finds either letter right."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    people.later(minutes=2)
    again = await password_login.send_again(people.hub, people.visit(), pending.token)
    (letter,) = await people.delivered()
    assert isinstance(again, Asked)
    assert (letter.code, letter.named_at) == (pending.right, pending.asked.asked_at)
    assert again.asked_at == pending.asked.asked_at


async def test_another_login_is_told_to_wait_and_why(people: People) -> None:
    """Six seconds after the member's letter the stranger may ask in 24; nothing of the member's login is told."""
    member = await people.member(contacts=("自宅",))
    await people.asked_for_code(member, "自宅", visit=_mine(people))
    people.later(seconds=6)
    begun = await people.begun(member, visit=_stranger(people))
    way = ByContact(member.contacts["自宅"])
    outcome = await password_login.choose(people.hub, _stranger(people), begun.token, way)
    assert isinstance(outcome, Throttled)
    waits = (outcome.retry_after, outcome.why, outcome.ago)
    assert waits == (timedelta(seconds=24), Hold.SENT_ELSEWHERE, timedelta(seconds=6))
    # The browser that was logged in a moment ago is told about its own code.
    mine = await people.begun(member, visit=_mine(people))
    own = await password_login.choose(people.hub, _mine(people), mine.token, way)
    assert isinstance(own, Throttled)
    assert own.why is Hold.SENT


async def test_two_tabs_of_one_browser_share_a_code(people: People) -> None:
    """The password given in a second tab goes on with the same login: no second letter, and the first code admits."""
    member = await people.member(contacts=("自宅",))
    first = await people.asked_for_code(member, "自宅", visit=_mine(people))
    second = await people.begun(member, visit=_mine(people), before=first.token)
    chosen = await password_login.choose(people.hub, _mine(people), second.token, ByContact(member.contacts["自宅"]))
    assert isinstance(chosen, Asked)
    assert chosen.challenge_id == first.asked.challenge_id
    assert not chosen.others_wait
    assert await people.delivered() == []
    over = await password_login.answer(people.hub, _mine(people), first.token, first.right)
    assert over == Refused(Reason.LOGIN_OVER)
    assert isinstance(await password_login.answer(people.hub, _mine(people), second.token, first.right), Admitted)


async def test_a_login_that_was_planted_in_a_browser_gains_nothing_by_the_members_password(people: People) -> None:
    """The stranger's own token is dead once the member went on with it; of another account it is left alone."""
    member, hanako = await people.member(contacts=("自宅",)), await people.member("hanako", contacts=("自宅",))
    planted = await people.asked_for_code(member, "自宅", visit=_stranger(people))
    went_on = await people.begun(member, visit=_mine(people), before=planted.token)
    people.later(seconds=30)
    await password_login.choose(people.hub, _mine(people), went_on.token, ByContact(member.contacts["自宅"]))
    (letter,) = await people.delivered()
    over = Refused(Reason.LOGIN_OVER)
    assert await password_login.answer(people.hub, _stranger(people), planted.token, letter.code) == over
    other = await people.begun(hanako, before=went_on.token)
    assert isinstance(await password_login.asked(people.hub, went_on.token, now=people.now), Asked)
    assert await Login.filter(account_id=hanako.account.id).count() == 1
    assert other.token != went_on.token


async def test_both_pages_say_that_another_login_waits(people: People) -> None:
    """As long as both wait; not after one of them has ended."""
    member, mine, strangers = await _two_logins(people)
    for token in (mine.token, strangers.token):
        asked = await password_login.asked(people.hub, token, now=people.now)
        offered = await password_login.offered(people.hub, token, now=people.now)
        assert isinstance(asked, Asked)
        assert asked.others_wait
        assert not isinstance(offered, Refused)
        assert offered.others_wait
    cells = await people.begun(member)
    chosen = await password_login.choose(people.hub, people.visit(), cells.token, ByMatrix())
    assert isinstance(chosen, Asked)
    await password_login.answer(people.hub, _mine(people), mine.token, mine.right)
    await Login.filter(id=(await Login.all().order_by("-id").first()).id).update(ended_at=people.now)  # type: ignore[union-attr]
    alone = await password_login.asked(people.hub, strangers.token, now=people.now)
    assert isinstance(alone, Asked)
    assert not alone.others_wait


@pytest.mark.parametrize("same_browser", [True, False])
async def test_only_its_own_browser_hears_that_a_code_is_of_an_earlier_letter(
    people: People, same_browser: bool
) -> None:
    """A used code typed again after a logout is told apart in that browser; elsewhere it is a wrong code."""
    member = await people.member(contacts=("自宅",))
    used = await people.asked_for_code(member, "自宅", visit=_mine(people))
    assert isinstance(await password_login.answer(people.hub, _mine(people), used.token, used.right), Admitted)
    people.later(seconds=30)
    visit = _mine if same_browser else _stranger
    later = await people.asked_for_code(member, "自宅", visit=visit(people))
    outcome = await password_login.answer(people.hub, visit(people), later.token, used.right)
    assert isinstance(outcome, Refused)
    assert outcome.reason is (Reason.ANSWER_STALE if same_browser else Reason.ANSWER_WRONG)


async def test_of_five_logins_that_live_the_sixth_waits_for_the_first_code_to_end(people: People) -> None:
    """Five codes of an account live at once, whichever logins asked for them."""
    member = await people.member(contacts=("a", "b", "c", "d", "e", "f"))
    for label in ("a", "b", "c", "d", "e"):
        await people.asked_for_code(member, label)
        people.later(minutes=1)
    begun = await people.begun(member)
    held = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["f"]))
    assert held == Throttled(NUMBERS.code_life - timedelta(minutes=5))
    assert isinstance(held, Throttled)
    assert held.why is Hold.CODES_LIVE


async def test_what_a_login_asked_for_and_did_not_use_ends_with_it(people: People) -> None:
    """Its code is revoked at the admission by another method and counts no more; another login's lives on."""
    member, mine, strangers = await _two_logins(people)
    chosen = await password_login.choose(people.hub, _mine(people), mine.token, ByMatrix())
    assert isinstance(chosen, Asked)
    cells = "".join(member.cells[cell] for cell in chosen.cells)
    assert isinstance(await password_login.answer(people.hub, _mine(people), mine.token, cells), Admitted)
    assert (await Challenge.get(id=mine.asked.challenge_id)).revoked_at is not None
    assert (await Challenge.get(id=strangers.asked.challenge_id)).revoked_at is None


async def test_a_code_is_no_answer_to_a_login_that_points_at_it_without_having_asked(people: People) -> None:
    """Even in the verification itself, whatever a row says: the challenge names its login."""
    member, mine, strangers = await _two_logins(people)
    challenge = await Challenge.get(id=mine.asked.challenge_id)
    other = await Login.all().order_by("-id").first()
    assert other is not None
    await Login.filter(id=other.id).update(challenge_id=challenge.id)
    outcome = await password_login.answer(people.hub, _stranger(people), strangers.token, mine.right)
    assert outcome == Refused(Reason.CHALLENGE_OVER)
    for login_id in (None, other.id):
        question = Question(member.account.id, AuthenticatorKind.ONE_TIME_PASSWORD, challenge, login_id=login_id)
        async with in_transaction():
            outcome = await verify.verify(people.hub, _stranger(people), question, mine.right)
        assert outcome == Refused(Reason.CHALLENGE_OVER)


async def test_thirty_six_right_answers_of_two_logins_at_once_open_one_session_each(people: People) -> None:
    """Each login is admitted once, however often its code is sent at the same moment."""
    _, mine, strangers = await _two_logins(people)
    pendings = iter([mine, strangers] * 18)

    async def answer() -> object:
        pending = next(pendings)
        return await password_login.answer(people.hub, people.visit(), pending.token, pending.right)

    outcomes = await people.at_once(36, answer)
    assert sum(isinstance(one, Admitted) for one in outcomes) == await Session.all().count() == 2


async def test_nothing_is_sent_again_on_a_word_from_elsewhere_while_two_logins_wait(people: People) -> None:
    """Which of the two is meant can't be known there: a stranger's code must not come on the member's word."""
    member, mine, _ = await _two_logins(people)
    people.later(seconds=30)
    contact_id = member.contacts["自宅"]
    assert await password_login.send_to(people.hub, people.visit(), contact_id) == Refused(Reason.LOGINS_WAIT)
    assert await people.delivered() == []
    await password_login.answer(people.hub, _mine(people), mine.token, mine.right)
    assert isinstance(await password_login.send_to(people.hub, people.visit(), contact_id), Asked)
