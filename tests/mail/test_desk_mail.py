"""The help desk gets a letter when a member says "this was not me"."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.rendering import messages
from hub.context import opened
from hub.domain.outcomes import ByContact
from hub.inbound.mail_commands import _stopped
from hub.login import password_login
from hub.recovery import disavow
from hub.settings import SettingsError, load
from models.delivery import Delivery
from models.kinds import Answer, Notice
from tests.hub.test_disavow import WORDS, not_me_in
from tests.support.factory import PASSWORD, People, settings_for
from tests.support.journeys import press_twice
from tests.support.running_hub import House, code_in, open_house

DESK = "desk@campus.test"
TOLD = {"en": "The help desk was notified.", "ja": "窓口に連絡しました。"}
LOGIN = {"en": "Matrix/OTP/Soft Token Authentication", "ja": "マトリクス・OTP・ソフトトークン認証"}


@pytest.fixture
async def house_with_desk(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A running hub on each engine that knows the help desk's address."""
    async with open_house(database_url, tmp_path, desk_mail=DESK) as made:
        yield made


@pytest.fixture
async def people_with_desk(database_url: str, tmp_path: Path) -> AsyncIterator[People]:
    """Members of a hub on each engine that knows the help desk's address."""
    async with opened(settings_for(database_url, tmp_path, desk_mail=DESK)) as hub:
        yield People(hub)


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_help_desk_gets_one_letter_and_the_page_says_so(house_with_desk: House, language: str) -> None:
    """The letter names the account and the command, and holds no code and no link of the member's."""
    house = house_with_desk
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as person:
        await person.open("/")
        await person.follow(LOGIN[language])
        await person.press("OK", account=member.name, password=PASSWORD)
        await person.press("OK", way=person.option("自宅"))
        letter = await house.inbox.next_to("taro0@mail.test")
        await person.open(not_me_in(letter))
        await press_twice(house, person, WORDS[language]["end"])
        assert person.page == "not-me-done"
        assert TOLD[language] in person.text
        assert {"en": "Please tell", "ja": "窓口に連絡し、"}[language] not in person.text
        told = await house.inbox.next_to(DESK)
        for part in (told.text, told.page):
            assert "tegata account show taro" in part
            assert "one-time password" in part
            assert "127.0.0.1" in part
            assert code_in(letter) not in part
            assert "/not-me/" not in part
        await person.open(not_me_in(letter))
        assert TOLD[language] in person.text
        assert len(house.inbox.to(DESK)) == 1


async def test_presses_within_ten_minutes_send_one_letter(people_with_desk: People) -> None:
    """A second disowning of the account is told in the same letter; one after ten minutes gets its own."""
    people = people_with_desk
    member = await people.member(contacts=("home", "phone"))
    begun = await people.begun(member)
    for label in ("home", "phone"):
        await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts[label]))
    for number in await Delivery.all().order_by("id").values_list("id", flat=True):
        outcome = await disavow.disown(people.hub, people.visit(), int(str(number)))
        assert isinstance(outcome, disavow.Disowned)
        assert outcome.is_desk_told
    locked = await disavow.lock(people.hub, people.visit(), member.account.id)
    assert locked.is_desk_told
    assert await Delivery.filter(notice=Notice.DISOWNED).count() == 1
    people.later(minutes=10, seconds=1)
    await disavow.lock(people.hub, people.visit(), member.account.id)
    letters = Delivery.filter(notice=Notice.DISOWNED, address=DESK, contact_id=None)
    assert await letters.count() == 2


async def test_the_letter_to_the_help_desk_takes_no_command(people_with_desk: People) -> None:
    """Nobody can disown that letter, and it has no link."""
    people = people_with_desk
    member = await people.member()
    await disavow.lock(people.hub, people.visit(), member.account.id)
    (letter,) = [one for one in await people.delivered() if one.notice == Notice.DISOWNED]
    assert (letter.address, letter.not_me, letter.reply_to, letter.code) == (DESK, "", "", "")
    refused = await disavow.disown(people.hub, people.visit(), letter.id)
    assert not isinstance(refused, disavow.Disowned)


async def test_without_an_address_no_letter_is_posted(people: People) -> None:
    """The doors then ask the member to tell the help desk."""
    member = await people.member()
    locked = await disavow.lock(people.hub, people.visit(), member.account.id)
    assert not locked.is_desk_told
    assert not await Delivery.exists(notice=Notice.DISOWNED)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("is_desk_told", [True, False])
def test_slack_and_mail_say_that_the_desk_was_told_only_when_it_was(language: str, *, is_desk_told: bool) -> None:
    """The sentence follows what was done."""
    zone = load({}, mode="demo").zone
    message = messages.disowned(None, language, zone, is_desk_told=is_desk_told)
    assert (TOLD[language] in message.text) == is_desk_told
    assert _stopped(is_desk_told=is_desk_told) is (Answer.REFUSED_DESK_TOLD if is_desk_told else Answer.REFUSED)


@pytest.mark.parametrize("address", ["desk", "desk@", "a b@campus.test", "desk@campus.test\nBcc: x@y.test"])
def test_a_desk_address_that_is_none_is_refused_at_the_start(address: str) -> None:
    """The operator reads the name of the setting."""
    with pytest.raises(SettingsError, match="TEGATA_DESK_MAIL"):
        load({}, mode="demo", desk_mail=address)
