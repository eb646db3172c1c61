"""The button "This was not me" under a message."""

from typing import assert_never

from bot import blocks, linking
from bot.desk import Desk, Heard
from bot.words import Say, say
from hub import not_me
from hub.not_me import Disowned
from hub.outcome import Refused
from models.kinds import Channel


async def pressed(desk: Desk, heard: Heard) -> None:
    """End what the message told of, if it was written to whoever pressed; the message says what happened."""
    letter = await not_me.received(heard.value, channel=Channel.SLACK, address=heard.member.address, now=desk.clock())
    if letter is None:
        await heard.respond(say(Say.GONE, await linking.language_of(desk, heard.member)))
        return
    outcome = await not_me.disown(desk.hub, desk.visit(letter.language), letter.id)
    match outcome:
        case Disowned():
            message = blocks.disowned(outcome.codes_from, letter.language, desk.hub.settings.zone)
            if heard.place is not None:
                await desk.client.chat_update(
                    channel=heard.place.channel, ts=heard.place.stamp, text=message.text, blocks=message.blocks
                )
        case Refused():
            await heard.respond(say(Say.GONE, letter.language))
        case _:
            assert_never(outcome)
