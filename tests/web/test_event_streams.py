"""The stream of the code page: the words of a reload, as they change, until there is nothing more to tell."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

from hub.context import opened
from models.kinds import Channel
from tests.support.factory import Member, People, settings_for
from tests.support.hub_process import serving
from tests.support.journeys import enter_password, house_with, stepped_up
from tests.support.ports import free_port
from tests.support.running_hub import House, Person, code_in, open_house
from tests.support.slack_hub import copy_of
from tests.support.smtp_faults import HANG, Refusing
from web.request.stream_limits import A_LOGIN, Streams

STREAM = "/login/code/state"


@asynccontextmanager
async def _listening(person: Person, stream: str = STREAM) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    async with person.session.get(person.url + stream) as answer:
        assert answer.status == 200

        async def told() -> AsyncIterator[dict[str, Any]]:
            async for line in answer.content:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))

        async with asyncio.timeout(15), aclosing(told()) as heard:
            yield heard


async def _line(person: Person) -> tuple[str, str]:
    await person.open("/login/code")
    shown = person.soup.select_one(".live")
    assert shown is not None
    return str(shown["data-state"]), shown.get_text()


async def _asked(house: House, person: Person) -> Member:
    member = await house.people.member(contacts=("自宅",))
    await enter_password(person, member)
    await person.press("OK", way=person.option("自宅"))
    assert person.page == "code", person.text
    return member


async def _no_listener(house: House, *, within: float) -> None:
    async with asyncio.timeout(within):
        while [topic for topic in house.hub.wakeups._bells if topic.startswith("challenge:")]:
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("looking_often")
@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_stream_says_what_a_reload_says(sqlite_template: Path, tmp_path: Path, language: str) -> None:
    """Waiting, tried again, handed over: each event has the state and the words that the page has at that moment."""
    server = Refusing({"MAIL": HANG})
    async with (
        server.running(),
        house_with(
            sqlite_template,
            tmp_path,
            smtp_url=f"smtp://127.0.0.1:{server.port}?starttls=never",
            smtp_timeout=1.0,
        ) as house,
        house.person(language=language) as person,
    ):
        await _asked(house, person)
        async with _listening(person) as heard:
            seen = []
            for state in ("waiting", "retrying", "accepted"):
                told = await anext(heard)
                seen.append(told["state"])
                assert (told["state"], told["line"]) == await _line(person)
                assert told["done"] is False
                if state == "retrying":
                    server.replies.clear()
                    house.clock.later(seconds=45)
                    await house.hub.outbox.rouse(Channel.MAIL)
            assert seen == ["waiting", "retrying", "accepted"]


@pytest.mark.usefixtures("looking_often")
async def test_a_failed_delivery_ends_the_stream(sqlite_template: Path, tmp_path: Path) -> None:
    """There is nothing more to wait for: the last event says so, and the answer ends."""
    server = Refusing({"RCPT": "550 5.1.1 nobody"})
    async with server.running():
        url = f"smtp://127.0.0.1:{server.port}?starttls=never"
        async with house_with(sqlite_template, tmp_path, smtp_url=url) as house, house.person() as person:
            await _asked(house, person)
            async with _listening(person) as heard:
                told = [one async for one in heard]
            assert told[-1]["state"] == "failed"
            assert told[-1]["done"] is True
            await _no_listener(house, within=1)


@pytest.mark.usefixtures("looking_often")
async def test_the_stream_ends_with_the_login(house_on_sqlite: House) -> None:
    """Once the code was right, in this window or in another, the page is told to turn, and nothing of the login."""
    house = house_on_sqlite
    async with house.person() as person:
        await _asked(house, person)
        letter = await house.inbox.next_to("taro0@mail.test")
        async with _listening(person) as heard:
            while (await anext(heard))["state"] != "accepted":
                pass
            token = person.cookies()["tegata-login"]
            await person.press("OK", code=code_in(letter))
            assert person.page == "portal"
            assert token not in person.cookies().values()
            assert [one async for one in heard] == [{"turn": True, "done": True}]
        await _no_listener(house, within=1)


@pytest.mark.usefixtures("looking_often")
async def test_what_an_address_waits_for_is_told_as_long_as_the_session_lasts(house_on_sqlite: House) -> None:
    """Logged out in another window, the page is told to turn, and nothing more of the account."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/email") as person:
        await person.press("Add", label="自宅", email="taro@mail.test")
        assert person.page == "waiting", person.text
        shown = person.soup.select_one(".live")
        assert shown is not None
        async with _listening(person, str(shown["data-stream"])) as heard:
            while (await anext(heard))["state"] != "accepted":
                pass
            await person.press("Log out")
            assert [one async for one in heard] == [{"turn": True, "done": True}]


@pytest.mark.usefixtures("looking_often")
async def test_a_closed_browser_leaves_no_listener_behind(house_on_sqlite: House) -> None:
    """A page that is closed while it listens is forgotten within seconds, as many as a login may hold."""
    house = house_on_sqlite
    async with house.person() as person:
        await _asked(house, person)
        await house.inbox.next_to("taro0@mail.test")
        answers = [await person.session.get(house.url + STREAM) for _ in range(A_LOGIN)]
        for answer in answers:
            assert await answer.content.readline()
        (topic,) = [name for name in house.hub.wakeups._bells if name.startswith("challenge:")]
        assert len(house.hub.wakeups._bells[topic]) == len(answers)
        for answer in answers:
            answer.close()
        await _no_listener(house, within=8)


@pytest.mark.usefixtures("looking_often")
async def test_a_page_beyond_its_logins_streams_is_told_once_and_asks_again(house_on_sqlite: House) -> None:
    """No error, and no connection is held: what the stream says comes at once, and the browser asks 10 s later."""
    house = house_on_sqlite
    async with house.person() as person:
        await _asked(house, person)
        await house.inbox.next_to("taro0@mail.test")
        held = [await person.session.get(house.url + STREAM) for _ in range(A_LOGIN)]
        for answer in held:
            assert await answer.content.readline()
        async with person.session.get(house.url + STREAM) as answer:
            assert (answer.status, answer.content_type) == (200, "text/event-stream")
            retry, told = (await answer.text()).split("\n", 1)
        assert retry == "retry: 10000"
        assert json.loads(told.removeprefix("data: "))["state"] in {"waiting", "accepted"}
        held.pop().close()
        async with asyncio.timeout(8):
            while (await _first_line(person)).startswith(b"retry"):
                await asyncio.sleep(0.05)
        for answer in held:
            answer.close()
        await _no_listener(house, within=8)


async def _first_line(person: Person) -> bytes:
    async with person.session.get(person.url + STREAM) as answer:
        return await answer.content.readline()


def test_streams_are_counted_by_login_and_address_and_in_all() -> None:
    """One address may hold half of them; what ends makes room for the next."""

    async def counted() -> None:
        streams = Streams(40)
        with ExitStack() as stack:
            per_login = [stack.enter_context(streams.held("a", "192.0.2.1")) for _ in range(10)]
            assert per_login == [True] * A_LOGIN + [False] * 2
            per_address = [stack.enter_context(streams.held(f"b{n}", "192.0.2.1")) for n in range(20)]
            assert per_address.count(True) == 20 - A_LOGIN
            others = [stack.enter_context(streams.held(f"c{n}", f"192.0.2.{n}")) for n in range(2, 32)]
            assert others.count(True) == 20
        with streams.held("a", "192.0.2.1") as has_place:
            assert has_place

    with capture_logs() as told:
        asyncio.run(counted())
    assert [line["event"] for line in told] == ["streams.full"]


async def test_waiting_pages_leave_room_for_health_and_for_other_pages(sqlite_template: Path, tmp_path: Path) -> None:
    """256 descriptors, 240 pages that wait, then 300 open connections: each page is answered, the log says it once."""
    watchers, log = f"127.0.0.1:{free_port()}", tmp_path / "log"
    settings = settings_for(copy_of(sqlite_template, tmp_path), tmp_path)
    async with (
        opened(settings) as hub,
        serving(
            settings,
            smtp_port=1,
            doors=("web",),
            files=256,
            log=log,
            TEGATA_LOG_LEVEL="warning",
            TEGATA_METRICS_LISTEN=watchers,
        ) as child,
    ):
        members = [await People(hub).member(f"member{number}", contacts=("自宅",)) for number in range(12)]
        async with AsyncExitStack() as stack:
            held = await _waiting_pages(stack, child.url, members, each=20)
            assert {answer.status for answer in held} == {200}
            lives = (f"http://{watchers}/health/live", f"{child.url}/health/live", f"{child.url}/help")
            session = await stack.enter_async_context(aiohttp.ClientSession())
            assert [await _status(session, url) for url in lives] == [200, 200, 200]
            place = urlsplit(child.url)
            for _ in range(300):
                _, writer = await asyncio.open_connection(place.hostname, place.port)
                stack.callback(writer.close)
            assert [await _status(session, url) for url in lives] == [200, 200, 200]
    told = log.read_text()
    assert (told.count("streams.full"), told.count("connections.full")) == (1, 1), told
    assert "Traceback" not in told


async def _waiting_pages(
    stack: AsyncExitStack, url: str, members: list[Member], *, each: int
) -> list[aiohttp.ClientResponse]:
    """Have members wait for a code, with streams of each."""
    held = []
    for member in members:
        jar, connector = aiohttp.CookieJar(unsafe=True), aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar, connector=connector))
        person = Person(url, session)
        await enter_password(person, member)
        await person.press("OK", way=person.option("自宅"))
        assert person.page == "code", person.text
        held += [await session.get(url + STREAM) for _ in range(each)]
    return held


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as answer:
        return answer.status


async def test_no_login_has_no_stream(house_on_sqlite: House) -> None:
    """Whoever holds no login, or asks something else than a code, is told nothing."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        async with person.session.get(house.url + STREAM) as answer:
            assert (answer.status, await answer.read()) == (204, b"")
        await enter_password(person, member)
        assert person.page == "matrix"
        async with person.session.get(house.url + STREAM) as answer:
            assert (answer.status, await answer.read()) == (204, b"")


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_the_stream_hears_a_sender_in_another_process(database_url: str, tmp_path: Path) -> None:
    """Web and mail apart, on PostgreSQL: the page hears by NOTIFY, well before it would look by itself."""
    async with (
        open_house(database_url, tmp_path, doors=("web",)) as house,
        house.person() as person,
        _sender_apart(house),
    ):
        await _asked(house, person)
        async with _listening(person) as heard:
            told = await anext(heard)
            await house.inbox.next_to("taro0@mail.test")
            async with asyncio.timeout(2):
                while told["state"] != "accepted":
                    told = await anext(heard)


@asynccontextmanager
async def _sender_apart(house: House) -> AsyncIterator[None]:
    """Run the mail door as a process of its own; it has nothing of the hub's but the settings."""
    given = house.hub.settings
    environment = {
        **os.environ,
        "TEGATA_MODE": "demo",
        "TEGATA_ORIGIN": given.origin,
        "TEGATA_DATABASE_URL": given.database_url,
        "TEGATA_KEYS_FILE": str(given.keys_file),
        "TEGATA_SMTP_URL": given.smtp_url,
        "TEGATA_MAIL_FROM": given.mail_from,
        "TEGATA_METRICS_LISTEN": "",
    }
    sender = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tegata")), "serve", "mail_gateway", env=environment
    )
    try:
        yield
    finally:
        sender.terminate()
        assert await sender.wait() == 0
