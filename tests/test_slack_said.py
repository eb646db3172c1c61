"""What members say to the bot in its direct message in words of their own: a denial is obeyed, all else is led on."""

import pytest

from bot.commands import COMMANDS, folded
from bot.direct import _led
from bot.typed import shown
from bot.words import Say
from demo.slack.workspace import Message
from hub.answers.commands import command_of
from hub.replies import Confirm, Refuse
from models.contact import Contact
from models.login import Login
from tests.chat import Chat, code_in, shown_in


async def _said(chat: Chat, text: str) -> Message:
    """Say something to the bot; gives its answer."""
    await chat.slack.say("UTARO", text)
    mine = chat.slack.messages("UTARO")[-1].ts
    return await chat.slack.next_message("UTARO", after=mine)


async def test_a_denial_in_words_ends_the_login_of_the_last_message(chat_on_socket: Chat) -> None:
    """It is said, and the code leaves the message; a second denial changes nothing more."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.asked_for_code(member)
    code = await chat.next_code()
    assert "not you" in (await _said(chat, "え、それ私じゃないです")).text
    assert await Login.filter(account_id=member.account.id, ended_at__isnull=False).exists()
    await chat.slack.until(lambda: None if code_in(chat.slack.message("UTARO", code.ts)) else True)
    assert await Contact.exists(id=member.contacts["Slack"])
    assert not await Login.filter(account_id=member.account.id, ended_at=None).exists()
    assert "not you" in (await _said(chat, ":-1:")).text


async def test_a_denial_in_a_thread_is_about_the_threads_message(chat_on_socket: Chat) -> None:
    """The linking that it announces is undone though a code came after it, and hours later."""
    chat = chat_on_socket
    member = await chat.house.people.member()
    await chat.link(member, "UTARO")
    greeting = await chat.slack.next_message("UTARO")
    chat.house.clock.later(hours=2)
    chat.house.sync()
    await chat.asked_for_code(member)
    after = (await chat.next_code()).ts
    said = {"type": "message", "channel_type": "im", "user": "UTARO", "channel": greeting.channel, "text": "知りません"}
    await chat.slack.event({**said, "team": chat.slack.workspace.id, "ts": f"{after}1", "thread_ts": greeting.ts})
    assert "not you" in (await chat.slack.next_message("UTARO", after=after)).text
    assert not await Contact.filter(id=member.contacts["Slack"], suspended_at=None).exists()


async def test_a_yes_digits_and_a_password_approve_nothing_and_are_led_on(chat_on_socket: Chat) -> None:
    """A denial without a recent message says how to deny; a denial beside a code is a denial."""
    chat = chat_on_socket
    await chat.linked()
    assert "press *Approve*" in (await _said(chat, "はい、私です")).text
    assert "Never send your password" in (await _said(chat, "my password is hunter2")).text
    assert "Your account" in shown_in(await _said(chat, "設定。"))
    chat.house.clock.later(hours=2)
    chat.house.sync()
    assert "Nothing was ended" in (await _said(chat, "not me, and what is 123456?")).text


@pytest.mark.parametrize(
    "said",
    [
        "not me",
        "This wasn't me",
        "no",
        "止めて",
        "身に覚えがない",
        "deny",
        ":-1:",
        ":no_good::skin-tone-2:",
        ":x:",
        "知らんがな",
    ],
)
def test_a_denial_in_a_chat_is_read_as_in_mail(said: str) -> None:
    """Slack's names of signs, too."""
    assert folded(said) not in COMMANDS or COMMANDS[folded(said)].__name__ == "lock"
    assert command_of(shown(said)) == Refuse()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("123456", Say.TYPE_THERE),
        ("コードは１２３４５６です", Say.TYPE_THERE),
        ("42", Say.HOW_TO_APPROVE),
        ("０７", Say.HOW_TO_APPROVE),
        ("yes", Say.HOW_TO_APPROVE),
        ("はい", Say.HOW_TO_APPROVE),
        ("Approve!", Say.HOW_TO_APPROVE),
        ("承認", Say.HOW_TO_APPROVE),
        ("Yes, it was me", Say.HOW_TO_APPROVE),
        ("my password is hunter2", Say.NO_PASSWORD),
        ("パスワードは hunter2 です", Say.NO_PASSWORD),
        ("password: hunter2", Say.NO_PASSWORD),
        ("hello", None),
        ("くそ", None),
        ("thanks :+1:", None),
        ("pinned: 3", None),
        ("2026", None),
    ],
)
def test_what_belongs_elsewhere_is_led_there(said: str, sentence: Say | None) -> None:
    """All else gets the help."""
    assert _led(said, is_consent=isinstance(command_of(shown(said)), Confirm)) is sentence


@pytest.mark.parametrize("said", ["help.", "ＨＥＬＰ！", "「ヘルプ」", "一覧。", "settings", "ログアウト", "リンク"])
def test_a_command_word_is_known_with_signs_around_it(said: str) -> None:
    """As input methods and people end it; signs alone are no word."""
    assert folded(said) in COMMANDS
    assert folded("？") not in COMMANDS
