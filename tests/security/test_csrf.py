"""Forms that another site, or another browser, made up: none of them changes anything."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp.web import RouteDef

from hub.security import keyring
from tests.support.factory import PASSWORD
from tests.support.journeys import enter_password, log_in, rows, step_up
from tests.support.running_hub import House, Person, url_in
from web.kiosk_api.handlers import OWN_PROOF
from web.routes import ROUTES

POSTS = [
    route.path
    for route in ROUTES
    if isinstance(route, RouteDef) and route.method == "POST" and route.handler not in OWN_PROOF
]
# What a member would send; a route that is new is sent nothing but what every form has.
FIELDS = {
    "/login/account": {"account": "taro", "password": PASSWORD},
    "/login/choice": {"way": "matrix"},
    "/language": {"language": "ja"},
    "/settings/authenticate": {"password": PASSWORD},
    "/settings/matrix": {"matrix": "off"},
    "/settings/email": {"label": "携帯", "email": "taro@phone.test"},
    "/settings/contacts/{id}/rename": {"label": "another"},
}


class Target:
    """A member's browser with a session, a step-up, a login and a confirmation under way: every form has its way."""

    def __init__(self, person: Person, contact: int, session: int, token: str) -> None:
        self.person = person
        self._contact = contact
        self._session = session
        self._token = token

    async def send(self, route: str, *, csrf: str, **headers: str) -> None:
        """Send a route's form as the member would, but for the token and the headers."""
        plain = re.sub(r"\{(\w+):[^/]*\}", r"{\1}", route)
        number = self._session if plain.startswith("/sessions") else self._contact
        path = plain.replace("{id}", str(number)).replace("{token}", self._token)
        filled = {**FIELDS.get(plain, {}), **({"csrf": csrf} if csrf else {})}
        await self.person.send(path, filled, **headers)


@pytest.fixture
async def target(house_on_sqlite: House) -> AsyncIterator[Target]:
    """A browser worth attacking."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person, house.person() as other:
        await log_in(other, member)
        await log_in(person, member)
        await step_up(person)
        await person.open("/settings/email")
        await person.press("Add", label="職場", email="taro@work.test")
        letter = await house.inbox.next_to("taro@work.test")
        token = url_in(letter).rpartition("/")[2]
        contact = int(person.at.split("/")[-2])
        await enter_password(person, member)
        session = (await rows())["session"][0]["id"]
        yield Target(person, contact, session, token)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    ],
)
async def test_a_form_from_another_site_changes_nothing(target: Target, headers: dict[str, str]) -> None:
    """The browser says that another site sent it: 403 on every POST route, though the token is right."""
    await target.person.open("/")
    token = target.person.token()
    before = await rows()
    for route in POSTS:
        await target.send(route, csrf=token, **headers)
        assert (target.person.status, target.person.page) == (403, "forged"), route
    assert await rows() == before


@pytest.mark.parametrize("kind", ["none", "garbage", "another browser's"])
async def test_a_form_without_this_browsers_token_changes_nothing(
    house_on_sqlite: House, target: Target, kind: str
) -> None:
    """No token, a made-up one, and one that another browser was given: 403 on every POST route."""
    async with house_on_sqlite.person() as stranger:
        await stranger.open("/")
        csrf = {"none": "", "garbage": "ｘ" * 43, "another browser's": stranger.token()}[kind]
    before = await rows()
    for route in POSTS:
        await target.send(route, csrf=csrf)
        assert (target.person.status, target.person.page) == (403, "forged"), route
    assert await rows() == before


async def test_only_the_kiosks_addresses_need_no_token() -> None:
    """They are sent with a signature, or with a code and its proof, and are named here one by one."""
    spared = {route.path for route in ROUTES if isinstance(route, RouteDef) and route.handler in OWN_PROOF}
    assert spared == {f"/kiosk/{step}" for step in ("enrol", "hello", "begin", "answer", "name", "end", "admit")}


async def test_the_same_forms_are_heard_with_the_right_token(target: Target) -> None:
    """What the tests above send is refused for its token and its origin, and for nothing else."""
    heard = 0
    for route in POSTS:
        await target.person.open("/")
        await target.send(route, csrf=target.person.token())
        assert target.person.page != "forged", route
        heard += 1
    assert heard == len(POSTS) > 15


async def test_a_stranger_cant_log_a_browser_in_as_somebody_else(house_on_sqlite: House) -> None:
    """Login CSRF: a form with the attacker's own account and the attacker's own token starts nothing here."""
    house = house_on_sqlite
    await house.people.member("mallory")
    async with house.person() as victim, house.person() as attacker:
        await attacker.open("/login/account")
        await victim.open("/login/account")
        before = victim.cookies()
        filled = {"account": "mallory", "password": PASSWORD, "csrf": attacker.token()}
        await victim.send("/login/account", filled)
        assert (victim.status, victim.page) == (403, "forged")
        assert victim.cookies() == before


async def test_every_form_on_a_page_has_the_token(target: Target) -> None:
    """No page shows a form that would be refused, nor one that sends by GET."""
    pages = ("/", "/login/account", "/portal", "/settings", "/settings/email", "/settings/contacts", "/help")
    for path in pages:
        await target.person.open(path)
        for form in target.person.soup.find_all("form"):
            assert form["method"] == "post", path
            assert form.find("input", attrs={"name": "csrf"}), path


async def test_a_form_that_was_open_while_a_key_was_added_goes_on(house_on_sqlite: House) -> None:
    """The token of the key before counts until that key is retired."""
    house = house_on_sqlite
    await house.people.member()
    async with house.person() as person:
        await person.open("/login/account")
        keyring.load(house.hub.settings.keys_file).rotated(now=house.people.now)
        await person.press("OK", account="taro", password=PASSWORD)
        assert person.page == "matrix"
        keyring.load(house.hub.settings.keys_file).rotated(now=house.people.now).without_replaced(now=house.people.now)
        await person.press("OK", cells="AAAAAA")
        assert person.page not in {"matrix", "portal"}
