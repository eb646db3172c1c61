"""A workspace as it stands: its people, its app, its channels and what was said in them."""

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime

from demo.slack.wire import Payload, SlackError

TEAM = "TPORTAL"
OTHER_TEAM = "TELSEWHERE"
SCOPES = ("commands", "chat:write", "im:write", "im:history", "users:read", "app_mentions:read")
_SIGNS = string.ascii_uppercase + string.digits


def new_id(kind: str) -> str:
    """Draw an id that begins with Slack's letter for its kind."""
    return kind + "0" + "".join(secrets.choice(_SIGNS) for _ in range(9))


@dataclass(slots=True)
class User:
    """Somebody in the workspace, or seen from it."""

    id: str
    name: str
    real_name: str
    team_id: str = TEAM
    locale: str = "en-US"
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False


@dataclass(slots=True)
class App:
    """The one app of the workspace, with what it proves itself by."""

    name: str = "Portal"
    id: str = "APORTAL"
    bot_id: str = "BPORTAL"
    user_id: str = "UPORTALBOT"
    bot_token: str = field(default_factory=lambda: f"xoxb-1-1-{secrets.token_hex(12)}", repr=False)
    app_token: str = field(default_factory=lambda: f"xapp-1-APORTAL-1-{secrets.token_hex(12)}", repr=False)
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    verification_token: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    # Slack turns addresses and links in a command's text into <mailto:…|…> and <https://…> where the app asks for it.
    escapes_commands: bool = True
    is_installed: bool = True
    is_revoked: bool = False


@dataclass(slots=True)
class Message:
    """One message; `only_for` names the one person that an ephemeral one is shown to."""

    ts: str
    channel: str
    author: str
    text: str
    blocks: list[Payload] = field(default_factory=list)
    metadata: Payload | None = None
    thread_ts: str = ""
    edited_ts: str = ""
    only_for: str = ""


@dataclass(slots=True)
class Channel:
    """A channel, or one person's direct messages with the app."""

    id: str
    name: str
    members: set[str]
    direct_with: str = ""
    is_archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict, repr=False)

    @property
    def is_direct(self) -> bool:
        """Whether it is a direct message."""
        return bool(self.direct_with)


def people() -> list[User]:
    """List who is in a new workspace."""
    return [
        User("UTARO", "taro", "Taro"),
        User("UHANAKO", "hanako", "花子", locale="ja-JP"),
        User("UGUEST", "guest", "A guest", is_restricted=True, is_ultra_restricted=True),
        User("UOTHER", "other", "Somebody of another workspace", team_id=OTHER_TEAM, is_stranger=True),
    ]


class Workspace:
    """The state of a workspace; SlackError where Slack would say no."""

    def __init__(self) -> None:
        self.id = TEAM
        self.name = "Portal"
        self.domain = "portal"
        # The organisation's id, where the app was installed for all its workspaces; and who is in which of them.
        self.organisation = ""
        self.app = App()
        self.users = {one.id: one for one in people()}
        bot = User(self.app.user_id, "portal", self.app.name, is_bot=True)
        self.users[bot.id] = bot
        self.channels: dict[str, Channel] = {}
        self._direct: dict[str, str] = {}
        self._last_ts = 0
        self.add_channel("CGENERAL", "general", members={*self.users})

    def add_channel(self, channel_id: str, name: str, *, members: set[str]) -> Channel:
        """Make a channel."""
        self.channels[channel_id] = Channel(channel_id, name, members)
        return self.channels[channel_id]

    def add_user(self, user: User) -> User:
        """Take somebody in, with a place in every channel that all are in."""
        self.users[user.id] = user
        self.channels["CGENERAL"].members.add(user.id)
        return user

    def user(self, user_id: str) -> User:
        """Find a user."""
        user = self.users.get(user_id)
        if user is None:
            raise SlackError("user_not_found")
        return user

    def direct(self, user_id: str) -> Channel:
        """Open somebody's direct messages with the app, as they were if they have been open."""
        user = self.user(user_id)
        if user.is_bot:
            raise SlackError("cannot_dm_bot")
        if user.deleted:
            raise SlackError("user_disabled")
        if user_id not in self._direct:
            channel = Channel(new_id("D"), "directmessage", {user_id, self.app.user_id}, direct_with=user_id)
            self.channels[channel.id] = channel
            self._direct[user_id] = channel.id
        return self.channels[self._direct[user_id]]

    def direct_if_open(self, user_id: str) -> Channel | None:
        """Find somebody's direct messages with the app, if there are any."""
        return self.channels.get(self._direct.get(user_id, ""))

    def channel(self, channel_id: str) -> Channel:
        """Find a channel that can be read and written."""
        channel = self.channels.get(channel_id)
        if channel is None or (channel.is_direct and self.user(channel.direct_with).deleted):
            raise SlackError("channel_not_found")
        if channel.is_archived:
            raise SlackError("is_archived")
        return channel

    def channel_to_post(self, channel_id: str) -> Channel:
        """Find where a message goes: a person's id stands for the direct messages with that person."""
        if channel_id.startswith(("U", "W")):
            try:
                return self.direct(channel_id)
            except SlackError as error:
                raise SlackError("channel_not_found" if error.error == "user_not_found" else error.error) from None
        return self.channel(channel_id)

    def message(self, channel_id: str, ts: str) -> Message:
        """Find a message, an ephemeral one too."""
        message = self.channel(channel_id).messages.get(ts)
        if message is None:
            raise SlackError("message_not_found")
        return message

    def next_ts(self, now: datetime) -> str:
        """Give a time stamp that no other message has."""
        self._last_ts = max(self._last_ts + 1, int(now.timestamp() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def keep(self, message: Message) -> Message:
        """Keep a message in its channel."""
        self.channels[message.channel].messages[message.ts] = message
        return message

    def drop(self, message: Message) -> None:
        """Take a message out of its channel."""
        self.channels[message.channel].messages.pop(message.ts, None)
