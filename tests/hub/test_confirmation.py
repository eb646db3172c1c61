"""How a contact is confirmed: what ends the code, what slows guesses down, how often a mail goes out."""

import asyncio
from dataclasses import replace
from datetime import UTC, timedelta
from email import message_from_bytes, policy

import pytest

from hub.accounts import accounts
from hub.contacts import confirmation, contacts, registration
from hub.contacts.confirmation import LinkElsewhere
from hub.domain.errors import RefusedError
from hub.domain.outcomes import Added, Admitted, Confirmed, Done, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.login import password_login
from hub.security import audit
from hub.sessions import sessions
from hub.settings import NUMBERS
from mail_gateway.outbound.messages import House, write
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, Zone
from tests.support.factory import Member, People, Registration


async def _added(people: People, member: Member, **given: str) -> Registration:
    return await people.adding(await people.stepped_up(member), **given)


async def test_the_mailed_code_confirms_a_contact_once(people: People) -> None:
    """The right code confirms; typed again it finds nothing to confirm."""
    waiting = await _added(people, await people.member())
    outcome = await confirmation.confirm_with_code(
        people.hub, people.visit(), waiting.session, waiting.contact_id, f" {waiting.code[:3]} {waiting.code[3:]}"
    )
    assert isinstance(outcome, Confirmed)
    assert outcome.is_first
    again = await confirmation.confirm_with_code(
        people.hub, people.visit(), waiting.session, waiting.contact_id, waiting.code
    )
    assert again == Refused(Reason.ALREADY_CONFIRMED)


async def test_five_wrong_codes_end_the_confirmation(people: People) -> None:
    """The fifth wrong code is the last; the right one is refused after it, a new mail carries another code."""
    waiting = await _added(people, await people.member())
    reasons = []
    for _ in range(5):
        outcome = await confirmation.confirm_with_code(
            people.hub, people.visit(), waiting.session, waiting.contact_id, waiting.wrong
        )
        assert isinstance(outcome, Refused)
        reasons.append((outcome.reason, outcome.tries_left))
        people.later(seconds=10)
    wrong = Reason.ANSWER_WRONG
    assert reasons == [(wrong, 4), (wrong, 3), (wrong, 2), (wrong, 1), (Reason.TRIES_SPENT, 0)]
    late = await confirmation.confirm_with_code(
        people.hub, people.visit(), waiting.session, waiting.contact_id, waiting.code
    )
    assert late == Refused(Reason.CHALLENGE_OVER)
    people.later(minutes=1)
    assert isinstance(
        await registration.send_again(people.hub, people.visit(), waiting.session, waiting.contact_id), Done
    )
    assert (await people.delivered())[-1].code != waiting.code


async def test_wrong_codes_slow_the_next_one_down_whichever_contact_it_is_for(people: People) -> None:
    """The account's count holds over its contacts: a second registration gives no fresh guesses."""
    member = await people.member()
    first = await _added(people, member, address="a@mail.test")
    second = await people.adding(first.session, label="携帯", address="b@mail.test")
    await confirmation.confirm_with_code(people.hub, people.visit(), first.session, first.contact_id, first.wrong)
    outcome = await confirmation.confirm_with_code(
        people.hub, people.visit(), second.session, second.contact_id, second.code
    )
    assert isinstance(outcome, Throttled)
    people.later(seconds=1)
    outcome = await confirmation.confirm_with_code(
        people.hub, people.visit(), second.session, second.contact_id, second.code
    )
    assert isinstance(outcome, Confirmed)


async def test_two_hundred_parallel_wrong_codes_are_one_guess(people: People) -> None:
    """All but the first find the way slowed down; the right code does too."""
    waiting = await _added(people, await people.member())
    outcomes = await people.at_once(
        200,
        lambda: confirmation.confirm_with_code(
            people.hub, people.visit(), waiting.session, waiting.contact_id, waiting.wrong
        ),
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Throttled) for outcome in outcomes) == 199
    right = await confirmation.confirm_with_code(
        people.hub, people.visit(), waiting.session, waiting.contact_id, waiting.code
    )
    assert isinstance(right, Throttled)


async def test_a_hundred_wrong_codes_close_confirming_for_a_day_and_no_way_to_log_in(people: People) -> None:
    """Confirmations have a count of their own: a login's codes go on, and the help desk opens both."""
    member = await people.member(contacts=("自宅",))
    waiting = await _added(people, member, label="携帯")
    await people.wronged(f"confirm:{member.account.id}:one_time_password", 100)

    async def confirmed() -> Confirmed | Refused | Throttled:
        return await confirmation.confirm_with_code(
            people.hub, people.visit(), waiting.session, waiting.contact_id, waiting.code
        )

    outcome = await confirmed()
    assert isinstance(outcome, Throttled)
    assert timedelta(hours=23) < outcome.retry_after <= timedelta(days=1)
    pending = await people.asked_for_code(member, "自宅")
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)
    assert isinstance(await confirmed(), Throttled)
    await accounts.unlock(people.hub, people.visit(), member.name)
    assert isinstance(await confirmed(), Confirmed)


async def test_a_confirmed_contact_forgives_no_wrong_answer_of_a_login(people: People) -> None:
    """Whoever confirms an address of his own gets no fresh guesses at a login's codes."""
    member = await people.member(contacts=("自宅",))
    waiting = await _added(people, member, label="携帯")
    await people.wronged(f"answer:{member.account.id}:one_time_password", 100)
    outcome = await confirmation.confirm_with_code(
        people.hub, people.visit(), waiting.session, waiting.contact_id, waiting.code
    )
    assert isinstance(outcome, Confirmed)
    pending = await people.asked_for_code(member, "自宅")
    refused = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert refused == Refused(Reason.KIND_CLOSED)


async def test_a_login_code_confirms_nothing_and_a_confirmation_code_admits_nobody(people: People) -> None:
    """The same contact has both: each code is good for its own purpose only."""
    member = await people.member()
    waiting = await _added(people, member)
    await Contact.filter(id=waiting.contact_id).update(confirmed_at=people.now)
    member.contacts["自宅"] = waiting.contact_id
    pending = await people.asked_for_code(member, "自宅")
    await Contact.filter(id=waiting.contact_id).update(confirmed_at=None)
    outcome = await confirmation.confirm_with_code(
        people.hub, people.visit(), waiting.session, waiting.contact_id, pending.right
    )
    assert isinstance(outcome, Refused)
    await Contact.filter(id=waiting.contact_id).update(confirmed_at=people.now)
    outcome = await password_login.answer(people.hub, people.visit(), pending.token, waiting.code)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.ANSWER_WRONG


async def test_another_account_can_confirm_neither_by_code_nor_by_url(people: People) -> None:
    """What was mailed is brought back to the account that asked, and to no other."""
    waiting = await _added(people, await people.member())
    other = await people.stepped_up(await people.member("hanako"))
    by_code = await confirmation.confirm_with_code(people.hub, people.visit(), other, waiting.contact_id, waiting.code)
    assert by_code == Refused(Reason.NOT_FOUND)
    by_url = await confirmation.confirm_with_link(people.hub, people.visit(), other, waiting.token)
    assert by_url == Refused(Reason.NOT_FOUND)
    shown = await confirmation.opened_link(people.hub, other, waiting.token, now=people.now)
    assert isinstance(shown, LinkElsewhere)
    assert (await Contact.get(id=waiting.contact_id)).confirmed_at is None


async def test_a_mailed_token_that_was_changed_opens_nothing(people: People) -> None:
    """Each letter of it counts, and so does its number."""
    waiting = await _added(people, await people.member())
    number, _, letters = waiting.token.partition("-")
    last = "a" if letters[-2] != "a" else "b"
    for token in (
        f"{number}-{letters[:-2]}{last}{letters[-1]}",
        f"{int(number) + 1}-{letters}",
        f"{number}-",
        "",
        "１-a",
        f"{'9' * 30}-{letters}",
    ):
        outcome = await confirmation.confirm_with_link(people.hub, people.visit(), waiting.session, token)
        assert outcome == Refused(Reason.NOT_FOUND), token


async def test_a_confirmation_ends_after_a_day(people: People) -> None:
    """Neither its code nor its URL is good at the end; a second before, they are."""
    member = await people.member()
    waiting = await _added(people, member)
    people.later(hours=23, minutes=59, seconds=59)
    session = await people.session(member)
    assert not isinstance(await confirmation.opened_link(people.hub, session, waiting.token, now=people.now), Refused)
    people.later(seconds=1)
    by_code = await confirmation.confirm_with_code(
        people.hub, people.visit(), session, waiting.contact_id, waiting.code
    )
    by_url = await confirmation.confirm_with_link(people.hub, people.visit(), session, waiting.token)
    assert by_code == by_url == Refused(Reason.CHALLENGE_OVER)


async def test_a_confirmation_sent_again_carries_the_same_code_and_url(people: People) -> None:
    """The second mail is the first one again: same code, same token, same end."""
    waiting = await _added(people, await people.member())
    people.later(minutes=2)
    await registration.send_again(people.hub, people.visit(), waiting.session, waiting.contact_id)
    (again,) = await people.delivered()
    assert again.code == waiting.code
    assert again.url.endswith(waiting.token)
    assert again.expires_at == people.now - timedelta(minutes=2) + NUMBERS.confirmation_life


async def test_one_confirmation_a_minute_goes_to_an_address_whoever_asks(people: People) -> None:
    """A second account that names the same address waits for its turn, and so does "Send again"."""
    waiting = await _added(people, await people.member(), address="Taro@Mail.test")
    other = await people.stepped_up(await people.member("hanako"))
    outcome = await registration.add(people.hub, people.visit(), other, label="自宅", address="Taro@MAIL.test")
    assert outcome == Throttled(NUMBERS.confirmation_gap)
    again = await registration.send_again(people.hub, people.visit(), waiting.session, waiting.contact_id)
    assert again == Throttled(NUMBERS.confirmation_gap)
    people.later(seconds=60)
    assert isinstance(
        await registration.add(people.hub, people.visit(), other, label="自宅", address="Taro@mail.test"), Added
    )


async def test_accounts_that_name_an_address_at_once_send_one_confirmation(people: People) -> None:
    """Eight accounts in the same moment: one mail, however many processes there are."""
    members = [await people.stepped_up(await people.member(f"member{number}")) for number in range(8)]
    outcomes = await asyncio.gather(
        *(
            registration.add(people.hub, people.visit(), member, label="自宅", address="taro@mail.test")
            for member in members
        )
    )
    assert sum(isinstance(outcome, Added) for outcome in outcomes) == 1


async def test_five_confirmations_a_day_go_to_an_address(people: People) -> None:
    """Removing the contact and adding it again starts no new day."""
    session = await people.stepped_up(await people.member())
    for _ in range(5):
        added = await registration.add(people.hub, people.visit(), session, label="自宅", address="taro@mail.test")
        assert isinstance(added, Added)
        await contacts.remove(people.hub, people.visit(), session, added.contact_id)
        people.later(seconds=61)
    outcome = await registration.add(people.hub, people.visit(), session, label="自宅", address="taro@mail.test")
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after > timedelta(hours=23)


async def test_an_account_has_five_confirmations_an_hour_sent_and_twenty_a_day(people: People) -> None:
    """To whichever addresses, though each contact was removed at once."""
    member = await people.member()
    numbers = iter(range(100))

    async def sent(times: int) -> int:
        session = await people.stepped_up(member)
        count = 0
        for _ in range(times):
            address = f"victim{next(numbers)}@mail.test"
            added = await registration.add(people.hub, people.visit(), session, label="自宅", address=address)
            if isinstance(added, Added):
                count += 1
                await contacts.remove(people.hub, people.visit(), session, added.contact_id)
            else:
                assert isinstance(added, Throttled)
        return count

    assert await sent(8) == 5
    for _ in range(3):
        people.later(minutes=61)
        assert await sent(6) == 5
    people.later(minutes=61)
    assert await sent(3) == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("victim+1@mail.test", "victim+2@mail.test"),
        ("Victim@mail.test", "victim@Mail.test"),
        ("vic.tim@gmail.com", "victim+x@googlemail.com"),
    ],
)
async def test_spellings_that_reach_one_mailbox_share_its_limit(people: People, first: str, second: str) -> None:
    """A tag, the case, or dots where the server ignores them make no new mailbox."""
    session = await people.stepped_up(await people.member())
    added = await registration.add(people.hub, people.visit(), session, label="one", address=first)
    assert isinstance(added, Added)
    again = await registration.add(people.hub, people.visit(), session, label="two", address=second)
    assert again == Throttled(NUMBERS.confirmation_gap)


async def test_a_confirmation_holds_no_words_of_the_asker(people: People) -> None:
    """A label could carry an advertisement to strangers."""
    session = await people.stepped_up(await people.member())
    label = "BUY NOW evil.example"
    await registration.add(people.hub, people.visit(), session, label=label, address="stranger@mail.test")
    (claimed,) = await people.hub.outbox.claim(Channel.MAIL, limit=9, now=people.now)
    branding = House("Portal <portal@portal.test>", "Portal", "https://portal.test", UTC)
    for language in ("en", "ja"):
        letter = bytes(write(replace(claimed, language=language), branding))
        text = message_from_bytes(letter, policy=policy.default)
        bodies = "".join(part.get_content() for part in text.walk() if part.get_content_maintype() == "text")
        assert claimed.code in bodies
        assert label not in bodies + str(text["Subject"])


async def test_three_confirmations_are_outstanding_at_most(people: People) -> None:
    """The fourth address waits until one of the three is confirmed or removed; at once they count too."""
    session = await people.stepped_up(await people.member())
    numbers = iter(range(10))

    async def add() -> Added | Refused | Throttled:
        number = next(numbers)
        return await registration.add(
            people.hub, people.visit(), session, label=f"no {number}", address=f"a{number}@mail.test"
        )

    outcomes = await people.at_once(6, add)
    assert sum(isinstance(outcome, Added) for outcome in outcomes) == 3
    assert outcomes.count(Refused(Reason.TOO_MANY)) == 3
    assert await Delivery.all().count() == 3


async def test_ten_contacts_at_most(people: People) -> None:
    """The eleventh is refused."""
    member = await people.member(contacts=tuple(f"no {number}" for number in range(10)))
    session = await people.stepped_up(member)
    outcome = await registration.add(people.hub, people.visit(), session, label="one more", address="x@mail.test")
    assert outcome == Refused(Reason.TOO_MANY)


async def test_labels_and_addresses_are_taken_once_an_account(people: People) -> None:
    """Full width and capitals are no other label, capitals in the domain no other address."""
    member = await people.member(contacts=("Home1",))
    session = await people.stepped_up(member)

    async def add(label: str, address: str) -> Added | Refused | Throttled:
        return await registration.add(people.hub, people.visit(), session, label=label, address=address)

    assert await add(" ＨＯＭＥ１ ", "x@mail.test") == Refused(Reason.LABEL_TAKEN)
    assert await add("other", "taro0@MAIL.Test") == Refused(Reason.ADDRESS_TAKEN)
    assert await add("\u202eother", "x@mail.test") == Refused(Reason.LABEL_BAD)
    assert await add("other", "x@mail.test\r\nBcc: y@mail.test") == Refused(Reason.ADDRESS_BAD)


async def test_a_disowned_address_is_closed_to_that_account(people: People) -> None:
    """Saying "this was not me" ends the registration; that account can't name it again, another can."""
    waiting = await _added(people, await people.member())
    assert await confirmation.refuse(people.hub, people.visit(), waiting.token) == Done()
    assert not await Contact.exists(id=waiting.contact_id)
    people.later(minutes=2)
    again = await registration.add(people.hub, people.visit(), waiting.session, label="自宅", address="taro@mail.test")
    assert again == Refused(Reason.ADDRESS_REFUSED)
    other = await people.stepped_up(await people.member("hanako"))
    assert isinstance(
        await registration.add(people.hub, people.visit(), other, label="自宅", address="taro@mail.test"), Added
    )


async def test_an_operator_opens_a_refused_address_again(people: People) -> None:
    """Once allowed, the address can be added again, and the audit tells of it; one that is not closed is refused."""
    waiting = await _added(people, await people.member())
    await confirmation.refuse(people.hub, people.visit(), waiting.token)
    people.later(minutes=2)
    await accounts.allow_address(people.hub, people.visit(), "taro", "taro@MAIL.test")
    told = await audit.listed(account_id=waiting.session.account_id, limit=50)
    assert [one.kind for one in told].count("contact-allowed") == 1
    again = await registration.add(people.hub, people.visit(), waiting.session, label="自宅", address="taro@mail.test")
    assert isinstance(again, Added)
    with pytest.raises(RefusedError, match="is not closed to this account"):
        await accounts.allow_address(people.hub, people.visit(), "taro", "taro@mail.test")


async def test_nothing_is_enrolled_off_campus_by_the_matrix_card(people: People) -> None:
    """Opened off campus, or asked from there: refused, and nothing is written; the password is not even asked."""
    member = await people.member()
    outside = Visit(people.now, "203.0.113.7", Zone.OFF_CAMPUS)
    from_outside = await people.session(member, visit=outside)
    inside = await people.stepped_up(member)
    refused = Refused(Reason.MATRIX_OFF_CAMPUS)
    assert await sessions.step_up(people.hub, people.visit(), from_outside, "whatever") == refused
    for session, visit in ((from_outside, people.visit()), (inside, outside)):
        outcome = await registration.add(people.hub, visit, session, label="自宅", address="taro@mail.test")
        assert outcome == refused
    assert await Contact.all().count() == 0


async def test_nothing_is_enrolled_without_the_password_asked_again(people: People) -> None:
    """A session alone adds nothing; ten minutes after the step-up it is asked again."""
    member = await people.member()
    session = await people.session(member)
    refused = Refused(Reason.STEP_UP_NEEDED)
    assert await registration.add(people.hub, people.visit(), session, label="a", address="a@mail.test") == refused
    stepped_up = await people.stepped_up(member)
    people.later(minutes=10)
    assert await registration.add(people.hub, people.visit(), stepped_up, label="a", address="a@mail.test") == refused
