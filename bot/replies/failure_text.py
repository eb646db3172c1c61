"""What a member is told when something could not be done: by what stood against it, in the member's language."""

import asyncio

from slack_sdk.errors import SlackApiError

from bot.context import Desk, Heard
from bot.rendering import views
from bot.rendering.catalogue import Say, say
from bot.replies import responses
from bot.slack_errors import Meaning, error_of, meaning_of, retry_after_of

_PATIENCE = 1.0
_LONG = 120


async def say_sorry(desk: Desk, heard: Heard, error: Exception, *, is_window: bool) -> None:
    """Say it in the window that was sent, else by whichever way is left."""
    language = await _language(desk, heard)
    sentence = sentence_of(error, language)
    if is_window:
        await heard.reply(views.instead(views.told(desk.hub.settings.service_in(language), sentence, language)))
        return
    await heard.respond(sentence)


def sentence_of(error: Exception, language: str) -> str:
    """PURE: write what a member can do about an error."""
    if not isinstance(error, SlackApiError):
        return say(Say.NOT_NOW, language)
    wait = retry_after_of(error)
    if wait is not None and wait.total_seconds() <= _LONG:
        return say(Say.BUSY, language, number=str(max(2, round(wait.total_seconds() + 0.5))))
    match meaning_of(error_of(error)):
        case Meaning.TRIGGER:
            return say(Say.AGAIN, language)
        case Meaning.APP | Meaning.UNKNOWN | Meaning.MESSAGE:
            return say(Say.ASK_DESK, language)
        case _:
            return say(Say.NOT_NOW, language)


def waiting(title: str, language: str) -> views.View:
    """PURE: write the window that stands until the outcome is there."""
    return views.told(title, say(Say.WORKING, language), language)


async def _language(desk: Desk, heard: Heard) -> str:
    """Tell the language as far as it is known at once: the apology must not wait for what failed."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await responses.language_of(desk, heard)
    except Exception:
        # What failed may be what tells the language.
        return desk.locales.known(heard.member.user) or "en"
