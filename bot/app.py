"""The bot of one process: Bolt with the listeners, and the way by which Slack reaches it."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.connection import Connection
from bot.desk import Clock, Desk
from bot.fading import Fading
from bot.hearing import register
from bot.listeners import LISTENERS
from bot.locales import Locales
from bot.sender import Sender
from bot.workspaces import Workspaces
from hub.hub import Hub
from hub.settings import Settings

PATH = "/slack/events"
_TIMEOUT = 10
_LARGEST = 1024 * 1024
# What comes of bytes that are no text, no JSON, JSON without an end, or not of the shape that Slack's has.
_UNREADABLE = (ValueError, LookupError, RecursionError, AttributeError, TypeError)


class Bot:
    """The Slack door; it starts whether or not Slack can be reached."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        settings = hub.settings
        self.client = client_of(settings, settings.slack_bot_token)
        workspaces = Workspaces(self.client, settings.slack_teams)
        self.desk = Desk(hub, clock, self.client, workspaces, Locales(self.client))
        self.sender = Sender(hub, self.client, clock)
        self._fading = Fading(hub, self.client, clock)
        self._settings = settings
        self._app: AsyncApp | None = None
        self._connection: Connection | None = None

    @property
    def trouble(self) -> str:
        """What stands between the bot and Slack; empty when nothing does."""
        line = self._connection.trouble if self._connection is not None else ""
        return self.sender.trouble or line

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bot"]:
        """Listen and send while this lasts; the hands of its desk are to outlast it."""
        async with AsyncExitStack() as stack:
            if self._settings.is_slack_called_out:
                self._connection = Connection(self.bolt(), client_of(self._settings, self._settings.slack_app_token))
                await stack.enter_async_context(self._connection.held())
            await stack.enter_async_context(self.sender.running())
            await stack.enter_async_context(self._fading.running())
            yield self

    def bolt(self) -> AsyncApp:
        """Give Bolt with all listeners; made once."""
        if self._app is None:
            self._app = AsyncApp(
                name="tegata",
                client=self.client,
                signing_secret=self._settings.slack_signing_secret,
                logger=quiet("bot.bolt"),
            )
            for listener in LISTENERS:
                register(self._app, self.desk, listener)
        return self._app

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


def client_of(settings: Settings, token: str) -> AsyncWebClient:
    """Make a client of Slack's Web API, wherever that is."""
    return AsyncWebClient(
        token=token,
        base_url=settings.slack_api_url,
        timeout=_TIMEOUT,
        logger=quiet("bot.client"),
        # By itself it would post again what may have been posted; the outbox looks first.
        retry_handlers=[],
    )


def quiet(name: str) -> logging.Logger:
    """Give a logger for Slack's libraries, which write whole messages and tickets into theirs."""
    # What they make for themselves, to answer a command, has a logger of its own.
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
    logger = logging.getLogger(name)
    logger.setLevel(logging.CRITICAL)
    return logger
