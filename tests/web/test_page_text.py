"""What pages say after a change, and where they lead when something can't be done."""

from pathlib import Path

import pytest

from models.event import Event
from models.kinds import EventKind
from models.throttle import Throttle
from tests.support.journeys import answer_matrix, enter_password, log_in, step_up, stepped_up
from tests.support.running_hub import ELSEWHERE, House


async def test_each_change_says_that_it_was_done(house_on_sqlite: House) -> None:
    """Once, on the page that follows."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home", "phone"))
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        await person.press("Switch Matrix off")
        assert "Matrix was switched off." in person.text
        await person.open("/settings")
        assert "Matrix was switched off." not in person.text
        for label in ("home", "phone"):
            await person.open(f"/settings/contacts/{member.contacts[label]}/remove")
            await person.press("Remove")
            assert "The contact was removed." in person.text
        await person.open("/settings")
        assert "three cells of your matrix card" in person.text
        assert "your card is asked for as long as no other method is registered" in person.text
        assert "your card is not asked for" not in person.text


@pytest.mark.parametrize(
    ("language", "link", "words"),
    [("en", "None of these works", "Room 101, 9 to 17"), ("ja", "どの方法も使えない", "101号室、9時から17時")],
)
async def test_whom_no_method_lets_in_is_led_to_the_help_desk(
    house_on_sqlite: House, language: str, link: str, words: str
) -> None:
    """The choice page leads to what is left, with the desk's place and hours as the operator wrote them."""
    house = house_on_sqlite
    settings = house.hub.settings
    for name, value in {"help_text_en": "Room 101, 9 to 17", "help_text_ja": "101号室、9時から17時"}.items():
        object.__setattr__(settings, name, value)
    member = await house.people.member(contacts=("home",))
    async with house.person(language=language) as person:
        await enter_password(person, member)
        await person.follow(link)
        assert person.page == "none-works"
        assert words in person.text
        # A hub that takes no IC cards sends no member to a kiosk.
        assert not person.soup.select("main a[href='/login/ic-card']")
        object.__setattr__(settings, "card_cas", Path("cas.pem"))
        await person.open("/login/none-works")
        assert person.soup.select("main a[href='/login/ic-card']")


async def test_a_new_password_without_an_ic_card_is_refused_before_the_password_is_asked(
    house_on_sqlite: House,
) -> None:
    """The page names the place that can help."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await person.open("/settings/password")
        assert person.page == "refused"
        assert "please ask the help desk" in person.text


async def test_who_may_not_change_settings_off_campus_is_told_to_log_in_again(house_on_sqlite: House) -> None:
    """A session keeps its network: coming to the campus is not enough."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person(address=ELSEWHERE) as person:
        await log_in(person, member)
        await person.open("/settings")
        assert person.page == "refused-here"
        assert "Log in again from the campus network." in person.text
        await person.press("Log out")
        assert person.page == "login"


async def test_another_address_begins_with_what_was_typed(house_on_sqlite: House) -> None:
    """A slip in the address is mended in the form, and the label is free again; twice pressed leads there as well."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/email") as person:
        await person.press("Add", label="home", email="taro@gmial.test")
        await person.follow("Use another address")
        filled = {str(one["name"]): str(one["value"]) for one in person.soup.select("main form input")}
        path = person.soup.select_one("main form")["action"]  # type: ignore[index]
        await person.press("Remove")
        assert person.page == "add-mail"
        assert [person.soup.select_one(f"[name={name}]")["value"] for name in ("label", "email")] == [  # type: ignore[index]
            "home",
            "taro@gmial.test",
        ]
        await person.send(str(path), filled)
        assert person.page == "add-mail"
        await person.press("Add", label="home", email="taro@gmail.test")
        assert person.page == "waiting", person.text


async def test_a_soft_tokens_code_of_another_length_is_told_apart_at_set_up(house_on_sqlite: House) -> None:
    """As at the login: six digits, and nothing was counted."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/soft-token") as person:
        await person.press("OK", label="phone", code="12345")
        assert person.error.startswith("The code has six digits.")


async def test_back_after_the_login_says_that_it_was_done(house_on_sqlite: House) -> None:
    """The login's page leads to the portal and does not ask to start again; nothing says that something went wrong."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await person.open("/login/code")
        assert person.page == "ended"
        assert "You are logged in already" in person.text
        assert "This login has ended" not in person.text


async def test_a_sentence_names_only_what_its_page_asks_for(house_on_sqlite: House) -> None:
    """The settings ask for the password alone; cells that another login answered are not called a code."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person, house.person() as other:
        await enter_password(other, member)
        await enter_password(person, member)
        await answer_matrix(person, member)
        await answer_matrix(other, member)
        assert other.error == "Those cells were answered at another login. Please enter the cells that are shown now."
        house.clock.later(seconds=30)
        await answer_matrix(other, member)
        assert other.page == "portal"
        await person.open("/settings")
        await person.press("Authenticate", password="wrong")
        assert (person.page, person.error) == ("step-up", "The password is not right.")


async def test_an_empty_field_is_no_wrong_password(house_on_sqlite: House) -> None:
    """The page asks for what is missing, and nothing is counted."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await person.open("/login/account")
        for account, password in (("", "secret"), (" ", "secret"), ("taro", ""), ("", "")):
            await person.press("OK", account=account, password=password)
            assert (person.page, person.error) == ("account", "Please enter your account and password.")
        assert not await Throttle.exists()
        await log_in(person, member)
        await person.open("/settings")
        await person.press("Authenticate", password="")
        assert (person.page, person.error) == ("step-up", "Please enter your password.")
    assert not await Event.filter(kind=EventKind.PASSWORD_WRONG).exists()
