"""How somebody is told what came of it: beside the message, on top of the modal, or in one of its own."""

from collections.abc import Sequence
from contextlib import suppress

from slack_sdk.errors import SlackApiError

from bot.context import Desk, Heard, Surface
from bot.rendering import views
from bot.rendering.catalogue import Say, say
from bot.rendering.messages import Block, Head, plain
from bot.rendering.outcome_text import refusal
from bot.replies.reply_routes import UNREACHED
from hub.contacts import slack_linking
from hub.domain.outcomes import Refused, Throttled
from hub.inbound import chat_commands
from hub.inbound.chat_commands import State


def head_of(desk: Desk) -> Head:
    """Give what every message says of its sender."""
    return Head(desk.hub.settings.service_in, desk.hub.settings.zone)


async def language_of(desk: Desk, heard: Heard) -> str:
    """Tell the member's language: the account's own, or Slack's."""
    member = heard.member
    linked = await slack_linking.linked_to(member.address)
    if linked is not None and linked.language:
        return linked.language
    language = await desk.locales.of(member.user)
    if linked is not None and language:
        await slack_linking.remember(member.address, language=language)
    return language or "en"


async def tell(desk: Desk, heard: Heard, sentence: str, blocks: Sequence[Block] = (), *, language: str) -> None:
    """Tell it to the one person who did it, and to nobody else in the channel."""
    if heard.surface in {Surface.MESSAGE, Surface.DIRECT}:
        await heard.respond(sentence, blocks)
        return
    shown = list(blocks) or [plain(sentence)]
    try:
        await show(desk, heard, views.window(desk.hub.settings.service_in(language), shown, language))
    except (SlackApiError, *UNREACHED):
        # What was done is done: its sentence comes by the direct message when no window opens.
        await heard.respond(sentence, blocks)


async def refuse(desk: Desk, heard: Heard, why: Refused | Throttled, *, language: str) -> None:
    """Say why something was not done."""
    await tell(desk, heard, refusal(why, language, desk.hub.settings.zone, now=desk.clock()), language=language)


async def gone(desk: Desk, heard: Heard) -> None:
    """Tell that a button means nothing any more."""
    language = await language_of(desk, heard)
    await tell(desk, heard, say(Say.GONE, language), language=language)


async def window_gone(desk: Desk, heard: Heard) -> None:
    """Tell in a window that was sent that it means nothing any more."""
    language = await language_of(desk, heard)
    title = desk.hub.settings.service_in(language)
    await heard.reply(views.instead(views.told(title, say(Say.GONE, language), language)))


async def show(desk: Desk, heard: Heard, view: views.View) -> None:
    """Open a modal, on top of the one in which a button was pressed."""
    if heard.surface is Surface.MODAL and heard.view:
        await desk.client.views_push(trigger_id=heard.trigger, view=view)
        return
    await desk.client.views_open(trigger_id=heard.trigger, view=view)


async def refresh(desk: Desk, heard: Heard, *, language: str) -> None:
    """Show the account as it is now, in the modal that shows it and in the App Home, in the background."""
    state = await chat_commands.state(desk.hub, heard.member.address, now=desk.clock())
    # Nobody's answer depends on it: a workspace may have switched the tab off, a modal may be closed.
    if heard.surface is Surface.MODAL and heard.view and isinstance(state, State):
        shown = views.state_of(state, language, head_of(desk))
        window = views.window(desk.hub.settings.service_in(language), shown, language)
        with suppress(SlackApiError, *UNREACHED):
            await desk.client.views_update(view_id=heard.view, view=window)
    with suppress(SlackApiError, *UNREACHED):
        await publish(desk, heard, state, language=language)


async def publish(desk: Desk, heard: Heard, state: State | Refused, *, language: str) -> None:
    """Show the account in the App Home."""
    if isinstance(state, Refused):
        view = views.home_unlinked(refusal(state, language, desk.hub.settings.zone, now=desk.clock()), language)
    else:
        view = views.home(views.state_of(state, language, head_of(desk)))
    await desk.client.views_publish(user_id=heard.member.user, view=view)
