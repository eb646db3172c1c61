"""Replaying and racing: an answer is right once, in one place, for what it was made for, while it lives."""

from datetime import timedelta

from tortoise.transactions import in_transaction

from hub.contacts import contacts
from hub.domain.outcomes import Admitted, Asked, ByContact, ByMatrix, BySoftToken, Done, Reason, Refused, Throttled
from hub.login import password_login
from hub.sessions import sessions
from hub.settings import NUMBERS
from hub.verification.verify import Question, verify
from models.account import Account
from models.contact import Contact
from models.event import Event
from models.kinds import AuthenticatorKind, EventKind
from models.login import Challenge, Login
from models.session import Session
from tests.support.factory import PASSWORD, Pending, People


async def _admitted_of(people: People, pending: Pending, times: int = 50) -> int:
    outcomes = await people.at_once(
        times, lambda: password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    )
    assert all(isinstance(outcome, Admitted | Refused) for outcome in outcomes), outcomes
    admitted = sum(isinstance(outcome, Admitted) for outcome in outcomes)
    assert await Session.all().count() == admitted
    assert await Event.filter(kind=EventKind.ADMITTED).count() == admitted
    return admitted


async def test_fifty_parallel_right_codes_give_one_admission(people: People) -> None:
    """One session and one event; the others are refused."""
    member = await people.member(contacts=("自宅",))
    assert await _admitted_of(people, await people.asked_for_code(member, "自宅")) == 1


async def test_fifty_parallel_right_cells_give_one_admission(people: People) -> None:
    """The same with the matrix card."""
    assert await _admitted_of(people, await people.asked_for_cells(await people.member())) == 1


async def test_fifty_logins_with_one_right_code_give_one_admission(people: People) -> None:
    """Ten browsers that all have the code, five times each: one gets in."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    tokens = [pending.token]
    for _ in range(9):
        begun = await people.begun(member)
        await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
        tokens.append(begun.token)
    turn = iter(tokens * 5)
    outcomes = await people.at_once(
        50, lambda: password_login.answer(people.hub, people.visit(), next(turn), pending.right)
    )
    assert sum(isinstance(outcome, Admitted) for outcome in outcomes) == 1
    assert await Session.all().count() == 1


async def test_a_time_step_is_accepted_once_however_many_race(people: People) -> None:
    """One code of a soft token in 20 logins at once admits one; the next step admits the next."""
    member = await people.member()
    device = await people.soft_token(member)
    await Session.all().delete()
    people.later(minutes=1)
    tokens = []
    for _ in range(20):
        begun = await people.begun(member)
        await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
        tokens.append(begun.token)
    turn, code = iter(tokens), device.code(people.now)
    outcomes = await people.at_once(20, lambda: password_login.answer(people.hub, people.visit(), next(turn), code))
    assert sum(isinstance(outcome, Admitted) for outcome in outcomes) == 1
    assert await Session.all().count() == 1
    people.later(seconds=31)
    left = [
        token for token in tokens if isinstance(await password_login.asked(people.hub, token, now=people.now), Asked)
    ]
    outcome = await password_login.answer(people.hub, people.visit(), left[0], device.code(people.now))
    assert isinstance(outcome, Admitted)


async def test_the_code_that_proved_a_soft_token_opens_no_login(people: People) -> None:
    """Its step was spent when the token was bound; it costs no attempt, and a clock that is off is named."""
    member = await people.member()
    device = await people.soft_token(member)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
    for _ in range(6):
        outcome = await password_login.answer(people.hub, people.visit(), begun.token, device.code(people.now))
        assert outcome == Refused(Reason.CODE_USED)
    people.later(minutes=2)
    outcome = await password_login.answer(
        people.hub, people.visit(), begun.token, device.code(people.now - timedelta(minutes=5))
    )
    assert outcome == Refused(Reason.CLOCK_OFF)
    people.later(seconds=1)
    assert isinstance(
        await password_login.answer(people.hub, people.visit(), begun.token, device.code(people.now)), Admitted
    )


async def test_a_code_is_accepted_once(people: People) -> None:
    """The same login and another one that waits for a code are refused after the admission."""
    member = await people.member(contacts=("自宅",))
    other = await people.asked_for_code(member, "自宅")
    people.later(seconds=30)
    pending = await people.asked_for_code(member, "自宅")
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)
    again = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert again == Refused(Reason.LOGIN_OVER)
    elsewhere = await password_login.answer(people.hub, people.visit(), other.token, pending.right)
    assert elsewhere == Refused(Reason.ANSWER_WRONG, 2)


async def test_a_code_of_another_contact_is_wrong(people: People) -> None:
    """Each contact has its own code; the one that was not asked for opens nothing here."""
    member = await people.member(contacts=("自宅", "携帯"))
    home = await people.asked_for_code(member, "自宅")
    phone = await people.asked_for_code(member, "携帯")
    assert home.right != phone.right
    outcome = await password_login.answer(people.hub, people.visit(), home.token, phone.right)
    assert outcome == Refused(Reason.ANSWER_WRONG, 2)
    people.later(seconds=1)
    outcome = await password_login.answer(people.hub, people.visit(), phone.token, home.right)
    assert isinstance(outcome, Refused | Throttled)
    assert await Session.all().count() == 0


async def test_a_code_of_another_account_is_wrong(people: People) -> None:
    """Not even when the two were asked for at the same moment."""
    taro = await people.asked_for_code(await people.member(contacts=("自宅",)), "自宅")
    hanako = await people.asked_for_code(await people.member("hanako", contacts=("自宅",)), "自宅")
    assert taro.right != hanako.right
    for pending, other in ((taro, hanako), (hanako, taro)):
        outcome = await password_login.answer(people.hub, people.visit(), pending.token, other.right)
        assert outcome == Refused(Reason.ANSWER_WRONG, 2)


async def test_another_accounts_contact_cant_be_chosen(people: People) -> None:
    """Nor one that waits for its confirmation, nor one that was suspended; nothing is sent there."""
    taro = await people.member(contacts=("自宅", "携帯"))
    hanako = await people.member("hanako", contacts=("自宅",))
    begun = await people.begun(taro)
    refused = Refused(Reason.NOT_OFFERED)
    other = ByContact(hanako.contacts["自宅"])
    assert await password_login.choose(people.hub, people.visit(), begun.token, other) == refused
    await Contact.filter(id=taro.contacts["自宅"]).update(confirmed_at=None)
    await Contact.filter(id=taro.contacts["携帯"]).update(suspended_at=people.now)
    for label in ("自宅", "携帯"):
        assert (
            await password_login.choose(people.hub, people.visit(), begun.token, ByContact(taro.contacts[label]))
            == refused
        )
    assert await people.delivered() == []


async def test_a_challenge_answers_only_for_its_account_kind_and_purpose(people: People) -> None:
    """The right code under another account's name, as another kind or for another purpose is no answer."""
    taro, hanako = await people.member(contacts=("自宅",)), await people.member("hanako")
    pending = await people.asked_for_code(taro, "自宅")
    challenge = await Challenge.get(id=pending.asked.challenge_id)
    code = AuthenticatorKind.ONE_TIME_PASSWORD
    for question in (
        Question(hanako.account.id, code, challenge),
        Question(taro.account.id, AuthenticatorKind.MATRIX, challenge),
        Question(taro.account.id, code, challenge, challenge.purpose.CONFIRM),
        Question(taro.account.id, code, None),
    ):
        async with in_transaction():
            outcome = await verify(people.hub, people.visit(), question, pending.right)
        assert outcome == Refused(Reason.CHALLENGE_OVER)
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)


async def test_an_answer_after_the_end_is_refused(people: People) -> None:
    """A code lives ten minutes: the last microsecond is heard, the end is not."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    # A login lives no longer than its first code unless the password is given again in its browser.
    people.later(minutes=5)
    renewed = await people.begun(member, before=pending.token)
    await password_login.choose(people.hub, people.visit(), renewed.token, ByContact(member.contacts["自宅"]))
    people.later(minutes=5)
    outcome = await password_login.answer(people.hub, people.visit(), renewed.token, pending.right)
    assert isinstance(outcome, Refused)
    assert outcome.reason in {Reason.CHALLENGE_OVER, Reason.ANSWER_STALE}
    people.later(microseconds=-1)
    assert isinstance(await password_login.answer(people.hub, people.visit(), renewed.token, pending.right), Admitted)


async def test_a_login_lives_ten_minutes_from_the_password(people: People) -> None:
    """Whatever it asks, the attempt is over then; nothing can be chosen, sent again or answered."""
    member = await people.member(contacts=("自宅",))
    begun = await people.begun(member)
    people.later(minutes=9)
    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    assert isinstance(asked, Asked)
    (sent,) = await people.delivered()
    people.later(minutes=1)
    over = Refused(Reason.LOGIN_OVER)
    assert await password_login.answer(people.hub, people.visit(), begun.token, sent.code) == over
    assert await password_login.choose(people.hub, people.visit(), begun.token, ByMatrix()) == over
    assert await password_login.asked(people.hub, begun.token, now=people.now) == over
    assert await password_login.offered(people.hub, begun.token, now=people.now) == over
    people.later(microseconds=-1)
    assert isinstance(await password_login.answer(people.hub, people.visit(), begun.token, sent.code), Admitted)


async def test_what_is_no_token_of_a_login_is_none(people: People) -> None:
    """Nothing, rubbish, a session's token, or the digest out of the row."""
    member = await people.member()
    pending = await people.asked_for_cells(member)
    row = await Login.all().first()
    assert row is not None
    session = await people.session(member)
    for token in ("", "x", pending.token[:-1], row.digest, session.token, "\0", "é" * 100):
        assert await password_login.answer(people.hub, people.visit(), token, pending.right) == Refused(
            Reason.LOGIN_OVER
        )


async def test_an_older_code_is_told_apart_and_opens_nothing(people: People) -> None:
    """The page says that a newer code was sent, when and to which label; it costs a try like any wrong answer."""
    member = await people.member(contacts=("自宅",))
    old = await people.asked_for_code(member, "自宅")
    people.later(minutes=10)
    new = await people.asked_for_code(member, "自宅", before=old.token)
    assert new.asked.challenge_id != old.asked.challenge_id
    outcome = await password_login.answer(people.hub, people.visit(), new.token, old.right)
    assert outcome == Refused(Reason.ANSWER_STALE, 2, people.now, "自宅")
    people.later(seconds=1)
    assert isinstance(await password_login.answer(people.hub, people.visit(), new.token, new.right), Admitted)


async def test_a_dead_challenge_compares_nothing_with_the_live_one(people: People) -> None:
    """A login whose code has ended hears that, and neither another login's code nor its tries are touched."""
    member = await people.member(contacts=("自宅",))
    old = await people.asked_for_code(member, "自宅")
    people.later(minutes=5)
    begun = await people.begun(member, before=old.token)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    await people.delivered()
    people.later(minutes=5)
    new = await people.asked_for_code(member, "自宅")
    await Challenge.filter(id=old.asked.challenge_id).update(slot=None)
    outcome = await password_login.answer(people.hub, people.visit(), begun.token, new.right)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.newer_at) == (Reason.CHALLENGE_OVER, None)
    assert (await Challenge.get(id=new.asked.challenge_id)).tries_left == NUMBERS.code_tries


async def test_a_removed_contact_takes_its_code_with_it(people: People) -> None:
    """The code in the mail is dead, for a login that reads it anew and for one that read it before the removal."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    read_before = await Challenge.get(id=pending.asked.challenge_id)
    session = await people.stepped_up(member)
    assert await contacts.remove(people.hub, people.visit(), session, member.contacts["自宅"]) == Done()
    over = Refused(Reason.CHALLENGE_OVER)
    assert await password_login.answer(people.hub, people.visit(), pending.token, pending.right) == over
    question = Question(member.account.id, AuthenticatorKind.ONE_TIME_PASSWORD, read_before)
    async with in_transaction():
        assert await verify(people.hub, people.visit(), question, pending.right) == over


async def test_a_session_outlives_the_contact_that_opened_it_and_its_step_up_does_not(people: People) -> None:
    """Removing the contact leaves the session, which must ask for the password before it changes anything."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    admitted = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert isinstance(admitted, Admitted)
    session = await sessions.current(people.hub, admitted.token, now=people.now)
    assert session is not None
    stepped_up = await sessions.step_up(people.hub, people.visit(), session, PASSWORD)
    assert isinstance(stepped_up, sessions.SteppedUp)
    by_card = await people.stepped_up(member)
    await contacts.remove(people.hub, people.visit(), by_card, member.contacts["自宅"])
    session = await sessions.current(people.hub, stepped_up.token, now=people.now)
    assert session is not None
    assert not session.is_stepped_up(people.now)
    other = await sessions.current(people.hub, by_card.token, now=people.now)
    assert other is not None
    assert other.is_stepped_up(people.now)


async def test_a_disabled_account_neither_begins_nor_goes_on(people: People) -> None:
    """Its password, its waiting login and its session are refused, each like anything unknown."""
    member = await people.member()
    session = await people.session(member)
    pending = await people.asked_for_cells(member)
    await Account.filter(id=member.account.id).update(disabled_at=people.now)
    begun = await password_login.begin(people.hub, people.visit(), name="taro", password=PASSWORD)
    assert begun == Refused(Reason.PASSWORD_WRONG)
    answered = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert answered == Refused(Reason.LOGIN_OVER)
    assert await sessions.current(people.hub, session.token, now=people.now) is None
