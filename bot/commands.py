"""What `/tegata` is followed by, and who does it."""

from bot import linking
from bot.desk import Desk, Heard, Work
from bot.words import Say, say

COMMANDS: dict[str, Work] = {
    "link": linking.link,
    "unlink": linking.unlink,
}


async def run(desk: Desk, heard: Heard) -> None:
    """Do what was asked; what is not known gets the help."""
    asked = heard.text.split(maxsplit=1)
    command = COMMANDS.get(asked[0].lower()) if asked else None
    if command is None:
        await heard.respond(say(Say.HELP, await linking.language_of(desk, heard.member)))
        return
    await command(desk, heard)
