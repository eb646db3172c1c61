"""Forms that are sent twice, or that are older than what their browser has done since."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.web import RouteDef
from yarl import URL

from hub.sessions.sessions import Current
from models.contact import Contact
from models.delivery import Delivery
from models.event import Event
from models.kinds import EventKind, Letter
from models.session import Session
from tests.support.factory import PASSWORD
from tests.support.journeys import answer_matrix, enter_password, log_in, stepped_up
from tests.support.running_hub import ELSEWHERE, House, Person, code_in, url_in
from web.kiosk_api.handlers import OWN_PROOF
from web.routes import ROUTES

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


@asynccontextmanager
async def _browser(house: House, person: Person, *, agent: str = AGENT) -> AsyncIterator[Person]:
    """A browser with the cookies that another one holds now, as when the answer to its first form was dropped."""
    async with aiohttp.ClientSession(
        headers={"Accept-Language": "en", "User-Agent": agent}, cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as session:
        session.cookie_jar.update_cookies(person.cookies(), URL(house.url))
        yield Person(house.url, session)


def _cells(person: Person, cells: Mapping[str, str]) -> dict[str, str]:
    asked = [label.strip("[]") for label in person.labels()]
    return {"csrf": person.token()} | {f"cell{at}": cells[cell] for at, cell in enumerate(asked, 1)}


async def test_the_same_answer_again_leads_to_the_same_session(house: House) -> None:
    """The browser dropped the first answer: the second brings the same cookie, and there is one session."""
    member = await house.people.member()
    async with house.person() as person:
        await enter_password(person, member, onward="?next=/help")
        filled = _cells(person, member.cells)
        async with _browser(house, person) as again, _browser(house, person) as once_more:
            for browser in (person, again, once_more):
                await browser.send("/login/matrix", filled)
                assert browser.page == "help", browser.text
            assert again.cookies()["tegata-session"] == person.cookies()["tegata-session"]
            assert again.cookies()["tegata-browser"] == person.cookies()["tegata-browser"]
        assert await Session.all().count() == 1
        assert await Event.filter(kind=EventKind.ADMITTED).count() == 1


@pytest.mark.parametrize("other", ["another answer", "another browser", "too late", "after logout"])
async def test_only_the_same_answer_from_the_same_browser_within_seconds(house_on_sqlite: House, other: str) -> None:
    """Anything else is refused, and no session is given."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await enter_password(person, member)
        filled = _cells(person, member.cells)
        agent = "curl/8" if other == "another browser" else AGENT
        async with _browser(house, person, agent=agent) as again:
            await person.send("/login/matrix", filled)
            if other == "another answer":
                filled["cell1"] = filled["cell1"][::-1] + "x"
            if other == "too late":
                house.clock.later(seconds=11)
            if other == "after logout":
                await person.press("Log out")
            await again.send("/login/matrix", filled)
            assert again.page == "ended"
            assert "tegata-session" not in again.cookies()


async def test_a_form_sent_after_the_first_answers_cookies_leads_to_the_session(house_on_sqlite: House) -> None:
    """Its token is of the login that is over: it leads to where the first one led, and no other tab is spoken of."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await enter_password(person, member, onward="?next=/help")
        filled = _cells(person, member.cells)
        for _ in range(3):
            await person.send("/login/matrix", filled)
            assert person.page == "help"
            assert "another tab" not in person.text
        assert await Session.all().count() == 1


@pytest.mark.parametrize("other", ["another form", "too late"])
async def test_another_form_of_a_login_that_is_over_is_told_of_the_other_tab(
    house_on_sqlite: House, other: str
) -> None:
    """It was shown before this browser logged in; it does nothing, and leads to the session."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await enter_password(person, member)
        filled = _cells(person, member.cells)
        await person.send("/login/matrix", filled)
        if other == "too late":
            house.clock.later(seconds=11)
            person.session.cookie_jar.clear(lambda cookie: cookie.key == "tegata-sent")
        await person.send("/login/matrix" if other == "too late" else "/login/choice", filled)
        assert person.page == "portal"
        assert "You continued in another tab" in person.text
        await person.open("/portal")
        assert "You continued in another tab" not in person.text


async def test_a_form_sent_twice_can_lead_to_no_other_site(house_on_sqlite: House) -> None:
    """The cookie that remembers where it led is only obeyed for a path of ours."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await enter_password(person, member)
        filled = _cells(person, member.cells)
        await person.send("/login/matrix", filled)
        digest = person.cookies()["tegata-sent"].partition(".")[0]
        person.session.cookie_jar.update_cookies({"tegata-sent": f"{digest}.//evil.test/"}, URL(house.url))
        await person.send("/login/matrix", filled)
        assert person.page == "portal"


async def test_the_password_given_again_twice_leads_to_the_settings(house_on_sqlite: House) -> None:
    """The first answer renewed the session: the second form is known as the same one, and is not called out of date."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await person.open("/settings/contacts")
        filled = {"csrf": person.token(), "password": PASSWORD, "next": "/settings/contacts"}
        for _ in range(2):
            await person.send("/settings/authenticate", filled)
            assert (person.page, person.error) == ("contacts", "")
            assert "out of date" not in person.text


async def test_an_older_tab_leads_to_the_login_under_way(house_on_sqlite: House) -> None:
    """Another tab gave the password again: the code typed in the first is not compared, and nothing is spent."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    async with house.person() as person:
        await enter_password(person, member)
        await person.press("OK", way=person.option("home"))
        filled = {"csrf": person.token(), "code": code_in(await house.inbox.next_to("taro0@mail.test"))}
        await enter_password(person, member)
        await person.send("/login/code", filled)
        assert person.page == "choice"
        assert "You continued in another tab" in person.text
        assert await Session.all().count() == 0


async def test_reload_and_back_after_a_wrong_code_cost_nothing(house_on_sqlite: House) -> None:
    """A wrong answer is answered with 303; the page behind it says so once and can be read again."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    async with house.person() as person:
        await enter_password(person, member)
        await person.press("OK", way=person.option("home"))
        filled = {"csrf": person.token(), "code": "000000"}
        async with person.session.post(f"{house.url}/login/code", data=filled, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/login/code")
        await person.open("/login/code")
        assert person.error == "That code is not correct. 2 attempts left."
        await person.open("/login/code")
        assert person.error == ""
        house.clock.later(seconds=1)
        await person.press("OK", code="000001")
        assert person.error == "That code is not correct. 1 attempt left."


async def test_the_password_given_twice_at_the_settings_keeps_the_session(house_on_sqlite: House) -> None:
    """The first answer renewed the session's token and was dropped: the second brings the same one."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await person.open("/settings")
        filled = {"csrf": person.token(), "password": PASSWORD}
        async with _browser(house, person) as again:
            await person.send("/settings/authenticate", filled)
            await again.send("/settings/authenticate", filled)
            assert (person.page, again.page) == ("settings", "settings")
            assert again.cookies()["tegata-session"] == person.cookies()["tegata-session"]
        async with _browser(house, person) as thief:
            await thief.send("/settings/authenticate", {**filled, "password": "wrong"})
            assert thief.page != "settings"


async def test_an_address_added_twice_is_added_once(house_on_sqlite: House) -> None:
    """The second form leads to the same waiting page, and one mail goes out."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/email") as person:
        filled = {"csrf": person.token(), "label": "home", "email": "taro@home.test"}
        for _ in range(2):
            await person.send("/settings/email", filled)
            assert (person.page, person.error) == ("waiting", "")
            # A carrier's address, whose dots the settings allow.
            await person.send("/settings/email", filled | {"label": "mobile", "email": "taro..y@docomo.ne.jp"})
            assert (person.page, person.error) == ("waiting", "")
        assert await Contact.all().count() == 2
        assert await Delivery.filter(letter=Letter.CONFIRMATION).count() == 2
        path = url_in(await house.inbox.next_to("taro@home.test"))
        await person.open(f"{path}/refuse")
        await person.press("Yes, stop it")
        filled = {str(one["name"]): str(one["value"]) for one in person.soup.select("main form input")}
        house.clock.later(seconds=4)
        for _ in range(2):
            await person.send(f"{path}/refuse/again", filled)
            assert person.page == "not-me-done"


async def test_logging_out_twice_ends_at_the_start(house_on_sqlite: House) -> None:
    """The second form has no session any more, and says nothing of it."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person, house.person() as other:
        await log_in(other, member)
        await log_in(person, member)
        csrf = {"csrf": person.token()}
        ended = next(one.id for one in await Session.all().order_by("id"))
        for _ in range(2):
            await person.send(f"/sessions/{ended}/end", csrf)
            assert (person.status, person.page) == (200, "portal")
        for _ in range(2):
            await person.send("/logout", csrf)
            assert (person.status, person.page, person.error) == (200, "login", "")


@pytest.mark.parametrize(
    ("language", "logged_out", "over"),
    [
        ("en", "You have logged out in another tab, so nothing was changed.", "Your session has ended"),
        ("ja", "別のタブでログアウトしたため、何も変更されていません。", "ログインが終了していたため"),
    ],
)
async def test_a_form_without_its_session_does_nothing_and_says_why(
    house_on_sqlite: House, language: str, logged_out: str, over: str
) -> None:
    """After a logout in another tab, or when the session has ended elsewhere, whichever form it is."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    session = await house.people.stepped_up(member, visit=house.people.visit(address="127.0.0.1"))
    forms = [path for path in FORMS if path.startswith(("/settings/", "/sessions/", "/slack/link/"))]
    for path in forms:
        async with house.person(language=language) as person:
            await Session.filter(id=session.id).update(ended_at=None)
            person.session.cookie_jar.update_cookies({"tegata-session": session.token}, URL(house.url))
            await person.open("/portal")
            filled = {"csrf": person.token(), "label": "new", "email": "new@mail.test"}
            await Session.filter(id=session.id).update(ended_at=house.clock())
            await person.send(path, filled)
            assert over in person.text, path
            person.session.cookie_jar.clear(lambda cookie: cookie.key == "tegata-session")
            await person.send(path, filled)
            assert (person.page, logged_out in person.text) == ("login", True), path
    assert await Contact.all().count() == 1


async def test_a_form_after_the_step_up_has_run_out_says_that_nothing_was_changed_yet(house_on_sqlite: House) -> None:
    """The password is asked for, and what was to be done has to be done again."""
    async with stepped_up(house_on_sqlite, "/settings/email") as person:
        house_on_sqlite.clock.later(minutes=11)
        await person.press("Add", label="home", email="taro@home.test")
        assert person.page == "step-up"
        assert "Nothing was changed yet." in person.text
        assert not await Contact.all().count()


async def test_a_page_of_an_ended_login_leads_to_the_open_session(house_on_sqlite: House) -> None:
    """Back after the login: who is logged in, and the way to the portal."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await enter_password(person, member)
        await answer_matrix(person, member)
        await person.open("/login/matrix")
        assert "You are logged in as taro" in person.text
        await person.follow("Portal")
        assert person.page == "portal"


async def test_an_account_with_nothing_registered_is_led_to_the_help_desk(house_on_sqlite: House) -> None:
    """Starting again would end at the same page."""
    house = house_on_sqlite
    member = await house.people.member(card=False)
    async with house.person() as person:
        await enter_password(person, member)
        assert person.page == "ended"
        links = [str(link["href"]) for link in person.soup.select("main a")]
        assert links[0] == "/login/ic-card"


FORMS = sorted(
    route.path.replace(r"{id:\d{1,18}}", "1").replace("{token}", "1-abc")
    for route in ROUTES
    if isinstance(route, RouteDef) and route.method == "POST" and route.handler not in OWN_PROOF
)


@pytest.mark.parametrize("who", ["a stranger", "a member", "a member off campus", "a member with a card"])
async def test_every_form_is_answered_with_a_redirect(house_on_sqlite: House, who: str) -> None:
    """Reload and Back after a form send nothing again, whatever the answer was; without its token nothing is done."""
    house = house_on_sqlite
    assert len(FORMS) > 25
    session = await _session(house, who) if who != "a stranger" else None
    for path in FORMS:
        async with house.person(address=ELSEWHERE if who == "a member off campus" else "") as person:
            if session is not None:
                await Session.filter(id=session.id).update(ended_at=None)
                person.session.cookie_jar.update_cookies({"tegata-session": session.token}, URL(house.url))
            await person.open("/")
            filled = {"csrf": person.token(), "password": "long enough, anyhow", "again": "long enough, anyhow"}
            async with person.session.post(f"{house.url}{path}", data=filled, allow_redirects=False) as answer:
                assert answer.status == 303, path
            await person.open(answer.headers["Location"])
            assert (person.page, person.status < 500) != ("", True), path
            async with person.session.post(f"{house.url}{path}", data={}, allow_redirects=False) as answer:
                assert answer.status == 403, path


async def _session(house: House, who: str) -> Current:
    """Open a session with the password just given: with the matrix card on the campus, or as with an IC card."""
    member = await house.people.member()
    session = await house.people.stepped_up(member, visit=house.people.visit(address="127.0.0.1"))
    if who == "a member with a card":
        await Session.filter(id=session.id).update(amr="sc pin")
    return session
