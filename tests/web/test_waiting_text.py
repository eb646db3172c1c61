"""What a page says where something has to wait: what waits, why, until when, and what is possible meanwhile."""

import re
from datetime import timedelta

import pytest

from demo.inbox import Received
from hub.domain.outcomes import Hold, Throttled
from models.account import Account
from tests.hub.test_disavow import not_me_in
from tests.support.factory import Member
from tests.support.journeys import enter_password, log_in, press_twice, stepped_up
from tests.support.running_hub import ELSEWHERE, House, Person, code_in
from web.rendering import waiting_text
from web.request.language import translations

_OF_THE_CHAT = {Hold.LINKS}
_MINUTE = r"\d{4}-\d\d-\d\d \d\d:\d\d"


async def _asked(house: House, person: Person, member: Member) -> Received:
    """Go as far as a label's code, and read the letter."""
    before = len(house.inbox.to("taro0@mail.test"))
    await enter_password(person, member)
    await person.press("OK", way="contact:" + str(member.contacts["home"]))
    assert person.page == "code", person.text
    return await house.inbox.next_to("taro0@mail.test", after=before)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("why", [hold for hold in Hold if hold not in _OF_THE_CHAT])
@pytest.mark.parametrize("beside", [True, False])
def test_each_wait_says_why_and_how_long(why: Hold, language: str, beside: bool) -> None:
    """Each hold has its reason beside the time, and nothing is left unfilled."""
    words = translations(language)
    throttled = Throttled(timedelta(minutes=5), why, timedelta(seconds=6))
    said = waiting_text.sentence(throttled, words, at="12:34:56", beside=beside)
    assert len(said) > len(waiting_text.sentence(Throttled(timedelta(minutes=5)), words, at=""))
    assert "%" not in said
    assert "12:34:56" in said or "5" in said


@pytest.mark.parametrize(
    ("why", "beside", "said"),
    [
        (
            Hold.SENT_ELSEWHERE,
            True,
            (
                "Another login to your account requested a code 6 seconds ago. The next can be sent in 24 seconds;"
                " other methods are open."
            ),
        ),
        (Hold.SENT, True, "A code was sent a moment ago. The next can be sent at 12:34:56; other methods are open."),
        (Hold.SENT, False, "A code was sent a moment ago. The next can be sent at 12:34:56."),
        (
            Hold.ANSWER,
            True,
            (
                "There were wrong answers for this method. The next answer is accepted in 24 seconds; other methods are"
                " open."
            ),
        ),
    ],
)
def test_the_sentences_of_waiting(why: Hold, beside: bool, said: str) -> None:
    """Other methods are named only where there are some."""
    throttled = Throttled(timedelta(seconds=23.9), why, timedelta(seconds=6.1))
    assert waiting_text.sentence(throttled, translations("en"), at="12:34:56", beside=beside) == said


async def test_a_members_code_does_not_open_the_strangers_login(house_on_sqlite: House) -> None:
    """Two letters with two codes; each page and letter name their own login, and both pages say that another waits."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    async with house.person(address="10.0.0.9") as taro, house.person(address=ELSEWHERE) as stranger:
        taros = await _asked(house, taro, member)
        assert "Another login to your account is waiting" not in _shown(taro)
        house.clock.later(seconds=6)
        await enter_password(stranger, member)
        await stranger.press("OK", way=stranger.option("home"))
        assert (stranger.page, stranger.status) == ("choice", 429)
        assert re.search(
            r"Another login to your account requested a code \d seconds? ago\. The next can be sent in 2\d seconds;"
            r" other methods are open\. You can try again at \d\d:\d\d:\d\d\.",
            stranger.error,
        ), stranger.error
        assert "10.0.0.9" not in stranger.text
        countdown = stranger.soup.select_one("#summary [data-seconds]")
        assert countdown is not None
        assert 0 < int(str(countdown["data-seconds"])) <= 24
        assert "Another login to your account is waiting" in _shown(stranger)
        house.clock.later(seconds=60)
        await stranger.press("OK", way=stranger.option("home"))
        strangers = await house.inbox.next_to("taro0@mail.test", after=1)
        await taro.open("/login/code")
        for person, letter in ((taro, taros), (stranger, strangers)):
            assert "Another login to your account is waiting" in _shown(person)
            (minute,) = re.findall(rf"Requested at: +({_MINUTE})", letter.text)
            assert minute in person.text
        assert "Requested from: 10.0.0.9 (Firefox on Linux)" in taros.text
        assert f"Requested from: {ELSEWHERE} (Firefox on Linux)" in strangers.text
        assert code_in(taros) != code_in(strangers)
        await stranger.press("OK", code=code_in(taros))
        assert stranger.error == "That code is not correct. 2 attempts left."
        house.clock.later(seconds=2)
        await taro.press("OK", code=code_in(taros))
        assert taro.page == "portal", taro.text


async def test_two_tabs_of_a_browser_wait_for_one_code(house_on_sqlite: House) -> None:
    """The second tab gets no second letter; the first tab's form leads on, and the code of the first letter admits."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    async with house.person() as person:
        code = code_in(await _asked(house, person, member))
        first_tab = {"csrf": person.token(), "code": code}
        await enter_password(person, member)
        await person.press("OK", way=person.option("home"))
        assert (person.page, person.status) == ("code", 200)
        assert "Another login to your account is waiting" not in _shown(person)
        await person.send("/login/code", first_tab)
        assert (person.page, "You continued in another tab" in person.text) == ("code", True)
        await person.press("OK", code=code)
        assert person.page == "portal", person.text
        assert len(house.inbox.to("taro0@mail.test")) == 1


@pytest.mark.parametrize(
    ("language", "why", "then"),
    [
        ("en", "A code was sent a moment ago.", r"The next can be sent at \d\d:\d\d:\d\d; other methods are open\."),
        (
            "ja",
            "コードは先ほど送信しました。",
            r"次のコードは \d\d:\d\d:\d\d から送信できます。ほかの認証方法は今すぐ使えます。",
        ),
    ],
)
async def test_who_logs_out_and_in_again_hears_why_the_code_waits(
    house_on_sqlite: House, language: str, why: str, then: str
) -> None:
    """The code before was this browser's own; the next one's time stands there, and the matrix card is open."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    async with house.person(language=language) as person:
        await person.open("/login/account")
        letter = await _asked(house, person, member)
        await person.press("OK", code=code_in(letter))
        assert person.page == "portal"
        await person.press({"en": "Log out", "ja": "ログアウト"}[language])
        await enter_password(person, member)
        await person.press("OK", way="contact:" + str(member.contacts["home"]))
        assert (person.page, person.status) == ("choice", 429)
        assert why in person.error
        assert re.search(then, person.error), person.error
        assert int(person.headers["Retry-After"]) <= 30


async def test_a_paused_label_is_marked_and_stands_behind_what_is_open(house_on_sqlite: House) -> None:
    """After "this was not me" the matrix card comes first; who has nothing else reads where to go."""
    house = house_on_sqlite
    object.__setattr__(house.hub.settings, "help_url", "https://desk.test/")
    with_card = await house.people.member(contacts=("home",))
    without = await house.people.member("hanako", card=False, contacts=("home",))
    await Account.all().update(codes_blocked_until=house.clock() + timedelta(hours=1))
    async with house.person() as taro, house.person() as hanako:
        await enter_password(taro, with_card)
        checked = taro.soup.select("input[type=radio][checked]")
        assert [str(one["value"]) for one in checked] == ["matrix"]
        assert re.search(r"Matrix .*home mail Paused until \d\d:\d\d:\d\d", taro.text), taro.text
        assert "no other method is open to you" not in taro.text
        await enter_password(hanako, without)
        assert hanako.soup.select("input[type=radio][checked]") == []
        assert "Codes are paused until" in hanako.text
        assert "no other method is open to you" in hanako.text
        assert "please ask the help desk" in hanako.text
        assert hanako.soup.select_one("main a[href='https://desk.test/']") is not None


async def test_a_step_up_that_can_not_be_done_leads_to_what_is_left(house_on_sqlite: House) -> None:
    """Its page has the same way out as the choice page, and the way back is to the step-up."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await person.open("/settings")
        await person.follow("None of these works")
        assert "set a new password" in person.text
        await person.follow("Back")
        assert person.page == "step-up"


async def test_a_member_with_the_matrix_card_alone_reads_what_is_left(house_on_sqlite: House) -> None:
    """The page of the cells, which is reached without a choice, leads there too."""
    member = await house_on_sqlite.people.member()
    async with house_on_sqlite.person() as person:
        await enter_password(person, member)
        assert person.page == "matrix"
        await person.follow("None of these works")
        assert person.page == "none-works"


async def test_who_refuses_an_address_reads_who_can_allow_it_again(house_on_sqlite: House) -> None:
    """The page before the press names the help desk, and so does the refusal that the member reads afterwards."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/email") as person:
        await person.press("Add", label="home", email="someone@else.test")
        await person.open(not_me_in(await house.inbox.next_to("someone@else.test")))
        assert "the help desk can allow it again" in person.text
        await press_twice(house, person, "Yes, stop it")
        await person.open("/settings/email")
        await person.press("Add", label="home", email="someone@else.test")
        assert "the help desk can allow it again" in person.error


def _shown(person: Person) -> str:
    """Give the words of a page without what stays hidden until a script shows it."""
    for hidden in person.soup.select("[hidden]"):
        hidden.decompose()
    return person.text
