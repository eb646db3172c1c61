"""The button "This was not me" under a message, and the same said in words."""

from datetime import timedelta
from typing import assert_never

import structlog
from slack_sdk.errors import SlackApiError

from bot.context import Desk, Heard, Place, place_of
from bot.rendering import messages
from bot.rendering.catalogue import Say, say
from bot.rendering.messages import Message
from bot.replies import responses
from bot.replies.reply_routes import UNREACHED
from bot.slack_errors import error_of
from hub.domain.outcomes import Refused
from hub.outbox import redaction
from hub.recovery import disavow
from hub.recovery.disavow import Disowned, Received
from models.kinds import Channel

_LATER = timedelta(seconds=5)
_log = structlog.get_logger(__name__)


async def pressed(desk: Desk, heard: Heard) -> None:
    """End what the message announced, if it was written to the member who pressed; the message says what happened."""
    letter = await disavow.received(heard.value, channel=Channel.SLACK, address=heard.member.address, now=desk.clock())
    if letter is None:
        await heard.respond(say(Say.GONE, await responses.language_of(desk, heard)))
        return
    await _end(desk, heard, letter, heard.place)


async def typed(desk: Desk, heard: Heard) -> None:
    """End what a message announced that a member denies in words: the one of the thread, or the last one."""
    thread = str(heard.event.get("thread_ts") or "")
    remote = f"{heard.event.get('channel')}/{thread}" if thread else ""
    letter = await disavow.latest(
        channel=Channel.SLACK, address=heard.member.address, now=desk.clock(), remote=remote
    ) or await disavow.latest(channel=Channel.SLACK, address=heard.member.address, now=desk.clock())
    if letter is None:
        language = await responses.language_of(desk, heard)
        await responses.tell(desk, heard, say(Say.HOW_TO_DENY, language), language=language)
        return
    await _end(desk, heard, letter, place_of(letter.remote), is_typed=True)


async def _end(desk: Desk, heard: Heard, letter: Received, place: Place | None, *, is_typed: bool = False) -> None:
    outcome = await disavow.disown(desk.hub, desk.visit(letter.language), letter.id)
    match outcome:
        case Disowned():
            message = messages.disowned(
                outcome.codes_from, letter.language, desk.hub.settings.zone, is_desk_told=outcome.is_desk_told
            )
            is_rewritten = place is not None and await _rewritten(desk, place, message)
            if not is_rewritten:
                # The message itself is rewritten as those of ended codes are.
                await redaction.put_off(letter.id, until=desk.clock() + _LATER)
            if is_typed or not is_rewritten:
                # It is done, so it must be said.
                await heard.respond(message.text)
        case Refused():
            await heard.respond(say(Say.GONE, letter.language))
        case _:
            assert_never(outcome)


async def _rewritten(desk: Desk, place: Place, message: Message) -> bool:
    try:
        await desk.client.chat_update(channel=place.channel, ts=place.stamp, text=message.text, blocks=message.blocks)
    except SlackApiError as error:
        _log.warning("slack.not_rewritten", error=error_of(error))
        return False
    except UNREACHED as error:
        _log.warning("slack.not_rewritten", error=type(error).__name__)
        return False
    return True
