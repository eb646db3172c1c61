"""Codes that "this was not me" keeps away are sent again when a member who got in by other means says so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.outcomes import Asked, ByContact, Done, Reason, Refused
from hub.login import password_login
from hub.recovery import disavow
from hub.security import audit
from hub.verification import code_block
from models.account import Account
from models.delivery import Delivery
from models.kinds import Notice
from tests.support.factory import PASSWORD, Member, People
from tests.support.journeys import answer_matrix, enter_password, log_in
from tests.support.running_hub import House, Person

WORDS = {
    "en": {
        "kept": "No codes are sent to your account until",
        "again": "Send codes again",
        "older": "You logged in before that report.",
    },
    "ja": {
        "kept": "お使いのアカウントへのコードの送信を停止しています",
        "again": "コードの送信を再開する",
        "older": "このログインはその回答より前のものです",
    },
}
languages = pytest.mark.parametrize("language", ["en", "ja"])


async def blocked(people: People, member: Member) -> None:
    """Have a code asked for and disowned, so that codes are kept away."""
    await people.asked_for_code(member, "home")
    letter = await Delivery.all().order_by("-id").first()
    assert letter is not None
    assert isinstance(await disavow.disown(people.hub, people.visit(), letter.id), disavow.Disowned)


async def is_kept(people: People, member: Member) -> bool:
    """Tell whether a code can't be had."""
    people.later(minutes=1)
    begun = await people.begun(member)
    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
    assert isinstance(asked, Asked) or (isinstance(asked, Refused) and asked.reason is Reason.CODES_BLOCKED)
    return isinstance(asked, Refused)


async def told_of(member: Member) -> int:
    """Count in the audit how often codes were allowed again."""
    told = await audit.listed(account_id=member.account.id, limit=50)
    return [one.kind for one in told].count("codes-allowed")


async def test_a_login_since_the_block_lifts_it_once(people: People) -> None:
    """A session opened with the matrix card after the block began has codes sent again; all are told once."""
    member = await people.member(contacts=("home",))
    await blocked(people, member)
    people.later(seconds=1)
    session = await people.stepped_up(member)
    assert await is_kept(people, member)
    for _ in range(2):
        assert await code_block.allow(people.hub, people.visit(), session) == Done()
    told = [one.label for one in await people.delivered() if one.notice == Notice.CODES_ALLOWED]
    assert told == ["home"]
    assert not await is_kept(people, member)
    assert await told_of(member) == 1


@pytest.mark.parametrize("seconds", [0, 60])
async def test_a_session_as_old_as_the_block_does_not_lift_it(people: People, seconds: int) -> None:
    """It may be whose it was not: opened before the block or in its very moment, codes stay away and none is told."""
    member = await people.member(contacts=("home",))
    session = await people.stepped_up(member)
    people.later(seconds=seconds)
    await blocked(people, member)
    assert await code_block.allow(people.hub, people.visit(), session) == Refused(Reason.LOGIN_OLDER)
    assert await is_kept(people, member)
    assert await told_of(member) == 0


async def test_a_second_block_counts_from_its_own_beginning(people: People) -> None:
    """A session that could have lifted the first block is older than the second, and lifts nothing."""
    member = await people.member(contacts=("home",))
    await blocked(people, member)
    people.later(seconds=1)
    session = await people.stepped_up(member)
    await code_block.allow(people.hub, people.visit(), session)
    people.later(minutes=1)
    await blocked(people, member)
    assert await code_block.allow(people.hub, people.visit(), session) == Refused(Reason.LOGIN_OLDER)
    assert await is_kept(people, member)


async def test_it_takes_the_password_again(people: People) -> None:
    """Without a step-up, or with one that has run out, codes stay away."""
    member = await people.member(contacts=("home",))
    await blocked(people, member)
    people.later(seconds=1)
    session = await people.session(member)
    assert await code_block.allow(people.hub, people.visit(), session) == Refused(Reason.STEP_UP_NEEDED)
    stale = replace(session, stepped_up_at=people.now - timedelta(minutes=11))
    assert await code_block.allow(people.hub, people.visit(), stale) == Refused(Reason.STEP_UP_NEEDED)
    assert await is_kept(people, member)


async def test_another_account_stays_blocked(people: People) -> None:
    """What one member lifts is their own block."""
    taro, jiro = [await people.member(name, contacts=("home",)) for name in ("taro", "jiro")]
    for member in (taro, jiro):
        await blocked(people, member)
    people.later(seconds=1)
    await code_block.allow(people.hub, people.visit(), await people.stepped_up(taro))
    assert [await is_kept(people, member) for member in (taro, jiro)] == [False, True]
    assert (await Account.get(id=jiro.account.id)).codes_blocked_until is not None


@languages
async def test_the_pages_say_until_when_and_have_the_button(house_on_sqlite: House, language: str) -> None:
    """Portal and settings say until when codes are kept away; the older login has no button, the new one has."""
    house, words = house_on_sqlite, WORDS[language]
    member = await house.people.member(contacts=("home",))
    async with house.person(language=language) as person, house.person(language=language) as newer:
        await log_in(person, member)
        await person.open("/portal")
        assert words["kept"] not in person.text
        house.clock.later(seconds=5)
        house.sync()
        await disavow.lock(house.hub, house.people.visit(), member.account.id)
        house.clock.later(seconds=5)
        await log_in(newer, member)
        assert words["kept"] in newer.text
        await _step_up(newer, language)
        assert words["kept"] in newer.text
        await newer.press(words["again"])
        assert newer.page == "settings", newer.text
        assert words["kept"] not in newer.text
        await enter_password(person, member)
        await person.press("OK", way=person.option("home"))
        assert person.page == "code", person.text


@languages
async def test_an_older_login_is_told_to_log_in_anew(house_on_sqlite: House, language: str) -> None:
    """A letter disowned while a session of before is open: its settings page has the sentence, and no button."""
    house, words = house_on_sqlite, WORDS[language]
    member = await house.people.member(contacts=("home",))
    async with house.person(language=language) as person:
        await enter_password(person, member)
        await person.press("OK", way="matrix")
        await answer_matrix(person, member)
        await _step_up(person, language)
        house.clock.later(seconds=5)
        house.sync()
        await blocked(house.people, member)
        await person.open("/settings")
        assert words["kept"] in person.text
        assert words["older"] in person.text
        assert not person.has_button(words["again"])


async def _step_up(person: Person, language: str) -> None:
    await person.open("/settings")
    await person.press({"en": "Authenticate", "ja": "認証"}[language], password=PASSWORD)
    assert person.page == "settings", person.text
