"""What every listener has at hand, and what it is told of what somebody did."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from bot.workspaces import Workspaces
from hub.hub import Hub
from hub.visit import Visit
from models.kinds import Zone

Clock = Callable[[], datetime]
Respond = Callable[[str], Awaitable[None]]
LANGUAGES = ("en", "ja")


@dataclass(frozen=True, slots=True)
class Desk:
    """The hub, the clock and the way to Slack."""

    hub: Hub
    clock: Clock
    client: AsyncWebClient
    workspaces: Workspaces

    def visit(self, language: str = "en") -> Visit:
        """Tell the hub of something done in Slack, which knows no address."""
        return Visit(self.clock(), "", Zone.OFF_CAMPUS, "Slack", language)


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


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that somebody did in Slack.

    `text` is what was typed behind a command, `value` a pressed button's, `place` the message it stood in; `typed` is a
    modal's fields by their action, `note` what the modal brought along; `event` what an event tells, as Slack sent it.
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


Work = Callable[[Desk, Heard], Awaitable[None]]


def place_of(remote: str) -> Place | None:
    """Read the place of a message as a delivery's row keeps it."""
    channel, _, stamp = remote.partition("/")
    return Place(channel, stamp) if channel and stamp else None
