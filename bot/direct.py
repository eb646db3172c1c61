"""What members type to the bot in its direct message: the same words as after `/tegata`, and help for all else."""

from collections.abc import Mapping
from dataclasses import replace

from bot import asking, commands
from bot.desk import Desk, Heard
from bot.telling import language_of, tell
from bot.typed import is_code, plain
from bot.words import Say, say

# A message of a person's own: plain, with a file, in a thread, or with /me.
_SUBTYPES = {"", "file_share", "me_message", "thread_broadcast"}
_SLACKBOT = "USLACKBOT"
_PREFIXES = ("/tegata", "tegata")


async def said(desk: Desk, heard: Heard) -> None:
    """Answer a message; the bot's own, other bots' and edits are left alone."""
    if not is_a_persons(heard.event):
        return
    text = " ".join(plain(str(heard.event.get("text") or "")).split())
    word, _, rest = text.partition(" ")
    is_called = commands.folded(word) in _PREFIXES
    if is_called:
        word, _, _ = rest.partition(" ")
    if (is_called or word) and commands.folded(word) in commands.COMMANDS:
        await commands.run(desk, replace(heard, text=_behind(heard, is_called=is_called)))
    elif is_code(text):
        language = await language_of(desk, heard)
        await tell(desk, heard, say(Say.TYPE_THERE, language), language=language)
    else:
        await asking.give_help(desk, heard)


def is_a_persons(event: Mapping[str, object]) -> bool:
    """PURE: tell whether a message was written by a person, in the direct message with the bot."""
    return (
        event.get("channel_type") == "im"
        and str(event.get("subtype") or "") in _SUBTYPES
        and not event.get("bot_id")
        and not event.get("hidden")
        and event.get("user") not in {None, "", _SLACKBOT}
    )


def _behind(heard: Heard, *, is_called: bool) -> str:
    """Give the text as Slack escaped it, without the name of the command: commands undo the escapes themselves."""
    text = " ".join(str(heard.event.get("text") or "").split())
    return text.partition(" ")[2] if is_called else text
