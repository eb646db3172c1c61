"""The stand-in is Slack to Slack's own libraries: an app made with them runs on it unchanged, in both modes."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from demo.slack.acting import StandIn
from demo.slack.faults import ANY, Break, Drop, Hang, Limit, Refuse, Slow
from demo.slack.http_mode import signature
from demo.slack.sending import Envelope, Kind, Timing
from demo.slack.socket_mode import MOST_SOCKETS
from demo.slack.stand_in import standing_in
from tests.slack_app import QUICK, Client, app_in, button, field, modal, words, wrong_once

modes = pytest.mark.parametrize("mode", ["sockets", "http"])


def client_of(slack: StandIn, token: str | None = None) -> AsyncWebClient:
    """A client of Slack's own, with the bot's token if no other is said."""
    return AsyncWebClient(slack.bot_token if token is None else token, base_url=slack.base_url)


async def refused(coroutine: Any) -> str:
    """The error that a call is refused with."""
    with pytest.raises(SlackApiError) as caught:
        await coroutine
    return str(caught.value.response["error"])


@modes
async def test_an_app_of_slacks_libraries_runs_from_command_to_modal(mode: str) -> None:
    """Command, direct message, button, modal, a wrong answer, the right one: each arrives as Slack's own would."""
    async with app_in(mode) as (slack, client):
        client.on_view = wrong_once
        told = await slack.slash("UTARO", "/try", "add 自宅 taro@example.org")
        assert told.is_acknowledged
        ephemeral = await slack.next_ephemeral("UTARO")
        assert ephemeral.text == "heard add 自宅 <mailto:taro@example.org|taro@example.org>"
        message = await slack.next_message("UTARO")
        assert message.metadata == {"event_type": "login", "event_payload": {"id": "7"}}
        assert (await slack.press("UTARO", message.ts, "approve")).is_acknowledged
        view = await slack.next_view("UTARO")
        await slack.submit("UTARO", view.id, {"digits": "41"})
        assert (view.is_open, view.errors) == (True, {"digits": "These are not the digits."})
        await slack.submit("UTARO", view.id, {"digits": "42"})
        assert not slack.views("UTARO")
        assert (await slack.next_message("UTARO", after=message.ts)).text == "Approved"
        await slack.press("UTARO", message.ts, "deny")
        await slack.next_update(message)
        assert (message.text, message.blocks) == ("Denied", [])


@modes
async def test_the_home_messages_and_mentions_arrive(mode: str) -> None:
    """App Home is published when it is opened, and known of when it is opened again; words reach the app."""
    async with app_in(mode) as (slack, client):
        assert (await slack.open_home("UHANAKO")).is_acknowledged
        home = await slack.next_home("UHANAKO")
        assert home.blocks[0]["text"]["text"] == "State"
        await slack.open_home("UHANAKO")
        assert client.heard[-1]["event"]["view"]["id"] == home.id
        await slack.press("UHANAKO", home.id, "approve")
        assert (await slack.next_view("UHANAKO")).title == "Form"
        await slack.say("UTARO", "はい & <b>")
        assert (await slack.next_message("UTARO")).text == "You said はい &amp; &lt;b&gt;"
        mentioned = await slack.say("UTARO", f"<@{slack.app.user_id}> hello", channel="CGENERAL")
        assert mentioned is not None
        assert client.heard[-1]["event"]["type"] == "app_mention"


@modes
async def test_what_an_administrator_does_reaches_the_app(mode: str) -> None:
    """A member deactivated, tokens revoked, the app taken out: each has its event, and calls end as Slack ends them."""
    async with app_in(mode) as (slack, client):
        await slack.slash("UTARO", "/try")
        channel = (await slack.next_message("UTARO")).channel
        assert (await slack.deactivate("UTARO")).is_acknowledged
        assert client.heard[-1]["event"]["user"]["deleted"] is True
        assert await refused(client.web.chat_postMessage(channel=channel, text="x")) == "channel_not_found"
        assert await refused(client.web.conversations_open(users="UTARO")) == "user_disabled"
        await slack.revoke_tokens()
        assert client.heard[-1]["event"] == client.heard[-1]["event"] | {
            "type": "tokens_revoked",
            "tokens": {"oauth": [], "bot": [slack.app.user_id]},
        }
        assert await refused(client.web.auth_test()) == "token_revoked"
        slack.app.is_revoked = False
        await slack.uninstall()
        assert client.heard[-1]["event"]["type"] == "app_uninstalled"
        assert await refused(client.web.auth_test()) == "account_inactive"


@modes
async def test_an_event_that_is_not_acknowledged_comes_again(mode: str) -> None:
    """Three repetitions with the same event id, counted and with the reason, then no more."""
    async with app_in(mode, timing=QUICK) as (slack, client):
        numbers: list[str] = []

        @client.bolt.middleware
        async def asleep(req: AsyncBoltRequest) -> None:
            numbers.append(req.headers.get("x-slack-retry-num", ["0"])[0])
            await asyncio.sleep(0.7)

        told = await slack.open_home("UTARO")
        assert (told.is_acknowledged, told.attempts) == (False, 4)
        assert len({one["event_id"] for one in client.heard}) == 1
        assert numbers == ["0", "1", "2", "3"]


@modes
async def test_an_envelope_can_be_sent_again_as_it_was(mode: str) -> None:
    """The same ids three times, each acknowledged: what a listener must bear."""
    async with app_in(mode) as (slack, client):
        told = await slack.slash("UTARO", "/try", "list")
        again = await asyncio.gather(slack.again(told.envelope), slack.again(told.envelope))
        assert all(one.is_acknowledged for one in again)
        triggers = {one["trigger_id"] for one in client.heard}
        assert (len(client.heard), len(triggers)) == (3, 1)


@modes
async def test_a_command_that_nobody_answers_fails_before_the_members_eyes(mode: str) -> None:
    """Slack says so itself, to that member only."""
    async with standing_in(timing=QUICK) as slack:
        if mode == "http":
            slack.send_to("http://127.0.0.1:9/slack/events")
        told = await slack.slash("UTARO", "/try")
        assert not told.is_acknowledged
        (shown,) = slack.ephemerals("UTARO")
        assert told.error in shown.text
        assert not slack.ephemerals("UHANAKO")


# HTTP mode.


async def test_requests_are_signed_and_a_wrong_signature_is_refused() -> None:
    """With another secret, or too old a time, the app answers 401 and hears nothing."""
    async with app_in("http") as (slack, client):
        assert (await slack.slash("UTARO", "/try")).is_acknowledged
        slack.poster.age = timedelta(minutes=6)
        assert (await slack.slash("UTARO", "/try")).error == "http_error"
        slack.poster.age = timedelta()
        slack.poster.secret = "another"
        assert (await slack.slash("UTARO", "/try")).error == "http_error"
        assert len(client.heard) == 1


async def test_the_signature_is_the_one_that_slack_documents() -> None:
    """Slack's own example, from its page on verifying requests."""
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body) == expected


async def test_a_url_for_events_is_verified() -> None:
    """The challenge comes back from an app, and from nowhere else."""
    async with app_in("http") as (slack, _):
        assert slack.urls is not None
        assert await slack.poster.verify(slack.urls.events, slack.app.verification_token)
        assert not await slack.poster.verify(f"{slack.core.url}/api/api.test", slack.app.verification_token)


# Sockets.


async def test_each_envelope_goes_down_one_of_up_to_ten_sockets() -> None:
    """Two processes share the work, an eleventh socket is told that there are too many."""
    async with standing_in() as slack:
        first, second = Client(slack), Client(slack)
        async with first.on_sockets(slack), second.on_sockets(slack):
            await asyncio.gather(*(slack.slash("UTARO", "/try", str(number)) for number in range(20)))
            heard = [one["text"] for one in first.heard + second.heard]
            assert sorted(heard, key=int) == [str(number) for number in range(20)]
            assert first.heard
            assert second.heard
        async with aiohttp.ClientSession() as session:
            open_ones = []
            for number in range(MOST_SOCKETS + 1):
                url = (await client_of(slack).apps_connections_open(app_token=slack.app_token))["url"]
                open_ones.append(await session.ws_connect(url))
                said = await open_ones[-1].receive_json()
                assert said["type"] == ("hello" if number < MOST_SOCKETS else "disconnect")
            assert said["reason"] == "too_many_websockets"
            assert (await session.get(url.replace("ws://", "http://"))).status == 408


async def test_an_envelope_of_a_socket_that_is_lost_comes_down_another() -> None:
    """What was under way when the socket ended is sent again, with its number and why; none is lost."""
    async with standing_in() as slack, aiohttp.ClientSession() as session:

        async def connect() -> aiohttp.ClientWebSocketResponse:
            url = (await client_of(slack).apps_connections_open(app_token=slack.app_token))["url"]
            ws = await session.ws_connect(url)
            assert (await ws.receive_json())["type"] == "hello"
            return ws

        first = await connect()
        command = asyncio.create_task(slack.slash("UTARO", "/try", "list"))
        sent = await first.receive_json()
        assert "retry_attempt" not in sent
        await slack.sockets.drop()
        second = await connect()
        again = await second.receive_json()
        assert again == sent | {"retry_attempt": 1, "retry_reason": "connection_lost"}
        await second.send_json({"envelope_id": again["envelope_id"], "payload": {"text": "here"}})
        told = await command
        assert (told.is_acknowledged, told.attempts) == (True, 2)
        assert (await slack.next_ephemeral("UTARO")).text == "here"


async def test_nothing_is_lost_while_sockets_drop_and_are_replaced() -> None:
    """Sockets are cut off again and again, then Slack announces it: every command is heard, an app reconnects."""
    async with app_in("sockets") as (slack, client):
        async with slack.dropping(every=0.15):
            told = [await slack.slash("UTARO", "/try", str(number)) for number in range(60)]
        await slack.sockets.announce("warning")
        await slack.sockets.announce("refresh_requested", grace=0.2)
        told.append(await slack.slash("UTARO", "/try", "60"))
        assert all(one.is_acknowledged for one in told)
        assert {one["text"] for one in client.heard} == {str(number) for number in range(61)}


# What the Web API refuses.


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
        assert await refused(client.chat_postMessage(channel=channel, blocks=[])) == "no_text"
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


BAD_VIEWS = {
    "title of 25": modal(title=words("x" * 25)),
    "no submit": modal(field("a", "A"), submit=None),
    "metadata of 3001": modal(private_metadata="x" * 3001),
    "101 blocks": modal(*([{"type": "divider"}] * 101)),
    "callback of 256": modal(callback_id="x" * 256),
    "a home": {"type": "home", "blocks": []},
}


@pytest.mark.parametrize("view", BAD_VIEWS.values(), ids=BAD_VIEWS.keys())
async def test_views_beyond_slacks_limits_are_refused(view: dict[str, Any]) -> None:
    """The same for modals; nothing opens, and the trigger is still good."""
    async with standing_in() as slack:
        trigger = slack.core.passes.trigger("UTARO", now=slack.core.now())
        assert await refused(client_of(slack).views_open(trigger_id=trigger, view=view)) == "invalid_arguments"
        assert not slack.views("UTARO")
        await client_of(slack).views_open(trigger_id=trigger, view=modal())
        assert slack.views("UTARO")


async def test_a_trigger_lives_three_seconds_and_opens_one_modal() -> None:
    """Used twice, too late, or of nobody: refused."""
    async with standing_in() as slack:
        client = client_of(slack)
        trigger = slack.core.passes.trigger("UTARO", now=slack.core.now())
        opened = await client.views_open(trigger_id=trigger, view=modal())
        assert await refused(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"
        assert await refused(client.views_open(trigger_id="1.2.3", view=modal())) == "invalid_arguments"
        late = slack.core.passes.trigger("UTARO", now=slack.core.now())
        slack.core.ahead = timedelta(seconds=3.1)
        assert await refused(client.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
        view_id, seen = opened["view"]["id"], opened["view"]["hash"]
        assert await refused(client.views_update(view_id=view_id, hash="x", view=modal())) == "hash_conflict"
        await client.views_update(view_id=view_id, hash=seen, view=modal(title=words("Second")))
        assert slack.views("UTARO")[-1].title == "Second"
        await slack.close("UTARO", view_id)
        assert await refused(client.views_update(view_id=view_id, view=modal())) == "not_found"
        assert await refused(client.views_publish(user_id="UNOBODY", view={"type": "home", "blocks": []})) == (
            "invalid_arguments"
        )


async def test_a_response_url_is_good_five_times_in_half_an_hour() -> None:
    """It adds, replaces and deletes; the sixth use and a late one are refused."""
    async with app_in("sockets") as (slack, _), aiohttp.ClientSession() as session:
        await slack.slash("UTARO", "/try")
        message = await slack.next_message("UTARO")
        url = (await slack.press("UTARO", message.ts, "nothing-listens")) if False else ""
        told = await slack.press("UTARO", message.ts, "approve")
        url = str(told.envelope.payload["response_url"])

        async def answer(**said: Any) -> int:
            async with session.post(url, json=said) as answered:
                return answered.status

        assert await answer(replace_original=True, text="replaced") == 200
        assert (message.text, message.blocks) == ("replaced", [])
        assert await answer(text="for you") == 200
        assert slack.ephemerals("UTARO")[-1].text == "for you"
        assert await answer(text="for all", response_type="in_channel") == 200
        assert slack.messages("UTARO")[-1].text == "for all"
        assert await answer(text="") == 400
        assert await answer(delete_original=True) == 200
        assert message not in slack.messages("UTARO")
        assert await answer(text="one more") == 404
        url = str((await slack.slash("UTARO", "/try")).envelope.payload["response_url"])
        slack.core.ahead = timedelta(minutes=31)
        assert await answer(text="late") == 404


# What goes wrong on request.


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


# Modals.


async def test_a_modal_answers_with_another_and_stacks_three_deep() -> None:
    """Update, push and clear do what Slack does with them; the fourth of a stack is refused."""
    async with app_in("sockets") as (slack, client):
        await slack.open_home("UTARO")
        await slack.press("UTARO", (await slack.next_home("UTARO")).id, "approve")
        view = await slack.next_view("UTARO")
        client.on_view = lambda _view: {"response_action": "update", "view": modal(title=words("Second"))}
        await slack.submit("UTARO", view.id, {"digits": "1"})
        assert (view.title, view.is_open) == ("Second", True)
        client.on_view = lambda _view: {"response_action": "push", "view": modal(title=words("Above"))}
        await slack.submit("UTARO", view.id)
        above = slack.views("UTARO")[-1]
        assert (above.title, above.previous_id, above.root_id) == ("Above", view.id, view.id)
        await slack.submit("UTARO", above.id)
        top = slack.views("UTARO")[-1]
        await slack.submit("UTARO", top.id)
        assert "push_limit_reached" in top.errors[""]
        client.on_view = lambda _view: {"response_action": "clear"}
        await slack.submit("UTARO", top.id)
        assert not slack.views("UTARO")


async def test_a_modals_fields_arrive_as_slack_writes_them() -> None:
    """Text, radio buttons, a menu, ticks: their state before, what is chosen, what is missing."""
    options = [{"text": words(text), "value": text} for text in ("one", "two")]
    async with app_in("sockets") as (slack, client):
        client.view = modal(
            field("name", "Name", element={"type": "plain_text_input", "min_length": 2}),
            field(
                "radio", "Radio", element={"type": "radio_buttons", "options": options, "initial_option": options[0]}
            ),
            field("menu", "Menu", element={"type": "static_select", "options": options}),
            field("ticks", "Ticks", element={"type": "checkboxes", "options": options}, optional=True),
            notify_on_close=True,
        )
        await slack.open_home("UTARO")
        await slack.press("UTARO", (await slack.next_home("UTARO")).id, "approve")
        view = await slack.next_view("UTARO")
        assert view.values["radio"]["radio"]["selected_option"]["value"] == "one"
        told = await slack.submit("UTARO", view.id, {"name": "x"})
        assert (told.error, sorted(view.errors)) == ("not_sent", ["menu", "name"])
        seen: list[dict[str, Any]] = []
        client.on_view = lambda sent: seen.append(sent) or {}  # type: ignore[func-returns-value]
        await slack.submit("UTARO", view.id, {"name": "自宅", "menu": "two", "ticks": ["one", "two"]})
        values = seen[0]["state"]["values"]
        assert values["name"]["name"] == {"type": "plain_text_input", "value": "自宅"}
        assert values["menu"]["menu"]["selected_option"]["value"] == "two"
        assert [one["value"] for one in values["ticks"]["ticks"]["selected_options"]] == ["one", "two"]


async def test_a_modal_that_is_closed_tells_the_app_that_asked_to_know() -> None:
    """view_closed with notify_on_close, silence without."""
    async with app_in("sockets") as (slack, client):
        closed: list[dict[str, Any]] = []

        @client.bolt.view_closed("m")
        async def hear(ack: Any, body: dict[str, Any]) -> None:
            closed.append(body)
            await ack()

        await slack.open_home("UTARO")
        home = (await slack.next_home("UTARO")).id
        for notify in (True, False):
            client.view = modal(notify_on_close=notify)
            await slack.press("UTARO", home, "approve")
            told = await slack.close("UTARO", (await slack.next_view("UTARO")).id)
            assert (told is not None) is notify
        assert len(closed) == 1
        assert closed[0]["is_cleared"] is False


async def test_shortcuts_arrive_as_slack_sends_them() -> None:
    """A global one and a message's, each with leave to open a modal."""
    async with app_in("sockets") as (slack, client):
        used: list[dict[str, Any]] = []

        async def hear(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            used.append(body)

        client.bolt.shortcut("add")(hear)
        client.bolt.message_shortcut("look")(hear)
        await slack.slash("UTARO", "/try")
        message = await slack.next_message("UTARO")
        assert (await slack.shortcut("UTARO", "add")).is_acknowledged
        assert (await slack.shortcut("UTARO", "look", ts=message.ts)).is_acknowledged
        assert [one["type"] for one in used] == ["shortcut", "message_action"]
        assert used[1]["message"]["metadata"]["event_payload"] == {"id": "7"}


async def test_times_can_be_shortened_for_tests() -> None:
    """The three seconds are a setting of the stand-in's, the app knows nothing of it."""
    async with standing_in(timing=Timing(acknowledged_within=0.1)) as slack:
        started_at = time.monotonic()
        told = await slack.again(Envelope(Kind.COMMAND, {}))
        assert told.error == "dispatch_failed"
        assert time.monotonic() - started_at < 1
