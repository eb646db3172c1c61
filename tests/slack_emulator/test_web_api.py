"""The Web API of the stand-in refuses what Slack refuses, in Slack's words, and fails as it is told to."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler

from demo.slack.acting import StandIn
from demo.slack.faults import ANY, Break, Drop, Fault, Hang, Limit, Refuse, Slow
from demo.slack.stand_in import standing_in
from tests.support.slack_app import button, client_of, refused, words


async def test_tokens_are_asked_for_and_told_apart() -> None:
    """No token, a wrong one, the wrong kind, one without the scope: Slack's own word for each."""
    async with standing_in() as slack:
        assert await refused(client_of(slack, "").auth_test()) == "not_authed"
        assert await refused(client_of(slack, "xoxb-wrong").auth_test()) == "invalid_auth"
        assert await refused(client_of(slack, slack.app_token).auth_test()) == "not_allowed_token_type"
        assert await refused(client_of(slack).apps_connections_open(app_token=slack.bot_token)) == (
            "not_allowed_token_type"
        )
        assert await refused(client_of(slack).api_call("no.such")) == "unknown_method"
        slack.app.scopes.discard("users:read")
        with pytest.raises(SlackApiError) as caught:
            await client_of(slack).users_info(user="UTARO")
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == "users:read"


async def test_people_are_told_of_as_slack_tells() -> None:
    """Guests, strangers, bots and locales are seen in `users.info`, and the list has them all."""
    async with standing_in() as slack:
        client = client_of(slack)

        async def seen(user: str) -> dict[str, Any]:
            return dict((await client.users_info(user=user, include_locale=True))["user"])

        assert (await seen("UTARO"))["locale"] == "en-US"
        assert (await seen("UHANAKO"))["locale"] == "ja-JP"
        assert (await seen("UGUEST"))["is_ultra_restricted"] is True
        assert (await seen("UOTHER"))["is_stranger"] is True
        assert (await seen("UOTHER"))["team_id"] != slack.workspace.id
        assert (await seen(slack.app.user_id))["is_bot"] is True
        assert "locale" not in (await client.users_info(user="UTARO"))["user"]
        assert len((await client.users_list())["members"]) == len(slack.workspace.users)
        assert await refused(seen("UNOBODY")) == "user_not_found"
        assert (await client.auth_test())["team_id"] == slack.workspace.id


async def test_messages_are_refused_as_slack_refuses_them() -> None:
    """Nobody, a bot, no channel, no text, another's message, one that is gone."""
    async with standing_in() as slack:
        client = client_of(slack)
        channel = (await client.conversations_open(users="UTARO"))["channel"]["id"]
        own = (await client.chat_postMessage(channel=channel, text="x"))["ts"]
        await unheard(slack)
        theirs = slack.messages("UTARO")[-1].ts
        assert await refused(client.conversations_open(users="UNOBODY")) == "user_not_found"
        assert await refused(client.conversations_open(users=slack.app.user_id)) == "cannot_dm_bot"
        assert await refused(client.chat_postMessage(channel="CNONE", text="x")) == "channel_not_found"
        assert await refused(client.api_call("chat.postMessage", json={"channel": channel})) == "no_text"
        assert await refused(client.chat_update(channel=channel, ts=theirs, text="x")) == "cant_update_message"
        assert await refused(client.chat_update(channel="UTARO", ts=own, text="x")) == "channel_not_found"
        assert await refused(client.chat_postEphemeral(channel=channel, user="UHANAKO", text="x")) == (
            "user_not_in_channel"
        )
        assert await refused(
            client.chat_postMessage(channel=channel, text="x", metadata={"event_type": "x"})  # type: ignore[arg-type]
        ) == ("invalid_metadata_format")
        await client.chat_delete(channel=channel, ts=own)
        assert await refused(client.chat_update(channel=channel, ts=own, text="x")) == "message_not_found"
        assert await refused(client.chat_delete(channel=channel, ts=own)) == "message_not_found"


async def unheard(slack: StandIn) -> None:
    """Have a member write something that no app hears."""
    slack.timing.acknowledged_within, slack.timing.retry_after = 0.05, ()
    await slack.say("UTARO", "mine")


async def test_what_is_not_sent_with_an_update_stays() -> None:
    """Text alone leaves blocks and metadata; an empty list or object takes them away."""
    async with standing_in() as slack:
        client = client_of(slack)
        metadata = {"event_type": "login", "event_payload": {"id": "7"}}
        blocks = [{"type": "divider"}]
        posted = await client.chat_postMessage(channel="UTARO", text="a", blocks=blocks, metadata=metadata)
        message = slack.message("UTARO", posted["ts"])
        await client.chat_update(channel=posted["channel"], ts=message.ts, text="b")
        assert (message.text, len(message.blocks), message.metadata) == ("b", 1, metadata)
        await client.chat_update(channel=posted["channel"], ts=message.ts, text="c", blocks=[], metadata={})
        assert (message.text, message.blocks, message.metadata) == ("c", [], None)
        shown = await client.conversations_history(channel=posted["channel"])
        assert [one["text"] for one in shown["messages"]] == ["c"]


LIMITS = {
    "51 blocks": [{"type": "divider"}] * 51,
    "text of 3001": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
    "empty text": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
    "value of 2001": [{"type": "actions", "elements": [button("a", "A", value="x" * 2001)]}],
    "action_id of 256": [{"type": "actions", "elements": [button("a" * 256, "A")]}],
    "button of 76": [{"type": "actions", "elements": [button("a", "A" * 76)]}],
    "26 buttons": [{"type": "actions", "elements": [button(f"a{number}", "A") for number in range(26)]}],
    "action twice": [{"type": "actions", "elements": [button("a", "A"), button("a", "B")]}],
    "block twice": [{"type": "divider", "block_id": "x"}, {"type": "divider", "block_id": "x"}],
    "header of 151": [{"type": "header", "text": words("x" * 151)}],
    "header marked": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "11 fields": [{"type": "section", "fields": [words("x")] * 11}],
    "section of nothing": [{"type": "section"}],
    "no such block": [{"type": "table-of-ours"}],
    "no such property": [{"type": "divider", "text": "x"}],
    "button marked": [{"type": "actions", "elements": [button("a", "A") | {"text": {"type": "mrkdwn", "text": "A"}}]}],
    "no such style": [{"type": "actions", "elements": [button("a", "A", style="green")]}],
}


@pytest.mark.parametrize("blocks", LIMITS.values(), ids=LIMITS.keys())
async def test_blocks_beyond_slacks_limits_are_refused(blocks: list[dict[str, Any]]) -> None:
    """Each documented limit has its refusal, with the place of the mistake."""
    async with standing_in() as slack:
        with pytest.raises(SlackApiError) as caught:
            await client_of(slack).chat_postMessage(channel="UTARO", text="x", blocks=blocks)
        assert caught.value.response["error"] == "invalid_blocks"
        assert "json-pointer:/blocks" in caught.value.response["errors"][0]
        assert not slack.messages("UTARO")


async def test_blocks_at_slacks_limits_are_taken() -> None:
    """The last character that is allowed is allowed."""
    async with standing_in() as slack:
        blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}]
        elements = [button(f"{'a' * 253}{number:02}", "A" * 75, value="x" * 2000) for number in range(25)]
        blocks += [{"type": "actions", "elements": elements}, *([{"type": "divider"}] * 48)]
        await client_of(slack).chat_postMessage(channel="UTARO", text="x", blocks=blocks)
        (message,) = slack.messages("UTARO")
        assert len({block["block_id"] for block in message.blocks}) == 50


async def test_posts_are_held_to_slacks_rate_when_that_is_asked_for() -> None:
    """One a second a channel: the next is 429 with Retry-After, and Slack's own retry handler gets it through."""
    async with standing_in() as slack:
        slack.faults.limit_posts(1.0)
        client = client_of(slack)
        await client.chat_postMessage(channel="UTARO", text="1")
        await client.chat_postMessage(channel="UHANAKO", text="1")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="UTARO", text="2")
        assert caught.value.response["error"] == "ratelimited"
        assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
        client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
        started_at = time.monotonic()
        await client.chat_postMessage(channel="UTARO", text="2")
        assert time.monotonic() - started_at > 0.5
        assert [one.text for one in slack.messages("UTARO")] == ["1", "2"]


async def test_a_direct_message_has_one_rate_by_whichever_name() -> None:
    """The person's id and the channel's are the same place."""
    async with standing_in() as slack:
        slack.faults.limit_posts(1.0)
        posted = await client_of(slack).chat_postMessage(channel="UTARO", text="1")
        assert await refused(client_of(slack).chat_postMessage(channel=posted["channel"], text="2")) == "ratelimited"


async def test_calls_fail_as_they_are_told_to() -> None:
    """An error, 429, 500, a cut before and after the work, none at all, a late one: for as many calls as were said."""
    async with standing_in() as slack:
        client = client_of(slack)
        client.timeout = 1
        client.retry_handlers.clear()
        method = "chat.postMessage"

        async def post(text: str) -> Any:
            return await client.chat_postMessage(channel="UTARO", text=text)

        slack.faults.next_calls(method, Refuse("channel_not_found"), times=2)
        assert [await refused(post("1")), await refused(post("2"))] == ["channel_not_found"] * 2
        slack.faults.next_calls(method, Limit(7))
        with pytest.raises(SlackApiError) as caught:
            await post("3")
        assert caught.value.response.headers["Retry-After"] == "7"
        slack.faults.next_calls(method, Break(503))
        with pytest.raises(SlackApiError) as caught:
            await post("4")
        assert caught.value.response.status_code == 503
        slack.faults.next_calls(method, Drop())
        with pytest.raises(aiohttp.ClientError):
            await post("5")
        assert not slack.messages("UTARO")
        slack.faults.next_calls(method, Drop("after"))
        with pytest.raises(aiohttp.ClientError):
            await post("6")
        slack.faults.next_calls(ANY, Hang())
        with pytest.raises(TimeoutError):
            await post("7")
        slack.faults.next_calls(method, Slow(0.2))
        started_at = time.monotonic()
        await post("8")
        assert time.monotonic() - started_at > 0.2
        slack.faults.all_calls(method, Refuse("fatal_error"))
        assert await refused(post("9")) == "fatal_error"
        slack.faults.mend()
        await post("10")
        assert [one.text for one in slack.messages("UTARO")] == ["6", "8", "10"]
        assert [one.error for one in slack.calls if one.method == method] == [
            *["channel_not_found"] * 2, "ratelimited", "503", "drop", "", "hang", "", "fatal_error", "",
        ]  # fmt: skip


@pytest.mark.parametrize("fault", [Refuse("fatal_error"), Limit(1), Break(500), Drop(), Hang()], ids=str)
async def test_a_call_that_failed_is_waited_for_like_any_other(fault: Fault) -> None:
    """Whoever waits for a call hears of it as it comes, however it ends."""
    async with standing_in() as slack:
        slack.faults.next_calls("chat.postMessage", fault)
        waiting = asyncio.create_task(slack.called("chat.postMessage", timeout=3))
        client = client_of(slack)
        client.timeout = 1
        client.retry_handlers.clear()
        with pytest.raises((SlackApiError, aiohttp.ClientError, TimeoutError)):
            await client.chat_postMessage(channel="UTARO", text="x")
        (call,) = await waiting
        assert call.error
