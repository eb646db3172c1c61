"""How somebody is told what came of it: beside the message, on top of the modal, or in one of its own."""

from collections.abc import Sequence
from contextlib import suppress

from slack_sdk.errors import SlackApiError

from bot import linking, views
from bot.blocks import Block, Head, plain
from bot.desk import Desk, Heard, Surface
from bot.sentences import refusal
from hub import chat
from hub.chat import State
from hub.outcome import Refused, Throttled


def head_of(desk: Desk) -> Head:
    """Give what every message says of its sender."""
    return Head(desk.hub.settings.service_name, desk.hub.settings.zone)


async def language_of(desk: Desk, heard: Heard) -> str:
    """Tell the member's language: the account's own, or Slack's."""
    return await linking.language_of(desk, heard.member)


async def tell(desk: Desk, heard: Heard, sentence: str, blocks: Sequence[Block] = (), *, language: str) -> None:
    """Tell it to the one person who did it, and to nobody else in the channel."""
    match heard.surface:
        case Surface.MESSAGE:
            await heard.respond(sentence, blocks)
        case Surface.HOME | Surface.MODAL:
            shown = list(blocks) or [plain(sentence)]
            await show(desk, heard, views.window(desk.hub.settings.service_name, shown, language))


async def refuse(desk: Desk, heard: Heard, why: Refused | Throttled, *, language: str) -> None:
    """Say why something was not done."""
    await tell(desk, heard, refusal(why, language, desk.hub.settings.zone), language=language)


async def show(desk: Desk, heard: Heard, view: views.View) -> None:
    """Open a modal, on top of the one in which a button was pressed."""
    if heard.surface is Surface.MODAL and heard.view:
        await desk.client.views_push(trigger_id=heard.trigger, view=view)
        return
    await desk.client.views_open(trigger_id=heard.trigger, view=view)


async def refresh(desk: Desk, heard: Heard, *, language: str) -> None:
    """Show the account as it is now, in the App Home and in the modal that shows it."""
    state = await chat.state(desk.hub, heard.member.address, now=desk.clock())
    # Nobody's answer depends on it: a workspace may have switched the tab off, a modal may be closed.
    with suppress(SlackApiError):
        await desk.client.views_publish(user_id=heard.member.user, view=_home(desk, state, language))
    if heard.surface is Surface.MODAL and heard.view and isinstance(state, State):
        shown = views.state_of(state, language, head_of(desk))
        window = views.window(desk.hub.settings.service_name, shown, language)
        with suppress(SlackApiError):
            await desk.client.views_update(view_id=heard.view, view=window)


def _home(desk: Desk, state: State | Refused, language: str) -> views.View:
    if isinstance(state, Refused):
        return views.home_unlinked(language)
    return views.home(views.state_of(state, language, head_of(desk)))
