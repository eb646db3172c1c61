"""A small app of Slack's own kind, made with Slack's own libraries, that is told only where Slack is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from demo.slack.acting import StandIn
from demo.slack.sending import Timing
from demo.slack.stand_in import standing_in

QUICK = Timing(acknowledged_within=0.6, retry_after=(0.0, 0.05, 0.05))


def words(text: str) -> dict[str, Any]:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def button(action_id: str, text: str, **more: Any) -> dict[str, Any]:
    """A button."""
    return {"type": "button", "action_id": action_id, "text": words(text), "value": action_id, **more}


def field(action_id: str, label: str, **more: Any) -> dict[str, Any]:
    """An input block with one line to type, or what `element` says."""
    element = {"action_id": action_id, **more.pop("element", {"type": "plain_text_input"})}
    return {"type": "input", "block_id": action_id, "label": words(label), "element": element, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A modal with a button to send it."""
    return {"type": "modal", "callback_id": "m", "title": words("Form"), "submit": words("OK"), **more} | {
        "blocks": list(blocks)
    }


def wrong_once(view: dict[str, Any]) -> dict[str, Any]:
    """Take 42 and nothing else."""
    if view["state"]["values"]["digits"]["digits"]["value"] == "42":
        return {}
    return {"response_action": "errors", "errors": {"digits": "These are not the digits."}}


class Client:
    """The app: `heard` is every body that came to a listener, by the order they came."""

    def __init__(self, slack: StandIn) -> None:
        self.web = AsyncWebClient(slack.bot_token, base_url=slack.base_url)
        self.bolt = AsyncApp(client=self.web, signing_secret=slack.signing_secret)
        self.heard: list[dict[str, Any]] = []
        self.on_view: Callable[[dict[str, Any]], dict[str, Any]] = lambda _view: {}
        self.view = modal(field("digits", "Two digits"))
        self.message = [
            {"type": "section", "text": {"type": "mrkdwn", "text": "Somebody *logs in*"}},
            {"type": "actions", "elements": [button("approve", "Approve", style="primary"), button("deny", "Deny")]},
        ]
        self._listen()

    def _listen(self) -> None:
        bolt = self.bolt

        @bolt.middleware
        async def remember(body: dict[str, Any], next_: Callable[[], Any]) -> None:
            self.heard.append(body)
            await next_()

        @bolt.command("/try")
        async def command(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack(f"heard {body['text']}")
            opened = await client.conversations_open(users=body["user_id"])
            await client.chat_postMessage(
                channel=opened["channel"]["id"],
                text="Somebody logs in",
                blocks=self.message,
                metadata={"event_type": "login", "event_payload": {"id": "7"}},
            )

        @bolt.action("approve")
        async def approve(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=self.view)

        @bolt.action("deny")
        async def deny(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            ts = body["container"]["message_ts"]
            await client.chat_update(channel=body["channel"]["id"], ts=ts, text="Denied", blocks=[])

        @bolt.view("m")
        async def sent(ack: Any, view: dict[str, Any], body: dict[str, Any], client: AsyncWebClient) -> None:
            answer = self.on_view(view)
            await ack(**answer)
            if not answer:
                await client.chat_postMessage(channel=body["user"]["id"], text="Approved")

        @bolt.event("app_home_opened")
        async def opened(event: dict[str, Any], client: AsyncWebClient) -> None:
            home = {"type": "home", "blocks": [{"type": "header", "text": words("State")}]}
            home["blocks"].append({"type": "actions", "elements": [button("approve", "Add")]})
            await client.views_publish(user_id=event["user"], view=home)

        @bolt.event("message")
        async def said(event: dict[str, Any], client: AsyncWebClient) -> None:
            await client.chat_postMessage(channel=event["channel"], text=f"You said {event['text']}")

        for name in ("app_mention", "user_change", "tokens_revoked", "app_uninstalled"):
            bolt.event(name)(self._nothing)

    async def _nothing(self, event: dict[str, Any]) -> None:
        """Hear it, no more."""

    @asynccontextmanager
    async def on_sockets(self, slack: StandIn) -> AsyncIterator[AsyncSocketModeHandler]:
        """Connect as an app in Socket Mode does."""
        client = AsyncWebClient(slack.app_token, base_url=slack.base_url)
        handler = AsyncSocketModeHandler(self.bolt, slack.app_token, web_client=client, ping_interval=1)
        before = len(slack.sockets.ready)
        await handler.connect_async()
        await slack.connected(before + 1)
        try:
            yield handler
        finally:
            await handler.close_async()

    @asynccontextmanager
    async def on_http(self, slack: StandIn) -> AsyncIterator[str]:
        """Listen as an app in HTTP mode does."""

        async def heard(request: web.Request) -> web.Response:
            return await to_aiohttp_response(await self.bolt.async_dispatch(await to_bolt_request(request)))

        listening = web.Application()
        listening.router.add_post("/slack/events", heard)
        runner = web.AppRunner(listening, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        slack.send_to(url)
        try:
            yield url
        finally:
            slack.use_sockets()
            await runner.cleanup()


def client_of(slack: StandIn, token: str | None = None) -> AsyncWebClient:
    """A client of Slack's own, with the bot's token if no other is said."""
    return AsyncWebClient(slack.bot_token if token is None else token, base_url=slack.base_url)


async def socket_of(slack: StandIn, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    """Open a socket as an app does, without Slack's libraries."""
    url = (await client_of(slack).apps_connections_open(app_token=slack.app_token))["url"]
    ws = await session.ws_connect(url)
    assert (await ws.receive_json(timeout=5))["type"] == "hello"
    return ws


async def refused(coroutine: Any) -> str:
    """The error that a call is refused with."""
    with pytest.raises(SlackApiError) as caught:
        await coroutine
    return str(caught.value.response["error"])


@asynccontextmanager
async def app_in(mode: str, *, timing: Timing | None = None) -> AsyncIterator[tuple[StandIn, Client]]:
    """A workspace and an app in it that is connected in one of the modes: sockets or http."""
    async with standing_in(timing=timing) as slack:
        client = Client(slack)
        async with client.on_sockets(slack) if mode == "sockets" else client.on_http(slack):
            yield slack, client
