"""Ways that many tests go before they come to what they are about, and what stands in the database there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tortoise.connection import get_connections

from models.delivery import Delivery
from tests.support.factory import PASSWORD, Member
from tests.support.running_hub import House, Person, open_house


@asynccontextmanager
async def house_with(template: Path, folder: Path, **settings: object) -> AsyncIterator[House]:
    """Run a hub on a copy of a migrated SQLite file, with settings of its own."""
    file = folder / "tegata.db"
    file.write_bytes(template.read_bytes())
    query = settings.pop("query", "")
    async with open_house(f"sqlite:///{file}{query}", folder, **settings) as house:
        yield house


async def enter_password(person: Person, member: Member, *, onward: str = "") -> None:
    """Go as far as the page after account and password."""
    await person.open(f"/login/account{onward}")
    await person.press("OK", account=member.name, password=PASSWORD)


async def answer_matrix(person: Person, member: Member) -> None:
    """Answer the cells that the page asks for."""
    cells = [label.strip("[]") for label in person.labels()]
    await person.press("OK", **{f"cell{number}": member.cells[cell] for number, cell in enumerate(cells, 1)})


async def log_in(person: Person, member: Member) -> None:
    """Log in with the matrix card, which the member may have to choose."""
    await enter_password(person, member)
    if person.page == "choice":
        await person.press("OK", way="matrix")
    await answer_matrix(person, member)
    assert person.page == "portal", person.text


async def press_twice(house: House, person: Person, words: str) -> None:
    """Press the button of "This was not me", and once more on the second page when its pause is over."""
    await person.press(words)
    assert person.page == "not-me-again", person.text
    house.clock.later(seconds=4)
    await person.press(words)


async def step_up(person: Person) -> None:
    """Give the password again."""
    await person.open("/settings")
    await person.press("Authenticate", password=PASSWORD)
    assert person.page == "settings", person.text


@asynccontextmanager
async def stepped_up(house: House, path: str) -> AsyncIterator[Person]:
    """Give a new member's browser on a page of the settings, which wants the password once more."""
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        await person.open(path)
        yield person


async def rows(*but: str) -> dict[str, list[dict[str, Any]]]:
    """Read every row of an SQLite database, `but` the tables that change by the clock."""
    (connection,) = get_connections().all()
    tables = await connection.execute_query_dict("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {
        str(table["name"]): await connection.execute_query_dict(f'SELECT * FROM "{table["name"]}"')
        for table in tables
        if table["name"] not in {"lease", *but}
    }


async def settled() -> None:
    """Wait until every delivery was made and reported, so that no row changes by itself any more."""
    async with asyncio.timeout(10):
        while await Delivery.filter(due_at__isnull=False).exists():
            await asyncio.sleep(0.02)


@pytest.fixture
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a stream see within a moment that its browser has gone."""
    monkeypatch.setattr("web.handlers.event_streams._LOOK_EVERY", 0.2)
