"""What every listener has at hand, and what it is told of what somebody did."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from slack_sdk.web.async_client import AsyncWebClient

from bot.task_limiter import Hands
from bot.user_locales import Locales
from bot.workspaces import Workspaces
from hub.context import Hub
from hub.domain.request_context import Visit
from models.kinds import Zone

Clock = Callable[[], datetime]
Block = dict[str, Any]


class Respond(Protocol):
    """Tells something to the one person who did it."""

    def __call__(self, text: str, blocks: Sequence[Block] = ()) -> Awaitable[None]:
        """Tell it."""


_ADDRESS = 45
LANGUAGES = ("en", "ja")


@dataclass(frozen=True, slots=True)
class Desk:
    """The hub, the clock and the way to Slack."""

    hub: Hub
    clock: Clock
    client: AsyncWebClient
    workspaces: Workspaces
    locales: Locales
    hands: Hands = field(default_factory=Hands)

    def visit(self, language: str = "en", *, by: "Member | None" = None) -> Visit:
        """Tell the hub of something done in Slack, which knows no address: who did it counts in its place."""
        return Visit(self.clock(), by.address[:_ADDRESS] if by else "", Zone.OFF_CAMPUS, "Slack", language)


@dataclass(frozen=True, slots=True)
class Member:
    """Who did it: a user's id and the workspace's, or the organisation's that shares its users."""

    team: str
    user: str

    @property
    def address(self) -> str:
        """What a contact's row calls this person."""
        return f"{self.team}/{self.user}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is: Slack's channel and the time stamp that names it there."""

    channel: str
    stamp: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.stamp}"


class Surface(StrEnum):
    """Where somebody did it."""

    MESSAGE = "message"
    HOME = "home"
    MODAL = "modal"
    DIRECT = "direct"


Reply = Callable[[Block], Awaitable[None]]


async def _unanswered(_answer: Block) -> None:
    """Only a modal that was sent is answered in its place."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that somebody did in Slack.

    `text` is what was typed behind a command, `value` a pressed button's, `place` the message it stood in; `typed` is a
    modal's fields by their action, `note` what the modal brought along; `event` what an event tells, as Slack sent it.
    `view` is the modal or home in which a button was pressed, or the modal beneath the one that was sent, which `reply`
    answers in its place. `workspace` is where the person acts, `domain` the name that people know it by.
    """

    member: Member
    respond: Respond
    text: str = ""
    value: str = ""
    place: Place | None = None
    trigger: str = field(default="", repr=False)
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    note: str = ""
    event: Mapping[str, object] = field(default_factory=dict, repr=False)
    surface: Surface = Surface.MESSAGE
    view: str = ""
    reply: Reply = field(default=_unanswered, repr=False)
    workspace: str = ""
    domain: str = ""


Work = Callable[[Desk, Heard], Awaitable[None]]


def place_of(remote: str) -> Place | None:
    """Read the place of a message as a delivery's row keeps it."""
    channel, _, stamp = remote.partition("/")
    return Place(channel, stamp) if channel and stamp else None
