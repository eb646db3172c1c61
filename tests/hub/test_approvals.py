"""Approval by number matching: who may give it, what it opens, and what guessing and fatigue get."""

from datetime import timedelta

import pytest

from hub.accounts import accounts
from hub.authenticators import approval
from hub.domain import policy
from hub.domain.outcomes import (
    Admitted,
    Approved,
    Asked,
    ByApproval,
    ByContact,
    Choose,
    DeliveryState,
    Offer,
    Reason,
    Refused,
    Throttled,
)
from hub.domain.policy import Bound, BoundContact
from hub.login import password_login
from hub.outbox.messages import Deferred, Failed
from hub.recovery import disavow
from hub.sessions import sessions
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.event import Event
from models.kinds import AuthenticatorKind, Channel, EventKind
from models.login import Challenge, Login
from models.session import Session
from models.throttle import Throttle
from tests.support.factory import Member, People
from tests.support.slack_members import HANAKO, Ringing, in_slack, received, ringing, typed


async def _taro(people: People) -> Member:
    member = await people.member()
    await in_slack(people, member)
    return member


async def _goes_in(people: People, ring: Ringing) -> object:
    return await password_login.answer(people.hub, people.visit(), ring.token, "")


def test_every_pair_of_digits_is_drawn() -> None:
    """A MAC becomes 00 to 99, each as often as another."""
    drawn = [approval.reduce(number.to_bytes(8, "big")) for number in range(1000)]
    assert sorted(set(drawn)) == [f"{number:02d}" for number in range(100)]
    assert all(drawn.count(pair) == 10 for pair in set(drawn))


@pytest.mark.parametrize(
    ("expected", "told", "right"),
    [("07", "07", True), ("07", "7", False), ("07", "70", False), ("07", "", False), ("07", "０７", False)],
)
def test_digits_are_compared_whole(expected: str, told: str, right: bool) -> None:
    """Seven is not 07; what was full-width is made plain before."""
    assert approval.is_right(expected, told) is right


def test_a_slack_contact_offers_its_code_first_and_an_approval_behind_all_codes() -> None:
    """Mail offers a code alone; the default stays the first label's code."""
    bound = Bound((BoundContact(1, "chat", Channel.SLACK), BoundContact(2, "home", Channel.MAIL)))
    assert policy.offers(bound) == (
        Offer(ByContact(1), "chat", Channel.SLACK),
        Offer(ByContact(2), "home", Channel.MAIL),
        Offer(ByApproval(1), "chat", Channel.SLACK),
    )


def test_an_approval_is_a_second_channel_and_a_second_factor() -> None:
    """RFC 8176: mca, and mfa beside the password; alone or twice it is never enough."""
    assert policy.amr((AuthenticatorKind.PASSWORD, AuthenticatorKind.APPROVAL)) == "pwd mca mfa"
    assert not policy.is_enough((AuthenticatorKind.APPROVAL, AuthenticatorKind.ONE_TIME_PASSWORD))


async def test_the_right_digits_admit_the_browser_that_waits_and_nobody_else(people: People) -> None:
    """Typed in Slack they open nothing; the login's own browser goes in, once, and another login does not."""
    member = await _taro(people)
    other = await people.begun(member)
    ring = await ringing(people, member)
    assert await _goes_in(people, ring) == Refused(Reason.NOT_APPROVED)
    assert await typed(people, ring, ring.digits) == Approved("taro", "chat")
    assert not await Session.exists()
    assert await password_login.answer(people.hub, people.visit(), other.token, "") == Refused(Reason.NOT_OFFERED)
    admitted = await _goes_in(people, ring)
    assert isinstance(admitted, Admitted)
    session = await sessions.current(people.hub, admitted.token, now=people.now)
    assert session is not None
    assert session.amr == "pwd mca mfa"
    assert await _goes_in(people, ring) == Refused(Reason.LOGIN_OVER)
    assert (await Contact.get(id=member.contacts["chat"])).used_at == people.now


async def test_the_digits_are_drawn_once_for_a_login_and_rest_nowhere(people: People) -> None:
    """Chosen again, asked again and after another way they are the same, and one message is sent; no row has them."""
    member = await _taro(people)
    ring = await ringing(people, member)
    again = await password_login.choose(people.hub, people.visit(), ring.token, ByApproval(member.contacts["chat"]))
    shown = await password_login.asked(people.hub, ring.token, now=people.now)
    await password_login.choose(people.hub, people.visit(), ring.token, ByContact(member.contacts["chat"]))
    back = await password_login.choose(people.hub, people.visit(), ring.token, ByApproval(member.contacts["chat"]))
    for asked in (again, shown, back):
        assert isinstance(asked, Asked)
        assert asked.digits == ring.digits
    assert await Delivery.filter(letter="approval").count() == 1
    (letter,) = [one for one in await received(people) if one.letter == "approval"]
    assert letter.code == ""
    assert "digits" not in repr(ring.asked)


async def test_the_page_is_told_where_the_message_is_and_when_it_is_approved(people: People) -> None:
    """Waiting, then accepted, then approved."""
    ring = await ringing(people, await _taro(people))
    assert ring.asked.kind is AuthenticatorKind.APPROVAL
    assert ring.asked.delivery is not None
    assert ring.asked.delivery.state is DeliveryState.WAITING
    await received(people)
    await typed(people, ring, ring.digits)
    asked = await password_login.asked(people.hub, ring.token, now=people.now)
    assert isinstance(asked, Asked)
    assert asked.delivery is not None
    assert asked.delivery.state is DeliveryState.ACCEPTED
    assert asked.is_approved


async def test_a_wrong_number_ends_the_login_and_counts(people: People) -> None:
    """The right one afterwards opens nothing; the next request is heard only behind the soft lock."""
    member = await _taro(people)
    ring = await ringing(people, member)
    assert await typed(people, ring, ring.wrong) == Refused(Reason.DIGITS_WRONG)
    # Ended in its own row too, by which the message in Slack loses its button.
    assert (await Challenge.get(id=ring.asked.challenge_id)).revoked_at == people.now
    assert await typed(people, ring, ring.digits) == Refused(Reason.APPROVAL_OVER)
    assert await _goes_in(people, ring) == Refused(Reason.LOGIN_OVER)
    assert (await Throttle.get(subject=_subject(member))).wrong == 1
    second = await ringing(people, member)
    assert await typed(people, second, second.digits) == Throttled(timedelta(seconds=1))
    people.later(seconds=1)
    assert isinstance(await typed(people, second, second.digits), Approved)
    assert isinstance(await _goes_in(people, second), Admitted)


@pytest.mark.parametrize("told", ["", "7", "123", "ab", "1a", "一二"])
async def test_what_can_be_no_number_costs_nothing(people: People, told: str) -> None:
    """A slip of the keyboard ends nothing."""
    ring = await ringing(people, await _taro(people))
    assert await typed(people, ring, told) == Refused(Reason.DIGITS_MISSING)
    assert isinstance(await typed(people, ring, ring.digits), Approved)


async def test_digits_may_be_typed_wide_and_with_spaces(people: People) -> None:
    """As at every field for a code."""
    ring = await ringing(people, await _taro(people))
    wide = ring.digits.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert isinstance(await typed(people, ring, f" {wide[0]} {wide[1]}"), Approved)


async def test_two_hundred_parallel_wrong_digits_are_one_guess(people: People) -> None:
    """One is compared; the login has ended, so the right digits at the same moment open nothing, and the lock holds."""
    member = await _taro(people)
    ring = await ringing(people, member)
    outcomes = await people.at_once(200, lambda: typed(people, ring, ring.wrong))
    assert outcomes.count(Refused(Reason.DIGITS_WRONG)) == 1
    assert outcomes.count(Refused(Reason.APPROVAL_OVER)) == 199
    assert await Event.filter(kind=EventKind.ANSWER_WRONG).count() == 1
    assert await typed(people, ring, ring.digits) == Refused(Reason.APPROVAL_OVER)
    following = await ringing(people, member)
    assert isinstance(await typed(people, following, following.digits), Throttled)


async def test_two_hundred_wrong_digits_over_an_hours_logins_are_three_guesses(people: People) -> None:
    """However many logins ring, three requests an hour go out, and each bears one guess."""
    member = await _taro(people)
    begun = [await people.begun(member) for _ in range(5)]
    rings: list[Ringing] = []
    for one in begun:
        outcome = await password_login.choose(
            people.hub, people.visit(), one.token, ByApproval(member.contacts["chat"])
        )
        if isinstance(outcome, Asked):
            delivery = await Delivery.filter(letter="approval").order_by("-id").first()
            assert delivery is not None
            rings.append(Ringing(one.token, outcome, delivery.id, delivery.message_id.strip("<>")))
        else:
            assert outcome == Throttled(timedelta(hours=1))
    assert len(rings) == 3
    compared = 0
    for number in range(200):
        ring = rings[number % 3]
        outcome = await typed(people, ring, ring.wrong)
        compared += outcome == Refused(Reason.DIGITS_WRONG)
        people.later(seconds=5)
    assert compared == 3


async def test_the_fourth_request_within_an_hour_waits(people: People) -> None:
    """Approval fatigue: three an hour, over all logins; the code of the same label is sent as before."""
    member = await _taro(people)
    for _ in range(3):
        await ringing(people, member)
        people.later(minutes=1)
    begun = await people.begun(member)
    way = ByApproval(member.contacts["chat"])
    outcome = await password_login.choose(people.hub, people.visit(), begun.token, way)
    assert outcome == Throttled(timedelta(minutes=57))
    code = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["chat"]))
    assert isinstance(code, Asked)
    people.later(minutes=57)
    begun = await people.begun(member)
    assert isinstance(await password_login.choose(people.hub, people.visit(), begun.token, way), Asked)


async def test_the_twenty_first_request_within_a_day_waits(people: People) -> None:
    """Three an hour would be 72 a day; the code of the same label is sent as before."""
    member = await _taro(people)
    for _ in range(20):
        await ringing(people, member)
        people.later(minutes=21)
    begun = await people.begun(member)
    way = ByApproval(member.contacts["chat"])
    outcome = await password_login.choose(people.hub, people.visit(), begun.token, way)
    assert outcome == Throttled(timedelta(hours=24) - 20 * timedelta(minutes=21))
    code = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["chat"]))
    assert isinstance(code, Asked)


async def test_parallel_requests_are_three_an_hour_too(people: People) -> None:
    """Ten logins that ring at the same moment send three messages."""
    member = await _taro(people)
    tokens = iter([(await people.begun(member)).token for _ in range(10)])
    way = ByApproval(member.contacts["chat"])
    outcomes = await people.at_once(10, lambda: password_login.choose(people.hub, people.visit(), next(tokens), way))
    assert sum(isinstance(outcome, Asked) for outcome in outcomes) == 3
    assert await Delivery.filter(letter="approval").count() == 3


async def test_a_hundred_wrong_numbers_close_approvals_and_nothing_else(people: People) -> None:
    """The matrix card still opens; approvals stay closed until they are opened."""
    member = await _taro(people)
    await people.wronged(_subject(member), 100)
    ring = await ringing(people, member)
    assert await typed(people, ring, ring.digits) == Refused(Reason.KIND_CLOSED)
    cells = await people.asked_for_cells(member)
    assert isinstance(await password_login.answer(people.hub, people.visit(), cells.token, cells.right), Admitted)
    assert await typed(people, ring, ring.digits) == Refused(Reason.KIND_CLOSED)


async def test_the_help_desk_opens_closed_approvals(people: People) -> None:
    """Unlocked, the very request that waits is heard."""
    member = await _taro(people)
    await people.wronged(_subject(member), 100)
    ring = await ringing(people, member)
    assert await accounts.unlock(people.hub, people.visit(), member.name) == 1
    assert isinstance(await typed(people, ring, ring.digits), Approved)


async def test_only_who_received_the_request_may_approve(people: People) -> None:
    """Another Slack user, a linked one too, is told that there is nothing; the digits stay good for the owner."""
    member = await _taro(people)
    hanako = await people.member("hanako")
    await in_slack(people, hanako, speaker=HANAKO)
    ring = await ringing(people, member)
    for speaker in (HANAKO, "T0CAMPUS/U0NOBODY", "T0OTHER/U0TARO", "", "/"):
        assert await typed(people, ring, ring.digits, speaker=speaker) == Refused(Reason.NOT_FOUND)
        assert await typed(people, ring, ring.wrong, speaker=speaker) == Refused(Reason.NOT_FOUND)
    assert isinstance(await typed(people, ring, ring.digits), Approved)


async def test_a_request_of_another_account_is_not_answered_by_these_digits(people: People) -> None:
    """Each login has digits of its own, derived from its own challenge."""
    member = await _taro(people)
    ring = await ringing(people, member)
    for _ in range(2):
        other = await ringing(people, member)
        if other.digits != ring.digits:
            break
    assert other.digits != ring.digits
    assert await typed(people, other, ring.digits) == Refused(Reason.DIGITS_WRONG)
    assert await _goes_in(people, other) == Refused(Reason.LOGIN_OVER)
    people.later(seconds=1)
    assert isinstance(await typed(people, ring, ring.digits), Approved)


async def test_a_request_has_an_end(people: People) -> None:
    """To the microsecond: with the login's ten minutes, for the digits and for the button on the page."""
    member = await _taro(people)
    late, early = await ringing(people, member), await ringing(people, member)
    assert ring_ends(late) == people.now + timedelta(minutes=10)
    people.later(minutes=10, microseconds=-1)
    assert isinstance(await typed(people, early, early.digits), Approved)
    people.later(microseconds=1)
    assert await typed(people, late, late.digits) == Refused(Reason.APPROVAL_OVER)
    assert await _goes_in(people, early) == Refused(Reason.LOGIN_OVER)


async def test_pressed_twice_the_second_says_that_it_is_approved(people: People) -> None:
    """Before the browser goes in and after it; a wrong number no longer ends what is approved."""
    ring = await ringing(people, await _taro(people))
    assert isinstance(await typed(people, ring, ring.digits), Approved)
    assert await typed(people, ring, ring.digits) == Refused(Reason.ALREADY_APPROVED)
    assert await typed(people, ring, ring.wrong) == Refused(Reason.ALREADY_APPROVED)
    assert isinstance(await _goes_in(people, ring), Admitted)
    assert await typed(people, ring, ring.digits) == Refused(Reason.ALREADY_APPROVED)


async def test_two_approvals_at_once_are_one(people: People) -> None:
    """Fifty at the same moment: one says approved, and fifty browsers' requests open one session."""
    ring = await ringing(people, await _taro(people))
    outcomes = await people.at_once(50, lambda: typed(people, ring, ring.digits))
    assert sum(isinstance(outcome, Approved) for outcome in outcomes) == 1
    assert outcomes.count(Refused(Reason.ALREADY_APPROVED)) == 49
    entries = await people.at_once(50, lambda: _goes_in(people, ring))
    assert sum(isinstance(outcome, Admitted) for outcome in entries) == 1
    assert await Session.all().count() == 1


async def test_an_approval_while_the_login_ends_opens_nothing(people: People) -> None:
    """Approved and disowned at once: whichever comes first, no session is open afterwards."""
    ring = await ringing(people, await _taro(people))
    answers = iter([0, 1])

    async def act() -> object:
        if next(answers):
            return await disavow.disown(people.hub, people.visit(), ring.delivery_id)
        return await typed(people, ring, ring.digits)

    await people.at_once(2, act)
    assert await _goes_in(people, ring) == Refused(Reason.LOGIN_OVER)
    assert not await Session.filter(ended_at=None).exists()


async def test_what_was_approved_and_left_is_no_way_in_later(people: People) -> None:
    """Another way chosen, the approval no longer answers; the login that ended by another way stays ended."""
    member = await _taro(people)
    ring = await ringing(people, member)
    await typed(people, ring, ring.digits)
    await password_login.choose(people.hub, people.visit(), ring.token, ByContact(member.contacts["chat"]))
    outcome = await _goes_in(people, ring)
    assert outcome == Refused(Reason.CODE_MISSHAPEN)


async def test_a_request_that_the_page_has_left_is_over(people: People) -> None:
    """Digits typed after another way was chosen approve nothing."""
    member = await _taro(people)
    ring = await ringing(people, member)
    await password_login.choose(people.hub, people.visit(), ring.token, ByContact(member.contacts["chat"]))
    assert await typed(people, ring, ring.digits) == Refused(Reason.APPROVAL_OVER)


async def test_a_denial_ends_the_login_counts_and_keeps_requests_away(people: People) -> None:
    """The button "This was not me": the browser is out, codes and approvals are blocked, the help desk sees it."""
    member = await _taro(people)
    ring = await ringing(people, member)
    await typed(people, ring, ring.digits)
    outcome = await disavow.disown(people.hub, people.visit(), ring.delivery_id)
    assert isinstance(outcome, disavow.Disowned)
    assert await _goes_in(people, ring) == Refused(Reason.LOGIN_OVER)
    assert (await Throttle.get(subject=_subject(member))).wrong == 1
    begun = await people.begun(member)
    refused = await password_login.choose(people.hub, people.visit(), begun.token, ByApproval(member.contacts["chat"]))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.CODES_BLOCKED
    assert (await accounts.show("taro", now=people.now)).disowned_at == people.now


async def test_a_session_that_an_approval_opened_is_ended_by_disowning_its_message(people: People) -> None:
    """Found out too late is not too late."""
    ring = await ringing(people, await _taro(people))
    await typed(people, ring, ring.digits)
    admitted = await _goes_in(people, ring)
    assert isinstance(admitted, Admitted)
    await disavow.disown(people.hub, people.visit(), ring.delivery_id)
    assert await sessions.current(people.hub, admitted.token, now=people.now) is None


@pytest.mark.parametrize("change", ["removed", "suspended", "disabled"])
async def test_what_does_not_count_any_more_approves_nothing(people: People, change: str) -> None:
    """A contact that was removed or suspended meanwhile, or a disabled account."""
    member = await _taro(people)
    ring = await ringing(people, member)
    contact = Contact.filter(id=member.contacts["chat"])
    match change:
        case "removed":
            await contact.delete()
        case "suspended":
            await contact.update(suspended_at=people.now)
        case _:
            await Account.filter(id=member.account.id).update(disabled_at=people.now)
    assert await typed(people, ring, ring.digits) == Refused(Reason.NOT_FOUND)
    assert not isinstance(await _goes_in(people, ring), Admitted)


async def test_a_lost_message_is_sent_again_with_the_same_digits_within_the_hours_three(people: People) -> None:
    """Whoever holds the contact may have it again; the page's digits stay."""
    member = await _taro(people)
    ring = await ringing(people, member)
    for _ in range(2):
        again = await password_login.send_to(people.hub, people.visit(), member.contacts["chat"])
        assert isinstance(again, Asked)
        assert again.digits == ring.digits
    assert isinstance(await password_login.send_to(people.hub, people.visit(), member.contacts["chat"]), Throttled)
    newest = await Delivery.filter(letter="approval").order_by("-id").first()
    assert newest is not None
    assert isinstance(
        await typed(people, Ringing(ring.token, ring.asked, newest.id, newest.message_id.strip("<>")), ring.digits),
        Approved,
    )


async def test_a_request_that_could_not_be_delivered_is_made_anew_when_it_is_chosen_again(people: People) -> None:
    """Slack is back: the same digits, another message; one that waits still is hurried up instead."""
    member = await _taro(people)
    ring = await ringing(people, member)
    way = ByApproval(member.contacts["chat"])
    (claimed,) = await people.hub.outbox.claim(Channel.SLACK, limit=9, now=people.now)
    await people.hub.outbox.report(claimed, Deferred("down", timedelta(minutes=1)), now=people.now)
    await password_login.choose(people.hub, people.visit(), ring.token, way)
    (claimed,) = await people.hub.outbox.claim(Channel.SLACK, limit=9, now=people.now)
    assert claimed.attempt == 2
    await people.hub.outbox.report(claimed, Failed("gone"), now=people.now)
    asked = await password_login.choose(people.hub, people.visit(), ring.token, way)
    assert isinstance(asked, Asked)
    assert asked.digits == ring.digits
    (again,) = await received(people)
    assert again.id != claimed.id


async def test_a_login_rings_one_contact_at_a_time(people: People) -> None:
    """Another Slack contact chosen, the first one's request is over and the digits are others."""
    member = await _taro(people)
    await in_slack(people, member, label="work", speaker=HANAKO)
    first = await ringing(people, member)
    second = await password_login.choose(people.hub, people.visit(), first.token, ByApproval(member.contacts["work"]))
    assert isinstance(second, Asked)
    assert second.challenge_id != first.asked.challenge_id
    assert await typed(people, first, first.digits) == Refused(Reason.APPROVAL_OVER)
    assert await Challenge.filter(kind="approval", slot__isnull=False).count() == 1


async def test_asking_too_soon_is_no_wrong_answer(people: People) -> None:
    """The button "I have approved", pressed a hundred times before it is true, counts nothing."""
    member = await _taro(people)
    ring = await ringing(people, member)
    for _ in range(100):
        assert await _goes_in(people, ring) == Refused(Reason.NOT_APPROVED)
    assert not await Throttle.exists(subject=_subject(member))
    await typed(people, ring, ring.digits)
    assert isinstance(await _goes_in(people, ring), Admitted)


async def test_the_choice_shows_the_code_first(people: People) -> None:
    """A label's first entry is its code, as before; the approval stands behind it."""
    member = await _taro(people)
    begun = await people.begun(member)
    assert isinstance(begun.step, Choose)
    ways = [offer.way for offer in begun.step.offers]
    contact = member.contacts["chat"]
    assert ways[:2] == [ByContact(contact), ByApproval(contact)]
    assert await Login.all().count() == 1


def ring_ends(ring: Ringing) -> object:
    """When a request ends."""
    return ring.asked.expires_at


def _subject(member: Member) -> str:
    return f"answer:{member.account.id}:approval"
