"""The App Home and the shortcut: the same state of the account, wherever somebody looks for it."""

import asyncio

from slack_sdk.errors import SlackApiError

from bot.context import Desk, Heard
from bot.rendering import views
from bot.rendering.outcome_text import refusal
from bot.replies.responses import head_of, language_of, publish, show
from bot.slack_errors import retry_after_of
from hub.inbound import chat_commands
from hub.inbound.chat_commands import State

_LONGEST_WAIT = 30.0


async def opened(desk: Desk, heard: Heard) -> None:
    """Show the App Home to the member who opened it; once more, when Slack was asked too often."""
    if heard.event.get("tab") != "home":
        return
    language = await language_of(desk, heard)
    state = await chat_commands.state(desk.hub, heard.member.address, now=desk.clock())
    try:
        await publish(desk, heard, state, language=language)
    except SlackApiError as error:
        wait = retry_after_of(error)
        if wait is None or wait.total_seconds() > _LONGEST_WAIT:
            raise
        await asyncio.sleep(wait.total_seconds())
        await publish(desk, heard, state, language=language)


async def shortcut(desk: Desk, heard: Heard) -> None:
    """Show the account in a modal, from wherever somebody is."""
    language = await language_of(desk, heard)
    state = await chat_commands.state(desk.hub, heard.member.address, now=desk.clock())
    if isinstance(state, State):
        shown = views.state_of(state, language, head_of(desk))
    else:
        shown = views.unlinked(refusal(state, language, desk.hub.settings.zone, now=desk.clock()), language)
    await show(desk, heard, views.window(desk.hub.settings.service_in(language), shown, language))
