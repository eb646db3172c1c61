"""The socket by which Slack reaches the bot: opened, watched and opened anew, with longer and longer waits."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from prometheus_client import Gauge
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack_errors import error_of, retry_after_of
from hub.runtime.background import beside

_LOOK_EVERY = 0.2
_OPENING = 10.0
_FIRST = 0.5
_LONGEST = 30.0
_log = structlog.get_logger(__name__)
_connected = Gauge("tegata_slack_connected", "Whether the socket to Slack is open.")


class Connection:
    """One connection of Socket Mode."""

    def __init__(self, app: AsyncApp, client: AsyncWebClient) -> None:
        self._app = app
        self._client = client
        self._handler: AsyncSocketModeHandler | None = None
        self._wait = 0.0
        self.trouble = "the socket to Slack is not open yet"

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the socket open while this lasts; a Slack that is down never stops the start."""
        try:
            async with beside(self._keep()):
                yield
        finally:
            await self._close()
            _connected.set(0)

    async def _keep(self) -> None:
        failures = 0
        while True:
            if await self._is_open():
                failures, self.trouble = 0, ""
                _connected.set(1)
                await asyncio.sleep(_LOOK_EVERY)
                continue
            _connected.set(0)
            why = await self._opened()
            if why:
                self.trouble = f"the socket to Slack can't be opened: {why}"
                _log.warning("bot.no_socket", error=why)
                # Slack may ask for more patience than ours.
                await asyncio.sleep(max(self._wait, min(_FIRST * 2**failures, _LONGEST)))
                failures = min(failures + 1, 16)

    async def _is_open(self) -> bool:
        return self._handler is not None and await self._handler.client.is_connected()

    async def _opened(self) -> str:
        """Open a socket at a fresh address; returns what went wrong, empty when nothing did."""
        self._wait = 0.0
        try:
            async with asyncio.timeout(_OPENING):
                await self._close()
                # The library asks for an address by itself as well, but sleeps where Slack says "too often".
                told = await self._client.apps_connections_open(app_token=self._client.token or "")
                self._handler = self._made()
                self._handler.client.wss_uri = str(told["url"])
                await self._handler.client.connect()  # type: ignore[no-untyped-call]
        except SlackApiError as error:
            wait = retry_after_of(error)
            self._wait = wait.total_seconds() if wait is not None else 0.0
            return error_of(error)
        except Exception as error:
            # Of whatever kind: the next try may go better. Its text may hold the ticket.
            return type(error).__name__
        return "" if await self._is_open() else "it was closed at once"

    def _made(self) -> AsyncSocketModeHandler:
        logger = logging.getLogger("bot.socket")
        # The library's errors carry the socket's URL, whose ticket opens it.
        logger.setLevel(logging.CRITICAL)
        token = self._client.token or ""
        handler = AsyncSocketModeHandler(self._app, token, logger=logger, web_client=self._client)
        # Left alone it tries one address for ever, at a fixed pace: we look after it ourselves.
        handler.client.default_auto_reconnect_enabled = False
        handler.client.auto_reconnect_enabled = False
        return handler

    async def _close(self) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            with suppress(Exception):  # what can't be closed is gone already
                await handler.close_async()  # type: ignore[no-untyped-call]
