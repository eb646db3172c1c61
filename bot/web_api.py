"""Slack's Web API as the bot calls it: each method with its own patience, and left alone for as long as Slack asks."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.health import WHO_WE_ARE, Health, scopes_in
from bot.slack_errors import HeldError, error_of, needed_by, retry_after_of
from hub.settings import Settings

TIMEOUT = 10
# A member waits for these, and a window has three seconds from the press.
_PATIENCE = {
    "auth.test": 2.5,
    "chat.postEphemeral": 2.5,
    "users.info": 2.5,
    "views.open": 2.5,
    "views.push": 2.5,
    "views.update": 2.5,
    "views.publish": 5.0,
}


class Client(AsyncWebClient):
    """A client that tells `health` what each method came to; calls end with SlackApiError or TimeoutError."""

    def __init__(self, settings: Settings, token: str, health: Health | None = None) -> None:
        super().__init__(
            token=token,
            base_url=settings.slack_api_url,
            timeout=TIMEOUT,
            logger=quiet("bot.web_api"),
            # By itself it would post again what may have been posted; the outbox looks first.
            retry_handlers=[],
        )
        self.health = health or Health()
        self._held_until: dict[str, float] = {}

    def held_for(self, method: str) -> timedelta:
        """Tell how long a method must still be left alone."""
        return timedelta(seconds=max(0.0, self._held_until.get(method, 0.0) - monotonic()))

    async def api_call(self, api_method: str, **rest: Any) -> AsyncSlackResponse:
        """Call a method, unless Slack asked to wait with it."""
        wait = self.held_for(api_method)
        if wait:
            raise HeldError(wait)
        try:
            async with asyncio.timeout(_PATIENCE.get(api_method, TIMEOUT)):
                told = await super().api_call(api_method, **rest)
        except SlackApiError as error:
            self._note(api_method, error)
            raise
        self.health.went_well(api_method)
        if api_method == WHO_WE_ARE:
            self.health.granted(scopes_in(_header(told.headers, "x-oauth-scopes")))
        return told

    def _note(self, method: str, error: SlackApiError) -> None:
        wait = retry_after_of(error)
        if wait is not None:
            self._held_until[method] = monotonic() + wait.total_seconds()
            return
        self.health.refused(method, error_of(error), needed_by(error))


def quiet(name: str) -> logging.Logger:
    """Give a logger for Slack's libraries, which write whole messages and tickets into theirs."""
    # What they make for themselves, to answer a command, has a logger of its own.
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
    logger = logging.getLogger(name)
    logger.setLevel(logging.CRITICAL)
    return logger


def _header(headers: Mapping[str, Any], name: str) -> str:
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")
