"""No act of a member in Slack ends in silence, whatever Slack answers to what should have shown something."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from bot.handlers.direct_messages import is_a_persons
from bot.handlers.slash_commands import COMMANDS, lane_of
from bot.health import POST, SCOPES, WHO_WE_ARE, Health
from bot.rendering.slack_text import folded, is_code
from bot.replies.failure_text import sentence_of
from bot.slack_errors import HeldError, Meaning, meaning_of
from bot.task_limiter import Lane
from demo.slack.faults import Break, Fault, Limit, Refuse, Slow
from demo.slack.workspace import Message
from models.session import Session
from tests.support.slack_hub import Chat, code_in, shown_in


async def _answer(chat: Chat, text: str, *, user: str = "UTARO") -> Message:
    """Type a command; gives the answer, shown to this person or written in the direct message."""
    shown, said = _count(chat, user)
    await chat.slack.slash(user, "/tegata", text)
    return await chat.slack.until(lambda: _after(chat, user, shown, said))


def _count(chat: Chat, user: str) -> tuple[int, int]:
    return len(chat.slack.ephemerals(user)), len(chat.slack.messages(user))


def _after(chat: Chat, user: str, shown: int, said: int) -> Message | None:
    return next(iter([*chat.slack.ephemerals(user)[shown:], *chat.slack.messages(user)[said:]]), None)


def _counted(listener: str, outcome: str) -> float:
    labels = {"listener": listener, "outcome": outcome}
    return REGISTRY.get_sample_value("tegata_slack_heard_total", labels) or 0


async def test_a_window_that_slack_does_not_open_is_told_of(chat_on_socket: Chat) -> None:
    """A spent or refused trigger: a sentence beside the message, by direct message where there is no other way."""
    chat = chat_on_socket
    await chat.linked()
    for error in ("expired_trigger_id", "invalid_trigger_id"):
        chat.slack.faults.next_calls("views.open", Refuse(error))
        assert "again" in (await _answer(chat, "add")).text
    await chat.slack.open_home("UTARO")
    home = await chat.slack.next_home("UTARO")
    chat.slack.faults.next_calls("views.open", Refuse("expired_trigger_id"))
    shown, said = _count(chat, "UTARO")
    await chat.slack.press("UTARO", home.id, "add")
    assert "again" in (await chat.slack.until(lambda: _after(chat, "UTARO", shown, said))).text


@pytest.mark.parametrize(
    ("fault", "words"), [(Refuse("missing_scope"), "help desk"), (Limit(10), "10 seconds"), (Break(503), "moment")]
)
async def test_a_link_is_answered_though_slack_does_not_tell_who_asks(
    chat_on_socket: Chat, fault: Fault, words: str
) -> None:
    """A refusal for want of a scope is an alarm as well, until the method goes well."""
    chat = chat_on_socket
    chat.slack.faults.all_calls("users.info", fault)
    assert words in (await _answer(chat, "link")).text
    if fault == Refuse("missing_scope"):
        assert REGISTRY.get_sample_value("tegata_slack_stopped") == 1
        chat.slack.faults.mend()
        assert "/slack/link/" in (await _answer(chat, "link")).text
        assert REGISTRY.get_sample_value("tegata_slack_stopped") == 0


@pytest.mark.parametrize("fault", [Break(500), Break(404), Slow(8)], ids=["broken", "used", "slow"])
async def test_an_answer_that_slack_does_not_take_comes_another_way(chat_on_socket: Chat, fault: Fault) -> None:
    """Once broken it is sent again; refused or slow, it is shown by another method. What was done is told."""
    chat = chat_on_socket
    member = await chat.linked()
    before = _counted("/tegata", "refused")
    chat.slack.faults.next_calls("response_url", fault)
    assert "Everything was ended" in (await _answer(chat, "lock")).text
    assert not await Session.filter(account_id=member.account.id, ended_at=None).exists()
    if fault != Break(500):
        async with asyncio.timeout(5):
            while _counted("/tegata", "refused") == before:
                await asyncio.sleep(0.02)


async def test_what_is_typed_to_the_bot_itself_is_answered(chat: Chat) -> None:
    """Words count as behind the command, all else gets the help; a code is never repeated; windows have a button."""
    await chat.linked()
    for typed, words in (
        ("123456", "login page"),
        ("１２３ ４５６", "login page"),
        ("good morning", "/tegata list"),
        ("list", "Your contacts"),
        ("tegata ＬＩＳＴ", "Your contacts"),
        ("add taro@example.test", "press the button"),
    ):
        after = chat.slack.messages("UTARO")[-1].ts
        await chat.slack.say("UTARO", typed)
        answer = await chat.slack.next_message("UTARO", after=after)
        assert words in shown_in(answer), typed
        assert "123" not in shown_in(answer)
    await chat.slack.press("UTARO", answer.ts, "add")
    assert "taro@example.test" in str((await chat.slack.next_view("UTARO")).content)
    number = len(chat.slack.messages("UTARO"))
    await asyncio.sleep(0.3)
    assert len(chat.slack.messages("UTARO")) == number


_SAID = {"channel_type": "im", "user": "UTARO", "text": "help"}


@pytest.mark.parametrize(
    ("more", "is_a_person"),
    [
        ({}, True),
        ({"subtype": "file_share"}, True),
        ({"subtype": "me_message"}, True),
        ({"subtype": "thread_broadcast", "thread_ts": "1.0"}, True),
        ({"thread_ts": "1.0"}, True),
        ({"edited": {"user": "UTARO", "ts": "1.0"}}, True),
        ({"subtype": "message_changed"}, False),
        ({"subtype": "message_deleted"}, False),
        ({"subtype": "message_replied"}, False),
        ({"subtype": "tombstone"}, False),
        ({"subtype": "bot_message", "user": None}, False),
        ({"channel_type": "mpim"}, False),
        ({"bot_id": "B1"}, False),
        ({"channel_type": "channel"}, False),
        ({"user": "USLACKBOT"}, False),
        ({"hidden": True}, False),
    ],
)
def test_only_what_a_person_wrote_is_answered(more: dict[str, object], is_a_person: bool) -> None:
    """The bot's own messages, other bots', edits and other channels are left alone."""
    assert is_a_persons({**_SAID, **more}) is is_a_person


@pytest.mark.parametrize("fault", [Refuse("edit_window_closed"), Limit(30)])
async def test_this_was_not_me_is_said_when_the_message_cant_be_rewritten(chat_on_socket: Chat, fault: Fault) -> None:
    """The linking is undone, and a sentence says so."""
    chat = chat_on_socket
    member = await chat.house.people.member()
    await chat.link(member, "UTARO")
    greeting = await chat.slack.next_message("UTARO")
    chat.slack.faults.all_calls("chat.update", fault)
    await chat.slack.press("UTARO", greeting.ts, "not-me")
    assert "not you" in (await chat.slack.next_ephemeral("UTARO")).text


async def test_the_librarys_own_words_reach_no_member(chat_on_socket: Chat) -> None:
    """Slack does not say whose app this is: commands that need nothing of it are answered, in our words."""
    chat = chat_on_socket
    chat.slack.faults.all_calls("auth.test", Limit(30))
    answer = await _answer(chat, "help")
    assert "/tegata list" in answer.text


async def test_slow_answers_keep_nobodys_window_waiting(chat_on_socket: Chat) -> None:
    """Twenty answers that Slack takes slowly; a window that somebody asks for then opens at once."""
    chat = chat_on_socket
    await chat.linked()
    chat.slack.faults.all_calls("response_url", Slow(2))
    await asyncio.gather(*(chat.slack.slash("UHANAKO", "/tegata", "help") for _ in range(20)))
    await chat.slack.slash("UTARO", "/tegata", "add")
    await chat.slack.next_view("UTARO", timeout=1.5)


@pytest.mark.parametrize("error", ["invalid_blocks", "channel_is_limited_access"])
async def test_a_message_that_slack_never_takes_fails_at_once(chat_on_socket: Chat, error: str) -> None:
    """One refused message suspends no contact and is no alarm; the page offers another way."""
    chat = chat_on_socket
    member = await chat.linked()
    chat.slack.faults.next_calls("chat.postMessage", Refuse(error))
    await chat.asked_for_code(member)
    await chat.called("chat.postMessage", times=2)
    await asyncio.sleep(0.2)
    from models.contact import Contact
    from models.delivery import Delivery

    row = await Delivery.filter(letter="code").get()
    assert (row.reply, row.failed_at is not None) == (error, True)
    assert (await Contact.get(id=member.contacts["Slack"])).suspended_at is None
    assert not chat.codes()


async def test_a_refused_method_stays_refused_until_it_goes_well(chat_on_socket: Chat) -> None:
    """While Slack knows the app and refuses its messages, nothing is posted again and again, and the page tells."""
    chat = chat_on_socket
    member = await chat.linked()
    posts = sum(one.method == POST for one in chat.slack.calls)
    chat.slack.faults.all_calls(POST, Refuse("messages_tab_disabled"))
    await chat.asked_for_code(member)
    await chat.called(POST, times=posts + 1)
    await asyncio.sleep(4)
    assert sum(one.method == POST for one in chat.slack.calls) == posts + 1
    assert REGISTRY.get_sample_value("tegata_slack_stopped") == 1
    chat.house.clock.later(seconds=31)
    async with chat.house.person() as person:
        from tests.support.journeys import enter_password

        await enter_password(person, member)
        await person.press("OK", way=f"contact:{member.contacts['Slack']}")
        for _ in range(50):
            if "does not let the hub post" in person.text:
                break
            await asyncio.sleep(0.1)
            await person.open("/login/code")
        assert "does not let the hub post" in person.text


async def test_a_code_is_posted_without_opening_a_conversation_first(chat_on_socket: Chat) -> None:
    """After a restart nothing is remembered, so the first post of each member must cost one call."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.asked_for_code(member)
    assert code_in(await chat.next_code())
    assert not [one for one in chat.slack.calls if one.method == "conversations.open"]


def test_a_refusal_is_cleared_by_its_own_method_alone() -> None:
    """Slack knowing the app does not make up for a method that it refuses; unknown errors are seen as well."""
    health = Health()
    health.refused("users.info", "missing_scope", "users:read")
    health.went_well(WHO_WE_ARE)
    assert health.trouble == "Slack refuses users.info: missing_scope (users:read)"
    assert not health.stops_posting
    health.refused(POST, "token_revoked")
    assert health.stops_posting == "token_revoked"
    assert health.went_well(POST)
    health.went_well("users.info")
    assert health.trouble == ""
    health.refused(POST, "brand_new_error")
    assert "brand_new_error" in health.trouble
    health.went_well(POST)
    health.refused(POST, "team_added_to_org")
    assert "for now" in health.trouble
    health.went_well(POST)
    health.refused(POST, "team_access_not_granted")
    assert health.trouble == ""
    health.granted([scope for scope in SCOPES if scope != "im:history"])
    assert health.trouble == "the app lacks the scope im:history"
    health.granted(SCOPES)
    assert health.trouble == ""


@pytest.mark.parametrize(
    ("meaning", "errors"),
    [
        (Meaning.APP, "messages_tab_disabled app_access_restricted enterprise_is_restricted restricted_action"),
        (Meaning.MESSAGE, "invalid_blocks channel_is_limited_access metadata_must_be_sent_from_app is_inactive"),
        (Meaning.MESSAGE, "block_mismatch edit_window_closed invalid_metadata_schema restricted_action_thread_locked"),
        (Meaning.CONTACT, "team_access_not_granted user_disabled user_not_visible"),
        (Meaning.PASSING, "team_added_to_org org_login_required"),
        (Meaning.TRIGGER, "expired_trigger_id exchanged_trigger_id invalid_trigger_id"),
        (Meaning.LATER, "internal_error service_unavailable request_timeout ratelimited"),
    ],
)
def test_every_documented_error_has_a_meaning_of_its_scope(meaning: Meaning, errors: str) -> None:
    """The app, one message, one member, the moment, or later."""
    assert {meaning_of(error) for error in errors.split()} == {meaning}


@pytest.mark.parametrize("text", ["123456", "１２３４５６", "123 456", "123-456", "my code is 482913", "123456。"])
def test_a_code_is_known_however_it_is_written(text: str) -> None:
    """Six digits, in either width, divided or not, alone or in a sentence."""
    assert is_code(text)


@pytest.mark.parametrize("text", ["", "12345", "1234567", "help", "2026-11"])
def test_other_numbers_are_no_codes(text: str) -> None:
    """Fewer or more digits are something else."""
    assert not is_code(text)


def test_what_may_open_a_window_waits_for_nobody() -> None:
    """By whatever word it is asked for."""
    assert {lane_of(text) for text in ("add", "追加 x", "confirm", "確認", "ＡＤＤ")} == {Lane.NOW}
    assert {lane_of(text) for text in ("", "help", "list", "link")} == {Lane.ANSWER}
    assert folded("ｌｉｎｋ") in COMMANDS


def test_an_apology_says_what_can_be_done() -> None:
    """Also for what is no answer of Slack's."""
    from datetime import timedelta

    assert "try again" in sentence_of(ValueError(), "en")
    assert "10" in sentence_of(HeldError(timedelta(seconds=10)), "en")
