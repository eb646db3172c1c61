"""What members type to the bot in its direct message: the words of `/tegata`, a denial, and help for all else."""

from collections.abc import Mapping
from dataclasses import replace

from bot.context import Desk, Heard
from bot.handlers import account, disavow, slash_commands
from bot.rendering.catalogue import Say, say
from bot.rendering.slack_text import folded, is_code, is_number, is_password, plain, shown
from bot.replies.responses import language_of, tell
from hub.inbound.answers.commands import command_of
from hub.inbound.mail_commands import Confirm, Refuse

# A message of a person's own: plain, with a file, in a thread, or with /me.
_SUBTYPES = {"", "file_share", "me_message", "thread_broadcast"}
_SLACKBOT = "USLACKBOT"
# Who answers in a chat does not write more.
_LONGEST = 4000


async def said(desk: Desk, heard: Heard) -> None:
    """Answer a message; the bot's own, other bots' and edits are left alone."""
    if not is_a_persons(heard.event):
        return
    text = " ".join(plain(str(heard.event.get("text") or "")).split())
    called = slash_commands.without_name(text)
    word, _, _ = called.partition(" ")
    if (word or called != text) and folded(word) in slash_commands.COMMANDS:
        # As Slack escaped it: commands undo the escapes themselves.
        await slash_commands.run(desk, replace(heard, text=str(heard.event.get("text") or "")))
    else:
        await _answered(desk, heard, text[:_LONGEST])


async def _answered(desk: Desk, heard: Heard, text: str) -> None:
    """Answer what is no command: a denial is obeyed, what belongs elsewhere is led there, all else gets the help."""
    meant = command_of(shown(text))
    if isinstance(meant, Refuse):
        await disavow.typed(desk, heard)
        return
    sentence = _led(text, is_consent=isinstance(meant, Confirm))
    if sentence is None:
        await account.give_help(desk, heard)
        return
    language = await language_of(desk, heard)
    await tell(desk, heard, say(sentence, language), language=language)


def _led(text: str, *, is_consent: bool) -> Say | None:
    """PURE: choose the sentence that leads a member to where what they typed belongs; None where there is none."""
    if is_code(text):
        return Say.TYPE_THERE
    if is_password(text):
        return Say.NO_PASSWORD
    return Say.HOW_TO_APPROVE if is_consent or is_number(text) else None


def is_a_persons(event: Mapping[str, object]) -> bool:
    """PURE: tell whether a message was written by a person, in the direct message with the bot."""
    return (
        event.get("channel_type") == "im"
        and str(event.get("subtype") or "") in _SUBTYPES
        and not event.get("bot_id")
        and not event.get("hidden")
        and event.get("user") not in {None, "", _SLACKBOT}
    )
