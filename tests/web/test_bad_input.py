"""What no browser of a member sends: each gets a clear page with a status, and the log the rest."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp.web import RouteDef
from structlog.testing import capture_logs
from tortoise.connection import get_connections

from hub.domain.identifiers import fold_account
from hub.security import rate_limits
from hub.security.attempt_queues import Queues
from hub.settings import NUMBERS
from tests.support.factory import PASSWORD
from tests.support.journeys import enter_password, log_in, rows, settled, step_up, stepped_up
from tests.support.running_hub import House, Person
from web.kiosk_api.handlers import OWN_PROOF
from web.routes import ROUTES

FORM = "application/x-www-form-urlencoded"


async def _sent(person: Person, path: str, content: object, kind: str) -> None:
    headers = {"Content-Type": kind}
    if isinstance(content, bytes) and content.startswith(b"\x1f\x8b"):
        headers["Content-Encoding"] = "gzip"
    async with person.session.post(person.url + path, data=content, headers=headers) as answer:
        await person._take(answer)


def _multipart(*parts: tuple[str, bytes]) -> bytes:
    lines = b"".join(
        b"--x\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"
        for head, body in parts
    )
    return lines + b"--x--\r\n"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"account=" + b"a" * 70_000, FORM, 413),
        (b"&".join(b"a%d=" % number for number in range(20_000)), FORM, 413),
        (_multipart(('name="account"; filename="a"', b"a" * 70_000)), "multipart/form-data; boundary=x", 415),
        (b"account=%ff%fe&password=%c3%28", FORM, 422),
        (b"\xff\xfe\x00account=a", FORM, 400),
        (b"account=a", f"{FORM}; charset=no-such-charset", 415),
        (b"account=a", f"{FORM}; charset=utf-7", 415),
        (b"account=a%00b&password=x", FORM, 400),
        (b"account=+2AA-&password=x", f"{FORM}; charset=utf-7", 415),
        (b"account=\\ud800&password=x", f"{FORM}; charset=unicode_escape", 415),
        (b"a" * 30_000 + b"-" + b"a" * 34_000, f"{FORM}; charset=punycode", 415),
        (b"account=a", f'{FORM}; charset="UTF-8"', 422),
        (b"&".join(b"a%d=" % number for number in range(200)), FORM, 400),
        (b"account&password", FORM, 422),
        (b"", FORM, 422),
        (b"{}", "application/json", 422),
        (b"account=a&account=b&password=c&password=d", FORM, 422),
        (b"\x1f\x8b nothing", FORM, 400),
        (b"no boundary at all", "multipart/form-data; boundary=x", 415),
        (b"--x\r\nno header\r\n", "multipart/form-data; boundary=x", 415),
        (b"--x", "multipart/form-data", 415),
        (_multipart(('name="csrf"', b"x"), ('name="account"', b"\xff")), "multipart/form-data; boundary=x", 415),
        (_multipart(('name="account"; filename="a.txt"', b"a")), "multipart/form-data; boundary=x", 415),
    ],
)
async def test_a_form_that_cant_be_read_gets_a_page(house: House, content: bytes, kind: str, status: int) -> None:
    """Too large, broken, wrongly encoded, a file where a word belongs: refused in words, never a traceback.

    422 stands for what can be read and only names no account: it is asked with its token, and refused as any other.
    """
    async with house.person() as person:
        await person.open("/login/account")
        token = person.token().encode()
        if status in {400, 422} and kind.startswith(FORM):
            content += b"&csrf=" + token
        with capture_logs() as told:
            await _sent(person, "/login/account", content, kind)
        assert not [line for line in told if line["log_level"] in {"error", "critical"}], told
        if status == 422:
            assert person.status in {403, 422}
            assert person.page in {"account", "forged"}
            return
        assert (person.status, person.page) == (status, "bad-request")


async def test_missing_fields_are_empty_ones(house: House) -> None:
    """A form without its fields is refused as a wrong answer is, on every POST route."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        await enter_password(person, member)
        forms = [route for route in ROUTES if isinstance(route, RouteDef) and route.handler not in OWN_PROOF]
        for path in [route.path for route in forms if route.method == "POST"]:
            filled = re.sub(r"\{id:[^/]*\}", "999999999999999999", path).replace("{token}", "9" * 18 + "-a")
            await person.open("/help")
            with capture_logs() as told:
                await person.send(filled, {"csrf": person.token()})
            assert person.status < 500, (path, person.status)
            assert person.page, path
            assert not [line for line in told if line["log_level"] == "error"], (path, told)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/settings/email/0/waiting",
        "/settings/email/999999999999999999/waiting",
        "/settings/email/9999999999999999999/waiting",
        "/settings/email/-1/waiting",
        "/settings/contacts/1e3/remove",
        "/settings/contacts/%D9%A1/remove",
        "/settings/contacts/999999999999999999/rename",
        "/settings/soft-token/999999999999999999/remove",
        "/settings/email/999999999999999999/state",
        "/confirm/",
        "/confirm/999999999999999999-aaaa",
        "/confirm/99999999999999999999999-aaaa",
        "/confirm/%00",
        "/confirm/%FF%FE",
        "/confirm/%E6%89%8B%E5%BD%A2",
        "/confirm/" + "a" * 4000,
        "/%00",
        "/%",
        "/static/%00",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static/" + "a" * 4000,
        "/portal/../../etc/passwd",
        "/?next=%00%ff",
        "/?" + "&".join(f"a{number}=b" for number in range(500)),
    ],
)
async def test_a_path_that_leads_nowhere_gets_a_page(house: House, path: str) -> None:
    """Unknown paths and ids out of range: a page of ours, below 500, and nothing in the log."""
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        with capture_logs() as told:
            status, head, body = await _raw(house, f"GET {path} HTTP/1.1", *_cookies(person))
        assert status < 500, body
        assert "traceback" not in body.casefold()
        assert "web/" not in body
        if status in {400, 403, 404} and "text/html" in head:
            assert "<main" in body
        assert not [line for line in told if line["log_level"] in {"error", "critical"}], told


async def test_a_get_or_head_changes_nothing(house_on_sqlite: House) -> None:
    """Every page may be opened, and asked for by its head alone: no row is another one after it."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        await person.open("/settings/soft-token")
        await enter_password(person, member)
        await person.press("OK", way=person.option("自宅"))
        await settled()
        contact = str(member.contacts["自宅"])
        before = await rows()
        for route in ROUTES:
            if getattr(route, "method", "") != "GET" or route.path.endswith("/state"):
                continue
            path = re.sub(r"\{id:[^/]*\}", contact, route.path).replace("{token}", "1-aaaa")
            for method in ("HEAD", "GET"):
                async with person.session.request(method, house.url + path, allow_redirects=False) as answer:
                    assert answer.status < 500, path
        assert await rows() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_another_method_is_told_which_are_allowed(house_on_sqlite: House, method: str) -> None:
    """405 with Allow, and nothing done."""
    house = house_on_sqlite
    async with aiohttp.ClientSession() as session, session.request(method, f"{house.url}/portal") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"
        assert 'data-page="not-found"' in await answer.text()
    async with aiohttp.ClientSession() as session, session.request(method, f"{house.url}/logout") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "value",
    ["", "x", "a" * 4000, "\xff\xfe", "%00", "\x01\x02", '"', "手形".encode().decode("latin-1"), "a=b=c", "../.."],
)
async def test_a_cookie_of_garbage_is_none(house: House, value: str) -> None:
    """What was never set by us opens nothing and breaks nothing."""
    names = ("visit", "login", "session", "onward", "language")
    line = "Cookie: " + "; ".join(f"tegata-{name}={value}" for name in names)
    for path in ("/", "/login/account", "/login/choice", "/portal", "/settings", "/login/code/state"):
        with capture_logs() as told:
            status, _, body = await _raw(house, f"GET {path} HTTP/1.1", line)
        assert status < 500, (path, body)
        assert not [one for one in told if one["log_level"] in {"error", "critical"}], told


@pytest.mark.parametrize(
    "lines",
    [
        ("GARBAGE",),
        ("GET /",),
        ("GET / HTTP/9.9",),
        ("GET / HTTP/1.1", "no colon"),
        ("GET / HTTP/1.1", "X-Big: " + "a" * 10_000_000),
        ("GET /" + "a" * 1_000_000 + " HTTP/1.1",),
        ("GET / HTTP/1.1", *(f"X-{number}: a" for number in range(40_000))),
        ("POST /login/account HTTP/1.1", "Content-Length: -1"),
        ("POST /login/account HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"),
        ("GET / HTTP/1.1", "Host: a", "Host: b"),
    ],
    ids=lambda lines: lines[-1][:24],
)
async def test_what_is_no_request_is_refused_and_the_next_is_heard(house_on_sqlite: House, lines: tuple[str]) -> None:
    """A peer that speaks no HTTP, or 10 MB of it, gets a 4xx or the door; nobody else notices."""
    house = house_on_sqlite
    status, _, body = await _raw(house, *lines)
    assert status == 0 or 200 <= status < 500
    assert "traceback" not in body.casefold()
    assert ".py" not in body
    async with house.person() as person:
        await person.open("/")
        assert person.page == "login"


async def test_a_failure_shows_a_reference_number_that_stands_in_the_log(house: House) -> None:
    """A sealed secret that no longer fits its row: 500, a page without a word of why, the log with all of it."""
    async with stepped_up(house, "/settings/soft-token") as person:
        (connection,) = get_connections().all()
        await connection.execute_script('UPDATE "soft_token" SET "handle" = \'another\'')
        with capture_logs() as told:
            await person.open("/settings/soft-token")
        assert (person.status, person.page) == (500, "error")
        (line,) = [one for one in told if one["log_level"] == "error"]
        assert line["reference"] in person.text
        assert line["exc_info"]
        assert line["route"] == "/settings/soft-token"
        for word in ("Tampered", "Traceback", "sealed", ".py"):
            assert word not in str(person.soup)


@pytest.mark.parametrize(
    "name", ["nobody", "ＮＯＢＯＤＹ", "a" * 64, "no body", "../../etc", "'; DROP TABLE account--"]
)
async def test_an_unknown_account_is_answered_as_a_known_one(house: House, name: str) -> None:
    """The same status, page, words and head, for one try, for tries that wait and for one whose queue is full."""
    await house.people.member("taro")
    queues = house.people.hub.tries.queues
    queues.pause = _no_pause
    answers: dict[str, list[tuple[object, ...]]] = {"taro": [], name: []}
    for account, told in answers.items():
        async with house.person() as person, AsyncExitStack() as stack:
            for number in range(13):
                if number == 12:
                    subject = rate_limits.password_subject(fold_account(account), "127.0.0.1")
                    await stack.enter_async_context(_filled(queues, subject))
                await person.open("/login/account")
                await person.press("OK", account=account, password="wrong")
                told.append((person.status, person.page, _words(person, account), sorted(person.headers)))
    assert answers["taro"] == answers[name]
    assert [status for status, *_ in answers["taro"]] == [422] * 12 + [429]


async def _no_pause(_seconds: float) -> None:
    """Let a queue go on at once."""


@asynccontextmanager
async def _filled(queues: Queues, name: str) -> AsyncIterator[None]:
    """Fill a queue with tries of sources that were never wrong."""

    async def wait() -> None:
        async with queues.turn(name, timedelta(), ("", "", "")):
            await asyncio.Event().wait()

    waiting = [asyncio.create_task(wait()) for _ in range(NUMBERS.queue_places + 1)]
    await asyncio.sleep(0)
    yield
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_disabled_account_is_answered_as_an_unknown_one(house: House) -> None:
    """With the right password, too: nobody learns that the account exists."""
    member = await house.people.member("taro")
    (connection,) = get_connections().all()
    await connection.execute_script('UPDATE "account" SET "disabled_at" = "created_at"')
    told = []
    for account in (member.name, "nobody"):
        async with house.person() as person:
            await person.open("/login/account")
            await person.press("OK", account=account, password=PASSWORD)
            told.append((person.status, person.page, _words(person, account)))
    assert told[0] == told[1]
    assert told[0][0] == 422


def _words(person: Person, account: str) -> str:
    shown = re.sub(r'value="[^"]*"', "", str(person.soup))
    # The one try comes a moment after the other, so the time to wait ends later.
    shown = re.sub(r'at \d\d:\d\d:\d\d|data-seconds="\d+"', "", shown)
    return re.sub(r"wait \d+ seconds?", "wait", shown.replace(account, "ACCOUNT"))


def _cookies(person: Person) -> list[str]:
    return ["Cookie: " + "; ".join(f"{name}={value}" for name, value in person.cookies().items())]


async def _raw(house: House, *lines: str) -> tuple[int, str, str]:
    """Send lines as they are; gives status (0 for a closed connection), head and body."""
    place = urlsplit(house.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = "\r\n".join([*lines, *([] if "Host: a" in lines else ["Host: portal.test"]), "Connection: close", "", ""])
    received = b""
    reading = asyncio.ensure_future(reader.read())
    try:
        async with asyncio.timeout(10):
            writer.write(head.encode("latin-1"))
            await writer.drain()
            received = await reading
    except (ConnectionError, TimeoutError):
        received = b""
    # An error that nobody takes out of the task is told whenever the collector comes by, in the middle of anything.
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    writer.close()
    answered, _, body = received.decode("utf-8", "replace").partition("\r\n\r\n")
    status = re.match(r"HTTP/1\.[01] (\d{3})", answered)
    return int(status[1]) if status else 0, answered, body


async def test_whoever_hangs_up_in_a_form_is_no_failure_of_ours(house: House) -> None:
    """Nothing is logged as an error: an operator would look for a database that is gone."""
    head = "POST /login/account HTTP/1.1\r\nHost: portal.test\r\nContent-Length: 10\r\n"
    where = urlsplit(house.url)
    with capture_logs() as told:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(f"{head}Content-Type: {FORM}\r\nExpect: 100-continue\r\n\r\n".encode())
        # From here on the form is being read.
        assert b"100 Continue" in await reader.readline()
        writer.close()
        await writer.wait_closed()
        # The hub hears of it before it answers somebody else.
        async with house.person() as person:
            await person.open("/help")
    assert not [line for line in told if line["log_level"] == "error"], told


@pytest.mark.parametrize("path", ["/login/account", "/kiosk/enrol"])
async def test_a_form_that_never_ends_is_given_up(
    house_on_sqlite: House, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Whoever sends a byte now and then gets an answer, and keeps no place."""
    monkeypatch.setattr("web.request.forms._PATIENCE", 0.3)
    where = urlsplit(house_on_sqlite.url)
    kind = FORM if path.startswith("/login") else "application/json"
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 10\r\n\r\na".encode())
    async with asyncio.timeout(5):
        assert b" 408 " in await reader.readline()
    writer.close()
