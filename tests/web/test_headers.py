"""What stands in every answer's head, whatever it answers, and what the cookies are bound to."""

import re
from http.cookies import SimpleCookie
from pathlib import Path

import aiohttp
import pytest

from tests.support.factory import PASSWORD
from tests.support.journeys import enter_password, house_with, log_in, step_up, stepped_up
from tests.support.running_hub import House, url_in

CSP = "default-src 'none'"


def _is_dressed(answer: aiohttp.ClientResponse, *, secure: bool = False) -> bool:
    policy = answer.headers.get("Content-Security-Policy", "")
    assert policy.startswith(CSP), answer.url
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy
    assert "base-uri 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Server"] == "Tegata"
    assert ("Strict-Transport-Security" in answer.headers) is secure
    if not answer.url.path.startswith("/static/"):
        assert answer.headers["Cache-Control"] == "no-store", answer.url
    return True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/login/account", 200),
        ("GET", "/login/choice", 403),
        ("GET", "/portal", 303),
        ("GET", "/settings", 303),
        ("GET", "/help", 200),
        ("GET", "/confirm/1-nothing", 404),
        ("GET", "/nowhere", 404),
        ("PUT", "/portal", 405),
        ("POST", "/login/account", 403),
        ("POST", "/nowhere", 403),
        ("GET", "/static/style.css", 200),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/", 403),
        ("GET", "/login/code/state", 204),
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 200),
    ],
)
async def test_every_answer_has_the_headers(house_on_sqlite: House, method: str, path: str, status: int) -> None:
    """Pages, redirects, errors, files and the health pages alike."""
    async with aiohttp.ClientSession() as session:
        url = house_on_sqlite.url + path
        async with session.request(method, url, allow_redirects=False) as answer:
            assert answer.status == status
            assert _is_dressed(answer)


async def test_a_stream_has_the_headers(house_on_sqlite: House) -> None:
    """A stream's head is sent early, and is dressed before."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person:
        await enter_password(person, member)
        await person.press("OK")
        async with person.session.get(f"{house.url}/login/code/state") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/event-stream"
            assert _is_dressed(answer)


async def test_pages_run_nothing_that_stands_in_them(house_on_sqlite: House) -> None:
    """No script, style or handler is written into a page: the policy would have to allow it."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        for path in ("/", "/login/account", "/portal", "/settings", "/settings/contacts", "/settings/soft-token"):
            await person.open(path)
            assert not [one for one in person.soup.find_all("script") if not one.get("src")], path
            assert not person.soup.find_all("style"), path
            for tag in person.soup.find_all(True):
                assert not [name for name in tag.attrs if name == "style" or name.startswith("on")], (path, tag.name)


async def test_nothing_is_kept_and_logout_clears_the_browser(house_on_sqlite: House) -> None:
    """Cache-Control no-store on what a member sees, Clear-Site-Data when the member leaves."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        assert person.headers["Cache-Control"] == "no-store"
        token = person.token()
        async with person.session.post(f"{house.url}/logout", data={"csrf": token}, allow_redirects=False) as answer:
            assert answer.status == 303
            assert '"cache"' in answer.headers["Clear-Site-Data"]
            assert '"storage"' in answer.headers["Clear-Site-Data"]


async def test_cookies_are_bound_to_the_host_and_to_https(sqlite_template: Path, tmp_path: Path) -> None:
    """Where members come by HTTPS each cookie is `__Host-`, Secure, HttpOnly, SameSite=Lax, on / and of no domain."""
    seen: dict[str, str] = {}
    async with (
        house_with(sqlite_template, tmp_path, origin="https://portal.test") as house,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        member = await house.people.member()

        async def send(method: str, path: str, **data: str) -> tuple[str, str]:
            cookie = "; ".join(f"{name}={value}" for name, value in seen.items() if value)
            url = house.url + path
            headers = {"Cookie": cookie}
            async with session.request(method, url, data=data or None, headers=headers, allow_redirects=False) as one:
                assert _is_dressed(one, secure=True)
                for line in one.headers.getall("Set-Cookie", []):
                    (name, morsel), *_ = SimpleCookie(line).items()
                    assert name.startswith("__Host-tegata-"), line
                    assert morsel["secure"]
                    assert morsel["httponly"]
                    assert morsel["samesite"] == "Lax"
                    assert (morsel["path"], morsel["domain"]) == ("/", "")
                    seen[name] = morsel.value
                return await one.text(), one.headers.get("Location", "")

        shown, _ = await send("GET", "/login/account")
        filled = {"account": member.name, "password": PASSWORD, "next": "/help"}
        _, path = await send("POST", "/login/account", csrf=_token(shown), **filled)
        assert path == "/login/matrix"
        shown, _ = await send("GET", path)
        cells = re.findall(r"\[([A-J],[1-7])\]</label>", shown)
        _, path = await send("POST", path, csrf=_token(shown), cell1="".join(member.cells[cell] for cell in cells))
        assert path == "/help"
        assert seen["__Host-tegata-session"]
        shown, _ = await send("GET", "/portal")
        await send("POST", "/language", csrf=_token(shown), language="ja")
        await send("POST", "/logout", csrf=_token(shown))
    names = ("visit", "pages", "login", "session", "onward", "sent", "said", "language", "browser")
    assert set(seen) == {f"__Host-tegata-{name}" for name in names}
    assert not seen["__Host-tegata-session"]


async def test_a_cookie_a_neighbour_could_plant_is_not_read(sqlite_template: Path, tmp_path: Path) -> None:
    """By HTTPS only the `__Host-` names count, so that a sister site's cookie of the plain name opens nothing."""
    async with house_with(sqlite_template, tmp_path, origin="https://portal.test") as house, house.person() as person:
        await person.session.get(f"{house.url}/", headers={"Cookie": "tegata-language=ja"})
        async with person.session.get(f"{house.url}/", headers={"Cookie": "tegata-language=ja"}) as answer:
            assert '<html lang="en"' in await answer.text()
        async with person.session.get(f"{house.url}/", headers={"Cookie": "__Host-tegata-language=ja"}) as answer:
            assert '<html lang="ja"' in await answer.text()


async def test_the_mailed_url_begins_with_the_configured_origin(house_on_sqlite: House) -> None:
    """Whatever Host and forwarding headers a stranger sends, the mail leads to the hub."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/email") as person:
        token = person.token()
        await person.send(
            "/settings/email",
            {"csrf": token, "label": "自宅", "email": "taro@mail.test"},
            Host="evil.example",
            X_Forwarded_Host="evil.example",
            X_Forwarded_Proto="gopher",
            Forwarded="host=evil.example",
            X_Forwarded_For="127.0.0.1",
        )
        letter = await house.inbox.next_to("taro@mail.test")
        assert house.hub.settings.origin + url_in(letter) in letter.text
        assert b"evil.example" not in letter.content
        assert "evil.example" not in letter.page


def _token(shown: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', shown)
    assert found
    return found[1]
