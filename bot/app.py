"""The bot of one process: Bolt with the listeners, and the way by which Slack reaches it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.context import Clock, Desk
from bot.dispatch import register
from bot.rendering.catalogue import Say, say
from bot.routes import LISTENERS
from bot.socket_connection import Connection
from bot.user_locales import Locales
from bot.web_api import TIMEOUT, Client, quiet
from bot.workers.delivery import Sender
from bot.workers.redaction import Fading
from bot.workspaces import Workspaces
from hub.contacts import slack_linking
from hub.context import Hub

PATH = "/slack/events"
# Bolt's own words would be seen if it could not tell whose app it is; ours can't fail that way.
_NOT_NOW = f"{say(Say.NOT_NOW, 'ja')} / {say(Say.NOT_NOW, 'en')}"
_LARGEST = 1024 * 1024
# What comes of bytes that are no text, no JSON, JSON without an end, or not of the shape that Slack's has.
_UNREADABLE = (ValueError, LookupError, RecursionError, AttributeError, TypeError)


class Bot:
    """The Slack door; it starts whether or not Slack can be reached."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        settings = hub.settings
        self.client = Client(settings, settings.slack_bot_token)
        self._workspaces = Workspaces(self.client, settings.slack_teams)
        self.desk = Desk(hub, clock, self.client, self._workspaces, Locales(self.client))
        self.sender = Sender(hub, self.client, clock, self._learned)
        self._fading = Fading(hub, self.client, clock)
        self._hub = hub
        self._settings = settings
        self._app: AsyncApp | None = None
        self._connection: Connection | None = None

    @property
    def trouble(self) -> str:
        """What stands between the bot and Slack; empty when nothing does."""
        line = self._connection.trouble if self._connection is not None else ""
        return self.sender.trouble or line

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Hold what is needed to the last word: the hands that do what was heard, and connections to Slack."""
        # The client by itself would connect anew for each call.
        async with _session() as session, self.desk.hands.running():
            self.client.session = session
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bot"]:
        """Listen and send while this lasts; `kept` is to outlast it."""
        async with AsyncExitStack() as stack:
            if self._settings.is_slack_called_out:
                client = Client(self._settings, self._settings.slack_app_token)
                self._connection = Connection(self.bolt(), client)
                await stack.enter_async_context(self._connection.held())
            await stack.enter_async_context(self.sender.running())
            await stack.enter_async_context(self._fading.running())
            yield self

    def bolt(self) -> AsyncApp:
        """Give Bolt with all listeners; made once."""
        if self._app is None:
            self._app = AsyncApp(
                name="tegata",
                authorize=_authorising(self._settings.slack_bot_token),
                user_facing_authorize_error_message=_NOT_NOW,
                signing_secret=self._settings.slack_signing_secret,
                logger=quiet("bot.bolt"),
            )
            for listener in LISTENERS:
                register(self._app, self.desk, listener)
        return self._app

    async def _learned(self, told: Mapping[str, Any]) -> None:
        """Keep whose app this is, and name people by their organisation from then on."""
        before = self._workspaces.organisation
        self._workspaces.learn(told)
        organisation = self._workspaces.organisation
        if organisation and organisation != before:
            teams = self._workspaces.all | {str(told.get("team_id") or "")} - {""}
            await slack_linking.adopt(self._hub, self.desk.visit(), organisation, teams)

    def endpoint(self) -> web.Application:
        """Build what Slack calls in HTTP mode: one URL for commands, buttons and events."""
        bolt = self.bolt()

        async def heard(request: web.Request) -> web.Response:
            """Let Bolt check the signature and its age, and call the listener."""
            try:
                asked = await to_bolt_request(request)
            except _UNREADABLE:
                # It is read before its signature is looked at: whoever sent it, it is not Slack's.
                return web.Response(status=400)
            return await to_aiohttp_response(await bolt.async_dispatch(asked))

        endpoint = web.Application(client_max_size=_LARGEST)
        endpoint.add_routes([web.post(PATH, heard)])
        return endpoint


def _authorising(token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    """Let Bolt take what Slack has signed: it would ask Slack first, and tell members its own words on failure."""

    async def authorised() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    return authorised


def _session() -> ClientSession:
    """Open kept connections to Slack: each call is as if it were the first, only that it need not connect."""
    return ClientSession(timeout=ClientTimeout(total=TIMEOUT), cookie_jar=DummyCookieJar())
