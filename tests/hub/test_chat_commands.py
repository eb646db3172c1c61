"""What a member may do in a chat: by the web's rules, and by nobody else than the linked Slack user."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from tortoise.transactions import in_transaction

from hub.accounts import accounts
from hub.contacts import confirmation
from hub.context import Hub
from hub.domain.outcomes import Added, Admitted, Asked, ByContact, Confirmed, Done, Reason, Refused, Throttled
from hub.inbound import chat_commands
from hub.inbound.chat_commands import OnPage, State
from hub.login import password_login
from hub.recovery import disavow
from hub.recovery.disavow import Locked
from hub.security import challenges
from hub.sessions import sessions
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Letter, Notice
from models.login import Challenge
from models.throttle import Throttle
from tests.support.factory import Member, People, wrong_for
from tests.support.slack_members import HANAKO, TARO, in_slack, received, ringing, said

NOBODY = Refused(Reason.NOT_LINKED)


async def _taro(people: People) -> Member:
    member = await people.member(contacts=("home",))
    await in_slack(people, member)
    return member


async def _added(people: People, *, label: str = "自宅", address: str = "taro@example.test") -> tuple[int, str]:
    """Add an address in the chat; returns the contact and the code in its mail."""
    outcome = await chat_commands.add(people.hub, said(people), TARO, label=label, address=address)
    assert isinstance(outcome, Added), outcome
    sent = [one for one in await people.delivered() if one.letter is Letter.CONFIRMATION]
    return outcome.contact_id, sent[-1].code


async def test_j4_an_address_added_in_the_chat_is_confirmed_with_its_mails_code(people: People) -> None:
    """`add`, the same mail, `confirm`: the address counts, and every other contact is told of it, Slack too."""
    member = await _taro(people)
    contact_id, code = await _added(people)
    assert (await Contact.get(id=contact_id)).confirmed_at is None
    outcome = await chat_commands.confirm(people.hub, said(people), TARO, code)
    assert outcome == Confirmed(contact_id, "自宅", is_first=False)
    assert [one.notice for one in await received(people)] == [Notice.CONTACT_ADDED]
    assert [one.address for one in await people.delivered()] == ["taro0@mail.test"]
    begun = await people.begun(member)
    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(contact_id))
    assert isinstance(asked, Asked)


async def test_j4_however_it_was_confirmed_the_bot_says_so(people: People) -> None:
    """By the URL in a logged-in browser, by an answer from the mailbox, by the code on the page: Slack is told."""
    member = await _taro(people)
    session = await people.session(member)
    for number, way in enumerate(("url", "answer", "page")):
        contact_id, code = await _added(people, label=way, address=f"{way}@example.test")
        challenge = await Challenge.get(slot=f"confirm:{contact_id}")
        match way:
            case "url":
                token = challenges.token_of(people.hub.keys, challenge)
                outcome: object = await confirmation.confirm_with_link(people.hub, people.visit(), session, token)
            case "answer":
                async with in_transaction():
                    found = await confirmation.confirm_by_answer(people.hub, people.visit(), challenge.id)
                    outcome = found[0] if isinstance(found, tuple) else found
            case _:
                outcome = await confirmation.confirm_with_code(people.hub, people.visit(), session, contact_id, code)
        assert isinstance(outcome, Confirmed), (number, outcome)
        told = [one for one in await received(people) if one.notice == Notice.CONTACT_ADDED]
        assert [one.subject_label for one in told] == [way]


async def test_nothing_is_confirmed_in_the_chat_while_codes_are_blocked(people: People) -> None:
    """Whoever holds the member's Slack has no password: the right code counts once the block is over."""
    member = await _taro(people)
    contact_id, code = await _added(people)
    until = people.now + timedelta(hours=1)
    await Account.filter(id=member.account.id).update(codes_blocked_until=until)
    for named in (None, contact_id):
        outcome = await chat_commands.confirm(people.hub, said(people), TARO, code, contact_id=named)
        assert outcome == Refused(Reason.CODES_BLOCKED, until=until)
    people.later(hours=1)
    assert isinstance(await chat_commands.confirm(people.hub, said(people), TARO, code), Confirmed)


@pytest.mark.parametrize("end", ["lock", "disown"])
async def test_what_waits_for_its_confirmation_ends_with_everything_else(people: People, end: str) -> None:
    """A stranger in the member's Slack asked for it: its mail's yes, URL and code confirm nothing, then or later."""
    member = await _taro(people)
    await people.asked_for_code(member, "home")
    contact_id, code = await _added(people)
    challenge = await Challenge.get(slot=f"confirm:{contact_id}")
    if end == "lock":
        assert isinstance(await chat_commands.lock(people.hub, said(people), TARO), Locked)
    else:
        letter = await Delivery.get(letter=Letter.CODE)
        assert isinstance(await disavow.disown(people.hub, people.visit(), letter.id), disavow.Disowned)
    over = Refused(Reason.CHALLENGE_OVER)
    async with in_transaction():
        assert await confirmation.confirm_by_answer(people.hub, people.visit(), challenge.id) == over
    people.later(hours=2)
    assert await chat_commands.confirm(people.hub, said(people), TARO, code) == over
    session = await people.session(member)
    token = challenges.token_of(people.hub.keys, challenge)
    assert await confirmation.confirm_with_link(people.hub, people.visit(), session, token) == over
    assert (await Contact.get(id=contact_id)).confirmed_at is None


async def test_an_address_that_a_stranger_added_in_slack_goes_when_its_notice_is_disowned(people: People) -> None:
    """No session asked for it, and still it is unbound, with the sessions that it opened and the Slack that asked."""
    member = await _taro(people)
    contact_id, code = await _added(people)
    await chat_commands.confirm(people.hub, said(people), TARO, code)
    (notice,) = [one for one in await people.delivered() if one.notice == Notice.CONTACT_ADDED]
    people.later(minutes=1)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(contact_id))
    (sent,) = [one for one in await people.delivered() if one.letter is Letter.CODE]
    admitted = await password_login.answer(people.hub, people.visit(), begun.token, sent.code)
    assert isinstance(admitted, Admitted)
    await disavow.disown(people.hub, people.visit(), notice.id)
    assert await sessions.current(people.hub, admitted.token, now=people.now) is None
    assert [one.label for one in await Contact.all().order_by("id")] == ["home"]
    assert await chat_commands.removal(people.hub, TARO, "home") == NOBODY


@pytest.mark.parametrize(
    ("label", "address", "reason"),
    [
        ("", "a@b.test", Reason.LABEL_BAD),
        ("x" * 33, "a@b.test", Reason.LABEL_BAD),
        ("HOME", "a@b.test", Reason.LABEL_TAKEN),
        ("new", "nobody", Reason.ADDRESS_BAD),
        ("new", "a@b.test\r\nBcc: c@d.test", Reason.ADDRESS_BAD),
        ("new", "taro0@mail.test", Reason.ADDRESS_TAKEN),
    ],
)
async def test_adding_keeps_the_webs_rules(people: People, label: str, address: str, reason: Reason) -> None:
    """The same refusals, and no mail."""
    await _taro(people)
    assert await chat_commands.add(people.hub, said(people), TARO, label=label, address=address) == Refused(reason)
    assert not await Delivery.filter(letter=Letter.CONFIRMATION).exists()


async def test_three_confirmations_are_outstanding_at_most(people: People) -> None:
    """Nobody bombs strangers with mail from a chat."""
    await _taro(people)
    for number in range(3):
        await _added(people, label=f"label {number}", address=f"{number}@example.test")
    outcome = await chat_commands.add(people.hub, said(people), TARO, label="more", address="more@example.test")
    assert outcome == Refused(Reason.TOO_MANY)


async def test_one_address_is_written_to_once_a_minute_whoever_asks(people: People) -> None:
    """From a chat as from the web."""
    await _taro(people)
    hanako = await people.member("hanako")
    await in_slack(people, hanako, speaker=HANAKO)
    await _added(people)
    outcome = await chat_commands.add(people.hub, said(people, HANAKO), HANAKO, label="x", address="taro@example.test")
    assert outcome == Throttled(timedelta(minutes=1))


async def test_a_confirmation_bears_five_wrong_codes(people: People) -> None:
    """Spent before they are told; the right one afterwards confirms nothing."""
    await _taro(people)
    contact_id, code = await _added(people)
    reasons = []
    for _ in range(6):
        outcome = await chat_commands.confirm(people.hub, said(people), TARO, wrong_for(code))
        assert isinstance(outcome, Refused)
        reasons.append(outcome.reason)
        people.later(seconds=10)
    assert reasons == [Reason.ANSWER_WRONG] * 4 + [Reason.TRIES_SPENT, Reason.CHALLENGE_OVER]
    assert isinstance(await chat_commands.confirm(people.hub, said(people), TARO, code), Refused)
    assert (await Contact.get(id=contact_id)).confirmed_at is None


async def test_a_wrong_code_is_a_try_of_every_confirmation_it_was_compared_with(people: People) -> None:
    """Three that wait give no fifteen guesses."""
    await _taro(people)
    codes = [await _added(people, label=f"l{n}", address=f"{n}@example.test") for n in range(3)]
    wrong = next(f"{n:06d}" for n in range(9) if f"{n:06d}" not in {code for _, code in codes})
    for _ in range(5):
        await chat_commands.confirm(people.hub, said(people), TARO, wrong)
        people.later(seconds=10)
    for _, code in codes:
        assert isinstance(await chat_commands.confirm(people.hub, said(people), TARO, code), Refused)
    assert not await Contact.filter(confirmed_at__isnull=False, address__endswith="example.test").exists()


async def test_of_several_that_wait_the_codes_own_is_confirmed(people: People) -> None:
    """The oldest, whose code it is, and no other; its modal names one, and takes no other's code."""
    await _taro(people)
    (first, code), (second, other), _ = [
        await _added(people, label=f"l{n}", address=f"{n}@example.test") for n in range(3)
    ]
    refused = await chat_commands.confirm(people.hub, said(people), TARO, code, contact_id=second)
    assert refused == Refused(Reason.ANSWER_WRONG, 4)
    people.later(seconds=1)
    outcome = await chat_commands.confirm(people.hub, said(people), TARO, code)
    assert isinstance(outcome, Confirmed)
    assert outcome.contact_id == first
    assert isinstance(await chat_commands.confirm(people.hub, said(people), TARO, other, contact_id=second), Confirmed)


async def test_a_notice_names_who_confirmed_in_slack(people: People) -> None:
    """Its reader knows a name, not an id of Slack's alone."""
    member = await _taro(people)
    await Contact.filter(id=member.contacts["chat"]).update(shown="Taro (@taro)")
    _, code = await _added(people)
    assert isinstance(await chat_commands.confirm(people.hub, said(people), TARO, code), Confirmed)
    notice = await Delivery.filter(notice="contact-added").first()
    assert notice is not None
    assert notice.asked_with == "Taro (@taro)"


async def test_two_hundred_parallel_wrong_confirmations_are_one_guess(people: People) -> None:
    """As on the page: one is compared, the others wait, and logging in is as before."""
    member = await _taro(people)
    _, code = await _added(people)
    outcomes = await people.at_once(200, lambda: chat_commands.confirm(people.hub, said(people), TARO, wrong_for(code)))
    assert outcomes.count(Refused(Reason.ANSWER_WRONG, 4)) == 1
    assert sum(isinstance(outcome, Throttled) for outcome in outcomes) == 199
    cells = await people.asked_for_cells(member)
    assert isinstance(await password_login.answer(people.hub, people.visit(), cells.token, cells.right), Admitted)


async def test_wrong_answers_in_slack_slow_down_no_other_slack_user(people: People) -> None:
    """Slack knows no address: each user counts alone."""
    await _taro(people)
    await _added(people)
    await chat_commands.confirm(people.hub, said(people), TARO, "000000")
    subjects = [row.subject for row in await Throttle.all()]
    assert f"address:{TARO}" in subjects
    assert "address:" not in subjects


async def test_removing_answers_with_the_page_that_asks_for_the_password(people: People) -> None:
    """By its label in any spelling; nothing is removed from a chat."""
    member = await _taro(people)
    outcome = await chat_commands.removal(people.hub, TARO, " ＨＯＭＥ ")
    assert outcome == OnPage("home", f"http://portal.test/settings/contacts/{member.contacts['home']}/remove")
    assert await chat_commands.removal(people.hub, TARO, "nowhere") == Refused(Reason.NOT_FOUND)
    assert await Contact.filter(account_id=member.account.id).count() == 2


async def test_the_code_is_sent_again_for_the_page_that_waits(people: People) -> None:
    """The same code, after the web's gap; the message tells where the login is from; nothing waits, nothing is sent."""
    member = await _taro(people)
    assert await chat_commands.send_again(people.hub, said(people), TARO) == Refused(Reason.NO_LOGIN_WAITS)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["chat"]))
    (first,) = await received(people)
    assert isinstance(await chat_commands.send_again(people.hub, said(people), TARO), Throttled)
    people.later(seconds=30)
    assert isinstance(await chat_commands.send_again(people.hub, said(people), TARO), Asked)
    (second,) = await received(people)
    assert second.code == first.code
    assert (second.asked_from, second.asked_with) == ("10.0.0.1", "Firefox on Linux")


async def test_a_code_that_goes_elsewhere_is_not_sent_here(people: People) -> None:
    """A login that waits for a mailed code is none of this contact's."""
    member = await _taro(people)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
    assert await chat_commands.send_again(people.hub, said(people), TARO) == Refused(Reason.NO_LOGIN_WAITS)


async def test_j10_lock_ends_everything_and_logs_nobody_in(people: People) -> None:
    """All logins and sessions end, codes and additions stay away for an hour, the help desk sees it."""
    member = await _taro(people)
    opened = [await people.session(member) for _ in range(2)]
    ring = await ringing(people, member)
    outcome = await chat_commands.lock(people.hub, said(people), TARO)
    assert outcome == Locked(sessions=2, logins=1, codes_from=people.now + timedelta(hours=1))
    for session in opened:
        assert await sessions.current(people.hub, session.token, now=people.now) is None
    assert await password_login.answer(people.hub, people.visit(), ring.token, "") == Refused(Reason.LOGIN_OVER)
    begun = await people.begun(member)
    blocked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
    assert isinstance(blocked, Refused)
    assert blocked.reason is Reason.CODES_BLOCKED
    added = await chat_commands.add(people.hub, said(people), TARO, label="new", address="new@example.test")
    assert isinstance(added, Refused)
    assert added.reason is Reason.CODES_BLOCKED
    assert (await accounts.show("taro", now=people.now)).disowned_at == people.now


async def test_sessions_are_listed_and_ended_one_by_one(people: People) -> None:
    """The account's own and open ones only; another's id ends nothing."""
    member = await _taro(people)
    hanako = await people.member("hanako")
    theirs = await people.session(hanako)
    one, other = await people.session(member), await people.session(member)
    state = await chat_commands.state(people.hub, TARO, now=people.now)
    assert isinstance(state, State)
    assert {line.id for line in state.sessions} == {one.id, other.id}
    assert await chat_commands.end_session(people.hub, said(people), TARO, theirs.id) == Refused(Reason.NOT_FOUND)
    for _ in range(2):
        # A second press finds the session ended, as the member wants it.
        assert await chat_commands.end_session(people.hub, said(people), TARO, one.id) == Done()
    assert await sessions.current(people.hub, one.token, now=people.now) is None
    assert await sessions.current(people.hub, other.token, now=people.now) is not None


async def test_the_language_is_kept_for_all_doors(people: People) -> None:
    """Ja and en; anything else is refused."""
    member = await _taro(people)
    assert await chat_commands.speak(TARO, "ja") == Done()
    assert (await Account.get(id=member.account.id)).language == "ja"
    assert await chat_commands.language_of(TARO) == "ja"
    assert await chat_commands.speak(TARO, "fr") == Refused(Reason.NOT_FOUND)


async def test_the_state_tells_what_is_registered_and_no_secret(people: People) -> None:
    """Labels, addresses, what else is bound, sessions; a contact that waits is shown as such."""
    await _taro(people)
    await _added(people)
    state = await chat_commands.state(people.hub, TARO, now=people.now)
    assert isinstance(state, State)
    assert [(line.label, line.confirmed_at is not None) for line in state.contacts] == [
        ("home", True),
        ("chat", True),
        ("自宅", False),
    ]
    assert (state.account, state.has_matrix, state.soft_tokens) == ("taro", True, 0)


Act = Callable[[Hub, People], Awaitable[object]]
ACTS: dict[str, Act] = {
    "state": lambda hub, people: chat_commands.state(hub, TARO, now=people.now),
    "add": lambda hub, people: chat_commands.add(hub, said(people), TARO, label="x", address="x@example.test"),
    "confirm": lambda hub, people: chat_commands.confirm(hub, said(people), TARO, "123456"),
    "remove": lambda hub, people: chat_commands.removal(hub, TARO, "home"),
    "code": lambda hub, people: chat_commands.send_again(hub, said(people), TARO),
    "lock": lambda hub, people: chat_commands.lock(hub, said(people), TARO),
    "session": lambda hub, people: chat_commands.end_session(hub, said(people), TARO, 1),
    "language": lambda _hub, _people: chat_commands.speak(TARO, "ja"),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("why", ["never linked", "suspended", "disabled", "waiting"])
async def test_who_is_not_linked_can_do_nothing(people: People, act: str, why: str) -> None:
    """A Slack user without a confirmed contact, one of a disabled account: told to link; a suspended one, why."""
    member = await people.member(contacts=("home",))
    if why != "never linked":
        contact_id = await in_slack(people, member)
        changes = {"suspended": {"suspended_at": people.now}, "waiting": {"confirmed_at": None}}.get(why, {})
        if changes:
            await Contact.filter(id=contact_id).update(**changes)
        else:
            await Account.filter(id=member.account.id).update(disabled_at=people.now)
    session = await people.session(member) if why != "disabled" else None
    expected = Refused(Reason.SLACK_GONE) if why == "suspended" else NOBODY
    assert await ACTS[act](people.hub, people) == expected
    if session is not None:
        assert await sessions.current(people.hub, session.token, now=people.now) is not None


@pytest.mark.parametrize("odd", ["ho\0me", "ho\ud800me", "\0", "\udfff"])
async def test_what_no_database_keeps_is_refused_in_words(people: People, odd: str) -> None:
    """A NUL or half a pair in a label, an address or a code: what is not there, or not right, and never an error."""
    await _taro(people)
    assert await chat_commands.removal(people.hub, TARO, odd) == Refused(Reason.NOT_FOUND)
    assert await chat_commands.add(people.hub, said(people), TARO, label=odd, address="a@b.test") == Refused(
        Reason.LABEL_BAD
    )
    outcome = await chat_commands.add(people.hub, said(people), TARO, label="x", address=f"{odd}@b.test")
    assert outcome == Refused(Reason.ADDRESS_BAD)
    await _added(people)
    outcome = await chat_commands.confirm(people.hub, said(people), TARO, odd)
    assert isinstance(outcome, Refused)
    assert outcome.reason == Reason.CODE_MISSHAPEN


async def test_what_cant_be_a_code_spends_no_try(people: People) -> None:
    """Too short, too long, other signs: told so, of any that wait, and neither they nor the next answer suffer."""
    await _taro(people)
    contact_id, code = await _added(people)
    await _added(people, label="l", address="l@example.test")
    for typed in ("12345", "1234567", "12345x", "", "١٢٣٤٥", "コード：12345"):
        assert await chat_commands.confirm(people.hub, said(people), TARO, typed) == Refused(Reason.CODE_MISSHAPEN)
        outcome = await chat_commands.confirm(people.hub, said(people), TARO, typed, contact_id=contact_id)
        assert outcome == Refused(Reason.CODE_MISSHAPEN)
    assert set(await Challenge.all().values_list("tries_left", flat=True)) == {5}
    assert isinstance(await chat_commands.confirm(people.hub, said(people), TARO, code), Confirmed)


async def test_a_code_typed_a_second_time_spends_no_try_of_another(people: People) -> None:
    """It has confirmed its own address already, and says so; one that waits keeps its five tries."""
    await _taro(people)
    _, code = await _added(people)
    other, right = await _added(people, label="l", address="l@example.test")
    assert isinstance(await chat_commands.confirm(people.hub, said(people), TARO, code), Confirmed)
    assert await chat_commands.confirm(people.hub, said(people), TARO, code) == Refused(Reason.ALREADY_CONFIRMED)
    assert (await Challenge.get(contact_id=other)).tries_left == 5
    assert await chat_commands.confirm(people.hub, said(people), TARO, right) == Confirmed(other, "l", is_first=False)
