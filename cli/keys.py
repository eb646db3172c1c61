"""`tegata keys`: make the key ring, and add a key to it."""

from typing import TYPE_CHECKING

import typer

from cli import hubwork
from cli.accounts import shown_progress
from cli.console import counted, say

if TYPE_CHECKING:
    from hub.hub import Hub

app = typer.Typer(no_args_is_help=True, help="Make the key ring, and add a key to it.")


@app.command()
def init() -> None:
    """Make a new key ring, readable by you alone."""
    from hub import keyring

    path = hubwork.settings().keys_file
    hubwork.guarded(lambda: keyring.create(path, now=hubwork.now()))
    say(f"{path} was made. Back it up apart from the database: without it nobody can log in with a card or token.")


@app.command()
def rotate() -> None:
    """Add a key, and seal every secret with it; older keys stay for what was made with them."""
    from hub import keyring

    path = hubwork.settings().keys_file
    ring = hubwork.guarded(lambda: keyring.load(path).rotated(now=hubwork.now()))
    say(f"{path} has the new key {ring.current}; back the file up.")

    async def work(hub: "Hub") -> int:
        from hub import upkeep

        total = await upkeep.to_reseal(hub)
        with shown_progress("sealing", total) as advance:
            while done := await upkeep.reseal(hub, hubwork.now()):
                advance(done)
        return total

    say(f"{counted(hubwork.in_hub(work), 'secret')} sealed with it. Running hubs take it up by themselves.")
