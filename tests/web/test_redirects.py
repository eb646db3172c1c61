"""Where a claimant is sent on to: to a path of ours or nowhere, and never with a secret in a query string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from tests.support.journeys import answer_matrix, enter_password, log_in, step_up
from tests.support.running_hub import House, url_in
from web.request.redirects import own_path

FOREIGN = [
    "",
    " ",
    "portal",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "https:",
    "https://evil.example/portal",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "@evil.example",
    "%2f%2fevil.example",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%252fevil.example",
    "%5c%5cevil.example",
    "/%5cevil.example",
    "/%255cevil.example",
    "/./\\evil.example",
    "/portal//evil.example",
    "/portal\r\nSet-Cookie: a=b",
    "/portal%0d%0aSet-Cookie:%20a=b",
    "/portal%250d%250aa:b",
    "/\t/evil.example",
    "/%09/evil.example",
    "/\x00",
    "/%00",
    "/portal%e2%80%ae",
    "/手形",
    " /portal",
]
OWN = ["/", "/portal", "/portal?x=//y", "/portal?a=1&b=2", "/settings/contacts", "/confirm/12-abcdefgh", "/help#top"]


@pytest.mark.parametrize("wanted", FOREIGN)
def test_what_is_no_path_of_ours_is_not_followed(wanted: str) -> None:
    """Other hosts and schemes, however they are spelled, and control characters give the portal instead."""
    assert own_path(wanted) == "/portal"


@pytest.mark.parametrize("wanted", OWN)
def test_a_path_of_ours_is_followed_as_it_was_asked_for(wanted: str) -> None:
    """A path, with a query string or without, stays what it was."""
    assert own_path(wanted) == wanted


@given(st.text(alphabet="/\\%25fFcC0aAdD:@.?#&=ehvil\t\r\n\0 ", max_size=24))
def test_whatever_is_asked_for_ends_on_this_host(wanted: str) -> None:
    """A browser that follows the answer from a page of ours is on the same host with the same scheme."""
    for answered in (own_path(wanted), own_path(f"/{wanted}"), own_path(f"//{wanted}")):
        assert answered.isascii()
        assert answered.isprintable()
        # The WHATWG URL parser takes a backslash for a slash.
        joined = URL("https://portal.test/login/code").join(URL(answered.replace("\\", "/"), encoded=True))
        assert (joined.scheme, joined.host) == ("https", "portal.test")


@pytest.mark.parametrize("wanted", [one for one in FOREIGN if one.isprintable()])
async def test_no_login_ends_elsewhere(house_on_sqlite: House, wanted: str) -> None:
    """Whatever a link put into `next`, by query string or by form, the login ends at the portal."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await person.session.get(URL(house.url) / "", params={"next": wanted})
        await enter_password(person, member)
        await person.open("/login/account")
        await person.press("OK", account=member.name, password="correct horse battery", next=wanted)
        await answer_matrix(person, member)
        assert person.at == f"{house.url}/portal"


@pytest.mark.parametrize("wanted", ["/help?a=1&b=2", "/settings/contacts"])
async def test_a_login_ends_where_the_claimant_was_going(house_on_sqlite: House, wanted: str) -> None:
    """From the first page on, over a wrong answer and another way, with the query string whole, and once only."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person:
        await person.open(str(URL("/").with_query({"next": wanted})))
        await person.follow("Matrix/OTP/Soft Token Authentication")
        await person.press("OK", account=member.name, password="wrong")
        assert person.page == "account"
        await person.press("OK", account=member.name, password="correct horse battery")
        await person.press("OK")
        await person.press("OK", code="000000")
        await person.follow("Choose another way")
        await person.press("OK", way="matrix")
        async with person.session.post(
            f"{house.url}/login/matrix",
            data={
                "csrf": person.token(),
                "cell1": "".join(member.cells[label.strip("[]")] for label in person.labels()),
            },
            allow_redirects=False,
        ) as answer:
            assert answer.headers["Location"] == wanted
        assert "tegata-onward" not in person.cookies()
        await log_in(person, member)
        assert person.at == f"{house.url}/portal"


async def test_a_mailed_url_opened_before_the_login_is_come_back_to(house_on_sqlite: House) -> None:
    """The link "Log in here instead" leads through the login back to the button, with the token in no query string."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person, house.person() as elsewhere:
        await log_in(person, member)
        await step_up(person)
        await person.open("/settings/email")
        await person.press("Add", label="自宅", email="taro@mail.test")
        path = url_in(await house.inbox.next_to("taro@mail.test"))
        token = path.rpartition("/")[2]
        await elsewhere.open(path)
        assert elsewhere.page == "confirm-elsewhere"
        assert not [link for link in elsewhere.soup.find_all("a") if token in str(link["href"]).partition("?")[2]]
        await elsewhere.press("Log in here instead")
        assert elsewhere.page == "account"
        assert token not in elsewhere.at
        assert token not in str(elsewhere.soup)
        await elsewhere.press("OK", account=member.name, password="correct horse battery")
        assert token not in elsewhere.at
        await answer_matrix(elsewhere, member)
        assert (elsewhere.page, elsewhere.at) == ("confirm", house.url + path)
        await elsewhere.press("Confirm")
        assert elsewhere.page == "confirmed"


async def test_switching_the_language_stays_on_the_page(house_on_sqlite: House) -> None:
    """The switch comes back to the page with what it was opened with, after a refused form too."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person:
        await person.open("/login/account?next=/settings")
        await person.press("日本語")
        assert person.at == f"{house.url}/login/account?next=/settings"
        await person.press("English")
        await enter_password(person, member)
        await person.press("OK")
        at = person.at
        await person.send("/login/code", {"csrf": person.token(), "code": "not it"}, Referer=at)
        assert person.status == 422
        await person.press("日本語")
        assert (person.status, person.page, person.at) == (200, "code", at)
