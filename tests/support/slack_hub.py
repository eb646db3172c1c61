"""A running hub with its bot beside the Slack stand-in, and members who are linked there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.app import PATH
from demo.slack.stand_in import StandIn, standing_in
from demo.slack.workspace import Message
from hub.contacts import slack_linking
from hub.contacts.slack_linking import LinkAsked, Profile
from hub.domain.outcomes import Asked, Begun, ByContact, Confirmed
from hub.login import password_login
from tests.support.factory import PASSWORD, Member
from tests.support.ports import free_port
from tests.support.running_hub import House, Person, open_house

TEAM = "TPORTAL"
MODES = ("socket", "http")


@dataclass
class Chat:
    """A house, and the Slack that its bot is in."""

    house: House
    slack: StandIn

    async def linked(self, name: str = "taro", user: str = "UTARO", *, label: str = "Slack") -> Member:
        """Make a member whose Slack account is linked, and forget the message that says so."""
        self.house.sync()
        member = await self.house.people.member(name)
        await self.link(member, user, label=label)
        await self.slack.next_message(user)
        return member

    async def link(self, member: Member, user: str, *, label: str = "Slack") -> None:
        """Link a Slack account to a member, through the hub."""
        people = self.house.people
        session = await people.stepped_up(member)
        profile = Profile(f"{TEAM}/{user}", user.title(), "Portal")
        asked = await slack_linking.ask(people.hub, people.visit(), profile)
        assert isinstance(asked, LinkAsked), asked
        token = asked.url.rpartition("/")[2]
        outcome = await slack_linking.link(people.hub, people.visit(), session, token, label)
        assert isinstance(outcome, Confirmed), outcome
        member.contacts[label] = outcome.contact_id

    async def asked_for_code(self, member: Member, label: str = "Slack") -> str:
        """Log in as far as the code; gives the login's token."""
        people = self.house.people
        self.house.sync()
        begun = await people.begun(member)
        assert isinstance(begun, Begun)
        asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts[label]))
        assert isinstance(asked, Asked), asked
        return begun.token

    async def next_code(self, user: str = "UTARO", *, after: str = "") -> Message:
        """Wait for a message that shows a code."""
        return await self.slack.until(lambda: next((one for one in self.codes(user) if one.ts > after), None))

    async def called(self, method: str, *, times: int = 1) -> None:
        """Wait until the bot has called a method of Slack's so often, whatever came of it."""
        async with asyncio.timeout(10):
            while sum(one.method == method for one in self.slack.calls) < times:
                await asyncio.sleep(0.02)

    def codes(self, user: str = "UTARO") -> list[Message]:
        """List the messages that show a code still."""
        return [one for one in self.slack.messages(user) if code_in(one)]


def code_in(message: Message) -> str:
    """Read the code that a message shows in large; empty when it shows none."""
    return next((str(one["text"]["text"]) for one in message.blocks if one["type"] == "header"), "")


def shown_in(message: Message) -> str:
    """Give all that a message holds, as one text."""
    return f"{message.text} {message.blocks}"


def slack_settings(slack: StandIn, mode: str) -> dict[str, Any]:
    """Give the settings of a hub whose bot is in this Slack."""
    given: dict[str, Any] = {"slack_bot_token": slack.bot_token, "slack_api_url": slack.base_url}
    if mode == "socket":
        return {**given, "slack_app_token": slack.app_token}
    listen = f"127.0.0.1:{free_port()}"
    return {**given, "slack_signing_secret": slack.signing_secret, "slack_listen": listen}


@asynccontextmanager
async def open_chat(url: str, folder: Path, *, mode: str = "socket", **more: object) -> AsyncIterator[Chat]:
    """Run a hub with a bot beside a Slack."""
    async with standing_in() as slack:
        given = slack_settings(slack, mode)
        async with open_house(url, folder, **{**given, **more}) as house:
            if mode == "http":
                slack.send_to(f"http://{given['slack_listen']}{PATH}")
            else:
                await slack.connected()
            yield Chat(house, slack)


@pytest.fixture(params=MODES)
async def chat(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Chat]:
    """A hub with a bot, in each mode."""
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path, mode=request.param) as made:
        yield made


@pytest.fixture
async def chat_on_socket(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Chat]:
    """A hub with a bot in Socket Mode, for what does not depend on how Slack reaches it."""
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path) as made:
        yield made


def copy_of(template: Path, folder: Path) -> str:
    """Copy a database, and give its URL."""
    file = folder / "tegata.db"
    file.write_bytes(template.read_bytes())
    return f"sqlite:///{file}"


def link_in(message: Message) -> str:
    """Read the path of the linking's URL in what the bot answered."""
    return urlsplit(message.text.partition("<")[2].partition("|")[0]).path


async def step_up(person: Person) -> None:
    """Give the password again."""
    assert person.page == "step-up", person.text
    await person.press("Authenticate", password=PASSWORD)
