"""What people typed in Slack, without its escapes; and the words of the bot, complete in both languages."""

import pytest

from bot.handlers import account
from bot.handlers.slash_commands import COMMANDS
from bot.rendering import outcome_text, views
from bot.rendering.slack_text import plain
from hub.domain.outcomes import Reason


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("add 自宅 <mailto:taro@example.org|taro@example.org>", "add 自宅 taro@example.org"),
        ("<mailto:taro@example.org|someone@else.org>", "taro@example.org"),
        ("<https://example.org/a?b=c|example.org>", "example.org"),
        ("<https://example.org>", "https://example.org"),
        ("<@U012|taro> x", "taro x"),
        ("<#C012|general>", "general"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt;", "&lt;"),
        ("&copy;", "&copy;"),
        ("&lt;mailto:a@b.c|d&gt;", "<mailto:a@b.c|d>"),
        ("  482 913 ", "482 913"),
        ("", ""),
        ("<", "<"),
    ],
)
def test_escapes_are_undone(sent: str, typed: str) -> None:
    """Each once, and what was typed as a bracket is no link."""
    assert plain(sent) == typed


@pytest.mark.parametrize("words", [account._WORDS, views._WORDS, outcome_text._REASONS])
def test_every_word_of_the_bot_is_there_in_both_languages(words: dict[str, dict[str, str]]) -> None:
    """The same keys, none empty, no Japanese that is English."""
    assert words["en"].keys() == words["ja"].keys()
    assert all(words[language].values() for language in words)
    same = {key for key in words["en"] if words["en"][key] == words["ja"][key]}
    assert same <= {"slack", "ok"}


def test_every_reason_that_slack_can_meet_has_its_sentence() -> None:
    """What is missing is told as "nothing like that here", which is true of it."""
    told = set(outcome_text._REASONS["en"])
    elsewhere = {
        Reason.CELLS_MISSING,
        Reason.CELLS_TOO_MANY,
        Reason.CLOCK_OFF,
        Reason.CODE_USED,
        Reason.PASSWORD_WRONG,
        Reason.PASSWORD_MISSING,
        Reason.NOTHING_BOUND,
        Reason.LOGIN_OVER,
        Reason.NOT_OFFERED,
        Reason.NOT_APPROVED,
        Reason.STEP_UP_NEEDED,
        Reason.MATRIX_OFF_CAMPUS,
        Reason.NOT_FOUND,
        Reason.LAST_WAY,
        Reason.LINK_OVER,
        Reason.LINKED_ALREADY,
        Reason.LOGIN_OLDER,
        Reason.CARD_NEEDED,
        Reason.KIOSK_TAKEN,
        Reason.PASSWORD_BAD,
        Reason.PASSWORDS_DIFFER,
    }
    assert told | elsewhere == set(Reason)
    assert not told & elsewhere


def test_every_word_has_its_japanese() -> None:
    """Each work has an English and a Japanese word."""
    for work in set(COMMANDS.values()):
        words = [word for word, does in COMMANDS.items() if does is work and word]
        assert any(word.isascii() for word in words)
        assert any(not word.isascii() for word in words)
