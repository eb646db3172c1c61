"""Slack in trouble: nothing is lost, nothing comes twice, no page waits, and health and metrics tell."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import REGISTRY

from bot.app import Bot
from bot.slack_errors import Meaning, meaning_of
from demo.slack.faults import Break, Drop, Fault, Hang, Limit, Refuse
from demo.slack.stand_in import StandIn, standing_in
from hub.domain.outcomes import DeliveryState
from hub.login import password_login
from hub.outbox.messages import line_of
from hub.sessions import sessions
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Letter
from models.slack import SlackLink
from tests.support.factory import settings_for
from tests.support.hub_process import serving
from tests.support.journeys import enter_password, settled
from tests.support.ports import free_port
from tests.support.running_hub import open_house
from tests.support.slack_hub import Chat, code_in, copy_of, open_chat, slack_settings

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("error", "meaning"),
    [(one, Meaning.APP) for one in ("invalid_auth", "token_revoked", "not_authed", "missing_scope")]
    + [(one, Meaning.CONTACT) for one in ("user_disabled", "user_not_found", "cannot_dm_bot", "is_archived")]
    + [("channel_not_found", Meaning.CHANNEL), ("message_not_found", Meaning.MESSAGE), ("brand_new", Meaning.UNKNOWN)],
)
def test_what_slack_says_has_a_meaning(error: str, meaning: Meaning) -> None:
    """What ends the app, a contact or a message; what is not known is told apart, to be seen."""
    assert meaning_of(error) is meaning


async def _code_row() -> Delivery:
    row = await Delivery.filter(letter=Letter.CODE).order_by("-id").first()
    assert row is not None
    return row


async def _until_replied(reply: str) -> Delivery:
    async with asyncio.timeout(10):
        while (row := await _code_row()).reply != reply:
            await asyncio.sleep(0.02)
    return row


async def _ready(chat: Chat) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{chat.house.url}/health/ready") as answer:
        return dict(await answer.json())


async def _until_ready(chat: Chat, what: str) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while (told := await _ready(chat))["parts"]["slack"].get("what", "") != what:
            await asyncio.sleep(0.05)
    return told


@pytest.mark.parametrize(
    "fault", [Limit(1), Break(503), Drop("before"), Drop("after"), Refuse("internal_error"), Refuse("fatal_error")]
)
async def test_a_code_comes_once_however_slack_fails(chat_on_socket: Chat, fault: Fault) -> None:
    """Too many requests, a broken answer, a cut connection before and after the post: the code comes, and once."""
    chat = chat_on_socket
    member = await chat.linked()
    chat.slack.faults.next_calls("chat.postMessage", fault)
    await chat.asked_for_code(member)
    await chat.next_code()
    await settled()
    assert len(chat.codes()) == 1
    row = await _code_row()
    assert (row.attempts, row.accepted_at is not None) == (2, True)
    assert row.remote == f"{chat.codes()[0].channel}/{chat.codes()[0].ts}"


async def test_the_wait_that_slack_asks_for_is_kept(chat_on_socket: Chat) -> None:
    """A 429 with `Retry-After: 30` puts the code off for so long, and the page says that it is being tried again."""
    chat = chat_on_socket
    member = await chat.linked()
    chat.slack.faults.next_calls("chat.postMessage", Limit(30))
    await chat.asked_for_code(member)
    row = await _until_replied("ratelimited")
    assert row.due_at is not None
    assert 28 < (row.due_at - chat.house.clock()).total_seconds() < 31
    assert line_of(row, chat.house.clock()).state is DeliveryState.RETRYING


@pytest.mark.parametrize("error", ["token_revoked", "missing_scope", "account_inactive"])
async def test_an_app_that_slack_refuses_stops_and_alarms(chat_on_socket: Chat, error: str) -> None:
    """Nothing more is posted, readiness and metrics say it, the code waits, no contact is suspended; then it comes."""
    chat = chat_on_socket
    member = await chat.linked()
    chat.slack.faults.all_calls("*", Refuse(error))
    await chat.asked_for_code(member)
    await _until_replied(error)
    told = await _until_ready(chat, f"Slack refuses the app: {error}")
    assert told["status"] == "degraded"
    assert REGISTRY.get_sample_value("tegata_slack_stopped") == 1
    tries = sum(one.method == "chat.postMessage" for one in chat.slack.calls)
    await asyncio.sleep(0.5)
    assert sum(one.method == "chat.postMessage" for one in chat.slack.calls) == tries
    assert (await Contact.get(id=member.contacts["Slack"])).suspended_at is None
    chat.slack.faults.mend()
    message = await chat.slack.until(lambda: next(iter(chat.codes()), None), timeout=10)
    assert code_in(message)
    assert (await _ready(chat))["parts"]["slack"]["status"] == "ok"


@pytest.mark.parametrize(
    "error", ["user_disabled", "user_not_found", "cannot_dm_bot", "is_archived", "account_inactive"]
)
async def test_a_person_who_cant_be_reached_is_suspended(chat_on_socket: Chat, error: str) -> None:
    """The page says that it failed, the contact is suspended like a dead address, and another contact is told."""
    chat = chat_on_socket
    member = await chat.house.people.member(contacts=("home",))
    await chat.link(member, "UTARO")
    await chat.slack.next_message("UTARO")
    sent = await chat.house.inbox.next_to("taro0@mail.test")
    chat.slack.faults.all_calls("chat.postMessage", Refuse(error))
    await chat.asked_for_code(member)
    letter = await chat.house.inbox.next_to("taro0@mail.test", after=sent.number)
    assert "can't be reached" in letter.text
    row = await _code_row()
    assert (row.reply, row.failed_at is not None) == (error, True)
    assert (await Contact.get(id=member.contacts["Slack"])).suspended_why == "slack-gone"


async def test_a_closed_channel_is_opened_again_once(chat_on_socket: Chat) -> None:
    """The channel of before is not found: it is opened anew and the code comes; not found even then: suspended."""
    chat = chat_on_socket
    member = await chat.linked()
    chat.slack.faults.next_calls("chat.postMessage", Refuse("channel_not_found"))
    await chat.asked_for_code(member)
    await chat.next_code()
    assert (await Contact.get(id=member.contacts["Slack"])).suspended_at is None
    await settled()
    chat.house.clock.later(minutes=11)
    chat.slack.faults.all_calls("chat.postMessage", Refuse("channel_not_found"))
    await chat.asked_for_code(member)
    await _until_replied("channel_not_found")
    async with asyncio.timeout(5):
        while (await Contact.get(id=member.contacts["Slack"])).suspended_at is None:
            await asyncio.sleep(0.02)


async def test_slack_down_at_the_start_stops_nothing(sqlite_template: Path, tmp_path: Path) -> None:
    """The hub starts, ready though degraded, pages work, other ways are offered; when Slack is back the code comes."""
    port, url = free_port(), copy_of(sqlite_template, tmp_path)
    async with standing_in() as elsewhere:
        given = {**slack_settings(elsewhere, "socket"), "slack_api_url": f"http://127.0.0.1:{port}/api/"}
    async with open_house(url, tmp_path, **given) as house:
        chat = Chat(house, elsewhere)
        member = await house.people.member(contacts=("home",))
        await chat.link(member, "UTARO")
        async with asyncio.timeout(10):
            while (told := await _ready(chat))["status"] != "degraded":
                await asyncio.sleep(0.05)
        assert "Slack can't be reached" in told["parts"]["slack"]["what"]
        async with house.person() as person:
            await enter_password(person, member)
            await person.press("OK", way=f"contact:{member.contacts['Slack']}")
            assert person.page == "code"
            async with asyncio.timeout(10):
                while "does not take it yet" not in person.text:
                    await person.open("/login/code")
                    await asyncio.sleep(0.05)
            await person.follow("Choose another way")
            assert "home" in person.text
        async with standing_in(port=port) as slack:
            slack.app.bot_token, slack.app.app_token = given["slack_bot_token"], given["slack_app_token"]
            back = Chat(house, slack)
            house.clock.later(seconds=40)
            await slack.connected(timeout=20)
            await slack.until(lambda: next(iter(back.codes()), None), timeout=20)
            await asyncio.sleep(0.3)
            assert len(back.codes()) == 1
            async with asyncio.timeout(20):
                while (await _ready(back))["parts"]["slack"]["status"] != "ok":
                    await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "fault", [Break(503, "text/plain"), Break(200, "text/plain"), Break(200, "application/json"), Break(502)]
)
async def test_the_bot_lives_on_whatever_a_proxy_between_answered(
    sqlite_template: Path, tmp_path: Path, fault: Break
) -> None:
    """Words instead of Slack's JSON at the start: the bot tries again, and is ready once Slack is itself."""
    async with standing_in() as slack:
        slack.faults.all_calls("*", fault)
        async with open_house(copy_of(sqlite_template, tmp_path), tmp_path, **slack_settings(slack, "socket")) as house:
            chat = Chat(house, slack)
            await chat.called("apps.connections.open")
            await chat.called("auth.test")
            await asyncio.sleep(0.3)
            assert (await _ready(chat))["status"] == "degraded"
            slack.faults.mend()
            await slack.connected(timeout=10)
            member = await chat.linked()
            # Whoever looks after Slack must have lived on, or nobody finds out that it takes the app again.
            slack.faults.all_calls("*", Refuse("token_revoked"))
            await chat.asked_for_code(member)
            await _until_replied("token_revoked")
            slack.faults.mend()
            await chat.next_code()
            async with asyncio.timeout(10):
                while (await _ready(chat))["parts"]["slack"]["status"] != "ok":
                    await asyncio.sleep(0.1)


async def test_no_command_fails_for_want_of_a_language(chat_on_socket: Chat) -> None:
    """A proxy's words where Slack tells of a user: `lock` locks all the same."""
    chat = chat_on_socket
    member = await chat.linked()
    session = await chat.house.people.stepped_up(member)
    chat.slack.faults.all_calls("users.info", Break(200, "text/plain"))
    assert (await chat.slack.slash("UTARO", "/tegata", "lock")).is_acknowledged
    assert "Everything was ended" in (await chat.slack.next_ephemeral("UTARO")).text
    assert await sessions.current(chat.house.people.hub, session.token, now=chat.house.people.now) is None


async def test_a_slack_that_hangs_holds_no_page(chat_on_socket: Chat) -> None:
    """With Slack taking every call and answering none, the login's pages come as fast as ever."""
    chat = chat_on_socket
    member = await chat.linked()
    chat.slack.faults.all_calls("*", Hang())
    async with chat.house.person() as person, asyncio.timeout(3):
        await enter_password(person, member)
        await person.press("OK", way=f"contact:{member.contacts['Slack']}")
        assert person.page == "code"
        assert "waiting to be posted" in person.text


async def test_calls_go_over_a_kept_connection(chat_on_socket: Chat) -> None:
    """It serves call after call, a call after one that Slack cut finds another, and the bot's end closes them."""
    made: list[object] = []

    async def making(*_: object) -> None:
        made.append(_)

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_start.append(making)
    tracing.freeze()
    house = chat_on_socket.house
    bot = Bot(house.hub, house.clock)
    async with bot.kept(), bot.running():
        assert bot.client.session is not None
        bot.client.session.trace_configs.append(tracing)
        for _ in range(10):
            await bot.client.api_test()
        # The bot's own look at the start may hold one meanwhile.
        assert len(made) <= 2
        chat_on_socket.slack.faults.next_calls("api.test", Drop())
        with pytest.raises(aiohttp.ClientError):
            await bot.client.api_test()
        assert (await bot.client.api_test())["ok"]
    assert bot.client.session.closed


async def test_killed_between_post_and_report_it_comes_once(sqlite_template: Path, tmp_path: Path) -> None:
    """A hub that dies after Slack took the message and before it knew: the next one finds it and posts no other."""
    url = copy_of(sqlite_template, tmp_path)
    async with standing_in() as slack:
        given = slack_settings(slack, "socket")
        async with open_house(url, tmp_path, **{**given, "slack_bot_token": ""}) as house:
            chat = Chat(house, slack)
            member = await house.people.member()
            await chat.link(member, "UTARO")
            token = await chat.asked_for_code(member)
        slack.faults.all_calls("chat.postMessage", Hang("after"))
        variables = {f"TEGATA_{name.upper()}": value for name, value in given.items()}
        async with serving(settings_for(url, tmp_path), smtp_port=free_port(), **variables) as child:
            await slack.until(lambda: next(iter(chat.codes()), None), timeout=20)
            await child.kill()
        slack.faults.mend()
        async with open_house(url, tmp_path, **given) as house:
            house.clock.later(seconds=70)
            await settled()
            chat = Chat(house, slack)
            assert len(chat.codes()) == 1
            row = await _code_row()
            assert (row.attempts, row.reply) == (2, "posted before")
            house.sync()
            message = chat.codes()[0]
            await password_login.answer(house.hub, house.people.visit(), token, code_in(message))
            await slack.next_update(message)
            assert chat.codes() == []


async def test_sockets_that_are_dropped_lose_no_code(chat_on_socket: Chat) -> None:
    """The socket cut every 300 ms while codes and commands come: each code once, each command answered once."""
    chat = chat_on_socket
    members = [await chat.linked(), await chat.linked("hanako", "UHANAKO")]
    ended = asyncio.Event()

    async def cut() -> None:
        while not ended.is_set():
            await chat.slack.sockets.drop()
            await asyncio.sleep(0.3)

    cutting = asyncio.create_task(cut())
    commands = []
    for _ in range(4):
        commands.append(asyncio.create_task(chat.slack.slash("UTARO", "/tegata", "help")))
        for member in members:
            await chat.asked_for_code(member)
        await settled()
        chat.house.clock.later(minutes=11)
        await asyncio.sleep(0.3)
    ended.set()
    await cutting
    await asyncio.gather(*commands)
    posted = [one for user in ("UTARO", "UHANAKO") for one in chat.slack.messages(user) if one.metadata]
    names = [str(one.metadata) for one in posted]
    assert len(names) == len(set(names)) == 2 + 8
    await chat.slack.until(lambda: [one for one in chat.slack.ephemerals("UTARO") if "/tegata link" in one.text][3:])
    await asyncio.sleep(0.3)
    assert len([one for one in chat.slack.ephemerals("UTARO") if "/tegata link" in one.text]) == 4


async def test_an_announced_end_of_the_socket_is_followed_by_another(chat_on_socket: Chat) -> None:
    """Slack says `disconnect` every few hours: a new socket is open in a moment, and commands go on."""
    chat = chat_on_socket
    await chat.slack.sockets.announce(grace=0.2)
    assert (await chat.slack.slash("UTARO", "/tegata", "help")).is_acknowledged
    assert len(chat.slack.sockets.ready) == 1


async def test_the_same_envelope_three_times_has_one_effect(chat: Chat) -> None:
    """Commands, buttons and events that Slack brings again change nothing more and are acknowledged all the same."""
    member = await chat.linked()
    first = await chat.slack.slash("UTARO", "/tegata", "unlink")
    told = await chat.slack.next_ephemeral("UTARO")
    for _ in range(2):
        assert (await chat.slack.again(first.envelope)).is_acknowledged
    await chat.link(member, "UTARO")
    assert (await chat.slack.again(first.envelope)).is_acknowledged
    await asyncio.sleep(0.3)
    assert await Contact.filter(account_id=member.account.id, channel="slack").count() == 1
    assert [one.ts for one in chat.slack.ephemerals("UTARO")] == [told.ts]


@asynccontextmanager
async def _second_bot(chat: Chat) -> AsyncIterator[None]:
    bot = Bot(chat.house.hub, chat.house.clock)
    async with bot.kept(), bot.running():
        yield


async def test_two_bots_hear_each_envelope_once(database_url: str, tmp_path: Path) -> None:
    """With two sockets open, whichever an envelope or its repetition comes by, it is done once; so is each delivery."""
    async with open_chat(database_url, tmp_path) as chat, _second_bot(chat):
        await chat.slack.connected(2)
        members = [await chat.linked(), await chat.linked("hanako", "UHANAKO")]
        told = await asyncio.gather(*(chat.slack.slash("UGUEST", "/tegata", "help") for _ in range(10)))
        again = [one.envelope for one in told for _ in range(2)]
        await asyncio.gather(*(chat.slack.again(one) for one in again))
        await asyncio.gather(*(chat.asked_for_code(member) for member in members))
        await settled()
        await asyncio.sleep(0.5)
        assert len(chat.slack.ephemerals("UGUEST")) == 10
        assert [len(chat.codes(user)) for user in ("UTARO", "UHANAKO")] == [1, 1]
        assert all(one.carried for one in chat.slack.sockets.open)


async def test_two_bot_processes_share_the_work(postgres: str, tmp_path: Path) -> None:
    """Two of `tegata serve bot` on PostgreSQL: each envelope is done by one of them, each code posted once."""
    import os

    from tests.support.databases import execute

    name = f"test_bots_{os.getpid()}"
    await execute(postgres.format("postgres"), f'CREATE DATABASE "{name}" TEMPLATE template')
    url = postgres.format(name)
    async with standing_in() as slack:
        given = slack_settings(slack, "socket")
        async with open_house(url, tmp_path, doors=("web",), **given) as house, _bots(url, tmp_path, slack):
            chat = Chat(house, slack)
            members = [await chat.linked(), await chat.linked("hanako", "UHANAKO")]
            told = await asyncio.gather(*(slack.slash("UTARO", "/tegata", "link") for _ in range(4)))
            await asyncio.gather(*(slack.again(one.envelope) for one in told for _ in range(2)))
            await asyncio.gather(*(chat.asked_for_code(member) for member in members))
            await settled()
            await slack.until(lambda: slack.ephemerals("UTARO")[3:] or None)
            await asyncio.sleep(0.5)
            assert len(slack.ephemerals("UTARO")) == 4
            assert not await SlackLink.filter(used_at=None).exists()
            assert [len(chat.codes(user)) for user in ("UTARO", "UHANAKO")] == [1, 1]
            assert len(slack.sockets.open) == 2
            assert all(one.carried for one in slack.sockets.open)


@asynccontextmanager
async def _bots(url: str, folder: Path, slack: StandIn) -> AsyncIterator[None]:
    variables = {f"TEGATA_{name.upper()}": value for name, value in slack_settings(slack, "socket").items()}
    async with (
        serving(settings_for(url, folder), smtp_port=1, doors=("bot",), **variables),
        serving(settings_for(url, folder), smtp_port=1, doors=("bot",), **variables),
    ):
        await slack.connected(2, timeout=20)
        yield
