"""The database locked, cut off or stopped while requests come: said with a reference number, and over when it is."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from models.database import migrate
from tests.support.databases import postgres_server
from tests.support.journeys import answer_matrix, enter_password, house_with, log_in
from tests.support.ports import free_port
from tests.support.running_hub import House, Person, open_house

pytestmark = pytest.mark.slow


async def _health(person: Person) -> tuple[int, dict[str, Any], int]:
    async with person.session.get(f"{person.url}/health/ready") as ready:
        told = await ready.json()
        async with person.session.get(f"{person.url}/health/live") as live:
            return ready.status, told, live.status


async def _unavailable(person: Person, path: str) -> None:
    with capture_logs() as told:
        await person.open(path)
    assert (person.status, person.page) == (503, "error"), person.text
    assert int(person.headers["Retry-After"]) > 0
    (line,) = [one for one in told if one["event"] == "web.unavailable"]
    assert line["reference"] in person.text
    assert "Traceback" not in str(person.soup)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    other = sqlite3.connect(file)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        other.rollback()
        other.close()


async def test_a_locked_sqlite_file_is_said_and_got_over(sqlite_template: Path, tmp_path: Path) -> None:
    """Another process holds the file: a login answers 503 with a number, in words; afterwards it goes on as it was."""
    async with house_with(sqlite_template, tmp_path, query="?busy_timeout=100") as house:
        member = await house.people.member()
        async with house.person() as person:
            await enter_password(person, member)
            asked = person.labels()
            with _locked(tmp_path / "tegata.db"), capture_logs() as told:
                await answer_matrix(person, member)
                assert (person.status, person.page) == (503, "error")
                (line,) = [one for one in told if one["event"] == "web.unavailable"]
                assert line["reference"] in person.text
                assert (await _health(person))[2] == 200
            # "Try again" leads back to the page of the form, not to one that only takes forms.
            await person.open("/login/matrix")
            assert person.labels() == asked
            await answer_matrix(person, member)
            assert person.page == "portal", person.text
            assert (await _health(person))[0] == 200


async def test_a_sqlite_file_that_is_damaged_makes_the_hub_unready(sqlite_template: Path, tmp_path: Path) -> None:
    """Tables gone under a running hub: ready turns false and names the part, live stays true."""
    async with house_with(sqlite_template, tmp_path, query="?busy_timeout=100") as house, house.person() as person:
        other = sqlite3.connect(tmp_path / "tegata.db")
        other.execute('ALTER TABLE "lease" RENAME TO "gone"')
        other.commit()
        ready, told, live = await _health(person)
        assert (ready, live) == (503, 200)
        assert told["status"] == "failed"
        assert told["parts"]["database"]["status"] == "failed"
        assert told["parts"]["mail"]["status"] == "ok"
        other.execute('ALTER TABLE "gone" RENAME TO "lease"')
        other.commit()
        other.close()
        assert (await _health(person))[0] == 200


@pytest.fixture
async def house_on_its_own_server(tmp_path: Path) -> AsyncIterator[tuple[House, Any, str]]:
    """A hub on a PostgreSQL server that nobody else uses, with the server and its URL."""
    with postgres_server() as server:
        url = server.get_uri()
        await migrate(url)
        inbound = {"mail_domain": "reply.test", "mail_listen": f"127.0.0.1:{free_port()}"}
        async with open_house(url, tmp_path, **inbound) as house:
            yield house, server, url


async def test_connections_that_postgresql_ends_are_made_again(
    house_on_its_own_server: tuple[House, Any, str],
) -> None:
    """An operator ends every connection: at most a 503 with its number, then everything works, codes by mail too."""
    house, _, url = house_on_its_own_server
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person:
        await log_in(person, member)
        await _end_connections(url)
        await person.open("/portal")
        if person.status != 200:
            assert (person.status, person.page) == (503, "error")
        async with asyncio.timeout(10):
            while person.page != "portal":
                await asyncio.sleep(0.2)
                await person.open("/portal")
        await enter_password(person, member)
        await person.press("OK", way=person.option("自宅"))
        assert person.page == "code", person.text
        await house.inbox.next_to("taro0@mail.test")


async def test_a_stopped_postgresql_is_said_and_got_over(house_on_its_own_server: tuple[House, Any, str]) -> None:
    """The server is down: every page that needs it says so with a number, ready is false, and all is well after."""
    house, server, _ = house_on_its_own_server
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await asyncio.to_thread(server._stop)
        await _unavailable(person, "/portal")
        await _unavailable(person, "/settings")
        await person.open("/help")
        assert person.status == 200
        await person.open("/login/account")
        with capture_logs() as logged:
            await person.press("OK", account=member.name, password="wrong")
        assert (person.status, person.page) == (503, "error")
        assert [one for one in logged if one["event"] == "web.unavailable"]
        ready, told, live = await _health(person)
        assert (ready, live) == (503, 200)
        assert told["parts"]["database"]["status"] == "failed"
        await asyncio.to_thread(server.ensure_postgres_running)
        async with asyncio.timeout(20):
            while (await _health(person))[0] != 200:
                await asyncio.sleep(0.2)
        await person.open("/portal")
        assert person.page == "portal"


async def test_a_mail_door_without_its_database_says_so_once(
    house_on_its_own_server: tuple[House, Any, str],
) -> None:
    """PostgreSQL's socket is gone: one warning for each worker, no traceback, and codes go out when it is back."""
    house, server, _ = house_on_its_own_server
    member = await house.people.member(contacts=("自宅",))
    with capture_logs() as logged:
        await asyncio.to_thread(server._stop)
        await asyncio.sleep(4)
    away = [one["worker"] for one in logged if one["event"] == "database.away"]
    assert {"mail sender", "wake-up", "leases", "room for mail", "mail reader"} <= set(away)
    assert len(away) == len(set(away))
    events = Counter(one["event"] for one in logged if one["log_level"] in {"warning", "error"})
    assert set(events) == {"database.away"}, events
    assert not [one for one in logged if one["event"] in {"sender.trouble", "reading.trouble"}]
    await asyncio.to_thread(server.ensure_postgres_running)
    async with house.person() as person:
        async with asyncio.timeout(20):
            while (await _health(person))[0] != 200:
                await asyncio.sleep(0.2)
        await enter_password(person, member)
        await person.press("OK", way=person.option("自宅"))
        await house.inbox.next_to("taro0@mail.test")


async def _end_connections(url: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    finally:
        await connection.close()
