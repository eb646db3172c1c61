"""What members say to the bot in its direct message in words of their own: a denial is obeyed, all else is led on."""

import pytest

from bot.handlers.direct_messages import _led
from bot.handlers.slash_commands import COMMANDS, lane_of, without_name
from bot.rendering.catalogue import Say
from bot.rendering.slack_text import folded, shown
from bot.task_limiter import Lane
from demo.slack.workspace import Message
from hub.inbound.answers.commands import command_of
from hub.inbound.mail_commands import Confirm, Refuse
from models.contact import Contact
from models.login import Login
from tests.support.slack_hub import Chat, code_in, shown_in


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


_WRITTEN = ("help.", "ＨＥＬＰ！", "「ヘルプ」", "一覧。", "settings", "ログアウト", "リンク")
_COPIED = ("`list`", "*list*", "“list”", "list;", "\u200blist", "li\u200dst", "list\ufeff", "\u202elist", "\x00list")


@pytest.mark.parametrize("said", [*_WRITTEN, *_COPIED])
def test_a_command_word_is_known_with_signs_around_it(said: str) -> None:
    """As input methods and people end it; signs alone are no word."""
    assert folded(said) in COMMANDS
    assert folded("？") not in COMMANDS


@pytest.mark.parametrize("said", ["/tegata list", "`/tegata list`", "tegata  ＬＩＳＴ", "list"])
def test_a_command_is_known_with_its_name_before_it(said: str) -> None:
    """As it is copied from the help into a command."""
    assert folded(without_name(said)) == "list"
    assert lane_of("/tegata add") is Lane.NOW


@pytest.mark.parametrize("said", ["あ", "a", "1", " ", "a.", "(", "yes ", "はい、", "👎 "])
def test_a_very_long_text_is_read_at_once(said: str) -> None:
    """Slack and mail let through 100,000 signs; a pattern whose time grows with the square would take minutes."""
    command = command_of("maybe " + said * (100_000 // len(said)) + " x")
    assert command is None or (isinstance(command, Refuse) and said == "👎 ")


async def test_commands_are_known_as_people_copy_them(chat_on_socket: Chat) -> None:
    """In the direct message and behind the command; a long message gets the help and holds nothing up."""
    chat = chat_on_socket
    await chat.linked()
    for said in ("`/tegata list`", "/tegata \u200blist", "tegata 一覧"):
        assert "Your contacts" in (await _said(chat, said)).text
        shown = chat.slack.ephemerals("UTARO")
        await chat.slack.slash("UTARO", "/tegata", said)
        answer = await chat.slack.next_ephemeral("UTARO", after=shown[-1].ts if shown else "")
        assert "Your contacts" in answer.text, said
    assert "/tegata lock" in (await _said(chat, "あ" * 39_000)).text
    await chat.slack.slash("UTARO", "/tegata", "言語 ja\u200b")
    await chat.slack.until(lambda: "日本語" in chat.slack.ephemerals("UTARO")[-1].text or None)
