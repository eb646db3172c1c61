"""A whole running hub with an inbox beside it, and a person who walks its pages by the words on them."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
from bs4 import BeautifulSoup, Tag
from yarl import URL

from cli.server.process import DOORS, running
from demo.inbox import Inbox, Received, mail_server
from hub.context import Hub
from tests.support.factory import People, settings_for
from tests.support.ports import free_port

ELSEWHERE = "203.0.113.7"


class MovableClock:
    """The time now, moved on by tests."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Read it."""
        return datetime.now(UTC) + self.ahead

    def later(self, **span: float) -> None:
        """Let time go by."""
        self.ahead += timedelta(**span)


@dataclass
class House:
    """A running hub: its URL, its inbox, its clock."""

    hub: Hub
    url: str
    inbox: Inbox
    clock: MovableClock
    people: People

    @asynccontextmanager
    async def person(self, *, language: str = "en", address: str = "") -> AsyncIterator["Person"]:
        """Somebody with a browser that runs no scripts; `address` is where the proxy says they are."""
        headers = {"Accept-Language": language, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        if address:
            headers["X-Forwarded-For"] = address
        async with aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            yield Person(self.url, session)

    def sync(self) -> None:
        """Let the members' clock show what the house's shows."""
        self.people.now = self.clock()


class Person:
    """Reads pages and presses what they offer, by their words."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self.status = 0
        self.headers: dict[str, str] = {}
        self.soup = BeautifulSoup("", "html.parser")
        self.at = url

    @property
    def page(self) -> str:
        """The stable name of the page."""
        main = self.soup.find("main")
        return str(main["data-page"]) if isinstance(main, Tag) else ""

    @property
    def text(self) -> str:
        """The words on the page."""
        main = self.soup.find("main")
        return " ".join(main.get_text(" ").split()) if isinstance(main, Tag) else ""

    @property
    def error(self) -> str:
        """The sentence that says what went wrong."""
        summary = self.soup.find(id="summary")
        return " ".join(summary.get_text(" ").split()) if isinstance(summary, Tag) else ""

    async def open(self, path: str) -> None:
        """Open a page."""
        async with self.session.get(urljoin(self.at, path)) as answer:
            await self._take(answer)

    async def follow(self, words: str) -> None:
        """Follow the link with these words."""
        for link in self.soup.find_all("a"):
            if words in " ".join(link.get_text(" ").split()):
                await self.open(str(link["href"]))
                return
        message = f"{self.page} has no link {words!r}: {self.text}"
        raise AssertionError(message)

    async def press(self, words: str, **fields: str) -> None:
        """Fill the fields in by their labels' names and press the button with these words."""
        form, button = self._button(words)
        filled = {str(one["name"]): str(one.get("value", "")) for one in form.find_all("input") if one.get("name")}
        radios = list(form.find_all("input", type="radio"))
        for one in radios:
            if one.has_attr("checked"):
                filled[str(one["name"])] = str(one["value"])
        filled.update(fields)
        if button.get("name"):
            filled[str(button["name"])] = str(button.get("value", ""))
        await self.send(str(form["action"]), filled)

    async def send(self, path: str, filled: dict[str, str], **headers: str) -> None:
        """Send a form."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(urljoin(self.at, path), data=filled, headers=named) as answer:
            await self._take(answer)

    def option(self, words: str) -> str:
        """Give the value of the radio button with these words."""
        for label in self.soup.find_all("label"):
            if words in label.get_text(" "):
                chosen = self.soup.find("input", id=str(label["for"]))
                assert isinstance(chosen, Tag)
                return str(chosen["value"])
        message = f"{self.page} has no option {words!r}: {self.text}"
        raise AssertionError(message)

    def has_button(self, words: str) -> bool:
        """Tell whether there is a button with these words."""
        return any(words in one.get_text(" ") for one in self.soup.find_all("button"))

    def labels(self) -> list[str]:
        """List the labels of the page's fields."""
        return [" ".join(one.get_text(" ").split()) for one in self.soup.find_all("label")]

    def token(self) -> str:
        """The token of the page's first form."""
        found = self.soup.find("input", attrs={"name": "csrf"})
        assert isinstance(found, Tag)
        return str(found["value"])

    def cookies(self) -> dict[str, str]:
        """The cookies this browser holds."""
        return {name: one.value for name, one in self.session.cookie_jar.filter_cookies(URL(self.url)).items()}

    def _button(self, words: str) -> tuple[Tag, Tag]:
        main = self.soup.find("main")
        for part in (main, self.soup):
            assert isinstance(part, Tag)
            for button in part.find_all("button"):
                form = button.find_parent("form")
                if words in button.get_text(" ") and isinstance(form, Tag):
                    return form, button
        message = f"{self.page} has no button {words!r}: {self.text}"
        raise AssertionError(message)

    async def _take(self, answer: aiohttp.ClientResponse) -> None:
        self.status = answer.status
        self.headers = dict(answer.headers)
        self.at = str(answer.url)
        self.soup = BeautifulSoup(await answer.text(), "html.parser")


def code_in(letter: Received) -> str:
    """Read the six digits in a letter."""
    found = re.search(r"^\s*(\d{6})\s*$", letter.text, re.MULTILINE)
    assert found, letter.text
    return found[1]


def url_in(letter: Received) -> str:
    """Read the path of the URL in a letter."""
    found = re.search(r"https?://\S+/confirm/\S+", letter.text)
    assert found, letter.text
    return urlsplit(found[0]).path


@asynccontextmanager
async def open_house(url: str, folder: Path, *, doors: Sequence[str] = DOORS, **more: object) -> AsyncIterator[House]:
    """Run a hub on a database, with an inbox."""
    inbox, clock, port = Inbox(), MovableClock(), free_port()
    async with mail_server(inbox) as smtp_port:
        given: dict[str, object] = {
            "origin": f"http://127.0.0.1:{port}",
            "listen": f"127.0.0.1:{port}",
            "smtp_url": f"smtp://127.0.0.1:{smtp_port}?starttls=never",
            "trusted_proxies": "127.0.0.1",
            "campus_networks": "10.0.0.0/8, 127.0.0.0/8",
            "log_level": "error",
            **more,
        }
        settings = settings_for(url, folder, **given)
        async with running(settings, doors, clock=clock) as process:
            made = House(process.hub, process.urls[0], inbox, clock, People(process.hub))
            made.sync()
            yield made


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A running hub on each engine."""
    async with open_house(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def house_on_sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[House]:
    """A running hub on SQLite, for what does not depend on the engine."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_house(f"sqlite:///{file}", tmp_path) as made:
        yield made
