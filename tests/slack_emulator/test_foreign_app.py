"""The stand-in is Slack to Slack's own libraries: an app made with them runs on it unchanged, in both modes."""

import asyncio
import time
from datetime import timedelta

import aiohttp
import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from demo.slack.http_mode import signature
from demo.slack.sending import Envelope, Kind, Timing
from demo.slack.socket_mode import MOST_SOCKETS
from demo.slack.stand_in import standing_in
from tests.support.slack_app import QUICK, Client, app_in, client_of, refused, socket_of, wrong_once

modes = pytest.mark.parametrize("mode", ["sockets", "http"])


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
            several = [await socket_of(slack, session) for _ in range(MOST_SOCKETS)]
            url = (await client_of(slack).apps_connections_open(app_token=slack.app_token))["url"]
            said = await (await session.ws_connect(url)).receive_json(timeout=5)
            assert (said["type"], said["reason"]) == ("disconnect", "too_many_websockets")
            assert (await session.get(url.replace("ws://", "http://"))).status == 408
            assert not any(one.closed for one in several)


async def test_an_envelope_of_a_socket_that_is_lost_comes_down_another() -> None:
    """What was under way when the socket ended is sent again, with its number and why; none is lost."""
    async with standing_in() as slack, aiohttp.ClientSession() as session:
        first = await socket_of(slack, session)
        command = asyncio.create_task(slack.slash("UTARO", "/try", "list"))
        sent = await first.receive_json(timeout=5)
        assert "retry_attempt" not in sent
        await slack.sockets.drop()
        second = await socket_of(slack, session)
        again = await second.receive_json(timeout=5)
        assert again == sent | {"retry_attempt": 1, "retry_reason": "connection_lost"}
        await second.send_json({"envelope_id": again["envelope_id"], "payload": {"text": "here"}})
        told = await command
        assert (told.is_acknowledged, told.attempts) == (True, 2)
        assert (await slack.next_ephemeral("UTARO")).text == "here"


async def test_the_end_of_a_socket_is_announced() -> None:
    """A warning leaves it as it is; once it is to be replaced nothing new comes down it, and then it ends."""
    async with standing_in() as slack, aiohttp.ClientSession() as session:
        first = await socket_of(slack, session)
        await slack.sockets.announce("warning")
        assert (await first.receive_json(timeout=5))["reason"] == "warning"
        before = asyncio.create_task(slack.slash("UTARO", "/try", "before"))
        carried = await first.receive_json(timeout=5)
        await first.send_json({"envelope_id": carried["envelope_id"]})
        assert (await before).is_acknowledged
        ending = asyncio.create_task(slack.sockets.announce("refresh_requested", grace=0.3))
        assert (await first.receive_json(timeout=5))["reason"] == "refresh_requested"
        after = asyncio.create_task(slack.slash("UTARO", "/try", "after"))
        second = await socket_of(slack, session)
        carried = await second.receive_json(timeout=5)
        await second.send_json({"envelope_id": carried["envelope_id"]})
        assert ((await after).is_acknowledged, (await after).attempts) == (True, 1)
        await ending
        assert (await first.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


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


async def test_times_can_be_shortened_for_tests() -> None:
    """The three seconds are a setting of the stand-in's, the app knows nothing of it."""
    async with standing_in(timing=Timing(acknowledged_within=0.1)) as slack:
        started_at = time.monotonic()
        told = await slack.again(Envelope(Kind.COMMAND, {}))
        assert told.error == "dispatch_failed"
        assert time.monotonic() - started_at < 1
