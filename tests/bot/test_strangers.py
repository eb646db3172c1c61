"""Presses and payloads that the bot's own messages and members do not bring about."""

import asyncio
from typing import Any

from bot.dispatch import _text
from demo.slack import payloads
from demo.slack.sending import Kind
from demo.slack.views import element_of
from demo.slack.workspace import Message
from hub.domain.outcomes import Reason, Refused
from hub.login import approvals
from hub.recovery import disavow
from models.delivery import Delivery
from models.kinds import Channel
from tests.support.factory import People
from tests.support.slack_hub import Chat, shown_in


async def test_a_button_of_no_message_of_ours_finds_nothing(people: People) -> None:
    """Whatever its value is, nothing goes wrong."""
    for value in ("", " ", "-1", "9" * 30, "x" * 2000, "<@U1>"):
        assert await disavow.received(value, channel=Channel.SLACK, address="T/U", now=people.now) is None
        assert await approvals.opened("T/U", value, now=people.now) == Refused(Reason.NOT_FOUND)


def test_a_text_from_slack_has_no_sign_that_postgresql_refuses() -> None:
    """The others are left as they are."""
    assert _text("a\x00b <") == "ab <"
    assert _text(None) == ""


def _pressed(chat: Chat, message: Message) -> dict[str, Any]:
    """Write what Slack sends when UTARO presses "This was not me"."""
    user = chat.slack.workspace.user("UTARO")
    block, element = element_of(message.blocks, "not-me")
    action = payloads.acted(element, block["block_id"], None, ts="1.0")
    _, leave = chat.slack._leave(user, chat.slack.workspace.channels[message.channel], ts=message.ts)
    return payloads.pressed_in_message(chat.slack.workspace, user, message, action, leave)


async def test_a_press_from_another_workspace_ends_nothing(chat_on_socket: Chat) -> None:
    """A channel may be shared with another workspace, in which the same user id is another person."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.asked_for_code(member)
    told = _pressed(chat, await chat.next_code())
    told["user"]["team_id"] = "T77OTHER"
    await chat.slack.dispatch(Kind.INTERACTIVE, told)
    assert "expired or was already removed" in (await chat.slack.next_ephemeral("UTARO")).text
    assert (await Delivery.get(letter="code")).disowned_at is None


async def test_a_button_and_a_window_of_an_earlier_release_are_answered(chat_on_socket: Chat) -> None:
    """They are acknowledged, and a sentence says that they mean nothing any more."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.asked_for_code(member)
    told = _pressed(chat, await chat.next_code())
    told["actions"][0]["action_id"] = "of-an-earlier-release"
    assert (await chat.slack.dispatch(Kind.INTERACTIVE, told)).is_acknowledged
    assert "expired or was already removed" in (await chat.slack.next_ephemeral("UTARO")).text
    await chat.slack.slash("UTARO", "/tegata", "add")
    view = await chat.slack.next_view("UTARO")
    view.content["callback_id"] = "of-an-earlier-release"
    sent = await chat.slack.submit("UTARO", view.id, {"label": "home", "address": "taro@example.test"})
    assert "expired or was already removed" in str(sent.answer)


async def test_a_button_pressed_twice_at_once_is_done_once(chat_on_socket: Chat) -> None:
    """Two devices: one session's end, one message rewritten, and no apology."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.asked_for_code(member)
    message = await chat.next_code()
    await asyncio.gather(*(chat.slack.press("UTARO", message.ts, "not-me") for _ in range(2)))
    await chat.called("chat.update", times=2)
    assert "not you" in shown_in(message)
    assert not [one for one in chat.slack.ephemerals("UTARO") if "did not work" in one.text]
