"""A workspace as its people have it: what they do in it, what they see of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from aiohttp import ClientSession

from demo.slack import objects, payloads
from demo.slack.core import Core
from demo.slack.faults import Faults
from demo.slack.filling import Filled, filled, problems
from demo.slack.http_mode import Poster, RequestUrls
from demo.slack.modals import follow
from demo.slack.passes import ResponseUrl
from demo.slack.payloads import Leave
from demo.slack.sending import Dispatched, Envelope, Kind, Timing
from demo.slack.socket_mode import Sockets
from demo.slack.views import View, element_of, fields_of, value_of
from demo.slack.web_api import Doors, Recorded
from demo.slack.wire import Payload, SlackError
from demo.slack.workspace import App, Channel, Message, User, Workspace

Found = TypeVar("Found")


class StandIn:
    """A workspace with one app; the methods act as its members and look at what these see."""

    def __init__(self, core: Core, session: ClientSession) -> None:
        self.core = core
        self.sockets = Sockets(self.app.id, core.timing, core.watch)
        self.poster = Poster(session, self.app.signing_secret, core.timing)
        self.doors = Doors(core, self.sockets)
        self.urls: RequestUrls | None = None

    # What an app is configured with.

    @property
    def workspace(self) -> Workspace:
        """People, channels and messages."""
        return self.core.workspace

    @property
    def app(self) -> App:
        """The app with its tokens and scopes."""
        return self.core.workspace.app

    @property
    def base_url(self) -> str:
        """Where the Web API is, as Slack's libraries want it: with the last slash."""
        return f"{self.core.url}/api/"

    @property
    def bot_token(self) -> str:
        """The token for the Web API."""
        return self.app.bot_token

    @property
    def app_token(self) -> str:
        """The token for sockets."""
        return self.app.app_token

    @property
    def signing_secret(self) -> str:
        """The secret for HTTP mode."""
        return self.app.signing_secret

    @property
    def faults(self) -> Faults:
        """What is to go wrong."""
        return self.core.faults

    @property
    def timing(self) -> Timing:
        """How long an app may take."""
        return self.core.timing

    @property
    def calls(self) -> list[Recorded]:
        """Every call that the app made, the oldest first."""
        return list(self.doors.calls)

    def send_to(self, url: str, *, commands: str = "", interactivity: str = "") -> None:
        """Use HTTP mode: post everything to one address, or commands and interactivity to their own."""
        self.urls = RequestUrls(commands or url, interactivity or url, url)

    def use_sockets(self) -> None:
        """Use Socket Mode, as from the start."""
        self.urls = None

    # What a member does.

    async def slash(self, user: str, command: str, text: str = "", *, channel: str = "") -> Dispatched:
        """Type a slash command, in the direct messages with the app or in a channel."""
        who = self._member(user)
        where = self.workspace.channel(channel) if channel else self.workspace.direct(user)
        response, leave = self._leave(who, where)
        payload = payloads.slash_command(self.workspace, who, where, command, text, leave)
        told = await self.dispatch(Kind.COMMAND, payload)
        if told.error:
            self._say_to(who, where, f"{command} failed with the error “{told.error}”")
        elif told.answer:
            self.core.answered(response, told.answer)
        await self.core.watch.ring()
        return told

    async def press(self, user: str, where: str, action_id: str, value: str | list[str] | None = None) -> Dispatched:
        """Press a button, or choose a value, in a message (by its ts) or in a view (by its id)."""
        if where.startswith("V"):
            return await self._press_in_view(user, self.core.screens.find(where), action_id, value)
        who, message = self._member(user), self.message(user, where)
        block, element = element_of(message.blocks, action_id)
        action = payloads.acted(element, block["block_id"], _chosen(element, value), ts=self._ts())
        _, leave = self._leave(who, self.workspace.channels[message.channel], ts=message.ts)
        payload = payloads.pressed_in_message(self.workspace, who, message, action, leave)
        return await self.dispatch(Kind.INTERACTIVE, payload)

    async def submit(self, user: str, view_id: str, values: Filled | None = None) -> Dispatched:
        """Fill in a modal, by action or block, and send it; what Slack itself refuses is in the view's errors."""
        who = self._member(user)
        view = self.core.screens.find(view_id)
        view.values = filled(view, values or {})
        view.errors = problems(view)
        if view.errors:
            await self.core.watch.ring()
            return Dispatched(Envelope(Kind.INTERACTIVE, {}), error="not_sent", attempts=0)
        leave = Leave(self.core.passes.trigger(user, now=self.core.now(), view_id=view.id))
        payload = payloads.view_submission(self.workspace, who, view, leave)
        told = await self.dispatch(Kind.INTERACTIVE, payload)
        follow(self.core.screens, view, told, now=self.core.now())
        await self.core.watch.ring()
        return told

    async def close(self, user: str, view_id: str) -> Dispatched | None:
        """Close a modal; the app hears of it if it asked to."""
        who = self._member(user)
        view = self.core.screens.find(view_id)
        view.is_open = False
        await self.core.watch.ring()
        if not view.content.get("notify_on_close"):
            return None
        payload = payloads.view_closed(self.workspace, who, view, is_cleared=False)
        return await self.dispatch(Kind.INTERACTIVE, payload)

    async def open_home(self, user: str, *, tab: str = "home") -> Dispatched:
        """Look at the app's home, or with tab="messages" at its messages."""
        self._member(user)
        event: Payload = {"type": "app_home_opened", "user": user, "tab": tab}
        event["channel"] = self.workspace.direct(user).id
        home = self.core.screens.homes.get(user)
        if home is not None and tab == "home":
            event["view"] = objects.view(self.workspace, home)
        return await self.event(event)

    async def say(self, user: str, text: str, *, channel: str = "") -> Dispatched | None:
        """Write a message: the app hears direct ones, and those in a channel that mention it."""
        self._member(user)
        where = self.workspace.channel(channel) if channel else self.workspace.direct(user)
        ts = self._ts()
        self.workspace.keep(Message(ts, where.id, user, payloads.typed(text)))
        await self.core.watch.ring()
        event: Payload = {"type": "message", "user": user, "text": payloads.typed(text), "ts": ts, "channel": where.id}
        event |= {"team": self.workspace.id, "event_ts": ts}
        if where.is_direct:
            return await self.event({**event, "channel_type": "im"})
        mention = f"<@{self.app.user_id}>"
        if mention not in text:
            return None
        return await self.event({**event, "type": "app_mention", "text": text})

    async def shortcut(self, user: str, callback_id: str, *, ts: str = "") -> Dispatched:
        """Use a global shortcut, or with a message's ts that message's."""
        who = self._member(user)
        if not ts:
            leave = Leave(self.core.passes.trigger(user, now=self.core.now()))
            return await self.dispatch(Kind.INTERACTIVE, payloads.shortcut(self.workspace, who, callback_id, leave))
        message = self.message(user, ts)
        _, leave = self._leave(who, self.workspace.channels[message.channel], ts=ts)
        payload = payloads.message_action(self.workspace, who, message, callback_id, leave)
        return await self.dispatch(Kind.INTERACTIVE, payload)

    @asynccontextmanager
    async def dropping(self, *, every: float = 2.0) -> AsyncIterator[None]:
        """Cut every socket off again and again while the block runs."""

        async def cut() -> None:
            while True:
                await asyncio.sleep(every)
                await self.sockets.drop()

        cutting = asyncio.create_task(cut())
        try:
            yield
        finally:
            cutting.cancel()
            with suppress(asyncio.CancelledError):
                await cutting

    # What an administrator of the workspace does.

    async def change_user(self, user: str, **fields: str | bool) -> Dispatched:
        """Change somebody (deleted=True, is_restricted=True, locale="ja-JP"); the app hears of it."""
        who = self.workspace.user(user)
        for name, value in fields.items():
            setattr(who, name, value)
        shown = objects.user(who, now=self.core.now(), has_locale=True)
        return await self.event({"type": "user_change", "user": shown, "cache_ts": shown["updated"]})

    async def deactivate(self, user: str) -> Dispatched:
        """End somebody's membership."""
        return await self.change_user(user, deleted=True)

    async def revoke_tokens(self, *, tells: bool = True) -> Dispatched | None:
        """Make the app's tokens void; it hears of it unless told otherwise."""
        self.app.is_revoked = True
        event = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.app.user_id]}}
        return await self.event(event) if tells else None

    async def uninstall(self, *, tells: bool = True) -> Dispatched | None:
        """Take the app out of the workspace; it hears of it unless told otherwise, then its sockets end."""
        self.app.is_installed = False
        told = await self.event({"type": "app_uninstalled"}) if tells else None
        await self.sockets.announce("link_disabled")
        return told

    # How it is sent.

    async def event(self, inner: Payload) -> Dispatched:
        """Send an event of any kind."""
        now = self.core.now()
        ts = self.workspace.next_ts(now)
        return await self.dispatch(Kind.EVENT, payloads.event(self.workspace, {"event_ts": ts, **inner}, now=now))

    async def dispatch(self, kind: Kind, payload: Payload) -> Dispatched:
        """Send a payload to the app the way it is set to be reached."""
        takes_answer = kind is not Kind.EVENT and payload.get("type") not in ("block_actions", "view_closed")
        return await self.again(Envelope(kind, payload, takes_answer=takes_answer))

    async def again(self, envelope: Envelope) -> Dispatched:
        """Send an envelope, for the first time or once more with the same ids."""
        if self.urls is not None:
            return await self.poster.send(envelope, self.urls)
        return await self.sockets.send(envelope)

    # What a member sees.

    def messages(self, user: str) -> list[Message]:
        """List the direct messages between somebody and the app, the oldest first, without ephemeral ones."""
        channel = self.workspace.direct_if_open(user)
        return [one for one in channel.messages.values() if not one.only_for] if channel else []

    def ephemerals(self, user: str) -> list[Message]:
        """List what only this person was shown, in any channel, the oldest first."""
        found = [one for channel in self.workspace.channels.values() for one in channel.messages.values()]
        return sorted((one for one in found if one.only_for == user), key=lambda one: one.ts)

    def views(self, user: str) -> list[View]:
        """List the modals that somebody has open, the topmost last."""
        return self.core.screens.stack(user)

    def home(self, user: str) -> View | None:
        """Give somebody's App Home, once the app has published one."""
        return self.core.screens.homes.get(user)

    def message(self, user: str, ts: str) -> Message:
        """Find a message that somebody sees."""
        for channel in self.workspace.channels.values():
            message = channel.messages.get(ts)
            if message is not None and user in channel.members and message.only_for in ("", user):
                return message
        raise SlackError("message_not_found")

    # Waiting; each ends with TimeoutError when nothing comes.

    async def until(self, look: Callable[[], Found | None], *, timeout: float = 5.0) -> Found:
        """Wait until a look at the workspace finds something."""
        return await self.core.watch.until(look, timeout=timeout)

    async def connected(self, count: int = 1, *, timeout: float = 10.0) -> None:
        """Wait until the app has so many sockets open."""
        await self.until(lambda: len(self.sockets.ready) >= count, timeout=timeout)

    async def next_message(self, user: str, *, after: str = "", timeout: float = 5.0) -> Message:
        """Wait for the app's first direct message to somebody after a ts."""
        return await self.until(lambda: self._first(self.messages(user), after), timeout=timeout)

    async def next_ephemeral(self, user: str, *, after: str = "", timeout: float = 5.0) -> Message:
        """Wait for the first message that only this person is shown, after a ts."""
        return await self.until(lambda: self._first(self.ephemerals(user), after), timeout=timeout)

    async def next_update(self, message: Message, *, after: str = "", timeout: float = 5.0) -> Message:
        """Wait until a message has been rewritten, after the time it was last (its `edited_ts`)."""
        return await self.until(lambda: message if message.edited_ts > after else None, timeout=timeout)

    async def next_view(self, user: str, *, after: str = "", timeout: float = 5.0) -> View:
        """Wait until somebody's topmost modal is another than the one with this id."""

        def look() -> View | None:
            stack = self.views(user)
            return stack[-1] if stack and stack[-1].id != after else None

        return await self.until(look, timeout=timeout)

    async def next_home(self, user: str, *, after: str = "", timeout: float = 5.0) -> View:
        """Wait until somebody's App Home is another than the one with this hash."""

        def look() -> View | None:
            home = self.home(user)
            return home if home is not None and home.hash != after else None

        return await self.until(look, timeout=timeout)

    async def called(self, method: str, *, times: int = 1, timeout: float = 5.0) -> list[Recorded]:
        """Wait until the app has called a method so often; gives those calls."""

        def look() -> list[Recorded] | None:
            found = [one for one in self.doors.calls if one.method == method]
            return found if len(found) >= times else None

        return await self.until(look, timeout=timeout)

    async def _press_in_view(self, user: str, view: View, action_id: str, value: str | list[str] | None) -> Dispatched:
        who = self._member(user)
        block, element = element_of(view.blocks, action_id)
        chosen = _chosen(element, value)
        if chosen is not None and element in fields_of(block):
            view.values.setdefault(block["block_id"], {})[action_id] = chosen
        action = payloads.acted(element, block["block_id"], chosen, ts=self._ts())
        leave = Leave(self.core.passes.trigger(user, now=self.core.now(), view_id=view.id))
        payload = payloads.pressed_in_view(self.workspace, who, view, action, leave)
        return await self.dispatch(Kind.INTERACTIVE, payload)

    def _ts(self) -> str:
        return self.workspace.next_ts(self.core.now())

    def _first(self, messages: list[Message], after: str) -> Message | None:
        return next((one for one in messages if one.ts > after and one.author == self.app.user_id), None)

    def _member(self, user: str) -> User:
        who = self.workspace.user(user)
        if who.deleted:
            raise SlackError("user_disabled")
        return who

    def _leave(self, user: User, channel: Channel, *, ts: str = "") -> tuple[ResponseUrl, Leave]:
        now = self.core.now()
        key = self.core.passes.response(user.id, channel.id, now=now, ts=ts)
        leave = Leave(self.core.passes.trigger(user.id, now=now), f"{self.core.url}/actions/{key}")
        return ResponseUrl(user.id, channel.id, now, ts), leave

    def _say_to(self, user: User, channel: Channel, text: str) -> None:
        """Show somebody a line of Slack's own."""
        ts = self._ts()
        self.workspace.keep(Message(ts, channel.id, "USLACKBOT", text, only_for=user.id))


def _chosen(element: Payload, value: str | list[str] | None) -> Payload | None:
    return None if value is None else value_of(element, value)
