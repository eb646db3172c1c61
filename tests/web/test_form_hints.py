"""What pages say to somebody who is lost: which field, how long, where they are, and what comes next."""

from datetime import timedelta

import pytest

from hub.domain.outcomes import Throttled
from models.authenticator import SoftToken
from models.contact import Contact
from tests.support.journeys import enter_password, log_in, step_up
from tests.support.running_hub import House, Person
from tests.support.slack_members import in_slack
from web.rendering import waiting_text
from web.request.language import translations


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (0.2, "Please wait 1 second, then", "1秒待って"),
        (2, "Please wait 2 seconds, then", "2秒待って"),
        (121, "Please wait 3 minutes, then", "3分待って"),
    ],
)
def test_how_long_to_wait_is_said_in_whole_words(seconds: float, english: str, japanese: str) -> None:
    """One second is no "1 seconds", and nothing is cut short."""
    throttled = Throttled(timedelta(seconds=seconds))
    assert english in waiting_text.sentence(throttled, translations("en"), at="")
    assert japanese in waiting_text.sentence(throttled, translations("ja"), at="")


async def test_the_field_that_is_wrong_is_marked_and_no_other(house_on_sqlite: House) -> None:
    """A label that is taken, a bad address, a wrong code of a soft token: each marks its own field."""
    member = await house_on_sqlite.people.member(contacts=("home",))
    async with house_on_sqlite.person() as person:
        await log_in(person, member)
        await step_up(person)
        await person.open("/settings/email")
        await person.press("Add", label="home", email="other@mail.test")
        assert _marked(person) == ["label"]
        await person.press("Add", label="other", email="nowhere")
        assert _marked(person) == ["email"]
        await person.open("/settings/soft-token")
        await person.press("OK", label="phone", code="000000")
        assert _marked(person) == ["code"]
        await person.press("OK", label="", code="000000")
        assert _marked(person) == ["label"]


@pytest.mark.parametrize(("language", "words"), [("en", "You are logged in as taro"), ("ja", "taro としてログイン")])
async def test_whoever_is_logged_in_already_is_told_at_the_start(
    house_on_sqlite: House, language: str, words: str
) -> None:
    """An old tab or the back button leads there: it says who is logged in, and leads to the portal."""
    member = await house_on_sqlite.people.member()
    async with house_on_sqlite.person(language=language) as person:
        await person.open("/")
        assert words not in person.text
        await log_in(person, member)
        await person.open("/login/code")
        assert person.page == "ended"
        await person.follow({"en": "Start again", "ja": "最初からやり直す"}[language])
        assert words in person.text
        assert person.soup.select_one('main a[href="/portal"]') is not None


async def test_a_slack_contact_is_named_once_for_the_next_login(house_on_sqlite: House) -> None:
    """A contact that can be asked for an approval, too, is one contact in the sentence on the settings page."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    await in_slack(house.people, member)
    async with house.person() as person:
        await enter_password(person, member)
        await person.open("/login/choice")
        await log_in(person, member)
        await step_up(person)
        told = person.soup.select_one("#next-login strong")
        assert told is not None
        assert " ".join(told.get_text().split()) == "home or chat or Matrix"


@pytest.mark.parametrize("contacts", [(), ("home",)])
async def test_removing_a_soft_token_says_whether_matrix_is_all_that_is_left(
    house_on_sqlite: House, contacts: tuple[str, ...]
) -> None:
    """The last of all says so beforehand; one beside a contact does not."""
    house = house_on_sqlite
    member = await house.people.member(contacts=contacts)
    await house.people.soft_token(member)
    token = await SoftToken.get()
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        await person.open(f"/settings/soft-token/{token.id}/remove")
        assert person.page == "remove-soft-token"
        assert ("only the matrix card is asked for at login" in person.text) is (not contacts)


async def test_removing_a_contact_that_is_suspended_is_not_removing_the_last(house_on_sqlite: House) -> None:
    """It is offered at no login; the one that is left goes on."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home", "phone"))
    await Contact.filter(id=member.contacts["home"]).update(suspended_at=house.people.now)
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        for label, is_last in (("home", False), ("phone", True)):
            await person.open(f"/settings/contacts/{member.contacts[label]}/remove")
            assert ("This is the last one" in person.text) is is_last


def _marked(person: Person) -> list[str]:
    return [str(field["name"]) for field in person.soup.select("input[aria-invalid]")]
