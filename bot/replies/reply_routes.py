"""How an answer reaches the one person who asked: each way's outcome is looked at, and another way is tried."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack_errors import error_of
from bot.web_api import quiet

Block = dict[str, Any]
_Way = Callable[[str, list[Block]], Awaitable[str]]
_PATIENCE = 2.5
_PAUSE = 0.3
_GOOD = range(200, 300)
_BROKEN = 500
UNREACHED = (ClientError, TimeoutError, OSError, SlackClientError)
_log = structlog.get_logger(__name__)


class Answers:
    """The ways to one person: the response URL, a message that only they see, and the direct message.

    `refused` names what the first way came to, when that was not good.
    """

    def __init__(
        self, client: AsyncWebClient, user: str, *, url: str = "", channel: str = "", thread: str = ""
    ) -> None:
        self._client = client
        self._user = user
        self._url = url
        self._channel = channel
        self._thread = thread
        self.refused = ""

    async def __call__(self, text: str, blocks: Sequence[Block] = ()) -> None:
        """Tell it, by the first way that Slack takes."""
        ways: Sequence[_Way]
        if self._url:
            ways = (self._by_url, self._by_ephemeral, self._by_message)
        else:
            ways = (self._by_message, self._by_ephemeral)[: 2 if self._channel else 1]
        for way in ways:
            why = await way(text, list(blocks))
            if not why:
                return
            self.refused = self.refused or why
            _log.warning("bot.answer_refused", error=why)
        _log.error("bot.answer_lost", error=self.refused)

    async def _by_url(self, text: str, blocks: list[Block]) -> str:
        """Use the response URL, once more when Slack failed; returns what was wrong, empty when nothing was."""
        why = await self._posted(text, blocks)
        # A request that ran out of time may have been done: the same again would be a second answer.
        if why.startswith("http 5") or why in {"ClientConnectorError", "ServerDisconnectedError", "ClientOSError"}:
            await asyncio.sleep(_PAUSE)
            why = await self._posted(text, blocks)
        return why

    async def _posted(self, text: str, blocks: list[Block]) -> str:
        client = AsyncWebhookClient(
            url=self._url,
            session=self._client.session,
            proxy=self._client.proxy,
            logger=quiet("bot.replies.reply_routes"),
            retry_handlers=[],
        )
        said: dict[str, Any] = {"text": text, "response_type": "ephemeral", "replace_original": False}
        try:
            async with asyncio.timeout(_PATIENCE):
                told = await client.send_dict({**said, "blocks": blocks} if blocks else said)
        except UNREACHED as error:
            return type(error).__name__
        return "" if told.status_code in _GOOD else f"http {told.status_code}"

    async def _by_ephemeral(self, text: str, blocks: list[Block]) -> str:
        if not self._channel:
            return "no channel"
        try:
            await self._client.chat_postEphemeral(
                channel=self._channel, user=self._user, text=text, blocks=blocks or None
            )
        except SlackApiError as error:
            return error_of(error)
        except UNREACHED as error:
            return type(error).__name__
        return ""

    async def _by_message(self, text: str, blocks: list[Block]) -> str:
        """Use the direct message: only the member sees it, too."""
        is_here = self._channel.startswith("D") and not self._url
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._client.chat_postMessage(
                    channel=self._channel if is_here else self._user,
                    text=text,
                    blocks=blocks or None,
                    thread_ts=(self._thread or None) if is_here else None,
                    unfurl_links=False,
                    unfurl_media=False,
                )
        except SlackApiError as error:
            return error_of(error)
        except UNREACHED as error:
            return type(error).__name__
        return ""
