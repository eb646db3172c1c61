"""J10: every code, confirmation and notice can be disowned, and nobody is logged in by it."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from tortoise.transactions import in_transaction

from demo.inbox import Received
from hub.accounts import accounts
from hub.contacts import confirmation, contacts, registration
from hub.domain.outcomes import Admitted, Asked, ByContact, BySoftToken, Confirmed, Reason, Refused
from hub.login import password_login
from hub.recovery import disavow
from hub.security import audit
from hub.sessions import sessions
from hub.sessions.sessions import Current
from models.authenticator import SoftToken
from models.contact import Contact
from models.delivery import Delivery
from tests.support.factory import PASSWORD, Device, Member, People
from tests.support.journeys import press_twice
from tests.support.running_hub import House, Person, code_in

WORDS = {
    "en": {
        "end": "Yes, end it",
        "heading": "End this login",
        "blocked": "Codes are paused until",
        "tell": "Please tell the help desk",
        "told": "the help desk was told",
    },
    "ja": {
        "end": "止める",
        "heading": "このログインを止める",
        "blocked": "コードの送信を停止しています",
        "tell": "窓口に連絡し",
        "told": "知らせました",
    },
}
LOGIN = {"en": "Matrix/OTP/Soft Token Authentication", "ja": "マトリクス・OTP・ソフトトークン認証"}
languages = pytest.mark.parametrize("language", ["en", "ja"])


def not_me_in(letter: Received) -> str:
    """Read the path of the one action of a letter."""
    found = re.findall(r"https?://\S+/not-me/\S+", letter.text)
    assert len(found) == 1, letter.text
    assert found[0] in letter.page
    return urlsplit(found[0]).path


async def _to_choice(person: Person, member: Member, language: str) -> None:
    await person.open("/")
    await person.follow(LOGIN[language])
    await person.press("OK", account=member.name, password=PASSWORD)
    assert person.page == "choice"


@languages
async def test_j10_a_code_that_nobody_asked_for_ends_the_attempt(house: House, language: str) -> None:
    """The URL in a code's letter shows a button; pressing it ends the stranger's attempt and keeps codes away."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as stranger, house.person(language=language) as reader:
        await _to_choice(stranger, member, language)
        await stranger.press("OK", way=stranger.option("自宅"))
        letter = await house.inbox.next_to("taro0@mail.test")
        for _ in range(2):
            await reader.open(not_me_in(letter))
            assert reader.page == "not-me"
            assert WORDS[language]["heading"] in reader.text
        async with reader.session.head(reader.at) as answer:
            assert answer.status == 200
        await stranger.open("/login/code")
        assert stranger.page == "code"
        await press_twice(house, reader, WORDS[language]["end"])
        assert reader.page == "not-me-done", reader.text
        assert WORDS[language]["tell"] in reader.text
        assert WORDS[language]["told"] not in reader.text
        await stranger.press("OK", code=code_in(letter))
        assert stranger.page == "ended"
        assert "tegata-session" not in {*reader.cookies(), *stranger.cookies()}
        await reader.open(not_me_in(letter))
        assert reader.page == "not-me-done"


@languages
async def test_a_machine_that_presses_the_buttons_at_once_changes_nothing(house: House, language: str) -> None:
    """Link scanners open a URL, send its form and follow the answer; only a press some seconds later counts."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as stranger, house.person(language=language) as scanner:
        await _to_choice(stranger, member, language)
        await stranger.press("OK", way=stranger.option("自宅"))
        path = not_me_in(await house.inbox.next_to("taro0@mail.test"))
        await scanner.open(path)
        for _ in range(3):
            await scanner.press(WORDS[language]["end"])
            assert scanner.page == "not-me-again"
        assert {"en": "too early", "ja": "早すぎる"}[language] in scanner.soup.get_text()
        for value in ("", "0.0", "9" * 400, "1.é"):
            await scanner.send(f"{path}/again", {"csrf": scanner.token(), "shown": value})
            assert scanner.page == "not-me-again"
        assert not await Delivery.filter(disowned_at__isnull=False).exists()
        await stranger.open("/login/code")
        assert stranger.page == "code"
        house.clock.later(seconds=4)
        await scanner.press(WORDS[language]["end"])
        assert scanner.page == "not-me-done"


@languages
async def test_j10_codes_stay_away_and_other_ways_stay_open(house: House, language: str) -> None:
    """After it every door refuses codes with a sentence; the matrix card still opens; the help desk lifts it."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as person:
        await _to_choice(person, member, language)
        await person.press("OK", way=person.option("自宅"))
        letter = await house.inbox.next_to("taro0@mail.test")
        await person.open(not_me_in(letter))
        await press_twice(house, person, WORDS[language]["end"])
        await _to_choice(person, member, language)
        await person.press("OK", way=person.option("自宅"))
        assert person.page == "choice"
        assert WORDS[language]["blocked"] in person.error
        house.sync()
        line = await accounts.show("taro", now=house.clock())
        assert line.codes_blocked_until is not None
        assert line.disowned_at is not None
        told = await audit.listed(account_id=member.account.id, limit=50)
        assert [one.kind for one in told].count("disowned") == 1
        await person.press("OK", way="matrix")
        assert person.page == "matrix"
        await accounts.unlock(house.hub, house.people.visit(), "taro")
        await person.open("/login/choice")
        await person.press("OK", way=person.option("自宅"))
        assert person.page != "choice" or WORDS[language]["blocked"] not in person.error


@languages
async def test_j10_a_login_that_nobody_made_is_ended(house: House, language: str) -> None:
    """A notice of a new login reaches all contacts; its URL, in any browser, logs that session out and no other."""
    member = await house.people.member(contacts=("自宅", "携帯"))
    async with (
        house.person(language=language) as stranger,
        house.person(language=language) as reader,
        house.person(language=language) as owner,
    ):
        for person in (owner, stranger):
            await _to_choice(person, member, language)
            await person.press("OK", way="matrix")
            cells = [label.strip("[]") for label in person.labels()]
            await person.press("OK", **{f"cell{number}": member.cells[cell] for number, cell in enumerate(cells, 1)})
            assert person.page == "portal"
            letters = [await house.inbox.next_to(f"taro{number}@mail.test") for number in (0, 1)]
            if person is owner:
                house.clock.later(seconds=2)
                first = letters[0].number
        letters = [await house.inbox.next_to(f"taro{number}@mail.test", after=first) for number in (0, 1)]
        assert all("127.0.0.1" in letter.text for letter in letters)
        await reader.open(not_me_in(letters[-1]))
        await press_twice(house, reader, WORDS[language]["end"])
        assert reader.page == "not-me-done"
        await stranger.open("/portal")
        assert stranger.page == "login"
        await owner.open("/portal")
        assert owner.page == "portal"


@languages
async def test_j10_a_confirmation_that_nobody_asked_for_ends_the_registration_only(house: House, language: str) -> None:
    """Its reader may be no member: the registration ends and the address is closed, and codes go on."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as reader:
        session = await house.people.stepped_up(member)
        visit = house.people.visit()
        await registration.add(house.hub, visit, session, label="よそ", address="someone@else.test")
        letter = await house.inbox.next_to("someone@else.test")
        await reader.open(not_me_in(letter))
        await press_twice(house, reader, {"en": "Yes, stop it", "ja": "取り消す"}[language])
        assert reader.page == "not-me-done"
        assert "よそ" not in [one.label for one in await contacts.listed(session)]
        again = await registration.add(house.hub, visit, session, label="よそ", address="someone@else.test")
        assert again == Refused(Reason.ADDRESS_REFUSED)
        assert (await accounts.show("taro", now=house.people.now)).codes_blocked_until is None


async def test_a_session_that_its_code_opened_is_ended(people: People) -> None:
    """Disowning the letter of a code ends the session which that code opened, and leaves the others open."""
    member = await people.member(contacts=("home",))
    mine = await people.session(member)
    pending = await people.asked_for_code(member, "home")
    assert pending.asked.challenge_id is not None
    admitted = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert isinstance(admitted, Admitted)
    await disavow.disown(people.hub, people.visit(), await _last_delivery(people))
    assert await sessions.current(people.hub, admitted.token, now=people.now) is None
    assert await sessions.current(people.hub, mine.token, now=people.now) is not None


async def test_a_change_that_nobody_made_ends_the_session_it_was_made_in(people: People) -> None:
    """A notice of a removal, disowned, ends the session in which the contact was removed."""
    member = await people.member(contacts=("home", "phone"))
    session = await people.stepped_up(member)
    await contacts.remove(people.hub, people.visit(), session, member.contacts["phone"])
    sent = [one for one in await people.delivered() if one.notice == "contact-removed"]
    (letter,) = [one for one in sent if one.label == "home"]
    token = letter.not_me.rpartition("/")[2]
    assert isinstance(await disavow.disown_with_link(people.hub, people.visit(), token), disavow.Disowned)
    assert await sessions.current(people.hub, session.token, now=people.now) is None


async def test_the_last_contact_is_told_of_its_own_removal_and_can_disown_it(people: People) -> None:
    """When a stranger at the member's session removes it, its letter is all that the member gets."""
    member = await people.member(contacts=("home",))
    session = await people.stepped_up(member)
    await contacts.remove(people.hub, people.visit(), session, member.contacts["home"])
    (letter,) = [one for one in await people.delivered() if one.notice == "contact-removed"]
    assert (letter.address, letter.subject_label) == ("taro0@mail.test", "home")
    token = letter.not_me.rpartition("/")[2]
    assert isinstance(await disavow.disown_with_link(people.hub, people.visit(), token), disavow.Disowned)
    assert await sessions.current(people.hub, session.token, now=people.now) is None


async def test_a_contact_that_the_help_desk_removed_ends_nothing(people: People) -> None:
    """Its letters of before and the letter of its removal may be read by a stranger."""
    member = await people.member(contacts=("home", "phone"))
    pending = await people.asked_for_code(member, "phone")
    code = await _last_delivery(people)
    await accounts.remove_contact(people.hub, people.visit(), member.name, "phone")
    removal = await Delivery.filter(notice="contact-removed", label="phone").first()
    assert removal is not None
    assert await disavow.disown(people.hub, people.visit(), removal.id) == Refused(Reason.NOT_FOUND)
    await disavow.disown(people.hub, people.visit(), code)
    assert (await accounts.show("taro", now=people.now)).codes_blocked_until is None
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Refused)
    told = {one.label: one.not_me for one in await people.delivered() if one.notice == "contact-removed"}
    assert (bool(told["home"]), told["phone"]) == (True, "")


@pytest.mark.parametrize("spoil", ["another's", "cut", "empty", "late", "turned"])
async def test_a_token_opens_its_own_letter_only_and_has_an_end(people: People, spoil: str) -> None:
    """A token of another delivery, a cut one and one that ended disown nothing."""
    member = await people.member(contacts=("home", "phone"))
    begun = await people.begun(member)
    for label in ("home", "phone"):
        asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts[label]))
        assert isinstance(asked, Asked)
    one, other = [letter.not_me.rpartition("/")[2] for letter in await people.delivered()]
    number, _, secret = one.partition("-")
    token = {
        "another's": f"{number}-{other.partition('-')[2]}",
        "cut": one[:-1],
        "empty": f"{number}-",
        "late": one,
        "turned": f"{secret}-{number}",
    }[spoil]
    if spoil == "late":
        people.later(days=7, seconds=1)
    assert await disavow.disown_with_link(people.hub, people.visit(), token) == Refused(Reason.NOT_FOUND)
    assert (await accounts.show("taro", now=people.now)).codes_blocked_until is None


async def test_the_block_ends_by_itself(people: People) -> None:
    """An hour later codes go out again, to the same contact."""
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await disavow.disown(people.hub, people.visit(), await _last_delivery(people))
    begun = await people.begun(member)
    way = ByContact(member.contacts["home"])
    refused = await password_login.choose(people.hub, people.visit(), begun.token, way)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.CODES_BLOCKED
    people.later(hours=1, seconds=1)
    begun = await people.begun(member)
    assert isinstance(await password_login.choose(people.hub, people.visit(), begun.token, way), Asked)


@languages
async def test_a_known_browser_is_told_of_once(house: House, language: str) -> None:
    """The second login from the same browser sends no notice; the first one from another browser does."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as person:
        for _ in range(2):
            await _to_choice(person, member, language)
            await person.press("OK", way="matrix")
            cells = [label.strip("[]") for label in person.labels()]
            await person.press("OK", **{f"cell{number}": member.cells[cell] for number, cell in enumerate(cells, 1)})
            await person.press({"en": "Log out", "ja": "ログアウト"}[language])
        await house.inbox.next_to("taro0@mail.test")
        await house.inbox.changed(timeout=0.3)
        assert len(house.inbox.to("taro0@mail.test")) == 1


async def _last_delivery(people: People) -> int:
    from models.delivery import Delivery

    async with in_transaction():
        found = await Delivery.all().order_by("-id").first()
    assert found is not None
    return found.id


async def enrolled(people: People) -> tuple[Member, Current, dict[str, int]]:
    """Let a stranger in by the matrix card, who adds a contact, confirms it and binds a soft token.

    Gives the member, the stranger's session and the contacts that are confirmed, by label.
    """
    from hub.verification import soft_tokens

    member = await people.member(contacts=("home", "phone"))
    people.later(minutes=1)
    session = await people.stepped_up(member, visit=replace(people.visit(), browser_token="theirs"))
    added = await people.adding(session, label="theirs", address="stranger@mail.test")
    assert isinstance(
        await confirmation.confirm_with_code(people.hub, people.visit(), session, added.contact_id, added.code),
        Confirmed,
    )
    setup = await soft_tokens.set_up(people.hub, people.visit(), session)
    assert isinstance(setup, soft_tokens.Setup)
    code = Device("".join(setup.secret)).code(people.now)
    await soft_tokens.bind(people.hub, people.visit(), session, label="their phone", code=code)
    return member, session, {**member.contacts, "theirs": added.contact_id}


@pytest.mark.parametrize("notice", ["new-login", "contact-added", "soft-token-added"])
async def test_what_a_disowned_session_bound_goes_with_it(people: People, notice: str) -> None:
    """Any notice of that session: its contact and its soft token are gone, what got in with them is out, and told."""
    member, session, labelled = await enrolled(people)
    people.later(minutes=1)
    pending = await people.asked_for_code(member, "home")
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)
    begun = await people.begun(member)
    way = ByContact(labelled["theirs"])
    assert isinstance(await password_login.choose(people.hub, people.visit(), begun.token, way), Asked)
    code = [one for one in await people.delivered() if one.address == "stranger@mail.test"][-1].code
    inside = await password_login.answer(people.hub, people.visit(), begun.token, code)
    assert isinstance(inside, Admitted)
    letter = await Delivery.filter(notice=notice, session_id=session.id, label="home").first()
    assert letter is not None
    assert isinstance(await disavow.disown(people.hub, people.visit(), letter.id), disavow.Disowned)
    assert sorted(await Contact.all().values_list("label", flat=True)) == ["home", "phone"]
    assert not await SoftToken.exists()
    assert await sessions.current(people.hub, inside.token, now=people.now) is None
    told = {(one.notice, one.label) for one in await people.delivered()}
    assert {("contact-removed", "home"), ("soft-token-removed", "phone")} <= told


async def test_who_got_in_with_a_disowned_soft_token_is_out(people: People) -> None:
    """The session that it opened ends with the one that bound it; one opened by a mailed code stays."""
    from hub.verification import soft_tokens

    member = await people.member(contacts=("home",))
    session = await people.stepped_up(member, visit=replace(people.visit(), browser_token="theirs"))
    setup = await soft_tokens.set_up(people.hub, people.visit(), session)
    assert isinstance(setup, soft_tokens.Setup)
    phone = Device("".join(setup.secret))
    await soft_tokens.bind(people.hub, people.visit(), session, label="theirs", code=phone.code(people.now))
    people.later(minutes=1)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
    inside = await password_login.answer(people.hub, people.visit(), begun.token, phone.code(people.now))
    assert isinstance(inside, Admitted)
    pending = await people.asked_for_code(member, "home")
    mine = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert isinstance(mine, Admitted)
    letter = await Delivery.filter(notice="soft-token-added", session_id=session.id).first()
    assert letter is not None
    await disavow.disown(people.hub, people.visit(), letter.id)
    assert await sessions.current(people.hub, inside.token, now=people.now) is None
    assert await sessions.current(people.hub, mine.token, now=people.now) is not None


async def test_what_another_session_bound_stays(people: People) -> None:
    """The owner's contact, added in a session of their own, lives on when a stranger's session is disowned."""
    member = await people.member(contacts=("home",))
    theirs = await people.session(member, visit=replace(people.visit(), browser_token="theirs"))
    people.later(minutes=2)
    mine = await people.stepped_up(member)
    added = await people.adding(mine, label="mine", address="mine@mail.test")
    await confirmation.confirm_with_code(people.hub, people.visit(), mine, added.contact_id, added.code)
    letter = await Delivery.filter(notice="new-login", session_id=theirs.id).first()
    assert letter is not None
    await disavow.disown(people.hub, people.visit(), letter.id)
    assert sorted(await Contact.all().values_list("label", flat=True)) == ["home", "mine"]


async def test_the_contact_that_says_so_stays(people: People) -> None:
    """Whoever disowns the session in which their own contact was added keeps the way by which they said it."""
    member, session, labelled = await enrolled(people)
    letter = await Delivery.filter(notice="soft-token-added", session_id=session.id, label="theirs").first()
    assert letter is not None
    await disavow.disown(people.hub, people.visit(), letter.id)
    assert await Contact.exists(id=labelled["theirs"])
    assert not await SoftToken.exists(account_id=member.account.id)
