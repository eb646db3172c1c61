"""How often a code goes out: the same one while it lives, and never more than the limits say."""

from datetime import timedelta

import pytest

from hub.domain.outcomes import Asked, ByContact, Hold, Throttled
from hub.login import password_login
from hub.settings import NUMBERS
from hub.verification.one_time_passwords import Posting, too_soon
from models.delivery import Delivery
from models.event import Event
from models.kinds import EventKind
from models.login import Challenge
from tests.support.factory import START, Member, People


async def _again(people: People, token: str) -> Asked | Throttled:
    outcome = await password_login.send_again(people.hub, people.visit(), token)
    assert isinstance(outcome, Asked | Throttled)
    return outcome


async def _choose(people: People, member: Member, label: str) -> Asked | Throttled:
    begun = await people.begun(member)
    outcome = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts[label]))
    assert isinstance(outcome, Asked | Throttled)
    return outcome


async def test_nothing_is_sent_before_a_label_is_chosen(people: People) -> None:
    """The password alone sends nothing."""
    await people.begun(await people.member(contacts=("自宅",)))
    assert await people.delivered() == []


async def test_a_code_sent_again_is_the_same_with_the_same_end_and_tries(people: People) -> None:
    """After 30 seconds and a wrong answer the second mail repeats the first; nothing starts anew."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    await password_login.answer(people.hub, people.visit(), pending.token, pending.wrong)
    people.later(seconds=30)
    again = await _again(people, pending.token)
    assert isinstance(again, Asked)
    assert again.challenge_id == pending.asked.challenge_id
    assert again.expires_at == pending.asked.expires_at == START + NUMBERS.code_life
    (sent,) = await people.delivered()
    assert sent.code == pending.right
    assert sent.expires_at == pending.asked.expires_at
    assert (await Challenge.get(id=again.challenge_id)).tries_left == 2


async def test_one_code_in_thirty_seconds_goes_to_a_contact(people: People) -> None:
    """Pressed sooner, "Send again" says how long to wait, and so does another login that chooses the contact."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    people.later(seconds=29)
    own = await _again(people, pending.token)
    assert own == Throttled(timedelta(seconds=1))
    assert isinstance(own, Throttled)
    assert own.why is Hold.SENT
    other = await _choose(people, member, "自宅")
    assert other == Throttled(timedelta(seconds=1))
    assert isinstance(other, Throttled)
    assert (other.why, other.ago) == (Hold.SENT_ELSEWHERE, timedelta(seconds=29))
    assert await people.delivered() == []
    people.later(seconds=1)
    assert isinstance(await _again(people, pending.token), Asked)
    assert len(await people.delivered()) == 1


async def test_many_logins_that_choose_a_label_at_once_send_one_code(people: People) -> None:
    """Twenty logins at the same moment: one challenge, one mail, one event; the others are told to wait."""
    member = await people.member(contacts=("自宅",))
    tokens = iter([(await people.begun(member)).token for _ in range(20)])
    way = ByContact(member.contacts["自宅"])
    outcomes = await people.at_once(20, lambda: password_login.choose(people.hub, people.visit(), next(tokens), way))
    assert [outcome.challenge_id for outcome in outcomes if isinstance(outcome, Asked)] == [(await Challenge.get()).id]
    assert outcomes.count(Throttled(NUMBERS.sent_gap)) == 19
    assert await Delivery.all().count() == 1
    assert await Event.filter(kind=EventKind.CODE_ASKED).count() == 1


async def test_a_mail_that_waits_for_the_mail_server_is_hurried_up_and_not_doubled(people: People) -> None:
    """Pressed while nothing has left yet, "Send again" makes the same row due at once."""
    member = await people.member(contacts=("自宅",))
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    await Delivery.all().update(due_at=people.now + timedelta(seconds=30), reply="451 not now")
    people.later(seconds=5)
    assert isinstance(await _again(people, begun.token), Asked)
    assert (await Delivery.get()).due_at == people.now


async def test_five_codes_an_hour_go_to_a_contact_and_another_label_is_free(people: People) -> None:
    """The sixth waits until the first is an hour old; the other contact is not held back by it."""
    member = await people.member(contacts=("自宅", "携帯"))
    for _ in range(5):
        assert isinstance(await _choose(people, member, "自宅"), Asked)
        assert len(await people.delivered()) == 1
        people.later(minutes=11)
    outcome = await _choose(people, member, "自宅")
    assert outcome == Throttled(timedelta(minutes=5))
    assert isinstance(await _choose(people, member, "携帯"), Asked)
    people.later(minutes=5)
    assert isinstance(await _choose(people, member, "自宅"), Asked)


async def test_ten_codes_an_hour_go_to_an_account(people: People) -> None:
    """Four contacts with three codes each would be twelve: the eleventh waits."""
    member = await people.member(contacts=("a", "b", "c", "d"))
    sent = []
    for label in ("a", "b", "c", "d") * 3:
        outcome = await _choose(people, member, label)
        sent.append(isinstance(outcome, Asked))
        await people.delivered()
        # Every four choices lie past the life of a code.
        people.later(minutes=2, seconds=40)
    assert sent == [True] * 10 + [False] * 2


async def test_five_challenges_of_an_account_live_at_once(people: People) -> None:
    """A sixth contact is not asked while five codes live: parallel codes are parallel guesses."""
    labels = ("a", "b", "c", "d", "e", "f")
    member = await people.member(contacts=labels)
    for label in labels[:5]:
        assert isinstance(await _choose(people, member, label), Asked)
    assert isinstance(await _choose(people, member, "f"), Throttled)
    people.later(minutes=10)
    assert isinstance(await _choose(people, member, "f"), Asked)


async def test_of_many_contacts_chosen_at_once_five_are_asked(people: People) -> None:
    """The count holds when all ten are chosen at the same moment."""
    labels = tuple("abcdefghij")
    member = await people.member(contacts=labels)
    turn = iter([((await people.begun(member)).token, ByContact(member.contacts[label])) for label in labels])
    outcomes = await people.at_once(10, lambda: password_login.choose(people.hub, people.visit(), *next(turn)))
    assert sum(isinstance(outcome, Asked) for outcome in outcomes) == 5
    assert await Delivery.all().count() == 5


@pytest.mark.parametrize(
    ("ago", "contact", "wait"),
    [
        ([], 1, 0),
        ([(1, 29)], 1, 1),
        ([(1, 30)], 1, 0),
        ([(2, 1)], 1, 0),
        ([(1, 60), (1, 120), (1, 180), (1, 240)], 1, 0),
        ([(1, 60), (1, 120), (1, 180), (1, 240), (1, 300)], 1, 3300),
        ([(1, 60), (1, 120), (1, 180), (1, 240), (1, 3600)], 1, 0),
        ([(2, 60 * n) for n in range(1, 10)], 1, 0),
        ([(2, 60 * n) for n in range(1, 11)], 1, 3000),
        ([(1, 3600 + 3600 * n) for n in range(1, 20)], 1, 0),
        ([(1, 3600 + 3600 * n) for n in range(1, 21)], 1, 7200 + 3600),
        ([(n % 5 + 2, 3600 + 1200 * n) for n in range(59)], 1, 0),
        ([(n % 5 + 2, 3600 + 1200 * n) for n in range(60)], 1, 12_000),
    ],
)
def test_how_long_until_one_more_code_may_go(ago: list[tuple[int, int]], contact: int, wait: int) -> None:
    """1 a 30 s, 5 an hour, 20 a day for a contact; 10 an hour, 60 a day for an account; the longest wait counts."""
    postings = [Posting(to, START - timedelta(seconds=seconds)) for to, seconds in ago]
    assert too_soon(postings, contact, now=START) == timedelta(seconds=wait)
